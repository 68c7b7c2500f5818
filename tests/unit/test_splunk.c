/* The splunk: source: windows, answers, tokens, troubles. */
#include "source/splunk.h"
#include "source/outer.h"
#include "tests/support/fake_splunk.h"

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

struct fix {
    struct trail_rig rig;
    struct fake_splunk splunk;
    char address[256];
};

static void variable(struct trail_rig *r, const char *text)
{
    snprintf(r->variables.text[4], sizeof r->variables.text[4], "%s", text);
    r->variables.env[4] = r->variables.text[4];
}

static void init(struct fix *x, uint64_t seed)
{
    rig_init(&x->rig, START, seed);
    fake_splunk_init(&x->splunk);
    x->splunk.clock = &x->rig.clock;
    variable(&x->rig, "SPLUNK_TOKEN=splunk-canary-token");
    snprintf(x->address, sizeof x->address, "splunk://127.0.0.1:%d/?http=1&index=main&interval=30", fake_http_port(x->splunk.http));
}

static void fini(struct fix *x)
{
    rig_free(&x->rig);
    fake_splunk_free(&x->splunk);
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
    fake_splunk_event(&x->splunk, (int)x->splunk.n_events + 1, time, time + late, time + late);
}

static const char *said(const struct fix *x)
{
    return x->rig.n_troubles ? x->rig.trouble[(x->rig.n_troubles - 1) % RIG_TROUBLES] : "";
}

static void shows_and_follows(void **state)
{
    struct fix *x = *state;
    event(x, START - 2 * HOUR, 0);
    rig_open(&x->rig, x->address, true);
    rig_run(&x->rig, START + 10 * SECOND);
    assert_int_equal(x->rig.rows, 1);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_LIVE);
    assert_non_null(strstr(x->splunk.search, "(index=\"main\") (CreateAccessKey OR DeleteAccessKey)"));
    assert_string_equal(x->splunk.path, "/services/search/v2/jobs/export");
    event(x, START - DAY, DAY + 60 * SECOND); /* of yesterday, indexed in a minute */
    rig_run(&x->rig, START + 55 * SECOND);
    assert_int_equal(x->rig.rows, 1);
    rig_run(&x->rig, START + 95 * SECOND); /* within one interval */
    assert_int_equal(x->rig.rows, 2);
    struct kt_health h = rig_health(&x->rig);
    assert_int_equal(h.troubles, 0);
    assert_true(h.complete_to > START - 15 * MINUTE && h.complete_to <= x->rig.now);
}

static void reads_once_all_there_is(void **state)
{
    struct fix *x = *state;
    for (int i = 0; i < 3000; i++) /* some 4 MB: many pieces */
        event(x, START - HOUR - i * MINUTE, 0);
    event(x, START - 1000 * DAY, 0);
    rig_open(&x->rig, x->address, false);
    rig_run(&x->rig, START + DAY);
    assert_int_equal(x->rig.wait.kind, KT_WAIT_DONE);
    assert_int_equal(x->rig.rows, 3001);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_DONE);
    assert_int_equal(x->splunk.exports, 1);
}

static void events_that_come_twice_are_shown_once(void **state)
{
    struct fix *x = *state;
    for (int copy = 0; copy < 3; copy++)
        fake_splunk_event(&x->splunk, 1, START - HOUR, START - copy * MINUTE, START);
    fake_splunk_fault(&x->splunk, SPLUNK_PREVIEWS);
    rig_open(&x->rig, x->address, true);
    rig_run(&x->rig, START + 20 * MINUTE);
    assert_int_equal(x->rig.rows, 1);
    assert_int_equal(x->rig.doubles, 0);
}

