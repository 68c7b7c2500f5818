#include "engine/impl.h"

#include "query/lower.h"
#include "source/explain.h"

enum { QUESTION_MAX = 8 << 20 };

/* --- telling the screen ---------------------------------------------------- */

void engine_notify(int fd)
{
    uint64_t one = 1;
    ssize_t n;
    do
        n = write(fd, &one, sizeof one);
    while (n < 0 && errno == EINTR);
    /* EAGAIN: the counter is full, so the reader has not looked yet: fine */
}

static void views_changed(void *ctx)
{
    engine_notify(((struct kt_engine *)ctx)->news_fd);
}

void engine_copy_cut(char *out, size_t size, const char *s)
{
    size_t n = strnlen(s, size - 1);
    memcpy(out, s, n);
    out[n] = '\0';
}

void engine_trouble(struct kt_engine *g, const char *place, const char *sentence, bool gap)
{
    g->unread = true;
    if (gap)
        kt_store_count_gap(g->store);
    pthread_mutex_lock(&g->lock);
    struct kt_trouble *t = &g->trouble[g->n_trouble++ % TROUBLES_MAX];
    engine_copy_cut(t->place, sizeof t->place, place);
    engine_copy_cut(t->sentence, sizeof t->sentence, sentence);
    t->at = kt_now(g->opts.clock);
    engine_note_troubled(g, place);
    pthread_mutex_unlock(&g->lock);
    if (g->sink && g->sink->trouble)
        g->sink->trouble(g->sink->ctx, place, sentence);
}

/* --- birth and death --------------------------------------------------------- */

static bool engine_init(struct kt_engine *g, struct kt_err *e)
{
    g->opts.ruleset.only = g->opts.rule;
    if (kt_ruleset_new(&g->ruleset, &g->opts.ruleset, g->opts.follow, e) != KT_OK)
        return false;
    engine_take_rules(g);
    if (engine_open_enrich(g, e) != KT_OK)
        return false;
    g->opts.kinds = g->opts.kinds ? g->opts.kinds : KT_KIND_BIT(KT_KIND_CREATION);
    g->opts.ledger |= g->opts.kinds != KT_KIND_BIT(KT_KIND_CREATION);
    g->arena = kt_arena_new(DECODE_MAX);
    g->correlating = kt_correlating_new(g->rules, &(struct kt_correlating_rows){engine_row_of, engine_row_matches, g});
    g->reads_records = kt_filter_asks_record(g->opts.filter);
    g->late_filter = g->opts.ledger && g->opts.filter && kt_filter_asks_verdict(g->opts.filter);
    g->opts.store.keep_raw |= g->reads_records && g->late_filter;
    g->store = kt_store_new(&g->opts.store);
    if (g->opts.ledger && g->store)
        g->judge = kt_judge_new(&(struct kt_judge_opts){.store = g->store, .rules = g->rules, .places = g->opts.places,
                                                        .memory_max = g->opts.store.memory_max / 8});
    if (g->judge && g->enrich)
        kt_judge_set_places(g->judge, &(struct kt_places){kt_enrich_look, g->enrich});
    g->known = g->opts.follow ? kt_known_new() : NULL; /* without it all is read again and again, and found to be known */
    kt_buf_init(&g->content, KT_RECORD_MAX * 6u); /* every byte escaped */
    kt_buf_init(&g->repaired, KT_RECORD_MAX * 6u);
    kt_tree_init(&g->tree);
    kt_tree_init(&g->kept);
    g->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g->ask_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!g->arena || !g->store || !g->correlating || (g->opts.ledger && !g->judge)) {
        kt_fail(e, KT_ENOMEM, "out of memory");
        return false;
    }
    if (g->news_fd < 0 || g->stop_fd < 0 || g->ask_fd < 0) {
        kt_fail(e, KT_EIO, "eventfd: %s", strerror(errno));
        return false;
    }
    engine_open_config(g);
    g->jump_fd = g->opts.follow ? kt_clock_watch() : -1;
    return engine_open_memory(g, e);
}

