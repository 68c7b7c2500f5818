#include "detect/risk.h"

#include <stdio.h>
#include <stdlib.h>

enum { MATCHED_MAX = 64, PLACES_MAX = KT_FACT_EVIDENCE_MAX, NODES_MAX = 256, TEXTS_MAX = 64 << 20 };

struct place { /* where the facts of a name lie */
    const char *name;
    struct kt_evidence e[KT_EVIDENCE_MAX];
    size_t n;
};

struct kt_facts {
    struct kt_node node[NODES_MAX]; /* an object: its members in the order in which they were put */
    size_t n, last;
    struct kt_arena *texts;
    bool failed;
    struct place place[PLACES_MAX];
    size_t n_places;
    /* what signals say of their evidence, until the next reset */
    struct kt_evidence told[KT_SIGNALS_MAX][KT_EVIDENCE_MAX];
};

static const char *const fact_names[] = {
#define X(name, says) name,
    KT_RISK_FACTS(X)
#undef X
};

/* --- facts ---------------------------------------------------------------------- */

/* What a verdict says cannot decide a verdict. */
static bool is_of_verdict(enum kt_field f)
{
    return f == KT_FIELD_RISK || f == KT_FIELD_LEVEL || f == KT_FIELD_SIGNALS || f == KT_FIELD_RULES || f == KT_FIELD_WHY;
}

bool kt_risk_fact_known(struct kt_span name)
{
    for (size_t i = 0; i < sizeof fact_names / sizeof *fact_names; i++)
        if (kt_span_is(name, fact_names[i]))
            return true;
    for (int f = 0; f < KT_FIELD_COUNT; f++)
        if (kt_span_is(name, kt_field_name((enum kt_field)f)))
            return !is_of_verdict((enum kt_field)f);
    return false;
}

struct kt_facts *kt_facts_new(void)
{
    struct kt_facts *f = calloc(1, sizeof *f);
    if (f && !(f->texts = kt_arena_new(TEXTS_MAX))) {
        free(f);
        return NULL;
    }
    if (f)
        kt_facts_reset(f);
    return f;
}

void kt_facts_free(struct kt_facts *f)
{
    if (!f)
        return;
    kt_arena_free(f->texts);
    free(f);
}

void kt_facts_reset(struct kt_facts *f)
{
    kt_arena_reset(f->texts);
    f->node[0] = (struct kt_node){.kind = KT_NODE_OBJECT};
    f->n = 1;
    f->last = 0;
    f->n_places = 0;
    f->failed = false;
}

bool kt_facts_whole(const struct kt_facts *f)
{
    return !f->failed;
}

/* The last of a name counts. */
static struct kt_node *put(struct kt_facts *f, const char *name, enum kt_node_kind kind)
{
    size_t n = strlen(name);
    struct kt_node *v = kt_node_member(f->node, name, n);
    if (!v && f->n == NODES_MAX) {
        f->failed = true;
        return NULL;
    }
    if (!v) {
        v = &f->node[f->n];
        *v = (struct kt_node){.key = name, .key_n = (uint32_t)n};
        if (f->last)
            f->node[f->last].next = (uint32_t)(f->n - f->last);
        f->last = f->n++;
        f->node[0].n++;
    }
    v->kind = (uint8_t)kind;
    v->n = 0;
    return v;
}

static void set_text(struct kt_facts *f, struct kt_node *v, struct kt_span text)
{
    struct kt_span copy = kt_arena_span(f->texts, text);
    f->failed |= !copy.p;
    v->v.text = copy.p ? copy.p : "";
    v->n = (uint32_t)copy.n;
}

/* Text that is not UTF-8 was repaired when the record was read. */
void kt_facts_text(struct kt_facts *f, const char *name, struct kt_span v)
{
    struct kt_node *x = kt_span_known(v) ? put(f, name, KT_NODE_STRING) : NULL;
    if (x)
        set_text(f, x, v);
}

void kt_facts_number(struct kt_facts *f, const char *name, int64_t v)
{
    struct kt_node *x = put(f, name, KT_NODE_INTEGER);
    if (x)
        x->v.integer = v;
}

void kt_facts_truth(struct kt_facts *f, const char *name, enum kt_tri v)
{
    if (v != KT_UNKNOWN)
        (void)put(f, name, v == KT_YES ? KT_NODE_TRUE : KT_NODE_FALSE);
}

