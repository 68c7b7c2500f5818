/* commands: one table that cannot contradict itself; the prompt that edits. */
#include "tui/commands.h"

#include "tui/canvas.h"
#include "tui/prompt.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const enum kt_context contexts[] = {KT_CTX_TABLE, KT_CTX_PANE, KT_CTX_RECORD,
                                           KT_CTX_LINES, KT_CTX_MENU, KT_CTX_PROMPT, KT_CTX_WALL,
                                           KT_CTX_DIFF,  KT_CTX_VIEWS, KT_CTX_COLUMNS, KT_CTX_GROUPS, KT_CTX_TIME};
enum { CONTEXTS = sizeof contexts / sizeof *contexts };

static void every_key_of_every_command_reaches_it_and_no_other(void **state)
{
    (void)state;
    for (int i = KT_CMD_NONE + 1; i < KT_CMD_COUNT; i++) {
        const struct kt_command_info *info = kt_command_info((enum kt_command)i);
        assert_non_null(info);
        assert_true(info->help[0] && info->name[0] && info->contexts);
        int keys = 0;
        struct kt_key k;
        char name[KT_KEY_NAME];
        for (const char *p = info->keys; *p; keys++) {
            assert_true(kt_key_next(&p, &k, name));
            for (int c = 0; c < CONTEXTS; c++)
                if (info->contexts & contexts[c] && kt_command_of(k, contexts[c]) != (enum kt_command)i)
                    fail_msg("%s of %s is another command too", name, info->name);
        }
        assert_true(keys > 0);
    }
    assert_null(kt_command_info(KT_CMD_NONE));
    assert_null(kt_command_info(KT_CMD_COUNT));
}

static void every_context_has_a_way_out(void **state)
{
    (void)state;
    for (int c = 0; c < CONTEXTS; c++) {
        enum kt_command esc = kt_command_of(KT_CHAR(27), contexts[c]);
        assert_int_not_equal(esc, KT_CMD_NONE);
    }
    assert_int_equal(kt_command_of(KT_CHAR('q'), KT_CTX_TABLE), KT_CMD_QUIT);
}

static void enter_and_backspace_are_known_in_all_their_spellings(void **state)
{
    (void)state;
    assert_int_equal(kt_command_of(KT_CHAR(10), KT_CTX_TABLE), KT_CMD_OPEN);
    assert_int_equal(kt_command_of(KT_CHAR(13), KT_CTX_TABLE), KT_CMD_OPEN);
    assert_int_equal(kt_command_of(KT_CHAR(127), KT_CTX_PANE), KT_CMD_BACK);
    assert_int_equal(kt_command_of(KT_CHAR(8), KT_CTX_PANE), KT_CMD_BACK);
    assert_int_equal(kt_command_of((struct kt_key){KT_KEY_FUNCTION, 1}, KT_CTX_TABLE), KT_CMD_HELP);
    assert_int_equal(kt_command_of((struct kt_key){KT_KEY_FUNCTION, 2}, KT_CTX_TABLE), KT_CMD_NONE);
    assert_int_equal(kt_command_of(KT_CHAR('Z'), KT_CTX_TABLE), KT_CMD_NONE);
}

static void the_footer_fits_and_keeps_what_matters_most(void **state)
{
    (void)state;
    for (int cols = 1; cols <= 200; cols++) {
        struct kt_canvas c;
        assert_true(kt_canvas_init(&c, 1, cols, cols % 2));
        for (int i = 0; i < CONTEXTS; i++) {
            kt_canvas_clear(&c);
            kt_footer_draw(&c, 0, contexts[i]);
        }
        if (cols == 40) {
            char text[400];
            size_t o = 0;
            kt_canvas_clear(&c);
            kt_footer_draw(&c, 0, KT_CTX_TABLE);
            for (int i = 0; i < cols; i++)
                for (const char *p = c.cell[i].cell.utf8; *p;)
                    text[o++] = *p++;
            text[o] = '\0';
            assert_non_null(strstr(text, "open"));
            assert_non_null(strstr(text, "? help"));
            assert_non_null(strstr(text, "/ filter"));
        }
        kt_canvas_free(&c);
    }
}

