/* What inotify tells, turned into what to look at again. */
#include "source/file.h"

#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define NAMES (IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF)
#define CONTENT (IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB)

/* --- watches ----------------------------------------------------------- */

void kt_files_watch_open(struct kt_files *s)
{
    s->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
}

static void free_name(struct kt_name_watch *w)
{
    free(w->dir);
    free(w->name);
    free(w->path);
    free(w);
}

void kt_files_watch_free(struct kt_files *s)
{
    for (struct kt_name_watch *w; (w = TAILQ_FIRST(&s->name_watches));) {
        TAILQ_REMOVE(&s->name_watches, w, all);
        free_name(w);
    }
    kt_table_free(&s->names_by_wd);
    kt_table_free(&s->names_by_path);
    kt_table_free(&s->by_wd);
    free(s->moved.path);
    s->moved.path = NULL;
    if (s->inotify_fd >= 0)
        (void)close(s->inotify_fd);
    s->inotify_fd = -1;
}

/* File systems that others change without this kernel hearing of it. */
static bool is_remote(const char *path)
{
    static const uint32_t magics[] = {
        NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, SMB2_SUPER_MAGIC, CIFS_SUPER_MAGIC, FUSE_SUPER_MAGIC, V9FS_MAGIC,
        AFS_SUPER_MAGIC, AFS_FS_MAGIC, CODA_SUPER_MAGIC, CEPH_SUPER_MAGIC, NCP_SUPER_MAGIC, OCFS2_SUPER_MAGIC,
        0x01161970 /* GFS2 */, 0x0bd00bd0 /* Lustre */, 0x47504653 /* GPFS */, 0x786f4256 /* vboxsf */,
        0xbacbacbc /* vmhgfs */, 0xaad7aaea /* PanFS */, 0x19830326 /* FhGFS */,
    };
    struct statfs f;
    if (statfs(path, &f) != 0)
        return false;
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
        if ((uint32_t)f.f_type == magics[i])
            return true;
    return false;
}

static int add(struct kt_files *s, const char *path, uint32_t mask)
{
    if (s->inotify_fd < 0)
        return -1;
    if (s->n_watches >= s->tuning.watches_max) {
        errno = ENOSPC;
        return -1;
    }
    return inotify_add_watch(s->inotify_fd, path, mask | IN_MASK_ADD); /* one inode has one watch */
}

static uint64_t wd_hash(int wd)
{
    return kt_hash(&wd, sizeof wd);
}

static bool named(struct kt_files *s, int wd)
{
    size_t it = 0;
    for (struct kt_name_watch *w; (w = kt_table_next(&s->names_by_wd, wd_hash(wd), &it));)
        if (w->wd == wd)
            return true;
    return false;
}

static struct kt_dir *dir_by_wd(struct kt_files *s, int wd)
{
    size_t it = 0;
    for (struct kt_dir *d; (d = kt_table_next(&s->by_wd, wd_hash(wd), &it));)
        if (d->wd == wd)
            return d;
    return NULL;
}

/* Takes the watch from the folder; it stays for names that share it. */
static void unwatch(struct kt_files *s, struct kt_dir *d, bool remove)
{
    if (d->wd < 0)
        return;
    (void)kt_table_del(&s->by_wd, wd_hash(d->wd), d);
    if (remove && !named(s, d->wd))
        (void)inotify_rm_watch(s->inotify_fd, d->wd);
    s->n_watches--;
    d->wd = -1;
}

static void forget(struct kt_files *s, struct kt_dir *d)
{
    (void)kt_table_del(&s->by_dir, kt_file_id_hash(d->id.dev, d->id.ino), d);
    TAILQ_REMOVE(&s->listed, d, all);
    s->n_listed--;
    free(d->path);
    free(d);
}

void kt_files_drop_dir(struct kt_files *s, struct kt_dir *d)
{
    unwatch(s, d, true);
    forget(s, d);
}

void kt_files_watch_dir(struct kt_files *s, struct kt_dir *d)
{
    s->remote |= s->tuning.remote || is_remote(d->path);
    int wd = add(s, d->path, NAMES | CONTENT | IN_ONLYDIR);
    if (wd < 0) {
        s->unwatched |= errno != ENOENT && errno != ENOTDIR;
        return;
    }
    if (d->wd == wd)
        return;
    unwatch(s, d, true);
    struct kt_dir *other = dir_by_wd(s, wd);
    if (other) { /* the same folder under the name it had before */
        unwatch(s, other, false);
        forget(s, other);
    }
    if (!kt_table_add(&s->by_wd, wd_hash(wd), d)) {
        s->unwatched = true;
        return;
    }
    d->wd = wd;
    s->n_watches++;
}

