/* What is known beside the rows (context.h) in state.db: what this process
 * learnt is joined with what is there, so that it does not matter who writes
 * first, or how often. The table `figure` holds what the traces take, so that
 * nobody has to add them up, and the newest time that was told of. */
#include "store/state_impl.h"

#include <stdlib.h>
#include <zlib.h>

enum { TRACE_OVERHEAD = 96, /* of a row and its place in the index, about; bytes_of() has it too */ GO_AT_ONCE = 1000 };

struct traces { /* what is in a transaction that is not through yet */
    struct kt_traces *all;
    uint32_t number[TRACES_BATCH];
    size_t n;
    int64_t newest; /* in the table; `going`: will be */
    int64_t going;
};

bool kt_state_keep_traces(struct kt_state *s, struct kt_traces *traces)
{
    if (!s->file || s->traces)
        return true;
    s->traces = calloc(1, sizeof *s->traces);
    if (!s->traces)
        return false;
    *s->traces = (struct traces){.all = traces, .newest = KT_TIME_NONE, .going = KT_TIME_NONE};
    return kt_traces_keep(traces);
}

void traces_free(struct kt_state *s)
{
    free(s->traces);
    s->traces = NULL;
}

bool traces_wait(const struct kt_state *s)
{
    return s->traces && (kt_traces_changed(s->traces->all) || kt_traces_newest(s->traces->all) > s->traces->newest);
}

void traces_all(struct kt_state *s)
{
    if (!s->traces)
        return;
    s->traces->newest = KT_TIME_NONE;
    kt_traces_all(s->traces->all);
}

/* --- figures ------------------------------------------------------------------------------ */

static int64_t check_of(int64_t value)
{
    return (int64_t)crc32(0, (const uint8_t *)&value, sizeof value);
}

/* `none` where it is not there, or not whole. */
static enum db figure(sqlite3 *db, struct kt_state *s, const char *name, int64_t none, int64_t *out)
{
    sqlite3_stmt *q = NULL;
    *out = none;
    int rc = sqlite3_prepare_v2(db, "SELECT value, crc FROM figure WHERE name = ?", -1, &q, NULL);
    if (rc == SQLITE_OK)
        (void)sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(q);
    if (rc == SQLITE_ROW && sqlite3_column_int64(q, 1) == check_of(sqlite3_column_int64(q, 0)))
        *out = sqlite3_column_int64(q, 0);
    (void)sqlite3_finalize(q);
    return db_of(s, rc);
}

static enum db put_figure(struct kt_state *s, const char *name, int64_t value)
{
    sqlite3_stmt *q = db_stmt(s, S_FIGURE_PUT);
    if (q) {
        (void)sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(q, 2, value);
        (void)sqlite3_bind_int64(q, 3, check_of(value));
    }
    return db_run(s, q);
}

/* To be asked before anything is changed: it may have to be counted. */
static enum db bytes_of(struct kt_state *s, int64_t *out)
{
    enum db r = figure(s->db, s, "trace_bytes", -1, out);
    return r == DB_OK && *out < 0 ? db_number(s, "SELECT coalesce(sum(length(image) + 96), 0) FROM trace", out) : r;
}

static enum db put_bytes(struct kt_state *s, int64_t was, int64_t by)
{
    return by ? put_figure(s, "trace_bytes", was + by < 0 ? 0 : was + by) : DB_OK;
}

/* --- reading -------------------------------------------------------------------------------- */

/* The columns subject, what, hour. */
static bool key_of(sqlite3_stmt *q, struct kt_trace_key *key)
{
    const void *subject = sqlite3_column_blob(q, 0);
    int64_t what = sqlite3_column_int64(q, 1);
    if (!subject || sqlite3_column_bytes(q, 0) != KT_DIGEST || what < 0 || what >= KT_TRACES)
        return false;
    memcpy(key->subject.b, subject, KT_DIGEST);
    key->what = (enum kt_trace)what;
    key->hour = sqlite3_column_int64(q, 2);
    return true;
}

static struct kt_span image_at(sqlite3_stmt *q, int column)
{
    const void *p = sqlite3_column_blob(q, column);
    return (struct kt_span){p, (size_t)sqlite3_column_bytes(q, column)};
}

