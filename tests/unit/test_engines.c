/* The athena: and insights: sources: queries, pages, limits, troubles. */
#include "source/athena.h"
#include "source/explain.h"
#include "source/insights_address.h"
#include "tests/support/fake_engines.h"

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
#define ATHENA "athena://analysts/soc.cloudtrail?region=us-east-1&interval=600"
#define INSIGHTS "insights:/aws/cloudtrail/trail?region=us-east-1&interval=60"

struct fix {
    struct trail_rig rig;
    struct fake_engines engines;
};

static int set_up(void **state)
{
    struct fix *x = *state = calloc(1, sizeof *x);
    rig_init(&x->rig, START, 7);
    fake_engines_init(&x->engines, &x->rig.aws);
    return 0;
}

static int tear_down(void **state)
{
    struct fix *x = *state;
    rig_free(&x->rig);
    fake_engines_free(&x->engines);
    free(x);
    return 0;
}

static void event(struct fix *x, int64_t time, int64_t late)
{
    fake_engines_event(&x->engines, (int)x->engines.n_events + 1, time, time + late);
}

static const char *said(const struct fix *x)
{
    return x->rig.n_troubles ? x->rig.trouble[(x->rig.n_troubles - 1) % RIG_TROUBLES] : "";
}

/* --- athena ------------------------------------------------------------------------------ */

static void athena_shows_and_follows(void **state)
{
    struct fix *x = *state;
    event(x, START - 2 * HOUR, 0);
    rig_open(&x->rig, ATHENA, true);
    rig_run(&x->rig, START + 20 * SECOND);
    assert_int_equal(x->rig.rows, 1);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_LIVE);
    assert_string_equal(rig_health(&x->rig).note, "6.0 kB scanned"); /* both windows, three looks each */
    const char *q = x->engines.query[0].text;
    assert_non_null(strstr(q, "useridentity.sessioncontext.sessionissuer.username AS c14"));
    assert_non_null(strstr(q, " FROM \"soc\".\"cloudtrail\" WHERE eventtime BETWEEN '2026-11-17T11:06:40Z' AND '2026-11-18T11:06:4"));
    assert_non_null(strstr(q, "\"timestamp\" BETWEEN '2026/11/16' AND '2026/12/18'"));
    assert_non_null(strstr(q, "eventname = 'CreateAccessKey'"));
    event(x, START - MINUTE, 5 * MINUTE); /* delivered late */
    rig_run(&x->rig, START + 21 * MINUTE);
    assert_int_equal(x->rig.rows, 2);
    assert_int_equal(x->rig.doubles, 0);
    assert_int_equal(rig_health(&x->rig).troubles, 0);
    assert_int_equal(x->engines.described, 1);
}

static void athena_gives_all_pages(void **state)
{
    struct fix *x = *state;
    for (int i = 0; i < 2500; i++)
        event(x, START - HOUR - i * SECOND, 0);
    rig_open(&x->rig, ATHENA, false);
    rig_run(&x->rig, START + DAY);
    assert_int_equal(x->rig.wait.kind, KT_WAIT_DONE);
    assert_int_equal(x->rig.rows, 2500);
    assert_int_equal(x->engines.pages, 3);
    assert_int_equal(x->engines.stops, 0);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_DONE);
}

/* A question costs once: what is not heard of is asked again with its token. */
static void athena_runs_a_query_once(void **state)
{
    struct fix *x = *state;
    event(x, START - HOUR, 0);
    static const enum engine_fault faults[] = {ENGINE_500, ENGINE_FINE /* the table */, ENGINE_THROTTLED, ENGINE_DROP, ENGINE_FINE,
                                               ENGINE_500, ENGINE_THROTTLED, ENGINE_FINE, ENGINE_FINE, ENGINE_FINE, ENGINE_DROP};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        fake_engines_fault(&x->engines, faults[i]);
    rig_open(&x->rig, ATHENA, false);
    rig_run(&x->rig, START + HOUR);
    assert_int_equal(x->rig.wait.kind, KT_WAIT_DONE);
    assert_int_equal(x->rig.rows, 1);
    assert_int_equal(x->rig.gaps, 0);
    assert_int_equal(x->engines.n_queries, 1);
}

