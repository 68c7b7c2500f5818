#include "ingest/inflate.h"

#include "ingest/gunzip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum kind { KIND_UNKNOWN, KIND_PLAIN, KIND_GZIP, KIND_ZSTD };
enum { MAGIC_MAX = 4, SLICE = 128 << 10, LENT_SLICE = 256 << 10, WINDOW_LOG_MAX = 27, GZIP_BITS = 15 + 16 };

struct kt_inflate {
    struct kt_inflate_out out;
    enum kind kind;
    unsigned char held[MAGIC_MAX]; /* before the kind is known */
    size_t n_held;
    uint64_t in;     /* bytes taken */
    uint64_t member; /* from 1: the one being read, or the last */
    bool inside;     /* of a member */
    bool fresh;      /* nothing of this member was accepted yet */
    bool bad, stopped;
    bool gz_ready;
    z_stream gz;
    ZSTD_DStream *zs;
    uint64_t bad_at;
    char reason[96];
};

struct kt_inflate *kt_inflate_new(const struct kt_inflate_out *out)
{
    struct kt_inflate *z = calloc(1, sizeof *z);
    if (z)
        z->out = *out;
    return z;
}

void kt_inflate_free(struct kt_inflate *z)
{
    if (!z)
        return;
    if (z->gz_ready)
        (void)inflateEnd(&z->gz);
    (void)ZSTD_freeDStream(z->zs);
    free(z);
}

void kt_inflate_reset(struct kt_inflate *z)
{
    struct kt_inflate_out out = z->out;
    z_stream gz = z->gz;
    bool gz_ready = z->gz_ready;
    ZSTD_DStream *zs = z->zs;
    *z = (struct kt_inflate){.out = out, .gz = gz, .gz_ready = gz_ready, .zs = zs};
}

static bool damaged(struct kt_inflate *z, uint64_t at, const char *reason)
{
    z->bad = true;
    z->bad_at = at;
    size_t n = strlen(reason);
    if (n >= sizeof z->reason)
        n = sizeof z->reason - 1;
    memcpy(z->reason, reason, n);
    z->reason[n] = '\0';
    return false;
}

static bool stop(struct kt_inflate *z)
{
    z->stopped = true;
    return false;
}

/* Hands out bytes that are there already; `taken`: as many were taken in. */
static bool copy_out(struct kt_inflate *z, const unsigned char *p, size_t n, bool taken)
{
    while (n) {
        size_t room = 0;
        char *to = z->out.space(z->out.ctx, &room);
        if (!to)
            return stop(z);
        size_t k = n < room ? n : room;
        if (k > SLICE)
            k = SLICE; /* searched while it is in the cache */
        memcpy(to, p, k);
        z->in += taken ? k : 0;
        p += k;
        n -= k;
        if (!z->out.commit(z->out.ctx, k))
            return stop(z);
    }
    return true;
}

/* --- gzip ------------------------------------------------------------------ */

static bool gz_start(struct kt_inflate *z)
{
    if (z->gz_ready) {
        if (inflateReset2(&z->gz, GZIP_BITS) != Z_OK)
            return stop(z);
    } else {
        z->gz = (z_stream){0};
        if (inflateInit2(&z->gz, GZIP_BITS) != Z_OK)
            return stop(z);
        z->gz_ready = true;
    }
    z->inside = z->fresh = true;
    z->member++;
    return true;
}

/* After a member: zeros are padding (tapes, block devices), all else is the
 * next member or damage that inflate itself will find. */
static void skip_padding(struct kt_inflate *z, const unsigned char **p, size_t *n)
{
    while (*n && **p == 0) {
        (*p)++;
        (*n)--;
        z->in++;
    }
}

static bool gz_error(struct kt_inflate *z, int rc)
{
    if (rc == Z_MEM_ERROR)
        return stop(z);
    if (z->fresh && z->member > 1 && z->gz.total_out == 0 && z->gz.total_in <= 3) {
        z->member--;
        z->inside = false;
        return damaged(z, z->in - z->gz.total_in, "what follows is not gzip");
    }
    return damaged(z, z->in, z->gz.msg ? z->gz.msg : rc == Z_NEED_DICT ? "needs a dictionary" : "damaged");
}

/* All that a member still has to give without more input. */
static bool gz_drain(struct kt_inflate *z)
{
    while (z->inside && z->gz.avail_out == 0) {
        size_t room = 0;
        char *to = z->out.space(z->out.ctx, &room);
        if (!to)
            return stop(z);
        uInt space = room > SLICE ? SLICE : (uInt)room;
        z->gz.avail_in = 0;
        z->gz.next_out = (Bytef *)to;
        z->gz.avail_out = space;
        int rc = inflate(&z->gz, Z_NO_FLUSH);
        size_t made = space - z->gz.avail_out;
        if (made && !z->out.commit(z->out.ctx, made))
            return stop(z);
        if (rc == Z_STREAM_END)
            z->inside = false;
        else if (rc == Z_BUF_ERROR)
            break;
        else if (rc != Z_OK)
            return gz_error(z, rc);
    }
    return true;
}