enum kt_code kt_engine_new(struct kt_engine **out, const struct kt_engine_opts *o, struct kt_err *e)
{
    *out = NULL;
    struct kt_engine *g = calloc(1, sizeof *g);
    if (!g)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    g->opts = *o;
    if (!g->opts.aws.clock)
        g->opts.aws.clock = o->clock;
    if (o->mfa_on_screen) {
        g->opts.aws.mfa = engine_mfa;
        g->opts.aws.mfa_ctx = g;
    }
    g->news_fd = g->stop_fd = g->state_fd = g->ask_fd = g->jump_fd = -1;
    atomic_init(&g->stopping, false);
    struct kt_err own = {0};
    if (pthread_mutex_init(&g->lock, NULL) != 0) {
        free(g);
        return kt_fail(e, KT_ENOMEM, "out of memory");
    }
    if (!engine_init(g, &own)) {
        kt_engine_free(g);
        return kt_fail(e, own.code, "%s", own.text);
    }
    *out = g;
    return KT_OK;
}

void kt_engine_free(struct kt_engine *g)
{
    if (!g)
        return;
    atomic_store(&g->stopping, true);
    if (g->started) {
        engine_notify(g->stop_fd);
        pthread_join(g->thread, NULL);
    }
    engine_keep_indexes(g);
    kt_views_free(g->views);
    kt_state_close(g->state); /* it reads the store to the last */
    for (size_t i = 0; i < g->n_src; i++) {
        if (g->src[i].source)
            g->src[i].source->ops->close(g->src[i].source);
        free(g->src[i].address);
        free(g->src[i].given);
    }
    free(g->src);
    free(g->troubled);
    kt_arena_free(g->indexes);
    kt_crew_free(g->crew);
    kt_known_free(g->known);
    for (size_t i = 0; i < g->n_object; i++)
        engine_object_free(g->object[i]);
    free(g->object);
    kt_judge_free(g->judge);
    kt_store_free(g->store);
    kt_rules_free(g->rules);
    kt_correlating_free(g->correlating);
    kt_ruleset_free(g->ruleset);
    kt_aws_free(g->aws); /* after the sources */
    kt_watch_free(g->enrich_watch);
    kt_watch_free(g->config_watch);
    if (g->config_of)
        g->opts.config.release(g->opts.config.ctx, g->config_of);
    kt_enrich_free(g->enrich);
    kt_arena_free(g->arena);
    kt_arena_free(g->scratch);
    kt_buf_free(&g->content);
    kt_buf_free(&g->repaired);
    kt_tree_free(&g->tree);
    kt_tree_free(&g->kept);
    if (g->state_fd >= 0)
        close(g->state_fd);
    if (g->news_fd >= 0)
        close(g->news_fd);
    if (g->stop_fd >= 0)
        close(g->stop_fd);
    if (g->ask_fd >= 0)
        close(g->ask_fd);
    if (g->jump_fd >= 0)
        close(g->jump_fd);
    engine_asked_free(g);
    pthread_mutex_destroy(&g->lock);
    explicit_bzero(g->mfa, sizeof g->mfa);
    free(g);
}

/* What to call a source on screen when nobody named it: the end of its path, without the
 * settings of one that asks a service. */
static void short_name(const char *address, char *out, size_t size)
{
    if (strcmp(address, "-") == 0) {
        engine_copy_cut(out, size, "stdin");
        return;
    }
    const char *p = strncmp(address, "file:", 5) == 0 ? address + 5 : address;
    size_t n = kt_source_is_remote(address) ? strcspn(p, "?") : strlen(p);
    while (n > 1 && (p[n - 1] == '/' || p[n - 1] == ':'))
        n--;
    size_t start = n;
    while (start > 0 && p[start - 1] != '/')
        start--;
    size_t len = n - start < size - 1 ? n - start : size - 1;
    memcpy(out, p + start, len);
    out[len] = '\0';
}

void engine_name_source(struct kt_engine *g, struct engine_source *s, const char *name)
{
    char text[sizeof s->state.name];
    if (name)
        engine_copy_cut(text, sizeof text, name);
    else
        short_name(s->given, text, sizeof text);
    pthread_mutex_lock(&g->lock);
    g->health_changed |= strcmp(s->state.name, text) != 0;
    memcpy(s->state.name, text, sizeof text);
    pthread_mutex_unlock(&g->lock);
}

