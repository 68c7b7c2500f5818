#include "detect/row.h"

#include "base/buf.h"

#include <stdio.h>

static const struct {
    const char *name, *header;
} fields[] = {
#define X(id, name, header) {name, header},
    KT_FIELDS(X)
#undef X
};

const char *kt_field_name(enum kt_field f)
{
    return (size_t)f < KT_FIELD_COUNT ? fields[f].name : "";
}

const char *kt_field_header(enum kt_field f)
{
    return (size_t)f < KT_FIELD_COUNT ? fields[f].header : "";
}

enum kt_field kt_field_find(struct kt_span name)
{
    static const struct {
        const char *name;
        enum kt_field f;
    } shorts[] = {{"actor", KT_FIELD_ACTOR_NAME},       {"user", KT_FIELD_ACTOR_NAME},
                  {"target", KT_FIELD_TARGET_NAME},     {"key", KT_FIELD_KEY_ID},
                  {"from", KT_FIELD_SOURCE_ADDRESS},    {"source", KT_FIELD_SOURCE_ADDRESS},
                  {"address", KT_FIELD_SOURCE_ADDRESS}, {"agent", KT_FIELD_AGENT_TEXT},
                  {"tool", KT_FIELD_AGENT_TOOL},        {"session", KT_FIELD_ACTOR_SESSION},
                  {"country", KT_FIELD_SOURCE_COUNTRY}, {"network", KT_FIELD_SOURCE_NETWORK},
                  {"aws", KT_FIELD_SOURCE_AWS},         {"error", KT_FIELD_ERROR_CODE},       {"via", KT_FIELD_ACTOR_VIA},
                  {"tag", KT_FIELD_TAGS}};
    for (size_t i = 0; i < KT_FIELD_COUNT; i++)
        if (kt_span_is(name, fields[i].name))
            return (enum kt_field)i;
    for (size_t i = 0; i < sizeof shorts / sizeof *shorts; i++)
        if (kt_span_is(name, shorts[i].name))
            return shorts[i].f;
    return KT_FIELD_COUNT;
}

/* --- a field as text ------------------------------------------------------------ */

static struct kt_span time_text(int64_t t, struct kt_arena *a)
{
    char text[KT_TIME_TEXT];
    size_t n = kt_time_format(t, text);
    return n ? kt_arena_span(a, (struct kt_span){text, n}) : KT_SPAN_NONE;
}

static struct kt_span number_text(uint64_t v, struct kt_arena *a)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%llu", (unsigned long long)v);
    return n > 0 ? kt_arena_span(a, (struct kt_span){text, (size_t)n}) : KT_SPAN_NONE;
}

static struct kt_span tri_text(enum kt_tri t)
{
    return t == KT_YES ? KT_LIT("true") : t == KT_NO ? KT_LIT("false") : KT_SPAN_NONE;
}

enum { LIST_MAX = 1 << 20 };

static void list_add(struct kt_buf *b, struct kt_span s)
{
    if (b->len)
        (void)kt_buf_addc(b, ',');
    (void)kt_buf_add(b, s.p, s.n);
}

/* Known and empty where there is nothing in it. A list that does not fit is
 * unknown rather than cut. */
static struct kt_span list_text(struct kt_buf *b, struct kt_arena *a)
{
    struct kt_span s = b->failed ? KT_SPAN_NONE : kt_arena_span(a, kt_buf_span(b));
    kt_buf_free(b);
    return s;
}

static struct kt_span signals_text(const struct kt_verdict *v, struct kt_arena *a)
{
    struct kt_buf b;
    kt_buf_init(&b, LIST_MAX);
    for (size_t i = 0; i < v->n_signals; i++)
        list_add(&b, v->signal[i].name);
    return list_text(&b, a);
}

static struct kt_span rules_text(const struct kt_verdict *v, struct kt_arena *a)
{
    struct kt_buf b;
    kt_buf_init(&b, LIST_MAX);
    for (size_t i = 0; i < v->n_rules; i++)
        list_add(&b, v->rule[i].id);
    return list_text(&b, a);
}

static struct kt_span flags_text(uint32_t flags, struct kt_arena *a)
{
    struct kt_buf b;
    kt_buf_init(&b, LIST_MAX);
    for (uint32_t i = 0; i < KT_FLAG_COUNT; i++)
        if (flags & 1u << i && kt_flag_name(1u << i))
            list_add(&b, kt_span_of(kt_flag_name(1u << i)));
    return list_text(&b, a);
}

static struct kt_span verdict_field(const struct kt_row *r, enum kt_field f, struct kt_arena *a)
{
    switch (f) {
    case KT_FIELD_RISK: return number_text((uint64_t)(r->verdict.risk > 0 ? r->verdict.risk : 0), a);
    case KT_FIELD_LEVEL: return kt_span_of(kt_level_name(r->verdict.level));
    case KT_FIELD_SIGNALS: return signals_text(&r->verdict, a);
    case KT_FIELD_RULES: return rules_text(&r->verdict, a);
    case KT_FIELD_WHY: return kt_span_of(r->verdict.why);
    default: return KT_SPAN_NONE;
    }
}

