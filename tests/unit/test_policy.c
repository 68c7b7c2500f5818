/* What --print-policy prints is enough, and no more: each request of a source's life is
 * judged by it. */
#include "source/policy.h"
#include "tests/support/authorizer.h"
#include "tests/support/fake_engines.h"
#include "tests/support/fake_logs.h"
#include "tests/support/fake_splunk.h"
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
#define START ((int64_t)1795000000000)
#define ROLE "arn:aws:iam::111122223333:role/soc"
#define KEYS "AKIDRIG" /* of the environment */
#define ROLE_KEYS "ASIA" /* of a role */

struct fix {
    struct live_rig rig;
    struct fake_logs logs;
    struct authorizer judge;
};

static int set_up(void **state)
{
    struct fix *x = *state = calloc(1, sizeof *x);
    live_init(&x->rig, START, 5);
    fake_logs_init(&x->logs, &x->rig.aws);
    fake_http_before(x->rig.aws.http, authorizer_judge, &x->judge);
    return 0;
}

static int tear_down(void **state)
{
    struct fix *x = *state;
    live_free(&x->rig);
    fake_logs_free(&x->logs);
    authorizer_free(&x->judge);
    free(x);
    return 0;
}

/* How it ended. */
static void enough_and_no_more(struct fix *x)
{
    const char *superfluous = authorizer_superfluous(&x->judge);
    print_message("%u requests, %u denied, %zu actions\n", x->judge.asked, x->judge.denied, x->judge.n_used);
    if (x->judge.denied || x->rig.n_troubles)
        fail_msg("%s; %s", x->judge.why, x->rig.trouble[0]);
    if (superfluous)
        fail_msg("nobody needed %s", superfluous);
    assert_true(x->rig.rows > 0);
}

/* It is read once, checked, and followed. */
static void live(struct fix *x, const char *address, int64_t ms, size_t steps)
{
    struct kt_err e = {0};
    struct kt_source_opts check = {.check = true, .clock = &x->rig.clock, .since = x->rig.now - MINUTE, .until = KT_TIME_NONE};
    live_open(&x->rig, address, false, START - HOUR);
    live_run(&x->rig, x->rig.now + 10 * MINUTE, 0);
    x->rig.source->ops->close(x->rig.source);
    check.aws = x->rig.context; /* as kt_source_check does */
    assert_int_equal(kt_source_open(&x->rig.source, address, &check, &e), KT_OK);
    live_run(&x->rig, x->rig.now + 10 * MINUTE, 0);
    assert_true(live_done(&x->rig));
    live_close(&x->rig);
    live_open(&x->rig, address, true, KT_TIME_NONE);
    live_run(&x->rig, x->rig.now + ms, steps);
    live_close(&x->rig);
}

static void put_file(struct fix *x, int number, char key[300])
{
    struct kt_civil c = kt_civil_of(START - MINUTE);
    snprintf(key, 300, "logs/AWSLogs/111122223333/CloudTrail/us-east-1/%04d/%02d/%02d/111122223333_CloudTrail_us-east-1_%04d%02d%02dT%02d%02dZ_%04d.json.gz",
             c.year, c.month, c.day, c.year, c.month, c.day, c.hour, c.minute, number);
    fake_http_lock(x->rig.aws.http);
    fake_s3_event(&x->rig.s3, key, number, START - MINUTE, START - MINUTE);
    fake_http_unlock(x->rig.aws.http);
}

static void of_cloudtrail(void **state)
{
    struct fix *x = *state;
    static const char *const addresses[] = {"cloudtrail:", "cloudtrail:?region=us-east-1&region=eu-west-1"};
    for (int i = 0; i < 2; i++) {
        authorizer_free(&x->judge);
        x->judge = (struct authorizer){0};
        authorizer_set(&x->judge, 0, KEYS, addresses[i]);
        fake_aws_event(&x->rig.aws, x->rig.now - MINUTE, 0, "CreateAccessKey", "111122223333");
        live(x, addresses[i], 2 * HOUR, 0);
        enough_and_no_more(x);
    }
}

static void of_cloudtrail_s_roles(void **state)
{
    struct fix *x = *state;
    authorizer_set(&x->judge, 0, KEYS, "cloudtrail:?role=" ROLE);
    authorizer_set(&x->judge, 1, ROLE_KEYS, "cloudtrail:");
    fake_aws_event(&x->rig.aws, x->rig.now - MINUTE, 0, "CreateAccessKey", "111122223333");
    live(x, "cloudtrail:?role=" ROLE, 2 * HOUR, 0);
    enough_and_no_more(x);
}

