/* The real program: --rules, --filters, --rule and --check. */
#include "tests/support/run.h"
#include "tests/support/sample.h"
#include "tests/support/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define SEED_ID "12d6d713-3cb4-4ffc-a064-1dca3d1cca01"
#define LOGS "logsource: {product: aws, service: cloudtrail}\n"
#define RULE(id, selection, rest) \
    "title: Rule " id "\nid: " id "\n" LOGS "detection: {s: {" selection "}, condition: s}\n" rest

static struct temp_dir d;
static struct kt_buf out, err, trail;

#define RUN(...) run_job(&(struct run_job){.words = (const char *const[]){__VA_ARGS__, NULL}}, &out, &err)
#define FEED(...)                                                                                             \
    run_job(&(struct run_job){.words = (const char *const[]){__VA_ARGS__, NULL}, .in = kt_buf_str(&trail)}, \
            &out, &err)
#define assert_says(buffer, text)                                                    \
    do {                                                                             \
        if (!strstr(kt_buf_str(&(buffer)), (text)))                                  \
            fail_msg("\"%s\" lacks \"%s\"", kt_buf_str(&(buffer)), (text));          \
    } while (0)
#define assert_says_not(buffer, text) assert_null(strstr(kt_buf_str(&(buffer)), (text)))

static int set_up(void **state)
{
    (void)state;
    temp_dir_make(&d);
    temp_mkdir(&d, "rules");
    temp_mkdir(&d, "more");
    temp_mkdir(&d, "filters");
    kt_buf_init(&out, RUN_OUT_MAX);
    kt_buf_init(&err, RUN_OUT_MAX);
    kt_buf_init(&trail, RUN_OUT_MAX);
    sample_record(&trail, &(struct sample){.n = 1, .actor = "ci-deploy", .target = "svc-1"});
    kt_buf_addc(&trail, '\n');
    sample_record(&trail, &(struct sample){.n = 2, .actor = "mallory", .target = "svc-2", .agent = "Pacu/1.0"});
    kt_buf_addc(&trail, '\n');
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_dir_remove(&d);
    kt_buf_free(&out);
    kt_buf_free(&err);
    kt_buf_free(&trail);
    return 0;
}

static int lines(void)
{
    int n = 0;
    for (size_t i = 0; i < out.len; i++)
        n += out.p[i] == '\n';
    return n;
}

/* --- rules ------------------------------------------------------------------- */

static void a_rule_of_ones_own_counts_and_is_named(void **state)
{
    (void)state;
    temp_write(&d, "rules/pacu.yml", RULE("pacu", "userAgent|contains: pacu", "level: high\ncustom: {risk: 60, why: made by Pacu}\n"));
    assert_int_equal(FEED("--rules", temp_path(&d, "rules"), "-o", "csv", "--columns", "actor.name,rules,risk,why", "-"), 0);
    assert_says(out, "ci-deploy," SEED_ID ",");
    assert_says(out, "mallory,\"" SEED_ID ",pacu\",");
    assert_says(out, "made by Pacu");
    assert_int_equal(FEED("--rules", temp_path(&d, "rules"), "-o", "jsonl", "-"), 0);
    assert_says(out, "\"rules\":[\"" SEED_ID "\",\"pacu\"]");
    assert_int_equal(err.len, 0);
}

static void a_later_folder_overrides_an_earlier_one_and_both_the_built_in(void **state)
{
    (void)state;
    temp_write(&d, "rules/a.yml", RULE(SEED_ID, "eventName: CreateAccessKey", "custom: {risk: 90, why: first}\n"));
    temp_write(&d, "more/b.yml", RULE(SEED_ID, "eventName: CreateAccessKey", "custom: {risk: 91, why: second}\n"));
    assert_int_equal(FEED("--rules", temp_path(&d, "rules"), "--rules", temp_path(&d, "more"), "-o", "csv", "--columns",
                          "why", "-"), 0);
    assert_says(out, "second");
    assert_says_not(out, "first");
    assert_says_not(out, "by IAM user");
}

