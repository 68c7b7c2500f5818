/* A terminal that shows canvases. The one file that includes curses is
 * term_ncurses.c. */
#ifndef KT_TUI_TERM_H
#define KT_TUI_TERM_H
#include "base/err.h"
#include "canvas.h"
#include "keys.h"
#include "theme.h"

struct kt_term;
struct kt_term_opts {
    const struct kt_theme *theme;
    bool color; /* false: attributes only */
};
/* KT_EUSAGE with a sentence for a terminal that cannot do (dumb, unknown). */
enum kt_code kt_term_open(struct kt_term **out, const struct kt_term_opts *o, struct kt_err *e);
/* Puts the terminal back as it was. */
void kt_term_close(struct kt_term *t);
void kt_term_size(const struct kt_term *t, int *rows, int *cols);
/* Shows a canvas with as few bytes as ncurses finds. Never blocks: where the
 * terminal cannot take a frame now, returns false; show again later. */
bool kt_term_present(struct kt_term *t, const struct kt_canvas *c);
/* The next key that is there, without waiting. False: none. `*gone` is set
 * when the terminal has gone away. */
bool kt_term_key(struct kt_term *t, struct kt_key *k, bool *gone);
int kt_term_fd(const struct kt_term *t);
void kt_term_repaint(struct kt_term *t); /* the next present draws all */
void kt_term_suspend(struct kt_term *t); /* before SIGTSTP */
void kt_term_resume(struct kt_term *t);
void kt_term_resized(struct kt_term *t);
void kt_term_copy(struct kt_term *t, const char *ascii); /* OSC 52, at most 4 KiB */
/* For a fatal signal's handler: async-signal-safe, constants only. */
void kt_term_emergency_restore(void);
#endif
