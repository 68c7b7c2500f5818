/* Lives of keys to images and back. What texts say stands in an image as the
 * ledger packs it (ledger_impl.h): things are byte strings there as here. */
#include "store/kept.h"

#include "store/ledger_impl.h"

#include <stdlib.h>
#include <zlib.h>

enum { FORM = 2 };
_Static_assert((int)KT_LIFE_MARK == (int)MARK, "marks are written as they are");

struct im_moment {
    int64_t time;
    uint8_t mark[MARK];
    struct kt_span call, address, agent;
    uint8_t result, set, uuid;
};
struct im_place {
    struct kt_span what;
    int64_t first, last;
    uint64_t uses, denied;
};
struct im_places {
    uint64_t n, beyond;
    struct im_place p[2 * KT_LIFE_PLACES]; /* twice: while two are joined */
};
struct im_change {
    int64_t time;
    uint8_t mark[MARK], kind, uuid;
    struct kt_span actor, address;
};
struct image {
    struct kt_span owner, creator;
    uint8_t owner_rank;
    struct im_moment owned, creation, first, last;
    struct tally tally;
    struct im_places address, agent;
    uint64_t n_change;
    struct im_change change[2 * KT_LIFE_CHANGES];
    int64_t news;
};

/* --- one description for both ways ------------------------------------------------- */

struct io {
    struct kt_buf *out; /* writing; else reading: */
    struct kt_span in;
    bool ok;
};

static void io_bytes(struct io *x, void *p, size_t n)
{
    if (x->out) {
        x->ok = kt_buf_add(x->out, p, n) && x->ok;
    } else if (x->ok && x->in.n >= n) {
        memcpy(p, x->in.p, n);
        x->in.p += n;
        x->in.n -= n;
    } else {
        x->ok = false;
    }
}

static void io_span(struct io *x, struct kt_span *s)
{
    uint32_t n = s->p ? (uint32_t)s->n + 1 : 0;
    io_bytes(x, &n, sizeof n);
    if (x->out) {
        x->ok = (s->n == 0 || kt_buf_add(x->out, s->p, s->n)) && x->ok;
        return;
    }
    *s = KT_SPAN_NONE;
    if (!x->ok || !n)
        return;
    x->ok = x->in.n >= n - 1 && n - 1 <= PARTS_BYTES;
    if (x->ok) {
        *s = (struct kt_span){x->in.p, n - 1};
        x->in.p += n - 1;
        x->in.n -= n - 1;
    }
}

static void io_moment(struct io *x, struct im_moment *m)
{
    io_bytes(x, &m->time, sizeof m->time);
    io_bytes(x, m->mark, sizeof m->mark);
    io_bytes(x, &m->result, 1);
    io_bytes(x, &m->set, 1);
    io_bytes(x, &m->uuid, 1);
    io_span(x, &m->call);
    io_span(x, &m->address);
    io_span(x, &m->agent);
}

static void io_places(struct io *x, struct im_places *p)
{
    io_bytes(x, &p->n, sizeof p->n);
    io_bytes(x, &p->beyond, sizeof p->beyond);
    x->ok = x->ok && p->n <= KT_LIFE_PLACES;
    for (uint64_t i = 0; x->ok && i < p->n; i++) {
        io_span(x, &p->p[i].what);
        io_bytes(x, &p->p[i].first, sizeof(int64_t));
        io_bytes(x, &p->p[i].last, sizeof(int64_t));
        io_bytes(x, &p->p[i].uses, sizeof(uint64_t));
        io_bytes(x, &p->p[i].denied, sizeof(uint64_t));
    }
}

static void io_changes(struct io *x, struct image *m)
{
    io_bytes(x, &m->n_change, sizeof m->n_change);
    x->ok = x->ok && m->n_change <= KT_LIFE_CHANGES;
    for (uint64_t i = 0; x->ok && i < m->n_change; i++) {
        struct im_change *c = &m->change[i];
        io_bytes(x, &c->time, sizeof c->time);
        io_bytes(x, c->mark, sizeof c->mark);
        io_bytes(x, &c->kind, 1);
        io_bytes(x, &c->uuid, 1);
        io_span(x, &c->actor);
        io_span(x, &c->address);
    }
}

