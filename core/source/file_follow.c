/* Following: looking again at what may have changed. */
#include "source/file.h"

#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GONE_LOOK_MS = 500 }; /* between looks at files whose name is gone */

/* --- queues ------------------------------------------------------------ */

void kt_files_check_later(struct kt_files *s, struct kt_file *f)
{
    if (f->in_checks || f->is_gone)
        return;
    TAILQ_INSERT_TAIL(&s->checks, f, checks);
    f->in_checks = true;
}

static void read_later(struct kt_files *s, struct kt_file *f)
{
    if (f->in_reads)
        return;
    TAILQ_INSERT_TAIL(&s->reads, f, reads);
    f->in_reads = true;
}

void kt_files_seen(struct kt_files *s, const char *path)
{
    struct kt_file *f = kt_file_by_path(s, path);
    if (!f && !(f = kt_file_new(s, path))) {
        kt_files_trouble(s, path, true, "is not followed: there are too many files, or no memory");
        return;
    }
    f->scan = s->scan;
    kt_files_check_later(s, f);
}

/* --- names ------------------------------------------------------------- */

static void name_it(struct kt_files *s, struct kt_file *f)
{
    /* out of memory: found anew by its path later, and read again: twice is better than never */
    (void)kt_table_add(&s->by_path, kt_hash(f->path, strlen(f->path)), f);
}

static void unname(struct kt_files *s, struct kt_file *f)
{
    (void)kt_table_del(&s->by_path, kt_hash(f->path, strlen(f->path)), f);
}

static bool any_with(struct kt_files *s, const struct kt_file_id *id)
{
    size_t it = 0;
    struct kt_file *f;
    while ((f = kt_table_next(&s->by_id, kt_file_id_hash(id->dev, id->ino), &it)))
        if (f->id.dev == id->dev && f->id.ino == id->ino)
            return true;
    return false;
}

void kt_file_lost(struct kt_files *s, struct kt_file *f)
{
    if (f->is_gone)
        return;
    if (!f->known) {
        if (f->hinted && !(f->id.ino && any_with(s, &f->id)))
            kt_files_trouble(s, f->path, true, "was written and is gone again before it could be read");
        kt_file_free(s, f);
        return;
    }
    unname(s, f);
    if (f->in_checks)
        TAILQ_REMOVE(&s->checks, f, checks);
    f->in_checks = false;
    f->is_gone = true;
    f->until = kt_mono_ms() + s->tuning.linger_ms;
    TAILQ_INSERT_TAIL(&s->gone, f, gone);
    if (f->fd >= 0)
        read_later(s, f);
}

void kt_file_renamed(struct kt_files *s, struct kt_file *f, const char *path)
{
    struct kt_file *other = kt_file_by_path(s, path);
    if (other == f)
        return;
    char *copy = strdup(path);
    if (!copy)
        return; /* it is found by its identity when its new name is looked at */
    if (other)
        kt_file_lost(s, other);
    char *old = f->path;
    bool named = !f->is_gone;
    if (named) {
        unname(s, f);
    } else {
        TAILQ_REMOVE(&s->gone, f, gone);
        f->is_gone = false;
    }
    f->path = copy;
    if (f->watched && strcmp(old, s->root) != 0)
        kt_files_unwatch_name(s, old);
    f->watched = false;
    name_it(s, f);
    f->scan = s->scan;
    if (named) /* there may be another file by now */
        kt_files_seen(s, old);
    free(old);
}

/* --- one look ---------------------------------------------------------- */

static bool look(const char *path, struct kt_file_stat *st, bool *linked)
{
    *linked = false;
    if (!kt_file_look(AT_FDCWD, path, false, st))
        return false;
    if (!S_ISLNK(st->mode))
        return true;
    *linked = true;
    return kt_file_look(AT_FDCWD, path, true, st);
}

/* Whether `f`, whose inode number was found under `path`, is what lies there:
 * an open file holds its inode, else the number may have been given anew. */
static bool content_holds(const struct kt_file *f, const char *path, const struct kt_file_stat *st)
{
    if (f->fd >= 0)
        return true;
    if (st->size < f->offset)
        return false;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return true; /* nothing speaks against it; reading will say more */
    bool ok = kt_file_head_holds(f, fd);
    (void)close(fd);
    return ok;
}

static bool still_at(const struct kt_file *f)
{
    struct kt_file_stat now;
    return !f->is_gone && kt_file_look(AT_FDCWD, f->path, true, &now) && kt_file_same_id(&now.id, &f->id);
}

