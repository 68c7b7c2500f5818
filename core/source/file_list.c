/* Listing folders, and bringing what was found into order. */
#include "source/file.h"

#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SAID_MAX = 65536 };

/* --- folders that wait ------------------------------------------------- */

static bool push(struct kt_dir_queue *q, const char *path, bool linked)
{
    if (q->head && q->head == q->n)
        q->head = q->n = 0;
    if (!kt_grow(&q->v, &q->cap, q->n + 1, sizeof *q->v, KT_FILE_DIRS_MAX))
        return false;
    char *copy = strdup(path);
    if (!copy)
        return false;
    q->v[q->n++] = (struct kt_dir_todo){copy, linked};
    return true;
}

static bool pop(struct kt_dir_queue *q, struct kt_dir_todo *out)
{
    if (q->head == q->n)
        return false;
    *out = q->v[q->head++];
    return true;
}

bool kt_files_list_later(struct kt_files *s, const char *path, bool linked)
{
    return push(linked ? &s->links : &s->dirs, path, linked);
}

static void queue_free(struct kt_dir_queue *q)
{
    for (size_t i = q->head; i < q->n; i++)
        free(q->v[i].path);
    free(q->v);
    *q = (struct kt_dir_queue){0};
}

/* --- folders that were listed ------------------------------------------ */

/* Is `st` a folder that is known by another name that still holds? */
static bool known_elsewhere(struct kt_files *s, const struct kt_file_stat *st, const char *path)
{
    uint64_t h = kt_file_id_hash(st->id.dev, st->id.ino);
    size_t it = 0;
    for (struct kt_dir *d; (d = kt_table_next(&s->by_dir, h, &it));) {
        struct kt_file_stat now;
        if (kt_file_same_id(&d->id, &st->id) && strcmp(d->path, path) != 0 &&
            kt_file_look(AT_FDCWD, d->path, true, &now) && kt_file_same_id(&now.id, &st->id))
            return true;
    }
    return false;
}

static struct kt_dir *dir_of(struct kt_files *s, const struct kt_file_stat *st, const char *path, bool linked)
{
    uint64_t h = kt_file_id_hash(st->id.dev, st->id.ino);
    size_t it = 0;
    struct kt_dir *d;
    while ((d = kt_table_next(&s->by_dir, h, &it)))
        if (kt_file_same_id(&d->id, &st->id) && strcmp(d->path, path) == 0)
            return d;
    if (s->n_listed >= KT_FILE_DIRS_MAX || !(d = calloc(1, sizeof *d)))
        return NULL;
    *d = (struct kt_dir){.path = strdup(path), .id = st->id, .linked = linked, .wd = -1};
    if (!d->path || !kt_table_add(&s->by_dir, h, d)) {
        free(d->path);
        free(d);
        return NULL;
    }
    TAILQ_INSERT_TAIL(&s->listed, d, all);
    s->n_listed++;
    return d;
}

/* What is looked at again and again is complained of once. */
static void trouble_once(struct kt_files *s, const char *path, const char *sentence, const char *more)
{
    uint64_t h = kt_hash(path, strlen(path)) ^ kt_hash(sentence, strlen(sentence));
    size_t it = 0;
    if (kt_table_next(&s->said, h, &it))
        return;
    if (s->said.live < SAID_MAX)
        (void)kt_table_add(&s->said, h, s);
    kt_files_trouble(s, path, true, "%s%s", sentence, more);
}

static void cannot_list(struct kt_files *s, const char *path, int error)
{
    bool root = strcmp(path, s->root) == 0;
    if (s->follow && !root && (error == ENOENT || error == ENOTDIR))
        return; /* it was there a moment ago: that is following, not trouble */
    s->failed |= root;
    trouble_once(s, path, "the folder cannot be listed: ", strerror(error));
}

/* Opens the folder; false where there is nothing to list. */
static bool dir_begin(struct kt_files *s, const struct kt_dir_todo *t)
{
    struct kt_file_stat st;
    if (!kt_file_look(AT_FDCWD, t->path, true, &st)) {
        cannot_list(s, t->path, errno);
        return false;
    }
    if (t->linked && known_elsewhere(s, &st, t->path))
        return false;
    struct kt_dir *d = dir_of(s, &st, t->path, t->linked);
    if (!d) {
        trouble_once(s, t->path, "the folder was not read: ", "there are too many");
        return false;
    }
    d->scan = s->scan;
    if (s->follow)
        kt_files_watch_dir(s, d);
    s->dir = opendir(t->path);
    if (!s->dir) {
        cannot_list(s, t->path, errno);
        return false;
    }
    if (strcmp(t->path, s->root) == 0)
        s->failed = false;
    s->dir_linked = t->linked;
    s->dir_shared = NULL;
    return true;
}

