/* The file source: its phases, from the address to the last byte. */
#include "source/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_MAX ((size_t)4 << 30)

/* --- opening ----------------------------------------------------------- */

static enum kt_code check_root(const char *path, struct kt_file_stat *st, struct kt_err *e)
{
    if (kt_file_is_stdin(path)) {
        *st = (struct kt_file_stat){.mode = S_IFIFO};
        return KT_OK;
    }
    if (strlen(path) >= KT_FILE_PATH_MAX)
        return kt_fail(e, KT_EUSAGE, "a path of %zu bytes is longer than the system allows", strlen(path));
    if (kt_file_look(AT_FDCWD, path, true, st))
        return KT_OK;
    if (errno == ENOENT || errno == ENOTDIR)
        return kt_fail(e, KT_ENOTFOUND, "%s: there is no such file or folder: check the spelling, and from where it is "
                       "named", path);
    return kt_fail(e, KT_EIO, "%s: cannot be looked at: %s: check the rights of the folders above it", path,
                   strerror(errno));
}

static char *root_of(const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    return strndup(path, n);
}

static size_t open_max(void)
{
    struct rlimit r;
    size_t n = 256;
    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur / 4 < n)
        n = (size_t)(r.rlim_cur / 4);
    return n < 8 ? 8 : n;
}

static void init(struct kt_files *s, const struct kt_source_opts *o)
{
    s->follow = o && o->follow;
    s->clock = o ? o->clock : NULL;
    s->tuning = (struct kt_file_tuning){.open_max = open_max(), .watches_max = KT_FILE_DIRS_MAX, .linger_ms = 5000,
                                        .poll_ms = 2000};
    s->stream_fd = s->inotify_fd = -1;
    kt_buf_init(&s->path, KT_FILE_PATH_MAX);
    TAILQ_INIT(&s->listed);
    TAILQ_INIT(&s->files);
    TAILQ_INIT(&s->checks);
    TAILQ_INIT(&s->reads);
    TAILQ_INIT(&s->opened);
    TAILQ_INIT(&s->gone);
    TAILQ_INIT(&s->ahead);
    TAILQ_INIT(&s->name_watches);
}

static void close_source(struct kt_source *base)
{
    struct kt_files *s = (struct kt_files *)base;
    for (struct kt_file *f; (f = TAILQ_FIRST(&s->files));)
        kt_file_free(s, f);
    kt_table_free(&s->by_path);
    kt_table_free(&s->by_id);
    kt_table_free(&s->said);
    kt_files_watch_free(s);
    kt_files_list_free(s);
    kt_files_found_free(s);
    if (s->stream_owned)
        (void)close(s->stream_fd);
    kt_buf_free(&s->path);
    free(s->slice);
    free(s->root);
    free(s);
}

static enum kt_code open_source(struct kt_source **out, const char *address, const struct kt_source_opts *o,
                                struct kt_err *e)
{
    *out = NULL;
    const char *path = strncmp(address, "file:", 5) == 0 ? address + 5 : address;
    if (!*path)
        return kt_fail(e, KT_EUSAGE, "file: needs a path behind it: a file, a folder or -");
    struct kt_file_stat st;
    enum kt_code code = check_root(path, &st, e);
    if (code != KT_OK)
        return code;
    struct kt_files *s = calloc(1, sizeof *s);
    if (!s)
        return kt_fail(e, KT_ENOMEM, "%s: not enough memory to read it", path);
    init(s, o);
    s->base.ops = &kt_source_file;
    s->root = root_of(path);
    s->slice = malloc(KT_FILE_SLICE);
    s->arena = kt_arena_new(ARENA_MAX);
    s->root_is_dir = S_ISDIR(st.mode);
    if (!s->root || !s->slice || !s->arena) {
        close_source(&s->base);
        return kt_fail(e, KT_ENOMEM, "%s: not enough memory to read it", path);
    }
    *out = &s->base;
    return KT_OK;
}

