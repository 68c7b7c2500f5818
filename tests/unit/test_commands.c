/* commands: one table that cannot contradict itself; the prompt that edits. */
#include "tui/commands.h"

#include "base/buf.h"

#include "tui/canvas.h"
#include "tui/choices.h"
#include "tui/keymap.h"
#include "tui/prompt.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
        /* one without keys is the palette's, and no one would look for it in a prompt */
        assert_true(keys > 0 || !(info->contexts & KT_CTX_PROMPT));
        assert_true(keys > 0 || kt_command_find(info->name, strlen(info->name)) == (enum kt_command)i);
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
            kt_footer_draw(&c, 0, contexts[i], NULL);
        }
        if (cols == 40) {
            char text[400];
            size_t o = 0;
            kt_canvas_clear(&c);
            kt_footer_draw(&c, 0, KT_CTX_TABLE, NULL);
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
        char text[8];
        snprintf(text, sizeof text, "%d", i);
        kt_prompt_open(&p, i == 7 ? "search" : "filter", text);
        kt_prompt_remember(&p);
    }
    kt_prompt_open(&p, "filter", "20"); /* again: it is the newest, and there once */
    kt_prompt_remember(&p);
    kt_prompt_open(&p, "filter", "");
    kt_prompt_key(&p, (struct kt_key){KT_KEY_UP, 0}, false);
    assert_string_equal(p.text, "20");
    kt_prompt_key(&p, (struct kt_key){KT_KEY_UP, 0}, false);
    assert_string_equal(p.text, "54");
    kt_prompt_key(&p, (struct kt_key){KT_KEY_DOWN, 0}, false);
    assert_string_equal(p.text, "20");
    for (int i = 0; i < 100; i++)
        kt_prompt_key(&p, (struct kt_key){KT_KEY_UP, 0}, false);
    assert_string_equal(p.text, "5");
    kt_prompt_open(&p, "search", "");
    kt_prompt_key(&p, (struct kt_key){KT_KEY_UP, 0}, false);
    assert_string_equal(p.text, "7");
}

static enum kt_code configure(struct kt_keymap *m, struct kt_config *c, const char *yaml, struct kt_err *e)
{
    *e = (struct kt_err){0};
    enum kt_code rc = kt_config_parse(c, "c.yaml", yaml, strlen(yaml), e);
    kt_keymap_init(m);
    return rc ? rc : kt_keymap_configure(m, c, e);
}

static void keys_of_ones_own_take_the_place_of_the_usual_ones(void **state)
{
    struct kt_keymap m;
    struct kt_config c;
    struct kt_err e;
    (void)state;
    assert_int_equal(configure(&m, &c, "keys:\n  filter: [F4, '/']\n  pause: ö\n  copy: {record: [F5], pane: C-y}\n", &e), KT_OK);
    assert_int_equal(kt_keymap_command(&m, (struct kt_key){KT_KEY_FUNCTION, 4}, KT_CTX_TABLE, NULL), KT_CMD_FILTER);
    int nth = 0;
    assert_int_equal(kt_keymap_command(&m, KT_CHAR('/'), KT_CTX_TABLE, &nth), KT_CMD_FILTER);
    assert_int_equal(nth, 2);
    assert_int_equal(kt_keymap_command(&m, KT_CHAR(0xF6), KT_CTX_TABLE, NULL), KT_CMD_PAUSE);
    assert_int_equal(kt_keymap_command(&m, KT_CHAR('p'), KT_CTX_TABLE, NULL), KT_CMD_NONE);
    assert_int_equal(kt_keymap_command(&m, KT_CHAR('y'), KT_CTX_TABLE, NULL), KT_CMD_COPY);
    assert_int_equal(kt_keymap_command(&m, KT_CHAR('y'), KT_CTX_PANE, NULL), KT_CMD_NONE);
    assert_int_equal(kt_keymap_command(&m, KT_CHAR('Y' & 31), KT_CTX_PANE, NULL), KT_CMD_COPY);
    assert_string_equal(kt_keymap_keys(&m, KT_CMD_COPY, KT_CTX_RECORD), "F5");
    kt_keymap_free(&m);
    kt_config_free(&c);
    assert_int_equal(configure(&m, &c, "keys: {pause: []}", &e), KT_OK); /* by the palette alone */
    assert_string_equal(kt_keymap_keys(&m, KT_CMD_PAUSE, KT_CTX_TABLE), "");
    kt_keymap_free(&m);
    kt_config_free(&c);
}

