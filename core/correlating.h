/* Correlations at work on rows: feeds a correlator (detect/correlate.h) with
 * what records match, and says of each row which correlations it has come to
 * be part of, or no longer is. Events that are no rows count as well; their
 * texts are kept, the newest KT_CORRELATING_KEPT of them in at most
 * KT_CORRELATING_BYTES, so that other rules can be put to them too.
 *
 * What was told of matches beyond the newest KT_CORRELATING_MATCHES stays as
 * it is, whatever comes later. One thread. */
#ifndef KT_CORRELATING_H
#define KT_CORRELATING_H
#include "detect/correlate.h"

enum { KT_CORRELATING_KEPT = 65536, KT_CORRELATING_BYTES = 64 << 20, KT_CORRELATING_MATCHES = 65536,
       KT_CORRELATING_ROWS = 4 << 20 /* that all these matches name together */ };

struct kt_correlating;
struct kt_correlating_rows {
    /* The row of an event; 0: it is none. */
    uint64_t (*of)(void *ctx, struct kt_span event_id);
    /* The row is part of a match of `m`, or no longer; what is so already may be
     * told again. `m` is borrowed. */
    void (*match)(void *ctx, uint64_t seq, const struct kt_matched *m, bool matches);
    void *ctx;
};
/* `rules` is held. NULL: out of memory. */
struct kt_correlating *kt_correlating_new(const struct kt_rules *rules, const struct kt_correlating_rows *rows);
void kt_correlating_free(struct kt_correlating *c);
/* Another set: all begins anew, and of the matches so far nothing more is
 * told. What is to count again is to be fed again: rows by their owner, the
 * events kept by kt_correlating_next. False: out of memory; nothing changed. */
bool kt_correlating_set_rules(struct kt_correlating *c, const struct kt_rules *rules);

/* Does a record that matches these rules count in any correlation? */
bool kt_correlating_takes(const struct kt_correlating *c, const int *rule, size_t n);
/* One that does. Its row, where it is one, has been added. False: memory ran
 * out, and the event is left out. */
bool kt_correlating_feed(struct kt_correlating *c, const struct kt_occurrence *o);
/* Keeps the text of one that is no row, or whose row keeps none; `after` is the
 * seq of the newest row when it came. `again`: it was not fed, as others before
 * it are still to be fed again. */
void kt_correlating_keep(struct kt_correlating *c, uint64_t after, struct kt_span text, bool again);
/* The next to be fed again of those that came before row `seq`; unknown: there
 * is none more. Good until something else is kept. */
struct kt_span kt_correlating_next(struct kt_correlating *c, uint64_t seq);
#endif
