/* Memory that is given back all at once. Chunks grow; a declared maximum
 * bounds the whole. Not thread-safe: one owner. */
#ifndef KT_BASE_ARENA_H
#define KT_BASE_ARENA_H
#include "base/span.h"

#include <stddef.h>

struct kt_arena;

/* NULL where memory ran out. */
struct kt_arena *kt_arena_new(size_t max);
void kt_arena_free(struct kt_arena *a);
/* All that was given out is invalid afterwards; one chunk is kept. */
void kt_arena_reset(struct kt_arena *a);
/* Aligned for any type, not cleared. NULL at the maximum. */
void *kt_arena_alloc(struct kt_arena *a, size_t n);
/* A copy followed by a NUL. An unknown span stays unknown; so does one that
 * no longer fits. */
struct kt_span kt_arena_span(struct kt_arena *a, struct kt_span s);
size_t kt_arena_used(const struct kt_arena *a);
#endif
