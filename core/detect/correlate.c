#include "detect/correlate.h"

#include "detect/correlation.h"

#include "base/clock.h"
#include "base/hash.h"

#include <stdlib.h>

enum { CARRIED_MAX = 64, TEXTS_MAX = GROUP_FIELDS_MAX + VALUE_FIELDS_MAX + CARRIED_MAX };

struct group {
    int correlation;
    struct group *next;          /* in its bucket */
    struct group *older, *newer; /* by when they were fed */
    uint64_t hash;
    struct kt_span *value; /* of group-by; one block with the texts */
    size_t n_values;
    struct entry **e; /* by time, then id, then source */
    size_t n, cap;
    int64_t newest;
    struct window window;
    int busy; /* being worked on: not to be dropped */
};

struct member { /* of a correlation: one of its rules */
    int correlation, place;
};

struct worker { /* a correlation as it is worked on */
    const struct rule *rule;
    int place[CORRELATED_RULES_MAX];
    struct kt_span (*field)[CORRELATED_RULES_MAX]; /* group-by, then value fields: their names in each rule's events */
    struct kt_span *carried;                       /* fields that outer correlations ask for */
    size_t n_carried;
    struct member *outer; /* where its matches are events */
    size_t n_outer, cap_outer;
    bool chain;     /* some of its rules are correlations */
    int64_t newest; /* of all groups */
};

struct kt_correlator {
    const struct kt_rules *set;
    struct kt_correlator_limits limits;
    struct worker *worker;
    size_t n_workers;
    struct member *member; /* by rule: member[first[rule]] .. */
    size_t *first;
    struct group **bucket;
    size_t n_buckets;
    struct group *oldest, *newest;
    struct entry **standing; /* n_buckets: entries by the match that they stand for */
    struct kt_buf json;
    uint64_t feeds, matches, turns;
    struct kt_correlator_stats stats;
    kt_correlated_fn *tell;
    void *ctx;
    bool failed; /* memory ran out in the feeding that goes on */
};

/* --- texts of an event ------------------------------------------------------------- */

/* What the fields of an event, or of the event that a match begins with, are
 * taken from. */
struct source {
    struct kt_node *root;
    const struct worker *inner;  /* root == NULL */
    const struct entry *carrier;
};

struct texts_taken {
    char room[TEXTS_MAX][KT_CORRELATED_TEXT_MAX];
    struct kt_span text[TEXTS_MAX];
    size_t n;
};

struct first_value {
    struct kt_node *v;
};

static bool take_first(void *ctx, struct kt_node *v)
{
    struct first_value *f = ctx;
    if (kt_node_is(v, KT_NODE_NULL))
        return true;
    f->v = v;
    return false;
}

static struct kt_span text_of_root(struct kt_correlator *c, struct kt_node *root, struct kt_span field, char *number)
{
    struct first_value f = {NULL};
    (void)path_each(root, field, take_first, &f);
    if (!f.v)
        return KT_SPAN_NONE;
    if (!kt_node_holds(f.v))
        return scalar_text(f.v, number, false);
    kt_buf_reset(&c->json);
    return kt_node_write(f.v, &c->json, 15) ? kt_buf_span(&c->json) : KT_SPAN_NONE;
}

/* Copies the field's text; false where the event has none. */
static bool take_text(struct kt_correlator *c, const struct source *s, struct kt_span field, struct texts_taken *t)
{
    char number[64];
    struct kt_span text = KT_SPAN_NONE;
    if (s->root)
        text = text_of_root(c, s->root, field, number);
    for (size_t i = 0; !s->root && i < s->inner->n_carried; i++)
        if (kt_span_eq(s->inner->carried[i], field))
            text = s->carrier->carried[i];
    size_t n = text.n < KT_CORRELATED_TEXT_MAX ? text.n : KT_CORRELATED_TEXT_MAX;
    if (n)
        memcpy(t->room[t->n], text.p, n);
    t->text[t->n] = kt_span_known(text) ? (struct kt_span){t->room[t->n], n} : KT_SPAN_NONE;
    return kt_span_known(t->text[t->n++]);
}

/* --- groups ------------------------------------------------------------------------ */

static void unlink_group(struct kt_correlator *c, struct group *g)
{
    struct group **at = &c->bucket[g->hash & (c->n_buckets - 1)];
    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    *(g->older ? &g->older->newer : &c->oldest) = g->newer;
    *(g->newer ? &g->newer->older : &c->newest) = g->older;
}

static struct entry **standing_for(struct kt_correlator *c, uint64_t match)
{
    return &c->standing[match & (c->n_buckets - 1)];
}

