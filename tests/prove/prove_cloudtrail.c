/* Storms on the cloudtrail: source, large ones: KEYTOP_SEEDS (20) of
 * KEYTOP_EVENTS (10,000) events, up to six hours late. */
#include "tests/support/trail_rig.h"
#include "tests/support/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void nothing_is_lost_or_doubled(void **state)
{
    (void)state;
    size_t events = (size_t)run_number("KEYTOP_EVENTS", 10000);
    for (long seed = 1; seed <= run_number("KEYTOP_SEEDS", 20); seed++) {
        struct trail_rig *r = calloc(1, sizeof *r);
        assert_non_null(r);
        rig_init(r, 1795000000000, (uint64_t)seed * 1000003);
        trail_storm(r, events, 24 * 3600000LL);
        print_message("seed %ld: %zu of %zu, %zu twice, %u calls, %u too fast\n", seed, r->rows, events, r->doubles,
                      r->aws.lookups, r->aws.too_fast);
        assert_int_equal(r->rows, events);
        assert_int_equal(r->doubles, 0);
        assert_int_equal(r->aws.too_fast, 0);
        rig_free(r);
        free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_lost_or_doubled)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
