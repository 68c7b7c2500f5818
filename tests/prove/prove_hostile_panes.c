/* All 1,114,112 code points through the program itself: the panes below the
 * table, and those of a key, a user, an address and an agent that fill the
 * screen. As prove_hostile.c. */
#include "tests/support/hostile_views.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void all_code_points_in_the_panes(void **state)
{
    struct hostile_proof *p = *state;
    hostile_run_panes(&p->list, &(struct hostile_opts){.widths_every = 1}, p->tally);
    hostile_tally_print(p->tally, "terminal, panes");
    hostile_assert_seen(p->tally, &p->list, HOSTILE_VIEW_BELOW, HOSTILE_VIEW_AGENT);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, hostile_proof_set_up, hostile_proof_tear_down)
    const struct CMUnitTest tests[] = {
        T(all_code_points_in_the_panes),
    };
    hostile_proof_every(argc, argv);
    return cmocka_run_group_tests_name("hostile panes", tests, NULL, NULL);
}