static void io_image(struct io *x, struct image *m)
{
    uint8_t form = FORM;
    io_bytes(x, &form, 1);
    x->ok = x->ok && form == FORM;
    io_span(x, &m->owner);
    io_bytes(x, &m->owner_rank, 1);
    struct im_moment *moments[] = {&m->owned, &m->creation, &m->first, &m->last};
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++)
        io_moment(x, moments[i]);
    io_span(x, &m->creator);
    uint64_t *counts[] = {&m->tally.uses, &m->tally.denied, &m->tally.failed, &m->tally.deactivations, &m->tally.reactivations, &m->tally.deletions};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        io_bytes(x, counts[i], sizeof(uint64_t));
    io_places(x, &m->address);
    io_places(x, &m->agent);
    io_changes(x, m);
    io_bytes(x, &m->news, sizeof m->news);
}

/* The last four bytes are the CRC-32 of those before them. */
static bool image_write(struct image *m, struct kt_buf *out)
{
    struct io x = {.out = out, .ok = true};
    size_t from = out->len;
    io_image(&x, m);
    uint32_t crc = out->p ? (uint32_t)crc32(0, (const uint8_t *)out->p + from, (unsigned)(out->len - from)) : 0;
    return kt_buf_add(out, &crc, sizeof crc) && x.ok;
}

static bool image_read(struct kt_span bytes, struct image *m)
{
    uint32_t crc;
    if (!bytes.p || bytes.n < sizeof crc || bytes.n > KT_LIFE_IMAGE_MAX)
        return false;
    size_t n = bytes.n - sizeof crc;
    memcpy(&crc, bytes.p + n, sizeof crc);
    struct io x = {.in = {bytes.p, n}, .ok = crc == (uint32_t)crc32(0, (const uint8_t *)bytes.p, (unsigned)n)};
    io_image(&x, m);
    return x.ok && x.in.n == 0;
}

/* --- out of the ledger ---------------------------------------------------------------- */

static struct kt_span thing_span(const struct ledger *l, uint32_t id)
{
    return id ? sym_span(&l->thing, id) : KT_SPAN_NONE;
}

static struct im_moment moment_out(const struct ledger *l, const struct moment *m)
{
    struct im_moment out = {.time = m->time, .call = thing_span(l, m->call), .address = thing_span(l, m->address),
                            .agent = thing_span(l, m->agent), .result = m->result, .set = m->set,
                            .uuid = m->uuid};
    memcpy(out.mark, m->mark, MARK);
    return out;
}

static void places_out(const struct ledger *l, const struct places *p, struct im_places *out)
{
    out->n = p->n;
    out->beyond = p->beyond;
    for (uint32_t i = 0; i < p->n; i++)
        out->p[i] = (struct im_place){thing_span(l, p->p[i].what), p->p[i].first, p->p[i].last, p->p[i].uses,
                                      p->p[i].denied};
}

/* Spans borrow from the store. Under the lock. */
static void image_of(const struct ledger *l, const struct life *x, struct image *m)
{
    m->owner = x->owner ? sym_span(&l->owner, x->owner) : KT_SPAN_NONE;
    m->owner_rank = x->owner_rank;
    m->owned = moment_out(l, &x->owned);
    m->owned.set = x->owner != 0; /* so that it can be compared */
    m->creation = moment_out(l, &x->creation);
    m->first = moment_out(l, &x->first);
    m->last = moment_out(l, &x->last);
    m->creator = thing_span(l, x->creator);
    m->tally = x->tally;
    places_out(l, &x->address, &m->address);
    places_out(l, &x->agent, &m->agent);
    m->n_change = x->n_change;
    for (uint32_t i = 0; i < x->n_change; i++) {
        m->change[i] = (struct im_change){.time = x->change[i].time, .kind = x->change[i].kind, .uuid = x->change[i].uuid,
                                          .actor = thing_span(l, x->change[i].actor),
                                          .address = thing_span(l, x->change[i].address)};
        memcpy(m->change[i].mark, x->change[i].mark, MARK);
    }
    m->news = x->news;
}

