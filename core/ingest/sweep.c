#include "ingest/sweep.h"

#include "ingest/pick_impl.h"
#include "ingest/scan_impl.h"

#ifdef __ARM_NEON
#include <arm_neon.h>
#endif

enum { ANCHORS_MAX = 16, KEY_ANCHORS_MAX = 2 };

/* What is filled as far as it is used is not cleared before. */
#if defined __has_attribute
#if __has_attribute(uninitialized)
#define UNSET __attribute__((uninitialized))
#endif
#endif
#ifndef UNSET
#define UNSET
#endif

/* Bit i speaks of byte i; `name` and `key`: an anchor may stand there. */
struct sweep_masks {
    uint64_t quote, backslash, bracket, control, stray, name, key;
};

/* The bytes that a backslash escapes, without a branch: of a run of backslashes
 * each second one is escaped itself. `next`: the first byte of the next block is. */
static inline __attribute__((always_inline)) uint64_t mark_escaped(uint64_t backslash, uint64_t first, uint64_t *next)
{
    static const uint64_t odd = 0xaaaaaaaaaaaaaaaau;
    uint64_t starts = backslash & ~first;
    uint64_t codes = (((starts << 1) | odd) - starts) ^ odd;
    *next = (codes & backslash) >> 63;
    return codes ^ (backslash | first);
}

/* Notes the anchors at `at` that announce a name; `of`: the key eventName of one of these. */
static void note(const struct kt_pick *k, const struct kt_pick *of, const char *text, size_t n, size_t low, size_t at, uint64_t mask, size_t from,
                 uint16_t *out, size_t *count)
{
    for (; mask; mask &= mask - 1) {
        size_t i = at + (unsigned)__builtin_ctzll(mask), hit = kt_pick_confirm(k, text, n, low, i);
        if (hit < n && (!of || text[hit] == '\\' || kt_pick_event_at(of, text + hit, n - hit)))
            out[(*count)++] = (uint16_t)(i - from);
    }
}

/* False where there is no room for those of another block. */
static __attribute__((noinline)) bool found(const struct kt_sweep *w, const char *text, size_t low, size_t from, size_t at,
                                            size_t to, uint64_t name, uint64_t key, struct kt_swept *out)
{
    note(w->names, w->exact, text, to + w->margin, low, at, name, from, out->name, &out->n_names);
    if (key)
        note(w->keys, NULL, text, to + w->margin, low, at, key, from, out->key, &out->n_keys);
    return out->n_names <= KT_SWEEP_FOUND && out->n_keys <= KT_SWEEP_FOUND;
}

static inline __attribute__((always_inline)) void put_bits(uint16_t *to, unsigned at, uint64_t b)
{
    for (; b; b &= b - 1)
        *to++ = (uint16_t)(at + (unsigned)__builtin_ctzll(b));
}

/* --- the portable way -------------------------------------------------------- */

enum { LANE_QUOTE, LANE_BACKSLASH, LANE_BRACKET, LANE_CONTROL, LANE_STRAY, LANE_NAME, LANE_KEY, LANES };

static uint64_t lane(unsigned k, bool on)
{
    return (uint64_t)on << (8 * k);
}

static bool begins_anchor(const struct kt_pick *k, size_t from, unsigned c)
{
    for (size_t a = from; k && a < k->n_anchors; a++)
        if (k->anchor[a].first == c)
            return true;
    return false;
}

static void set_lanes(struct kt_sweep *w)
{
    for (unsigned c = 0; c < 256; c++)
        w->lanes[c] = lane(LANE_QUOTE, c == '"') | lane(LANE_BACKSLASH, c == '\\') |
                      lane(LANE_BRACKET, c == '{' || c == '}' || c == '[' || c == ']') | lane(LANE_CONTROL, c < 0x20) |
                      lane(LANE_STRAY, !may_stand_outside((unsigned char)c)) |
                      lane(LANE_NAME, begins_anchor(w->names, 0, c)) | lane(LANE_KEY, begins_anchor(w->keys, 1, c));
}

/* Eight bytes' bits of all lanes at once. */
static inline void masks_portable(const char *p, const struct kt_sweep *w, struct sweep_masks *m)
{
    uint64_t all[LANES] = {0};
    for (unsigned i = 0; i < KT_SCAN_BLOCK; i += 8) {
        uint64_t x = 0;
#pragma GCC unroll 8
        for (unsigned j = 0; j < 8; j++)
            x |= w->lanes[(unsigned char)p[i + j]] << j;
#pragma GCC unroll 8
        for (unsigned k = 0; k < LANES; k++)
            all[k] |= (x >> (8 * k) & 0xff) << i;
    }
    *m = (struct sweep_masks){all[LANE_QUOTE], all[LANE_BACKSLASH], all[LANE_BRACKET], all[LANE_CONTROL], all[LANE_STRAY],
                              all[LANE_NAME], all[LANE_KEY]};
}

