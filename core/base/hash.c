#include "base/hash.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <xxhash.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint64_t seed; /* written once, before first use */

static void make_seed(void)
{
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed) {
        struct timespec ts = {0, 0};
        (void)clock_gettime(CLOCK_MONOTONIC, &ts);
        seed = (uint64_t)ts.tv_nsec * 0x9e3779b97f4a7c15u ^ (uint64_t)(uintptr_t)&ts;
    }
}

uint64_t kt_hash(const void *p, size_t n)
{
    (void)pthread_once(&once, make_seed);
    return XXH3_64bits_withSeed(p, n, seed);
}

static pthread_once_t fetched = PTHREAD_ONCE_INIT;
static EVP_MD *sha256; /* the same; asking libcrypto for it each time takes longer than a short text's digest */

static void fetch_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

void kt_sha256(const void *p, size_t n, uint8_t out[KT_SHA256])
{
    unsigned len = KT_SHA256;
    (void)pthread_once(&fetched, fetch_sha256);
    if (EVP_Digest(p, n, out, &len, sha256 ? sha256 : EVP_sha256(), NULL) != 1)
        memset(out, 0, KT_SHA256);
}

void kt_hex(const uint8_t *p, size_t n, char *out)
{
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digit[p[i] >> 4];
        out[2 * i + 1] = digit[p[i] & 15];
    }
    out[2 * n] = '\0';
}
