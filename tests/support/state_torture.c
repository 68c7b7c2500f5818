#include "tests/support/state_torture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void must(bool ok, const char *what)
{
    if (!ok) {
        perror(what);
        abort();
    }
}

/* --- rows and subjects ------------------------------------------------------------------- */

struct kt_subject state_subject(int n)
{
    struct kt_subject s = {.event_id = KT_LIT("torture")};
    memcpy(s.digest, &n, sizeof n);
    return s;
}

void state_add_row(struct kt_state *s, struct kt_store *store, struct rowgen *g, int n)
{
    struct kt_row r;
    uint8_t content[32] = {0};
    char id[32], raw[1024];
    snprintf(id, sizeof id, "torture-%d", n);
    rowgen_plain(&r, id, kt_now(NULL));
    r.verdict.level = n % 50 ? KT_LEVEL_LOW : KT_LEVEL_HIGH;
    r.origin.source = KT_LIT("file:/torture/a.json");
    r.origin.name = KT_LIT("torture");
    r.origin.address = KT_LIT("file:/torture");
    r.origin.record = (uint64_t)n + 1;
    int at = snprintf(raw, sizeof raw, "{\"eventName\":\"CreateAccessKey\",\"eventID\":\"%s\",\"userIdentity\":{\"type\":"
                                       "\"IAMUser\",\"userName\":\"alice\",\"accountId\":\"111122223333\"},\"pad\":\"", id);
    for (int i = 0; i < 160; i++)
        raw[at++] = (char)('a' + rowgen_random(g, 26));
    at += snprintf(raw + at, sizeof raw - (size_t)at, "\",\"requestParameters\":{\"userName\":\"alice\"},\"readOnly\":false}");
    r.raw = (struct kt_span){raw, (size_t)at};
    memcpy(content, &n, sizeof n);
    (void)kt_store_add(store, &r, content);
    kt_state_rows(s);
}

/* --- a writer ------------------------------------------------------------------------------ */

enum { ACKED_MAX = 1 << 20 };
struct board { /* shared: what was told to be done, and what was found */
    atomic_uint next, n_acked;
    atomic_uint corrupt;
    uint32_t acked[ACKED_MAX];
};

static struct kt_state *open_state(const char *path, struct kt_store **store)
{
    struct kt_state *s;
    struct kt_err e = {0};
    if (kt_state_open(&s, &(struct kt_state_opts){.path = path, .who = "torture@here"}, &e) != KT_OK) {
        fprintf(stderr, "state: %s\n", e.text);
        return NULL;
    }
    *store = kt_store_new(&(struct kt_store_opts){.keep_raw = true});
    must(*store != NULL, "store");
    kt_state_load(s, NULL, 0, NULL, NULL);
    must(kt_state_start(s, *store, &e) == KT_OK, "kt_state_start");
    return s;
}

static void note_corruption(struct kt_state *s, struct board *b)
{
    struct kt_state_stats st;
    kt_state_get_stats(s, &st);
    if (st.set_aside)
        atomic_fetch_add(&b->corrupt, 1);
}

/* Acts and rows until it is killed. */
static void writer(const char *path, struct board *b, uint64_t seed)
{
    struct rowgen g = {.state = seed};
    struct kt_store *store;
    struct kt_state *s = open_state(path, &store);
    if (!s)
        _exit(1);
    note_corruption(s, b);
    for (;;) {
        uint32_t n = atomic_fetch_add(&b->next, 1);
        struct kt_subject about = state_subject((int)n);
        struct kt_err e = {0};
        state_add_row(s, store, &g, (int)n);
        if (kt_state_triage(s, KT_TRIAGE_ACK, &about, KT_SPAN_NONE, true, &e) == KT_OK) {
            uint32_t at = atomic_fetch_add(&b->n_acked, 1);
            if (at < ACKED_MAX)
                b->acked[at] = n;
        }
        if (rowgen_random(&g, 4) == 0)
            (void)kt_state_settle(s); /* a transaction, at the most 5,000 ms from now on */
        note_corruption(s, b);
    }
}

static pid_t begin_writer(const char *path, struct board *b, struct rowgen *g)
{
    uint64_t seed = rowgen_random(g, UINT64_MAX);
    fflush(NULL);
    pid_t pid = fork();
    must(pid >= 0, "fork");
    if (pid == 0)
        writer(path, b, seed);
    return pid;
}

