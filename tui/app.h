/* The front end without its terminal: screens over an engine. The loop feeds
 * it keys and news and shows the canvas it draws; tests do the same. Never
 * blocks, never waits for the engine. */
#ifndef KT_TUI_APP_H
#define KT_TUI_APP_H
#include "alerts.h"
#include "canvas.h"
#include "engine.h"
#include "keymap.h"
#include "keys.h"
#include "theme.h"

struct kt_app;
struct kt_config;
struct kt_app_opts {
    struct kt_engine *engine;
    const struct kt_clock *clock; /* NULL: the system's */
    const char *filter;           /* --filter: the prompt's first text; NULL */
    const char *rule;             /* --rule: named on the status line; NULL */
    bool follow;
    bool ascii;
    bool wall;                    /* begins with the wall, and goes back to it */
    const char *profile;          /* of containment commands (event/contain.h); NULL */
    const char *columns;          /* of tables and CSV that are exported; NULL: the usual ones */
    bool kinds;                   /* there are rows of other kinds than creation */
    const struct kt_config *config; /* its views were looked at; NULL: none */
    const char *view;             /* to begin with, by name, with --wall on the wall; NULL: the last session's */
    const char *session;          /* the file of tui/session.h; NULL: nothing is kept */
    const char *theme;            /* name or path; NULL: the usual one */
    bool theme_given;             /* on the command line: what was chosen on the screen once does not count */
    struct kt_alerts_opts alerts; /* all 0: none */
    const struct kt_keymap *keys; /* borrowed; NULL: the usual ones */
    bool read_only;               /* commands that change or write anything are refused */
    const char *no_clipboard;     /* why nothing can be copied, in our words; NULL: it can */
};

enum { /* what a call asks of the loop */
    KT_APP_REDRAW = 1,
    KT_APP_QUIT = 2,
    KT_APP_SUSPEND = 4,     /* Ctrl-Z */
    KT_APP_REPAINT = 8,     /* Ctrl-L: the terminal's content cannot be trusted */
    KT_APP_COPY = 16,       /* kt_app_clipboard has text for OSC 52 */
    KT_APP_BELL = 32,
    KT_APP_TITLE = 64,      /* kt_app_title is another */
    KT_APP_THEME = 256,     /* kt_app_theme is another */
    KT_APP_CONFIGURED = 512, /* the configuration has changed, and holds: kt_app_configure */
    KT_APP_NOTIFY = 128     /* kt_app_notice is to be told on the person's desktop */
};

/* Of the terminal's window; what a notification says. Our words, ASCII. */
const char *kt_app_title(const struct kt_app *a);
const char *kt_app_notice(const struct kt_app *a);
const struct kt_theme *kt_app_theme(const struct kt_app *a);
/* Other descriptors that bring news when they are readable; -1: none. */
enum { KT_APP_FD_HOOK, KT_APP_FD_THEME, KT_APP_FDS };
int kt_app_fd(const struct kt_app *a, int which);

/* What another configuration says of the screen; borrowed as by kt_app_new. */
void kt_app_configure(struct kt_app *a, const struct kt_config *c, const char *theme, const char *no_clipboard);
/* The engine has been started. NULL: out of memory. */
struct kt_app *kt_app_new(const struct kt_app_opts *o);
void kt_app_free(struct kt_app *a);
/* Is there a view of this name? Of NULL: yes. */
bool kt_app_has_view(struct kt_app *a, const char *name);
/* How it was left is kept for the next time, where it is kept at all. */
void kt_app_remember(struct kt_app *a);
unsigned kt_app_key(struct kt_app *a, struct kt_key k);
/* The engine's fd was readable: looks at what is new. */
unsigned kt_app_news(struct kt_app *a);
/* What a key asked for (another pane's sections) is being made and will be
 * there in a moment: a frame drawn a little later has no hole. */
bool kt_app_awaits(const struct kt_app *a);
/* When something visible will change by itself (an age turns over, a message
 * fades): kt_mono_ms() time, or 0 for never. Then call kt_app_tick. */
int64_t kt_app_deadline(const struct kt_app *a);
unsigned kt_app_tick(struct kt_app *a);
/* Draws the whole of it, at whatever size the canvas has (1x1 upwards). */
void kt_app_draw(struct kt_app *a, struct kt_canvas *c);
/* Does it want to hear of the mouse? */
bool kt_app_wants_mouse(const struct kt_app *a);
/* Nobody has been at the keys for a while: frames may be fewer. */
bool kt_app_unattended(const struct kt_app *a);
/* Text to copy, ASCII, without newlines; valid until the next call. */
const char *kt_app_clipboard(struct kt_app *a);
#endif
