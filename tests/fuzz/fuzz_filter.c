/* A filter of any bytes: it is refused with a place inside the text and a
 * sentence, or its tree is well formed, reads again as it prints, and judges a row
 * alike then. */
#include "filter/filter.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void require(bool ok)
{
    if (!ok)
        abort();
}

static void check_value(const struct kt_filter_value *v, const struct kt_filter_term *t)
{
    bool compares = v->op >= KT_OP_LT && v->op <= KT_OP_GE;
    require(v->op != KT_OP_IN && (v->op == KT_OP_UNKNOWN || v->text.p));
    require(v->test || (v->op == KT_OP_UNKNOWN && !t->path.p) || (compares && !t->path.p));
    for (size_t k = 0; v->op == KT_OP_CONTAINS && k < v->text.n; k++)
        require(v->text.p[k] < 'A' || v->text.p[k] > 'Z');
}

static size_t check_node(const struct kt_filter_node *n)
{
    size_t terms = 0;
    if (n->kind == KT_NODE_TERM) {
        const struct kt_filter_term *t = n->term;
        require(t->field <= KT_FIELD_COUNT && t->n > 0 && (t->n == 1 || t->op == KT_OP_IN));
        for (size_t i = 0; i < t->n; i++)
            check_value(&t->value[i], t);
        return 1;
    }
    require(n->kind == KT_NODE_NOT ? n->n == 1 : n->n >= 2);
    for (size_t i = 0; i < n->n; i++)
        terms += check_node(n->child[i]);
    return terms;
}

static void check_terms(const struct kt_filter *f)
{
    const struct kt_filter_term *const *t;
    size_t n = kt_filter_terms(f, &t);
    require(n > 0 && n <= KT_FILTER_TERMS_MAX && check_node(kt_filter_root(f)) == n);
}

/* Printed and read again it is the same, to the letter. */
static struct kt_filter *again(const struct kt_filter *f)
{
    struct kt_filter *g;
    struct kt_buf a, b;
    kt_buf_init(&a, 1 << 20);
    kt_buf_init(&b, 1 << 20);
    require(kt_filter_print(f, &a));
    if (a.len > KT_FILTER_TEXT_MAX) { /* quotes made it longer */
        g = kt_filter_clone(f);
    } else {
        require(kt_filter_parse(&g, kt_buf_span(&a), INT64_C(1700000000000), NULL, NULL) == KT_OK && g);
        require(kt_filter_print(g, &b) && a.len == b.len && memcmp(a.p, b.p, a.len) == 0);
    }
    kt_buf_free(&a);
    kt_buf_free(&b);
    return g;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kt_filter *f;
    struct kt_err e = {0};
    size_t column = SIZE_MAX;
    struct kt_span text = {(const char *)data, size};
    for (size_t at = 0; at <= size && at < 64; at++) {
        struct kt_filter_place p = kt_filter_place(text, at);
        require(p.from <= p.to && p.to <= size);
    }
    enum kt_code c = kt_filter_parse(&f, text, INT64_C(1700000000000), &column, &e);
    if (c) {
        require(!f && e.code == c && e.text[0] && column <= size);
        return 0;
    }
    if (!f)
        return 0;
    check_terms(f);
    struct kt_row r = {.ev = {.kind = KT_KIND_CREATION, .time = INT64_C(1700000000000), .key.created = KT_TIME_NONE}};
    r.ev.actor.name = KT_LIT("alice");
    r.ev.agent.text = text;
    r.verdict.risk = 50;
    r.raw = KT_LIT("{\"eventName\":\"CreateAccessKey\",\"requestParameters\":{\"userName\":\"bob\",\"n\":[1,2]}}");
    struct kt_arena *a = kt_arena_new(1 << 20);
    struct kt_filter *g = again(f);
    require(a && g);
    require(kt_filter_row(f, &r, a) == kt_filter_row(g, &r, a));
    kt_filter_free(f);
    check_terms(g);
    kt_filter_free(g);
    kt_arena_free(a);
    return 0;
}
