#include "tests/support/fake_logs.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum { EVENTS_MAX = 1 << 20, MESSAGE_MAX = 64 << 20 };
#define HOUR ((int64_t)3600000)

/* --- the event stream, written by itself ------------------------------------------------ */

static void u32(struct kt_buf *b, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        kt_buf_addc(b, (char)(v >> shift & 0xff));
}

static void header(struct kt_buf *b, const char *name, const char *value)
{
    kt_buf_addc(b, (char)strlen(name));
    kt_buf_adds(b, name);
    kt_buf_addc(b, 7);
    kt_buf_addc(b, (char)(strlen(value) >> 8));
    kt_buf_addc(b, (char)(strlen(value) & 0xff));
    kt_buf_adds(b, value);
}

void fake_stream_message(struct kt_buf *b, const char *kind, const char *type, const char *payload)
{
    struct kt_buf h;
    char name[32];
    size_t start = b->len;
    kt_buf_init(&h, 4096);
    snprintf(name, sizeof name, ":%s-type", kind);
    header(&h, name, type);
    header(&h, ":content-type", "application/json");
    header(&h, ":message-type", kind);
    u32(b, (uint32_t)(16 + h.len + strlen(payload)));
    u32(b, (uint32_t)h.len);
    u32(b, (uint32_t)crc32(0, (const unsigned char *)b->p + start, 8));
    kt_buf_add(b, h.p, h.len);
    kt_buf_adds(b, payload);
    u32(b, (uint32_t)crc32(0, (const unsigned char *)b->p + start, (unsigned)(b->len - start)));
    kt_buf_free(&h);
}

/* --- answers ------------------------------------------------------------------------------- */

static void write_log_event(struct kt_buf *b, struct fake_event *e, bool tail)
{
    kt_buf_addf(b, "{\"logStreamName\":\"111122223333_CloudTrail_us-east-1_%d\",", e->number % 3);
    kt_buf_addf(b, "\"timestamp\":%" PRId64 ",\"ingestionTime\":%" PRId64 ",", e->time, e->available);
    if (tail)
        kt_buf_addf(b, "\"logGroupIdentifier\":\"111122223333:%s\",", FAKE_GROUP);
    else
        kt_buf_addf(b, "\"eventId\":\"3%034d\",", e->number);
    kt_buf_adds(b, "\"message\":\"");
    fake_aws_put_escaped(b, e);
    kt_buf_adds(b, "\"}");
}

static bool scripted(struct fake_aws *f, enum fake_fault fault, struct fake_reply *out)
{
    switch (fault) {
    case FAKE_FINE: return false;
    case FAKE_THROTTLE: fake_aws_refuse(f, out, 400, "ThrottlingException", "Rate exceeded"); break;
    case FAKE_500: fake_aws_refuse(f, out, 500, "InternalFailure", "sorry"); break;
    case FAKE_503_LATER: kt_buf_adds(&out->head, "Retry-After: 1\r\n"); fake_aws_refuse(f, out, 503, "ServiceUnavailableException", "later"); break;
    case FAKE_EXPIRED_TOKEN: fake_aws_refuse(f, out, 400, "ExpiredTokenException", "expired"); break;
    case FAKE_EXPIRED_PAGE: fake_aws_refuse(f, out, 400, "InvalidParameterException", "The specified nextToken is invalid."); break;
    case FAKE_DENIED: fake_aws_refuse(f, out, 400, "AccessDeniedException", "User is not authorized to perform: logs:FilterLogEvents"); break;
    case FAKE_HTML: kt_buf_adds(&out->body, "<html>login here</html>"); break;
    case FAKE_REDIRECT: out->status = 302; kt_buf_adds(&out->head, "Location: http://127.0.0.1:1/\r\n"); break;
    case FAKE_DROP: out->breaks = FAKE_CLOSE; break;
    case FAKE_DROP_BODY: kt_buf_adds(&out->body, "{\"events\":[]}          "); out->breaks = FAKE_CUT_BODY; break;
    case FAKE_SILENT: out->breaks = FAKE_STALL; break;
    }
    return true;
}

