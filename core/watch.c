#include "watch.h"

#include "base/buf.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { QUIET_MS = 200, BURST_MS = 2000, WATCHES_MAX = 4096, FOLDERS_DEEP = 16 };

struct entry {
    int wd;
    char *name; /* the one file in it that counts; NULL: rules and folders */
};

struct kt_watch {
    int fd;
    struct entry *entry;
    size_t n, cap;
    int64_t began, last; /* of the burst; 0: there is none */
};

enum kt_code kt_watch_new(struct kt_watch **out, struct kt_err *e)
{
    struct kt_watch *w = calloc(1, sizeof *w);
    *out = w;
    if (!w)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (w->fd >= 0)
        return KT_OK;
    int why = errno;
    kt_watch_free(w);
    *out = NULL;
    return kt_fail(e, KT_EIO, "changes of files cannot be watched: %s", strerror(why));
}

void kt_watch_free(struct kt_watch *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->n; i++)
        free(w->entry[i].name);
    free(w->entry);
    if (w->fd >= 0)
        (void)close(w->fd);
    free(w);
}

static bool add(struct kt_watch *w, const char *path, const char *name)
{
    uint32_t mask = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF |
                    IN_ONLYDIR;
    if (!kt_grow(&w->entry, &w->cap, w->n + 1, sizeof *w->entry, WATCHES_MAX))
        return false;
    char *copy = name ? strdup(name) : NULL;
    int wd = name && !copy ? -1 : inotify_add_watch(w->fd, path, mask);
    if (wd < 0) {
        free(copy);
        return false;
    }
    w->entry[w->n++] = (struct entry){wd, copy};
    return true;
}

static bool add_tree(struct kt_watch *w, const char *path, int depth)
{
    if (depth > FOLDERS_DEEP)
        return true; /* what is deeper is not read either */
    bool ok = add(w, path, NULL);
    DIR *dir = ok ? opendir(path) : NULL;
    if (!dir)
        return false;
    for (struct dirent *d; (d = readdir(dir));) {
        char *sub;
        struct stat st;
        if (d->d_name[0] == '.')
            continue;
        if (asprintf(&sub, "%s/%s", path, d->d_name) < 0) {
            ok = false;
            break;
        }
        if (stat(sub, &st) == 0 && S_ISDIR(st.st_mode))
            ok = add_tree(w, sub, depth + 1) && ok;
        free(sub);
    }
    return closedir(dir) == 0 && ok;
}

bool kt_watch_folder(struct kt_watch *w, const char *path)
{
    return add_tree(w, path, 0);
}

bool kt_watch_file(struct kt_watch *w, const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 1;
    if (n >= sizeof folder)
        return false;
    memcpy(folder, slash ? path : ".", n);
    folder[n] = '\0';
    return add(w, n ? folder : "/", slash ? slash + 1 : path);
}

static bool is_yaml(const char *name)
{
    size_t n = strlen(name);
    return (n > 4 && !strcmp(name + n - 4, ".yml")) || (n > 5 && !strcmp(name + n - 5, ".yaml"));
}

/* A file that was made is told when it is closed; only a link or a folder is
 * whole at once. */
static bool counts(const struct kt_watch *w, const struct inotify_event *ev)
{
    if (ev->mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF))
        return true;
    if (!ev->len)
        return false;
    for (size_t i = 0; i < w->n; i++) {
        const struct entry *x = &w->entry[i];
        if (x->wd != ev->wd)
            continue;
        if (x->name ? strcmp(x->name, ev->name) == 0
                    : ev->name[0] != '.' && (ev->mask & IN_ISDIR || is_yaml(ev->name)))
            return true;
    }
    return false;
}

static bool drain(struct kt_watch *w)
{
    _Alignas(struct inotify_event) char room[16 << 10];
    bool any = false;
    for (;;) {
        ssize_t got = read(w->fd, room, sizeof room);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return any;
        for (ssize_t at = 0; at < got;) {
            const struct inotify_event *ev = (const struct inotify_event *)(room + at);
            any = counts(w, ev) || any;
            at += (ssize_t)(sizeof *ev + ev->len);
        }
    }
}

bool kt_watch_changed(struct kt_watch *w, bool readable, int64_t now)
{
    if (readable && drain(w)) {
        w->began = w->began ? w->began : now;
        w->last = now;
    }
    int64_t when = kt_watch_deadline(w);
    if (!when || now < when)
        return false;
    w->began = w->last = 0;
    return true;
}

int64_t kt_watch_deadline(const struct kt_watch *w)
{
    if (!w->began)
        return 0;
    return w->last + QUIET_MS < w->began + BURST_MS ? w->last + QUIET_MS : w->began + BURST_MS;
}

int kt_watch_fd(const struct kt_watch *w)
{
    return w->fd;
}
