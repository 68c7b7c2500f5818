/* Splunk's search export on loopback: search/v2/jobs/export and the parser of
 * searches, with tokens and sessions. What it does wrong is scripted. */
#ifndef TESTS_SUPPORT_FAKE_SPLUNK_H
#define TESTS_SUPPORT_FAKE_SPLUNK_H
#include "base/clock.h"
#include "tests/support/by_time.h"
#include "tests/support/fake_http.h"
#include "tests/support/trail_rig.h"

enum { SPLUNK_FAULTS = 64 };
enum splunk_fault {
    SPLUNK_FINE, SPLUNK_500, SPLUNK_BUSY /* 503 */, SPLUNK_429, SPLUNK_EMPTY /* 200 and nothing */, SPLUNK_CUT, SPLUNK_NO_END,
    SPLUNK_PREVIEWS, SPLUNK_HTML, SPLUNK_DROP, SPLUNK_FATAL /* in a 200 */, SPLUNK_401, SPLUNK_403, SPLUNK_PARTIAL /* a peer is away */,
    SPLUNK_NO_RAW
};
/* What becomes of a search job. */
enum splunk_fate { SPLUNK_ENDS_WELL, SPLUNK_FAILS, SPLUNK_CANCELLED, SPLUNK_STAYS /* running, for ever */, SPLUNK_EXPIRES /* after a page */, SPLUNK_TOO_MANY };
enum { SPLUNK_JOBS = 2048 };
struct splunk_job_state {
    char *search;
    int64_t earliest, latest;
    int looks;
    unsigned pages;
    bool gone, known;
    size_t *hit, n_hits; /* events, once they are looked for */
    enum splunk_fate fate;
};

struct splunk_event {
    struct fake_event event;    /* available: when it can be searched for */
    int64_t indexed;
};
struct fake_splunk {
    struct fake_http *http;
    const struct kt_clock *clock; /* NULL: the system's */
    char token[64], session[64];
    struct splunk_event *event;
    size_t n_events, cap_events;
    struct by_time order; /* of indexing */
    enum splunk_fault fault[SPLUNK_FAULTS];
    size_t n_faults;
    bool old;                   /* has no v2 */
    bool bad_search;            /* the parser says so */
    struct splunk_job_state job[SPLUNK_JOBS];
    size_t n_jobs;
    int running_looks;          /* so often a job is not done yet */
    enum splunk_fate fate[8];   /* of the next jobs */
    size_t n_fates;
    /* what it saw */
    unsigned exports, parsers, refused, authorized, cancelled, pages, misread;
    char search[4096], auth[128], path[256]; /* the last one */
    int64_t earliest, latest, index_earliest, index_latest; /* of the last export, seconds */
};
void fake_splunk_init(struct fake_splunk *f);
void fake_splunk_free(struct fake_splunk *f);
/* An event that happened at `time`, was indexed at `indexed` and can be found from `available` on. */
void fake_splunk_event(struct fake_splunk *f, int number, int64_t time, int64_t indexed, int64_t available);
void fake_splunk_fault(struct fake_splunk *f, enum splunk_fault fault);

/* One whose record is this text, indexed as it happened; borrowed. */
void fake_splunk_record(struct fake_splunk *f, const char *text, int64_t time);
/* `n` events over `span` ms, three times each, up to six hours late, in any
 * order, while all goes wrong and the program is killed at random points. */
void splunk_storm(struct trail_rig *r, struct fake_splunk *f, size_t n, int64_t span);
#endif
