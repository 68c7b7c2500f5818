/* The table: every row, newest first, and below it a pane of what the cursor
 * is on. It stands at the bottom of all screens and is never closed. */
#include "base/clock.h"
#include "tui/diff.h"
#include "tui/format.h"
#include "tui/status.h"
#include "tui/table.h"
#include "tui/triage.h"

#include <stdio.h>
#include <stdlib.h>

enum { SPARK = 48, HALF_HOUR = 30 * 60 * 1000, PANE_MAX = 20, SIDE_FROM = 132 };

static struct kt_table *table_of(struct kt_screen *s)
{
    return (struct kt_table *)s;
}

/* --- what is asked of the view ------------------------------------------ */

/* A histogram that ends now, or at the newest row. */
static bool ends_now(const struct kt_table *t)
{
    return kt_app_ends_now(t->s.app, (int64_t)SPARK * HALF_HOUR);
}

static struct kt_view_spec base_spec(const struct kt_table *t)
{
    struct kt_view_spec spec = {.sort = t->sort, .ascending = t->ascending, .buckets = SPARK, .from = KT_TIME_NONE,
                                .to = KT_TIME_NONE, .suppressed = t->s.app->suppressed};
    if (ends_now(t)) {
        int64_t now = kt_app_now(t->s.app);
        spec.to = now - now % HALF_HOUR + HALF_HOUR;
        spec.from = spec.to - (int64_t)SPARK * HALF_HOUR;
    }
    return spec;
}

struct kt_view_spec kt_table_spec(const struct kt_table *t)
{
    struct kt_view_spec spec = base_spec(t);
    spec.scope = kt_table_chosen_scope(t);
    spec.filter = t->chosen ? t->chosen : t->filter;
    return spec;
}

static void drop(const struct kt_snapshot **s)
{
    if (*s)
        kt_snapshot_release(*s);
    *s = NULL;
}

static void close_all_view(struct kt_table *t)
{
    if (t->all)
        kt_view_close(t->all);
    t->all = NULL;
    drop(&t->all_snap);
}

/* The counts at the top are of all rows, whatever the table shows. */
static void set_all_view(struct kt_table *t)
{
    struct kt_view_spec spec = base_spec(t);
    spec.sort = KT_FIELD_TIME;
    spec.ascending = false;
    bool same = t->all_from == spec.from && t->all_to == spec.to && t->all_suppressed == spec.suppressed;
    if (!t->filter && !t->scope && !t->narrow.n)
        close_all_view(t);
    else if (t->all && !same)
        kt_view_set(t->all, &spec);
    else if (!t->all)
        t->all = kt_view_open(t->s.app->views, &spec);
    t->all_from = spec.from;
    t->all_to = spec.to;
    t->all_suppressed = spec.suppressed;
}

unsigned kt_table_respec(struct kt_table *t)
{
    kt_table_rechoose(t);
    struct kt_view_spec spec = kt_table_spec(t);
    t->ends_now = ends_now(t);
    t->generation = kt_view_set(t->view, &spec);
    set_all_view(t);
    kt_table_time_ask(t, true);
    if (t->hits)
        kt_table_search_start(t);
    return KT_APP_REDRAW;
}

/* --- rows --------------------------------------------------------------- */

static uint64_t row_id(void *ctx, size_t i)
{
    return ((struct kt_table *)ctx)->snap->seq[i];
}

static ptrdiff_t row_find(void *ctx, uint64_t id)
{
    return kt_snapshot_find(((struct kt_table *)ctx)->snap, id);
}

static int64_t row_time(struct kt_table *t, size_t i)
{
    uint64_t seq = t->snap->seq[i];
    size_t slot = seq % KT_TABLE_TIMES;
    struct kt_row r;
    if (t->times[slot].seq != seq) {
        t->times[slot].time = kt_app_row(t->s.app, seq, &r) ? r.ev.time : KT_TIME_NONE;
        t->times[slot].seq = seq;
    }
    return t->times[slot].time;
}

static bool by_time(const struct kt_table *t)
{
    return t->sort == KT_FIELD_TIME;
}

/* Does a line with the date stand above the row? Today needs none at the top. */
static bool has_day(struct kt_table *t, size_t i, bool first)
{
    if (!by_time(t))
        return false;
    int64_t time = row_time(t, i);
    if (first || i == 0)
        return !kt_fmt_same_day(time, kt_app_now(t->s.app)) && t->list.height > 4;
    return !kt_fmt_same_day(time, row_time(t, i - 1)) && t->list.height > 4;
}

