#include "tests/support/follow_schedule.h"

#include "source/file.h"
#include "tests/support/fake_sink.h"
#include "tests/support/temp_dir.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 40, DIRS = 12, TEXTS = 2000, LINES = 4000, PATHS = 16, NAME = 96 };

/* What one file held between two truncations. */
struct text {
    unsigned lines;     /* whole ones that were written */
    bool destroyed;     /* truncated, deleted or moved away */
    bool unseeable;     /* truncated before the source can have looked even once */
    char paths[PATHS][NAME]; /* all it had */
    unsigned n_paths;
    unsigned then;      /* what its file holds after truncation; 0: none */
};
struct line {
    unsigned text, number, length, seen;
};
struct writer { /* a file that is there now */
    bool used;
    char path[NAME]; /* below the temporary folder */
    unsigned text;
    unsigned partial; /* bytes of the line that was begun; 0: none */
    unsigned length;  /* it will have */
    bool read;        /* it was not empty when everything was last read */
};
struct dir {
    bool used;
    char path[NAME];
    unsigned born;
};

struct run {
    uint64_t random;
    struct temp_dir tmp;
    struct fake_sink sink;
    struct kt_source *source;
    struct writer files[FILES];
    struct dir dirs[DIRS];
    struct text *texts;
    unsigned n_texts;
    struct line *lines;
    unsigned n_lines;
    unsigned serial;      /* for names */
    unsigned settled;     /* how often everything was read */
    bool gentle;          /* nothing is destroyed: nothing may be missing or named */
    bool lost_events;
    struct kt_buf log;    /* what was done, for the one who reads a failure */
};