static struct engine_source *new_src(struct kt_engine *g, const char *address, const char *name, struct kt_err *e)
{
    char *given = strdup(address);
    pthread_mutex_lock(&g->lock);
    bool room = given && kt_grow(&g->src, &g->cap_src, g->n_src + 1, sizeof *g->src, SOURCES_MAX);
    struct engine_source *s = room ? &g->src[g->n_src] : NULL;
    if (s) {
        *s = (struct engine_source){.wait = {.kind = KT_WAIT_NONE, .fd = -1}, .given = given};
        s->state.last_event = s->state.lag = KT_TIME_NONE;
        engine_copy_cut(s->state.address, sizeof s->state.address, address);
    }
    pthread_mutex_unlock(&g->lock);
    if (s) {
        engine_name_source(g, s, name);
        return s;
    }
    free(given);
    kt_fail(e, KT_ELIMIT, "more than %d sources", SOURCES_MAX);
    return NULL;
}

/* What the filter may let through, of the kinds that are rows. `*a` holds it. */
static enum kt_code put_question(struct kt_engine *g, struct kt_arena **a, struct kt_source_opts *o, struct kt_err *e)
{
    const char *names[KT_EVENT_NAMES];
    size_t n = kt_event_names(g->opts.kinds, names);
    *a = kt_arena_new(QUESTION_MAX);
    if (*a)
        o->where = kt_cond_join(*a, KT_COND_AND, kt_cond_names(*a, names, n), kt_cond_of_filter(*a, g->opts.filter));
    return o->where ? KT_OK : kt_fail(e, KT_ELIMIT, "the question is too long to be asked");
}

enum kt_code kt_engine_explain(struct kt_engine *g, const char *address, struct kt_buf *out, struct kt_err *e)
{
    struct kt_source_opts o = {.clock = g->opts.clock, .since = g->opts.since, .until = g->opts.until};
    struct kt_arena *question = NULL;
    enum kt_code code = put_question(g, &question, &o, e);
    if (code == KT_OK)
        code = kt_source_explain(address, &o, out, e);
    kt_arena_free(question);
    return code;
}

enum kt_code engine_open_source(struct kt_engine *g, struct kt_source **out, const char *address, struct kt_err *e)
{
    const char *names[KT_EVENT_NAMES + KT_RULES_NAMES_MAX];
    struct kt_source_opts o = {.follow = g->opts.follow, .clock = g->opts.clock, .seed = g->opts.seed,
                               .since = g->opts.since, .until = g->opts.until, .event_names = names,
                               .n_event_names = engine_names_wanted(g, names)};
    struct kt_arena *question = NULL;
    enum kt_code code = g->opts.ask ? put_question(g, &question, &o, e) : KT_OK;
    if (code == KT_OK && kt_source_is_remote(address) && !g->aws)
        code = kt_aws_new(&g->aws, &g->opts.aws, e);
    o.aws = g->aws;
    if (code == KT_OK)
        code = kt_source_open(out, address, &o, e);
    kt_arena_free(question);
    return code;
}

/* Its rows of before are there still, and so is where it came to. */
static struct engine_source *gone_src(struct kt_engine *g, const char *address)
{
    for (size_t i = 0; i < g->n_src; i++)
        if (g->src[i].gone && strcmp(g->src[i].given, address) == 0)
            return &g->src[i];
    return NULL;
}

bool engine_take_source(struct kt_engine *g, struct kt_source *source, const char *address, const char *name, bool late)
{
    struct engine_source *s = gone_src(g, address);
    bool again = s != NULL;
    if (!s && !(s = new_src(g, address, name, NULL)))
        return false;
    if (again)
        engine_name_source(g, s, name);
    char *kept = again ? s->address : engine_address_kept(g, source, address);
    pthread_mutex_lock(&g->lock);
    s->source = source;
    s->gone = false;
    s->late = late && !again;
    s->address = kept;
    s->wait = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1};
    source->ops->health(source, &s->state.health);
    g->n_src += !again;
    pthread_mutex_unlock(&g->lock);
    return true;
}

/* What it has begun and not ended, ends: nothing more of it comes. */
void engine_drop_source(struct kt_engine *g, size_t i)
{
    struct engine_source *s = &g->src[i];
    struct kt_source *source = s->source;
    engine_unask_source(g, source);
    pthread_mutex_lock(&g->lock);
    s->gone = true;
    s->source = NULL; /* the screen asks what it can be asked */
    s->wait = (struct kt_wait){.kind = KT_WAIT_DONE, .fd = -1};
    s->state.health = (struct kt_health){.state = KT_HEALTH_DONE};
    pthread_mutex_unlock(&g->lock);
    source->ops->close(source);
    for (size_t k = 0; k < g->n_object; k++)
        if (g->object[k] && g->object[k]->src == i && (g->object[k]->stream || g->object[k]->ingest))
            engine_sink_end(g, k + 1);
    g->health_changed = true;
}

