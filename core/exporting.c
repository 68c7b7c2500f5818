#include "exporting.h"

#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROW_MAX = 64 << 20, TELL_MS = 250, LOOK_EVERY = 64 };

static const struct {
    const char *name, *ending;
} formats[KT_EXPORT_FORMATS] = {
    [KT_EXPORT_JSONL] = {"jsonl", "jsonl"},   [KT_EXPORT_CSV] = {"csv", "csv"},
    [KT_EXPORT_TABLE] = {"table", "txt"},     [KT_EXPORT_OCSF] = {"ocsf", "ocsf.jsonl"},
    [KT_EXPORT_ECS] = {"ecs", "ecs.jsonl"},   [KT_EXPORT_SPLUNK] = {"splunk", "splunk.jsonl"},
    [KT_EXPORT_REPORT] = {"report", "md"},
};

struct kt_export {
    struct kt_export_opts o; /* texts and seq are its own */
    char path[KT_EXPORT_PATH], beside[KT_EXPORT_PATH + 16];
    FILE *file;
    pthread_t thread;
    bool started;
    atomic_bool cancel;
    int64_t told; /* the thread's */
    pthread_mutex_t lock;
    struct kt_export_state state; /* under lock; without its path */
};

const char *kt_export_format_name(enum kt_export_format f)
{
    return f < KT_EXPORT_FORMATS ? formats[f].name : NULL;
}

const char *kt_export_ending(enum kt_export_format f)
{
    return f < KT_EXPORT_FORMATS ? formats[f].ending : NULL;
}

enum kt_export_format kt_export_format_find(struct kt_span name)
{
    int f = 0;
    while (f < KT_EXPORT_FORMATS && !kt_span_is(name, formats[f].name))
        f++;
    return (enum kt_export_format)f;
}

/* --- its file --------------------------------------------------------------- */

static bool resolve(const char *path, char out[KT_EXPORT_PATH])
{
    const char *home = getenv("HOME");
    bool in_home = path[0] == '~' && path[1] == '/' && home && home[0] == '/';
    int n = in_home ? snprintf(out, KT_EXPORT_PATH, "%s%s", home, path + 1) : snprintf(out, KT_EXPORT_PATH, "%s", path);
    return n > 0 && n < KT_EXPORT_PATH;
}

bool kt_export_is_there(const char *path)
{
    char real[KT_EXPORT_PATH];
    struct stat st;
    return resolve(path, real) && lstat(real, &st) == 0;
}

static enum kt_code open_file(struct kt_export *x, struct kt_err *e)
{
    struct stat st;
    if (!resolve(x->o.path, x->path))
        return kt_fail(e, KT_EUSAGE, "a path is missing, or too long");
    if (lstat(x->path, &st) == 0 && !S_ISREG(st.st_mode)) /* a device or link is nothing to be replaced */
        return kt_fail(e, KT_EIO, "%s is there and is no file", x->path);
    (void)snprintf(x->beside, sizeof x->beside, "%s.XXXXXX", x->path);
    int fd = mkostemp(x->beside, O_CLOEXEC); /* mode 0600 */
    x->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (x->file)
        return KT_OK;
    int why = errno;
    if (fd >= 0) {
        close(fd);
        unlink(x->beside);
    }
    return kt_fail(e, KT_EIO, "%s: %s", x->path, strerror(why));
}

/* True: it is in its place. */
static bool put_in_place(struct kt_export *x, struct kt_err *e)
{
    bool ok = fflush(x->file) == 0 && fsync(fileno(x->file)) == 0;
    int why = errno;
    ok = fclose(x->file) == 0 && ok;
    x->file = NULL;
    if (ok && x->o.replace) {
        ok = rename(x->beside, x->path) == 0;
        why = errno;
    } else if (ok) { /* link(2) never replaces */
        ok = link(x->beside, x->path) == 0;
        why = errno;
        unlink(x->beside);
    }
    if (ok)
        return true;
    unlink(x->beside);
    kt_fail(e, KT_EIO, "%s: %s", x->path, strerror(why));
    return false;
}

static void throw_away(struct kt_export *x)
{
    if (!x->file)
        return;
    (void)fclose(x->file);
    x->file = NULL;
    unlink(x->beside);
}

/* --- the thread ---------------------------------------------------------------- */

static void wake(struct kt_export *x)
{
    uint64_t one = 1;
    /* an eventfd that is readable already need not become so */
    if (write(kt_engine_fd(x->o.engine), &one, sizeof one) < 0)
        return;
}

/* False: it was cancelled. */
static bool go_on(void *ctx, size_t done)
{
    struct kt_export *x = ctx;
    if (done % LOOK_EVERY == 0) {
        int64_t now = kt_mono_ms();
        pthread_mutex_lock(&x->lock);
        x->state.done = done;
        pthread_mutex_unlock(&x->lock);
        if (now - x->told >= TELL_MS) {
            x->told = now;
            wake(x);
        }
    }
    return !atomic_load(&x->cancel);
}

static enum kt_code write_report(struct kt_export *x, struct kt_err *e)
{
    struct kt_report_opts o = {.engine = x->o.engine, .seq = x->o.seq, .n = x->o.n, .chosen = x->o.chosen,
                               .filter = x->o.filter, .profile = x->o.profile, .now = x->o.now, .go_on = go_on, .ctx = x};
    return kt_report_write(x->file, &o, e);
}

