#include "ingest/gunzip.h"

#include <libdeflate.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_GUESS = 1 << 20, MEMBER_MIN = 18, TRAILER = 8, STEP = 1 << 20 };

struct kt_gunzip {
    struct libdeflate_decompressor *d;
    unsigned char *out;
    size_t cap;
};

struct kt_gunzip *kt_gunzip_new(void)
{
    struct kt_gunzip *g = calloc(1, sizeof *g);
    if (g && !(g->d = libdeflate_alloc_decompressor())) {
        free(g);
        return NULL;
    }
    return g;
}

void kt_gunzip_free(struct kt_gunzip *g)
{
    if (!g)
        return;
    libdeflate_free_decompressor(g->d);
    free(g->out);
    free(g);
}

static bool room_for(struct kt_gunzip *g, size_t n)
{
    if (n <= g->cap)
        return true;
    if (n > KT_GUNZIP_OUT_MAX)
        return false;
    free(g->out); /* nothing in it is needed */
    n = (n + STEP - 1) / STEP * STEP; /* the next one may be a little longer */
    g->out = malloc(n);
    g->cap = g->out ? n : 0;
    return g->out != NULL;
}

static uint32_t word(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The last four bytes say how long the last member is: right for files of one,
 * a guess for others. */
static size_t guess(const unsigned char *p, size_t n)
{
    size_t size = word(p + n - 4);
    return size > 0 && size <= KT_GUNZIP_OUT_MAX ? size : FIRST_GUESS;
}

/* RFC 1952, 2.3: how long a member's header is; 0 where it is none to be sure of. */
static size_t header_len(const unsigned char *p, size_t n)
{
    enum { HCRC = 2, EXTRA = 4, NAME = 8, COMMENT = 16, RESERVED = 0xe0 };
    if (n < MEMBER_MIN || p[0] != 0x1f || p[1] != 0x8b || p[2] != 8 || (p[3] & (RESERVED | HCRC)))
        return 0;
    size_t at = 10;
    if (p[3] & EXTRA) {
        if (n - at < 2)
            return 0;
        at += 2 + ((size_t)p[at] | (size_t)p[at + 1] << 8);
    }
    for (unsigned text = (unsigned)!!(p[3] & NAME) + !!(p[3] & COMMENT); text; text--) {
        const unsigned char *end = at < n ? memchr(p + at, 0, n - at) : NULL;
        if (!end)
            return 0;
        at = (size_t)(end - p) + 1;
    }
    return at < n && n - at > TRAILER ? at : 0;
}

const unsigned char *kt_gunzip_member(struct kt_gunzip *g, const unsigned char *p, size_t n, size_t *used, size_t *made,
                                      uint32_t *crc)
{
    size_t head = header_len(p, n);
    if (!head)
        return NULL;
    for (size_t want = guess(p, n); room_for(g, want); want = g->cap < KT_GUNZIP_OUT_MAX / 2 ? g->cap * 2 : KT_GUNZIP_OUT_MAX) {
        size_t cap = g->cap, took = 0;
        enum libdeflate_result r = libdeflate_deflate_decompress_ex(g->d, p + head, n - head, g->out, cap, &took, made);
        if (r == LIBDEFLATE_SUCCESS) {
            const unsigned char *trailer = p + head + took;
            if (n - head - took < TRAILER || word(trailer + 4) != (uint32_t)*made)
                return NULL;
            *crc = word(trailer);
            *used = head + took + TRAILER;
            return g->out;
        }
        if (r != LIBDEFLATE_INSUFFICIENT_SPACE || cap >= KT_GUNZIP_OUT_MAX)
            return NULL;
    }
    return NULL;
}

#ifdef __x86_64__
#define WIDE __attribute__((target("avx512f,avx512vl,vpclmulqdq,pclmul,sse4.1")))

WIDE static inline __m512i fold(__m512i x, __m512i k, __m512i next)
{
    return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(x, k, 0x00), _mm512_clmulepi64_epi128(x, k, 0x11), next, 0x96);
}

WIDE static inline __m128i fold_lane(__m128i x, __m128i k, __m128i next)
{
    return _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(x, k, 0x00), _mm_clmulepi64_si128(x, k, 0x11)), next);
}

WIDE static inline __m512i pair(uint64_t low, uint64_t high)
{
    return _mm512_set_epi64((long long)high, (long long)low, (long long)high, (long long)low, (long long)high, (long long)low,
                            (long long)high, (long long)low);
}

/* As Gopal and others, "Fast CRC Computation for Generic Polynomials Using
 * PCLMULQDQ" (Intel, 2009), sixteen lanes at once: 256 bytes are folded upon the
 * next 256. What is left are 16 bytes with the same CRC; `n` is a multiple of 256. */
WIDE static uint32_t crc_wide(uint32_t crc, const unsigned char *p, size_t n)
{
    const __m512i far = pair(0x011542778a, 0x01322d1430), near = pair(0x0154442bd4, 0x01c6e41596);
    const __m128i lane = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    __m512i x[4];
    for (int i = 0; i < 4; i++)
        x[i] = _mm512_loadu_si512((const void *)(p + 64 * i));
    x[0] = _mm512_xor_si512(x[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)~crc)));
    for (p += 256, n -= 256; n; p += 256, n -= 256)
        for (int i = 0; i < 4; i++)
            x[i] = fold(x[i], far, _mm512_loadu_si512((const void *)(p + 64 * i)));
    __m512i y = fold(fold(fold(x[0], near, x[1]), near, x[2]), near, x[3]);
    __m128i z = _mm512_castsi512_si128(y);
    z = fold_lane(z, lane, _mm512_extracti32x4_epi32(y, 1));
    z = fold_lane(z, lane, _mm512_extracti32x4_epi32(y, 2));
    z = fold_lane(z, lane, _mm512_extracti32x4_epi32(y, 3));
    unsigned char rest[16];
    _mm_storeu_si128((__m128i *)(void *)rest, z);
    return libdeflate_crc32(UINT32_MAX, rest, sizeof rest); /* from a register of zeros */
}

static bool is_wide(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("vpclmulqdq");
}
#else
static bool is_wide(void)
{
    return false;
}

static uint32_t crc_wide(uint32_t crc, const unsigned char *p, size_t n)
{
    return libdeflate_crc32(crc, p, n);
}
#endif

uint32_t kt_gunzip_crc(uint32_t crc, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    size_t wide = n >= 512 && is_wide() ? n & ~(size_t)255 : 0;
    if (wide)
        crc = crc_wide(crc, p, wide);
    return libdeflate_crc32(crc, p + wide, n - wide);
}
