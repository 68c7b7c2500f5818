/* The service's side of storm.h: what it has, when, and what goes wrong. */
#ifndef TESTS_SUPPORT_STORM_SERVICE_H
#define TESTS_SUPPORT_STORM_SERVICE_H
#include "tests/support/fake_logs.h"
#include "tests/support/fake_s3.h"
#include "tests/support/fake_splunk.h"
#include "tests/support/fake_sqs.h"
#include "tests/support/rig_parts.h"
#include "tests/support/storm.h"
#include "tests/support/temp_dir.h"

#include <stdatomic.h>

struct storm_shared { /* by the service and the collectors, one at a time */
    _Atomic int64_t now; /* ms, of all clocks */
    uint64_t rng;
    size_t rows, doubles;
    uint64_t received, shown, filtered, duplicate, malformed;
};

struct storm {
    enum storm_kind kind;
    size_t events;
    struct storm_shared *shared;
    struct kt_clock clock;
    struct temp_dir home;
    char state_path[256], address[256];
    struct rig_environment variables;
    int64_t start, end, settles; /* all has been available at the end; and has been asked for that much later */
    unsigned prompt;             /* so many of a hundred events come soon */
    int64_t calm_at;             /* from then on nothing goes wrong */
    struct fake_aws aws;
    struct fake_logs logs;
    struct fake_sqs sqs;
    struct fake_s3 s3;
    struct fake_splunk splunk;
    struct fake_http *http;      /* of the one that is asked */
    uint64_t weather;            /* chance of its own */
    int64_t told;                /* what was taken in up to then was told to listeners */
    unsigned calls;
};

struct storm *storm_new(enum storm_kind kind, uint64_t seed, size_t events);
void storm_free(struct storm *s);
void storm_books(const struct storm *s, struct storm_outcome *out);
/* To those who listen: what was taken in since the last time; or their session ends. */
void storm_tell(struct storm *s);
void storm_pass(struct storm *s, int64_t ms);
uint64_t storm_below(struct storm *s, uint64_t n);
uint64_t storm_chance(void *storm);
#endif
