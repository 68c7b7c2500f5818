/* The logs: source: windows, pages, live tails, troubles. */
#include "source/logs.h"
#include "tests/support/fake_logs.h"

#include <poll.h>
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
#define POLLED "logs:" FAKE_GROUP "?region=us-east-1"
#define LIVE POLLED "&live=1"

struct fix {
    struct trail_rig rig;
    struct fake_logs logs;
};

static void init(struct fix *x, uint64_t seed)
{
    rig_init(&x->rig, START, seed);
    fake_logs_init(&x->logs, &x->rig.aws);
}

static void fini(struct fix *x)
{
    rig_free(&x->rig);
    fake_logs_free(&x->logs);
}

static int set_up(void **state)
{
    struct fix *x = *state = calloc(1, sizeof *x);
    init(x, 7);
    return 0;
}

static int tear_down(void **state)
{
    fini(*state);
    free(*state);
    return 0;
}

static void event(struct fix *x, int64_t time, int64_t late)
{
    fake_logs_event(&x->logs, (int)x->logs.n_events + 1, time, time + late);
}

static const char *said(const struct fix *x)
{
    return x->rig.n_troubles ? x->rig.trouble[(x->rig.n_troubles - 1) % RIG_TROUBLES] : "";
}

/* Real time passes until the fake and the source have said what they had to. */
static void settle(struct fix *x)
{
    for (int quiet = 0; quiet < 3;) {
        x->rig.source->ops->step(x->rig.source, &x->rig.sink, &x->rig.wait);
        bool news = x->rig.wait.kind == KT_WAIT_NONE ||
                    (x->rig.wait.kind == KT_WAIT_FD && poll(&(struct pollfd){.fd = x->rig.wait.fd, .events = POLLIN}, 1, 20) == 1);
        quiet = news ? 0 : quiet + 1;
    }
}

static void shows_and_follows(void **state)
{
    struct fix *x = *state;
    event(x, START - 2 * HOUR, 0);
    event(x, START - 3 * DAY, 0); /* the sweep of two weeks brings it */
    rig_open(&x->rig, POLLED, true);
    rig_run(&x->rig, START + 5 * SECOND);
    assert_int_equal(x->rig.rows, 2);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_LIVE);
    assert_string_equal(x->logs.pattern, "{ ($.eventName = \"CreateAccessKey\") || ($.eventName = \"DeleteAccessKey\") }");
    event(x, START + 20 * SECOND, 0);
    rig_run(&x->rig, START + 19 * SECOND);
    assert_int_equal(x->rig.rows, 2);
    rig_run(&x->rig, START + 31 * SECOND); /* within one interval */
    assert_int_equal(x->rig.rows, 3);
    assert_int_equal(x->logs.too_fast, 0);
    assert_int_equal(x->rig.aws.bad_signatures, 0);
    assert_int_equal(rig_health(&x->rig).troubles, 0);
    assert_int_equal(x->logs.tails, 0);
}

/* Many pages, several events of one millisecond, empty pages between them. */
static void pages_are_read_to_their_end(void **state)
{
    struct fix *x = *state;
    for (int i = 0; i < 333; i++)
        event(x, START - HOUR - i / 7, 0);
    x->logs.empty_pages = true;
    rig_open(&x->rig, POLLED, false);
    rig_run(&x->rig, START + DAY);
    assert_int_equal(x->rig.wait.kind, KT_WAIT_DONE);
    assert_int_equal(x->rig.rows, 333);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_DONE);
    assert_int_equal(x->logs.too_fast, 0);
}

static void late_events_are_found(void **state)
{
    struct fix *x = *state;
    rig_open(&x->rig, POLLED "&interval=60", true);
    rig_run(&x->rig, START + MINUTE);
    event(x, START, 14 * MINUTE);
    event(x, START, 90 * MINUTE);
    event(x, START, 20 * HOUR);
    event(x, START, 13 * DAY);
    rig_run(&x->rig, START + 15 * MINUTE);
    assert_int_equal(x->rig.rows, 1);
    rig_run(&x->rig, START + 96 * MINUTE);
    assert_int_equal(x->rig.rows, 2);
    rig_run(&x->rig, START + 21 * HOUR + 5 * MINUTE);
    assert_int_equal(x->rig.rows, 3);
    x->rig.now = START + 12 * DAY; /* as of a long night */
    rig_run(&x->rig, START + 14 * DAY);
    assert_int_equal(x->rig.rows, 4);
}