#define SWEEP_NAME sweep_portable
#define SWEEP_TARGET
#define SWEEP_SETUP(a, w) const struct kt_sweep *a = (w)
#define SWEEP_MASKS(p, a, m) masks_portable(p, a, m)
#define SWEEP_PARITY(x) parity_upward(x)
#define SWEEP_PUT(to, at, b) put_bits(to, at, b)
#include "ingest/sweep_loop.h"

/* --- SSE2 ---------------------------------------------------------------------- */

#ifdef __SSE2__
static inline __attribute__((always_inline)) uint64_t anchors_sse2(const struct kt_pick *k, size_t from, const char *p)
{
    uint64_t out = 0;
    for (unsigned i = 0; i < KT_SCAN_BLOCK; i += 16) {
        __m128i any = _mm_setzero_si128(), x = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        for (size_t a = from; a < k->n_anchors; a++) {
            const struct anchor *t = &k->anchor[a];
            __m128i y = _mm_loadu_si128((const __m128i *)(const void *)(p + i + t->apart));
            any = _mm_or_si128(any, _mm_and_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8((char)t->first)),
                                                  _mm_cmpeq_epi8(y, _mm_set1_epi8((char)t->second))));
        }
        out |= (uint64_t)(uint32_t)_mm_movemask_epi8(any) << i;
    }
    return out;
}

static inline void masks_sse2(const char *p, const struct kt_sweep *w, struct sweep_masks *m)
{
    struct kt_scan_masks c;
    classify_block(p, &c);
    *m = (struct sweep_masks){c.quote, c.backslash, c.bracket, c.control, c.stray, anchors_sse2(w->names, 0, p),
                              w->keys ? anchors_sse2(w->keys, 1, p) : 0};
}

#define SWEEP_NAME sweep_sse2
#define SWEEP_TARGET
#define SWEEP_SETUP(a, w) const struct kt_sweep *a = (w)
#define SWEEP_MASKS(p, a, m) masks_sse2(p, a, m)
#define SWEEP_PARITY(x) parity_upward(x)
#define SWEEP_PUT(to, at, b) put_bits(to, at, b)
#include "ingest/sweep_loop.h"
#endif

#ifdef __x86_64__
/* --- AVX2 ---------------------------------------------------------------------- */

#define WIDE2 __attribute__((target("avx2,pclmul,bmi,popcnt")))

struct anchors2 {
    unsigned n_names, n_keys;
    unsigned apart[ANCHORS_MAX], key_apart[KEY_ANCHORS_MAX];
    __m256i name[ANCHORS_MAX][2], key[KEY_ANCHORS_MAX][2];
};

WIDE2 static inline unsigned set_anchors2(const struct kt_pick *k, size_t from, unsigned max, __m256i (*v)[2],
                                          unsigned *apart)
{
    unsigned n = 0;
    for (; k && from + n < k->n_anchors && n < max; n++) {
        const struct anchor *a = &k->anchor[from + n];
        v[n][0] = _mm256_set1_epi8((char)a->first);
        v[n][1] = _mm256_set1_epi8((char)a->second);
        apart[n] = a->apart;
    }
    return n;
}

