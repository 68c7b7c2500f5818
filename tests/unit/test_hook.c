/* hook: a command for each event, bounded in number, size and time. */
#include "tests/support/temp_dir.h"
#include "tui/hook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct kt_hook *h;

static void start(int timeout_s, const char *const *words, size_t n)
{
    struct kt_err e;
    h = kt_hook_start(words, n, timeout_s, &e);
    if (!h)
        fail_msg("%s", e.text);
}
#define START(timeout, ...) \
    start(timeout, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static const char *result(void)
{
    static char words[120];
    struct kt_hook_result r;
    struct pollfd p = {kt_hook_fd(h), POLLIN, 0};
    assert_int_equal(poll(&p, 1, 10000), 1);
    assert_true(kt_hook_next(h, &r));
    kt_hook_words(&r, words, sizeof words);
    return words;
}

static int done(void **state)
{
    (void)state;
    kt_hook_free(h);
    return 0;
}

static void the_end_of_a_command_is_told(void **state)
{
    (void)state;
    START(10, "sh", "-c", "grep -q event");
    assert_int_equal(kt_hook_tell(h, KT_LIT("an event\n")), KT_HOOK_TAKEN);
    assert_string_equal(result(), "");
    assert_int_equal(kt_hook_tell(h, KT_LIT("another\n")), KT_HOOK_TAKEN);
    assert_string_equal(result(), "exit status 1");
}

static void a_command_that_is_not_there_or_is_killed_says_so(void **state)
{
    (void)state;
    START(10, "/nonexistent/command");
    assert_int_equal(kt_hook_tell(h, KT_LIT("x")), KT_HOOK_TAKEN);
    assert_string_equal(result(), "no such command");
    kt_hook_free(h);
    START(10, "sh", "-c", "kill -9 $$");
    assert_int_equal(kt_hook_tell(h, KT_LIT("x")), KT_HOOK_TAKEN);
    assert_string_equal(result(), "killed by signal 9");
}

/* And with it what it has started. */
static void a_command_that_takes_too_long_is_killed(void **state)
{
    (void)state;
    struct temp_dir d;
    char script[400];
    temp_dir_make(&d);
    (void)snprintf(script, sizeof script, "(sleep 1000; touch %s) & sleep 1000", temp_path(&d, "late"));
    START(1, "sh", "-c", script);
    assert_int_equal(kt_hook_tell(h, KT_LIT("x")), KT_HOOK_TAKEN);
    assert_string_equal(result(), "took longer than it may");
    temp_dir_remove(&d);
}

static void a_command_that_does_not_read_is_no_fault(void **state)
{
    (void)state;
    static char large[KT_HOOK_EVENT_MAX];
    memset(large, 'x', sizeof large);
    START(10, "true");
    assert_int_equal(kt_hook_tell(h, (struct kt_span){large, sizeof large}), KT_HOOK_TAKEN);
    assert_string_equal(result(), "");
    kt_hook_free(h);
    START(10, "sh", "-c", "test $(wc -c) = 65536");
    assert_int_equal(kt_hook_tell(h, (struct kt_span){large, sizeof large}), KT_HOOK_TAKEN);
    assert_string_equal(result(), "");
}

static void what_waits_is_bounded_and_nothing_blocks(void **state)
{
    (void)state;
    static char large[KT_HOOK_EVENT_MAX + 1];
    START(10, "sh", "-c", "read x; sleep 1000");
    assert_int_equal(kt_hook_tell(h, (struct kt_span){large, sizeof large}), KT_HOOK_TOO_LARGE);
    int taken = 0;
    while (taken < 1000 && kt_hook_tell(h, KT_LIT("event\n")) == KT_HOOK_TAKEN)
        taken++;
    assert_int_equal(taken, KT_HOOK_WAITING);
    assert_int_equal(kt_hook_tell(h, KT_LIT("event\n")), KT_HOOK_FULL);
}

static void words_are_no_shells(void **state)
{
    (void)state;
    START(10, "test", "$(echo x)", "=", "$(echo x)");
    assert_int_equal(kt_hook_tell(h, KT_LIT("x")), KT_HOOK_TAKEN);
    assert_string_equal(result(), "");
    assert_int_equal(kt_hook_tell(h, KT_LIT("\"; exit 7\n$(exit 8)")), KT_HOOK_TAKEN);
    assert_string_equal(result(), "");
}

int main(void)
{
#define T(fn) cmocka_unit_test_teardown(fn, done)
    const struct CMUnitTest tests[] = {
        T(the_end_of_a_command_is_told),
        T(a_command_that_is_not_there_or_is_killed_says_so),
        T(a_command_that_takes_too_long_is_killed),
        T(a_command_that_does_not_read_is_no_fault),
        T(what_waits_is_bounded_and_nothing_blocks),
        T(words_are_no_shells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
