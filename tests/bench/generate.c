/* generate DIR MEGABYTES: trail files of 5 MB on one line each, DIR/plain/N.json
 * and DIR/gz/N.json.gz (zlib level 6), always the same for the same size.
 * Records of 0.6 to 3.5 KB; one in some 15,000 is a CreateAccessKey, twice as
 * many only look like one. Prints how many rows a right answer has. */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum { FILE_BYTES = 5 << 20, ROOM = FILE_BYTES + (64 << 10), HIT_EVERY = 15000, DECOY_EVERY = 8000 };

static uint64_t seed = 88172645463325252u;
static uint32_t rnd(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 20) % n;
}

struct text {
    char *p;
    size_t n;
};

static void put(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(t->p + t->n, ROOM - t->n, fmt, ap);
    va_end(ap);
    if (n > 0)
        t->n += (size_t)n;
}

static const char *const calls[][2] = {
    {"ec2", "DescribeInstances"}, {"sts", "AssumeRole"}, {"s3", "GetBucketAcl"}, {"kms", "Decrypt"},
    {"iam", "ListAccessKeys"}, {"logs", "CreateLogStream"}, {"ecr", "GetAuthorizationToken"},
    {"ssm", "UpdateInstanceInformation"}, {"lambda", "GetFunction20150331v2"}, {"monitoring", "DescribeAlarms"}};
static const char *const agents[] = {
    "Boto3/1.28.0 md/Botocore#1.31.0 ua/2.0 os/linux#5.15 md/arch#x86_64 lang/python#3.11.4 cfg/retry-mode#legacy",
    "aws-cli/2.17.32 md/awscrt#0.20.11 ua/2.0 os/linux#6.5.0 md/command#iam.create-access-key",
    "APN/1.0 HashiCorp/1.0 Terraform/1.5.7 (+https://www.terraform.io) terraform-provider-aws/5.17.0",
    "AWS Internal", "console.amazonaws.com"};

static void identity(struct text *t, uint32_t who)
{
    if (who % 3 == 0)
        put(t, "\"userIdentity\":{\"type\":\"IAMUser\",\"principalId\":\"AIDA%015u\",\"arn\":\"arn:aws:iam::111122223333:user/u%u\","
               "\"accountId\":\"111122223333\",\"accessKeyId\":\"AKIA%016u\",\"userName\":\"u%u\"}", who, who, who, who);
    else
        put(t, "\"userIdentity\":{\"type\":\"AssumedRole\",\"principalId\":\"AROA%015u:s%u\",\"arn\":\"arn:aws:sts::111122223333:"
               "assumed-role/role-%u/s%u\",\"accountId\":\"111122223333\",\"accessKeyId\":\"ASIA%016u\",\"sessionContext\":{"
               "\"sessionIssuer\":{\"type\":\"Role\",\"principalId\":\"AROA%015u\",\"arn\":\"arn:aws:iam::111122223333:role/role-%u\","
               "\"accountId\":\"111122223333\",\"userName\":\"role-%u\"},\"webIdFederationData\":{},\"attributes\":{\"creationDate\":"
               "\"2024-05-01T10:00:00Z\",\"mfaAuthenticated\":\"false\"}}}", who, who, who, who, who, who, who, who);
}

static void padding(struct text *t)
{
    uint32_t kind = rnd(4), n = rnd(12);
    if (kind == 0) {
        put(t, ",\"requestParameters\":{\"policyDocument\":\"{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[");
        for (uint32_t i = 0; i < n; i++)
            put(t, "%s{\\\"Effect\\\":\\\"Allow\\\",\\\"Action\\\":[\\\"s3:GetObject\\\",\\\"iam:Get*\\\"],\\\"Resource\\\":\\\"arn:aws:s3:::b%u/*\\\"}",
                i ? "," : "", rnd(100000));
        put(t, "]}\"}");
    } else {
        put(t, ",\"requestParameters\":{\"instancesSet\":{\"items\":[");
        for (uint32_t i = 0; i < n; i++)
            put(t, "%s{\"instanceId\":\"i-%016x\",\"tag\":\"name=web-%u \\u0026 tier\"}", i ? "," : "", rnd(1u << 31), rnd(1000));
        put(t, "]},\"filterSet\":{}}");
    }
    put(t, ",\"responseElements\":%s", kind == 1 ? "{\"description\":\"done\",\"list\":[\"a\",\"b\",\"c\"]}" : "null");
    if (kind == 2)
        for (uint32_t i = 0; i < n; i++)
            put(t, "%s{\"ARN\":\"arn:aws:s3:::bucket-%u\",\"type\":\"AWS::S3::Bucket\"}%s", i ? "," : ",\"resources\":[", rnd(100000),
                i + 1 == n ? "]" : "");
}

