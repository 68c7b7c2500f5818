/* What a code point is to a person who reads it on a terminal. Private to
 * core/text. Categories, bidi classes and default-ignorables are utf8proc's;
 * widths are not asked here: they depend on the locale, classes do not. */
#ifndef KT_TEXT_CLASSES_H
#define KT_TEXT_CLASSES_H
#include "text/text.h"

#include <stdint.h>
#include <string.h>

enum kt_class {
    KT_CLASS_LETTER,    /* has a glyph of its own; stands where letters may stand */
    KT_CLASS_CONTROL,   /* C0, DEL, C1 */
    KT_CLASS_BIDI,      /* bidi controls */
    KT_CLASS_HIDDEN,    /* zero-width, default-ignorable, format, blank glyphs */
    KT_CLASS_TAG,       /* U+E0020..E007E: hidden ASCII */
    KT_CLASS_SPACE,     /* separators other than U+0020 */
    KT_CLASS_LINE,      /* U+2028, U+2029: they end a line */
    KT_CLASS_COMBINING, /* Mn, Me, Mc */
    KT_CLASS_RTL,       /* bidi class R, AL or AN */
    KT_CLASS_PRIVATE,   /* private use, unassigned, non-characters */
    KT_CLASS_INVALID    /* a byte that begins no UTF-8 sequence */
};

struct kt_unit {
    uint32_t cp; /* the byte where `class` is KT_CLASS_INVALID */
    uint8_t len; /* bytes, from 1 */
    enum kt_class class;
};

enum kt_class kt_class_of(uint32_t cp);
/* p[0..n), n > 0 */
struct kt_unit kt_unit_at(const char *p, size_t n);

/* Marks that are kept on one base; more make a text bleed over its lines. */
enum { KT_MARKS_KEPT = 2 };

static inline bool kt_ascii_printable(char c)
{
    return c >= 0x20 && c <= 0x7E;
}

/* The length of the run of printable ASCII at p that holds neither `a` nor
 * `b` (0 for none). Eight bytes at a time: nearly every field is one run. */
static inline size_t kt_ascii_run(const char *p, size_t n, char a, char b)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
    const uint64_t as = ones * (unsigned char)a, bs = ones * (unsigned char)b;
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        uint64_t x;
        memcpy(&x, p + i, sizeof x);
        /* high bit set: not ASCII; below 0x20; 0x7F; equal to a; equal to b */
        if ((x | (x - ones * 0x20) | (x + ones) | ((x ^ as) - ones) | ((x ^ bs) - ones)) & high)
            break;
    }
    while (i < n && kt_ascii_printable(p[i]) && p[i] != a && p[i] != b)
        i++;
    return i;
}
#endif
