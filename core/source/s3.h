/* What the files of the s3: source share. */
#ifndef KT_SOURCE_S3_H
#define KT_SOURCE_S3_H
#include "aws/credentials.h"
#include "source/ask.h"
#include "source/bucket.h"
#include "source/source.h"

enum {
    S3_LANES_MAX = 20000,      /* accounts by Regions */
    S3_REGIONS_MAX = 64,
    S3_JOBS = 8,               /* lanes that are looked at at once */
    S3_SLOTS = 16,             /* objects that are fetched at once */
    S3_ENTRIES_MAX = 1 << 20,  /* of one day of a lane */
    S3_WALKS_MAX = 100000,     /* folders that wait to be looked into */
    S3_DAYS_MAX = 4000,
    S3_SWEEP_DAYS = 30,        /* so long CloudTrail tries to deliver a file */
    S3_POSITION_MAX = 16 << 10
};

/* --- s3://BUCKET/PREFIX[?settings] -------------------------------------------------------- */

struct s3_address {
    char *text;
    char bucket[64];
    const char *prefix; /* "": all of it */
    const char *profile, *region, *role, *external;
    const char *trail_region[S3_REGIONS_MAX]; /* whose events are read; none: all */
    size_t n_trail_regions;
    int64_t interval;   /* ms; 0: not given */
};
/* To be dropped after either. */
enum kt_code s3_address_parse(struct s3_address *a, const char *address, struct kt_err *e);
void s3_address_drop(struct s3_address *a);

/* --- days ------------------------------------------------------------------------------------- */

/* One day of a lane: which of its objects were read. How many there are, and
 * the sum of their hashes, is enough to tell whether others have come: those
 * that were there come first in the order of LastModified. The hashes
 * themselves are kept for the days on which files come all the time. */
struct s3_day {
    int number;      /* since 1970-01-01 */
    uint64_t n, sum; /* of the objects that were read, or were there before we began */
    uint64_t *seen;  /* open addressing; NULL: not kept */
    size_t cap, used;
};
uint64_t s3_hash(struct kt_span key);
bool s3_day_has(const struct s3_day *d, uint64_t h);
/* False where memory ran out. Adds to n and sum as well. */
bool s3_day_add(struct s3_day *d, uint64_t h);
/* Keeps the hashes no longer. */
void s3_day_forget(struct s3_day *d);
int s3_day_of(int64_t t);
void s3_day_path(int day, char out[16]); /* "2026/11/18/" */

/* --- lanes ------------------------------------------------------------------------------------ */

enum s3_pass { S3_RECENT, S3_RECENT_WHOLE, S3_SWEEP, S3_PASSES };

/* One account in one Region: a folder of days. */
struct s3_lane {
    char *prefix; /* ".../111122223333/CloudTrail/us-east-1/" */
    char account[16], region[64], name[160];
    struct s3_day *day;
    size_t n_days, cap_days;
    int64_t floor;     /* ms: of what was there before it, nothing is read */
    bool caught_up;    /* all from the floor on was read once */
    enum s3_pass pass; /* under way, or S3_PASSES */
    int next_day, last_day; /* of it; it goes backwards */
    bool clean;        /* nothing of this pass failed */
    int64_t began;     /* kt_aws_now() */
    int64_t due[S3_PASSES]; /* kt_aws_mono() */
    int64_t complete;  /* files that were there at that time were read; KT_TIME_NONE */
    int failures;
    bool ailing, done, busy, recalled;
};
struct s3_day *s3_lane_day(struct s3_lane *l, int number, bool make);
/* As text, for the memory. False: it does not fit. */
bool s3_lane_write(const struct s3_lane *l, char *out, size_t size);
bool s3_lane_read(struct s3_lane *l, const char *text);
void s3_lane_drop(struct s3_lane *l);

/* --- jobs -------------------------------------------------------------------------------------- */

enum s3_entry_state { S3_NEW, S3_FETCHING, S3_READ, S3_SKIPPED, S3_FAILED };
struct s3_entry {
    char *key;
    uint64_t hash;
    int64_t modified, not_before; /* not_before: kt_aws_mono() of the next try */
    int tries;
    enum s3_entry_state state;
};
enum s3_stage { S3_IDLE, S3_LISTING, S3_GETTING, S3_TELLING };

/* A day of a lane, a page of all its days (`all`), or a folder that is walked. */
struct s3_job {
    enum s3_stage stage;
    struct s3_lane *lane; /* NULL: a walk */
    char *folder, *after; /* what is listed; from where on, or NULL */
    int depth;
    int day;
    bool all, whole;     /* whole: it was listed from its beginning */
    struct ask ask;
    struct kt_buf token;
    struct s3_entry *entry;
    size_t n_entries, cap_entries, next, open; /* open: not read, skipped or failed */
    bool more, no_room;
    int moves, failures, denied, read, failed;
    int64_t wake, retry; /* kt_aws_mono(): of the list; by then all entries may be tried again */
    uint64_t mark;
};
struct s3_slot {
    struct ask ask;
    struct s3_job *job; /* NULL: free */
    size_t entry;
    size_t fed;
    uint64_t handle;
};
struct s3_walk {
    char *folder;
    int depth;
};

struct s3 {
    struct kt_source source;
    struct kt_aws *aws;
    struct kt_net *net;
    struct kt_creds *creds;
    struct s3_address address;
    struct bucket bucket;
    char name[128], profile[128], names[65];
    bool follow, check, told, done, found; /* found: the folders were walked once */
    int64_t since, interval, floor;
    int64_t stepped; /* kt_aws_mono() at which the step began: what was due by then was looked at */
    struct s3_lane **lane;
    size_t n_lanes, cap_lanes, next_lane;
    struct s3_walk *walk;
    size_t n_walks, cap_walks;
    int64_t walk_due;
    bool walk_failed;
    struct s3_job job[S3_JOBS];
    struct s3_slot slot[S3_SLOTS];
    int64_t answered; /* kt_aws_now(); KT_TIME_NONE */
    uint64_t complaints[1024];
    size_t n_complaints;
    struct kt_health health;
};

/* s3_walk.c: folders, until those of days are found. */
void s3_walk_start(struct s3 *s);
void s3_walk_took(struct s3 *s, struct s3_job *j, const struct kt_source_sink *sink);
bool s3_walk_folder(struct s3 *s, struct s3_job *j, struct kt_span folder);
/* s3_job.c: true: a piece was given. */
bool s3_job_step(struct s3 *s, struct s3_job *j, const struct kt_source_sink *sink);
void s3_job_end(struct s3_job *j);
/* s3_slot.c */
bool s3_slot_step(struct s3 *s, struct s3_slot *t, const struct kt_source_sink *sink);
/* s3_lane.c */
void s3_lane_plan(struct s3 *s, struct s3_lane *l);
/* A job for the next day that is to be looked at; false: none is due. */
bool s3_lane_next(struct s3 *s, struct s3_lane *l, struct s3_job *j, const struct kt_source_sink *sink);
void s3_lane_listed(struct s3 *s, struct s3_job *j);
void s3_lane_finished(struct s3 *s, struct s3_job *j, const struct kt_source_sink *sink);
void s3_lane_failed(struct s3 *s, struct s3_job *j, const char *says, bool hopeless, const struct kt_source_sink *sink);
/* s3.c: told once in a while. */
void s3_complain(struct s3 *s, const char *place, const char *says, bool gap, const struct kt_source_sink *sink);
#endif
