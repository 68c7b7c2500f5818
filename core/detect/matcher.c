/* All rules of a set against one record.
 *
 * Equal atoms of all rules are one. Those that are a plain text, or look for
 * one, are found in a field all at once: whole values by a hash, parts by an
 * automaton, so that a field is read once whatever the number of rules. Each
 * rule has a guard, a set of such atoms of which at least one must hold for
 * the rule to match; only rules whose guard has been hit are looked at, and
 * only then the fields and the costly atoms that they ask for. */
#include "detect/automaton.h"
#include "detect/rule.h"

#include "base/hash.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { SPARES = 8, PREFILTER_MIN = 3 };

struct shared { /* an atom that rules have in common */
    const struct atom *a;
    uint32_t field;
    uint32_t next;      /* the next, from 1, that is found by the same text */
    uint32_t prefilter; /* from 1: must hold for this one to hold */
    bool indexed;       /* found by reading the field */
    uint32_t wake, n_wake;
};

struct field {
    struct kt_span path;
    int sees;        /* what its indexed atoms look at */
    bool guards;     /* read for every record */
    size_t longest;  /* of its whole values */
    uint32_t *slot;  /* whole values: atom, from 1 */
    size_t mask;
    struct automaton parts;
};

struct unit { /* a rule or filter, with its atoms' places among the shared */
    const struct rule *rule;
    uint32_t *map;
};

struct scratch {
    struct trial t;
    uint32_t now; /* a mark that equals it is of this record */
    uint32_t *yes, *no, *read;
    uint64_t *awake;
    unsigned char *folded;
};

struct set_matcher {
    struct unit *unit; /* rules, then filters */
    size_t n_rules, n_filters, n_units;
    bool facts; /* of rules for facts; the others have no part in it */
    struct shared *shared;
    size_t n_shared, cap_shared;
    struct field *field;
    size_t n_fields, cap_fields;
    uint32_t *slot; /* shared by key, while building */
    size_t n_slots;
    uint32_t *wake;
    uint32_t *always; /* rules without a guard */
    size_t n_always;
    struct filters_of filters;
    struct kt_arena *arena;
    size_t longest;
    _Atomic(struct scratch *) spare[SPARES];
};

enum { SHARED_MAX = 1 << 20, FIELDS_MAX = 1 << 16, BUILD_MEMORY_MAX = 256 << 20 };

/* --- scratch --------------------------------------------------------------------- */

static void scratch_free(struct scratch *s)
{
    if (!s)
        return;
    trial_free(&s->t);
    free(s->yes);
    free(s->no);
    free(s->read);
    free(s->awake);
    free(s->folded);
    free(s);
}

static struct scratch *scratch_new(const struct set_matcher *m)
{
    struct scratch *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->yes = calloc(m->n_shared + 1, sizeof *s->yes);
    s->no = calloc(m->n_shared + 1, sizeof *s->no);
    s->read = calloc(m->n_fields + 1, sizeof *s->read);
    s->awake = calloc(m->n_rules / 64 + 1, sizeof *s->awake);
    s->folded = malloc(m->longest + 1);
    if (trial_init(&s->t) && s->yes && s->no && s->read && s->awake && s->folded)
        return s;
    scratch_free(s);
    return NULL;
}

static struct scratch *scratch_take(struct set_matcher *m)
{
    struct scratch *s = NULL;
    for (int i = 0; i < SPARES && !s; i++)
        s = atomic_exchange(&m->spare[i], NULL);
    if (!s)
        s = scratch_new(m);
    if (s && ++s->now == 0) { /* after 4 thousand million records */
        memset(s->yes, 0, (m->n_shared + 1) * sizeof *s->yes);
        memset(s->no, 0, (m->n_shared + 1) * sizeof *s->no);
        memset(s->read, 0, (m->n_fields + 1) * sizeof *s->read);
        s->now = 1;
    }
    return s;
}

static void scratch_give(struct set_matcher *m, struct scratch *s)
{
    for (int i = 0; i < SPARES && s; i++)
        s = atomic_exchange(&m->spare[i], s);
    scratch_free(s);
}

/* --- reading a field ------------------------------------------------------------- */

struct reading {
    struct set_matcher *m;
    struct scratch *s;
    const struct field *field;
    struct kt_span text;
    int seen_as;
};

