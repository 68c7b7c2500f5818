/* The store's inside: for core/store alone.
 *
 * A row is 90 bytes of fixed integers, in columns: who looks for one fact of
 * all rows reads that and nothing else. What rows have in common is kept
 * once: texts in `text`; an actor, an agent, a place, an error, a verdict, an
 * origin as a tuple of text numbers in a table of its own. Rows stand in
 * chunks by order of arrival; `first` is the oldest one kept, `next` the one
 * that comes. Short numbers of rows (u32) are the low bits of seq, made whole
 * again by their distance from `first`. */
#ifndef KT_STORE_IMPL_H
#define KT_STORE_IMPL_H
#include "store/mem.h"
#include "store/store.h"
#include "store/sym.h"

#include <pthread.h>
#include <stdatomic.h>
#include <zstd.h>

enum {
    CHUNK_ROWS = 4096,
    ENTITY_PAGE = 1024,
    ENTITY_BITS = 26,                /* of a handle; the rest is the generation */
    ENTITY_QUARANTINE = 1 << 16,     /* freed places wait for so many others before they are used again */
    ROWS_MAX = 10000000,             /* so that all entities have a handle */
    DROPS_A_ADD = 64,                /* an addition holds the lock for no more than these */
    FORGOTTEN_MAX = 1 << 20,         /* digests of dropped rows that are remembered */
    DIGEST = 16
};

/* --- tuples: all members are u32, numbers of texts unless said ---------- */

struct t_actor {
    uint32_t type, name, arn, account, principal_id, session, access_key_id, via;
    uint32_t mfa; /* enum kt_tri */
};
struct t_actor_entities { /* behind the tuple */
    kt_entity user, key;
};
struct t_agent {
    uint32_t text, tool, version, os;
    uint32_t cls; /* enum kt_agent_class */
};
struct t_place {
    uint32_t event_name, event_source, account, region, target_account, key_status;
};
struct t_error {
    uint32_t code, message;
};
struct t_where {
    uint32_t country, network, aws;
};
struct t_origin {
    uint32_t source, name, address;
};
struct t_triage {
    uint32_t who, tags, assigned, note;
    uint32_t acked, notes, at_low, at_high;
};
struct t_verdict { /* then texts: filter, filtered, n_rules ids, n_signals names; then n_rules risks, n_signals weights */
    uint32_t risk, level, n_rules, n_signals;
};

enum table { T_TEXT, T_ACTOR, T_AGENT, T_PLACE, T_ERROR, T_VERDICT, T_ORIGIN, T_TRIAGE, T_WHERE, T_EVIDENCE, TABLES };

struct raw { /* a record's text, compressed */
    uint32_t size, packed;
    uint32_t skip; /* what stands before it in the frame; then there is no dictionary */
    bool plain_dict; /* made before there was a dictionary */
    char bytes[];
};

struct bad { /* what a malformed row has besides */
    uint64_t bytes;
    uint8_t sha256[32];
    uint32_t reason;
    bool names_event;
};

enum { ID_NONE, ID_UUID, ID_TEXT };

union rowbits {
    struct {
        uint32_t kind : 4, result : 3, self : 2, from : 3, address_kind : 2, id_form : 2, level : 3, suppressed : 1;
        uint32_t dirty : 1;   /* to be judged again */
        uint32_t triaged : 1; /* there is something in `marks` */
    };
    uint32_t all;
};
enum { ENUM_BITS = 14 }; /* of `all`, from the lowest on: what the record says of itself */

/* A row, out of its columns. */
struct packed {
    int64_t time;
    union {
        int64_t created;
        struct bad *bad; /* kind malformed */
    };
    uint8_t id[16]; /* eventID: a UUID's bytes, or in the first four the number of a text */
    uint8_t digest[DIGEST];
    uint64_t record;
    struct raw *raw;
    uint32_t actor, agent, place, error, verdict, why, evidence, origin; /* evidence: packed bytes, of its own table: nobody looks for a word there */
    uint32_t where; /* 0: there are no files to ask */
    kt_entity target, address, key; /* their names are the row's texts */
    uint32_t flags;
    union { /* as in rowbits */
        struct {
            uint32_t kind : 4, result : 3, self : 2, from : 3, address_kind : 2, id_form : 2, level : 3, suppressed : 1;
            uint32_t dirty : 1;
            uint32_t triaged : 1;
        };
        union rowbits bits;
    };
};

