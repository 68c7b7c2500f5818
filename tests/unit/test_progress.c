/* The line of progress of a long read. */
#include "tui/headless.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void says(const char *want, struct kt_health h, int64_t ms)
{
    char text[150];
    kt_progress_text(text, sizeof text, &h, ms);
    assert_string_equal(text, want);
}

static void progress_says_how_much_how_fast_and_how_long_still(void **state)
{
    (void)state;
    says("12 of 340 files, 1.0 of 14.0 GB, 1000 MB/s, 13 s left",
         (struct kt_health){.files_done = 12, .files_total = 340, .bytes_done = 1000000000, .bytes_total = 14000000000}, 1000);
    says("0.5 of 2.0 MB, 1 MB/s, 2 s left", (struct kt_health){.files_total = 1, .bytes_done = 500000, .bytes_total = 2000000},
         500);
    says("1.0 of 901.0 GB, 100 MB/s, 2.5 h left",
         (struct kt_health){.bytes_done = 1000000000, .bytes_total = 901000000000}, 10000);
    says("1.0 of 61.0 GB, 100 MB/s, 10 min left",
         (struct kt_health){.bytes_done = 1000000000, .bytes_total = 61000000000}, 10000);
}

static void what_is_not_known_is_left_out(void **state)
{
    (void)state;
    says("12.0 MB, 6 MB/s", (struct kt_health){.bytes_done = 12000000}, 2000); /* a pipe has no total */
    says("0.0 of 9.0 kB, 0 MB/s", (struct kt_health){.bytes_total = 9000}, 2000);
    says("0.0 B, 0 MB/s", (struct kt_health){0}, 0);
    /* a file that grew while it was read */
    says("3.0 of 3.0 MB, 3 MB/s", (struct kt_health){.bytes_done = 3000000, .bytes_total = 2000000}, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress_says_how_much_how_fast_and_how_long_still),
        cmocka_unit_test(what_is_not_known_is_left_out),
    };
    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
