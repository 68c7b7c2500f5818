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
    CHUNK_MAX = 64 << 20,   /* a record's text, kept twice at the most, and room */
    UNSAID_MAX = 1 << 20,   /* bytes read without a word */
    FILE_SLICE = 256 << 10  /* one read() */
};

/* --- chunks -------------------------------------------------------------------- */

void crew_chunk_free(struct chunk *k)
{
    if (!k)
        return;
    for (struct found *f = k->first; f; f = f->next)
        if (f->kind == FOUND_RECORD)
            json_decref(f->record.json);
    if (!k->arena) /* a stream's own */
        return;
    kt_arena_free(k->arena);
    free(k);
}

static struct chunk *filling(struct kt_stream *s)
{
    if (s->filling)
        return s->filling;
    struct chunk *k = calloc(1, sizeof *k);
    if (k && !(k->arena = kt_arena_new(CHUNK_MAX))) {
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
    return s->out_bytes >= KT_CREW_FOUND && head != s && !(is_waiting(head) && !head->busy) && !c->closing && !c->stopped;
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

/* Only here can a tree change hands: before, the stream has it as well. */
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
    json_incref(r->json);
    return add(s, f);
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
    return g;
}

/* What a worker has for itself. */
struct bench {
    struct kt_gunzip *gunzip; /* NULL: all is streamed */
    struct kt_buf packed;
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
        ssize_t got = read(fd, to + n, want);
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

/* Of text that is not compressed, right into the window. */
static ssize_t read_plain(struct kt_stream *s, int fd)
{
    for (;;) {
        size_t room = 0;
        char *to = kt_ingest_space(s->ingest, &room);
        if (!to)
            return 0; /* its end says why */
        ssize_t n = read_some(s, fd, to, room);
        if (n <= 0)
            return n;
        if (!kt_ingest_filled(s->ingest, (size_t)n) || !said(s, (size_t)n) || (size_t)n < room)
            return 0;
    }
}

static ssize_t read_stream(struct kt_stream *s, struct bench *b, int fd, size_t n)
{
    while (n) {
        if (!kt_ingest_feed(s->ingest, b->in, n) || !said(s, n))
            return 0;
        if (kt_ingest_is_plain(s->ingest))
            return read_plain(s, fd);
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
        (void)close(fd);
        finish(s, "memory ran out");
        return;
    }
    if (read_all(s, b, fd) < 0)
        (void)snprintf(unread, sizeof unread, "cannot be read%s: %s", s->at ? " further" : "", strerror(errno));
    else if (s->at < s->size && !s->unwanted)
        (void)snprintf(unread, sizeof unread, "became shorter while it was read, at byte %llu of %llu",
                       (unsigned long long)s->at, (unsigned long long)s->size);
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
    s->fd = -1;
    if (s->file) {
        c->files--;
        pthread_cond_signal(&c->news);
    }
    pthread_mutex_unlock(&c->lock);

    if (s->file)
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
    free(b.in);
    return NULL;
}
