/* Hostile text made safe: the one way out for data, to a terminal, a file or
 * a pipe. Attackers choose user agents, user names and error texts; nothing
 * they write may reach a terminal as a control, hide, or leave its column,
 * and what was there is named, not dropped.
 *
 * Classes and their marks:
 *   C0, DEL                  ^[ ^M ^?            (never executed, never stripped)
 *   C1, bidi, zero-width and other default-ignorables, Unicode spaces other
 *   than U+0020, private use, unassigned, non-characters, surrogates
 *                            <U+202E>            runs of one code point: <U+200B×40>
 *   tag characters           <TAG "admin">
 *   combining marks          free text keeps 2 a cell, identities none; the
 *                            rest <U+0301> / <+36 comb>
 *   invalid UTF-8            <C0>                each byte
 *   non-ASCII in identities  <U+0430>            (IAM cannot produce them)
 *   strong right-to-left     <U+05D0>            (no reordering possible)
 * In cells a mark carries `mark` (drawn in reverse, which no data can ask
 * for), so that data that merely looks like a mark is told apart. In plain
 * text the same classes are written \u{202e}, \x{c0}, and the escape is
 * injective: kt_text_unescape(kt_text_plain(x)) == x.
 *
 * Cells are counted as ncurses counts them: by the C library's wcwidth in the
 * current locale; what it does not count, or what terminals with grapheme
 * clusters count otherwise (spacing marks, regional indicators, skin tones,
 * conjoining jamo), is a mark. Where the locale's codeset is not UTF-8, all
 * that is not ASCII is. Decoding is strict RFC 3629. Surrogates
 * written in UTF-8 are therefore invalid bytes. */
#ifndef KT_TEXT_TEXT_H
#define KT_TEXT_TEXT_H
#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes one code point from p[0..n), n > 0. Returns its length in bytes and
 * sets *cp; 0 where the first byte begins no valid sequence. */
size_t kt_utf8_decode(const char *p, size_t n, uint32_t *cp);
/* Writes 1 to 4 bytes; 0 for surrogates and beyond U+10FFFF. */
size_t kt_utf8_encode(uint32_t cp, char out[4]);
bool kt_utf8_valid(struct kt_span s);

/* What a text held; the flags of rows and panes come from these. */
enum {
    KT_NOTE_CONTROL = 1 << 0,   /* C0, DEL, C1 */
    KT_NOTE_BIDI = 1 << 1,      /* bidi controls */
    KT_NOTE_HIDDEN = 1 << 2,    /* zero-width, default-ignorable, tags */
    KT_NOTE_NON_ASCII = 1 << 3, /* any code point above U+007F */
    KT_NOTE_INVALID = 1 << 4,   /* bytes that are not UTF-8 */
    KT_NOTE_RTL = 1 << 5,       /* strong right-to-left letters */
    KT_NOTE_COMBINING = 1 << 6,
    KT_NOTE_PRIVATE = 1 << 7    /* private use, unassigned, non-characters */
};
uint32_t kt_text_notes(struct kt_span s);

enum kt_text_kind {
    KT_TEXT_FREE,    /* user agents, error texts, raw records */
    KT_TEXT_IDENTITY /* names, ARNs, key ids, accounts, regions, addresses */
};

/* One drawn unit: 1 or 2 columns. */
struct kt_cell {
    char utf8[15]; /* base and at most 2 combining marks; NUL-terminated */
    uint8_t width : 2;
    uint8_t mark : 1; /* part of a mark of ours, not of the data */
};

struct kt_text_opts {
    enum kt_text_kind kind;
    bool ascii;      /* the terminal shows ASCII only: other letters are marks */
    bool middle_cut; /* a long text loses its middle, not its end */
};

/* Renders `s` into cells of together at most `columns` columns; `out` has
 * room for `columns` cells. A text that does not fit ends in "…" ("~" in
 * ascii), itself a mark where a mark is what was cut there; marks are kept
 * whole or not at all, but a TAG mark may end early. Returns the number of cells; *used (may be NULL) gets the columns
 * they take. An unknown span renders as nothing. */
size_t kt_text_cells(struct kt_span s, const struct kt_text_opts *o, size_t columns, struct kt_cell *out,
                     size_t *used);
/* The columns that `s` takes uncut; stops counting beyond `most`. */
size_t kt_text_width(struct kt_span s, const struct kt_text_opts *o, size_t most);

/* Whether a cell is what this module makes: one printable letter of the stated
 * width in the current locale, and at most two marks on it. The last look
 * before a terminal; what fails it must not be drawn. */
bool kt_cell_safe(const struct kt_cell *c);

/* Plain text for tables, error lines and files: one line, no byte outside
 * 0x20..0x7E and whole printable UTF-8 letters (none of those when `ascii`).
 * Injective: a backslash stands as it is, except that a run of them before
 * an escape, or before a literal "u{" or "x{", is doubled. Identities are
 * always ASCII. An unknown span adds nothing. Independent of the locale. */
bool kt_text_plain(struct kt_buf *b, struct kt_span s, enum kt_text_kind kind, bool ascii);
/* The reverse of kt_text_plain, for any kind. False, with nothing added,
 * where `s` is not its output or memory ran out. */
bool kt_text_unescape(struct kt_buf *b, struct kt_span s);
/* The terminal columns that the output of kt_text_plain takes in the current
 * locale: for the padding of tables. */
size_t kt_text_columns(struct kt_span plain);

/* A JSON string with its quotes, ASCII only (DEL escaped too); null for an
 * unknown span. Bytes that are not UTF-8 become \ufffd. */
bool kt_text_json(struct kt_buf *b, struct kt_span s);

/* An RFC 4180 field, in quotes only where it holds a comma or a quote.
 * Values stand as they are, letters of any script and Unicode spaces included,
 * except that controls, line separators, bidi controls, hidden, private,
 * unassigned and invalid units are escaped as in kt_text_plain, and that a
 * value a spreadsheet would take for a formula (= + - @ TAB CR LF, full-width
 * forms) gets a leading apostrophe; so does one in which apostrophes come
 * before these, so that the field can be read back exactly. An unknown span
 * and an empty text are both an empty field. */
bool kt_text_csv(struct kt_buf *b, struct kt_span s);

/* Writes "keytop: ", the formatted sentence and a newline to standard error,
 * arguments and all escaped as plain ASCII, in one write. What is longer than
 * 4 KiB ends in "...". Leaves errno as it was. */
void kt_text_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#endif
