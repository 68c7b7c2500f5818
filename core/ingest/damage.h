/* A stretch of the stream that is no record: gathered piece by piece, hashed
 * as it comes, its first bytes kept, so that a stretch of any length takes
 * bounded memory. Stretches of mere noise that follow one another are one. */
#ifndef KT_INGEST_DAMAGE_H
#define KT_INGEST_DAMAGE_H
#include "base/buf.h"
#include "ingest/ingest.h"
#include "ingest/pick.h"

#include <stdbool.h>
#include <stdint.h>

enum { KT_DAMAGE_TAIL = 256 };

struct kt_damage {
    const struct kt_pick *pick; /* borrowed */
    bool open;
    bool noise;          /* no record's shape: joins what stands before it */
    struct kt_buf kept;  /* the first KT_MALFORMED_KEPT bytes */
    char tail[KT_DAMAGE_TAIL]; /* the last bytes: a name may be cut between two pieces */
    size_t n_tail;
    void *sha;           /* EVP_MD_CTX */
    bool sha_ok;
    struct kt_malformed m; /* what is known so far */
};

bool kt_damage_init(struct kt_damage *d, const struct kt_pick *pick);
void kt_damage_free(struct kt_damage *d);
void kt_damage_reset(struct kt_damage *d);
/* Begins a stretch; there is none open. */
void kt_damage_begin(struct kt_damage *d, uint64_t offset, uint64_t ordinal, const char *reason, bool noise);
void kt_damage_add(struct kt_damage *d, const char *p, size_t n);
/* Ends it; `out` borrows until the next begin. False where none is open. */
bool kt_damage_end(struct kt_damage *d, struct kt_malformed *out);
#endif
