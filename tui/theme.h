/* How roles look. A theme is a Base16 or Base24 scheme in YAML
 * (tinted-theming's format: `palette: base00..base0F`, or the older flat
 * form); roles are mapped to its slots. Each role also has attributes, so that
 * nothing depends on colour alone. */
#ifndef KT_TUI_THEME_H
#define KT_TUI_THEME_H
#include "base/err.h"
#include "canvas.h"

#include <stdbool.h>
#include <stdint.h>

struct kt_look {
    int32_t fg, bg; /* 0xRRGGBB; -1: the terminal's own */
    uint8_t attr;   /* KT_ATTR_* */
};
struct kt_theme {
    char name[64];
    struct kt_look role[KT_ROLE_COUNT];
};
/* By built-in name ("keytop-dark"), or a path to a YAML file. */
enum kt_code kt_theme_load(struct kt_theme *t, const char *name, struct kt_err *e);
/* Attributes only: NO_COLOR, mono terminals. */
void kt_theme_mono(struct kt_theme *t);
/* The nearest of the 256-colour cube and greys (16..255); of the 8 or 16
 * basic ones. */
int kt_nearest_256(int32_t rgb);
int kt_nearest_basic(int32_t rgb, int colors);
#endif
