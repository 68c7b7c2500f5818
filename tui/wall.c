#include "tui/wall.h"

#include "tui/format.h"
#include "tui/status.h"
#include "filter/filter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    HALF_HOURS = 48,
    HALF_HOUR = 30 * 60 * 1000,
    MINUTE = 60 * 1000,
    HOUR = 60 * MINUTE,
    BEHIND_MS = 10 * MINUTE, /* how late a picture may be before that is worth saying */
    ROWS_LOOKED_AT = 2000,
    SHIFTS = 3,
    FRAME_FROM = 40, /* columns */
    HIGH_MOST = 12,
    ROUTINE_LEAST = 4 /* with the blank line above them */
};

enum figure { KEYS, HIGH, OPEN, FIGURES };

struct wall {
    struct kt_screen s;
    struct kt_filter *filter[FIGURES]; /* NULL: all rows */
    struct kt_view *view[FIGURES];
    const struct kt_snapshot *snap[FIGURES];
    char view_name[KT_SAVED_NAME]; /* "": of all rows */
    int64_t end; /* of the 24 hours that were asked for; KT_TIME_NONE: at the newest row */
};

/* --- figures ------------------------------------------------------------------- */

/* Three columns by five rows, the top left first. */
static const char font[10][16] = {
    "111101101101111", "010110010010111", "111001111100111", "111001111001111", "101101111001001",
    "111100111001111", "111100111101111", "111001001001001", "111101111101111", "111101111001111",
};
enum { FONT_COLS = 3, FONT_ROWS = 5 };

int kt_wall_figures(struct kt_canvas *c, int row, int col, int scale, struct kt_style s, uint64_t n)
{
    char text[24];
    int wide = scale ? 2 * scale : 1, tall = scale ? scale : 1, at = 0; /* 0: half as wide */
    snprintf(text, sizeof text, "%" PRIu64, n);
    for (const char *p = text; *p; p++, at += (FONT_COLS + 1) * wide) {
        for (int i = 0; c && i < FONT_COLS * FONT_ROWS; i++) {
            if (font[*p - '0'][i] != '1')
                continue;
            for (int k = 0; k < wide * tall; k++)
                kt_canvas_text(c, row + i / FONT_COLS * tall + k / wide, col + at + i % FONT_COLS * wide + k % wide, 1, s, "█");
        }
    }
    return at - wide;
}

/* --- what is asked of the views ---------------------------------------------------- */

static int64_t window_end(const struct wall *w)
{
    int64_t now = kt_app_now(w->s.app);
    if (!kt_app_ends_now(w->s.app, (int64_t)HALF_HOURS * HALF_HOUR))
        return KT_TIME_NONE;
    return now - now % HALF_HOUR + HALF_HOUR;
}

static struct kt_view_spec spec_of(const struct wall *w, enum figure f)
{
    struct kt_view_spec spec = {.filter = w->filter[f], .sort = KT_FIELD_TIME, .buckets = HALF_HOURS,
                                .from = KT_TIME_NONE, .to = w->end};
    if (w->end != KT_TIME_NONE)
        spec.from = w->end - (int64_t)HALF_HOURS * HALF_HOUR;
    return spec;
}

static bool take_news(struct wall *w)
{
    bool any = false;
    for (int f = 0; f < FIGURES; f++) {
        const struct kt_snapshot *s = w->view[f] ? kt_view_snapshot(w->view[f]) : NULL;
        if (!s || s == w->snap[f]) {
            if (s)
                kt_snapshot_release(s);
            continue;
        }
        if (w->snap[f])
            kt_snapshot_release(w->snap[f]);
        w->snap[f] = s;
        any = true;
    }
    return any;
}

static uint64_t in_a_day(const struct wall *w, enum figure f)
{
    uint64_t n = 0;
    for (int i = 0; w->snap[f] && i < w->snap[f]->buckets; i++)
        n += w->snap[f]->bucket[i];
    return n;
}

/* --- how whole the picture is --------------------------------------------------------- */

