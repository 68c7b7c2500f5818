/* A JSON value as a run of nodes over the text that it was read from.
 *
 * Exact or silent: kt_tree_read takes what jansson would take, and gives what
 * jansson would give, without a copy and without an allocation for each value;
 * what it does not decide by itself (damage, a key twice, escaped keys,
 * surrogate pairs, numbers that might overflow, brackets deeper than
 * KT_TREE_DEPTH, more than KT_TREE_NODES values) it refuses, for jansson to
 * decide. A tree of jansson's becomes one of these by kt_tree_of, so that
 * whoever looks at values need know these alone.
 *
 * The nodes of a tree lie one behind the other, a container before what it
 * holds: they may be moved and copied together. */
#ifndef KT_BASE_TREE_H
#define KT_BASE_TREE_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/span.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { KT_TREE_DEPTH = 60, KT_TREE_NODES = 1 << 16 };

enum kt_node_kind {
    KT_NODE_NULL, KT_NODE_FALSE, KT_NODE_TRUE, KT_NODE_INTEGER, KT_NODE_REAL, KT_NODE_STRING, KT_NODE_ARRAY, KT_NODE_OBJECT
};
struct kt_node {
    const char *key; /* of a member */
    union {
        const char *text;
        int64_t integer;
        double real;
    } v;
    uint32_t key_n;
    uint32_t n;    /* bytes of a string; values in a container, the first of them right behind it */
    uint32_t next; /* how many nodes on its next sibling is; 0: it is the last */
    uint8_t kind;
};

struct kt_tree {
    struct kt_node *node;
    size_t n, cap;
    struct kt_buf text; /* strings whose escapes were undone */
    json_t *json;       /* of jansson's, whose strings are borrowed */
};
void kt_tree_init(struct kt_tree *t);
void kt_tree_free(struct kt_tree *t);
/* The value in `text`, an object or a list. Borrows from `text` and `t`, until `t`
 * is used again. NULL: not sure, or memory ran out. */
struct kt_node *kt_tree_read(struct kt_tree *t, struct kt_span text);
/* jansson's; takes its reference. NULL where memory ran out. */
struct kt_node *kt_tree_of(struct kt_tree *t, json_t *json_taken);
/* By kt_tree_read, else by jansson, as records that were kept are read again: NULs are
 * allowed, integers beyond 64 bits are reals. NULL: not JSON, or memory ran out. */
struct kt_node *kt_tree_parse(struct kt_tree *t, struct kt_span text);
/* A value in `a`, with all that it holds and without its key: what it borrows of `text` it
 * borrows of `same`, a copy of that text; its other strings are copied. NULL where memory
 * ran out. */
struct kt_node *kt_node_copy(const struct kt_node *v, struct kt_span text, const char *same, struct kt_arena *a);

static inline bool kt_node_is(const struct kt_node *v, enum kt_node_kind k)
{
    return v && v->kind == k;
}
static inline bool kt_node_holds(const struct kt_node *v) /* a container? */
{
    return v && v->kind >= KT_NODE_ARRAY;
}
/* Unknown where it is no string. */
static inline struct kt_span kt_node_text(const struct kt_node *v)
{
    return kt_node_is(v, KT_NODE_STRING) ? (struct kt_span){v->v.text, v->n} : KT_SPAN_NONE;
}
/* What a container holds, one after the other; NULL at the end. */
static inline struct kt_node *kt_node_first(const struct kt_node *v)
{
    return kt_node_holds(v) && v->n ? (struct kt_node *)v + 1 : NULL;
}
static inline struct kt_node *kt_node_next(const struct kt_node *v)
{
    return v->next ? (struct kt_node *)v + v->next : NULL;
}
/* NULL where there is none, or it is no object, or no list. */
struct kt_node *kt_node_member(const struct kt_node *o, const char *key, size_t n);
struct kt_node *kt_node_item(const struct kt_node *list, size_t i);
static inline struct kt_node *kt_node_get(const struct kt_node *o, const char *key)
{
    return kt_node_member(o, key, strlen(key));
}

/* Compact JSON, letter by letter as jansson writes it. `precision` of reals, 0: as many
 * digits as tell them apart. False where it did not fit. */
bool kt_node_write(const struct kt_node *v, struct kt_buf *out, int precision);
/* The same with the members of each object sorted by their keys: what tells values apart
 * whatever their order and spacing. */
bool kt_node_write_sorted(const struct kt_node *v, struct kt_buf *out);
#endif
