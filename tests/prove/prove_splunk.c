/* Storms on the splunk: source, large ones: KEYTOP_SEEDS (10) of
 * KEYTOP_EVENTS (3,000) events, three times each. */
#include "tests/support/fake_splunk.h"
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
        struct fake_splunk f;
        assert_non_null(r);
        rig_init(r, 1795000000000, (uint64_t)seed * 1000003);
        fake_splunk_init(&f);
        f.clock = &r->clock;
        rig_variable(&r->variables, "SPLUNK_TOKEN", f.token);
        splunk_storm(r, &f, events, 12 * 3600000LL);
        print_message("seed %ld: %zu of %zu, %zu twice, %u exports\n", seed, r->rows, events, r->doubles, f.exports);
        assert_int_equal(r->rows, events);
        assert_int_equal(r->doubles, 0);
        rig_free(r);
        fake_splunk_free(&f);
        free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_lost_or_doubled)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
