/* The inside of context.h: for core/store/context*.c alone. */
#ifndef KT_STORE_CONTEXT_IMPL_H
#define KT_STORE_CONTEXT_IMPL_H
#include "base/clock.h"
#include "store/context.h"
#include "store/mem.h"

#include <pthread.h>

enum { TRACE_PAGE = 256, TRACES_MAX = 1 << 22, DROPS_A_PUT = 4 };
#define HOUR_MS INT64_C(3600000)

struct trace {
    struct kt_digest subject;
    int64_t hour; /* 0 where it is not by the hour */
    int64_t news, told; /* the greatest time it was met at; of when it was noted last */
    uint8_t what;
    bool dirty;         /* its number is in `note` */
    uint32_t n, cap;
    uint32_t newer, older; /* by last news; `older` of a free one: the next free one */
    struct kt_trace_entry *e; /* least, spread: by value; events: by time and mark */
};

/* `lock` is for who keeps it on disk: the engine's thread, which alone changes
 * anything, reads without. */
struct kt_traces {
    struct mem mem;
    uint64_t max;
    struct trace **page;
    size_t n_pages, pages_cap;
    uint32_t top, free;
    uint32_t newest_trace, oldest_trace;
    uint32_t *slot;
    size_t cap;
    size_t n, entries;
    uint64_t dropped;
    _Atomic int64_t newest;

    pthread_mutex_t lock;
    bool keep;
    uint32_t *note; /* numbers that are to be kept, room for all of them */
    size_t n_note;
};

static inline struct trace *trace_at(const struct kt_traces *c, uint32_t i)
{
    return &c->page[(i - 1) / TRACE_PAGE][(i - 1) % TRACE_PAGE];
}

/* Under the lock; `number` gets the trace's. */
enum kt_traces_put traces_put(struct kt_traces *c, const struct kt_digest *subject, enum kt_trace what,
                              const struct kt_trace_entry *e, struct kt_trace_entry *was, uint32_t *number);

/* context_kept.c, under the lock. */
bool traces_note_room(struct kt_traces *c, size_t pages);
void traces_note(struct kt_traces *c, uint32_t i);
#endif
