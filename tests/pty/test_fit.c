/* How it fits in with the terminal: the mouse, focus, synchronised frames, and
 * a line so slow that frames must not queue. */
#include "tests/support/pty.h"
#include "tests/support/sample.h"
#include "tests/support/temp_dir.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct temp_dir d;
static char trail[256];

static int set_up(void **state)
{
    struct kt_buf b;
    (void)state;
    temp_dir_make(&d);
    kt_buf_init(&b, 1 << 20);
    sample_trail(&b, 1, 40);
    temp_write(&d, "trail.json", kt_buf_str(&b));
    kt_buf_free(&b);
    snprintf(trail, sizeof trail, "%s", temp_path(&d, "trail.json"));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_dir_remove(&d);
    return 0;
}

static struct pty *start(const char *term)
{
    const char *argv[] = {sample_keytop(), trail, NULL};
    char name[64];
    snprintf(name, sizeof name, "TERM=%s", term);
    const char *env[] = {name, NULL};
    struct pty *p = pty_start(&(struct pty_opts){.argv = argv, .env = env, .rows = 30, .cols = 120});
    pty_wait_text(p, "svc-00040");
    return p;
}

static void quit(struct pty *p)
{
    pty_send(p, "q");
    int status = pty_wait_exit(p);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(pty_modes_restored(p));
    pty_stop(p);
}

/* One cell, from 1 as terminals count. */
static void mouse(struct pty *p, int button, int row, int col, char end)
{
    char bytes[40];
    snprintf(bytes, sizeof bytes, "\033[<%d;%d;%d%c", button, col, row, end);
    pty_send(p, bytes);
}

static void click(struct pty *p, int row, int col)
{
    mouse(p, 0, row, col, 'M');
    mouse(p, 0, row, col, 'm');
}

static void wait_selected(struct pty *p, int row)
{
    for (int i = 0; i < 100 && strncmp(pty_row(p, row), "▌", 3) != 0; i++)
        pty_read(p, 50);
    assert_int_equal(strncmp(pty_row(p, row), "▌", 3), 0);
}

static void the_mouse_is_the_terminals_until_it_is_asked_for(void **state)
{
    (void)state;
    int row, col;
    struct pty *p = start("xterm-256color");
    assert_false(pty_log_has(p, 0, "\033[?1002h"));
    click(p, 3, 20); /* a terminal that reports it all the same: no harm */
    pty_send(p, "M");
    pty_wait_text(p, "the mouse is on");
    assert_true(pty_log_has(p, 0, "\033[?1002h"));
    assert_true(pty_log_has(p, 0, "\033[?1006h"));
    assert_true(pty_shows(p, "ACTOR", &row, &col));
    click(p, row + 1, col + 2);
    pty_wait_text(p, "▴ACTOR");
    assert_true(pty_shows(p, "ACTOR", &row, &col)); /* times with their dates take more room */
    click(p, row + 1, col + 2);
    pty_wait_text(p, "▾ACTOR");
    click(p, row + 4, 20);
    wait_selected(p, row + 3);
    mouse(p, 65, 10, 10, 'M'); /* the wheel: three rows on */
    wait_selected(p, row + 6);
    size_t from = pty_log_size(p);
    pty_send(p, "M");
    pty_wait_bytes(p, from, "\033[?1006l\033[?1002l");
    pty_send(p, "M");
    pty_wait_text(p, "the mouse is on");
    from = pty_log_size(p);
    quit(p);
}

static void whatever_ends_it_the_mouse_goes_back(void **state)
{
    (void)state;
    static const int ends[] = {SIGTERM, SIGSEGV};
    for (size_t i = 0; i < 2; i++) {
        struct pty *p = start("xterm-256color");
        pty_send(p, "M");
        pty_wait_text(p, "the mouse is on");
        size_t from = pty_log_size(p);
        pty_signal(p, ends[i]);
        pty_wait_exit(p);
        assert_true(pty_log_has(p, from, "\033[?1002l"));
        assert_true(pty_log_has(p, from, "\033[?1004l"));
        pty_stop(p);
    }
}

