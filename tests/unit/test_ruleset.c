/* ruleset: loads over the built-in rules, list files, and reloads as files change. */
#include "ruleset.h"

#include "base/clock.h"
#include "tests/support/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>

#include "tests/unit/sigma_kit.h"
#include "tests/support/nodes.h"

#define RULE(id, value) "title: R\nid: " id "\n" AWS "detection: {s: {u: " value "}, condition: s}\n"
#define LISTED "title: L\nid: listed\n" AWS "detection: {s: {u|expand: '%people%'}, condition: s}\n"

static struct temp_dir d;
static char rules[256], list[256];
static const char *folders[] = {rules}, *const inline_people[] = {"zoe"};
static struct kt_ruleset *s;

static int set_up(void **state)
{
    (void)state;
    temp_dir_make(&d);
    temp_mkdir(&d, "rules");
    snprintf(rules, sizeof rules, "%s", temp_path(&d, "rules"));
    snprintf(list, sizeof list, "%s", temp_path(&d, "people.txt"));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kt_ruleset_free(s);
    s = NULL;
    temp_dir_remove(&d);
    return 0;
}

static void begin(const struct kt_ruleset_opts *o)
{
    struct kt_err e = {KT_OK, ""};
    if (kt_ruleset_new(&s, o, true, &e) != KT_OK)
        fail_msg("%s", e.text);
}

/* Does the set in force have a match of this rule? */
static bool hit(const char *record, const char *id)
{
    struct kt_verdict v;
    json_t *root = record_of(record);
    bool found = false;
    (void)kt_ruleset_judge(s, node_of(root), &v);
    for (size_t i = 0; i < v.n_rules; i++)
        found |= kt_span_is(v.rule[i].id, id);
    json_decref(root);
    return found;
}

static void wait_for_change(void)
{
    int64_t give_up = kt_mono_ms() + 5000;
    for (bool changed = false; !changed;) {
        int64_t now = kt_mono_ms(), deadline = kt_ruleset_deadline(s);
        struct pollfd p = {.fd = kt_ruleset_fd(s), .events = POLLIN};
        assert_true(now < give_up);
        assert_true(poll(&p, 1, (int)((deadline ? deadline : give_up) - now)) >= 0);
        changed = kt_ruleset_changed(s, p.revents != 0, kt_mono_ms());
    }
}

static void a_list_file_is_read_and_read_again(void **state)
{
    (void)state;
    struct kt_err e = {KT_OK, ""};
    const struct kt_placeholder people = {.name = "people", .value = inline_people, .n = 1, .file = list};
    temp_write(&d, "people.txt", "# who\n\n  alice \r\nops-*\n");
    temp_write(&d, "rules/l.yml", LISTED);
    begin(&(struct kt_ruleset_opts){.rules = folders, .n_rules = 1, .placeholder = &people, .n_placeholders = 1});
    assert_true(hit("{\"u\":\"alice\"}", "listed") && hit("{\"u\":\"ops-7\"}", "listed") && hit("{\"u\":\"zoe\"}", "listed"));
    assert_false(hit("{\"u\":\"# who\"}", "listed") || hit("{\"u\":\"\"}", "listed") || hit("{\"u\":\"bob\"}", "listed"));
    temp_append(&d, "people.txt", "bob");
    wait_for_change();
    assert_int_equal(kt_ruleset_reload(s, &e), KT_OK);
    assert_true(hit("{\"u\":\"bob\"}", "listed"));
    temp_unlink(&d, "people.txt");
    wait_for_change();
    assert_int_equal(kt_ruleset_reload(s, &e), KT_ENOTFOUND);
    assert_non_null(strstr(e.text, "people.txt: No such file"));
    assert_true(kt_ruleset_stale(s) && hit("{\"u\":\"bob\"}", "listed"));
}

