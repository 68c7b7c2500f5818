/* What a source writes into. */
#include "engine/impl.h"

void engine_object_free(struct engine_object *o)
{
    if (!o)
        return;
    kt_ingest_free(o->ingest);
    free(o->name);
    free(o);
}

unsigned engine_kinds_wanted(const struct kt_engine *g)
{
    unsigned life = KT_KIND_BIT(KT_KIND_DEACTIVATION) | KT_KIND_BIT(KT_KIND_REACTIVATION) | KT_KIND_BIT(KT_KIND_DELETION) |
                    KT_KIND_BIT(KT_KIND_CREATION) | KT_KIND_BIT(KT_KIND_CREDENTIAL) | KT_KIND_BIT(KT_KIND_CONTEXT);
    return g->opts.kinds | (g->opts.ledger ? life : 0);
}

size_t engine_names_wanted(const struct kt_engine *g, const char *name[KT_EVENT_NAMES + KT_RULES_NAMES_MAX])
{
    size_t unnamed, n = kt_event_names(engine_kinds_wanted(g), name);
    size_t more = kt_rules_event_names(g->rules, name + n, KT_RULES_NAMES_MAX, &unnamed);
    return n + (more < KT_RULES_NAMES_MAX ? more : KT_RULES_NAMES_MAX);
}

/* Of a file that was handed over, so much is still to be read. */
static void left_to_read(struct engine_object *o, uint64_t bytes)
{
    struct engine_source *s = &o->engine->src[o->src];
    uint64_t read = o->unread > bytes ? o->unread - bytes : 0;
    s->unread -= read;
    o->unread -= read;
    if (read && s->source)
        engine_look_at_health(o->engine, s);
}

static void count_records(void *owner, const struct kt_ingest_stats *s)
{
    struct engine_object *o = owner;
    if (o->handed)
        left_to_read(o, o->size > s->bytes_in ? o->size - s->bytes_in : 0);
    uint64_t now = o->base_records + s->records;
    if (now > o->counted)
        kt_store_count_records(o->engine->store, now - o->counted);
    o->counted = now > o->counted ? now : o->counted;
}

void engine_look_at_health(struct kt_engine *g, struct engine_source *s)
{
    struct kt_health h = {0};
    s->source->ops->health(s->source, &h);
    if (s->untold && h.state == KT_HEALTH_DONE)
        h.state = KT_HEALTH_READING;
    h.bytes_done -= s->unread < h.bytes_done ? s->unread : h.bytes_done;
    h.files_done -= s->unread_files < h.files_done ? s->unread_files : h.files_done;
    g->health_changed |= memcmp(&h, &s->state.health, sizeof h) != 0;
    pthread_mutex_lock(&g->lock);
    s->state.health = h;
    pthread_mutex_unlock(&g->lock);
}

static void on_ended(void *owner, enum kt_ingest_end end, const struct kt_err *why, const struct kt_ingest_stats *s)
{
    struct engine_object *o = owner;
    struct kt_engine *g = o->engine;
    count_records(o, s);
    if (g->src[o->src].gone)
        ; /* nobody waits for the rest of it */
    else if (end == KT_END_TRUNCATED || end == KT_END_CORRUPT)
        engine_trouble(g, o->name, why->text, true);
    else if (end == KT_END_STOPPED && !atomic_load(&g->stopping))
        engine_trouble(g, o->name, why->text[0] ? why->text : "out of memory: not read to its end", true);
    struct engine_source *from = &g->src[o->src];
    from->unread -= o->unread;
    from->unread_files -= o->handed;
    g->object[o->at] = NULL;
    g->untold--;
    if (--from->untold == 0 && from->source)
        engine_look_at_health(g, from);
    engine_object_free(o);
}

