/* Hostile text and what may become of it: records in which an attacker chose
 * every field he can, and a strict reader of the bytes that reach a terminal.
 *
 * Nothing here uses core/text: UTF-8 is decoded by hand, code points are
 * judged by ranges written out here (DerivedCoreProperties, Bidi_Control) and
 * utf8proc's categories and bidi classes, widths by the C library. The grammar
 * is that of the sequences which terminfo gives for xterm-256color and ncurses
 * uses, with their bounds; all else is wrong. */
#ifndef KT_TESTS_HOSTILE_H
#define KT_TESTS_HOSTILE_H
#include "base/buf.h"
#include "tui/canvas.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NULL where this code point may stand on a screen; otherwise what it is.
 * Combining marks may (behind a base). */
const char *hostile_why(uint32_t cp, bool ascii);
bool hostile_combining(uint32_t cp);
/* NULL where all of a canvas is fit to be shown, otherwise what is not;
 * *row and *col get the place. */
const char *hostile_canvas(const struct kt_canvas *c, int *row, int *col);

/* Code points that have been seen on a screen, drawn or named by a mark. */
struct hostile_seen {
    uint8_t bit[0x110000 / 8];
};
bool hostile_was_seen(const struct hostile_seen *s, uint32_t cp);
size_t hostile_count(const struct hostile_seen *s);
void hostile_see_canvas(struct hostile_seen *s, const struct kt_canvas *c);

/* --- the bytes of a terminal ------------------------------------------- */

struct hostile_scan {
    int rows, cols;            /* of the terminal, for the bounds of sequences */
    bool ascii, clipboard;     /* only ASCII; OSC 52 was asked for */
    struct hostile_seen *seen; /* or NULL */
    uint64_t bytes, sequences, letters, controls;
    size_t clears;             /* whole frames begun (CSI 2 J) */
    bool ended;                /* since the last of them there was a CSI H: it has ended, whatever came after it */
    const char *words;         /* ASCII to look for in one piece; or NULL */
    bool found;                /* they came */
    char wrong[256];           /* "" while nothing was */
    /* in the middle of something */
    int state;
    char part[64];
    size_t n;
    int marks;                 /* on the last letter; -1: there is none */
    char run[64];              /* the ASCII letters before, for marks */
    size_t n_run;
};
void hostile_scan_init(struct hostile_scan *s, int rows, int cols, bool ascii);
/* False from the first wrong byte on. */
bool hostile_scan(struct hostile_scan *s, const char *p, size_t n);

/* --- records ------------------------------------------------------------- */

/* X(id): what an attacker can choose */
#define HOSTILE_FIELDS(X)                                                                                  \
    X(AGENT) X(ACTOR) X(REQUEST) X(RESPONSE) X(ADDRESS) X(MESSAGE) X(CODE) X(KEY) X(REGION) X(ISSUER) \
    X(SESSION) X(EVENT_ID) X(ACTOR_KEY) X(ACCOUNT)
enum hostile_field {
#define X(id) HOSTILE_##id,
    HOSTILE_FIELDS(X)
#undef X
    HOSTILE_FIELD_COUNT
};
enum hostile_shape { HOSTILE_CREATED, HOSTILE_DENIED, HOSTILE_ROLE, HOSTILE_SHAPES };

/* One CreateAccessKey record on a line of its own. Fields are the inside of
 * JSON strings; NULL: an ordinary one. `n` makes time and the ordinary ids. */
void hostile_record(struct kt_buf *b, int n, enum hostile_shape shape, const char *const field[HOSTILE_FIELD_COUNT]);
/* A code point as the inside of a JSON string: as it is, or \uXXXX where JSON
 * asks for it, or (`escape`) always. Surrogates are escapes. */
void hostile_put(struct kt_buf *b, uint32_t cp, bool escape);
/* A surrogate half or a byte as no UTF-8 has it. */
void hostile_put_surrogate_bytes(struct kt_buf *b, uint32_t cp);
/* A text of up to `max` units from the places where rules have corners, as
 * JSON; pseudo-random. */
void hostile_text(struct kt_buf *b, uint64_t *random, int max);
uint64_t hostile_random(uint64_t *x);
#endif
