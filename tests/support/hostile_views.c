#include "hostile_views.h"

#include "tests/support/app_fixture.h"
#include "tests/support/pty.h"
#include "tests/support/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- which code points ----------------------------------------------------- */

static bool special(uint32_t cp)
{
    return cp < 0x3100 || (cp >= 0xD7F0 && cp <= 0xE00F) || (cp >= 0xFD00 && cp <= 0xFFFF) || (cp & 0xFFFF) >= 0xFFF0 ||
           (cp >= 0x1BCA0 && cp <= 0x1BCAF) || (cp >= 0x1D150 && cp <= 0x1D180) || (cp >= 0x1F1E0 && cp <= 0x1F400) ||
           (cp >= 0x1F3F0 && cp <= 0x1F400) || (cp >= 0xE0000 && cp <= 0xE01FF);
}

void hostile_list(struct hostile_list *l, uint32_t every)
{
    l->n = 0;
    l->cp = malloc(0x110000 * sizeof *l->cp);
    assert_non_null(l->cp);
    for (uint32_t cp = 0; cp < 0x110000; cp++)
        if (cp % every == 0 || special(cp))
            l->cp[l->n++] = cp;
}

void hostile_thin(struct hostile_list *l, size_t every)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i += every)
        l->cp[n++] = l->cp[i];
    l->n = n;
}

/* --- records --------------------------------------------------------------- */

static const char *const shared[HOSTILE_FIELD_COUNT] = {
    [HOSTILE_ACTOR] = "shared-actor", [HOSTILE_ADDRESS] = "198.51.100.1",   [HOSTILE_AGENT] = "curl/8.0.0",
    [HOSTILE_REQUEST] = "shared-target", [HOSTILE_RESPONSE] = "shared-target",
};

/* The same text in every field, except for one that is shared (-1: none). */
static void add(struct kt_buf *b, int n, enum hostile_shape shape, const char *text, int kept)
{
    const char *f[HOSTILE_FIELD_COUNT];
    for (int i = 0; i < HOSTILE_FIELD_COUNT; i++)
        f[i] = text;
    if (kept >= 0)
        f[kept] = shared[kept];
    if (kept == HOSTILE_REQUEST)
        f[HOSTILE_RESPONSE] = shared[HOSTILE_RESPONSE];
    f[HOSTILE_ACCOUNT] = kept >= 0 ? NULL : text; /* an entity belongs to its account */
    hostile_record(b, n, shape, f);
}

size_t hostile_chunk(struct kt_buf *b, const uint32_t *cp, size_t n, size_t *wide)
{
    struct kt_buf text;
    int at = 2000000;
    kt_buf_init(&text, 1 << 20);
    hostile_record(b, at--, HOSTILE_CREATED, shared);
    *wide = 0;
    for (size_t i = 0; i < n; i += HOSTILE_WIDE) {
        kt_buf_reset(&text);
        for (size_t k = i; k < n && k < i + HOSTILE_WIDE; k++)
            hostile_put(&text, cp[k], k % 2);
        add(b, at--, HOSTILE_CREATED, kt_buf_str(&text), -1);
        add(b, at--, HOSTILE_DENIED, kt_buf_str(&text), -1);
        add(b, at--, HOSTILE_ROLE, kt_buf_str(&text), -1);
        *wide += 3;
    }
    for (size_t i = 0; i < n; i++) {
        kt_buf_reset(&text);
        if (i % 3)
            kt_buf_addc(&text, 'e'); /* for marks that combine */
        hostile_put(&text, cp[i], i % 2 == 0);
        add(b, at--, HOSTILE_CREATED, kt_buf_str(&text), HOSTILE_ACTOR);
        add(b, at--, HOSTILE_ROLE, kt_buf_str(&text), i % 2 ? HOSTILE_ADDRESS : HOSTILE_REQUEST);
        add(b, at--, HOSTILE_DENIED, kt_buf_str(&text), HOSTILE_AGENT);
    }
    assert_false(b->failed || text.failed);
    kt_buf_free(&text);
    return (size_t)(2000000 - at);
}

static const char *const view_name[] = {"table", "panes below", "panes in full", "lists in panes", "record", "others"};

