/* The real program against a fake CloudWatch Logs, and against moto: rows,
 * messages, live tails, exit statuses. */
#include "tests/support/fake_logs.h"
#include "tests/support/run.h"

#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ADDRESS "logs:" FAKE_GROUP "?interval=2"

struct fix {
    struct fake_aws aws;
    struct fake_logs logs;
    struct temp_dir home;
    struct kt_buf out, err;
};

static int set_up(void **state)
{
    struct fix *x = *state = calloc(1, sizeof *x);
    fake_aws_init(&x->aws);
    fake_logs_init(&x->logs, &x->aws);
    temp_dir_make(&x->home);
    kt_buf_init(&x->out, RUN_OUT_MAX);
    kt_buf_init(&x->err, RUN_OUT_MAX);
    fake_aws_environment(&x->aws, x->home.path);
    setenv("AWS_REGION", "us-east-1", 1);
    int64_t now = kt_now(NULL);
    for (int i = 1; i <= 30; i++)
        fake_logs_event(&x->logs, i, now - i * 60000, 0);
    return 0;
}

static int tear_down(void **state)
{
    struct fix *x = *state;
    kt_buf_free(&x->out);
    kt_buf_free(&x->err);
    fake_aws_free(&x->aws);
    fake_logs_free(&x->logs);
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
    assert_int_equal(run(x, (const char *const[]){"--once", "-o", "jsonl", ADDRESS, NULL}), 0);
    assert_string_equal(kt_buf_str(&x->err), "");
    assert_int_equal(run_count(&x->out, "\"kind\":\"creation\""), 30);
    run_says(&x->out, "\"source\":\"logs:" FAKE_GROUP "\"");
    assert_int_equal(run(x, (const char *const[]){"--once", "-o", "jsonl", "logs:" FAKE_GROUP_ARN, NULL}), 0);
    assert_int_equal(run_count(&x->out, "\"kind\":\"creation\""), 30);
    assert_int_equal(run(x, (const char *const[]){"--check", ADDRESS, NULL}), 0);
    run_says(&x->out, "source logs:");
    assert_int_not_equal(run(x, (const char *const[]){"--check", "logs:no-such-group", NULL}), 0);
    run_says(&x->out, "does not exist");
    assert_int_equal(x->aws.bad_signatures, 0);
    assert_int_equal(run(x, (const char *const[]){"--print-policy", ADDRESS, NULL}), 0);
    run_says(&x->out, "\"logs:FilterLogEvents\"");
    run_says(&x->out, "arn:*:logs:*:*:log-group:" FAKE_GROUP ":*");
    assert_null(strstr(kt_buf_str(&x->out), "LiveTail"));
    assert_int_equal(run(x, (const char *const[]){"--print-policy", ADDRESS "&live=1&region=us-gov-west-1", NULL}), 0);
    run_says(&x->out, "\"logs:StartLiveTail\"");
    run_says(&x->out, "arn:aws-us-gov:logs:us-gov-west-1:*:log-group:");
}

static void one_more(struct fix *x, bool live)
{
    fake_logs_event(&x->logs, (int)x->logs.n_events + 1, kt_now(NULL), 0);
    if (live) /* told by the live tail alone: polling is asked once a minute then */
        fake_logs_update(&x->logs, x->logs.n_events - 1, 1);
}

/* Follows, through a kill and a new start: all in it once, and within a second
 * of the live tail's update. */
static void follows(struct fix *x, bool live)
{
    char state_file[300];
    int fds[3], status;
    snprintf(state_file, sizeof state_file, "%s/state.db", x->home.path);
    const char *const words[] = {"--follow", "-o", "jsonl", "--state", state_file, live ? ADDRESS "&live=1" : ADDRESS, NULL};
    for (int start = 0; start < 3; start++) {
        pid_t pid = run_launch(&(struct run_job){.words = words}, fds);
        int64_t until = kt_mono_ms() + RUN_LIMIT_MS, told = 0;
        size_t want = x->logs.n_events, seen;
        kt_buf_reset(&x->out);
        while ((seen = run_count(&x->out, "\"kind\":\"creation\"")) < want + 1) {
            assert_true(kt_mono_ms() < until);
            if (!told && seen == want && (!live || fake_http_streams(x->aws.http))) {
                told = kt_mono_ms();
                one_more(x, live);
            }
            if (poll(&(struct pollfd){.fd = fds[1], .events = POLLIN}, 1, 50) == 1)
                assert_true(run_drain(&fds[1], &x->out));
        }
        if (live)
            assert_true(kt_mono_ms() - told < 1000);
        kill(pid, start == 1 ? SIGKILL : SIGTERM);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        fake_http_see_all();
        for (int i = 0; i < 3; i++)
            if (fds[i] >= 0)
                close(fds[i]);
        assert_int_equal(run_count(&x->out, "\"kind\":\"creation\""), want + 1);
        for (int i = 0; i < 100 && fake_http_streams(x->aws.http); i++)
            (void)poll(NULL, 0, 20);
    }
    assert_int_equal(x->aws.bad_signatures, 0);
}

static void follows_by_asking(void **state)
{
    follows(*state, false);
}

static void follows_a_live_tail(void **state)
{
    follows(*state, true);
}

/* --- others' programs ------------------------------------------------------------------- */

static FILE *begin(const char *line)
{
    return popen(line, "r");
}