WIDE2 static inline __m256i load2(const char *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

WIDE2 static inline __attribute__((always_inline)) uint64_t any2(const char *p, __m256i x, const __m256i (*v)[2], const unsigned *apart, unsigned n)
{
    __m256i any = _mm256_setzero_si256();
    for (unsigned a = 0; a < n; a++)
        any = _mm256_or_si256(any, _mm256_and_si256(_mm256_cmpeq_epi8(x, v[a][0]),
                                                    _mm256_cmpeq_epi8(load2(p + apart[a]), v[a][1])));
    return (uint32_t)_mm256_movemask_epi8(any);
}

/* Bit h of low[l]: may the byte 0xhl stand outside of strings? */
WIDE2 static inline __attribute__((always_inline)) __m256i strays2(__m256i c)
{
    const __m256i low = _mm256_setr_epi8(
        (char)0x8c, (char)0xc8, (char)0xcc, (char)0xc8, (char)0xc8, (char)0xd8, (char)0xc8, (char)0xc8, (char)0xc8,
        (char)0xc9, (char)0xc9, (char)0xe4, (char)0x44, (char)0xe5, 0x44, 0x40,
        (char)0x8c, (char)0xc8, (char)0xcc, (char)0xc8, (char)0xc8, (char)0xd8, (char)0xc8, (char)0xc8, (char)0xc8,
        (char)0xc9, (char)0xc9, (char)0xe4, (char)0x44, (char)0xe5, 0x44, 0x40);
    const __m256i high = _mm256_setr_epi8(1, 2, 4, 8, 16, 32, 64, (char)128, 0, 0, 0, 0, 0, 0, 0, 0,
                                          1, 2, 4, 8, 16, 32, 64, (char)128, 0, 0, 0, 0, 0, 0, 0, 0);
    __m256i h = _mm256_and_si256(_mm256_srli_epi16(c, 4), _mm256_set1_epi8(15));
    __m256i l = _mm256_and_si256(c, _mm256_set1_epi8(15));
    return _mm256_cmpeq_epi8(_mm256_and_si256(_mm256_shuffle_epi8(low, l), _mm256_shuffle_epi8(high, h)),
                             _mm256_setzero_si256());
}

WIDE2 static inline __attribute__((always_inline)) void half2(const char *p, const struct anchors2 *a, struct sweep_masks *m)
{
    __m256i c = load2(p), folded = _mm256_or_si256(c, _mm256_set1_epi8(0x20));
    m->quote = bits32(is32(c, '"'));
    m->backslash = bits32(is32(c, '\\'));
    m->bracket = bits32(_mm256_or_si256(is32(folded, '{'), is32(folded, '}')));
    m->control = bits32(is32(_mm256_and_si256(c, _mm256_set1_epi8((char)0xe0)), 0));
    m->stray = bits32(strays2(c));
    m->name = any2(p, c, a->name, a->apart, a->n_names);
    m->key = a->n_keys ? any2(p, c, a->key, a->key_apart, a->n_keys) : 0;
}

WIDE2 static inline __attribute__((always_inline)) void masks_avx2(const char *p, const struct anchors2 *a, struct sweep_masks *m)
{
    struct sweep_masks x, y;
    half2(p, a, &x);
    half2(p + 32, a, &y);
    *m = (struct sweep_masks){x.quote | y.quote << 32, x.backslash | y.backslash << 32, x.bracket | y.bracket << 32,
                              x.control | y.control << 32, x.stray | y.stray << 32, x.name | y.name << 32,
                              x.key | y.key << 32};
}

/* The first four without a branch: most blocks have no more. */
WIDE2 static inline __attribute__((always_inline)) void put_bits2(uint16_t *to, unsigned at, uint64_t b)
{
    for (unsigned k = 0; k < 4; k++, b = _blsr_u64(b))
        to[k] = (uint16_t)(at + (unsigned)_tzcnt_u64(b));
    if (b)
        put_bits(to + 4, at, b);
}

#define SWEEP_NAME sweep_avx2
#define SWEEP_TARGET WIDE2
#define SWEEP_SETUP(a, w)                                                        \
    UNSET struct anchors2 a;                                                     \
    a.n_names = set_anchors2((w)->names, 0, ANCHORS_MAX, a.name, a.apart);          \
    a.n_keys = set_anchors2((w)->keys, 1, KEY_ANCHORS_MAX, a.key, a.key_apart)
#define SWEEP_MASKS(p, a, m) masks_avx2(p, &(a), m)
#define SWEEP_PARITY(x) parity_upward_wide(x)
#define SWEEP_PUT(to, at, b) put_bits2(to, at, b)
#include "ingest/sweep_loop.h"

/* --- AVX-512 -------------------------------------------------------------------- */

#define WIDE5 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx2,pclmul,bmi,popcnt")))

struct anchors5 {
    unsigned n_names, n_keys;
    unsigned apart[ANCHORS_MAX], key_apart[KEY_ANCHORS_MAX];
    __m512i name[ANCHORS_MAX][2], key[KEY_ANCHORS_MAX][2];
};

WIDE5 static inline __m512i load5(const char *p)
{
    return _mm512_loadu_si512((const void *)p);
}

WIDE5 static inline unsigned set_anchors5(const struct kt_pick *k, size_t from, unsigned max, __m512i (*v)[2],
                                          unsigned *apart)
{
    unsigned n = 0;
    for (; k && from + n < k->n_anchors && n < max; n++) {
        const struct anchor *a = &k->anchor[from + n];
        v[n][0] = _mm512_set1_epi8((char)a->first);
        v[n][1] = _mm512_set1_epi8((char)a->second);
        apart[n] = a->apart;
    }
    return n;
}

/* Of each ASCII byte: 1 a bracket, 2 cannot stand outside of strings. */
static const uint8_t classes5[128] = {
    2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 0, 2, 2, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    0, 2, 0, 2, 2, 2, 2, 2, 2, 2, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 2, 1, 2, 2,
    2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 1, 2, 2,
};

/* `first` is where the first of them may stand. */
WIDE5 static inline __attribute__((always_inline)) uint64_t any5(const char *p, __m512i x, __mmask64 first,
                                                                 const __m512i (*v)[2], const unsigned *apart, unsigned n)
{
    __mmask64 any = _mm512_mask_cmpeq_epi8_mask(first, load5(p + apart[0]), v[0][1]);
    for (unsigned a = 1; a < n; a++)
        any = _kor_mask64(any, _mm512_mask_cmpeq_epi8_mask(_mm512_cmpeq_epi8_mask(x, v[a][0]), load5(p + apart[a]), v[a][1]));
    return any;
}

static const uint8_t iota64[64] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                   22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
                                   44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};

