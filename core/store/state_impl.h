/* The inside of state.h: for core/store/state*.c alone.
 *
 * `lock` guards what other threads look at; it is never held for I/O. All else
 * belongs to one thread: to that which calls kt_state_load, then to the
 * state's own. */
#ifndef KT_STORE_STATE_IMPL_H
#define KT_STORE_STATE_IMPL_H
#include "store/context.h"
#include "store/impl.h"
#include "store/state.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/types.h>

enum {
    STATE_APPLICATION = 0x6b746f70, /* "ktop" */
    STATE_VERSION = 3,
    BATCH_ROWS = 2000,
    LIVES_BATCH = 2000,
    MALFORMED_MAX = 1000,      /* rows: of more the oldest go */
    MALFORMED_TEXT = 64 << 10, /* of one whose text is longer it is left out */
    TRACES_BATCH = 2000,
    TRACES_SHARE = 4, /* they take no more than this part of the file */
    LIVES_MS = 10000, /* lives and traces change all the time: not more often than this */
    BATCH_BYTES = 4 << 20,
    REQUESTS_MAX = 1024,
    CHECKPOINTS_MAX = 10000,
    FLUSH_MS = 1000,
    RETRY_MS = 5000,  /* while the disk takes nothing */
    BUSY_MS = 5000,
    CHECK_MS = 3000,  /* quick_check gets no more time than this */
    PATH_ROOM = 4096
};

/* How it went with the disk. */
enum db { DB_OK, DB_BUSY, DB_FULL, DB_IO, DB_DAMAGED };

struct request { /* an act that is asked for */
    struct request *next;
    struct kt_triage_entry e;
    struct kt_arena *a;
    bool wait, done;
    enum kt_code code;
    char why[160];
};

struct checkpoint {
    char *source, *position;
    size_t n_source, n_position;
    uint64_t after_seq;
    bool dirty;
    uint64_t change; /* checkpoint_changes when it was put */
};

enum { S_TRIAGE_PUT, S_ROW_PUT, S_ROW_BACK, S_ROW_ID, S_CHECKPOINT_PUT, S_LOOK_PUT, S_COUNT_PUT, S_LIFE_GET, S_LIFE_PUT,
       S_MARKS_PUT, S_TRACE_GET, S_TRACE_PUT, S_FIGURE_PUT, STATEMENTS };

struct kt_state {
    struct kt_state_opts o;
    char path[PATH_ROOM], log_path[PATH_ROOM + 16], lock_path[PATH_ROOM + 16];
    bool file, started, loaded;
    bool no_db; /* refused, or beyond repair: triage.log alone */
    char who[KT_TRIAGE_WHO + 1];

    pthread_mutex_t lock;
    pthread_cond_t done; /* of requests, and of settling */
    bool locks;          /* the two above are there */
    struct kt_book *book;
    struct request *first, *last; /* the queue */
    size_t n_requests;
    struct checkpoint *checkpoint;
    size_t n_checkpoint, cap_checkpoint;
    uint64_t checkpoint_changes;
    uint64_t lives_upto; /* all that was learnt before that change is written */
    int64_t last_at; /* of this process's acts */
    uint64_t look; /* rows up to this one were looked at; 0: nothing to write */
    int64_t looked;
    struct kt_state_stats stats;
    uint64_t asked, settled; /* by kt_state_settle; up to there all was written, or could not be */

    sqlite3 *db;
    sqlite3_stmt *stmt[STATEMENTS];
    ino_t db_inode;
    dev_t db_device;
    int64_t data_version;
    int64_t triage_seen;  /* the greatest n of the table that was read */
    size_t stored;        /* entries of the book that are in the table */
    bool reopened;        /* what is in the table has to be found out anew */
    int64_t counted_at;   /* kt_mono_ms() of the last count of all rows */

    int log_fd, lock_fd, wake_fd, watch_fd, watch_log, watch_db;
    ino_t log_inode;
    off_t log_at;         /* read up to here */

    struct lives *lives;  /* NULL: no lives are kept */
    struct traces *traces; /* NULL: no traces are kept */
    int64_t lives_at;     /* kt_mono_ms(): not before then */
    struct kt_store *store;
    uint64_t saved;       /* rows up to this seq are written, or not to be */
    struct kt_arena *arena;
    void *zstd, *unzstd;
    pthread_t thread;
    atomic_bool stopping, armed; /* armed: the thread knows that there are rows */
    atomic_bool hurry;    /* a test waits */
    atomic_bool lives_wanted; /* a source waits for them */
    int64_t flush_at;     /* kt_mono_ms(); 0: nothing to write */
    bool failing, begun;  /* begun: limits were looked at since the start */
};

