/* detect: every modifier of the Sigma specification, hit and miss; values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sigma_kit.h"
#include "tests/support/nodes.h"

struct probe {
    const char *selection, *record;
    bool yes;
};

static void probe_all(const struct probe *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (matches(p[i].selection, p[i].record) != p[i].yes)
            fail_msg("%s on %s: %d expected", p[i].selection, p[i].record, p[i].yes);
}
#define PROBE(...)                                                \
    do {                                                          \
        const struct probe p[] = {__VA_ARGS__};                   \
        probe_all(p, sizeof p / sizeof *p);                       \
    } while (0)

static void contains_startswith_and_endswith_look_for_a_part(void **state)
{
    (void)state;
    PROBE({"a|contains: Boto", "{\"a\":\"aws BOTO3/1\"}", true}, {"a|contains: boto", "{\"a\":\"bot o\"}", false},
          {"a|startswith: adm_", "{\"a\":\"ADM_joe\"}", true}, {"a|startswith: adm_", "{\"a\":\"xadm_joe\"}", false},
          {"a|endswith: '\\cmd.exe'", "{\"a\":\"c:\\\\CMD.exe\"}", true},
          {"a|endswith: cmd.exe", "{\"a\":\"cmd.exe \"}", false}, {"a|contains: [x, y]", "{\"a\":\"_y_\"}", true},
          {"a|contains: 'x*y'", "{\"a\":\"_xzzy_\"}", true}, {"a|contains: 'x*y'", "{\"a\":\"_yzzx_\"}", false},
          {"a|startswith: 'x?y'", "{\"a\":\"xzyq\"}", true}, {"a|endswith: 'x?y'", "{\"a\":\"xyq\"}", false},
          {"a|contains: ''", "{\"a\":\"\"}", true}, {"a|contains: ''", "{}", false},
          {"a|startswith: x", "{\"a\":[\"q\",\"xy\"]}", true}, {"a|contains: 5", "{\"a\":1502}", true},
          {"a|contains: '*'", "{\"a\":\"q\"}", true}, {"a|contains: '*'", "{\"a\":null}", false},
          {"a|contains: 'q\\*'", "{\"a\":\"pq*\"}", true}, {"a|contains: 'q\\*'", "{\"a\":\"pqr\"}", false});
}

static void all_asks_for_every_value(void **state)
{
    (void)state;
    PROBE({"a|contains|all: [x, y]", "{\"a\":\"y and x\"}", true}, {"a|contains|all: [x, y]", "{\"a\":\"x alone\"}", false},
          {"a|all|contains: [x, y]", "{\"a\":\"xy\"}", true}, {"a|all: [x, y]", "{\"a\":[\"x\",\"y\"]}", true},
          {"a|all: [x, y]", "{\"a\":[\"x\"]}", false});
    selection_refused("a|contains|all: x", KT_EFORMAT, "mine.yml:6:21: all needs a list of at least two");
    selection_refused("a|contains|all: [x]", KT_EFORMAT, "at least two");
}

static void cased_minds_the_case(void **state)
{
    (void)state;
    PROBE({"a|cased: Abc", "{\"a\":\"Abc\"}", true}, {"a|cased: Abc", "{\"a\":\"abc\"}", false},
          {"a|contains|cased: B", "{\"a\":\"aBc\"}", true}, {"a|contains|cased: B", "{\"a\":\"abc\"}", false},
          {"a|cased|startswith: 'A?c'", "{\"a\":\"Abcd\"}", true}, {"a|cased|startswith: 'A?c'", "{\"a\":\"abcd\"}", false},
          {"a|cased|endswith: C", "{\"a\":\"cC\"}", true}, {"a|cased|endswith: C", "{\"a\":\"Cc\"}", false});
}

static void regular_expressions_search_with_their_case(void **state)
{
    (void)state;
    PROBE({"a|re: '^[a-z]+\\d{2}$'", "{\"a\":\"abc12\"}", true}, {"a|re: '^[a-z]+\\d{2}$'", "{\"a\":\"ABC12\"}", false},
          {"a|re: 'b.d'", "{\"a\":\"abcde\"}", true}, {"a|re: '.+:assumed-role/aws:.+'", "{\"a\":\"x:assumed-role/aws:y\"}", true},
          {"a|re|i: 'b.d'", "{\"a\":\"aBCDe\"}", true}, {"a|re: '^b'", "{\"a\":\"a\\nb\"}", false},
          {"a|re|m: '^b'", "{\"a\":\"a\\nb\"}", true}, {"a|re: 'a.b'", "{\"a\":\"a\\nb\"}", false},
          {"a|re|s: 'a.b'", "{\"a\":\"a\\nb\"}", true}, {"a|re|i|m|s: '^B.C'", "{\"a\":\"a\\nb\\nc\"}", true},
          {"a|re: ['x', 'y$']", "{\"a\":\"py\"}", true}, {"a|re|all: ['x', 'y$']", "{\"a\":\"py\"}", false},
          {"a|re: '^(foo|bar)$'", "{\"a\":\"bar\"}", true}, {"a|re: '\xc3\xa4.'", "{\"a\":\"\xc3\xa4\xc3\xb6\"}", true},
          {"a|re: '\"b\":\\[1,'", "{\"a\":{\"b\":[1,2]}}", true}, {"a|re: '^x$'", "{\"a\":{\"b\":[\"x\"]}}", true},
          {"a|re: 'x'", "{}", false}, {"a|re: '^5$'", "{\"a\":5}", true});
    selection_refused("a|re: 'a('", KT_EFORMAT, "mine.yml:6:11: the regular expression is wrong at its character 3:");
    selection_refused("a|i: x", KT_EFORMAT, "mine.yml:6:7: this modifier stands after re: \"i\"");
    selection_refused("a|i|re: x", KT_EFORMAT, "stands after re");
    selection_refused("a|re|contains: x", KT_EUNSUPPORTED, "mine.yml:6:10: this modifier cannot stand");
    selection_refused("a|re|cased: x", KT_EUNSUPPORTED, "cannot stand");
}

static void a_regular_expression_that_runs_wild_is_cut_off_and_told(void **state)
{
    (void)state;
    struct kt_rules *s = empty_set();
    struct kt_verdict v;
    char text[3000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    add(s, "t", HEAD "detection: {s: {a|re: '^(a+)+$'}, condition: s}\n");
    json_t *root = json_pack("{s:s+}", "a", text, "!");
    kt_rules_judge(s, node_of(root), &v);
    assert_int_equal(v.n_rules, 0);
    assert_int_equal(v.undecided, 1);
    json_decref(root);
    kt_rules_free(s);
}

static void cidr_tells_addresses_in_a_range(void **state)
{
    (void)state;
    PROBE({"a|cidr: 10.0.0.0/8", "{\"a\":\"10.200.3.4\"}", true}, {"a|cidr: 10.0.0.0/8", "{\"a\":\"11.0.0.1\"}", false},
          {"a|cidr: 192.0.2.128/25", "{\"a\":\"192.0.2.127\"}", false},
          {"a|cidr: 192.0.2.128/25", "{\"a\":\"192.0.2.255\"}", true}, {"a|cidr: 192.0.2.7", "{\"a\":\"192.0.2.7\"}", true},
          {"a|cidr: 0.0.0.0/0", "{\"a\":\"203.0.113.9\"}", true}, {"a|cidr: 0.0.0.0/0", "{\"a\":\"2001:db8::1\"}", false},
          {"a|cidr: 2001:db8::/33", "{\"a\":\"2001:DB8:7fff::1\"}", true},
          {"a|cidr: 2001:db8::/33", "{\"a\":\"2001:db8:8000::1\"}", false},
          {"a|cidr: 192.0.2.0/24", "{\"a\":\"::ffff:192.0.2.9\"}", true},
          {"a|cidr: 10.0.0.0/8", "{\"a\":\"iam.amazonaws.com\"}", false},
          {"a|cidr: 10.0.0.0/8", "{\"a\":\"010.1.2.3\"}", false}, {"a|cidr: [10.0.0.0/8, 192.0.2.0/24]", "{\"a\":\"192.0.2.1\"}", true},
          {"a|cidr|neq: 10.0.0.0/8", "{\"a\":\"11.0.0.1\"}", true});
    selection_refused("a|cidr: 10.0.0.1/8", KT_EFORMAT, "bits beyond its length");
    selection_refused("a|cidr: 10.0.0.0/33", KT_EFORMAT, "not an address range");
    selection_refused("a|cidr: 10.0.0.0/", KT_EFORMAT, "not an address range");
    selection_refused("a|cidr: '10.*'", KT_EFORMAT, "not an address range");
    selection_refused("a|cidr|contains: 10.0.0.0/8", KT_EUNSUPPORTED, "cannot stand");
}

static void exists_asks_for_the_field_alone(void **state)
{
    (void)state;
    PROBE({"a|exists: true", "{\"a\":\"\"}", true}, {"a|exists: true", "{\"a\":null}", true}, {"a|exists: true", "{}", false},
          {"a|exists: false", "{}", true}, {"a|exists: false", "{\"a\":null}", false},
          {"a.b|exists: true", "{\"a\":{\"b\":0}}", true}, {"a.b|exists: true", "{\"a\":{}}", false});
    selection_refused("a|exists: maybe", KT_EFORMAT, "exists takes true or false");
    selection_refused("a|exists: [true]", KT_EFORMAT, "exists takes true or false");
    selection_refused("a|exists|all: true", KT_EUNSUPPORTED, "cannot stand");
}

static void neq_is_the_opposite(void **state)
{
    (void)state;
    PROBE({"a|neq: x", "{\"a\":\"y\"}", true}, {"a|neq: x", "{\"a\":\"X\"}", false}, {"a|neq: x", "{}", true},
          {"a|neq: [x, y]", "{\"a\":\"y\"}", false}, {"a|neq: [x, y]", "{\"a\":\"z\"}", true}, {"a|neq: 5", "{\"a\":5}", false},
          {"a|contains|neq: x", "{\"a\":\"yxy\"}", false}, {"a|neq: null", "{\"a\":1}", true}, {"a|neq: null", "{}", false},
          {"a|fieldref|neq: b", "{\"a\":\"x\",\"b\":\"y\"}", true}, {"a|fieldref|neq: b", "{\"a\":\"x\",\"b\":\"x\"}", false});
}

static void fieldref_compares_two_fields(void **state)
{
    (void)state;
    PROBE({"a|fieldref: b.c", "{\"a\":\"X\",\"b\":{\"c\":\"x\"}}", true}, {"a|fieldref: b", "{\"a\":\"x\",\"b\":\"xy\"}", false},
          {"a|fieldref: b", "{\"a\":\"x\"}", false}, {"a|fieldref: b", "{\"a\":5,\"b\":\"5\"}", true},
          {"a|fieldref|endswith: b", "{\"a\":\"arn:user/joe\",\"b\":\"joe\"}", true},
          {"a|fieldref|endswith: b", "{\"a\":\"arn:user/joe2\",\"b\":\"joe\"}", false},
          {"a|fieldref|startswith: b", "{\"a\":\"joe2\",\"b\":\"joe\"}", true},
          {"a|fieldref|startswith: b", "{\"a\":\"jo\",\"b\":\"joe\"}", false},
          {"a|fieldref|contains: b", "{\"a\":\"x joe y\",\"b\":\"JOE\"}", true},
          {"a|fieldref|contains: b", "{\"a\":\"x jo e y\",\"b\":\"joe\"}", false},
          {"a|fieldref|cased: b", "{\"a\":\"X\",\"b\":\"x\"}", false}, {"a|fieldref: [b, c]", "{\"a\":\"x\",\"c\":\"x\"}", true},
          {"a|fieldref: b", "{\"a\":[\"p\",\"q\"],\"b\":[\"q\"]}", true});
    selection_refused("a|fieldref: ''", KT_EFORMAT, "the other field's name");
    selection_refused("a|fieldref|re: b", KT_EUNSUPPORTED, "cannot stand");
}

static void numbers_compare_as_numbers(void **state)
{
    (void)state;
    PROBE({"a|lt: 10", "{\"a\":9}", true}, {"a|lt: 10", "{\"a\":10}", false}, {"a|lte: 10", "{\"a\":10}", true},
          {"a|lte: 10", "{\"a\":10.5}", false}, {"a|gt: 10", "{\"a\":11}", true}, {"a|gt: 10", "{\"a\":10}", false},
          {"a|gte: 10", "{\"a\":\"10\"}", true}, {"a|gte: 10", "{\"a\":\"9\"}", false}, {"a|gte: 10", "{\"a\":\"100x\"}", false},
          {"a|gt: -1.5", "{\"a\":-1}", true}, {"a|gt: 1", "{}", false}, {"a|gt: 1", "{\"a\":true}", false},
          {"a|gt: 1", "{\"a\":[0,2]}", true});
    selection_refused("a|lt: ten", KT_EFORMAT, "mine.yml:6:11: a number is expected here, not \"ten\"");
    selection_refused("a|lt|gt: 1", KT_EUNSUPPORTED, "cannot stand");
    selection_refused("a|contains|lt: 1", KT_EUNSUPPORTED, "cannot stand");
}

static void base64_is_that_of_the_value(void **state)
{
    (void)state;
    PROBE({"a|base64: foobar", "{\"a\":\"Zm9vYmFy\"}", true}, {"a|base64: foobar", "{\"a\":\"Zm9vYmE=\"}", false},
          {"a|base64|contains: '/bin/sh'", "{\"a\":\"q L2Jpbi9zaA== q\"}", true},
          {"a|wide|base64|contains: cmd", "{\"a\":\"-e YwBtAGQA\"}", true},
          {"a|utf16le|base64: cmd", "{\"a\":\"YwBtAGQA\"}", true}, {"a|utf16be|base64: cmd", "{\"a\":\"AGMAbQBk\"}", true},
          {"a|utf16|base64: cmd", "{\"a\":\"//5jAG0AZAA=\"}", true}, {"a|utf16be|base64: cmd", "{\"a\":\"YwBtAGQA\"}", false},
          {"a|wide|base64: '\xf0\x9f\x98\x80'", "{\"a\":\"Pdg=AN4=\"}", false},
          {"a|wide|base64: '\xf0\x9f\x98\x80'", "{\"a\":\"PdgA3g==\"}", true},
          {"a|wide: ab", "{\"a\":\"a\\u0000b\\u0000\"}", true}, {"a|base64: 'a\\*'", "{\"a\":\"YSo=\"}", true});
    selection_refused("a|base64: 'a*'", KT_EUNSUPPORTED, "mine.yml:6:15: a value that is to be encoded cannot hold");
    selection_refused("a|base64|wide: a", KT_EFORMAT, "stands before base64");
}

/* "XXsecretYY", "XsecretY" and "secret" in base64 all hold one of three forms. */
static void base64offset_is_found_wherever_it_begins(void **state)
{
    (void)state;
    PROBE({"a|base64offset|contains: secret", "{\"a\":\"c2VjcmV0\"}", true},
          {"a|base64offset|contains: secret", "{\"a\":\"WHNlY3JldFk=\"}", true},
          {"a|base64offset|contains: secret", "{\"a\":\"WFhzZWNyZXRZWQ==\"}", true},
          {"a|base64offset|contains: secret", "{\"a\":\"WFhzZWNyZVRZWQ==\"}", false},
          {"a|wide|base64offset|contains: cmd", "{\"a\":\"AGMAbQBkAGA=\"}", true});
    selection_refused("a|base64offset: secret", KT_EUNSUPPORTED, "it needs contains");
    selection_refused("a|base64offset|contains: s", KT_EFORMAT, "too short");
}

