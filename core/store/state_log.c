/* triage.log: lines that are only ever added. */
#include "store/state_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { READ = 1 << 16 };

bool lock_within(int fd, int how, int ms)
{
    for (;; ms -= 5) {
        if (flock(fd, how | LOCK_NB) == 0)
            return true;
        if ((errno != EWOULDBLOCK && errno != EINTR) || ms <= 0)
            return false;
        struct timespec t = {.tv_nsec = 5000000};
        (void)nanosleep(&t, NULL);
    }
}

bool log_open(struct kt_state *s, struct kt_err *e)
{
    struct stat st;
    s->log_fd = open(s->log_path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    if (s->log_fd < 0) {
        kt_fail(e, KT_EIO, "%s: %s", s->log_path, strerror(errno));
        return false;
    }
    if (fstat(s->log_fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022)) {
        log_close(s);
        kt_fail(e, KT_EIO, "%s: not a file of this user's that only this user can write", s->log_path);
        return false;
    }
    s->log_inode = st.st_ino;
    s->log_at = 0;
    return true;
}

void log_close(struct kt_state *s)
{
    if (s->log_fd >= 0)
        close(s->log_fd);
    s->log_fd = -1;
}

/* Somebody may have moved it away: then there is another one, or none. */
static bool is_there(struct kt_state *s)
{
    struct stat st;
    if (s->log_fd >= 0 && lstat(s->log_path, &st) == 0 && st.st_ino == s->log_inode)
        return true;
    log_close(s);
    return log_open(s, NULL);
}

/* --- reading ------------------------------------------------------------------ */

static void take_line(struct kt_state *s, struct kt_span line)
{
    struct kt_triage_entry e;
    if (!line.n)
        return; /* what a writer that was cut off left is closed by an empty line */
    kt_arena_reset(s->arena);
    if (!kt_triage_read(line, s->arena, &e)) {
        state_damaged(s, 1);
        return;
    }
    pthread_mutex_lock(&s->lock);
    (void)kt_book_add(s->book, &e);
    s->stats.triage = kt_book_count(s->book);
    pthread_mutex_unlock(&s->lock);
}

/* Whole lines of `b`; what is left begins the next one. */
static void take_lines(struct kt_state *s, struct kt_buf *b)
{
    size_t from = 0;
    for (const char *nl; (nl = memchr(b->p + from, '\n', b->len - from)); from = (size_t)(nl - b->p) + 1)
        take_line(s, (struct kt_span){b->p + from, (size_t)(nl - b->p) - from});
    s->log_at += (off_t)from;
    kt_buf_drop(b, from);
}

void log_take(struct kt_state *s)
{
    struct stat st;
    struct kt_buf b;
    if (!is_there(s) || fstat(s->log_fd, &st) != 0)
        return;
    if (st.st_size < s->log_at)
        s->log_at = 0;
    kt_buf_init(&b, 4 * READ);
    off_t at = s->log_at;
    while (at < st.st_size) {
        if (!kt_buf_reserve(&b, READ)) { /* no line is so long: it is none */
            state_damaged(s, 1);
            s->log_at = at;
            kt_buf_reset(&b);
            continue;
        }
        ssize_t n = pread(s->log_fd, b.p + b.len, READ, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        b.len += (size_t)n;
        at += n;
        take_lines(s, &b);
    }
    kt_buf_free(&b);
}

/* --- adding ------------------------------------------------------------------- */

static bool write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0) {
            errno = w == 0 ? ENOSPC : errno;
            return false;
        }
        p += w;
        n -= (size_t)w;
    }
    return true;
}

/* A line that somebody could not finish must not swallow this one. */
static bool ends_whole(int fd, off_t size)
{
    char last;
    return size == 0 || (pread(fd, &last, 1, size - 1) == 1 && last == '\n');
}

static bool append(struct kt_state *s, struct kt_span lines)
{
    struct stat st;
    if (fstat(s->log_fd, &st) != 0)
        return false;
    bool ok = (ends_whole(s->log_fd, st.st_size) || write_all(s->log_fd, "\n", 1)) &&
              write_all(s->log_fd, lines.p, lines.n) && fdatasync(s->log_fd) == 0;
    int why = errno;
    if (!ok && ftruncate(s->log_fd, st.st_size) != 0)
        why = why ? why : errno; /* the part that is there is told by its missing CRC */
    errno = why;
    return ok;
}

bool log_append(struct kt_state *s, struct kt_span lines, char *why, size_t size)
{
    bool ok = false, locked = false;
    for (int i = 0; i < 3 && !locked; i++) { /* until the one that is locked is the one that is there */
        errno = 0;
        locked = is_there(s) && lock_within(s->log_fd, LOCK_EX, BUSY_MS);
        ino_t was = s->log_inode;
        if (locked && (!is_there(s) || s->log_inode != was))
            locked = false;
    }
    if (locked) {
        ok = append(s, lines);
        int saved = errno;
        if (s->log_fd >= 0)
            (void)flock(s->log_fd, LOCK_UN);
        errno = saved;
    }
    if (!ok)
        snprintf(why, size, "triage.log: %s", errno ? strerror(errno) : "another keytop holds it");
    return ok;
}