static void stand(struct kt_correlator *c, struct group *g, struct entry *e)
{
    struct entry **first = standing_for(c, e->source);
    if (!e->source)
        return;
    e->in = g;
    e->next_standing = *first;
    *first = e;
}

static void entry_free(struct kt_correlator *c, struct entry *e)
{
    struct entry **at = standing_for(c, e->source);
    while (e->in && *at != e)
        at = &(*at)->next_standing;
    if (e->in)
        *at = e->next_standing;
    for (size_t i = 0; i < e->n_joined; i++)
        free((char *)e->joined[i].id.p);
    free(e->joined);
    free(e->evidence);
    free(e);
}

static void group_free(struct kt_correlator *c, struct group *g)
{
    for (size_t i = 0; i < g->n; i++)
        entry_free(c, g->e[i]);
    c->stats.events -= g->n;
    c->stats.groups--;
    window_free(&g->window);
    free(g->e);
    free(g->value);
    free(g);
}

/* A group whose events could no longer count is no loss. */
static bool is_past(const struct kt_correlator *c, const struct group *g)
{
    const struct worker *w = &c->worker[g->correlation];
    int64_t timespan = w->rule->correlation->timespan;
    return w->newest >= INT64_MIN + 2 * timespan && g->newest < w->newest - 2 * timespan;
}

/* The group that has been silent for longest is missed least. */
static bool drop_oldest(struct kt_correlator *c)
{
    struct group *g = c->oldest;
    while (g && g->busy)
        g = g->newer;
    if (!g)
        return false;
    if (!is_past(c, g)) {
        c->stats.dropped_groups++;
        c->stats.dropped_events += g->n;
    }
    unlink_group(c, g);
    group_free(c, g);
    return true;
}

static void touch(struct kt_correlator *c, struct group *g)
{
    if (c->newest == g)
        return;
    *(g->older ? &g->older->newer : &c->oldest) = g->newer;
    g->newer->older = g->older;
    g->older = c->newest;
    g->newer = NULL;
    c->newest->newer = g;
    c->newest = g;
}

static bool same_group(const struct group *g, int correlation, const struct kt_span *value, size_t n)
{
    if (g->correlation != correlation || g->n_values != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!kt_span_eq(g->value[i], value[i]))
            return false;
    return true;
}

static uint64_t group_hash(int correlation, const struct kt_span *value, size_t n)
{
    uint64_t h = kt_hash(&correlation, sizeof correlation);
    for (size_t i = 0; i < n; i++)
        h = (h ^ kt_hash(value[i].p, value[i].n)) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}

/* Spans and their texts in one block. */
static struct kt_span *copy_texts(const struct kt_span *text, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += text[i].n;
    struct kt_span *copy = malloc((n + 1) * sizeof *copy + bytes);
    char *to = copy ? (char *)(copy + n + 1) : NULL;
    for (size_t i = 0; copy && i < n; i++) {
        if (text[i].n)
            memcpy(to, text[i].p, text[i].n);
        copy[i] = kt_span_known(text[i]) ? (struct kt_span){to, text[i].n} : KT_SPAN_NONE;
        to += text[i].n;
    }
    return copy;
}

static struct group *group_new(struct kt_correlator *c, int correlation, const struct kt_span *value, size_t n, uint64_t hash)
{
    while (c->stats.groups >= c->limits.groups)
        if (!drop_oldest(c))
            return NULL;
    struct group *g = calloc(1, sizeof *g);
    if (!g || !(g->value = copy_texts(value, n))) {
        free(g);
        return NULL;
    }
    g->correlation = correlation;
    g->n_values = n;
    g->hash = hash;
    g->newest = INT64_MIN;
    g->next = c->bucket[hash & (c->n_buckets - 1)];
    c->bucket[hash & (c->n_buckets - 1)] = g;
    g->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = g;
    c->newest = g;
    c->stats.groups++;
    return g;
}

static struct group *group_of(struct kt_correlator *c, int correlation, const struct kt_span *value, size_t n, bool make)
{
    uint64_t hash = group_hash(correlation, value, n);
    struct group *g = c->bucket[hash & (c->n_buckets - 1)];
    while (g && !(g->hash == hash && same_group(g, correlation, value, n)))
        g = g->next;
    if (!g && make && !(g = group_new(c, correlation, value, n, hash)))
        c->failed = true;
    if (g && make)
        touch(c, g);
    return g;
}

/* --- entries ----------------------------------------------------------------------- */

static int by_text(struct kt_span a, struct kt_span b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int d = n ? memcmp(a.p, b.p, n) : 0;
    return d ? d : (a.n > b.n) - (a.n < b.n);
}

static int by_time_and_id(const struct joined *a, const struct joined *b)
{
    return a->time != b->time ? (a->time < b->time ? -1 : 1) : by_text(a->id, b->id);
}

