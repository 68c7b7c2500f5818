/* A set of AWS access keys that one signs with, in memory that leaks not. */
#ifndef KT_AWS_KEYS_H
#define KT_AWS_KEYS_H
#include "base/clock.h"
#include "base/span.h"

enum { KT_KEYS_MAX = 64 << 10 }; /* of all its texts together */

struct kt_keys {
    struct kt_span id, secret, token; /* token unknown: long-lived keys */
    char account[16];                 /* "" where it is not known */
    int64_t expires;                  /* ms; KT_TIME_NONE: they do not, as far as is known */
    unsigned shares;                  /* holders besides the first; of one thread */
};
/* Copies the texts. NULL where memory ran out, or they are too long, or hold
 * what no key has (a line break would be a header of its own). */
struct kt_keys *kt_keys_new(struct kt_span id, struct kt_span secret, struct kt_span token, struct kt_span account,
                            int64_t expires);
/* One more holder: calls go on with the keys they were signed with while new
 * ones are fetched. */
struct kt_keys *kt_keys_share(struct kt_keys *k);
void kt_keys_free(struct kt_keys *k); /* wipes, with its last holder */
#endif
