/* athena: the source. Asks Athena for the records of one window of event time
 * after the other; or, where a question is asked, for what it holds for. What a
 * query scans costs: it is shown while it runs, and a query that scans more than
 * its limit is stopped. Settings: see athena_address.h.
 *
 * Follows the Athena API: StartQueryExecution with a token of its own, so that
 * one that is asked twice runs once; GetQueryExecution until it has ended;
 * GetQueryResults, a thousand rows a page, the first row of all the names;
 * StopQueryExecution for one that nobody waits for any more. */
#include "source/athena.h"

#include "source/settings.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

enum {
    INTERVAL_MS = 15 * 60000,
    GAP_MS = 100,
    SILENT_MS = 600000,
    DELAY_MS = 15 * 60000, /* by which a trail has delivered, as a rule */
    BEHIND_MS = 24 * 3600000, /* by which they are as good as surely there */
    LOOK_MS = 300, LOOK_MAX_MS = 5000,
    NEAR = 5 /* a fifth of the limit before it, one is asked */
};

/* --- birth and death -------------------------------------------------------------------- */

static void say_stop(struct athena *s)
{
    asker_say(&s->who, "AmazonAthena.StopQueryExecution", json_pack("{s:s}", "QueryExecutionId", s->id));
    s->id[0] = '\0';
}

static void athena_close(struct kt_source *source)
{
    struct athena *s = (struct athena *)source;
    if (!s)
        return;
    if (s->who.open && s->id[0] && s->step == ATHENA_WATCH) { /* it would cost, and nobody would read it */
        say_stop(s);
        asker_last_word(&s->who);
    }
    deputies_close(&s->deputies);
    asker_close(&s->who);
    kt_buf_free(&s->page);
    kt_buf_free(&s->line);
    kt_arena_free(s->arena);
    athena_address_drop(&s->a);
    free(s);
}

static enum kt_code set_where(struct athena *s, const struct kt_source_opts *o, struct kt_err *e)
{
    s->where = o->where ? kt_cond_copy(s->arena, o->where) : kt_cond_names(s->arena, o->event_names, o->n_event_names);
    return s->where ? KT_OK : kt_fail(e, KT_ELIMIT, "athena: the question is too long");
}

static void plan(struct athena *s, const struct kt_source_opts *o)
{
    struct kt_poller *p = &s->p;
    p->aws = s->aws;
    p->follow = o->follow;
    p->since = o->since;
    p->until = o->until;
    p->scan[p->n_scans++] = (struct kt_scan){2 * HOUR, s->a.interval ? s->a.interval : INTERVAL_MS};
    p->scan[p->n_scans++] = (struct kt_scan){2 * DAY, DAY}; /* what was delivered late */
    p->first = o->follow ? DAY : 0;
    snprintf(p->name, sizeof p->name, "athena://%.80s/%.100s.%.100s", s->a.workgroup, s->a.database, s->a.table);
    snprintf(p->key, sizeof p->key, "%s %s", p->name, s->who.region);
    p->rests = s->a.interval == KT_SETTINGS_NEVER && !o->where;
    kt_poller_start(p);
}

static enum kt_code athena_open(struct kt_source **out, const char *address, const struct kt_source_opts *o, struct kt_err *e)
{
    struct athena *s = o->aws ? calloc(1, sizeof *s) : NULL;
    struct kt_err own = {.code = KT_ENOMEM, .text = "out of memory"};
    if (s) {
        s->source.ops = &kt_source_athena;
        s->aws = o->aws;
        s->arena = kt_arena_new(16 << 20);
        kt_buf_init(&s->page, ATHENA_TOKEN_MAX);
        kt_buf_init(&s->line, 16 << 20);
        own.code = s->arena ? athena_address_parse(&s->a, address, &own) : KT_ENOMEM;
        if (own.code == KT_OK)
            own.code = asker_open(&s->who, s->aws,
                                  &(struct asker_who){"athena", KT_SVC_ATHENA, s->a.profile, s->a.region, s->a.role, s->a.external,
                                                      GAP_MS, ATHENA_BODY_MAX},
                                  &own);
        if (own.code == KT_OK)
            own.code = set_where(s, o, &own);
        if (own.code == KT_OK)
            own.code = deputies_open(&s->deputies, &kt_source_athena, address, "Athena", BEHIND_MS, s->who.net, o, &own);
        if (own.code == KT_OK) {
            if (s->a.partition)
                athena_assume_table(s);
            s->step = s->a.partition ? ATHENA_START : ATHENA_TABLE;
            s->limit = s->a.limit;
            s->answer = o->answer;
            plan(s, o);
        }
    }
    if (own.code != KT_OK) {
        athena_close((struct kt_source *)s);
        return kt_fail(e, own.code, "%s", own.text);
    }
    *out = &s->source;
    return KT_OK;
}

