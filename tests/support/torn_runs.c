#include "tests/support/torn_runs.h"

#include "tests/support/run.h"

#include <arpa/inet.h>
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

void torn_init(struct torn *t)
{
    fake_aws_init(&t->aws);
    fake_sqs_init(&t->sqs);
    fake_s3_init(&t->s3, "trail-bucket", "us-east-1");
    t->aws.sqs = &t->sqs;
    t->aws.s3 = &t->s3;
    temp_dir_make(&t->home);
    kt_buf_init(&t->out, RUN_OUT_MAX);
    kt_buf_init(&t->err, RUN_OUT_MAX);
    snprintf(t->url, sizeof t->url, "%s", fake_aws_url(&t->aws));
    snprintf(t->state_file, sizeof t->state_file, "%s/state/state.db", t->home.path);
    temp_mkdir(&t->home, "state");
    fake_aws_environment(&t->aws, t->home.path);
}

void torn_free(struct torn *t)
{
    kt_buf_free(&t->out);
    kt_buf_free(&t->err);
    fake_aws_free(&t->aws);
    fake_sqs_free(&t->sqs);
    fake_s3_free(&t->s3);
    temp_dir_remove(&t->home);
}

void torn_send(struct torn *t, int number)
{
    struct kt_buf b;
    kt_buf_init(&b, 1 << 16);
    kt_buf_adds(&b, "{\"version\":\"0\",\"detail-type\":\"AWS API Call via CloudTrail\",\"source\":\"aws.iam\",\"detail\":");
    fake_aws_create_key(&b, number, kt_now(NULL), "111122223333");
    kt_buf_adds(&b, "}");
    fake_http_lock(t->aws.http);
    fake_sqs_send(&t->sqs, &t->aws, kt_buf_str(&b));
    fake_http_unlock(t->aws.http);
    kt_buf_free(&b);
}

static uint64_t next(uint64_t *rng, uint64_t n)
{
    *rng = *rng * 6364136223846793005u + 1442695040888963407u;
    return (*rng >> 33) % n;
}

struct seen {
    unsigned given, deleted;
};

static struct seen look(struct torn *t)
{
    fake_http_lock(t->aws.http);
    struct seen s = {t->sqs.given, t->sqs.deleted};
    fake_http_unlock(t->aws.http);
    return s;
}

/* How many messages were received, by any life, and are still there. */
static size_t in_flight(struct torn *t)
{
    size_t n = 0;
    fake_http_lock(t->aws.http);
    for (size_t i = 0; i < t->sqs.n; i++)
        n += t->sqs.message[i].received && !t->sqs.message[i].deleted;
    fake_http_unlock(t->aws.http);
    return n;
}

/* What it says, so that it need not wait for us, for at most so long. */
static void drain(struct torn *t, int fds[3], int64_t ms)
{
    struct pollfd p[2] = {{.fd = fds[1], .events = POLLIN}, {.fd = fds[2], .events = POLLIN}};
    (void)poll(p, 2, (int)ms);
    if (p[0].revents)
        (void)run_drain(&fds[1], &t->out);
    if (p[1].revents)
        (void)run_drain(&fds[2], &t->err);
}

static void pass_time(struct torn *t, int fds[3], int64_t ms)
{
    int64_t until = kt_mono_ms() + ms;
    for (int64_t now; (now = kt_mono_ms()) < until;)
        drain(t, fds, until - now);
}

/* One life: up to a moment from its start on, from when it has received, or
 * from when it has had something deleted. */
static void live_and_die(struct torn *t, enum torn_aim aim, int64_t ms)
{
    int fds[3], status;
    struct seen before = look(t), now = before;
    const char *const words[] = {"--follow", "-o", "jsonl", "--state", t->state_file, "sqs:events", NULL};
    pid_t pid = run_launch(&(struct run_job){.words = words}, fds);
    int64_t until = kt_mono_ms() + TORN_LIFE_MS;
    while (aim != TORN_ANY_TIME && kt_mono_ms() < until) {
        now = look(t);
        if (aim == TORN_RECEIVED ? now.given != before.given : now.deleted != before.deleted)
            break;
        drain(t, fds, 2);
    }
    pass_time(t, fds, ms);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status)); /* it was alive up to then */
    now = look(t);
    size_t waiting = in_flight(t);
    t->with_none += now.given == before.given;
    t->before_deletion += now.given != before.given && now.deleted == before.deleted;
    t->amid_deletions += now.deleted != before.deleted && waiting;
    t->all_deleted += now.deleted != before.deleted && !waiting;
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    t->printed += run_count(&t->out, TORN_ID);
    kt_buf_reset(&t->out);
}

/* Each event has one row in the table: what came back and what was read. */
static void check_rows(struct torn *t, int n)
{
    unsigned char *rows = calloc((size_t)n + 1, 1);
    assert_non_null(rows);
    for (const char *p = kt_buf_str(&t->out); (p = strstr(p, TORN_ID)); p += sizeof TORN_ID - 1) {
        long number = strtol(p + sizeof TORN_ID - 1, NULL, 10);
        assert_in_range(number, 1, n);
        rows[number]++;
    }
    for (int i = 1; i <= n; i++)
        if (rows[i] != 1)
            fail_msg("event %d of %d has %d rows", i, n, rows[i]);
    free(rows);
}

void torn_storm(struct torn *t, int kills, uint64_t seed)
{
    int n = 0;
    uint64_t rng = seed;
    t->sqs.visible_ms = 700;
    t->sqs.twice = 5;
    for (int i = 0; i < kills; i++) {
        enum torn_aim aim = (enum torn_aim)next(&rng, 3);
        for (uint64_t k = 1 + next(&rng, 4); k > 0; k--)
            torn_send(t, ++n);
        live_and_die(t, aim, aim == TORN_ANY_TIME ? 50 + (int64_t)next(&rng, 1200) : (int64_t)next(&rng, next(&rng, 2) ? 4 : 300));
    }
    int64_t until = kt_mono_ms() + RUN_LIMIT_MS;
    int status = 0;
    do {
        kt_buf_reset(&t->out);
        kt_buf_reset(&t->err);
        status = run_job(&(struct run_job){.words = (const char *const[]){"--once", "-o", "jsonl", "--state", t->state_file, "sqs:events", NULL}},
                         &t->out, &t->err);
    } while (fake_sqs_left(&t->sqs) && kt_mono_ms() < until);
    assert_string_equal(kt_buf_str(&t->err), "");
    assert_int_equal(status, 0);
    assert_int_equal(fake_sqs_left(&t->sqs), 0);
    check_rows(t, n);
    t->events = n;
}

static bool answers(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
    close(fd);
    return ok;
}

pid_t torn_moto(struct torn *t, char *url, size_t size)
{
    if (system("moto_server --help >/dev/null 2>&1") != 0)
        return 0;
    int port = 20000 + (int)(getpid() % 20000);
    char text[16];
    snprintf(text, sizeof text, "%d", port);
    snprintf(url, size, "http://127.0.0.1:%d", port);
    (void)t;
    pid_t pid = fork();
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
            _exit(127);
        execlp("moto_server", "moto_server", "-p", text, (char *)NULL);
        _exit(127);
    }
    int64_t until = kt_mono_ms() + 30000;
    while (pid > 0 && !answers(port) && kt_mono_ms() < until)
        (void)poll(NULL, 0, 50);
    return pid;
}
