/* What the ingest tests share: a receiver that writes down what it got, and
 * texts in the shapes of trail files. */
#ifndef KT_TESTS_INGEST_KIT_H
#define KT_TESTS_INGEST_KIT_H
#include "base/buf.h"
#include "base/hash.h"
#include "ingest/ingest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { LOG_MAX = 64 << 20 };

/* One line for each record and malformed stretch, and one for the end. */
struct seen {
    struct kt_buf log;
    struct kt_buf ids; /* the eventID of each record, each followed by a space */
    size_t records, malformed, stop_after;
    char reason[200];  /* of the last malformed one */
    struct kt_malformed last;
    enum kt_ingest_end end;
    struct kt_err why;
    struct kt_ingest_stats stats;
};

static inline void seen_init(struct seen *s)
{
    memset(s, 0, sizeof *s);
    kt_buf_init(&s->log, LOG_MAX);
    kt_buf_init(&s->ids, LOG_MAX);
}

static inline void seen_free(struct seen *s)
{
    kt_buf_free(&s->log);
    kt_buf_free(&s->ids);
}

static inline bool seen_record(void *ctx, const struct kt_record *r)
{
    struct seen *s = ctx;
    char sum[KT_SHA256_HEX + 1];
    uint8_t sha[KT_SHA256];
    kt_sha256(r->bytes.p, r->bytes.n, sha);
    kt_hex(sha, 8, sum);
    char id_text[300] = "-";
    struct kt_span id_span = kt_node_text(kt_node_get(r->root, "eventID"));
    if (id_span.p)
        snprintf(id_text, sizeof id_text, "%.*s", (int)id_span.n, id_span.p);
    const char *id = id_text;
    kt_buf_addf(&s->log, "record %llu at %llu flags %u %s %s\n", (unsigned long long)r->ordinal,
                (unsigned long long)r->offset, r->flags, sum, id);
    kt_buf_addf(&s->ids, "%s ", id);
    s->records++;
    return !s->stop_after || s->records < s->stop_after;
}

static inline bool seen_malformed(void *ctx, const struct kt_malformed *m)
{
    struct seen *s = ctx;
    char sum[KT_SHA256_HEX + 1];
    kt_hex(m->sha256, 32, sum);
    kt_buf_addf(&s->log, "malformed %llu at %llu size %llu kept %zu names %d %s %s\n", (unsigned long long)m->ordinal,
                (unsigned long long)m->offset, (unsigned long long)m->size, m->bytes.n, m->names_event, sum, m->reason);
    snprintf(s->reason, sizeof s->reason, "%s", m->reason);
    s->last = *m;
    s->last.bytes = KT_SPAN_NONE;
    s->malformed++;
    return true;
}

static const char *const kit_names[] = {"CreateAccessKey"};

static inline struct kt_ingest *kit_new(struct seen *s)
{
    const struct kt_record_sink sink = {seen_record, seen_malformed, s, NULL, NULL};
    seen_init(s);
    return kt_ingest_new(kit_names, 1, &sink);
}

static inline void kit_finish(struct kt_ingest *g, struct seen *s)
{
    s->end = kt_ingest_finish(g, &s->why);
    s->stats = kt_ingest_stats(g);
    kt_buf_addf(&s->log, "end %d: %s; %llu in, %llu bytes, %llu records, %llu picked, %llu malformed\n", (int)s->end,
                s->why.text, (unsigned long long)s->stats.bytes_in, (unsigned long long)s->stats.bytes,
                (unsigned long long)s->stats.records, (unsigned long long)s->stats.picked,
                (unsigned long long)s->stats.malformed);
}

/* Feeds in pieces of `chunk` bytes; 0: all at once. */
static inline void kit_feed(struct seen *s, const void *p, size_t n, size_t chunk)
{
    struct kt_ingest *g = kit_new(s);
    const char *c = p;
    while (n) {
        size_t k = chunk && chunk < n ? chunk : n;
        if (!kt_ingest_feed(g, c, k))
            break;
        c += k;
        n -= k;
    }
    kit_finish(g, s);
    kt_ingest_free(g);
}

static inline void kit_feed_text(struct seen *s, const char *text)
{
    kit_feed(s, text, strlen(text), 0);
}

/* In pieces of random lengths, among them many of a single byte. */
static inline void kit_feed_random(struct seen *s, const void *p, size_t n, unsigned seed, size_t most)
{
    struct kt_ingest *g = kit_new(s);
    const char *c = p;
    while (n) {
        seed = seed * 1103515245u + 12345u;
        size_t k = (seed >> 16) % 4 == 0 ? 1 : (seed >> 8) % most + 1;
        if (k > n)
            k = n;
        if (!kt_ingest_feed(g, c, k))
            break;
        c += k;
        n -= k;
    }
    kit_finish(g, s);
    kt_ingest_free(g);
}

