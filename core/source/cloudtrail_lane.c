/* cloudtrail: one account in one Region: which window is asked for, page by
 * page, and what is done about an answer. */
#include "source/cloudtrail.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

enum {
    QUOTA_MS = 500,
    GAP_MS = 520,      /* two calls a second and account in a Region, and a little less */
    PAGES_MAX = 100000, /* of one pass: five million events */
    RESTARTS_MAX = 5,
    FAILURES_MAX = 6,  /* without --follow; then it is given up */
    BACKOFF_MAX = 60000
};
#define KEPT (90 * DAY) /* by CloudTrail */

static const char target[] = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";

/* --- windows ------------------------------------------------------------------------- */

static int64_t mono(const struct trail_lane *l)
{
    return kt_aws_mono(l->trail->aws);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* How far back. RECENT goes an hour behind what was read wholly, however long
 * ago that was: after an outage, or a laptop's sleep, that is where it goes on. */
static int64_t window_start(const struct trail_lane *l, enum trail_scan s, int64_t now)
{
    const struct trail *t = l->trail;
    if (s == TRAIL_DAY)
        return now - DAY;
    if (s == TRAIL_WEEK)
        return now - 7 * DAY;
    if (l->complete != KT_TIME_NONE)
        return (l->complete < now ? l->complete : now) - HOUR;
    if (t->since != KT_TIME_NONE)
        return t->since;
    return t->follow ? now - DAY : now - KEPT;
}

static void begin(struct trail_lane *l, enum trail_scan s, const struct kt_source_sink *sink)
{
    const struct trail *t = l->trail;
    struct trail_pass *p = &l->pass[s];
    int64_t now = kt_aws_now(t->aws), from = window_start(l, s, now);
    if (s == TRAIL_RECENT && from < now - KEPT - MINUTE) {
        if (!sink->missed || !sink->missed(sink->ctx, l->name, from, now - KEPT)) {
            sink->trouble(sink->ctx, l->name, "CloudTrail keeps events for 90 days: what is older is not read", true);
            l->trail->health.gaps++;
        }
    }
    from = later(from, now - KEPT);
    if (t->since != KT_TIME_NONE)
        from = later(from, t->since);
    int64_t to = t->until != KT_TIME_NONE && t->until < now ? t->until : now;
    p->active = p->whole = true;
    p->from = from / 1000;
    p->to = to / 1000;
    p->name = p->pages = 0;
    p->restarts = 0;
    kt_buf_reset(&p->token);
    if (p->from > p->to)
        p->to = p->from;
}

static int64_t period(const struct trail_lane *l, enum trail_scan s)
{
    return s == TRAIL_RECENT ? l->trail->interval : s == TRAIL_DAY ? HOUR : DAY;
}

static void finish(struct trail_lane *l, enum trail_scan s)
{
    struct trail_pass *p = &l->pass[s];
    l->trail->changed = true;
    p->active = false;
    p->due = mono(l) + (p->whole ? period(l, s) : later(period(l, s) / 10, l->trail->interval));
    if (s == TRAIL_RECENT && p->whole)
        l->complete = p->to * 1000;
    if (!l->trail->follow)
        l->done = true;
}

/* What to ask for next; TRAIL_SCANS: nothing is due. What a person waits for
 * goes before a sweep, between two of its pages. */
static enum trail_scan next_pass(struct trail_lane *l, const struct kt_source_sink *sink)
{
    int64_t now = mono(l);
    for (enum trail_scan s = TRAIL_RECENT; s < TRAIL_SCANS; s++) {
        if (!l->pass[s].active && now < l->pass[s].due)
            continue;
        if (!l->pass[s].active)
            begin(l, s, sink);
        return s;
    }
    return TRAIL_SCANS;
}

static int64_t next_due(const struct trail_lane *l)
{
    int64_t at = INT64_MAX;
    for (size_t i = 0; i < TRAIL_SCANS; i++)
        at = l->pass[i].due < at ? l->pass[i].due : at;
    return at;
}

void trail_lane_start(struct trail_lane *l)
{
    int64_t now = mono(l);
    l->complete = l->answered = l->remembered = KT_TIME_NONE;
    for (size_t i = 0; i < TRAIL_SCANS; i++)
        kt_buf_init(&l->pass[i].token, TRAIL_TOKEN_MAX);
    l->pass[TRAIL_RECENT].due = now;
    l->pass[TRAIL_DAY].due = l->trail->follow ? now + HOUR : INT64_MAX;
    l->pass[TRAIL_WEEK].due = l->trail->follow ? now : INT64_MAX;
}

/* --- troubles ------------------------------------------------------------------------- */

/* A call that was long on its way must not be followed by one that is not: the service counts
 * when they arrive. */
static void release(struct trail_lane *l)
{
    l->trail->changed = true;
    if (l->call && l->pace)
        l->pace->next = later(l->pace->next, mono(l) + QUOTA_MS);
    kt_aws_call_free(l->call);
    kt_keys_free(l->keys);
    l->call = NULL;
    l->keys = NULL;
    if (l->busy)
        l->trail->busy--;
    l->busy = false;
}

void trail_lane_drop(struct trail_lane *l)
{
    release(l);
    kt_creds_free(l->creds);
    for (size_t i = 0; i < TRAIL_SCANS; i++)
        kt_buf_free(&l->pass[i].token);
}

/* Says it once, until it is well again or something else is wrong. */
static void complain(struct trail_lane *l, const char *says, bool gap, const struct kt_source_sink *sink)
{
    if (l->ailing && strcmp(l->says, says) == 0)
        return;
    l->ailing = true;
    snprintf(l->says, sizeof l->says, "%s", says);
    l->trail->health.troubles++;
    l->trail->health.gaps += gap;
    sink->trouble(sink->ctx, l->name, l->says, gap);
}

/* Not now: later, each time later than before. One that is to end says what
 * it could not read. */
static void put_off(struct trail_lane *l, const char *says, int64_t at_least, bool hopeless,
                    const struct kt_source_sink *sink)
{
    int64_t wait = SECOND << (l->failures < 6 ? l->failures : 6);
    wait = wait > BACKOFF_MAX ? BACKOFF_MAX : wait;
    wait = wait / 2 + (int64_t)((kt_aws_random(l->trail->aws) >> 32) * (uint64_t)(wait / 2) >> 32);
    l->failures++;
    bool over = !l->trail->follow && (hopeless || l->failures >= FAILURES_MAX);
    complain(l, says, over, sink);
    l->done |= over;
    l->wake = mono(l) + later(wait, at_least);
    release(l);
}

static void well_again(struct trail_lane *l)
{
    l->ailing = false;
    l->failures = l->refusals = 0;
    l->answered = kt_aws_now(l->trail->aws);
}

/* --- answers ---------------------------------------------------------------------------- */

static bool feed(struct trail_lane *l, struct kt_span body, const struct kt_source_sink *sink)
{
    uint64_t object = sink->object(sink->ctx, l->name, l->records, l->bytes);
    if (!object)
        return false;
    bool going = sink->bytes(sink->ctx, object, body.p, body.n);
    (void)sink->at_rest(sink->ctx, object, &l->records, &l->bytes);
    sink->end(sink->ctx, object); /* a cut is told and counted by who found it */
    l->trail->health.bytes_done += body.n;
    return going;
}

/* An answer of one page that says what the last one said tells nothing new. */
static bool known(struct trail_pass *p, struct kt_span body, bool single)
{
    uint8_t digest[KT_SHA256];
    if (!single) {
        memset(p->memo[p->name], 0, KT_SHA256);
        return false;
    }
    kt_sha256(body.p, body.n, digest);
    bool same = memcmp(digest, p->memo[p->name], sizeof digest) == 0;
    memcpy(p->memo[p->name], digest, sizeof digest);
    return same;
}

static void next_name(struct trail_lane *l, struct trail_pass *p)
{
    kt_buf_reset(&p->token);
    p->pages = 0;
    p->restarts = 0;
    if (++p->name == l->trail->n_names)
        finish(l, l->asked);
}

/* A page cannot be had any more: from the first one again, a few times. */
static void restart(struct trail_lane *l, const char *says, const struct kt_source_sink *sink)
{
    struct trail_pass *p = &l->pass[l->asked];
    kt_buf_reset(&p->token);
    p->pages = 0;
    if (++p->restarts <= RESTARTS_MAX)
        return;
    char text[300];
    snprintf(text, sizeof text, "the pages of %s end too early, again and again: %.160s", l->trail->names[p->name], says);
    complain(l, text, true, sink);
    p->whole = false;
    next_name(l, p);
}

static bool take_page(struct trail_lane *l, struct kt_span body, const struct kt_source_sink *sink)
{
    struct trail_pass *p = &l->pass[l->asked];
    struct trail_page page = trail_read_page(body);
    if (!page.understood) {
        put_off(l, "the answer is not CloudTrail's: is there a proxy that wants a login?", 0, false, sink);
        return false;
    }
    well_again(l);
    bool first = p->token.len == 0, same = kt_span_eq(page.token, kt_buf_span(&p->token));
    bool fresh = !known(p, body, first && !page.token.p);
    if (fresh && !feed(l, body, sink))
        return true;
    struct kt_buf next; /* the page is freed with the call */
    kt_buf_init(&next, TRAIL_TOKEN_MAX);
    kt_buf_add(&next, page.token.p, page.token.n);
    bool last = !page.token.p, no_room = next.failed;
    kt_buf_free(&p->token);
    p->token = next;
    if (no_room)
        kt_buf_reset(&p->token);
    release(l);
    if (last)
        next_name(l, p);
    else if (same || no_room || ++p->pages > PAGES_MAX)
        restart(l, same ? "the next page is this one" : "there are too many, or their token is too long", sink);
    return fresh;
}

static void refused(struct trail_lane *l, const struct kt_aws_result *r, const struct kt_source_sink *sink)
{
    char says[300];
    if (l->pass[l->asked].token.len && r->end == KT_AWS_REFUSED) {
        snprintf(says, sizeof says, "%.200s", r->message);
        release(l);
        restart(l, says, sink);
        return;
    }
    /* Others are asked for; where there are none, they say so. Those that are
     * new each time, and never good, must not be asked for without an end. */
    bool stale = r->end == KT_AWS_CREDENTIALS;
    if (stale)
        kt_creds_refused(l->creds, l->keys);
    if (stale && (l->refusals++ < 2 || kt_creds_says(l->creds)[0])) {
        release(l);
        return;
    }
    bool denied = r->end == KT_AWS_DENIED;
    snprintf(says, sizeof says, "%.60s%s%.160s%s", r->code, r->code[0] ? ": " : "", r->message,
             denied ? " (what it needs: keytop --print-policy cloudtrail:)" : "");
    put_off(l, says, r->end == KT_AWS_TRANSIENT ? 0 : 30 * SECOND, denied || r->end == KT_AWS_REFUSED || r->lasting, sink);
}

/* Throttling is no trouble: the pace slows down, and that is shown. Where it
 * goes on for minutes, what is shown grows old, and that is shown too. */
static void throttled(struct trail_lane *l)
{
    l->wake = l->pace->next;
    release(l);
}

static bool hear(struct trail_lane *l, const struct kt_aws_result *r, const struct kt_source_sink *sink)
{
    switch (r->end) {
    case KT_AWS_OK:
        return take_page(l, r->body, sink);
    case KT_AWS_THROTTLED:
        throttled(l);
        return false;
    default:
        refused(l, r, sink);
        return false;
    }
}

/* --- questions ---------------------------------------------------------------------------- */

static bool ask(struct trail_lane *l)
{
    struct trail_pass *p = &l->pass[l->asked];
    struct kt_buf b;
    kt_buf_init(&b, TRAIL_TOKEN_MAX + 1024);
    kt_buf_addf(&b, "{\"LookupAttributes\":[{\"AttributeKey\":\"EventName\",\"AttributeValue\":\"%s\"}],\"StartTime\":%" PRId64
                    ",\"EndTime\":%" PRId64 ",\"MaxResults\":50", l->trail->names[p->name], p->from, p->to);
    if (p->token.len) {
        kt_buf_adds(&b, ",\"NextToken\":\"");
        kt_buf_add(&b, p->token.p, p->token.len);
        kt_buf_addc(&b, '"');
    }
    kt_buf_addc(&b, '}');
    l->keys = kt_keys_share(kt_creds_keys(l->creds));
    if (!b.failed)
        l->call = kt_aws_call_new(l->trail->aws, l->trail->net,
                                  &(struct kt_aws_request){.endpoint = &l->endpoint,
                                                           .content_type = "application/x-amz-json-1.1",
                                                           .target = target,
                                                           .body = kt_buf_span(&b),
                                                           .keys = l->keys,
                                                           .pace = l->pace,
                                                           .gap_ms = GAP_MS,
                                                           .max_body = TRAIL_PAGE_MAX});
    kt_buf_free(&b);
    return l->call != NULL;
}

/* Whose account it is, once the keys say so: accounts share their pace. */
bool trail_find_pace(struct trail_lane *l)
{
    const struct kt_keys *k = kt_creds_keys(l->creds);
    if (!l->account[0] && k->account[0])
        snprintf(l->account, sizeof l->account, "%s", k->account);
    if (!l->pace)
        l->pace = kt_aws_pace(l->trail->aws, "cloudtrail", l->account, l->region);
    return l->pace != NULL;
}

/* True: there are keys, and it goes on. */
static bool get_keys(struct trail_lane *l, const struct kt_source_sink *sink)
{
    int64_t wake;
    switch (kt_creds_poll(l->creds, &wake)) {
    case KT_CREDS_WAITING:
        l->wake = wake;
        return false;
    case KT_CREDS_FAILED:
        put_off(l, kt_creds_says(l->creds), wake - mono(l), true, sink);
        return false;
    case KT_CREDS_READY:
        break;
    }
    if (trail_find_pace(l) && ask(l))
        return true;
    put_off(l, "out of memory", 0, false, sink);
    return false;
}

bool trail_wants(const struct trail_lane *l)
{
    const struct trail_pass *p = &l->pass[TRAIL_RECENT];
    int64_t now = mono(l);
    return !l->done && l->wake <= now + GAP_MS && (p->active || p->due <= now);
}

/* A sweep takes turns with what a person asks and waits for; what is new lets
 * it go first where it has waited for long. */
static bool give_way(struct trail_lane *l, enum trail_scan s)
{
    int64_t waited = l->pace ? trail_is_kept_waiting(l) : 0, now = mono(l);
    l->gave_way = !l->gave_way && waited > (s == TRAIL_RECENT ? TRAIL_PATIENCE_MS : 0);
    if (l->gave_way)
        l->wake = later(now, l->pace->next) + GAP_MS;
    return l->gave_way;
}

static bool its_turn(struct trail_lane *l)
{
    struct trail *t = l->trail;
    int64_t now = mono(l);
    if (now < t->turn) {
        l->wake = t->turn;
        return false;
    }
    t->turn = now + TRAIL_TURN_MS;
    t->first = (size_t)(l - t->lane) + 1;
    return true;
}

bool trail_step(struct trail_lane *l, const struct kt_source_sink *sink)
{
    for (;;) {
        if (l->done || (l->wake && mono(l) < l->wake))
            return false;
        l->wake = 0;
        if (!l->call) {
            enum trail_scan s = next_pass(l, sink);
            if (s == TRAIL_SCANS) {
                l->wake = next_due(l);
                if (l->busy)
                    release(l);
                return false;
            }
            l->asked = s;
            if (give_way(l, s))
                return false;
            if (l->pace && mono(l) < l->pace->next) {
                l->wake = l->pace->next; /* without holding up others */
                return false;
            }
            if (!l->busy && l->trail->busy >= TRAIL_BUSY)
                return false; /* somebody's answer will be heard first */
            if (!l->busy && !its_turn(l))
                return false;
            l->trail->busy += !l->busy;
            l->busy = true;
            if (!get_keys(l, sink))
                return false;
        }
        int64_t wake;
        const struct kt_aws_result *r = kt_aws_call_poll(l->call, &wake);
        if (r->end == KT_AWS_PENDING) {
            l->wake = wake;
            return false;
        }
        if (hear(l, r, sink))
            return true;
    }
}
