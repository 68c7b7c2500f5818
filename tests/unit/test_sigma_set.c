/* detect: sets of rules: several documents, folders, ids, filters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sigma_kit.h"
#include "tests/support/nodes.h"

#include <sys/stat.h>
#include <unistd.h>

#define RULE(id, value) "title: Rule " id "\nid: " id "\n" AWS "detection: {s: {a: " value "}, condition: s}\n"

static struct kt_verdict judge(const struct kt_rules *s, const char *record)
{
    json_t *root = record_of(record);
    struct kt_verdict v;
    kt_rules_judge(s, node_of(root), &v);
    json_decref(root);
    return v;
}

/* --- sets ------------------------------------------------------------------------ */

static void a_text_may_hold_several_documents(void **state)
{
    (void)state;
    struct kt_rules *s = empty_set();
    add(s, "many", RULE("r1", "x") "---\nname: second\n" RULE("r2", "[x, y]") "---\ntitle: F\nid: f\n" AWS
                   "filter: {rules: [r1], selection: {b: z}, condition: selection}\n");
    assert_int_equal(kt_rules_count(s), 2);
    assert_int_equal(kt_rules_filters(s), 1);
    assert_int_equal(kt_rules_find(s, "many"), 0);
    assert_int_equal(kt_rules_find(s, "many#2"), 1);
    assert_int_equal(kt_rules_find(s, "second"), 1);
    assert_int_equal(kt_rules_find(s, "r2"), 1);
    assert_int_equal(judge(s, "{\"a\":\"x\"}").n_rules, 2);
    assert_int_equal(judge(s, "{\"a\":\"y\"}").n_rules, 1);
    kt_rules_free(s);
}

static void one_wrong_document_keeps_the_whole_text_out(void **state)
{
    (void)state;
    refused(RULE("r1", "x") "---\n" RULE("r2", "x") "level: extreme\n", KT_EFORMAT, "mine.yml:10:8: level is one of");
    refused(RULE("r1", "x") "---\n" RULE("r1", "y"), KT_EFORMAT, "mine.yml:6:1: its id is that of mine.yml:1");
    struct kt_rules *s = empty_set();
    struct kt_err e = {KT_OK, ""};
    add(s, "good", RULE("r1", "x"));
    const char *bad = RULE("r1", "y") "---\n" RULE("r2", "[]");
    assert_int_equal(kt_rules_add(s, "bad", bad, strlen(bad), &e), KT_EFORMAT);
    assert_int_equal(judge(s, "{\"a\":\"x\"}").n_rules, 1); /* r1 is still the first one */
    assert_int_equal(kt_rules_add(s, "bad", bad, strlen(bad), NULL), KT_EFORMAT);
    kt_rules_free(s);
}

static void what_a_rule_says_of_itself_is_kept(void **state)
{
    (void)state;
    struct kt_rules *s = empty_set();
    add(s, "r", "title: T\nid: i\nname: n\nstatus: test\ndescription: What it finds\nauthor: A, B\ndate: 2024-01-02\n"
                "modified: 2024-02-03\nlicense: MIT\nreferences: [u1, u2]\ntags: [attack.persistence, attack.t1098]\n" AWS
                "detection: {s: {a: x}, condition: s}\nfields: [f1, f2.g]\nfalsepositives: Rotation\nlevel: high\n");
    struct kt_rule_info i = kt_rules_info(s, 0);
    assert_true(kt_span_is(i.title, "T") && kt_span_is(i.id, "i") && kt_span_is(i.name, "r"));
    assert_true(kt_span_is(i.sigma_name, "n") && kt_span_is(i.status, "test") && kt_span_is(i.author, "A, B"));
    assert_true(kt_span_is(i.description, "What it finds") && kt_span_is(i.date, "2024-01-02"));
    assert_true(kt_span_is(i.modified, "2024-02-03") && kt_span_is(i.license, "MIT") && kt_span_is(i.level, "high"));
    assert_int_equal(i.n_references, 2);
    assert_true(i.n_tags == 2 && kt_span_is(i.tags[1], "attack.t1098"));
    assert_true(i.n_falsepositives == 1 && kt_span_is(i.falsepositives[0], "Rotation"));
    assert_true(i.n_fields == 2 && kt_span_is(i.fields[1], "f2.g"));
    assert_int_equal(i.risk, 75);
    assert_false(kt_span_known(kt_rules_info(s, 1).id));
    kt_rules_free(s);
    refused(RULE("r", "x") "tags: [[x]]\n", KT_EFORMAT, "mine.yml:5:8: a text is expected");
}

