/* One JSON text, parsed as leniently as is honest: duplicate keys are told,
 * integers beyond 64 bits become reals, lone surrogates and bytes that are not
 * UTF-8 become U+FFFD. */
#ifndef KT_INGEST_REPAIR_H
#define KT_INGEST_REPAIR_H
#include "base/buf.h"
#include "base/span.h"
#include "base/tree.h"

#include <stdbool.h>
#include <stdint.h>

/* Writes `text` to `out` with lone surrogate escapes and bytes that are not
 * UTF-8 (RFC 3629; one replacement per maximal part) replaced by U+FFFD. False
 * where nothing had to be replaced or memory ran out (`out->failed`). */
bool kt_repair(struct kt_span text, struct kt_buf *out);

struct kt_parsed {
    struct kt_node *root; /* in the tree; NULL: not JSON */
    struct kt_span text;  /* what was parsed: the text given, or `scratch` */
    uint32_t flags;       /* KT_RECORD_* */
    const char *reason;   /* where root is NULL: a sentence's part */
    bool no_memory;
};
/* Borrows from `text`, `scratch` and `tree`, until they are used again. */
void kt_parse(struct kt_span text, struct kt_buf *scratch, struct kt_tree *tree, struct kt_parsed *out);
#endif
