/* A question over 90 days and 500 accounts to Athena (a fake), KEYTOP_PROVE_ROWS (60,000)
 * records, while keys are pressed: the frame of a key is there within 16 ms for 99 of 100,
 * and memory grows by the rows that are kept, and no more. */
#include "tests/support/fake_engines.h"
#include "tests/support/pty.h"
#include "tests/support/run.h"
#include "tests/support/sample.h"
#include "tests/support/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define DAY ((int64_t)24 * 3600 * 1000)

enum { ACCOUNTS = 500, DAYS = 89, KEYS_MAX = 20000, LIMIT_MS = 600000, KEY_MS = 16, ROW_BYTES = 4096 };

static double took[KEYS_MAX];

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static long rss_kb(pid_t pid)
{
    char path[64], line[200];
    long kb = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "VmRSS:", 6) == 0)
            kb = strtol(line + 6, NULL, 10);
    if (f)
        fclose(f);
    return kb;
}

static void record_of(char *out, size_t size, long i, int64_t at)
{
    char when[KT_TIME_TEXT];
    kt_time_format(at - at % 1000, when);
    snprintf(out, size,
             "{\"eventVersion\":\"1.08\",\"userIdentity\":{\"type\":\"IAMUser\",\"userName\":\"alice\",\"arn\":\"arn:aws:iam::%012ld:user/alice\","
             "\"accountId\":\"%012ld\",\"accessKeyId\":\"AKIA0000000000000777\"},\"eventTime\":\"%s\",\"eventSource\":\"s3.amazonaws.com\","
             "\"eventName\":\"%s\",\"awsRegion\":\"us-east-1\",\"sourceIPAddress\":\"203.0.113.9\",\"userAgent\":\"aws-cli/2.15.%ld\","
             "\"requestParameters\":{\"bucketName\":\"data-%ld\"},\"responseElements\":null,\"eventID\":\"20000000-0000-4000-8000-%012ld\","
             "\"recipientAccountId\":\"%012ld\"}",
             111100000000 + i % ACCOUNTS, 111100000000 + i % ACCOUNTS, when, i % 3 ? "GetObject" : "ListObjects", i % 7, i % 1000, i,
             111100000000 + i % ACCOUNTS);
}

/* A key, and how long until the bar has moved. */
static double press(struct pty *p, const char *key)
{
    int from = -1, to = -1, col;
    while (pty_read(p, 0))
        ;
    (void)pty_shows(p, "\xE2\x96\x8C", &from, &col);
    double began = now_ms();
    pty_send(p, key);
    for (to = from; to == from && now_ms() - began < 1000;) {
        (void)pty_read(p, 50);
        (void)pty_shows(p, "\xE2\x96\x8C", &to, &col);
    }
    return now_ms() - began;
}

static void keys_paint_while_history_comes(void **state)
{
    (void)state;
    long rows = run_number("KEYTOP_PROVE_ROWS", 60000);
    struct fake_aws aws;
    struct fake_engines engines;
    struct temp_dir home;
    int64_t now = kt_now(NULL);
    char *text = malloc((size_t)rows * 1024);
    fake_aws_init(&aws);
    fake_engines_init(&engines, &aws);
    temp_dir_make(&home);
    fake_aws_environment(&aws, home.path);
    engines.running_looks = 0;
    for (long i = 0; i < rows; i++) {
        int64_t at = now - 2 * DAY - i * ((DAYS - 2) * DAY / rows);
        record_of(text + i * 1024, 1024, i, at);
        fake_engines_record(&engines, text + i * 1024, at, at);
    }
    fake_engines_event(&engines, 777, now - 3600000, now - 3600000);
    const char *argv[] = {sample_keytop(), "--no-state", "athena://analysts/soc.cloudtrail?region=us-east-1&interval=86400", NULL};
    struct pty *p = pty_start(&(struct pty_opts){.argv = argv, .rows = 50, .cols = 160});
    pty_wait_text(p, "bob777");
    pty_wait_text(p, "LIVE");
    pty_send(p, "\t\t\t\r"); /* the address's, which is known in all accounts */
    pty_wait_text(p, "h history");
    pty_settle(p, 300);
    long before = rss_kb(pty_pid(p));
    pty_send(p, "h");
    pty_wait_text(p, "how far back");
    pty_send(p, "\r");
    pty_wait_text(p, "asking Athena");
    size_t n = 0;
    for (int64_t until = kt_mono_ms() + LIMIT_MS; !pty_shows(p, "h asks for what is new", NULL, NULL) && n < KEYS_MAX;) {
        assert_true(kt_mono_ms() < until);
        took[n] = press(p, n % 2 ? "k" : "j");
        n++;
        (void)pty_listen(p, 15);
    }
    char all[64];
    snprintf(all, sizeof all, "%ld,%03ld events", rows / 1000, rows % 1000);
    pty_wait_text(p, all);
    pty_settle(p, 500);
    long after = rss_kb(pty_pid(p));
    qsort(took, n, sizeof *took, by_size);
    double p99 = took[(size_t)((double)n * 0.99)];
    printf("%ld records of %d accounts in %u pages; %zu keys meanwhile: p50 %.1f ms, p99 %.1f ms, worst %.1f ms; memory from %ld to %ld MB, "
           "%ld bytes a row\n",
           rows, ACCOUNTS, engines.pages, n, took[n / 2], p99, took[n - 1], before / 1024, after / 1024, (after - before) * 1024 / rows);
    pty_send(p, "q");
    (void)pty_wait_exit(p);
    pty_stop(p);
    assert_true(n > 100 || rows < 60000);
    assert_true((after - before) * 1024 / rows < ROW_BYTES);
    assert_true(p99 <= KEY_MS);
    fake_aws_free(&aws);
    fake_engines_free(&engines);
    temp_dir_remove(&home);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keys_paint_while_history_comes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
