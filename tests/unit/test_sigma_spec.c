/* detect: the examples of the Sigma specification 2.1's pages on modifiers,
 * correlations and filters, with CloudTrail as their log: each hit and missed.
 * Those of conditions and of values stand in test_sigma_condition.c and
 * test_sigma_modifier.c, form by form. */
#include "detect/correlate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sigma_kit.h"
#include "tests/support/nodes.h"

#define S INT64_C(1000)
#define RULE(id, name, selection) \
    "title: R\nid: " id "\nname: " name "\n" AWS "detection:\n  selection: {" selection "}\n  condition: selection\n---\n"

/* --- modifiers --------------------------------------------------------------- */

static void the_examples_of_modifiers(void **state)
{
    (void)state;
    static const struct {
        const char *selection, *hit, *miss;
    } t[] = {
        {"u|startswith: adm_", "{\"u\":\"adm_anna\"}", "{\"u\":\"anna_adm_\"}"},
        {"i|endswith: '\\cmd.exe'", "{\"i\":\"C:\\\\Windows\\\\cmd.exe\"}", "{\"i\":\"cmd.exe\"}"},
        {"c|contains|all: [' -a ', ' -b ']", "{\"c\":\"x -b -a y\"}", "{\"c\":\"x -a y\"}"},
        {"c|windash|contains: ' -s '", "{\"c\":\"x /s y\"}", "{\"c\":\"x _s y\"}"},
        {"c|windash|contains: ' -s '", "{\"c\":\"x \\u2015s y\"}", "{\"c\":\"x s y\"}"},
        {"p|exists: true", "{\"p\":null}", "{\"q\":1}"},
        {"p|exists: false", "{\"q\":1}", "{\"p\":\"\"}"},
        {"u|cased: Admin", "{\"u\":\"Admin\"}", "{\"u\":\"admin\"}"},
        {"u|neq: admin", "{\"u\":\"bob\"}", "{\"u\":\"ADMIN\"}"},
        {"n|neq: 5", "{\"n\":6}", "{\"n\":5}"},
        {"c|re: '^[a-z]+(1|2){2,3}$'", "{\"c\":\"ab121\"}", "{\"c\":\"AB121\"}"},
        {"c|re|i: '^ab$'", "{\"c\":\"AB\"}", "{\"c\":\"ABC\"}"},
        {"c|re|m: '^b$'", "{\"c\":\"a\\nb\\nc\"}", "{\"c\":\"abc\"}"},
        {"c|re|s: 'a.b'", "{\"c\":\"a\\nb\"}", "{\"c\":\"ab\"}"},
        {"c|base64: foo", "{\"c\":\"Zm9v\"}", "{\"c\":\"foo\"}"},
        {"c|base64offset|contains: foobar", "{\"c\":\"YWZvb2Jhcg==\"}", "{\"c\":\"foobar\"}"},
        {"c|wide: cmd", "{\"c\":\"c\\u0000m\\u0000d\\u0000\"}", "{\"c\":\"cmd\"}"},
        {"c|utf16le: cmd", "{\"c\":\"c\\u0000m\\u0000d\\u0000\"}", "{\"c\":\"\\u0000c\\u0000m\\u0000d\"}"},
        {"c|utf16be: cmd", "{\"c\":\"\\u0000c\\u0000m\\u0000d\"}", "{\"c\":\"c\\u0000m\\u0000d\\u0000\"}"},
        {"c|utf16le|base64: cmd", "{\"c\":\"YwBtAGQA\"}", "{\"c\":\"Y21k\"}"},
        {"c|utf16be|base64: cmd", "{\"c\":\"AGMAbQBk\"}", "{\"c\":\"Y21k\"}"},
        {"c|utf16|base64: cmd", "{\"c\":\"//5jAG0AZAA=\"}", "{\"c\":\"YwBtAGQA\"}"},
        {"n|lt: 5", "{\"n\":4}", "{\"n\":5}"},
        {"n|lte: 5", "{\"n\":5}", "{\"n\":6}"},
        {"n|gt: 5", "{\"n\":6}", "{\"n\":5}"},
        {"n|gte: 5", "{\"n\":5}", "{\"n\":4}"},
        {"t|minute: 59", "{\"t\":\"2026-01-02T03:59:00Z\"}", "{\"t\":\"2026-01-02T03:58:00Z\"}"},
        {"t|hour: 23", "{\"t\":\"2026-01-02T23:00:00Z\"}", "{\"t\":\"2026-01-02T22:00:00Z\"}"},
        {"t|day: 31", "{\"t\":\"2026-01-31T03:00:00Z\"}", "{\"t\":\"2026-01-30T03:00:00Z\"}"},
        {"t|week: 1", "{\"t\":\"2026-01-02T03:00:00Z\"}", "{\"t\":\"2026-02-02T03:00:00Z\"}"},
        {"t|month: 12", "{\"t\":\"2026-12-02T03:00:00Z\"}", "{\"t\":\"2026-01-02T03:00:00Z\"}"},
        {"t|year: 2026", "{\"t\":\"2026-12-02T03:00:00Z\"}", "{\"t\":\"2025-12-02T03:00:00Z\"}"},
        {"a|cidr: 10.0.0.0/8", "{\"a\":\"10.200.3.4\"}", "{\"a\":\"11.0.0.1\"}"},
        {"a|cidr: 'fe80::/10'", "{\"a\":\"fe80::1\"}", "{\"a\":\"fec0::1\"}"},
        {"a|fieldref: b", "{\"a\":\"x\",\"b\":\"X\"}", "{\"a\":\"x\",\"b\":\"y\"}"},
        {"a|fieldref|neq: b", "{\"a\":\"x\",\"b\":\"y\"}", "{\"a\":\"x\",\"b\":\"x\"}"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        if (!matches(t[i].selection, t[i].hit))
            fail_msg("%s misses %s", t[i].selection, t[i].hit);
        if (matches(t[i].selection, t[i].miss))
            fail_msg("%s matches %s", t[i].selection, t[i].miss);
    }
}

static void the_example_of_expand(void **state)
{
    (void)state;
    static const char *const admins[] = {"root", "adm_*"};
    struct kt_rules *s = empty_set();
    struct kt_err e = {KT_OK, ""};
    assert_int_equal(kt_rules_placeholder(s, "Administrators", admins, 2, &e), KT_OK);
    add(s, "t", HEAD "detection:\n  selection:\n    u|expand: '%Administrators%'\n  condition: selection\n");
    assert_true(set_matches(s, "{\"u\":\"adm_anna\"}") && set_matches(s, "{\"u\":\"root\"}"));
    assert_false(set_matches(s, "{\"u\":\"anna\"}"));
    kt_rules_free(s);
}

/* --- correlations -------------------------------------------------------------- */

struct bench {
    struct kt_rules *s;
    struct kt_correlator *c;
    int standing;
};

static void hear(void *ctx, const struct kt_correlated *m)
{
    struct bench *b = ctx;
    b->standing += m->change == KT_CORRELATED_NEW ? 1 : m->change == KT_CORRELATED_RETRACTED ? -1 : 0;
}

static struct bench begin(const char *yaml)
{
    struct bench b = {.s = empty_set()};
    struct kt_err e = {KT_OK, ""};
    add(b.s, "spec", yaml);
    assert_int_equal(kt_correlator_new(&b.c, b.s, NULL, &e), KT_OK);
    return b;
}

static void feed(struct bench *b, int64_t time, const char *record)
{
    static int number;
    char id[20];
    int matched[8];
    struct kt_verdict v;
    struct kt_err e = {KT_OK, ""};
    json_t *root = record_of(record);
    size_t n = kt_rules_match(b->s, node_of(root), &v, matched, 8);
    snprintf(id, sizeof id, "e%d", ++number);
    struct kt_occurrence o = {matched, n, node_of(root), time * S, kt_span_of(id)};
    assert_int_equal(kt_correlator_feed(b->c, &o, hear, b, &e), KT_OK);
    json_decref(root);
}

static void end(struct bench *b)
{
    kt_correlator_free(b->c);
    kt_rules_free(b->s);
}

#define FAILED RULE("5638f7c0-ac70-491d-8465-2a65075e0d86", "failed_login", "e: fail")

static void the_example_of_event_count(void **state)
{
    (void)state;
    struct bench b = begin(FAILED "title: Many failed logins\nid: 0e95725d-7320-415d-80f7-004da920fc11\ncorrelation:\n"
                           "    type: event_count\n    rules:\n        - 5638f7c0-ac70-491d-8465-2a65075e0d86\n    group-by:\n"
                           "        - ComputerName\n    timespan: 1h\n    condition:\n        gte: 100\n");
    for (int i = 0; i < 99; i++)
        feed(&b, i * 36, "{\"e\":\"fail\",\"ComputerName\":\"a\"}");
    feed(&b, 3000, "{\"e\":\"fail\",\"ComputerName\":\"b\"}");
    assert_int_equal(b.standing, 0);
    feed(&b, 3599, "{\"e\":\"fail\",\"ComputerName\":\"a\"}");
    assert_int_equal(b.standing, 1);
    end(&b);
}

static void the_example_of_a_range(void **state)
{
    (void)state;
    struct bench b = begin(FAILED "title: C\nid: c\ncorrelation:\n    type: event_count\n    rules: [failed_login]\n"
                           "    group-by: [h]\n    timespan: 90m\n    condition:\n        gt: 100\n        lte: 200\n");
    for (int i = 0; i < 100; i++)
        feed(&b, i, "{\"e\":\"fail\",\"h\":1}");
    assert_int_equal(b.standing, 0);
    feed(&b, 100, "{\"e\":\"fail\",\"h\":1}");
    assert_int_equal(b.standing, 1);
    end(&b);
}

static void the_example_of_value_count(void **state)
{
    (void)state;
    char record[120];
    struct bench b = begin(FAILED "title: Failed login\nid: c\ncorrelation:\n    type: value_count\n    rules:\n"
                           "        - 5638f7c0-ac70-491d-8465-2a65075e0d86\n    group-by:\n        - ComputerName\n"
                           "        - WorkstationName\n    timespan: 1d\n    condition:\n        field: User\n        gte: 100\n");
    for (int i = 0; i < 150; i++) {
        snprintf(record, sizeof record, "{\"e\":\"fail\",\"ComputerName\":\"a\",\"WorkstationName\":\"w\",\"User\":\"u%d\"}", i % 99);
        feed(&b, i, record);
    }
    assert_int_equal(b.standing, 0);
    feed(&b, 200, "{\"e\":\"fail\",\"ComputerName\":\"a\",\"WorkstationName\":\"v\",\"User\":\"other\"}");
    assert_int_equal(b.standing, 0);
    feed(&b, 201, "{\"e\":\"fail\",\"ComputerName\":\"a\",\"WorkstationName\":\"w\",\"User\":\"other\"}");
    assert_int_equal(b.standing, 1);
    end(&b);
}

static void the_example_of_temporal(void **state)
{
    (void)state;
    struct bench b = begin(RULE("1", "recon_cmd_a", "e: a") RULE("2", "recon_cmd_b", "e: b") RULE("3", "recon_cmd_c", "e: c")
                           "title: C\nid: c\ncorrelation:\n    type: temporal\n    rules:\n        - recon_cmd_a\n        - recon_cmd_b\n"
                           "        - recon_cmd_c\n    group-by:\n        - ComputerName\n        - User\n    timespan: 5m\n");
    feed(&b, 0, "{\"e\":\"c\",\"ComputerName\":1,\"User\":\"x\"}");
    feed(&b, 10, "{\"e\":\"a\",\"ComputerName\":1,\"User\":\"x\"}");
    feed(&b, 20, "{\"e\":\"b\",\"ComputerName\":1,\"User\":\"y\"}");
    assert_int_equal(b.standing, 0);
    feed(&b, 300, "{\"e\":\"b\",\"ComputerName\":1,\"User\":\"x\"}");
    assert_int_equal(b.standing, 1);
    end(&b);
}

static void the_example_of_failed_logins_and_a_successful_one(void **state)
{
    (void)state;
    static const char yaml[] =
        RULE("53ba33fd-3a50-4468-a5ef-c583635cfa92", "failed_logon", "EventID: [529, 4625]")
        RULE("4d0a2c83-c62c-4ed4-b475-c7e23a9269b8", "successful_logon", "EventID: [528, 4624]")
        "title: Multiple failed logons\nid: a8418a5a-5fc4-46b5-b23b-6c73beb19d41\nname: multiple_failed_login\ncorrelation:\n"
        "    type: event_count\n    rules:\n        - failed_logon\n    group-by:\n        - User\n    timespan: 10m\n"
        "    condition:\n        gte: 10\n---\n"
        "title: Multiple failed logons followed by a successful one\nid: b180ead8-d58f-40b2-ae54-c8940995b9b6\ncorrelation:\n"
        "    type: temporal_ordered\n    rules:\n        - multiple_failed_login\n        - successful_logon\n    group-by:\n"
        "        - User\n    timespan: 10m\n";
    struct bench b = begin(yaml), wrong = begin(yaml);
    feed(&wrong, 0, "{\"EventID\":4624,\"User\":\"u\"}");
    for (int i = 1; i <= 10; i++) {
        feed(&b, i, "{\"EventID\":4625,\"User\":\"u\"}");
        feed(&wrong, i, "{\"EventID\":4625,\"User\":\"u\"}");
    }
    feed(&b, 20, "{\"EventID\":4624,\"User\":\"v\"}");
    assert_int_equal(b.standing, 0);
    feed(&b, 30, "{\"EventID\":4624,\"User\":\"u\"}");
    assert_int_equal(b.standing, 1);
    assert_int_equal(wrong.standing, 0);
    end(&b);
    end(&wrong);
}

static void the_example_of_aliases(void **state)
{
    (void)state;
    struct bench b = begin(RULE("1", "internal_error", "http.response.status_code: 500")
                           RULE("2", "new_network_connection", "event.category: network, event.type: connection, event.outcome: success")
                           "title: C\nid: c\ncorrelation:\n    type: temporal\n    rules:\n        - internal_error\n"
                           "        - new_network_connection\n    group-by:\n        - internal_ip\n        - remote_ip\n    timespan: 10s\n"
                           "    aliases:\n        internal_ip:\n            internal_error: destination.ip\n"
                           "            new_network_connection: source.ip\n        remote_ip:\n            internal_error: source.ip\n"
                           "            new_network_connection: destination.ip\n");
#define CONNECTION(from, to) "{\"event\":{\"category\":\"network\",\"type\":\"connection\",\"outcome\":\"success\"},\"source\":{\"ip\":\"" \
                             from "\"},\"destination\":{\"ip\":\"" to "\"}}"
    feed(&b, 0, "{\"http\":{\"response\":{\"status_code\":500}},\"source\":{\"ip\":\"r\"},\"destination\":{\"ip\":\"i\"}}");
    feed(&b, 5, CONNECTION("r", "i"));
    assert_int_equal(b.standing, 0);
    feed(&b, 6, CONNECTION("i", "r"));
    assert_int_equal(b.standing, 1);
    end(&b);
}

static void a_rule_is_referred_to_by_id_or_name(void **state)
{
    (void)state;
    struct bench b = begin(FAILED RULE("x", "firewall_block", "e: block")
                           "title: C\nid: c\ncorrelation:\n  type: event_count\n  rules:\n    - 5638f7c0-ac70-491d-8465-2a65075e0d86\n"
                           "    - firewall_block\n  group-by: [h]\n  timespan: 10s\n  condition: {gte: 2}\n");
    feed(&b, 0, "{\"e\":\"fail\",\"h\":1}");
    feed(&b, 1, "{\"e\":\"block\",\"h\":1}");
    assert_int_equal(b.standing, 1);
    end(&b);
}

/* --- filters ---------------------------------------------------------------------- */

static void the_example_of_a_filter(void **state)
{
    (void)state;
    struct kt_rules *s = empty_set();
    add(s, "rules", RULE("6f3e2987-db24-4c78-a860-b4f4095a7095", "rar", "i: rar.exe") RULE("df0841c0-9846-4e9f-ad8a-7df91571771b", "jump", "i: login")
                    "title: R\nid: other\n" AWS "detection: {s: {i: '*'}, condition: s}\n");
    add(s, "admins", "title: Filter Administrator account\ndescription: The valid administrator account start with adm_\n" AWS
                     "filter:\n    rules:\n        - 6f3e2987-db24-4c78-a860-b4f4095a7095 # Data Compressed - rar.exe\n"
                     "        - df0841c0-9846-4e9f-ad8a-7df91571771b # Login on jump host\n    selection:\n"
                     "        User|startswith: 'adm_'\n    condition: selection\n");
    static const struct {
        const char *record;
        size_t rules;
    } t[] = {{"{\"i\":\"rar.exe\",\"User\":\"adm_joe\"}", 1}, {"{\"i\":\"rar.exe\",\"User\":\"joe\"}", 2},
             {"{\"i\":\"login\",\"User\":\"adm_joe\"}", 1},   {"{\"i\":\"login\",\"User\":\"joe\"}", 2},
             {"{\"i\":\"x\",\"User\":\"adm_joe\"}", 1}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct kt_verdict v;
        json_t *root = record_of(t[i].record);
        kt_rules_judge(s, node_of(root), &v);
        assert_int_equal(v.n_rules, t[i].rules);
        json_decref(root);
    }
    kt_rules_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_modifiers),
        cmocka_unit_test(the_example_of_expand),
        cmocka_unit_test(the_example_of_event_count),
        cmocka_unit_test(the_example_of_a_range),
        cmocka_unit_test(the_example_of_value_count),
        cmocka_unit_test(the_example_of_temporal),
        cmocka_unit_test(the_example_of_failed_logins_and_a_successful_one),
        cmocka_unit_test(the_example_of_aliases),
        cmocka_unit_test(a_rule_is_referred_to_by_id_or_name),
        cmocka_unit_test(the_example_of_a_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
