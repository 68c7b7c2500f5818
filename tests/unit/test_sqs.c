/* The sqs: source: messages, objects, what is deleted and when. */
#include "source/policy.h"
#include "source/sqs.h"
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
#define START ((int64_t)1795000000000)
#define KEY "AWSLogs/111122223333/CloudTrail/us-east-1/2026/11/18/111122223333_CloudTrail_us-east-1_20261118T1200Z_%d.json.gz"

static int set_up(void **state)
{
    struct live_rig *r = *state = calloc(1, sizeof *r);
    live_init(r, START, 7);
    return 0;
}

static int tear_down(void **state)
{
    live_free(*state);
    free(*state);
    return 0;
}

static void put(struct live_rig *r, const char *key, int number)
{
    fake_http_lock(r->aws.http);
    fake_s3_event(&r->s3, key, number, r->now, r->now);
    fake_http_unlock(r->aws.http);
}

/* --- bodies ------------------------------------------------------------------------------- */

static void reads_every_shape(void **state)
{
    static const struct {
        const char *text;
        bool records;
        size_t objects, ignored;
        bool refused;
    } cases[] = {
        {"{\"detail\":{\"eventName\":\"CreateAccessKey\"}}", true, 0, 0, false},
        {"{\"eventName\":\"CreateAccessKey\"}", true, 0, 0, false},
        {"{\"Records\":[{\"eventName\":\"CreateAccessKey\"}]}", true, 0, 0, false},
        {"{\"Records\":[{\"eventName\":\"ObjectCreated:Put\",\"s3\":{\"bucket\":{\"name\":\"bkt\"},\"object\":{\"key\":\"a%2Fb+c\"}}}]}", false, 1, 0, false},
        {"{\"Records\":[{\"eventName\":\"ObjectRemoved:Delete\",\"s3\":{\"bucket\":{\"name\":\"bkt\"},\"object\":{\"key\":\"a\"}}}]}", false, 0, 1, false},
        {"{\"s3Bucket\":\"bkt\",\"s3ObjectKey\":[\"a\",\"b\"]}", false, 2, 0, false},
        {"{\"s3Bucket\":\"bkt\",\"s3ObjectKey\":[\"AWSLogs/1/CloudTrail-Digest/x\"]}", false, 0, 1, false},
        {"{\"Type\":\"Notification\",\"Message\":\"{\\\"s3Bucket\\\":\\\"bkt\\\",\\\"s3ObjectKey\\\":[\\\"a\\\"]}\"}", false, 1, 0, false},
        {"{\"Type\":\"Notification\",\"Message\":\"CloudTrail validation message.\"}", false, 0, 1, false},
        {"{\"Type\":\"Notification\",\"Message\":\"hello\"}", false, 0, 0, true},
        {"{\"Type\":\"SubscriptionConfirmation\",\"Message\":\"x\"}", false, 0, 0, true},
        {"{\"Event\":\"s3:TestEvent\",\"Bucket\":\"b\"}", false, 0, 1, false},
        {"{\"detail-type\":\"Object Created\",\"detail\":{\"bucket\":{\"name\":\"bkt\"},\"object\":{\"key\":\"a+b\"}}}", false, 1, 0, false},
        {"{\"detail-type\":\"Object Deleted\",\"detail\":{\"bucket\":{\"name\":\"bkt\"},\"object\":{\"key\":\"a\"}}}", false, 0, 1, false},
        {"{\"detail-type\":\"GuardDuty Finding\",\"detail\":{\"id\":1}}", false, 0, 0, true},
        {"{\"s3Bucket\":\"../x\",\"s3ObjectKey\":[\"a\"]}", false, 0, 0, true},
        {"{\"detail\":{\"eventName\":\"CreateAccessKey\",\"userAgent\":\"\\ud800 alone, \\u0000\"}}", true, 0, 0, false},
        {"hello", false, 0, 0, true}, {"", false, 0, 0, true}, {"17", false, 0, 0, true}, {"{}", false, 0, 0, true},
        {"[[[[[[{\"eventName\":\"x\"}]]]]]]", false, 0, 0, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sqs_body b;
        sqs_body_read(&b, kt_span_of(cases[i].text));
        if (b.records != cases[i].records || b.n_objects != cases[i].objects || b.ignored != cases[i].ignored || (b.why != NULL) != cases[i].refused)
            fail_msg("%s: %d %zu %zu %s", cases[i].text, b.records, b.n_objects, b.ignored, b.why ? b.why : "-");
        if (i == 3)
            assert_string_equal(b.object[0].key, "a/b c");
        if (i == 12)
            assert_string_equal(b.object[0].key, "a+b");
        sqs_body_free(&b);
    }
}

static void reads_addresses(void **state)
{
    static const struct {
        const char *text, *queue, *account, *region, *url;
    } cases[] = {
        {"sqs:q", "q", "", "", ""},
        {"sqs:q?region=eu-west-1", "q", "", "eu-west-1", ""},
        {"sqs:arn:aws:sqs:us-east-1:111122223333:q-1", "q-1", "111122223333", "us-east-1", ""},
        {"sqs:https://sqs.us-east-2.amazonaws.com/111122223333/q", "q", "111122223333", "us-east-2", "https://sqs.us-east-2.amazonaws.com/111122223333/q"},
        {"sqs:http://127.0.0.1:5000/111122223333/q?region=us-east-1", "q", "111122223333", "us-east-1", "http://127.0.0.1:5000/111122223333/q"},
    };
    static const char *const wrong[] = {"sqs:", "sqs:a b", "sqs:arn:aws:sns:us-east-1:1:t", "sqs:https://x/y", "sqs:q?reigon=x", "sqs:q?region="};
    struct sqs_address a;
    struct kt_err e = {0};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(sqs_address_parse(&a, cases[i].text, &e), KT_OK);
        assert_string_equal(a.queue, cases[i].queue);
        assert_string_equal(a.account, cases[i].account);
        assert_string_equal(a.region, cases[i].region);
        assert_string_equal(a.url, cases[i].url);
        sqs_address_drop(&a);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_not_equal(sqs_address_parse(&a, wrong[i], &e), KT_OK);
        sqs_address_drop(&a);
    }
}

