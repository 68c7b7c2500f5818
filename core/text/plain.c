/* The escapes of files and pipes.
 *
 * Why kt_text_unescape is the exact inverse of kt_text_plain: an escape is a
 * backslash and "u{" or "x{". Call a run of backslashes loaded when "u{" or
 * "x{" follows it in the output. In the output every loaded run is either 2k
 * long (k backslashes of the data before a literal "u{" or "x{") or 2k + 1
 * long (k of the data, then an escape); every other run is as in the data.
 * So parity tells escape from letters, half the length tells the data's
 * backslashes, and nothing else was changed. An escape names a whole code
 * point or one byte that is not part of any, so the bytes come back. */
#include "text/classes.h"
#include "base/hash.h"

enum style {
    STYLE_ASCII, /* nothing above 0x7E stands */
    STYLE_UTF8,  /* letters stand, and the first marks on a letter */
    STYLE_CSV    /* letters of any direction, marks and spaces stand */
};

/* Whether `u` stands as it is; `marks` have already been kept on its base,
 * KT_MARKS_KEPT where there is no base. */
static bool stands(enum style style, struct kt_unit u, int marks)
{
    if (u.cp < 0x80 && u.class == KT_CLASS_LETTER)
        return true;
    if (style == STYLE_ASCII)
        return false;
    switch (u.class) {
    case KT_CLASS_LETTER:
        return true;
    case KT_CLASS_COMBINING:
        return style == STYLE_CSV || marks < KT_MARKS_KEPT;
    case KT_CLASS_RTL:
    case KT_CLASS_SPACE:
        return style == STYLE_CSV;
    default:
        return false;
    }
}

static size_t put_hex(char *out, uint32_t v)
{
    size_t digits = 1;
    while (v >> (4 * digits) && digits < 6)
        digits++;
    for (size_t i = digits; i-- > 0; v >>= 4)
        out[i] = "0123456789abcdef"[v & 15];
    return digits;
}

static bool add_escape(struct kt_buf *b, struct kt_unit u)
{
    char text[12] = {'\\', u.class == KT_CLASS_INVALID ? 'x' : 'u', '{'};
    size_t n = 3 + put_hex(text + 3, u.cp);
    text[n++] = '}';
    return kt_buf_add(b, text, n);
}

static size_t count_backslashes(const char *p, size_t n)
{
    size_t k = 0;
    while (k < n && p[k] == '\\')
        k++;
    return k;
}

/* "u{" or "x{" */
static bool opens(const char *p, size_t n)
{
    return n >= 2 && (p[0] == 'u' || p[0] == 'x') && p[1] == '{';
}

/* A run of `k` backslashes, doubled where what follows would load it. */
static bool add_backslashes(struct kt_buf *b, const char *p, size_t k, size_t n, enum style style)
{
    bool loaded = opens(p + k, n - k) || (k < n && !stands(style, kt_unit_at(p + k, n - k), 0));
    return kt_buf_add(b, p, k) && (!loaded || kt_buf_add(b, p, k));
}

static bool add_escaped(struct kt_buf *b, struct kt_span s, enum style style)
{
    const char also = style == STYLE_CSV ? '"' : 0;
    int marks = KT_MARKS_KEPT;
    for (size_t i = 0; i < s.n && !b->failed;) {
        const char *p = s.p + i;
        size_t run = kt_ascii_run(p, s.n - i, '\\', also);
        if (run) {
            kt_buf_add(b, p, run);
            marks = 0;
        } else if (*p == '\\') {
            run = count_backslashes(p, s.n - i);
            add_backslashes(b, p, run, s.n - i, style);
            marks = 0;
        } else if (also && *p == also) {
            run = 1;
            kt_buf_add(b, "\"\"", 2);
            marks = 0;
        } else {
            struct kt_unit u = kt_unit_at(p, s.n - i);
            run = u.len;
            if (!stands(style, u, marks)) {
                add_escape(b, u);
                marks = KT_MARKS_KEPT;
            } else {
                kt_buf_add(b, p, run);
                marks = u.class == KT_CLASS_COMBINING ? marks + 1 : 0;
            }
        }
        i += run;
    }
    return !b->failed;
}

bool kt_text_plain(struct kt_buf *b, struct kt_span s, enum kt_text_kind kind, bool ascii)
{
    if (!s.p)
        return !b->failed;
    return add_escaped(b, s, ascii || kind == KT_TEXT_IDENTITY ? STYLE_ASCII : STYLE_UTF8);
}

/* --- and back ---------------------------------------------------------------- */

/* Takes "u{202e}" or "x{c0}" at p; returns its length, 0 where it is neither. */
static size_t take_escape(struct kt_buf *b, const char *p, size_t n)
{
    uint32_t v = 0;
    size_t i = 2;
    for (; i < n && i < 8 && kt_hex_value(p[i]) >= 0; i++)
        v = v << 4 | (uint32_t)kt_hex_value(p[i]);
    if (i == 2 || i == n || p[i] != '}')
        return 0;
    char out[4] = {(char)v};
    size_t len = p[0] == 'u' ? kt_utf8_encode(v, out) : v >= 0x80 && v <= 0xFF;
    return len && kt_buf_add(b, out, len) ? i + 1 : 0;
}

