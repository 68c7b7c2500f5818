/* The cloudtrail: source: windows, pages, paces, troubles. */
#include "source/cloudtrail.h"
#include "tests/support/trail_rig.h"

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
#define MINE "111122223333"

static int set_up(void **state)
{
    struct trail_rig *r = *state = calloc(1, sizeof *r);
    rig_init(r, START, 7);
    return 0;
}

static int tear_down(void **state)
{
    rig_free(*state);
    free(*state);
    return 0;
}

static void event(struct trail_rig *r, int64_t time, int64_t late)
{
    fake_http_lock(r->aws.http);
    fake_aws_event(&r->aws, time, time + late, "CreateAccessKey", MINE);
    fake_http_unlock(r->aws.http);
}

static void shows_and_follows(void **state)
{
    struct trail_rig *r = *state;
    event(r, START - 2 * HOUR, 0);
    event(r, START - 3 * DAY, 0); /* the sweep of a week brings it */
    rig_open(r, "cloudtrail:", true);
    rig_run(r, START + 10 * SECOND);
    assert_int_equal(r->rows, 2);
    assert_int_equal(rig_health(r).state, KT_HEALTH_LIVE);
    event(r, START + 20 * SECOND, 60 * SECOND);
    rig_run(r, START + 79 * SECOND);
    assert_int_equal(r->rows, 2);
    rig_run(r, START + 80 * SECOND + 16 * SECOND); /* within one interval */
    assert_int_equal(r->rows, 3);
    assert_int_equal(r->aws.too_fast, 0);
    assert_int_equal(r->aws.bad_signatures, 0);
    struct kt_health h = rig_health(r);
    assert_true(h.complete_to >= START + 60 * SECOND - 15 * MINUTE && h.complete_to <= r->now - 15 * MINUTE);
    assert_int_equal(h.troubles, 0);
}

/* Many pages, several events of one second, empty pages between them. */
static void pages_are_read_to_their_end(void **state)
{
    struct trail_rig *r = *state;
    for (int i = 0; i < 333; i++)
        event(r, START - HOUR - (i / 7) * SECOND, 0);
    r->aws.empty_pages = true;
    rig_open(r, "cloudtrail:", false);
    rig_run(r, START + DAY);
    assert_int_equal(r->wait.kind, KT_WAIT_DONE);
    assert_int_equal(r->rows, 333);
    assert_int_equal(rig_health(r).state, KT_HEALTH_DONE);
    assert_int_equal(r->aws.too_fast, 0);
}

static void ninety_days_are_read_once(void **state)
{
    struct trail_rig *r = *state;
    event(r, START - 89 * DAY, 0);
    event(r, START - 91 * DAY, 0);
    rig_open(r, "cloudtrail:?region=us-east-1&region=us-west-2", false);
    rig_run(r, START + DAY);
    assert_int_equal(r->rows, 1);
    assert_int_equal(r->gaps, 0);
}

static void a_quiet_account_is_not_read_again(void **state)
{
    struct trail_rig *r = *state;
    event(r, START - 5 * MINUTE, 0);
    rig_open(r, "cloudtrail:", true);
    rig_run(r, START + 2 * MINUTE);
    size_t pages = r->pages;
    rig_run(r, START + 30 * MINUTE);
    assert_int_equal(r->pages, pages); /* asked, and the same answer */
    assert_true(r->aws.lookups > 200);
}

static void late_events_are_found(void **state)
{
    struct trail_rig *r = *state;
    rig_open(r, "cloudtrail:?interval=120", true);
    rig_run(r, START + MINUTE);
    event(r, START, 59 * MINUTE);
    event(r, START, 6 * HOUR);
    event(r, START, 3 * DAY);
    rig_run(r, START + HOUR);
    assert_int_equal(r->rows, 1);
    rig_run(r, START + 7 * HOUR + 5 * MINUTE);
    assert_int_equal(r->rows, 2);
    rig_run(r, START + 4 * DAY + 10 * MINUTE);
    assert_int_equal(r->rows, 3);
}

