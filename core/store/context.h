/* What is known beside the rows, so that a key can be told from its like: who
 * was seen where and with what since when, and what befell whom.
 *
 * Everything is a trace: of a subject (a principal, an address, an account, a
 * group), of one sort, with entries. Three sorts of sorts:
 *
 * least   one entry a value: the least time at which it was seen, and the
 *         event that says so. Of more than KT_TRACE_VALUES those with the
 *         least times are kept.
 * events  one entry an event; the first and last sixteen are kept. Some by the
 *         hour: what is often.
 * spread  one entry a value: its least and greatest time within an hour. Of
 *         more than KT_TRACE_VALUES_HOUR those with the least digests are kept.
 *
 * What is kept depends only on which facts there were, never on their order
 * or on how often each came, as long as no trace had to be dropped for
 * memory: then the one longest without news goes, and is counted. Facts
 * without a time are not learnt. Texts are kept as digests (SHA-256, cut to
 * 128 bits), so that entries can be stored and read again as they are.
 *
 * One thread at a time: the engine's. Only what is below "kept on disk" may be
 * called by one other thread meanwhile: the state's (state.h). */
#ifndef KT_STORE_CONTEXT_H
#define KT_STORE_CONTEXT_H
#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KT_DIGEST = 16, KT_TRACE_VALUES = 256, KT_TRACE_EVENTS = 32, KT_TRACE_VALUES_HOUR = 16 };

enum kt_trace {
    /* least */
    KT_TRACE_SEEN,      /* a principal; no value */
    KT_TRACE_ADDRESS, KT_TRACE_AGENT, KT_TRACE_NETWORK, KT_TRACE_COUNTRY, /* of a principal's calls */
    KT_TRACE_MFA,       /* a principal's sessions with MFA; no value */
    KT_TRACE_FIRST_KEY, /* a principal's creations of keys; no value */
    KT_TRACE_CLASS,     /* an account's creations of keys: the class of the agent */
    /* events */
    KT_TRACE_CREATED,    /* the user was made */
    KT_TRACE_ADMIN,      /* a principal or group was given full rights */
    KT_TRACE_MEMBER,     /* a user came into a group; value: the group */
    KT_TRACE_QUARANTINE,
    KT_TRACE_CREDENTIAL, /* another long-lived credential was made for the user */
    /* events by the hour */
    KT_TRACE_DENIED,     /* a principal or an address: denied attempts to make a key */
    KT_TRACE_QUOTA,      /* a user: attempts to make one key too many */
    /* spread */
    KT_TRACE_TARGETS,    /* a principal: whom it made keys for, or tried to */
    KT_TRACES
};

struct kt_digest {
    uint8_t b[KT_DIGEST];
};
/* Of several texts, told apart from all others of another `tag`. Unknown and
 * empty texts are different. */
struct kt_digest kt_digest_of(char tag, const struct kt_span *part, size_t n);

struct kt_trace_entry {
    struct kt_digest value;
    struct kt_digest mark; /* the event: its eventID's bytes where `uuid`, else a digest */
    bool uuid;
    int64_t first, last;   /* equal, but for a spread */
    uint64_t seq;          /* a row that the event is, in this run; 0 */
};

struct kt_traces;
/* `memory_max` in bytes; NULL: out of memory. */
struct kt_traces *kt_traces_new(uint64_t memory_max);
void kt_traces_free(struct kt_traces *c);

/* KNOWN: nothing is another than before; what only `seq` says does not count.
 * NOT: out of memory, or without a time. */
enum kt_traces_put { KT_TRACES_KNOWN, KT_TRACES_CHANGED, KT_TRACES_NOT };
/* `old` (may be NULL): of a least, what stood in its place; first is
 * KT_TIME_NONE where nothing did. */
enum kt_traces_put kt_traces_put(struct kt_traces *c, const struct kt_digest *subject, enum kt_trace what,
                                   const struct kt_trace_entry *e, struct kt_trace_entry *old);

/* Of a least: the value's entry. NULL: not known; `full` (may be NULL) says
 * that it may be one of those that were not kept. Borrowed until the next put. */
const struct kt_trace_entry *kt_traces_least(const struct kt_traces *c, const struct kt_digest *subject,
                                              enum kt_trace what, const struct kt_digest *value, bool *full);
/* All of a trace whose span of time touches from..to, by time and mark (of a
 * spread and a least: by value). `f` returns whether to go on. */
typedef bool kt_trace_fn(void *ctx, const struct kt_trace_entry *e);
void kt_traces_each(const struct kt_traces *c, const struct kt_digest *subject, enum kt_trace what, int64_t from,
                     int64_t to, kt_trace_fn *f, void *ctx);

/* The whole, for who stores it; kt_traces_put of all of them, in any order,
 * makes the same context. */
typedef bool kt_trace_visit_fn(void *ctx, const struct kt_digest *subject, enum kt_trace what,
                               const struct kt_trace_entry *e);
void kt_traces_visit(const struct kt_traces *c, kt_trace_visit_fn *f, void *ctx);

/* The greatest time of all that was told, KT_TIME_NONE: none. */
void kt_traces_see(struct kt_traces *c, int64_t t);
int64_t kt_traces_newest(const struct kt_traces *c);

/* --- kept on disk ------------------------------------------------------------ */

/* A trace as bytes, the same for the same trace, with a checksum at its end:
 * kt_traces_put of the entries of two images of one trace makes what both
 * knew, in any order. */
enum { KT_TRACE_IMAGE_MAX = 64 << 10 };
struct kt_trace_key {
    struct kt_digest subject;
    enum kt_trace what;
    int64_t hour; /* 0 where it is not by the hour */
};

/* From now on it is noted which traces have changed. False: out of memory. */
bool kt_traces_keep(struct kt_traces *c);
bool kt_traces_changed(struct kt_traces *c);
/* The next one that has, no longer noted: its number; 0: none. Its image is
 * added to `image`. One whose entries stay as they are has changed as well
 * when it was met KT_TRACE_TOUCH_MS of eventTime after it was noted last, so
 * that what is old can be told from what is not used any more. */
#define KT_TRACE_TOUCH_MS (INT64_C(7) * 24 * 3600 * 1000)
uint32_t kt_traces_next(struct kt_traces *c, struct kt_trace_key *key, struct kt_buf *image);
void kt_traces_again(struct kt_traces *c, uint32_t number); /* it could not be kept */
void kt_traces_all(struct kt_traces *c);                    /* all are to be kept anew */
/* Both in one, added to `out`. False: one of them is not whole, or no memory. */
bool kt_trace_join(const struct kt_trace_key *key, struct kt_span x, struct kt_span y, struct kt_buf *out);
/* What was kept comes back; not noted as changed. The engine's thread. */
bool kt_traces_take(struct kt_traces *c, const struct kt_trace_key *key, struct kt_span image);

struct kt_traces_stats {
    size_t traces, entries, memory;
    uint64_t dropped; /* traces, for memory */
};
struct kt_traces_stats kt_traces_stats(const struct kt_traces *c);
#endif
