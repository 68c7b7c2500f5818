/* markdown: code spans that nothing can leave. */
#include "text/markdown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct kt_buf b;

static const char *code(struct kt_span s, size_t most, bool table)
{
    kt_buf_reset(&b);
    assert_true(kt_markdown_code(&b, s, KT_TEXT_FREE, "nobody", most, table));
    return kt_buf_str(&b);
}

static void text_stands_in_a_fence_that_it_does_not_hold(void **state)
{
    (void)state;
    kt_buf_init(&b, 1 << 20);
    assert_string_equal(code(KT_LIT("alice"), 0, false), "`alice`");
    assert_string_equal(code(KT_LIT("a`b"), 0, false), "``a`b``");
    assert_string_equal(code(KT_LIT("``x"), 0, false), "``` ``x ```");
    assert_string_equal(code(KT_LIT(" x "), 0, false), "`  x  `");
    assert_string_equal(code(KT_LIT("<img src=x onerror=y>[a](http://b) @me"), 0, false),
                        "`<img src=x onerror=y>[a](http://b) @me`");
    assert_string_equal(code(KT_LIT("a|b"), 0, true), "`a\\|b`");
    assert_string_equal(code(KT_LIT("a|b"), 0, false), "`a|b`");
    kt_buf_free(&b);
}

static void what_is_not_there_is_said_in_our_words(void **state)
{
    (void)state;
    kt_buf_init(&b, 1 << 20);
    assert_string_equal(code(KT_SPAN_NONE, 0, false), "nobody");
    assert_string_equal(code(KT_LIT(""), 0, false), "(empty)");
    assert_string_equal(code(KT_LIT("abcdef"), 3, false), "`abc` (cut: 6 bytes in all)");
    kt_buf_free(&b);
}

/* Any bytes: the text between the fences holds no run of backticks as long as
 * they, no line end, and nothing that is not printable ASCII. */
static void no_bytes_leave_it(void **state)
{
    (void)state;
    uint32_t seed = 7;
    kt_buf_init(&b, 1 << 20);
    for (int round = 0; round < 20000; round++) {
        char bytes[24];
        size_t n = 1 + round % 23, fence = 0, run = 0;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[i] = seed >> 31 ? '`' : (char)(seed >> 20);
        }
        const char *s = code((struct kt_span){bytes, n}, 0, round & 1);
        size_t len = strlen(s);
        while (s[fence] == '`')
            fence++;
        assert_true(len > 2 * fence);
        for (size_t i = fence; i < len - fence; i++) {
            assert_in_range((unsigned char)s[i], 0x20, 0x7e);
            run = s[i] == '`' ? run + 1 : 0;
            assert_true(run < fence);
        }
        assert_true(s[len - fence - 1] != '`');
    }
    kt_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_stands_in_a_fence_that_it_does_not_hold),
        cmocka_unit_test(what_is_not_there_is_said_in_our_words),
        cmocka_unit_test(no_bytes_leave_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
