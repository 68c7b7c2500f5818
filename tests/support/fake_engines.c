#include "tests/support/fake_engines.h"

#include "query/compile.h"
#include "tests/support/words.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS_MAX = 1 << 20, PAGE = 1000, INSIGHTS_PAGE = 10000, RECORD_MAX = 4096 };

static bool scripted(struct fake_engines *e, struct fake_reply *out)
{
    enum engine_fault fault = ENGINE_FINE;
    if (e->n_faults) {
        fault = e->fault[0];
        memmove(e->fault, e->fault + 1, --e->n_faults * sizeof *e->fault);
    }
    switch (fault) {
    case ENGINE_FINE: return false;
    case ENGINE_THROTTLED: fake_aws_refuse(e->aws, out, 400, "TooManyRequestsException", "Rate exceeded"); break;
    case ENGINE_500: fake_aws_refuse(e->aws, out, 500, "InternalServerException", "sorry"); break;
    case ENGINE_DROP: out->breaks = FAKE_CLOSE; break;
    case ENGINE_HTML: kt_buf_adds(&out->body, "<html>login here</html>"); break;
    case ENGINE_DENIED: fake_aws_refuse(e->aws, out, 400, "AccessDeniedException", "not authorized"); break;
    case ENGINE_EXPIRED: fake_aws_refuse(e->aws, out, 400, "ExpiredTokenException", "expired"); break;
    case ENGINE_LIMIT: fake_aws_refuse(e->aws, out, 400, "LimitExceededException", "too many queries"); break;
    }
    return true;
}

static const char *text_of(const json_t *q, const char *name)
{
    const char *s = json_string_value(json_object_get(q, name));
    return s ? s : "";
}

/* --- queries ------------------------------------------------------------------------------- */

static struct engine_query *find(struct fake_engines *e, const char *id, struct fake_reply *out)
{
    for (size_t i = 0; i < e->n_queries; i++)
        if (strcmp(e->query[i].id, id) == 0)
            return &e->query[i];
    fake_aws_refuse(e->aws, out, 400, "InvalidRequestException", "QueryExecution was not found");
    return NULL;
}

/* A token that was seen before is the query of then. */
static struct engine_query *begin(struct fake_engines *e, const char *token, const char *text)
{
    e->starts++;
    for (size_t i = 0; token[0] && i < e->n_queries; i++)
        if (strcmp(e->query[i].token, token) == 0) {
            e->repeats++;
            return &e->query[i];
        }
    if (e->n_queries == ENGINE_QUERIES)
        abort();
    struct engine_query *q = &e->query[e->n_queries];
    snprintf(q->id, sizeof q->id, "query-%zu", e->n_queries++);
    snprintf(q->token, sizeof q->token, "%s", token);
    q->text = strdup(text);
    q->fate = ENGINE_ENDS_WELL;
    if (e->n_fates) {
        q->fate = e->fate[0];
        memmove(e->fate, e->fate + 1, --e->n_fates * sizeof *e->fate);
    }
    return q;
}

static enum words asks_for(const struct engine_query *q, const struct fake_event *e, bool insights)
{
    char record[RECORD_MAX];
    fake_aws_record(record, sizeof record, e);
    if (insights)
        return words_insights(q->text, record);
    json_t *j = json_loads(record, 0, NULL);
    enum words w = words_trino(q->text, j);
    json_decref(j);
    return w;
}

static void find_hits(struct fake_engines *e, struct engine_query *q, bool by_delivery)
{
    q->known = true;
    q->hit = calloc(e->n_events + 1, sizeof *q->hit);
    for (size_t i = 0; i < e->n_events; i++) {
        struct fake_event *v = &e->event[i];
        int64_t at = (by_delivery ? v->available : v->time) / 1000;
        if (v->available > kt_now(e->aws->clock) || at < q->from || at > q->to)
            continue;
        enum words w = asks_for(q, v, by_delivery);
        e->misread += w == WORDS_WRONG;
        if (w == WORDS_YES)
            q->hit[q->n_hits++] = i;
    }
}

static size_t hits_of(struct fake_engines *e, struct engine_query *q, bool by_delivery, struct fake_event **hit)
{
    if (!q->known)
        find_hits(e, q, by_delivery);
    for (size_t i = 0; i < q->n_hits; i++)
        hit[i] = &e->event[q->hit[i]];
    return q->n_hits;
}

/* --- Athena ---------------------------------------------------------------------------------- */

