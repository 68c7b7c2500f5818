/* canvas: clipping, wide letters, stand-ins, hostile data, tints and hits. */
#include "tui/canvas.h"
#include "tui/format.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct kt_canvas c;

static const char *row_text(int row)
{
    static char out[4096];
    size_t o = 0;
    for (int i = 0; i < c.cols; i++) {
        const char *p = c.cell[row * c.cols + i].cell.utf8;
        while (*p)
            out[o++] = *p++;
    }
    out[o] = '\0';
    return out;
}

static enum kt_role role(int row, int col)
{
    return (enum kt_role)c.cell[row * c.cols + col].style.role;
}

static int open24(void **state)
{
    (void)state;
    return kt_canvas_init(&c, 2, 24, false) ? 0 : -1;
}

static int close24(void **state)
{
    (void)state;
    kt_canvas_free(&c);
    return 0;
}

static void text_is_clipped_to_its_width_and_to_the_canvas(void **state)
{
    (void)state;
    assert_int_equal(kt_canvas_text(&c, 0, 0, 4, KT_STYLE(TEXT), "abcdef"), 4);
    assert_int_equal(kt_canvas_text(&c, 0, 22, 99, KT_STYLE(TEXT), "xyz"), 2);
    assert_int_equal(kt_canvas_text(&c, 2, 0, 9, KT_STYLE(TEXT), "below"), 0);
    assert_int_equal(kt_canvas_text(&c, -1, 0, 9, KT_STYLE(TEXT), "above"), 0);
    assert_int_equal(kt_canvas_text(&c, 0, -1, 9, KT_STYLE(TEXT), "left"), 0);
    assert_int_equal(kt_canvas_text(&c, 0, 24, 9, KT_STYLE(TEXT), "right"), 0);
    assert_string_equal(row_text(0), "abcd                  xy");
}

static void a_wide_letter_never_leaves_half_of_itself(void **state)
{
    (void)state;
    assert_int_equal(kt_canvas_data(&c, 0, 0, 9, KT_STYLE(TEXT), KT_LIT("漢字"), KT_TEXT_FREE), 4);
    kt_canvas_text(&c, 0, 1, 1, KT_STYLE(TEXT), "x"); /* the right half of the first */
    kt_canvas_text(&c, 0, 2, 1, KT_STYLE(TEXT), "y"); /* the left half of the second */
    assert_string_equal(row_text(0), " xy                     ");
    for (int i = 0; i < c.cols; i++)
        assert_int_equal(c.cell[i].cell.width, 1);
    assert_int_equal(kt_canvas_data(&c, 0, 23, 9, KT_STYLE(TEXT), KT_LIT("漢"), KT_TEXT_FREE) <= 1, 1);
}

static void ascii_mode_draws_no_glyph_above_0x7e(void **state)
{
    (void)state;
    c.ascii = true;
    kt_canvas_text(&c, 0, 0, 24, KT_STYLE(TEXT), "… ▲ ● › │ ─ ▁█ → ← ▌ 漢");
    kt_canvas_data(&c, 1, 0, 24, KT_STYLE(TEXT), KT_LIT("Jürgen \xe2\x80\xae z"), KT_TEXT_FREE);
    for (int i = 0; i < 2 * c.cols; i++)
        for (const char *p = c.cell[i].cell.utf8; *p; p++)
            assert_in_range((unsigned char)*p, 0x20, 0x7E);
    assert_memory_equal(row_text(0), "~ ! * > | - _# > < >", 20);
}

static void hostile_data_is_drawn_as_marks_that_data_cannot_make(void **state)
{
    (void)state;
    kt_canvas_data(&c, 0, 0, 24, KT_STYLE(TEXT), KT_LIT("a\x1b]0;x"), KT_TEXT_IDENTITY);
    assert_memory_equal(row_text(0), "a^[]0;x", 7);
    assert_int_equal(role(0, 1), KT_ROLE_MARK);
    assert_int_equal(c.cell[1].style.attr & KT_ATTR_REVERSE, KT_ATTR_REVERSE);
    assert_int_equal(role(0, 3), KT_ROLE_TEXT);
}

static void a_tint_keeps_the_marks(void **state)
{
    (void)state;
    kt_canvas_data(&c, 0, 0, 24, KT_STYLE(HIGH), KT_LIT("a\x07z"), KT_TEXT_IDENTITY);
    kt_canvas_tint(&c, 0, 0, 24, (struct kt_style){KT_ROLE_SELECTED, KT_ATTR_BOLD});
    assert_int_equal(role(0, 0), KT_ROLE_SELECTED);
    assert_int_equal(role(0, 1), KT_ROLE_MARK);
    assert_int_equal(role(0, 3), KT_ROLE_SELECTED);
    assert_int_equal(c.cell[0].style.attr, KT_ATTR_BOLD);
}

