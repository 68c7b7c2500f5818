/* All 1,114,112 code points in every field that an attacker chooses, in every
 * view, as the cells the screen is made of: none of what is hostile is drawn,
 * and each is drawn as itself or named, in each view. `prove_hostile_canvas N`
 * takes each Nth of what is not special. */
#include "tests/support/hostile_views.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

static uint32_t every = 1;

static void all_in(const struct hostile_opts *o, size_t thin, const char *what)
{
    struct hostile_list l;
    struct hostile_tally *t = calloc(1, sizeof *t);
    assert_non_null(t);
    hostile_list(&l, every);
    hostile_thin(&l, thin);
    hostile_draw_prompts(&l, o, t);
    hostile_draw_names(&l, o, t);
    hostile_draw_lists(&l, o, t);
    hostile_draw_panes(&l, o, t);
    hostile_tally_print(t, what);
    if (!o->ascii)
        hostile_assert_seen(t, &l, HOSTILE_VIEW_TABLE, HOSTILE_VIEW_MALFORMED);
    free(l.cp);
    free(t);
}

static void all_code_points_in_all_views(void **state)
{
    (void)state;
    all_in(&(struct hostile_opts){.locale = "C.UTF-8", .widths_every = 16}, 1, "canvases");
}

static void one_in_sixteen_in_ascii(void **state)
{
    (void)state;
    all_in(&(struct hostile_opts){.locale = "C.UTF-8", .ascii = true, .widths_every = 2}, 16, "canvases, --ascii");
    all_in(&(struct hostile_opts){.locale = "C", .ascii = true, .widths_every = 2}, 16, "canvases, LC_ALL=C");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_code_points_in_all_views),
        cmocka_unit_test(one_in_sixteen_in_ascii),
    };
    every = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1;
    return cmocka_run_group_tests_name("hostile canvases", tests, NULL, NULL);
}