/* --- names ------------------------------------------------------------- */

static void watch_name(struct kt_files *s, struct kt_name_watch *w)
{
    /* In the folder of a single file others may be busy: of them nothing is
     * to be heard, so its content has a watch of its own. */
    bool folder = *w->name != '\0';
    w->wd = add(s, w->dir, folder ? NAMES | IN_ONLYDIR : CONTENT | IN_DELETE_SELF | IN_MOVE_SELF);
    if (w->wd < 0) {
        s->unwatched |= folder || (errno != ENOENT && errno != ENOTDIR);
    } else if (kt_table_add(&s->names_by_wd, wd_hash(w->wd), w)) {
        s->n_watches++;
    } else {
        w->wd = -1;
        s->unwatched = true;
    }
}

static void unwatch_name(struct kt_files *s, struct kt_name_watch *w, bool remove)
{
    if (w->wd < 0)
        return;
    int wd = w->wd;
    w->wd = -1;
    (void)kt_table_del(&s->names_by_wd, wd_hash(wd), w);
    s->n_watches--;
    if (remove && !dir_by_wd(s, wd) && !named(s, wd))
        (void)inotify_rm_watch(s->inotify_fd, wd);
}

/* Watches `dir` for `name`, to look at `path` then. */
static void add_name(struct kt_files *s, const char *dir, size_t dir_n, const char *name, const char *path)
{
    struct kt_name_watch *w = calloc(1, sizeof *w);
    if (w)
        *w = (struct kt_name_watch){.wd = -1, .dir = strndup(dir, dir_n), .name = strdup(name), .path = strdup(path)};
    if (!w || !w->dir || !w->name || !w->path ||
        !kt_table_add(&s->names_by_path, kt_hash(path, strlen(path)), w)) {
        s->unwatched = true;
        if (w)
            free_name(w);
        return;
    }
    TAILQ_INSERT_TAIL(&s->name_watches, w, all);
    s->remote |= s->tuning.remote || is_remote(w->dir);
    watch_name(s, w);
}

static void add_in_folder(struct kt_files *s, const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    if (!slash)
        add_name(s, ".", 1, file, path);
    else
        add_name(s, file, slash == file ? 1 : (size_t)(slash - file), slash + 1, path);
}

void kt_files_unwatch_name(struct kt_files *s, const char *path)
{
    uint64_t h = kt_hash(path, strlen(path));
    for (;;) {
        size_t it = 0;
        struct kt_name_watch *w;
        while ((w = kt_table_next(&s->names_by_path, h, &it)) && strcmp(w->path, path) != 0)
            ;
        if (!w)
            return;
        unwatch_name(s, w, true);
        (void)kt_table_del(&s->names_by_path, h, w);
        TAILQ_REMOVE(&s->name_watches, w, all);
        free_name(w);
    }
}

void kt_files_watch_name(struct kt_files *s, const char *path)
{
    kt_files_unwatch_name(s, path);
    if (strcmp(path, s->root) == 0)
        add_in_folder(s, path, path);
    struct kt_file_stat st = {0};
    char real[PATH_MAX];
    if (kt_file_look(AT_FDCWD, path, false, &st) && S_ISLNK(st.mode) && realpath(path, real)) {
        add_in_folder(s, real, path);
        (void)kt_file_look(AT_FDCWD, real, true, &st);
    }
    if (S_ISREG(st.mode))
        add_name(s, path, strlen(path), "", path);
}

void kt_files_rewatch(struct kt_files *s)
{
    s->unwatched = false; /* folders say so again when they are listed */
    struct kt_name_watch *w;
    TAILQ_FOREACH(w, &s->name_watches, all)
        if (w->wd < 0)
            watch_name(s, w);
}

/* --- events ------------------------------------------------------------ */

/* The rest of `path` where it is `dir` or lies below it, else NULL. */
static const char *below(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    return strncmp(path, dir, n) == 0 && (path[n] == '/' || !path[n]) ? path + n : NULL;
}

/* New files that were not looked at yet moved along. */
static void unknown_moved(struct kt_files *s, const char *from, const char *to)
{
    struct kt_file *f, *next, *there;
    for (f = TAILQ_FIRST(&s->checks); f; f = next) {
        next = TAILQ_NEXT(f, checks);
        const char *rest = f->known ? NULL : below(f->path, from);
        if (!rest)
            continue;
        kt_buf_reset(&s->path);
        if (!kt_buf_adds(&s->path, to) || !kt_buf_adds(&s->path, rest))
            continue;
        kt_files_seen(s, kt_buf_str(&s->path));
        there = kt_file_by_path(s, kt_buf_str(&s->path));
        if (!there)
            continue;
        there->hinted |= f->hinted;
        f->hinted = false;
        kt_file_lost(s, f);
    }
}

