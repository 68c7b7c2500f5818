/* What an earlier run left, and what a later one will have. */
#include "engine/impl.h"

#define ASKED_AGAIN_MS (INT64_C(14) * 24 * 3600 * 1000) /* as far back as sources look again and again */

static void state_changed(void *ctx)
{
    struct kt_engine *g = ctx;
    engine_notify(g->state_fd);
    engine_notify(g->news_fd);
}

static void tell_store(void *ctx, const struct kt_subject *about, const struct kt_row_triage *t)
{
    struct kt_engine *g = ctx;
    if (!kt_store_triage(g->store, about->digest, about->event_id, t))
        engine_trouble(g, "state.db", "out of memory: what was done about a row is not shown", false);
}

static void take_triage(struct kt_engine *g)
{
    kt_state_news(g->state, &g->told, g->scratch, tell_store, g);
}

static struct engine_source *src_of(struct kt_engine *g, struct kt_span address)
{
    for (size_t i = 0; i < g->n_src; i++)
        if (g->src[i].address && kt_span_is(address, g->src[i].address))
            return &g->src[i];
    return NULL;
}

/* Rows of an earlier run are there at once, and read once more behind it. */
static bool reads_again(const struct kt_engine *g)
{
    return g->views && g->opts.store.keep_raw;
}

static void origin_of(struct kt_engine *g, const struct kt_state_row *k, struct kt_row *row)
{
    struct engine_source *s = src_of(g, k->address);
    row->origin.source = k->source;
    row->origin.name = s ? kt_span_of(s->state.name) : k->name;
    row->origin.address = k->address;
    row->origin.record = k->record;
}

/* A row of an earlier run goes the way of a record, except that it is known to
 * be whole and by its content. */
static bool come_back(struct kt_engine *g, const struct kt_state_row *k, struct kt_node *root, uint32_t flags)
{
    struct kt_row row = {.raw = k->raw};
    uint8_t content[KT_SHA256] = {0};
    struct engine_source *s = src_of(g, k->address);
    kt_event_decode(root, flags, g->arena, &row.ev);
    struct kt_event whole = row.ev;
    if (row.ev.kind == KT_KIND_NONE || !engine_asks_for(g, &row.ev))
        return true;
    bool asked = kt_ruleset_judge(g->ruleset, root, &row.verdict);
    origin_of(g, k, &row);
    engine_add_whereabouts(g, &row);
    if (!asked || !engine_passes(g, &row))
        return true; /* it is not read now: it counts when it is */
    memcpy(content, k->digest, sizeof k->digest);
    enum kt_store_added added = kt_store_add(g->store, &row, content);
    if (added != KT_ADDED && added != KT_ADDED_CONFLICT)
        return true;
    if (k->id <= kt_state_looked(g->state))
        atomic_store(&g->looked, row.seq);
    if (!reads_again(g))
        engine_correlate(g, root, k->raw, &row, true);
    engine_learn(g, &whole, &row);
    if (s) {
        pthread_mutex_lock(&g->lock);
        s->state.rows++;
        pthread_mutex_unlock(&g->lock);
    }
    return engine_show(g, &row, root);
}

/* May it stand in the table now, though it was asked for then? */
static bool shows_kind(const struct kt_engine *g, enum kt_kind k)
{
    return !g->opts.filter && !g->opts.rule && g->opts.since == KT_TIME_NONE && g->opts.until == KT_TIME_NONE &&
           (g->opts.kinds & KT_KIND_BIT(k));
}

/* Can it be shown as it stood, before its record is read again? Not where it
 * is printed once, nor where a use may have been another kind besides. */
static bool comes_as_it_was(const struct kt_engine *g, const struct kt_state_row *k)
{
    if (!k->row)
        return false;
    if (k->row->ev.kind == KT_KIND_MALFORMED)
        return true;
    if (reads_again(g) && k->row->ev.flags & KT_FLAG_ASKED)
        return true;
    return reads_again(g) && !g->opts.filter && !g->opts.rule && g->opts.since == KT_TIME_NONE &&
           g->opts.until == KT_TIME_NONE && k->row->ev.kind != KT_KIND_USE &&
           (g->opts.kinds & KT_KIND_BIT(k->row->ev.kind));
}

/* The table is there at once; what takes long (rules, correlations, what is
 * learnt of it) is done between other work, from here on: rejudge_row. */
static bool come_back_as_it_was(struct kt_engine *g, const struct kt_state_row *k)
{
    struct kt_row row = *k->row;
    row.ev.flags &= shows_kind(g, row.ev.kind) ? ~(uint32_t)KT_FLAG_ASKED : UINT32_MAX;
    uint8_t content[KT_SHA256] = {0};
    bool malformed = row.ev.kind == KT_KIND_MALFORMED;
    struct engine_source *s = src_of(g, k->address);
    origin_of(g, k, &row);
    row.raw = k->raw;
    if (!malformed)
        engine_add_whereabouts(g, &row);
    memcpy(content, k->digest, sizeof k->digest);
    enum kt_store_added added = kt_store_add_back(g->store, &row, content, k->raw.p ? &k->packed : NULL);
    if (added != KT_ADDED && added != KT_ADDED_CONFLICT)
        return true;
    if (k->id <= kt_state_looked(g->state))
        atomic_store(&g->looked, row.seq);
    if (s) {
        pthread_mutex_lock(&g->lock);
        s->state.rows++;
        pthread_mutex_unlock(&g->lock);
    }
    /* which is asked for again first: what is newer than events come late, at the most */
    if (!malformed && !(row.ev.flags & KT_FLAG_ASKED) && row.ev.time != KT_TIME_NONE && row.ev.time > kt_now(g->opts.clock) - ASKED_AGAIN_MS)
        engine_know(g, k->raw, NULL);
    return !malformed || engine_show(g, &row, NULL);
}

