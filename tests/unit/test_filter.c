/* filter: the language of the prompt, its errors, and what rows it keeps. */
#include "filter/filter.h"

#include "tests/support/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const int64_t NOW = INT64_C(1700000000000);

static struct kt_filter *parse(const char *text)
{
    struct kt_filter *f;
    struct kt_err e = {0};
    size_t column;
    enum kt_code c = kt_filter_parse(&f, kt_span_of(text), NOW, &column, &e);
    if (c)
        print_message("%s: %s\n", text, e.text);
    assert_int_equal(c, KT_OK);
    return f;
}

static bool keeps(const char *text, const struct kt_row *r)
{
    struct kt_filter *f = parse(text);
    struct kt_arena *a = kt_arena_new(1 << 20);
    assert_non_null(a);
    bool yes = kt_filter_row(f, r, a);
    kt_arena_free(a);
    kt_filter_free(f);
    return yes;
}

static struct kt_row bob_for_alice(void)
{
    struct kt_row r;
    rowgen_plain(&r, "0f0e0d0c-1111-4222-8333-abcdefabcdef", NOW - 3600000);
    r.ev.actor.name = KT_LIT("Bob");
    r.ev.target.self = KT_NO;
    r.ev.actor.session = KT_LIT("");
    r.verdict.risk = 63;
    r.verdict.level = KT_LEVEL_MEDIUM;
    r.verdict.signal[r.verdict.n_signals++] = (struct kt_signal){.name = KT_LIT("target.other"), .weight = 38};
    r.origin.record = 17;
    return r;
}

static void an_empty_filter_keeps_all(void **state)
{
    (void)state;
    struct kt_row r = bob_for_alice();
    assert_null(parse(""));
    assert_null(parse("  \t "));
    assert_true(keeps("", &r));
    assert_null(kt_filter_clone(NULL));
}

static void a_word_is_looked_for_in_every_text(void **state)
{
    (void)state;
    struct kt_row r = bob_for_alice();
    static const char *const yes[] = {"bob", "BOB", "o", "alice", "boto3", "203.0.113", "created", "sdk",
                                      "target.other", "createaccesskey", "0f0e0d0c", "us-east", "trail.json", "\"\"",
                                      "\"arn:aws:iam::\"", "\"Python/3.11.4 Linux\"", "bob alice", "bob and alice",
                                      " bob\t\n "};
    static const char *const no[] = {"carol", "bobx", "2023", "true", "203.0.113.99", "\" bob\"", "bob carol",
                                     "2001:db8::1", "\"and\""};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(keeps(yes[i], &r));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(keeps(no[i], &r));
}

