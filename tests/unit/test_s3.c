/* The s3: source: folders, days, late files, restarts. */
#include "source/policy.h"
#include "source/s3.h"
#include "tests/support/live_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define START ((int64_t)1795000000000)
#define BUCKET "s3://trail-bucket/?region=us-east-1"

static int set_up(void **state)
{
    struct live_rig *r = *state = calloc(1, sizeof *r);
    live_init(r, START, 11);
    return 0;
}

static int tear_down(void **state)
{
    live_free(*state);
    free(*state);
    return 0;
}

/* A file of the day and minute `t`, there from `available` on. */
static void put(struct live_rig *r, const char *above, const char *account, int number, int64_t t, int64_t available)
{
    char key[400];
    struct kt_civil c = kt_civil_of(t);
    snprintf(key, sizeof key, "%s%s/CloudTrail/us-east-1/%04d/%02d/%02d/%s_CloudTrail_us-east-1_%04d%02d%02dT%02d%02dZ_%08x%d.json.gz", above,
             account, c.year, c.month, c.day, account, c.year, c.month, c.day, c.hour, c.minute, (unsigned)live_random(r, 1u << 31), number);
    fake_http_lock(r->aws.http);
    fake_s3_event(&r->s3, key, number, t, available);
    fake_http_unlock(r->aws.http);
}

static void finds_an_organization_s_trail(void **state)
{
    struct live_rig *r = *state;
    put(r, "logs/x/AWSLogs/o-abc123/", "111122223333", 1, START - HOUR, START - HOUR);
    put(r, "logs/x/AWSLogs/o-abc123/", "222233334444", 2, START - HOUR, START - HOUR);
    put(r, "AWSLogs/", "333344445555", 3, START - HOUR, START - HOUR);
    fake_s3_put(&r->s3, "AWSLogs/333344445555/CloudTrail-Digest/us-east-1/2026/11/18/d.json.gz", "junk", 4, 0);
    fake_s3_put(&r->s3, "AWSLogs/333344445555/elasticloadbalancing/us-east-1/2026/11/18/e.log", "junk", 4, 0);
    live_open(r, BUCKET, true, KT_TIME_NONE);
    live_run(r, START + 30 * SECOND, 0);
    assert_int_equal(r->rows, 3);
    assert_int_equal(r->n_troubles, 0);
    assert_int_equal(live_health(r).state, KT_HEALTH_LIVE);
    put(r, "AWSLogs/", "333344445555", 4, r->now, r->now);
    int64_t at = r->now;
    live_run(r, at + 61 * SECOND, 0); /* within one interval */
    assert_int_equal(r->rows, 4);
    put(r, "AWSLogs/", "444455556666", 5, r->now, r->now); /* a new account */
    live_run(r, r->now + 62 * MINUTE, 0);
    assert_int_equal(r->rows, 5);
    assert_int_equal(r->twice, 0);
    assert_int_equal(r->aws.bad_signatures, 0);
}

static void late_files_are_found_and_nothing_twice(void **state)
{
    struct live_rig *r = *state;
    put(r, "AWSLogs/", "111122223333", 1, START - 20 * DAY, START - 20 * DAY); /* before we began: not asked for */
    put(r, "AWSLogs/", "111122223333", 2, START - 20 * DAY, START + 3 * HOUR);
    put(r, "AWSLogs/", "111122223333", 3, START - 3 * HOUR, START + 30 * MINUTE);
    put(r, "AWSLogs/", "111122223333", 4, START - MINUTE, START - MINUTE);
    live_open(r, BUCKET, true, KT_TIME_NONE);
    live_run(r, START + MINUTE, 0);
    assert_int_equal(r->rows, 1);
    live_run(r, START + 2 * HOUR, 0);
    assert_int_equal(r->rows, 2);
    live_kill(r); /* what was remembered last is what the disk has: here, nothing */
    live_open(r, BUCKET, true, KT_TIME_NONE);
    live_run(r, r->now + MINUTE, 0);
    assert_int_equal(r->rows, 2);
    live_close(r);
    unsigned gets = r->s3.gets;
    live_open(r, BUCKET, true, KT_TIME_NONE);
    live_run(r, r->now + 25 * HOUR, 0); /* each day 30 days are looked at */
    assert_int_equal(r->rows, 3);
    assert_int_equal(r->s3.gets, gets + 1); /* nothing was read again */
    live_close(r);
    live_open(r, BUCKET, true, START - 25 * DAY); /* now it is */
    live_run(r, r->now + 2 * MINUTE, 0);
    assert_int_equal(r->rows, 4);
    assert_false(r->row[1] == 0);
}