static void windash_takes_every_dash_for_every_other(void **state)
{
    (void)state;
    PROBE({"a|windash|contains: ' -f '", "{\"a\":\"x -f y\"}", true}, {"a|windash|contains: ' -f '", "{\"a\":\"x /F y\"}", true},
          {"a|windash|contains: ' /f '", "{\"a\":\"x -f y\"}", true},
          {"a|windash|contains: ' -f '", "{\"a\":\"x \\u2013f y\"}", true},
          {"a|windash|contains: ' \xe2\x80\x94" "f '", "{\"a\":\"x \\u2015f y\"}", true},
          {"a|windash|contains: ' -f -g'", "{\"a\":\"x /f \\u2014g\"}", true},
          {"a|windash|contains: ' -f '", "{\"a\":\"x +f y\"}", false}, {"a|windash: '-f'", "{\"a\":\"/f\"}", true},
          {"a|contains: ' -f '", "{\"a\":\"x /f y\"}", false});
    selection_refused("a|windash|base64: -f", KT_EUNSUPPORTED, "cannot stand");
}

static void time_parts_are_those_of_utc(void **state)
{
    (void)state;
#define AT(t) "{\"a\":\"" t "\"}"
    PROBE({"a|minute: 5", AT("2024-02-29T22:05:59Z"), true}, {"a|minute: 5", AT("2024-02-29T22:06:00Z"), false},
          {"a|hour|gte: 22", AT("2024-02-29T22:05:59Z"), true}, {"a|hour|gte: 22", AT("2024-02-29T21:59:59Z"), false},
          {"a|hour: 22", AT("2024-03-01T00:05:59+02:00"), true}, {"a|day: 29", AT("2024-02-29T22:05:59Z"), true},
          {"a|day: [1, 2]", AT("2024-02-03T22:05:59Z"), false}, {"a|week: 9", AT("2024-02-29T22:05:59Z"), true},
          {"a|week: 1", AT("2024-12-30T00:00:00Z"), true}, {"a|week: 53", AT("2021-01-03T23:00:00Z"), true},
          {"a|month|lt: 3", AT("2024-02-29T22:05:59Z"), true}, {"a|month|neq: 2", AT("2024-02-29T22:05:59Z"), false},
          {"a|year: 2024", AT("2024-02-29T22:05:59Z"), true}, {"a|year|gt: 2024", AT("2024-02-29T22:05:59Z"), false},
          {"a|hour: 5", "{\"a\":\"soon\"}", false}, {"a|hour: 5", "{\"a\":5}", false});
    selection_refused("a|hour: noon", KT_EFORMAT, "a number is expected");
    selection_refused("a|hour|day: 1", KT_EUNSUPPORTED, "cannot stand");
}

