#include "tui/histogram.h"

#include "tui/format.h"

#include <inttypes.h>
#include <stdio.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static const int64_t steps[] = {SECOND, 5 * SECOND, 10 * SECOND, 30 * SECOND, MINUTE, 5 * MINUTE, 10 * MINUTE,
                                30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 7 * DAY, 28 * DAY, 364 * DAY};
enum { STEPS = sizeof steps / sizeof *steps };

int64_t kt_histogram_step(int64_t span, int width, int64_t least)
{
    for (int i = 0; i < STEPS; i++)
        if (steps[i] >= least && span / steps[i] + 2 <= width)
            return steps[i];
    return steps[STEPS - 1];
}

static int64_t floor_to(int64_t t, int64_t step)
{
    int64_t r = t % step;
    return t - (r < 0 ? r + step : r);
}

/* Where it is zoomed, the cursor's step stays where it is seen. */
static int64_t zoomed_end(const struct kt_histogram *h, int64_t end, int64_t step, int wide)
{
    int64_t half = step * (wide / 2);
    int64_t at = h->cursor == KT_TIME_NONE ? end : h->cursor;
    if (h->step == step && h->from != KT_TIME_NONE && at >= h->from && at < h->to && h->to - h->from == step * wide)
        return h->to;
    int64_t to = floor_to(at, step) + half + step;
    return to < end ? to : end;
}

bool kt_histogram_window(struct kt_histogram *h, int64_t oldest, int64_t newest, int wide)
{
    wide = wide > KT_VIEW_BUCKETS_MAX ? KT_VIEW_BUCKETS_MAX : wide < 2 ? 2 : wide;
    if (oldest == KT_TIME_NONE || newest == KT_TIME_NONE)
        return false;
    int64_t whole = kt_histogram_step(newest - oldest, wide, SECOND);
    int64_t step = h->zoomed && h->zoomed < whole ? h->zoomed : whole;
    int64_t end = floor_to(newest, step) + step, to = step < whole ? zoomed_end(h, end, step, wide) : end;
    int64_t from = to - step * wide;
    if (h->from == from && h->to == to && h->step == step)
        return false;
    h->from = from;
    h->to = to;
    h->step = step;
    return true;
}

/* --- the cursor ----------------------------------------------------------- */

void kt_histogram_move(struct kt_histogram *h, int by)
{
    if (h->step <= 0 || h->from == KT_TIME_NONE)
        return;
    int64_t at = h->cursor == KT_TIME_NONE ? h->to - h->step : floor_to(h->cursor, h->step);
    if (h->cursor != KT_TIME_NONE)
        at += by * h->step;
    /* beyond an end of what is shown one goes on where it is zoomed */
    if (!h->zoomed && at < h->from)
        at = h->from;
    if (!h->zoomed && at >= h->to)
        at = h->to - h->step;
    h->cursor = at;
}

bool kt_histogram_range(const struct kt_histogram *h, int64_t *from, int64_t *to)
{
    if (h->cursor == KT_TIME_NONE || h->step <= 0)
        return false;
    int64_t a = floor_to(h->cursor, h->step), b = h->anchor == KT_TIME_NONE ? a : floor_to(h->anchor, h->step);
    *from = a < b ? a : b;
    *to = (a < b ? b : a) + h->step;
    return true;
}

void kt_histogram_zoom(struct kt_histogram *h, bool in)
{
    int i = 0;
    while (i + 1 < STEPS && steps[i] < h->step)
        i++;
    if (in && i > 0)
        h->zoomed = steps[i - 1];
    else if (!in)
        h->zoomed = h->zoomed && i + 1 < STEPS ? steps[i + 1] : 0;
    if (h->cursor == KT_TIME_NONE)
        kt_histogram_move(h, 0);
}

int64_t kt_histogram_at(const struct kt_histogram *h, int col)
{
    const struct kt_snapshot *s = h->snap;
    if (!s || !s->buckets || h->width <= 0 || col < h->left || col >= h->left + h->width)
        return KT_TIME_NONE;
    int64_t step = (s->bucket_to - s->bucket_from) / s->buckets;
    return s->bucket_from + (col - h->left) * step;
}

/* --- drawing ---------------------------------------------------------------- */

