/* clickhouse: what is asked. */
#include "source/clickhouse.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static bool add_table(const struct clickhouse *s, struct kt_buf *out)
{
    bool good = kt_quote_name(KT_DIALECT_CLICKHOUSE, kt_span_of(s->a.database), out);
    kt_buf_addc(out, '.');
    return good && kt_quote_name(KT_DIALECT_CLICKHOUSE, kt_span_of(s->a.table), out);
}

bool clickhouse_describe_query(const struct clickhouse *s, struct kt_buf *out)
{
    kt_buf_adds(out, "SELECT name, type FROM system.columns WHERE database = ");
    bool good = kt_quote(KT_DIALECT_CLICKHOUSE, kt_span_of(s->a.database), out);
    kt_buf_adds(out, " AND table = ");
    good = good && kt_quote(KT_DIALECT_CLICKHOUSE, kt_span_of(s->a.table), out);
    return kt_buf_adds(out, " FORMAT TabSeparated") && good;
}

/* --- what the table has ----------------------------------------------------------------- */

static bool begins(struct kt_span s, const char *with)
{
    return kt_span_starts(s, with);
}

/* LowCardinality and Nullable may stand around it. */
static bool kind_of(struct kt_span type, struct kt_column *c)
{
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < 2; i++) {
            const char *around = i ? "Nullable(" : "LowCardinality(";
            if (begins(type, around)) {
                c->nullable |= i == 1;
                type.p += strlen(around);
                type.n -= strlen(around) + 1;
                more = true;
            }
        }
    }
    bool text = begins(type, "String") || begins(type, "FixedString") || begins(type, "Enum");
    c->kind = begins(type, "DateTime") ? KT_COLUMN_TIME : KT_COLUMN_TEXT;
    return text || c->kind == KT_COLUMN_TIME;
}

static bool is_json_path(const char *path)
{
    return strcmp(path, "requestParameters") == 0 || strcmp(path, "responseElements") == 0 ||
           strcmp(path, "additionalEventData") == 0 || strcmp(path, "serviceEventDetails") == 0;
}

static bool is_named(struct kt_span name, const char *wanted)
{
    return wanted && kt_span_is(name, wanted);
}

static void take_column(struct clickhouse *s, struct kt_span name, struct kt_span type)
{
    struct kt_column c = {.name = kt_arena_span(s->arena, name)};
    const char *path = kt_column_path(name);
    if (!c.name.p || !kind_of(type, &c) || s->table.n == KT_COLUMNS_MAX)
        return;
    if (is_named(name, s->a.time))
        path = "eventTime";
    else if (s->a.time && path && strcmp(path, "eventTime") == 0)
        path = NULL;
    if (s->a.raw ? is_named(name, s->a.raw) : !s->table.raw.p && !path && c.kind == KT_COLUMN_TEXT && kt_column_is_raw(name))
        s->table.raw = c.name;
    c.path = kt_span_of(path);
    if (path && c.kind == KT_COLUMN_TEXT && is_json_path(path))
        c.kind = KT_COLUMN_JSON;
    s->column[s->table.n++] = c;
}

static bool has_path(const struct clickhouse *s, const char *path)
{
    for (size_t i = 0; i < s->table.n; i++)
        if (kt_span_is(s->column[i].path, path))
            return true;
    return false;
}

/* Records can be had from it, or what is missing is said. */
static bool is_usable(struct clickhouse *s, char *why, size_t size)
{
    s->time = NULL;
    for (size_t i = 0; i < s->table.n; i++)
        if (kt_span_is(s->column[i].path, "eventTime"))
            s->time = &s->column[i];
    if (!s->table.n)
        snprintf(why, size, "there is no table %.80s.%.80s here, or this user may not see it", s->a.database, s->a.table);
    else if (s->a.raw && !s->table.raw.p)
        snprintf(why, size, "the table has no column %.80s of text", s->a.raw);
    else if (s->a.time && !s->time)
        snprintf(why, size, "the table has no column %.80s of text or time", s->a.time);
    else if (!s->table.raw.p && (!has_path(s, "eventName") || !s->time))
        snprintf(why, size, "no column has whole records (name it: raw=COLUMN), and eventName and eventTime are not both columns");
    else
        return true;
    s->table = (struct kt_table){.column = s->column};
    return false;
}

