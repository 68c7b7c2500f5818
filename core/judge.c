#include "judge.h"

#include "base/hash.h"

#include <stdlib.h>

enum {
    ARENA_MAX = 64 << 20,
    SEEN_CACHE = 4096, MEMO_SLOTS = 4096,  /* callers, addresses and tools that were seen of late */
    PENDING_MAX = 1024, /* entities whose rows are to be marked at the end of a step */
    MATCHES_MAX = KT_RULES_MATCHED_MAX,
    ROWS_OF_KEY = KT_LIFE_FAMILY + 1,
    VALUES_MAX = 3 * KT_TRACE_VALUES_HOUR,
    UNUSED_DAYS_MAX = 31 /* beyond, one day more is no news */
};
#define MS_A_DAY (INT64_C(24) * 3600 * 1000)
#define MS_AN_HOUR (INT64_C(3600) * 1000)
#define QUARANTINE_MS (7 * MS_A_DAY)

struct seen { /* a call like this was learnt, at this time or an earlier one */
    uint64_t hash;
    int64_t time;
};

struct memo { /* the digest of texts with this hash */
    uint64_t hash;
    struct kt_digest digest;
};
enum { MEMO_WHO, MEMO_ADDRESS, MEMO_AGENT, MEMOS };

struct pending {
    kt_entity e;
    int64_t from, to;
};

struct kt_judge {
    struct kt_judge_opts o;
    struct kt_traces *context;
    struct kt_arena *a;      /* of one row or event */
    struct kt_facts *facts;
    struct seen *seen;
    struct memo *memo;       /* MEMOS times MEMO_SLOTS */
    uint64_t seen_of;        /* traces dropped when it was begun */
    struct pending pending[PENDING_MAX];
    size_t n_pending;
    bool at_end;
    int64_t day;             /* the calendar day up to which rows were judged */
};

/* --- digests of who and what ----------------------------------------------------- */

struct principal {
    struct kt_span account, type, name;
};

static bool known_by_name(const struct principal *p)
{
    return kt_span_known(p->name) && kt_span_known(p->type);
}

static struct kt_digest digest_principal(const struct principal *p)
{
    const struct kt_span part[] = {p->account, p->type, p->name};
    return kt_digest_of('P', part, 3);
}

static struct kt_digest digest_text(char tag, struct kt_span a, struct kt_span b)
{
    const struct kt_span part[] = {a, b};
    return kt_digest_of(tag, part, 2);
}

/* By tool and system: versions change by themselves. */
static struct kt_digest digest_agent(const struct kt_agent *g)
{
    const struct kt_span part[] = {kt_span_known(g->tool) ? g->tool : g->text, g->os, kt_span_of(kt_agent_class_name(g->cls))};
    return kt_digest_of('T', part, 3);
}

static struct principal actor_of(const struct kt_event *ev)
{
    return (struct principal){ev->actor.account, ev->actor.type, ev->actor.name};
}

/* Whose key it is: an IAM user, or the caller itself. */
static struct principal target_of(const struct kt_event *ev)
{
    if (ev->target.self == KT_YES && kt_span_eq(ev->target.name, ev->actor.name))
        return actor_of(ev);
    return (struct principal){ev->target.account, KT_LIT("IAMUser"), ev->target.name};
}

static struct principal user_of(const struct kt_event *ev, struct kt_span name)
{
    return (struct principal){ev->account, KT_LIT("IAMUser"), name};
}

/* A UUID's own bytes, so that the eventID can be told again. */
static bool mark_by_id(struct kt_span id, struct kt_digest *out)
{
    static const char dashes[] = "--------x----x----x----x------------";
    size_t digit = 0;
    memset(out, 0, sizeof *out);
    if (!id.p || id.n != sizeof dashes - 1)
        return false;
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (dashes[i] == 'x' ? c != '-' : v < 0)
            return false;
        if (dashes[i] == 'x')
            continue;
        out->b[digit / 2] = (uint8_t)(out->b[digit / 2] << 4 | v);
        digit++;
    }
    return true;
}

static struct kt_span id_of_mark(const struct kt_trace_entry *e, struct kt_arena *a)
{
    static const char hex[] = "0123456789abcdef";
    char id[36];
    size_t digit = 0;
    if (!e->uuid)
        return KT_SPAN_NONE;
    for (size_t i = 0; i < sizeof id; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        uint8_t b = e->mark.b[digit / 2];
        id[i] = dash ? '-' : hex[digit & 1 ? b & 15 : b >> 4];
        digit += !dash;
    }
    return kt_arena_span(a, (struct kt_span){id, sizeof id});
}

/* Without an eventID, what the event says decides. */
static struct kt_trace_entry entry_of(int64_t time, struct kt_span event_id, struct kt_span event_name,
                                      struct kt_span address, struct kt_span name)
{
    struct kt_trace_entry e = {.first = time, .last = time};
    e.uuid = mark_by_id(event_id, &e.mark);
    if (e.uuid)
        return e;
    const struct kt_span own[] = {{(const char *)&time, sizeof time}, event_name, address, name};
    e.mark = event_id.n ? digest_text('I', event_id, KT_SPAN_NONE) : kt_digest_of('E', own, 4);
    return e;
}

static struct kt_trace_entry entry_of_event(const struct kt_event *ev, uint64_t seq)
{
    struct kt_trace_entry e = entry_of(ev->time, ev->event_id, ev->event_name, ev->source.address, ev->actor.name);
    e.seq = seq;
    return e;
}

/* --- marking ------------------------------------------------------------------------ */

