/* keytop itself on a terminal: how it comes, stays quiet and goes. */
#include "tests/support/pty.h"
#include "tests/support/quiet.h"
#include "tests/support/sample.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *folder;
static char path[512];
static struct kt_buf text;

static int set_up(void **state)
{
    (void)state;
    folder = sample_folder();
    kt_buf_init(&text, 64 << 20);
    sample_trail(&text, 1, 60);
    sample_write(folder, "trail.json", text.p, text.len, false, path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sample_remove(folder);
    kt_buf_free(&text);
    return 0;
}

struct how {
    const char *const *env;
    int rows, cols;
    bool ignore_hup;
    const char *option, *source;
    int stdin_fd;
};

static struct pty *start(const struct how *h)
{
    const char *argv[8] = {sample_keytop()};
    int n = 1;
    if (h->option)
        argv[n++] = h->option;
    argv[n++] = h->source ? h->source : path;
    return pty_start(&(struct pty_opts){.argv = argv,
                                       .env = h->env,
                                       .rows = h->rows,
                                       .cols = h->cols,
                                       .ignore_hup = h->ignore_hup,
                                       .stdin_fd = h->stdin_fd});
}

static struct pty *start_and_see(const struct how *h)
{
    struct pty *p = start(h);
    pty_wait_text(p, "svc-00060");
    return p;
}

static void quit(struct pty *p)
{
    pty_send(p, "q");
    int status = pty_wait_exit(p);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(pty_modes_restored(p));
    assert_false(pty_alternate(p));
    assert_true(pty_cursor_visible(p));
    pty_stop(p);
}

/* --- coming and going ---------------------------------------------------- */

static void rows_show_and_q_leaves_no_trace(void **state)
{
    (void)state;
    struct pty *p = start_and_see(&(struct how){0});
    assert_true(pty_alternate(p));
    quit(p);
}

static void a_signal_puts_the_terminal_back_and_is_seen_by_the_parent(void **state)
{
    (void)state;
    static const int signals[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct pty *p = start_and_see(&(struct how){0});
        assert_false(pty_modes_restored(p));
        pty_signal(p, signals[i]);
        int status = pty_wait_exit(p);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != signals[i])
            fail_msg("signal %d ends it with status %x", signals[i], (unsigned)status);
        assert_true(pty_modes_restored(p));
        assert_false(pty_alternate(p));
        assert_true(pty_cursor_visible(p));
        assert_true(pty_log_has(p, 0, "\033[?2004l"));
        pty_stop(p);
    }
}

static void ctrl_c_ends_it(void **state)
{
    (void)state;
    struct pty *p = start_and_see(&(struct how){0});
    pty_send(p, "\003");
    int status = pty_wait_exit(p);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    assert_true(pty_modes_restored(p));
    pty_stop(p);
}

static void a_line_that_drops_ends_it_at_once(void **state)
{
    (void)state;
    for (int ignored = 0; ignored < 2; ignored++) {
        struct pty *p = start_and_see(&(struct how){.ignore_hup = ignored});
        pty_settle(p, 50);
        int64_t from = kt_mono_ms();
        int status = 0;
        pty_hang_up(p);
        assert_true(pty_exits_within(p, 1000, &status));
        printf("line dropped, SIGHUP %s: gone after %d ms\n", ignored ? "ignored" : "heard", (int)(kt_mono_ms() - from));
        if (ignored)
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGHUP);
        else
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP);
        pty_stop(p);
    }
}

/* A small shell: runs keytop as its job, says when it has stopped, brings it
 * back when told to. */
static int job_shell(void *ctx)
{
    const char *const *argv = ctx;
    int ready[2], status = 0;
    char c;
    if (pipe(ready) < 0)
        return 9;
    pid_t pid = fork();
    if (pid == 0) {
        close(ready[1]);
        if (read(ready[0], &c, 1) < 0)
            _exit(9);
        execv(argv[0], (char *const *)argv);
        _exit(9);
    }
    signal(SIGTTOU, SIG_IGN);
    setpgid(pid, pid);
    tcsetpgrp(0, pid);
    close(ready[0]);
    close(ready[1]);
    waitpid(pid, &status, WUNTRACED);
    if (!WIFSTOPPED(status))
        return 8;
    tcsetpgrp(0, getpgrp());
    printf("job stopped by %d\n", WSTOPSIG(status));
    fflush(stdout);
    while (read(0, &c, 1) == 1 && c != '\n')
        ;
    tcsetpgrp(0, pid);
    kill(-pid, SIGCONT);
    waitpid(pid, &status, WUNTRACED);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 7;
}

