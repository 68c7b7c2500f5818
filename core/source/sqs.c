/* sqs: the source. Takes events, or notices of new trail files, from a queue
 * that is keytop's own, and deletes a message once what it held is kept: on
 * disk where there is a memory, else out. Whoever reads a queue takes from
 * others what he reads: that it is our own is what a person has to see to, and
 * signs that it is not are told. Follows the SQS API reference, JSON protocol. */
#include "source/sqs.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>

enum { SILENT_MS = 120000, TOLD_MS = 10, KEPT_MS = 100 };

/* --- troubles --------------------------------------------------------------------------- */

/* Seen before? From now on it is. */
static bool known(struct sqs *q, const char *what)
{
    uint64_t h = kt_hash(what, strlen(what));
    size_t n = q->n_known < SQS_KNOWN_MAX ? q->n_known : SQS_KNOWN_MAX;
    for (size_t i = 0; i < n; i++)
        if (q->known[i] == h)
            return true;
    q->known[q->n_known++ % SQS_KNOWN_MAX] = h;
    return false;
}

void sqs_complain(struct sqs *q, const char *place, const char *says, bool gap, const struct kt_source_sink *sink)
{
    q->health.troubles++;
    q->health.gaps += gap;
    sink->trouble(sink->ctx, place, says, gap);
}

static void forget(struct sqs *q, const struct sqs_message *m)
{
    for (size_t i = 0; i < q->n_extending; i++)
        if (q->extending[i] == m)
            q->extending[i] = NULL;
    for (size_t i = 0; i < q->n_erasing; i++)
        if (q->erasing[i] == m)
            q->erasing[i] = NULL;
}

void sqs_let_go(struct sqs *q, struct sqs_message *m, const char *says, const struct kt_source_sink *sink)
{
    char text[700];
    snprintf(text, sizeof text, "message %s stays in the queue: %.500s", m->id, says);
    if (!known(q, text))
        sqs_complain(q, q->name, text, true, sink);
    m->stage = SQS_OVER;
}

/* --- messages ---------------------------------------------------------------------------- */

static void drop_message(struct sqs *q, struct sqs_message *m)
{
    forget(q, m);
    sqs_body_free(&m->body);
    free(m->receipt);
    free(m);
}

static void sweep(struct sqs *q)
{
    size_t kept = 0;
    for (size_t i = 0; i < q->n_held; i++) {
        if (q->held[i]->stage == SQS_OVER)
            drop_message(q, q->held[i]);
        else
            q->held[kept++] = q->held[i];
    }
    q->n_held = kept;
}

void sqs_given(struct sqs *q, struct sqs_message *m, const struct kt_source_sink *sink)
{
    (void)q;
    m->mark = sink->mark ? sink->mark(sink->ctx) : 0;
    m->stage = SQS_GIVEN;
}

/* What was told is put down in one, together with the rows; then the messages
 * may go. */
static void commit(struct sqs *q, const struct kt_source_sink *sink)
{
    char text[32];
    bool any = false;
    for (size_t i = 0; !q->committing && i < q->n_held; i++) {
        struct sqs_message *m = q->held[i];
        if (m->stage != SQS_GIVEN || (sink->told && !sink->told(sink->ctx, m->mark)))
            continue;
        m->stage = SQS_COMMITTING;
        any = true;
    }
    if (any) {
        q->committing = true;
        snprintf(text, sizeof text, "%llu", (unsigned long long)++q->commits);
        if (sink->remember)
            sink->remember(sink->ctx, q->key, text);
    }
    if (!q->committing || (sink->kept && !sink->kept(sink->ctx, q->key)))
        return;
    q->committing = false;
    for (size_t i = 0; i < q->n_held; i++) {
        struct sqs_message *m = q->held[i];
        if (m->stage != SQS_COMMITTING)
            continue;
        m->stage = SQS_KEPT;
        if (m->spoilt)
            sqs_let_go(q, m, m->body.why, sink);
    }
}

/* --- birth and death ----------------------------------------------------------------------- */