static void flush_pending(struct kt_judge *j)
{
    for (size_t i = 0; i < j->n_pending; i++)
        (void)kt_store_dirty_touching(j->o.store, j->pending[i].e, j->pending[i].from, j->pending[i].to);
    j->n_pending = 0;
}

static int64_t later(int64_t t, int64_t by)
{
    return t > INT64_MAX - by ? INT64_MAX : t + by;
}

/* The rows of an entity, of these times; once a step, whatever came of it. */
static void mark_entity(struct kt_judge *j, kt_entity e, int64_t from, int64_t to)
{
    for (size_t i = 0; i < j->n_pending; i++) {
        struct pending *p = &j->pending[i];
        if (p->e != e)
            continue;
        p->from = from < p->from ? from : p->from;
        p->to = to > p->to ? to : p->to;
        return;
    }
    if (j->n_pending == PENDING_MAX)
        flush_pending(j);
    j->pending[j->n_pending++] = (struct pending){e, from, to};
}

static void mark_principal(struct kt_judge *j, const struct principal *p, int64_t from, int64_t to)
{
    const struct kt_about about = {KT_ENTITY_USER, p->name, p->account, p->type};
    kt_entity e = j->at_end ? 0 : kt_store_about(j->o.store, &about);
    if (e)
        mark_entity(j, e, from, to);
}

static void mark_address(struct kt_judge *j, struct kt_span address, int64_t from, int64_t to)
{
    const struct kt_about about = {KT_ENTITY_ADDRESS, address, KT_SPAN_NONE, KT_SPAN_NONE};
    kt_entity e = j->at_end ? 0 : kt_store_about(j->o.store, &about);
    if (e)
        mark_entity(j, e, from, to);
}

static void mark_row(struct kt_judge *j, uint64_t seq)
{
    if (seq && !j->at_end)
        (void)kt_store_dirty(j->o.store, seq);
}

/* A life has changed: its own row, those of its user's other keys, and those
 * of the keys that were made with it. */
static void mark_key(struct kt_judge *j, struct kt_span key, bool born)
{
    uint64_t seq[ROWS_OF_KEY];
    if (j->at_end)
        return;
    size_t n = kt_store_key_rows(j->o.store, key, seq, ROWS_OF_KEY);
    for (size_t i = 0; i < n; i++)
        (void)kt_store_dirty(j->o.store, seq[i]);
    const struct kt_about about = {KT_ENTITY_KEY, key, KT_SPAN_NONE, KT_SPAN_NONE};
    kt_entity e = born ? kt_store_about(j->o.store, &about) : 0;
    if (e)
        mark_entity(j, e, INT64_MIN, INT64_MAX);
}

/* --- learning: who was seen where --------------------------------------------------- */

struct call {
    struct principal who;
    struct kt_trace_entry e;
    struct kt_span address; /* of a network; unknown else */
    struct kt_digest whose, where, with; /* digests of who, address, agent */
    bool has_agent;
    bool mfa;
};

static void put_least(struct kt_judge *j, const struct call *c, const struct kt_digest *subject, enum kt_trace what,
                      struct kt_digest value, bool *ok)
{
    struct kt_trace_entry e = c->e, old;
    e.value = value;
    e.seq = 0;
    enum kt_traces_put r = kt_traces_put(j->context, subject, what, &e, &old);
    *ok = *ok && r != KT_TRACES_NOT;
    if (r == KT_TRACES_CHANGED)
        mark_principal(j, &c->who, e.first,
                       old.first == KT_TIME_NONE ? INT64_MAX : later(old.first, KT_JUDGE_NEW_MS + KT_JUDGE_KNOWN_MS));
}

static bool learn_call(struct kt_judge *j, const struct call *c)
{
    static const struct kt_digest none;
    struct kt_span network = KT_SPAN_NONE, country = KT_SPAN_NONE;
    struct kt_digest who = c->whose;
    bool ok = true;
    put_least(j, c, &who, KT_TRACE_SEEN, none, &ok);
    if (kt_span_known(c->address)) {
        put_least(j, c, &who, KT_TRACE_ADDRESS, c->where, &ok);
        if (j->o.places.look)
            j->o.places.look(j->o.places.ctx, c->address, j->a, &network, &country);
    }
    if (c->has_agent)
        put_least(j, c, &who, KT_TRACE_AGENT, c->with, &ok);
    if (kt_span_known(network))
        put_least(j, c, &who, KT_TRACE_NETWORK, digest_text('N', network, KT_SPAN_NONE), &ok);
    if (kt_span_known(country))
        put_least(j, c, &who, KT_TRACE_COUNTRY, digest_text('C', country, KT_SPAN_NONE), &ok);
    if (c->mfa)
        put_least(j, c, &who, KT_TRACE_MFA, none, &ok);
    return ok;
}

static uint64_t mix(uint64_t h, struct kt_span s)
{
    uint64_t both[2] = {h, s.p ? kt_hash(s.p, s.n) : 1};
    return kt_hash(both, sizeof both);
}

/* Most calls are like others before: then there is nothing to learn. */
static bool is_like_before(struct kt_judge *j, uint64_t hash, int64_t time)
{
    uint64_t dropped = kt_traces_stats(j->context).dropped;
    if (dropped != j->seen_of) {
        memset(j->seen, 0, SEEN_CACHE * sizeof *j->seen);
        j->seen_of = dropped;
    }
    struct seen *s = &j->seen[hash % SEEN_CACHE];
    if (s->hash == hash && s->time <= time)
        return true;
    *s = (struct seen){hash, time};
    return false;
}

