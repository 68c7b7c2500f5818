/* From the filter language to conditions on records: what of a filter an engine
 * can be asked. Columns that are worked out (risk, why, tool, ...), and words for
 * any column, are left to the filter itself: what comes passes it anyhow. */
#ifndef KT_QUERY_LOWER_H
#define KT_QUERY_LOWER_H
#include "filter/filter.h"
#include "query/cond.h"

/* What surely holds wherever `f` does (NULL: all). NULL where `a` is full. */
struct kt_cond *kt_cond_of_filter(struct kt_arena *a, const struct kt_filter *f);
#endif
