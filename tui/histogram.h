/* Rows over time, above the table: all that the table's filter takes, ranges of
 * time left out, in steps that suit the width. One can go to a step, zoom, and
 * take a range, which the table is narrowed to. */
#ifndef KT_TUI_HISTOGRAM_H
#define KT_TUI_HISTOGRAM_H
#include "store/view.h"
#include "tui/canvas.h"

enum { KT_HISTOGRAM_ROWS = 4 }; /* three of bars, one of words */

struct kt_histogram {
    bool on, focus;
    struct kt_view *view;           /* while it is on */
    const struct kt_snapshot *snap; /* NULL: none yet */
    uint64_t generation;
    int64_t from, to, step;         /* asked for: from + n * step = to; KT_TIME_NONE: nothing is there */
    int64_t zoomed;                 /* the step that is wished; 0: that all fits in */
    int64_t cursor, anchor;         /* times of steps; KT_TIME_NONE: none */
    bool drag;                      /* the mouse holds it, since this step: */
    int64_t dragged;
    int row, left, width;           /* of the bars, as they were drawn last; width 0: they were not */
};

/* The least step of those that people count in with which `span` fits into
 * `width` of them, at least `least`. */
int64_t kt_histogram_step(int64_t span, int width, int64_t least);
/* Chooses from, to and step for what lies between two times; `wide`: how many
 * steps there is room for. True where they are others than before. */
bool kt_histogram_window(struct kt_histogram *h, int64_t oldest, int64_t newest, int wide);
void kt_histogram_draw(struct kt_histogram *h, struct kt_canvas *c, int row, int64_t now);
/* The step at a column of the screen; KT_TIME_NONE: none. */
int64_t kt_histogram_at(const struct kt_histogram *h, int col);
void kt_histogram_move(struct kt_histogram *h, int by);
/* The range that is chosen: the anchor to the cursor, or the cursor's step. False: none. */
bool kt_histogram_range(const struct kt_histogram *h, int64_t *from, int64_t *to);
/* A finer step, or the next coarser one (`in` false), round the cursor. */
void kt_histogram_zoom(struct kt_histogram *h, bool in);
#endif
