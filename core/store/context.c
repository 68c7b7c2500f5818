#include "store/context_impl.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

/* --- digests ---------------------------------------------------------------------- */

struct kt_digest kt_digest_of(char tag, const struct kt_span *part, size_t n)
{
    uint8_t each[8 * KT_SHA256 + 1], sha[KT_SHA256];
    struct kt_digest d;
    memset(each, 0, sizeof each); /* what is unknown stays so */
    for (size_t i = 0; i < n && i < 8; i++)
        if (part[i].p)
            kt_sha256(part[i].p, part[i].n, each + i * KT_SHA256);
    each[8 * KT_SHA256] = (uint8_t)tag;
    kt_sha256(each, sizeof each, sha);
    memcpy(d.b, sha, sizeof d.b);
    return d;
}

static int order_of(const struct kt_digest *a, const struct kt_digest *b)
{
    return memcmp(a->b, b->b, KT_DIGEST);
}

/* --- the table ---------------------------------------------------------------------- */

static size_t home(const struct kt_digest *subject, uint8_t what, int64_t hour, size_t cap)
{
    struct {
        struct kt_digest subject;
        int64_t hour;
        uint64_t what;
    } key = {*subject, hour, what};
    return (size_t)kt_hash(&key, sizeof key) & (cap - 1);
}

static uint32_t find(const struct kt_traces *c, const struct kt_digest *subject, enum kt_trace what, int64_t hour)
{
    if (!c->cap)
        return 0;
    for (size_t at = home(subject, (uint8_t)what, hour, c->cap); c->slot[at]; at = (at + 1) & (c->cap - 1)) {
        const struct trace *t = trace_at(c, c->slot[at]);
        if (t->what == what && t->hour == hour && order_of(&t->subject, subject) == 0)
            return c->slot[at];
    }
    return 0;
}

static void put_slot(const struct kt_traces *c, uint32_t *slot, size_t cap, uint32_t i)
{
    const struct trace *t = trace_at(c, i);
    size_t at = home(&t->subject, t->what, t->hour, cap);
    while (slot[at])
        at = (at + 1) & (cap - 1);
    slot[at] = i;
}

static bool slots_prepare(struct kt_traces *c)
{
    if ((c->n + 1) * 10 <= c->cap * 7)
        return true;
    size_t cap = c->cap ? c->cap * 2 : 1024;
    uint32_t *slot = mem_zero(&c->mem, cap * sizeof *slot);
    if (!slot)
        return false;
    for (size_t i = 0; i < c->cap; i++)
        if (c->slot[i])
            put_slot(c, slot, cap, c->slot[i]);
    mem_free(&c->mem, c->slot);
    c->slot = slot;
    c->cap = cap;
    return true;
}

static void take_slot(struct kt_traces *c, uint32_t i)
{
    const struct trace *t = trace_at(c, i);
    size_t mask = c->cap - 1, at = home(&t->subject, t->what, t->hour, c->cap);
    while (c->slot[at] != i)
        at = (at + 1) & mask;
    for (size_t next = (at + 1) & mask; c->slot[next]; next = (next + 1) & mask) {
        const struct trace *x = trace_at(c, c->slot[next]);
        size_t its = home(&x->subject, x->what, x->hour, c->cap);
        if (((next - its) & mask) >= ((next - at) & mask)) {
            c->slot[at] = c->slot[next];
            at = next;
        }
    }
    c->slot[at] = 0;
}

static void unlink_news(struct kt_traces *c, uint32_t i)
{
    struct trace *t = trace_at(c, i);
    *(t->newer ? &trace_at(c, t->newer)->older : &c->newest_trace) = t->older;
    *(t->older ? &trace_at(c, t->older)->newer : &c->oldest_trace) = t->newer;
    t->newer = t->older = 0;
}

static void link_news(struct kt_traces *c, uint32_t i)
{
    struct trace *t = trace_at(c, i);
    t->older = c->newest_trace;
    *(c->newest_trace ? &trace_at(c, c->newest_trace)->newer : &c->oldest_trace) = i;
    c->newest_trace = i;
}