static bool learn_event_call(struct kt_judge *j, const struct kt_event *ev)
{
    struct call c = {.who = actor_of(ev), .mfa = ev->actor.mfa == KT_YES,
                     .address = ev->source.kind == KT_ADDRESS_IP ? ev->source.address : KT_SPAN_NONE};
    if (!known_by_name(&c.who) || ev->time == KT_TIME_NONE)
        return true;
    c.e = entry_of_event(ev, 0);
    c.whose = digest_principal(&c.who);
    c.where = digest_text('D', c.address, KT_SPAN_NONE);
    c.with = digest_agent(&ev->agent);
    c.has_agent = kt_span_known(ev->agent.text) || kt_span_known(ev->agent.tool);
    return learn_call(j, &c);
}

static struct memo *memo_at(struct kt_judge *j, int which, uint64_t hash, bool *there)
{
    struct memo *m = &j->memo[which * MEMO_SLOTS + (int)(hash % MEMO_SLOTS)];
    *there = m->hash == hash;
    m->hash = hash;
    return m;
}

/* The same callers, addresses and tools come again and again: each is digested,
 * and a tool's text read, once. */
static void digest_call(struct kt_judge *j, struct call *c, const struct kt_fact *f, const uint64_t hash[MEMOS])
{
    bool there;
    struct memo *m = memo_at(j, MEMO_WHO, hash[MEMO_WHO], &there);
    m->digest = there ? m->digest : digest_principal(&c->who);
    c->whose = m->digest;
    m = memo_at(j, MEMO_ADDRESS, hash[MEMO_ADDRESS], &there);
    m->digest = there ? m->digest : digest_text('D', f->address, KT_SPAN_NONE);
    c->where = m->digest;
    c->has_agent = kt_span_known(f->agent);
    m = memo_at(j, MEMO_AGENT, hash[MEMO_AGENT], &there);
    if (!there) {
        struct kt_agent agent;
        kt_arena_reset(j->a);
        kt_agent_parse(f->agent, false, KT_SPAN_NONE, j->a, &agent);
        m->digest = digest_agent(&agent);
    }
    c->with = m->digest;
}

bool kt_judge_use(struct kt_judge *j, const struct kt_fact *f, struct kt_span type)
{
    bool turns;
    enum kt_learnt how = kt_store_learn_more(j->o.store, f, &turns);
    if (turns)
        mark_key(j, f->key, false);
    kt_traces_see(j->context, f->time);
    struct call c = {.who = {f->account, type, f->user},
                     .address = f->address_kind == KT_ADDRESS_IP ? f->address : KT_SPAN_NONE};
    if (!known_by_name(&c.who) || f->time == KT_TIME_NONE)
        return how != KT_LEARNT_NOT;
    const uint64_t hash[MEMOS] = {mix(mix(mix(0, f->account), type), f->user), mix(0, f->address), mix(0, f->agent)};
    /* anew now and then, so that what is in use is not taken for forgotten */
    const uint64_t call[] = {kt_hash(hash, sizeof hash), (uint64_t)(f->time / KT_TRACE_TOUCH_MS)};
    if (is_like_before(j, kt_hash(call, sizeof call), f->time))
        return how != KT_LEARNT_NOT;
    digest_call(j, &c, f, hash);
    c.e = entry_of(f->time, f->event_id, f->event_name, f->address, f->user);
    return learn_call(j, &c) && how != KT_LEARNT_NOT;
}

/* --- learning: what befell whom ------------------------------------------------------- */

/* An event that concerns a principal's rows so long before and after it. */
static bool put_event(struct kt_judge *j, enum kt_trace what, const struct principal *who, const struct kt_trace_entry *e,
                      int64_t before, int64_t after)
{
    struct kt_digest subject = digest_principal(who);
    enum kt_traces_put r = kt_traces_put(j->context, &subject, what, e, NULL);
    if (r == KT_TRACES_CHANGED)
        mark_principal(j, who, e->first - before, later(e->first, after));
    return r != KT_TRACES_NOT;
}

static bool mark_holder(void *ctx, const struct kt_trace_entry *e)
{
    mark_row(ctx, e->seq);
    return true;
}

/* What only the first one can have: whoever was it before is so no longer. */
static bool put_first(struct kt_judge *j, const struct kt_digest *subject, enum kt_trace what,
                      const struct kt_trace_entry *e)
{
    struct kt_trace_entry old;
    enum kt_traces_put r = kt_traces_put(j->context, subject, what, e, &old);
    if (r == KT_TRACES_CHANGED && !j->at_end)
        kt_traces_each(j->context, subject, what, INT64_MIN, INT64_MAX, mark_holder, j);
    if (r == KT_TRACES_CHANGED)
        mark_row(j, old.seq);
    return r != KT_TRACES_NOT;
}

static bool is_quota(const struct kt_event *ev)
{
    return kt_span_starts(ev->error_code, "LimitExceeded");
}

static bool learn_denied(struct kt_judge *j, const struct kt_event *ev, const struct kt_trace_entry *e)
{
    struct principal actor = actor_of(ev);
    bool ok = !known_by_name(&actor) || put_event(j, KT_TRACE_DENIED, &actor, e, 0, MS_AN_HOUR);
    if (ev->source.kind != KT_ADDRESS_IP)
        return ok;
    struct kt_digest address = digest_text('D', ev->source.address, KT_SPAN_NONE);
    enum kt_traces_put r = kt_traces_put(j->context, &address, KT_TRACE_DENIED, e, NULL);
    if (r == KT_TRACES_CHANGED)
        mark_address(j, ev->source.address, e->first, later(e->first, MS_AN_HOUR));
    return r != KT_TRACES_NOT && ok;
}

