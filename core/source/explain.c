#include "source/explain.h"

#include "source/athena.h"
#include "source/clickhouse.h"
#include "source/insights_address.h"
#include "source/splunk.h"
#include "text/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY ((int64_t)24 * 3600000)

static struct kt_pass window_of(const struct kt_source_opts *o)
{
    int64_t now = kt_now(o->clock);
    return (struct kt_pass){.from = o->since != KT_TIME_NONE ? o->since : 0, .to = o->until != KT_TIME_NONE ? o->until : now};
}

/* What the engine leaves to us. */
static bool add_here(enum kt_dialect d, const struct kt_table *table, const struct kt_cond *where, const char *sign, struct kt_buf *out)
{
    struct kt_buf text, here;
    bool whole;
    kt_buf_init(&text, KT_QUERY_MAX);
    kt_buf_init(&here, KT_QUERY_MAX);
    bool good = kt_query_condition(d, table, where, &text, &whole, &here);
    if (here.len) {
        kt_buf_addf(out, "%s decided here, of what comes: ", sign);
        good = kt_text_plain(out, kt_buf_span(&here), KT_TEXT_FREE, true) && good;
        kt_buf_addc(out, '\n');
    }
    kt_buf_addf(out, "%s and the filter, of what its columns are worked out to be\n", sign);
    kt_buf_free(&text);
    kt_buf_free(&here);
    return good && !out->failed;
}

/* What is known before it runs: Athena says what a query scans while it does. */
static bool add_cost(const struct athena *s, const struct kt_pass *pass, struct kt_buf *out)
{
    char limit[32];
    athena_size(s->a.limit, limit, sizeof limit);
    if (pass->from > 0 && s->day[0])
        kt_buf_addf(out, "-- reads the partitions of %" PRId64 " days, those after them for what was delivered late\n",
                    (pass->to - pass->from) / DAY + 32);
    else
        kt_buf_adds(out, "-- reads all partitions there are: --since cuts that\n");
    return kt_buf_addf(out, s->a.limit ? "-- stopped where it would scan more than %s (limit=)\n" : "-- scans what it needs: limit=0\n", limit);
}

static enum kt_code athena(const char *address, const struct kt_source_opts *o, struct kt_buf *out, struct kt_err *e)
{
    struct athena *s = calloc(1, sizeof *s);
    struct kt_pass pass = window_of(o);
    enum kt_code code = s ? athena_address_parse(&s->a, address, e) : kt_fail(e, KT_ENOMEM, "out of memory");
    if (code == KT_OK) {
        s->a.partition = s->a.partition ? s->a.partition : "timestamp";
        s->where = o->where;
        athena_assume_table(s);
        kt_buf_addf(out, "-- Athena (Trino), a table as --print-setup athena makes it\n");
        bool good = athena_query(s, &pass, out) && kt_buf_addc(out, '\n') && add_cost(s, &pass, out) &&
                    add_here(KT_DIALECT_TRINO, &s->table, o->where, "--", out);
        if (!good)
            code = kt_fail(e, KT_ELIMIT, "the question is longer than Athena takes");
    }
    if (s)
        athena_address_drop(&s->a);
    free(s);
    return code;
}

static enum kt_code clickhouse(const char *address, const struct kt_source_opts *o, struct kt_buf *out, struct kt_err *e)
{
    static const char columns[] = "eventTime\tDateTime\neventName\tString\neventSource\tString\nawsRegion\tString\n"
                                  "recipientAccountId\tString\nsourceIPAddress\tString\nuserIdentity_userName\tString\n"
                                  "userIdentity_accessKeyId\tString\nraw\tString\n";
    struct clickhouse *s = calloc(1, sizeof *s);
    struct kt_pass pass = window_of(o);
    char why[300];
    enum kt_code code = s ? clickhouse_address_parse(&s->a, address, e) : kt_fail(e, KT_ENOMEM, "out of memory");
    if (code == KT_OK) {
        s->a.raw = s->a.time = NULL;
        s->arena = kt_arena_new(1 << 20);
        s->column = calloc(KT_COLUMNS_MAX, sizeof *s->column);
        s->where = o->where;
        kt_buf_addf(out, "-- ClickHouse, a table as --print-setup clickhouse makes it\n");
        bool good = s->arena && s->column && clickhouse_take_columns(s, kt_span_of(columns), why, sizeof why) &&
                    clickhouse_query(s, &pass, out) && kt_buf_addc(out, '\n') &&
                    add_here(KT_DIALECT_CLICKHOUSE, &s->table, o->where, "--", out);
        if (!good)
            code = kt_fail(e, KT_ELIMIT, "the question cannot be said in ClickHouse's words");
        kt_arena_free(s->arena);
        free(s->column);
    }
    if (s)
        clickhouse_address_drop(&s->a);
    free(s);
    return code;
}

static enum kt_code insights(const char *address, const struct kt_source_opts *o, struct kt_buf *out, struct kt_err *e)
{
    struct insights_address a;
    enum kt_code code = insights_address_parse(&a, address, e);
    insights_address_drop(&a);
    if (code != KT_OK)
        return code;
    kt_buf_adds(out, "# CloudWatch Logs Insights\n");
    return insights_query(o->where, out) && kt_buf_addc(out, '\n') && add_here(KT_DIALECT_INSIGHTS, NULL, o->where, "#", out)
               ? KT_OK
               : kt_fail(e, KT_ELIMIT, "the question is longer than Insights takes");
}

static enum kt_code splunk(const char *address, const struct kt_source_opts *o, struct kt_buf *out, struct kt_err *e)
{
    struct splunk *s = calloc(1, sizeof *s);
    enum kt_code code = s ? splunk_address_parse(&s->a, address, e) : kt_fail(e, KT_ENOMEM, "out of memory");
    if (code == KT_OK) {
        kt_buf_init(&s->search, SPLUNK_SEARCH_MAX);
        bool good = splunk_search(s, o);
        kt_buf_addf(out, "```Splunk```\nsearch %s\n", kt_buf_str(&s->search));
        if (!good || !add_here(KT_DIALECT_SPL, NULL, o->where, "```", out))
            code = kt_fail(e, KT_ELIMIT, "the question is longer than %d bytes", SPLUNK_SEARCH_MAX);
        kt_buf_free(&s->search);
    }
    if (s)
        splunk_address_drop(&s->a);
    free(s);
    return code;
}

enum kt_code kt_source_explain(const char *address, const struct kt_source_opts *o, struct kt_buf *out, struct kt_err *e)
{
    static const struct {
        const char *scheme;
        enum kt_code (*explain)(const char *, const struct kt_source_opts *, struct kt_buf *, struct kt_err *);
    } all[] = {{"athena:", athena}, {"clickhouse:", clickhouse}, {"insights:", insights}, {"splunk:", splunk}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strncmp(address, all[i].scheme, strlen(all[i].scheme)) == 0)
            return all[i].explain(address, o, out, e);
    return kt_fail(e, KT_EUNSUPPORTED, "%s reads all there is, and the filter chooses here", address);
}
