/* A row's facts to fixed integers and back. */
#include "store/impl.h"

#include "base/hash.h"

#include <string.h>

/* --- event ids ------------------------------------------------------------ */

static bool is_dash(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

/* Lower case only: other spellings are kept as they stand, as texts. */
bool uuid_pack(struct kt_span s, uint8_t out[16])
{
    if (!s.p || s.n != UUID_TEXT)
        return false;
    size_t digit = 0;
    memset(out, 0, 16);
    for (size_t i = 0; i < UUID_TEXT; i++) {
        if (is_dash(i)) {
            if (s.p[i] != '-')
                return false;
            continue;
        }
        int v = kt_hex_value(s.p[i]);
        if (v < 0)
            return false;
        out[digit / 2] = (uint8_t)(out[digit / 2] << 4 | v);
        digit++;
    }
    return true;
}

struct kt_span uuid_text(const uint8_t in[16], char out[UUID_TEXT])
{
    static const char hex[] = "0123456789abcdef";
    size_t digit = 0;
    for (size_t i = 0; i < UUID_TEXT; i++) {
        if (is_dash(i)) {
            out[i] = '-';
            continue;
        }
        out[i] = hex[digit & 1 ? in[digit / 2] & 15 : in[digit / 2] >> 4];
        digit++;
    }
    return (struct kt_span){out, UUID_TEXT};
}

static uint32_t id_text(const struct packed *p)
{
    uint32_t id;
    memcpy(&id, p->id, sizeof id);
    return id;
}

struct kt_span unpack_id(const struct kt_store *s, const struct packed *p, char id[UUID_TEXT])
{
    switch (p->id_form) {
    case ID_UUID: return uuid_text(p->id, id);
    case ID_TEXT: return sym_span(&s->tab[T_TEXT], id_text(p));
    default: return KT_SPAN_NONE;
    }
}

enum { VERDICT_MAX = 6 + 2 * (KT_RULES_MATCHED_MAX + KT_SIGNALS_MAX) };

/* --- references -------------------------------------------------------------- */

static uint32_t text(struct kt_store *s, struct kt_span t, bool *ok)
{
    if (!t.p || !*ok)
        return 0;
    uint32_t id = sym_intern(&s->tab[T_TEXT], t.p, t.n, 0, NULL);
    *ok = id != 0;
    return id;
}

static void drop_text(struct kt_store *s, uint32_t id)
{
    if (sym_release(&s->tab[T_TEXT], id))
        sym_remove(&s->tab[T_TEXT], id);
}

static void drop_texts(struct kt_store *s, const uint32_t *id, size_t n)
{
    for (size_t i = 0; i < n; i++)
        drop_text(s, id[i]);
}

/* The texts among a tuple's members. */
static void tuple_texts(enum table t, const uint32_t *m, size_t *from, size_t *n)
{
    static const size_t count[TABLES] = {
        [T_ACTOR] = 8, [T_AGENT] = 4, [T_PLACE] = 6, [T_ERROR] = 2, [T_WHERE] = 3, [T_ORIGIN] = 3, [T_TRIAGE] = 4};
    const struct t_verdict *v = (const struct t_verdict *)m;
    *from = t == T_VERDICT ? sizeof *v / sizeof *m : 0;
    *n = t == T_VERDICT ? 2 + v->n_rules + v->n_signals : count[t];
}

/* Takes over the references that the members hold. */
static uint32_t tuple(struct kt_store *s, enum table t, const void *members, size_t size, size_t extra, bool *ok,
                      bool *fresh)
{
    size_t from, n;
    bool is_new = false;
    uint32_t id = *ok ? sym_intern(&s->tab[t], members, size, extra, &is_new) : 0;
    *ok = id != 0;
    if (!is_new) {
        tuple_texts(t, members, &from, &n);
        drop_texts(s, (const uint32_t *)members + from, n);
    }
    if (fresh)
        *fresh = is_new;
    return id;
}

static void drop_tuple(struct kt_store *s, enum table t, uint32_t id)
{
    if (!sym_release(&s->tab[t], id))
        return;
    uint32_t held[VERDICT_MAX]; /* the largest tuple there is */
    const struct sym *y = sym_at(&s->tab[t], id);
    memcpy(held, y->bytes, y->len);
    sym_remove(&s->tab[t], id);
    size_t from, n;
    tuple_texts(t, held, &from, &n);
    drop_texts(s, held + from, n);
}
_Static_assert(sizeof(struct t_actor) <= sizeof(uint32_t) * VERDICT_MAX, "held[] is too small");

/* What stands behind a tuple. */
static void *extra_of(const struct kt_store *s, enum table t, uint32_t id)
{
    struct sym *y = sym_at(&s->tab[t], id);
    return y->bytes + y->len;
}

const struct t_actor_entities *actor_entities(const struct kt_store *s, uint32_t actor)
{
    static const struct t_actor_entities none;
    return actor ? extra_of(s, T_ACTOR, actor) : &none;
}

kt_entity agent_entity(const struct kt_store *s, uint32_t agent)
{
    return agent ? *(const kt_entity *)extra_of(s, T_AGENT, agent) : 0;
}

/* --- packing ---------------------------------------------------------------- */

static kt_entity get(struct kt_store *s, enum kt_entity_kind k, int sub, uint32_t name, uint32_t account,
                     uint32_t type, bool *ok)
{
    if (!name || !*ok)
        return 0;
    kt_entity e = ent_get(s, k, sub, name, account, type);
    *ok = e != 0;
    return e;
}

static kt_entity get_key(struct kt_store *s, struct kt_span name, uint32_t account, bool *ok)
{
    if (!name.p || !*ok)
        return 0;
    kt_entity e = ent_get_key(s, name, account);
    *ok = e != 0;
    return e;
}

static void pack_actor(struct kt_store *s, const struct kt_event *ev, struct packed *p, bool *ok)
{
    struct t_actor t = {
        .type = text(s, ev->actor.type, ok),
        .name = text(s, ev->actor.name, ok),
        .arn = text(s, ev->actor.arn, ok),
        .account = text(s, ev->actor.account, ok),
        .principal_id = text(s, ev->actor.principal_id, ok),
        .session = text(s, ev->actor.session, ok),
        .access_key_id = text(s, ev->actor.access_key_id, ok),
        .via = text(s, ev->actor.via, ok),
        .mfa = ev->actor.mfa,
    };
    bool fresh;
    p->actor = tuple(s, T_ACTOR, &t, sizeof t, sizeof(struct t_actor_entities), ok, &fresh);
    if (!fresh)
        return;
    struct t_actor_entities *e = extra_of(s, T_ACTOR, p->actor);
    e->user = get(s, KT_ENTITY_USER, 0, t.name, t.account, t.type, ok);
    e->key = get_key(s, ev->actor.access_key_id, t.account, ok);
}

/* "boto3 1.28.0"; the text where the tool is not known. */
static kt_entity get_agent(struct kt_store *s, const struct kt_agent *a, uint32_t whole, bool *ok)
{
    uint32_t type = text(s, kt_span_of(kt_agent_class_name(a->cls)), ok);
    kt_entity e = 0;
    char name[160];
    if (a->tool.p && a->tool.n && a->tool.n + a->version.n + 1 < sizeof name) {
        size_t n = a->tool.n;
        memcpy(name, a->tool.p, n);
        if (a->version.n) {
            name[n++] = ' ';
            memcpy(name + n, a->version.p, a->version.n);
            n += a->version.n;
        }
        uint32_t id = text(s, (struct kt_span){name, n}, ok);
        e = get(s, KT_ENTITY_AGENT, 1, id, 0, type, ok);
        drop_text(s, id);
    } else {
        e = get(s, KT_ENTITY_AGENT, 0, whole, 0, type, ok);
    }
    drop_text(s, type);
    return e;
}

static void pack_agent(struct kt_store *s, const struct kt_event *ev, struct packed *p, bool *ok)
{
    struct t_agent t = {
        .text = text(s, ev->agent.text, ok),
        .tool = text(s, ev->agent.tool, ok),
        .version = text(s, ev->agent.version, ok),
        .os = text(s, ev->agent.os, ok),
        .cls = ev->agent.cls,
    };
    bool fresh;
    p->agent = tuple(s, T_AGENT, &t, sizeof t, sizeof(kt_entity), ok, &fresh);
    if (fresh)
        *(kt_entity *)extra_of(s, T_AGENT, p->agent) = get_agent(s, &ev->agent, t.text, ok);
}

static void pack_target(struct kt_store *s, const struct kt_event *ev, struct packed *p, bool *ok)
{
    if (!ev->target.name.p || !*ok)
        return;
    if (ev->target.self == KT_YES && kt_span_eq(ev->target.name, ev->actor.name)) {
        p->target = actor_entities(s, p->actor)->user;
        return;
    }
    uint32_t name = text(s, ev->target.name, ok), account = text(s, ev->target.account, ok);
    uint32_t type = text(s, KT_LIT("IAMUser"), ok);
    p->target = get(s, KT_ENTITY_USER, 0, name, account, type, ok);
    drop_texts(s, (const uint32_t[]){name, account, type}, 3);
}

static void pack_address(struct kt_store *s, const struct kt_event *ev, struct packed *p, bool *ok)
{
    uint32_t name = text(s, ev->source.address, ok);
    uint32_t type = name ? text(s, kt_span_of(kt_address_kind_name(ev->source.kind)), ok) : 0;
    p->address = get(s, KT_ENTITY_ADDRESS, 0, name, 0, type, ok);
    p->address_kind = ev->source.kind & 3;
    drop_texts(s, (const uint32_t[]){name, type}, 2);
}

static void pack_where(struct kt_store *s, const struct kt_row *r, struct packed *p, bool *ok)
{
    if (!r->where.asked)
        return;
    struct t_where t = {text(s, r->where.country, ok), text(s, r->where.network, ok), text(s, r->where.aws, ok)};
    p->where = tuple(s, T_WHERE, &t, sizeof t, 0, ok, NULL);
}

static void pack_key(struct kt_store *s, const struct kt_event *ev, struct packed *p, bool *ok)
{
    uint32_t account = ev->key.id.p ? text(s, ev->target.account, ok) : 0;
    p->key = get_key(s, ev->key.id, account, ok);
    p->created = ev->key.created;
    drop_text(s, account);
}

/* Of each piece of evidence: the signal's place, the time, the event's id. */
enum { EVIDENCE_ID_MAX = 128, EVIDENCE_ONE = 1 + 8 + 1 + EVIDENCE_ID_MAX, ID_UNKNOWN = 255 };

static size_t put_evidence(char *out, size_t signal, const struct kt_evidence *e)
{
    size_t n = e->event_id.n;
    bool known = e->event_id.p && n <= EVIDENCE_ID_MAX;
    out[0] = (char)signal;
    memcpy(out + 1, &e->time, 8);
    out[9] = known ? (char)n : (char)ID_UNKNOWN;
    if (!known)
        return 10;
    if (n)
        memcpy(out + 10, e->event_id.p, n);
    return 10 + n;
}

static uint32_t pack_evidence(struct kt_store *s, const struct kt_verdict *v, size_t n_signals, bool *ok)
{
    char bytes[KT_SIGNALS_MAX * KT_EVIDENCE_MAX * EVIDENCE_ONE];
    size_t n = 0;
    for (size_t i = 0; i < n_signals; i++)
        for (size_t k = 0; k < v->signal[i].n_evidence && k < KT_EVIDENCE_MAX; k++)
            n += put_evidence(bytes + n, i, &v->signal[i].evidence[k]);
    if (!n || !*ok)
        return 0;
    uint32_t id = sym_intern(&s->tab[T_EVIDENCE], bytes, n, 0, NULL);
    *ok = id != 0;
    return id;
}

static void pack_verdict(struct kt_store *s, const struct kt_verdict *v, struct packed *p, bool *ok)
{
    uint32_t m[VERDICT_MAX];
    struct t_verdict t = {(uint32_t)v->risk, v->level,
                          (uint32_t)(v->n_rules < KT_RULES_MATCHED_MAX ? v->n_rules : KT_RULES_MATCHED_MAX),
                          (uint32_t)(v->n_signals < KT_SIGNALS_MAX ? v->n_signals : KT_SIGNALS_MAX)};
    memcpy(m, &t, sizeof t);
    size_t n = sizeof t / sizeof *m;
    m[n++] = text(s, v->filter, ok);
    m[n++] = text(s, v->filtered, ok);
    for (size_t i = 0; i < t.n_rules; i++)
        m[n++] = text(s, v->rule[i].id, ok);
    for (size_t i = 0; i < t.n_signals; i++)
        m[n++] = text(s, v->signal[i].name, ok);
    for (size_t i = 0; i < t.n_rules; i++)
        m[n++] = (uint32_t)v->rule[i].risk << 1 | v->rule[i].correlation;
    for (size_t i = 0; i < t.n_signals; i++)
        m[n++] = (uint32_t)v->signal[i].weight;
    p->verdict = tuple(s, T_VERDICT, m, n * sizeof *m, 0, ok, NULL);
    p->why = v->why[0] ? text(s, (struct kt_span){v->why, strnlen(v->why, sizeof v->why)}, ok) : 0;
    p->evidence = pack_evidence(s, v, t.n_signals, ok);
    p->level = v->level & 7;
    /* who asks for all that somebody did means all */
    p->suppressed = kt_verdict_suppressed(v) && !(p->flags & KT_FLAG_ASKED);
}

static void drop_verdict(struct kt_store *s, const struct packed *p)
{
    drop_tuple(s, T_VERDICT, p->verdict);
    drop_text(s, p->why);
    if (sym_release(&s->tab[T_EVIDENCE], p->evidence))
        sym_remove(&s->tab[T_EVIDENCE], p->evidence);
}

bool pack_revise(struct kt_store *s, uint64_t seq, const struct kt_verdict *v, struct packed *p)
{
    struct packed old = *p;
    bool ok = true;
    pack_verdict(s, v, p, &ok);
    ok = ok && row_put_verdict(s, seq, p);
    drop_verdict(s, ok ? &old : p);
    if (!ok)
        *p = old;
    return ok;
}

static void pack_id(struct kt_store *s, struct kt_span event_id, struct packed *p, bool *ok)
{
    if (uuid_pack(event_id, p->id)) {
        p->id_form = ID_UUID;
    } else if (event_id.p) {
        uint32_t id = text(s, event_id, ok);
        memset(p->id, 0, sizeof p->id);
        memcpy(p->id, &id, sizeof id);
        p->id_form = id ? ID_TEXT : ID_NONE;
    }
}

static void pack_event(struct kt_store *s, const struct kt_row *r, struct packed *p, bool *ok)
{
    const struct kt_event *ev = &r->ev;
    p->time = ev->time;
    p->result = ev->result & 7;
    p->self = ev->target.self & 3;
    p->from = ev->target.from & 7;
    pack_actor(s, ev, p, ok);
    pack_agent(s, ev, p, ok);
    pack_target(s, ev, p, ok);
    pack_address(s, ev, p, ok);
    pack_where(s, r, p, ok);
    pack_key(s, ev, p, ok);
    struct t_place place = {text(s, ev->event_name, ok), text(s, ev->event_source, ok), text(s, ev->account, ok),
                            text(s, ev->region, ok), text(s, ev->target.account, ok), text(s, ev->key.status, ok)};
    p->place = tuple(s, T_PLACE, &place, sizeof place, 0, ok, NULL);
    struct t_error error = {text(s, ev->error_code, ok), text(s, ev->error_message, ok)};
    p->error = tuple(s, T_ERROR, &error, sizeof error, 0, ok, NULL);
    pack_verdict(s, &r->verdict, p, ok);
    pack_id(s, ev->event_id, p, ok);
}

/* Enough to know it again. */
static void pack_seen(struct kt_store *s, const struct kt_row *r, struct packed *p, bool *ok)
{
    p->time = r->ev.time;
    p->created = KT_TIME_NONE;
    p->result = r->ev.result & 7;
    p->suppressed = kt_verdict_suppressed(&r->verdict) && !(p->flags & KT_FLAG_ASKED);
    pack_id(s, r->ev.event_id, p, ok);
}

static void pack_bad(struct kt_store *s, const struct kt_row *r, struct packed *p, bool *ok)
{
    p->time = KT_TIME_NONE;
    p->bad = *ok ? mem_zero(&s->mem, sizeof *p->bad) : NULL;
    if (!p->bad) {
        *ok = false;
        return;
    }
    p->bad->bytes = r->malformed.bytes;
    memcpy(p->bad->sha256, r->malformed.sha256, sizeof p->bad->sha256);
    p->bad->names_event = r->malformed.names_event;
    p->bad->reason = text(s, r->malformed.reason, ok);
}

bool pack_row(struct kt_store *s, const struct kt_row *r, struct packed *p)
{
    bool ok = true;
    p->kind = r->ev.kind & 15;
    p->flags = r->ev.flags;
    p->record = r->origin.record;
    if (r->ev.kind == KT_KIND_MALFORMED)
        pack_bad(s, r, p, &ok);
    else if (s->only_seen)
        pack_seen(s, r, p, &ok);
    else
        pack_event(s, r, p, &ok);
    if (s->only_seen && r->ev.kind != KT_KIND_MALFORMED) {
        if (!ok)
            pack_release(s, p);
        return ok;
    }
    struct t_origin origin = {text(s, r->origin.source, &ok), text(s, r->origin.name, &ok),
                              text(s, r->origin.address, &ok)};
    p->origin = tuple(s, T_ORIGIN, &origin, sizeof origin, 0, &ok, NULL);
    if (!ok)
        pack_release(s, p);
    return ok;
}

void pack_release(struct kt_store *s, struct packed *p)
{
    /* entities that were made for this row and that no row came to touch */
    struct touched t;
    row_touched(s, p, &t);
    for (size_t i = 0; i < t.n; i++)
        ent_settle(s, t.e[i]);
    drop_tuple(s, T_ACTOR, p->actor);
    drop_tuple(s, T_AGENT, p->agent);
    drop_tuple(s, T_PLACE, p->place);
    drop_tuple(s, T_ERROR, p->error);
    drop_tuple(s, T_WHERE, p->where);
    drop_verdict(s, p);
    drop_tuple(s, T_ORIGIN, p->origin);
    if (p->id_form == ID_TEXT)
        drop_text(s, id_text(p));
    if (p->kind == KT_KIND_MALFORMED && p->bad) {
        drop_text(s, p->bad->reason);
        mem_free(&s->mem, p->bad);
    }
    mem_free(&s->mem, p->raw);
    p->raw = NULL;
}

/* --- unpacking ---------------------------------------------------------------- */

static struct kt_span span(const struct kt_store *s, uint32_t id)
{
    return sym_span(&s->tab[T_TEXT], id);
}

void unpack_actor(const struct kt_store *s, uint32_t actor, struct kt_event *ev)
{
    if (!actor)
        return;
    const struct t_actor *t = tuple_at(s, T_ACTOR, actor);
    ev->actor.type = span(s, t->type);
    ev->actor.name = span(s, t->name);
    ev->actor.arn = span(s, t->arn);
    ev->actor.account = span(s, t->account);
    ev->actor.principal_id = span(s, t->principal_id);
    ev->actor.session = span(s, t->session);
    ev->actor.access_key_id = span(s, t->access_key_id);
    ev->actor.via = span(s, t->via);
    ev->actor.mfa = (enum kt_tri)t->mfa;
}

void unpack_agent(const struct kt_store *s, uint32_t agent, struct kt_event *ev)
{
    if (!agent)
        return;
    const struct t_agent *t = tuple_at(s, T_AGENT, agent);
    ev->agent.text = span(s, t->text);
    ev->agent.tool = span(s, t->tool);
    ev->agent.version = span(s, t->version);
    ev->agent.os = span(s, t->os);
    ev->agent.cls = (enum kt_agent_class)t->cls;
}

void unpack_place(const struct kt_store *s, uint32_t place, struct kt_event *ev)
{
    if (!place)
        return;
    const struct t_place *t = tuple_at(s, T_PLACE, place);
    ev->event_name = span(s, t->event_name);
    ev->event_source = span(s, t->event_source);
    ev->account = span(s, t->account);
    ev->region = span(s, t->region);
    ev->target.account = span(s, t->target_account);
    ev->key.status = span(s, t->key_status);
}

void unpack_where(const struct kt_store *s, uint32_t where, struct kt_row *r)
{
    if (!where)
        return;
    const struct t_where *t = tuple_at(s, T_WHERE, where);
    r->where.asked = true;
    r->where.country = span(s, t->country);
    r->where.network = span(s, t->network);
    r->where.aws = span(s, t->aws);
}

void unpack_error(const struct kt_store *s, uint32_t error, struct kt_event *ev)
{
    if (!error)
        return;
    const struct t_error *t = tuple_at(s, T_ERROR, error);
    ev->error_code = span(s, t->code);
    ev->error_message = span(s, t->message);
}

void unpack_origin(const struct kt_store *s, uint32_t origin, struct kt_row *r)
{
    if (!origin)
        return;
    const struct t_origin *t = tuple_at(s, T_ORIGIN, origin);
    r->origin.source = span(s, t->source);
    r->origin.name = span(s, t->name);
    r->origin.address = span(s, t->address);
}

void unpack_verdict(const struct kt_store *s, uint32_t verdict, struct kt_verdict *v)
{
    if (!verdict)
        return;
    const struct t_verdict *t = tuple_at(s, T_VERDICT, verdict);
    const uint32_t *m = (const uint32_t *)(t + 1);
    v->risk = (int)t->risk;
    v->level = (enum kt_level)t->level;
    v->n_rules = t->n_rules;
    v->n_signals = t->n_signals;
    v->filter = span(s, *m++);
    v->filtered = span(s, *m++);
    for (size_t i = 0; i < v->n_rules; i++)
        v->rule[i].id = span(s, *m++);
    for (size_t i = 0; i < v->n_signals; i++)
        v->signal[i].name = span(s, *m++);
    for (size_t i = 0; i < v->n_rules; i++, m++) {
        v->rule[i].risk = (int)(*m >> 1);
        v->rule[i].correlation = *m & 1;
    }
    for (size_t i = 0; i < v->n_signals; i++)
        v->signal[i].weight = (int)*m++;
}

bool unpack_evidence(const struct kt_store *s, uint32_t evidence, struct kt_arena *a, struct kt_verdict *v)
{
    struct kt_span b = sym_span(&s->tab[T_EVIDENCE], evidence);
    for (size_t at = 0; at < b.n;) {
        size_t signal = (unsigned char)b.p[at], n = (unsigned char)b.p[at + 9];
        struct kt_evidence e = {.time = 0};
        memcpy(&e.time, b.p + at + 1, 8);
        if (n != ID_UNKNOWN)
            e.event_id = kt_arena_span(a, (struct kt_span){b.p + at + 10, n});
        at += 10 + (n == ID_UNKNOWN ? 0 : n);
        struct kt_signal *x = &v->signal[signal];
        struct kt_evidence *list = x->evidence ? (struct kt_evidence *)(uintptr_t)x->evidence /* made here */
                                               : kt_arena_alloc(a, KT_EVIDENCE_MAX * sizeof *list);
        if (!list || (n != ID_UNKNOWN && !e.event_id.p))
            return false;
        x->evidence = list;
        list[x->n_evidence++] = e;
    }
    return true;
}

void unpack_why(const struct kt_store *s, uint32_t why, struct kt_verdict *v)
{
    struct kt_span w = span(s, why);
    size_t n = w.n < sizeof v->why ? w.n : sizeof v->why - 1;
    if (n)
        memcpy(v->why, w.p, n);
    v->why[n] = '\0';
}

uint32_t pack_triage(struct kt_store *s, const struct kt_row_triage *r, bool *ok)
{
    bool any = r->acked || r->notes || kt_span_known(r->tags) || kt_span_known(r->assigned);
    if (!any)
        return 0;
    struct t_triage t = {.who = text(s, r->who, ok), .tags = text(s, r->tags, ok),
                         .assigned = text(s, r->assigned, ok), .note = text(s, r->note, ok), .acked = r->acked,
                         .notes = r->notes, .at_low = (uint32_t)r->at, .at_high = (uint32_t)((uint64_t)r->at >> 32)};
    return tuple(s, T_TRIAGE, &t, sizeof t, 0, ok, NULL);
}

void drop_triage(struct kt_store *s, uint32_t triage)
{
    drop_tuple(s, T_TRIAGE, triage);
}

void unpack_triage(const struct kt_store *s, uint32_t triage, struct kt_row *r)
{
    r->triage = (struct kt_row_triage){.at = KT_TIME_NONE};
    if (!triage)
        return;
    const struct t_triage *t = tuple_at(s, T_TRIAGE, triage);
    r->triage = (struct kt_row_triage){
        .acked = t->acked, .who = span(s, t->who), .at = (int64_t)((uint64_t)t->at_high << 32 | t->at_low),
        .tags = span(s, t->tags), .assigned = span(s, t->assigned), .note = span(s, t->note), .notes = t->notes};
}

static void unpack_event(const struct kt_store *s, const struct packed *p, char id[UUID_TEXT], struct kt_row *r)
{
    struct kt_event *ev = &r->ev;
    unpack_actor(s, p->actor, ev);
    unpack_agent(s, p->agent, ev);
    unpack_place(s, p->place, ev);
    unpack_error(s, p->error, ev);
    unpack_where(s, p->where, r);
    ev->time = p->time;
    ev->event_id = unpack_id(s, p, id);
    ev->result = (enum kt_result)p->result;
    ev->target.name = ent_name(s, p->target);
    ev->target.self = (enum kt_tri)p->self;
    ev->target.from = (enum kt_target_from)p->from;
    ev->key.id = ent_name(s, p->key);
    ev->key.created = p->created;
    ev->source.address = ent_name(s, p->address);
    ev->source.kind = (enum kt_address_kind)p->address_kind;
    unpack_verdict(s, p->verdict, &r->verdict);
    unpack_why(s, p->why, &r->verdict);
}

void unpack_row(const struct kt_store *s, const struct packed *p, char id[UUID_TEXT], struct kt_row *r)
{
    *r = (struct kt_row){.ev = {.time = KT_TIME_NONE, .key.created = KT_TIME_NONE}};
    r->ev.kind = (enum kt_kind)p->kind;
    r->ev.flags = p->flags;
    r->origin.record = p->record;
    memcpy(r->digest, p->digest, sizeof r->digest);
    unpack_triage(s, triage_number(s, p), r);
    unpack_origin(s, p->origin, r);
    if (p->kind != KT_KIND_MALFORMED) {
        unpack_event(s, p, id, r);
        return;
    }
    r->malformed.reason = span(s, p->bad->reason);
    r->malformed.bytes = p->bad->bytes;
    r->malformed.names_event = p->bad->names_event;
    memcpy(r->malformed.sha256, p->bad->sha256, sizeof r->malformed.sha256);
}

/* --- what a row touches ------------------------------------------------------- */

void row_entities(const struct kt_store *s, const struct packed *p, struct kt_row_entities *out)
{
    const struct t_actor_entities *a = actor_entities(s, p->actor);
    *out = (struct kt_row_entities){
        .actor = a->user,
        .target = p->target,
        .address = p->address,
        .agent = agent_entity(s, p->agent),
        .key = p->key,
        .actor_key = a->key,
    };
}

static void touch(struct touched *t, enum kt_entity_kind kind, kt_entity e, unsigned role)
{
    if (!e)
        return;
    for (size_t i = 0; i < t->n; i++) {
        if (t->e[i] == e) {
            t->roles[i] |= role;
            return;
        }
    }
    t->e[t->n] = e;
    t->kind[t->n] = kind;
    t->roles[t->n++] = role;
}

void row_touched(const struct kt_store *s, const struct packed *p, struct touched *out)
{
    struct kt_row_entities e;
    row_entities(s, p, &e);
    out->n = 0;
    touch(out, KT_ENTITY_USER, e.actor, ROLE_ACTOR);
    touch(out, KT_ENTITY_USER, e.target, ROLE_TARGET);
    touch(out, KT_ENTITY_ADDRESS, e.address, 0);
    touch(out, KT_ENTITY_AGENT, e.agent, 0);
    touch(out, KT_ENTITY_KEY, e.key, 0);
    touch(out, KT_ENTITY_KEY, e.actor_key, 0);
}
