/* 10,000 random resizes between 1x1 and 500x200 with random keys in between:
 * no crash, and every fiftieth time the screen is compared, cell for cell and
 * with its attributes, with that of a fresh program. `prove_resize N SEED`. */
#include "tests/support/resize_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

enum { PART = 200 };
static int resizes = 10000;
static uint64_t seed = UINT64_C(0x9E3779B97F4A7C15);

static void after_any_resizes_the_screen_is_that_of_a_fresh_start(void **state)
{
    (void)state;
    struct resize_tally t = {0};
    int done = 0, keys = 0;
    while (done < resizes) { /* a program at a time, for less than a minute: then the age of its source changes */
        int part = resizes - done < PART ? resizes - done : PART;
        resize_walk(part, PART / 4, seed + (uint64_t)done, &t);
        done += part;
        keys += t.keys;
        t.keys = 0;
    }
    t.resizes = done;
    t.keys = keys;
    printf("%d resizes, %d keys, %d screens compared (%ld cells)\n", t.resizes, t.keys, t.compared, t.cells);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_any_resizes_the_screen_is_that_of_a_fresh_start),
    };
    if (argc > 1)
        resizes = (int)strtol(argv[1], NULL, 10);
    if (argc > 2)
        seed = strtoull(argv[2], NULL, 0);
    return cmocka_run_group_tests_name("resize", tests, NULL, NULL);
}