/* Previews are not even read: they may be of rows that later fall away. */
static void previews_are_ignored(void **state)
{
    (void)state;
    struct fix *x = calloc(1, sizeof *x);
    struct splunk s = {.p = {.aws = NULL}};
    bool going;
    init(x, 1);
    static const char text[] = "{\"preview\":true,\"offset\":0,\"lastrow\":true,\"result\":{\"_raw\":\"x\"}}\n\n"
                               "{\"preview\":false,\"messages\":[{\"type\":\"WARN\",\"text\":\"hm\"},{\"type\":\"ERROR\",\"text\":\"bad\"}]}\n"
                               "{\"preview\":false,\"offset\":0,\"result\":{\"_raw\":\"}\\\"preview\\\":true\",\"a\":[1,{\"lastrow\":true}]}}\n"
                               "{\"preview\":false,\"las";
    size_t n = splunk_read(&s, kt_span_of(text), false, &x->rig.sink, &going);
    assert_true(going);
    assert_string_equal(text + n, "{\"preview\":false,\"las");
    assert_int_equal(s.answer.rows, 1);
    assert_int_equal(s.answer.raws, 1);
    assert_int_equal(s.answer.lines, 2);
    assert_false(s.answer.ended);
    assert_string_equal(s.answer.refusal, "bad");
    assert_string_equal(s.answer.warning, "hm");
    assert_int_equal(s.p.health.bytes_done, strlen("{\"_raw\":\"}\\\"preview\\\":true\",\"a\":[1,{\"lastrow\":true}]}\n")); /* the result alone */
    fini(x);
    free(x);
}

static void an_empty_answer_is_not_taken_for_no_events(void **state)
{
    struct fix *x = *state;
    event(x, START - MINUTE, 0);
    for (int i = 0; i < 4; i++)
        fake_splunk_fault(&x->splunk, SPLUNK_EMPTY);
    rig_open(&x->rig, x->address, true);
    rig_run(&x->rig, START + 2 * SECOND);
    assert_int_equal(x->rig.rows, 0);
    assert_int_equal(x->splunk.parsers, 1);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_STALE);
    assert_int_equal(rig_health(&x->rig).complete_to, 0);
    assert_non_null(strstr(said(x), "nothing at all"));
    assert_int_equal(x->rig.memory.n, 0);
    rig_run(&x->rig, START + 5 * MINUTE);
    assert_int_equal(x->rig.rows, 1);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_LIVE);
    assert_int_equal(x->rig.n_troubles, 1); /* said once */
    rig_close(&x->rig);
    for (int i = 0; i < 4; i++)
        fake_splunk_fault(&x->splunk, SPLUNK_EMPTY);
    x->splunk.bad_search = true;
    rig_open(&x->rig, x->address, false);
    rig_run(&x->rig, START + DAY);
    assert_int_equal(x->rig.wait.kind, KT_WAIT_DONE);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_FAILED);
    assert_int_equal(x->rig.gaps, 1);
    assert_non_null(strstr(said(x), "does not take the search: Unknown search command 'fileds'"));
}

static void each_fault_passes(void **state)
{
    struct fix *x = *state;
    int64_t at = START;
    rig_open(&x->rig, x->address, true);
    for (int fault = SPLUNK_500; fault <= SPLUNK_PARTIAL; fault++)
        for (int position = 0; position < 3; position++) {
            for (int n = 0; n < 20; n++)
                event(x, x->rig.now - n * SECOND, 0);
            for (int n = 0; n < position; n++)
                fake_splunk_fault(&x->splunk, SPLUNK_FINE);
            for (int n = 0; n < 4; n++)
                fake_splunk_fault(&x->splunk, (enum splunk_fault)fault);
            rig_run(&x->rig, at += 15 * MINUTE);
            if (x->rig.rows != x->splunk.n_events)
                fail_msg("fault %d at %d: %zu of %zu", fault, position, x->rig.rows, x->splunk.n_events);
            if (rig_health(&x->rig).state != KT_HEALTH_LIVE)
                fail_msg("fault %d at %d: %s", fault, position, rig_health(&x->rig).note);
        }
}

