/* keytop on a terminal over a service: what is asked for on demand. */
#include "tests/support/fake_aws.h"
#include "tests/support/pty.h"
#include "tests/support/sample.h"
#include "tests/support/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define MINE "111122223333"
#define KEY "AKIA0000000000000001" /* of the fake's first event */
#define DAY ((int64_t)24 * 3600 * 1000)

struct fix {
    struct fake_aws aws;
    struct temp_dir home;
    int64_t now;
};

static int set_up(void **state)
{
    struct fix *x = *state = calloc(1, sizeof *x);
    fake_aws_init(&x->aws);
    temp_dir_make(&x->home);
    fake_aws_environment(&x->aws, x->home.path);
    x->now = kt_now(NULL);
    fake_aws_event(&x->aws, x->now - 3600000, 0, "CreateAccessKey", MINE);
    x->aws.quota_ms = 250; /* both run in real time, on a machine that does more */
    return 0;
}

static int tear_down(void **state)
{
    struct fix *x = *state;
    fake_aws_free(&x->aws);
    temp_dir_remove(&x->home);
    free(x);
    return 0;
}

static struct pty *start(struct fix *x, const char *const *more)
{
    return pty_keytop(x->home.path, more, 40, 140);
}

static void calls(struct fix *x, int n)
{
    for (int i = 0; i < n; i++)
        fake_aws_call(&x->aws, x->now - (i + 1) * 3600000, "GetObject", MINE, "bob1", KEY);
    fake_aws_call(&x->aws, x->now - 80 * DAY, "PutBucketPolicy", MINE, "bob1", KEY);
}

static const char *const live[] = {"cloudtrail:?interval=3600", NULL};

/* From the table to the pane of the key under the cursor. */
static void open_key(struct pty *p)
{
    pty_wait_text(p, "bob1");
    pty_wait_text(p, "LIVE");
    pty_send(p, "\r");
    pty_wait_text(p, "h history");
}

static void a_keys_history_fills_its_pane(void **state)
{
    struct fix *x = *state;
    calls(x, 160);
    struct pty *p = start(x, live);
    open_key(p);
    pty_wait_text(p, "not asked: before ");
    pty_wait_text(p, "(LookupEvents; h asks history)");
    pty_send(p, "h");
    pty_wait_text(p, "asking LookupEvents: "); /* while one watches */
    pty_wait_text(p, "GetObject");
    pty_wait_text(p, "161 events, back to");
    pty_wait_text(p, "h asks for what is new");
    pty_send(p, "G");
    pty_wait_text(p, "PutBucketPolicy");
    pty_send(p, "\x7f");
    pty_wait_text(p, "1 row "); /* what was asked for is of the pane alone, */
    pty_wait_text(p, "0 new "); /* and no news */
    pty_send(p, "z"); /* the table alone, without the pane below it */
    pty_wait_no_text(p, "GetObject");
    pty_quit(p);
    assert_int_equal(x->aws.too_fast, 0);
    assert_int_equal(x->aws.bad_signatures, 0);

    unsigned before = fake_aws_seen(&x->aws, &x->aws.lookups); /* a later run has it all, and asks for what is new alone */
    p = start(x, live);
    open_key(p);
    pty_wait_text(p, "161 events, back to");
    pty_wait_text(p, "GetObject");
    fake_aws_call(&x->aws, kt_now(NULL) - 1000, "DeleteBucket", MINE, "bob1", KEY);
    pty_send(p, "h");
    pty_wait_text(p, "DeleteBucket");
    pty_wait_text(p, "162 events, back to");
    pty_quit(p);
    assert_true(fake_aws_seen(&x->aws, &x->aws.lookups) - before < 60);
}

static void asking_can_be_stopped_and_goes_on(void **state)
{
    struct fix *x = *state;
    calls(x, 400);
    struct pty *p = start(x, live);
    open_key(p);
    pty_send(p, "h");
    pty_wait_text(p, "asking LookupEvents: 2 pages, 100 events");
    pty_send(p, "h");
    pty_wait_text(p, "stopped: ");
    pty_send(p, "h");
    pty_wait_text(p, "401 events, back to");
    pty_quit(p);
    assert_int_equal(x->aws.too_fast, 0);
}

