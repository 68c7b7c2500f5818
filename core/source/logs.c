/* logs: the source. Asks a CloudWatch Logs group (FilterLogEvents) for the
 * events that keytop shows, one window after the other, page by page, and
 * with live=1 follows its live tail as well. Settings: see logs_address.h.
 * Follows the CloudWatch Logs API reference. */
#include "source/logs.h"

#include "source/outer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

enum {
    INTERVAL_MS = 10000,
    LIVE_MS = 60000,       /* between polls while a live tail brings the news */
    GAP_MS = 250,          /* of five calls a second and account, that all who ask share, at most four */
    SILENT_MS = 120000,
    DELAY_MS = 15 * 60000, /* by which a trail has delivered, as a rule */
    PAGES_MAX = 100000,
    RESTARTS_MAX = 5
};

/* --- birth and death ------------------------------------------------------------------ */

static void release(struct logs *l)
{
    kt_aws_call_free(l->call);
    kt_keys_free(l->keys);
    l->call = NULL;
    l->keys = NULL;
}

static void logs_close(struct kt_source *source)
{
    struct logs *l = (struct logs *)source;
    if (!l)
        return;
    release(l);
    kt_aws_call_free(l->whose);
    for (size_t i = 0; i < LOGS_PATTERNS; i++) {
        logs_live_drop(&l->live[i]);
        free(l->pattern[i]);
    }
    for (size_t i = 0; i < KT_SCANS; i++)
        kt_buf_free(&l->token[i]);
    kt_creds_free(l->creds);
    kt_creds_free(l->base);
    kt_net_free(l->net);
    logs_address_drop(&l->a);
    free(l);
}

static enum kt_code set_region(struct logs *l, struct kt_err *e)
{
    char room[64];
    const char *given = l->a.region ? l->a.region : l->a.region_of_arn[0] ? l->a.region_of_arn : NULL;
    const char *r = kt_aws_region(l->aws, given, l->profile, room, sizeof room);
    if (!r)
        return kt_fail(e, KT_EUSAGE, "logs: in which Region is %.200s? add ?region=REGION, or --region", l->a.group);
    snprintf(l->region, sizeof l->region, "%s", r);
    enum kt_code code = kt_aws_endpoint(l->aws, KT_SVC_LOGS, r, l->profile, &l->endpoint, e);
    if (code == KT_OK)
        code = kt_aws_endpoint(l->aws, KT_SVC_LOGS_STREAM, r, l->profile, &l->stream, e);
    if (code == KT_OK)
        code = kt_aws_endpoint(l->aws, KT_SVC_STS, r, l->profile, &l->sts, e);
    return code;
}

static enum kt_code set_keys(struct logs *l, struct kt_err *e)
{
    enum kt_code code = kt_creds_new(&l->base, l->aws, l->net, l->a.profile, l->region, e);
    if (code == KT_OK && l->a.role)
        code = kt_creds_role(&l->creds, l->base, l->a.role, l->a.external, l->region, e);
    if (code == KT_OK && !l->a.role)
        l->creds = kt_creds_share(l->base);
    if (code == KT_OK && l->a.role) {
        const char *p = strstr(l->a.role, "::"); /* arn:aws:iam::111122223333:role/... */
        snprintf(l->account, sizeof l->account, "%.*s", p ? (int)strspn(p + 2, "0123456789") : 0, p ? p + 2 : "");
    }
    if (code == KT_OK && l->a.arn)
        snprintf(l->arn, sizeof l->arn, "%s", l->a.group);
    return code;
}

/* What is remembered is how far this question has come, not another one. */
static void name_it(struct logs *l)
{
    struct kt_buf b;
    uint8_t digest[KT_SHA256];
    char hex[KT_SHA256_HEX + 1];
    kt_buf_init(&b, 1 << 20);
    kt_buf_addf(&b, "%s\n%s\n%s\n%s\n", l->a.group, l->region, l->profile, l->a.role ? l->a.role : "");
    for (size_t i = 0; i < l->n_patterns; i++)
        kt_buf_addf(&b, "%s\n", l->pattern[i] ? l->pattern[i] : "");
    kt_sha256(kt_buf_str(&b), b.len, digest);
    kt_hex(digest, sizeof digest, hex);
    kt_buf_free(&b);
    snprintf(l->p.name, sizeof l->p.name, "logs:%.300s", l->a.group);
    snprintf(l->p.key, sizeof l->p.key, "%s %s", l->p.name, hex);
}

