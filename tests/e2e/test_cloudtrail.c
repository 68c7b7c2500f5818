/* The real program against a fake AWS: rows, messages, exit statuses, and no
 * secret anywhere. */
#include "tests/support/fake_aws.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

#include <ctype.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MINE "111122223333"

struct fix {
    struct fake_aws aws;
    struct temp_dir home;
    struct kt_buf out, err;
};

static int set_up(void **state)
{
    struct fix *x = *state = calloc(1, sizeof *x);
    fake_aws_init(&x->aws);
    temp_dir_make(&x->home);
    kt_buf_init(&x->out, RUN_OUT_MAX);
    kt_buf_init(&x->err, RUN_OUT_MAX);
    fake_aws_environment(&x->aws, x->home.path);
    int64_t now = kt_now(NULL);
    for (int i = 0; i < 3; i++)
        fake_aws_event(&x->aws, now - (i + 1) * 60000, 0, "CreateAccessKey", MINE);
    fake_aws_event(&x->aws, now - 60000, 0, "DeleteAccessKey", MINE);
    return 0;
}

static int tear_down(void **state)
{
    struct fix *x = *state;
    kt_buf_free(&x->out);
    kt_buf_free(&x->err);
    fake_aws_free(&x->aws);
    temp_dir_remove(&x->home);
    free(x);
    return 0;
}

static int run(struct fix *x, const char *const *words)
{
    return run_words(words, &x->out, &x->err);
}

static void reads_the_event_history(void **state)
{
    struct fix *x = *state;
    assert_int_equal(run(x, (const char *const[]){"--once", "-o", "jsonl", "cloudtrail:", NULL}), 0);
    assert_string_equal(kt_buf_str(&x->err), "");
    assert_int_equal(run_count(&x->out, "\"kind\":\"creation\""), 3);
    run_says(&x->out, "\"source\":\"cloudtrail:us-east-1\"");
    assert_int_equal(run(x, (const char *const[]){"--once", "-o", "jsonl", "--kinds", "all", "cloudtrail:", NULL}), 1);
    assert_int_equal(run_count(&x->out, "\"kind\":\"deletion\""), 1);
    run_says(&x->err, "LookupEvents finds no keys by their beginning");
    assert_int_equal(x->aws.bad_signatures, 0);
}

/* Follows, and shows what happens while one watches. */
static void follows_what_happens(void **state)
{
    struct fix *x = *state;
    int fds[3];
    const char *const words[] = {"--follow", "-o", "jsonl", "cloudtrail:?interval=2", NULL};
    pid_t pid = run_launch(&(struct run_job){.words = words}, fds);
    int64_t until = kt_mono_ms() + RUN_LIMIT_MS;
    bool told = false;
    while (run_count(&x->out, "\"kind\":\"creation\"") < 4) {
        assert_true(kt_mono_ms() < until);
        if (!told && run_count(&x->out, "\"kind\":\"creation\"") == 3) {
            fake_http_lock(x->aws.http);
            fake_aws_event(&x->aws, kt_now(NULL) - 5000, 0, "CreateAccessKey", MINE);
            fake_http_unlock(x->aws.http);
            told = true;
        }
        if (poll(&(struct pollfd){.fd = fds[1], .events = POLLIN}, 1, 200) == 1)
            assert_true(run_drain(&fds[1], &x->out));
    }
    kill(pid, SIGTERM);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    fake_http_see_all();
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    assert_int_equal(run_count(&x->out, "\"kind\":\"creation\""), 4); /* each once */
}

static void what_is_wrong_is_said(void **state)
{
    struct fix *x = *state;
    for (int i = 0; i < 8; i++)
        fake_aws_fault(&x->aws, FAKE_DENIED);
    assert_int_equal(run(x, (const char *const[]){"--once", "-o", "jsonl", "cloudtrail:", NULL}), 1);
    run_says(&x->err, "AccessDeniedException");
    run_says(&x->err, "keytop --print-policy cloudtrail:");
    fake_aws_calm(&x->aws);
    assert_int_equal(run(x, (const char *const[]){"--once", "--profile", "nobody", "cloudtrail:", NULL}), 2);
    run_says(&x->err, "there is no profile nobody");
    assert_int_equal(run(x, (const char *const[]){"--once", "cloudtrail:?region=mars", NULL}), 2);
    run_says(&x->err, "mars is no AWS Region");
    setenv("AWS_ENDPOINT_URL", "http://example.com", 1);
    assert_int_equal(run(x, (const char *const[]){"--once", "cloudtrail:", NULL}), 2);
    run_says(&x->err, "https only");
    setenv("AWS_ENDPOINT_URL", fake_aws_url(&x->aws), 1);
    setenv("AWS_CA_BUNDLE", "/no/such/bundle", 1);
    assert_int_equal(run(x, (const char *const[]){"--once", "cloudtrail:", NULL}), 2);
    run_says(&x->err, "/no/such/bundle");
}

