/* The state as others see it, and its thread. */
#include "store/state.h"

#include "base/hash.h"
#include "store/state_impl.h"
#include "text/text.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

enum { ARENA = 64 << 20 };

/* --- saying ------------------------------------------------------------------------ */

void state_changed(struct kt_state *s)
{
    if (s->o.changed)
        s->o.changed(s->o.ctx);
}

void state_say(struct kt_state *s, const char *fmt, ...)
{
    char text[sizeof s->stats.trouble];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    pthread_mutex_lock(&s->lock);
    bool other = strcmp(text, s->stats.trouble) != 0;
    if (other) {
        memcpy(s->stats.trouble, text, sizeof text);
        s->stats.failing = text[0] != '\0';
        s->stats.version++;
    }
    pthread_mutex_unlock(&s->lock);
    if (other)
        state_changed(s);
}

void state_damaged(struct kt_state *s, uint64_t n)
{
    if (!n)
        return;
    pthread_mutex_lock(&s->lock);
    s->stats.damaged += n;
    s->stats.version++;
    pthread_mutex_unlock(&s->lock);
}

/* --- where it is --------------------------------------------------------------------- */

bool kt_state_default_path(char *out, size_t size)
{
    const char *base = getenv("XDG_STATE_HOME"), *rest = "keytop/state.db";
    if (!base || base[0] != '/') {
        base = getenv("HOME");
        rest = ".local/state/keytop/state.db";
    }
    int n = base && base[0] == '/' ? snprintf(out, size, "%s/%s", base, rest) : -1;
    if (n > 0 && (size_t)n < size)
        return true;
    out[0] = '\0';
    return false;
}

/* The folders of the path that are not there. */
static bool make_folders(const char *path)
{
    char at[PATH_ROOM];
    snprintf(at, sizeof at, "%s", path);
    for (char *p = at + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        if (mkdir(at, 0700) != 0 && errno != EEXIST && errno != EISDIR && errno != EROFS && errno != EACCES)
            return false;
        *p = '/';
    }
    return true;
}

/* Networks' file systems by their magic numbers (statfs(2)): their locks
 * cannot be relied on. */
static bool is_far(const char *folder)
{
    static const unsigned long far[] = {0x6969, 0x517B, 0xFF534D42, 0xFE534D42, 0x01021997, 0x5346414F, 0x00C36400};
    struct statfs fs;
    if (statfs(folder, &fs) != 0)
        return false;
    for (size_t i = 0; i < sizeof far / sizeof *far; i++)
        if ((unsigned long)(fs.f_type & 0xFFFFFFFF) == far[i])
            return true;
    return false;
}

static bool set_paths(struct kt_state *s, char folder[PATH_ROOM])
{
    int n = snprintf(s->path, sizeof s->path, s->o.path[0] == '/' ? "%s" : "./%s", s->o.path);
    if (n < 0 || n >= (int)sizeof s->path)
        return false;
    snprintf(folder, PATH_ROOM, "%s", s->path);
    char *slash = strrchr(folder, '/');
    const char *base = strrchr(s->path, '/') + 1;
    if (!*base)
        return false;
    slash[slash == folder] = '\0';
    snprintf(s->lock_path, sizeof s->lock_path, "%s.lock", s->path);
    if (strcmp(base, "state.db") == 0)
        snprintf(s->log_path, sizeof s->log_path, "%.*striage.log", (int)(base - s->path), s->path);
    else
        snprintf(s->log_path, sizeof s->log_path, "%s.triage.log", s->path);
    snprintf(s->stats.path, sizeof s->stats.path, "%.250s", s->path);
    return true;
}

