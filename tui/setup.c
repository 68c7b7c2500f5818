#include "tui/setup.h"

#include "filter/filter.h"

#include <stdio.h>

static const char *const layouts[KT_LAYOUTS] = {"stacked", "side", "alone"};
static const char *const panes[] = {"key", "target", "actor", "address", "agent", "record"};
enum { PANES = sizeof panes / sizeof *panes };

const char *kt_layout_name(enum kt_layout l)
{
    return layouts[l];
}

void kt_setup_usual(struct kt_setup *l)
{
    *l = (struct kt_setup){.sort = KT_FIELD_TIME};
}

bool kt_setup_ascends(enum kt_field f)
{
    return f != KT_FIELD_TIME && f != KT_FIELD_RISK;
}

/* --- its text ------------------------------------------------------------ */

static enum kt_code set_filter(struct kt_setup *l, struct kt_span v, int64_t now, struct kt_err *e)
{
    struct kt_filter *f = NULL;
    if (v.n >= sizeof l->filter)
        return kt_fail(e, KT_EUSAGE, "the filter is longer than %zu bytes", sizeof l->filter - 1);
    enum kt_code rc = kt_filter_parse(&f, v, now, NULL, e);
    kt_filter_free(f);
    if (rc)
        return rc;
    memcpy(l->filter, v.p, v.n);
    l->filter[v.n] = '\0';
    return KT_OK;
}

/* A column's head, or a field's name; "-" before it turns its order round. */
static enum kt_code set_sort(struct kt_setup *l, struct kt_span v, struct kt_err *e)
{
    bool turned = v.n && v.p[0] == '-';
    struct kt_span name = turned ? (struct kt_span){v.p + 1, v.n - 1} : v;
    struct kt_column_plan one;
    enum kt_field f = KT_FIELD_COUNT;
    if (name.n && !memchr(name.p, ' ', name.n) && !memchr(name.p, ':', name.n)) {
        if (kt_column_plan_read(&one, name, NULL, NULL) == KT_OK && one.n == 1)
            f = kt_column_field(one.at[0].column);
        else
            f = kt_field_find(name);
    }
    if (f == KT_FIELD_COUNT)
        return kt_fail(e, KT_EUSAGE, "no column or field is called \"%.*s\"", (int)(name.n < 40 ? name.n : 40), name.p);
    l->sort = f;
    l->ascending = kt_setup_ascends(f) != turned;
    return KT_OK;
}

static int word(struct kt_span v, const char *const *words, int n)
{
    for (int i = 0; i < n; i++)
        if (kt_span_is(v, words[i]))
            return i;
    return -1;
}

static enum kt_code set_word(int *out, struct kt_span v, const char *const *words, int n, const char *what, struct kt_err *e)
{
    char all[160];
    size_t used = 0;
    int i = word(v, words, n);
    if (i >= 0) {
        *out = i;
        return KT_OK;
    }
    for (i = 0; i < n && used < sizeof all; i++)
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", words[i]);
    return kt_fail(e, KT_EUSAGE, "%s is one of %s", what, all);
}

static enum kt_code set_group(struct kt_setup *l, struct kt_span v, struct kt_err *e)
{
    const char *names[KT_GROUP_COUNT];
    int i = 0;
    for (int g = 0; g < KT_GROUP_COUNT; g++)
        names[g] = kt_group_name((enum kt_group_by)g);
    enum kt_code rc = set_word(&i, v, names, KT_GROUP_COUNT, "group", e);
    if (!rc)
        l->group = (enum kt_group_by)i;
    return rc;
}

enum kt_code kt_setup_set(struct kt_setup *l, struct kt_span name, struct kt_span v, int64_t now, struct kt_err *e)
{
    static const char *const truths[] = {"no", "yes", "false", "true"};
    int i = 0;
    enum kt_code rc = KT_ENOTFOUND;
    if (kt_span_is(name, "filter"))
        return set_filter(l, v, now, e);
    if (kt_span_is(name, "columns"))
        return kt_column_plan_read(&l->columns, v, NULL, e);
    if (kt_span_is(name, "sort"))
        return set_sort(l, v, e);
    if (kt_span_is(name, "pane"))
        return set_word(&l->pane, v, panes, PANES, "pane", e);
    if (kt_span_is(name, "layout")) {
        rc = set_word(&i, v, layouts, KT_LAYOUTS, "layout", e);
        l->layout = rc ? l->layout : (enum kt_layout)i;
    } else if (kt_span_is(name, "histogram")) {
        rc = set_word(&i, v, truths, 4, "histogram", e);
        l->histogram = rc ? l->histogram : i % 2 == 1;
    } else if (kt_span_is(name, "group")) {
        return set_group(l, v, e);
    } else {
        kt_fail(e, rc, "a view has no \"%.*s\"", (int)(name.n < 40 ? name.n : 40), name.p);
    }
    return rc;
}