/* rows.c: the columns. */
enum column { COL_ACTOR, COL_AGENT, COL_PLACE, COL_VERDICT, COL_WHY, COL_ORIGIN, COL_TARGET, COL_ADDRESS, COL_KEY, COLUMNS };
enum sparse { SPARSE_ERROR, SPARSE_WHERE, SPARSE_EVIDENCE, SPARSES }; /* columns that few rows have anything in */

/* Of a row whose numbers do not fit their columns, or that is malformed. */
struct far {
    uint32_t at; /* in its chunk */
    uint64_t record;
    int64_t created;
    struct bad *bad;
};

struct chunk {
    int64_t oldest, newest; /* over all rows ever put into it */
    struct far *far;        /* n_far of them, by `at` */
    uint32_t n_far;
    struct raw **raw;           /* NULL: no row of it has its text */
    uint32_t *sparse[SPARSES];  /* NULL: all 0 */
    int64_t time[CHUNK_ROWS];
    uint32_t col[COLUMNS][CHUNK_ROWS];
    union rowbits bits[CHUNK_ROWS];
    uint32_t record[CHUNK_ROWS];
    int32_t after[CHUNK_ROWS]; /* ms from `time` to the key's creation; AFTER_NONE, AFTER_FAR */
    uint16_t flags[CHUNK_ROWS];
    uint8_t id[CHUNK_ROWS][16], digest[CHUNK_ROWS][DIGEST];
};
_Static_assert(KT_FLAG_COUNT <= 15, "flags[] is too narrow"); /* and KT_FLAG_ASKED */

static inline bool is_asked(const struct packed *p)
{
    return p->flags & KT_FLAG_ASKED;
}

#define PLACE_MASK ((UINT32_C(1) << ENTITY_BITS) - 1) /* of an entity's handle: its place */

/* A hash table of short row numbers, in the writer's hands alone. */
struct rowset {
    uint32_t *slot; /* 0 or number | ROWSET_USED */
    size_t cap, used;
};
#define ROWSET_USED UINT32_C(0x80000000)

/* Tables by hash grow by half and are filled to 85 %: with a million rows, each
 * byte of slack is a megabyte. A home is in proportion to the hash, so that
 * order by home is kept from end to end. */
static inline size_t slot_home(uint32_t hash, size_t cap)
{
    return (size_t)((uint64_t)hash * cap >> 32);
}
static inline size_t slot_next(size_t at, size_t cap)
{
    return at + 1 == cap ? 0 : at + 1;
}
/* How far it is from one place on to another. */
static inline size_t slot_way(size_t from, size_t to, size_t cap)
{
    return to >= from ? to - from : to + cap - from;
}
static inline size_t slot_cap(size_t cap, size_t used)
{
    cap = cap ? cap : 256;
    while (used * 100 > cap * 85)
        cap += cap / 2;
    return cap;
}

/* --- entities ----------------------------------------------------------- */

enum { ROLE_ACTOR = 1, ROLE_TARGET = 2 };
enum { ENTITY_FREE, ENTITY_NEW, ENTITY_FEW, ENTITY_MANY };
enum { INLINE_NAME = 20, FEW_ROWS = 4 };

/* Rows are the low halves of seq; all but the first of them as their distance
 * from the one before, seven bits a byte, the high bit: more follow. */
struct entity_many {
    int64_t first, last;
    uint64_t dropped;
    uint64_t gone; /* bytes that were at the head once */
    uint32_t created, denied, failed, as_actor, as_target, suppressed;
    uint32_t n, row_first, row_last;
    uint32_t head, len, cap; /* bytes[head .. len) are n - 1 distances */
    uint8_t *bytes;
};

struct entity { /* most keys are touched by one row: that row says all there is to say */
    union {
        char inlined[INLINE_NAME]; /* a key's name, `inl` */
        struct {
            uint32_t name, type; /* texts; `type` tells users apart */
            uint32_t more[FEW_ROWS - 1];
        };
    };
    uint32_t account; /* a text */
    uint32_t row;     /* FEW: the oldest; MANY: its number; FREE: the next free place */
    uint32_t kind : 2, sub : 1, state : 2, generation : 6, few : 2, inl : 1, len : 5; /* few: how many are in `more` */
};
_Static_assert(sizeof(struct entity) == 32, "a million keys are so many megabytes");

