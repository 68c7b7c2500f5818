#include "tui/canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

const char *kt_role_name(enum kt_role r)
{
    static const char *const name[] = {
#define X(id, text) text,
        KT_ROLES(X)
#undef X
    };
    return (unsigned)r < KT_ROLE_COUNT ? name[r] : "?";
}

static const struct kt_grid_cell blank = {{" ", 1, 0}, {KT_ROLE_TEXT, 0}};

static void wipe(struct kt_grid_cell *cell, size_t n)
{
    for (size_t i = 0; i < n; i++)
        cell[i] = blank;
}

static struct kt_grid_cell *grid_new(int rows, int cols)
{
    if (rows < 1 || cols < 1 || rows > KT_CANVAS_ROWS_MAX || cols > KT_CANVAS_COLS_MAX)
        return NULL;
    size_t n = (size_t)rows * (size_t)cols;
    struct kt_grid_cell *cell = malloc(n * sizeof *cell);
    if (cell)
        wipe(cell, n);
    return cell;
}

bool kt_canvas_init(struct kt_canvas *c, int rows, int cols, bool ascii)
{
    *c = (struct kt_canvas){.ascii = ascii, .cursor_row = -1, .cursor_col = -1};
    return kt_canvas_resize(c, rows, cols);
}

void kt_canvas_free(struct kt_canvas *c)
{
    free(c->cell);
    *c = (struct kt_canvas){.ascii = c->ascii, .cursor_row = -1, .cursor_col = -1};
}

bool kt_canvas_resize(struct kt_canvas *c, int rows, int cols)
{
    rows = rows < 1 ? 1 : rows > KT_CANVAS_ROWS_MAX ? KT_CANVAS_ROWS_MAX : rows;
    cols = cols < 1 ? 1 : cols > KT_CANVAS_COLS_MAX ? KT_CANVAS_COLS_MAX : cols;
    struct kt_grid_cell *cell = grid_new(rows, cols);
    if (!cell)
        return false;
    free(c->cell);
    c->cell = cell;
    c->rows = rows;
    c->cols = cols;
    c->cursor_row = c->cursor_col = -1;
    return true;
}

void kt_canvas_clear(struct kt_canvas *c)
{
    wipe(c->cell, (size_t)c->rows * (size_t)c->cols);
    c->cursor_row = c->cursor_col = -1;
}

static struct kt_grid_cell *at(struct kt_canvas *c, int row, int col)
{
    return &c->cell[(size_t)row * (size_t)c->cols + (size_t)col];
}

/* The columns that may be drawn on from `col`: 0 where there are none. */
static int room(const struct kt_canvas *c, int row, int col, int width)
{
    if (row < 0 || row >= c->rows || col < 0 || col >= c->cols || width <= 0)
        return 0;
    return width < c->cols - col ? width : c->cols - col;
}

/* A wide cell that loses one of its halves becomes blank. */
static void split_wide(struct kt_canvas *c, int row, int col)
{
    struct kt_grid_cell *g = at(c, row, col);
    if (g->cell.width == 0 && col > 0)
        at(c, row, col - 1)->cell = blank.cell;
    if (g->cell.width == 2 && col + 1 < c->cols)
        at(c, row, col + 1)->cell = blank.cell;
}

static void put(struct kt_canvas *c, int row, int col, const struct kt_cell *cell, struct kt_style s)
{
    split_wide(c, row, col);
    *at(c, row, col) = (struct kt_grid_cell){*cell, s};
    if (cell->width == 2) {
        split_wide(c, row, col + 1);
        *at(c, row, col + 1) = (struct kt_grid_cell){{"", 0, cell->mark}, s};
    }
}

/* --- our own words ------------------------------------------------------ */

struct standin {
    uint32_t cp;
    const char *ascii;
};
static const struct standin standins[] = {
    {0x2026, "~"}, {0x25B2, "!"}, {0x25B3, "+"}, {0x25C6, "#"}, {0x25CF, "*"}, {0x25CB, "o"}, {0x00B7, "."},
    {0x203A, ">"}, {0x2502, "|"}, {0x2500, "-"}, {0x252C, "+"}, {0x2192, ">"}, {0x2190, "<"}, {0x258C, ">"},
    {0x25BE, "v"}, {0x25B4, "^"}, {0x2717, "x"}, {0x2713, "v"}, {0x23CE, "Enter"}, {0x232B, "BkSp"}, {0x21E5, "Tab"},
    {0x2191, "^"}, {0x2193, "v"}, {0x2581, "_"}, {0x2582, "."}, {0x2583, ","}, {0x2584, ":"}, {0x2585, "-"},
    {0x2586, "="}, {0x2587, "+"}, {0x2588, "#"}, {0x00D7, "x"}, {0x25B8, ">"}, {0x2265, ">="}, {0x2013, "-"},
};

static const char *standin_of(uint32_t cp)
{
    for (size_t i = 0; i < sizeof standins / sizeof *standins; i++)
        if (standins[i].cp == cp)
            return standins[i].ascii;
    return "?";
}

/* The next drawn unit of our words at *p; false at the end. In ascii mode a
 * stand-in of several letters is given as `more`. */