/* user@host, as plain text. */
static void set_who(struct kt_state *s)
{
    char host[128] = "", room[4096];
    struct passwd pw, *found = NULL;
    struct kt_buf b;
    if (s->o.who) {
        snprintf(s->who, sizeof s->who, "%s", s->o.who);
        memcpy(s->stats.who, s->who, sizeof s->who);
        return;
    }
    kt_buf_init(&b, sizeof s->who - 1);
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    if (getpwuid_r(geteuid(), &pw, room, sizeof room, &found) == 0 && found)
        kt_text_plain(&b, kt_span_of(found->pw_name), KT_TEXT_IDENTITY, true);
    else
        kt_buf_addf(&b, "uid%u", (unsigned)geteuid());
    kt_buf_addc(&b, '@');
    kt_text_plain(&b, kt_span_of(host), KT_TEXT_IDENTITY, true);
    snprintf(s->who, sizeof s->who, "%s", kt_buf_str(&b));
    memcpy(s->stats.who, s->who, sizeof s->who);
    kt_buf_free(&b);
}

/* --- a life ---------------------------------------------------------------------------- */

static enum kt_code open_files(struct kt_state *s, struct kt_err *e)
{
    char folder[PATH_ROOM];
    if (!set_paths(s, folder))
        return kt_fail(e, KT_EUSAGE, "%s: not a path of a file", s->o.path);
    if (!make_folders(s->path))
        return kt_fail(e, KT_EIO, "%s: %s", folder, strerror(errno));
    if (is_far(folder))
        return kt_fail(e, KT_EUNSUPPORTED, "%s: lies on a network's file system, whose locks cannot be relied on; "
                       "--state names another place", folder);
    enum kt_code rc = db_admit(s, e);
    struct kt_err own = {0};
    if (rc == KT_OK && !log_open(s, &own))
        return kt_fail(e, own.code, "%s", own.text);
    if (rc)
        return rc;
    s->lock_fd = open(s->lock_path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    return s->lock_fd >= 0 ? KT_OK : kt_fail(e, KT_EIO, "%s: %s", s->lock_path, strerror(errno));
}

static bool init(struct kt_state *s)
{
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0)
        return false;
    bool ok = pthread_mutex_init(&s->lock, NULL) == 0;
    if (ok && pthread_cond_init(&s->done, &monotonic) != 0) {
        (void)pthread_mutex_destroy(&s->lock);
        ok = false;
    }
    (void)pthread_condattr_destroy(&monotonic);
    s->locks = ok;
    s->book = ok ? kt_book_new() : NULL;
    s->arena = s->book ? kt_arena_new(ARENA) : NULL;
    s->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    atomic_init(&s->stopping, false);
    atomic_init(&s->armed, false);
    return s->arena && s->wake_fd >= 0 && rows_init(s);
}

static void close_files(struct kt_state *s)
{
    log_close(s);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    s->lock_fd = -1;
    s->file = s->stats.file = false;
}

static enum kt_code set_up(struct kt_state *s, struct kt_err *e)
{
    struct kt_err own = {0};
    if (!init(s))
        return kt_fail(e, KT_ENOMEM, "out of memory");
    set_who(s);
    enum kt_code rc = s->file ? open_files(s, &own) : KT_OK;
    if (rc == KT_OK)
        return KT_OK;
    if (!s->o.optional)
        return kt_fail(e, rc, "%s", own.text);
    close_files(s);
    snprintf(s->stats.trouble, sizeof s->stats.trouble, "nothing is kept on disk: %.220s", own.text);
    return KT_OK;
}

enum kt_code kt_state_open(struct kt_state **out, const struct kt_state_opts *o, struct kt_err *e)
{
    struct kt_state *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    s->o = *o;
    s->o.keep_ms = o->keep_ms > 0 ? o->keep_ms : KT_STATE_KEEP_MS;
    s->o.bytes_max = o->bytes_max ? o->bytes_max : KT_STATE_BYTES;
    if (s->o.bytes_max < KT_STATE_BYTES_MIN)
        s->o.bytes_max = KT_STATE_BYTES_MIN;
    s->log_fd = s->lock_fd = s->wake_fd = s->watch_fd = s->watch_log = s->watch_db = -1;
    s->file = s->stats.file = o->path != NULL;
    s->stats.read_only = o->read_only;
    enum kt_code rc = set_up(s, e);
    if (rc == KT_OK)
        *out = s;
    else
        kt_state_close(s);
    return rc;
}

