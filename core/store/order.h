/* Sorting for views: keys as 64-bit numbers, texts as ranks. */
#ifndef KT_STORE_ORDER_H
#define KT_STORE_ORDER_H
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A row of a view. */
struct item {
    int64_t time;  /* eventTime */
    uint64_t mark; /* seq << 1 | level is high or critical */
};

/* Sorts the items by their keys, smaller first, stable; the keys are used up.
 * UINT64_MAX comes last. False: out of memory, order unchanged. */
bool order_items(struct item *v, uint64_t *key, size_t n);
/* The rank of each text among the distinct ones, from 0: ASCII case ignored,
 * then by bytes. False: out of memory. */
bool order_ranks(const struct kt_span *text, size_t n, uint32_t *rank, uint32_t *distinct);
int order_compare(struct kt_span a, struct kt_span b);
#endif
