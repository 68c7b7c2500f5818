/* What was seen before: rows kept by eventID and by digest, and the digests
 * of rows that were dropped. */
#include "store/impl.h"

#include "base/hash.h"

#include <string.h>

static size_t digest_hash(const uint8_t d[DIGEST])
{
    return (size_t)kt_hash(d, DIGEST);
}

static uint32_t id_hash(const struct packed *p)
{
    return (uint32_t)kt_hash(p->id, sizeof p->id) + p->id_form;
}

static uint64_t whole(const struct kt_store *s, uint32_t slot)
{
    return s->first + ((slot - (uint32_t)s->first) & ~ROWSET_USED);
}

typedef uint32_t hash_fn(const struct packed *p);

static uint32_t by_digest_hash(const struct packed *p)
{
    return (uint32_t)digest_hash(p->digest);
}

static bool rowset_prepare(struct kt_store *s, struct rowset *t, hash_fn *hash)
{
    size_t cap = slot_cap(t->cap, t->used + 2);
    if (cap == t->cap)
        return true;
    uint32_t *slot = mem_zero(&s->mem, cap * sizeof *slot);
    if (!slot)
        return false;
    for (size_t i = 0; i < t->cap; i++) {
        if (!t->slot[i])
            continue;
        struct packed p;
        row_get_identity(s, whole(s, t->slot[i]), &p);
        size_t at = slot_home(hash(&p), cap);
        while (slot[at])
            at = slot_next(at, cap);
        slot[at] = t->slot[i];
    }
    mem_free(&s->mem, t->slot);
    t->slot = slot;
    t->cap = cap;
    return true;
}

static bool same_id(const struct packed *a, const struct packed *b)
{
    return a->id_form == b->id_form && memcmp(a->id, b->id, sizeof a->id) == 0;
}

static bool same_row(const struct packed *a, const struct packed *b)
{
    return memcmp(a->digest, b->digest, DIGEST) == 0 && same_id(a, b);
}

typedef bool same_fn(const struct packed *a, const struct packed *b);

static size_t find(const struct kt_store *s, const struct rowset *t, const struct packed *key, hash_fn *hash,
                   same_fn *same)
{
    size_t at = slot_home(hash(key), t->cap);
    for (; t->slot[at]; at = slot_next(at, t->cap)) {
        struct packed p;
        row_get_identity(s, whole(s, t->slot[at]), &p);
        if (same(&p, key))
            break;
    }
    return at;
}

static void put(const struct kt_store *s, struct rowset *t, uint64_t seq, hash_fn *hash, same_fn *same)
{
    struct packed p;
    row_get_identity(s, seq, &p);
    size_t at = find(s, t, &p, hash, same);
    t->used += !t->slot[at];
    t->slot[at] = (uint32_t)seq | ROWSET_USED;
}

/* Takes the row out where it is the one that stands there. */
static void take_out(const struct kt_store *s, struct rowset *t, uint64_t seq, hash_fn *hash, same_fn *same)
{
    struct packed p;
    row_get_identity(s, seq, &p);
    size_t at = find(s, t, &p, hash, same);
    if (t->slot[at] != ((uint32_t)seq | ROWSET_USED))
        return;
    for (size_t next = slot_next(at, t->cap); t->slot[next]; next = slot_next(next, t->cap)) {
        row_get_identity(s, whole(s, t->slot[next]), &p);
        size_t home = slot_home(hash(&p), t->cap);
        if (slot_way(home, next, t->cap) >= slot_way(at, next, t->cap)) {
            t->slot[at] = t->slot[next];
            at = next;
        }
    }
    t->slot[at] = 0;
    t->used--;
}

/* --- the digests last seen: of dropped rows ----------------------------------------------------- */

bool digests_prepare(struct digests *f, struct mem *m, size_t room)
{
    if (f->n + room <= f->cap || f->cap == f->max)
        return true;
    size_t cap = f->cap ? f->cap * 2 : 256;
    if (cap > f->max)
        cap = f->max;
    size_t slots = 512;
    while (slots < cap * 2)
        slots *= 2;
    uint8_t (*digest)[DIGEST] = mem_resize(m, f->digest, cap * DIGEST);
    if (!digest)
        return false;
    f->digest = digest;
    uint32_t *slot = mem_zero(m, slots * sizeof *slot);
    if (!slot)
        return false;
    for (size_t i = 0; i < f->n; i++) {
        size_t at = digest_hash(digest[i]) & (slots - 1);
        while (slot[at])
            at = (at + 1) & (slots - 1);
        slot[at] = (uint32_t)i + 1;
    }
    mem_free(m, f->slot);
    f->slot = slot;
    f->slots = slots;
    f->cap = cap;
    return true;
}

static size_t digests_find(const struct digests *f, const uint8_t d[DIGEST])
{
    size_t at = digest_hash(d) & (f->slots - 1);
    while (f->slot[at] && memcmp(f->digest[f->slot[at] - 1], d, DIGEST) != 0)
        at = (at + 1) & (f->slots - 1);
    return at;
}

