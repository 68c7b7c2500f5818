/* A row's facts as bytes, so that it can be shown before its record is read
 * again. What is left out is found out anew: signals, with their evidence, and
 * matches of correlations. */
#include "store/state_impl.h"

enum { FORM = 1, UNKNOWN = -1 };

struct io { /* one way or the other */
    struct kt_buf *out; /* NULL: reading */
    struct kt_span in;
    bool ok;
};

static void io_bytes(struct io *x, void *p, size_t n)
{
    if (x->out) {
        x->ok = kt_buf_add(x->out, p, n) && x->ok;
        return;
    }
    x->ok = x->ok && x->in.n >= n;
    if (!x->ok)
        return;
    memcpy(p, x->in.p, n);
    x->in.p += n;
    x->in.n -= n;
}

static void io_span(struct io *x, struct kt_span *s)
{
    int32_t n = s->p ? (int32_t)s->n : UNKNOWN;
    io_bytes(x, &n, sizeof n);
    if (x->out) {
        x->ok = (n <= 0 || kt_buf_add(x->out, s->p, s->n)) && x->ok;
        return;
    }
    x->ok = x->ok && n >= UNKNOWN && (n == UNKNOWN || (size_t)n <= x->in.n);
    *s = x->ok && n != UNKNOWN ? (struct kt_span){x->in.p, (size_t)n} : KT_SPAN_NONE;
    x->in.p += x->ok && n > 0 ? n : 0;
    x->in.n -= x->ok && n > 0 ? (size_t)n : 0;
}

/* A small number that is none of `end` and beyond. */
static int io_enum(struct io *x, int value, int end)
{
    uint8_t b = (uint8_t)value;
    io_bytes(x, &b, 1);
    x->ok = x->ok && b < end;
    return x->ok ? b : 0;
}

static void io_actor(struct io *x, struct kt_event *ev)
{
    struct kt_span *const all[] = {&ev->actor.type, &ev->actor.name, &ev->actor.arn, &ev->actor.account,
                                   &ev->actor.principal_id, &ev->actor.session, &ev->actor.access_key_id, &ev->actor.via};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        io_span(x, all[i]);
    ev->actor.mfa = (enum kt_tri)io_enum(x, ev->actor.mfa, 4);
}

static void io_event(struct io *x, struct kt_event *ev)
{
    struct kt_span *const all[] = {&ev->event_id, &ev->event_name, &ev->event_source, &ev->error_code, &ev->error_message,
                                   &ev->target.name, &ev->target.account, &ev->key.id, &ev->key.status,
                                   &ev->source.address, &ev->agent.text, &ev->agent.tool, &ev->agent.version,
                                   &ev->agent.os, &ev->account, &ev->region};
    io_bytes(x, &ev->time, sizeof ev->time);
    io_bytes(x, &ev->key.created, sizeof ev->key.created);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        io_span(x, all[i]);
    io_actor(x, ev);
    ev->result = (enum kt_result)io_enum(x, ev->result, 8);
    ev->target.self = (enum kt_tri)io_enum(x, ev->target.self, 4);
    ev->target.from = (enum kt_target_from)io_enum(x, ev->target.from, 8);
    ev->source.kind = (enum kt_address_kind)io_enum(x, ev->source.kind, 4);
    ev->agent.cls = (enum kt_agent_class)io_enum(x, ev->agent.cls, 64);
}

static int io_number(struct io *x, int value)
{
    int32_t n = value;
    io_bytes(x, &n, sizeof n);
    return n;
}

/* Rules of the record's own alone. */
static void io_verdict(struct io *x, struct kt_verdict *v)
{
    size_t own = 0;
    while (x->out && own < v->n_rules && !v->rule[own].correlation)
        own++;
    v->risk = io_number(x, v->risk);
    v->level = (enum kt_level)io_enum(x, v->level, 8);
    own = (size_t)io_enum(x, (int)own, KT_RULES_MATCHED_MAX + 1);
    for (size_t i = 0; i < own; i++) {
        io_span(x, &v->rule[i].id);
        v->rule[i].risk = io_number(x, v->rule[i].risk);
    }
    v->n_rules = own;
    struct kt_span why = {v->why, strnlen(v->why, sizeof v->why)};
    io_span(x, &why);
    io_span(x, &v->filter);
    io_span(x, &v->filtered);
    if (!x->out && why.p && why.n < sizeof v->why) {
        memcpy(v->why, why.p, why.n);
        v->why[why.n] = '\0';
    }
}

static void io_malformed(struct io *x, struct kt_row *r)
{
    uint8_t names = r->malformed.names_event;
    io_span(x, &r->malformed.reason);
    io_bytes(x, &r->malformed.bytes, sizeof r->malformed.bytes);
    io_bytes(x, r->malformed.sha256, sizeof r->malformed.sha256);
    io_bytes(x, &names, 1);
    r->malformed.names_event = names != 0;
}

static void io_row(struct io *x, struct kt_row *r)
{
    uint32_t flags = r->ev.flags & ~(uint32_t)KT_FLAG_CONFLICT; /* the store finds it again */
    x->ok = io_enum(x, FORM, 256) == FORM && x->ok;
    r->ev.kind = (enum kt_kind)io_enum(x, r->ev.kind, KT_KIND_COUNT);
    io_bytes(x, &flags, sizeof flags);
    r->ev.flags = flags;
    if (r->ev.kind == KT_KIND_MALFORMED) {
        io_malformed(x, r);
        return;
    }
    io_event(x, &r->ev);
    io_verdict(x, &r->verdict);
}

bool row_image_write(const struct kt_row *r, struct kt_buf *out)
{
    struct kt_row copy = *r;
    struct io x = {.out = out, .ok = true};
    io_row(&x, &copy);
    return x.ok && !out->failed;
}

bool row_image_read(struct kt_span image, struct kt_row *r)
{
    struct io x = {.in = image, .ok = image.p != NULL};
    *r = (struct kt_row){.ev = {.time = KT_TIME_NONE, .key.created = KT_TIME_NONE}};
    io_row(&x, r);
    return x.ok && x.in.n == 0;
}