static int by_place(const struct entry *a, const struct entry *b)
{
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    int d = by_text(a->id, b->id);
    return d ? d : (a->source > b->source) - (a->source < b->source);
}

/* The place of the first entry that does not come before `e`. */
static size_t place_of(const struct group *g, const struct entry *e)
{
    size_t low = 0, high = g->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (by_place(g->e[middle], e) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void forget_first(struct kt_correlator *c, struct group *g, size_t n)
{
    window_forget(&g->window, n);
    for (size_t i = 0; i < n; i++)
        entry_free(c, g->e[i]);
    memmove(g->e, g->e + n, (g->n - n) * sizeof *g->e);
    g->n -= n;
    c->stats.events -= n;
}

/* What no event that may still come has in its timespan; in a chain one may
 * come late to a match that stands a timespan before. */
static void forget_past(struct kt_correlator *c, struct group *g, int64_t timespan)
{
    int64_t kept = (c->worker[g->correlation].chain ? 3 : 2) * timespan;
    size_t n = 0;
    if (g->newest < INT64_MIN + kept)
        return;
    while (n < g->n && g->e[n]->time < g->newest - kept)
        n++;
    /* all at once now and then, so that each is moved seldom */
    if (n && (n >= g->n / 4 || n >= 64))
        forget_first(c, g, n);
}

static bool make_room(struct kt_correlator *c, struct group *g)
{
    if (g->n >= c->limits.events) {
        size_t n = g->n / 8 + 1;
        c->stats.dropped_events += n;
        forget_first(c, g, n);
    }
    while (c->stats.events >= c->limits.total)
        if (!drop_oldest(c))
            return false;
    return kt_grow(&g->e, &g->cap, g->n + 1, sizeof *g->e, KT_CORRELATOR_EVENTS_MAX);
}

/* --- matches ----------------------------------------------------------------------- */

static void feed_outer(struct kt_correlator *c, const struct group *g, const struct entry *e,
                       enum kt_correlated_change change, const struct kt_span *evidence, size_t n);

struct events {
    struct kt_span id[KT_CORRELATED_EVENTS_MAX];
    int64_t time[KT_CORRELATED_EVENTS_MAX];
    size_t n, all;
};

static void add_event(struct events *v, struct kt_span id, int64_t time)
{
    if (v->n < KT_CORRELATED_EVENTS_MAX) {
        v->id[v->n] = id;
        v->time[v->n++] = time;
    }
    v->all++;
}

/* The event, or those of the match that it stands for. */
static void add_entry(struct events *v, const struct entry *e)
{
    if (!e->source)
        add_event(v, e->id, e->time);
    for (size_t i = 0; i < e->n_evidence; i++)
        add_event(v, e->evidence[i], e->time);
    for (size_t i = 0; i < e->n_joined; i++)
        add_event(v, e->joined[i].id, e->joined[i].time > e->time ? e->joined[i].time : e->time);
}

/* The share of a value is shown by the events that have it. */
static void collect(const struct correlation *k, const struct group *g, size_t first, size_t at, struct events *v)
{
    bool same = k->type == CORRELATE_VALUE_PERCENTILE && k->percentile < 0;
    v->n = v->all = 0;
    for (size_t i = first; i <= at; i++) {
        const struct entry *e = g->e[i];
        if (same && !kt_span_eq(e->value, g->e[at]->value))
            continue;
        add_entry(v, e);
    }
}

static void announce(const struct kt_correlator *c, const struct group *g, uint64_t match, enum kt_correlated_change change,
                     const struct events *v, int64_t first, int64_t last, double value)
{
    if (c->worker[g->correlation].rule->info.silent || !c->tell)
        return;
    c->tell(c->ctx, &(struct kt_correlated){.id = match,
                                            .change = change,
                                            .correlation = g->correlation,
                                            .first = first,
                                            .last = last,
                                            .event = v->id,
                                            .n_events = v->n,
                                            .n_all = v->all,
                                            .group = g->value,
                                            .n_group = g->n_values,
                                            .value = value});
}

static void tell(struct kt_correlator *c, struct group *g, size_t at, enum kt_correlated_change change, double value)
{
    const struct worker *w = &c->worker[g->correlation];
    struct entry *e = g->e[at];
    size_t first = window_first(g->e, at, w->rule->correlation->timespan);
    struct events *v = malloc(sizeof *v);
    if (!v) {
        c->failed = true;
        return;
    }
    collect(w->rule->correlation, g, first, at, v);
    announce(c, g, e->match, change, v, g->e[first]->time, e->time, value);
    feed_outer(c, g, e, change, v->id, v->n);
    free(v);
}

/* Whether a match begins here: the condition holds, and did not yet. */
static bool begins(const struct group *g, size_t at, int64_t timespan)
{
    const struct entry *e = g->e[at];
    if (!e->holds)
        return false;
    return !at || !g->e[at - 1]->holds || e->time - g->e[at - 1]->time > timespan;
}

static void feed_joined(struct kt_correlator *c, uint64_t match, enum kt_correlated_change change, const struct events *v);

static void tell_events(struct kt_correlator *c, const struct group *g, uint64_t match, enum kt_correlated_change change,
                        const struct events *v, double value)
{
    const struct worker *w = &c->worker[g->correlation];
    if (v->n)
        announce(c, g, match, change, v, v->time[0], v->time[v->n - 1], value);
    if (w->n_outer)
        feed_joined(c, match, change, v);
}

/* An event at which a match goes on, or no longer. */
static void tell_one(struct kt_correlator *c, const struct group *g, const struct entry *e, uint64_t match,
                     enum kt_correlated_change change, double value)
{
    const struct worker *w = &c->worker[g->correlation];
    if ((w->rule->info.silent || !c->tell) && !w->n_outer)
        return;
    struct events *v = malloc(sizeof *v);
    if (!v) {
        c->failed = true;
        return;
    }
    v->n = v->all = 0;
    add_entry(v, e);
    tell_events(c, g, match, change, v, value);
    free(v);
}

static bool follow(struct kt_correlator *c, const struct group *g, size_t at, bool begins_here, double value)
{
    struct entry *e = g->e[at];
    const struct entry *before = at ? g->e[at - 1] : NULL;
    uint64_t match = begins_here || !e->holds || !before ? 0 : before->match ? before->match : before->follows;
    if (match == e->follows)
        return false;
    if (e->follows)
        tell_one(c, g, e, e->follows, KT_CORRELATED_LEFT, value);
    if (match)
        tell_one(c, g, e, match, KT_CORRELATED_JOINED, value);
    e->follows = match;
    return true;
}

/* Does it change what those after it follow? */
static bool settle(struct kt_correlator *c, struct group *g, size_t at, int64_t timespan, double value, bool changed)
{
    struct entry *e = g->e[at];
    bool now = begins(g, at, timespan);
    uint64_t was = e->match;
    if (now && !e->match) {
        e->match = ++c->matches;
        tell(c, g, at, KT_CORRELATED_NEW, value);
    } else if (now && changed) {
        tell(c, g, at, KT_CORRELATED_REVISED, value);
    } else if (!now && e->match) {
        tell(c, g, at, KT_CORRELATED_RETRACTED, value);
        e->match = 0;
    }
    return follow(c, g, at, now, value) || was != e->match;
}

/* After a change at `from`, of the time `time`: all whose timespan reaches
 * back to it, and the one after them, whose beginning hangs on the last, and
 * those that follow another match for it. */
static void work(struct kt_correlator *c, struct group *g, size_t from, int64_t time)
{
    const struct rule *r = c->worker[g->correlation].rule;
    int64_t timespan = r->correlation->timespan;
    bool ok = true;
    g->busy++;
    for (size_t i = from; i < g->n; i++) {
        double value = 0;
        bool within = g->e[i]->time - time <= timespan;
        if (within)
            g->e[i]->holds = window_holds(r, &g->window, g->e, i, &value, &ok);
        if (!settle(c, g, i, timespan, value, within) && !within)
            break;
    }
    g->busy--;
    if (!ok)
        c->failed = true;
}

/* --- events -------------------------------------------------------------------------- */

static struct entry *entry_new(const struct worker *w, const struct texts_taken *t, struct kt_span id, struct kt_span value)
{
    const struct kt_span *carried = t->text + t->n - w->n_carried;
    size_t bytes = sizeof(struct entry) + w->n_carried * sizeof(struct kt_span) + id.n + value.n;
    for (size_t i = 0; i < w->n_carried; i++)
        bytes += carried[i].n;
    struct entry *e = malloc(bytes);
    if (!e)
        return NULL;
    *e = (struct entry){.carried = (struct kt_span *)(e + 1)};
    char *to = (char *)(e->carried + w->n_carried);
    struct kt_span *const into[] = {&e->id, &e->value};
    const struct kt_span from[] = {id, value};
    for (size_t i = 0; i < 2 + w->n_carried; i++) {
        struct kt_span s = i < 2 ? from[i] : carried[i - 2];
        if (s.n)
            memcpy(to, s.p, s.n);
        *(i < 2 ? into[i] : &e->carried[i - 2]) = kt_span_known(s) ? (struct kt_span){to, s.n} : KT_SPAN_NONE;
        to += s.n;
    }
    return e;
}

/* Lengths first, so that "a","bc" is not "ab","c". */
static bool join_values(const struct texts_taken *t, size_t from, size_t n, struct kt_buf *out)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t len = (uint32_t)t->text[from + i].n;
        if (!kt_buf_add(out, &len, sizeof len) || !kt_buf_add(out, t->text[from + i].p, len))
            return false;
    }
    return true;
}