static void hit(struct reading *r, uint32_t i)
{
    const struct shared *h = &r->m->shared[i];
    if (r->s->yes[i] == r->s->now)
        return;
    r->s->yes[i] = r->s->now;
    for (uint32_t k = 0; k < h->n_wake; k++) {
        uint32_t rule = r->m->wake[h->wake + k];
        r->s->awake[rule / 64] |= UINT64_C(1) << (rule % 64);
    }
}

static void part_hit(void *ctx, uint32_t number, size_t end)
{
    struct reading *r = ctx;
    for (uint32_t i = number; i; i = r->m->shared[i - 1].next) {
        const struct atom *a = r->m->shared[i - 1].a;
        size_t n = a->pattern.literal.n;
        if (!(atom_sees(a) & r->seen_as) || (a->pattern.shape == SHAPE_PREFIX && end != n) ||
            (a->pattern.shape == SHAPE_SUFFIX && end != r->text.n))
            continue;
        if (!a->pattern.cased || memcmp(r->text.p + end - n, a->pattern.literal.p, n) == 0)
            hit(r, i - 1);
    }
}

static void whole_hit(struct reading *r)
{
    const struct field *f = r->field;
    if (!f->slot || r->text.n > f->longest)
        return;
    for (size_t i = 0; i < r->text.n; i++)
        r->s->folded[i] = pattern_fold(r->text.p[i]);
    for (size_t at = kt_hash(r->s->folded, r->text.n) & f->mask; f->slot[at]; at = (at + 1) & f->mask) {
        const struct atom *a = r->m->shared[f->slot[at] - 1].a;
        const struct kt_span *v = &a->pattern.literal;
        if (v->n != r->text.n || memcmp(a->pattern.cased ? r->text.p : (const char *)r->s->folded, v->p, v->n) != 0)
            continue;
        hit(r, f->slot[at] - 1);
    }
}

static bool read_text(void *ctx, struct kt_span s, int seen_as)
{
    struct reading *r = ctx;
    r->text = s;
    r->seen_as = seen_as;
    if (seen_as == SEES_SCALAR)
        whole_hit(r);
    if (r->field->parts.nodes)
        automaton_scan(&r->field->parts, s, part_hit, r);
    return true;
}

static bool read_value(void *ctx, struct kt_node *v)
{
    struct reading *r = ctx;
    /* parts of a text are found in the JSON text as well */
    (void)texts_each(v, r->field->sees | SEES_SPELLED, &r->s->t.text, read_text, r);
    r->s->t.undecided += trial_text_failed(&r->s->t);
    return true;
}

static void read_field(struct set_matcher *m, struct scratch *s, uint32_t i)
{
    struct reading r = {.m = m, .s = s, .field = &m->field[i]};
    if (s->read[i] == s->now)
        return;
    s->read[i] = s->now;
    if (r.field->path.n)
        (void)path_each(s->t.root, r.field->path, read_value, &r);
    else
        (void)texts_each(s->t.root, SEES_LEAF, &s->t.text, read_text, &r);
}

/* --- judging --------------------------------------------------------------------- */

static bool shared_holds(struct set_matcher *m, struct scratch *s, uint32_t i)
{
    const struct shared *h = &m->shared[i];
    if (s->yes[i] == s->now)
        return true;
    if (s->no[i] == s->now)
        return false;
    bool holds;
    if (h->indexed) {
        read_field(m, s, h->field);
        holds = s->yes[i] == s->now;
    } else {
        holds = (!h->prefilter || shared_holds(m, s, h->prefilter - 1)) && atom_holds(h->a, &s->t);
    }
    (holds ? s->yes : s->no)[i] = s->now;
    return holds;
}

static bool node_holds(struct set_matcher *m, struct scratch *s, const struct unit *u, const struct node *n)
{
    if (n->op == OP_ATOM)
        return shared_holds(m, s, u->map[n->atom]);
    if (n->op == OP_NOT)
        return !node_holds(m, s, u, n->child[0]);
    for (size_t i = 0; i < n->n; i++)
        if (node_holds(m, s, u, n->child[i]) == (n->op == OP_OR))
            return n->op == OP_OR;
    return n->op == OP_AND;
}

