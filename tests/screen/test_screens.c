/* Whole screens, cell by cell, against golden files; as UTF-8 and as ASCII. */
#include "tests/support/app_fixture.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const int sizes[][2] = {{10, 40}, {24, 80}, {43, 132}, {50, 200}};
enum { SIZES = 4 };

/* Presses keys on the day's records and compares at each size, both ways. */
static void shows(const char *const *keys, const char *name)
{
    for (int i = 0; i < 2 * SIZES; i++) {
        struct fixture f;
        char file[128];
        bool ascii = i % 2;
        int rows = sizes[i / 2][0], cols = sizes[i / 2][1];
        fixture_open(&f, FIXTURE_DAY, rows, cols, ascii);
        for (const char *const *k = keys; k && *k; k++)
            fixture_keys(&f, *k), (void)fixture_line(&f, 0), fixture_settle(&f);
        snprintf(file, sizeof file, "%s_%dx%d%s", name, cols, rows, ascii ? "_ascii" : "");
        fixture_golden(&f, file);
        if (ascii)
            for (int cell = 0; cell < rows * cols; cell++)
                for (const char *p = f.canvas.cell[cell].cell.utf8; *p; p++)
                    assert_in_range((unsigned char)*p, 0x20, 0x7E);
        fixture_close(&f);
    }
}
#define KEYS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void the_table(void **state)
{
    (void)state;
    shows(NULL, "table");
}
static void the_table_with_the_cursor_on_a_denied_call(void **state)
{
    (void)state;
    shows(KEYS("Down Down"), "table_denied");
}
static void the_table_sorted_by_actor(void **state)
{
    (void)state;
    shows(KEYS("> > r"), "table_by_actor");
}
static void the_table_with_the_users_pane_below(void **state)
{
    (void)state;
    shows(KEYS("2"), "table_user");
}
static void the_table_with_the_record_below(void **state)
{
    (void)state;
    shows(KEYS("6"), "table_record");
}
static void the_table_with_a_filter(void **state)
{
    (void)state;
    shows(KEYS("/", "'result:denied", "Enter"), "table_filter");
}
static void a_filter_that_is_not_one(void **state)
{
    (void)state;
    shows(KEYS("/", "'risk:>=50 resul:denied"), "filter_error");
}
static void a_search_marks_its_hits(void **state)
{
    (void)state;
    shows(KEYS("C-f", "'svc", "Enter"), "table_search");
}
static void the_chooser_of_columns(void **state)
{
    (void)state;
    shows(KEYS("s"), "sort");
}
static void the_pane_of_a_user(void **state)
{
    (void)state;
    shows(KEYS("2 Enter"), "user");
}
static void the_pane_of_a_key(void **state)
{
    (void)state;
    shows(KEYS("Enter"), "key");
}
static void the_pane_of_a_key_that_replaced_another(void **state)
{
    (void)state;
    shows(KEYS("Down Down Down Down Enter"), "key_rotation");
}
static void the_pane_of_an_address(void **state)
{
    (void)state;
    shows(KEYS("4 Enter"), "address");
}
static void the_pane_of_an_agent(void **state)
{
    (void)state;
    shows(KEYS("5 Enter"), "agent");
}
static void a_record(void **state)
{
    (void)state;
    shows(KEYS("6 Enter"), "record");
}
static void a_record_folded_and_searched(void **state)
{
    (void)state;
    shows(KEYS("6 Enter - Down Down Down Down /", "'role"), "record_folded");
}
static void a_malformed_record(void **state)
{
    (void)state;
    shows(KEYS("End"), "malformed");
}
static void the_wall(void **state)
{
    (void)state;
    shows(KEYS("W"), "wall");
}
static void the_help(void **state)
{
    (void)state;
    shows(KEYS("?"), "help");
}
static void the_sources(void **state)
{
    (void)state;
    shows(KEYS("S"), "sources");
}

static void marked_rows(void **state)
{
    (void)state;
    shows(KEYS("Space Down Space"), "table_marked");
}
static void two_records(void **state)
{
    (void)state;
    shows(KEYS("Space Down Space d"), "diff");
}
static void two_records_whole(void **state)
{
    (void)state;
    shows(KEYS("Space Down Space d = Down Down"), "diff_all");
}

static void the_panes_at_the_side(void **state)
{
    (void)state;
    shows(KEYS("z", "z", "Down"), "table_side"); /* where it is wide enough */
}
static void the_chooser_of_what_is_shown(void **state)
{
    (void)state;
    shows(KEYS("C Down Space Down Down J Right Right"), "columns");
}
static void the_list_of_views(void **state)
{
    (void)state;
    shows(KEYS("/", "'result:denied", "Enter v s", "'refused", "Enter"), "views");
}