/* --- questions ------------------------------------------------------------------------------ */

static bool say_start(struct athena *s, const struct kt_pass *pass)
{
    struct kt_buf query;
    kt_buf_init(&query, ATHENA_QUERY_MAX + 1024);
    bool good = athena_query(s, pass, &query);
    if (!s->token[0])
        snprintf(s->token, sizeof s->token, "%016" PRIx64 "%016" PRIx64, kt_aws_random(s->aws), kt_aws_random(s->aws));
    s->asked = s->p.asked;
    json_t *body = good ? json_pack("{s:s,s:s,s:s,s:{s:s,s:s}}", "QueryString", kt_buf_str(&query), "ClientRequestToken", s->token,
                                    "WorkGroup", s->a.workgroup, "QueryExecutionContext", "Catalog", s->a.catalog, "Database",
                                    s->a.database)
                        : NULL;
    if (body && s->a.output)
        json_object_set_new(body, "ResultConfiguration", json_pack("{s:s}", "OutputLocation", s->a.output));
    if (body)
        asker_say(&s->who, "AmazonAthena.StartQueryExecution", body);
    kt_buf_free(&query);
    return body != NULL;
}

static bool say_next(struct athena *s, const struct kt_pass *pass)
{
    json_t *body;
    switch (s->step) {
    case ATHENA_TABLE:
        asker_say(&s->who, "AmazonAthena.GetTableMetadata", json_pack("{s:s,s:s,s:s,s:s}", "CatalogName", s->a.catalog, "DatabaseName", s->a.database,
                                             "TableName", s->a.table, "WorkGroup", s->a.workgroup));
        return true;
    case ATHENA_START:
        return say_start(s, pass);
    case ATHENA_WATCH:
        asker_say(&s->who, "AmazonAthena.GetQueryExecution", json_pack("{s:s}", "QueryExecutionId", s->id));
        return true;
    case ATHENA_PAGE:
        body = json_pack("{s:s,s:i}", "QueryExecutionId", s->id, "MaxResults", ATHENA_ROWS);
        if (body && s->page.len)
            json_object_set_new(body, "NextToken", json_string(kt_buf_str(&s->page)));
        asker_say(&s->who, "AmazonAthena.GetQueryResults", body);
        return true;
    case ATHENA_STOP:
        say_stop(s);
        return true;
    case ATHENA_HELD:
        break;
    }
    return false;
}

/* --- answers ---------------------------------------------------------------------------------- */

static const char not_athena[] = "the answer is not Athena's: is there a proxy that wants a login?";

/* As much again as the address allows. */
static void allow_more(struct athena *s)
{
    s->limit += s->a.limit;
    s->answer->allow = KT_ALLOW_UNSAID;
    s->answer->limit = s->limit;
    s->answer->wants = false;
}

static void forget_query(struct athena *s)
{
    s->id[0] = s->token[0] = '\0';
    s->step = ATHENA_START;
    s->pages = 0;
    s->looks = 0;
    s->scanned_before += s->scanned;
    s->scanned = 0;
    kt_buf_reset(&s->page);
}

/* It was stopped, for its cost. Asked again at once, it would cost again. */
static void stopped(struct athena *s, const struct kt_source_sink *sink)
{
    char says[300], limit[32];
    if (s->answer && s->answer->allow == KT_ALLOW_UNSAID) {
        s->step = ATHENA_HELD;
        return;
    }
    if (s->answer && s->answer->allow == KT_ALLOW_YES) { /* it came too late for this one */
        allow_more(s);
        forget_query(s);
        return;
    }
    athena_size(s->limit, limit, sizeof limit);
    if (s->answer) /* somebody was asked, and said no */
        snprintf(says, sizeof says, "the query was stopped, as it would have passed its limit of %s: ask for less time", limit);
    else
        snprintf(says, sizeof says, "the query was stopped when it had scanned its limit of %s: ask for less time (--since), or allow "
                                    "more with limit=SIZE in the address", limit);
    forget_query(s);
    kt_poller_put_off(&s->p, says, HOUR, true, sink);
}

/* How it stands with the limit. True: the query has to be stopped. */
static bool weigh(struct athena *s)
{
    struct kt_answer *a = s->answer;
    if (a) {
        a->scanned = s->scanned_before + s->scanned;
        a->limit = s->limit;
        if (a->allow == KT_ALLOW_YES)
            allow_more(s);
        a->wants = s->limit && s->scanned > s->limit - s->limit / NEAR;
    }
    return (s->limit && s->scanned > s->limit) || (a && a->allow == KT_ALLOW_NO);
}