static void hits_are_found_whatever_their_case_and_across_cells(void **state)
{
    (void)state;
    kt_canvas_text(&c, 0, 0, 24, KT_STYLE(TEXT), "Eve, eve, ev");
    assert_int_equal(kt_canvas_match(&c, 0, 0, 24, KT_LIT("eVe")), 2);
    assert_int_equal(role(0, 0), KT_ROLE_MATCH);
    assert_int_equal(role(0, 3), KT_ROLE_TEXT);
    assert_int_equal(role(0, 7), KT_ROLE_MATCH);
    assert_int_equal(role(0, 10), KT_ROLE_TEXT);
    assert_int_equal(kt_canvas_match(&c, 0, 0, 24, KT_LIT("")), 0);
}

static void a_key_id_loses_its_middle(void **state)
{
    (void)state;
    assert_int_equal(
        kt_canvas_data_middle(&c, 0, 0, 9, KT_STYLE(TEXT), KT_LIT("AKIAIOSFODNN7EXA7QX2"), KT_TEXT_IDENTITY), 9);
    assert_memory_equal(row_text(0), "AKIA…7QX2 ", strlen("AKIA…7QX2 "));
}

static void sizes_are_held_within_their_limits(void **state)
{
    (void)state;
    assert_true(kt_canvas_resize(&c, 0, -5));
    assert_int_equal(c.rows, 1);
    assert_int_equal(c.cols, 1);
    assert_true(kt_canvas_resize(&c, 5000, 5000));
    assert_int_equal(c.rows, KT_CANVAS_ROWS_MAX);
    assert_int_equal(c.cols, KT_CANVAS_COLS_MAX);
}

static void a_sparkline_puts_the_newest_bucket_at_its_right_end(void **state)
{
    (void)state;
    uint32_t bucket[48] = {0};
    bucket[47] = 8;
    bucket[0] = 1;
    assert_int_equal(kt_spark_draw(&c, 0, 0, 24, bucket, 48), 24);
    assert_memory_equal(row_text(0), "▂▁", 6);
    assert_string_equal(c.cell[23].cell.utf8, "█"); /* the greatest is the whole height */
    kt_canvas_clear(&c);
    assert_int_equal(kt_spark_draw(&c, 0, 0, 10, bucket, 48), 10);
    assert_int_equal(kt_spark_draw(&c, 0, 0, 0, bucket, 48), 0);
}

static void times_and_counts_read_as_people_write_them(void **state)
{
    (void)state;
    char b[KT_FMT_TEXT];
    int64_t t = kt_time_parse(KT_LIT("2023-07-10T12:24:29Z")), now = t + 3600 * 1000, next = 0;
    assert_string_equal(kt_fmt_count(0, b), "0");
    assert_string_equal(kt_fmt_count(999, b), "999");
    assert_string_equal(kt_fmt_count(1234567, b), "1,234,567");
    assert_string_equal(kt_fmt_plural(1, "key", "keys", b), "1 key");
    assert_string_equal(kt_fmt_day(t, b), "Mon 10 Jul 2023");
    assert_string_equal(kt_fmt_when(t, now, 8, b), "12:24:29");
    assert_string_equal(kt_fmt_when(t, now + 86400000, 8, b), "23-07-10");
    assert_string_equal(kt_fmt_when(t, now, 19, b), "2023-07-10 12:24:29");
    assert_string_equal(kt_fmt_stamp(t, now, b), "12:24:29Z");
    assert_string_equal(kt_fmt_stamp(t, now + 86400000, b), "2023-07-10 12:24Z");
    assert_string_equal(kt_fmt_when(KT_TIME_NONE, now, 8, b), "no time");
    assert_string_equal(kt_fmt_age(59999, b, &next), "now");
    assert_int_equal(next, 1);
    assert_string_equal(kt_fmt_age(14 * 60000 + 1, b, &next), "14m");
    assert_int_equal(next, 59999);
    assert_string_equal(kt_fmt_age(49 * 3600000LL, b, &next), "2d");
    assert_string_equal(kt_fmt_duration(34000, b), "34 s");
    assert_string_equal(kt_fmt_duration(-5, b), "0 s");
    assert_string_equal(kt_fmt_duration(150000, b), "2 min");
    assert_string_equal(kt_fmt_duration(185 * 60000LL, b), "3 h 5 min");
    assert_string_equal(kt_fmt_duration(180 * 60000LL, b), "3 h");
    assert_string_equal(kt_fmt_duration(49 * 3600000LL, b), "2 d");
    assert_int_equal(next, 23 * 3600000LL);
}

int main(void)
{
    setlocale(LC_ALL, "C.UTF-8");
#define T(f) cmocka_unit_test_setup_teardown(f, open24, close24)
    const struct CMUnitTest tests[] = {
        T(text_is_clipped_to_its_width_and_to_the_canvas),
        T(a_wide_letter_never_leaves_half_of_itself),
        T(ascii_mode_draws_no_glyph_above_0x7e),
        T(hostile_data_is_drawn_as_marks_that_data_cannot_make),
        T(a_tint_keeps_the_marks),
        T(hits_are_found_whatever_their_case_and_across_cells),
        T(a_key_id_loses_its_middle),
        T(sizes_are_held_within_their_limits),
        T(a_sparkline_puts_the_newest_bucket_at_its_right_end),
        T(times_and_counts_read_as_people_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