/* Oldest first: where there is not room for all, it is those that stay out. */
enum db traces_read(struct kt_state *s)
{
    sqlite3_stmt *q = NULL;
    uint64_t damaged = 0;
    int64_t newest = KT_TIME_NONE;
    if (!s->traces)
        return DB_OK;
    int rc = sqlite3_prepare_v2(s->db, "SELECT subject, what, hour, image FROM trace NOT INDEXED ORDER BY at", -1, &q, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        struct kt_trace_key key;
        rc = sqlite3_step(q);
        if (rc != SQLITE_ROW)
            break;
        damaged += !key_of(q, &key) || !kt_traces_take(s->traces->all, &key, image_at(q, 3));
    }
    (void)sqlite3_finalize(q);
    state_damaged(s, damaged);
    enum db r = db_of(s, rc);
    if (r == DB_OK)
        r = figure(s->db, s, "newest", KT_TIME_NONE, &newest);
    kt_traces_see(s->traces->all, newest);
    s->traces->newest = newest;
    return r;
}

/* --- writing --------------------------------------------------------------------------------- */

/* What is there and what is known here, in one; `was`: what that one takes. */
static enum db joined(struct kt_state *s, const struct kt_trace_key *key, struct kt_span image, struct kt_buf *out,
                      bool *same, int64_t *was)
{
    sqlite3_stmt *q = db_stmt(s, S_TRACE_GET);
    *same = false;
    *was = 0;
    if (!q)
        return db_of(s, sqlite3_errcode(s->db));
    (void)sqlite3_bind_blob(q, 1, key->subject.b, KT_DIGEST, SQLITE_STATIC);
    (void)sqlite3_bind_int(q, 2, (int)key->what);
    (void)sqlite3_bind_int64(q, 3, key->hour);
    int rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) {
        struct kt_span there = image_at(q, 0);
        *was = (int64_t)there.n + TRACE_OVERHEAD;
        *same = kt_span_eq(there, image) ||
                (kt_trace_join(key, there, image, out) && kt_span_eq(there, kt_buf_span(out)));
    }
    (void)sqlite3_reset(q);
    return db_of(s, rc);
}

static enum db write_trace(struct kt_state *s, const struct kt_trace_key *key, int64_t at, struct kt_span image,
                           int64_t *bytes)
{
    struct kt_buf b;
    bool same;
    int64_t was;
    kt_buf_init(&b, KT_TRACE_IMAGE_MAX);
    enum db r = joined(s, key, image, &b, &same, &was);
    struct kt_span put = b.len && !b.failed ? kt_buf_span(&b) : image; /* a damaged one gives way */
    sqlite3_stmt *q = r == DB_OK && !same ? db_stmt(s, S_TRACE_PUT) : NULL;
    if (q) {
        (void)sqlite3_bind_blob(q, 1, key->subject.b, KT_DIGEST, SQLITE_STATIC);
        (void)sqlite3_bind_int(q, 2, (int)key->what);
        (void)sqlite3_bind_int64(q, 3, key->hour);
        (void)sqlite3_bind_int64(q, 4, at);
        (void)sqlite3_bind_blob(q, 5, put.p, (int)put.n, SQLITE_STATIC);
    }
    if (r == DB_OK && !same) {
        r = db_run(s, q);
        *bytes += (int64_t)put.n + TRACE_OVERHEAD - was;
    }
    kt_buf_free(&b);
    return r;
}

static enum db write_newest(struct kt_state *s)
{
    struct traces *v = s->traces;
    int64_t there = KT_TIME_NONE;
    v->going = kt_traces_newest(v->all);
    if (v->going <= v->newest)
        return DB_OK;
    enum db r = figure(s->db, s, "newest", KT_TIME_NONE, &there);
    return r == DB_OK && v->going > there ? put_figure(s, "newest", v->going) : r;
}

enum db traces_write(struct kt_state *s, bool *more)
{
    struct traces *v = s->traces;
    uint64_t most = s->o.bytes_max / 16 < BATCH_BYTES ? s->o.bytes_max / 16 : BATCH_BYTES, written = 0;
    struct kt_buf image;
    int64_t bytes = 0, had = 0;
    kt_buf_init(&image, KT_TRACE_IMAGE_MAX);
    enum db r = bytes_of(s, &had);
    if (r == DB_OK)
        r = write_newest(s);
    while (r == DB_OK && v->n < TRACES_BATCH && written < most) {
        struct kt_trace_key key;
        kt_buf_reset(&image);
        uint32_t number = kt_traces_next(v->all, &key, &image);
        if (!number)
            break;
        v->number[v->n++] = number;
        r = write_trace(s, &key, kt_now(s->o.clock), kt_buf_span(&image), &bytes);
        written += image.len + TRACE_OVERHEAD;
    }
    kt_buf_free(&image);
    if (r == DB_OK)
        r = put_bytes(s, had, bytes);
    *more = v->n > 0 && kt_traces_changed(v->all);
    return r;
}

