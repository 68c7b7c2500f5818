/* Hostile records on canvases: none of what is hostile is in a cell. */
#include "hostile_stage.h"

#include "base/clock.h"
#include "tui/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

struct canvas_stage {
    struct hostile_stage s;
    struct fixture f;
};

static struct canvas_stage *stage_of(struct hostile_stage *s)
{
    return (struct canvas_stage *)s;
}

static void fit(struct hostile_stage *s, int rows, int cols)
{
    fixture_resize(&stage_of(s)->f, rows, cols);
    s->rows = rows;
    s->cols = cols;
}

/* Answers are waited for by the next look alone: a settling costs more than a frame. */
static void keys(struct hostile_stage *s, const char *names)
{
    char name[KT_KEY_NAME];
    struct kt_key k;
    while (kt_key_next(&names, &k, name))
        kt_app_key(stage_of(s)->f.app, k);
}

static void text(struct hostile_stage *s, const uint32_t *cp, size_t n, bool pasted)
{
    struct kt_app *a = stage_of(s)->f.app;
    if (pasted)
        kt_app_key(a, (struct kt_key){KT_KEY_PASTE_BEGIN, 0});
    for (size_t i = 0; i < n; i++)
        kt_app_key(a, KT_CHAR(cp[i]));
    if (pasted)
        kt_app_key(a, (struct kt_key){KT_KEY_PASTE_END, 0});
}

static void look(struct hostile_stage *s, enum hostile_view v, const char *until)
{
    struct canvas_stage *w = stage_of(s);
    int row, col;
    fixture_settle(&w->f);
    kt_app_draw(w->f.app, &w->f.canvas);
    const char *wrong = hostile_canvas(&w->f.canvas, &row, &col);
    if (wrong)
        fail_msg("%s, %dx%d, row %d, column %d: %s: %s", hostile_view_name(v), s->rows, s->cols, row, col, wrong,
                 fixture_line(&w->f, row));
    hostile_see_canvas(&s->t->view[v].seen, &w->f.canvas);
    if (until && !fixture_shows(&w->f, until))
        fail_msg("%s, %dx%d: there is no \"%s\"", hostile_view_name(v), s->rows, s->cols, until);
}

static const struct hostile_stage_ops ops = {.fit = fit, .keys = keys, .text = text, .look = look};

/* --- an app ---------------------------------------------------------------- */

static int64_t fixed_now(void *ctx)
{
    return ((struct fixture *)ctx)->now;
}

static void make_engine(struct fixture *f)
{
    struct kt_err e = {0};
    *f = (struct fixture){.now = kt_time_parse(KT_LIT("2026-11-28T14:32:40Z"))};
    f->clock = (struct kt_clock){fixed_now, f};
    struct kt_engine_opts o = {.since = KT_TIME_NONE, .until = KT_TIME_NONE, .clock = &f->clock,
                               .store = {.keep_raw = true}};
    assert_int_equal(kt_engine_new(&f->engine, &o, &e), KT_OK);
}

static void make_app(struct fixture *f, bool ascii)
{
    struct kt_err e = {0};
    assert_int_equal(kt_engine_start(f->engine, &e), KT_OK);
    struct kt_app_opts a = {.engine = f->engine, .clock = &f->clock, .ascii = ascii};
    f->app = kt_app_new(&a);
    assert_non_null(f->app);
    assert_true(kt_canvas_init(&f->canvas, 50, 200, ascii));
    fixture_settle(f);
}

void hostile_fixture(struct fixture *f, const struct kt_buf *b, bool ascii)
{
    struct kt_err e = {0};
    make_engine(f);
    assert_int_equal(kt_engine_feed(f->engine, "\xe2\x80\xaetrail\x1b[2J", b->p, b->len, &e), KT_OK);
    make_app(f, ascii);
}

/* --- all of it --------------------------------------------------------------- */

struct job {
    const struct hostile_opts *o;
    struct hostile_tally *t;
};

static void some_records(struct job *j, enum hostile_part part, const struct hostile_list *l)
{
    struct kt_buf b;
    struct canvas_stage w;
    kt_buf_init(&b, 256 << 20);
    for (size_t i = 0; i < l->n; i += HOSTILE_CHUNK) {
        struct hostile_made made;
        hostile_chunk(&b, part, l->cp + i, l->n - i < HOSTILE_CHUNK ? l->n - i : HOSTILE_CHUNK, &made);
        w.s = (struct hostile_stage){.ops = &ops, .t = j->t};
        hostile_fixture(&w.f, &b, j->o->ascii);
        if (part == HOSTILE_LISTS)
            hostile_walk_lists(&w.s, &made, i / HOSTILE_CHUNK % j->o->widths_every == 0);
        else
            hostile_walk_panes(&w.s, &made);
        fixture_close(&w.f);
        j->t->records += made.records;
    }
    kt_buf_free(&b);
}

