/* detect: Sigma rules, what they match, what is refused; the fields of a row. */
#include "detect/detect.h"
#include "detect/row.h"
#include "tests/support/records.h"
#include "tests/support/nodes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "title: T\nid: 00000000-0000-4000-8000-000000000001\nlogsource: {product: aws, service: cloudtrail}\n"

static struct kt_rules *builtin(void)
{
    struct kt_rules *s;
    struct kt_err e = {0};
    if (kt_rules_load_builtin(&s, &e) != KT_OK)
        fail_msg("%s", e.text);
    return s;
}

static struct kt_rules *one_more(const char *yaml)
{
    struct kt_rules *s = builtin();
    struct kt_err e = {0};
    if (kt_rules_add(s, "t", yaml, strlen(yaml), &e) != KT_OK)
        fail_msg("%s", e.text);
    return s;
}

static bool matches(const char *detection, const char *record)
{
    char yaml[4096];
    assert_true(snprintf(yaml, sizeof yaml, HEAD "detection:\n%s", detection) < (int)sizeof yaml);
    struct kt_rules *s = one_more(yaml);
    json_t *root = json_loads(record, 0, NULL);
    assert_non_null(root);
    int rule = kt_rules_find(s, "t");
    assert_true(rule >= 0);
    struct kt_verdict v;
    kt_rules_judge(s, node_of(root), &v);
    bool found = false;
    for (size_t i = 0; i < v.n_rules; i++)
        found |= kt_span_eq(v.rule[i].id, kt_rules_info(s, (size_t)rule).id);
    json_decref(root);
    kt_rules_free(s);
    return found;
}

static void refused(const char *yaml, enum kt_code code, const char *sentence)
{
    struct kt_rules *s = builtin();
    struct kt_err e = {0};
    size_t before = kt_rules_count(s);
    assert_int_equal(kt_rules_add(s, "mine", yaml, strlen(yaml), &e), code);
    if (!strstr(e.text, sentence))
        fail_msg("\"%s\" is not in \"%s\"", sentence, e.text);
    assert_int_equal(kt_rules_count(s), before);
    kt_rules_free(s);
}

/* --- the seed rule ----------------------------------------------------------- */

static void the_seed_rule_is_built_in_under_its_name_and_id(void **state)
{
    (void)state;
    struct kt_rules *s = builtin();
    int i = kt_rules_find(s, "aws_detect_permanent_key_creation");
    assert_true(i >= 0);
    assert_int_equal(kt_rules_find(s, "12d6d713-3cb4-4ffc-a064-1dca3d1cca01"), i);
    assert_int_equal(kt_rules_find(s, "aws_detect_permanent_key_creation.yml"), -1);
    assert_int_equal(kt_rules_find(s, ""), -1);
    struct kt_rule_info info = kt_rules_info(s, (size_t)i);
    assert_int_equal(info.risk, 25);
    assert_true(kt_span_is(info.title, "AWS Detect Permanent Key Creation"));
    assert_true(kt_span_is(info.level, "low"));
    static const char *const fields[] = {"sourceIPAddress", "userName", "userIdentity.type", "userAgent", "action",
                                         "status", "responseElements.accessKey.createDate",
                                         "responseElements.accessKey.status", "responseElements.accessKey.accessKeyId"};
    assert_int_equal(info.n_fields, 9);
    for (size_t k = 0; k < 9; k++)
        assert_true(kt_span_is(info.fields[k], fields[k]));
    kt_rules_free(s);
}

static struct kt_verdict judge(const struct kt_rules *s, const struct record *r, const char *path, const char *json)
{
    json_t *root = record_build(r);
    if (path)
        record_set(root, path, json);
    struct kt_verdict v;
    kt_rules_judge(s, node_of(root), &v);
    json_decref(root);
    return v;
}

