/* Strings of JSON as they stand in a text (RFC 8259): exact, or not taken. What is not
 * decided here is left to a whole parser: NULs, halves of surrogate pairs and pairs,
 * bytes that are not UTF-8, controls. */
#ifndef KT_BASE_LITERAL_H
#define KT_BASE_LITERAL_H
#include "base/span.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The next byte of a string that is not plain ASCII text; `end` where there is none. */
static inline const char *kt_literal_special(const char *p, const char *end)
{
#ifdef __SSE2__
    for (; end - p >= 16; p += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
        /* signed: below 0x20 are the bytes above 0x7f too */
        __m128i m = _mm_or_si128(_mm_cmplt_epi8(x, _mm_set1_epi8(0x20)),
                                 _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')),
                                              _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'))));
        unsigned bits = (unsigned)_mm_movemask_epi8(m);
        if (bits)
            return p + __builtin_ctz(bits);
    }
#endif
    while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\')
        p++;
    return p;
}

/* The code unit of `\uXXXX` at `p`, of which n bytes are there; -1 where there is none. */
int kt_literal_unit(const char *p, size_t n);
/* Past the string that begins with the quote at `*p`; `s` is what is between its quotes,
 * and `escapes`, whether some of it is. */
bool kt_literal(const char **p, const char *end, struct kt_span *s, bool *escapes);
/* What such a string spells, at `to`, which has room for s.n bytes; how many they are. */
size_t kt_literal_unescape(struct kt_span s, char *to);
#endif