static bool learn_made(struct kt_judge *j, const struct kt_event *ev, const struct kt_trace_entry *e)
{
    struct principal actor = actor_of(ev);
    struct kt_digest who = digest_principal(&actor), account = digest_text('A', ev->account, KT_SPAN_NONE);
    struct kt_trace_entry of_class = *e;
    of_class.value = digest_text('K', kt_span_of(kt_agent_class_name(ev->agent.cls)), KT_SPAN_NONE);
    bool ok = !known_by_name(&actor) || put_first(j, &who, KT_TRACE_FIRST_KEY, e);
    if (kt_span_known(ev->account) && ev->agent.cls != KT_AGENT_UNKNOWN)
        ok = put_first(j, &account, KT_TRACE_CLASS, &of_class) && ok;
    return ok;
}

static bool learn_creation(struct kt_judge *j, const struct kt_event *ev, uint64_t seq)
{
    struct kt_trace_entry e = entry_of_event(ev, seq), target = e;
    struct principal actor = actor_of(ev), user = target_of(ev);
    bool ok = true;
    if (ev->result == KT_RESULT_CREATED)
        ok = learn_made(j, ev, &e);
    else if (ev->result == KT_RESULT_DENIED)
        ok = learn_denied(j, ev, &e);
    if (!known_by_name(&user))
        return ok;
    if (is_quota(ev))
        ok = put_event(j, KT_TRACE_QUOTA, &user, &e, 0, MS_AN_HOUR) && ok;
    target.value = digest_principal(&user);
    return (!known_by_name(&actor) || put_event(j, KT_TRACE_TARGETS, &actor, &target, MS_AN_HOUR, MS_AN_HOUR)) && ok;
}

static bool has_admin_in_it(struct kt_span s)
{
    for (size_t i = 0; i + 5 <= s.n; i++)
        if (memcmp(s.p + i, "admin", 5) == 0 || memcmp(s.p + i, "Admin", 5) == 0 || memcmp(s.p + i, "ADMIN", 5) == 0)
            return true;
    return false;
}

/* Whose members they are is kept with the members: all rows of that day. */
static bool learn_group_admin(struct kt_judge *j, const struct kt_event *ev, const struct kt_trace_entry *e)
{
    struct kt_digest group = digest_text('G', ev->account, ev->context.group);
    enum kt_traces_put r = kt_traces_put(j->context, &group, KT_TRACE_ADMIN, e, NULL);
    if (r == KT_TRACES_CHANGED && !j->at_end)
        mark_entity(j, 0, INT64_MIN, INT64_MAX);
    return r != KT_TRACES_NOT;
}

static bool learn_context(struct kt_judge *j, const struct kt_event *ev)
{
    struct kt_trace_entry e = entry_of_event(ev, 0);
    struct principal user = user_of(ev, ev->context.user);
    bool named = kt_span_known(user.name);
    switch (ev->context.what) {
    case KT_CONTEXT_USER:
        return !named || put_event(j, KT_TRACE_CREATED, &user, &e, 0, MS_A_DAY);
    case KT_CONTEXT_QUARANTINE:
        return !named || put_event(j, KT_TRACE_QUARANTINE, &user, &e, QUARANTINE_MS, QUARANTINE_MS);
    case KT_CONTEXT_ADMIN:
        if (kt_span_known(ev->context.group))
            return learn_group_admin(j, ev, &e);
        return !named || put_event(j, KT_TRACE_ADMIN, &user, &e, MS_A_DAY, MS_A_DAY);
    case KT_CONTEXT_MEMBER:
        e.value = digest_text('G', ev->account, ev->context.group);
        if (!named || !kt_span_known(ev->context.group))
            return true;
        return put_event(j, has_admin_in_it(ev->context.group) ? KT_TRACE_ADMIN : KT_TRACE_MEMBER, &user, &e, MS_A_DAY,
                         MS_A_DAY);
    default:
        return true;
    }
}

static bool learn_meaning(struct kt_judge *j, const struct kt_event *ev, uint64_t seq)
{
    if (ev->time == KT_TIME_NONE)
        return true;
    if (ev->kind == KT_KIND_CREATION)
        return learn_creation(j, ev, seq);
    if (ev->kind == KT_KIND_CONTEXT)
        return learn_context(j, ev);
    struct principal user = target_of(ev);
    if (ev->kind != KT_KIND_CREDENTIAL || ev->result != KT_RESULT_CREATED || !known_by_name(&user))
        return true;
    struct kt_trace_entry e = entry_of_event(ev, 0);
    return put_event(j, KT_TRACE_CREDENTIAL, &user, &e, MS_AN_HOUR, MS_AN_HOUR);
}

bool kt_judge_event(struct kt_judge *j, const struct kt_event *ev, uint64_t seq)
{
    struct kt_fact fact[2];
    size_t n = kt_facts_of(ev, seq, fact);
    bool ok = true;
    kt_arena_reset(j->a);
    for (size_t i = 0; i < n; i++) {
        bool turns;
        ok = kt_store_learn_more(j->o.store, &fact[i], &turns) != KT_LEARNT_NOT && ok;
        if (turns)
            mark_key(j, fact[i].key, fact[i].kind == KT_KIND_CREATION);
    }
    kt_traces_see(j->context, ev->time);
    ok = learn_event_call(j, ev) && ok;
    ok = learn_meaning(j, ev, seq) && ok;
    mark_row(j, seq);
    return ok;
}

