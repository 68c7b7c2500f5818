/* All 1,114,112 code points through the program itself: the prompts, and the
 * names of files with what is said of bad records in them. One in sixteen in
 * all views of a terminal that shows ASCII. As prove_hostile.c. */
#include "tests/support/hostile_views.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void all_code_points_in_the_prompts(void **state)
{
    struct hostile_proof *p = *state;
    hostile_run_prompts(&p->list, &(struct hostile_opts){.widths_every = 1}, p->tally);
    hostile_tally_print(p->tally, "terminal, prompts");
    hostile_assert_seen(p->tally, &p->list, HOSTILE_VIEW_FILTER, HOSTILE_VIEW_SEARCH);
}

static void all_code_points_in_names_of_files(void **state)
{
    struct hostile_proof *p = *state;
    hostile_run_names(&p->list, &(struct hostile_opts){.widths_every = 1}, p->tally);
    hostile_tally_print(p->tally, "terminal, names of files");
    hostile_assert_seen(p->tally, &p->list, HOSTILE_VIEW_SOURCES, HOSTILE_VIEW_MALFORMED);
}

static void one_in_sixteen_in_ascii(void **state)
{
    static const char *const env[] = {"LC_ALL=C", NULL};
    static const struct hostile_opts o[] = {{.ascii = true, .widths_every = 2},
                                            {.ascii = true, .widths_every = 2, .env = env}};
    struct hostile_proof *p = *state;
    hostile_thin(&p->list, 16);
    for (size_t i = 0; i < 2; i++) {
        hostile_run_lists(&p->list, &o[i], p->tally);
        hostile_run_panes(&p->list, &o[i], p->tally);
        hostile_run_prompts(&p->list, &o[i], p->tally);
        hostile_run_names(&p->list, &o[i], p->tally);
    }
    hostile_tally_print(p->tally, "terminal, --ascii and LC_ALL=C");
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, hostile_proof_set_up, hostile_proof_tear_down)
    const struct CMUnitTest tests[] = {
        T(all_code_points_in_the_prompts),
        T(all_code_points_in_names_of_files),
        T(one_in_sixteen_in_ascii),
    };
    hostile_proof_every(argc, argv);
    return cmocka_run_group_tests_name("hostile prompts", tests, NULL, NULL);
}
