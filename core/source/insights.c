/* insights: the source. Asks CloudWatch Logs Insights for the records of groups
 * that a trail delivers to, one window after the other; or, where a question is
 * asked, for what it holds for. Settings: see insights_address.h.
 *
 * Follows the CloudWatch Logs API: StartQuery, its times in seconds, for at most
 * 100,000 rows; GetQueryResults until it is complete, ten thousand rows a page;
 * StopQuery for one that nobody waits for any more. Where there are more rows
 * than it gives, the window is halved until all are had. */
#include "query/compile.h"
#include "source/asker.h"
#include "source/deputy.h"
#include "source/insights_address.h"
#include "source/poller.h"
#include "source/settings.h"
#include "source/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

enum {
    INTERVAL_MS = 5 * 60000,
    GAP_MS = 250,
    SILENT_MS = 600000,
    DELAY_MS = 15 * 60000, /* by which a trail has delivered, as a rule */
    BEHIND_MS = 24 * 3600000, /* by which they are as good as surely there */
    LOOK_MS = 300, LOOK_MAX_MS = 5000,
    QUERY_MAX = 10000,     /* characters of a query */
    BODY_MAX = 128 << 10,
    ROWS = 100000,
    TOKEN_MAX = 8192, LINE_MAX_BYTES = 1 << 20
};

enum step { START, WATCH };

struct insights {
    struct kt_source source;
    struct kt_poller p;
    struct insights_address a;
    struct asker who;
    struct kt_arena *arena;      /* of `where` */
    const struct kt_cond *where;
    bool question;               /* `where` is one, of event time */
    struct kt_buf query;
    enum step step;
    bool begun;
    char id[128];                /* of the query; "": none runs */
    int64_t from, to, end;       /* seconds: what this query asks for, and where the pass ends */
    struct kt_buf token, line;   /* of the next page; a record with its newline */
    size_t asked;                /* the pass that it is for, while `to` is set */
    size_t rows, pages;
    int looks;
    struct deputies deputies;    /* who answer questions */
};

/* --- birth and death -------------------------------------------------------------------- */

static void say_stop(struct insights *s)
{
    asker_say(&s->who, "Logs_20140328.StopQuery", json_pack("{s:s}", "queryId", s->id));
    s->id[0] = '\0';
}

static void insights_close(struct kt_source *source)
{
    struct insights *s = (struct insights *)source;
    if (!s)
        return;
    if (s->who.open && s->id[0] && s->pages == 0) { /* it would cost, and nobody would read it */
        say_stop(s);
        asker_last_word(&s->who);
    }
    deputies_close(&s->deputies);
    asker_close(&s->who);
    kt_buf_free(&s->query);
    kt_buf_free(&s->token);
    kt_buf_free(&s->line);
    kt_arena_free(s->arena);
    insights_address_drop(&s->a);
    free(s);
}

bool insights_query(const struct kt_cond *where, struct kt_buf *out)
{
    bool whole;
    struct kt_buf filter;
    kt_buf_init(&filter, QUERY_MAX);
    bool good = kt_query_condition(KT_DIALECT_INSIGHTS, NULL, where, &filter, &whole, NULL);
    kt_buf_adds(out, "fields @message");
    if (good && filter.len)
        kt_buf_addf(out, " | filter %s", kt_buf_str(&filter));
    kt_buf_adds(out, " | sort @timestamp asc");
    kt_buf_free(&filter);
    return good && !out->failed;
}

static enum kt_code set_query(struct insights *s, const struct kt_source_opts *o, struct kt_err *e)
{
    s->question = o->where != NULL;
    s->where = o->where ? kt_cond_copy(s->arena, o->where) : kt_cond_names(s->arena, o->event_names, o->n_event_names);
    return s->where && insights_query(s->where, &s->query)
               ? KT_OK
               : kt_fail(e, KT_ELIMIT, "insights: the question is longer than %d characters", QUERY_MAX);
}