static bool kill_writer(pid_t pid)
{
    int status = 0;
    (void)kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* --- what is there in the end ------------------------------------------------------------------ */

struct verdict { /* shared with the child that looks */
    uint64_t lost, rows, corrupt;
};

static void look(const char *path, const struct board *b, struct verdict *v)
{
    struct kt_store *store;
    struct kt_state *s = open_state(path, &store);
    struct kt_state_stats st;
    if (!s)
        _exit(1);
    struct kt_arena *a = kt_arena_new(16 << 20);
    must(a != NULL, "arena");
    uint32_t n = b->n_acked < ACKED_MAX ? b->n_acked : ACKED_MAX;
    for (uint32_t i = 0; i < n; i++) {
        struct kt_row_triage t;
        struct kt_subject about = state_subject((int)b->acked[i]);
        kt_arena_reset(a);
        kt_state_holds(s, &about, a, &t);
        v->lost += !t.acked;
    }
    kt_state_get_stats(s, &st);
    v->rows = st.rows;
    v->corrupt = st.set_aside;
    kt_state_close(s);
    kt_store_free(store);
    kt_arena_free(a);
    _exit(0);
}

/* Once through the log and the table, once through the table alone: all that
 * was acknowledged is in the one, and comes into the other. */
static bool check(const char *path, const struct board *b, struct verdict *v)
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    must(pid >= 0, "fork");
    if (pid == 0)
        look(path, b, v);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void *shared(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(p != MAP_FAILED, "mmap");
    return p;
}

void state_kill_writers(const char *folder, int kills, struct rowgen *g, struct state_kills *out)
{
    char path[512];
    struct board *b = shared(sizeof *b);
    struct verdict *v = shared(sizeof *v);
    snprintf(path, sizeof path, "%s/state.db", folder);
    pid_t pid[2] = {begin_writer(path, b, g), begin_writer(path, b, g)};
    for (int i = 0; i < kills; i++) {
        int which = (int)rowgen_random(g, 2);
        struct timespec t = {.tv_nsec = (long)rowgen_random(g, 30000000)};
        (void)nanosleep(&t, NULL);
        out->failed += !kill_writer(pid[which]);
        pid[which] = begin_writer(path, b, g);
    }
    for (int i = 0; i < 2; i++)
        (void)kill_writer(pid[i]);
    out->kills += (uint64_t)kills;
    out->acked += b->n_acked;
    for (int i = 0; i < 2; i++) {
        char log[512];
        *v = (struct verdict){0};
        if (!check(path, b, v))
            out->failed++;
        out->lost += v->lost;
        out->corrupt += v->corrupt;
        if (i == 0)
            out->rows += v->rows;
        snprintf(log, sizeof log, "%s/triage.log", folder);
        (void)unlink(log);
    }
    out->corrupt += b->corrupt;
    (void)munmap(b, sizeof *b);
    (void)munmap(v, sizeof *v);
}

/* --- bits ------------------------------------------------------------------------------------------ */

enum { FLIP_ROWS = 200, FLIP_ACTS = 40 };

static void fill(const char *path, struct rowgen *g)
{
    struct kt_store *store;
    struct kt_state *s = open_state(path, &store);
    struct kt_err e = {0};
    must(s != NULL, path);
    for (int i = 0; i < FLIP_ROWS; i++)
        state_add_row(s, store, g, i);
    for (int i = 0; i < FLIP_ACTS; i++) {
        struct kt_subject about = state_subject(i);
        char note[64];
        snprintf(note, sizeof note, "note number %d", i);
        must(kt_state_triage(s, KT_TRIAGE_NOTE, &about, kt_span_of(note), true, &e) == KT_OK, e.text);
    }
    must(kt_state_settle(s), "settle");
    kt_state_close(s);
    kt_store_free(store);
}

static char *slurp(const char *path, size_t *n)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    must(fd >= 0 && fstat(fd, &st) == 0, path);
    char *p = malloc((size_t)st.st_size + 1);
    must(p && read(fd, p, (size_t)st.st_size) == st.st_size, path);
    close(fd);
    *n = (size_t)st.st_size;
    return p;
}

