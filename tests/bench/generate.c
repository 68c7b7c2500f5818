/* generate DIR MEGABYTES SMALL: trail files for the bench, always the same.
 *
 *   DIR/plain/NNNN.json, DIR/gz/NNNN.json.gz   5 MB each on one line, zlib level 6
 *   DIR/lines.json, DIR/lines.json.zst          the same records, one a line
 *   DIR/small/NN/NNNNN.json.gz                  SMALL files of 200 KB
 *   DIR/every.json                              100 MB of lines that are all creations
 *   DIR/few.json                                one small file
 *
 * Records of 0.7 to 4 KB with what is random in life: ids, request ids, session
 * tokens, S3's ids. One call in ten was made with a long-lived key. One record in
 * 15,000 is a CreateAccessKey, some of them of roles and of root, some denied, one
 * in eight spelled with escapes; twice as many only look like one. What a right
 * answer has is printed: a line for each set, `NAME ROWS OF_IAM_USERS BYTES RECORDS`. */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <libdeflate.h>
#include <zlib.h>
#include <zstd.h>

enum { FILE_BYTES = 5000000, SMALL_BYTES = 200000, EVERY_BYTES = 100000000, ROOM = FILE_BYTES + (64 << 10),
       HIT_EVERY = 15000, DECOY_EVERY = 7500, SMALL_HIT_EVERY = 25000, NAME = 4200 };