static void rows_without_records_are_told(void **state)
{
    struct fix *x = *state;
    event(x, START - MINUTE, 0);
    for (int i = 0; i < 8; i++)
        fake_splunk_fault(&x->splunk, SPLUNK_NO_RAW);
    rig_open(&x->rig, x->address, false);
    rig_run(&x->rig, START + DAY);
    assert_int_equal(x->rig.gaps, 1);
    assert_non_null(strstr(said(x), "no _raw"));
}

static void one_that_is_away_is_a_gap_until_it_is_back(void **state)
{
    struct fix *x = *state;
    for (int i = 0; i < 10; i++)
        event(x, START - MINUTE, 0);
    for (int i = 0; i < 3; i++) /* each of the scans that run at the start */
        fake_splunk_fault(&x->splunk, SPLUNK_PARTIAL);
    rig_open(&x->rig, x->address, true);
    rig_run(&x->rig, START + 5 * SECOND);
    assert_int_equal(x->rig.rows, 5);
    assert_int_equal(x->rig.gaps, 1);
    assert_int_equal(rig_health(&x->rig).complete_to, 0);
    assert_non_null(strstr(said(x), "peer idx2 is down"));
    rig_run(&x->rig, START + 5 * MINUTE);
    assert_int_equal(x->rig.rows, 10);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_LIVE);
}

static void tokens_are_renewed_and_never_told(void **state)
{
    struct fix *x = *state;
    char address[600];
    x->rig.variables.env[4] = NULL;
    temp_write(&x->rig.home, "token", "old-canary-token\n");
    snprintf(address, sizeof address, "%s&token-file=%s/token", x->address, x->rig.home.path);
    rig_open(&x->rig, address, true);
    rig_run(&x->rig, START + 2 * MINUTE);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_STALE);
    assert_non_null(strstr(said(x), "does not accept the token (Unauthorized): put a new token into token-file"));
    assert_true(x->splunk.refused <= 5);
    temp_write(&x->rig.home, "token", "splunk-canary-token\n");
    rig_run(&x->rig, START + 5 * MINUTE);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_LIVE);
    rig_close(&x->rig);
    snprintf(x->splunk.session, sizeof x->splunk.session, "session-canary");
    variable(&x->rig, "SPLUNK_SESSION_KEY=session-canary");
    rig_open(&x->rig, x->address, true);
    rig_run(&x->rig, x->rig.now + MINUTE);
    assert_string_equal(x->splunk.auth, "Splunk session-canary");
    rig_close(&x->rig);
    x->rig.variables.env[4] = NULL;
    rig_open(&x->rig, x->address, false);
    rig_run(&x->rig, x->rig.now + DAY);
    assert_non_null(strstr(said(x), "no token: put it into a file"));
    for (size_t i = 0; i < x->rig.n_troubles; i++)
        assert_null(strstr(x->rig.trouble[i], "canary"));
    for (size_t i = 0; i < x->rig.memory.n; i++)
        assert_null(strstr(x->rig.memory.one[i].what, "canary"));
}

static void a_hostile_token_is_no_header(void **state)
{
    struct fix *x = *state;
    variable(&x->rig, "SPLUNK_TOKEN=a\r\nX-Evil: 1");
    rig_open(&x->rig, x->address, false);
    rig_run(&x->rig, x->rig.now + DAY);
    assert_non_null(strstr(said(x), "SPLUNK_TOKEN holds no token"));
    assert_int_equal(x->splunk.refused, 0);
}

static void an_older_splunk_has_no_v2(void **state)
{
    struct fix *x = *state;
    x->splunk.old = true;
    event(x, START - MINUTE, 0);
    char address[300];
    snprintf(address, sizeof address, "%s&app=DA-ESS-ContentUpdate", x->address);
    rig_open(&x->rig, address, true);
    rig_run(&x->rig, START + MINUTE);
    assert_int_equal(x->rig.rows, 1);
    assert_string_equal(x->splunk.path, "/servicesNS/nobody/DA-ESS-ContentUpdate/search/jobs/export");
}