static void record(struct text *t, uint64_t i, bool hit, bool decoy)
{
    uint32_t who = rnd(5000), call = rnd(10);
    put(t, "{\"eventVersion\":\"1.09\",");
    identity(t, who);
    put(t, ",\"eventTime\":\"2024-05-01T%02u:%02u:%02uZ\",\"eventSource\":\"%s.amazonaws.com\",\"eventName\":\"%s\",\"awsRegion\":"
           "\"us-east-1\",\"sourceIPAddress\":\"203.0.113.%u\"", rnd(24), rnd(60), rnd(60), hit ? "iam" : calls[call][0],
        hit ? "CreateAccessKey" : calls[call][1], rnd(250));
    if (decoy && rnd(2))
        put(t, ",\"userAgent\":\"scanner CreateAccessKey/1.0\"");
    else
        put(t, ",\"userAgent\":\"%s\"", agents[rnd(5)]);
    if (hit)
        put(t, ",\"requestParameters\":{\"userName\":\"t%u\"},\"responseElements\":{\"accessKey\":{\"userName\":\"t%u\",\"accessKeyId\":"
               "\"AKIA%016u\",\"status\":\"Active\",\"createDate\":\"May 1, 2024 10:00:00 AM\"}}", who, who, rnd(1u << 30));
    else if (decoy)
        put(t, ",\"requestParameters\":{\"filter\":{\"eventName\":\"CreateAccessKey\"}},\"responseElements\":null");
    else
        padding(t);
    put(t, ",\"requestID\":\"%08x-%04x-4000-8000-%012llx\",\"eventID\":\"%08x-%04x-4000-8000-%012llx\",\"readOnly\":%s,\"eventType\":"
           "\"AwsApiCall\",\"managementEvent\":true,\"recipientAccountId\":\"111122223333\",\"eventCategory\":\"Management\",\"tlsDetails\":"
           "{\"tlsVersion\":\"TLSv1.3\",\"cipherSuite\":\"TLS_AES_128_GCM_SHA256\",\"clientProvidedHostHeader\":\"%s.amazonaws.com\"}}",
        rnd(1u << 31), rnd(65536), (unsigned long long)i, rnd(1u << 31), rnd(65536), (unsigned long long)i, hit ? "false" : "true",
        calls[call][0]);
}

static bool save(const char *dir, const char *sub, unsigned n, const struct text *t, bool packed)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s/%04u.json%s", dir, sub, n, packed ? ".gz" : "");
    if (packed) {
        gzFile f = gzopen(path, "wb6");
        bool ok = f && gzwrite(f, t->p, (unsigned)t->n) == (int)t->n;
        return f && gzclose(f) == Z_OK && ok;
    }
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(t->p, 1, t->n, f) == t->n;
    return f && fclose(f) == 0 && ok;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    unsigned files = (unsigned)strtoul(argv[2], NULL, 10) / 5;
    static const char *const subs[] = {"plain", "gz"};
    char path[4096];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", argv[1], subs[i]);
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            return 1;
    }
    struct text t = {malloc(ROOM), 0};
    uint64_t records = 0, hits = 0;
    for (unsigned f = 0; t.p && f < files; f++) {
        t.n = 0;
        put(&t, "{\"Records\":[");
        for (bool first = true; t.n < FILE_BYTES; first = false) {
            bool hit = records % HIT_EVERY == 77, decoy = records % DECOY_EVERY == 99;
            if (!first)
                put(&t, ",");
            record(&t, records++, hit, decoy);
            hits += hit;
        }
        put(&t, "]}");
        if (!save(argv[1], "plain", f, &t, false) || !save(argv[1], "gz", f, &t, true))
            return 1;
    }
    free(t.p);
    printf("%llu\n", (unsigned long long)hits);
    fprintf(stderr, "%u files, %llu records, %llu of interest\n", files, (unsigned long long)records, (unsigned long long)hits);
    return 0;
}
