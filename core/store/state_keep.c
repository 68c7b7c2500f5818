/* What is let go of: by age, and so that the file stays below its size. */
#include "store/state_impl.h"

enum { GO_AT_ONCE = 1000, KEEP_EIGHTHS = 7, COUNT_MS = 30000 };

enum db count_deleted(struct kt_state *s, const char *why, int64_t n)
{
    sqlite3_stmt *q = n ? db_stmt(s, S_COUNT_PUT) : NULL;
    if (!n)
        return DB_OK;
    if (q) {
        (void)sqlite3_bind_text(q, 1, why, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(q, 2, n);
    }
    return db_run(s, q);
}

/* One transaction; how many went. */
static enum db delete_some(struct kt_state *s, const char *sql, int64_t bound, const char *why, int *n)
{
    sqlite3_stmt *q = NULL;
    *n = 0;
    enum db r = db_begin(s);
    if (r != DB_OK)
        return r;
    r = db_of(s, sqlite3_prepare_v2(s->db, sql, -1, &q, NULL));
    if (r == DB_OK) {
        (void)sqlite3_bind_int64(q, 1, bound);
        r = db_run(s, q);
    }
    (void)sqlite3_finalize(q);
    int gone = r == DB_OK ? sqlite3_changes(s->db) : 0;
    if (r == DB_OK)
        r = count_deleted(s, why, gone);
    r = db_end(s, r);
    *n = r == DB_OK ? gone : 0;
    if (strcmp(why, "life") == 0)
        return r;
    pthread_mutex_lock(&s->lock);
    s->stats.rows -= s->stats.rows < (uint64_t)*n ? s->stats.rows : (uint64_t)*n;
    pthread_mutex_unlock(&s->lock);
    return r;
}

static enum db used_pages(struct kt_state *s, int64_t *used)
{
    int64_t pages = 0, empty = 0;
    enum db r = db_number(s, "PRAGMA page_count", &pages);
    if (r == DB_OK)
        r = db_number(s, "PRAGMA freelist_count", &empty);
    *used = pages - empty;
    return r;
}

static enum db keep_age(struct kt_state *s)
{
    int64_t oldest = INT64_MAX, before = kt_now(s->o.clock) - s->o.keep_ms;
    enum db r = db_number(s, "SELECT coalesce((SELECT seen FROM event ORDER BY id LIMIT 1), 9223372036854775807)", &oldest);
    if (r != DB_OK || oldest >= before)
        return r;
    static const char sql[] = "DELETE FROM event WHERE id IN (SELECT id FROM (SELECT id, seen FROM event ORDER BY id"
                              " LIMIT 1000) WHERE seen < ?1)";
    int n;
    do
        r = delete_some(s, sql, before, "age", &n);
    while (r == DB_OK && n == GO_AT_ONCE);
    return r;
}

/* Of malformed rows there may be any number. */
static enum db keep_malformed(struct kt_state *s)
{
    static const char sql[] = "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE high = -1 ORDER BY id LIMIT ?1)";
    int64_t all = 0;
    int n = 1;
    enum db r = db_number(s, "SELECT count(*) FROM event WHERE high = -1", &all);
    for (; r == DB_OK && all > MALFORMED_MAX && n > 0; all -= n) {
        int64_t over = all - MALFORMED_MAX;
        r = delete_some(s, sql, over < GO_AT_ONCE ? over : GO_AT_ONCE, "size", &n);
    }
    return r;
}

static enum db keep_size(struct kt_state *s)
{
    static const char sql[] = "DELETE FROM event WHERE id IN (SELECT id FROM event ORDER BY high, id LIMIT ?1)";
    int64_t used = 0, most = (int64_t)(s->o.bytes_max / 4096 * KEEP_EIGHTHS / 8);
    int n = 1;
    enum db r = used_pages(s, &used);
    while (r == DB_OK && used > most && n > 0) {
        /* rows may be small or large: as many as their share, and some more, so as not to come again at once */
        int64_t share = (int64_t)s->stats.rows * (used - most + most / 16) / used;
        r = delete_some(s, sql, share < 1 ? 1 : share > GO_AT_ONCE ? GO_AT_ONCE : share, "size", &n);
        if (r == DB_OK && n == 0) /* no row is left: then the lives longest without news */
            r = delete_some(s, "DELETE FROM life WHERE key IN (SELECT key FROM life ORDER BY at LIMIT ?1)", GO_AT_ONCE,
                            "life", &n);
        if (r == DB_OK)
            r = used_pages(s, &used);
    }
    return r;
}

static enum db give_back(struct kt_state *s)
{
    int64_t empty = 0;
    enum db r = db_number(s, "PRAGMA freelist_count", &empty);
    if (r != DB_OK || empty == 0)
        return r;
    r = db_begin(s);
    return r == DB_OK ? db_end(s, db_exec(s, "PRAGMA incremental_vacuum")) : r;
}

/* All rows are counted now and then; in between the state's own are added up. */
enum db keep_counts(struct kt_state *s)
{
    int64_t rows = -1, pages = 0, age = 0, size = 0, lives = 0, traces = 0, now = kt_mono_ms();
    enum db r = db_number(s, "PRAGMA page_count", &pages);
    if (r == DB_OK && (!s->counted_at || now - s->counted_at > COUNT_MS)) {
        r = db_number(s, "SELECT count(*) FROM event", &rows);
        s->counted_at = now;
    }
    if (r == DB_OK)
        r = db_number(s, "SELECT coalesce(sum(rows), 0) FROM deleted WHERE why = 'age'", &age);
    if (r == DB_OK)
        r = db_number(s, "SELECT coalesce(sum(rows), 0) FROM deleted WHERE why = 'size'", &size);
    if (r == DB_OK)
        r = db_number(s, "SELECT coalesce(sum(rows), 0) FROM deleted WHERE why = 'life'", &lives);
    if (r == DB_OK)
        r = db_number(s, "SELECT coalesce(sum(rows), 0) FROM deleted WHERE why = 'trace'", &traces);
    if (r != DB_OK)
        return r;
    pthread_mutex_lock(&s->lock);
    s->stats.deleted_lives = (uint64_t)lives;
    s->stats.deleted_traces = (uint64_t)traces;
    if (rows >= 0)
        s->stats.rows = (uint64_t)rows;
    s->stats.bytes = (uint64_t)pages * 4096;
    s->stats.deleted_age = (uint64_t)age;
    s->stats.deleted_size = (uint64_t)size;
    pthread_mutex_unlock(&s->lock);
    return DB_OK;
}

/* Lives without news for as long as rows are kept. */
static enum db keep_lives(struct kt_state *s)
{
    int n = GO_AT_ONCE;
    int64_t oldest = INT64_MAX, before = kt_now(s->o.clock) - s->o.keep_ms;
    enum db r = db_number(s, "SELECT coalesce(min(at), 9223372036854775807) FROM life", &oldest);
    while (r == DB_OK && oldest < before && n == GO_AT_ONCE)
        r = delete_some(s, "DELETE FROM life WHERE key IN (SELECT key FROM life WHERE at < ?1 ORDER BY at LIMIT 1000)",
                        before, "life", &n);
    return r;
}

enum db keep_limits(struct kt_state *s)
{
    enum db r = keep_age(s);
    if (r == DB_OK)
        r = keep_lives(s);
    if (r == DB_OK)
        r = traces_limits(s, kt_now(s->o.clock) - s->o.keep_ms);
    if (r == DB_OK)
        r = keep_malformed(s);
    if (r == DB_OK)
        r = keep_size(s);
    if (r == DB_OK)
        r = give_back(s);
    return r;
}