static void the_seed_rule_matches_iam_users_whatever_came_of_the_call(void **state)
{
    (void)state;
    struct kt_rules *s = builtin();
    struct kt_verdict v = judge(s, &(struct record){.target = "bob"}, NULL, NULL);
    assert_int_equal(v.n_rules, 1);
    assert_int_equal(v.risk, 25);
    assert_int_equal(v.level, KT_LEVEL_LOW);
    assert_string_equal(v.why, "by IAM user");
    assert_int_equal(judge(s, &(struct record){.error = "AccessDenied"}, NULL, NULL).n_rules, 1);
    assert_int_equal(judge(s, &(struct record){0}, "eventSource", "\"sso-directory.amazonaws.com\"").n_rules, 1);
    assert_int_equal(judge(s, &(struct record){0}, "eventName", "\"createaccesskey\"").n_rules, 1);
    v = judge(s, &(struct record){.type = "AssumedRole", .target = "bob"}, NULL, NULL);
    assert_int_equal(v.n_rules, 0);
    assert_int_equal(v.risk, 0);
    assert_int_equal(v.level, KT_LEVEL_INFORMATIONAL);
    assert_string_equal(v.why, "");
    assert_int_equal(judge(s, &(struct record){.type = "Root"}, NULL, NULL).n_rules, 0);
    assert_int_equal(judge(s, &(struct record){0}, "userIdentity", "null").n_rules, 0);
    assert_int_equal(judge(s, &(struct record){0}, "eventName", "\"CreateAccessKey2\"").n_rules, 0);
    kt_rules_free(s);
}

/* --- values ------------------------------------------------------------------ */

static void values_are_equal_with_ascii_case_ignored(void **state)
{
    (void)state;
    assert_true(matches("  s: {a: Hello}\n  condition: s\n", "{\"a\":\"hELLO\"}"));
    assert_false(matches("  s: {a: Hello}\n  condition: s\n", "{\"a\":\"hello \"}"));
    assert_false(matches("  s: {a: Hello}\n  condition: s\n", "{\"A\":\"hello\"}")); /* a field's name is exact */
    assert_true(matches("  s: {a.b: x}\n  condition: s\n", "{\"a\":{\"b\":\"x\"}}"));
    assert_true(matches("  s: {a.b: x}\n  condition: s\n", "{\"a.b\":\"x\"}"));
    assert_true(matches("  s: {a: ''}\n  condition: s\n", "{\"a\":\"\"}"));
    assert_false(matches("  s: {a: ''}\n  condition: s\n", "{\"a\":\"x\"}"));
    assert_false(matches("  s: {a: ''}\n  condition: s\n", "{}"));
}

static void a_list_holds_if_one_value_does_and_a_map_if_all_fields_do(void **state)
{
    (void)state;
    const char *d = "  s:\n    a: [x, y]\n    b: z\n  condition: s\n";
    assert_true(matches(d, "{\"a\":\"y\",\"b\":\"z\"}"));
    assert_false(matches(d, "{\"a\":\"y\",\"b\":\"q\"}"));
    assert_false(matches(d, "{\"a\":\"q\",\"b\":\"z\"}"));
    assert_false(matches(d, "{\"a\":\"y\"}"));
    assert_true(matches("  s: {a: x}\n  condition: s\n", "{\"a\":[\"q\",\"x\"]}"));
    assert_false(matches("  s: {a: x}\n  condition: s\n", "{\"a\":[[\"x\"]]}"));
    assert_false(matches("  s: {a: x}\n  condition: s\n", "{\"a\":{\"x\":1}}"));
}

static void numbers_and_truths_match_as_they_are_spelled(void **state)
{
    (void)state;
    assert_true(matches("  s: {a: 5, b: true}\n  condition: s\n", "{\"a\":5,\"b\":true}"));
    assert_true(matches("  s: {a: 5, b: true}\n  condition: s\n", "{\"a\":\"5\",\"b\":\"true\"}"));
    assert_true(matches("  s: {a: 1.5}\n  condition: s\n", "{\"a\":1.5}"));
    assert_false(matches("  s: {a: 5}\n  condition: s\n", "{\"a\":51}"));
}

