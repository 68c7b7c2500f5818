/* The writer's side of the ledger. */
#include "store/ledger_impl.h"

#include "base/hash.h"

#include <stdlib.h>

/* --- facts of an event ------------------------------------------------------- */

static bool is_root(const struct kt_event *ev)
{
    return kt_span_is(ev->actor.type, "Root");
}

static struct kt_fact fact_of(const struct kt_event *ev, enum kt_kind kind)
{
    return (struct kt_fact){
        .kind = kind,
        .result = kt_event_result(ev->error_code, kind),
        .time = ev->time,
        .event_id = ev->event_id,
        .event_name = ev->event_name,
        .event_source = ev->event_source,
        .address = ev->source.address,
        .address_kind = ev->source.kind,
        .agent = ev->agent.text,
        .from_console = ev->agent.cls == KT_AGENT_CONSOLE || ev->agent.cls == KT_AGENT_CLOUDSHELL,
    };
}

size_t kt_facts_of(const struct kt_event *ev, uint64_t seq, struct kt_fact out[2])
{
    size_t n = 0;
    bool happened = ev->result == KT_RESULT_CREATED || ev->result == KT_RESULT_DONE;
    if (happened && kt_span_known(ev->key.id) &&
        (ev->kind == KT_KIND_CREATION || ev->kind == KT_KIND_DEACTIVATION || ev->kind == KT_KIND_REACTIVATION ||
         ev->kind == KT_KIND_DELETION)) {
        struct kt_fact *f = &out[n++];
        *f = fact_of(ev, ev->kind);
        f->key = ev->key.id;
        f->account = ev->target.account;
        f->user = ev->target.name;
        f->root = ev->target.from == KT_TARGET_CALLER && is_root(ev);
        f->actor = ev->actor.name;
        f->actor_type = ev->actor.type;
        f->actor_session = ev->actor.session;
        f->seq = ev->kind == KT_KIND_CREATION ? seq : 0;
    }
    if (kt_event_long_lived(ev->actor.access_key_id)) {
        struct kt_fact *f = &out[n++];
        *f = fact_of(ev, KT_KIND_USE);
        f->from_console = false; /* a call with a long-lived key has no session */
        f->key = ev->actor.access_key_id;
        f->account = ev->actor.account;
        f->user = ev->actor.name;
        f->root = is_root(ev);
    }
    return n;
}

/* --- texts put together ------------------------------------------------------ */

#define UNKNOWN_LEN ((uint16_t)0xffff)
_Static_assert((int)KT_LIFE_TEXT < 0xffff, "a length must tell itself from unknown");

size_t parts_pack(const struct parts *p, char out[PARTS_BYTES])
{
    size_t at = 0;
    out[at++] = (char)p->tag;
    for (size_t i = 0; i < p->n; i++) {
        struct kt_span s = p->part[i];
        size_t n = s.n < KT_LIFE_TEXT ? s.n : KT_LIFE_TEXT;
        uint16_t len = s.p ? (uint16_t)n : UNKNOWN_LEN;
        memcpy(out + at, &len, sizeof len);
        at += sizeof len;
        if (s.p && n) {
            memcpy(out + at, s.p, n);
            at += n;
        }
    }
    return at;
}

void parts_unpack(struct kt_span packed, struct parts *out)
{
    *out = (struct parts){0};
    if (!packed.n)
        return;
    out->tag = (uint8_t)packed.p[0];
    for (size_t at = 1; at < packed.n && out->n < PARTS_MAX;) {
        uint16_t len;
        memcpy(&len, packed.p + at, sizeof len);
        at += sizeof len;
        if (len != UNKNOWN_LEN) {
            out->part[out->n] = (struct kt_span){packed.p + at, len};
            at += len;
        }
        out->n++;
    }
}

/* --- moments ------------------------------------------------------------------- */

bool is_before(int64_t time_a, const uint8_t mark_a[MARK], int64_t time_b, const uint8_t mark_b[MARK])
{
    if (time_a != time_b)
        return time_b == KT_TIME_NONE || (time_a != KT_TIME_NONE && time_a < time_b);
    return memcmp(mark_a, mark_b, MARK) < 0;
}

