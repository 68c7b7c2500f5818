/* A row's verdict when a correlation comes to match it, or no longer does. */
#include "detect/rule.h"

#include <stdlib.h>

static const struct rule *rule_of(const struct kt_rules *s, const struct kt_matched *m)
{
    const struct list *l = m->correlation ? &s->correlation : &s->rule;
    int at = list_by_id(l, m->id);
    return at < 0 ? NULL : l->p[at];
}

static void add_words(struct kt_verdict *v, struct kt_span why)
{
    size_t have = strlen(v->why);
    if (!why.n || (have && have + 2 + why.n >= KT_WHY_MAX))
        return;
    for (size_t i = 0; have && i < 2; i++)
        v->why[have++] = ", "[i];
    for (size_t i = 0; i < why.n && have < KT_WHY_MAX - 1; i++)
        v->why[have++] = why.p[i] >= 0x20 && why.p[i] < 0x7f ? why.p[i] : '?';
    v->why[have] = '\0';
}

/* Correlations first: they say more than what they are made of. */
static void rescore(const struct kt_rules *s, struct kt_verdict *v)
{
    v->risk = 0;
    v->why[0] = '\0';
    for (int correlations = 1; correlations >= 0; correlations--)
        for (size_t i = 0; i < v->n_rules; i++) {
            const struct rule *r = rule_of(s, &v->rule[i]);
            if (v->rule[i].correlation != correlations)
                continue;
            v->risk = v->risk + v->rule[i].risk > 100 ? 100 : v->risk + v->rule[i].risk;
            add_words(v, r ? r->why : KT_SPAN_NONE);
        }
    v->level = kt_level_of_risk(v->risk);
}

bool kt_verdict_correlate(const struct kt_rules *s, struct kt_verdict *v, const struct kt_matched *m, bool matches)
{
    size_t at = 0;
    while (at < v->n_rules && !(v->rule[at].correlation && kt_span_eq(v->rule[at].id, m->id)))
        at++;
    if (matches == (at < v->n_rules) || (matches && v->n_rules == KT_RULES_MATCHED_MAX))
        return false;
    if (matches)
        v->rule[v->n_rules++] = *m;
    else
        memmove(&v->rule[at], &v->rule[at + 1], (--v->n_rules - at) * sizeof *v->rule);
    rescore(s, v);
    return true;
}