static void checks_and_policies(void **state)
{
    struct fix *x = *state;
    assert_int_equal(run(x, (const char *const[]){"--check", "cloudtrail:", NULL}), 0);
    run_says(&x->out, "source cloudtrail:");
    fake_aws_fault(&x->aws, FAKE_DENIED);
    assert_int_not_equal(run(x, (const char *const[]){"--check", "cloudtrail:", NULL}), 0);
    run_says(&x->out, "AccessDenied");
    assert_int_equal(run(x, (const char *const[]){"--print-policy", "cloudtrail:", NULL}), 0);
    run_says(&x->out, "\"cloudtrail:LookupEvents\"");
    assert_int_equal(run_count(&x->out, "Action"), 1);
    assert_int_equal(run(x, (const char *const[]){"--print-policy", "demo:", NULL}), 2);
    run_says(&x->err, "needs no permission of a service");
}

/* A pipe has nobody to ask for a code, and says so at once. */
static void without_a_terminal_a_code_cannot_be_asked_for(void **state)
{
    struct fix *x = *state;
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    temp_mkdir(&x->home, ".aws");
    temp_write(&x->home, ".aws/config",
               "[profile base]\naws_access_key_id = AKIDE2E\naws_secret_access_key = canary-secret-key\n[profile m]\nrole_arn = "
               "arn:aws:iam::" MINE ":role/soc\nsource_profile = base\nmfa_serial = arn:aws:iam::" MINE ":mfa/me\n");
    assert_int_equal(run(x, (const char *const[]){"--once", "-o", "jsonl", "--profile", "m", "cloudtrail:", NULL}), 1);
    run_says(&x->err, "wants the code of MFA device arn:aws:iam::" MINE ":mfa/me, and there is nobody to ask");
    assert_int_equal(run(x, (const char *const[]){"--check", "--profile", "m", "cloudtrail:", NULL}), 2);
    run_says(&x->out, "there is nobody to ask");
}

static void profiles_and_roles_work(void **state)
{
    struct fix *x = *state;
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    temp_mkdir(&x->home, ".aws");
    temp_write(&x->home, ".aws/config", "[profile soc]\nregion = eu-west-1\naws_access_key_id = AKIDE2E\naws_secret_access_key = canary-secret-key\n");
    fake_aws_event(&x->aws, kt_now(NULL) - 60000, 0, "CreateAccessKey", "222233334444");
    const char *const words[] = {"--once", "-o", "jsonl", "--profile", "soc",
                                 "cloudtrail:?role=arn:aws:iam::222233334444:role/a&role=arn:aws:iam::333344445555:role/denied", NULL};
    assert_int_equal(run(x, words), 1);
    assert_int_equal(run_count(&x->out, "\"kind\":\"creation\""), 1);
    run_says(&x->out, "cloudtrail:222233334444/us-east-1");
    run_says(&x->err, "cloudtrail:333344445555/us-east-1: role arn:aws:iam::333344445555:role/denied is not to be had: AccessDenied");
}

/* --- secrets --------------------------------------------------------------------------- */

static void slurp(const char *path, struct kt_buf *b)
{
    char piece[4096];
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    kt_buf_reset(b);
    assert_true(fd >= 0);
    while ((n = read(fd, piece, sizeof piece)) > 0)
        for (ssize_t i = 0; i < n; i++)
            kt_buf_addc(b, piece[i] ? piece[i] : '\n');
    close(fd);
}

static void no_secret(struct fix *x, const struct kt_buf *b, const char *where)
{
    char all[sizeof x->aws.secrets + 64];
    fake_http_lock(x->aws.http);
    snprintf(all, sizeof all, "%scanary-secret-key\n", x->aws.secrets);
    fake_http_unlock(x->aws.http);
    char *rest = all;
    for (char *s; (s = strsep(&rest, "\n"));)
        if (*s && strstr(kt_buf_str(b), s))
            fail_msg("%s holds %s", where, s);
    if (strstr(kt_buf_str(b), "canary"))
        fail_msg("%s holds a canary", where);
}

