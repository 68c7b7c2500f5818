/* One question to an AWS service and its answer, with everything that comes
 * between: keys are fetched, others where those are not accepted, and it is
 * signed, sent and tried again (aws/call.h). It never blocks. */
#ifndef KT_SOURCE_ASK_H
#define KT_SOURCE_ASK_H
#include "aws/call.h"
#include "aws/credentials.h"
#include "base/buf.h"

struct ask {
    struct kt_aws *aws;
    struct kt_net *net;
    struct kt_creds *creds;     /* all three borrowed */
    struct kt_aws_request request; /* its texts are in the two buffers */
    struct kt_buf path, body;
    char target[80];            /* X-Amz-Target, set after ask_start; "": none */
    struct kt_aws_call *call;
    struct kt_keys *keys;       /* that it was signed with */
    int refusals;
    struct kt_aws_result failed; /* where no call was made */
    const struct kt_aws_result *result;
    int64_t wake; /* kt_aws_mono() to be looked at again; 0: the network says */
    bool busy;
};

void ask_init(struct ask *a, struct kt_aws *aws, struct kt_net *net, struct kt_creds *creds, size_t body_max);
/* Begins; the endpoint, method and content type are borrowed until ask_end,
 * path and body are copied. */
void ask_start(struct ask *a, const struct kt_aws_request *r);
/* Goes on; true: `result` is there, and stands until ask_end. */
bool ask_poll(struct ask *a);
/* Lets go of call and answer; ready for the next question. */
void ask_end(struct ask *a);
void ask_free(struct ask *a);

/* What went wrong, for people: code and message; `needs` (NULL: nothing) is
 * added where it was not allowed. */
void ask_says(const struct ask *a, const char *needs, char *out, size_t size);
/* Waiting longer each time: ms before try number `failures` + 1. */
int64_t ask_backoff(const struct kt_aws *aws, int failures);
#endif