/* --- facts: the key's life ------------------------------------------------------------ */

struct asking {
    struct kt_judge *j;
    const struct kt_row *row;
    struct kt_facts *f;
    struct principal actor, target;
    struct kt_digest who, whose; /* digests of both */
    struct kt_digest mark;       /* of the row's event */
    int64_t t;
};

static int64_t seconds(int64_t ms)
{
    return (ms < 0 ? -ms : ms) / 1000;
}

/* Was the place of the first use one of its user's before? */
static enum kt_tri known_place(const struct asking *q, const struct kt_key_life *l)
{
    const struct principal owner = {l->account, l->root ? KT_LIT("Root") : KT_LIT("IAMUser"), l->user};
    bool full;
    if (l->first_use.address_kind != KT_ADDRESS_IP || !kt_span_known(owner.name))
        return KT_UNKNOWN;
    struct kt_digest whose = digest_principal(&owner), at = digest_text('D', l->first_use.address, KT_SPAN_NONE);
    const struct kt_trace_entry *seen = kt_traces_least(q->j->context, &whose, KT_TRACE_SEEN, NULL, NULL);
    const struct kt_trace_entry *here = kt_traces_least(q->j->context, &whose, KT_TRACE_ADDRESS, &at, &full);
    if (here && here->first < q->t)
        return KT_YES;
    return !seen || seen->first >= q->t || (!here && full) ? KT_UNKNOWN : KT_NO;
}

static void ask_first_use(const struct asking *q, const struct kt_key_life *l)
{
    const struct kt_moment *m = &l->first_use;
    if (m->time == KT_TIME_NONE || m->time < q->t)
        return;
    kt_facts_number(q->f, "life.first_use.seconds", seconds(m->time - q->t));
    kt_facts_truth(q->f, "life.first_use.elsewhere", l->first_elsewhere);
    kt_facts_truth(q->f, "life.first_use.known_place", known_place(q, l));
    kt_facts_truth(q->f, "life.first_use.other_agent", l->first_other_agent);
    kt_facts_text(q->f, "life.first_use.agent.class", kt_span_of(kt_agent_class_name(m->agent.cls)));
    kt_facts_text(q->f, "life.first_use.agent.os", m->agent.os);
    kt_facts_evidence(q->f, "life.first_use", m->event_id, m->time);
}

static int64_t day_of(int64_t t)
{
    return t / MS_A_DAY - (t % MS_A_DAY < 0);
}

static void ask_unused(const struct asking *q, const struct kt_key_life *l)
{
    int64_t newest = kt_traces_newest(q->j->context);
    if (l->uses || l->state != KT_KEY_ACTIVE || newest == KT_TIME_NONE || newest < q->t)
        return;
    int64_t days = day_of(newest) - day_of(q->t);
    kt_facts_number(q->f, "life.unused.days", days < UNUSED_DAYS_MAX ? days : UNUSED_DAYS_MAX);
}

static void ask_changes(const struct asking *q, const struct kt_key_life *l)
{
    kt_facts_number(q->f, "life.deactivations", (int64_t)l->deactivations);
    kt_facts_number(q->f, "life.reactivations", (int64_t)l->reactivations);
    for (size_t i = 0; i < l->n_change; i++)
        if (l->change[i].kind == KT_KIND_REACTIVATION)
            kt_facts_evidence(q->f, "life.reactivations", l->change[i].event_id, l->change[i].time);
}

static void ask_rotation(const struct asking *q, const struct kt_key_life *l)
{
    struct kt_key_life old;
    kt_facts_text(q->f, "life.rotation_of", l->rotation_of);
    kt_facts_text(q->f, "life.rotated_into", l->rotated_into);
    if (!kt_span_known(l->rotation_of) || !kt_store_key_life(q->j->o.store, l->rotation_of, q->j->a, &old))
        return;
    for (size_t i = 0; i < old.n_change; i++)
        if (old.change[i].kind != KT_KIND_REACTIVATION)
            kt_facts_evidence(q->f, "life.rotation_of", old.change[i].event_id, old.change[i].time);
}

static void ask_siblings(const struct asking *q)
{
    struct kt_sibling s[KT_EVIDENCE_MAX];
    size_t n = kt_store_key_siblings(q->j->o.store, q->row->ev.key.id, q->j->a, s, KT_EVIDENCE_MAX);
    kt_facts_number(q->f, "life.siblings_active", (int64_t)n);
    for (size_t i = 0; i < n && i < KT_EVIDENCE_MAX; i++)
        kt_facts_evidence(q->f, "life.siblings_active", s[i].event_id, s[i].since);
}

static void ask_life(const struct asking *q)
{
    struct kt_key_life l;
    if (!kt_store_key_life(q->j->o.store, q->row->ev.key.id, q->j->a, &l))
        return;
    kt_facts_text(q->f, "life.state", kt_span_of(kt_key_state_name(l.state)));
    kt_facts_number(q->f, "life.addresses", (int64_t)l.n_address);
    kt_facts_number(q->f, "life.agents", (int64_t)l.n_agent);
    ask_changes(q, &l);
    if (q->row->ev.kind != KT_KIND_CREATION || !l.created || q->t == KT_TIME_NONE)
        return;
    ask_first_use(q, &l);
    ask_unused(q, &l);
    ask_rotation(q, &l);
    ask_siblings(q);
}

