#include "tests/support/torn_runs.h"

#include "tests/support/fake_logs.h"
#include "tests/support/fake_splunk.h"
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
    fake_http_see_all();
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

/* How many events have a row in what was printed; *twice: and how many of them more than one. */
static int count_rows(const struct torn *t, int n, int *twice)
{
    unsigned char *rows = calloc((size_t)n + 1, 1);
    int have = 0;
    assert_non_null(rows);
    *twice = 0;
    for (const char *p = kt_buf_str(&t->out); (p = strstr(p, TORN_ID)); p += sizeof TORN_ID - 1) {
        long number = strtol(p + sizeof TORN_ID - 1, NULL, 10);
        assert_in_range(number, 1, n);
        have += rows[number] == 0;
        *twice += rows[number] == 1;
        rows[number] += rows[number] < 2;
    }
    free(rows);
    return have;
}

/* Each event has one row in the table: what came back and what was read. */
static void check_rows(const struct torn *t, int n)
{
    int twice, have = count_rows(t, n, &twice);
    if (have != n || twice)
        fail_msg("%d of %d events have a row, %d more than one", have, n, twice);
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

/* --- sources that are asked ----------------------------------------------------------- */

struct asked {
    struct torn torn;
    struct fake_logs logs;
    struct fake_splunk splunk;
    char address[160];
    int n;
};

static void set_address(struct asked *a, enum torn_kind kind)
{
    static const char *const addresses[] = {
        [TORN_CLOUDTRAIL] = "cloudtrail:?region=us-east-1", [TORN_LOGS] = "logs:" FAKE_GROUP "?region=us-east-1",
        [TORN_S3] = "s3://trail-bucket/AWSLogs/?region=us-east-1"};
    if (kind == TORN_SPLUNK)
        snprintf(a->address, sizeof a->address, "splunk://127.0.0.1:%d/?http=1&index=main", fake_http_port(a->splunk.http));
    else
        snprintf(a->address, sizeof a->address, "%s", addresses[kind]);
}

static void put_one(struct asked *a, enum torn_kind kind, uint64_t *rng)
{
    char key[300];
    int64_t now = kt_now(NULL), t = now - (int64_t)next(rng, 600000);
    struct kt_civil c = kt_civil_of(now);
    a->n++;
    switch (kind) {
    case TORN_CLOUDTRAIL:
        fake_aws_numbered(&a->torn.aws, a->n, t, now, "CreateAccessKey", "111122223333");
        break;
    case TORN_LOGS:
        fake_logs_event(&a->logs, a->n, t, now);
        break;
    case TORN_SPLUNK:
        fake_splunk_event(&a->splunk, a->n, t, now - 2000, now);
        break;
    default:
        snprintf(key, sizeof key, "AWSLogs/111122223333/CloudTrail/us-east-1/%04d/%02d/%02d/111122223333_CloudTrail_us-east-1_%04d%02d%02dT%02d%02dZ_%08x%d.json.gz",
                 c.year, c.month, c.day, c.year, c.month, c.day, c.hour, c.minute, (unsigned)next(rng, 1u << 31), a->n);
        fake_http_lock(a->torn.aws.http);
        fake_s3_event(&a->torn.s3, key, a->n, t, now);
        fake_http_unlock(a->torn.aws.http);
    }
}

/* A life of so long, or up to the moment when it has shown all. */
static void follow(struct asked *a, int64_t ms, bool all)
{
    struct torn *t = &a->torn;
    int fds[3], status, twice = 0, have = -1;
    int64_t until = kt_mono_ms() + ms;
    kt_buf_reset(&t->out);
    const char *const words[] = {"--follow", "-o", "jsonl", "--state", t->state_file, a->address, NULL};
    pid_t pid = run_launch(&(struct run_job){.words = words}, fds);
    for (int64_t now; (now = kt_mono_ms()) < until && (!all || have < a->n); ) {
        drain(t, fds, all ? 50 : until - now);
        have = all ? count_rows(t, a->n, &twice) : 0;
    }
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    fake_http_see_all();
    assert_true(WIFSIGNALED(status));
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

void torn_poll(enum torn_kind kind, int kills, uint64_t seed)
{
    static const char *const names[] = {"cloudtrail", "logs", "s3", "splunk"};
    struct asked *a = calloc(1, sizeof *a);
    uint64_t rng = seed;
    assert_non_null(a);
    torn_init(&a->torn);
    fake_logs_init(&a->logs, &a->torn.aws);
    fake_splunk_init(&a->splunk);
    assert_int_equal(setenv("SPLUNK_TOKEN", a->splunk.token, 1), 0);
    set_address(a, kind);
    for (int i = 0; i < kills; i++) {
        for (uint64_t k = 1 + next(&rng, 20); k > 0; k--)
            put_one(a, kind, &rng);
        follow(a, 30 + (int64_t)next(&rng, next(&rng, 2) ? 300 : 1700), false);
    }
    follow(a, RUN_LIMIT_MS, true);
    check_rows(&a->torn, a->n);
    print_message("%s: %d kills of the program, %d events, each one row in the end\n", names[kind], kills, a->n);
    torn_free(&a->torn);
    fake_logs_free(&a->logs);
    fake_splunk_free(&a->splunk);
    free(a);
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
