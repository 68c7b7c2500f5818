/* Hostile records shown by the program itself: every byte that reaches the
 * terminal is judged. */
#include "hostile_stage.h"

#include "base/clock.h"
#include "tests/support/pty.h"
#include "tests/support/sample.h"
#include "tui/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pty_stage {
    struct hostile_stage s;
    struct hostile_scan scan;
    struct pty *p;
    enum hostile_view view;
    struct kt_buf queue; /* keys that the next look sends */
};

static struct pty_stage *stage_of(struct hostile_stage *s)
{
    return (struct pty_stage *)s;
}

static void tap(void *ctx, const char *p, size_t n)
{
    struct pty_stage *w = ctx;
    uint64_t before = w->scan.bytes;
    if (hostile_scan(&w->scan, p, n))
        return;
    char near[400] = "";
    size_t at = (size_t)(w->scan.bytes - before), k = 0;
    for (size_t i = at > 60 ? at - 60 : 0; i <= at && i < n; i++)
        k += (size_t)snprintf(near + k, sizeof near - k, p[i] > 0x20 && p[i] < 0x7F ? "%c" : "\\%02x",
                              (unsigned char)p[i]);
    fail_msg("%s, %dx%d: %s: %s", hostile_view_name(w->view), w->s.rows, w->s.cols, w->scan.wrong, near);
}

static void keys(struct hostile_stage *s, const char *names)
{
    static const char *const known[][2] = {{"PgDn", "\033[6~"}, {"Enter", "\r"}, {"Backspace", "\177"},
                                           {"Tab", "\t"},       {"C-f", "\006"}, {"C-u", "\025"},
                                           {"Space", " "}};
    enum { KNOWN = sizeof known / sizeof *known };
    struct kt_buf *q = &stage_of(s)->queue;
    for (size_t n; *names; names += n + (names[n] == ' ')) {
        n = strcspn(names, " ");
        size_t i = 0;
        while (i < KNOWN && (strlen(known[i][0]) != n || memcmp(known[i][0], names, n) != 0))
            i++;
        assert_true(i < KNOWN || n == 1);
        if (i < KNOWN)
            kt_buf_adds(q, known[i][1]);
        else
            kt_buf_addc(q, *names);
    }
}

static void text(struct hostile_stage *s, const uint32_t *cp, size_t n, bool pasted)
{
    struct kt_buf *q = &stage_of(s)->queue;
    kt_buf_adds(q, pasted ? "\033[200~" : "");
    for (size_t i = 0; i < n; i++)
        if (cp[i] == '"' || cp[i] == '\\')
            kt_buf_addc(q, (char)cp[i]);
        else
            hostile_put(q, cp[i], false);
    kt_buf_adds(q, pasted ? "\033[201~" : "");
}

static void send(struct pty_stage *w)
{
    assert_false(w->queue.failed);
    pty_send(w->p, kt_buf_str(&w->queue));
    kt_buf_reset(&w->queue);
}

/* A whole frame begins with a clear and ends with the cursor at home, or
 * (in a prompt, where the cursor is elsewhere) holds the words. */
static void whole_frame(struct pty_stage *w, const char *until)
{
    size_t clears = w->scan.clears;
    int64_t end = kt_mono_ms() + PTY_LIMIT_MS;
    kt_buf_addc(&w->queue, '\x0c');
    send(w);
    while (w->scan.clears == clears || !(w->scan.ended || (until && w->scan.found))) {
        if (kt_mono_ms() > end)
            fail_msg("%s, %dx%d: no frame came", hostile_view_name(w->view), w->s.rows, w->s.cols);
        pty_read(w->p, 20);
    }
}

static void look(struct hostile_stage *s, enum hostile_view v, const char *until)
{
    struct pty_stage *w = stage_of(s);
    int64_t end = kt_mono_ms() + 6 * PTY_LIMIT_MS;
    w->view = v;
    w->scan.seen = &s->t->view[v].seen;
    w->scan.words = until;
    w->scan.found = false;
    for (whole_frame(w, until); until && !w->scan.found; whole_frame(w, until)) {
        if (kt_mono_ms() > end)
            fail_msg("%s, %dx%d: \"%s\" never came", hostile_view_name(v), s->rows, s->cols, until);
        pty_settle(w->p, 10);
    }
    w->scan.words = NULL;
}