static void once_reads_all_there_is(void **state)
{
    struct live_rig *r = *state;
    for (int i = 1; i <= 250; i++)
        put(r, "AWSLogs/", i % 2 ? "111122223333" : "222233334444", i, START - i * DAY / 3, START - i * DAY / 3);
    r->s3.page = 7;
    live_open(r, BUCKET, false, KT_TIME_NONE);
    live_run(r, START + HOUR, 0);
    assert_true(live_done(r));
    assert_int_equal(r->rows, 250);
    live_close(r);
    unsigned gets = r->s3.gets;
    live_open(r, "s3://trail-bucket/AWSLogs/111122223333/?region=eu-west-1&trail-region=us-east-1", false, START - 10 * DAY);
    live_run(r, r->now + HOUR, 0);
    assert_true(live_done(r));
    assert_true(r->s3.gets - gets >= 15 && r->s3.gets - gets <= 17);
    assert_int_equal(r->n_troubles, 0);
}

static void survives_faults(void **state)
{
    static const enum fake_fault faults[] = {FAKE_THROTTLE, FAKE_500, FAKE_503_LATER, FAKE_EXPIRED_TOKEN, FAKE_EXPIRED_PAGE, FAKE_HTML,
                                             FAKE_DROP, FAKE_DROP_BODY, FAKE_DENIED, FAKE_REDIRECT};
    struct live_rig *r = *state;
    int n = 0;
    live_open(r, "s3://trail-bucket/AWSLogs/111122223333/CloudTrail/us-east-1/?region=us-east-1&interval=30", true, KT_TIME_NONE);
    for (size_t f = 0; f < sizeof faults / sizeof *faults; f++)
        for (int position = 0; position < 3; position++) {
            n++;
            put(r, "AWSLogs/", "111122223333", n, r->now, r->now);
            for (int i = 0; i < position; i++)
                fake_aws_fault(&r->aws, FAKE_FINE);
            for (int i = 0; i < 4; i++)
                fake_aws_fault(&r->aws, faults[f]);
            live_run(r, r->now + 2 * MINUTE, 0);
        }
    live_run(r, r->now + 2 * HOUR, 0);
    assert_int_equal(r->rows, n);
    assert_int_equal(live_health(r).state, KT_HEALTH_LIVE);
}

static void what_may_not_be_read_is_said(void **state)
{
    struct live_rig *r = *state;
    put(r, "AWSLogs/", "111122223333", 1, START - HOUR, START - HOUR);
    put(r, "AWSLogs/", "222233334444", 2, START - HOUR, START - HOUR);
    r->s3.object[1].denied = true;
    live_open(r, BUCKET, false, KT_TIME_NONE);
    live_run(r, START + HOUR, 0);
    assert_true(live_done(r));
    assert_int_equal(r->rows, 1);
    assert_true(live_says(r, "AccessDenied"));
    assert_true(live_says(r, "keytop --print-policy s3://trail-bucket/"));
    assert_int_equal(r->gaps, 1);
}

static void kills_lose_nothing(void **state)
{
    struct live_rig *r = *state;
    int n = 0;
    r->slow_disk = 50;
    for (int kill = 0; kill < 25; kill++) {
        for (uint64_t i = live_random(r, 8); i > 0; i--) {
            int64_t t = r->now - (int64_t)live_random(r, live_random(r, 4) ? 2 * HOUR : 29 * DAY);
            put(r, "AWSLogs/", "111122223333", ++n, t, r->now);
        }
        live_open(r, BUCKET, true, START - 31 * DAY);
        live_run(r, r->now + 10 * MINUTE, 1 + live_random(r, 400));
        if (live_random(r, 2))
            live_close(r);
        else
            live_kill(r);
        r->now += (int64_t)live_random(r, (uint64_t)HOUR);
    }
    live_open(r, BUCKET, true, START - 31 * DAY);
    live_run(r, r->now + 30 * MINUTE, 0);
    live_close(r);
    assert_int_equal(r->rows, n);
}

static void needs_the_least(void **state)
{
    struct kt_buf b;
    const char *note;
    struct kt_err e = {0};
    (void)state;
    kt_buf_init(&b, 1 << 16);
    assert_int_equal(kt_source_policy("s3://b-1/AWSLogs/?region=us-gov-west-1", &b, &note, &e), KT_OK);
    assert_non_null(strstr(kt_buf_str(&b), "\"arn:aws-us-gov:s3:::b-1/AWSLogs/*/CloudTrail/*\""));
    assert_non_null(strstr(kt_buf_str(&b), "\"s3:prefix\": \"AWSLogs/*\""));
    kt_buf_free(&b);
    struct s3_address a;
    assert_int_equal(s3_address_parse(&a, "s3://b", &e), KT_EUSAGE);
    s3_address_drop(&a);
    assert_int_equal(s3_address_parse(&a, "s3:bucket", &e), KT_EUSAGE);
    s3_address_drop(&a);
    assert_int_equal(s3_address_parse(&a, "s3://bucket?interval=1", &e), KT_EUSAGE);
    s3_address_drop(&a);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(needs_the_least), T(finds_an_organization_s_trail), T(late_files_are_found_and_nothing_twice),
        T(once_reads_all_there_is), T(survives_faults), T(what_may_not_be_read_is_said), T(kills_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
