/* engine: from bytes to rows, and what it says of its own completeness. */
#include "engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define CREATION(id, user, target)                                                                       \
    "{\"eventVersion\":\"1.08\",\"userIdentity\":{\"type\":\"IAMUser\",\"userName\":\"" user             \
    "\",\"accountId\":\"111122223333\"},\"eventTime\":\"2023-07-10T12:24:29Z\",\"eventSource\":"          \
    "\"iam.amazonaws.com\",\"eventName\":\"CreateAccessKey\",\"requestParameters\":{\"userName\":\"" target \
    "\"},\"eventID\":\"" id "\",\"recipientAccountId\":\"111122223333\"}"
#define OTHER "{\"eventVersion\":\"1.08\",\"eventName\":\"GetUser\",\"eventID\":\"x\"}"

struct seen {
    int rows, troubles, malformed, conflicts, stop_after;
    char places[4096];
};

static bool on_row(void *ctx, const struct kt_row *r, struct kt_node *root)
{
    struct seen *s = ctx;
    s->rows++;
    s->malformed += r->ev.kind == KT_KIND_MALFORMED;
    s->conflicts += (r->ev.flags & KT_FLAG_CONFLICT) != 0;
    assert_true((root == NULL) == (r->ev.kind == KT_KIND_MALFORMED));
    return !s->stop_after || s->rows < s->stop_after;
}

static void on_trouble(void *ctx, const char *place, const char *sentence)
{
    struct seen *s = ctx;
    s->troubles++;
    size_t n = strlen(s->places);
    snprintf(s->places + n, sizeof s->places - n, "%s: %s\n", place, sentence);
}

static struct kt_engine *engine_with(struct kt_engine_opts o)
{
    struct kt_engine *g = NULL;
    struct kt_err e = {0};
    o.since = o.since ? o.since : KT_TIME_NONE;
    o.until = o.until ? o.until : KT_TIME_NONE;
    if (kt_engine_new(&g, &o, &e) != KT_OK)
        fail_msg("%s", e.text);
    return g;
}

static char *file_of(const char *text)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/keytop-engine-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return path;
}

static bool run(struct kt_engine *g, const char *text, struct seen *s)
{
    char *path = file_of(text);
    struct kt_err e = {0};
    assert_int_equal(kt_engine_add(g, path, NULL, &e), KT_OK);
    struct kt_engine_sink sink = {.row = on_row, .trouble = on_trouble, .ctx = s};
    bool whole = kt_engine_run(g, &sink, -1);
    unlink(path);
    return whole;
}

static void assert_ledger(struct kt_engine *g)
{
    struct kt_counts c = kt_store_counts(kt_engine_store(g));
    assert_int_equal(c.received, c.shown + c.filtered + c.duplicate + c.malformed);
}

static void every_event_is_counted_once(void **state)
{
    (void)state;
    struct kt_engine *g = engine_with((struct kt_engine_opts){0});
    struct seen s = {0};
    assert_true(run(g,
                    "{\"Records\":[" CREATION("a", "alice", "bob") "," OTHER "," CREATION("a", "alice", "bob") ","
                    CREATION("b", "alice", "eve") "," CREATION("a", "mallory", "bob") "]}",
                    &s));
    struct kt_counts c = kt_store_counts(kt_engine_store(g));
    assert_int_equal(c.records, 5);
    assert_int_equal(c.received, 4);
    assert_int_equal(c.shown, 3);
    assert_int_equal(c.duplicate, 1);
    assert_int_equal(c.conflicts, 2);
    assert_int_equal(s.rows, 3);
    assert_int_equal(s.conflicts, 1);
    assert_int_equal(s.troubles, 0);
    assert_ledger(g);
    kt_engine_free(g);
}

