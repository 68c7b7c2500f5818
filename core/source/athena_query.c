/* athena: what the table has, what is asked, and records made of rows. Follows
 * the tables that Amazon's documentation creates for CloudTrail: columns in
 * lower case, useridentity a struct, partitions by account, Region and day. */
#include "source/athena.h"

#include "query/record.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define DAY ((int64_t)24 * 3600 * 1000)

/* --- what the table has ---------------------------------------------------------------- */

static bool has(const json_t *columns, struct kt_span name)
{
    size_t i;
    json_t *c;
    json_array_foreach(columns, i, c) {
        const char *n = json_string_value(json_object_get(c, "Name"));
        if (n && strlen(n) == name.n && strncasecmp(n, name.p, name.n) == 0)
            return true;
    }
    return false;
}

/* The column, or the struct that it is a field of. */
static struct kt_span outer_name(struct kt_span name)
{
    const char *dot = memchr(name.p, '.', name.n);
    return (struct kt_span){name.p, dot ? (size_t)(dot - name.p) : name.n};
}

static void take_partition(struct athena *s, const char *name)
{
    static const char *const days[] = {"timestamp", "date", "day", "dt", "eventdate", "event_date"};
    static const char *const accounts[] = {"account", "account_id", "accountid"};
    for (size_t i = 0; i < sizeof days / sizeof *days; i++)
        if (strcasecmp(name, days[i]) == 0)
            snprintf(s->day, sizeof s->day, "%s", name);
    for (size_t i = 0; i < sizeof accounts / sizeof *accounts; i++)
        if (strcasecmp(name, accounts[i]) == 0)
            snprintf(s->account, sizeof s->account, "%s", name);
    if (strcasecmp(name, "region") == 0)
        snprintf(s->trail_region, sizeof s->trail_region, "%s", name);
}

static bool is_text(const json_t *column)
{
    const char *type = json_string_value(json_object_get(column, "Type"));
    return type && (strcasecmp(type, "string") == 0 || strncasecmp(type, "varchar", 7) == 0);
}

bool athena_take_table(struct athena *s, struct kt_span body, char *why, size_t size)
{
    json_t *root = json_loadb(body.p ? body.p : "", body.n, 0, NULL), *t = json_object_get(root, "TableMetadata");
    const json_t *columns = json_object_get(t, "Columns"), *keys = json_object_get(t, "PartitionKeys");
    struct kt_table known = kt_table_athena();
    size_t i, n = 0;
    json_t *key;
    s->day[0] = s->account[0] = s->trail_region[0] = '\0';
    for (i = 0; i < known.n && n < ATHENA_COLUMNS; i++)
        if (has(columns, outer_name(known.column[i].name)))
            s->column[n++] = known.column[i];
    json_array_foreach(keys, i, key) {
        const char *name = json_string_value(json_object_get(key, "Name"));
        if (name && is_text(key))
            take_partition(s, name);
    }
    bool good = has(columns, KT_LIT("eventname")) && has(columns, KT_LIT("eventtime")) && has(columns, KT_LIT("useridentity"));
    if (!json_is_array(columns))
        snprintf(why, size, "Athena's answer about the table is not understood");
    else if (!good)
        snprintf(why, size, "%.80s.%.80s is no table of CloudTrail's records: it has no columns eventname, eventtime and useridentity",
                 s->a.database, s->a.table);
    json_decref(root);
    s->table = (struct kt_table){s->column, good ? n : 0, KT_SPAN_NONE};
    return good;
}

void athena_assume_table(struct athena *s)
{
    struct kt_table known = kt_table_athena();
    size_t n = known.n < ATHENA_COLUMNS ? known.n : ATHENA_COLUMNS;
    memcpy(s->column, known.column, n * sizeof *s->column);
    s->table = (struct kt_table){s->column, n, KT_SPAN_NONE};
    if (strcmp(s->a.partition, "none") != 0)
        snprintf(s->day, sizeof s->day, "%s", s->a.partition);
}

/* --- the query ---------------------------------------------------------------------------- */

static bool add_name(struct kt_buf *out, const char *name)
{
    return kt_quote_name(KT_DIALECT_TRINO, kt_span_of(name), out);
}

static void day_of(int64_t ms, char out[16])
{
    char text[KT_TIME_TEXT];
    kt_time_format(ms > 0 ? ms : 0, text);
    snprintf(out, 16, "%.4s/%.2s/%.2s", text, text + 5, text + 8);
}

/* Files are filed by the day of their delivery, which is after the event, by up
 * to 30 days: days before the first event's are not looked at, nor those after. */
