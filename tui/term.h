/* A terminal that shows canvases. The one file that includes curses is
 * term_ncurses.c.
 *
 * The terminal is the one on standard output; keys are read from it as well,
 * so that standard input is free to be data. Nothing here ever waits for the
 * terminal, except close and suspend, which give it a fifth of a second to
 * take what puts it back. One thread. One terminal at a time. */
#ifndef KT_TUI_TERM_H
#define KT_TUI_TERM_H
#include "base/err.h"
#include "canvas.h"
#include "keys.h"
#include "theme.h"

struct kt_term;
struct kt_term_opts {
    const struct kt_theme *theme; /* copied */
    bool color; /* false: attributes only */
};
/* KT_EUSAGE with a sentence for a terminal that cannot do (dumb, unknown, no
 * terminal at all). The locale must be set. */
enum kt_code kt_term_open(struct kt_term **out, const struct kt_term_opts *o, struct kt_err *e);
/* Puts the terminal back as it was. NULL does nothing. */
void kt_term_close(struct kt_term *t);
void kt_term_size(const struct kt_term *t, int *rows, int *cols);
/* Shows a canvas with as few bytes as ncurses finds. Never blocks: where the
 * terminal cannot take all of a frame now, returns false; call again, with
 * the same or a newer canvas, when it is writable. */
bool kt_term_present(struct kt_term *t, const struct kt_canvas *c);
/* Sends what the terminal has not yet taken of the last frame: what present
 * does first, without a canvas having to be drawn for it. True: all has gone. */
bool kt_term_flush(struct kt_term *t);
/* The next key that is there, without waiting. False: none. `*gone` is set
 * when the terminal has gone away (or cannot be used any more). */
bool kt_term_key(struct kt_term *t, struct kt_key *k, bool *gone);
int kt_term_fd(const struct kt_term *t);
void kt_term_repaint(struct kt_term *t); /* the next present draws all */
void kt_term_suspend(struct kt_term *t); /* before SIGTSTP */
void kt_term_resume(struct kt_term *t);
void kt_term_resized(struct kt_term *t);
/* Asks the terminal to report the mouse (SGR 1006), or no longer. */
void kt_term_mouse(struct kt_term *t, bool on);
/* How long, in ms, until the terminal need not be waited for: it has not said
 * yet that it has drawn what was sent, so that another frame would queue behind
 * that. 0: it has, or cannot say so. */
int kt_term_behind(struct kt_term *t);
/* Puts a text on the clipboard by OSC 52 (tui/clipboard.h), at most 4 KiB.
 * Whether the terminal took it cannot be known. */
void kt_term_copy(struct kt_term *t, const char *ascii);
/* Another theme, from the next frame on, which draws all. */
void kt_term_theme(struct kt_term *t, const struct kt_theme *theme);
void kt_term_bell(struct kt_term *t);
/* The window's title (OSC 2), and a notification on the desktop in front of a
 * person (OSC 9, or 777): our words, printable ASCII without a semicolon. The
 * title that was there comes back at the end, where the terminal keeps it. No
 * bytes are sent to terminals that would show them. */
void kt_term_title(struct kt_term *t, const char *ascii);
void kt_term_notify(struct kt_term *t, const char *ascii, bool osc777);
/* For a fatal signal's handler: async-signal-safe, constants only. Does
 * nothing while no terminal is open. */
void kt_term_emergency_restore(void);
#endif