static void each_fault_passes(void **state)
{
    struct trail_rig *r = *state;
    static const enum fake_fault faults[] = {FAKE_THROTTLE, FAKE_500, FAKE_503_LATER, FAKE_EXPIRED_PAGE, FAKE_HTML, FAKE_DROP,
                                             FAKE_DROP_BODY, FAKE_REDIRECT, FAKE_DENIED};
    int64_t at = START;
    rig_open(r, "cloudtrail:?interval=60", true);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        for (int position = 0; position < 3; position++) {
            for (int n = 0; n < 70; n++) /* two pages and more */
                event(r, r->now - n * SECOND, 0);
            for (int n = 0; n < position; n++)
                fake_aws_fault(&r->aws, FAKE_FINE);
            for (int n = 0; n < 4; n++)
                fake_aws_fault(&r->aws, faults[i]);
            rig_run(r, at += 5 * MINUTE);
            if (r->rows != r->aws.n_events)
                fail_msg("fault %d at %d: %zu of %zu", (int)faults[i], position, r->rows, r->aws.n_events);
            assert_int_equal(rig_health(r).state, KT_HEALTH_LIVE);
        }
    assert_int_equal(r->aws.too_fast, 0);
}

static void pages_that_expire_are_begun_anew(void **state)
{
    struct trail_rig *r = *state;
    for (int i = 0; i < 500; i++)
        event(r, START - HOUR, 0);
    r->aws.page_life = 1; /* fine while nobody comes between */
    fake_aws_fault(&r->aws, FAKE_FINE);
    fake_aws_fault(&r->aws, FAKE_FINE);
    fake_aws_fault(&r->aws, FAKE_500); /* now the token is too old */
    rig_open(r, "cloudtrail:", false);
    rig_run(r, START + DAY);
    assert_int_equal(r->rows, 500);
    assert_int_equal(r->gaps, 0);
}

static void throttling_slows_and_is_shown(void **state)
{
    struct trail_rig *r = *state;
    rig_open(r, "cloudtrail:", true);
    rig_run(r, START + 10 * SECOND);
    for (int i = 0; i < 40; i++)
        fake_aws_fault(&r->aws, FAKE_THROTTLE);
    unsigned before = r->aws.lookups;
    rig_run(r, START + 3 * MINUTE);
    assert_true(r->aws.lookups - before < 15);
    struct kt_health h = rig_health(r);
    assert_true(h.throttled > 3);
    assert_non_null(strstr(h.note, "throttled"));
    assert_true(h.complete_to <= START + 10 * SECOND - 15 * MINUTE);
    assert_int_equal(h.state, KT_HEALTH_STALE == h.state ? KT_HEALTH_STALE : KT_HEALTH_LIVE);
    r->aws.n_faults = 0;
    rig_run(r, START + 10 * MINUTE);
    h = rig_health(r);
    assert_string_equal(h.note, "");
    assert_int_equal(h.state, KT_HEALTH_LIVE);
}

static void a_lack_of_permission_says_what_is_needed(void **state)
{
    struct trail_rig *r = *state;
    for (int i = 0; i < 60; i++)
        fake_aws_fault(&r->aws, FAKE_DENIED);
    rig_open(r, "cloudtrail:", true);
    rig_run(r, START + 5 * MINUTE);
    assert_int_equal(rig_health(r).state, KT_HEALTH_STALE);
    assert_non_null(strstr(rig_health(r).note, "AccessDenied"));
    assert_int_equal(r->n_troubles, 1); /* said once */
    assert_non_null(strstr(r->trouble[0], "--print-policy"));
    r->aws.n_faults = 0;
    rig_run(r, START + 10 * MINUTE);
    assert_int_equal(rig_health(r).state, KT_HEALTH_LIVE);
    rig_close(r);
    for (int i = 0; i < 10; i++)
        fake_aws_fault(&r->aws, FAKE_DENIED);
    rig_open(r, "cloudtrail:", false);
    rig_run(r, START + DAY);
    assert_int_equal(r->wait.kind, KT_WAIT_DONE);
    assert_int_equal(rig_health(r).state, KT_HEALTH_FAILED);
    assert_int_equal(r->gaps, 1);
}

