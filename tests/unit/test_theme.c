/* theme: Base16 schemes, both forms; legible roles; the ladder of colours. */
#include "base/embedded.h"
#include "tui/theme.h"

#include <dirent.h>
#include <math.h>
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

/* As they are written by the people who make them: all these are one scheme. */
static void schemes_load_however_they_are_written(void **state)
{
    (void)state;
    static const struct {
        const char *head, *before, *slot, *after, *end; /* slot: of its number and colour */
    } ways[] = {
        {"scheme: \"Old\"\nauthor: \"Ann (http://example.com)\"\n", "", "base%02X: \"%06x\"", "", "\n"},
        {"scheme: 'Old'\nauthor: 'Ann'\n", "", "base%02X: '#%06X'", "", "\n"},
        {"scheme: Old\nauthor: Ann\n", "", "base%02x: %06X", "", "\n"},
        {"# a scheme\n---\nscheme: Ros\303\251 \346\234\210 # its name\nauthor: \303\211mile <e@example.com>\n", "", "base%02X: \"%06x\"",
         " # a tone", "\n"},
        {"\357\273\277scheme: \"Old\"\r\nauthor: \"Ann\"\r\n", "", "base%02X: \"%06x\"", "", "\r\n"},
        {"system: \"base16\"\nname: \"New\"\nslug: new\nauthor: \"Ann\"\nvariant: \"dark\"\npalette:\n", "  ", "base%02X: \"#%06x\"", "", "\n"},
        {"system: base24\nname: New\ndescription: |\n  Of two\n  lines\nvariant: light\npalette:\n", "    ", "base%02X: '%06x'", " ", "\n"},
        {"system: base16\nname: New\npalette: {", "", "base%02X: \"#%06X\", ", "", ""},
        {"license: MIT\ncolors: {a: b}\n", "", "base%02X:\t\" #%06x \"", "", "\n"},
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char yaml[4096];
        struct kt_theme t;
        struct kt_err e = {0};
        size_t n = (size_t)snprintf(yaml, sizeof yaml, "%s", ways[i].head);
        for (unsigned k = 0; k < 16; k++) {
            char slot[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(slot, sizeof slot, ways[i].slot, k, k * 0x0a0b0cu);
#pragma GCC diagnostic pop
            n += (size_t)snprintf(yaml + n, sizeof yaml - n, "%s%s%s%s", ways[i].before, slot, ways[i].after, ways[i].end);
        }
        snprintf(yaml + n, sizeof yaml - n, "%s", strchr(ways[i].head, '{') && !ways[i].end[0] ? "}\n" : "");
        if (parse(&t, yaml, &e) != KT_OK)
            fail_msg("way %zu: %s\n%s", i, e.text, yaml);
        for (unsigned k = 0; k < 16; k++)
            assert_int_equal(t.slot[k], k * 0x0a0b0c);
    }
    struct kt_theme t;
    struct kt_err e = {0};
    assert_int_equal(parse(&t, "base00: \"#123\"\n" SLOTS_FROM_1, &e), KT_OK);
    assert_int_equal(t.slot[0], 0x112233);
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
    assert_non_null(strstr(e.text, "keytop-contrast, keytop-dark, keytop-deuteranopia-light"));
    assert_int_not_equal(kt_theme_load(&t, "/nonexistent/x.yaml", &e), KT_OK);
}

static bool is_text(int role)
{
    return role != KT_ROLE_RULE && role != KT_ROLE_PLAIN; /* that one is the terminal's own affair */
}

/* In true colour and in 256. */
static void can_be_read(const struct kt_theme *t, const char *what)
{
    for (int r = 0; r < KT_ROLE_COUNT; r++) {
        struct kt_look l = t->role[r];
        if (!is_text(r))
            continue;
        int direct = kt_contrast(l.fg, l.bg);
        int indexed = kt_contrast(kt_rgb_of_256(kt_nearest_256(l.fg)), kt_rgb_of_256(kt_nearest_256(l.bg)));
        if (direct < 450 || indexed < 450)
            fail_msg("%s: %s: %06x on %06x stands at %d, %d of 256", what, kt_role_name((enum kt_role)r), (unsigned)l.fg,
                     (unsigned)l.bg, direct, indexed);
    }
}

/* Palettes that nobody would make, among them those of one colour alone, of
 * two, of greys, and of neighbours. */
static void any_sixteen_colours_can_be_read(void **state)
{
    (void)state;
    uint32_t seed = 20261128;
    for (int n = 0; n < 2000; n++) {
        char yaml[1024], what[32];
        size_t at = 0;
        uint32_t one = 0;
        for (int i = 0; i < 16; i++) {
            seed = seed * 1664525u + 1013904223u;
            uint32_t c = seed >> 8, grey = (seed >> 16) & 0xff;
            if (n % 8 == 1)
                c = grey * 0x010101;
            else if (n % 8 == 2)
                c = i ? one : c;
            else if (n % 8 == 3)
                c = i ? (one & 0xf0f0f0) | (c & 0x0f0f0f) : c;
            else if (n % 8 == 4)
                c = i % 2 ? 0xffffff : 0x000000;
            else if (n % 8 == 5)
                c = 0x606060 + (uint32_t)(n / 8 % 0x40) * 0x010101 + (i ? c & 0x070707 : 0);
            one = i ? one : c;
            at += (size_t)snprintf(yaml + at, sizeof yaml - at, "base%02X: \"%06X\"\n", (unsigned)i, (unsigned)c & 0xffffff);
        }
        struct kt_theme t;
        struct kt_err e = {0};
        snprintf(what, sizeof what, "palette %d", n);
        if (parse(&t, yaml, &e))
            fail_msg("%s", e.text);
        can_be_read(&t, what);
    }
}

/* How eyes without one kind of cone see it (Machado and others, 2009, of
 * severity 1), in linear light. */
static int32_t as_seen(int32_t c, const double m[9])
{
    double in[3] = {((c >> 16) & 0xff) / 255.0, ((c >> 8) & 0xff) / 255.0, (c & 0xff) / 255.0};
    int32_t out = 0;
    for (int i = 0; i < 3; i++)
        in[i] = pow(in[i], 2.2);
    for (int i = 0; i < 3; i++) {
        double v = m[3 * i] * in[0] + m[3 * i + 1] * in[1] + m[3 * i + 2] * in[2];
        v = pow(v < 0 ? 0 : v > 1 ? 1 : v, 1 / 2.2);
        out = out << 8 | (int32_t)(v * 255 + 0.5);
    }
    return out;
}

static double apart(int32_t a, int32_t b)
{
    double mean = (((a >> 16) & 0xff) + ((b >> 16) & 0xff)) / 2.0;
    double r = ((a >> 16) & 0xff) - ((b >> 16) & 0xff), g = ((a >> 8) & 0xff) - ((b >> 8) & 0xff), u = (a & 0xff) - (b & 0xff);
    return sqrt((2 + mean / 256) * r * r + 4 * g * g + (2 + (255 - mean) / 256) * u * u);
}

static void themes_for_other_eyes_keep_grave_and_well_apart_in_them(void **state)
{
    (void)state;
    static const struct {
        const char *theme;
        double m[9];
    } eyes[] = {
        {"keytop-protanopia", {0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998}},
        {"keytop-deuteranopia", {0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881}},
        {"keytop-deuteranopia-light", {0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881}},
        {"keytop-tritanopia", {1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900}},
    };
    static const int grave[] = {KT_ROLE_CRITICAL, KT_ROLE_HIGH, KT_ROLE_MEDIUM, KT_ROLE_BAD, KT_ROLE_WARN};
    for (size_t i = 0; i < sizeof eyes / sizeof *eyes; i++) {
        struct kt_theme t;
        struct kt_err e = {0};
        assert_int_equal(kt_theme_load(&t, eyes[i].theme, &e), KT_OK);
        int32_t ok = as_seen(t.role[KT_ROLE_OK].fg, eyes[i].m), text = as_seen(t.role[KT_ROLE_TEXT].fg, eyes[i].m);
        for (size_t g = 0; g < sizeof grave / sizeof *grave; g++) {
            int32_t c = as_seen(t.role[grave[g]].fg, eyes[i].m);
            if (apart(c, ok) < 90)
                fail_msg("%s: %s and ok are only %.0f apart", eyes[i].theme, kt_role_name((enum kt_role)grave[g]), apart(c, ok));
        }
        if (apart(as_seen(t.role[KT_ROLE_CRITICAL].fg, eyes[i].m), text) < 90)
            fail_msg("%s: critical and text are only %.0f apart", eyes[i].theme,
                     apart(as_seen(t.role[KT_ROLE_CRITICAL].fg, eyes[i].m), text));
    }
}

static void roles_can_be_given_another_look(void **state)
{
    (void)state;
    struct kt_theme t;
    struct kt_err e = {0};
    assert_int_equal(kt_theme_load(&t, KT_THEME_DEFAULT, &e), KT_OK);
    assert_int_equal(kt_theme_override(&t, "high", "base0B underline", &e), KT_OK);
    assert_int_equal(t.role[KT_ROLE_HIGH].fg, 0x8fc282);
    assert_true(t.role[KT_ROLE_HIGH].attr & KT_ATTR_UNDERLINE);
    assert_int_equal(kt_theme_override(&t, "selected", "#000000 on #FFCC00", &e), KT_OK);
    assert_int_equal(t.role[KT_ROLE_SELECTED].bg, 0xffcc00);
    assert_int_equal(kt_theme_override(&t, "critical", "base08 plain", &e), KT_OK);
    assert_int_equal(t.role[KT_ROLE_CRITICAL].attr, 0);
    assert_int_equal(kt_theme_override(&t, "dim", "#15181d", &e), KT_OK); /* as good as the background */
    can_be_read(&t, "a dim that cannot be read");
    struct kt_buf b;
    kt_buf_init(&b, 4096);
    assert_true(kt_theme_corrections(&t, &b));
    assert_non_null(strstr(kt_buf_str(&b), "dim 1.0 to "));
    kt_buf_free(&b);
    assert_int_equal(kt_theme_override(&t, "grave", "base08", &e), KT_ENOTFOUND);
    assert_non_null(strstr(e.text, "critical, high"));
    static const char *const bad[] = {"", "red", "base18", "base10", "base08 shiny", "base08 on", "#12345", "bold"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (kt_theme_override(&t, "high", bad[i], &e) != KT_EUSAGE)
            fail_msg("\"%s\" is taken", bad[i]);
}

static void slots_are_found_in_any_letters(void **state)
{
    (void)state;
    struct kt_theme t;
    struct kt_err e = {0};
    static const char yaml[] = "scheme: \"x\"\nauthor: y\nBASE00: \"181818\"\nbase01: '#282828'\nbase02: 383838\nbase03: 585858\n"
                               "base04: b8b8b8\nbase05: d8d8d8\nbase06: e8e8e8\nbase07: f8f8f8\nbase08: ab4642\nbase09: dc9656\n"
                               "base0a: f7ca88\nBase0B: A1B56C\nbase0c: 86c1b9\nbase0d: 7cafc2\nbase0e: ba8baf\nbase0f: a16946\n"
                               "base12: ff0000\n";
    assert_int_equal(parse(&t, yaml, &e), KT_OK);
    assert_int_equal(t.slot[0], 0x181818);
    assert_int_equal(t.slot[0xB], 0xa1b56c);
    assert_int_equal(t.slot[0x12], 0xff0000);
    assert_int_equal(t.slot[0x13], -1);
    assert_int_equal(kt_theme_override(&t, "critical", "base12", &e), KT_OK);
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
        int least = strncmp(name, "keytop-contrast", 15) == 0 ? 700 : 450;
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
    assert_true(seen >= 12);
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
        can_be_read(&t, f->d_name);
    }
    closedir(d);
    assert_true(n >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_older_flat_form_loads),
        cmocka_unit_test(the_newer_form_and_both_spellings_of_slots_load),
        cmocka_unit_test(schemes_load_however_they_are_written),
        cmocka_unit_test(a_bad_scheme_is_refused_with_its_place),
        cmocka_unit_test(an_unknown_theme_is_refused_with_the_names_there_are),
        cmocka_unit_test(every_text_role_of_our_own_themes_stands_out),
        cmocka_unit_test(without_colour_attributes_alone_tell_roles_apart),
        cmocka_unit_test(a_scheme_with_unreadable_comments_is_lifted),
        cmocka_unit_test(colours_are_mapped_to_the_nearest_there_is),
        cmocka_unit_test(any_sixteen_colours_can_be_read),
        cmocka_unit_test(themes_for_other_eyes_keep_grave_and_well_apart_in_them),
        cmocka_unit_test(roles_can_be_given_another_look),
        cmocka_unit_test(slots_are_found_in_any_letters),
        cmocka_unit_test(the_schemes_people_use_load_and_can_be_read),
    };
    return cmocka_run_group_tests_name("theme", tests, NULL, NULL);
}
