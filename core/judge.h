/* Judges rows by all that is known: what a record's own bytes cannot say is
 * looked up in the ledger of keys (store/ledger.h) and in the context
 * (store/context.h), put together as facts, and scored (detect/risk.h).
 *
 * A verdict depends on which facts there are, not on the order in which they
 * came: a fact that comes later marks the rows that it may concern, and they
 * are judged again, once for all facts of a step. Times like "not used for
 * so long" count up to the newest eventTime of all that was read, never up to
 * the clock. What is only known while the bounded tables hold it (context.h,
 * ledger.h) is unknown beyond, not false.
 *
 * "New" (address, tool, network, country): seen first within KT_JUDGE_NEW_MS
 * before, of a principal that had been seen at least KT_JUDGE_KNOWN_MS before
 * that; of one that was not, it is unknown.
 *
 * One thread: the engine's. */
#ifndef KT_JUDGE_H
#define KT_JUDGE_H
#include "detect/risk.h"
#include "store/context.h"
#include "store/ledger.h"
#include "store/store.h"

#define KT_JUDGE_NEW_MS (INT64_C(3600) * 1000)
#define KT_JUDGE_KNOWN_MS (INT64_C(24) * 3600 * 1000)

/* Network and country of an address; what is not known stays unknown. NULL
 * function: nothing is known of any. */
struct kt_places {
    void (*look)(void *ctx, struct kt_span address, struct kt_arena *a, struct kt_span *network, struct kt_span *country);
    void *ctx;
};

struct kt_judge;
struct kt_judge_opts {
    struct kt_store *store;
    const struct kt_rules *rules;
    struct kt_places places;
    uint64_t memory_max; /* of the context; 0: 128 MiB */
};
struct kt_judge *kt_judge_new(const struct kt_judge_opts *o); /* NULL: out of memory */
void kt_judge_free(struct kt_judge *j);

/* --- learning ------------------------------------------------------------- */

/* An event of any kind; `seq`: the row that it became, or 0. Its facts go into
 * the ledger too. False: memory ran out for some of it. */
bool kt_judge_event(struct kt_judge *j, const struct kt_event *ev, uint64_t seq);
/* A use that was read without its record; `type` is the caller's. */
bool kt_judge_use(struct kt_judge *j, const struct kt_fact *f, struct kt_span type);
/* A rule or correlation matches an event besides, or no longer does. */
void kt_judge_match(struct kt_judge *j, uint64_t seq, const struct kt_matched *m, bool matches);
/* Other rules from now on; that rows are judged again is the caller's. */
void kt_judge_set_rules(struct kt_judge *j, const struct kt_rules *rules);
/* Other knowledge of places, for what is learnt from now on. */
void kt_judge_set_places(struct kt_judge *j, const struct kt_places *places);

/* --- judging --------------------------------------------------------------- */

/* At most `max` rows of those that are marked; true: there are more. `busy`:
 * sources are still catching up, and what only time changes waits. */
bool kt_judge_work(struct kt_judge *j, size_t max, bool busy);
/* Rows are judged when they are asked for alone, and not marked: for who
 * prints them once, at the end. Before anything is learnt. */
void kt_judge_at_end(struct kt_judge *j);
/* Sets a row's verdict to what is known now; nothing is kept of it. What the
 * verdict borrows is good until something else is asked of the judge. */
void kt_judge_row(struct kt_judge *j, struct kt_row *r);

/* What was learnt, for who keeps it (store/state.h); what was kept is put into
 * it before anything is learnt. */
struct kt_traces *kt_judge_context(struct kt_judge *j);
#endif