static void ask_actor_key(const struct asking *q)
{
    struct kt_span key = q->row->ev.actor.access_key_id;
    struct kt_key_life l;
    if (!kt_span_known(key))
        return;
    kt_facts_truth(q->f, "actor_key.long_lived", kt_event_long_lived(key) ? KT_YES : KT_NO);
    if (q->t == KT_TIME_NONE || !kt_event_long_lived(key) || !kt_store_key_life(q->j->o.store, key, q->j->a, &l) ||
        !l.created || l.creation.time == KT_TIME_NONE || l.creation.time > q->t)
        return;
    kt_facts_number(q->f, "actor_key.age.seconds", seconds(q->t - l.creation.time));
    kt_facts_truth(q->f, "actor_key.rotated", kt_span_known(l.rotation_of) ? KT_YES : KT_NO);
    kt_facts_evidence(q->f, "actor_key.age", l.creation.event_id, l.creation.time);
}

/* --- facts: the actor's history ---------------------------------------------------------- */

static void tell_entry(const struct asking *q, const char *name, const struct kt_trace_entry *e)
{
    kt_facts_evidence(q->f, name, id_of_mark(e, q->j->a), e->first);
}

static void ask_new(const struct asking *q, const char *name, enum kt_trace what, const struct kt_digest *value)
{
    const struct kt_trace_entry *seen = kt_traces_least(q->j->context, &q->who, KT_TRACE_SEEN, NULL, NULL);
    const struct kt_trace_entry *e = kt_traces_least(q->j->context, &q->who, what, value, NULL);
    if (!seen || !e || e->first > q->t)
        return;
    if (q->t - e->first >= KT_JUDGE_NEW_MS) {
        kt_facts_truth(q->f, name, KT_NO);
    } else if (e->first - seen->first >= KT_JUDGE_KNOWN_MS) {
        kt_facts_truth(q->f, name, KT_YES);
        tell_entry(q, name, e);
    }
}

static void ask_places(const struct asking *q)
{
    struct kt_span address = q->row->ev.source.address, network = KT_SPAN_NONE, country = KT_SPAN_NONE;
    if (q->row->ev.source.kind != KT_ADDRESS_IP || !kt_span_known(address))
        return;
    struct kt_digest at = digest_text('D', address, KT_SPAN_NONE);
    ask_new(q, "actor.new_address", KT_TRACE_ADDRESS, &at);
    if (q->j->o.places.look)
        q->j->o.places.look(q->j->o.places.ctx, address, q->j->a, &network, &country);
    struct kt_digest net = digest_text('N', network, KT_SPAN_NONE), land = digest_text('C', country, KT_SPAN_NONE);
    if (kt_span_known(network))
        ask_new(q, "actor.new_network", KT_TRACE_NETWORK, &net);
    if (kt_span_known(country))
        ask_new(q, "actor.new_country", KT_TRACE_COUNTRY, &land);
}

/* Only the first has it, and only of one who was there before. */
static enum kt_tri is_first(const struct asking *q, const struct kt_trace_entry *first, int64_t since)
{
    if (!first)
        return KT_UNKNOWN;
    if (memcmp(&first->mark, &q->mark, sizeof q->mark) != 0)
        return KT_NO;
    return q->t - since >= KT_JUDGE_KNOWN_MS ? KT_YES : KT_UNKNOWN;
}

static void ask_history(const struct asking *q)
{
    const struct kt_trace_entry *seen = kt_traces_least(q->j->context, &q->who, KT_TRACE_SEEN, NULL, NULL);
    if (!known_by_name(&q->actor) || !seen || seen->first > q->t)
        return;
    kt_facts_number(q->f, "actor.known.seconds", seconds(q->t - seen->first));
    ask_places(q);
    struct kt_digest agent = digest_agent(&q->row->ev.agent);
    ask_new(q, "actor.new_agent", KT_TRACE_AGENT, &agent);
    const struct kt_trace_entry *mfa = kt_traces_least(q->j->context, &q->who, KT_TRACE_MFA, NULL, NULL);
    if (mfa) {
        kt_facts_truth(q->f, "actor.seen_with_mfa", KT_YES);
        tell_entry(q, "actor.seen_with_mfa", mfa);
    }
    if (q->row->ev.result == KT_RESULT_CREATED)
        kt_facts_truth(q->f, "actor.first_key",
                       is_first(q, kt_traces_least(q->j->context, &q->who, KT_TRACE_FIRST_KEY, NULL, NULL), seen->first));
}

static bool least_time(void *ctx, const struct kt_trace_entry *e)
{
    int64_t *t = ctx;
    *t = e->first < *t ? e->first : *t;
    return true;
}

static void ask_account(const struct asking *q)
{
    const struct kt_event *ev = &q->row->ev;
    struct kt_digest account = digest_text('A', ev->account, KT_SPAN_NONE);
    struct kt_digest cls = digest_text('K', kt_span_of(kt_agent_class_name(ev->agent.cls)), KT_SPAN_NONE);
    int64_t since = INT64_MAX;
    if (kt_span_known(ev->actor.account) && kt_span_known(ev->account))
        kt_facts_truth(q->f, "account.cross", kt_span_eq(ev->actor.account, ev->account) ? KT_NO : KT_YES);
    if (ev->result != KT_RESULT_CREATED || !kt_span_known(ev->account) || ev->agent.cls == KT_AGENT_UNKNOWN)
        return;
    kt_traces_each(q->j->context, &account, KT_TRACE_CLASS, INT64_MIN, INT64_MAX, least_time, &since);
    const struct kt_trace_entry *first = kt_traces_least(q->j->context, &account, KT_TRACE_CLASS, &cls, NULL);
    if (since <= q->t)
        kt_facts_truth(q->f, "account.new_agent_class", is_first(q, first, since));
}

