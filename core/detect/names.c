/* The event names that a rule cannot match without, so that records of other
 * events need not be parsed for it. */
#include "detect/correlation.h"

#include <stdlib.h>

enum { NAME_MIN = 4 /* shorter ones are in every record */, NONE = -1 };

struct names {
    const char **p;
    size_t n, max;
};

/* How many names every match of the node has one of; NONE: it may match
 * without any. Adds them where `out` is there. */
static int need(const struct rule *r, const struct node *n, struct names *out);

static int need_atom(const struct atom *a, struct names *out)
{
    if (a->kind != ATOM_TEXT || !kt_span_is(a->field, "eventName") || !a->spelled || strlen(a->spelled) < NAME_MIN)
        return NONE;
    bool there = false;
    for (size_t i = 0; out && i < out->n && !there; i++)
        there = strcmp(out->p[i], a->spelled) == 0;
    if (out && !there && out->n < out->max)
        out->p[out->n] = a->spelled;
    if (out && !there)
        out->n++;
    return 1;
}

static int need_all(const struct rule *r, const struct node *n, struct names *out)
{
    const struct node *best = NULL;
    int least = NONE;
    for (size_t i = 0; i < n->n; i++) {
        int k = need(r, n->child[i], NULL);
        if (k >= 0 && (least == NONE || k < least)) {
            least = k;
            best = n->child[i];
        }
    }
    return best && out ? need(r, best, out) : least;
}

static int need_any(const struct rule *r, const struct node *n, struct names *out)
{
    int sum = 0;
    for (size_t i = 0; i < n->n; i++) {
        int k = need(r, n->child[i], NULL);
        if (k == NONE)
            return NONE;
        sum += k;
    }
    for (size_t i = 0; out && i < n->n; i++)
        (void)need(r, n->child[i], out);
    return n->n ? sum : NONE;
}

static int need(const struct rule *r, const struct node *n, struct names *out)
{
    switch (n->op) {
    case OP_ATOM: return need_atom(&r->atom[n->atom], out);
    case OP_AND: return need_all(r, n, out);
    case OP_OR: return need_any(r, n, out);
    default: return NONE;
    }
}

size_t kt_rules_event_names(const struct kt_rules *s, const char **out, size_t max, size_t *unnamed)
{
    int places[CORRELATED_RULES_MAX];
    struct names names = {out, 0, max};
    *unnamed = 0;
    for (size_t i = 0; s && i < s->correlation.n; i++) {
        const struct rule *c = s->correlation.p[i];
        if (c->info.disabled || correlation_resolve(s, c, places, NULL) != KT_OK)
            continue;
        for (size_t k = 0; k < c->n_refs; k++) {
            const struct rule *r = places[k] >= 0 ? s->rule.p[places[k]] : NULL;
            if (r && !r->info.disabled && r->root && need(r, r->root, &names) == NONE)
                ++*unnamed;
        }
    }
    return names.n;
}
