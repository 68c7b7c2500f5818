#include "store/build.h"

#include "base/buf.h"
#include "store/groups.h"
#include "store/match.h"

#include <stdlib.h>
#include <string.h>

enum {
    SLICE = 1024,      /* rows looked at under one hold of the lock */
    MERGE_MAX = 20000, /* more newcomers than these, and all is sorted anew */
    REMEMBER_MIN = 1000, /* fewer rows than these, and remembering answers costs more than it saves */
    TEXTS_MAX = 1 << 30
};

/* --- sort keys ---------------------------------------------------------------------- */

static bool sorts_as_number(enum kt_field f)
{
    return f == KT_FIELD_TIME || f == KT_FIELD_KEY_CREATED || f == KT_FIELD_RISK || f == KT_FIELD_LEVEL ||
           f == KT_FIELD_ORIGIN_RECORD;
}

/* KT_TIME_NONE: not known. */
static int64_t number_of(const struct kt_store *s, const struct packed *p, enum kt_field f)
{
    bool bad = p->kind == KT_KIND_MALFORMED;
    switch (f) {
    case KT_FIELD_ORIGIN_RECORD: return (int64_t)p->record;
    case KT_FIELD_TIME: return p->time;
    case KT_FIELD_KEY_CREATED: return bad ? KT_TIME_NONE : p->created;
    case KT_FIELD_LEVEL: return bad ? KT_TIME_NONE : p->level;
    default: return bad || !p->verdict ? KT_TIME_NONE
                                       : ((const struct t_verdict *)tuple_at(s, T_VERDICT, p->verdict))->risk;
    }
}

static uint64_t key_of(int64_t v, bool ascending)
{
    if (v == KT_TIME_NONE)
        return UINT64_MAX;
    uint64_t u = (uint64_t)v ^ UINT64_C(1) << 63;
    return ascending ? u : ~u;
}

/* The texts of the sorting field, each number's once. */
struct texts {
    struct kt_arena *a, *scratch;
    struct kt_span *text;
    size_t n, cap;
    enum component c;
    uint32_t *known; /* by the component's number: place in text[], from 1; UINT32_MAX: the text is not known */
    size_t limit;
};

static void texts_free(struct texts *t)
{
    kt_arena_free(t->a);
    kt_arena_free(t->scratch);
    free(t->text);
    free(t->known);
}

static bool texts_init(struct texts *t, const struct kt_store *s, enum kt_field f, bool many)
{
    *t = (struct texts){.c = component_of(f)};
    t->a = kt_arena_new(TEXTS_MAX);
    t->scratch = kt_arena_new(1 << 20);
    t->limit = many ? component_limit(s, t->c) : 0;
    t->known = t->limit ? calloc(t->limit, sizeof *t->known) : NULL;
    return t->a && t->scratch && (t->known || !t->limit);
}

/* Its place in text[], from 1; 0: not known. */
static bool texts_row(struct texts *t, const struct kt_store *s, const struct packed *p, enum kt_field f,
                      uint64_t *at)
{
    uint32_t number = t->limit && p->kind != KT_KIND_MALFORMED ? component_number(s, p, t->c) : 0;
    uint32_t *known = number && number < t->limit ? &t->known[number] : NULL;
    if (known && *known) {
        *at = *known == UINT32_MAX ? 0 : *known;
        return true;
    }
    kt_arena_reset(t->scratch);
    struct kt_span text = row_text(s, p, f, t->scratch);
    *at = 0;
    if (known)
        *known = UINT32_MAX;
    if (!text.p)
        return true;
    if (!kt_grow(&t->text, &t->cap, t->n + 1, sizeof *t->text, UINT32_MAX / 2))
        return false;
    t->text[t->n] = kt_arena_span(t->a, text);
    if (!t->text[t->n].p)
        return false;
    *at = ++t->n;
    if (known)
        *known = (uint32_t)t->n;
    return true;
}

/* Turns places in text[] into keys. */
static bool texts_rank(const struct texts *t, uint64_t *key, size_t n, bool ascending)
{
    uint32_t distinct, *rank = malloc((t->n + 1) * sizeof *rank);
    bool ok = rank && order_ranks(t->text, t->n, rank, &distinct);
    for (size_t i = 0; ok && i < n; i++)
        key[i] = key[i] ? key_of(rank[key[i] - 1], ascending) : UINT64_MAX;
    free(rank);
    return ok;
}

/* --- reading the store -------------------------------------------------------------- */

