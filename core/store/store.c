#include "store/store.h"

#include "base/hash.h"
#include "store/impl.h"

#include <stdlib.h>
#include <string.h>

/* --- the lock -------------------------------------------------------------------- */

/* A mutex alone would let the worker take it again and again before a waiting
 * thread is awake; who waits holds the gate, so the next slice waits there. */
/* Only the thread itself writes its own number there, so that no order is needed. */
static bool has_it(struct kt_store *s)
{
    return atomic_load_explicit(&s->holder, memory_order_relaxed) == (uintptr_t)pthread_self();
}

void store_lock(struct kt_store *s)
{
    if (has_it(s))
        return;
    (void)pthread_mutex_lock(&s->gate);
    (void)pthread_mutex_lock(&s->lock);
    (void)pthread_mutex_unlock(&s->gate);
}

void store_unlock(struct kt_store *s)
{
    if (!has_it(s))
        (void)pthread_mutex_unlock(&s->lock);
}

void kt_store_hold(struct kt_store *s)
{
    store_lock(s);
    atomic_store_explicit(&s->holder, (uintptr_t)pthread_self(), memory_order_relaxed);
}

void kt_store_release(struct kt_store *s)
{
    atomic_store_explicit(&s->holder, 0, memory_order_relaxed);
    store_unlock(s);
}

/* --- making and ending -------------------------------------------------------------- */

static void set_limits(struct kt_store *s)
{
    struct kt_store_opts *o = &s->o;
    o->rows_max = o->rows_max ? o->rows_max : 2000000;
    o->rows_max = o->rows_max < ROWS_MAX ? o->rows_max : ROWS_MAX;
    o->memory_max = o->memory_max ? o->memory_max : UINT64_C(2) << 30;
    uint64_t max = o->rows_max < FORGOTTEN_MAX ? o->rows_max : FORGOTTEN_MAX;
    max = max < o->memory_max / 256 ? max : o->memory_max / 256;
    s->forgotten.max = max < 256 ? 256 : (size_t)max;
}

struct kt_store *kt_store_new(const struct kt_store_opts *o)
{
    struct kt_store *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->o = *o;
    set_limits(s);
    s->first = s->next = 1;
    s->counts.newest = s->counts.oldest = KT_TIME_NONE;
    for (int i = 0; i < TABLES; i++)
        symtab_init(&s->tab[i], &s->mem);
    bool ok = pthread_mutex_init(&s->gate, NULL) == 0;
    if (ok && pthread_mutex_init(&s->lock, NULL) != 0) {
        (void)pthread_mutex_destroy(&s->gate);
        ok = false;
    }
    if (ok && pthread_mutex_init(&s->unpack, NULL) != 0) {
        (void)pthread_mutex_destroy(&s->lock);
        (void)pthread_mutex_destroy(&s->gate);
        ok = false;
    }
    if (!ok) {
        free(s);
        return NULL;
    }
    return s;
}

void kt_store_free(struct kt_store *s)
{
    if (!s)
        return;
    for (uint64_t seq = s->first; seq < s->next; seq++) {
        struct packed p;
        mem_free(&s->mem, row_raw(s, seq));
        if (row_bits(s, seq)->kind != KT_KIND_MALFORMED)
            continue;
        row_get(s, seq, &p);
        mem_free(&s->mem, p.bad);
    }
    for (size_t i = 0; i < s->n_chunks; i++)
        chunk_free(s, s->chunk[i]);
    mem_free(&s->mem, s->chunk);
    ent_free_all(s);
    for (int i = 0; i < TABLES; i++)
        symtab_free(&s->tab[i]);
    seen_free(s);
    marks_free(s);
    dirty_free(s);
    ledger_free(s);
    raw_free_all(s);
    (void)pthread_mutex_destroy(&s->gate);
    (void)pthread_mutex_destroy(&s->lock);
    (void)pthread_mutex_destroy(&s->unpack);
    free(s);
}

/* --- adding -------------------------------------------------------------------------- */

/* Tables grow here, without the lock: only the writer looks into their slots. */
static bool prepare(struct kt_store *s)
{
    static const size_t most[TABLES] = {[T_TEXT] = 80};
    for (int i = 0; i < TABLES; i++)
        if (!sym_prepare(&s->tab[i], most[i] + 1))
            return false;
    return ent_prepare(s, 8) && seen_prepare(s);
}

