#include "store/order.h"

#include "store/mem.h"

#include <stdlib.h>

struct pair {
    uint64_t key;
    uint32_t at;
};

enum { DIGIT = 11, DIGITS = 6, DIGIT_VALUES = 1 << DIGIT, SMALL = 64, BITS_MOST = 10 /* more, and their counters are no longer near */ };

static size_t digit(uint64_t key, int d)
{
    return (size_t)(key >> (d * DIGIT)) & (DIGIT_VALUES - 1);
}

static void insertion(struct pair *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct pair x = v[i];
        size_t k = i;
        for (; k && v[k - 1].key > x.key; k--)
            v[k] = v[k - 1];
        v[k] = x;
    }
}

/* Least significant digit first; digits that all keys share are skipped. The
 * result is in `v`. */
static bool radix(struct pair *v, size_t n)
{
    if (n < SMALL) {
        insertion(v, n);
        return true;
    }
    uint32_t (*count)[DIGIT_VALUES] = calloc(DIGITS, sizeof *count);
    struct pair *spare = mem_large(malloc(n * sizeof *spare), n * sizeof *spare), *from = v, *to = spare;
    if (!count || !spare) {
        free(count);
        free(spare);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        for (int d = 0; d < DIGITS; d++)
            count[d][digit(v[i].key, d)]++;
    for (int d = 0; d < DIGITS; d++) {
        if (count[d][digit(v[0].key, d)] == n)
            continue;
        uint32_t sum = 0;
        for (size_t k = 0; k < DIGIT_VALUES; k++) {
            uint32_t c = count[d][k];
            count[d][k] = sum;
            sum += c;
        }
        for (size_t i = 0; i < n; i++)
            to[count[d][digit(from[i].key, d)]++] = from[i];
        struct pair *swap = from;
        from = to;
        to = swap;
    }
    if (from != v)
        memcpy(v, from, n * sizeof *v);
    free(spare);
    free(count);
    return true;
}

/* Keys that lie close enough together are sorted with their places in the
 * same 64 bits, which is half the memory to move. */
static unsigned bits_of(uint64_t v)
{
    return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

static void range(const uint64_t *key, size_t n, uint64_t *least, uint64_t *most)
{
    uint64_t lo = UINT64_MAX, hi = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t k = key[i], known = k == UINT64_MAX ? 0 : k;
        lo = k < lo ? k : lo;
        hi = known > hi ? known : hi;
    }
    *least = lo > hi ? 0 : lo;
    *most = lo > hi ? 0 : hi;
}

/* Digits of a key above its place: as few as can be, all of one size. */
struct digits {
    unsigned low, n, bits;
    uint32_t mask;
    uint32_t (*count)[1 << BITS_MOST];
};

/* The last arrival first, each key with its place, counted by its digits. With
 * `n` known when it is compiled, four times as fast. */
static inline __attribute__((always_inline)) void pack(struct order *o, uint64_t least, unsigned shift, const struct digits *d,
                                                       unsigned n)
{
    for (size_t i = o->n; i-- > 0;) {
        uint64_t k = o->key[i];
        k = k == UINT64_MAX ? o->unknown : (k - least) >> shift;
        o->spare[o->n - 1 - i] = k << o->low | i;
        for (unsigned x = 0; x < n; x++)
            d->count[x][k >> (x * d->bits) & d->mask]++;
    }
}

static void pack_counted(struct order *o, uint64_t least, unsigned shift, const struct digits *d)
{
    switch (d->n) {
    case 1: pack(o, least, shift, d, 1); break;
    case 2: pack(o, least, shift, d, 2); break;
    case 3: pack(o, least, shift, d, 3); break;
    case 4: pack(o, least, shift, d, 4); break;
    default: pack(o, least, shift, d, d->n); break;
    }
}

/* From digit to digit; the result is in `spare` or `key`. */
static void radix_bits(struct order *o, const struct digits *d)
{
    uint64_t *from = o->spare, *to = o->key;
    for (unsigned x = 0, low = d->low; x < d->n; x++, low += d->bits) {
        uint32_t sum = 0, *count = d->count[x];
        if (count[from[0] >> low & d->mask] == o->n)
            continue;
        for (size_t k = 0; k <= d->mask; k++) {
            uint32_t c = count[k];
            count[k] = sum;
            sum += c;
        }
        for (size_t i = 0; i < o->n; i++)
            to[count[from[i] >> low & d->mask]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    o->sorted = from;
}

/* Where there is no room for key and place in 64 bits. */
static bool sort_pairs(struct order *o)
{
    struct pair *p = mem_large(malloc(o->n * sizeof *p), o->n * sizeof *p);
    for (size_t i = 0; p && i < o->n; i++)
        p[i] = (struct pair){o->key[o->n - 1 - i], (uint32_t)(o->n - 1 - i)};
    bool ok = p && radix(p, o->n);
    for (size_t i = 0; ok && i < o->n; i++)
        o->spare[i] = p[i].at;
    free(p);
    o->sorted = o->spare;
    o->mask = UINT32_MAX;
    return ok;
}

bool order_sort(struct order *o)
{
    uint64_t least, most;
    size_t n = o->n;
    o->sorted = o->spare;
    o->cut = false;
    if (!n)
        return true;
    range(o->key, n, &least, &most);
    unsigned shift = 0;
    o->low = bits_of(n - 1);
    o->mask = (UINT64_C(1) << o->low) - 1;
    while (o->low + bits_of(((most - least) >> shift) + 1) > 64)
        shift++;
    if (shift && !o->codes)
        return sort_pairs(o);
    o->cut = shift > 0; /* what is left over is for who knows what the keys stand for */
    o->unknown = ((most - least) >> shift) + 1;
    unsigned width = bits_of(o->unknown);
    struct digits d = {.low = o->low, .n = (width + BITS_MOST - 1) / BITS_MOST};
    d.bits = (width + d.n - 1) / d.n;
    d.mask = (1u << d.bits) - 1;
    d.count = calloc(d.n, sizeof *d.count);
    if (!d.count)
        return false;
    pack_counted(o, least, shift, &d);
    radix_bits(o, &d);
    free(d.count);
    return true;
}

void order_free(struct order *o)
{
    free(o->key);
    free(o->spare);
    *o = (struct order){0};
}

/* --- texts ------------------------------------------------------------------------ */

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* Of texts that are alike up to `from`, case ignored. */
static int compare_from(struct kt_span a, struct kt_span b, size_t from)
{
    size_t n = a.n < b.n ? a.n : b.n;
    for (size_t i = from; i < n; i++) {
        int d = lower(a.p[i]) - lower(b.p[i]);
        if (d)
            return d;
    }
    if (a.n != b.n)
        return a.n < b.n ? -1 : 1;
    return n ? memcmp(a.p, b.p, n) : 0;
}

int order_compare(struct kt_span a, struct kt_span b)
{
    return compare_from(a, b, 0);
}

/* How many bytes all texts begin with alike. */
static size_t common(const struct kt_span *t, size_t n)
{
    size_t c = t[0].n;
    for (size_t i = 1; i < n && c; i++) {
        size_t k = 0;
        while (k < c && k < t[i].n && lower(t[i].p[k]) == lower(t[0].p[k]))
            k++;
        c = k;
    }
    return c;
}

static uint64_t prefix(struct kt_span t, size_t skip)
{
    uint64_t key = 0;
    for (size_t i = 0; i < 8; i++)
        key = key << 8 | (skip + i < t.n ? lower(t.p[skip + i]) : 0);
    return key;
}

struct tails {
    const struct kt_span *t;
    size_t from;
};

static int compare_tails(const void *a, const void *b, void *tails)
{
    const struct tails *x = tails;
    return compare_from(x->t[((const struct pair *)a)->at], x->t[((const struct pair *)b)->at], x->from);
}

static void sort_few(struct pair *p, size_t n, const struct kt_span *t, size_t from)
{
    struct tails x = {t, from};
    qsort_r(p, n, sizeof *p, compare_tails, &x);
}

/* Texts that are alike up to `from`, case ignored: where they part, and whether
 * they do. */
static bool part(const struct pair *p, size_t n, const struct kt_span *t, size_t *from)
{
    struct kt_span first = t[p[0].at];
    size_t alike = first.n, longest = first.n;
    for (size_t i = 1; i < n; i++) {
        struct kt_span x = t[p[i].at];
        size_t k = *from, most = x.n < alike ? x.n : alike;
        longest = x.n > longest ? x.n : longest;
        while (k < most && lower(x.p[k]) == lower(first.p[k]))
            k++;
        alike = k < alike ? k : alike;
    }
    *from = alike;
    return alike < longest;
}

/* A run of texts that are alike up to `from`: by the eight letters behind what they
 * share, and so on. */
static bool sort_alike(struct pair *p, size_t n, const struct kt_span *t, size_t from, int depth)
{
    enum { FEW = 8, DEEP = 24 };
    if (n < FEW || depth > DEEP) {
        sort_few(p, n, t, from);
        return true;
    }
    if (!part(p, n, t, &from)) { /* in case at most */
        bool same = true;
        for (size_t i = 1; i < n && same; i++)
            same = kt_span_eq(t[p[i].at], t[p[0].at]);
        if (!same)
            sort_few(p, n, t, from);
        return true;
    }
    for (size_t i = 0; i < n; i++)
        p[i].key = prefix(t[p[i].at], from);
    if (!radix(p, n))
        return false;
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i + 1; k < n && p[k].key == p[i].key; k++)
            ;
        if (k - i > 1 && !sort_alike(p + i, k - i, t, from, depth + 1))
            return false;
    }
    return true;
}

bool order_ranks(const struct kt_span *t, size_t n, uint32_t *rank, uint32_t *distinct)
{
    *distinct = 0;
    if (!n)
        return true;
    struct pair *p = mem_large(malloc(n * sizeof *p), n * sizeof *p);
    if (!p)
        return false;
    size_t skip = common(t, n);
    for (size_t i = 0; i < n; i++)
        p[i] = (struct pair){prefix(t[i], skip), (uint32_t)i};
    if (!radix(p, n)) {
        free(p);
        return false;
    }
    for (size_t i = 0, k; i < n; i = k) { /* runs that begin alike */
        for (k = i + 1; k < n && p[k].key == p[i].key; k++)
            ;
        if (k - i > 1 && !sort_alike(p + i, k - i, t, skip, 0)) {
            free(p);
            return false;
        }
    }
    for (size_t i = 0; i < n; i++) {
        bool same = i && p[i].key == p[i - 1].key && kt_span_eq(t[p[i].at], t[p[i - 1].at]);
        *distinct += !same;
        rank[p[i].at] = *distinct - 1;
    }
    free(p);
    return true;
}

void order_code_table(struct order_codes *t)
{
    for (unsigned i = 0; i < 256; i++) {
        unsigned char c = lower((char)i);
        unsigned v = c < '0' ? 1 : c <= '9' ? 2u + c - '0' : c < 'a' ? 12 : c <= 'z' ? 13u + c - 'a' : 39;
        t->of[i] = (uint8_t)v;
    }
}

uint64_t order_code(const struct order_codes *t, struct kt_span text)
{
    uint64_t code = 0;
    size_t n = text.n < ORDER_CODE_BITS / 6 ? text.n : ORDER_CODE_BITS / 6;
    for (size_t i = 0; i < n; i++)
        code = code << 6 | t->of[(unsigned char)text.p[i]];
    return code << (ORDER_CODE_BITS - 6 * n);
}
