/* The theme that is shown: loaded by name or path with a person's own roles,
 * tried out while one chooses, and read anew when its file changes. */
#ifndef KT_TUI_THEMES_H
#define KT_TUI_THEMES_H
#include "config/config.h"
#include "theme.h"
#include "watch.h"

enum { KT_THEME_PATH = 4096 };
struct kt_themes {
    struct kt_theme now;
    char name[KT_THEME_PATH]; /* or a path */
    bool chosen;              /* on the screen, now or in the last session */
    struct kt_watch *watch;   /* of the file; NULL: it is built in, or cannot be watched */
};

/* A theme with the roles of the configuration (NULL: none). Errors name the
 * place in the file that they are of. */
enum kt_code kt_themes_load(struct kt_theme *t, const char *name, const struct kt_config *c, struct kt_err *e);

struct kt_app;
struct kt_screen;
/* As opts.theme says; nothing is shown of it before kt_app_theme is asked. */
void kt_themes_open(struct kt_app *a);
void kt_themes_free(struct kt_app *a);
/* Looks whether the file has changed. */
unsigned kt_themes_news(struct kt_app *a, bool readable);
int64_t kt_themes_next(const struct kt_app *a);
/* Shows the theme of this name, or in this file, from now on; it is chosen. */
unsigned kt_themes_show(struct kt_app *a, const char *name);
/* The one that the command line or the configuration asks for. */
const char *kt_themes_asked(const struct kt_app *a);
/* The chooser: moving the cursor shows a theme, leaving it brings the one before back. */
struct kt_screen *kt_screen_themes(struct kt_app *a);
#endif