static void describe(struct fake_engines *e, struct fake_reply *out)
{
    struct kt_table t = kt_table_athena();
    e->described++;
    if (e->no_metadata) {
        fake_aws_refuse(e->aws, out, 400, "AccessDeniedException", "not authorized to perform glue:GetTable");
        return;
    }
    kt_buf_adds(&out->body, "{\"TableMetadata\":{\"Name\":\"t\",\"Columns\":[{\"Name\":\"useridentity\",\"Type\":\"struct<type:string>\"}");
    for (size_t i = 0; i < t.n; i++)
        if (!memchr(t.column[i].name.p, '.', t.column[i].name.n))
            kt_buf_addf(&out->body, ",{\"Name\":\"%s\",\"Type\":\"string\"}", t.column[i].name.p);
    kt_buf_addf(&out->body, "],\"PartitionKeys\":%s}}", e->partitions);
}

static void start_athena(struct fake_engines *e, const json_t *q, struct fake_reply *out)
{
    const char *text = text_of(q, "QueryString"), *between = strstr(text, "eventtime BETWEEN '");
    size_t token = strlen(text_of(q, "ClientRequestToken"));
    struct kt_span from = {between ? between + 19 : "", 20}, to = {between ? between + 46 : "", 20};
    if (token < 32 || token > 128 || !between || strlen(text) > 262144 ||
        strcmp(text_of(json_object_get(q, "QueryExecutionContext"), "Database"), "soc") != 0 ||
        strcmp(text_of(q, "WorkGroup"), "analysts") != 0) {
        fake_aws_refuse(e->aws, out, 400, "InvalidRequestException", "that is not how keytop asks");
        return;
    }
    json_t *nothing = json_object();
    bool wrong = words_trino(text, nothing) == WORDS_WRONG;
    json_decref(nothing);
    if (wrong) {
        e->misread++;
        fake_aws_refuse(e->aws, out, 400, "InvalidRequestException", "line 1: mismatched input");
        return;
    }
    struct engine_query *x = begin(e, text_of(q, "ClientRequestToken"), text);
    x->from = kt_time_parse(from) / 1000;
    x->to = kt_time_parse(to) / 1000;
    kt_buf_addf(&out->body, "{\"QueryExecutionId\":\"%s\"}", x->id);
}

static void look_athena(struct fake_engines *e, const json_t *q, struct fake_reply *out)
{
    struct engine_query *x = find(e, text_of(q, "QueryExecutionId"), out);
    if (!x)
        return;
    bool over = x->looks++ >= e->running_looks && x->fate != ENGINE_STAYS;
    const char *state = x->stopped                   ? "CANCELLED"
                        : !over                      ? (x->looks == 1 ? "QUEUED" : "RUNNING")
                        : x->fate == ENGINE_FAILS    ? "FAILED"
                        : x->fate == ENGINE_CANCELLED ? "CANCELLED"
                                                     : "SUCCEEDED";
    kt_buf_addf(&out->body, "{\"QueryExecution\":{\"QueryExecutionId\":\"%s\",\"Status\":{\"State\":\"%s\"%s},"
                            "\"Statistics\":{\"DataScannedInBytes\":%" PRIu64 "}}}",
                x->id, state, over && x->fate == ENGINE_FAILS ? ",\"StateChangeReason\":\"SYNTAX_ERROR: line 1:8\"" : "",
                e->scan_step * (uint64_t)x->looks);
}

