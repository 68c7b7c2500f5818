/* History on a terminal: engines are asked as far back as one says, before they
 * cost more than they may, and for what a live source cannot give any more. */
#include "tests/support/fake_engines.h"
#include "tests/support/pty.h"
#include "tests/support/sample.h"
#include "tests/support/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#define MINE "111122223333"
#define DAY ((int64_t)24 * 3600 * 1000)
#define ATHENA "athena://analysts/soc.cloudtrail?region=us-east-1"
#define CTRL_U "\x15"

struct fix {
    struct fake_aws aws;
    struct fake_engines engines;
    struct temp_dir home;
    int64_t now;
    char text[4][1200];
};

static int set_up(void **state)
{
    struct fix *x = *state = calloc(1, sizeof *x);
    fake_aws_init(&x->aws);
    fake_engines_init(&x->engines, &x->aws);
    temp_dir_make(&x->home);
    fake_aws_environment(&x->aws, x->home.path);
    x->now = kt_now(NULL);
    return 0;
}

static int tear_down(void **state)
{
    struct fix *x = *state;
    fake_aws_free(&x->aws);
    fake_engines_free(&x->engines);
    temp_dir_remove(&x->home);
    free(x);
    return 0;
}

static struct pty *start(struct fix *x, const char *const *more)
{
    return pty_keytop(x->home.path, more, 40, 160);
}

/* What the key of the first event did, so many days ago. */
static void call(struct fix *x, int i, const char *name, int days)
{
    char when[KT_TIME_TEXT];
    int64_t at = x->now - days * DAY;
    kt_time_format(at - at % 1000, when);
    snprintf(x->text[i], sizeof x->text[i],
             "{\"eventVersion\":\"1.08\",\"userIdentity\":{\"type\":\"IAMUser\",\"userName\":\"bob1\",\"arn\":\"arn:aws:iam::" MINE
             ":user/bob1\",\"accountId\":\"" MINE "\",\"accessKeyId\":\"AKIA0000000000000001\"},\"eventTime\":\"%s\",\"eventSource\":"
             "\"s3.amazonaws.com\",\"eventName\":\"%s\",\"awsRegion\":\"us-east-1\",\"sourceIPAddress\":\"203.0.113.7\",\"userAgent\":"
             "\"aws-cli\",\"eventID\":\"10000000-0000-4000-8000-%012d\",\"recipientAccountId\":\"" MINE "\"}",
             when, name, i);
    fake_engines_record(&x->engines, x->text[i], at, at);
}

static void scan(struct fix *x, uint64_t step)
{
    fake_http_lock(x->aws.http);
    x->engines.scan_step = step;
    fake_http_unlock(x->aws.http);
}

static void open_key(struct pty *p)
{
    pty_wait_text(p, "bob1");
    pty_wait_text(p, "LIVE");
    pty_send(p, "\r");
    pty_wait_text(p, "h history");
}

static const char *const asked[] = {ATHENA "&interval=86400&limit=1M", NULL};

static void h_asks_how_far_back(void **state)
{
    struct fix *x = *state;
    fake_engines_event(&x->engines, 1, x->now - 3600000, x->now - 3600000);
    call(x, 0, "GetObject", 20);
    call(x, 1, "PutBucketPolicy", 60);
    struct pty *p = start(x, asked);
    open_key(p);
    pty_send(p, "h");
    pty_wait_text(p, "how far back: 90d");
    pty_send(p, CTRL_U "tomorrow\r");
    pty_wait_text(p, "write how far: ");
    pty_send(p, CTRL_U "30d\r");
    pty_wait_text(p, "GetObject");
    pty_wait_text(p, "h asks for what is new");
    pty_wait_no_text(p, "PutBucketPolicy");
    unsigned starts = fake_aws_seen(&x->aws, &x->engines.starts);
    pty_send(p, "h");
    pty_wait_text(p, "how far back: 30d"); /* as it was written last */
    pty_send(p, CTRL_U "70d\r");
    pty_wait_text(p, "PutBucketPolicy");
    pty_quit(p);
    assert_int_equal(fake_aws_seen(&x->aws, &x->engines.starts), starts + 1);
    assert_int_equal(x->engines.misread, 0);

    p = start(x, asked); /* in a later run as well; and asked for no more than what is new */
    open_key(p);
    pty_wait_text(p, "PutBucketPolicy");
    pty_send(p, "h");
    pty_wait_text(p, "how far back: 70d");
    pty_send(p, "\r");
    pty_wait_text(p, "asking");
    pty_wait_text(p, "h asks for what is new");
    pty_quit(p);
    fake_http_lock(x->aws.http);
    assert_true(x->engines.query[x->engines.n_queries - 1].from > (x->now - 2 * DAY) / 1000);
    fake_http_unlock(x->aws.http);
}

static void its_cost_is_asked_about(void **state)
{
    struct fix *x = *state;
    fake_engines_event(&x->engines, 1, x->now - 3600000, x->now - 3600000);
    call(x, 0, "GetObject", 20);
    struct pty *p = start(x, asked);
    open_key(p);
    scan(x, 450000);
    pty_send(p, "h");
    pty_wait_text(p, "how far back: 90d");
    pty_send(p, "\r");
    pty_wait_text(p, "of the 1.0 MB that it may");
    pty_wait_text(p, "may it go on? (h answers)");
    pty_send(p, "h");
    pty_wait_text(p, "scan more? yes");
    pty_send(p, "yes\r");
    pty_wait_text(p, "GetObject");
    pty_wait_text(p, "h asks for what is new");
    pty_quit(p);
}

/* CloudTrail has 90 days; what is before that, an engine is asked for. */
static void what_a_live_source_cannot_give_is_filled(void **state)
{
    struct fix *x = *state;
    fake_engines_event(&x->engines, 7, x->now - 150 * DAY, x->now - 150 * DAY);
    fake_engines_event(&x->engines, 8, x->now - 30 * DAY, x->now - 30 * DAY); /* CloudTrail's to give */
    const char *const args[] = {"--since", "200d", "cloudtrail:?interval=3600", ATHENA "&interval=never", NULL};
    struct pty *p = start(x, args);
    pty_wait_text(p, "bob7");
    pty_send(p, "S");
    pty_wait_text(p, "gave what was missing, ");
    pty_wait_text(p, ": 1 events");
    pty_send(p, "\x1b");
    pty_wait_text(p, "1 row ");
    pty_quit(p);
    assert_int_equal(fake_aws_seen(&x->aws, &x->engines.starts), 1);

    fake_engines_fate(&x->engines, ENGINE_FAILS);
    p = start(x, (const char *const[]){"--no-state", "--since", "200d", "cloudtrail:?interval=3600", ATHENA "&interval=never", NULL});
    pty_send(p, "S");
    pty_wait_text(p, "could not give what is missing, ");
    pty_send(p, "G");
    pty_wait_text(p, "are missing: Athena's query failed: SYNTAX_ERROR");
    pty_send(p, "\x1b");
    pty_wait_text(p, "no keys were created");
    pty_quit(p);
}

int main(void)
{
#define WITH(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH(h_asks_how_far_back),
        WITH(its_cost_is_asked_about),
        WITH(what_a_live_source_cannot_give_is_filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
