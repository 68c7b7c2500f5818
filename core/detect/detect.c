#include "detect/detect.h"

#include "base/embedded.h"
#include "detect/rule.h"

#include <stdlib.h>

/* --- the set ------------------------------------------------------------------ */

static enum kt_code add_builtin(struct kt_rules *s, const struct kt_embedded *b, struct kt_err *e)
{
    char name[256];
    size_t n = strlen(b->name);
    if (n > 4 && memcmp(b->name + n - 4, ".yml", 4) == 0)
        n -= 4;
    if (n >= sizeof name)
        return kt_fail(e, KT_ELIMIT, "%s: the name is too long", b->name);
    memcpy(name, b->name, n);
    name[n] = '\0';
    return kt_rules_add(s, name, b->data, b->len, e);
}

enum kt_code kt_rules_new(struct kt_rules **out, struct kt_err *e)
{
    *out = calloc(1, sizeof **out);
    return *out ? KT_OK : kt_fail(e, KT_ENOMEM, "memory ran out");
}

enum kt_code kt_rules_load_builtin(struct kt_rules **out, struct kt_err *e)
{
    enum kt_code made = kt_rules_new(out, e);
    if (made != KT_OK)
        return made;
    for (const struct kt_embedded *b = kt_rules_builtin; b->name; b++) {
        enum kt_code c = add_builtin(*out, b, e);
        if (c != KT_OK) {
            kt_rules_free(*out);
            *out = NULL;
            return c;
        }
    }
    return KT_OK;
}

const struct kt_rules *kt_rules_hold(const struct kt_rules *r)
{
    struct kt_rules *s = (struct kt_rules *)(uintptr_t)r; /* made here */
    if (s)
        atomic_fetch_add_explicit(&s->holders, 1, memory_order_relaxed);
    return r;
}

void kt_rules_free(const struct kt_rules *r)
{
    struct kt_rules *s = (struct kt_rules *)(uintptr_t)r;
    if (!s || atomic_fetch_sub_explicit(&s->holders, 1, memory_order_acq_rel) != 0)
        return;
    struct list *lists[] = {&s->rule, &s->filter, &s->correlation};
    set_matcher_free(s->matcher);
    set_matcher_free(s->facts);
    for (int i = 0; i < 3; i++) {
        for (size_t k = 0; k < lists[i]->n; k++)
            rule_free(lists[i]->p[k]);
        free(lists[i]->p);
    }
    free(s->placeholder);
    kt_arena_free(s->arena);
    free(s);
}

static struct kt_rule_info info_of(const struct list *l, size_t i)
{
    return l && i < l->n ? l->p[i]->info : (struct kt_rule_info){.n_fields = 0};
}

size_t kt_rules_count(const struct kt_rules *s)
{
    return s ? s->rule.n : 0;
}

struct kt_rule_info kt_rules_info(const struct kt_rules *s, size_t i)
{
    return info_of(s ? &s->rule : NULL, i);
}

size_t kt_rules_filters(const struct kt_rules *s)
{
    return s ? s->filter.n : 0;
}

struct kt_rule_info kt_rules_filter_info(const struct kt_rules *s, size_t i)
{
    return info_of(s ? &s->filter : NULL, i);
}

size_t kt_rules_correlations(const struct kt_rules *s)
{
    return s ? s->correlation.n : 0;
}

struct kt_rule_info kt_rules_correlation_info(const struct kt_rules *s, size_t i)
{
    return info_of(s ? &s->correlation : NULL, i);
}

int kt_rules_find(const struct kt_rules *s, const char *name_or_id)
{
    return s ? list_find(&s->rule, kt_span_of(name_or_id)) : -1;
}

bool kt_rules_by_id(const struct kt_rules *s, struct kt_span id, struct kt_rule_info *out)
{
    const struct list *lists[] = {s ? &s->rule : NULL, s ? &s->correlation : NULL};
    for (size_t l = 0; s && l < sizeof lists / sizeof *lists; l++) {
        int i = list_by_id(lists[l], id);
        if (i < 0)
            continue;
        *out = lists[l]->p[i]->info;
        return true;
    }
    return false;
}

