/* What a key's risk is does not depend on the order in which its records come:
 * each story in 10,000 orders, a quarter of the records doubled, judged after
 * each record or at the end. */
#include "tests/support/story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { STORIES = 32, ORDERS = 10000 };

static void stories_end_the_same_in_ten_thousand_orders(void **state)
{
    (void)state;
    struct kt_rules *rules;
    struct kt_err e;
    struct story s[STORIES];
    assert_int_equal(kt_rules_load_builtin(&rules, &e), KT_OK);
    size_t n = stories_read(s, STORIES);
    assert_true(n >= 8);
    for (size_t i = 0; i < n; i++) {
        char *differs = story_shuffle(&s[i], rules, 1000 + i, ORDERS);
        if (differs)
            fail_msg("%s, %s", s[i].name, differs);
        story_free(&s[i]);
    }
    kt_rules_free(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(stories_end_the_same_in_ten_thousand_orders)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