static void disabled_rules_and_filters_do_nothing(void **state)
{
    (void)state;
    struct kt_rules *s = empty_set();
    add(s, "many", RULE("r1", "x") "---\n" RULE("r2", "x") "---\ntitle: F\nid: f\n" AWS
                   "filter: {rules: [r1], selection: {a: x}, condition: selection}\n");
    assert_int_equal(judge(s, "{\"a\":\"x\"}").n_rules, 1);
    assert_true(kt_rules_disable(s, "f"));
    assert_int_equal(judge(s, "{\"a\":\"x\"}").n_rules, 2);
    assert_true(kt_rules_disable(s, "many"));
    struct kt_verdict v = judge(s, "{\"a\":\"x\"}");
    assert_int_equal(v.n_rules, 1);
    assert_true(kt_span_is(v.rule[0].id, "r2"));
    assert_true(kt_rules_info(s, 0).disabled);
    assert_true(kt_rules_filter_info(s, 0).disabled);
    assert_false(kt_rules_disable(s, "nobody"));
    kt_rules_free(s);
}

static void more_matches_than_a_verdict_lists_are_all_told(void **state)
{
    (void)state;
    struct kt_rules *s = empty_set();
    struct kt_verdict v;
    int matched[200];
    for (int i = 0; i < 150; i++) {
        char yaml[200], name[20];
        assert_true(snprintf(name, sizeof name, "r%d", i) > 0);
        assert_true(snprintf(yaml, sizeof yaml, "title: T\n" AWS "detection: {s: {a|contains: x}, condition: s}\n") > 0);
        add(s, name, yaml);
    }
    json_t *root = record_of("{\"a\":\"yxy\"}");
    assert_int_equal(kt_rules_match(s, node_of(root), &v, matched, 200), 150);
    for (int i = 0; i < 150; i++)
        assert_int_equal(matched[i], i);
    assert_int_equal(v.n_rules, KT_RULES_MATCHED_MAX);
    assert_int_equal(v.risk, 10);
    assert_int_equal(kt_rules_match(s, node_of(root), &v, matched, 3), 150);
    json_decref(root);
    kt_rules_free(s);
}

/* --- filters ----------------------------------------------------------------------- */

static void a_filter_suppresses_its_rules_and_says_so(void **state)
{
    (void)state;
    struct kt_rules *s = empty_set();
    add(s, "rules", RULE("r1", "x") "---\n" RULE("r2", "x"));
    add(s, "admins", "title: Administrators\nid: f1\n" AWS
                     "filter:\n  rules:\n    - r2\n  selection:\n    user|startswith: adm_\n  condition: selection\n");
    struct kt_verdict v = judge(s, "{\"a\":\"x\",\"user\":\"adm_joe\"}");
    assert_int_equal(v.n_rules, 1);
    assert_true(kt_span_is(v.rule[0].id, "r1"));
    assert_true(kt_span_is(v.filter, "admins"));
    assert_true(kt_span_is(v.filtered, "r2"));
    assert_false(kt_verdict_suppressed(&v)); /* r1 stands */
    v = judge(s, "{\"a\":\"x\",\"user\":\"joe\"}");
    assert_int_equal(v.n_rules, 2);
    assert_false(kt_span_known(v.filter));
    v = judge(s, "{\"a\":\"y\",\"user\":\"adm_joe\"}");
    assert_int_equal(v.n_rules, 0);
    assert_false(kt_span_known(v.filter)); /* there was nothing to suppress */
    kt_rules_free(s);
}

static void a_filter_for_any_rule_and_with_a_longer_condition(void **state)
{
    (void)state;
    struct kt_rules *s = empty_set();
    add(s, "rules", RULE("r1", "x") "---\n" RULE("r2", "x"));
    add(s, "any", "title: F\n" AWS "filter:\n  rules: any\n  selection_1: {b: [1, 2]}\n  selection_2: {c|cidr: 192.0.2.0/24}\n"
                  "  keep: {d|exists: true}\n  condition: all of selection_* and not keep\n");
    add(s, "none", "title: G\n" AWS "filter: {selection: {e: 1}, condition: selection}\n");
    assert_int_equal(judge(s, "{\"a\":\"x\",\"b\":2,\"c\":\"192.0.2.7\"}").n_rules, 0);
    assert_true(kt_span_is(judge(s, "{\"a\":\"x\",\"b\":2,\"c\":\"192.0.2.7\"}").filter, "any"));
    assert_int_equal(judge(s, "{\"a\":\"x\",\"b\":2,\"c\":\"192.0.2.7\",\"d\":0}").n_rules, 2);
    assert_int_equal(judge(s, "{\"a\":\"x\",\"b\":3,\"c\":\"192.0.2.7\"}").n_rules, 2);
    assert_true(kt_span_is(judge(s, "{\"a\":\"x\",\"e\":1}").filter, "none"));
    struct kt_verdict v = judge(s, "{\"a\":\"z\",\"e\":1}"); /* no rule matches: the record itself is kept out */
    assert_true(kt_verdict_suppressed(&v));
    assert_true(kt_span_is(v.filter, "none"));
    assert_false(kt_span_known(v.filtered));
    kt_rules_free(s);
}

