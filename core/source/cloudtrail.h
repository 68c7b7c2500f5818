/* What the files of the cloudtrail: source share. */
#ifndef KT_SOURCE_CLOUDTRAIL_H
#define KT_SOURCE_CLOUDTRAIL_H
#include "aws/call.h"
#include "aws/credentials.h"
#include "base/buf.h"
#include "base/hash.h"
#include "source/source.h"

enum {
    TRAIL_NAMES = 64,
    TRAIL_LANES_MAX = 5000,
    TRAIL_BUSY = 16,          /* lanes that may wait for the network at once */
    TRAIL_TURN_MS = 10,       /* between two of them that begin to: hundreds of accounts are no stampede */
    TRAIL_PATIENCE_MS = 2500, /* so long a question lets what is new go first */
    TRAIL_TOKEN_MAX = 16 << 10,
    TRAIL_PAGE_MAX = 24 << 20 /* 50 records of 256 KB, escaped twice */
};

/* What is asked again, and how far back: events come late. RECENT is what a
 * person waits for; the sweeps find what came later than that. */
enum trail_scan { TRAIL_RECENT, TRAIL_DAY, TRAIL_WEEK, TRAIL_SCANS };

struct trail_pass {
    bool active, whole;    /* whole: no page of it had to be given up */
    int64_t from, to;      /* eventTime, seconds; fixed for all its pages */
    int64_t due;           /* kt_aws_mono() time of the next one */
    size_t name;           /* of the event names, which one is being asked for */
    size_t pages;
    int restarts;
    struct kt_buf token;   /* JSON text between its quotes; empty: the first page */
    uint8_t memo[TRAIL_NAMES][KT_SHA256]; /* of answers of a single page */
};

/* One account in one Region. */
struct trail_lane {
    struct trail *trail;
    struct kt_creds *creds;
    struct kt_endpoint endpoint;
    struct kt_pace *pace;     /* NULL: the account is not known yet */
    char account[16], region[64], name[128];
    struct trail_pass pass[TRAIL_SCANS];
    struct kt_aws_call *call;
    struct kt_keys *keys;     /* that the call was signed with */
    enum trail_scan asked;    /* by the call */
    bool busy, done;
    bool gave_way;            /* its last turn was for somebody's question */
    int64_t wake;             /* kt_aws_mono(): nothing to do before; 0: now, or the network */
    int failures, refusals;   /* in a row */
    bool ailing;
    char says[300];           /* what is wrong */
    int64_t complete;         /* eventTime up to which RECENT passes were whole, ms; KT_TIME_NONE */
    int64_t remembered;       /* of it, in the state that outlives us */
    char key[512];            /* under that name */
    int64_t answered;         /* kt_aws_now() of the last good answer; KT_TIME_NONE */
    uint64_t records, bytes;
};

struct trail {
    struct kt_source source;
    struct kt_aws *aws;
    struct kt_net *net;
    bool follow;
    int64_t since, until;      /* KT_TIME_NONE: open */
    int64_t interval;          /* between RECENT passes, ms */
    char *names[TRAIL_NAMES];
    size_t n_names;
    bool uses;                 /* were asked for, and cannot be looked up */
    size_t unasked;            /* names that cannot, or are too many */
    struct kt_creds *base;
    struct trail_lane *lane;
    int64_t *rest;             /* of each lane its `wake`, INT64_MAX when it is done: hundreds are looked through at each step */
    size_t n_lanes, busy;
    bool changed;              /* some lane is otherwise than when the health was last assessed */
    int64_t assessed;          /* kt_aws_mono() */
    size_t first;              /* whose turn is next: each lane asks once before one asks twice */
    int64_t turn;              /* kt_aws_mono(): and when it is */
    struct trail_question *question; /* those that are asked */
    bool told;
    char *profile;
    struct kt_health health;
};

/* Goes on with a lane as far as it can without waiting; true where it fed a
 * page. False and lane->wake: when it is due again. */
bool trail_step(struct trail_lane *l, const struct kt_source_sink *sink);
void trail_lane_start(struct trail_lane *l);
void trail_lane_drop(struct trail_lane *l);
/* Has it something to ask at once that a person waits for? */
bool trail_wants(const struct trail_lane *l);
/* Once there are keys. False: out of memory. */
bool trail_find_pace(struct trail_lane *l);

/* --- cloudtrail_history.c: the source's ask and unask, */
enum kt_code trail_ask(struct kt_source *s, const struct kt_question *asked, struct kt_answer *a, struct kt_err *e);
void trail_unask(struct kt_source *s, struct kt_answer *a);
void trail_unask_all(struct trail *t);
/* and its part of a step. True: it heard an answer. */
bool trail_answer(struct trail *t, const struct kt_source_sink *sink);
/* False: nothing is asked. `*wake` as of a lane, 0: none; `*now`: it can go on at once. */
bool trail_asked(const struct trail *t, int64_t *wake, bool *now);
/* For how long a question has been waiting for its turn here, ms; 0: none is. */
int64_t trail_is_kept_waiting(const struct trail_lane *l);

/* What a page says of itself, read without building a tree of it: one bad
 * byte in a record must not hide the token of the next page. */
struct trail_page {
    bool understood;      /* an object that has Events */
    struct kt_span token; /* text between its quotes; unknown: the last page */
    int64_t oldest;       /* least EventTime, ms; KT_TIME_NONE: there is none */
};
struct trail_page trail_read_page(struct kt_span body);
#endif