struct scan {
    struct build *b;
    struct kt_store *s;
    struct matcher *m;
    struct texts texts;
    bool by_text;
    uint64_t after, end; /* rows after < seq <= end */
    bool walking;        /* of a scope: along its rows */
    struct walk walk;
    struct item *item;
    size_t n, cap;
    uint64_t *key; /* of each item, while they are sorted */
    size_t keys_cap;
    bool (*give_up)(void *ctx);
    void *ctx;
};

/* The next rows of the scope, oldest first; under the lock. */
static size_t next_rows(struct scan *x, uint64_t out[SLICE])
{
    const struct kt_store *s = x->s;
    size_t n = 0;
    uint64_t seq = x->after + 1 > s->first ? x->after + 1 : s->first;
    if (!x->b->spec.scope) {
        while (n < SLICE && seq <= x->end)
            out[n++] = seq++;
        return n;
    }
    const struct entity *e = ent_at(s, x->b->spec.scope);
    if (!x->walking)
        walk_to(s, e, &x->walk, x->after);
    x->walking = true;
    while (n < SLICE && (seq = walk_on(s, e, &x->walk)) != 0 && seq <= x->end)
        out[n++] = seq;
    return n;
}

static bool take_row(struct scan *x, uint64_t seq)
{
    struct packed row, *p = &row;
    const struct kt_view_spec *w = &x->b->spec;
    row_get(x->s, seq, p);
    if ((p->suppressed && !w->suppressed) || (is_asked(p) && !w->scope) || !matcher_row(x->m, p))
        return true;
    struct item i = {.time = p->time,
                     .mark = seq << 1 | (p->kind != KT_KIND_MALFORMED && p->level >= KT_LEVEL_HIGH)};
    if (!x->by_text)
        x->key[x->n] = key_of(number_of(x->s, p, w->sort), w->ascending);
    else if (!texts_row(&x->texts, x->s, p, w->sort, &x->key[x->n]))
        return false;
    facets_row(&x->b->facets, x->s, p);
    x->item[x->n++] = i;
    return true;
}

static enum built scan_slices(struct scan *x)
{
    uint64_t seq[SLICE];
    for (;;) {
        if (x->give_up && x->give_up(x->ctx))
            return BUILT_GIVEN_UP;
        if (!kt_grow(&x->item, &x->cap, x->n + SLICE, sizeof *x->item, UINT32_MAX) ||
            !kt_grow(&x->key, &x->keys_cap, x->n + SLICE, sizeof *x->key, UINT32_MAX) ||
            !facets_prepare(&x->b->facets, 6 * SLICE))
            return BUILT_NOT;
        store_lock(x->s);
        size_t n = next_rows(x, seq);
        bool ok = true;
        for (size_t i = 0; ok && i < n; i++)
            ok = take_row(x, seq[i]);
        store_unlock(x->s);
        if (!ok)
            return BUILT_NOT;
        if (n < SLICE)
            return BUILT_NEW;
        x->after = seq[n - 1];
    }
}

static void hold(struct kt_store *s, bool on)
{
    store_lock(s);
    for (int i = 0; i < TABLES; i++) {
        if (on)
            symtab_hold(&s->tab[i]);
        else
            symtab_unhold(&s->tab[i]);
    }
    store_unlock(s);
}

/* Rows after < seq <= end that match, newest first, with their keys; sorted. */
static enum built scan(struct scan *x, bool many)
{
    const struct kt_view_spec *w = &x->b->spec;
    x->by_text = !sorts_as_number(w->sort);
    hold(x->s, true);
    store_lock(x->s);
    bool ok = !x->by_text || texts_init(&x->texts, x->s, w->sort, many);
    x->m = ok ? matcher_new(x->s, w->filter, many) : NULL;
    store_unlock(x->s);
    enum built r = x->m ? scan_slices(x) : BUILT_NOT;
    if (r == BUILT_NEW) {
        for (size_t i = 0, k = x->n; i + 1 < k--; i++) {
            struct item t = x->item[i];
            uint64_t u = x->key[i];
            x->item[i] = x->item[k];
            x->key[i] = x->key[k];
            x->item[k] = t;
            x->key[k] = u;
        }
        ok = (!x->by_text || texts_rank(&x->texts, x->key, x->n, w->ascending)) &&
             order_items(x->item, x->key, x->n);
        r = ok ? BUILT_NEW : BUILT_NOT;
    }
    hold(x->s, false);
    matcher_free(x->m);
    return r;
}

/* --- all anew --------------------------------------------------------------------------- */

