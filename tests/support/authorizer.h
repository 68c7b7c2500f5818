/* Judges requests as IAM would: by the policy that --print-policy prints for the source that
 * makes them. What is asked is told from the request alone: its action, the ARN of what it
 * is asked of, the keys of conditions. One policy for each access key's beginning. */
#ifndef TESTS_SUPPORT_AUTHORIZER_H
#define TESTS_SUPPORT_AUTHORIZER_H
#include "tests/support/fake_aws.h"

#include <jansson.h>

enum { AUTHORIZER_USED = 64 };

struct authorizer {
    struct {
        char key[32]; /* what its key ids begin with */
        json_t *policy;
    } of[2];
    unsigned asked, denied;
    char why[600];                     /* the first that was denied */
    char used[AUTHORIZER_USED][64];    /* actions, each once */
    size_t n_used;
};
/* What --print-policy prints for `address` is for keys that begin so. */
void authorizer_set(struct authorizer *a, size_t i, const char *key, const char *address);
void authorizer_free(struct authorizer *a);
/* To be given to fake_http_before, with the authorizer: refuses what is not allowed. */
bool authorizer_judge(void *ctx, const struct fake_request *r, struct fake_reply *out);
/* The first action that a policy allows and nobody needed; NULL: none. */
const char *authorizer_superfluous(const struct authorizer *a);
#endif
