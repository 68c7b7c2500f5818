#include "tests/support/storm.h"

#include "engine/impl.h"
#include "source/logs.h"
#include "source/sqs.h"
#include "tests/support/storm_service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

#define MINUTE ((int64_t)60000)
#define HOUR (60 * MINUTE)
#define DOWN_MAX (4 * HOUR) /* that there is no collector */

enum { WORK_MS = 1000, SILENT_MS = 4, LIVE_STRIDE = 300000, SEEDS_TOLD = 10 };

struct life {
    int64_t until;  /* by the shared clock */
    bool killed;    /* at its end */
    bool reads;     /* false: only what state.db gives is looked at */
};

/* --- a collector: in a process of its own --------------------------------------------- */

struct collector {
    struct storm *s;
    struct kt_engine *g;
    int parent;
    int64_t disk_at;
    struct kt_counts counts;
};

static void changed(void *ctx)
{
    (void)ctx;
}

static void open_engine(struct collector *c)
{
    struct storm *s = c->s;
    struct kt_err e = {0};
    struct kt_engine_opts o = {.follow = true, .since = KT_TIME_NONE, .until = KT_TIME_NONE, .clock = &s->clock,
                               .aws = {.clock = &s->clock, .mono = &s->clock, .random = storm_chance, .random_ctx = s,
                                       .env = s->variables.env},
                               .store = {.keep_raw = true}, .memory = KT_MEMORY_FILE};
    o.state.path = s->state_path;
    rig_must(kt_engine_new(&c->g, &o, &e) == KT_OK && kt_engine_add(c->g, s->address, NULL, &e) == KT_OK, e.text);
    c->g->views = kt_views_new(c->g->store, changed, NULL); /* as on the screen: rows are there as they were */
    rig_must(c->g->views != NULL, "memory");
    engine_remember(c->g);
}

static void look_at_counts(struct collector *c)
{
    struct kt_counts n = kt_store_counts(c->g->store);
    rig_must(n.received == n.shown + n.filtered + n.duplicate + n.malformed, "the ledger does not add up");
    rig_must(n.malformed == 0, "a record is malformed");
    if (n.shown != c->counts.shown)
        kt_state_rows(c->g->state);
    c->counts = n;
}

static void step(struct collector *c)
{
    struct kt_engine *g = c->g;
    struct engine_source *src = &g->src[0];
    struct kt_source_sink sink = engine_sink_of(g);
    g->current = 0;
    src->wait = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1};
    src->source->ops->step(src->source, &sink, &src->wait);
    engine_look_at_health(g, src);
    rig_must(!g->crew || kt_crew_settle(g->crew), "the crew stopped");
    look_at_counts(c);
}

/* Is something asked for but news of a live tail? */
static bool asks(const struct collector *c)
{
    const struct logs *l = (const struct logs *)c->g->src[0].source;
    bool any = l->call || l->whose;
    for (size_t i = 0; i < l->n_patterns; i++)
        any |= l->live[i].call && !l->live[i].open;
    return any;
}

/* The service tells listeners what it has taken in since, where somebody listens. */
static void let_tell(struct collector *c)
{
    char answer;
    rig_must(write(c->parent, "T", 1) == 1, "the service is gone");
    while (poll(&(struct pollfd){.fd = c->parent, .events = POLLIN}, 1, 1) == 0)
        step(c); /* it waits for us to read what it tells */
    rig_must(read(c->parent, &answer, 1) == 1, "the service is gone");
}

static void pass(struct collector *c, int64_t ms)
{
    storm_pass(c->s, ms > 0 ? ms : 1);
}

/* Where news are told, an open stream keeps us from knowing whether anything else is to
 * come: time passes after a little silence, only as much as is waited for while more is asked. */
static void wait_for_network(struct collector *c, const struct kt_wait *w, int64_t ms)
{
    struct pollfd p = {.fd = w->fd, .events = POLLIN};
    bool live = c->s->kind == STORM_TAIL, quiet = live && !asks(c);
    int patience = live ? SILENT_MS : ms > 0 && ms < WORK_MS ? (int)ms : WORK_MS;
    if (poll(&p, 1, patience) != 0 || !live)
        return;
    if (!quiet) {
        pass(c, ms < WORK_MS ? ms : WORK_MS);
        return;
    }
    pass(c, ms > LIVE_STRIDE ? ms : LIVE_STRIDE);
    let_tell(c);
}