static void bad_keys_say_what_to_type(void **state)
{
    struct trail_rig *r = *state;
    snprintf(r->variables.text[3], sizeof r->variables.text[3], "AWS_SECRET_ACCESS_KEY=wrong-canary");
    rig_open(r, "cloudtrail:", true);
    rig_run(r, START + 5 * MINUTE);
    assert_int_equal(rig_health(r).state, KT_HEALTH_STALE);
    assert_non_null(strstr(rig_health(r).note, "set new ones"));
    for (size_t i = 0; i < r->n_troubles; i++)
        assert_null(strstr(r->trouble[i], "canary"));
    assert_true(r->aws.lookups < 15);
}

static void another_run_goes_on(void **state)
{
    struct trail_rig *r = *state;
    rig_open(r, "cloudtrail:", true);
    rig_run(r, START + HOUR);
    rig_close(r);
    r->now = START + 20 * DAY;
    event(r, START + 5 * DAY, 0);
    event(r, START + 19 * DAY, 0);
    rig_open(r, "cloudtrail:", true);
    rig_run(r, r->now + MINUTE);
    assert_int_equal(r->rows, 2);
    rig_close(r);
    r->now = START + 200 * DAY; /* more than CloudTrail keeps */
    rig_open(r, "cloudtrail:", true);
    rig_run(r, r->now + MINUTE);
    assert_int_equal(r->gaps, 1);
    assert_non_null(strstr(r->trouble[r->n_troubles - 1], "90 days"));
}

static void many_accounts_through_roles(void **state)
{
    struct trail_rig *r = *state;
    char address[16384] = "cloudtrail:?external-id=x%2By&interval=300";
    size_t n = strlen(address);
    snprintf(r->aws.external, sizeof r->aws.external, "x+y");
    for (int i = 0; i < 100; i++) {
        char account[16];
        snprintf(account, sizeof account, "2222333344%02d", i);
        fake_aws_event(&r->aws, START - MINUTE, START, "CreateAccessKey", account);
        n += (size_t)snprintf(address + n, sizeof address - n, "&role=arn:aws:iam::%s:role%%2Fsoc", account);
    }
    rig_open(r, address, true);
    rig_run(r, START + 6 * MINUTE);
    assert_int_equal(r->rows, 100);
    assert_int_equal(r->aws.assumed, 100);
    assert_int_equal(r->aws.too_fast, 0);
    assert_int_equal(rig_health(r).state, KT_HEALTH_LIVE);
    assert_true(rig_health(r).credentials_until > r->now);
    rig_run(r, START + 70 * MINUTE); /* new keys for all of them */
    assert_true(r->aws.assumed >= 200);
    assert_int_equal(rig_health(r).state, KT_HEALTH_LIVE);
}

static void addresses_are_checked(void **state)
{
    struct trail_rig *r = *state;
    static const char *const bad[] = {"cloudtrail:us-east-1", "cloudtrail:?regoin=us-east-1", "cloudtrail:?region=",
                                      "cloudtrail:?region=us-east-1%2F.evil.com", "cloudtrail:?role=admin",
                                      "cloudtrail:?interval=1", "cloudtrail:?interval=x", "cloudtrail:?profile=nobody"};
    struct kt_err e = {0};
    struct kt_source *s;
    assert_int_equal(kt_aws_new(&r->context, &(struct kt_aws_opts){.env = r->variables.env}, &e), KT_OK);
    struct kt_source_opts o = {.aws = r->context, .since = KT_TIME_NONE, .until = KT_TIME_NONE};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        e.text[0] = '\0';
        if (kt_source_open(&s, bad[i], &o, &e) == KT_OK || !e.text[0])
            fail_msg("%s is taken", bad[i]);
    }
}

