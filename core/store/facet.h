/* What the rows of a view touch, counted: a hash table of entities. */
#ifndef KT_STORE_FACET_H
#define KT_STORE_FACET_H
#include "store/impl.h"

struct facet {
    kt_entity entity; /* 0: free */
    uint32_t rows, as_actor;
    uint32_t as_target : 29, kind : 3;
    int64_t first, last;
};

struct facets {
    uint32_t kinds; /* bit per kt_entity_kind */
    struct facet *slot;
    size_t cap, used;
    size_t distinct[KT_ENTITY_KINDS];
};

void facets_reset(struct facets *f, uint32_t kinds);
void facets_free(struct facets *f);
/* Room for `n` more entities. False: out of memory. */
bool facets_prepare(struct facets *f, size_t n);
/* Counts what a row touches; under the store's lock. */
void facets_row(struct facets *f, const struct kt_store *s, const struct packed *p);
/* The `max` of a kind with the most rows, most first; ties: the older handle.
 * Returns how many were written. */
size_t facets_top(const struct facets *f, enum kt_entity_kind k, const struct facet **out, size_t max);
#endif