static void the_same_event_in_another_envelope_is_a_duplicate(void **state)
{
    (void)state;
    struct kt_engine *g = engine_with((struct kt_engine_opts){0});
    struct kt_err e;
    static const char one[] = CREATION("a", "alice", "bob");
    static const char two[] = "{\"detail-type\":\"AWS API Call via CloudTrail\",\"detail\": " CREATION("a", "alice",
                                                                                                      "bob") " }";
    assert_int_equal(kt_engine_feed(g, "one", one, sizeof one - 1, &e), KT_OK);
    assert_int_equal(kt_engine_feed(g, "two", two, sizeof two - 1, &e), KT_OK);
    struct kt_counts c = kt_store_counts(kt_engine_store(g));
    assert_int_equal(c.shown, 1);
    assert_int_equal(c.duplicate, 1);
    assert_ledger(g);
    kt_engine_free(g);
}

static void what_filter_since_and_rule_leave_out_is_counted(void **state)
{
    (void)state;
    struct kt_err e;
    struct kt_filter *f = NULL;
    assert_int_equal(kt_filter_parse(&f, KT_LIT("target:bob"), 0, NULL, &e), KT_OK);
    static const char text[] = CREATION("a", "alice", "bob") "\n" CREATION("b", "alice", "eve") "\n";
    struct kt_engine_opts opts[] = {
        {.filter = f},
        {.since = kt_time_parse(KT_LIT("2023-07-10T12:24:30Z"))},
        {.until = kt_time_parse(KT_LIT("2023-07-10T12:24:29Z"))},
        {.rule = "aws_detect_permanent_key_creation"},
        {.rule = "12d6d713-3cb4-4ffc-a064-1dca3d1cca01"},
    };
    static const int shown[] = {1, 0, 2, 2, 2};
    for (size_t i = 0; i < sizeof opts / sizeof *opts; i++) {
        struct kt_engine *g = engine_with(opts[i]);
        struct seen s = {0};
        assert_true(run(g, text, &s));
        struct kt_counts c = kt_store_counts(kt_engine_store(g));
        assert_int_equal(c.shown, shown[i]);
        assert_int_equal(c.filtered, 2 - shown[i]);
        assert_int_equal(s.rows, shown[i]);
        assert_ledger(g);
        kt_engine_free(g);
    }
    kt_filter_free(f);
}

static void an_unknown_rule_is_named(void **state)
{
    (void)state;
    struct kt_engine *g = NULL;
    struct kt_err e = {0};
    struct kt_engine_opts o = {.since = KT_TIME_NONE, .until = KT_TIME_NONE, .rule = "no_such_rule"};
    assert_int_equal(kt_engine_new(&g, &o, &e), KT_ENOTFOUND);
    assert_null(g);
    assert_non_null(strstr(e.text, "no_such_rule"));
}

static void a_malformed_record_is_a_row_with_its_place(void **state)
{
    (void)state;
    struct kt_engine *g = engine_with((struct kt_engine_opts){0});
    struct seen s = {0};
    assert_false(run(g,
                     CREATION("a", "alice", "bob") "\n{\"eventName\":\"CreateAccessKey\",\"eventID\":nope}\n"
                     CREATION("b", "alice", "bob") "\n",
                     &s));
    assert_int_equal(s.rows, 3);
    assert_int_equal(s.malformed, 1);
    assert_int_equal(s.troubles, 1);
    assert_non_null(strstr(s.places, "record 2"));
    assert_ledger(g);
    kt_engine_free(g);
}

static void a_cut_file_is_a_gap(void **state)
{
    (void)state;
    struct kt_engine *g = engine_with((struct kt_engine_opts){0});
    struct seen s = {0};
    assert_false(run(g, "{\"Records\":[" CREATION("a", "alice", "bob") ",{\"eventVersion\":\"1.0", &s));
    assert_true(s.rows >= 1);
    assert_true(s.troubles >= 1);
    assert_true(kt_store_counts(kt_engine_store(g)).gaps == 1);
    struct kt_completeness c = kt_engine_completeness(g);
    assert_int_equal(c.gaps, 1);
    kt_engine_free(g);
}

static void the_reader_can_stop_it(void **state)
{
    (void)state;
    struct kt_engine *g = engine_with((struct kt_engine_opts){0});
    struct seen s = {.stop_after = 1};
    run(g, CREATION("a", "alice", "bob") "\n" CREATION("b", "alice", "bob") "\n", &s);
    assert_int_equal(s.rows, 1);
    kt_engine_free(g);
}

