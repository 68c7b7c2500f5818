/* Streams of bytes to records, read by other threads and told in order.
 *
 * A stream is opened, fed and ended by one thread, the crew's owner; workers
 * decompress, split, parse and walk it (ingest.h), each stream by one worker
 * at a time. What they find is told on the owner's thread, stream after
 * stream in the order in which they were opened, each in its own order:
 * nothing else can be told from reading on one thread. Only where the owner
 * would have to wait for a stream that is still open and has nothing more to
 * give, the next one is told before it.
 *
 * What is read ahead is bounded: KT_CREW_AHEAD bytes that wait to be read,
 * KT_CREW_FOUND bytes of a stream's finds that wait to be told. Beyond that
 * kt_crew_feed waits, and tells meanwhile. */
#ifndef KT_INGEST_CREW_H
#define KT_INGEST_CREW_H
#include "ingest/ingest.h"

enum { KT_CREW_AHEAD = 8 << 20, KT_CREW_FILES = 32, KT_CREW_FOUND = 4 << 20, KT_CREW_WORKERS_MAX = 8 };

/* `owner` is what the stream was opened with. As in ingest.h: all is borrowed
 * for the call; false stops the crew for good. */
struct kt_crew_sink {
    bool (*record)(void *owner, const struct kt_record *r);
    bool (*malformed)(void *owner, const struct kt_malformed *m);
    bool (*use)(void *owner, const struct kt_use *u); /* NULL: uses are not looked for */
    bool exact; /* as kt_ingest_exactly */
    /* So much of it was read and told; may be NULL. */
    void (*progress)(void *owner, const struct kt_ingest_stats *s);
    /* The stream is over, and gone. */
    void (*ended)(void *owner, enum kt_ingest_end end, const struct kt_err *why, const struct kt_ingest_stats *s);
    /* On a worker's thread, several at once, before the record is told: what it means, in `a`,
     * which lives until it was told; `scratch` is there for the call. It looks at the record
     * alone. NULL where memory ran out. May be NULL. */
    const void *(*mean)(const struct kt_record *r, struct kt_arena *a, struct kt_buf *scratch);
};

struct kt_crew;
struct kt_stream;
/* `names` as in kt_ingest_new, but copied. `workers` 0: one for each processor. Threads
 * are started with the first stream. NULL where memory ran out. */
struct kt_crew *kt_crew_new(const char *const *names, size_t n_names, const struct kt_crew_sink *sink, size_t workers);
/* What is told as known by its bytes (known.h) comes through `again` from now on, for streams
 * opened later; `known` is borrowed. A record that comes has the digest that it may be added by. */
void kt_crew_remember(struct kt_crew *c, struct kt_known *known, bool (*again)(void *owner));
/* Other names, for streams opened from now on. False: memory ran out, and
 * those before stay. */
bool kt_crew_set_names(struct kt_crew *c, const char *const *names, size_t n_names);
/* Streams that are not over are dropped without a word. */
void kt_crew_free(struct kt_crew *c);

/* A stream that continues one of `records` and `bytes`; NULL where memory or
 * threads ran out. */
struct kt_stream *kt_crew_open(struct kt_crew *c, void *owner, uint64_t records, uint64_t bytes);
/* Copies the bytes. False once the crew was stopped, or memory ran out. */
bool kt_crew_feed(struct kt_stream *s, const void *p, size_t n);
/* The stream will be told as ended in its turn; it is not to be used again. */
void kt_crew_end(struct kt_stream *s);
/* A stream of all that `fd`, a regular file of some `size` bytes, holds: workers
 * read it, and close it. It needs no feeding and no end. Where it cannot be read,
 * its end is KT_END_TRUNCATED with the reason. Waits, and tells meanwhile, while
 * KT_CREW_FILES of them are not yet begun. False where memory or threads ran out,
 * or the crew was stopped: `fd` is then still the caller's. */
bool kt_crew_read(struct kt_crew *c, void *owner, int fd, uint64_t size);
/* How large the parts are that several workers read a large file of lines in:
 * KT_CREW_PART at first, KT_CREW_PART_LEAST at least. Before the first stream. */
enum { KT_CREW_PART = 8 << 20, KT_CREW_PART_LEAST = 512 << 10 };
void kt_crew_set_part(struct kt_crew *c, size_t bytes);
/* Nothing more for now: what was fed is read without waiting for more. */
void kt_crew_pause(struct kt_stream *s);
/* Waits until all that was fed is read and told; then as kt_ingest_at_rest.
 * `out` gets what the stream came to. */
bool kt_crew_at_rest(struct kt_stream *s, struct kt_ingest_stats *out);

/* Tells what is ready. False once the crew was stopped. */
bool kt_crew_tell(struct kt_crew *c);
/* Tells all that was fed so far, waiting for it. */
bool kt_crew_settle(struct kt_crew *c);
/* Is there anything that was fed, or ended, and not yet told? */
bool kt_crew_busy(struct kt_crew *c);
/* An eventfd, readable when there is something to tell; kt_crew_tell empties it. */
int kt_crew_fd(const struct kt_crew *c);
#endif
