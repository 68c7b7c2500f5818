#include "engine.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "ingest/crew.h"
#include "ingest/repair.h"
#include "correlating.h"
#include "ruleset.h"
#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    SOURCES_MAX = 1000,
    OBJECTS_MAX = 1 << 20, /* at once: only files that end inside a record stay open */
    TROUBLES_MAX = 256,
    DECODE_MAX = 64 << 20, /* one record's decoded facts */
    TICK_MS = 100,
    JUDGED_A_STEP = 500, /* rows: some milliseconds */
    REJUDGE_MS = 5
};

struct src {
    struct kt_source *source;
    struct kt_source_state state; /* under lock, except by its own thread */
    struct kt_wait wait;
    size_t untold; /* its objects that have ended and are still being read */
    uint64_t ended; /* objects, told or not */
    char *address; /* as a later run names it again, in the memory; NULL: it is not remembered */
};

struct object {
    struct kt_engine *engine;
    struct kt_stream *stream; /* NULL: ended, and not yet told */
    size_t at;                /* of the engine's objects */
    size_t src;
    char *name;
    uint64_t base_records, base_bytes; /* of earlier, finished parts */
    uint64_t counted;                  /* records told to the store so far */
};

struct kt_engine {
    struct kt_engine_opts opts;
    struct kt_ruleset *ruleset;
    const struct kt_rules *rules; /* its set, held; under lock where it changes */
    struct kt_rules_state rules_state; /* under lock */
    struct kt_correlating *correlating;
    uint64_t reread_end; /* rows before it came back as they were, and are learnt of as they are judged anew */
    uint64_t rejudge, rejudge_end; /* rows that the rules before have judged: rejudge <= seq < rejudge_end */
    struct kt_enrich *enrich;   /* NULL: no files were named */
    struct kt_watch *enrich_watch; /* of them; NULL: not watched */
    struct kt_store *store;
    struct kt_views *views;
    struct kt_judge *judge; /* NULL: rows keep what the rules say of the record */
    bool more_to_judge;
    bool late_filter;       /* the filter is put to the verdict, once there is one */
    bool at_end;            /* the sink gets rows when all is read */
    bool settled;           /* it got them before: sources wait for that */
    uint64_t delivered;     /* seq up to which it has them */
    struct src *src;
    size_t n_src, cap_src;
    struct kt_aws *aws; /* with the first source that needs it */
    size_t current; /* the source that is being stepped */

    struct object **object; /* handle is index + 1 */
    size_t n_object, cap_object;
    struct kt_crew *crew;
    size_t untold; /* of all sources */
    struct kt_arena *arena; /* of a record */
    struct kt_buf content;

    struct kt_state *state; /* NULL: nothing is remembered */
    struct kt_arena *scratch;
    size_t told;            /* of its triage, the store */
    uint64_t aside_told;    /* of its damaged files, the screen */
    _Atomic uint64_t looked;
    atomic_bool has_looked;
    int state_fd;           /* it has news */

    const struct kt_engine_sink *sink; /* headless; NULL when live */
    bool unread;                       /* something was not read */

    pthread_mutex_t lock; /* states and troubles */
    struct kt_trouble trouble[TROUBLES_MAX];
    uint64_t n_trouble;
    bool health_changed; /* since the screen was told */

    pthread_t thread;
    bool started;
    atomic_bool stopping;
    int news_fd, stop_fd;
};

/* --- telling the screen ---------------------------------------------------- */

static void notify(int fd)
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
    notify(((struct kt_engine *)ctx)->news_fd);
}

static void copy_cut(char *out, size_t size, const char *s)
{
    size_t n = strnlen(s, size - 1);
    memcpy(out, s, n);
    out[n] = '\0';
}

static void add_trouble(struct kt_engine *g, const char *place, const char *sentence, bool gap)
{
    g->unread = true;
    if (gap)
        kt_store_count_gap(g->store);
    pthread_mutex_lock(&g->lock);
    struct kt_trouble *t = &g->trouble[g->n_trouble++ % TROUBLES_MAX];
    copy_cut(t->place, sizeof t->place, place);
    copy_cut(t->sentence, sizeof t->sentence, sentence);
    t->at = kt_now(g->opts.clock);
    pthread_mutex_unlock(&g->lock);
    if (g->sink && g->sink->trouble)
        g->sink->trouble(g->sink->ctx, place, sentence);
}

/* --- a record's way: event, rules, store, reader ---------------------------- */

static bool passes(const struct kt_engine *g, const struct kt_row *row)
{
    const struct kt_engine_opts *o = &g->opts;
    int64_t t = row->ev.time; /* a record without a time is never left out for it */
    if (t != KT_TIME_NONE && ((o->since != KT_TIME_NONE && t < o->since) || (o->until != KT_TIME_NONE && t > o->until)))
        return false;
    return g->late_filter || kt_filter_row(o->filter, row, g->arena);
}

static int add_text(const char *p, size_t n, void *buf)
{
    return kt_buf_add(buf, p, n) ? 0 : -1;
}

/* The record's text with sorted keys and no spacing: what makes it the same
 * event whatever envelope it came in. */
static void digest_content(struct kt_engine *g, json_t *root, struct kt_span bytes, uint8_t out[KT_SHA256])
{
    kt_buf_reset(&g->content);
    if (json_dump_callback(root, add_text, &g->content, JSON_COMPACT | JSON_SORT_KEYS) == 0)
        kt_sha256(g->content.p, g->content.len, out);
    else
        kt_sha256(bytes.p, bytes.n, out);
}

/* The text to keep: as it stood, unless a secret had to be taken out of it. */
static struct kt_span raw_text(struct kt_engine *g, json_t *root, struct kt_span bytes, uint32_t flags)
{
    if (!(flags & KT_FLAG_REDACTED))
        return bytes;
    kt_buf_reset(&g->content);
    if (json_dump_callback(root, add_text, &g->content, JSON_COMPACT) != 0)
        return KT_SPAN_NONE;
    return kt_buf_span(&g->content);
}

/* --- to the sink ------------------------------------------------------------- */

