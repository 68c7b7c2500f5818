/* Sorting for views: keys as 64-bit numbers, texts as ranks or by their
 * beginnings. */
#ifndef KT_STORE_ORDER_H
#define KT_STORE_ORDER_H
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Keys in order of arrival, and, once they are sorted, where each stood:
 * order_at(o, i) is the arrival that comes i-th. Keys of equal value: later
 * arrivals first. */
struct order {
    uint64_t *key, *spare; /* n each; malloc'd by whoever fills it, freed by order_free */
    size_t n;
    bool codes;             /* keys are order_codes, or their complements: then few bits may do */
    const uint64_t *sorted; /* one of both */
    uint64_t mask;          /* of an arrival's number in it */
    unsigned low;           /* above it: the key, or as much of it as there was room for */
    bool cut;               /* not all of it: equal ones may differ */
    uint64_t unknown;       /* as UINT64_MAX stands there */
};

/* By key, smaller first; UINT64_MAX comes last. The keys are used up. False: out of memory. */
bool order_sort(struct order *o);
void order_free(struct order *o);
static inline size_t order_at(const struct order *o, size_t i)
{
    return (size_t)(o->sorted[i] & o->mask);
}

/* The rank of each text among the distinct ones, from 0: ASCII case ignored,
 * then by bytes. False: out of memory. */
bool order_ranks(const struct kt_span *text, size_t n, uint32_t *rank, uint32_t *distinct);
int order_compare(struct kt_span a, struct kt_span b);
/* Of two texts the one that comes first has the smaller code, or they have the
 * same: ten bytes of six bits each, for what comes before digits, digits, what
 * lies between them and letters, letters of any case, what comes behind them;
 * 0: the text has ended. */
enum { ORDER_CODE_BITS = 60 };
struct order_codes {
    uint8_t of[256];
};
void order_code_table(struct order_codes *t);
uint64_t order_code(const struct order_codes *t, struct kt_span text);
#endif
