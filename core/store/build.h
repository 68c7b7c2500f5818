/* The worker's part of a view: from a wish and the store to a snapshot. */
#ifndef KT_STORE_BUILD_H
#define KT_STORE_BUILD_H
#include "store/scan.h"

/* What a view's rows are, kept from one snapshot to the next. The worker's. */
struct build {
    struct kt_view_spec spec; /* with a filter of its own */
    const struct kt_snapshot *kept; /* the last one, whose rows are in order */
    struct members members;   /* which they are */
    uint64_t first;           /* the oldest row kept when it was made */
    uint64_t last;            /* the newest arrival that it takes into account */
    uint64_t epoch, verdicts, highs;
    bool whole;               /* `kept` answers spec up to last */
    struct facets facets;
};

enum built { BUILT_NEW, BUILT_SAME, BUILT_GIVEN_UP, BUILT_NOT /* out of memory */ };

/* Brings `b` up to date and makes a snapshot of it. `give_up` is asked now
 * and then. */
enum built build_update(struct build *b, struct kt_store *s, uint64_t generation, bool (*give_up)(void *ctx),
                        void *ctx, const struct kt_snapshot **out);
void build_free(struct build *b);

struct kt_snapshot *snapshot_new(size_t rows, int buckets);
void snapshot_hold(const struct kt_snapshot *s);
struct kt_arena *snapshot_arena(struct kt_snapshot *s);
#endif