bool kt_store_keep_lives(struct kt_store *s)
{
    if (!ledger_prepare(s))
        return false;
    struct ledger *l = s->ledger;
    uint32_t *dirty = mem_alloc(&l->mem, KT_LIFE_KEYS * sizeof *dirty);
    if (!dirty)
        return false;
    store_lock(s);
    l->dirty = dirty;
    store_unlock(s);
    return true;
}

bool kt_store_lives_changed(struct kt_store *s)
{
    store_lock(s);
    bool yes = s->ledger && (s->ledger->n_dirty || s->ledger->n_fresh);
    store_unlock(s);
    return yes;
}

size_t kt_store_marks_take(struct kt_store *s, uint8_t (*out)[KT_LIFE_MARK], size_t max)
{
    store_lock(s);
    struct ledger *l = s->ledger;
    size_t n = l && l->n_fresh < max ? l->n_fresh : l ? max : 0;
    if (n) {
        memcpy(out, l->fresh, n * MARK);
        memmove(l->fresh, l->fresh + n, (l->n_fresh - n) * MARK);
        l->n_fresh -= n;
    }
    store_unlock(s);
    return n;
}

uint32_t kt_store_life_next(struct kt_store *s, struct kt_arena *a, struct kt_span *key, int64_t *news,
                            struct kt_buf *image)
{
    struct image *m = calloc(1, sizeof *m);
    uint32_t number = 0;
    bool ok = m != NULL;
    store_lock(s);
    struct ledger *l = s->ledger;
    while (ok && l && l->n_dirty && !number) {
        uint32_t i = l->dirty[--l->n_dirty];
        struct life *x = life_at(l, i);
        if (!x->id || !x->dirty) /* dropped since, or there twice */
            continue;
        x->dirty = false;
        number = i;
        image_of(l, x, m);
        *key = kt_arena_span(a, life_id(l, x));
        *news = m->news;
        ok = image_write(m, image) && key->p;
    }
    store_unlock(s);
    free(m);
    return ok ? number : 0;
}

void kt_store_life_again(struct kt_store *s, uint32_t number)
{
    store_lock(s);
    life_changed(s->ledger, number);
    store_unlock(s);
}

void kt_store_lives_all(struct kt_store *s)
{
    store_lock(s);
    for (uint32_t i = 1; s->ledger && i <= s->ledger->top; i++)
        life_changed(s->ledger, i);
    store_unlock(s);
}

/* --- two in one -------------------------------------------------------------------------- */