static void filters_that_cannot_be_are_refused(void **state)
{
    (void)state;
    refused("title: F\n" AWS "filter: [x]\n", KT_EFORMAT, "filter is a map");
    refused("title: F\n" AWS "filter: {rules: x, s: {a: 1}, condition: s}\n", KT_EFORMAT, "mine.yml:3:17: rules is a list");
    refused("title: F\n" AWS "filter: {rules: [], s: {a: 1}, condition: s}\n", KT_EFORMAT, "rules is a list");
    refused("title: F\n" AWS "filter: {rules: [x], s: {a: 1}}\n", KT_EFORMAT, "no condition in it");
    refused("title: F\n" AWS "filter: {rules: [x], s: {a|no: 1}, condition: s}\n", KT_EUNSUPPORTED, "no such modifier");
    refused("title: F\nfilter: {rules: [x], s: {a: 1}, condition: s}\n", KT_EFORMAT, "needs a logsource");
    refused("title: F\n" AWS "filter: {rules: [x], s: {a: 1}, condition: rules}\n", KT_EFORMAT, "no selection of the name");
}

/* --- folders ----------------------------------------------------------------------- */

static void put(const char *folder, const char *name, const char *text)
{
    char path[600];
    assert_true(snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static bool told(const struct kt_rules_report *r, const char *text)
{
    for (size_t i = 0; i < r->n_problems; i++)
        if (strstr(r->problem[i].text, text))
            return true;
    return false;
}

static void a_folder_is_read_whole_whatever_is_wrong_in_it(void **state)
{
    (void)state;
    char template[] = "/tmp/keytop-sigma-XXXXXX", sub[600];
    const char *const names[] = {"a.yml", "b.yaml", "bad.yml", "windows.yml", "twice.yml", "filter.yml", "deep/c.yml", "note.txt"};
    struct kt_rules_report report;
    struct kt_err e = {KT_OK, ""};
    assert_non_null(mkdtemp(template));
    assert_true(snprintf(sub, sizeof sub, "%s/deep", template) > 0);
    assert_int_equal(mkdir(sub, 0700), 0);
    put(template, "a.yml", RULE("r1", "x"));
    put(template, "b.yaml", RULE("r2", "x") "---\n" RULE("r3", "x"));
    put(template, "bad.yml", RULE("r4", "x") "---\n" RULE("r5", "[]"));
    put(template, "windows.yml", "title: W\nlogsource: {product: windows}\ndetection: {s: {a: x}, condition: s}\n");
    put(template, "twice.yml", RULE("r1", "y"));
    put(template, "filter.yml", "title: F\n" AWS "filter: {rules: [r1, r9], s: {b: 1}, condition: s}\n");
    put(template, "deep/c.yml", RULE("r6", "x"));
    put(template, "note.txt", "not a rule");
    struct kt_rules *s = empty_set();
    add(s, "before", RULE("r6", "other"));
    assert_int_equal(kt_rules_load_dir(s, template, &report, &e), KT_OK);
    assert_int_equal(report.files, 7);
    assert_int_equal(report.rules, 4);
    assert_int_equal(report.filters, 1);
    assert_int_equal(report.foreign, 1);
    assert_int_equal(report.refused, 2);
    assert_int_equal(report.n_problems, 3);
    assert_true(told(&report, "/bad.yml:9:20: an empty list can never match"));
    assert_true(told(&report, "/twice.yml:1:1: its id is that of ") && told(&report, "/a.yml:1"));
    assert_true(told(&report, "/filter.yml:3:22: no rule is called \"r9\""));
    assert_int_equal(kt_rules_count(s), 4); /* r6 took the place of the one before */
    assert_int_equal(judge(s, "{\"a\":\"x\"}").n_rules, 4);
    assert_int_equal(judge(s, "{\"a\":\"x\",\"b\":1}").n_rules, 3);
    assert_int_equal(kt_rules_find(s, "c"), 0);
    kt_rules_report_free(&report);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_true(snprintf(sub, sizeof sub, "%s/%s", template, names[i]) > 0);
        assert_int_equal(unlink(sub), 0);
    }
    assert_true(snprintf(sub, sizeof sub, "%s/deep", template) > 0);
    assert_int_equal(rmdir(sub), 0);
    assert_int_equal(rmdir(template), 0);
    assert_int_equal(kt_rules_load_dir(s, template, &report, &e), KT_ENOTFOUND);
    assert_int_equal(kt_rules_count(s), 4);
    kt_rules_report_free(&report);
    kt_rules_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_may_hold_several_documents),
        cmocka_unit_test(one_wrong_document_keeps_the_whole_text_out),
        cmocka_unit_test(what_a_rule_says_of_itself_is_kept),
        cmocka_unit_test(disabled_rules_and_filters_do_nothing),
        cmocka_unit_test(more_matches_than_a_verdict_lists_are_all_told),
        cmocka_unit_test(a_filter_suppresses_its_rules_and_says_so),
        cmocka_unit_test(a_filter_for_any_rule_and_with_a_longer_condition),
        cmocka_unit_test(filters_that_cannot_be_are_refused),
        cmocka_unit_test(a_folder_is_read_whole_whatever_is_wrong_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