/* Nothing is to be relied on while this says anything. */
static bool alarm(const struct kt_app *a, char *out, size_t size)
{
    size_t n = a->n_sources < KT_SOURCES_SHOWN ? a->n_sources : KT_SOURCES_SHOWN, bad = 0;
    const struct kt_source_state *first = NULL;
    for (size_t i = 0; i < n; i++) {
        if (a->source[i].health.state != KT_HEALTH_STALE && a->source[i].health.state != KT_HEALTH_FAILED)
            continue;
        if (!bad++)
            first = &a->source[i];
    }
    if (!bad)
        return false;
    const char *what = first->health.state == KT_HEALTH_FAILED ? "FAILED" : "STALE";
    if (n == 1)
        snprintf(out, size, "%s: nothing new can be seen", what);
    else
        snprintf(out, size, "%s: %zu of %zu sources say nothing", what, bad, a->n_sources);
    return true;
}

/* What differs from a whole picture; "" where nothing does. */
static void missing(const struct kt_app *a, char *out, size_t size)
{
    char b[KT_FMT_TEXT], stamp[KT_FMT_TEXT];
    int64_t now = kt_app_now(a), to = a->complete.complete_to;
    size_t n = 0;
    out[0] = '\0';
    if (to == KT_TIME_NONE)
        n = (size_t)snprintf(out, size, "completeness not known");
    else if (!kt_app_live(a) || now - to > BEHIND_MS)
        n = (size_t)snprintf(out, size, "complete to %s", kt_fmt_stamp(to, now, stamp));
    if (a->complete.gaps && n < size)
        snprintf(out + n, size - n, "%s%s", n ? ", " : "", kt_fmt_plural(a->complete.gaps, "gap", "gaps", b));
}

/* --- drawing ------------------------------------------------------------------------------ */

static void draw_top(struct wall *w, struct kt_canvas *c, int row, int left)
{
    char words[120], when[KT_FMT_TEXT], day[KT_FMT_TEXT], clock[KT_FMT_TEXT];
    int64_t now = kt_app_now(w->s.app);
    bool bad = alarm(w->s.app, words, sizeof words);
    struct kt_style s = bad ? (struct kt_style){KT_ROLE_BAD, KT_ATTR_REVERSE | KT_ATTR_BOLD} : KT_STYLE(PLAIN);
    kt_canvas_fill(c, row, 0, c->cols, s, ' ');
    int name = kt_canvas_text(c, row, left, c->cols - left, s, "keytop");
    if (w->view_name[0]) { /* which wall it is */
        struct kt_style bright = bad ? s : KT_STYLE(BRIGHT);
        name += 1 + kt_canvas_data(c, row, left + name + 1, c->cols / 3, bright, kt_span_of(w->view_name), KT_TEXT_FREE);
    }
    snprintf(when, sizeof when, "%.20s  %.5sZ", kt_fmt_day(now, day), kt_fmt_clock(now, clock));
    int width = kt_canvas_text_width(c->ascii, when), at = c->cols - width - 1 - SHIFTS + left;
    if (at > left + name + 2)
        kt_canvas_text(c, row, at, width, s, when);
    if (bad)
        kt_canvas_text(c, row, left + name + 2, at - left - name - 4, s, words);
}

/* What is not to be relied on stands in a frame, which is seen from afar. */
static void draw_frame(struct wall *w, struct kt_canvas *c, int row, int height)
{
    char words[120];
    const struct kt_style s = {KT_ROLE_BAD, KT_ATTR_REVERSE};
    if (c->cols < FRAME_FROM || !alarm(w->s.app, words, sizeof words))
        return;
    for (int y = 1; y < height; y++) {
        kt_canvas_text(c, row + y, 0, 1, s, " ");
        kt_canvas_text(c, row + y, c->cols - 1, 1, s, " ");
    }
}

static struct kt_style figure_style(enum figure f, uint64_t n)
{
    if (!n)
        return KT_STYLE(DIM);
    return f == KEYS ? KT_STYLE(TEXT) : f == HIGH ? KT_STYLE(HIGH) : KT_STYLE(CRITICAL);
}

