/* The one list: a cursor and a window over items that somebody else holds and
 * draws. Every screen that has rows uses it.
 *
 * Items are known by an id that outlives their position. The cursor stays
 * with its item when others come and go, and the item stays on its line, as
 * long as there is room above; only a pinned list whose cursor is on the
 * first item stays with the first (a live table that is followed). Nothing
 * here is proportional to the number of items, except where `find` is. */
#ifndef KT_TUI_LIST_H
#define KT_TUI_LIST_H
#include "base/buf.h"
#include "tui/canvas.h"

struct kt_list_items {
    size_t n;
    void *ctx;
    uint64_t (*id)(void *ctx, size_t i);
    ptrdiff_t (*find)(void *ctx, uint64_t id);       /* -1: gone */
    bool (*rests)(void *ctx, size_t i);              /* may the cursor rest here? NULL: everywhere */
    int (*lines)(void *ctx, size_t i, bool first);   /* its height, 1 and more; `first` in the window; NULL: 1 */
    void (*text)(void *ctx, size_t i, struct kt_buf *b); /* what a search looks through; NULL: not searched */
};

struct kt_list {
    size_t cursor, top; /* positions; 0 where there are no items */
    uint64_t id;        /* of the item under the cursor; valid when `known` */
    bool known;
    bool pinned;
    int height; /* lines of the window when last laid out */
    int row;    /* its first line on the canvas, when last drawn */
};

enum kt_list_move {
    KT_LIST_UP, KT_LIST_DOWN, KT_LIST_PAGE_UP, KT_LIST_PAGE_DOWN, KT_LIST_HOME, KT_LIST_END
};

/* The items have changed: finds the cursor's item again. */
void kt_list_sync(struct kt_list *l, const struct kt_list_items *it);
/* True where the cursor moved. */
bool kt_list_move(struct kt_list *l, const struct kt_list_items *it, enum kt_list_move m);
void kt_list_goto(struct kt_list *l, const struct kt_list_items *it, size_t i);
/* Puts the window of `height` lines where the cursor is seen. */
void kt_list_layout(struct kt_list *l, const struct kt_list_items *it, int height);
/* Lays out, then calls `draw` for each item in the window with its first
 * line and the lines left for it (items at the end may be cut). */
typedef void kt_list_draw_fn(void *ctx, size_t i, struct kt_canvas *c, int row, int lines, bool first, bool selected);
void kt_list_draw(struct kt_list *l, const struct kt_list_items *it, struct kt_canvas *c, int row, int height,
                  kt_list_draw_fn *draw);
/* The item on a line of the canvas; SIZE_MAX: none. */
size_t kt_list_at(const struct kt_list *l, const struct kt_list_items *it, int row);
/* A search, looked after a piece at a time, so that no key waits for it. */
struct kt_list_seek {
    bool on, backwards;
    size_t at, left; /* where it is, and how many are left to be looked at */
};
enum kt_list_sought { KT_LIST_FOUND, KT_LIST_NOT_FOUND, KT_LIST_SEEKING };
/* Begins at the item after the cursor (before it; with `here`, at it), to go
 * round the end once. */
void kt_list_seek_begin(struct kt_list_seek *s, const struct kt_list *l, const struct kt_list_items *it, bool backwards,
                        bool here);
/* Looks at the next `most` items for one whose text holds `needle`, ASCII case
 * ignored, and moves the cursor there. SEEKING: call it again. */
enum kt_list_sought kt_list_seek(struct kt_list_seek *s, struct kt_list *l, const struct kt_list_items *it,
                                 struct kt_span needle, size_t most);
/* All of it at once, of no more than KT_LIST_SEARCH_MAX items. False: none. */
enum { KT_LIST_SEARCH_MAX = 50000, KT_LIST_TEXT_MAX = 64 << 10 };
bool kt_list_search(struct kt_list *l, const struct kt_list_items *it, struct kt_span needle, bool backwards,
                    bool here);
bool kt_list_holds(struct kt_span text, struct kt_span needle);
#endif