/* --- the source ------------------------------------------------------------------------------ */

static void shows_and_deletes(void **state)
{
    struct live_rig *r = *state;
    char key[256];
    live_send_event(r, 1, false);
    live_send_event(r, 2, true);
    snprintf(key, sizeof key, KEY, 3);
    put(r, key, 3);
    live_send_notice(r, key, false);
    put(r, "odd prefix/+x=:y/AWSLogs/1/CloudTrail/z.json.gz", 4);
    live_send_notice(r, "odd prefix/+x=:y/AWSLogs/1/CloudTrail/z.json.gz", false);
    snprintf(key, sizeof key, KEY, 5);
    put(r, key, 5);
    live_send_notice(r, key, true);
    live_open(r, "sqs:events?region=us-east-1", true, KT_TIME_NONE);
    live_run(r, START + 5 * SECOND, 0);
    assert_int_equal(r->rows, 5);
    assert_int_equal(fake_sqs_left(&r->sqs), 0);
    assert_int_equal(live_health(r).state, KT_HEALTH_LIVE);
    live_send_event(r, 6, false);
    int64_t sent = r->now;
    live_run(r, sent + SECOND, 0); /* within a second of being there */
    assert_int_equal(r->rows, 6);
    assert_int_equal(r->n_troubles, 0);
    assert_int_equal(r->aws.bad_signatures, 0);
    assert_int_equal(r->sqs.stale, 0);
}

static void nothing_is_deleted_before_it_is_kept(void **state)
{
    struct live_rig *r = *state;
    for (int i = 1; i <= 25; i++)
        live_send_event(r, i, i % 2);
    r->never_kept = true;
    live_open(r, "sqs:events?region=us-east-1", true, KT_TIME_NONE);
    live_run(r, START + 5 * MINUTE, 0);
    assert_int_equal(r->rows, 25);
    assert_int_equal(fake_sqs_left(&r->sqs), 25);
    assert_true(r->sqs.extended >= 25 * 4); /* each minute: nobody else gets it */
    assert_int_equal(r->twice, 0);
    r->never_kept = false;
    live_run(r, r->now + 5 * SECOND, 0);
    assert_int_equal(fake_sqs_left(&r->sqs), 0);
    assert_int_equal(r->n_troubles, 0);
}