/* False: it wants no more. */
static bool hand_over(struct kt_engine *g, const struct kt_row *r, json_t *root)
{
    if (kt_verdict_suppressed(&r->verdict))
        return true;
    if (g->late_filter && !kt_filter_row(g->opts.filter, r, g->arena)) {
        if (r->ev.kind != KT_KIND_MALFORMED)
            kt_store_recount_filtered(g->store);
        return true;
    }
    return g->sink->row(g->sink->ctx, r, root);
}

/* As it was parsed when it came. */
static json_t *parse_again(struct kt_span raw)
{
    json_t *root = json_loadb(raw.p, raw.n, JSON_ALLOW_NUL, NULL);
    return root ? root : json_loadb(raw.p, raw.n, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
}

static bool hand_over_kept(struct kt_engine *g, uint64_t seq)
{
    struct kt_row r;
    json_t *root = NULL;
    kt_arena_reset(g->arena);
    if (!kt_store_row(g->store, seq, !g->sink->no_json, g->arena, &r))
        return true;
    kt_judge_row(g->judge, &r);
    if (!g->sink->no_json && r.raw.p && r.ev.kind != KT_KIND_MALFORMED)
        root = parse_again(r.raw);
    bool go_on = hand_over(g, &r, root);
    json_decref(root);
    return go_on;
}

/* All rows that the sink does not have yet. */
static bool deliver(struct kt_engine *g)
{
    uint64_t first, next;
    bool go_on = true;
    kt_store_span(g->store, &first, &next);
    while (go_on && g->delivered + 1 < next)
        go_on = hand_over_kept(g, ++g->delivered);
    return go_on;
}

/* A row is in the store and its facts are learnt. */
static bool show(struct kt_engine *g, struct kt_row *row, json_t *root)
{
    if (!g->sink || !g->sink->row)
        return true;
    if (g->at_end)
        return !kt_store_is_full(g->store) || deliver(g);
    if (g->judge)
        kt_judge_row(g->judge, row);
    return hand_over(g, row, root);
}

/* `row->seq` stays 0 where it does not become a row. */
static void keep_row(struct kt_engine *g, struct object *o, struct kt_row *row, const uint8_t content[32])
{
    struct src *s = &g->src[o->src];
    row->origin.source = kt_span_of(o->name);
    row->origin.name = kt_span_of(s->state.name);
    row->origin.address = kt_span_of(s->address);
    switch (kt_store_add(g->store, row, content)) {
    case KT_ADDED_CONFLICT:
        row->ev.flags |= KT_FLAG_CONFLICT;
        break;
    case KT_ADDED:
        break;
    case KT_ADDED_DUPLICATE:
        return;
    case KT_ADDED_NOT:
        /* the store has counted the gap */
        add_trouble(g, o->name, "out of memory: a record could not be kept", false);
        return;
    }
    pthread_mutex_lock(&g->lock);
    s->state.rows += !kt_verdict_suppressed(&row->verdict);
    s->state.last_event = kt_now(g->opts.clock);
    if (s->state.health.state == KT_HEALTH_LIVE && row->ev.time != KT_TIME_NONE)
        s->state.lag = s->state.last_event - row->ev.time;
    pthread_mutex_unlock(&g->lock);
}

/* Does it become a row? As what it is, or as the use that it is besides. */
static bool asked_for(const struct kt_engine *g, struct kt_event *ev)
{
    if (g->opts.kinds & KT_KIND_BIT(ev->kind))
        return true;
    return (g->opts.kinds & KT_KIND_BIT(KT_KIND_USE)) && kt_event_as_use(ev);
}

static struct kt_span text_of(struct kt_engine *g, const char *s)
{
    return s[0] ? kt_arena_span(g->arena, kt_span_of(s)) : KT_SPAN_NONE;
}

/* A row is filtered and sorted by what the files said when it came. */
static void add_whereabouts(struct kt_engine *g, struct kt_row *row)
{
    struct kt_whereabouts w;
    char network[KT_ENRICH_TEXT], aws[KT_ENRICH_TEXT];
    if (!g->enrich)
        return;
    row->where.asked = true;
    if (!kt_enrich_address(g->enrich, row->ev.source.address, &w))
        return;
    kt_whereabouts_network(&w, network);
    kt_whereabouts_aws(&w, aws);
    row->where.country = text_of(g, w.country);
    row->where.network = text_of(g, network);
    row->where.aws = text_of(g, aws);
}

static void make_row(struct object *o, const struct kt_record *r, struct kt_row *row)
{
    struct kt_engine *g = o->engine;
    bool asked = kt_ruleset_judge(g->ruleset, r->json, &row->verdict);
    row->origin.record = r->ordinal;
    add_whereabouts(g, row);
    if (!asked || !passes(g, row)) {
        kt_store_count_filtered(g->store);
        return;
    }
    uint8_t content[KT_SHA256];
    digest_content(g, r->json, r->bytes, content);
    row->raw = raw_text(g, r->json, r->bytes, row->ev.flags);
    keep_row(g, o, row, content);
}

/* Facts go in whatever is shown. */
static void learn(struct kt_engine *g, const struct kt_event *whole, const struct kt_row *row)
{
    if (!g->judge)
        return;
    if (!kt_judge_event(g->judge, whole, row->ev.kind == whole->kind ? row->seq : 0))
        kt_store_count_gap(g->store);
    if (row->seq && !g->at_end)
        (void)kt_store_dirty(g->store, row->seq);
}

/* --- correlations ------------------------------------------------------------ */

static uint64_t row_of(void *ctx, struct kt_span event_id)
{
    return kt_store_event(((struct kt_engine *)ctx)->store, event_id);
}

static void row_matches(void *ctx, uint64_t seq, const struct kt_matched *m, bool matches)
{
    kt_judge_match(((struct kt_engine *)ctx)->judge, seq, m, matches);
}

/* What the rules have just matched, into the correlations. */
static void feed_correlations(struct kt_engine *g, json_t *root)
{
    struct kt_occurrence o = {.root = root, .time = KT_TIME_NONE, .event_id = KT_SPAN_NONE};
    json_t *id = json_object_get(root, "eventID"), *time = json_object_get(root, "eventTime");
    o.n_rules = kt_ruleset_matched(g->ruleset, &o.rule);
    if (json_is_string(id))
        o.event_id = (struct kt_span){json_string_value(id), json_string_length(id)};
    if (json_is_string(time))
        o.time = kt_time_parse_created((struct kt_span){json_string_value(time), json_string_length(time)});
    if (kt_correlating_takes(g->correlating, o.rule, o.n_rules) && !kt_correlating_feed(g->correlating, &o))
        add_trouble(g, "rules", "out of memory: an event could not be correlated", true);
}

/* Any record that was parsed, a row or not; `judged`: by the rules, last. While
 * earlier ones are still fed again, it waits for its turn. */
static void correlate(struct kt_engine *g, json_t *root, struct kt_span bytes, const struct kt_row *row, bool judged)
{
    struct kt_verdict v;
    const int *rule;
    if (!g->judge || !kt_rules_correlations(g->rules)) /* without a judge nobody looks at verdicts */
        return;
    if (!judged)
        (void)kt_ruleset_judge(g->ruleset, root, &v);
    size_t n = kt_ruleset_matched(g->ruleset, &rule);
    bool again = g->rejudge < g->rejudge_end;
    if (!kt_correlating_takes(g->correlating, rule, n))
        return;
    if (!row->seq || !g->opts.store.keep_raw)
        kt_correlating_keep(g->correlating, kt_store_counts(g->store).last, raw_text(g, root, bytes, row->ev.flags), again);
    else if (again)
        g->rejudge_end = row->seq + 1;
    if (!again)
        feed_correlations(g, root);
}

static void feed_again(struct kt_engine *g, struct kt_span text, struct kt_verdict *v)
{
    struct kt_parsed p;
    kt_parse(text, &g->content, &p);
    if (p.json) {
        (void)kt_ruleset_judge(g->ruleset, p.json, v);
        feed_correlations(g, p.json);
    }
    json_decref(p.json);
}

/* Those that are no rows, and came before this one. */
static void feed_kept(struct kt_engine *g, uint64_t before)
{
    struct kt_verdict v;
    for (struct kt_span text; kt_span_known(text = kt_correlating_next(g->correlating, before));)
        feed_again(g, text, &v);
}

static bool on_record(void *ctx, const struct kt_record *r)
{
    struct object *o = ctx;
    struct kt_engine *g = o->engine;
    kt_arena_reset(g->arena);
    struct kt_row row = {0};
    kt_event_decode(r->json, r->flags, g->arena, &row.ev);
    if (row.ev.kind == KT_KIND_NONE) {
        correlate(g, r->json, r->bytes, &row, false);
        return true;
    }
    struct kt_event whole = row.ev; /* a row of a use says less */
    bool asked = asked_for(g, &row.ev);
    if (asked)
        make_row(o, r, &row);
    correlate(g, r->json, r->bytes, &row, asked);
    learn(g, &whole, &row);
    if (row.seq && !show(g, &row, r->json))
        atomic_store(&g->stopping, true);
    return !atomic_load(&g->stopping);
}

static struct kt_span either(struct kt_span a, struct kt_span b)
{
    return a.n ? a : b.n ? b : KT_SPAN_NONE;
}

/* A use that was read without a tree: the same fact as kt_facts_of makes of
 * the record. */
static bool on_use(void *ctx, const struct kt_use *u)
{
    struct object *o = ctx;
    struct kt_fact f = {
        .kind = KT_KIND_USE,
        .result = kt_event_result(u->error_code, KT_KIND_USE),
        .time = kt_time_parse_created(u->event_time),
        .event_id = u->event_id,
        .event_name = u->event_name,
        .event_source = u->event_source,
        .key = u->key_id,
        .account = either(u->account, kt_event_arn_account(u->arn)),
        .user = kt_event_caller(u->type, u->user_name, u->arn),
        .root = kt_span_is(u->type, "Root"),
        .address = u->address,
        .address_kind = kt_event_address_kind(u->address),
        .agent = u->agent,
    };
    if (!kt_judge_use(o->engine->judge, &f, u->type))
        kt_store_count_gap(o->engine->store);
    return !atomic_load(&o->engine->stopping);
}

static bool on_malformed(void *ctx, const struct kt_malformed *m)
{
    struct object *o = ctx;
    struct kt_engine *g = o->engine;
    char place[320];
    snprintf(place, sizeof place, "%s, record %llu (byte %llu)", o->name, (unsigned long long)m->ordinal,
             (unsigned long long)m->offset);
    struct kt_row row = {0};
    row.ev.kind = KT_KIND_MALFORMED;
    row.ev.time = row.ev.key.created = KT_TIME_NONE;
    row.malformed.reason = kt_span_of(m->reason);
    row.malformed.bytes = m->size;
    row.malformed.names_event = m->names_event;
    memcpy(row.malformed.sha256, m->sha256, sizeof row.malformed.sha256);
    row.origin.record = m->ordinal;
    row.raw = m->bytes;
    keep_row(g, o, &row, m->sha256);
    bool go_on = !row.seq || show(g, &row, NULL);
    add_trouble(g, place, m->reason, false);
    if (!go_on)
        atomic_store(&g->stopping, true);
    return !atomic_load(&g->stopping);
}

/* --- what a source writes into ---------------------------------------------- */

static void object_free(struct object *o)
{
    if (!o)
        return;
    free(o->name);
    free(o);
}

/* Of the records that are parsed: what becomes rows, and what the ledger tells. */
static unsigned kinds_wanted(const struct kt_engine *g)
{
    unsigned life = KT_KIND_BIT(KT_KIND_DEACTIVATION) | KT_KIND_BIT(KT_KIND_REACTIVATION) | KT_KIND_BIT(KT_KIND_DELETION) |
                    KT_KIND_BIT(KT_KIND_CREATION) | KT_KIND_BIT(KT_KIND_CREDENTIAL) | KT_KIND_BIT(KT_KIND_CONTEXT);
    return g->opts.kinds | (g->opts.ledger ? life : 0);
}

/* What is looked for: of kinds, and of the events that rules in force name. */
static size_t names_wanted(const struct kt_engine *g, const char *name[KT_EVENT_NAMES + KT_RULES_NAMES_MAX])
{
    size_t unnamed, n = kt_event_names(kinds_wanted(g), name);
    size_t more = kt_rules_event_names(g->rules, name + n, KT_RULES_NAMES_MAX, &unnamed);
    return n + (more < KT_RULES_NAMES_MAX ? more : KT_RULES_NAMES_MAX);
}

static void count_records(void *owner, const struct kt_ingest_stats *s)
{
    struct object *o = owner;
    uint64_t now = o->base_records + s->records;
    if (now > o->counted)
        kt_store_count_records(o->engine->store, now - o->counted);
    o->counted = now > o->counted ? now : o->counted;
}

/* A source that is done with its files is not done before they are told. */
static void look_at_health(struct kt_engine *g, struct src *s)
{
    struct kt_health h = {0};
    s->source->ops->health(s->source, &h);
    if (s->untold && h.state == KT_HEALTH_DONE)
        h.state = KT_HEALTH_READING;
    g->health_changed |= memcmp(&h, &s->state.health, sizeof h) != 0;
    pthread_mutex_lock(&g->lock);
    s->state.health = h;
    pthread_mutex_unlock(&g->lock);
}

static void on_ended(void *owner, enum kt_ingest_end end, const struct kt_err *why, const struct kt_ingest_stats *s)
{
    struct object *o = owner;
    struct kt_engine *g = o->engine;
    count_records(o, s);
    if (end == KT_END_TRUNCATED || end == KT_END_CORRUPT)
        add_trouble(g, o->name, why->text, true);
    else if (end == KT_END_STOPPED && !atomic_load(&g->stopping))
        add_trouble(g, o->name, why->text[0] ? why->text : "out of memory: not read to its end", true);
    struct src *from = &g->src[o->src];
    g->object[o->at] = NULL;
    g->untold--;
    if (--from->untold == 0 && from->source)
        look_at_health(g, from);
    object_free(o);
}

/* With the first object: what is wanted is known by then. */
static bool make_crew(struct kt_engine *g)
{
    const char *name[KT_EVENT_NAMES + KT_RULES_NAMES_MAX];
    bool walk = g->opts.ledger && !(g->opts.kinds & KT_KIND_BIT(KT_KIND_USE)); /* rows of uses need their trees */
    struct kt_crew_sink sink = {on_record, on_malformed, walk ? on_use : NULL, count_records, on_ended};
    if (!g->crew)
        g->crew = kt_crew_new(name, names_wanted(g, name), &sink, 0);
    return g->crew != NULL;
}

static bool free_place(struct kt_engine *g, size_t *i)
{
    for (*i = 0; *i < g->n_object && g->object[*i];)
        ++*i;
    if (*i < g->n_object)
        return true;
    if (!kt_grow(&g->object, &g->cap_object, *i + 1, sizeof *g->object, OBJECTS_MAX))
        return false;
    g->object[g->n_object++] = NULL;
    return true;
}

static uint64_t sink_object(void *ctx, const char *name, uint64_t records, uint64_t bytes)
{
    struct kt_engine *g = ctx;
    size_t i;
    if (atomic_load(&g->stopping))
        return 0;
    if (!free_place(g, &i)) {
        add_trouble(g, name, "too many files are open inside a record", true);
        return 0;
    }
    struct object *o = calloc(1, sizeof *o);
    if (o)
        *o = (struct object){.engine = g, .at = i, .src = g->current, .name = strdup(name), .base_records = records,
                             .base_bytes = bytes, .counted = records};
    if (!o || !o->name || !make_crew(g) || !(o->stream = kt_crew_open(g->crew, o, records, bytes))) {
        object_free(o);
        add_trouble(g, name, "out of memory: not read", true);
        return 0;
    }
    g->object[i] = o;
    return i + 1;
}

static struct object *object_of(struct kt_engine *g, uint64_t handle)
{
    return handle && handle <= g->n_object ? g->object[handle - 1] : NULL;
}

static bool sink_bytes(void *ctx, uint64_t handle, const void *p, size_t n)
{
    struct kt_engine *g = ctx;
    struct object *o = object_of(g, handle);
    if (o && !kt_crew_feed(o->stream, p, n) && !atomic_load(&g->stopping)) {
        atomic_store(&g->stopping, true);
        add_trouble(g, o->name, "out of memory: reading stops", true);
    }
    return !atomic_load(&g->stopping);
}

static void sink_pause(void *ctx, uint64_t handle)
{
    struct object *o = object_of(ctx, handle);
    if (o)
        kt_crew_pause(o->stream);
}

static void sink_end(void *ctx, uint64_t handle)
{
    struct kt_engine *g = ctx;
    struct object *o = object_of(g, handle);
    if (!o)
        return;
    g->untold++;
    g->src[o->src].untold++;
    g->src[o->src].ended++;
    kt_crew_end(o->stream);
    o->stream = NULL;
}

static bool sink_at_rest(void *ctx, uint64_t handle, uint64_t *records, uint64_t *bytes)
{
    struct object *o = object_of(ctx, handle);
    if (!o)
        return true;
    struct kt_ingest_stats s = {0};
    bool rests = kt_crew_at_rest(o->stream, &s);
    if (records)
        *records = o->base_records + s.records;
    if (bytes)
        *bytes = o->base_bytes + s.bytes;
    return rests;
}

static void sink_trouble(void *ctx, const char *place, const char *sentence, bool gap)
{
    add_trouble(ctx, place, sentence, gap);
}

static void sink_remember(void *ctx, const char *what, const char *position)
{
    struct kt_engine *g = ctx;
    /* what does not fit is read again in the next run */
    (void)kt_state_checkpoint_put(g->state, kt_span_of(what), kt_span_of(position), kt_store_counts(g->store).last);
}

static bool sink_recall(void *ctx, const char *what, char *out, size_t size)
{
    struct kt_engine *g = ctx;
    struct kt_arena *a = kt_arena_new(1 << 16);
    struct kt_span at = a ? kt_state_checkpoint_get(g->state, kt_span_of(what), a) : KT_SPAN_NONE;
    bool there = at.p && at.n < size;
    if (there) {
        memcpy(out, at.p, at.n);
        out[at.n] = '\0';
    }
    kt_arena_free(a);
    return there;
}

static uint64_t sink_mark(void *ctx)
{
    struct kt_engine *g = ctx;
    return g->src[g->current].ended;
}

/* They are told in the order in which they ended. */
static bool sink_told(void *ctx, uint64_t mark)
{
    const struct kt_engine *g = ctx;
    const struct src *s = &g->src[g->current];
    return s->ended - s->untold >= mark;
}

static bool sink_kept(void *ctx, const char *what)
{
    struct kt_engine *g = ctx;
    if (g->sink && !g->opts.follow && !g->settled)
        return false;
    return !g->state || kt_state_checkpoint_kept(g->state, kt_span_of(what));
}

static struct kt_source_sink source_sink(struct kt_engine *g)
{
    struct kt_source_sink s = {g, sink_object, sink_bytes, sink_pause, sink_end, sink_at_rest, sink_trouble, NULL, NULL,
                               sink_mark, sink_told, sink_kept};
    if (g->state) {
        s.remember = sink_remember;
        s.recall = sink_recall;
    }
    return s;
}

/* --- what is remembered ------------------------------------------------------- */

static void state_changed(void *ctx)
{
    struct kt_engine *g = ctx;
    notify(g->state_fd);
    notify(g->news_fd);
}

static void tell_store(void *ctx, const struct kt_subject *about, const struct kt_row_triage *t)
{
    struct kt_engine *g = ctx;
    if (!kt_store_triage(g->store, about->digest, about->event_id, t))
        add_trouble(g, "state.db", "out of memory: what was done about a row is not shown", false);
}

static void take_triage(struct kt_engine *g)
{
    kt_state_news(g->state, &g->told, g->scratch, tell_store, g);
}

static struct src *src_of(struct kt_engine *g, struct kt_span address)
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
    struct src *s = src_of(g, k->address);
    row->origin.source = k->source;
    row->origin.name = s ? kt_span_of(s->state.name) : k->name;
    row->origin.address = k->address;
    row->origin.record = k->record;
}