static void another_run_goes_on(void **state)
{
    struct fix *x = *state;
    rig_open(&x->rig, x->address, true);
    rig_run(&x->rig, START + HOUR);
    rig_close(&x->rig);
    x->rig.now = START + 20 * DAY;
    event(x, START + 5 * DAY, 0);
    event(x, START + 19 * DAY, 0);
    rig_open(&x->rig, x->address, true);
    rig_run(&x->rig, x->rig.now + MINUTE);
    assert_int_equal(x->rig.rows, 2);
    rig_close(&x->rig);
    event(x, START + 30 * MINUTE, 0); /* another search has not been read so far */
    char other[400];
    snprintf(other, sizeof other, "%s&search=%s", x->address, "index%3Dmain%20CreateAccessKey%20%7C%20fields%20_raw");
    rig_open(&x->rig, other, true);
    rig_run(&x->rig, x->rig.now + MINUTE);
    assert_true(x->splunk.index_earliest >= (START + 18 * DAY) / 1000);
    assert_non_null(strstr(x->splunk.search, " index=main CreateAccessKey | fields _raw"));
}

static void the_macro_is_the_analytics_own(void **state)
{
    struct fix *x = *state;
    char address[128];
    snprintf(address, sizeof address, "splunk://127.0.0.1:%d?http=1", fake_http_port(x->splunk.http));
    rig_open(&x->rig, address, false);
    rig_run(&x->rig, START + DAY);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_DONE);
    assert_non_null(strstr(x->splunk.search, "`aws_cloudwatchlogs_eks` (CreateAccessKey OR DeleteAccessKey) | fields _raw"));
}

static void addresses_are_checked(void **state)
{
    struct fix *x = *state;
    static const struct {
        const char *address, *says;
    } bad[] = {{"splunk:host", "write splunk://HOST"}, {"splunk://", "write splunk://HOST"}, {"splunk://h/path", "a path is not part"},
               {"splunk://h/?indx=a", "not indx"}, {"splunk://h/?index=", "is empty"}, {"splunk://h/?index=a%22%20OR%20b", "a name has"},
               {"splunk://h/?token=abc", "others can read a command line"}, {"splunk://h/?search=%7C%20tstats", "not with a command"},
               {"splunk://h/?http=1", "https only"}, {"splunk://u:p@h/", "write splunk://HOST"}, {"splunk://h/?interval=1", "interval is"},
               {"splunk://h/?ca-file=/no/such", "/no/such"}, {"splunk://h/?app=..%2Fx", "app= is"},
               {"splunk://h/?token-file=a&session-file=b", "not both"}};
    struct kt_err e = {0};
    struct kt_source *s;
    assert_int_equal(kt_aws_new(&x->rig.context, &(struct kt_aws_opts){.env = x->rig.variables.env}, &e), KT_OK);
    struct kt_source_opts o = {.aws = x->rig.context, .since = KT_TIME_NONE, .until = KT_TIME_NONE};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        e.text[0] = '\0';
        if (kt_source_open(&s, bad[i].address, &o, &e) == KT_OK || !strstr(e.text, bad[i].says))
            fail_msg("%s: %s", bad[i].address, e.text);
    }
    struct splunk_address a;
    assert_int_equal(splunk_address_parse(&a, "splunk://[::1]/?http=1", &e), KT_OK);
    assert_string_equal(a.host, "[::1]:8089");
    splunk_address_drop(&a);
}

