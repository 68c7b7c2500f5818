/* splunk: the source. Asks Splunk's export of a search (search/v2/jobs/export)
 * for the events of one window of index time after the other, with a token or
 * a session key. Settings: see splunk_address.h. */
#include "source/splunk.h"

#include "base/hash.h"
#include "base/secret.h"
#include "net/net.h"
#include "source/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

enum {
    INTERVAL_MS = 30000,
    GAP_MS = 250,
    SILENT_MS = 120000,
    DELAY_MS = 15 * 60000,  /* by which events are there, as a rule: the trail's, and the indexers' */
    BEHIND_MS = 24 * 3600000, /* by which they are as good as surely there */
    TOTAL_MS = 3600 * 1000, /* of one export */
    STALL_S = 300           /* a search says nothing while it looks */
};

/* --- birth and death ------------------------------------------------------------------ */

static void release(struct splunk *s)
{
    kt_aws_call_free(s->call);
    s->call = NULL;
}

static void ask(struct splunk *s, const struct kt_pass *pass, const struct kt_source_sink *sink);

static void splunk_close(struct kt_source *source)
{
    struct splunk *s = (struct splunk *)source;
    if (!s)
        return;
    release(s);
    if (s->sid[0]) { /* it would go on, and nobody would read it */
        s->job = SPLUNK_JOB_DROP;
        ask(s, NULL, NULL);
        splunk_job_goodbye(s);
        release(s);
    }
    deputies_close(&s->deputies);
    kt_net_free(s->net);
    kt_buf_free(&s->search);
    splunk_address_drop(&s->a);
    free(s);
}

static enum kt_code set_endpoint(struct splunk *s, struct kt_err *e)
{
    struct kt_endpoint *p = &s->endpoint;
    p->service = "splunk";
    int n = snprintf(p->url, sizeof p->url, "%s://%s", s->a.http ? "http" : "https", s->a.host);
    int m = snprintf(p->host, sizeof p->host, "%s", s->a.host);
    if (n < 0 || (size_t)n >= sizeof p->url || m < 0 || (size_t)m >= sizeof p->host)
        return kt_fail(e, KT_EUSAGE, "splunk: the host's name is too long");
    struct kt_err why = {0};
    enum kt_code code = kt_net_allows(p->url, &why);
    return code == KT_OK ? KT_OK : kt_fail(e, code, "splunk: %s", why.text);
}

static enum kt_code connect_with(struct splunk *s, struct kt_err *e)
{
    const char *ca = s->a.ca_file;
    if (ca && access(ca, R_OK) != 0)
        return kt_fail(e, KT_ENOTFOUND, "splunk: ca-file=%s: %s", ca, strerror(errno));
    return kt_net_new(&s->net, &(struct kt_net_opts){ca}, e);
}

/* What is remembered is how far this search has come, not another one. */
static void name_it(struct splunk *s)
{
    uint8_t digest[KT_SHA256];
    char hex[KT_SHA256_HEX + 1];
    kt_sha256(kt_buf_str(&s->search), s->search.len, digest);
    kt_hex(digest, sizeof digest, hex);
    snprintf(s->p.name, sizeof s->p.name, "splunk://%s", s->a.host);
    snprintf(s->p.key, sizeof s->p.key, "%s %s", s->p.name, hex);
}

static void plan(struct splunk *s, const struct kt_source_opts *o)
{
    struct kt_poller *p = &s->p;
    p->aws = s->aws;
    p->follow = o->follow;
    p->since = o->since;
    p->until = o->until;
    p->scan[p->n_scans++] = (struct kt_scan){10 * MINUTE, s->a.interval ? s->a.interval : INTERVAL_MS};
    p->scan[p->n_scans++] = (struct kt_scan){2 * HOUR, 10 * MINUTE}; /* an indexer was away, or slow */
    p->scan[p->n_scans++] = (struct kt_scan){2 * DAY, HOUR};
    p->first = o->follow ? DAY : 0;
    p->tail = 30 * DAY;
    s->pace.next = INT64_MIN;
    name_it(s);
    p->rests = s->a.interval == KT_SETTINGS_NEVER && !o->where;
    kt_poller_start(p);
}