void hostile_tally_print(const struct hostile_tally *t, const char *what)
{
    printf("%s: %" PRIu64 " code points in %" PRIu64 " records", what, t->code_points, t->records);
    if (t->bytes)
        printf(", %" PRIu64 " bytes of which %" PRIu64 " sequences", t->bytes, t->sequences);
    printf("\n");
    for (int i = 0; i < HOSTILE_VIEWS; i++)
        if (t->view[i].frames)
            printf("  %-15s %8" PRIu64 " frames, %12" PRIu64 " cells, %7zu code points drawn or named, %6.1f s\n",
                   view_name[i], t->view[i].frames, t->view[i].cells, hostile_count(&t->view[i].seen),
                   (double)t->view[i].ms / 1e3);
}

void hostile_assert_seen(const struct hostile_tally *t, enum hostile_view v, const struct hostile_list *l)
{
    size_t missing = 0;
    uint32_t first = 0;
    for (size_t i = 0; i < l->n; i++) {
        uint32_t cp = l->cp[i];
        if ((cp >= 0xD800 && cp <= 0xDFFF) || hostile_was_seen(&t->view[v].seen, cp))
            continue;
        first = missing++ ? first : cp;
    }
    if (missing)
        fail_msg("%s: %zu of %zu code points were never seen, the first is U+%04X", view_name[v], missing, l->n, first);
}

/* --- canvases -------------------------------------------------------------- */

struct canvas_walk {
    struct fixture f;
    struct hostile_tally *t;
    bool all_widths;
};

static void look(struct canvas_walk *w, enum hostile_view v)
{
    int row, col;
    kt_app_draw(w->f.app, &w->f.canvas);
    const char *wrong = hostile_canvas(&w->f.canvas, &row, &col);
    if (wrong)
        fail_msg("%s, %dx%d, row %d, column %d: %s: %s", view_name[v], w->f.canvas.rows, w->f.canvas.cols, row, col, wrong,
                 fixture_line(&w->f, row));
    hostile_see_canvas(&w->t->view[v].seen, &w->f.canvas);
    w->t->view[v].frames++;
    w->t->view[v].cells += (uint64_t)w->f.canvas.rows * (uint64_t)w->f.canvas.cols;
}

static void press(struct canvas_walk *w, const char *keys)
{
    fixture_keys(&w->f, keys);
}

/* From the top to the end: until a page is as the one before. */
static void page_through(struct canvas_walk *w, enum hostile_view v, size_t most)
{
    size_t n = (size_t)w->f.canvas.rows * (size_t)w->f.canvas.cols * sizeof *w->f.canvas.cell;
    void *before = malloc(n);
    assert_non_null(before);
    press(w, "Home");
    for (size_t i = 0; i < most; i++) {
        look(w, v);
        if (i && memcmp(before, w->f.canvas.cell, n) == 0)
            break;
        memcpy(before, w->f.canvas.cell, n);
        press(w, "PgDn");
    }
    free(before);
}

static void draw_table(struct canvas_walk *w)
{
    static const int widths[] = {200, 80, 132, 50, 24};
    for (size_t i = 0; i < (w->all_widths ? 5 : 2); i++) {
        fixture_resize(&w->f, 1000, widths[i]);
        press(w, "1");
        page_through(w, HOSTILE_TABLE, 100);
    }
}

/* Which panes: all of a created key's; of the others those that differ. */
static const char *const tabs_of[HOSTILE_SHAPES] = {
    [HOSTILE_CREATED] = "1 2 3 4 5 6", [HOSTILE_DENIED] = "1 3 6", [HOSTILE_ROLE] = "1 3"};

static void draw_wide(struct canvas_walk *w, size_t wide)
{
    fixture_resize(&w->f, 46, 1000);
    press(w, "Home");
    for (size_t i = 0; i < wide; i++) {
        press(w, "Down");
        for (const char *tab = tabs_of[i % HOSTILE_SHAPES]; *tab; tab += tab[1] ? 2 : 1) {
            char key[2] = {*tab};
            press(w, key);
            look(w, HOSTILE_TABS);
            if (i % 3 == 0 && *tab != '6' && i / 3 % 5 != (size_t)(*tab - '1'))
                continue; /* one of a created key's each time: they are drawn by the same hand */
            press(w, "Enter");
            look(w, *tab == '6' ? HOSTILE_RECORD : HOSTILE_PANES);
            press(w, "Backspace");
        }
    }
}