enum kt_code kt_engine_add(struct kt_engine *g, const char *address, const char *name, struct kt_err *e)
{
    struct kt_source *source;
    enum kt_code code = engine_open_source(g, &source, address, e);
    if (code != KT_OK || engine_take_source(g, source, address, name, false))
        return code;
    source->ops->close(source);
    return kt_fail(e, KT_ELIMIT, "more than %d sources", SOURCES_MAX);
}

static void judge_step(struct kt_engine *g);

enum kt_code kt_engine_feed(struct kt_engine *g, const char *name, const void *p, size_t n, struct kt_err *e)
{
    struct kt_err own = {0};
    struct engine_source *s = new_src(g, name, name, &own);
    if (!s)
        return kt_fail(e, own.code, "%s", own.text);
    s->wait.kind = KT_WAIT_DONE;
    s->state.health.state = KT_HEALTH_DONE;
    g->current = g->n_src++;
    uint64_t h = engine_sink_object(g, name, 0, 0);
    if (!h)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    engine_sink_bytes(g, h, p, n);
    engine_sink_end(g, h);
    (void)kt_crew_settle(g->crew);
    do
        judge_step(g);
    while (g->more_to_judge);
    return KT_OK;
}

/* --- the loop ---------------------------------------------------------------- */

static void step(struct kt_engine *g, size_t i)
{
    struct engine_source *s = &g->src[i];
    g->current = i;
    struct kt_source_sink sink = engine_sink_of(g);
    s->wait = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1};
    s->source->ops->step(s->source, &sink, &s->wait);
    engine_look_at_health(g, s);
}

static bool due(const struct kt_wait *w, bool readable, int64_t now)
{
    switch (w->kind) {
    case KT_WAIT_NONE:
        return true;
    case KT_WAIT_FD:
        return readable || (w->deadline && now >= w->deadline);
    case KT_WAIT_TIME:
        return now >= w->deadline;
    case KT_WAIT_DONE:
        break;
    }
    return false;
}

/* How long to sleep for this source: 0 now, -1 until its fd is readable. */
static int64_t patience(const struct kt_wait *w, int64_t now)
{
    if (w->kind == KT_WAIT_NONE)
        return 0;
    if (w->kind == KT_WAIT_TIME || (w->kind == KT_WAIT_FD && w->deadline))
        return w->deadline > now ? w->deadline - now : 0;
    return -1;
}

enum { FD_STOP, FD_RULES, FD_MEMORY, FD_ENRICH, FD_CREW, FD_MAIL, FD_CONFIG, FD_JUMP, FD_SOURCES };

struct round {
    struct pollfd *fd; /* those of below, then one for each source */
    size_t cap;
    size_t active;     /* sources that are not done */
    int timeout;
};

/* Who looks at rows that are all read may still change the rules. */
static void plan_rules(struct kt_engine *g, struct round *r, int64_t now, int64_t *wait)
{
    int64_t deadline = kt_ruleset_deadline(g->ruleset);
    r->fd[FD_RULES] = (struct pollfd){.fd = kt_ruleset_fd(g->ruleset), .events = POLLIN};
    r->active += g->views && kt_ruleset_fd(g->ruleset) >= 0;
    if (g->rejudge < g->rejudge_end)
        *wait = 0;
    else if (deadline && (*wait < 0 || deadline - now < *wait))
        *wait = deadline > now ? deadline - now : 0;
}

static void step_rules(struct kt_engine *g, const struct round *r)
{
    if (kt_ruleset_changed(g->ruleset, r->fd[FD_RULES].revents != 0, kt_mono_ms()))
        engine_reload_rules(g);
    if (g->rejudge < g->rejudge_end)
        engine_rejudge_some(g);
}

/* Who looks at rows that are all read may still do something about one. */
static void plan_memory(const struct kt_engine *g, struct round *r)
{
    r->fd[FD_MEMORY] = (struct pollfd){.fd = g->state_fd, .events = POLLIN};
    r->active += g->views && g->state;
}

static void step_memory(struct kt_engine *g, const struct round *r)
{
    if (r->fd[FD_MEMORY].revents)
        engine_look_at_memory(g);
}

