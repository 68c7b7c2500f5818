/* find: against a plain search, over all lengths and places. */
#include "base/find.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool plain(struct kt_span text, struct kt_span lower)
{
    for (size_t i = 0; i + lower.n <= text.n; i++) {
        size_t k = 0;
        while (k < lower.n && (text.p[i + k] >= 'A' && text.p[i + k] <= 'Z' ? text.p[i + k] + 32 : text.p[i + k]) == lower.p[k])
            k++;
        if (k == lower.n)
            return true;
    }
    return false;
}

static void both_agree(void **state)
{
    (void)state;
    static const char alphabet[] = "abAB@[`{zZ-\x7f\x80\xff\xc1";
    uint64_t seed = 7;
    for (int i = 0; i < 200000; i++) {
        char few[64], needle[8], *text;
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        size_t n = (seed >> 33) % sizeof few, m = (seed >> 40) % sizeof needle, letters = 2 + (seed >> 50) % (sizeof alphabet - 3);
        for (size_t k = 0; k < n; k++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
            few[k] = alphabet[(seed >> 33) % letters];
        }
        for (size_t k = 0; k < m; k++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
            char c = alphabet[(seed >> 33) % letters];
            needle[k] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        }
        text = malloc(n + 1); /* so that reading beyond it is seen */
        assert_non_null(text);
        memcpy(text, few, n);
        struct kt_span t = {text, n}, l = {needle, m};
        assert_int_equal(kt_find_no_case(t, l), plain(t, l));
        if (n >= 32)
            for (size_t k = 0; k <= 32; k++)
                assert_int_equal(kt_find_no_case_32(text, k, l), plain((struct kt_span){text, k}, l));
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
