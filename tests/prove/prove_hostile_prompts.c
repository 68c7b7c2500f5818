/* All 1,114,112 code points through the program itself: the prompts, and the
 * names of files with what is said of bad records in them. One in sixteen in
 * all views of a terminal that shows ASCII. As prove_hostile.c. */
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

static void all_code_points_in_the_prompts(void **state)
{
    (void)state;
    hostile_run_prompts(&list, &(struct hostile_opts){.widths_every = 1}, tally);
    hostile_tally_print(tally, "terminal, prompts");
    hostile_assert_seen(tally, &list, HOSTILE_VIEW_FILTER, HOSTILE_VIEW_SEARCH);
}

static void all_code_points_in_names_of_files(void **state)
{
    (void)state;
    hostile_run_names(&list, &(struct hostile_opts){.widths_every = 1}, tally);
    hostile_tally_print(tally, "terminal, names of files");
    hostile_assert_seen(tally, &list, HOSTILE_VIEW_SOURCES, HOSTILE_VIEW_MALFORMED);
}

static void one_in_sixteen_in_ascii(void **state)
{
    static const char *const env[] = {"LC_ALL=C", NULL};
    static const struct hostile_opts o[] = {{.ascii = true, .widths_every = 2},
                                            {.ascii = true, .widths_every = 2, .env = env}};
    (void)state;
    hostile_thin(&list, 16);
    for (size_t i = 0; i < 2; i++) {
        hostile_run_lists(&list, &o[i], tally);
        hostile_run_panes(&list, &o[i], tally);
        hostile_run_prompts(&list, &o[i], tally);
        hostile_run_names(&list, &o[i], tally);
    }
    hostile_tally_print(tally, "terminal, --ascii and LC_ALL=C");
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(all_code_points_in_the_prompts),
        T(all_code_points_in_names_of_files),
        T(one_in_sixteen_in_ascii),
    };
    every = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1;
    return cmocka_run_group_tests_name("hostile prompts", tests, NULL, NULL);
}