static void spit(const char *path, const char *p, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    must(fd >= 0 && write(fd, p, n) == (ssize_t)n, path);
    close(fd);
}

struct seen { /* by the child */
    uint64_t rows, wrong, set_aside;
};

static bool count_row(void *ctx, const struct kt_state_row *r)
{
    (void)r;
    ((struct seen *)ctx)->rows++;
    return true;
}

/* Opens, looks at all that there is, goes on writing, ends. */
static void live_with_it(const char *path, struct seen *seen)
{
    struct rowgen g = {.state = 7};
    struct kt_state *s;
    struct kt_err e = {0};
    struct kt_state_stats st;
    alarm(60);
    if (kt_state_open(&s, &(struct kt_state_opts){.path = path, .who = "torture@here", .optional = true}, &e) != KT_OK)
        _exit(2);
    struct kt_store *store = kt_store_new(&(struct kt_store_opts){.keep_raw = true});
    struct kt_arena *a = kt_arena_new(16 << 20);
    kt_state_load(s, NULL, 0, count_row, seen);
    kt_state_get_stats(s, &st);
    seen->wrong = st.triage != FLIP_ACTS;
    for (int i = 0; i < FLIP_ACTS; i++) {
        struct kt_row_triage t;
        struct kt_subject about = state_subject(i);
        char note[64];
        snprintf(note, sizeof note, "note number %d", i);
        kt_state_holds(s, &about, a, &t);
        seen->wrong += t.notes != 1 || !kt_span_is(t.note, note);
    }
    if (kt_state_start(s, store, &e) != KT_OK)
        _exit(3);
    state_add_row(s, store, &g, 100000);
    struct kt_subject about = state_subject(100000);
    if (kt_state_triage(s, KT_TRIAGE_ACK, &about, KT_SPAN_NONE, true, &e) != KT_OK)
        _exit(4);
    (void)kt_state_settle(s);
    kt_state_get_stats(s, &st);
    seen->set_aside = st.set_aside;
    kt_state_close(s);
    kt_store_free(store);
    kt_arena_free(a);
    _exit(0);
}

static bool survives(const char *path, struct seen *seen)
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    must(pid >= 0, "fork");
    if (pid == 0)
        live_with_it(path, seen);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* What the last one left: set aside or not. */
static void clean(const char *folder)
{
    char command[600];
    snprintf(command, sizeof command, "rm -f '%s'/state.db* '%s'/triage.log", folder, folder);
    must(system(command) == 0, command);
}

void state_flip_bits(const char *folder, enum state_flip_what what, int flips, struct rowgen *g,
                     struct state_flips *out)
{
    char db[512], log[512];
    size_t n_db, n_log;
    snprintf(db, sizeof db, "%s/state.db", folder);
    snprintf(log, sizeof log, "%s/triage.log", folder);
    clean(folder);
    fill(db, g);
    char *db_bytes = slurp(db, &n_db), *log_bytes = slurp(log, &n_log);
    struct seen *seen = shared(sizeof *seen);
    for (int i = 0; i < flips; i++) {
        char *p = what == STATE_FLIP_DB ? db_bytes : log_bytes;
        size_t bit = (size_t)rowgen_random(g, (what == STATE_FLIP_DB ? n_db : n_log) * 8);
        clean(folder);
        p[bit / 8] = (char)(p[bit / 8] ^ 1 << bit % 8);
        spit(db, db_bytes, n_db);
        spit(log, log_bytes, n_log);
        p[bit / 8] = (char)(p[bit / 8] ^ 1 << bit % 8);
        *seen = (struct seen){0};
        bool alive = survives(db, seen);
        if (!alive || seen->wrong)
            fprintf(stderr, "bit %zu of %s: %s\n", bit, what == STATE_FLIP_DB ? "state.db" : "triage.log",
                    alive ? "triage is not what it was" : "did not survive");
        out->crashed += !alive;
        out->triage_lost += seen->wrong > 0;
        out->set_aside += seen->set_aside > 0;
        out->rows += seen->rows;
    }
    out->flips += (uint64_t)flips;
    out->rows_of = FLIP_ROWS;
    clean(folder);
    free(db_bytes);
    free(log_bytes);
    (void)munmap(seen, sizeof *seen);
}
