/* The filter's prompt: what it offers, how many rows match, what is wrong and
 * where, and what was written before. */
#include "tests/support/app_fixture.h"
#include "tests/support/temp_dir.h"
#include "tui/screen.h"
#include "tui/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fixture f;

static void type(const char *text)
{
    char keys[200];
    snprintf(keys, sizeof keys, "'%s", text);
    fixture_keys(&f, keys);
}

static void fields_are_offered_as_one_types_and_tab_takes_them(void **state)
{
    (void)state;
    fixture_open(&f, FIXTURE_DAY, 40, 120, false);
    fixture_keys(&f, "/");
    type("tar");
    assert_true(fixture_shows(&f, "for whom (target.name)"));
    assert_string_equal(f.app->choices.item[0].show, "target");
    fixture_keys(&f, "Tab");
    assert_string_equal(f.app->prompt.text, "target:");
    fixture_keys(&f, "Tab");
    assert_string_equal(f.app->prompt.text, "target.name:");
    fixture_keys(&f, "S-Tab");
    assert_string_equal(f.app->prompt.text, "target:");
    fixture_keys(&f, "Down Down Up");
    assert_string_equal(f.app->prompt.text, "target.name:");
    fixture_keys(&f, "Esc");
    fixture_close(&f);
}

static void values_are_offered_with_the_rows_that_have_them(void **state)
{
    (void)state;
    fixture_open(&f, FIXTURE_DAY, 40, 120, false);
    fixture_keys(&f, "/");
    type("actor:");
    fixture_wait(&f, "eve");
    /* most rows first */
    assert_string_equal(f.app->choices.item[0].text, "eve");
    assert_string_equal(f.app->choices.item[0].note, "4 rows");
    type("al");
    assert_int_equal(f.app->choices.n, 1);
    fixture_keys(&f, "Tab");
    assert_string_equal(f.app->prompt.text, "actor:alice");
    assert_true(fixture_shows(&f, "1 of 10 rows"));
    type(" or result in (den");
    fixture_wait(&f, "denied  ");
    fixture_keys(&f, "Tab");
    type(")");
    assert_string_equal(f.app->prompt.text, "actor:alice or result in (denied)");
    assert_string_equal(f.app->prompt.error, "");
    fixture_keys(&f, "Enter");
    assert_null(f.app->prompt.label);
    assert_null(f.app->offer.view); /* nothing is counted for nobody */
    assert_true(fixture_shows(&f, "alice") && fixture_shows(&f, "denied") && !fixture_shows(&f, "terraform"));
    fixture_close(&f);
}

static void a_value_that_needs_quotes_gets_them(void **state)
{
    (void)state;
    fixture_open(&f, FIXTURE_DAY, 40, 120, false);
    fixture_keys(&f, "/");
    type("agent:");
    fixture_wait(&f, "row");
    type("boto");
    fixture_keys(&f, "Tab");
    assert_true(strncmp(f.app->prompt.text, "agent:\"Boto3", 12) == 0);
    assert_string_equal(f.app->prompt.error, "");
    fixture_keys(&f, "Esc");
    fixture_close(&f);
}

static void hostile_values_are_offered_harmlessly(void **state)
{
    (void)state;
    fixture_open(&f, FIXTURE_DAY, 40, 120, false);
    fixture_keys(&f, "/");
    type("tool:");
    fixture_wait(&f, "rows");
    type("evil");
    for (size_t i = 0; i < f.app->choices.n; i++) {
        fixture_keys(&f, "Tab");
        for (const char *p = f.app->prompt.text; *p; p++)
            assert_true((unsigned char)*p >= 0x20 && *p != 0x7F);
    }
    (void)fixture_screen(&f);
    fixture_close(&f);
}

static void an_error_has_its_place_and_the_nearest_name(void **state)
{
    (void)state;
    fixture_open(&f, FIXTURE_DAY, 24, 120, false);
    fixture_keys(&f, "/");
    type("risk>5 actr:x");
    assert_true(fixture_shows(&f, "did you mean actor?"));
    assert_int_equal(f.app->prompt.error_at, 7);
    fixture_keys(&f, "Enter"); /* it stays to be mended */
    assert_non_null(f.app->prompt.label);
    fixture_keys(&f, "Esc");
    fixture_close(&f);
}

static void what_was_written_is_there_the_next_time(void **state)
{
    struct temp_dir d;
    char path[512];
    (void)state;
    temp_dir_make(&d);
    snprintf(path, sizeof path, "%s/session", d.path);
    fixture_open(&f, FIXTURE_DAY, 24, 120, false);
    snprintf(f.app->session, sizeof f.app->session, "%s", path);
    fixture_keys(&f, "/");
    type("risk>50 or not actor:ci-*");
    fixture_keys(&f, "Enter");
    fixture_keys(&f, "C-f");
    type("alice");
    fixture_keys(&f, "Enter");
    assert_true(kt_session_save(f.app));
    fixture_close(&f);
    fixture_open(&f, FIXTURE_DAY, 24, 120, false);
    snprintf(f.app->session, sizeof f.app->session, "%s", path);
    kt_session_load(f.app);
    fixture_keys(&f, "/ C-u Up");
    assert_string_equal(f.app->prompt.text, "risk>50 or not actor:ci-*");
    fixture_keys(&f, "Up");
    assert_string_equal(f.app->prompt.text, "risk>50 or not actor:ci-*"); /* what was searched is another prompt's */
    fixture_keys(&f, "Esc");
    f.app->session[0] = '\0';
    fixture_close(&f);
    temp_dir_remove(&d);
}

static void the_prompt_on_several_screens(void **state)
{
    static const int size[][2] = {{24, 80}, {40, 120}, {10, 40}, {50, 200}};
    (void)state;
    for (int i = 0; i < 8; i++) {
        char name[60];
        fixture_open(&f, FIXTURE_DAY, size[i / 2][0], size[i / 2][1], i % 2);
        fixture_keys(&f, "/");
        type("risk>=20 and actor:");
        fixture_settle(&f);
        snprintf(name, sizeof name, "prompt_%dx%d%s", size[i / 2][1], size[i / 2][0], i % 2 ? "_ascii" : "");
        fixture_golden(&f, name);
        if (i < 2) {
            fixture_keys(&f, "Tab C-u");
            type("risk>=20 and (actr:x");
            snprintf(name, sizeof name, "prompt_error_80x24%s", i % 2 ? "_ascii" : "");
            fixture_golden(&f, name);
        }
        fixture_keys(&f, "Esc");
        fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_offered_as_one_types_and_tab_takes_them),
        cmocka_unit_test(values_are_offered_with_the_rows_that_have_them),
        cmocka_unit_test(a_value_that_needs_quotes_gets_them),
        cmocka_unit_test(hostile_values_are_offered_harmlessly),
        cmocka_unit_test(an_error_has_its_place_and_the_nearest_name),
        cmocka_unit_test(what_was_written_is_there_the_next_time),
        cmocka_unit_test(the_prompt_on_several_screens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
