/* Rows in state.db: each as its facts (row_image.c) and its record's text with
 * what is in neither, in one zstd frame with a checksum, so that what was damaged is not taken for true. */
#include "store/state_impl.h"

#include <stdlib.h>

enum { LEVEL = 3, PLAIN_MAX = 9 << 20, HEAD = 1 + 16 + 8, WITHOUT = 1, WITH_FACTS = 2 /* forms */ };

bool rows_init(struct kt_state *s)
{
    ZSTD_CCtx *c = ZSTD_createCCtx();
    s->zstd = c;
    s->unzstd = ZSTD_createDCtx();
    return c && s->unzstd && !ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, LEVEL)) &&
           !ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1));
}

void rows_free(struct kt_state *s)
{
    ZSTD_freeCCtx(s->zstd);
    ZSTD_freeDCtx(s->unzstd);
    s->zstd = s->unzstd = NULL;
}

/* --- as bytes -------------------------------------------------------------------- */

static void put_text(struct kt_buf *b, struct kt_span t)
{
    uint32_t n = (uint32_t)t.n;
    kt_buf_add(b, &n, sizeof n);
    kt_buf_add(b, t.p, t.n);
}

static bool take_text(struct kt_span *rest, struct kt_span *out)
{
    uint32_t n;
    if (!kt_span_take(rest, &n, sizeof n) || rest->n < n)
        return false;
    *out = (struct kt_span){rest->p, n};
    rest->p += n;
    rest->n -= n;
    return true;
}

/* The form, then its head, then its facts, then the record's text. */
static bool pack(struct kt_buf *b, const struct kt_row *r)
{
    static const uint32_t later = 0;
    bool malformed = r->ev.kind == KT_KIND_MALFORMED;
    kt_buf_reset(b);
    kt_buf_addc(b, WITH_FACTS);
    kt_buf_add(b, r->digest, 16);
    kt_buf_add(b, &r->origin.record, 8);
    put_text(b, r->origin.source);
    put_text(b, r->origin.name);
    put_text(b, r->origin.address);
    size_t at = b->len;
    kt_buf_add(b, &later, sizeof later);
    bool ok = row_image_write(r, b);
    uint32_t n = (uint32_t)(b->len - at - sizeof n);
    if (ok)
        memcpy(b->p + at, &n, sizeof n);
    if (r->raw.p && (!malformed || r->raw.n <= MALFORMED_TEXT))
        kt_buf_add(b, r->raw.p, r->raw.n);
    return ok && !b->failed;
}

/* `row` has room for the facts, which borrow from `plain`. */
static bool unpack(struct kt_span plain, struct kt_state_row *r, struct kt_row *row)
{
    char form = 0;
    size_t all = plain.n;
    struct kt_span facts = KT_SPAN_NONE;
    bool ok = kt_span_take(&plain, &form, 1) && (form == WITHOUT || form == WITH_FACTS) && kt_span_take(&plain, r->digest, 16) &&
              kt_span_take(&plain, &r->record, 8) && take_text(&plain, &r->source) && take_text(&plain, &r->name) &&
              take_text(&plain, &r->address) && (form == WITHOUT || take_text(&plain, &facts));
    r->raw = plain.n ? plain : KT_SPAN_NONE;
    r->packed.skip = all - plain.n;
    r->packed.size = plain.n;
    if (!ok || form == WITHOUT)
        return ok;
    r->row = row;
    return row_image_read(facts, row);
}

/* Into the state's arena. */
static struct kt_span inflate_row(struct kt_state *s, const void *p, size_t n)
{
    unsigned long long size = p ? ZSTD_getFrameContentSize(p, n) : ZSTD_CONTENTSIZE_ERROR;
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size < HEAD || size > PLAIN_MAX)
        return KT_SPAN_NONE;
    char *out = kt_arena_alloc(s->arena, (size_t)size);
    if (!out || ZSTD_decompressDCtx(s->unzstd, out, (size_t)size, p, n) != size)
        return KT_SPAN_NONE;
    return (struct kt_span){out, (size_t)size};
}