static void drop(struct kt_traces *c, uint32_t i)
{
    struct trace *t = trace_at(c, i);
    take_slot(c, i);
    unlink_news(c, i);
    c->entries -= t->n;
    mem_free(&c->mem, t->e);
    *t = (struct trace){.older = c->free, .dirty = t->dirty}; /* its number may be noted: once is enough */
    c->free = i;
    c->n--;
    c->dropped++;
}

static uint32_t free_place(struct kt_traces *c)
{
    uint32_t i = c->free;
    if (i) {
        c->free = trace_at(c, i)->older;
        return i;
    }
    if (c->top == TRACES_MAX)
        return 0;
    if (c->top == c->n_pages * TRACE_PAGE) {
        if (c->n_pages == c->pages_cap) {
            size_t cap = c->pages_cap ? c->pages_cap * 2 : 16;
            struct trace **page = mem_resize(&c->mem, c->page, cap * sizeof *page);
            if (!page)
                return 0;
            c->page = page;
            c->pages_cap = cap;
        }
        if (c->keep && !traces_note_room(c, c->n_pages + 1))
            return 0;
        struct trace *p = mem_zero(&c->mem, TRACE_PAGE * sizeof *p);
        if (!p)
            return 0;
        c->page[c->n_pages++] = p;
    }
    return ++c->top;
}

static uint32_t get(struct kt_traces *c, const struct kt_digest *subject, enum kt_trace what, int64_t hour)
{
    uint32_t i = find(c, subject, what, hour);
    if (i || !slots_prepare(c) || !(i = free_place(c)))
        return i;
    *trace_at(c, i) = (struct trace){.subject = *subject, .what = (uint8_t)what, .hour = hour, .news = KT_TIME_NONE,
                                     .told = KT_TIME_NONE, .dirty = trace_at(c, i)->dirty};
    put_slot(c, c->slot, c->cap, i);
    link_news(c, i);
    c->n++;
    return i;
}

/* --- entries ---------------------------------------------------------------------- */

static bool is_least(enum kt_trace w)
{
    return w <= KT_TRACE_CLASS;
}

static bool is_spread(enum kt_trace w)
{
    return w == KT_TRACE_TARGETS;
}

static int64_t hour_of(enum kt_trace w, int64_t time)
{
    if (w < KT_TRACE_DENIED)
        return 0;
    return time / HOUR_MS - (time % HOUR_MS < 0);
}

static bool room(struct kt_traces *c, struct trace *t)
{
    if (t->n < t->cap)
        return true;
    uint32_t cap = t->cap ? t->cap * 2 : 1;
    struct kt_trace_entry *e = mem_resize(&c->mem, t->e, cap * sizeof *e);
    if (!e)
        return false;
    t->e = e;
    t->cap = cap;
    return true;
}

static bool insert(struct kt_traces *c, struct trace *t, uint32_t at, const struct kt_trace_entry *e)
{
    if (!room(c, t))
        return false;
    memmove(t->e + at + 1, t->e + at, (t->n - at) * sizeof *t->e);
    t->e[at] = *e;
    t->n++;
    c->entries++;
    return true;
}

static void take_out(struct kt_traces *c, struct trace *t, uint32_t at)
{
    t->n--;
    c->entries--;
    memmove(t->e + at, t->e + at + 1, (t->n - at) * sizeof *t->e);
}

