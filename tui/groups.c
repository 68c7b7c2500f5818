/* The table's rows put together by what they have in common. Enter narrows the
 * table to a group; Backspace there leads back to it. */
#include "tui/format.h"
#include "tui/list.h"
#include "tui/narrow.h"
#include "tui/screen.h"

#include <stdio.h>
#include <stdlib.h>

enum order { BY_ROWS, BY_RISK, BY_LAST, BY_NAME, ORDERS };
static const char *const order_name[] = {"ROWS", "RISK", "LAST", "GROUP"};

struct groups {
    struct kt_screen s;
    enum kt_group_by by;
    struct kt_view *view;
    uint64_t generation;
    const struct kt_snapshot *snap;
    const struct kt_group **at; /* of the snapshot, in the order that is asked for */
    size_t n, cap;
    enum order order;
    struct kt_list list;
    uint64_t wanted;            /* the group to begin at */
    bool has_wanted;
    size_t origin;
    char title[32];
};

static struct groups *groups_of(struct kt_screen *s)
{
    return (struct groups *)s;
}

/* --- items ------------------------------------------------------------------ */

static uint64_t id_of(void *ctx, size_t i)
{
    return kt_narrow_id(((struct groups *)ctx)->at[i]);
}

static ptrdiff_t find(void *ctx, uint64_t id)
{
    struct groups *g = ctx;
    for (size_t i = 0; i < g->n; i++)
        if (kt_narrow_id(g->at[i]) == id)
            return (ptrdiff_t)i;
    return -1;
}

static void text_of(void *ctx, size_t i, struct kt_buf *b)
{
    const struct kt_group *g = ((struct groups *)ctx)->at[i];
    char when[KT_FMT_TEXT];
    if (g->hour != KT_TIME_NONE)
        kt_buf_adds(b, kt_fmt_when(g->hour, KT_TIME_NONE, 16, when));
    else if (kt_span_known(g->name))
        kt_buf_add(b, g->name.p, g->name.n);
    else
        kt_buf_adds(b, "not known");
}

static struct kt_list_items items(struct groups *g)
{
    return (struct kt_list_items){g->n, g, id_of, find, NULL, NULL, text_of};
}

static int by_rows(const void *a, const void *b)
{
    const struct kt_group *x = *(const struct kt_group *const *)a, *y = *(const struct kt_group *const *)b;
    if (x->rows != y->rows)
        return x->rows < y->rows ? 1 : -1;
    return x < y ? -1 : x > y;
}

/* What is equal stays as it came: most rows first. */
static int by_risk(const void *a, const void *b)
{
    const struct kt_group *x = *(const struct kt_group *const *)a, *y = *(const struct kt_group *const *)b;
    if (x->risk != y->risk)
        return x->risk < y->risk ? 1 : -1;
    return x < y ? -1 : x > y;
}

static int by_last(const void *a, const void *b)
{
    const struct kt_group *x = *(const struct kt_group *const *)a, *y = *(const struct kt_group *const *)b;
    if (x->last != y->last)
        return x->last < y->last ? 1 : -1;
    return x < y ? -1 : x > y;
}

static int by_name(const void *a, const void *b)
{
    const struct kt_group *x = *(const struct kt_group *const *)a, *y = *(const struct kt_group *const *)b;
    size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
    if (x->hour != y->hour)
        return x->hour < y->hour ? 1 : -1;
    if (!x->name.p || !y->name.p)
        return x->name.p ? -1 : y->name.p ? 1 : 0; /* the unknown one last */
    int c = memcmp(x->name.p, y->name.p, n);
    return c ? c : x->name.n < y->name.n ? -1 : x->name.n > y->name.n;
}

static void put_in_order(struct groups *g)
{
    static int (*const how[])(const void *, const void *) = {by_rows, by_risk, by_last, by_name};
    const struct kt_groups *all = g->snap ? &g->snap->groups : NULL;
    g->n = 0;
    if (!all || all->by != g->by || !kt_grow(&g->at, &g->cap, all->n + 1, sizeof *g->at, KT_GROUPS_MAX + 1))
        return;
    for (size_t i = 0; i < all->n; i++)
        g->at[g->n++] = &all->group[i];
    qsort(g->at, g->n, sizeof *g->at, how[g->order]);
    struct kt_list_items it = items(g);
    kt_list_sync(&g->list, &it);
    ptrdiff_t at = g->has_wanted ? find(g, g->wanted) : -1;
    if (at >= 0)
        kt_list_goto(&g->list, &it, (size_t)at);
    g->has_wanted = false;
}

