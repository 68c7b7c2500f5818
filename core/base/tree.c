#include "base/tree.h"

#include "base/literal.h"

#include <stdlib.h>
#include <string.h>

enum {
    DIGITS_MAX = 18,   /* so that no integer overflows */
    MEMBERS_MAX = 256, /* of an object: each key is compared with those before it */
    NUMBER_MAX = 300,
    TEXT_MAX = 64 << 20, TEXT_KEPT = 1 << 20,
    FOREIGN_MAX = 1 << 28 /* nodes of a tree of jansson's */
};

struct reader {
    const char *p, *end, *start;
    struct kt_tree *t;
};

/* --- a tree -------------------------------------------------------------------- */

void kt_tree_init(struct kt_tree *t)
{
    *t = (struct kt_tree){0};
    kt_buf_init(&t->text, TEXT_MAX);
}

void kt_tree_free(struct kt_tree *t)
{
    free(t->node);
    kt_buf_free(&t->text);
    json_decref(t->json);
    kt_tree_init(t);
}

/* What was large is not kept. */
static void start(struct kt_tree *t)
{
    json_decref(t->json);
    t->json = NULL;
    t->n = 0;
    if (t->cap > KT_TREE_NODES) {
        free(t->node);
        t->node = NULL;
        t->cap = 0;
    }
    if (t->text.cap > TEXT_KEPT)
        kt_buf_free(&t->text);
    kt_buf_reset(&t->text);
}

/* Nodes move as they become more: they are known by their place. */
static bool add(struct kt_tree *t, size_t max, size_t *at)
{
    if (t->n == t->cap && !kt_grow(&t->node, &t->cap, t->n + 1, sizeof *t->node, max))
        return false;
    *at = t->n++;
    t->node[*at] = (struct kt_node){0};
    return true;
}

/* --- reading --------------------------------------------------------------------- */

/* The string with its escapes undone: never longer than it was, so that room for all
 * of the text is enough for all strings, and none moves. */
static bool unescape(struct reader *r, struct kt_span *s)
{
    struct kt_buf *b = &r->t->text;
    if (!b->len && !kt_buf_reserve(b, (size_t)(r->end - r->start)))
        return false;
    char *to = b->p + b->len;
    *s = (struct kt_span){to, kt_literal_unescape(*s, to)};
    b->len += s->n;
    return true;
}


static char here(struct reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t'))
        r->p++;
    return r->p < r->end ? *r->p : '\0';
}

static size_t digits(struct reader *r)
{
    const char *from = r->p;
    while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
        r->p++;
    return (size_t)(r->p - from);
}

/* What is no integer is read by jansson, which also says whether it can be. */
static bool real(struct reader *r, const char *from, size_t at)
{
    if (r->p < r->end && *r->p == '.') {
        r->p++;
        if (!digits(r))
            return false;
    }
    if (r->p < r->end && (*r->p | 0x20) == 'e') {
        r->p++;
        r->p += r->p < r->end && (*r->p == '+' || *r->p == '-');
        if (!digits(r))
            return false;
    }
    if (r->p - from > NUMBER_MAX)
        return false;
    json_t *v = json_loadb(from, (size_t)(r->p - from), JSON_DECODE_ANY, NULL);
    bool ok = json_is_real(v);
    r->t->node[at].kind = KT_NODE_REAL;
    r->t->node[at].v.real = json_real_value(v);
    json_decref(v);
    return ok;
}

static bool number(struct reader *r, size_t at)
{
    const char *from = r->p;
    r->p += *r->p == '-';
    const char *first = r->p;
    size_t n = digits(r);
    if (n == 0 || n > DIGITS_MAX || (n > 1 && *first == '0'))
        return false;
    if (r->p < r->end && (*r->p == '.' || (*r->p | 0x20) == 'e'))
        return real(r, from, at);
    int64_t v = 0;
    for (const char *p = first; p < r->p; p++)
        v = v * 10 + (*p - '0');
    r->t->node[at].kind = KT_NODE_INTEGER;
    r->t->node[at].v.integer = *from == '-' ? -v : v;
    return true;
}

static bool word(struct reader *r, size_t at, const char *text, size_t n, enum kt_node_kind kind)
{
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, text, n) != 0)
        return false;
    r->p += n;
    r->t->node[at].kind = (uint8_t)kind;
    return r->p == r->end || (unsigned char)((*r->p | 0x20) - 'a') > 25;
}

static bool text_value(struct reader *r, size_t at)
{
    struct kt_span s;
    bool escapes;
    if (!kt_literal(&r->p, r->end, &s, &escapes) || (escapes && !unescape(r, &s)))
        return false;
    r->t->node[at].kind = KT_NODE_STRING;
    r->t->node[at].v.text = s.p;
    r->t->node[at].n = (uint32_t)s.n;
    return true;
}