static void free_request(struct request *r)
{
    kt_arena_free(r->a);
    free(r);
}

static void free_checkpoint(struct checkpoint *c)
{
    free(c->source);
    free(c->position);
}

void kt_state_close(struct kt_state *s)
{
    if (!s)
        return;
    if (s->started) {
        atomic_store(&s->stopping, true);
        (void)eventfd_write(s->wake_fd, 1);
        (void)pthread_join(s->thread, NULL);
    }
    for (struct request *r = s->first, *next; r; r = next) {
        next = r->next;
        free_request(r);
    }
    for (size_t i = 0; i < s->n_checkpoint; i++)
        free_checkpoint(&s->checkpoint[i]);
    free(s->checkpoint);
    db_close(s);
    log_close(s);
    const int fds[] = {s->lock_fd, s->wake_fd, s->watch_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    rows_free(s);
    lives_free(s);
    traces_free(s);
    kt_book_free(s->book);
    kt_arena_free(s->arena);
    if (s->locks) {
        (void)pthread_cond_destroy(&s->done);
        (void)pthread_mutex_destroy(&s->lock);
    }
    free(s);
}

/* --- reading what is there ---------------------------------------------------------------- */

/* A line of the table that is not whole gives way to that of the log. */
enum db state_take_triage(struct kt_state *s)
{
    sqlite3_stmt *q = NULL;
    uint64_t damaged = 0;
    int64_t from = s->triage_seen;
    int rc = sqlite3_prepare_v2(s->db, "SELECT n, line, uuid FROM triage WHERE n > ? ORDER BY n", -1, &q, NULL);
    if (rc == SQLITE_OK)
        (void)sqlite3_bind_int64(q, 1, from);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        struct kt_triage_entry e;
        rc = sqlite3_step(q);
        if (rc != SQLITE_ROW)
            break;
        kt_arena_reset(s->arena);
        s->triage_seen = sqlite3_column_int64(q, 0);
        struct kt_span line = {(const char *)sqlite3_column_text(q, 1), (size_t)sqlite3_column_bytes(q, 1)};
        bool whole = line.p && kt_triage_read(line, s->arena, &e) && sqlite3_column_bytes(q, 2) == 16 &&
                     memcmp(e.uuid, sqlite3_column_blob(q, 2), 16) == 0;
        damaged += !whole;
        pthread_mutex_lock(&s->lock);
        if (whole)
            (void)kt_book_add(s->book, &e);
        s->stats.triage = kt_book_count(s->book);
        pthread_mutex_unlock(&s->lock);
    }
    (void)sqlite3_finalize(q);
    state_damaged(s, damaged);
    enum db r = db_of(s, rc);
    return damaged && r == DB_OK ? DB_DAMAGED : r;
}

static bool keep_checkpoint(struct kt_state *s, struct kt_span source, struct kt_span position, uint64_t after,
                            bool dirty)
{
    struct checkpoint *c = NULL;
    for (size_t i = 0; i < s->n_checkpoint && !c; i++)
        if (s->checkpoint[i].n_source == source.n && memcmp(s->checkpoint[i].source, source.p, source.n) == 0)
            c = &s->checkpoint[i];
    char *copy = malloc(position.n + 1), *name = c ? c->source : malloc(source.n + 1);
    bool room = c || kt_grow(&s->checkpoint, &s->cap_checkpoint, s->n_checkpoint + 1, sizeof *c, CHECKPOINTS_MAX);
    if (!copy || !name || !room) {
        free(copy);
        if (!c)
            free(name);
        return false;
    }
    memcpy(copy, position.p, position.n);
    if (c)
        free(c->position);
    else
        memcpy(name, source.p, source.n);
    c = c ? c : &s->checkpoint[s->n_checkpoint++];
    s->checkpoint_changes++;
    *c = (struct checkpoint){name, copy, source.n, position.n, after, dirty, s->checkpoint_changes};
    return true;
}