/* What a field is called where it is sorted by. */
static bool write_sort(const struct kt_setup *l, const char *before, struct kt_buf *b)
{
    return kt_buf_addf(b, "%ssort: %s%s\n", before, l->ascending == kt_setup_ascends(l->sort) ? "" : "-",
                       kt_field_name(l->sort));
}

/* A filter of the command line may hold what no line of a file can. */
static bool fits_a_line(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            return false;
    return true;
}

bool kt_setup_write(const struct kt_setup *l, const char *before, struct kt_buf *b)
{
    if (l->filter[0] && fits_a_line(l->filter))
        kt_buf_addf(b, "%sfilter: %s\n", before, l->filter);
    if (l->columns.n) {
        kt_buf_addf(b, "%scolumns: ", before);
        kt_column_plan_write(&l->columns, b);
        kt_buf_addc(b, '\n');
    }
    if (l->sort != KT_FIELD_TIME || l->ascending)
        write_sort(l, before, b);
    if (l->pane)
        kt_buf_addf(b, "%spane: %s\n", before, panes[l->pane]);
    if (l->layout != KT_LAYOUT_STACKED)
        kt_buf_addf(b, "%slayout: %s\n", before, layouts[l->layout]);
    if (l->histogram)
        kt_buf_addf(b, "%shistogram: yes\n", before);
    if (l->group)
        kt_buf_addf(b, "%sgroup: %s\n", before, kt_group_name(l->group));
    return !b->failed;
}

/* --- saved ones ----------------------------------------------------------- */

bool kt_saved_names(struct kt_span name)
{
    if (name.n == 0 || name.n >= KT_SAVED_NAME || name.p[0] == ' ' || name.p[name.n - 1] == ' ')
        return false;
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7F)
            return false;
    return true;
}

struct kt_saved *kt_saved_find(struct kt_saved *all, size_t n, struct kt_span name)
{
    for (size_t i = 0; i < n; i++)
        if (kt_span_is(name, all[i].name))
            return &all[i];
    return NULL;
}

static enum kt_code of_config(struct kt_saved *out, const struct kt_config_view *v, int64_t now, struct kt_err *e)
{
    *out = (struct kt_saved){.configured = true};
    kt_setup_usual(&out->setup);
    snprintf(out->name, sizeof out->name, "%s", v->name);
    if (!kt_saved_names(kt_span_of(v->name)))
        return kt_fail(e, KT_EUSAGE, "a view's name has 1 to %d bytes and no blanks at its ends", KT_SAVED_NAME - 1);
    for (size_t i = 0; i < KT_CONFIG_VIEW_PARTS; i++) {
        if (!v->part[i])
            continue;
        enum kt_code rc = kt_setup_set(&out->setup, kt_span_of(kt_config_view_parts[i]), kt_span_of(v->part[i]), now, e);
        if (rc)
            return rc;
    }
    return KT_OK;
}

enum kt_code kt_saved_of_config(struct kt_saved *out, size_t *n, const struct kt_config *c, int64_t now, struct kt_err *e)
{
    *n = 0;
    for (size_t i = 0; i < c->n_view && i < KT_SAVED_MAX; i++) {
        struct kt_err of = {0};
        const struct kt_config_view *v = &c->view[i];
        enum kt_code rc = of_config(&out[i], v, now, &of);
        if (!rc && kt_saved_find(out, *n, kt_span_of(v->name)))
            rc = kt_fail(&of, KT_EUSAGE, "there are two views of this name");
        if (rc)
            return kt_fail(e, KT_EUSAGE, "%s:%d:%d: view %s: %s", c->path, v->place.line, v->place.column, v->name, of.text);
        (*n)++;
    }
    return KT_OK;
}