static void dir_end(struct kt_files *s)
{
    (void)closedir(s->dir);
    s->dir = NULL;
    free(s->dir_path);
    s->dir_path = NULL;
}

/* --- what is in them --------------------------------------------------- */

bool kt_files_find(struct kt_files *s, const char *dir, const char *name, const struct kt_file_stat *st, bool linked)
{
    if (dir && !s->dir_shared) {
        s->dir_shared = kt_arena_span(s->arena, kt_span_of(dir)).p;
        if (!s->dir_shared)
            return false;
    }
    size_t n = strlen(name) + 1;
    if (!kt_grow(&s->found, &s->found_cap, s->n_found + 1, sizeof *s->found, KT_FILES_MAX))
        return false;
    struct kt_found *f = kt_arena_alloc(s->arena, sizeof *f + n);
    if (!f)
        return false;
    *f = (struct kt_found){.dir = dir ? s->dir_shared : NULL, .dev = st->id.dev, .ino = st->id.ino, .size = st->size,
                           .born = st->id.born, .mtime = st->mtime, .ctime = st->ctime, .linked = linked, .many = st->nlink > 1};
    memcpy(f->name, name, n);
    s->found[s->n_found++] = f;
    s->some_linked |= f->linked || f->many;
    s->health.files_total++;
    s->health.bytes_total += st->size;
    return true;
}

static void entry_file(struct kt_files *s, const char *name, const struct kt_file_stat *st, bool linked)
{
    const char *path = kt_files_join(s, s->dir_path, name);
    if (!path) {
        trouble_once(s, s->dir_path, "a file in it was not read: ", "its path is too long");
        return;
    }
    if (s->phase != KT_FILES_LIST)
        kt_files_seen(s, path);
    else if (!kt_files_find(s, s->dir_path, name, st, s->dir_linked || linked))
        kt_files_trouble(s, path, true, "was not read: there are too many files");
}

static void entry_dir(struct kt_files *s, const char *name, bool linked)
{
    if (strcmp(name, "CloudTrail-Digest") == 0)
        return; /* signatures of log files, not events */
    const char *path = kt_files_join(s, s->dir_path, name);
    if (!path || !kt_files_list_later(s, path, s->dir_linked || linked))
        trouble_once(s, path ? path : s->dir_path, "the folder was not read: ",
                     path ? "there are too many" : "the path of one in it is too long");
}

static void entry(struct kt_files *s, const char *name)
{
    if (kt_file_skips(name))
        return;
    struct kt_file_stat st;
    bool linked = false, ok = kt_file_look(dirfd(s->dir), name, false, &st);
    if (ok && S_ISLNK(st.mode)) {
        linked = true;
        ok = kt_file_look(dirfd(s->dir), name, true, &st);
    }
    int error = ok ? 0 : errno;
    if (!ok) {
        const char *path = kt_files_join(s, s->dir_path, name);
        if (path && (!s->follow || error != ENOENT))
            trouble_once(s, path, "cannot be looked at: ", strerror(error));
    } else if (S_ISDIR(st.mode)) {
        entry_dir(s, name, linked);
    } else if (S_ISREG(st.mode)) {
        entry_file(s, name, &st, linked);
    }
}

/* One entry, or the next folder; false when nothing is left. */
static bool list_one(struct kt_files *s)
{
    if (!s->dir) {
        struct kt_dir_todo t;
        if (!pop(&s->dirs, &t) && !pop(&s->links, &t))
            return false;
        if (dir_begin(s, &t))
            s->dir_path = t.path;
        else
            free(t.path);
        return true;
    }
    errno = 0;
    const struct dirent *e = readdir(s->dir);
    if (e) {
        entry(s, e->d_name);
        return true;
    }
    if (errno)
        cannot_list(s, s->dir_path, errno);
    dir_end(s);
    return true;
}

bool kt_files_list(struct kt_files *s, struct kt_budget *b)
{
    do
        for (int i = 0; i < 64; i++)
            if (!list_one(s))
                return true;
    while (kt_budget_left(b));
    return false;
}

/* --- order ------------------------------------------------------------- */

