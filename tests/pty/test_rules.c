/* Rules of one's own on a terminal: shown, filtered, and reloaded. */
#include "tests/support/pty.h"
#include "tests/support/sample.h"
#include "tests/support/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define LOGS "logsource: {product: aws, service: cloudtrail}\n"
#define RULE(why) \
    "title: Mine\nid: mine\n" LOGS "detection: {s: {requestParameters.userName: svc-00002}, condition: s}\n" \
    "custom: {risk: 70, why: " why "}\n"
#define FILTER                                                                                      \
    "title: F\n" LOGS "filter: {rules: any, s: {requestParameters.userName: svc-00001}, condition: s}\n"

static struct temp_dir d;
static char trail[256], rules[256];

static int set_up(void **state)
{
    struct kt_buf b;
    (void)state;
    temp_dir_make(&d);
    temp_mkdir(&d, "rules");
    kt_buf_init(&b, 1 << 20);
    sample_trail(&b, 1, 3);
    temp_write(&d, "trail.json", kt_buf_str(&b));
    kt_buf_free(&b);
    snprintf(trail, sizeof trail, "%s", temp_path(&d, "trail.json"));
    snprintf(rules, sizeof rules, "%s", temp_path(&d, "rules"));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_dir_remove(&d);
    return 0;
}

static struct pty *start(void)
{
    const char *const argv[] = {sample_keytop(), "--rules", rules, trail, NULL};
    struct pty *p = pty_start(&(struct pty_opts){.argv = argv, .rows = 30, .cols = 220});
    pty_wait_text(p, "svc-00003");
    return p;
}

static void rules_come_change_and_go_with_their_files(void **state)
{
    (void)state;
    struct pty *p = start();
    temp_write(&d, "rules/mine.yml", RULE("seen by mine"));
    pty_wait_text(p, "seen by mine"); /* what was read before is judged anew */
    temp_write(&d, "new.yml", RULE("changed by hand"));
    temp_rename(&d, "new.yml", "rules/mine.yml"); /* as editors do */
    pty_wait_text(p, "changed by hand");
    assert_false(pty_shows(p, "seen by mine", NULL, NULL));
    temp_mkdir(&d, "rules/deep");
    temp_write(&d, "rules/deep/more.yml",
               "title: From below\nid: deep\n" LOGS "detection: {s: {eventName: CreateAccessKey}, condition: s}\ncustom: {risk: 1}\n");
    pty_wait_text(p, "From below"); /* among the rules of the pane; a graver one's words stand in the row */
    temp_unlink(&d, "rules/mine.yml");
    pty_wait_no_text(p, "changed by hand");
    pty_quit(p);
}

static void a_broken_edit_keeps_the_old_rules_and_says_where(void **state)
{
    (void)state;
    temp_write(&d, "rules/mine.yml", RULE("seen by mine"));
    struct pty *p = start();
    pty_wait_text(p, "seen by mine");
    temp_write(&d, "rules/mine.yml", "title: Mine\n" LOGS "detection:\n  s: {a|has: 1}\n  condition: s\n");
    pty_wait_text(p, "a broken edit, the old ones hold");
    assert_true(pty_shows(p, "seen by mine", NULL, NULL));
    pty_send(p, "S");
    pty_wait_text(p, "a broken edit, so that these hold");
    pty_wait_text(p, "mine.yml:4:9");
    pty_send(p, "\033");
    pty_wait_text(p, "seen by mine");
    temp_write(&d, "rules/mine.yml", RULE("mended"));
    pty_wait_text(p, "mended");
    pty_wait_no_text(p, "a broken edit");
    pty_quit(p);
}

static void what_a_filter_keeps_out_is_shown_when_asked(void **state)
{
    (void)state;
    temp_write(&d, "rules/pipeline.yml", FILTER);
    struct pty *p = start();
    pty_wait_text(p, "1 filtered");
    assert_true(pty_shows(p, "2 rows", NULL, NULL));
    assert_false(pty_shows(p, "svc-00001", NULL, NULL));
    pty_send(p, "F");
    pty_wait_text(p, "filtered by pipeline");
    pty_wait_text(p, "3 rows");
    pty_send(p, "F");
    pty_wait_no_text(p, "filtered by pipeline");
    temp_unlink(&d, "rules/pipeline.yml"); /* nothing was lost */
    pty_wait_text(p, "svc-00001");
    pty_wait_no_text(p, "1 filtered");
    pty_quit(p);
}

#define EVENT(id, name, time)                                                                                      \
    "{\"eventVersion\":\"1.08\",\"userIdentity\":{\"type\":\"IAMUser\",\"userName\":\"alice\",\"accountId\":\"111122223333\"}," \
    "\"eventTime\":\"2026-11-24T10:" time "Z\",\"eventSource\":\"iam.amazonaws.com\",\"eventName\":\"" name "\","         \
    "\"requestParameters\":{\"userName\":\"bob\"},\"eventID\":\"" id "\"}\n"
#define CHAIN                                                                                                      \
    "title: R\nid: rights\nname: rights\n" LOGS "detection: {s: {eventName: AttachUserPolicy}, condition: s}\n---\n"  \
    "title: K\nid: key\nname: key\n" LOGS "detection: {s: {eventName: CreateAccessKey}, condition: s}\n---\n"         \
    "title: C\nid: then_key\ncorrelation: {type: temporal_ordered, rules: [rights, key], group-by: [requestParameters.userName]," \
    " timespan: 30m}\ncustom: {risk: 60, why: rights just before}\n"

static void correlations_survive_a_reload(void **state)
{
    (void)state;
    temp_write(&d, "rules/chain.yml", CHAIN);
    temp_append(&d, "trail.json", "\n" EVENT("e1", "AttachUserPolicy", "01:00"));
    struct pty *p = start();
    temp_write(&d, "rules/mine.yml", RULE("seen by mine"));
    pty_wait_text(p, "seen by mine"); /* loaded anew; what came before still counts */
    temp_append(&d, "trail.json", EVENT("e2", "CreateAccessKey", "02:00"));
    pty_wait_text(p, "rights just before");
    temp_unlink(&d, "rules/chain.yml");
    pty_wait_no_text(p, "rights just before");
    temp_write(&d, "rules/chain.yml", CHAIN);
    pty_wait_text(p, "rights just before");
    pty_quit(p);
}

static void watching_rules_costs_nothing(void **state)
{
    (void)state;
    struct pty *p = start();
    pty_settle(p, 300);
    assert_int_equal(pty_listen(p, 1500), 0);
    pty_quit(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        T(rules_come_change_and_go_with_their_files),
        T(a_broken_edit_keeps_the_old_rules_and_says_where),
        T(what_a_filter_keeps_out_is_shown_when_asked),
        T(correlations_survive_a_reload),
        T(watching_rules_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
