/* Classifiers and string-awareness of sixty-four bytes, to be inlined: scan.c,
 * sweep.c. */
#ifndef KT_INGEST_SCAN_IMPL_H
#define KT_INGEST_SCAN_IMPL_H
#include "ingest/scan.h"

#ifdef __SSE2__
#include <immintrin.h>
#endif

static inline bool may_stand_outside(unsigned char c)
{
    switch (c) {
    case '\t': case '\n': case '\r': case ' ':
    case '"': case '[': case ']': case '{': case '}':
    case '+': case ',': case '-': case '.': case ':': case 'E':
        return true;
    default:
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
    }
}

static inline void classify_portable(const char *p, struct kt_scan_masks *m)
{
    *m = (struct kt_scan_masks){0};
    for (unsigned i = 0; i < KT_SCAN_BLOCK; i++) {
        unsigned char c = (unsigned char)p[i];
        uint64_t bit = (uint64_t)1 << i;
        if (c == '"')
            m->quote |= bit;
        if (c == '\\')
            m->backslash |= bit;
        if (c == '{' || c == '}' || c == '[' || c == ']')
            m->bracket |= bit;
        if (c < 0x20)
            m->control |= bit;
        if (!may_stand_outside(c))
            m->stray |= bit;
    }
}

#ifdef __SSE2__
static inline __m128i in_range(__m128i c, char from, char count)
{
    __m128i d = _mm_sub_epi8(c, _mm_set1_epi8(from));
    return _mm_cmpeq_epi8(_mm_min_epu8(d, _mm_set1_epi8((char)(count - 1))), d);
}

static inline uint64_t bits(__m128i v)
{
    return (uint32_t)_mm_movemask_epi8(v);
}

static inline __m128i is(__m128i c, char x)
{
    return _mm_cmpeq_epi8(c, _mm_set1_epi8(x));
}

/* The masks of 16 bytes, each to be put at its place among 64. */
struct sixteen {
    uint64_t quote, backslash, bracket, control, good;
};

static inline struct sixteen classify(const char *p)
{
    __m128i c = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i quote = is(c, '"');
    /* bit 5 set, [ is { and ] is } */
    __m128i folded = _mm_or_si128(c, _mm_set1_epi8(0x20));
    __m128i bracket = _mm_or_si128(is(folded, '{'), is(folded, '}'));
    /* + , - . / 0 to 9 : */
    __m128i good = _mm_andnot_si128(is(c, '/'), in_range(c, '+', 16));
    good = _mm_or_si128(good, in_range(c, 'a', 26));
    good = _mm_or_si128(good, _mm_or_si128(is(c, 'E'), is(c, ' ')));
    good = _mm_or_si128(good, _mm_or_si128(quote, bracket));
    return (struct sixteen){bits(quote), bits(is(c, '\\')), bits(bracket), bits(in_range(c, 0, 0x20)), bits(good)};
}

static inline uint64_t join(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return a | b << 16 | c << 32 | d << 48;
}

static inline uint64_t blank_controls(const char *p)
{
    uint64_t m[4];
    for (int i = 0; i < 4; i++) {
        __m128i c = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
        m[i] = bits(_mm_or_si128(is(c, '\n'), _mm_or_si128(is(c, '\r'), is(c, '\t'))));
    }
    return join(m[0], m[1], m[2], m[3]);
}

static inline void classify_block(const char *p, struct kt_scan_masks *m)
{
    struct sixteen a = classify(p), b = classify(p + 16), c = classify(p + 32), d = classify(p + 48);
    m->quote = join(a.quote, b.quote, c.quote, d.quote);
    m->backslash = join(a.backslash, b.backslash, c.backslash, d.backslash);
    m->bracket = join(a.bracket, b.bracket, c.bracket, d.bracket);
    m->control = join(a.control, b.control, c.control, d.control);
    m->stray = ~join(a.good, b.good, c.good, d.good);
    if (m->control) /* rare in one-line files: the three that may stand outside */
        m->stray &= ~blank_controls(p);
}
#else
static inline void classify_block(const char *p, struct kt_scan_masks *m)
{
    classify_portable(p, m);
}
#endif

/* Bit i is set where an odd number of bits at or below i is set. */
static inline uint64_t parity_upward(uint64_t x)
{
    x ^= x << 1;
    x ^= x << 2;
    x ^= x << 4;
    x ^= x << 8;
    x ^= x << 16;
    return x ^ x << 32;
}

/* The bytes that a backslash escapes. Of a run of backslashes each second one
 * is escaped itself, so the runs are walked one by one. */
static inline uint64_t escaped_bytes(uint64_t backslash, uint64_t first_escaped, size_t n, uint64_t *next)
{
    uint64_t out = first_escaped;
    *next = 0;
    if (first_escaped)
        backslash &= ~(uint64_t)1;
    while (backslash) {
        unsigned i = (unsigned)__builtin_ctzll(backslash);
        backslash &= backslash - 1;
        if (i + 1 >= n) {
            *next = 1;
            break;
        }
        uint64_t after = (uint64_t)2 << i;
        out |= after;
        backslash &= ~after;
    }
    return out;
}

#ifdef __x86_64__
/* The same with registers twice as wide, chosen as the program runs. */
#define WIDE __attribute__((target("avx2,pclmul")))

WIDE static inline __m256i is32(__m256i c, char x)
{
    return _mm256_cmpeq_epi8(c, _mm256_set1_epi8(x));
}

WIDE static inline __m256i in_range32(__m256i c, char from, char count)
{
    __m256i d = _mm256_sub_epi8(c, _mm256_set1_epi8(from));
    return _mm256_cmpeq_epi8(_mm256_min_epu8(d, _mm256_set1_epi8((char)(count - 1))), d);
}

WIDE static inline uint64_t bits32(__m256i v)
{
    return (uint32_t)_mm256_movemask_epi8(v);
}

WIDE static inline struct sixteen classify32(const char *p)
{
    __m256i c = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i quote = is32(c, '"');
    __m256i folded = _mm256_or_si256(c, _mm256_set1_epi8(0x20));
    __m256i bracket = _mm256_or_si256(is32(folded, '{'), is32(folded, '}'));
    __m256i good = _mm256_andnot_si256(is32(c, '/'), in_range32(c, '+', 16));
    good = _mm256_or_si256(good, in_range32(c, 'a', 26));
    good = _mm256_or_si256(good, _mm256_or_si256(is32(c, 'E'), is32(c, ' ')));
    good = _mm256_or_si256(good, _mm256_or_si256(quote, bracket));
    return (struct sixteen){bits32(quote), bits32(is32(c, '\\')), bits32(bracket), bits32(in_range32(c, 0, 0x20)),
                            bits32(good)};
}

WIDE static inline void classify_block_wide(const char *p, struct kt_scan_masks *m)
{
    struct sixteen a = classify32(p), b = classify32(p + 32);
    m->quote = a.quote | b.quote << 32;
    m->backslash = a.backslash | b.backslash << 32;
    m->bracket = a.bracket | b.bracket << 32;
    m->control = a.control | b.control << 32;
    m->stray = ~(a.good | b.good << 32);
    if (m->control)
        m->stray &= ~blank_controls(p);
}

WIDE static inline uint64_t parity_upward_wide(uint64_t x)
{
    __m128i r = _mm_clmulepi64_si128(_mm_set_epi64x(0, (long long)x), _mm_set1_epi8((char)0xff), 0);
    return (uint64_t)_mm_cvtsi128_si64(r);
}
#endif
#endif
