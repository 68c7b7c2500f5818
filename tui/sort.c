/* The chooser of the column to sort by. */
#include "tui/columns.h"
#include "tui/list.h"
#include "tui/screen.h"

#include <stdlib.h>

struct sort {
    struct kt_screen s;
    struct kt_list list;
};

static struct sort *sort_of(struct kt_screen *s)
{
    return (struct sort *)s;
}

static uint64_t id(void *ctx, size_t i)
{
    (void)ctx;
    return i;
}

static ptrdiff_t find(void *ctx, uint64_t want)
{
    (void)ctx;
    return want < KT_COLUMN_COUNT ? (ptrdiff_t)want : -1;
}

static struct kt_list_items items(struct sort *m)
{
    return (struct kt_list_items){KT_COLUMN_COUNT, m, id, find, NULL, NULL, NULL};
}

enum { WIDTH = 24 };

static void draw_line(void *ctx, size_t i, struct kt_canvas *c, int row, int lines, bool first, bool selected)
{
    struct sort *m = ctx;
    bool ascending;
    enum kt_field now = kt_table_sort(m->s.app->table, &ascending);
    (void)lines;
    (void)first;
    kt_canvas_fill(c, row, 0, WIDTH, KT_STYLE(TEXT), ' ');
    kt_canvas_text(c, row, 3, WIDTH - 4, KT_STYLE(TEXT), kt_column_head((enum kt_column)i));
    if (kt_column_field((enum kt_column)i) == now)
        kt_canvas_text(c, row, 2, 1, KT_STYLE(HEADER), ascending ? "▴" : "▾");
    kt_canvas_text(c, row, WIDTH - 1, 1, KT_STYLE(RULE), "│");
    if (selected) {
        kt_canvas_text(c, row, 0, 1, KT_STYLE(SELECTED), "▌");
        kt_canvas_tint(c, row, 0, WIDTH - 1, KT_STYLE(SELECTED));
    }
}

static void draw_rule(struct kt_canvas *c, int row)
{
    for (int i = 0; i < WIDTH; i++)
        kt_canvas_text(c, row, i, 1, KT_STYLE(RULE), "─");
}

static void draw(struct kt_screen *s, struct kt_canvas *c, int row, int height)
{
    struct sort *m = sort_of(s);
    struct kt_list_items it = items(m);
    if (height > 4) {
        draw_rule(c, row);
        kt_canvas_text(c, row, 2, WIDTH - 4, KT_STYLE(TITLE), " sort by ");
        row++;
        height -= 2;
    }
    int n = height < KT_COLUMN_COUNT ? height : KT_COLUMN_COUNT;
    kt_list_draw(&m->list, &it, c, row, n, draw_line);
    if (height > 4 - 2)
        draw_rule(c, row + n);
}

static unsigned choose(struct sort *m)
{
    bool ascending;
    struct kt_app *a = m->s.app;
    enum kt_field now = kt_table_sort(a->table, &ascending);
    enum kt_field f = kt_column_field((enum kt_column)m->list.cursor);
    /* names begin at A, times and risks at their greatest; the same again turns it round */
    bool names = f != KT_FIELD_TIME && f != KT_FIELD_RISK;
    return kt_table_set_sort(a->table, f, f == now ? !ascending : names) | KT_SCREEN_POP;
}

static unsigned moved(struct sort *m, enum kt_list_move how)
{
    struct kt_list_items it = items(m);
    return kt_list_move(&m->list, &it, how) ? KT_APP_REDRAW : 0;
}

static unsigned command(struct kt_screen *s, enum kt_command cmd, struct kt_key k)
{
    struct sort *m = sort_of(s);
    (void)k;
    switch (cmd) {
    case KT_CMD_CHOOSE: return choose(m);
    case KT_CMD_LEAVE: return KT_SCREEN_POP;
    case KT_CMD_UP: return moved(m, KT_LIST_UP);
    case KT_CMD_DOWN: return moved(m, KT_LIST_DOWN);
    case KT_CMD_PAGE_UP: return moved(m, KT_LIST_PAGE_UP);
    case KT_CMD_PAGE_DOWN: return moved(m, KT_LIST_PAGE_DOWN);
    case KT_CMD_HOME: return moved(m, KT_LIST_HOME);
    case KT_CMD_END: return moved(m, KT_LIST_END);
    default: return 0;
    }
}

static void free_sort(struct kt_screen *s)
{
    free(s);
}

static unsigned mouse(struct kt_screen *s, struct kt_key k)
{
    struct kt_list_items it = items(sort_of(s));
    return kt_app_click(s, &sort_of(s)->list, &it, k, KT_CMD_CHOOSE);
}

static const struct kt_screen_ops ops = {
    .context = KT_CTX_MENU, .overlay = true, .command = command, .draw = draw, .mouse = mouse, .free = free_sort,
};

struct kt_screen *kt_screen_sort(struct kt_app *a)
{
    struct sort *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->s = (struct kt_screen){.ops = &ops, .app = a};
    bool ascending;
    enum kt_field now = kt_table_sort(a->table, &ascending);
    struct kt_list_items it = items(m);
    for (size_t i = 0; i < KT_COLUMN_COUNT; i++)
        if (kt_column_field((enum kt_column)i) == now)
            kt_list_goto(&m->list, &it, i);
    return &m->s;
}
