#include "ingest/pick_impl.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

#define EVENT_NAME "eventName"
enum { EVENT_NAME_LEN = sizeof EVENT_NAME - 1, BETWEEN = 24 /* the key's quote, colon, blanks, the value's quote */ };
enum { ESCAPE_LEN = 6, APART_MAX = KT_PICK_APART, RARE = 64 /* of two weights */ };

/* How often a byte is expected in CloudTrail text; only ratios count. */
static unsigned weight(unsigned char c)
{
    if (c == 'A' || c == 'I' || c == 'C' || c == 'K')
        return 4;
    return isupper(c) ? 2 : islower(c) ? 16 : isdigit(c) ? 16 : 4;
}

static bool find_anchor(const struct name *m, struct anchor a, size_t *at)
{
    for (size_t i = 0; i + a.apart < m->n; i++) {
        if ((unsigned char)m->p[i] == a.first && (unsigned char)m->p[i + a.apart] == a.second) {
            *at = i;
            return true;
        }
    }
    return false;
}

static size_t count_served(const struct kt_pick *k, size_t from, struct anchor a)
{
    size_t served = 0, at;
    for (size_t i = from; i < k->n; i++)
        served += k->name[i].anchor == SIZE_MAX && find_anchor(&k->name[i], a, &at);
    return served;
}

/* The pair of name `i` that serves most names; of equals the rarest one. Pairs
 * of two lower-case letters are everywhere: they serve only a name that has no
 * other. */
static struct anchor best_anchor(const struct kt_pick *k, size_t i)
{
    const struct name *m = &k->name[i];
    struct anchor best = {(unsigned char)m->p[0], (unsigned char)m->p[0], 0};
    size_t best_served = 0;
    unsigned best_weight = 0;
    for (unsigned apart = 1; apart <= APART_MAX; apart++) {
        for (size_t j = 0; j + apart < m->n; j++) {
            struct anchor a = {(unsigned char)m->p[j], (unsigned char)m->p[j + apart], apart};
            unsigned w = weight(a.first) * weight(a.second);
            size_t served = w <= RARE ? count_served(k, i, a) : 1;
            if (served > best_served || (served == best_served && w < best_weight)) {
                best = a;
                best_served = served;
                best_weight = w;
            }
        }
    }
    return best;
}

static void choose_anchors(struct kt_pick *k)
{
    k->anchor[k->n_anchors++] = (struct anchor){'\\', 'u', 1};
    for (size_t i = 0; i < k->n; i++) {
        if (k->name[i].anchor != SIZE_MAX)
            continue;
        struct anchor a = best_anchor(k, i);
        for (size_t j = i; j < k->n; j++)
            if (k->name[j].anchor == SIZE_MAX && find_anchor(&k->name[j], a, &k->name[j].at))
                k->name[j].anchor = k->n_anchors;
        k->anchor[k->n_anchors++] = a;
    }
}

static bool fill_slots(struct kt_pick *k);

struct kt_pick *kt_pick_new(const char *const *names, size_t n)
{
    struct kt_pick *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->name = calloc(n + 1, sizeof *k->name);
    k->anchor = calloc(n + 1, sizeof *k->anchor);
    if (!k->name || !k->anchor) {
        kt_pick_free(k);
        return NULL;
    }
    k->longest = ESCAPE_LEN;
    k->lowest = '4';
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(names[i]);
        if (!len)
            continue;
        k->name[k->n++] = (struct name){names[i], len, SIZE_MAX, 0};
        if (len > k->longest)
            k->longest = len;
        for (const char *c = names[i]; *c; c++)
            if (!isalpha((unsigned char)*c))
                k->lowest = '0';
    }
    choose_anchors(k);
    if (fill_slots(k))
        return k;
    kt_pick_free(k);
    return NULL;
}

void kt_pick_free(struct kt_pick *k)
{
    if (!k)
        return;
    kt_pick_free(k->event);
    free(k->slot);
    free(k->name);
    free(k->anchor);
    free(k);
}

static uint32_t hash(const char *p, size_t n)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)p[i]) * 16777619u;
    return h;
}

