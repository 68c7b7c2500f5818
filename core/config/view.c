/* `views:` of the configuration: what is saved under a name. What the parts
 * say is looked at by who knows columns and filters. */
#include "config/read.h"

const char *const kt_config_view_parts[KT_CONFIG_VIEW_PARTS] = {"filter", "columns", "sort", "pane", "layout", "histogram", "group"};

static enum kt_code name(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return kt_read_text(r, y, "name", 200, &((struct kt_config_view *)to)->name);
}

static enum kt_code column(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return kt_read_text(r, y, "a column", 200, to);
}

/* One text, or a list of them. */
static enum kt_code part_of(struct kt_reading *r, const struct kt_yaml *y, int part, void *to)
{
    const char **out = &((struct kt_config_view *)to)->part[part];
    void *all;
    size_t n;
    if (y->type == KT_YAML_SCALAR)
        return kt_read_text(r, y, kt_config_view_parts[part], KT_CONFIG_TEXT, out);
    enum kt_code rc = kt_read_list(r, y, kt_config_view_parts[part], KT_CONFIG_COLUMNS, sizeof(char *), column, &all, &n);
    struct kt_buf b;
    kt_buf_init(&b, KT_CONFIG_COLUMNS * 202);
    for (size_t i = 0; !rc && i < n; i++)
        kt_buf_addf(&b, "%s%s", i ? ", " : "", ((const char *const *)all)[i]);
    if (!rc)
        rc = kt_read_keep(r, y, kt_buf_span(&b), out);
    kt_buf_free(&b);
    return rc;
}

static enum kt_code one_text(struct kt_reading *r, const struct kt_yaml *y, int part, void *to)
{
    return kt_read_text(r, y, kt_config_view_parts[part], KT_CONFIG_TEXT, &((struct kt_config_view *)to)->part[part]);
}

#define PART(number, called) \
    static enum kt_code called(struct kt_reading *r, const struct kt_yaml *y, void *to) { return one_text(r, y, number, to); }
PART(0, filter)
PART(2, sort)
PART(3, pane)
PART(4, layout)
PART(5, histogram)
PART(6, group)

static enum kt_code columns(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    return part_of(r, y, 1, to);
}

static enum kt_code one_view(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    static const struct kt_field fields[] = {{"name", name},     {"filter", filter}, {"columns", columns},
                                             {"sort", sort},     {"pane", pane},     {"layout", layout},
                                             {"histogram", histogram}, {"group", group}};
    struct kt_config_view *v = to;
    v->place = (struct kt_config_place){y->line, y->column};
    enum kt_code rc = KT_READ_MAP(r, y, "a view", fields, to);
    return rc || v->name ? rc : kt_read_fail(r, y, "a view needs a name");
}

enum kt_code kt_read_views(struct kt_reading *r, const struct kt_yaml *y, void *to)
{
    struct kt_config *c = to;
    void *all;
    enum kt_code rc = kt_read_list(r, y, "views", KT_CONFIG_VIEWS, sizeof *c->view, one_view, &all, &c->n_view);
    c->view = all;
    return rc;
}
