/* Queues and buckets, at length: KEYTOP_KILLS (1,000) kills between receiving,
 * keeping and deleting, KEYTOP_RUNS (1,000) of the real program, and
 * KEYTOP_FILES (100,000) files, one in a hundred up to 30 days late. */
#include "tests/support/live_rig.h"
#include "tests/support/torn_runs.h"
#include "tests/support/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOUR ((int64_t)3600000)
#define DAY (24 * HOUR)
#define START ((int64_t)1795000000000)

static void put(struct live_rig *r, int n, int64_t t, int64_t available)
{
    char key[300];
    struct kt_civil c = kt_civil_of(t);
    snprintf(key, sizeof key, "AWSLogs/111122223333/CloudTrail/us-east-1/%04d/%02d/%02d/111122223333_CloudTrail_us-east-1_%04d%02d%02dT%02d%02dZ_%08x%d.json.gz",
             c.year, c.month, c.day, c.year, c.month, c.day, c.hour, c.minute, (unsigned)live_random(r, 1u << 31), n);
    fake_http_lock(r->aws.http);
    fake_s3_event(&r->s3, key, n, t, available);
    fake_http_unlock(r->aws.http);
}

static void kills_lose_nothing(void **state)
{
    struct live_rig *r = calloc(1, sizeof *r);
    int n = 0, kills = (int)run_number("KEYTOP_KILLS", 1000);
    (void)state;
    assert_non_null(r);
    live_init(r, START, 3);
    r->sqs.visible_ms = 20000;
    r->sqs.twice = 5;
    r->slow_disk = 50;
    for (int kill = 0; kill < kills; kill++) {
        for (uint64_t i = live_random(r, 6); i > 0; i--)
            live_send_event(r, ++n, live_random(r, 2));
        live_open(r, "sqs:events?region=us-east-1", true, KT_TIME_NONE);
        live_run(r, r->now + 30000, 1 + live_random(r, 40));
        live_kill(r);
        r->now += (int64_t)live_random(r, 30000);
    }
    live_open(r, "sqs:events?region=us-east-1", true, KT_TIME_NONE);
    live_run(r, r->now + 600000, 0);
    live_kill(r);
    print_message("%d kills: %zu of %d events, %zu left, %zu received again\n", kills, r->rows, n, fake_sqs_left(&r->sqs), r->twice);
    assert_int_equal(r->rows, n);
    assert_int_equal(fake_sqs_left(&r->sqs), 0);
    live_free(r);
    free(r);
}

static void the_program_loses_nothing(void **state)
{
    struct torn *t = calloc(1, sizeof *t);
    (void)state;
    assert_non_null(t);
    torn_init(t);
    torn_storm(t, (int)run_number("KEYTOP_RUNS", 1000), 17);
    print_message("killed having received nothing %zu, received and deleted nothing %zu, between deletions %zu, after all %zu; "
                  "%d events, each one row in the end; the lives printed %zu rows\n",
                  t->with_none, t->before_deletion, t->amid_deletions, t->all_deleted, t->events, t->printed);
    torn_free(t);
    free(t);
}

static void no_late_file_is_missed(void **state)
{
    struct live_rig *r = calloc(1, sizeof *r);
    int files = (int)run_number("KEYTOP_FILES", 100000);
    (void)state;
    assert_non_null(r);
    live_init(r, START, 5);
    for (int i = 1; i <= files; i++) {
        int64_t t = START + (int64_t)live_random(r, 2 * DAY);
        int64_t late = live_random(r, 100) ? (int64_t)live_random(r, HOUR / 4) : (int64_t)live_random(r, 29 * DAY);
        put(r, i, t, t + late);
    }
    live_open(r, "s3://trail-bucket/AWSLogs/?region=us-east-1&interval=900", true, START - DAY);
    live_run(r, START + 33 * DAY, 0);
    print_message("%zu of %d files, %zu read again, %u lists, %u gets\n", r->rows, files, r->twice, r->s3.lists, r->s3.gets);
    assert_int_equal(r->rows, files);
    assert_int_equal(r->twice, 0);
    live_free(r);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kills_lose_nothing), cmocka_unit_test(the_program_loses_nothing),
                                       cmocka_unit_test(no_late_file_is_missed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
