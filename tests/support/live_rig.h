/* A source over the fake AWS, in time that the test makes pass, with the real
 * ingest behind it and a memory that is written now and then: what was not yet
 * when it is killed is gone. */
#ifndef TESTS_SUPPORT_LIVE_RIG_H
#define TESTS_SUPPORT_LIVE_RIG_H
#include "aws/aws.h"
#include "ingest/ingest.h"
#include "source/source.h"
#include "tests/support/fake_s3.h"
#include "tests/support/fake_sqs.h"
#include "tests/support/rig_parts.h"
#include "tests/support/temp_dir.h"

enum { LIVE_TROUBLES = 64, LIVE_EVENTS = 1 << 17 };

struct live_rig {
    struct fake_aws aws;
    struct fake_sqs sqs;
    struct fake_s3 s3;
    struct temp_dir home;
    _Atomic int64_t now;      /* ms, of all clocks; the server reads it too */
    int64_t start;
    struct kt_clock clock;
    uint64_t rng;
    struct rig_environment variables;
    struct kt_aws *context;
    struct kt_source *source;
    struct kt_source_sink sink;
    struct kt_wait wait;
    struct kt_ingest *ingest;
    char last[1200];          /* the name of the last object */
    uint64_t objects;

    unsigned char *row;       /* by number: 1 there is a row, 2 it is on disk */
    size_t rows, twice;       /* events with a row; came again, and were known */
    size_t doubles;           /* rows of one event: must be none */
    bool never_kept;          /* the disk is full */
    unsigned slow_disk;       /* in percent: not kept yet */
    struct rig_memory memory, disk; /* what was remembered; as it is on disk */
    size_t n_troubles, gaps;
    char trouble[LIVE_TROUBLES][700];
};

void live_init(struct live_rig *r, int64_t start, uint64_t seed);
void live_free(struct live_rig *r);
void live_open(struct live_rig *r, const char *address, bool follow, int64_t since);
void live_close(struct live_rig *r); /* in peace: the memory is written */
void live_kill(struct live_rig *r);  /* it is not */
/* Steps, and lets time pass where the source waits for it, up to `until`, or
 * at most so many steps (0: any). */
void live_run(struct live_rig *r, int64_t until, size_t steps);
bool live_done(const struct live_rig *r);
struct kt_health live_health(const struct live_rig *r);
uint64_t live_random(struct live_rig *r, uint64_t n); /* below n */
bool live_says(const struct live_rig *r, const char *what); /* a trouble did */
/* Messages with event `number`: as EventBridge sends it, and so wrapped by SNS. */
void live_send_event(struct live_rig *r, int number, bool sns);
/* S3's notice of an object, or CloudTrail's through SNS. */
void live_send_notice(struct live_rig *r, const char *key, bool sns);
#endif
