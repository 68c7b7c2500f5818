/* Themes on a terminal: tried out while choosing, read anew when they change. */
#include "tests/support/pty.h"
#include "tests/support/sample.h"
#include "tests/support/temp_dir.h"
#include "tui/theme.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define SCHEME(ground)                                                                                              \
    "base00: \"" ground "\"\nbase01: 111111\nbase02: 444444\nbase03: a0a0a0\nbase04: b0b0b0\nbase05: cccccc\n"       \
    "base06: dddddd\nbase07: ffffff\nbase08: ff5555\nbase09: ff9955\nbase0A: ffff55\nbase0B: 55ff55\n"               \
    "base0C: 55ffff\nbase0D: 8888ff\nbase0E: ff88ff\nbase0F: cc8844\n"

static struct temp_dir d;
static char theme[256], trail[256], config[256];

static int set_up(void **state)
{
    struct kt_buf b;
    (void)state;
    temp_dir_make(&d);
    kt_buf_init(&b, 1 << 20);
    sample_trail(&b, 1, 3);
    temp_write(&d, "trail.json", kt_buf_str(&b));
    kt_buf_free(&b);
    temp_write(&d, "mine.yaml", SCHEME("002000"));
    temp_write(&d, "config.yaml", "");
    snprintf(trail, sizeof trail, "%s", temp_path(&d, "trail.json"));
    snprintf(theme, sizeof theme, "%s", temp_path(&d, "mine.yaml"));
    snprintf(config, sizeof config, "%s", temp_path(&d, "config.yaml"));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_dir_remove(&d);
    return 0;
}

static struct pty *start(const char *name)
{
    const char *const argv[] = {sample_keytop(), "--no-state", "--config", config, "--theme", name, trail, NULL};
    struct pty *p = pty_start(&(struct pty_opts){.argv = argv, .rows = 30, .cols = 120});
    pty_wait_text(p, "svc-00003");
    return p;
}

static void wait_for_ground(struct pty *p, int32_t rgb)
{
    int want = kt_nearest_256(rgb);
    for (int i = 0; i < 500 && pty_cell(p, 3, 100).bg != want; i++)
        (void)pty_read(p, 20);
    assert_int_equal(pty_cell(p, 3, 100).bg, want);
}

static void moving_the_cursor_shows_a_theme_and_esc_brings_the_old_one_back(void **state)
{
    (void)state;
    struct pty *p = start("keytop-light");
    wait_for_ground(p, 0xfafaf7);
    pty_send(p, "T");
    pty_wait_text(p, "keytop-midnight");
    pty_send(p, "j");
    wait_for_ground(p, 0x0b1024);
    pty_send(p, "\x1b");
    pty_wait_no_text(p, "keytop-midnight");
    wait_for_ground(p, 0xfafaf7);
    pty_send(p, "Tj\r");
    pty_wait_text(p, "theme keytop-midnight;");
    wait_for_ground(p, 0x0b1024);
    pty_send(p, "T"); /* and it is what the next choice begins at */
    pty_wait_text(p, "keytop-amber");
    pty_send(p, "k");
    wait_for_ground(p, 0xfafaf7);
    pty_send(p, "\x1b");
    wait_for_ground(p, 0x0b1024);
    pty_quit(p);
}

static void a_file_that_changes_is_shown_at_once_and_a_broken_one_is_not(void **state)
{
    (void)state;
    struct pty *p = start(theme);
    wait_for_ground(p, 0x002000);
    temp_write(&d, "mine.yaml", SCHEME("000040"));
    wait_for_ground(p, 0x000040);
    temp_write(&d, "new.yaml", SCHEME("400000"));
    temp_rename(&d, "new.yaml", "mine.yaml"); /* as editors do */
    wait_for_ground(p, 0x400000);
    temp_write(&d, "mine.yaml", "base00: nothing\n");
    pty_wait_text(p, "the theme stays as it was: ");
    wait_for_ground(p, 0x400000);
    temp_write(&d, "mine.yaml", SCHEME("002000"));
    wait_for_ground(p, 0x002000);
    pty_quit(p);
}

static void a_role_of_the_configuration_is_refused_with_its_place(void **state)
{
    (void)state;
    temp_write(&d, "config.yaml", "output:\n  roles:\n    grave: base08\n");
    const char *const argv[] = {sample_keytop(), "--config", config, trail, NULL};
    struct pty *p = pty_start(&(struct pty_opts){.argv = argv, .cols = 200});
    int status = pty_wait_exit(p);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
    assert_true(pty_log_has(p, 0, "config.yaml:3:12: there is no role"));
    pty_stop(p);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(moving_the_cursor_shows_a_theme_and_esc_brings_the_old_one_back),
        T(a_file_that_changes_is_shown_at_once_and_a_broken_one_is_not),
        T(a_role_of_the_configuration_is_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