static bool needs_number(const struct correlation *k)
{
    return k->type == CORRELATE_VALUE_SUM || k->type == CORRELATE_VALUE_AVG || k->type == CORRELATE_VALUE_MEDIAN ||
           (k->type == CORRELATE_VALUE_PERCENTILE && k->percentile >= 0);
}

static bool take_texts(struct kt_correlator *c, const struct worker *w, int place, const struct source *s, struct texts_taken *t)
{
    const struct correlation *k = w->rule->correlation;
    bool all = true;
    t->n = 0;
    for (size_t i = 0; i < k->n_group + k->n_values; i++)
        all &= take_text(c, s, w->field[i][place], t);
    for (size_t i = 0; i < w->n_carried; i++)
        (void)take_text(c, s, w->carried[i], t);
    return all;
}

/* Whether it matters which of the rules an event matched. */
static bool of_rules(const struct correlation *k)
{
    return k->type == CORRELATE_TEMPORAL || k->type == CORRELATE_TEMPORAL_ORDERED;
}

/* The same event under another of the rules: counted once. */
static bool merge(struct kt_correlator *c, struct group *g, size_t at, const struct entry *e)
{
    if (at >= g->n || by_place(g->e[at], e) != 0)
        return false;
    struct entry *have = g->e[at];
    if (!e->id.n && have->feed != e->feed)
        return false; /* without an id nothing says that it is the same */
    if (have->rules & e->rules && have->feed != e->feed)
        c->stats.again++;
    if (have->rules & e->rules)
        return true;
    window_back(c->worker[g->correlation].rule, &g->window, g->e, at);
    have->rules |= e->rules;
    if (of_rules(c->worker[g->correlation].rule->correlation))
        work(c, g, at, have->time);
    return true;
}