struct entities {
    struct entity **page;
    size_t n_pages, pages_cap;
    uint32_t top;                    /* places 1..top were given out once */
    uint32_t free_head, free_tail, n_free; /* first in, first out */
    uint32_t *slot;                  /* of places; the writer's */
    size_t cap, used;
    uint64_t count[KT_ENTITY_KINDS];
    struct entity_many **many; /* by number, from 1; those that are free hold the next free number, tagged */
    uint32_t many_top, many_cap, many_free;
    uint64_t reuses; /* of places */
};

/* --- the last `max` digests that were added ------------------------------- */

struct digests { /* the writer's */
    uint8_t (*digest)[DIGEST]; /* a ring */
    size_t n, at, cap, max;
    uint32_t *slot;
    size_t slots;
};

/* --- what people made of events: digest to a number of T_TRIAGE ---------- */

struct mark {
    uint8_t digest[DIGEST];
    uint32_t triage; /* 0: nothing, or nothing any more */
    bool used;
};
struct marks {
    struct mark *slot;
    size_t cap, used;
};

struct kt_store {
    struct kt_store_opts o;
    bool only_seen; /* rows are kept to be known again, and no more of them */
    struct mem mem;
    pthread_mutex_t gate, lock; /* gate: who waits gets the lock before who had it comes again */
    atomic_uintptr_t holder;    /* who has it between kt_store_hold and kt_store_release; 0: nobody */
    struct symtab tab[TABLES];
    struct entities ent;

    struct chunk **chunk; /* chunk[i] holds seq (chunk_first + i) * CHUNK_ROWS + 1 and on */
    size_t n_chunks, chunks_cap;
    uint64_t chunk_first;
    uint64_t first, next;
    uint64_t epoch;    /* counts changes to rows already there: of flags, */
    uint64_t verdicts; /* of verdicts, */
    uint64_t highs;    /* and of those among them by which a level became or ceased to be high, or a row suppressed */

    struct marks marks;
    struct kt_counts counts;
    uint64_t suppressed, asked; /* of the rows kept; none is both */
    bool times_dirty;
    struct dirty { /* rows to be judged again, in the order in which they were marked */
        uint64_t *seq;
        size_t head, n, cap;
    } dirty;
    struct ledger *ledger; /* NULL before the first fact */

    /* the writer's, not under the lock */
    struct rowset by_id, by_digest;
    struct digests forgotten;
    ZSTD_CCtx *cctx;
    ZSTD_CDict *cdict;
    char *sample; /* texts of the first records: the dictionary of the others */
    size_t n_sample;

    /* under the lock; a dictionary is never changed once it is there */
    ZSTD_DDict *ddict;

    pthread_mutex_t unpack; /* the one decompression context */
    ZSTD_DCtx *dctx;
};

void store_lock(struct kt_store *s);
void store_unlock(struct kt_store *s);

static inline uint64_t row_seq(const struct kt_store *s, uint32_t low)
{
    return s->first + (uint32_t)(low - (uint32_t)s->first);
}
/* The row must be there: first <= seq < next. */
static inline struct chunk *chunk_of(const struct kt_store *s, uint64_t seq)
{
    return s->chunk[(seq - 1) / CHUNK_ROWS - s->chunk_first];
}
static inline size_t row_in(uint64_t seq)
{
    return (size_t)((seq - 1) % CHUNK_ROWS);
}
static inline union rowbits *row_bits(const struct kt_store *s, uint64_t seq)
{
    return &chunk_of(s, seq)->bits[row_in(seq)];
}
static inline int64_t row_time(const struct kt_store *s, uint64_t seq)
{
    return chunk_of(s, seq)->time[row_in(seq)];
}
static inline bool row_asked(const struct kt_store *s, uint64_t seq)
{
    return chunk_of(s, seq)->flags[row_in(seq)] & KT_FLAG_ASKED;
}
void row_get(const struct kt_store *s, uint64_t seq, struct packed *out);
/* What tells an event from others: id, digest, bits and flags alone. */
void row_get_identity(const struct kt_store *s, uint64_t seq, struct packed *out);
/* A new one, in its place. False: out of memory. */
bool row_put(struct kt_store *s, uint64_t seq, const struct packed *p);
/* Its verdict alone. False: out of memory, and nothing has changed. */
bool row_put_verdict(struct kt_store *s, uint64_t seq, const struct packed *p);
struct raw *row_raw(const struct kt_store *s, uint64_t seq);
bool row_put_raw(struct kt_store *s, uint64_t seq, struct raw *r);
struct chunk *chunk_new(struct kt_store *s);
void chunk_free(struct kt_store *s, struct chunk *c); /* not what its rows refer to */