/* --- the view ----------------------------------------------------------------- */

static struct kt_view_spec spec_of(struct groups *g)
{
    struct kt_view_spec spec = kt_table_spec_of(g->s.app->table);
    spec.sort = KT_FIELD_TIME;
    spec.ascending = false;
    spec.group = g->by;
    return spec;
}

static void drop(struct groups *g)
{
    if (g->snap)
        kt_snapshot_release(g->snap);
    g->snap = NULL;
    g->n = 0;
}

static void ask(struct groups *g)
{
    struct kt_view_spec spec = spec_of(g);
    if (g->view)
        g->generation = kt_view_set(g->view, &spec);
    else
        g->view = kt_view_open(g->s.app->views, &spec);
}

static unsigned news(struct kt_screen *s)
{
    struct groups *g = groups_of(s);
    const struct kt_snapshot *newest = g->view ? kt_view_snapshot(g->view) : NULL;
    if (!newest)
        return 0;
    if (newest == g->snap || newest->generation < g->generation) {
        kt_snapshot_release(newest);
        return 0;
    }
    drop(g);
    g->snap = newest;
    put_in_order(g);
    return KT_APP_REDRAW;
}

static void settle(struct kt_screen *s)
{
    struct groups *g = groups_of(s);
    if (g->view)
        kt_view_settle(g->view);
    news(s);
}

/* A page that is not seen costs no work. */
static void cover(struct kt_screen *s, bool covered)
{
    struct groups *g = groups_of(s);
    if (!covered) {
        ask(g);
        return;
    }
    if (g->view)
        kt_view_close(g->view);
    g->view = NULL;
    g->generation = 0;
}

static void anew(struct kt_screen *s)
{
    if (groups_of(s)->view)
        ask(groups_of(s));
}

/* --- drawing --------------------------------------------------------------------- */

struct columns {
    int name, name_w, rows, high, risk, denied, last, last_w, spark, spark_w;
};

static struct columns columns_of(int cols)
{
    struct columns k = {.name = 1};
    int right = cols - 1;
    if (cols >= 100) {
        k.spark_w = cols >= 140 ? 48 : 24;
        k.spark = right - k.spark_w;
        right = k.spark - 2;
    }
    k.last_w = cols >= 100 ? 16 : 8;
    if (cols >= 44) {
        k.last = right - k.last_w;
        right = k.last - 1;
    }
    if (cols >= 72) {
        k.denied = right - 7;
        right = k.denied - 1;
    }
    k.risk = right - 5;
    k.high = cols >= 56 ? k.risk - 7 : 0;
    k.rows = (k.high ? k.high : k.risk) - 9;
    k.name_w = k.rows - 2;
    if (k.rows <= 6) /* no room for numbers: whose they would be */
        k = (struct columns){.name = 1, .name_w = cols - 2};
    return k;
}

static void head(const struct groups *g, struct kt_canvas *c, int row, int col, int width, const char *words, int order)
{
    int w = (int)strlen(words);
    if (col <= 0)
        return;
    kt_canvas_text(c, row, width ? col + width - w : col, w, KT_STYLE(HEADER), words);
    if ((int)g->order == order)
        kt_canvas_text(c, row, (width ? col + width - w : col) - 1, 1, KT_STYLE(HEADER), "▾");
}

static void draw_head(const struct groups *g, struct kt_canvas *c, int row)
{
    struct columns k = columns_of(c->cols);
    char name[32];
    snprintf(name, sizeof name, "%s", kt_group_name(g->by));
    for (char *p = name; *p; p++)
        *p = (char)(*p >= 'a' && *p <= 'z' ? *p - 32 : *p);
    head(g, c, row, k.name, 0, name, BY_NAME);
    head(g, c, row, k.rows, 8, order_name[BY_ROWS], BY_ROWS);
    head(g, c, row, k.high, 6, "HIGH", -1);
    head(g, c, row, k.risk, 5, order_name[BY_RISK], BY_RISK);
    head(g, c, row, k.denied, 7, "DENIED", -1);
    head(g, c, row, k.last, 0, order_name[BY_LAST], BY_LAST);
    if (k.spark)
        kt_canvas_text(c, row, k.spark, k.spark_w, KT_STYLE(HEADER), "24 h");
}