/* With memory for marks, by them; without, plainly. */
static bool unit_holds(struct set_matcher *m, struct scratch *s, struct trial *plain, size_t i)
{
    const struct unit *u = &m->unit[i];
    if (u->rule->info.disabled || !u->rule->root || u->rule->info.facts != m->facts)
        return false;
    return s ? node_holds(m, s, u, u->rule->root) : rule_matches_plainly(u->rule, plain);
}

static void judge_rule(struct set_matcher *m, struct scratch *s, struct trial *plain, size_t i, struct found *out)
{
    if (!unit_holds(m, s, plain, i))
        return;
    for (size_t k = m->filters.first[i]; k < m->filters.first[i + 1]; k++) {
        if (!unit_holds(m, s, plain, m->n_rules + m->filters.filter[k]))
            continue;
        if (out->filter < 0) {
            out->filter = (int)m->filters.filter[k];
            out->filtered = (int)i;
        }
        return;
    }
    if (out->n < out->max)
        out->rule[out->n] = (int)i;
    out->n++;
}

static void judge_awake(struct set_matcher *m, struct scratch *s, struct found *out)
{
    memset(s->awake, 0, (m->n_rules / 64 + 1) * sizeof *s->awake);
    for (size_t i = 0; i < m->n_always; i++)
        s->awake[m->always[i] / 64] |= UINT64_C(1) << (m->always[i] % 64);
    for (size_t i = 0; i < m->n_fields; i++)
        if (m->field[i].guards)
            read_field(m, s, (uint32_t)i);
    for (size_t w = 0; w <= m->n_rules / 64; w++)
        for (uint64_t bits = s->awake[w]; bits; bits &= bits - 1)
            judge_rule(m, s, NULL, w * 64 + (size_t)__builtin_ctzll(bits), out);
}

/* A filter of any rule says that the record itself is harmless, whether a rule
 * matches it or none: rows are of keys, not of rules. */
static void judge_row(struct set_matcher *m, struct scratch *s, struct trial *plain, struct found *out)
{
    for (size_t k = 0; !out->n && out->filter < 0 && k < m->n_filters; k++)
        if (m->unit[m->n_rules + k].rule->any && unit_holds(m, s, plain, m->n_rules + k))
            out->filter = (int)k;
}

void set_matcher_judge(struct set_matcher *m, struct kt_node *root, struct found *out)
{
    out->n = 0;
    out->filter = out->filtered = -1;
    out->undecided = 0;
    if (!m)
        return;
    struct scratch *s = scratch_take(m);
    if (s) {
        s->t.root = root;
        s->t.undecided = 0;
        judge_awake(m, s, out);
        judge_row(m, s, NULL, out);
        out->undecided = s->t.undecided;
        scratch_give(m, s);
        return;
    }
    struct trial plain;
    (void)trial_init(&plain); /* without memory even for it, what needs it is counted as undecided */
    plain.root = root;
    for (size_t i = 0; i < m->n_rules; i++)
        judge_rule(m, NULL, &plain, i, out);
    judge_row(m, NULL, &plain, out);
    out->undecided = plain.undecided;
    trial_free(&plain);
}

/* --- building: atoms and fields -------------------------------------------------- */

static bool field_of(struct set_matcher *m, struct kt_span path, uint32_t *out)
{
    for (size_t i = 0; i < m->n_fields; i++)
        if (kt_span_eq(m->field[i].path, path)) {
            *out = (uint32_t)i;
            return true;
        }
    if (!kt_grow(&m->field, &m->cap_fields, m->n_fields + 1, sizeof *m->field, FIELDS_MAX))
        return false;
    *out = (uint32_t)m->n_fields;
    m->field[m->n_fields++] = (struct field){.path = path};
    return true;
}

static bool rehash(struct set_matcher *m)
{
    size_t n = m->n_slots ? m->n_slots * 2 : 1024;
    uint32_t *slot = calloc(n, sizeof *slot);
    if (!slot)
        return false;
    for (size_t i = 0; i < m->n_shared; i++) {
        size_t at = kt_hash(m->shared[i].a->key.p, m->shared[i].a->key.n) & (n - 1);
        while (slot[at])
            at = (at + 1) & (n - 1);
        slot[at] = (uint32_t)i + 1;
    }
    free(m->slot);
    m->slot = slot;
    m->n_slots = n;
    return true;
}