static bool on_kept(void *ctx, const struct kt_state_row *k)
{
    struct kt_engine *g = ctx;
    struct kt_parsed p;
    if (!g->told)
        take_triage(g); /* so that rows come with their marks */
    kt_arena_reset(g->arena);
    if (g->views && k->id % 4096 == 0) /* what is there so far can be used already */
        kt_views_wake(g->views);
    if (comes_as_it_was(g, k))
        return come_back_as_it_was(g, k) && !atomic_load(&g->stopping);
    kt_parse(k->raw, &g->repaired, &g->tree, &p);
    bool go_on = !p.root || come_back(g, k, p.root, p.flags);
    return go_on && !atomic_load(&g->stopping);
}

/* A damaged file is told once, by the name that it has now. */
static void tell_damage(struct kt_engine *g)
{
    struct kt_state_stats st;
    char sentence[400];
    kt_state_get_stats(g->state, &st);
    if (st.set_aside == g->aside_told)
        return;
    g->aside_told = st.set_aside;
    snprintf(sentence, sizeof sentence, "was damaged: it is kept as %s, and a new one was made of triage.log and of what "
             "could be read", st.aside);
    engine_trouble(g, st.path, sentence, false);
}

void engine_look_at_memory(struct kt_engine *g)
{
    uint64_t count;
    while (read(g->state_fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
    take_triage(g);
    tell_damage(g);
}

/* The rows that came back have no number below `before`. What is judged first
 * is what is looked at first: the newest. */
static void read_again_later(struct kt_engine *g, uint64_t before)
{
    uint64_t first, next;
    kt_store_span(g->store, &first, &next);
    first = first > before ? first : before;
    if (!reads_again(g) || first == next)
        return;
    g->rejudge = first;
    g->rejudge_end = g->reread_end = next;
    for (uint64_t seq = next - 1; g->judge && seq >= first; seq--)
        (void)kt_store_dirty(g->store, seq);
}

void engine_remember(struct kt_engine *g)
{
    const char **address = g->state ? calloc(g->n_src + 1, sizeof *address) : NULL;
    struct kt_err e = {0};
    uint64_t first, before;
    size_t n = 0;
    if (!address)
        return;
    kt_store_span(g->store, &first, &before);
    for (size_t i = 0; i < g->n_src; i++)
        if (g->src[i].address)
            address[n++] = g->src[i].address;
    if (g->opts.ledger && !kt_state_keep_lives(g->state, g->store))
        engine_trouble(g, "state.db", "out of memory: the lives of keys are not remembered", false);
    if (g->judge && !kt_state_keep_traces(g->state, kt_judge_context(g->judge)))
        engine_trouble(g, "state.db", "out of memory: who was seen where is not remembered", false);
    kt_state_load(g->state, address, n, n ? on_kept : NULL, g);
    free(address);
    read_again_later(g, before);
    atomic_store(&g->has_looked, kt_state_looked(g->state) > 0);
    take_triage(g);
    tell_damage(g);
    engine_recall_asked(g);
    if (kt_state_start(g->state, g->store, &e) != KT_OK)
        engine_trouble(g, "state.db", e.text, false);
}

/* It is kept with every row: a long one, as of 500 roles, by its digest. */
static char *address_short(const char *scheme, const char *address)
{
    enum { PLAIN_MAX = 200 };
    uint8_t digest[KT_SHA256];
    char hex[2 * KT_SHA256 + 1], *kept = NULL;
    if (strlen(address) <= PLAIN_MAX)
        return strdup(address);
    kt_sha256(address, strlen(address), digest);
    kt_hex(digest, sizeof digest, hex);
    return asprintf(&kept, "%s:#%s", scheme, hex) < 0 ? NULL : kept;
}

char *engine_address_kept(const struct kt_engine *g, const struct kt_source *s, const char *address)
{
    char *path = NULL, *kept = NULL;
    if (!g->state || strcmp(address, "-") == 0 || strcmp(s->ops->scheme, "demo") == 0)
        return NULL;
    if (strcmp(s->ops->scheme, "file") != 0)
        return address_short(s->ops->scheme, address);
    path = realpath(strncmp(address, "file:", 5) == 0 ? address + 5 : address, NULL);
    if (path && asprintf(&kept, "file:%s", path) < 0)
        kept = NULL;
    free(path);
    return kept;
}

bool engine_open_memory(struct kt_engine *g, struct kt_err *e)
{
    struct kt_state_opts o = g->opts.state;
    if (g->opts.memory == KT_MEMORY_NONE)
        return true;
    o.changed = state_changed;
    o.ctx = g;
    o.clock = g->opts.clock;
    if (g->opts.memory == KT_MEMORY_RUN)
        o.path = NULL;
    g->state_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g->scratch = kt_arena_new(1 << 20);
    if (g->state_fd < 0 || !g->scratch) {
        kt_fail(e, KT_ENOMEM, "out of memory");
        return false;
    }
    return kt_state_open(&g->state, &o, e) == KT_OK;
}

struct kt_state *kt_engine_state(struct kt_engine *g)
{
    return g->state;
}

uint64_t kt_engine_looked(struct kt_engine *g, bool *known)
{
    *known = atomic_load(&g->has_looked);
    return atomic_load(&g->looked);
}
