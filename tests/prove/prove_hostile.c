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

static void all_code_points_in_table_lists_and_record(void **state)
{
    (void)state;
    hostile_run_lists(&list, &(struct hostile_opts){.widths_every = 16}, tally);
    hostile_tally_print(tally, "terminal, table, lists and record");
    hostile_assert_seen(tally, &list, HOSTILE_VIEW_TABLE, HOSTILE_VIEW_RECORD);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(all_code_points_in_table_lists_and_record),
    };
    every = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1;
    return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
