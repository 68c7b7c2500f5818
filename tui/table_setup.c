/* How the table is looked at, told and set as one. */
#include "tui/table.h"

#include <stdio.h>

static struct kt_table *table_of(struct kt_screen *s)
{
    return (struct kt_table *)s;
}

void kt_table_setup(struct kt_screen *s, struct kt_setup *out)
{
    struct kt_table *t = table_of(s);
    kt_setup_usual(out);
    snprintf(out->filter, sizeof out->filter, "%s", t->filter_text);
    out->columns = t->plan;
    out->sort = t->sort;
    out->ascending = t->ascending;
    out->pane = (int)t->tab;
    out->layout = t->layout;
    out->histogram = t->time.on;
    out->group = s->app->grouping;
}

unsigned kt_table_set_up(struct kt_screen *s, const struct kt_setup *l)
{
    struct kt_table *t = table_of(s);
    struct kt_err e = {0};
    t->restore = kt_table_cursor(t);
    t->plan = l->columns;
    t->sort = l->sort;
    t->ascending = l->ascending;
    t->tab = (enum kt_table_tab)(l->pane >= 0 && l->pane < TABS ? l->pane : 0);
    t->layout = l->layout;
    t->scope = 0;
    t->narrow.n = 0;
    kt_table_time_show(t, l->histogram);
    bool ok = kt_table_filter(t, l->filter, &e, NULL);
    if (!ok)
        kt_table_respec(t);
    kt_table_follow_cursor(t);
    return ok ? KT_APP_REDRAW : kt_app_hint(s->app, "its filter is none: %.100s", e.text);
}

void kt_table_columns(struct kt_screen *s, struct kt_column_plan *out)
{
    struct kt_table *t = table_of(s);
    if (!t->columns.n)
        kt_columns_fit(&t->columns, &t->plan, 1, 78, 8);
    if (t->plan.n)
        *out = t->plan;
    else
        kt_columns_plan(&t->columns, out);
}

void kt_table_set_columns(struct kt_screen *s, const struct kt_column_plan *p)
{
    table_of(s)->plan = *p;
}

int kt_table_column_width(struct kt_screen *s, enum kt_column c)
{
    const struct kt_columns *k = &table_of(s)->columns;
    for (int i = 0; i < k->n; i++)
        if (k->at[i].column == c)
            return k->at[i].width;
    return 0;
}
