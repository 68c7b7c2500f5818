/* Answers questions for sources that hold the past and can be asked any
 * condition: by another source of the same address, that is asked once, for the
 * question's records and no others, while the first one goes on. */
#ifndef KT_SOURCE_DEPUTY_H
#define KT_SOURCE_DEPUTY_H
#include "net/net.h"
#include "source/source.h"

enum {
    KT_DEPUTIES = 8, /* questions at once */
    KT_DEPUTY_ASKS = 1 << KT_ASK_USER | 1 << KT_ASK_ADDRESS | 1 << KT_ASK_AGENT | 1 << KT_ASK_KEY | 1 << KT_ASK_TIME
};
struct deputies {
    const struct kt_source_ops *ops;
    char *address;
    const char *how;            /* "Athena": borrowed */
    struct kt_net *net;         /* the source's, which is woken by theirs; borrowed, as aws and the clock are */
    struct kt_aws *aws;
    const struct kt_clock *clock;
    int64_t since;              /* how far back is asked where that is more than 90 days; KT_TIME_NONE */
    int64_t behind;             /* ms by which records may still come later than what was asked */
    struct kt_arena *arena;     /* of `usual` */
    const struct kt_cond *usual; /* what the source itself looks for; NULL: it is a deputy's */
    struct deputy *first;
    size_t n;
};
/* KT_ENOMEM. To be closed after either. */
enum kt_code deputies_open(struct deputies *d, const struct kt_source_ops *ops, const char *address, const char *how,
                           int64_t behind, struct kt_net *net, const struct kt_source_opts *o, struct kt_err *e);
void deputies_close(struct deputies *d);
/* As kt_source_ops.ask and unask. */
enum kt_code deputies_ask(struct deputies *d, const struct kt_question *q, struct kt_answer *a, struct kt_err *e);
void deputies_unask(struct deputies *d, struct kt_answer *a);
/* A step of each. `next` is what the source itself waits for: it waits for them
 * too then. */
void deputies_step(struct deputies *d, const struct kt_source_sink *sink, struct kt_wait *next);
/* What a question asks of records; NULL where `a` is full, and of KT_ASK_TIME. */
struct kt_cond *deputy_condition(struct kt_arena *a, const struct kt_question *q);
#endif