static const char *const figure_name[] = {"keys in 24 h", "high", "not acknowledged"},
                         *const figure_brief[] = {"keys", "high", "open"};

/* The largest figures that all three fit in; -1: none do. */
static int scale_for(const uint64_t n[FIGURES], int third, int rows)
{
    for (int scale = rows >= 40 ? 2 : 1; scale >= 0; scale--) {
        bool fit = true;
        for (int f = 0; f < FIGURES; f++)
            fit = fit && kt_wall_figures(NULL, 0, 0, scale, KT_STYLE(TEXT), n[f]) + 2 <= third;
        if (fit)
            return scale;
    }
    return -1;
}

/* Returns the rows used. */
static int draw_figures(struct wall *w, struct kt_canvas *c, int row, int height, int left)
{
    uint64_t n[FIGURES];
    int third = (c->cols - left) / FIGURES, scale = -1;
    char b[KT_FMT_TEXT];
    for (int f = 0; f < FIGURES; f++)
        n[f] = in_a_day(w, (enum figure)f);
    if (height >= 14)
        scale = scale_for(n, third, height);
    int tall = scale < 0 ? 0 : FONT_ROWS * (scale ? scale : 1) + 1;
    for (int f = 0; f < FIGURES; f++) {
        int col = left + f * third;
        struct kt_style s = figure_style((enum figure)f, n[f]);
        if (scale >= 0)
            kt_wall_figures(c, row, col, scale, s, n[f]);
        else
            col += kt_canvas_text(c, row, col, third - 1, (struct kt_style){s.role, KT_ATTR_BOLD}, kt_fmt_count(n[f], b)) + 1;
        kt_canvas_text(c, row + tall, col, left + (f + 1) * third - col - 1, KT_STYLE(DIM),
                       third >= 18 ? figure_name[f] : figure_brief[f]);
    }
    return tall + 1;
}

/* The 24 hours, and the hours under them. */
static void draw_hours(struct wall *w, struct kt_canvas *c, int row, int left)
{
    const struct kt_snapshot *s = w->snap[KEYS];
    int each = (c->cols - 1 - SHIFTS) / HALF_HOURS, width = HALF_HOURS * (each ? each : 1);
    if (!s || !s->buckets)
        return;
    uint32_t wide[KT_CANVAS_COLS_MAX];
    if (width > c->cols - left)
        width = c->cols - left;
    for (int i = 0; i < width; i++)
        wide[i] = s->bucket[(int64_t)i * s->buckets / width];
    kt_spark_draw(c, row, left, width, wide, width);
    char b[KT_FMT_TEXT];
    for (int i = 0; i < HALF_HOURS; i += width >= 80 ? 6 : 12) {
        int64_t t = s->bucket_from + (s->bucket_to - s->bucket_from) * i / HALF_HOURS;
        int col = left + i * width / HALF_HOURS;
        if (col + 5 <= left + width)
            kt_canvas_printf(c, row + 1, col, 5, KT_STYLE(DIM), "%.5s", kt_fmt_clock(t, b));
    }
}

/* ▲ 92  14:31  ci-deploy → svc-backup    used 34 s later from elsewhere */
static void draw_row(struct wall *w, struct kt_canvas *c, int row, int left, const struct kt_row *r)
{
    char b[KT_FMT_TEXT];
    bool high = r->verdict.level >= KT_LEVEL_HIGH;
    struct kt_style name = high ? KT_STYLE(BRIGHT) : KT_STYLE(DIM), s = {(uint8_t)kt_fmt_level_role(r->verdict.level), 0};
    int end = c->cols - 1, col = left, half = left + 19 + (end - left - 19) * 9 / 20;
    if (r->triage.acked)
        s = name = KT_STYLE(DIM);
    kt_canvas_text(c, row, col, 1, s, r->triage.acked ? "✓" : kt_fmt_level(r->verdict.level));
    kt_canvas_printf(c, row, col + 1, 4, s, "%3d", r->verdict.risk);
    const char *when = kt_fmt_when(r->ev.time, kt_app_now(w->s.app), 8, b);
    kt_canvas_printf(c, row, col + 6, 8, KT_STYLE(DIM), "%.*s", kt_fmt_same_day(r->ev.time, kt_app_now(w->s.app)) ? 5 : 8, when);
    col += 15;
    if (kt_span_known(r->ev.actor.name))
        col += kt_canvas_data(c, row, col, half - col, name, r->ev.actor.name, KT_TEXT_IDENTITY);
    else
        col += kt_canvas_text(c, row, col, half - col, KT_STYLE(DIM), "not known");
    col += kt_canvas_text(c, row, col, half - col, KT_STYLE(DIM), " → ");
    if (col >= half)
        ;
    else if (kt_span_known(r->ev.target.name))
        kt_canvas_data(c, row, col, half - col, name, r->ev.target.name, KT_TEXT_IDENTITY);
    else
        kt_canvas_text(c, row, col, half - col, KT_STYLE(DIM), "not known");
    if (half + 2 < end)
        kt_canvas_data(c, row, half + 2, end - half - 2, high && !r->triage.acked ? KT_STYLE(TEXT) : KT_STYLE(DIM),
                       kt_span_of(r->verdict.why), KT_TEXT_FREE);
}

