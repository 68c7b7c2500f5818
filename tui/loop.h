/* The one place that waits and the only one that draws: keys, signals, news
 * and time come in, flags come back from the app, and at most one frame goes
 * out for all of them. News paint at most ten frames a second, a key press at
 * once. Frames never queue: a terminal that does not read is shown the newest
 * when it reads again. With nothing to do there is no system call. */
#ifndef KT_TUI_LOOP_H
#define KT_TUI_LOOP_H
#include "app.h"
#include "engine.h"
#include "signals.h"
#include "term.h"

struct kt_loop_opts {
    struct kt_app *app;
    struct kt_term *term;
    struct kt_engine *engine;
    const struct kt_signals *signals;
    bool ascii;
    bool osc777; /* notifications by OSC 777 instead of 9 */
    /* The configuration has changed, and holds: for kt_app_configure and the
     * terminal. NULL: it never does. */
    void (*configured)(void *ctx);
    void *configured_ctx;
};
enum { KT_LOOP_QUIT = 0, KT_LOOP_GONE = -1, KT_LOOP_NOMEM = -2 };
/* Until the person quits (KT_LOOP_QUIT), a signal ends it (its number), the
 * terminal goes away, or memory for the canvas runs out. */
int kt_loop_run(const struct kt_loop_opts *o);
#endif
