/* Storms on each live source, small ones: those of tests/prove are
 * a hundred of 10,000 events. */
#include "tests/support/run.h"
#include "tests/support/storm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void nothing_is_lost_or_doubled(void **state)
{
    (void)state;
    for (enum storm_kind k = 0; k < STORM_KINDS; k++)
        storm_prove(k, run_number("KEYTOP_STORM_SEEDS", 1), (size_t)run_number("KEYTOP_STORM_EVENTS", 150));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_lost_or_doubled)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
