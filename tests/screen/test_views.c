/* What a person makes of the table: marks, two records beside each other,
 * columns, views, groups, the histogram, layouts. */
#include "tests/support/app_fixture.h"
#include "tui/diff.h"
#include "tui/screen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* --- marks ---------------------------------------------------------------- */

static void space_marks_a_row_and_goes_on_and_takes_the_mark_off_again(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, FIXTURE_DAY, 24, 120, false);
    fixture_keys(&f, "Space");
    assert_true(fixture_shows(&f, "1 marked"));
    assert_int_equal(fixture_line(&f, 3)[0], '*');
    assert_true(strstr(fixture_selected(&f), "14:31:02") != NULL);
    fixture_keys(&f, "Space U");
    assert_int_equal(f.app->marks.n, 0);
    fixture_keys(&f, "Home Space Home Space");
    assert_int_equal(f.app->marks.n, 0);
    fixture_close(&f);
}

static void marks_stay_with_their_rows_when_others_arrive_and_the_order_changes(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, FIXTURE_DAY, 24, 120, false);
    fixture_keys(&f, "Space");
    struct fixture_record r = {.id = "n1", .time = "2026-11-24T14:32:35Z", .type = "IAMUser", .actor = "zoe",
                               .account = "111122223333", .target = "zoe", .key = "AKIAIOSFODNN7EXAZ0E0",
                               .address = "192.0.2.1", .agent = "a/1"};
    fixture_arrive(&f, &r, NULL);
    fixture_settle(&f);
    int at = -1;
    for (int row = 0; row < 20; row++)
        if (strncmp(fixture_line(&f, row), "*", 1) == 0)
            at = row;
    assert_true(at >= 3 && strstr(fixture_line(&f, at), "ci-deploy") != NULL);
    fixture_close(&f);
}

static void as_many_rows_are_marked_as_may_be_and_it_is_said(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, FIXTURE_MANY, 24, 120, false);
    for (int i = 0; i < KT_MARKS_MAX; i++)
        fixture_keys(&f, "Space");
    assert_int_equal(f.app->marks.n, KT_MARKS_MAX);
    fixture_keys(&f, "Space");
    assert_true(fixture_shows(&f, "500 rows are marked"));
    assert_int_equal(f.app->marks.n, KT_MARKS_MAX);
    fixture_close(&f);
}

/* --- two records ------------------------------------------------------------ */

static void the_two_rows_marked_last_are_compared_field_by_field(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, FIXTURE_DAY, 50, 160, false);
    fixture_keys(&f, "d");
    assert_true(fixture_shows(&f, "mark two rows with Space"));
    fixture_keys(&f, "Space d"); /* the one marked and the one under the cursor */
    assert_true(fixture_shows(&f, "two records"));
    assert_true(fixture_shows(&f, "actor.name"));
    assert_true(fixture_shows(&f, "ci-deploy"));
    assert_true(fixture_shows(&f, "root"));
    assert_false(fixture_shows(&f, "event_source"));
    fixture_keys(&f, "=");
    assert_true(fixture_shows(&f, "event_source"));
    fixture_keys(&f, "= End");
    assert_true(fixture_shows(&f, "userIdentity"));
    fixture_keys(&f, "Y");
    assert_true(f.did & KT_APP_COPY);
    fixture_keys(&f, "/");
    fixture_keys(&f, "'sessionIssuer");
    fixture_keys(&f, "Enter");
    fixture_keys(&f, "Backspace");
    assert_ptr_equal(f.app->top, f.app->table);
    fixture_close(&f);
}

static const struct kt_diff_line *line(const struct kt_diff *d, const char *path)
{
    for (size_t i = 0; i < d->n; i++)
        if (kt_span_is(d->line[i].path, path))
            return &d->line[i];
    fail_msg("no line %s", path);
    return NULL;
}

static void members_are_met_by_their_path_wherever_they_stand(void **state)
{
    (void)state;
    struct kt_arena *arena = kt_arena_new(16 << 20);
    struct kt_diff d = {0};
    assert_true(kt_diff_json(&d, KT_LIT("{\"a\":1,\"b\":{\"c\":[1,{\"d\":\"x\"}],\"e\":{}},\"only\":null}"),
                             KT_LIT("{\"b\":{\"e\":{},\"c\":[1,{\"d\":\"y\"},3]},\"a\":1}"), arena));
    assert_int_equal(line(&d, "a")->kind, KT_DIFF_SAME);
    assert_int_equal(line(&d, "b.c[0]")->kind, KT_DIFF_SAME);
    assert_int_equal(line(&d, "b.c[1].d")->kind, KT_DIFF_OTHER);
    assert_true(kt_span_is(line(&d, "b.c[1].d")->b, "\"y\""));
    assert_int_equal(line(&d, "b.c[2]")->kind, KT_DIFF_ONLY_B);
    assert_int_equal(line(&d, "b.e")->kind, KT_DIFF_SAME);
    assert_int_equal(line(&d, "only")->kind, KT_DIFF_ONLY_A);
    assert_false(d.cut);
    kt_diff_free(&d);
    kt_arena_free(arena);
}

static void what_is_no_json_or_too_much_does_no_harm(void **state)
{
    (void)state;
    struct kt_arena *arena = kt_arena_new(64 << 20);
    struct kt_diff d = {0};
    struct kt_buf b;
    assert_true(kt_diff_json(&d, KT_LIT("{\"a\":"), KT_LIT("\xff\x00{{{[["), arena));
    kt_diff_free(&d);
    kt_buf_init(&b, 1 << 20);
    kt_buf_addc(&b, '[');
    for (int i = 0; i < 9000; i++)
        kt_buf_addf(&b, "%s%d", i ? "," : "", i);
    kt_buf_addc(&b, ']');
    assert_true(kt_diff_json(&d, kt_buf_span(&b), KT_LIT("[]"), arena));
    assert_true(d.cut);
    assert_true(d.n <= KT_DIFF_LINES_MAX);
    kt_diff_free(&d);
    kt_buf_reset(&b);
    for (int i = 0; i < 190; i++)
        kt_buf_addf(&b, "{\"%0100d\":", i);
    assert_true(kt_diff_json(&d, kt_buf_span(&b), kt_buf_span(&b), arena)); /* a path longer than there is room for */
    kt_diff_free(&d);
    kt_buf_free(&b);
    kt_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(space_marks_a_row_and_goes_on_and_takes_the_mark_off_again),
        cmocka_unit_test(marks_stay_with_their_rows_when_others_arrive_and_the_order_changes),
        cmocka_unit_test(as_many_rows_are_marked_as_may_be_and_it_is_said),
        cmocka_unit_test(the_two_rows_marked_last_are_compared_field_by_field),
        cmocka_unit_test(members_are_met_by_their_path_wherever_they_stand),
        cmocka_unit_test(what_is_no_json_or_too_much_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
