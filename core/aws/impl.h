/* What the files of core/aws share. */
#ifndef KT_AWS_IMPL_H
#define KT_AWS_IMPL_H
#include "aws/aws.h"
#include "aws/keys.h"

struct kt_aws {
    struct kt_aws_opts opts;
    char *env; /* secret memory: "NAME=value" one after the other, ends with an empty one */
    struct kt_profiles *profiles;
    int64_t skew;
    struct kt_retry_bucket bucket;
    struct kt_pace **pace;
    size_t n_pace, cap_pace;
    struct aws_session { /* a role's that was assumed with an MFA code, which is good once: shared */
        char arn[2048], serial[257];
        struct kt_keys *keys;
    } *session;
    size_t n_session, cap_session;
};
#endif
