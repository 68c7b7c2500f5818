#include "query/cond.h"

static struct kt_cond *cond_new(struct kt_arena *a, enum kt_cond_kind kind)
{
    struct kt_cond *c = kt_arena_alloc(a, sizeof *c);
    if (c)
        *c = (struct kt_cond){.kind = kind};
    return c;
}

struct kt_cond *kt_cond_all(struct kt_arena *a)
{
    return cond_new(a, KT_COND_ALL);
}

struct kt_cond *kt_cond_none(struct kt_arena *a)
{
    return cond_new(a, KT_COND_NONE);
}

struct kt_cond *kt_cond_test(struct kt_arena *a, const char *path, enum kt_cond_op op, struct kt_span value)
{
    struct kt_cond *c = cond_new(a, KT_COND_TEST);
    if (!c)
        return NULL;
    c->op = op;
    c->path = kt_arena_span(a, kt_span_of(path));
    c->value = op == KT_COND_ABSENT ? KT_SPAN_NONE : kt_arena_span(a, value);
    return c->path.p && (op == KT_COND_ABSENT || c->value.p) ? c : NULL;
}

struct kt_cond *kt_cond_join(struct kt_arena *a, enum kt_cond_kind and_or, struct kt_cond *left, struct kt_cond *right)
{
    /* what decides alone, and what changes nothing */
    enum kt_cond_kind wins = and_or == KT_COND_AND ? KT_COND_NONE : KT_COND_ALL;
    enum kt_cond_kind idle = and_or == KT_COND_AND ? KT_COND_ALL : KT_COND_NONE;
    if (!left || !right)
        return NULL;
    left->next = right->next = NULL;
    if (left->kind == wins || right->kind == idle)
        return left;
    if (right->kind == wins || left->kind == idle)
        return right;
    if (left->kind == and_or) { /* flat, so that an engine's parser does not run out of depth */
        left->last->next = right;
        left->last = right;
        return left;
    }
    struct kt_cond *c = cond_new(a, and_or);
    if (!c)
        return NULL;
    c->child = left;
    left->next = c->last = right;
    return c;
}

struct kt_cond *kt_cond_names(struct kt_arena *a, const char *const *names, size_t n)
{
    static const char *const creation[] = {"CreateAccessKey"};
    struct kt_cond *sum = kt_cond_none(a);
    if (!n) {
        names = creation;
        n = 1;
    }
    for (size_t i = 0; sum && i < n; i++) {
        bool key = strcmp(names[i], "AKIA") == 0;
        sum = kt_cond_join(a, KT_COND_OR, sum,
                           kt_cond_test(a, key ? "userIdentity.accessKeyId" : "eventName", key ? KT_COND_BEGINS : KT_COND_IS,
                                        kt_span_of(names[i])));
    }
    return sum;
}

struct kt_cond *kt_cond_copy(struct kt_arena *a, const struct kt_cond *c)
{
    struct kt_cond *copy = cond_new(a, c->kind), **at = copy ? &copy->child : NULL;
    if (!copy)
        return NULL;
    copy->op = c->op;
    copy->negated = c->negated;
    copy->loose = c->loose;
    copy->path = kt_arena_span(a, c->path);
    copy->value = kt_arena_span(a, c->value);
    if ((c->path.p && !copy->path.p) || (c->value.p && !copy->value.p))
        return NULL;
    for (const struct kt_cond *k = c->child; k; k = k->next, at = &(*at)->next)
        if (!(copy->last = *at = kt_cond_copy(a, k)))
            return NULL;
    return copy;
}

struct kt_cond *kt_cond_not(struct kt_cond *c)
{
    if (!c)
        return NULL;
    switch (c->kind) {
    case KT_COND_ALL:
        c->kind = KT_COND_NONE;
        break;
    case KT_COND_NONE:
        c->kind = KT_COND_ALL;
        break;
    case KT_COND_AND:
    case KT_COND_OR:
        c->kind = c->kind == KT_COND_AND ? KT_COND_OR : KT_COND_AND;
        for (struct kt_cond *k = c->child; k; k = k->next)
            kt_cond_not(k);
        break;
    case KT_COND_TEST:
        if (c->loose)
            c->kind = KT_COND_ALL;
        else
            c->negated = !c->negated;
        break;
    }
    return c;
}

static struct kt_cond *widen_many(struct kt_arena *a, const struct kt_cond *c, kt_cond_can *can, const void *ctx)
{
    struct kt_cond *sum = c->kind == KT_COND_AND ? kt_cond_all(a) : kt_cond_none(a);
    for (const struct kt_cond *k = c->child; k && sum; k = k->next)
        sum = kt_cond_join(a, c->kind, sum, kt_cond_widen(a, k, can, ctx));
    return sum;
}

struct kt_cond *kt_cond_widen(struct kt_arena *a, const struct kt_cond *c, kt_cond_can *can, const void *ctx)
{
    if (c->kind == KT_COND_AND || c->kind == KT_COND_OR)
        return widen_many(a, c, can, ctx);
    bool kept = c->kind != KT_COND_TEST || can(ctx, c);
    struct kt_cond *copy = cond_new(a, kept ? c->kind : KT_COND_ALL);
    if (copy && kept) {
        *copy = *c;
        copy->next = NULL;
    }
    return copy;
}

/* How many tests; loose ones say less than was meant. */
static size_t tests_in(const struct kt_cond *c, bool *loose)
{
    size_t n = 0;
    if (c->kind == KT_COND_TEST) {
        *loose |= c->loose;
        return 1;
    }
    for (const struct kt_cond *k = c->child; k; k = k->next)
        n += tests_in(k, loose);
    return n;
}

bool kt_cond_same(const struct kt_cond *c, const struct kt_cond *of)
{
    bool loose = false, had = false;
    return tests_in(c, &loose) == tests_in(of, &had) && !loose && !had;
}
