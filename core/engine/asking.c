/* What is asked of sources beside what they read by themselves: all that one
 * key or user did. The screen's thread puts a question into a mailbox; the
 * engine's own asks, hears how it goes after each step, and publishes that. */
#include "engine/impl.h"

enum { POSITIONS_MAX = 1 << 20 };
#define MEMORY_NAME "questions"

struct engine_answer {
    struct kt_answer a;
    const struct kt_source *of; /* NULL: it is gone */
    char *address;              /* by which its position is remembered; may be NULL */
};
struct engine_asked {
    struct kt_question q;
    struct kt_history state; /* as published; under the engine's lock */
    uint64_t used;         /* when it was looked at last, of others */
    bool running;
    struct engine_answer *answer;
    size_t n;
};

/* --- questions ------------------------------------------------------------------- */

static bool same_question(const struct kt_question *a, const struct kt_question *b)
{
    if (a->about == KT_ASK_TIME && (a->since != b->since || a->until != b->until))
        return false;
    return a->about == b->about && strcmp(a->name, b->name) == 0 && strcmp(a->account, b->account) == 0 &&
           strcmp(a->type, b->type) == 0;
}

static struct engine_asked *find(const struct kt_engine *g, const struct kt_question *q)
{
    for (size_t i = 0; i < g->n_asked; i++)
        if (same_question(&g->asked[i]->q, q))
            return g->asked[i];
    return NULL;
}

static void drop_answers(struct engine_asked *x)
{
    for (size_t i = 0; i < x->n; i++)
        free(x->answer[i].address);
    free(x->answer);
    x->answer = NULL;
    x->n = 0;
}

static void asked_free(struct engine_asked *x)
{
    drop_answers(x);
    free(x);
}

void engine_asked_free(struct kt_engine *g)
{
    for (size_t i = 0; i < g->n_asked; i++)
        asked_free(g->asked[i]);
    free(g->asked);
}

/* Under the lock: the screen looks into the table. The one that was asked
 * longest ago makes room. */
static struct engine_asked *place_for(struct kt_engine *g, const struct kt_question *q)
{
    struct engine_asked *x = find(g, q), *oldest = NULL;
    if (x)
        return x;
    for (size_t i = 0; i < g->n_asked; i++)
        if (!g->asked[i]->running && (!oldest || g->asked[i]->used < oldest->used))
            oldest = g->asked[i];
    if (g->n_asked < ASKED_MAX) {
        if (!kt_grow(&g->asked, &g->cap_asked, g->n_asked + 1, sizeof(struct engine_asked *), ASKED_MAX) ||
            !(x = calloc(1, sizeof *x)))
            return NULL;
        g->asked[g->n_asked++] = x;
    } else if ((x = oldest)) {
        drop_answers(x);
    } else {
        return NULL;
    }
    *x = (struct engine_asked){.q = *q, .state = {.state = KT_HISTORY_NOT}};
    x->state.back = x->state.until = x->state.at = KT_TIME_NONE;
    return x;
}

/* --- asking ------------------------------------------------------------------------ */

static void say(struct kt_engine *g, struct engine_asked *x, enum kt_history_state state, const char *says)
{
    pthread_mutex_lock(&g->lock);
    x->state.state = state;
    x->state.whole = false;
    engine_copy_cut(x->state.says, sizeof x->state.says, says);
    pthread_mutex_unlock(&g->lock);
    g->health_changed = true;
}

static struct engine_answer *answer_of(struct engine_asked *x, const struct engine_source *s)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->answer[i].address && s->address && strcmp(x->answer[i].address, s->address) == 0)
            return &x->answer[i];
    return NULL;
}

/* Who answers keeps the addresses of his answers: none of them moves. */
static bool take_answers(struct kt_engine *g, struct engine_asked *x)
{
    struct engine_answer *all = calloc(g->n_src + 1, sizeof *all);
    size_t n = 0;
    if (!all)
        return false;
    for (size_t i = 0; i < g->n_src; i++) {
        struct engine_source *s = &g->src[i];
        if (!s->source || !(s->source->ops->asks & 1u << x->q.about))
            continue;
        const struct engine_answer *was = answer_of(x, s);
        all[n].of = s->source;
        all[n].address = s->address ? strdup(s->address) : NULL;
        all[n].a.back = all[n].a.until = KT_TIME_NONE;
        if (was) {
            memcpy(all[n].a.position, was->a.position, sizeof all[n].a.position);
            all[n].a.events = was->a.events;
        }
        n++;
    }
    drop_answers(x);
    x->answer = all;
    x->n = n;
    return true;
}

