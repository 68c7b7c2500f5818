/* bench_ways: each way of sweeping that this machine can go, over the same trail in
 * memory: the sweep alone, and all of reading a gzip file. The same must be found by
 * each, and the portable way reads gzip at 40 % of AVX2's speed at least.
 *
 * Then one thread that watches the names of all kinds and 10,000 key ids, of 20,000 with
 * which every tenth call is made, beside decompressing alone: kt_use after kt_use is
 * looked up in a set. */
#include "base/hash.h"
#include "event/event.h"
#include "ingest/gunzip.h"
#include "ingest/ingest.h"
#include "ingest/pick.h"
#include "ingest/sweep.h"

#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TEXT = 5000000, ROOM = TEXT + 8192, TURNS = 9, KEYS = 20000, WATCHED = 10000, SLOTS = 32768 };

#define WATCH_LEAST 0.4 /* of decompressing alone */

static uint64_t seed = 88172645463325252u;
static unsigned rnd(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 20) % n;
}

static unsigned keyed[KEYS]; /* calls made with each */

static size_t add_keyed(char *p, size_t room)
{
    unsigned key = rnd(KEYS);
    keyed[key]++;
    int n = snprintf(p, room,
        ",{\"eventVersion\":\"1.09\",\"userIdentity\":{\"type\":\"IAMUser\",\"principalId\":\"AIDA%08X%08X\",\"arn\":\"arn:aws:iam::111122223333:user/"
        "u%u\",\"accountId\":\"111122223333\",\"accessKeyId\":\"AKIA%016u\",\"userName\":\"u%u\"},\"eventTime\":\"2024-05-01T11:%02u:%02uZ\","
        "\"eventSource\":\"s3.amazonaws.com\",\"eventName\":\"GetBucketAcl\",\"awsRegion\":\"us-east-1\",\"sourceIPAddress\":\"203.0.113.%u\","
        "\"userAgent\":\"Boto3/1.28.0 md/Botocore#1.31.0 ua/2.0 os/linux#5.15\",\"requestParameters\":{\"bucketName\":\"b%08x\",\"acl\":\"\"},"
        "\"responseElements\":null,\"additionalEventData\":{\"SignatureVersion\":\"SigV4\",\"bytesTransferredIn\":0,\"bytesTransferredOut\":552},"
        "\"requestID\":\"%08X%08X\",\"eventID\":\"%08x-0000-4000-8000-%08x%04x\",\"readOnly\":true,\"eventType\":\"AwsApiCall\",\"managementEvent\":"
        "true,\"recipientAccountId\":\"111122223333\",\"eventCategory\":\"Management\"}",
        rnd(1u << 31), rnd(1u << 31), key, key, key, rnd(60), rnd(60), rnd(250), rnd(1u << 31), rnd(1u << 31), rnd(1u << 31), rnd(1u << 31),
        rnd(1u << 31), rnd(1u << 16));
    return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

static size_t add_record(char *p, size_t room, bool first)
{
    if (!first && rnd(10) == 0)
        return add_keyed(p, room);
    bool hit = rnd(3000) == 0;
    int n = snprintf(p, room,
        "%s{\"eventVersion\":\"1.09\",\"userIdentity\":{\"type\":\"AssumedRole\",\"principalId\":\"AROA%08X%08X:s%u\",\"arn\":\"arn:aws:sts::"
        "111122223333:assumed-role/role-%u/s%u\",\"accountId\":\"111122223333\",\"accessKeyId\":\"ASIA%08X%08X\",\"sessionContext\":{"
        "\"sessionIssuer\":{\"type\":\"Role\",\"arn\":\"arn:aws:iam::111122223333:role/role-%u\",\"userName\":\"role-%u\"},\"attributes\":{"
        "\"creationDate\":\"2024-05-01T10:%02u:%02uZ\",\"mfaAuthenticated\":\"false\"}}},\"eventTime\":\"2024-05-01T11:%02u:%02uZ\","
        "\"eventSource\":\"ec2.amazonaws.com\",\"eventName\":\"%s\",\"awsRegion\":\"us-east-1\",\"sourceIPAddress\":\"203.0.113.%u\","
        "\"userAgent\":\"Boto3/1.28.0 md/Botocore#1.31.0 ua/2.0 os/linux#5.15\",\"requestParameters\":{\"instancesSet\":{\"items\":[{"
        "\"instanceId\":\"i-0%08x%08x\"},{\"instanceId\":\"i-0%08x%08x\"}]},\"filterSet\":{}},\"responseElements\":null,\"requestID\":"
        "\"%08x-0000-4000-8000-%08x%04x\",\"eventID\":\"%08x-0000-4000-8000-%08x%04x\",\"readOnly\":true,\"eventType\":\"AwsApiCall\","
        "\"managementEvent\":true,\"recipientAccountId\":\"111122223333\",\"eventCategory\":\"Management\"}",
        first ? "{\"Records\":[" : ",", rnd(1u << 31), rnd(1u << 31), rnd(1u << 31), rnd(300), rnd(1u << 31), rnd(1u << 31), rnd(1u << 31),
        rnd(300), rnd(300), rnd(60), rnd(60), rnd(60), rnd(60), hit ? "CreateAccessKey" : "DescribeInstances", rnd(250), rnd(1u << 31),
        rnd(1u << 31), rnd(1u << 31), rnd(1u << 31), rnd(1u << 31), rnd(1u << 31), rnd(1u << 16), rnd(1u << 31), rnd(1u << 31), rnd(1u << 16));
    return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* others may want the machine meanwhile */
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool on_record(void *ctx, const struct kt_record *r)
{
    (void)r;
    ++*(unsigned *)ctx;
    return true;
}

static bool on_malformed(void *ctx, const struct kt_malformed *m)
{
    (void)m;
    *(unsigned *)ctx += 1000000;
    return true;
}

static double sweep_all(struct kt_sweep *w, struct kt_swept *out, const char *p, size_t n, size_t *brackets)
{
    double from = now();
    struct kt_scan s = {0};
    *brackets = 0;
    for (size_t at = 0, to; (to = kt_sweep(w, p, 0, at, n - w->margin, &s, out)) > at; at = to)
        *brackets += out->n_brackets;
    return now() - from;
}

static double read_gzip(struct kt_ingest *g, struct kt_gunzip *z, const void *p, size_t n, unsigned *rows)
{
    double from = now();
    struct kt_err why;
    *rows = 0;
    kt_ingest_reset(g);
    if (!kt_ingest_whole(g, z, p, n) || kt_ingest_finish(g, &why) != KT_END_WHOLE)
        *rows += 1000000;
    return now() - from;
}

static const char *const names[] = {"CreateAccessKey"};

struct watch {
    unsigned rows; /* as on_record counts */
    unsigned hits;
    char id[SLOTS][20];
};

static char *slot_of(struct watch *w, const char *id)
{
    size_t at = kt_hash(id, 20) % SLOTS;
    while (w->id[at][0] && memcmp(w->id[at], id, 20) != 0)
        at = (at + 1) % SLOTS;
    return w->id[at];
}

static bool on_use(void *ctx, const struct kt_use *u)
{
    struct watch *w = ctx;
    w->hits += u->key_id.n == 20 && slot_of(w, u->key_id.p)[0];
    return true;
}

/* How fast that is, of decompressing alone; 0: a wrong answer. */
static double watching(struct kt_gunzip *z, const void *packed, size_t packed_n, char *text, size_t n, unsigned want_rows)
{
    const char *all[KT_EVENT_NAMES];
    size_t n_all = kt_event_names((KT_KINDS_ALL | KT_KIND_BIT(KT_KIND_CONTEXT)) & ~KT_KIND_BIT(KT_KIND_USE), all);
    struct watch *w = calloc(1, sizeof *w);
    const struct kt_record_sink sink = {on_record, on_malformed, w, on_use, NULL};
    struct kt_ingest *g = kt_ingest_new(all, n_all, &sink);
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    double best = 1e9, limit = 1e9;
    unsigned want = 0, rows = 0;
    char id[24];
    bool ok = w && g && d;
    for (unsigned k = 0; ok && k < WATCHED; k++) {
        snprintf(id, sizeof id, "AKIA%016u", 2 * k);
        memcpy(slot_of(w, id), id, 20);
        want += keyed[2 * k];
    }
    if (ok)
        kt_ingest_exactly(g);
    for (int turn = 0; ok && turn < TURNS; turn++) {
        size_t got = 0;
        double from = now();
        ok = libdeflate_gzip_decompress(d, packed, packed_n, text, ROOM, &got) == LIBDEFLATE_SUCCESS && got == n;
        double a = now() - from;
        w->hits = 0;
        double b = read_gzip(g, z, packed, packed_n, &rows);
        ok = ok && w->hits == want && w->rows == want_rows * (unsigned)(turn + 1) && rows == 0;
        limit = a < limit ? a : limit;
        best = b < best ? b : best;
    }
    libdeflate_free_decompressor(d);
    kt_ingest_free(g);
    free(w);
    printf("ways: watching %zu names and %d key ids, %u calls with one of them: %.0f %% of decompressing alone\n", n_all, WATCHED, want,
           limit / best * 100);
    return ok ? limit / best : 0;
}

int main(void)
{
    char *text = malloc(ROOM), *packed = malloc(ROOM);
    struct kt_pick *pick = kt_pick_new(names, 1);
    struct kt_sweep *w = malloc(sizeof *w);
    struct kt_swept *out = malloc(sizeof *out);
    struct kt_gunzip *z = kt_gunzip_new();
    struct libdeflate_compressor *c = libdeflate_alloc_compressor(6);
    unsigned rows = 0, want_rows = 0;
    const struct kt_record_sink sink = {on_record, on_malformed, &rows, NULL, NULL};
    struct kt_ingest *g = kt_ingest_new(names, 1, &sink);
    size_t n = 0, want = 0;
    if (!text || !packed || !pick || !w || !out || !z || !c || !g)
        return 1;
    while (n < TEXT)
        n += add_record(text + n, ROOM - n, n == 0);
    memcpy(text + n, "]}", 2);
    n += 2;
    size_t packed_n = libdeflate_gzip_compress(c, text, n, packed, ROOM);
    kt_sweep_init(w, pick, NULL);
    double sweeps[KT_SWEEP_WAYS], gzip[KT_SWEEP_WAYS];
    bool bad = false;
    for (int way = 0; way < KT_SWEEP_WAYS; way++)
        sweeps[way] = gzip[way] = 1e9;
    for (int turn = 0; turn < TURNS; turn++)
        for (int way = 0; way < KT_SWEEP_WAYS; way++) {
            size_t brackets;
            if (!kt_sweep_can((enum kt_sweep_way)way))
                continue;
            w->way = (enum kt_sweep_way)way;
            kt_ingest_sweep_by(g, way);
            double a = sweep_all(w, out, text, n, &brackets), b = read_gzip(g, z, packed, packed_n, &rows);
            sweeps[way] = a < sweeps[way] ? a : sweeps[way];
            gzip[way] = b < gzip[way] ? b : gzip[way];
            want = want ? want : brackets;
            want_rows = want_rows ? want_rows : rows;
            bad |= brackets != want || rows != want_rows || rows >= 1000000;
        }
    for (int way = 0; way < KT_SWEEP_WAYS; way++)
        if (gzip[way] < 1e9)
            printf("ways: %-9s the sweep alone %6.0f MB/s, reading gzip %6.0f MB/s\n", kt_sweep_name((enum kt_sweep_way)way),
                   (double)n / 1e6 / sweeps[way], (double)n / 1e6 / gzip[way]);
    if (gzip[KT_SWEEP_AVX2] < 1e9) {
        double share = gzip[KT_SWEEP_AVX2] / gzip[KT_SWEEP_PORTABLE];
        printf("ways: portable reads gzip at %.0f %% of AVX2\n", share * 100);
        bad |= share < 0.4;
    }
    bad |= watching(z, packed, packed_n, text, n, want_rows) < WATCH_LEAST;
    if (bad)
        printf("ways: WRONG ANSWER, or the portable way or watching is too slow\n");
    return bad;
}