static void a_drag_over_the_histogram_takes_that_time(void **state)
{
    (void)state;
    int row, col;
    struct pty *p = start("xterm-256color");
    pty_send(p, "MH");
    pty_wait_text(p, " row");
    pty_send(p, "\033");
    pty_wait_text(p, "each ");
    assert_true(pty_shows(p, "each ", &row, &col));
    mouse(p, 0, row, 100, 'M');
    mouse(p, 32, row, 105, 'M');
    mouse(p, 32, row, 119, 'M');
    pty_wait_text(p, " + "); /* as long as it is held it is shown */
    mouse(p, 0, row, 119, 'm');
    pty_wait_text(p, "only ");
    pty_wait_text(p, "of 40");
    quit(p);
}

static void a_head_is_dragged_to_another_place_and_its_edge_widens(void **state)
{
    (void)state;
    int row, actor, target, key;
    struct pty *p = start("xterm-256color");
    pty_send(p, "M");
    pty_wait_text(p, "the mouse is on");
    assert_true(pty_shows(p, " TARGET", &row, &target));
    assert_true(pty_shows(p, " ACTOR", &row, &actor));
    mouse(p, 0, row + 1, target + 3, 'M');
    mouse(p, 32, row + 1, actor + 3, 'M');
    mouse(p, 0, row + 1, actor + 3, 'm');
    for (int i = 0; i < 100; i++) {
        if (pty_shows(p, " TARGET", &row, &target) && pty_shows(p, " ACTOR", &row, &actor) && target < actor)
            break;
        pty_read(p, 50);
    }
    assert_true(target < actor);
    int width = actor - target; /* with its gap: the edge is just before that */
    mouse(p, 0, row + 1, target + 1 + width, 'M');
    mouse(p, 0, row + 1, target + 1 + width + 6, 'm');
    for (int i = 0; i < 100 && pty_shows(p, " ACTOR", &row, &key) && key == actor; i++)
        pty_read(p, 50);
    assert_true(key >= actor + 5);
    quit(p);
}

static void who_looks_away_is_told_what_came(void **state)
{
    (void)state;
    struct kt_buf b;
    struct pty *p = start("xterm-256color");
    assert_true(pty_log_has(p, 0, "\033[?1004h"));
    pty_wait_text(p, "LIVE");
    pty_send(p, "\033[O");
    kt_buf_init(&b, 1 << 20);
    sample_trail(&b, 41, 2);
    temp_append(&d, "trail.json", kt_buf_str(&b));
    kt_buf_free(&b);
    pty_wait_text(p, "svc-00042");
    pty_send(p, "\033[I");
    pty_wait_text(p, "2 rows since you looked away");
    pty_send(p, "\033[O\033[I");
    quit(p);
}

static void a_terminal_that_knows_whole_frames_gets_them(void **state)
{
    (void)state;
    struct pty *p = start("xterm-256color");
    assert_true(pty_log_has(p, 0, "\033[?2026$p"));
    assert_false(pty_log_has(p, 0, "\033[?2026h"));
    pty_send(p, "\033[?2026;2$y");
    pty_send(p, "\014"); /* draw anew */
    size_t at = pty_wait_bytes(p, 0, "\033[?2026h");
    pty_wait_bytes(p, at, "\033[?2026l");
    quit(p);
    p = start("linux"); /* would show half of the question */
    assert_false(pty_log_has(p, 0, "?2026"));
    assert_false(pty_log_has(p, 0, "?1004"));
    quit(p);
}