static void null_is_a_missing_field_or_a_null(void **state)
{
    (void)state;
    assert_true(matches("  s: {a: null}\n  condition: s\n", "{}"));
    assert_true(matches("  s: {a: }\n  condition: s\n", "{\"a\":null}"));
    assert_false(matches("  s: {a: null}\n  condition: s\n", "{\"a\":\"null\"}"));
    assert_false(matches("  s: {a: 'null'}\n  condition: s\n", "{\"a\":null}"));
    assert_false(matches("  s: {a: null}\n  condition: s\n", "{\"a\":\"\"}"));
    assert_true(matches("  s: {a: [x, null]}\n  condition: s\n", "{}"));
    assert_false(matches("  s: {a: '*'}\n  condition: s\n", "{}"));
    assert_true(matches("  s: {a: '*'}\n  condition: s\n", "{\"a\":\"\"}"));
}

static void wildcards_and_their_escapes(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool yes;
    } t[] = {{"s3 *", "S3 Browser", true},  {"*browser*", "S3 Browser/9", true}, {"*x*", "S3 Browser", false},
             {"a?c", "abc", true},          {"a?c", "ac", false},                {"a?c", "a\xc3\xa4" "c", true},
             {"*a*a*a*", "banana", true},   {"*a*a*a*a*", "banana", false},      {"a\\*", "a*", true},
             {"a\\*", "ab", false},         {"a\\?", "a?", true},                {"a\\\\*", "a\\b", true},
             {"c:\\dir", "C:\\DIR", true},  {"**", "", true},                    {"?", "", false},
             {"*c", "abcbc", true},         {"ab*", "b", false}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char d[200], record[200];
        json_t *o = json_pack("{s:s}", "a", t[i].text);
        char *text = json_dumps(o, 0);
        assert_true(snprintf(d, sizeof d, "  s:\n    a: '%s'\n  condition: s\n", t[i].pattern) > 0);
        assert_true(snprintf(record, sizeof record, "%s", text) > 0);
        if (matches(d, record) != t[i].yes)
            fail_msg("%s on %s", t[i].pattern, t[i].text);
        free(text);
        json_decref(o);
    }
}

static void a_hostile_text_does_not_make_matching_slow(void **state)
{
    (void)state;
    enum { LONG = 200000 };
    char *text = malloc(LONG + 1);
    assert_non_null(text);
    memset(text, 'a', LONG);
    text[LONG] = '\0';
    struct kt_rules *s = one_more(HEAD "detection: {s: {a: '*a*a*a*a*a*a*a*a*b'}, condition: s}\n");
    json_t *root = json_pack("{s:s}", "a", text);
    struct kt_verdict v;
    kt_rules_judge(s, node_of(root), &v); /* would not end in a lifetime if it were exponential */
    assert_int_equal(v.n_rules, 0);
    json_decref(root);
    kt_rules_free(s);
    free(text);
}

/* --- conditions -------------------------------------------------------------- */

static bool holds(const char *condition, bool a, bool b, bool c)
{
    char d[600], record[100];
    assert_true(snprintf(d, sizeof d, "  a: {a: 1}\n  b: {b: 1}\n  c_2-x: {c: 1}\n  condition: %s\n", condition) > 0);
    assert_true(snprintf(record, sizeof record, "{\"a\":%d,\"b\":%d,\"c\":%d}", a, b, c) > 0);
    return matches(d, record);
}

