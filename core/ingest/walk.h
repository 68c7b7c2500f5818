/* One record's bytes, read once without building a tree: who made the call
 * with which long-lived access key, where from, with what, doing what.
 *
 * Exact or silent: what is taken has the values that jansson would give, from
 * bytes that jansson would take. Whatever the walk does not decide by itself
 * is KT_WALK_UNSURE and goes the slow way: damage, repeated or escaped keys, no
 * eventName, members that may wrap another record, surrogate pairs, numbers
 * that might overflow, brackets deeper than KT_WALK_DEPTH. */
#ifndef KT_INGEST_WALK_H
#define KT_INGEST_WALK_H
#include "base/span.h"

#include <stdint.h>

enum { KT_WALK_DEPTH = 60, KT_WALK_SCRATCH = 16 << 10 };

/* Unknown: absent, or no string. */
struct kt_use {
    struct kt_span event_name, event_source, event_time, event_id, error_code, address, agent, region;
    struct kt_span recipient, recipient_old; /* recipientAccountId, and as the reference spells it, ...ID */
    struct kt_span type, key_id, user_name, arn, account; /* of userIdentity */
    uint64_t ordinal; /* as in kt_record; set by the stream */
};

enum kt_walked {
    KT_WALK_USE,    /* a call made with a long-lived key: `out` is filled */
    KT_WALK_NONE,   /* a record of another call */
    KT_WALK_UNSURE
};

struct kt_walk { /* texts whose escapes were undone */
    char scratch[KT_WALK_SCRATCH];
    size_t used;
};
/* Spans borrow from `text` or from `w`, until the next call. */
enum kt_walked kt_walk(struct kt_walk *w, struct kt_span text, struct kt_use *out);
#endif
