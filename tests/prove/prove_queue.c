/* Queues, at length: KEYTOP_KILLS (1,000) kills between receiving, keeping and deleting, KEYTOP_RUNS
 * (1,000) of the real program, and storms: KEYTOP_SEEDS (100) of KEYTOP_EVENTS (10,000) events. */
#include "tests/support/live_rig.h"
#include "tests/support/torn_runs.h"
#include "tests/support/run.h"
#include "tests/support/storm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define START ((int64_t)1795000000000)

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

static void nothing_is_lost_or_doubled(void **state)
{
    (void)state;
    storm_prove(STORM_SQS, run_number("KEYTOP_SEEDS", 100), (size_t)run_number("KEYTOP_EVENTS", 10000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kills_lose_nothing), cmocka_unit_test(the_program_loses_nothing),
                                       cmocka_unit_test(nothing_is_lost_or_doubled)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
