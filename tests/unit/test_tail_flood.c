/* A live tail that is flooded, a little: more in prove_tail.c. */
#include "tests/support/tail_flood.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_is_left_out_is_filled_in(void **state)
{
    (void)state;
    tail_flood(600, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_left_out_is_filled_in)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
