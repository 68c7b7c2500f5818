/* keytop's memory: state.db, an SQLite database, and beside it triage.log.
 *
 * state.db holds rows as they stood with their records (so that they are there
 * at once, and are then read again), triage, the lives of keys (kept.h), what is known beside the rows
 * (context.h: who was seen where since when, what befell whom), checkpoints of
 * sources, and how far each person has looked.
 * It has a rollback journal, never a WAL: Debian 12's SQLite can damage one
 * that two processes write. triage.log holds each act of triage as one line of
 * text (triage.h); it is written and synced before the act counts as done, and
 * rebuilds the table. Both are for the owner's eyes alone (0600), in a folder
 * of 0700.
 *
 * Any number of keytops may share the files. What one of them does the others
 * see as the kernel tells of it (inotify); nobody polls. Rows are written in
 * batches by a thread of their own, at most once a second, from the store's
 * own copies: nothing is queued. While the disk takes nothing it tries again
 * every few seconds, as long as there is something to write; rows wait in the
 * store, triage that can neither be logged nor stored is refused.
 *
 * A damaged state.db is renamed to state.db.damaged-TIME, never deleted, and a
 * new one is made of triage.log and of what can still be read of it.
 *
 * Malformed rows are among them, the last thousand: what they were made of may
 * be gone. A text of more than 64 KiB of such a one is left out.
 *
 * Rows leave state.db when they are older than `keep_ms`, and, so that the file
 * stays below `bytes_max`, the oldest ones: those below level high first.
 * So do lives and traces without news for `keep_ms`, and the oldest traces where
 * all would take more than a quarter of the file.
 * Every one of them is counted. Triage is kept, up to KT_TRIAGE_ENTRIES. */
#ifndef KT_STORE_STATE_H
#define KT_STORE_STATE_H
#include "base/clock.h"
#include "base/err.h"
#include "store/context.h"
#include "store/store.h"
#include "store/triage.h"

struct kt_state;

#define KT_STATE_KEEP_MS (INT64_C(90) * 24 * 60 * 60 * 1000)
#define KT_STATE_BYTES (UINT64_C(256) << 20)
#define KT_STATE_BYTES_MIN (UINT64_C(2) << 20)

struct kt_state_opts {
    const char *path;  /* of state.db; NULL: all in memory, forgotten at the end */
    bool read_only;    /* triage is refused */
    const char *who;   /* NULL: user@host of this process */
    bool optional;     /* where it cannot be opened, all is in memory, with a trouble that says why */
    const struct kt_clock *clock; /* NULL: the system's */
    int64_t keep_ms;   /* 0: KT_STATE_KEEP_MS */
    uint64_t bytes_max; /* 0: KT_STATE_BYTES */
    /* Something is new: triage, a trouble. On any thread; must not block. */
    void (*changed)(void *ctx);
    void *ctx;
};

/* $XDG_STATE_HOME/keytop/state.db, else ~/.local/state/keytop/state.db. False
 * where neither is known (or relative): then `out` is empty. */
bool kt_state_default_path(char *out, size_t size);

/* Makes folder and files where they are not there, and refuses what is not a
 * file of this user's alone, not one of keytop's, a newer keytop's, or on a
 * network's file system (no locks to rely on). Nothing has been read yet. */
enum kt_code kt_state_open(struct kt_state **out, const struct kt_state_opts *o, struct kt_err *e);
/* Writes what is left to write, ends the thread. */
void kt_state_close(struct kt_state *s);

/* A row of an earlier run. Spans are borrowed during the call. */
struct kt_state_row {
    int64_t id;                 /* order of arrival in the file */
    uint8_t digest[16];
    struct kt_span raw;         /* the record's text; unknown where it was not kept */
    struct kt_span source, name, address; /* as in kt_row.origin */
    uint64_t record;
    const struct kt_row *row;   /* as it stood when it was written, with the verdict of then, but for signals and
                                 * matches of correlations; NULL: written by an earlier keytop */
    struct kt_packed_text packed; /* `raw` once more */
};
/* Reads: checks the file, merges triage.log, then gives the rows whose address
 * is among `address` (all where n is 0), oldest first, until `row` says false.
 * Called once, before kt_state_start, on one thread. `row` may be NULL. */
void kt_state_load(struct kt_state *s, const char *const *address, size_t n,
                   bool (*row)(void *ctx, const struct kt_state_row *r), void *ctx);