static void a_broken_edit_changes_nothing_and_what_was_broken_before_does_not_hinder(void **state)
{
    (void)state;
    struct kt_err e = {KT_OK, ""};
    temp_write(&d, "rules/old.yml", "title: never a rule\n");
    temp_write(&d, "rules/a.yml", RULE("a", "x"));
    begin(&(struct kt_ruleset_opts){.rules = folders, .n_rules = 1});
    assert_int_equal(kt_ruleset_report(s)->refused, 1);
    temp_write(&d, "rules/b.yml", RULE("b", "x"));
    wait_for_change();
    assert_int_equal(kt_ruleset_reload(s, &e), KT_OK);
    assert_true(hit("{\"u\":\"x\"}", "a") && hit("{\"u\":\"x\"}", "b"));
    const struct kt_rules *held = kt_rules_hold(kt_ruleset_rules(s));
    temp_write(&d, "rules/a.yml", "title: A\n" AWS "detection: {s: {u|has: x}, condition: s}\n");
    temp_unlink(&d, "rules/b.yml");
    wait_for_change();
    assert_int_equal(kt_ruleset_reload(s, &e), KT_EFORMAT);
    assert_non_null(strstr(e.text, "a.yml:3:19: there is no such modifier"));
    assert_true(hit("{\"u\":\"x\"}", "a") && hit("{\"u\":\"x\"}", "b")); /* nothing of it came into force */
    assert_int_equal(kt_ruleset_reload(s, &e), KT_EFORMAT); /* broken is broken, however often */
    temp_write(&d, "rules/a.yml", RULE("a", "y"));
    assert_int_equal(kt_ruleset_reload(s, &e), KT_OK);
    assert_false(kt_ruleset_stale(s) || hit("{\"u\":\"x\"}", "a") || hit("{\"u\":\"x\"}", "b"));
    assert_true(hit("{\"u\":\"y\"}", "a"));
    assert_int_equal(kt_rules_find(held, "b"), (int)kt_rules_count(held) - 1); /* who holds a set keeps it */
    kt_rules_free(held);
}

static void the_one_rule_that_is_asked_for_must_stay(void **state)
{
    (void)state;
    struct kt_err e = {KT_OK, ""};
    struct kt_verdict v;
    json_t *x = record_of("{\"u\":\"x\"}"), *y = record_of("{\"u\":\"y\"}");
    temp_write(&d, "rules/a.yml", RULE("a", "x"));
    begin(&(struct kt_ruleset_opts){.rules = folders, .n_rules = 1, .only = "a"});
    assert_true(kt_ruleset_judge(s, node_of(x), &v));
    assert_false(kt_ruleset_judge(s, node_of(y), &v));
    temp_unlink(&d, "rules/a.yml");
    assert_int_equal(kt_ruleset_reload(s, &e), KT_ENOTFOUND);
    assert_true(kt_ruleset_judge(s, node_of(x), &v));
    json_decref(x);
    json_decref(y);
}

static void what_does_not_matter_is_not_told(void **state)
{
    (void)state;
    temp_write(&d, "rules/a.yml", RULE("a", "x"));
    begin(&(struct kt_ruleset_opts){.rules = folders, .n_rules = 1});
    temp_write(&d, "rules/.a.yml.swp", "x");
    temp_write(&d, "rules/note.txt", "x");
    struct pollfd p = {.fd = kt_ruleset_fd(s), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_false(kt_ruleset_changed(s, true, kt_mono_ms()));
    assert_int_equal(kt_ruleset_deadline(s), 0);
}

static void the_user_says_what_rules_and_signals_count_for(void **state)
{
    (void)state;
    static const struct kt_rule_value value[] = {
        {.name = "a", .has_risk = true, .risk = 7, .level = -1},
        {.name = "b", .level = KT_LEVEL_HIGH},
        {.name = "target.other", .has_weight = true, .weight = -3, .level = -1},
        {.name = "a", .has_weight = true, .weight = 5, .level = -1},
        {.name = "nobody", .has_risk = true, .level = -1},
    };
    struct kt_rule_info info;
    temp_write(&d, "rules/a.yml", RULE("a", "x"));
    temp_write(&d, "rules/b.yml", RULE("b", "x"));
    begin(&(struct kt_ruleset_opts){.rules = folders, .n_rules = 1, .value = value, .n_values = 5});
    for (int load = 0; load < 2; load++) {
        const struct kt_rules *r = kt_ruleset_rules(s);
        assert_true(kt_rules_by_id(r, KT_LIT("a"), &info));
        assert_int_equal(info.risk, 7);
        assert_true(kt_rules_by_id(r, KT_LIT("b"), &info));
        assert_int_equal(info.risk, 75); /* as rules of that level have it */
        assert_true(kt_span_is(info.level, "high"));
        assert_true(kt_rules_signal(r, KT_LIT("target.other"), &info));
        assert_int_equal(info.weight, -3);
        assert_int_equal(kt_ruleset_report(s)->n_problems, 2); /* no signal; nobody */
        temp_write(&d, "rules/c.yml", RULE("c", "x"));
        if (load == 0) {
            wait_for_change();
            assert_int_equal(kt_ruleset_reload(s, NULL), KT_OK);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        T(a_list_file_is_read_and_read_again),
        T(a_broken_edit_changes_nothing_and_what_was_broken_before_does_not_hinder),
        T(the_one_rule_that_is_asked_for_must_stay),
        T(what_does_not_matter_is_not_told),
        T(the_user_says_what_rules_and_signals_count_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
