#include "ingest/gunzip.h"

#include <libdeflate.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_GUESS = 1 << 20, MEMBER_MIN = 18, TRAILER = 8 };

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

uint32_t kt_gunzip_crc(uint32_t crc, const void *p, size_t n)
{
    return libdeflate_crc32(crc, p, n);
}