/* pack.c. All under the lock. */
static inline const void *tuple_at(const struct kt_store *s, enum table t, uint32_t id)
{
    return sym_at(&s->tab[t], id)->bytes;
}
const struct t_actor_entities *actor_entities(const struct kt_store *s, uint32_t actor);
kt_entity agent_entity(const struct kt_store *s, uint32_t agent);
/* False where memory ran out; then nothing is kept. */
bool pack_row(struct kt_store *s, const struct kt_row *r, struct packed *out);
/* Gives back what a packed row refers to. */
void pack_release(struct kt_store *s, struct packed *p);
/* Fills `out` with spans that borrow from the store, good while the lock is
 * held; `id` has room for a UUID's text. `seq` and `raw` are the caller's. */
enum { UUID_TEXT = 36 };
void unpack_row(const struct kt_store *s, const struct packed *p, char id[UUID_TEXT], struct kt_row *out);
/* One component of a row alone, the rest unknown. */
void unpack_actor(const struct kt_store *s, uint32_t actor, struct kt_event *ev);
void unpack_agent(const struct kt_store *s, uint32_t agent, struct kt_event *ev);
void unpack_place(const struct kt_store *s, uint32_t place, struct kt_event *ev);
void unpack_where(const struct kt_store *s, uint32_t where, struct kt_row *r);
void unpack_error(const struct kt_store *s, uint32_t error, struct kt_event *ev);
void unpack_origin(const struct kt_store *s, uint32_t origin, struct kt_row *r);
void unpack_verdict(const struct kt_store *s, uint32_t verdict, struct kt_verdict *v);
void unpack_why(const struct kt_store *s, uint32_t why, struct kt_verdict *v);
/* The signals' evidence, its spans borrowed, its lists in `a`. */
bool unpack_evidence(const struct kt_store *s, uint32_t evidence, struct kt_arena *a, struct kt_verdict *v);
/* Another verdict in a row's place. False: memory ran out, and the row is as it was. */
bool pack_revise(struct kt_store *s, uint64_t seq, const struct kt_verdict *v, struct packed *p);
struct kt_span unpack_id(const struct kt_store *s, const struct packed *p, char id[UUID_TEXT]);
bool uuid_pack(struct kt_span s, uint8_t out[16]);
struct kt_span uuid_text(const uint8_t in[16], char out[UUID_TEXT]);

void unpack_triage(const struct kt_store *s, uint32_t triage, struct kt_row *r);
/* Takes over nothing; 0 where there is nothing to say or memory ran out. */
uint32_t pack_triage(struct kt_store *s, const struct kt_row_triage *t, bool *ok);
void drop_triage(struct kt_store *s, uint32_t triage);

/* marks.c */
uint32_t marks_find(const struct kt_store *s, const uint8_t digest[DIGEST]);
static inline uint32_t triage_number(const struct kt_store *s, const struct packed *p)
{
    return p->triaged ? marks_find(s, p->digest) : 0;
}
void marks_free(struct kt_store *s);

/* entity.c. All under the lock but ent_prepare. */
bool ent_prepare(struct kt_store *s, size_t n);
void ent_free_all(struct kt_store *s);
/* Finds or makes; takes its own references to the texts. 0: out of memory. */
kt_entity ent_get_key(struct kt_store *s, struct kt_span name, uint32_t account);
kt_entity ent_get(struct kt_store *s, enum kt_entity_kind kind, int sub, uint32_t name, uint32_t account,
                  uint32_t type);
