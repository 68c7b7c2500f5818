/* The real program, a queue of a fake that redelivers, and queues and buckets of
 * moto. */
#include "tests/support/fake_sqs.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"
#include "tests/support/torn_runs.h"

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

static int set_up(void **state)
{
    struct torn *t = *state = calloc(1, sizeof *t);
    torn_init(t);
    return 0;
}

static int tear_down(void **state)
{
    torn_free(*state);
    free(*state);
    return 0;
}

static int run(struct torn *t, const char *const *words)
{
    return run_words(words, &t->out, &t->err);
}

static void reads_once_and_deletes_what_is_out(void **state)
{
    struct torn *t = *state;
    static const char *const formats[] = {"jsonl", "csv", "table"};
    int n = 0;
    for (size_t i = 0; i < 3; i++) {
        for (int k = 0; k < 12; k++)
            torn_send(t, ++n);
        int status = i ? run(t, (const char *const[]){"--once", "-o", formats[i], "--columns", "time,event_id", "sqs:events", NULL})
                       : run(t, (const char *const[]){"--once", "-o", "jsonl", "sqs:events", NULL});
        if (status)
            fail_msg("%d: %s", status, kt_buf_str(&t->err));
        assert_int_equal(run_count(&t->out, i ? "00000000-0000-4000-8000" : "\"kind\":\"creation\""), 12);
        assert_string_equal(kt_buf_str(&t->err), "");
        assert_int_equal(fake_sqs_left(&t->sqs), 0);
    }
    assert_int_equal(t->aws.bad_signatures, 0);
}

/* Standard output is a full disk: nothing was printed, so nothing is deleted. */
static void what_could_not_be_written_stays(void **state)
{
    struct torn *t = *state;
    torn_send(t, 1);
    int status = system("\"${KEYTOP:-./keytop}\" --once -o jsonl sqs:events >/dev/full");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 1)
        fail_msg("status %x", (unsigned)status);
    assert_int_equal(fake_sqs_left(&t->sqs), 1);
}

static void checks_without_taking(void **state)
{
    struct torn *t = *state;
    torn_send(t, 1);
    assert_int_equal(run(t, (const char *const[]){"--check", "sqs:events", NULL}), 0);
    run_says(&t->out, "source sqs:events");
    assert_int_equal(t->sqs.receives, 0);
    assert_int_not_equal(run(t, (const char *const[]){"--check", "sqs:missing", NULL}), 0);
    run_says(&t->out, "QueueDoesNotExist");
    fake_aws_fault(&t->aws, FAKE_DENIED);
    assert_int_not_equal(run(t, (const char *const[]){"--check", "sqs:events", NULL}), 0);
    run_says(&t->out, "keytop --print-policy sqs:events");
    assert_int_equal(run(t, (const char *const[]){"--print-policy", "sqs:https://sqs.us-east-1.amazonaws.com/111122223333/q", NULL}), 0);
    run_says(&t->out, "arn:aws:sqs:us-east-1:111122223333:q");
    assert_int_equal(run_count(&t->out, "GetQueueUrl"), 0);
    assert_int_equal(run(t, (const char *const[]){"--once", "sqs:", NULL}), 2);
    run_says(&t->err, "give the queue's name, ARN or URL");
}

/* Killed again and again between receiving, keeping and deleting. */
static void kills_lose_and_double_nothing(void **state)
{
    torn_storm(*state, 8, 1);
}

/* --- moto -------------------------------------------------------------------------------- */

static const char play[] =
    "import boto3, json, gzip\n"
    "k = dict(endpoint_url='%s', region_name='us-east-1', aws_access_key_id='AKIDE2E', aws_secret_access_key='s')\n"
    "s3, sqs, sns, ev = (boto3.client(n, **k) for n in ('s3', 'sqs', 'sns', 'events'))\n"
    "u = sqs.create_queue(QueueName='keytop')['QueueUrl']\n"
    "arn = 'arn:aws:sqs:us-east-1:123456789012:keytop'\n"
    "def rec(n): return {'eventVersion': '1.08', 'userIdentity': {'type': 'IAMUser', 'userName': 'alice', 'accountId': '1'},\n"
    "  'eventTime': '2026-11-18T12:00:00Z', 'eventSource': 'iam.amazonaws.com', 'eventName': 'CreateAccessKey',\n"
    "  'awsRegion': 'us-east-1', 'eventID': '00000000-0000-4000-8000-%%012d' %% n, 'requestParameters': {'userName': 'bob'}}\n"
    "s3.create_bucket(Bucket='trail'); s3.create_bucket(Bucket='trail2')\n"
    "s3.put_bucket_notification_configuration(Bucket='trail', NotificationConfiguration={'QueueConfigurations':\n"
    "  [{'QueueArn': arn, 'Events': ['s3:ObjectCreated:*']}]})\n"
    "t = sns.create_topic(Name='t')['TopicArn']; sns.subscribe(TopicArn=t, Protocol='sqs', Endpoint=arn)\n"
    "s3.put_bucket_notification_configuration(Bucket='trail2', NotificationConfiguration={'TopicConfigurations':\n"
    "  [{'TopicArn': t, 'Events': ['s3:ObjectCreated:*']}]})\n"
    "key = 'AWSLogs/1/CloudTrail/us-east-1/2026/11/18/%%d.json.gz'\n"
    "for n, b in ((1, 'trail'), (2, 'trail2')):\n"
    "  s3.put_object(Bucket=b, Key=key %% n, Body=gzip.compress(json.dumps({'Records': [rec(n)]}).encode()))\n"
    "ev.put_rule(Name='r', EventPattern=json.dumps({'source': ['aws.iam']}))\n"
    "ev.put_targets(Rule='r', Targets=[{'Id': '1', 'Arn': arn}])\n"
    "ev.put_events(Entries=[{'Source': 'aws.iam', 'DetailType': 'AWS API Call via CloudTrail', 'Detail': json.dumps(rec(3))}])\n"
    "sns.publish(TopicArn=t, Message=json.dumps(rec(4)))\n";

