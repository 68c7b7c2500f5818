/* Groups of a snapshot's rows: for the worker that makes it. */
#ifndef KT_STORE_GROUPS_H
#define KT_STORE_GROUPS_H
#include "store/scan.h"

/* Sets x->groups from its rows, of which first <= seq <= last may be kept; in
 * `a`. False: out of memory. Not under the store's lock; the tables of texts
 * are held by the caller. */
bool groups_fill(struct kt_snapshot *x, struct kt_store *s, const struct kt_view_spec *w, struct kt_arena *a,
                 const struct members *m, uint64_t first, uint64_t last);
#endif
