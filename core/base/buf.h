/* A growing run of bytes with a declared maximum.
 *
 * Failure is sticky: once an addition did not fit (`max`) or memory ran out,
 * `failed` is set and later additions do nothing, so that a writer checks
 * once, at the end. What was added before stays. The bytes are always
 * followed by a NUL that `len` does not count (except in a buffer that never
 * grew, where `p` is NULL: use kt_buf_str). */
#ifndef KT_BASE_BUF_H
#define KT_BASE_BUF_H
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>

struct kt_buf {
    char *p;
    size_t len, cap, max;
    bool failed;
};

void kt_buf_init(struct kt_buf *b, size_t max);
void kt_buf_free(struct kt_buf *b);
/* Empties and clears `failed`; keeps the memory. */
void kt_buf_reset(struct kt_buf *b);
/* Room for `n` more bytes at p + len. False where it does not fit. */
bool kt_buf_reserve(struct kt_buf *b, size_t n);
bool kt_buf_add(struct kt_buf *b, const void *p, size_t n);
bool kt_buf_addc(struct kt_buf *b, char c);
bool kt_buf_adds(struct kt_buf *b, const char *s);
bool kt_buf_addf(struct kt_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Drops the first `n` bytes, moving the rest to the front. */
void kt_buf_drop(struct kt_buf *b, size_t n);
/* Never NULL. */
const char *kt_buf_str(const struct kt_buf *b);
static inline struct kt_span kt_buf_span(const struct kt_buf *b)
{
    return (struct kt_span){kt_buf_str(b), b->len};
}

/* Grows the array at `*p` (of `*cap` elements of `size` bytes) so that it
 * holds `need` elements; never beyond `max`. False leaves it as it was. */
bool kt_grow(void *p, size_t *cap, size_t need, size_t size, size_t max);
#endif