/* A row of an earlier run goes the way of a record, except that it is known to
 * be whole and by its content. */
static bool come_back(struct kt_engine *g, const struct kt_state_row *k, json_t *json, uint32_t flags)
{
    struct kt_row row = {.raw = k->raw};
    uint8_t content[KT_SHA256] = {0};
    struct src *s = src_of(g, k->address);
    kt_event_decode(json, flags, g->arena, &row.ev);
    struct kt_event whole = row.ev;
    if (row.ev.kind == KT_KIND_NONE || !asked_for(g, &row.ev))
        return true;
    bool asked = kt_ruleset_judge(g->ruleset, json, &row.verdict);
    origin_of(g, k, &row);
    add_whereabouts(g, &row);
    if (!asked || !passes(g, &row))
        return true; /* it is not read now: it counts when it is */
    memcpy(content, k->digest, sizeof k->digest);
    enum kt_store_added added = kt_store_add(g->store, &row, content);
    if (added != KT_ADDED && added != KT_ADDED_CONFLICT)
        return true;
    if (k->id <= kt_state_looked(g->state))
        atomic_store(&g->looked, row.seq);
    if (!reads_again(g))
        correlate(g, json, k->raw, &row, true);
    learn(g, &whole, &row);
    if (s) {
        pthread_mutex_lock(&g->lock);
        s->state.rows++;
        pthread_mutex_unlock(&g->lock);
    }
    return show(g, &row, json);
}

