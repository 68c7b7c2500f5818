/* The ledger's inside: for ledger.c and life.c. All is under the store's lock
 * but what is said to be the writer's. */
#ifndef KT_STORE_LEDGER_IMPL_H
#define KT_STORE_LEDGER_IMPL_H
#include "store/impl.h"
#include "store/ledger.h"

enum { LIFE_PAGE = 256, EVICT_A_FACT = 8, AGENT_CACHE = 256, AGENT_PACKED = 1024, MARK = DIGEST };

/* Several texts as one interned string: an agent, an actor, a call, an
 * address. `tag` says what else there is to say. */
enum { PARTS_MAX = 4, PARTS_BYTES = 1 + PARTS_MAX * (2 + KT_LIFE_TEXT) };
struct parts {
    uint8_t tag;
    size_t n;
    struct kt_span part[PARTS_MAX];
};
size_t parts_pack(const struct parts *p, char out[PARTS_BYTES]);
void parts_unpack(struct kt_span packed, struct parts *out);

enum { AGENT_TEXT, AGENT_TOOL, AGENT_VERSION, AGENT_OS };   /* tag: class */
enum { CALL_SOURCE, CALL_NAME };
enum { ACTOR_TYPE, ACTOR_NAME, ACTOR_SESSION };
enum { OWNER_ACCOUNT, OWNER_NAME };                         /* tag: root */

struct moment { /* numbers of things; time KT_TIME_NONE is later than all times */
    int64_t time;
    uint8_t mark[MARK]; /* of its event */
    uint32_t call, address, agent;
    uint8_t result;
    bool set, uuid; /* uuid: `mark` is the eventID itself */
};

struct place {
    uint32_t what; /* a thing */
    int64_t first, last;
    uint64_t uses, denied;
};
struct places {
    struct place *p;
    uint32_t n, cap;
    uint64_t beyond;
};

struct change {
    int64_t time;
    uint8_t mark[MARK];
    uint32_t actor, address;
    uint8_t kind;
    bool uuid;
};

struct tally { /* how often, all told */
    uint64_t uses, denied, failed, deactivations, reactivations, deletions;
};

struct life {
    uint32_t id;       /* a thing of one part; 0: free */
    uint32_t hash;     /* of the id */
    uint32_t newer, older;           /* by last news; `older` of a free one: the next free one */
    uint32_t owner, sibling, before; /* keys of the same owner, both ways */
    uint8_t owner_rank;
    struct moment owned;             /* the event that says so; its time and mark alone */
    struct moment creation, first, last;
    uint32_t creator;
    uint64_t seq, version;
    struct tally tally;
    uint64_t changes_beyond;
    struct places address, agent;
    struct change *change;
    uint32_t n_change, changes_cap;
    int64_t news; /* greatest eventTime of its facts */
    bool dirty;   /* changed since it was last kept */
};

struct agent_known { /* the writer's: what a userAgent's text was read as */
    size_t n, packed;
    char text[KT_LIFE_TEXT];
    char bytes[AGENT_PACKED];
};

struct ledger {
    struct mem mem;
    struct symtab thing, owner; /* behind an owner: the number of the first of its lives */
    struct life *page[KT_LIFE_KEYS / LIFE_PAGE];
    uint32_t top, free, n;
    uint32_t newest, oldest;    /* by last news */
    uint32_t *slot;             /* of lives, by the hash of the id */
    size_t cap;
    uint32_t *dirty;            /* lives to be kept; NULL: nobody keeps them */
    uint32_t n_dirty;
    uint8_t (*fresh)[MARK];     /* marks of uses that were not kept yet */
    size_t n_fresh, fresh_cap;
    int64_t begins;             /* the least eventTime of all facts */
    int64_t dropped_until;      /* the greatest of lives that were dropped */

    /* the writer's */
    struct digests window;
    struct kt_arena *arena;
    struct agent_known *cache;  /* AGENT_CACHE of them */
};

static inline struct life *life_at(const struct ledger *l, uint32_t i)
{
    return &l->page[(i - 1) / LIFE_PAGE][(i - 1) % LIFE_PAGE];
}
/* Is `a` before `b`, as moments go? */
bool is_before(int64_t time_a, const uint8_t mark_a[MARK], int64_t time_b, const uint8_t mark_b[MARK]);
/* The number of the life of this id, or 0. */
uint32_t life_find(const struct ledger *l, struct kt_span id);
/* The same, made where there is none; 0: out of memory. */
uint32_t life_get(struct kt_store *s, struct kt_span id);
/* It is to be kept anew. */
void life_changed(struct ledger *l, uint32_t i);
/* Its owner, as the ledger packs it. */
void life_owned(struct ledger *l, uint32_t i, struct kt_span owner, uint8_t rank);
/* Room for what a fact may bring; makes the ledger. The writer's, not under the lock. */
bool ledger_prepare(struct kt_store *s);
static inline struct kt_span life_id(const struct ledger *l, const struct life *x)
{
    struct parts p;
    parts_unpack(sym_span(&l->thing, x->id), &p);
    return p.part[0];
}
static inline uint32_t owner_first(const struct ledger *l, uint32_t owner)
{
    const struct sym *y = sym_at(&l->owner, owner);
    uint32_t first;
    memcpy(&first, y->bytes + y->len, sizeof first);
    return first;
}
#endif
