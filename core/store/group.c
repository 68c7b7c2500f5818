#include "store/group.h"

#include "base/buf.h"
#include "store/groups.h"
#include "store/mem.h"

#include <stdlib.h>
#include <string.h>

enum { GROUPS_ALL_MAX = 1 << 26 };
#define HOUR_MS INT64_C(3600000)

static const struct {
    const char *name;
    enum kt_field field;
} kinds[KT_GROUP_COUNT] = {
    [KT_GROUP_NONE] = {"none", KT_FIELD_COUNT},
#define X(id, name, field) [KT_GROUP_##id] = {name, field},
    KT_GROUPS(X)
#undef X
};

const char *kt_group_name(enum kt_group_by by)
{
    return (unsigned)by < KT_GROUP_COUNT ? kinds[by].name : kinds[0].name;
}

enum kt_group_by kt_group_find(struct kt_span name)
{
    for (int i = 1; i < KT_GROUP_COUNT; i++)
        if (kt_span_is(name, kinds[i].name))
            return (enum kt_group_by)i;
    return KT_GROUP_NONE;
}

enum kt_field kt_group_field(enum kt_group_by by)
{
    return (unsigned)by < KT_GROUP_COUNT ? kinds[by].field : KT_FIELD_COUNT;
}

/* --- what a row belongs to ------------------------------------------------------------- */

static bool of_entities(enum kt_group_by by)
{
    return by == KT_GROUP_USER || by == KT_GROUP_TARGET || by == KT_GROUP_ADDRESS || by == KT_GROUP_AGENT;
}

/* Its numbers, each once; 0: not known. Of hours: since the epoch, moved so that 0 is free. */
static size_t numbers_of(const struct kt_store *s, const struct packed *p, enum kt_group_by by,
                         uint64_t out[KT_RULES_MATCHED_MAX + KT_SIGNALS_MAX])
{
    bool bad = p->kind == KT_KIND_MALFORMED;
    *out = 0;
    if (bad)
        return 1;
    switch (by) {
    case KT_GROUP_USER: *out = actor_entities(s, p->actor)->user; return 1;
    case KT_GROUP_TARGET: *out = p->target; return 1;
    case KT_GROUP_ADDRESS: *out = p->address; return 1;
    case KT_GROUP_AGENT: *out = agent_entity(s, p->agent); return 1;
    case KT_GROUP_NETWORK: *out = p->where ? ((const struct t_where *)tuple_at(s, T_WHERE, p->where))->network : 0; return 1;
    case KT_GROUP_COUNTRY: *out = p->where ? ((const struct t_where *)tuple_at(s, T_WHERE, p->where))->country : 0; return 1;
    case KT_GROUP_ACCOUNT: *out = p->place ? ((const struct t_place *)tuple_at(s, T_PLACE, p->place))->account : 0; return 1;
    case KT_GROUP_HOUR:
        if (p->time != KT_TIME_NONE)
            *out = (uint64_t)(p->time / HOUR_MS - (p->time % HOUR_MS < 0)) ^ UINT64_C(1) << 63;
        return 1;
    default: break;
    }
    if (!p->verdict)
        return 1;
    const struct t_verdict *v = tuple_at(s, T_VERDICT, p->verdict);
    const uint32_t *text = (const uint32_t *)(v + 1) + 2 + (by == KT_GROUP_SIGNAL ? v->n_rules : 0);
    size_t n = by == KT_GROUP_SIGNAL ? v->n_signals : v->n_rules, k = 0;
    for (size_t i = 0; i < n; i++) {
        size_t j = 0;
        while (j < k && out[j] != text[i])
            j++;
        out[j] = text[i];
        k += j == k;
    }
    return k ? k : 1;
}

/* --- counting --------------------------------------------------------------------------- */

struct tally {
    uint64_t number, rows, high, created, denied, failed, risk_seq;
    int64_t first, last;
    uint32_t risk;
    uint32_t place; /* in the answer, from 1; 0: not among them */
};

struct counting {
    struct kt_store *s;
    enum kt_group_by by;
    const struct kt_snapshot *x;
    struct kt_arena *a;
    struct tally *tally;
    size_t n, cap;
    uint32_t *slot; /* place in tally[], from 1 */
    size_t slots;
    size_t room;    /* for so many there are slots and places */
    struct kt_group *group; /* the answer */
    uint32_t *bucket;
    void (*fn)(struct counting *c, uint64_t seq, const struct packed *p);
    bool failed;
};

