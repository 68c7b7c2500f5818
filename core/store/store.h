/* The live model: rows deduplicated, and the people, addresses, agents and
 * keys they touch.
 *
 * Identity of an event: its eventID and the SHA-256 of its content. Same both:
 * a duplicate, counted. Same eventID, other content: both are kept and
 * flagged "conflict". Without an eventID the content alone decides. Content
 * is the record parsed and written again with sorted keys, so that spacing
 * and envelope do not matter.
 *
 * One writer (the engine's thread), any number of readers. Inside is one
 * mutex, never held for I/O, a sort or a scan: an append, a row's copy, or a
 * slice of at most a few thousand rows' keys. Who waits for it gets it before
 * who has it comes again.
 *
 * Texts are interned and counted by the rows that use them, so that months of
 * unattended running take no more memory than the rows kept. Of dropped rows
 * the digests are remembered, of the last 1,048,576 (or rows_max, or what fits
 * memory_max / 256, if less), so that a source that reads its window again
 * does not bring them back; an event dropped longer ago comes in anew. That
 * another record had a dropped row's eventID is no longer known.
 *
 * Content digests are compared by their first 128 bits. */
#ifndef KT_STORE_STORE_H
#define KT_STORE_STORE_H
#include "base/err.h"
#include "detect/row.h"

#include <stdbool.h>
#include <stdint.h>

struct kt_store;

struct kt_store_opts {
    uint64_t rows_max;   /* 0: 2,000,000; at most 10,000,000 */
    uint64_t memory_max; /* bytes, 0: 2 GiB; the oldest arrivals are dropped first */
    bool keep_raw;       /* keep each record's text (compressed), for the raw pane */
    const struct kt_rules *rules;
};

/* received = shown + filtered + duplicate + malformed, at all times. */
struct kt_counts {
    uint64_t records;   /* seen in the sources, of interest or not */
    uint64_t received;  /* of interest */
    uint64_t shown, filtered, duplicate, malformed;
    uint64_t suppressed; /* of those filtered: rows that Sigma filters kept out */
    uint64_t asked;      /* of those shown: KT_FLAG_ASKED */
    uint64_t last;       /* seq of the newest arrival; 0: none */
    uint64_t conflicts; /* among shown */
    uint64_t revised;   /* how often a row got another verdict */
    uint64_t dropped;   /* of the rows once kept, by retention */
    uint64_t gaps;      /* places where events may be missing */
    int64_t newest;     /* eventTime of the newest row that was not asked for; KT_TIME_NONE */
    int64_t oldest;
    uint64_t memory;    /* bytes, estimated; the ledger's among them */
    /* The ledger of keys (ledger.h), counted apart: a fact may be a row as
     * well, or come of a record that is none. */
    uint64_t triaged;         /* grows with each kt_store_triage */
    uint64_t facts;           /* learnt */
    uint64_t facts_duplicate; /* known already */
    uint64_t facts_lost;      /* memory ran out */
    uint64_t keys, keys_dropped; /* whose life is known; was known once */
};

/* NOT: out of memory. Nothing is counted as received; a gap is counted. */
enum kt_store_added { KT_ADDED, KT_ADDED_CONFLICT, KT_ADDED_DUPLICATE, KT_ADDED_NOT };

struct kt_store *kt_store_new(const struct kt_store_opts *o);
void kt_store_free(struct kt_store *s);
/* Records' texts are kept from now on. The writer's. */
void kt_store_keep_raw(struct kt_store *s);
/* From now on nothing is kept of an event but what tells whether it was seen before (and of
 * what is malformed, all): kt_store_add and the counts say what they would say, rows and
 * entities are not to be looked at. For who takes rows as they come. */
void kt_store_only_seen(struct kt_store *s);
/* Is the next row likely to drop one? */
bool kt_store_is_full(struct kt_store *s);
/* Copies what it keeps. A row that a Sigma filter suppressed
 * (kt_verdict_suppressed) counts as filtered, and views leave it out unless
 * asked. One with KT_FLAG_ASKED is seen by views with a scope alone, whatever
 * filters say. `row->seq` is set by the store. Malformed rows are
 * told apart by origin and digest. A conflict sets the flag in both rows. */
enum kt_store_added kt_store_add(struct kt_store *s, struct kt_row *row, const uint8_t content[32]);
/* A record's text that is compressed already: the last `size` bytes of what one
 * zstd frame holds, after `skip` others. Its own checksum was looked at. */
struct kt_packed_text {
    struct kt_span frame;
    size_t skip, size;
};
/* kt_store_add of a row with such a text instead of row->raw, of which nothing
 * is compressed now. */
enum kt_store_added kt_store_add_back(struct kt_store *s, struct kt_row *row, const uint8_t content[32],
                                      const struct kt_packed_text *text);
/* A row's own text is compressed as those of others are. The writer's. */
void kt_store_squeeze(struct kt_store *s, uint64_t seq, struct kt_span raw);
/* Another verdict for a row, in the place of the one it has: what was learnt
 * since may say otherwise. What it says of filters moves the row between
 * shown and filtered. The writer's. False where the row was dropped or
 * never was, or memory ran out; then nothing has changed. */
