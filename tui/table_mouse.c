/* The mouse over the table: heads sort, move and widen their columns, rows are
 * selected and opened, a stretch of the histogram is taken. */
#include "tui/table.h"

static struct kt_table *table_of(struct kt_screen *s)
{
    return (struct kt_table *)s;
}

/* --- heads -------------------------------------------------------------------- */

static bool on_edge(const struct kt_columns *k, int i, int col)
{
    return col >= k->at[i].col + k->at[i].width - 1;
}

static unsigned sort_by(struct kt_table *t, int i)
{
    enum kt_field f = kt_column_field(t->columns.at[i].column);
    return kt_table_set_sort(&t->s, f, f == t->sort ? !t->ascending : kt_setup_ascends(f));
}

/* From here on the columns are those of a plan. */
static void own_plan(struct kt_table *t)
{
    struct kt_column_plan plan;
    kt_table_columns(&t->s, &plan);
    t->plan = plan;
}

static int in_plan(const struct kt_table *t, enum kt_column c)
{
    for (int i = 0; i < t->plan.n; i++)
        if (t->plan.at[i].column == c)
            return i;
    return -1;
}

static unsigned resize(struct kt_table *t, int i, int col)
{
    enum kt_column c = t->columns.at[i].column;
    int width = col - t->columns.at[i].col + 1;
    own_plan(t);
    int at = in_plan(t, c);
    if (at >= 0)
        t->plan.at[at].width = width < 1 ? 1 : width > KT_COLUMN_WIDEST ? KT_COLUMN_WIDEST : width;
    return KT_APP_REDRAW;
}

static unsigned move(struct kt_table *t, int from, int to)
{
    enum kt_column c = t->columns.at[from].column, goal = t->columns.at[to].column;
    own_plan(t);
    int a = in_plan(t, c), b = in_plan(t, goal);
    if (a < 0 || b < 0)
        return 0;
    int width = t->plan.at[a].width;
    for (; a < b; a++)
        t->plan.at[a] = t->plan.at[a + 1];
    for (; a > b; a--)
        t->plan.at[a] = t->plan.at[a - 1];
    t->plan.at[b].column = c;
    t->plan.at[b].width = width;
    return KT_APP_REDRAW;
}

static unsigned head(struct kt_table *t, enum kt_mouse what, int col)
{
    int i = kt_columns_at(&t->columns, col), from = t->grabbed;
    if (what == KT_MOUSE_PRESS) {
        t->grabbed = i;
        t->grabbed_col = col;
        return 0;
    }
    if (what == KT_MOUSE_RIGHT)
        return kt_app_push(t->s.app, kt_screen_columns(t->s.app));
    if (what != KT_MOUSE_RELEASE || from < 0 || from >= t->columns.n)
        return 0;
    t->grabbed = -1;
    if (col == t->grabbed_col)
        return sort_by(t, from);
    if (on_edge(&t->columns, from, t->grabbed_col))
        return resize(t, from, col);
    return i >= 0 && i != from ? move(t, from, i) : 0;
}

/* --- the histogram --------------------------------------------------------------- */

static unsigned histogram(struct kt_table *t, enum kt_mouse what, int col)
{
    struct kt_histogram *h = &t->time;
    int64_t at = kt_histogram_at(h, col < h->left ? h->left : col >= h->left + h->width ? h->left + h->width - 1 : col);
    bool open = t->s.app->top != t->s.app->table;
    if (at == KT_TIME_NONE)
        return 0;
    switch (what) {
    case KT_MOUSE_PRESS:
        h->cursor = h->dragged = at;
        h->anchor = KT_TIME_NONE;
        h->drag = true;
        return open ? KT_APP_REDRAW : kt_app_push(t->s.app, kt_screen_time(t->s.app));
    case KT_MOUSE_DRAG:
        if (!h->drag)
            return 0;
        h->anchor = at == h->dragged && h->anchor == KT_TIME_NONE ? KT_TIME_NONE : h->dragged;
        h->cursor = at;
        return KT_APP_REDRAW;
    case KT_MOUSE_RELEASE:
        if (!h->drag)
            return 0;
        h->drag = false;
        return h->anchor == KT_TIME_NONE ? KT_APP_REDRAW : kt_table_time_take(&t->s) | KT_SCREEN_POP;
    default: return 0;
    }
}

/* --- the rows ----------------------------------------------------------------------- */

static unsigned rows(struct kt_table *t, enum kt_mouse what, int row)
{
    struct kt_list_items it = kt_table_items(t);
    size_t i = what == KT_MOUSE_PRESS ? kt_list_at(&t->list, &it, row) : SIZE_MAX;
    if (i == SIZE_MAX)
        return 0;
    if (i == t->list.cursor)
        return t->s.ops->command(&t->s, KT_CMD_OPEN, KT_CHAR(13));
    t->restore = 0;
    kt_list_goto(&t->list, &it, i);
    kt_table_follow_cursor(t);
    return KT_APP_REDRAW;
}

unsigned kt_table_mouse(struct kt_screen *s, struct kt_key k)
{
    struct kt_table *t = table_of(s);
    enum kt_mouse what = kt_mouse_of(k);
    int row = kt_mouse_row(k), col = kt_mouse_col(k);
    bool over = t->time.on && t->time.width > 0 && row >= t->time.row && row < t->time.row + KT_HISTOGRAM_ROWS;
    if (t->time.drag || (over && what == KT_MOUSE_PRESS))
        return histogram(t, what, col);
    if (s->app->top != s) /* the histogram's keys are on */
        return what == KT_MOUSE_PRESS ? KT_SCREEN_POP : 0;
    if (row == t->heads_row || (what == KT_MOUSE_RELEASE && t->grabbed >= 0))
        return head(t, what, col);
    return col < t->rows_width ? rows(t, what, row - t->rows_offset) : 0;
}
