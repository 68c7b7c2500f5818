/* What a terminal reports: the mouse, and modes that were asked for. */
#include "tui/reports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static enum kt_report_state all(struct kt_report *r, enum kt_report_kind kind, const char *bytes, struct kt_key *k)
{
    enum kt_report_state s = KT_REPORT_MORE;
    kt_report_begin(r, kind);
    for (; *bytes && s == KT_REPORT_MORE; bytes++)
        s = kt_report_byte(r, (unsigned char)*bytes, k);
    assert_true(s == KT_REPORT_MORE || r->kind == KT_REPORT_NONE);
    return s;
}

static void the_mouse_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        enum kt_mouse what;
        int row, col;
    } t[] = {{"0;1;1M", KT_MOUSE_PRESS, 0, 0},     {"0;1;1m", KT_MOUSE_RELEASE, 0, 0}, {"32;200;50M", KT_MOUSE_DRAG, 49, 199},
             {"64;3;4M", KT_MOUSE_WHEEL_UP, 3, 2}, {"65;3;4M", KT_MOUSE_WHEEL_DOWN, 3, 2}, {"1;9;9M", KT_MOUSE_MIDDLE, 8, 8},
             {"2;9;9M", KT_MOUSE_RIGHT, 8, 8},     {"16;1;1M", KT_MOUSE_PRESS, 0, 0},  {"0;1000;1000M", KT_MOUSE_PRESS, 999, 999}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct kt_report r;
        struct kt_key k = {0};
        assert_int_equal(all(&r, KT_REPORT_MOUSE, t[i].bytes, &k), KT_REPORT_KEY);
        assert_int_equal(k.code, KT_KEY_MOUSE);
        assert_int_equal(kt_mouse_of(k), t[i].what);
        assert_int_equal(kt_mouse_row(k), t[i].row);
        assert_int_equal(kt_mouse_col(k), t[i].col);
    }
}

static void what_is_none_is_dropped_or_given_back(void **state)
{
    (void)state;
    struct kt_report r;
    struct kt_key k;
    static const char *const dropped[] = {"0;0;1M", "0;1M", "M", "0;99999999999;1M", "35;1;1M", "66;1;1M", "1;1;1m", "0;1;1Z"};
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
        assert_int_equal(all(&r, KT_REPORT_MOUSE, dropped[i], &k), KT_REPORT_DROPPED);
    assert_int_equal(all(&r, KT_REPORT_MOUSE, "0;1;1;1M", &k), KT_REPORT_WRONG);
    assert_int_equal(all(&r, KT_REPORT_MOUSE, "0;\033", &k), KT_REPORT_WRONG);
    assert_int_equal(all(&r, KT_REPORT_MOUSE, "0000000000000000000000000000000000000", &k), KT_REPORT_WRONG);
    assert_int_equal(all(&r, KT_REPORT_MODE, "62;22c", &k), KT_REPORT_DROPPED); /* another answer */
    assert_int_equal(all(&r, KT_REPORT_MODE, "2026;2$y", &k), KT_REPORT_TOLD);
    assert_int_equal(r.n[0], 2026);
    assert_int_equal(r.n[1], 2);
    for (int b = 0; b < 256; b++) { /* any byte, anywhere: no harm, and an end */
        for (int at = 0; at < 8; at++) {
            char bytes[] = "0;12;34M0;12;34M";
            bytes[at] = (char)b;
            all(&r, b % 2 ? KT_REPORT_MOUSE : KT_REPORT_MODE, bytes, &k);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mouse_is_read),
        cmocka_unit_test(what_is_none_is_dropped_or_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
