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
#include "tests/support/temp_dir.h"

enum { LIVE_TROUBLES = 64, LIVE_MEMORIES = 64, LIVE_EVENTS = 1 << 17, LIVE_OBJECTS = 64, LIVE_POSITION = 16 << 10 };

struct live_memory {
    char what[512], position[LIVE_POSITION];
};
struct live_rig {
    struct fake_aws aws;
    struct fake_sqs sqs;
    struct fake_s3 s3;
    struct temp_dir home;
    int64_t now, start;       /* ms, of all clocks */
    struct kt_clock clock;
    uint64_t rng;
    char vars[8][256];
    char *env[9];
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
    struct live_memory *memory, *disk; /* what was remembered; as it is on disk */
    size_t n_memory, n_disk;
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
