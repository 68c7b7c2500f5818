#include "store/values.h"

#include "base/buf.h"
#include "store/match.h"
#include "store/mem.h"
#include "store/scan.h"

#include <stdlib.h>
#include <string.h>

enum { MANY = 1 << 17, SLICE = 1024, TEXTS_MAX = 64 << 20, DISTINCT_MAX = 1 << 20 };

struct counted { /* rows that share a number */
    uint32_t rows;
    uint64_t seq; /* one of them */
};

struct counting {
    struct kt_store *s;
    enum kt_field field;
    enum component c;
    struct counted *of;
    size_t limit;
    struct kt_arena *texts, *scratch;
    struct kt_field_value *value;
    size_t n, cap;
    uint32_t *slot; /* place in value[], from 1 */
    size_t slots;
};

/* --- by number -------------------------------------------------------------- */

static void count_chunk(void *ctx, const struct chunk *c, uint64_t seq0, const uint16_t *at, size_t n)
{
    struct counting *k = ctx;
    for (size_t i = 0; i < n; i++) {
        if (c->bits[at[i]].kind == KT_KIND_MALFORMED)
            continue;
        uint32_t number = component_at(k->s, c, at[i], k->c);
        if (number >= k->limit) /* it came since */
            continue;
        k->of[number].rows++;
        k->of[number].seq = seq0 + at[i];
    }
}

/* --- by text ----------------------------------------------------------------- */

static uint64_t hash_of(struct kt_span s)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
    return h ^ h >> 29;
}

static bool grow_slots(struct counting *k)
{
    if ((k->n + 1) * 2 <= k->slots)
        return true;
    size_t slots = k->slots ? k->slots * 2 : 1024;
    uint32_t *slot = calloc(slots, sizeof *slot);
    if (!slot)
        return false;
    for (size_t i = 0; i < k->n; i++) {
        size_t at = hash_of(k->value[i].text) & (slots - 1);
        while (slot[at])
            at = (at + 1) & (slots - 1);
        slot[at] = (uint32_t)i + 1;
    }
    free(k->slot);
    k->slot = slot;
    k->slots = slots;
    return true;
}

/* What has no room is not told. */
static bool add(struct counting *k, struct kt_span text, uint64_t rows)
{
    if (!text.n || !grow_slots(k))
        return !text.n;
    size_t at = hash_of(text) & (k->slots - 1);
    while (k->slot[at] && !kt_span_eq(k->value[k->slot[at] - 1].text, text))
        at = (at + 1) & (k->slots - 1);
    if (k->slot[at]) {
        k->value[k->slot[at] - 1].rows += rows;
        return true;
    }
    if (!kt_grow(&k->value, &k->cap, k->n + 1, sizeof *k->value, DISTINCT_MAX))
        return true;
    struct kt_span copy = kt_arena_span(k->texts, text);
    if (!copy.p)
        return true;
    k->value[k->n++] = (struct kt_field_value){copy, rows};
    k->slot[at] = (uint32_t)k->n;
    return true;
}

static char separator(enum kt_field f)
{
    return f == KT_FIELD_SIGNALS || f == KT_FIELD_RULES || f == KT_FIELD_FLAGS ? ',' : f == KT_FIELD_TAGS ? ' ' : '\0';
}

static bool add_items(struct counting *k, struct kt_span text, uint64_t rows)
{
    char sep = separator(k->field);
    bool ok = true;
    if (!sep || !text.p)
        return add(k, text, rows);
    for (size_t from = 0, to; ok && from <= text.n; from = to + 1) {
        const char *end = text.n > from ? memchr(text.p + from, sep, text.n - from) : NULL;
        to = end ? (size_t)(end - text.p) : text.n;
        ok = add(k, (struct kt_span){text.p + from, to - from}, rows);
    }
    return ok;
}

static bool add_texts(struct counting *k)
{
    bool ok = true;
    for (size_t from = 0; ok && from < k->limit; from += SLICE) {
        size_t to = k->limit - from < SLICE ? k->limit : from + SLICE;
        store_lock(k->s);
        for (size_t i = from; ok && i < to; i++) {
            struct packed p;
            if (!k->of[i].rows || k->of[i].seq < k->s->first)
                continue;
            row_get(k->s, k->of[i].seq, &p);
            kt_arena_reset(k->scratch);
            ok = add_items(k, component_text(k->s, &p, k->field, k->scratch), k->of[i].rows);
        }
        store_unlock(k->s);
    }
    return ok;
}

/* --- the answer ----------------------------------------------------------------- */

static int by_rows(const void *pa, const void *pb)
{
    const struct kt_field_value *a = pa, *b = pb;
    if (a->rows != b->rows)
        return a->rows > b->rows ? -1 : 1;
    size_t n = a->text.n < b->text.n ? a->text.n : b->text.n;
    int d = memcmp(a->text.p, b->text.p, n);
    return d ? d : (a->text.n > b->text.n) - (a->text.n < b->text.n);
}

static bool tell(struct counting *k, size_t max, struct kt_snapshot *x, struct kt_arena *a)
{
    if (k->n)
        qsort(k->value, k->n, sizeof *k->value, by_rows);
    size_t n = k->n < max ? k->n : max;
    struct kt_field_value *v = kt_arena_alloc(a, (n + 1) * sizeof *v);
    bool ok = v != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        v[i] = (struct kt_field_value){kt_arena_span(a, k->value[i].text), k->value[i].rows};
        ok = v[i].text.p != NULL;
    }
    if (ok)
        x->values = (struct kt_field_values){.of = k->field, .value = v, .n = n, .distinct = k->n};
    return ok;
}

bool values_fill(struct kt_snapshot *x, struct kt_store *s, const struct kt_view_spec *w, struct kt_arena *a,
                 const struct members *m, uint64_t first, uint64_t last)
{
    struct counting k = {.s = s, .field = w->values_of, .c = component_of(w->values_of)};
    store_lock(s);
    k.limit = component_limit(s, k.c);
    store_unlock(s);
    x->values = (struct kt_field_values){.of = k.field};
    if (k.limit > MANY && last - first >= MANY) /* nearly each row has its own: the newest will do */
        first = last - MANY + 1;
    if (!k.limit || first > last)
        return true;
    k.of = mem_large(calloc(k.limit, sizeof *k.of), k.limit * sizeof *k.of);
    k.texts = kt_arena_new(TEXTS_MAX);
    k.scratch = kt_arena_new(1 << 20);
    bool ok = k.of && k.texts && k.scratch;
    if (ok) {
        members_each(m, s, first, last, count_chunk, &k);
        size_t max = w->values_max < KT_VALUES_MAX ? w->values_max : KT_VALUES_MAX;
        ok = add_texts(&k) && tell(&k, max, x, a);
    }
    free(k.of);
    free(k.value);
    free(k.slot);
    kt_arena_free(k.texts);
    kt_arena_free(k.scratch);
    return ok;
}
