/* The readers' side of the ledger: a life as it lies there, put into words
 * that live in the reader's arena. */
#include "store/ledger_impl.h"

#include <stdlib.h>

const char *kt_key_state_name(enum kt_key_state s)
{
    static const char *const names[] = {NULL, "active", "inactive", "deleted"};
    return (size_t)s < sizeof names / sizeof *names ? names[s] : NULL;
}

/* --- things into words -------------------------------------------------------- */

struct copy {
    const struct ledger *l;
    struct kt_arena *a;
    bool ok;
};

static struct kt_span keep(struct copy *c, struct kt_span s)
{
    struct kt_span k = kt_arena_span(c->a, s);
    c->ok = c->ok && (k.p || !s.p);
    return k;
}

static struct parts parts_of(const struct copy *c, uint32_t thing)
{
    struct parts p;
    parts_unpack(thing ? sym_span(&c->l->thing, thing) : KT_SPAN_NONE, &p);
    return p;
}

static struct kt_agent agent_of(struct copy *c, uint32_t thing)
{
    struct parts p = parts_of(c, thing);
    return (struct kt_agent){keep(c, p.part[AGENT_TEXT]), keep(c, p.part[AGENT_TOOL]), keep(c, p.part[AGENT_VERSION]),
                             keep(c, p.part[AGENT_OS]), (enum kt_agent_class)p.tag};
}

/* The eventID, where the mark is one. */
static struct kt_span id_of(struct copy *c, const uint8_t mark[MARK], bool uuid)
{
    char id[UUID_TEXT];
    return uuid ? keep(c, uuid_text(mark, id)) : KT_SPAN_NONE;
}

static struct kt_moment moment_of(struct copy *c, const struct moment *m)
{
    if (!m->set)
        return (struct kt_moment){.time = KT_TIME_NONE};
    struct parts call = parts_of(c, m->call), address = parts_of(c, m->address);
    return (struct kt_moment){
        .time = m->time,
        .event_id = id_of(c, m->mark, m->uuid),
        .event_name = keep(c, call.part[CALL_NAME]),
        .event_source = keep(c, call.part[CALL_SOURCE]),
        .address = keep(c, address.part[0]),
        .address_kind = (enum kt_address_kind)address.tag,
        .agent = agent_of(c, m->agent),
        .result = (enum kt_result)m->result,
    };
}

static const struct kt_life_place *places_of(struct copy *c, const struct places *p, bool agents)
{
    struct kt_life_place *out = p->n ? kt_arena_alloc(c->a, p->n * sizeof *out) : NULL;
    c->ok = c->ok && (out || !p->n);
    for (uint32_t i = 0; out && i < p->n; i++) {
        const struct place *x = &p->p[i];
        out[i] = (struct kt_life_place){.first = x->first, .last = x->last, .uses = x->uses, .denied = x->denied};
        if (agents)
            out[i].agent = agent_of(c, x->what);
        else
            out[i].name = keep(c, parts_of(c, x->what).part[0]);
    }
    return out;
}

static const struct kt_life_change *changes_of(struct copy *c, const struct life *x)
{
    struct kt_life_change *out = x->n_change ? kt_arena_alloc(c->a, x->n_change * sizeof *out) : NULL;
    c->ok = c->ok && (out || !x->n_change);
    for (uint32_t i = 0; out && i < x->n_change; i++) {
        struct parts actor = parts_of(c, x->change[i].actor);
        out[i] = (struct kt_life_change){.kind = (enum kt_kind)x->change[i].kind,
                                         .time = x->change[i].time,
                                         .event_id = id_of(c, x->change[i].mark, x->change[i].uuid),
                                         .actor = keep(c, actor.part[ACTOR_NAME]),
                                         .actor_type = keep(c, actor.part[ACTOR_TYPE]),
                                         .address = keep(c, parts_of(c, x->change[i].address).part[0])};
    }
    return out;
}

/* --- what follows from it -------------------------------------------------------- */

static enum kt_key_state state_of(const struct life *x)
{
    if (x->tally.deletions)
        return KT_KEY_DELETED;
    if (x->n_change)
        return x->change[x->n_change - 1].kind == KT_KIND_DEACTIVATION ? KT_KEY_INACTIVE : KT_KEY_ACTIVE;
    return x->creation.set || x->tally.uses ? KT_KEY_ACTIVE : KT_KEY_UNKNOWN;
}

/* The first time it was switched off or deleted; NULL where it never was, or
 * at a time that is not known. */
