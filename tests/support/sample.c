#include "sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

void sample_record(struct kt_buf *b, const struct sample *s)
{
    const char *actor = s->actor ? s->actor : "alice", *target = s->target ? s->target : "svc-backup";
    const char *agent = s->agent ? s->agent : "Boto3/1.28.0 md/Botocore#1.31.0 ua/2.0 os/linux#6.1.0 lang/python#3.11.2";
    const char *address = s->address ? s->address : "203.0.113.9";
    char time[32];
    snprintf(time, sizeof time, "2026-11-24T%02d:%02d:%02dZ", 10 + s->n / 3600 % 12, s->n / 60 % 60, s->n % 60);
    kt_buf_addf(b,
                "{\"eventVersion\":\"1.08\",\"userIdentity\":{\"type\":\"IAMUser\",\"principalId\":\"AIDAEXAMPLE0000000001\","
                "\"arn\":\"arn:aws:iam::111122223333:user/%s\",\"accountId\":\"111122223333\","
                "\"accessKeyId\":\"AKIAEXAMPLEACTOR0001\",\"userName\":\"%s\"},\"eventTime\":\"%s\","
                "\"eventSource\":\"iam.amazonaws.com\",\"eventName\":\"CreateAccessKey\",\"awsRegion\":\"us-east-1\","
                "\"sourceIPAddress\":\"%s\",\"userAgent\":\"%s\",",
                actor, actor, time, address, agent);
    if (s->error)
        kt_buf_addf(b,
                    "\"errorCode\":\"%s\",\"errorMessage\":\"User: arn:aws:iam::111122223333:user/%s is not authorized "
                    "to perform: iam:CreateAccessKey on resource: user %s\",\"requestParameters\":null,"
                    "\"responseElements\":null,",
                    s->error, actor, target);
    else
        kt_buf_addf(b,
                    "\"requestParameters\":{\"userName\":\"%s\"},\"responseElements\":{\"accessKey\":{\"userName\":\"%s\","
                    "\"accessKeyId\":\"AKIAEXAMPLE%09d\",\"status\":\"Active\",\"createDate\":\"Nov 24, 2026 %d:%02d:%02d "
                    "%s\"}},",
                    target, target, s->n, (10 + s->n / 3600 % 12 + 11) % 12 + 1, s->n / 60 % 60, s->n % 60,
                    10 + s->n / 3600 % 12 < 12 ? "AM" : "PM");
    kt_buf_addf(b,
                "\"requestID\":\"00000000-0000-4000-9000-%012d\",\"eventID\":\"00000000-0000-4000-8000-%012d\","
                "\"readOnly\":false,\"eventType\":\"AwsApiCall\",\"managementEvent\":true,"
                "\"recipientAccountId\":\"111122223333\",\"eventCategory\":\"Management\"}",
                s->n, s->n);
}

void sample_trail(struct kt_buf *b, int first, int count)
{
    kt_buf_adds(b, "{\"Records\":[");
    for (int i = 0; i < count; i++) {
        char target[32];
        snprintf(target, sizeof target, "svc-%05d", first + i);
        if (i)
            kt_buf_addc(b, ',');
        sample_record(b, &(struct sample){.n = first + i, .target = target});
    }
    kt_buf_adds(b, "]}");
    assert_false(b->failed);
}

char *sample_folder(void)
{
    char *folder = strdup("/tmp/keytop-test-XXXXXX");
    assert_non_null(folder);
    assert_non_null(mkdtemp(folder));
    return folder;
}

void sample_remove(char *folder)
{
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *f; (f = readdir(d));) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, f->d_name);
        unlink(path);
    }
    closedir(d);
    rmdir(folder);
    free(folder);
}

void sample_write(const char *folder, const char *name, const void *p, size_t n, bool add, char path[512])
{
    snprintf(path, 512, "%s/%s", folder, name);
    FILE *f = fopen(path, add ? "ab" : "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

void sample_gzip(struct kt_buf *out, const struct kt_buf *b)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&z, b->len) + 64;
    assert_true(kt_buf_reserve(out, room));
    z.next_in = (Bytef *)b->p;
    z.avail_in = (uInt)b->len;
    z.next_out = (Bytef *)out->p + out->len;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += z.total_out;
    deflateEnd(&z);
}

const char *sample_keytop(void)
{
    const char *k = getenv("KEYTOP");
    k = k ? k : "build/gcc/keytop";
    if (access(k, X_OK) != 0)
        fail_msg("there is no keytop at %s (set KEYTOP)", k);
    return k;
}