/* --- facts: what befell whom ---------------------------------------------------------------- */

struct tally {
    const struct asking *q;
    const char *name;
    size_t n;
    bool distinct;             /* by value */
    bool others;               /* the row's own event does not count */
    bool of_group;             /* only where the group was given full rights */
    bool any;
    struct kt_trace_entry nearest;
    struct kt_digest met[VALUES_MAX]; /* of a spread, whose values come once an hour */
    size_t n_met;
};

static bool stop_at_first(void *ctx, const struct kt_trace_entry *e)
{
    (void)e;
    *(bool *)ctx = true;
    return false;
}

static bool group_is_admin(const struct asking *q, const struct kt_digest *group)
{
    bool is = false;
    kt_traces_each(q->j->context, group, KT_TRACE_ADMIN, INT64_MIN, INT64_MAX, stop_at_first, &is);
    return is;
}

static bool was_met(struct tally *t, const struct kt_digest *value)
{
    for (size_t i = 0; i < t->n_met; i++)
        if (memcmp(&t->met[i], value, sizeof *value) == 0)
            return true;
    if (t->n_met < VALUES_MAX)
        t->met[t->n_met++] = *value;
    return false;
}

static bool tally_one(void *ctx, const struct kt_trace_entry *e)
{
    struct tally *t = ctx;
    if (t->distinct && was_met(t, &e->value))
        return true;
    if (t->others && memcmp(&e->mark, &t->q->mark, sizeof e->mark) == 0)
        return true;
    if (t->of_group && !group_is_admin(t->q, &e->value))
        return true;
    t->n++;
    if (!t->any || seconds(e->first - t->q->t) < seconds(t->nearest.first - t->q->t))
        t->nearest = *e;
    t->any = true;
    if (t->name)
        tell_entry(t->q, t->name, e);
    return true;
}

/* How many there are from so long before to so long after; each is evidence. */
static void ask_count(const struct asking *q, const char *name, const struct kt_digest *subject, enum kt_trace what,
                      int64_t before, int64_t after)
{
    struct tally t = {.q = q, .name = name, .others = what == KT_TRACE_DENIED, .distinct = what == KT_TRACE_TARGETS};
    kt_traces_each(q->j->context, subject, what, q->t - before, later(q->t, after), tally_one, &t);
    kt_facts_number(q->f, name, (int64_t)t.n);
}

/* How far the nearest one is. */
static void ask_nearest(const struct asking *q, const char *name, const char *evidence, const struct kt_digest *subject,
                        enum kt_trace what, int64_t before, int64_t after)
{
    struct tally t = {.q = q};
    kt_traces_each(q->j->context, subject, what, q->t - before, later(q->t, after), tally_one, &t);
    if (what == KT_TRACE_ADMIN) {
        t.of_group = true;
        kt_traces_each(q->j->context, subject, KT_TRACE_MEMBER, q->t - before, later(q->t, after), tally_one, &t);
    }
    if (!t.any)
        return;
    kt_facts_number(q->f, name, seconds(t.nearest.first - q->t));
    tell_entry(q, evidence, &t.nearest);
}

static void ask_incidents(const struct asking *q)
{
    if (known_by_name(&q->actor)) {
        ask_count(q, "actor.denied", &q->who, KT_TRACE_DENIED, MS_AN_HOUR, 0);
        ask_count(q, "actor.targets", &q->who, KT_TRACE_TARGETS, MS_AN_HOUR, MS_AN_HOUR);
        ask_nearest(q, "actor.quarantined.seconds", "actor.quarantined", &q->who, KT_TRACE_QUARANTINE, QUARANTINE_MS,
                    QUARANTINE_MS);
    }
    if (q->row->ev.source.kind == KT_ADDRESS_IP) {
        struct kt_digest address = digest_text('D', q->row->ev.source.address, KT_SPAN_NONE);
        ask_count(q, "address.denied", &address, KT_TRACE_DENIED, MS_AN_HOUR, 0);
    }
    if (!known_by_name(&q->target))
        return;
    ask_nearest(q, "target.created.seconds", "target.created", &q->whose, KT_TRACE_CREATED, MS_A_DAY, 0);
    ask_nearest(q, "target.admin.seconds", "target.admin", &q->whose, KT_TRACE_ADMIN, MS_A_DAY, MS_A_DAY);
    ask_nearest(q, "target.quarantined.seconds", "target.quarantined", &q->whose, KT_TRACE_QUARANTINE, QUARANTINE_MS,
                QUARANTINE_MS);
    ask_count(q, "target.quota", &q->whose, KT_TRACE_QUOTA, MS_AN_HOUR, 0);
    ask_count(q, "target.credentials", &q->whose, KT_TRACE_CREDENTIAL, MS_AN_HOUR, MS_AN_HOUR);
}

/* --- judging ---------------------------------------------------------------------------------- */

static void judge(struct kt_judge *j, struct kt_row *r)
{
    struct asking q = {.j = j, .row = r, .f = j->facts, .t = r->ev.time};
    kt_facts_reset(j->facts);
    kt_facts_row(j->facts, r, j->a);
    q.actor = actor_of(&r->ev);
    q.target = target_of(&r->ev);
    q.who = digest_principal(&q.actor);
    q.whose = digest_principal(&q.target);
    q.mark = entry_of_event(&r->ev, 0).mark;
    ask_life(&q);
    ask_actor_key(&q);
    if (q.t != KT_TIME_NONE) {
        ask_history(&q);
        ask_incidents(&q);
    }
    ask_account(&q);
    kt_risk_judge(j->o.rules, r->ev.kind, j->facts, &r->verdict);
}