static uint64_t next_random(struct run *r)
{
    uint64_t z = r->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static unsigned below(struct run *r, unsigned n)
{
    return (unsigned)(next_random(r) % n);
}

static void must(bool ok, const char *what)
{
    if (!ok) {
        perror(what);
        abort();
    }
}

static void note(struct run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void note(struct run *r, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    kt_buf_addf(&r->log, "%s; ", text);
}

/* --- what stands where ------------------------------------------------- */

static struct writer *any_file(struct run *r)
{
    unsigned at = below(r, FILES);
    for (unsigned i = 0; i < FILES; i++)
        if (r->files[(at + i) % FILES].used)
            return &r->files[(at + i) % FILES];
    return NULL;
}

static struct writer *free_file(struct run *r)
{
    for (unsigned i = 0; i < FILES; i++)
        if (!r->files[i].used)
            return &r->files[i];
    return NULL;
}

static struct dir *any_dir(struct run *r)
{
    unsigned at = below(r, DIRS);
    for (unsigned i = 0; i < DIRS; i++)
        if (r->dirs[(at + i) % DIRS].used)
            return &r->dirs[(at + i) % DIRS];
    abort();
}

static void has_path(struct run *r, unsigned text, const char *path)
{
    struct text *t = &r->texts[text];
    if (t->n_paths < PATHS)
        (void)snprintf(t->paths[t->n_paths++], NAME, "%s", path);
}

static unsigned new_text(struct run *r, const char *path)
{
    must(r->n_texts < TEXTS, "texts");
    unsigned t = r->n_texts++;
    r->texts[t] = (struct text){0};
    has_path(r, t, path);
    return t;
}

/* --- writing ----------------------------------------------------------- */

/* Line `number` of a text: its name, and bytes that depend on both. */
static void line_text(unsigned text, unsigned number, unsigned length, char out[512])
{
    int n = snprintf(out, 512, "T%u.%u:", text, number);
    for (unsigned i = (unsigned)n; i < length; i++)
        out[i] = (char)('a' + (text * 7 + number * 3 + i) % 26);
    out[length] = '\n';
    out[length + 1] = '\0';
}

static void append(struct run *r, struct writer *w, bool whole)
{
    char text[512];
    if (!w->partial)
        w->length = 16 + below(r, 300);
    line_text(w->text, r->texts[w->text].lines, w->length, text);
    char *from = text + w->partial;
    if (!whole) {
        unsigned n = 1 + below(r, w->length - w->partial > 1 ? w->length - w->partial - 1 : 1);
        from[n] = '\0';
        w->partial += n;
        temp_append(&r->tmp, w->path, from);
        return;
    }
    temp_append(&r->tmp, w->path, from);
    must(r->n_lines < LINES, "lines");
    r->lines[r->n_lines++] = (struct line){w->text, r->texts[w->text].lines++, w->length, 0};
    w->partial = 0;
}

static void write_some(struct run *r, struct writer *w)
{
    for (unsigned n = 1 + below(r, 4); n; n--)
        append(r, w, true);
    if (below(r, 3) == 0)
        append(r, w, false);
    note(r, "write %s T%u", w->path, w->text);
}

static void create_at(struct run *r, const char *path)
{
    struct writer *w = free_file(r);
    if (!w)
        return;
    *w = (struct writer){.used = true, .text = new_text(r, path)};
    (void)snprintf(w->path, NAME, "%s", path);
    temp_write(&r->tmp, path, "");
    note(r, "create %s T%u", path, w->text);
    if (below(r, 4))
        write_some(r, w);
}

static void new_name(struct run *r, char path[NAME])
{
    (void)snprintf(path, NAME, "%.60s/f%u", any_dir(r)->path, r->serial++);
}

/* In a folder that nobody can have found yet? */
static bool hidden(const struct run *r, const char *path)
{
    const char *slash = strrchr(path, '/');
    for (unsigned i = 1; i < DIRS; i++) {
        const struct dir *d = &r->dirs[i];
        if (d->used && strlen(d->path) == (size_t)(slash - path) && strncmp(d->path, path, strlen(d->path)) == 0)
            return d->born == r->settled;
    }
    return false;
}

/* --- what happens ------------------------------------------------------ */

static void op_create(struct run *r)
{
    char path[NAME];
    new_name(r, path);
    create_at(r, path);
}

static void op_write(struct run *r)
{
    struct writer *w = any_file(r);
    if (w)
        write_some(r, w);
}

static void move_to(struct run *r, struct writer *w, const char *path)
{
    note(r, "rename %s %s", w->path, path);
    temp_rename(&r->tmp, w->path, path);
    (void)snprintf(w->path, NAME, "%s", path);
    has_path(r, w->text, path);
}

static void op_rotate(struct run *r)
{
    struct writer *w = any_file(r);
    if (!w)
        return;
    char old[NAME], path[NAME];
    (void)snprintf(old, NAME, "%s", w->path);
    new_name(r, path);
    if (r->gentle && hidden(r, path)) /* what goes where nobody looks yet may be gone, as far as can be known */
        (void)snprintf(path, NAME, "log/f%u", r->serial++);
    move_to(r, w, path);
    if (below(r, 2))
        write_some(r, w); /* the writer has not noticed */
    if (below(r, 3))
        create_at(r, old);
}

static void destroy(struct run *r, struct writer *w)
{
    struct text *t = &r->texts[w->text];
    t->destroyed = true;
    t->unseeable |= hidden(r, w->path);
    w->used = false;
}

static void op_move_away(struct run *r)
{
    struct writer *w = any_file(r);
    if (!w)
        return;
    char path[NAME];
    (void)snprintf(path, NAME, "away/f%u", r->serial++);
    note(r, "move away %s", w->path);
    temp_rename(&r->tmp, w->path, path);
    destroy(r, w);
}

static void op_truncate(struct run *r)
{
    struct writer *w = any_file(r);
    if (!w)
        return;
    note(r, "truncate %s", w->path);
    temp_write(&r->tmp, w->path, "");
    struct text *t = &r->texts[w->text];
    t->destroyed = true;
    t->unseeable |= !w->read || hidden(r, w->path);
    w->text = t->then = new_text(r, w->path);
    w->partial = 0;
    for (unsigned n = below(r, 4); n; n--) /* may grow beyond what it was */
        write_some(r, w);
}

static void op_delete(struct run *r)
{
    struct writer *w = any_file(r);
    if (!w)
        return;
    char old[NAME];
    (void)snprintf(old, NAME, "%s", w->path);
    note(r, "delete %s", old);
    temp_unlink(&r->tmp, old);
    destroy(r, w);
    if (below(r, 2)) /* which may be given the same inode number */
        create_at(r, old);
}

static void op_overwrite(struct run *r)
{
    struct writer *a = any_file(r), *b = any_file(r);
    if (!a || a == b)
        return;
    char path[NAME];
    (void)snprintf(path, NAME, "%s", b->path);
    destroy(r, b);
    move_to(r, a, path);
}

static void op_mkdir(struct run *r)
{
    for (unsigned i = 0; i < DIRS; i++)
        if (!r->dirs[i].used) {
            char path[NAME];
            (void)snprintf(path, NAME, "%.40s/d%u", any_dir(r)->path, r->serial++);
            r->dirs[i].used = true;
            r->dirs[i].born = r->settled;
            (void)snprintf(r->dirs[i].path, NAME, "%s", path);
            note(r, "mkdir %s", path);
            temp_mkdir(&r->tmp, path);
            (void)snprintf(path, NAME, "%.60s/f%u", r->dirs[i].path, r->serial++);
            create_at(r, path);
            return;
        }
}

static bool below_dir(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    return strncmp(path, dir, n) == 0 && (path[n] == '/' || !path[n]);
}

static void rebase(char path[NAME], const char *from, const char *to)
{
    char copy[NAME * 2];
    (void)snprintf(copy, sizeof copy, "%s%s", to, path + strlen(from));
    (void)snprintf(path, NAME, "%.*s", NAME - 1, copy);
}

static void op_rename_dir(struct run *r)
{
    const struct dir *d = any_dir(r);
    if (strcmp(d->path, "log") == 0)
        return;
    char from[NAME], to[NAME];
    (void)snprintf(from, NAME, "%s", d->path);
    (void)snprintf(to, NAME, "log/d%u", r->serial++);
    note(r, "rename folder %s %s", from, to);
    temp_rename(&r->tmp, from, to);
    for (unsigned i = 0; i < DIRS; i++)
        if (r->dirs[i].used && below_dir(r->dirs[i].path, from))
            rebase(r->dirs[i].path, from, to);
    for (unsigned i = 0; i < FILES; i++)
        if (r->files[i].used && below_dir(r->files[i].path, from)) {
            rebase(r->files[i].path, from, to);
            has_path(r, r->files[i].text, r->files[i].path);
        }
}

static void op_lose_events(struct run *r)
{
    note(r, "lose events");
    kt_file_lose_events(r->source);
    r->lost_events = true;
}

static void settle(struct run *r)
{
    (void)fake_settle(&r->sink, r->source, NULL);
    r->settled++;
    for (unsigned i = 0; i < FILES; i++) {
        struct writer *w = &r->files[i];
        w->read = w->used && (r->texts[w->text].lines || w->partial);
    }
}

static void op_step(struct run *r)
{
    if (below(r, 2)) {
        note(r, "settle");
        settle(r);
    } else {
        struct kt_wait w;
        note(r, "step");
        r->source->ops->step(r->source, &r->sink.sink, &w);
    }
}

static void one(struct run *r)
{
    static void (*const gentle[])(struct run *) = {op_write, op_write, op_write, op_create, op_rotate, op_rotate,
                                                   op_mkdir, op_rename_dir, op_step, op_step};
    static void (*const rough[])(struct run *) = {op_move_away, op_truncate, op_truncate, op_delete, op_overwrite,
                                                  op_lose_events, op_write, op_step};
    if (!r->gentle && below(r, 3) == 0)
        rough[below(r, sizeof rough / sizeof *rough)](r);
    else
        gentle[below(r, sizeof gentle / sizeof *gentle)](r);
}

/* --- the promise ------------------------------------------------------- */

static struct line *line_named(struct run *r, const char *p, size_t n)
{
    unsigned text, number;
    char name[64], full[512];
    (void)snprintf(name, sizeof name, "%.*s", n < 40 ? (int)n : 40, p);
    if (sscanf(name, "T%u.%u:", &text, &number) != 2)
        return NULL;
    for (unsigned i = 0; i < r->n_lines; i++) {
        struct line *l = &r->lines[i];
        if (l->text != text || l->number != number)
            continue;
        line_text(text, number, l->length, full);
        return l->length == n && memcmp(full, p, n) == 0 ? l : NULL;
    }
    return NULL;
}

static bool count_lines(struct run *r, char *why, size_t why_n)
{
    unsigned *last = calloc(r->n_texts + 1, sizeof *last); /* number + 1 of the last line seen */
    must(last != NULL, "memory");
    bool ok = true;
    for (size_t i = 0; i < r->sink.n_objects && ok; i++) {
        const struct kt_buf *d = &r->sink.objects[i].data;
        const char *p = kt_buf_str(d), *end = p + d->len, *nl;
        for (; ok && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1) {
            struct line *l = line_named(r, p, (size_t)(nl - p));
            ok = l && !l->seen++ && l->number + 1 > last[l->text];
            if (!ok)
                (void)snprintf(why, why_n, "%s: %s: %.60s", r->sink.objects[i].name,
                               !l ? "never written so" : l->seen > 1 ? "given twice" : "out of order", p);
            else
                last[l->text] = l->number + 1;
        }
    }
    free(last);
    return ok;
}

static bool gap_at(const struct run *r, const struct text *t)
{
    char place[NAME + 256];
    for (unsigned i = 0; i < t->n_paths; i++) {
        (void)snprintf(place, sizeof place, "file:%s/%s", r->tmp.path, t->paths[i]);
        if (fake_troubles(&r->sink, place, true))
            return true;
    }
    return t->then && gap_at(r, &r->texts[t->then]); /* the same file, under a later name */
}

static bool excused(const struct run *r, const struct text *t)
{
    if (t->unseeable || !t->destroyed)
        return t->unseeable;
    if (gap_at(r, t))
        return true;
    char place[NAME + 256];
    (void)snprintf(place, sizeof place, "file:%s/log", r->tmp.path);
    return r->lost_events && fake_troubles(&r->sink, place, true);
}

static bool holds(struct run *r, char *why, size_t why_n)
{
    if (!count_lines(r, why, why_n))
        return false;
    for (unsigned i = 0; i < r->n_lines; i++) {
        const struct line *l = &r->lines[i];
        if (l->seen || excused(r, &r->texts[l->text]))
            continue;
        (void)snprintf(why, why_n, "T%u.%u of %s is missing, and no gap says so", l->text, l->number,
                       r->texts[l->text].paths[r->texts[l->text].n_paths - 1]);
        return false;
    }
    if (r->gentle && r->sink.n_troubles) {
        (void)snprintf(why, why_n, "trouble where there is none: %s: %s", r->sink.troubles[0].place,
                       r->sink.troubles[0].sentence);
        return false;
    }
    return true;
}

static void begin(struct run *r, uint64_t seed)
{
    r->random = seed;
    r->gentle = seed % 3 == 0;
    r->texts = calloc(TEXTS, sizeof *r->texts);
    r->lines = calloc(LINES, sizeof *r->lines);
    must(r->texts && r->lines, "memory");
    kt_buf_init(&r->log, 1 << 20);
    temp_dir_make(&r->tmp);
    fake_sink_init(&r->sink);
    temp_mkdir(&r->tmp, "log");
    temp_mkdir(&r->tmp, "away");
    r->dirs[0] = (struct dir){true, "log", 0};
    for (unsigned n = below(r, 6); n; n--)
        op_create(r);
    if (below(r, 2))
        op_mkdir(r);
    struct kt_err e;
    must(kt_source_file.open(&r->source, temp_path(&r->tmp, "log"), &(struct kt_source_opts){.follow = true}, &e) ==
             KT_OK, "open");
    struct kt_file_tuning *t = kt_file_tuning(r->source);
    static const size_t open_max[] = {2, 4, 64};
    t->open_max = open_max[below(r, 3)];
    t->linger_ms = below(r, 2) ? 0 : 5000;
    note(r, "opens %zu, lingers %lld", t->open_max, (long long)t->linger_ms);
    settle(r);
}

/* Files whose name is gone are let go of. */
static void let_time_pass(struct run *r)
{
    struct kt_files *s = (struct kt_files *)r->source;
    struct kt_file *f;
    TAILQ_FOREACH(f, &s->gone, gone)
        f->until = 0;
    s->gone_at = 0;
    kt_file_tuning(r->source)->linger_ms = 0;
}

bool follow_schedule(uint64_t seed, char *why, size_t why_n)
{
    struct run *r = calloc(1, sizeof *r);
    must(r != NULL, "memory");
    begin(r, seed);
    for (unsigned n = 20 + below(r, 100); n; n--)
        one(r);
    settle(r);
    let_time_pass(r);
    settle(r);
    bool ok = holds(r, why, why_n);
    if (!ok && getenv("SCHEDULE_LOG")) {
        fprintf(stderr, "schedule %llu: %s\n%s\n", (unsigned long long)seed, why, kt_buf_str(&r->log));
        for (size_t i = 0; i < r->sink.n_troubles; i++)
            fprintf(stderr, "%s: %s\n", r->sink.troubles[i].place, r->sink.troubles[i].sentence);
    }
    r->source->ops->close(r->source);
    fake_sink_free(&r->sink);
    temp_dir_remove(&r->tmp);
    kt_buf_free(&r->log);
    free(r->texts);
    free(r->lines);
    free(r);
    return ok;
}
