/* Reading one file, from where it was left to where it ends now. */
#include "source/file.h"

#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HINT_FROM = 128 << 10, HINT_MOST = 8 << 20 }; /* bytes that the system may read ahead */

/* --- open files -------------------------------------------------------- */

void kt_file_close(struct kt_files *s, struct kt_file *f)
{
    if (f->in_opened) {
        TAILQ_REMOVE(&s->opened, f, opened);
        f->in_opened = false;
        s->n_opened--;
    }
    if (f->fd >= 0)
        (void)close(f->fd);
    f->fd = -1;
}

/* Closes the file that was longest without news. */
static bool close_oldest(struct kt_files *s, const struct kt_file *but)
{
    struct kt_file *f;
    TAILQ_FOREACH(f, &s->opened, opened)
        if (f != but && !f->in_reads) {
            kt_file_close(s, f);
            return true;
        }
    return false;
}

static void opened(struct kt_files *s, struct kt_file *f)
{
    if (f->in_opened)
        TAILQ_REMOVE(&s->opened, f, opened);
    else
        s->n_opened++;
    TAILQ_INSERT_TAIL(&s->opened, f, opened);
    f->in_opened = true;
    if (s->n_opened > s->tuning.open_max)
        (void)close_oldest(s, f);
}

static enum kt_file_read cannot_read(struct kt_files *s, struct kt_file *f, int error)
{
    if (!f->reported)
        kt_files_trouble(s, f->path, true, f->offset ? "cannot be read further: %s" : "cannot be read: %s",
                         strerror(error));
    f->reported = true;
    return KT_FILE_FAILED;
}