/* A large array grows by an eighth, not to its double. */
static bool reserve(struct item **item, size_t *cap, size_t need)
{
    return need <= *cap || kt_grow(item, cap, need, sizeof **item, need + need / 8 + 64);
}

static enum built build_whole(struct build *b, struct scan *x, uint64_t total)
{
    b->whole = false;
    facets_reset(&b->facets, b->spec.facets);
    x->after = 0;
    if (!b->spec.filter) {
        if (!reserve(&x->item, &x->cap, total + SLICE) ||
            !kt_grow(&x->key, &x->keys_cap, total + SLICE, sizeof *x->key, total + SLICE))
            return BUILT_NOT;
        (void)mem_large(x->item, x->cap * sizeof *x->item);
        (void)mem_large(x->key, x->keys_cap * sizeof *x->key);
    }
    enum built r = scan(x, true);
    if (r != BUILT_NEW)
        return r;
    struct item *fit = x->cap > x->n + x->n / 4 + SLICE ? realloc(x->item, (x->n + SLICE) * sizeof *fit) : NULL;
    free(b->item);
    b->item = fit ? fit : x->item;
    b->cap = fit ? x->n + SLICE : x->cap;
    b->n = x->n;
    x->item = NULL;
    b->whole = true;
    return r;
}

/* --- newcomers ---------------------------------------------------------------------------- */

/* Takes out rows that were dropped. */
static void prune(struct build *b, uint64_t first)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++)
        if (b->item[i].mark >> 1 >= first)
            b->item[n++] = b->item[i];
    b->n = n;
}

/* Does row `seq` come before a newcomer of this key or text? False in *ok
 * where the row is gone. Under the lock. */
static bool comes_before(const struct scan *x, uint64_t seq, uint64_t key, struct kt_span text, bool *ok)
{
    if (seq < x->s->first) {
        *ok = false;
        return false;
    }
    const struct kt_view_spec *w = &x->b->spec;
    struct packed row, *p = &row;
    row_get(x->s, seq, p);
    if (!x->by_text)
        return key_of(number_of(x->s, p, w->sort), w->ascending) < key;
    kt_arena_reset(x->texts.scratch);
    struct kt_span old = row_text(x->s, p, w->sort, x->texts.scratch);
    if (!old.p || !text.p)
        return old.p != NULL;
    int d = order_compare(old, text);
    return w->ascending ? d < 0 : d > 0;
}

/* Where newcomer `i` goes: before the first row that it is not after. */
static bool place(const struct scan *x, size_t i, struct kt_span text, size_t *at)
{
    const struct build *b = x->b;
    size_t lo = 0, hi = b->n;
    bool ok = true;
    store_lock(x->s);
    uint64_t seq = x->item[i].mark >> 1, key = 0;
    struct packed p;
    if (!x->by_text && seq >= x->s->first) {
        row_get(x->s, seq, &p);
        key = key_of(number_of(x->s, &p, b->spec.sort), b->spec.ascending);
    }
    while (ok && lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (comes_before(x, b->item[mid].mark >> 1, key, text, &ok))
            lo = mid + 1;
        else
            hi = mid;
    }
    store_unlock(x->s);
    *at = lo;
    return ok && seq >= b->first;
}

/* From the end on, so that each row is moved once. */
static void insert(struct build *b, const struct item *new, const size_t *at, size_t n)
{
    size_t end = b->n;
    for (size_t i = n; i-- > 0;) {
        memmove(b->item + at[i] + i + 1, b->item + at[i], (end - at[i]) * sizeof *b->item);
        b->item[at[i] + i] = new[i];
        end = at[i];
    }
    b->n += n;
}

/* The newcomers' texts in their order: scan() has turned places into ranks. */
static struct kt_span *texts_in_order(const struct scan *x)
{
    struct kt_span *t = calloc(x->n ? x->n : 1, sizeof *t);
    struct kt_arena *a = x->texts.a;
    store_lock(x->s);
    for (size_t i = 0; t && i < x->n; i++) {
        uint64_t seq = x->item[i].mark >> 1;
        kt_arena_reset(x->texts.scratch);
        if (seq < x->s->first)
            continue;
        struct packed p;
        row_get(x->s, seq, &p);
        t[i] = kt_arena_span(a, row_text(x->s, &p, x->b->spec.sort, x->texts.scratch));
    }
    store_unlock(x->s);
    return t;
}