static bool share(struct set_matcher *m, const struct atom *a, uint32_t *out);

/* The longest run of plain text in a pattern or regular expression, as an
 * atom of its own. */
static bool share_prefilter(struct set_matcher *m, const struct atom *a, uint32_t *out)
{
    static const char mark[] = "part";
    size_t n = a->pattern.literal.n, total = sizeof mark + a->field.n + n;
    struct atom *p = kt_arena_alloc(m->arena, sizeof *p);
    char *key = kt_arena_alloc(m->arena, total);
    char *folded = kt_arena_alloc(m->arena, n);
    if (!p || !key || !folded)
        return false;
    for (size_t i = 0; i < n; i++)
        folded[i] = (char)pattern_fold(a->pattern.literal.p[i]);
    memcpy(key, mark, sizeof mark);
    memcpy(key + sizeof mark, a->field.p, a->field.n);
    memcpy(key + sizeof mark + a->field.n, folded, n);
    *p = (struct atom){.kind = ATOM_TEXT,
                       .field = a->field,
                       .key = {key, total},
                       .pattern = {.shape = SHAPE_CONTAINS, .floating = true, .literal = {folded, n}}};
    uint32_t i;
    if (!share(m, p, &i))
        return false;
    *out = i + 1;
    return true;
}

static bool share(struct set_matcher *m, const struct atom *a, uint32_t *out)
{
    if (2 * (m->n_shared + 1) > m->n_slots && !rehash(m))
        return false;
    size_t at = kt_hash(a->key.p, a->key.n) & (m->n_slots - 1);
    for (; m->slot[at]; at = (at + 1) & (m->n_slots - 1))
        if (kt_span_eq(m->shared[m->slot[at] - 1].a->key, a->key)) {
            *out = m->slot[at] - 1;
            return true;
        }
    struct shared h = {.a = a, .indexed = a->kind == ATOM_TEXT && a->pattern.shape <= SHAPE_CONTAINS};
    if (!field_of(m, a->field, &h.field) ||
        !kt_grow(&m->shared, &m->cap_shared, m->n_shared + 1, sizeof *m->shared, SHARED_MAX))
        return false;
    *out = (uint32_t)m->n_shared;
    m->shared[m->n_shared++] = h;
    m->slot[at] = *out + 1;
    if (h.indexed)
        m->field[h.field].sees |= atom_sees(a);
    bool searched = a->kind == ATOM_RE || (a->kind == ATOM_TEXT && a->pattern.shape == SHAPE_GLOB);
    if (!searched || a->pattern.literal.n < PREFILTER_MIN)
        return true;
    uint32_t prefilter;
    if (!share_prefilter(m, a, &prefilter))
        return false;
    m->shared[*out].prefilter = prefilter;
    return true;
}

static bool add_unit(struct set_matcher *m, const struct rule *r)
{
    struct unit *u = &m->unit[m->n_units++];
    *u = (struct unit){r, kt_arena_alloc(m->arena, (r->n_atoms + 1) * sizeof *u->map)};
    if (!u->map)
        return false;
    for (size_t i = 0; i < r->n_atoms && r->info.facts == m->facts; i++)
        if (!share(m, &r->atom[i], &u->map[i]))
            return false;
    return true;
}

/* --- building: what finds them --------------------------------------------------- */

static bool index_whole(struct set_matcher *m, uint32_t f, size_t n)
{
    struct field *field = &m->field[f];
    size_t size = 8;
    while (size < 2 * n)
        size *= 2;
    field->slot = calloc(size, sizeof *field->slot);
    char *folded = malloc(field->longest + 1);
    field->mask = size - 1;
    for (size_t i = 0; field->slot && folded && i < m->n_shared; i++) {
        const struct shared *h = &m->shared[i];
        const struct kt_span *v = &h->a->pattern.literal;
        if (h->field != f || !h->indexed || h->a->pattern.shape != SHAPE_EXACT)
            continue;
        for (size_t k = 0; k < v->n; k++)
            folded[k] = (char)pattern_fold(v->p[k]);
        size_t at = kt_hash(folded, v->n) & field->mask;
        while (field->slot[at])
            at = (at + 1) & field->mask;
        field->slot[at] = (uint32_t)i + 1;
    }
    bool ok = field->slot && folded;
    free(folded);
    return ok;
}

