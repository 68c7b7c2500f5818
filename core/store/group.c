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

/* What a tuple of the row's comes to; 0: not known. */
static uint32_t number_of_tuple(const struct kt_store *s, enum kt_group_by by, uint32_t tuple)
{
    if (!tuple)
        return 0;
    switch (by) {
    case KT_GROUP_USER: return actor_entities(s, tuple)->user;
    case KT_GROUP_AGENT: return agent_entity(s, tuple);
    case KT_GROUP_NETWORK: return ((const struct t_where *)tuple_at(s, T_WHERE, tuple))->network;
    case KT_GROUP_COUNTRY: return ((const struct t_where *)tuple_at(s, T_WHERE, tuple))->country;
    default: return ((const struct t_place *)tuple_at(s, T_PLACE, tuple))->account;
    }
}

/* The column that tells the groups apart; NULL: nobody has anything in it, or
 * it is another matter. */
static const uint32_t *column_of(const struct chunk *c, enum kt_group_by by)
{
    switch (by) {
    case KT_GROUP_USER: return c->col[COL_ACTOR];
    case KT_GROUP_TARGET: return c->col[COL_TARGET];
    case KT_GROUP_ADDRESS: return c->col[COL_ADDRESS];
    case KT_GROUP_AGENT: return c->col[COL_AGENT];
    case KT_GROUP_NETWORK:
    case KT_GROUP_COUNTRY: return c->sparse[SPARSE_WHERE];
    case KT_GROUP_ACCOUNT: return c->col[COL_PLACE];
    default: return NULL;
    }
}

/* Of rules and signals: each of the row's once. */
static size_t numbers_of_verdict(const struct kt_store *s, enum kt_group_by by, uint32_t verdict,
                                 uint64_t out[KT_RULES_MATCHED_MAX + KT_SIGNALS_MAX])
{
    *out = 0;
    if (!verdict)
        return 1;
    const struct t_verdict *v = tuple_at(s, T_VERDICT, verdict);
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

struct member;
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
    uint32_t *memo; /* of a tuple's number: what it comes to, and 1; 0: not asked yet */
    size_t memos;
    struct kt_group *group; /* the answer */
    uint32_t *bucket;
    void (*fn)(struct counting *c, const struct member *m);
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

/* A row in its chunk, and what it belongs to. */
struct member {
    const struct chunk *chunk;
    size_t i;
    uint64_t seq;
    size_t n;
    uint64_t number[KT_RULES_MATCHED_MAX + KT_SIGNALS_MAX]; /* 0: not known; hours since the epoch, moved so that 0 is free */
};

static uint64_t number_of(struct counting *c, uint32_t v)
{
    if (c->by == KT_GROUP_TARGET || c->by == KT_GROUP_ADDRESS)
        return v;
    if (v >= c->memos)
        return number_of_tuple(c->s, c->by, v);
    if (!c->memo[v])
        c->memo[v] = number_of_tuple(c->s, c->by, v) + 1;
    return c->memo[v] - 1;
}

static void look_at(struct counting *c, struct member *m)
{
    const uint32_t *column = column_of(m->chunk, c->by);
    int64_t time = m->chunk->time[m->i];
    m->n = 1;
    m->number[0] = 0;
    if (m->chunk->bits[m->i].kind == KT_KIND_MALFORMED)
        return;
    if (column)
        m->number[0] = number_of(c, column[m->i]);
    else if (c->by == KT_GROUP_HOUR && time != KT_TIME_NONE)
        m->number[0] = (uint64_t)(time / HOUR_MS - (time % HOUR_MS < 0)) ^ UINT64_C(1) << 63;
    else if (c->by == KT_GROUP_RULE || c->by == KT_GROUP_SIGNAL)
        m->n = numbers_of_verdict(c->s, c->by, m->chunk->col[COL_VERDICT][m->i], m->number);
}

static void count_row(struct counting *c, const struct member *m)
{
    union rowbits b = m->chunk->bits[m->i];
    int64_t time = m->chunk->time[m->i];
    uint32_t verdict = m->chunk->col[COL_VERDICT][m->i];
    bool bad = b.kind == KT_KIND_MALFORMED;
    uint32_t risk = bad || !verdict ? 0 : ((const struct t_verdict *)tuple_at(c->s, T_VERDICT, verdict))->risk;
    for (size_t i = 0; i < m->n; i++) {
        struct tally *t = tally_of(c, m->number[i]);
        t->rows++;
        t->high += !bad && b.level >= KT_LEVEL_HIGH;
        t->created += b.kind == KT_KIND_CREATION && b.result == KT_RESULT_CREATED;
        t->denied += !bad && b.result == KT_RESULT_DENIED;
        t->failed += !bad && b.result == KT_RESULT_FAILED;
        if (!bad && (risk >= t->risk || !t->risk_seq)) {
            t->risk = risk;
            t->risk_seq = m->seq;
        }
        if (time == KT_TIME_NONE)
            continue;
        if (t->first == KT_TIME_NONE || time < t->first)
            t->first = time;
        if (t->last == KT_TIME_NONE || time > t->last)
            t->last = time;
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

static void spread_row(struct counting *c, const struct member *m)
{
    int64_t time = m->chunk->time[m->i];
    uint64_t width = (uint64_t)c->x->bucket_to - (uint64_t)c->x->bucket_from, at = 0;
    bool inside = c->x->buckets && time != KT_TIME_NONE && time >= c->x->bucket_from && time < c->x->bucket_to &&
                  width <= UINT64_MAX / KT_VIEW_BUCKETS_MAX;
    if (inside)
        at = ((uint64_t)time - (uint64_t)c->x->bucket_from) * (uint64_t)c->x->buckets / width;
    for (size_t i = 0; i < m->n; i++) {
        struct tally *t = tally_of(c, m->number[i]);
        struct kt_group *g = t->place ? &c->group[t->place - 1] : NULL;
        if (g && !g->rows)
            name_group(c, t, g);
        if (g && inside)
            c->bucket[(size_t)(t->place - 1) * (size_t)c->x->buckets + at]++;
    }
}

/* --- the rows of a view, in the order in which they came --------------------------------- */

typedef void row_fn(struct counting *c, const struct member *m);

static void each_row(void *ctx, const struct chunk *chunk, uint64_t seq0, const uint16_t *at, size_t n)
{
    enum { MOST = KT_RULES_MATCHED_MAX + KT_SIGNALS_MAX };
    struct counting *c = ctx;
    struct member m;
    m.chunk = chunk;
    for (size_t i = 0; i < n && !c->failed; i++) {
        if (c->n + MOST > c->room && !prepare(c, c->n / 2 + 4 * MOST)) {
            c->failed = true;
            return;
        }
        m.i = at[i];
        m.seq = seq0 + at[i];
        look_at(c, &m);
        c->fn(c, &m);
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
    const enum table of = c.by == KT_GROUP_USER    ? T_ACTOR
                          : c.by == KT_GROUP_AGENT ? T_AGENT
                          : c.by == KT_GROUP_ACCOUNT ? T_PLACE : T_WHERE;
    store_lock(s);
    c.memos = (size_t)s->tab[of].top + 1;
    store_unlock(s);
    c.memo = calloc(c.memos, sizeof *c.memo);
    c.memos = c.memo ? c.memos : 0;
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
    free(c.memo);
    free(c.tally);
    free(c.slot);
    return ok;
}