static void rule_looks_at_all_matches_of_rules_old_and_new(void **state)
{
    (void)state;
    char name[32];
    for (int i = 0; i < 20; i++) { /* more than a verdict lists, and one beyond them */
        char text[400];
        snprintf(name, sizeof name, "rules/m%02d.yml", i);
        snprintf(text, sizeof text, "title: M\nid: m%02d\n" LOGS "detection: {s: {eventName: CreateAccessKey}, condition: s}\n", i);
        temp_write(&d, name, text);
    }
    temp_write(&d, "rules/z.yml", RULE("z", "userIdentity.userName: mallory", "fields: [userIdentity.userName]\n"));
    assert_int_equal(FEED("--rules", temp_path(&d, "rules"), "--rule", "z", "-o", "csv", "-"), 0);
    assert_string_equal(kt_buf_str(&out), "userIdentity.userName\nmallory\n");
    assert_int_equal(FEED("--rules", temp_path(&d, "rules"), "--rule", "m19", "-o", "jsonl", "-"), 0);
    assert_int_equal(lines(), 2);
    assert_int_equal(FEED("--rules", temp_path(&d, "rules"), "--rule", "nobody", "-"), 2);
    assert_says(err, "no rule is named nobody; there are aws_detect_permanent_key_creation");
}

static void a_refused_file_is_told_and_keeps_no_other_out(void **state)
{
    (void)state;
    temp_write(&d, "rules/bad.yml", "title: T\n" LOGS "detection:\n  s:\n    userAgent|has: x\n  condition: s\n");
    temp_write(&d, "rules/good.yml", RULE("good", "userIdentity.userName: mallory", ""));
    temp_write(&d, "rules/other.yml", "title: W\nlogsource: {product: windows}\ndetection: {s: {a: x}, condition: s}\n");
    assert_int_equal(FEED("--rules", temp_path(&d, "rules"), "-o", "csv", "--columns", "rules", "-"), 1);
    assert_says(err, "rules/bad.yml:5:15: there is no such modifier: \"has\"");
    assert_says(out, SEED_ID ",good");
    assert_int_equal(FEED("--rules", temp_path(&d, "none"), "-"), 2);
    assert_says(err, "none: No such file or directory: name a folder that is there");
    assert_int_equal(out.len, 0);
}

static void what_is_wrong_in_a_rule_reaches_no_terminal_as_it_stands(void **state)
{
    (void)state;
    temp_write(&d, "rules/bad\033[31m.yml", "title: T\n" LOGS "detection: {s: {\"a|x\\e]0;t\\a\": 1}, condition: s}\n");
    assert_int_equal(FEED("--rules", temp_path(&d, "rules"), "-o", "jsonl", "-"), 1);
    assert_null(memchr(err.p, '\033', err.len));
    assert_int_equal(RUN("--check", "--rules", temp_path(&d, "rules")), 1);
    assert_null(memchr(out.p, '\033', out.len));
}

/* --- filters ----------------------------------------------------------------- */

#define CI_FILTER                                                                         \
    "title: Keys that our pipeline makes\nid: 5d7f0a2e-0000-4000-8000-000000000001\n" LOGS \
    "filter:\n  rules: [" SEED_ID "]\n  selection:\n    userIdentity.userName: ci-deploy\n  condition: selection\n"

static void a_filtered_row_is_not_printed_and_another_rule_brings_it_back(void **state)
{
    (void)state;
    temp_write(&d, "filters/ci.yml", CI_FILTER);
    assert_int_equal(FEED("--filters", temp_path(&d, "filters"), "-o", "csv", "--columns", "actor.name", "-"), 0);
    assert_string_equal(kt_buf_str(&out), "actor.name\nmallory\n");
    temp_write(&d, "rules/any.yml", RULE("any", "eventName: CreateAccessKey", ""));
    assert_int_equal(FEED("--filters", temp_path(&d, "filters"), "--rules", temp_path(&d, "rules"), "-o", "csv",
                          "--columns", "actor.name,rules", "-"), 0);
    assert_says(out, "ci-deploy,any\n");
    assert_says(out, "mallory,\"" SEED_ID ",any\"\n");
}