static void a_quiet_group_is_not_read_again(void **state)
{
    struct fix *x = *state;
    event(x, START - 5 * MINUTE, 0);
    rig_open(&x->rig, POLLED, true);
    rig_run(&x->rig, START + 2 * MINUTE);
    size_t pages = x->rig.pages;
    rig_run(&x->rig, START + 4 * MINUTE);
    assert_int_equal(x->rig.pages, pages); /* asked, and the same answer */
    assert_true(x->logs.filters > 20);
}

static void each_fault_passes(void **state)
{
    struct fix *x = *state;
    static const enum fake_fault faults[] = {FAKE_THROTTLE, FAKE_500, FAKE_503_LATER, FAKE_EXPIRED_PAGE, FAKE_HTML, FAKE_DROP,
                                             FAKE_DROP_BODY, FAKE_REDIRECT, FAKE_DENIED};
    int64_t at = START;
    rig_open(&x->rig, POLLED "&interval=60", true);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        for (int position = 0; position < 3; position++) {
            for (int n = 0; n < 50; n++) /* two pages and more */
                event(x, x->rig.now - n * SECOND, 0);
            for (int n = 0; n < position; n++)
                fake_logs_fault(&x->logs, FAKE_FINE);
            for (int n = 0; n < 4; n++)
                fake_logs_fault(&x->logs, faults[i]);
            rig_run(&x->rig, at += 5 * MINUTE);
            if (x->rig.rows != x->logs.n_events)
                fail_msg("fault %d at %d: %zu of %zu", (int)faults[i], position, x->rig.rows, x->logs.n_events);
            assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_LIVE);
        }
    assert_int_equal(x->logs.too_fast, 0);
}

static void another_run_goes_on(void **state)
{
    struct fix *x = *state;
    rig_open(&x->rig, POLLED, true);
    rig_run(&x->rig, START + HOUR);
    rig_close(&x->rig);
    x->rig.now = START + 40 * DAY;
    event(x, START + 5 * DAY, 0);
    event(x, START + 39 * DAY, 0);
    rig_open(&x->rig, POLLED, true);
    rig_run(&x->rig, x->rig.now + MINUTE);
    assert_int_equal(x->rig.rows, 2);
}

static void what_is_wrong_is_said(void **state)
{
    struct fix *x = *state;
    rig_open(&x->rig, "logs:other?region=us-east-1", true);
    rig_run(&x->rig, START + 5 * MINUTE);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_STALE);
    assert_non_null(strstr(said(x), "ResourceNotFoundException"));
    assert_non_null(strstr(said(x), "another Region than us-east-1"));
    assert_int_equal(x->rig.n_troubles, 1);
    rig_close(&x->rig);
    for (int i = 0; i < 10; i++)
        fake_logs_fault(&x->logs, FAKE_DENIED);
    rig_open(&x->rig, POLLED, false);
    rig_run(&x->rig, START + DAY);
    assert_int_equal(x->rig.wait.kind, KT_WAIT_DONE);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_FAILED);
    assert_int_equal(x->rig.gaps, 1);
    assert_non_null(strstr(said(x), "--print-policy logs:"));
}

