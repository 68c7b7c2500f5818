/* cloudtrail: what is asked of it beside what it reads by itself: all that one
 * key or user did, in the accounts and Regions that it covers, as far back as
 * CloudTrail keeps events. LookupEvents takes one attribute a call and gives
 * the newest first. It shares the pace of what reads what is new, and goes
 * behind it. */
#include "source/cloudtrail.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND ((int64_t)1000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define KEPT (90 * DAY) /* by CloudTrail */

enum {
    GAP_MS = 520,        /* as of what is read by itself */
    AT_ONCE = 4,         /* accounts and Regions */
    PAGES_MAX = 2000,    /* of one question: 100,000 events, some 17 minutes */
    FAILURES_MAX = 6,
    RESTARTS_MAX = 5,    /* without a page between them */
    WINDOWS = 2
};

static const char target[] = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";

struct window {
    int64_t from, to; /* eventTime, seconds */
};
struct asked_lane {
    struct trail_lane *lane;
    struct window window[WINDOWS]; /* those to come, the newest first */
    size_t at;                     /* of them */
    int64_t back;                  /* ms: read down to here, in the window under way */
    struct kt_buf token;
    struct kt_aws_call *call;
    struct kt_keys *keys;
    int64_t wake, waits;           /* kt_aws_mono() */
    int failures, restarts, refusals;
    bool done, failed;
    bool for_keys;                 /* they are on their way */
};
struct trail_question {
    struct trail_question *next;
    struct trail *trail;
    struct kt_answer *a;
    const char *attribute;
    char value[256], account[16];
    struct asked_lane *lane;
    size_t n, turn;
    int64_t back, until; /* ms: what an earlier answer has; KT_TIME_NONE: nothing */
    int64_t now;         /* ms: when it was asked */
};

/* --- which accounts and Regions -------------------------------------------------------- */

static void digest_lanes(const struct trail_question *q, char hex[KT_SHA256_HEX + 1])
{
    struct kt_buf names;
    uint8_t digest[KT_SHA256];
    kt_buf_init(&names, TRAIL_LANES_MAX * sizeof q->lane->lane->name);
    for (size_t i = 0; i < q->n; i++)
        kt_buf_addf(&names, "%s\n", q->lane[i].lane->name);
    kt_sha256(names.p ? names.p : "", names.len, digest);
    kt_hex(digest, sizeof digest, hex);
    hex[16] = '\0'; /* it is no secret which they are */
    kt_buf_free(&names);
}

static enum kt_code choose_lanes(struct trail_question *q, struct kt_err *e)
{
    struct trail *t = q->trail;
    q->lane = calloc(t->n_lanes, sizeof *q->lane);
    if (!q->lane)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    for (size_t i = 0; i < t->n_lanes; i++) {
        struct trail_lane *l = &t->lane[i];
        if (q->account[0] && l->account[0] && strcmp(q->account, l->account) != 0)
            continue;
        q->lane[q->n].lane = l;
        q->lane[q->n].back = KT_TIME_NONE;
        q->lane[q->n].waits = kt_aws_mono(t->aws);
        kt_buf_init(&q->lane[q->n].token, TRAIL_TOKEN_MAX);
        q->n++;
    }
    return q->n ? KT_OK : kt_fail(e, KT_EUNSUPPORTED, "account %s is none of those that cloudtrail: reads", q->account);
}

/* "us-east-1 of 111122223333", "3 accounts and Regions" */
static void say_where(const struct trail_question *q, char *out, size_t size)
{
    const struct trail_lane *l = q->lane[0].lane;
    if (q->n > 1)
        snprintf(out, size, "%zu accounts and Regions", q->n);
    else
        snprintf(out, size, "%.63s%s%.15s", l->region, l->account[0] ? " of " : "", l->account);
}

/* --- windows ------------------------------------------------------------------------------- */

/* What is new since, an hour behind it; and what an answer that was cut short
 * had not come to. */
