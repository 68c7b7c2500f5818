/* Bytes to records. One stream per file, object or message body.
 *
 * Bytes go in as they come, in any chunking; the stream tells gzip (several
 * members) and zstd by their magic, skips a BOM, finds the envelope, splits
 * out records without parsing them, and reads (base/tree.h) only those that can
 * matter, each alone, so that one bad record never hides its neighbours.
 *
 * Envelopes (all told by shape, not by name): {"Records":[...]}, arrays, single
 * records, JSON lines, LookupEvents output (Events[].CloudTrailEvent),
 * EventBridge (detail), CloudWatch Logs (events[].message,
 * logEvents[].message, rows of Logs Insights), Splunk export (result._raw,
 * results[]._raw), Elastic (event.original, nested or dotted, also under
 * _source, fields and hits.hits[]), SNS and SQS bodies, and `message` as a JSON
 * string; strings in strings up to four deep. A record is an object with
 * `eventName`; other objects (metadata, tokens) are no damage.
 *
 * "Can matter" is exact: an ASCII letter in a JSON string is spelled
 * literally or as \u00XX, so a record may hold the event name only if its
 * bytes hold the name or a \u00[4-7] escape (in an envelope of strings, with
 * one level of escaping more).
 *
 * A record that does not parse is repaired where that is honest (lone
 * surrogates, bytes that are not UTF-8: replaced by U+FFFD, flagged), and
 * otherwise reported as malformed with its place, size and digest. So is every
 * stretch whose structure shows that it is none, whatever it may have held:
 * each damaged record by itself (after a hundred in a row they are told as
 * one), and mere noise together with the damage that it follows. */
#ifndef KT_INGEST_INGEST_H
#define KT_INGEST_INGEST_H
#include "base/err.h"
#include "base/span.h"
#include "base/tree.h"
#include "ingest/known.h"
#include "ingest/walk.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    KT_RECORD_MAX = 8 << 20, /* bytes of one record (CloudTrail's own limit is 256 KB) */
};

enum { /* kt_record.flags */
    KT_RECORD_REPAIRED = 1 << 0,
    KT_RECORD_DUPLICATE_KEYS = 1 << 1 /* a JSON key twice in one object: the last one counts */
};

struct kt_record {
    struct kt_span bytes; /* the record's own JSON text, out of its envelope; repaired where flagged so */
    struct kt_node *root; /* borrowed; an object. Who is told may take secrets out of it */
    uint64_t ordinal;     /* from 1, counting every record of the stream */
    uint64_t offset;      /* of its candidate in the decompressed stream */
    uint32_t flags;
    const uint8_t *digest; /* KT_KNOWN_DIGEST bytes: of what it was all of, in its envelope; a crew's alone, or NULL */
    const void *meant;     /* what a crew's sink made of it (kt_crew_sink.mean), or NULL */
};

struct kt_malformed {
    struct kt_span bytes; /* its first KT_MALFORMED_KEPT bytes at the most */
    uint64_t size;        /* how many bytes it has in all */
    uint64_t ordinal, offset;
    const char *reason;   /* a sentence's part, ours: "unterminated string" */
    uint8_t sha256[32];   /* of the whole */
    bool names_event;     /* its bytes hold an event name of interest */
};
enum { KT_MALFORMED_KEPT = 64 << 10 };

/* Who receives. All calls borrow their argument; false stops the stream. */
struct kt_record_sink {
    bool (*record)(void *ctx, const struct kt_record *r);
    bool (*malformed)(void *ctx, const struct kt_malformed *m);
    void *ctx;
    /* A record of none of the names, of a call made with a long-lived access
     * key, read by the walk of walk.h. Records that hold "AKIA" and that the
     * walk is not sure of come through `record`, whatever their name. NULL:
     * nothing of this is looked for, at no cost. */
    bool (*use)(void *ctx, const struct kt_use *u);
    /* Now and then, between records: whatever was handed on, the stream holds
     * no reference to it any more. May be NULL. */
    bool (*between)(void *ctx);
};

struct kt_ingest_stats {
    uint64_t bytes_in;  /* as they came */
    uint64_t bytes;     /* decompressed */
    uint64_t records;   /* seen, of interest or not; malformed ones are among them */
    uint64_t picked;    /* parsed and handed on */
    uint64_t again;   /* known by their bytes, and not parsed */
    uint64_t walked;    /* handed on as uses, without being parsed */
    uint64_t unsure;    /* hold "AKIA", were walked in vain, and parsed for it */
    uint64_t malformed;
};

