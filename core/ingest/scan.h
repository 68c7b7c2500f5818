/* Sixty-four bytes at a time: which of them are quotes, brackets, and bytes
 * that cannot stand where they stand.
 *
 * Two classifiers give identical masks: a portable one, and one for SSE2. The
 * step on top of them is string-aware and carries its state from call to call,
 * so that a text may be cut anywhere. */
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