struct constants5 {
    __m512i low, high, quote, backslash, space, top, one, stray, iota;
    __m128i ones;
};

/* A constant in a register: compilers would rather make it anew each time. */
#define HELD(x) __asm__("" : "+v"(x))

WIDE5 static inline __attribute__((always_inline)) struct constants5 constants5(void)
{
    struct constants5 k = {load5((const char *)classes5), load5((const char *)classes5 + 64), _mm512_set1_epi8('"'),
                           _mm512_set1_epi8('\\'), _mm512_set1_epi8(0x20), _mm512_set1_epi8((char)0x80),
                           _mm512_set1_epi8(1), _mm512_set1_epi8((char)0x82), load5((const char *)iota64),
                           _mm_set1_epi8((char)0xff)};
    HELD(k.quote);
    HELD(k.backslash);
    HELD(k.space);
    HELD(k.top);
    HELD(k.one);
    HELD(k.stray);
    HELD(k.ones);
    return k;
}

WIDE5 static inline __attribute__((always_inline)) uint64_t parity_upward5(uint64_t x, __m128i ones)
{
    return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)x), ones, 0));
}

WIDE5 static inline __attribute__((always_inline)) void masks_avx512(const char *p, const struct anchors5 *a,
                                                                     const struct constants5 *k, unsigned n_names,
                                                                     unsigned n_keys, struct sweep_masks *m)
{
    __m512i c = load5(p), class = _mm512_permutex2var_epi8(k->low, c, k->high);
    class = _mm512_ternarylogic_epi64(class, c, k->top, 0xf8); /* class | (c & 0x80) */
    m->quote = _mm512_cmpeq_epi8_mask(c, k->quote);
    m->backslash = _mm512_cmpeq_epi8_mask(c, k->backslash);
    m->control = _mm512_cmplt_epu8_mask(c, k->space);
    m->bracket = _mm512_test_epi8_mask(class, k->one);
    m->stray = _mm512_test_epi8_mask(class, k->stray);
    m->name = any5(p, c, m->backslash, a->name, a->apart, n_names);
    m->key = n_keys ? any5(p, c, _mm512_cmpeq_epi8_mask(c, a->key[0][0]), a->key, a->key_apart, n_keys) : 0;
}

WIDE5 static inline __attribute__((always_inline)) void put_bits5(uint16_t *to, unsigned at, uint64_t b, __m512i iota)
{
    __m512i v = _mm512_maskz_compress_epi8(b, iota);
    _mm256_storeu_si256((__m256i *)(void *)to, _mm256_add_epi16(_mm256_set1_epi16((short)at),
                                                                _mm256_cvtepu8_epi16(_mm512_castsi512_si128(v))));
    unsigned n = (unsigned)__builtin_popcountll(b);
    if (n <= 16)
        return;
    UNSET uint8_t all[64];
    _mm512_storeu_si512(all, v);
    for (unsigned k = 16; k < n; k++)
        to[k] = (uint16_t)(at + all[k]);
}

#define SETUP5(a, w)                                                             \
    UNSET struct anchors5 a;                                                     \
    a.n_names = set_anchors5((w)->names, 0, ANCHORS_MAX, a.name, a.apart);          \
    a.n_keys = set_anchors5((w)->keys, 1, KEY_ANCHORS_MAX, a.key, a.key_apart);     \
    struct constants5 k5 = constants5()