static bool too_late(const struct group *g, int64_t time, int64_t timespan)
{
    return g->newest >= INT64_MIN + timespan && time < g->newest - timespan;
}

/* The group owns `e` afterwards, or it is gone. */
static void insert(struct kt_correlator *c, struct group *g, struct entry *e)
{
    int64_t timespan = c->worker[g->correlation].rule->correlation->timespan;
    if (too_late(g, e->time, timespan)) {
        c->stats.late++;
        entry_free(c, e);
        return;
    }
    g->busy++;
    bool merged = merge(c, g, place_of(g, e), e);
    if (merged || !make_room(c, g)) {
        c->failed |= !merged;
        g->busy--;
        entry_free(c, e);
        return;
    }
    size_t at = place_of(g, e);
    window_back(c->worker[g->correlation].rule, &g->window, g->e, at);
    memmove(g->e + at + 1, g->e + at, (g->n - at) * sizeof *g->e);
    g->e[at] = e;
    g->n++;
    stand(c, g, e);
    c->stats.events++;
    if (e->time > g->newest)
        g->newest = e->time;
    if (e->time > c->worker[g->correlation].newest)
        c->worker[g->correlation].newest = e->time;
    int64_t time = e->time;
    work(c, g, at, time);
    forget_past(c, g, timespan);
    g->busy--;
}

static struct entry *prepare(struct kt_correlator *c, struct member m, const struct source *s, struct kt_span id,
                             struct texts_taken *t)
{
    const struct worker *w = &c->worker[m.correlation];
    const struct correlation *k = w->rule->correlation;
    double number = 0;
    if (!take_texts(c, w, m.place, s, t) || (needs_number(k) && !number_read(t->text[k->n_group], &number))) {
        c->stats.fieldless++;
        return NULL;
    }
    struct kt_buf value;
    kt_buf_init(&value, VALUE_FIELDS_MAX * (KT_CORRELATED_TEXT_MAX + sizeof(uint32_t)));
    bool ok = join_values(t, k->n_group, k->n_values, &value);
    struct entry *e = ok ? entry_new(w, t, id, kt_buf_span(&value)) : NULL;
    kt_buf_free(&value);
    if (!e) {
        c->failed = true;
        return NULL;
    }
    e->number = number;
    e->rules = UINT64_C(1) << m.place;
    e->feed = c->feeds;
    return e;
}