static void ctrl_z_gives_the_terminal_back_and_fg_brings_the_screen(void **state)
{
    (void)state;
    const char *argv[] = {sample_keytop(), path, NULL};
    struct pty *p = pty_start(&(struct pty_opts){.run = job_shell, .ctx = argv});
    pty_wait_text(p, "svc-00060");
    pty_send(p, "\032");
    pty_wait_text(p, "job stopped by 20");
    assert_false(pty_alternate(p));
    assert_true(pty_modes_restored(p));
    assert_true(pty_cursor_visible(p));
    pty_resize(p, 30, 100); /* while it cannot know */
    pty_send(p, "fg\n");
    pty_wait_text(p, "svc-00060");
    assert_true(pty_alternate(p));
    assert_false(pty_modes_restored(p));
    pty_send(p, "q");
    int status = pty_wait_exit(p);
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(pty_modes_restored(p));
    pty_stop(p);
}

static void a_stop_from_elsewhere_is_repainted_after(void **state)
{
    (void)state;
    struct pty *p = start_and_see(&(struct how){0});
    pty_settle(p, 50);
    size_t before = pty_log_size(p);
    pty_signal(p, SIGSTOP);
    pty_signal(p, SIGCONT);
    pty_wait_bytes(p, before, "svc-00060");
    quit(p);
}

/* --- terminals ----------------------------------------------------------- */

static void every_usual_terminal_shows_the_rows(void **state)
{
    (void)state;
    static const char *const terms[] = {"TERM=xterm",           "TERM=linux",          "TERM=screen-256color",
                                        "TERM=tmux-256color",   "TERM=vt100",          "TERM=screen",
                                        "TERM=xterm-256color"};
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
        const char *env[] = {terms[i], NULL};
        struct pty *p = start_and_see(&(struct how){.env = env});
        pty_send(p, "q");
        assert_int_equal(WEXITSTATUS(pty_wait_exit(p)), 0);
        assert_true(pty_modes_restored(p));
        assert_true(pty_cursor_visible(p));
        pty_stop(p);
    }
}

static void a_dumb_terminal_is_told_what_to_do(void **state)
{
    (void)state;
    const char *env[] = {"TERM=dumb", NULL};
    struct pty *p = start(&(struct how){.env = env, .cols = 132});
    assert_int_equal(WEXITSTATUS(pty_wait_exit(p)), 2);
    pty_wait_text(p, "keytop: this terminal (TERM=dumb) cannot show a screen; use -o table");
    pty_stop(p);
}

static void no_color_means_none(void **state)
{
    (void)state;
    const char *env[] = {"NO_COLOR=1", NULL};
    struct pty *p = start_and_see(&(struct how){.env = env});
    assert_false(pty_log_has(p, 0, "38;5;"));
    assert_false(pty_log_has(p, 0, "48;5;"));
    quit(p);
    const char *empty[] = {"NO_COLOR=", NULL}; /* empty is as not set */
    p = start_and_see(&(struct how){.env = empty});
    assert_true(pty_log_has(p, 0, "38;5;"));
    quit(p);
    p = start_and_see(&(struct how){.option = "--color=never"});
    assert_false(pty_log_has(p, 0, "38;5;"));
    quit(p);
}

static void the_c_locale_and_ascii_send_ascii_alone(void **state)
{
    (void)state;
    const char *env[] = {"LC_ALL=C", NULL};
    for (int i = 0; i < 2; i++) {
        struct pty *p = start_and_see(&(struct how){.env = i ? NULL : env, .option = i ? "--ascii" : NULL});
        for (size_t k = 0; k < pty_log_size(p); k++)
            assert_true((unsigned char)pty_log(p)[k] < 0x80);
        quit(p);
    }
}

static void any_size_is_survived(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {1, 80}, {2, 5}, {24, 1}, {5, 20}, {60, 250}, {3, 3}, {24, 80}};
    struct pty *p = start_and_see(&(struct how){0});
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t before = pty_log_size(p);
        pty_resize(p, sizes[i][0], sizes[i][1]);
        pty_wait_bytes(p, before, "\033[");
        pty_send(p, "\x0c");
        pty_settle(p, 20);
    }
    pty_wait_text(p, "svc-00060");
    quit(p);
    p = start(&(struct how){.rows = 1, .cols = 1});
    pty_wait_bytes(p, 0, "\033[");
    pty_settle(p, 50);
    quit(p);
}

static void standard_input_is_data_and_keys_still_work(void **state)
{
    (void)state;
    int in[2];
    assert_int_equal(pipe(in), 0);
    kt_buf_reset(&text);
    sample_trail(&text, 1, 10);
    assert_int_equal(write(in[1], text.p, text.len), text.len);
    close(in[1]);
    struct pty *p = start(&(struct how){.source = "-", .stdin_fd = in[0]});
    close(in[0]);
    pty_wait_text(p, "svc-00010");
    quit(p);
    p = start(&(struct how){.source = "-", .cols = 132});
    assert_int_equal(WEXITSTATUS(pty_wait_exit(p)), 2);
    pty_wait_text(p, "pipe records into it");
    pty_stop(p);
}