static void some_lists(void *ctx, const struct hostile_list *l)
{
    some_records(ctx, HOSTILE_LISTS, l);
}

static void some_panes(void *ctx, const struct hostile_list *l)
{
    some_records(ctx, HOSTILE_PANES, l);
}

static void some_prompts(void *ctx, const struct hostile_list *l)
{
    static const char *const usual[HOSTILE_FIELD_COUNT];
    struct job *j = ctx;
    struct kt_buf b;
    struct canvas_stage w = {.s = {.ops = &ops, .t = j->t}};
    kt_buf_init(&b, 1 << 20);
    hostile_record(&b, 1, HOSTILE_CREATED, usual);
    hostile_fixture(&w.f, &b, j->o->ascii);
    hostile_walk_prompts(&w.s, l->cp, l->n);
    fixture_close(&w.f);
    kt_buf_free(&b);
}

static void some_names(void *ctx, const struct hostile_list *l)
{
    struct job *j = ctx;
    struct kt_buf name;
    struct kt_err e = {0};
    kt_buf_init(&name, 1024);
    for (size_t i = 0; i < l->n;) {
        struct canvas_stage w = {.s = {.ops = &ops, .t = j->t}};
        size_t files = 0;
        make_engine(&w.f);
        for (size_t end = i + HOSTILE_NAMES; i < l->n && i < end; files++) {
            i += hostile_name(&name, l->cp + i, l->n - i);
            assert_int_equal(kt_engine_feed(w.f.engine, kt_buf_str(&name), hostile_bad_record,
                                            strlen(hostile_bad_record), &e), KT_OK);
        }
        make_app(&w.f, j->o->ascii);
        hostile_walk_names(&w.s, files);
        fixture_close(&w.f);
        j->t->records += files;
    }
    kt_buf_free(&name);
}

static void all(const struct hostile_list *l, const struct hostile_opts *o, struct hostile_tally *t,
                enum hostile_view first, enum hostile_view last,
                void (*some)(void *ctx, const struct hostile_list *l))
{
    assert_non_null(setlocale(LC_ALL, o->locale));
    /* in ASCII nothing is owed: what is drawn as itself elsewhere is named, and takes more room */
    hostile_until_seen(l, t, first, last, !o->ascii, some, &(struct job){o, t});
    setlocale(LC_ALL, "C.UTF-8");
}

void hostile_draw_lists(const struct hostile_list *l, const struct hostile_opts *o, struct hostile_tally *t)
{
    all(l, o, t, HOSTILE_VIEW_TABLE, HOSTILE_VIEW_RECORD, some_lists);
}

void hostile_draw_panes(const struct hostile_list *l, const struct hostile_opts *o, struct hostile_tally *t)
{
    all(l, o, t, HOSTILE_VIEW_BELOW, HOSTILE_VIEW_AGENT, some_panes);
}

void hostile_draw_prompts(const struct hostile_list *l, const struct hostile_opts *o, struct hostile_tally *t)
{
    all(l, o, t, HOSTILE_VIEW_FILTER, HOSTILE_VIEW_SEARCH, some_prompts);
}

void hostile_draw_names(const struct hostile_list *l, const struct hostile_opts *o, struct hostile_tally *t)
{
    all(l, o, t, HOSTILE_VIEW_SOURCES, HOSTILE_VIEW_MALFORMED, some_names);
}

size_t hostile_draw_bytes(struct hostile_tally *t)
{
    struct kt_buf b;
    struct canvas_stage w = {.s = {.ops = &ops, .t = t}};
    kt_buf_init(&b, 32 << 20);
    assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
    size_t forms = hostile_byte_forms(&b);
    hostile_fixture(&w.f, &b, false);
    fit(&w.s, 24, 200);
    for (size_t i = 0; i < forms; i++) {
        keys(&w.s, "Enter");
        look(&w.s, HOSTILE_VIEW_KEY, "a\xef\xbf\xbd");
        keys(&w.s, "Backspace 6 Enter");
        look(&w.s, HOSTILE_VIEW_RECORD, "  repaired");
        if (!fixture_shows(&w.f, "a\xef\xbf\xbd"))
            fail_msg("form %zu is not repaired", i);
        keys(&w.s, "Backspace 1");
        look(&w.s, HOSTILE_VIEW_BELOW, NULL);
        keys(&w.s, "j");
    }
    fit(&w.s, 1000, 200);
    keys(&w.s, "g");
    for (size_t i = 0; i < forms / 900 + 2; i++) {
        look(&w.s, HOSTILE_VIEW_TABLE, NULL);
        keys(&w.s, "PgDn");
    }
    fixture_close(&w.f);
    kt_buf_free(&b);
    return forms;
}
