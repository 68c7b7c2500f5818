/* How one left the screen is found again, and never at the cost of the screen. */
#include "tests/support/pty.h"
#include "tests/support/sample.h"
#include "tests/support/temp_dir.h"
#include "tui/theme.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct temp_dir d;
static char trail[256], home[256], configuration[256];

static int set_up(void **state)
{
    struct kt_buf b;
    (void)state;
    temp_dir_make(&d);
    temp_mkdir(&d, "state");
    kt_buf_init(&b, 1 << 20);
    sample_trail(&b, 1, 3);
    temp_write(&d, "trail.json", kt_buf_str(&b));
    kt_buf_free(&b);
    snprintf(trail, sizeof trail, "%s", temp_path(&d, "trail.json"));
    snprintf(home, sizeof home, "XDG_STATE_HOME=%s", temp_path(&d, "state"));
    snprintf(configuration, sizeof configuration, "%s", temp_path(&d, "config.yaml"));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_dir_remove(&d);
    return 0;
}

static struct pty *start_with(const char *a, const char *b, const char *c, const char *wait)
{
    const char *argv[] = {sample_keytop(), trail, a, b, c, NULL};
    const char *env[] = {home, NULL};
    struct pty *p = pty_start(&(struct pty_opts){.argv = argv, .env = env, .rows = 30, .cols = 120});
    pty_wait_text(p, wait);
    return p;
}

static bool there(const char *name, struct stat *st)
{
    return lstat(temp_path(&d, name), st) == 0;
}

static void what_one_left_is_found_again(void **state)
{
    (void)state;
    struct stat st;
    struct pty *p = start_with(NULL, NULL, NULL, "svc-00003");
    pty_send(p, "/svc-00002\r");
    pty_wait_text(p, "1 of 3");
    pty_send(p, "vssecond\r");
    pty_wait_text(p, "1 second");
    pty_send(p, "\033");
    pty_wait_no_text(p, " views ");
    assert_true(there("state/keytop/session", &st)); /* a view that was saved is, whatever comes */
    assert_int_equal(st.st_mode & 07777, 0600);
    pty_send(p, "C\033[BR"); /* Down, and as usual */
    pty_send(p, "Ce\025time, actor, key:20\r");
    pty_wait_text(p, "20 wide");
    pty_send(p, "\033");
    pty_wait_no_text(p, " columns ");
    pty_quit(p);
    p = start_with(NULL, NULL, NULL, "1 of 3");
    assert_false(pty_shows(p, "WHY", NULL, NULL));
    pty_send(p, "v0");
    pty_wait_text(p, "WHY");
    pty_send(p, "v1");
    pty_wait_text(p, "1 of 3");
    pty_signal(p, SIGTERM); /* is an end as well */
    pty_wait_exit(p);
    pty_stop(p);
    p = start_with("--filter", "svc-00001", NULL, "svc-00001  1 of 3"); /* what was typed counts more */
    pty_quit(p);
}

/* A filter of the command line holds for that run, and what one had stays. */
static void a_filter_of_the_command_line_is_not_kept(void **state)
{
    (void)state;
    struct pty *p = start_with("--filter", "svc-00001", NULL, "1 of 3");
    pty_quit(p);
    p = start_with(NULL, NULL, NULL, "svc-00003");
    assert_true(pty_shows(p, "no filter", NULL, NULL));
    pty_send(p, "/svc-00002\r");
    pty_wait_text(p, "1 of 3");
    pty_quit(p);
    p = start_with("--filter", "svc-00001", NULL, "svc-00001  1 of 3");
    pty_quit(p);
    p = start_with(NULL, NULL, NULL, "svc-00002  1 of 3");
    pty_quit(p);
    p = start_with("--filter", "svc-00001", NULL, "svc-00001  1 of 3");
    pty_send(p, "/ or svc-00003\r"); /* that one was changed: it is a person's own now */
    pty_wait_text(p, "2 of 3");
    pty_quit(p);
    p = start_with(NULL, NULL, NULL, "svc-00001 or svc-00003  2 of 3");
    pty_quit(p);
}

static bool looks_like(struct pty *p, const char *theme)
{
    struct kt_theme t;
    struct kt_err e;
    assert_int_equal(kt_theme_load(&t, theme, &e), KT_OK);
    return pty_cell(p, 20, 100).bg == kt_nearest_256(t.role[KT_ROLE_TEXT].bg);
}

