/* Bytes of a frame without the colours that are on already.
 *
 * ncurses sets both colours wherever one of them changes. On a background that
 * is always the same that is a third of all bytes. */
#ifndef KT_TUI_SQUEEZE_H
#define KT_TUI_SQUEEZE_H
#include "base/buf.h"

#include <stddef.h>

enum { KT_SQUEEZE_SGR = 24 }; /* bytes of the longest that sets one colour */

struct kt_squeeze {
    struct {
        char text[KT_SQUEEZE_SGR];
        size_t n;
    } on[2]; /* the terminal's colours now: foreground, background; n 0: not known */
};

/* The terminal's colours are not known any more: others have used it. */
void kt_squeeze_forget(struct kt_squeeze *s);
/* Adds p[0..n) to `out`, whole sequences at its end. Reads nothing beyond n.
 * Where memory runs out, `out` says so. */
void kt_squeeze(struct kt_squeeze *s, const char *p, size_t n, struct kt_buf *out);
#endif
