/* A borrowed run of bytes. `p == NULL` means the fact is not known (absent in
 * the record); `p != NULL && n == 0` is a known, empty text. Bytes may hold
 * NUL and any UTF-8: never treat a span as a C string, never print it except
 * through core/text. */
#ifndef KT_BASE_SPAN_H
#define KT_BASE_SPAN_H
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct kt_span {
    const char *p;
    size_t n;
};

#define KT_SPAN_NONE ((struct kt_span){NULL, 0})
/* a span over a string literal */
#define KT_LIT(s) ((struct kt_span){"" s, sizeof(s) - 1})

static inline struct kt_span kt_span_of(const char *s)
{
    return (struct kt_span){s, s ? strlen(s) : 0};
}
static inline bool kt_span_known(struct kt_span s)
{
    return s.p != NULL;
}
/* Two unknowns are not equal: unknown equals nothing. */
static inline bool kt_span_eq(struct kt_span a, struct kt_span b)
{
    return a.p && b.p && a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}
static inline bool kt_span_is(struct kt_span a, const char *s)
{
    return a.p && strlen(s) == a.n && memcmp(a.p, s, a.n) == 0;
}
static inline bool kt_span_starts(struct kt_span a, const char *s)
{
    size_t n = strlen(s);
    return a.p && a.n >= n && memcmp(a.p, s, n) == 0;
}
/* The next `n` bytes of what was written as bytes; false where there are fewer. */
static inline bool kt_span_take(struct kt_span *rest, void *out, size_t n)
{
    if (rest->n < n)
        return false;
    memcpy(out, rest->p, n);
    rest->p += n;
    rest->n -= n;
    return true;
}
#endif