static void conditions_bind_not_before_and_before_or(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        bool a = i & 1, b = i & 2, c = i & 4;
        assert_int_equal(holds("a and b", a, b, c), a && b);
        assert_int_equal(holds("a or b and c_2-x", a, b, c), a || (b && c));
        assert_int_equal(holds("(a or b) and c_2-x", a, b, c), (a || b) && c);
        assert_int_equal(holds("not a and b", a, b, c), !a && b);
        assert_int_equal(holds("not (a and b)", a, b, c), !(a && b));
        assert_int_equal(holds("a and not b or not not c_2-x", a, b, c), (a && !b) || c);
        assert_int_equal(holds("  ( ( a ) )  ", a, b, c), a);
        assert_int_equal(holds("'b'", a, b, c), b);
    }
}

static void conditions_that_cannot_be_are_refused_with_their_column(void **state)
{
    (void)state;
    static const struct {
        const char *condition;
        enum kt_code code;
        const char *sentence;
    } t[] = {
        {"x", KT_EFORMAT, "mine.yml:6:14: condition: there is no selection of the name \"x\""},
        {"s and x", KT_EFORMAT, "mine.yml:6:20: condition: there is no selection of the name \"x\""},
        {"1 of x*", KT_EFORMAT, "mine.yml:6:19: condition: there is no selection that fits \"x*\""},
        {"2 of s*", KT_EUNSUPPORTED, "mine.yml:6:14: condition: before \"of\" stands 1, any or all, not \"2\""},
        {"1 of", KT_EFORMAT, "selections are expected at the end"},
        {"s | count() > 5", KT_EUNSUPPORTED, "mine.yml:6:16: condition: aggregations are not read"},
        {"s and", KT_EFORMAT, "a selection's name is expected at the end"},
        {"and s", KT_EFORMAT, "a selection's name is expected before \"and\""},
        {"(s", KT_EFORMAT, "a ) is missing at the end"},
        {"s)", KT_EFORMAT, "mine.yml:6:15: condition: \"and\" or \"or\" is expected before \")\""},
        {"s s", KT_EFORMAT, "expected before \"s\""},
        {"''", KT_EFORMAT, "a selection's name is expected at the end"},
        {"[]", KT_EFORMAT, "can never match"},
        {"{s: s}", KT_EFORMAT, "a condition is a text"},
        {"[s, x]", KT_EFORMAT, "mine.yml:6:18: condition: there is no selection of the name \"x\""},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char yaml[600];
        assert_true(snprintf(yaml, sizeof yaml, HEAD "detection:\n  s: {a: 1}\n  condition: %s\n", t[i].condition) > 0);
        refused(yaml, t[i].code, t[i].sentence);
    }
    char deep[2000] = HEAD "detection:\n  s: {a: 1}\n  condition: ";
    memset(deep + strlen(deep), '(', 70);
    refused(deep, KT_ELIMIT, "nested too deeply");
}

/* --- what is not read is refused ---------------------------------------------- */