/* Can it be shown as it stood, before its record is read again? Not where it
 * is printed once, nor where a use may have been another kind besides. */
static bool comes_as_it_was(const struct kt_engine *g, const struct kt_state_row *k)
{
    if (!k->row)
        return false;
    if (k->row->ev.kind == KT_KIND_MALFORMED)
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
    uint8_t content[KT_SHA256] = {0};
    bool malformed = row.ev.kind == KT_KIND_MALFORMED;
    struct src *s = src_of(g, k->address);
    origin_of(g, k, &row);
    row.raw = k->raw;
    if (!malformed)
        add_whereabouts(g, &row);
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
    return !malformed || show(g, &row, NULL);
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
    kt_buf_reset(&g->content);
    kt_parse(k->raw, &g->content, &p);
    bool go_on = !p.json || come_back(g, k, p.json, p.flags);
    json_decref(p.json);
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
    add_trouble(g, st.path, sentence, false);
}

static void look_at_memory(struct kt_engine *g)
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

static void remember(struct kt_engine *g)
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
        add_trouble(g, "state.db", "out of memory: the lives of keys are not remembered", false);
    if (g->judge && !kt_state_keep_traces(g->state, kt_judge_context(g->judge)))
        add_trouble(g, "state.db", "out of memory: who was seen where is not remembered", false);
    kt_state_load(g->state, address, n, n ? on_kept : NULL, g);
    free(address);
    read_again_later(g, before);
    atomic_store(&g->has_looked, kt_state_looked(g->state) > 0);
    take_triage(g);
    tell_damage(g);
    if (kt_state_start(g->state, g->store, &e) != KT_OK)
        add_trouble(g, "state.db", e.text, false);
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

