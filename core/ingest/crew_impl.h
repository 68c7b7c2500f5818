/* The crew's inside: for crew.c (the owner's side) and crew_work.c alone. */
#ifndef KT_INGEST_CREW_IMPL_H
#define KT_INGEST_CREW_IMPL_H
#include "base/arena.h"
#include "ingest/crew.h"
#include "ingest/gunzip.h"
#include "ingest/start.h"

#include <pthread.h>
#include <sys/queue.h>

enum { SLICE_ROOM = 256 << 10, SLICES_EMPTY_MAX = KT_CREW_AHEAD / SLICE_ROOM };

enum found_kind { FOUND_RECORD, FOUND_MALFORMED, FOUND_USE, FOUND_AGAIN };
struct found {
    struct found *next;
    enum found_kind kind;
    union {
        struct kt_record record; /* its tree is held */
        struct kt_malformed malformed;
        struct kt_use use;
    };
};

/* What a worker found since the last one; all texts in `arena`. */
struct chunk {
    STAILQ_ENTRY(chunk) next;
    struct kt_arena *arena;
    struct found *first, **last;
    struct found *record; /* the last one */
    struct kt_ingest_stats stats; /* of the stream, so far */
    bool over;
    enum kt_ingest_end end;
    struct kt_err why;
};
STAILQ_HEAD(chunks, chunk);

struct slice { /* bytes that wait to be read */
    STAILQ_ENTRY(slice) next;
    size_t n, room;
    char data[];
};
STAILQ_HEAD(slices, slice);

struct names { /* the owner's; who has it counts */
    size_t refs, n;
    const char **name;
};

/* A large file of lines, read in parts by several workers. Each part is a stream of
 * its own; they are told one after the other as the one that they are. A part ends
 * where the next one begins: at the first line behind a place. That holds only where
 * nothing is held at that place; else the part goes on to the file's end, and those
 * behind it are void. */
struct whole {
    int fd;
    size_t refs;                   /* parts */
    bool broken;
    uint64_t broken_from;          /* parts from there on are void */
    struct kt_starts habit;        /* of the first part, for the others */
    struct kt_ingest_stats before; /* the owner's: of the parts that were told */
};

struct kt_stream {
    TAILQ_ENTRY(kt_stream) all, order;
    struct kt_crew *crew;
    void *owner;
    struct kt_ingest *ingest;
    struct names *names;
    int fd;         /* a file that waits to be read by a worker; -1 */
    uint64_t size;  /* of it, as it was looked at */
    uint64_t at;    /* read so far */
    bool file;      /* it is one: its `ingest` is the worker's, while it is read */
    struct whole *whole; /* a part of it, from `from` to `to` */
    uint64_t from, to;
    bool todo;      /* a part that waits to be read */
    bool in_order;
    struct slices in;
    size_t in_bytes;
    struct chunks out;
    size_t out_bytes;
    bool begun;    /* something was fed */
    bool gather;   /* gzip: waits for its whole */
    bool resting;  /* the owner waits for it: nothing is gathered any more */
    bool ended;    /* by the owner */
    bool busy;     /* with a worker */
    bool finished; /* its last chunk is in `out` */

    /* the worker's */
    struct kt_buf *scratch; /* whose turn it is */
    struct chunk *filling;
    struct chunk last; /* for its end, where memory ran out; it has no arena */
    bool no_memory;
    bool unwanted;     /* nobody wants more */
    size_t unsaid; /* bytes read since the last chunk */
};
TAILQ_HEAD(streams, kt_stream);

enum { CREW_ARENAS = 8 };
struct kt_crew {
    struct kt_crew_sink sink;
    struct kt_known *known; /* NULL: none */
    bool (*again)(void *owner);
    struct names *names;
    size_t workers, started, part;
    pthread_t thread[KT_CREW_WORKERS_MAX];
    int fd;

    pthread_mutex_t lock;
    pthread_cond_t work, news, room; /* for workers; for the owner; for workers whose finds are too many */
    struct streams order;            /* what was fed and not wholly told */
    struct slices empty;             /* used again: fresh memory costs more than what is copied into it */
    size_t n_empty;
    struct kt_arena *arena[CREW_ARENAS]; /* the same, of chunks */
    size_t n_arena;
    size_t ahead;                    /* bytes in all `in`, and those being read */
    size_t files;                    /* that wait to be read */
    size_t found;                    /* bytes in all `out` */
    bool stopped;                    /* the sink had enough */
    bool closing;

    /* the owner's */
    struct streams all;
    struct kt_stream **spare; /* with their memory, for the next ones */
    size_t n_spare, cap_spare;
};

/* Has it anything left to be read? Under the lock. */
static inline bool is_waiting(const struct kt_stream *s)
{
    return !STAILQ_EMPTY(&s->in) || s->fd >= 0 || s->todo || (s->ended && !s->finished);
}
static inline bool is_part(const struct kt_stream *s) /* not the first */
{
    return s->whole && s->from;
}
static inline bool is_void(const struct kt_stream *s)
{
    return is_part(s) && s->whole->broken && s->from >= s->whole->broken_from;
}
/* Nothing of it is anywhere. Under the lock. */
static inline bool is_idle(const struct kt_stream *s)
{
    return !s->busy && !is_waiting(s) && STAILQ_EMPTY(&s->out);
}

/* crew.c. Under the lock. */
void crew_empty(struct kt_crew *c, struct slices *in);
struct kt_stream *crew_stream_new(struct kt_crew *c);

/* crew_work.c */
void *crew_work(void *crew);
/* Whose finds go to the stream. NULL where memory ran out. */
struct kt_ingest *crew_ingest_new(struct kt_stream *s);
void crew_names_let_go(struct names *m);
void crew_chunk_free(struct chunk *k);
/* What it had is taken for another one, where it is not much. Without the lock. */
void crew_chunk_done(struct kt_crew *c, struct chunk *k);
#endif