static void what_is_wrong_with_keys_is_said_with_its_place(void **state)
{
    static const struct {
        const char *yaml, *says;
    } bad[] = {
        {"keys:\n  filtr: x\n", "c.yaml:2:3: keys: there is no command \"filtr\"; did you mean \"filter\"?"},
        {"keys:\n  frobnicate: x\n", "c.yaml:2:3: keys: there is no command \"frobnicate\""},
        {"keys:\n  filter: [F4, F13]\n", "c.yaml:2:16: keys: there is no key \"F13\""},
        {"keys:\n  filter: Entr\n", "c.yaml:2:11: keys: there is no key \"Entr\""},
        {"keys:\n  filter: [p]\n", "c.yaml:2:12: keys: p is \"pause\" in the table as well"},
        {"keys:\n  filter: x\n  pause: x\n", "keys: x is \""},
        {"keys:\n  filter: C-m\n", "c.yaml:2:11: keys: C-m is \"open\" in the table"},
        {"keys:\n  filter: C-c\n", "c.yaml:2:11: keys: C-c belongs to the terminal"},
        {"keys:\n  copy: {wall: x}\n", "keys: copy is not understood in \"wall\""},
        {"keys:\n  copy: {moon: x}\n", "keys: there is no place \"moon\""},
        {"keys:\n  erase: x\n", "c.yaml:2:10: keys: \"x\" is a letter to be written"},
        {"keys:\n  leave: []\n", "c.yaml:2:10: keys: leave needs a key"},
        {"keys:\n  filter: {table: {x: y}}\n", "c.yaml:2:19: a key (F5) or a list of keys"},
        {"keys: [a]\n", "c.yaml:1:7: keys is a map"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct kt_keymap m;
        struct kt_config c;
        struct kt_err e;
        assert_int_not_equal(configure(&m, &c, bad[i].yaml, &e), KT_OK);
        if (!strstr(e.text, bad[i].says))
            fail_msg("%s: \"%s\", not \"%s\"", bad[i].yaml, e.text, bad[i].says);
        assert_string_equal(kt_keymap_keys(&m, KT_CMD_FILTER, KT_CTX_TABLE), "/");
        kt_keymap_free(&m);
        kt_config_free(&c);
    }
}

static void the_best_match_comes_first(void **state)
{
    (void)state;
    assert_true(kt_fuzzy("filter", 6, "filter") > kt_fuzzy("filter", 6, "show-filtered"));
    assert_true(kt_fuzzy("ft", 2, "filter-to") > kt_fuzzy("ft", 2, "fold-until-end"));
    assert_true(kt_fuzzy("ft", 2, "filter-to") > kt_fuzzy("ft", 2, "shiftless"));
    assert_true(kt_fuzzy("SORT", 4, "sort-left") > 0);
    assert_int_equal(kt_fuzzy("xyz", 3, "filter"), 0);
    assert_int_equal(kt_fuzzy("rf", 2, "f"), 0);
    assert_true(kt_fuzzy("", 0, "filter") > 0);
}

/* --- keytop(1) ------------------------------------------------------------ */

static void add_plain(struct kt_buf *b, const char *text)
{
    for (; *text; text++)
        kt_buf_adds(b, *text == '\\' ? "\\e" : (char[]){*text, '\0'});
}

static void add_contexts(struct kt_buf *b, unsigned in)
{
    const char *between = "";
    for (unsigned bit = 1; bit <= KT_CTX_ALL; bit <<= 1) {
        if (!(in & bit))
            continue;
        kt_buf_addf(b, "%s%s", between, kt_context_name((enum kt_context)bit));
        between = ", ";
    }
}

static void man_section(struct kt_buf *b)
{
    for (int c = KT_CMD_NONE + 1; c < KT_CMD_COUNT; c++) {
        const struct kt_command_info *i = kt_command_info((enum kt_command)c);
        const char *arg = kt_command_argument((enum kt_command)c);
        kt_buf_addf(b, ".It Cm %s", i->name);
        if (arg[0] == '[')
            kt_buf_addf(b, " Op Ar %.*s", (int)strlen(arg) - 2, arg + 1);
        else if (arg[0])
            kt_buf_addf(b, " Ar %s", arg);
        kt_buf_adds(b, "\n\\&");
        add_plain(b, i->keys[0] ? i->keys : "no key");
        kt_buf_adds(b, " (");
        add_contexts(b, i->contexts);
        kt_buf_adds(b, "): ");
        add_plain(b, i->help);
        kt_buf_adds(b, i->contexts & KT_WRITES ? "; not with --read-only\n" : "\n");
    }
}

/* With UPDATE_MAN=1 the section is written anew. */
static void the_manual_has_every_command(void **state)
{
    static const char begin[] = ".\\\" commands: written by test_commands, UPDATE_MAN=1\n", end[] = ".\\\" end of commands\n";
    static char page[1 << 20];
    const char *root = getenv("KEYTOP_SOURCE");
    char path[512];
    struct kt_buf want;
    (void)state;
    snprintf(path, sizeof path, "%s/man/keytop.1", root ? root : ".");
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    page[fread(page, 1, sizeof page - 1, f)] = '\0';
    fclose(f);
    char *from = strstr(page, begin), *to = strstr(page, end);
    assert_true(from && to && from < to);
    from += strlen(begin);
    kt_buf_init(&want, 1 << 18);
    man_section(&want);
    assert_false(want.failed);
    bool same = (size_t)(to - from) == want.len && memcmp(from, want.p, want.len) == 0;
    if (!same && getenv("UPDATE_MAN")) {
        f = fopen(path, "wb");
        assert_non_null(f);
        assert_true(fwrite(page, 1, (size_t)(from - page), f) == (size_t)(from - page));
        assert_true(fwrite(want.p, 1, want.len, f) == want.len);
        assert_true(fputs(to, f) >= 0);
        assert_int_equal(fclose(f), 0);
    } else if (!same) {
        fail_msg("man/keytop.1 does not say of the commands what the table says: UPDATE_MAN=1 writes it anew");
    }
    kt_buf_free(&want);
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
        cmocka_unit_test(keys_of_ones_own_take_the_place_of_the_usual_ones),
        cmocka_unit_test(what_is_wrong_with_keys_is_said_with_its_place),
        cmocka_unit_test(the_best_match_comes_first),
        cmocka_unit_test(the_manual_has_every_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
