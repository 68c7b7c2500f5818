/* The chooser of columns: which, in which order and how wide. The table beside
 * it shows each change at once. */
#include "tui/setup.h"
#include "tui/menu.h"

#include <stdio.h>
#include <stdlib.h>

enum { WIDTH = 30, STEP = 2 };

struct columns {
    struct kt_menu m;
    struct kt_column_plan plan; /* those that are shown */
    struct kt_column_plan before; /* the prompt was opened */
    enum kt_column at[KT_COLUMN_COUNT]; /* lines: those shown in their order, then the others */
};

static struct columns *columns_of(struct kt_screen *s)
{
    return (struct columns *)s;
}

static void list(struct columns *k)
{
    bool shown[KT_COLUMN_COUNT] = {false};
    int n = 0;
    for (int i = 0; i < k->plan.n; i++) {
        k->at[n++] = k->plan.at[i].column;
        shown[k->plan.at[i].column] = true;
    }
    for (int i = 0; i < KT_COLUMN_COUNT; i++)
        if (!shown[i])
            k->at[n++] = (enum kt_column)i;
}

static int place_of(const struct columns *k, enum kt_column c)
{
    for (int i = 0; i < k->plan.n; i++)
        if (k->plan.at[i].column == c)
            return i;
    return -1;
}

static void draw_line(struct kt_menu *m, size_t i, struct kt_canvas *c, int row, int width)
{
    struct columns *k = (struct columns *)m;
    int place = place_of(k, k->at[i]);
    char text[32];
    kt_canvas_text(c, row, 2, width - 2, place >= 0 ? KT_STYLE(TEXT) : KT_STYLE(DIM), place >= 0 ? "✓" : " ");
    kt_canvas_text(c, row, 4, width - 4, place >= 0 ? KT_STYLE(TEXT) : KT_STYLE(DIM), kt_column_head(k->at[i]));
    if (place < 0)
        return;
    if (k->plan.at[place].width)
        snprintf(text, sizeof text, "%d wide", k->plan.at[place].width);
    else
        snprintf(text, sizeof text, "as it fits");
    kt_canvas_text(c, row, 16, width - 16, KT_STYLE(DIM), text);
}

/* What was changed is seen at once; the cursor stays with its column. */
static unsigned apply(struct columns *k, enum kt_column with)
{
    kt_table_set_columns(k->m.s.app->table, &k->plan);
    list(k);
    for (size_t i = 0; i < k->m.n; i++)
        if (k->at[i] == with)
            kt_menu_goto(&k->m, i);
    return KT_APP_REDRAW;
}

static unsigned turn(struct columns *k)
{
    enum kt_column c = k->at[k->m.list.cursor];
    int place = place_of(k, c);
    if (place < 0) {
        k->plan.at[k->plan.n].column = c;
        k->plan.at[k->plan.n++].width = 0;
    } else if (k->plan.n == 1) {
        return kt_app_hint(k->m.s.app, "one column stays");
    } else {
        memmove(k->plan.at + place, k->plan.at + place + 1, (size_t)(k->plan.n - place - 1) * sizeof *k->plan.at);
        k->plan.n--;
    }
    return apply(k, c);
}

static unsigned move(struct columns *k, int by)
{
    enum kt_column c = k->at[k->m.list.cursor];
    int place = place_of(k, c), to = place + by;
    if (place < 0)
        return kt_app_hint(k->m.s.app, "it is not shown: Space shows it");
    if (to < 0 || to >= k->plan.n)
        return 0;
    int width = k->plan.at[place].width;
    k->plan.at[place] = k->plan.at[to];
    k->plan.at[to].column = c;
    k->plan.at[to].width = width;
    return apply(k, c);
}