bool clickhouse_take_columns(struct clickhouse *s, struct kt_span body, char *why, size_t size)
{
    s->table = (struct kt_table){.column = s->column};
    while (body.n) {
        const char *eol = memchr(body.p, '\n', body.n);
        size_t n = eol ? (size_t)(eol - body.p) : body.n;
        const char *tab = memchr(body.p, '\t', n);
        if (tab)
            take_column(s, (struct kt_span){body.p, (size_t)(tab - body.p)},
                        (struct kt_span){tab + 1, n - (size_t)(tab + 1 - body.p)});
        n += eol != NULL;
        body.p += n;
        body.n -= n;
    }
    return is_usable(s, why, size);
}

/* --- the query ------------------------------------------------------------------------------ */

/* The whole record; or its parts by number, which no column is called by. */
static bool add_columns(const struct clickhouse *s, struct kt_buf *out)
{
    bool good = true;
    size_t n = 0;
    if (s->table.raw.p)
        return kt_quote_name(KT_DIALECT_CLICKHOUSE, s->table.raw, out) && kt_buf_adds(out, " AS keytop_record");
    for (size_t i = 0; i < s->table.n; i++) {
        const struct kt_column *c = &s->column[i];
        if (!c->path.p)
            continue;
        kt_buf_adds(out, n++ ? ", " : "");
        if (c->kind == KT_COLUMN_TIME)
            kt_buf_adds(out, "toUnixTimestamp(");
        good &= kt_quote_name(KT_DIALECT_CLICKHOUSE, c->name, out);
        kt_buf_addf(out, "%s AS keytop_%zu", c->kind == KT_COLUMN_TIME ? ")" : "", i);
    }
    return good;
}

static bool add_bound(const struct clickhouse *s, const char *sign, int64_t ms, struct kt_buf *out)
{
    char text[KT_TIME_TEXT];
    bool column = s->time->kind == KT_COLUMN_TIME;
    if (column)
        kt_buf_adds(out, "toUnixTimestamp(");
    bool good = kt_quote_name(KT_DIALECT_CLICKHOUSE, s->time->name, out);
    kt_time_format(ms - ms % 1000, text);
    if (column)
        kt_buf_addf(out, ") %s %" PRId64, sign, ms / 1000);
    else
        kt_buf_addf(out, " %s '%s'", sign, text);
    return good;
}

/* Seconds are whole there: one more at the end. */
static bool add_window(const struct clickhouse *s, const struct kt_pass *pass, struct kt_buf *out)
{
    bool good = true;
    if (!s->time)
        return kt_buf_adds(out, "1 = 1");
    good = add_bound(s, ">=", pass->from, out);
    kt_buf_adds(out, " AND ");
    return good && add_bound(s, "<=", pass->to + 1000, out);
}

bool clickhouse_query(const struct clickhouse *s, const struct kt_pass *pass, struct kt_buf *out)
{
    struct kt_buf where;
    bool whole;
    kt_buf_init(&where, KT_QUERY_MAX);
    kt_buf_adds(out, "SELECT ");
    bool good = add_columns(s, out);
    kt_buf_adds(out, " FROM ");
    good = good && add_table(s, out);
    kt_buf_adds(out, " WHERE ");
    good = good && add_window(s, pass, out) &&
           kt_query_condition(KT_DIALECT_CLICKHOUSE, &s->table, s->where, &where, &whole, NULL);
    if (where.len)
        kt_buf_addf(out, " AND %s", kt_buf_str(&where));
    if (s->lame)
        kt_buf_adds(out, " SETTINGS skip_unavailable_shards = 1");
    kt_buf_adds(out, " FORMAT JSONEachRow");
    kt_buf_free(&where);
    return good && !out->failed;
}
