#include "theme.h"

#include "base/embedded.h"
#include "base/yaml.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { SLOTS = 16, READABLE = 450, STEPS = 8 };

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

/* The lesser of what both are to each other in true colour and in 256. */
static int contrast_everywhere(int32_t a, int32_t b)
{
    int direct = kt_contrast(a, b);
    int indexed = kt_contrast(kt_rgb_of_256(kt_nearest_256(a)), kt_rgb_of_256(kt_nearest_256(b)));
    return direct < indexed ? direct : indexed;
}

/* Black or white, whichever stands out more. */
static int32_t extreme(int32_t ground)
{
    return contrast_everywhere(0xffffff, ground) >= contrast_everywhere(0x000000, ground) ? 0xffffff : 0x000000;
}

/* `c`, moved towards `text`, and then towards black or white, until it can be
 * read on `ground`. */
static int32_t readable(int32_t c, int32_t text, int32_t ground)
{
    const int32_t goal[] = {text, extreme(ground)};
    for (int k = 0; k < 2; k++)
        for (int step = 0; step <= STEPS; step++) {
            int32_t m = mix(c, goal[k], step);
            if (contrast_everywhere(m, ground) >= READABLE)
                return m;
        }
    return goal[1];
}

/* On a background of middling grey neither black nor white is read well in all
 * depths of colour: it gives way a little. */
static int32_t firm(int32_t ground)
{
    for (int step = 0; step <= STEPS; step++) {
        int32_t dark = mix(ground, 0x000000, step);
        if (contrast_everywhere(extreme(dark), dark) >= READABLE)
            return dark;
    }
    return 0x000000;
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

/* What a role's look was, and that it had to be changed. */
static void note(struct kt_theme *t, int role, int32_t fg, int32_t bg)
{
    if (fg == t->role[role].fg && bg == t->role[role].bg)
        return;
    t->corrected |= 1u << role;
    t->was[role] = (int16_t)contrast_everywhere(fg, bg);
}

static void fill_roles(struct kt_theme *t)
{
    const int32_t *base = t->slot;
    int32_t ground = firm(base[0]), text = readable(base[5], base[7], ground);
    t->corrected = 0;
    for (int r = 0; r < KT_ROLE_COUNT; r++) {
        t->role[r] = (struct kt_look){readable(base[plan[r].slot], text, ground), ground, plan[r].attr};
        note(t, r, base[plan[r].slot], base[0]);
    }
    /* lines are no text: half way between the background and what is dim */
    t->role[KT_ROLE_RULE].fg = mix(ground, t->role[KT_ROLE_DIM].fg, 5);
    /* base02 is a scheme's selection; where its text cannot be read on it, the plain colours change places */
    struct kt_look *selected = &t->role[KT_ROLE_SELECTED];
    int32_t bright = contrast_everywhere(base[7], base[2]) > contrast_everywhere(text, base[2]) ? base[7] : text;
    bool apart = base[2] != ground && kt_nearest_256(base[2]) != kt_nearest_256(ground);
    if (apart && contrast_everywhere(bright, base[2]) >= READABLE)
        *selected = (struct kt_look){bright, base[2], selected->attr};
    else
        *selected = (struct kt_look){ground, text, selected->attr};
    t->role[KT_ROLE_MATCH] = (struct kt_look){ground, readable(base[0xA], text, ground), plan[KT_ROLE_MATCH].attr};
    t->corrected &= ~(1u << KT_ROLE_RULE | 1u << KT_ROLE_SELECTED | 1u << KT_ROLE_MATCH | 1u << KT_ROLE_PLAIN);
    t->role[KT_ROLE_PLAIN] = (struct kt_look){-1, -1, 0};
}

void kt_theme_mono(struct kt_theme *t)
{
    for (int r = 0; r < KT_ROLE_COUNT; r++)
        t->role[r] = (struct kt_look){-1, -1, plan[r].mono};
}

/* --- schemes ------------------------------------------------------------- */

/* "#1c2027", "1C2027", and in short "#123". */
static bool parse_rgb(struct kt_span s, int32_t *out)
{
    while (s.n && s.p[s.n - 1] == ' ')
        s.n--;
    while (s.n && (s.p[0] == ' ' || s.p[0] == '#'))
        s = (struct kt_span){s.p + 1, s.n - 1};
    if (s.n != 6 && s.n != 3)
        return false;
    int32_t v = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (d < 0)
            return false;
        v = s.n == 3 ? v * 256 + d * 17 : v * 16 + d;
    }
    *out = v;
    return true;
}

/* "base0A", in any letters. */
static const struct kt_yaml *slot_of(const struct kt_yaml *palette, int i)
{
    char name[16];
    snprintf(name, sizeof name, "base%02X", (unsigned)i);
    for (size_t k = 0; k < palette->n; k++)
        if (palette->key[k]->text.n == 6 && strncasecmp(palette->key[k]->text.p, name, 6) == 0)
            return palette->item[k];
    return NULL;
}

