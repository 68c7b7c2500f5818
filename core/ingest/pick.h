/* Can these bytes matter? They can where they hold one of the names, or an
 * escape that may spell a letter of one.
 *
 * An ASCII letter in a JSON string is spelled literally or as \u00XX with XX
 * from 41 to 7A, so that without a name and without `\u00[4-7]` no string in
 * them can be equal to a name. That holds at any depth of JSON in a JSON
 * string, where the backslash is doubled but still stands before the `u`; if a
 * digit of an inner escape is itself escaped in the outer string, a backslash
 * follows within four bytes of `\u`, which counts as well. */
#ifndef KT_INGEST_PICK_H
#define KT_INGEST_PICK_H
#include <stdbool.h>
#include <stddef.h>

struct kt_pick;
/* `names` are borrowed; empty ones are left out. NULL where memory ran out. */
struct kt_pick *kt_pick_new(const char *const *names, size_t n);
void kt_pick_free(struct kt_pick *k);
/* Where the first hit at or after `from` begins; `n` where there is none. */
size_t kt_pick_next(const struct kt_pick *k, const char *p, size_t n, size_t from);
/* The same, byte by byte, and with the registers of older and newer machines:
 * what tests compare with each other. The last needs AVX2. */
size_t kt_pick_next_portable(const struct kt_pick *k, const char *p, size_t n, size_t from);
#ifdef __SSE2__
size_t kt_pick_next_sse2(const struct kt_pick *k, const char *p, size_t n, size_t from);
#endif
#ifdef __x86_64__
size_t kt_pick_next_avx2(const struct kt_pick *k, const char *p, size_t n, size_t from);
#endif
/* No hit is longer than this. */
size_t kt_pick_longest(const struct kt_pick *k);
static inline bool kt_pick_any(const struct kt_pick *k, const char *p, size_t n)
{
    return kt_pick_next(k, p, n, 0) < n;
}
#endif