/* A record as CloudTrail writes it; `indent` puts it on several lines. */
static inline void kit_record(struct kt_buf *b, unsigned i, const char *name, bool indent)
{
    const char *nl = indent ? "\n            " : "";
    const char *sp = indent ? " " : "";
    kt_buf_addf(b,
                "{%s\"eventVersion\":%s\"1.08\",%s\"userIdentity\":%s{\"type\":%s\"IAMUser\",%s\"principalId\":%s"
                "\"AIDAEXAMPLE%05u\",%s\"arn\":%s\"arn:aws:iam::111122223333:user/alice\",%s\"accountId\":%s"
                "\"111122223333\",%s\"userName\":%s\"alice\"},%s",
                nl, sp, nl, sp, sp, nl, sp, i, nl, sp, nl, sp, nl, sp, nl);
    kt_buf_addf(b,
                "\"eventTime\":%s\"2023-07-10T12:%02u:%02uZ\",%s\"eventSource\":%s\"iam.amazonaws.com\",%s"
                "\"eventName\":%s\"%s\",%s\"awsRegion\":%s\"us-east-1\",%s\"sourceIPAddress\":%s\"203.0.113.%u\",%s"
                "\"userAgent\":%s\"Boto3/1.28.0 md/Botocore#1.31.0 ua/2.0 os/linux\",%s",
                sp, i / 60 % 60, i % 60, nl, sp, nl, sp, name, nl, sp, nl, sp, i % 250, nl, sp, nl);
    kt_buf_addf(b,
                "\"requestParameters\":%s{\"userName\":%s\"bob-%u\"},%s\"responseElements\":%s{\"accessKey\":%s{"
                "\"userName\":%s\"bob-%u\",%s\"accessKeyId\":%s\"AKIAEXAMPLE%09u\",%s\"status\":%s\"Active\"}},%s",
                sp, sp, i, nl, sp, sp, sp, i, nl, sp, i, nl, sp, nl);
    kt_buf_addf(b,
                "\"resources\":%s[{\"type\":%s\"AWS::IAM::User\",%s\"n\":%s%u}],%s\"readOnly\":%sfalse,%s"
                "\"eventID\":%s\"id-%u\"%s}",
                sp, sp, nl, sp, i, nl, sp, nl, sp, i, indent ? "\n        " : "");
}

enum shape { SHAPE_ONE_LINE, SHAPE_PRETTY, SHAPE_LINES, SHAPE_ARRAY, SHAPE_COUNT };
static const char *const shape_names[] = {"one line", "pretty-printed", "JSON lines", "array"};

static inline void kit_open(struct kt_buf *b, enum shape how)
{
    static const char *const text[] = {"{\"Records\":[", "{\n    \"Records\": [\n        ", "", "["};
    kt_buf_adds(b, text[how]);
}

static inline void kit_between(struct kt_buf *b, enum shape how)
{
    static const char *const text[] = {",", ",\n        ", "\n", ","};
    kt_buf_adds(b, text[how]);
}

static inline void kit_close(struct kt_buf *b, enum shape how)
{
    static const char *const text[] = {"]}", "\n    ]\n}\n", "\n", "]"};
    kt_buf_adds(b, text[how]);
}

static inline void kit_trail(struct kt_buf *b, enum shape how, unsigned n, const char *name)
{
    kt_buf_init(b, LOG_MAX);
    kit_open(b, how);
    for (unsigned i = 0; i < n; i++) {
        if (i)
            kit_between(b, how);
        kit_record(b, i, name, how == SHAPE_PRETTY);
    }
    kit_close(b, how);
}

/* Compresses into `out`, which is appended to. */
static inline bool kit_gzip(struct kt_buf *out, const void *p, size_t n)
{
    z_stream z = {0};
    if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    uLong bound = deflateBound(&z, (uLong)n) + 64;
    bool ok = kt_buf_reserve(out, bound);
    z.next_in = (z_const Bytef *)(uintptr_t)p;
    z.avail_in = (uInt)n;
    z.next_out = ok ? (Bytef *)out->p + out->len : NULL;
    z.avail_out = (uInt)bound;
    ok = ok && deflate(&z, Z_FINISH) == Z_STREAM_END;
    out->len += ok ? bound - z.avail_out : 0;
    deflateEnd(&z);
    return ok;
}

static inline bool kit_zstd(struct kt_buf *out, const void *p, size_t n)
{
    size_t bound = ZSTD_compressBound(n);
    if (!kt_buf_reserve(out, bound))
        return false;
    size_t k = ZSTD_compress(out->p + out->len, bound, p, n, 3);
    if (ZSTD_isError(k))
        return false;
    out->len += k;
    return true;
}
#endif
