/* The inside of a pick, for what searches by its anchors: pick.c, sweep.c. */
#ifndef KT_INGEST_PICK_IMPL_H
#define KT_INGEST_PICK_IMPL_H
#include "ingest/pick.h"

#include <stdint.h>

enum { KT_PICK_APART = 3 };

/* Two bytes `apart` that announce one or several names. The first of a pick's
 * anchors is that of the escape, `\u`. */
struct anchor {
    unsigned char first, second;
    unsigned apart; /* KT_PICK_APART at the most */
};

struct name {
    const char *p;
    size_t n;
    size_t anchor; /* which */
    size_t at;     /* where in the name its anchor is */
};

struct kt_pick {
    size_t n, n_anchors, longest;
    struct kt_pick *event; /* for kt_pick_exactly: finds "eventName", and the escapes; else NULL */
    uint32_t *slot;        /* the names by hash: index + 1, or 0 */
    size_t n_slots;
    char lowest; /* the least x of `\u00x` that counts */
    struct anchor *anchor;
    struct name *name;
};

/* An anchor may stand at `at`: where the hit begins that it announces, which is
 * not before `from`; `n` where it announces none. */
size_t kt_pick_confirm(const struct kt_pick *k, const char *p, size_t n, size_t from, size_t at);
/* At `eventName`: may one of the names be its value? */
bool kt_pick_event_at(const struct kt_pick *k, const char *p, size_t n);
#endif
