/* What was read before is known by its bytes, and not parsed again. */
#include "engine.h"
#include "ingest/crew.h"
#include "ingest/known.h"
#include "tests/support/fake_aws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void digest_of(int i, uint8_t out[KT_KNOWN_DIGEST])
{
    kt_known_digest(&i, sizeof i, out);
}

static void knows_what_was_added_and_forgets(void **state)
{
    (void)state;
    enum { MANY = 300000, RECENT = 20000 };
    struct kt_known *k = kt_known_new();
    uint8_t d[KT_KNOWN_DIGEST], none[KT_KNOWN_DIGEST] = {0};
    size_t known = 0, recent = 0;
    for (int i = 0; i < MANY; i++) {
        digest_of(i, d);
        assert_false(kt_known_has(k, d));
        kt_known_add(k, d);
        assert_true(kt_known_has(k, d));
        kt_known_add(k, d); /* twice is once */
    }
    for (int i = 0; i < MANY; i++) {
        digest_of(i, d);
        known += kt_known_has(k, d);
        recent += i >= MANY - RECENT && kt_known_has(k, d);
    }
    assert_in_range(known, 1, 4 << 15);
    assert_true(recent > RECENT * 99 / 100);
    kt_known_add(k, none); /* of what could not be hashed */
    assert_false(kt_known_has(k, none));
    kt_known_free(k);
}

struct told {
    struct kt_known *known;
    size_t records, again, malformed, ended;
    uint64_t seen;
};

static bool on_record(void *owner, const struct kt_record *r)
{
    struct told *t = owner;
    t->records++;
    if (r->digest)
        kt_known_add(t->known, r->digest);
    return true;
}

static bool on_again(void *owner)
{
    ((struct told *)owner)->again++;
    return true;
}

static bool on_malformed(void *owner, const struct kt_malformed *m)
{
    (void)m;
    ((struct told *)owner)->malformed++;
    return true;
}

static void on_ended(void *owner, enum kt_ingest_end end, const struct kt_err *why, const struct kt_ingest_stats *s)
{
    struct told *t = owner;
    (void)end, (void)why;
    t->ended++;
    t->seen += s->records;
}

static void read_text(struct kt_crew *c, struct told *t, const char *text)
{
    struct kt_stream *s = kt_crew_open(c, t, 0, 0);
    assert_non_null(s);
    assert_true(kt_crew_feed(s, text, strlen(text)));
    kt_crew_end(s);
    assert_true(kt_crew_settle(c));
}

#define ONE "{\"eventName\":\"CreateAccessKey\",\"eventID\":\"1\",\"eventSource\":\"iam.amazonaws.com\"}"
#define TWO "{\"eventName\":\"CreateAccessKey\",\"eventID\":\"2\",\"eventSource\":\"iam.amazonaws.com\"}"
#define WRAPPED(x) "{\"EventId\":\"" x "\",\"CloudTrailEvent\":\"{\\\"eventName\\\":\\\"CreateAccessKey\\\",\\\"eventID\\\":\\\"" x "\\\",\\\"eventSource\\\":\\\"iam.amazonaws.com\\\"}\"}"

static void what_is_known_is_not_parsed(void **state)
{
    (void)state;
    static const char *const names[] = {"CreateAccessKey"};
    struct told t = {.known = kt_known_new()};
    struct kt_crew *c = kt_crew_new(names, 1, &(struct kt_crew_sink){.record = on_record, .malformed = on_malformed, .ended = on_ended}, 2);
    kt_crew_remember(c, t.known, on_again);
    read_text(c, &t, "{\"Records\":[" ONE "," TWO "]}");
    assert_int_equal(t.records, 2);
    assert_int_equal(t.again, 0);
    read_text(c, &t, "{\"Records\":[" TWO "," ONE "]}"); /* in any order */
    read_text(c, &t, ONE "\n" TWO "\n");                    /* in another envelope */
    assert_int_equal(t.records, 2);
    assert_int_equal(t.again, 4);
    read_text(c, &t, "{\"Events\":[" WRAPPED("3") "," WRAPPED("4") "],\"NextToken\":\"x\"}");
    assert_int_equal(t.records, 4);
    read_text(c, &t, "{\"Events\":[" WRAPPED("4") "," WRAPPED("5") "]}");
    assert_int_equal(t.records, 5);
    assert_int_equal(t.again, 5);
    assert_int_equal(t.seen, 10); /* each of them counts as seen */
    assert_int_equal(t.malformed, 0);
    assert_int_equal(t.ended, 5);
    kt_crew_free(c);
    kt_known_free(t.known);
}

/* What holds two records is told record by record each time: which of them became rows is
 * not known of the whole. Nor is damage. */
static void only_what_stands_alone_is_known(void **state)
{
    (void)state;
    static const char *const names[] = {"CreateAccessKey"};
    static const char text[] = "{\"Message\":\"{\\\"Records\\\":[{\\\"eventName\\\":\\\"CreateAccessKey\\\",\\\"eventID\\\":\\\"1\\\"},"
                               "{\\\"eventName\\\":\\\"CreateAccessKey\\\",\\\"eventID\\\":\\\"2\\\"}]}\"}\n"
                               "{\"eventName\":\"CreateAccessKey\",\"eventID\":tru}\n";
    struct told t = {.known = kt_known_new()};
    struct kt_crew *c = kt_crew_new(names, 1, &(struct kt_crew_sink){.record = on_record, .malformed = on_malformed, .ended = on_ended}, 1);
    kt_crew_remember(c, t.known, on_again);
    read_text(c, &t, text);
    size_t records = t.records, malformed = t.malformed;
    assert_int_equal(records, 2);
    assert_int_equal(malformed, 1);
    read_text(c, &t, text);
    assert_int_equal(t.records, 2 * records);
    assert_int_equal(t.malformed, 2 * malformed);
    assert_int_equal(t.again, 0);
    kt_crew_free(c);
    kt_known_free(t.known);
}

/* The engine counts them as what they are, and the ledger adds up. */
static void the_engine_counts_them(void **state)
{
    (void)state;
    struct kt_engine *g;
    struct kt_err e = {0};
    struct kt_buf b;
    struct kt_engine_opts o = {.follow = true, .since = KT_TIME_NONE, .until = KT_TIME_NONE, .ledger = true};
    assert_int_equal(kt_engine_new(&g, &o, &e), KT_OK);
    kt_buf_init(&b, 1 << 20);
    for (int i = 1; i <= 50; i++) {
        fake_aws_create_key(&b, i, INT64_C(1795000000000) + i * 1000, "111122223333");
        kt_buf_addc(&b, '\n');
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(kt_engine_feed(g, "a", b.p, b.len, &e), KT_OK);
    struct kt_counts n = kt_store_counts(kt_engine_store(g));
    assert_int_equal(n.shown, 50);
    assert_int_equal(n.duplicate, 150);
    assert_int_equal(n.received, 200);
    assert_int_equal(n.records, 200);
    assert_int_equal(n.conflicts, 0);
    assert_int_equal(n.facts_duplicate, 0); /* they did not even come to that */
    kt_buf_free(&b);
    kt_engine_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_was_added_and_forgets),
        cmocka_unit_test(what_is_known_is_not_parsed),
        cmocka_unit_test(only_what_stands_alone_is_known),
        cmocka_unit_test(the_engine_counts_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
