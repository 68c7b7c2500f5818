#include "ingest/gunzip.h"

#include <libdeflate.h>
#include <stdbool.h>
#include <stdlib.h>

enum { FIRST_GUESS = 1 << 20, MEMBER_MIN = 18 };

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

/* The last four bytes say how long the last member is: right for files of one,
 * a guess for others. */
static size_t guess(const unsigned char *p, size_t n)
{
    const unsigned char *t = p + n - 4;
    size_t size = (size_t)t[0] | (size_t)t[1] << 8 | (size_t)t[2] << 16 | (size_t)t[3] << 24;
    return size > 0 && size <= KT_GUNZIP_OUT_MAX ? size : FIRST_GUESS;
}

const unsigned char *kt_gunzip_member(struct kt_gunzip *g, const unsigned char *p, size_t n, size_t *used, size_t *made)
{
    if (n < MEMBER_MIN)
        return NULL;
    for (size_t want = guess(p, n); room_for(g, want); want = g->cap < KT_GUNZIP_OUT_MAX / 2 ? g->cap * 2 : KT_GUNZIP_OUT_MAX) {
        size_t cap = g->cap;
        enum libdeflate_result r = libdeflate_gzip_decompress_ex(g->d, p, n, g->out, cap, used, made);
        if (r == LIBDEFLATE_SUCCESS)
            return g->out;
        if (r != LIBDEFLATE_INSUFFICIENT_SPACE || cap >= KT_GUNZIP_OUT_MAX)
            return NULL;
    }
    return NULL;
}