static void plan(struct insights *s, const struct kt_source_opts *o)
{
    struct kt_poller *p = &s->p;
    p->aws = s->who.aws;
    p->follow = o->follow;
    p->since = o->since;
    p->until = o->until;
    p->scan[p->n_scans++] = (struct kt_scan){30 * MINUTE, s->a.interval ? s->a.interval : INTERVAL_MS};
    p->scan[p->n_scans++] = (struct kt_scan){DAY, 6 * HOUR};
    p->first = o->follow ? DAY : 0;
    p->tail = DAY; /* its time is the one of delivery */
    snprintf(p->name, sizeof p->name, "insights:%.200s%s", s->a.group[0], s->a.n > 1 ? ",..." : "");
    snprintf(p->key, sizeof p->key, "%s %zu %s", p->name, s->a.n, s->who.region);
    p->rests = s->a.interval == KT_SETTINGS_NEVER && !o->where;
    kt_poller_start(p);
}

static enum kt_code insights_open(struct kt_source **out, const char *address, const struct kt_source_opts *o, struct kt_err *e)
{
    struct insights *s = o->aws ? calloc(1, sizeof *s) : NULL;
    struct kt_err own = {.code = KT_ENOMEM, .text = "out of memory"};
    if (s) {
        s->source.ops = &kt_source_insights;
        s->arena = kt_arena_new(16 << 20);
        kt_buf_init(&s->query, QUERY_MAX);
        kt_buf_init(&s->token, TOKEN_MAX);
        kt_buf_init(&s->line, LINE_MAX_BYTES);
        own.code = s->arena ? insights_address_parse(&s->a, address, &own) : KT_ENOMEM;
        if (own.code == KT_OK)
            own.code = asker_open(&s->who, o->aws,
                                  &(struct asker_who){"insights", KT_SVC_LOGS, s->a.profile, s->a.region, s->a.role, s->a.external,
                                                      GAP_MS, BODY_MAX},
                                  &own);
        if (own.code == KT_OK)
            own.code = set_query(s, o, &own);
        if (own.code == KT_OK)
            own.code = deputies_open(&s->deputies, &kt_source_insights, address, "Logs Insights", BEHIND_MS, s->who.net, o, &own);
        if (own.code == KT_OK)
            plan(s, o);
    }
    if (own.code != KT_OK) {
        insights_close((struct kt_source *)s);
        return kt_fail(e, own.code, "%s", own.text);
    }
    *out = &s->source;
    return KT_OK;
}

/* --- questions ------------------------------------------------------------------------------ */

static void say_start(struct insights *s, const struct kt_pass *pass)
{
    json_t *groups = json_array();
    for (size_t i = 0; i < s->a.n; i++)
        json_array_append_new(groups, json_string(s->a.group[i]));
    if (!s->to) { /* a pass begins; a question's records were delivered after what they tell of */
        s->asked = s->p.asked;
        s->from = pass->from / 1000;
        s->to = s->end = (s->question ? kt_aws_now(s->who.aws) : pass->to) / 1000;
    }
    asker_say(&s->who, "Logs_20140328.StartQuery",
              json_pack("{s:o,s:I,s:I,s:s,s:i}", s->a.arns ? "logGroupIdentifiers" : "logGroupNames", groups, "startTime",
                        (json_int_t)s->from, "endTime", (json_int_t)s->to, "queryString", kt_buf_str(&s->query), "limit", ROWS));
}