static bool finish(FILE *f, struct kt_buf *out)
{
    char piece[4096];
    size_t n;
    kt_buf_reset(out);
    while (f && (n = fread(piece, 1, sizeof piece, f)) > 0)
        kt_buf_add(out, piece, n);
    return f && pclose(f) == 0;
}

static bool shell(const char *line, struct kt_buf *out)
{
    return finish(begin(line), out);
}

static bool have(const char *line, const char *what)
{
    struct kt_buf b;
    kt_buf_init(&b, RUN_OUT_MAX);
    bool ok = shell(line, &b);
    kt_buf_free(&b);
    if (!ok)
        print_message("SKIP: no %s\n", what);
    return ok;
}

/* AWS's own client reads the fake's pages, and its live tail, as we do. */
static void the_real_client_sees_the_same(void **state)
{
    struct fix *x = *state;
    char line[1400];
    if (!have("python3 -c 'import boto3' 2>/dev/null", "boto3"))
        skip();
    snprintf(line, sizeof line,
             "python3 -c \"\n"
             "import boto3\n"
             "from botocore.config import Config\n"
             "c = boto3.client('logs', region_name='us-east-1', endpoint_url='%s', config=Config(inject_host_prefix=False))\n"
             "n = 0\n"
             "for p in c.get_paginator('filter_log_events').paginate(logGroupName='%s', filterPattern='CreateAccessKey'):\n"
             "    n += len(p['events'])\n"
             "print('paged', n, flush=True)\n"
             "s = c.start_live_tail(logGroupIdentifiers=['%s'])['responseStream']\n"
             "try:\n"
             "    for e in s:\n"
             "        print(list(e)[0], len(e.get('sessionUpdate', {}).get('sessionResults', [])), flush=True)\n"
             "except Exception as e:\n"
             "    print('ended by', type(e).__name__, str(e))\n\" 2>&1",
             fake_aws_url(&x->aws), FAKE_GROUP, FAKE_GROUP_ARN);
    FILE *f = begin(line);
    assert_non_null(f);
    int64_t until = kt_mono_ms() + RUN_LIMIT_MS;
    while (!fake_http_streams(x->aws.http) && kt_mono_ms() < until)
        (void)poll(NULL, 0, 20);
    x->logs.piece = 7;
    fake_logs_update(&x->logs, 0, 3);
    fake_logs_end(&x->logs, "SessionTimeoutException");
    assert_true(finish(f, &x->out));
    run_says(&x->out, "paged 30");
    run_says(&x->out, "sessionStart 0");
    run_says(&x->out, "sessionUpdate 3");
    run_says(&x->out, "SessionTimeoutException");
}

static int free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && getsockname(fd, (struct sockaddr *)&a, &n) == 0);
    close(fd);
    return ntohs(a.sin_port);
}

static bool listens(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
    close(fd);
    return ok;
}

/* Somebody else's CloudWatch Logs, filled by AWS's client. */
static void moto_is_read(void **state)
{
    struct fix *x = *state;
    char port[16], line[2048], record[1200];
    if (!have("command -v moto_server >/dev/null && python3 -c 'import boto3' 2>/dev/null", "moto_server"))
        skip();
    int at = free_port();
    snprintf(port, sizeof port, "%d", at);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)!freopen("/dev/null", "w", stderr);
        (void)!freopen("/dev/null", "w", stdout);
        execlp("moto_server", "moto_server", "-H", "127.0.0.1", "-p", port, (char *)NULL);
        _exit(127);
    }
    int64_t until = kt_mono_ms() + RUN_LIMIT_MS;
    while (!listens(at) && kt_mono_ms() < until)
        (void)poll(NULL, 0, 50);
    char path[300];
    snprintf(path, sizeof path, "%s/records", x->home.path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (size_t i = 0; i < x->logs.n_events; i++) {
        fake_aws_record(record, sizeof record, &x->logs.event[i]);
        fprintf(f, "%s\n", record);
    }
    fclose(f);
    snprintf(line, sizeof line,
             "python3 -c \"\n"
             "import boto3, time\n"
             "c = boto3.client('logs', region_name='us-east-1', endpoint_url='http://127.0.0.1:%d')\n"
             "c.create_log_group(logGroupName='trail')\n"
             "now = int(time.time() * 1000)\n"
             "for s in 'ab':\n"
             "    c.create_log_stream(logGroupName='trail', logStreamName=s)\n"
             "    c.put_log_events(logGroupName='trail', logStreamName=s, logEvents=[{'timestamp': now - 60000 + i, 'message': m}\n"
             "        for i, m in enumerate(open('%s').read().splitlines())])\n\" 2>&1", at, path);
    bool filled = shell(line, &x->out);
    if (!filled)
        print_message("%s\n", kt_buf_str(&x->out));
    snprintf(line, sizeof line, "http://127.0.0.1:%d", at);
    setenv("AWS_ENDPOINT_URL", line, 1);
    int status = run(x, (const char *const[]){"--once", "-o", "jsonl", "logs:trail", NULL});
    kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    assert_true(filled);
    assert_string_equal(kt_buf_str(&x->err), "");
    assert_int_equal(status, 0);
    assert_int_equal(run_count(&x->out, "\"kind\":\"creation\""), 30); /* each once, though both streams have it */
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {T(reads_and_checks), T(follows_by_asking), T(follows_a_live_tail),
                                       T(the_real_client_sees_the_same), T(moto_is_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
