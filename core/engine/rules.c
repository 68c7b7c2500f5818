/* Rules and the files of addresses, as they change. */
#include "engine/impl.h"

/* --- rules -------------------------------------------------------------------- */

void engine_take_rules(struct kt_engine *g)
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
    engine_trouble(g, n ? place : "rules", n ? end + 2 : what->text, false);
    g->unread = what->code == KT_OK ? unread : true; /* a warning */
}

void engine_tell_rules(struct kt_engine *g)
{
    const struct kt_rules_report *r = kt_ruleset_report(g->ruleset);
    for (size_t i = 0; i < r->n_problems; i++)
        add_rule_trouble(g, &r->problem[i]);
    size_t kept = r->n_problems < r->refused ? r->n_problems : r->refused;
    pthread_mutex_lock(&g->lock);
    g->rules_state.refused = r->refused;
    pthread_mutex_unlock(&g->lock);
    if (kept < r->refused && r->n_problems == KT_RULES_PROBLEMS_MAX)
        engine_trouble(g, "rules", "more files are refused than are named here", false);
}

void engine_reload_rules(struct kt_engine *g)
{
    struct kt_err e = {0};
    if (kt_ruleset_reload(g->ruleset, &e) == KT_OK) {
        engine_take_rules(g);
        if (!kt_correlating_set_rules(g->correlating, g->rules))
            engine_trouble(g, "rules", "out of memory: correlations stand as they were", true);
        const char *name[KT_EVENT_NAMES + KT_RULES_NAMES_MAX];
        if (g->crew && !kt_crew_set_names(g->crew, name, engine_names_wanted(g, name)))
            engine_trouble(g, "rules", "out of memory: events that new rules name are not looked for", true);
        g->rejudge_end = g->views ? kt_store_counts(g->store).last + 1 : 0;
        g->rejudge = g->rejudge_end ? 1 : 0;
        if (g->rejudge == g->rejudge_end)
            engine_feed_kept(g, UINT64_MAX);
        engine_tell_rules(g);
    } else {
        pthread_mutex_lock(&g->lock);
        g->rules_state.stale = true;
        engine_copy_cut(g->rules_state.note, sizeof g->rules_state.note, e.text);
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
static void read_again(struct kt_engine *g, const struct kt_row *row, struct kt_node *root, uint32_t flags)
{
    struct kt_event whole;
    kt_event_decode(root, flags, g->arena, &whole);
    if (whole.kind != KT_KIND_NONE) /* of what was asked for, not all is a fact */
        engine_learn(g, &whole, row);
    kt_store_squeeze(g->store, row->seq, row->raw);
}

/* Do the rules make of the record what they made of it then? */
static bool matches_as_before(const struct kt_engine *g, const struct kt_verdict *before, const struct kt_verdict *now)
{
    struct kt_rule_info info;
    size_t k = 0;
    for (size_t i = 0; i < before->n_rules; i++) {
        if (before->rule[i].correlation || (kt_rules_by_id(g->rules, before->rule[i].id, &info) && info.facts))
            continue;
        if (k == now->n_rules || !kt_span_eq(before->rule[i].id, now->rule[k].id) || before->rule[i].risk != now->rule[k].risk)
            return false;
        k++;
    }
    return k == now->n_rules && kt_span_eq(before->filter, now->filter) &&
           kt_span_known(before->filter) == kt_span_known(now->filter);
}

static void rejudge_row(struct kt_engine *g, uint64_t seq)
{
    struct kt_row row;
    struct kt_verdict v;
    struct kt_parsed p;
    engine_feed_kept(g, seq);
    kt_arena_reset(g->arena);
    if (!kt_store_row(g->store, seq, true, g->arena, &row) || row.ev.kind == KT_KIND_MALFORMED || !kt_span_known(row.raw))
        return;
    kt_parse(row.raw, &g->repaired, &g->tree, &p);
    if (!p.root)
        return;
    (void)kt_ruleset_judge(g->ruleset, p.root, &v);
    struct kt_row anew = row;
    anew.verdict = v;
    if (seq < g->reread_end)
        read_again(g, &row, p.root, p.flags);
    /* one that came back is marked, and judged in its turn */
    bool marked = g->judge && seq < g->reread_end && g->rules_state.loads == 1 && matches_as_before(g, &row.verdict, &v);
    if (g->judge && !marked)
        kt_judge_row(g->judge, &anew);
    if (!marked && !same_verdict(&anew.verdict, &row.verdict)) /* correlations of old go, and come again */
        (void)kt_store_revise(g->store, seq, &anew.verdict);
    engine_feed_correlations(g, p.root);
}

void engine_rejudge_some(struct kt_engine *g)
{
    int64_t until = kt_mono_ms() + REJUDGE_MS;
    for (int i = 0; g->rejudge < g->rejudge_end && (i % 16 || kt_mono_ms() < until); i++)
        rejudge_row(g, g->rejudge++);
    if (g->rejudge == g->rejudge_end)
        engine_feed_kept(g, UINT64_MAX);
}

/* --- the files of addresses ------------------------------------------------- */

enum kt_code engine_open_enrich(struct kt_engine *g, struct kt_err *e)
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

void engine_plan_enrich(struct kt_engine *g, struct pollfd *fd, size_t *active, int64_t now, int64_t *wait)
{
    int64_t deadline = g->enrich_watch ? kt_watch_deadline(g->enrich_watch) : 0;
    *fd = (struct pollfd){.fd = g->enrich_watch ? kt_watch_fd(g->enrich_watch) : -1, .events = POLLIN};
    *active += g->views && g->enrich_watch;
    if (deadline && (*wait < 0 || deadline - now < *wait))
        *wait = deadline > now ? deadline - now : 0;
}

void engine_step_enrich(struct kt_engine *g, const struct pollfd *fd)
{
    struct kt_err e = {0};
    if (!g->enrich_watch || !kt_watch_changed(g->enrich_watch, fd->revents != 0, kt_mono_ms()))
        return;
    if (kt_enrich_reload(g->enrich, &e) != KT_OK)
        engine_trouble(g, "addresses", e.text, false);
    g->health_changed = true;
}
