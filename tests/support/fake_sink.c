#include "tests/support/fake_sink.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "fake sink: %s\n", what);
        abort();
    }
}

static uint64_t object(void *ctx, const char *name, uint64_t records, uint64_t bytes)
{
    struct fake_sink *f = ctx;
    must(kt_grow(&f->objects, &f->objects_cap, f->n_objects + 1, sizeof *f->objects, SIZE_MAX / 256), "memory");
    struct fake_object *o = &f->objects[f->n_objects++];
    *o = (struct fake_object){.name = strdup(name), .records = records, .bytes = bytes};
    kt_buf_init(&o->data, (size_t)1 << 30);
    must(o->name != NULL, "memory");
    return f->n_objects;
}

static struct fake_object *at(struct fake_sink *f, uint64_t handle)
{
    must(handle > 0 && handle <= f->n_objects, "a handle that was never given");
    must(!f->objects[handle - 1].ended, "an object that has ended");
    return &f->objects[handle - 1];
}

static bool bytes(void *ctx, uint64_t handle, const void *p, size_t n)
{
    struct fake_sink *f = ctx;
    must(n > 0, "no bytes");
    must(kt_buf_add(&at(f, handle)->data, p, n), "memory");
    if (n > f->largest)
        f->largest = n;
    return !f->stop_after || ++f->pieces < f->stop_after;
}

static bool at_rest(void *ctx, uint64_t handle, uint64_t *records, uint64_t *n)
{
    struct fake_object *o = at(ctx, handle);
    uint64_t lines = 0;
    for (size_t i = 0; i < o->data.len; i++)
        lines += o->data.p[i] == '\n';
    if (records)
        *records = o->records + lines;
    if (n)
        *n = o->bytes + o->data.len;
    return !o->data.len || o->data.p[o->data.len - 1] == '\n';
}

static void pause_object(void *ctx, uint64_t handle)
{
    (void)at(ctx, handle);
}

static void end(void *ctx, uint64_t handle)
{
    at(ctx, handle)->ended = true;
}

static void trouble(void *ctx, const char *place, const char *sentence, bool gap)
{
    struct fake_sink *f = ctx;
    must(kt_grow(&f->troubles, &f->troubles_cap, f->n_troubles + 1, sizeof *f->troubles, SIZE_MAX / 256), "memory");
    struct fake_trouble *t = &f->troubles[f->n_troubles++];
    *t = (struct fake_trouble){strdup(place), strdup(sentence), gap};
    must(t->place && t->sentence, "memory");
}

void fake_sink_init(struct fake_sink *f)
{
    *f = (struct fake_sink){.sink = {f, object, bytes, pause_object, end, at_rest, trouble, NULL, NULL, NULL, NULL, NULL}};
}

void fake_sink_free(struct fake_sink *f)
{
    for (size_t i = 0; i < f->n_objects; i++) {
        free(f->objects[i].name);
        kt_buf_free(&f->objects[i].data);
    }
    for (size_t i = 0; i < f->n_troubles; i++) {
        free(f->troubles[i].place);
        free(f->troubles[i].sentence);
    }
    free(f->objects);
    free(f->troubles);
    *f = (struct fake_sink){0};
}

bool fake_run(struct fake_sink *f, struct kt_source *s)
{
    struct kt_wait w;
    for (int i = 0; i < 1000000; i++) {
        s->ops->step(s, &f->sink, &w);
        if (w.kind == KT_WAIT_DONE)
            return true;
        if (w.kind == KT_WAIT_FD) {
            struct pollfd p = {.fd = w.fd, .events = POLLIN};
            if (poll(&p, 1, 10000) != 1)
                return false;
        }
    }
    return false;
}

static bool has_news(const struct kt_wait *w)
{
    struct pollfd p = {.fd = w->fd, .events = POLLIN};
    return w->kind == KT_WAIT_NONE || (w->kind == KT_WAIT_FD && poll(&p, 1, 0) == 1);
}

struct kt_wait fake_settle(struct fake_sink *f, struct kt_source *s, size_t *steps)
{
    struct kt_wait w;
    size_t n = 0;
    do {
        s->ops->step(s, &f->sink, &w);
        must(++n < 1000000, "a source that never rests");
    } while (has_news(&w));
    if (steps)
        *steps = n;
    return w;
}

bool fake_wait(struct fake_sink *f, struct kt_source *s, bool (*done)(void *ctx), void *ctx, int limit_ms)
{
    int64_t until = kt_mono_ms() + limit_ms;
    for (;;) {
        struct kt_wait w = fake_settle(f, s, NULL);
        int64_t now = kt_mono_ms();
        if (done(ctx))
            return true;
        if (w.kind == KT_WAIT_DONE || now >= until)
            return false;
        int64_t wake = w.deadline && w.deadline < until ? w.deadline : until;
        struct pollfd p = {.fd = w.kind == KT_WAIT_FD ? w.fd : -1, .events = POLLIN};
        if (wake > now)
            (void)poll(&p, 1, (int)(wake - now));
    }
}

struct fake_object *fake_object(struct fake_sink *f, const char *name, const struct fake_object *after)
{
    for (size_t i = after ? (size_t)(after - f->objects) + 1 : 0; i < f->n_objects; i++)
        if (strcmp(f->objects[i].name, name) == 0)
            return &f->objects[i];
    return NULL;
}

char *fake_text(struct fake_sink *f, const char *name)
{
    struct kt_buf b;
    kt_buf_init(&b, (size_t)1 << 30);
    for (struct fake_object *o = NULL; (o = fake_object(f, name, o));)
        must(kt_buf_add(&b, kt_buf_str(&o->data), o->data.len), "memory");
    char *text = strdup(kt_buf_str(&b));
    kt_buf_free(&b);
    must(text != NULL, "memory");
    return text;
}

size_t fake_troubles(const struct fake_sink *f, const char *place, bool gaps_only)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n_troubles; i++)
        n += (!place || strcmp(f->troubles[i].place, place) == 0) && (!gaps_only || f->troubles[i].gap);
    return n;
}
