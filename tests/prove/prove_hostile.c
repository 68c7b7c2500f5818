/* All 1,114,112 code points through the program itself: the table at all
 * widths, the lists in the panes of what many rows share, and the record, paged
 * through. Every byte that reaches the terminal is read by a strict grammar:
 * what is not text fit for a screen or a sequence that ncurses is known to send
 * is wrong. Each code point must have been drawn or named at least once in each
 * view. `prove_hostile N` takes each Nth of what is not special. */
#include "tests/support/hostile_views.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void all_code_points_in_table_lists_and_record(void **state)
{
    struct hostile_proof *p = *state;
    hostile_run_lists(&p->list, &(struct hostile_opts){.widths_every = 16}, p->tally);
    hostile_tally_print(p->tally, "terminal, table, lists and record");
    hostile_assert_seen(p->tally, &p->list, HOSTILE_VIEW_TABLE, HOSTILE_VIEW_RECORD);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, hostile_proof_set_up, hostile_proof_tear_down)
    const struct CMUnitTest tests[] = {
        T(all_code_points_in_table_lists_and_record),
    };
    hostile_proof_every(argc, argv);
    return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
