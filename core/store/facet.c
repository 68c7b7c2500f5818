#include "store/facet.h"

#include <stdlib.h>
#include <string.h>

void facets_free(struct facets *f)
{
    free(f->slot);
    *f = (struct facets){0};
}

void facets_reset(struct facets *f, uint32_t kinds)
{
    facets_free(f);
    f->kinds = kinds;
}

static size_t home(kt_entity e, size_t cap)
{
    return (size_t)((e * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (cap - 1);
}

static struct facet *find(struct facet *slot, size_t cap, kt_entity e)
{
    size_t at = home(e, cap);
    while (slot[at].entity && slot[at].entity != e)
        at = (at + 1) & (cap - 1);
    return &slot[at];
}

bool facets_prepare(struct facets *f, size_t n)
{
    if (!f->kinds || (f->used + n) * 10 <= f->cap * 7)
        return true;
    size_t cap = f->cap ? f->cap * 2 : 256;
    while ((f->used + n) * 10 > cap * 7)
        cap *= 2;
    struct facet *slot = mem_large(calloc(cap, sizeof *slot), cap * sizeof *slot);
    if (!slot)
        return false;
    for (size_t i = 0; i < f->cap; i++)
        if (f->slot[i].entity)
            *find(slot, cap, f->slot[i].entity) = f->slot[i];
    free(f->slot);
    f->slot = slot;
    f->cap = cap;
    return true;
}

void facets_row(struct facets *f, const struct kt_store *s, const struct packed *p)
{
    struct touched t;
    if (!f->kinds)
        return;
    row_touched(s, p, &t);
    for (size_t i = 0; i < t.n; i++) {
        uint32_t kind = t.kind[i] & 7;
        if (!(f->kinds & 1u << kind))
            continue;
        struct facet *x = find(f->slot, f->cap, t.e[i]);
        if (!x->entity) {
            *x = (struct facet){.entity = t.e[i], .kind = kind, .first = KT_TIME_NONE, .last = KT_TIME_NONE};
            f->used++;
            f->distinct[kind]++;
        }
        x->rows++;
        x->as_actor += (t.roles[i] & ROLE_ACTOR) != 0;
        x->as_target += (t.roles[i] & ROLE_TARGET) != 0;
        if (p->time == KT_TIME_NONE)
            continue;
        if (x->first == KT_TIME_NONE || p->time < x->first)
            x->first = p->time;
        if (x->last == KT_TIME_NONE || p->time > x->last)
            x->last = p->time;
    }
}

/* Does `a` come before `b`? */
static bool before(const struct facet *a, const struct facet *b)
{
    return a->rows != b->rows ? a->rows > b->rows : a->entity < b->entity;
}

/* A heap whose root is the last in order: what gives way to a better one. */
static void sift(const struct facet **h, size_t n, size_t at)
{
    for (size_t kid; (kid = 2 * at + 1) < n; at = kid) {
        if (kid + 1 < n && before(h[kid], h[kid + 1]))
            kid++;
        if (!before(h[at], h[kid]))
            return;
        const struct facet *x = h[at];
        h[at] = h[kid];
        h[kid] = x;
    }
}

static int compare(const void *a, const void *b)
{
    const struct facet *x = *(const struct facet *const *)a, *y = *(const struct facet *const *)b;
    return before(x, y) ? -1 : before(y, x);
}

size_t facets_top(const struct facets *f, enum kt_entity_kind k, const struct facet **out, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < f->cap; i++) {
        const struct facet *x = &f->slot[i];
        if (!x->entity || x->kind != (uint32_t)k)
            continue;
        if (n < max) {
            out[n++] = x;
            for (size_t at = n / 2; n == max && at-- > 0;)
                sift(out, n, at);
        } else if (max && before(x, out[0])) {
            out[0] = x;
            sift(out, n, 0);
        }
    }
    qsort(out, n, sizeof *out, compare);
    return n;
}