/* An unknown time is neither before nor after a known one. */
static bool is_after(int64_t time_a, const uint8_t mark_a[MARK], int64_t time_b, const uint8_t mark_b[MARK])
{
    if (time_a != time_b)
        return time_b == KT_TIME_NONE || (time_a != KT_TIME_NONE && time_a > time_b);
    return memcmp(mark_a, mark_b, MARK) > 0;
}

/* What an event is known by: a UUID's own bytes (then true), or a digest. */
static bool mark_of(const struct kt_fact *f, uint8_t out[MARK])
{
    uint8_t sha[KT_SHA256];
    if (uuid_pack(f->event_id, out))
        return true;
    if (f->event_id.n) {
        kt_sha256(f->event_id.p, f->event_id.n, sha);
        memcpy(out, sha, MARK);
        return false;
    }
    const struct kt_span all[] = {f->key, f->event_name, f->event_source, f->address, f->agent, f->actor};
    uint8_t each[sizeof all / sizeof *all + 1][KT_SHA256];
    memset(each, 0, sizeof each);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].p)
            kt_sha256(all[i].p, all[i].n, each[i]);
    memcpy(each[sizeof all / sizeof *all], &f->time, sizeof f->time);
    kt_sha256(each, sizeof each, sha);
    memcpy(out, sha, MARK);
    return false;
}

/* --- things --------------------------------------------------------------------- */

static uint32_t thing(struct ledger *l, const char *p, size_t n)
{
    return sym_intern(&l->thing, p, n, 0, NULL);
}

static uint32_t thing_of(struct ledger *l, const struct parts *p)
{
    char packed[PARTS_BYTES];
    bool known = false;
    for (size_t i = 0; i < p->n; i++)
        known |= kt_span_known(p->part[i]);
    return known ? thing(l, packed, parts_pack(p, packed)) : 0;
}

static void hold(struct ledger *l, uint32_t id)
{
    if (id)
        sym_at(&l->thing, id)->refs++;
}

static void let_go(struct ledger *l, uint32_t id)
{
    if (sym_release(&l->thing, id))
        sym_remove(&l->thing, id);
}

static void replace(struct ledger *l, uint32_t *place, uint32_t id)
{
    hold(l, id);
    let_go(l, *place);
    *place = id;
}

/* The things that a fact speaks of; each is held until it is let go of. */
struct spoken {
    uint32_t call, address, agent, actor, owner;
    uint8_t owner_rank; /* the less, the better it is known */
    uint8_t mark[MARK];
    bool uuid;
};

/* Not under the lock: what a text is read as. */
static size_t read_agent(struct ledger *l, const struct kt_fact *f, char out[PARTS_BYTES])
{
    if (!kt_span_known(f->agent))
        return 0;
    bool may_keep = !f->from_console && f->agent.n < KT_LIFE_TEXT;
    struct agent_known *k = may_keep ? &l->cache[kt_hash(f->agent.p, f->agent.n) % AGENT_CACHE] : NULL;
    if (k && k->packed && k->n == f->agent.n && memcmp(k->text, f->agent.p, k->n) == 0) {
        memcpy(out, k->bytes, k->packed);
        return k->packed;
    }
    struct kt_agent g;
    kt_arena_reset(l->arena);
    kt_agent_parse(f->agent, f->from_console, KT_SPAN_NONE, l->arena, &g);
    struct parts p = {(uint8_t)g.cls, 4, {g.tool.p ? KT_SPAN_NONE : f->agent, g.tool, g.version, g.os}};
    size_t n = parts_pack(&p, out);
    if (k && n <= sizeof k->bytes) {
        k->n = f->agent.n;
        k->packed = n;
        memcpy(k->text, f->agent.p, k->n);
        memcpy(k->bytes, out, n);
    }
    return n;
}

static uint32_t owner_of(struct ledger *l, const struct kt_fact *f)
{
    char packed[PARTS_BYTES];
    if (!kt_span_known(f->user))
        return 0;
    struct parts p = {f->root, 2, {f->account, f->user}};
    return sym_intern(&l->owner, packed, parts_pack(&p, packed), sizeof(uint32_t), NULL);
}

