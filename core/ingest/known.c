#include "ingest/known.h"

#include "base/hash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SETS = 1 << 15, WAYS = 4 };

struct kt_known {
    pthread_mutex_t lock;
    uint8_t digest[SETS][WAYS][KT_KNOWN_DIGEST]; /* all zero: none; the newest of a set first */
};

struct kt_known *kt_known_new(void)
{
    struct kt_known *k = calloc(1, sizeof *k); /* its pages come as they are used */
    if (k && pthread_mutex_init(&k->lock, NULL) != 0) {
        free(k);
        return NULL;
    }
    return k;
}

void kt_known_free(struct kt_known *k)
{
    if (!k)
        return;
    (void)pthread_mutex_destroy(&k->lock);
    free(k);
}

void kt_known_digest(const void *p, size_t n, uint8_t out[KT_KNOWN_DIGEST])
{
    uint8_t whole[KT_SHA256];
    kt_sha256(p, n, whole);
    memcpy(out, whole, KT_KNOWN_DIGEST);
}

static uint8_t (*set_of(struct kt_known *k, const uint8_t *digest))[KT_KNOWN_DIGEST]
{
    uint16_t at;
    memcpy(&at, digest, sizeof at);
    return k->digest[at % SETS];
}

static int way_of(uint8_t (*set)[KT_KNOWN_DIGEST], const uint8_t *digest)
{
    int i = 0;
    while (i < WAYS && memcmp(set[i], digest, KT_KNOWN_DIGEST) != 0)
        i++;
    return i;
}

/* What hashing could not do is all zero, and never known. */
static bool is_none(const uint8_t *digest)
{
    static const uint8_t none[KT_KNOWN_DIGEST];
    return memcmp(digest, none, sizeof none) == 0;
}

void kt_known_add(struct kt_known *k, const uint8_t digest[KT_KNOWN_DIGEST])
{
    if (is_none(digest))
        return;
    pthread_mutex_lock(&k->lock);
    uint8_t(*set)[KT_KNOWN_DIGEST] = set_of(k, digest);
    int i = way_of(set, digest);
    i = i < WAYS ? i : WAYS - 1;
    memmove(set[1], set[0], (size_t)i * KT_KNOWN_DIGEST);
    memcpy(set[0], digest, KT_KNOWN_DIGEST);
    pthread_mutex_unlock(&k->lock);
}

bool kt_known_has(struct kt_known *k, const uint8_t digest[KT_KNOWN_DIGEST])
{
    pthread_mutex_lock(&k->lock);
    bool yes = !is_none(digest) && way_of(set_of(k, digest), digest) < WAYS;
    pthread_mutex_unlock(&k->lock);
    return yes;
}