/* What is on its way is for the old size: the bounds hold for both until the
 * new one has been drawn. */
static void fit(struct hostile_stage *s, int rows, int cols)
{
    struct pty_stage *w = stage_of(s);
    w->scan.rows = s->rows > rows ? s->rows : rows;
    w->scan.cols = s->cols > cols ? s->cols : cols;
    whole_frame(w, NULL);
    size_t clears = w->scan.clears;
    int64_t end = kt_mono_ms() + PTY_LIMIT_MS;
    pty_resize(w->p, rows, cols);
    while ((s->rows != rows || s->cols != cols) && (w->scan.clears == clears || !w->scan.ended)) {
        if (kt_mono_ms() > end)
            fail_msg("%dx%d: no frame of the new size came", rows, cols);
        pty_read(w->p, 20);
    }
    s->rows = rows;
    s->cols = cols;
    whole_frame(w, NULL);
    w->scan.rows = rows;
    w->scan.cols = cols;
}

static const struct hostile_stage_ops ops = {.fit = fit, .keys = keys, .text = text, .look = look};

/* --- the program ------------------------------------------------------------- */

struct job {
    const struct hostile_opts *o;
    struct hostile_tally *t;
};

/* Starts it and waits until it says that all is read. */
static void begin(struct pty_stage *w, const struct job *j, const char *name, const char *source, const char *read)
{
    const char *argv[8] = {sample_keytop()};
    int k = 1;
    if (j->o->ascii)
        argv[k++] = "--ascii";
    if (name) {
        argv[k++] = "--name";
        argv[k++] = name;
    }
    argv[k] = source;
    *w = (struct pty_stage){.s = {.ops = &ops, .t = j->t, .rows = 20, .cols = 200}, .view = HOSTILE_VIEW_OTHERS};
    kt_buf_init(&w->queue, 65536);
    hostile_scan_init(&w->scan, 20, 200, j->o->ascii);
    struct pty_opts opts = {.argv = argv, .env = j->o->env, .rows = 20, .cols = 200, .tap = tap, .tap_ctx = w};
    w->p = pty_start(&opts);
    int64_t end = kt_mono_ms() + PTY_LIMIT_MS;
    while (!w->scan.clears && kt_mono_ms() < end)
        pty_read(w->p, 20);
    look(&w->s, HOSTILE_VIEW_OTHERS, read);
}

/* The counts come before the rows: waits for the last of these. */
static void rows_are_there(struct pty_stage *w)
{
    int64_t end = kt_mono_ms() + 6 * PTY_LIMIT_MS;
    w->scan.words = "oldest-target";
    for (w->scan.found = false; !w->scan.found; pty_settle(w->p, 5)) {
        if (kt_mono_ms() > end)
            fail_msg("the oldest row never came");
        keys(&w->s, "G");
        whole_frame(w, NULL);
    }
    w->scan.words = NULL;
    keys(&w->s, "g");
}

static void end(struct pty_stage *w)
{
    whole_frame(w, NULL);
    pty_send(w->p, "q");
    assert_int_equal(pty_wait_exit(w->p), 0);
    pty_stop(w->p);
    kt_buf_free(&w->queue);
    w->s.t->bytes += w->scan.bytes;
    w->s.t->sequences += w->scan.sequences;
}

static void records_read(char out[64], size_t n)
{
    char b[KT_FMT_TEXT];
    snprintf(out, 64, "%s", kt_fmt_plural(n, "record", "records", b));
}

static void some_records(struct job *j, enum hostile_part part, const struct hostile_list *l)
{
    struct kt_buf b;
    char path[512], read[64], *folder = sample_folder();
    kt_buf_init(&b, 256 << 20);
    for (size_t i = 0; i < l->n; i += HOSTILE_CHUNK) {
        struct hostile_made made;
        struct pty_stage w;
        hostile_chunk(&b, part, l->cp + i, l->n - i < HOSTILE_CHUNK ? l->n - i : HOSTILE_CHUNK, &made);
        sample_write(folder, "trail.jsonl", b.p, b.len, false, path);
        records_read(read, made.records);
        begin(&w, j, NULL, path, read);
        rows_are_there(&w);
        if (part == HOSTILE_LISTS)
            hostile_walk_lists(&w.s, &made, i / HOSTILE_CHUNK % j->o->widths_every == 0);
        else
            hostile_walk_panes(&w.s, &made);
        end(&w);
        j->t->records += made.records;
    }
    sample_remove(folder);
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
    struct pty_stage w;
    char path[512], *folder = sample_folder();
    kt_buf_init(&b, 1 << 20);
    hostile_record(&b, 1, HOSTILE_CREATED, usual);
    sample_write(folder, "trail.jsonl", b.p, b.len, false, path);
    begin(&w, j, NULL, path, "1 record");
    hostile_walk_prompts(&w.s, l->cp, l->n);
    end(&w);
    sample_remove(folder);
    kt_buf_free(&b);
}