static void what_is_not_read_is_refused_by_name_and_place(void **state)
{
    (void)state;
#define D "detection: {s: {a: 1}, condition: s}\n"
    refused(HEAD "detection:\n  s:\n    userAgent|contians: x\n  condition: s\n", KT_EUNSUPPORTED,
            "mine.yml:6:15: there is no such modifier: \"contians\"");
    refused(HEAD "detection:\n  s: [[x]]\n  condition: s\n", KT_EFORMAT, "mine.yml:5:7: a map or a word");
    refused(HEAD "detection:\n  s: {a: {b: 1}}\n  condition: s\n", KT_EUNSUPPORTED, "a value is expected here");
    refused(HEAD "detection:\n  s: {a: []}\n  condition: s\n", KT_EFORMAT, "can never match");
    refused(HEAD "detection:\n  s: {}\n  condition: s\n", KT_EFORMAT, "mine.yml:5:6: there is nothing in it");
    refused(HEAD "detection:\n  s: {a: 1}\n  timeframe: 5m\n  condition: s\n", KT_EUNSUPPORTED, "mine.yml:6:3: timeframe");
    refused(HEAD "detection:\n  s: {a: 1}\n", KT_EFORMAT, "there is no condition in it");
    refused(HEAD, KT_EFORMAT, "needs a map named detection");
    refused("title: T\n" D, KT_EFORMAT, "needs a logsource");
    refused("title: T\nlogsource: {product: windows}\n" D, KT_EUNSUPPORTED, "mine.yml:2:22: only rules for aws");
    refused("title: T\nlogsource: {product: aws, service: guardduty}\n" D, KT_EUNSUPPORTED, "\"guardduty\"");
    refused("title: T\nlogsource: {category: process_creation}\n" D, KT_EUNSUPPORTED, "category");
    refused("logsource: {product: aws}\n" D, KT_EFORMAT, "needs a title");
    refused(HEAD D "level: severe\n", KT_EFORMAT, "level is one of");
    refused(HEAD D "level: [high]\n", KT_EFORMAT, "level is one of");
    refused(HEAD D "fields: a\n", KT_EFORMAT, "fields is a list");
    refused(HEAD D "fields: [{a: b}]\n", KT_EFORMAT, "a field's name is expected");
    refused(HEAD D "custom: {risk: 101}\n", KT_EFORMAT, "from 0 to 100 is expected for \"risk\"");
    refused(HEAD D "custom: {risk: high}\n", KT_EFORMAT, "from 0 to 100");
    refused(HEAD D "custom: {confidence: 50}\n", KT_EFORMAT, "both or neither");
    refused(HEAD D "custom: {confidence: 50, impact: 50, risk: 24}\n", KT_EFORMAT, "one or the other");
    refused(HEAD D "correlation: {type: event_count}\n", KT_EFORMAT, "mine.yml:4:1: a document is a rule, a filter or");
    refused(HEAD D "filter: {condition: s}\n", KT_EFORMAT, "too much is \"detection\"");
    refused(HEAD D "action: global\n", KT_EUNSUPPORTED, "collections of rules are not read");
    refused(HEAD D "---\n" HEAD D, KT_EFORMAT, "mine.yml:6:1: its id is that of mine.yml:1");
    refused("# nothing\n", KT_EFORMAT, "there is no rule in it");
    refused("- a\n", KT_EFORMAT, "a rule is a map");
    refused("a: [\n", KT_EFORMAT, "mine.yml:2:1: ");
}

/* --- risk -------------------------------------------------------------------- */

static int risk_of(const char *rest)
{
    char yaml[1000];
    assert_true(snprintf(yaml, sizeof yaml, HEAD D "%s", rest) > 0);
    struct kt_rules *s = one_more(yaml);
    int risk = kt_rules_info(s, (size_t)kt_rules_find(s, "t")).risk;
    kt_rules_free(s);
    return risk;
}

static void a_rules_risk_is_its_own_else_its_levels(void **state)
{
    (void)state;
    assert_int_equal(risk_of("custom: {risk: 63}\n"), 63);
    assert_int_equal(risk_of("custom: {confidence: 90, impact: 70}\n"), 63);
    assert_int_equal(risk_of("level: high\ncustom: {confidence: 90, impact: 70, risk: 63}\n"), 63);
    static const char *const levels[] = {"informational", "low", "medium", "high", "critical"};
    for (int i = 0; i < 5; i++) {
        char rest[60];
        assert_true(snprintf(rest, sizeof rest, "level: %s\n", levels[i]) > 0);
        assert_int_equal(kt_level_of_risk(risk_of(rest)), i);
        assert_string_equal(kt_level_name((enum kt_level)i), levels[i]);
    }
    assert_int_equal(kt_level_of_risk(risk_of("")), KT_LEVEL_INFORMATIONAL);
}