static bool is_new_key(const struct kt_tree *t, size_t object, struct kt_span key, uint64_t *some)
{
    uint64_t bit = UINT64_C(1) << ((key.n * 7 + (key.n ? (unsigned char)key.p[0] * 5u + (unsigned char)key.p[key.n - 1] : 0)) & 63);
    bool perhaps = *some & bit;
    *some |= bit;
    if (!perhaps)
        return true;
    for (size_t i = object + 1; i < t->n; i += t->node[i].next) {
        if (t->node[i].key_n == key.n && memcmp(t->node[i].key, key.p, key.n) == 0)
            return false;
        if (!t->node[i].next)
            break;
    }
    return true;
}

static bool container(struct reader *r, size_t at, int depth, char close);

static bool value(struct reader *r, size_t at, int depth)
{
    switch (here(r)) {
    case '"': return text_value(r, at);
    case '{': return depth < KT_TREE_DEPTH && container(r, at, depth + 1, '}');
    case '[': return depth < KT_TREE_DEPTH && container(r, at, depth + 1, ']');
    case 't': return word(r, at, "true", 4, KT_NODE_TRUE);
    case 'f': return word(r, at, "false", 5, KT_NODE_FALSE);
    case 'n': return word(r, at, "null", 4, KT_NODE_NULL);
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        return number(r, at);
    default: return false;
    }
}

static bool key_of(struct reader *r, size_t object, struct kt_span *key, uint64_t *some)
{
    bool escapes;
    if (here(r) != '"' || !kt_literal(&r->p, r->end, key, &escapes) || escapes || !is_new_key(r->t, object, *key, some) || here(r) != ':')
        return false;
    r->p++;
    return true;
}

static bool container(struct reader *r, size_t at, int depth, char close)
{
    struct kt_tree *t = r->t;
    size_t last = 0;
    uint64_t some = 0;
    t->node[at].kind = close == '}' ? KT_NODE_OBJECT : KT_NODE_ARRAY;
    r->p++;
    if (here(r) == close) {
        r->p++;
        return true;
    }
    for (uint32_t n = 1;; n++) {
        struct kt_span key = {NULL, 0};
        size_t i;
        if (close == '}' && (n > MEMBERS_MAX || !key_of(r, at, &key, &some)))
            return false;
        if (!add(t, KT_TREE_NODES, &i))
            return false;
        t->node[i].key = key.p;
        t->node[i].key_n = (uint32_t)key.n;
        if (last)
            t->node[last].next = (uint32_t)(i - last);
        last = i;
        if (!value(r, i, depth))
            return false;
        char x = here(r);
        if (x != ',' && x != close)
            return false;
        r->p++;
        if (x == close) {
            t->node[at].n = n;
            return true;
        }
    }
}

struct kt_node *kt_tree_read(struct kt_tree *t, struct kt_span text)
{
    struct reader r = {text.p, text.p + text.n, text.p, t};
    size_t at;
    start(t);
    if (!text.p || text.n > TEXT_MAX)
        return NULL;
    char x = here(&r);
    if ((x != '{' && x != '[') || !add(t, KT_TREE_NODES, &at) || !value(&r, at, 0))
        return NULL;
    (void)here(&r);
    return r.p == r.end ? t->node : NULL;
}

/* --- jansson's ----------------------------------------------------------------------- */

static bool convert(struct kt_tree *t, size_t at, json_t *v);

static bool convert_next(struct kt_tree *t, size_t *last, json_t *v, const char *key, size_t key_n)
{
    size_t i;
    if (!add(t, FOREIGN_MAX, &i))
        return false;
    t->node[i].key = key;
    t->node[i].key_n = (uint32_t)key_n;
    if (*last)
        t->node[*last].next = (uint32_t)(i - *last);
    *last = i;
    return convert(t, i, v);
}

static bool convert_all(struct kt_tree *t, size_t at, json_t *v)
{
    size_t last = 0;
    t->node[at].n = (uint32_t)(json_is_array(v) ? json_array_size(v) : json_object_size(v));
    for (size_t i = 0; i < json_array_size(v); i++)
        if (!convert_next(t, &last, json_array_get(v, i), NULL, 0))
            return false;
    for (void *it = json_object_iter(v); it; it = json_object_iter_next(v, it))
        if (!convert_next(t, &last, json_object_iter_value(it), json_object_iter_key(it), json_object_iter_key_len(it)))
            return false;
    return true;
}

