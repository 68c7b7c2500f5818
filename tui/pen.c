#include "tui/pane.h"

#include <stdarg.h>
#include <stdio.h>

void kt_pen_begin(struct kt_pen *p, struct kt_canvas *c, bool ascii, int row, int height, int left, int width)
{
    *p = (struct kt_pen){.c = c, .ascii = ascii, .row = row, .end = row + height, .left = left,
                         .right = left + width, .col = left, .blank = true};
}

void kt_pen_line(struct kt_pen *p)
{
    p->row++;
    p->col = p->left;
    p->blank = true;
}

void kt_pen_gap(struct kt_pen *p, int columns)
{
    p->col += columns;
}

void kt_pen_keep(struct kt_pen *p, int width)
{
    if (p->col + width <= p->right || p->blank || width > p->right - p->left)
        return;
    p->row++;
    p->col = p->left + p->indent;
    p->blank = true;
}

/* Goes to the next line where `width` columns no longer fit on this one. */
static void wrap(struct kt_pen *p, int width)
{
    if (p->col + width <= p->right || p->blank)
        return;
    p->row++;
    p->col = p->left + p->indent;
}

static bool visible(const struct kt_pen *p)
{
    return p->c && p->row < p->end && p->col < p->right;
}

static void put_word(struct kt_pen *p, struct kt_style s, const char *word, int *gap)
{
    int w = kt_canvas_text_width(p->ascii, word);
    if (p->col + *gap + w > p->right && !p->blank) {
        p->row++;
        p->col = p->left + p->indent;
        *gap = 0;
    }
    p->col += *gap;
    if (visible(p))
        kt_canvas_text(p->c, p->row, p->col, p->right - p->col, s, word);
    p->col += w;
    *gap = 0;
    p->blank = false;
}

/* Word by word; blanks at the end of a line are dropped. */
void kt_pen_text(struct kt_pen *p, struct kt_style s, const char *text)
{
    int gap = 0;
    if (p->blank && p->col == p->left + p->indent)
        text += strspn(text, " ");
    while (*text) {
        char word[128];
        size_t n = strspn(text, " ");
        gap += (int)n;
        text += n;
        n = strcspn(text, " ");
        size_t fit = n < sizeof word ? n : sizeof word - 1;
        memcpy(word, text, fit);
        word[fit] = '\0';
        text += fit;
        if (fit)
            put_word(p, s, word, &gap);
    }
    p->col += gap;
}

void kt_pen_fmt(struct kt_pen *p, struct kt_style s, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    kt_pen_text(p, s, text);
}

void kt_pen_data(struct kt_pen *p, struct kt_style s, struct kt_span data, enum kt_text_kind kind, const char *unknown)
{
    struct kt_text_opts o = {.kind = kind, .ascii = p->ascii};
    if (!kt_span_known(data)) {
        if (unknown)
            kt_pen_text(p, KT_STYLE(DIM), unknown);
        return;
    }
    int most = p->right - p->left - p->indent;
    int w = (int)kt_text_width(data, &o, KT_CANVAS_COLS_MAX);
    w = w < most ? w : most > 0 ? most : 0;
    wrap(p, w);
    if (visible(p))
        kt_canvas_data(p->c, p->row, p->col, p->right - p->col, s, data, kind);
    p->col += w;
    p->blank = false;
}

void kt_pen_cut(struct kt_pen *p, struct kt_style s, struct kt_span data, enum kt_text_kind kind, int width)
{
    struct kt_text_opts o = {.kind = kind, .ascii = p->ascii};
    if (width > p->right - p->col)
        width = p->right - p->col;
    if (width <= 0)
        return;
    if (visible(p))
        kt_canvas_data(p->c, p->row, p->col, width, s, data, kind);
    int w = (int)kt_text_width(data, &o, KT_CANVAS_COLS_MAX);
    p->col += w < width ? w : width;
    p->blank = false;
}
