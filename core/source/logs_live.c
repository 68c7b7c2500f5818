/* logs: the live tail of a group (StartLiveTail): a session of at most three
 * hours that is told of events within a second, leaves some out where there are
 * many, and never repeats. So it is only ever faster than polling: each session
 * that begins, and each that ends, lets a window be asked for that reaches back
 * behind it. */
#include "source/logs.h"

#include "aws/eventstream.h"
#include "source/outer.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    FIRST_MS = 1000, WAIT_MAX = 60000, DENIED_MS = 600000,
    SESSION_MS = 11400 * 1000, /* three hours and ten minutes: the service ends it before */
    STALL_S = 120,             /* an update comes each second */
    SAMPLED_MS = 10000,        /* how long one that left out events counts */
    MESSAGES = 64,             /* that one step reads */
    SOON_MS = 60000,           /* a session that ends within it is not what one asked for */
    SOON_MAX = 3,              /* so many in a row are told */
    STREAM_MAX = 26 << 20      /* of a message */
};

#define NOT_THEIRS "no live tail: the answer is not CloudWatch's: is there a proxy that wants a login?"

static int64_t mono(const struct logs_live *v)
{
    return kt_aws_mono(v->logs->aws);
}

static void hang_up(struct logs_live *v)
{
    kt_aws_call_free(v->call);
    kt_keys_free(v->keys);
    v->call = NULL;
    v->keys = NULL;
    if (v->open)
        kt_poller_hurry(&v->logs->p);
    v->open = v->sampled = false;
}

void logs_live_drop(struct logs_live *v)
{
    kt_aws_call_free(v->call);
    kt_keys_free(v->keys);
    v->call = NULL;
    v->keys = NULL;
}

bool logs_live_whole(const struct logs *l)
{
    bool whole = l->a.live;
    for (size_t i = 0; i < l->n_patterns; i++)
        whole &= l->live[i].open && !l->live[i].sampled;
    return whole;
}

const char *logs_live_note(const struct logs *l)
{
    for (size_t i = 0; l->a.live && l->p.follow && i < l->n_patterns; i++) {
        if (l->live[i].says[0] && !l->live[i].open)
            return "no live tail: asking instead";
        if (l->live[i].sampled)
            return "the live tail leaves out events: asking as well";
    }
    return "";
}

/* There is none for now. It is no gap: what it would have said is asked for. */
static void try_later(struct logs_live *v, const char *says, int64_t at_least, const struct kt_source_sink *sink)
{
    struct logs *l = v->logs;
    int64_t wait = (int64_t)FIRST_MS << (v->failures < 6 ? v->failures : 6);
    wait = wait < WAIT_MAX ? wait : WAIT_MAX;
    wait = wait / 2 + (int64_t)((kt_aws_random(l->aws) >> 32) * (uint64_t)(wait / 2) >> 32);
    hang_up(v);
    v->failures++;
    v->wake = mono(v) + (wait > at_least ? wait : at_least);
    if (!says[0] || strcmp(v->says, says) == 0)
        return;
    snprintf(v->says, sizeof v->says, "%s", says);
    l->p.health.troubles++;
    sink->trouble(sink->ctx, l->p.name, v->says, false);
}

/* --- whose account it is: a live tail wants the group's ARN ------------------------------- */

static void take_account(struct logs *l, struct kt_span body)
{
    const char *p = memmem(body.p, body.n, "<Account>", 9);
    size_t n = p ? strspn(p + 9, "0123456789") : 0; /* a body ends with a NUL */
    if (n == 12)
        snprintf(l->account, sizeof l->account, "%.12s", p + 9);
}

