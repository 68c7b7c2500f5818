#include "tests/support/fake_clickhouse.h"

#include "tests/support/by_time.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>
#include <string.h>

enum { EVENTS_MAX = 1 << 20 };

static void refuse(struct fake_reply *out, int status, int code, const char *text)
{
    out->status = status;
    kt_buf_addf(&out->body, "Code: %d, e.displayText() = DB::Exception: %s, e.what() = DB::Exception\n", code, text);
}

static bool authorized(const struct fake_clickhouse *f, const struct fake_request *r, struct fake_reply *out)
{
    struct kt_span user = fake_header(r, "X-ClickHouse-User"), key = fake_header(r, "X-ClickHouse-Key");
    if (!f->user[0] || (kt_span_is(user, f->user) && kt_span_is(key, f->password)))
        return true;
    refuse(out, 403, 516, "default: Authentication failed");
    return false;
}

static void write_row(struct kt_buf *b, const struct fake_event *e)
{
    char record[1200];
    fake_aws_record(record, sizeof record, e);
    kt_buf_adds(b, "{\"keytop_record\":\"");
    fake_escape(b, record);
    kt_buf_adds(b, "\"}\n");
}

/* "... (`eventTime`) >= 17" */
static int64_t bound(const char *query, const char *sign, int64_t other)
{
    char text[64];
    snprintf(text, sizeof text, "toUnixTimestamp(`eventTime`) %s ", sign);
    const char *p = strstr(query, text);
    return p ? strtoll(p + strlen(text), NULL, 10) * 1000 : other;
}

static void rows(struct fake_clickhouse *f, struct fake_reply *out, enum house_fault fault)
{
    int64_t from = bound(f->query, ">=", 0), to = bound(f->query, "<=", INT64_MAX);
    size_t n = 0, hits = 0;
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < f->n_events; i++) {
            const struct fake_event *e = &f->event[i];
            bool away = f->shard_away && e->number % 2 == 0;
            if (away || e->available > kt_now(f->clock) || e->time < from || e->time > to || (strstr(f->query, "eventName`") && !strstr(f->query, e->name)))
                continue;
            hits += round == 0;
            bool half = fault == HOUSE_EXCEPTION || fault == HOUSE_EXCEPTION_JSON;
            if (round == 1 && (!half || n < hits / 2)) {
                write_row(&out->body, e);
                n++;
            }
        }
    if (fault == HOUSE_EXCEPTION)
        refuse(out, 200, 241, "Memory limit (for query) exceeded");
    if (fault == HOUSE_EXCEPTION_JSON)
        kt_buf_adds(&out->body, "{\"exception\": \"Code: 241. DB::Exception: Memory limit exceeded\"}\n");
    if (fault == HOUSE_CUT)
        out->breaks = FAKE_CUT_BODY;
}

/* As enable_http_compression has it, for who accepts gzip. */
static void pack(struct fake_clickhouse *f, const struct fake_request *r, struct fake_reply *out)
{
    if (!strstr(r->target, "enable_http_compression=1") || !kt_span_is(fake_header(r, "Accept-Encoding"), "gzip") || !out->body.len ||
        out->breaks != FAKE_WHOLE)
        return;
    z_stream z = {.next_in = (Bytef *)out->body.p, .avail_in = (uInt)out->body.len};
    size_t room = out->body.len + 1024;
    char *p = malloc(room);
    if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    z.next_out = (Bytef *)p;
    z.avail_out = (uInt)room;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    kt_buf_reset(&out->body);
    kt_buf_add(&out->body, p, z.total_out);
    kt_buf_adds(&out->head, "Content-Encoding: gzip\r\n");
    deflateEnd(&z);
    free(p);
    f->packed++;
}

static void answer(struct fake_clickhouse *f, const struct fake_request *r, struct fake_reply *out);

static void on_request(void *ctx, const struct fake_request *r, struct fake_reply *out)
{
    struct fake_clickhouse *f = ctx;
    if (f->sets_nothing && strchr(r->target, '?'))
        refuse(out, 500, 164, "Cannot modify 'enable_http_compression' setting in readonly mode");
    else
        answer(f, r, out);
    pack(f, r, out);
}

static void answer(struct fake_clickhouse *f, const struct fake_request *r, struct fake_reply *out)
{
    char text[sizeof f->query];
    if (!authorized(f, r, out))
        return;
    snprintf(text, sizeof text, "%.*s", (int)r->body.n, r->body.p ? r->body.p : "");
    if (strstr(text, "FROM system.columns")) {
        f->described++;
        kt_buf_adds(&out->body, f->columns);
        return;
    }
    enum house_fault fault = HOUSE_FINE;
    if (f->n_faults) {
        fault = f->fault[0];
        memmove(f->fault, f->fault + 1, --f->n_faults * sizeof *f->fault);
    }
    f->queries++;
    snprintf(f->query, sizeof f->query, "%s", text);
    if (!strstr(text, "eventName`"))
        snprintf(f->question, sizeof f->question, "%s", text);
    bool lame = strstr(text, "skip_unavailable_shards = 1") != NULL;
    if ((fault == HOUSE_SHARD || f->shard_away) && !lame)
        refuse(out, 500, 279, "All connection tries failed");
    else if (fault == HOUSE_500)
        refuse(out, 500, 202, "Too many simultaneous queries");
    else if (fault == HOUSE_503)
        out->status = 503;
    else if (fault == HOUSE_DROP)
        out->breaks = FAKE_CLOSE;
    else if (fault == HOUSE_HTML)
        kt_buf_adds(&out->body, "<html>login here</html>");
    else
        rows(f, out, fault);
}

void fake_clickhouse_init(struct fake_clickhouse *f)
{
    *f = (struct fake_clickhouse){.columns = "eventTime\tDateTime\neventName\tString\nraw\tString\n"};
    f->http = fake_http_new(on_request, f);
}

void fake_clickhouse_free(struct fake_clickhouse *f)
{
    fake_http_free(f->http);
    free(f->event);
}

void fake_clickhouse_event(struct fake_clickhouse *f, int number, int64_t time, int64_t available)
{
    fake_http_lock(f->http);
    if (!kt_grow(&f->event, &f->cap_events, f->n_events + 1, sizeof *f->event, EVENTS_MAX))
        abort();
    f->event[f->n_events++] = (struct fake_event){
        .time = time, .available = available, .number = number, .name = "CreateAccessKey", .account = "111122223333"};
    fake_http_unlock(f->http);
}

void fake_clickhouse_fault(struct fake_clickhouse *f, enum house_fault fault)
{
    fake_http_lock(f->http);
    if (f->n_faults < HOUSE_FAULTS)
        f->fault[f->n_faults++] = fault;
    fake_http_unlock(f->http);
}