/* What a malformed row is told apart by: place and digest. */
static void malformed_digest(const struct kt_row *r, uint8_t out[KT_SHA256])
{
    uint8_t b[2 * KT_SHA256 + 8];
    kt_sha256(r->origin.source.p ? r->origin.source.p : "", r->origin.source.n, b);
    memcpy(b + KT_SHA256, r->malformed.sha256, KT_SHA256);
    memcpy(b + 2 * KT_SHA256, &r->origin.record, 8);
    kt_sha256(b, sizeof b, out);
}

/* The part of a packed row that decides whether it was seen. */
static void identity(const struct kt_store *s, const struct kt_row *r, const uint8_t content[32], struct packed *p)
{
    uint8_t digest[KT_SHA256];
    struct kt_span id = r->ev.kind == KT_KIND_MALFORMED ? KT_SPAN_NONE : r->ev.event_id;
    if (r->ev.kind == KT_KIND_MALFORMED)
        malformed_digest(r, digest);
    else
        memcpy(digest, content, sizeof digest);
    memcpy(p->digest, digest, DIGEST);
    seen_key(s, id, p);
}

static bool make_room(struct kt_store *s)
{
    uint64_t at = (s->next - 1) / CHUNK_ROWS - s->chunk_first;
    if (at < s->n_chunks)
        return true;
    if (s->n_chunks == s->chunks_cap) {
        size_t cap = s->chunks_cap ? s->chunks_cap * 2 : 16;
        struct chunk **c = mem_resize(&s->mem, s->chunk, cap * sizeof(struct chunk *));
        if (!c)
            return false;
        s->chunk = c;
        s->chunks_cap = cap;
    }
    struct chunk *c = chunk_new(s);
    if (!c)
        return false;
    s->chunk[s->n_chunks++] = c;
    return true;
}

static void widen(int64_t time, int64_t *oldest, int64_t *newest)
{
    if (time == KT_TIME_NONE)
        return;
    if (*oldest == KT_TIME_NONE || time < *oldest)
        *oldest = time;
    if (*newest == KT_TIME_NONE || time > *newest)
        *newest = time;
}

static bool touch_all(struct kt_store *s, uint64_t seq, struct packed *p)
{
    struct touched t;
    row_touched(s, p, &t);
    for (size_t i = 0; i < t.n; i++) {
        if (ent_touch(s, t.e[i], seq, p, t.roles[i]))
            continue;
        while (i--)
            ent_untouch(s, t.e[i], seq, p, t.roles[i]);
        return false;
    }
    return true;
}

static bool append(struct kt_store *s, struct kt_row *r, struct packed *p)
{
    if (!make_room(s)) {
        mem_free(&s->mem, p->raw);
        return false;
    }
    if (!pack_row(s, r, p))
        return false;
    uint64_t seq = s->next;
    p->triaged = marks_find(s, p->digest) != 0;
    if (!row_put(s, seq, p) || !touch_all(s, seq, p)) {
        pack_release(s, p);
        return false;
    }
    struct chunk *c = s->chunk[s->n_chunks - 1];
    if (p->time != KT_TIME_NONE && !is_asked(p)) {
        c->oldest = p->time < c->oldest ? p->time : c->oldest;
        c->newest = p->time > c->newest ? p->time : c->newest;
        widen(p->time, &s->counts.oldest, &s->counts.newest);
    }
    r->seq = seq;
    s->next++;
    return true;
}

static void mark_conflict(struct kt_store *s, uint64_t seq)
{
    uint16_t *flags = &chunk_of(s, seq)->flags[row_in(seq)];
    if (*flags & KT_FLAG_CONFLICT)
        return;
    *flags |= KT_FLAG_CONFLICT;
    s->counts.conflicts++;
    s->epoch++;
}

static void drop_oldest(struct kt_store *s)
{
    uint64_t seq = s->first;
    struct packed p;
    struct touched t;
    seen_drop(s, seq);
    row_get(s, seq, &p);
    s->suppressed -= p.suppressed;
    s->asked -= is_asked(&p);
    row_touched(s, &p, &t);
    for (size_t i = 0; i < t.n; i++)
        ent_untouch(s, t.e[i], seq, &p, t.roles[i]);
    if (p.time != KT_TIME_NONE && (p.time == s->counts.oldest || p.time == s->counts.newest))
        s->times_dirty = true;
    pack_release(s, &p);
    s->counts.dropped++;
    s->first++;
    if ((s->first - 1) / CHUNK_ROWS == s->chunk_first)
        return;
    chunk_free(s, s->chunk[0]);
    memmove(s->chunk, s->chunk + 1, (s->n_chunks - 1) * sizeof *s->chunk);
    s->n_chunks--;
    s->chunk_first++;
}