static void take_state(struct athena *s, struct kt_span body, const struct kt_source_sink *sink)
{
    json_t *root = json_loadb(body.p ? body.p : "", body.n, 0, NULL), *x = json_object_get(root, "QueryExecution");
    const json_t *status = json_object_get(x, "Status");
    const char *state = json_string_value(json_object_get(status, "State")), *why = json_string_value(json_object_get(status, "StateChangeReason"));
    char says[300];
    s->scanned = (uint64_t)json_integer_value(json_object_get(json_object_get(x, "Statistics"), "DataScannedInBytes"));
    s->p.health.bytes_done = s->scanned_before + s->scanned;
    int64_t wait = LOOK_MS << (s->looks < 5 ? s->looks : 5);
    bool dear = weigh(s);
    if (!state) {
        kt_poller_put_off(&s->p, not_athena, 0, false, sink);
    } else if (strcmp(state, "SUCCEEDED") == 0) {
        s->step = ATHENA_PAGE;
        if (s->answer)
            s->answer->wants = false; /* it has cost what it costs */
        kt_poller_well(&s->p);
    } else if (strcmp(state, "FAILED") == 0 || strcmp(state, "CANCELLED") == 0) {
        bool failed = state[0] == 'F';
        if (why && strcasestr(why, "bytes scanned limit"))
            snprintf(says, sizeof says, "the workgroup's own limit of bytes per query was reached (BytesScannedCutoffPerQuery): ask "
                                        "for less time, or have it raised");
        else
            snprintf(says, sizeof says, "Athena's query %s: %.240s", failed ? "failed" : "was cancelled", why ? why : "it does not say why");
        forget_query(s);
        kt_poller_put_off(&s->p, says, 30 * SECOND, true, sink);
    } else if (dear) {
        s->step = ATHENA_STOP;
    } else {
        s->looks++;
        s->p.wake = kt_aws_mono(s->aws) + (wait < LOOK_MAX_MS ? wait : LOOK_MAX_MS);
        kt_poller_well(&s->p);
    }
    json_decref(root);
}

static void take_page(struct athena *s, struct kt_span body, const struct kt_source_sink *sink)
{
    bool understood, same;
    struct kt_buf before = s->page;
    kt_buf_init(&s->page, ATHENA_TOKEN_MAX);
    bool going = athena_take_page(s, body, &understood, sink);
    kt_poller_end(&s->p, sink);
    if (!understood) { /* the query has run, and cost: its page is asked for again */
        kt_buf_free(&s->page);
        s->page = before;
        kt_poller_put_off(&s->p, not_athena, 0, false, sink);
        return;
    }
    same = s->page.len && kt_span_eq(kt_buf_span(&s->page), kt_buf_span(&before));
    kt_buf_free(&before);
    if (same || s->page.failed) {
        kt_poller_put_off(&s->p, "Athena's pages are not understood: the question is asked again", 0, false, sink);
        forget_query(s);
    } else if (going && !s->page.len) {
        forget_query(s);
        s->p.failures = 0;
        kt_poller_well(&s->p);
        kt_poller_finish(&s->p);
    }
}

static void take_answer(struct athena *s, struct kt_span body, const struct kt_source_sink *sink)
{
    char why[300];
    json_t *root;
    switch (s->step) {
    case ATHENA_TABLE:
        if (athena_take_table(s, body, why, sizeof why))
            s->step = ATHENA_START;
        else
            kt_poller_put_off(&s->p, why, 30 * SECOND, true, sink);
        break;
    case ATHENA_START:
        root = json_loadb(body.p ? body.p : "", body.n, 0, NULL);
        snprintf(s->id, sizeof s->id, "%s", json_string_value(json_object_get(root, "QueryExecutionId")) ?: "");
        json_decref(root);
        if (s->id[0])
            s->step = ATHENA_WATCH;
        else
            kt_poller_put_off(&s->p, not_athena, 0, false, sink);
        break;
    case ATHENA_WATCH:
        take_state(s, body, sink);
        break;
    case ATHENA_PAGE:
        take_page(s, body, sink);
        break;
    case ATHENA_STOP:
        stopped(s, sink);
        break;
    case ATHENA_HELD:
        break;
    }
}