static bool speak(struct ledger *l, const struct kt_fact *f, const char *agent, size_t n_agent, struct spoken *out)
{
    const struct parts call = {0, 2, {f->event_source, f->event_name}};
    const struct parts address = {(uint8_t)f->address_kind, 1, {f->address}};
    const struct parts actor = {0, 3, {f->actor_type, f->actor, f->actor_session}};
    out->call = thing_of(l, &call);
    out->address = thing_of(l, &address);
    out->actor = thing_of(l, &actor);
    out->agent = n_agent ? thing(l, agent, n_agent) : 0;
    out->owner = owner_of(l, f);
    out->owner_rank = f->kind == KT_KIND_CREATION ? 0 : f->kind == KT_KIND_USE ? 1 : 2;
    return (out->call || !(f->event_name.p || f->event_source.p)) && (out->address || !f->address.p) &&
           (out->agent || !n_agent) && (out->owner || !f->user.p) &&
           (out->actor || !(f->actor.p || f->actor_type.p || f->actor_session.p));
}

static void let_go_owner(struct ledger *l, uint32_t owner)
{
    if (sym_release(&l->owner, owner))
        sym_remove(&l->owner, owner);
}

static void fall_silent(struct ledger *l, const struct spoken *w)
{
    const uint32_t all[] = {w->call, w->address, w->agent, w->actor};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        let_go(l, all[i]);
    let_go_owner(l, w->owner);
}

/* --- lives: found, made, dropped ------------------------------------------------- */

uint32_t life_find(const struct ledger *l, struct kt_span id)
{
    uint32_t hash = (uint32_t)kt_hash(id.p, id.n);
    for (size_t at = hash & (l->cap - 1); l->cap && l->slot[at]; at = (at + 1) & (l->cap - 1)) {
        const struct life *x = life_at(l, l->slot[at]);
        if (x->hash == hash && kt_span_eq(life_id(l, x), id))
            return l->slot[at];
    }
    return 0;
}

static void put_slot(const struct ledger *l, uint32_t *slot, size_t cap, uint32_t i)
{
    size_t at = life_at(l, i)->hash & (cap - 1);
    while (slot[at])
        at = (at + 1) & (cap - 1);
    slot[at] = i;
}

static void take_slot(struct ledger *l, uint32_t i)
{
    size_t mask = l->cap - 1, at = life_at(l, i)->hash & mask;
    while (l->slot[at] != i)
        at = (at + 1) & mask;
    for (size_t next = (at + 1) & mask; l->slot[next]; next = (next + 1) & mask) {
        size_t home = life_at(l, l->slot[next])->hash & mask;
        if (((next - home) & mask) >= ((next - at) & mask)) {
            l->slot[at] = l->slot[next];
            at = next;
        }
    }
    l->slot[at] = 0;
}

/* Grows what readers look into: made without the lock, put in place with it. */
static bool slots_prepare(struct kt_store *s)
{
    struct ledger *l = s->ledger;
    if (((size_t)l->n + 1) * 10 <= l->cap * 7)
        return true;
    size_t cap = l->cap ? l->cap * 2 : 256;
    uint32_t *slot = mem_zero(&l->mem, cap * sizeof *slot), *old = l->slot;
    if (!slot)
        return false;
    for (size_t i = 0; i < l->cap; i++)
        if (l->slot[i])
            put_slot(l, slot, cap, l->slot[i]);
    store_lock(s);
    l->slot = slot;
    l->cap = cap;
    store_unlock(s);
    mem_free(&l->mem, old);
    return true;
}

static void unlink_news(struct ledger *l, uint32_t i)
{
    struct life *x = life_at(l, i);
    *(x->newer ? &life_at(l, x->newer)->older : &l->newest) = x->older;
    *(x->older ? &life_at(l, x->older)->newer : &l->oldest) = x->newer;
    x->newer = x->older = 0;
}

static void link_news(struct ledger *l, uint32_t i)
{
    struct life *x = life_at(l, i);
    x->older = l->newest;
    *(l->newest ? &life_at(l, l->newest)->newer : &l->oldest) = i;
    l->newest = i;
}

static void owner_set_first(struct ledger *l, uint32_t owner, uint32_t i)
{
    struct sym *y = sym_at(&l->owner, owner);
    memcpy(y->bytes + y->len, &i, sizeof i);
}

static void leave_owner(struct ledger *l, uint32_t i)
{
    struct life *x = life_at(l, i);
    if (!x->owner)
        return;
    if (x->before)
        life_at(l, x->before)->sibling = x->sibling;
    else
        owner_set_first(l, x->owner, x->sibling);
    if (x->sibling)
        life_at(l, x->sibling)->before = x->before;
    let_go_owner(l, x->owner);
    x->owner = x->sibling = x->before = 0;
}