static void lay_windows(struct trail_question *q)
{
    int64_t edge = q->now - KEPT;
    bool some = q->until != KT_TIME_NONE && q->until > edge && q->back != KT_TIME_NONE;
    for (size_t i = 0; i < q->n; i++) {
        struct window *w = q->lane[i].window;
        w[0] = (struct window){(some ? q->until - HOUR : edge) / 1000, q->now / 1000};
        w[1] = (struct window){edge / 1000, some ? q->back / 1000 : 0};
        if (w[0].from < edge / 1000)
            w[0].from = edge / 1000;
    }
}

static bool is_empty(const struct window *w)
{
    return w->to <= w->from;
}

static void recall(struct trail_question *q)
{
    char hex[KT_SHA256_HEX + 1];
    long long back, until;
    char lanes[32];
    q->back = q->until = KT_TIME_NONE;
    digest_lanes(q, hex);
    if (sscanf(q->a->position, "%lld %lld %31s", &back, &until, lanes) == 3 && strcmp(lanes, hex) == 0 && back <= until) {
        q->back = back;
        q->until = until;
    } else {
        q->a->events = 0;
        q->a->position[0] = '\0';
    }
    q->a->back = q->back;
    q->a->until = q->until;
}

/* From where on one has read, up to now; KT_TIME_NONE: there is a hole before. */
static int64_t reached(const struct trail_question *q, const struct asked_lane *x)
{
    if (x->done && !x->failed)
        return q->now - KEPT;
    if (x->at == 0) /* in what an earlier answer does not have */
        return q->until == KT_TIME_NONE ? x->back : KT_TIME_NONE;
    return x->back != KT_TIME_NONE ? x->back : q->back;
}

/* All are read from the last of these on. */
static void remember(struct trail_question *q)
{
    char hex[KT_SHA256_HEX + 1];
    int64_t back = q->now - KEPT;
    for (size_t i = 0; i < q->n; i++) {
        int64_t to = reached(q, &q->lane[i]);
        if (to == KT_TIME_NONE)
            return; /* what an earlier one has, stays */
        back = to > back ? to : back;
    }
    q->a->back = back;
    q->a->until = q->now;
    digest_lanes(q, hex);
    snprintf(q->a->position, sizeof q->a->position, "%lld %lld %s", (long long)back, (long long)q->now, hex);
}

/* --- the end of a lane -------------------------------------------------------------------------- */

static void hang_up(struct asked_lane *x)
{
    kt_aws_call_free(x->call);
    kt_keys_free(x->keys);
    x->call = NULL;
    x->keys = NULL;
}

static void give_up(struct trail_question *q, struct asked_lane *x, const char *says)
{
    hang_up(x);
    x->done = x->failed = true;
    if (q->n > 1)
        snprintf(q->a->says, sizeof q->a->says, "%.60s: %.170s", x->lane->name, says);
    else
        snprintf(q->a->says, sizeof q->a->says, "%.239s", says);
}

static void put_off(struct trail_question *q, struct asked_lane *x, const char *says)
{
    hang_up(x);
    if (++x->failures >= FAILURES_MAX) {
        give_up(q, x, says);
        return;
    }
    int64_t wait = SECOND << x->failures;
    x->wake = kt_aws_mono(q->trail->aws) + wait / 2 +
              (int64_t)((kt_aws_random(q->trail->aws) >> 32) * (uint64_t)(wait / 2) >> 32);
}

static void next_window(struct asked_lane *x)
{
    kt_buf_reset(&x->token);
    x->back = KT_TIME_NONE;
    while (++x->at < WINDOWS && is_empty(&x->window[x->at]))
        ;
    x->done = x->at == WINDOWS;
}

/* --- answers --------------------------------------------------------------------------------------- */

static bool feed(struct trail_question *q, struct asked_lane *x, struct kt_span body, const struct kt_source_sink *sink)
{
    uint64_t object = sink->found ? sink->found(sink->ctx, q->a, x->lane->name) : 0;
    if (!object)
        return false;
    bool going = sink->bytes(sink->ctx, object, body.p, body.n);
    sink->end(sink->ctx, object);
    return going;
}

