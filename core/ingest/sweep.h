/* A stretch of text read once: where its brackets are, and where it may matter.
 *
 * One vectorised pass takes sixty-four bytes at a time, string-aware as the
 * step of scan.h, and searches them for names as pick.h does. It stops before
 * the first block with damage, so that what it tells is that of clean text.
 * There is a way for AVX-512, for AVX2, for SSE2, for NEON and a portable one; all
 * tell the same, and the best is chosen as the program runs. */
#ifndef KT_INGEST_SWEEP_H
#define KT_INGEST_SWEEP_H
#include "ingest/pick.h"
#include "ingest/scan.h"

enum {
    KT_SWEEP_MOST = 16 << 10, /* bytes at once: they stay in the first cache */
    KT_SWEEP_ROOM = KT_SWEEP_MOST + 64,
    KT_SWEEP_FOUND = 1000         /* names or keys; with more it stops */
};

struct kt_swept {
    size_t n_brackets, n_names, n_keys;
    uint16_t bracket[KT_SWEEP_ROOM]; /* outside strings; counted from the first byte swept, as all places here */
    uint16_t name[KT_SWEEP_FOUND + 64]; /* a byte of each that matters */
    uint16_t key[KT_SWEEP_FOUND + 64];  /* the same of the second search */
};

enum kt_sweep_way { KT_SWEEP_PORTABLE, KT_SWEEP_SSE2, KT_SWEEP_NEON, KT_SWEEP_AVX2, KT_SWEEP_AVX512, KT_SWEEP_WAYS };
/* Can this machine go it? */
bool kt_sweep_can(enum kt_sweep_way way);
enum kt_sweep_way kt_sweep_best(void);
const char *kt_sweep_name(enum kt_sweep_way way);

struct kt_sweep {
    enum kt_sweep_way way;
    const struct kt_pick *names, *keys; /* borrowed; `keys` may be NULL; its escapes are not searched for */
    const struct kt_pick *exact; /* of kt_pick_exactly: `names` finds the keys then, and this tells their values */
    size_t margin; /* bytes that must be there behind those swept */
    uint64_t lanes[256]; /* the portable way's: what each byte may be, a bit in each of seven bytes */
};
void kt_sweep_init(struct kt_sweep *w, const struct kt_pick *names, const struct kt_pick *keys);
/* Sweeps whole blocks of text[from, to), KT_SWEEP_MOST bytes at the most; there
 * are `margin` bytes behind `to`. What begins before `low` is not found. Where
 * it stopped is told, and `s` speaks of that place. */
size_t kt_sweep(const struct kt_sweep *w, const char *text, size_t low, size_t from, size_t to, struct kt_scan *s,
                struct kt_swept *out);
#endif
