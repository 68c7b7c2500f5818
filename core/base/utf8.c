#include "base/utf8.h"

#include <stdbool.h>

static bool continues(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

size_t kt_utf8_len_or(const unsigned char *p, size_t n, size_t *bad)
{
    unsigned char lo = 0x80, hi = 0xbf;
    size_t len;
    *bad = 1;
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        len = 2;
    else if (p[0] >= 0xe0 && p[0] <= 0xef)
        len = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4)
        len = 4;
    else
        return 0;
    if (p[0] == 0xe0)
        lo = 0xa0;
    else if (p[0] == 0xed)
        hi = 0x9f;
    else if (p[0] == 0xf0)
        lo = 0x90;
    else if (p[0] == 0xf4)
        hi = 0x8f;
    for (size_t i = 1; i < len; i++) {
        if (i >= n || (i == 1 ? p[1] < lo || p[1] > hi : !continues(p[i]))) {
            *bad = i;
            return 0;
        }
    }
    return len;
}

size_t kt_utf8_len(const unsigned char *p, size_t n)
{
    size_t bad;
    return kt_utf8_len_or(p, n, &bad);
}