/* "file:/var/log/trail" for a path of any spelling. */
static char *address_kept(const struct kt_engine *g, const struct kt_source *s, const char *address)
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

static bool state_init(struct kt_engine *g, struct kt_err *e)
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

/* --- birth and death --------------------------------------------------------- */

/* --- rules -------------------------------------------------------------------- */

/* The set in force becomes the engine's and the screen's. */
static void take_rules(struct kt_engine *g)
{
    const struct kt_rules *old = g->rules, *now = kt_rules_hold(kt_ruleset_rules(g->ruleset));
    pthread_mutex_lock(&g->lock);
    g->rules = now;
    g->rules_state = (struct kt_rules_state){.loads = g->rules_state.loads + 1,
                                             .at = kt_now(g->opts.clock),
                                             .rules = kt_rules_count(now),
                                             .filters = kt_rules_filters(now),
                                             .correlations = kt_rules_correlations(now)};
    pthread_mutex_unlock(&g->lock);
    if (g->judge)
        kt_judge_set_rules(g->judge, now);
    kt_rules_free(old);
}

/* "FILE:LINE:COLUMN: sentence" */
static void add_rule_trouble(struct kt_engine *g, const struct kt_err *what)
{
    char place[sizeof what->text];
    const char *end = strstr(what->text, ": ");
    size_t n = end ? (size_t)(end - what->text) : 0;
    bool unread = g->unread;
    memcpy(place, what->text, n);
    place[n] = '\0';
    add_trouble(g, n ? place : "rules", n ? end + 2 : what->text, false);
    g->unread = what->code == KT_OK ? unread : true; /* a warning */
}