/* The newest rows, those of high risk or the others; returns the rows used. */
static int draw_rows(struct wall *w, struct kt_canvas *c, int row, int most, int left, bool high)
{
    const struct kt_snapshot *s = w->snap[high ? HIGH : KEYS];
    int used = 0;
    for (size_t i = 0; s && i < s->n && i < ROWS_LOOKED_AT && used < most; i++) {
        struct kt_row r;
        kt_arena_reset(w->s.app->arena);
        if (!kt_app_row(w->s.app, s->seq[i], &r) || r.ev.kind == KT_KIND_MALFORMED ||
            (r.verdict.level >= KT_LEVEL_HIGH) != high)
            continue;
        draw_row(w, c, row + used++, left, &r);
    }
    return used;
}

static void draw_bottom_lines(struct wall *w, struct kt_canvas *c, int row, int left)
{
    struct kt_app *a = w->s.app;
    char words[160];
    int col = left;
    size_t n = a->n_sources < KT_SOURCES_SHOWN ? a->n_sources : KT_SOURCES_SHOWN;
    for (size_t i = 0; i < n && col + 6 < c->cols; i++) {
        const struct kt_source_state *s = &a->source[i];
        struct kt_style style = {(uint8_t)kt_status_role(s), 0};
        bool loud = style.role == KT_ROLE_WARN || style.role == KT_ROLE_BAD;
        col += kt_canvas_text(c, row, col, 1, style, kt_status_glyph(s)) + 1;
        col += kt_canvas_data(c, row, col, c->cols - col < 24 ? c->cols - col : 24, KT_STYLE(TEXT), kt_span_of(s->name),
                              KT_TEXT_FREE) + 1;
        if (loud) { /* one in order says no more: its age would change each minute */
            kt_status_words(a, s, a->n_sources == 1, words, sizeof words);
            col += kt_canvas_text(c, row, col, c->cols - col, style, words) + 1;
        }
        col += 2;
    }
    missing(a, words, sizeof words);
    kt_canvas_text(c, row + 1, left, c->cols - left, a->complete.gaps ? KT_STYLE(WARN) : KT_STYLE(DIM), words);
}

static int shift(const struct wall *w)
{
    return 1 + (int)(kt_app_now(w->s.app) / HOUR % SHIFTS);
}

static void draw(struct kt_screen *s, struct kt_canvas *c, int row, int height)
{
    struct wall *w = (struct wall *)s;
    int left = c->cols >= FRAME_FROM ? shift(w) : 0, at = row + 2, end = row + height - (height >= 12 ? 3 : 0);
    draw_top(w, c, row, left);
    if (height < 6)
        at = row + 1;
    at += draw_figures(w, c, at, height, left) + (height >= 16);
    if (height >= 16) {
        draw_hours(w, c, at, left);
        at += 3;
    }
    int room = end - at - (end - at > 2 * ROUTINE_LEAST ? ROUTINE_LEAST : 0);
    int used = draw_rows(w, c, at, room < HIGH_MOST ? room : HIGH_MOST, left, true);
    if (used)
        at += used + 1;
    if (end - at > 0)
        draw_rows(w, c, at, end - at, left, false);
    if (height >= 12)
        draw_bottom_lines(w, c, row + height - 2, left);
    draw_frame(w, c, row, height);
}