/* Keys' lives are remembered as well, the store's: called before kt_state_load.
 * False: out of memory. */
bool kt_state_keep_lives(struct kt_state *s, struct kt_store *store);
/* So is the context, which is read by kt_state_load and must stay until
 * kt_state_close. Where two keytops share the file, what both have learnt is
 * joined as each of them writes; each reads it when it starts. */
bool kt_state_keep_traces(struct kt_state *s, struct kt_traces *traces);
/* From now on rows of `store` that come after those it has are written. */
enum kt_code kt_state_start(struct kt_state *s, struct kt_store *store, struct kt_err *e);
/* There are rows to write: cheap, for the engine's thread. */
void kt_state_rows(struct kt_state *s);

/* --- triage: any thread ---------------------------------------------------- */

/* Asks for an act; who and when are filled in. With `wait`, KT_OK means that
 * it is on disk, and stays; without, it has been taken and is told by what
 * holds, or by `refused` and `refusal` of the stats. Never waits for the disk
 * without `wait`. KT_EUSAGE: read-only, or nothing to say. */
enum kt_code kt_state_triage(struct kt_state *s, enum kt_triage_action action, const struct kt_subject *about,
                             struct kt_span text, bool wait, struct kt_err *e);
/* Takes back this person's last act; `what` (may be NULL) gets it, in `a`. */
enum kt_code kt_state_undo(struct kt_state *s, struct kt_arena *a, struct kt_triage_entry *what, struct kt_err *e);
/* All acts on a subject, oldest first, in `a`. */
struct kt_triage_entry *kt_state_history(struct kt_state *s, const struct kt_subject *about, struct kt_arena *a,
                                         size_t *n);
void kt_state_holds(struct kt_state *s, const struct kt_subject *about, struct kt_arena *a, struct kt_row_triage *out);
/* What holds of each event with entries that were added since `*cursor`
 * (begin with 0), which is moved on. */
void kt_state_news(struct kt_state *s, size_t *cursor, struct kt_arena *a,
                   void (*each)(void *ctx, const struct kt_subject *about, const struct kt_row_triage *t), void *ctx);

/* --- what else is remembered ------------------------------------------------- */

/* A source's position, written in one transaction with the rows up to
 * `after_seq`, not before them. */
bool kt_state_checkpoint_put(struct kt_state *s, struct kt_span source, struct kt_span position, uint64_t after_seq);
/* Is that position on disk by now, with the rows and what became known of keys
 * before it? True where nothing is written to disk. Asking hurries it. */
bool kt_state_checkpoint_kept(struct kt_state *s, struct kt_span source);
/* As it was when kt_state_load read it; in `a`. Unknown where there is none. */
struct kt_span kt_state_checkpoint_get(struct kt_state *s, struct kt_span source, struct kt_arena *a);

/* This person has looked at all rows up to `seq`. */
void kt_state_look(struct kt_state *s, uint64_t seq);
/* The id (kt_state_row) up to which this person had looked; 0: never. */
int64_t kt_state_looked(struct kt_state *s);

struct kt_state_stats {
    bool file;           /* on disk */
    bool read_only;
    bool failing;        /* the disk takes nothing now */
    char trouble[256];   /* what is wrong, a sentence; "" nothing */
    char path[256];      /* of state.db, cut */
    char who[KT_TRIAGE_WHO + 1];
    uint64_t rows;       /* in state.db */
    uint64_t bytes;      /* of state.db */
    uint64_t written;    /* rows, by this run */
    uint64_t waiting;    /* rows not written yet */
    uint64_t missed;     /* rows that left the store before they could be written */
    uint64_t deleted_age, deleted_size; /* rows, since the file was made */
    uint64_t deleted_lives, deleted_traces;
    uint64_t triage;     /* entries known */
    uint64_t unstored;   /* of them in triage.log alone, so far */
    uint64_t refused;    /* acts */
    char refusal[160];   /* why the last one was */
    uint64_t damaged;    /* lines of triage.log and rows that could not be read */
    uint64_t set_aside;  /* damaged files, by this run */
    char aside[256];     /* the last one's name */
    uint64_t version;    /* grows when something else here has changed */
};
void kt_state_get_stats(struct kt_state *s, struct kt_state_stats *out);
/* Waits until all that there was to write has been, or could not be: for tests. */
bool kt_state_settle(struct kt_state *s);
#endif
