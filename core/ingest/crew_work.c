/* The workers' side of a crew: streams are taken, read, and what was found is
 * put where the owner tells it from. */
#include "ingest/crew_impl.h"

#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    GATHERED_MAX = KT_GUNZIP_IN_MAX + KT_CREW_AHEAD,
    CHUNK_FULL = 512 << 10, /* bytes of finds that are handed over at once */
    CHUNK_MAX = 512 << 20,  /* a record's text, twice at the most, its nodes, and room */
    UNSAID_MAX = 1 << 20,   /* bytes read without a word */
    FILE_SLICE = 256 << 10, /* one read() */
    FOUND_MAX = 4 * KT_CREW_FOUND
};

/* --- chunks -------------------------------------------------------------------- */

void crew_chunk_free(struct chunk *k)
{
    if (!k)
        return;
    if (!k->arena) /* a stream's own */
        return;
    kt_arena_free(k->arena);
    free(k);
}

void crew_chunk_done(struct kt_crew *c, struct chunk *k)
{
    if (k->arena && kt_arena_used(k->arena) <= 2 * CHUNK_FULL) {
        kt_arena_reset(k->arena);
        pthread_mutex_lock(&c->lock);
        if (c->n_arena < CREW_ARENAS) {
            c->arena[c->n_arena++] = k->arena;
            k->arena = NULL;
        }
        pthread_mutex_unlock(&c->lock);
        if (!k->arena) {
            free(k);
            return;
        }
    }
    crew_chunk_free(k);
}

static struct kt_arena *new_arena(struct kt_crew *c)
{
    pthread_mutex_lock(&c->lock);
    struct kt_arena *a = c->n_arena ? c->arena[--c->n_arena] : NULL;
    pthread_mutex_unlock(&c->lock);
    return a ? a : kt_arena_new(CHUNK_MAX);
}

static struct chunk *filling(struct kt_stream *s)
{
    if (s->filling)
        return s->filling;
    struct chunk *k = calloc(1, sizeof *k);
    if (k && !(k->arena = new_arena(s->crew))) {
        free(k);
        return NULL;
    }
    if (k)
        k->last = &k->first;
    return s->filling = k;
}

/* One word is enough: the owner tells all that is there when it hears it. */
static void ring(int fd)
{
    uint64_t one = 1;
    ssize_t n;
    do
        n = write(fd, &one, sizeof one);
    while (n < 0 && errno == EINTR);
}

/* Must this worker let others at the processor before it finds more? Not the
 * first stream's: it is told meanwhile. Nor where that one waits for a worker. */
static bool must_wait(const struct kt_crew *c, const struct kt_stream *s)
{
    const struct kt_stream *head = TAILQ_FIRST(&c->order);
    return (s->out_bytes >= KT_CREW_FOUND || c->found >= FOUND_MAX) && head != s && !(is_waiting(head) && !head->busy) && !c->closing && !c->stopped;
}

/* Hands over what was found. False where nobody wants more. */
static bool publish(struct kt_stream *s)
{
    struct kt_crew *c = s->crew;
    struct chunk *k = s->filling;
    s->unsaid = 0;
    s->filling = NULL;
    if (s->ingest)
        k->stats = kt_ingest_stats(s->ingest);
    pthread_mutex_lock(&c->lock);
    STAILQ_INSERT_TAIL(&s->out, k, next);
    s->out_bytes += k->arena ? kt_arena_used(k->arena) : 0;
    c->found += k->arena ? kt_arena_used(k->arena) : 0;
    s->finished |= k->over;
    pthread_cond_signal(&c->news);
    while (must_wait(c, s))
        pthread_cond_wait(&c->room, &c->lock);
    bool go_on = !c->closing && !c->stopped;
    pthread_mutex_unlock(&c->lock);
    ring(c->fd);
    s->unwanted |= !go_on;
    return go_on;
}

/* --- what is found --------------------------------------------------------------- */

static struct found *found(struct kt_stream *s, enum found_kind kind)
{
    struct chunk *k = filling(s);
    struct found *f = k ? kt_arena_alloc(k->arena, sizeof *f) : NULL;
    if (!f) {
        s->no_memory = true;
        return NULL;
    }
    f->next = NULL;
    f->kind = kind;
    return f;
}