static enum built merge(struct build *b, struct scan *x)
{
    size_t *at = malloc((x->n + 1) * sizeof *at);
    struct kt_span *text = x->by_text ? texts_in_order(x) : NULL;
    bool ok = at && (text || !x->by_text) && reserve(&b->item, &b->cap, b->n + x->n);
    enum built r = ok ? BUILT_NEW : BUILT_NOT;
    for (size_t i = 0; r == BUILT_NEW && i < x->n; i++)
        if (!place(x, i, text ? text[i] : KT_SPAN_NONE, &at[i]))
            r = BUILT_GIVEN_UP;
    if (r == BUILT_NEW)
        insert(b, x->item, at, x->n);
    free(text);
    free(at);
    return r;
}

/* GIVEN_UP: all has to be built anew. */
static enum built build_more(struct build *b, struct scan *x, uint64_t first)
{
    if (first != b->first) {
        size_t before = b->n;
        prune(b, first);
        if (b->facets.kinds && b->n != before)
            return BUILT_GIVEN_UP;
    }
    x->after = b->last;
    bool (*give_up)(void *) = x->give_up;
    x->give_up = NULL; /* facets count the newcomers once */
    enum built r = scan(x, x->end - x->after > REMEMBER_MIN);
    x->give_up = give_up;
    return r == BUILT_NEW ? merge(b, x) : r;
}

/* --- the snapshot -------------------------------------------------------------------------- */

static void set_window(const struct kt_view_spec *w, int64_t newest, struct kt_snapshot *s)
{
    int64_t span = w->span > 0 ? w->span : INT64_C(86400000);
    s->bucket_to = w->to != KT_TIME_NONE ? w->to : newest != KT_TIME_NONE ? newest + 1 : KT_TIME_NONE;
    s->bucket_from = w->from;
    if (w->from == KT_TIME_NONE && s->bucket_to > INT64_MIN + span)
        s->bucket_from = s->bucket_to - span;
    if (s->bucket_from == KT_TIME_NONE || s->bucket_to <= s->bucket_from)
        s->buckets = 0;
}

static void fill_rows(const struct build *b, struct kt_snapshot *s)
{
    uint64_t *seq = (uint64_t *)s->seq; /* its maker's */
    uint64_t high = 0;
    for (size_t i = 0; i < b->n; i++) {
        seq[i] = b->item[i].mark >> 1;
        high += b->item[i].mark & 1;
    }
    s->n = b->n;
    s->high = high;
}

static void fill_buckets(const struct build *b, struct kt_snapshot *s)
{
    if (!s->buckets)
        return;
    uint32_t *bucket = (uint32_t *)s->bucket;
    uint64_t width = (uint64_t)s->bucket_to - (uint64_t)s->bucket_from;
    if (width > UINT64_MAX / KT_VIEW_BUCKETS_MAX)
        return; /* no calendar has such times */
    for (size_t i = 0; i < b->n; i++) {
        int64_t t = b->item[i].time;
        if (t >= s->bucket_from && t < s->bucket_to)
            bucket[((uint64_t)t - (uint64_t)s->bucket_from) * (uint64_t)s->buckets / width]++;
    }
}

static void copy_info(struct kt_store *s, struct kt_arena *a, struct kt_facet_item *x)
{
    store_lock(s);
    bool there = ent_info(s, x->entity, &x->info);
    if (there) {
        x->info.name = kt_arena_span(a, x->info.name);
        x->info.type = kt_arena_span(a, x->info.type);
        x->info.account = kt_arena_span(a, x->info.account);
    }
    store_unlock(s);
    if (!there) /* its rows were dropped meanwhile */
        x->info = (struct kt_entity_info){.first = KT_TIME_NONE, .last = KT_TIME_NONE};
}

static bool fill_facet(const struct build *b, struct kt_store *s, enum kt_entity_kind k, struct kt_snapshot *out)
{
    struct kt_arena *a = snapshot_arena(out);
    const struct facet **top = malloc(KT_VIEW_FACETS_MAX * sizeof *top);
    size_t n = top ? facets_top(&b->facets, k, top, KT_VIEW_FACETS_MAX) : 0;
    struct kt_facet_item *item = top ? kt_arena_alloc(a, (n + 1) * sizeof *item) : NULL;
    for (size_t i = 0; item && i < n; i++) {
        item[i] = (struct kt_facet_item){.entity = top[i]->entity, .rows = top[i]->rows,
                                         .as_actor = top[i]->as_actor, .as_target = top[i]->as_target,
                                         .first = top[i]->first, .last = top[i]->last};
        copy_info(s, a, &item[i]);
    }
    free(top);
    out->facet[k] = item;
    out->n_facet[k] = n;
    out->distinct[k] = b->facets.distinct[k];
    return item != NULL;
}

