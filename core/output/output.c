#include "output/impl.h"

#include "text/text.h"

#include <stdlib.h>

struct kt_output {
    struct kt_output_opts opts;
    const struct kt_rules *rules;
    FILE *out;
    char *list; /* opts.columns, which columns borrow from */
    struct columns columns;
    struct kt_arena *scratch;
    struct kt_buf line;
    struct table *table;
    bool header_done, failed;
};

static enum kt_code start(struct kt_output *o, struct kt_err *e)
{
    if (o->opts.columns) {
        o->list = strdup(o->opts.columns);
        if (!o->list)
            return kt_fail(e, KT_ENOMEM, "memory ran out");
        o->opts.columns = o->list;
    }
    o->scratch = kt_arena_new(SCRATCH_MAX);
    if (!o->scratch)
        return kt_fail(e, KT_ENOMEM, "memory ran out");
    enum kt_code c = columns_choose(&o->columns, &o->opts, o->rules, e);
    if (c != KT_OK || o->opts.format != KT_FORMAT_TABLE)
        return c;
    o->table = table_new(&o->opts, &o->columns);
    return o->table ? KT_OK : kt_fail(e, KT_ENOMEM, "memory ran out");
}

enum kt_code kt_output_new(struct kt_output **out, const struct kt_output_opts *opts, const struct kt_rules *rules,
                           FILE *stream, struct kt_err *e)
{
    *out = NULL;
    struct kt_output *o = calloc(1, sizeof *o);
    if (!o)
        return kt_fail(e, KT_ENOMEM, "memory ran out");
    o->opts = *opts;
    o->rules = rules;
    o->out = stream;
    kt_buf_init(&o->line, LINE_MAX_BYTES);
    enum kt_code c = start(o, e);
    if (c != KT_OK) {
        kt_output_free(o);
        return c;
    }
    *out = o;
    return KT_OK;
}

void kt_output_free(struct kt_output *o)
{
    if (!o)
        return;
    table_free(o->table);
    if (o->scratch)
        kt_arena_free(o->scratch);
    kt_buf_free(&o->line);
    free(o->list);
    free(o);
}

/* One write a row, so that a reader who follows sees whole lines. */
static bool put(struct kt_output *o)
{
    if (o->line.failed || (o->line.len && fwrite(o->line.p, 1, o->line.len, o->out) != o->line.len) ||
        (o->opts.follow && fflush(o->out) != 0))
        o->failed = true;
    kt_buf_reset(&o->line);
    if (o->line.cap > 1 << 20) /* one huge row does not keep its memory */
        kt_buf_free(&o->line);
    return !o->failed;
}

static void csv_header(struct kt_output *o)
{
    if (o->header_done)
        return;
    o->header_done = true;
    for (size_t i = 0; i < o->columns.n; i++) {
        if (i)
            (void)kt_buf_addc(&o->line, ',');
        (void)kt_text_csv(&o->line, o->columns.c[i].name);
    }
    (void)kt_buf_addc(&o->line, '\n');
}

/* A malformed record has no value for most columns: where it has none at all,
 * a line of nothing would tell nobody anything. */
static void csv_row(struct kt_output *o, const struct kt_row *r, struct kt_node *root)
{
    csv_header(o);
    size_t before = o->line.len;
    bool any = r->ev.kind != KT_KIND_MALFORMED;
    for (size_t i = 0; i < o->columns.n; i++) {
        struct kt_span v = column_value(&o->columns.c[i], r, root, o->scratch);
        any |= v.n > 0;
        if (i)
            (void)kt_buf_addc(&o->line, ',');
        (void)kt_text_csv(&o->line, v);
    }
    if (!any && !o->line.failed) {
        o->line.len = before;
        return;
    }
    if (o->columns.n == 1 && o->line.len == before) /* an empty line would be no row */
        (void)kt_buf_adds(&o->line, "\"\"");
    (void)kt_buf_addc(&o->line, '\n');
}

static bool has_columns(const struct kt_output *o)
{
    return o->opts.format == KT_FORMAT_TABLE || o->opts.format == KT_FORMAT_CSV;
}

bool kt_output_asks_verdict(const struct kt_output *o)
{
    if (!has_columns(o))
        return true;
    for (size_t i = 0; i < o->columns.n; i++) {
        enum kt_field f = o->columns.c[i].field;
        if (o->columns.c[i].kind == COLUMN_FIELD && (f == KT_FIELD_RISK || f == KT_FIELD_LEVEL || f == KT_FIELD_SIGNALS ||
                                                    f == KT_FIELD_RULES || f == KT_FIELD_WHY))
            return true;
    }
    return false;
}

bool kt_output_asks_record(const struct kt_output *o)
{
    if (o->opts.format == KT_FORMAT_OCSF || o->opts.format == KT_FORMAT_ECS)
        return true;
    for (size_t i = 0; has_columns(o) && i < o->columns.n; i++)
        if (o->columns.c[i].kind == COLUMN_PATH || o->columns.c[i].kind == COLUMN_USER_NAME)
            return true;
    return false;
}

bool kt_output_row(struct kt_output *o, const struct kt_row *r, struct kt_node *root)
{
    if (o->failed)
        return false;
    kt_arena_reset(o->scratch);
    switch (o->opts.format) {
    case KT_FORMAT_JSONL:
        (void)kt_jsonl_row(&o->line, r);
        (void)kt_buf_addc(&o->line, '\n');
        break;
    case KT_FORMAT_CSV:
        csv_row(o, r, root);
        break;
    case KT_FORMAT_OCSF:
        (void)ocsf_row(&o->line, r, root, o->rules, o->scratch);
        break;
    case KT_FORMAT_ECS:
        (void)ecs_row(&o->line, r, root, o->rules, o->scratch);
        break;
    case KT_FORMAT_SPLUNK:
        if (!splunk_row(&o->line, r, o->rules))
            o->line.failed = true;
        break;
    case KT_FORMAT_TABLE:
        if (!table_row(o->table, r, root, &o->line))
            o->line.failed = true;
        break;
    }
    return put(o);
}

bool kt_output_finish(struct kt_output *o)
{
    if (o->failed)
        return false;
    if (o->opts.format == KT_FORMAT_CSV)
        csv_header(o);
    if (o->table && !table_finish(o->table, &o->line))
        o->line.failed = true;
    if (!put(o) || fflush(o->out) != 0 || ferror(o->out))
        o->failed = true;
    return !o->failed;
}
