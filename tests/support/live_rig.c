#include "tests/support/live_rig.h"

#include "event/event.h"

#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

uint64_t live_random(struct live_rig *r, uint64_t n)
{
    return rig_mix(&r->rng) % (n ? n : 1);
}

static uint64_t chance(void *ctx)
{
    return live_random(ctx, UINT64_MAX);
}

static int64_t clock_now(void *ctx)
{
    return ((struct live_rig *)ctx)->now;
}

/* --- what comes of it ------------------------------------------------------------------ */

static bool on_record(void *ctx, const struct kt_record *rec)
{
    struct live_rig *r = ctx;
    int number = 0;
    char id[64] = "";
    struct kt_span s = kt_node_text(kt_node_get(rec->root, "eventID"));
    if (s.p)
        snprintf(id, sizeof id, "%.*s", (int)s.n, s.p);
    rig_must(sscanf(id, "00000000-0000-4000-8000-%d", &number) == 1 && number > 0 && number < LIVE_EVENTS, "an event that is none of ours");
    r->twice += r->row[number] != 0;
    r->rows += r->row[number] == 0;
    r->row[number] |= 1;
    return true;
}

static bool on_malformed(void *ctx, const struct kt_malformed *m)
{
    (void)ctx;
    rig_must(false, m->reason);
    return false;
}

static uint64_t object(void *ctx, const char *name, uint64_t records, uint64_t bytes)
{
    struct live_rig *r = ctx;
    snprintf(r->last, sizeof r->last, "%s", name);
    kt_ingest_reset(r->ingest);
    kt_ingest_continue(r->ingest, records, bytes);
    return ++r->objects;
}

static bool bytes(void *ctx, uint64_t handle, const void *p, size_t n)
{
    struct live_rig *r = ctx;
    rig_must(handle == r->objects, "objects are given one after the other here");
    return kt_ingest_feed(r->ingest, p, n);
}

static void end(void *ctx, uint64_t handle)
{
    struct live_rig *r = ctx;
    struct kt_err why = {0};
    rig_must(handle == r->objects && kt_ingest_finish(r->ingest, &why) == KT_END_WHOLE, why.text);
}

static void trouble(void *ctx, const char *place, const char *sentence, bool gap)
{
    struct live_rig *r = ctx;
    snprintf(r->trouble[r->n_troubles++ % LIVE_TROUBLES], sizeof r->trouble[0], "%s: %s", place, sentence);
    r->gaps += gap;
}

static void remember(void *ctx, const char *what, const char *position)
{
    rig_memory_put(&((struct live_rig *)ctx)->memory, what, position);
}

static bool recall(void *ctx, const char *what, char *out, size_t size)
{
    return rig_memory_get(&((struct live_rig *)ctx)->memory, what, out, size);
}

static uint64_t mark(void *ctx)
{
    return ((struct live_rig *)ctx)->objects;
}

static bool told(void *ctx, uint64_t at)
{
    return at <= ((struct live_rig *)ctx)->objects;
}

/* Rows and positions, in one. */
static void write_disk(struct live_rig *r)
{
    for (size_t i = 0; i < LIVE_EVENTS; i++)
        r->row[i] |= r->row[i] ? 2 : 0;
    rig_memory_copy(&r->disk, &r->memory);
}

static bool kept(void *ctx, const char *what)
{
    struct live_rig *r = ctx;
    (void)what;
    if (r->never_kept || live_random(r, 100) < r->slow_disk)
        return false;
    write_disk(r);
    return true;
}

/* --- birth and death ---------------------------------------------------------------------- */

void live_init(struct live_rig *r, int64_t start, uint64_t seed)
{
    static const char *const names[] = {"CreateAccessKey"};
    *r = (struct live_rig){.now = start, .start = start, .rng = seed};
    fake_aws_init(&r->aws);
    fake_sqs_init(&r->sqs);
    fake_s3_init(&r->s3, "trail-bucket", "us-east-1");
    temp_dir_make(&r->home);
    r->clock = (struct kt_clock){clock_now, r};
    r->aws.clock = r->aws.mono = &r->clock;
    r->aws.sqs = &r->sqs;
    r->aws.s3 = &r->s3;
    r->sqs.rng = seed;
    rig_environment(&r->variables, r->home.path, &r->aws);
    r->sink = (struct kt_source_sink){.ctx = r, .object = object, .bytes = bytes, .pause = rig_pause, .end = end, .at_rest = rig_at_rest,
                                       .trouble = trouble, .remember = remember, .recall = recall, .mark = mark, .told = told, .kept = kept};
    r->ingest = kt_ingest_new(names, 1, &(struct kt_record_sink){on_record, on_malformed, r, NULL, NULL});
    r->row = calloc(1, LIVE_EVENTS);
    rig_must(r->ingest && r->row, "memory");
}

static void shut(struct live_rig *r)
{
    if (r->source)
        r->source->ops->close(r->source);
    r->source = NULL;
    kt_aws_free(r->context);
    r->context = NULL;
}

void live_close(struct live_rig *r)
{
    shut(r);
    if (!r->never_kept)
        write_disk(r);
}