static int row_lines(void *ctx, size_t i, bool first)
{
    return has_day(ctx, i, first) ? 2 : 1;
}

struct kt_list_items kt_table_items(struct kt_table *t)
{
    return (struct kt_list_items){t->snap ? t->snap->n : 0, t, row_id, row_find, NULL, row_lines, NULL};
}

uint64_t kt_table_cursor(const struct kt_table *t)
{
    return t->snap && t->list.cursor < t->snap->n ? t->snap->seq[t->list.cursor] : 0;
}

/* --- the pane below ----------------------------------------------------- */

/* The panes below follow the cursor. */
void kt_table_follow_cursor(struct kt_table *t)
{
    uint64_t seq = kt_table_cursor(t);
    if (seq != t->touched_seq) {
        t->touched = (struct kt_row_entities){0};
        if (seq && !kt_store_row_entities(t->s.app->store, seq, &t->touched))
            t->touched = (struct kt_row_entities){0};
        t->touched_seq = seq;
    }
    if (t->list.cursor == 0 && t->snap)
        t->top_seq = t->snap->last_seq;
    kt_pane_set(&t->pane, t->layout == KT_LAYOUT_ALONE ? 0 : kt_table_tab_entity(t, t->tab), seq);
    if (t->layout != KT_LAYOUT_ALONE && t->tab == TAB_RECORD && t->record_seq != seq) {
        kt_record_view_load(&t->record, t->s.app, seq);
        t->record.list.top = t->record.list.cursor = t->record.n_seen > 1; /* the first brace says nothing */
        t->record_seq = seq;
    }
}

void kt_table_go_to(struct kt_table *t, uint64_t seq)
{
    struct kt_list_items it = kt_table_items(t);
    ptrdiff_t at = it.n && seq ? row_find(t, seq) : -1;
    if (at >= 0)
        kt_list_goto(&t->list, &it, (size_t)at);
    kt_table_follow_cursor(t);
}

/* --- news --------------------------------------------------------------- */

static void adopt(struct kt_table *t)
{
    drop(&t->snap);
    t->snap = t->last;
    t->last = NULL;
    struct kt_list_items it = kt_table_items(t);
    kt_list_sync(&t->list, &it);
    if (t->restore && t->snap->generation >= t->generation) {
        ptrdiff_t at = row_find(t, t->restore);
        if (at >= 0)
            kt_list_goto(&t->list, &it, (size_t)at);
        t->restore = 0;
    }
    kt_table_follow_cursor(t);
}

static bool take_newest(struct kt_table *t)
{
    const struct kt_snapshot *s = kt_view_snapshot(t->view);
    if (!s)
        return false;
    if (s == t->snap || s == t->last || s->generation < t->generation) {
        kt_snapshot_release(s);
        return false;
    }
    kt_app_arrivals(t->s.app, s->last_seq);
    drop(&t->last);
    t->last = s;
    /* a pause holds rows still; it does not hold back an answer to the person */
    if (!t->paused || !t->snap || t->snap->generation < t->generation)
        adopt(t);
    return true;
}

static bool take_all(struct kt_table *t)
{
    const struct kt_snapshot *s = t->all ? kt_view_snapshot(t->all) : NULL;
    if (!s)
        return false;
    if (s == t->all_snap) {
        kt_snapshot_release(s);
        return false;
    }
    drop(&t->all_snap);
    t->all_snap = s;
    return true;
}

static unsigned news(struct kt_screen *s)
{
    struct kt_table *t = table_of(s);
    bool changed = take_newest(t);
    changed = kt_table_search_news(t) || changed;
    changed = take_all(t) || changed;
    changed = kt_pane_news(&t->pane) || changed;
    changed = kt_table_time_news(t) || changed;
    if (t->snap && ends_now(t) != t->ends_now) /* what came is all of long ago, or no longer */
        kt_table_respec(t);
    return changed ? KT_APP_REDRAW : 0;
}

unsigned kt_table_tick(struct kt_screen *s)
{
    struct kt_table *t = table_of(s);
    struct kt_view_spec spec = base_spec(t);
    const struct kt_snapshot *have = t->all ? t->all_snap : t->last ? t->last : t->snap;
    if (have && spec.to != KT_TIME_NONE && have->bucket_to != spec.to)
        return kt_table_respec(t);
    return 0;
}

/* --- filter ------------------------------------------------------------- */