/* A queue's messages go when they are on disk: mostly that is before anything else. */
static void keep_up(struct collector *c)
{
    bool waits = c->s->kind == STORM_SQS && ((const struct sqs *)c->g->src[0].source)->committing;
    if (waits && storm_below(c->s, 4))
        (void)kt_state_settle(c->g->state);
}

static void go_to_disk(struct collector *c)
{
    rig_must(kt_state_settle(c->g->state), "state.db takes nothing");
    c->disk_at = c->s->shared->now + (int64_t)storm_below(c->s, (uint64_t)(40 * MINUTE));
}

static void collect(struct collector *c, int64_t until)
{
    while (c->s->shared->now < until) {
        step(c);
        keep_up(c);
        const struct kt_wait *w = &c->g->src[0].wait;
        int64_t ms = w->deadline ? w->deadline - kt_mono_ms() : 0;
        if (w->kind == KT_WAIT_FD)
            wait_for_network(c, w, ms);
        else if (w->kind == KT_WAIT_TIME)
            pass(c, ms);
        rig_must(w->kind != KT_WAIT_DONE, "the source has ended");
        if (c->s->shared->now >= c->disk_at)
            go_to_disk(c);
    }
}

/* Each event's rows. */
static void count_rows(struct collector *c)
{
    struct storm_shared *sh = c->s->shared;
    struct kt_arena *a = kt_arena_new(1 << 20);
    unsigned char *seen = calloc(c->s->events + 1, 1);
    uint64_t first, next;
    rig_must(a && seen, "memory");
    sh->rows = sh->doubles = 0;
    kt_store_span(c->g->store, &first, &next);
    for (uint64_t seq = first; seq < next; seq++) {
        struct kt_row r;
        char id[64];
        int number;
        kt_arena_reset(a);
        rig_must(kt_store_row(c->g->store, seq, false, a, &r), "a row is gone");
        snprintf(id, sizeof id, "%.*s", (int)r.ev.event_id.n, r.ev.event_id.p);
        rig_must(sscanf(id, "00000000-0000-4000-8000-%d", &number) == 1 && number > 0 && (size_t)number <= c->s->events,
                 "an event that is none of ours");
        sh->rows += !seen[number];
        sh->doubles += seen[number];
        seen[number] = 1;
    }
    kt_arena_free(a);
    free(seen);
}

static void add_counts(struct collector *c)
{
    struct storm_shared *sh = c->s->shared;
    sh->received += c->counts.received;
    sh->shown += c->counts.shown;
    sh->filtered += c->counts.filtered;
    sh->duplicate += c->counts.duplicate;
    sh->malformed += c->counts.malformed;
}

static void *write_state(void *state)
{
    (void)kt_state_settle(state);
    return NULL;
}

/* In the middle of what it does, and half the times while the disk is written. */
static void be_killed(struct collector *c)
{
    pthread_t thread;
    for (uint64_t k = storm_below(c->s, 12); k > 0; k--)
        step(c);
    add_counts(c);
    if (storm_below(c->s, 2) && pthread_create(&thread, NULL, write_state, c->g->state) == 0)
        (void)nanosleep(&(struct timespec){.tv_nsec = (long)storm_below(c->s, 3000000)}, NULL);
    (void)raise(SIGKILL);
}

static void live(struct storm *s, const struct life *l, int parent)
{
    struct collector c = {.s = s, .parent = parent, .disk_at = s->shared->now + (int64_t)storm_below(s, (uint64_t)(40 * MINUTE))};
    open_engine(&c);
    if (l->reads)
        collect(&c, l->until);
    if (l->killed)
        be_killed(&c);
    rig_must(kt_state_settle(c.g->state), "state.db takes nothing");
    count_rows(&c);
    add_counts(&c);
    kt_engine_free(c.g);
}

/* --- the service's side --------------------------------------------------------------------- */

