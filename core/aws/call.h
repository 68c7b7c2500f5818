/* One call to a service: signed, paced, tried again as the SDKs do, its error
 * understood. Each attempt is signed anew, so that a clock that is off is
 * corrected by what the service says of the time. What is asked of S3 is signed
 * as S3 wants it: with the digest of the body, its path as it stands. */
#ifndef KT_AWS_CALL_H
#define KT_AWS_CALL_H
#include "aws/aws.h"
#include "aws/keys.h"
#include "net/net.h"

enum { KT_AWS_BODY_MAX = 1 << 20 /* of a request */, KT_AWS_EXTRA = 4 };

struct kt_aws_request { /* copied; the endpoint and pace are borrowed for the call's life */
    const struct kt_endpoint *endpoint;
    const char *method;              /* NULL: POST */
    const char *path;                /* as sent, with its query; NULL: "/" */
    const char *content_type;        /* NULL: none */
    const char *target;              /* X-Amz-Target; NULL: none */
    const char *extra[KT_AWS_EXTRA]; /* "Name: value", not signed */
    struct kt_span body;
    struct kt_keys *keys;            /* NULL: not signed; shared */
    struct kt_pace *pace;            /* NULL: none */
    int64_t gap_ms;                  /* between calls of that pace */
    size_t max_body;                 /* of the reply; 0: KT_NET_BODY_MAX */
    int connect_ms, total_ms, stall_s; /* 0: the client's */
    bool packed;                     /* as of kt_net_request */
    int attempts;                    /* 0: KT_RETRY_ATTEMPTS */
};

enum kt_aws_end {
    KT_AWS_PENDING,
    KT_AWS_OK,          /* status 2xx */
    KT_AWS_THROTTLED,   /* asked too often, by us or by others in the account */
    KT_AWS_TRANSIENT,   /* the network or the service; later it may work */
    KT_AWS_CREDENTIALS, /* the keys have expired, or are not known */
    KT_AWS_DENIED,      /* they may not do this */
    KT_AWS_REFUSED      /* the service does not like the request: see code */
};
struct kt_aws_result {
    enum kt_aws_end end;
    int status;          /* 0: no answer */
    char code[96];       /* as the service calls it; "" */
    char message[320];   /* for people */
    char region[64];     /* where S3 says that the bucket is; "" */
    struct kt_span body; /* borrowed until kt_aws_call_free */
    bool lasting;        /* it is not the moment: he is not whom one trusts, or says too much */
    int unanswered;      /* attempts that may have been heard, though their answer never came */
};

struct kt_aws_call;
/* NULL where memory ran out or the request is too large. */
struct kt_aws_call *kt_aws_call_new(struct kt_aws *a, struct kt_net *net, const struct kt_aws_request *r);
void kt_aws_call_free(struct kt_aws_call *c); /* NULL is nothing */
/* Goes on as far as it can. While it is pending, `*wake` is when to ask again
 * in kt_aws_mono() time, 0 when kt_net_wait says. */
const struct kt_aws_result *kt_aws_call_poll(struct kt_aws_call *c, int64_t *wake);
/* For answers that are read as they come, between polls: what has come of one
 * with status 2xx and was not taken (unknown: nothing yet); and taking its
 * first `n` bytes. Afterwards it is not tried again: a call that ends in
 * KT_AWS_OK has as its body what was not taken. */
struct kt_span kt_aws_call_part(const struct kt_aws_call *c);
void kt_aws_call_take(struct kt_aws_call *c, size_t n);
#endif
