/* A stream of JSON cut into its values without parsing them.
 *
 * Every top-level value is a candidate; of a top-level array each element is
 * one, and so is each element of an array under a key that holds records
 * (Records, Events, events, logEvents, results, hits.hits) in a top-level
 * object, which is then offered itself, with [] for that array. Memory is one
 * candidate's, whatever the stream's size.
 *
 * Damage never hides a neighbour: brackets that do not match, a bracket where
 * none can stand, a byte that cannot stand where it stands, and candidates
 * that the receiver finds damaged make the splitter look for the next start of
 * a record inside the damaged stretch before it looks behind it.
 *
 * What is found does not depend on how the stream is cut into pieces. The rule
 * behind that: every decision is made by a place in the stream and by bytes at
 * most so far from it that the window surely holds them, never by what else
 * happens to be there.
 * - Looking ahead waits: for the whole of a start (`{"key":`, and `[` where it
 *   is a document's), for the byte behind a record that seems to hold another
 *   one (128 KiB of white space at the most), for a BOM. Only the end of the
 *   stream ends the wait.
 * - Looking back sees the candidate from its first byte, and before it what the
 *   window always keeps: as many bytes as any look back needs.
 * - Of two decisions the one whose bytes come first in the stream is made
 *   first: a start in a flawed candidate before the bracket or end behind it.
 * - What is counted against a limit is counted between places, not as far as
 *   was read: sizes from the candidate's beginning, rescans from the start found
 *   to the byte that showed the damage. */
#ifndef KT_INGEST_SPLIT_H
#define KT_INGEST_SPLIT_H
#include "base/buf.h"
#include "ingest/pick.h"
#include "ingest/scan.h"
#include "ingest/start.h"
#include "ingest/sweep.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KT_SPLIT_DEPTH = 2048,         /* brackets inside one candidate */
    KT_SPLIT_SLICE = 128 << 10,    /* white space that is waited out */
    KT_SPLIT_SPACE = 256 << 10,    /* bytes per kt_split_space: they stay in the cache */
    KT_SPLIT_RESCANS = 64 << 20    /* bytes that may be read again, besides 8 times the stream */
};

enum kt_take {
    KT_TAKE_OK,
    KT_TAKE_DAMAGED, /* it does not parse: *reason says why */
    KT_TAKE_STOP
};

enum kt_keyed { KT_KEYED_UNKNOWN, KT_KEYED_NOT, KT_KEYED };

struct kt_candidate {
    const char *p;
    size_t n;
    uint64_t offset;
    bool matters;  /* it holds a name or an escape that may spell one */
    bool outer;    /* the object around records: counts only if it is a record itself */
    enum kt_keyed keyed; /* it holds what `keys` looks for; the escapes that `matters` speaks of do not count */
};

struct kt_split_sink {
    /* A whole value. */
    enum kt_take (*take)(void *ctx, const struct kt_candidate *c, const char **reason);
    /* As many whole values that neither matter nor hold keys. */
    bool (*skip)(void *ctx, uint64_t n);
    /* A stretch that is none: begins with `reason` set, goes on without.
     * `noise` tells mere noise from what has the shape of a record. */
    bool (*damage)(void *ctx, const char *p, size_t n, uint64_t offset, const char *reason, bool noise);
    /* A line has ended between top-level values. */
    bool (*settle)(void *ctx);
    void *ctx;
};

struct kt_split;
/* NULL where memory ran out. `pick` and `keys` (may be NULL) are borrowed. */
struct kt_split *kt_split_new(const struct kt_pick *pick, const struct kt_pick *keys, const struct kt_split_sink *sink);
void kt_split_free(struct kt_split *sp);
/* `pick` was told to pick exactly: before the first byte of a stream. */
void kt_split_exactly(struct kt_split *sp);
void kt_split_sweep_by(struct kt_split *sp, enum kt_sweep_way way);
/* Back to a new stream whose first byte has this offset. */
void kt_split_reset(struct kt_split *sp, uint64_t offset);
/* Room for new bytes, at least one: *n of them. NULL: out of memory. */
char *kt_split_space(struct kt_split *sp, size_t *n);
/* `n` bytes were written there. False: the sink stopped it, or memory ran out. */
bool kt_split_commit(struct kt_split *sp, size_t n);

/* The next bytes are those at `p`, to be committed as they come, and not to be
 * copied. False where there are earlier ones that are still held. They are
 * lent until they are taken back, which fails where memory ran out. */
bool kt_split_lend(struct kt_split *sp, const char *p);
bool kt_split_take_back(struct kt_split *sp);

/* Do values stand on lines of their own, and is known how they begin? */
bool kt_split_has_lines(const struct kt_split *sp);
const struct kt_starts *kt_split_habit(const struct kt_split *sp);
void kt_split_continue(struct kt_split *sp, const struct kt_starts *habit); /* of a fresh one */

enum kt_split_end {
    KT_SPLIT_WHOLE,
    KT_SPLIT_IN_ARRAY, /* between the records of an array that never ended */
    KT_SPLIT_IN_VALUE, /* inside a value */
    KT_SPLIT_UTF16,    /* not text that is read here */
    KT_SPLIT_STOPPED
};
struct kt_split_rest {
    uint64_t offset; /* of the partial value */
    uint64_t size;
    bool matters; /* not known, and false, of one larger than KT_RECORD_MAX: its damage tells it */
};
/* No more bytes will come. */
enum kt_split_end kt_split_finish(struct kt_split *sp, struct kt_split_rest *rest);
/* Between top-level values, nothing held. */
bool kt_split_at_rest(const struct kt_split *sp);
bool kt_split_no_memory(const struct kt_split *sp);
#endif
