#include "theme.h"

#include "base/embedded.h"
#include "base/yaml.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLOTS = 16, READABLE = 450 };

/* --- colours ------------------------------------------------------------- */

static int red(int32_t c) { return (c >> 16) & 0xff; }
static int green(int32_t c) { return (c >> 8) & 0xff; }
static int blue(int32_t c) { return c & 0xff; }
static int32_t rgb_of(int r, int g, int b) { return (int32_t)((r << 16) | (g << 8) | b); }

/* Distance as the eye has it, roughly: "redmean", cheap and good enough to
 * choose among fixed colours. */
static long distance(int32_t a, int32_t b)
{
    long mean = (red(a) + red(b)) / 2;
    long dr = red(a) - red(b), dg = green(a) - green(b), db = blue(a) - blue(b);
    return (((512 + mean) * dr * dr) >> 8) + 4 * dg * dg + (((767 - mean) * db * db) >> 8);
}

static const int32_t basic[16] = {0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5,
                                  0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff};
static const int cube[6] = {0, 95, 135, 175, 215, 255};

int32_t kt_rgb_of_256(int i)
{
    if (i < 0 || i > 255)
        return -1;
    if (i < 16)
        return basic[i];
    if (i < 232)
        return rgb_of(cube[(i - 16) / 36], cube[(i - 16) / 6 % 6], cube[(i - 16) % 6]);
    int grey = 8 + (i - 232) * 10;
    return rgb_of(grey, grey, grey);
}

int kt_nearest_256(int32_t rgb)
{
    int best = 16;
    long least = LONG_MAX;
    for (int i = 16; i < 256; i++) {
        long d = distance(rgb, kt_rgb_of_256(i));
        if (d < least) {
            least = d;
            best = i;
        }
    }
    return best;
}

bool kt_is_grey(int32_t c)
{
    int most = red(c), least = red(c);
    most = green(c) > most ? green(c) : most;
    most = blue(c) > most ? blue(c) : most;
    least = green(c) < least ? green(c) : least;
    least = blue(c) < least ? blue(c) : least;
    return most - least < 40;
}

/* Hues keep their hue: a pastel red is red on eight colours, not white. So
 * each channel is asked whether it is nearer to the strongest or to the
 * weakest one. */
int kt_nearest_basic(int32_t c, int colors)
{
    int r = red(c), g = green(c), b = blue(c), most = r > g ? r : g, least = r < g ? r : g, index = 0;
    most = b > most ? b : most;
    least = b < least ? b : least;
    if (kt_is_grey(c)) {
        static const int greys[4] = {0, 8, 7, 15}, bounds[3] = {64, 160, 242};
        int k = 0;
        while (k < 3 && most >= bounds[k])
            k++;
        return colors >= 16 ? greys[k] : (most >= 96 ? 7 : 0);
    }
    int middle = least + (most - least) * 55 / 100;
    index = (r > middle ? 1 : 0) | (g > middle ? 2 : 0) | (b > middle ? 4 : 0);
    return colors >= 16 && most >= 230 ? index + 8 : index;
}