static const struct change *first_end(const struct life *x)
{
    for (uint32_t i = 0; i < x->n_change; i++)
        if (x->change[i].kind != KT_KIND_REACTIVATION && x->change[i].time != KT_TIME_NONE)
            return &x->change[i];
    return NULL;
}

/* Was `y` made while `x`, an older key of the same user, was about to end? */
static bool succeeds(const struct life *y, const struct life *x, int64_t end)
{
    const struct moment *made = &y->creation;
    if (!made->set || made->time == KT_TIME_NONE || made->time > end || made->time < end - KT_ROTATION_MS)
        return false;
    const struct moment *older = x->creation.set ? &x->creation : &x->first;
    return !older->set || older->time == KT_TIME_NONE ||
           is_before(older->time, older->mark, made->time, made->mark);
}

/* What it was rotated into: the last key made before its end. */
static uint32_t successor(const struct ledger *l, uint32_t i)
{
    const struct life *x = life_at(l, i);
    const struct change *end = first_end(x);
    uint32_t best = 0;
    int looked = 0;
    for (uint32_t k = end && x->owner ? owner_first(l, x->owner) : 0; k && looked++ < KT_LIFE_FAMILY;
         k = life_at(l, k)->sibling) {
        const struct life *y = life_at(l, k);
        if (k == i || !succeeds(y, x, end->time))
            continue;
        const struct moment *m = best ? &life_at(l, best)->creation : NULL;
        if (!m || is_before(m->time, m->mark, y->creation.time, y->creation.mark))
            best = k;
    }
    return best;
}

/* What was rotated into it; of several what ended last. */
static uint32_t predecessor(const struct ledger *l, uint32_t i)
{
    const struct life *y = life_at(l, i);
    uint32_t best = 0;
    int looked = 0;
    for (uint32_t k = y->creation.set && y->owner ? owner_first(l, y->owner) : 0; k && looked++ < KT_LIFE_FAMILY;
         k = life_at(l, k)->sibling) {
        const struct life *x = life_at(l, k);
        const struct change *end = k == i ? NULL : first_end(x);
        if (!end || !succeeds(y, x, end->time) || successor(l, k) != i)
            continue;
        const struct change *other = best ? first_end(life_at(l, best)) : NULL;
        if (!other || is_before(other->time, other->mark, end->time, end->mark))
            best = k;
    }
    return best;
}

static enum kt_tri elsewhere(const struct copy *c, const struct life *x)
{
    struct parts made = parts_of(c, x->creation.address), used = parts_of(c, x->first.address);
    if (!x->creation.set || !x->first.set || made.tag != KT_ADDRESS_IP || used.tag != KT_ADDRESS_IP)
        return KT_UNKNOWN;
    return kt_span_eq(made.part[0], used.part[0]) ? KT_NO : KT_YES;
}

/* By tool, and by system where both name one: versions and the like change by
 * themselves. */
static enum kt_tri other_agent(const struct copy *c, const struct life *x)
{
    if (!x->creation.set || !x->first.set || !x->creation.agent || !x->first.agent)
        return KT_UNKNOWN;
    struct parts made = parts_of(c, x->creation.agent), used = parts_of(c, x->first.agent);
    if (!made.part[AGENT_TOOL].p || !used.part[AGENT_TOOL].p)
        return x->creation.agent == x->first.agent ? KT_NO : KT_UNKNOWN;
    if (!kt_span_eq(made.part[AGENT_TOOL], used.part[AGENT_TOOL]))
        return KT_YES;
    if (!made.part[AGENT_OS].p || !used.part[AGENT_OS].p)
        return made.tag == used.tag ? KT_NO : KT_YES;
    return kt_span_eq(made.part[AGENT_OS], used.part[AGENT_OS]) && made.tag == used.tag ? KT_NO : KT_YES;
}

static int64_t begins(const struct kt_store *s)
{
    int64_t rows = s->counts.oldest, facts = s->ledger->begins, dropped = s->ledger->dropped_until;
    int64_t t = rows == KT_TIME_NONE || (facts != KT_TIME_NONE && facts < rows) ? facts : rows;
    return dropped != KT_TIME_NONE && (t == KT_TIME_NONE || dropped > t) ? dropped : t;
}

