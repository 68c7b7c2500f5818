/* What a person at a screen may count on: the first frame at once, few bytes
 * for a row, nothing at all while nothing happens. */
#include "tests/support/quiet.h"
#include "tests/support/sample.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static int quiet_ms(void)
{
    const char *s = getenv("KEYTOP_QUIET_SECONDS"); /* the proof listens longer */
    return s ? (int)strtol(s, NULL, 10) * 1000 : 5000;
}

static void the_first_frame_comes_at_once(void **state)
{
    (void)state;
    const char *argv[] = {sample_keytop(), "demo:", NULL};
    int64_t best = 1000000;
    for (int i = 0; i < 5; i++) {
        int64_t from = kt_mono_ms();
        struct pty *p = pty_start(&(struct pty_opts){.argv = argv, .rows = 50, .cols = 200});
        pty_wait_text(p, "ACTOR");
        int64_t took = kt_mono_ms() - from;
        best = took < best ? took : best;
        pty_stop(p);
    }
    printf("first frame of demo: after %d ms, the best of 5\n", (int)best);
    assert_true(best <= 300);
}

static void expect_silence(const char *option, const char *source, const char *what)
{
    const char *argv[] = {sample_keytop(), option, source, NULL};
    struct pty *p = pty_start(&(struct pty_opts){.argv = argv, .rows = 50, .cols = 200});
    pty_wait_text(p, "svc-00060");
    pty_settle(p, 1000);
    struct quiet q = quiet_listen(p, quiet_ms());
    printf("%s, idle for %d s: %zu bytes, %ld %s in %d threads %s\n", what, quiet_ms() / 1000, q.bytes, q.calls,
           q.traced ? "system calls" : "wake-ups", q.threads, q.first);
    assert_int_equal(q.bytes, 0);
    assert_int_equal(q.calls, 0);
    pty_send(p, "q"); /* and it still answers */
    assert_int_equal(pty_wait_exit(p), 0);
    pty_stop(p);
}

static void nothing_to_do_is_nothing_done(void **state)
{
    (void)state;
    struct kt_buf b;
    char path[512], *folder = sample_folder();
    kt_buf_init(&b, 8 << 20);
    sample_trail(&b, 1, 60);
    sample_write(folder, "trail.json", b.p, b.len, false, path);
    expect_silence("--once", path, "a file that was read");
    expect_silence("-f", path, "a file that may grow");
    expect_silence("-f", folder, "a folder that may fill");
    sample_remove(folder);
    kt_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_frame_comes_at_once),
        cmocka_unit_test(nothing_to_do_is_nothing_done),
    };
    return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
