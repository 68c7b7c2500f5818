/* The life of each access key, as the sources show it: made, used, switched
 * off and on, deleted, replaced.
 *
 * Facts may come in any order, late, and twice: what the ledger says depends
 * only on which facts there were. Of two facts that contend for one place (the
 * first use, the creation) the earlier one has it, of two of the same time the
 * one whose eventID is the lesser. Creations and changes of state are told
 * apart by eventID for good; uses by eventID among the last KT_LIFE_WINDOW
 * uses: one that comes again later than that is counted twice, which only
 * counts feel, not times and places. Without an eventID the facts themselves
 * decide. Two records of the same eventID that differ count as one.
 *
 * What is not here was not seen in these sources; it may have been all the
 * same. `since` says from when on there was anything to see.
 *
 * Everything is bounded. Beyond KT_LIFE_KEYS keys, or a quarter of the store's
 * memory_max (at least KT_LIFE_MEMORY; then the window of uses is shorter too,
 * memory / 64), the lives longest without news are dropped and counted; what
 * comes of such a key afterwards begins anew, with `since` no earlier than the
 * last news of a life that was dropped. Of each key so many addresses, agents
 * and changes are kept, the others counted. Texts are kept up to
 * KT_LIFE_TEXT bytes. */
#ifndef KT_STORE_LEDGER_H
#define KT_STORE_LEDGER_H
#include "store/store.h"

enum {
    KT_LIFE_KEYS = 1 << 18,
    KT_LIFE_WINDOW = 1 << 18, /* uses */
    KT_LIFE_PLACES = 64,      /* addresses of a key, and agents of a key */
    KT_LIFE_CHANGES = 32,     /* the first and the last sixteen of a key */
    KT_LIFE_FAMILY = 128,     /* keys of one user among which a rotation is looked for */
    KT_LIFE_TEXT = 512,
    KT_LIFE_MEMORY = 4 << 20  /* bytes that the ledger may have in any case */
};
/* A key that was made no longer than this before another one of the same user
 * was switched off or deleted is what that other one was rotated into. */
#define KT_ROTATION_MS (INT64_C(24) * 60 * 60 * 1000)

/* --- learning: the engine's thread --------------------------------------- */

struct kt_fact {
    enum kt_kind kind; /* creation, use, deactivation, reactivation, deletion; no others are learnt */
    enum kt_result result; /* of a use; all others have happened */
    int64_t time;
    struct kt_span event_id, event_name, event_source;
    struct kt_span key;           /* its id */
    struct kt_span account, user; /* whose key it is, as far as this event says */
    bool root;                    /* it is the account's own */
    struct kt_span actor, actor_type, actor_session; /* who did it; not of uses */
    struct kt_span address;
    enum kt_address_kind address_kind;
    struct kt_span agent;         /* the text */
    bool from_console;
    uint64_t seq;                 /* of a creation: its row, 0 where there is none */
};

/* What an event says of keys: at most two facts, of the key that it is about
 * and of the one that it was made with. Spans are the event's. */
size_t kt_facts_of(const struct kt_event *ev, uint64_t seq, struct kt_fact out[2]);

/* ODD: no key is named by which it could be known again. */
enum kt_learnt { KT_LEARNT, KT_LEARNT_BEFORE, KT_LEARNT_ODD, KT_LEARNT_NOT };
enum kt_learnt kt_store_learn(struct kt_store *s, const struct kt_fact *f);
/* The same; `turns`: more is another than the number of uses and the last one. */
enum kt_learnt kt_store_learn_more(struct kt_store *s, const struct kt_fact *f, bool *turns);

/* --- reading: any thread --------------------------------------------------- */

struct kt_moment {
    int64_t time; /* KT_TIME_NONE: there was none, or its time is not known */
    struct kt_span event_id; /* unknown too where it is not a UUID */
    struct kt_span event_name, event_source;
    struct kt_span address;
    enum kt_address_kind address_kind;
    struct kt_agent agent; /* text: only where the tool is not known */
    enum kt_result result;
};

struct kt_life_place {
    struct kt_span name;   /* an address; of an agent unknown */
    struct kt_agent agent;
    int64_t first, last;   /* KT_TIME_NONE: none of its uses has a time */
    uint64_t uses, denied;
};

struct kt_life_change {
    enum kt_kind kind;
    int64_t time;
    struct kt_span event_id; /* as of a moment */
    struct kt_span actor, actor_type, address;
};

/* As far as was seen: deleted, else as the last change left it, else active
 * where it was made or used. */
enum kt_key_state { KT_KEY_UNKNOWN, KT_KEY_ACTIVE, KT_KEY_INACTIVE, KT_KEY_DELETED };
const char *kt_key_state_name(enum kt_key_state s); /* NULL: unknown */

struct kt_key_life {
    struct kt_span id, account, user;
    bool root;
    enum kt_key_state state;
    uint64_t version; /* grows with each fact */

    bool created;     /* its creation was seen */
    uint64_t seq;     /* the row of it; 0: none. It may have been dropped since */
    struct kt_moment creation;
    struct kt_span creator, creator_type, creator_session;

    uint64_t uses, denied, failed; /* denied and failed are among uses */
    struct kt_moment first_use, last_use;
    /* Is the first use from another address, with another tool or system, than
     * the creation? Unknown where either is not known, or no address of a
     * network (a service, AWS itself). */
    enum kt_tri first_elsewhere, first_other_agent;
    const struct kt_life_place *address, *agent; /* most uses first */
    size_t n_address, n_agent;
    uint64_t addresses_beyond, agents_beyond; /* uses from places that are not kept */

    uint64_t deactivations, reactivations, deletions;
    const struct kt_life_change *change; /* oldest first */
    size_t n_change;
    uint64_t changes_beyond;

    struct kt_span rotated_into, rotation_of; /* ids */
    int64_t since; /* from when on there was anything to see; KT_TIME_NONE */
};

/* Spans in `a`. False where nothing is known of the key, or memory ran out. */
bool kt_store_key_life(struct kt_store *s, struct kt_span key, struct kt_arena *a, struct kt_key_life *out);
/* The other keys of the same user that were active when this one was made, as
 * far as was seen; up to `max` of them, how many there are is returned. */
struct kt_sibling {
    struct kt_span id, event_id; /* of its creation, else of its first use */
    int64_t since;
};
size_t kt_store_key_siblings(struct kt_store *s, struct kt_span key, struct kt_arena *a, struct kt_sibling *out,
                             size_t max);
/* The rows of the creations of a key and of the other keys of its user, of
 * those that were seen: whose lives one of its facts may change. */
size_t kt_store_key_rows(struct kt_store *s, struct kt_span key, uint64_t *out, size_t max);
/* Is it this user's, as far as was seen? `replaces` (may be NULL): it took the
 * place of another of its user's keys (kt_key_life.rotation_of). Cheap. */
bool kt_store_key_is_of(struct kt_store *s, struct kt_span key, struct kt_span account, struct kt_span user, bool *replaces);
/* Whose it is, in `a`; unknown where that was not seen. */
struct kt_span kt_store_key_user(struct kt_store *s, struct kt_span key, struct kt_arena *a);
/* Its state alone, and `version` (may be NULL; 0: not known): cheap. */
enum kt_key_state kt_store_key_state(struct kt_store *s, struct kt_span key, uint64_t *version);
#endif