/* The panes of what all rows share: their lists hold every text. */
static void draw_fans(struct canvas_walk *w)
{
    static const char *const tab[] = {"2", "3", "4", "5"};
    static const int widths[] = {200, 80};
    for (int i = 0; i < (w->all_widths ? 2 : 1); i++) {
        fixture_resize(&w->f, 1000, widths[i]);
        for (int k = 0; k < 4; k++) {
            press(w, "Home");
            press(w, tab[k]);
            press(w, "Enter");
            page_through(w, HOSTILE_FANS, 40);
            press(w, "Backspace");
        }
    }
}

static void draw_others(struct canvas_walk *w)
{
    static const char *const keys[] = {"s", "Esc", "?", "Esc", "S", "Esc", "/", "Esc"};
    fixture_resize(&w->f, 50, 200);
    press(w, "Home");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        press(w, keys[i]);
        look(w, HOSTILE_OTHERS);
    }
}

/* Code points pasted into the prompts: what is written, found, and complained of. */
static void draw_prompts(struct canvas_walk *w, const uint32_t *cp, size_t n)
{
    enum { PASTED = 60 };
    static const char *const open[] = {"/", "C-f"};
    fixture_resize(&w->f, 6, 1000);
    for (size_t i = 0; i < n; i += PASTED) {
        press(w, open[i / PASTED % 2]);
        kt_app_key(w->f.app, (struct kt_key){KT_KEY_PASTE_BEGIN, 0});
        for (size_t k = i; k < n && k < i + PASTED; k++)
            kt_app_key(w->f.app, KT_CHAR(cp[k]));
        kt_app_key(w->f.app, (struct kt_key){KT_KEY_PASTE_END, 0});
        fixture_settle(&w->f);
        look(w, HOSTILE_OTHERS);
        press(w, "Enter");
        look(w, HOSTILE_OTHERS);
        press(w, "C-u Esc Esc Esc");
    }
}

static int64_t fixed_now(void *ctx)
{
    return ((struct fixture *)ctx)->now;
}

static void open_over(struct fixture *f, const struct kt_buf *b, bool ascii)
{
    struct kt_err e = {0};
    *f = (struct fixture){.now = kt_time_parse(KT_LIT("2026-11-28T14:32:40Z"))};
    f->clock = (struct kt_clock){fixed_now, f};
    struct kt_engine_opts o = {.since = KT_TIME_NONE, .until = KT_TIME_NONE, .clock = &f->clock,
                               .store = {.keep_raw = true}};
    assert_int_equal(kt_engine_new(&f->engine, &o, &e), KT_OK);
    assert_int_equal(kt_engine_feed(f->engine, "\xe2\x80\xaetrail\x1b[2J", b->p, b->len, &e), KT_OK);
    assert_int_equal(kt_engine_start(f->engine, &e), KT_OK);
    struct kt_app_opts a = {.engine = f->engine, .clock = &f->clock, .ascii = ascii};
    f->app = kt_app_new(&a);
    assert_non_null(f->app);
    assert_true(kt_canvas_init(&f->canvas, 50, 200, ascii));
    fixture_settle(f);
}

static int64_t spent(struct hostile_tally *t, enum hostile_view v, int64_t from)
{
    int64_t now = kt_mono_ms();
    t->view[v].ms += now - from;
    return now;
}

void hostile_draw_all(const struct hostile_list *l, const struct hostile_canvas_opts *o, struct hostile_tally *t)
{
    struct kt_buf b;
    kt_buf_init(&b, 256 << 20);
    assert_non_null(setlocale(LC_ALL, o->locale));
    for (size_t i = 0; i < l->n; i += HOSTILE_CHUNK) {
        size_t n = l->n - i < HOSTILE_CHUNK ? l->n - i : HOSTILE_CHUNK, wide;
        struct canvas_walk w = {.t = t};
        kt_buf_reset(&b);
        t->records += hostile_chunk(&b, l->cp + i, n, &wide);
        t->code_points += n;
        open_over(&w.f, &b, o->ascii);
        w.all_widths = i / HOSTILE_CHUNK % o->widths_every == 0;
        int64_t from = kt_mono_ms();
        draw_table(&w);
        from = spent(t, HOSTILE_TABLE, from);
        draw_wide(&w, wide);
        from = spent(t, HOSTILE_TABS, from);
        draw_fans(&w);
        from = spent(t, HOSTILE_FANS, from);
        draw_others(&w);
        spent(t, HOSTILE_OTHERS, from);
        fixture_close(&w.f);
    }
    struct canvas_walk w = {.t = t};
    int64_t from = kt_mono_ms();
    kt_buf_reset(&b);
    hostile_record(&b, 1, HOSTILE_CREATED, shared);
    open_over(&w.f, &b, o->ascii);
    draw_prompts(&w, l->cp, l->n);
    fixture_close(&w.f);
    spent(t, HOSTILE_OTHERS, from);
    setlocale(LC_ALL, "C.UTF-8");
    kt_buf_free(&b);
}

