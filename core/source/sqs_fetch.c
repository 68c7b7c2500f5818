/* sqs: the objects that messages name. */
#include "source/sqs.h"

#include <stdio.h>
#include <stdlib.h>

enum { PIECE = 1 << 20, OBJECT_MS = 300000, TRIES = 8 };

static struct bucket *bucket_of(struct sqs *q, const struct sqs_object *o)
{
    struct kt_err ignored = {0};
    for (size_t i = 0; i < q->n_buckets; i++)
        if (strcmp(q->bucket[i]->name, o->bucket) == 0)
            return q->bucket[i];
    struct bucket *b = q->n_buckets < SQS_BUCKETS_MAX ? calloc(1, sizeof *b) : NULL;
    const char *region = kt_partition_of(o->region) ? o->region : q->endpoint.region;
    if (!b || bucket_open(b, q->aws, o->bucket, region, q->profile, &ignored) != KT_OK) {
        free(b);
        return NULL;
    }
    return q->bucket[q->n_buckets++] = b;
}

static void ask_for(struct sqs_fetch *f)
{
    struct kt_buf path;
    kt_buf_init(&path, BUCKET_KEY_MAX * 4);
    bucket_get_path(f->bucket, kt_span_of(f->key), &path);
    ask_start(&f->ask, &(struct kt_aws_request){.endpoint = &f->bucket->endpoint, .method = "GET", .path = kt_buf_str(&path),
                                                .max_body = BUCKET_OBJECT_MAX, .total_ms = OBJECT_MS});
    kt_buf_free(&path);
}

static void finish(struct sqs_fetch *f)
{
    f->message->fetching = false;
    f->message = NULL;
    f->moved = false;
    f->fed = 0;
    f->handle = 0;
    free(f->key);
    f->key = NULL;
    ask_end(&f->ask);
}

static bool begin(struct sqs *q, struct sqs_fetch *f, const struct kt_source_sink *sink)
{
    int64_t now = kt_aws_mono(q->aws);
    for (size_t i = 0; i < q->n_held; i++) {
        struct sqs_message *m = q->held[i];
        if (m->stage != SQS_FETCHING || m->fetching || now < m->not_before)
            continue;
        const struct sqs_object *o = &m->body.object[m->object];
        f->bucket = bucket_of(q, o);
        f->key = f->bucket ? strdup(o->key) : NULL;
        if (!f->key) {
            sqs_let_go(q, m, "too many buckets, or out of memory", sink);
            continue;
        }
        m->fetching = true;
        f->message = m;
        ask_for(f);
        return true;
    }
    return false;
}

/* Not now: later, or when the queue gives it again. */
static void put_off(struct sqs *q, struct sqs_fetch *f, const struct kt_source_sink *sink)
{
    struct sqs_message *m = f->message;
    char why[400], says[600];
    enum kt_aws_end end = f->ask.result->end;
    if (end == KT_AWS_OK)
        snprintf(why, sizeof why, "%s", "this is no file of CloudTrail: is there a proxy that wants a login?");
    else
        ask_says(&f->ask, NULL, why, sizeof why);
    snprintf(says, sizeof says, "s3://%.63s/%.200s: %.300s", f->bucket->name, f->key, why);
    bool lasting = end == KT_AWS_TRANSIENT && f->ask.result->lasting;
    bool later = end == KT_AWS_OK || (end == KT_AWS_TRANSIENT && !lasting) || end == KT_AWS_THROTTLED || end == KT_AWS_CREDENTIALS;
    q->health.throttled += end == KT_AWS_THROTTLED;
    finish(f);
    if (later && ++m->failures < TRIES)
        m->not_before = kt_aws_mono(q->aws) + ask_backoff(q->aws, m->failures);
    else
        sqs_let_go(q, m, says, sink);
}

/* A piece of it; false: the engine stops. */
static bool give(struct sqs *q, struct sqs_fetch *f, const struct kt_source_sink *sink)
{
    struct sqs_message *m = f->message;
    struct kt_span body = f->ask.result->body;
    if (!f->handle) {
        char name[64 + BUCKET_KEY_MAX + 8];
        snprintf(name, sizeof name, "s3://%s/%s", f->bucket->name, f->key);
        f->handle = sink->object(sink->ctx, name, 0, 0);
        if (!f->handle)
            return false;
    }
    size_t n = body.n - f->fed < PIECE ? body.n - f->fed : PIECE;
    if (n && !sink->bytes(sink->ctx, f->handle, body.p + f->fed, n))
        return false;
    f->fed += n;
    if (f->fed < body.n)
        return true;
    sink->end(sink->ctx, f->handle);
    q->health.bytes_done += body.n;
    q->health.files_done++;
    m->failures = 0;
    finish(f);
    if (++m->object == m->body.n_objects)
        sqs_given(q, m, sink);
    return true;
}

static bool step(struct sqs *q, struct sqs_fetch *f, const struct kt_source_sink *sink)
{
    for (;;) {
        if (!f->message && !begin(q, f, sink))
            return false;
        if (!ask_poll(&f->ask))
            return false;
        const struct kt_aws_result *r = f->ask.result;
        if (r->end == KT_AWS_OK && bucket_is_content(r->body))
            return give(q, f, sink);
        if (!f->moved && bucket_moved(f->bucket, r->region)) {
            f->moved = true;
            ask_for(f);
            continue;
        }
        put_off(q, f, sink);
    }
}

bool sqs_fetch_step(struct sqs *q, const struct kt_source_sink *sink)
{
    bool fed = false;
    for (size_t i = 0; i < SQS_FETCHES && !fed; i++)
        fed = step(q, &q->fetch[i], sink);
    return fed;
}