static double linear(int channel)
{
    double v = channel / 255.0;
    return v <= 0.03928 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static double luminance(int32_t c)
{
    return 0.2126 * linear(red(c)) + 0.7152 * linear(green(c)) + 0.0722 * linear(blue(c));
}

int kt_contrast(int32_t a, int32_t b)
{
    double la = luminance(a), lb = luminance(b);
    return (int)(100 * ((la > lb ? la : lb) + 0.05) / ((la > lb ? lb : la) + 0.05));
}

/* `a` for step 0, `b` for step 8. */
static int32_t mix(int32_t a, int32_t b, int step)
{
    return rgb_of(red(a) + (red(b) - red(a)) * step / 8, green(a) + (green(b) - green(a)) * step / 8,
                  blue(a) + (blue(b) - blue(a)) * step / 8);
}

/* `c`, moved towards `text` until it can be read on `ground`. */
static int32_t readable(int32_t c, int32_t text, int32_t ground)
{
    for (int step = 0; step < 8; step++) {
        int32_t m = mix(c, text, step);
        if (kt_contrast(m, ground) >= READABLE && kt_contrast(kt_rgb_of_256(kt_nearest_256(m)),
                                                              kt_rgb_of_256(kt_nearest_256(ground))) >= READABLE)
            return m;
    }
    return text;
}

/* --- roles --------------------------------------------------------------- */

/* Foreground slot, what else the role has, and what it has without colour. */
static const struct {
    uint8_t slot, attr, mono;
} plan[KT_ROLE_COUNT] = {
    [KT_ROLE_TEXT] = {0x5, 0, 0},
    [KT_ROLE_DIM] = {0x3, 0, 0},
    [KT_ROLE_BRIGHT] = {0x7, 0, KT_ATTR_BOLD}, /* bold costs some 40 bytes a live row beside its colour */
    [KT_ROLE_TITLE] = {0x6, KT_ATTR_BOLD, KT_ATTR_BOLD},
    [KT_ROLE_HEADER] = {0x4, 0, KT_ATTR_UNDERLINE},
    [KT_ROLE_RULE] = {0x3, 0, 0},
    [KT_ROLE_SELECTED] = {0x7, 0, KT_ATTR_REVERSE},
    [KT_ROLE_CRITICAL] = {0x8, KT_ATTR_BOLD, KT_ATTR_BOLD | KT_ATTR_UNDERLINE},
    [KT_ROLE_HIGH] = {0x9, KT_ATTR_BOLD, KT_ATTR_BOLD},
    [KT_ROLE_MEDIUM] = {0xA, 0, 0},
    [KT_ROLE_LOW] = {0x3, 0, 0},
    [KT_ROLE_OK] = {0xB, 0, 0},
    [KT_ROLE_WARN] = {0xA, KT_ATTR_BOLD, KT_ATTR_BOLD},
    [KT_ROLE_BAD] = {0x8, KT_ATTR_BOLD, KT_ATTR_BOLD | KT_ATTR_UNDERLINE},
    [KT_ROLE_MARK] = {0xE, 0, 0},
    [KT_ROLE_MATCH] = {0x0, 0, KT_ATTR_REVERSE},
    [KT_ROLE_KEYCAP] = {0xD, KT_ATTR_BOLD, KT_ATTR_BOLD},
    [KT_ROLE_PROMPT] = {0x7, KT_ATTR_BOLD, KT_ATTR_BOLD},
    [KT_ROLE_SPARK] = {0x4, 0, 0},
    [KT_ROLE_LINK] = {0xD, 0, 0},
};

static void fill_roles(struct kt_theme *t, const int32_t base[SLOTS])
{
    int32_t ground = base[0], text = base[5];
    if (kt_contrast(text, ground) < READABLE)
        text = kt_contrast(base[7], ground) > kt_contrast(text, ground) ? base[7] : text;
    for (int r = 0; r < KT_ROLE_COUNT; r++)
        t->role[r] = (struct kt_look){readable(base[plan[r].slot], text, ground), ground, plan[r].attr};
    /* lines are no text: half way between the background and what is dim */
    t->role[KT_ROLE_RULE].fg = mix(ground, t->role[KT_ROLE_DIM].fg, 5);
    /* base02 is a scheme's selection; where its text cannot be read on it, the plain colours change places */
    struct kt_look *selected = &t->role[KT_ROLE_SELECTED];
    int32_t bright = kt_contrast(base[7], base[2]) > kt_contrast(text, base[2]) ? base[7] : text;
    if (kt_contrast(bright, base[2]) >= READABLE)
        *selected = (struct kt_look){bright, base[2], selected->attr};
    else
        *selected = (struct kt_look){ground, text, selected->attr};
    t->role[KT_ROLE_MATCH] = (struct kt_look){ground, readable(base[0xA], text, ground), plan[KT_ROLE_MATCH].attr};
    t->role[KT_ROLE_PLAIN] = (struct kt_look){-1, -1, 0};
}

void kt_theme_mono(struct kt_theme *t)
{
    for (int r = 0; r < KT_ROLE_COUNT; r++)
        t->role[r] = (struct kt_look){-1, -1, plan[r].mono};
}

/* --- schemes ------------------------------------------------------------- */

static bool parse_rgb(struct kt_span s, int32_t *out)
{
    if (s.n && s.p[0] == '#')
        s = (struct kt_span){s.p + 1, s.n - 1};
    if (s.n != 6)
        return false;
    int32_t v = 0;
    for (size_t i = 0; i < 6; i++) {
        char c = s.p[i];
        int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (d < 0)
            return false;
        v = v * 16 + d;
    }
    *out = v;
    return true;
}

static enum kt_code read_slots(const struct kt_yaml *palette, const char *what, int32_t base[SLOTS], struct kt_err *e)
{
    for (int i = 0; i < SLOTS; i++) {
        char key[16], upper[16];
        snprintf(key, sizeof key, "base%02x", (unsigned)i);
        snprintf(upper, sizeof upper, "base%02X", (unsigned)i);
        const struct kt_yaml *y = kt_yaml_get(palette, upper);
        y = y ? y : kt_yaml_get(palette, key);
        if (!y)
            return kt_fail(e, KT_EFORMAT, "%s:%d:%d: not a Base16 scheme: %s is missing", what, palette->line,
                           palette->column, upper);
        if (y->type != KT_YAML_SCALAR || !parse_rgb(y->text, &base[i]))
            return kt_fail(e, KT_EFORMAT, "%s:%d:%d: %s must be a colour of six hex digits, as in \"#1c2027\"", what,
                           y->line, y->column, upper);
    }
    return KT_OK;
}

static enum kt_code from_yaml(struct kt_theme *t, const char *what, const struct kt_yaml_file *f, struct kt_err *e)
{
    if (f->n < 1 || f->doc[0]->type != KT_YAML_MAP)
        return kt_fail(e, KT_EFORMAT, "%s: not a Base16 scheme: it must be a map with base00 to base0F", what);
    const struct kt_yaml *top = f->doc[0], *palette = kt_yaml_get(top, "palette");
    if (palette && palette->type != KT_YAML_MAP)
        return kt_fail(e, KT_EFORMAT, "%s:%d:%d: palette must be a map of base00 to base0F", what, palette->line,
                       palette->column);
    int32_t base[SLOTS];
    enum kt_code rc = read_slots(palette ? palette : top, what, base, e);
    if (rc)
        return rc;
    fill_roles(t, base);
    return KT_OK;
}

/* "themes/nord.yaml" is called nord. */
static void name_theme(struct kt_theme *t, const char *path)
{
    const char *slash = strrchr(path, '/'), *from = slash ? slash + 1 : path;
    const char *dot = strrchr(from, '.');
    snprintf(t->name, sizeof t->name, "%.*s", (int)(dot && dot > from ? dot - from : (ptrdiff_t)strlen(from)), from);
}

enum kt_code kt_theme_parse(struct kt_theme *t, const char *what, const char *yaml, size_t n, struct kt_err *e)
{
    struct kt_yaml_file f;
    enum kt_code rc = kt_yaml_parse(&f, what, yaml, n, e);
    if (rc)
        return rc;
    rc = from_yaml(t, what, &f, e);
    if (!rc)
        name_theme(t, what);
    kt_yaml_free(&f);
    return rc;
}

static enum kt_code unknown_theme(const char *name, struct kt_err *e)
{
    char list[200] = "";
    for (const struct kt_embedded *b = kt_themes_builtin; b->name; b++) {
        size_t at = strlen(list);
        snprintf(list + at, sizeof list - at, "%s%.*s", at ? ", " : "", (int)strcspn(b->name, "."), b->name);
    }
    return kt_fail(e, KT_ENOTFOUND, "there is no theme %s; built in are %s; a path to a Base16 YAML file works too", name,
                   list);
}

enum kt_code kt_theme_load(struct kt_theme *t, const char *name, struct kt_err *e)
{
    for (const struct kt_embedded *b = kt_themes_builtin; b->name; b++)
        if (strcspn(b->name, ".") == strlen(name) && strncmp(b->name, name, strlen(name)) == 0)
            return kt_theme_parse(t, b->name, b->data, b->len, e);
    if (!strchr(name, '/') && access(name, F_OK) != 0)
        return unknown_theme(name, e);
    struct kt_yaml_file f;
    enum kt_code rc = kt_yaml_read(&f, name, e);
    if (rc)
        return rc;
    rc = from_yaml(t, name, &f, e);
    if (!rc)
        name_theme(t, name);
    kt_yaml_free(&f);
    return rc;
}
