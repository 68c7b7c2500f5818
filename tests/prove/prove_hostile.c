/* All 1,114,112 code points through the program itself, and every byte that
 * reaches the terminal read by a strict grammar: what is not text fit for a
 * screen or a sequence that ncurses is known to send is wrong. The table and
 * the record see all; the other views, the prompts and hostile file names see
 * all that is special and some of the rest. `prove_hostile N` takes each Nth
 * of what is not special. */
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

static void all_code_points_in_table_and_record(void **state)
{
    (void)state;
    hostile_run_dense(&list, &(struct hostile_pty_opts){.rows = 1000}, tally);
    hostile_tally_print(tally, "terminal");
    hostile_assert_seen(tally, HOSTILE_TABLE, &list);
}

static void one_in_sixteen_in_ascii(void **state)
{
    static const char *const env[] = {"LC_ALL=C", NULL};
    (void)state;
    hostile_thin(&list, 16);
    hostile_run_dense(&list, &(struct hostile_pty_opts){.rows = 1000, .ascii = true}, tally);
    hostile_run_dense(&list, &(struct hostile_pty_opts){.rows = 1000, .ascii = true, .env = env}, tally);
    hostile_tally_print(tally, "terminal, --ascii and LC_ALL=C");
}

static void what_is_special_in_all_views(void **state)
{
    static const char *const env[] = {"LC_ALL=C", NULL};
    (void)state;
    free(list.cp);
    hostile_list(&list, 4001);
    hostile_run_all(&list, &(struct hostile_pty_opts){.rows = 500, .wide_every = 2}, tally);
    hostile_tally_print(tally, "terminal, all views");
    hostile_assert_seen(tally, HOSTILE_FANS, &list);
    hostile_thin(&list, 16);
    hostile_run_all(&list, &(struct hostile_pty_opts){.rows = 500, .wide_every = 2, .ascii = true, .env = env}, tally);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(all_code_points_in_table_and_record),
        T(one_in_sixteen_in_ascii),
        T(what_is_special_in_all_views),
    };
    every = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1;
    return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