static struct engine_source *src_with(struct kt_engine *g, const struct kt_source *s)
{
    for (size_t i = 0; i < g->n_src; i++)
        if (g->src[i].source == s)
            return &g->src[i];
    return NULL;
}

/* One who does not answer such a question is no trouble as long as another does. */
static size_t put_question(struct kt_engine *g, struct engine_asked *x, struct kt_err *e)
{
    size_t taken = 0;
    for (size_t i = 0; i < x->n; i++) {
        struct engine_answer *y = &x->answer[i];
        struct engine_source *s = y->of ? src_with(g, y->of) : NULL;
        struct kt_err why = {0};
        y->a.state = KT_ANSWER_ASKING;
        y->a.says[0] = '\0';
        if (s && s->source->ops->ask(s->source, &x->q, &y->a, &why) == KT_OK) {
            s->wait = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1};
            taken++;
            continue;
        }
        y->of = NULL;
        y->a.state = KT_ANSWER_FAILED;
        if (!e->code)
            *e = why;
    }
    return taken;
}

static void ask(struct kt_engine *g, const struct kt_question *q)
{
    struct kt_err e = {0};
    pthread_mutex_lock(&g->lock);
    struct engine_asked *x = place_for(g, q);
    if (x)
        x->used = ++g->asked_used;
    if (x && !x->running)
        x->q.since = q->since;
    pthread_mutex_unlock(&g->lock);
    if (!x || x->running)
        return;
    if (!take_answers(g, x)) {
        say(g, x, KT_HISTORY_ENDED, "out of memory");
        return;
    }
    if (!put_question(g, x, &e)) {
        say(g, x, KT_HISTORY_ENDED, e.text);
        return;
    }
    x->running = true;
    pthread_mutex_lock(&g->lock);
    x->state.cancelled = false;
    pthread_mutex_unlock(&g->lock);
    say(g, x, KT_HISTORY_ASKING, "");
}

/* --- what a source cannot give any more ------------------------------------------------ */

#define HOUR ((int64_t)3600000)

static bool may_fill(const struct kt_engine *g)
{
    bool may = false;
    for (size_t i = 0; g->opts.follow && i < g->n_src; i++)
        may |= g->src[i].source && (g->src[i].source->ops->asks & 1u << KT_ASK_TIME);
    return may;
}

/* Hundreds of accounts miss the same time: whole hours of it are asked for once. */
bool engine_fill(void *ctx, const char *place, int64_t from, int64_t to)
{
    struct kt_engine *g = ctx;
    (void)place;
    if (!may_fill(g))
        return false;
    struct kt_question q = {.about = KT_ASK_TIME, .since = from > HOUR ? from - from % HOUR : 1, .until = to + HOUR - to % HOUR};
    for (size_t i = 0; i < g->n_asked; i++) {
        const struct kt_question *k = &g->asked[i]->q;
        if (k->about == KT_ASK_TIME && k->since <= from && to <= k->until)
            return true;
    }
    ask(g, &q);
    const struct engine_asked *x = find(g, &q);
    return x && x->running;
}

/* How that goes, at the source that is asked. */
static void tell_filling(struct kt_engine *g, const struct engine_asked *x)
{
    char from[KT_TIME_TEXT], to[KT_TIME_TEXT], text[sizeof g->src->state.fills];
    kt_time_format(x->q.since - x->q.since % 1000, from);
    kt_time_format(x->q.until - x->q.until % 1000, to);
    for (size_t i = 0; i < x->n; i++) {
        const struct engine_answer *y = &x->answer[i];
        struct engine_source *s = y->of ? src_with(g, y->of) : NULL;
        if (!s)
            continue;
        snprintf(text, sizeof text, "%s %.16s to %.16s: %llu events",
                 y->a.state == KT_ANSWER_ASKING  ? "asked for what is missing,"
                 : y->a.state == KT_ANSWER_WHOLE ? "gave what was missing,"
                                                 : "could not give what is missing,",
                 from, to, (unsigned long long)y->a.events);
        pthread_mutex_lock(&g->lock);
        engine_copy_cut(s->state.fills, sizeof s->state.fills, text);
        pthread_mutex_unlock(&g->lock);
    }
}