static bool same_signal(const struct kt_signal *a, const struct kt_signal *b)
{
    if (!kt_span_eq(a->name, b->name) || a->weight != b->weight || a->n_evidence != b->n_evidence)
        return false;
    for (size_t i = 0; i < a->n_evidence; i++)
        if (a->evidence[i].time != b->evidence[i].time ||
            (a->evidence[i].event_id.p ? !kt_span_eq(a->evidence[i].event_id, b->evidence[i].event_id)
                                       : b->evidence[i].event_id.p != NULL))
            return false;
    return true;
}

static bool same_verdict(const struct kt_verdict *a, const struct kt_verdict *b)
{
    if (a->risk != b->risk || a->level != b->level || a->n_rules != b->n_rules || a->n_signals != b->n_signals ||
        strcmp(a->why, b->why) != 0)
        return false;
    for (size_t i = 0; i < a->n_rules; i++)
        if (!kt_span_eq(a->rule[i].id, b->rule[i].id) || a->rule[i].risk != b->rule[i].risk ||
            a->rule[i].correlation != b->rule[i].correlation)
            return false;
    for (size_t i = 0; i < a->n_signals; i++)
        if (!same_signal(&a->signal[i], &b->signal[i]))
            return false;
    return true;
}

static void judge_again(struct kt_judge *j, uint64_t seq)
{
    struct kt_row r;
    kt_arena_reset(j->a);
    if (!kt_store_row(j->o.store, seq, false, j->a, &r) || r.ev.kind == KT_KIND_MALFORMED)
        return;
    struct kt_verdict *before = kt_arena_alloc(j->a, sizeof *before);
    if (!before)
        return;
    *before = r.verdict;
    judge(j, &r);
    if (kt_facts_whole(j->facts) && !same_verdict(before, &r.verdict))
        (void)kt_store_revise(j->o.store, seq, &r.verdict);
}

void kt_judge_row(struct kt_judge *j, struct kt_row *r)
{
    kt_arena_reset(j->a);
    if (r->ev.kind != KT_KIND_MALFORMED)
        judge(j, r);
}

/* Another day: how long a key was not used is another number for all that were
 * not. */
static void turn_day(struct kt_judge *j)
{
    int64_t newest = kt_traces_newest(j->context);
    if (newest == KT_TIME_NONE || j->at_end)
        return;
    int64_t day = day_of(newest);
    if (day == j->day)
        return;
    if (j->day != KT_TIME_NONE)
        mark_entity(j, 0, newest - (UNUSED_DAYS_MAX + 2) * MS_A_DAY, INT64_MAX);
    j->day = day;
}

bool kt_judge_work(struct kt_judge *j, size_t max, bool busy)
{
    if (!busy)
        turn_day(j);
    flush_pending(j);
    uint64_t seq = 0;
    while (max-- > 0 && (seq = kt_store_next_dirty(j->o.store)) != 0)
        judge_again(j, seq);
    return seq != 0;
}

void kt_judge_at_end(struct kt_judge *j)
{
    j->at_end = true;
}

void kt_judge_match(struct kt_judge *j, uint64_t seq, const struct kt_matched *m, bool matches)
{
    struct kt_row r;
    size_t at = 0;
    kt_arena_reset(j->a);
    if (!seq || !kt_store_row(j->o.store, seq, false, j->a, &r))
        return;
    struct kt_verdict *v = &r.verdict;
    while (at < v->n_rules && !(kt_span_eq(v->rule[at].id, m->id) && v->rule[at].correlation == m->correlation))
        at++;
    if (matches == (at < v->n_rules) || (matches && v->n_rules == MATCHES_MAX))
        return;
    if (matches)
        v->rule[v->n_rules++] = *m;
    else
        memmove(&v->rule[at], &v->rule[at + 1], (--v->n_rules - at) * sizeof *v->rule);
    if (kt_store_revise(j->o.store, seq, v))
        mark_row(j, seq);
}

/* --- the whole ------------------------------------------------------------------------------- */

struct kt_judge *kt_judge_new(const struct kt_judge_opts *o)
{
    struct kt_judge *j = calloc(1, sizeof *j);
    if (!j)
        return NULL;
    j->o = *o;
    j->day = KT_TIME_NONE;
    j->context = kt_traces_new(o->memory_max ? o->memory_max : UINT64_C(128) << 20);
    j->a = kt_arena_new(ARENA_MAX);
    j->facts = kt_facts_new();
    j->seen = calloc(SEEN_CACHE, sizeof *j->seen);
    j->memo = calloc((size_t)MEMOS * MEMO_SLOTS, sizeof *j->memo);
    if (j->context && j->a && j->facts && j->seen && j->memo)
        return j;
    kt_judge_free(j);
    return NULL;
}

void kt_judge_free(struct kt_judge *j)
{
    if (!j)
        return;
    kt_traces_free(j->context);
    kt_arena_free(j->a);
    kt_facts_free(j->facts);
    free(j->seen);
    free(j->memo);
    free(j);
}

void kt_judge_set_rules(struct kt_judge *j, const struct kt_rules *rules)
{
    j->o.rules = rules;
}

void kt_judge_set_places(struct kt_judge *j, const struct kt_places *places)
{
    j->o.places = *places;
}

struct kt_traces *kt_judge_context(struct kt_judge *j)
{
    return j->context;
}