/* Put once: its items stand behind it. */
static void put_flags(struct kt_facts *f, uint32_t flags)
{
    struct kt_node *list = put(f, kt_field_name(KT_FIELD_FLAGS), KT_NODE_ARRAY);
    for (uint32_t i = 0; list && i < KT_FLAG_COUNT; i++) {
        struct kt_span name = kt_span_of(kt_flag_name(1u << i));
        if (!(flags & 1u << i) || !name.p)
            continue;
        if (f->n == NODES_MAX) {
            f->failed = true;
            return;
        }
        if (list->n)
            f->node[f->n - 1].next = 1;
        f->node[f->n++] = (struct kt_node){.kind = KT_NODE_STRING, .v.text = name.p, .n = (uint32_t)name.n};
        list->n++;
    }
}

void kt_facts_row(struct kt_facts *f, const struct kt_row *r, struct kt_arena *a)
{
    for (int i = 0; i < KT_FIELD_COUNT; i++) {
        enum kt_field field = (enum kt_field)i;
        if (field == KT_FIELD_FLAGS)
            put_flags(f, r->ev.flags);
        else if (!is_of_verdict(field))
            kt_facts_text(f, kt_field_name(field), kt_row_field(r, field, a));
    }
}

void kt_facts_evidence(struct kt_facts *f, const char *name, struct kt_span event_id, int64_t time)
{
    size_t i = 0;
    while (i < f->n_places && strcmp(f->place[i].name, name) != 0)
        i++;
    if (i == PLACES_MAX)
        return;
    struct place *p = &f->place[i];
    if (i == f->n_places) {
        f->n_places++;
        *p = (struct place){.name = name};
    }
    if (p->n < KT_EVIDENCE_MAX)
        p->e[p->n++] = (struct kt_evidence){event_id, time};
}

/* --- signals ---------------------------------------------------------------------- */

static size_t tell_evidence(const struct kt_facts *f, const struct kt_rule_info *rule, struct kt_evidence *out)
{
    size_t n = 0;
    for (size_t i = 0; i < rule->n_evidence; i++)
        for (size_t k = 0; k < f->n_places; k++)
            for (size_t e = 0; kt_span_is(rule->evidence[i], f->place[k].name) && e < f->place[k].n; e++)
                if (n < KT_EVIDENCE_MAX)
                    out[n++] = f->place[k].e[e];
    return n;
}

static void add_signal(struct kt_facts *f, const struct kt_rule_info *rule, struct kt_verdict *v)
{
    if (v->n_signals == KT_SIGNALS_MAX)
        return;
    struct kt_evidence *e = f->told[v->n_signals];
    size_t n = tell_evidence(f, rule, e);
    v->signal[v->n_signals++] =
        (struct kt_signal){.name = rule->signal, .weight = rule->weight, .evidence = n ? e : NULL, .n_evidence = n};
}

static void add_rule(const struct kt_rule_info *rule, struct kt_verdict *v)
{
    if (!rule->silent && v->n_rules < KT_RULES_MATCHED_MAX)
        v->rule[v->n_rules++] = (struct kt_matched){.id = rule->id, .risk = rule->risk};
}

/* Those that facts matched the last time give way to those that they match now. */
static void drop_rules_of_facts(const struct kt_rules *rules, struct kt_verdict *v)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n_rules; i++) {
        struct kt_rule_info info;
        if (v->rule[i].correlation || !kt_rules_by_id(rules, v->rule[i].id, &info) || !info.facts)
            v->rule[n++] = v->rule[i];
    }
    v->n_rules = n;
}

static int strength(int weight)
{
    return weight < 0 ? -weight : weight;
}

/* Words in the order of strength: of signals, and of rules by what they raise
 * the risk beyond what every creation has. */
struct word {
    struct kt_span why, name;
    int weight;
};

static int by_strength(const void *pa, const void *pb)
{
    const struct word *a = pa, *b = pb;
    if (strength(a->weight) != strength(b->weight))
        return strength(b->weight) - strength(a->weight);
    size_t n = a->name.n < b->name.n ? a->name.n : b->name.n;
    int order = n ? memcmp(a->name.p, b->name.p, n) : 0;
    return order ? order : (a->name.n > b->name.n) - (a->name.n < b->name.n);
}

/* "34 s", "12 min", "3 h", "5 d" */
static int put_duration(char *out, size_t size, int64_t s)
{
    static const struct {
        int64_t from, unit;
        const char *name;
    } units[] = {{2 * 86400, 86400, "d"}, {2 * 3600, 3600, "h"}, {120, 60, "min"}, {INT64_MIN, 1, "s"}};
    size_t i = 0;
    while (s < units[i].from)
        i++;
    return snprintf(out, size, "%lld %s", (long long)(s / units[i].unit), units[i].name);
}