static void a_page_is_read_from_outside(void **state)
{
    (void)state;
    static const struct {
        const char *text, *token;
        bool understood;
    } cases[] = {
        {"{\"Events\":[],\"NextToken\":\"a/b+c=\"}", "a/b+c=", true},
        {"{\"NextToken\" : \"t\" ,\n \"Events\" : [ ] }", "t", true},
        {"{\"Events\":[{\"NextToken\":\"no\"}]}", NULL, true},
        {"{\"Events\":[{\"CloudTrailEvent\":\"{\\\"NextToken\\\":\\\"no\\\",\\\"x\\\":\\\"]}\\\"}\"}]}", NULL, true},
        {"{\"Events\":[{\"Username\":\"\xff\xfe\\ud800\"}],\"NextToken\":\"t\"}", "t", true},
        {"{\"Events\":[],\"NextToken\":null}", NULL, true},
        {"{\"Events\":[],\"NextToken\":\"\"}", NULL, true},
        {"{\"Events\":[", NULL, false},
        {"{\"Events\":[],\"NextToken\":\"t", NULL, false},
        {"{}", NULL, false},
        {"[]", NULL, false},
        {"<html>", NULL, false},
        {"", NULL, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct trail_page p = trail_read_page(kt_span_of(cases[i].text));
        if (p.understood != cases[i].understood || (cases[i].token ? !kt_span_is(p.token, cases[i].token) : p.token.p != NULL))
            fail_msg("%s", cases[i].text);
    }
}

/* Events late by up to six hours, many of one second, in any order, while the
 * service throttles, breaks and forgets pages, and the program is killed now
 * and then: all are there in the end, once. */
static void nothing_is_lost_or_doubled(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct trail_rig *r = calloc(1, sizeof *r);
        rig_init(r, START, seed);
        trail_storm(r, 600, 12 * HOUR);
        if (r->rows != 600 || r->doubles || r->aws.too_fast)
            fail_msg("seed %d: %zu rows, %zu twice, %u too fast", (int)seed, r->rows, r->doubles, r->aws.too_fast);
        rig_free(r);
        free(r);
    }
}

/* A night: all clocks but the one that stands still have gone on, its keys have
 * ended, and what is read goes on from where it came to, at once. */
static void a_sleep_is_survived(void **state)
{
    struct trail_rig *r = *state;
    rig_open(r, "cloudtrail:", true);
    rig_run(r, START + 30 * SECOND);
    for (int i = 0; i < 120; i++)
        event(r, START + i * 4 * MINUTE, 0);
    r->now += 8 * HOUR; /* asleep */
    r->wait.kind = KT_WAIT_NONE; /* as the engine does when it is told */
    rig_run(r, r->now + 3 * SECOND);
    assert_int_equal(r->rows, 120);
    assert_int_equal(r->gaps, 0);
    assert_int_equal(rig_health(r).state, KT_HEALTH_LIVE);
    assert_int_equal(r->aws.too_fast, 0);
}

/* --- what is asked ------------------------------------------------------------------- */

#define KEY "AKIA00000000000000X1"

static struct kt_question all_of_key(void)
{
    return (struct kt_question){.about = KT_ASK_KEY, .name = KEY, .account = MINE};
}

static void put(struct trail_rig *r, const struct kt_question *q, struct kt_answer *a)
{
    struct kt_err e = {0};
    a->state = KT_ANSWER_ASKING;
    a->says[0] = '\0';
    a->pages = 0;
    if (r->source->ops->ask(r->source, q, a, &e) != KT_OK)
        fail_msg("%s", e.text);
    r->wait.kind = KT_WAIT_NONE;
}

static void calls(struct trail_rig *r, int n, int64_t newest, int64_t apart)
{
    for (int i = 0; i < n; i++)
        fake_aws_call(&r->aws, newest - i * apart, i % 3 ? "GetObject" : "ListBuckets", MINE, "svc-backup", KEY);
}

static void all_that_a_key_did_is_asked(void **state)
{
    struct trail_rig *r = *state;
    struct kt_answer a = {0};
    struct kt_question q = all_of_key();
    event(r, START - HOUR, 0);
    calls(r, 333, START - HOUR, 6 * HOUR); /* 83 days */
    fake_aws_call(&r->aws, START - HOUR, "GetObject", MINE, "svc-other", "AKIA00000000000000X2");
    fake_aws_call(&r->aws, START - 91 * DAY, "GetObject", MINE, "svc-backup", KEY);
    rig_open(r, "cloudtrail:", true);
    rig_run(r, START + 5 * SECOND);
    put(r, &q, &a);
    rig_run(r, START + 30 * SECOND);
    assert_int_equal(a.state, KT_ANSWER_WHOLE);
    assert_int_equal(a.pages, 7);
    assert_int_equal(r->found, 333);
    assert_true(a.back <= START - 89 * DAY);
    assert_string_equal(a.how, "LookupEvents");
    assert_string_equal(a.where, "us-east-1"); /* whose keys these are is not known */
    assert_int_equal(r->aws.too_fast, 0);
    assert_int_equal(r->rows, 1); /* and what it reads by itself goes on */
    assert_int_equal(rig_health(r).state, KT_HEALTH_LIVE);
    r->source->ops->unask(r->source, &a);
}

