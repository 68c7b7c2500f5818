/* A record's way: event, rules, store, reader. */
#include "engine/impl.h"

bool engine_passes(const struct kt_engine *g, const struct kt_row *row)
{
    const struct kt_engine_opts *o = &g->opts;
    int64_t t = row->ev.time; /* a record without a time is never left out for it */
    if (t != KT_TIME_NONE && ((o->since != KT_TIME_NONE && t < o->since) || (o->until != KT_TIME_NONE && t > o->until)))
        return false;
    return g->late_filter || kt_filter_row(o->filter, row, g->arena);
}

/* The record's text with sorted keys and no spacing: what makes it the same
 * event whatever envelope it came in. */
static void digest_content(struct kt_buf *b, const struct kt_node *root, struct kt_span bytes, uint8_t out[KT_SHA256])
{
    kt_buf_reset(b);
    if (kt_node_write_sorted(root, b))
        kt_sha256(b->p, b->len, out);
    else
        kt_sha256(bytes.p, bytes.n, out);
}

const void *engine_mean(const struct kt_record *r, struct kt_arena *a, struct kt_buf *scratch)
{
    struct engine_meant *m = kt_arena_alloc(a, sizeof *m);
    if (!m)
        return NULL; /* then the engine does it, with memory of its own */
    kt_event_decode(r->root, r->flags, a, &m->ev);
    if (m->ev.kind != KT_KIND_NONE)
        digest_content(scratch, r->root, r->bytes, m->content);
    return m;
}

/* The text to keep: as it stood, unless a secret had to be taken out of it. */
static struct kt_span raw_text(struct kt_engine *g, struct kt_node *root, struct kt_span bytes, uint32_t flags)
{
    if (!(flags & KT_FLAG_REDACTED))
        return bytes;
    kt_buf_reset(&g->content);
    if (!kt_node_write(root, &g->content, 0))
        return KT_SPAN_NONE;
    return kt_buf_span(&g->content);
}

/* --- to the sink ------------------------------------------------------------- */

/* False: it wants no more. */
static bool hand_over(struct kt_engine *g, const struct kt_row *r, struct kt_node *root)
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

static bool hand_over_kept(struct kt_engine *g, uint64_t seq)
{
    struct kt_row r;
    struct kt_node *root = NULL;
    kt_arena_reset(g->arena);
    if (!kt_store_row(g->store, seq, !g->sink->no_json || g->reads_records, g->arena, &r))
        return true;
    kt_judge_row(g->judge, &r);
    if (!g->sink->no_json && r.raw.p && r.ev.kind != KT_KIND_MALFORMED)
        root = kt_tree_parse(&g->kept, r.raw);
    return hand_over(g, &r, root);
}

bool engine_deliver(struct kt_engine *g)
{
    uint64_t first, next;
    bool go_on = true;
    kt_store_span(g->store, &first, &next);
    while (go_on && g->delivered + 1 < next)
        go_on = hand_over_kept(g, ++g->delivered);
    return go_on;
}

bool engine_show(struct kt_engine *g, struct kt_row *row, struct kt_node *root)
{
    if (!g->sink || !g->sink->row)
        return true;
    if (g->at_end)
        return !kt_store_is_full(g->store) || engine_deliver(g);
    if (g->judge)
        kt_judge_row(g->judge, row);
    return hand_over(g, row, root);
}

/* `row->seq` stays 0 where it does not become a row. False: it was one already. */
static bool keep_row(struct kt_engine *g, struct engine_object *o, struct kt_row *row, const uint8_t content[32])
{
    struct engine_source *s = &g->src[o->src];
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
        return false;
    case KT_ADDED_NOT:
        /* the store has counted the gap */
        engine_trouble(g, o->name, "out of memory: a record could not be kept", false);
        return true;
    }
    if (o->answer)
        return true; /* the source has not said it by itself */
    pthread_mutex_lock(&g->lock);
    s->state.rows += !kt_verdict_suppressed(&row->verdict);
    s->state.last_event = kt_now(g->opts.clock);
    if (s->state.health.state == KT_HEALTH_LIVE && row->ev.time != KT_TIME_NONE)
        s->state.lag = s->state.last_event - row->ev.time;
    pthread_mutex_unlock(&g->lock);
    return true;
}

