/* AWS's own client against the fakes: it signs as we do, and understands their answers. So
 * the fakes are as the services are. Skipped where there is no aws command. */
#include "tests/support/fake_logs.h"
#include "tests/support/fake_s3.h"
#include "tests/support/fake_sqs.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cmocka.h>

#define MINE "111122223333"
#define QUEUE "https://sqs.us-east-1.amazonaws.com/" MINE "/events"

struct fix {
    struct fake_aws aws;
    struct fake_sqs sqs;
    struct fake_s3 s3;
    struct fake_logs logs;
    struct temp_dir home;
    struct kt_buf out;
};

static int set_up(void **state)
{
    struct fix *x = *state = calloc(1, sizeof *x);
    int64_t now = kt_now(NULL);
    fake_aws_init(&x->aws);
    fake_sqs_init(&x->sqs);
    fake_s3_init(&x->s3, "trail-bucket", "us-east-1");
    fake_logs_init(&x->logs, &x->aws);
    temp_dir_make(&x->home);
    kt_buf_init(&x->out, RUN_OUT_MAX);
    x->aws.sqs = &x->sqs;
    x->aws.s3 = &x->s3;
    x->logs.quota_ms = 0;
    x->s3.page = 3;
    fake_aws_environment(&x->aws, x->home.path);
    setenv("AWS_DEFAULT_REGION", "us-east-1", 1);
    setenv("AWS_PAGER", "", 1);
    for (int i = 1; i <= 30; i++)
        fake_logs_event(&x->logs, i, now - i * 1000, now);
    for (int i = 1; i <= 7; i++) {
        char key[128];
        snprintf(key, sizeof key, "AWSLogs/%s/CloudTrail/us-east-1/2026/11/18/a file +&=%d.json.gz", MINE, i);
        fake_s3_event(&x->s3, key, i, now, 0);
    }
    return 0;
}

static int tear_down(void **state)
{
    struct fix *x = *state;
    kt_buf_free(&x->out);
    fake_aws_free(&x->aws);
    fake_sqs_free(&x->sqs);
    fake_s3_free(&x->s3);
    fake_logs_free(&x->logs);
    temp_dir_remove(&x->home);
    unsetenv("AWS_DEFAULT_REGION");
    free(x);
    return 0;
}

