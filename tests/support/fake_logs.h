/* CloudWatch Logs on the port of a fake AWS: FilterLogEvents and
 * StartLiveTail, of one group "trail" of account 111122223333 in us-east-1. */
#ifndef TESTS_SUPPORT_FAKE_LOGS_H
#define TESTS_SUPPORT_FAKE_LOGS_H
#include "tests/support/trail_rig.h"

#define FAKE_GROUP "/aws/cloudtrail/trail"
#define FAKE_GROUP_ARN "arn:aws:logs:us-east-1:111122223333:log-group:" FAKE_GROUP

struct fake_logs {
    struct fake_aws *aws;
    struct fake_event *event; /* time: the log event's; available: its ingestion */
    size_t n_events, cap_events;
    struct by_time order;
    enum fake_fault fault[FAKE_FAULTS]; /* of the next FilterLogEvents */
    enum fake_fault tail_fault[FAKE_FAULTS]; /* of the next StartLiveTail */
    size_t n_faults, n_tail_faults;
    size_t page;        /* events on one; 0: 20 */
    bool empty_pages;   /* before each page an empty one with a token */
    int page_life;      /* a token is good for so many more requests; 0: for ever */
    int quota_ms;
    bool sampled;       /* live updates say so, and leave out every other event */
    size_t piece;       /* of the stream's chunks; 0: a message each */
    bool damage;        /* the next update has a bit turned over */
    /* what it saw */
    unsigned filters, tails, too_fast;
    int64_t last;
    char pattern[1100], tail_pattern[1100], host[128];
};
/* Answers on `f` from now on. */
void fake_logs_init(struct fake_logs *l, struct fake_aws *f);
void fake_logs_free(struct fake_logs *l);
void fake_logs_event(struct fake_logs *l, int number, int64_t time, int64_t ingested);
void fake_logs_fault(struct fake_logs *l, enum fake_fault fault);
/* An update to all live tails, with `n` events from the given one on. */
void fake_logs_update(struct fake_logs *l, size_t first, size_t n);
/* Ends them all, by an exception of that name; NULL: by hanging up. */
void fake_logs_end(struct fake_logs *l, const char *exception);
/* One message of the event stream. */
void fake_stream_message(struct kt_buf *b, const char *kind, const char *type, const char *payload);

/* As trail_storm, three times each event; `live` with a live tail that is
 * sampled, broken and ended meanwhile. */
void logs_storm(struct trail_rig *r, struct fake_logs *l, size_t n, int64_t span, bool live);
#endif