static void number(struct kt_canvas *c, int row, int col, int width, struct kt_style s, uint64_t n)
{
    char b[KT_FMT_TEXT];
    if (col > 0)
        kt_canvas_printf(c, row, col, width, s, "%*s", width, kt_fmt_count(n, b));
}

static void draw_name(const struct groups *g, const struct kt_group *x, struct kt_canvas *c, int row, const struct columns *k)
{
    char when[KT_FMT_TEXT];
    bool agents = g->by == KT_GROUP_AGENT || g->by == KT_GROUP_NETWORK;
    if (x->hour != KT_TIME_NONE) {
        kt_canvas_text(c, row, k->name, k->name_w, KT_STYLE(LINK), kt_fmt_when(x->hour, KT_TIME_NONE, 16, when));
        return;
    }
    if (!kt_span_known(x->name)) {
        kt_canvas_text(c, row, k->name, k->name_w, KT_STYLE(DIM), g->by == KT_GROUP_RULE || g->by == KT_GROUP_SIGNAL ? "none" : "not known");
        return;
    }
    struct kt_rule_info rule;
    bool titled = g->by == KT_GROUP_RULE && kt_rules_by_id(g->s.app->rules, x->name, &rule);
    struct kt_span title = titled ? rule.title : KT_SPAN_NONE;
    int used = kt_canvas_data(c, row, k->name, k->name_w, KT_STYLE(LINK), kt_span_known(title) ? title : x->name,
                              agents || kt_span_known(title) ? KT_TEXT_FREE : KT_TEXT_IDENTITY);
    struct kt_span more = kt_span_known(x->account) ? x->account : g->by == KT_GROUP_AGENT ? x->type : KT_SPAN_NONE;
    if (kt_span_known(more) && used + 2 + (int)more.n <= k->name_w)
        kt_canvas_data(c, row, k->name + used + 2, k->name_w - used - 2, KT_STYLE(DIM), more, KT_TEXT_IDENTITY);
}

static void draw_group(void *ctx, size_t i, struct kt_canvas *c, int row, int lines, bool first, bool selected)
{
    struct groups *g = ctx;
    const struct kt_group *x = g->at[i];
    struct columns k = columns_of(c->cols);
    char b[KT_FMT_TEXT];
    enum kt_level level = kt_level_of_risk((int)x->risk);
    struct kt_style risk = {(uint8_t)kt_fmt_level_role(level), 0};
    (void)lines;
    (void)first;
    draw_name(g, x, c, row, &k);
    number(c, row, k.rows, 8, KT_STYLE(TEXT), x->rows);
    number(c, row, k.high, 6, x->high ? KT_STYLE(HIGH) : KT_STYLE(DIM), x->high);
    if (k.risk > 0) {
        kt_canvas_text(c, row, k.risk, 1, risk, kt_fmt_level(level));
        kt_canvas_printf(c, row, k.risk + 1, 4, risk, "%4u", x->risk);
    }
    number(c, row, k.denied, 7, x->denied ? KT_STYLE(WARN) : KT_STYLE(DIM), x->denied);
    if (k.last && x->last != KT_TIME_NONE)
        kt_canvas_text(c, row, k.last, k.last_w, KT_STYLE(TEXT), kt_fmt_when(x->last, kt_app_now(g->s.app), k.last_w, b));
    if (k.spark && x->bucket)
        kt_spark_draw(c, row, k.spark, k.spark_w, x->bucket, g->snap->buckets);
    kt_canvas_match(c, row, 1, c->cols - 1, kt_app_needle(g->s.app));
    if (selected) {
        kt_canvas_text(c, row, 0, 1, KT_STYLE(SELECTED), "▌");
        kt_canvas_tint(c, row, 0, c->cols, KT_STYLE(SELECTED));
    }
}