/* Compares "dir/name" with "dir/name" without putting them together. */
static int compare(const struct kt_found *a, const struct kt_found *b)
{
    if (a->dir == b->dir)
        return strcmp(a->name, b->name);
    const char *part[2][3] = {{a->dir, "/", a->name}, {b->dir, "/", b->name}};
    int at[2] = {0, 0};
    const char *p = part[0][0], *q = part[1][0];
    for (;; p++, q++) {
        while (!*p && at[0] < 2)
            p = part[0][++at[0]];
        while (!*q && at[1] < 2)
            q = part[1][++at[1]];
        if (*p != *q || !*p)
            return (unsigned char)*p - (unsigned char)*q;
    }
}

/* Merges up to `steps` elements of the two runs at `lo`. */
static void merge(struct kt_sorter *o, int steps)
{
    size_t mid = o->lo + o->width < o->n ? o->lo + o->width : o->n;
    size_t end = mid + o->width < o->n ? mid + o->width : o->n;
    if (!o->merging) {
        o->i = o->k = o->lo;
        o->j = mid;
        o->merging = true;
    }
    for (; steps-- && o->k < end; o->k++) {
        bool left = o->j >= end || (o->i < mid && compare(o->from[o->i], o->from[o->j]) <= 0);
        o->to[o->k] = left ? o->from[o->i++] : o->from[o->j++];
    }
    if (o->k == end) {
        o->merging = false;
        o->lo = end;
    }
}

bool kt_files_sort(struct kt_files *s, struct kt_budget *b)
{
    struct kt_sorter *o = &s->sorter;
    if (!o->from) {
        *o = (struct kt_sorter){.from = s->found, .to = calloc(s->n_found + 1, sizeof *s->found), .n = s->n_found,
                                .width = 1};
        if (!o->to) { /* unsorted is better than unread */
            *o = (struct kt_sorter){0};
            return true;
        }
    }
    while (o->width < o->n) {
        merge(o, 256);
        if (o->lo >= o->n) {
            struct kt_found **t = o->from;
            o->from = o->to;
            o->to = t;
            o->lo = 0;
            o->width *= 2;
        }
        if (!kt_budget_left(b))
            return false;
    }
    s->found = o->from;
    s->found_cap = s->n_found;
    free(o->to);
    *o = (struct kt_sorter){0};
    return true;
}

/* Real names first, so that a symbolic link never takes a file's own name
 * away; then links, and further names of what has several. */
static void unique_one(struct kt_files *s, struct kt_found *f)
{
    uint64_t h = kt_file_id_hash(f->dev, f->ino);
    size_t it = 0;
    const struct kt_found *g;
    bool known = false;
    while (!known && (g = kt_table_next(&s->unique, h, &it)))
        known = g->dev == f->dev && g->ino == f->ino;
    /* Some remote file systems number badly: only what can be the same is taken for the same. */
    f->again = known && (f->linked || f->many);
    if (f->again) {
        s->health.files_total--;
        s->health.bytes_total -= f->size;
    } else if (!known) {
        (void)kt_table_add(&s->unique, h, f); /* without it, read twice: the store knows both */
    }
}

bool kt_files_unique(struct kt_files *s, struct kt_budget *b)
{
    for (; s->some_linked && s->unique_pass < 2; s->unique_pass++, s->at_found = 0)
        for (; s->at_found < s->n_found; s->at_found++) {
            struct kt_found *f = s->found[s->at_found];
            if (f->linked == (s->unique_pass == 1))
                unique_one(s, f);
            if (s->at_found % 64 == 63 && !kt_budget_left(b)) {
                s->at_found++;
                return false;
            }
        }
    kt_table_free(&s->unique);
    s->at_found = 0;
    return true;
}

void kt_files_found_free(struct kt_files *s)
{
    if (s->sorter.from) {
        /* stopped while sorting: one of the two arrays is s->found */
        struct kt_found **other = s->sorter.from == s->found ? s->sorter.to : s->sorter.from;
        free(other);
    }
    free(s->found);
    s->found = NULL;
    s->n_found = s->found_cap = s->at_found = 0;
    s->sorter = (struct kt_sorter){0};
    kt_table_free(&s->unique);
    kt_arena_free(s->arena);
    s->arena = NULL;
    s->dir_shared = NULL;
}

void kt_files_list_free(struct kt_files *s)
{
    if (s->dir)
        dir_end(s);
    queue_free(&s->dirs);
    queue_free(&s->links);
    for (struct kt_dir *d; (d = TAILQ_FIRST(&s->listed));) {
        TAILQ_REMOVE(&s->listed, d, all);
        free(d->path);
        free(d);
    }
    kt_table_free(&s->by_dir);
}
