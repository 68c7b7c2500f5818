#include "store/view.h"

#include "base/clock.h"
#include "store/build.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum {
    PAUSE = 50, /* ms from one snapshot's start to the next one's */
    REST = 2    /* and at least so many times as long as the last one took */
};

/* --- snapshots ------------------------------------------------------------------------- */

struct snapshot {
    struct kt_snapshot pub; /* first: it is what readers have */
    atomic_uint refs;
    struct kt_arena *arena;
    uint64_t *seq;
    uint32_t *bucket;
};

static struct snapshot *whole(const struct kt_snapshot *s)
{
    return (struct snapshot *)s; /* made here, never const */
}

struct kt_snapshot *snapshot_new(size_t rows, int buckets)
{
    struct snapshot *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    atomic_init(&s->refs, 1);
    s->pub.buckets = buckets < 0 ? 0 : buckets > KT_VIEW_BUCKETS_MAX ? KT_VIEW_BUCKETS_MAX : buckets;
    s->arena = kt_arena_new(64 << 20);
    s->seq = mem_large(malloc((rows + 1) * sizeof *s->seq), (rows + 1) * sizeof *s->seq);
    s->bucket = calloc((size_t)s->pub.buckets + 1, sizeof *s->bucket);
    s->pub.seq = s->seq;
    s->pub.bucket = s->bucket;
    if (s->arena && s->seq && s->bucket)
        return &s->pub;
    kt_snapshot_release(&s->pub);
    return NULL;
}

struct kt_arena *snapshot_arena(struct kt_snapshot *s)
{
    return whole(s)->arena;
}

void snapshot_hold(const struct kt_snapshot *s)
{
    atomic_fetch_add_explicit(&whole(s)->refs, 1, memory_order_relaxed);
}

void kt_snapshot_release(const struct kt_snapshot *pub)
{
    if (!pub)
        return;
    struct snapshot *s = whole(pub);
    if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    kt_arena_free(s->arena);
    free(s->seq);
    free(s->bucket);
    free(s);
}

ptrdiff_t kt_snapshot_find(const struct kt_snapshot *s, uint64_t seq)
{
    for (size_t i = 0; s && i < s->n; i++)
        if (s->seq[i] == seq)
            return (ptrdiff_t)i;
    return -1;
}

/* --- views ------------------------------------------------------------------------------- */

struct kt_view {
    struct kt_view *next;
    struct kt_views *all;
    /* under all->mu */
    struct kt_view_spec wish;    /* with a filter of its own, until the worker takes it */
    bool wished;                 /* `wish` was not taken yet */
    uint64_t generation;         /* of the wish */
    bool dirty, closed, refreshing; /* refreshing: worked on, and nobody asked for that */
    int64_t not_before;          /* ms, monotonic */
    uint64_t ticket, done;       /* of kt_view_settle */
    const struct kt_snapshot *snapshot;
    /* the worker's */
    struct build build;
    uint64_t building;           /* the generation that it works on */
    atomic_uint_fast64_t wanted; /* the newest generation; 0: none any more */
    atomic_bool yields;          /* it is only made anew, and another one was asked for meanwhile */
};

struct kt_views {
    struct kt_store *store;
    void (*changed)(void *ctx);
    void *ctx;
    pthread_t thread;
    pthread_mutex_t mu;
    pthread_cond_t work, settled;
    struct kt_view *first;
    struct kt_view *busy;
    atomic_bool stop;
};

static void view_free(struct kt_view *v)
{
    kt_snapshot_release(v->snapshot);
    if (v->wished)
        kt_filter_free(v->wish.filter);
    build_free(&v->build);
    free(v);
}

static bool give_up(void *ctx)
{
    struct kt_view *v = ctx;
    return atomic_load(&v->wanted) != v->building || atomic_load(&v->all->stop) || atomic_load(&v->yields);
}

/* The view to work on: first who asked, then who waited longest. Sets *wait
 * to the ms until there is one, -1 for no end. */
static struct kt_view *choose(const struct kt_views *all, int64_t *wait)
{
    int64_t now = kt_mono_ms();
    struct kt_view *best = NULL;
    *wait = -1;
    for (struct kt_view *v = all->first; v; v = v->next) {
        if (v->wished || v->ticket != v->done)
            return v;
        if (!v->dirty)
            continue;
        if (v->not_before > now)
            *wait = *wait < 0 || v->not_before - now < *wait ? v->not_before - now : *wait;
        else if (!best || v->not_before < best->not_before)
            best = v;
    }
    return best;
}