/* Who looks at rows that are all read may still ask for what is behind them. */
static void plan_mail(const struct kt_engine *g, struct round *r)
{
    r->fd[FD_MAIL] = (struct pollfd){.fd = g->ask_fd, .events = POLLIN};
    for (size_t i = 0; i < g->n_src; i++)
        r->active += g->views && g->src[i].source && g->src[i].source->ops->asks;
}

/* All look at once at what is due by now, and at their keys: who waits for a
 * time has not been waiting while the machine slept. */
static void step_jump(struct kt_engine *g, const struct round *r)
{
    if (!r->fd[FD_JUMP].revents)
        return;
    kt_clock_jumped(g->jump_fd);
    for (size_t i = 0; i < g->n_src; i++)
        if (g->src[i].source && g->src[i].wait.kind != KT_WAIT_DONE)
            g->src[i].wait = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1};
    g->health_changed = true;
}

static void step_mail(struct kt_engine *g, const struct round *r)
{
    if (r->fd[FD_MAIL].revents)
        engine_look_at_mail(g);
}

/* Without following, one source is read to its end before the next, so that
 * output keeps the order of the command line. */
static void plan(struct kt_engine *g, struct round *r)
{
    int64_t now = kt_mono_ms(), wait = -1;
    r->active = 0;
    for (size_t i = 0; i < g->n_src; i++) {
        const struct kt_wait *w = &g->src[i].wait;
        r->fd[FD_SOURCES + i] = (struct pollfd){.fd = -1, .events = POLLIN};
        if (w->kind == KT_WAIT_DONE || (!g->opts.follow && r->active))
            continue;
        r->active++;
        if (w->kind == KT_WAIT_FD)
            r->fd[FD_SOURCES + i].fd = w->fd;
        int64_t p = patience(w, now);
        if (p >= 0 && (wait < 0 || p < wait))
            wait = p;
    }
    plan_rules(g, r, now, &wait);
    plan_memory(g, r);
    plan_mail(g, r);
    r->fd[FD_JUMP] = (struct pollfd){.fd = g->jump_fd, .events = POLLIN};
    engine_plan_config(g, &r->fd[FD_CONFIG], now, &wait);
    r->active += g->views && g->config_watch;
    engine_plan_enrich(g, &r->fd[FD_ENRICH], &r->active, now, &wait);
    r->fd[FD_CREW] = (struct pollfd){.fd = g->crew ? kt_crew_fd(g->crew) : -1, .events = POLLIN};
    r->timeout = wait > 3600000 ? 3600000 : (int)wait;
}

static void step_due(struct kt_engine *g, const struct round *r)
{
    int64_t now = kt_mono_ms();
    for (size_t i = 0; i < g->n_src && !atomic_load(&g->stopping); i++) {
        bool first = g->opts.follow || i == 0 || g->src[i - 1].wait.kind == KT_WAIT_DONE;
        if (first && due(&g->src[i].wait, r->fd[FD_SOURCES + i].revents != 0, now))
            step(g, i);
        if (!g->opts.follow && g->src[i].wait.kind != KT_WAIT_DONE)
            break;
    }
}

/* Rows that something learnt says otherwise of, so many at a time. */
static void judge_step(struct kt_engine *g)
{
    bool busy = false;
    for (size_t i = 0; i < g->n_src; i++)
        busy |= g->src[i].wait.kind != KT_WAIT_DONE && (g->src[i].state.health.state == KT_HEALTH_STARTING ||
                                                        g->src[i].state.health.state == KT_HEALTH_READING);
    g->more_to_judge = g->judge && kt_judge_work(g->judge, JUDGED_A_STEP, busy);
}

/* Tells the screen, where there is something to tell. */
static void publish(struct kt_engine *g, struct kt_counts *told)
{
    struct kt_counts c = kt_store_counts(g->store);
    if (g->state && (c.shown != told->shown || c.facts != told->facts))
        kt_state_rows(g->state);
    if (!g->views) {
        *told = c;
        return;
    }
    if (c.shown != told->shown || c.filtered != told->filtered || c.malformed != told->malformed || c.conflicts != told->conflicts ||
        c.revised != told->revised || c.triaged != told->triaged)
        kt_views_wake(g->views);
    if (g->health_changed || c.revised != told->revised || c.triaged != told->triaged || c.records != told->records || c.received != told->received || c.gaps != told->gaps)
        engine_notify(g->news_fd);
    g->health_changed = false;
    *told = c;
}