static void plan(struct logs *l, const struct kt_source_opts *o)
{
    struct kt_poller *p = &l->p;
    p->aws = l->aws;
    p->follow = o->follow;
    p->since = o->since;
    p->until = o->until;
    l->interval = l->a.interval ? l->a.interval : INTERVAL_MS;
    p->scan[p->n_scans++] = (struct kt_scan){15 * MINUTE, l->interval};
    p->scan[p->n_scans++] = (struct kt_scan){2 * HOUR, 5 * MINUTE};
    p->scan[p->n_scans++] = (struct kt_scan){DAY, HOUR};
    p->scan[p->n_scans++] = (struct kt_scan){14 * DAY, DAY}; /* what is older than that a group does not take */
    p->first = o->follow ? DAY : 0;
    p->tail = DAY; /* its time there is when it was delivered */
    for (size_t i = 0; i < l->n_patterns; i++)
        l->live[i] = (struct logs_live){.logs = l, .pattern = l->pattern[i]};
    name_it(l);
    kt_poller_start(p);
}

static enum kt_code set_up(struct logs *l, const char *address, const struct kt_source_opts *o, struct kt_err *e)
{
    bool named;
    enum kt_code code = logs_address_parse(&l->a, address, e);
    if (code == KT_OK)
        snprintf(l->profile, sizeof l->profile, "%s", kt_aws_profile(l->aws, l->a.profile, &named));
    if (code == KT_OK)
        code = kt_net_new(&l->net, &(struct kt_net_opts){kt_aws_env(l->aws, "AWS_CA_BUNDLE")}, e);
    if (code == KT_OK)
        code = set_region(l, e);
    if (code == KT_OK)
        code = set_keys(l, e);
    if (code == KT_OK && !logs_patterns(l, o))
        code = kt_fail(e, KT_ENOMEM, "out of memory");
    if (code == KT_OK)
        plan(l, o);
    return code;
}

static enum kt_code logs_open(struct kt_source **out, const char *address, const struct kt_source_opts *o, struct kt_err *e)
{
    struct logs *l = o->aws ? calloc(1, sizeof *l) : NULL;
    struct kt_err own = {.code = KT_ENOMEM, .text = "out of memory"};
    if (l) {
        l->source.ops = &kt_source_logs;
        l->aws = o->aws;
        for (size_t i = 0; i < KT_SCANS; i++)
            kt_buf_init(&l->token[i], LOGS_TOKEN_MAX);
        own.code = set_up(l, address, o, &own);
    }
    if (own.code != KT_OK) {
        logs_close((struct kt_source *)l);
        return kt_fail(e, own.code, "%s", own.text);
    }
    *out = &l->source;
    return KT_OK;
}

/* --- answers ---------------------------------------------------------------------------- */

struct page {
    bool understood;
    struct kt_span token; /* text between its quotes; unknown: the last page */
};

static struct page read_page(struct kt_span body)
{
    struct page page = {false, KT_SPAN_NONE};
    struct kt_outer o = kt_outer_of(body);
    struct kt_span name, value;
    bool events = false;
    while (kt_outer_next(&o, &name, &value)) {
        if (kt_span_is(name, "events"))
            events = value.p[0] == '[';
        else if (kt_span_is(name, "nextToken"))
            page.token = kt_outer_string(value);
    }
    if (!page.token.n)
        page.token = KT_SPAN_NONE;
    page.understood = o.whole && events;
    return page;
}

/* An answer of one page that says what the last one said tells nothing new. */
static bool known(struct logs *l, const struct kt_pass *pass, struct kt_span body, bool single)
{
    uint8_t digest[KT_SHA256] = {0}, *memo = l->memo[l->p.asked][pass->part];
    if (single)
        kt_sha256(body.p, body.n, digest);
    bool same = single && memcmp(digest, memo, sizeof digest) == 0;
    memcpy(memo, digest, sizeof digest);
    return same;
}

static void next_part(struct logs *l, struct kt_pass *pass)
{
    kt_buf_reset(&l->token[l->p.asked]);
    pass->pages = 0;
    pass->restarts = 0;
    if (++pass->part == l->n_patterns)
        kt_poller_finish(&l->p);
}