static const struct kt_snapshot *publish(const struct build *b, struct kt_store *s, uint64_t generation,
                                         int64_t newest, uint64_t total)
{
    struct kt_snapshot *out = snapshot_new(b->n, b->spec.buckets);
    if (!out)
        return NULL;
    out->generation = generation;
    out->total = total;
    out->last_seq = b->last;
    set_window(&b->spec, newest, out);
    fill_rows(b, out);
    fill_buckets(b, out);
    bool ok = true;
    for (int k = 0; k < KT_ENTITY_KINDS; k++)
        if (b->spec.facets & 1u << k)
            ok = fill_facet(b, s, (enum kt_entity_kind)k, out) && ok;
    if (ok && b->spec.group) {
        hold(s, true);
        ok = groups_fill(out, s, &b->spec, snapshot_arena(out), b->first, b->last);
        hold(s, false);
    }
    if (ok)
        return out;
    kt_snapshot_release(out);
    return NULL;
}

/* --- the whole ------------------------------------------------------------------------------ */

struct now { /* the store as it is */
    uint64_t first, last, epoch, verdicts, highs, total;
    int64_t newest;
};

static struct now look(struct kt_store *s, const struct kt_view_spec *w)
{
    struct kt_counts c = kt_store_counts(s);
    struct now n = {.newest = c.newest};
    store_lock(s);
    n.first = s->first;
    n.last = s->next - 1;
    n.epoch = s->epoch;
    n.verdicts = s->verdicts;
    n.highs = s->highs;
    n.total = s->next - s->first - s->asked - (w->suppressed ? 0 : s->suppressed);
    if (w->scope) {
        const struct entity *e = ent_at(s, w->scope);
        n.total = e ? ent_rows(s, e) - (w->suppressed ? 0 : ent_suppressed(s, e)) : 0;
    }
    store_unlock(s);
    return n;
}

static bool by_what_people_say(enum kt_field f)
{
    return f == KT_FIELD_STATE || f == KT_FIELD_TAGS || f == KT_FIELD_ASSIGNED || f == KT_FIELD_NOTE;
}

/* A flag that is set later, or another verdict, changes what a filter says of
 * an old row, and where it stands. */
static bool is_stale(const struct build *b, const struct now *now)
{
    const struct kt_view_spec *w = &b->spec;
    bool by_verdict = w->sort == KT_FIELD_RISK || w->sort == KT_FIELD_LEVEL || w->sort == KT_FIELD_SIGNALS ||
                      w->sort == KT_FIELD_RULES || w->sort == KT_FIELD_WHY;
    bool by_later = w->filter || w->sort == KT_FIELD_FLAGS || by_what_people_say(w->sort);
    return now->highs != b->highs || (now->epoch != b->epoch && by_later) ||
           (now->verdicts != b->verdicts && (w->filter || by_verdict));
}

enum built build_update(struct build *b, struct kt_store *s, uint64_t generation, bool (*give_up)(void *ctx),
                        void *ctx, const struct kt_snapshot **out)
{
    *out = NULL;
    struct now now = look(s, &b->spec);
    bool stale = is_stale(b, &now);
    bool counts_anew = b->spec.group && now.verdicts != b->verdicts;
    if (b->whole && !stale && !counts_anew && now.last == b->last && now.first == b->first)
        return BUILT_SAME;
    struct scan x = {.b = b, .s = s, .end = now.last, .give_up = give_up, .ctx = ctx};
    enum built r = BUILT_GIVEN_UP;
    if (b->whole && !stale && now.last - b->last <= MERGE_MAX)
        r = build_more(b, &x, now.first);
    if (r == BUILT_GIVEN_UP || r == BUILT_NOT) {
        texts_free(&x.texts);
        free(x.item);
        free(x.key);
        x = (struct scan){.b = b, .s = s, .end = now.last, .give_up = give_up, .ctx = ctx};
        r = build_whole(b, &x, now.total);
    }
    texts_free(&x.texts);
    free(x.item);
    free(x.key);
    if (r != BUILT_NEW) {
        b->whole = false;
        return r;
    }
    b->first = now.first;
    b->last = now.last;
    b->epoch = now.epoch;
    b->verdicts = now.verdicts;
    b->highs = now.highs;
    *out = publish(b, s, generation, now.newest, now.total);
    b->whole = *out != NULL;
    return *out ? BUILT_NEW : BUILT_NOT;
}

void build_free(struct build *b)
{
    free(b->item);
    facets_free(&b->facets);
    kt_filter_free(b->spec.filter);
    *b = (struct build){0};
}