static void levels_begin_at_20_40_70_and_90(void **state)
{
    (void)state;
    static const struct {
        int risk;
        enum kt_level level;
    } t[] = {{0, KT_LEVEL_INFORMATIONAL}, {19, KT_LEVEL_INFORMATIONAL}, {20, KT_LEVEL_LOW},  {39, KT_LEVEL_LOW},
             {40, KT_LEVEL_MEDIUM},       {69, KT_LEVEL_MEDIUM},        {70, KT_LEVEL_HIGH}, {89, KT_LEVEL_HIGH},
             {90, KT_LEVEL_CRITICAL},     {100, KT_LEVEL_CRITICAL}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        assert_int_equal(kt_level_of_risk(t[i].risk), t[i].level);
}

static void the_gravest_risk_counts_and_the_words_to_their_room(void **state)
{
    (void)state;
    struct kt_rules *s = builtin();
    struct kt_err e = {0};
    for (int i = 0; i < 20; i++) {
        char yaml[600], name[20];
        assert_true(snprintf(name, sizeof name, "rule%d", i) > 0);
        assert_true(snprintf(yaml, sizeof yaml,
                             "title: T\nlogsource: {product: aws}\ndetection: {s: {eventName: CreateAccessKey}, "
                             "condition: s}\ncustom: {risk: 30, why: \"for reason n\\u00famber %d\"}\n",
                             i) > 0);
        assert_int_equal(kt_rules_add(s, name, yaml, strlen(yaml), &e), KT_OK);
    }
    struct kt_verdict v = judge(s, &(struct record){.target = "bob"}, NULL, NULL);
    assert_int_equal(v.risk, 30);
    assert_int_equal(v.level, KT_LEVEL_LOW);
    assert_int_equal(v.n_rules, KT_RULES_MATCHED_MAX);
    assert_true(strlen(v.why) < KT_WHY_MAX);
    assert_true(strncmp(v.why, "by IAM user, for reason n??mber 0, ", 35) == 0);
    assert_int_not_equal(v.why[strlen(v.why) - 1], ' ');
    v = judge(s, &(struct record){.type = "Root"}, NULL, NULL);
    assert_int_equal(v.risk, 30);
    kt_rules_free(s);
}

static void a_rule_with_a_known_id_takes_the_others_place(void **state)
{
    (void)state;
    struct kt_rules *s = builtin();
    struct kt_err e = {0};
    size_t n = kt_rules_count(s);
    const char *yaml = "title: Mine\nid: 12d6d713-3cb4-4ffc-a064-1dca3d1cca01\nlogsource: {product: aws}\n"
                       "detection: {s: {eventName: CreateAccessKey}, condition: s}\ncustom: {risk: 40}\n";
    assert_int_equal(kt_rules_add(s, "mine", yaml, strlen(yaml), &e), KT_OK);
    assert_int_equal(kt_rules_count(s), n);
    assert_int_equal(kt_rules_find(s, "aws_detect_permanent_key_creation"), -1);
    int i = kt_rules_find(s, "mine");
    assert_true(i >= 0);
    struct kt_verdict v = judge(s, &(struct record){.type = "Root"}, NULL, NULL);
    assert_int_equal(v.risk, 40);
    assert_string_equal(v.why, "Mine"); /* no why: its title */
    kt_rules_free(s);
}

/* --- rows -------------------------------------------------------------------- */

static void every_field_is_found_by_its_name_and_the_short_forms(void **state)
{
    (void)state;
    for (int i = 0; i < KT_FIELD_COUNT; i++) {
        assert_int_equal(kt_field_find(kt_span_of(kt_field_name((enum kt_field)i))), i);
        assert_true(kt_field_header((enum kt_field)i)[0] != '\0');
    }
    static const struct {
        const char *name;
        enum kt_field f;
    } t[] = {{"actor", KT_FIELD_ACTOR_NAME},       {"target", KT_FIELD_TARGET_NAME},
             {"key", KT_FIELD_KEY_ID},             {"from", KT_FIELD_SOURCE_ADDRESS},
             {"source", KT_FIELD_SOURCE_ADDRESS},  {"address", KT_FIELD_SOURCE_ADDRESS},
             {"agent", KT_FIELD_AGENT_TEXT},       {"tool", KT_FIELD_AGENT_TOOL},
             {"session", KT_FIELD_ACTOR_SESSION},  {"region", KT_FIELD_REGION},
             {"account", KT_FIELD_ACCOUNT},        {"user", KT_FIELD_ACTOR_NAME},
             {"error", KT_FIELD_ERROR_CODE},       {"via", KT_FIELD_ACTOR_VIA},
             {"userAgent", KT_FIELD_COUNT},        {"", KT_FIELD_COUNT}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        assert_int_equal(kt_field_find(kt_span_of(t[i].name)), t[i].f);
    assert_int_equal(kt_field_find(KT_SPAN_NONE), KT_FIELD_COUNT);
}

static void a_rows_fields_are_what_the_record_said(void **state)
{
    (void)state;
    struct kt_arena *a = kt_arena_new(1 << 20);
    struct kt_rules *s = builtin();
    json_t *root = record_build(&(struct record){.actor = "alice", .target = "bob", .mfa = "true",
                                                 .time = "2023-07-10T12:24:29Z"});
    record_set(root, "eventID", NULL);
    record_set(root, "addendum", "{}");
    struct kt_row row = {.origin = {.source = KT_LIT("file:x.json"), .record = 17}};
    kt_event_decode(node_of(root), 0, a, &row.ev);
    kt_rules_judge(s, node_of(root), &row.verdict);
    static const struct {
        enum kt_field f;
        const char *text;
    } t[] = {{KT_FIELD_KIND, "creation"},
             {KT_FIELD_TIME, "2023-07-10T12:24:29Z"},
             {KT_FIELD_EVENT_ID, NULL},
             {KT_FIELD_EVENT_NAME, "CreateAccessKey"},
             {KT_FIELD_EVENT_SOURCE, "iam.amazonaws.com"},
             {KT_FIELD_RESULT, "created"},
             {KT_FIELD_ERROR_CODE, NULL},
             {KT_FIELD_ERROR_MESSAGE, NULL},
             {KT_FIELD_ACTOR_TYPE, "IAMUser"},
             {KT_FIELD_ACTOR_NAME, "alice"},
             {KT_FIELD_ACTOR_ARN, "arn:aws:iam::111122223333:user/alice"},
             {KT_FIELD_ACTOR_ACCOUNT, "111122223333"},
             {KT_FIELD_ACTOR_PRINCIPAL_ID, "AIDAEXAMPLEEXAMPLE001"},
             {KT_FIELD_ACTOR_SESSION, NULL},
             {KT_FIELD_ACTOR_ACCESS_KEY_ID, "ASIAEXAMPLEEXAMPLE01"},
             {KT_FIELD_ACTOR_MFA, "true"},
             {KT_FIELD_ACTOR_VIA, NULL},
             {KT_FIELD_TARGET_NAME, "bob"},
             {KT_FIELD_TARGET_ACCOUNT, "111122223333"},
             {KT_FIELD_TARGET_SELF, "false"},
             {KT_FIELD_TARGET_FROM, "response"},
             {KT_FIELD_KEY_ID, "AKIAEXAMPLEEXAMPLE99"},
             {KT_FIELD_KEY_STATUS, "Active"},
             {KT_FIELD_KEY_CREATED, "2023-07-10T12:24:29Z"},
             {KT_FIELD_SOURCE_ADDRESS, "203.0.113.9"},
             {KT_FIELD_SOURCE_KIND, "ip"},
             {KT_FIELD_AGENT_TOOL, "boto3"},
             {KT_FIELD_AGENT_VERSION, "1.28.0"},
             {KT_FIELD_AGENT_OS, "linux"},
             {KT_FIELD_AGENT_CLASS, "sdk"},
             {KT_FIELD_ACCOUNT, "111122223333"},
             {KT_FIELD_REGION, "us-east-1"},
             {KT_FIELD_RISK, "25"},
             {KT_FIELD_LEVEL, "low"},
             {KT_FIELD_SIGNALS, ""},
             {KT_FIELD_RULES, "12d6d713-3cb4-4ffc-a064-1dca3d1cca01"},
             {KT_FIELD_FLAGS, "addendum,no-event-id"},
             {KT_FIELD_ORIGIN_SOURCE, "file:x.json"},
             {KT_FIELD_ORIGIN_RECORD, "17"},
             {KT_FIELD_WHY, "by IAM user"}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct kt_span got = kt_row_field(&row, t[i].f, a);
        if (t[i].text ? !kt_span_is(got, t[i].text) : kt_span_known(got))
            fail_msg("%s is \"%.*s\"", kt_field_name(t[i].f), (int)got.n, got.p ? got.p : "");
    }
    assert_true(kt_span_starts(kt_row_field(&row, KT_FIELD_AGENT_TEXT, a), "Boto3/1.28.0 md/"));
    assert_true(kt_span_is(kt_row_field(&row, KT_FIELD_RULES, a), "12d6d713-3cb4-4ffc-a064-1dca3d1cca01"));
    json_decref(root);
    kt_rules_free(s);
    kt_arena_free(a);
}

static void a_malformed_row_says_only_its_place_and_reason(void **state)
{
    (void)state;
    struct kt_arena *a = kt_arena_new(1 << 16);
    struct kt_row row = {.ev.kind = KT_KIND_MALFORMED,
                         .origin = {.source = KT_LIT("-"), .record = 3},
                         .malformed = {.reason = KT_LIT("unterminated string"), .bytes = 12}};
    for (int f = 0; f < KT_FIELD_COUNT; f++) {
        struct kt_span got = kt_row_field(&row, (enum kt_field)f, a);
        switch (f) {
        case KT_FIELD_KIND: assert_true(kt_span_is(got, "malformed")); break;
        case KT_FIELD_ORIGIN_SOURCE: assert_true(kt_span_is(got, "-")); break;
        case KT_FIELD_ORIGIN_RECORD: assert_true(kt_span_is(got, "3")); break;
        case KT_FIELD_WHY: assert_true(kt_span_is(got, "unterminated string")); break;
        case KT_FIELD_FLAGS: assert_true(kt_span_is(got, "")); break;
        case KT_FIELD_STATE: assert_true(kt_span_is(got, "open")); break;
        default: assert_false(kt_span_known(got));
        }
    }
    kt_arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_seed_rule_is_built_in_under_its_name_and_id),
        cmocka_unit_test(the_seed_rule_matches_iam_users_whatever_came_of_the_call),
        cmocka_unit_test(values_are_equal_with_ascii_case_ignored),
        cmocka_unit_test(a_list_holds_if_one_value_does_and_a_map_if_all_fields_do),
        cmocka_unit_test(numbers_and_truths_match_as_they_are_spelled),
        cmocka_unit_test(null_is_a_missing_field_or_a_null),
        cmocka_unit_test(wildcards_and_their_escapes),
        cmocka_unit_test(a_hostile_text_does_not_make_matching_slow),
        cmocka_unit_test(conditions_bind_not_before_and_before_or),
        cmocka_unit_test(conditions_that_cannot_be_are_refused_with_their_column),
        cmocka_unit_test(what_is_not_read_is_refused_by_name_and_place),
        cmocka_unit_test(a_rules_risk_is_its_own_else_its_levels),
        cmocka_unit_test(levels_begin_at_20_40_70_and_90),
        cmocka_unit_test(the_gravest_risk_counts_and_the_words_to_their_room),
        cmocka_unit_test(a_rule_with_a_known_id_takes_the_others_place),
        cmocka_unit_test(every_field_is_found_by_its_name_and_the_short_forms),
        cmocka_unit_test(a_rows_fields_are_what_the_record_said),
        cmocka_unit_test(a_malformed_row_says_only_its_place_and_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
