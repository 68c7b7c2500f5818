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

static bool on_row(void *ctx, const struct kt_row *r, json_t *root)
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
    struct kt_engine_sink sink = {on_row, on_trouble, NULL, s};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_is_counted_once),
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
