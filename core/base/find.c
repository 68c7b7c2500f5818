#include "base/find.h"

#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

static unsigned char lower_of(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static bool same(const char *p, struct kt_span lower)
{
    for (size_t i = 0; i < lower.n; i++)
        if (lower_of(p[i]) != (unsigned char)lower.p[i])
            return false;
    return true;
}

static bool find_from(struct kt_span text, struct kt_span lower, size_t from)
{
    for (size_t i = from; i + lower.n <= text.n; i++)
        if (lower_of(text.p[i]) == (unsigned char)lower.p[0] && same(text.p + i, lower))
            return true;
    return false;
}

#ifdef __SSE2__
static __m128i block(const char *p)
{
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i capital = _mm_and_si128(_mm_cmpgt_epi8(x, _mm_set1_epi8('A' - 1)), _mm_cmplt_epi8(x, _mm_set1_epi8('Z' + 1)));
    return _mm_or_si128(x, _mm_and_si128(capital, _mm_set1_epi8(0x20)));
}

/* Where both its first and its last byte stand right, it is looked at. */
bool kt_find_no_case(struct kt_span text, struct kt_span lower)
{
    size_t n = lower.n;
    if (!n)
        return true;
    if (text.n < n)
        return false;
    const __m128i first = _mm_set1_epi8(lower.p[0]), last = _mm_set1_epi8(lower.p[n - 1]);
    size_t i = 0, places = text.n - n + 1;
    for (; i + 16 <= places; i += 16) {
        __m128i both = _mm_and_si128(_mm_cmpeq_epi8(block(text.p + i), first),
                                     _mm_cmpeq_epi8(block(text.p + i + n - 1), last));
        for (unsigned m = (unsigned)_mm_movemask_epi8(both); m; m &= m - 1)
            if (same(text.p + i + __builtin_ctz(m), lower))
                return true;
    }
    if (i < places && places >= 16) { /* the last ones once more, with those before them */
        i = places - 16;
        __m128i both = _mm_and_si128(_mm_cmpeq_epi8(block(text.p + i), first),
                                     _mm_cmpeq_epi8(block(text.p + i + n - 1), last));
        for (unsigned m = (unsigned)_mm_movemask_epi8(both); m; m &= m - 1)
            if (same(text.p + i + __builtin_ctz(m), lower))
                return true;
        return false;
    }
    return i < places && find_from(text, lower, i);
}

static uint32_t where_is(__m128i low, __m128i high, char c)
{
    const __m128i x = _mm_set1_epi8(c);
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(low, x)) |
           (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(high, x)) << 16;
}

bool kt_find_no_case_32(const char *p, size_t n, struct kt_span lower)
{
    if (!lower.n || lower.n > n)
        return !lower.n;
    __m128i low = block(p), high = block(p + 16);
    uint32_t m = where_is(low, high, lower.p[0]) & where_is(low, high, lower.p[lower.n - 1]) >> (lower.n - 1);
    m &= (uint32_t)((UINT64_C(1) << (n - lower.n + 1)) - 1);
    for (; m; m &= m - 1)
        if (same(p + __builtin_ctz(m), lower))
            return true;
    return false;
}
#else
bool kt_find_no_case_32(const char *p, size_t n, struct kt_span lower)
{
    return kt_find_no_case((struct kt_span){p, n}, lower);
}

bool kt_find_no_case(struct kt_span text, struct kt_span lower)
{
    return !lower.n || find_from(text, lower, 0);
}
#endif