static void some_names(void *ctx, const struct hostile_list *l)
{
    struct job *j = ctx;
    struct kt_buf name;
    kt_buf_init(&name, 1024);
    for (size_t i = 0; i < l->n;) {
        struct pty_stage w;
        char path[512], read[64], *folder = sample_folder();
        size_t files = 0;
        for (size_t stop = i + HOSTILE_NAMES; i < l->n && i < stop; files++) {
            i += hostile_name(&name, l->cp + i, l->n - i);
            sample_write(folder, kt_buf_str(&name), hostile_bad_record, strlen(hostile_bad_record), false, path);
        }
        snprintf(read, sizeof read, "%zu malformed", files);
        begin(&w, j, kt_buf_str(&name), folder, read);
        hostile_walk_names(&w.s, files);
        end(&w);
        j->t->records += files;
        sample_remove(folder);
    }
    kt_buf_free(&name);
}

static void all(const struct hostile_list *l, const struct hostile_opts *o, struct hostile_tally *t,
                enum hostile_view first, enum hostile_view last,
                void (*some)(void *ctx, const struct hostile_list *l))
{
    assert_non_null(setlocale(LC_ALL, "C.UTF-8")); /* for widths; the program has its own */
    /* in ASCII nothing is owed: what is drawn as itself elsewhere is named, and takes more room */
    hostile_until_seen(l, t, first, last, !o->ascii, some, &(struct job){o, t});
}

void hostile_run_lists(const struct hostile_list *l, const struct hostile_opts *o, struct hostile_tally *t)
{
    all(l, o, t, HOSTILE_VIEW_TABLE, HOSTILE_VIEW_RECORD, some_lists);
}

void hostile_run_panes(const struct hostile_list *l, const struct hostile_opts *o, struct hostile_tally *t)
{
    all(l, o, t, HOSTILE_VIEW_BELOW, HOSTILE_VIEW_AGENT, some_panes);
}

void hostile_run_prompts(const struct hostile_list *l, const struct hostile_opts *o, struct hostile_tally *t)
{
    all(l, o, t, HOSTILE_VIEW_FILTER, HOSTILE_VIEW_SEARCH, some_prompts);
}

void hostile_run_names(const struct hostile_list *l, const struct hostile_opts *o, struct hostile_tally *t)
{
    all(l, o, t, HOSTILE_VIEW_SOURCES, HOSTILE_VIEW_MALFORMED, some_names);
}

size_t hostile_run_bytes(struct hostile_tally *t)
{
    struct kt_buf b;
    struct pty_stage w;
    struct job j = {&(struct hostile_opts){.widths_every = 1}, t};
    char path[512], read[64], *folder = sample_folder();
    kt_buf_init(&b, 32 << 20);
    assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
    size_t forms = hostile_byte_forms(&b);
    hostile_oldest(&b);
    sample_write(folder, "trail.jsonl", b.p, b.len, false, path);
    records_read(read, forms + 1);
    begin(&w, &j, NULL, path, read);
    rows_are_there(&w);
    fit(&w.s, 1000, 200);
    keys(&w.s, "g");
    for (size_t i = 0; i < forms / 900 + 2; i++) {
        look(&w.s, HOSTILE_VIEW_TABLE, NULL);
        keys(&w.s, "PgDn");
    }
    fit(&w.s, 24, 200);
    keys(&w.s, "g 6");
    for (size_t i = 0; i < forms; i += i < 200 ? 1 : 16) {
        keys(&w.s, "Enter");
        look(&w.s, HOSTILE_VIEW_RECORD, "  repaired");
        keys(&w.s, "Backspace");
        for (int k = 0; k < (i < 200 ? 1 : 16); k++)
            keys(&w.s, "j");
    }
    end(&w);
    sample_remove(folder);
    kt_buf_free(&b);
    return forms;
}