bool kt_pick_is(const struct kt_pick *k, const char *p, size_t n)
{
    for (size_t i = hash(p, n);; i++) {
        uint32_t x = k->slot[i & (k->n_slots - 1)];
        if (!x)
            return false;
        const struct name *m = &k->name[x - 1];
        if (m->n == n && memcmp(m->p, p, n) == 0)
            return true;
    }
}

static bool fill_slots(struct kt_pick *k)
{
    for (k->n_slots = 8; k->n_slots < 2 * k->n + 2;)
        k->n_slots *= 2;
    k->slot = calloc(k->n_slots, sizeof *k->slot);
    for (size_t i = 0; k->slot && i < k->n; i++) {
        size_t at = hash(k->name[i].p, k->name[i].n);
        while (k->slot[at & (k->n_slots - 1)])
            at++;
        k->slot[at & (k->n_slots - 1)] = (uint32_t)i + 1;
    }
    return k->slot != NULL;
}

bool kt_pick_exactly(struct kt_pick *k)
{
    static const char *const key[] = {EVENT_NAME};
    if (k->event)
        return true;
    k->event = kt_pick_new(key, 1);
    if (k->event)
        k->event->lowest = k->lowest;
    return k->event != NULL;
}

size_t kt_pick_anchors(const struct kt_pick *k)
{
    return k->n_anchors;
}

size_t kt_pick_reach(const struct kt_pick *k)
{
    return k->event ? EVENT_NAME_LEN + BETWEEN + k->longest + 1 : k->longest;
}

static size_t past(const char *p, size_t n, size_t i, const char *these)
{
    while (i < n && p[i] && strchr(these, p[i]))
        i++;
    return i;
}

/* In JSON in strings there are backslashes before the quotes. */
bool kt_pick_event_at(const struct kt_pick *k, const char *p, size_t n)
{
    size_t most = EVENT_NAME_LEN + BETWEEN < n ? EVENT_NAME_LEN + BETWEEN : n;
    size_t i = past(p, most, EVENT_NAME_LEN, "\\");
    if (i == most || p[i] != '"')
        return i > EVENT_NAME_LEN || i == n; /* no key: the text goes on; or the quote is spelled with an escape */
    i++;
    i = past(p, most, i, " \t\r\n");
    if (i < most && p[i] != ':')
        return true;
    i = past(p, most, i + 1, " \t\r\n\\");
    if (i >= most || p[i++] != '"')
        return true;
    size_t from = i;
    while (i < n && i - from <= k->longest && p[i] != '"' && p[i] != '\\')
        i++;
    if (i == n)
        return true;
    return i - from <= k->longest && kt_pick_is(k, p + from, i - from);
}

bool kt_pick_matters(const struct kt_pick *k, const char *p, size_t n)
{
    if (!k->event)
        return kt_pick_any(k, p, n);
    for (size_t at = 0; (at = kt_pick_next(k->event, p, n, at)) < n; at++)
        if (p[at] == '\\' || kt_pick_event_at(k, p + at, n - at))
            return true;
    return false;
}

size_t kt_pick_longest(const struct kt_pick *k)
{
    return k->longest;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* At `\u`: does it spell what a name may hold? */
static bool escape_counts(const struct kt_pick *k, const char *p, size_t n)
{
    for (size_t i = 2; i < ESCAPE_LEN && i < n; i++) {
        if (p[i] == '\\')
            return true;
        if (!is_hex(p[i]))
            break;
    }
    return n >= 5 && p[2] == '0' && p[3] == '0' && p[4] >= k->lowest && p[4] <= '7';
}

/* Anchor `a` stands at `at`: the start of a hit that is not before `from`. */
static size_t confirm(const struct kt_pick *k, size_t a, const char *p, size_t n, size_t from, size_t at)
{
    for (size_t i = 0; i < k->n; i++) {
        const struct name *m = &k->name[i];
        if (m->anchor != a || at < m->at + from)
            continue;
        size_t start = at - m->at;
        if (n - start >= m->n && memcmp(p + start, m->p, m->n) == 0)
            return start;
    }
    return n;
}

size_t kt_pick_confirm(const struct kt_pick *k, const char *p, size_t n, size_t from, size_t at)
{
    if (p[at] == '\\' && at + 1 < n && p[at + 1] == 'u' && escape_counts(k, p + at, n - at))
        return at;
    for (size_t a = 1; a < k->n_anchors; a++) {
        const struct anchor *x = &k->anchor[a];
        if ((unsigned char)p[at] != x->first || at + x->apart >= n || (unsigned char)p[at + x->apart] != x->second)
            continue;
        size_t hit = confirm(k, a, p, n, from, at);
        if (hit < n)
            return hit;
    }
    return n;
}

size_t kt_pick_next_portable(const struct kt_pick *k, const char *p, size_t n, size_t from)
{
    for (size_t at = from; at < n; at++) {
        size_t hit = kt_pick_confirm(k, p, n, from, at);
        if (hit < n)
            return hit;
    }
    return n;
}

#ifdef __SSE2__
static inline __m128i pair(const char *p, const struct anchor *a)
{
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i y = _mm_loadu_si128((const __m128i *)(const void *)(p + a->apart));
    return _mm_and_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8((char)a->first)),
                         _mm_cmpeq_epi8(y, _mm_set1_epi8((char)a->second)));
}