static bool add_days(const struct athena *s, const struct kt_pass *pass, struct kt_buf *out)
{
    char from[16], to[16];
    if (!s->day[0])
        return true;
    day_of(pass->from - DAY, from);
    day_of(pass->to + 30 * DAY, to);
    kt_buf_adds(out, " AND ");
    bool good = add_name(out, s->day);
    kt_buf_addf(out, " BETWEEN '%s' AND '%s'", from, to);
    return good;
}

/* Where all must be of one account or Region, its partition alone is read. */
static void add_partition(const struct kt_cond *c, const char *path, const char *partition, struct kt_buf *out)
{
    if (!partition[0])
        return;
    if (c->kind == KT_COND_AND) {
        for (const struct kt_cond *k = c->child; k; k = k->next)
            add_partition(k, path, partition, out);
    } else if (c->kind == KT_COND_TEST && c->op == KT_COND_IS && !c->negated && kt_span_is(c->path, path)) {
        struct kt_buf value;
        kt_buf_init(&value, 8 * KT_QUOTE_MAX);
        if (kt_quote_plain(c->value) && kt_quote(KT_DIALECT_TRINO, c->value, &value)) {
            kt_buf_adds(out, " AND ");
            (void)add_name(out, partition);
            kt_buf_addf(out, " = %s", kt_buf_str(&value));
        }
        kt_buf_free(&value);
    }
}

static bool add_columns(const struct athena *s, struct kt_buf *out)
{
    for (size_t i = 0; i < s->table.n; i++) {
        kt_buf_adds(out, i ? ", " : "");
        kt_buf_add(out, s->column[i].name.p, s->column[i].name.n); /* names of our own */
        kt_buf_addf(out, " AS c%zu", i);
    }
    return !out->failed;
}

bool athena_query(const struct athena *s, const struct kt_pass *pass, struct kt_buf *out)
{
    char from[KT_TIME_TEXT], to[KT_TIME_TEXT];
    struct kt_buf where;
    bool whole, good;
    kt_buf_init(&where, KT_QUERY_MAX);
    kt_time_format(pass->from - pass->from % 1000, from);
    kt_time_format(pass->to - pass->to % 1000 + 1000, to);
    kt_buf_adds(out, "SELECT ");
    good = add_columns(s, out);
    kt_buf_adds(out, " FROM ");
    good = good && add_name(out, s->a.database);
    kt_buf_addc(out, '.');
    good = good && add_name(out, s->a.table);
    kt_buf_addf(out, " WHERE eventtime BETWEEN '%s' AND '%s'", from, to);
    good = good && add_days(s, pass, out);
    add_partition(s->where, "recipientAccountId", s->account, out);
    add_partition(s->where, "awsRegion", s->trail_region, out);
    good = good && kt_query_condition(KT_DIALECT_TRINO, &s->table, s->where, &where, &whole, NULL);
    if (where.len)
        kt_buf_addf(out, " AND %s", kt_buf_str(&where));
    kt_buf_free(&where);
    return good && !out->failed && out->len <= ATHENA_QUERY_MAX;
}

/* --- rows ------------------------------------------------------------------------------------ */

static bool feed_row(struct athena *s, const json_t *data, const struct kt_source_sink *sink)
{
    json_t *record = json_object();
    bool good = record != NULL;
    for (size_t i = 0; good && i < s->table.n; i++) {
        const json_t *cell = json_object_get(json_array_get(data, i), "VarCharValue");
        if (json_is_string(cell))
            good = kt_record_put(record, &s->column[i], (struct kt_span){json_string_value(cell), json_string_length(cell)});
    }
    kt_buf_reset(&s->line);
    good = good && kt_record_write(record, &s->line);
    json_decref(record);
    return good ? kt_poller_feed(&s->p, kt_buf_span(&s->line), sink) : true;
}

bool athena_take_page(struct athena *s, struct kt_span body, bool *understood, const struct kt_source_sink *sink)
{
    json_t *root = json_loadb(body.p ? body.p : "", body.n, JSON_ALLOW_NUL, NULL);
    const json_t *rows = json_object_get(json_object_get(root, "ResultSet"), "Rows");
    const char *token = json_string_value(json_object_get(root, "NextToken"));
    bool going = true;
    size_t i;
    json_t *row;
    *understood = json_is_array(rows);
    json_array_foreach(rows, i, row)
        if (going && !(i == 0 && s->pages == 0)) /* the first one is the columns' names */
            going = feed_row(s, json_object_get(row, "Data"), sink);
    kt_buf_reset(&s->page);
    if (token)
        kt_buf_adds(&s->page, token);
    s->pages += *understood;
    json_decref(root);
    return going;
}