static void filled(struct kt_engine *g, const struct engine_asked *x)
{
    char from[KT_TIME_TEXT], to[KT_TIME_TEXT], text[400];
    tell_filling(g, x);
    if (x->state.whole)
        return;
    kt_time_format(x->q.since - x->q.since % 1000, from);
    kt_time_format(x->q.until - x->q.until % 1000, to);
    snprintf(text, sizeof text, "events from %s to %s are missing: %s", from, to, x->state.says[0] ? x->state.says : "the asking was stopped");
    engine_trouble(g, x->state.how[0] ? x->state.how : "history", text, true);
}

/* --- how it goes -------------------------------------------------------------------- */

static int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* All is read only from where the last of them has come to. */
static void sum_up(const struct engine_asked *x, struct kt_history *s)
{
    bool failed = false, all_begun = true;
    s->parts = s->parts_done = 0;
    s->pages = s->events = 0;
    s->slowed = s->wants = false;
    s->scanned = s->limit = 0;
    s->percent = 0;
    int64_t back = KT_TIME_NONE, until = KT_TIME_NONE;
    for (size_t i = 0; i < x->n; i++) {
        const struct kt_answer *a = &x->answer[i].a;
        if (!x->answer[i].of && !a->pages)
            continue;
        s->parts++;
        s->parts_done += a->state != KT_ANSWER_ASKING;
        s->pages += a->pages;
        s->events += a->events;
        s->slowed |= a->slowed && a->state == KT_ANSWER_ASKING;
        s->scanned += a->scanned;
        s->limit = a->wants ? a->limit : s->limit;
        s->wants |= a->wants;
        s->percent = a->state == KT_ANSWER_ASKING && a->percent ? a->percent : s->percent;
        failed |= a->state == KT_ANSWER_PART || a->state == KT_ANSWER_FAILED;
        all_begun &= a->back != KT_TIME_NONE;
        back = back == KT_TIME_NONE ? a->back : greater(back, a->back);
        until = until == KT_TIME_NONE || a->until < until ? a->until : until;
        if (!s->how[0] || a->state == KT_ANSWER_ASKING) {
            engine_copy_cut(s->how, sizeof s->how, a->how);
            engine_copy_cut(s->where, sizeof s->where, a->where);
        }
        if (a->says[0])
            engine_copy_cut(s->says, sizeof s->says, a->says);
    }
    s->back = all_begun ? back : KT_TIME_NONE;
    s->until = all_begun ? until : KT_TIME_NONE;
    s->whole = s->parts && s->parts_done == s->parts && !failed;
    if (s->parts_done < s->parts)
        return;
    s->state = KT_HISTORY_ENDED;
}

static void end(struct kt_engine *g, struct engine_asked *x)
{
    if (x->q.about == KT_ASK_TIME && !atomic_load(&g->stopping))
        filled(g, x);
    for (size_t i = 0; i < x->n; i++) {
        struct engine_answer *y = &x->answer[i];
        struct engine_source *s = y->of ? src_with(g, y->of) : NULL;
        if (s)
            s->source->ops->unask(s->source, &y->a);
        if (y->a.state == KT_ANSWER_ASKING)
            y->a.state = y->a.pages ? KT_ANSWER_PART : KT_ANSWER_FAILED;
        y->of = NULL;
    }
    x->running = false;
    pthread_mutex_lock(&g->lock);
    x->state.state = KT_HISTORY_ENDED;
    x->state.at = kt_now(g->opts.clock);
    pthread_mutex_unlock(&g->lock);
    g->health_changed = true;
    engine_remember_asked(g);
}

void engine_step_asked(struct kt_engine *g)
{
    for (size_t i = 0; i < g->n_asked; i++) {
        struct engine_asked *x = g->asked[i];
        if (!x->running)
            continue;
        struct kt_history now = x->state;
        now.says[0] = '\0';
        sum_up(x, &now);
        if (memcmp(&now, &x->state, sizeof now) != 0) {
            pthread_mutex_lock(&g->lock);
            x->state = now;
            pthread_mutex_unlock(&g->lock);
            if (x->q.about == KT_ASK_TIME)
                tell_filling(g, x);
            g->health_changed = true;
        }
        if (now.state == KT_HISTORY_ENDED)
            end(g, x);
    }
}

static void stop(struct kt_engine *g, struct engine_asked *x)
{
    if (!x || !x->running)
        return;
    end(g, x);
    pthread_mutex_lock(&g->lock);
    x->state.cancelled = true;
    pthread_mutex_unlock(&g->lock);
}

