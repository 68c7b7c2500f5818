#include "source/deputy.h"

#include "aws/aws.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY ((int64_t)24 * 3600000)
#define REACH (90 * DAY) /* how far back a question goes, at the least */

struct deputy {
    struct deputy *next;
    struct kt_source *source;
    struct kt_answer *a;
    struct kt_source_sink sink;        /* what the source writes into; its ctx is this */
    const struct kt_source_sink *real; /* during a step */
    struct kt_wait wait;
    int64_t back, until;               /* what this answer will have, with the one before it */
    bool gap;                          /* it is asked for a time alone, and nothing of it is kept */
    int watched;                       /* -1: nothing */
};

/* --- what is asked ------------------------------------------------------------------------ */

static struct kt_cond *any_of(struct kt_arena *a, const char *const *path, size_t n, enum kt_cond_op op, struct kt_span value)
{
    struct kt_cond *sum = kt_cond_none(a);
    for (size_t i = 0; i < n; i++)
        sum = kt_cond_join(a, KT_COND_OR, sum, kt_cond_test(a, path[i], op, value));
    return sum;
}

/* A tool and its version stand somewhere in the agent's text, in some spelling. */
static struct kt_cond *of_agent(struct kt_arena *a, struct kt_span name)
{
    struct kt_cond *sum = kt_cond_all(a);
    while (name.n) {
        const char *blank = memchr(name.p, ' ', name.n);
        size_t n = blank ? (size_t)(blank - name.p) : name.n;
        if (n)
            sum = kt_cond_join(a, KT_COND_AND, sum, kt_cond_test(a, "userAgent", KT_COND_HAS, (struct kt_span){name.p, n}));
        n += blank != NULL;
        name.p += n;
        name.n -= n;
    }
    return sum;
}

static struct kt_cond *of_user(struct kt_arena *a, const struct kt_question *q)
{
    static const char *const names[] = {"userIdentity.userName", "userIdentity.sessionContext.sessionIssuer.userName",
                                        "requestParameters.userName", "responseElements.accessKey.userName",
                                        "responseElements.user.userName", "userIdentity.invokedBy"};
    static const char *const accounts[] = {"recipientAccountId", "userIdentity.accountId"};
    struct kt_span name = kt_span_of(q->name);
    struct kt_cond *who = any_of(a, names, sizeof names / sizeof *names, KT_COND_IS, name);
    /* roles without an issuer, and users of records cut short, are in the ARN alone */
    who = kt_cond_join(a, KT_COND_OR, who, kt_cond_test(a, "userIdentity.arn", KT_COND_HAS, name));
    if (strcmp(q->name, "root") == 0)
        who = kt_cond_join(a, KT_COND_OR, who, kt_cond_test(a, "userIdentity.type", KT_COND_IS, KT_LIT("Root")));
    if (!q->account[0])
        return who;
    return kt_cond_join(a, KT_COND_AND, who, any_of(a, accounts, 2, KT_COND_IS, kt_span_of(q->account)));
}

struct kt_cond *deputy_condition(struct kt_arena *a, const struct kt_question *q)
{
    static const char *const keys[] = {"userIdentity.accessKeyId", "requestParameters.accessKeyId",
                                       "responseElements.accessKey.accessKeyId"};
    static const char *const addresses[] = {"sourceIPAddress"};
    struct kt_span name = kt_span_of(q->name);
    switch (q->about) {
    case KT_ASK_USER:
        return of_user(a, q);
    case KT_ASK_ADDRESS:
        return any_of(a, addresses, 1, KT_COND_IS, name);
    case KT_ASK_AGENT:
        return of_agent(a, name);
    case KT_ASK_KEY:
        return any_of(a, keys, sizeof keys / sizeof *keys, KT_COND_IS, name);
    case KT_ASK_TIME:
        break;
    }
    return NULL;
}

/* --- what the deputy's source writes into ---------------------------------------------------- */

