/* The palette: every command by its name, with what it acts on. */
#include "tests/support/app_fixture.h"
#include "tui/screen.h"
#include "tui/themes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void every_command_is_offered_and_found_by_its_name(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, FIXTURE_DAY, 40, 200, false);
    for (int c = KT_CMD_NONE + 1; c < KT_CMD_COUNT; c++) {
        const struct kt_command_info *i = kt_command_info((enum kt_command)c);
        char keys[64];
        snprintf(keys, sizeof keys, "'%s", i->name);
        fixture_keys(&f, ":");
        bool there = false;
        for (size_t k = 0; k < f.app->choices.n; k++)
            there |= f.app->choices.item[k].id == c;
        if (!there)
            fail_msg("%s is not in the palette", i->name);
        fixture_keys(&f, keys);
        if (strncmp(f.app->choices.item[0].text, i->name, strlen(i->name)) != 0)
            fail_msg("%s is not the best match of itself, but %s", i->name, f.app->choices.item[0].text);
        if (!fixture_shows(&f, i->name))
            fail_msg("%s is not shown", i->name);
        fixture_keys(&f, "Esc");
        assert_null(f.app->prompt.label);
    }
    fixture_close(&f);
}

static void the_help_names_every_command(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, FIXTURE_DAY, 260, 200, false);
    fixture_keys(&f, "?");
    for (int c = KT_CMD_NONE + 1; c < KT_CMD_COUNT; c++) {
        const char *name = kt_command_info((enum kt_command)c)->name;
        if (!fixture_shows(&f, name))
            fail_msg("%s is not in the help", name);
    }
    fixture_close(&f);
}

static void enter_does_the_best_match_and_tab_completes_it(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, FIXTURE_DAY, 24, 120, false);
    fixture_keys(&f, ":");
    fixture_keys(&f, "'pau");
    fixture_keys(&f, "Enter");
    assert_true(fixture_shows(&f, "PAUSED"));
    fixture_keys(&f, ":");
    fixture_keys(&f, "'filt");
    fixture_keys(&f, "Tab");
    assert_string_equal(f.app->prompt.text, "filter ");
    fixture_keys(&f, "'actor:alice");
    fixture_keys(&f, "Enter");
    assert_null(f.app->prompt.label);
    assert_true(fixture_shows(&f, "actor:alice"));
    fixture_keys(&f, ":");
    fixture_keys(&f, "'sort tar");
    assert_true(fixture_shows(&f, "target.name"));
    fixture_keys(&f, "Tab Enter");
    bool ascending;
    assert_int_equal(kt_table_sort(f.app->table, &ascending), KT_FIELD_TARGET_NAME);
    fixture_close(&f);
}

static void say(struct fixture *f, const char *text)
{
    char keys[120];
    snprintf(keys, sizeof keys, "'%s", text);
    fixture_keys(f, ":");
    fixture_keys(f, keys);
}

static void commands_take_what_they_act_on(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, FIXTURE_DAY, 30, 120, false);
    say(&f, "theme keytop-li");
    assert_true(fixture_shows(&f, "keytop-light"));
    fixture_keys(&f, "Tab Enter");
    assert_string_equal(f.app->themes.name, "keytop-light");
    say(&f, "theme nosuchtheme");
    fixture_keys(&f, "Enter");
    assert_true(fixture_shows(&f, "the theme stays as it was"));
    assert_string_equal(f.app->themes.name, "keytop-light");
    say(&f, "groups acc");
    fixture_keys(&f, "Tab Enter");
    assert_int_equal(f.app->top->ops->context, KT_CTX_GROUPS);
    say(&f, "group 1");
    fixture_keys(&f, "Enter");
    assert_true(fixture_shows(&f, "alice"));
    say(&f, "columns time,actor");
    fixture_keys(&f, "Enter");
    assert_ptr_equal(f.app->top, f.app->table);
    assert_true(fixture_shows(&f, "TIME") && fixture_shows(&f, "ACTOR") && !fixture_shows(&f, "WHY"));
    say(&f, "columns nosuch");
    fixture_keys(&f, "Enter");
    assert_true(fixture_shows(&f, "nosuch"));
    say(&f, "views nosuchview");
    fixture_keys(&f, "Enter");
    assert_true(fixture_shows(&f, "no view is called that"));
    say(&f, "views 0");
    fixture_keys(&f, "Enter");
    assert_true(fixture_shows(&f, "WHY"));
    fixture_close(&f);
}