/* From where it has come to: its token is good no more. */
static void restart(struct trail_question *q, struct asked_lane *x, const char *says)
{
    hang_up(x);
    kt_buf_reset(&x->token);
    if (x->back != KT_TIME_NONE)
        x->window[x->at].to = x->back / 1000;
    if (++x->restarts > RESTARTS_MAX)
        give_up(q, x, says);
}

static void take_page(struct trail_question *q, struct asked_lane *x, struct kt_span body, const struct kt_source_sink *sink)
{
    struct trail_page page = trail_read_page(body);
    if (!page.understood) {
        put_off(q, x, "the answer is not CloudTrail's: is there a proxy that wants a login?");
        return;
    }
    bool same = kt_span_eq(page.token, kt_buf_span(&x->token));
    if (!feed(q, x, body, sink)) {
        hang_up(x);
        return;
    }
    x->failures = x->refusals = 0;
    x->restarts = same ? x->restarts : 0;
    q->a->pages++;
    if (page.oldest != KT_TIME_NONE && (x->back == KT_TIME_NONE || page.oldest < x->back))
        x->back = page.oldest;
    kt_buf_reset(&x->token);
    bool last = !page.token.p, fits = kt_buf_add(&x->token, page.token.p, page.token.n);
    hang_up(x);
    if (last)
        next_window(x);
    else if (same || !fits)
        restart(q, x, "the next page is this one, again and again");
    else if (q->a->pages >= PAGES_MAX)
        give_up(q, x, "there is more: asked again, it goes on from here");
    remember(q);
}

static void refused(struct trail_question *q, struct asked_lane *x, const struct kt_aws_result *r)
{
    char says[300];
    bool denied = r->end == KT_AWS_DENIED;
    snprintf(says, sizeof says, "%.60s%s%s%.160s", r->code,
             denied ? " (what it needs: keytop --print-policy cloudtrail:)" : "", r->code[0] ? ": " : "", r->message);
    if (r->end == KT_AWS_CREDENTIALS && x->refusals++ < 2) {
        kt_creds_refused(x->lane->creds, x->keys);
        hang_up(x);
    } else if (r->end == KT_AWS_REFUSED && (x->token.len || x->restarts)) {
        restart(q, x, says);
    } else if (r->end == KT_AWS_TRANSIENT) {
        put_off(q, x, says);
    } else {
        give_up(q, x, says);
    }
}

static void hear(struct trail_question *q, struct asked_lane *x, const struct kt_aws_result *r, const struct kt_source_sink *sink)
{
    q->a->slowed = r->end == KT_AWS_THROTTLED;
    if (r->end == KT_AWS_OK) {
        take_page(q, x, r->body, sink);
    } else if (r->end == KT_AWS_THROTTLED) {
        hang_up(x); /* the pace says when */
    } else {
        refused(q, x, r);
    }
}

/* --- questions ---------------------------------------------------------------------------------------- */

static void ask(struct trail_question *q, struct asked_lane *x)
{
    const struct window *w = &x->window[x->at];
    struct kt_buf b;
    kt_buf_init(&b, TRAIL_TOKEN_MAX + 1024);
    kt_buf_addf(&b, "{\"LookupAttributes\":[{\"AttributeKey\":\"%s\",\"AttributeValue\":\"%s\"}],\"StartTime\":%" PRId64
                    ",\"EndTime\":%" PRId64 ",\"MaxResults\":50", q->attribute, q->value, w->from, w->to);
    if (x->token.len) {
        kt_buf_adds(&b, ",\"NextToken\":\"");
        kt_buf_add(&b, x->token.p, x->token.len);
        kt_buf_addc(&b, '"');
    }
    kt_buf_addc(&b, '}');
    x->keys = kt_keys_share(kt_creds_keys(x->lane->creds));
    if (!b.failed)
        x->call = kt_aws_call_new(q->trail->aws, q->trail->net,
                                  &(struct kt_aws_request){.endpoint = &x->lane->endpoint,
                                                           .content_type = "application/x-amz-json-1.1",
                                                           .target = target,
                                                           .body = kt_buf_span(&b),
                                                           .keys = x->keys,
                                                           .pace = x->lane->pace,
                                                           .gap_ms = GAP_MS,
                                                           .max_body = TRAIL_PAGE_MAX});
    kt_buf_free(&b);
    if (!x->call)
        put_off(q, x, "out of memory");
}