static void sqs_close(struct kt_source *s)
{
    struct sqs *q = (struct sqs *)s;
    if (!q)
        return;
    for (size_t i = 0; i < SQS_FETCHES; i++) {
        ask_free(&q->fetch[i].ask);
        free(q->fetch[i].key);
    }
    ask_free(&q->url);
    ask_free(&q->receive);
    ask_free(&q->erase);
    ask_free(&q->extend);
    for (size_t i = 0; i < q->n_held; i++)
        drop_message(q, q->held[i]);
    free(q->held);
    for (size_t i = 0; i < q->n_buckets; i++)
        free(q->bucket[i]);
    kt_creds_free(q->creds);
    kt_net_free(q->net);
    sqs_address_drop(&q->address);
    free(q);
}

static enum kt_code make_creds(struct sqs *q, const char *region, struct kt_err *e)
{
    enum kt_code code = kt_creds_new(&q->creds, q->aws, q->net, q->address.profile, region, e);
    if (code != KT_OK || !q->address.role)
        return code;
    struct kt_creds *base = q->creds;
    q->creds = NULL;
    code = kt_creds_role(&q->creds, base, q->address.role, q->address.external, region, e);
    kt_creds_free(base);
    return code;
}

static enum kt_code set_up(struct sqs *q, const char *address, struct kt_err *e)
{
    bool named;
    char room[64];
    enum kt_code code = sqs_address_parse(&q->address, address, e);
    if (code != KT_OK)
        return code;
    snprintf(q->profile, sizeof q->profile, "%s", kt_aws_profile(q->aws, q->address.profile, &named));
    const char *given = q->address.region[0] ? q->address.region : NULL;
    const char *region = kt_aws_region(q->aws, given, q->profile, room, sizeof room);
    region = region ? region : "us-east-1"; /* where IAM's events are */
    snprintf(q->name, sizeof q->name, "sqs:%s", q->address.queue);
    snprintf(q->key, sizeof q->key, "sqs:%s %s %s %.100s", q->address.account, region, q->address.queue, q->profile);
    code = kt_net_new(&q->net, &(struct kt_net_opts){kt_aws_env(q->aws, "AWS_CA_BUNDLE")}, e);
    if (code == KT_OK)
        code = kt_aws_endpoint(q->aws, KT_SVC_SQS, region, q->profile, &q->endpoint, e);
    if (code == KT_OK)
        code = make_creds(q, region, e);
    struct ask *const all[] = {&q->url, &q->receive, &q->erase, &q->extend};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        ask_init(all[i], q->aws, q->net, q->creds, KT_AWS_BODY_MAX);
    for (size_t i = 0; i < SQS_FETCHES; i++)
        ask_init(&q->fetch[i].ask, q->aws, q->net, q->creds, 1);
    return code;
}

static enum kt_code sqs_open(struct kt_source **out, const char *address, const struct kt_source_opts *o, struct kt_err *e)
{
    struct sqs *q = o->aws ? calloc(1, sizeof *q) : NULL;
    if (!q)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    q->source.ops = &kt_source_sqs;
    q->aws = o->aws;
    q->follow = o->follow;
    q->check = o->check;
    q->answered = q->ours = KT_TIME_NONE;
    q->health.state = KT_HEALTH_STARTING;
    q->health.pushed = true;
    enum kt_code code = set_up(q, address, e);
    if (code != KT_OK) {
        sqs_close(&q->source);
        return code;
    }
    *out = &q->source;
    return KT_OK;
}

/* --- steps ------------------------------------------------------------------------------------ */

static void assess(struct sqs *q)
{
    struct kt_health *h = &q->health;
    int64_t now = kt_aws_now(q->aws), until = kt_creds_until(q->creds);
    bool silent = q->answered != KT_TIME_NONE && now - q->answered > SILENT_MS;
    h->state = q->done && q->ailing && q->answered == KT_TIME_NONE ? KT_HEALTH_FAILED
               : q->done                                          ? KT_HEALTH_DONE
               : q->ailing || silent                              ? KT_HEALTH_STALE
               : q->answered == KT_TIME_NONE                      ? KT_HEALTH_STARTING
               : !q->empty                                        ? KT_HEALTH_READING
                                                                  : KT_HEALTH_LIVE;
    h->last_poll = q->answered == KT_TIME_NONE ? 0 : q->answered;
    h->credentials_until = until == KT_TIME_NONE ? 0 : until;
    h->note[0] = '\0';
    if (q->ailing)
        snprintf(h->note, sizeof h->note, "%.119s", q->says);
    else if (h->slowed)
        snprintf(h->note, sizeof h->note, "throttled: asking less often");
    else if (q->n_held >= SQS_HELD_MAX - SQS_BATCH)
        snprintf(h->note, sizeof h->note, "%zu messages wait to be kept on disk", q->n_held);
    else if (q->shared)
        snprintf(h->note, sizeof h->note, "somebody else reads this queue");
}