static void pause_for(struct kt_views *all, int64_t ms)
{
    if (ms < 0) {
        (void)pthread_cond_wait(&all->work, &all->mu);
        return;
    }
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t)(ms / 1000);
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    (void)pthread_cond_timedwait(&all->work, &all->mu, &t);
}

/* Somebody waits for another view: what is made anew by itself waits for that. */
static void hurry(struct kt_views *all, const struct kt_view *asked)
{
    struct kt_view *b = all->busy;
    if (b && b != asked && b->refreshing)
        atomic_store(&b->yields, true);
    (void)pthread_cond_signal(&all->work);
}

static void take_wish(struct kt_view *v)
{
    if (!v->wished)
        return;
    kt_filter_free(v->build.spec.filter);
    v->build.spec = v->wish;
    v->build.whole = false;
    v->wished = false;
}

/* One snapshot; all->mu is held at entry and exit, not during the work. */
static void work_on(struct kt_views *all, struct kt_view *v)
{
    const struct kt_snapshot *s;
    uint64_t ticket = v->ticket;
    int64_t start = kt_mono_ms();
    v->refreshing = !v->wished && v->ticket == v->done;
    atomic_store(&v->yields, false);
    take_wish(v);
    v->dirty = false;
    v->building = v->generation;
    all->busy = v;
    (void)pthread_mutex_unlock(&all->mu);
    enum built r = build_update(&v->build, all->store, v->building, give_up, v, &s);
    (void)pthread_mutex_lock(&all->mu);
    all->busy = NULL;
    int64_t end = kt_mono_ms(), rest = end + REST * (end - start);
    v->not_before = rest > start + PAUSE ? rest : start + PAUSE;
    if (v->closed) {
        kt_snapshot_release(s);
        view_free(v);
        return;
    }
    if (r == BUILT_NOT) {
        v->dirty = true; /* perhaps there is memory a second later */
        v->not_before = end + 1000;
    }
    if (r != BUILT_GIVEN_UP)
        v->done = ticket;
    else if (!v->wished)
        v->dirty = true;
    if (s) {
        const struct kt_snapshot *old = v->snapshot;
        v->snapshot = s;
        (void)pthread_mutex_unlock(&all->mu);
        kt_snapshot_release(old);
        if (all->changed)
            all->changed(all->ctx);
        (void)pthread_mutex_lock(&all->mu);
    }
    (void)pthread_cond_broadcast(&all->settled);
}

static void *worker(void *ctx)
{
    struct kt_views *all = ctx;
    (void)pthread_setname_np(pthread_self(), "keytop-views");
    (void)pthread_mutex_lock(&all->mu);
    while (!atomic_load(&all->stop)) {
        int64_t wait;
        struct kt_view *v = choose(all, &wait);
        if (v)
            work_on(all, v);
        else
            pause_for(all, wait);
    }
    (void)pthread_mutex_unlock(&all->mu);
    return NULL;
}

static bool init_sync(struct kt_views *all)
{
    pthread_condattr_t a;
    if (pthread_condattr_init(&a) != 0)
        return false;
    bool ok = pthread_condattr_setclock(&a, CLOCK_MONOTONIC) == 0 && pthread_mutex_init(&all->mu, NULL) == 0;
    if (ok && pthread_cond_init(&all->work, &a) != 0) {
        (void)pthread_mutex_destroy(&all->mu);
        ok = false;
    }
    if (ok && pthread_cond_init(&all->settled, &a) != 0) {
        (void)pthread_cond_destroy(&all->work);
        (void)pthread_mutex_destroy(&all->mu);
        ok = false;
    }
    (void)pthread_condattr_destroy(&a);
    return ok;
}

static void end_sync(struct kt_views *all)
{
    (void)pthread_cond_destroy(&all->settled);
    (void)pthread_cond_destroy(&all->work);
    (void)pthread_mutex_destroy(&all->mu);
}