static void a_theme_that_was_chosen_is_found_again(void **state)
{
    (void)state;
    struct pty *p = start_with(NULL, NULL, NULL, "svc-00003");
    assert_false(looks_like(p, "keytop-light"));
    pty_send(p, ":theme keytop-light\r");
    while (!looks_like(p, "keytop-light"))
        assert_true(pty_read(p, PTY_LIMIT_MS));
    pty_quit(p);
    p = start_with(NULL, NULL, NULL, "svc-00003");
    assert_true(looks_like(p, "keytop-light"));
    pty_quit(p);
    p = start_with("--theme", "keytop-contrast", NULL, "svc-00003"); /* what was typed counts more */
    assert_true(looks_like(p, "keytop-contrast"));
    pty_quit(p);
    temp_write(&d, "config.yaml", "output: {theme: keytop-deuteranopia}\n"); /* so does a file that says otherwise since */
    p = start_with("--config", configuration, NULL, "svc-00003");
    assert_true(looks_like(p, "keytop-deuteranopia"));
    pty_quit(p);
}

static void a_damaged_one_is_set_aside_and_told(void **state)
{
    (void)state;
    struct stat st;
    temp_mkdir(&d, "state/keytop");
    temp_write(&d, "state/keytop/session", "keytop session 1\nfilter: svc-00002\n"); /* cut */
    struct pty *p = start_with(NULL, NULL, NULL, "svc-00003");
    pty_wait_text(p, "set aside as session.damaged");
    assert_true(there("state/keytop/session.damaged", &st));
    assert_false(there("state/keytop/session", &st));
    pty_quit(p);
    assert_true(there("state/keytop/session", &st));
}

static void one_that_is_not_ones_own_is_left_alone(void **state)
{
    (void)state;
    struct stat st;
    temp_mkdir(&d, "state/keytop");
    temp_write(&d, "elsewhere", "keytop session 1\nfilter: svc-00002\nend\n");
    temp_symlink(&d, temp_path(&d, "elsewhere"), "state/keytop/session");
    struct pty *p = start_with(NULL, NULL, NULL, "svc-00003");
    pty_wait_text(p, "the last session is not read");
    pty_quit(p);
    assert_true(there("state/keytop/session", &st) && S_ISREG(st.st_mode)); /* replaced, not followed */
    assert_true(there("elsewhere", &st) && st.st_size == 39);
}

static void read_only_and_walls_and_no_state_write_nothing(void **state)
{
    (void)state;
    static const char *const how[] = {"--read-only", "--no-state"};
    struct stat st;
    for (size_t i = 0; i < 2; i++) {
        struct pty *p = start_with(how[i], NULL, NULL, "svc-00003");
        pty_send(p, "vsx\r");
        pty_wait_text(p, i ? "nothing is remembered" : "--read-only writes nothing");
        pty_send(p, "\033");
        pty_wait_no_text(p, " views ");
        pty_quit(p);
        assert_false(there("state/keytop/session", &st));
    }
    struct pty *p = start_with("--wall", NULL, NULL, "keys in 24 h");
    pty_quit(p);
    assert_false(there("state/keytop/session", &st));
}

static void views_of_the_configuration_are_there_and_looked_at(void **state)
{
    (void)state;
    temp_write(&d, "config.yaml", "views:\n  - name: third\n    filter: svc-00003\n    columns: [time, key:20]\n    sort: -risk\n");
    struct pty *p = start_with("--config", configuration, "--view=third", "1 of 3");
    assert_false(pty_shows(p, "ACTOR", NULL, NULL));
    pty_send(p, "v");
    pty_wait_text(p, "1 third");
    pty_send(p, "jd");
    pty_wait_text(p, "it stands in config.yaml");
    pty_send(p, "\033");
    pty_wait_no_text(p, " views ");
    pty_quit(p);
    static const char *const bad[][2] = {
        {"views:\n  - name: a\n    sort: nonsense\n", "config.yaml:2:5: view a: no column or field is called"},
        {"views:\n  - filter: x\n", "config.yaml:2:5: a view needs a name"},
        {"views:\n  - name: a\n    layout: round\n", "layout is one of stacked, side, alone"},
        {"views:\n  - {name: a}\n  - {name: a}\n", "config.yaml:3:5: view a: there are two views of this name"},
        {"views:\n  - {name: a, colums: x}\n", "columns"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        temp_write(&d, "config.yaml", bad[i][0]);
        p = start_with("--config", configuration, NULL, bad[i][1]);
        int status = pty_wait_exit(p);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
        pty_stop(p);
    }
    p = start_with("--view", "nowhere", NULL, "--view: no view is called \"nowhere\"");
    int status = pty_wait_exit(p);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
    pty_stop(p);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(what_one_left_is_found_again),
        T(a_filter_of_the_command_line_is_not_kept),
        T(a_theme_that_was_chosen_is_found_again),
        T(a_damaged_one_is_set_aside_and_told),
        T(one_that_is_not_ones_own_is_left_alone),
        T(read_only_and_walls_and_no_state_write_nothing),
        T(views_of_the_configuration_are_there_and_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
