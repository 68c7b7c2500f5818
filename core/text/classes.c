#include "text/classes.h"

#include <utf8proc.h>

static bool bidi_control(uint32_t cp)
{
    return cp == 0x061C || cp == 0x200E || cp == 0x200F || (cp >= 0x202A && cp <= 0x202E) ||
           (cp >= 0x2066 && cp <= 0x2069);
}

/* Reserved for default-ignorables though unassigned, and letters and symbols
 * whose glyph is blank. */
static bool blank(uint32_t cp)
{
    return (cp >= 0x2060 && cp <= 0x206F) || (cp >= 0xFFF0 && cp <= 0xFFFB) || (cp >= 0xE0000 && cp <= 0xE0FFF) ||
           cp == 0x2800 || cp == 0x1D159 || cp == 0x13441 || cp == 0x13442;
}

static bool strong_rtl(const utf8proc_property_t *p)
{
    return p->bidi_class == UTF8PROC_BIDI_CLASS_R || p->bidi_class == UTF8PROC_BIDI_CLASS_AL ||
           p->bidi_class == UTF8PROC_BIDI_CLASS_AN;
}

static enum kt_class by_category(const utf8proc_property_t *p)
{
    switch (p->category) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
        return KT_CLASS_PRIVATE;
    case UTF8PROC_CATEGORY_CC:
        return KT_CLASS_CONTROL;
    default:
        break;
    }
    if (strong_rtl(p))
        return KT_CLASS_RTL;
    switch (p->category) {
    case UTF8PROC_CATEGORY_CF:
        return KT_CLASS_HIDDEN;
    case UTF8PROC_CATEGORY_ZS:
        return KT_CLASS_SPACE;
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return KT_CLASS_LINE;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_MC:
        return KT_CLASS_COMBINING;
    default:
        return KT_CLASS_LETTER;
    }
}

enum kt_class kt_class_of(uint32_t cp)
{
    if (cp < 0xA0)
        return cp < 0x20 || cp >= 0x7F ? KT_CLASS_CONTROL : KT_CLASS_LETTER;
    if (cp > 0x10FFFF)
        return KT_CLASS_PRIVATE;
    if (bidi_control(cp))
        return KT_CLASS_BIDI;
    if (cp >= 0xE0020 && cp <= 0xE007E)
        return KT_CLASS_TAG;
    const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t)cp);
    if (p->ignorable || blank(cp))
        return KT_CLASS_HIDDEN;
    return by_category(p);
}

struct kt_unit kt_unit_at(const char *p, size_t n)
{
    uint32_t cp;
    size_t len = kt_utf8_decode(p, n, &cp);
    if (!len)
        return (struct kt_unit){(unsigned char)*p, 1, KT_CLASS_INVALID};
    return (struct kt_unit){cp, (uint8_t)len, kt_class_of(cp)};
}

static uint32_t note_of(struct kt_unit u)
{
    static const uint32_t note[] = {
        [KT_CLASS_CONTROL] = KT_NOTE_CONTROL,     [KT_CLASS_BIDI] = KT_NOTE_BIDI,
        [KT_CLASS_HIDDEN] = KT_NOTE_HIDDEN,       [KT_CLASS_TAG] = KT_NOTE_HIDDEN,
        [KT_CLASS_COMBINING] = KT_NOTE_COMBINING, [KT_CLASS_RTL] = KT_NOTE_RTL,
        [KT_CLASS_PRIVATE] = KT_NOTE_PRIVATE,     [KT_CLASS_INVALID] = KT_NOTE_INVALID,
    };
    bool above = u.class != KT_CLASS_INVALID && u.cp > 0x7F;
    return note[u.class] | (above ? (uint32_t)KT_NOTE_NON_ASCII : 0);
}

uint32_t kt_text_notes(struct kt_span s)
{
    uint32_t notes = 0;
    for (size_t i = 0; s.p && i < s.n;) {
        i += kt_ascii_run(s.p + i, s.n - i, 0, 0);
        if (i == s.n)
            break;
        struct kt_unit u = kt_unit_at(s.p + i, s.n - i);
        notes |= note_of(u);
        i += u.len;
    }
    return notes;
}
