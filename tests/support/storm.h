/* Storms: a simulated service that has each event late (to six hours), in any
 * order, three times, many of one moment, and throttles, breaks, forgets pages
 * and keys meanwhile; and one collector after the other, each a process of its
 * own with the real engine and state.db, killed by SIGKILL at a random point,
 * also while state.db is written. Time is simulated: it passes where nobody
 * has anything to do. */
#ifndef TESTS_SUPPORT_STORM_H
#define TESTS_SUPPORT_STORM_H
#include <stddef.h>
#include <stdint.h>

enum storm_kind { STORM_CLOUDTRAIL, STORM_LOGS, STORM_TAIL /* logs with live=1 */, STORM_S3, STORM_SQS, STORM_SPLUNK, STORM_KINDS };

struct storm_outcome {
    size_t events;         /* there were */
    size_t rows, doubles;  /* in the end; doubles: rows of an event that has one */
    size_t kept;           /* rows that state.db alone gives to the next run */
    size_t bytes;          /* of state.db then */
    unsigned kills;
    unsigned calls;        /* of the service */
    unsigned too_fast;     /* of them, against its quota */
    size_t left;           /* messages in the queue */
    /* the sums of all lives; in each, at each step, received = shown + filtered + duplicate + malformed */
    uint64_t received, shown, filtered, duplicate, malformed;
};
/* Fails (ends the program, saying what) where a life ends otherwise than it should, or the
 * ledger does not add up; what came of it is the caller's to judge. */
void storm_run(enum storm_kind kind, uint64_t seed, size_t events, struct storm_outcome *out);
/* The same for seeds 1..n, and an assertion that nothing was lost or doubled. */
void storm_prove(enum storm_kind kind, long seeds, size_t events);
#endif