enum find { NEW, MOVED, ALIAS };
/* Is what lies at `path` a file that is known by another name? */
static enum find find_known(struct kt_files *s, const struct kt_file *at, const struct kt_file_stat *st, bool linked,
                            struct kt_file **out)
{
    size_t it = 0;
    struct kt_file *f;
    while ((f = kt_table_next(&s->by_id, kt_file_id_hash(st->id.dev, st->id.ino), &it))) {
        if (f == at || !kt_file_same_id(&f->id, &st->id))
            continue;
        *out = f;
        if (still_at(f)) {
            if (linked || f->watched || st->nlink > 1)
                return ALIAS;
        } else if (content_holds(f, at->path, st)) {
            return MOVED;
        }
    }
    return NEW;
}

static void identify(struct kt_files *s, struct kt_file *f, const struct kt_file_stat *st)
{
    f->id = st->id;
    f->known = kt_table_add(&s->by_id, kt_file_id_hash(st->id.dev, st->id.ino), f);
    f->hinted = true; /* until it is read */
}

/* Events for a folder do not tell of writing through another name. */
static void watch_if_needed(struct kt_files *s, struct kt_file *f, const struct kt_file_stat *st, bool linked)
{
    if (f->watched || !(linked || st->nlink > 1 || (!s->root_is_dir && strcmp(f->path, s->root) == 0)))
        return;
    f->watched = true;
    kt_files_watch_name(s, f->path);
}

static void touched(struct kt_files *s, struct kt_file *f, const struct kt_file_stat *st, bool linked)
{
    watch_if_needed(s, f, st, linked);
    if (st->size > f->size) {
        s->health.bytes_total += st->size - f->size;
        f->size = st->size;
    }
    if (f->hinted || st->size != f->offset || st->mtime != f->mtime)
        read_later(s, f);
}

/* The name leads to another file than the one that was known by it, if any. */
static void other_file(struct kt_files *s, struct kt_file *f, const struct kt_file_stat *st, bool linked)
{
    struct kt_file *k = NULL;
    switch (find_known(s, f, st, linked, &k)) {
    case ALIAS:
        k->hinted |= f->hinted;
        f->hinted = false;
        kt_file_lost(s, f);
        touched(s, k, st, linked);
        return;
    case MOVED: {
        char *path = strdup(f->path);
        if (!path)
            return;
        f->hinted &= f->known;
        kt_file_renamed(s, k, path);
        free(path);
        touched(s, k, st, linked);
        return;
    }
    case NEW:
        break;
    }
    if (f->known) {
        struct kt_file *old = f;
        char *path = strdup(f->path);
        kt_file_lost(s, old);
        f = path ? kt_file_new(s, path) : NULL;
        free(path);
        if (!f) {
            kt_files_trouble(s, old->path, true, "is not followed further: not enough memory");
            return;
        }
    }
    s->health.files_total += s->phase == KT_FILES_LIVE;
    f->scan = s->scan;
    identify(s, f, st);
    touched(s, f, st, linked);
}

static void not_there(struct kt_files *s, struct kt_file *f, int error)
{
    if (error == ENOENT || error == ENOTDIR || error == ELOOP) {
        kt_file_lost(s, f);
    } else if (!f->reported) {
        f->reported = true;
        kt_files_trouble(s, f->path, true, "cannot be looked at: %s", strerror(error));
    }
}

static void check(struct kt_files *s, struct kt_file *f)
{
    struct kt_file_stat st;
    bool linked;
    if (!look(f->path, &st, &linked)) {
        not_there(s, f, errno);
    } else if (S_ISDIR(st.mode)) {
        (void)kt_files_list_later(s, f->path, linked);
        f->hinted &= f->known;
        kt_file_lost(s, f);
    } else if (!S_ISREG(st.mode)) {
        f->hinted &= f->known;
        kt_file_lost(s, f);
    } else if (f->known && kt_file_same_id(&f->id, &st.id)) {
        touched(s, f, &st, linked);
    } else {
        other_file(s, f, &st, linked);
    }
}

void kt_files_checks(struct kt_files *s, struct kt_budget *b)
{
    struct kt_file *f;
    for (int i = 0; (f = TAILQ_FIRST(&s->checks)); i++) {
        if (i % 16 == 15 && !kt_budget_left(b))
            return;
        TAILQ_REMOVE(&s->checks, f, checks);
        f->in_checks = false;
        check(s, f);
    }
}

/* --- looking at everything --------------------------------------------- */

static bool listing(const struct kt_files *s)
{
    return s->dir || s->dirs.head != s->dirs.n || s->links.head != s->links.n;
}

static void begin_scan(struct kt_files *s)
{
    s->rescan = false;
    s->scanning = true;
    s->scan++;
    s->scan_began = kt_mono_ms();
    kt_files_rewatch(s);
    struct kt_file_stat st;
    s->root_gone = !kt_file_look(AT_FDCWD, s->root, true, &st);
    if (s->root_gone)
        return;
    if (!s->root_is_dir)
        kt_files_seen(s, s->root);
    else if (!kt_files_list_later(s, s->root, false))
        kt_files_trouble(s, s->root, true, "cannot be looked at again: not enough memory");
}

