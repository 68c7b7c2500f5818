/* Sixty-four bytes at a time: which of them are quotes, brackets, and bytes
 * that cannot stand where they stand.
 *
 * Three classifiers give identical masks: a portable one, one for SSE2, and one
 * for AVX2 that is chosen as the program runs. The step on top of them is
 * string-aware and carries its state from call to call, so that a text may be
 * cut anywhere. */
#ifndef KT_INGEST_SCAN_H
#define KT_INGEST_SCAN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KT_SCAN_BLOCK = 64 };

/* Bit i speaks of byte i. */
struct kt_scan_masks {
    uint64_t quote, backslash;
    uint64_t bracket; /* { } [ ] */
    uint64_t control; /* below 0x20: cannot stand inside a string */
    uint64_t stray;   /* cannot stand outside a string */
};
void kt_scan_portable(const char *p, struct kt_scan_masks *m);
#ifdef __SSE2__
void kt_scan_sse2(const char *p, struct kt_scan_masks *m);
#endif
#ifdef __x86_64__
void kt_scan_avx2(const char *p, struct kt_scan_masks *m); /* only where kt_scan_is_wide() */
#endif
/* Does this machine have AVX2 and carry-less multiplication? */
bool kt_scan_is_wide(void);
/* The best of them for this build. */
void kt_scan_block(const char *p, struct kt_scan_masks *m);

/* State between blocks; all zero at the start of a value. */
struct kt_scan {
    uint64_t in_string; /* 0 or all ones */
    uint64_t escaped;   /* 1: the next byte is escaped */
};
struct kt_scan_hits {
    uint64_t bracket; /* outside strings */
    uint64_t damage;  /* control bytes inside strings, stray bytes outside */
    uint64_t inside;  /* bytes inside strings, opening quotes included */
};
/* Looks at the first `n` bytes (1 to 64) of `p`; reads no others. */
void kt_scan_step(struct kt_scan *s, const char *p, size_t n, struct kt_scan_hits *out);
#endif
