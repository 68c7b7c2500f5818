#include "base/hash.h"
#include "output/output.h"
#include "text/text.h"

/* A comma where something stands before in this object or list. */
static void comma(struct kt_buf *b)
{
    if (b->len && b->p[b->len - 1] != '{' && b->p[b->len - 1] != '[')
        (void)kt_buf_addc(b, ',');
}

static void key(struct kt_buf *b, const char *name)
{
    comma(b);
    (void)kt_buf_addf(b, "\"%s\":", name);
}

static void text(struct kt_buf *b, const char *name, struct kt_span s)
{
    key(b, name);
    (void)kt_text_json(b, s);
}

/* NULL is null. */
static void word(struct kt_buf *b, const char *name, const char *s)
{
    text(b, name, kt_span_of(s));
}

static void number(struct kt_buf *b, const char *name, uint64_t v)
{
    key(b, name);
    (void)kt_buf_addf(b, "%llu", (unsigned long long)v);
}

static void time_of(struct kt_buf *b, const char *name, int64_t t)
{
    char s[KT_TIME_TEXT];
    size_t n = kt_time_format(t, s);
    text(b, name, n ? (struct kt_span){s, n} : KT_SPAN_NONE);
}

static void tri(struct kt_buf *b, const char *name, enum kt_tri t)
{
    key(b, name);
    (void)kt_buf_adds(b, t == KT_YES ? "true" : t == KT_NO ? "false" : "null");
}

static void open(struct kt_buf *b, const char *name)
{
    key(b, name);
    (void)kt_buf_addc(b, '{');
}

static void shut(struct kt_buf *b)
{
    (void)kt_buf_addc(b, '}');
}

static void outcome(struct kt_buf *b, const struct kt_event *ev)
{
    word(b, "result", kt_result_name(ev->result));
    if (!kt_span_known(ev->error_code) && !kt_span_known(ev->error_message)) {
        word(b, "error", NULL);
        return;
    }
    open(b, "error");
    text(b, "code", ev->error_code);
    text(b, "message", ev->error_message);
    shut(b);
}

static void actor(struct kt_buf *b, const struct kt_event *ev)
{
    open(b, "actor");
    text(b, "type", ev->actor.type);
    text(b, "name", ev->actor.name);
    text(b, "arn", ev->actor.arn);
    text(b, "account", ev->actor.account);
    text(b, "principal_id", ev->actor.principal_id);
    text(b, "session", ev->actor.session);
    text(b, "access_key_id", ev->actor.access_key_id);
    tri(b, "mfa", ev->actor.mfa);
    text(b, "via", ev->actor.via);
    shut(b);
}

static void target_and_key(struct kt_buf *b, const struct kt_event *ev)
{
    open(b, "target");
    text(b, "name", ev->target.name);
    text(b, "account", ev->target.account);
    tri(b, "self", ev->target.self);
    word(b, "from", kt_target_from_name(ev->target.from));
    shut(b);
    open(b, "key");
    text(b, "id", ev->key.id);
    text(b, "status", ev->key.status);
    time_of(b, "created", ev->key.created);
    shut(b);
}

static void source_and_agent(struct kt_buf *b, const struct kt_row *r)
{
    const struct kt_event *ev = &r->ev;
    open(b, "source");
    text(b, "address", ev->source.address);
    word(b, "kind", kt_address_kind_name(ev->source.kind));
    if (r->where.asked) {
        text(b, "country", r->where.country);
        text(b, "network", r->where.network);
        text(b, "aws", r->where.aws);
    }
    shut(b);
    open(b, "agent");
    text(b, "text", ev->agent.text);
    text(b, "tool", ev->agent.tool);
    text(b, "version", ev->agent.version);
    text(b, "os", ev->agent.os);
    word(b, "class", kt_agent_class_name(ev->agent.cls));
    shut(b);
}

static void verdict(struct kt_buf *b, const struct kt_verdict *v)
{
    number(b, "risk", v->risk > 0 ? (uint64_t)v->risk : 0);
    word(b, "level", kt_level_name(v->level));
    key(b, "signals");
    (void)kt_buf_addc(b, '[');
    for (size_t i = 0; i < v->n_signals; i++) {
        comma(b);
        (void)kt_text_json(b, v->signal[i].name);
    }
    (void)kt_buf_addc(b, ']');
    key(b, "rules");
    (void)kt_buf_addc(b, '[');
    for (size_t i = 0; i < v->n_rules; i++) {
        comma(b);
        (void)kt_text_json(b, v->rule[i].id);
    }
    (void)kt_buf_addc(b, ']');
}

static void flags(struct kt_buf *b, uint32_t f)
{
    key(b, "flags");
    (void)kt_buf_addc(b, '[');
    for (uint32_t i = 0; i < KT_FLAG_COUNT; i++) {
        if (!(f & 1u << i) || !kt_flag_name(1u << i))
            continue;
        comma(b);
        (void)kt_text_json(b, kt_span_of(kt_flag_name(1u << i)));
    }
    (void)kt_buf_addc(b, ']');
}

static void origin(struct kt_buf *b, const struct kt_row *r)
{
    open(b, "origin");
    text(b, "source", r->origin.source);
    number(b, "record", r->origin.record);
    shut(b);
}

static void malformed(struct kt_buf *b, const struct kt_row *r)
{
    char hex[KT_SHA256_HEX + 1];
    kt_hex(r->malformed.sha256, sizeof r->malformed.sha256, hex);
    word(b, "kind", "malformed");
    origin(b, r);
    text(b, "reason", r->malformed.reason);
    number(b, "bytes", r->malformed.bytes);
    word(b, "sha256", hex);
}

static void event(struct kt_buf *b, const struct kt_row *r)
{
    const struct kt_event *ev = &r->ev;
    word(b, "kind", kt_kind_name(ev->kind));
    time_of(b, "time", ev->time);
    text(b, "event_id", ev->event_id);
    text(b, "event_name", ev->event_name);
    text(b, "event_source", ev->event_source);
    outcome(b, ev);
    actor(b, ev);
    target_and_key(b, ev);
    source_and_agent(b, r);
    text(b, "account", ev->account);
    text(b, "region", ev->region);
    verdict(b, &r->verdict);
    flags(b, ev->flags);
    origin(b, r);
}

bool kt_jsonl_row(struct kt_buf *b, const struct kt_row *r)
{
    (void)kt_buf_addc(b, '{');
    if (r->ev.kind == KT_KIND_MALFORMED)
        malformed(b, r);
    else
        event(b, r);
    shut(b);
    return !b->failed;
}