static void type(struct kt_prompt *p, const char *s)
{
    for (; *s; s++)
        kt_prompt_key(p, KT_CHAR(*s), false);
}

static void a_prompt_edits_letters_not_bytes(void **state)
{
    (void)state;
    static struct kt_prompt p;
    kt_prompt_open(&p, "filter", "ab");
    kt_prompt_key(&p, KT_CHAR(0xFC), false); /* u with dots: two bytes */
    assert_string_equal(p.text, "abü");
    kt_prompt_key(&p, (struct kt_key){KT_KEY_LEFT, 0}, false);
    type(&p, "x");
    assert_string_equal(p.text, "abxü");
    kt_prompt_key(&p, (struct kt_key){KT_KEY_DELETE, 0}, false);
    assert_string_equal(p.text, "abx");
    assert_int_equal(kt_prompt_key(&p, KT_CHAR(127), false), KT_PROMPT_CHANGED);
    assert_string_equal(p.text, "ab");
    type(&p, " one two");
    kt_prompt_key(&p, KT_CHAR('W' & 31), false);
    assert_string_equal(p.text, "ab one ");
    kt_prompt_key(&p, KT_CHAR('A' & 31), false);
    type(&p, "-");
    assert_string_equal(p.text, "-ab one ");
    kt_prompt_key(&p, KT_CHAR('U' & 31), false);
    assert_string_equal(p.text, "");
    assert_int_equal(kt_prompt_key(&p, KT_CHAR(127), false), KT_PROMPT_NOTHING);
    assert_int_equal(kt_prompt_key(&p, KT_CHAR(13), false), KT_PROMPT_ACCEPTED);
    assert_int_equal(kt_prompt_key(&p, KT_CHAR(27), false), KT_PROMPT_CANCELLED);
}

static void pasted_text_is_text_and_a_prompt_has_an_end(void **state)
{
    (void)state;
    static struct kt_prompt p;
    kt_prompt_open(&p, "filter", "");
    assert_int_equal(kt_prompt_key(&p, KT_CHAR('a'), true), KT_PROMPT_CHANGED);
    assert_int_equal(kt_prompt_key(&p, KT_CHAR(13), true), KT_PROMPT_CHANGED);
    assert_int_equal(kt_prompt_key(&p, KT_CHAR(27), true), KT_PROMPT_CHANGED);
    assert_string_equal(p.text, "a  ");
    for (int i = 0; i < 2 * KT_PROMPT_MAX; i++)
        kt_prompt_key(&p, KT_CHAR('x'), false);
    assert_int_equal(p.len, KT_PROMPT_MAX - 1);
}

static void up_recalls_what_was_written_before(void **state)
{
    (void)state;
    static struct kt_prompt p;
    for (int i = 0; i < KT_PROMPT_HISTORY + 5; i++) {
        char text[8] = {(char)('a' + i), '\0'};
        kt_prompt_open(&p, "filter", text);
        kt_prompt_remember(&p);
    }
    kt_prompt_open(&p, "filter", "");
    kt_prompt_key(&p, (struct kt_key){KT_KEY_UP, 0}, false);
    assert_string_equal(p.text, "y");
    kt_prompt_key(&p, (struct kt_key){KT_KEY_UP, 0}, false);
    assert_string_equal(p.text, "x");
    kt_prompt_key(&p, (struct kt_key){KT_KEY_DOWN, 0}, false);
    assert_string_equal(p.text, "y");
    for (int i = 0; i < 50; i++)
        kt_prompt_key(&p, (struct kt_key){KT_KEY_UP, 0}, false);
    assert_string_equal(p.text, "f");
}

int main(void)
{
    setlocale(LC_ALL, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_of_every_command_reaches_it_and_no_other),
        cmocka_unit_test(every_context_has_a_way_out),
        cmocka_unit_test(enter_and_backspace_are_known_in_all_their_spellings),
        cmocka_unit_test(the_footer_fits_and_keeps_what_matters_most),
        cmocka_unit_test(a_prompt_edits_letters_not_bytes),
        cmocka_unit_test(pasted_text_is_text_and_a_prompt_has_an_end),
        cmocka_unit_test(up_recalls_what_was_written_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