/* --- quiet --------------------------------------------------------------- */

/* All system calls that wait, and all that were made at the cost of a switch:
 * a thread that wakes shows in one of the two counts of its status. */
static long switches(pid_t pid)
{
    char name[300], line[200];
    long sum = 0;
    snprintf(name, sizeof name, "/proc/%d/task", (int)pid);
    DIR *d = opendir(name);
    assert_non_null(d);
    for (struct dirent *t; (t = readdir(d));) {
        if (t->d_name[0] == '.')
            continue;
        snprintf(name, sizeof name, "/proc/%d/task/%.20s/status", (int)pid, t->d_name);
        FILE *f = fopen(name, "r");
        while (f && fgets(line, sizeof line, f))
            if (strncmp(line, "voluntary_ctxt_switches:", 24) == 0)
                sum += strtol(line + 24, NULL, 10);
        if (f)
            fclose(f);
    }
    closedir(d);
    return sum;
}

static void an_idle_screen_sends_no_byte_and_makes_no_call(void **state)
{
    (void)state;
    if (!quiet_can_be_told())
        skip();
    struct pty *p = start_and_see(&(struct how){0});
    pty_settle(p, 1500); /* messages of the start fade */
    long before = switches(pty_pid(p));
    size_t bytes = pty_listen(p, 3000);
    long after = switches(pty_pid(p));
    printf("idle for 3 s: %zu bytes, %ld wake-ups\n", bytes, after - before);
    assert_int_equal(bytes, 0);
    assert_int_equal(after - before, 0);
    quit(p);
}

static struct pty *four_hundred_rows(void)
{
    kt_buf_reset(&text);
    for (int i = 1; i <= 400; i++) {
        char target[32];
        snprintf(target, sizeof target, "svc-%05d", i);
        sample_record(&text, &(struct sample){.n = i, .target = target});
        kt_buf_addc(&text, '\n');
    }
    sample_write(folder, "live.jsonl", text.p, text.len, false, path);
    struct pty *p = start(&(struct how){.rows = 50, .cols = 200});
    pty_wait_text(p, "svc-00400");
    pty_settle(p, 400);
    return p;
}

/* The bytes that one more row costs. */
static size_t live_row(struct pty *p, int i)
{
    char target[32];
    snprintf(target, sizeof target, "svc-%05d", i);
    kt_buf_reset(&text);
    sample_record(&text, &(struct sample){.n = i, .actor = target, .target = target}); /* an ordinary one: for oneself */
    kt_buf_addc(&text, '\n');
    size_t before = pty_log_size(p);
    int64_t from = kt_mono_ms();
    sample_write(folder, "live.jsonl", text.p, text.len, true, path);
    pty_wait_text(p, target);
    int64_t took = kt_mono_ms() - from;
    pty_settle(p, 250);
    size_t cost = pty_log_size(p) - before;
    printf("live row at 200x50: %zu bytes, on screen after %d ms\n", cost, (int)took);
    return cost;
}

static void a_live_row_costs_few_bytes(void **state)
{
    (void)state;
    struct pty *p = four_hundred_rows();
    size_t worst = 0, least = SIZE_MAX;
    for (int i = 401; i <= 405; i++) {
        size_t cost = live_row(p, i);
        worst = cost > worst ? cost : worst;
        least = cost < least ? cost : least;
    }
    /* the row, the counts above, the panes of the new row below; those may come a frame later on a busy machine */
    assert_true(least <= 1200);
    assert_true(worst <= 3000);
    quit(p);
}

static void a_row_inserted_at_the_top_of_the_table_costs_400_bytes_at_most(void **state)
{
    (void)state;
    struct pty *p = four_hundred_rows();
    pty_send(p, "z"); /* the table alone */
    pty_settle(p, 400);
    size_t least = SIZE_MAX;
    for (int i = 401; i <= 405; i++) {
        size_t cost = live_row(p, i);
        least = cost < least ? cost : least;
    }
    assert_true(least <= 400);
    quit(p);
}

static void a_key_press_costs_little(void **state)
{
    (void)state;
    struct pty *p = start(&(struct how){.rows = 50, .cols = 200});
    pty_wait_text(p, "svc-00060");
    pty_settle(p, 400);
    size_t before = pty_log_size(p);
    for (int i = 0; i < 20; i++) {
        size_t at = pty_log_size(p);
        pty_send(p, "\033OB");
        pty_wait_bytes(p, at, "\033");
    }
    pty_settle(p, 300);
    printf("20 Down keys at 200x50: %zu bytes each\n", (pty_log_size(p) - before) / 20);
    assert_true((pty_log_size(p) - before) / 20 < 2500);
    quit(p);
}