static enum kt_code write_row(struct kt_export *x, struct kt_output *out, struct kt_arena *a, uint64_t seq,
                              struct kt_err *e)
{
    struct kt_row r;
    bool record = kt_output_asks_record(out);
    kt_arena_reset(a);
    if (!kt_store_row(kt_engine_store(x->o.engine), seq, record, a, &r)) {
        pthread_mutex_lock(&x->lock);
        x->state.gone++;
        pthread_mutex_unlock(&x->lock);
        return KT_OK;
    }
    struct kt_tree tree;
    kt_tree_init(&tree);
    bool read = record && kt_span_known(r.raw) && r.ev.kind != KT_KIND_MALFORMED;
    struct kt_node *root = read ? kt_tree_parse(&tree, r.raw) : NULL;
    errno = 0;
    bool ok = kt_output_row(out, &r, root);
    kt_tree_free(&tree);
    return ok ? KT_OK : kt_fail(e, KT_EIO, "%s: %s", x->path, errno ? strerror(errno) : "memory ran out");
}

static enum kt_code write_rows(struct kt_export *x, struct kt_err *e)
{
    struct kt_output_opts opts = {.format = (enum kt_format)x->o.format, .columns = x->o.columns, .kinds = x->o.kinds,
                                  .ascii = x->o.ascii};
    const struct kt_rules *rules = kt_engine_rules(x->o.engine);
    struct kt_output *out = NULL;
    struct kt_arena *a = kt_arena_new(ROW_MAX);
    enum kt_code c = a ? kt_output_new(&out, &opts, rules, x->file, e) : kt_fail(e, KT_ENOMEM, "memory ran out");
    for (size_t i = 0; c == KT_OK && i < x->o.n; i++)
        c = go_on(x, i) ? write_row(x, out, a, x->o.seq[i], e) : kt_fail(e, KT_ECANCELLED, "stopped");
    if (c == KT_OK && !kt_output_finish(out))
        c = kt_fail(e, KT_EIO, "%s: %s", x->path, errno ? strerror(errno) : "memory ran out");
    if (out)
        kt_output_free(out);
    if (a)
        kt_arena_free(a);
    kt_rules_free(rules);
    return c;
}

static void *thread_main(void *arg)
{
    struct kt_export *x = arg;
    struct kt_err e = {0};
    enum kt_code c = x->o.format == KT_EXPORT_REPORT ? write_report(x, &e) : write_rows(x, &e);
    bool cancelled = atomic_load(&x->cancel);
    bool ok = c == KT_OK && !cancelled && put_in_place(x, &e);
    if (!ok)
        throw_away(x);
    pthread_mutex_lock(&x->lock);
    x->state.running = false;
    x->state.done = ok ? x->state.total : x->state.done;
    x->state.cancelled = cancelled && !ok;
    x->state.failed = !ok && !cancelled;
    if (x->state.failed)
        (void)snprintf(x->state.sentence, sizeof x->state.sentence, "%s", e.text);
    pthread_mutex_unlock(&x->lock);
    wake(x);
    return NULL;
}

/* --- from outside ------------------------------------------------------------------ */

static bool keep(const char **text)
{
    if (!*text)
        return true;
    *text = strdup(*text);
    return *text != NULL;
}

static bool keep_all(struct kt_export *x, const struct kt_export_opts *o)
{
    x->o = *o;
    uint64_t *seq = malloc((o->n + 1) * sizeof *seq);
    x->o.seq = seq;
    if (seq && o->n)
        memcpy(seq, o->seq, o->n * sizeof *seq);
    bool ok = keep(&x->o.path);
    ok &= keep(&x->o.columns);
    ok &= keep(&x->o.chosen);
    ok &= keep(&x->o.filter);
    ok &= keep(&x->o.profile);
    return ok && seq;
}

static enum kt_code begin(struct kt_export *x, struct kt_err *e)
{
    sigset_t all, old;
    enum kt_code c = open_file(x, e);
    if (c)
        return c;
    x->state = (struct kt_export_state){.running = true, .total = x->o.n};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&x->thread, NULL, thread_main, x);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    x->started = rc == 0;
    if (rc == 0)
        return KT_OK;
    throw_away(x);
    return kt_fail(e, KT_ENOMEM, "cannot start a thread: %s", strerror(rc));
}

enum kt_code kt_export_start(struct kt_export **out, const struct kt_export_opts *o, struct kt_err *e)
{
    struct kt_export *x = calloc(1, sizeof *x);
    *out = NULL;
    if (!x)
        return kt_fail(e, KT_ENOMEM, "memory ran out");
    pthread_mutex_init(&x->lock, NULL);
    enum kt_code c = keep_all(x, o) ? begin(x, e) : kt_fail(e, KT_ENOMEM, "memory ran out");
    if (c == KT_OK)
        *out = x;
    else
        kt_export_free(x);
    return c;
}

void kt_export_cancel(struct kt_export *x)
{
    atomic_store(&x->cancel, true);
}

void kt_export_free(struct kt_export *x)
{
    if (!x)
        return;
    kt_export_cancel(x);
    if (x->started)
        pthread_join(x->thread, NULL);
    pthread_mutex_destroy(&x->lock);
    free((void *)x->o.seq);
    free((void *)x->o.path);
    free((void *)x->o.columns);
    free((void *)x->o.chosen);
    free((void *)x->o.filter);
    free((void *)x->o.profile);
    free(x);
}

void kt_export_look(struct kt_export *x, struct kt_export_state *out)
{
    pthread_mutex_lock(&x->lock);
    *out = x->state;
    pthread_mutex_unlock(&x->lock);
    memcpy(out->path, x->path, sizeof out->path);
}