/* Where a value stands or would stand. */
static uint32_t by_value(const struct trace *t, const struct kt_digest *value, bool *there)
{
    uint32_t low = 0, high = t->n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (order_of(&t->e[mid].value, value) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *there = low < t->n && order_of(&t->e[low].value, value) == 0;
    return low;
}

/* By time, of one time by event. */
static bool comes_before(const struct kt_trace_entry *a, const struct kt_trace_entry *b)
{
    return a->first != b->first ? a->first < b->first : order_of(&a->mark, &b->mark) < 0;
}

static uint32_t latest(const struct trace *t)
{
    uint32_t last = 0;
    for (uint32_t i = 1; i < t->n; i++)
        if (comes_before(&t->e[last], &t->e[i]))
            last = i;
    return last;
}

static enum kt_traces_put put_least(struct kt_traces *c, struct trace *t, const struct kt_trace_entry *e,
                                     struct kt_trace_entry *old)
{
    bool there;
    uint32_t at = by_value(t, &e->value, &there);
    if (there) {
        struct kt_trace_entry *x = &t->e[at];
        *old = *x;
        if (!x->seq && order_of(&x->mark, &e->mark) == 0)
            x->seq = e->seq;
        if (!comes_before(e, x))
            return KT_TRACES_KNOWN;
        *x = *e;
        return KT_TRACES_CHANGED;
    }
    if (!insert(c, t, at, e))
        return KT_TRACES_NOT;
    if (t->n <= KT_TRACE_VALUES)
        return KT_TRACES_CHANGED;
    uint32_t last = latest(t);
    take_out(c, t, last);
    return last == at ? KT_TRACES_KNOWN : KT_TRACES_CHANGED;
}

static enum kt_traces_put put_event(struct kt_traces *c, struct trace *t, const struct kt_trace_entry *e)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < t->n; i++) {
        if (order_of(&t->e[i].mark, &e->mark) == 0) {
            t->e[i].seq = t->e[i].seq ? t->e[i].seq : e->seq;
            return KT_TRACES_KNOWN;
        }
        at += comes_before(&t->e[i], e);
    }
    if (!insert(c, t, at, e))
        return KT_TRACES_NOT;
    if (t->n <= KT_TRACE_EVENTS)
        return KT_TRACES_CHANGED;
    take_out(c, t, KT_TRACE_EVENTS / 2);
    return at == KT_TRACE_EVENTS / 2 ? KT_TRACES_KNOWN : KT_TRACES_CHANGED;
}

static enum kt_traces_put put_spread(struct kt_traces *c, struct trace *t, const struct kt_trace_entry *e)
{
    bool there;
    uint32_t at = by_value(t, &e->value, &there);
    if (there) {
        struct kt_trace_entry *x = &t->e[at];
        bool news = e->first < x->first || e->last > x->last;
        if (comes_before(e, x)) {
            struct kt_trace_entry was = *x;
            *x = *e;
            x->last = was.last > e->last ? was.last : e->last;
        } else if (e->last > x->last) {
            x->last = e->last;
        }
        return news ? KT_TRACES_CHANGED : KT_TRACES_KNOWN;
    }
    if (t->n == KT_TRACE_VALUES_HOUR && at == t->n)
        return KT_TRACES_KNOWN;
    if (!insert(c, t, at, e))
        return KT_TRACES_NOT;
    if (t->n > KT_TRACE_VALUES_HOUR)
        take_out(c, t, t->n - 1);
    return KT_TRACES_CHANGED;
}

/* Under the lock; `number` gets the trace's. */
enum kt_traces_put traces_put(struct kt_traces *c, const struct kt_digest *subject, enum kt_trace what,
                              const struct kt_trace_entry *e, struct kt_trace_entry *was, uint32_t *number)
{
    uint32_t i = *number = get(c, subject, what, hour_of(what, e->first));
    if (!i)
        return KT_TRACES_NOT;
    struct trace *t = trace_at(c, i);
    enum kt_traces_put r = is_least(what)    ? put_least(c, t, e, was)
                            : is_spread(what) ? put_spread(c, t, e)
                                              : put_event(c, t, e);
    if (!t->n) { /* memory ran out for its first */
        drop(c, i);
        return KT_TRACES_NOT;
    }
    t->news = e->last > t->news ? e->last : t->news;
    unlink_news(c, i);
    link_news(c, i);
    for (int k = 0; k < DROPS_A_PUT && c->n > 1 && atomic_load(&c->mem.bytes) > c->max; k++)
        drop(c, c->oldest_trace);
    return r;
}

static bool is_to_be_told(const struct trace *t)
{
    return t->hour == 0 && (t->told == KT_TIME_NONE || t->news - t->told >= KT_TRACE_TOUCH_MS);
}