/* Frames are told apart by the quiet between them. */
static void a_wall_that_nobody_attends_is_drawn_twice_a_second_at_most(void **state)
{
    (void)state;
    enum { LISTEN_MS = 4000, APART_MS = 80 };
    const char *argv[] = {sample_keytop(), "--wall", "-f", trail, NULL};
    struct pty *p = pty_start(&(struct pty_opts){.argv = argv, .rows = 30, .cols = 100});
    pty_wait_text(p, "keys in 24 h");
    pty_settle(p, 600);
    int64_t begin = kt_mono_ms(), last = 0, now;
    int frames = 0, added = 0;
    size_t size = pty_log_size(p);
    while ((now = kt_mono_ms()) - begin < LISTEN_MS) {
        struct kt_buf b;
        kt_buf_init(&b, 1 << 20);
        sample_trail(&b, 100 + added++, 1);
        temp_append(&d, "trail.json", kt_buf_str(&b));
        kt_buf_free(&b);
        pty_read(p, 40);
        if (pty_log_size(p) == size)
            continue;
        size = pty_log_size(p);
        now = kt_mono_ms();
        frames += now - last > APART_MS;
        last = now;
    }
    printf("a wall while %d rows came in %d s: %d frames\n", added, LISTEN_MS / 1000, frames);
    assert_in_range(frames, 1, LISTEN_MS / 500 + 2);
    pty_stop(p);
}

/* --- a line of 2,400 bit/s ---------------------------------------------------- */

enum { BYTES_A_SECOND = 240, TICK_MS = 50, SEEN = 1 << 20 };
struct line {
    struct pty *p;
    char *seen; /* what has come over the line */
    size_t n, answered;
};

static void answer(struct line *l, const char *question, const char *said)
{
    const char *at = strstr(l->seen + l->answered, question);
    if (!at)
        return;
    pty_send(l->p, said);
    l->answered = (size_t)(at - l->seen) + strlen(question);
}

/* As many bytes as such a line brings in one tick. */
static void tick(struct line *l)
{
    char bytes[BYTES_A_SECOND * TICK_MS / 1000];
    poll(NULL, 0, TICK_MS);
    struct pollfd f = {.fd = pty_master(l->p), .events = POLLIN};
    if (poll(&f, 1, 0) <= 0)
        return;
    ssize_t k = read(f.fd, bytes, sizeof bytes);
    assert_true(k > 0 && l->n + (size_t)k < SEEN);
    memcpy(l->seen + l->n, bytes, (size_t)k);
    l->n += (size_t)k;
    l->seen[l->n] = '\0';
    answer(l, "\033[?2026$p", "\033[?2026;0$y");
    answer(l, "\033[5n", "\033[0n");
}

/* How many bytes came until this did. */
static size_t until(struct line *l, const char *text, size_t most)
{
    size_t from = l->n;
    int quiet = 0;
    while (!strstr(l->seen + from, text)) {
        size_t was = l->n;
        tick(l);
        quiet = l->n == was ? quiet + 1 : 0;
        if (l->n - from > most || quiet > 10000 / TICK_MS)
            fail_msg("\"%s\" did not come within %zu bytes", text, l->n - from);
    }
    return l->n - from;
}

static void a_slow_line_shows_what_is_and_not_what_was(void **state)
{
    (void)state;
    const char *argv[] = {sample_keytop(), "-f", trail, NULL};
    struct line l = {.p = pty_start(&(struct pty_opts){.argv = argv, .rows = 16, .cols = 60}), .seen = calloc(1, SEEN + 1)};
    assert_non_null(l.seen);
    size_t first = until(&l, "help", 6000);
    for (int i = 0; i < 40; i++) { /* impatient: each of these alone is a frame */
        pty_send(l.p, i % 2 ? "\033[6~" : "\033[5~");
        tick(&l);
    }
    pty_send(l.p, "q");
    size_t then = until(&l, "\033[?1049l", 20000);
    printf("2,400 bit/s, 60x16: the first frame after %zu bytes, the last one %zu bytes after 41 keys\n", first, then);
    assert_true(then < 2500); /* one frame that was on its way */
    free(l.seen);
    pty_stop(l.p);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(the_mouse_is_the_terminals_until_it_is_asked_for),
        T(whatever_ends_it_the_mouse_goes_back),
        T(a_drag_over_the_histogram_takes_that_time),
        T(a_head_is_dragged_to_another_place_and_its_edge_widens),
        T(who_looks_away_is_told_what_came),
        T(a_terminal_that_knows_whole_frames_gets_them),
        T(a_wall_that_nobody_attends_is_drawn_twice_a_second_at_most),
        T(a_slow_line_shows_what_is_and_not_what_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