/* A text that must be kept whole. */
static bool keep(struct kt_stream *s, struct kt_span *text)
{
    struct kt_span copy = kt_arena_span(s->filling->arena, *text);
    s->no_memory |= text->p && !copy.p;
    *text = copy;
    return !s->no_memory;
}

static bool add(struct kt_stream *s, struct found *f)
{
    struct chunk *k = s->filling;
    *k->last = f;
    k->last = &f->next;
    return true;
}

/* Only here is what was found handed on: before, the last of it may still be added to. */
static bool between(void *ctx)
{
    struct kt_stream *s = ctx;
    return !s->filling || kt_arena_used(s->filling->arena) < CHUNK_FULL || publish(s);
}

static bool on_record(void *ctx, const struct kt_record *r)
{
    struct kt_stream *s = ctx;
    struct found *f = found(s, FOUND_RECORD);
    if (!f)
        return false;
    f->record = *r;
    if (!keep(s, &f->record.bytes))
        return false;
    f->record.root = kt_node_copy(r->root, r->bytes, f->record.bytes.p, s->filling->arena);
    if (!f->record.root) {
        s->no_memory = true;
        return false;
    }
    if (s->crew->sink.mean)
        f->record.meant = s->crew->sink.mean(&f->record, s->filling->arena, s->scratch);
    s->filling->record = f;
    return add(s, f);
}

/* The record that was found last. */
static void on_alone(void *ctx, const uint8_t digest[KT_KNOWN_DIGEST])
{
    struct kt_stream *s = ctx;
    uint8_t *copy = s->filling ? kt_arena_alloc(s->filling->arena, KT_KNOWN_DIGEST) : NULL;
    if (!copy || !s->filling->record)
        return; /* then it is parsed again when it comes again */
    memcpy(copy, digest, KT_KNOWN_DIGEST);
    s->filling->record->record.digest = copy;
}

static bool on_again(void *ctx)
{
    struct kt_stream *s = ctx;
    struct found *f = found(s, FOUND_AGAIN);
    return f && add(s, f);
}

static bool on_malformed(void *ctx, const struct kt_malformed *m)
{
    struct kt_stream *s = ctx;
    struct found *f = found(s, FOUND_MALFORMED);
    if (!f)
        return false;
    f->malformed = *m;
    struct kt_span reason = kt_span_of(m->reason);
    if (!keep(s, &f->malformed.bytes) || !keep(s, &reason))
        return false;
    f->malformed.reason = reason.p;
    return add(s, f);
}

static bool on_use(void *ctx, const struct kt_use *u)
{
    struct kt_stream *s = ctx;
    struct found *f = found(s, FOUND_USE);
    if (!f)
        return false;
    f->use = *u;
    struct kt_span *const text[] = {
        &f->use.event_name, &f->use.event_source, &f->use.event_time, &f->use.event_id, &f->use.error_code,
        &f->use.address, &f->use.agent, &f->use.region, &f->use.recipient, &f->use.recipient_old,
        &f->use.type, &f->use.key_id, &f->use.user_name, &f->use.arn, &f->use.account,
    };
    _Static_assert(sizeof(struct kt_use) == sizeof text / sizeof *text * sizeof **text + sizeof u->ordinal,
                   "all of a use is kept");
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        if (!keep(s, text[i]))
            return false;
    return add(s, f);
}

struct kt_ingest *crew_ingest_new(struct kt_stream *s)
{
    const struct kt_record_sink sink = {on_record, on_malformed, s, s->crew->sink.use ? on_use : NULL, between};
    struct kt_ingest *g = kt_ingest_new(s->names->name, s->names->n, &sink);
    if (g && s->crew->sink.exact)
        kt_ingest_exactly(g);
    if (g && s->crew->known)
        kt_ingest_remember(g, &(struct kt_ingest_memory){s->crew->known, on_again, on_alone});
    return g;
}

/* What a worker has for itself. */
struct bench {
    struct kt_gunzip *gunzip; /* NULL: all is streamed */
    struct kt_buf packed, scratch;
    struct kt_ingest *ingest; /* for files, with these names */
    struct names *names;
    char *in; /* of a file: FILE_SLICE bytes, or a whole gzip file */
    size_t in_cap;
};