static uint64_t seed = 88172645463325252u;
static uint64_t bits(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * 0x2545f4914f6cdd1du;
}
static uint32_t rnd(uint32_t n)
{
    return (uint32_t)(bits() >> 33) % n;
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
static void add(struct text *t, const char *s)
{
    size_t n = strlen(s);
    memcpy(t->p + t->n, s, n);
    t->n += n;
}

static void some(struct text *t, const char *alphabet, uint32_t letters, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        t->p[t->n++] = alphabet[rnd(letters)];
}
static void hex(struct text *t, uint32_t n) { some(t, "0123456789abcdef", 16, n); }
static void base64(struct text *t, uint32_t n) { some(t, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 64, n); }
static void uuid(struct text *t)
{
    static const uint32_t part[] = {8, 4, 4, 4, 12};
    for (int i = 0; i < 5; i++) {
        if (i)
            add(t, "-");
        hex(t, part[i]);
    }
}

static const char *const calls[][2] = {
    {"ec2", "DescribeInstances"}, {"sts", "AssumeRole"}, {"s3", "GetObject"}, {"kms", "Decrypt"}, {"s3", "PutObject"},
    {"iam", "ListAccessKeys"}, {"logs", "CreateLogStream"}, {"ecr", "GetAuthorizationToken"}, {"kms", "GenerateDataKey"},
    {"ssm", "UpdateInstanceInformation"}, {"lambda", "GetFunction20150331v2"}, {"monitoring", "DescribeAlarms"},
    {"ec2", "DescribeNetworkInterfaces"}, {"dynamodb", "DescribeTable"}, {"sts", "GetCallerIdentity"}, {"s3", "ListObjects"}};
enum { CALLS = sizeof calls / sizeof *calls };
static const char *const agents[] = {
    "Boto3/1.28.0 md/Botocore#1.31.0 ua/2.0 os/linux#5.15 md/arch#x86_64 lang/python#3.11.4 cfg/retry-mode#legacy",
    "aws-cli/2.17.32 md/awscrt#0.20.11 ua/2.0 os/linux#6.5.0 md/command#s3.cp",
    "APN/1.0 HashiCorp/1.0 Terraform/1.5.7 (+https://www.terraform.io) terraform-provider-aws/5.17.0",
    "aws-sdk-java/2.20.68 Linux/5.10.0 OpenJDK_64-Bit_Server_VM/17.0.7+7-LTS Java/17.0.7 vendor/Amazon.com_Inc. exec-env/AWS_ECS_FARGATE",
    "AWS Internal", "console.amazonaws.com", "aws-sdk-go-v2/1.17.3 os/linux lang/go#1.19.3 md/GOARCH#amd64 api/ec2#1.77.0"};
static const char *const regions[] = {"us-east-1", "eu-west-1", "eu-central-1", "us-west-2"};

static void user(struct text *t, uint32_t who)
{
    put(t, "\"userIdentity\":{\"type\":\"IAMUser\",\"principalId\":\"AIDA%016X\",\"arn\":\"arn:aws:iam::111122223333:user/person%u\","
           "\"accountId\":\"111122223333\",\"accessKeyId\":\"AKIA%016X\",\"userName\":\"person%u\"}",
        who * 2654435761u, who, who * 2246822519u, who);
}
static void role(struct text *t, uint32_t who)
{
    uint32_t session = rnd(1u << 31);
    put(t, "\"userIdentity\":{\"type\":\"AssumedRole\",\"principalId\":\"AROA%016X:s%u\",\"arn\":\"arn:aws:sts::111122223333:"
           "assumed-role/role-%u/s%u\",\"accountId\":\"111122223333\",\"accessKeyId\":\"ASIA",
        who * 2654435761u, session, who % 300, session);
    some(t, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 32, 16);
    put(t, "\",\"sessionContext\":{\"sessionIssuer\":{\"type\":\"Role\",\"principalId\":\"AROA%016X\",\"arn\":"
           "\"arn:aws:iam::111122223333:role/role-%u\",\"accountId\":\"111122223333\",\"userName\":\"role-%u\"},"
           "\"webIdFederationData\":{},\"attributes\":{\"creationDate\":\"2024-05-01T%02u:%02u:%02uZ\",\"mfaAuthenticated\":\"false\"}}}",
        who * 2654435761u, who % 300, who % 300, rnd(24), rnd(60), rnd(60));
}

/* What the call was asked and what it answered. */
static void asked(struct text *t, uint32_t call)
{
    uint32_t n = rnd(9);
    if (strcmp(calls[call][1], "AssumeRole") == 0) {
        put(t, ",\"requestParameters\":{\"roleArn\":\"arn:aws:iam::111122223333:role/role-%u\",\"roleSessionName\":\"s%u\",\"durationSeconds\":900},"
               "\"responseElements\":{\"credentials\":{\"accessKeyId\":\"ASIA", rnd(300), rnd(1u << 31));
        some(t, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 32, 16);
        add(t, "\",\"sessionToken\":\"");
        base64(t, 380 + rnd(300));
        put(t, "\",\"expiration\":\"May 1, 2024, %u:%02u:%02u PM\"},\"assumedRoleUser\":{\"assumedRoleId\":\"AROA%016X:s\",\"arn\":"
               "\"arn:aws:sts::111122223333:assumed-role/role-%u/s\"}}", 1 + rnd(12), rnd(60), rnd(60), rnd(1u << 31), rnd(300));
    } else if (strcmp(calls[call][0], "s3") == 0) {
        put(t, ",\"requestParameters\":{\"bucketName\":\"bucket-%u\",\"Host\":\"bucket-%u.s3.us-east-1.amazonaws.com\",\"key\":\"data/%u/part-",
            rnd(500), rnd(500), rnd(100000));
        hex(t, 16);
        add(t, ".parquet\"},\"responseElements\":null,\"additionalEventData\":{\"SignatureVersion\":\"SigV4\",\"CipherSuite\":"
               "\"ECDHE-RSA-AES128-GCM-SHA256\",\"bytesTransferredIn\":0,\"AuthenticationMethod\":\"AuthHeader\",\"x-amz-id-2\":\"");
        base64(t, 74);
        put(t, "==\",\"bytesTransferredOut\":%u}", rnd(1u << 24));
    } else if (rnd(40) == 0) {
        add(t, ",\"requestParameters\":{\"policyDocument\":\"{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[");
        for (uint32_t i = 0; i < n; i++)
            put(t, "%s{\\\"Effect\\\":\\\"Allow\\\",\\\"Action\\\":[\\\"s3:GetObject\\\",\\\"iam:%s\\\"],\\\"Resource\\\":\\\"arn:aws:s3:::b%u/*\\\"}",
                i ? "," : "", rnd(50) ? "Get*" : "CreateAccessKey", rnd(100000));
        add(t, "]}\"},\"responseElements\":null");
    } else {
        add(t, ",\"requestParameters\":{\"instancesSet\":{\"items\":[");
        for (uint32_t i = 0; i < n; i++)
            put(t, "%s{\"instanceId\":\"i-0%08x%08x\"}", i ? "," : "", rnd(1u << 31), rnd(1u << 31));
        put(t, "]},\"filterSet\":{}%s},\"responseElements\":null", rnd(700) ? "" : ",\"note\":\"caf\\u00e9 \\u0026 tier\"");
    }
    if (rnd(3) == 0)
        put(t, ",\"resources\":[{\"accountId\":\"111122223333\",\"type\":\"AWS::S3::Bucket\",\"ARN\":\"arn:aws:s3:::bucket-%u\"},"
               "{\"type\":\"AWS::S3::Object\",\"ARN\":\"arn:aws:s3:::bucket-%u/data/%u\"}]", rnd(500), rnd(500), rnd(100000));
}

static void created(struct text *t, uint32_t who, bool denied)
{
    if (denied) {
        put(t, ",\"errorCode\":\"AccessDenied\",\"errorMessage\":\"User: arn:aws:iam::111122223333:user/person%u is not authorized to perform: "
               "iam:CreateAccessKey on resource: user person%u\",\"requestParameters\":null,\"responseElements\":null", who, rnd(5000));
        return;
    }
    put(t, ",\"requestParameters\":{\"userName\":\"svc-%u\"},\"responseElements\":{\"accessKey\":{\"userName\":\"svc-%u\",\"accessKeyId\":"
           "\"AKIA%08X%08X\",\"status\":\"Active\",\"createDate\":\"May 1, 2024 10:00:00 AM\"}}", who, who, rnd(1u << 31), rnd(1u << 31));
}

enum kind { COMMON, HIT, HIT_OF_ROLE, DECOY };

static void record(struct text *t, enum kind kind, uint64_t i)
{
    uint32_t who = rnd(5000), call = rnd(CALLS);
    bool hit = kind == HIT || kind == HIT_OF_ROLE, key = kind == HIT || (kind != HIT_OF_ROLE && rnd(10) == 0);
    const char *name = hit ? i % 8 == 0 ? "Create\\u0041ccess\\u004bey" : "CreateAccessKey" : calls[call][1];
    add(t, "{\"eventVersion\":\"1.09\",");
    if (key)
        user(t, who);
    else
        role(t, who);
    put(t, ",\"eventTime\":\"2024-05-01T%02u:%02u:%02uZ\",\"eventSource\":\"%s.amazonaws.com\",\"eventName\":\"%s\",\"awsRegion\":"
           "\"%s\",\"sourceIPAddress\":\"%u.%u.%u.%u\"", rnd(24), rnd(60), rnd(60), hit ? "iam" : calls[call][0], name, regions[rnd(4)],
        3 + rnd(200), rnd(20), rnd(30), rnd(250));
    put(t, ",\"userAgent\":\"%s\"", kind == DECOY && rnd(2) ? "scanner CreateAccessKey/1.0" : agents[rnd(7)]);
    if (hit)
        created(t, who, i % 6 == 0);
    else if (kind == DECOY)
        put(t, ",\"requestParameters\":{\"filter\":{\"eventName\":\"CreateAccessKey\"},\"text\":\"{\\\"eventName\\\":\\\"CreateAccessKey\\\"}\"},"
               "\"responseElements\":null");
    else
        asked(t, call);
    add(t, ",\"requestID\":\"");
    uuid(t);
    add(t, "\",\"eventID\":\"");
    uuid(t);
    put(t, "\",\"readOnly\":%s,\"eventType\":\"AwsApiCall\",\"managementEvent\":true,\"recipientAccountId\":\"111122223333\","
           "\"eventCategory\":\"Management\",\"tlsDetails\":{\"tlsVersion\":\"TLSv1.3\",\"cipherSuite\":\"TLS_AES_128_GCM_SHA256\","
           "\"clientProvidedHostHeader\":\"%s.us-east-1.amazonaws.com\"}}", hit ? "false" : "true", calls[call][0]);
}

static bool save(const char *path, const void *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(p, 1, n, f) == n;
    return f && fclose(f) == 0 && ok;
}

/* As trail files are: zlib's deflate at its usual level. */
static bool save_gz(const char *path, const struct text *t)
{
    gzFile f = gzopen(path, "wb6");
    bool ok = f && gzwrite(f, t->p, (unsigned)t->n) == (int)t->n;
    return f && gzclose(f) == Z_OK && ok;
}

struct set {
    uint64_t rows, of_users, bytes, records;
};
static void tell(const char *name, const struct set *s)
{
    printf("%s %llu %llu %llu %llu\n", name, (unsigned long long)s->rows, (unsigned long long)s->of_users,
           (unsigned long long)s->bytes, (unsigned long long)s->records);
}

static void next_record(struct text *t, struct set *s, uint64_t every)
{
    uint64_t i = s->records++;
    enum kind kind = i % every == 77 ? (i / every) % 3 == 1 ? HIT_OF_ROLE : HIT : i % DECOY_EVERY == 99 ? DECOY : COMMON;
    s->rows += kind == HIT || kind == HIT_OF_ROLE;
    s->of_users += kind == HIT;
    record(t, kind, i / every);
}

static bool folder(const char *dir, const char *sub)
{
    char path[NAME];
    snprintf(path, sizeof path, "%s/%s", dir, sub);
    return mkdir(path, 0777) == 0 || errno == EEXIST;
}

/* Written with its separators as `lines` want them: records are told apart by the
 * brackets that no string of ours holds in pairs like these. */
static bool add_lines(FILE *lines, struct text *t)
{
    bool ok = true;
    for (char *p = t->p + 12, *end = t->p + t->n - 2; ok && p < end;) {
        char *next = memmem(p, (size_t)(end - p), "},{\"eventVersion\"", 17);
        char *stop = next ? next + 1 : end;
        ok = fwrite(p, 1, (size_t)(stop - p), lines) == (size_t)(stop - p) && fputc('\n', lines) != EOF;
        p = stop + 1;
    }
    return ok;
}

static bool large(const char *dir, unsigned mb, struct text *t)
{
    char path[NAME];
    struct set s = {0};
    snprintf(path, sizeof path, "%s/lines.json", dir);
    FILE *lines = fopen(path, "wb");
    bool ok = lines && folder(dir, "plain") && folder(dir, "gz");
    for (unsigned f = 0; ok && f < mb / 5; f++) {
        t->n = 0;
        add(t, "{\"Records\":[");
        for (bool first = true; t->n < FILE_BYTES; first = false) {
            if (!first)
                add(t, ",");
            next_record(t, &s, HIT_EVERY);
        }
        add(t, "]}");
        s.bytes += t->n;
        snprintf(path, sizeof path, "%s/plain/%04u.json", dir, f);
        ok = save(path, t->p, t->n);
        snprintf(path, sizeof path, "%s/gz/%04u.json.gz", dir, f);
        ok = ok && save_gz(path, t) && add_lines(lines, t);
    }
    ok = lines && fclose(lines) == 0 && ok;
    tell("large", &s);
    return ok;
}

static bool small(const char *dir, unsigned files, struct text *t)
{
    char path[NAME], sub[32];
    struct set s = {0};
    struct libdeflate_compressor *c = libdeflate_alloc_compressor(6); /* many: zlib would take minutes */
    void *packed = malloc(ROOM);
    bool ok = c && packed && folder(dir, "small");
    for (unsigned f = 0; ok && f < files; f++) {
        t->n = 0;
        add(t, "{\"Records\":[");
        for (bool first = true; t->n < SMALL_BYTES; first = false) {
            if (!first)
                add(t, ",");
            next_record(t, &s, SMALL_HIT_EVERY);
        }
        add(t, "]}");
        s.bytes += t->n;
        snprintf(sub, sizeof sub, "small/%02u", f / 1000);
        ok = f % 1000 || folder(dir, sub);
        snprintf(path, sizeof path, "%s/%s/%05u.json.gz", dir, sub, f);
        size_t n = libdeflate_gzip_compress(c, t->p, t->n, packed, ROOM);
        ok = ok && n && save(path, packed, n);
    }
    free(packed);
    libdeflate_free_compressor(c);
    tell("small", &s);
    return ok;
}

static bool every(const char *dir, struct text *t)
{
    char path[NAME];
    struct set s = {0};
    snprintf(path, sizeof path, "%s/every.json", dir);
    FILE *f = fopen(path, "wb");
    bool ok = f;
    while (ok && s.bytes < EVERY_BYTES) {
        t->n = 0;
        record(t, HIT, 6 * s.records + 1);
        add(t, "\n");
        ok = fwrite(t->p, 1, t->n, f) == t->n;
        s.bytes += t->n;
        s.rows++;
        s.of_users++;
        s.records++;
    }
    tell("every", &s);
    return f && fclose(f) == 0 && ok;
}

static bool few(const char *dir, struct text *t)
{
    char path[NAME];
    struct set s = {0};
    t->n = 0;
    add(t, "{\"Records\":[");
    for (unsigned i = 0; i < 20; i++, s.records++) {
        record(t, i == 5 ? HIT : COMMON, 1);
        add(t, i < 19 ? "," : "]}");
    }
    s.rows = s.of_users = 1;
    s.bytes = t->n;
    snprintf(path, sizeof path, "%s/few.json", dir);
    tell("few", &s);
    return save(path, t->p, t->n);
}

int main(int argc, char **argv)
{
    struct text t = {malloc(ROOM), 0};
    if (argc != 4 || !t.p)
        return 2;
    bool ok = large(argv[1], (unsigned)strtoul(argv[2], NULL, 10), &t) &&
              small(argv[1], (unsigned)strtoul(argv[3], NULL, 10), &t) && every(argv[1], &t) && few(argv[1], &t);
    free(t.p);
    return !ok;
}
