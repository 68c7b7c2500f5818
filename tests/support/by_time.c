#include "tests/support/by_time.h"

#include <stdlib.h>
#include <string.h>

enum { PLACES_MAX = 1 << 22 };

struct order { /* what qsort_r is told */
    const char *event;
    size_t stride;
};

static int64_t time_of(const struct order *o, uint32_t i)
{
    int64_t t;
    memcpy(&t, o->event + i * o->stride, sizeof t);
    return t;
}

static int compare(const void *a, const void *b, void *order)
{
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    int64_t x = time_of(order, i), y = time_of(order, j);
    return x != y ? (x > y) - (x < y) : (i > j) - (i < j);
}

void by_time_update(struct by_time *b, const void *event, size_t stride, size_t n)
{
    struct order o = {event, stride};
    if (b->n == n)
        return;
    if (!kt_grow(&b->at, &b->cap, n, sizeof *b->at, PLACES_MAX))
        abort();
    for (; b->n < n; b->n++)
        b->at[b->n] = (uint32_t)b->n;
    qsort_r(b->at, n, sizeof *b->at, compare, &o);
}

size_t by_time_from(const struct by_time *b, const void *event, size_t stride, int64_t time)
{
    struct order o = {event, stride};
    size_t low = 0, high = b->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (time_of(&o, b->at[mid]) < time)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void by_time_free(struct by_time *b)
{
    free(b->at);
    *b = (struct by_time){0};
}

void fake_escape(struct kt_buf *b, const char *text)
{
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, "\"\\");
        kt_buf_add(b, p, n);
        p += n;
        if (*p) {
            kt_buf_addc(b, '\\');
            kt_buf_addc(b, *p++);
        }
    }
}