/* --- a life ------------------------------------------------------------------------------------ */

static unsigned command(struct kt_screen *s, enum kt_command cmd, struct kt_key k)
{
    (void)s;
    (void)k;
    return cmd == KT_CMD_WALL_LEAVE ? KT_SCREEN_POP : 0;
}

static void settle(struct kt_screen *s)
{
    struct wall *w = (struct wall *)s;
    for (int f = 0; f < FIGURES; f++)
        if (w->view[f])
            kt_view_settle(w->view[f]);
    take_news(w);
}

static int64_t next(const struct kt_screen *s)
{
    return MINUTE - kt_app_now(s->app) % MINUTE;
}

/* The 24 hours move on with the half hour. */
static void tick(struct kt_screen *s)
{
    struct wall *w = (struct wall *)s;
    int64_t end = window_end(w);
    if (end == w->end)
        return;
    w->end = end;
    for (int f = 0; f < FIGURES; f++) {
        struct kt_view_spec spec = spec_of(w, (enum figure)f);
        if (w->view[f])
            (void)kt_view_set(w->view[f], &spec); /* out of memory: what was asked before is answered */
    }
}

/* What came may be all of long ago, or no longer: then the 24 hours are others. */
static unsigned news(struct kt_screen *s)
{
    struct wall *w = (struct wall *)s;
    if ((window_end(w) == KT_TIME_NONE) != (w->end == KT_TIME_NONE))
        tick(s);
    return take_news(w) ? KT_APP_REDRAW : 0;
}

static void free_wall(struct kt_screen *s)
{
    struct wall *w = (struct wall *)s;
    for (int f = 0; f < FIGURES; f++) {
        if (w->view[f])
            kt_view_close(w->view[f]);
        if (w->snap[f])
            kt_snapshot_release(w->snap[f]);
        kt_filter_free(w->filter[f]);
    }
    free(w);
}

static const struct kt_screen_ops ops = {
    .context = KT_CTX_WALL, .command = command, .news = news, .draw = draw, .settle = settle, .next = next, .tick = tick,
    .free = free_wall,
};

/* The rows of a figure, of those that a view shows. */
static bool filter_of(struct kt_app *a, const char *base, const char *also, struct kt_filter **out)
{
    static const struct kt_narrowing none = {.n = 0};
    bool ok = false;
    for (int paren = 1; paren >= 0 && !ok; paren--) {
        struct kt_buf b;
        kt_buf_init(&b, KT_FILTER_TEXT_MAX);
        kt_buf_adds(&b, base);
        ok = kt_narrow_write(&none, also, true, paren, &b) &&
             kt_filter_parse(out, kt_buf_span(&b), kt_app_now(a), NULL, NULL) == KT_OK;
        kt_buf_free(&b);
    }
    return ok;
}

struct kt_screen *kt_screen_wall(struct kt_app *a)
{
    static const char *const filters[FIGURES] = {"", "level:>=high", "level:>=high -state:ack"};
    const struct kt_saved *view = kt_saved_find(a->saved, a->n_saved, kt_span_of(a->view));
    struct wall *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->s = (struct kt_screen){.ops = &ops, .app = a};
    kt_screen_title(&w->s, KT_LIT("wall"));
    w->end = window_end(w);
    if (view)
        snprintf(w->view_name, sizeof w->view_name, "%s", view->name);
    for (int f = 0; f < FIGURES; f++) {
        bool ok = filter_of(a, filters[f], view ? view->setup.filter : "", &w->filter[f]);
        struct kt_view_spec spec = spec_of(w, (enum figure)f);
        w->view[f] = ok ? kt_view_open(a->views, &spec) : NULL;
        if (!w->view[f]) {
            free_wall(&w->s);
            return NULL;
        }
    }
    return &w->s;
}
