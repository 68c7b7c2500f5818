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
/* Is this text one of the names? */
bool kt_pick_is(const struct kt_pick *k, const char *p, size_t n);
/* From now on what matters is a name as the value of a key `eventName`, which takes
 * the same time for any number of names. False where memory ran out. */
bool kt_pick_exactly(struct kt_pick *k);
/* Can this value matter? As kt_pick_any, but for kt_pick_exactly: then, if behind
 * some `eventName` in it, however deep in strings, stands one of the names or what
 * is not simply another text, or where there is an escape. */
bool kt_pick_matters(const struct kt_pick *k, const char *p, size_t n);
/* How many pairs of bytes a search looks for. */
size_t kt_pick_anchors(const struct kt_pick *k);
/* How far behind the beginning of what decides it lies. */
size_t kt_pick_reach(const struct kt_pick *k);
/* No hit is longer than this. */
size_t kt_pick_longest(const struct kt_pick *k);
static inline bool kt_pick_any(const struct kt_pick *k, const char *p, size_t n)
{
    return kt_pick_next(k, p, n, 0) < n;
}
#endif
