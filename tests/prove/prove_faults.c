/* The fault matrix: each fault of tests/support/faults.h, at each source, at
 * three places. KEYTOP_FAULT and KEYTOP_FAULT_SOURCE choose one of them by its
 * number; KEYTOP_FAULT_SAYS=1 prints each cell. */
#include "tests/support/faults.h"
#include "tests/support/run.h"
#include "tests/support/warp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* KiB, of a process that has just begun. An object of a bucket may be 64 MiB, packed,
 * and is held while it comes; one that does not end is given up there. */
enum { GROWN_MAX = 48 << 10, GROWN_BY_OBJECT = (48 + 64) << 10 };

static size_t cells, bad;
static long grown_most;

static void try_cell(enum fault_source s, enum fault_place p, enum fault_number n)
{
    int64_t began = kt_mono_ms() - (faults_shared() ? faults_shared()->warp : 0);
    struct fault_result r = fault_cell(s, p, n);
    bool pushed = s == SOURCE_SQS || s == SOURCE_TAIL;
    long most = faults[n].big && (s == SOURCE_S3 || s == SOURCE_SQS) ? GROWN_BY_OBJECT : GROWN_MAX;
    /* what begins a query there is answered in a few bytes, which come in time at that pace, too */
    bool few = n == FAULT_SLOW_BODY && (s == SOURCE_ATHENA || s == SOURCE_INSIGHTS);
    bool good = r.ended && r.began && (r.said_right || few) && r.recovered && r.live && r.rows == r.expected && !r.doubles && !r.stolen &&
                r.grown <= most && r.fresh_after <= (pushed ? 5 : s == SOURCE_ATHENA ? 75 : 45) * 1000;
    cells++;
    bad += !good;
    grown_most = r.grown > grown_most ? r.grown : grown_most;
    if (good && !getenv("KEYTOP_FAULT_SAYS"))
        return;
    print_message("%s %-10s %-6s %-28s%s%s%s%s %zu of %zu, %zu twice, %u stolen, +%ld KiB; said after %lld s, well after %lld s, new ones after %lld ms; %lld ms: %s%s%s\n",
                  good ? "ok  " : "BAD ", fault_sources[s], fault_places[p], faults[n].name, r.began ? "" : " NEVER BEGAN",
                  r.said_right ? "" : " NOT SAID", r.recovered ? "" : " NOT RECOVERED", r.live ? "" : " NOT LIVE", r.rows, r.expected,
                  r.doubles, r.stolen, r.grown, (long long)r.said_after / 1000, (long long)r.well_after / 1000, (long long)r.fresh_after,
                  (long long)(kt_mono_ms() - faults_shared()->warp - began), r.said, good ? "" : "; at the end ", good ? "" : r.state);
}

static void every_fault_is_said_and_survived(void **state)
{
    (void)state;
    long only = run_number("KEYTOP_FAULT", 0), source = run_number("KEYTOP_FAULT_SOURCE", 0), place = run_number("KEYTOP_FAULT_PLACE", 0);
    for (long n = 1; n <= FAULTS; n++)
        for (long s = 1; s <= FAULT_SOURCES; s++)
            for (long p = 1; p <= FAULT_PLACES; p++)
                if ((!only || only == n) && (!source || source == s) && (!place || place == p))
                    try_cell((enum fault_source)(s - 1), (enum fault_place)(p - 1), (enum fault_number)(n - 1));
    print_message("%zu cells, %zu bad; memory grew by at most %ld KiB\n", cells, bad, grown_most);
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_fault_is_said_and_survived)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
