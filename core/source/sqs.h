/* What the files of the sqs: source share. */
#ifndef KT_SOURCE_SQS_H
#define KT_SOURCE_SQS_H
#include "aws/call.h"
#include "aws/credentials.h"
#include "base/buf.h"
#include "source/ask.h"
#include "source/bucket.h"
#include "source/source.h"

enum {
    SQS_HELD_MAX = 10000,      /* messages received and not yet deleted */
    SQS_BATCH = 10,            /* of one call */
    SQS_FETCHES = 16,          /* objects at once */
    SQS_OBJECTS_MAX = 1000,    /* that one message names */
    SQS_BUCKETS_MAX = 256,
    SQS_KNOWN_MAX = 4096,      /* troubles that were told */
    SQS_BODY_MAX = 4 << 20     /* of an answer: ten messages of 256 KB, escaped */
};

/* --- sqs:QUEUE[?settings] ------------------------------------------------------------- */

struct sqs_address {
    char *text; /* values are decoded in it */
    char queue[81], account[16], region[64];
    char url[512]; /* "": to be asked for by its name */
    const char *profile, *role, *external; /* NULL: not given */
};
/* A name, an ARN or a URL. To be dropped after either. */
enum kt_code sqs_address_parse(struct sqs_address *a, const char *address, struct kt_err *e);
void sqs_address_drop(struct sqs_address *a);

/* --- what a message holds ---------------------------------------------------------------- */

struct sqs_object { /* of a bucket, to be fetched */
    char bucket[64], region[64];
    char *key;
};
struct sqs_body {
    bool records;  /* the message holds events by itself */
    size_t ignored; /* tests, and notices of what holds no events */
    struct sqs_object *object;
    size_t n_objects, cap_objects;
    const char *why; /* it holds something that is none of ours; NULL: all is understood */
};
void sqs_body_read(struct sqs_body *b, struct kt_span text);
void sqs_body_free(struct sqs_body *b);

/* --- the source ------------------------------------------------------------------------------ */

enum sqs_stage {
    SQS_FETCHING,  /* its objects, one after the other */
    SQS_GIVEN,     /* to the engine; told after `mark` */
    SQS_COMMITTING,
    SQS_KEPT,      /* may be deleted */
    SQS_DELETING,
    SQS_OVER
};
struct sqs_message {
    char id[101];
    char *receipt;
    enum sqs_stage stage;
    struct sqs_body body;
    size_t object;     /* being fetched, or next */
    bool fetching;
    uint64_t mark;
    int64_t renew;     /* kt_aws_mono(): then we ask to keep it for longer */
    int failures;      /* of its deletion, or of a fetch */
    int64_t not_before; /* kt_aws_mono() of the next try */
    bool spoilt;       /* part of it is not understood, so it stays */
};

struct sqs_fetch {
    struct ask ask;
    struct sqs_message *message; /* NULL: free */
    struct bucket *bucket;
    char *key;
    size_t fed; /* bytes given so far */
    uint64_t handle;
    bool moved;
};

struct sqs {
    struct kt_source source;
    struct kt_aws *aws;
    struct kt_net *net;
    struct kt_creds *creds;
    struct kt_endpoint endpoint;
    struct sqs_address address;
    char name[128], profile[128], key[256];
    bool follow, check, done;
    struct ask url, receive, erase, extend;
    struct sqs_message **held;
    size_t n_held, cap_held;
    struct sqs_message *erasing[SQS_BATCH], *extending[SQS_BATCH];
    size_t n_erasing, n_extending;
    struct sqs_fetch fetch[SQS_FETCHES];
    struct bucket *bucket[SQS_BUCKETS_MAX];
    size_t n_buckets;
    bool committing;
    uint64_t commits;
    int64_t wake;       /* kt_aws_mono(): nothing is received before */
    int64_t stepped;    /* kt_aws_mono() at which the step began: what was due by then was looked at */
    int64_t asked;      /* kt_aws_mono() of the receive under way */
    int failures;
    bool ailing, empty; /* empty: the last answer had nothing */
    char says[480];
    int64_t answered;   /* kt_aws_now(); KT_TIME_NONE */
    int64_t ours;       /* the same: what was sent before it may have been received by us, without our knowing */
    bool shared;        /* somebody else reads it: told */
    uint64_t known[SQS_KNOWN_MAX];
    size_t n_known;
    struct kt_health health;
};

/* sqs_calls.c: the four questions and what their answers mean. Each goes on as
 * far as it can without waiting. */
void sqs_find_url(struct sqs *q, const struct kt_source_sink *sink);
void sqs_receive(struct sqs *q, const struct kt_source_sink *sink);
void sqs_erase(struct sqs *q, const struct kt_source_sink *sink);
void sqs_extend(struct sqs *q, const struct kt_source_sink *sink);
/* sqs_fetch.c: objects that messages name. True: it gave a piece. */
bool sqs_fetch_step(struct sqs *q, const struct kt_source_sink *sink);

/* sqs.c */
void sqs_complain(struct sqs *q, const char *place, const char *says, bool gap, const struct kt_source_sink *sink);
/* The message stays in the queue: it comes again when its time is up. What is
 * wrong with it is told once. */
void sqs_let_go(struct sqs *q, struct sqs_message *m, const char *says, const struct kt_source_sink *sink);
/* All that it names was given. */
void sqs_given(struct sqs *q, struct sqs_message *m, const struct kt_source_sink *sink);
#endif