/* What reads what is new goes first, but not for ever. */
static bool my_turn(struct asked_lane *x, int64_t mono)
{
    const struct trail_lane *l = x->lane;
    if (l->pace && mono < l->pace->next) {
        x->wake = l->pace->next;
        return false;
    }
    if (trail_wants(l) && mono - x->waits < TRAIL_PATIENCE_MS) {
        x->wake = mono + GAP_MS / 2;
        return false;
    }
    x->waits = mono;
    return true;
}

static void begin(struct trail_question *q, struct asked_lane *x)
{
    int64_t wake, mono = kt_aws_mono(q->trail->aws);
    x->for_keys = false;
    switch (kt_creds_poll(x->lane->creds, &wake)) {
    case KT_CREDS_WAITING:
        x->wake = wake;
        x->for_keys = true;
        return;
    case KT_CREDS_FAILED:
        give_up(q, x, kt_creds_says(x->lane->creds));
        return;
    case KT_CREDS_READY:
        break;
    }
    if (!trail_find_pace(x->lane))
        put_off(q, x, "out of memory");
    else if (q->account[0] && x->lane->account[0] && strcmp(q->account, x->lane->account) != 0)
        x->done = true; /* its keys say by now whose it is */
    else if (my_turn(x, mono))
        ask(q, x);
}

static bool step_lane(struct trail_question *q, struct asked_lane *x, const struct kt_source_sink *sink)
{
    int64_t mono = kt_aws_mono(q->trail->aws), wake;
    if (x->done || (x->wake && mono < x->wake))
        return false;
    x->wake = 0;
    if (!x->call)
        begin(q, x);
    if (!x->call)
        return false;
    const struct kt_aws_result *r = kt_aws_call_poll(x->call, &wake);
    if (r->end == KT_AWS_PENDING) {
        x->wake = wake;
        return false;
    }
    hear(q, x, r, sink);
    return true;
}

static void finish(struct trail_question *q)
{
    bool failed = false, all = true;
    for (size_t i = 0; i < q->n; i++) {
        all &= q->lane[i].done;
        failed |= q->lane[i].failed;
    }
    if (!all)
        return;
    remember(q);
    q->a->slowed = false;
    q->a->state = !failed ? KT_ANSWER_WHOLE : q->a->pages ? KT_ANSWER_PART : KT_ANSWER_FAILED;
}

/* Those under way first; others as long as there are few. */
static bool step(struct trail_question *q, const struct kt_source_sink *sink)
{
    size_t busy = 0;
    bool did = false;
    for (size_t i = 0; i < q->n; i++)
        busy += q->lane[i].call != NULL;
    for (size_t k = 0; k < q->n && !did; k++) {
        struct asked_lane *x = &q->lane[(q->turn + k) % q->n];
        if (!x->call && busy >= AT_ONCE)
            continue;
        bool had = x->call != NULL;
        did = step_lane(q, x, sink);
        busy += !had && x->call;
        if (did)
            q->turn = (q->turn + k + 1) % q->n;
    }
    finish(q);
    return did;
}

/* --- what the source offers ------------------------------------------------------------------------------ */

bool trail_answer(struct trail *t, const struct kt_source_sink *sink)
{
    bool did = false;
    for (struct trail_question *q = t->question; q && !did; q = q->next)
        if (q->a->state == KT_ANSWER_ASKING)
            did = step(q, sink);
    return did;
}