static void athena_stops_what_scans_too_much(void **state)
{
    struct fix *x = *state;
    event(x, START - HOUR, 0);
    x->engines.scan_step = 400000;
    x->engines.running_looks = 50;
    rig_open(&x->rig, ATHENA "&limit=1M", false);
    rig_run(&x->rig, START + HOUR);
    assert_int_equal(x->engines.stops, 1);
    assert_true(x->engines.query[0].stopped);
    assert_int_equal(x->rig.rows, 0);
    assert_int_equal(x->rig.gaps, 1);
    assert_non_null(strstr(said(x), "stopped when it had scanned its limit of 1.0 MB"));
    rig_close(&x->rig);
    rig_open(&x->rig, ATHENA "&limit=1M", true); /* live, it does not try again at once */
    rig_run(&x->rig, x->rig.now + 30 * MINUTE);
    assert_int_equal(x->engines.stops, 2);
}

static const struct kt_question alice = {.about = KT_ASK_USER, .name = "alice", .account = "111122223333"};

static void put(struct fix *x, const struct kt_question *q, struct kt_answer *a)
{
    struct kt_err e = {0};
    *a = (struct kt_answer){.back = KT_TIME_NONE, .until = KT_TIME_NONE};
    assert_int_equal(x->rig.source->ops->ask(x->rig.source, q, a, &e), KT_OK);
    x->rig.wait = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1};
}

/* Near the limit it is asked; at the limit the query stops, and waits; who says
 * yes has it run again, with as much again. */
static void athena_asks_before_it_passes_its_limit(void **state)
{
    struct fix *x = *state;
    struct kt_answer a;
    event(x, START - 40 * DAY, 0);
    rig_open(&x->rig, "athena://analysts/soc.cloudtrail?region=us-east-1&interval=86400&limit=1M", true);
    rig_run(&x->rig, START + 20 * SECOND);
    x->engines.scan_step = 90000;
    x->engines.running_looks = 10; /* 990 kB in all: near, and not beyond */
    put(x, &alice, &a);
    while (!a.wants && x->rig.now < START + HOUR)
        rig_run(&x->rig, x->rig.now + SECOND);
    assert_true(a.wants && a.limit == 1000000 && a.scanned > 800000 && a.scanned < 1000000);
    rig_run(&x->rig, x->rig.now + MINUTE); /* nobody says anything, and it does not pass it */
    assert_int_equal(a.state, KT_ANSWER_WHOLE);
    assert_int_equal(x->engines.stops, 0);
    assert_false(a.wants);
    x->rig.source->ops->unask(x->rig.source, &a);

    x->engines.running_looks = 20; /* 1.89 MB */
    put(x, &alice, &a);
    rig_run(&x->rig, x->rig.now + 5 * MINUTE);
    assert_int_equal(x->engines.stops, 1); /* it would have passed it */
    assert_int_equal(a.state, KT_ANSWER_ASKING);
    assert_true(a.wants);
    a.allow = KT_ALLOW_YES;
    x->rig.wait = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1};
    rig_run(&x->rig, x->rig.now + SECOND);
    assert_false(a.wants);
    rig_run(&x->rig, x->rig.now + 5 * MINUTE);
    assert_int_equal(x->engines.stops, 1);
    assert_int_equal(a.state, KT_ANSWER_WHOLE);
    x->rig.source->ops->unask(x->rig.source, &a);

    put(x, &alice, &a);
    rig_run(&x->rig, x->rig.now + 5 * MINUTE);
    assert_true(a.wants);
    a.allow = KT_ALLOW_NO;
    x->rig.wait = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1};
    rig_run(&x->rig, x->rig.now + MINUTE);
    assert_int_equal(a.state, KT_ANSWER_FAILED);
    assert_non_null(strstr(a.says, "would have passed its limit of 1.0 MB"));
    assert_false(a.wants);
    assert_int_equal(rig_health(&x->rig).troubles, 0);
}

/* As far back as the question says; and of a time alone, what is looked for anyhow. */
static void a_question_has_its_range(void **state)
{
    struct fix *x = *state;
    struct kt_answer a;
    rig_open(&x->rig, ATHENA, true);
    rig_run(&x->rig, START + 20 * SECOND);
    struct kt_question week = alice, gap = {.about = KT_ASK_TIME, .since = START - 200 * DAY, .until = START - 90 * DAY};
    week.since = START - 7 * DAY;
    put(x, &week, &a);
    rig_run(&x->rig, x->rig.now + MINUTE);
    assert_int_equal(a.state, KT_ANSWER_WHOLE);
    assert_true(a.back == START - 7 * DAY);
    assert_int_equal(x->engines.query[x->engines.n_queries - 1].from, (START - 7 * DAY) / 1000);
    x->rig.source->ops->unask(x->rig.source, &a);
    event(x, START - 100 * DAY, 0);
    put(x, &gap, &a);
    rig_run(&x->rig, x->rig.now + MINUTE);
    const struct engine_query *q = &x->engines.query[x->engines.n_queries - 1];
    assert_int_equal(a.state, KT_ANSWER_WHOLE);
    assert_int_equal(x->rig.found, 1);
    assert_int_equal(q->from, (START - 200 * DAY) / 1000);
    assert_int_equal(q->to, (START - 90 * DAY) / 1000 + 1);
    assert_non_null(strstr(q->text, "eventname = 'CreateAccessKey'"));
    assert_string_equal(a.position, "");
}

