#include "tui/menu.h"

static uint64_t id(void *ctx, size_t i)
{
    (void)ctx;
    return i;
}

static ptrdiff_t find(void *ctx, uint64_t want)
{
    return want < ((struct kt_menu *)ctx)->n ? (ptrdiff_t)want : -1;
}

static struct kt_list_items items(struct kt_menu *m)
{
    return (struct kt_list_items){m->n, m, id, find, NULL, NULL, NULL};
}

static void draw_line(void *ctx, size_t i, struct kt_canvas *c, int row, int lines, bool first, bool selected)
{
    struct kt_menu *m = ctx;
    (void)lines;
    (void)first;
    kt_canvas_fill(c, row, 0, m->width, KT_STYLE(TEXT), ' ');
    m->line(m, i, c, row, m->width - 1);
    kt_canvas_text(c, row, m->width - 1, 1, KT_STYLE(RULE), "│");
    if (selected) {
        kt_canvas_text(c, row, 0, 1, KT_STYLE(SELECTED), "▌");
        kt_canvas_tint(c, row, 0, m->width - 1, KT_STYLE(SELECTED));
    }
}

static void draw_rule(const struct kt_menu *m, struct kt_canvas *c, int row)
{
    for (int i = 0; i < m->width; i++)
        kt_canvas_text(c, row, i, 1, KT_STYLE(RULE), "─");
}

void kt_menu_draw(struct kt_menu *m, struct kt_canvas *c, int row, int height)
{
    struct kt_list_items it = items(m);
    bool framed = height > 4;
    m->width = m->wanted < c->cols ? m->wanted : c->cols;
    if (framed) {
        draw_rule(m, c, row);
        kt_canvas_text(c, row++, 2, m->width - 4, KT_STYLE(TITLE), m->title);
        height -= 2;
    }
    int lines = m->n ? (int)m->n : 1;
    m->row = row;
    m->height = lines < height ? lines : height;
    if (m->n) {
        kt_list_draw(&m->list, &it, c, row, m->height, draw_line);
    } else {
        kt_canvas_fill(c, row, 0, m->width, KT_STYLE(TEXT), ' ');
        kt_canvas_text(c, row, 1, m->width - 2, KT_STYLE(DIM), m->none);
        kt_canvas_text(c, row, m->width - 1, 1, KT_STYLE(RULE), "│");
    }
    if (framed)
        draw_rule(m, c, row + m->height);
}

bool kt_menu_moved(struct kt_menu *m, enum kt_command cmd, unsigned *did)
{
    static const struct {
        enum kt_command cmd;
        enum kt_list_move how;
    } moves[] = {{KT_CMD_UP, KT_LIST_UP},           {KT_CMD_DOWN, KT_LIST_DOWN},           {KT_CMD_PAGE_UP, KT_LIST_PAGE_UP},
                 {KT_CMD_PAGE_DOWN, KT_LIST_PAGE_DOWN}, {KT_CMD_HOME, KT_LIST_HOME}, {KT_CMD_END, KT_LIST_END}};
    struct kt_list_items it = items(m);
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
        if (moves[i].cmd != cmd)
            continue;
        *did = kt_list_move(&m->list, &it, moves[i].how) ? KT_APP_REDRAW : 0;
        return true;
    }
    return false;
}

void kt_menu_goto(struct kt_menu *m, size_t i)
{
    struct kt_list_items it = items(m);
    kt_list_goto(&m->list, &it, i);
}

unsigned kt_menu_click(struct kt_menu *m, struct kt_key k, enum kt_command open)
{
    struct kt_list_items it = items(m);
    return kt_mouse_col(k) < m->width ? kt_app_click(&m->s, &m->list, &it, k, open) : 0;
}