/* Texts that are equal but for case, place or kind are one of the automaton's,
 * chained. Quadratic in them were it not for the sort. */
struct piece {
    struct kt_span text;
    uint32_t shared;
};

static int by_folded_text(const void *pa, const void *pb)
{
    const struct piece *a = pa, *b = pb;
    size_t n = a->text.n < b->text.n ? a->text.n : b->text.n;
    for (size_t i = 0; i < n; i++) {
        int d = pattern_fold(a->text.p[i]) - pattern_fold(b->text.p[i]);
        if (d)
            return d;
    }
    return (a->text.n > b->text.n) - (a->text.n < b->text.n);
}

static bool build_parts(struct set_matcher *m, uint32_t f, struct piece *part, size_t n)
{
    struct kt_span *text = calloc(n, sizeof *text);
    uint32_t *number = calloc(n, sizeof *number);
    bool ok = text && number;
    size_t distinct = 0;
    qsort(part, n, sizeof *part, by_folded_text);
    for (size_t i = 0; ok && i < n; i++) {
        bool again = i && by_folded_text(&part[i - 1], &part[i]) == 0;
        if (again) {
            m->shared[part[i].shared].next = number[distinct - 1];
            number[distinct - 1] = part[i].shared + 1;
        } else {
            text[distinct] = part[i].text;
            number[distinct++] = part[i].shared + 1;
        }
    }
    /* beyond the automaton's limit each is looked for alone */
    if (ok && !automaton_build(&m->field[f].parts, text, number, distinct))
        for (size_t i = 0; i < n; i++)
            m->shared[part[i].shared].indexed = false;
    free(text);
    free(number);
    return ok;
}

static bool index_field(struct set_matcher *m, uint32_t f)
{
    size_t whole = 0, n = 0;
    struct piece *part = calloc(m->n_shared + 1, sizeof *part);
    if (!part)
        return false;
    for (size_t i = 0; i < m->n_shared; i++) {
        const struct shared *h = &m->shared[i];
        if (h->field != f || !h->indexed)
            continue;
        if (h->a->pattern.shape != SHAPE_EXACT) {
            part[n++] = (struct piece){h->a->pattern.literal, (uint32_t)i};
            continue;
        }
        whole++;
        if (h->a->pattern.literal.n > m->field[f].longest)
            m->field[f].longest = h->a->pattern.literal.n;
    }
    bool ok = (!whole || index_whole(m, f, whole)) && (!n || build_parts(m, f, part, n));
    free(part);
    if (m->field[f].longest > m->longest)
        m->longest = m->field[f].longest;
    return ok;
}

/* --- building: guards ------------------------------------------------------------ */

/* How many records an atom lets through, roughly. */
static double atom_cost(const struct set_matcher *m, const struct shared *h)
{
    static const char *const common[] = {"eventSource", "awsRegion", "userIdentity.type", "eventType", "recipientAccountId",
                                         "userIdentity.accountId"};
    if (h->prefilter)
        return atom_cost(m, &m->shared[h->prefilter - 1]);
    if (!h->indexed)
        return INFINITY;
    if (h->a->pattern.shape != SHAPE_EXACT)
        return h->a->pattern.literal.n >= 8 ? 40 : 200;
    if (kt_span_is(h->a->field, "eventName"))
        return 1;
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        if (kt_span_is(h->a->field, common[i]))
            return 1000;
    return 10;
}

static const struct node *cheapest(const struct set_matcher *m, const struct unit *u, const struct node *n, double *cost);

static double node_cost(const struct set_matcher *m, const struct unit *u, const struct node *n)
{
    double cost = 0;
    if (n->op == OP_ATOM)
        return atom_cost(m, &m->shared[u->map[n->atom]]);
    if (n->op == OP_NOT || n->n == 0)
        return INFINITY;
    if (n->op == OP_AND) {
        (void)cheapest(m, u, n, &cost);
        return cost;
    }
    for (size_t i = 0; i < n->n; i++)
        cost += node_cost(m, u, n->child[i]);
    return cost;
}

static const struct node *cheapest(const struct set_matcher *m, const struct unit *u, const struct node *n, double *cost)
{
    const struct node *best = NULL;
    *cost = INFINITY;
    for (size_t i = 0; i < n->n; i++) {
        double c = node_cost(m, u, n->child[i]);
        if (c < *cost) {
            *cost = c;
            best = n->child[i];
        }
    }
    return best;
}