enum kt_traces_put kt_traces_put(struct kt_traces *c, const struct kt_digest *subject, enum kt_trace what,
                                   const struct kt_trace_entry *e, struct kt_trace_entry *old)
{
    struct kt_trace_entry none, *was = old ? old : &none;
    uint32_t i;
    *was = (struct kt_trace_entry){.first = KT_TIME_NONE};
    if (e->first == KT_TIME_NONE)
        return KT_TRACES_NOT;
    (void)pthread_mutex_lock(&c->lock);
    enum kt_traces_put r = traces_put(c, subject, what, e, was, &i);
    if (c->keep && r != KT_TRACES_NOT && (r == KT_TRACES_CHANGED || is_to_be_told(trace_at(c, i))))
        traces_note(c, i);
    (void)pthread_mutex_unlock(&c->lock);
    return r;
}

void kt_traces_see(struct kt_traces *c, int64_t t)
{
    if (t != KT_TIME_NONE && t > atomic_load(&c->newest)) /* KT_TIME_NONE is the least of all */
        atomic_store(&c->newest, t);
}

int64_t kt_traces_newest(const struct kt_traces *c)
{
    return atomic_load(&c->newest);
}

/* --- reading ------------------------------------------------------------------------ */

const struct kt_trace_entry *kt_traces_least(const struct kt_traces *c, const struct kt_digest *subject,
                                              enum kt_trace what, const struct kt_digest *value, bool *full)
{
    static const struct kt_digest no_value;
    uint32_t i = find(c, subject, what, 0);
    bool there = false;
    uint32_t at = i ? by_value(trace_at(c, i), value ? value : &no_value, &there) : 0;
    if (full)
        *full = i && trace_at(c, i)->n >= KT_TRACE_VALUES;
    return there ? &trace_at(c, i)->e[at] : NULL;
}

static bool each_of(const struct trace *t, int64_t from, int64_t to, kt_trace_fn *f, void *ctx)
{
    for (uint32_t i = 0; i < t->n; i++)
        if (t->e[i].last >= from && t->e[i].first <= to && !f(ctx, &t->e[i]))
            return false;
    return true;
}

void kt_traces_each(const struct kt_traces *c, const struct kt_digest *subject, enum kt_trace what, int64_t from,
                     int64_t to, kt_trace_fn *f, void *ctx)
{
    int64_t last = hour_of(what, to);
    for (int64_t hour = hour_of(what, from); hour <= last; hour++) {
        uint32_t i = find(c, subject, what, hour);
        if (i && !each_of(trace_at(c, i), from, to, f, ctx))
            return;
    }
}

void kt_traces_visit(const struct kt_traces *c, kt_trace_visit_fn *f, void *ctx)
{
    for (uint32_t i = c->oldest_trace; i; i = trace_at(c, i)->newer) {
        const struct trace *t = trace_at(c, i);
        for (uint32_t k = 0; k < t->n; k++)
            if (!f(ctx, &t->subject, (enum kt_trace)t->what, &t->e[k]))
                return;
    }
}

struct kt_traces_stats kt_traces_stats(const struct kt_traces *c)
{
    return (struct kt_traces_stats){c->n, c->entries, atomic_load(&c->mem.bytes), c->dropped};
}

struct kt_traces *kt_traces_new(uint64_t memory_max)
{
    struct kt_traces *c = calloc(1, sizeof *c);
    if (c && pthread_mutex_init(&c->lock, NULL) != 0) {
        free(c);
        c = NULL;
    }
    if (!c)
        return NULL;
    c->max = memory_max;
    atomic_init(&c->newest, KT_TIME_NONE);
    return c;
}

void kt_traces_free(struct kt_traces *c)
{
    if (!c)
        return;
    for (uint32_t i = 1; i <= c->top; i++)
        mem_free(&c->mem, trace_at(c, i)->e);
    for (size_t i = 0; i < c->n_pages; i++)
        mem_free(&c->mem, c->page[i]);
    mem_free(&c->mem, c->page);
    mem_free(&c->mem, c->slot);
    mem_free(&c->mem, c->note);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}
