/* Records' texts, compressed with a dictionary made of the first ones: one
 * trail's records are much alike. */
#include "store/impl.h"

#include <string.h>

enum { SAMPLE = 64 << 10, LEVEL = 1, RAW_MAX = 16 << 20 };

/* The dictionary is there once enough was seen; it is the sample itself. */
static void learn(struct kt_store *s, struct kt_span text)
{
    if (s->cdict || text.n > SAMPLE / 4)
        return;
    if (!s->sample)
        s->sample = mem_alloc(&s->mem, SAMPLE);
    if (!s->sample)
        return;
    size_t n = text.n < SAMPLE - s->n_sample ? text.n : SAMPLE - s->n_sample;
    memcpy(s->sample + s->n_sample, text.p, n);
    s->n_sample += n;
    if (s->n_sample < SAMPLE)
        return;
    ZSTD_CDict *c = ZSTD_createCDict(s->sample, s->n_sample, LEVEL);
    ZSTD_DDict *d = c ? ZSTD_createDDict(s->sample, s->n_sample) : NULL;
    mem_free(&s->mem, s->sample);
    s->sample = NULL;
    s->n_sample = 0;
    if (!d) {
        ZSTD_freeCDict(c);
        return;
    }
    atomic_fetch_add(&s->mem.bytes, ZSTD_sizeof_CDict(c) + ZSTD_sizeof_DDict(d));
    s->cdict = c;
    store_lock(s);
    s->ddict = d;
    store_unlock(s);
}

struct raw *raw_pack(struct kt_store *s, struct kt_span text)
{
    if (!text.p || text.n > RAW_MAX)
        return NULL;
    size_t bound = ZSTD_compressBound(text.n);
    struct raw *r = mem_alloc(&s->mem, sizeof *r + bound);
    if (!r)
        return NULL;
    if (!s->cctx)
        s->cctx = ZSTD_createCCtx();
    bool plain = !s->cdict;
    size_t n = !s->cctx ? 0
               : plain  ? ZSTD_compressCCtx(s->cctx, r->bytes, bound, text.p, text.n, LEVEL)
                        : ZSTD_compress_usingCDict(s->cctx, r->bytes, bound, text.p, text.n, s->cdict);
    if (!s->cctx || ZSTD_isError(n)) {
        mem_free(&s->mem, r);
        return NULL;
    }
    r->size = (uint32_t)text.n;
    r->packed = (uint32_t)n;
    r->plain_dict = plain;
    r->skip = 0;
    struct raw *fit = mem_resize(&s->mem, r, sizeof *r + n);
    learn(s, text);
    return fit ? fit : r;
}

struct raw *raw_keep(struct kt_store *s, const struct kt_packed_text *t)
{
    if (!t->frame.p || t->size > RAW_MAX || t->skip > RAW_MAX || t->frame.n > RAW_MAX)
        return NULL;
    struct raw *r = mem_alloc(&s->mem, sizeof *r + t->frame.n);
    if (!r)
        return NULL;
    r->size = (uint32_t)t->size;
    r->packed = (uint32_t)t->frame.n;
    r->skip = (uint32_t)t->skip;
    r->plain_dict = true;
    memcpy(r->bytes, t->frame.p, t->frame.n);
    return r;
}

void kt_store_squeeze(struct kt_store *s, uint64_t seq, struct kt_span text)
{
    struct raw *r = raw_pack(s, text), *old = r;
    store_lock(s);
    if (r && seq >= s->first && seq < s->next) {
        struct raw *was = row_raw(s, seq);
        old = row_put_raw(s, seq, r) ? was : r;
    }
    store_unlock(s);
    mem_free(&s->mem, old);
}

struct kt_span raw_unpack(struct kt_store *s, const struct raw *r, const ZSTD_DDict *dict, struct kt_arena *a)
{
    size_t all = (size_t)r->skip + r->size;
    char *out = kt_arena_alloc(a, all + 1);
    if (!out)
        return KT_SPAN_NONE;
    (void)pthread_mutex_lock(&s->unpack);
    if (!s->dctx)
        s->dctx = ZSTD_createDCtx();
    size_t n = !s->dctx         ? 0
               : r->plain_dict ? ZSTD_decompressDCtx(s->dctx, out, all, r->bytes, r->packed)
                               : ZSTD_decompress_usingDDict(s->dctx, out, all, r->bytes, r->packed, dict);
    bool ok = s->dctx && !ZSTD_isError(n) && n == all;
    (void)pthread_mutex_unlock(&s->unpack);
    if (!ok)
        return KT_SPAN_NONE;
    out[n] = '\0';
    return (struct kt_span){out + r->skip, r->size};
}

void raw_free_all(struct kt_store *s)
{
    ZSTD_freeCCtx(s->cctx);
    ZSTD_freeDCtx(s->dctx);
    ZSTD_freeCDict(s->cdict);
    ZSTD_freeDDict(s->ddict);
    mem_free(&s->mem, s->sample);
}
