/* Standard input, FIFOs and other things that are read as they come. */
#include "source/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIPE_BYTES = 1 << 20 };

bool kt_file_is_stdin(const char *path)
{
    static const char *const names[] = {"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(path, names[i]) == 0)
            return true;
    return false;
}

/* More at once: a pipe holds 64 KiB otherwise, and its writer waits. Where that is
 * not allowed, it stays as it is. */
static void widen(int fd)
{
    (void)fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
}

/* A FIFO that is followed is opened for writing too: it then has no end when
 * its last writer leaves, and the next one is heard. */
bool kt_files_stream_open(struct kt_files *s)
{
    if (kt_file_is_stdin(s->root)) {
        s->stream_fd = STDIN_FILENO;
        widen(s->stream_fd);
        return true;
    }
    int flags = O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    s->stream_fd = s->follow ? open(s->root, O_RDWR | flags) : -1;
    if (s->stream_fd < 0)
        s->stream_fd = open(s->root, O_RDONLY | flags);
    s->stream_owned = s->stream_fd >= 0;
    if (s->stream_owned)
        widen(s->stream_fd);
    return s->stream_owned;
}

/* Standard input may be shared with others, so its flags stay as they are:
 * poll() says whether a read would wait. */
static int readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int n;
    do
        n = poll(&p, 1, 0);
    while (n < 0 && errno == EINTR);
    return n <= 0 ? 0 : 1;
}

static bool give(struct kt_files *s, size_t n)
{
    const struct kt_source_sink *k = s->sink;
    if (!s->stream_object) {
        struct kt_buf name;
        kt_buf_init(&name, KT_FILE_PATH_MAX + 16);
        kt_buf_addf(&name, strcmp(s->root, "-") == 0 ? "%s" : "file:%s", s->root);
        s->stream_object = k->object(k->ctx, kt_buf_str(&name), 0, 0);
        kt_buf_free(&name);
    }
    s->health.bytes_done += n;
    return s->stream_object && k->bytes(k->ctx, s->stream_object, s->slice, n);
}

static void done(struct kt_files *s, struct kt_wait *next)
{
    if (s->stream_object)
        s->sink->end(s->sink->ctx, s->stream_object);
    s->stream_object = 0;
    if (s->stream_owned)
        (void)close(s->stream_fd);
    s->stream_fd = -1;
    s->stream_owned = false;
    s->health.files_done = 1;
    s->health.state = s->failed ? KT_HEALTH_FAILED : KT_HEALTH_DONE;
    s->phase = KT_FILES_DONE;
    next->kind = KT_WAIT_DONE;
}

static void wait_for_more(struct kt_files *s, struct kt_wait *next)
{
    next->kind = KT_WAIT_FD;
    next->fd = s->stream_fd;
    s->health.state = s->follow ? KT_HEALTH_LIVE : KT_HEALTH_READING;
}

void kt_files_stream(struct kt_files *s, struct kt_budget *b, struct kt_wait *next)
{
    s->health.state = KT_HEALTH_READING;
    while (kt_budget_left(b)) {
        if (!readable(s->stream_fd)) {
            wait_for_more(s, next);
            return;
        }
        ssize_t n = read(s->stream_fd, s->slice, KT_FILE_SLICE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            wait_for_more(s, next);
            return;
        }
        if (n < 0) {
            kt_files_trouble(s, s->root, true, "cannot be read further: %s", strerror(errno));
            s->failed = !s->stream_object;
        }
        if (n <= 0) {
            done(s, next);
            return;
        }
        b->bytes -= (size_t)n < b->bytes ? (size_t)n : b->bytes;
        if (!give(s, (size_t)n)) {
            if (!s->stream_object) {
                s->failed = true; /* the sink takes no object: it has said so */
                done(s, next);
            }
            return;
        }
    }
    next->kind = KT_WAIT_NONE;
}
