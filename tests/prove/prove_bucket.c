/* Buckets, at length: KEYTOP_FILES (100,000) files in any order of their names, one in a hundred up
 * to 30 days late; storms: KEYTOP_SEEDS (100) of KEYTOP_EVENTS (10,000) events; KEYTOP_RUNS (100) kills of the program. */
#include "tests/support/live_rig.h"
#include "tests/support/run.h"
#include "tests/support/storm.h"
#include "tests/support/torn_runs.h"

#include <malloc.h>
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

/* What it keeps in state.db beside the rows. */
static size_t position_bytes(const struct live_rig *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->memory.n; i++)
        n += strlen(r->memory.one[i].what) + strlen(r->memory.one[i].position);
    return n;
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
    size_t with = mallinfo2().uordblks, remembered = position_bytes(r);
    print_message("%zu of %d files, %zu read again, %u lists, %u gets\n", r->rows, files, r->twice, r->s3.lists, r->s3.gets);
    live_close(r);
    print_message("the source held %zu KiB, and remembers %zu bytes\n", (with - mallinfo2().uordblks) / 1024, remembered);
    assert_int_equal(r->rows, files);
    assert_int_equal(r->twice, 0);
    assert_int_equal(r->s3.gets, files); /* no object is read twice */
    assert_in_range(remembered, 1, 8 << 10);
    live_free(r);
    free(r);
}

static void nothing_is_lost_or_doubled(void **state)
{
    (void)state;
    storm_prove(STORM_S3, run_number("KEYTOP_SEEDS", 100), (size_t)run_number("KEYTOP_EVENTS", 10000));
}

static void the_program_loses_nothing(void **state)
{
    (void)state;
    torn_poll(TORN_S3, (int)run_number("KEYTOP_RUNS", 100), 17);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_late_file_is_missed), cmocka_unit_test(the_program_loses_nothing),
                                       cmocka_unit_test(nothing_is_lost_or_doubled)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