void traces_written(struct kt_state *s, bool ok)
{
    struct traces *v = s->traces;
    for (size_t i = 0; !ok && i < v->n; i++)
        kt_traces_again(v->all, v->number[i]);
    v->n = 0;
    if (ok && v->going > v->newest)
        v->newest = v->going;
}

/* --- limits ------------------------------------------------------------------------------------- */

/* The oldest of those before `before`: one transaction. */
static enum db delete_some(struct kt_state *s, int64_t before, int64_t *n)
{
    sqlite3_stmt *q = NULL;
    static const char sql[] = "DELETE FROM trace WHERE (subject, what, hour) IN (SELECT subject, what, hour FROM trace"
                              " WHERE at < ?1 ORDER BY at LIMIT ?2) RETURNING length(image)";
    int64_t bytes = 0, had = 0;
    *n = 0;
    enum db r = db_begin(s);
    if (r != DB_OK)
        return r;
    r = bytes_of(s, &had);
    if (r != DB_OK)
        return db_end(s, r);
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_int64(q, 1, before);
        (void)sqlite3_bind_int(q, 2, GO_AT_ONCE);
    }
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(q);
        if (rc != SQLITE_ROW)
            break;
        bytes += sqlite3_column_int64(q, 0) + TRACE_OVERHEAD;
        ++*n;
    }
    (void)sqlite3_finalize(q);
    r = db_of(s, rc);
    if (r == DB_OK)
        r = put_bytes(s, had, -bytes);
    if (r == DB_OK)
        r = count_deleted(s, "trace", *n);
    return db_end(s, r);
}

enum db traces_limits(struct kt_state *s, int64_t before)
{
    int64_t oldest = INT64_MAX, bytes = 0, most = (int64_t)(s->o.bytes_max / TRACES_SHARE), n = GO_AT_ONCE;
    enum db r = db_number(s, "SELECT coalesce(min(at), 9223372036854775807) FROM trace", &oldest);
    while (r == DB_OK && oldest < before && n == GO_AT_ONCE)
        r = delete_some(s, before, &n);
    if (r == DB_OK)
        r = bytes_of(s, &bytes);
    for (n = 1; r == DB_OK && bytes > most && n > 0;) {
        r = delete_some(s, INT64_MAX, &n);
        if (r == DB_OK)
            r = bytes_of(s, &bytes);
    }
    return r;
}

/* --- out of a damaged file ------------------------------------------------------------------------ */

static uint64_t copy_traces(struct kt_state *s, sqlite3 *from, const char *sql)
{
    sqlite3_stmt *q = NULL;
    uint64_t n = 0;
    int64_t bytes = 0, had = 0;
    enum db r = bytes_of(s, &had);
    if (sqlite3_prepare_v2(from, sql, -1, &q, NULL) != SQLITE_OK)
        return 0;
    while (r == DB_OK && sqlite3_step(q) == SQLITE_ROW) {
        struct kt_trace_key key;
        struct kt_span image = image_at(q, 3);
        struct kt_buf same;
        kt_buf_init(&same, KT_TRACE_IMAGE_MAX);
        if (key_of(q, &key) && kt_trace_join(&key, image, image, &same)) { /* it is whole */
            r = write_trace(s, &key, sqlite3_column_int64(q, 4), image, &bytes);
            n += r == DB_OK;
        }
        kt_buf_free(&same);
    }
    (void)sqlite3_finalize(q);
    (void)put_bytes(s, had, bytes);
    return n;
}

/* From both ends, up to where it is broken. */
uint64_t traces_salvage(struct kt_state *s, sqlite3 *from)
{
    static const char up[] = "SELECT subject, what, hour, image, at FROM trace NOT INDEXED ORDER BY subject, what, hour";
    static const char down[] = "SELECT subject, what, hour, image, at FROM trace NOT INDEXED"
                               " ORDER BY subject DESC, what DESC, hour DESC";
    int64_t newest;
    uint64_t n = copy_traces(s, from, up);
    n += copy_traces(s, from, down);
    if (figure(from, s, "newest", KT_TIME_NONE, &newest) == DB_OK && newest != KT_TIME_NONE)
        (void)put_figure(s, "newest", newest);
    return n;
}