void live_kill(struct live_rig *r)
{
    shut(r);
    r->rows = 0;
    for (size_t i = 0; i < LIVE_EVENTS; i++) {
        r->row[i] = r->row[i] & 2 ? 3 : 0;
        r->rows += r->row[i] != 0;
    }
    rig_memory_copy(&r->memory, &r->disk);
}

void live_free(struct live_rig *r)
{
    shut(r);
    kt_ingest_free(r->ingest);
    free(r->row);
    rig_memory_drop(&r->memory);
    rig_memory_drop(&r->disk);
    fake_aws_free(&r->aws);
    fake_sqs_free(&r->sqs);
    fake_s3_free(&r->s3);
    temp_dir_remove(&r->home);
}

void live_open(struct live_rig *r, const char *address, bool follow, int64_t since)
{
    static const char *const names[] = {"CreateAccessKey", "AKIA"};
    struct kt_err e = {0};
    rig_must(kt_aws_new(&r->context, &(struct kt_aws_opts){.clock = &r->clock, .mono = &r->clock, .random = chance, .random_ctx = r,
                                                       .env = r->variables.env}, &e) == KT_OK, e.text);
    struct kt_source_opts o = {.follow = follow, .clock = &r->clock, .since = since, .until = KT_TIME_NONE,
                               .event_names = names, .n_event_names = 1, .aws = r->context};
    rig_must(kt_source_open(&r->source, address, &o, &e) == KT_OK, e.text);
    r->wait = (struct kt_wait){0};
}

struct kt_health live_health(const struct live_rig *r)
{
    struct kt_health h = {0};
    r->source->ops->health(r->source, &h);
    return h;
}

bool live_done(const struct live_rig *r)
{
    return r->wait.kind == KT_WAIT_DONE;
}

bool live_says(const struct live_rig *r, const char *what)
{
    for (size_t i = 0; i < r->n_troubles && i < LIVE_TROUBLES; i++)
        if (strstr(r->trouble[i], what))
            return true;
    return false;
}

void live_run(struct live_rig *r, int64_t until, size_t steps)
{
    for (size_t n = 0; !steps || n < steps; n++) {
        r->source->ops->step(r->source, &r->sink, &r->wait);
        int64_t ms = r->wait.deadline ? r->wait.deadline - kt_mono_ms() : 0;
        switch (r->wait.kind) {
        case KT_WAIT_DONE:
            return;
        case KT_WAIT_NONE:
            break;
        case KT_WAIT_FD: /* the fake answers in real time */
            if (poll(&(struct pollfd){.fd = r->wait.fd, .events = POLLIN}, 1, ms > 0 && ms < 20 ? (int)ms : ms > 0 ? 20 : 1) == 0 && r->now < until)
                r->now++;
            break;
        case KT_WAIT_TIME:
            if (r->now + ms > until) {
                r->now = until;
                return;
            }
            r->now += ms > 0 ? ms : 1;
            break;
        }
    }
}

/* --- messages ------------------------------------------------------------------------------ */

/* As SNS wraps a text. */
static void send(struct live_rig *r, const char *text, bool sns)
{
    json_t *v = sns ? json_pack("{s:s,s:s,s:s}", "Type", "Notification", "TopicArn", "arn:aws:sns:us-east-1:111122223333:t", "Message", text) : NULL;
    char *wrapped = v ? json_dumps(v, 0) : NULL;
    fake_http_lock(r->aws.http);
    fake_sqs_send(&r->sqs, &r->aws, wrapped ? wrapped : text);
    fake_http_unlock(r->aws.http);
    free(wrapped);
    json_decref(v);
}

void live_send_event(struct live_rig *r, int number, bool sns)
{
    struct kt_buf b;
    kt_buf_init(&b, 1 << 16);
    kt_buf_adds(&b, "{\"version\":\"0\",\"id\":\"x\",\"detail-type\":\"AWS API Call via CloudTrail\",\"source\":\"aws.iam\",\"account\":"
                    "\"111122223333\",\"region\":\"us-east-1\",\"detail\":");
    fake_aws_create_key(&b, number, r->now, "111122223333");
    kt_buf_adds(&b, "}");
    send(r, kt_buf_str(&b), sns);
    kt_buf_free(&b);
}

void live_send_notice(struct live_rig *r, const char *key, bool sns)
{
    struct kt_buf b;
    kt_buf_init(&b, 1 << 16);
    if (sns) {
        kt_buf_addf(&b, "{\"s3Bucket\":\"trail-bucket\",\"s3ObjectKey\":[\"%s\"]}", key);
    } else { /* keys are encoded as forms are */
        kt_buf_adds(&b, "{\"Records\":[{\"eventVersion\":\"2.1\",\"eventSource\":\"aws:s3\",\"awsRegion\":\"us-east-1\",\"eventName\":"
                        "\"ObjectCreated:Put\",\"s3\":{\"bucket\":{\"name\":\"trail-bucket\"},\"object\":{\"key\":\"");
        for (const char *p = key; *p; p++)
            kt_buf_addf(&b, strchr("/+=:", *p) ? "%%%02X" : *p == ' ' ? "+" : "%c", *p);
        kt_buf_adds(&b, "\",\"size\":1}}}]}");
    }
    send(r, kt_buf_str(&b), sns);
    kt_buf_free(&b);
}
