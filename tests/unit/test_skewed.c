/* Clocks that are wrong, by up to a day, and ones that are set by an hour while one follows:
 * what is asked is refused at most twice, and nothing stands still. */
#include "tests/support/fake_logs.h"
#include "tests/support/live_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MINUTE ((int64_t)60000)
#define HOUR (60 * MINUTE)
#define START ((int64_t)1795000000000)

enum { REFUSED_MAX = 2, STEPS = 24 };
static unsigned most_refused; /* at one time */

/* The service's clock, which is right; the rig's is the machine's. */
struct right {
    const _Atomic int64_t *now;
    _Atomic int64_t off;
    struct kt_clock clock;
};

static int64_t right_now(void *ctx)
{
    struct right *r = ctx;
    return *r->now + r->off;
}

static void set_right(struct right *r, const _Atomic int64_t *now, int64_t off)
{
    r->now = now;
    r->off = off;
    r->clock = (struct kt_clock){right_now, r};
}

/* Requests that a service refused for their time. */
static unsigned refusals(struct fake_aws *f)
{
    unsigned n = 0;
    fake_http_lock(f->http);
    assert_true(f->n_log <= FAKE_LOG);
    for (size_t i = 0; i < f->n_log; i++)
        n += strcmp(f->log[i], "InvalidSignatureException") == 0 || strcmp(f->log[i], "RequestTimeTooSkewed") == 0;
    assert_int_equal(n, f->n_log); /* and for nothing else */
    f->n_log = 0;
    most_refused = n > most_refused ? n : most_refused;
    fake_http_unlock(f->http);
    return n;
}

/* --- cloudtrail:, logs: ---------------------------------------------------------------------- */

struct polled {
    struct trail_rig rig;
    struct fake_logs logs;
    struct right right;
    bool is_logs;
    int n;
};

static struct polled *polled_new(bool is_logs, int64_t off)
{
    struct polled *p = calloc(1, sizeof *p);
    assert_non_null(p);
    rig_init(&p->rig, START, 11);
    fake_logs_init(&p->logs, &p->rig.aws);
    set_right(&p->right, &p->rig.now, off);
    p->rig.aws.clock = &p->right.clock;
    p->is_logs = is_logs;
    return p;
}

static void polled_free(struct polled *p)
{
    rig_free(&p->rig);
    fake_logs_free(&p->logs);
    free(p);
}

static void polled_event(struct polled *p)
{
    int64_t t = right_now(&p->right) - 1000;
    if (p->is_logs)
        fake_logs_event(&p->logs, ++p->n, t, t);
    else
        fake_aws_numbered(&p->rig.aws, ++p->n, t, t, "CreateAccessKey", "111122223333");
}

static void polled_open(struct polled *p)
{
    rig_open(&p->rig, p->is_logs ? "logs:" FAKE_GROUP "?region=us-east-1&interval=30" : "cloudtrail:?interval=30", true);
}

static void expect(struct polled *p, const char *what, int64_t hours)
{
    unsigned n = refusals(&p->rig.aws);
    if (p->rig.rows != (size_t)p->n || p->rig.doubles || n > REFUSED_MAX || rig_health(&p->rig).state != KT_HEALTH_LIVE)
        fail_msg("%s, %s %lld h: %zu of %d rows, %zu twice, %u refused, state %d", p->is_logs ? "logs:" : "cloudtrail:", what,
                 (long long)hours, p->rig.rows, p->n, p->rig.doubles, n, rig_health(&p->rig).state);
}

static void polled_clocks_may_be_wrong(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++)
        for (int64_t h = -24; h <= 24; h++) {
            struct polled *p = polled_new(kind, h * HOUR);
            polled_event(p);
            polled_open(p);
            rig_run(&p->rig, p->rig.now + 90000);
            expect(p, "off by", h);
            polled_event(p);
            rig_run(&p->rig, p->rig.now + 90000);
            expect(p, "still off by", h);
            polled_free(p);
        }
}

