/* Files that an earlier run read to their ends: who they were then, so that
 * those that are the same now need not be read again. */
#include "source/file.h"

#include "base/hash.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KNOWN_MAX = 1 << 18 };

/* As it lies in the index, sorted by `path`; an index is of one machine. */
struct known {
    uint64_t path; /* its digest */
    struct kt_file_id id;
    uint64_t size;
    int64_t mtime, ctime;
    uint64_t head, records, bytes;
    uint32_t head_n, zero;
};
static const char magic[8] = "ktfile1";

/* Digests that are the same in every run. */
static uint64_t digest_of(const char *p, size_t n)
{
    uint8_t all[KT_SHA256];
    uint64_t first;
    kt_sha256(p, n, all);
    memcpy(&first, all, sizeof first);
    return first;
}

static bool digest_head(int fd, uint32_t n, uint64_t *out)
{
    char head[KT_FILE_HEAD];
    ssize_t got = n <= sizeof head ? pread(fd, head, n, 0) : -1;
    if (got < 0 || (size_t)got != n)
        return false;
    *out = digest_of(head, n);
    return true;
}

/* Of a file whose beginning is known from its reading: as it is kept. */
static bool keep_head(struct kt_file *f, uint64_t size)
{
    uint32_t n = size < KT_FILE_HEAD ? (uint32_t)size : KT_FILE_HEAD;
    if (f->kept_n == n)
        return true;
    int fd = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
    struct kt_file_stat st;
    bool ok = fd >= 0 && kt_file_look(fd, "", true, &st) && kt_file_same_id(&st.id, &f->id) && st.size == size &&
              kt_file_head_holds(f, fd) && digest_head(fd, n, &f->kept_head);
    f->kept_n = ok ? n : 0;
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

bool kt_file_begins_as_kept(const struct kt_file *f, int fd)
{
    uint64_t head;
    return !f->kept_n || (digest_head(fd, f->kept_n, &head) && head == f->kept_head);
}

static int by_path(const void *pa, const void *pb)
{
    const struct known *a = pa, *b = pb;
    return a->path < b->path ? -1 : a->path > b->path;
}

/* --- making it -------------------------------------------------------------- */

/* What is written within one tick of the file system's clock could not be told
 * apart; some count whole seconds, or two. */
static bool is_past(int64_t stamp, int64_t now)
{
    const int64_t ms = 1000000, second = 1000 * ms;
    return stamp < now - (stamp % second ? 50 * ms : 2 * second);
}

/* At rest, and as it was when it was read. */
static bool rests(const struct kt_file *f, int64_t now, struct kt_file_stat *st)
{
    if (!f->known || f->in_checks || f->in_reads || f->in_ahead || f->is_gone || f->hinted || f->reported || f->object ||
        !f->counted)
        return false;
    return kt_file_look(AT_FDCWD, f->path, false, st) && S_ISREG(st->mode) && st->nlink == 1 && kt_file_same_id(&f->id, &st->id) &&
           st->size == f->offset && st->mtime == f->mtime && is_past(st->mtime, now) && is_past(st->ctime, now);
}

bool kt_files_index(const struct kt_source *base, bool (*whole)(void *ctx, const char *path), void *ctx, struct kt_buf *out)
{
    const struct kt_files *s = (const struct kt_files *)base;
    struct kt_file *f;
    int64_t now = kt_now(NULL) * 1000000;
    size_t n = 0;
    if (!s->follow || s->phase != KT_FILES_LIVE || s->n_files > KNOWN_MAX)
        return false;
    (void)kt_buf_add(out, magic, sizeof magic);
    size_t from = out->len;
    TAILQ_FOREACH(f, &s->files, all) {
        struct kt_file_stat st;
        if (!rests(f, now, &st) || !whole(ctx, f->path) || !keep_head(f, st.size))
            continue;
        const struct known k = {digest_of(f->path, strlen(f->path)), f->id, st.size, st.mtime, st.ctime,
                                f->kept_head, f->records, f->bytes, f->kept_n, 0};
        (void)kt_buf_add(out, &k, sizeof k);
        n++;
    }
    if (out->failed || !n)
        return false;
    qsort(out->p + from, n, sizeof(struct known), by_path);
    return true;
}

/* --- using it ------------------------------------------------------------------ */

void kt_files_known(struct kt_source *base, struct kt_span index)
{
    struct kt_files *s = (struct kt_files *)base;
    s->known = index.n >= sizeof magic && memcmp(index.p, magic, sizeof magic) == 0 &&
                       (index.n - sizeof magic) % sizeof(struct known) == 0
                   ? index
                   : KT_SPAN_NONE;
}

static bool find(struct kt_span index, uint64_t path, struct known *out)
{
    size_t lo = 0, hi = (index.n - sizeof magic) / sizeof *out;
    const char *all = index.p + sizeof magic;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        memcpy(out, all + mid * sizeof *out, sizeof *out);
        if (out->path == path)
            return true;
        if (out->path < path)
            lo = mid + 1;
        else
            hi = mid;
    }
    return false;
}

bool kt_file_is_as_known(struct kt_files *s, struct kt_file *f, const struct kt_found *d)
{
    struct known k;
    if (!s->known.p || d->linked || d->many || !find(s->known, digest_of(f->path, strlen(f->path)), &k) ||
        !kt_file_same_id(&k.id, &(struct kt_file_id){d->dev, d->ino, d->born}) || k.size != d->size ||
        k.mtime != d->mtime || k.ctime != d->ctime || !kt_table_add(&s->by_id, kt_file_id_hash(d->dev, d->ino), f))
        return false;
    f->id = k.id;
    f->known = f->counted = true;
    f->size = f->offset = k.size;
    f->mtime = k.mtime;
    f->kept_head = k.head;
    f->kept_n = k.head_n;
    f->records = k.records;
    f->bytes = k.bytes;
    s->health.files_done++;
    s->health.bytes_done += k.size;
    if (!s->root_is_dir) {
        f->watched = true;
        kt_files_watch_name(s, f->path);
    }
    return true;
}
