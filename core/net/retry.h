/* When to try again: the "standard" mode of the AWS SDKs. Three attempts in
 * all, a delay of random(0,1) * min(2^(attempt-1), 20 s) before each further
 * one, and a bucket of tokens over all calls, so that a service in trouble is
 * not asked three times as much by everybody. Pure: time and chance are given. */
#ifndef KT_NET_RETRY_H
#define KT_NET_RETRY_H
#include <stdbool.h>
#include <stdint.h>

enum { KT_RETRY_ATTEMPTS = 3, KT_RETRY_TOKENS = 500, KT_RETRY_CAP_MS = 20000 };

enum kt_retry_why { KT_RETRY_TRANSIENT, KT_RETRY_TIMEOUT, KT_RETRY_THROTTLED };

/* Shared by the calls of one client. */
struct kt_retry_bucket {
    int spent; /* tokens taken; 0 is a full bucket */
};
/* One call's; zeroed at its first attempt. */
struct kt_retry {
    int attempts; /* that failed */
    int cost;     /* taken for the attempt under way */
};

/* After a failed attempt: how many ms to wait before the next; -1: no more.
 * `random` is 64 even bits; `server_ms` what the server asked for, 0 or less:
 * nothing. A server may ask for more than our delay, up to the cap, not less. */
int64_t kt_retry_delay(struct kt_retry *r, struct kt_retry_bucket *b, enum kt_retry_why why, uint64_t random,
                       int64_t server_ms);
/* The attempt succeeded: the bucket gets back what it cost, or one token. */
void kt_retry_done(struct kt_retry *r, struct kt_retry_bucket *b);
#endif