static bool gz_feed(struct kt_inflate *z, const unsigned char *p, size_t n)
{
    while (n) {
        if (!z->inside) {
            if (z->member)
                skip_padding(z, &p, &n);
            if (n && !gz_start(z))
                return false;
            continue;
        }
        size_t room = 0;
        char *to = z->out.space(z->out.ctx, &room);
        if (!to)
            return stop(z);
        uInt in = n > SLICE ? SLICE : (uInt)n, space = room > SLICE ? SLICE : (uInt)room;
        z->gz.next_in = (z_const Bytef *)(uintptr_t)p;
        z->gz.avail_in = in;
        z->gz.next_out = (Bytef *)to;
        z->gz.avail_out = space;
        int rc = inflate(&z->gz, Z_NO_FLUSH);
        size_t used = in - z->gz.avail_in, made = space - z->gz.avail_out;
        p += used;
        n -= used;
        z->in += used;
        if (made && !z->out.commit(z->out.ctx, made))
            return stop(z);
        if (rc == Z_STREAM_END)
            z->inside = false;
        else if (rc != Z_OK && !(rc == Z_BUF_ERROR && (used || made)))
            return gz_error(z, rc);
        if (made)
            z->fresh = false;
    }
    return gz_drain(z);
}

/* A member's bytes, checked and handed out slice by slice, so that each is read
 * from memory once. False: not to go on; `*crc` is what they came to. */
static bool hand_out(struct kt_inflate *z, const unsigned char *text, size_t n, uint32_t *crc)
{
    bool lent = z->out.lend && z->out.lend(z->out.ctx, (const char *)text), ok = true;
    for (size_t at = 0; ok && at < n;) {
        size_t k = n - at < LENT_SLICE ? n - at : LENT_SLICE;
        *crc = kt_gunzip_crc(*crc, text + at, k);
        ok = lent ? z->out.commit(z->out.ctx, k) || stop(z) : copy_out(z, text + at, k, false);
        at += k;
    }
    return (!lent || z->out.take_back(z->out.ctx) || stop(z)) && ok;
}

/* Members at once as long as that goes; from the first that does not on, in
 * the streaming way, which hands out what is whole and says what is wrong. */
static bool gz_whole(struct kt_inflate *z, struct kt_gunzip *g, const unsigned char *p, size_t n)
{
    while (n) {
        size_t used = 0, made = 0;
        uint32_t crc = 0, should = 0;
        if (z->member)
            skip_padding(z, &p, &n);
        const unsigned char *text = n ? kt_gunzip_member(g, p, n, &used, &made, &should) : NULL;
        if (!text)
            return n == 0 || gz_feed(z, p, n);
        z->member++;
        if (!hand_out(z, text, made, &crc))
            return false;
        if (crc != should) {
            z->in += used - 4; /* where a stream would see it */
            return damaged(z, z->in, "incorrect data check");
        }
        z->in += used;
        p += used;
        n -= used;
    }
    return true;
}

/* --- zstd ------------------------------------------------------------------ */

static bool zs_start(struct kt_inflate *z)
{
    if (!z->zs)
        z->zs = ZSTD_createDStream();
    if (!z->zs || ZSTD_isError(ZSTD_initDStream(z->zs)) ||
        ZSTD_isError(ZSTD_DCtx_setParameter(z->zs, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)))
        return stop(z);
    return true;
}

static bool zs_feed(struct kt_inflate *z, const unsigned char *p, size_t n)
{
    ZSTD_inBuffer in = {p, n, 0};
    bool full = false; /* the output was filled: more may be waiting */
    while (in.pos < in.size || full) {
        size_t room = 0;
        char *to = z->out.space(z->out.ctx, &room);
        if (!to)
            return stop(z);
        if (!z->inside && in.pos < in.size) {
            z->inside = z->fresh = true;
            z->member++;
        }
        ZSTD_outBuffer o = {to, room > SLICE ? SLICE : room, 0};
        size_t before = in.pos, rc = ZSTD_decompressStream(z->zs, &o, &in);
        z->in += in.pos - before;
        if (o.pos && !z->out.commit(z->out.ctx, o.pos))
            return stop(z);
        if (ZSTD_isError(rc)) {
            bool tail = z->fresh && z->member > 1;
            z->member -= tail;
            return damaged(z, z->in, tail ? "what follows is not zstd" : ZSTD_getErrorName(rc));
        }
        if (o.pos)
            z->fresh = false;
        full = rc != 0 && o.pos == o.size;
        if (rc == 0)
            z->inside = false;
    }
    return true;
}

/* --- the kind -------------------------------------------------------------- */