static void a_folder_of_filters_holds_nothing_else(void **state)
{
    (void)state;
    temp_write(&d, "filters/rule.yml", RULE("any", "eventName: CreateAccessKey", ""));
    assert_int_equal(FEED("--filters", temp_path(&d, "filters"), "-o", "csv", "--columns", "rules", "-"), 1);
    assert_says(err, "rule.yml:1:1: this is a folder of filters alone; --rules takes folders with rules");
    assert_says_not(out, "any");
}

/* --- check ------------------------------------------------------------------- */

static void check_says_a_line_for_each_thing(void **state)
{
    (void)state;
    temp_write(&d, "rules/good.yml", RULE("good", "userIdentity.userName: mallory", ""));
    temp_write(&d, "filters/aws_detect_permanent_key_creation_filter.yml", CI_FILTER);
    temp_write(&d, "trail.json", "{}");
    assert_int_equal(RUN("--check", "--rules", temp_path(&d, "rules"), "--filters", temp_path(&d, "filters"), "--theme",
                         "keytop-light", temp_path(&d, "trail.json"), "demo:"), 0);
    assert_says(out, "rules/good.yml: 1 rule\n");
    assert_says(out, "filters/aws_detect_permanent_key_creation_filter.yml: 1 filter\n");
    assert_says(out, "ok       filter aws_detect_permanent_key_creation_filter: keeps out of aws_detect_permanent_key_creation\n");
    assert_says(out, "ok       in force, with those built in: ");
    assert_says(out, "ok       theme keytop-light\n");
    assert_says(out, "trail.json\n");
    assert_says(out, "ok       source demo:\n");
    assert_says_not(out, "refused");
    assert_int_equal(err.len, 0);
}

static void check_ends_as_a_run_would_begin(void **state)
{
    (void)state;
    temp_write(&d, "rules/good.yml", RULE("good", "userIdentity.userName: mallory", ""));
    temp_write(&d, "rules/bad.yml", "title: T\n" LOGS "detection:\n  s:\n    a|has: x\n  condition: s\n");
    temp_write(&d, "filters/odd.yml", "title: F\n" LOGS "filter: {rules: [nobody], s: {a: 1}, condition: s}\n");
    temp_write(&d, "trail.json", "{}");
    assert_int_equal(RUN("--check", "--rules", temp_path(&d, "rules")), 1);
    assert_says(out, "refused  ");
    assert_says(out, "rules/bad.yml:5:7: there is no such modifier: \"has\"");
    assert_int_equal(RUN("--check", "--filters", temp_path(&d, "filters")), 0);
    assert_says(out, "warning  ");
    assert_says(out, "odd.yml:3:18: no rule is called \"nobody\"");
    assert_says(out, "filter odd: keeps out of no rule that there is");
    assert_int_equal(RUN("--check", "--once", "-o", "jsonl", temp_path(&d, "trail.json"), temp_path(&d, "gone.json")), 1);
    assert_says(out, "gone.json: there is no such file");
    assert_int_equal(RUN("--check", temp_path(&d, "gone.json")), 2);
    assert_int_equal(RUN("--check", "s3:bucket"), 2);
    assert_says(out, "refused  s3:bucket: write s3://BUCKET/PREFIX");
    assert_int_equal(RUN("--check", "--theme", "no-such-theme"), 2);
    assert_int_equal(RUN("--check", "--rules", temp_path(&d, "none")), 2);
    assert_int_equal(RUN("--check", "-F", "risk:>=x"), 2);
    assert_int_equal(RUN("--check", "--rule", "nobody"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        T(a_rule_of_ones_own_counts_and_is_named),
        T(a_later_folder_overrides_an_earlier_one_and_both_the_built_in),
        T(rule_looks_at_all_matches_of_rules_old_and_new),
        T(a_refused_file_is_told_and_keeps_no_other_out),
        T(what_is_wrong_in_a_rule_reaches_no_terminal_as_it_stands),
        T(a_filtered_row_is_not_printed_and_another_rule_brings_it_back),
        T(a_folder_of_filters_holds_nothing_else),
        T(check_says_a_line_for_each_thing),
        T(check_ends_as_a_run_would_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