bool trail_asked(const struct trail *t, int64_t *wake, bool *now)
{
    bool any = false;
    size_t busy = 0;
    *wake = 0;
    *now = false;
    for (const struct trail_question *q = t->question; q; q = q->next) {
        if (q->a->state != KT_ANSWER_ASKING)
            continue;
        any = true;
        for (size_t i = 0; i < q->n; i++)
            busy += q->lane[i].call != NULL;
        for (size_t i = 0; i < q->n; i++) {
            const struct asked_lane *x = &q->lane[i];
            if (x->done)
                continue;
            if (x->wake)
                *wake = *wake == 0 || x->wake < *wake ? x->wake : *wake;
            else
                *now |= !x->call && busy < AT_ONCE && !x->for_keys;
        }
    }
    return any;
}

int64_t trail_is_kept_waiting(const struct trail_lane *l)
{
    int64_t now = kt_aws_mono(l->trail->aws), longest = 0;
    for (const struct trail_question *q = l->trail->question; q; q = q->next)
        for (size_t i = 0; q->a->state == KT_ANSWER_ASKING && i < q->n; i++) {
            const struct asked_lane *x = &q->lane[i];
            if (x->lane == l && !x->done && !x->call && now - x->waits > longest)
                longest = now - x->waits;
        }
    return longest;
}

static void question_free(struct trail_question *q)
{
    for (size_t i = 0; q->lane && i < q->n; i++) {
        hang_up(&q->lane[i]);
        kt_buf_free(&q->lane[i].token);
    }
    free(q->lane);
    free(q);
}

void trail_unask(struct kt_source *s, struct kt_answer *a)
{
    struct trail *t = (struct trail *)s;
    for (struct trail_question **q = &t->question; *q; q = &(*q)->next) {
        if ((*q)->a != a)
            continue;
        struct trail_question *gone = *q;
        *q = gone->next;
        question_free(gone);
        return;
    }
}

void trail_unask_all(struct trail *t)
{
    while (t->question) {
        struct trail_question *q = t->question;
        t->question = q->next;
        question_free(q);
    }
}

/* What IAM allows in names and ids, and nothing that JSON gives a meaning. */
static bool plain(const char *s)
{
    size_t n = strlen(s);
    return n && n < 129 && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@_-") == n;
}

static enum kt_code attribute_of(const struct kt_question *q, const char **out, struct kt_err *e)
{
    bool named = strcmp(q->type, "IAMUser") == 0 || strcmp(q->type, "Root") == 0 || !q->type[0];
    if (q->about == KT_ASK_USER && !named)
        return kt_fail(e, KT_EUNSUPPORTED, "LookupEvents finds who is no IAM user by the name of a session alone: ask for a key");
    *out = q->about == KT_ASK_KEY ? "AccessKeyId" : q->about == KT_ASK_USER ? "Username" : NULL;
    if (!*out)
        return kt_fail(e, KT_EUNSUPPORTED, "LookupEvents finds no addresses or agents: ask for a key or a user");
    return plain(q->name) ? KT_OK : kt_fail(e, KT_EUNSUPPORTED, "this is no name that IAM gives: it cannot be asked for");
}

enum kt_code trail_ask(struct kt_source *s, const struct kt_question *asked, struct kt_answer *a, struct kt_err *e)
{
    struct trail *t = (struct trail *)s;
    struct trail_question *q = calloc(1, sizeof *q);
    if (!q)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    q->trail = t;
    q->a = a;
    q->now = kt_aws_now(t->aws);
    snprintf(q->value, sizeof q->value, "%s", asked->name);
    snprintf(q->account, sizeof q->account, "%s", asked->account);
    enum kt_code code = attribute_of(asked, &q->attribute, e);
    if (code == KT_OK)
        code = choose_lanes(q, e);
    if (code != KT_OK) {
        question_free(q);
        return code;
    }
    snprintf(a->how, sizeof a->how, "LookupEvents");
    say_where(q, a->where, sizeof a->where);
    recall(q);
    lay_windows(q);
    q->next = t->question;
    t->question = q;
    return KT_OK;
}