enum kt_ingest_end {
    KT_END_WHOLE,     /* the input ended where a record or document ends */
    KT_END_TRUNCATED, /* cut: inside a compressed member, or inside a record */
    KT_END_CORRUPT,   /* compressed data damaged; what came before it was delivered */
    KT_END_STOPPED    /* the sink said so, or memory ran out */
};

struct kt_ingest;
/* `names` are the event names of interest, borrowed for the stream's life. */
struct kt_ingest *kt_ingest_new(const char *const *names, size_t n_names, const struct kt_record_sink *sink);
void kt_ingest_free(struct kt_ingest *g);
/* From now on a record is handed on only if its eventName is one of the names;
 * before, also if another of its texts holds one. What the walk of walk.h is not
 * sure of is handed on all the same. */
void kt_ingest_exactly(struct kt_ingest *g);
/* Back to the state of a new stream, memory kept: for the next file. */
void kt_ingest_reset(struct kt_ingest *g);
/* False once the stream is stopped or corrupt; kt_ingest_finish says which. */
bool kt_ingest_feed(struct kt_ingest *g, const void *p, size_t n);
/* As kt_ingest_feed, of the whole input at once: gzip is then read faster (gunzip.h). */
struct kt_gunzip;
bool kt_ingest_whole(struct kt_ingest *g, struct kt_gunzip *z, const void *p, size_t n);
/* Sweeps go this way, which the machine must be able to: for tests and the bench. */
void kt_ingest_sweep_by(struct kt_ingest *g, int way); /* an enum kt_sweep_way */
/* Is what was fed plain text of which top-level values stand on lines of their own,
 * and is it known how they begin? Then other streams may read on from the beginning
 * of a line, with this one's habit, as it would itself from there if it were fresh:
 * between values, nothing held, no damage before it. */
struct kt_starts;
bool kt_ingest_has_lines(const struct kt_ingest *g);
const struct kt_starts *kt_ingest_habit(const struct kt_ingest *g);
bool kt_ingest_is_fresh(const struct kt_ingest *g);
void kt_ingest_continue_lines(struct kt_ingest *g, uint64_t bytes, const struct kt_starts *habit);
/* What comes next is told of with this `ctx`. */
void kt_ingest_tell(struct kt_ingest *g, void *ctx);
/* Is the text not compressed? Not known before four bytes were fed. Then more of
 * it may be put where kt_ingest_space says, which needs no copy; NULL where
 * memory ran out or the stream is stopped. */
bool kt_ingest_is_plain(const struct kt_ingest *g);
char *kt_ingest_space(struct kt_ingest *g, size_t *n);
bool kt_ingest_filled(struct kt_ingest *g, size_t n);
/* The input has ended. `why` gets a sentence for all but KT_END_WHOLE, with
 * the offset ("gzip member 2 cut at byte 512; 17 records before it were
 * read"). A partial last JSON line without its newline is whole if it parses;
 * a last line that is complete but for a bracket or quote is malformed. */
enum kt_ingest_end kt_ingest_finish(struct kt_ingest *g, struct kt_err *why);
/* True between records: nothing partial is held, so that a followed file may
 * be let go of and continued later by a new stream. */
bool kt_ingest_at_rest(const struct kt_ingest *g);
/* Continue counting after `records` and `bytes` of an earlier stream. */
void kt_ingest_continue(struct kt_ingest *g, uint64_t records, uint64_t bytes);
/* What was read before is not read again: candidates, and records in strings, whose bytes `known`
 * has come through `again`, one record each; false stops. `alone` is told, after `record`, the digest of what held
 * that record and nothing else: whoever has made something of it may add it. Borrowed. */
struct kt_ingest_memory {
    struct kt_known *known;
    bool (*again)(void *ctx);
    void (*alone)(void *ctx, const uint8_t digest[KT_KNOWN_DIGEST]);
};
void kt_ingest_remember(struct kt_ingest *g, const struct kt_ingest_memory *m);
struct kt_ingest_stats kt_ingest_stats(const struct kt_ingest *g);
#endif