static void refused(struct athena *s, const struct kt_aws_result *r, const struct kt_source_sink *sink)
{
    char says[360];
    bool later = r->end == KT_AWS_TRANSIENT;
    ask_says(&s->who.ask, "athena://WORKGROUP/DATABASE.TABLE", says, sizeof says);
    if (s->step == ATHENA_STOP) {
        stopped(s, sink); /* it has ended by itself, or will */
        return;
    }
    if (s->step == ATHENA_START || (!later && s->step != ATHENA_TABLE))
        forget_query(s);
    kt_poller_put_off(&s->p, says, later ? 0 : 30 * SECOND, r->end == KT_AWS_DENIED || r->end == KT_AWS_REFUSED || r->end == KT_AWS_CREDENTIALS, sink);
}

static void hear(struct athena *s, const struct kt_source_sink *sink)
{
    const struct kt_aws_result *r = s->who.ask.result;
    if (r->end == KT_AWS_OK)
        take_answer(s, r->body, sink);
    else if (r->end == KT_AWS_THROTTLED)
        s->p.wake = s->who.pace->next; /* no trouble: the pace slows down, and that is shown */
    else
        refused(s, r, sink);
    /* an answer may begin another question: what was heard is let go of first */
    ask_end(&s->who.ask);
}

/* --- steps --------------------------------------------------------------------------------------- */

/* One query after the other: another window that has become due waits. */
static const struct kt_pass *pass_under_way(struct athena *s)
{
    if (!s->token[0])
        return kt_poller_next(&s->p);
    s->p.asked = s->asked;
    return &s->p.pass[s->asked];
}

/* It waits until somebody has said whether it may cost more. True: that is so. */
static bool holds(struct athena *s, const struct kt_source_sink *sink)
{
    s->p.wake = kt_aws_mono(s->aws) + HOUR; /* who answers makes it step */
    if (s->step == ATHENA_HELD && s->answer->allow != KT_ALLOW_UNSAID) {
        s->p.wake = 0;
        s->step = ATHENA_STOP;
        stopped(s, sink);
    }
    return s->step == ATHENA_HELD;
}

/* True: call again at once. */
static bool go_on(struct athena *s, const struct kt_source_sink *sink)
{
    struct kt_poller *p = &s->p;
    bool stopping = s->step == ATHENA_STOP;
    if (p->done || (s->step == ATHENA_HELD && holds(s, sink)) || (p->wake && kt_aws_mono(s->aws) < p->wake))
        return false;
    p->wake = 0;
    if (!s->who.ask.busy) {
        const struct kt_pass *pass = stopping ? NULL : pass_under_way(s);
        if (!pass && !stopping)
            return false;
        if (!say_next(s, pass))
            kt_poller_put_off(p, "the question is longer than Athena takes", 0, true, sink);
        return true;
    }
    if (ask_poll(&s->who.ask)) {
        hear(s, sink);
        return true;
    }
    p->wake = s->who.ask.wake;
    return false;
}

static void athena_do(struct kt_source *source, const struct kt_source_sink *sink, struct kt_wait *next)
{
    struct athena *s = (struct athena *)source;
    *next = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1};
    if (!s->begun)
        kt_poller_recall(&s->p, sink);
    s->begun = true;
    bool more = go_on(s, sink);
    kt_poller_remember(&s->p, sink);
    kt_poller_assess(&s->p, 3 * s->p.scan[0].every + SILENT_MS, DELAY_MS, kt_creds_until(s->who.creds), s->who.pace);
    if (!s->p.health.note[0] && s->scanned_before + s->scanned) {
        char size[32];
        athena_size(s->scanned_before + s->scanned, size, sizeof size);
        snprintf(s->p.health.note, sizeof s->p.health.note, "%s scanned", size);
    }
    if (!more)
        kt_poller_wait(&s->p, s->who.net, next);
    deputies_step(&s->deputies, sink, next);
}

static void athena_health(const struct kt_source *s, struct kt_health *out)
{
    *out = ((const struct athena *)s)->p.health;
}

static enum kt_code athena_ask(struct kt_source *s, const struct kt_question *q, struct kt_answer *a, struct kt_err *e)
{
    return deputies_ask(&((struct athena *)s)->deputies, q, a, e);
}

static void athena_unask(struct kt_source *s, struct kt_answer *a)
{
    deputies_unask(&((struct athena *)s)->deputies, a);
}

const struct kt_source_ops kt_source_athena = {
    .scheme = "athena", .open = athena_open, .step = athena_do, .health = athena_health, .close = athena_close,
    .asks = KT_DEPUTY_ASKS, .asked_as = "Athena", .ranged = true, .ask = athena_ask, .unask = athena_unask,
};