/* --- reading --------------------------------------------------------------------- */

/* Gathered bytes in one piece; they are the slice's own where there is one. */
static const char *whole(struct bench *b, const struct slices *in, size_t total)
{
    const struct slice *one = STAILQ_FIRST(in);
    if (one->n == total)
        return one->data;
    kt_buf_reset(&b->packed);
    for (const struct slice *v = one; v; v = STAILQ_NEXT(v, next))
        (void)kt_buf_add(&b->packed, v->data, v->n);
    return b->packed.failed ? NULL : b->packed.p;
}

static bool read_gathered(struct kt_stream *s, struct bench *b, const struct slices *in, size_t total)
{
    const char *p = b->gunzip ? whole(b, in, total) : NULL;
    if (p)
        (void)kt_ingest_whole(s->ingest, b->gunzip, p, total); /* its end says how it went */
    return p != NULL;
}

static void read_slices(struct kt_stream *s, const struct slices *in)
{
    const struct slice *v;
    STAILQ_FOREACH(v, in, next) {
        (void)kt_ingest_feed(s->ingest, v->data, v->n);
        s->unsaid += v->n;
        if (s->unsaid >= UNSAID_MAX && filling(s) && !publish(s))
            return;
    }
}

/* --- files ------------------------------------------------------------------------ */

static bool is_gzip(const char *p)
{
    return (unsigned char)p[0] == 0x1f && (unsigned char)p[1] == 0x8b;
}

/* As many bytes as there are, `most` at the most; -1 where they cannot be read.
 * At the size that the file had it is over, without asking once more. */
