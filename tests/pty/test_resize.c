/* 300 random resizes; tests/prove/prove_resize.c has 10,000. */
#include "tests/support/resize_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

static void after_any_resizes_the_screen_is_that_of_a_fresh_start(void **state)
{
    (void)state;
    struct resize_tally t = {0};
    resize_walk(300, 60, UINT64_C(0x2545F4914F6CDD1D), &t);
    printf("%d resizes, %d keys, %d screens compared (%ld cells)\n", t.resizes, t.keys, t.compared, t.cells);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_any_resizes_the_screen_is_that_of_a_fresh_start),
    };
    return cmocka_run_group_tests_name("resize", tests, NULL, NULL);
}