static void what_is_wrong_is_said_in_the_pane(void **state)
{
    struct fix *x = *state;
    calls(x, 10);
    struct pty *p = start(x, live);
    open_key(p);
    pty_settle(p, 200);
    fake_aws_fault(&x->aws, FAKE_DENIED);
    pty_send(p, "h");
    pty_wait_text(p, "not asked: AccessDenied");
    pty_wait_text(p, "keytop --print-policy cloudtrail:");
    pty_send(p, "h");
    pty_wait_text(p, "11 events, back to");
    pty_quit(p);
}

/* --- the code of an MFA device ----------------------------------------------------- */

static const char *const with_mfa[] = {"--profile", "m", "cloudtrail:?interval=3600", NULL};

static void mfa_profile(struct fix *x)
{
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    temp_mkdir(&x->home, ".aws");
    temp_write(&x->home, ".aws/config",
               "[profile base]\naws_access_key_id = AKIDE2E\naws_secret_access_key = canary-secret-key\n[profile m]\nrole_arn = "
               "arn:aws:iam::" MINE ":role/soc\nsource_profile = base\nmfa_serial = arn:aws:iam::" MINE ":mfa/me\n");
    fake_http_lock(x->aws.http);
    snprintf(x->aws.mfa, sizeof x->aws.mfa, "135791");
    fake_http_unlock(x->aws.http);
}

static struct pty *start_with_mfa(struct fix *x)
{
    struct kt_buf b;
    static char other[512];
    kt_buf_init(&b, 1 << 16);
    sample_trail(&b, 1, 2);
    temp_write(&x->home, "other.json", kt_buf_str(&b));
    kt_buf_free(&b);
    snprintf(other, sizeof other, "%s", temp_path(&x->home, "other.json"));
    const char *const argv[] = {with_mfa[0], with_mfa[1], with_mfa[2], other, NULL};
    return start(x, argv);
}

static void a_code_is_asked_for_on_the_screen(void **state)
{
    struct fix *x = *state;
    mfa_profile(x);
    struct pty *p = start_with_mfa(x);
    pty_wait_text(p, "code of MFA device arn:aws:iam::" MINE ":mfa/me: ");
    pty_wait_text(p, "svc-00002"); /* others go on */
    pty_send(p, "12\r");
    pty_wait_text(p, "a code is six digits or more");
    pty_send(p, "\x15" "135791");
    pty_wait_text(p, ":mfa/me: ******");
    pty_send(p, "\r");
    pty_wait_text(p, "bob1");
    pty_wait_no_text(p, "code of MFA device");
    assert_false(pty_log_has(p, 0, "135791")); /* it was never drawn */
    pty_quit(p);
    assert_int_equal(fake_aws_seen(&x->aws, &x->aws.assumed), 1);
}

static void who_has_no_code_goes_on_without(void **state)
{
    struct fix *x = *state;
    mfa_profile(x);
    struct pty *p = start_with_mfa(x);
    pty_wait_text(p, "code of MFA device");
    pty_send(p, "\x1b");
    pty_wait_text(p, "no code: what needs it is not read; K asks again");
    pty_wait_text(p, "svc-00002");
    pty_send(p, "S");
    pty_wait_text(p, "no code of MFA device arn:aws:iam::" MINE ":mfa/me was given");
    pty_send(p, "\x1b");
    pty_wait_no_text(p, "TROUBLES");
    pty_send(p, "K");
    pty_wait_text(p, "code of MFA device");
    pty_send(p, "135791\r");
    pty_wait_no_text(p, "code of MFA device");
    pty_quit(p);
}

/* Before there is a screen, or where there is none: on the terminal itself. */
static const char *const to_a_pipe[] = {"--profile", "m", "--once", "--no-state", "-o", "csv", "cloudtrail:", NULL};
static const char *const to_check[] = {"--profile", "m", "--check", "cloudtrail:", NULL};