bool engine_asks_for(const struct kt_engine *g, struct kt_event *ev)
{
    if (g->opts.kinds & KT_KIND_BIT(ev->kind))
        return true;
    return (g->opts.kinds & KT_KIND_BIT(KT_KIND_USE)) && kt_event_as_use(ev);
}

static struct kt_span text_of(struct kt_engine *g, const char *s)
{
    return s[0] ? kt_arena_span(g->arena, kt_span_of(s)) : KT_SPAN_NONE;
}

void engine_add_whereabouts(struct kt_engine *g, struct kt_row *row)
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

/* True: there is a row of it now, or there was. */
static bool make_row(struct engine_object *o, const struct kt_record *r, struct kt_row *row)
{
    struct kt_engine *g = o->engine;
    bool asked = kt_ruleset_judge(g->ruleset, r->root, &row->verdict);
    row->origin.record = r->ordinal;
    engine_add_whereabouts(g, row);
    if (g->reads_records) /* the filter may look into it */
        row->raw = raw_text(g, r->root, r->bytes, row->ev.flags);
    if (!asked || !engine_passes(g, row)) {
        kt_store_count_filtered(g->store);
        return false;
    }
    const struct engine_meant *m = r->meant;
    uint8_t content[KT_SHA256];
    if (!m)
        digest_content(&g->content, r->root, r->bytes, content);
    row->raw = raw_text(g, r->root, r->bytes, row->ev.flags);
    return !keep_row(g, o, row, m ? m->content : content) || row->seq;
}

void engine_learn_facts(struct kt_engine *g, const struct kt_event *whole, const struct kt_row *row)
{
    if (g->judge && !kt_judge_event(g->judge, whole, row->ev.kind == whole->kind ? row->seq : 0))
        kt_store_count_gap(g->store);
}

void engine_learn(struct kt_engine *g, const struct kt_event *whole, const struct kt_row *row)
{
    engine_learn_facts(g, whole, row);
    if (g->judge && row->seq && !g->at_end)
        (void)kt_store_dirty(g->store, row->seq);
}

/* --- correlations ------------------------------------------------------------ */

uint64_t engine_row_of(void *ctx, struct kt_span event_id)
{
    return kt_store_event(((struct kt_engine *)ctx)->store, event_id);
}

void engine_row_matches(void *ctx, uint64_t seq, const struct kt_matched *m, bool matches)
{
    kt_judge_match(((struct kt_engine *)ctx)->judge, seq, m, matches);
}

void engine_feed_correlations(struct kt_engine *g, struct kt_node *root)
{
    struct kt_occurrence o = {.root = root, .time = KT_TIME_NONE, .event_id = KT_SPAN_NONE};
    o.n_rules = kt_ruleset_matched(g->ruleset, &o.rule);
    o.event_id = kt_node_text(kt_node_get(root, "eventID"));
    struct kt_span time = kt_node_text(kt_node_get(root, "eventTime"));
    if (time.p)
        o.time = kt_time_parse_created(time);
    if (kt_correlating_takes(g->correlating, o.rule, o.n_rules) && !kt_correlating_feed(g->correlating, &o))
        engine_trouble(g, "rules", "out of memory: an event could not be correlated", true);
}

void engine_correlate(struct kt_engine *g, struct kt_node *root, struct kt_span bytes, const struct kt_row *row, bool judged)
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
        engine_feed_correlations(g, root);
}

static void feed_again(struct kt_engine *g, struct kt_span text, struct kt_verdict *v)
{
    struct kt_parsed p;
    kt_parse(text, &g->repaired, &g->tree, &p);
    if (p.root) {
        (void)kt_ruleset_judge(g->ruleset, p.root, v);
        engine_feed_correlations(g, p.root);
    }
}

void engine_feed_kept(struct kt_engine *g, uint64_t before)
{
    struct kt_verdict v;
    for (struct kt_span text; kt_span_known(text = kt_correlating_next(g->correlating, before));)
        feed_again(g, text, &v);
}

