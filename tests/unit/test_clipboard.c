/* What is sent to put a text on the clipboard, alone and through multiplexers. */
#include "tui/clipboard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define CODED "YXdzIGlhbSBsaXN0LWFjY2Vzcy1rZXlz"
#define PLAIN "\033]52;c;" CODED "\033\\"

static struct kt_buf b;

static const char *sent(const char *text, enum kt_mux mux)
{
    kt_buf_reset(&b);
    assert_true(kt_clipboard_osc52(&b, text, mux));
    return kt_buf_str(&b);
}

static void a_terminal_gets_one_sequence(void **state)
{
    (void)state;
    assert_string_equal(sent("aws iam list-access-keys", KT_MUX_NONE), PLAIN);
}

static void tmux_gets_it_for_itself_and_to_pass_on(void **state)
{
    (void)state;
    assert_string_equal(sent("aws iam list-access-keys", KT_MUX_TMUX),
                        PLAIN "\033Ptmux;\033\033]52;c;" CODED "\a\033\\");
}

/* What screen passes on: the insides of its strings, none of them too long. */
static void screen_gets_it_in_pieces(void **state)
{
    (void)state;
    static char text[3001];
    memset(text, 'k', 3000);
    const char *p = sent(text, KT_MUX_SCREEN), *plain = strstr(p, "\033\\");
    struct kt_buf whole;
    kt_buf_init(&whole, 8192);
    for (p = plain + 2; *p;) {
        assert_memory_equal(p, "\033P", 2);
        const char *end = strstr(p + 2, "\033\\");
        assert_non_null(end);
        assert_in_range(end - p, 3, 255);
        kt_buf_add(&whole, p + 2, (size_t)(end - p - 2));
        p = end + 2;
    }
    assert_memory_equal(kt_buf_str(&whole), "\033]52;c;a2tra2tr", 15);
    assert_int_equal(whole.len, 7 + 4000 + 1);
    assert_int_equal(whole.p[whole.len - 1], '\a');
    kt_buf_free(&whole);
}

static void what_is_not_a_line_of_ascii_is_not_sent(void **state)
{
    (void)state;
    static char text[KT_CLIPBOARD_TEXT_MAX + 2];
    memset(text, 'k', sizeof text - 1);
    static const char *const bad[] = {"a\nb", "\033]0;x\a", "\x7F", "\xC3\xA9"};
    kt_buf_reset(&b);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(kt_clipboard_osc52(&b, bad[i], KT_MUX_NONE));
    assert_false(kt_clipboard_osc52(&b, text, KT_MUX_NONE));
    assert_string_equal(kt_buf_str(&b), "");
    assert_true(kt_clipboard_osc52(&b, text + 1, KT_MUX_NONE));
    struct kt_buf small;
    kt_buf_init(&small, 10);
    assert_false(kt_clipboard_osc52(&small, "abc", KT_MUX_NONE));
    assert_int_equal(small.len, 0);
    assert_true(kt_buf_adds(&small, "abc"));
    kt_buf_free(&small);
}

static void what_stands_between_is_told_by_the_environment(void **state)
{
    (void)state;
    assert_int_equal(kt_mux_of("/tmp/tmux-0/default,1,0", NULL, "screen-256color"), KT_MUX_TMUX);
    assert_int_equal(kt_mux_of(NULL, "1.pts-0", "screen"), KT_MUX_SCREEN);
    assert_int_equal(kt_mux_of(NULL, NULL, "tmux-256color"), KT_MUX_TMUX);
    assert_int_equal(kt_mux_of("", "", "screen.xterm-256color"), KT_MUX_SCREEN);
    assert_int_equal(kt_mux_of(NULL, NULL, "xterm-256color"), KT_MUX_NONE);
    assert_int_equal(kt_mux_of(NULL, NULL, NULL), KT_MUX_NONE);
    assert_non_null(kt_clipboard_without("linux"));
    assert_null(kt_clipboard_without("xterm-256color"));
    assert_null(kt_clipboard_without(NULL));
}

static int begin(void **state)
{
    (void)state;
    kt_buf_init(&b, 1 << 16);
    return 0;
}

static int end(void **state)
{
    (void)state;
    kt_buf_free(&b);
    return 0;
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
    const struct CMUnitTest tests[] = {
        T(a_terminal_gets_one_sequence),
        T(tmux_gets_it_for_itself_and_to_pass_on),
        T(screen_gets_it_in_pieces),
        T(what_is_not_a_line_of_ascii_is_not_sent),
        T(what_stands_between_is_told_by_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
