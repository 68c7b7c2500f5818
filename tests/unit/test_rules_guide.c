/* Every example of keytop-rules(5) and of the README's section on rules loads,
 * and does what is said of it. */
#include "ruleset.h"

#include "tests/support/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sigma_kit.h"
#include "tests/support/nodes.h"

static struct temp_dir d;
static char page[1 << 17];

static int set_up(void **state)
{
    (void)state;
    temp_dir_make(&d);
    temp_mkdir(&d, "rules");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_dir_remove(&d);
    return 0;
}

static void read_page(const char *name)
{
    char path[512];
    const char *root = getenv("KEYTOP_SOURCE");
    (void)snprintf(path, sizeof path, "%s/%s", root ? root : ".", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    page[fread(page, 1, sizeof page - 1, f)] = '\0';
    assert_int_equal(fclose(f), 0);
}

/* What stands between `begin` and `end` and begins with "title:" goes into a
 * file of its own; roff's \e is a backslash. Returns how many. */
static size_t write_examples(const char *begin, const char *end)
{
    static char text[1 << 16];
    char name[32];
    size_t n = 0;
    for (const char *p = page; (p = strstr(p, begin));) {
        const char *from = p + strlen(begin), *to = strstr(from, end);
        assert_non_null(to);
        p = to;
        if (strncmp(from, "title:", 6) != 0)
            continue;
        size_t k = 0;
        for (const char *c = from; c < to && k < sizeof text - 1; c++) {
            text[k++] = *c;
            c += c[0] == '\\' && c[1] == 'e' && begin[0] == '.';
        }
        text[k] = '\0';
        snprintf(name, sizeof name, "rules/example%02zu.yml", ++n);
        temp_write(&d, name, text);
    }
    return n;
}

static struct kt_rules *load(void)
{
    const char *folder = temp_path(&d, "rules");
    const struct kt_ruleset_opts o = {.rules = &folder, .n_rules = 1};
    struct kt_rules_report report;
    struct kt_rules *s = NULL;
    struct kt_err e = {KT_OK, ""};
    if (kt_ruleset_load(&o, &s, &report, &e) != KT_OK)
        fail_msg("%s", e.text);
    for (size_t i = 0; i < report.n_problems; i++)
        fail_msg("%s", report.problem[i].text);
    assert_int_equal(report.foreign, 0);
    kt_rules_report_free(&report);
    return s;
}

static bool judge(const struct kt_rules *s, const char *record, const char *id, const char *filter)
{
    json_t *root = record_of(record);
    struct kt_verdict v;
    bool found = false;
    kt_rules_judge(s, node_of(root), &v);
    for (size_t i = 0; i < v.n_rules; i++)
        found |= kt_span_is(v.rule[i].id, id);
    if (filter)
        assert_true(kt_span_is(v.filter, filter));
    else
        assert_false(kt_span_known(v.filter));
    json_decref(root);
    return found;
}

#define NUMBERED(n) "3c1d7e0a-5f0b-4a57-9d7e-1b6f3f6f00" n

static void every_example_of_the_manual_loads_and_works(void **state)
{
    (void)state;
    read_page("man/keytop-rules.5");
    assert_int_equal(write_examples(".Bd -literal -offset indent\n", ".Ed"), 8);
    struct kt_rules *s = load();
    assert_int_equal(kt_rules_correlations(s), 2);
    assert_int_equal(kt_rules_filters(s), 2);
    assert_true(judge(s, "{\"eventName\":\"CreateAccessKey\",\"userAgent\":\"Pacu/1.5\"}", NUMBERED("01"), NULL));
    assert_false(judge(s, "{\"eventName\":\"CreateAccessKey\",\"userAgent\":\"Pacu/1.5\",\"sourceIPAddress\":\"10.1.2.3\","
                          "\"userIdentity\":{\"sessionContext\":{\"sessionIssuer\":{\"userName\":\"ci-deploy\"}}}}",
                       NUMBERED("01"), "example02"));
    /* as it is without a rule of one's own: the deployment's role matches none of those built in */
    assert_false(judge(s, "{\"eventName\":\"CreateAccessKey\",\"userAgent\":\"Boto3/1.34\",\"sourceIPAddress\":\"10.1.2.3\","
                          "\"userIdentity\":{\"type\":\"AssumedRole\",\"sessionContext\":{\"sessionIssuer\":{\"userName\":\"ci-deploy\"}}}}",
                       NUMBERED("01"), "example02"));
    assert_true(judge(s, "{\"eventName\":\"CreateAccessKey\",\"requestParameters\":{\"userName\":\"SVC-1\"}}", NUMBERED("03"), NULL));
    assert_false(judge(s, "{\"eventName\":\"CreateAccessKey\",\"errorCode\":\"AccessDenied\",\"requestParameters\":{"
                          "\"userName\":\"svc-1\"}}", NUMBERED("03"), NULL));
    assert_true(judge(s, "{\"eventName\":\"CreateAccessKey\",\"userAgent\":\"Boto3/1.28.0 x\",\"eventTime\":"
                         "\"2026-11-24T12:00:00Z\",\"responseElements\":{\"accessKey\":{\"userName\":\"bob\"}},"
                         "\"requestParameters\":{\"userName\":\"bob\"},\"userIdentity\":{\"userName\":\"alice\"}}",
                      NUMBERED("04"), NULL));
    assert_false(judge(s, "{\"eventName\":\"CreateAccessKey\",\"userAgent\":\"Boto3/1.44.0 x\",\"eventTime\":"
                          "\"2026-11-24T12:00:00Z\",\"responseElements\":{\"accessKey\":{\"userName\":\"bob\"}}}",
                       NUMBERED("04"), NULL));
    kt_rules_free(s);
}

static void every_example_of_the_readme_loads(void **state)
{
    (void)state;
    read_page("README.md");
    assert_int_equal(write_examples("```yaml\n", "```"), 2);
    struct kt_rules *s = load();
    assert_int_equal(kt_rules_filters(s), 1);
    kt_rules_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_example_of_the_manual_loads_and_works, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_example_of_the_readme_loads, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