struct entity *ent_at(const struct kt_store *s, kt_entity e); /* NULL where it is gone */
/* A row begins or ceases to touch it. The first may run out of memory. */
bool ent_touch(struct kt_store *s, kt_entity e, uint64_t seq, const struct packed *p, unsigned roles);
void ent_untouch(struct kt_store *s, kt_entity e, uint64_t seq, const struct packed *p, unsigned roles);
/* Frees it where no row touches it. */
void ent_settle(struct kt_store *s, kt_entity e);
/* Of the places from `*at` on, `n` of them, the one of this kind and name, or 0;
 * `*at` is moved on, and is 0 once all were looked at. */
kt_entity ent_find(const struct kt_store *s, enum kt_entity_kind k, struct kt_span name, uint32_t *at, uint32_t n);
struct kt_span ent_name(const struct kt_store *s, kt_entity e);
uint32_t ent_rows(const struct kt_store *s, const struct entity *e); /* how many are kept */
/* Along its rows, oldest first, from one hold of the lock to the next: rows
 * that are dropped meanwhile are left out, those that come are in it. Begins
 * with {0}; 0: there is no more. Back: newest first. */
struct walk {
    bool begun;
    bool many;
    uint32_t i;      /* FEW: the next; of `more` and `row` */
    uint32_t row;    /* MANY: the one given last, */
    uint64_t at;     /* and where the distance to the next begins, as `gone` counts */
    uint64_t last;   /* seq given last */
};
uint64_t walk_on(const struct kt_store *s, const struct entity *e, struct walk *w);
uint64_t walk_back(const struct kt_store *s, const struct entity *e, struct walk *w);
/* So that walk_on gives what comes after that row. */
void walk_to(const struct kt_store *s, const struct entity *e, struct walk *w, uint64_t after);
/* How many of them a filter suppressed. */
uint32_t ent_suppressed(const struct kt_store *s, const struct entity *e);
/* A row that touches it came to be suppressed (by 1) or is no longer (-1). */
void ent_suppress(struct kt_store *s, kt_entity e, int by);
bool ent_info(struct kt_store *s, kt_entity e, struct kt_entity_info *out); /* spans borrowed */

/* All that a row touches, each once. */
struct touched {
    size_t n;
    kt_entity e[6];
    unsigned kind[6]; /* enum kt_entity_kind */
    unsigned roles[6];
};
void row_entities(const struct kt_store *s, const struct packed *p, struct kt_row_entities *out);
void row_touched(const struct kt_store *s, const struct packed *p, struct touched *out);

/* The user, address or key that is known by these texts; 0: no row touches it. */
kt_entity ent_known(const struct kt_store *s, enum kt_entity_kind kind, struct kt_span name, struct kt_span account,
                    struct kt_span type);

/* seen.c: what was seen before. The writer's, not under the lock. */
bool seen_prepare(struct kt_store *s);
void seen_free(struct kt_store *s);
/* The row with this digest and id, or 0. */
uint64_t seen_digest(const struct kt_store *s, const struct packed *key);
/* The newest row with this eventID, or 0. */
uint64_t seen_id(const struct kt_store *s, const struct packed *key);
/* The eventID as rows are looked up by it. */
void seen_key(const struct kt_store *s, struct kt_span id, struct packed *p);
bool seen_forgotten(const struct kt_store *s, const uint8_t digest[DIGEST]);
void seen_add(struct kt_store *s, uint64_t seq);
/* A row that was added before is flagged now. */
void seen_conflict(struct kt_store *s, uint64_t seq);
void seen_drop(struct kt_store *s, uint64_t seq);

bool digests_have(const struct digests *f, const uint8_t d[DIGEST]);
/* Room for `room` more; false where memory ran out. */
bool digests_prepare(struct digests *f, struct mem *m, size_t room);
void digests_add(struct digests *f, const uint8_t d[DIGEST]);
void digests_free(struct digests *f, struct mem *m);

/* dirty.c */
void dirty_free(struct kt_store *s);

/* ledger.c */
void ledger_free(struct kt_store *s);
size_t ledger_memory(const struct kt_store *s);

/* raw.c. All but raw_unpack are the writer's. */
struct raw *raw_pack(struct kt_store *s, struct kt_span text);
struct raw *raw_keep(struct kt_store *s, const struct kt_packed_text *text);
void raw_free_all(struct kt_store *s);
/* Not under the lock: `packed` is the caller's copy. */
struct kt_span raw_unpack(struct kt_store *s, const struct raw *packed, const ZSTD_DDict *dict, struct kt_arena *a);
#endif