/* Eighths of a row, `rows` high. */
static void draw_bar(struct kt_canvas *c, int row, int rows, int col, uint32_t n, uint32_t most, struct kt_style s)
{
    static const char *const glyph[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    int eighths = most ? (int)(((uint64_t)n * (uint64_t)rows * 8 + most - 1) / most) : 0;
    for (int y = 0; y < rows; y++) {
        int here = eighths - (rows - 1 - y) * 8;
        kt_canvas_text(c, row + y, col, 1, s, glyph[here < 0 ? 0 : here > 8 ? 8 : here]);
    }
}

static void draw_words(const struct kt_histogram *h, struct kt_canvas *c, int row, int64_t now, uint64_t chosen)
{
    const struct kt_snapshot *s = h->snap;
    char a[KT_FMT_TEXT], b[KT_FMT_TEXT], words[3 * KT_FMT_TEXT];
    int64_t from, to;
    bool days = h->step >= DAY;
    snprintf(words, sizeof words, "%s", kt_fmt_when(s->bucket_from, now, days ? 10 : 16, a));
    int used = kt_canvas_text(c, row, h->left, h->width, KT_STYLE(DIM), words);
    snprintf(words, sizeof words, "%s", kt_fmt_when(s->bucket_to, now, days ? 10 : 16, a));
    int w = (int)strlen(words), right = h->left + h->width - w;
    if (right > h->left + used + 2)
        kt_canvas_text(c, row, right, w, KT_STYLE(DIM), words);
    else
        right = h->left + h->width;
    if (h->focus && kt_histogram_range(h, &from, &to)) {
        snprintf(words, sizeof words, "%s + %s", kt_fmt_when(from, now, h->step < MINUTE ? 19 : 16, a), kt_fmt_duration(to - from, b));
        size_t n = strlen(words);
        snprintf(words + n, sizeof words - n, "  %s", kt_fmt_plural(chosen, "row", "rows", b));
    } else {
        snprintf(words, sizeof words, "each %s", kt_fmt_duration(h->step, b));
    }
    w = (int)strlen(words);
    int col = h->left + (h->width - w) / 2;
    if (col > h->left + used + 1 && col + w < right - 1)
        kt_canvas_text(c, row, col, w, h->focus ? KT_STYLE(BRIGHT) : KT_STYLE(DIM), words);
    else if (h->focus) {
        kt_canvas_fill(c, row, h->left, h->width, KT_STYLE(TEXT), ' ');
        kt_canvas_text(c, row, h->left, h->width, KT_STYLE(BRIGHT), words);
    }
}

void kt_histogram_draw(struct kt_histogram *h, struct kt_canvas *c, int row, int64_t now)
{
    const struct kt_snapshot *s = h->snap;
    uint32_t most = 0;
    uint64_t chosen = 0;
    int64_t from = KT_TIME_NONE, to = KT_TIME_NONE;
    h->row = row;
    h->left = 1;
    h->width = 0;
    if (!s || !s->buckets) {
        kt_canvas_text(c, row + 1, 1, c->cols - 1, KT_STYLE(DIM), "nothing to show over time yet");
        return;
    }
    int first = s->buckets > c->cols - 2 ? s->buckets - (c->cols - 2) : 0; /* it was asked for a wider screen */
    h->width = s->buckets - first;
    for (int i = first; i < s->buckets; i++)
        most = s->bucket[i] > most ? s->bucket[i] : most;
    int64_t step = (s->bucket_to - s->bucket_from) / s->buckets;
    bool some = h->focus && kt_histogram_range(h, &from, &to);
    for (int i = first; i < s->buckets; i++) {
        int64_t t = s->bucket_from + i * step;
        bool in = some && t >= from && t < to;
        struct kt_style style = in ? KT_STYLE(BRIGHT) : KT_STYLE(SPARK);
        draw_bar(c, row, KT_HISTOGRAM_ROWS - 1, h->left + i - first, s->bucket[i], most, style);
        if (in)
            for (int y = 0; y < KT_HISTOGRAM_ROWS - 1; y++)
                kt_canvas_tint(c, row + y, h->left + i - first, 1, KT_STYLE(SELECTED));
        chosen += in ? s->bucket[i] : 0;
    }
    draw_words(h, c, row + KT_HISTOGRAM_ROWS - 1, now, chosen);
}
