/* Lives of keys in state.db: what this process learnt is joined with what is
 * there (kept.h), so that it does not matter who writes first, or how often. */
#include "store/state_impl.h"

#include "store/kept.h"

#include <stdlib.h>

enum { CHUNK_MARKS = 4096, CHUNKS = KT_LIFE_WINDOW / CHUNK_MARKS, MARK_BYTES = KT_LIFE_MARK };

struct lives { /* what is in a transaction that is not through yet */
    uint8_t mark[CHUNK_MARKS][MARK_BYTES];
    size_t n_mark;
    uint32_t number[LIVES_BATCH];
    size_t n;
};

bool kt_state_keep_lives(struct kt_state *s, struct kt_store *store)
{
    if (!s->file || s->lives)
        return true;
    s->lives = calloc(1, sizeof *s->lives);
    s->store = store;
    return s->lives && kt_store_keep_lives(store);
}

void lives_free(struct kt_state *s)
{
    free(s->lives);
    s->lives = NULL;
}

/* --- reading -------------------------------------------------------------------------- */

static enum db read_marks(struct kt_state *s)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(s->db, "SELECT marks FROM use_mark ORDER BY n", -1, &q, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(q);
        const uint8_t *p = rc == SQLITE_ROW ? sqlite3_column_blob(q, 0) : NULL;
        int n = p ? sqlite3_column_bytes(q, 0) / MARK_BYTES : 0;
        for (int i = 0; i < n; i++)
            kt_store_mark_take(s->store, p + (size_t)i * MARK_BYTES);
    }
    (void)sqlite3_finalize(q);
    return db_of(s, rc);
}

enum db lives_read(struct kt_state *s)
{
    sqlite3_stmt *q = NULL;
    uint64_t damaged = 0;
    enum db r = s->lives ? read_marks(s) : DB_OK;
    if (!s->lives || r != DB_OK)
        return r;
    int rc = sqlite3_prepare_v2(s->db, "SELECT key, image FROM life ORDER BY at", -1, &q, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(q);
        if (rc != SQLITE_ROW)
            break;
        kt_arena_reset(s->arena);
        struct kt_span key = {(const char *)sqlite3_column_text(q, 0), (size_t)sqlite3_column_bytes(q, 0)};
        struct kt_span image = {sqlite3_column_blob(q, 1), (size_t)sqlite3_column_bytes(q, 1)};
        damaged += !kt_store_life_take(s->store, key, image, s->arena);
    }
    (void)sqlite3_finalize(q);
    state_damaged(s, damaged);
    return db_of(s, rc);
}

/* --- writing -------------------------------------------------------------------------- */

/* Onto the newest chunk while there is room on it; the oldest ones go. */
static enum db write_marks(struct kt_state *s)
{
    static const char prune[] = "DELETE FROM use_mark WHERE n < (SELECT max(n) FROM use_mark) - ?";
    struct lives *v = s->lives;
    sqlite3_stmt *q = NULL;
    struct kt_buf b;
    int64_t n = 0;
    if (!v->n_mark)
        v->n_mark = kt_store_marks_take(s->store, v->mark, CHUNK_MARKS);
    if (!v->n_mark)
        return DB_OK;
    kt_buf_init(&b, (size_t)2 * CHUNK_MARKS * MARK_BYTES);
    int rc = sqlite3_prepare_v2(s->db, "SELECT n, marks FROM use_mark ORDER BY n DESC LIMIT 1", -1, &q, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW &&
        (size_t)sqlite3_column_bytes(q, 1) + v->n_mark * MARK_BYTES <= (size_t)CHUNK_MARKS * MARK_BYTES) {
        n = sqlite3_column_int64(q, 0);
        kt_buf_add(&b, sqlite3_column_blob(q, 1), (size_t)sqlite3_column_bytes(q, 1));
    }
    (void)sqlite3_finalize(q);
    enum db r = kt_buf_add(&b, v->mark, v->n_mark * MARK_BYTES) ? db_of(s, rc) : DB_IO;
    sqlite3_stmt *put = r == DB_OK ? db_stmt(s, S_MARKS_PUT) : NULL;
    if (put) {
        if (n)
            (void)sqlite3_bind_int64(put, 1, n); /* else a new number */
        (void)sqlite3_bind_blob(put, 2, b.p, (int)b.len, SQLITE_STATIC);
    }
    if (r == DB_OK)
        r = db_run(s, put);
    kt_buf_free(&b);
    if (r != DB_OK || n)
        return r;
    q = NULL;
    r = db_of(s, sqlite3_prepare_v2(s->db, prune, -1, &q, NULL));
    if (r == DB_OK) {
        (void)sqlite3_bind_int(q, 1, CHUNKS);
        r = db_run(s, q);
    }
    (void)sqlite3_finalize(q);
    return r;
}