static void many_names_are_several_patterns(void **state)
{
    (void)state;
    static char room[200][32];
    const char *names[200];
    for (int i = 0; i < 200; i++) {
        snprintf(room[i], sizeof room[i], "SomeEventOfIdentity%03d", i);
        names[i] = room[i];
    }
    names[7] = "AKIA";
    names[8] = "no\" || true";
    struct logs l = {.n_patterns = 0};
    assert_true(logs_patterns(&l, &(struct kt_source_opts){.event_names = names, .n_event_names = 200}));
    assert_int_equal(l.unasked, 1);
    size_t found = 0;
    for (size_t i = 0; i < l.n_patterns; i++) {
        assert_true(strlen(l.pattern[i]) <= LOGS_PATTERN_MAX);
        for (int n = 0; n < 200; n++)
            found += n != 8 && strstr(l.pattern[i], names[n]) != NULL;
        free(l.pattern[i]);
    }
    assert_int_equal(found, 199);
    assert_true(l.n_patterns > 5 && l.n_patterns <= LOGS_PATTERNS);
    struct logs all = {.a = {.pattern = ""}};
    assert_true(logs_patterns(&all, &(struct kt_source_opts){.n_event_names = 0}));
    assert_int_equal(all.n_patterns, 1);
    assert_null(all.pattern[0]);
}

static void addresses_are_checked(void **state)
{
    struct fix *x = *state;
    static const struct {
        const char *address, *says;
    } bad[] = {{"logs:", "write logs:LOG-GROUP"}, {"logs:a b?region=us-east-1", "write logs:LOG-GROUP"}, {"logs:g", "in which Region"},
               {"logs:g?region=mars", "no AWS Region"}, {"logs:g?regoin=x", "not regoin"}, {"logs:g?live=yes", "live is 0 or 1"},
               {"logs:g?region=", "is empty"}, {"logs:g?region=us-east-1&region=us-west-2", "one region"},
               {"logs:arn:aws:logs:us-east-1:1:log-group:g", "no ARN of a log group"},
               {"logs:" FAKE_GROUP_ARN "?region=us-west-2", "the ARN is of us-east-1"}, {"logs:g?interval=1", "interval is"}};
    struct kt_err e = {0};
    struct kt_source *s;
    assert_int_equal(kt_aws_new(&x->rig.context, &(struct kt_aws_opts){.env = x->rig.variables.env}, &e), KT_OK);
    struct kt_source_opts o = {.aws = x->rig.context, .since = KT_TIME_NONE, .until = KT_TIME_NONE};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        e.text[0] = '\0';
        if (kt_source_open(&s, bad[i].address, &o, &e) == KT_OK || !strstr(e.text, bad[i].says))
            fail_msg("%s: %s", bad[i].address, e.text);
    }
    struct logs_address a;
    assert_int_equal(logs_address_parse(&a, "logs:" FAKE_GROUP_ARN ":*?pattern=", &e), KT_OK);
    assert_string_equal(a.group, FAKE_GROUP_ARN);
    assert_string_equal(a.pattern, "");
    logs_address_drop(&a);
}