static void athena_says_what_fails(void **state)
{
    struct fix *x = *state;
    event(x, START - HOUR, 0);
    fake_engines_fate(&x->engines, ENGINE_FAILS);
    fake_engines_fate(&x->engines, ENGINE_CANCELLED);
    rig_open(&x->rig, ATHENA, true);
    rig_run(&x->rig, START + 5 * SECOND);
    assert_non_null(strstr(said(x), "Athena's query failed: SYNTAX_ERROR"));
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_STALE);
    rig_run(&x->rig, START + 3 * MINUTE); /* it is asked again */
    assert_int_equal(x->rig.rows, 1);
    rig_close(&x->rig);
    x->engines.no_metadata = true;
    rig_open(&x->rig, ATHENA, false);
    rig_run(&x->rig, x->rig.now + HOUR);
    assert_non_null(strstr(said(x), "not authorized"));
    assert_non_null(strstr(said(x), "--print-policy athena:"));
    rig_close(&x->rig);
    rig_open(&x->rig, ATHENA "&partition=timestamp", false); /* who may not ask about tables says it */
    rig_run(&x->rig, x->rig.now + HOUR);
    assert_int_equal(x->rig.wait.kind, KT_WAIT_DONE);
    assert_int_equal(rig_health(&x->rig).troubles, 0);
}

static void athena_stops_what_nobody_waits_for(void **state)
{
    struct fix *x = *state;
    fake_engines_fate(&x->engines, ENGINE_STAYS);
    rig_open(&x->rig, ATHENA, true);
    rig_run(&x->rig, START + MINUTE);
    assert_int_equal(x->engines.stops, 0);
    rig_close(&x->rig);
    assert_int_equal(x->engines.stops, 1);
}

/* A page that is none is asked for again: the query has run, and cost. */
static void athena_asks_for_a_page_again(void **state)
{
    struct fix *x = *state;
    event(x, START - HOUR, 0);
    x->engines.running_looks = 0;
    static const enum engine_fault faults[] = {ENGINE_FINE, ENGINE_FINE, ENGINE_FINE, ENGINE_HTML, ENGINE_HTML, ENGINE_HTML};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        fake_engines_fault(&x->engines, faults[i]);
    rig_open(&x->rig, ATHENA, false);
    rig_run(&x->rig, START + HOUR);
    assert_int_equal(x->rig.wait.kind, KT_WAIT_DONE);
    assert_int_equal(x->rig.rows, 1);
    assert_int_equal(x->engines.n_queries, 1);
    assert_non_null(strstr(said(x), "is there a proxy that wants a login?"));
}

/* What it has scanned does not stand before that it is asked too often. */
static void athena_says_that_it_is_throttled(void **state)
{
    struct fix *x = *state;
    bool said_so = false;
    rig_open(&x->rig, ATHENA, true);
    rig_run(&x->rig, START + 20 * SECOND);
    for (int i = 0; i < 3; i++)
        fake_engines_fault(&x->engines, ENGINE_THROTTLED);
    for (int i = 0; i < 1400 && !said_so; i++) {
        rig_run(&x->rig, x->rig.now + SECOND / 2);
        said_so = strstr(rig_health(&x->rig).note, "throttled") != NULL;
    }
    assert_true(said_so);
}

/* What is known before it runs. */
static void what_it_reads_is_explained(void **state)
{
    struct fix *x = *state;
    struct kt_err e = {0};
    struct kt_buf b = {.max = 1 << 20};
    struct kt_arena *a = kt_arena_new(1 << 20);
    struct kt_source_opts o = {.clock = &x->rig.clock, .since = START - 90 * DAY, .until = START,
                               .where = kt_cond_test(a, "userIdentity.userName", KT_COND_IS, KT_LIT("alice"))};
    assert_int_equal(kt_source_explain("athena://w/d.t?limit=10G", &o, &b, &e), KT_OK);
    assert_non_null(strstr(kt_buf_str(&b), "-- reads the partitions of 122 days"));
    assert_non_null(strstr(kt_buf_str(&b), "-- stopped where it would scan more than 10 GB (limit=)"));
    kt_buf_free(&b);
    kt_arena_free(a);
}

