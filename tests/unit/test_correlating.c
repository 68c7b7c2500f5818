/* correlations at work on rows: who is part of which, in any order; and the
 * events that records must be read for. */
#include "correlating.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sigma_kit.h"
#include "tests/support/nodes.h"

#define S 1000
#define SELECT(id, name, selection) \
    "title: R " id "\nid: " id "\nname: " name "\n" AWS "detection: {s: {" selection "}, condition: s}\n---\n"
#define BURST(name, of, n)                                                                                          \
    "title: Burst\nid: " name "\nlevel: high\ncorrelation:\n  type: event_count\n  rules: [" of "]\n  group-by: [user]\n" \
    "  timespan: 60s\n  condition: {gte: " n "}\n"

enum { ROWS = 40 };

struct bench {
    struct kt_rules *s;
    struct kt_correlating *c;
    bool in[ROWS + 1]; /* is row i part of a correlation? */
    char id[40];
    size_t told;
};

/* Event "rN" is row N; others are none. */
static uint64_t row_of(void *ctx, struct kt_span id)
{
    (void)ctx;
    uint64_t n = 0;
    for (size_t i = 1; i < id.n && id.p[0] == 'r'; i++)
        n = n * 10 + (uint64_t)(id.p[i] - '0');
    return n;
}

static void on_match(void *ctx, uint64_t seq, const struct kt_matched *m, bool matches)
{
    struct bench *b = ctx;
    assert_true(seq > 0 && seq <= ROWS);
    assert_true(m->correlation);
    b->in[seq] = matches;
    snprintf(b->id, sizeof b->id, "%.*s", (int)m->id.n, m->id.p);
    b->told++;
}

static struct bench *begin(const char *yaml)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->s = empty_set();
    add(b->s, "c", yaml);
    struct kt_correlating_rows rows = {row_of, on_match, b};
    b->c = kt_correlating_new(b->s, &rows);
    assert_non_null(b->c);
    return b;
}

static void end(struct bench *b)
{
    kt_correlating_free(b->c);
    kt_rules_free(b->s);
    free(b);
}

static bool feed_text(struct bench *b, const char *id, int64_t time, const char *record)
{
    int matched[8];
    struct kt_verdict v;
    json_t *root = record_of(record);
    size_t n = kt_rules_match(b->s, node_of(root), &v, matched, 8);
    bool takes = kt_correlating_takes(b->c, matched, n);
    struct kt_occurrence o = {matched, n, node_of(root), time * S, kt_span_of(id)};
    if (takes)
        assert_true(kt_correlating_feed(b->c, &o));
    json_decref(root);
    return takes;
}

static bool feed(struct bench *b, const char *id, int64_t time, const char *event)
{
    char record[200];
    snprintf(record, sizeof record, "{\"eventName\":\"%s\",\"user\":\"u\"}", event);
    return feed_text(b, id, time, record);
}

static int members(const struct bench *b)
{
    int n = 0;
    for (int i = 1; i <= ROWS; i++)
        n += b->in[i];
    return n;
}

static void rows_are_told_and_other_events_count(void **state)
{
    (void)state;
    struct bench *b = begin(SELECT("r1", "keys", "eventName: [CreateAccessKey, AttachUserPolicy]") BURST("burst", "keys", "3"));
    assert_true(feed(b, "r1", 0, "CreateAccessKey"));
    assert_true(feed(b, "x", 10, "AttachUserPolicy"));
    assert_int_equal(members(b), 0);
    assert_false(feed(b, "r9", 11, "ListUsers"));
    assert_true(feed(b, "r2", 20, "CreateAccessKey"));
    assert_int_equal(members(b), 2);
    assert_string_equal(b->id, "burst");
    feed(b, "r3", 30, "CreateAccessKey"); /* revised */
    assert_int_equal(members(b), 3);
    size_t told = b->told;
    feed(b, "r3", 30, "CreateAccessKey"); /* once more */
    assert_int_equal(b->told, told);
    feed(b, "r4", 500, "CreateAccessKey");
    assert_int_equal(b->in[4], 0);
    end(b);
}

