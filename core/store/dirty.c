/* Rows that something learnt since may say otherwise of. */
#include "store/impl.h"

enum { SLICE = 4096 };

void dirty_free(struct kt_store *s)
{
    mem_free(&s->mem, s->dirty.seq);
    s->dirty = (struct dirty){0};
}

/* Room for `n` more; not under the lock, as only the writer looks here. */
static bool prepare_dirty(struct kt_store *s, size_t n)
{
    struct dirty *m = &s->dirty;
    if (m->head + m->n + n <= m->cap)
        return true;
    if (m->head) {
        memmove(m->seq, m->seq + m->head, m->n * sizeof *m->seq);
        m->head = 0;
    }
    size_t cap = m->cap ? m->cap : 256;
    while (cap < m->n + n)
        cap *= 2;
    uint64_t *seq = cap > m->cap ? mem_resize(&s->mem, m->seq, cap * sizeof *seq) : m->seq;
    if (!seq)
        return false;
    m->seq = seq;
    m->cap = cap;
    return true;
}

static void mark(struct kt_store *s, uint64_t seq)
{
    if (seq < s->first || seq >= s->next)
        return;
    union rowbits *b = row_bits(s, seq);
    if (b->dirty || b->kind == KT_KIND_MALFORMED)
        return;
    b->dirty = 1;
    s->dirty.seq[s->dirty.head + s->dirty.n++] = seq;
}

bool kt_store_dirty(struct kt_store *s, uint64_t seq)
{
    if (!prepare_dirty(s, 1))
        return false;
    store_lock(s);
    mark(s, seq);
    store_unlock(s);
    return true;
}

kt_entity kt_store_about(struct kt_store *s, const struct kt_about *about)
{
    store_lock(s);
    kt_entity e = ent_known(s, about->kind, about->name, about->account, about->type);
    store_unlock(s);
    return e;
}

static void mark_if(struct kt_store *s, uint64_t seq, int64_t from, int64_t to)
{
    int64_t time = row_time(s, seq);
    if (time != KT_TIME_NONE && time >= from && time <= to)
        mark(s, seq);
}

/* Only the writer adds and drops rows, so that lists stay as they are in
 * between. */
bool kt_store_dirty_touching(struct kt_store *s, kt_entity e, int64_t from, int64_t to)
{
    const struct entity *x = e ? ent_at(s, e) : NULL;
    uint64_t n = !e ? s->next - s->first : x ? ent_rows(s, x) : 0;
    struct walk w = {0};
    for (uint64_t at = 0; at < n; at += SLICE) {
        uint64_t end = n - at > SLICE ? at + SLICE : n;
        if (!prepare_dirty(s, SLICE))
            return false;
        store_lock(s);
        for (uint64_t i = at; i < end; i++)
            mark_if(s, x ? walk_on(s, x, &w) : s->first + i, from, to);
        store_unlock(s);
    }
    return true;
}

void kt_store_span(struct kt_store *s, uint64_t *first, uint64_t *next)
{
    store_lock(s);
    *first = s->first;
    *next = s->next;
    store_unlock(s);
}

uint64_t kt_store_next_dirty(struct kt_store *s)
{
    struct dirty *m = &s->dirty;
    uint64_t seq = 0;
    store_lock(s);
    while (m->n && !seq) {
        seq = m->seq[m->head++];
        m->n--;
        if (seq < s->first) /* dropped since */
            seq = 0;
        else
            row_bits(s, seq)->dirty = 0;
    }
    if (!m->n)
        m->head = 0;
    store_unlock(s);
    return seq;
}