/* Sets the filter where the text is one; else says what is wrong with it. */
bool kt_table_filter(struct kt_table *t, const char *text, struct kt_err *e, size_t *column)
{
    struct kt_filter *f = NULL;
    if (kt_filter_parse(&f, kt_span_of(text), kt_app_now(t->s.app), column, e) != KT_OK)
        return false;
    kt_filter_free(t->filter);
    t->filter = f;
    snprintf(t->filter_text, sizeof t->filter_text, "%s", text);
    kt_table_respec(t);
    return true;
}

bool kt_table_is_filtering(const struct kt_screen *s)
{
    const struct kt_app *a = s->app;
    return a->prompt_of == s && a->prompt.label && strcmp(a->prompt.label, "filter") == 0;
}

bool kt_table_has_answer(const struct kt_screen *s)
{
    const struct kt_table *t = (const struct kt_table *)s;
    return t->snap && t->snap->generation >= t->generation;
}

static unsigned filter_prompted(struct kt_table *t, enum kt_prompt_event e)
{
    struct kt_prompt *p = &t->s.app->prompt;
    struct kt_err err = {0};
    if (e == KT_PROMPT_CANCELLED) {
        if (strcmp(t->filter_text, t->filter_before) != 0)
            kt_table_filter(t, t->filter_before, NULL, NULL);
        t->restore = t->origin;
        kt_table_go_to(t, t->origin);
        return KT_APP_REDRAW;
    }
    p->error[0] = '\0';
    if (e == KT_PROMPT_ACCEPTED)
        return KT_APP_REDRAW;
    if (!kt_table_filter(t, p->text, &err, &p->error_at))
        snprintf(p->error, sizeof p->error, "%s", err.text[0] ? err.text : "out of memory");
    return KT_APP_REDRAW;
}

static unsigned prompted(struct kt_screen *s, enum kt_prompt_event e)
{
    struct kt_table *t = table_of(s);
    return strcmp(s->app->prompt.label, "search") == 0 ? kt_table_search_prompted(t, e) : filter_prompted(t, e);
}

/* --- drawing ------------------------------------------------------------ */

static void draw_day(struct kt_table *t, size_t i, struct kt_canvas *c, int row)
{
    char b[KT_FMT_TEXT];
    int col = 1 + kt_canvas_text(c, row, 1, c->cols - 1, KT_STYLE(HEADER), kt_fmt_day(row_time(t, i), b));
    for (col++; col < c->cols - 1; col++)
        kt_canvas_text(c, row, col, 1, KT_STYLE(RULE), "─");
}

static void draw_row(void *ctx, size_t i, struct kt_canvas *c, int row, int lines, bool first, bool selected)
{
    struct kt_table *t = ctx;
    struct kt_app *a = t->s.app;
    struct kt_row r;
    if (lines > 1 || has_day(t, i, first))
        draw_day(t, i, c, row);
    if (has_day(t, i, first) && lines < 2)
        return;
    row += lines - 1;
    kt_arena_reset(a->arena);
    uint64_t seq = t->snap->seq[i];
    if (kt_app_row(a, seq, &r))
        kt_columns_row(&t->columns, c, row, &r, kt_app_now(a), kt_app_is_new(a, seq), by_time(t));
    else
        kt_canvas_text(c, row, 1, c->cols - 1, KT_STYLE(DIM), "no longer kept");
    if (t->hits)
        kt_canvas_match(c, row, 1, c->cols - 1, kt_app_needle(a));
    if (selected)
        kt_canvas_text(c, row, 0, 1, KT_STYLE(SELECTED), "▌");
    if (kt_marks_has(&a->marks, seq))
        kt_canvas_text(c, row, 0, 1, (struct kt_style){KT_ROLE_BRIGHT, KT_ATTR_BOLD}, "*");
    if (selected)
        kt_canvas_tint(c, row, 0, c->cols, KT_STYLE(SELECTED));
}

static void draw_empty(struct kt_table *t, struct kt_canvas *c, int row, int height)
{
    const char *why = "no rows";
    if (!t->snap)
        why = "reading";
    else if (t->snap->total > 0)
        why = "no row matches; / changes the filter";
    else if (t->s.app->counts.suppressed)
        why = "filters keep out every row; F shows them";
    else if (t->s.app->complete.reading)
        why = "nothing so far; still reading";
    else if (kt_app_live(t->s.app))
        why = "no keys were created so far; waiting";
    else
        why = "no keys were created in what was read";
    int w = kt_canvas_text_width(c->ascii, why);
    kt_canvas_text(c, row + height / 3, w + 2 < c->cols ? (c->cols - w) / 2 : 0, w, KT_STYLE(DIM), why);
}

