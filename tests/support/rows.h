/* Rows as an organization's trail gives them: some accounts with users and
 * roles, addresses, tools, self and other, denied calls, and now and then a
 * malformed record. The same seed gives the same rows. */
#ifndef TESTS_SUPPORT_ROWS_H
#define TESTS_SUPPORT_ROWS_H
#include "base/arena.h"
#include "detect/row.h"

struct rowgen {
    uint64_t state;
    uint64_t n;      /* rows made so far */
    int64_t time;    /* of the last row */
    int accounts;    /* 0: 20 */
    int malformed_per_mille;
    int odd_per_mille; /* rows of unknown facts and strange texts */
};

uint64_t rowgen_random(struct rowgen *g, uint64_t below);
/* Spans live in `a` or are literals; `raw` is the record's JSON text. */
void rowgen_next(struct rowgen *g, struct kt_arena *a, struct kt_row *r, uint8_t content[32]);
/* A row of known facts to change as wanted: alice makes herself a key. */
void rowgen_plain(struct kt_row *r, const char *event_id, int64_t time);
#endif
