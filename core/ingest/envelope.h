/* One whole JSON value to the records in it.
 *
 * A value is a record if it is an object with `eventName`. Otherwise the
 * wrappers that are known by their shape are opened, strings that hold JSON
 * included, up to KT_ENVELOPE_DEPTH one inside the other. */
#ifndef KT_INGEST_ENVELOPE_H
#define KT_INGEST_ENVELOPE_H
#include "base/buf.h"
#include "base/span.h"
#include "base/tree.h"
#include "ingest/pick.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KT_ENVELOPE_DEPTH = 4 };

struct kt_envelope_sink {
    /* `text` and `root` are borrowed; false stops. */
    bool (*record)(void *ctx, struct kt_span text, struct kt_node *root, uint32_t flags);
    /* A string that should hold a record and does not parse. */
    bool (*malformed)(void *ctx, struct kt_span text, const char *reason);
    void *ctx;
    /* Is this text, of a string, a record that was read before? Then it counts as found, and is
     * not read. May be NULL. */
    bool (*known)(void *ctx, struct kt_span text);
};

struct kt_envelope {
    struct kt_envelope_sink sink;
    const struct kt_pick *pick; /* borrowed */
    struct kt_buf scratch[KT_ENVELOPE_DEPTH + 1]; /* repaired texts, one a level */
    struct kt_tree tree[KT_ENVELOPE_DEPTH + 1];
    size_t found;  /* by the last kt_envelope_open: records and malformed strings */
    bool stopped, no_memory;
};

void kt_envelope_init(struct kt_envelope *v, const struct kt_envelope_sink *sink, const struct kt_pick *pick);
void kt_envelope_free(struct kt_envelope *v);
/* Hands on all records of `text`. NULL: it is valid JSON (`v->found` says how
 * many there were, and `v->stopped` whether the sink had enough). Otherwise
 * the reason why it is damaged; then nothing was handed on. */
const char *kt_envelope_open(struct kt_envelope *v, struct kt_span text);

/* As kt_envelope_open where the value is, without a doubt, an object whose eventName is one
 * of the names; false, and nothing was handed on, where it is not. */
bool kt_envelope_open_named(struct kt_envelope *v, struct kt_span text);

/* The text of member `key` of the object in `text`, which is valid JSON; of
 * several the last. Unknown where there is none that is spelled so. */
struct kt_span kt_json_member(struct kt_span text, const char *key);
/* The element after `*at` (0 at first) of the array in `text`, valid JSON;
 * unknown at its end. */
struct kt_span kt_json_next(struct kt_span text, size_t *at);
#endif