bool kt_rules_signal(const struct kt_rules *s, struct kt_span signal, struct kt_rule_info *out)
{
    for (size_t i = 0; s && i < s->rule.n; i++) {
        if (!kt_span_eq(s->rule.p[i]->info.signal, signal))
            continue;
        *out = s->rule.p[i]->info;
        return true;
    }
    return false;
}

/* --- the verdict --------------------------------------------------------------- */

/* "this, that"; what would not fit whole is left out. */
static void add_why(struct kt_verdict *v, struct kt_span why)
{
    size_t have = strlen(v->why), sep = have ? 2 : 0;
    if (have && have + sep + why.n >= KT_WHY_MAX)
        return;
    if (sep)
        memcpy(v->why + have, ", ", sep);
    size_t n = why.n < KT_WHY_MAX - 1 - have - sep ? why.n : KT_WHY_MAX - 1 - have - sep;
    for (size_t i = 0; i < n; i++)
        v->why[have + sep + i] = why.p[i] >= 0x20 && why.p[i] < 0x7f ? why.p[i] : '?';
    v->why[have + sep + n] = '\0';
}

static void add_rule(struct kt_verdict *v, const struct rule *r)
{
    if (r->info.silent)
        return;
    v->risk = v->risk > r->info.risk ? v->risk : r->info.risk;
    if (v->n_rules < KT_RULES_MATCHED_MAX)
        v->rule[v->n_rules++] = (struct kt_matched){.id = r->info.id, .risk = r->info.risk};
    add_why(v, r->info.why);
}

size_t kt_rules_match(const struct kt_rules *s, struct kt_node *root, struct kt_verdict *out, int *matched, size_t max)
{
    int few[4 * KT_RULES_MATCHED_MAX];
    struct found found = {.rule = few, .max = sizeof few / sizeof *few};
    int *all = NULL;
    *out = (struct kt_verdict){.filter = KT_SPAN_NONE, .filtered = KT_SPAN_NONE};
    if (!s)
        return 0;
    set_matcher_judge(s->matcher, root, &found);
    if (found.n > found.max && (all = calloc(found.n, sizeof *all))) { /* seldom: once more, with room for all */
        found.rule = all;
        found.max = found.n;
        set_matcher_judge(s->matcher, root, &found);
    }
    size_t n = found.n < found.max ? found.n : found.max;
    for (size_t i = 0; i < n; i++)
        add_rule(out, s->rule.p[found.rule[i]]);
    for (size_t i = 0; i < n && i < max; i++)
        matched[i] = found.rule[i];
    out->level = kt_level_of_risk(out->risk);
    if (found.filter >= 0)
        out->filter = s->filter.p[found.filter]->info.name;
    if (found.filtered >= 0)
        out->filtered = s->rule.p[found.filtered]->info.id;
    out->undecided = found.undecided;
    free(all);
    return found.n;
}

size_t kt_rules_match_facts(const struct kt_rules *s, struct kt_node *facts, int *matched, size_t max)
{
    struct found found = {.rule = matched, .max = max};
    if (s)
        set_matcher_judge(s->facts, facts, &found);
    return found.n;
}

void kt_rules_judge(const struct kt_rules *s, struct kt_node *root, struct kt_verdict *out)
{
    (void)kt_rules_match(s, root, out, NULL, 0);
}

const char *kt_level_name(enum kt_level l)
{
    static const char *const names[] = {"informational", "low", "medium", "high", "critical"};
    return (size_t)l < sizeof names / sizeof *names ? names[l] : "informational";
}

enum kt_level kt_level_of_risk(int risk)
{
    return risk >= 90   ? KT_LEVEL_CRITICAL
           : risk >= 70 ? KT_LEVEL_HIGH
           : risk >= 40 ? KT_LEVEL_MEDIUM
           : risk >= 20 ? KT_LEVEL_LOW
                        : KT_LEVEL_INFORMATIONAL;
}