static void a_code_is_asked_for_without_a_screen(void **state)
{
    struct fix *x = *state;
    mfa_profile(x);
    struct pty *p = start(x, to_a_pipe);
    pty_wait_text(p, "keytop: code of MFA device arn:aws:iam::" MINE ":mfa/me: ");
    assert_int_equal(pty_modes(p).c_lflag & ECHO, 0);
    pty_send(p, "135791\r");
    pty_wait_text(p, "bob1");
    assert_int_equal(WEXITSTATUS(pty_wait_exit(p)), 0);
    assert_false(pty_log_has(p, 0, "135791"));
    assert_true(pty_modes_restored(p));
    pty_stop(p);
    assert_int_equal(fake_aws_seen(&x->aws, &x->aws.assumed), 1);
}

static void what_is_no_code_is_said(void **state)
{
    struct fix *x = *state;
    mfa_profile(x);
    struct pty *p = start(x, to_a_pipe);
    pty_wait_text(p, ":mfa/me: ");
    pty_send(p, "12345\r");
    pty_wait_text(p, "keytop: a code is six digits or more");
    pty_wait_text(p, "there is nobody to ask");
    assert_int_not_equal(WEXITSTATUS(pty_wait_exit(p)), 0);
    assert_true(pty_modes_restored(p));
    pty_stop(p);
}

/* Control-C while the terminal does not echo: it echoes again, and the program
 * is ended by the signal, as its caller must see. */
static void a_question_can_be_interrupted(void **state)
{
    struct fix *x = *state;
    mfa_profile(x);
    const char *const *const way[] = {to_a_pipe, to_check};
    for (size_t i = 0; i < 2; i++) {
        struct pty *p = start(x, way[i]);
        pty_wait_text(p, ":mfa/me: ");
        pty_send(p, "1357\x03");
        int status = pty_wait_exit(p);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGINT);
        assert_true(pty_modes_restored(p));
        pty_stop(p);
    }
}

/* Nobody can continue a group without a parent, so the kernel does not stop it: it
 * goes on at once, as a shell's job does after `fg`. */
static void a_question_is_asked_again_after_a_stop(void **state)
{
    struct fix *x = *state;
    mfa_profile(x);
    struct pty *p = start(x, to_a_pipe);
    size_t from = pty_wait_bytes(p, 0, ":mfa/me: ") + 1;
    pty_send(p, "99");
    pty_signal(p, SIGTSTP);
    (void)pty_wait_bytes(p, from, ":mfa/me: ");
    pty_send(p, "135791\r");
    pty_wait_text(p, "bob1");
    assert_int_equal(WEXITSTATUS(pty_wait_exit(p)), 0);
    assert_true(pty_modes_restored(p));
    pty_stop(p);
}

/* --- how each source is ------------------------------------------------------------- */

static void each_source_says_how_it_is(void **state)
{
    struct fix *x = *state;
    const char *const address[] = {"--name", "prod", "cloudtrail:?interval=2&role=arn:aws:iam::" MINE ":role/soc", NULL};
    x->aws.keys_live = 3600000;
    struct pty *p = start(x, address);
    pty_resize(p, 24, 80);
    pty_wait_text(p, "bob1");
    pty_wait_text(p, "LIVE");
    pty_send(p, "S");
    pty_wait_text(p, "1 row, the last came ");
    pty_wait_text(p, "last asked ");
    pty_wait_text(p, ", complete to ");
    pty_wait_text(p, ", credentials until ");
    for (int i = 0; i < 6; i++)
        fake_aws_fault(&x->aws, FAKE_THROTTLE);
    pty_wait_text(p, ", throttled ");
    fake_aws_calm(&x->aws);
    pty_send(p, "\x1b");
    for (int i = 0; i < 40; i++)
        fake_aws_fault(&x->aws, FAKE_DENIED);
    pty_wait_text(p, "▲ prod stale");
    pty_send(p, "S");
    pty_wait_text(p, "AccessDenied");
    fake_aws_calm(&x->aws);
    pty_send(p, "\x1b");
    pty_stop(p);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_keys_history_fills_its_pane),
        T(asking_can_be_stopped_and_goes_on),
        T(what_is_wrong_is_said_in_the_pane),
        T(a_code_is_asked_for_on_the_screen),
        T(who_has_no_code_goes_on_without),
        T(a_code_is_asked_for_without_a_screen),
        T(what_is_no_code_is_said),
        T(a_question_can_be_interrupted),
        T(a_question_is_asked_again_after_a_stop),
        T(each_source_says_how_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
