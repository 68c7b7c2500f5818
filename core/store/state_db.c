/* state.db itself: how it is opened, checked, made, and set aside.
 *
 * Two processes may find the same file damaged. A lock on state.db.lock keeps
 * them apart: shared around each transaction, alone around a renaming, so that
 * no journal of the old file is ever taken for one of the new file. */
#include "store/state_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ASIDE_MAX = 4 };

/* What makes a file of version i + 1 of one of version i. */
static const char *const schema[STATE_VERSION] = {
    "CREATE TABLE event(id INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB NOT NULL UNIQUE, seen INTEGER NOT NULL,"
    " high INTEGER NOT NULL, address TEXT NOT NULL, record BLOB NOT NULL);"
    "CREATE INDEX event_order ON event(high, id);"
    "CREATE TABLE triage(n INTEGER PRIMARY KEY AUTOINCREMENT, uuid BLOB NOT NULL UNIQUE, line TEXT NOT NULL);"
    "CREATE TABLE checkpoint(source TEXT PRIMARY KEY, position BLOB NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE looked(who TEXT PRIMARY KEY, event INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE deleted(why TEXT PRIMARY KEY, rows INTEGER NOT NULL) WITHOUT ROWID;",
    "CREATE TABLE life(key TEXT PRIMARY KEY, at INTEGER NOT NULL, image BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX life_order ON life(at);"
    "CREATE TABLE use_mark(n INTEGER PRIMARY KEY AUTOINCREMENT, marks BLOB NOT NULL);",
    "CREATE TABLE trace(subject BLOB NOT NULL, what INTEGER NOT NULL, hour INTEGER NOT NULL, at INTEGER NOT NULL,"
    " image BLOB NOT NULL, PRIMARY KEY(subject, what, hour)) WITHOUT ROWID;"
    "CREATE INDEX trace_order ON trace(at);"
    "CREATE TABLE figure(name TEXT PRIMARY KEY, value INTEGER NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID;",
};

/* --- results ------------------------------------------------------------------- */

enum db db_of(struct kt_state *s, int rc)
{
    int sys = s->db ? sqlite3_system_errno(s->db) : 0;
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE: return DB_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return DB_BUSY;
    case SQLITE_FULL: return DB_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* our own statements are right: the schema is not ours any more */
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT: return DB_DAMAGED;
    case SQLITE_IOERR: return rc == SQLITE_IOERR_CORRUPTFS ? DB_DAMAGED : sys == ENOSPC || sys == EDQUOT || sys == EFBIG
                                                                               ? DB_FULL : DB_IO;
    default: return DB_IO;
    }
}

void db_trouble(struct kt_state *s, enum db r)
{
    int sys = s->db ? sqlite3_system_errno(s->db) : 0;
    const char *why = s->db && r != DB_OK ? sqlite3_errmsg(s->db) : "";
    switch (r) {
    case DB_OK: state_say(s, "%s", ""); break;
    case DB_BUSY: state_say(s, "%s", "state.db: another program holds it; rows wait, triage is logged"); break;
    case DB_FULL: state_say(s, "%s", "no space for state.db: rows wait in memory, and are written when there is"); break;
    case DB_IO: state_say(s, "state.db cannot be written: %s", sys ? strerror(sys) : why); break;
    case DB_DAMAGED: state_say(s, "%s", "state.db is damaged and could not be made anew"); break;
    }
}