static void tell_rules(struct kt_engine *g)
{
    const struct kt_rules_report *r = kt_ruleset_report(g->ruleset);
    for (size_t i = 0; i < r->n_problems; i++)
        add_rule_trouble(g, &r->problem[i]);
    size_t kept = r->n_problems < r->refused ? r->n_problems : r->refused;
    pthread_mutex_lock(&g->lock);
    g->rules_state.refused = r->refused;
    pthread_mutex_unlock(&g->lock);
    if (kept < r->refused && r->n_problems == KT_RULES_PROBLEMS_MAX)
        add_trouble(g, "rules", "more files are refused than are named here", false);
}

/* Files have changed. A broken edit leaves everything as it was. */
static void reload_rules(struct kt_engine *g)
{
    struct kt_err e = {0};
    if (kt_ruleset_reload(g->ruleset, &e) == KT_OK) {
        take_rules(g);
        if (!kt_correlating_set_rules(g->correlating, g->rules))
            add_trouble(g, "rules", "out of memory: correlations stand as they were", true);
        const char *name[KT_EVENT_NAMES + KT_RULES_NAMES_MAX];
        if (g->crew && !kt_crew_set_names(g->crew, name, names_wanted(g, name)))
            add_trouble(g, "rules", "out of memory: events that new rules name are not looked for", true);
        g->rejudge_end = g->views ? kt_store_counts(g->store).last + 1 : 0;
        g->rejudge = g->rejudge_end ? 1 : 0;
        if (g->rejudge == g->rejudge_end)
            feed_kept(g, UINT64_MAX);
        tell_rules(g);
    } else {
        pthread_mutex_lock(&g->lock);
        g->rules_state.stale = true;
        copy_cut(g->rules_state.note, sizeof g->rules_state.note, e.text);
        pthread_mutex_unlock(&g->lock);
        add_rule_trouble(g, &e);
    }
    g->health_changed = true;
}

static bool same_verdict(const struct kt_verdict *a, const struct kt_verdict *b)
{
    bool same = a->risk == b->risk && a->n_rules == b->n_rules && kt_span_eq(a->filter, b->filter) &&
                kt_span_known(a->filter) == kt_span_known(b->filter) && strcmp(a->why, b->why) == 0;
    for (size_t i = 0; same && i < a->n_rules; i++)
        same = kt_span_eq(a->rule[i].id, b->rule[i].id);
    return same;
}

/* Of a row that came back as it was: its facts go in now. They are known, most
 * of them; but not which row says so. */
static void read_again(struct kt_engine *g, const struct kt_row *row, json_t *json, uint32_t flags)
{
    struct kt_event whole;
    kt_event_decode(json, flags, g->arena, &whole);
    learn(g, &whole, row);
    kt_store_squeeze(g->store, row->seq, row->raw);
}

static void rejudge_row(struct kt_engine *g, uint64_t seq)
{
    struct kt_row row;
    struct kt_verdict v;
    struct kt_parsed p;
    feed_kept(g, seq);
    kt_arena_reset(g->arena);
    if (!kt_store_row(g->store, seq, true, g->arena, &row) || row.ev.kind == KT_KIND_MALFORMED || !kt_span_known(row.raw))
        return;
    kt_parse(row.raw, &g->content, &p);
    if (!p.json)
        return;
    (void)kt_ruleset_judge(g->ruleset, p.json, &v);
    struct kt_row anew = row;
    anew.verdict = v;
    if (seq < g->reread_end)
        read_again(g, &row, p.json, p.flags);
    if (g->judge)
        kt_judge_row(g->judge, &anew);
    if (!same_verdict(&anew.verdict, &row.verdict)) /* correlations of old go, and come again */
        (void)kt_store_revise(g->store, seq, &anew.verdict);
    feed_correlations(g, p.json);
    json_decref(p.json);
}

/* What rules of old have judged is judged anew, a little between other work:
 * the screen does not wait. */
static void rejudge_some(struct kt_engine *g)
{
    int64_t until = kt_mono_ms() + REJUDGE_MS;
    for (int i = 0; g->rejudge < g->rejudge_end && (i % 16 || kt_mono_ms() < until); i++)
        rejudge_row(g, g->rejudge++);
    if (g->rejudge == g->rejudge_end)
        feed_kept(g, UINT64_MAX);
}

/* --- the files of addresses ------------------------------------------------- */

static enum kt_code open_enrich(struct kt_engine *g, struct kt_err *e)
{
    const struct kt_enrich_files *f = &g->opts.enrich;
    const char *path[] = {f->country, f->network, f->aws};
    if (!f->country && !f->network && !f->aws)
        return KT_OK;
    enum kt_code c = kt_enrich_open(&g->enrich, f, e);
    if (c == KT_OK && g->opts.follow)
        c = kt_watch_new(&g->enrich_watch, e);
    for (size_t i = 0; c == KT_OK && g->enrich_watch && i < sizeof path / sizeof *path; i++)
        if (path[i] && !kt_watch_file(g->enrich_watch, path[i]))
            c = kt_fail(e, KT_EIO, "%s: its folder cannot be watched", path[i]);
    return c;
}

static void plan_enrich(struct kt_engine *g, struct pollfd *fd, size_t *active, int64_t now, int64_t *wait)
{
    int64_t deadline = g->enrich_watch ? kt_watch_deadline(g->enrich_watch) : 0;
    *fd = (struct pollfd){.fd = g->enrich_watch ? kt_watch_fd(g->enrich_watch) : -1, .events = POLLIN};
    *active += g->views && g->enrich_watch;
    if (deadline && (*wait < 0 || deadline - now < *wait))
        *wait = deadline > now ? deadline - now : 0;
}

static void step_enrich(struct kt_engine *g, const struct pollfd *fd)
{
    struct kt_err e = {0};
    if (!g->enrich_watch || !kt_watch_changed(g->enrich_watch, fd->revents != 0, kt_mono_ms()))
        return;
    if (kt_enrich_reload(g->enrich, &e) != KT_OK)
        add_trouble(g, "addresses", e.text, false);
    g->health_changed = true;
}

