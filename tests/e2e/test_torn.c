/* The real program over services that are asked, killed a few times: more in tests/prove. */
#include "tests/support/torn_runs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void nothing_is_lost_or_doubled(void **state)
{
    (void)state;
    for (enum torn_kind k = 0; k < TORN_KINDS; k++)
        torn_poll(k, 3, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_lost_or_doubled)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
