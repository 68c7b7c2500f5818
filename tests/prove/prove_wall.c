/* A wall on which nothing happens: what a minute of it costs the line to the
 * terminal. The clock is the machine's, so that this takes some minutes. */
#include "tests/support/pty.h"
#include "tests/support/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { MINUTES = 3 };

static void a_quiet_minute_costs_the_clock_alone(void **state)
{
    (void)state;
    struct kt_buf b;
    char path[512], *folder = sample_folder();
    kt_buf_init(&b, 8 << 20);
    sample_trail(&b, 1, 60);
    sample_write(folder, "trail.json", b.p, b.len, false, path);
    const char *argv[] = {sample_keytop(), "--no-state", "--wall", "-f", path, NULL};
    struct pty *p = pty_start(&(struct pty_opts){.argv = argv, .rows = 50, .cols = 200});
    pty_wait_text(p, "not acknowledged");
    pty_settle(p, 1000);
    time_t now = time(NULL);
    if (now % 60 > 40) /* not across the first minute's end */
        pty_listen(p, (int)(65 - now % 60) * 1000);
    for (int i = 0; i < MINUTES; i++) {
        now = time(NULL);
        bool hour = (now / 60 + 1) % 30 == 0; /* all moves at the hour, and the 24 hours at the half */
        size_t n = pty_listen(p, 60000);
        printf("a quiet minute of the wall at 200x50: %zu bytes%s\n", n, hour ? ", with the half hour" : "");
        if (!hour)
            assert_in_range(n, 1, 20);
    }
    pty_send(p, "q");
    assert_int_equal(pty_wait_exit(p), 0);
    pty_stop(p);
    unlink(path);
    sample_remove(folder);
    kt_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_quiet_minute_costs_the_clock_alone)};
    return cmocka_run_group_tests_name("wall", tests, NULL, NULL);
}