/* --- the program on a terminal --------------------------------------------- */

struct pty_walk {
    const struct hostile_pty_opts *o;
    struct hostile_tally *t;
    struct hostile_scan scan;
    struct pty *p;
    enum hostile_view view;
    int rows, cols;
};

static void tap(void *ctx, const char *p, size_t n)
{
    struct pty_walk *w = ctx;
    uint64_t before = w->scan.bytes;
    if (hostile_scan(&w->scan, p, n))
        return;
    char near[400] = "";
    size_t at = (size_t)(w->scan.bytes - before), k = 0;
    for (size_t i = at > 60 ? at - 60 : 0; i <= at && i < n; i++)
        k += (size_t)snprintf(near + k, sizeof near - k, p[i] > 0x20 && p[i] < 0x7F ? "%c" : "\\%02x", (unsigned char)p[i]);
    fail_msg("%s, %dx%d: %s: %s", view_name[w->view], w->rows, w->cols, w->scan.wrong, near);
}

static void view(struct pty_walk *w, enum hostile_view v)
{
    w->view = v;
    w->scan.seen = &w->t->view[v].seen;
}

/* A whole frame: it begins with a clear and ends with the cursor at home. */
static void whole_frame(struct pty_walk *w, const char *keys)
{
    size_t clears = w->scan.clears;
    int64_t end = kt_mono_ms() + PTY_LIMIT_MS;
    pty_send(w->p, keys);
    pty_send(w->p, "\x0c");
    while (pty_read(w->p, w->scan.clears > clears && w->scan.at_home ? 0 : 20) || w->scan.clears == clears ||
           !w->scan.at_home)
        if (kt_mono_ms() > end)
            fail_msg("%s: no frame came", view_name[w->view]);
    w->t->view[w->view].frames++;
    w->t->view[w->view].cells += (uint64_t)w->rows * (uint64_t)w->cols;
}

/* Keys whose answer may need news from the engine. */
static void settled_frame(struct pty_walk *w, const char *keys)
{
    pty_send(w->p, keys);
    pty_settle(w->p, 12);
    whole_frame(w, "");
}

static void fit(struct pty_walk *w, int rows, int cols)
{
    w->scan.rows = w->rows > rows ? w->rows : rows; /* what is on its way is for the old size */
    w->scan.cols = w->cols > cols ? w->cols : cols;
    pty_resize(w->p, rows, cols);
    w->rows = rows;
    w->cols = cols;
    settled_frame(w, "");
    w->scan.rows = rows;
    w->scan.cols = cols;
}

static void pages(struct pty_walk *w, size_t n)
{
    settled_frame(w, "g");
    for (size_t i = 0; i < n; i++)
        whole_frame(w, "\033[6~");
}

static void walk_table(struct pty_walk *w, size_t records)
{
    static const int widths[] = {200, 80};
    view(w, HOSTILE_TABLE);
    for (size_t i = 0; i < 2; i++) {
        fit(w, w->o->rows, widths[i]);
        pages(w, records / (size_t)(w->o->rows * 6 / 10) + 2);
    }
}

static void walk_wide(struct pty_walk *w, size_t wide)
{
    fit(w, 46, 1000);
    settled_frame(w, "1g");
    for (size_t i = 0; i < wide; i++) {
        pty_send(w->p, "j");
        if (w->o->wide_every > 1 && i / 3 % w->o->wide_every)
            continue;
        for (const char *tab = tabs_of[i % HOSTILE_SHAPES]; *tab; tab += tab[1] ? 2 : 1) {
            char key[2] = {*tab};
            view(w, HOSTILE_TABS);
            settled_frame(w, key);
            if (i % 3 == 0 && *tab != '6' && i / 3 % 5 != (size_t)(*tab - '1'))
                continue;
            view(w, *tab == '6' ? HOSTILE_RECORD : HOSTILE_PANES);
            settled_frame(w, "\r");
            pty_send(w->p, "\177");
        }
    }
    pty_settle(w->p, 12);
}

