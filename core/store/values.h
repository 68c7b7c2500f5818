/* What a field of a view's rows says, and how often: for who offers values while
 * one writes a filter. Asked for in a view's spec (`values_of`, `values_max`),
 * answered in its snapshots (`values`). A list (signals, rules, flags, tags)
 * counts for each of its items. Not of fields that are each row's own
 * (event_id, times, origin.record); of one with more than 131,072 values that
 * ever were, such as keys, only so many of the newest rows are looked at. */
#ifndef KT_STORE_VALUES_H
#define KT_STORE_VALUES_H
#include "store/view.h"

struct members;
struct kt_store;
/* Sets x->values from its rows, of which first <= seq <= last may be kept; in
 * `a`. False: out of memory. Not under the store's lock; the tables are held by
 * the caller. */
bool values_fill(struct kt_snapshot *x, struct kt_store *s, const struct kt_view_spec *w, struct kt_arena *a,
                 const struct members *m, uint64_t first, uint64_t last);
#endif