static void sooner(int64_t *at, int64_t t)
{
    if (t && (!*at || t < *at))
        *at = t;
}

/* What is past waits for something else than time. */
static void sooner_after(int64_t *at, int64_t t, int64_t now)
{
    sooner(at, t > now ? t : 0);
}

/* The soonest of what is waited for, kt_aws_mono(); 0: nothing but the network. */
static int64_t next_time(const struct sqs *q, bool *given)
{
    int64_t at = 0, now = q->stepped; /* not now: what has become due meanwhile is not past */
    sooner_after(&at, q->wake, now);
    const struct ask *const all[] = {&q->url, &q->receive, &q->erase, &q->extend};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        sooner(&at, all[i]->busy ? all[i]->wake : 0);
    for (size_t i = 0; i < SQS_FETCHES; i++)
        sooner(&at, q->fetch[i].message ? q->fetch[i].ask.wake : 0);
    *given = false;
    for (size_t i = 0; i < q->n_held; i++) {
        const struct sqs_message *m = q->held[i];
        *given |= m->stage == SQS_GIVEN;
        sooner_after(&at, m->renew, now);
        sooner_after(&at, m->not_before, now);
    }
    return at;
}

static bool fetching(const struct sqs *q)
{
    bool any = false;
    for (size_t i = 0; i < q->n_held; i++)
        any |= q->held[i]->stage == SQS_FETCHING || q->held[i]->stage == SQS_KEPT || q->held[i]->stage == SQS_DELETING;
    return any;
}

static void wait_for(struct sqs *q, struct kt_wait *next)
{
    bool given;
    int64_t net, mono = kt_aws_mono(q->aws), now = kt_mono_ms(), at = next_time(q, &given);
    if (q->done) {
        next->kind = KT_WAIT_DONE;
        return;
    }
    bool network = kt_net_wait(q->net, &next->fd, &net);
    int64_t due = at ? now + (at > mono ? at - mono : 0) : 0;
    sooner(&due, network ? net : 0);
    if (given && !q->committing)
        sooner(&due, now + TOLD_MS);
    if (q->committing)
        sooner(&due, now + KEPT_MS);
    next->kind = network ? KT_WAIT_FD : KT_WAIT_TIME;
    next->deadline = network || due ? due : now + KEPT_MS;
    next->owing = q->committing && !q->receive.busy && !fetching(q);
}

static void sqs_do(struct kt_source *s, const struct kt_source_sink *sink, struct kt_wait *next)
{
    struct sqs *q = (struct sqs *)s;
    *next = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1};
    q->stepped = kt_aws_mono(q->aws);
    kt_net_drive(q->net);
    bool fed = false;
    if (q->ours == KT_TIME_NONE)
        q->ours = kt_aws_now(q->aws);
    if (!q->done && (!q->address.url[0] || q->check)) {
        sqs_find_url(q, sink);
    }
    if (!q->done && q->address.url[0] && !q->check) {
        sqs_receive(q, sink);
        fed = sqs_fetch_step(q, sink);
        commit(q, sink);
        sqs_erase(q, sink);
        sqs_extend(q, sink);
        sweep(q);
    }
    q->done |= !q->follow && q->empty && !q->n_held;
    assess(q);
    if (!fed)
        wait_for(q, next);
}

static void sqs_health(const struct kt_source *s, struct kt_health *out)
{
    *out = ((const struct sqs *)s)->health;
}

const struct kt_source_ops kt_source_sqs = {
    .scheme = "sqs", .open = sqs_open, .step = sqs_do, .health = sqs_health, .close = sqs_close};
