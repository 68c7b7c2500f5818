#include "store/build.h"

#include "base/buf.h"
#include "store/groups.h"
#include "store/values.h"

#include <stdlib.h>
#include <string.h>

enum {
    MERGE_MAX = 20000, /* more newcomers than these, and all is sorted anew */
    REMEMBER_MIN = 1000 /* fewer rows than these, and remembering answers costs more than it saves */
};

static uint64_t *seqs(struct kt_snapshot *s)
{
    return (uint64_t *)(uintptr_t)s->seq; /* its maker's */
}

/* --- all anew --------------------------------------------------------------------------- */

static void forget(struct build *b)
{
    kt_snapshot_release(b->kept);
    b->kept = NULL;
    b->whole = false;
}

static enum built build_whole(struct build *b, struct scan *x, uint64_t first, struct kt_snapshot **out)
{
    forget(b);
    facets_reset(&b->facets, b->spec.facets);
    members_free(&b->members);
    b->members.base = first;
    x->after = first - 1;
    enum scanned r = scan_rows(x, true);
    if (r != SCANNED)
        return r == SCAN_GIVEN_UP ? BUILT_GIVEN_UP : BUILT_NOT;
    *out = snapshot_new(x->n, b->spec.buckets);
    if (!*out)
        return BUILT_NOT;
    (*out)->n = x->n;
    uint64_t *seq = seqs(*out);
    for (size_t i = 0; i < x->n; i++)
        seq[i] = scan_seq(x, i);
    return BUILT_NEW;
}

/* --- newcomers ---------------------------------------------------------------------------- */

struct sorted {
    const uint64_t *seq;
    size_t n;
    uint64_t *own; /* NULL: the snapshot's */
};

/* Without rows that were dropped. */
static bool prune(const struct build *b, uint64_t first, struct sorted *out)
{
    *out = (struct sorted){b->kept->seq, b->kept->n, NULL};
    if (first == b->first)
        return true;
    out->own = mem_large(malloc((out->n + 1) * sizeof *out->own), (out->n + 1) * sizeof *out->own);
    size_t n = 0;
    for (size_t i = 0; out->own && i < out->n; i++) {
        out->own[n] = out->seq[i];
        n += out->seq[i] >= first;
    }
    out->seq = out->own;
    out->n = n;
    return out->own != NULL;
}

/* Where a newcomer goes: before the first row that it is not after. False: a
 * row is gone meanwhile. */
