/* The table's histogram, and what narrows the table. */
#include "tui/table.h"

#include <stdio.h>
#include <stdlib.h>

static struct kt_table *table_of(struct kt_screen *s)
{
    return (struct kt_table *)s;
}

/* --- what is chosen --------------------------------------------------------- */

bool kt_table_choose(const struct kt_table *t, bool ranges, struct kt_span also, struct kt_filter **out, struct kt_err *e)
{
    struct kt_buf b;
    bool ok = false;
    *out = NULL;
    for (int paren = 1; paren >= 0 && !ok; paren--) {
        kt_buf_init(&b, KT_FILTER_TEXT_MAX);
        if (also.n)
            kt_buf_add(&b, also.p, also.n);
        ok = kt_narrow_write(&t->narrow, t->filter_text, ranges, paren, &b) &&
             kt_filter_parse(out, kt_buf_span(&b), kt_app_now(t->s.app), NULL, e) == KT_OK;
        kt_buf_free(&b);
    }
    return ok;
}

kt_entity kt_table_chosen_scope(const struct kt_table *t)
{
    for (int i = t->narrow.n; i-- > 0;)
        if (t->narrow.at[i].scope)
            return t->narrow.at[i].scope;
    return t->scope;
}

void kt_table_rechoose(struct kt_table *t)
{
    struct kt_filter *f = NULL;
    struct kt_err e = {0};
    kt_filter_free(t->chosen);
    t->chosen = NULL;
    if (!t->narrow.n)
        return;
    if (kt_table_choose(t, true, KT_SPAN_NONE, &f, &e))
        t->chosen = f;
    else /* it was looked at when it was put on */
        kt_app_hint(t->s.app, "%.100s", e.text);
}

unsigned kt_table_narrow(struct kt_screen *s, const struct kt_narrow *n)
{
    struct kt_table *t = table_of(s);
    struct kt_filter *f = NULL;
    struct kt_err e = {0};
    if (t->narrow.n == KT_NARROW_MAX)
        return kt_app_hint(s->app, "narrowed %d times: Backspace takes the last one off", KT_NARROW_MAX);
    t->narrow.at[t->narrow.n++] = *n;
    bool ok = kt_table_choose(t, true, KT_SPAN_NONE, &f, &e);
    kt_filter_free(f);
    if (!ok) {
        t->narrow.n--;
        return kt_app_hint(s->app, "this cannot be asked for: %.100s", e.text);
    }
    return kt_table_respec(t);
}

/* Back to where the last one was taken. */
unsigned kt_table_widen(struct kt_table *t)
{
    struct kt_narrow last = t->narrow.at[--t->narrow.n];
    unsigned did = kt_table_respec(t);
    t->s.app->group_next = last.by;
    t->s.app->group_at = last.group;
    return did;
}

bool kt_table_scoped(struct kt_screen *s)
{
    return kt_table_chosen_scope(table_of(s)) != 0;
}

struct kt_view_spec kt_table_spec_of(struct kt_screen *s)
{
    return kt_table_spec(table_of(s));
}

/* --- the histogram ------------------------------------------------------------- */

static void drop(struct kt_histogram *h)
{
    if (h->snap)
        kt_snapshot_release(h->snap);
    h->snap = NULL;
}

void kt_table_time_close(struct kt_table *t)
{
    if (t->time.view)
        kt_view_close(t->time.view);
    t->time.view = NULL;
    drop(&t->time);
}

/* Asks for what is to be shown, where that is something else, or `anew`. */
void kt_table_time_ask(struct kt_table *t, bool anew)
{
    struct kt_histogram *h = &t->time;
    const struct kt_counts *c = &t->s.app->counts;
    struct kt_filter *f = NULL;
    int wide = (t->width > 4 ? t->width : 80) - 2;
    if (!h->on)
        return;
    bool other = kt_histogram_window(h, c->oldest, c->newest, wide);
    if ((!other && !anew && h->view) || h->from == KT_TIME_NONE || h->step <= 0)
        return;
    if (!kt_table_choose(t, false, KT_SPAN_NONE, &f, NULL))
        return;
    struct kt_view_spec spec = kt_table_spec(t);
    spec.filter = f;
    spec.sort = KT_FIELD_TIME;
    spec.ascending = false;
    spec.from = h->from;
    spec.to = h->to;
    spec.buckets = (int)((h->to - h->from) / h->step);
    if (h->view)
        h->generation = kt_view_set(h->view, &spec);
    else
        h->view = kt_view_open(t->s.app->views, &spec);
    kt_filter_free(f);
}