/* Answers the collector until it is gone. */
static void serve(struct storm *s, int child)
{
    char what;
    for (ssize_t n; (n = read(child, &what, 1)) == 1 || (n < 0 && errno == EINTR);) {
        storm_tell(s);
        rig_must(write(child, "", 1) == 1 || errno == EPIPE, "write");
    }
}

static void run_life(struct storm *s, const struct life *l)
{
    int end[2], status;
    rig_must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, end) == 0, "socketpair");
    fake_http_lock(s->http); /* its thread is in no library's middle then */
    pid_t pid = fork();
    if (pid == 0) {
        close(end[0]);
        live(s, l, end[1]);
        _exit(0);
    }
    fake_http_unlock(s->http);
    rig_must(pid > 0, "fork");
    close(end[1]);
    serve(s, end[0]);
    close(end[0]);
    rig_must(waitpid(pid, &status, 0) == pid, "waitpid");
    bool right = l->killed ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL : WIFEXITED(status) && WEXITSTATUS(status) == 0;
    rig_must(right, "a life ended otherwise than it should");
}

void storm_run(enum storm_kind kind, uint64_t seed, size_t events, struct storm_outcome *out)
{
    struct storm *s = storm_new(kind, seed, events);
    *out = (struct storm_outcome){.events = events};
    while (s->shared->now < s->end) {
        int64_t until = s->shared->now + MINUTE + (int64_t)storm_below(s, (uint64_t)(150 * MINUTE));
        if (until >= s->end)
            break;
        run_life(s, &(struct life){until, true, true});
        storm_pass(s, 1000 + (int64_t)storm_below(s, (uint64_t)(storm_below(s, 2) ? 10 * MINUTE : DOWN_MAX)));
        out->kills++;
    }
    s->calm_at = s->end;
    run_life(s, &(struct life){(s->shared->now > s->end ? s->shared->now : s->end) + s->settles, false, true});
    out->rows = s->shared->rows;
    out->doubles = s->shared->doubles;
    run_life(s, &(struct life){0, false, false});
    out->kept = s->shared->rows + s->shared->doubles;
    out->received = s->shared->received;
    out->shown = s->shared->shown;
    out->filtered = s->shared->filtered;
    out->duplicate = s->shared->duplicate;
    out->malformed = s->shared->malformed;
    storm_books(s, out);
    storm_free(s);
}

static const char *const names[] = {"cloudtrail", "logs", "live tail", "s3", "sqs", "splunk"};

static void tell(enum storm_kind kind, long seeds, size_t events, const struct storm_outcome *all, int64_t began)
{
    print_message("%s: %ld seeds of %zu events: %zu rows, 0 lost, 0 twice; %u kills, %u calls, %llu records received, %llu of "
                  "them duplicates; state.db %zu KiB at most; %.1f s a seed\n",
                  names[kind], seeds, events, all->rows, all->kills, all->calls, (unsigned long long)all->received,
                  (unsigned long long)all->duplicate, all->bytes >> 10, (double)(kt_mono_ms() - began) / 1000 / (double)seeds);
}

void storm_prove(enum storm_kind kind, long seeds, size_t events)
{
    struct storm_outcome all = {0};
    int64_t began = kt_mono_ms();
    for (long seed = 1; seed <= seeds; seed++) {
        struct storm_outcome o;
        storm_run(kind, (uint64_t)seed, events, &o);
        if (o.rows != events || o.doubles || o.kept != events || o.left || o.too_fast)
            fail_msg("%s, seed %ld: %zu of %zu, %zu twice, %zu in state.db, %zu left, %u too fast, %u kills", names[kind], seed,
                     o.rows, events, o.doubles, o.kept, o.left, o.too_fast, o.kills);
        assert_int_equal(o.received, o.shown + o.filtered + o.duplicate + o.malformed);
        all.rows += o.rows;
        all.kills += o.kills;
        all.received += o.received;
        all.duplicate += o.duplicate;
        all.calls += o.calls;
        all.bytes = o.bytes > all.bytes ? o.bytes : all.bytes;
        if (seed % SEEDS_TOLD == 0 || seed == seeds)
            tell(kind, seed, events, &all, began);
    }
}