static void placeholders_stand_for_the_callers_lists(void **state)
{
    (void)state;
    struct kt_rules *s = empty_set();
    struct kt_err e = {KT_OK, ""};
    const char *const admins[] = {"alice", "adm_*"}, *const offices[] = {"192.0.2.0/24", "2001:db8::/32"};
    assert_int_equal(kt_rules_placeholder(s, "Administrators", admins, 2, &e), KT_OK);
    assert_int_equal(kt_rules_placeholder(s, "offices", offices, 2, &e), KT_OK);
    assert_int_equal(kt_rules_placeholder(s, "a b", offices, 2, &e), KT_EUSAGE);
    add(s, "t", HEAD "detection:\n  s:\n    user|expand: '%Administrators%'\n    ip|cidr|expand: '%offices%'\n  condition: s\n");
    assert_true(set_matches(s, "{\"user\":\"ADM_bob\",\"ip\":\"192.0.2.9\"}"));
    assert_true(set_matches(s, "{\"user\":\"Alice\",\"ip\":\"2001:db8::1\"}"));
    assert_false(set_matches(s, "{\"user\":\"bob\",\"ip\":\"192.0.2.9\"}"));
    assert_false(set_matches(s, "{\"user\":\"alice\",\"ip\":\"198.51.100.9\"}"));
    add(s, "t", HEAD "detection: {s: {user|expand: '\\%x%-%Administrators%-%Administrators%'}, condition: s}\n");
    assert_true(set_matches(s, "{\"user\":\"%x%-alice-adm_9\"}"));
    assert_true(set_matches(s, "{\"user\":\"%x%-adm_1-adm_9\"}"));
    assert_false(set_matches(s, "{\"user\":\"%x%-bob-adm_9\"}"));
    add(s, "t", HEAD "detection: {s: {user: '%Administrators%'}, condition: s}\n");
    assert_true(set_matches(s, "{\"user\":\"%Administrators%\"}"));
    assert_false(set_matches(s, "{\"user\":\"alice\"}"));
    kt_rules_free(s);
    selection_refused("a|expand: '%Unheard%'", KT_EUNSUPPORTED,
                      "mine.yml:6:15: nothing is known of the placeholder \"Unheard\"");
}