static void secrets_are_nowhere(void **state)
{
    struct fix *x = *state;
    char path[64], state_file[256], target[300];
    int fds[3], status;
    struct kt_buf b;
    kt_buf_init(&b, RUN_OUT_MAX);
    snprintf(state_file, sizeof state_file, "%s/state.db", x->home.path);
    snprintf(target, sizeof target, "cloudtrail:?role=arn:aws:iam::%s:role/soc&interval=2", MINE);
    const char *const words[] = {"--follow", "-o", "jsonl", "--state", state_file, target, NULL};
    pid_t pid = run_launch(&(struct run_job){.words = words}, fds);
    int64_t until = kt_mono_ms() + RUN_LIMIT_MS;
    while (run_count(&x->out, "\"kind\":\"creation\"") < 3) {
        assert_true(kt_mono_ms() < until);
        if (poll(&(struct pollfd){.fd = fds[1], .events = POLLIN}, 1, 200) == 1)
            assert_true(run_drain(&fds[1], &x->out));
    }
    assert_true(fake_aws_seen(&x->aws, &x->aws.issued) > 0); /* keys were given out, and used */
    static const char *const files[] = {"cmdline", "environ"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, files[i]);
        slurp(path, &b);
        no_secret(x, &b, files[i]);
    }
    snprintf(path, sizeof path, "/proc/%d/limits", (int)pid);
    slurp(path, &b);
    run_says(&b, "Max core file size        0                    0");
    kill(pid, SIGQUIT); /* dumps core where that is possible */
    while (fds[1] >= 0 && run_drain(&fds[1], &x->out))
        ;
    while (fds[2] >= 0 && run_drain(&fds[2], &x->err))
        ;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    fake_http_see_all();
    assert_false(WIFSIGNALED(status) && WCOREDUMP(status));
    close(fds[0]);
    no_secret(x, &x->out, "standard output");
    no_secret(x, &x->err, "standard error");
    struct stat st;
    if (stat(state_file, &st) == 0) {
        slurp(state_file, &b);
        no_secret(x, &b, "state.db");
    }
    kt_buf_free(&b);
}

static bool holds(const struct kt_buf *b, const char *what)
{
    return memmem(b->p, b->len, what, strlen(what)) != NULL;
}

/* The address of 500 roles stands in the memory once, as a digest, and not in each row. */
static void a_long_address_is_remembered_by_its_digest(void **state)
{
    struct fix *x = *state;
    char state_file[256], target[400], name[200] = "";
    struct kt_buf b;
    memset(name, 's', sizeof name - 1);
    kt_buf_init(&b, RUN_OUT_MAX);
    snprintf(state_file, sizeof state_file, "%s/state.db", x->home.path);
    snprintf(target, sizeof target, "cloudtrail:?role=arn:aws:iam::%s:role/soc-8-%s", MINE, name);
    assert_int_equal(run(x, (const char *const[]){"--once", "-o", "jsonl", "--state", state_file, target, NULL}), 0);
    assert_int_equal(run_count(&x->out, "\"kind\":\"creation\""), 3);
    slurp(state_file, &b);
    assert_true(holds(&b, "cloudtrail:#"));
    assert_false(holds(&b, "role/soc-8"));
    kt_buf_free(&b);
}

/* --- others' programs ------------------------------------------------------------------- */

/* Standard output of a command line; false where it failed. */
static bool shell(const char *line, struct kt_buf *out)
{
    char piece[4096];
    FILE *f = popen(line, "r");
    size_t n;
    kt_buf_reset(out);
    while (f && (n = fread(piece, 1, sizeof piece, f)) > 0)
        kt_buf_add(out, piece, n);
    return f && pclose(f) == 0;
}

/* AWS's own client and we see the same, so the fake is as AWS is. */
static void the_real_client_sees_the_same(void **state)
{
    struct fix *x = *state;
    struct kt_buf b;
    char line[512];
    kt_buf_init(&b, RUN_OUT_MAX);
    if (!shell("aws --version 2>/dev/null", &b)) {
        kt_buf_free(&b);
        print_message("SKIP the comparison with AWS's client: no aws command\n");
        skip();
    }
    fake_http_lock(x->aws.http);
    for (int i = 0; i < 70; i++)
        fake_aws_event(&x->aws, kt_now(NULL) - 3600000 - i, 0, "CreateAccessKey", MINE);
    fake_http_unlock(x->aws.http);
    snprintf(line, sizeof line, "aws --endpoint-url %s --region us-east-1 --output json cloudtrail lookup-events "
                                "--lookup-attributes AttributeKey=EventName,AttributeValue=CreateAccessKey 2>&1",
             fake_aws_url(&x->aws));
    if (!shell(line, &b))
        fail_msg("%s", kt_buf_str(&b));
    assert_int_equal(run_job(&(struct run_job){.words = (const char *const[]){"--once", "-o", "csv", "--columns", "event_id", "-", NULL},
                                               .in = kt_buf_str(&b), .in_n = b.len}, &x->out, &x->err), 0);
    char *theirs = strdup(kt_buf_str(&x->out));
    if (run_count(&x->out, "00000000-") != 73)
        fail_msg("%.300s\n%.600s\n%s", kt_buf_str(&x->out), kt_buf_str(&b), kt_buf_str(&x->err));
    assert_int_equal(run(x, (const char *const[]){"--once", "-o", "csv", "--columns", "event_id", "cloudtrail:", NULL}), 0);
    assert_string_equal(kt_buf_str(&x->out), theirs);
    assert_int_equal(x->aws.bad_signatures, 0);
    free(theirs);
    kt_buf_free(&b);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(reads_the_event_history), T(follows_what_happens),    T(what_is_wrong_is_said), T(checks_and_policies),
        T(without_a_terminal_a_code_cannot_be_asked_for), T(profiles_and_roles_work), T(secrets_are_nowhere),     T(the_real_client_sees_the_same),
        T(a_long_address_is_remembered_by_its_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
