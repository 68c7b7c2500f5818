#include "base/nearest.h"

#include <stdint.h>

enum { NAME_LONG = 64 };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

size_t kt_name_distance(struct kt_span a, struct kt_span b)
{
    size_t row[NAME_LONG + 1];
    if (b.n > NAME_LONG || a.n > NAME_LONG)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.n; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t change = corner + (lower(a.p[i - 1]) != lower(b.p[j - 1]));
            corner = row[j];
            size_t least = row[j] + 1 < row[j - 1] + 1 ? row[j] + 1 : row[j - 1] + 1;
            row[j] = change < least ? change : least;
        }
    }
    return row[b.n];
}
