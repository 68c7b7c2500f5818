#include "store/order.h"

#include "store/mem.h"

#include <stdlib.h>

struct pair {
    uint64_t key;
    uint32_t at;
};

enum { DIGIT = 11, DIGITS = 6, DIGIT_VALUES = 1 << DIGIT, SMALL = 64 };

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

/* By the bits from `low` to `high`; the result is in `v` or `spare`. */
static const uint64_t *radix_bits(uint64_t *v, uint64_t *spare, size_t n, unsigned low, unsigned high,
                                  uint32_t (*count)[DIGIT_VALUES])
{
    unsigned digits = (high - low + DIGIT - 1) / DIGIT; /* at most DIGITS: high <= 64 */
    uint64_t *from = v, *to = spare;
    memset(count, 0, digits * sizeof *count);
    for (size_t i = 0; i < n; i++)
        for (unsigned d = 0; d < digits; d++)
            count[d][v[i] >> (low + d * DIGIT) & (DIGIT_VALUES - 1)]++;
    for (unsigned d = 0; d < digits; d++, low += DIGIT) {
        uint32_t sum = 0;
        if (count[d][from[0] >> low & (DIGIT_VALUES - 1)] == n)
            continue;
        for (size_t k = 0; k < DIGIT_VALUES; k++) {
            uint32_t c = count[d][k];
            count[d][k] = sum;
            sum += c;
        }
        for (size_t i = 0; i < n; i++)
            to[count[d][from[i] >> low & (DIGIT_VALUES - 1)]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    return from;
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
    uint64_t unknown = o->unknown = ((most - least) >> shift) + 1;
    unsigned width = bits_of(unknown);
    for (size_t i = 0; i < n; i++) {
        uint64_t k = o->key[i];
        o->spare[n - 1 - i] = (k == UINT64_MAX ? unknown : (k - least) >> shift) << o->low | i;
    }
    uint32_t (*count)[DIGIT_VALUES] = malloc(DIGITS * sizeof *count);
    if (count)
        o->sorted = radix_bits(o->spare, o->key, n, o->low, o->low + width, count);
    free(count);
    return count != NULL;
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

int order_compare(struct kt_span a, struct kt_span b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    for (size_t i = 0; i < n; i++) {
        int d = lower(a.p[i]) - lower(b.p[i]);
        if (d)
            return d;
    }
    if (a.n != b.n)
        return a.n < b.n ? -1 : 1;
    return n ? memcmp(a.p, b.p, n) : 0;
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

static int compare_at(const void *a, const void *b, void *text)
{
    const struct kt_span *t = text;
    return order_compare(t[((const struct pair *)a)->at], t[((const struct pair *)b)->at]);
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
        if (k - i > 1)
            qsort_r(p + i, k - i, sizeof *p, compare_at, (void *)t);
    }
    for (size_t i = 0; i < n; i++) {
        bool same = i && p[i].key == p[i - 1].key && kt_span_eq(t[p[i].at], t[p[i - 1].at]);
        *distinct += !same;
        rank[p[i].at] = *distinct - 1;
    }
    free(p);
    return true;
}

/* Ten bytes of six bits: what comes before digits, digits, what lies between
 * them and letters, letters, what comes behind them; 0: the text has ended. */
uint64_t order_code(struct kt_span t)
{
    uint64_t code = 0;
    for (size_t i = 0; i < ORDER_CODE_BITS / 6; i++) {
        unsigned char c = i < t.n ? lower(t.p[i]) : 0;
        unsigned v = i >= t.n ? 0 : c < '0' ? 1 : c <= '9' ? 2u + c - '0' : c < 'a' ? 12 : c <= 'z' ? 13u + c - 'a' : 39;
        code = code << 6 | v;
    }
    return code;
}
