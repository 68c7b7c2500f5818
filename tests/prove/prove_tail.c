/* logs: with a live tail: storms, KEYTOP_SEEDS (100) of KEYTOP_EVENTS (10,000) events; and
 * KEYTOP_RATE (5,000) events a second past a tail that tells 500, for KEYTOP_SECONDS (20) before its
 * session ends after three hours, and as long after it. */
#include "tests/support/run.h"
#include "tests/support/storm.h"
#include "tests/support/tail_flood.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void nothing_is_lost_or_doubled(void **state)
{
    (void)state;
    storm_prove(STORM_TAIL, run_number("KEYTOP_SEEDS", 100), (size_t)run_number("KEYTOP_EVENTS", 10000));
}

static void what_is_left_out_is_filled_in(void **state)
{
    (void)state;
    tail_flood((size_t)run_number("KEYTOP_RATE", 5000), (int)run_number("KEYTOP_SECONDS", 20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_left_out_is_filled_in), cmocka_unit_test(nothing_is_lost_or_doubled)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