static void join_owner(struct ledger *l, uint32_t i, uint32_t owner)
{
    struct life *x = life_at(l, i);
    sym_at(&l->owner, owner)->refs++;
    leave_owner(l, i);
    x->owner = owner;
    x->sibling = owner_first(l, owner);
    if (x->sibling)
        life_at(l, x->sibling)->before = i;
    owner_set_first(l, owner, i);
}

static void moment_clear(struct ledger *l, struct moment *m)
{
    let_go(l, m->call);
    let_go(l, m->address);
    let_go(l, m->agent);
    *m = (struct moment){.time = KT_TIME_NONE};
}

static void places_clear(struct ledger *l, struct places *p)
{
    for (uint32_t i = 0; i < p->n; i++)
        let_go(l, p->p[i].what);
    mem_free(&l->mem, p->p);
    *p = (struct places){0};
}

static void drop_life(struct kt_store *s, uint32_t i)
{
    struct ledger *l = s->ledger;
    struct life *x = life_at(l, i);
    if (x->news != KT_TIME_NONE && (l->dropped_until == KT_TIME_NONE || x->news > l->dropped_until))
        l->dropped_until = x->news;
    take_slot(l, i);
    unlink_news(l, i);
    leave_owner(l, i);
    moment_clear(l, &x->creation);
    moment_clear(l, &x->first);
    moment_clear(l, &x->last);
    places_clear(l, &x->address);
    places_clear(l, &x->agent);
    for (uint32_t k = 0; k < x->n_change; k++) {
        let_go(l, x->change[k].actor);
        let_go(l, x->change[k].address);
    }
    mem_free(&l->mem, x->change);
    let_go(l, x->creator);
    let_go(l, x->id);
    *x = (struct life){.older = l->free};
    l->free = i;
    l->n--;
    s->counts.keys--;
    s->counts.keys_dropped++;
}

static uint64_t memory_of(const struct kt_store *s)
{
    uint64_t share = s->o.memory_max / 4;
    return share > KT_LIFE_MEMORY ? share : KT_LIFE_MEMORY;
}

static void retain(struct kt_store *s)
{
    struct ledger *l = s->ledger;
    for (int i = 0; i < EVICT_A_FACT && l->n > 1; i++) {
        if (l->n <= KT_LIFE_KEYS - 1 && atomic_load(&l->mem.bytes) <= memory_of(s))
            return;
        drop_life(s, l->oldest);
    }
}

static uint32_t free_place(struct ledger *l)
{
    uint32_t i = l->free;
    if (i) {
        l->free = life_at(l, i)->older;
        return i;
    }
    if (l->top == KT_LIFE_KEYS)
        return 0;
    struct life **page = &l->page[l->top / LIFE_PAGE];
    if (!*page)
        *page = mem_zero(&l->mem, LIFE_PAGE * sizeof **page);
    return *page ? ++l->top : 0;
}

uint32_t life_get(struct kt_store *s, struct kt_span id)
{
    struct ledger *l = s->ledger;
    uint32_t i = life_find(l, id);
    if (i)
        return i;
    const struct parts p = {0, 1, {id}};
    uint32_t name = thing_of(l, &p);
    i = name ? free_place(l) : 0;
    if (!i) {
        let_go(l, name);
        return 0;
    }
    struct life *x = life_at(l, i);
    *x = (struct life){.id = name, .hash = (uint32_t)kt_hash(id.p, id.n), .news = KT_TIME_NONE};
    x->owned.time = x->creation.time = x->first.time = x->last.time = KT_TIME_NONE;
    put_slot(l, l->slot, l->cap, i);
    link_news(l, i);
    l->n++;
    s->counts.keys++;
    return i;
}

/* --- a fact goes into a life ----------------------------------------------------- */

static void set_moment(struct ledger *l, struct moment *m, const struct kt_fact *f, const struct spoken *w)
{
    replace(l, &m->call, w->call);
    replace(l, &m->address, w->address);
    replace(l, &m->agent, w->agent);
    m->time = f->time;
    memcpy(m->mark, w->mark, MARK);
    m->result = (uint8_t)f->result;
    m->uuid = w->uuid;
    m->set = true;
}