static void live_rows_are_published_through_the_fd(void **state)
{
    (void)state;
    struct kt_engine *g = engine_with((struct kt_engine_opts){0});
    struct kt_err e = {0};
    char *path = file_of(CREATION("a", "alice", "bob") "\n");
    assert_int_equal(kt_engine_add(g, path, "trail", &e), KT_OK);
    assert_int_equal(kt_engine_start(g, &e), KT_OK);
    struct kt_source_state st = {0};
    int64_t limit = kt_mono_ms() + 10000;
    while (st.health.state != KT_HEALTH_DONE && kt_mono_ms() < limit) {
        struct pollfd p = {.fd = kt_engine_fd(g), .events = POLLIN};
        assert_true(poll(&p, 1, 10000) > 0);
        uint64_t n;
        assert_int_equal(read(p.fd, &n, sizeof n), sizeof n);
        assert_int_equal(kt_engine_sources(g, &st, 1), 1);
    }
    unlink(path);
    assert_int_equal(st.health.state, KT_HEALTH_DONE);
    assert_string_equal(st.name, "trail");
    assert_int_equal(st.rows, 1);
    struct kt_view *v = kt_view_open(kt_engine_views(g), &(struct kt_view_spec){.sort = KT_FIELD_TIME});
    assert_non_null(v);
    kt_view_settle(v);
    const struct kt_snapshot *snap = kt_view_snapshot(v);
    assert_int_equal(snap->n, 1);
    kt_snapshot_release(snap);
    kt_view_close(v);
    assert_true(kt_engine_completeness(g).complete_to == kt_time_parse(KT_LIT("2023-07-10T12:24:29Z")));
    kt_engine_free(g);
}

/* --- kinds and the ledger ------------------------------------------------------ */

#define CALL(id, name, service, minute, key, rest)                                                           \
    "{\"eventVersion\":\"1.08\",\"userIdentity\":{\"type\":\"IAMUser\",\"arn\":\"arn:aws:iam::111122223333:"   \
    "user/team/alice\",\"accountId\":\"111122223333\",\"accessKeyId\":\"" key "\",\"userName\":\"alice\"},"     \
    "\"eventTime\":\"2023-07-10T12:" minute ":29Z\",\"eventSource\":\"" service ".amazonaws.com\","             \
    "\"eventName\":\"" name "\",\"sourceIPAddress\":\"203.0.113.9\",\"userAgent\":\"aws-cli/2.17.32 "           \
    "os/linux#6.5\"," rest "\"eventID\":\"" id "\",\"recipientAccountId\":\"111122223333\"}"
#define MADE "AKIAEXAMPLEEXAMPLE11"
#define OWN "AKIAEXAMPLEEXAMPLE12"
#define LIVES                                                                                                \
    "{\"Records\":[" CALL("1", "CreateAccessKey", "iam", "20", OWN,                                           \
                          "\"requestParameters\":{\"userName\":\"bob\"},\"responseElements\":{\"accessKey\":{"   \
                          "\"userName\":\"bob\",\"accessKeyId\":\"" MADE "\",\"status\":\"Active\"}},")        \
    "," CALL("2", "GetCallerIdentity", "sts", "21", MADE, "")                                                 \
    "," CALL("3", "ListBuckets", "s3", "22", MADE, "\"errorCode\":\"AccessDenied\",")                         \
    "," CALL("4", "UpdateAccessKey", "iam", "23", OWN,                                                        \
             "\"requestParameters\":{\"userName\":\"bob\",\"status\":\"Inactive\",\"accessKeyId\":\"" MADE "\"},") \
    "," CALL("5", "DeleteAccessKey", "iam", "24", OWN,                                                        \
             "\"requestParameters\":{\"userName\":\"bob\",\"accessKeyId\":\"" MADE "\"},")                     \
    "," CALL("6", "CreateLoginProfile", "iam", "25", "ASIAEXAMPLEEXAMPLE1",                                   \
             "\"responseElements\":{\"loginProfile\":{\"userName\":\"bob\"}},")                               \
    "," CALL("2", "GetCallerIdentity", "sts", "21", MADE, "") "," OTHER "]}"

