/* A source over a fake service, of itself CloudTrail, in time that the test makes
 * pass, with the real ingest and store behind it. */
#ifndef TESTS_SUPPORT_TRAIL_RIG_H
#define TESTS_SUPPORT_TRAIL_RIG_H
#include "aws/aws.h"
#include "ingest/ingest.h"
#include "source/source.h"
#include "store/store.h"
#include "tests/support/fake_aws.h"
#include "tests/support/rig_parts.h"
#include "tests/support/temp_dir.h"

enum { RIG_TROUBLES = 64 };

struct trail_rig {
    struct fake_aws aws;
    struct temp_dir home;
    _Atomic int64_t now;    /* the server reads it too */
    int64_t start;     /* ms, of all clocks */
    struct kt_clock clock;
    uint64_t rng;
    struct rig_environment variables;
    bool streams;           /* a call stays open: time passes while it is silent, */
    int64_t stride;         /* at least so many ms at once: libcurl looks at it each second */
    struct kt_aws *context;
    struct kt_source *source;
    struct kt_source_sink sink;
    struct kt_wait wait;
    struct kt_ingest *ingest;
    struct kt_arena *arena;
    struct kt_store *store;
    size_t rows, pages, doubles;  /* doubles: what the store took twice */
    unsigned char *seen;          /* by the event's number */
    size_t seen_n;
    bool tolerant;                /* what cannot be read is counted, and no fault of the rig */
    size_t malformed;
    struct kt_ingest *answers;    /* what was asked for */
    bool answering;
    unsigned char *had;           /* by the event's number */
    size_t found, found_pages, found_again;
    size_t n_troubles, gaps;
    char trouble[RIG_TROUBLES][300];
    struct rig_memory memory;
};

void rig_init(struct trail_rig *r, int64_t start, uint64_t seed);
void rig_free(struct trail_rig *r);
/* Opens it, as a new run would, with what earlier ones remembered. */
void rig_open(struct trail_rig *r, const char *address, bool follow);
void rig_close(struct trail_rig *r);
/* Steps, and lets time pass where the source waits for it, up to `until`. */
void rig_run(struct trail_rig *r, int64_t until);
/* One step; waits a little for what it waits for, but lets no time pass. */
void rig_step(struct trail_rig *r);
struct kt_health rig_health(const struct trail_rig *r);
/* `n` events over `span` ms from the start on, each up to six hours late, and
 * all that goes wrong meanwhile; ends when all have been there for long enough. */
void trail_storm(struct trail_rig *r, size_t n, int64_t span);
uint64_t rig_random(struct trail_rig *r);
uint64_t rig_below(struct trail_rig *r, uint64_t n);
#endif
