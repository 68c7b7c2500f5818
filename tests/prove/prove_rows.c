/* KEYTOP_ROWS rows (1,000,000) behind the real screens: how long each command of
 * the table takes from its key to its frame on the terminal, how long a filter
 * and a sort take to their whole answer, and what following KEYTOP_RATE (1,000)
 * events a second costs and moves. The records are read from a file and judged,
 * as any are; KEYTOP_ROUNDS (8) is how often each key is pressed. */
#include "tests/support/many.h"
#include "tests/support/places.h"
#include "tests/support/pty.h"
#include "tests/support/run.h"
#include "tests/support/sample.h"
#include "tests/support/temp_dir.h"

#include "base/clock.h"
#include "tui/term.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLES_MAX = 1 << 17, AWAIT_MS = 8, LOAD_MS = 1800000, LAST = KT_CMD_COUNT, TYPED = LAST, ARGUED, KINDS };

static long rows, rounds, rate;
static struct temp_dir home;

/* --- times ---------------------------------------------------------------------- */

static double clock_ms(clockid_t which)
{
    struct timespec t;
    (void)clock_gettime(which, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

struct took {
    float wall, cpu; /* ms, to the frame on its way; of that, at work */
    short kind;      /* enum kt_command, TYPED, ARGUED */
};
static struct took took[SAMPLES_MAX];
static size_t n_took;

static int by_wall(const void *a, const void *b)
{
    float x = ((const struct took *)a)->wall, y = ((const struct took *)b)->wall;
    return (x > y) - (x < y);
}

static int by_cpu(const void *a, const void *b)
{
    float x = ((const struct took *)a)->cpu, y = ((const struct took *)b)->cpu;
    return (x > y) - (x < y);
}

static double at(const struct took *t, size_t n, double share)
{
    size_t i = (size_t)((double)n * share);
    return t[i < n ? i : n - 1].wall;
}

/* --- the program's own parts, on a terminal, in a process of their own ------------ */

struct world {
    struct kt_engine *engine;
    struct kt_app *app;
    struct kt_canvas canvas;
    struct kt_term *term;
    FILE *say;
};

static void take_news(struct world *w)
{
    uint64_t count;
    (void)!read(kt_engine_fd(w->engine), &count, sizeof count);
    (void)kt_app_news(w->app);
}

static bool wait_news(struct world *w, int ms)
{
    struct pollfd p = {.fd = kt_engine_fd(w->engine), .events = POLLIN};
    if (poll(&p, 1, ms) <= 0)
        return false;
    take_news(w);
    return true;
}

static void show(struct world *w)
{
    kt_app_draw(w->app, &w->canvas);
    while (!kt_term_present(w->term, &w->canvas)) {
        struct pollfd p = {.fd = kt_term_fd(w->term), .events = POLLOUT};
        (void)poll(&p, 1, 1000);
    }
}

/* What loop.c does for a key. */
static void timed(struct world *w, struct kt_key k, int kind)
{
    double wall = clock_ms(CLOCK_MONOTONIC), cpu = clock_ms(CLOCK_THREAD_CPUTIME_ID);
    unsigned did = kt_app_key(w->app, k);
    for (int64_t until = kt_mono_ms() + AWAIT_MS; kt_app_awaits(w->app) && kt_mono_ms() < until;)
        (void)wait_news(w, 1);
    if (did & KT_APP_THEME)
        kt_term_theme(w->term, kt_app_theme(w->app));
    if (did & KT_APP_REPAINT)
        kt_term_repaint(w->term);
    show(w);
    if (n_took == SAMPLES_MAX)
        return;
    took[n_took++] = (struct took){(float)(clock_ms(CLOCK_MONOTONIC) - wall), (float)(clock_ms(CLOCK_THREAD_CPUTIME_ID) - cpu),
                                   (short)kind};
}

static bool open_world(struct world *w)
{
    static struct kt_theme theme;
    struct kt_err e = {0};
    struct kt_engine_opts o = {.follow = true, .since = KT_TIME_NONE, .until = KT_TIME_NONE, .ledger = true,
                               .store = {.keep_raw = true}, .memory = KT_MEMORY_RUN, .state = {.who = "ann@jump1"}};
    setlocale(LC_ALL, "C.UTF-8");
    bool ok = kt_engine_new(&w->engine, &o, &e) == KT_OK && kt_engine_add(w->engine, temp_path(&home, "trail.jsonl.zst"), NULL, &e) == KT_OK &&
              kt_engine_start(w->engine, &e) == KT_OK && kt_themes_load(&theme, KT_THEME_DEFAULT, NULL, &e) == KT_OK &&
              kt_term_open(&w->term, &(struct kt_term_opts){.theme = &theme, .color = true}, &e) == KT_OK;
    if (!ok) {
        fprintf(w->say, "%s\n", e.text);
        return false;
    }
    w->app = kt_app_new(&(struct kt_app_opts){.engine = w->engine, .follow = true});
    return w->app && kt_canvas_init(&w->canvas, 50, 200, false);
}

static bool all_read(struct world *w)
{
    double from = clock_ms(CLOCK_MONOTONIC);
    struct kt_counts c = {0};
    uint64_t revised = 0;
    while (clock_ms(CLOCK_MONOTONIC) - from < LOAD_MS) {
        (void)wait_news(w, 200);
        c = kt_store_counts(kt_engine_store(w->engine));
        bool still = c.revised == revised && c.shown >= (uint64_t)rows && !kt_engine_completeness(w->engine).reading;
        revised = c.revised;
        if (still)
            break;
    }
    kt_app_settle(w->app);
    show(w);
    fprintf(w->say, "%" PRIu64 " rows read and judged in %.1f s, %.0f MB by the store's count\n", c.shown,
            (clock_ms(CLOCK_MONOTONIC) - from) / 1e3, (double)c.memory / 1e6);
    return c.shown >= (uint64_t)rows;
}

/* --- every command by its keys, in every place ------------------------------------- */

/* Where the cursor stands, and in which order, differs by round. */
static const char *const from_where[] = {"Home", "End", "Home PgDn PgDn PgDn Down", "End PgUp Up Up"};

static bool go_to(struct world *w, size_t place, long round)
{
    for (int tries = 0; tries < 20; tries++) {
        if (!place_leave(w->app))
            return false;
        w->app->marks.n = 0;
        for (int i = 0; i < 10; i++) /* what narrows it, and the search */
            place_press(w->app, "Esc");
        (void)kt_app_run(w->app, KT_CMD_FILTER, "");
        (void)kt_table_set_sort(w->app->table, round % 3 == 1 ? KT_FIELD_ACTOR_NAME : KT_FIELD_TIME, round % 3 == 2);
        kt_app_settle(w->app);
        place_press(w->app, from_where[(size_t)round % 4]);
        for (int i = 0; i < tries; i++) /* a row whose key is not known leads to no key */
            place_press(w->app, (size_t)round % 2 ? "Up" : "Down");
        kt_app_settle(w->app);
        place_press(w->app, places[place].way);
        kt_app_settle(w->app);
        show(w);
        if (place_here(w->app) == places[place].ctx)
            return true;
    }
    return false;
}

/* The answers are waited for after every other key only: who is quick presses on. */
static bool press_all(struct world *w, long round)
{
    for (size_t p = 0; p < PLACES; p++) {
        if (!go_to(w, p, round)) {
            fprintf(w->say, "\"%s\" leads nowhere\n", places[p].way);
            return false;
        }
        for (int c = KT_CMD_NONE + 1; c < KT_CMD_COUNT; c++) {
            const struct kt_command_info *i = kt_command_info((enum kt_command)c);
            struct kt_key k;
            char name[KT_KEY_NAME];
            if (!(i->contexts & (unsigned)places[p].ctx))
                continue;
            for (const char *next = i->keys; kt_key_next(&next, &k, name);) {
                timed(w, k, c);
                if (place_here(w->app) != places[p].ctx && !go_to(w, p, round + c)) {
                    fprintf(w->say, "after %s \"%s\" leads nowhere\n", i->name, places[p].way);
                    return false;
                }
                if (n_took % 2)
                    kt_app_settle(w->app);
            }
        }
    }
    return true;
}

/* --- what is typed ------------------------------------------------------------------- */

static void type(struct world *w, const char *text, int kind)
{
    for (; *text; text++)
        timed(w, KT_CHAR(*text), kind);
}

static void argued(struct world *w)
{
    static const char *const lines[] = {
        "filter actor:user-17 risk>=40", "filter source:198.51.100.0/26", "filter agent~\"Botocore/1\\.3[14]\"", "filter",
        "search user-17", "search deadbeef", "next-hit", "previous-hit", "search 198.51.", "next-hit", "previous-hit", "clear",
        "sort actor.name", "sort event_id", "sort key.id", "sort risk", "sort time", "goto 30d", "goto 2d", "groups address",
        "groups rule", "groups hour", "groups signal", "columns time, risk, actor:30", "columns", "views 1", "theme nord", "tab 5",
        "tag one two", "note seen", "assign ann", "mark", "mark", "diff", "histogram",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (!place_leave(w->app))
            return;
        timed(w, KT_CHAR(':'), KT_CMD_PALETTE);
        type(w, lines[i], TYPED);
        timed(w, KT_CHAR(13), ARGUED);
        if (i % 2)
            kt_app_settle(w->app);
    }
}

/* A copy of all of it is written while keys are pressed. */
static void while_exporting(struct world *w)
{
    char line[300];
    (void)place_leave(w->app);
    snprintf(line, sizeof line, ":export jsonl %s", temp_path(&home, "out.jsonl"));
    type(w, line, TYPED);
    timed(w, KT_CHAR(13), ARGUED);
    for (int i = 0; i < 200; i++)
        timed(w, KT_CHAR("jkG gn"[i % 6]), TYPED);
    place_press(w->app, "e Esc");
    (void)kt_app_run(w->app, KT_CMD_EXPORT, NULL); /* asks whether to stop it */
    (void)place_leave(w->app);
}

/* --- the whole answer ------------------------------------------------------------------ */

static double answered(struct world *w, struct kt_key k)
{
    double from = clock_ms(CLOCK_MONOTONIC);
    (void)kt_app_key(w->app, k);
    while (!kt_table_has_answer(w->app->table))
        (void)wait_news(w, 1000);
    show(w);
    return clock_ms(CLOCK_MONOTONIC) - from;
}

/* Best of five, as others want the machine too; and the worst of them. */
static double answer(struct world *w, const char *before, const char *line, double *worst)
{
    double best = 1e9;
    *worst = 0;
    for (int i = 0; i < 5; i++) {
        (void)place_leave(w->app);
        (void)kt_table_set_sort(w->app->table, KT_FIELD_TIME, false);
        (void)kt_app_run(w->app, KT_CMD_FILTER, before);
        kt_app_settle(w->app);
        place_press(w->app, ":");
        for (const char *t = line; *t; t++)
            (void)kt_app_key(w->app, KT_CHAR(*t));
        double ms = answered(w, KT_CHAR(13));
        best = ms < best ? ms : best;
        *worst = ms > *worst ? ms : *worst;
        kt_app_settle(w->app);
    }
    return best;
}

static bool answers(struct world *w)
{
    static const struct {
        const char *line, *before;
        double most;
    } q[] = {
        {"filter actor:user-17", "", 100},        {"filter risk>=70 result:denied", "", 100}, {"filter user-17", "", 100},
        {"filter nobody-has-this", "", 100},      {"filter source:198.51.100.0/26", "", 100},
        {"filter agent~\"Botocore/1\\.3[14]\"", "", 100}, {"filter time>=30d", "", 100},      {"filter", "actor:user-17", 100},
        {"sort time", "", 150},                   {"sort risk", "", 150},                     {"sort actor.name", "", 150},
        {"sort source.address", "", 150},         {"sort key.id", "", 150},                   {"sort event_id", "", 150},
        {"sort agent.text", "", 150},
    };
    bool good = true;
    for (size_t i = 0; i < sizeof q / sizeof *q; i++) {
        double worst, best = answer(w, q[i].before, q[i].line, &worst);
        fprintf(w->say, "%-36s %6.1f ms to the whole answer on the terminal, %6.1f the worst of five%s\n", q[i].line, best, worst,
                best > q[i].most ? "  TOO LONG" : "");
        good = good && best <= q[i].most;
    }
    return good;
}

/* --- what it comes to --------------------------------------------------------------------- */

static void print_kind(FILE *say, int kind, const char *name)
{
    static struct took mine[SAMPLES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < n_took; i++)
        if (took[i].kind == kind)
            mine[n++] = took[i];
    if (!n) {
        fprintf(say, "%-18s  not pressed: it has no key of its own\n", name);
        return;
    }
    qsort(mine, n, sizeof *mine, by_wall);
    double p50 = at(mine, n, 0.5), p99 = at(mine, n, 0.99), worst = mine[n - 1].wall;
    qsort(mine, n, sizeof *mine, by_cpu);
    fprintf(say, "%-18s %6zu %8.2f %8.2f %8.2f %8.2f\n", name, n, p50, p99, worst, (double)mine[n - 1].cpu);
}

static bool report(FILE *say)
{
    fprintf(say, "%-18s %6s %8s %8s %8s %8s\n", "key to frame, ms", "keys", "p50", "p99", "worst", "at work");
    for (int c = KT_CMD_NONE + 1; c < KT_CMD_COUNT; c++)
        print_kind(say, c, kt_command_info((enum kt_command)c)->name);
    print_kind(say, TYPED, "(a letter typed)");
    print_kind(say, ARGUED, "(by its name)");
    qsort(took, n_took, sizeof *took, by_wall);
    double p99 = at(took, n_took, 0.99);
    fprintf(say, "%zu keys: p50 %.2f ms, p99 %.2f ms, worst %.2f ms", n_took, at(took, n_took, 0.5), p99,
            (double)took[n_took - 1].wall);
    qsort(took, n_took, sizeof *took, by_cpu);
    fprintf(say, "; at work p99 %.2f ms, worst %.2f ms\n", (double)took[(size_t)((double)n_took * 0.99)].cpu,
            (double)took[n_took - 1].cpu);
    return p99 <= 16;
}

static int measure(void *ctx)
{
    struct world w = {.say = fopen(temp_path(&home, "report"), "w")};
    (void)ctx;
    if (!w.say || !open_world(&w) || !all_read(&w))
        return 1;
    bool good = true;
    for (long i = 0; i < rounds && good; i++) {
        good = press_all(&w, i);
        argued(&w);
    }
    while_exporting(&w);
    bool quick = answers(&w);
    quick = report(w.say) && quick;
    kt_term_close(w.term);
    kt_app_free(w.app);
    kt_engine_free(w.engine);
    kt_canvas_free(&w.canvas);
    (void)fclose(w.say);
    return good && quick ? 0 : 1;
}

static void taken(void *ctx, const char *p, size_t n)
{
    (void)p;
    *(size_t *)ctx += n;
}

static void print_file(const char *path)
{
    char line[400];
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        printf("rows: %s", line);
    if (f)
        (void)fclose(f);
    (void)fflush(stdout);
}

static void every_command_has_its_frame_in_time(void **state)
{
    int status = -1;
    size_t bytes = 0;
    (void)state;
    struct pty *p = pty_start(&(struct pty_opts){.run = measure, .rows = 50, .cols = 200, .tap = taken, .tap_ctx = &bytes});
    bool ended = pty_exits_within(p, 2 * LOAD_MS, &status);
    print_file(temp_path(&home, "report"));
    printf("rows: %.1f MB went to the terminal\n", (double)bytes / 1e6);
    pty_stop(p);
    assert_true(ended);
    assert_int_equal(status, 0);
}

/* --- following ------------------------------------------------------------------------------ */

/* What the process and its threads have had of the processor. */
static double spent_ms(pid_t pid)
{
    char path[64], text[1024];
    unsigned long user = 0, sys = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    (void)fclose(f);
    const char *rest = strrchr(text, ')');
    assert_non_null(rest);
    assert_int_equal(sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys), 2);
    return (double)(user + sys) * 1e3 / (double)sysconf(_SC_CLK_TCK);
}

/* A second of events, in ten pieces. */
static void a_second(struct pty *p, int creations)
{
    static long n;
    for (int i = 0; i < 10; i++) {
        struct kt_buf b;
        int64_t from = kt_mono_ms();
        kt_buf_init(&b, 64 << 20);
        for (long k = 0; k < rate / 10; k++)
            many_more(&b, rows, ++n, creations, kt_now(NULL));
        FILE *f = fopen(temp_path(&home, "live.jsonl"), "ab");
        assert_true(f && fwrite(b.p, 1, b.len, f) == b.len && fclose(f) == 0);
        kt_buf_free(&b);
        int64_t spent = kt_mono_ms() - from;
        (void)pty_listen(p, spent < 100 ? (int)(100 - spent) : 1);
    }
}

/* The rows that are read: when, by whom, for whom, which key; what is made of them may change. */
static void rows_shown(struct pty *p, struct kt_buf *b)
{
    enum { FIRST = 3, LAST_ROW = 30, TIME_TO = 10, NAMES_FROM = 18, NAMES_TO = 100 };
    kt_buf_init(b, 1 << 20);
    for (int i = FIRST; i <= LAST_ROW; i++) {
        char line[8192];
        snprintf(line, sizeof line, "%s", pty_row(p, i));
        for (int c = 0; line[c] && c < NAMES_TO; c++) /* the heads are ASCII up to there, but for the bar and risk's mark */
            if (c < TIME_TO || c >= NAMES_FROM)
                kt_buf_addc(b, line[c]);
        kt_buf_addc(b, '\n');
    }
}

/* How long a key's frame takes while events come: the first of its bytes. */
static void key_times(struct pty *p)
{
    static struct took t[200];
    for (int i = 0; i < 200; i++) {
        (void)pty_read(p, 0);
        double from = clock_ms(CLOCK_MONOTONIC);
        pty_send(p, i % 2 ? "k" : "j");
        (void)pty_read(p, 2000);
        t[i].wall = (float)(clock_ms(CLOCK_MONOTONIC) - from);
        (void)pty_listen(p, 20);
    }
    qsort(t, 200, sizeof *t, by_wall);
    printf("rows: a step of the cursor meanwhile, key sent to frame received: p50 %.1f ms, p99 %.1f ms, worst %.1f ms\n",
           at(t, 200, 0.5), at(t, 200, 0.99), (double)t[199].wall);
}

static double follow(struct pty *p, int creations)
{
    enum { SECONDS = 10 };
    a_second(p, creations);
    double from = spent_ms(pty_pid(p)), wall = (double)kt_mono_ms();
    for (int i = 0; i < SECONDS; i++)
        a_second(p, creations);
    double share = (spent_ms(pty_pid(p)) - from) / ((double)kt_mono_ms() - wall) * 100;
    printf("rows: %ld events a second, each %dth a creation, followed by a program with %ld rows: %.1f %% of a core\n", rate,
           creations, rows, share);
    return share;
}

static void following_costs_little_and_moves_nothing(void **state)
{
    (void)state;
    temp_write(&home, "live.jsonl", "");
    const char *argv[] = {sample_keytop(), "--no-state", "-f", temp_path(&home, "trail.jsonl.zst"), temp_path(&home, "live.jsonl"), NULL};
    struct pty *p = pty_start(&(struct pty_opts){.argv = argv, .rows = 50, .cols = 200});
    double before, now = 0;
    int64_t end = kt_mono_ms() + LOAD_MS;
    do { /* until it has nothing to do */
        before = now;
        (void)pty_listen(p, 2000);
        now = spent_ms(pty_pid(p));
    } while (kt_mono_ms() < end && now > before + 20);
    pty_wait_no_text(p, "still reading");
    pty_send(p, "jjjjjjjjjjjj");
    pty_settle(p, 500);
    struct kt_buf was, is;
    rows_shown(p, &was);
    double share = follow(p, 1000);
    rows_shown(p, &is);
    assert_string_equal(kt_buf_str(&was), kt_buf_str(&is));
    kt_buf_free(&was);
    kt_buf_free(&is);
    (void)follow(p, 100);
    (void)follow(p, 1); /* as no trail is */
    key_times(p);
    pty_send(p, "q");
    (void)pty_wait_exit(p);
    pty_stop(p);
    assert_true(share <= 10);
}

static int set_up(void **state)
{
    (void)state;
    rows = run_number("KEYTOP_ROWS", 1000000);
    rounds = run_number("KEYTOP_ROUNDS", 8);
    rate = run_number("KEYTOP_RATE", 1000);
    temp_dir_make(&home);
    many_write(temp_path(&home, "trail.jsonl.zst"), rows, kt_now(NULL));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_dir_remove(&home);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_has_its_frame_in_time),
        cmocka_unit_test(following_costs_little_and_moves_nothing),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("rows", tests, set_up, tear_down);
}