static void retain_limits(struct kt_store *s)
{
    for (int i = 0; i < DROPS_A_ADD && s->next - s->first > 1; i++) {
        if (s->next - s->first <= s->o.rows_max && atomic_load(&s->mem.bytes) + ledger_memory(s) <= s->o.memory_max)
            return;
        drop_oldest(s);
    }
}

static enum kt_store_added count_one(struct kt_store *s, uint64_t *which, enum kt_store_added a)
{
    store_lock(s);
    s->counts.received++;
    ++*which;
    store_unlock(s);
    return a;
}

/* A gap is what the reader sees of a row that memory ran out for. */
static enum kt_store_added add_not(struct kt_store *s)
{
    kt_store_count_gap(s);
    return KT_ADDED_NOT;
}

static enum kt_store_added add(struct kt_store *s, struct kt_row *row, const uint8_t content[32],
                               const struct kt_packed_text *text)
{
    struct packed key = {0}, p = {0};
    if (!prepare(s))
        return add_not(s);
    identity(s, row, content, &key);
    if (seen_digest(s, &key) || seen_forgotten(s, key.digest))
        return count_one(s, &s->counts.duplicate, KT_ADDED_DUPLICATE);
    uint64_t other = seen_id(s, &key);
    memcpy(p.digest, key.digest, DIGEST);
    p.raw = !s->o.keep_raw || s->only_seen ? NULL : text ? raw_keep(s, text) : raw_pack(s, row->raw);

    store_lock(s);
    bool ok = append(s, row, &p);
    if (ok) {
        s->counts.received++;
        if (row->ev.kind == KT_KIND_MALFORMED)
            s->counts.malformed++;
        else
            ++*(p.suppressed ? &s->counts.filtered : &s->counts.shown);
        s->counts.suppressed += p.suppressed;
        s->suppressed += p.suppressed;
        s->counts.asked += is_asked(&p);
        s->asked += is_asked(&p);
        if (other) {
            mark_conflict(s, other);
            seen_conflict(s, other);
            mark_conflict(s, row->seq);
            row->ev.flags |= KT_FLAG_CONFLICT;
        }
        seen_add(s, row->seq);
        retain_limits(s);
    }
    store_unlock(s);
    return !ok ? add_not(s) : other ? KT_ADDED_CONFLICT : KT_ADDED;
}

enum kt_store_added kt_store_add(struct kt_store *s, struct kt_row *row, const uint8_t content[32])
{
    return add(s, row, content, NULL);
}

enum kt_store_added kt_store_add_back(struct kt_store *s, struct kt_row *row, const uint8_t content[32],
                                      const struct kt_packed_text *text)
{
    return add(s, row, content, text);
}

/* A row has come to be suppressed, or is no longer. */
static void count_suppressed(struct kt_store *s, const struct packed *p)
{
    struct touched t;
    int by = p->suppressed ? 1 : -1;
    row_touched(s, p, &t);
    for (size_t i = 0; i < t.n; i++)
        ent_suppress(s, t.e[i], by);
    s->counts.suppressed += (uint64_t)by;
    s->suppressed += (uint64_t)by;
    s->counts.filtered += (uint64_t)by;
    s->counts.shown -= (uint64_t)by;
}

bool kt_store_revise(struct kt_store *s, uint64_t seq, const struct kt_verdict *v)
{
    if (!prepare(s))
        return false;
    store_lock(s);
    bool ok = seq >= s->first && seq < s->next && row_bits(s, seq)->kind != KT_KIND_MALFORMED;
    if (ok) {
        struct packed p;
        row_get(s, seq, &p);
        bool was_high = p.level >= KT_LEVEL_HIGH, was_suppressed = p.suppressed;
        ok = pack_revise(s, seq, v, &p);
        s->verdicts += ok;
        s->counts.revised += ok;
        s->highs += ok && (was_high != (p.level >= KT_LEVEL_HIGH) || was_suppressed != p.suppressed);
        if (ok && was_suppressed != p.suppressed)
            count_suppressed(s, &p);
    }
    store_unlock(s);
    return ok;
}