/* The host of the tail is another one, but for an endpoint that is an address. */
static void the_tail_has_a_host_of_its_own(void **state)
{
    (void)state;
    static const struct {
        const char *var, *region, *host;
    } cases[] = {
        {"X=1", "eu-west-1", "stream-logs.eu-west-1.amazonaws.com"},
        {"AWS_USE_FIPS_ENDPOINT=true", "us-east-1", "stream-logs-fips.us-east-1.amazonaws.com"},
        {"AWS_USE_FIPS_ENDPOINT=true", "us-gov-west-1", "stream-logs.us-gov-west-1.amazonaws.com"},
        {"AWS_USE_DUALSTACK_ENDPOINT=true", "us-east-1", "stream-logs.us-east-1.api.aws"},
        {"X=1", "cn-north-1", "stream-logs.cn-north-1.amazonaws.com.cn"},
        {"AWS_ENDPOINT_URL=https://logs.vpce.example.com", "us-east-1", "stream-logs.vpce.example.com"},
        {"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS=http://127.0.0.1:99", "us-east-1", "127.0.0.1:99"},
        {"AWS_ENDPOINT_URL=http://localhost:99", "us-east-1", "localhost:99"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char var[128];
        char *env[] = {var, NULL};
        struct kt_aws *a;
        struct kt_endpoint p;
        struct kt_err e = {0};
        snprintf(var, sizeof var, "%s", cases[i].var);
        assert_int_equal(kt_aws_new(&a, &(struct kt_aws_opts){.env = env}, &e), KT_OK);
        assert_int_equal(kt_aws_endpoint(a, KT_SVC_LOGS_STREAM, cases[i].region, "default", &p, &e), KT_OK);
        assert_string_equal(p.host, cases[i].host);
        assert_string_equal(p.service, "logs");
        kt_aws_free(a);
    }
}

/* --- live tails --------------------------------------------------------------------------- */

static void open_live(struct fix *x)
{
    x->rig.streams = true;
    rig_open(&x->rig, LIVE, true);
    for (int i = 0; i < 200 && !fake_http_streams(x->rig.aws.http); i++)
        settle(x);
    settle(x);
    assert_int_equal(fake_http_streams(x->rig.aws.http), 1);
}

static void a_live_tail_brings_news_at_once(void **state)
{
    struct fix *x = *state;
    event(x, START - HOUR, 0);
    open_live(x);
    rig_run(&x->rig, START + 2 * SECOND);
    assert_int_equal(x->rig.rows, 1);
    assert_string_equal(x->logs.tail_pattern, x->logs.pattern);
    unsigned asked = x->logs.filters;
    event(x, x->rig.now, 0);
    event(x, x->rig.now, 0);
    fake_logs_update(&x->logs, 1, 2);
    settle(x); /* no time has passed */
    assert_int_equal(x->rig.rows, 3);
    assert_int_equal(x->logs.filters, asked);
    fake_logs_update(&x->logs, 0, 0); /* nothing, as each second */
    fake_logs_update(&x->logs, 1, 2); /* twice */
    rig_run(&x->rig, START + 50 * SECOND);
    assert_int_equal(x->logs.filters, asked); /* asked less often while it is told */
    rig_run(&x->rig, START + 130 * SECOND);
    assert_true(x->logs.filters > asked);
    assert_int_equal(x->rig.rows, 3);
    assert_int_equal(x->rig.doubles, 0);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_LIVE);
    assert_string_equal(rig_health(&x->rig).note, "");
    assert_int_equal(x->rig.aws.bad_signatures, 0);
}

static void any_chunks_will_do(void **state)
{
    struct fix *x = *state;
    open_live(x);
    for (size_t piece = 1; piece < 40; piece += 3) {
        event(x, x->rig.now, 0);
        x->logs.piece = piece;
        fake_logs_update(&x->logs, x->logs.n_events - 1, 1);
        settle(x);
        assert_int_equal(x->rig.rows, x->logs.n_events);
    }
    for (int i = 0; i < 500; i++)
        event(x, x->rig.now, 0);
    x->logs.piece = 0;
    fake_logs_update(&x->logs, x->logs.n_events - 500, 500); /* as many as an update holds */
    settle(x);
    assert_int_equal(x->rig.rows, x->logs.n_events);
}

static void what_is_sampled_is_asked_for(void **state)
{
    struct fix *x = *state;
    open_live(x);
    rig_run(&x->rig, START + 20 * SECOND);
    for (int i = 0; i < 100; i++)
        event(x, x->rig.now, 0);
    x->logs.sampled = true;
    fake_logs_update(&x->logs, 0, 100);
    settle(x);
    assert_true(x->rig.rows >= 50);
    rig_run(&x->rig, x->rig.now + 3 * SECOND); /* five pages */
    assert_int_equal(x->rig.rows, 100); /* half of them were told, all were asked for */
    assert_non_null(strstr(rig_health(&x->rig).note, "leaves out events"));
    unsigned asked = x->logs.filters;
    rig_run(&x->rig, x->rig.now + 6 * SECOND);
    x->logs.sampled = false;
    fake_logs_update(&x->logs, 0, 0);
    rig_run(&x->rig, x->rig.now + 15 * SECOND);
    assert_true(x->logs.filters > asked);
    fake_logs_update(&x->logs, 0, 0);
    settle(x);
    assert_string_equal(rig_health(&x->rig).note, "");
    assert_int_equal(rig_health(&x->rig).gaps, 0);
}