static enum fake_fault next_fault(enum fake_fault *list, size_t *n)
{
    if (!*n)
        return FAKE_FINE;
    enum fake_fault fault = list[0];
    memmove(list, list + 1, --*n * sizeof *list);
    return fault;
}

/* The oldest first; those of one ms in the order in which they were put in. */
static void write_page(struct fake_logs *l, struct fake_reply *out, int64_t from, int64_t to, size_t at, const char *asked)
{
    size_t page = l->page ? l->page : 20, start = at / 2, hits = 0, n = 0;
    bool empty = l->empty_pages && at % 2 == 0, more = false; /* an odd number: the page itself */
    int64_t now = kt_now(l->aws->clock);
    by_time_update(&l->order, l->event, sizeof *l->event, l->n_events);
    kt_buf_adds(&out->body, "{\"searchedLogStreams\":[],\"events\":[");
    for (size_t i = by_time_from(&l->order, l->event, sizeof *l->event, from); !empty && !more && i < l->order.n; i++) {
        struct fake_event *e = &l->event[l->order.at[i]];
        if (e->time > to)
            break;
        if (e->available > now || (l->pattern[0] && !strstr(l->pattern, e->name)) || hits++ < start)
            continue;
        more = n == page;
        if (more)
            break;
        kt_buf_adds(&out->body, n++ ? "," : "");
        write_log_event(&out->body, e, false);
    }
    kt_buf_adds(&out->body, "]");
    if (empty || more)
        kt_buf_addf(&out->body, ",\"nextToken\":\"%zu:%u:%s\"", empty ? start * 2 + 1 : (start + page) * 2, l->filters, asked);
    kt_buf_adds(&out->body, "}");
}

/* A token is "position:requests so far:what was asked". */
static void filter(struct fake_logs *l, json_t *q, struct fake_reply *out)
{
    const char *group = json_string_value(json_object_get(q, "logGroupName")), *arn = json_string_value(json_object_get(q, "logGroupIdentifier"));
    const char *pattern = json_string_value(json_object_get(q, "filterPattern")), *token = json_string_value(json_object_get(q, "nextToken"));
    const json_t *end = json_object_get(q, "endTime"); /* both may be left out */
    int64_t from = json_integer_value(json_object_get(q, "startTime")), to = end ? json_integer_value(end) : INT64_MAX;
    char asked[128], expect[128] = "";
    size_t at = 0;
    unsigned seen = 0;
    snprintf(l->pattern, sizeof l->pattern, "%s", pattern ? pattern : "");
    snprintf(asked, sizeof asked, "%" PRId64 ".%" PRId64 ".%zu", from, to, strlen(l->pattern));
    int64_t now = l->aws->mono ? kt_now(l->aws->mono) : kt_mono_ms();
    bool fast = l->quota_ms && now - l->last < l->quota_ms;
    l->last = now;
    l->too_fast += fast;
    if (fast)
        fake_aws_refuse(l->aws, out, 400, "ThrottlingException", "Rate exceeded");
    else if ((group && strcmp(group, FAKE_GROUP) != 0) || (arn && strcmp(arn, FAKE_GROUP_ARN) != 0) || !group == !arn)
        fake_aws_refuse(l->aws, out, 400, "ResourceNotFoundException", "The specified log group does not exist.");
    else if (strlen(l->pattern) > 1024 || to < from)
        fake_aws_refuse(l->aws, out, 400, "InvalidParameterException", "no");
    else if (token && (sscanf(token, "%zu:%u:%127s", &at, &seen, expect) != 3 || strcmp(asked, expect) != 0 ||
                       (l->page_life && l->filters - seen > (unsigned)l->page_life)))
        fake_aws_refuse(l->aws, out, 400, "InvalidParameterException", "The specified nextToken is invalid.");
    else
        write_page(l, out, from, to, at, asked);
}