static void a_retracted_match_leaves_its_rows(void **state)
{
    (void)state;
    struct bench *b = begin(SELECT("r1", "first", "eventName: CreateUser") SELECT("r2", "second", "eventName: CreateAccessKey")
                            SELECT("r3", "calm", "eventName: DeleteUser")
                            "title: T\nid: t\ncorrelation:\n  type: temporal\n  rules: [first, second, calm]\n  group-by: [user]\n"
                            "  timespan: 60s\n  condition: first and second and not calm\n");
    feed(b, "x1", 0, "CreateUser");
    feed(b, "r1", 50, "CreateAccessKey");
    assert_int_equal(b->in[1], 1);
    feed(b, "x2", 40, "DeleteUser"); /* late, and all is calm */
    assert_int_equal(b->in[1], 0);
    end(b);
}

/* What joined it stays in it, though it was told with other events. */
static void a_revised_match_keeps_what_joined(void **state)
{
    (void)state;
    struct bench *b = begin(SELECT("r1", "first", "eventName: CreateUser") SELECT("r2", "second", "eventName: CreateAccessKey")
                            "title: T\nid: t\ncorrelation:\n  type: temporal\n  rules: [first, second]\n  group-by: [user]\n"
                            "  timespan: 60s\n");
    feed(b, "r1", 0, "CreateUser");
    feed(b, "r2", 20, "CreateAccessKey");
    feed(b, "r3", 30, "CreateAccessKey");
    assert_int_equal(members(b), 3);
    feed(b, "r4", 10, "CreateUser"); /* late */
    assert_int_equal(members(b), 4);
    end(b);
}

#define CHAIN(of)                                                                                               \
    SELECT("r1", "keys", "eventName: CreateAccessKey") SELECT("r2", "users", "eventName: CreateUser")            \
    "title: Many\nname: many\ncorrelation:\n  type: event_count\n  rules: [keys]\n  group-by: [user]\n"          \
    "  timespan: 60s\n  condition: {gte: 3}\n---\n"                                                             \
    "title: C\nid: c\nlevel: high\ncorrelation:\n  type: temporal\n  rules: [" of "]\n  group-by: [user]\n  timespan: 10m\n"

static void rows_of_a_chain_are_the_same_in_any_order(void **state)
{
    (void)state;
    uint64_t dice = 88172645463325252u;
    for (int round = 0; round < 500; round++) {
        struct bench *b = begin(CHAIN("many, users"));
        int order[] = {1, 2, 3, 4, 5, 6, 7};
        for (int i = 6; i > 0; i--) {
            dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407u;
            int k = (int)(dice >> 33) % (i + 1), t = order[i];
            order[i] = order[k];
            order[k] = t;
        }
        for (int i = 0; i < 7; i++) {
            char id[8];
            snprintf(id, sizeof id, "r%d", order[i]);
            feed(b, id, order[i] * 8, order[i] == 4 ? "CreateUser" : "CreateAccessKey"); /* 8 .. 56 s */
        }
        assert_string_equal(b->id, "c");
        assert_int_equal(members(b), 7);
        end(b);
    }
}

static void the_order_of_arrival_does_not_matter(void **state)
{
    (void)state;
    static const int orders[][6] = {{1, 2, 3, 4, 5, 6}, {6, 5, 4, 3, 2, 1}, {3, 1, 6, 2, 5, 4}, {4, 6, 2, 1, 3, 5}};
    for (size_t k = 0; k < sizeof orders / sizeof *orders; k++) {
        struct bench *b = begin(SELECT("r1", "keys", "eventName: CreateAccessKey") BURST("burst", "keys", "3"));
        for (int i = 0; i < 6; i++) {
            char id[8];
            snprintf(id, sizeof id, "r%d", orders[k][i]);
            feed(b, id, orders[k][i] * 12, "CreateAccessKey"); /* 12 .. 72 s: all in one go */
        }
        assert_int_equal(members(b), 6);
        end(b);
    }
}

static void other_rules_begin_anew_with_what_was_kept(void **state)
{
    (void)state;
    struct bench *b = begin(SELECT("r1", "keys", "eventName: CreateAccessKey") SELECT("r2", "users", "eventName: CreateUser")
                            BURST("burst", "keys, users", "3"));
    const char *user = "{\"eventName\":\"CreateUser\",\"user\":\"u\"}";
    feed_text(b, "x", 1, user);
    kt_correlating_keep(b->c, 0, kt_span_of(user), false);
    feed(b, "r1", 2, "CreateAccessKey");
    feed_text(b, "y", 3, user);
    kt_correlating_keep(b->c, 1, kt_span_of(user), false);
    assert_int_equal(members(b), 1);
    assert_true(kt_correlating_set_rules(b->c, b->s));
    memset(b->in, 0, sizeof b->in); /* their owner forgets as well */
    assert_false(kt_span_known(kt_correlating_next(b->c, 0)));
    assert_true(kt_span_is(kt_correlating_next(b->c, 1), user)); /* before row 1 came */
    feed_text(b, "x", 1, user);
    assert_false(kt_span_known(kt_correlating_next(b->c, 1)));
    feed(b, "r1", 2, "CreateAccessKey");
    assert_true(kt_span_is(kt_correlating_next(b->c, 2), user));
    feed_text(b, "y", 3, user);
    assert_int_equal(members(b), 1);
    assert_false(kt_span_known(kt_correlating_next(b->c, 9)));
    end(b);
}

