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
/* The number that stands for the component in this row, below `limit`; 0 for
 * none. `limit` 0: each row's own. */
uint32_t component_number(const struct kt_store *s, const struct packed *p, enum component c);
size_t component_limit(const struct kt_store *s, enum component c);
/* A field's text; borrowed from the store or in `a`. Not for malformed rows. */
struct kt_span component_text(const struct kt_store *s, const struct packed *p, enum kt_field f, struct kt_arena *a);
/* The same for any row. */
struct kt_span row_text(const struct kt_store *s, const struct packed *p, enum kt_field f, struct kt_arena *a);

struct matcher;
/* `f` is borrowed; NULL matches all. `many`: answers are worth keeping. NULL:
 * out of memory. */
struct matcher *matcher_new(const struct kt_store *s, const struct kt_filter *f, bool many);
void matcher_free(struct matcher *m);
bool matcher_row(struct matcher *m, const struct packed *p);
#endif