static void of_logs(void **state)
{
    struct fix *x = *state;
    static const char *const addresses[] = {"logs:" FAKE_GROUP "?region=us-east-1", "logs:" FAKE_GROUP_ARN};
    for (int i = 0; i < 2; i++) {
        authorizer_free(&x->judge);
        x->judge = (struct authorizer){0};
        authorizer_set(&x->judge, 0, KEYS, addresses[i]);
        fake_logs_event(&x->logs, i + 1, x->rig.now - MINUTE, x->rig.now - MINUTE);
        live(x, addresses[i], HOUR, 0);
        enough_and_no_more(x);
    }
}

static void of_a_live_tail(void **state)
{
    struct fix *x = *state;
    const char *const address = "logs:" FAKE_GROUP "?region=us-east-1&live=1";
    authorizer_set(&x->judge, 0, KEYS, address);
    fake_logs_event(&x->logs, 1, x->rig.now - MINUTE, x->rig.now - MINUTE);
    live(x, address, MINUTE, 300); /* its connection stays open */
    assert_true(x->logs.tails > 0);
    enough_and_no_more(x);
}

static void of_a_role_for_logs(void **state)
{
    struct fix *x = *state;
    const char *const address = "logs:" FAKE_GROUP "?region=us-east-1&role=" ROLE;
    authorizer_set(&x->judge, 0, KEYS, address);
    authorizer_set(&x->judge, 1, ROLE_KEYS, "logs:" FAKE_GROUP "?region=us-east-1");
    fake_logs_event(&x->logs, 1, x->rig.now - MINUTE, x->rig.now - MINUTE);
    live(x, address, HOUR, 0);
    enough_and_no_more(x);
}

static void of_a_bucket(void **state)
{
    struct fix *x = *state;
    static const char *const addresses[] = {"s3://trail-bucket/?region=us-east-1", "s3://trail-bucket/logs/?region=us-east-1",
                                            "s3://trail-bucket/logs/AWSLogs/111122223333/CloudTrail/us-east-1/?region=us-east-1"};
    char key[300];
    for (int i = 0; i < 3; i++) {
        authorizer_free(&x->judge);
        x->judge = (struct authorizer){0};
        authorizer_set(&x->judge, 0, KEYS, addresses[i]);
        put_file(x, i + 1, key);
        live(x, addresses[i], 25 * HOUR, 0);
        enough_and_no_more(x);
    }
}

static void of_a_bucket_s_role(void **state)
{
    struct fix *x = *state;
    char key[300];
    authorizer_set(&x->judge, 0, KEYS, "s3://trail-bucket/logs/?region=us-east-1&role=" ROLE);
    authorizer_set(&x->judge, 1, ROLE_KEYS, "s3://trail-bucket/logs/?region=us-east-1");
    put_file(x, 1, key);
    live(x, "s3://trail-bucket/logs/?region=us-east-1&role=" ROLE, HOUR, 0);
    enough_and_no_more(x);
}

/* Events and notices, slow disks that make it ask for more time. The bucket of a notice is
 * allowed as the note says. */
static void of_a_queue(void **state)
{
    struct fix *x = *state;
    char key[300];
    authorizer_set(&x->judge, 0, KEYS, "sqs:arn:aws:sqs:us-east-1:111122223333:events");
    authorizer_set(&x->judge, 1, KEYS, "s3://trail-bucket/logs/?region=us-east-1");
    json_array_remove(json_object_get(x->judge.of[1].policy, "Statement"), 0); /* lists nothing */
    live_send_event(&x->rig, 1, false);
    put_file(x, 2, key);
    live_send_notice(&x->rig, key, true);
    live(x, "sqs:arn:aws:sqs:us-east-1:111122223333:events", 10 * SECOND, 0);
    x->rig.never_kept = true;
    live_send_event(&x->rig, 3, false);
    live_open(&x->rig, "sqs:arn:aws:sqs:us-east-1:111122223333:events", true, KT_TIME_NONE);
    live_run(&x->rig, x->rig.now + 3 * MINUTE, 0);
    assert_true(x->rig.sqs.extended > 0);
    enough_and_no_more(x);
    authorizer_free(&x->judge);
    x->judge = (struct authorizer){0};
    authorizer_set(&x->judge, 0, KEYS, "sqs:https://sqs.us-east-1.amazonaws.com/111122223333/events");
    live_close(&x->rig);
    live_send_event(&x->rig, 4, false);
    live_open(&x->rig, "sqs:https://sqs.us-east-1.amazonaws.com/111122223333/events", true, KT_TIME_NONE);
    live_run(&x->rig, x->rig.now + 30 * SECOND, 0);
    assert_int_equal(x->judge.denied, 0);
}