static void what_modifiers_cannot_be_is_refused_by_place(void **state)
{
    (void)state;
    selection_refused("a|cotains: x", KT_EUNSUPPORTED, "mine.yml:6:7: there is no such modifier: \"cotains\"");
    selection_refused("'a|cotains': x", KT_EUNSUPPORTED, "mine.yml:6:8: there is no such modifier");
    selection_refused("a|: x", KT_EUNSUPPORTED, "there is no such modifier: \"\"");
    selection_refused("a|contains|contains: x", KT_EFORMAT, "mine.yml:6:16: this modifier stands here twice");
    selection_refused("a|contains|startswith: x", KT_EUNSUPPORTED, "cannot stand");
    selection_refused("a|contains: null", KT_EUNSUPPORTED, "null cannot stand with this modifier");
    selection_refused("a|all|hour: [1, 2]", KT_EUNSUPPORTED, "cannot stand");
    selection_refused("a|hour|all: [1, 2]", KT_EUNSUPPORTED, "cannot stand");
    selection_refused("'|cidr': 10.0.0.0/8", KT_EUNSUPPORTED, "needs a field");
    selection_refused("a|contains: [[x]]", KT_EUNSUPPORTED, "a value is expected here");
}

/* --- values that are no plain texts -------------------------------------------------- */