static void say_results(struct insights *s)
{
    json_t *body = json_pack("{s:s}", "queryId", s->id);
    if (body && s->token.len)
        json_object_set_new(body, "nextToken", json_string(kt_buf_str(&s->token)));
    asker_say(&s->who, "Logs_20140328.GetQueryResults", body);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void forget_query(struct insights *s)
{
    s->id[0] = '\0';
    s->step = START;
    s->rows = s->pages = 0;
    s->looks = 0;
    kt_buf_reset(&s->token);
}

static bool feed_rows(struct insights *s, const json_t *rows, const struct kt_source_sink *sink)
{
    size_t i, j;
    json_t *row, *field;
    json_array_foreach(rows, i, row) {
        s->rows++;
        json_array_foreach(row, j, field) {
            const char *name = json_string_value(json_object_get(field, "field"));
            const json_t *value = json_object_get(field, "value");
            if (!name || strcmp(name, "@message") != 0 || !json_is_string(value))
                continue;
            kt_buf_reset(&s->line);
            kt_buf_add(&s->line, json_string_value(value), json_string_length(value));
            kt_buf_addc(&s->line, '\n');
            if (!kt_poller_feed(&s->p, kt_buf_span(&s->line), sink))
                return false;
        }
    }
    return true;
}

/* There were more than it gives: the first half of the window, then the rest. */
static void end_query(struct insights *s, uint64_t matched, const struct kt_source_sink *sink)
{
    struct kt_poller *p = &s->p;
    struct kt_pass *pass = &p->pass[p->asked];
    int64_t from = s->from, to = s->to;
    bool cut = matched > s->rows || s->rows >= ROWS, halved = cut && to > from;
    char says[200];
    forget_query(s);
    p->failures = 0;
    if (halved) {
        s->to = from + (to - from) / 2;
        return;
    }
    if (cut) {
        snprintf(says, sizeof says, "more than %d records were delivered within one second: Insights gives no more of them", ROWS);
        kt_poller_complain(p, says, true, sink);
        pass->whole = false;
    } else {
        kt_poller_well(p);
    }
    s->from = to + 1;
    s->to = s->end;
    if (to >= s->end) {
        s->to = 0;
        kt_poller_finish(p);
    }
}

static void take_results(struct insights *s, struct kt_span body, const struct kt_source_sink *sink)
{
    json_t *root = json_loadb(body.p ? body.p : "", body.n, JSON_ALLOW_NUL, NULL);
    const char *status = json_string_value(json_object_get(root, "status")), *token = json_string_value(json_object_get(root, "nextToken"));
    const json_t *rows = json_object_get(root, "results");
    uint64_t matched = (uint64_t)json_number_value(json_object_get(json_object_get(root, "statistics"), "recordsMatched"));
    int64_t wait = LOOK_MS << (s->looks < 5 ? s->looks : 5);
    char says[200];
    if (!status || !json_is_array(rows)) {
        kt_poller_put_off(&s->p, "the answer is not CloudWatch's: is there a proxy that wants a login?", 0, false, sink);
    } else if (strcmp(status, "Complete") == 0) {
        bool going = feed_rows(s, rows, sink), same = token && kt_span_is(kt_buf_span(&s->token), token);
        kt_poller_end(&s->p, sink);
        s->pages++;
        kt_buf_reset(&s->token);
        if (token && !same && json_array_size(rows) > 0)
            kt_buf_adds(&s->token, token);
        else if (going)
            end_query(s, matched, sink);
    } else if (strcmp(status, "Scheduled") == 0 || strcmp(status, "Running") == 0) {
        s->looks++;
        s->p.wake = kt_aws_mono(s->who.aws) + (wait < LOOK_MAX_MS ? wait : LOOK_MAX_MS);
        kt_poller_well(&s->p);
    } else { /* Failed, Cancelled, Timeout, Unknown */
        snprintf(says, sizeof says, "Insights' query ended so: %.40s; it is asked again", status);
        forget_query(s);
        kt_poller_put_off(&s->p, says, 5 * SECOND, false, sink);
    }
    json_decref(root);
}

static void take_id(struct insights *s, struct kt_span body, const struct kt_source_sink *sink)
{
    json_t *root = json_loadb(body.p ? body.p : "", body.n, 0, NULL);
    const char *id = json_string_value(json_object_get(root, "queryId"));
    snprintf(s->id, sizeof s->id, "%s", id ? id : "");
    json_decref(root);
    if (s->id[0])
        s->step = WATCH;
    else
        kt_poller_put_off(&s->p, "the answer is not CloudWatch's: is there a proxy that wants a login?", 0, false, sink);
}

static void refused(struct insights *s, const struct kt_aws_result *r, const struct kt_source_sink *sink)
{
    char says[360];
    bool later = r->end == KT_AWS_TRANSIENT || strcmp(r->code, "LimitExceededException") == 0;
    ask_says(&s->who.ask, "insights:LOG-GROUP", says, sizeof says);
    if (s->step == START || !later)
        forget_query(s);
    kt_poller_put_off(&s->p, says, later ? 0 : 30 * SECOND, !later, sink);
}

static void hear(struct insights *s, const struct kt_source_sink *sink)
{
    const struct kt_aws_result *r = s->who.ask.result;
    if (r->end == KT_AWS_OK && s->step == START)
        take_id(s, r->body, sink);
    else if (r->end == KT_AWS_OK && s->step == WATCH)
        take_results(s, r->body, sink);
    else if (r->end == KT_AWS_THROTTLED)
        s->p.wake = s->who.pace->next; /* no trouble: the pace slows down, and that is shown */
    else
        refused(s, r, sink);
    ask_end(&s->who.ask);
}

/* --- steps --------------------------------------------------------------------------------------- */

/* One window after the other: another that has become due waits. */
static const struct kt_pass *pass_under_way(struct insights *s)
{
    if (!s->to)
        return kt_poller_next(&s->p);
    s->p.asked = s->asked;
    return &s->p.pass[s->asked];
}

/* True: call again at once. */
static bool go_on(struct insights *s, const struct kt_source_sink *sink)
{
    struct kt_poller *p = &s->p;
    if (p->done || (p->wake && kt_aws_mono(s->who.aws) < p->wake))
        return false;
    p->wake = 0;
    if (!s->who.ask.busy) {
        const struct kt_pass *pass = pass_under_way(s);
        if (pass && s->step == START)
            say_start(s, pass);
        else if (pass)
            say_results(s);
        return pass != NULL;
    }
    if (ask_poll(&s->who.ask)) {
        hear(s, sink);
        return true;
    }
    p->wake = s->who.ask.wake;
    return false;
}

static void insights_do(struct kt_source *source, const struct kt_source_sink *sink, struct kt_wait *next)
{
    struct insights *s = (struct insights *)source;
    *next = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1};
    if (!s->begun)
        kt_poller_recall(&s->p, sink);
    s->begun = true;
    bool more = go_on(s, sink);
    kt_poller_remember(&s->p, sink);
    kt_poller_assess(&s->p, 3 * s->p.scan[0].every + SILENT_MS, DELAY_MS, kt_creds_until(s->who.creds), s->who.pace);
    if (!more)
        kt_poller_wait(&s->p, s->who.net, next);
    deputies_step(&s->deputies, sink, next);
}

static void insights_health(const struct kt_source *s, struct kt_health *out)
{
    *out = ((const struct insights *)s)->p.health;
}

static enum kt_code insights_ask(struct kt_source *s, const struct kt_question *q, struct kt_answer *a, struct kt_err *e)
{
    return deputies_ask(&((struct insights *)s)->deputies, q, a, e);
}

static void insights_unask(struct kt_source *s, struct kt_answer *a)
{
    deputies_unask(&((struct insights *)s)->deputies, a);
}

const struct kt_source_ops kt_source_insights = {
    .scheme = "insights", .open = insights_open, .step = insights_do, .health = insights_health, .close = insights_close,
    .asks = KT_DEPUTY_ASKS, .asked_as = "Logs Insights", .ranged = true, .ask = insights_ask, .unask = insights_unask,
};
