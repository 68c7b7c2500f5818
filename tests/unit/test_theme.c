/* theme: Base16 schemes, both forms; legible roles; the ladder of colours. */
#include "base/embedded.h"
#include "tui/theme.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SLOTS_FROM_1                                                                                              \
    "base01: 111111\nbase02: 222222\nbase03: 808080\nbase04: 999999\nbase05: cccccc\nbase06: dddddd\nbase07: "    \
    "ffffff\nbase08: ff0000\nbase09: ff8800\nbase0A: ffff00\nbase0B: 00ff00\nbase0C: 00ffff\nbase0D: 8888ff\n"    \
    "base0E: ff00ff\nbase0F: 884400\n"

static enum kt_code parse(struct kt_theme *t, const char *yaml, struct kt_err *e)
{
    return kt_theme_parse(t, "scheme.yaml", yaml, strlen(yaml), e);
}

static void the_older_flat_form_loads(void **state)
{
    (void)state;
    struct kt_theme t;
    struct kt_err e = {0};
    assert_int_equal(parse(&t, "scheme: old\nauthor: us\nbase00: 000000\n" SLOTS_FROM_1, &e), KT_OK);
    assert_int_equal(t.role[KT_ROLE_TEXT].fg, 0xcccccc);
    assert_int_equal(t.role[KT_ROLE_TEXT].bg, 0x000000);
    assert_int_equal(t.role[KT_ROLE_HIGH].fg, 0xff8800);
    assert_string_equal(t.name, "scheme");
}

static void the_newer_form_and_both_spellings_of_slots_load(void **state)
{
    (void)state;
    struct kt_theme t;
    struct kt_err e = {0};
    static const char yaml[] =
        "system: base24\nname: x\npalette:\n  base00: \"#000000\"\n  base01: \"#111111\"\n  base02: \"#222222\"\n"
        "  base03: \"#808080\"\n  base04: \"#999999\"\n  base05: \"#CCCCCC\"\n  base06: \"#dddddd\"\n"
        "  base07: \"#ffffff\"\n  base08: \"#ff0000\"\n  base09: \"#ff8800\"\n  base0a: \"#ffff00\"\n"
        "  base0b: \"#00ff00\"\n  base0c: \"#00ffff\"\n  base0d: \"#8888ff\"\n  base0e: \"#ff00ff\"\n"
        "  base0f: \"#884400\"\n  base10: \"#000000\"\n  base17: \"#ffffff\"\n";
    assert_int_equal(parse(&t, yaml, &e), KT_OK);
    assert_int_equal(t.role[KT_ROLE_MEDIUM].fg, 0xffff00);
    assert_int_equal(t.role[KT_ROLE_TEXT].fg, 0xcccccc);
}

static void a_bad_scheme_is_refused_with_its_place(void **state)
{
    (void)state;
    struct kt_theme t;
    struct kt_err e = {0};
    assert_int_equal(parse(&t, SLOTS_FROM_1, &e), KT_EFORMAT);
    assert_non_null(strstr(e.text, "base00 is missing"));
    assert_int_equal(parse(&t, "base00: 00000g\n" SLOTS_FROM_1, &e), KT_EFORMAT);
    assert_non_null(strstr(e.text, "scheme.yaml:1:9: base00 must be a colour"));
    assert_int_equal(parse(&t, "base00: #000000\n" SLOTS_FROM_1, &e), KT_EFORMAT); /* YAML takes that as a comment */
    assert_int_equal(parse(&t, "palette: 7\nbase00: 000000\n" SLOTS_FROM_1, &e), KT_EFORMAT);
    assert_int_equal(parse(&t, "- 1\n", &e), KT_EFORMAT);
    assert_int_equal(parse(&t, "", &e), KT_EFORMAT);
}

static void an_unknown_theme_is_refused_with_the_names_there_are(void **state)
{
    (void)state;
    struct kt_theme t;
    struct kt_err e = {0};
    assert_int_equal(kt_theme_load(&t, "keytop-drak", &e), KT_ENOTFOUND);
    assert_non_null(strstr(e.text, "keytop-contrast, keytop-dark, keytop-light"));
    assert_int_not_equal(kt_theme_load(&t, "/nonexistent/x.yaml", &e), KT_OK);
}

static bool is_text(int role)
{
    return role != KT_ROLE_RULE && role != KT_ROLE_PLAIN; /* that one is the terminal's own affair */
}

/* On true colour and on 256, where both sides move to the nearest entry. */
static void every_text_role_of_our_own_themes_stands_out(void **state)
{
    (void)state;
    int seen = 0;
    for (const struct kt_embedded *b = kt_themes_builtin; b->name; b++, seen++) {
        struct kt_theme t;
        struct kt_err e = {0};
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(b->name, "."), b->name);
        assert_int_equal(kt_theme_load(&t, name, &e), KT_OK);
        assert_string_equal(t.name, name);
        int least = strcmp(name, "keytop-contrast") == 0 ? 700 : 450;
        for (int r = 0; r < KT_ROLE_COUNT; r++) {
            struct kt_look l = t.role[r];
            if (r == KT_ROLE_PLAIN)
                continue; /* the terminal's own */
            assert_in_range(l.fg, 0, 0xffffff);
            assert_in_range(l.bg, 0, 0xffffff);
            int direct = kt_contrast(l.fg, l.bg);
            int indexed = kt_contrast(kt_rgb_of_256(kt_nearest_256(l.fg)), kt_rgb_of_256(kt_nearest_256(l.bg)));
            if (is_text(r) && (direct < least || indexed < least))
                fail_msg("%s: role %d stands at %d, %d of 256", name, r, direct, indexed);
        }
        assert_int_not_equal(kt_nearest_256(t.role[KT_ROLE_SELECTED].bg), kt_nearest_256(t.role[KT_ROLE_TEXT].bg));
        assert_int_not_equal(kt_nearest_256(t.role[KT_ROLE_DIM].fg), kt_nearest_256(t.role[KT_ROLE_TEXT].fg));
        assert_int_not_equal(t.role[KT_ROLE_HIGH].fg, t.role[KT_ROLE_TEXT].fg);
    }
    assert_int_equal(seen, 3);
}