static int below_height(const struct kt_table *t, const struct kt_canvas *c, int height)
{
    if (t->layout == KT_LAYOUT_ALONE || height < 17 || c->cols < 24)
        return 0;
    int h = height / 3;
    return h < 8 ? 8 : h > PANE_MAX ? PANE_MAX : h;
}

/* The heads and the rows. */
static void draw_rows(struct kt_table *t, struct kt_canvas *c, int row, int height)
{
    struct kt_app *a = t->s.app;
    int y = row, end = row + height;
    int time_width = by_time(t) ? 8 : kt_app_all_today(a, a->counts.oldest) ? 8
                   : c->cols >= 132 ? 19 : c->cols >= 100 ? 16 : 8;
    kt_columns_fit(&t->columns, &t->plan, 1, c->cols > 2 ? c->cols - 2 : c->cols - 1, time_width);
    t->heads_row = height >= 3 ? y + t->rows_offset : -1;
    t->rows_width = c->cols;
    if (height >= 3)
        kt_columns_head(&t->columns, c, y++, t->sort, t->ascending);
    struct kt_list_items it = kt_table_items(t);
    if (it.n) {
        kt_store_hold(a->store);
        kt_list_draw(&t->list, &it, c, y, end - y, draw_row);
        kt_store_release(a->store);
    } else if (end > y) {
        draw_empty(t, c, y, end - y);
    }
}

/* Each half is drawn on a canvas of its own. False where memory ran out. */
static bool draw_beside(struct kt_table *t, struct kt_canvas *c, int row, int height)
{
    int right = c->cols * 2 / 5, left = c->cols - right - 1;
    for (int i = 0; i < 2; i++) {
        int cols = i ? right : left;
        t->part[i].ascii = c->ascii;
        if ((t->part[i].rows != height || t->part[i].cols != cols) && !kt_canvas_resize(&t->part[i], height, cols))
            return false;
        kt_canvas_clear(&t->part[i]);
    }
    t->rows_offset = row;
    draw_rows(t, &t->part[0], 0, height);
    kt_table_draw_below(t, &t->part[1], 0, height);
    for (int y = 0; y < height; y++) {
        struct kt_grid_cell *to = c->cell + (size_t)(row + y) * (size_t)c->cols;
        memcpy(to, t->part[0].cell + (size_t)y * (size_t)left, (size_t)left * sizeof *to);
        kt_canvas_text(c, row + y, left, 1, KT_STYLE(RULE), "│");
        memcpy(to + left + 1, t->part[1].cell + (size_t)y * (size_t)right, (size_t)right * sizeof *to);
    }
    return true;
}

static void draw(struct kt_screen *s, struct kt_canvas *c, int row, int height)
{
    struct kt_table *t = table_of(s);
    int below = below_height(t, c, height), y = row, end = row + height - below;
    t->width = c->cols;
    if (height >= 7) {
        kt_status_sources(s->app, c, y++);
        kt_status_counts(s->app, c, y++);
    } else {
        kt_status_line(s->app, c, y++);
    }
    t->time.width = 0;
    if (t->time.on && end - y >= KT_HISTOGRAM_ROWS + 4) {
        kt_histogram_draw(&t->time, c, y, kt_app_now(s->app));
        y += KT_HISTOGRAM_ROWS;
    }
    if (below && t->layout == KT_LAYOUT_SIDE && c->cols >= SIDE_FROM && draw_beside(t, c, y, end + below - 1 - y))
        return;
    t->rows_offset = 0;
    draw_rows(t, c, y, end - y);
    if (below)
        kt_table_draw_below(t, c, end, below - 1);
}

/* --- commands ----------------------------------------------------------- */

static unsigned moved(struct kt_table *t, enum kt_list_move m)
{
    struct kt_list_items it = kt_table_items(t);
    /* a step of one's own counts more than where the cursor was to go once the views have answered */
    t->restore = 0;
    t->seek = SEEK_NOT;
    if (!kt_list_move(&t->list, &it, m))
        return 0;
    kt_table_follow_cursor(t);
    return KT_APP_REDRAW;
}

static unsigned open_tab(struct kt_table *t)
{
    uint64_t seq = kt_table_cursor(t);
    kt_entity e = kt_table_tab_entity(t, t->tab);
    if (!seq)
        return kt_app_hint(t->s.app, "no row to open");
    if (e)
        return kt_app_push(t->s.app, kt_screen_pane(t->s.app, e, seq));
    return kt_app_push(t->s.app, kt_screen_record(t->s.app, seq));
}