bool kt_table_time_news(struct kt_table *t)
{
    struct kt_histogram *h = &t->time;
    if (!h->on)
        return false;
    kt_table_time_ask(t, false);
    const struct kt_snapshot *s = h->view ? kt_view_snapshot(h->view) : NULL;
    if (!s)
        return false;
    if (s == h->snap || s->generation < h->generation) {
        kt_snapshot_release(s);
        return false;
    }
    drop(h);
    h->snap = s;
    return true;
}

unsigned kt_table_time_show(struct kt_table *t, bool on)
{
    struct kt_histogram *h = &t->time;
    if (h->on == on)
        return KT_APP_REDRAW;
    kt_table_time_close(t);
    *h = (struct kt_histogram){.on = on, .from = KT_TIME_NONE, .to = KT_TIME_NONE, .cursor = KT_TIME_NONE,
                               .anchor = KT_TIME_NONE};
    kt_table_time_ask(t, true);
    return KT_APP_REDRAW;
}

/* --- going about in it: a screen that draws nothing of its own ------------------- */

static struct kt_table *under(struct kt_screen *s)
{
    return table_of(s->app->table);
}

static unsigned leave(struct kt_screen *s)
{
    under(s)->time.focus = false;
    under(s)->time.anchor = KT_TIME_NONE;
    return KT_SCREEN_POP;
}

static unsigned go(struct kt_table *t, int by)
{
    kt_histogram_move(&t->time, by);
    kt_table_time_ask(t, false);
    return KT_APP_REDRAW;
}

static unsigned zoom(struct kt_table *t, bool in)
{
    int64_t step = t->time.step;
    kt_histogram_zoom(&t->time, in);
    kt_table_time_ask(t, false);
    return t->time.step != step ? KT_APP_REDRAW : kt_app_hint(t->s.app, in ? "no finer than a second" : "all of it is shown");
}

static unsigned begin_range(struct kt_histogram *h)
{
    h->anchor = h->anchor == KT_TIME_NONE ? h->cursor : KT_TIME_NONE;
    return KT_APP_REDRAW;
}

unsigned kt_table_time_take(struct kt_screen *table)
{
    struct kt_table *t = table_of(table);
    struct kt_narrow n;
    int64_t from, to;
    if (!kt_histogram_range(&t->time, &from, &to))
        return kt_app_hint(t->s.app, "nothing is chosen: Left and Right go to a time");
    kt_narrow_range(&n, from, to, kt_app_now(t->s.app));
    /* one range is enough: another takes its place */
    if (t->narrow.n && !t->narrow.at[t->narrow.n - 1].by)
        t->narrow.n--;
    return kt_table_narrow(table, &n);
}

static unsigned command(struct kt_screen *s, enum kt_command cmd, struct kt_key k)
{
    struct kt_table *t = under(s);
    int wide = t->time.step > 0 ? (int)((t->time.to - t->time.from) / t->time.step) : 1;
    (void)k;
    switch (cmd) {
    case KT_CMD_TIME_LEFT: return go(t, -1);
    case KT_CMD_TIME_RIGHT: return go(t, 1);
    case KT_CMD_TIME_BACK: return go(t, -10);
    case KT_CMD_TIME_ON: return go(t, 10);
    case KT_CMD_TIME_FIRST: return go(t, -wide);
    case KT_CMD_TIME_LAST: return go(t, wide);
    case KT_CMD_TIME_IN: return zoom(t, true);
    case KT_CMD_TIME_OUT: return zoom(t, false);
    case KT_CMD_TIME_RANGE: return begin_range(&t->time);
    case KT_CMD_TIME_TAKE: return kt_table_time_take(s->app->table) | leave(s);
    case KT_CMD_TIME_OFF: return kt_table_time_show(t, false) | leave(s);
    case KT_CMD_TIME_LEAVE: return leave(s);
    default: return 0;
    }
}

static void draw(struct kt_screen *s, struct kt_canvas *c, int row, int height)
{
    (void)s; /* the table draws it */
    (void)c;
    (void)row;
    (void)height;
}

static unsigned mouse(struct kt_screen *s, struct kt_key k)
{
    return kt_table_mouse(s->app->table, k);
}

static void free_time(struct kt_screen *s)
{
    under(s)->time.focus = under(s)->time.drag = false;
    free(s);
}

static const struct kt_screen_ops ops = {
    .context = KT_CTX_TIME, .overlay = true, .command = command, .draw = draw, .mouse = mouse, .free = free_time,
};

struct kt_screen *kt_screen_time(struct kt_app *a)
{
    struct kt_screen *s = calloc(1, sizeof *s);
    struct kt_table *t = table_of(a->table);
    if (!s)
        return NULL;
    *s = (struct kt_screen){.ops = &ops, .app = a};
    kt_table_time_show(t, true);
    t->time.focus = true;
    kt_histogram_move(&t->time, 0);
    return s;
}