struct kinds_seen {
    int of[KT_KIND_COUNT];
};

static bool count_kind(void *ctx, const struct kt_row *r, struct kt_node *root)
{
    (void)root;
    ((struct kinds_seen *)ctx)->of[r->ev.kind]++;
    return true;
}

static struct kt_engine *read_lives(struct kt_engine_opts o, struct kinds_seen *k)
{
    struct kt_engine *g = engine_with(o);
    struct kt_err e = {0};
    char *path = file_of(LIVES);
    *k = (struct kinds_seen){0};
    assert_int_equal(kt_engine_add(g, path, NULL, &e), KT_OK);
    assert_true(kt_engine_run(g, &(struct kt_engine_sink){.row = count_kind, .ctx = k}, -1));
    unlink(path);
    assert_ledger(g);
    return g;
}

static void creations_alone_are_rows_and_nothing_is_learnt_unless_asked_for(void **state)
{
    (void)state;
    struct kinds_seen k;
    struct kt_engine *g = read_lives((struct kt_engine_opts){0}, &k);
    struct kt_counts c = kt_store_counts(kt_engine_store(g));
    assert_int_equal(k.of[KT_KIND_CREATION], 1);
    assert_int_equal(c.received, 1);
    assert_int_equal(c.records, 8);
    assert_int_equal(c.facts + c.facts_duplicate + c.keys, 0);
    kt_engine_free(g);
}

static void kinds_asked_for_are_rows_and_the_counts_add_up(void **state)
{
    (void)state;
    struct kinds_seen k;
    struct kt_engine *g = read_lives((struct kt_engine_opts){.kinds = KT_KINDS_ALL}, &k);
    struct kt_counts c = kt_store_counts(kt_engine_store(g));
    assert_int_equal(k.of[KT_KIND_CREATION], 1);
    assert_int_equal(k.of[KT_KIND_USE], 2);
    assert_int_equal(k.of[KT_KIND_DEACTIVATION], 1);
    assert_int_equal(k.of[KT_KIND_DELETION], 1);
    assert_int_equal(k.of[KT_KIND_CREDENTIAL], 1);
    assert_int_equal(c.received, 7);
    assert_int_equal(c.duplicate, 1);
    kt_engine_free(g);
    g = read_lives((struct kt_engine_opts){.kinds = KT_KIND_BIT(KT_KIND_USE)}, &k);
    assert_int_equal(k.of[KT_KIND_USE], 5); /* calls of IAM with a long-lived key are uses of it as well */
    assert_int_equal(k.of[KT_KIND_CREATION], 0);
    kt_engine_free(g);
    g = read_lives((struct kt_engine_opts){.kinds = KT_KIND_BIT(KT_KIND_DELETION) | KT_KIND_BIT(KT_KIND_REACTIVATION)}, &k);
    assert_int_equal(k.of[KT_KIND_DELETION], 1);
    assert_int_equal(kt_store_counts(kt_engine_store(g)).received, 1);
    kt_engine_free(g);
}

/* By the end of its path; the settings of a source that asks a service are no part of it. */
static void sources_have_short_names(void **state)
{
    static const char *const names[][2] = {{"cloudtrail:?region=us-east-1&interval=30", "cloudtrail"},
                                           {"s3://trail-bucket/?region=us-east-1", "trail-bucket"},
                                           {"sqs:events?region=us-east-1&role=arn:aws:iam::111122223333:role/soc", "sqs:events"},
                                           {"logs:/aws/cloudtrail/trail?region=us-east-1&live=1", "trail"},
                                           {"splunk://splunk.example.com:8089/?index=aws", "splunk.example.com:8089"}};
    enum { NAMES = sizeof names / sizeof *names };
    struct kt_source_state st[NAMES];
    struct kt_engine *g = engine_with((struct kt_engine_opts){0});
    struct kt_err e = {0};
    (void)state;
    for (size_t i = 0; i < NAMES; i++)
        if (kt_engine_add(g, names[i][0], NULL, &e) != KT_OK)
            fail_msg("%s", e.text);
    assert_int_equal(kt_engine_sources(g, st, NAMES), NAMES);
    for (size_t i = 0; i < NAMES; i++)
        assert_string_equal(st[i].name, names[i][1]);
    kt_engine_free(g);
}