/* As deep as jansson lets a document be (2048). */
static bool convert(struct kt_tree *t, size_t at, json_t *v)
{
    struct kt_node *o = &t->node[at];
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        o->kind = KT_NODE_OBJECT;
        return convert_all(t, at, v);
    case JSON_ARRAY:
        o->kind = KT_NODE_ARRAY;
        return convert_all(t, at, v);
    case JSON_STRING:
        o->kind = KT_NODE_STRING;
        o->v.text = json_string_value(v);
        o->n = (uint32_t)json_string_length(v);
        break;
    case JSON_INTEGER:
        o->kind = KT_NODE_INTEGER;
        o->v.integer = json_integer_value(v);
        break;
    case JSON_REAL:
        o->kind = KT_NODE_REAL;
        o->v.real = json_real_value(v);
        break;
    case JSON_TRUE: o->kind = KT_NODE_TRUE; break;
    case JSON_FALSE: o->kind = KT_NODE_FALSE; break;
    default: o->kind = KT_NODE_NULL; break;
    }
    return true;
}

struct kt_node *kt_tree_of(struct kt_tree *t, json_t *json)
{
    size_t at;
    start(t);
    t->json = json;
    return json && add(t, FOREIGN_MAX, &at) && convert(t, at, json) ? t->node : NULL;
}

struct kt_node *kt_tree_parse(struct kt_tree *t, struct kt_span text)
{
    struct kt_node *root = kt_tree_read(t, text);
    if (root || !text.p)
        return root;
    json_t *v = json_loadb(text.p, text.n, JSON_ALLOW_NUL, NULL);
    if (!v)
        v = json_loadb(text.p, text.n, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    return v ? kt_tree_of(t, v) : NULL;
}

/* --- a copy ------------------------------------------------------------------------- */

static bool move_text(const char **p, size_t n, struct kt_span from, const char *to, struct kt_arena *a)
{
    if (!*p)
        return true;
    if ((uintptr_t)*p >= (uintptr_t)from.p && (uintptr_t)*p <= (uintptr_t)from.p + from.n)
        *p = to + ((uintptr_t)*p - (uintptr_t)from.p);
    else
        *p = kt_arena_span(a, (struct kt_span){*p, n}).p;
    return *p != NULL;
}

/* How many nodes a value is. */
static size_t size_of(const struct kt_node *v)
{
    const struct kt_node *at = v;
    while (kt_node_holds(at) && at->n) /* to the last in the last */
        for (at++; at->next;)
            at += at->next;
    return (size_t)(at - v) + 1;
}

struct kt_node *kt_node_copy(const struct kt_node *v, struct kt_span text, const char *same, struct kt_arena *a)
{
    size_t n = size_of(v);
    struct kt_node *copy = kt_arena_alloc(a, n * sizeof *copy);
    if (!copy)
        return NULL;
    for (size_t i = 0; i < n; i++)
        copy[i] = v[i];
    copy->key = NULL;
    copy->key_n = copy->next = 0;
    for (size_t i = 0; i < n; i++)
        if (!move_text(&copy[i].key, copy[i].key_n, text, same, a) ||
            (copy[i].kind == KT_NODE_STRING && !move_text(&copy[i].v.text, copy[i].n, text, same, a)))
            return NULL;
    return copy;
}

/* --- looking at it -------------------------------------------------------------------- */

struct kt_node *kt_node_member(const struct kt_node *o, const char *key, size_t n)
{
    if (!kt_node_is(o, KT_NODE_OBJECT))
        return NULL;
    for (struct kt_node *v = kt_node_first(o); v; v = kt_node_next(v))
        if (v->key_n == n && (!n || (v->key[0] == key[0] && v->key[n - 1] == key[n - 1] && memcmp(v->key, key, n) == 0)))
            return v;
    return NULL;
}

struct kt_node *kt_node_item(const struct kt_node *list, size_t i)
{
    if (!kt_node_is(list, KT_NODE_ARRAY) || i >= list->n)
        return NULL;
    struct kt_node *v = kt_node_first(list);
    while (i--)
        v = kt_node_next(v);
    return v;
}

/* --- writing --------------------------------------------------------------------------- */

static size_t written(const char *p, size_t n)
{
    size_t more = 2;
    for (size_t i = 0; i < n; i++)
        more += (unsigned char)p[i] < 0x20 ? (memchr("\b\f\n\r\t", p[i], 5) ? 1 : 5) : p[i] == '"' || p[i] == '\\';
    return n + more;
}

static bool write_text(struct kt_buf *out, const char *p, size_t n)
{
    static const char hex[] = "0123456789ABCDEF", named[] = "\b\f\n\r\t\"\\";
    size_t most = 6 * n + 2;
    if (!kt_buf_reserve(out, out->max - out->len < most ? written(p, n) : most))
        return false;
    char *to = out->p + out->len;
    *to++ = '"';
    for (const char *end = p + n; p < end;) {
        const char *q = kt_literal_special(p, end);
        memcpy(to, p, (size_t)(q - p));
        to += q - p;
        p = q;
        if (p == end)
            break;
        unsigned char c = (unsigned char)*p++;
        const char *k = c < 0x80 ? memchr(named, c, sizeof named - 1) : NULL;
        if (c >= 0x80) {
            *to++ = (char)c;
        } else if (k) {
            *to++ = '\\';
            *to++ = "bfnrt\"\\"[k - named];
        } else {
            memcpy(to, "\\u00", 4);
            to[4] = hex[c >> 4];
            to[5] = hex[c & 15];
            to += 6;
        }
    }
    *to++ = '"';
    out->len = (size_t)(to - out->p);
    *to = '\0';
    return true;
}

static bool write_real(struct kt_buf *out, double d, int precision)
{
    char text[64];
    json_t *v = json_real(d);
    size_t n = v ? json_dumpb(v, text, sizeof text, JSON_ENCODE_ANY | JSON_REAL_PRECISION((unsigned)precision)) : 0;
    json_decref(v);
    return n && n <= sizeof text && kt_buf_add(out, text, n);
}

static inline bool write_char(struct kt_buf *out, char c)
{
    if (out->cap - out->len < 2 || out->failed || !out->p)
        return kt_buf_addc(out, c);
    out->p[out->len++] = c;
    out->p[out->len] = '\0';
    return true;
}

static bool write_integer(struct kt_buf *out, int64_t v)
{
    char text[24], *p = text + sizeof text;
    uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;
    do
        *--p = (char)('0' + u % 10);
    while (u /= 10);
    if (v < 0)
        *--p = '-';
    return kt_buf_add(out, p, (size_t)(text + sizeof text - p));
}

struct writer {
    struct kt_buf *out;
    int precision;
    bool sorted;
};

static bool write_value(const struct writer *w, const struct kt_node *v);

static int by_key(const void *pa, const void *pb)
{
    const struct kt_node *a = *(const struct kt_node *const *)pa, *b = *(const struct kt_node *const *)pb;
    if (a->key_n && b->key_n && a->key[0] != b->key[0]) /* most of them */
        return (unsigned char)a->key[0] - (unsigned char)b->key[0];
    size_t n = a->key_n < b->key_n ? a->key_n : b->key_n;
    int d = n ? memcmp(a->key, b->key, n) : 0;
    return d ? d : (a->key_n > b->key_n) - (a->key_n < b->key_n);
}

static void sort_keys(const struct kt_node **m, size_t n)
{
    enum { FEW = 24 };
    if (n > FEW) {
        qsort(m, n, sizeof(struct kt_node *), by_key);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        const struct kt_node *x = m[i];
        size_t k = i;
        for (; k && by_key(&m[k - 1], &x) > 0; k--)
            m[k] = m[k - 1];
        m[k] = x;
    }
}

static bool write_member(const struct writer *w, const struct kt_node *v, bool object)
{
    return (!object || (write_text(w->out, v->key, v->key_n) && write_char(w->out, ':'))) && write_value(w, v);
}

static bool write_sorted(const struct writer *w, const struct kt_node *o)
{
    enum { HERE = 48 };
    const struct kt_node *few[HERE], **m = o->n <= HERE ? few : calloc(o->n, sizeof *m);
    size_t n = 0;
    if (!m)
        return false;
    for (const struct kt_node *v = kt_node_first(o); v; v = kt_node_next(v))
        m[n++] = v;
    sort_keys(m, n);
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++)
        ok = (!i || write_char(w->out, ',')) && write_member(w, m[i], true);
    if (m != few)
        free(m);
    return ok;
}

