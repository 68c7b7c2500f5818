#include "base/hash.h"
#include "output/json.h"
#include "output/impl.h"
#include "text/text.h"

static void outcome(struct kt_buf *b, const struct kt_event *ev)
{
    json_word(b, "result", kt_result_name(ev->result));
    if (!kt_span_known(ev->error_code) && !kt_span_known(ev->error_message)) {
        json_word(b, "error", NULL);
        return;
    }
    json_open_map(b, "error");
    json_text(b, "code", ev->error_code);
    json_text(b, "message", ev->error_message);
    json_shut(b);
}

static void actor(struct kt_buf *b, const struct kt_event *ev)
{
    json_open_map(b, "actor");
    json_text(b, "type", ev->actor.type);
    json_text(b, "name", ev->actor.name);
    json_text(b, "arn", ev->actor.arn);
    json_text(b, "account", ev->actor.account);
    json_text(b, "principal_id", ev->actor.principal_id);
    json_text(b, "session", ev->actor.session);
    json_text(b, "access_key_id", ev->actor.access_key_id);
    json_tri(b, "mfa", ev->actor.mfa);
    json_text(b, "via", ev->actor.via);
    json_shut(b);
}

static void target_and_key(struct kt_buf *b, const struct kt_event *ev)
{
    json_open_map(b, "target");
    json_text(b, "name", ev->target.name);
    json_text(b, "account", ev->target.account);
    json_tri(b, "self", ev->target.self);
    json_word(b, "from", kt_target_from_name(ev->target.from));
    json_shut(b);
    json_open_map(b, "key");
    json_text(b, "id", ev->key.id);
    json_text(b, "status", ev->key.status);
    json_time(b, "created", ev->key.created);
    json_shut(b);
}

static void source_and_agent(struct kt_buf *b, const struct kt_row *r)
{
    const struct kt_event *ev = &r->ev;
    json_open_map(b, "source");
    json_text(b, "address", ev->source.address);
    json_word(b, "kind", kt_address_kind_name(ev->source.kind));
    if (r->where.asked) {
        json_text(b, "country", r->where.country);
        json_text(b, "network", r->where.network);
        json_text(b, "aws", r->where.aws);
    }
    json_shut(b);
    json_open_map(b, "agent");
    json_text(b, "text", ev->agent.text);
    json_text(b, "tool", ev->agent.tool);
    json_text(b, "version", ev->agent.version);
    json_text(b, "os", ev->agent.os);
    json_word(b, "class", kt_agent_class_name(ev->agent.cls));
    json_shut(b);
}

static void verdict(struct kt_buf *b, const struct kt_verdict *v)
{
    json_number(b, "risk", v->risk > 0 ? (uint64_t)v->risk : 0);
    json_word(b, "level", kt_level_name(v->level));
    json_key(b, "signals");
    (void)kt_buf_addc(b, '[');
    for (size_t i = 0; i < v->n_signals; i++) {
        json_comma(b);
        (void)kt_text_json(b, v->signal[i].name);
    }
    (void)kt_buf_addc(b, ']');
    json_key(b, "rules");
    (void)kt_buf_addc(b, '[');
    for (size_t i = 0; i < v->n_rules; i++) {
        json_comma(b);
        (void)kt_text_json(b, v->rule[i].id);
    }
    (void)kt_buf_addc(b, ']');
}

static void flags(struct kt_buf *b, uint32_t f)
{
    json_key(b, "flags");
    (void)kt_buf_addc(b, '[');
    for (uint32_t i = 0; i < KT_FLAG_COUNT; i++) {
        if (!(f & 1u << i) || !kt_flag_name(1u << i))
            continue;
        json_comma(b);
        (void)kt_text_json(b, kt_span_of(kt_flag_name(1u << i)));
    }
    (void)kt_buf_addc(b, ']');
}

void output_verdict(struct kt_buf *b, const struct kt_row *r)
{
    verdict(b, &r->verdict);
    flags(b, r->ev.flags);
}

static void origin(struct kt_buf *b, const struct kt_row *r)
{
    json_open_map(b, "origin");
    json_text(b, "source", r->origin.source);
    json_number(b, "record", r->origin.record);
    json_shut(b);
}

static void malformed(struct kt_buf *b, const struct kt_row *r)
{
    char hex[KT_SHA256_HEX + 1];
    kt_hex(r->malformed.sha256, sizeof r->malformed.sha256, hex);
    json_word(b, "kind", "malformed");
    origin(b, r);
    json_text(b, "reason", r->malformed.reason);
    json_number(b, "bytes", r->malformed.bytes);
    json_word(b, "sha256", hex);
}

static void event(struct kt_buf *b, const struct kt_row *r)
{
    const struct kt_event *ev = &r->ev;
    json_word(b, "kind", kt_kind_name(ev->kind));
    json_time(b, "time", ev->time);
    json_text(b, "event_id", ev->event_id);
    json_text(b, "event_name", ev->event_name);
    json_text(b, "event_source", ev->event_source);
    outcome(b, ev);
    actor(b, ev);
    target_and_key(b, ev);
    source_and_agent(b, r);
    json_text(b, "account", ev->account);
    json_text(b, "region", ev->region);
    output_verdict(b, r);
    origin(b, r);
}

bool kt_jsonl_row(struct kt_buf *b, const struct kt_row *r)
{
    (void)kt_buf_addc(b, '{');
    if (r->ev.kind == KT_KIND_MALFORMED)
        malformed(b, r);
    else
        event(b, r);
    json_shut(b);
    return !b->failed;
}