static enum kt_code splunk_open(struct kt_source **out, const char *address, const struct kt_source_opts *o, struct kt_err *e)
{
    struct splunk *s = o->aws ? calloc(1, sizeof *s) : NULL;
    struct kt_err own = {.code = KT_ENOMEM, .text = "out of memory"};
    if (s) {
        s->source.ops = &kt_source_splunk;
        s->aws = o->aws;
        kt_buf_init(&s->search, SPLUNK_SEARCH_MAX);
        own.code = splunk_address_parse(&s->a, address, &own);
        if (own.code == KT_OK)
            own.code = set_endpoint(s, &own);
        if (own.code == KT_OK)
            own.code = connect_with(s, &own);
        if (own.code == KT_OK && o->where && s->a.search && !s->a.n_indexes && !s->a.n_sourcetypes)
            own.code = kt_fail(&own, KT_EUSAGE, "splunk: its own search may leave out what is asked for: add index=NAME");
        if (own.code == KT_OK && !splunk_search(s, o))
            own.code = kt_fail(&own, KT_ELIMIT, "splunk: the search is longer than %d bytes", SPLUNK_SEARCH_MAX);
        if (own.code == KT_OK)
            own.code = deputies_open(&s->deputies, &kt_source_splunk, address, "Splunk", BEHIND_MS, s->net, o, &own);
        s->asked = o->answer;
        if (own.code == KT_OK)
            plan(s, o);
    }
    if (own.code != KT_OK) {
        splunk_close((struct kt_source *)s);
        return kt_fail(e, own.code, "%s", own.text);
    }
    *out = &s->source;
    return KT_OK;
}

/* --- questions --------------------------------------------------------------------------- */

static bool path_of(const struct splunk *s, char *out, size_t size)
{
    char room[256] = "/services";
    if (s->a.app)
        snprintf(room, sizeof room, "/servicesNS/nobody/%s", s->a.app);
    int n = snprintf(out, size, "%s/search%s/%s", room, s->old ? "" : "/v2", s->parsing ? "parser" : s->jobs ? "jobs" : "jobs/export");
    return n > 0 && (size_t)n < size;
}

static bool form_of(struct splunk *s, const struct kt_pass *pass, struct kt_buf *form)
{
    if (s->parsing)
        return splunk_parser_form(s, form);
    if (s->jobs && (s->job == SPLUNK_JOB_LOOK || s->job == SPLUNK_JOB_PAGE))
        return true;
    bool good = (s->jobs && s->job == SPLUNK_JOB_DROP) || splunk_export_form(s, pass, form);
    return good && (!s->jobs || splunk_job_form(s, form));
}

/* With a job, `pass` and `sink` may be NULL where it is let go of. */
static void ask(struct splunk *s, const struct kt_pass *pass, const struct kt_source_sink *sink)
{
    char path[512], why[300] = "out of memory";
    const char *method = "POST";
    s->jobs = !s->parsing && (s->sid[0] || splunk_wants_job(s, pass));
    struct kt_buf form, header;
    kt_buf_init(&form, SPLUNK_FORM_MAX);
    kt_buf_init(&header, SPLUNK_SECRET_MAX + 128);
    bool known = splunk_authorization(s, &header, why, sizeof why);
    bool good = known && path_of(s, path, sizeof path) && (!s->jobs || splunk_job_path(s, path, sizeof path, &method));
    if (good && form_of(s, pass, &form))
        s->call = kt_aws_call_new(s->aws, s->net,
                                  &(struct kt_aws_request){.endpoint = &s->endpoint,
                                                           .method = method,
                                                           .path = path,
                                                           .content_type = form.len ? "application/x-www-form-urlencoded" : NULL,
                                                           .extra = {kt_buf_str(&header)},
                                                           .body = form.len ? kt_buf_span(&form) : KT_SPAN_NONE,
                                                           .pace = &s->pace,
                                                           .gap_ms = GAP_MS,
                                                           .max_body = SPLUNK_LINE_MAX,
                                                           .total_ms = TOTAL_MS,
                                                           .stall_s = STALL_S});
    kt_buf_free(&form);
    kt_secret_wipe(&header);
    if (!s->jobs || s->job == SPLUNK_JOB_START)
        s->answer = (struct splunk_answer){0};
    if (!s->call && sink)
        kt_poller_put_off(&s->p, why, 0, !known, sink);
}