bool digests_have(const struct digests *f, const uint8_t d[DIGEST])
{
    return f->slots && f->slot[digests_find(f, d)];
}

bool seen_forgotten(const struct kt_store *s, const uint8_t d[DIGEST])
{
    return digests_have(&s->forgotten, d);
}

static void digests_remove(struct digests *f, size_t i)
{
    size_t mask = f->slots - 1, at = digests_find(f, f->digest[i]);
    if (f->slot[at] != i + 1)
        return;
    for (size_t next = (at + 1) & mask; f->slot[next]; next = (next + 1) & mask) {
        size_t home = digest_hash(f->digest[f->slot[next] - 1]) & mask;
        if (((next - home) & mask) >= ((next - at) & mask)) {
            f->slot[at] = f->slot[next];
            at = next;
        }
    }
    f->slot[at] = 0;
}

void digests_add(struct digests *f, const uint8_t d[DIGEST])
{
    if (!f->cap)
        return;
    size_t i = f->n < f->cap ? f->n++ : f->at;
    if (i == f->at && f->n == f->cap) {
        digests_remove(f, i);
        f->at = (f->at + 1) % f->cap;
    }
    memcpy(f->digest[i], d, DIGEST);
    f->slot[digests_find(f, d)] = (uint32_t)i + 1;
}

void digests_free(struct digests *f, struct mem *m)
{
    mem_free(m, f->digest);
    mem_free(m, f->slot);
}

/* --- the three together ------------------------------------------------------------ */

bool seen_prepare(struct kt_store *s)
{
    if (s->forgotten.n) /* the first growth is small: seen_drop does it */
        (void)digests_prepare(&s->forgotten, &s->mem, DROPS_A_ADD);
    return rowset_prepare(s, &s->by_id, id_hash) && rowset_prepare(s, &s->by_digest, by_digest_hash);
}

void seen_free(struct kt_store *s)
{
    mem_free(&s->mem, s->by_id.slot);
    mem_free(&s->mem, s->by_digest.slot);
    digests_free(&s->forgotten, &s->mem);
}

static uint64_t lookup(const struct kt_store *s, const struct rowset *t, const struct packed *key, hash_fn *hash,
                       same_fn *same)
{
    uint32_t slot = t->cap ? t->slot[find(s, t, key, hash, same)] : 0;
    return slot ? whole(s, slot) : 0;
}

/* A text which no row has gets number 0, which no row's text has. */
void seen_key(const struct kt_store *s, struct kt_span id, struct packed *p)
{
    if (uuid_pack(id, p->id)) {
        p->id_form = ID_UUID;
    } else if (id.p) {
        uint32_t text = sym_find(&s->tab[T_TEXT], id.p, id.n);
        memset(p->id, 0, sizeof p->id);
        memcpy(p->id, &text, sizeof text);
        p->id_form = ID_TEXT;
    }
}

uint64_t seen_id(const struct kt_store *s, const struct packed *key)
{
    return key->id_form == ID_NONE ? 0 : lookup(s, &s->by_id, key, id_hash, same_id);
}

/* An eventID has one content, or its rows are flagged: only those, and rows
 * without an eventID, are looked up by digest. */
static bool by_digest_too(const struct packed *p)
{
    return p->id_form == ID_NONE || p->flags & KT_FLAG_CONFLICT;
}

uint64_t seen_digest(const struct kt_store *s, const struct packed *key)
{
    uint64_t seq = seen_id(s, key);
    struct packed p = {0};
    if (seq)
        row_get_identity(s, seq, &p);
    if (seq && memcmp(p.digest, key->digest, DIGEST) == 0)
        return seq;
    bool look = key->id_form == ID_NONE || (seq && by_digest_too(&p));
    return look ? lookup(s, &s->by_digest, key, by_digest_hash, same_row) : 0;
}

void seen_add(struct kt_store *s, uint64_t seq)
{
    struct packed p;
    row_get_identity(s, seq, &p);
    if (p.id_form != ID_NONE)
        put(s, &s->by_id, seq, id_hash, same_id);
    if (by_digest_too(&p))
        put(s, &s->by_digest, seq, by_digest_hash, same_row);
}

void seen_conflict(struct kt_store *s, uint64_t seq)
{
    put(s, &s->by_digest, seq, by_digest_hash, same_row);
}

void seen_drop(struct kt_store *s, uint64_t seq)
{
    struct packed p;
    row_get_identity(s, seq, &p);
    take_out(s, &s->by_digest, seq, by_digest_hash, same_row);
    if (p.id_form != ID_NONE)
        take_out(s, &s->by_id, seq, id_hash, same_id);
    /* without memory for it, a late repetition of the row comes in again */
    if (digests_prepare(&s->forgotten, &s->mem, 1))
        digests_add(&s->forgotten, p.digest);
}
