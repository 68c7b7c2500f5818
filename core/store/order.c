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
    *least = UINT64_MAX;
    *most = 0;
    for (size_t i = 0; i < n; i++) {
        if (key[i] == UINT64_MAX)
            continue;
        *least = key[i] < *least ? key[i] : *least;
        *most = key[i] > *most ? key[i] : *most;
    }
    if (*least > *most)
        *least = *most = 0;
}

/* By the bits from `low` on. */
static bool radix_bits(uint64_t *v, size_t n, unsigned low, unsigned high)
{
    uint64_t *spare = mem_large(malloc(n * sizeof *spare), n * sizeof *spare), *from = v, *to = spare;
    if (!spare)
        return false;
    for (; low < high; low += DIGIT) {
        uint32_t count[DIGIT_VALUES] = {0}, sum = 0;
        for (size_t i = 0; i < n; i++)
            count[from[i] >> low & (DIGIT_VALUES - 1)]++;
        for (size_t k = 0; k < DIGIT_VALUES; k++) {
            uint32_t c = count[k];
            count[k] = sum;
            sum += c;
        }
        for (size_t i = 0; i < n; i++)
            to[count[from[i] >> low & (DIGIT_VALUES - 1)]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != v)
        memcpy(v, from, n * sizeof *v);
    free(spare);
    return true;
}

/* After it, key[i] is the place that comes i-th. */
static bool order_places(uint64_t *key, size_t n)
{
    uint64_t least, most;
    range(key, n, &least, &most);
    unsigned low = bits_of(n - 1), high = low + bits_of(most - least + 1);
    if (high <= 64) {
        uint64_t unknown = most - least + 1;
        for (size_t i = 0; i < n; i++)
            key[i] = (key[i] == UINT64_MAX ? unknown : key[i] - least) << low | i;
        bool ok = radix_bits(key, n, low, high);
        for (size_t i = 0; i < n; i++)
            key[i] &= (UINT64_C(1) << low) - 1;
        return ok;
    }
    struct pair *p = mem_large(malloc(n * sizeof *p), n * sizeof *p);
    for (size_t i = 0; p && i < n; i++)
        p[i] = (struct pair){key[i], (uint32_t)i};
    bool ok = p && radix(p, n);
    for (size_t i = 0; ok && i < n; i++)
        key[i] = p[i].at;
    free(p);
    return ok;
}

bool order_items(struct item *v, uint64_t *key, size_t n)
{
    if (n < 2)
        return true;
    struct item *copy = n < UINT32_MAX ? mem_large(malloc(n * sizeof *copy), n * sizeof *copy) : NULL;
    bool ok = copy && order_places(key, n);
    if (ok) {
        memcpy(copy, v, n * sizeof *v);
        for (size_t i = 0; i < n; i++)
            v[i] = copy[key[i]];
    }
    free(copy);
    return ok;
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
