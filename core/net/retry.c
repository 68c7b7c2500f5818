#include "net/retry.h"

enum { COST = 5, COST_TIMEOUT = 10 };

int64_t kt_retry_delay(struct kt_retry *r, struct kt_retry_bucket *b, enum kt_retry_why why, uint64_t random,
                       int64_t server_ms)
{
    int cost = why == KT_RETRY_TIMEOUT ? COST_TIMEOUT : COST;
    if (++r->attempts >= KT_RETRY_ATTEMPTS || b->spent + cost > KT_RETRY_TOKENS)
        return -1;
    b->spent += cost;
    r->cost = cost;
    int64_t longest = 1000;
    for (int i = 1; i < r->attempts && longest < KT_RETRY_CAP_MS; i++)
        longest *= 2;
    longest = longest > KT_RETRY_CAP_MS ? KT_RETRY_CAP_MS : longest;
    int64_t delay = (int64_t)((random >> 32) * (uint64_t)(longest + 1) >> 32);
    if (server_ms > KT_RETRY_CAP_MS)
        server_ms = KT_RETRY_CAP_MS;
    return server_ms > delay ? server_ms : delay;
}

void kt_retry_done(struct kt_retry *r, struct kt_retry_bucket *b)
{
    int back = r->cost ? r->cost : 1;
    b->spent = b->spent > back ? b->spent - back : 0;
    r->cost = 0;
}
