/* The state's own thread: acts of triage at once, all else once a second. */
#include "store/state_impl.h"

#include "store/kept.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { ACTS_AT_ONCE = 64 };

/* --- what others do -------------------------------------------------------------------- */

static void watch(struct kt_state *s)
{
    if (s->watch_fd < 0)
        return;
    /* the same file gives the same number again */
    s->watch_log = inotify_add_watch(s->watch_fd, s->log_path, IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF);
    s->watch_db = inotify_add_watch(s->watch_fd, s->path, IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF);
}

static void drain(int fd)
{
    char b[4096];
    ssize_t n;
    do
        n = read(fd, b, sizeof b);
    while (n > 0 || (n < 0 && errno == EINTR));
}

static size_t known(struct kt_state *s)
{
    pthread_mutex_lock(&s->lock);
    size_t n = kt_book_count(s->book);
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* Triage that could not be logged stands in the table alone. */
static void take_others(struct kt_state *s)
{
    size_t before = known(s);
    int64_t version = s->data_version;
    log_take(s);
    if (s->db && db_number(s, "PRAGMA data_version", &version) == DB_OK && version != s->data_version) {
        s->data_version = version;
        s->counted_at = 0;
        if (state_take_triage(s) == DB_DAMAGED)
            (void)db_rebuild(s);
    }
    if (known(s) == before)
        return;
    pthread_mutex_lock(&s->lock);
    s->stats.version++;
    pthread_mutex_unlock(&s->lock);
    state_changed(s);
    s->flush_at = s->flush_at ? s->flush_at : kt_mono_ms() + FLUSH_MS;
}

/* --- triage ------------------------------------------------------------------------------ */

static enum db put_triage(struct kt_state *s, const struct kt_triage_entry *e)
{
    struct kt_buf b;
    kt_buf_init(&b, KT_TRIAGE_LINE + 1);
    bool ok = kt_triage_write(&b, e);
    sqlite3_stmt *q = ok ? db_stmt(s, S_TRIAGE_PUT) : NULL;
    if (q) {
        (void)sqlite3_bind_blob(q, 1, e->uuid, 16, SQLITE_STATIC);
        (void)sqlite3_bind_text(q, 2, b.p, (int)b.len - 1, SQLITE_STATIC);
    }
    enum db r = ok ? db_run(s, q) : DB_OK;
    kt_buf_free(&b);
    return r;
}

/* The log took nothing: is there room in the table? */
static enum db store_now(struct kt_state *s, struct request *const *act, size_t n)
{
    enum db r = s->no_db ? DB_IO : db_begin(s);
    if (r != DB_OK)
        return r;
    for (size_t i = 0; r == DB_OK && i < n; i++)
        r = put_triage(s, &act[i]->e);
    return db_end(s, r);
}

static size_t next_acts(struct kt_state *s, struct request *act[ACTS_AT_ONCE])
{
    size_t n = 0;
    pthread_mutex_lock(&s->lock);
    while (s->first && n < ACTS_AT_ONCE) {
        act[n++] = s->first;
        s->first = s->first->next;
        s->n_requests--;
    }
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* On disk first, then known. */
static bool do_acts(struct kt_state *s)
{
    struct request *act[ACTS_AT_ONCE];
    char why[160] = "there is no room for more triage";
    struct kt_buf b;
    size_t n = next_acts(s, act);
    if (!n)
        return false;
    bool room = known(s) + n <= KT_TRIAGE_ENTRIES, ok = room;
    kt_buf_init(&b, (size_t)ACTS_AT_ONCE * KT_TRIAGE_LINE);
    for (size_t i = 0; ok && i < n; i++)
        ok = kt_triage_write(&b, &act[i]->e);
    if (room)
        ok = ok && log_append(s, kt_buf_span(&b), why, sizeof why);
    if (room && !ok)
        ok = store_now(s, act, n) == DB_OK;
    kt_buf_free(&b);
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < n; i++) {
        if (ok)
            (void)kt_book_add(s->book, &act[i]->e);
        state_settle_request(s, act[i], ok ? KT_OK : KT_EIO, ok ? "" : why);
    }
    s->stats.triage = kt_book_count(s->book);
    (void)pthread_cond_broadcast(&s->done);
    pthread_mutex_unlock(&s->lock);
    state_changed(s);
    s->flush_at = s->flush_at ? s->flush_at : kt_mono_ms() + FLUSH_MS;
    return true;
}

/* --- a flush --------------------------------------------------------------------------------- */

/* Entries that the table may not have yet. */
static enum db write_triage(struct kt_state *s, size_t *stored)
{
    enum db r = DB_OK;
    *stored = s->stored;
    for (int i = 0; r == DB_OK && i < BATCH_ROWS; i++) {
        pthread_mutex_lock(&s->lock);
        bool more = *stored < kt_book_count(s->book);
        struct kt_triage_entry e = {0};
        if (more)
            e = kt_book_at(s->book, *stored); /* never moved while there is a book */
        pthread_mutex_unlock(&s->lock);
        if (!more)
            break;
        r = put_triage(s, &e);
        ++*stored;
    }
    return r;
}

static enum db write_checkpoints(struct kt_state *s, uint64_t saved)
{
    enum db r = DB_OK;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; r == DB_OK && i < s->n_checkpoint; i++) {
        struct checkpoint c = s->checkpoint[i];
        sqlite3_stmt *q = c.dirty && c.after_seq <= saved ? db_stmt(s, S_CHECKPOINT_PUT) : NULL;
        if (!q)
            continue;
        (void)sqlite3_bind_text(q, 1, c.source, (int)c.n_source, SQLITE_TRANSIENT);
        (void)sqlite3_bind_blob(q, 2, c.position, (int)c.n_position, SQLITE_TRANSIENT);
        (void)sqlite3_bind_int64(q, 3, kt_now(s->o.clock));
        pthread_mutex_unlock(&s->lock); /* it may be replaced meanwhile: then it is written again */
        r = db_run(s, q);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return r;
}

static void checkpoints_written(struct kt_state *s, uint64_t saved, uint64_t counted)
{
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n_checkpoint; i++)
        if (s->checkpoint[i].after_seq <= saved && s->checkpoint[i].change <= counted)
            s->checkpoint[i].dirty = false;
    pthread_mutex_unlock(&s->lock);
}

