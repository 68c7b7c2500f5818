#include "tui/squeeze.h"

#include <stdbool.h>
#include <string.h>

void kt_squeeze_forget(struct kt_squeeze *s)
{
    s->on[0].n = s->on[1].n = 0;
}

/* The length of the "ESC [ ... m" at p, 0 where there is none. */
static size_t sgr_length(const char *p, size_t n)
{
    size_t k = 2;
    if (n < 3 || p[1] != '[')
        return 0;
    while (k < n && ((p[k] >= '0' && p[k] <= '9') || p[k] == ';' || p[k] == ':'))
        k++;
    return k < n && p[k] == 'm' ? k + 1 : 0;
}

/* Is this colour on already? Remembers it. What is not a colour of 256 or
 * more ("ESC [ m" is three bytes) may change both. */
static bool is_on(struct kt_squeeze *s, const char *p, size_t n)
{
    int slot = n < 6 || p[3] != '8' ? -1 : p[2] == '3' ? 0 : p[2] == '4' ? 1 : -1;
    if (slot < 0 || n > KT_SQUEEZE_SGR) {
        kt_squeeze_forget(s);
        return false;
    }
    if (s->on[slot].n == n && memcmp(s->on[slot].text, p, n) == 0)
        return true;
    memcpy(s->on[slot].text, p, n);
    s->on[slot].n = n;
    return false;
}

/* "ESC [ 38 ; 5 ; N m" as what N stands for. */
static void put(const struct kt_squeeze *s, const char *p, size_t n, struct kt_buf *out)
{
    unsigned number = 0;
    bool numbered = s->rgb && n >= 9 && n <= 11 && (p[2] == '3' || p[2] == '4') && memcmp(p + 3, "8;5;", 4) == 0;
    for (size_t i = 7; numbered && i + 1 < n; i++) {
        numbered = p[i] >= '0' && p[i] <= '9';
        number = number * 10 + (unsigned)(p[i] - '0');
    }
    if (!numbered || number > 255 || s->rgb[number] < 0) {
        kt_buf_add(out, p, n);
        return;
    }
    unsigned c = (unsigned)s->rgb[number];
    kt_buf_addf(out, "\033[%c8;2;%u;%u;%um", p[2], c >> 16 & 255, c >> 8 & 255, c & 255);
}

void kt_squeeze(struct kt_squeeze *s, const char *p, size_t n, struct kt_buf *out)
{
    while (n) {
        size_t plain = 0, sgr = 0;
        while (plain < n && !(p[plain] == '\033' && (sgr = sgr_length(p + plain, n - plain))))
            plain++;
        kt_buf_add(out, p, plain);
        if (plain < n && !is_on(s, p + plain, sgr))
            put(s, p + plain, sgr, out);
        plain += plain < n ? sgr : 0;
        p += plain;
        n -= plain;
    }
}