static bool next_unit(const char **p, bool ascii, struct kt_cell *out, const char **more)
{
    if (*more && **more) {
        *out = (struct kt_cell){{*(*more)++, '\0'}, 1, 0};
        return true;
    }
    while (**p) {
        uint32_t cp = 0;
        size_t n = kt_utf8_decode(*p, strlen(*p), &cp);
        if (n == 0) {
            (*p)++;
            continue;
        }
        const char *from = *p;
        *p += n;
        if (cp < 0x20 || cp == 0x7F)
            continue;
        if (ascii && cp > 0x7E) {
            *more = standin_of(cp);
            *out = (struct kt_cell){{*(*more)++, '\0'}, 1, 0};
            return true;
        }
        int w = cp < 0x7F ? 1 : wcwidth((wchar_t)cp);
        if (w == 0)
            continue;
        *out = (struct kt_cell){.width = w == 2 ? 2 : 1};
        memcpy(out->utf8, from, n);
        return true;
    }
    return false;
}

int kt_canvas_text(struct kt_canvas *c, int row, int col, int width, struct kt_style s, const char *text)
{
    int most = room(c, row, col, width), used = 0;
    const char *more = NULL;
    struct kt_cell cell;
    while (used < most && next_unit(&text, c->ascii, &cell, &more)) {
        if (used + cell.width > most)
            break;
        put(c, row, col + used, &cell, s);
        used += cell.width;
    }
    return used;
}

int kt_canvas_text_width(bool ascii, const char *text)
{
    int used = 0;
    const char *more = NULL;
    struct kt_cell cell;
    while (next_unit(&text, ascii, &cell, &more))
        used += cell.width;
    return used;
}

int kt_canvas_printf(struct kt_canvas *c, int row, int col, int width, struct kt_style s, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return n < 0 ? 0 : kt_canvas_text(c, row, col, width, s, text);
}

/* --- data --------------------------------------------------------------- */

int kt_canvas_cells(struct kt_canvas *c, int row, int col, int width, struct kt_style s, const struct kt_cell *cell,
                    size_t n)
{
    int most = room(c, row, col, width), used = 0;
    struct kt_style mark = {KT_ROLE_MARK, (uint8_t)(s.attr | KT_ATTR_REVERSE)};
    for (size_t i = 0; i < n && used + cell[i].width <= most; i++) {
        if (cell[i].width == 0)
            continue;
        put(c, row, col + used, &cell[i], cell[i].mark ? mark : s);
        used += cell[i].width;
    }
    return used;
}

static int draw_data(struct kt_canvas *c, int row, int col, int width, struct kt_style s, struct kt_span data,
                     const struct kt_text_opts *o)
{
    int most = room(c, row, col, width);
    struct kt_cell cell[KT_CANVAS_COLS_MAX];
    if (most == 0 || !kt_span_known(data))
        return 0;
    size_t n = kt_text_cells(data, o, (size_t)most, cell, NULL);
    return kt_canvas_cells(c, row, col, most, s, cell, n);
}

int kt_canvas_data(struct kt_canvas *c, int row, int col, int width, struct kt_style s, struct kt_span data,
                   enum kt_text_kind kind)
{
    struct kt_text_opts o = {.kind = kind, .ascii = c->ascii};
    return draw_data(c, row, col, width, s, data, &o);
}

int kt_canvas_data_middle(struct kt_canvas *c, int row, int col, int width, struct kt_style s, struct kt_span data,
                          enum kt_text_kind kind)
{
    struct kt_text_opts o = {.kind = kind, .ascii = c->ascii, .middle_cut = true};
    return draw_data(c, row, col, width, s, data, &o);
}

void kt_canvas_fill(struct kt_canvas *c, int row, int col, int width, struct kt_style s, char ch)
{
    int most = room(c, row, col, width);
    struct kt_cell cell = {{ch >= 0x20 && ch < 0x7F ? ch : ' ', '\0'}, 1, 0};
    for (int i = 0; i < most; i++)
        put(c, row, col + i, &cell, s);
}

void kt_canvas_tint(struct kt_canvas *c, int row, int col, int width, struct kt_style s)
{
    int most = room(c, row, col, width);
    for (int i = 0; i < most; i++) {
        struct kt_grid_cell *g = at(c, row, col + i);
        if (g->style.role != KT_ROLE_MARK && g->style.role != KT_ROLE_MATCH)
            g->style.role = s.role;
        g->style.attr |= s.attr;
    }
}

/* --- hits of a search --------------------------------------------------- */

static unsigned char lower(char ch)
{
    return (unsigned char)(ch >= 'A' && ch <= 'Z' ? ch + 32 : ch);
}

/* The columns from `col` that read as `needle`; 0 where they do not. */
static int match_at(struct kt_canvas *c, int row, int col, int end, struct kt_span needle)
{
    size_t used = 0;
    int i = col;
    while (used < needle.n && i < end) {
        const char *p = at(c, row, i)->cell.utf8;
        for (; *p; p++, used++)
            if (used >= needle.n || lower(*p) != lower(needle.p[used]))
                return 0;
        i++;
    }
    if (used < needle.n)
        return 0;
    while (i < end && at(c, row, i)->cell.width == 0)
        i++;
    return i - col;
}

int kt_canvas_match(struct kt_canvas *c, int row, int col, int width, struct kt_span needle)
{
    int most = room(c, row, col, width), hits = 0;
    if (needle.n == 0 || !kt_span_known(needle))
        return 0;
    for (int i = col; i < col + most;) {
        int n = at(c, row, i)->cell.width == 0 ? 0 : match_at(c, row, i, col + most, needle);
        for (int k = 0; k < n; k++)
            at(c, row, i + k)->style.role = KT_ROLE_MATCH;
        hits += n > 0;
        i += n > 0 ? n : 1;
    }
    return hits;
}