/* From as wide as it stands. */
static unsigned widen(struct columns *k, int by)
{
    enum kt_column c = k->at[k->m.list.cursor];
    int place = place_of(k, c), width;
    if (place < 0)
        return kt_app_hint(k->m.s.app, "it is not shown: Space shows it");
    width = k->plan.at[place].width ? k->plan.at[place].width : kt_table_column_width(k->m.s.app->table, c);
    width += by;
    k->plan.at[place].width = by == 0 || width < 1 ? 0 : width > KT_COLUMN_WIDEST ? KT_COLUMN_WIDEST : width;
    return apply(k, c);
}

static unsigned reset(struct columns *k)
{
    struct kt_column_plan none = {.n = 0};
    kt_table_set_columns(k->m.s.app->table, &none);
    return KT_SCREEN_POP | kt_app_hint(k->m.s.app, "the columns are those that suit the width again");
}

static unsigned edit(struct columns *k)
{
    struct kt_buf b;
    kt_buf_init(&b, KT_PROMPT_MAX - 1);
    kt_column_plan_write(&k->plan, &b);
    k->before = k->plan;
    unsigned did = kt_app_prompt(k->m.s.app, &k->m.s, "columns", kt_buf_str(&b));
    kt_buf_free(&b);
    return did;
}

static unsigned prompted(struct kt_screen *s, enum kt_prompt_event e)
{
    struct columns *k = columns_of(s);
    struct kt_prompt *p = &s->app->prompt;
    struct kt_column_plan plan = {.n = 0};
    struct kt_err err = {0};
    p->error[0] = '\0';
    if (e == KT_PROMPT_CANCELLED)
        plan = k->before;
    else if (kt_column_plan_read(&plan, kt_span_of(p->text), &p->error_at, &err))
        snprintf(p->error, sizeof p->error, "%s", err.text);
    if (p->error[0])
        return KT_APP_REDRAW;
    k->plan = plan;
    kt_table_set_columns(s->app->table, &plan);
    if (!plan.n)
        kt_table_columns(s->app->table, &k->plan);
    return apply(k, k->plan.n ? k->plan.at[0].column : KT_COLUMN_TIME);
}

static unsigned command(struct kt_screen *s, enum kt_command cmd, struct kt_key key)
{
    struct columns *k = columns_of(s);
    unsigned did;
    (void)key;
    if (kt_menu_moved(&k->m, cmd, &did))
        return did;
    switch (cmd) {
    case KT_CMD_COL_SHOW: return turn(k);
    case KT_CMD_COL_UP: return move(k, -1);
    case KT_CMD_COL_DOWN: return move(k, 1);
    case KT_CMD_COL_WIDER: return widen(k, STEP);
    case KT_CMD_COL_NARROWER: return widen(k, -STEP);
    case KT_CMD_COL_FIT: return widen(k, 0);
    case KT_CMD_COL_RESET: return reset(k);
    case KT_CMD_COL_WRITE: return edit(k);
    case KT_CMD_LEAVE: return KT_SCREEN_POP;
    default: return 0;
    }
}

static void draw(struct kt_screen *s, struct kt_canvas *c, int row, int height)
{
    kt_menu_draw(&columns_of(s)->m, c, row, height);
}

static void free_columns(struct kt_screen *s)
{
    free(s);
}

static unsigned mouse(struct kt_screen *s, struct kt_key k)
{
    return kt_menu_click((struct kt_menu *)s, k, KT_CMD_COL_SHOW);
}

static const struct kt_screen_ops ops = {
    .context = KT_CTX_COLUMNS, .overlay = true, .command = command, .draw = draw, .prompted = prompted, .mouse = mouse, .free = free_columns,
};

struct kt_screen *kt_screen_columns(struct kt_app *a)
{
    struct columns *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->m = (struct kt_menu){.s = {.ops = &ops, .app = a}, .title = " columns ", .n = KT_COLUMN_COUNT, .wanted = WIDTH,
                            .line = draw_line};
    kt_table_columns(a->table, &k->plan);
    list(k);
    kt_menu_goto(&k->m, 0);
    return &k->m.s;
}