static void walk_fans(struct pty_walk *w)
{
    static const char *const tab[] = {"2", "3", "4", "5"};
    view(w, HOSTILE_FANS);
    fit(w, w->o->rows, 200);
    for (int k = 0; k < 4; k++) {
        settled_frame(w, "g");
        settled_frame(w, tab[k]);
        settled_frame(w, "\r");
        pages(w, 2 + 8 * 1000 / (size_t)w->o->rows);
        settled_frame(w, "\177");
    }
}

static bool may_be_typed(uint32_t cp)
{
    return cp >= 0x20 && cp != 0x7F && (cp < 0xD800 || cp > 0xDFFF);
}

static void walk_others(struct pty_walk *w, const uint32_t *cp, size_t n)
{
    enum { PASTED = 60 };
    static const char *const keys[] = {"s", "\033", "?", "\033", "S", "\033[6~", "\033[6~", "\033"};
    struct kt_buf b;
    view(w, HOSTILE_OTHERS);
    fit(w, 50, 1000);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        settled_frame(w, keys[i]);
    fit(w, 8, 1000);
    kt_buf_init(&b, 4096);
    for (size_t i = 0; i < n; i += PASTED) {
        kt_buf_reset(&b);
        kt_buf_adds(&b, i / PASTED % 2 ? "/\033[200~" : "\006\033[200~");
        for (size_t k = i; k < n && k < i + PASTED; k++)
            if (may_be_typed(cp[k]) && cp[k] != '"' && cp[k] != '\\')
                hostile_put(&b, cp[k], false);
        kt_buf_adds(&b, "\033[201~");
        pty_send(w->p, kt_buf_str(&b));
        pty_settle(w->p, 12);
        pty_send(w->p, "\x0c");
        pty_settle(w->p, 8);
        w->t->view[HOSTILE_OTHERS].frames++;
        pty_send(w->p, "\025\r");
        pty_settle(w->p, 8);
    }
    kt_buf_free(&b);
}

/* Files whose names are of the chunk's code points, with a record that is none. */
static void write_files(const char *folder, const uint32_t *cp, size_t n)
{
    struct kt_buf name;
    char path[512];
    kt_buf_init(&name, 256);
    for (size_t i = 0; i < n; i += 50) {
        kt_buf_reset(&name);
        for (size_t k = i; k < n && k < i + 50; k++)
            if (cp[k] >= 0xD800 && cp[k] <= 0xDFFF)
                hostile_put_surrogate_bytes(&name, cp[k]);
            else if (cp[k] < 0x80 && cp[k] != '/' && cp[k])
                kt_buf_addc(&name, (char)cp[k]);
            else if (cp[k] >= 0x80)
                hostile_put(&name, cp[k], false);
        kt_buf_adds(&name, ".json");
        static const char bad[] = "{\"eventName\":\"CreateAccessKey\",\"userAgent\":\"\x1b]0;x\x07\",}\n";
        sample_write(folder, kt_buf_str(&name), bad, sizeof bad - 1, false, path);
    }
    kt_buf_free(&name);
}

static void begin(struct pty_walk *w, const char *source)
{
    const char *argv[5] = {sample_keytop()};
    int k = 1;
    if (w->o->ascii)
        argv[k++] = "--ascii";
    argv[k] = source;
    w->rows = 50;
    w->cols = 200;
    hostile_scan_init(&w->scan, 50, 200, w->o->ascii);
    view(w, HOSTILE_TABLE);
    w->p = pty_start(&(struct pty_opts){.argv = argv, .env = w->o->env, .rows = 50, .cols = 200, .tap = tap, .tap_ctx = w});
    while (!w->scan.clears)
        pty_read(w->p, 100);
    pty_settle(w->p, 1000); /* while it reads, its counts change ten times a second */
}

static void end(struct pty_walk *w)
{
    pty_send(w->p, "\033");
    pty_settle(w->p, 60);
    pty_send(w->p, "q");
    assert_int_equal(pty_wait_exit(w->p), 0);
    pty_stop(w->p);
    w->t->bytes += w->scan.bytes;
    w->t->sequences += w->scan.sequences;
}