static void athena_reads_one_account_alone_where_it_may(void **state)
{
    (void)state;
    struct athena s = {.a = {.database = "d", .table = "t"}};
    struct kt_arena *a = kt_arena_new(1 << 20);
    struct kt_buf q = {.max = ATHENA_QUERY_MAX};
    char why[300];
    assert_true(athena_take_table(&s, KT_LIT("{\"TableMetadata\":{\"Columns\":[{\"Name\":\"eventname\",\"Type\":\"string\"},{\"Name\":"
                                             "\"eventtime\",\"Type\":\"string\"},{\"Name\":\"useridentity\",\"Type\":\"struct<>\"}],"
                                             "\"PartitionKeys\":[{\"Name\":\"account\",\"Type\":\"string\"},{\"Name\":\"year\",\"Type\":\"int\"}]}}"),
                                  why, sizeof why));
    s.where = kt_cond_join(a, KT_COND_AND, kt_cond_test(a, "recipientAccountId", KT_COND_IS, KT_LIT("111122223333")),
                           kt_cond_test(a, "userIdentity.userName", KT_COND_IS, KT_LIT("bob")));
    struct kt_pass pass = {.from = START, .to = START + DAY};
    assert_true(athena_query(&s, &pass, &q));
    assert_non_null(strstr(kt_buf_str(&q), " AND \"account\" = '111122223333' AND "));
    assert_null(strstr(kt_buf_str(&q), "timestamp"));
    assert_null(strstr(kt_buf_str(&q), "useragent")); /* the table has no such column */
    assert_false(athena_take_table(&s, KT_LIT("{\"TableMetadata\":{\"Columns\":[{\"Name\":\"a\"}]}}"), why, sizeof why));
    assert_non_null(strstr(why, "no table of CloudTrail"));
    assert_false(athena_take_table(&s, KT_LIT("<html>"), why, sizeof why));
    kt_buf_free(&q);
    kt_arena_free(a);
}

static void addresses_are_read(void **state)
{
    (void)state;
    struct athena_address a;
    struct insights_address i;
    struct kt_err e;
    static const char *const bad[] = {"athena:x", "athena://w", "athena://w/d", "athena:///d.t", "athena://w/d.", "athena://w/.t",
                                      "athena://w/d.t?limit=x", "athena://w/d.t?limit=-1", "athena://w/d.t?limit=5X", "athena://w/d.t?output=x",
                                      "athena://w/d.t?what=x", "athena://w/d.t?region="};
    static const char *const bad_groups[] = {"insights:", "insights:a,", "insights:a,arn:aws:logs:r:1:log-group:b", "insights:a?x=1",
                                             "insights:a*", "insights:a?region="};
    for (size_t n = 0; n < sizeof bad / sizeof *bad; n++) {
        assert_int_not_equal(athena_address_parse(&a, bad[n], &e), KT_OK);
        athena_address_drop(&a);
    }
    for (size_t n = 0; n < sizeof bad_groups / sizeof *bad_groups; n++) {
        assert_int_not_equal(insights_address_parse(&i, bad_groups[n], &e), KT_OK);
        insights_address_drop(&i);
    }
    assert_int_equal(athena_address_parse(&a, "athena://w%20g/d.t?limit=10GB&catalog=c", &e), KT_OK);
    assert_string_equal(a.workgroup, "w g");
    assert_true(a.limit == UINT64_C(10000000000));
    athena_address_drop(&a);
    assert_int_equal(insights_address_parse(&i, "insights:a,b", &e), KT_OK);
    assert_int_equal(i.n, 2);
    insights_address_drop(&i);
}

/* --- insights --------------------------------------------------------------------------------- */

static void insights_shows_and_follows(void **state)
{
    struct fix *x = *state;
    event(x, START - 2 * HOUR, 5 * MINUTE);
    rig_open(&x->rig, INSIGHTS, true);
    rig_run(&x->rig, START + 20 * SECOND);
    assert_int_equal(x->rig.rows, 1);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_LIVE);
    assert_non_null(strstr(x->engines.query[0].text, "fields @message | filter ((@message like /(?i)CreateAccessKey/ or "));
    event(x, START - 10 * MINUTE, 11 * MINUTE);
    rig_run(&x->rig, START + 3 * MINUTE);
    assert_int_equal(x->rig.rows, 2);
    assert_int_equal(x->rig.doubles, 0);
    assert_int_equal(rig_health(&x->rig).troubles, 0);
}

