#include "source/file.h"

#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* --- table ------------------------------------------------------------- */

/* A slot that was emptied; a search goes on behind it. */
#define TOMB ((void *)1)

static void put(struct kt_table_slot *v, size_t cap, uint64_t hash, void *p)
{
    size_t i = hash & (cap - 1);
    while (v[i].p)
        i = (i + 1) & (cap - 1);
    v[i] = (struct kt_table_slot){hash, p};
}

static bool rehash(struct kt_table *t, size_t cap)
{
    struct kt_table_slot *v = calloc(cap, sizeof *v);
    if (!v)
        return false;
    for (size_t i = 0; i < t->cap; i++)
        if (t->slots[i].p && t->slots[i].p != TOMB)
            put(v, cap, t->slots[i].hash, t->slots[i].p);
    free(t->slots);
    t->slots = v;
    t->cap = cap;
    t->used = t->live;
    return true;
}

void kt_table_reserve(struct kt_table *t, size_t n)
{
    size_t cap = 16;
    while (n * 2 > cap)
        cap *= 2;
    if (cap > t->cap)
        (void)rehash(t, cap); /* else it grows as it goes */
}

bool kt_table_add(struct kt_table *t, uint64_t hash, void *p)
{
    if ((t->used + 1) * 3 > t->cap * 2) {
        size_t cap = t->cap ? t->cap : 16;
        while ((t->live + 1) * 2 > cap)
            cap *= 2;
        if (!rehash(t, cap))
            return false;
    }
    put(t->slots, t->cap, hash, p);
    t->live++;
    t->used++;
    return true;
}

bool kt_table_del(struct kt_table *t, uint64_t hash, const void *p)
{
    if (!t->cap)
        return false;
    for (size_t i = hash & (t->cap - 1); t->slots[i].p; i = (i + 1) & (t->cap - 1))
        if (t->slots[i].p == p) {
            t->slots[i].p = TOMB;
            t->live--;
            return true;
        }
    return false;
}

void *kt_table_next(const struct kt_table *t, uint64_t hash, size_t *it)
{
    if (!t->cap)
        return NULL;
    for (;;) {
        const struct kt_table_slot *s = &t->slots[(hash + *it) & (t->cap - 1)];
        if (!s->p)
            return NULL;
        ++*it;
        if (s->p != TOMB && s->hash == hash)
            return s->p;
    }
}

void kt_table_free(struct kt_table *t)
{
    free(t->slots);
    *t = (struct kt_table){0};
}

/* --- looking ----------------------------------------------------------- */

static int64_t stamp_ns(const struct statx_timestamp *t)
{
    return t->tv_sec * INT64_C(1000000000) + t->tv_nsec;
}

bool kt_file_look(int dirfd, const char *path, bool follow, struct kt_file_stat *out)
{
    struct statx x;
    int flags = AT_STATX_SYNC_AS_STAT | (follow ? 0 : AT_SYMLINK_NOFOLLOW) | (*path ? 0 : AT_EMPTY_PATH);
    if (statx(dirfd, path, flags, STATX_BASIC_STATS | STATX_BTIME, &x) != 0)
        return false;
    *out = (struct kt_file_stat){
        .id = {makedev(x.stx_dev_major, x.stx_dev_minor), x.stx_ino,
               x.stx_mask & STATX_BTIME ? stamp_ns(&x.stx_btime) : 0},
        .mode = x.stx_mode,
        .nlink = x.stx_nlink,
        .size = x.stx_size,
        .mtime = stamp_ns(&x.stx_mtime),
        .ctime = stamp_ns(&x.stx_ctime),
    };
    return true;
}

bool kt_file_same_id(const struct kt_file_id *a, const struct kt_file_id *b)
{
    return a->dev == b->dev && a->ino == b->ino && (a->born == b->born || !a->born || !b->born);
}

uint64_t kt_file_id_hash(uint64_t dev, uint64_t ino)
{
    uint64_t v[2] = {dev, ino};
    return kt_hash(v, sizeof v);
}

bool kt_file_skips(const char *name)
{
    static const char *const ends[] = {"~", ".tmp", ".swp", ".part"};
    if (*name == '.')
        return true;
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t m = strlen(ends[i]);
        if (n >= m && memcmp(name + n - m, ends[i], m) == 0)
            return true;
    }
    return false;
}

const char *kt_files_join(struct kt_files *s, const char *dir, const char *name)
{
    kt_buf_reset(&s->path);
    size_t n = strlen(dir);
    kt_buf_adds(&s->path, dir);
    if (n && dir[n - 1] != '/')
        kt_buf_addc(&s->path, '/');
    kt_buf_adds(&s->path, name);
    return s->path.failed ? NULL : kt_buf_str(&s->path);
}

void kt_files_trouble(struct kt_files *s, const char *path, bool gap, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(text, sizeof text, fmt, ap) < 0)
        text[0] = '\0';
    va_end(ap);
    struct kt_buf place;
    kt_buf_init(&place, KT_FILE_PATH_MAX + 16);
    kt_buf_addf(&place, "file:%s", path);
    s->health.troubles++;
    s->sink->trouble(s->sink->ctx, kt_buf_str(&place), text, gap);
    kt_buf_free(&place);
}

bool kt_budget_left(const struct kt_budget *b)
{
    return b->bytes > 0 && kt_mono_ms() < b->until;
}

/* --- files ------------------------------------------------------------- */

struct kt_file *kt_file_by_path(struct kt_files *s, const char *path)
{
    uint64_t h = kt_hash(path, strlen(path));
    size_t it = 0;
    for (struct kt_file *f; (f = kt_table_next(&s->by_path, h, &it));)
        if (strcmp(f->path, path) == 0)
            return f;
    return NULL;
}

struct kt_file *kt_file_new(struct kt_files *s, const char *path)
{
    if (s->n_files >= KT_FILES_MAX)
        return NULL;
    struct kt_file *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->fd = -1;
    f->path = strdup(path);
    if (!f->path || !kt_table_add(&s->by_path, kt_hash(path, strlen(path)), f)) {
        free(f->path);
        free(f);
        return NULL;
    }
    TAILQ_INSERT_TAIL(&s->files, f, all);
    s->n_files++;
    return f;
}

void kt_file_free(struct kt_files *s, struct kt_file *f)
{
    kt_file_close(s, f);
    if (s->moved.file == f)
        s->moved.file = NULL;
    if (!f->is_gone)
        kt_table_del(&s->by_path, kt_hash(f->path, strlen(f->path)), f);
    else
        TAILQ_REMOVE(&s->gone, f, gone);
    if (f->known)
        kt_table_del(&s->by_id, kt_file_id_hash(f->id.dev, f->id.ino), f);
    if (f->in_checks)
        TAILQ_REMOVE(&s->checks, f, checks);
    if (f->in_reads)
        TAILQ_REMOVE(&s->reads, f, reads);
    if (f->in_ahead) {
        TAILQ_REMOVE(&s->ahead, f, ahead);
        s->n_ahead--;
    }
    TAILQ_REMOVE(&s->files, f, all);
    s->n_files--;
    free(f->path);
    free(f);
}