/* --- answers ------------------------------------------------------------------------------- */

/* It says nothing, not even the end of its results: some searches that are
 * none are answered so. Whether this is one, its parser says. */
static void nothing_said(struct splunk *s, const struct kt_source_sink *sink)
{
    bool asked = s->parsing;
    s->parsing = !asked;
    if (asked)
        kt_poller_put_off(&s->p, "Splunk answers with nothing at all, not even the end of its results, though it takes the "
                                 "search: that is not taken for no events", 5 * SECOND, false, sink);
}

static const char no_raw[] = "the search's rows have no _raw, so no records: leave out table, stats and fields";

static void conclude(struct splunk *s, const struct kt_source_sink *sink);

static void end_export(struct splunk *s, const struct kt_source_sink *sink)
{
    struct splunk_answer *a = &s->answer;
    struct kt_poller *p = &s->p;
    char says[360];
    if (a->refusal[0]) {
        snprintf(says, sizeof says, "Splunk says: %s", a->refusal);
        kt_poller_put_off(p, says, 5 * SECOND, false, sink);
    } else if (!a->lines && a->strange) {
        kt_poller_put_off(p, "the answer is not Splunk's: is there a proxy that wants a login?", 0, false, sink);
    } else if (!a->lines) {
        nothing_said(s, sink);
    } else if (!a->ended) {
        kt_poller_put_off(p, "Splunk's answer ends before its last row", 0, false, sink);
    } else if (a->rows && !a->raws) {
        kt_poller_put_off(p, no_raw, 30 * SECOND, true, sink);
    } else {
        conclude(s, sink);
    }
}

static void conclude(struct splunk *s, const struct kt_source_sink *sink)
{
    const struct splunk_answer *a = &s->answer;
    struct kt_poller *p = &s->p;
    p->pass[p->asked].whole = !a->incomplete;
    p->failures = 0;
    if (!a->incomplete)
        kt_poller_well(p);
    if (a->incomplete)
        kt_poller_complain(p, a->warning[0] ? a->warning : "Splunk says that its results are incomplete", true, sink);
    else if (a->warning[0] && strcmp(a->warning, s->warned) != 0) {
        snprintf(s->warned, sizeof s->warned, "%s", a->warning);
        p->health.troubles++;
        sink->trouble(sink->ctx, p->name, s->warned, false);
    }
    kt_poller_finish(p);
}

static void end_job(struct splunk *s, const struct kt_source_sink *sink)
{
    if (s->answer.rows && !s->answer.raws)
        kt_poller_put_off(&s->p, no_raw, 30 * SECOND, true, sink);
    else
        conclude(s, sink);
}

static const char *renew(const struct splunk *s)
{
    return s->a.token_file     ? "put a new token into token-file"
           : s->a.session_file ? "put a new session key into session-file"
                               : "set a new SPLUNK_TOKEN or SPLUNK_SESSION_KEY";
}

static void refused(struct splunk *s, const struct kt_aws_result *r, const struct kt_source_sink *sink)
{
    char text[300], says[480];
    splunk_refusal(r->body, text, sizeof text);
    const char *why = text[0] ? text : r->message;
    if (s->jobs && splunk_job_refused(s, r->status, sink)) {
        if (!s->sid[0] || s->job != SPLUNK_JOB_DROP)
            return;
        splunk_job_forget(s);
        if (!s->no_job)
            end_job(s, sink);
        return;
    }
    if (r->status == 404 && !s->old) {
        s->old = true; /* before 9.0.1 */
        return;
    }
    bool asked = s->parsing, denied = r->end == KT_AWS_DENIED || r->status == 403;
    s->parsing = false;
    if (r->status == 401)
        snprintf(says, sizeof says, "Splunk does not accept the token (%.120s): %s", why, renew(s));
    else if (denied)
        snprintf(says, sizeof says, "Splunk: %.120s (what it needs: keytop --print-policy splunk://%.80s/)", why, s->a.host);
    else if (r->end == KT_AWS_TRANSIENT)
        snprintf(says, sizeof says, "%.280s", why);
    else
        snprintf(says, sizeof says, "Splunk does not take the %s: %.200s", asked || r->status == 400 ? "search" : "request", why);
    bool later = r->end == KT_AWS_TRANSIENT;
    kt_poller_put_off(&s->p, says, later ? 0 : 30 * SECOND, !later || r->lasting, sink);
}

