/* Somebody who has read nothing: what `make run` opens, the keys that the screen
 * itself names, from the row of the dormant admin's key to the report. The
 * keys are counted; what is told by README.md is what this prints. */
#include "tests/support/pty.h"
#include "tests/support/sample.h"
#include "tests/support/temp_dir.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 12 };

static struct pty *p;
static int keys;

/* Presses a key that the screen shows in its footer or beside what it does. */
static void press(const char *bytes, const char *named)
{
    int row, col;
    if (named && !pty_shows(p, named, &row, &col)) {
        pty_dump(p);
        fail_msg("the screen does not say \"%s\"", named);
    }
    pty_send(p, bytes);
    keys++;
}

static void the_report(const char *folder, struct kt_buf *out)
{
    char path[600], part[4096];
    DIR *d = opendir(folder);
    path[0] = '\0';
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        if (strncmp(e->d_name, "keytop-", 7) == 0 && strstr(e->d_name, ".md"))
            snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
    closedir(d);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    kt_buf_init(out, 1 << 20);
    for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
        kt_buf_add(out, part, n);
    (void)fclose(f);
}

static void holds(const struct kt_buf *b, const char *text)
{
    if (!strstr(kt_buf_str((struct kt_buf *)(uintptr_t)b), text))
        fail_msg("the report does not say \"%s\"", text);
}

/* The newest grave row is the one; rows that come in meanwhile may stand above. */
static void find_it(void)
{
    pty_wait_text(p, "legacy-admin");
    for (int i = 0; i < MOST; i++) {
        int row, col;
        pty_settle(p, 150);
        if (pty_shows(p, "created for legacy-admin by ci-publish", &row, &col))
            return;
        press("j", NULL);
    }
    pty_dump(p);
    fail_msg("the cursor does not come to legacy-admin's key");
}

static void from_the_first_screen_to_the_report(void **state)
{
    struct temp_dir d;
    struct kt_buf report;
    char home[300];
    (void)state;
    temp_dir_make(&d);
    snprintf(home, sizeof home, "HOME=%s", d.path);
    assert_int_equal(chdir(d.path), 0);
    const char *argv[] = {sample_keytop(), "demo:", NULL};
    const char *env[] = {home, "XDG_STATE_HOME", NULL};
    int64_t from = kt_mono_ms();
    p = pty_start(&(struct pty_opts){.argv = argv, .env = env, .rows = 24, .cols = 80});
    find_it();
    press("\r", "open"); /* into the key */
    pty_wait_text(p, "first used: sts GetCallerIdentity");
    pty_wait_text(p, "34 s later");
    pty_wait_text(p, "from 198.51.100.77 with aws-cli");
    pty_wait_text(p, "elsewhere: another address, another agent");
    pty_wait_text(p, "for another user, used 34 s later from elsewhere");
    size_t log = pty_log_size(p);
    press("y", "y copies");
    pty_wait_text(p, "'s command, not run");
    (void)pty_wait_bytes(p, log, "\033]52;c;"); /* onto the clipboard */
    press("a", NULL);
    pty_wait_text(p, "acknowledged");
    pty_wait_text(p, "--status='Inactive'"); /* still there */
    pty_wait_text(p, "m note"); /* the footer is back, and names what comes next */
    press("m", "m note");
    pty_wait_text(p, "note:");
    pty_send(p, "called ci, key is off");
    press("\r", NULL);
    pty_wait_text(p, "noted: called ci, key is off");
    press("e", "e export");
    pty_wait_text(p, "export: report keytop-");
    press("\r", NULL);
    pty_wait_text(p, "written: 1 row");
    the_report(d.path, &report);
    holds(&report, "`legacy-admin`");
    holds(&report, "aws iam update-access-key --user-name='legacy-admin'");
    holds(&report, "Acknowledged by");
    holds(&report, "called ci, key is off");
    holds(&report, "198.51.100.77");
    print_message("from the first screen to the report: %d keys and a note of 21 letters, %.1f s as a machine reads\n", keys,
                  (double)(kt_mono_ms() - from) / 1e3);
    assert_in_range(keys, 7, 7 + MOST);
    kt_buf_free(&report);
    pty_send(p, "\177"); /* the table knows of it too */
    pty_wait_text(p, "✓100");
    pty_send(p, "q");
    (void)pty_wait_exit(p);
    pty_stop(p);
    assert_int_equal(chdir("/"), 0);
    temp_dir_remove(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(from_the_first_screen_to_the_report)};
    return cmocka_run_group_tests_name("newcomer", tests, NULL, NULL);
}
