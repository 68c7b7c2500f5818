#include "tests/support/tail_flood.h"

#include "tests/support/fake_logs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define START ((int64_t)1795000000000)

enum { TOLD_MAX = 500 /* by one update */, PAGE = 700 /* of 1.4 KB: a megabyte */, CALM_MINUTES = 20 };

struct flood {
    struct trail_rig rig;
    struct fake_logs logs;
};

static bool is_seen(struct flood *f, const char *part)
{
    return strstr(rig_health(&f->rig).note, part) != NULL;
}

/* One second of it. */
static void pour(struct flood *f, size_t rate)
{
    size_t first = f->logs.n_events, told = rate < TOLD_MAX ? rate : TOLD_MAX;
    for (size_t i = 0; i < rate; i++)
        fake_logs_event(&f->logs, (int)(first + i) + 1, f->rig.now, f->rig.now);
    if (fake_http_streams(f->rig.aws.http)) {
        f->logs.sampled = true;
        fake_logs_update(&f->logs, first, told);
    }
    rig_run(&f->rig, f->rig.now + SECOND);
}

static void flood_until_the_end(struct flood *f, size_t rate, int seconds)
{
    rig_run(&f->rig, START + 3 * HOUR - seconds * SECOND);
    assert_string_equal(rig_health(&f->rig).note, "");
    assert_int_equal(fake_http_streams(f->rig.aws.http), 1);
    f->rig.stride = 100;
    for (int i = 0; i < seconds; i++) {
        pour(f, rate);
        if (!is_seen(f, "leaves out events"))
            fail_msg("second %d: it is not seen that events were left out: \"%s\"", i, rig_health(&f->rig).note);
    }
}

/* The session is over, and there is no other one for a while. */
static void end_of_session(struct flood *f, size_t rate, int seconds)
{
    for (int i = 0; i < 4; i++)
        f->logs.tail_fault[f->logs.n_tail_faults++] = FAKE_500;
    fake_logs_end(&f->logs, "SessionTimeoutException");
    pour(f, rate);
    if (!is_seen(f, "no live tail") && f->rig.rows != f->logs.n_events)
        fail_msg("a second after the session's end nothing is seen of it: \"%s\"", rig_health(&f->rig).note);
    for (int i = 1; i < seconds; i++)
        pour(f, rate);
}

void tail_flood(size_t rate, int seconds)
{
    struct flood *f = calloc(1, sizeof *f);
    assert_non_null(f);
    rig_init(&f->rig, START, 5);
    fake_logs_init(&f->logs, &f->rig.aws);
    f->logs.page = PAGE;
    f->rig.streams = true;
    f->rig.stride = MINUTE;
    fake_logs_event(&f->logs, 1, START - HOUR, START - HOUR);
    rig_open(&f->rig, "logs:" FAKE_GROUP "?region=us-east-1&live=1", true);
    rig_run(&f->rig, START + MINUTE);
    assert_int_equal(f->rig.rows, 1);
    flood_until_the_end(f, rate, seconds);
    end_of_session(f, rate, seconds);
    size_t at_once = f->rig.rows;
    f->logs.sampled = false;
    f->rig.stride = SECOND;
    int64_t until = f->rig.now + CALM_MINUTES * MINUTE, began = f->rig.now;
    while (f->rig.rows < f->logs.n_events && f->rig.now < until)
        rig_run(&f->rig, f->rig.now + SECOND);
    print_message("%zu events at %zu a second: %zu told or asked for meanwhile, %zu in the end, %zu twice, %.0f s later; %u tails, %u questions\n",
                  f->logs.n_events, rate, at_once, f->rig.rows, f->rig.doubles, (double)(f->rig.now - began) / 1000, f->logs.tails,
                  f->logs.filters);
    assert_int_equal(f->rig.rows, f->logs.n_events);
    assert_int_equal(f->rig.doubles, 0);
    assert_true(f->logs.tails > 1);
    rig_free(&f->rig);
    fake_logs_free(&f->logs);
    free(f);
}