static size_t home(uint64_t number, size_t slots)
{
    return (size_t)((number * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (slots - 1);
}

static bool prepare(struct counting *c, size_t more)
{
    if ((c->n + more) * 2 > c->slots) {
        size_t slots = c->slots ? c->slots : 1024;
        while ((c->n + more) * 2 > slots)
            slots *= 2;
        uint32_t *slot = calloc(slots, sizeof *slot);
        if (!slot)
            return false;
        for (size_t i = 0; i < c->n; i++) {
            size_t at = home(c->tally[i].number, slots);
            while (slot[at])
                at = (at + 1) & (slots - 1);
            slot[at] = (uint32_t)i + 1;
        }
        free(c->slot);
        c->slot = slot;
        c->slots = slots;
    }
    if (!kt_grow(&c->tally, &c->cap, c->n + more, sizeof *c->tally, GROUPS_ALL_MAX))
        return false;
    c->room = c->n + more;
    return true;
}

static struct tally *tally_of(struct counting *c, uint64_t number)
{
    size_t at = home(number, c->slots);
    while (c->slot[at] && c->tally[c->slot[at] - 1].number != number)
        at = (at + 1) & (c->slots - 1);
    if (c->slot[at])
        return &c->tally[c->slot[at] - 1];
    struct tally *t = &c->tally[c->n++];
    *t = (struct tally){.number = number, .first = KT_TIME_NONE, .last = KT_TIME_NONE};
    c->slot[at] = (uint32_t)c->n;
    return t;
}

static void count_row(struct counting *c, uint64_t seq, const struct packed *p)
{
    uint64_t number[KT_RULES_MATCHED_MAX + KT_SIGNALS_MAX];
    size_t n = numbers_of(c->s, p, c->by, number);
    bool bad = p->kind == KT_KIND_MALFORMED;
    uint32_t risk = bad || !p->verdict ? 0 : ((const struct t_verdict *)tuple_at(c->s, T_VERDICT, p->verdict))->risk;
    for (size_t i = 0; i < n; i++) {
        struct tally *t = tally_of(c, number[i]);
        t->rows++;
        t->high += !bad && p->level >= KT_LEVEL_HIGH;
        t->created += p->kind == KT_KIND_CREATION && p->result == KT_RESULT_CREATED;
        t->denied += !bad && p->result == KT_RESULT_DENIED;
        t->failed += !bad && p->result == KT_RESULT_FAILED;
        if (!bad && (risk >= t->risk || !t->risk_seq)) {
            t->risk = risk;
            t->risk_seq = seq;
        }
        if (p->time == KT_TIME_NONE)
            continue;
        if (t->first == KT_TIME_NONE || p->time < t->first)
            t->first = p->time;
        if (t->last == KT_TIME_NONE || p->time > t->last)
            t->last = p->time;
    }
}

/* Names are taken while a row that has them is there. */
static void name_group(struct counting *c, const struct tally *t, struct kt_group *g)
{
    struct kt_entity_info info;
    *g = (struct kt_group){.hour = KT_TIME_NONE, .rows = t->rows, .high = t->high, .created = t->created,
                           .denied = t->denied, .failed = t->failed, .risk = t->risk, .risk_seq = t->risk_seq,
                           .first = t->first, .last = t->last, .bucket = g->bucket};
    if (!t->number)
        return;
    if (c->by == KT_GROUP_HOUR) {
        g->hour = (int64_t)(t->number ^ UINT64_C(1) << 63) * HOUR_MS;
    } else if (!of_entities(c->by)) {
        g->name = kt_arena_span(c->a, sym_span(&c->s->tab[T_TEXT], (uint32_t)t->number));
    } else if (ent_info(c->s, (kt_entity)t->number, &info)) {
        g->entity = (kt_entity)t->number;
        g->name = kt_arena_span(c->a, info.name);
        g->type = kt_arena_span(c->a, info.type);
        g->account = kt_arena_span(c->a, info.account);
    }
}

static void spread_row(struct counting *c, uint64_t seq, const struct packed *p)
{
    uint64_t number[KT_RULES_MATCHED_MAX + KT_SIGNALS_MAX];
    size_t n = numbers_of(c->s, p, c->by, number);
    (void)seq;
    for (size_t i = 0; i < n; i++) {
        struct tally *t = tally_of(c, number[i]);
        struct kt_group *g = t->place ? &c->group[t->place - 1] : NULL;
        if (!g)
            continue;
        if (!g->rows)
            name_group(c, t, g);
        if (!c->x->buckets || p->time == KT_TIME_NONE || p->time < c->x->bucket_from || p->time >= c->x->bucket_to)
            continue;
        uint64_t width = (uint64_t)c->x->bucket_to - (uint64_t)c->x->bucket_from;
        if (width > UINT64_MAX / KT_VIEW_BUCKETS_MAX)
            continue;
        uint64_t at = ((uint64_t)p->time - (uint64_t)c->x->bucket_from) * (uint64_t)c->x->buckets / width;
        c->bucket[(size_t)(t->place - 1) * (size_t)c->x->buckets + at]++;
    }
}

/* --- the rows of a view, in the order in which they came --------------------------------- */

typedef void row_fn(struct counting *c, uint64_t seq, const struct packed *p);

static void each_row(void *ctx, const struct chunk *chunk, uint64_t seq0, const uint16_t *at, size_t n)
{
    enum { MOST = KT_RULES_MATCHED_MAX + KT_SIGNALS_MAX };
    struct counting *c = ctx;
    (void)chunk;
    for (size_t i = 0; i < n && !c->failed; i++) {
        struct packed p;
        if (c->n + MOST > c->room && !prepare(c, c->n / 2 + 4 * MOST)) {
            c->failed = true;
            return;
        }
        row_get(c->s, seq0 + at[i], &p);
        c->fn(c, seq0 + at[i], &p);
    }
}

static bool each_member(struct counting *c, const struct members *m, uint64_t first, uint64_t last, row_fn *fn)
{
    c->fn = fn;
    members_each(m, c->s, first, last, each_row, c);
    return !c->failed;
}

/* --- the answer ---------------------------------------------------------------------------- */

static int by_rows(const void *pa, const void *pb)
{
    const struct tally *a = *(const struct tally *const *)pa, *b = *(const struct tally *const *)pb;
    if (a->rows != b->rows)
        return a->rows > b->rows ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static int by_hour(const void *pa, const void *pb)
{
    const struct tally *a = *(const struct tally *const *)pa, *b = *(const struct tally *const *)pb;
    return a->number > b->number ? -1 : a->number < b->number;
}

static int by_name(const void *pa, const void *pb)
{
    const struct kt_group *a = pa, *b = pb;
    if (a->rows != b->rows)
        return a->rows > b->rows ? -1 : 1;
    if (!a->name.p || !b->name.p)
        return !a->name.p - !b->name.p;
    size_t n = a->name.n < b->name.n ? a->name.n : b->name.n;
    int d = n ? memcmp(a->name.p, b->name.p, n) : 0;
    d = d ? d : (a->name.n > b->name.n) - (a->name.n < b->name.n);
    return d ? d : (a->entity > b->entity) - (a->entity < b->entity);
}

/* Those that are told get their places; the answer's room is made. */
static bool choose(struct counting *c, size_t max, size_t *n)
{
    struct tally **all = malloc((c->n + 1) * sizeof(struct tally *));
    if (!all)
        return false;
    for (size_t i = 0; i < c->n; i++)
        all[i] = &c->tally[i];
    qsort(all, c->n, sizeof *all, c->by == KT_GROUP_HOUR ? by_hour : by_rows);
    *n = c->n < max ? c->n : max;
    size_t buckets = (size_t)c->x->buckets;
    c->group = kt_arena_alloc(c->a, (*n + 1) * sizeof *c->group);
    c->bucket = kt_arena_alloc(c->a, (*n * buckets + 1) * sizeof *c->bucket);
    bool ok = c->group && c->bucket;
    if (ok) {
        memset(c->group, 0, *n * sizeof *c->group);
        memset(c->bucket, 0, *n * buckets * sizeof *c->bucket);
    }
    for (size_t i = 0; ok && i < *n; i++) {
        all[i]->place = (uint32_t)i + 1;
        c->group[i].bucket = buckets ? c->bucket + i * buckets : NULL;
    }
    free(all);
    return ok;
}

bool groups_fill(struct kt_snapshot *x, struct kt_store *s, const struct kt_view_spec *w, struct kt_arena *a,
                 const struct members *m, uint64_t first, uint64_t last)
{
    struct counting c = {.s = s, .by = w->group, .x = x, .a = a};
    size_t n = 0, max = w->groups_max && w->groups_max < KT_GROUPS_MAX ? w->groups_max : KT_GROUPS_MAX;
    bool ok = each_member(&c, m, first, last, count_row) && choose(&c, max, &n) &&
              each_member(&c, m, first, last, spread_row);
    if (ok) {
        size_t named = 0; /* the rows of some may have been dropped meanwhile */
        for (size_t i = 0; i < n; i++)
            if (c.group[i].rows)
                c.group[named++] = c.group[i];
        if (named && c.by != KT_GROUP_HOUR)
            qsort(c.group, named, sizeof *c.group, by_name);
        x->groups = (struct kt_groups){.by = c.by, .group = c.group, .n = named, .distinct = c.n, .rows = x->n};
    }
    free(c.tally);
    free(c.slot);
    return ok;
}
