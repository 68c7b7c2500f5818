/* The real program against a fake Splunk: rows, messages, TLS, exit statuses,
 * and its token nowhere. */
#include "tests/support/fake_splunk.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct fix {
    struct fake_splunk splunk;
    struct temp_dir home;
    struct kt_buf out, err;
    char address[300];
};

static int set_up(void **state)
{
    struct fix *x = *state = calloc(1, sizeof *x);
    fake_splunk_init(&x->splunk);
    temp_dir_make(&x->home);
    kt_buf_init(&x->out, RUN_OUT_MAX);
    kt_buf_init(&x->err, RUN_OUT_MAX);
    setenv("HOME", x->home.path, 1);
    setenv("SPLUNK_TOKEN", "splunk-canary-token", 1);
    unsetenv("SPLUNK_SESSION_KEY");
    int64_t now = kt_now(NULL);
    for (int i = 1; i <= 3; i++)
        fake_splunk_event(&x->splunk, i, now - i * 60000, now - i * 30000, 0);
    snprintf(x->address, sizeof x->address, "splunk://127.0.0.1:%d/?http=1&index=main&interval=2", fake_http_port(x->splunk.http));
    return 0;
}

static int tear_down(void **state)
{
    struct fix *x = *state;
    kt_buf_free(&x->out);
    kt_buf_free(&x->err);
    fake_splunk_free(&x->splunk);
    temp_dir_remove(&x->home);
    free(x);
    return 0;
}

static int run(struct fix *x, const char *const *words)
{
    return run_words(words, &x->out, &x->err);
}

static void reads_and_checks(void **state)
{
    struct fix *x = *state;
    assert_int_equal(run(x, (const char *const[]){"--once", "-o", "jsonl", x->address, NULL}), 0);
    assert_string_equal(kt_buf_str(&x->err), "");
    assert_int_equal(run_count(&x->out, "\"kind\":\"creation\""), 3);
    run_says(&x->out, "\"source\":\"splunk://127.0.0.1:");
    assert_int_equal(run(x, (const char *const[]){"--check", x->address, NULL}), 0);
    run_says(&x->out, "source splunk://");
    assert_int_equal(run(x, (const char *const[]){"--print-policy", x->address, NULL}), 0);
    run_says(&x->out, "srchIndexesAllowed = main\n");
    run_says(&x->out, "search = enabled\n");
    assert_int_equal(run_count(&x->out, "enabled"), 1);
}

static void what_is_wrong_is_said(void **state)
{
    struct fix *x = *state;
    setenv("SPLUNK_TOKEN", "stale", 1);
    assert_int_equal(run(x, (const char *const[]){"--once", "-o", "jsonl", x->address, NULL}), 1);
    run_says(&x->err, "Splunk does not accept the token (Unauthorized): set a new SPLUNK_TOKEN");
    assert_int_not_equal(run(x, (const char *const[]){"--check", x->address, NULL}), 0);
    run_says(&x->out, "does not accept the token");
    unsetenv("SPLUNK_TOKEN");
    assert_int_equal(run(x, (const char *const[]){"--once", "-o", "jsonl", x->address, NULL}), 1);
    run_says(&x->err, "no token: put it into a file and add token-file=FILE");
    setenv("SPLUNK_TOKEN", "splunk-canary-token", 1);
    fake_splunk_fault(&x->splunk, SPLUNK_403);
    assert_int_equal(run(x, (const char *const[]){"--once", "-o", "jsonl", x->address, NULL}), 1);
    run_says(&x->err, "insufficient permission");
    run_says(&x->err, "--print-policy splunk://");
    assert_int_equal(run(x, (const char *const[]){"--once", "-o", "jsonl", "splunk://example.com/?http=1", NULL}), 2);
    run_says(&x->err, "https only");
}

/* A certificate of one's own is accepted when it is named, and not otherwise. */
static void certificates_are_verified(void **state)
{
    struct fix *x = *state;
    char pem[300], address[700];
    snprintf(pem, sizeof pem, "%s/ca.pem", x->home.path);
    fake_http_tls(x->splunk.http, "127.0.0.1", -1, 30, 0, pem);
    snprintf(address, sizeof address, "splunk://127.0.0.1:%d/?index=main&ca-file=%s", fake_http_port(x->splunk.http), pem);
    assert_int_equal(run(x, (const char *const[]){"--once", "-o", "jsonl", address, NULL}), 0);
    assert_int_equal(run_count(&x->out, "\"kind\":\"creation\""), 3);
    unsigned asked = x->splunk.exports;
    snprintf(address, sizeof address, "splunk://127.0.0.1:%d/?index=main", fake_http_port(x->splunk.http));
    assert_int_not_equal(run(x, (const char *const[]){"--check", address, NULL}), 0);
    run_says(&x->out, "certificate");
    assert_int_equal(x->splunk.exports, asked);
}

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

static void no_canary(const struct kt_buf *b, const char *where)
{
    if (strstr(kt_buf_str(b), "canary"))
        fail_msg("%s holds the token", where);
}

/* Follows, through a kill and a new start, and keeps its token to itself. */
static void follows_and_goes_on(void **state)
{
    struct fix *x = *state;
    char state_file[300], path[64];
    int fds[3], status;
    struct kt_buf b;
    size_t want = 3;
    kt_buf_init(&b, RUN_OUT_MAX);
    snprintf(state_file, sizeof state_file, "%s/state.db", x->home.path);
    const char *const words[] = {"--follow", "-o", "jsonl", "--state", state_file, x->address, NULL};
    for (int start = 0; start < 3; start++) {
        pid_t pid = run_launch(&(struct run_job){.words = words}, fds);
        int64_t until = kt_mono_ms() + RUN_LIMIT_MS;
        kt_buf_reset(&x->out);
        bool put = false;
        size_t seen = 0;
        while ((seen = run_count(&x->out, "\"kind\":\"creation\"")) < want + 1) {
            assert_true(kt_mono_ms() < until);
            if (!put && seen == want) {
                put = true;
                fake_splunk_event(&x->splunk, (int)want + 1, kt_now(NULL) - 5000, kt_now(NULL), 0);
            }
            if (poll(&(struct pollfd){.fd = fds[1], .events = POLLIN}, 1, 200) == 1)
                assert_true(run_drain(&fds[1], &x->out));
        }
        static const char *const files[] = {"cmdline", "environ"};
        for (size_t i = 0; i < 2; i++) {
            snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, files[i]);
            slurp(path, &b);
            no_canary(&b, files[i]);
        }
        kill(pid, start == 1 ? SIGKILL : SIGTERM);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        fake_http_see_all();
        for (int i = 0; i < 3; i++)
            if (fds[i] >= 0)
                close(fds[i]);
        want++;
        assert_int_equal(run_count(&x->out, "\"kind\":\"creation\""), want); /* each once */
        no_canary(&x->out, "standard output");
    }
    slurp(state_file, &b);
    no_canary(&b, "state.db");
    kt_buf_free(&b);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {T(reads_and_checks), T(what_is_wrong_is_said), T(certificates_are_verified),
                                       T(follows_and_goes_on)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