/* --- phases ------------------------------------------------------------ */

static void finish(struct kt_files *s)
{
    s->phase = KT_FILES_DONE;
    s->health.state = s->failed ? KT_HEALTH_FAILED : KT_HEALTH_DONE;
}

static void start_stream(struct kt_files *s)
{
    s->health.files_total = 1;
    if (kt_files_stream_open(s)) {
        s->phase = KT_FILES_STREAM;
        return;
    }
    kt_files_trouble(s, s->root, true, "cannot be read: %s", strerror(errno));
    s->failed = true;
    finish(s);
}

/* What the path is may have changed since it was opened. */
static void start(struct kt_files *s)
{
    struct kt_file_stat st = {.mode = S_IFIFO};
    s->health.state = KT_HEALTH_READING;
    if (!kt_file_is_stdin(s->root) && !kt_file_look(AT_FDCWD, s->root, true, &st)) {
        kt_files_trouble(s, s->root, true, "cannot be looked at: %s", strerror(errno));
        s->failed = true;
        finish(s);
        return;
    }
    s->root_is_dir = S_ISDIR(st.mode);
    if (S_ISFIFO(st.mode) || S_ISCHR(st.mode)) {
        start_stream(s);
        return;
    }
    if (!s->root_is_dir && !S_ISREG(st.mode)) {
        kt_files_trouble(s, s->root, true, "is a %s: files, folders, FIFOs and - can be read",
                         S_ISSOCK(st.mode) ? "socket" : "device");
        s->failed = true;
        finish(s);
        return;
    }
    if (s->follow)
        kt_files_follow_start(s);
    s->phase = KT_FILES_LIST;
    bool ok = s->root_is_dir ? kt_files_list_later(s, s->root, false) : kt_files_find(s, NULL, s->root, &st, false);
    if (!ok)
        kt_files_trouble(s, s->root, true, "was not read: not enough memory");
    s->failed = !ok;
}

static const char *found_path(struct kt_files *s, const struct kt_found *f)
{
    return f->dir ? kt_files_join(s, f->dir, f->name) : f->name;
}

/* The next file of the first listing, in order; false when there is none. */
static bool next_found(struct kt_files *s)
{
    enum { KNOWN_AT_ONCE = 256 };
    for (int known = 0; s->at_found < s->n_found && known < KNOWN_AT_ONCE;) {
        const struct kt_found *d = s->found[s->at_found++];
        const char *path = d->again ? NULL : found_path(s, d);
        if (!path || (s->follow && kt_file_by_path(s, path)))
            continue; /* while following it may have been met already */
        struct kt_file *f = kt_file_new(s, path);
        if (!f) {
            kt_files_trouble(s, path, true, "was not read: not enough memory");
            continue;
        }
        f->size = d->size;
        if (s->follow && kt_file_is_as_known(s, f, d)) {
            known++;
            continue;
        } else if (s->follow) {
            f->id.dev = d->dev; /* should it be gone already, it may be known by another name */
            f->id.ino = d->ino;
            f->hinted = d->size > 0;
            kt_files_check_later(s, f);
        } else {
            TAILQ_INSERT_TAIL(&s->reads, f, reads);
            f->in_reads = true;
        }
        return true;
    }
    return s->at_found < s->n_found;
}

static void one_done(struct kt_files *s, struct kt_file *f, enum kt_file_read r)
{
    TAILQ_REMOVE(&s->reads, f, reads);
    f->in_reads = false;
    if (r == KT_FILE_MOVED && s->follow) {
        kt_files_check_later(s, f);
        return;
    }
    if (r == KT_FILE_MOVED)
        kt_files_trouble(s, f->path, true, "is no longer a file");
    if (!f->counted) {
        f->counted = true;
        s->health.files_done++;
        if (f->size > f->offset) /* they are not there, or cannot be read */
            s->health.bytes_total -= f->size - f->offset;
    }
    if (!s->root_is_dir && !f->is_gone)
        s->failed = r == KT_FILE_FAILED && !f->offset;
    if (!s->follow)
        kt_file_free(s, f);
}