static uint64_t object(void *ctx, const char *name, uint64_t records, uint64_t bytes)
{
    struct deputy *x = ctx;
    (void)records, (void)bytes;
    x->a->pages++;
    return x->real->found ? x->real->found(x->real->ctx, x->a, name) : 0;
}

static bool bytes(void *ctx, uint64_t handle, const void *p, size_t n)
{
    struct deputy *x = ctx;
    return x->real->bytes(x->real->ctx, handle, p, n);
}

static void end(void *ctx, uint64_t handle)
{
    struct deputy *x = ctx;
    x->real->end(x->real->ctx, handle);
}

static void rest(void *ctx, uint64_t handle)
{
    (void)ctx, (void)handle;
}

static bool at_rest(void *ctx, uint64_t handle, uint64_t *records, uint64_t *n)
{
    (void)ctx, (void)handle, (void)records, (void)n;
    return true;
}

/* What is wrong with an answer is said with it. */
static void trouble(void *ctx, const char *place, const char *sentence, bool gap)
{
    struct deputy *x = ctx;
    (void)place, (void)gap;
    snprintf(x->a->says, sizeof x->a->says, "%.230s", sentence);
}

/* --- birth and death --------------------------------------------------------------------------- */

enum kt_code deputies_open(struct deputies *d, const struct kt_source_ops *ops, const char *address, const char *how,
                           int64_t behind, struct kt_net *net, const struct kt_source_opts *o, struct kt_err *e)
{
    *d = (struct deputies){.ops = ops, .address = strdup(address), .how = how, .behind = behind, .net = net, .aws = o->aws, .clock = o->clock, .since = o->since};
    if (!o->where && (d->arena = kt_arena_new(1 << 20)))
        d->usual = kt_cond_copy(d->arena, kt_cond_names(d->arena, o->event_names, o->n_event_names));
    return d->address && (o->where || d->usual) ? KT_OK : kt_fail(e, KT_ENOMEM, "out of memory");
}

static void deputy_free(struct deputies *d, struct deputy *x)
{
    if (x->watched >= 0)
        kt_net_unwatch(d->net, x->watched);
    if (x->source)
        x->source->ops->close(x->source);
    free(x);
}

void deputies_close(struct deputies *d)
{
    while (d->first) {
        struct deputy *x = d->first;
        d->first = x->next;
        deputy_free(d, x);
    }
    free(d->address);
    kt_arena_free(d->arena);
    *d = (struct deputies){0};
}

void deputies_unask(struct deputies *d, struct kt_answer *a)
{
    for (struct deputy **at = &d->first; *at; at = &(*at)->next)
        if ((*at)->a == a) {
            struct deputy *x = *at;
            *at = x->next;
            d->n--;
            deputy_free(d, x);
            return;
        }
}

/* --- asking ----------------------------------------------------------------------------------------- */

/* "back until", of what an earlier answer has: then what came since is asked for,
 * and what may have come late. */
static int64_t since(const struct deputies *d, struct deputy *x, const struct kt_question *q, int64_t now)
{
    long long back, until;
    x->until = now;
    x->back = q->since                                                ? q->since
              : d->since != KT_TIME_NONE && d->since < now - REACH ? d->since
                                                                      : now - REACH;
    x->gap = q->about == KT_ASK_TIME;
    if (x->gap) {
        x->until = q->until;
        return x->back;
    }
    if (sscanf(x->a->position, "%lld %lld", &back, &until) != 2 || back < 0 || back > x->back || until < back || until > now)
        return x->back;
    x->back = back;
    return until - d->behind;
}

