/* Each fault of the table once, and each source at each place; the whole matrix
 * is tests/prove/prove_faults.c. */
#include "tests/support/faults.h"
#include "tests/support/warp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* KiB, of a process that has just begun; sanitizers keep what was freed. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { GROWN_MAX = 1 << 30 };
#else
enum { GROWN_MAX = 48 << 10 };
#endif

static void try_cell(enum fault_source s, enum fault_place p, enum fault_number n)
{
    struct fault_result r = fault_cell(s, p, n);
    if (!r.ended || !r.began || !r.said_right || !r.recovered || !r.live || r.rows != r.expected || r.doubles || r.stolen || r.grown > GROWN_MAX)
        fail_msg("%s, %s, %s: began %d, said %d, recovered %d, live %d, %zu of %zu, %zu twice, %u stolen, +%ld KiB: %s; %s", fault_sources[s],
                 fault_places[p], faults[n].name, r.began, r.said_right, r.recovered, r.live, r.rows, r.expected, r.doubles, r.stolen,
                 r.grown, r.said, r.state);
}

/* 24 faults over 6 sources and 3 places: a quarter of them each, so that it does not take long in one go. */
static void quarter(unsigned q)
{
    bool crawl = getenv("KEYTOP_MEMCHECK") != NULL; /* all is thirty times as slow */
    for (unsigned n = 0; n < FAULTS; n++)
        if (n % 4 == q && (!crawl || (!faults[n].slow && !faults[n].big && n < FAULT_500)))
            try_cell((enum fault_source)((n + n / FAULT_SOURCES) % FAULT_SOURCES), (enum fault_place)(n / 2 % FAULT_PLACES), (enum fault_number)n);
}

static void names_resets_and_others(void **state)
{
    (void)state;
    quarter(0);
}

static void silence_ends_and_others(void **state)
{
    (void)state;
    quarter(1);
}

static void doors_bodies_and_others(void **state)
{
    (void)state;
    quarter(2);
}

static void heads_answers_and_others(void **state)
{
    (void)state;
    quarter(3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_resets_and_others),
        cmocka_unit_test(silence_ends_and_others),
        cmocka_unit_test(doors_bodies_and_others),
        cmocka_unit_test(heads_answers_and_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
