/* bench_uses [MEGABYTES]: calls made with long-lived keys and nothing else, in memory,
 * on one thread: read with the walk, and the same with a tree for each. */
#include "ingest/ingest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct count {
    unsigned long long uses, bytes;
};

static bool on_record(void *ctx, const struct kt_record *r)
{
    struct kt_span id = kt_node_text(kt_node_get(kt_node_get(r->root, "userIdentity"), "accessKeyId"));
    ((struct count *)ctx)->uses += kt_span_starts(id, "AKIA");
    return true;
}

static bool on_malformed(void *ctx, const struct kt_malformed *m)
{
    (void)ctx;
    fprintf(stderr, "malformed: %s\n", m->reason);
    return true;
}

static bool on_use(void *ctx, const struct kt_use *u)
{
    struct count *c = ctx;
    c->uses++;
    c->bytes += u->event_name.n + u->address.n + u->agent.n + u->key_id.n;
    return true;
}

/* Of about the usual size of a record: 1.2 KB. */
static int record(char *p, size_t room, unsigned i)
{
    return snprintf(p, room,
        "%s{\"eventVersion\":\"1.09\",\"userIdentity\":{\"type\":\"IAMUser\",\"principalId\":\"AIDA%015u\",\"arn\":"
        "\"arn:aws:iam::111122223333:user/u%u\",\"accountId\":\"111122223333\",\"accessKeyId\":\"AKIA%016u\","
        "\"userName\":\"u%u\"},\"eventTime\":\"2024-05-01T10:%02u:%02uZ\",\"eventSource\":\"s3.amazonaws.com\","
        "\"eventName\":\"GetBucketAcl\",\"awsRegion\":\"us-east-1\",\"sourceIPAddress\":\"203.0.113.%u\",\"userAgent\":"
        "\"Boto3/1.28.0 md/Botocore#1.31.0 ua/2.0 os/linux#5.15 md/arch#x86_64 lang/python#3.11.4\","
        "\"requestParameters\":{\"bucketName\":\"b%u\",\"Host\":\"b%u.s3.us-east-1.amazonaws.com\",\"acl\":\"\"},"
        "\"responseElements\":null,\"additionalEventData\":{\"SignatureVersion\":\"SigV4\",\"CipherSuite\":"
        "\"TLS_AES_128_GCM_SHA256\",\"bytesTransferredIn\":0,\"AuthenticationMethod\":\"AuthHeader\",\"x-amz-id-2\":"
        "\"c2FtcGxlIG9mIGFuIGlkIGZvciBhIHJlcXVlc3Q%08u=\",\"bytesTransferredOut\":552},\"requestID\":\"%016X\",\"eventID\":"
        "\"5a5a5a5a-1111-4222-8333-%012u\",\"readOnly\":true,\"resources\":[{\"accountId\":\"111122223333\",\"type\":"
        "\"AWS::S3::Bucket\",\"ARN\":\"arn:aws:s3:::b%u\"}],\"eventType\":\"AwsApiCall\",\"managementEvent\":true,"
        "\"recipientAccountId\":\"111122223333\",\"eventCategory\":\"Management\",\"tlsDetails\":{\"tlsVersion\":\"TLSv1.3\","
        "\"cipherSuite\":\"TLS_AES_128_GCM_SHA256\",\"clientProvidedHostHeader\":\"b%u.s3.us-east-1.amazonaws.com\"}}",
        i ? "," : "{\"Records\":[", i, i % 500, i % 500, i % 500, i / 60 % 60, i % 60, i % 250, i, i, i, i, i, i, i);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double read_all(const char *p, size_t n, bool walk, struct count *c)
{
    static const char *const none[] = {"CreateAccessKey"}, *const all[] = {"CreateAccessKey", "AKIA"};
    const struct kt_record_sink sink = {on_record, on_malformed, c, walk ? on_use : NULL, NULL};
    struct kt_ingest *g = kt_ingest_new(walk ? none : all, walk ? 1 : 2, &sink);
    struct kt_err why;
    *c = (struct count){0};
    double from = seconds();
    for (size_t at = 0; g && at < n; at += 256 << 10)
        if (!kt_ingest_feed(g, p + at, n - at < 256 << 10 ? n - at : 256 << 10))
            break;
    if (!g || kt_ingest_finish(g, &why) != KT_END_WHOLE)
        c->uses = 0;
    double took = seconds() - from;
    kt_ingest_free(g);
    return (double)n / 1e6 / took;
}

int main(int argc, char **argv)
{
    size_t room = (argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 100) << 20, n = 0;
    char *p = malloc(room + 8192);
    unsigned records = 0;
    if (!p)
        return 1;
    while (n < room)
        n += (size_t)record(p + n, 4096, records++);
    memcpy(p + n, "]}", 2);
    n += 2;
    struct count walked, parsed;
    double fast = 0, slow = 0;
    for (int i = 0; i < 5; i++) {
        double x = read_all(p, n, true, &walked);
        fast = x > fast ? x : fast;
    }
    slow = read_all(p, n, false, &parsed);
    free(p);
    printf("uses: %u records, every one a call with a long-lived key: walked %.0f MB/s (%.2f million a second), a tree for "
           "each %.0f MB/s (%.1f times slower)\n", records, fast, fast * records / (double)n, slow, fast / slow);
    if (walked.uses == records && parsed.uses == records)
        return 0;
    printf("uses: WRONG ANSWER: %llu and %llu of %u\n", walked.uses, parsed.uses, records);
    return 1;
}
