/* A grid of cells that screens draw on. Nothing here knows a terminal: the
 * ncurses backend shows a canvas, a test reads it. Data is drawn only through
 * kt_canvas_data, which passes core/text; kt_canvas_text is for our own words. */
#ifndef KT_TUI_CANVAS_H
#define KT_TUI_CANVAS_H
#include "base/span.h"
#include "text/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a piece of the screen means; a theme says how it looks. */
#define KT_ROLES(X)                                                                              \
    X(TEXT, "text")        /* ordinary */                                                        \
    X(DIM, "dim")          /* routine, or not known */                                           \
    X(BRIGHT, "bright")    /* new, or what the eye should find */                                \
    X(TITLE, "title")      /* the program's name, a pane's name */                               \
    X(HEADER, "header")    /* column heads, section heads */                                     \
    X(RULE, "rule")        /* lines between parts */                                             \
    X(SELECTED, "selected")                                                                      \
    X(CRITICAL, "critical")                                                                      \
    X(HIGH, "high")                                                                              \
    X(MEDIUM, "medium")                                                                          \
    X(LOW, "low")                                                                                \
    X(OK, "ok")            /* a source in good health */                                         \
    X(WARN, "warn")                                                                              \
    X(BAD, "bad")                                                                                \
    X(MARK, "mark")        /* a mark of core/text inside data */                                 \
    X(MATCH, "match")      /* a hit of the search */                                             \
    X(KEYCAP, "keycap")    /* a key in the function bar or help */                               \
    X(PROMPT, "prompt")                                                                          \
    X(SPARK, "spark")      /* sparklines, histograms */                                          \
    X(LINK, "link")        /* a value that Enter leads into */                                   \
    X(PLAIN, "plain")      /* the terminal's own colours, in any theme */

enum kt_role {
#define X(id, name) KT_ROLE_##id,
    KT_ROLES(X)
#undef X
    KT_ROLE_COUNT
};
const char *kt_role_name(enum kt_role r);

enum { KT_ATTR_BOLD = 1, KT_ATTR_REVERSE = 2, KT_ATTR_UNDERLINE = 4, KT_ATTR_DIM = 8 };
struct kt_style {
    uint8_t role;
    uint8_t attr; /* beside what the theme gives the role */
};
#define KT_STYLE(r) ((struct kt_style){KT_ROLE_##r, 0})

struct kt_grid_cell {
    struct kt_cell cell; /* width 0: the right half of a wide cell */
    struct kt_style style;
};

struct kt_canvas {
    int rows, cols;
    struct kt_grid_cell *cell; /* rows * cols */
    int cursor_row, cursor_col; /* -1: hidden */
    bool ascii;                 /* draw no code point above 0x7E */
};

enum { KT_CANVAS_ROWS_MAX = 1000, KT_CANVAS_COLS_MAX = 1000 };
bool kt_canvas_init(struct kt_canvas *c, int rows, int cols, bool ascii);
void kt_canvas_free(struct kt_canvas *c);
/* False where memory ran out: the old size stays. Contents are lost. */
bool kt_canvas_resize(struct kt_canvas *c, int rows, int cols);
void kt_canvas_clear(struct kt_canvas *c);

/* All drawing is clipped to the canvas and to `width` columns from `col`.
 * Each returns the columns used. */
/* Our own words: UTF-8, well-behaved; in ascii mode known glyphs (… ▲ ● › │ ─
 * ▁..█ → ←) become their ASCII stand-ins. */
int kt_canvas_text(struct kt_canvas *c, int row, int col, int width, struct kt_style s, const char *text);
int kt_canvas_printf(struct kt_canvas *c, int row, int col, int width, struct kt_style s, const char *fmt, ...)
    __attribute__((format(printf, 6, 7))); /* arguments: numbers and our own words only */
/* Data, through core/text; marks in KT_ROLE_MARK and reverse. */
int kt_canvas_data(struct kt_canvas *c, int row, int col, int width, struct kt_style s, struct kt_span data,
                   enum kt_text_kind kind);
/* The same, where a text that does not fit loses its middle: key ids, addresses. */
int kt_canvas_data_middle(struct kt_canvas *c, int row, int col, int width, struct kt_style s, struct kt_span data,
                          enum kt_text_kind kind);
/* Cells that core/text made. */
int kt_canvas_cells(struct kt_canvas *c, int row, int col, int width, struct kt_style s, const struct kt_cell *cell,
                    size_t n);
/* The columns that kt_canvas_text takes for `text` when nothing cuts it. */
int kt_canvas_text_width(bool ascii, const char *text);
void kt_canvas_fill(struct kt_canvas *c, int row, int col, int width, struct kt_style s, char ch);
/* Lays a style over what is there (selection); marks and hits keep their roles. */
void kt_canvas_tint(struct kt_canvas *c, int row, int col, int width, struct kt_style s);
/* Gives KT_ROLE_MATCH to each place in the row that reads as `needle`, ASCII
 * case ignored. Returns how many there are. */
int kt_canvas_match(struct kt_canvas *c, int row, int col, int width, struct kt_span needle);
#endif