/* After three hours, by a failure, by a connection that breaks, by bytes that
 * are damaged: it is begun anew, and what happened meanwhile is asked for. */
static void a_session_that_ends_is_begun_anew(void **state)
{
    struct fix *x = *state;
    open_live(x);
    for (int how = 0; how < 4; how++) {
        unsigned tails = x->logs.tails;
        x->logs.damage = how == 3;
        if (how == 3)
            fake_logs_update(&x->logs, 0, 0);
        else
            fake_logs_end(&x->logs, how == 0 ? "SessionTimeoutException" : how == 1 ? "SessionStreamingException" : NULL);
        event(x, x->rig.now, 0); /* of which no session tells */
        rig_run(&x->rig, x->rig.now + 15 * SECOND);
        settle(x);
        assert_true(x->logs.tails > tails);
        assert_int_equal(fake_http_streams(x->rig.aws.http), 1);
        if (x->rig.rows != x->logs.n_events)
            fail_msg("ended by %d: %zu of %zu", how, x->rig.rows, x->logs.n_events);
        event(x, x->rig.now, 0);
        fake_logs_update(&x->logs, x->logs.n_events - 1, 1);
        settle(x);
        assert_int_equal(x->rig.rows, x->logs.n_events);
    }
    assert_non_null(strstr(said(x), "damaged on its way"));
    assert_int_equal(x->rig.gaps, 0);
}

static void without_a_live_tail_it_is_asked(void **state)
{
    struct fix *x = *state;
    for (int i = 0; i < 60; i++)
        x->logs.tail_fault[x->logs.n_tail_faults++] = FAKE_DENIED;
    x->rig.streams = true;
    rig_open(&x->rig, LIVE, true);
    rig_run(&x->rig, START + 30 * SECOND);
    event(x, x->rig.now, 0);
    rig_run(&x->rig, START + 45 * SECOND); /* within its own interval */
    assert_int_equal(x->rig.rows, 1);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_LIVE);
    assert_non_null(strstr(rig_health(&x->rig).note, "no live tail"));
    assert_non_null(strstr(said(x), "live=1"));
    assert_int_equal(x->logs.tails, 1); /* not asked for again and again */
    x->logs.n_tail_faults = 0;
    rig_run(&x->rig, START + 12 * MINUTE);
    assert_int_equal(x->logs.tails, 2);
    assert_string_equal(rig_health(&x->rig).note, "");
}

static void storm(uint64_t seed, size_t events, int64_t span, bool live)
{
    struct fix *x = calloc(1, sizeof *x);
    init(x, seed);
    logs_storm(&x->rig, &x->logs, events, span, live);
    /* with a tail, time may pass before the fake has looked at the clock */
    if (x->rig.rows != events || x->rig.doubles || (x->logs.too_fast && !live))
        fail_msg("seed %d: %zu rows, %zu twice, %u too fast", (int)seed, x->rig.rows, x->rig.doubles, x->logs.too_fast);
    fini(x);
    free(x);
}

/* Three times each, late by up to six hours, many of one millisecond, in any
 * order, while the service throttles, breaks and forgets pages, and the program
 * is killed at random points: all are there in the end, once. */
static void nothing_is_lost_or_doubled(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2; seed++)
        storm(seed, 200, 6 * HOUR, false);
    storm(4, 60, 2 * HOUR, true);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(shows_and_follows),
        T(pages_are_read_to_their_end),
        T(late_events_are_found),
        T(a_quiet_group_is_not_read_again),
        T(each_fault_passes),
        T(another_run_goes_on),
        T(what_is_wrong_is_said),
        cmocka_unit_test(many_names_are_several_patterns),
        T(addresses_are_checked),
        cmocka_unit_test(the_tail_has_a_host_of_its_own),
        T(a_live_tail_brings_news_at_once),
        T(any_chunks_will_do),
        T(what_is_sampled_is_asked_for),
        T(a_session_that_ends_is_begun_anew),
        T(without_a_live_tail_it_is_asked),
        cmocka_unit_test(nothing_is_lost_or_doubled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