static struct place *place_get(struct ledger *l, struct places *p, uint32_t what)
{
    for (uint32_t i = 0; i < p->n; i++)
        if (p->p[i].what == what)
            return &p->p[i];
    if (p->n == KT_LIFE_PLACES)
        return NULL;
    if (p->n == p->cap) {
        uint32_t cap = p->cap ? p->cap * 2 : 2;
        struct place *q = mem_resize(&l->mem, p->p, cap * sizeof *q);
        if (!q)
            return NULL;
        p->p = q;
        p->cap = cap;
    }
    struct place *x = &p->p[p->n++];
    *x = (struct place){.what = what, .first = KT_TIME_NONE, .last = KT_TIME_NONE};
    hold(l, what);
    return x;
}

static void widen(int64_t t, int64_t *first, int64_t *last)
{
    if (t == KT_TIME_NONE)
        return;
    if (*first == KT_TIME_NONE || t < *first)
        *first = t;
    if (*last == KT_TIME_NONE || t > *last)
        *last = t;
}

/* True: a place that is new to it. */
static bool see_place(struct ledger *l, struct places *p, uint32_t what, const struct kt_fact *f)
{
    uint32_t had = p->n;
    if (!what)
        return false;
    struct place *x = place_get(l, p, what);
    if (!x) {
        p->beyond++;
        return false;
    }
    x->uses++;
    x->denied += f->result == KT_RESULT_DENIED;
    widen(f->time, &x->first, &x->last);
    return p->n > had;
}

/* True: more than a count and the last time is another. */
static bool see_use(struct ledger *l, struct life *x, const struct kt_fact *f, const struct spoken *w)
{
    x->tally.uses++;
    x->tally.denied += f->result == KT_RESULT_DENIED;
    x->tally.failed += f->result == KT_RESULT_FAILED;
    bool turns = !x->first.set || is_before(f->time, w->mark, x->first.time, x->first.mark);
    if (turns)
        set_moment(l, &x->first, f, w);
    if (!x->last.set || is_after(f->time, w->mark, x->last.time, x->last.mark))
        set_moment(l, &x->last, f, w);
    turns |= see_place(l, &x->address, w->address, f);
    return see_place(l, &x->agent, w->agent, f) || turns;
}

static bool see_creation(struct ledger *l, struct life *x, const struct kt_fact *f, const struct spoken *w)
{
    struct moment *m = &x->creation;
    if (m->set && memcmp(m->mark, w->mark, MARK) == 0) {
        x->seq = f->seq ? f->seq : x->seq; /* it was known from an earlier run: now it has a row */
        return false;
    }
    if (m->set && !is_before(f->time, w->mark, m->time, m->mark))
        return true;
    set_moment(l, m, f, w);
    replace(l, &x->creator, w->actor);
    x->seq = f->seq;
    return true;
}

static bool change_room(struct ledger *l, struct life *x)
{
    if (x->n_change < x->changes_cap)
        return true;
    uint32_t cap = x->changes_cap ? x->changes_cap * 2 : 2;
    struct change *c = mem_resize(&l->mem, x->change, cap * sizeof *c);
    if (!c)
        return false;
    x->change = c;
    x->changes_cap = cap;
    return true;
}

/* Kept in order; of too many those in the middle go. */
static bool see_change(struct ledger *l, struct life *x, const struct kt_fact *f, const struct spoken *w)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < x->n_change; i++) {
        const struct change *c = &x->change[i];
        if (c->kind == f->kind && memcmp(c->mark, w->mark, MARK) == 0)
            return false;
        at += is_before(c->time, c->mark, f->time, w->mark);
    }
    x->tally.deactivations += f->kind == KT_KIND_DEACTIVATION;
    x->tally.reactivations += f->kind == KT_KIND_REACTIVATION;
    x->tally.deletions += f->kind == KT_KIND_DELETION;
    if (!change_room(l, x)) {
        x->changes_beyond++;
        return true;
    }
    memmove(x->change + at + 1, x->change + at, (x->n_change - at) * sizeof *x->change);
    x->change[at] = (struct change){.time = f->time, .kind = (uint8_t)f->kind, .uuid = w->uuid};
    memcpy(x->change[at].mark, w->mark, MARK);
    replace(l, &x->change[at].actor, w->actor);
    replace(l, &x->change[at].address, w->address);
    if (++x->n_change <= KT_LIFE_CHANGES)
        return true;
    enum { MIDDLE = KT_LIFE_CHANGES / 2 };
    let_go(l, x->change[MIDDLE].actor);
    let_go(l, x->change[MIDDLE].address);
    x->n_change--;
    memmove(x->change + MIDDLE, x->change + MIDDLE + 1, (x->n_change - MIDDLE) * sizeof *x->change);
    x->changes_beyond++;
    return true;
}

