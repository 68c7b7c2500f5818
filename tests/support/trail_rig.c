#include "tests/support/trail_rig.h"

#include "base/hash.h"
#include "event/event.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { RIG_SILENCE = 15 }; /* ms after which a fake has said what it had to say */

uint64_t rig_random(struct trail_rig *r)
{
    return rig_mix(&r->rng);
}

uint64_t rig_below(struct trail_rig *r, uint64_t n)
{
    return rig_random(r) % n;
}

static uint64_t chance(void *ctx)
{
    return rig_random(ctx);
}

static int64_t clock_now(void *ctx)
{
    return ((struct trail_rig *)ctx)->now;
}

/* --- what comes of it ------------------------------------------------------------------ */

static bool on_record(void *ctx, const struct kt_record *rec)
{
    struct trail_rig *r = ctx;
    struct kt_row row = {0};
    uint8_t content[KT_SHA256];
    int number = 0;
    kt_arena_reset(r->arena);
    kt_event_decode(rec->root, rec->flags, r->arena, &row.ev);
    row.origin.source = row.origin.name = KT_LIT("cloudtrail:");
    kt_sha256(rec->bytes.p, rec->bytes.n, content);
    if (row.ev.kind == KT_KIND_NONE || kt_store_add(r->store, &row, content) != KT_ADDED)
        return true;
    char id[64];
    snprintf(id, sizeof id, "%.*s", (int)row.ev.event_id.n, row.ev.event_id.p);
    rig_must(sscanf(id, "00000000-0000-4000-8000-%d", &number) == 1, id);
    rig_must(number > 0 && (size_t)number < r->seen_n, "an event that is none of ours");
    r->doubles += r->seen[number];
    r->seen[number] = 1;
    r->rows++;
    return true;
}

static bool on_found(void *ctx, const struct kt_record *rec)
{
    struct trail_rig *r = ctx;
    int number = 0;
    char id[64] = "";
    struct kt_span s = kt_node_text(kt_node_get(rec->root, "eventID"));
    if (s.p)
        snprintf(id, sizeof id, "%.*s", (int)s.n, s.p);
    rig_must(sscanf(id, "00000000-0000-4000-8000-%d", &number) == 1, "id");
    rig_must(number > 0 && (size_t)number < r->seen_n, "an event that is none of ours");
    r->found += !r->had[number];
    r->found_again += r->had[number];
    r->had[number] = 1;
    return true;
}

static bool on_malformed(void *ctx, const struct kt_malformed *m)
{
    struct trail_rig *r = ctx;
    rig_must(r->tolerant, m->reason);
    r->malformed++;
    return true;
}

static uint64_t object(void *ctx, const char *name, uint64_t records, uint64_t bytes)
{
    struct trail_rig *r = ctx;
    (void)name;
    r->answering = false;
    kt_ingest_reset(r->ingest);
    kt_ingest_continue(r->ingest, records, bytes);
    return 1;
}

static uint64_t found(void *ctx, struct kt_answer *a, const char *name)
{
    struct trail_rig *r = ctx;
    (void)a;
    (void)name;
    kt_ingest_reset(r->answers);
    r->answering = true;
    return 2;
}

static bool bytes(void *ctx, uint64_t handle, const void *p, size_t n)
{
    struct trail_rig *r = ctx;
    (void)handle;
    if (r->answering) {
        r->found_pages++;
        return kt_ingest_feed(r->answers, p, n);
    }
    r->pages++;
    return kt_ingest_feed(r->ingest, p, n);
}

static void end(void *ctx, uint64_t handle)
{
    struct trail_rig *r = ctx;
    struct kt_err why = {0};
    (void)handle;
    bool whole = kt_ingest_finish(r->answering ? r->answers : r->ingest, &why) == KT_END_WHOLE;
    rig_must(whole || r->tolerant, why.text);
    r->malformed += !whole;
}

static void trouble(void *ctx, const char *place, const char *sentence, bool gap)
{
    struct trail_rig *r = ctx;
    snprintf(r->trouble[r->n_troubles++ % RIG_TROUBLES], sizeof r->trouble[0], "%s: %s", place, sentence);
    r->gaps += gap;
}

static void remember(void *ctx, const char *what, const char *position)
{
    rig_memory_put(&((struct trail_rig *)ctx)->memory, what, position);
}

static bool recall(void *ctx, const char *what, char *out, size_t size)
{
    return rig_memory_get(&((struct trail_rig *)ctx)->memory, what, out, size);
}

/* --- birth and death ---------------------------------------------------------------------- */

void rig_init(struct trail_rig *r, int64_t start, uint64_t seed)
{
    static const char *const names[] = {"CreateAccessKey", "DeleteAccessKey"};
    *r = (struct trail_rig){.now = start, .start = start, .rng = seed, .seen_n = 1 << 20};
    fake_aws_init(&r->aws);
    temp_dir_make(&r->home);
    r->clock = (struct kt_clock){clock_now, r};
    r->aws.clock = r->aws.mono = &r->clock;
    r->aws.quota_ms = 500;
    rig_environment(&r->variables, r->home.path, &r->aws);
    r->sink = (struct kt_source_sink){.ctx = r, .object = object, .bytes = bytes, .pause = rig_pause, .end = end, .at_rest = rig_at_rest,
                                       .trouble = trouble, .remember = remember, .recall = recall, .found = found};
    r->ingest = kt_ingest_new(names, 2, &(struct kt_record_sink){on_record, on_malformed, r, NULL, NULL});
    static const char *const any[] = {"eventName"};
    r->answers = kt_ingest_new(any, 1, &(struct kt_record_sink){on_found, on_malformed, r, NULL, NULL});
    r->had = calloc(1, r->seen_n);
    r->arena = kt_arena_new(16 << 20);
    r->store = kt_store_new(&(struct kt_store_opts){0});
    r->seen = calloc(1, r->seen_n);
    rig_must(r->ingest && r->arena && r->store && r->seen && r->answers && r->had, "memory");
}