/* One anchor of names, none or one of keys, told apart so that the loop has no loop in it. */
#define SWEEP_NAME sweep_avx512_few
#define SWEEP_TARGET WIDE5
#define SWEEP_SETUP(a, w) SETUP5(a, w)
#define SWEEP_MASKS(p, a, m) masks_avx512(p, &(a), &k5, 2, 0, m)
#define SWEEP_PARITY(x) parity_upward5(x, k5.ones)
#define SWEEP_PUT(to, at, b) put_bits5(to, at, b, k5.iota)
#include "ingest/sweep_loop.h"

#define SWEEP_NAME sweep_avx512_keys
#define SWEEP_TARGET WIDE5
#define SWEEP_SETUP(a, w) SETUP5(a, w)
#define SWEEP_MASKS(p, a, m) masks_avx512(p, &(a), &k5, 2, 1, m)
#define SWEEP_PARITY(x) parity_upward5(x, k5.ones)
#define SWEEP_PUT(to, at, b) put_bits5(to, at, b, k5.iota)
#include "ingest/sweep_loop.h"

#define SWEEP_NAME sweep_avx512_many
#define SWEEP_TARGET WIDE5
#define SWEEP_SETUP(a, w) SETUP5(a, w)
#define SWEEP_MASKS(p, a, m) masks_avx512(p, &(a), &k5, (a).n_names, (a).n_keys, m)
#define SWEEP_PARITY(x) parity_upward5(x, k5.ones)
#define SWEEP_PUT(to, at, b) put_bits5(to, at, b, k5.iota)
#include "ingest/sweep_loop.h"

static size_t sweep_avx512(const struct kt_sweep *w, const char *text, size_t low, size_t from, size_t to, struct kt_scan *s,
                           struct kt_swept *out)
{
    if (w->names->n_anchors != 2 || (w->keys && w->keys->n_anchors != 2))
        return sweep_avx512_many(w, text, low, from, to, s, out);
    return w->keys ? sweep_avx512_keys(w, text, low, from, to, s, out) : sweep_avx512_few(w, text, low, from, to, s, out);
}
#endif

/* --- which ------------------------------------------------------------------------ */

bool kt_sweep_can(enum kt_sweep_way way)
{
    switch (way) {
    case KT_SWEEP_PORTABLE:
        return true;
#ifdef __SSE2__
    case KT_SWEEP_SSE2:
        return true;
#endif
#ifdef __x86_64__
    case KT_SWEEP_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("bmi") &&
               __builtin_cpu_supports("popcnt");
    case KT_SWEEP_AVX512:
        return kt_sweep_can(KT_SWEEP_AVX2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") &&
               __builtin_cpu_supports("avx512vbmi2");
#endif
    default:
        return false;
    }
}

enum kt_sweep_way kt_sweep_best(void)
{
    int way = KT_SWEEP_WAYS - 1;
    while (!kt_sweep_can((enum kt_sweep_way)way))
        way--;
    return (enum kt_sweep_way)way;
}

const char *kt_sweep_name(enum kt_sweep_way way)
{
    static const char *const names[KT_SWEEP_WAYS] = {"portable", "SSE2", "NEON", "AVX2", "AVX-512"};
    return names[way];
}

void kt_sweep_init(struct kt_sweep *w, const struct kt_pick *names, const struct kt_pick *keys)
{
    *w = (struct kt_sweep){.way = kt_sweep_best(), .names = names, .keys = keys};
    if (names->event) {
        w->names = names->event;
        w->exact = names;
    }
    set_lanes(w);
    w->margin = kt_pick_reach(names);
    if (keys && kt_pick_longest(keys) > w->margin)
        w->margin = kt_pick_longest(keys);
    if (w->margin < KT_PICK_APART)
        w->margin = KT_PICK_APART;
}

size_t kt_sweep(const struct kt_sweep *w, const char *text, size_t low, size_t from, size_t to, struct kt_scan *s,
                struct kt_swept *out)
{
    out->n_brackets = out->n_names = out->n_keys = 0;
    if (to - from > KT_SWEEP_MOST)
        to = from + KT_SWEEP_MOST;
    bool many = w->names->n_anchors > ANCHORS_MAX; /* more than registers are for: the byte's class says */
    switch (many ? KT_SWEEP_PORTABLE : w->way) {
#ifdef __x86_64__
    case KT_SWEEP_AVX512:
        return sweep_avx512(w, text, low, from, to, s, out);
    case KT_SWEEP_AVX2:
        return sweep_avx2(w, text, low, from, to, s, out);
#endif
#ifdef __SSE2__
    case KT_SWEEP_SSE2:
        return sweep_sse2(w, text, low, from, to, s, out);
#endif
    default:
        return sweep_portable(w, text, low, from, to, s, out);
    }
}