/* Everything that is there of the answer, a piece a step. True: there is more. */
static bool read_on(struct splunk *s, bool last, const struct kt_source_sink *sink)
{
    struct kt_span part = kt_aws_call_part(s->call);
    bool going = true;
    if (!part.p || s->parsing || s->jobs)
        return false;
    size_t n = splunk_read(s, part, last, sink, &going);
    if (n)
        kt_aws_call_take(s->call, n);
    return going && n && n < part.n && (last || n >= SPLUNK_STEP);
}

/* True: the step has done enough. */
static bool hear(struct splunk *s, const struct kt_aws_result *r, const struct kt_source_sink *sink)
{
    if (r->end == KT_AWS_OK && read_on(s, true, sink))
        return true;
    kt_poller_end(&s->p, sink);
    if (r->end == KT_AWS_OK && s->jobs) {
        if (splunk_job_take(s, r->body, sink))
            end_job(s, sink);
    } else if (r->end == KT_AWS_OK && s->parsing)
        nothing_said(s, sink);
    else if (r->end == KT_AWS_OK)
        end_export(s, sink);
    else if (r->end == KT_AWS_THROTTLED)
        s->p.wake = s->pace.next; /* no trouble: the pace slows down, and that is shown */
    else
        refused(s, r, sink);
    release(s);
    return true;
}

/* --- steps ------------------------------------------------------------------------------------ */

/* True: call again at once. */
static bool go_on(struct splunk *s, const struct kt_source_sink *sink)
{
    struct kt_poller *p = &s->p;
    int64_t wake;
    if (p->done || (p->wake && kt_aws_mono(s->aws) < p->wake))
        return false;
    p->wake = 0;
    if (!s->call) {
        const struct kt_pass *pass = kt_poller_next(p);
        if (pass)
            ask(s, pass, sink);
        return s->call != NULL;
    }
    const struct kt_aws_result *r = kt_aws_call_poll(s->call, &wake);
    if (r->end != KT_AWS_PENDING)
        return hear(s, r, sink);
    p->wake = wake;
    bool more = read_on(s, false, sink);
    if (s->answer.strange && !s->answer.lines) { /* it need not be read to its end, if it has one */
        kt_poller_end(p, sink);
        end_export(s, sink);
        release(s);
    }
    return more && s->call;
}

static void splunk_do(struct kt_source *source, const struct kt_source_sink *sink, struct kt_wait *next)
{
    struct splunk *s = (struct splunk *)source;
    *next = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1};
    if (!s->told) {
        s->told = true;
        kt_poller_recall(&s->p, sink);
        if (s->unasked) {
            char says[160];
            snprintf(says, sizeof says, "%zu event names that rules want are not searched for here", s->unasked);
            sink->trouble(sink->ctx, s->p.name, says, false);
        }
    }
    bool more = go_on(s, sink);
    kt_poller_remember(&s->p, sink);
    kt_poller_assess(&s->p, 3 * s->p.scan[0].every + SILENT_MS, DELAY_MS, KT_TIME_NONE, &s->pace);
    if (!s->p.health.note[0] && s->sid[0] && s->percent)
        snprintf(s->p.health.note, sizeof s->p.health.note, "its search job is at %d %%", s->percent);
    if (!more)
        kt_poller_wait(&s->p, s->net, next);
    deputies_step(&s->deputies, sink, next);
}

static void splunk_health(const struct kt_source *s, struct kt_health *out)
{
    *out = ((const struct splunk *)s)->p.health;
}

static enum kt_code splunk_ask(struct kt_source *s, const struct kt_question *q, struct kt_answer *a, struct kt_err *e)
{
    return deputies_ask(&((struct splunk *)s)->deputies, q, a, e);
}

static void splunk_unask(struct kt_source *s, struct kt_answer *a)
{
    deputies_unask(&((struct splunk *)s)->deputies, a);
}

const struct kt_source_ops kt_source_splunk = {
    .scheme = "splunk", .open = splunk_open, .step = splunk_do, .health = splunk_health, .close = splunk_close,
    .asks = KT_DEPUTY_ASKS, .asked_as = "Splunk", .ranged = true, .ask = splunk_ask, .unask = splunk_unask,
};
