/* The owner's side of a crew: streams go in, what they hold is told. */
#include "ingest/crew_impl.h"

#include "base/buf.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { SPARE_MAX = 32 };

/* --- birth and death ------------------------------------------------------------ */

static size_t processors(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > KT_CREW_WORKERS_MAX ? KT_CREW_WORKERS_MAX : (size_t)n;
}

static struct names *names_new(const char *const *names, size_t n)
{
    size_t text = 0;
    for (size_t i = 0; i < n; i++)
        text += strlen(names[i]) + 1;
    struct names *m = malloc(sizeof *m + n * sizeof *m->name + text);
    if (!m)
        return NULL;
    m->refs = 1;
    m->n = n;
    m->name = (const char **)(m + 1);
    char *p = (char *)(m->name + n);
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(names[i]) + 1;
        m->name[i] = memcpy(p, names[i], len);
        p += len;
    }
    return m;
}

/* Under the lock, or where there are no workers. */
void crew_names_let_go(struct names *m)
{
    if (m && --m->refs == 0)
        free(m);
}

static bool make_locks(struct kt_crew *c)
{
    pthread_cond_t *const cond[] = {&c->work, &c->news, &c->room};
    size_t n = 0;
    if (pthread_mutex_init(&c->lock, NULL) != 0)
        return false;
    while (n < sizeof cond / sizeof *cond && pthread_cond_init(cond[n], NULL) == 0)
        n++;
    if (n == sizeof cond / sizeof *cond)
        return true;
    while (n)
        (void)pthread_cond_destroy(cond[--n]);
    (void)pthread_mutex_destroy(&c->lock);
    return false;
}

struct kt_crew *kt_crew_new(const char *const *names, size_t n_names, const struct kt_crew_sink *sink, size_t workers)
{
    struct kt_crew *c = calloc(1, sizeof *c);
    if (!c || !make_locks(c)) {
        free(c);
        return NULL;
    }
    c->sink = *sink;
    c->names = names_new(names, n_names);
    c->workers = workers ? workers < KT_CREW_WORKERS_MAX ? workers : KT_CREW_WORKERS_MAX : processors();
    c->part = KT_CREW_PART;
    TAILQ_INIT(&c->order);
    TAILQ_INIT(&c->all);
    STAILQ_INIT(&c->empty);
    c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c->fd < 0 || !c->names) {
        kt_crew_free(c);
        return NULL;
    }
    return c;
}

static void free_slices(struct slices *in)
{
    for (struct slice *v; (v = STAILQ_FIRST(in));) {
        STAILQ_REMOVE_HEAD(in, next);
        free(v);
    }
}

static void free_stream(struct kt_stream *s)
{
    free_slices(&s->in);
    for (struct chunk *k; (k = STAILQ_FIRST(&s->out));) {
        STAILQ_REMOVE_HEAD(&s->out, next);
        crew_chunk_free(k);
    }
    crew_chunk_free(s->filling);
    if (s->fd >= 0)
        (void)close(s->fd);
    if (!s->file)
        kt_ingest_free(s->ingest);
    crew_names_let_go(s->names);
    if (s->whole && --s->whole->refs == 0) {
        (void)close(s->whole->fd);
        free(s->whole);
    }
    free(s);
}

bool kt_crew_set_names(struct kt_crew *c, const char *const *names, size_t n_names)
{
    struct names *m = names_new(names, n_names);
    if (!m)
        return false;
    pthread_mutex_lock(&c->lock);
    crew_names_let_go(c->names);
    c->names = m;
    while (c->n_spare)
        free_stream(c->spare[--c->n_spare]);
    pthread_mutex_unlock(&c->lock);
    return true;
}

void kt_crew_remember(struct kt_crew *c, struct kt_known *known, bool (*again)(void *owner))
{
    c->known = known;
    c->again = again;
}

