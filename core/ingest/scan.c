#include "ingest/scan.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

static bool may_stand_outside(unsigned char c)
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

void kt_scan_portable(const char *p, struct kt_scan_masks *m)
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
static __m128i in_range(__m128i c, char from, char count)
{
    __m128i d = _mm_sub_epi8(c, _mm_set1_epi8(from));
    return _mm_cmpeq_epi8(_mm_min_epu8(d, _mm_set1_epi8((char)(count - 1))), d);
}

static uint64_t bits(__m128i v, int shift)
{
    return (uint64_t)(uint32_t)_mm_movemask_epi8(v) << shift;
}

static __m128i is(__m128i c, char x)
{
    return _mm_cmpeq_epi8(c, _mm_set1_epi8(x));
}

void kt_scan_sse2(const char *p, struct kt_scan_masks *m)
{
    uint64_t quote = 0, backslash = 0, bracket = 0, control = 0, good = 0;
    for (int i = 0; i < KT_SCAN_BLOCK; i += 16) {
        __m128i c = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        __m128i q = is(c, '"');
        /* bit 5 set, [ is { and ] is } */
        __m128i folded = _mm_or_si128(c, _mm_set1_epi8(0x20));
        __m128i br = _mm_or_si128(is(folded, '{'), is(folded, '}'));
        /* + , - . / 0 to 9 : */
        __m128i ok = _mm_andnot_si128(is(c, '/'), in_range(c, '+', 16));
        ok = _mm_or_si128(ok, in_range(c, 'a', 26));
        ok = _mm_or_si128(ok, _mm_or_si128(is(c, 'E'), is(c, ' ')));
        ok = _mm_or_si128(ok, _mm_or_si128(q, br));
        quote |= bits(q, i);
        backslash |= bits(is(c, '\\'), i);
        bracket |= bits(br, i);
        control |= bits(in_range(c, 0, 0x20), i);
        good |= bits(ok, i);
    }
    if (control) { /* rare in one-line files: the three that may stand outside */
        for (int i = 0; i < KT_SCAN_BLOCK; i += 16) {
            __m128i c = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
            good |= bits(_mm_or_si128(is(c, '\n'), _mm_or_si128(is(c, '\r'), is(c, '\t'))), i);
        }
    }
    *m = (struct kt_scan_masks){quote, backslash, bracket, control, ~good};
}
#endif

void kt_scan_block(const char *p, struct kt_scan_masks *m)
{
#ifdef __SSE2__
    kt_scan_sse2(p, m);
#else
    kt_scan_portable(p, m);
#endif
}

/* Bit i is set where an odd number of bits at or below i is set. */
static uint64_t parity_upward(uint64_t x)
{
    for (int i = 1; i < 64; i <<= 1)
        x ^= x << i;
    return x;
}

/* The bytes that a backslash escapes. Of a run of backslashes each second one
 * is escaped itself, so the runs are walked one by one. */
static uint64_t escaped_bytes(uint64_t backslash, uint64_t first_escaped, size_t n, uint64_t *next)
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

void kt_scan_step(struct kt_scan *s, const char *p, size_t n, struct kt_scan_hits *out)
{
    char padded[KT_SCAN_BLOCK];
    if (n < KT_SCAN_BLOCK) {
        memset(padded, ' ', sizeof padded);
        memcpy(padded, p, n);
        p = padded;
    }
    struct kt_scan_masks m;
    kt_scan_block(p, &m);
    uint64_t quote = m.quote;
    if (m.backslash | s->escaped)
        quote &= ~escaped_bytes(m.backslash, s->escaped, n, &s->escaped);
    uint64_t inside = parity_upward(quote) ^ s->in_string;
    uint64_t here = n < KT_SCAN_BLOCK ? ((uint64_t)1 << n) - 1 : ~(uint64_t)0;
    s->in_string = (uint64_t)0 - (inside >> (KT_SCAN_BLOCK - 1));
    out->bracket = m.bracket & ~inside & here;
    out->damage = ((m.control & inside) | (m.stray & ~inside)) & here;
    out->inside = inside & here;
}