/* What a command line prints; its exit status. */
static int shell(struct fix *x, const char *line)
{
    char piece[4096];
    FILE *f = popen(line, "r");
    size_t n;
    kt_buf_reset(&x->out);
    fake_http_see_all();
    while (f && (n = fread(piece, 1, sizeof piece, f)) > 0)
        kt_buf_add(&x->out, piece, n);
    int status = f ? pclose(f) : -1;
    fake_http_see_all();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void client(struct fix *x, const char *words)
{
    char line[1500];
    snprintf(line, sizeof line, "aws --endpoint-url %s --output json %s 2>&1", fake_aws_url(&x->aws), words);
    if (shell(x, line) != 0)
        fail_msg("%s: %s", words, kt_buf_str(&x->out));
    assert_int_equal(x->aws.bad_signatures, 0);
}

/* It says why. */
static void refused(struct fix *x, const char *words, const char *code)
{
    char line[1500];
    snprintf(line, sizeof line, "aws --endpoint-url %s --output json %s 2>&1", fake_aws_url(&x->aws), words);
    assert_int_not_equal(shell(x, line), 0);
    run_says(&x->out, code);
}

static void need_client(struct fix *x)
{
    if (shell(x, "aws --version 2>/dev/null") == 0)
        return;
    print_message("SKIP the comparison with AWS's client: no aws command\n");
    skip();
}

static void logs_are_filtered_page_by_page(void **state)
{
    struct fix *x = *state;
    need_client(x);
    x->logs.empty_pages = true;
    client(x, "logs filter-log-events --log-group-name " FAKE_GROUP " --filter-pattern CreateAccessKey");
    assert_int_equal(run_count(&x->out, "\"eventId\""), 30);
    assert_true(x->logs.filters > 2);
    refused(x, "logs filter-log-events --log-group-name other", "ResourceNotFoundException");
}

static void buckets_are_listed_and_read(void **state)
{
    struct fix *x = *state;
    char line[600];
    need_client(x);
    client(x, "s3api list-objects-v2 --bucket trail-bucket --prefix AWSLogs/" MINE "/");
    assert_int_equal(run_count(&x->out, "\"Key\""), 7);
    run_says(&x->out, "a file +&=4.json.gz"); /* decoded */
    assert_true(x->s3.lists >= 3);
    client(x, "s3api list-objects-v2 --bucket trail-bucket --prefix AWSLogs/ --delimiter /");
    run_says(&x->out, "AWSLogs/" MINE "/");
    snprintf(line, sizeof line, "s3api get-object --bucket trail-bucket --key 'AWSLogs/" MINE "/CloudTrail/us-east-1/2026/11/18/a file +&=4.json.gz' %s",
             temp_path(&x->home, "object"));
    client(x, line);
    snprintf(line, sizeof line, "gzip -dc < %s", temp_path(&x->home, "object"));
    assert_int_equal(shell(x, line), 0);
    run_says(&x->out, "AKIA0000000000000004");
    refused(x, "s3api get-object --bucket trail-bucket --key none /dev/null", "NoSuchKey");
}

static void queues_are_received_from_and_emptied(void **state)
{
    struct fix *x = *state;
    char line[900];
    need_client(x);
    fake_http_lock(x->aws.http);
    fake_sqs_send(&x->sqs, &x->aws, "{\"one\":1}");
    fake_http_unlock(x->aws.http);
    client(x, "sqs get-queue-url --queue-name events");
    run_says(&x->out, QUEUE);
    client(x, "sqs receive-message --queue-url " QUEUE " --max-number-of-messages 10 --visibility-timeout 60 --wait-time-seconds 0 --attribute-names All");
    run_says(&x->out, "{\\\"one\\\":1}");
    run_says(&x->out, "ApproximateReceiveCount");
    client(x, "sqs change-message-visibility-batch --queue-url " QUEUE " --entries 'Id=a,ReceiptHandle=r1-1+/=,VisibilityTimeout=90'");
    run_says(&x->out, "Successful");
    snprintf(line, sizeof line, "sqs delete-message-batch --queue-url " QUEUE " --entries '%s'", "Id=a,ReceiptHandle=r1-1+/=");
    client(x, line);
    run_says(&x->out, "Successful");
    assert_int_equal(fake_sqs_left(&x->sqs), 0);
    refused(x, "sqs get-queue-url --queue-name missing", "QueueDoesNotExist");
}

static void roles_are_assumed(void **state)
{
    struct fix *x = *state;
    char line[400];
    need_client(x);
    client(x, "sts get-caller-identity");
    run_says(&x->out, MINE);
    snprintf(x->aws.external, sizeof x->aws.external, "ours");
    client(x, "sts assume-role --role-arn arn:aws:iam::222233334444:role/soc --role-session-name soc --external-id ours");
    run_says(&x->out, "canarySecret00000001");
    run_says(&x->out, "\"Expiration\"");
    /* and what it was given is taken */
    snprintf(line, sizeof line, "AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s AWS_SESSION_TOKEN=%s aws sts get-caller-identity --output json 2>&1",
             x->aws.key[x->aws.n_keys - 1].id, x->aws.key[x->aws.n_keys - 1].secret, x->aws.key[x->aws.n_keys - 1].token);
    assert_int_equal(shell(x, line), 0);
    run_says(&x->out, "222233334444");
    refused(x, "sts assume-role --role-arn arn:aws:iam::222233334444:role/denied --role-session-name soc", "AccessDenied");
}

static void the_event_history_is_looked_up(void **state)
{
    struct fix *x = *state;
    need_client(x);
    for (int i = 0; i < 60; i++)
        fake_aws_event(&x->aws, kt_now(NULL) - 60000 - i, 0, "CreateAccessKey", MINE);
    client(x, "cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=CreateAccessKey");
    assert_int_equal(run_count(&x->out, "\"EventId\""), 60);
    assert_int_equal(x->aws.lookups, 2);
    fake_aws_fault(&x->aws, FAKE_THROTTLE); /* which it waits out as we do */
    client(x, "cloudtrail lookup-events --max-items 1");
    assert_int_equal(x->aws.throttled, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {T(logs_are_filtered_page_by_page), T(buckets_are_listed_and_read),
                                       T(queues_are_received_from_and_emptied), T(roles_are_assumed), T(the_event_history_is_looked_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