static enum kt_file_read open_file(struct kt_files *s, struct kt_file *f, struct kt_file_stat *st)
{
    if (f->fd < 0 && f->is_gone)
        return KT_FILE_END; /* its name may be another file's by now */
    if (f->fd < 0) {
        int flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
        f->fd = open(f->path, flags);
        if (f->fd < 0 && errno == EMFILE && close_oldest(s, f))
            f->fd = open(f->path, flags);
        if (f->fd < 0 && s->follow && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
            return KT_FILE_MOVED;
        if (f->fd < 0)
            return cannot_read(s, f, errno);
    }
    if (!kt_file_look(f->fd, "", true, st))
        return cannot_read(s, f, errno);
    if (f->known ? !kt_file_same_id(&f->id, &st->id) : !S_ISREG(st->mode)) {
        kt_file_close(s, f);
        return KT_FILE_MOVED;
    }
    opened(s, f);
    return KT_FILE_MORE;
}

/* --- is it still the same file ----------------------------------------- */

/* The digest of the first `n` bytes of `fd` and, where it has more, of up to
 * KT_FILE_HEAD; false where it has fewer than `n`. */
static bool digest(int fd, uint32_t n, uint64_t *first, uint64_t *all, uint32_t *all_n)
{
    char head[KT_FILE_HEAD];
    ssize_t got;
    do
        got = pread(fd, head, sizeof head, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0 || (size_t)got < n)
        return false;
    *first = kt_hash(head, n);
    *all = kt_hash(head, (size_t)got);
    *all_n = (uint32_t)got;
    return true;
}

bool kt_file_head_holds(const struct kt_file *f, int fd)
{
    uint64_t first, all;
    uint32_t n;
    return !f->head_n || (digest(fd, f->head_n, &first, &all, &n) && first == f->head);
}

/* Looks whether the file still begins as it did and reaches to `upto`; learns
 * more of its beginning while that is short. */
static bool holds(struct kt_files *s, struct kt_file *f, uint64_t upto)
{
    struct kt_file_stat st;
    uint64_t first, all;
    uint32_t n;
    if (!kt_file_look(f->fd, "", true, &st) || st.size < upto || !digest(f->fd, f->head_n, &first, &all, &n) ||
        (f->head_n && first != f->head))
        return false;
    f->head = all;
    f->head_n = n;
    f->mtime = st.mtime;
    if (st.size > f->size)
        s->health.bytes_total += st.size - f->size;
    f->size = st.size;
    return true;
}

/* Emptied and written anew under the same inode: what stood between the last
 * read and that moment cannot be known. */
static void truncated(struct kt_files *s, struct kt_file *f, uint64_t dropped)
{
    kt_file_end(s, f);
    if (f->head_n || dropped)
        kt_files_trouble(s, f->path, true,
                         "was truncated after byte %llu while it was followed: what was written to it just before "
                         "may be missing; read from its start again",
                         (unsigned long long)f->offset);
    f->offset = f->records = f->bytes = f->size = 0;
    f->head_n = f->kept_n = 0;
}

/* --- reading ----------------------------------------------------------- */

static void leave_ahead(struct kt_files *s, struct kt_file *f)
{
    if (!f->in_ahead)
        return;
    TAILQ_REMOVE(&s->ahead, f, ahead);
    f->in_ahead = false;
    s->n_ahead--;
}

void kt_file_end(struct kt_files *s, struct kt_file *f)
{
    leave_ahead(s, f);
    if (f->object)
        s->sink->end(s->sink->ctx, f->object);
    f->object = 0;
}

static void name_of(const struct kt_file *f, struct kt_buf *name)
{
    kt_buf_init(name, KT_FILE_PATH_MAX + 16);
    kt_buf_addf(name, "file:%s", f->path);
}

static bool give(struct kt_files *s, struct kt_file *f, size_t n)
{
    const struct kt_source_sink *k = s->sink;
    if (!f->object) {
        struct kt_buf name;
        name_of(f, &name);
        f->object = k->object(k->ctx, kt_buf_str(&name), f->records, f->bytes);
        kt_buf_free(&name);
        if (!f->object)
            return false;
    }
    f->offset += n;
    s->health.bytes_done += n;
    return k->bytes(k->ctx, f->object, s->slice, n);
}

static void ask_rest(struct kt_files *s, struct kt_file *f)
{
    const struct kt_source_sink *k = s->sink;
    if (f->object && k->at_rest(k->ctx, f->object, &f->records, &f->bytes))
        kt_file_end(s, f);
}

void kt_files_ahead(struct kt_files *s, size_t keep)
{
    while (s->n_ahead > keep) {
        struct kt_file *f = TAILQ_FIRST(&s->ahead);
        leave_ahead(s, f);
        ask_rest(s, f);
    }
}

/* The first reading does not wait for each file to be decompressed. */
static void ask_later(struct kt_files *s, struct kt_file *f)
{
    if (!f->object || f->in_ahead)
        return;
    s->sink->pause(s->sink->ctx, f->object);
    TAILQ_INSERT_TAIL(&s->ahead, f, ahead);
    f->in_ahead = true;
    s->n_ahead++;
    kt_files_ahead(s, KT_FILES_AHEAD);
}

/* All that is there was read. A followed file that rests between records
 * holds nothing that a later stream could not take up. */
static enum kt_file_read at_end(struct kt_files *s, struct kt_file *f)
{
    f->hinted = f->reported = false;
    if (!s->follow) {
        if (f->offset < f->size)
            kt_files_trouble(s, f->path, true, "became shorter while it was read, at byte %llu of %llu",
                             (unsigned long long)f->offset, (unsigned long long)f->size);
        kt_file_end(s, f);
    } else if (s->phase == KT_FILES_READ) {
        ask_later(s, f);
    } else {
        ask_rest(s, f);
    }
    return KT_FILE_END;
}

static enum kt_file_read read_error(struct kt_files *s, struct kt_file *f)
{
    int error = errno;
    kt_file_close(s, f);
    if (error == ESTALE && s->follow && !f->is_gone)
        return KT_FILE_MOVED; /* the server forgot the handle: look anew */
    kt_file_end(s, f);
    return cannot_read(s, f, error);
}

/* Others read it, while the next one is opened. */
static enum kt_file_read hand_over(struct kt_files *s, struct kt_file *f)
{
    struct kt_buf name;
    name_of(f, &name);
    if (f->size > HINT_FROM)
        (void)posix_fadvise(f->fd, 0, HINT_MOST, POSIX_FADV_WILLNEED);
    bool taken = s->sink->file(s->sink->ctx, kt_buf_str(&name), f->fd, f->size);
    kt_buf_free(&name);
    if (!taken)
        return KT_FILE_REFUSED;
    f->fd = -1;
    kt_file_close(s, f);
    f->offset = f->size;
    s->health.bytes_done += f->size;
    return KT_FILE_END;
}

enum kt_file_read kt_file_read(struct kt_files *s, struct kt_file *f, struct kt_budget *b)
{
    struct kt_file_stat st;
    enum kt_file_read r = open_file(s, f, &st);
    if (r != KT_FILE_MORE)
        return r;
    if (f->offset && !f->head_n && !kt_file_begins_as_kept(f, f->fd)) {
        /* an earlier run has read another text of this name and inode */
        f->offset = f->records = f->bytes = f->size = 0;
        f->kept_n = 0;
    }
    if (!s->follow && st.size > f->size) {
        s->health.bytes_total += st.size - f->size;
        f->size = st.size;
    }
    if (!s->follow && s->sink->file && !f->offset)
        return hand_over(s, f);
    if (s->follow && (st.size < f->size || !holds(s, f, f->offset)))
        truncated(s, f, f->size);
    do {
        ssize_t n = pread(f->fd, s->slice, KT_FILE_SLICE, (off_t)f->offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return read_error(s, f);
        /* Looked at again after the read: had it been truncated and grown
         * anew just before, these bytes would be from another text. */
        if (s->follow && !holds(s, f, f->offset + (size_t)n)) {
            truncated(s, f, (uint64_t)n);
            continue;
        }
        if (n == 0)
            return at_end(s, f);
        b->bytes -= (size_t)n < b->bytes ? (size_t)n : b->bytes;
        if (!give(s, f, (size_t)n))
            return f->object ? KT_FILE_STOP : KT_FILE_REFUSED;
    } while (kt_budget_left(b));
    return KT_FILE_MORE;
}