static enum db take_rest(struct kt_state *s)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(s->db, "SELECT source, position FROM checkpoint", -1, &q, NULL);
    while (rc == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW) {
        const char *source = (const char *)sqlite3_column_text(q, 0), *position = sqlite3_column_blob(q, 1);
        struct kt_span p = {position ? position : "", (size_t)sqlite3_column_bytes(q, 1)};
        pthread_mutex_lock(&s->lock);
        if (source)
            (void)keep_checkpoint(s, kt_span_of(source), p, 0, false);
        pthread_mutex_unlock(&s->lock);
    }
    (void)sqlite3_finalize(q);
    q = NULL;
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(s->db, "SELECT event FROM looked WHERE who = ?", -1, &q, NULL);
    if (rc == SQLITE_OK)
        (void)sqlite3_bind_text(q, 1, s->who, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        pthread_mutex_lock(&s->lock);
        s->looked = sqlite3_column_int64(q, 0);
        pthread_mutex_unlock(&s->lock);
    }
    (void)sqlite3_finalize(q);
    return db_of(s, rc);
}

static enum db read_all(struct kt_state *s, const char *const *address, size_t n,
                        bool (*row)(void *ctx, const struct kt_state_row *r), void *ctx)
{
    enum db r = state_take_triage(s);
    if (r == DB_OK)
        r = take_rest(s);
    if (r == DB_OK)
        r = lives_read(s);
    if (r == DB_OK)
        r = traces_read(s);
    if (r == DB_OK)
        r = keep_counts(s);
    return r == DB_OK && row ? rows_read(s, address, n, row, ctx) : r;
}

void kt_state_load(struct kt_state *s, const char *const *address, size_t n,
                   bool (*row)(void *ctx, const struct kt_state_row *r), void *ctx)
{
    s->loaded = true;
    if (!s->file)
        return;
    log_take(s);
    enum db r = db_ready(s); /* what its check reads is read again at once */
    if (r == DB_OK)
        r = read_all(s, address, n, row, ctx);
    if (r == DB_DAMAGED && (r = db_rebuild(s)) == DB_OK) /* rows that came twice are known by their content */
        r = read_all(s, address, n, row, ctx);
    db_trouble(s, r);
    if (s->db)
        (void)db_exec(s, "PRAGMA cache_size=-2000; PRAGMA shrink_memory");
    s->reopened = false;
    state_changed(s);
}

/* --- asking --------------------------------------------------------------------------------- */

static bool new_uuid(uint8_t out[16])
{
    if (getrandom(out, 16, 0) != 16)
        return false;
    out[6] = (uint8_t)(0x40 | (out[6] & 0x0f)); /* RFC 9562, version 4 */
    out[8] = (uint8_t)(0x80 | (out[8] & 0x3f));
    return true;
}

static struct request *new_request(struct kt_state *s, const struct kt_triage_entry *e)
{
    struct request *r = calloc(1, sizeof *r);
    if (r)
        r->a = kt_arena_new(1 << 20);
    if (!r || !r->a || !new_uuid(r->e.uuid)) {
        if (r)
            free_request(r);
        return NULL;
    }
    r->e.at = kt_now(s->o.clock);
    r->e.action = e->action;
    memcpy(r->e.about.digest, e->about.digest, 16);
    r->e.who = kt_span_of(s->who);
    r->e.about.event_id = kt_arena_span(r->a, e->about.event_id);
    r->e.about.key = kt_arena_span(r->a, e->about.key);
    r->e.text = kt_arena_span(r->a, e->text);
    return r;
}

void state_settle_request(struct kt_state *s, struct request *r, enum kt_code code, const char *why)
{
    r->code = code;
    r->done = true;
    snprintf(r->why, sizeof r->why, "%s", why);
    if (code != KT_OK) {
        s->stats.refused++;
        snprintf(s->stats.refusal, sizeof s->stats.refusal, "%s", why);
    }
    s->stats.version++;
    if (!r->wait)
        free_request(r);
}

