/* All 1,114,112 code points through the program itself: the panes below the
 * table, and those of a key, a user, an address and an agent that fill the
 * screen. As prove_hostile.c. */
#include "tests/support/hostile_views.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

static uint32_t every = 1;
static struct hostile_list list;
static struct hostile_tally *tally;

static int set_up(void **state)
{
    (void)state;
    tally = calloc(1, sizeof *tally);
    hostile_list(&list, every);
    return tally ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(list.cp);
    free(tally);
    return 0;
}

static void all_code_points_in_the_panes(void **state)
{
    (void)state;
    hostile_run_panes(&list, &(struct hostile_opts){.widths_every = 1}, tally);
    hostile_tally_print(tally, "terminal, panes");
    hostile_assert_seen(tally, &list, HOSTILE_VIEW_BELOW, HOSTILE_VIEW_AGENT);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(all_code_points_in_the_panes),
    };
    every = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1;
    return cmocka_run_group_tests_name("hostile panes", tests, NULL, NULL);
}
