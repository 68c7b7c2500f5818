#include "base/literal.h"

#include "base/hash.h"
#include "base/utf8.h"

int kt_literal_unit(const char *p, size_t n)
{
    if (n < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    int v = 0;
    for (int i = 2; i < 6; i++) {
        int d = kt_hex_value_any(p[i]);
        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

/* -1 where it is none, NUL, or half a pair. */
static int escape_code(const char *p, const char *end)
{
    int v = kt_literal_unit(p, (size_t)(end - p));
    return v <= 0 || (v >= 0xd800 && v <= 0xdfff) ? -1 : v;
}

/* Bytes of the escape at `p`, 0 where it is not one to be sure of. */
static size_t escape_len(const char *p, const char *end)
{
    if (end - p < 2)
        return 0;
    switch (p[1]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
        return 2;
    case 'u':
        return escape_code(p, end) >= 0 ? 6 : 0;
    default:
        return 0;
    }
}

bool kt_literal(const char **at, const char *end, struct kt_span *s, bool *escapes)
{
    const char *p = *at + 1;
    s->p = p;
    *escapes = false;
    for (;;) {
        p = kt_literal_special(p, end);
        if (p == end)
            return false;
        size_t n;
        if (*p == '"') {
            s->n = (size_t)(p - s->p);
            *at = p + 1;
            return true;
        }
        if (*p == '\\') {
            n = escape_len(p, end);
            *escapes = true;
        } else {
            n = (unsigned char)*p < 0x20 ? 0 : kt_utf8_len((const unsigned char *)p, (size_t)(end - p));
        }
        if (!n)
            return false;
        p += n;
    }
}

static size_t put_code(char *to, int v)
{
    if (v < 0x80) {
        to[0] = (char)v;
        return 1;
    }
    if (v < 0x800) {
        to[0] = (char)(0xc0 | v >> 6);
        to[1] = (char)(0x80 | (v & 0x3f));
        return 2;
    }
    to[0] = (char)(0xe0 | v >> 12);
    to[1] = (char)(0x80 | (v >> 6 & 0x3f));
    to[2] = (char)(0x80 | (v & 0x3f));
    return 3;
}

size_t kt_literal_unescape(struct kt_span s, char *to)
{
    const char *from = to;
    for (const char *p = s.p, *end = s.p + s.n; p < end;) {
        if (*p != '\\') {
            *to++ = *p++;
            continue;
        }
        if (p[1] == 'u') {
            to += put_code(to, escape_code(p, end));
            p += 6;
            continue;
        }
        const char *k = strchr("bfnrt", p[1]);
        *to++ = k ? "\b\f\n\r\t"[k - "bfnrt"] : p[1];
        p += 2;
    }
    return (size_t)(to - from);
}
