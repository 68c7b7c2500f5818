/* Storms on the logs: source: KEYTOP_SEEDS (100) of KEYTOP_EVENTS (10,000) events, three times
 * each and up to six hours late; collectors that are killed (tests/support/storm.h); and KEYTOP_RUNS (100) kills of the program. */
#include "tests/support/run.h"
#include "tests/support/storm.h"
#include "tests/support/torn_runs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void nothing_is_lost_or_doubled(void **state)
{
    (void)state;
    storm_prove(STORM_LOGS, run_number("KEYTOP_SEEDS", 100), (size_t)run_number("KEYTOP_EVENTS", 10000));
}

static void the_program_loses_nothing(void **state)
{
    (void)state;
    torn_poll(TORN_LOGS, (int)run_number("KEYTOP_RUNS", 100), 17);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_program_loses_nothing),
                                       cmocka_unit_test(nothing_is_lost_or_doubled)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