/* The best of those who say whose key it is: its creation, then the earliest. */
static void see_owner(struct ledger *l, uint32_t i, const struct kt_fact *f, const struct spoken *w)
{
    struct life *x = life_at(l, i);
    bool better = !x->owner || w->owner_rank < x->owner_rank ||
                  (w->owner_rank == x->owner_rank && is_before(f->time, w->mark, x->owned.time, x->owned.mark));
    if (!w->owner || !better)
        return;
    join_owner(l, i, w->owner);
    x->owner_rank = w->owner_rank;
    x->owned.time = f->time;
    memcpy(x->owned.mark, w->mark, MARK);
}

void life_changed(struct ledger *l, uint32_t i)
{
    struct life *x = life_at(l, i);
    if (!l->dirty || x->dirty || !x->id || l->n_dirty == KT_LIFE_KEYS)
        return;
    x->dirty = true;
    l->dirty[l->n_dirty++] = i;
}

/* Where nobody takes them for long, the older half is let go of: a use that
 * comes again after the next start may then be counted twice. */
static void keep_mark(struct ledger *l, const uint8_t mark[MARK])
{
    if (!l->dirty)
        return;
    if (l->n_fresh == l->fresh_cap && l->fresh_cap < KT_LIFE_WINDOW) {
        size_t cap = l->fresh_cap ? l->fresh_cap * 2 : 1024;
        uint8_t (*fresh)[MARK] = mem_resize(&l->mem, l->fresh, cap * MARK);
        l->fresh = fresh ? fresh : l->fresh;
        l->fresh_cap = fresh ? cap : l->fresh_cap;
    }
    if (l->n_fresh == l->fresh_cap) {
        l->n_fresh /= 2;
        if (!l->n_fresh)
            return;
        memmove(l->fresh, l->fresh + (l->fresh_cap - l->n_fresh), l->n_fresh * MARK);
    }
    memcpy(l->fresh[l->n_fresh++], mark, MARK);
}

void life_owned(struct ledger *l, uint32_t i, struct kt_span owner, uint8_t rank)
{
    uint32_t number = sym_intern(&l->owner, owner.p, owner.n, sizeof(uint32_t), NULL);
    if (!number)
        return;
    join_owner(l, i, number);
    life_at(l, i)->owner_rank = rank;
    let_go_owner(l, number);
}

static bool see(struct ledger *l, uint32_t i, const struct kt_fact *f, const struct spoken *w, bool *turns)
{
    struct life *x = life_at(l, i);
    bool news = true;
    if (f->kind == KT_KIND_USE)
        *turns = see_use(l, x, f, w);
    else if (f->kind == KT_KIND_CREATION)
        news = see_creation(l, x, f, w);
    else
        news = see_change(l, x, f, w);
    if (!news)
        return false;
    uint32_t owner = x->owner;
    see_owner(l, i, f, w);
    *turns |= f->kind != KT_KIND_USE || x->owner != owner;
    x->version++;
    int64_t none = KT_TIME_NONE;
    widen(f->time, &none, &x->news);
    widen(f->time, &l->begins, &none);
    unlink_news(l, i);
    link_news(l, i);
    life_changed(l, i);
    return true;
}

/* --- learning --------------------------------------------------------------------- */

/* The window of uses takes less than half of the ledger's memory. */
static size_t window_of(const struct kt_store *s)
{
    uint64_t most = memory_of(s) / (4 * DIGEST);
    return most < KT_LIFE_WINDOW ? (size_t)most : KT_LIFE_WINDOW;
}