static void tail(struct fake_logs *l, json_t *q, struct fake_reply *out)
{
    const char *arn = json_string_value(json_array_get(json_object_get(q, "logGroupIdentifiers"), 0));
    const char *pattern = json_string_value(json_object_get(q, "logEventFilterPattern"));
    snprintf(l->tail_pattern, sizeof l->tail_pattern, "%s", pattern ? pattern : "");
    if (!arn || strcmp(arn, FAKE_GROUP_ARN) != 0) {
        fake_aws_refuse(l->aws, out, 400, "ResourceNotFoundException", "The specified log group does not exist.");
        return;
    }
    out->stream = true;
    kt_buf_adds(&out->head, "Content-Type: application/vnd.amazon.eventstream\r\n");
    fake_stream_message(&out->body, "event", "initial-response", "{}");
    fake_stream_message(&out->body, "event", "sessionStart", "{\"sessionId\":\"s\",\"logGroupIdentifiers\":[]}");
}

static bool on_request(void *ctx, struct fake_aws *f, const struct fake_request *r, struct fake_reply *out)
{
    struct fake_logs *l = ctx;
    struct kt_span target = fake_header(r, "X-Amz-Target"), host = fake_header(r, "Host");
    if (!kt_span_starts(target, "Logs_20140328."))
        return false;
    bool live = kt_span_is(target, "Logs_20140328.StartLiveTail");
    enum fake_fault fault = live ? next_fault(l->tail_fault, &l->n_tail_faults) : next_fault(l->fault, &l->n_faults);
    snprintf(l->host, sizeof l->host, "%.*s", (int)(host.n < 100 ? host.n : 100), host.p ? host.p : "");
    l->tails += live;
    l->filters += !live;
    if (scripted(f, fault, out) || !fake_aws_caller(f, r, out))
        return true;
    json_t *q = json_loadb(r->body.p, r->body.n, 0, NULL);
    if (!q || !kt_span_is(fake_header(r, "Content-Type"), "application/x-amz-json-1.1"))
        fake_aws_refuse(f, out, 400, "SerializationException", "what?");
    else if (live)
        tail(l, q, out);
    else
        filter(l, q, out);
    json_decref(q);
    return true;
}

void fake_logs_init(struct fake_logs *l, struct fake_aws *f)
{
    *l = (struct fake_logs){.aws = f, .quota_ms = 200, .last = INT64_MIN / 2};
    fake_http_lock(f->http);
    f->also = on_request;
    f->also_ctx = l;
    fake_http_unlock(f->http);
}

void fake_logs_free(struct fake_logs *l)
{
    for (size_t i = 0; i < l->n_events; i++)
        free(l->event[i].escaped);
    free(l->event);
    by_time_free(&l->order);
}

void fake_logs_event(struct fake_logs *l, int number, int64_t time, int64_t ingested)
{
    fake_http_lock(l->aws->http);
    if (!kt_grow(&l->event, &l->cap_events, l->n_events + 1, sizeof *l->event, EVENTS_MAX))
        abort();
    l->event[l->n_events++] = (struct fake_event){.time = time, .available = ingested, .number = number, .name = "CreateAccessKey",
                                                  .account = "111122223333"};
    fake_http_unlock(l->aws->http);
}

void fake_logs_fault(struct fake_logs *l, enum fake_fault fault)
{
    fake_http_lock(l->aws->http);
    if (l->n_faults < FAKE_FAULTS)
        l->fault[l->n_faults++] = fault;
    fake_http_unlock(l->aws->http);
}

void fake_logs_update(struct fake_logs *l, size_t first, size_t n)
{
    struct kt_buf text, message;
    kt_buf_init(&text, MESSAGE_MAX);
    kt_buf_init(&message, MESSAGE_MAX);
    kt_buf_addf(&text, "{\"sessionMetadata\":{\"sampled\":%s},\"sessionResults\":[", l->sampled ? "true" : "false");
    for (size_t i = 0; i < n; i++) {
        if (l->sampled && i % 2)
            continue;
        kt_buf_adds(&text, i ? "," : "");
        write_log_event(&text, &l->event[first + i], true);
    }
    kt_buf_adds(&text, "]}");
    fake_stream_message(&message, "event", "sessionUpdate", kt_buf_str(&text));
    if (l->damage)
        message.p[message.len / 2] ^= 4;
    l->damage = false;
    fake_http_push(l->aws->http, message.p, message.len, l->piece);
    kt_buf_free(&text);
    kt_buf_free(&message);
}