bool engine_on_record(void *ctx, const struct kt_record *r)
{
    struct engine_object *o = ctx;
    struct kt_engine *g = o->engine;
    kt_arena_reset(g->arena);
    struct kt_row row = {0};
    if (r->meant)
        row.ev = ((const struct engine_meant *)r->meant)->ev;
    else
        kt_event_decode(r->root, r->flags, g->arena, &row.ev);
    if (row.ev.kind == KT_KIND_NONE) {
        engine_correlate(g, r->root, r->bytes, &row, false);
        return true;
    }
    struct kt_event whole = row.ev; /* a row of a use says less */
    bool asked = engine_asks_for(g, &row.ev);
    bool has_row = asked && make_row(o, r, &row);
    engine_correlate(g, r->root, r->bytes, &row, asked);
    engine_learn(g, &whole, &row);
    if (has_row)
        engine_know(g, r->bytes, r->digest);
    if (row.seq && !engine_show(g, &row, r->root))
        atomic_store(&g->stopping, true);
    return !atomic_load(&g->stopping);
}

void engine_know(struct kt_engine *g, struct kt_span text, const uint8_t *digest)
{
    uint8_t own[KT_KNOWN_DIGEST];
    if (!g->known || !text.p)
        return;
    if (digest)
        kt_known_add(g->known, digest);
    kt_known_digest(text.p, text.n, own);
    kt_known_add(g->known, own);
}

/* What it says is known, and its row is there, or was. */
bool engine_on_again(void *ctx)
{
    struct kt_engine *g = ((struct engine_object *)ctx)->engine;
    kt_store_count_duplicate(g->store);
    return !atomic_load(&g->stopping);
}

/* Not of what is shown: its panes show it all the same. */
static bool found_apart(const struct kt_engine *g, struct kt_row *row, bool judged)
{
    if (engine_asks_for(g, &row->ev) && judged && engine_passes(g, row))
        return false;
    if (!kt_kind_is_call(row->ev.kind) && kt_kind_name(row->ev.kind) == NULL)
        kt_event_as_call(&row->ev);
    row->ev.flags |= KT_FLAG_ASKED;
    return true;
}

bool engine_on_found(void *ctx, const struct kt_record *r)
{
    struct engine_object *o = ctx;
    struct kt_engine *g = o->engine;
    uint8_t content[KT_SHA256];
    kt_arena_reset(g->arena);
    struct kt_row row = {0};
    struct kt_event whole;
    kt_event_decode_any(r->root, r->flags, g->arena, &row.ev);
    whole = row.ev; /* a row of a use says less */
    if (row.ev.kind == KT_KIND_NONE)
        return true;
    bool judged = kt_ruleset_judge(g->ruleset, r->root, &row.verdict);
    row.origin.record = r->ordinal;
    engine_add_whereabouts(g, &row);
    (void)found_apart(g, &row, judged);
    digest_content(&g->content, r->root, r->bytes, content);
    row.raw = raw_text(g, r->root, r->bytes, row.ev.flags);
    if (!keep_row(g, o, &row, content))
        return !atomic_load(&g->stopping); /* and what it says is known */
    o->answer->events++;
    engine_correlate(g, r->root, r->bytes, &row, true);
    if (whole.kind != KT_KIND_OTHER)
        engine_learn(g, &whole, &row);
    return !atomic_load(&g->stopping);
}

static struct kt_span either(struct kt_span a, struct kt_span b)
{
    return a.n ? a : b.n ? b : KT_SPAN_NONE;
}

bool engine_on_use(void *ctx, const struct kt_use *u)
{
    struct engine_object *o = ctx;
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

bool engine_on_malformed(void *ctx, const struct kt_malformed *m)
{
    struct engine_object *o = ctx;
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
    (void)keep_row(g, o, &row, m->sha256);
    bool go_on = !row.seq || engine_show(g, &row, NULL);
    engine_trouble(g, place, m->reason, false);
    if (!go_on)
        atomic_store(&g->stopping, true);
    return !atomic_load(&g->stopping);
}