static void tick(struct kt_engine *g, int64_t *last)
{
    int64_t now = kt_mono_ms();
    if (!g->sink || !g->sink->tick || now - *last < TICK_MS)
        return;
    *last = now;
    struct kt_health total = {.state = KT_HEALTH_READING};
    for (size_t i = 0; i < g->n_src; i++) {
        const struct kt_health *h = &g->src[i].state.health;
        total.files_done += h->files_done;
        total.files_total += h->files_total;
        total.bytes_done += h->bytes_done;
        total.bytes_total += h->bytes_total;
        total.troubles += h->troubles;
    }
    g->sink->tick(g->sink->ctx, &total);
}

/* All that is still to come depends on what was read being out. */
static bool all_owing(const struct kt_engine *g)
{
    bool any = false;
    for (size_t i = 0; i < g->n_src; i++) {
        if (g->src[i].wait.kind == KT_WAIT_DONE)
            continue;
        if (!g->src[i].wait.owing)
            return false;
        any = true;
    }
    return any && !g->untold && !g->more_to_judge;
}

/* Without following, rows are told when all is read; for a queue, which forgets
 * what it is told to, that must be before. From then on they are told as they come. */
static void settle(struct kt_engine *g)
{
    if (!g->sink || g->opts.follow || !all_owing(g))
        return;
    bool ok = !g->at_end || engine_deliver(g);
    g->at_end = false;
    if (ok && g->sink->flush)
        ok = g->sink->flush(g->sink->ctx);
    g->settled = ok;
    if (!ok)
        atomic_store(&g->stopping, true);
}

static bool make_room(const struct kt_engine *g, struct round *r)
{
    return kt_grow(&r->fd, &r->cap, g->n_src + FD_SOURCES, sizeof *r->fd, SOURCES_MAX + FD_SOURCES);
}

static void loop(struct kt_engine *g, int stop_fd)
{
    struct round r = {0};
    if (!make_room(g, &r)) {
        engine_trouble(g, "keytop", "out of memory: nothing can be read", true);
        return;
    }
    struct kt_counts told = {0};
    int64_t ticked = 0;
    g->health_changed = true;
    engine_tell_rules(g);
    publish(g, &told);
    engine_remember(g);
    engine_recall_indexes(g);
    publish(g, &told);
    while (!atomic_load(&g->stopping)) {
        if (!make_room(g, &r)) /* for sources that were added */
            break;
        plan(g, &r);
        if (!r.active && !g->more_to_judge && !g->untold && g->rejudge >= g->rejudge_end)
            break;
        if (g->more_to_judge)
            r.timeout = 0;
        r.fd[FD_STOP] = (struct pollfd){.fd = stop_fd, .events = POLLIN};
        int n = poll(r.fd, g->n_src + FD_SOURCES, r.timeout);
        if (n < 0 && errno != EINTR)
            break;
        if (n > 0 && r.fd[FD_STOP].revents)
            break;
        step_rules(g, &r);
        step_memory(g, &r);
        engine_step_enrich(g, &r.fd[FD_ENRICH]);
        engine_step_config(g, &r.fd[FD_CONFIG]);
        step_jump(g, &r);
        step_mail(g, &r);
        if (!make_room(g, &r))
            break;
        step_due(g, &r);
        if (g->crew)
            (void)kt_crew_tell(g->crew);
        engine_step_asked(g);
        judge_step(g);
        settle(g);
        publish(g, &told);
        tick(g, &ticked);
    }
    engine_stop_asking(g);
    free(r.fd);
}

bool kt_engine_run(struct kt_engine *g, const struct kt_engine_sink *sink, int stop_fd)
{
    g->sink = sink;
    if (sink->plain && !g->late_filter && g->opts.kinds == KT_KIND_BIT(KT_KIND_CREATION)) {
        kt_judge_free(g->judge);
        g->judge = NULL;
        g->opts.ledger = false;
    }
    if (sink->plain && !g->judge && !g->state) /* rows are handed over as they come, and nobody looks back */
        kt_store_only_seen(g->store);
    g->at_end = g->judge && !g->opts.follow && (sink->at_end || g->late_filter);
    if (g->at_end) {
        kt_judge_at_end(g->judge);
        if (!sink->no_json)
            kt_store_keep_raw(g->store);
    }
    loop(g, stop_fd);
    if (g->at_end && !atomic_load(&g->stopping))
        (void)engine_deliver(g);
    g->sink = NULL;
    return !g->unread;
}