/* --- writing ---------------------------------------------------------------------- */

static void range(struct kt_state *s, uint64_t *first, uint64_t *next)
{
    store_lock(s->store);
    *first = s->store->first;
    *next = s->store->next;
    store_unlock(s->store);
}

bool rows_waiting(struct kt_state *s, uint64_t *n)
{
    uint64_t first, next;
    range(s, &first, &next);
    *n = next - 1 > s->saved ? next - 1 - s->saved : 0;
    return *n > 0;
}

static enum db put_row(struct kt_state *s, const struct kt_row *r, struct kt_buf *plain, struct kt_buf *packed)
{
    kt_buf_reset(packed);
    if (!pack(plain, r) || !kt_buf_reserve(packed, ZSTD_compressBound(plain->len)))
        return DB_IO;
    size_t n = ZSTD_compress2(s->zstd, packed->p, packed->cap, plain->p, plain->len);
    sqlite3_stmt *q = ZSTD_isError(n) ? NULL : db_stmt(s, S_ROW_PUT);
    if (!q)
        return ZSTD_isError(n) ? DB_IO : db_of(s, sqlite3_errcode(s->db));
    (void)sqlite3_bind_blob(q, 1, r->digest, 16, SQLITE_STATIC);
    (void)sqlite3_bind_int64(q, 2, kt_now(s->o.clock));
    /* when the file is full, the least goes first */
    (void)sqlite3_bind_int(q, 3, r->ev.kind == KT_KIND_MALFORMED ? -1 : r->verdict.level >= KT_LEVEL_HIGH);
    (void)sqlite3_bind_text(q, 4, r->origin.address.p, (int)r->origin.address.n, SQLITE_STATIC);
    (void)sqlite3_bind_blob(q, 5, packed->p, (int)n, SQLITE_STATIC);
    return db_run(s, q);
}

/* A row that cannot be read again, or not be known again, is none for a memory. */
static bool is_kept(const struct kt_row *r)
{
    bool malformed = r->ev.kind == KT_KIND_MALFORMED;
    return kt_span_known(r->origin.address) && (malformed || (kt_span_known(r->raw) && r->raw.n < KT_STATE_BYTES_MIN));
}

enum db rows_write(struct kt_state *s, uint64_t *to, uint64_t *written, uint64_t *missed, bool *more)
{
    uint64_t first, next, bytes = 0;
    struct kt_buf plain, packed;
    enum db r = DB_OK;
    range(s, &first, &next);
    *to = s->saved;
    *written = *missed = 0;
    if (first - 1 > *to) {
        *missed = first - 1 - *to;
        *to = first - 1;
    }
    kt_buf_init(&plain, PLAIN_MAX);
    kt_buf_init(&packed, PLAIN_MAX + (PLAIN_MAX >> 4));
    uint64_t most = s->o.bytes_max / 16 < BATCH_BYTES ? s->o.bytes_max / 16 : BATCH_BYTES;
    for (int i = 0; r == DB_OK && i < BATCH_ROWS && bytes < most && *to + 1 < next; i++) {
        struct kt_row row;
        kt_arena_reset(s->arena);
        if (!kt_store_row(s->store, *to + 1, true, s->arena, &row)) {
            ++*missed;
        } else if (is_kept(&row)) {
            r = put_row(s, &row, &plain, &packed);
            bytes += packed.len + row.raw.n / 2;
            *written += r == DB_OK && sqlite3_changes(s->db) > 0;
        }
        ++*to;
    }
    kt_buf_free(&plain);
    kt_buf_free(&packed);
    *more = *to + 1 < next;
    return r;
}

/* --- reading ----------------------------------------------------------------------- */

static bool is_wanted(const char *address, const char *const *wanted, size_t n)
{
    bool yes = n == 0;
    for (size_t i = 0; !yes && i < n; i++)
        yes = address && strcmp(address, wanted[i]) == 0;
    return yes;
}