/* Once, without --since, all that there is, as of the others. */
static void insights_reads_all_there_is(void **state)
{
    struct fix *x = *state;
    event(x, START - 400 * DAY, 0);
    rig_open(&x->rig, INSIGHTS, false);
    rig_run(&x->rig, START + DAY);
    assert_int_equal(x->rig.wait.kind, KT_WAIT_DONE);
    assert_int_equal(x->rig.rows, 1);
}

/* Where there are more rows than it gives, the window is halved. */
static void insights_gives_all_though_it_gives_few(void **state)
{
    struct fix *x = *state;
    x->engines.most = 100;
    for (int i = 0; i < 1500; i++)
        event(x, START - 20 * HOUR + i * MINUTE / 2, 0);
    rig_open(&x->rig, INSIGHTS, false);
    rig_run(&x->rig, START + DAY);
    assert_int_equal(x->rig.wait.kind, KT_WAIT_DONE);
    assert_int_equal(x->rig.rows, 1500);
    assert_int_equal(x->rig.gaps, 0);
    assert_true(x->engines.n_queries > 15);
}

static void insights_gives_all_pages(void **state)
{
    struct fix *x = *state;
    for (int i = 0; i < 25000; i++)
        event(x, START - 20 * HOUR + i * 2 * SECOND, 0);
    rig_open(&x->rig, INSIGHTS, false);
    rig_run(&x->rig, START + DAY);
    assert_int_equal(x->rig.rows, 25000);
    assert_int_equal(x->engines.n_queries, 1);
    assert_int_equal(x->engines.pages, 3);
}

static void insights_tells_what_it_cannot_have(void **state)
{
    struct fix *x = *state;
    x->engines.most = 5;
    for (int i = 0; i < 10; i++)
        event(x, START - HOUR, 0); /* all delivered in one second */
    rig_open(&x->rig, INSIGHTS, false);
    rig_run(&x->rig, START + DAY);
    assert_int_equal(x->rig.wait.kind, KT_WAIT_DONE);
    assert_int_equal(x->rig.rows, 5);
    assert_int_equal(x->rig.gaps, 1);
    assert_non_null(strstr(said(x), "within one second"));
}

static void insights_asks_again(void **state)
{
    struct fix *x = *state;
    event(x, START - HOUR, 0);
    static const enum engine_fault faults[] = {ENGINE_LIMIT, ENGINE_500, ENGINE_THROTTLED, ENGINE_FINE, ENGINE_DROP, ENGINE_HTML,
                                               ENGINE_EXPIRED, ENGINE_FINE};
    static const enum engine_fate fates[] = {ENGINE_FAILS, ENGINE_CANCELLED, ENGINE_TIMEOUT};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        fake_engines_fault(&x->engines, faults[i]);
    for (size_t i = 0; i < sizeof fates / sizeof *fates; i++)
        fake_engines_fate(&x->engines, fates[i]);
    rig_open(&x->rig, INSIGHTS, true);
    rig_run(&x->rig, START + 10 * MINUTE);
    assert_int_equal(x->rig.rows, 1);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_LIVE);
    assert_int_equal(x->rig.doubles, 0);
    rig_close(&x->rig);
    fake_engines_fate(&x->engines, ENGINE_STAYS);
    rig_open(&x->rig, INSIGHTS, true);
    rig_run(&x->rig, x->rig.now + MINUTE);
    rig_close(&x->rig);
    assert_int_equal(x->engines.stops, 1);
}

int main(void)
{
#define WITH(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH(athena_shows_and_follows),
        WITH(athena_gives_all_pages),
        WITH(athena_runs_a_query_once),
        WITH(athena_stops_what_scans_too_much),
        WITH(athena_asks_before_it_passes_its_limit),
        WITH(a_question_has_its_range),
        WITH(athena_says_what_fails),
        WITH(athena_stops_what_nobody_waits_for),
        WITH(athena_asks_for_a_page_again),
        WITH(athena_says_that_it_is_throttled),
        WITH(what_it_reads_is_explained),
        cmocka_unit_test(athena_reads_one_account_alone_where_it_may),
        cmocka_unit_test(addresses_are_read),
        WITH(insights_shows_and_follows),
        WITH(insights_reads_all_there_is),
        WITH(insights_gives_all_though_it_gives_few),
        WITH(insights_gives_all_pages),
        WITH(insights_tells_what_it_cannot_have),
        WITH(insights_asks_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