static ssize_t read_some(struct kt_stream *s, int fd, char *to, size_t most)
{
    size_t n = 0;
    while (n < most && (s->at < s->size || !s->size)) {
        size_t want = most - n;
        if (s->size && want > s->size - s->at)
            want = (size_t)(s->size - s->at);
        ssize_t got = pread(fd, to + n, want, (off_t)s->at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        n += (size_t)got;
        s->at += (size_t)got;
    }
    return (ssize_t)n;
}

/* Says that something was read. False where nobody wants more. */
static bool said(struct kt_stream *s, size_t n)
{
    s->unsaid += n;
    return s->unsaid < UNSAID_MAX || !filling(s) || publish(s);
}

/* Of text that is not compressed, right into the window, up to `end`. */
static ssize_t read_plain(struct kt_stream *s, int fd, uint64_t end)
{
    while (!end || s->at < end) {
        size_t room = 0;
        char *to = kt_ingest_space(s->ingest, &room);
        if (!to)
            return 0; /* its end says why */
        if (end && room > end - s->at)
            room = (size_t)(end - s->at);
        ssize_t n = read_some(s, fd, to, room);
        if (n <= 0)
            return n;
        if (!kt_ingest_filled(s->ingest, (size_t)n) || !said(s, (size_t)n) || (size_t)n < room)
            return 0;
    }
    return 0;
}

/* Where the first line behind `from` begins with a bracket; the file's size where
 * there is none. */
static uint64_t next_line(const struct kt_stream *s, struct bench *b, uint64_t from)
{
    for (uint64_t at = from; at < s->size;) {
        ssize_t n = pread(s->whole->fd, b->in, FILE_SLICE, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 1)
            break;
        const char *hit = memmem(b->in, (size_t)n, "\n{", 2);
        if (hit)
            return at + (uint64_t)(hit - b->in) + 1;
        at += (uint64_t)n - 1;
    }
    return s->size;
}

/* What is behind the part must be read with it. */
static void break_off(struct kt_stream *s)
{
    pthread_mutex_lock(&s->crew->lock);
    if (!s->whole->broken || s->whole->broken_from > s->to)
        s->whole->broken_from = s->to;
    s->whole->broken = true;
    s->to = s->size;
    pthread_mutex_unlock(&s->crew->lock);
}

static ssize_t read_part(struct kt_stream *s, struct bench *b)
{
    uint64_t end = s->to < s->size ? next_line(s, b, s->to) : s->size;
    ssize_t r = s->at < end ? read_plain(s, s->whole->fd, end) : 0;
    if (r < 0 || s->at < end || s->to >= s->size || kt_ingest_is_fresh(s->ingest))
        return r;
    break_off(s);
    return read_plain(s, s->whole->fd, s->size);
}

/* The rest of a large file of lines becomes parts for other workers. */
static bool part_out(struct kt_stream *s, int fd)
{
    struct kt_crew *c = s->crew;
    struct whole *w;
    if (s->size < 2 * (uint64_t)c->part || !kt_ingest_has_lines(s->ingest) || !(w = calloc(1, sizeof *w)))
        return false;
    w->fd = fd;
    w->refs = 1;
    w->habit = *kt_ingest_habit(s->ingest);
    pthread_mutex_lock(&c->lock);
    struct kt_stream *last = s;
    s->whole = w;
    s->to = s->size;
    for (uint64_t from = c->part; from < s->size && s->size - from > c->part / 2; from += c->part) {
        struct kt_stream *p = crew_stream_new(c);
        if (!p)
            break; /* the one before goes on to the end */
        p->owner = s->owner;
        p->file = p->begun = p->ended = p->todo = p->in_order = true;
        p->whole = w;
        p->size = p->to = s->size;
        p->from = last->to = from;
        w->refs++;
        TAILQ_INSERT_AFTER(&c->order, last, p, order);
        last = p;
    }
    pthread_cond_broadcast(&c->work);
    pthread_mutex_unlock(&c->lock);
    return true;
}

static ssize_t read_stream(struct kt_stream *s, struct bench *b, int fd, size_t n)
{
    while (n) {
        if (!kt_ingest_feed(s->ingest, b->in, n) || !said(s, n))
            return 0;
        if (kt_ingest_is_plain(s->ingest))
            return part_out(s, fd) ? read_part(s, b) : read_plain(s, fd, 0);
        ssize_t got = read_some(s, fd, b->in, FILE_SLICE);
        if (got < 0)
            return got;
        n = (size_t)got;
    }
    return 0;
}

/* Up to its end; a gzip file that is not too large in one piece. */
static ssize_t read_all(struct kt_stream *s, struct bench *b, int fd)
{
    if (!kt_grow(&b->in, &b->in_cap, FILE_SLICE, 1, KT_GUNZIP_IN_MAX))
        return errno = ENOMEM, -1;
    ssize_t n = read_some(s, fd, b->in, FILE_SLICE);
    bool whole = n >= 2 && is_gzip(b->in) && b->gunzip && s->size && s->size <= KT_GUNZIP_IN_MAX &&
                 kt_grow(&b->in, &b->in_cap, (size_t)s->size, 1, KT_GUNZIP_IN_MAX);
    if (!whole)
        return n <= 0 ? n : read_stream(s, b, fd, (size_t)n);
    ssize_t more = read_some(s, fd, b->in + n, (size_t)s->size);
    (void)kt_ingest_whole(s->ingest, b->gunzip, b->in, (size_t)(more < 0 ? n : n + more));
    return more;
}

static bool take_ingest(struct kt_stream *s, struct bench *b)
{
    if (b->ingest && b->names == s->names) {
        kt_ingest_reset(b->ingest);
        kt_ingest_tell(b->ingest, s);
    } else {
        kt_ingest_free(b->ingest);
        b->ingest = crew_ingest_new(s);
        pthread_mutex_lock(&s->crew->lock);
        crew_names_let_go(b->names);
        b->names = s->names;
        b->names->refs++;
        pthread_mutex_unlock(&s->crew->lock);
    }
    s->ingest = b->ingest;
    return s->ingest != NULL;
}

static void finish(struct kt_stream *s, const char *unread);

static void read_file(struct kt_stream *s, struct bench *b, int fd)
{
    char unread[128] = "";
    if (!take_ingest(s, b)) {
        s->no_memory = true;
        if (fd >= 0)
            (void)close(fd);
        finish(s, "memory ran out");
        return;
    }
    ssize_t read = 0;
    if (is_part(s)) {
        s->at = kt_grow(&b->in, &b->in_cap, FILE_SLICE, 1, KT_GUNZIP_IN_MAX) ? next_line(s, b, s->from) : s->size;
        kt_ingest_continue_lines(s->ingest, s->at, &s->whole->habit);
        read = b->in ? read_part(s, b) : (errno = ENOMEM, -1);
    } else {
        read = read_all(s, b, fd);
    }
    if (read < 0)
        (void)snprintf(unread, sizeof unread, "cannot be read%s: %s", s->at ? " further" : "", strerror(errno));
    else if (s->at < s->size && !s->unwanted && !(s->whole && s->to < s->size))
        (void)snprintf(unread, sizeof unread, "became shorter while it was read, at byte %llu of %llu",
                       (unsigned long long)s->at, (unsigned long long)s->size);
    if (!s->whole)
        (void)close(fd);
    finish(s, unread[0] ? unread : NULL);
    s->ingest = NULL;
}

/* --- the end ------------------------------------------------------------------------ */

static void finish(struct kt_stream *s, const char *unread)
{
    struct kt_err why = {KT_OK, ""};
    enum kt_ingest_end end = s->ingest ? kt_ingest_finish(s->ingest, &why) : KT_END_STOPPED;
    if (unread) {
        (void)kt_fail(&why, KT_EIO, "%s", unread);
        end = s->no_memory ? KT_END_STOPPED : KT_END_TRUNCATED;
    }
    struct chunk *k = filling(s);
    if (!k)
        k = s->filling = &s->last;
    k->over = true;
    k->end = end;
    k->why = why;
    if (s->no_memory)
        (void)kt_fail(&k->why, KT_ENOMEM, "memory ran out");
    (void)publish(s);
}

/* --- the worker -------------------------------------------------------------------- */

static bool is_ready(const struct kt_crew *c, const struct kt_stream *s)
{
    bool gathers = s->gather && !s->ended && !s->resting && s->in_bytes <= KT_GUNZIP_IN_MAX;
    return !s->busy && is_waiting(s) && !gathers && (s->out_bytes < KT_CREW_FOUND || s == TAILQ_FIRST(&c->order));
}

static struct kt_stream *next_job(const struct kt_crew *c)
{
    struct kt_stream *s;
    TAILQ_FOREACH(s, &c->order, order)
        if (is_ready(c, s))
            return s;
    return NULL;
}

/* One turn: all that waits, with the lock given back meanwhile. */
static void one_turn(struct kt_crew *c, struct kt_stream *s, struct bench *b)
{
    struct slices in = STAILQ_HEAD_INITIALIZER(in);
    int fd = s->fd;
    STAILQ_CONCAT(&in, &s->in);
    size_t total = s->in_bytes;
    bool over = s->ended, gathered = s->gather && total <= GATHERED_MAX;
    s->in_bytes = 0;
    s->gather = false;
    s->busy = true;
    s->scratch = &b->scratch;
    s->fd = -1;
    s->todo = false;
    if (fd >= 0) {
        c->files--;
        pthread_cond_signal(&c->news);
    }
    bool dropped = is_void(s);
    pthread_mutex_unlock(&c->lock);

    if (dropped)
        finish(s, NULL);
    else if (s->file)
        read_file(s, b, fd);
    else if (!gathered || !read_gathered(s, b, &in, total))
        read_slices(s, &in);
    if (s->file)
        ;
    else if (over)
        finish(s, NULL);
    else if (filling(s))
        (void)publish(s);

    pthread_mutex_lock(&c->lock);
    crew_empty(c, &in);
    c->ahead -= total;
    s->busy = false;
    pthread_cond_signal(&c->news);
    pthread_cond_broadcast(&c->room);
}

void *crew_work(void *crew)
{
    struct kt_crew *c = crew;
    struct bench b = {.gunzip = kt_gunzip_new()};
    kt_buf_init(&b.packed, GATHERED_MAX);
    kt_buf_init(&b.scratch, 6 * (size_t)KT_RECORD_MAX);
    pthread_mutex_lock(&c->lock);
    while (!c->closing) {
        struct kt_stream *s = c->stopped ? NULL : next_job(c);
        if (s)
            one_turn(c, s, &b);
        else
            pthread_cond_wait(&c->work, &c->lock);
    }
    crew_names_let_go(b.names);
    pthread_mutex_unlock(&c->lock);
    kt_ingest_free(b.ingest);
    kt_gunzip_free(b.gunzip);
    kt_buf_free(&b.packed);
    kt_buf_free(&b.scratch);
    free(b.in);
    return NULL;
}
