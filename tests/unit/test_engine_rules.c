/* engine: correlations of the user's rules, over rows and over events that are
 * none; and filters that another rule outweighs. */
#include "engine.h"

#include "tests/support/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define AWS "logsource: {product: aws, service: cloudtrail}\n"
#define EVENT(id, name, time, user)                                                                             \
    "{\"eventVersion\":\"1.08\",\"userIdentity\":{\"type\":\"IAMUser\",\"userName\":\"alice\",\"accountId\":"    \
    "\"111122223333\"},\"eventTime\":\"2026-11-24T10:" time "Z\",\"eventSource\":\"iam.amazonaws.com\","         \
    "\"eventName\":\"" name "\",\"requestParameters\":{\"userName\":\"" user "\"},\"eventID\":\"" id "\"}\n"
#define RIGHTS(id, time, user) EVENT(id, "AttachUserPolicy", time, user)
#define KEY(id, time, user) EVENT(id, "CreateAccessKey", time, user)

static const char chain[] =
    "title: R\nid: rights\nname: rights\n" AWS "detection: {s: {eventName: AttachUserPolicy}, condition: s}\n---\n"
    "title: K\nid: key\nname: key\n" AWS "detection: {s: {eventName: CreateAccessKey}, condition: s}\n---\n"
    "title: C\nid: then_key\ncorrelation: {type: temporal_ordered, rules: [rights, key], group-by: [requestParameters.userName],"
    " timespan: 30m}\nlevel: high\ncustom: {risk: 60, why: rights just before}\n";
static const char burst[] =
    "title: K\nid: key\nname: key\n" AWS "detection: {s: {eventName: CreateAccessKey}, condition: s}\n---\n"
    "title: C\nid: burst\ncorrelation: {type: event_count, rules: [key], group-by: [userIdentity.userName], timespan: 10m,"
    " condition: {gte: 3}}\ncustom: {risk: 50}\n";

static struct temp_dir d;
static struct kt_engine *g;
static struct kt_arena *a;

static int set_up(void **state)
{
    (void)state;
    temp_dir_make(&d);
    temp_mkdir(&d, "rules");
    a = kt_arena_new(1 << 20);
    return a ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    kt_engine_free(g);
    g = NULL;
    kt_arena_free(a);
    temp_dir_remove(&d);
    return 0;
}

static void begin(const char *yaml)
{
    static char folder[256];
    static const char *folders[] = {folder};
    struct kt_err e = {0};
    temp_write(&d, "rules/mine.yml", yaml);
    snprintf(folder, sizeof folder, "%s", temp_path(&d, "rules"));
    struct kt_engine_opts o = {.since = KT_TIME_NONE, .until = KT_TIME_NONE, .ledger = true,
                               .ruleset = {.rules = folders, .n_rules = 1}};
    if (kt_engine_new(&g, &o, &e) != KT_OK)
        fail_msg("%s", e.text);
}

static void feed(const char *records)
{
    struct kt_err e = {0};
    assert_int_equal(kt_engine_feed(g, "trail", records, strlen(records), &e), KT_OK);
}

/* The row of this event. */
static struct kt_row row(const char *id)
{
    struct kt_row r;
    for (uint64_t seq = 1; kt_store_row(kt_engine_store(g), seq, false, a, &r); seq++)
        if (kt_span_is(r.ev.event_id, id))
            return r;
    fail_msg("no row has the event %s", id);
    return r;
}

static bool in(const char *id, const char *correlation)
{
    struct kt_row r = row(id);
    for (size_t i = 0; i < r.verdict.n_rules; i++)
        if (r.verdict.rule[i].correlation && kt_span_is(r.verdict.rule[i].id, correlation))
            return true;
    return false;
}

static void an_event_that_is_no_row_counts(void **state)
{
    (void)state;
    begin(chain);
    feed(RIGHTS("e1", "00:00", "bob") KEY("e2", "10:00", "bob") KEY("e3", "11:00", "eve") KEY("e4", "50:00", "bob"));
    assert_true(in("e2", "then_key"));
    assert_false(in("e3", "then_key"));
    assert_false(in("e4", "then_key"));
    struct kt_counts c = kt_store_counts(kt_engine_store(g));
    assert_int_equal(c.shown, 3); /* it is no row for it */
    assert_int_equal(c.received, 3);
    struct kt_row r = row("e2");
    assert_int_equal(r.verdict.risk - row("e3").verdict.risk, 60 - 25); /* the graver of the seed's 25 and the correlation's 60 */
    assert_non_null(strstr(r.verdict.why, "rights just before"));
}

static void what_comes_late_changes_rows_in_their_place(void **state)
{
    (void)state;
    begin(chain);
    feed(KEY("e2", "10:00", "bob") KEY("e3", "11:00", "eve"));
    assert_false(in("e2", "then_key"));
    feed(RIGHTS("e1", "00:00", "bob"));
    assert_true(in("e2", "then_key"));
    assert_false(in("e3", "then_key"));
}

static void every_key_of_a_burst_is_marked(void **state)
{
    (void)state;
    begin(burst);
    feed(KEY("e1", "00:00", "u1") KEY("e2", "01:00", "u2"));
    assert_false(in("e1", "burst"));
    feed(KEY("e3", "02:00", "u3") KEY("e4", "03:00", "u4") KEY("e5", "40:00", "u5"));
    assert_true(in("e1", "burst") && in("e2", "burst") && in("e3", "burst") && in("e4", "burst"));
    assert_false(in("e5", "burst"));
}

static void a_correlation_brings_back_what_a_filter_kept_out(void **state)
{
    (void)state;
    temp_write(&d, "rules/filter.yml", "title: F\n" AWS "filter: {rules: [12d6d713-3cb4-4ffc-a064-1dca3d1cca01],"
                                       " s: {userIdentity.userName: alice}, condition: s}\n");
    begin(burst);
    feed(KEY("e1", "00:00", "u1") KEY("e2", "01:00", "u2"));
    struct kt_counts c = kt_store_counts(kt_engine_store(g));
    assert_int_equal(c.shown, 0);
    assert_int_equal(c.filtered, 2);
    assert_int_equal(c.suppressed, 2);
    feed(KEY("e3", "02:00", "u3"));
    c = kt_store_counts(kt_engine_store(g));
    assert_int_equal(c.shown, 3);
    assert_int_equal(c.filtered, 0);
    assert_int_equal(c.received, c.shown + c.filtered + c.duplicate + c.malformed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        T(an_event_that_is_no_row_counts),
        T(what_comes_late_changes_rows_in_their_place),
        T(every_key_of_a_burst_is_marked),
        T(a_correlation_brings_back_what_a_filter_kept_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
