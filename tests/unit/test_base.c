/* base: buffers, arenas, time, hashes. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void buf_stops_at_its_maximum_and_stays_failed(void **state)
{
    (void)state;
    struct kt_buf b;
    kt_buf_init(&b, 10);
    assert_true(kt_buf_adds(&b, "12345"));
    assert_false(kt_buf_adds(&b, "678901"));
    assert_true(b.failed);
    assert_false(kt_buf_addc(&b, 'x'));
    assert_string_equal(kt_buf_str(&b), "12345");
    kt_buf_reset(&b);
    assert_true(kt_buf_adds(&b, "1234567890"));
    assert_int_equal(b.len, 10);
    kt_buf_drop(&b, 4);
    assert_string_equal(kt_buf_str(&b), "567890");
    assert_false(kt_buf_addf(&b, "%d", 123456));
    kt_buf_free(&b);
}

static void grow_keeps_what_was_there_and_its_limit(void **state)
{
    (void)state;
    int *v = NULL;
    size_t cap = 0;
    assert_true(kt_grow(&v, &cap, 3, sizeof *v, 20));
    v[2] = 7;
    assert_true(kt_grow(&v, &cap, 20, sizeof *v, 20));
    assert_int_equal(v[2], 7);
    assert_false(kt_grow(&v, &cap, 21, sizeof *v, 20));
    assert_int_equal(v[2], 7);
    free(v);
}

static void arena_gives_aligned_memory_up_to_its_maximum(void **state)
{
    (void)state;
    struct kt_arena *a = kt_arena_new(10000);
    assert_non_null(a);
    char *p = kt_arena_alloc(a, 3), *q = kt_arena_alloc(a, 3);
    assert_non_null(p);
    assert_int_equal((uintptr_t)q % 16, 0);
    assert_null(kt_arena_alloc(a, 20000));
    struct kt_span s = kt_arena_span(a, KT_LIT("a\0b"));
    assert_int_equal(s.n, 3);
    assert_memory_equal(s.p, "a\0b", 4);
    assert_false(kt_span_known(kt_arena_span(a, KT_SPAN_NONE)));
    kt_arena_reset(a);
    assert_int_equal(kt_arena_used(a), 0);
    kt_arena_free(a);
}

static void time_round_trip(void **state)
{
    (void)state;
    char text[KT_TIME_TEXT];
    static const char *const same[] = {"2023-07-10T12:24:29Z", "1970-01-01T00:00:00Z", "2000-02-29T23:59:59.120Z",
                                       "1969-12-31T23:59:59Z", "9999-12-31T00:00:00Z"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        int64_t t = kt_time_parse(kt_span_of(same[i]));
        assert_true(t != KT_TIME_NONE);
        kt_time_format(t, text);
        assert_string_equal(text, same[i]);
    }
    for (int64_t d = -800000; d < 2000000; d += 37) { /* every kind of day */
        struct kt_civil c = kt_civil_of(d * 86400000);
        if (c.year < 0 || c.year > 9999)
            continue;
        kt_time_format(d * 86400000, text);
        assert_true(kt_time_parse(kt_span_of(text)) == d * 86400000);
        assert_int_equal(c.weekday, ((d + 4) % 7 + 7) % 7);
    }
}

static int64_t created(const char *s)
{
    return kt_time_parse_created(kt_span_of(s));
}

static void time_spellings(void **state)
{
    (void)state;
    int64_t t = kt_time_parse(KT_LIT("2022-09-27T17:09:18Z"));
    assert_true(t == kt_time_parse(KT_LIT("2022-09-27 17:09:18")));
    assert_true(t == kt_time_parse(KT_LIT("2022-09-27 17:09:18.000000000")));
    assert_true(t == kt_time_parse(KT_LIT("2022-09-27T19:09:18+02:00")));
    assert_true(t == kt_time_parse(KT_LIT("2022-09-27T11:39:18-0530")));
    static const char *const not_dates[] = {"", "2022-09-27", "2019-01-00T00:00:00Z", "2023-02-29T00:00:00Z",
                                            "2022-09-27T24:00:00Z", "2022-09-27T17:09:18Zx", "2022-09-27T17:09:18.Z",
                                            "22022-09-27T17:09:18Z", "2022-13-01T00:00:00Z"};
    for (size_t i = 0; i < sizeof not_dates / sizeof *not_dates; i++)
        assert_true(kt_time_parse(kt_span_of(not_dates[i])) == KT_TIME_NONE);

    assert_true(created("Jul 30, 2024 9:53:13 PM") == kt_time_parse(KT_LIT("2024-07-30T21:53:13Z")));
    assert_true(created("Jul 10, 2023, 12:24:29 PM") == kt_time_parse(KT_LIT("2023-07-10T12:24:29Z")));
    assert_true(created("Jul 10, 2023 12:24:29 AM") == kt_time_parse(KT_LIT("2023-07-10T00:24:29Z")));
    assert_true(created("Feb 22, 2026, 4:11:47\u202fPM") == kt_time_parse(KT_LIT("2026-02-22T16:11:47Z")));
    assert_true(created("2026-07-13T06:36:06Z") == kt_time_parse(KT_LIT("2026-07-13T06:36:06Z")));
    assert_true(created("Jan 01, 2019 0:00:00 PM") == KT_TIME_NONE);
    assert_true(created("2019-01-00T00:00:00Z") == KT_TIME_NONE);
    assert_true(created("Feb 30, 2024 9:53:13 PM") == KT_TIME_NONE);
    assert_true(created("yesterday") == KT_TIME_NONE);
}

static void time_ago(void **state)
{
    (void)state;
    assert_true(kt_time_parse_ago(KT_LIT("90s"), 1000000) == 910000);
    assert_true(kt_time_parse_ago(KT_LIT("7d"), 0) == -7 * INT64_C(86400000));
    assert_true(kt_time_parse_ago(KT_LIT("2023-07-10"), 0) == kt_time_parse(KT_LIT("2023-07-10T00:00:00Z")));
    assert_true(kt_time_parse_ago(KT_LIT("7 d"), 0) == KT_TIME_NONE);
    assert_true(kt_time_parse_ago(KT_LIT("d"), 0) == KT_TIME_NONE);
    assert_true(kt_time_parse_ago(KT_LIT("99999999h"), 0) == KT_TIME_NONE);
}

/* A sleep cannot be made here: what can be is that nothing is said without one. */
static void a_clock_that_runs_on_says_nothing(void **state)
{
    (void)state;
    int fd = kt_clock_watch();
    assert_true(fd >= 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 0), 0);
    kt_clock_jumped(fd); /* it may be looked at for nothing */
    assert_int_equal(poll(&p, 1, 0), 0);
    assert_true(kt_boot_ms() + 1 >= kt_mono_ms()); /* asleep or not, it went on */
    close(fd);
}

static void sha256_is_sha256(void **state)
{
    (void)state;
    uint8_t d[KT_SHA256];
    char hex[KT_SHA256_HEX + 1];
    kt_sha256("abc", 3, d);
    kt_hex(d, sizeof d, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_stops_at_its_maximum_and_stays_failed),
        cmocka_unit_test(grow_keeps_what_was_there_and_its_limit),
        cmocka_unit_test(arena_gives_aligned_memory_up_to_its_maximum),
        cmocka_unit_test(time_round_trip),
        cmocka_unit_test(time_spellings),
        cmocka_unit_test(time_ago),
        cmocka_unit_test(a_clock_that_runs_on_says_nothing),
        cmocka_unit_test(sha256_is_sha256),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