/* A page cannot be had any more: from the first one again, a few times. */
static void restart(struct logs *l, struct kt_pass *pass, const char *says, const struct kt_source_sink *sink)
{
    char text[300];
    kt_buf_reset(&l->token[l->p.asked]);
    pass->pages = 0;
    if (++pass->restarts <= RESTARTS_MAX)
        return;
    snprintf(text, sizeof text, "the pages end too early, again and again: %.200s", says);
    kt_poller_complain(&l->p, text, true, sink);
    pass->whole = false;
    next_part(l, pass);
}

static void take_page(struct logs *l, struct kt_span body, const struct kt_source_sink *sink)
{
    struct kt_pass *pass = &l->p.pass[l->p.asked];
    struct kt_buf *token = &l->token[l->p.asked];
    struct page page = read_page(body);
    if (!page.understood) {
        kt_poller_put_off(&l->p, "the answer is not CloudWatch's: is there a proxy that wants a login?", 0, false, sink);
        return;
    }
    kt_poller_well(&l->p);
    bool same = kt_span_eq(page.token, kt_buf_span(token)) && token->len;
    if (!known(l, pass, body, !token->len && !page.token.p)) {
        bool going = kt_poller_feed(&l->p, body, sink);
        kt_poller_end(&l->p, sink);
        if (!going)
            return;
    }
    kt_buf_reset(token);
    bool last = !page.token.p, room = last || kt_buf_add(token, page.token.p, page.token.n);
    if (last)
        next_part(l, pass);
    else if (same || !room || ++pass->pages > PAGES_MAX) /* an empty page with a token is no end */
        restart(l, pass, same ? "the next page is this one" : "there are too many, or their token is too long", sink);
}

static void refused(struct logs *l, const struct kt_aws_result *r, const struct kt_source_sink *sink)
{
    char says[300];
    struct kt_poller *p = &l->p;
    if (l->token[p->asked].len && r->end == KT_AWS_REFUSED) {
        restart(l, &p->pass[p->asked], r->message, sink);
        return;
    }
    /* Others are asked for; those that are new each time, and never good, must
     * not be asked for without an end. */
    bool stale = r->end == KT_AWS_CREDENTIALS;
    if (stale)
        kt_creds_refused(l->creds, l->keys);
    if (stale && (p->refusals++ < 2 || kt_creds_says(l->creds)[0]))
        return;
    bool denied = r->end == KT_AWS_DENIED;
    snprintf(says, sizeof says, "%.60s%s%.120s%s%.60s", r->code, r->code[0] ? ": " : "", r->message,
             denied ? " (what it needs: keytop --print-policy logs:GROUP)"
             : strcmp(r->code, "ResourceNotFoundException") == 0 ? " Is it in another Region than " : "",
             !denied && strcmp(r->code, "ResourceNotFoundException") == 0 ? l->region : "");
    kt_poller_put_off(p, says, r->end == KT_AWS_TRANSIENT ? 0 : 30 * SECOND, denied || r->end == KT_AWS_REFUSED || r->lasting, sink);
}

static void hear(struct logs *l, const struct kt_aws_result *r, const struct kt_source_sink *sink)
{
    if (r->end == KT_AWS_OK)
        take_page(l, r->body, sink);
    else if (r->end == KT_AWS_THROTTLED)
        l->p.wake = l->pace->next; /* no trouble: the pace slows down, and that is shown */
    else
        refused(l, r, sink);
    release(l);
}

/* --- questions ---------------------------------------------------------------------------- */

static bool ask(struct logs *l, const struct kt_pass *pass)
{
    struct kt_buf b, *token = &l->token[l->p.asked];
    const char *pattern = l->pattern[pass->part];
    kt_buf_init(&b, LOGS_TOKEN_MAX + 8192);
    kt_buf_adds(&b, l->a.arn ? "{\"logGroupIdentifier\":" : "{\"logGroupName\":");
    logs_json_string(&b, l->a.group);
    kt_buf_addf(&b, ",\"startTime\":%" PRId64 ",\"endTime\":%" PRId64, pass->from, pass->to);
    if (pattern) {
        kt_buf_adds(&b, ",\"filterPattern\":");
        logs_json_string(&b, pattern);
    }
    if (token->len) {
        kt_buf_adds(&b, ",\"nextToken\":\"");
        kt_buf_add(&b, token->p, token->len);
        kt_buf_addc(&b, '"');
    }
    kt_buf_addc(&b, '}');
    l->keys = kt_keys_share(kt_creds_keys(l->creds));
    if (!b.failed)
        l->call = kt_aws_call_new(l->aws, l->net,
                                  &(struct kt_aws_request){.endpoint = &l->endpoint,
                                                           .content_type = "application/x-amz-json-1.1",
                                                           .target = "Logs_20140328.FilterLogEvents",
                                                           .body = kt_buf_span(&b),
                                                           .keys = l->keys,
                                                           .pace = l->pace,
                                                           .gap_ms = GAP_MS,
                                                           .max_body = LOGS_PAGE_MAX});
    kt_buf_free(&b);
    return l->call != NULL;
}

