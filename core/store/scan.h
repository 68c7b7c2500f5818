/* Reading a view's rows out of the store, with keys to sort them by: for the
 * worker alone. */
#ifndef KT_STORE_SCAN_H
#define KT_STORE_SCAN_H
#include "store/facet.h"
#include "store/match.h"
#include "store/order.h"
#include "store/view.h"

/* Which rows are a view's: a bit for each seq from `base` on. */
struct members {
    uint64_t base;
    uint64_t *in, *high; /* high: of level high or critical */
    size_t words;
};
/* Room for rows up to `last`. False: out of memory. */
bool members_prepare(struct members *m, uint64_t last);
void members_free(struct members *m);
static inline bool members_have(const struct members *m, uint64_t seq)
{
    uint64_t i = seq - m->base;
    return seq >= m->base && i / 64 < m->words && (m->in[i / 64] >> i % 64 & 1);
}
/* How many there are from `first` on. */
void members_count(const struct members *m, uint64_t first, uint64_t *n, uint64_t *high);
/* Calls `chunk` with all rows from `first` to `last` that lie in one chunk,
 * rows[i] = seq, under the lock, for each chunk in turn. */
void members_each(const struct members *m, struct kt_store *s, uint64_t first, uint64_t last,
                  void (*chunk)(void *ctx, const struct chunk *c, uint64_t seq0, const uint16_t *at, size_t n),
                  void *ctx);

/* The texts of the sorting field, each number's once. */
struct texts {
    struct kt_arena *a, *scratch;
    struct kt_span *text;
    size_t n, cap;
    enum component c;
    uint32_t *known; /* by the component's number: place in text[], from 1; UINT32_MAX: the text is not known */
    size_t limit;
    uint32_t *shared; /* the same by the number of the text itself, where the component has several */
    size_t shared_n;
    int place;        /* of the text among those of the component; -1: it has no number */
    uint64_t reuses; /* of entities' places, as of then */
};

struct scan {
    struct kt_store *s;
    const struct kt_view_spec *spec;
    struct members *members;
    struct facets *facets;
    uint64_t after, end; /* rows after < seq <= end */
    bool (*give_up)(void *ctx);
    void *ctx;
    /* the scan's own */
    struct matcher *m;
    struct texts texts;
    enum { BY_NUMBER, BY_TEXT, BY_CODE } by;
    bool walking;        /* of a scope: along its rows */
    struct walk walk;
    uint32_t *at;        /* rows that were found, as they came: seq - base */
    size_t n, cap, keys_cap, spare_cap;
    struct order order;
    struct order_codes codes;
};

enum scanned { SCANNED, SCAN_GIVEN_UP, SCAN_NOT /* out of memory */ };
/* Finds and sorts; then scan_seq() says which row comes i-th of x->n. `many`:
 * what rows have in common is worth remembering. */
enum scanned scan_rows(struct scan *x, bool many);
static inline uint64_t scan_seq(const struct scan *x, size_t i)
{
    return x->members->base + x->at[order_at(&x->order, i)];
}
void scan_free(struct scan *x);
/* Holds the tables, so that no number comes to stand for something else. */
void scan_hold(struct kt_store *s, bool on);

/* Does row `seq` come before row `newer`, which arrived later, in this order?
 * -1: one of them is gone. Under the lock. */
int scan_before(const struct kt_store *s, const struct kt_view_spec *w, struct kt_arena *scratch, uint64_t seq,
                uint64_t newer);
#endif
