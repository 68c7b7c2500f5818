/* AWS Signature Version 4, in headers, over libcrypto. Follows "Create a
 * signed AWS API request" of the IAM user guide; all 38 cases of the published
 * test suite pass. */
#ifndef KT_AWS_SIGN_H
#define KT_AWS_SIGN_H
#include "aws/keys.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KT_SIGN_HEADERS = 32, KT_SIGN_DATE = 17, KT_SIGN_CANONICAL_MAX = 256 << 10 };

struct kt_sign_header {
    struct kt_span name, value;
};
struct kt_sign_request { /* borrowed */
    const char *method;
    struct kt_span path;  /* as it is sent, from its '/', without the query */
    struct kt_span query; /* as it is sent, without '?' */
    /* What is sent and signed, Host among it; not what kt_sign itself gives. */
    struct kt_sign_header header[KT_SIGN_HEADERS];
    size_t n_header;
    struct kt_span body;
    const char *region, *service;
    const struct kt_keys *keys;
    int64_t time;        /* ms, by the service's clock */
    bool normalize;      /* "." and ".." and empty segments go; never for s3 */
    bool path_once;      /* the path is not encoded again: s3 */
    bool content_sha256; /* X-Amz-Content-Sha256 is sent and signed: s3 */
    bool token_unsigned; /* X-Amz-Security-Token is added after signing */
};
struct kt_signature {
    char date[KT_SIGN_DATE];  /* X-Amz-Date */
    char content[65];         /* X-Amz-Content-Sha256 */
    char signature[65];       /* in hex */
    char authorization[2048]; /* Authorization */
};
/* False where memory ran out or a limit was passed. What the request's keys
 * hold as token is to be sent as X-Amz-Security-Token. `canonical`, if not
 * NULL, gets the canonical request, for tests and for error messages. */
struct kt_buf;
bool kt_sign(const struct kt_sign_request *r, struct kt_signature *out, struct kt_buf *canonical);

/* Percent-encodes as RFC 3986 and AWS want it: all but A-Z a-z 0-9 - _ . ~,
 * and '/' where `slash` is to stay. */
bool kt_uri_encode(struct kt_buf *b, struct kt_span s, bool slash);
#endif