static void moto_and_we_agree(void **state)
{
    struct torn *t = *state;
    char url[64], script[8192], path[300], left[600];
    pid_t moto = torn_moto(t, url, sizeof url);
    if (!moto) {
        print_message("SKIP moto: no moto_server command\n");
        skip();
    }
    snprintf(script, sizeof script, play, url);
    temp_write(&t->home, "play.py", script);
    snprintf(path, sizeof path, "python3 %s/play.py", t->home.path);
    assert_int_equal(system(path), 0);
    setenv("AWS_ENDPOINT_URL", url, 1);
    int status = run(t, (const char *const[]){"--once", "-o", "jsonl", "sqs:keytop?region=us-east-1", NULL});
    if (status != 0 || run_count(&t->out, "\"kind\":\"creation\"") != 4)
        fail_msg("status %d: %s\n%s", status, kt_buf_str(&t->out), kt_buf_str(&t->err));
    snprintf(left, sizeof left,
             "python3 -c \"import boto3; c = boto3.client('sqs', endpoint_url='%s', region_name='us-east-1'); "
             "a = c.get_queue_attributes(QueueUrl='%s/123456789012/keytop', AttributeNames=['All'])['Attributes']; "
             "assert a['ApproximateNumberOfMessages'] == '0' and a['ApproximateNumberOfMessagesNotVisible'] == '0', a\"",
             url, url);
    assert_int_equal(system(left), 0);
    kill(moto, SIGTERM);
    waitpid(moto, &status, 0);
}

/* A bucket of moto's: its lists, their pages, its objects. */
static void moto_s_bucket_is_read(void **state)
{
    static const char make[] =
        "import boto3, json, gzip\n"
        "s3 = boto3.client('s3', endpoint_url='%s', region_name='us-east-1', aws_access_key_id='AKIDE2E', aws_secret_access_key='s')\n"
        "s3.create_bucket(Bucket='trail')\n"
        "for n in range(1, 13):\n"
        "  r = {'eventVersion': '1.08', 'userIdentity': {'type': 'Root', 'accountId': '1'}, 'eventTime': '2026-11-18T12:00:00Z',\n"
        "    'eventSource': 'iam.amazonaws.com', 'eventName': 'CreateAccessKey', 'eventID': '00000000-0000-4000-8000-%%012d' %% n}\n"
        "  a = '11112222333%%d' %% (n %% 3)\n"
        "  s3.put_object(Bucket='trail', Key='AWSLogs/o-x1/%%s/CloudTrail/us-east-1/2026/11/18/%%s_%%d.json.gz' %% (a, a, n),\n"
        "    Body=gzip.compress(json.dumps({'Records': [r]}).encode()))\n";
    struct torn *t = *state;
    char url[64], script[4096], line[300];
    int status;
    pid_t moto = torn_moto(t, url, sizeof url);
    if (!moto) {
        print_message("SKIP moto: no moto_server command\n");
        skip();
    }
    snprintf(script, sizeof script, make, url);
    temp_write(&t->home, "make.py", script);
    snprintf(line, sizeof line, "python3 %s/make.py", t->home.path);
    assert_int_equal(system(line), 0);
    setenv("AWS_ENDPOINT_URL", url, 1);
    assert_int_equal(run(t, (const char *const[]){"--check", "s3://trail?region=us-east-1", NULL}), 0);
    status = run(t, (const char *const[]){"--once", "-o", "jsonl", "s3://trail?region=us-east-1", NULL});
    if (status != 0 || run_count(&t->out, "\"kind\":\"creation\"") != 12)
        fail_msg("status %d: %s\n%s", status, kt_buf_str(&t->out), kt_buf_str(&t->err));
    kill(moto, SIGTERM);
    waitpid(moto, &status, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(reads_once_and_deletes_what_is_out), T(what_could_not_be_written_stays), T(checks_without_taking),
        T(kills_lose_and_double_nothing), T(moto_and_we_agree), T(moto_s_bucket_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