static void words_are_looked_for_in_every_value(void **state)
{
    (void)state;
    struct kt_rules *s = empty_set();
    add(s, "t", HEAD "detection: {keywords: [EVILSERVICE, 'svchost.exe -n evil', 4711], condition: keywords}\n");
    assert_true(set_matches(s, "{\"x\":{\"y\":[\"the EvilService runs\"]}}"));
    assert_true(set_matches(s, "{\"x\":47110}"));
    assert_false(set_matches(s, "{\"evilservice\":\"a key is no value\"}"));
    add(s, "t", HEAD "detection: {k: {'|all': [OabVirtual, ' -Url ']}, condition: k}\n");
    assert_true(set_matches(s, "{\"x\":\"OABVIRTUALDIR\",\"y\":\"a -url b\"}"));
    assert_false(set_matches(s, "{\"x\":\"OABVIRTUALDIR\",\"y\":\"a\"}"));
    add(s, "t", HEAD "detection: {k: {'|re': 'A[0-9]+B'}, condition: k}\n");
    assert_true(set_matches(s, "{\"x\":[{\"y\":\"qA12Bq\"}]}"));
    assert_false(set_matches(s, "{\"x\":[{\"y\":\"qAB\"}]}"));
    add(s, "t", HEAD "detection: {k: single word, condition: k}\n");
    assert_true(set_matches(s, "{\"x\":\"a SINGLE WORD.\"}"));
    add(s, "t", HEAD "detection: {k: ['wild*card', {a: b}], condition: k}\n");
    assert_true(set_matches(s, "{\"x\":\"a wild and a card\"}"));
    assert_true(set_matches(s, "{\"a\":\"b\"}"));
    assert_false(set_matches(s, "{\"x\":\"b\"}"));
    kt_rules_free(s);
    refused(HEAD "detection: {k: [''], condition: k}\n", KT_EFORMAT, "a word is expected");
}

