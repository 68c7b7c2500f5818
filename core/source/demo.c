/* demo: the source. Tells the past day, then goes on at the pace of the
 * clock, one JSON line per record. */
#include "source/demo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SECOND = 1000,
    STEP_BYTES = 192 << 10, /* written per step: about a millisecond */
    OUT_MAX = 1 << 20,
    JUMP = 30 * SECOND      /* a clock that is off by more was set, or the machine slept */
};

/* --- chance ---------------------------------------------------------------- */

uint64_t demo_random(uint64_t *rng) /* splitmix64 */
{
    uint64_t z = *rng += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint32_t demo_below(struct demo *d, uint32_t n)
{
    return (uint32_t)((demo_random(&d->rng) >> 32) * n >> 32);
}

/* --- the queue --------------------------------------------------------------- */

static bool earlier(const struct demo_call *a, const struct demo_call *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void demo_plan(struct demo *d, struct demo_call c)
{
    if (!kt_grow(&d->queue, &d->queue_cap, d->queued + 1, sizeof *d->queue, DEMO_QUEUE_MAX)) {
        d->full = true;
        return;
    }
    c.order = d->order++;
    size_t i = d->queued++;
    for (; i > 0 && earlier(&c, &d->queue[(i - 1) / 2]); i = (i - 1) / 2)
        d->queue[i] = d->queue[(i - 1) / 2];
    d->queue[i] = c;
}

static struct demo_call take_first(struct demo *d)
{
    struct demo_call first = d->queue[0], last = d->queue[--d->queued];
    size_t i = 0, child;
    while ((child = 2 * i + 1) < d->queued) {
        if (child + 1 < d->queued && earlier(&d->queue[child + 1], &d->queue[child]))
            child++;
        if (!earlier(&d->queue[child], &last))
            break;
        d->queue[i] = d->queue[child];
        i = child;
    }
    d->queue[i] = last;
    return first;
}

/* --- time passes ----------------------------------------------------------------- */

static int64_t soon(struct demo *d, int64_t at, int lo_seconds, int hi_seconds)
{
    return at + lo_seconds * SECOND + (int64_t)demo_below(d, (uint32_t)(hi_seconds - lo_seconds) * SECOND + 1);
}

/* A script may begin up to DEMO_LEAD before its key, an attack minutes
 * before: each is planned when the one before it is due. */
static void begin(struct demo *d, int64_t now)
{
    d->start = d->last_now = now;
    d->begun = true;
    demo_plan_history(d, now);
    if (!d->follow)
        return;
    d->next_chore = now + 2 * SECOND;
    d->next_key = now + 8 * SECOND;
    demo_plan_rotation(d, d->next_key);
    d->next_attack = soon(d, now, 240, 420);
}

static int64_t earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t next_plan(const struct demo *d)
{
    return earliest(d->next_chore, earliest(d->next_key, d->next_attack));
}

static int64_t next_due(const struct demo *d)
{
    return d->queued ? earliest(d->queue[0].at, next_plan(d)) : next_plan(d);
}

/* Plans the one affair that is due first. One at a time, between the calls
 * that are due, so that chance is drawn in the same order however rarely the
 * source is called. */
static void plan_one(struct demo *d)
{
    int64_t t = next_plan(d);
    if (d->next_chore == t) {
        demo_plan_chore(d, t);
        d->next_chore = soon(d, t, 2, 6);
    } else if (d->next_key == t) {
        d->next_key = soon(d, t, 20, 60);
        demo_plan_key(d, d->next_key);
    } else {
        demo_plan_attack(d, t + 260 * SECOND);
        d->next_attack = soon(d, t, 480, 720);
    }
}

/* After a sleep, or when the clock was set, all that is planned moves along:
 * what did not happen meanwhile is not made up for. */
static void follow_jump(struct demo *d, int64_t now)
{
    int64_t jump = now < d->last_now - JUMP ? now - d->last_now : now > next_due(d) + JUMP ? now - next_due(d) : 0;
    d->last_now = now;
    if (!jump)
        return;
    for (size_t i = 0; i < d->queued; i++)
        d->queue[i].at += jump;
    for (size_t i = 0; i < DEMO_CAST_ALL; i++)
        if (d->cast[i].busy_until != INT64_MAX)
            d->cast[i].busy_until += jump;
    d->next_chore += jump;
    d->next_key += jump;
    d->next_attack += jump;
}

/* --- the vtable -------------------------------------------------------------------- */

static enum kt_code demo_open(struct kt_source **out, const char *address, const struct kt_source_opts *o,
                              struct kt_err *e)
{
    if (strcmp(address, "demo:") != 0 && *address)
        return kt_fail(e, KT_EUSAGE, "%s: the simulated organization takes nothing after \"demo:\"", address);
    struct demo *d = calloc(1, sizeof *d);
    if (!d)
        return kt_fail(e, KT_ENOMEM, "demo: memory ran out");
    d->source.ops = &kt_source_demo;
    d->clock = o->clock;
    d->follow = o->follow;
    d->rng = o->seed ? o->seed : 0x6b6579746f70u;
    d->health.state = KT_HEALTH_STARTING;
    snprintf(d->health.note, sizeof d->health.note, "simulated");
    kt_buf_init(&d->out, OUT_MAX);
    demo_cast_fill(d);
    *out = &d->source;
    return KT_OK;
}

/* Writes what has become due, in order. True when nothing is left of it. */
static bool write_due(struct demo *d, int64_t now)
{
    for (;;) {
        int64_t due = d->queued ? d->queue[0].at : INT64_MAX;
        if (d->live && next_plan(d) <= earliest(due, now)) {
            plan_one(d);
            continue;
        }
        if (due > now)
            return true;
        if (d->out.len >= STEP_BYTES)
            return false;
        struct demo_call c = take_first(d);
        demo_write(d, &c);
    }
}

static bool send(struct demo *d, const struct kt_source_sink *sink)
{
    if (d->out.failed || d->full) {
        sink->trouble(sink->ctx, "demo:", "memory ran out, simulated records were left out", true);
        d->health.troubles++;
        d->full = false;
    }
    bool whole = !d->out.failed; /* a part of a record is not sent */
    bool going = !d->out.len || !whole || sink->bytes(sink->ctx, d->object, d->out.p, d->out.len);
    if (whole)
        d->health.bytes_done += d->out.len;
    kt_buf_reset(&d->out);
    return going;
}

static void finish(struct demo *d, struct kt_wait *next)
{
    d->done = true;
    next->kind = KT_WAIT_DONE;
}

static void demo_step(struct kt_source *s, const struct kt_source_sink *sink, struct kt_wait *next)
{
    struct demo *d = (struct demo *)s;
    int64_t now = kt_now(d->clock);
    *next = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1};
    if (d->done) {
        finish(d, next);
        return;
    }
    if (!d->begun) {
        d->object = sink->object(sink->ctx, "demo:", 0, 0);
        if (!d->object) {
            finish(d, next);
            return;
        }
        begin(d, now);
        d->health.state = KT_HEALTH_READING;
    }
    if (d->live)
        follow_jump(d, now);
    bool caught_up = write_due(d, d->live ? now : d->start);
    d->health.last_poll = now;
    if (!send(d, sink)) {
        finish(d, next);
        return;
    }
    if (!caught_up)
        return;
    if (!d->follow) {
        sink->end(sink->ctx, d->object);
        d->health.state = KT_HEALTH_DONE;
        finish(d, next);
        return;
    }
    d->live = true;
    d->health.state = KT_HEALTH_LIVE;
    int64_t wait = next_due(d) - now;
    next->kind = KT_WAIT_TIME;
    next->deadline = kt_mono_ms() + (wait > 0 ? wait : 0);
}

static void demo_health(const struct kt_source *s, struct kt_health *out)
{
    *out = ((const struct demo *)s)->health;
}

static void demo_close(struct kt_source *s)
{
    struct demo *d = (struct demo *)s;
    if (!d)
        return;
    kt_buf_free(&d->out);
    free(d->queue);
    free(d);
}

const struct kt_source_ops kt_source_demo = {
    .scheme = "demo", .open = demo_open, .step = demo_step, .health = demo_health, .close = demo_close};