static void add_cell(struct kt_buf *b, const json_t *record, struct kt_span path)
{
    char name[128];
    const json_t *at = record;
    while (at && path.n) {
        const char *dot = memchr(path.p, '.', path.n);
        size_t n = dot ? (size_t)(dot - path.p) : path.n;
        snprintf(name, sizeof name, "%.*s", (int)n, path.p);
        at = json_object_get(at, name);
        path.p += n + (dot != NULL);
        path.n -= n + (dot != NULL);
    }
    char *text = json_is_string(at) ? NULL : json_is_object(at) || json_is_boolean(at) ? json_dumps(at, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    json_t *cell = json_is_string(at) || text ? json_pack("{s:s}", "VarCharValue", text ? text : json_string_value(at)) : json_object();
    char *line = json_dumps(cell, JSON_COMPACT);
    kt_buf_adds(b, line);
    free(line);
    free(text);
    json_decref(cell);
}

/* The first row of the first page has the names of the columns. */
static void page_athena(struct fake_engines *e, const json_t *q, struct fake_reply *out)
{
    struct engine_query *x = find(e, text_of(q, "QueryExecutionId"), out);
    struct kt_table t = kt_table_athena();
    size_t at = strtoul(text_of(q, "NextToken"), NULL, 10), n, row = 0, shown = 0;
    if (!x)
        return;
    struct fake_event **hit = calloc(e->n_events + 1, sizeof(struct fake_event *));
    n = hits_of(e, x, false, hit);
    e->pages++;
    kt_buf_adds(&out->body, "{\"ResultSet\":{\"Rows\":[");
    for (row = at; row < n + 1 && shown < PAGE; row++, shown++) {
        char record[RECORD_MAX];
        if (row)
            fake_aws_record(record, sizeof record, hit[row - 1]);
        json_t *j = row ? json_loads(record, 0, NULL) : NULL;
        kt_buf_adds(&out->body, shown ? ",{\"Data\":[" : "{\"Data\":[");
        for (size_t c = 0; c < t.n; c++) {
            kt_buf_adds(&out->body, c ? "," : "");
            if (row)
                add_cell(&out->body, j, t.column[c].path);
            else
                kt_buf_addf(&out->body, "{\"VarCharValue\":\"c%zu\"}", c);
        }
        kt_buf_adds(&out->body, "]}");
        json_decref(j);
    }
    kt_buf_adds(&out->body, "]}");
    if (row < n + 1)
        kt_buf_addf(&out->body, ",\"NextToken\":\"%zu\"", row);
    kt_buf_adds(&out->body, "}");
    free(hit);
}

static void on_athena(struct fake_engines *e, const char *what, const json_t *q, struct fake_reply *out)
{
    if (strcmp(what, "GetTableMetadata") == 0) {
        describe(e, out);
    } else if (strcmp(what, "StartQueryExecution") == 0) {
        start_athena(e, q, out);
    } else if (strcmp(what, "GetQueryExecution") == 0) {
        look_athena(e, q, out);
    } else if (strcmp(what, "GetQueryResults") == 0) {
        page_athena(e, q, out);
    } else if (strcmp(what, "StopQueryExecution") == 0) {
        struct engine_query *x = find(e, text_of(q, "QueryExecutionId"), out);
        if (x) {
            x->stopped = true;
            e->stops++;
            kt_buf_adds(&out->body, "{}");
        }
    } else {
        fake_aws_refuse(e->aws, out, 400, "InvalidRequestException", "no such action");
    }
}

/* --- Insights ---------------------------------------------------------------------------------- */

static void start_insights(struct fake_engines *e, const json_t *q, struct fake_reply *out)
{
    const char *text = text_of(q, "queryString"), *group = json_string_value(json_array_get(json_object_get(q, "logGroupNames"), 0));
    int64_t limit = json_integer_value(json_object_get(q, "limit"));
    if (!group || strcmp(group, "/aws/cloudtrail/trail") != 0) {
        fake_aws_refuse(e->aws, out, 400, "ResourceNotFoundException", "Log group does not exist");
        return;
    }
    if (words_insights(text, "") == WORDS_WRONG || strlen(text) > 10000 || limit < 1 || limit > 100000) {
        e->misread++;
        fake_aws_refuse(e->aws, out, 400, "MalformedQueryException", "unexpected symbol");
        return;
    }
    struct engine_query *x = begin(e, "", text);
    x->from = json_integer_value(json_object_get(q, "startTime"));
    x->to = json_integer_value(json_object_get(q, "endTime"));
    kt_buf_addf(&out->body, "{\"queryId\":\"%s\"}", x->id);
}

static void results(struct fake_engines *e, const json_t *q, struct fake_reply *out)
{
    static const char *const states[] = {"Complete", "Failed", "Cancelled", "Timeout", "Running"};
    struct engine_query *x = find(e, text_of(q, "queryId"), out);
    size_t at = strtoul(text_of(q, "nextToken"), NULL, 10), row, shown = 0;
    if (!x)
        return;
    bool over = x->looks++ >= e->running_looks && x->fate != ENGINE_STAYS;
    if (!over || x->fate != ENGINE_ENDS_WELL) {
        kt_buf_addf(&out->body, "{\"status\":\"%s\",\"results\":[],\"statistics\":{}}",
                    x->stopped ? "Cancelled" : !over ? (x->looks == 1 ? "Scheduled" : "Running") : states[x->fate]);
        return;
    }
    struct fake_event **hit = calloc(e->n_events + 1, sizeof(struct fake_event *));
    size_t matched = hits_of(e, x, true, hit), n = e->most && matched > e->most ? e->most : matched;
    e->pages++;
    kt_buf_adds(&out->body, "{\"status\":\"Complete\",\"results\":[");
    for (row = at; row < n && shown < INSIGHTS_PAGE; row++, shown++) {
        char record[RECORD_MAX];
        fake_aws_record(record, sizeof record, hit[row]);
        kt_buf_addf(&out->body, "%s[{\"field\":\"@message\",\"value\":\"", shown ? "," : "");
        for (const char *p = record; *p; p++)
            kt_buf_addf(&out->body, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
        kt_buf_addf(&out->body, "\"},{\"field\":\"@ptr\",\"value\":\"p%zu\"}]", row);
    }
    kt_buf_addf(&out->body, "],\"statistics\":{\"recordsMatched\":%zu.0,\"bytesScanned\":1.0}", matched);
    if (row < n)
        kt_buf_addf(&out->body, ",\"nextToken\":\"%zu\"", row);
    kt_buf_adds(&out->body, "}");
    free(hit);
}

static void on_insights(struct fake_engines *e, const char *what, const json_t *q, struct fake_reply *out)
{
    if (strcmp(what, "StartQuery") == 0) {
        start_insights(e, q, out);
    } else if (strcmp(what, "GetQueryResults") == 0) {
        results(e, q, out);
    } else {
        struct engine_query *x = find(e, text_of(q, "queryId"), out);
        if (x) {
            x->stopped = true;
            e->stops++;
            kt_buf_adds(&out->body, "{\"success\":true}");
        }
    }
}

static bool on_request(void *ctx, struct fake_aws *f, const struct fake_request *r, struct fake_reply *out)
{
    struct fake_engines *e = ctx;
    struct kt_span target = fake_header(r, "X-Amz-Target");
    char what[80];
    bool athena = kt_span_starts(target, "AmazonAthena."), logs = kt_span_starts(target, "Logs_20140328.");
    if (!athena && !logs)
        return false;
    snprintf(what, sizeof what, "%.*s", (int)(target.n < 79 ? target.n : 79), target.p);
    if (scripted(e, out) || !fake_aws_caller(f, r, out))
        return true;
    json_t *q = json_loadb(r->body.p, r->body.n, 0, NULL);
    if (!q)
        fake_aws_refuse(f, out, 400, "SerializationException", "what?");
    else if (athena)
        on_athena(e, what + 13, q, out);
    else
        on_insights(e, what + 14, q, out);
    json_decref(q);
    return true;
}

void fake_engines_init(struct fake_engines *e, struct fake_aws *f)
{
    *e = (struct fake_engines){.aws = f, .running_looks = 2, .scan_step = 1000,
                               .partitions = "[{\"Name\":\"account\",\"Type\":\"string\"},{\"Name\":\"region\",\"Type\":\"string\"},"
                                             "{\"Name\":\"timestamp\",\"Type\":\"string\"}]"};
    fake_http_lock(f->http);
    f->also = on_request;
    f->also_ctx = e;
    fake_http_unlock(f->http);
}

void fake_engines_free(struct fake_engines *e)
{
    free(e->event);
    for (size_t i = 0; i < e->n_queries; i++) {
        free(e->query[i].text);
        free(e->query[i].hit);
    }
}

void fake_engines_event(struct fake_engines *e, int number, int64_t time, int64_t delivered)
{
    fake_http_lock(e->aws->http);
    if (!kt_grow(&e->event, &e->cap_events, e->n_events + 1, sizeof *e->event, EVENTS_MAX))
        abort();
    e->event[e->n_events++] = (struct fake_event){
        .time = time, .available = delivered, .number = number, .name = "CreateAccessKey", .account = "111122223333"};
    fake_http_unlock(e->aws->http);
}

void fake_engines_record(struct fake_engines *e, const char *text, int64_t time, int64_t delivered)
{
    fake_engines_event(e, 0, time, delivered);
    fake_http_lock(e->aws->http);
    e->event[e->n_events - 1].text = text;
    fake_http_unlock(e->aws->http);
}

void fake_engines_fault(struct fake_engines *e, enum engine_fault fault)
{
    fake_http_lock(e->aws->http);
    if (e->n_faults < ENGINE_FAULTS)
        e->fault[e->n_faults++] = fault;
    fake_http_unlock(e->aws->http);
}

void fake_engines_fate(struct fake_engines *e, enum engine_fate fate)
{
    fake_http_lock(e->aws->http);
    if (e->n_fates < 8)
        e->fate[e->n_fates++] = fate;
    fake_http_unlock(e->aws->http);
}