static bool write_container(const struct writer *w, const struct kt_node *v)
{
    bool object = v->kind == KT_NODE_OBJECT, ok = write_char(w->out, object ? '{' : '[');
    if (ok && object && w->sorted)
        ok = write_sorted(w, v);
    else
        for (const struct kt_node *first = kt_node_first(v), *x = first; ok && x; x = kt_node_next(x))
            ok = (x == first || write_char(w->out, ',')) && write_member(w, x, object);
    return ok && write_char(w->out, object ? '}' : ']');
}

static bool write_value(const struct writer *w, const struct kt_node *v)
{
    switch (v->kind) {
    case KT_NODE_NULL: return kt_buf_add(w->out, "null", 4);
    case KT_NODE_FALSE: return kt_buf_add(w->out, "false", 5);
    case KT_NODE_TRUE: return kt_buf_add(w->out, "true", 4);
    case KT_NODE_INTEGER: return write_integer(w->out, v->v.integer);
    case KT_NODE_REAL: return write_real(w->out, v->v.real, w->precision);
    case KT_NODE_STRING: return write_text(w->out, v->v.text, v->n);
    default: return write_container(w, v);
    }
}

bool kt_node_write(const struct kt_node *v, struct kt_buf *out, int precision)
{
    return write_value(&(struct writer){out, precision, false}, v);
}

bool kt_node_write_sorted(const struct kt_node *v, struct kt_buf *out)
{
    return write_value(&(struct writer){out, 0, true}, v);
}
