#include "source/poller.h"

#include "net/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)

enum { BACKOFF_MAX = 60000, RESTS_MS = 24 * 3600000 };

static int64_t mono(const struct kt_poller *p)
{
    return kt_aws_mono(p->aws);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* --- windows ------------------------------------------------------------------------- */

/* A scan that is wider than another has its first time when the first is
 * done with, so that what a person waits for comes first. */
void kt_poller_start(struct kt_poller *p)
{
    int64_t now = mono(p);
    p->complete = p->remembered = p->answered = KT_TIME_NONE;
    p->health.state = KT_HEALTH_STARTING;
    p->done = p->rests && !p->follow;
    for (size_t i = 0; i < p->n_scans; i++)
        p->pass[i].due = i == 0 || i + 1 == p->n_scans ? now : now + p->scan[i].every;
    for (size_t i = 1; !p->follow && i < p->n_scans; i++)
        p->pass[i].due = INT64_MAX;
}

/* After an outage, or a laptop's sleep, it goes on where it came to. */
static int64_t window_start(const struct kt_poller *p, size_t scan, int64_t now)
{
    int64_t from = now - p->scan[scan].back;
    if (scan == 0 && p->complete != KT_TIME_NONE)
        from = sooner(p->complete, now) - p->scan[0].back;
    else if (scan == 0)
        from = p->since != KT_TIME_NONE ? p->since : p->first ? now - p->first : 0;
    return p->since != KT_TIME_NONE ? later(from, p->since) : later(from, 0);
}

static void begin(struct kt_poller *p, size_t scan)
{
    struct kt_pass *pass = &p->pass[scan];
    int64_t now = kt_aws_now(p->aws), due = pass->due;
    *pass = (struct kt_pass){.active = true, .whole = true, .from = window_start(p, scan, now), .to = now, .due = due};
    if (p->until != KT_TIME_NONE)
        pass->to = sooner(now, p->until + p->tail);
    pass->to = later(pass->to, pass->from);
}

struct kt_pass *kt_poller_next(struct kt_poller *p)
{
    int64_t now = mono(p), due = INT64_MAX;
    if (p->rests) {
        p->wake = now + RESTS_MS;
        return NULL;
    }
    for (size_t i = 0; i < p->n_scans; i++) {
        struct kt_pass *pass = &p->pass[i];
        if (!pass->active && now < pass->due) {
            due = sooner(due, pass->due);
            continue;
        }
        if (!pass->active)
            begin(p, i);
        p->asked = i;
        return pass;
    }
    p->wake = due;
    return NULL;
}

void kt_poller_finish(struct kt_poller *p)
{
    struct kt_pass *pass = &p->pass[p->asked];
    int64_t every = p->scan[p->asked].every;
    pass->active = false;
    pass->due = mono(p) + (pass->whole ? every : later(every / 10, p->scan[0].every));
    if (p->asked == 0 && pass->whole)
        p->complete = pass->to;
    p->done |= !p->follow;
}

void kt_poller_hurry(struct kt_poller *p)
{
    p->pass[0].due = sooner(p->pass[0].due, mono(p));
    if (p->wake && !p->ailing)
        p->wake = 0;
}

/* --- troubles ------------------------------------------------------------------------- */

void kt_poller_complain(struct kt_poller *p, const char *says, bool gap, const struct kt_source_sink *sink)
{
    if (p->ailing && strcmp(p->says, says) == 0)
        return;
    p->ailing = true;
    snprintf(p->says, sizeof p->says, "%s", says);
    p->health.troubles++;
    p->health.gaps += gap;
    sink->trouble(sink->ctx, p->name, p->says, gap);
}

void kt_poller_put_off(struct kt_poller *p, const char *says, int64_t at_least, bool hopeless,
                       const struct kt_source_sink *sink)
{
    int64_t wait = SECOND << (p->failures < 6 ? p->failures : 6);
    wait = sooner(wait, BACKOFF_MAX);
    wait = wait / 2 + (int64_t)((kt_aws_random(p->aws) >> 32) * (uint64_t)(wait / 2) >> 32);
    p->failures++;
    bool over = !p->follow && (hopeless || p->failures >= KT_POLLER_FAILURES);
    kt_poller_complain(p, says, over, sink);
    p->done |= over;
    p->wake = mono(p) + later(wait, at_least);
}

void kt_poller_well(struct kt_poller *p)
{
    p->ailing = false;
    p->failures = p->refusals = 0;
    p->answered = kt_aws_now(p->aws);
}

/* --- what is fed and remembered --------------------------------------------------------- */

bool kt_poller_feed(struct kt_poller *p, struct kt_span bytes, const struct kt_source_sink *sink)
{
    if (!bytes.n)
        return true;
    if (!p->object && !(p->object = sink->object(sink->ctx, p->name, p->records, p->bytes)))
        return false;
    p->health.bytes_done += bytes.n;
    return sink->bytes(sink->ctx, p->object, bytes.p, bytes.n);
}

void kt_poller_end(struct kt_poller *p, const struct kt_source_sink *sink)
{
    if (!p->object)
        return;
    (void)sink->at_rest(sink->ctx, p->object, &p->records, &p->bytes);
    sink->end(sink->ctx, p->object); /* a cut is told and counted by who found it */
    p->object = 0;
}

void kt_poller_recall(struct kt_poller *p, const struct kt_source_sink *sink)
{
    char text[32], *end;
    if (!p->follow || !sink->recall || !sink->recall(sink->ctx, p->key, text, sizeof text))
        return;
    long long at = strtoll(text, &end, 10);
    if (!*end && at > 0)
        p->complete = p->remembered = at;
}

void kt_poller_remember(struct kt_poller *p, const struct kt_source_sink *sink)
{
    char text[32];
    if (!p->follow || !sink->remember || p->complete == KT_TIME_NONE || p->complete == p->remembered)
        return;
    p->remembered = p->complete;
    snprintf(text, sizeof text, "%lld", (long long)p->complete);
    sink->remember(sink->ctx, p->key, text);
}

/* --- health -------------------------------------------------------------------------------- */

void kt_poller_assess(struct kt_poller *p, int64_t silent, int64_t delay, int64_t until, const struct kt_pace *pace)
{
    struct kt_health *h = &p->health;
    int64_t now = kt_aws_now(p->aws);
    bool first = p->answered != KT_TIME_NONE, whole = p->complete != KT_TIME_NONE;
    bool slow = pace && pace->penalty > 0;
    h->state = p->done                                 ? (p->ailing && !first ? KT_HEALTH_FAILED : KT_HEALTH_DONE)
               : p->rests                              ? KT_HEALTH_LIVE
               : p->ailing                             ? KT_HEALTH_STALE
               : first && now - p->answered > silent   ? KT_HEALTH_STALE
               : !first                                ? KT_HEALTH_STARTING
               : !whole                                ? KT_HEALTH_READING
                                                       : KT_HEALTH_LIVE;
    h->last_poll = first ? p->answered : 0;
    h->complete_to = whole ? p->complete - delay : 0;
    h->credentials_until = until != KT_TIME_NONE ? until : 0;
    h->throttled = pace ? pace->throttled : 0;
    h->slowed = slow;
    h->note[0] = '\0';
    h->pushed = p->rests; /* it is never old */
    if (p->ailing) {
        snprintf(h->note, sizeof h->note, "%.119s", p->says);
    } else if (slow) {
        snprintf(h->note, sizeof h->note, "throttled: asking less often");
    } else if (until != KT_TIME_NONE && until - now < 5 * MINUTE) {
        char text[KT_TIME_TEXT];
        kt_time_format(until - until % 1000, text);
        snprintf(h->note, sizeof h->note, "credentials end at %s", text);
    }
}

void kt_poller_wait(const struct kt_poller *p, const struct kt_net *net, struct kt_wait *next)
{
    int64_t at, now = mono(p);
    if (p->done) {
        next->kind = KT_WAIT_DONE;
        return;
    }
    bool network = kt_net_wait(net, &next->fd, &at);
    if (p->wake) {
        int64_t due = kt_mono_ms() + later(p->wake - now, 0);
        at = network && at && at < due ? at : due;
    }
    next->kind = network ? KT_WAIT_FD : p->wake ? KT_WAIT_TIME : KT_WAIT_NONE;
    next->deadline = at;
}