static void draw_summary(struct groups *g, struct kt_canvas *c, int row)
{
    const struct kt_groups *all = &g->snap->groups;
    char a[KT_FMT_TEXT], b[KT_FMT_TEXT];
    int col = 1 + kt_canvas_printf(c, row, 1, c->cols - 2, KT_STYLE(TEXT), "%s of %s", kt_fmt_plural(all->distinct, "group", "groups", a),
                                   kt_fmt_plural(all->rows, "row", "rows", b));
    if (all->n < all->distinct)
        col += kt_canvas_printf(c, row, col, c->cols - col, KT_STYLE(DIM), ", the %zu with the most rows are listed", all->n);
    struct kt_summary s = kt_table_summary(g->s.app->table);
    struct kt_text_opts o = {.kind = KT_TEXT_FREE, .ascii = c->ascii};
    int w = (int)kt_text_width(s.filter, &o, 200), ws = (int)kt_text_width(s.scope, &o, 100);
    if (ws && col + 8 + ws < c->cols) {
        kt_canvas_text(c, row, col + 2, 5, KT_STYLE(DIM), "only");
        col += 7 + kt_canvas_data(c, row, col + 7, ws, KT_STYLE(BRIGHT), s.scope, KT_TEXT_FREE);
    }
    if (w && col + 4 < c->cols)
        kt_canvas_data(c, row, col + 2, c->cols - col - 3, KT_STYLE(BRIGHT), s.filter, KT_TEXT_FREE);
}

static void draw(struct kt_screen *s, struct kt_canvas *c, int row, int height)
{
    struct groups *g = groups_of(s);
    struct kt_list_items it = items(g);
    if (!g->snap || g->snap->groups.by != g->by) {
        kt_canvas_text(c, row + height / 3, 1, c->cols - 2, KT_STYLE(DIM), "counting");
        return;
    }
    if (height >= 6) {
        draw_summary(g, c, row++);
        height--;
    }
    if (height >= 3) {
        draw_head(g, c, row++);
        height--;
    }
    if (g->n)
        kt_list_draw(&g->list, &it, c, row, height, draw_group);
    else
        kt_canvas_text(c, row + height / 3, 1, c->cols - 2, KT_STYLE(DIM), "no rows to be put together");
}

/* --- commands ------------------------------------------------------------------------ */

/* Hours have an order of their own. */
static void set_by(struct groups *g, enum kt_group_by by)
{
    g->by = by;
    g->order = by == KT_GROUP_HOUR ? BY_NAME : BY_ROWS;
    g->s.app->grouping = g->s.app->grouped = g->by;
    snprintf(g->title, sizeof g->title, "by %s", kt_group_name(g->by));
    kt_screen_title(&g->s, kt_span_of(g->title));
}

static unsigned change(struct groups *g, int by)
{
    int n = (int)g->by - 1 + by, count = KT_GROUP_COUNT - 1;
    set_by(g, (enum kt_group_by)(1 + (n + count) % count));
    g->list = (struct kt_list){.cursor = 0};
    ask(g);
    return KT_APP_REDRAW;
}

static const struct kt_group *here(const struct groups *g)
{
    return g->list.cursor < g->n ? g->at[g->list.cursor] : NULL;
}

static unsigned take(struct groups *g)
{
    struct kt_app *a = g->s.app;
    const struct kt_group *x = here(g);
    struct kt_narrow n;
    if (!x)
        return kt_app_hint(a, "no group to open");
    if (!kt_narrow_group(&n, g->by, x, kt_table_scoped(a->table)))
        return kt_app_hint(a, "the table is narrowed to one agent or page already: Backspace there first");
    return kt_table_narrow(a->table, &n) | kt_app_to_table(a);
}

/* What the group is about has a page of its own. */
static unsigned open_pane(struct groups *g)
{
    const struct kt_group *x = here(g);
    if (!x || !x->entity)
        return kt_app_hint(g->s.app, "it has no page of its own: Enter shows its rows");
    return kt_app_push(g->s.app, kt_screen_pane(g->s.app, x->entity, 0));
}

static unsigned open_riskiest(struct groups *g)
{
    const struct kt_group *x = here(g);
    if (!x || !x->risk_seq)
        return kt_app_hint(g->s.app, "no row to open");
    return kt_app_push(g->s.app, kt_screen_record(g->s.app, x->risk_seq));
}

static unsigned next_order(struct groups *g)
{
    g->order = (enum order)((g->order + 1) % ORDERS);
    put_in_order(g);
    return KT_APP_REDRAW;
}

static unsigned copy(struct groups *g)
{
    const struct kt_group *x = here(g);
    return x && kt_span_known(x->name) ? kt_app_copy_value(g->s.app, x->name, KT_TEXT_FREE)
                                       : kt_app_hint(g->s.app, "nothing to copy here");
}

static unsigned search(struct groups *g, bool backwards, bool at_once)
{
    struct kt_list_items it = items(g);
    if (!g->s.app->needle[0])
        return kt_app_hint(g->s.app, "nothing was searched for yet: / begins");
    if (kt_list_search(&g->list, &it, kt_app_needle(g->s.app), backwards, at_once))
        return KT_APP_REDRAW;
    return kt_app_hint(g->s.app, "not found on this page");
}