static void feed_member(struct kt_correlator *c, struct member m, const struct kt_occurrence *o, struct texts_taken *t)
{
    const struct worker *w = &c->worker[m.correlation];
    struct source s = {.root = o->root};
    struct entry *e = w->rule->info.disabled ? NULL : prepare(c, m, &s, o->event_id, t);
    if (!e)
        return;
    e->time = o->time;
    struct group *g = group_of(c, m.correlation, t->text, w->rule->correlation->n_group, true);
    if (g)
        insert(c, g, e);
    else
        entry_free(c, e);
}

/* --- correlations of correlations ---------------------------------------------------- */

/* The same match with other events. */
static void stand_in(struct kt_correlator *c, struct group *g, size_t at, struct entry *e)
{
    struct entry *old = g->e[at];
    e->match = old->match;
    e->holds = old->holds;
    e->follows = old->follows;
    e->joined = old->joined;
    e->n_joined = old->n_joined;
    e->cap_joined = old->cap_joined;
    old->joined = NULL;
    old->n_joined = 0;
    g->e[at] = e;
    entry_free(c, old);
    stand(c, g, e);
    if (e->follows)
        tell_one(c, g, e, e->follows, KT_CORRELATED_JOINED, 0);
}

static void replace(struct kt_correlator *c, struct group *g, struct entry *e, bool there)
{
    size_t at = place_of(g, e);
    bool have = at < g->n && by_place(g->e[at], e) == 0;
    if (!have) {
        if (there)
            insert(c, g, e);
        else
            entry_free(c, e);
        return;
    }
    int64_t time = e->time;
    struct entry *old = g->e[at];
    g->busy++;
    g->window.valid = false;
    if (old->follows)
        tell_one(c, g, old, old->follows, KT_CORRELATED_LEFT, 0);
    if (there) {
        stand_in(c, g, at, e);
    } else {
        if (old->match)
            tell(c, g, at, KT_CORRELATED_RETRACTED, 0);
        entry_free(c, old);
        memmove(g->e + at, g->e + at + 1, (g->n - at - 1) * sizeof *g->e);
        g->n--;
        c->stats.events--;
        entry_free(c, e);
    }
    work(c, g, at, time);
    g->busy--;
}

static void feed_outer(struct kt_correlator *c, const struct group *g, const struct entry *e,
                       enum kt_correlated_change change, const struct kt_span *evidence, size_t n)
{
    const struct worker *inner = &c->worker[g->correlation];
    struct source s = {.inner = inner, .carrier = e};
    struct texts_taken *t = inner->n_outer ? malloc(sizeof *t) : NULL;
    if (inner->n_outer && !t)
        c->failed = true;
    for (size_t i = 0; t && i < inner->n_outer; i++) {
        const struct worker *w = &c->worker[inner->outer[i].correlation];
        struct entry *outer = w->rule->info.disabled ? NULL : prepare(c, inner->outer[i], &s, e->id, t);
        if (!outer)
            continue;
        outer->time = e->time;
        outer->source = e->match;
        outer->evidence = copy_texts(evidence, n);
        outer->n_evidence = outer->evidence ? n : 0;
        struct group *to = group_of(c, inner->outer[i].correlation, t->text, w->rule->correlation->n_group, true);
        if (!to || !outer->evidence) {
            c->failed = true;
            entry_free(c, outer);
            continue;
        }
        replace(c, to, outer, change != KT_CORRELATED_RETRACTED);
    }
    free(t);
}

/* Events that join what an entry stands for, up to a timespan after it: those
 * after that no order of arrival would bring to it for certain. */
static bool take_joined(struct kt_correlator *c, struct entry *x, int64_t timespan, struct kt_span id, int64_t time)
{
    if (time - x->time > timespan || x->n_joined >= KT_CORRELATED_EVENTS_MAX)
        return false;
    char *text = malloc(id.n + 1);
    if (!text || !kt_grow(&x->joined, &x->cap_joined, x->n_joined + 1, sizeof *x->joined, KT_CORRELATED_EVENTS_MAX)) {
        c->failed = true;
        free(text);
        return false;
    }
    if (id.n)
        memcpy(text, id.p, id.n);
    const struct joined j = {time, {text, id.n}};
    size_t at = x->n_joined++; /* oldest first, then by id */
    for (; at && by_time_and_id(&x->joined[at - 1], &j) > 0; at--)
        x->joined[at] = x->joined[at - 1];
    x->joined[at] = j;
    return true;
}

static bool drop_joined(struct entry *x, struct kt_span id)
{
    for (size_t i = 0; i < x->n_joined; i++) {
        if (!kt_span_eq(x->joined[i].id, id))
            continue;
        free((char *)x->joined[i].id.p);
        memmove(x->joined + i, x->joined + i + 1, (--x->n_joined - i) * sizeof *x->joined);
        return true;
    }
    return false;
}