static uint64_t greater(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static bool comes_before(const struct im_moment *a, const struct im_moment *b)
{
    return a->set && (!b->set || is_before(a->time, a->mark, b->time, b->mark));
}

/* An unknown time is neither before nor after a known one: it loses both. */
static bool comes_after(const struct im_moment *a, const struct im_moment *b)
{
    if (!a->set || !b->set)
        return a->set && !b->set;
    if (a->time != b->time)
        return b->time == KT_TIME_NONE || (a->time != KT_TIME_NONE && a->time > b->time);
    return memcmp(a->mark, b->mark, MARK) > 0;
}

static int64_t least(int64_t a, int64_t b)
{
    return a == KT_TIME_NONE || (b != KT_TIME_NONE && b < a) ? b : a;
}

static int64_t most(int64_t a, int64_t b)
{
    return a == KT_TIME_NONE || (b != KT_TIME_NONE && b > a) ? b : a;
}

static int by_first(const void *va, const void *vb)
{
    const struct im_place *a = va, *b = vb;
    if (a->first != b->first)
        return b->first == KT_TIME_NONE || (a->first != KT_TIME_NONE && a->first < b->first) ? -1 : 1;
    size_t n = a->what.n < b->what.n ? a->what.n : b->what.n;
    int d = n ? memcmp(a->what.p, b->what.p, n) : 0;
    return d ? d : a->what.n < b->what.n ? -1 : a->what.n > b->what.n;
}

static void join_places(struct im_places *a, const struct im_places *b)
{
    for (uint64_t k = 0; k < b->n; k++) {
        const struct im_place *y = &b->p[k];
        uint64_t i = 0;
        while (i < a->n && !kt_span_eq(a->p[i].what, y->what))
            i++;
        struct im_place *x = &a->p[i];
        if (i == a->n) {
            *x = *y;
            a->n++;
            continue;
        }
        x->uses = greater(x->uses, y->uses);
        x->denied = greater(x->denied, y->denied);
        x->first = least(x->first, y->first);
        x->last = most(x->last, y->last);
    }
    a->beyond = greater(a->beyond, b->beyond);
    qsort(a->p, a->n, sizeof *a->p, by_first);
    for (; a->n > KT_LIFE_PLACES; a->n--)
        a->beyond = greater(a->beyond, a->p[a->n - 1].uses);
}

static int by_moment(const void *va, const void *vb)
{
    const struct im_change *a = va, *b = vb;
    if (is_before(a->time, a->mark, b->time, b->mark))
        return -1;
    if (is_before(b->time, b->mark, a->time, a->mark))
        return 1;
    return a->kind < b->kind ? -1 : a->kind > b->kind;
}

static void join_changes(struct image *a, const struct image *b)
{
    enum { HALF = KT_LIFE_CHANGES / 2 };
    uint64_t n = a->n_change, counted[KT_KIND_COUNT] = {0};
    for (uint64_t k = 0; k < b->n_change; k++) {
        uint64_t i = 0;
        while (i < n && (a->change[i].kind != b->change[k].kind || memcmp(a->change[i].mark, b->change[k].mark, MARK) != 0))
            i++;
        if (i == n)
            a->change[n++] = b->change[k];
    }
    for (uint64_t i = 0; i < n; i++)
        if (a->change[i].kind < KT_KIND_COUNT)
            counted[a->change[i].kind]++;
    a->tally.deactivations = greater(greater(a->tally.deactivations, b->tally.deactivations), counted[KT_KIND_DEACTIVATION]);
    a->tally.reactivations = greater(greater(a->tally.reactivations, b->tally.reactivations), counted[KT_KIND_REACTIVATION]);
    a->tally.deletions = greater(greater(a->tally.deletions, b->tally.deletions), counted[KT_KIND_DELETION]);
    qsort(a->change, n, sizeof *a->change, by_moment);
    if (n > KT_LIFE_CHANGES) /* the first and the last are kept */
        memmove(a->change + HALF, a->change + n - HALF, HALF * sizeof *a->change);
    a->n_change = n > KT_LIFE_CHANGES ? KT_LIFE_CHANGES : n;
}

static void join(struct image *a, const struct image *b)
{
    if (b->owner.p && (!a->owner.p || b->owner_rank < a->owner_rank ||
                       (b->owner_rank == a->owner_rank && comes_before(&b->owned, &a->owned)))) {
        a->owner = b->owner;
        a->owner_rank = b->owner_rank;
        a->owned = b->owned;
    }
    if (comes_before(&b->creation, &a->creation)) {
        a->creation = b->creation;
        a->creator = b->creator;
    }
    if (comes_before(&b->first, &a->first))
        a->first = b->first;
    if (comes_after(&b->last, &a->last))
        a->last = b->last;
    a->tally.uses = greater(a->tally.uses, b->tally.uses);
    a->tally.denied = greater(a->tally.denied, b->tally.denied);
    a->tally.failed = greater(a->tally.failed, b->tally.failed);
    join_places(&a->address, &b->address);
    join_places(&a->agent, &b->agent);
    join_changes(a, b);
    a->news = most(a->news, b->news);
}

bool kt_life_join(struct kt_span x, struct kt_span y, struct kt_arena *a, struct kt_buf *out)
{
    struct image *m = kt_arena_alloc(a, 2 * sizeof *m);
    if (!m)
        return false;
    memset(m, 0, 2 * sizeof *m);
    if (!image_read(x, &m[0]) || !image_read(y, &m[1]))
        return false;
    join(&m[0], &m[1]);
    return image_write(&m[0], out);
}

/* --- into the ledger ------------------------------------------------------------------------- */

static uint32_t thing_in(struct ledger *l, struct kt_span s)
{
    return s.n ? sym_intern(&l->thing, s.p, s.n, 0, NULL) : 0; /* 0 where memory ran out: not known */
}

static void moment_in(struct ledger *l, const struct im_moment *m, struct moment *out)
{
    *out = (struct moment){.time = m->time, .call = thing_in(l, m->call), .address = thing_in(l, m->address),
                           .agent = thing_in(l, m->agent), .result = m->result, .set = m->set != 0, .uuid = m->uuid != 0};
    memcpy(out->mark, m->mark, MARK);
}

static void places_in(struct ledger *l, const struct im_places *p, struct places *out)
{
    out->p = p->n ? mem_zero(&l->mem, p->n * sizeof *out->p) : NULL;
    out->beyond = p->beyond;
    for (uint64_t i = 0; out->p && i < p->n; i++) {
        uint32_t what = thing_in(l, p->p[i].what);
        if (what)
            out->p[out->n++] = (struct place){what, p->p[i].first, p->p[i].last, p->p[i].uses, p->p[i].denied};
    }
    out->cap = out->p ? (uint32_t)p->n : 0;
}

static void changes_in(struct ledger *l, const struct image *m, struct life *x)
{
    x->change = m->n_change ? mem_zero(&l->mem, m->n_change * sizeof *x->change) : NULL;
    for (uint64_t i = 0; x->change && i < m->n_change; i++) {
        const struct im_change *c = &m->change[i];
        x->change[i] = (struct change){.time = c->time, .actor = thing_in(l, c->actor),
                                       .address = thing_in(l, c->address), .kind = c->kind, .uuid = c->uuid != 0};
        memcpy(x->change[i].mark, c->mark, MARK);
    }
    x->n_change = x->changes_cap = x->change ? (uint32_t)m->n_change : 0;
    uint64_t all = m->tally.deactivations + m->tally.reactivations + m->tally.deletions;
    x->changes_beyond = all > x->n_change ? all - x->n_change : 0;
}

static void life_in(struct ledger *l, uint32_t i, const struct image *m)
{
    struct life *x = life_at(l, i);
    moment_in(l, &m->owned, &x->owned);
    moment_in(l, &m->creation, &x->creation);
    moment_in(l, &m->first, &x->first);
    moment_in(l, &m->last, &x->last);
    x->creator = thing_in(l, m->creator);
    x->tally = m->tally;
    places_in(l, &m->address, &x->address);
    places_in(l, &m->agent, &x->agent);
    changes_in(l, m, x);
    x->news = m->news;
    x->version++;
    if (m->owner.n)
        life_owned(l, i, m->owner, m->owner_rank);
    int64_t first = x->n_change ? x->change[0].time : KT_TIME_NONE;
    l->begins = least(l->begins, least(first, least(m->creation.time, m->first.time)));
}

bool kt_store_life_take(struct kt_store *s, struct kt_span key, struct kt_span image, struct kt_arena *a)
{
    enum { THINGS = 2 * KT_LIFE_PLACES + 2 * KT_LIFE_CHANGES + 16 };
    struct image *m = kt_arena_alloc(a, sizeof *m);
    if (!m)
        return false;
    memset(m, 0, sizeof *m);
    if (!kt_span_known(key) || key.n > KT_LIFE_TEXT || !image_read(image, m) || !ledger_prepare(s) ||
        !sym_prepare(&s->ledger->thing, THINGS))
        return false;
    store_lock(s);
    uint32_t i = life_find(s->ledger, key) ? 0 : life_get(s, key);
    if (i)
        life_in(s->ledger, i, m);
    store_unlock(s);
    return i != 0;
}

void kt_store_mark_take(struct kt_store *s, const uint8_t mark[KT_LIFE_MARK])
{
    if (!ledger_prepare(s) || digests_have(&s->ledger->window, mark))
        return;
    digests_add(&s->ledger->window, mark);
}
