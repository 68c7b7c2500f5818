/* Rows as they lie in the store, asked for the texts of their fields and
 * against a filter. What rows share is looked at once: the answer is kept for
 * each number of a table. Used by a view's worker, under the store's lock;
 * the tables are held for as long as answers are kept. */
#ifndef KT_STORE_MATCH_H
#define KT_STORE_MATCH_H
#include "filter/filter.h"
#include "store/impl.h"

/* What a field's text hangs on. */
enum component {
    C_ACTOR, C_AGENT, C_PLACE, C_ERROR, C_VERDICT, C_WHY, C_ORIGIN, C_WHERE, /* a number of a table */
    C_TARGET, C_ADDRESS, C_KEY,                                     /* the number of a text */
    C_ENUMS, C_FLAGS,                                               /* small numbers */
    C_TRIAGE,                                                       /* a number of a table */
    C_ID, C_TIME, C_CREATED, C_RECORD,                              /* each row's own */
    COMPONENTS
};
enum component component_of(enum kt_field f);
/* The number that stands for the component in a row, below `limit`; 0 for none.
 * Of target, address and key it is their place among the entities: it may come
 * to stand for another where entities' `reuses` grow. `limit` 0: each row's own. */
uint32_t component_at(const struct kt_store *s, const struct chunk *c, size_t row, enum component k);
/* Where the numbers of a chunk's rows stand, before component_index; NULL: ask for each. */
const uint32_t *component_column(const struct chunk *c, enum component k);
static inline uint32_t component_index(enum component k, uint32_t v)
{
    return k == C_TARGET || k == C_ADDRESS || k == C_KEY ? v & PLACE_MASK : v;
}
size_t component_limit(const struct kt_store *s, enum component c);
/* The numbers of the texts in an actor or an error (T_TEXT; 0: none), and where
 * among them a field's stands, -1: not as one text. NULL: there is no such one. */
const uint32_t *component_texts(const struct kt_store *s, enum component c, uint32_t number);
int component_text_place(enum component c, enum kt_field f);
/* A field's text; borrowed from the store or in `a`. Not for malformed rows. */
struct kt_span component_text(const struct kt_store *s, const struct packed *p, enum kt_field f, struct kt_arena *a);
/* The same for any row. */
struct kt_span row_text(const struct kt_store *s, const struct packed *p, enum kt_field f, struct kt_arena *a);

struct matcher;
/* `f` is borrowed; NULL matches all. `many`: answers are worth keeping. NULL:
 * out of memory. */
struct matcher *matcher_new(struct kt_store *s, const struct kt_filter *f, bool many);
void matcher_free(struct matcher *m);
/* How many rows to ask under one hold of the lock: fewer where their records are
 * read, or regular expressions put to their texts. */
size_t matcher_slice(const struct matcher *m);
/* Asks ahead what rows share, a piece under one hold of the lock; true once that
 * is done: before matcher_rows, which need not be asked otherwise. */
bool matcher_prepare(struct matcher *m);
bool matcher_row(struct matcher *m, const struct packed *p);
/* Those of a chunk's rows from..to that match, in order, without those that were
 * asked for; `suppressed`: rows that a Sigma filter kept out as well. Returns how many. */
size_t matcher_rows(struct matcher *m, const struct chunk *c, uint64_t seq0, size_t from, size_t to, bool suppressed,
                    uint16_t at[CHUNK_ROWS]);
#endif