static void a_list_of_maps_holds_if_one_map_does(void **state)
{
    (void)state;
    struct kt_rules *s = empty_set();
    add(s, "t", HEAD "detection:\n  s:\n    - a|endswith: example.exe\n      c: 1\n    - b|contains: Test\n  condition: s\n");
    assert_true(set_matches(s, "{\"b\":\"a test\"}"));
    assert_true(set_matches(s, "{\"a\":\"x_example.exe\",\"c\":1}"));
    assert_false(set_matches(s, "{\"a\":\"x_example.exe\",\"c\":2}"));
    kt_rules_free(s);
}

static void lists_on_the_way_stand_for_their_items(void **state)
{
    (void)state;
    PROBE({"a.b: x", "{\"a\":[{\"b\":\"q\"},{\"b\":\"x\"}]}", true}, {"a.b: x", "{\"a\":[{\"c\":\"x\"}]}", false},
          {"a.b.c|contains: x", "{\"a\":[{\"b\":[{\"c\":\"1x1\"}]}]}", true}, {"a.1.b: x", "{\"a\":[{\"b\":\"x\"},{\"b\":\"q\"}]}", false},
          {"a.0: x", "{\"a\":[\"x\"]}", true}, {"a.b: null", "{\"a\":[{\"b\":\"q\"},{}]}", false},
          {"a.b: null", "{\"a\":[{\"c\":\"q\"}]}", true});
}