static void the_oldest_of_those_kept_go_first(void **state)
{
    (void)state;
    struct bench *b = begin(SELECT("r1", "keys", "eventName: CreateAccessKey") BURST("burst", "keys", "3"));
    char text[16];
    for (int i = 0; i < KT_CORRELATING_KEPT + 10; i++) {
        snprintf(text, sizeof text, "{\"n\":%d}", i);
        kt_correlating_keep(b->c, 0, kt_span_of(text), false);
    }
    assert_true(kt_correlating_set_rules(b->c, b->s));
    assert_true(kt_span_is(kt_correlating_next(b->c, 1), "{\"n\":10}"));
    end(b);
}

/* --- the events that matter ----------------------------------------------------- */

static void names_are(const char *rules, const char *want, size_t want_unnamed)
{
    const char *name[16];
    char yaml[2000], have[400] = "";
    size_t unnamed;
    struct kt_rules *s = empty_set();
    snprintf(yaml, sizeof yaml, "%s" BURST("b", "k", "2"), rules);
    add(s, "c", yaml);
    size_t n = kt_rules_event_names(s, name, 16, &unnamed);
    for (size_t i = 0; i < n; i++)
        snprintf(have + strlen(have), sizeof have - strlen(have), "%s%s", i ? " " : "", name[i]);
    assert_string_equal(have, want);
    assert_int_equal(unnamed, want_unnamed);
    kt_rules_free(s);
}

static void a_correlated_rule_says_which_events_it_needs(void **state)
{
    (void)state;
    names_are(SELECT("r", "k", "eventName: ConsoleLogin"), "ConsoleLogin", 0);
    names_are(SELECT("r", "k", "eventName: [AttachUserPolicy, PutUserPolicy, AttachUserPolicy], a: b"), "AttachUserPolicy PutUserPolicy", 0);
    names_are(SELECT("r", "k", "eventName|startswith: Delete"), "Delete", 0);
    names_are(SELECT("r", "k", "eventName: 'Put*Policy'"), "Policy", 0);
    names_are(SELECT("r", "k", "eventSource: iam.amazonaws.com"), "", 1);
    names_are(SELECT("r", "k", "eventName|contains: Key"), "", 1); /* too short to choose by */
    names_are(SELECT("r", "k", "eventName|re: '^Create.*'"), "", 1);
    names_are("title: R\nid: r\nname: k\n" AWS "detection:\n  a: {eventName: CreateUser}\n  b: {x: 1}\n  c: {eventName: GetUser}\n"
              "  condition: a and not c or b and a\n---\n", "CreateUser", 0);
    names_are("title: R\nid: r\nname: k\n" AWS "detection:\n  a: {eventName: CreateUser}\n  b: {x: 1}\n  condition: a or b\n---\n", "", 1);
    struct kt_rules *s = empty_set();
    size_t unnamed;
    const char *name[4];
    add(s, "alone", SELECT("r", "k", "eventName: ConsoleLogin") "title: Q\nid: q\n" AWS
                    "detection: {s: {eventName: GetUser}, condition: s}\n");
    assert_int_equal(kt_rules_event_names(s, name, 4, &unnamed), 0); /* no correlation, no need */
    kt_rules_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_told_and_other_events_count),
        cmocka_unit_test(a_retracted_match_leaves_its_rows),
        cmocka_unit_test(a_revised_match_keeps_what_joined),
        cmocka_unit_test(rows_of_a_chain_are_the_same_in_any_order),
        cmocka_unit_test(the_order_of_arrival_does_not_matter),
        cmocka_unit_test(other_rules_begin_anew_with_what_was_kept),
        cmocka_unit_test(the_oldest_of_those_kept_go_first),
        cmocka_unit_test(a_correlated_rule_says_which_events_it_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