static void polled_clocks_may_be_set(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct polled *p = polled_new(kind, 0);
        polled_open(p);
        rig_run(&p->rig, p->rig.now + 60000);
        for (int i = 0; i < STEPS; i++) {
            int64_t by = rig_below(&p->rig, 2) ? HOUR : -HOUR;
            p->right.off += by;
            polled_event(p);
            rig_run(&p->rig, p->rig.now + 120000);
            expect(p, "set by", by / HOUR);
        }
        polled_free(p);
    }
}

/* --- sqs:, s3: --------------------------------------------------------------------------------- */

struct pushed {
    struct live_rig rig;
    struct right right;
    bool is_s3;
    int n;
};

static struct pushed *pushed_new(bool is_s3, int64_t off)
{
    struct pushed *p = calloc(1, sizeof *p);
    assert_non_null(p);
    live_init(&p->rig, START, 13);
    set_right(&p->right, &p->rig.now, off);
    p->rig.aws.clock = &p->right.clock;
    p->is_s3 = is_s3;
    return p;
}

static void pushed_free(struct pushed *p)
{
    live_free(&p->rig);
    free(p);
}

static void pushed_event(struct pushed *p)
{
    char key[300];
    int64_t t = right_now(&p->right) - 1000;
    struct kt_civil c = kt_civil_of(t);
    if (!p->is_s3) {
        live_send_event(&p->rig, ++p->n, false);
        return;
    }
    snprintf(key, sizeof key, "AWSLogs/111122223333/CloudTrail/us-east-1/%04d/%02d/%02d/111122223333_CloudTrail_us-east-1_%04d%02d%02dT%02d%02dZ_%08d.json.gz",
             c.year, c.month, c.day, c.year, c.month, c.day, c.hour, c.minute, ++p->n);
    fake_http_lock(p->rig.aws.http);
    fake_s3_event(&p->rig.s3, key, p->n, t, t);
    fake_http_unlock(p->rig.aws.http);
}

static void expect_pushed(struct pushed *p, const char *what, int64_t hours)
{
    unsigned n = refusals(&p->rig.aws);
    if (p->rig.rows != (size_t)p->n || n > REFUSED_MAX)
        fail_msg("%s, %s %lld h: %zu of %d rows, %u refused", p->is_s3 ? "s3:" : "sqs:", what, (long long)hours, p->rig.rows, p->n, n);
}

static void pushed_open(struct pushed *p)
{
    live_open(&p->rig, p->is_s3 ? "s3://trail-bucket/AWSLogs/?region=us-east-1&interval=30" : "sqs:events?region=us-east-1", true, KT_TIME_NONE);
}

static void pushed_clocks_may_be_wrong(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++)
        for (int64_t h = -24; h <= 24; h++) {
            struct pushed *p = pushed_new(kind, h * HOUR);
            pushed_event(p);
            pushed_open(p);
            live_run(&p->rig, p->rig.now + 60000, 0);
            expect_pushed(p, "off by", h);
            pushed_free(p);
        }
}

static void pushed_clocks_may_be_set(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct pushed *p = pushed_new(kind, 0);
        pushed_event(p);
        pushed_open(p);
        live_run(&p->rig, p->rig.now + 60000, 0);
        for (int i = 0; i < STEPS; i++) {
            int64_t by = live_random(&p->rig, 2) ? HOUR : -HOUR;
            p->right.off += by;
            pushed_event(p);
            live_run(&p->rig, p->rig.now + 120000, 0);
            expect_pushed(p, "set by", by / HOUR);
        }
        pushed_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(polled_clocks_may_be_wrong), cmocka_unit_test(polled_clocks_may_be_set),
                                       cmocka_unit_test(pushed_clocks_may_be_wrong), cmocka_unit_test(pushed_clocks_may_be_set)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    print_message("at most %u refused for one wrong clock\n", most_refused);
    return failed;
}
