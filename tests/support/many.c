#include "tests/support/many.h"

#include "base/clock.h"
#include "tests/support/rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

enum { CHUNK = 1 << 20, APART_MS = 10000, /* rowgen's rows are that far apart, in the mean */
       ROWS_AN_ACCOUNT = 1000 };          /* of 40 users: some 25 keys of each, one after the other */

static int many_accounts(long rows)
{
    return (int)(rows / ROWS_AN_ACCOUNT) + 1;
}

static void die(const char *what)
{
    fprintf(stderr, "many rows: %s\n", what);
    exit(1);
}

static void pack(FILE *f, ZSTD_CCtx *z, const struct kt_buf *b, ZSTD_EndDirective how)
{
    static char out[CHUNK];
    ZSTD_inBuffer in = {b->p, b->len, 0};
    size_t left;
    do {
        ZSTD_outBuffer to = {out, sizeof out, 0};
        left = ZSTD_compressStream2(z, &to, &in, how);
        if (ZSTD_isError(left) || fwrite(out, 1, to.pos, f) != to.pos)
            die("they cannot be written");
    } while (in.pos < in.size || (how == ZSTD_e_end && left));
}

static void add(struct kt_buf *b, struct rowgen *g, struct kt_arena *a)
{
    struct kt_row r;
    uint8_t content[32];
    kt_arena_reset(a);
    rowgen_next(g, a, &r, content);
    kt_buf_add(b, r.raw.p, r.raw.n);
    kt_buf_addc(b, '\n');
    if (b->failed)
        die("out of memory");
}

void many_write(const char *path, long rows, int64_t now)
{
    /* four deviations of their sum further back, so that none is of times to come */
    struct rowgen g = {.state = 42, .accounts = many_accounts(rows), .time = now - (int64_t)rows * APART_MS - (int64_t)(4 * 5774 * sqrt((double)rows))};
    struct kt_arena *a = kt_arena_new(1 << 20);
    ZSTD_CCtx *z = ZSTD_createCCtx();
    FILE *f = fopen(path, "wb");
    struct kt_buf b;
    kt_buf_init(&b, 4 * CHUNK);
    if (!a || !z || !f)
        die(path);
    for (long i = 0; i < rows; i++) {
        add(&b, &g, a);
        if (b.len >= CHUNK) {
            pack(f, z, &b, ZSTD_e_continue);
            kt_buf_reset(&b);
        }
    }
    pack(f, z, &b, ZSTD_e_end);
    if (fclose(f) != 0)
        die("they cannot be written");
    ZSTD_freeCCtx(z);
    kt_arena_free(a);
    kt_buf_free(&b);
}

void many_more(struct kt_buf *b, long rows, long n, int creations, int64_t at)
{
    static const char *const call[][2] = {{"s3", "GetObject"}, {"ec2", "DescribeInstances"}, {"kms", "Decrypt"}, {"sts", "AssumeRole"}};
    static struct rowgen dice = {.state = 4711};
    char when[KT_TIME_TEXT];
    unsigned who = (unsigned)rowgen_random(&dice, 40), account = (unsigned)rowgen_random(&dice, (uint64_t)many_accounts(rows)) * 1111;
    bool made = n % creations == 0;
    size_t what = (size_t)rowgen_random(&dice, 4);
    kt_time_format(at, when);
    kt_buf_addf(b, "{\"eventVersion\":\"1.08\",\"userIdentity\":{\"type\":\"IAMUser\",\"arn\":\"arn:aws:iam::11110%07u:user/people/user-%02u\","
                   "\"accountId\":\"11110%07u\",\"accessKeyId\":\"%s%05u%02uEXAMPLE00\",\"userName\":\"user-%02u\"},\"eventTime\":\"%s\",",
                account, who, account, n % 10 && !made ? "ASIA" : "AKIA", account, who, who, when);
    kt_buf_addf(b, "\"eventSource\":\"%s.amazonaws.com\",\"eventName\":\"%s\",\"awsRegion\":\"us-east-1\",\"sourceIPAddress\":\"198.51.%u.%u\","
                   "\"userAgent\":\"Boto3/1.28.0 Python/3.11.4 Linux/6.1.0 Botocore/1.31.0\",\"requestParameters\":{\"userName\":\"user-%02u\"},",
                made ? "iam" : call[what][0], made ? "CreateAccessKey" : call[what][1], who % 8,
                account / 1111 % 250, who); /* who calls has an address of his own */
    if (made)
        kt_buf_addf(b, "\"responseElements\":{\"accessKey\":{\"accessKeyId\":\"AKIALIVE%012ld\",\"status\":\"Active\",\"userName\":"
                       "\"user-%02u\"}},", n, who);
    kt_buf_addf(b, "\"eventID\":\"live-%ld\",\"recipientAccountId\":\"11110%07u\"}\n", n, account);
    if (b->failed)
        die("out of memory");
}