/* Without a file there is no disk to wait for. Under the lock. */
static void do_in_memory(struct kt_state *s, struct request *r)
{
    bool full = kt_book_add(s->book, &r->e) == KT_BOOK_FULL;
    s->stats.triage = kt_book_count(s->book);
    state_settle_request(s, r, full ? KT_ELIMIT : KT_OK, full ? "there is no room for more triage" : "");
}

/* Acts are ordered by their times: one comes after all that its person could
 * know of, whatever the clocks say. Under the lock. */
static void set_time(struct kt_state *s, struct request *r)
{
    size_t n;
    const struct kt_triage_entry *e = kt_book_history(s->book, &r->e.about, r->a, &n);
    if (e && r->e.at <= e[n - 1].at)
        r->e.at = e[n - 1].at + 1;
    if (r->e.at <= s->last_at)
        r->e.at = s->last_at + 1;
    s->last_at = r->e.at;
}

static enum kt_code ask(struct kt_state *s, const struct kt_triage_entry *e, bool wait, struct kt_err *err)
{
    if (s->o.read_only)
        return kt_fail(err, KT_EUSAGE, "read-only: nothing is acknowledged, noted or tagged here");
    if (e->text.n > KT_TRIAGE_TEXT)
        return kt_fail(err, KT_ELIMIT, "longer than %d bytes", KT_TRIAGE_TEXT);
    struct request *r = new_request(s, e);
    if (!r)
        return kt_fail(err, KT_ENOMEM, "out of memory");
    r->wait = wait;
    pthread_mutex_lock(&s->lock);
    bool full = s->n_requests >= REQUESTS_MAX;
    set_time(s, r);
    if (full) {
        r->wait = false;
        state_settle_request(s, r, KT_ELIMIT, "too much triage waits for the disk");
    } else if (!s->file) {
        do_in_memory(s, r);
    } else {
        *(s->first ? &s->last->next : &s->first) = r;
        s->last = r;
        s->n_requests++;
        (void)eventfd_write(s->wake_fd, 1);
        while (wait && !r->done)
            (void)pthread_cond_wait(&s->done, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    if (full)
        return kt_fail(err, KT_ELIMIT, "too much triage waits for the disk");
    if (!s->file)
        state_changed(s);
    enum kt_code code = wait ? r->code : KT_OK;
    if (code)
        kt_fail(err, code, "%s", r->why);
    if (wait)
        free_request(r);
    return code;
}

enum kt_code kt_state_triage(struct kt_state *s, enum kt_triage_action action, const struct kt_subject *about,
                             struct kt_span text, bool wait, struct kt_err *e)
{
    bool empty = text.n == 0 && (action == KT_TRIAGE_NOTE || action == KT_TRIAGE_TAG);
    if (empty || action == KT_TRIAGE_UNDO)
        return kt_fail(e, KT_EUSAGE, "nothing to say");
    return ask(s, &(struct kt_triage_entry){.action = action, .about = *about, .text = text}, wait, e);
}

enum kt_code kt_state_undo(struct kt_state *s, struct kt_arena *a, struct kt_triage_entry *what, struct kt_err *e)
{
    struct kt_triage_entry last;
    char uuid[33];
    pthread_mutex_lock(&s->lock);
    bool found = kt_book_last_of(s->book, kt_span_of(s->who), &last);
    if (found) {
        last.text = kt_arena_span(a, last.text);
        last.who = kt_arena_span(a, last.who);
        last.about.event_id = kt_arena_span(a, last.about.event_id);
        last.about.key = kt_arena_span(a, last.about.key);
    }
    pthread_mutex_unlock(&s->lock);
    if (!found)
        return kt_fail(e, KT_EUSAGE, "%s has done nothing here that could be taken back", s->who);
    kt_hex(last.uuid, 16, uuid);
    if (what)
        *what = last;
    return ask(s, &(struct kt_triage_entry){.action = KT_TRIAGE_UNDO, .about = last.about, .text = kt_span_of(uuid)},
               false, e);
}

static struct kt_span own(struct kt_arena *a, struct kt_span s)
{
    return kt_arena_span(a, s);
}

struct kt_triage_entry *kt_state_history(struct kt_state *s, const struct kt_subject *about, struct kt_arena *a,
                                         size_t *n)
{
    pthread_mutex_lock(&s->lock);
    struct kt_triage_entry *e = kt_book_history(s->book, about, a, n);
    for (size_t i = 0; e && i < *n; i++) {
        e[i].who = own(a, e[i].who);
        e[i].text = own(a, e[i].text);
        e[i].about.event_id = own(a, e[i].about.event_id);
        e[i].about.key = own(a, e[i].about.key);
    }
    pthread_mutex_unlock(&s->lock);
    return e;
}

void kt_state_holds(struct kt_state *s, const struct kt_subject *about, struct kt_arena *a, struct kt_row_triage *out)
{
    pthread_mutex_lock(&s->lock);
    kt_book_fold(s->book, about, a, out);
    pthread_mutex_unlock(&s->lock);
}

void kt_state_news(struct kt_state *s, size_t *cursor, struct kt_arena *a,
                   void (*each)(void *ctx, const struct kt_subject *about, const struct kt_row_triage *t), void *ctx)
{
    for (;;) {
        struct kt_triage_entry e;
        struct kt_row_triage t;
        kt_arena_reset(a);
        pthread_mutex_lock(&s->lock);
        bool more = *cursor < kt_book_count(s->book);
        if (more) {
            e = kt_book_at(s->book, (*cursor)++);
            kt_book_fold(s->book, &e.about, a, &t);
        }
        pthread_mutex_unlock(&s->lock);
        if (!more)
            return;
        if (!kt_span_known(e.about.key))
            each(ctx, &e.about, &t);
    }
}

bool kt_state_checkpoint_put(struct kt_state *s, struct kt_span source, struct kt_span position, uint64_t after_seq)
{
    pthread_mutex_lock(&s->lock);
    bool ok = kt_span_known(source) && kt_span_known(position) && keep_checkpoint(s, source, position, after_seq, true);
    pthread_mutex_unlock(&s->lock);
    kt_state_rows(s);
    return ok;
}

bool kt_state_checkpoint_kept(struct kt_state *s, struct kt_span source)
{
    bool kept = false;
    if (!s->file)
        return true;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n_checkpoint; i++) {
        const struct checkpoint *c = &s->checkpoint[i];
        if (kt_span_eq(source, (struct kt_span){c->source, c->n_source}))
            kept = !c->dirty && c->change <= s->lives_upto;
    }
    pthread_mutex_unlock(&s->lock);
    if (!kept && !atomic_exchange(&s->lives_wanted, true))
        kt_state_rows(s);
    return kept;
}

struct kt_span kt_state_checkpoint_get(struct kt_state *s, struct kt_span source, struct kt_arena *a)
{
    struct kt_span out = KT_SPAN_NONE;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n_checkpoint && !out.p; i++)
        if (kt_span_eq(source, (struct kt_span){s->checkpoint[i].source, s->checkpoint[i].n_source}))
            out = kt_arena_span(a, (struct kt_span){s->checkpoint[i].position, s->checkpoint[i].n_position});
    pthread_mutex_unlock(&s->lock);
    return out;
}

void kt_state_look(struct kt_state *s, uint64_t seq)
{
    pthread_mutex_lock(&s->lock);
    s->look = seq > s->look ? seq : s->look;
    pthread_mutex_unlock(&s->lock);
    kt_state_rows(s);
}

int64_t kt_state_looked(struct kt_state *s)
{
    pthread_mutex_lock(&s->lock);
    int64_t id = s->looked;
    pthread_mutex_unlock(&s->lock);
    return id;
}

void kt_state_get_stats(struct kt_state *s, struct kt_state_stats *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->stats;
    pthread_mutex_unlock(&s->lock);
}

void kt_state_rows(struct kt_state *s)
{
    if (s->file && !atomic_exchange(&s->armed, true))
        (void)eventfd_write(s->wake_fd, 1);
}
