#include "query/quote.h"

#include "text/text.h"

static bool is_word(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool kt_quote_plain(struct kt_span value)
{
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if (!is_word(c) && !(c && strchr("_.:/@+,- ", c)))
            return false;
    }
    return value.p != NULL;
}

static bool is_printable(struct kt_span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || (unsigned char)s.p[i] > 0x7e)
            return false;
    return true;
}

/* '...' with its quotes doubled; U&'...' with \XXXX and \+XXXXXX where it is not
 * printable ASCII. Bytes that are not UTF-8 cannot be said. */
static bool quote_trino(struct kt_span v, struct kt_buf *out)
{
    bool printable = is_printable(v);
    kt_buf_adds(out, printable ? "'" : "U&'");
    for (size_t i = 0; i < v.n;) {
        uint32_t cp = 0;
        size_t n = kt_utf8_decode(v.p + i, v.n - i, &cp);
        if (!n)
            return false;
        if (cp == '\'')
            kt_buf_adds(out, "''");
        else if (cp == '\\' && !printable)
            kt_buf_adds(out, "\\\\");
        else if (cp >= 0x20 && cp < 0x7f)
            kt_buf_addc(out, (char)cp);
        else
            kt_buf_addf(out, cp > 0xffff ? "\\+%06X" : "\\%04X", (unsigned)cp);
        i += n;
    }
    return kt_buf_addc(out, '\'');
}

/* Every byte but letters, digits and a few signs as \xHH. */
static bool quote_clickhouse(struct kt_span v, struct kt_buf *out)
{
    kt_buf_addc(out, '\'');
    for (size_t i = 0; i < v.n; i++) {
        unsigned char c = (unsigned char)v.p[i];
        if (is_word(c) || (c && strchr("_.:/@+,- ", c)))
            kt_buf_addc(out, (char)c);
        else
            kt_buf_addf(out, "\\x%02x", c);
    }
    return kt_buf_addc(out, '\'');
}

static bool quote_plain(struct kt_span v, struct kt_buf *out)
{
    if (!kt_quote_plain(v))
        return false;
    kt_buf_addc(out, '"');
    kt_buf_add(out, v.p, v.n);
    return kt_buf_addc(out, '"');
}

/* What was added to `out` since it had `len` bytes stays, or none of it. */
static bool keep(bool good, struct kt_buf *out, size_t len)
{
    if (good && !out->failed)
        return true;
    if (!out->failed && out->p) {
        out->len = len;
        out->p[len] = 0;
    }
    return false;
}

bool kt_quote(enum kt_dialect d, struct kt_span value, struct kt_buf *out)
{
    size_t len = out->len;
    if (!value.p || value.n > KT_QUOTE_MAX)
        return false;
    bool good = d == KT_DIALECT_TRINO        ? quote_trino(value, out)
                : d == KT_DIALECT_CLICKHOUSE ? quote_clickhouse(value, out)
                                             : quote_plain(value, out);
    return keep(good, out, len);
}

static bool needs_no_quotes(struct kt_span name)
{
    bool dotted = true;
    for (size_t i = 0; i < name.n; i++)
        dotted &= is_word((unsigned char)name.p[i]) || name.p[i] == '_' || name.p[i] == '@' || name.p[i] == '.';
    return dotted;
}

bool kt_quote_name(enum kt_dialect d, struct kt_span name, struct kt_buf *out)
{
    size_t len = out->len;
    char quote = d == KT_DIALECT_TRINO ? '"' : d == KT_DIALECT_SPL ? '\'' : '`';
    if (!name.p || !name.n || name.n > 256 || !is_printable(name))
        return false;
    if (d == KT_DIALECT_INSIGHTS && needs_no_quotes(name))
        return kt_buf_add(out, name.p, name.n);
    bool doubled = d == KT_DIALECT_TRINO;
    kt_buf_addc(out, quote);
    for (size_t i = 0; i < name.n; i++) {
        bool sign = name.p[i] == quote || (name.p[i] == '\\' && !doubled);
        if (sign && d != KT_DIALECT_TRINO && d != KT_DIALECT_CLICKHOUSE)
            return keep(false, out, len);
        if (sign)
            kt_buf_addc(out, doubled ? quote : '\\');
        kt_buf_addc(out, name.p[i]);
    }
    kt_buf_addc(out, quote);
    return keep(true, out, len);
}