static bool engine_init(struct kt_engine *g, struct kt_err *e)
{
    g->opts.ruleset.only = g->opts.rule;
    if (kt_ruleset_new(&g->ruleset, &g->opts.ruleset, g->opts.follow, e) != KT_OK)
        return false;
    take_rules(g);
    if (open_enrich(g, e) != KT_OK)
        return false;
    g->opts.kinds = g->opts.kinds ? g->opts.kinds : KT_KIND_BIT(KT_KIND_CREATION);
    g->opts.ledger |= g->opts.kinds != KT_KIND_BIT(KT_KIND_CREATION);
    g->arena = kt_arena_new(DECODE_MAX);
    g->correlating = kt_correlating_new(g->rules, &(struct kt_correlating_rows){row_of, row_matches, g});
    g->store = kt_store_new(&g->opts.store);
    g->late_filter = g->opts.ledger && g->opts.filter && kt_filter_asks_verdict(g->opts.filter);
    if (g->opts.ledger && g->store)
        g->judge = kt_judge_new(&(struct kt_judge_opts){.store = g->store, .rules = g->rules, .places = g->opts.places,
                                                        .memory_max = g->opts.store.memory_max / 8});
    if (g->judge && g->enrich)
        kt_judge_set_places(g->judge, &(struct kt_places){kt_enrich_look, g->enrich});
    kt_buf_init(&g->content, KT_RECORD_MAX * 6u); /* every byte escaped */
    g->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!g->arena || !g->store || !g->correlating || (g->opts.ledger && !g->judge)) {
        kt_fail(e, KT_ENOMEM, "out of memory");
        return false;
    }
    if (g->news_fd < 0 || g->stop_fd < 0) {
        kt_fail(e, KT_EIO, "eventfd: %s", strerror(errno));
        return false;
    }
    return state_init(g, e);
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
    g->news_fd = g->stop_fd = g->state_fd = -1;
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
        notify(g->stop_fd);
        pthread_join(g->thread, NULL);
    }
    kt_views_free(g->views);
    kt_state_close(g->state); /* it reads the store to the last */
    for (size_t i = 0; i < g->n_src; i++) {
        if (g->src[i].source)
            g->src[i].source->ops->close(g->src[i].source);
        free(g->src[i].address);
    }
    free(g->src);
    kt_crew_free(g->crew);
    for (size_t i = 0; i < g->n_object; i++)
        object_free(g->object[i]);
    free(g->object);
    kt_judge_free(g->judge);
    kt_store_free(g->store);
    kt_rules_free(g->rules);
    kt_correlating_free(g->correlating);
    kt_ruleset_free(g->ruleset);
    kt_aws_free(g->aws); /* after the sources */
    kt_watch_free(g->enrich_watch);
    kt_enrich_free(g->enrich);
    kt_arena_free(g->arena);
    kt_arena_free(g->scratch);
    kt_buf_free(&g->content);
    if (g->state_fd >= 0)
        close(g->state_fd);
    if (g->news_fd >= 0)
        close(g->news_fd);
    if (g->stop_fd >= 0)
        close(g->stop_fd);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

/* What to call a source on screen when nobody named it: the end of its path. */
static void short_name(const char *address, char *out, size_t size)
{
    if (strcmp(address, "-") == 0) {
        copy_cut(out, size, "stdin");
        return;
    }
    const char *p = strncmp(address, "file:", 5) == 0 ? address + 5 : address;
    size_t n = strlen(p);
    while (n > 1 && (p[n - 1] == '/' || p[n - 1] == ':'))
        n--;
    size_t start = n;
    while (start > 0 && p[start - 1] != '/')
        start--;
    size_t len = n - start < size - 1 ? n - start : size - 1;
    memcpy(out, p + start, len);
    out[len] = '\0';
}

static struct src *new_src(struct kt_engine *g, const char *address, const char *name, struct kt_err *e)
{
    if (!kt_grow(&g->src, &g->cap_src, g->n_src + 1, sizeof *g->src, SOURCES_MAX)) {
        kt_fail(e, KT_ELIMIT, "more than %d sources", SOURCES_MAX);
        return NULL;
    }
    struct src *s = &g->src[g->n_src];
    *s = (struct src){.wait = {.kind = KT_WAIT_NONE, .fd = -1}};
    s->state.last_event = s->state.lag = KT_TIME_NONE;
    copy_cut(s->state.address, sizeof s->state.address, address);
    if (name)
        copy_cut(s->state.name, sizeof s->state.name, name);
    else
        short_name(address, s->state.name, sizeof s->state.name);
    return s;
}

enum kt_code kt_engine_add(struct kt_engine *g, const char *address, const char *name, struct kt_err *e)
{
    struct kt_err own = {0};
    struct src *s = new_src(g, address, name, &own);
    if (!s)
        return kt_fail(e, own.code, "%s", own.text);
    const char *names[KT_EVENT_NAMES + KT_RULES_NAMES_MAX];
    size_t unnamed, n = kt_event_names(kinds_wanted(g), names);
    size_t more = kt_rules_event_names(g->rules, names + n, KT_RULES_NAMES_MAX, &unnamed);
    struct kt_source_opts o = {.follow = g->opts.follow, .clock = g->opts.clock, .seed = g->opts.seed,
                               .since = g->opts.since, .until = g->opts.until, .event_names = names,
                               .n_event_names = n + (more < KT_RULES_NAMES_MAX ? more : KT_RULES_NAMES_MAX)};
    enum kt_code code = KT_OK;
    if (kt_source_is_aws(address) && !g->aws)
        code = kt_aws_new(&g->aws, &g->opts.aws, e);
    o.aws = g->aws;
    if (code == KT_OK)
        code = kt_source_open(&s->source, address, &o, e);
    if (code != KT_OK)
        return code;
    s->source->ops->health(s->source, &s->state.health);
    s->address = address_kept(g, s->source, address);
    g->n_src++;
    return KT_OK;
}

static void judge_step(struct kt_engine *g);

enum kt_code kt_engine_feed(struct kt_engine *g, const char *name, const void *p, size_t n, struct kt_err *e)
{
    struct kt_err own = {0};
    struct src *s = new_src(g, name, name, &own);
    if (!s)
        return kt_fail(e, own.code, "%s", own.text);
    s->wait.kind = KT_WAIT_DONE;
    s->state.health.state = KT_HEALTH_DONE;
    g->current = g->n_src++;
    uint64_t h = sink_object(g, name, 0, 0);
    if (!h)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    sink_bytes(g, h, p, n);
    sink_end(g, h);
    (void)kt_crew_settle(g->crew);
    do
        judge_step(g);
    while (g->more_to_judge);
    return KT_OK;
}

