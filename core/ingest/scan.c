#include "ingest/scan_impl.h"

#include <string.h>

void kt_scan_portable(const char *p, struct kt_scan_masks *m)
{
    classify_portable(p, m);
}

#ifdef __SSE2__
void kt_scan_sse2(const char *p, struct kt_scan_masks *m)
{
    classify_block(p, m);
}
#endif

void kt_scan_block(const char *p, struct kt_scan_masks *m)
{
    classify_block(p, m);
}

static inline void finish(struct kt_scan *s, const struct kt_scan_masks *m, uint64_t inside, struct kt_scan_hits *out)
{
    s->in_string = (uint64_t)0 - (inside >> (KT_SCAN_BLOCK - 1));
    out->bracket = m->bracket & ~inside;
    out->damage = (m->control & inside) | (m->stray & ~inside);
    out->inside = inside;
}

static inline void step(struct kt_scan *s, const char *p, size_t n, struct kt_scan_hits *out)
{
    struct kt_scan_masks m;
    classify_block(p, &m);
    uint64_t quote = m.quote;
    if (m.backslash | s->escaped)
        quote &= ~escaped_bytes(m.backslash, s->escaped, n, &s->escaped);
    finish(s, &m, parity_upward(quote) ^ s->in_string, out);
}

#ifdef __x86_64__
WIDE void kt_scan_avx2(const char *p, struct kt_scan_masks *m)
{
    classify_block_wide(p, m);
}

WIDE static void step_wide(struct kt_scan *s, const char *p, struct kt_scan_hits *out)
{
    struct kt_scan_masks m;
    classify_block_wide(p, &m);
    uint64_t quote = m.quote;
    if (m.backslash | s->escaped)
        quote &= ~escaped_bytes(m.backslash, s->escaped, KT_SCAN_BLOCK, &s->escaped);
    finish(s, &m, parity_upward_wide(quote) ^ s->in_string, out);
}

bool kt_scan_is_wide(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul");
}
#else
static void step_wide(struct kt_scan *s, const char *p, struct kt_scan_hits *out)
{
    step(s, p, KT_SCAN_BLOCK, out);
}

bool kt_scan_is_wide(void)
{
    return false;
}
#endif

/* Apart, so that the common case needs no copy. */
static __attribute__((noinline)) void step_short(struct kt_scan *s, const char *p, size_t n, struct kt_scan_hits *out)
{
    char padded[KT_SCAN_BLOCK];
    memset(padded, ' ', sizeof padded);
    memcpy(padded, p, n);
    step(s, padded, n, out);
    uint64_t here = ((uint64_t)1 << n) - 1;
    out->bracket &= here;
    out->damage &= here;
    out->inside &= here;
}

void kt_scan_step(struct kt_scan *s, const char *p, size_t n, struct kt_scan_hits *out)
{
    if (n < KT_SCAN_BLOCK)
        step_short(s, p, n, out);
    else if (kt_scan_is_wide())
        step_wide(s, p, out);
    else
        step(s, p, n, out);
}