void kt_crew_free(struct kt_crew *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->closing = true;
    pthread_cond_broadcast(&c->work);
    pthread_cond_broadcast(&c->room);
    pthread_mutex_unlock(&c->lock);
    for (size_t i = 0; i < c->started; i++)
        pthread_join(c->thread[i], NULL);
    while (c->n_arena)
        kt_arena_free(c->arena[--c->n_arena]);
    struct kt_stream *next;
    for (struct kt_stream *s = TAILQ_FIRST(&c->order); s; s = next) {
        next = TAILQ_NEXT(s, order);
        if (is_part(s))
            free_stream(s);
    }
    for (struct kt_stream *s; (s = TAILQ_FIRST(&c->all));) {
        TAILQ_REMOVE(&c->all, s, all);
        free_stream(s);
    }
    while (c->n_spare)
        free_stream(c->spare[--c->n_spare]);
    free_slices(&c->empty);
    free(c->spare);
    crew_names_let_go(c->names);
    if (c->fd >= 0)
        (void)close(c->fd);
    (void)pthread_cond_destroy(&c->work);
    (void)pthread_cond_destroy(&c->news);
    (void)pthread_cond_destroy(&c->room);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

/* --- streams ---------------------------------------------------------------------- */

/* One worker is enough; none is not. Signals are for other threads. */
static bool start(struct kt_crew *c)
{
    sigset_t all, old;
    if (c->started)
        return true;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    while (c->started < c->workers && pthread_create(&c->thread[c->started], NULL, crew_work, c) == 0)
        c->started++;
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return c->started > 0;
}

struct kt_stream *crew_stream_new(struct kt_crew *c)
{
    struct kt_stream *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->crew = c;
    s->fd = -1;
    s->names = c->names;
    s->names->refs++;
    STAILQ_INIT(&s->in);
    STAILQ_INIT(&s->out);
    return s;
}

static struct kt_stream *new_stream(struct kt_crew *c)
{
    pthread_mutex_lock(&c->lock);
    struct kt_stream *s = crew_stream_new(c);
    pthread_mutex_unlock(&c->lock);
    return s;
}

static void drop_stream(struct kt_stream *s)
{
    struct kt_crew *c = s->crew;
    pthread_mutex_lock(&c->lock);
    free_stream(s);
    pthread_mutex_unlock(&c->lock);
}

static struct kt_stream *take_stream(struct kt_crew *c)
{
    if (c->n_spare)
        return c->spare[--c->n_spare];
    struct kt_stream *s = new_stream(c);
    if (!s)
        return NULL;
    s->ingest = crew_ingest_new(s);
    if (s->ingest)
        return s;
    drop_stream(s);
    return NULL;
}

struct kt_stream *kt_crew_open(struct kt_crew *c, void *owner, uint64_t records, uint64_t bytes)
{
    struct kt_stream *s = start(c) ? take_stream(c) : NULL;
    if (!s)
        return NULL;
    s->owner = owner;
    s->begun = records || bytes;
    kt_ingest_continue(s->ingest, records, bytes);
    TAILQ_INSERT_TAIL(&c->all, s, all);
    return s;
}

/* Over and told: its memory is for the next one. */
static void let_go(struct kt_stream *s)
{
    struct kt_crew *c = s->crew;
    struct kt_ingest *g = s->ingest;
    struct names *names = s->names;
    if (!is_part(s))
        TAILQ_REMOVE(&c->all, s, all);
    if (s->file || s->names != c->names || c->n_spare == SPARE_MAX || !kt_grow(&c->spare, &c->cap_spare, c->n_spare + 1, sizeof(struct kt_stream *), SPARE_MAX)) {
        drop_stream(s);
        return;
    }
    kt_ingest_reset(g);
    *s = (struct kt_stream){.crew = c, .ingest = g, .names = names, .fd = -1};
    STAILQ_INIT(&s->in);
    STAILQ_INIT(&s->out);
    c->spare[c->n_spare++] = s;
}

/* --- telling ------------------------------------------------------------------------ */

static bool tell_one(const struct kt_crew *c, void *owner, const struct found *f, uint64_t before)
{
    struct kt_record r = f->record;
    struct kt_malformed m = f->malformed;
    struct kt_use u = f->use;
    switch (f->kind) {
    case FOUND_RECORD:
        r.ordinal += before;
        return c->sink.record(owner, &r);
    case FOUND_MALFORMED:
        m.ordinal += before;
        return c->sink.malformed(owner, &m);
    case FOUND_USE:
        u.ordinal += before;
        return c->sink.use(owner, &u);
    case FOUND_AGAIN:
        return c->again(owner);
    }
    return true;
}

/* With those of the parts before it. */
static struct kt_ingest_stats all_stats(const struct whole *w, const struct kt_ingest_stats *own)
{
    struct kt_ingest_stats all = *own;
    if (!w)
        return all;
    const struct kt_ingest_stats *b = &w->before;
    all.bytes_in += b->bytes_in;
    all.bytes += b->bytes;
    all.records += b->records;
    all.picked += b->picked;
    all.walked += b->walked;
    all.unsure += b->unsure;
    all.malformed += b->malformed;
    return all;
}

static bool tell_chunk(const struct kt_crew *c, const struct kt_stream *s, const struct chunk *k,
                       const struct kt_ingest_stats *stats)
{
    uint64_t before = stats->records - k->stats.records;
    for (const struct found *f = k->first; f; f = f->next)
        if (!tell_one(c, s->owner, f, before))
            return false;
    if (c->sink.progress)
        c->sink.progress(s->owner, stats);
    return true;
}

/* How many records were read before the end is counted over all parts. */
static void count_all(struct kt_err *why, uint64_t own, uint64_t all)
{
    char tail[64], text[sizeof why->text];
    (void)snprintf(tail, sizeof tail, "; %llu record%s before %s read", (unsigned long long)own, own == 1 ? "" : "s",
                   own == 1 ? "it was" : "it were");
    size_t n = strlen(why->text), k = strlen(tail);
    if (n < k || strcmp(why->text + n - k, tail) != 0)
        return;
    (void)snprintf(text, sizeof text, "%.*s", (int)(n - k), why->text);
    (void)kt_fail(why, why->code, "%s; %llu record%s before %s read", text, (unsigned long long)all, all == 1 ? "" : "s",
                  all == 1 ? "it was" : "it were");
}

/* Takes a stream's first chunk and tells it. Under the lock, which is given
 * back meanwhile. True where the stream is gone. */
static bool tell_first(struct kt_crew *c, struct kt_stream *s)
{
    struct chunk *k = STAILQ_FIRST(&s->out);
    bool dropped = is_void(s);
    const struct whole *w = s->whole;
    STAILQ_REMOVE_HEAD(&s->out, next);
    pthread_mutex_unlock(&c->lock);
    struct kt_ingest_stats stats = all_stats(w, &k->stats);
    bool over = k->over, go_on = dropped || tell_chunk(c, s, k, &stats);
    enum kt_ingest_end end = k->end;
    struct kt_err why = k->why;
    if (w && over)
        count_all(&why, k->stats.records, stats.records);
    size_t used = k->arena ? kt_arena_used(k->arena) : 0;
    crew_chunk_done(c, k);
    pthread_mutex_lock(&c->lock);
    s->out_bytes -= used;
    c->found -= used;
    c->stopped |= !go_on;
    pthread_cond_broadcast(&c->room);
    if (!over)
        return false;
    while (s->busy) /* its worker is about to look up */
        pthread_cond_wait(&c->news, &c->lock);
    TAILQ_REMOVE(&c->order, s, order);
    pthread_cond_broadcast(&c->work); /* another one is first now */
    /* the last part, or the one that goes on to the end, is the end of the file */
    bool ended = !dropped && !(s->whole && s->to < s->size && end == KT_END_WHOLE);
    if (s->whole && !ended)
        s->whole->before = dropped ? s->whole->before : stats;
    void *owner = s->owner;
    pthread_mutex_unlock(&c->lock);
    let_go(s);
    if (ended)
        c->sink.ended(owner, end, &why, &stats);
    pthread_mutex_lock(&c->lock);
    return true;
}

/* Under the lock. `pass`: an open stream that has nothing to give is passed. */
static void tell_ready(struct kt_crew *c, bool pass)
{
    for (struct kt_stream *s; !c->stopped && (s = TAILQ_FIRST(&c->order));) {
        if (!STAILQ_EMPTY(&s->out)) {
            (void)tell_first(c, s);
        } else if (pass && is_idle(s)) {
            TAILQ_REMOVE(&c->order, s, order);
            s->in_order = false;
            pthread_cond_broadcast(&c->work);
            pthread_cond_broadcast(&c->room);
        } else {
            return;
        }
    }
}

static void into_order(struct kt_stream *s)
{
    if (!s->in_order)
        TAILQ_INSERT_TAIL(&s->crew->order, s, order);
    s->in_order = true;
}

bool kt_crew_tell(struct kt_crew *c)
{
    uint64_t rung;
    ssize_t n = read(c->fd, &rung, sizeof rung); /* EAGAIN: nobody rang; others cannot be */
    (void)n;
    pthread_mutex_lock(&c->lock);
    tell_ready(c, false);
    bool go_on = !c->stopped;
    pthread_mutex_unlock(&c->lock);
    return go_on;
}

/* --- feeding -------------------------------------------------------------------------- */

/* There is something to read: for a worker that has nothing to do, or for one
 * that waits for room and may be the only one left. */
static void wake(struct kt_crew *c)
{
    pthread_cond_signal(&c->work);
    pthread_cond_broadcast(&c->room);
}

void kt_crew_set_part(struct kt_crew *c, size_t bytes)
{
    c->part = bytes < KT_CREW_PART_LEAST ? KT_CREW_PART_LEAST : bytes;
}

bool kt_crew_read(struct kt_crew *c, void *owner, int fd, uint64_t size)
{
    struct kt_stream *s = start(c) ? new_stream(c) : NULL;
    if (!s)
        return false;
    s->owner = owner;
    s->file = s->begun = true;
    s->size = size;
    TAILQ_INSERT_TAIL(&c->all, s, all);
    pthread_mutex_lock(&c->lock);
    while (!c->stopped && c->files >= KT_CREW_FILES) {
        tell_ready(c, true);
        if (!c->stopped && c->files >= KT_CREW_FILES)
            pthread_cond_wait(&c->news, &c->lock);
    }
    bool go_on = !c->stopped;
    if (go_on) {
        s->fd = fd;
        s->ended = true;
        c->files++;
        into_order(s);
        wake(c);
    }
    pthread_mutex_unlock(&c->lock);
    if (go_on)
        return true;
    TAILQ_REMOVE(&c->all, s, all);
    drop_stream(s);
    return false;
}

static bool is_gzip(const unsigned char *p, size_t n)
{
    return n >= 2 && p[0] == 0x1f && p[1] == 0x8b;
}

void crew_empty(struct kt_crew *c, struct slices *in)
{
    for (struct slice *v; (v = STAILQ_FIRST(in));) {
        STAILQ_REMOVE_HEAD(in, next);
        if (v->room != SLICE_ROOM || c->n_empty == SLICES_EMPTY_MAX) {
            free(v);
            continue;
        }
        STAILQ_INSERT_HEAD(&c->empty, v, next); /* what was used last is still in the cache */
        c->n_empty++;
    }
}

/* Under the lock. Few bytes take no more room than they need. */
static struct slice *take_slice(struct kt_crew *c, size_t n)
{
    struct slice *v = n > SLICE_ROOM / 2 && n <= SLICE_ROOM ? STAILQ_FIRST(&c->empty) : NULL;
    if (v) {
        STAILQ_REMOVE_HEAD(&c->empty, next);
        c->n_empty--;
        return v;
    }
    size_t room = n > SLICE_ROOM / 2 && n < SLICE_ROOM ? SLICE_ROOM : n;
    v = malloc(sizeof *v + room);
    if (v)
        v->room = room;
    return v;
}

static struct slice *slice_of(struct kt_crew *c, const void *p, size_t n)
{
    struct slice *v = take_slice(c, n);
    if (!v)
        return NULL;
    pthread_mutex_unlock(&c->lock);
    v->n = n;
    memcpy(v->data, p, n);
    pthread_mutex_lock(&c->lock);
    return v;
}

static void put(struct kt_stream *s, struct slice *v)
{
    struct kt_crew *c = s->crew;
    s->gather |= !s->begun && is_gzip((const unsigned char *)v->data, v->n);
    s->begun = true;
    s->resting = false;
    STAILQ_INSERT_TAIL(&s->in, v, next);
    s->in_bytes += v->n;
    c->ahead += v->n;
    into_order(s);
    if (!s->gather || s->in_bytes > KT_GUNZIP_IN_MAX)
        wake(c);
}

bool kt_crew_feed(struct kt_stream *s, const void *p, size_t n)
{
    struct kt_crew *c = s->crew;
    pthread_mutex_lock(&c->lock);
    while (!c->stopped && c->ahead >= KT_CREW_AHEAD) {
        tell_ready(c, true);
        if (!c->stopped && c->ahead >= KT_CREW_AHEAD)
            pthread_cond_wait(&c->news, &c->lock);
    }
    struct slice *v = n && !c->stopped ? slice_of(c, p, n) : NULL;
    if (v)
        put(s, v);
    bool go_on = !c->stopped && (v || !n);
    pthread_mutex_unlock(&c->lock);
    return go_on;
}

void kt_crew_end(struct kt_stream *s)
{
    struct kt_crew *c = s->crew;
    pthread_mutex_lock(&c->lock);
    s->ended = true;
    into_order(s);
    wake(c);
    pthread_mutex_unlock(&c->lock);
}

void kt_crew_pause(struct kt_stream *s)
{
    struct kt_crew *c = s->crew;
    pthread_mutex_lock(&c->lock);
    s->resting = true;
    wake(c);
    pthread_mutex_unlock(&c->lock);
}

/* --- waiting --------------------------------------------------------------------------- */

bool kt_crew_at_rest(struct kt_stream *s, struct kt_ingest_stats *out)
{
    struct kt_crew *c = s->crew;
    pthread_mutex_lock(&c->lock);
    s->resting = true;
    pthread_cond_signal(&c->work);
    for (tell_ready(c, true); !c->stopped && !is_idle(s); tell_ready(c, true))
        pthread_cond_wait(&c->news, &c->lock);
    s->resting = false;
    bool rests = !c->stopped && kt_ingest_at_rest(s->ingest);
    if (!s->busy)
        *out = kt_ingest_stats(s->ingest);
    pthread_mutex_unlock(&c->lock);
    return rests;
}

static bool anything(const struct kt_crew *c)
{
    const struct kt_stream *s;
    TAILQ_FOREACH(s, &c->order, order)
        if (!is_idle(s))
            return true;
    return false;
}

bool kt_crew_settle(struct kt_crew *c)
{
    pthread_mutex_lock(&c->lock);
    struct kt_stream *s;
    TAILQ_FOREACH(s, &c->order, order)
        s->resting = true;
    pthread_cond_broadcast(&c->work);
    for (tell_ready(c, true); !c->stopped && anything(c); tell_ready(c, true))
        pthread_cond_wait(&c->news, &c->lock);
    bool go_on = !c->stopped;
    pthread_mutex_unlock(&c->lock);
    return go_on;
}

bool kt_crew_busy(struct kt_crew *c)
{
    pthread_mutex_lock(&c->lock);
    bool busy = !c->stopped && anything(c);
    pthread_mutex_unlock(&c->lock);
    return busy;
}

int kt_crew_fd(const struct kt_crew *c)
{
    return c->fd;
}