static unsigned lay_out(struct kt_table *t, enum kt_layout layout)
{
    t->layout = layout;
    kt_table_follow_cursor(t);
    return KT_APP_REDRAW;
}

/* Where there is no room for panes at the side, they are not asked for. */
static unsigned next_layout(struct kt_table *t)
{
    static const enum kt_layout after[] = {[KT_LAYOUT_STACKED] = KT_LAYOUT_ALONE, [KT_LAYOUT_ALONE] = KT_LAYOUT_SIDE,
                                           [KT_LAYOUT_SIDE] = KT_LAYOUT_STACKED};
    enum kt_layout next = after[t->layout];
    return lay_out(t, next == KT_LAYOUT_SIDE && t->width < SIDE_FROM ? KT_LAYOUT_STACKED : next);
}

static unsigned show_pane(struct kt_table *t)
{
    return lay_out(t, t->layout == KT_LAYOUT_ALONE ? KT_LAYOUT_STACKED : t->layout);
}

/* Who asks for a pane sees it. */
static unsigned turn_tab(struct kt_table *t, int by)
{
    int tab = (int)t->tab;
    do
        tab = (tab + TABS + by) % TABS;
    while (kt_table_tab_hidden(t, tab));
    t->tab = (enum kt_table_tab)tab;
    return show_pane(t);
}

static unsigned pick_tab(struct kt_table *t)
{
    int tab;
    if (!kt_app_number(t->s.app, 1, TABS, &tab))
        return KT_APP_REDRAW;
    t->tab = (enum kt_table_tab)(tab - 1);
    return show_pane(t);
}

static unsigned pause_or_go_on(struct kt_table *t)
{
    t->paused = !t->paused;
    t->dropped_at_pause = t->s.app->counts.dropped;
    if (!t->paused && t->last)
        adopt(t);
    return KT_APP_REDRAW;
}

void kt_table_go_live(struct kt_screen *s)
{
    struct kt_table *t = table_of(s);
    if (t->paused)
        (void)pause_or_go_on(t);
    (void)moved(t, KT_LIST_HOME);
}

/* Esc undoes the last thing that hides rows or holds them. */
static unsigned clear(struct kt_table *t)
{
    if (t->hits || t->s.app->needle[0]) {
        kt_table_search_end(t);
    } else if (t->narrow.n) {
        return kt_table_widen(t);
    } else if (t->scope) {
        t->scope = 0;
        kt_table_respec(t);
    } else if (t->paused) {
        return pause_or_go_on(t);
    } else if (t->filter) {
        return kt_app_hint(t->s.app, "the filter stays: / changes it, / ^U Enter takes it off");
    } else {
        return kt_app_hint(t->s.app, "this is the bottom: q quits");
    }
    return KT_APP_REDRAW;
}

static unsigned sort_by_neighbour(struct kt_table *t, int by)
{
    for (int i = 0; i < t->columns.n; i++) {
        int to = i + by;
        if (kt_column_field(t->columns.at[i].column) == t->sort && to >= 0 && to < t->columns.n)
            return kt_table_set_sort(&t->s, kt_column_field(t->columns.at[to].column), t->ascending);
    }
    return kt_app_hint(t->s.app, "no column there");
}

static unsigned copy_value(struct kt_table *t);

/* What the pane below offers: of a key how to contain it, else the value. */
static unsigned copy_shown(struct kt_table *t)
{
    bool key = t->tab == TAB_KEY && kt_table_tab_entity(t, TAB_KEY) && kt_table_cursor(t);
    if (!key || !t->pane.entity || t->layout == KT_LAYOUT_ALONE)
        return copy_value(t);
    return kt_pane_copy_contain(&t->pane);
}

static unsigned copy_value(struct kt_table *t)
{
    struct kt_row r;
    enum kt_text_kind kind;
    if (!kt_table_cursor(t) || !kt_app_row(t->s.app, kt_table_cursor(t), &r))
        return kt_app_hint(t->s.app, "nothing to copy here");
    if (t->tab == TAB_RECORD)
        return kt_app_copy_row(t->s.app, kt_table_cursor(t));
    struct kt_span value = kt_table_tab_value(t, &r, &kind);
    return kt_app_copy_value(t->s.app, value, kind);
}