static enum kt_code read_slots(const struct kt_yaml *palette, const char *what, int32_t base[KT_THEME_SLOTS],
                               struct kt_err *e)
{
    for (int i = 0; i < KT_THEME_SLOTS; i++) {
        const struct kt_yaml *y = slot_of(palette, i);
        base[i] = -1;
        if (!y && i >= SLOTS) /* those of Base24 alone */
            continue;
        if (!y)
            return kt_fail(e, KT_EFORMAT, "%s:%d:%d: not a Base16 scheme: base%02X is missing", what, palette->line,
                           palette->column, (unsigned)i);
        if (y->type != KT_YAML_SCALAR || !parse_rgb(y->text, &base[i]))
            return kt_fail(e, KT_EFORMAT, "%s:%d:%d: base%02X must be a colour of six hex digits, as in \"#1c2027\"", what,
                           y->line, y->column, (unsigned)i);
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
    enum kt_code rc = read_slots(palette ? palette : top, what, t->slot, e);
    if (rc)
        return rc;
    fill_roles(t);
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
    char list[400] = "";
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

/* --- a person's own roles ---------------------------------------------------- */

static struct kt_span next_word(const char **p)
{
    while (**p == ' ')
        ++*p;
    struct kt_span w = {*p, strcspn(*p, " ")};
    *p += w.n;
    return w;
}

/* "base0A" of the scheme, or "#rrggbb". */
static bool colour(const struct kt_theme *t, struct kt_span s, int32_t *out)
{
    char name[16];
    for (int i = 0; i < KT_THEME_SLOTS; i++) {
        snprintf(name, sizeof name, "base%02X", (unsigned)i);
        if (s.n == 6 && strncasecmp(s.p, name, 6) == 0) {
            *out = t->slot[i];
            return t->slot[i] >= 0;
        }
    }
    return s.n == 7 && s.p[0] == '#' && parse_rgb(s, out);
}

static bool attribute(struct kt_span s, uint8_t *attr)
{
    static const struct {
        const char *name;
        uint8_t attr;
    } all[] = {{"bold", KT_ATTR_BOLD}, {"underline", KT_ATTR_UNDERLINE}, {"reverse", KT_ATTR_REVERSE}, {"plain", 0}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (kt_span_is(s, all[i].name)) {
            *attr = all[i].attr ? *attr | all[i].attr : 0;
            return true;
        }
    return false;
}

static enum kt_code one_role(struct kt_theme *t, int role, const char *value, struct kt_err *e)
{
    struct kt_look l = t->role[role];
    bool first = true;
    const char *p = value;
    for (struct kt_span w; (w = next_word(&p)).n; first = false) {
        bool on = kt_span_is(w, "on");
        if (on ? colour(t, next_word(&p), &l.bg) : first ? colour(t, w, &l.fg) : attribute(w, &l.attr))
            continue;
        return kt_fail(e, KT_EUSAGE, "\"%.60s\" is no look: write a colour (base0A or #rrggbb), then, if you like, on and "
                                     "another, and bold, underline, reverse or plain", value);
    }
    if (first)
        return kt_fail(e, KT_EUSAGE, "a colour is missing");
    int32_t fg = l.fg, bg = l.bg;
    if (role != KT_ROLE_RULE) {
        l.bg = firm(l.bg);
        l.fg = readable(l.fg, t->role[KT_ROLE_TEXT].fg, l.bg);
    }
    t->role[role] = l;
    t->corrected &= ~(1u << role);
    note(t, role, fg, bg);
    return KT_OK;
}

enum kt_code kt_theme_override(struct kt_theme *t, const char *role, const char *value, struct kt_err *e)
{
    for (int r = 0; r < KT_ROLE_PLAIN; r++)
        if (strcmp(kt_role_name((enum kt_role)r), role) == 0)
            return one_role(t, r, value, e);
    return kt_fail(e, KT_ENOTFOUND, "there is no role \"%.60s\": text, dim, bright, title, header, rule, selected, critical, "
                                    "high, medium, low, ok, warn, bad, mark, match, keycap, prompt, spark, link", role);
}

const char *kt_theme_builtin(size_t i, char out[KT_THEME_NAME])
{
    size_t n = 0;
    while (n < i && kt_themes_builtin[n].name)
        n++;
    if (!kt_themes_builtin[n].name)
        return NULL;
    snprintf(out, KT_THEME_NAME, "%.*s", (int)strcspn(kt_themes_builtin[n].name, "."), kt_themes_builtin[n].name);
    return out;
}

bool kt_theme_is_file(const char *name)
{
    char known[KT_THEME_NAME];
    for (size_t i = 0; kt_theme_builtin(i, known); i++)
        if (strcmp(known, name) == 0)
            return false;
    return true;
}

bool kt_theme_corrections(const struct kt_theme *t, struct kt_buf *b)
{
    size_t n = 0;
    for (int r = 0; r < KT_ROLE_COUNT; r++) {
        if (!(t->corrected & 1u << r))
            continue;
        int now = contrast_everywhere(t->role[r].fg, t->role[r].bg);
        kt_buf_addf(b, "%s%s %d.%d to %d.%d", n++ ? ", " : "", kt_role_name((enum kt_role)r), t->was[r] / 100,
                    t->was[r] / 10 % 10, now / 100, now / 10 % 10);
    }
    return n > 0;
}
