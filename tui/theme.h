/* How roles look. A theme is a Base16 or Base24 scheme in YAML
 * (tinted-theming's format: `palette: base00..base0F`, or the older flat
 * form); roles are mapped to its slots. Each role also has attributes, so that
 * nothing depends on colour alone.
 *
 * A scheme's own colours are used as they are, except where a role's text
 * would stand at less than 4.5:1 against the background: it is then moved
 * towards the scheme's text colour until it does, and where that is not enough
 * towards black or white (many schemes have a comment colour that nobody can
 * read from a step away). This holds for true colour and for 256. */
#ifndef KT_TUI_THEME_H
#define KT_TUI_THEME_H
#include "base/err.h"
#include "canvas.h"

#include <stdbool.h>
#include <stdint.h>

#define KT_THEME_DEFAULT "keytop-dark"

struct kt_look {
    int32_t fg, bg; /* 0xRRGGBB; -1: the terminal's own */
    uint8_t attr;   /* KT_ATTR_* */
};
enum { KT_THEME_SLOTS = 24, KT_THEME_NAME = 64 };
struct kt_theme {
    char name[KT_THEME_NAME];
    struct kt_look role[KT_ROLE_COUNT];
    int32_t slot[KT_THEME_SLOTS]; /* the scheme's own colours; -1: a slot of Base24 that it has not */
    uint32_t corrected;           /* bits by role: they could not be read as they were */
    int16_t was[KT_ROLE_COUNT];   /* the contrast that those had, times 100 */
};
/* By built-in name ("keytop-dark"), or a path to a YAML file. KT_ENOTFOUND
 * lists the names there are; other errors name the place in the file. */
enum kt_code kt_theme_load(struct kt_theme *t, const char *name, struct kt_err *e);
/* From a scheme's text; `what` names it in errors. */
enum kt_code kt_theme_parse(struct kt_theme *t, const char *what, const char *yaml, size_t n, struct kt_err *e);
/* Another look for a role (kt_role_name): "base0A", "#ff8800 bold", "base00 on
 * base0A underline"; corrected as the scheme's own. KT_ENOTFOUND, KT_EUSAGE. */
enum kt_code kt_theme_override(struct kt_theme *t, const char *role, const char *value, struct kt_err *e);
/* The name of the i-th that is built in; NULL: there are fewer. */
const char *kt_theme_builtin(size_t i, char out[KT_THEME_NAME]);
/* Is it none of those? */
bool kt_theme_is_file(const char *name);
/* "dim 2.9 to 4.6, low 2.9 to 4.6"; false, and nothing, where all were read as
 * they stood. */
bool kt_theme_corrections(const struct kt_theme *t, struct kt_buf *b);
/* Attributes only: NO_COLOR, mono terminals. No grey either. */
void kt_theme_mono(struct kt_theme *t);
/* The nearest of the 256-colour cube and greys (16..255); of the 8 or 16
 * basic ones. */
int kt_nearest_256(int32_t rgb);
int kt_nearest_basic(int32_t rgb, int colors);
/* What one of the 256 looks like, 0..255; the first 16 as xterm has them. */
int32_t kt_rgb_of_256(int index);
/* WCAG 2 contrast of two colours, times 100: 100 to 2100. */
int kt_contrast(int32_t a, int32_t b);
/* Is it a grey rather than a hue? Terminals of 8 or 16 colours show their own
 * foreground for those. */
bool kt_is_grey(int32_t rgb);
#endif
