/* Storms on the logs: source, large ones: KEYTOP_SEEDS (10) of
 * KEYTOP_EVENTS (3,000) events, three times each, every other seed with a live tail. */
#include "tests/support/fake_logs.h"
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
    size_t events = (size_t)run_number("KEYTOP_EVENTS", 3000);
    for (long seed = 1; seed <= run_number("KEYTOP_SEEDS", 10); seed++) {
        struct trail_rig *r = calloc(1, sizeof *r);
        struct fake_logs l;
        assert_non_null(r);
        rig_init(r, 1795000000000, (uint64_t)seed * 1000003);
        fake_logs_init(&l, &r->aws);
        logs_storm(r, &l, events, 12 * 3600000LL, seed % 2 == 0);
        print_message("seed %ld: %zu of %zu, %zu twice, %u calls, %u live tails, %u too fast\n", seed, r->rows, events, r->doubles,
                      l.filters, l.tails, l.too_fast);
        assert_int_equal(r->rows, events);
        assert_int_equal(r->doubles, 0);
        if (seed % 2) /* with a tail, time may pass before the fake has looked at the clock */
            assert_int_equal(l.too_fast, 0);
        rig_free(r);
        fake_logs_free(&l);
        free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_lost_or_doubled)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