/* GetCallerIdentity needs no permission. True: it is known. */
static bool find_arn(struct logs_live *v, const struct kt_source_sink *sink)
{
    struct logs *l = v->logs;
    const struct kt_keys *k = kt_creds_keys(l->creds);
    static const char body[] = "Action=GetCallerIdentity&Version=2011-06-15";
    if (!l->account[0] && k->account[0])
        snprintf(l->account, sizeof l->account, "%s", k->account);
    if (!l->arn[0] && l->account[0])
        snprintf(l->arn, sizeof l->arn, "arn:%s:logs:%s:%s:log-group:%s", kt_partition_of(l->region)->name, l->region, l->account,
                 l->a.group);
    if (l->arn[0])
        return true;
    if (!l->whose)
        l->whose = kt_aws_call_new(l->aws, l->net,
                                   &(struct kt_aws_request){.endpoint = &l->sts, .content_type = "application/x-www-form-urlencoded",
                                                            .body = {body, sizeof body - 1}, .keys = kt_creds_keys(l->creds)});
    const struct kt_aws_result *r = l->whose ? kt_aws_call_poll(l->whose, &v->wake) : NULL;
    if (r && r->end == KT_AWS_PENDING)
        return false;
    if (r && r->end == KT_AWS_OK)
        take_account(l, r->body);
    if (!l->account[0]) {
        char says[300];
        snprintf(says, sizeof says, "no live tail: whose account it is could not be learnt (%.160s); give the group's ARN",
                 r ? r->message : "out of memory");
        try_later(v, says, WAIT_MAX, sink);
    }
    kt_aws_call_free(l->whose);
    l->whose = NULL;
    return l->account[0] && find_arn(v, sink);
}

/* --- a session ------------------------------------------------------------------------------ */

static bool start(struct logs_live *v)
{
    struct logs *l = v->logs;
    struct kt_buf b;
    kt_buf_init(&b, 16 << 10);
    kt_buf_adds(&b, "{\"logGroupIdentifiers\":[");
    logs_json_string(&b, l->arn);
    kt_buf_addc(&b, ']');
    if (v->pattern) {
        kt_buf_adds(&b, ",\"logEventFilterPattern\":");
        logs_json_string(&b, v->pattern);
    }
    kt_buf_addc(&b, '}');
    v->keys = kt_keys_share(kt_creds_keys(l->creds));
    if (!b.failed)
        v->call = kt_aws_call_new(l->aws, l->net,
                                  &(struct kt_aws_request){.endpoint = &l->stream,
                                                           .content_type = "application/x-amz-json-1.1",
                                                           .target = "Logs_20140328.StartLiveTail",
                                                           .body = kt_buf_span(&b),
                                                           .keys = v->keys,
                                                           .max_body = STREAM_MAX,
                                                           .total_ms = SESSION_MS,
                                                           .stall_s = STALL_S,
                                                           .attempts = 1});
    kt_buf_free(&b);
    return v->call != NULL;
}

/* True: a session is asked for. */
static bool begin(struct logs_live *v, const struct kt_source_sink *sink)
{
    struct logs *l = v->logs;
    int64_t wake;
    switch (kt_creds_poll(l->creds, &wake)) {
    case KT_CREDS_WAITING:
        v->wake = wake;
        return false;
    case KT_CREDS_FAILED: /* polling says so */
        try_later(v, "", wake - mono(v), sink);
        return false;
    case KT_CREDS_READY:
        break;
    }
    if (!find_arn(v, sink))
        return false;
    if (start(v))
        return true;
    try_later(v, "no live tail: out of memory", 0, sink);
    return false;
}

static bool is_sampled(struct kt_span metadata)
{
    struct kt_outer o = kt_outer_of(metadata);
    struct kt_span name, value;
    while (kt_outer_next(&o, &name, &value))
        if (kt_span_is(name, "sampled"))
            return kt_span_is(value, "true");
    return false;
}

/* {"sessionMetadata":{"sampled":false},"sessionResults":[{"message":"{...}",...}]} */
static bool take_update(struct logs_live *v, struct kt_span payload, const struct kt_source_sink *sink)
{
    struct kt_poller *p = &v->logs->p;
    struct kt_outer o = kt_outer_of(payload);
    struct kt_span name, value, results = KT_SPAN_NONE;
    bool sampled = false, was = v->sampled;
    while (kt_outer_next(&o, &name, &value)) {
        if (kt_span_is(name, "sessionMetadata"))
            sampled = is_sampled(value);
        else if (kt_span_is(name, "sessionResults"))
            results = value;
    }
    if (sampled)
        v->sampled_at = mono(v);
    v->sampled = sampled || (was && mono(v) - v->sampled_at < SAMPLED_MS);
    if (v->sampled != was) /* what it left out is asked for */
        kt_poller_hurry(p);
    if (!p->ailing)
        p->answered = kt_aws_now(p->aws);
    if (results.n <= 2)
        return true; /* [] */
    bool going = kt_poller_feed(p, results, sink);
    kt_poller_end(p, sink);
    return going;
}