static void rows_by_user(void **state)
{
    (void)state;
    shows(KEYS("b", "Down"), "groups");
}
static void rows_by_rule_under_a_filter(void **state)
{
    (void)state;
    shows(KEYS("/", "'eve", "Enter b 8 s"), "groups_rule");
}
static void rows_by_hour(void **state)
{
    (void)state;
    shows(KEYS("b 0"), "groups_hour");
}
static void rows_of_one_group(void **state)
{
    (void)state;
    shows(KEYS("b", "Enter"), "group_open");
}
static void the_histogram(void **state)
{
    (void)state;
    shows(KEYS("H", "Esc"), "histogram");
}
static void a_range_in_the_histogram(void **state)
{
    (void)state;
    shows(KEYS("H", "Space", "Left", "Left", "Left"), "histogram_range");
}

static void an_empty_table(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, FIXTURE_NONE, 24, 80, false);
    fixture_golden(&f, "empty_80x24");
    fixture_close(&f);
}

static void screens_too_small_for_a_table(void **state)
{
    (void)state;
    static const int small[][2] = {{1, 1}, {1, 12}, {1, 40}, {2, 20}, {3, 10}, {4, 16}, {5, 30}, {7, 24}};
    struct fixture f;
    fixture_open(&f, FIXTURE_DAY, 1, 1, false);
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        char name[64];
        fixture_resize(&f, small[i][0], small[i][1]);
        snprintf(name, sizeof name, "small_%dx%d", small[i][1], small[i][0]);
        fixture_golden(&f, name);
    }
    fixture_close(&f);
}

static void what_people_made_of_rows(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * SIZES; i++) {
        struct fixture f;
        char file[128];
        fixture_open(&f, FIXTURE_DAY, sizes[i / 2][0], sizes[i / 2][1], i % 2);
        const char *const keys[] = {"a", "m", "'asked ann, it was the \xc3\xa4nderung", "Enter", "A", "'carol", "Enter",
                                    "Down Down", "t", "'ir-12 brute-force", "Enter", "Down", "a", "a", "u", "Up Up Up"};
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            fixture_keys(&f, keys[k]);
        struct kt_counts c;
        for (int n = 0; n < 5000; n++) { /* the engine tells the store */
            c = kt_store_counts(kt_engine_store(f.engine));
            if (c.triaged == 7)
                break;
            struct pollfd p = {.fd = kt_engine_fd(f.engine), .events = POLLIN};
            poll(&p, 1, 2);
            kt_app_news(f.app); /* else what was told once makes it spin */
        }
        assert_int_equal(c.triaged, 7);
        fixture_settle(&f);
        f.now += 60000; /* what the last key said is gone */
        snprintf(file, sizeof file, "triage_%dx%d%s", sizes[i / 2][1], sizes[i / 2][0], i % 2 ? "_ascii" : "");
        fixture_golden(&f, file);
        fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table),
        cmocka_unit_test(the_table_with_the_cursor_on_a_denied_call),
        cmocka_unit_test(the_table_sorted_by_actor),
        cmocka_unit_test(the_table_with_the_users_pane_below),
        cmocka_unit_test(the_table_with_the_record_below),
        cmocka_unit_test(the_table_with_a_filter),
        cmocka_unit_test(a_filter_that_is_not_one),
        cmocka_unit_test(a_search_marks_its_hits),
        cmocka_unit_test(the_chooser_of_columns),
        cmocka_unit_test(the_pane_of_a_user),
        cmocka_unit_test(the_pane_of_a_key),
        cmocka_unit_test(the_pane_of_a_key_that_replaced_another),
        cmocka_unit_test(the_pane_of_an_address),
        cmocka_unit_test(the_pane_of_an_agent),
        cmocka_unit_test(a_record),
        cmocka_unit_test(a_record_folded_and_searched),
        cmocka_unit_test(a_malformed_record),
        cmocka_unit_test(the_wall),
        cmocka_unit_test(the_help),
        cmocka_unit_test(the_sources),
        cmocka_unit_test(marked_rows),
        cmocka_unit_test(two_records),
        cmocka_unit_test(two_records_whole),
        cmocka_unit_test(the_panes_at_the_side),
        cmocka_unit_test(the_chooser_of_what_is_shown),
        cmocka_unit_test(the_list_of_views),
        cmocka_unit_test(rows_by_user),
        cmocka_unit_test(rows_by_rule_under_a_filter),
        cmocka_unit_test(rows_by_hour),
        cmocka_unit_test(rows_of_one_group),
        cmocka_unit_test(the_histogram),
        cmocka_unit_test(a_range_in_the_histogram),
        cmocka_unit_test(an_empty_table),
        cmocka_unit_test(screens_too_small_for_a_table),
        cmocka_unit_test(what_people_made_of_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