/* Asked again, it asks from where it was, and an hour behind. */
static void what_is_known_is_not_asked_again(void **state)
{
    struct trail_rig *r = *state;
    struct kt_answer a = {0};
    struct kt_question q = all_of_key();
    calls(r, 200, START - 2 * HOUR, HOUR);
    rig_open(r, "cloudtrail:", true);
    put(r, &q, &a);
    rig_run(r, START + 10 * SECOND);
    assert_int_equal(a.state, KT_ANSWER_WHOLE);
    assert_int_equal(r->found, 200);
    r->source->ops->unask(r->source, &a);
    rig_close(r); /* a later run, which remembers the position */
    rig_open(r, "cloudtrail:", true);
    fake_aws_call(&r->aws, START + 20 * SECOND, "GetObject", MINE, "svc-backup", KEY);
    rig_run(r, START + 60 * SECOND);
    put(r, &q, &a);
    rig_run(r, START + 70 * SECOND);
    assert_int_equal(a.state, KT_ANSWER_WHOLE);
    assert_int_equal(a.pages, 1);
    assert_int_equal(r->found, 201);
    assert_int_equal(r->found_again, 0);
    r->source->ops->unask(r->source, &a);
}

/* Given up half way: the next one goes on from there. */
static void an_answer_that_was_cut_short_is_taken_up(void **state)
{
    struct trail_rig *r = *state;
    struct kt_answer a = {0};
    struct kt_question q = all_of_key();
    calls(r, 1000, START - 2 * HOUR, HOUR);
    rig_open(r, "cloudtrail:", true);
    put(r, &q, &a);
    while (a.pages < 8)
        rig_run(r, r->now + 100);
    r->source->ops->unask(r->source, &a);
    assert_int_equal(a.state, KT_ANSWER_ASKING);
    size_t pages = r->found_pages;
    rig_run(r, r->now + 10 * SECOND);
    assert_int_equal(r->found_pages, pages); /* it has stopped */
    put(r, &q, &a);
    rig_run(r, r->now + 30 * SECOND);
    assert_int_equal(a.state, KT_ANSWER_WHOLE);
    assert_int_equal(r->found, 1000);
    assert_true(r->found_again < 50);
    assert_true(a.pages <= 14);
    assert_int_equal(r->aws.too_fast, 0);
    r->source->ops->unask(r->source, &a);
}

/* What is new is found as soon as ever while it is being asked, in its own pace. */
static void what_is_new_goes_first(void **state)
{
    struct trail_rig *r = *state;
    struct kt_answer a = {0};
    struct kt_question q = all_of_key();
    calls(r, 2000, START - 2 * HOUR, MINUTE);
    rig_open(r, "cloudtrail:?interval=5", true);
    rig_run(r, START + 5 * SECOND);
    put(r, &q, &a);
    for (int i = 0; i < 5; i++) {
        size_t rows = r->rows;
        event(r, r->now, 0);
        rig_run(r, r->now + 7 * SECOND); /* an interval, and both names */
        assert_int_equal(r->rows, rows + 1);
    }
    rig_run(r, r->now + 60 * SECOND);
    assert_int_equal(a.state, KT_ANSWER_WHOLE);
    assert_int_equal(r->found, 2000);
    assert_int_equal(r->aws.too_fast, 0);
    r->source->ops->unask(r->source, &a);
}