/* --- the loop ---------------------------------------------------------------- */

static void step(struct kt_engine *g, size_t i)
{
    struct src *s = &g->src[i];
    g->current = i;
    struct kt_source_sink sink = source_sink(g);
    s->wait = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1};
    s->source->ops->step(s->source, &sink, &s->wait);
    look_at_health(g, s);
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

struct round {
    struct pollfd *fd; /* [0] stops, [i + 1] is source i, then the rules' files, the memory, the addresses' files */
    size_t active;     /* sources that are not done */
    int timeout;
};

/* Who looks at rows that are all read may still change the rules. */
static void plan_rules(struct kt_engine *g, struct round *r, int64_t now, int64_t *wait)
{
    int64_t deadline = kt_ruleset_deadline(g->ruleset);
    r->fd[g->n_src + 1] = (struct pollfd){.fd = kt_ruleset_fd(g->ruleset), .events = POLLIN};
    r->active += g->views && kt_ruleset_fd(g->ruleset) >= 0;
    if (g->rejudge < g->rejudge_end)
        *wait = 0;
    else if (deadline && (*wait < 0 || deadline - now < *wait))
        *wait = deadline > now ? deadline - now : 0;
}

static void step_rules(struct kt_engine *g, const struct round *r)
{
    if (kt_ruleset_changed(g->ruleset, r->fd[g->n_src + 1].revents != 0, kt_mono_ms()))
        reload_rules(g);
    if (g->rejudge < g->rejudge_end)
        rejudge_some(g);
}

/* Who looks at rows that are all read may still do something about one. */
static void plan_memory(const struct kt_engine *g, struct round *r)
{
    r->fd[g->n_src + 2] = (struct pollfd){.fd = g->state_fd, .events = POLLIN};
    r->active += g->views && g->state;
}

static void step_memory(struct kt_engine *g, const struct round *r)
{
    if (r->fd[g->n_src + 2].revents)
        look_at_memory(g);
}

/* Without following, one source is read to its end before the next, so that
 * output keeps the order of the command line. */
static void plan(struct kt_engine *g, struct round *r)
{
    int64_t now = kt_mono_ms(), wait = -1;
    r->active = 0;
    for (size_t i = 0; i < g->n_src; i++) {
        const struct kt_wait *w = &g->src[i].wait;
        r->fd[i + 1] = (struct pollfd){.fd = -1, .events = POLLIN};
        if (w->kind == KT_WAIT_DONE || (!g->opts.follow && r->active))
            continue;
        r->active++;
        if (w->kind == KT_WAIT_FD)
            r->fd[i + 1].fd = w->fd;
        int64_t p = patience(w, now);
        if (p >= 0 && (wait < 0 || p < wait))
            wait = p;
    }
    plan_rules(g, r, now, &wait);
    plan_memory(g, r);
    plan_enrich(g, &r->fd[g->n_src + 3], &r->active, now, &wait);
    r->fd[g->n_src + 4] = (struct pollfd){.fd = g->crew ? kt_crew_fd(g->crew) : -1, .events = POLLIN};
    r->timeout = wait > 3600000 ? 3600000 : (int)wait;
}

static void step_due(struct kt_engine *g, const struct round *r)
{
    int64_t now = kt_mono_ms();
    for (size_t i = 0; i < g->n_src && !atomic_load(&g->stopping); i++) {
        bool first = g->opts.follow || i == 0 || g->src[i - 1].wait.kind == KT_WAIT_DONE;
        if (first && due(&g->src[i].wait, r->fd[i + 1].revents != 0, now))
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
        notify(g->news_fd);
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
    bool ok = !g->at_end || deliver(g);
    g->at_end = false;
    if (ok && g->sink->flush)
        ok = g->sink->flush(g->sink->ctx);
    g->settled = ok;
    if (!ok)
        atomic_store(&g->stopping, true);
}

static void loop(struct kt_engine *g, int stop_fd)
{
    struct round r = {.fd = calloc(g->n_src + 5, sizeof *r.fd)};
    if (!r.fd) {
        add_trouble(g, "keytop", "out of memory: nothing can be read", true);
        return;
    }
    struct kt_counts told = {0};
    int64_t ticked = 0;
    g->health_changed = true;
    tell_rules(g);
    publish(g, &told);
    remember(g);
    publish(g, &told);
    while (!atomic_load(&g->stopping)) {
        plan(g, &r);
        if (!r.active && !g->more_to_judge && !g->untold && g->rejudge >= g->rejudge_end)
            break;
        if (g->more_to_judge)
            r.timeout = 0;
        r.fd[0] = (struct pollfd){.fd = stop_fd, .events = POLLIN};
        int n = poll(r.fd, g->n_src + 5, r.timeout);
        if (n < 0 && errno != EINTR)
            break;
        if (n > 0 && r.fd[0].revents)
            break;
        step_rules(g, &r);
        step_memory(g, &r);
        step_enrich(g, &r.fd[g->n_src + 3]);
        step_due(g, &r);
        if (g->crew)
            (void)kt_crew_tell(g->crew);
        judge_step(g);
        settle(g);
        publish(g, &told);
        tick(g, &ticked);
    }
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
    g->at_end = g->judge && !g->opts.follow && (sink->at_end || g->late_filter);
    if (g->at_end) {
        kt_judge_at_end(g->judge);
        if (!sink->no_json)
            kt_store_keep_raw(g->store);
    }
    loop(g, stop_fd);
    if (g->at_end && !atomic_load(&g->stopping))
        (void)deliver(g);
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

struct kt_rules_state kt_engine_rules_state(struct kt_engine *g)
{
    pthread_mutex_lock(&g->lock);
    struct kt_rules_state s = g->rules_state;
    pthread_mutex_unlock(&g->lock);
    return s;
}

size_t kt_engine_sources(struct kt_engine *g, struct kt_source_state *out, size_t max)
{
    pthread_mutex_lock(&g->lock);
    for (size_t i = 0; i < g->n_src && i < max; i++)
        out[i] = g->src[i].state;
    pthread_mutex_unlock(&g->lock);
    return g->n_src;
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
        const struct src *s = &g->src[i];
        const struct kt_health *h = &s->state.health;
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