/* Before it is closed. What it had answered stays. */
void engine_unask_source(struct kt_engine *g, const struct kt_source *s)
{
    for (size_t i = 0; i < g->n_asked; i++)
        for (size_t k = 0; k < g->asked[i]->n; k++) {
            struct engine_answer *y = &g->asked[i]->answer[k];
            if (y->of != s)
                continue;
            if (g->asked[i]->running)
                s->ops->unask(src_with(g, s)->source, &y->a);
            y->of = NULL;
            if (y->a.state == KT_ANSWER_ASKING) {
                y->a.state = y->a.pages ? KT_ANSWER_PART : KT_ANSWER_FAILED;
                engine_copy_cut(y->a.says, sizeof y->a.says, "the source was taken away");
            }
        }
}

void engine_stop_asking(struct kt_engine *g)
{
    for (size_t i = 0; i < g->n_asked; i++)
        stop(g, g->asked[i]);
}

/* --- the mailbox ----------------------------------------------------------------------- */

/* Who wants to know whether it may cost more is told, and goes on at once. */
static void allow(struct kt_engine *g, struct engine_asked *x, enum kt_allow what)
{
    for (size_t i = 0; x && x->running && i < x->n; i++) {
        struct engine_answer *y = &x->answer[i];
        struct engine_source *s = y->of && y->a.wants ? src_with(g, y->of) : NULL;
        if (!s)
            continue;
        y->a.allow = what;
        s->wait = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1};
    }
}

static void post(struct kt_engine *g, const struct kt_question *q, enum engine_wish wish)
{
    pthread_mutex_lock(&g->lock);
    if (g->n_mail < MAIL_MAX) /* more than a person can press while the engine does one step */
        g->mail[g->n_mail++] = (struct engine_mail){*q, wish};
    pthread_mutex_unlock(&g->lock);
    engine_notify(g->ask_fd);
}

void kt_engine_ask(struct kt_engine *g, const struct kt_question *q)
{
    post(g, q, WISH_ASK);
}

void kt_engine_ask_no_more(struct kt_engine *g, const struct kt_question *q)
{
    post(g, q, WISH_STOP);
}

void kt_engine_allow(struct kt_engine *g, const struct kt_question *q, bool yes)
{
    post(g, q, yes ? WISH_ALLOW : WISH_REFUSE);
}