static unsigned open_search(struct kt_table *t)
{
    const char *text = kt_app_argument(t->s.app);
    t->origin = kt_table_cursor(t);
    if (!text)
        return kt_app_prompt(t->s.app, &t->s, "search", "");
    (void)kt_app_prompt(t->s.app, &t->s, "search", text);
    unsigned did = kt_table_search_prompted(t, KT_PROMPT_CHANGED) | kt_table_search_prompted(t, KT_PROMPT_ACCEPTED);
    kt_prompt_close(&t->s.app->prompt);
    t->s.app->prompt_of = NULL;
    return did | KT_APP_REDRAW;
}

static unsigned open_filter(struct kt_table *t)
{
    const char *text = kt_app_argument(t->s.app);
    struct kt_err e = {0};
    t->origin = kt_table_cursor(t);
    snprintf(t->filter_before, sizeof t->filter_before, "%s", t->filter_text);
    if (!text)
        return kt_app_prompt(t->s.app, &t->s, "filter", t->filter_text);
    return kt_table_filter(t, text, &e, NULL) ? KT_APP_REDRAW : kt_app_hint(t->s.app, "%s", e.text);
}

static unsigned sort_by(struct kt_table *t)
{
    const char *name = kt_app_argument(t->s.app);
    if (!name)
        return kt_app_push(t->s.app, kt_screen_sort(t->s.app));
    enum kt_field f = kt_field_find(kt_span_of(name));
    if (f == KT_FIELD_COUNT)
        return kt_app_hint(t->s.app, "no field has this name");
    bool names = f != KT_FIELD_TIME && f != KT_FIELD_RISK;
    return kt_table_set_sort(&t->s, f, f == t->sort ? !t->ascending : names);
}

static unsigned group(struct kt_table *t)
{
    struct kt_app *a = t->s.app;
    const char *name = kt_app_argument(a);
    enum kt_group_by by = name ? kt_group_find(kt_span_of(name)) : a->grouped;
    if (name && by == KT_GROUP_NONE)
        return kt_app_hint(a, "rows are put together by user, target, address, network, country, agent, account, rule, signal or hour");
    return kt_app_push(a, kt_screen_groups(a, by, 0));
}

static unsigned set_columns(struct kt_table *t)
{
    struct kt_app *a = t->s.app;
    const char *list = kt_app_argument(a);
    struct kt_setup *l = list ? kt_arena_alloc(a->arena, sizeof *l) : NULL;
    struct kt_err e = {0};
    if (!list)
        return kt_app_push(a, kt_screen_columns(a));
    if (!l)
        return kt_app_hint(a, "out of memory");
    kt_table_setup(&t->s, l);
    if (kt_setup_set(l, KT_LIT("columns"), kt_span_of(list), kt_app_now(a), &e) != KT_OK)
        return kt_app_hint(a, "%s", e.text);
    kt_table_set_columns(&t->s, &l->columns);
    return KT_APP_REDRAW;
}

/* Rows in the order of time are what one goes along. */
static unsigned go_to_time(struct kt_table *t)
{
    int64_t when = kt_time_parse_ago(kt_span_of(kt_app_argument(t->s.app)), kt_app_now(t->s.app));
    if (when == KT_TIME_NONE)
        return kt_app_hint(t->s.app, "not a time such as 2023-07-10, 2023-07-10T12:24:29Z, 15m, 24h, 7d");
    if (!by_time(t))
        return kt_app_hint(t->s.app, "the table is not in the order of time: sort by it first");
    struct kt_list_items it = kt_table_items(t);
    size_t low = 0, high = it.n;
    while (low < high) { /* the first row at or beyond it, in the order shown; not known comes last */
        size_t mid = low + (high - low) / 2;
        int64_t have = row_time(t, mid);
        bool before = have != KT_TIME_NONE && (t->ascending ? have < when : have > when);
        if (before)
            low = mid + 1;
        else
            high = mid;
    }
    if (!it.n)
        return kt_app_hint(t->s.app, "no rows");
    t->restore = 0;
    kt_list_goto(&t->list, &it, low < it.n ? low : it.n - 1);
    kt_table_follow_cursor(t);
    return KT_APP_REDRAW;
}

/* The mark is set and the next row is at hand. */
static unsigned mark(struct kt_table *t)
{
    uint64_t seq = kt_table_cursor(t);
    if (seq)
        (void)moved(t, KT_LIST_DOWN);
    return kt_app_mark(t->s.app, seq);
}

