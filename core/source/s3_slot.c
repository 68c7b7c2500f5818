/* s3: one object after the other, fetched and given. */
#include "source/s3.h"

#include <stdio.h>
#include <stdlib.h>

enum { PIECE = 1 << 20, OBJECT_MS = 300000, TRIES = 5, DENIED_MAX = 5 };

static struct s3_entry *entry_of(struct s3_slot *t)
{
    return &t->job->entry[t->entry];
}

static void ask_for(struct s3 *s, struct s3_slot *t)
{
    struct kt_buf path;
    kt_buf_init(&path, BUCKET_KEY_MAX * 4);
    bucket_get_path(&s->bucket, kt_span_of(entry_of(t)->key), &path);
    ask_start(&t->ask, &(struct kt_aws_request){.endpoint = &s->bucket.endpoint, .method = "GET", .path = kt_buf_str(&path),
                                                .max_body = BUCKET_OBJECT_MAX, .total_ms = OBJECT_MS});
    kt_buf_free(&path);
}

static bool begin(struct s3 *s, struct s3_slot *t)
{
    int64_t now = kt_aws_mono(s->aws);
    for (size_t k = 0; k < S3_JOBS; k++) {
        struct s3_job *j = &s->job[k];
        if (j->stage != S3_GETTING)
            continue;
        while (j->next < j->n_entries && j->entry[j->next].state != S3_NEW)
            j->next++;
        for (size_t i = j->next; i < j->n_entries; i++) {
            if (j->entry[i].state != S3_NEW || now < j->entry[i].not_before)
                continue;
            t->job = j;
            t->entry = i;
            j->entry[i].state = S3_FETCHING;
            ask_for(s, t);
            return true;
        }
    }
    return false;
}

static void finish(struct s3_slot *t, enum s3_entry_state state)
{
    struct s3_job *j = t->job;
    entry_of(t)->state = state;
    if (state == S3_NEW && t->entry < j->next)
        j->next = t->entry;
    j->open -= state != S3_NEW;
    j->read += state == S3_READ;
    j->failed += state == S3_FAILED;
    t->job = NULL;
    t->fed = 0;
    t->handle = 0;
    ask_end(&t->ask);
}

/* Nothing of this lane may be read: the others are not asked for. */
static void give_up(struct s3_job *j)
{
    for (size_t i = 0; i < j->n_entries; i++)
        if (j->entry[i].state == S3_NEW) {
            j->entry[i].state = S3_FAILED;
            j->open--;
            j->failed++;
        }
}

static void put_off(struct s3 *s, struct s3_slot *t, const struct kt_source_sink *sink)
{
    struct s3_job *j = t->job;
    struct s3_entry *e = entry_of(t);
    enum kt_aws_end end = t->ask.result->end;
    char why[400], place[64 + BUCKET_KEY_MAX + 8], needs[200];
    bool later = end == KT_AWS_OK || (end == KT_AWS_TRANSIENT && !t->ask.result->lasting) || end == KT_AWS_THROTTLED || end == KT_AWS_CREDENTIALS;
    s->health.throttled += end == KT_AWS_THROTTLED;
    if (later && ++e->tries < TRIES) {
        e->not_before = kt_aws_mono(s->aws) + ask_backoff(s->aws, e->tries);
        j->retry = e->not_before > j->retry ? e->not_before : j->retry;
        finish(t, S3_NEW);
        return;
    }
    snprintf(needs, sizeof needs, "s3://%s/%.100s", s->address.bucket, s->address.prefix);
    if (end == KT_AWS_OK)
        snprintf(why, sizeof why, "this is no file of CloudTrail: is there a proxy that wants a login?");
    else
        ask_says(&t->ask, needs, why, sizeof why);
    snprintf(place, sizeof place, "s3://%s/%s", s->address.bucket, e->key);
    s3_complain(s, end == KT_AWS_DENIED ? j->lane->name : place, why, true, sink);
    j->denied += end == KT_AWS_DENIED;
    finish(t, S3_FAILED);
    if (j->denied >= DENIED_MAX && !j->read)
        give_up(j);
}

/* A piece of it; false: the engine stops. */
static bool give(struct s3 *s, struct s3_slot *t, const struct kt_source_sink *sink)
{
    struct kt_span body = t->ask.result->body;
    if (!t->handle) {
        char name[64 + BUCKET_KEY_MAX + 8];
        snprintf(name, sizeof name, "s3://%s/%s", s->address.bucket, entry_of(t)->key);
        t->handle = sink->object(sink->ctx, name, 0, 0);
        if (!t->handle)
            return false;
    }
    size_t n = body.n - t->fed < PIECE ? body.n - t->fed : PIECE;
    if (n && !sink->bytes(sink->ctx, t->handle, body.p + t->fed, n))
        return false;
    t->fed += n;
    if (t->fed < body.n)
        return true;
    sink->end(sink->ctx, t->handle);
    s->health.bytes_done += body.n;
    s->health.files_done++;
    s->answered = kt_aws_now(s->aws);
    finish(t, S3_READ);
    return true;
}

bool s3_slot_step(struct s3 *s, struct s3_slot *t, const struct kt_source_sink *sink)
{
    for (;;) {
        if (!t->job && !begin(s, t))
            return false;
        if (!ask_poll(&t->ask))
            return false;
        if (t->ask.result->end == KT_AWS_OK && bucket_is_content(t->ask.result->body))
            return give(s, t, sink);
        put_off(s, t, sink);
    }
}