static void join_standing(struct kt_correlator *c, struct entry *x, enum kt_correlated_change change,
                          const struct events *v, struct events *did)
{
    struct group *g = x->in;
    int64_t timespan = c->worker[g->correlation].rule->correlation->timespan;
    did->n = did->all = 0;
    for (size_t i = 0; i < v->n; i++)
        if (change == KT_CORRELATED_JOINED ? take_joined(c, x, timespan, v->id[i], v->time[i]) : drop_joined(x, v->id[i]))
            add_event(did, v->id[i], v->time[i] > x->time ? v->time[i] : x->time);
    if (!did->n)
        return;
    g->busy++;
    if (x->follows)
        tell_events(c, g, x->follows, change, did, 0);
    g->window.valid = false;
    work(c, g, place_of(g, x), x->time); /* matches that begin with it have other events */
    g->busy--;
}

/* Telling may drop groups, and what stands in them: it is looked for anew each time. */
static void feed_joined(struct kt_correlator *c, uint64_t match, enum kt_correlated_change change, const struct events *v)
{
    uint64_t turn = ++c->turns;
    struct events *did = malloc(sizeof *did);
    struct entry *x = did ? *standing_for(c, match) : NULL;
    c->failed |= !did;
    while (x) {
        if (x->source != match || x->turn == turn) {
            x = x->next_standing;
            continue;
        }
        x->turn = turn;
        join_standing(c, x, change, v, did);
        x = *standing_for(c, match);
    }
    free(did);
}

/* --- building ------------------------------------------------------------------------ */

static const struct rule *rule_at(const struct kt_rules *s, int place)
{
    return place >= 0 ? s->rule.p[place] : s->correlation.p[~place];
}

static bool read_fields(struct worker *w, const struct kt_rules *s)
{
    const struct correlation *k = w->rule->correlation;
    size_t n = k->n_group + k->n_values;
    w->field = calloc(n + 1, sizeof *w->field);
    w->carried = calloc(CARRIED_MAX, sizeof *w->carried);
    if (!w->field || !w->carried)
        return false;
    for (size_t i = 0; i < n; i++)
        for (size_t r = 0; r < w->rule->n_refs; r++)
            w->field[i][r] = correlation_field(k, rule_at(s, w->place[r]), i < k->n_group ? k->group[i] : k->value[i - k->n_group]);
    return true;
}

static bool carry(struct worker *w, struct kt_span field)
{
    for (size_t i = 0; i < w->n_carried; i++)
        if (kt_span_eq(w->carried[i], field))
            return true;
    if (w->n_carried == CARRIED_MAX)
        return false;
    w->carried[w->n_carried++] = field;
    return true;
}

/* What an outer correlation asks for, its inner ones have to carry; once for
 * each step of a chain is enough for all of it. */
static bool carry_all(struct kt_correlator *c)
{
    for (int step = 0; step <= CHAIN_MAX; step++)
        for (size_t i = 0; i < c->n_workers; i++) {
            const struct worker *w = &c->worker[i];
            size_t n = w->rule->correlation->n_group + w->rule->correlation->n_values;
            for (size_t r = 0; r < w->rule->n_refs; r++) {
                if (w->place[r] >= 0)
                    continue;
                struct worker *inner = &c->worker[~w->place[r]];
                for (size_t f = 0; f < n + w->n_carried; f++)
                    if (!carry(inner, f < n ? w->field[f][r] : w->carried[f - n]))
                        return false;
            }
        }
    return true;
}

static bool list_members(struct kt_correlator *c)
{
    size_t total = 0;
    for (size_t i = 0; i < c->n_workers; i++)
        total += c->worker[i].rule->n_refs;
    c->first = calloc(c->set->rule.n + 2, sizeof *c->first);
    c->member = calloc(total + 1, sizeof *c->member);
    if (!c->first || !c->member)
        return false;
    total = 0;
    for (size_t rule = 0; rule < c->set->rule.n; rule++) {
        c->first[rule] = total;
        for (size_t i = 0; i < c->n_workers; i++)
            for (size_t r = 0; r < c->worker[i].rule->n_refs; r++)
                if (c->worker[i].place[r] == (int)rule)
                    c->member[total++] = (struct member){(int)i, (int)r};
    }
    c->first[c->set->rule.n] = total;
    for (size_t i = 0; i < c->n_workers; i++)
        for (size_t r = 0; r < c->worker[i].rule->n_refs; r++) {
            struct worker *inner = c->worker[i].place[r] < 0 ? &c->worker[~c->worker[i].place[r]] : NULL;
            if (!inner)
                continue;
            c->worker[i].chain = true;
            if (!kt_grow(&inner->outer, &inner->cap_outer, inner->n_outer + 1, sizeof *inner->outer, RULES_MAX))
                return false;
            inner->outer[inner->n_outer++] = (struct member){(int)i, (int)r};
        }
    return true;
}