/* What the scan did not meet is looked at by its old name. */
static void end_scan(struct kt_files *s)
{
    struct kt_file *f, *next_file;
    for (f = TAILQ_FIRST(&s->files); f; f = next_file) {
        next_file = TAILQ_NEXT(f, all);
        if (f->scan != s->scan)
            kt_files_check_later(s, f);
    }
    struct kt_dir *d, *next_dir;
    for (d = TAILQ_FIRST(&s->listed); d; d = next_dir) {
        next_dir = TAILQ_NEXT(d, all);
        if (d->scan != s->scan)
            kt_files_drop_dir(s, d);
    }
    s->scanning = false;
    int64_t now = kt_mono_ms(), took = now - s->scan_began;
    s->poll_at = now + (took * 10 > s->tuning.poll_ms ? took * 10 : s->tuning.poll_ms);
}

static bool polls(const struct kt_files *s)
{
    return s->remote || s->unwatched || s->root_gone || s->inotify_fd < 0;
}

/* --- files whose name is gone ------------------------------------------ */

static void let_go(struct kt_files *s, struct kt_file *f)
{
    if (f->hinted || f->size > f->offset)
        kt_files_trouble(s, f->path, true, "is gone, and was written to after it was last read at byte %llu",
                         (unsigned long long)f->offset);
    kt_file_end(s, f);
    if (f->watched && strcmp(f->path, s->root) != 0 && !kt_file_by_path(s, f->path))
        kt_files_unwatch_name(s, f->path);
    kt_file_free(s, f);
}

static void look_at_gone(struct kt_files *s)
{
    int64_t now = kt_mono_ms();
    struct kt_file *f, *next;
    for (f = TAILQ_FIRST(&s->gone); f; f = next) {
        next = TAILQ_NEXT(f, gone);
        struct kt_file_stat st;
        if (f->in_reads)
            continue;
        if (f->fd >= 0 && kt_file_look(f->fd, "", true, &st) && st.size != f->offset && !f->reported) {
            f->until = now + s->tuning.linger_ms; /* its writer has not noticed */
            read_later(s, f);
        } else if (now >= f->until) {
            let_go(s, f);
        }
    }
    s->gone_at = now + (s->tuning.linger_ms < GONE_LOOK_MS ? s->tuning.linger_ms : GONE_LOOK_MS);
}

/* --- the whole --------------------------------------------------------- */

void kt_files_follow_start(struct kt_files *s)
{
    kt_files_watch_open(s);
    kt_files_watch_name(s, s->root);
}

void kt_files_live(struct kt_files *s, struct kt_budget *b)
{
    bool drained = kt_files_drain(s);
    if (!s->scanning && (s->rescan || (polls(s) && s->phase == KT_FILES_LIVE && kt_mono_ms() >= s->poll_at)))
        begin_scan(s);
    if (listing(s) && !kt_files_list(s, b))
        return;
    if (s->scanning)
        end_scan(s);
    kt_files_checks(s, b);
    /* Only when all news was looked at is a file without a name really gone. */
    if (drained && TAILQ_EMPTY(&s->checks) && !listing(s) && !s->rescan && !TAILQ_EMPTY(&s->gone) && kt_mono_ms() >= s->gone_at)
        look_at_gone(s);
}

static void say(struct kt_files *s)
{
    const char *note = "";
    if (s->root_gone)
        note = s->root_is_dir ? "the folder is gone; waiting for it" : "the file is gone; waiting for it";
    else if (s->remote)
        note = "remote file system: looking every 2 s";
    else if (s->inotify_fd < 0 || s->unwatched)
        note = "not all can be watched (fs.inotify limits): looking every 2 s";
    (void)snprintf(s->health.note, sizeof s->health.note, "%s", note);
}

void kt_files_live_wait(struct kt_files *s, struct kt_wait *next)
{
    bool busy = !TAILQ_EMPTY(&s->reads);
    say(s);
    s->health.state = busy           ? KT_HEALTH_READING
                      : s->root_gone ? KT_HEALTH_STALE
                      : s->failed    ? KT_HEALTH_FAILED
                                     : KT_HEALTH_LIVE;
    if (!busy && !s->scanning && TAILQ_EMPTY(&s->checks)) {
        s->health.bytes_total = s->health.bytes_done;
        s->health.files_total = s->health.files_done;
    }
    if (busy || s->scanning || s->rescan || listing(s) || !TAILQ_EMPTY(&s->checks))
        return; /* KT_WAIT_NONE */
    int64_t at = polls(s) ? s->poll_at : 0;
    if (!TAILQ_EMPTY(&s->gone) && (!at || s->gone_at < at))
        at = s->gone_at;
    *next = (struct kt_wait){s->inotify_fd >= 0 ? KT_WAIT_FD : KT_WAIT_TIME, s->inotify_fd, at, false};
}