/* The id of the newest row up to `seq` that is in the table. */
static enum db id_of(struct kt_state *s, uint64_t seq, int64_t *id)
{
    enum { FAR = 1000 };
    enum db r = DB_OK;
    *id = 0;
    for (int i = 0; r == DB_OK && !*id && seq && i < FAR; i++, seq--) {
        struct kt_row row;
        kt_arena_reset(s->arena);
        if (!kt_store_row(s->store, seq, false, s->arena, &row))
            continue;
        sqlite3_stmt *q = db_stmt(s, S_ROW_ID);
        if (!q)
            return db_of(s, sqlite3_errcode(s->db));
        (void)sqlite3_bind_blob(q, 1, row.digest, 16, SQLITE_STATIC);
        int rc = sqlite3_step(q);
        if (rc == SQLITE_ROW)
            *id = sqlite3_column_int64(q, 0);
        r = db_of(s, rc);
        (void)sqlite3_reset(q);
    }
    return r;
}

static enum db write_look(struct kt_state *s, uint64_t look, uint64_t saved)
{
    int64_t id;
    if (!look || look > saved)
        return DB_OK;
    enum db r = id_of(s, look, &id);
    if (r != DB_OK || !id)
        return r;
    sqlite3_stmt *q = db_stmt(s, S_LOOK_PUT);
    if (q) {
        (void)sqlite3_bind_text(q, 1, s->who, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(q, 2, id);
        (void)sqlite3_bind_int64(q, 3, kt_now(s->o.clock));
    }
    return db_run(s, q);
}

static bool lives_wait(const struct kt_state *s)
{
    return (s->lives && kt_store_lives_changed(s->store)) || traces_wait(s);
}

/* Lives and traces go last of all, and at once where there is no later. */
static bool lives_due(const struct kt_state *s)
{
    return lives_wait(s) && (atomic_load(&s->stopping) || atomic_load(&s->hurry) || atomic_load(&s->lives_wanted) ||
                              kt_mono_ms() >= s->lives_at);
}

struct batch {
    uint64_t saved, written, missed, look, changes;
    size_t stored;
    bool more, more_lives, more_traces, all_lives; /* all: what had changed before is written */
};

static enum db write_batch(struct kt_state *s, struct batch *b)
{
    pthread_mutex_lock(&s->lock);
    b->look = s->look;
    b->changes = s->checkpoint_changes;
    pthread_mutex_unlock(&s->lock);
    enum db r = write_triage(s, &b->stored);
    if (r == DB_OK)
        r = rows_write(s, &b->saved, &b->written, &b->missed, &b->more);
    if (r == DB_OK)
        r = write_checkpoints(s, b->saved);
    bool lives = lives_due(s);
    b->all_lives = !lives_wait(s) || lives;
    if (r == DB_OK && lives && s->lives)
        r = lives_write(s, &b->more_lives, &b->all_lives);
    if (r == DB_OK && lives && s->traces)
        r = traces_write(s, &b->more_traces);
    b->all_lives &= !b->more_traces;
    return r == DB_OK ? write_look(s, b->look, b->saved) : r;
}

static void batch_written(struct kt_state *s, const struct batch *b)
{
    s->stored = b->stored;
    s->saved = b->saved;
    checkpoints_written(s, b->saved, b->changes);
    pthread_mutex_lock(&s->lock);
    if (s->look == b->look && b->look <= b->saved)
        s->look = 0;
    if (b->all_lives)
        s->lives_upto = b->changes;
    s->stats.rows += b->written;
    s->stats.written += b->written;
    s->stats.missed += b->missed;
    s->stats.version += b->missed > 0;
    pthread_mutex_unlock(&s->lock);
}

/* What is in a file that was opened anew is not known: all that there is in
 * memory is written again, and what is there already stays as it is. */
static void start_over(struct kt_state *s)
{
    s->reopened = false;
    s->counted_at = 0;
    store_lock(s->store);
    s->saved = s->store->first - 1;
    store_unlock(s->store);
    if (s->lives)
        kt_store_lives_all(s->store);
    traces_all(s);
    watch(s);
}

static enum db flush_batch(struct kt_state *s, bool *more)
{
    struct batch b = {.saved = s->saved};
    enum db r = db_begin(s);
    if (r != DB_OK)
        return r;
    if (s->reopened)
        start_over(s);
    r = db_end(s, write_batch(s, &b));
    if (s->lives)
        lives_written(s, r == DB_OK);
    if (s->traces)
        traces_written(s, r == DB_OK);
    if (r != DB_OK)
        return r;
    batch_written(s, &b);
    *more = b.more || b.more_lives || b.more_traces || s->stored < known(s);
    return DB_OK;
}

static void note_waiting(struct kt_state *s)
{
    uint64_t n = 0;
    (void)rows_waiting(s, &n);
    size_t known_now = known(s);
    pthread_mutex_lock(&s->lock);
    s->stats.waiting = n;
    s->stats.unstored = known_now - (s->stored < known_now ? s->stored : known_now);
    pthread_mutex_unlock(&s->lock);
}

static bool checkpoints_wait(struct kt_state *s)
{
    pthread_mutex_lock(&s->lock);
    bool yes = s->look > 0;
    for (size_t i = 0; i < s->n_checkpoint && !yes; i++)
        yes = s->checkpoint[i].dirty && s->checkpoint[i].after_seq <= s->saved;
    pthread_mutex_unlock(&s->lock);
    return yes;
}

/* Facts come all the time, and most have nothing to be written now. */
static bool is_idle(struct kt_state *s)
{
    uint64_t n;
    return s->begun && !s->reopened && !rows_waiting(s, &n) && s->stored >= known(s) && !checkpoints_wait(s) &&
           !lives_due(s);
}

static enum db flush_all(struct kt_state *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t changes = s->checkpoint_changes;
    pthread_mutex_unlock(&s->lock);
    bool none = !lives_wait(s), more = !is_idle(s), lives = lives_due(s);
    enum db r = DB_OK;
    if (none) {
        pthread_mutex_lock(&s->lock);
        s->lives_upto = changes;
        pthread_mutex_unlock(&s->lock);
    }
    if (!more)
        return DB_OK;
    while (r == DB_OK && more) {
        more = false;
        r = flush_batch(s, &more);
        while (more && do_acts(s)) /* a person does not wait for a long catching up */
            ;
        if (r == DB_OK)
            r = keep_limits(s);
    }
    if (r == DB_OK)
        atomic_store(&s->lives_wanted, false);
    if (r == DB_OK && lives)
        s->lives_at = kt_mono_ms() + LIVES_MS;
    s->begun |= r == DB_OK;
    return r == DB_OK ? keep_counts(s) : r;
}

static void flush(struct kt_state *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t asked = s->asked;
    pthread_mutex_unlock(&s->lock);
    atomic_store(&s->armed, false);
    while (do_acts(s))
        ;
    enum db r = s->no_db ? DB_OK : flush_all(s);
    if (r == DB_DAMAGED) {
        r = db_rebuild(s);
        if (r == DB_OK)
            r = flush_all(s);
    }
    db_trouble(s, r);
    note_waiting(s);
    s->failing = r != DB_OK;
    s->flush_at = s->failing ? kt_mono_ms() + RETRY_MS : lives_wait(s) ? s->lives_at : 0;
    pthread_mutex_lock(&s->lock);
    s->settled = asked;
    (void)pthread_cond_broadcast(&s->done);
    pthread_mutex_unlock(&s->lock);
}

/* --- the thread --------------------------------------------------------------------------------- */

static int patience(const struct kt_state *s)
{
    if (!s->flush_at)
        return -1;
    int64_t ms = s->flush_at - kt_mono_ms();
    return ms < 0 ? 0 : (int)ms;
}

static void *run(void *arg)
{
    struct kt_state *s = arg;
    watch(s);
    take_others(s);
    while (!atomic_load(&s->stopping)) {
        struct pollfd f[2] = {{.fd = s->wake_fd, .events = POLLIN}, {.fd = s->watch_fd, .events = POLLIN}};
        if (poll(f, 2, patience(s)) < 0 && errno != EINTR)
            break;
        if (f[0].revents)
            drain(s->wake_fd);
        while (do_acts(s))
            ;
        if (f[1].revents) {
            drain(s->watch_fd);
            take_others(s);
        }
        int64_t soon = kt_mono_ms() + FLUSH_MS;
        if (!s->failing && atomic_load(&s->armed) && (!s->flush_at || soon < s->flush_at))
            s->flush_at = soon;
        if (s->flush_at && (kt_mono_ms() >= s->flush_at || atomic_load(&s->hurry)))
            flush(s);
    }
    while (do_acts(s))
        ;
    flush(s);
    return NULL;
}

enum kt_code kt_state_start(struct kt_state *s, struct kt_store *store, struct kt_err *e)
{
    s->store = store;
    if (!s->file)
        return KT_OK;
    store_lock(store);
    s->saved = store->next - 1;
    store_unlock(store);
    s->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    s->flush_at = kt_mono_ms() + FLUSH_MS; /* retention, and what the log had and the table had not */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&s->thread, NULL, run, s);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0)
        return kt_fail(e, KT_ENOMEM, "cannot start a thread: %s", strerror(rc));
    s->started = true;
    return KT_OK;
}

bool kt_state_settle(struct kt_state *s)
{
    if (!s->started)
        return true;
    pthread_mutex_lock(&s->lock);
    uint64_t asked = ++s->asked;
    pthread_mutex_unlock(&s->lock);
    atomic_store(&s->hurry, true);
    atomic_store(&s->armed, true);
    (void)eventfd_write(s->wake_fd, 1);
    pthread_mutex_lock(&s->lock);
    while (s->settled < asked)
        (void)pthread_cond_wait(&s->done, &s->lock);
    bool ok = !s->stats.failing;
    pthread_mutex_unlock(&s->lock);
    atomic_store(&s->hurry, false);
    return ok;
}
