/* Bytes of a frame without the colours that are on already.
 *
 * ncurses sets both colours wherever one of them changes. On a background that
 * is always the same that is a third of all bytes.
 *
 * Where the terminal takes any colour and its terminfo entry knows of 256 only,
 * numbers stand for colours: what ncurses calls 38;5;N goes out as 38;2;R;G;B. */
#ifndef KT_TUI_SQUEEZE_H
#define KT_TUI_SQUEEZE_H
#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

enum { KT_SQUEEZE_SGR = 24 }; /* bytes of the longest that sets one colour */

struct kt_squeeze {
    struct {
        char text[KT_SQUEEZE_SGR];
        size_t n;
    } on[2]; /* the terminal's colours now: foreground, background; n 0: not known */
    const int32_t *rgb; /* of 256 numbers, 0xRRGGBB, -1: as it is; NULL: all as they are */
};

/* The terminal's colours are not known any more: others have used it. */
void kt_squeeze_forget(struct kt_squeeze *s);
/* Adds p[0..n) to `out`, whole sequences at its end. Reads nothing beyond n.
 * Where memory runs out, `out` says so. */
void kt_squeeze(struct kt_squeeze *s, const char *p, size_t n, struct kt_buf *out);
#endif