enum db db_exec(struct kt_state *s, const char *sql)
{
    return db_of(s, sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

enum db db_number(struct kt_state *s, const char *sql, int64_t *out)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(q);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(q, 0);
    (void)sqlite3_finalize(q);
    return rc == SQLITE_DONE ? DB_DAMAGED : db_of(s, rc);
}

sqlite3_stmt *db_stmt(struct kt_state *s, int which)
{
    static const char *const sql[STATEMENTS] = {
        [S_TRIAGE_PUT] = "INSERT OR IGNORE INTO triage(uuid, line) VALUES(?, ?)",
        [S_ROW_PUT] = "INSERT OR IGNORE INTO event(digest, seen, high, address, record) VALUES(?, ?, ?, ?, ?)",
        [S_ROW_BACK] = "INSERT OR IGNORE INTO event(digest, seen, high, address, record, id) VALUES(?, ?, ?, ?, ?, ?)",
        [S_ROW_ID] = "SELECT id FROM event WHERE digest = ?",
        [S_CHECKPOINT_PUT] = "INSERT OR REPLACE INTO checkpoint(source, position, at) VALUES(?, ?, ?)",
        [S_LOOK_PUT] = "INSERT INTO looked(who, event, at) VALUES(?1, ?2, ?3) ON CONFLICT(who) DO UPDATE SET"
                       " event = max(event, ?2), at = ?3",
        [S_COUNT_PUT] = "INSERT INTO deleted(why, rows) VALUES(?1, ?2) ON CONFLICT(why) DO UPDATE SET"
                        " rows = rows + ?2",
        [S_LIFE_GET] = "SELECT image FROM life WHERE key = ?",
        [S_LIFE_PUT] = "INSERT OR REPLACE INTO life(key, at, image) VALUES(?, ?, ?)",
        [S_TRACE_GET] = "SELECT image FROM trace WHERE subject = ? AND what = ? AND hour = ?",
        [S_TRACE_PUT] = "INSERT OR REPLACE INTO trace(subject, what, hour, at, image) VALUES(?, ?, ?, ?, ?)",
        [S_FIGURE_PUT] = "INSERT OR REPLACE INTO figure(name, value, crc) VALUES(?, ?, ?)",
        [S_MARKS_PUT] = "INSERT OR REPLACE INTO use_mark(n, marks) VALUES(?, ?)",
    };
    sqlite3_stmt **q = &s->stmt[which];
    if (!*q && sqlite3_prepare_v3(s->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT, q, NULL) != SQLITE_OK)
        return NULL;
    (void)sqlite3_reset(*q);
    (void)sqlite3_clear_bindings(*q);
    return *q;
}

enum db db_run(struct kt_state *s, sqlite3_stmt *q)
{
    if (!q)
        return db_of(s, sqlite3_errcode(s->db));
    int rc;
    do
        rc = sqlite3_step(q);
    while (rc == SQLITE_ROW);
    enum db r = db_of(s, rc);
    (void)sqlite3_reset(q);
    return r;
}

/* --- opening --------------------------------------------------------------------- */

void db_close(struct kt_state *s)
{
    for (int i = 0; i < STATEMENTS; i++) {
        (void)sqlite3_finalize(s->stmt[i]);
        s->stmt[i] = NULL;
    }
    (void)sqlite3_close(s->db);
    s->db = NULL;
}

static bool there(const struct kt_state *s, struct stat *st)
{
    return lstat(s->path, st) == 0;
}

static int connect_to(struct kt_state *s)
{
    struct stat st;
    if (!there(s, &st)) { /* made by us, so that its mode is ours; the journal takes it over */
        int fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd >= 0)
            close(fd);
        if (!there(s, &st))
            return SQLITE_CANTOPEN;
    }
    s->db_inode = st.st_ino;
    s->db_device = st.st_dev;
    int rc = sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
    if (rc != SQLITE_OK)
        return rc;
    (void)sqlite3_extended_result_codes(s->db, 1);
    (void)sqlite3_busy_timeout(s->db, BUSY_MS);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return SQLITE_OK;
}

/* `auto_vacuum` counts only before the first table is made. */
static enum db set_pragmas(struct kt_state *s)
{
    char limit[64];
    uint64_t pages = s->o.bytes_max / 4096;
    snprintf(limit, sizeof limit, "PRAGMA max_page_count=%llu", (unsigned long long)pages);
    const char *const all[] = {
        "PRAGMA auto_vacuum=INCREMENTAL", "PRAGMA journal_mode=TRUNCATE", "PRAGMA synchronous=FULL",
        "PRAGMA mmap_size=0", "PRAGMA cell_size_check=ON", "PRAGMA secure_delete=ON", "PRAGMA foreign_keys=ON",
        "PRAGMA temp_store=MEMORY", s->started ? "PRAGMA cache_size=-2000" : "PRAGMA cache_size=-65536",
    };
    enum db r = DB_OK;
    for (size_t i = 0; r == DB_OK && i < sizeof all / sizeof *all; i++)
        r = db_exec(s, all[i]);
    return r == DB_OK ? db_exec(s, limit) : r;
}