/* `{name}` of a number: only numbers, so that all of WHY is our own words. */
static int put_fact(const struct kt_facts *f, struct kt_span name, char *out, size_t size)
{
    static const char seconds[] = ".seconds";
    const struct kt_node *v = kt_node_member(f->node, name.p, name.n);
    size_t n = sizeof seconds - 1;
    if (!kt_node_is(v, KT_NODE_INTEGER))
        return snprintf(out, size, "?");
    if (name.n > n && memcmp(name.p + name.n - n, seconds, n) == 0)
        return put_duration(out, size, v->v.integer);
    return snprintf(out, size, "%lld", (long long)v->v.integer);
}

static size_t fill_in(const struct kt_facts *f, struct kt_span why, char out[KT_WHY_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < why.n && n + 1 < KT_WHY_MAX; i++) {
        const char *end = why.p[i] == '{' ? memchr(why.p + i, '}', why.n - i) : NULL;
        if (!end) {
            out[n++] = why.p[i] >= 0x20 && why.p[i] < 0x7f ? why.p[i] : '?';
            continue;
        }
        struct kt_span name = {why.p + i + 1, (size_t)(end - why.p) - i - 1};
        int put = put_fact(f, name, out + n, KT_WHY_MAX - n);
        n += put > 0 && (size_t)put < KT_WHY_MAX - n ? (size_t)put : 0;
        i += name.n + 1;
    }
    return n;
}

/* What does not fit whole is left out, but the first. */
static void tell_why(const struct kt_facts *f, const struct word *w, size_t n, struct kt_verdict *v)
{
    size_t have = 0;
    for (size_t i = 0; i < n; i++) {
        char words[KT_WHY_MAX];
        size_t len = fill_in(f, w[i].why, words), sep = have ? 2 : 0;
        if (!len || have + sep + len >= KT_WHY_MAX)
            continue;
        memcpy(v->why + have, ", ", sep);
        memcpy(v->why + have + sep, words, len);
        have += sep + len;
    }
    v->why[have] = '\0';
}

static void score(const struct kt_rules *rules, enum kt_kind kind, const struct kt_facts *f, struct kt_verdict *v,
                  const struct kt_span *signal_why)
{
    struct word w[KT_RULES_MATCHED_MAX + KT_SIGNALS_MAX];
    size_t n = 0;
    int risk = kind == KT_KIND_CREATION ? KT_RISK_BASE : 0;
    for (size_t i = 0; i < v->n_rules; i++)
        risk = v->rule[i].risk > risk ? v->rule[i].risk : risk;
    for (size_t i = 0; i < v->n_signals; i++) {
        risk += v->signal[i].weight;
        w[n++] = (struct word){signal_why[i], v->signal[i].name, v->signal[i].weight};
    }
    for (size_t i = 0; i < v->n_rules; i++) {
        struct kt_rule_info info;
        int beyond = v->rule[i].risk - KT_RISK_BASE;
        if ((beyond > 0 || !v->n_signals) && kt_rules_by_id(rules, v->rule[i].id, &info))
            w[n++] = (struct word){info.why, v->rule[i].id, beyond};
    }
    qsort(w, n, sizeof *w, by_strength);
    v->risk = risk < 0 ? 0 : risk > 100 ? 100 : risk;
    v->level = kt_level_of_risk(v->risk);
    tell_why(f, w, n, v);
}

/* The strongest first. */
static void sort_signals(struct kt_verdict *v, struct kt_span *why)
{
    for (size_t i = 1; i < v->n_signals; i++) {
        struct kt_signal s = v->signal[i];
        struct kt_span words = why[i];
        const struct word moving = {.name = s.name, .weight = s.weight};
        size_t k = i;
        for (; k > 0; k--) {
            const struct word other = {.name = v->signal[k - 1].name, .weight = v->signal[k - 1].weight};
            if (by_strength(&other, &moving) <= 0)
                break;
            v->signal[k] = v->signal[k - 1];
            why[k] = why[k - 1];
        }
        v->signal[k] = s;
        why[k] = words;
    }
}

void kt_risk_judge(const struct kt_rules *rules, enum kt_kind kind, struct kt_facts *f, struct kt_verdict *v)
{
    int matched[MATCHED_MAX];
    struct kt_span why[KT_SIGNALS_MAX];
    drop_rules_of_facts(rules, v);
    v->n_signals = 0;
    size_t n = kt_rules_match_facts(rules, f->node, matched, MATCHED_MAX);
    for (size_t i = 0; i < n && i < MATCHED_MAX; i++) {
        struct kt_rule_info info = kt_rules_info(rules, (size_t)matched[i]);
        if (!info.signal.n) {
            add_rule(&info, v);
        } else if (v->n_signals < KT_SIGNALS_MAX) {
            why[v->n_signals] = info.why;
            add_signal(f, &info, v);
        }
    }
    sort_signals(v, why);
    score(rules, kind, f, v, why);
}