static void a_value_is_looked_for_in_its_field(void **state)
{
    (void)state;
    struct kt_row r = bob_for_alice();
    static const char *const yes[] = {"actor:bob", "actor.name:OB", "target:alice", "key:AKIA", "from:203.", "tool:boto",
                                      "agent:\"python/3.11.4 linux\"", "result:creat", "level:medium",
                                      "target.self:false", "signals:other", "risk:63", "origin.record:17", "time:2023-11-14",
                                      "actor:\"bob\" target:\"alice\"", "kind:creation", "actor.session:\"\""};
    static const char *const no[] = {"actor:alice", "target:bob", "risk:6", "risk:630", "origin.record:1", "actor.session:x",
                                     "error.code:x", "actor:bob target:bob", "time:2024"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(keeps(yes[i], &r));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(keeps(no[i], &r));
}

static void equality_counts_case_and_the_whole(void **state)
{
    (void)state;
    struct kt_row r = bob_for_alice();
    assert_true(keeps("actor:=Bob", &r));
    assert_false(keeps("actor:=bob", &r));
    assert_false(keeps("actor:=Bo", &r));
    assert_true(keeps("agent:=\"Boto3/1.28.0 Python/3.11.4 Linux/6.1.0\"", &r));
    assert_true(keeps("actor.session:=", &r));
    assert_false(keeps("actor:=", &r));
    assert_true(keeps("risk:=63", &r));
    r.ev.actor.name = KT_LIT("a\"b\\c");
    assert_true(keeps("actor:=\"a\\\"b\\\\c\"", &r));
}

static void risk_level_record_and_time_are_compared(void **state)
{
    (void)state;
    struct kt_row r = bob_for_alice();
    static const char *const yes[] = {"risk:>=63", "risk:>62", "risk:<=63", "risk:<64", "risk>=50", "risk<100", "time:>2h",
                                      "time:>2023-07-10", "time:<30m", "time:<=2023-11-14T21:13:20Z",
                                      "time:>=2023-11-14T21:13:20Z", "level:>=medium", "level:<high", "origin.record:>16",
                                      "key.created:>2h", "risk:>\"50\"", "risk:>=50 risk:<70"};
    static const char *const no[] = {"risk:>=64", "risk:>63", "risk:<63", "risk<=62", "time:>30m", "time:<2h",
                                     "time:<2023-11-14T21:13:20Z", "level:>medium", "level:>=high", "origin.record:<17"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(keeps(yes[i], &r));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(keeps(no[i], &r));
}

static void what_is_not_known_is_asked_for_by_an_empty_value(void **state)
{
    (void)state;
    struct kt_row r = bob_for_alice();
    r.ev.region = KT_SPAN_NONE;
    r.ev.time = KT_TIME_NONE;
    assert_true(keeps("region:", &r));
    assert_false(keeps("-region:", &r));
    assert_false(keeps("actor:", &r));
    assert_true(keeps("-actor:", &r));
    assert_false(keeps("region:\"\"", &r));
    assert_false(keeps("actor.session:", &r)); /* known to be empty */
    assert_true(keeps("actor.via:", &r));
    assert_true(keeps("time:", &r));
    assert_false(keeps("time:>2h", &r)); /* no comparison holds */
    assert_false(keeps("time:<2h", &r));
    assert_true(keeps("-time:<2h", &r));
}

static void a_term_is_excluded_by_a_minus_or_not(void **state)
{
    (void)state;
    struct kt_row r = bob_for_alice();
    static const char *const yes[] = {"-carol", "not carol", "-actor:carol", "not risk:>=64", "-risk>=64", "not -bob",
                                      "not not bob", "- carol", "-\"not\"", "bob -carol", "bob and not carol"};
    static const char *const no[] = {"-bob", "not bob", "NOT bob", "-actor:bob", "bob -alice", "not risk>=50"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(keeps(yes[i], &r));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(keeps(no[i], &r));
}

static void an_error_names_its_column_and_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum kt_code code;
        size_t column;
        const char *says;
    } bad[] = {
        {"actro:bob", KT_ENOTFOUND, 0, "actro"},
        {"bob actro:x", KT_ENOTFOUND, 4, "no field has this name"},
        {"arn:aws", KT_ENOTFOUND, 0, "double quotes"},
        {"actor:>5", KT_EUSAGE, 6, "can be compared"},
        {"risk:>x", KT_EUSAGE, 6, "not a number"},
        {"risk:>=", KT_EUSAGE, 7, "missing"},
        {"risk:x", KT_EUSAGE, 5, "not a number"},
        {"risk:\"\"", KT_EUSAGE, 5, "not a number"},
        {"a risk>", KT_EUSAGE, 7, "missing"},
        {"time:>yesterday", KT_EUSAGE, 6, "not a time"},
        {"time:>2023-02-30", KT_EUSAGE, 6, "not a time"},
        {"level:>=urgent", KT_EUSAGE, 8, "informational"},
        {"bob \"alice", KT_EUSAGE, 4, "not closed"},
        {"actor:\"a\\\"", KT_EUSAGE, 6, "not closed"},
        {"\"a\"b", KT_EUSAGE, 3, "blank is missing"},
        {"bob -", KT_EUSAGE, 4, "missing"},
        {"bob not", KT_EUSAGE, 4, "missing"},
        {"- and x", KT_EUSAGE, 0, "missing"},
        {"and bob", KT_EUSAGE, 0, "two terms"},
        {"bob and", KT_EUSAGE, 4, "two terms"},
        {"bob and and alice", KT_EUSAGE, 4, "two terms"},
        {"bob or alice", KT_EUNSUPPORTED, 4, "not built"},
        {"(bob)", KT_EUNSUPPORTED, 0, "not built"},
        {"risk:>99999999999999999999", KT_EUSAGE, 6, "not a number"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct kt_filter *f;
        struct kt_err e = {0};
        size_t column = 99;
        assert_int_equal(kt_filter_parse(&f, kt_span_of(bad[i].text), NOW, &column, &e), bad[i].code);
        assert_null(f);
        assert_int_equal(column, bad[i].column);
        assert_int_equal(e.code, bad[i].code);
        assert_non_null(strstr(e.text, bad[i].says));
        assert_int_equal(kt_filter_parse(&f, kt_span_of(bad[i].text), NOW, NULL, NULL), bad[i].code);
    }
}

static void a_filter_has_limits(void **state)
{
    (void)state;
    char text[KT_FILTER_TEXT_MAX + 2];
    struct kt_filter *f;
    const struct kt_filter_term *t;
    memset(text, 'x', sizeof text);
    assert_int_equal(kt_filter_parse(&f, (struct kt_span){text, sizeof text - 1}, NOW, NULL, NULL), KT_ELIMIT);
    assert_int_equal(kt_filter_parse(&f, (struct kt_span){text, sizeof text - 2}, NOW, NULL, NULL), KT_OK);
    kt_filter_free(f);
    for (size_t i = 1; i < sizeof text; i += 2)
        text[i] = ' ';
    assert_int_equal(kt_filter_parse(&f, (struct kt_span){text, 2 * KT_FILTER_TERMS_MAX}, NOW, NULL, NULL), KT_OK);
    assert_int_equal(kt_filter_terms(f, &t), KT_FILTER_TERMS_MAX);
    kt_filter_free(f);
    assert_int_equal(kt_filter_parse(&f, (struct kt_span){text, 2 * KT_FILTER_TERMS_MAX + 1}, NOW, NULL, NULL),
                     KT_ELIMIT);
}

static void a_clone_outlives_its_original(void **state)
{
    (void)state;
    struct kt_filter *f = parse("actor:Bob risk:>=50 -\"x y\" region:"), *g = kt_filter_clone(f);
    const struct kt_filter_term *t;
    kt_filter_free(f);
    assert_int_equal(kt_filter_terms(g, &t), 4);
    assert_int_equal(t[0].field, KT_FIELD_ACTOR_NAME);
    assert_int_equal(t[0].op, KT_OP_CONTAINS);
    assert_true(kt_span_is(t[0].text, "bob"));
    assert_int_equal(t[1].op, KT_OP_GE);
    assert_true(t[1].number == 50);
    assert_true(t[2].negated);
    assert_int_equal(t[2].field, KT_FIELD_COUNT);
    assert_true(kt_span_is(t[2].text, "x y"));
    assert_int_equal(t[3].op, KT_OP_UNKNOWN);
    kt_filter_free(g);
}

static void malformed_rows_are_found_by_kind_and_origin(void **state)
{
    (void)state;
    struct kt_row r = {.origin = {KT_LIT("file:bad.json"), KT_LIT("bad"), KT_SPAN_NONE, 3}};
    r.ev.kind = KT_KIND_MALFORMED;
    r.ev.time = r.ev.key.created = KT_TIME_NONE;
    assert_true(keeps("kind:malformed", &r));
    assert_true(keeps("bad.json", &r));
    assert_true(keeps("origin.record:3", &r));
    assert_true(keeps("actor:", &r));
    assert_false(keeps("risk:>=0", &r));
    assert_false(keeps("risk:<100", &r));
    assert_false(keeps("level:>=informational", &r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_filter_keeps_all),
        cmocka_unit_test(a_word_is_looked_for_in_every_text),
        cmocka_unit_test(a_value_is_looked_for_in_its_field),
        cmocka_unit_test(equality_counts_case_and_the_whole),
        cmocka_unit_test(risk_level_record_and_time_are_compared),
        cmocka_unit_test(what_is_not_known_is_asked_for_by_an_empty_value),
        cmocka_unit_test(a_term_is_excluded_by_a_minus_or_not),
        cmocka_unit_test(an_error_names_its_column_and_what_to_do),
        cmocka_unit_test(a_filter_has_limits),
        cmocka_unit_test(a_clone_outlives_its_original),
        cmocka_unit_test(malformed_rows_are_found_by_kind_and_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