/* Folders moved with all below them: what is told of them next is told of
 * their new names. `to` NULL: they left. */
static void folder_moved(struct kt_files *s, const char *from, const char *to)
{
    struct kt_dir *d, *next;
    s->rescan = true; /* for their files */
    if (to)
        unknown_moved(s, from, to);
    for (d = TAILQ_FIRST(&s->listed); d; d = next) {
        next = TAILQ_NEXT(d, all);
        const char *rest = below(d->path, from);
        if (!rest)
            continue;
        kt_buf_reset(&s->path);
        bool fits = to && kt_buf_adds(&s->path, to) && kt_buf_adds(&s->path, rest);
        char *path = fits ? strdup(kt_buf_str(&s->path)) : NULL;
        if (!path) {
            kt_files_drop_dir(s, d);
            continue;
        }
        free(d->path);
        d->path = path;
    }
}

static void flush_moved(struct kt_files *s)
{
    if (s->moved.set && s->moved.folder)
        folder_moved(s, s->moved.path, NULL);
    else if (s->moved.set && s->moved.unread)
        kt_files_trouble(s, s->moved.path, true, "was written and is moved away before it could be read");
    free(s->moved.path);
    s->moved.path = NULL;
    s->moved.set = s->moved.folder = s->moved.unread = false;
    s->moved.file = NULL;
}

static struct kt_file *file_at(struct kt_files *s, const char *path)
{
    struct kt_file *f = kt_file_by_path(s, path);
    if (!f)
        f = kt_file_new(s, path);
    if (!f)
        s->rescan = true; /* no memory now: maybe later */
    return f;
}

static void moved_from(struct kt_files *s, const char *path, uint32_t cookie)
{
    struct kt_file *f = kt_file_by_path(s, path);
    s->moved.path = strdup(path);
    s->moved.set = s->moved.path != NULL;
    s->moved.cookie = cookie;
    s->moved.file = f && f->known ? f : NULL;
    s->moved.unread = f && !f->known && f->hinted;
    if (f && !f->known) {
        f->hinted = false;
        kt_file_lost(s, f);
    } else if (f) {
        kt_files_check_later(s, f);
    }
}

/* Into place from elsewhere, perhaps over a file that was there. */
static void moved_to(struct kt_files *s, const char *path, uint32_t cookie)
{
    bool unread = true;
    struct kt_file *f = kt_file_by_path(s, path);
    if (f && f != s->moved.file)
        kt_file_lost(s, f); /* written over */
    if (s->moved.set && s->moved.cookie == cookie) {
        unread = s->moved.unread;
        if (s->moved.file)
            kt_file_renamed(s, s->moved.file, path);
        s->moved.unread = false;
        flush_moved(s);
    }
    f = file_at(s, path);
    if (!f)
        return;
    f->hinted |= unread;
    kt_files_check_later(s, f);
}

static void file_event(struct kt_files *s, const char *path, uint32_t mask, uint32_t cookie)
{
    if (mask & IN_MOVED_FROM) {
        moved_from(s, path, cookie);
        return;
    }
    if (mask & IN_MOVED_TO) {
        moved_to(s, path, cookie);
        return;
    }
    struct kt_file *f = kt_file_by_path(s, path);
    if (mask & IN_DELETE) {
        if (f)
            kt_file_lost(s, f); /* should that be old news, it is known again by its identity */
        kt_files_seen(s, path);
        return;
    }
    if (!f && !(f = file_at(s, path)))
        return;
    f->hinted |= (mask & IN_MODIFY) != 0;
    kt_files_check_later(s, f);
}

static void folder_event(struct kt_files *s, const struct kt_dir *d, const char *path, uint32_t mask, uint32_t cookie)
{
    if (mask & IN_MOVED_FROM) {
        s->moved.path = strdup(path);
        s->moved.set = s->moved.folder = s->moved.path != NULL;
        s->moved.cookie = cookie;
        return;
    }
    if (!(mask & (IN_CREATE | IN_MOVED_TO)))
        return;
    bool linked = d->linked;
    if (s->moved.set && s->moved.folder && mask & IN_MOVED_TO) {
        folder_moved(s, s->moved.path, path);
        s->moved.folder = false;
        flush_moved(s);
    }
    if (!kt_files_list_later(s, path, linked))
        kt_files_trouble(s, path, true, "the folder is not followed: not enough memory");
}