/* Whether the bytes so far decide it; a short prefix of a magic does not. */
static enum kind tell(const unsigned char *p, size_t n, bool last)
{
    static const unsigned char zstd[4] = {0x28, 0xb5, 0x2f, 0xfd};
    static const unsigned char gzip[2] = {0x1f, 0x8b};
    size_t g = n < 2 ? n : 2;
    if (memcmp(p, gzip, g) == 0)
        return n >= 2 || last ? KIND_GZIP : KIND_UNKNOWN;
    if (memcmp(p, zstd, n < 4 ? n : 4) == 0)
        return n >= 4 || (last && n >= 2) ? KIND_ZSTD : last ? KIND_PLAIN : KIND_UNKNOWN;
    if ((p[0] & 0xf0) == 0x50 && memcmp(p + 1, "\x2a\x4d\x18", n < 4 ? n - 1 : 3) == 0) /* skippable frame */
        return n >= 4 ? KIND_ZSTD : last ? KIND_PLAIN : KIND_UNKNOWN;
    return KIND_PLAIN;
}

static bool feed_known(struct kt_inflate *z, const unsigned char *p, size_t n)
{
    switch (z->kind) {
    case KIND_GZIP:
        return gz_feed(z, p, n);
    case KIND_ZSTD:
        return zs_feed(z, p, n);
    default:
        return copy_out(z, p, n, true);
    }
}

static bool decide(struct kt_inflate *z, bool last)
{
    z->kind = tell(z->held, z->n_held, last);
    if (z->kind == KIND_UNKNOWN)
        return true;
    if (z->kind == KIND_ZSTD && !zs_start(z))
        return false;
    return feed_known(z, z->held, z->n_held);
}

bool kt_inflate_feed(struct kt_inflate *z, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    if (z->bad || z->stopped)
        return false;
    while (z->kind == KIND_UNKNOWN && n) {
        z->held[z->n_held++] = *p++;
        n--;
        if (!decide(z, false))
            return false;
    }
    return n == 0 || feed_known(z, p, n);
}

bool kt_inflate_whole(struct kt_inflate *z, struct kt_gunzip *g, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    if (z->kind != KIND_UNKNOWN || z->n_held || n < MAGIC_MAX || tell(p, n, false) != KIND_GZIP)
        return kt_inflate_feed(z, bytes, n);
    z->kind = KIND_GZIP;
    return gz_whole(z, g, p, n);
}

void kt_inflate_plain(struct kt_inflate *z)
{
    z->kind = KIND_PLAIN;
}

bool kt_inflate_is_plain(const struct kt_inflate *z)
{
    return z->kind == KIND_PLAIN && !z->stopped;
}

char *kt_inflate_space(struct kt_inflate *z, size_t *n)
{
    char *to = z->stopped ? NULL : z->out.space(z->out.ctx, n);
    if (!to)
        (void)stop(z);
    return to;
}

bool kt_inflate_filled(struct kt_inflate *z, size_t n)
{
    z->in += n;
    return z->out.commit(z->out.ctx, n) || stop(z);
}

bool kt_inflate_flush(struct kt_inflate *z)
{
    if (z->bad || z->stopped)
        return false;
    if (z->kind == KIND_UNKNOWN && z->n_held)
        return decide(z, true);
    return z->kind != KIND_GZIP || gz_drain(z);
}

enum kt_inflate_end kt_inflate_end(const struct kt_inflate *z, struct kt_err *why)
{
    const char *what = z->kind == KIND_ZSTD ? "zstd frame" : "gzip member";
    if (z->bad) {
        kt_fail(why, KT_EFORMAT, "%s %llu damaged at byte %llu: %s", what, (unsigned long long)z->member,
                (unsigned long long)z->bad_at, z->reason);
        if (strncmp(z->reason, "what follows", 12) == 0)
            kt_fail(why, KT_EFORMAT, "%s %llu ends at byte %llu: %s", what, (unsigned long long)z->member,
                    (unsigned long long)z->bad_at, z->reason);
        return KT_INFLATE_BAD;
    }
    if (z->stopped) {
        kt_fail(why, KT_ENOMEM, "memory ran out");
        return KT_INFLATE_STOPPED;
    }
    if (z->inside) {
        kt_fail(why, KT_EFORMAT, "%s %llu cut at byte %llu", what, (unsigned long long)z->member,
                (unsigned long long)z->in);
        return KT_INFLATE_CUT;
    }
    return KT_INFLATE_WHOLE;
}

bool kt_inflate_at_rest(const struct kt_inflate *z)
{
    return !z->inside && !z->bad && !z->stopped && !(z->kind == KIND_UNKNOWN && z->n_held);
}

uint64_t kt_inflate_bytes_in(const struct kt_inflate *z)
{
    return z->in + (z->kind == KIND_UNKNOWN ? z->n_held : 0);
}