static int by_since(const void *va, const void *vb)
{
    const struct kt_sibling *a = va, *b = vb;
    if (a->since != b->since)
        return a->since < b->since ? -1 : 1;
    size_t n = a->id.n < b->id.n ? a->id.n : b->id.n;
    int order = n ? memcmp(a->id.p, b->id.p, n) : 0;
    return order ? order : (a->id.n > b->id.n) - (a->id.n < b->id.n);
}

/* --- its user's other keys ------------------------------------------------------- */

/* When it was there for the first time, as far as was seen. */
static const struct moment *began(const struct life *x)
{
    return x->creation.set ? &x->creation : x->first.set ? &x->first : NULL;
}

/* Was `x` active when `y` was made? */
static bool was_active(const struct life *x, const struct life *y)
{
    const struct moment *m = began(x), *made = &y->creation;
    bool active = m && m->time != KT_TIME_NONE && is_before(m->time, m->mark, made->time, made->mark);
    for (uint32_t i = 0; i < x->n_change; i++)
        if (x->change[i].time != KT_TIME_NONE && x->change[i].time <= made->time)
            active = x->change[i].kind == KT_KIND_REACTIVATION;
    return active;
}

size_t kt_store_key_siblings(struct kt_store *s, struct kt_span key, struct kt_arena *a, struct kt_sibling *out,
                             size_t max)
{
    struct copy c = {.a = a, .ok = true};
    size_t n = 0;
    int looked = 0;
    store_lock(s);
    c.l = s->ledger;
    uint32_t i = c.l && key.p ? life_find(c.l, key) : 0;
    const struct life *y = i ? life_at(c.l, i) : NULL;
    bool made = y && y->creation.set && y->creation.time != KT_TIME_NONE;
    for (uint32_t k = made && y->owner ? owner_first(c.l, y->owner) : 0; k && looked++ < KT_LIFE_FAMILY;
         k = life_at(c.l, k)->sibling) {
        const struct life *x = life_at(c.l, k);
        if (k == i || !was_active(x, y))
            continue;
        const struct moment *m = began(x);
        if (n < max)
            out[n] = (struct kt_sibling){keep(&c, life_id(c.l, x)), m ? id_of(&c, m->mark, m->uuid) : KT_SPAN_NONE,
                                         m ? m->time : KT_TIME_NONE};
        n++;
    }
    store_unlock(s);
    if (n > 1 && max > 1)
        qsort(out, n < max ? n : max, sizeof *out, by_since);
    return n;
}

size_t kt_store_key_rows(struct kt_store *s, struct kt_span key, uint64_t *out, size_t max)
{
    size_t n = 0;
    int looked = 0;
    store_lock(s);
    struct ledger *l = s->ledger;
    uint32_t i = l && key.p ? life_find(l, key) : 0;
    if (i && life_at(l, i)->seq && n < max)
        out[n++] = life_at(l, i)->seq;
    for (uint32_t k = i && life_at(l, i)->owner ? owner_first(l, life_at(l, i)->owner) : 0;
         k && n < max && looked++ < KT_LIFE_FAMILY; k = life_at(l, k)->sibling)
        if (k != i && life_at(l, k)->seq)
            out[n++] = life_at(l, k)->seq;
    store_unlock(s);
    return n;
}

/* --- the whole ---------------------------------------------------------------------- */

static int by_uses(const void *va, const void *vb)
{
    const struct kt_life_place *a = va, *b = vb;
    if (a->uses != b->uses)
        return a->uses > b->uses ? -1 : 1;
    if (a->first != b->first)
        return b->first == KT_TIME_NONE || (a->first != KT_TIME_NONE && a->first < b->first) ? -1 : 1;
    const struct kt_span x[] = {a->name, a->agent.tool, a->agent.version, a->agent.os, a->agent.text};
    const struct kt_span y[] = {b->name, b->agent.tool, b->agent.version, b->agent.os, b->agent.text};
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
        size_t n = x[i].n < y[i].n ? x[i].n : y[i].n;
        int order = n ? memcmp(x[i].p, y[i].p, n) : 0;
        if (order || x[i].n != y[i].n)
            return order ? order : x[i].n < y[i].n ? -1 : 1;
    }
    return 0;
}

static void sort_places(const struct kt_life_place *p, size_t n)
{
    if (n)
        qsort((struct kt_life_place *)(uintptr_t)p, n, sizeof *p, by_uses);
}

static void tell_owner(struct copy *c, const struct life *x, struct kt_key_life *out)
{
    struct parts owner;
    parts_unpack(x->owner ? sym_span(&c->l->owner, x->owner) : KT_SPAN_NONE, &owner);
    out->account = keep(c, owner.part[OWNER_ACCOUNT]);
    out->user = keep(c, owner.part[OWNER_NAME]);
    out->root = owner.tag != 0;
}