static bool triage(struct kt_table *t, enum kt_command cmd, unsigned *did)
{
    struct kt_row r;
    bool have = kt_table_cursor(t) && kt_app_row(t->s.app, kt_table_cursor(t), &r);
    struct kt_subject about = have ? kt_triage_row(&r) : (struct kt_subject){0};
    return kt_triage_command(&t->s, cmd, have ? &about : NULL, did);
}

static unsigned command(struct kt_screen *s, enum kt_command cmd, struct kt_key k)
{
    struct kt_table *t = table_of(s);
    unsigned did;
    (void)k;
    if (triage(t, cmd, &did))
        return did;
    switch (cmd) {
    case KT_CMD_OPEN: return open_tab(t);
    case KT_CMD_CLEAR: return clear(t);
    case KT_CMD_FILTER: return open_filter(t);
    case KT_CMD_SEARCH: return open_search(t);
    case KT_CMD_GOTO: return go_to_time(t);
    case KT_CMD_NEXT: return kt_table_search_next(t, false);
    case KT_CMD_PREVIOUS: return kt_table_search_next(t, true);
    case KT_CMD_SORT: return sort_by(t);
    case KT_CMD_SORT_LEFT: return sort_by_neighbour(t, -1);
    case KT_CMD_SORT_RIGHT: return sort_by_neighbour(t, 1);
    case KT_CMD_REVERSE: return kt_table_set_sort(s, t->sort, !t->ascending);
    case KT_CMD_PAUSE: return pause_or_go_on(t);
    case KT_CMD_TAB_NEXT: return turn_tab(t, 1);
    case KT_CMD_TAB_PREV: return turn_tab(t, -1);
    case KT_CMD_TAB_PICK: return pick_tab(t);
    case KT_CMD_ALONE: return next_layout(t);
    case KT_CMD_GROUPS: return group(t);
    case KT_CMD_TIME: return kt_app_push(s->app, kt_screen_time(s->app));
    case KT_CMD_VIEWS:
        return kt_app_argument(s->app) ? kt_views_show(s->app, kt_app_argument(s->app)) : kt_app_push(s->app, kt_screen_views(s->app));
    case KT_CMD_COLUMNS: return set_columns(t);
    case KT_CMD_MARK: return mark(t);
    case KT_CMD_UNMARK: return kt_app_unmark(s->app);
    case KT_CMD_DIFF: return kt_app_diff(s->app, kt_table_cursor(t));
    case KT_CMD_COPY: return copy_shown(t);
    case KT_CMD_COPY_VALUE: return copy_value(t);
    case KT_CMD_COPY_ROW:
        return kt_table_cursor(t) ? kt_app_copy_row(s->app, kt_table_cursor(t)) : kt_app_hint(s->app, "nothing to copy here");
    case KT_CMD_UP: return moved(t, KT_LIST_UP);
    case KT_CMD_DOWN: return moved(t, KT_LIST_DOWN);
    case KT_CMD_PAGE_UP: return moved(t, KT_LIST_PAGE_UP);
    case KT_CMD_PAGE_DOWN: return moved(t, KT_LIST_PAGE_DOWN);
    case KT_CMD_HOME: return moved(t, KT_LIST_HOME);
    case KT_CMD_END: return moved(t, KT_LIST_END);
    default: return 0;
    }
}

/* --- as others see it --------------------------------------------------- */

/* Rows that came in above what is read, since the cursor left the top. */
static uint64_t above(const struct kt_table *t)
{
    uint64_t n = 0;
    for (size_t i = 0; t->snap && i < t->list.cursor && i < t->snap->n && i < 1000; i++)
        n += t->snap->seq[i] > t->top_seq;
    return n;
}

/* "svc-backup, hour 2026-11-24 14:00"; unknown: nothing narrows it. */
static struct kt_span only(struct kt_table *t)
{
    struct kt_buf b;
    kt_buf_init(&b, sizeof t->only - 1);
    if (t->scope)
        kt_buf_add(&b, t->scope_name, t->scope_n);
    kt_buf_adds(&b, t->scope && t->narrow.n ? ", " : "");
    kt_narrow_names(&t->narrow, &b);
    t->only_n = b.len;
    memcpy(t->only, kt_buf_str(&b), b.len);
    kt_buf_free(&b);
    return t->only_n ? (struct kt_span){t->only, t->only_n} : KT_SPAN_NONE;
}