static void the_outside_of_an_object_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *members;
        bool whole;
    } cases[] = {
        {"{}", "", true}, {" { \"a\" : 1 , \"b\":\"x,}\\\"\" } ", "a=1;b=\"x,}\\\"\";", true},
        {"{\"a\":{\"b\":[1,2,\"]\"]},\"c\":null}", "a={\"b\":[1,2,\"]\"]};c=null;", true},
        {"{\"a\":\"\xff\\ud800\",\"b\":true}", "a=\"\xff\\ud800\";b=true;", true},
        {"{\"a\":1", "", false}, {"{\"a\"", "", false}, {"{\"a\":}", "", false}, {"{\"a\":1,}", "a=1;", false},
        {"{\"a\":\"x", "", false}, {"[1]", "", false}, {"", "", false}, {"{\"a\":1]}", "", false}, {"{\"a\\", "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct kt_outer o = kt_outer_of(kt_span_of(cases[i].text));
        struct kt_span name, value;
        struct kt_buf b;
        kt_buf_init(&b, 4096);
        while (kt_outer_next(&o, &name, &value))
            kt_buf_addf(&b, "%.*s=%.*s;", (int)name.n, name.p, (int)value.n, value.p);
        if (strcmp(kt_buf_str(&b), cases[i].members) != 0 || o.whole != cases[i].whole)
            fail_msg("%s: %s", cases[i].text, kt_buf_str(&b));
        kt_buf_free(&b);
    }
}

/* --- questions ------------------------------------------------------------------------ */

static const struct kt_question alice = {.about = KT_ASK_USER, .name = "alice", .account = "111122223333"};

static void put(struct fix *x, struct kt_answer *a)
{
    struct kt_err e = {0};
    *a = (struct kt_answer){.back = KT_TIME_NONE, .until = KT_TIME_NONE};
    assert_int_equal(x->rig.source->ops->ask(x->rig.source, &alice, a, &e), KT_OK);
    x->rig.wait = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1};
}

static void take_back(struct fix *x, struct kt_answer *a)
{
    x->rig.source->ops->unask(x->rig.source, a);
}

/* A long time is asked for by a search job: it says how far it is, its results
 * come in pages, and it is let go of. */
static void a_long_question_is_a_search_job(void **state)
{
    struct fix *x = *state;
    struct kt_answer a;
    for (int i = 0; i < 1200; i++)
        fake_splunk_event(&x->splunk, i + 1, START - 40 * DAY + i * MINUTE, START - 40 * DAY + i * MINUTE, 0);
    rig_open(&x->rig, x->address, true);
    rig_run(&x->rig, START + 20 * SECOND);
    unsigned exports = x->splunk.exports;
    x->splunk.running_looks = 4;
    static const char quotes[] = "{\"eventName\":\"GetObject\",\"userIdentity\":{\"userName\":\"alice\",\"accountId\":\"111122223333\"},\"userAgent\":"
                                 "\"a \\\" [ {\",\"eventTime\":\"2026-10-01T00:00:00Z\",\"eventID\":\"00000000-0000-4000-8000-000000001201\",\"recipientAccountId\":\"111122223333\"}";
    fake_splunk_record(&x->splunk, quotes, START - 39 * DAY); /* a quote and brackets within a text */
    put(x, &a);
    int seen = 0, least = 101;
    for (int i = 0; i < 60 && a.state == KT_ANSWER_ASKING; i++) {
        rig_run(&x->rig, x->rig.now + 500);
        seen = a.percent > seen ? a.percent : seen;
        least = a.percent && a.percent < least ? a.percent : least;
    }
    assert_true(least == 20 && seen >= 60);
    assert_int_equal(a.state, KT_ANSWER_WHOLE);
    assert_int_equal(a.percent, 0);
    assert_int_equal(x->rig.found, 1201);
    assert_int_equal(x->splunk.pages, 3);
    assert_int_equal(x->splunk.cancelled, 1);
    assert_int_equal(x->splunk.n_jobs, 1);
    assert_int_equal(x->splunk.misread, 0);
    assert_true(x->splunk.exports <= exports + 1); /* the live window alone */
    take_back(x, &a);
    size_t found = x->rig.found;
    exports = x->splunk.exports;
    x->splunk.fate[x->splunk.n_fates++] = SPLUNK_TOO_MANY; /* more than a job keeps: it is exported */
    put(x, &a);
    rig_run(&x->rig, x->rig.now + MINUTE);
    assert_int_equal(a.state, KT_ANSWER_WHOLE);
    assert_true(x->splunk.exports > exports);
    assert_true(x->rig.found >= found);
    assert_int_equal(x->splunk.cancelled, 2);
}