static enum kt_code build(struct kt_correlator *c, const struct kt_correlator_limits *l, struct kt_err *e)
{
    const struct kt_correlator_limits most = {KT_CORRELATOR_GROUPS_MAX, KT_CORRELATOR_EVENTS_MAX, KT_CORRELATOR_TOTAL_MAX};
    c->limits = most;
    if (l && l->groups && l->groups < most.groups)
        c->limits.groups = l->groups;
    if (l && l->events && l->events < most.events)
        c->limits.events = l->events;
    if (l && l->total && l->total < most.total)
        c->limits.total = l->total;
    kt_buf_init(&c->json, 1 << 20);
    c->n_workers = c->set->correlation.n;
    c->worker = calloc(c->n_workers + 1, sizeof *c->worker);
    for (c->n_buckets = 64; c->n_workers && c->n_buckets < c->limits.groups; c->n_buckets *= 2)
        ;
    c->bucket = calloc(c->n_buckets, sizeof *c->bucket);
    c->standing = calloc(c->n_buckets, sizeof *c->standing);
    if (!c->worker || !c->bucket || !c->standing)
        return kt_fail(e, KT_ENOMEM, "memory ran out");
    for (size_t i = 0; i < c->n_workers; i++) {
        c->worker[i].rule = c->set->correlation.p[i];
        c->worker[i].newest = INT64_MIN;
        enum kt_code code = correlation_resolve(c->set, c->worker[i].rule, c->worker[i].place, e);
        if (code != KT_OK)
            return code;
        if (!read_fields(&c->worker[i], c->set))
            return kt_fail(e, KT_ENOMEM, "memory ran out");
    }
    if (!carry_all(c))
        return kt_fail(e, KT_ELIMIT, "correlations of correlations ask for more than %d fields", CARRIED_MAX);
    return list_members(c) ? KT_OK : kt_fail(e, KT_ENOMEM, "memory ran out");
}

enum kt_code kt_correlator_new(struct kt_correlator **out, const struct kt_rules *r,
                               const struct kt_correlator_limits *limits, struct kt_err *e)
{
    struct kt_correlator *c = calloc(1, sizeof *c);
    *out = NULL;
    if (!c)
        return kt_fail(e, KT_ENOMEM, "memory ran out");
    c->set = r;
    enum kt_code code = build(c, limits, e);
    if (code != KT_OK)
        kt_correlator_free(c);
    else
        *out = c;
    return code;
}

void kt_correlator_free(struct kt_correlator *c)
{
    if (!c)
        return;
    for (struct group *g = c->oldest; g;) {
        struct group *newer = g->newer;
        group_free(c, g);
        g = newer;
    }
    for (size_t i = 0; c->worker && i < c->n_workers; i++) {
        free(c->worker[i].field);
        free(c->worker[i].carried);
        free(c->worker[i].outer);
    }
    kt_buf_free(&c->json);
    free(c->worker);
    free(c->member);
    free(c->first);
    free(c->bucket);
    free(c->standing);
    free(c);
}

enum kt_code kt_correlator_feed(struct kt_correlator *c, const struct kt_occurrence *o, kt_correlated_fn *f, void *ctx,
                                struct kt_err *e)
{
    bool any = false;
    for (size_t i = 0; i < o->n_rules; i++)
        any |= o->rule[i] >= 0 && (size_t)o->rule[i] < c->set->rule.n && c->first[o->rule[i]] < c->first[o->rule[i] + 1];
    if (!any)
        return KT_OK;
    if (o->time == KT_TIME_NONE) {
        c->stats.untimed++;
        return KT_OK;
    }
    struct texts_taken *t = malloc(sizeof *t);
    if (!t)
        return kt_fail(e, KT_ENOMEM, "memory ran out");
    c->tell = f;
    c->ctx = ctx;
    c->failed = false;
    c->feeds++;
    for (size_t i = 0; i < o->n_rules; i++) {
        if (o->rule[i] < 0 || (size_t)o->rule[i] >= c->set->rule.n)
            continue;
        for (size_t k = c->first[o->rule[i]]; k < c->first[o->rule[i] + 1]; k++)
            feed_member(c, c->member[k], o, t);
    }
    free(t);
    return c->failed ? kt_fail(e, KT_ENOMEM, "memory ran out: a correlation is not complete") : KT_OK;
}

bool kt_correlator_takes(const struct kt_correlator *c, int rule)
{
    return rule >= 0 && (size_t)rule < c->set->rule.n && c->first[rule] < c->first[rule + 1];
}

void kt_correlator_stats(const struct kt_correlator *c, struct kt_correlator_stats *out)
{
    *out = c->stats;
}