static void patterns_see_an_object_as_its_text(void **state)
{
    (void)state;
#define POLICY "{\"a\":{\"doc\":\"{\\\"Action\\\":\\\"s3:GetObject\\\"}\",\"n\":[1,{\"k\":\"deep\"}]}}"
    PROBE({"a|contains: '\"n\":[1,'", POLICY, true}, {"a|contains: '\"s3:GetObject\"'", POLICY, true},
          {"a|contains: deep", POLICY, true}, {"a|contains: '\"Action\": '", POLICY, false},
          {"a|startswith: '{\"doc\"'", POLICY, true}, {"a|endswith: 'deep'", POLICY, false}, {"a: deep", POLICY, false},
          {"a: '*s3:*object*'", POLICY, true}, {"a: '*'", POLICY, true}, {"a: null", POLICY, false});
}

static void truths_and_numbers_match_texts_and_themselves(void **state)
{
    (void)state;
    PROBE({"a: true", "{\"a\":true}", true}, {"a: true", "{\"a\":\"true\"}", true}, {"a: 'True'", "{\"a\":true}", true},
          {"a: true", "{\"a\":false}", false}, {"a: true", "{\"a\":1}", false}, {"a: 5", "{\"a\":5.0}", true},
          {"a: 5.0", "{\"a\":5.0}", true}, {"a: 1.10", "{\"a\":\"1.10\"}", true}, {"a: 1.10", "{\"a\":\"1.1\"}", false},
          {"a: '5'", "{\"a\":5}", true}, {"a: ''", "{\"a\":\"\"}", true}, {"a: ''", "{\"a\":null}", false});
}

/* The specification's table of escapes. */
static void backslashes_are_read_as_the_specification_says(void **state)
{
    (void)state;
    PROBE({"a: 'c:\\dir'", "{\"a\":\"c:\\\\dir\"}", true}, {"a: 'c:\\\\dir'", "{\"a\":\"c:\\\\dir\"}", true},
          {"a: 'x\\*'", "{\"a\":\"x*\"}", true}, {"a: 'x\\*'", "{\"a\":\"xy\"}", false}, {"a: 'x\\?'", "{\"a\":\"x?\"}", true},
          {"a: 'x\\\\*'", "{\"a\":\"x\\\\anything\"}", true}, {"a: 'x\\\\*'", "{\"a\":\"x*\"}", false},
          {"a: 'x\\\\\\*'", "{\"a\":\"x\\\\*\"}", true}, {"a: 'x\\\\\\*'", "{\"a\":\"x\\\\y\"}", false},
          {"a: 'x\\\\\\\\y'", "{\"a\":\"x\\\\\\\\y\"}", true}, {"a: 'x\\\\\\y'", "{\"a\":\"x\\\\\\\\y\"}", true},
          {"a: 'prog?.exe'", "{\"a\":\"progB.exe\"}", true}, {"a: 'prog?.exe'", "{\"a\":\"prog.exe\"}", false},
          {"a: 'anti_V*.exe'", "{\"a\":\"anti_V21.2.exe\"}", true}, {"a: '\\'", "{\"a\":\"\\\\\"}", true});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contains_startswith_and_endswith_look_for_a_part),
        cmocka_unit_test(all_asks_for_every_value),
        cmocka_unit_test(cased_minds_the_case),
        cmocka_unit_test(regular_expressions_search_with_their_case),
        cmocka_unit_test(a_regular_expression_that_runs_wild_is_cut_off_and_told),
        cmocka_unit_test(cidr_tells_addresses_in_a_range),
        cmocka_unit_test(exists_asks_for_the_field_alone),
        cmocka_unit_test(neq_is_the_opposite),
        cmocka_unit_test(fieldref_compares_two_fields),
        cmocka_unit_test(numbers_compare_as_numbers),
        cmocka_unit_test(base64_is_that_of_the_value),
        cmocka_unit_test(base64offset_is_found_wherever_it_begins),
        cmocka_unit_test(windash_takes_every_dash_for_every_other),
        cmocka_unit_test(time_parts_are_those_of_utc),
        cmocka_unit_test(placeholders_stand_for_the_callers_lists),
        cmocka_unit_test(what_modifiers_cannot_be_is_refused_by_place),
        cmocka_unit_test(words_are_looked_for_in_every_value),
        cmocka_unit_test(a_list_of_maps_holds_if_one_map_does),
        cmocka_unit_test(lists_on_the_way_stand_for_their_items),
        cmocka_unit_test(patterns_see_an_object_as_its_text),
        cmocka_unit_test(truths_and_numbers_match_texts_and_themselves),
        cmocka_unit_test(backslashes_are_read_as_the_specification_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