static void poison_is_named_and_stays(void **state)
{
    struct live_rig *r = *state;
    fake_sqs_send(&r->sqs, &r->aws, "not JSON");
    fake_sqs_send(&r->sqs, &r->aws, "{\"Records\":[{\"eventName\":\"GetUser\"},{\"odd\":1}]}");
    fake_sqs_send(&r->sqs, &r->aws, "{\"Event\":\"s3:TestEvent\"}");
    live_send_event(r, 1, false);
    char key[256];
    snprintf(key, sizeof key, KEY, 9);
    live_send_notice(r, key, false); /* not there */
    live_open(r, "sqs:events?region=us-east-1", true, KT_TIME_NONE);
    live_run(r, START + 5 * MINUTE, 0);
    assert_int_equal(r->rows, 1);
    assert_int_equal(fake_sqs_left(&r->sqs), 3);
    assert_true(live_says(r, "message 00000000-0000-4000-9000-000000000001 stays in the queue: it is not JSON"));
    assert_true(live_says(r, "000000000002 stays in the queue: its Records are neither"));
    assert_true(live_says(r, "000000000005 stays in the queue: s3://trail-bucket/AWSLogs/"));
    assert_true(live_says(r, "NoSuchKey"));
    assert_int_equal(r->n_troubles, 3); /* each once, however often it comes */
    assert_true(r->sqs.message[0].received > 2);
}

static void survives_faults(void **state)
{
    static const enum fake_fault faults[] = {FAKE_THROTTLE, FAKE_500, FAKE_503_LATER, FAKE_EXPIRED_TOKEN, FAKE_HTML, FAKE_DROP,
                                             FAKE_DROP_BODY, FAKE_DENIED, FAKE_REDIRECT};
    struct live_rig *r = *state;
    char key[256];
    int n = 0;
    live_open(r, "sqs:events?region=us-east-1", true, KT_TIME_NONE);
    for (size_t f = 0; f < sizeof faults / sizeof *faults; f++)
        for (int position = 0; position < 3; position++) {
            live_send_event(r, ++n, false);
            snprintf(key, sizeof key, KEY, ++n);
            put(r, key, n);
            live_send_notice(r, key, position % 2);
            for (int i = 0; i < position; i++)
                fake_aws_fault(&r->aws, FAKE_FINE);
            for (int i = 0; i < 4; i++)
                fake_aws_fault(&r->aws, faults[f]);
            live_run(r, r->now + 40 * SECOND, 0);
        }
    live_run(r, r->now + 10 * MINUTE, 0);
    assert_int_equal(r->rows, n);
    assert_int_equal(fake_sqs_left(&r->sqs), 0);
    assert_int_equal(live_health(r).state, KT_HEALTH_LIVE);
}

static void entries_that_fail_are_deleted_later(void **state)
{
    struct live_rig *r = *state;
    for (int i = 1; i <= 20; i++)
        live_send_event(r, i, false);
    r->sqs.fail_entries = true;
    r->sqs.twice = 10;
    live_open(r, "sqs:events?region=us-east-1", true, KT_TIME_NONE);
    live_run(r, START + 20 * SECOND, 0);
    r->sqs.fail_entries = false;
    live_run(r, r->now + 10 * MINUTE, 0);
    assert_int_equal(r->rows, 20);
    assert_int_equal(fake_sqs_left(&r->sqs), 0);
}

static void once_ends_when_the_queue_is_empty(void **state)
{
    struct live_rig *r = *state;
    for (int i = 1; i <= 33; i++)
        live_send_event(r, i, false);
    live_open(r, "sqs:events?region=us-east-1", false, KT_TIME_NONE);
    live_run(r, START + 10 * MINUTE, 0);
    assert_true(live_done(r));
    assert_int_equal(r->rows, 33);
    assert_int_equal(fake_sqs_left(&r->sqs), 0);
    live_close(r);
    live_open(r, "sqs:missing?region=us-east-1", false, KT_TIME_NONE);
    live_run(r, r->now + 10 * MINUTE, 0);
    assert_true(live_done(r));
    assert_true(live_says(r, "QueueDoesNotExist"));
}

