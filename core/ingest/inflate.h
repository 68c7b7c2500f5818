/* Compressed or plain, told by the first bytes: gzip (RFC 1952, several
 * members one after the other), zstd (RFC 8878, several frames), else plain.
 * Streams in any chunking; what was decompressed before damage is handed out. */
#ifndef KT_INGEST_INFLATE_H
#define KT_INGEST_INFLATE_H
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kt_inflate;

enum kt_inflate_end {
    KT_INFLATE_WHOLE, /* between members, or plain */
    KT_INFLATE_CUT,   /* inside a member */
    KT_INFLATE_BAD,   /* damaged, or followed by what is not compressed */
    KT_INFLATE_STOPPED /* the receiver had enough, or memory ran out */
};

/* Where decompressed bytes go. */
struct kt_inflate_out {
    /* Room for at least one byte, *n for how much; NULL stops. */
    char *(*space)(void *ctx, size_t *n);
    /* `n` bytes were written there; false stops. */
    bool (*commit)(void *ctx, size_t n);
    void *ctx;
    /* May be NULL: bytes that are there already and may be committed where they
     * are, piece by piece, until they are taken back. False: not now. */
    bool (*lend)(void *ctx, const char *p);
    bool (*take_back)(void *ctx);
};

/* NULL where memory ran out. */
struct kt_inflate *kt_inflate_new(const struct kt_inflate_out *out);
void kt_inflate_free(struct kt_inflate *z);
void kt_inflate_reset(struct kt_inflate *z);
/* False once damaged (kt_inflate_end says so) or stopped. */
bool kt_inflate_feed(struct kt_inflate *z, const void *p, size_t n);
/* As kt_inflate_feed, of the whole input at once: gzip is then read faster.
 * What is handed out, and how it ends, is the same. */
struct kt_gunzip;
bool kt_inflate_whole(struct kt_inflate *z, struct kt_gunzip *g, const void *p, size_t n);
/* Of input that is known to be plain: room for more of it, which is then handed
 * out without being copied. */
bool kt_inflate_is_plain(const struct kt_inflate *z);
void kt_inflate_plain(struct kt_inflate *z); /* it is, whatever it begins with */
char *kt_inflate_space(struct kt_inflate *z, size_t *n);
bool kt_inflate_filled(struct kt_inflate *z, size_t n);
/* The input has ended: hands out what was held back to tell its kind. */
bool kt_inflate_flush(struct kt_inflate *z);
/* How it stands; `why` (may be NULL) gets a sentence's part for all but
 * KT_INFLATE_WHOLE: "gzip member 2 cut at byte 512". */
enum kt_inflate_end kt_inflate_end(const struct kt_inflate *z, struct kt_err *why);
/* Nothing is held: plain, or exactly between members. */
bool kt_inflate_at_rest(const struct kt_inflate *z);
uint64_t kt_inflate_bytes_in(const struct kt_inflate *z);
#endif