/* --- a terminal that does not read --------------------------------------- */

static void a_stalled_terminal_holds_nothing_up(void **state)
{
    (void)state;
    struct pty *p = start_and_see(&(struct how){.rows = 50, .cols = 200});
    pty_settle(p, 100);
    int status = 0;
    for (int i = 0; i < 60; i++) { /* each a whole frame; nobody reads */
        pty_send(p, "\x0c\x0c\x0c");
        poll(NULL, 0, 2);
    }
    /* the terminal is full: it is asleep, and a signal is heard */
    pty_signal(p, SIGTERM);
    assert_true(pty_exits_unread(p, 2000, &status));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    assert_true(pty_modes_restored(p));
    pty_stop(p);
}

static void a_terminal_that_reads_again_sees_what_is_now(void **state)
{
    (void)state;
    struct pty *p = start_and_see(&(struct how){.rows = 50, .cols = 200});
    pty_settle(p, 100);
    for (int i = 0; i < 60; i++) {
        pty_send(p, "\x0c\x0c\x0c");
        poll(NULL, 0, 2);
    }
    pty_send(p, "?");
    size_t before = pty_log_size(p);
    pty_settle(p, 300);
    assert_true(pty_log_size(p) - before < 300000); /* not 180 frames */
    pty_wait_text(p, "q");
    pty_send(p, "\033");
    pty_settle(p, 100);
    pty_wait_text(p, "svc-00060");
    quit(p);
}

/* --- hostile text -------------------------------------------------------- */

static void hostile_names_reach_the_terminal_as_marks_only(void **state)
{
    (void)state;
    kt_buf_reset(&text);
    static const char *const agents[] = {
        "\\u001b]0;PWNED\\u0007x", "\\u202egnp.exe", "\\u001b[2J\\u001b[1;1Hgone", "a\\u200bb\\ufeff", "\\u009b31mred",
        "line\\nbreak\\ttab\\rreturn", "\\u001b[?1049l\\u001b[?2026h", "\\udb40\\udc41tag"};
    for (int i = 0; i < 8; i++) {
        sample_record(&text, &(struct sample){.n = i, .actor = agents[i], .target = agents[(i + 1) % 8],
                                             .agent = agents[i], .address = agents[(i + 3) % 8],
                                             .error = i % 2 ? "AccessDenied" : NULL});
        kt_buf_addc(&text, '\n');
    }
    sample_record(&text, &(struct sample){.n = 60, .target = "svc-00060"});
    kt_buf_addc(&text, '\n');
    sample_write(folder, "hostile.jsonl", text.p, text.len, false, path);
    struct pty *p = start_and_see(&(struct how){.rows = 50, .cols = 200});
    static const char *const steps[] = {"", "\r", "\t", "\t", "\t", "\t", "j", "\177", "j", "\r", "\t", "3", "4", "5"};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) { /* the table, and the panes of some rows */
        pty_send(p, steps[i]);
        pty_settle(p, 60);
        if (i == 0)
            assert_true(pty_shows(p, "^[", NULL, NULL));
    }
    static const char *const never[] = {"\033]0;", "\a", "\xe2\x80\xae", "\033[2J\033[1;1H", "\xe2\x80\x8b", "\xef\xbb\xbf",
                                        "\xc2\x9b", "\033[?2026h", "\xf3\xa0\x81\x81"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        if (pty_log_has(p, 0, never[i])) {
            pty_dump(p);
            fail_msg("hostile bytes %zu reached the terminal", i);
        }
    assert_true(pty_alternate(p));
    pty_send(p, "q");
    pty_wait_exit(p);
    pty_stop(p);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(rows_show_and_q_leaves_no_trace),
        T(a_signal_puts_the_terminal_back_and_is_seen_by_the_parent),
        T(ctrl_c_ends_it),
        T(a_line_that_drops_ends_it_at_once),
        T(ctrl_z_gives_the_terminal_back_and_fg_brings_the_screen),
        T(a_stop_from_elsewhere_is_repainted_after),
        T(every_usual_terminal_shows_the_rows),
        T(a_dumb_terminal_is_told_what_to_do),
        T(no_color_means_none),
        T(the_c_locale_and_ascii_send_ascii_alone),
        T(any_size_is_survived),
        T(standard_input_is_data_and_keys_still_work),
        T(an_idle_screen_sends_no_byte_and_makes_no_call),
        T(a_live_row_costs_few_bytes),
        T(a_row_inserted_at_the_top_of_the_table_costs_400_bytes_at_most),
        T(a_key_press_costs_little),
        T(a_stalled_terminal_holds_nothing_up),
        T(a_terminal_that_reads_again_sees_what_is_now),
        T(hostile_names_reach_the_terminal_as_marks_only),
    };
    return cmocka_run_group_tests_name("terminal", tests, NULL, NULL);
}
