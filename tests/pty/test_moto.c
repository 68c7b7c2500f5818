/* keytop on a terminal over somebody else's services: moto's S3, SQS, Logs and STS, filled by
 * AWS's own client. What is put in paints. Skipped where there is no moto_server. */
#include "base/clock.h"
#include "tests/support/pty.h"
#include "tests/support/run.h"
#include "tests/support/sample.h"
#include "tests/support/torn_runs.h"

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

/* Makes them, then puts one event in for each line that it reads: a service and a number. */
static const char play[] =
    "import boto3, json, gzip, sys, time\n"
    "k = dict(endpoint_url='%s', region_name='us-east-1', aws_access_key_id='AKIDE2E', aws_secret_access_key='s')\n"
    "s3, sqs, logs = (boto3.client(n, **k) for n in ('s3', 'sqs', 'logs'))\n"
    "u = sqs.create_queue(QueueName='keytop')['QueueUrl']\n"
    "s3.create_bucket(Bucket='trail')\n"
    "logs.create_log_group(logGroupName='trail'); logs.create_log_stream(logGroupName='trail', logStreamName='s')\n"
    "def rec(n):\n"
    "  t = time.strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', time.gmtime())\n"
    "  return json.dumps({'eventVersion': '1.08', 'userIdentity': {'type': 'IAMUser', 'userName': 'alice', 'accountId': '123456789012'},\n"
    "    'eventTime': t, 'eventSource': 'iam.amazonaws.com', 'eventName': 'CreateAccessKey', 'awsRegion': 'us-east-1',\n"
    "    'eventID': '00000000-0000-4000-8000-%%012d' %% n, 'requestParameters': {'userName': 'bob%%d' %% n}, 'responseElements':\n"
    "    {'accessKey': {'userName': 'bob%%d' %% n, 'accessKeyId': 'AKIA%%016d' %% n, 'status': 'Active'}}})\n"
    "def put(where, n):\n"
    "  if where == 's3':\n"
    "    day = time.strftime('%%Y/%%m/%%d', time.gmtime())\n"
    "    s3.put_object(Bucket='trail', Key='AWSLogs/123456789012/CloudTrail/us-east-1/%%s/123456789012_CloudTrail_us-east-1_%%sZ_%%d.json.gz' %% (day,\n"
    "      time.strftime('%%Y%%m%%dT%%H%%M', time.gmtime()), n), Body=gzip.compress(('{\"Records\":[' + rec(n) + ']}').encode()))\n"
    "  elif where == 'sqs': sqs.send_message(QueueUrl=u, MessageBody=json.dumps({'detail-type': 'x', 'detail': json.loads(rec(n))}))\n"
    "  else: logs.put_log_events(logGroupName='trail', logStreamName='s', logEvents=[{'timestamp': int(time.time() * 1000), 'message': rec(n)}])\n"
    "put('s3', 2)\n"
    "print('made', flush=True)\n"
    "for line in sys.stdin:\n"
    "  where, n = line.split(); put(where, int(n)); print('put', flush=True)\n";

struct fix {
    struct torn town;
    pid_t moto, client;
    int talk;
    char url[64];
};

static int set_up(void **state)
{
    struct fix *x = *state = calloc(1, sizeof *x);
    torn_init(&x->town);
    x->talk = -1;
    return 0;
}

static int tear_down(void **state)
{
    struct fix *x = *state;
    int status;
    if (x->talk >= 0)
        close(x->talk);
    if (x->client > 0)
        waitpid(x->client, &status, 0);
    if (x->moto > 0) {
        kill(x->moto, SIGKILL);
        waitpid(x->moto, &status, 0);
    }
    torn_free(&x->town);
    free(x);
    return 0;
}

static void hear(struct fix *x, const char *word)
{
    char text[64] = "";
    size_t n = 0;
    while (!strstr(text, word)) { /* it may come in pieces */
        assert_true(n < sizeof text - 1);
        ssize_t got = read(x->talk, text + n, sizeof text - 1 - n);
        assert_true(got > 0);
        text[n += (size_t)got] = '\0';
    }
}

static void start_client(struct fix *x)
{
    char script[8192];
    int pair[2];
    snprintf(script, sizeof script, play, x->url);
    temp_write(&x->town.home, "play.py", script);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    x->client = fork();
    assert_true(x->client >= 0);
    if (x->client == 0) {
        dup2(pair[1], STDIN_FILENO);
        dup2(pair[1], STDOUT_FILENO);
        execlp("python3", "python3", temp_path(&x->town.home, "play.py"), (char *)NULL);
        _exit(127);
    }
    close(pair[1]);
    x->talk = pair[0];
    hear(x, "made");
}

/* How long after its service has it. */
static int64_t paints(struct fix *x, struct pty *p, const char *where, int number)
{
    char line[32], name[32];
    int row, col, len = snprintf(line, sizeof line, "%s %d\n", where, number);
    snprintf(name, sizeof name, "bob%d ", number);
    assert_int_equal(write(x->talk, line, (size_t)len), len);
    hear(x, "put");
    int64_t began = kt_mono_ms();
    while (!pty_shows(p, name, &row, &col)) {
        if (kt_mono_ms() - began > PTY_LIMIT_MS) {
            pty_dump(p);
            fail_msg("%s: no row", where);
        }
        (void)pty_read(p, 5);
    }
    return kt_mono_ms() - began;
}

static void what_is_put_in_paints(void **state)
{
    static const char *const names[] = {"sqs", "s3", "logs"};
    static const int64_t limit[] = {1000, 6000, 3000}; /* at once; and an interval */
    struct fix *x = *state;
    x->moto = torn_moto(&x->town, x->url, sizeof x->url);
    if (!x->moto || system("python3 -c 'import boto3' 2>/dev/null") != 0) {
        print_message("SKIP moto: no moto_server command, or no boto3\n");
        skip();
    }
    start_client(x);
    setenv("AWS_ENDPOINT_URL", x->url, 1);
    const char *const argv[] = {sample_keytop(), "--no-state", "--region", "us-east-1", "sqs:keytop", "s3://trail/?interval=5",
                                "logs:trail?interval=2&role=arn:aws:iam::123456789012:role/soc", NULL};
    struct pty *p = pty_start(&(struct pty_opts){.argv = argv, .rows = 40, .cols = 140});
    pty_wait_text(p, "keytop");
    for (int s = 0; s < 3; s++)
        (void)paints(x, p, names[s], 5 + s); /* each has been heard of once */
    for (int s = 0; s < 3; s++) {
        int64_t least = INT64_MAX, most = 0;
        for (int i = 0; i < 3; i++) {
            int64_t took = paints(x, p, names[s], 10 * (s + 1) + i);
            least = took < least ? took : least;
            most = took > most ? took : most;
        }
        print_message("%-5s paints after %lld to %lld ms\n", names[s], (long long)least, (long long)most);
        assert_true(least <= limit[s]);
    }
    pty_send(p, "q");
    assert_int_equal(pty_wait_exit(p), 0);
    pty_stop(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(what_is_put_in_paints, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
