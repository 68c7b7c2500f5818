#include "event/event.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* One step down: a key of an object, or a number into a list. */
static struct kt_node *child(const struct kt_node *v, const char *p, size_t n)
{
    if (kt_node_is(v, KT_NODE_OBJECT))
        return kt_node_member(v, p, n);
    if (!kt_node_is(v, KT_NODE_ARRAY) || n == 0 || n > 9)
        return NULL;
    size_t i = 0;
    for (size_t k = 0; k < n; k++) {
        if (p[k] < '0' || p[k] > '9')
            return NULL;
        i = i * 10 + (size_t)(p[k] - '0');
    }
    return kt_node_item(v, i);
}

struct kt_node *kt_json_path(struct kt_node *root, struct kt_span path)
{
    struct kt_node *v = root;
    const char *p = path.p, *end = p ? p + path.n : NULL;
    if (!p)
        return NULL;
    while (v) {
        struct kt_node *whole = child(v, p, (size_t)(end - p));
        if (whole)
            return whole;
        const char *dot = memchr(p, '.', (size_t)(end - p));
        if (!dot)
            return NULL;
        v = child(v, p, (size_t)(dot - p));
        p = dot + 1;
    }
    return NULL;
}

/* For a real: the fewest digits that read back equal, 15 or as many as it takes. */
static int precision_of(const struct kt_node *v, struct kt_buf *b)
{
    kt_buf_reset(b);
    json_t *back = kt_node_write(v, b, 15) ? json_loadb(b->p, b->len, JSON_DECODE_ANY, NULL) : NULL;
    bool same = json_is_real(back) && json_real_value(back) == v->v.real;
    json_decref(back);
    kt_buf_reset(b);
    return same ? 15 : 0;
}

struct kt_span kt_json_text(struct kt_node *v, struct kt_arena *a)
{
    enum { TEXT_MAX = 64 << 20 };
    struct kt_buf b;
    if (!v)
        return KT_SPAN_NONE;
    if (v->kind == KT_NODE_STRING)
        return kt_node_text(v);
    kt_buf_init(&b, TEXT_MAX);
    int precision = v->kind == KT_NODE_REAL ? precision_of(v, &b) : 0;
    struct kt_span s = kt_node_write(v, &b, precision) ? kt_arena_span(a, kt_buf_span(&b)) : KT_SPAN_NONE;
    kt_buf_free(&b);
    return s;
}

/* --- secrets ----------------------------------------------------------------- */

static bool names_a_secret(const struct kt_node *v)
{
#define S(name) {name, sizeof name - 1}
    static const struct kt_span names[] = {S("secretAccessKey"), S("sessionToken"), S("password"), S("newPassword"), S("oldPassword"),
                                           S("servicePassword"), S("serviceCredentialSecret")};
#undef S
    if (v->key_n < 8 || (v->key[0] | 0x20) < 'n' || (v->key[0] | 0x20) > 's')
        return false; /* most are not so long, or begin otherwise */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (v->key_n == names[i].n && strncasecmp(v->key, names[i].p, v->key_n) == 0)
            return true;
    return false;
}

static bool hidden_already(const struct kt_node *v)
{
    struct kt_span s = kt_node_text(v);
    return kt_node_is(v, KT_NODE_NULL) || (s.p && (!s.n || kt_span_is(s, "***") || kt_span_is(s, "HIDDEN_DUE_TO_SECURITY_REASONS")));
}

/* As deep as jansson lets a document be (2048). */
static bool redact(struct kt_node *v)
{
    bool found = false;
    for (struct kt_node *x = kt_node_first(v); x; x = kt_node_next(x)) {
        if (!x->key || !names_a_secret(x)) {
            found |= kt_node_holds(x) && redact(x);
        } else if (!hidden_already(x)) {
            x->kind = KT_NODE_STRING;
            x->v.text = "***";
            x->n = 3;
            found = true;
        }
    }
    return found;
}

bool kt_event_redact(struct kt_node *root)
{
    return redact(root);
}