/* state_log.c */
bool log_open(struct kt_state *s, struct kt_err *e);
void log_close(struct kt_state *s);
/* Takes what is new in the log into the book. */
void log_take(struct kt_state *s);
/* Adds lines, synced: true where they are on disk. `why` gets a sentence. */
bool log_append(struct kt_state *s, struct kt_span lines, char *why, size_t size);
/* A lock of flock(2), waited for a while. */
bool lock_within(int fd, int how, int ms);

/* state_db.c */
enum kt_code db_admit(struct kt_state *s, struct kt_err *e); /* the file as it lies there */
enum db db_open(struct kt_state *s);
void db_close(struct kt_state *s);
/* Opens it; sets it aside and makes another one where it is damaged. */
enum db db_ready(struct kt_state *s);
enum db db_rebuild(struct kt_state *s);
enum db db_exec(struct kt_state *s, const char *sql);
enum db db_number(struct kt_state *s, const char *sql, int64_t *out);
enum db db_of(struct kt_state *s, int rc);
sqlite3_stmt *db_stmt(struct kt_state *s, int which); /* reset; NULL: db_of(sqlite3_errcode) */
enum db db_run(struct kt_state *s, sqlite3_stmt *q);  /* to its end, then reset */
/* A transaction in which the file cannot be changed for another one. */
enum db db_begin(struct kt_state *s);
enum db db_end(struct kt_state *s, enum db r); /* commits where r is DB_OK, else rolls back */
void db_trouble(struct kt_state *s, enum db r);

/* state_rows.c */
bool rows_init(struct kt_state *s);
void rows_free(struct kt_state *s);
/* The next batch; `*more`: there are others. Within a transaction; *to is what
 * `saved` becomes once it is committed. */
enum db rows_write(struct kt_state *s, uint64_t *to, uint64_t *written, uint64_t *missed, bool *more);
bool rows_waiting(struct kt_state *s, uint64_t *n);
enum db rows_read(struct kt_state *s, const char *const *address, size_t n,
                  bool (*row)(void *ctx, const struct kt_state_row *r), void *ctx);
/* Copies rows, lives and traces that can be read out of a damaged file. */
uint64_t rows_salvage(struct kt_state *s, const char *path);

/* row_image.c: a row's facts, without its origin and its text. Spans of what is
 * read borrow from the image. */
bool row_image_write(const struct kt_row *r, struct kt_buf *out);
bool row_image_read(struct kt_span image, struct kt_row *r);

/* state_lives.c. The first writes within a transaction, the last says how that
 * ended. */
enum db lives_write(struct kt_state *s, bool *more, bool *all);
void lives_written(struct kt_state *s, bool ok);
enum db lives_read(struct kt_state *s);
void lives_free(struct kt_state *s);
uint64_t lives_salvage(struct kt_state *s, sqlite3 *from);

/* state_traces.c, the same for what is known beside the rows */
enum db traces_write(struct kt_state *s, bool *more);
void traces_written(struct kt_state *s, bool ok);
bool traces_wait(const struct kt_state *s);
void traces_all(struct kt_state *s); /* are to be written anew */
enum db traces_read(struct kt_state *s);
void traces_free(struct kt_state *s);
uint64_t traces_salvage(struct kt_state *s, sqlite3 *from);
/* Lets go of those without news since `before`, and the oldest beyond their share. */
enum db traces_limits(struct kt_state *s, int64_t before);

/* state_keep.c */
enum db keep_limits(struct kt_state *s);
enum db keep_counts(struct kt_state *s);
enum db count_deleted(struct kt_state *s, const char *why, int64_t n); /* within a transaction */

/* state.c */
void state_say(struct kt_state *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void state_changed(struct kt_state *s);
/* Triage in the table that was not read yet. */
enum db state_take_triage(struct kt_state *s);
/* Under the lock; frees the request unless somebody waits for it. */
void state_settle_request(struct kt_state *s, struct request *r, enum kt_code code, const char *why);
void state_damaged(struct kt_state *s, uint64_t n);
#endif