static void of_a_queue_s_role(void **state)
{
    struct fix *x = *state;
    authorizer_set(&x->judge, 0, KEYS, "sqs:arn:aws:sqs:us-east-1:111122223333:events?role=" ROLE);
    live_send_event(&x->rig, 1, false);
    live_open(&x->rig, "sqs:arn:aws:sqs:us-east-1:111122223333:events?role=" ROLE, true, KT_TIME_NONE);
    live_run(&x->rig, x->rig.now + 2 * SECOND, 0);
    assert_int_equal(x->judge.n_used, 1);
    assert_string_equal(x->judge.used[0], "sts:AssumeRole");
    assert_null(authorizer_superfluous(&x->judge));
}

/* Of Splunk: to search, in the indexes that are named. */
/* And one that is closed while a query runs, which it then stops. */
static void of_engines(void **state)
{
    struct fix *x = *state;
    static const char *const addresses[] = {"athena://analysts/soc.cloudtrail?region=us-east-1", "insights:/aws/cloudtrail/trail?region=us-east-1"};
    struct fake_engines engines;
    fake_engines_init(&engines, &x->rig.aws);
    fake_engines_event(&engines, 1, x->rig.now - MINUTE, x->rig.now - MINUTE);
    for (int i = 0; i < 2; i++) {
        authorizer_free(&x->judge);
        x->judge = (struct authorizer){0};
        authorizer_set(&x->judge, 0, KEYS, addresses[i]);
        live(x, addresses[i], HOUR, 0);
        fake_engines_fate(&engines, ENGINE_STAYS);
        live_open(&x->rig, addresses[i], true, KT_TIME_NONE);
        live_run(&x->rig, x->rig.now + MINUTE, 0);
        live_close(&x->rig);
        enough_and_no_more(x);
    }
    assert_int_equal(engines.stops, 2);
    fake_http_lock(x->rig.aws.http);
    x->rig.aws.also = NULL;
    fake_http_unlock(x->rig.aws.http);
    fake_engines_free(&engines);
}

static void of_splunk(void **state)
{
    (void)state;
    struct kt_buf b;
    struct kt_err e = {0};
    const char *note;
    struct trail_rig *r = calloc(1, sizeof *r);
    struct fake_splunk f;
    char address[200], policy[200];
    kt_buf_init(&b, 1 << 16);
    rig_init(r, START, 3);
    fake_splunk_init(&f);
    f.clock = &r->clock;
    rig_variable(&r->variables, "SPLUNK_TOKEN", "splunk-canary-token");
    fake_splunk_event(&f, 1, START - MINUTE, START - MINUTE, START - MINUTE);
    snprintf(address, sizeof address, "splunk://127.0.0.1:%d/?http=1&index=main&index=aws&interval=30", fake_http_port(f.http));
    snprintf(policy, sizeof policy, "splunk://127.0.0.1/?index=main&index=aws");
    assert_int_equal(kt_source_policy(policy, &b, &note, &e), KT_OK);
    assert_non_null(strstr(kt_buf_str(&b), "search = enabled"));
    assert_non_null(strstr(kt_buf_str(&b), "srchIndexesAllowed = main;aws"));
    rig_open(r, address, true);
    rig_run(r, START + 2 * HOUR);
    assert_int_equal(r->rows, 1);
    assert_non_null(strstr(f.search, "(index=\"main\" OR index=\"aws\")")); /* in these alone */
    assert_non_null(strstr(f.path, "/search/v2/jobs/export"));              /* which "search" allows */
    assert_int_equal(f.refused, 0);
    rig_free(r);
    fake_splunk_free(&f);
    kt_buf_free(&b);
    free(r);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(of_cloudtrail), T(of_cloudtrail_s_roles), T(of_logs), T(of_a_live_tail), T(of_a_role_for_logs), T(of_a_bucket),
        T(of_a_bucket_s_role), T(of_a_queue), T(of_a_queue_s_role), T(of_engines), cmocka_unit_test(of_splunk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
