/* Athena and CloudWatch Logs Insights on the port of a fake AWS: queries that
 * are queued, run, and end as scripted; a thousand rows a page. What they say is
 * read strictly (words.h): a query that is none fails. */
#ifndef TESTS_SUPPORT_FAKE_ENGINES_H
#define TESTS_SUPPORT_FAKE_ENGINES_H
#include "tests/support/trail_rig.h"

enum { ENGINE_QUERIES = 8192, ENGINE_FAULTS = 64 };
enum engine_fate { ENGINE_ENDS_WELL, ENGINE_FAILS, ENGINE_CANCELLED, ENGINE_TIMEOUT, ENGINE_STAYS /* running, for ever */ };
enum engine_fault { ENGINE_FINE, ENGINE_THROTTLED, ENGINE_500, ENGINE_DROP, ENGINE_HTML, ENGINE_DENIED, ENGINE_EXPIRED, ENGINE_LIMIT };

struct engine_query {
    char id[40], token[64], *text;
    int64_t from, to;         /* seconds; of Athena, read from the text */
    int looks;
    bool stopped;
    enum engine_fate fate;
    size_t *hit, n_hits;      /* events, once they are asked for */
    bool known;
};
struct fake_engines {
    struct fake_aws *aws;
    struct fake_event *event; /* time: eventTime; available: delivered, the time that Insights goes by */
    size_t n_events, cap_events;
    const char *partitions;   /* JSON of GetTableMetadata's PartitionKeys */
    bool no_metadata;         /* GetTableMetadata is refused */
    int running_looks;        /* so often it is not done yet */
    uint64_t scan_step;       /* bytes more at each look */
    size_t most;              /* rows that Insights gives of one query; 0: as many as are asked for */
    enum engine_fate fate[8]; /* of the next queries */
    size_t n_fates;
    enum engine_fault fault[ENGINE_FAULTS]; /* of the next requests */
    size_t n_faults;
    /* what it saw */
    struct engine_query query[ENGINE_QUERIES];
    size_t n_queries;
    unsigned misread; /* queries that are none */
    unsigned starts, repeats /* with a token that was seen */, pages, stops, described;
};
/* Answers on `f` from now on. */
void fake_engines_init(struct fake_engines *e, struct fake_aws *f);
void fake_engines_free(struct fake_engines *e);
void fake_engines_event(struct fake_engines *e, int number, int64_t time, int64_t delivered);
/* One whose record is this text; borrowed. */
void fake_engines_record(struct fake_engines *e, const char *text, int64_t time, int64_t delivered);
void fake_engines_fault(struct fake_engines *e, enum engine_fault fault);
void fake_engines_fate(struct fake_engines *e, enum engine_fate fate);
#endif