bool kt_store_revise(struct kt_store *s, uint64_t seq, const struct kt_verdict *v);
void kt_store_count_filtered(struct kt_store *s); /* received, but outside --filter, --since, --rule */
void kt_store_count_duplicate(struct kt_store *s); /* received, and known to have a row without being looked at */
void kt_store_recount_filtered(struct kt_store *s); /* it was counted as shown */
void kt_store_count_records(struct kt_store *s, uint64_t n);
void kt_store_count_gap(struct kt_store *s);
struct kt_counts kt_store_counts(struct kt_store *s);
/* What people made of the event of this digest and eventID, whether its row is there or
 * comes later; nothing in it: nothing any more. The writer's. False where
 * memory ran out. */
bool kt_store_triage(struct kt_store *s, const uint8_t digest[16], struct kt_span event_id,
                     const struct kt_row_triage *t);

/* From here to kt_store_release the calling thread has the store to itself, and
 * what it asks of it waits for nobody: for who shows many rows at once, and
 * would wait for a slice of somebody's work before each of them. Nothing that
 * may wait is to be done meanwhile, and it is held for a moment only. */
void kt_store_hold(struct kt_store *s);
void kt_store_release(struct kt_store *s);

/* Copies a row into `a`. False where it was dropped or never was. */
bool kt_store_row(struct kt_store *s, uint64_t seq, bool with_raw, struct kt_arena *a, struct kt_row *out);

/* The newest row of this eventID; 0. The writer's. */
uint64_t kt_store_event(struct kt_store *s, struct kt_span event_id);

/* --- entities: who and what the rows touch ----------------------------- */

enum kt_entity_kind { KT_ENTITY_USER, KT_ENTITY_ADDRESS, KT_ENTITY_AGENT, KT_ENTITY_KEY, KT_ENTITY_KINDS };
const char *kt_entity_kind_name(enum kt_entity_kind k);

/* A handle; 0 is none. It stays good as long as a row touches what it stands
 * for, and does not come to stand for anything else before four million other
 * entities are gone. A user is an actor or a target: account, name, and type,
 * so that role x and user x are two; a target is an IAM user, or the actor
 * itself where the row says so. An agent is its userAgent's tool and version,
 * or the whole text where the tool is not known. */
typedef uint32_t kt_entity;

struct kt_entity_info {
    enum kt_entity_kind kind;
    struct kt_span name;    /* "svc-backup", "203.0.113.9", "boto3 1.28.0", "AKIA..." */
    struct kt_span type;    /* user: "IAMUser", "AssumedRole", "Root", ...; agent: its class; address: its kind */
    struct kt_span account; /* user, key */
    int64_t first, last;    /* least and greatest eventTime of its rows, dropped ones too */
    uint64_t rows;          /* rows that touch it and are still kept */
    uint64_t dropped;
    uint64_t created, denied, failed; /* among rows */
    uint64_t as_actor, as_target;     /* user; among rows */
    unsigned risk; /* kt_store_entity alone: what its rows' risks come to in KT_RISK_WINDOW_MS; 0 else */
};
/* The sum of the risks of an entity's rows of the seven days before the newest
 * row, at most KT_RISK_SUM_MAX ("as much or more"); only the last
 * KT_RISK_SUM_ROWS that arrived are looked at. */
#define KT_RISK_WINDOW_MS (INT64_C(7) * 24 * 3600 * 1000)
enum { KT_RISK_SUM_MAX = 999, KT_RISK_SUM_ROWS = 4096 };
/* Spans in `a`. False where no kept row touches it. */
bool kt_store_entity(struct kt_store *s, kt_entity e, struct kt_arena *a, struct kt_entity_info *out);
/* The one of this kind and name, for an address, an agent or a key; 0 where no
 * kept row touches it. Looks through all, a slice at a time. */
kt_entity kt_store_find(struct kt_store *s, enum kt_entity_kind k, struct kt_span name);
/* The entities that a row touches; 0 where the fact is not known. */
struct kt_row_entities {
    kt_entity actor, target, address, agent, key, actor_key;
};
bool kt_store_row_entities(struct kt_store *s, uint64_t seq, struct kt_row_entities *out);
uint64_t kt_store_entity_count(struct kt_store *s, enum kt_entity_kind k);

/* --- rows to be judged again: the writer's alone ------------------------ */

/* False: memory ran out, and the row is not marked. A row that was dropped,
 * or is malformed, or marked, needs none. */
bool kt_store_dirty(struct kt_store *s, uint64_t seq);
/* Whom a mark is about: a user by all three, an address or key by its name. */
struct kt_about {
    enum kt_entity_kind kind;
    struct kt_span name, account, type;
};
kt_entity kt_store_about(struct kt_store *s, const struct kt_about *about); /* 0: no row touches it */
/* The rows that touch it, of from <= eventTime <= to; 0: of all rows. */
bool kt_store_dirty_touching(struct kt_store *s, kt_entity e, int64_t from, int64_t to);
/* The rows kept: first <= seq < next. */
void kt_store_span(struct kt_store *s, uint64_t *first, uint64_t *next);
/* Takes the mark off the row that has had it longest; 0: none is marked. */
uint64_t kt_store_next_dirty(struct kt_store *s);
#endif