void engine_look_at_mail(struct kt_engine *g)
{
    struct engine_mail mail[MAIL_MAX];
    uint64_t count;
    while (read(g->ask_fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
    pthread_mutex_lock(&g->lock);
    size_t n = g->n_mail;
    memcpy(mail, g->mail, n * sizeof *mail);
    g->n_mail = 0;
    pthread_mutex_unlock(&g->lock);
    for (size_t i = 0; i < n; i++)
        switch (mail[i].wish) {
        case WISH_ASK: ask(g, &mail[i].q); break;
        case WISH_STOP: stop(g, find(g, &mail[i].q)); break;
        case WISH_ALLOW: allow(g, find(g, &mail[i].q), KT_ALLOW_YES); break;
        case WISH_REFUSE: allow(g, find(g, &mail[i].q), KT_ALLOW_NO); break;
        }
}

/* "LookupEvents, Athena": who would answer, each once. */
static void add_name(struct kt_history *h, const char *name)
{
    size_t n = strlen(h->how);
    if (!name || strstr(h->how, name) || n + strlen(name) + 3 > sizeof h->how)
        return;
    snprintf(h->how + n, sizeof h->how - n, "%s%s", n ? ", " : "", name);
}

struct kt_history kt_engine_asked(struct kt_engine *g, const struct kt_question *q)
{
    struct kt_history out = {.state = KT_HISTORY_NOBODY, .back = KT_TIME_NONE, .until = KT_TIME_NONE, .at = KT_TIME_NONE};
    bool others = false, ranged = false;
    pthread_mutex_lock(&g->lock);
    for (size_t i = 0; i < g->n_src; i++) {
        unsigned asks = g->src[i].source ? g->src[i].source->ops->asks : 0;
        if (asks & 1u << q->about) {
            out.state = KT_HISTORY_NOT;
            ranged |= g->src[i].source->ops->ranged;
            add_name(&out, g->src[i].source->ops->asked_as);
        }
        others |= asks != 0;
    }
    const struct engine_asked *x = find(g, q);
    if (x)
        out = x->state;
    else if (out.state == KT_HISTORY_NOBODY)
        engine_copy_cut(out.says, sizeof out.says, others ? "the sources can be asked for keys and users alone"
                                                          : "no source here can be asked; cloudtrail: can");
    out.ranged = ranged;
    pthread_mutex_unlock(&g->lock);
    return out;
}

/* --- in a later run ---------------------------------------------------------------------- */

static json_t *positions_of(const struct engine_asked *x)
{
    json_t *o = json_object();
    for (size_t i = 0; o && i < x->n; i++)
        if (x->answer[i].address && x->answer[i].a.position[0])
            (void)json_object_set_new(o, x->answer[i].address,
                                      json_pack("{s:s, s:I}", "at", x->answer[i].a.position, "events",
                                                (json_int_t)x->answer[i].a.events));
    return o;
}

static json_t *asked_json(const struct engine_asked *x)
{
    const struct kt_history *s = &x->state;
    return json_pack("{s:i, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:o}", "about", (int)x->q.about, "name",
                     x->q.name, "type", x->q.type, "account", x->q.account, "whole", s->whole, "pages",
                     (json_int_t)s->pages, "events", (json_int_t)s->events, "back", (json_int_t)s->back, "until",
                     (json_int_t)s->until, "at", (json_int_t)s->at, "how", s->how, "where", s->where, "positions",
                     positions_of(x));
}

/* What does not fit, or is no text, is asked for again in a later run. */
void engine_remember_asked(struct kt_engine *g)
{
    json_t *all = g->state ? json_array() : NULL;
    for (size_t i = 0; all && i < g->n_asked; i++)
        if (g->asked[i]->state.at != KT_TIME_NONE && g->asked[i]->q.about != KT_ASK_TIME && !g->asked[i]->running && g->asked[i]->state.state == KT_HISTORY_ENDED) {
            json_t *one = asked_json(g->asked[i]);
            if (one && json_array_append_new(all, one) != 0)
                break;
        }
    char *text = all ? json_dumps(all, JSON_COMPACT) : NULL;
    if (text && strlen(text) < POSITIONS_MAX)
        (void)kt_state_checkpoint_put(g->state, KT_LIT(MEMORY_NAME), kt_span_of(text), kt_store_counts(g->store).last);
    free(text);
    json_decref(all);
}

static bool copy_text(const json_t *o, const char *name, char *out, size_t size)
{
    const char *s = json_string_value(json_object_get(o, name));
    if (!s || strlen(s) >= size)
        return false;
    engine_copy_cut(out, size, s);
    return true;
}

static int64_t number(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

static void recall_positions(struct engine_asked *x, json_t *positions)
{
    const char *address;
    json_t *v;
    x->answer = calloc(json_object_size(positions) + 1, sizeof *x->answer);
    json_object_foreach(positions, address, v) {
        struct engine_answer *y = x->answer ? &x->answer[x->n] : NULL;
        if (!y || !copy_text(v, "at", y->a.position, sizeof y->a.position) || !(y->address = strdup(address)))
            continue;
        y->a.events = (uint64_t)number(v, "events");
        x->n++;
    }
}

static void recall_one(struct kt_engine *g, const json_t *o)
{
    struct kt_question q = {0};
    int64_t about = number(o, "about");
    if (about < KT_ASK_USER || about > KT_ASK_KEY || !copy_text(o, "name", q.name, sizeof q.name) ||
        !copy_text(o, "type", q.type, sizeof q.type) || !copy_text(o, "account", q.account, sizeof q.account))
        return;
    q.about = (enum kt_question_about)about;
    pthread_mutex_lock(&g->lock);
    struct engine_asked *x = place_for(g, &q);
    if (x) {
        struct kt_history *s = &x->state;
        s->state = KT_HISTORY_ENDED;
        s->whole = json_is_true(json_object_get(o, "whole"));
        s->pages = (uint64_t)number(o, "pages");
        s->events = (uint64_t)number(o, "events");
        s->back = number(o, "back");
        s->until = number(o, "until");
        s->at = number(o, "at");
        (void)copy_text(o, "how", s->how, sizeof s->how);
        (void)copy_text(o, "where", s->where, sizeof s->where);
        recall_positions(x, json_object_get(o, "positions"));
    }
    pthread_mutex_unlock(&g->lock);
}

void engine_recall_asked(struct kt_engine *g)
{
    struct kt_arena *a = kt_arena_new(2 * POSITIONS_MAX);
    struct kt_span text = a ? kt_state_checkpoint_get(g->state, KT_LIT(MEMORY_NAME), a) : KT_SPAN_NONE;
    json_t *all = kt_span_known(text) ? json_loadb(text.p, text.n, 0, NULL) : NULL, *one;
    size_t i;
    json_array_foreach(all, i, one)
        recall_one(g, one);
    json_decref(all);
    kt_arena_free(a);
}