static void another_reader_is_noticed(void **state)
{
    struct live_rig *r = *state;
    live_send_event(r, 1, false);
    r->sqs.message[0].received = 1; /* before we began: an earlier run */
    live_open(r, "sqs:events?region=us-east-1", true, KT_TIME_NONE);
    live_run(r, START + 5 * SECOND, 0);
    assert_int_equal(r->n_troubles, 0);
    live_send_event(r, 2, false);
    r->sqs.message[1].received = 1;
    live_run(r, r->now + 5 * SECOND, 0);
    assert_true(live_says(r, "give keytop a queue of its own"));
    assert_int_equal(r->gaps, 1);
}

static void a_bucket_elsewhere_is_found(void **state)
{
    struct live_rig *r = *state;
    char key[256];
    snprintf(key, sizeof key, KEY, 1);
    snprintf(r->s3.region, sizeof r->s3.region, "eu-central-1");
    put(r, key, 1);
    live_send_notice(r, key, true);
    live_open(r, "sqs:events?region=us-east-1", true, KT_TIME_NONE);
    live_run(r, START + 5 * SECOND, 0);
    assert_int_equal(r->rows, 1);
    assert_int_equal(r->n_troubles, 0);
}

/* Killed between receiving, keeping and deleting, again and again: nothing is
 * lost, and no event has two rows. */
static void kills_lose_nothing(void **state)
{
    struct live_rig *r = *state;
    char key[256];
    int n = 0;
    r->sqs.visible_ms = 20 * SECOND;
    r->sqs.twice = 5;
    r->slow_disk = 50;
    for (int kill = 0; kill < 40; kill++) {
        live_open(r, "sqs:events?region=us-east-1", true, KT_TIME_NONE);
        for (uint64_t i = live_random(r, 6); i > 0; i--) {
            n++;
            snprintf(key, sizeof key, KEY, n);
            if (live_random(r, 2))
                live_send_event(r, n, live_random(r, 2));
            else {
                put(r, key, n);
                live_send_notice(r, key, live_random(r, 2));
            }
        }
        live_run(r, r->now + 30 * SECOND, 1 + live_random(r, 40));
        live_kill(r);
        r->now += (int64_t)live_random(r, 30000);
    }
    live_open(r, "sqs:events?region=us-east-1", true, KT_TIME_NONE);
    live_run(r, r->now + 5 * MINUTE, 0);
    live_kill(r); /* only what is on disk counts */
    assert_int_equal(r->rows, n);
    assert_int_equal(fake_sqs_left(&r->sqs), 0);
}

static void needs_the_least(void **state)
{
    struct kt_buf b;
    const char *note;
    struct kt_err e = {0};
    (void)state;
    kt_buf_init(&b, 1 << 16);
    assert_int_equal(kt_source_policy("sqs:arn:aws:sqs:us-east-1:111122223333:q", &b, &note, &e), KT_OK);
    assert_non_null(strstr(kt_buf_str(&b), "\"arn:aws:sqs:us-east-1:111122223333:q\""));
    assert_non_null(strstr(kt_buf_str(&b), "\"sqs:DeleteMessage\""));
    assert_null(strstr(kt_buf_str(&b), "*"));
    assert_non_null(strstr(note, "s3:GetObject"));
    kt_buf_free(&b);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_shape), cmocka_unit_test(reads_addresses), cmocka_unit_test(needs_the_least),
        T(shows_and_deletes), T(nothing_is_deleted_before_it_is_kept), T(poison_is_named_and_stays), T(survives_faults),
        T(entries_that_fail_are_deleted_later), T(once_ends_when_the_queue_is_empty), T(another_reader_is_noticed),
        T(a_bucket_elsewhere_is_found), T(kills_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
