/* detect: conditions, as the Sigma specification has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sigma_kit.h"

/* The selections sel_a, sel_b, filter_a and _hidden hold by the bits of `i`. */
static bool holds(const char *condition, int i)
{
    char yaml[1200], record[200];
    struct kt_rules *s = empty_set();
    assert_true(snprintf(yaml, sizeof yaml,
                         HEAD "detection:\n  sel_a: {a: 1}\n  sel_b: {b: 1}\n  filter_a: {c: 1}\n  _hidden: {d: 1}\n"
                              "  condition: %s\n", condition) < (int)sizeof yaml);
    assert_true(snprintf(record, sizeof record, "{\"a\":%d,\"b\":%d,\"c\":%d,\"d\":%d}", i & 1, i >> 1 & 1, i >> 2 & 1,
                         i >> 3 & 1) > 0);
    add(s, "t", yaml);
    bool yes = set_matches(s, record);
    kt_rules_free(s);
    return yes;
}

static void every_form_of_condition_is_its_truth_table(void **state)
{
    (void)state;
    for (int i = 0; i < 16; i++) {
        bool a = i & 1, b = i & 2, f = i & 4, h = i & 8;
        assert_int_equal(holds("sel_a or sel_b", i), a || b);
        assert_int_equal(holds("sel_a and not filter_a", i), a && !f);
        assert_int_equal(holds("sel_a and (sel_b or filter_a)", i), a && (b || f));
        assert_int_equal(holds("sel_a or sel_b and filter_a", i), a || (b && f));
        assert_int_equal(holds("not sel_a and sel_b", i), !a && b);
        assert_int_equal(holds("1 of them", i), a || b || f);
        assert_int_equal(holds("any of them", i), a || b || f);
        assert_int_equal(holds("all of them", i), a && b && f);
        assert_int_equal(holds("1 of sel_*", i), a || b);
        assert_int_equal(holds("all of sel_*", i), a && b);
        assert_int_equal(holds("all of sel*", i), a && b);
        assert_int_equal(holds("1 of *_a", i), a || f);
        assert_int_equal(holds("all of *_*a*", i), a && f);
        assert_int_equal(holds("1 of sel* and not 1 of filter*", i), (a || b) && !f);
        assert_int_equal(holds("not all of sel_* or _hidden", i), !(a && b) || h);
        assert_int_equal(holds("1 of sel_a", i), a);
        assert_int_equal(holds("(1 of sel_*) and not (all of them)", i), (a || b) && !(a && b && f));
    }
}

static void the_words_of_conditions_may_be_in_capitals(void **state)
{
    (void)state;
    for (int i = 0; i < 16; i++) {
        bool a = i & 1, b = i & 2, f = i & 4;
        assert_int_equal(holds("sel_a AND NOT sel_b OR filter_a", i), (a && !b) || f);
        assert_int_equal(holds("ALL OF sel_*", i), a && b);
    }
}

static void a_list_of_conditions_holds_if_one_does(void **state)
{
    (void)state;
    for (int i = 0; i < 16; i++) {
        bool a = i & 1, b = i & 2, f = i & 4;
        assert_int_equal(holds("[sel_a and sel_b, filter_a]", i), (a && b) || f);
        assert_int_equal(holds("\n    - sel_a\n    - not filter_a", i), a || !f);
    }
}

static void the_old_aggregations_are_refused(void **state)
{
    (void)state;
    refused(HEAD "detection:\n  s: {a: 1}\n  condition: s | count(b) by c > 5\n", KT_EUNSUPPORTED,
            "mine.yml:6:16: condition: aggregations are not read; they have become correlations: \"|\"");
    refused(HEAD "detection:\n  s: {a: 1}\n  timeframe: 5m\n  condition: s\n", KT_EUNSUPPORTED, "mine.yml:6:3: timeframe");
    refused(HEAD "detection:\n  s: {a: 1}\n  condition: s near t\n", KT_EFORMAT, "expected before \"near\"");
}

static void long_conditions_have_an_end(void **state)
{
    (void)state;
    char yaml[4000] = HEAD "detection:\n  s: {a: 1}\n  condition: s";
    while (strlen(yaml) < 3000)
        memcpy(yaml + strlen(yaml), " or s", 6);
    memcpy(yaml + strlen(yaml), "\n", 2);
    refused(yaml, KT_ELIMIT, "too long");
}

static void negation_and_missing_fields_are_as_in_the_examples(void **state)
{
    (void)state;
    struct kt_rules *s = empty_set();
    add(s, "t", HEAD "detection:\n  selection: {EventID: 4738}\n  filter: {PasswordLastSet: null}\n"
                     "  condition: selection and not filter\n");
    assert_true(set_matches(s, "{\"EventID\":4738,\"PasswordLastSet\":\"now\"}"));
    assert_false(set_matches(s, "{\"EventID\":4738,\"PasswordLastSet\":null}"));
    assert_false(set_matches(s, "{\"EventID\":4738}"));
    add(s, "t", HEAD "detection:\n  selection:\n    EventLog: Security\n    EventID:\n      - 517\n      - 1102\n"
                     "  condition: selection\n");
    assert_true(set_matches(s, "{\"EventLog\":\"security\",\"EventID\":1102}"));
    assert_false(set_matches(s, "{\"EventLog\":\"System\",\"EventID\":1102}"));
    assert_false(set_matches(s, "{\"EventLog\":\"Security\",\"EventID\":1103}"));
    kt_rules_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_condition_is_its_truth_table),
        cmocka_unit_test(the_words_of_conditions_may_be_in_capitals),
        cmocka_unit_test(a_list_of_conditions_holds_if_one_does),
        cmocka_unit_test(the_old_aggregations_are_refused),
        cmocka_unit_test(long_conditions_have_an_end),
        cmocka_unit_test(negation_and_missing_fields_are_as_in_the_examples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