void rig_close(struct trail_rig *r)
{
    if (r->source)
        r->source->ops->close(r->source);
    r->source = NULL;
    kt_aws_free(r->context);
    r->context = NULL;
}

void rig_free(struct trail_rig *r)
{
    rig_close(r);
    kt_ingest_free(r->ingest);
    kt_arena_free(r->arena);
    kt_store_free(r->store);
    free(r->seen);
    free(r->had);
    kt_ingest_free(r->answers);
    rig_memory_drop(&r->memory);
    fake_aws_free(&r->aws);
    temp_dir_remove(&r->home);
}

void rig_open(struct trail_rig *r, const char *address, bool follow)
{
    static const char *const names[] = {"CreateAccessKey", "DeleteAccessKey", "AKIA"};
    struct kt_err e = {0};
    rig_must(kt_aws_new(&r->context, &(struct kt_aws_opts){.clock = &r->clock, .mono = &r->clock, .random = chance, .random_ctx = r,
                                                       .env = r->variables.env}, &e) == KT_OK, e.text);
    struct kt_source_opts o = {.follow = follow, .clock = &r->clock, .since = KT_TIME_NONE, .until = KT_TIME_NONE,
                               .event_names = names, .n_event_names = 2, .aws = r->context};
    rig_must(kt_source_open(&r->source, address, &o, &e) == KT_OK, e.text);
}

struct kt_health rig_health(const struct trail_rig *r)
{
    struct kt_health h = {0};
    r->source->ops->health(r->source, &h);
    return h;
}

void rig_step(struct trail_rig *r)
{
    r->source->ops->step(r->source, &r->sink, &r->wait);
    if (r->wait.kind == KT_WAIT_FD)
        (void)poll(&(struct pollfd){.fd = r->wait.fd, .events = POLLIN}, 1, 20);
}

void rig_run(struct trail_rig *r, int64_t until)
{
    for (;;) {
        r->source->ops->step(r->source, &r->sink, &r->wait);
        int64_t ms = r->wait.deadline ? r->wait.deadline - kt_mono_ms() : 0;
        switch (r->wait.kind) {
        case KT_WAIT_DONE:
            return;
        case KT_WAIT_NONE:
            break;
        case KT_WAIT_FD: /* the fake answers in real time */
            if (!r->streams)
                (void)poll(&(struct pollfd){.fd = r->wait.fd, .events = POLLIN}, 1, ms > 0 && ms < 1000 ? (int)ms : ms > 0 ? 1000 : 1);
            else if (poll(&(struct pollfd){.fd = r->wait.fd, .events = POLLIN}, 1, RIG_SILENCE) == 0) {
                ms = ms > r->stride ? ms : r->stride;
                if (!r->wait.deadline || r->now + ms > until) {
                    r->now = until;
                    return;
                }
                r->now += ms > 0 ? ms : 1;
            }
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

/* --- storms ----------------------------------------------------------------------------------- */

static void trouble_the_service(struct trail_rig *r)
{
    static const enum fake_fault faults[] = {FAKE_THROTTLE, FAKE_500, FAKE_503_LATER, FAKE_EXPIRED_PAGE, FAKE_HTML,
                                             FAKE_DROP, FAKE_DROP_BODY, FAKE_EXPIRED_TOKEN, FAKE_FINE};
    enum fake_fault f = faults[rig_below(r, sizeof faults / sizeof *faults)];
    for (uint64_t n = rig_below(r, 5); n > 0; n--) {
        fake_aws_fault(&r->aws, FAKE_FINE);
        fake_aws_fault(&r->aws, f);
    }
    r->aws.empty_pages = rig_below(r, 2);
    r->aws.page_life = rig_below(r, 3) ? 0 : 2;
}

void trail_storm(struct trail_rig *r, size_t n, int64_t span)
{
    static const int64_t hour = 3600000;
    int64_t burst = r->start;
    for (size_t i = 0; i < n; i++) {
        if (rig_below(r, 4))
            burst = r->start + (int64_t)rig_below(r, (uint64_t)span); /* else of the same second as the last one */
        int64_t late = rig_below(r, 10) ? (int64_t)rig_below(r, 900000) : (int64_t)rig_below(r, (uint64_t)(6 * hour));
        fake_aws_event(&r->aws, burst, burst + late, "CreateAccessKey", "111122223333");
    }
    rig_open(r, "cloudtrail:?interval=300", true);
    while (r->now < r->start + span + 6 * hour) {
        rig_run(r, r->now + (int64_t)rig_below(r, 40 * 60000));
        trouble_the_service(r);
        if (rig_below(r, 8) == 0) { /* killed, and started again */
            rig_close(r);
            r->now += (int64_t)rig_below(r, (uint64_t)hour);
            rig_open(r, "cloudtrail:?interval=300", true);
        }
    }
    r->aws.n_faults = 0;
    rig_run(r, r->now + 2 * hour);
}
