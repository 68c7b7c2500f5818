#include "ingest/damage.h"

#include "base/hash.h"

#include <openssl/evp.h>

bool kt_damage_init(struct kt_damage *d, const struct kt_pick *pick)
{
    *d = (struct kt_damage){.pick = pick};
    kt_buf_init(&d->kept, KT_MALFORMED_KEPT);
    d->sha = EVP_MD_CTX_new();
    return d->sha != NULL;
}

void kt_damage_free(struct kt_damage *d)
{
    kt_buf_free(&d->kept);
    EVP_MD_CTX_free(d->sha);
    *d = (struct kt_damage){0};
}

void kt_damage_reset(struct kt_damage *d)
{
    d->open = false;
    kt_buf_reset(&d->kept);
}

void kt_damage_begin(struct kt_damage *d, uint64_t offset, uint64_t ordinal, const char *reason, bool noise)
{
    d->open = true;
    d->noise = noise;
    d->n_tail = 0;
    kt_buf_reset(&d->kept);
    d->m = (struct kt_malformed){.offset = offset, .ordinal = ordinal, .reason = reason};
    d->sha_ok = EVP_DigestInit_ex(d->sha, EVP_sha256(), NULL) == 1;
}

/* A hit that lies across the end of the last piece. */
static bool names_across(const struct kt_damage *d, const char *p, size_t n)
{
    char joint[2 * KT_DAMAGE_TAIL];
    size_t k = n < KT_DAMAGE_TAIL ? n : KT_DAMAGE_TAIL;
    memcpy(joint, d->tail, d->n_tail);
    memcpy(joint + d->n_tail, p, k);
    return kt_pick_any(d->pick, joint, d->n_tail + k);
}

static void keep_tail(struct kt_damage *d, const char *p, size_t n)
{
    if (n >= KT_DAMAGE_TAIL) {
        memcpy(d->tail, p + n - KT_DAMAGE_TAIL, KT_DAMAGE_TAIL);
        d->n_tail = KT_DAMAGE_TAIL;
        return;
    }
    size_t old = d->n_tail + n > KT_DAMAGE_TAIL ? KT_DAMAGE_TAIL - n : d->n_tail;
    memmove(d->tail, d->tail + d->n_tail - old, old);
    memcpy(d->tail + old, p, n);
    d->n_tail = old + n;
}

void kt_damage_add(struct kt_damage *d, const char *p, size_t n)
{
    if (!n)
        return;
    d->m.size += n;
    if (d->sha_ok)
        d->sha_ok = EVP_DigestUpdate(d->sha, p, n) == 1;
    size_t room = KT_MALFORMED_KEPT - d->kept.len;
    (void)kt_buf_add(&d->kept, p, n < room ? n : room); /* out of memory: fewer bytes are kept */
    if (!d->m.names_event)
        d->m.names_event = names_across(d, p, n) || kt_pick_any(d->pick, p, n);
    keep_tail(d, p, n);
}

bool kt_damage_end(struct kt_damage *d, struct kt_malformed *out)
{
    if (!d->open)
        return false;
    d->open = false;
    *out = d->m;
    out->bytes = kt_buf_span(&d->kept);
    unsigned len = sizeof out->sha256;
    if (!d->sha_ok || EVP_DigestFinal_ex(d->sha, out->sha256, &len) != 1)
        memset(out->sha256, 0, sizeof out->sha256);
    return true;
}