typedef void guard_fn(struct set_matcher *m, uint32_t atom, uint32_t rule);

static void each_guard(struct set_matcher *m, const struct unit *u, const struct node *n, uint32_t rule, guard_fn *f)
{
    double cost;
    if (n->op == OP_ATOM) {
        uint32_t i = u->map[n->atom];
        f(m, m->shared[i].prefilter ? m->shared[i].prefilter - 1 : i, rule);
    } else if (n->op == OP_AND) {
        each_guard(m, u, cheapest(m, u, n, &cost), rule, f);
    } else {
        for (size_t i = 0; i < n->n; i++)
            each_guard(m, u, n->child[i], rule, f);
    }
}

static void count_guard(struct set_matcher *m, uint32_t atom, uint32_t rule)
{
    (void)rule;
    m->shared[atom].n_wake++;
    m->field[m->shared[atom].field].guards = true;
}

static void set_guard(struct set_matcher *m, uint32_t atom, uint32_t rule)
{
    m->wake[m->shared[atom].wake + m->shared[atom].n_wake++] = rule;
}

static void guard_all(struct set_matcher *m, guard_fn *f)
{
    m->n_always = 0;
    for (size_t i = 0; i < m->n_rules; i++) {
        const struct unit *u = &m->unit[i];
        if (!u->rule->root || u->rule->info.facts != m->facts)
            continue;
        if (isinf(node_cost(m, u, u->rule->root)))
            m->always[m->n_always++] = (uint32_t)i;
        else
            each_guard(m, u, u->rule->root, (uint32_t)i, f);
    }
}

static bool set_guards(struct set_matcher *m)
{
    uint32_t total = 0;
    m->always = calloc(m->n_rules + 1, sizeof *m->always);
    if (!m->always)
        return false;
    guard_all(m, count_guard);
    for (size_t i = 0; i < m->n_shared; i++) {
        m->shared[i].wake = total;
        total += m->shared[i].n_wake;
        m->shared[i].n_wake = 0;
    }
    m->wake = calloc(total + 1, sizeof *m->wake);
    if (!m->wake)
        return false;
    guard_all(m, set_guard);
    return true;
}

/* --- building -------------------------------------------------------------------- */

static bool build(struct set_matcher *m, const struct kt_rules *s)
{
    m->arena = kt_arena_new(BUILD_MEMORY_MAX);
    m->unit = calloc(s->rule.n + s->filter.n + 1, sizeof *m->unit);
    m->n_rules = s->rule.n;
    m->n_filters = s->filter.n;
    if (!m->arena || !m->unit || !filters_of_rules(s, &m->filters))
        return false;
    for (size_t i = 0; i < s->rule.n; i++)
        if (!add_unit(m, s->rule.p[i]))
            return false;
    for (size_t i = 0; i < s->filter.n; i++)
        if (!add_unit(m, s->filter.p[i]))
            return false;
    for (size_t i = 0; i < m->n_fields; i++)
        if (!index_field(m, (uint32_t)i))
            return false;
    return set_guards(m);
}

enum kt_code set_matcher_new(struct set_matcher **out, const struct kt_rules *s, bool facts, struct kt_err *e)
{
    struct set_matcher *m = calloc(1, sizeof *m);
    *out = NULL;
    if (m)
        m->facts = facts;
    if (!m || !build(m, s)) {
        set_matcher_free(m);
        return kt_fail(e, KT_ENOMEM, "memory ran out, or the rules are too many and too large together");
    }
    free(m->slot);
    m->slot = NULL;
    *out = m;
    return KT_OK;
}

void set_matcher_free(struct set_matcher *m)
{
    if (!m)
        return;
    for (int i = 0; i < SPARES; i++)
        scratch_free(atomic_exchange(&m->spare[i], NULL));
    for (size_t i = 0; i < m->n_fields; i++) {
        free(m->field[i].slot);
        automaton_free(&m->field[i].parts);
    }
    free(m->unit);
    free(m->shared);
    free(m->field);
    free(m->slot);
    free(m->wake);
    free(m->always);
    free(m->filters.first);
    free(m->filters.filter);
    kt_arena_free(m->arena);
    free(m);
}