enum kt_code deputies_ask(struct deputies *d, const struct kt_question *q, struct kt_answer *a, struct kt_err *e)
{
    if (d->n == KT_DEPUTIES)
        return kt_fail(e, KT_ELIMIT, "more than %d questions at once: wait for one to be answered", KT_DEPUTIES);
    struct deputy *x = calloc(1, sizeof *x);
    struct kt_arena *arena = kt_arena_new(1 << 20);
    const struct kt_cond *where = !x || !arena ? NULL : q->about == KT_ASK_TIME ? d->usual : deputy_condition(arena, q);
    enum kt_code code = where ? KT_OK : kt_fail(e, KT_ENOMEM, "out of memory");
    if (code == KT_OK) {
        x->a = a;
        x->watched = -1;
        x->sink = (struct kt_source_sink){.ctx = x, .object = object, .bytes = bytes, .pause = rest, .end = end,
                                          .at_rest = at_rest, .trouble = trouble};
        struct kt_source_opts o = {.clock = d->clock, .aws = d->aws, .where = where,
                                   .since = since(d, x, q, kt_aws_now(d->aws))};
        o.until = x->gap ? x->until : KT_TIME_NONE;
        o.answer = x->gap ? NULL : a; /* nobody waits for it, who could be asked */
        a->scanned = 0;
        a->percent = 0;
        a->wants = false;
        a->allow = KT_ALLOW_UNSAID;
        code = d->ops->open(&x->source, d->address, &o, e);
    }
    kt_arena_free(arena);
    if (code != KT_OK) {
        free(x);
        return code;
    }
    snprintf(a->how, sizeof a->how, "%s", d->how);
    x->next = d->first;
    d->first = x;
    d->n++;
    return KT_OK;
}

/* --- steps -------------------------------------------------------------------------------------------- */

static void finish(struct deputy *x, const struct kt_health *h)
{
    struct kt_answer *a = x->a;
    a->state = h->state == KT_HEALTH_FAILED ? KT_ANSWER_FAILED : h->gaps ? (a->pages ? KT_ANSWER_PART : KT_ANSWER_FAILED) : KT_ANSWER_WHOLE;
    a->slowed = a->wants = false;
    a->percent = 0;
    if (a->state != KT_ANSWER_WHOLE)
        return;
    a->says[0] = '\0';
    a->back = x->back;
    a->until = x->until;
    if (!x->gap)
        snprintf(a->position, sizeof a->position, "%" PRId64 " %" PRId64, x->back, x->until);
}

static void step(struct deputy *x, const struct kt_source_sink *sink)
{
    struct kt_health h = {0};
    x->real = sink;
    x->source->ops->step(x->source, &x->sink, &x->wait);
    x->source->ops->health(x->source, &h);
    x->real = NULL;
    x->a->slowed = h.slowed;
    if (h.note[0])
        snprintf(x->a->where, sizeof x->a->where, "%s", h.note);
    if (x->wait.kind == KT_WAIT_DONE)
        finish(x, &h);
}

/* What it waits for, the source waits for. */
static void add_wait(struct deputy *x, struct kt_net *net, struct kt_wait *next)
{
    int fd = x->wait.kind == KT_WAIT_FD ? x->wait.fd : -1, netfd = -1;
    int64_t at = x->wait.kind == KT_WAIT_FD || x->wait.kind == KT_WAIT_TIME ? x->wait.deadline : 0, due = 0;
    if (x->watched != fd && x->watched >= 0)
        kt_net_unwatch(net, x->watched);
    if (x->watched != fd && fd >= 0 && !kt_net_watch(net, fd, 0))
        fd = -1;
    x->watched = fd;
    if (x->wait.kind == KT_WAIT_NONE) {
        *next = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1, .owing = next->owing};
        return;
    }
    if (next->kind == KT_WAIT_NONE || next->kind == KT_WAIT_DONE)
        return;
    if (fd >= 0 && next->kind == KT_WAIT_TIME && kt_net_wait(net, &netfd, &due)) {
        next->kind = KT_WAIT_FD;
        next->fd = netfd;
    }
    if (at && (!next->deadline || at < next->deadline))
        next->deadline = at;
}

void deputies_step(struct deputies *d, const struct kt_source_sink *sink, struct kt_wait *next)
{
    for (struct deputy *x = d->first; x; x = x->next)
        if (x->a->state == KT_ANSWER_ASKING) {
            step(x, sink);
            add_wait(x, d->net, next);
        }
}
