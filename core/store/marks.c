/* What people made of events, by the events' digests. Few have anything; a
 * row says in one bit whether it is worth looking here. */
#include "base/hash.h"
#include "store/impl.h"

enum { MARKS_MAX = 1 << 19 };

/* The slot of this digest, or the free one where it would stand. */
static size_t slot_of(const struct mark *slot, size_t cap, const uint8_t digest[DIGEST])
{
    size_t at = kt_hash(digest, DIGEST) & (cap - 1);
    while (slot[at].used && memcmp(slot[at].digest, digest, DIGEST) != 0)
        at = (at + 1) & (cap - 1);
    return at;
}

uint32_t marks_find(const struct kt_store *s, const uint8_t digest[DIGEST])
{
    const struct marks *m = &s->marks;
    return m->used ? m->slot[slot_of(m->slot, m->cap, digest)].triage : 0;
}

static bool grow(struct kt_store *s)
{
    struct marks *m = &s->marks;
    if ((m->used + 1) * 2 <= m->cap)
        return true;
    size_t cap = m->cap ? m->cap * 2 : 64;
    struct mark *slot = cap <= MARKS_MAX * 2 ? mem_zero(&s->mem, cap * sizeof *slot) : NULL;
    if (!slot)
        return false;
    for (size_t i = 0; i < m->cap; i++)
        if (m->slot[i].used)
            slot[slot_of(slot, cap, m->slot[i].digest)] = m->slot[i];
    mem_free(&s->mem, m->slot);
    m->slot = slot;
    m->cap = cap;
    return true;
}

void marks_free(struct kt_store *s)
{
    mem_free(&s->mem, s->marks.slot);
}

static bool set(struct kt_store *s, const uint8_t digest[DIGEST], const struct kt_row_triage *t)
{
    bool ok = grow(s);
    uint32_t number = ok ? pack_triage(s, t, &ok) : 0;
    if (!ok)
        return false;
    struct marks *m = &s->marks;
    struct mark *x = &m->slot[slot_of(m->slot, m->cap, digest)];
    if (!x->used) {
        m->used++;
        x->used = true;
        memcpy(x->digest, digest, DIGEST);
    }
    drop_triage(s, x->triage);
    x->triage = number;
    return true;
}

bool kt_store_triage(struct kt_store *s, const uint8_t digest[16], struct kt_span event_id,
                     const struct kt_row_triage *t)
{
    struct packed key = {.id_form = ID_NONE};
    if (!sym_prepare(&s->tab[T_TEXT], 4) || !sym_prepare(&s->tab[T_TRIAGE], 1))
        return false;
    memcpy(key.digest, digest, DIGEST);
    seen_key(s, event_id, &key);
    uint64_t seq = seen_digest(s, &key);
    store_lock(s);
    bool ok = set(s, digest, t);
    if (ok && seq) {
        row_bits(s, seq)->triaged = marks_find(s, digest) != 0;
        s->epoch++;
    }
    if (ok)
        s->counts.triaged++;
    store_unlock(s);
    return ok;
}