enum db rows_read(struct kt_state *s, const char *const *address, size_t n,
                  bool (*row)(void *ctx, const struct kt_state_row *r), void *ctx)
{
    sqlite3_stmt *q = NULL;
    uint64_t damaged = 0;
    int rc = sqlite3_prepare_v2(s->db, "SELECT id, digest, address, record FROM event ORDER BY id", -1, &q, NULL);
    bool go_on = rc == SQLITE_OK;
    while (go_on && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct kt_state_row r = {.id = sqlite3_column_int64(q, 0)};
        const void *digest = sqlite3_column_blob(q, 1), *packed;
        bool known = sqlite3_column_bytes(q, 1) == 16;
        if (!is_wanted((const char *)sqlite3_column_text(q, 2), address, n))
            continue;
        kt_arena_reset(s->arena);
        packed = sqlite3_column_blob(q, 3);
        r.packed.frame = (struct kt_span){packed, (size_t)sqlite3_column_bytes(q, 3)};
        struct kt_span plain = inflate_row(s, packed, r.packed.frame.n);
        struct kt_row facts;
        if (known && plain.p && unpack(plain, &r, &facts) && memcmp(r.digest, digest, 16) == 0)
            go_on = row(ctx, &r);
        else
            damaged++;
    }
    (void)sqlite3_finalize(q);
    state_damaged(s, damaged);
    return go_on ? db_of(s, rc) : DB_OK;
}

/* --- out of a damaged file ------------------------------------------------------------ */

static uint64_t copy_rows(struct kt_state *s, sqlite3 *from, const char *sql)
{
    sqlite3_stmt *q = NULL;
    uint64_t n = 0;
    enum db r = DB_OK;
    if (sqlite3_prepare_v2(from, sql, -1, &q, NULL) != SQLITE_OK)
        return 0;
    while (r == DB_OK && sqlite3_step(q) == SQLITE_ROW) {
        struct kt_state_row row = {0};
        struct kt_row facts;
        kt_arena_reset(s->arena);
        const void *packed = sqlite3_column_blob(q, 2);
        int size = sqlite3_column_bytes(q, 2);
        struct kt_span plain = inflate_row(s, packed, (size_t)size);
        sqlite3_stmt *put = plain.p && unpack(plain, &row, &facts) ? db_stmt(s, S_ROW_BACK) : NULL;
        if (!put)
            continue;
        (void)sqlite3_bind_blob(put, 1, row.digest, 16, SQLITE_STATIC);
        (void)sqlite3_bind_int64(put, 2, sqlite3_column_int64(q, 0));
        int high = sqlite3_column_int(q, 1);
        (void)sqlite3_bind_int(put, 3, high < 0 ? -1 : high != 0);
        (void)sqlite3_bind_text(put, 4, row.address.p, (int)row.address.n, SQLITE_STATIC);
        (void)sqlite3_bind_blob(put, 5, packed, size, SQLITE_STATIC);
        (void)sqlite3_bind_int64(put, 6, sqlite3_column_int64(q, 3)); /* its place among the others */
        r = db_run(s, put);
        n += r == DB_OK;
    }
    (void)sqlite3_finalize(q);
    return n;
}

/* From both ends, up to where it is broken. What a journal beside it holds is
 * rolled back first. */
uint64_t rows_salvage(struct kt_state *s, const char *path)
{
    sqlite3 *from = NULL;
    uint64_t n = 0;
    if (sqlite3_open_v2(path, &from, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL) ==
            SQLITE_OK &&
        db_exec(s, "BEGIN IMMEDIATE") == DB_OK) {
        (void)sqlite3_db_config(from, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        (void)sqlite3_db_config(from, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        (void)sqlite3_exec(from, "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0", NULL, NULL, NULL);
        n = copy_rows(s, from, "SELECT seen, high, record, id FROM event NOT INDEXED ORDER BY id");
        n += copy_rows(s, from, "SELECT seen, high, record, id FROM event NOT INDEXED ORDER BY id DESC");
        n += lives_salvage(s, from) + traces_salvage(s, from);
        if (db_exec(s, "COMMIT") != DB_OK)
            (void)db_exec(s, "ROLLBACK");
    }
    (void)sqlite3_close(from);
    return n;
}