/* `count` is a constant at the calls for few anchors, so that the loop is
 * unrolled. */
static inline __attribute__((always_inline)) size_t next_sse2(const struct kt_pick *k, const char *p, size_t n,
                                                              size_t from, size_t count)
{
    size_t at = from;
    for (; n >= 16 + APART_MAX && at <= n - 16 - APART_MAX; at += 16) {
        __m128i any = pair(p + at, &k->anchor[0]);
        for (size_t a = 1; a < count; a++)
            any = _mm_or_si128(any, pair(p + at, &k->anchor[a]));
        unsigned mask = (unsigned)_mm_movemask_epi8(any);
        for (; mask; mask &= mask - 1) {
            size_t hit = kt_pick_confirm(k, p, n, from, at + (unsigned)__builtin_ctz(mask));
            if (hit < n)
                return hit;
        }
    }
    for (; at < n; at++) {
        size_t hit = kt_pick_confirm(k, p, n, from, at);
        if (hit < n)
            return hit;
    }
    return n;
}

size_t kt_pick_next_sse2(const struct kt_pick *k, const char *p, size_t n, size_t from)
{
    switch (k->n_anchors) {
    case 2:
        return next_sse2(k, p, n, from, 2);
    case 3:
        return next_sse2(k, p, n, from, 3);
    default:
        return next_sse2(k, p, n, from, k->n_anchors);
    }
}

#ifdef __x86_64__
#define WIDE __attribute__((target("avx2")))

WIDE static inline __m256i pair32(const char *p, const struct anchor *a)
{
    __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i y = _mm256_loadu_si256((const __m256i *)(const void *)(p + a->apart));
    return _mm256_and_si256(_mm256_cmpeq_epi8(x, _mm256_set1_epi8((char)a->first)),
                            _mm256_cmpeq_epi8(y, _mm256_set1_epi8((char)a->second)));
}

WIDE size_t kt_pick_next_avx2(const struct kt_pick *k, const char *p, size_t n, size_t from)
{
    size_t at = from;
    for (; n >= 32 + APART_MAX && at <= n - 32 - APART_MAX; at += 32) {
        __m256i any = pair32(p + at, &k->anchor[0]);
        for (size_t a = 1; a < k->n_anchors; a++)
            any = _mm256_or_si256(any, pair32(p + at, &k->anchor[a]));
        unsigned mask = (unsigned)_mm256_movemask_epi8(any);
        for (; mask; mask &= mask - 1) {
            size_t hit = kt_pick_confirm(k, p, n, from, at + (unsigned)__builtin_ctz(mask));
            if (hit < n)
                return hit;
        }
    }
    for (; at < n; at++) {
        size_t hit = kt_pick_confirm(k, p, n, from, at);
        if (hit < n)
            return hit;
    }
    return n;
}
#endif

size_t kt_pick_next(const struct kt_pick *k, const char *p, size_t n, size_t from)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2"))
        return kt_pick_next_avx2(k, p, n, from);
#endif
    return kt_pick_next_sse2(k, p, n, from);
}
#else
size_t kt_pick_next(const struct kt_pick *k, const char *p, size_t n, size_t from)
{
    return kt_pick_next_portable(k, p, n, from);
}
#endif