static void tree_event(struct kt_files *s, const struct kt_dir *d, const struct inotify_event *e)
{
    if (e->mask & IN_MOVE_SELF || (e->mask & IN_DELETE_SELF && strcmp(d->path, s->root) == 0))
        s->rescan = true;
    if (!e->len || kt_file_skips(e->name))
        return;
    if (e->mask & IN_ISDIR && strcmp(e->name, "CloudTrail-Digest") == 0)
        return;
    const char *joined = kt_files_join(s, d->path, e->name);
    char *path = joined ? strdup(joined) : NULL;
    if (!path)
        kt_files_trouble(s, d->path, true, "something new in it is not followed: %s",
                         joined ? "not enough memory" : "its path is too long");
    else if (e->mask & IN_ISDIR)
        folder_event(s, d, path, e->mask, e->cookie);
    else
        file_event(s, path, e->mask, e->cookie);
    free(path);
}

static void name_event(struct kt_files *s, struct kt_name_watch *w, const struct inotify_event *e)
{
    if (e->mask & IN_MOVE_SELF && *w->name)
        s->rescan = s->unwatched = true; /* the path leads elsewhere now */
    if (strcmp(w->name, e->len ? e->name : "") != 0)
        return;
    if (s->root_is_dir && strcmp(w->path, s->root) == 0) {
        s->rescan |= (e->mask & (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)) != 0;
        return;
    }
    struct kt_file *f = file_at(s, w->path);
    if (!f)
        return;
    /* What was watched by content may have lost its name since. */
    f->hinted |= e->mask & IN_MODIFY && (f->known || *w->name);
    if (!f->known && e->mask & IN_DELETE)
        kt_file_lost(s, f);
    else
        kt_files_check_later(s, f);
}

/* The kernel gave up the watch: its folder is gone. */
static void ignored(struct kt_files *s, int wd)
{
    size_t it = 0;
    struct kt_name_watch *w;
    while ((w = kt_table_next(&s->names_by_wd, wd_hash(wd), &it)))
        if (w->wd == wd) {
            unwatch_name(s, w, false);
            s->unwatched |= *w->name != '\0';
        }
    struct kt_dir *d = dir_by_wd(s, wd);
    if (!d)
        return;
    s->rescan |= strcmp(d->path, s->root) == 0;
    unwatch(s, d, false);
    forget(s, d);
}

static void event(struct kt_files *s, const struct inotify_event *e)
{
    if (e->mask & IN_Q_OVERFLOW) {
        s->overflowed = true;
        return;
    }
    if (s->moved.set && !(e->mask & IN_MOVED_TO && e->cookie == s->moved.cookie))
        flush_moved(s);
    const struct kt_dir *d = dir_by_wd(s, e->wd);
    if (d)
        tree_event(s, d, e);
    size_t it = 0;
    struct kt_name_watch *w;
    while ((w = kt_table_next(&s->names_by_wd, wd_hash(e->wd), &it)))
        if (w->wd == e->wd)
            name_event(s, w, e);
    if (e->mask & (IN_IGNORED | IN_UNMOUNT))
        ignored(s, e->wd);
}

static void overflow(struct kt_files *s)
{
    s->overflowed = false;
    s->rescan = true;
    flush_moved(s);
    kt_files_trouble(s, s->root, true,
                     "more changed than the system could announce: all is looked at again, but a file that came and "
                     "went meanwhile may be missing");
}

bool kt_files_drain(struct kt_files *s)
{
    _Alignas(struct inotify_event) char buf[16 << 10];
    if (s->overflowed)
        overflow(s);
    for (int i = 0; s->inotify_fd >= 0 && i < 16; i++) {
        ssize_t n = read(s->inotify_fd, buf, sizeof buf);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        for (const char *p = buf; p < buf + n;) {
            const struct inotify_event *e = (const struct inotify_event *)(const void *)p;
            event(s, e);
            p += sizeof *e + e->len;
        }
        if (s->overflowed)
            overflow(s);
        if (i == 15)
            return false;
    }
    flush_moved(s);
    return true;
}

void kt_file_lose_events(struct kt_source *base)
{
    struct kt_files *s = (struct kt_files *)base;
    char buf[16 << 10];
    bool any = false;
    while (s->inotify_fd >= 0 && read(s->inotify_fd, buf, sizeof buf) > 0)
        any = true;
    s->overflowed |= any;
    s->rescan |= any;
}