static bool place(const struct scan *x, const struct sorted *old, struct kt_arena *scratch, uint64_t seq, size_t *at)
{
    size_t lo = 0, hi = old->n;
    int before = 0;
    store_lock(x->s);
    bool there = seq >= x->s->first;
    while (there && before >= 0 && lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        before = scan_before(x->s, x->spec, scratch, old->seq[mid], seq);
        if (before > 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    store_unlock(x->s);
    *at = lo;
    return there && before >= 0;
}

static void merge(const struct sorted *old, const struct scan *x, const size_t *at, uint64_t *out)
{
    size_t from = 0;
    for (size_t i = 0; i < x->n; i++) {
        memcpy(out, old->seq + from, (at[i] - from) * sizeof *out);
        out += at[i] - from;
        from = at[i];
        *out++ = scan_seq(x, i);
    }
    memcpy(out, old->seq + from, (old->n - from) * sizeof *out);
}

static enum built merge_all(struct build *b, const struct scan *x, const struct sorted *old, struct kt_snapshot **out)
{
    size_t *at = malloc((x->n + 1) * sizeof *at);
    struct kt_arena *scratch = kt_arena_new(1 << 20);
    *out = at && scratch ? snapshot_new(old->n + x->n, b->spec.buckets) : NULL;
    enum built r = *out ? BUILT_NEW : BUILT_NOT;
    for (size_t i = 0; r == BUILT_NEW && i < x->n; i++)
        if (!place(x, old, scratch, scan_seq(x, i), &at[i]) || (i && at[i] < at[i - 1]))
            r = BUILT_GIVEN_UP;
    if (r == BUILT_NEW) {
        (*out)->n = old->n + x->n;
        merge(old, x, at, seqs(*out));
    } else if (*out) {
        kt_snapshot_release(*out);
        *out = NULL;
    }
    kt_arena_free(scratch);
    free(at);
    return r;
}

/* GIVEN_UP: all has to be built anew. */
static enum built build_more(struct build *b, struct scan *x, uint64_t first, struct kt_snapshot **out)
{
    struct sorted old;
    if (!prune(b, first, &old))
        return BUILT_NOT;
    enum built r = b->facets.kinds && old.n != b->kept->n ? BUILT_GIVEN_UP : BUILT_NEW;
    if (r == BUILT_NEW) {
        x->after = b->last;
        bool (*give_up)(void *) = x->give_up;
        x->give_up = NULL; /* facets count the newcomers once */
        enum scanned s = scan_rows(x, x->end - x->after > REMEMBER_MIN);
        x->give_up = give_up;
        r = s == SCANNED ? merge_all(b, x, &old, out) : BUILT_NOT;
    }
    free(old.own);
    return r;
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

struct histogram {
    const struct kt_snapshot *s;
    uint32_t *bucket;
    bool unasked; /* none of the rows was asked for: then a chunk's bounds are theirs */
    uint64_t width;
    uint64_t edge[KT_VIEW_BUCKETS_MAX + 1]; /* where each begins */
    double scale;
};

static void count_times(void *ctx, const struct chunk *c, uint64_t seq0, const uint16_t *at, size_t n)
{
    struct histogram *h = ctx;
    (void)seq0;
    if (h->unasked && (c->newest == KT_TIME_NONE || c->newest < h->s->bucket_from || c->oldest >= h->s->bucket_to))
        return;
    for (size_t i = 0; i < n; i++) {
        uint64_t t = (uint64_t)c->time[at[i]] - (uint64_t)h->s->bucket_from;
        if (c->time[at[i]] < h->s->bucket_from || t >= h->width)
            continue;
        size_t k = (size_t)((double)t * h->scale); /* or the one beside it */
        k = k >= (size_t)h->s->buckets ? (size_t)h->s->buckets - 1 : k;
        k -= k && t < h->edge[k];
        k += t >= h->edge[k + 1];
        h->bucket[k]++;
    }
}

static void fill_buckets(const struct build *b, struct kt_store *st, struct kt_snapshot *s, uint64_t first)
{
    struct histogram h = {.s = s, .bucket = (uint32_t *)(uintptr_t)s->bucket, .unasked = !b->spec.scope};
    if (!s->buckets)
        return;
    h.width = (uint64_t)s->bucket_to - (uint64_t)s->bucket_from;
    if (h.width > UINT64_MAX / KT_VIEW_BUCKETS_MAX)
        return; /* no calendar has such times */
    uint64_t buckets = (uint64_t)s->buckets;
    for (uint64_t k = 0; k <= buckets; k++)
        h.edge[k] = (k * h.width + buckets - 1) / buckets;
    h.scale = (double)buckets / (double)h.width;
    members_each(&b->members, st, first, b->last, count_times, &h);
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

/* All but its rows. */
static bool fill(const struct build *b, struct kt_store *s, int64_t newest, struct kt_snapshot *out)
{
    uint64_t n;
    out->last_seq = b->last;
    set_window(&b->spec, newest, out);
    members_count(&b->members, b->first, &n, &out->high);
    fill_buckets(b, s, out, b->first);
    bool ok = true;
    for (int k = 0; k < KT_ENTITY_KINDS; k++)
        if (b->spec.facets & 1u << k)
            ok = fill_facet(b, s, (enum kt_entity_kind)k, out) && ok;
    if (ok && b->spec.group) {
        scan_hold(s, true);
        ok = groups_fill(out, s, &b->spec, snapshot_arena(out), &b->members, b->first, b->last);
        scan_hold(s, false);
    }
    if (ok && b->spec.values_max) {
        scan_hold(s, true);
        ok = values_fill(out, s, &b->spec, snapshot_arena(out), &b->members, b->first, b->last);
        scan_hold(s, false);
    }
    return ok;
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

/* Members of rows that are long gone take room. */
static bool is_sparse(const struct build *b, const struct now *now)
{
    enum { GONE_MIN = 1 << 20 };
    return b->whole && now->first - b->members.base > now->last - now->first + GONE_MIN;
}

enum built build_update(struct build *b, struct kt_store *s, uint64_t generation, bool (*give_up)(void *ctx),
                        void *ctx, const struct kt_snapshot **out)
{
    *out = NULL;
    struct now now = look(s, &b->spec);
    bool stale = is_stale(b, &now) || is_sparse(b, &now);
    bool counts_anew = b->spec.group && now.verdicts != b->verdicts;
    if (b->whole && !stale && !counts_anew && now.last == b->last && now.first == b->first)
        return BUILT_SAME;
    const struct scan fresh = {.s = s, .spec = &b->spec, .members = &b->members, .facets = &b->facets, .end = now.last,
                               .give_up = give_up, .ctx = ctx};
    struct scan x = fresh;
    struct kt_snapshot *new = NULL;
    enum built r = BUILT_GIVEN_UP;
    if (b->whole && !stale && now.last - b->last <= MERGE_MAX)
        r = build_more(b, &x, now.first, &new);
    if (r == BUILT_GIVEN_UP || r == BUILT_NOT) {
        scan_free(&x);
        x = fresh;
        r = build_whole(b, &x, now.first, &new);
    }
    scan_free(&x);
    if (r != BUILT_NEW) {
        forget(b);
        return r;
    }
    b->first = now.first;
    b->last = now.last;
    b->epoch = now.epoch;
    b->verdicts = now.verdicts;
    b->highs = now.highs;
    new->generation = generation;
    new->total = now.total;
    forget(b);
    if (!fill(b, s, now.newest, new)) {
        kt_snapshot_release(new);
        return BUILT_NOT;
    }
    snapshot_hold(new);
    b->kept = new;
    b->whole = true;
    *out = new;
    return BUILT_NEW;
}

void build_free(struct build *b)
{
    forget(b);
    members_free(&b->members);
    facets_free(&b->facets);
    kt_filter_free(b->spec.filter);
    *b = (struct build){0};
}