uint64_t kt_store_event(struct kt_store *s, struct kt_span event_id)
{
    struct packed key = {0};
    if (uuid_pack(event_id, key.id)) {
        key.id_form = ID_UUID;
    } else if (event_id.p) {
        uint32_t text = sym_find(&s->tab[T_TEXT], event_id.p, event_id.n);
        memcpy(key.id, &text, sizeof text);
        key.id_form = text ? ID_TEXT : ID_NONE;
    }
    return key.id_form == ID_NONE ? 0 : seen_id(s, &key);
}

void kt_store_count_duplicate(struct kt_store *s)
{
    (void)count_one(s, &s->counts.duplicate, KT_ADDED_DUPLICATE);
}

void kt_store_count_filtered(struct kt_store *s)
{
    store_lock(s);
    s->counts.received++;
    s->counts.filtered++;
    store_unlock(s);
}

void kt_store_recount_filtered(struct kt_store *s)
{
    store_lock(s);
    s->counts.shown--;
    s->counts.filtered++;
    store_unlock(s);
}

void kt_store_only_seen(struct kt_store *s)
{
    s->only_seen = true;
}

void kt_store_keep_raw(struct kt_store *s)
{
    s->o.keep_raw = true;
}

bool kt_store_is_full(struct kt_store *s)
{
    uint64_t spare = s->o.memory_max / 16; /* what one row may take, and more */
    return s->next - s->first + 1 >= s->o.rows_max ||
           atomic_load(&s->mem.bytes) + ledger_memory(s) + spare >= s->o.memory_max;
}

void kt_store_count_records(struct kt_store *s, uint64_t n)
{
    store_lock(s);
    s->counts.records += n;
    store_unlock(s);
}

void kt_store_count_gap(struct kt_store *s)
{
    store_lock(s);
    s->counts.gaps++;
    store_unlock(s);
}

/* --- reading --------------------------------------------------------------------------- */

/* The first chunk may have lost rows: its own are looked at. */
static void find_times(struct kt_store *s)
{
    struct kt_counts *c = &s->counts;
    c->oldest = c->newest = KT_TIME_NONE;
    uint64_t end = (s->chunk_first + 1) * CHUNK_ROWS + 1;
    for (uint64_t seq = s->first; seq < end && seq < s->next; seq++)
        if (!row_asked(s, seq))
            widen(row_time(s, seq), &c->oldest, &c->newest);
    for (size_t i = 1; i < s->n_chunks; i++) {
        if (s->chunk[i]->newest == KT_TIME_NONE)
            continue;
        widen(s->chunk[i]->oldest, &c->oldest, &c->newest);
        widen(s->chunk[i]->newest, &c->oldest, &c->newest);
    }
    s->times_dirty = false;
}

struct kt_counts kt_store_counts(struct kt_store *s)
{
    store_lock(s);
    if (s->times_dirty)
        find_times(s);
    struct kt_counts c = s->counts;
    c.last = s->next - 1;
    c.memory = atomic_load(&s->mem.bytes) + ledger_memory(s);
    store_unlock(s);
    return c;
}

static void keep(struct kt_arena *a, struct kt_span *s, bool *ok)
{
    if (!s->p)
        return;
    *s = kt_arena_span(a, *s);
    *ok = *ok && s->p;
}

static bool keep_verdict(struct kt_arena *a, struct kt_verdict *v)
{
    bool ok = true;
    keep(a, &v->filter, &ok);
    keep(a, &v->filtered, &ok);
    for (size_t i = 0; i < v->n_rules; i++)
        keep(a, &v->rule[i].id, &ok);
    for (size_t i = 0; i < v->n_signals; i++)
        keep(a, &v->signal[i].name, &ok);
    return ok;
}

static bool keep_row(struct kt_arena *a, struct kt_row *r)
{
    struct kt_event *e = &r->ev;
    struct kt_span *all[] = {
        &e->event_id, &e->event_name, &e->event_source, &e->error_code, &e->error_message,
        &e->actor.type, &e->actor.name, &e->actor.arn, &e->actor.account, &e->actor.principal_id, &e->actor.session,
        &e->actor.access_key_id, &e->actor.via, &e->target.name, &e->target.account, &e->key.id, &e->key.status,
        &e->source.address, &r->where.country, &r->where.network, &r->where.aws, &e->agent.text, &e->agent.tool, &e->agent.version, &e->agent.os, &e->account, &e->region,
        &r->origin.source, &r->origin.name, &r->origin.address, &r->malformed.reason, &r->triage.who, &r->triage.tags,
        &r->triage.assigned, &r->triage.note};
    bool ok = true;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        keep(a, all[i], &ok);
    return keep_verdict(a, &r->verdict) && ok;
}