static void each_fault_of_an_answer_passes(void **state)
{
    struct trail_rig *r = *state;
    static const enum fake_fault faults[] = {FAKE_THROTTLE, FAKE_500, FAKE_503_LATER, FAKE_EXPIRED_PAGE, FAKE_HTML, FAKE_DROP,
                                             FAKE_DROP_BODY};
    struct kt_question q = all_of_key();
    calls(r, 160, START - 2 * HOUR, HOUR);
    rig_open(r, "cloudtrail:?interval=3600", true);
    rig_run(r, START + 10 * SECOND);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        for (int position = 0; position < 3; position++) {
            struct kt_answer a = {0};
            if (faults[i] == FAKE_EXPIRED_PAGE && !position)
                continue; /* a first page has no token */
            put(r, &q, &a);
            for (int n = 0; n < position; n++)
                fake_aws_fault(&r->aws, FAKE_FINE);
            for (int n = 0; n < 3; n++)
                fake_aws_fault(&r->aws, faults[i]);
            memset(r->had, 0, r->seen_n);
            r->found = 0;
            rig_run(r, r->now + 2 * MINUTE);
            fake_aws_calm(&r->aws);
            if (a.state != KT_ANSWER_WHOLE || r->found != 160)
                fail_msg("fault %d at %d: state %d, %zu events, \"%s\"", (int)faults[i], position, (int)a.state, r->found, a.says);
            r->source->ops->unask(r->source, &a);
        }
    assert_int_equal(r->aws.too_fast, 0);
}

static void who_may_not_is_told_what_to_do(void **state)
{
    struct trail_rig *r = *state;
    struct kt_answer a = {0};
    struct kt_question q = all_of_key();
    calls(r, 10, START - 2 * HOUR, HOUR);
    rig_open(r, "cloudtrail:?interval=3600", true);
    rig_run(r, START + 10 * SECOND);
    fake_aws_fault(&r->aws, FAKE_DENIED);
    put(r, &q, &a);
    rig_run(r, r->now + 10 * SECOND);
    assert_int_equal(a.state, KT_ANSWER_FAILED);
    assert_non_null(strstr(a.says, "AccessDenied"));
    assert_non_null(strstr(a.says, "keytop --print-policy cloudtrail:"));
    r->source->ops->unask(r->source, &a);
}

static void what_cannot_be_asked_is_said(void **state)
{
    struct trail_rig *r = *state;
    static const struct {
        struct kt_question q;
        const char *says;
    } wrong[] = {
        {{KT_ASK_ADDRESS, "203.0.113.9", "", "", 0, 0}, "no addresses or agents"},
        {{KT_ASK_USER, "ci-deploy", "AssumedRole", MINE, 0, 0}, "ask for a key"},
        {{KT_ASK_KEY, "AKIA\"},{", "", MINE, 0, 0}, "no name that IAM gives"},
        {{KT_ASK_KEY, KEY, "", "999999999999", 0, 0}, "none of those"},
    };
    rig_open(r, "cloudtrail:?role=arn:aws:iam::222233334444:role/a", true);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct kt_answer a = {0};
        struct kt_err e = {0};
        assert_int_equal(r->source->ops->ask(r->source, &wrong[i].q, &a, &e), KT_EUNSUPPORTED);
        if (!strstr(e.text, wrong[i].says))
            fail_msg("%s", e.text);
    }
    struct kt_answer a = {0};
    struct kt_question q = {KT_ASK_USER, "svc-backup", "IAMUser", "222233334444", 0, 0};
    put(r, &q, &a); /* closed while it is asked: nothing is left */
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(shows_and_follows),
        T(pages_are_read_to_their_end),
        T(ninety_days_are_read_once),
        T(a_quiet_account_is_not_read_again),
        T(late_events_are_found),
        T(each_fault_passes),
        T(pages_that_expire_are_begun_anew),
        T(throttling_slows_and_is_shown),
        T(a_lack_of_permission_says_what_is_needed),
        T(bad_keys_say_what_to_type),
        T(another_run_goes_on),
        T(many_accounts_through_roles),
        T(addresses_are_checked),
        T(a_sleep_is_survived),
        T(all_that_a_key_did_is_asked),
        T(what_is_known_is_not_asked_again),
        T(an_answer_that_was_cut_short_is_taken_up),
        T(what_is_new_goes_first),
        T(each_fault_of_an_answer_passes),
        T(who_may_not_is_told_what_to_do),
        T(what_cannot_be_asked_is_said),
        cmocka_unit_test(a_page_is_read_from_outside),
        cmocka_unit_test(nothing_is_lost_or_doubled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