static void tell_counts(const struct life *x, struct kt_key_life *out)
{
    out->version = x->version;
    out->seq = x->seq;
    out->uses = x->tally.uses;
    out->denied = x->tally.denied;
    out->failed = x->tally.failed;
    out->deactivations = x->tally.deactivations;
    out->reactivations = x->tally.reactivations;
    out->deletions = x->tally.deletions;
    out->changes_beyond = x->changes_beyond;
    out->addresses_beyond = x->address.beyond;
    out->agents_beyond = x->agent.beyond;
    out->n_address = x->address.n;
    out->n_agent = x->agent.n;
    out->n_change = x->n_change;
}

static void tell(struct kt_store *s, uint32_t i, struct copy *c, struct kt_key_life *out)
{
    const struct ledger *l = c->l;
    const struct life *x = life_at(l, i);
    *out = (struct kt_key_life){.id = keep(c, life_id(l, x)), .state = state_of(x), .created = x->creation.set};
    tell_counts(x, out);
    tell_owner(c, x, out);
    out->creation = moment_of(c, &x->creation);
    struct parts creator = parts_of(c, x->creator);
    out->creator = keep(c, creator.part[ACTOR_NAME]);
    out->creator_type = keep(c, creator.part[ACTOR_TYPE]);
    out->creator_session = keep(c, creator.part[ACTOR_SESSION]);
    out->first_use = moment_of(c, &x->first);
    out->last_use = moment_of(c, &x->last);
    out->first_elsewhere = elsewhere(c, x);
    out->first_other_agent = other_agent(c, x);
    out->address = places_of(c, &x->address, false);
    out->agent = places_of(c, &x->agent, true);
    out->change = changes_of(c, x);
    uint32_t into = successor(l, i), of = predecessor(l, i);
    out->rotated_into = into ? keep(c, life_id(l, life_at(l, into))) : KT_SPAN_NONE;
    out->rotation_of = of ? keep(c, life_id(l, life_at(l, of))) : KT_SPAN_NONE;
    out->since = begins(s);
}

bool kt_store_key_life(struct kt_store *s, struct kt_span key, struct kt_arena *a, struct kt_key_life *out)
{
    struct copy c = {.a = a, .ok = true};
    store_lock(s);
    c.l = s->ledger;
    uint32_t i = c.l && key.p ? life_find(c.l, key) : 0;
    if (i)
        tell(s, i, &c, out);
    store_unlock(s);
    if (!i || !c.ok)
        return false;
    sort_places(out->address, out->n_address);
    sort_places(out->agent, out->n_agent);
    return true;
}

bool kt_store_key_is_of(struct kt_store *s, struct kt_span key, struct kt_span account, struct kt_span user, bool *replaces)
{
    struct parts owner;
    store_lock(s);
    const struct ledger *l = s->ledger;
    uint32_t i = l && key.p ? life_find(l, key) : 0;
    const struct life *x = i ? life_at(l, i) : NULL;
    bool is = x && x->owner;
    if (is) {
        parts_unpack(sym_span(&l->owner, x->owner), &owner);
        is = kt_span_eq(owner.part[OWNER_NAME], user) && kt_span_eq(owner.part[OWNER_ACCOUNT], account);
    }
    if (replaces)
        *replaces = is && predecessor(l, i);
    store_unlock(s);
    return is;
}

struct kt_span kt_store_key_user(struct kt_store *s, struct kt_span key, struct kt_arena *a)
{
    struct copy c = {.a = a, .ok = true};
    struct kt_key_life of = {.user = KT_SPAN_NONE};
    store_lock(s);
    c.l = s->ledger;
    uint32_t i = c.l && key.p ? life_find(c.l, key) : 0;
    if (i)
        tell_owner(&c, life_at(c.l, i), &of);
    store_unlock(s);
    return of.user;
}

enum kt_key_state kt_store_key_state(struct kt_store *s, struct kt_span key, uint64_t *version)
{
    store_lock(s);
    uint32_t i = s->ledger && key.p ? life_find(s->ledger, key) : 0;
    const struct life *x = i ? life_at(s->ledger, i) : NULL;
    enum kt_key_state state = x ? state_of(x) : KT_KEY_UNKNOWN;
    if (version)
        *version = x ? x->version : 0;
    store_unlock(s);
    return state;
}
