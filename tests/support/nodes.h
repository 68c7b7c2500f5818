/* Nodes (base/tree.h) beside jansson's trees: for tests that have one and need
 * the other, and for those that compare the two. */
#ifndef KT_TESTS_NODES_H
#define KT_TESTS_NODES_H
#include "base/tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Borrows from `v`, and is good for the next fifteen calls too. */
static inline struct kt_node *node_of(json_t *v)
{
    static struct kt_tree ring[16];
    static size_t at;
    static bool ready;
    for (size_t i = 0; !ready && i < 16; i++)
        kt_tree_init(&ring[i]);
    ready = true;
    return v ? kt_tree_of(&ring[at++ % 16], json_incref(v)) : NULL;
}

/* A new reference. */
static inline json_t *node_json(const struct kt_node *v)
{
    if (!v)
        return NULL;
    switch (v->kind) {
    case KT_NODE_NULL: return json_null();
    case KT_NODE_FALSE: return json_false();
    case KT_NODE_TRUE: return json_true();
    case KT_NODE_INTEGER: return json_integer(v->v.integer);
    case KT_NODE_REAL: return json_real(v->v.real);
    case KT_NODE_STRING: return json_stringn_nocheck(v->v.text, v->n);
    default: break;
    }
    json_t *out = v->kind == KT_NODE_OBJECT ? json_object() : json_array();
    for (const struct kt_node *x = kt_node_first(v); x; x = kt_node_next(x)) {
        json_t *y = node_json(x);
        if ((v->kind == KT_NODE_OBJECT ? json_object_setn_new_nocheck(out, x->key, x->key_n, y) : json_array_append_new(out, y)) != 0)
            abort();
    }
    return out;
}

static inline bool node_same(const struct kt_node *v, json_t *j);

static inline bool node_same_all(const struct kt_node *v, json_t *j)
{
    size_t n = 0;
    void *it = json_object_iter(j);
    for (const struct kt_node *x = kt_node_first(v); x; x = kt_node_next(x), n++) {
        if (json_is_array(j)) {
            if (x->key || !node_same(x, json_array_get(j, n)) || kt_node_item(v, n) != x)
                return false;
            continue;
        }
        if (!it || json_object_iter_key_len(it) != x->key_n || memcmp(json_object_iter_key(it), x->key, x->key_n) != 0 ||
            !node_same(x, json_object_iter_value(it)) || kt_node_member(v, x->key, x->key_n) != x)
            return false;
        it = json_object_iter_next(j, it);
    }
    return n == v->n && n == (json_is_array(j) ? json_array_size(j) : json_object_size(j));
}

/* Value by value, in the same order. */
static inline bool node_same(const struct kt_node *v, json_t *j)
{
    if (!v || !j)
        return !v && !j;
    switch (json_typeof(j)) {
    case JSON_NULL: return v->kind == KT_NODE_NULL;
    case JSON_FALSE: return v->kind == KT_NODE_FALSE;
    case JSON_TRUE: return v->kind == KT_NODE_TRUE;
    case JSON_INTEGER: return v->kind == KT_NODE_INTEGER && v->v.integer == json_integer_value(j);
    case JSON_REAL: {
        double d = json_real_value(j);
        return v->kind == KT_NODE_REAL && memcmp(&v->v.real, &d, sizeof d) == 0;
    }
    case JSON_STRING:
        return v->kind == KT_NODE_STRING && v->n == json_string_length(j) && memcmp(v->v.text, json_string_value(j), v->n) == 0;
    case JSON_ARRAY: return v->kind == KT_NODE_ARRAY && node_same_all(v, j);
    default: return v->kind == KT_NODE_OBJECT && node_same_all(v, j);
    }
}

/* Is it written letter by letter as jansson writes it? */
static inline bool node_writes_same(const struct kt_node *v, json_t *j)
{
    struct kt_buf b;
    bool same = true;
    kt_buf_init(&b, 256 << 20);
    for (int how = 0; how < 3 && same; how++) {
        char *want = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY | (how == 1 ? JSON_SORT_KEYS : 0) | (how == 2 ? JSON_REAL_PRECISION(15) : 0));
        kt_buf_reset(&b);
        same = (how == 1 ? kt_node_write_sorted(v, &b) : kt_node_write(v, &b, how == 2 ? 15 : 0)) && want && strlen(want) == b.len &&
               memcmp(want, b.p, b.len) == 0;
        free(want);
    }
    kt_buf_free(&b);
    return same;
}

/* What must hold of any bytes; NULL where it does, else what does not. `sure`: were they read? */
static inline const char *tree_holds(const char *bytes, size_t size, bool *sure)
{
    static struct kt_tree t, u;
    static bool ready;
    if (!ready) {
        kt_tree_init(&t);
        kt_tree_init(&u);
        ready = true;
    }
    char *text = malloc(size ? size : 1), *other = malloc(size ? size : 1); /* of just this size, so that reading past it is seen */
    if (!text || !other)
        abort();
    if (size) {
        memcpy(text, bytes, size);
        memcpy(other, bytes, size);
    }
    struct kt_span s = {text, size};
    json_t *strict = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
    struct kt_node *v = kt_tree_read(&t, s);
    struct kt_arena *a = kt_arena_new(256 << 20);
    const char *wrong = NULL;
    *sure = v != NULL;
    if (v && !strict)
        wrong = "jansson does not take it";
    else if (v && !node_same(v, strict))
        wrong = "it is something else";
    if (v && !wrong) {
        struct kt_node *copy = kt_node_copy(v, s, other, a);
        memset(text, 'x', size); /* the copy has nothing of it */
        kt_tree_free(&t);
        kt_tree_init(&t);
        if (!copy || !node_same(copy, strict) || !node_writes_same(copy, strict))
            wrong = "its copy is another one, or it is written otherwise";
    }
    if (strict && !wrong) {
        v = kt_tree_of(&u, json_incref(strict));
        if (!v || !node_same(v, strict) || !node_writes_same(v, strict))
            wrong = "what comes of jansson's is another one, or is written otherwise";
        json_t *back = node_json(v);
        if (!json_equal(back, strict))
            wrong = "it does not go back";
        json_decref(back);
    }
    json_decref(strict);
    kt_arena_free(a);
    free(text);
    free(other);
    return wrong;
}
#endif