static void *thread_main(void *arg)
{
    struct kt_engine *g = arg;
    loop(g, g->stop_fd);
    return NULL;
}

enum kt_code kt_engine_start(struct kt_engine *g, struct kt_err *e)
{
    g->views = kt_views_new(g->store, views_changed, g);
    if (!g->views)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&g->thread, NULL, thread_main, g);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0)
        return kt_fail(e, KT_ENOMEM, "cannot start a thread: %s", strerror(rc));
    g->started = true;
    return KT_OK;
}

/* --- what the screen reads ---------------------------------------------------- */

int kt_engine_fd(const struct kt_engine *g)
{
    return g->news_fd;
}

struct kt_store *kt_engine_store(struct kt_engine *g)
{
    return g->store;
}

struct kt_enrich *kt_engine_enrich(struct kt_engine *g)
{
    return g->enrich;
}

struct kt_views *kt_engine_views(struct kt_engine *g)
{
    return g->views;
}

struct kt_judge *kt_engine_judge(struct kt_engine *g)
{
    return g->judge;
}

const struct kt_rules *kt_engine_rules(struct kt_engine *g)
{
    pthread_mutex_lock(&g->lock);
    const struct kt_rules *r = kt_rules_hold(g->rules);
    pthread_mutex_unlock(&g->lock);
    return r;
}

struct kt_config_state kt_engine_config_state(struct kt_engine *g)
{
    pthread_mutex_lock(&g->lock);
    struct kt_config_state s = g->config_state;
    pthread_mutex_unlock(&g->lock);
    return s;
}

struct kt_rules_state kt_engine_rules_state(struct kt_engine *g)
{
    pthread_mutex_lock(&g->lock);
    struct kt_rules_state s = g->rules_state;
    pthread_mutex_unlock(&g->lock);
    return s;
}

size_t kt_engine_sources(struct kt_engine *g, struct kt_source_state *out, size_t max)
{
    size_t n = 0;
    pthread_mutex_lock(&g->lock);
    for (size_t i = 0; i < g->n_src; i++) {
        if (g->src[i].gone)
            continue;
        if (n < max)
            out[n] = g->src[i].state;
        n++;
    }
    pthread_mutex_unlock(&g->lock);
    return n;
}

/* A file is complete up to the newest event it gave; a live source up to the
 * moment it was last asked. The least of these holds for the whole. */
struct kt_completeness kt_engine_completeness(struct kt_engine *g)
{
    struct kt_counts counts = kt_store_counts(g->store);
    struct kt_completeness c = {.complete_to = KT_TIME_NONE, .gaps = counts.gaps};
    bool any = false;
    pthread_mutex_lock(&g->lock);
    for (size_t i = 0; i < g->n_src; i++) {
        const struct engine_source *s = &g->src[i];
        const struct kt_health *h = &s->state.health;
        if (s->gone)
            continue;
        c.reading |= h->state == KT_HEALTH_STARTING || h->state == KT_HEALTH_READING;
        bool files = !s->source || strcmp(s->source->ops->scheme, "file") == 0;
        int64_t to = files ? counts.newest : h->complete_to ? h->complete_to : h->last_poll;
        if (h->state == KT_HEALTH_FAILED || to == KT_TIME_NONE || to == 0)
            continue;
        c.complete_to = !any || to < c.complete_to ? to : c.complete_to;
        any = true;
    }
    pthread_mutex_unlock(&g->lock);
    if (c.reading)
        c.complete_to = KT_TIME_NONE;
    return c;
}

size_t kt_engine_troubles(struct kt_engine *g, struct kt_trouble *out, size_t max)
{
    pthread_mutex_lock(&g->lock);
    uint64_t have = g->n_trouble < TROUBLES_MAX ? g->n_trouble : TROUBLES_MAX;
    size_t n = have < max ? (size_t)have : max;
    for (size_t i = 0; i < n; i++)
        out[i] = g->trouble[(g->n_trouble - 1 - i) % TROUBLES_MAX];
    pthread_mutex_unlock(&g->lock);
    return n;
}