static void walk_chunk(struct pty_walk *w, const uint32_t *cp, size_t n, const char *folder, size_t records, size_t wide)
{
    begin(w, folder);
    int64_t from = kt_mono_ms();
    walk_table(w, records);
    from = spent(w->t, HOSTILE_TABLE, from);
    walk_wide(w, wide);
    from = spent(w->t, HOSTILE_TABS, from);
    walk_fans(w);
    from = spent(w->t, HOSTILE_FANS, from);
    walk_others(w, cp, n);
    spent(w->t, HOSTILE_OTHERS, from);
    end(w);
}

void hostile_run_all(const struct hostile_list *l, const struct hostile_pty_opts *o, struct hostile_tally *t)
{
    struct kt_buf b;
    kt_buf_init(&b, 256 << 20);
    assert_non_null(setlocale(LC_ALL, "C.UTF-8")); /* for widths; the program has its own */
    for (size_t i = 0; i < l->n; i += HOSTILE_CHUNK) {
        size_t n = l->n - i < HOSTILE_CHUNK ? l->n - i : HOSTILE_CHUNK, wide;
        struct pty_walk w = {.o = o, .t = t};
        char path[512], *folder = sample_folder();
        kt_buf_reset(&b);
        size_t records = hostile_chunk(&b, l->cp + i, n, &wide);
        sample_write(folder, "trail.jsonl", b.p, b.len, false, path);
        write_files(folder, l->cp + i, n);
        t->records += records;
        t->code_points += n;
        walk_chunk(&w, l->cp + i, n, folder, records, wide);
        sample_remove(folder);
    }
    kt_buf_free(&b);
}

enum { DENSE = 19000, SPOKEN = 1500 };

/* Records with 1,500 in their message, then a row for each. */
static size_t dense_chunk(struct kt_buf *b, const uint32_t *cp, size_t n)
{
    struct kt_buf text;
    const char *f[HOSTILE_FIELD_COUNT] = {NULL};
    int at = 2000000;
    kt_buf_init(&text, 1 << 20);
    for (size_t i = 0; i < n; i += SPOKEN) {
        kt_buf_reset(&text);
        for (size_t k = i; k < n && k < i + SPOKEN; k++)
            hostile_put(&text, cp[k], false);
        f[HOSTILE_MESSAGE] = kt_buf_str(&text);
        hostile_record(b, at--, HOSTILE_DENIED, f);
    }
    for (size_t i = 0; i < n; i++) {
        kt_buf_reset(&text);
        if (i % 3)
            kt_buf_addc(&text, 'e');
        hostile_put(&text, cp[i], i % 2);
        add(b, at--, i % 4 == 3 ? HOSTILE_DENIED : i % 4 == 2 ? HOSTILE_ROLE : HOSTILE_CREATED, kt_buf_str(&text), -1);
    }
    assert_false(b->failed || text.failed);
    kt_buf_free(&text);
    return (size_t)(2000000 - at);
}

static void walk_dense(struct pty_walk *w, size_t n, size_t records)
{
    int64_t from = kt_mono_ms();
    fit(w, w->o->rows, 200);
    pages(w, records / (size_t)(w->o->rows * 6 / 10) + 2);
    from = spent(w->t, HOSTILE_TABLE, from);
    view(w, HOSTILE_RECORD);
    fit(w, 180, 200);
    settled_frame(w, "g");
    settled_frame(w, "6");
    for (size_t i = 0; i < n; i += SPOKEN) {
        settled_frame(w, "\rw");
        settled_frame(w, "\177j");
    }
    spent(w->t, HOSTILE_RECORD, from);
}

void hostile_run_dense(const struct hostile_list *l, const struct hostile_pty_opts *o, struct hostile_tally *t)
{
    struct kt_buf b;
    char path[512], *folder = sample_folder();
    kt_buf_init(&b, 256 << 20);
    assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
    for (size_t i = 0; i < l->n; i += DENSE) {
        size_t n = l->n - i < DENSE ? l->n - i : DENSE;
        struct pty_walk w = {.o = o, .t = t};
        kt_buf_reset(&b);
        size_t records = dense_chunk(&b, l->cp + i, n);
        sample_write(folder, "trail.jsonl", b.p, b.len, false, path);
        t->records += records;
        t->code_points += n;
        begin(&w, path);
        walk_dense(&w, n, records);
        end(&w);
    }
    sample_remove(folder);
    kt_buf_free(&b);
}

