/* What sources share that ask a service for one window of time after the
 * other: which window is due, how far one has come, what is wrong, and what is
 * fed and remembered. How a service is asked is the source's. Events come
 * late, so each window reaches behind what was read wholly, and wider ones are
 * asked for less often; what comes twice is left out by the store. */
#ifndef KT_SOURCE_POLLER_H
#define KT_SOURCE_POLLER_H
#include "aws/aws.h"
#include "source/source.h"

enum { KT_SCANS = 4, KT_POLLER_FAILURES = 6 /* without follow; then it is given up */ };

struct kt_scan {
    int64_t back, every; /* ms. The first one reaches back from where it came to */
};
struct kt_pass {
    bool active;
    int64_t from, to; /* ms; the same for all its pages */
    int64_t due;      /* kt_aws_mono() time of the next one */
    size_t part;      /* which of several questions about the same window */
    size_t pages;
    int restarts;
    bool whole;       /* nothing of it had to be given up */
};
struct kt_poller {
    struct kt_aws *aws;
    bool follow;
    bool rests;                /* it asks for nothing by itself: questions alone are put to it */
    int64_t since, until;      /* eventTime; KT_TIME_NONE: open */
    struct kt_scan scan[KT_SCANS];
    size_t n_scans;
    int64_t first;             /* how far back the first pass reaches where nothing else says; 0: to the beginning */
    int64_t tail;              /* how long after `until` events of before it may still come */
    char name[320];            /* place of troubles, origin of records */
    char key[512];             /* what is remembered, under this name */

    struct kt_pass pass[KT_SCANS];
    size_t asked;              /* the pass that is being asked for */
    bool done;
    int64_t wake;              /* kt_aws_mono(): nothing to do before; 0: now, or the network */
    int failures, refusals;    /* in a row */
    bool ailing;
    char says[300];            /* what is wrong */
    int64_t complete;          /* up to which the windows of the first scan were read; KT_TIME_NONE */
    int64_t remembered;
    int64_t answered;          /* kt_aws_now() of the last good answer; KT_TIME_NONE */
    uint64_t object;           /* one that is open; 0: none */
    uint64_t records, bytes;   /* of objects before it */
    struct kt_health health;   /* troubles, gaps and bytes are kept up to date in it */
};

/* Once its settings stand. */
void kt_poller_start(struct kt_poller *p);
/* At the first step: where an earlier run came to. */
void kt_poller_recall(struct kt_poller *p, const struct kt_source_sink *sink);
/* After each step: how far this one has come, where that changed. */
void kt_poller_remember(struct kt_poller *p, const struct kt_source_sink *sink);

/* Which pass to ask for; begins it where it is due. NULL: none is due before
 * p->wake, which is set. */
struct kt_pass *kt_poller_next(struct kt_poller *p);
/* The pass under way has been read to its end. */
void kt_poller_finish(struct kt_poller *p);
/* The first scan is due now. */
void kt_poller_hurry(struct kt_poller *p);

/* Says it once, until it is well again or something else is wrong. */
void kt_poller_complain(struct kt_poller *p, const char *says, bool gap, const struct kt_source_sink *sink);
/* Not now: later, each time later than before, and in `at_least` ms. Without
 * follow it ends after a few times, or at once where it is `hopeless`. */
void kt_poller_put_off(struct kt_poller *p, const char *says, int64_t at_least, bool hopeless,
                       const struct kt_source_sink *sink);
void kt_poller_well(struct kt_poller *p); /* there was a good answer */

/* Bytes for the object that is open, or a new one. False when stopping. */
bool kt_poller_feed(struct kt_poller *p, struct kt_span bytes, const struct kt_source_sink *sink);
void kt_poller_end(struct kt_poller *p, const struct kt_source_sink *sink); /* of the object, if one is open */

/* Fills p->health but for what only the source knows. `silent`: without an
 * answer for so long it is stale; `delay`: by which the service has its events,
 * as a rule; `until` as of kt_creds_until. */
void kt_poller_assess(struct kt_poller *p, int64_t silent, int64_t delay, int64_t until, const struct kt_pace *pace);
/* What to wait for, with what is under way in `net`. */
struct kt_net;
void kt_poller_wait(const struct kt_poller *p, const struct kt_net *net, struct kt_wait *next);
#endif
