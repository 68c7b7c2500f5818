/* A thousand random schedules of writers and rotators: nothing is lost or
 * doubled unseen. SCHEDULES sets how many, SCHEDULE_FIRST where to begin. */
#include "tests/support/follow_schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t number(const char *name, uint64_t otherwise)
{
    const char *s = getenv(name);
    return s && *s ? strtoull(s, NULL, 10) : otherwise;
}

static void a_thousand_schedules_lose_and_double_nothing_unseen(void **state)
{
    (void)state;
    uint64_t first = number("SCHEDULE_FIRST", 1), n = number("SCHEDULES", 1000);
    for (uint64_t seed = first; seed < first + n; seed++) {
        char why[512];
        if (!follow_schedule(seed, why, sizeof why))
            fail_msg("schedule %llu: %s", (unsigned long long)seed, why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_schedules_lose_and_double_nothing_unseen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