static void check_lives(struct kt_engine *g)
{
    struct kt_arena *a = kt_arena_new(1 << 20);
    struct kt_key_life l;
    assert_true(kt_store_key_life(kt_engine_store(g), KT_LIT(MADE), a, &l));
    assert_true(l.created && kt_span_is(l.creator, "alice") && kt_span_is(l.user, "bob"));
    assert_int_equal(l.uses, 2);
    assert_int_equal(l.denied, 1);
    assert_true(kt_span_is(l.first_use.event_name, "GetCallerIdentity"));
    assert_true(kt_span_is(l.last_use.event_name, "ListBuckets"));
    assert_true(kt_span_is(l.first_use.agent.tool, "aws-cli"));
    assert_int_equal(l.n_address, 1);
    assert_int_equal(l.first_elsewhere, KT_NO);
    assert_int_equal(l.first_other_agent, KT_NO);
    assert_int_equal(l.deactivations, 1);
    assert_int_equal(l.state, KT_KEY_DELETED);
    assert_true(kt_store_key_life(kt_engine_store(g), KT_LIT(OWN), a, &l));
    assert_int_equal(l.uses, 3);
    assert_false(l.created);
    assert_true(kt_span_is(l.user, "alice") && kt_span_is(l.account, "111122223333"));
    struct kt_counts c = kt_store_counts(kt_engine_store(g));
    assert_int_equal(c.facts, 8);
    assert_int_equal(c.facts_duplicate, 1);
    kt_arena_free(a);
}

static void the_ledger_is_the_same_walked_or_parsed_and_whatever_is_shown(void **state)
{
    (void)state;
    struct kinds_seen k;
    struct kt_filter *none = NULL;
    struct kt_err e = {0};
    assert_int_equal(kt_filter_parse(&none, KT_LIT("nothing-has-this"), 0, NULL, &e), KT_OK);
    const struct kt_engine_opts ways[] = {{.ledger = true},
                                          {.kinds = KT_KINDS_ALL},
                                          {.kinds = KT_KIND_BIT(KT_KIND_USE), .filter = none},
                                          {.ledger = true, .since = INT64_C(1900000000000)}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct kt_engine *g = read_lives(ways[i], &k);
        check_lives(g);
        kt_engine_free(g);
    }
    kt_filter_free(none);
}

static void a_creation_in_the_ledger_leads_to_its_row(void **state)
{
    (void)state;
    struct kinds_seen k;
    struct kt_engine *g = read_lives((struct kt_engine_opts){.ledger = true}, &k);
    struct kt_arena *a = kt_arena_new(1 << 20);
    struct kt_key_life l;
    struct kt_row r;
    assert_true(kt_store_key_life(kt_engine_store(g), KT_LIT(MADE), a, &l));
    assert_true(kt_store_row(kt_engine_store(g), l.seq, false, a, &r));
    assert_true(kt_span_is(r.ev.key.id, MADE));
    kt_arena_free(a);
    kt_engine_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_have_short_names),
        cmocka_unit_test(every_event_is_counted_once),
        cmocka_unit_test(creations_alone_are_rows_and_nothing_is_learnt_unless_asked_for),
        cmocka_unit_test(kinds_asked_for_are_rows_and_the_counts_add_up),
        cmocka_unit_test(the_ledger_is_the_same_walked_or_parsed_and_whatever_is_shown),
        cmocka_unit_test(a_creation_in_the_ledger_leads_to_its_row),
        cmocka_unit_test(the_same_event_in_another_envelope_is_a_duplicate),
        cmocka_unit_test(what_filter_since_and_rule_leave_out_is_counted),
        cmocka_unit_test(an_unknown_rule_is_named),
        cmocka_unit_test(a_malformed_record_is_a_row_with_its_place),
        cmocka_unit_test(a_cut_file_is_a_gap),
        cmocka_unit_test(the_reader_can_stop_it),
        cmocka_unit_test(live_rows_are_published_through_the_fd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