static void without_colour_attributes_alone_tell_roles_apart(void **state)
{
    (void)state;
    struct kt_theme t;
    struct kt_err e = {0};
    assert_int_equal(kt_theme_load(&t, KT_THEME_DEFAULT, &e), KT_OK);
    kt_theme_mono(&t);
    for (int r = 0; r < KT_ROLE_COUNT; r++) {
        assert_int_equal(t.role[r].fg, -1);
        assert_int_equal(t.role[r].bg, -1);
        assert_int_equal(t.role[r].attr & KT_ATTR_DIM, 0); /* many terminals paint dim as grey */
    }
    assert_true(t.role[KT_ROLE_SELECTED].attr & KT_ATTR_REVERSE);
    assert_true(t.role[KT_ROLE_HIGH].attr & KT_ATTR_BOLD);
    assert_int_equal(t.role[KT_ROLE_TEXT].attr, 0);
}

static void a_scheme_with_unreadable_comments_is_lifted(void **state)
{
    (void)state;
    struct kt_theme t;
    struct kt_err e = {0};
    static const char yaml[] = "base00: 002b36\nbase01: 073642\nbase02: 586e75\nbase03: 304048\nbase04: 839496\n"
                               "base05: c0c8c8\nbase06: eee8d5\nbase07: fdf6e3\nbase08: dc322f\nbase09: cb4b16\n"
                               "base0A: b58900\nbase0B: 859900\nbase0C: 2aa198\nbase0D: 268bd2\nbase0E: 6c71c4\n"
                               "base0F: d33682\n";
    assert_int_equal(parse(&t, yaml, &e), KT_OK);
    for (int r = 0; r < KT_ROLE_COUNT; r++)
        if (is_text(r))
            assert_true(kt_contrast(t.role[r].fg, t.role[r].bg) >= 450);
}

static void colours_are_mapped_to_the_nearest_there_is(void **state)
{
    (void)state;
    assert_int_equal(kt_nearest_256(0x000000), 16);
    assert_int_equal(kt_nearest_256(0xffffff), 231);
    assert_int_equal(kt_nearest_256(0xff0000), 196);
    assert_int_equal(kt_nearest_256(0x121212), 233);
    for (int i = 16; i < 256; i++)
        assert_int_equal(kt_rgb_of_256(kt_nearest_256(kt_rgb_of_256(i))), kt_rgb_of_256(i));
    assert_int_equal(kt_nearest_basic(0x000000, 8), 0);
    assert_int_equal(kt_nearest_basic(0xffffff, 8), 7);
    assert_int_equal(kt_nearest_basic(0xffffff, 16), 15);
    assert_int_equal(kt_nearest_basic(0xff6f61, 8), 1);  /* pastel red is still red */
    assert_int_equal(kt_nearest_basic(0xff6f61, 16), 9);
    assert_int_equal(kt_nearest_basic(0x8ab6e6, 8) & 4, 4);
    assert_int_equal(kt_nearest_basic(0x2d6a1f, 8), 2);
    assert_true(kt_is_grey(0x8b95a3));
    assert_false(kt_is_grey(0xe5c07b));
    assert_int_equal(kt_contrast(0x000000, 0xffffff), 2100);
    assert_int_equal(kt_contrast(0x777777, 0x777777), 100);
}

static void the_schemes_people_use_load_and_can_be_read(void **state)
{
    (void)state;
    char dir[4096];
    const char *root = getenv("KEYTOP_SOURCE");
    snprintf(dir, sizeof dir, "%s/../shared/data/base16", root ? root : ".");
    DIR *d = opendir(dir);
    if (!d) {
        printf("SKIP: no folder of Base16 schemes at %s\n", dir);
        skip();
    }
    int n = 0;
    for (struct dirent *f; (f = readdir(d));) {
        const char *dot = strrchr(f->d_name, '.');
        if (!dot || (strcmp(dot, ".yaml") && strcmp(dot, ".yml")))
            continue;
        char path[8192];
        snprintf(path, sizeof path, "%s/%s", dir, f->d_name);
        struct kt_theme t;
        struct kt_err e = {0};
        if (kt_theme_load(&t, path, &e))
            fail_msg("%s", e.text);
        n++;
        for (int r = 0; r < KT_ROLE_COUNT; r++)
            if (is_text(r) && kt_contrast(t.role[r].fg, t.role[r].bg) < 400)
                fail_msg("%s: role %d: %06x on %06x", f->d_name, r, (unsigned)t.role[r].fg, (unsigned)t.role[r].bg);
    }
    closedir(d);
    assert_true(n >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_older_flat_form_loads),
        cmocka_unit_test(the_newer_form_and_both_spellings_of_slots_load),
        cmocka_unit_test(a_bad_scheme_is_refused_with_its_place),
        cmocka_unit_test(an_unknown_theme_is_refused_with_the_names_there_are),
        cmocka_unit_test(every_text_role_of_our_own_themes_stands_out),
        cmocka_unit_test(without_colour_attributes_alone_tell_roles_apart),
        cmocka_unit_test(a_scheme_with_unreadable_comments_is_lifted),
        cmocka_unit_test(colours_are_mapped_to_the_nearest_there_is),
        cmocka_unit_test(the_schemes_people_use_load_and_can_be_read),
    };
    return cmocka_run_group_tests_name("theme", tests, NULL, NULL);
}