/* The compressed text is copied under the lock and unpacked after it. */
static struct raw *keep_raw(struct kt_arena *a, const struct raw *r)
{
    struct raw *copy = r ? kt_arena_alloc(a, sizeof *r + r->packed) : NULL;
    if (copy)
        memcpy(copy, r, sizeof *r + r->packed);
    return copy;
}

bool kt_store_row(struct kt_store *s, uint64_t seq, bool with_raw, struct kt_arena *a, struct kt_row *out)
{
    char id[UUID_TEXT];
    struct raw *raw = NULL;
    bool ok = false;
    store_lock(s);
    if (seq >= s->first && seq < s->next) {
        struct packed p;
        row_get(s, seq, &p);
        unpack_row(s, &p, id, out);
        out->seq = seq;
        ok = keep_row(a, out) && unpack_evidence(s, p.evidence, a, &out->verdict);
        raw = with_raw ? keep_raw(a, p.raw) : NULL;
    }
    const ZSTD_DDict *dict = s->ddict;
    store_unlock(s);
    if (ok && raw)
        out->raw = raw_unpack(s, raw, dict, a);
    return ok;
}

const char *kt_entity_kind_name(enum kt_entity_kind k)
{
    static const char *const name[KT_ENTITY_KINDS] = {"user", "address", "agent", "key"};
    return (unsigned)k < KT_ENTITY_KINDS ? name[k] : NULL;
}

static unsigned risk_of(const struct kt_store *s, kt_entity e)
{
    const struct entity *x = ent_at(s, e);
    struct walk w = {0};
    uint64_t seq;
    unsigned sum = 0;
    for (uint32_t i = 0; i < KT_RISK_SUM_ROWS && sum < KT_RISK_SUM_MAX && (seq = walk_back(s, x, &w)) != 0; i++) {
        union rowbits b = *row_bits(s, seq);
        int64_t time = row_time(s, seq);
        uint32_t verdict = chunk_of(s, seq)->col[COL_VERDICT][row_in(seq)];
        if (b.kind == KT_KIND_MALFORMED || !verdict || b.suppressed || time == KT_TIME_NONE ||
            time < s->counts.newest - KT_RISK_WINDOW_MS)
            continue;
        sum += ((const struct t_verdict *)tuple_at(s, T_VERDICT, verdict))->risk;
    }
    return sum < KT_RISK_SUM_MAX ? sum : KT_RISK_SUM_MAX;
}

bool kt_store_entity(struct kt_store *s, kt_entity e, struct kt_arena *a, struct kt_entity_info *out)
{
    store_lock(s);
    bool ok = ent_info(s, e, out);
    if (s->times_dirty)
        find_times(s);
    if (ok) {
        out->risk = risk_of(s, e);
        keep(a, &out->name, &ok);
        keep(a, &out->type, &ok);
        keep(a, &out->account, &ok);
    }
    store_unlock(s);
    return ok;
}

kt_entity kt_store_find(struct kt_store *s, enum kt_entity_kind k, struct kt_span name)
{
    enum { SLICE = 4096 };
    kt_entity e = 0;
    for (uint32_t at = 1; at && !e && k != KT_ENTITY_USER;) {
        store_lock(s);
        e = ent_find(s, k, name, &at, SLICE);
        store_unlock(s);
    }
    return e;
}

bool kt_store_row_entities(struct kt_store *s, uint64_t seq, struct kt_row_entities *out)
{
    store_lock(s);
    bool ok = seq >= s->first && seq < s->next;
    struct packed p;
    *out = (struct kt_row_entities){0};
    if (ok) {
        row_get(s, seq, &p);
        row_entities(s, &p, out);
    }
    store_unlock(s);
    return ok;
}

uint64_t kt_store_entity_count(struct kt_store *s, enum kt_entity_kind k)
{
    store_lock(s);
    uint64_t n = (unsigned)k < KT_ENTITY_KINDS ? s->ent.count[k] : 0;
    store_unlock(s);
    return n;
}