static struct kt_span actor_field(const struct kt_event *ev, enum kt_field f)
{
    switch (f) {
    case KT_FIELD_ACTOR_TYPE: return ev->actor.type;
    case KT_FIELD_ACTOR_NAME: return ev->actor.name;
    case KT_FIELD_ACTOR_ARN: return ev->actor.arn;
    case KT_FIELD_ACTOR_ACCOUNT: return ev->actor.account;
    case KT_FIELD_ACTOR_PRINCIPAL_ID: return ev->actor.principal_id;
    case KT_FIELD_ACTOR_SESSION: return ev->actor.session;
    case KT_FIELD_ACTOR_ACCESS_KEY_ID: return ev->actor.access_key_id;
    case KT_FIELD_ACTOR_MFA: return tri_text(ev->actor.mfa);
    case KT_FIELD_ACTOR_VIA: return ev->actor.via;
    default: return KT_SPAN_NONE;
    }
}

static struct kt_span event_field(const struct kt_event *ev, enum kt_field f, struct kt_arena *a)
{
    switch (f) {
    case KT_FIELD_TIME: return time_text(ev->time, a);
    case KT_FIELD_EVENT_ID: return ev->event_id;
    case KT_FIELD_EVENT_NAME: return ev->event_name;
    case KT_FIELD_EVENT_SOURCE: return ev->event_source;
    case KT_FIELD_RESULT: return kt_span_of(kt_result_name(ev->result));
    case KT_FIELD_ERROR_CODE: return ev->error_code;
    case KT_FIELD_ERROR_MESSAGE: return ev->error_message;
    case KT_FIELD_TARGET_NAME: return ev->target.name;
    case KT_FIELD_TARGET_ACCOUNT: return ev->target.account;
    case KT_FIELD_TARGET_SELF: return tri_text(ev->target.self);
    case KT_FIELD_TARGET_FROM: return kt_span_of(kt_target_from_name(ev->target.from));
    case KT_FIELD_KEY_ID: return ev->key.id;
    case KT_FIELD_KEY_STATUS: return ev->key.status;
    case KT_FIELD_KEY_CREATED: return time_text(ev->key.created, a);
    case KT_FIELD_SOURCE_ADDRESS: return ev->source.address;
    case KT_FIELD_SOURCE_KIND: return kt_span_of(kt_address_kind_name(ev->source.kind));
    case KT_FIELD_AGENT_TEXT: return ev->agent.text;
    case KT_FIELD_AGENT_TOOL: return ev->agent.tool;
    case KT_FIELD_AGENT_VERSION: return ev->agent.version;
    case KT_FIELD_AGENT_OS: return ev->agent.os;
    case KT_FIELD_AGENT_CLASS: return kt_span_of(kt_agent_class_name(ev->agent.cls));
    case KT_FIELD_ACCOUNT: return ev->account;
    case KT_FIELD_REGION: return ev->region;
    default: return actor_field(ev, f);
    }
}

/* Of malformed rows too. What nobody acknowledged is open. */
static struct kt_span triage_field(const struct kt_row_triage *t, enum kt_field f)
{
    switch (f) {
    case KT_FIELD_STATE: return t->acked ? KT_LIT("acknowledged") : KT_LIT("open");
    case KT_FIELD_TAGS: return t->tags;
    case KT_FIELD_ASSIGNED: return t->assigned;
    default: return t->note;
    }
}

struct kt_span kt_row_field(const struct kt_row *r, enum kt_field f, struct kt_arena *a)
{
    bool malformed = r->ev.kind == KT_KIND_MALFORMED;
    switch (f) {
    case KT_FIELD_KIND: return kt_span_of(kt_kind_name(r->ev.kind));
    case KT_FIELD_FLAGS: return flags_text(r->ev.flags, a);
    case KT_FIELD_SOURCE_COUNTRY: return r->where.country;
    case KT_FIELD_SOURCE_NETWORK: return r->where.network;
    case KT_FIELD_SOURCE_AWS: return r->where.aws;
    case KT_FIELD_ORIGIN_SOURCE: return r->origin.source;
    case KT_FIELD_ORIGIN_RECORD: return r->origin.record ? number_text(r->origin.record, a) : KT_SPAN_NONE;
    case KT_FIELD_STATE:
    case KT_FIELD_TAGS:
    case KT_FIELD_ASSIGNED:
    case KT_FIELD_NOTE: return triage_field(&r->triage, f);
    case KT_FIELD_RISK:
    case KT_FIELD_LEVEL:
    case KT_FIELD_SIGNALS:
    case KT_FIELD_RULES: return malformed ? KT_SPAN_NONE : verdict_field(r, f, a);
    case KT_FIELD_WHY: return malformed ? r->malformed.reason : verdict_field(r, f, a);
    default: return malformed ? KT_SPAN_NONE : event_field(&r->ev, f, a);
    }
}