/* Reads what waits: in the first reading one file after the other to its
 * end, later in turns, so that a large new file does not hold up small news.
 * True when nothing waits. */
static bool read_some(struct kt_files *s, struct kt_budget *b)
{
    do {
        struct kt_file *f = TAILQ_FIRST(&s->reads);
        if (!f && (s->phase != KT_FILES_READ || !next_found(s)))
            return true;
        if (!f) {
            if (s->follow)
                kt_files_checks(s, b);
            continue;
        }
        enum kt_file_read r = kt_file_read(s, f, b);
        if (r == KT_FILE_MORE && s->phase == KT_FILES_LIVE) {
            TAILQ_REMOVE(&s->reads, f, reads);
            TAILQ_INSERT_TAIL(&s->reads, f, reads);
        }
        if (r == KT_FILE_STOP || r == KT_FILE_MORE)
            return false;
        one_done(s, f, r);
        if (r == KT_FILE_REFUSED)
            return false;
    } while (kt_budget_left(b));
    return false;
}

static void first_read(struct kt_files *s)
{
    s->phase = KT_FILES_READ;
    if (!s->follow)
        return;
    kt_table_reserve(&s->by_path, s->n_found);
    kt_table_reserve(&s->by_id, s->n_found);
}

static void first_read_done(struct kt_files *s)
{
    kt_files_found_free(s);
    kt_files_ahead(s, 0);
    if (s->follow)
        s->phase = KT_FILES_LIVE;
    else
        finish(s);
}

static void run_phase(struct kt_files *s, struct kt_budget *b)
{
    switch (s->phase) {
    case KT_FILES_START:
        start(s);
        break;
    case KT_FILES_LIST:
        if (s->follow)
            (void)kt_files_drain(s);
        if (kt_files_list(s, b))
            s->phase = KT_FILES_SORT;
        break;
    case KT_FILES_SORT:
        if (kt_files_sort(s, b))
            s->phase = KT_FILES_UNIQUE;
        break;
    case KT_FILES_UNIQUE:
        if (kt_files_unique(s, b))
            first_read(s);
        break;
    case KT_FILES_READ:
    case KT_FILES_LIVE:
        if (s->follow)
            kt_files_live(s, b);
        if (read_some(s, b) && s->phase == KT_FILES_READ)
            first_read_done(s);
        break;
    case KT_FILES_STREAM:
    case KT_FILES_DONE:
        break;
    }
}

static void step(struct kt_source *base, const struct kt_source_sink *sink, struct kt_wait *next)
{
    struct kt_files *s = (struct kt_files *)base;
    struct kt_budget b = {KT_FILE_STEP, kt_mono_ms() + KT_FILE_STEP_MS};
    *next = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1};
    s->sink = sink;
    if (s->phase == KT_FILES_STREAM)
        kt_files_stream(s, &b, next);
    else
        run_phase(s, &b);
    if (s->phase == KT_FILES_LIVE)
        kt_files_live_wait(s, next);
    if (s->phase == KT_FILES_DONE)
        next->kind = KT_WAIT_DONE;
    s->health.last_poll = kt_now(s->clock);
    s->health.pushed = !s->remote && !s->unwatched;
    s->sink = NULL;
}

static void health(const struct kt_source *base, struct kt_health *out)
{
    *out = ((const struct kt_files *)base)->health;
}

const struct kt_source_ops kt_source_file = {
    .scheme = "file", .open = open_source, .step = step, .health = health, .close = close_source,
    .index = kt_files_index, .known = kt_files_known};

struct kt_file_tuning *kt_file_tuning(struct kt_source *s)
{
    return &((struct kt_files *)s)->tuning;
}