static struct ledger *ledger_new(const struct kt_store *s)
{
    struct ledger *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    symtab_init(&l->thing, &l->mem);
    symtab_init(&l->owner, &l->mem);
    l->begins = l->dropped_until = KT_TIME_NONE;
    l->window.max = window_of(s);
    l->arena = kt_arena_new(1 << 20);
    l->cache = mem_zero(&l->mem, AGENT_CACHE * sizeof *l->cache);
    if (l->arena && l->cache)
        return l;
    kt_arena_free(l->arena);
    mem_free(&l->mem, l->cache);
    free(l);
    return NULL;
}

void ledger_free(struct kt_store *s)
{
    struct ledger *l = s->ledger;
    if (!l)
        return;
    for (uint32_t i = 1; i <= l->top; i++) {
        struct life *x = life_at(l, i);
        mem_free(&l->mem, x->address.p);
        mem_free(&l->mem, x->agent.p);
        mem_free(&l->mem, x->change);
    }
    for (size_t i = 0; i < sizeof l->page / sizeof *l->page; i++)
        mem_free(&l->mem, l->page[i]);
    symtab_free(&l->thing);
    symtab_free(&l->owner);
    mem_free(&l->mem, l->slot);
    mem_free(&l->mem, l->dirty);
    mem_free(&l->mem, l->fresh);
    digests_free(&l->window, &l->mem);
    kt_arena_free(l->arena);
    mem_free(&l->mem, l->cache);
    free(l);
    s->ledger = NULL;
}

size_t ledger_memory(const struct kt_store *s)
{
    return s->ledger ? sizeof *s->ledger + atomic_load(&s->ledger->mem.bytes) : 0;
}

/* Long enough to be one, and not made unknowable ("AKIA****************"). */
static bool is_key(struct kt_span id)
{
    if (!id.p || id.n < 8 || id.n > 128)
        return false;
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'))
            return false;
    }
    return true;
}

static bool is_of_life(enum kt_kind k)
{
    return k == KT_KIND_CREATION || k == KT_KIND_USE || k == KT_KIND_DEACTIVATION || k == KT_KIND_REACTIVATION ||
           k == KT_KIND_DELETION;
}

bool ledger_prepare(struct kt_store *s)
{
    if (!s->ledger) {
        struct ledger *l = ledger_new(s);
        if (!l)
            return false;
        store_lock(s);
        s->ledger = l;
        store_unlock(s);
    }
    struct ledger *l = s->ledger;
    return sym_prepare(&l->thing, 8) && sym_prepare(&l->owner, 2) && slots_prepare(s) &&
           digests_prepare(&l->window, &l->mem, 1);
}

static enum kt_learnt count(struct kt_store *s, uint64_t *which, enum kt_learnt how)
{
    store_lock(s);
    ++*which;
    store_unlock(s);
    return how;
}

enum kt_learnt kt_store_learn(struct kt_store *s, const struct kt_fact *f)
{
    bool turns;
    return kt_store_learn_more(s, f, &turns);
}

enum kt_learnt kt_store_learn_more(struct kt_store *s, const struct kt_fact *f, bool *turns)
{
    struct spoken w = {0};
    char agent[PARTS_BYTES];
    *turns = false;
    if (!is_of_life(f->kind) || !is_key(f->key))
        return KT_LEARNT_ODD;
    if (!ledger_prepare(s))
        return count(s, &s->counts.facts_lost, KT_LEARNT_NOT);
    struct ledger *l = s->ledger;
    w.uuid = mark_of(f, w.mark);
    if (f->kind == KT_KIND_USE && digests_have(&l->window, w.mark))
        return count(s, &s->counts.facts_duplicate, KT_LEARNT_BEFORE);
    size_t n_agent = read_agent(l, f, agent);

    store_lock(s);
    uint32_t i = speak(l, f, agent, n_agent, &w) ? life_get(s, f->key) : 0;
    bool news = i && see(l, i, f, &w, turns);
    fall_silent(l, &w);
    if (news && f->kind == KT_KIND_USE)
        keep_mark(l, w.mark);
    if (news)
        retain(s);
    ++*(!i ? &s->counts.facts_lost : news ? &s->counts.facts : &s->counts.facts_duplicate);
    store_unlock(s);
    if (news && f->kind == KT_KIND_USE)
        digests_add(&l->window, w.mark);
    return !i ? KT_LEARNT_NOT : news ? KT_LEARNT : KT_LEARNT_BEFORE;
}