/* Takes anything that reads as escaped text, more than kt_text_plain writes. */
static bool take_escaped(struct kt_buf *b, struct kt_span s)
{
    for (size_t i = 0; i < s.n && !b->failed;) {
        const char *slash = memchr(s.p + i, '\\', s.n - i);
        size_t run = slash ? (size_t)(slash - s.p) - i : s.n - i;
        kt_buf_add(b, s.p + i, run);
        i += run;
        size_t k = count_backslashes(s.p + i, s.n - i);
        bool loaded = opens(s.p + i + k, s.n - i - k);
        kt_buf_add(b, s.p + i, loaded ? k / 2 : k);
        i += k;
        if (loaded && k % 2) {
            size_t len = take_escape(b, s.p + i, s.n - i);
            if (!len)
                return false;
            i += len;
        }
    }
    return !b->failed;
}

/* Whether `s` is what `data` looks like in either style. */
static bool is_plain_of(struct kt_span s, struct kt_span data)
{
    struct kt_buf again;
    bool same = false;
    kt_buf_init(&again, s.n);
    for (int style = STYLE_ASCII; style <= STYLE_UTF8 && !same; style++) {
        kt_buf_reset(&again);
        same = add_escaped(&again, data, (enum style)style) && kt_span_eq(kt_buf_span(&again), s);
    }
    kt_buf_free(&again);
    return same;
}

bool kt_text_unescape(struct kt_buf *b, struct kt_span s)
{
    size_t start = b->len;
    if (!s.p)
        return false;
    if (take_escaped(b, s) && is_plain_of(s, (struct kt_span){kt_buf_str(b) + start, b->len - start}))
        return true;
    b->len = start;
    if (b->p)
        b->p[start] = '\0';
    return false;
}

/* --- JSON --------------------------------------------------------------------- */

static size_t put_u16(char *out, uint32_t v)
{
    out[0] = '\\';
    out[1] = 'u';
    for (int i = 5; i > 1; i--, v >>= 4)
        out[i] = "0123456789abcdef"[v & 15];
    return 6;
}

static bool add_json_unit(struct kt_buf *b, struct kt_unit u)
{
    char out[12];
    static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
    const char *short_form = u.cp && u.cp < 0x80 ? strchr(plain, (int)u.cp) : NULL;
    if (u.class == KT_CLASS_INVALID)
        return kt_buf_add(b, "\\ufffd", 6);
    if (short_form) {
        out[0] = '\\';
        out[1] = letter[short_form - plain];
        return kt_buf_add(b, out, 2);
    }
    if (u.cp < 0x10000)
        return kt_buf_add(b, out, put_u16(out, u.cp));
    uint32_t v = u.cp - 0x10000;
    put_u16(out, 0xD800 | v >> 10);
    put_u16(out + 6, 0xDC00 | (v & 0x3FF));
    return kt_buf_add(b, out, 12);
}

bool kt_text_json(struct kt_buf *b, struct kt_span s)
{
    if (!s.p)
        return kt_buf_adds(b, "null");
    kt_buf_addc(b, '"');
    for (size_t i = 0; i < s.n && !b->failed;) {
        size_t run = kt_ascii_run(s.p + i, s.n - i, '\\', '"');
        if (run)
            kt_buf_add(b, s.p + i, run);
        i += run;
        if (i == s.n)
            break;
        struct kt_unit u = {.class = KT_CLASS_INVALID};
        size_t len = kt_utf8_decode(s.p + i, s.n - i, &u.cp);
        if (len)
            u.class = KT_CLASS_LETTER; /* all are escaped: no need to ask which */
        add_json_unit(b, u);
        i += len ? len : 1;
    }
    return kt_buf_addc(b, '"');
}

/* --- CSV ---------------------------------------------------------------------- */

/* OWASP's set, with LF and the full-width forms that some spreadsheets fold.
 * Behind apostrophes too, so that one more apostrophe can be told from the
 * data's own. */
static bool reads_as_formula(struct kt_span s)
{
    size_t i = 0;
    while (i < s.n && s.p[i] == '\'')
        i++;
    if (i == s.n)
        return false;
    struct kt_unit u = kt_unit_at(s.p + i, s.n - i);
    switch (u.class == KT_CLASS_INVALID ? 0 : u.cp) {
    case '=':
    case '+':
    case '-':
    case '@':
    case '\t':
    case '\r':
    case '\n':
    case 0xFF1D:
    case 0xFF0B:
    case 0xFF0D:
    case 0xFF20:
        return true;
    default:
        return false;
    }
}

bool kt_text_csv(struct kt_buf *b, struct kt_span s)
{
    if (!s.p || !s.n)
        return !b->failed;
    bool quote = memchr(s.p, ',', s.n) || memchr(s.p, '"', s.n);
    if (quote)
        kt_buf_addc(b, '"');
    if (reads_as_formula(s))
        kt_buf_addc(b, '\'');
    add_escaped(b, s, STYLE_CSV);
    if (quote)
        kt_buf_addc(b, '"');
    return !b->failed;
}
