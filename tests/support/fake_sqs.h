/* A standard queue: at least once, in no order, hidden for a while after it was
 * received. Long polls are answered at once,
 * unless a test lets time pass for them. For fake_aws. */
#ifndef TESTS_SUPPORT_FAKE_SQS_H
#define TESTS_SUPPORT_FAKE_SQS_H
#include "tests/support/fake_aws.h"

struct fake_message {
    char *body;
    int64_t sent, visible; /* ms: from then on it may be received */
    unsigned received, number;
    char receipt[48];      /* the newest; others delete nothing */
    bool deleted;
};
struct fake_sqs {
    struct fake_message *message;
    size_t n, cap;
    uint64_t rng;
    int64_t visible_ms;   /* instead of what is asked for; 0: as asked */
    unsigned twice;       /* in percent: given once more though it is hidden */
    void (*nothing_there)(void *ctx, int64_t ms); /* a long poll found none in so long; NULL: it is answered at once */
    void *nothing_ctx;
    bool fail_entries;    /* every second entry of a batch fails */
    unsigned receives, given, deleted, extended, stale; /* given: messages; stale: with a handle that is no more */
};
void fake_sqs_init(struct fake_sqs *q);
void fake_sqs_free(struct fake_sqs *q);
/* Under the server's lock. */
void fake_sqs_send(struct fake_sqs *q, const struct fake_aws *f, const char *body);
void fake_sqs_answer(struct fake_sqs *q, struct fake_aws *f, const struct fake_request *r, struct fake_reply *out);
size_t fake_sqs_left(const struct fake_sqs *q);
#endif