/* With the first object: what is wanted is known by then. */
static bool make_crew(struct kt_engine *g)
{
    const char *name[KT_EVENT_NAMES + KT_RULES_NAMES_MAX];
    bool uses = g->opts.kinds & KT_KIND_BIT(KT_KIND_USE), walk = g->opts.ledger && !uses; /* rows of uses need their trees */
    struct kt_crew_sink sink = {engine_on_record, engine_on_malformed, walk ? engine_on_use : NULL, !uses, count_records, on_ended, engine_mean};
    if (!g->crew)
        g->crew = kt_crew_new(name, engine_names_wanted(g, name), &sink, 0);
    if (g->crew && g->known)
        kt_crew_remember(g->crew, g->known, engine_on_again);
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

static struct engine_object *make_object(struct kt_engine *g, size_t at, const char *name)
{
    struct engine_object *o = calloc(1, sizeof *o);
    if (o)
        *o = (struct engine_object){.engine = g, .at = at, .src = g->current, .name = strdup(name)};
    return o;
}

/* A new object at its place, and a crew to read it. */
static struct engine_object *new_object(struct kt_engine *g, const char *name)
{
    size_t i;
    if (atomic_load(&g->stopping))
        return NULL;
    if (!free_place(g, &i)) {
        engine_trouble(g, name, "too many files are open inside a record", true);
        return NULL;
    }
    struct engine_object *o = make_object(g, i, name);
    if (!o || !o->name || !make_crew(g)) {
        engine_object_free(o);
        engine_trouble(g, name, "out of memory: not read", true);
        return NULL;
    }
    return g->object[i] = o;
}

static void drop_object(struct engine_object *o)
{
    struct kt_engine *g = o->engine;
    g->object[o->at] = NULL;
    if (!atomic_load(&g->stopping))
        engine_trouble(g, o->name, "out of memory: not read", true);
    engine_object_free(o);
}

uint64_t engine_sink_object(void *ctx, const char *name, uint64_t records, uint64_t bytes)
{
    struct kt_engine *g = ctx;
    struct engine_object *o = new_object(g, name);
    if (!o)
        return 0;
    o->base_records = o->counted = records;
    o->base_bytes = bytes;
    o->stream = kt_crew_open(g->crew, o, records, bytes);
    if (o->stream)
        return o->at + 1;
    drop_object(o);
    return 0;
}

/* It has ended, for its source; what it holds is still to be told. */
static void object_ended(struct engine_object *o)
{
    struct kt_engine *g = o->engine;
    g->untold++;
    g->src[o->src].untold++;
    g->src[o->src].ended++;
}

static bool sink_file(void *ctx, const char *name, int fd, uint64_t size)
{
    struct kt_engine *g = ctx;
    struct engine_object *o = new_object(g, name);
    if (!o)
        return false;
    struct engine_source *s = &g->src[o->src];
    o->handed = true;
    o->size = o->unread = size;
    s->unread += size;
    s->unread_files++;
    object_ended(o);
    if (kt_crew_read(g->crew, o, fd, size))
        return true;
    g->untold--;
    s->untold--;
    s->ended--;
    s->unread -= size;
    s->unread_files--;
    drop_object(o);
    return false;
}

/* All its records are wanted, and there are few: no crew. */
static uint64_t sink_found(void *ctx, struct kt_answer *a, const char *name)
{
    struct kt_engine *g = ctx;
    size_t i;
    if (atomic_load(&g->stopping))
        return 0;
    struct engine_object *o = free_place(g, &i) ? make_object(g, i, name) : NULL;
    struct kt_record_sink sink = {.record = engine_on_found, .malformed = engine_on_malformed, .ctx = o};
    static const char *const any[] = {"eventName"};
    if (!o || !o->name || !(o->ingest = kt_ingest_new(any, 1, &sink))) {
        engine_object_free(o);
        engine_trouble(g, name, "out of memory: not read", true);
        return 0;
    }
    o->answer = a;
    g->object[i] = o;
    return i + 1;
}

static void found_end(struct kt_engine *g, struct engine_object *o)
{
    struct kt_err why = {0};
    enum kt_ingest_end end = kt_ingest_finish(o->ingest, &why);
    if (end == KT_END_TRUNCATED || end == KT_END_CORRUPT)
        engine_trouble(g, o->name, why.text, true);
    kt_store_count_records(g->store, kt_ingest_stats(o->ingest).records);
    g->object[o->at] = NULL;
    engine_object_free(o);
}

static struct engine_object *object_of(struct kt_engine *g, uint64_t handle)
{
    return handle && handle <= g->n_object ? g->object[handle - 1] : NULL;
}

bool engine_sink_bytes(void *ctx, uint64_t handle, const void *p, size_t n)
{
    struct kt_engine *g = ctx;
    struct engine_object *o = object_of(g, handle);
    if (o && o->ingest)
        (void)kt_ingest_feed(o->ingest, p, n); /* its end says what is wrong */
    else if (o && !kt_crew_feed(o->stream, p, n) && !atomic_load(&g->stopping)) {
        atomic_store(&g->stopping, true);
        engine_trouble(g, o->name, "out of memory: reading stops", true);
    }
    return !atomic_load(&g->stopping);
}

static void sink_pause(void *ctx, uint64_t handle)
{
    struct engine_object *o = object_of(ctx, handle);
    if (o && o->stream)
        kt_crew_pause(o->stream);
}

void engine_sink_end(void *ctx, uint64_t handle)
{
    struct kt_engine *g = ctx;
    struct engine_object *o = object_of(g, handle);
    if (!o)
        return;
    if (o->ingest) {
        found_end(g, o);
        return;
    }
    object_ended(o);
    kt_crew_end(o->stream);
    o->stream = NULL;
}

static bool sink_at_rest(void *ctx, uint64_t handle, uint64_t *records, uint64_t *bytes)
{
    struct engine_object *o = object_of(ctx, handle);
    if (!o || !o->stream)
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
    engine_trouble(ctx, place, sentence, gap);
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
    if (g->src[g->current].late) /* it is read again as if it were new: what comes twice is left out */
        return false;
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
    const struct engine_source *s = &g->src[g->current];
    return s->ended - s->untold >= mark;
}

static bool sink_kept(void *ctx, const char *what)
{
    struct kt_engine *g = ctx;
    if (g->sink && !g->opts.follow && !g->settled)
        return false;
    return !g->state || kt_state_checkpoint_kept(g->state, kt_span_of(what));
}

struct kt_source_sink engine_sink_of(struct kt_engine *g)
{
    struct kt_source_sink s = {g, engine_sink_object, engine_sink_bytes, sink_pause, engine_sink_end, sink_at_rest, sink_trouble, NULL, NULL,
                               sink_mark, sink_told, sink_kept, sink_found, engine_fill, sink_file};
    if (g->state) {
        s.remember = sink_remember;
        s.recall = sink_recall;
    }
    return s;
}