static enum db make_schema(struct kt_state *s)
{
    char mark[128];
    snprintf(mark, sizeof mark, "PRAGMA application_id=%d; PRAGMA user_version=%d", STATE_APPLICATION, STATE_VERSION);
    int64_t tables = 0, version = 0;
    enum db r = db_exec(s, "BEGIN IMMEDIATE");
    if (r == DB_OK)
        r = db_number(s, "SELECT count(*) FROM sqlite_schema", &tables);
    if (r == DB_OK)
        r = db_number(s, "PRAGMA user_version", &version);
    if (r == DB_OK && (tables == 0) != (version == 0))
        r = DB_DAMAGED;
    bool old = version < STATE_VERSION;
    for (; r == DB_OK && version < STATE_VERSION; version++)
        r = db_exec(s, schema[version]);
    if (r == DB_OK && old)
        r = db_exec(s, mark);
    else if (r == DB_OK && version != STATE_VERSION)
        r = DB_DAMAGED; /* newer ones were refused before */
    if (r == DB_OK)
        return db_exec(s, "COMMIT");
    (void)db_exec(s, "ROLLBACK");
    return r;
}

static int give_up(void *ctx)
{
    return kt_mono_ms() >= *(const int64_t *)ctx;
}

/* One wrong page is enough to know. A check that takes too long says nothing. */
static enum db quick_check(struct kt_state *s)
{
    int64_t until = kt_mono_ms() + CHECK_MS;
    sqlite3_stmt *q = NULL;
    sqlite3_progress_handler(s->db, 10000, give_up, &until);
    int rc = sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &q, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(q);
    bool fine = rc == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(q, 0), "ok") == 0;
    (void)sqlite3_finalize(q);
    sqlite3_progress_handler(s->db, 0, NULL, NULL);
    if (fine || rc == SQLITE_INTERRUPT)
        return DB_OK;
    return rc == SQLITE_ROW ? DB_DAMAGED : db_of(s, rc);
}

enum db db_open(struct kt_state *s)
{
    db_close(s);
    enum db r = db_of(s, connect_to(s));
    if (r == DB_OK)
        r = set_pragmas(s);
    if (r == DB_OK)
        r = make_schema(s);
    if (r == DB_OK)
        r = quick_check(s);
    s->data_version = 0;
    s->triage_seen = 0;
    s->stored = 0;
    s->reopened = true;
    return r;
}

/* --- setting aside ------------------------------------------------------------------ */

/* The journal goes with the file that it belongs to. */
static bool rename_both(struct kt_state *s, char aside[PATH_ROOM + 64])
{
    char from[PATH_ROOM + 16], to[PATH_ROOM + 80], stamp[32];
    time_t now = (time_t)(kt_now(s->o.clock) / 1000);
    struct tm tm;
    if (!gmtime_r(&now, &tm) || !strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm))
        return false;
    struct stat st;
    int n = snprintf(aside, PATH_ROOM + 64, "%s.damaged-%s", s->path, stamp);
    for (int i = 2; lstat(aside, &st) == 0 && i < 1000; i++)
        n = snprintf(aside, PATH_ROOM + 64, "%s.damaged-%s-%d", s->path, stamp, i);
    if (n < 0 || n >= PATH_ROOM + 64)
        return false;
    snprintf(from, sizeof from, "%s-journal", s->path);
    snprintf(to, sizeof to, "%s-journal", aside);
    (void)rename(from, to); /* there may be none */
    return rename(s->path, aside) == 0;
}

static void say_aside(struct kt_state *s, const char *aside)
{
    const char *base = strrchr(aside, '/');
    pthread_mutex_lock(&s->lock);
    s->stats.set_aside++;
    snprintf(s->stats.aside, sizeof s->stats.aside, "%.250s", base ? base + 1 : aside);
    s->stats.version++;
    pthread_mutex_unlock(&s->lock);
}