static unsigned moved(struct groups *g, enum kt_list_move m)
{
    struct kt_list_items it = items(g);
    return kt_list_move(&g->list, &it, m) ? KT_APP_REDRAW : 0;
}

static unsigned pick(struct groups *g)
{
    int n;
    return kt_app_number(g->s.app, 1, KT_GROUP_COUNT - 1, &n) ? change(g, n - (int)g->by) : KT_APP_REDRAW;
}

static unsigned command(struct kt_screen *s, enum kt_command cmd, struct kt_key k)
{
    struct groups *g = groups_of(s);
    (void)k;
    switch (cmd) {
    case KT_CMD_BACK: return KT_SCREEN_POP;
    case KT_CMD_VIEWS:
        return kt_app_argument(s->app) ? kt_views_show(s->app, kt_app_argument(s->app)) : kt_app_push(s->app, kt_screen_views(s->app));
    case KT_CMD_GROUP_PICK: return pick(g);
    case KT_CMD_GROUP_TAKE: return take(g);
    case KT_CMD_GROUP_PANE: return open_pane(g);
    case KT_CMD_GROUP_RISK: return open_riskiest(g);
    case KT_CMD_GROUP_NEXT: return change(g, 1);
    case KT_CMD_GROUP_PREV: return change(g, -1);
    case KT_CMD_GROUP_SORT: return next_order(g);
    case KT_CMD_GROUP_COPY: return copy(g);
    case KT_CMD_FIND: g->origin = g->list.cursor; return kt_app_prompt(s->app, s, "search", "");
    case KT_CMD_NEXT: return search(g, false, false);
    case KT_CMD_PREVIOUS: return search(g, true, false);
    case KT_CMD_UP: return moved(g, KT_LIST_UP);
    case KT_CMD_DOWN: return moved(g, KT_LIST_DOWN);
    case KT_CMD_PAGE_UP: return moved(g, KT_LIST_PAGE_UP);
    case KT_CMD_PAGE_DOWN: return moved(g, KT_LIST_PAGE_DOWN);
    case KT_CMD_HOME: return moved(g, KT_LIST_HOME);
    case KT_CMD_END: return moved(g, KT_LIST_END);
    default: return 0;
    }
}

static unsigned prompted(struct kt_screen *s, enum kt_prompt_event e)
{
    struct groups *g = groups_of(s);
    struct kt_list_items it = items(g);
    kt_list_goto(&g->list, &it, g->origin);
    if (e == KT_PROMPT_CANCELLED) {
        s->app->needle[0] = '\0';
        return KT_APP_REDRAW;
    }
    memcpy(s->app->needle, s->app->prompt.text, s->app->prompt.len + 1);
    return (s->app->prompt.len ? search(g, false, true) : 0) | KT_APP_REDRAW;
}

static void free_groups(struct kt_screen *s)
{
    struct groups *g = groups_of(s);
    if (g->view)
        kt_view_close(g->view);
    drop(g);
    g->s.app->grouping = KT_GROUP_NONE;
    free(g->at);
    free(g);
}

static bool awaits(struct kt_screen *s)
{
    struct groups *g = groups_of(s);
    return g->view && (!g->snap || g->snap->generation < g->generation);
}

static unsigned mouse(struct kt_screen *s, struct kt_key k)
{
    struct kt_list_items it = items(groups_of(s));
    return kt_app_click(s, &groups_of(s)->list, &it, k, KT_CMD_GROUP_TAKE);
}

static const struct kt_screen_ops ops = {
    .context = KT_CTX_GROUPS, .command = command, .news = news, .draw = draw, .prompted = prompted, .cover = cover,
    .anew = anew, .settle = settle, .awaits = awaits, .mouse = mouse, .free = free_groups,
};

struct kt_screen *kt_screen_groups(struct kt_app *a, enum kt_group_by by, uint64_t at)
{
    struct groups *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->s = (struct kt_screen){.ops = &ops, .app = a};
    g->wanted = at;
    g->has_wanted = at != 0;
    set_by(g, by > KT_GROUP_NONE && by < KT_GROUP_COUNT ? by : KT_GROUP_USER);
    ask(g);
    if (!g->view) {
        free(g);
        return NULL;
    }
    return &g->s;
}