struct kt_summary kt_table_summary(struct kt_screen *s)
{
    struct kt_table *t = table_of(s);
    struct kt_summary out = {.filtered = t->filter || t->scope || t->narrow.n, .paused = t->paused, .searching = t->hits != NULL};
    const struct kt_snapshot *all = t->all_snap ? t->all_snap : t->last ? t->last : t->snap;
    if (all) {
        out.known = true;
        out.keys = t->all_snap || !out.filtered ? all->n : all->total;
        out.high = all->high;
        out.bucket = all->bucket;
        out.buckets = all->buckets;
    }
    if (t->snap) {
        out.shown = t->snap->n;
        out.of = t->snap->total;
    }
    if (t->hits_snap)
        out.hits = t->hits_snap->n;
    if (t->paused) {
        out.waiting = t->last && t->snap && t->last->n > t->snap->n ? t->last->n - t->snap->n : 0;
        out.pause_uncertain = s->app->counts.dropped != t->dropped_at_pause;
    } else {
        out.waiting = above(t);
    }
    out.filter = t->filter ? kt_span_of(t->filter_text) : KT_SPAN_NONE;
    out.scope = only(t);
    return out;
}

unsigned kt_table_scope(struct kt_screen *s, kt_entity e, struct kt_span name)
{
    struct kt_table *t = table_of(s);
    t->scope = e;
    t->scope_n = name.n < KT_TITLE ? name.n : KT_TITLE;
    memcpy(t->scope_name, name.p, t->scope_n);
    return kt_table_respec(t);
}

enum kt_field kt_table_sort(struct kt_screen *s, bool *ascending)
{
    *ascending = table_of(s)->ascending;
    return table_of(s)->sort;
}

unsigned kt_table_set_sort(struct kt_screen *s, enum kt_field f, bool ascending)
{
    struct kt_table *t = table_of(s);
    t->sort = f;
    t->ascending = ascending;
    return kt_table_respec(t);
}

static void free_table(struct kt_screen *s)
{
    struct kt_table *t = table_of(s);
    kt_table_search_end(t);
    kt_pane_close(&t->pane);
    kt_record_view_free(&t->record);
    close_all_view(t);
    drop(&t->snap);
    drop(&t->last);
    if (t->view)
        kt_view_close(t->view);
    kt_table_time_close(t);
    kt_filter_free(t->chosen);
    kt_filter_free(t->filter);
    kt_canvas_free(&t->part[0]);
    kt_canvas_free(&t->part[1]);
    free(t);
}

static void settle(struct kt_screen *s)
{
    struct kt_table *t = table_of(s);
    struct kt_view *views[] = {t->view, t->all, t->hits, t->pane.view, t->time.view};
    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        if (views[i])
            kt_view_settle(views[i]);
}

static void anew(struct kt_screen *s)
{
    struct kt_table *t = table_of(s);
    t->restore = kt_table_cursor(t); /* the row under the cursor stays under it */
    kt_table_respec(t);
    kt_pane_anew(&t->pane);
}

static bool awaits(struct kt_screen *s)
{
    struct kt_table *t = table_of(s);
    return t->tab != TAB_RECORD && kt_pane_awaits(&t->pane);
}

static const uint64_t *rows(struct kt_screen *s, size_t *n)
{
    const struct kt_snapshot *snap = table_of(s)->snap;
    *n = snap ? snap->n : 0;
    return snap ? snap->seq : NULL;
}

static const struct kt_screen_ops ops = {
    .rows = rows, .context = KT_CTX_TABLE, .command = command, .news = news, .draw = draw, .prompted = prompted, .settle = settle,
    .anew = anew, .awaits = awaits, .mouse = kt_table_mouse, .free = free_table,
};

struct kt_screen *kt_screen_table(struct kt_app *a)
{
    struct kt_table *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->s = (struct kt_screen){.ops = &ops, .app = a};
    t->sort = KT_FIELD_TIME;
    t->list.pinned = true;
    t->grabbed = -1;
    kt_record_view_init(&t->record);
    const char *filter = a->opts.filter ? a->opts.filter : "";
    /* --filter was checked when the program started; one that is not valid here shows all */
    if (kt_filter_parse(&t->filter, kt_span_of(filter), kt_app_now(a), NULL, NULL) == KT_OK)
        snprintf(t->filter_text, sizeof t->filter_text, "%s", filter);
    struct kt_view_spec spec = kt_table_spec(t);
    t->ends_now = ends_now(t);
    t->view = kt_view_open(a->views, &spec);
    if (!t->view || !kt_pane_open(&t->pane, a, 0, 0)) {
        free_table(&t->s);
        return NULL;
    }
    set_all_view(t);
    return &t->s;
}