/* Another keytop may have done it already: then its new file is taken. */
enum db db_rebuild(struct kt_state *s)
{
    char aside[PATH_ROOM + 64];
    struct stat st;
    db_close(s);
    if (s->stats.set_aside >= ASIDE_MAX) { /* what damages them all the time will damage the next one */
        s->no_db = true;
        return DB_DAMAGED;
    }
    if (!lock_within(s->lock_fd, LOCK_EX, BUSY_MS))
        return DB_BUSY;
    bool ours = there(s, &st) && st.st_ino == s->db_inode && st.st_dev == s->db_device;
    bool moved = ours && rename_both(s, aside);
    enum db r = ours && !moved ? DB_IO : db_open(s);
    if (moved)
        say_aside(s, aside);
    if (moved && r == DB_OK)
        (void)rows_salvage(s, aside);
    (void)flock(s->lock_fd, LOCK_UN);
    return r;
}

enum db db_ready(struct kt_state *s)
{
    if (s->no_db)
        return DB_OK;
    if (!lock_within(s->lock_fd, LOCK_SH, BUSY_MS))
        return DB_BUSY;
    enum db r = db_open(s);
    (void)flock(s->lock_fd, LOCK_UN);
    if (r == DB_DAMAGED)
        r = db_rebuild(s);
    if (r != DB_OK) {
        db_trouble(s, r);
        db_close(s);
    }
    return r;
}

/* --- transactions --------------------------------------------------------------------- */

enum db db_begin(struct kt_state *s)
{
    struct stat st;
    if (!lock_within(s->lock_fd, LOCK_SH, BUSY_MS))
        return DB_BUSY;
    bool same = s->db && there(s, &st) && st.st_ino == s->db_inode && st.st_dev == s->db_device;
    enum db r = same ? DB_OK : db_open(s); /* all that is known is written again: see `stored` */
    if (r == DB_OK)
        r = db_exec(s, "BEGIN IMMEDIATE");
    if (r != DB_OK)
        (void)flock(s->lock_fd, LOCK_UN);
    return r;
}

enum db db_end(struct kt_state *s, enum db r)
{
    if (r == DB_OK)
        r = db_exec(s, "COMMIT");
    if (r != DB_OK && s->db && !sqlite3_get_autocommit(s->db))
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    (void)flock(s->lock_fd, LOCK_UN);
    return r;
}

/* --- is it ours? --------------------------------------------------------------------- */

static enum kt_code refuse(struct kt_state *s, struct kt_err *e, const char *why)
{
    return kt_fail(e, KT_EFORMAT, "%s: %s", s->path, why);
}

/* The header of an SQLite file (https://www.sqlite.org/fileformat.html, 1.3):
 * user_version at 60, application_id at 68. */
static uint32_t word_at(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* A file that is damaged beyond recognition is set aside only where a
 * triage.log beside it says that a keytop has been here. */
enum kt_code db_admit(struct kt_state *s, struct kt_err *e)
{
    uint8_t head[100] = {0};
    struct stat st;
    int fd = open(s->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return KT_OK;
    if (fd < 0)
        return kt_fail(e, KT_EIO, "%s: %s", s->path, strerror(errno));
    bool ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022);
    ssize_t n = ok ? pread(fd, head, sizeof head, 0) : 0;
    close(fd);
    if (!ok)
        return refuse(s, e, "not a file of this user's that only this user can write");
    if (n == 0 || lstat(s->log_path, &st) == 0) {
        bool newer = n == (ssize_t)sizeof head && word_at(head + 68) == STATE_APPLICATION &&
                     word_at(head + 60) > STATE_VERSION && word_at(head + 60) < 1000;
        return newer ? refuse(s, e, "was made by a newer keytop") : KT_OK;
    }
    if (n < (ssize_t)sizeof head || memcmp(head, "SQLite format 3", 16) != 0 || word_at(head + 68) != STATE_APPLICATION)
        return refuse(s, e, "is not a file of keytop's");
    return word_at(head + 60) > STATE_VERSION ? refuse(s, e, "was made by a newer keytop") : KT_OK;
}