static void what_cannot_be_done_is_said(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, FIXTURE_DAY, 24, 120, false);
    fixture_keys(&f, ":");
    fixture_keys(&f, "'zzzz");
    fixture_keys(&f, "Enter");
    assert_true(fixture_shows(&f, "no command has this name"));
    fixture_keys(&f, "C-u");
    fixture_keys(&f, "'pause now");
    fixture_keys(&f, "Enter");
    assert_true(fixture_shows(&f, "pause takes nothing behind it"));
    fixture_keys(&f, "C-u");
    fixture_keys(&f, "'goto");
    fixture_keys(&f, "Enter");
    assert_string_equal(f.app->prompt.text, "goto ");
    fixture_keys(&f, "Enter");
    assert_true(fixture_shows(&f, "TIME is missing here"));
    fixture_keys(&f, "'tomorrow");
    fixture_keys(&f, "Enter");
    assert_true(fixture_shows(&f, "not a time"));
    fixture_keys(&f, ":");
    fixture_keys(&f, "'filter nosuch:1");
    fixture_keys(&f, "Enter");
    assert_true(fixture_shows(&f, "no field has this name"));
    fixture_keys(&f, ":");
    fixture_keys(&f, "'tab 9");
    fixture_keys(&f, "Enter");
    assert_true(fixture_shows(&f, "a number from 1 to 6"));
    fixture_close(&f);
}

static void a_commands_way_leads_to_the_table(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, FIXTURE_DAY, 24, 120, false);
    fixture_keys(&f, "Enter");
    assert_ptr_not_equal(f.app->top, f.app->table);
    fixture_keys(&f, ":");
    fixture_keys(&f, "'filter actor:eve");
    fixture_keys(&f, "Enter");
    assert_ptr_equal(f.app->top, f.app->table);
    assert_true(fixture_shows(&f, "actor:eve"));
    fixture_keys(&f, ":");
    fixture_keys(&f, "'fold-all"); /* of a record */
    fixture_keys(&f, "Enter");
    assert_true(fixture_shows(&f, "fold-all is not understood here"));
    fixture_close(&f);
}

static void goto_finds_a_time(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, FIXTURE_MANY, 24, 120, false);
    fixture_keys(&f, ":");
    fixture_keys(&f, "'goto 2026-11-22T20:00:00Z");
    fixture_keys(&f, "Enter");
    if (!strstr(fixture_selected(&f), "20:00:00"))
        fail_msg("it went to %s", fixture_selected(&f));
    fixture_close(&f);
}

static void the_palette_on_small_and_large_screens(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, FIXTURE_DAY, 24, 80, false);
    fixture_keys(&f, ":");
    fixture_golden(&f, "palette_80x24");
    fixture_keys(&f, "'so");
    fixture_golden(&f, "palette_so_80x24");
    fixture_resize(&f, 10, 40);
    fixture_golden(&f, "palette_so_40x10");
    fixture_close(&f);
    fixture_open(&f, FIXTURE_DAY, 43, 132, true);
    fixture_keys(&f, ":");
    fixture_golden(&f, "palette_132x43_ascii");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_is_offered_and_found_by_its_name),
        cmocka_unit_test(the_help_names_every_command),
        cmocka_unit_test(enter_does_the_best_match_and_tab_completes_it),
        cmocka_unit_test(commands_take_what_they_act_on),
        cmocka_unit_test(what_cannot_be_done_is_said),
        cmocka_unit_test(a_commands_way_leads_to_the_table),
        cmocka_unit_test(goto_finds_a_time),
        cmocka_unit_test(the_palette_on_small_and_large_screens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