/* What is there and what is known here, in one; into `out`. */
static enum db joined(struct kt_state *s, struct kt_span key, struct kt_span image, struct kt_buf *out, bool *same)
{
    sqlite3_stmt *q = db_stmt(s, S_LIFE_GET);
    *same = false;
    if (!q)
        return db_of(s, sqlite3_errcode(s->db));
    (void)sqlite3_bind_text(q, 1, key.p, (int)key.n, SQLITE_STATIC);
    int rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) {
        struct kt_span there = {sqlite3_column_blob(q, 0), (size_t)sqlite3_column_bytes(q, 0)};
        *same = kt_life_join(there, image, s->arena, out) && kt_span_eq(there, kt_buf_span(out));
    }
    (void)sqlite3_reset(q);
    return db_of(s, rc);
}

/* `at`: when there was news of it here; like that of rows, a time of this
 * machine's, so that old records are kept as long as those of today. */
static enum db write_life(struct kt_state *s, struct kt_span key, int64_t at, struct kt_span image)
{
    struct kt_buf b;
    bool same;
    kt_buf_init(&b, KT_LIFE_IMAGE_MAX);
    enum db r = joined(s, key, image, &b, &same);
    struct kt_span put = b.len && !b.failed ? kt_buf_span(&b) : image; /* a damaged one gives way */
    sqlite3_stmt *q = r == DB_OK && !same ? db_stmt(s, S_LIFE_PUT) : NULL;
    if (q) {
        (void)sqlite3_bind_text(q, 1, key.p, (int)key.n, SQLITE_STATIC);
        (void)sqlite3_bind_int64(q, 2, at);
        (void)sqlite3_bind_blob(q, 3, put.p, (int)put.n, SQLITE_STATIC);
    }
    if (r == DB_OK && !same)
        r = db_run(s, q);
    kt_buf_free(&b);
    return r;
}

/* `*all`: what had changed before this call. */
enum db lives_write(struct kt_state *s, bool *more, bool *all)
{
    struct lives *v = s->lives;
    struct kt_buf image;
    kt_buf_init(&image, KT_LIFE_IMAGE_MAX);
    enum db r = write_marks(s);
    while (r == DB_OK && v->n < LIVES_BATCH) {
        struct kt_span key;
        int64_t news;
        kt_arena_reset(s->arena);
        kt_buf_reset(&image);
        uint32_t number = kt_store_life_next(s->store, s->arena, &key, &news, &image);
        if (!number)
            break;
        v->number[v->n++] = number;
        r = write_life(s, key, kt_now(s->o.clock), kt_buf_span(&image));
    }
    kt_buf_free(&image);
    *more = kt_store_lives_changed(s->store);
    *all = v->n < LIVES_BATCH && v->n_mark < CHUNK_MARKS;
    return r;
}

void lives_written(struct kt_state *s, bool ok)
{
    struct lives *v = s->lives;
    for (size_t i = 0; !ok && i < v->n; i++)
        kt_store_life_again(s->store, v->number[i]);
    v->n = 0;
    if (ok)
        v->n_mark = 0;
}

/* --- out of a damaged file ---------------------------------------------------------------- */

static uint64_t copy_lives(struct kt_state *s, sqlite3 *from, const char *sql)
{
    sqlite3_stmt *q = NULL;
    uint64_t n = 0;
    enum db r = DB_OK;
    if (sqlite3_prepare_v2(from, sql, -1, &q, NULL) != SQLITE_OK)
        return 0;
    while (r == DB_OK && sqlite3_step(q) == SQLITE_ROW) {
        struct kt_span key = {(const char *)sqlite3_column_text(q, 0), (size_t)sqlite3_column_bytes(q, 0)};
        struct kt_span image = {sqlite3_column_blob(q, 2), (size_t)sqlite3_column_bytes(q, 2)};
        struct kt_buf same;
        kt_buf_init(&same, KT_LIFE_IMAGE_MAX);
        kt_arena_reset(s->arena);
        if (key.p && kt_life_join(image, image, s->arena, &same)) { /* it is whole */
            r = write_life(s, key, sqlite3_column_int64(q, 1), image);
            n += r == DB_OK;
        }
        kt_buf_free(&same);
    }
    (void)sqlite3_finalize(q);
    return n;
}

/* From both ends, up to where it is broken. */
uint64_t lives_salvage(struct kt_state *s, sqlite3 *from)
{
    uint64_t n = copy_lives(s, from, "SELECT key, at, image FROM life NOT INDEXED ORDER BY key");
    return n + copy_lives(s, from, "SELECT key, at, image FROM life NOT INDEXED ORDER BY key DESC");
}
