/* What core/text promises, said a second time and otherwise: from ranges and
 * the C library, not from the module's own classes. Included by the unit
 * test, the proof and the fuzz target, which abort or fail on what these
 * return. */
#ifndef KT_TESTS_SUPPORT_TEXT_ORACLE_H
#define KT_TESTS_SUPPORT_TEXT_ORACLE_H
#include "base/buf.h"
#include "text/text.h"

#include <langinfo.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <utf8proc.h>
#include <wchar.h>

static inline bool oracle_in(uint32_t cp, const uint32_t (*range)[2], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (cp >= range[i][0] && cp <= range[i][1])
            return true;
    return false;
}

/* Controls, bidi controls, zero-width, default-ignorables, tags, fillers. */
static inline bool oracle_hostile(uint32_t cp)
{
    static const uint32_t range[][2] = {
        {0x00, 0x1F},     {0x7F, 0x9F},     {0xAD, 0xAD},       {0x34F, 0x34F},     {0x61C, 0x61C},
        {0x115F, 0x1160}, {0x17B4, 0x17B5}, {0x180B, 0x180F},   {0x200B, 0x200F},   {0x2028, 0x202E},
        {0x2060, 0x206F}, {0x2800, 0x2800}, {0x3164, 0x3164},   {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},
        {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
    };
    return oracle_in(cp, range, sizeof range / sizeof *range);
}

static inline bool oracle_space(uint32_t cp)
{
    static const uint32_t range[][2] = {{0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
                                        {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}};
    return oracle_in(cp, range, sizeof range / sizeof *range);
}

static inline bool oracle_private(uint32_t cp)
{
    static const uint32_t range[][2] = {{0xD800, 0xDFFF}, {0xE000, 0xF8FF}, {0xFDD0, 0xFDEF}, {0xF0000, 0x10FFFF}};
    return (cp & 0xFFFE) == 0xFFFE || oracle_in(cp, range, sizeof range / sizeof *range) ||
           utf8proc_category((utf8proc_int32_t)cp) == UTF8PROC_CATEGORY_CN;
}

static inline bool oracle_rtl(uint32_t cp)
{
    int bidi = utf8proc_get_property((utf8proc_int32_t)cp)->bidi_class;
    return bidi == UTF8PROC_BIDI_CLASS_R || bidi == UTF8PROC_BIDI_CLASS_AL || bidi == UTF8PROC_BIDI_CLASS_AN;
}

static inline bool oracle_combining(uint32_t cp)
{
    int cat = utf8proc_category((utf8proc_int32_t)cp);
    return cat == UTF8PROC_CATEGORY_MN || cat == UTF8PROC_CATEGORY_ME || cat == UTF8PROC_CATEGORY_MC;
}

/* utf8proc's own decoder, which is strict too. 0 where it refuses. */
static inline size_t oracle_decode(const char *p, size_t n, uint32_t *cp)
{
    utf8proc_int32_t c = -1;
    utf8proc_ssize_t len = utf8proc_iterate((const utf8proc_uint8_t *)p, (utf8proc_ssize_t)n, &c);
    if (len <= 0 || c < 0)
        return 0;
    *cp = (uint32_t)c;
    return (size_t)len;
}

static inline bool oracle_letters_stand(const struct kt_text_opts *o)
{
    return !o->ascii && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* NULL where the cell may reach a terminal, otherwise what is wrong. */
static inline const char *oracle_cell(const struct kt_cell *c, const struct kt_text_opts *o)
{
    size_t n = strnlen(c->utf8, sizeof c->utf8), at = 0, marks = 0;
    bool letters = oracle_letters_stand(o);
    int width = 0;
    if (n == 0 || n == sizeof c->utf8)
        return "empty, or without its NUL";
    while (at < n) {
        uint32_t cp;
        size_t len = oracle_decode(c->utf8 + at, n - at, &cp);
        if (!len)
            return "not UTF-8";
        if (oracle_hostile(cp))
            return "a control or hidden code point";
        if (oracle_space(cp) || oracle_private(cp) || oracle_rtl(cp))
            return "a space, private, unassigned or right-to-left code point";
        if (cp > 0x7E && !letters)
            return "not ASCII";
        if (cp > 0x7E && o->kind == KT_TEXT_IDENTITY && !(c->mark && cp == 0xD7) && cp != 0x2026)
            return "not ASCII in an identity";
        int w = letters ? wcwidth((wchar_t)cp) : 1;
        if (at == 0 && (oracle_combining(cp) || w < 1 || w > 2))
            return "no base";
        if (at > 0 && (!oracle_combining(cp) || w != 0))
            return "more than one base";
        marks += at > 0;
        width += w;
        at += len;
    }
    if (marks > 2)
        return "too many marks";
    if (c->mark && (marks || (n > 1 && strcmp(c->utf8, "×") != 0 && strcmp(c->utf8, "…") != 0)))
        return "a mark that is not ours";
    return width == c->width ? NULL : "another width than the C library's";
}

enum { ORACLE_COLUMNS_MAX = 512 };

/* All of kt_text_cells for one text and width; `room` holds `columns` cells,
 * exactly allocated by the caller so that a sanitizer sees one too many. */
static inline const char *oracle_cells(struct kt_span s, const struct kt_text_opts *o, size_t columns,
                                       struct kt_cell *room)
{
    size_t used = 12345, sum = 0, width = kt_text_width(s, o, 4096);
    size_t n = kt_text_cells(s, o, columns, room, &used);
    if (n > columns || used > columns)
        return "more than was asked for";
    for (size_t i = 0; i < n; i++) {
        const char *wrong = oracle_cell(&room[i], o);
        if (wrong)
            return wrong;
        if (!kt_cell_safe(&room[i]))
            return "kt_cell_safe refuses its own";
        sum += room[i].width;
    }
    if (sum != used)
        return "the sum of widths is not what is said to be used";
    if (width <= columns && used != width)
        return "a text that fits does not take its width";
    if (width > columns && columns > 0) {
        const char *dots = oracle_letters_stand(o) ? "…" : "~";
        bool found = false;
        for (size_t i = 0; i < n; i++)
            found |= strcmp(room[i].utf8, dots) == 0;
        if (!found || (!o->middle_cut && strcmp(room[n - 1].utf8, dots) != 0))
            return "cut without saying so";
    }
    return NULL;
}

/* NULL where every byte of a plain text or CSV field may go out. */
static inline const char *oracle_plain(struct kt_span s, bool ascii, bool csv)
{
    for (size_t i = 0; i < s.n;) {
        uint32_t cp;
        size_t len = oracle_decode(s.p + i, s.n - i, &cp);
        if (!len)
            return "not UTF-8";
        if (oracle_hostile(cp) || oracle_private(cp))
            return "a control, hidden, private or unassigned code point";
        if (ascii && cp > 0x7E)
            return "not ASCII";
        if (!csv && (oracle_space(cp) || oracle_rtl(cp)))
            return "a space or a right-to-left letter";
        i += len;
    }
    return NULL;
}

/* Reads escapes back, by the rule of the header: a run of backslashes before
 * "u{" or "x{" is half its length of data, and an odd one begins an escape. */
static inline bool oracle_unescape(struct kt_buf *b, struct kt_span s)
{
    for (size_t i = 0; i < s.n;) {
        size_t k = 0;
        while (i + k < s.n && s.p[i + k] == '\\')
            k++;
        const char *p = s.p + i + k;
        bool opens = k && s.n - i - k >= 2 && (*p == 'u' || *p == 'x') && p[1] == '{';
        for (size_t j = 0; j < (opens ? k / 2 : k); j++)
            kt_buf_addc(b, '\\');
        i += k;
        if (opens && k % 2) {
            uint32_t v = 0;
            size_t j = i + 2;
            for (; j < s.n && s.p[j] != '}'; j++)
                v = v * 16 + (uint32_t)(strchr("0123456789abcdef", s.p[j]) - "0123456789abcdef");
            char out[4] = {(char)v};
            kt_buf_add(b, out, s.p[i] == 'x' ? 1 : kt_utf8_encode(v, out));
            i = j + 1;
        } else if (!k) {
            kt_buf_addc(b, s.p[i++]);
        }
    }
    return !b->failed;
}

/* Reads a CSV field back: quotes, the apostrophe, the escapes. */
static inline bool oracle_csv_read(struct kt_buf *b, struct kt_span f)
{
    struct kt_buf raw;
    kt_buf_init(&raw, f.n);
    bool quoted = f.n >= 2 && f.p[0] == '"';
    for (size_t i = quoted; i < f.n - quoted; i++) {
        kt_buf_addc(&raw, f.p[i]);
        if (f.p[i] == '"')
            i++;
    }
    struct kt_span s = kt_buf_span(&raw);
    size_t q = 0;
    while (q < s.n && s.p[q] == '\'')
        q++;
    static const char *const formula[] = {"=", "+", "-", "@", "\\u{9}", "\\u{a}", "\\u{d}", "＝", "＋", "－", "＠"};
    bool added = false;
    for (size_t i = 0; q && i < sizeof formula / sizeof *formula; i++)
        added |= kt_span_starts((struct kt_span){s.p + q, s.n - q}, formula[i]);
    bool ok = oracle_unescape(b, (struct kt_span){s.p + added, s.n - added});
    kt_buf_free(&raw);
    return ok;
}
#endif