struct kt_views *kt_views_new(struct kt_store *s, void (*changed)(void *ctx), void *ctx)
{
    struct kt_views *all = calloc(1, sizeof *all);
    if (!all)
        return NULL;
    all->store = s;
    all->changed = changed;
    all->ctx = ctx;
    if (!init_sync(all)) {
        free(all);
        return NULL;
    }
    sigset_t none, before;
    (void)sigfillset(&none);
    bool ok = pthread_sigmask(SIG_SETMASK, &none, &before) == 0;
    if (ok) {
        ok = pthread_create(&all->thread, NULL, worker, all) == 0;
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (!ok) {
        end_sync(all);
        free(all);
        return NULL;
    }
    return all;
}

void kt_views_free(struct kt_views *all)
{
    if (!all)
        return;
    (void)pthread_mutex_lock(&all->mu);
    atomic_store(&all->stop, true);
    (void)pthread_cond_signal(&all->work);
    (void)pthread_mutex_unlock(&all->mu);
    (void)pthread_join(all->thread, NULL);
    for (struct kt_view *v = all->first, *next; v; v = next) {
        next = v->next;
        view_free(v);
    }
    end_sync(all);
    free(all);
}

void kt_views_wake(struct kt_views *all)
{
    (void)pthread_mutex_lock(&all->mu);
    bool news = false;
    for (struct kt_view *v = all->first; v; v = v->next) {
        news = news || !v->dirty;
        v->dirty = true;
    }
    if (news)
        (void)pthread_cond_signal(&all->work);
    (void)pthread_mutex_unlock(&all->mu);
}

/* A spec with a filter of its own. */
static bool copy_spec(const struct kt_view_spec *from, struct kt_view_spec *to)
{
    *to = *from;
    if ((unsigned)to->sort >= KT_FIELD_COUNT)
        to->sort = KT_FIELD_TIME;
    if ((unsigned)to->group >= KT_GROUP_COUNT)
        to->group = KT_GROUP_NONE;
    to->filter = kt_filter_clone(from->filter);
    return to->filter || !from->filter;
}

struct kt_view *kt_view_open(struct kt_views *all, const struct kt_view_spec *spec)
{
    struct kt_view *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    if (!copy_spec(spec, &v->wish)) {
        free(v);
        return NULL;
    }
    v->all = all;
    v->wished = true;
    v->generation = 1;
    atomic_init(&v->wanted, 1);
    atomic_init(&v->yields, false);
    (void)pthread_mutex_lock(&all->mu);
    struct kt_view **at = &all->first; /* who was there before is asked first: the table, before what only counts */
    while (*at)
        at = &(*at)->next;
    *at = v;
    hurry(all, v);
    (void)pthread_mutex_unlock(&all->mu);
    return v;
}

void kt_view_close(struct kt_view *v)
{
    if (!v)
        return;
    struct kt_views *all = v->all;
    (void)pthread_mutex_lock(&all->mu);
    struct kt_view **at = &all->first;
    while (*at != v)
        at = &(*at)->next;
    *at = v->next;
    bool busy = all->busy == v; /* then the worker frees it */
    v->closed = true;
    atomic_store(&v->wanted, 0);
    (void)pthread_mutex_unlock(&all->mu);
    if (!busy)
        view_free(v);
}

uint64_t kt_view_set(struct kt_view *v, const struct kt_view_spec *spec)
{
    struct kt_view_spec wish;
    if (!copy_spec(spec, &wish))
        return 0;
    (void)pthread_mutex_lock(&v->all->mu);
    if (v->wished)
        kt_filter_free(v->wish.filter);
    v->wish = wish;
    v->wished = true;
    uint64_t g = ++v->generation;
    atomic_store(&v->wanted, g);
    hurry(v->all, v);
    (void)pthread_mutex_unlock(&v->all->mu);
    return g;
}

const struct kt_snapshot *kt_view_snapshot(struct kt_view *v)
{
    (void)pthread_mutex_lock(&v->all->mu);
    const struct kt_snapshot *s = v->snapshot;
    if (s)
        snapshot_hold(s);
    (void)pthread_mutex_unlock(&v->all->mu);
    return s;
}

void kt_view_settle(struct kt_view *v)
{
    struct kt_views *all = v->all;
    (void)pthread_mutex_lock(&all->mu);
    uint64_t mine = ++v->ticket;
    (void)pthread_cond_signal(&all->work);
    while (v->done < mine)
        (void)pthread_cond_wait(&all->settled, &all->mu);
    (void)pthread_mutex_unlock(&all->mu);
}