static void a_search_job_fails_and_can_be_asked_again(void **state)
{
    struct fix *x = *state;
    struct kt_answer a;
    static const struct {
        enum splunk_fate fate;
        const char *says;
    } ends[] = {{SPLUNK_FAILS, "Splunk's search job failed: The search ran out of memory"}, {SPLUNK_CANCELLED, "Splunk's search job was cancelled"}};
    for (int i = 0; i < 700; i++)
        fake_splunk_event(&x->splunk, i + 1, START - 40 * DAY + i * MINUTE, START - 40 * DAY + i * MINUTE, 0);
    rig_open(&x->rig, x->address, true);
    rig_run(&x->rig, START + 20 * SECOND);
    for (size_t i = 0; i < 2; i++) {
        x->splunk.fate[x->splunk.n_fates++] = ends[i].fate;
        put(x, &a);
        rig_run(&x->rig, x->rig.now + MINUTE);
        assert_int_equal(a.state, KT_ANSWER_FAILED);
        assert_non_null(strstr(a.says, ends[i].says));
        take_back(x, &a);
    }
    x->splunk.fate[x->splunk.n_fates++] = SPLUNK_EXPIRES; /* between two pages: it is begun again */
    put(x, &a);
    rig_run(&x->rig, x->rig.now + 2 * MINUTE);
    assert_int_equal(a.state, KT_ANSWER_WHOLE);
    assert_int_equal(x->rig.found, 700);
    assert_int_equal(x->splunk.n_jobs, 4);
    take_back(x, &a);
    static const enum splunk_fault faults[] = {SPLUNK_500, SPLUNK_BUSY, SPLUNK_DROP, SPLUNK_HTML, SPLUNK_FINE, SPLUNK_429, SPLUNK_EMPTY};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        fake_splunk_fault(&x->splunk, faults[i]);
    put(x, &a);
    rig_run(&x->rig, x->rig.now + 10 * MINUTE);
    assert_int_equal(a.state, KT_ANSWER_WHOLE);
    take_back(x, &a);
    unsigned cancelled = x->splunk.cancelled;
    x->splunk.fate[x->splunk.n_fates++] = SPLUNK_STAYS; /* given up: it is cancelled */
    put(x, &a);
    rig_run(&x->rig, x->rig.now + MINUTE);
    assert_int_equal(a.state, KT_ANSWER_ASKING);
    take_back(x, &a);
    assert_int_equal(x->splunk.cancelled, cancelled + 1);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_LIVE);
}

/* Events three times each, late by up to six hours, in any order, not all
 * found at once, while Splunk breaks in all its ways and the program is killed
 * at random points: all are there in the end, once. */
static void nothing_is_lost_or_doubled(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        struct fix *x = calloc(1, sizeof *x);
        init(x, seed);
        splunk_storm(&x->rig, &x->splunk, 300, 6 * HOUR);
        if (x->rig.rows != 300 || x->rig.doubles)
            fail_msg("seed %d: %zu rows, %zu twice", (int)seed, x->rig.rows, x->rig.doubles);
        fini(x);
        free(x);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(shows_and_follows),
        T(reads_once_all_there_is),
        T(events_that_come_twice_are_shown_once),
        cmocka_unit_test(previews_are_ignored),
        T(an_empty_answer_is_not_taken_for_no_events),
        T(each_fault_passes),
        T(rows_without_records_are_told),
        T(one_that_is_away_is_a_gap_until_it_is_back),
        T(tokens_are_renewed_and_never_told),
        T(a_hostile_token_is_no_header),
        T(an_older_splunk_has_no_v2),
        T(another_run_goes_on),
        T(the_macro_is_the_analytics_own),
        T(addresses_are_checked),
        cmocka_unit_test(the_outside_of_an_object_is_read),
        T(a_long_question_is_a_search_job),
        T(a_search_job_fails_and_can_be_asked_again),
        cmocka_unit_test(nothing_is_lost_or_doubled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