/* True: there are keys, and it goes on. */
static bool get_keys(struct logs *l, const struct kt_pass *pass, const struct kt_source_sink *sink)
{
    int64_t wake;
    switch (kt_creds_poll(l->creds, &wake)) {
    case KT_CREDS_WAITING:
        l->p.wake = wake;
        return false;
    case KT_CREDS_FAILED:
        kt_poller_put_off(&l->p, kt_creds_says(l->creds), wake - kt_aws_mono(l->aws), true, sink);
        return false;
    case KT_CREDS_READY:
        break;
    }
    const struct kt_keys *k = kt_creds_keys(l->creds);
    if (!l->account[0] && k->account[0])
        snprintf(l->account, sizeof l->account, "%s", k->account);
    if (!l->pace)
        l->pace = kt_aws_pace(l->aws, "logs", l->account, l->region);
    if (l->pace && ask(l, pass))
        return true;
    release(l);
    kt_poller_put_off(&l->p, "out of memory", 0, false, sink);
    return false;
}

/* True: call again at once. */
static bool go_on(struct logs *l, const struct kt_source_sink *sink)
{
    struct kt_poller *p = &l->p;
    int64_t wake;
    if (p->done || (p->wake && kt_aws_mono(l->aws) < p->wake))
        return false;
    p->wake = 0;
    if (!l->call) {
        const struct kt_pass *pass = kt_poller_next(p);
        return pass && get_keys(l, pass, sink);
    }
    const struct kt_aws_result *r = kt_aws_call_poll(l->call, &wake);
    if (r->end == KT_AWS_PENDING) {
        p->wake = wake;
        return false;
    }
    hear(l, r, sink);
    return true;
}

/* --- steps ------------------------------------------------------------------------------------ */

/* True: call again at once. `*wake`: when one of them has something to do. */
static bool follow_live(struct logs *l, const struct kt_source_sink *sink, int64_t *wake)
{
    bool more = false;
    *wake = 0;
    if (!l->a.live || !l->p.follow)
        return false;
    for (size_t i = 0; i < l->n_patterns; i++) {
        more |= logs_live_step(&l->live[i], sink);
        if (l->live[i].wake && (!*wake || l->live[i].wake < *wake))
            *wake = l->live[i].wake;
    }
    l->p.scan[0].every = logs_live_whole(l) && l->interval < LIVE_MS ? LIVE_MS : l->interval;
    return more;
}

static void begin(struct logs *l, const struct kt_source_sink *sink)
{
    l->told = true;
    kt_poller_recall(&l->p, sink);
    if (l->unasked) {
        char says[160];
        snprintf(says, sizeof says, "%zu event names that rules want are not asked for here", l->unasked);
        sink->trouble(sink->ctx, l->p.name, says, false);
    }
}

static void logs_do(struct kt_source *source, const struct kt_source_sink *sink, struct kt_wait *next)
{
    struct logs *l = (struct logs *)source;
    int64_t wake;
    *next = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1};
    if (!l->told)
        begin(l, sink);
    bool more = go_on(l, sink);
    more |= follow_live(l, sink, &wake);
    kt_poller_remember(&l->p, sink);
    kt_poller_assess(&l->p, 3 * l->p.scan[0].every + SILENT_MS, DELAY_MS, kt_creds_until(l->creds), l->pace);
    if (!l->p.health.note[0])
        snprintf(l->p.health.note, sizeof l->p.health.note, "%s", logs_live_note(l));
    if (more)
        return;
    int64_t own = l->p.wake;
    if (wake && (!own || wake < own) && (own || !l->call)) /* what is first */
        l->p.wake = wake;
    kt_poller_wait(&l->p, l->net, next);
    l->p.wake = own;
}

static void logs_health(const struct kt_source *s, struct kt_health *out)
{
    *out = ((const struct logs *)s)->p.health;
}

const struct kt_source_ops kt_source_logs = {
    .scheme = "logs", .open = logs_open, .step = logs_do, .health = logs_health, .close = logs_close};