/* --- columns --------------------------------------------------------------- */

enum { STRINGS = 500, KINDS = 6, HEADS = 2 };
static const struct {
    enum hostile_field field;
    const char *head;
} column_of[KINDS] = {{HOSTILE_AGENT, "AGENT"},   {HOSTILE_ACTOR, "ACTOR"}, {HOSTILE_REQUEST, "TARGET"},
                      {HOSTILE_ADDRESS, "FROM"}, {HOSTILE_KEY, "KEY"},     {HOSTILE_REGION, "REGION"}};

static void one_field_each(struct kt_buf *b, uint64_t *random, bool hostile)
{
    struct kt_buf text;
    kt_buf_init(&text, 65536);
    for (int i = 0; i < STRINGS; i++) {
        const char *f[HOSTILE_FIELD_COUNT] = {NULL};
        kt_buf_reset(&text);
        if (hostile)
            hostile_text(&text, random, 12);
        else
            kt_buf_adds(&text, "harmless");
        f[column_of[i % KINDS].field] = kt_buf_str(&text);
        hostile_record(b, 100000 - i, HOSTILE_CREATED, f);
    }
    assert_false(b->failed || text.failed);
    kt_buf_free(&text);
}

static void head_columns(const struct kt_canvas *c, const char *head, int *from, int *to)
{
    char line[1001] = "";
    const struct kt_grid_cell *g = c->cell + (size_t)HEADS * (size_t)c->cols;
    for (int i = 0; i < c->cols; i++)
        line[i] = g[i].cell.utf8[0] > 0x20 ? g[i].cell.utf8[0] : ' ';
    const char *hit = strstr(line, head);
    assert_non_null(hit);
    *from = (int)(hit - line);
    *to = *from + (int)strlen(head);
    while (*to < c->cols && line[*to] == ' ')
        ++*to;
}

static bool in_head(const struct kt_canvas *c, const char *head, int col)
{
    int from, to;
    head_columns(c, head, &from, &to);
    return col >= from && col < to;
}

static size_t compare_columns(const struct kt_canvas *a, const struct kt_canvas *b)
{
    size_t compared = 0;
    int row = HEADS;
    for (int i = 0; i < STRINGS; i++) {
        do /* over the line that names the day */
            row++;
        while (a->cell[(size_t)row * (size_t)a->cols + 3].cell.utf8[0] != ':');
        for (int col = 0; col < a->cols; col++) {
            const struct kt_grid_cell *x = a->cell + (size_t)row * (size_t)a->cols + col;
            const struct kt_grid_cell *y = b->cell + (size_t)row * (size_t)b->cols + col;
            if (strcmp(x->cell.utf8, y->cell.utf8) == 0 && x->cell.width == y->cell.width) {
                compared++;
                continue;
            }
            /* what the text says of risk is said in two more columns */
            if (!in_head(a, column_of[i % KINDS].head, col) && !in_head(a, "RISK", col) && !in_head(a, "WHY", col))
                fail_msg("a text in %s changes column %d of row %d, \"%s\" to \"%s\"", column_of[i % KINDS].head, col, i,
                         x->cell.utf8, y->cell.utf8);
        }
    }
    return compared;
}

size_t hostile_columns(size_t strings)
{
    struct kt_buf b;
    uint64_t random = UINT64_C(88172645463325252);
    struct fixture calm, wild;
    size_t done = 0, cells = 0;
    kt_buf_init(&b, 64 << 20);
    assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
    one_field_each(&b, &random, false);
    open_over(&calm, &b, false);
    for (; done < strings; done += STRINGS) {
        kt_buf_reset(&b);
        one_field_each(&b, &random, true);
        open_over(&wild, &b, false);
        int width = done / STRINGS % 2 ? 300 : 180; /* wide enough for a column of each */
        fixture_resize(&calm, 1000, width);
        fixture_resize(&wild, 1000, width);
        kt_app_draw(calm.app, &calm.canvas);
        kt_app_draw(wild.app, &wild.canvas);
        cells += compare_columns(&calm.canvas, &wild.canvas);
        fixture_close(&wild);
    }
    fixture_close(&calm);
    kt_buf_free(&b);
    return cells;
}