/* False: it has ended. */
static bool take_message(struct logs_live *v, const struct kt_stream_message *m, const struct kt_source_sink *sink)
{
    char says[300];
    if (kt_span_is(m->kind, "event")) {
        if (kt_span_is(m->type, "sessionStart")) {
            v->open = true;
            v->opened = mono(v);
            kt_poller_hurry(&v->logs->p); /* what came before it, and since the last one ended */
        } else if (kt_span_is(m->type, "sessionUpdate")) {
            return take_update(v, m->payload, sink);
        }
        return true;
    }
    if (kt_span_is(m->type, "SessionTimeoutException")) { /* after three hours */
        hang_up(v);
        v->wake = 0;
        return false;
    }
    struct kt_span why = m->text.p ? m->text : m->payload;
    snprintf(says, sizeof says, "the live tail ended: %.*s %.*s", (int)(m->type.n < 80 ? m->type.n : 80), m->type.p ? m->type.p : "",
             (int)(why.n < 160 ? why.n : 160), why.p ? why.p : "");
    try_later(v, says, 0, sink);
    return false;
}

/* What is there of it. False: it has ended. `*more`: there is more at once. */
static bool read_messages(struct logs_live *v, bool *more, const struct kt_source_sink *sink)
{
    struct kt_stream_message m;
    size_t used;
    for (int i = 0; i < MESSAGES; i++) {
        struct kt_span part = kt_aws_call_part(v->call);
        enum kt_stream_got got = part.p ? kt_stream_read(part, &m, &used) : KT_STREAM_MORE;
        if (got == KT_STREAM_MORE)
            return true;
        if (got == KT_STREAM_CORRUPT) {
            try_later(v, v->open ? "the live tail was damaged on its way: begun anew" : NOT_THEIRS, 0, sink);
            return false;
        }
        if (!take_message(v, &m, sink))
            return false;
        kt_aws_call_take(v->call, used);
    }
    *more = true;
    return true;
}

/* The answer has ended, in whatever way. */
static void ended(struct logs_live *v, const struct kt_aws_result *r, const struct kt_source_sink *sink)
{
    char says[300];
    bool was_open = v->open, denied = r->end == KT_AWS_DENIED;
    if (r->end == KT_AWS_CREDENTIALS)
        kt_creds_refused(v->logs->creds, v->keys);
    snprintf(says, sizeof says, "no live tail: %.60s%s%.140s%s", r->code, r->code[0] ? ": " : "", r->message,
             denied ? " (what it needs: keytop --print-policy 'logs:GROUP?live=1')" : "");
    if (r->end == KT_AWS_OK)
        snprintf(says, sizeof says, "%s", NOT_THEIRS);
    if (was_open && v->failures >= SOON_MAX)
        snprintf(says, sizeof says, "no live tail for long: each session ends soon after it begins (%.140s)", r->message);
    else if (was_open || r->end == KT_AWS_CREDENTIALS)
        says[0] = '\0'; /* a connection that breaks now and then is begun anew, without a word */
    try_later(v, says, denied || r->end == KT_AWS_REFUSED ? DENIED_MS : 0, sink);
}

bool logs_live_step(struct logs_live *v, const struct kt_source_sink *sink)
{
    bool more = false;
    int64_t wake = 0;
    if (v->wake && mono(v) < v->wake)
        return false;
    v->wake = 0;
    if (v->sampled && mono(v) - v->sampled_at >= SAMPLED_MS)
        v->sampled = false;
    if (v->open && v->failures && mono(v) - v->opened >= SOON_MS) {
        v->failures = 0;
        v->says[0] = '\0';
    }
    if (!v->call && !begin(v, sink))
        return false;
    const struct kt_aws_result *r = kt_aws_call_poll(v->call, &wake);
    if (!read_messages(v, &more, sink))
        return false;
    if (more || r->end == KT_AWS_PENDING) {
        v->wake = more ? 0 : wake;
        return more;
    }
    ended(v, r, sink);
    return false;
}