void fake_logs_end(struct fake_logs *l, const char *exception)
{
    struct kt_buf message;
    kt_buf_init(&message, 4096);
    if (exception) {
        fake_stream_message(&message, "exception", exception, "{\"message\":\"the session is over\"}");
        fake_http_push(l->aws->http, message.p, message.len, l->piece);
    }
    kt_buf_free(&message);
    fake_http_hang_up(l->aws->http, !exception);
}

/* --- storms ------------------------------------------------------------------------------------ */

static void trouble_it(struct trail_rig *r, struct fake_logs *l, bool live)
{
    static const enum fake_fault faults[] = {FAKE_THROTTLE, FAKE_500, FAKE_503_LATER, FAKE_EXPIRED_PAGE, FAKE_HTML,
                                             FAKE_DROP, FAKE_DROP_BODY, FAKE_EXPIRED_TOKEN, FAKE_FINE};
    enum fake_fault what = faults[rig_below(r, sizeof faults / sizeof *faults)];
    for (uint64_t n = rig_below(r, 5); n > 0; n--) {
        fake_logs_fault(l, FAKE_FINE);
        fake_logs_fault(l, what);
    }
    fake_http_lock(l->aws->http);
    l->empty_pages = rig_below(r, 2);
    l->page_life = rig_below(r, 3) ? 0 : 2;
    l->sampled = rig_below(r, 3) == 0;
    l->damage = rig_below(r, 6) == 0;
    l->piece = rig_below(r, 2) ? 1 + rig_below(r, 400) : 0;
    fake_http_unlock(l->aws->http);
    if (live && rig_below(r, 4) == 0)
        fake_logs_end(l, rig_below(r, 2) ? "SessionTimeoutException" : rig_below(r, 2) ? "SessionStreamingException" : NULL);
}

/* What was taken in since the last look, to those who listen. */
static void tell(struct trail_rig *r, struct fake_logs *l, int64_t since)
{
    if (!fake_http_streams(l->aws->http))
        return;
    for (size_t i = 0; i < l->n_events; i++)
        if (l->event[i].available > since && l->event[i].available <= r->now)
            fake_logs_update(l, i, 1);
}

void logs_storm(struct trail_rig *r, struct fake_logs *l, size_t n, int64_t span, bool live)
{
    const char *address = live ? "logs:" FAKE_GROUP "?interval=120&region=us-east-1&live=1" : "logs:" FAKE_GROUP "?interval=120&region=us-east-1";
    int64_t burst = r->start, told = r->start;
    r->streams = live;
    r->stride = 60000;
    for (size_t i = 0; i < n; i++) {
        if (rig_below(r, 4))
            burst = r->start + (int64_t)rig_below(r, (uint64_t)span); /* else of the same ms as the last one */
        for (int copy = 0; copy < 3; copy++)
            fake_logs_event(l, (int)i + 1, burst, burst + (int64_t)rig_below(r, rig_below(r, 10) ? 900000 : (uint64_t)(6 * HOUR)));
    }
    rig_open(r, address, true);
    while (r->now < r->start + span + 6 * HOUR) {
        rig_run(r, r->now + (int64_t)rig_below(r, live ? 20 * 60000 : 40 * 60000));
        if (live)
            tell(r, l, told);
        told = r->now;
        trouble_it(r, l, live);
        if (rig_below(r, 6) == 0) { /* killed, in the middle of what it does, and started again */
            for (uint64_t k = rig_below(r, 12); k > 0; k--)
                rig_step(r);
            rig_close(r);
            r->now += (int64_t)rig_below(r, (uint64_t)HOUR);
            rig_open(r, address, true);
        }
    }
    l->n_faults = 0;
    rig_run(r, r->now + 2 * HOUR);
}
