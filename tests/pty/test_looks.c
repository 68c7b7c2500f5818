/* What each view looks like on a terminal of 256 colours and on one without any:
 * the colours and attributes that reach it, line by line, as libvterm shows them
 * (it knows no dim). Beside the goldens of tests/screen, which say what is meant. */
#include "tests/support/app_fixture.h"
#include "tests/support/pty.h"
#include "tui/term.h"
#include "tui/themes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 24, COLS = 80 };

struct view {
    const char *name, *keys[4];
    bool mono;
};

static const struct view views[] = {
    {.name = "table"},
    {.name = "table_filter", .keys = {"/", "'result:denied", "Enter"}},
    {.name = "table_search", .keys = {"C-f", "'svc", "Enter"}},
    {.name = "table_marked", .keys = {"Space Down Space"}},
    {.name = "filter_error", .keys = {"/", "'risk:>=50 resul:denied"}},
    {.name = "key", .keys = {"Enter"}},
    {.name = "user", .keys = {"2 Enter"}},
    {.name = "address", .keys = {"4 Enter"}},
    {.name = "agent", .keys = {"5 Enter"}},
    {.name = "record", .keys = {"6 Enter"}},
    {.name = "diff", .keys = {"Space Space d"}},
    {.name = "groups", .keys = {"b"}},
    {.name = "histogram", .keys = {"H"}},
    {.name = "wall", .keys = {"W"}},
    {.name = "help", .keys = {"?"}},
    {.name = "sources", .keys = {"S"}},
    {.name = "views", .keys = {"v"}},
    {.name = "columns", .keys = {"C"}},
    {.name = "sort", .keys = {"s"}},
    {.name = "themes", .keys = {"T"}},
    {.name = "palette", .keys = {":"}},
};

/* In the child: the view, then nothing until it is ended. */
static int show(void *ctx)
{
    const struct view *v = ctx;
    struct fixture f;
    struct kt_theme theme;
    struct kt_term *t;
    struct kt_err e = {0};
    fixture_open(&f, FIXTURE_DAY, ROWS, COLS, false);
    for (size_t i = 0; i < 4 && v->keys[i]; i++)
        fixture_keys(&f, v->keys[i]);
    if (kt_themes_load(&theme, KT_THEME_DEFAULT, NULL, &e) || kt_term_open(&t, &(struct kt_term_opts){.theme = &theme, .color = !v->mono}, &e))
        return 1;
    kt_app_draw(f.app, &f.canvas);
    while (!kt_term_present(t, &f.canvas))
        (void)poll(&(struct pollfd){.fd = kt_term_fd(t), .events = POLLOUT}, 1, 1000);
    kt_term_title(t, "shown");
    while (!kt_term_flush(t))
        (void)poll(&(struct pollfd){.fd = kt_term_fd(t), .events = POLLOUT}, 1, 1000);
    for (;;)
        (void)pause();
}

static bool alike(const struct pty_cell *a, const struct pty_cell *b)
{
    return a->bold == b->bold && a->underline == b->underline && a->reverse == b->reverse && a->fg_default == b->fg_default &&
           a->bg_default == b->bg_default && (a->fg_default || a->fg == b->fg) && (a->bg_default || a->bg == b->bg);
}

static void dump_run(struct kt_buf *b, const struct pty_cell *c, int from, int to)
{
    kt_buf_addf(b, " %d-%d:", from, to);
    if (!c->fg_default)
        kt_buf_addf(b, "%d", c->fg);
    if (!c->bg_default)
        kt_buf_addf(b, "/%d", c->bg);
    kt_buf_adds(b, c->bold ? "+bold" : "");
    kt_buf_adds(b, c->underline ? "+underline" : "");
    kt_buf_adds(b, c->reverse ? "+reverse" : "");
}

static void dump_line(struct pty *p, int row, struct kt_buf *b)
{
    struct pty_cell first = pty_cell(p, row, 0), next;
    kt_buf_addf(b, "%d:", row);
    for (int from = 0, to = 1; from < COLS; from = to++, first = next) {
        for (next = first; to < COLS && (next = pty_cell(p, row, to), alike(&first, &next)); to++)
            ;
        dump_run(b, &first, from, to - 1);
    }
    kt_buf_addc(b, '\n');
}

static void each(bool mono)
{
    for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
        struct view v = views[i];
        struct kt_buf b;
        char name[80];
        v.mono = mono;
        struct pty *p = pty_start(&(struct pty_opts){.run = show, .ctx = &v, .rows = ROWS, .cols = COLS});
        (void)pty_wait_bytes(p, 0, "]2;shown");
        kt_buf_init(&b, 1 << 20);
        for (int row = 0; row < ROWS; row++)
            kt_buf_addf(&b, "%s\n", pty_row(p, row));
        kt_buf_adds(&b, mono ? "--- no colour\n" : "--- 256 colours\n");
        for (int row = 0; row < ROWS; row++)
            dump_line(p, row, &b);
        assert_false(b.failed);
        if (mono)
            assert_false(pty_log_has(p, 0, "\033[38;") || pty_log_has(p, 0, "\033[48;"));
        snprintf(name, sizeof name, "look_%s_%s", v.name, mono ? "mono" : "256");
        golden_text(name, kt_buf_str(&b));
        kt_buf_free(&b);
        pty_stop(p);
    }
}

static void every_view_in_256_colours(void **state)
{
    (void)state;
    each(false);
}

static void every_view_without_colour(void **state)
{
    (void)state;
    each(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_view_in_256_colours),
        cmocka_unit_test(every_view_without_colour),
    };
    return cmocka_run_group_tests_name("looks", tests, NULL, NULL);
}
