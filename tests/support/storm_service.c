#include "tests/support/storm_service.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MINUTE ((int64_t)60000)
#define HOUR (60 * MINUTE)
#define START ((int64_t)1795000000000)
#define SPAN HOUR
#define LATE (6 * HOUR)

enum { COPIES = 3, FILE_MAX = 20, SPELL = 40 /* requests between two spells of bad weather, about */ };

uint64_t storm_chance(void *storm)
{
    return rig_mix(&((struct storm *)storm)->shared->rng);
}

uint64_t storm_below(struct storm *s, uint64_t n)
{
    return storm_chance(s) % n;
}

void storm_pass(struct storm *s, int64_t ms)
{
    s->shared->now += ms;
}

static int64_t clock_now(void *ctx)
{
    return ((struct storm *)ctx)->shared->now;
}

/* --- what there is -------------------------------------------------------------------------- */

/* Some come within a quarter of an hour, how many is the seed's; the others at any time. */
static int64_t lateness(struct storm *s)
{
    return (int64_t)storm_below(s, storm_below(s, 100) < s->prompt ? (uint64_t)(HOUR / 4) : (uint64_t)LATE);
}

/* One of four is of the same moment as the one before it. */
static int64_t next_moment(struct storm *s, int64_t last)
{
    return storm_below(s, 4) ? START + (int64_t)storm_below(s, (uint64_t)SPAN) : last;
}

static void put_events(struct storm *s)
{
    int64_t t = START;
    for (size_t i = 1; i <= s->events; i++) {
        t = next_moment(s, t);
        for (int copy = 0; copy < COPIES; copy++) {
            int64_t there = t + lateness(s);
            if (s->kind == STORM_CLOUDTRAIL)
                fake_aws_numbered(&s->aws, (int)i, t, there, "CreateAccessKey", "111122223333");
            else if (s->kind == STORM_SPLUNK) /* an indexer was away */
                fake_splunk_event(&s->splunk, (int)i, t, there, there + (int64_t)storm_below(s, storm_below(s, 10) ? 300000 : (uint64_t)(3 * HOUR)));
            else
                fake_logs_event(&s->logs, (int)i, t, there);
        }
    }
}

static void shuffle(struct storm *s, int *number)
{
    for (size_t i = s->events; i > 1; i--) {
        size_t k = storm_below(s, i);
        int swapped = number[i - 1];
        number[i - 1] = number[k];
        number[k] = swapped;
    }
}

static void put_file(struct storm *s, const int *number, size_t n, int file, int64_t t, int64_t there, char *key, size_t size)
{
    struct kt_buf b;
    size_t packed;
    struct kt_civil c = kt_civil_of(t);
    kt_buf_init(&b, 1 << 20);
    kt_buf_adds(&b, "{\"Records\":[");
    for (size_t i = 0; i < n; i++) {
        kt_buf_adds(&b, i ? "," : "");
        fake_aws_create_key(&b, number[i], START + number[i] * INT64_C(1000), "111122223333");
    }
    kt_buf_adds(&b, "]}");
    snprintf(key, size, "AWSLogs/111122223333/CloudTrail/us-east-1/%04d/%02d/%02d/111122223333_CloudTrail_us-east-1_%04d%02d%02dT%02d%02dZ_%08x%d.json.gz",
             c.year, c.month, c.day, c.year, c.month, c.day, c.hour, c.minute, (unsigned)storm_below(s, 1u << 31), file);
    char *z = fake_gzip(b.p, b.len, &packed);
    fake_s3_put(&s->s3, key, z, packed, there);
    free(z);
    kt_buf_free(&b);
}

static void put_message(struct storm *s, const char *text, int64_t there)
{
    json_t *v = storm_below(s, 3) ? NULL : json_pack("{s:s,s:s,s:s}", "Type", "Notification", "TopicArn", "arn:aws:sns:us-east-1:111122223333:t", "Message", text);
    char *wrapped = v ? json_dumps(v, 0) : NULL; /* as SNS does */
    fake_sqs_send(&s->sqs, &s->aws, wrapped ? wrapped : text);
    s->sqs.message[s->sqs.n - 1].sent = s->sqs.message[s->sqs.n - 1].visible = there;
    free(wrapped);
    json_decref(v);
}

static void put_notice(struct storm *s, const char *key, int64_t there)
{
    struct kt_buf b;
    kt_buf_init(&b, 1 << 16);
    kt_buf_addf(&b, "{\"Records\":[{\"eventVersion\":\"2.1\",\"eventSource\":\"aws:s3\",\"awsRegion\":\"us-east-1\",\"eventName\":"
                    "\"ObjectCreated:Put\",\"s3\":{\"bucket\":{\"name\":\"trail-bucket\"},\"object\":{\"key\":\"%s\",\"size\":1}}}]}", key);
    put_message(s, kt_buf_str(&b), there);
    kt_buf_free(&b);
}

static void put_single(struct storm *s, int number, int64_t there)
{
    struct kt_buf b;
    kt_buf_init(&b, 1 << 16);
    kt_buf_adds(&b, "{\"version\":\"0\",\"id\":\"x\",\"detail-type\":\"AWS API Call via CloudTrail\",\"source\":\"aws.iam\",\"account\":"
                    "\"111122223333\",\"region\":\"us-east-1\",\"detail\":");
    fake_aws_create_key(&b, number, START + number * INT64_C(1000), "111122223333");
    kt_buf_adds(&b, "}");
    put_message(s, kt_buf_str(&b), there);
    kt_buf_free(&b);
}

/* Each event in three files, or messages, or both. */
static void put_files(struct storm *s)
{
    int *number = calloc(s->events, sizeof *number), file = 0;
    char key[300];
    rig_must(number != NULL, "memory");
    for (size_t i = 0; i < s->events; i++)
        number[i] = (int)i + 1;
    for (int copy = 0; copy < COPIES; copy++) {
        shuffle(s, number);
        for (size_t i = 0, n; i < s->events; i += n) {
            int64_t t = START + (int64_t)storm_below(s, (uint64_t)SPAN), there = t + lateness(s);
            n = 1 + storm_below(s, FILE_MAX);
            n = n < s->events - i ? n : s->events - i;
            bool single = s->kind == STORM_SQS && storm_below(s, 4);
            n = single ? 1 : n;
            if (single) {
                put_single(s, number[i], there);
                continue;
            }
            put_file(s, number + i, n, ++file, t, there, key, sizeof key);
            if (s->kind == STORM_SQS)
                put_notice(s, key, there);
        }
    }
    free(number);
}

/* --- what goes wrong ------------------------------------------------------------------------- */

static uint64_t weather_below(struct storm *s, uint64_t n)
{
    return rig_mix(&s->weather) % n;
}

static void spoil_aws(struct storm *s)
{
    static const enum fake_fault faults[] = {FAKE_THROTTLE, FAKE_500, FAKE_503_LATER, FAKE_EXPIRED_PAGE, FAKE_HTML,
                                             FAKE_DROP, FAKE_DROP_BODY, FAKE_EXPIRED_TOKEN};
    enum fake_fault what = faults[weather_below(s, sizeof faults / sizeof *faults)];
    bool logs = s->kind == STORM_LOGS || s->kind == STORM_TAIL;
    for (uint64_t n = 1 + weather_below(s, 4); n > 0; n--) {
        enum fake_fault next[2] = {weather_below(s, 2) ? FAKE_FINE : what, what};
        for (int i = 0; i < 2; i++)
            (logs ? (void)fake_logs_fault(&s->logs, next[i]) : fake_aws_fault(&s->aws, next[i]));
    }
    s->aws.empty_pages = s->logs.empty_pages = weather_below(s, 2);
    s->aws.page_life = s->logs.page_life = weather_below(s, 3) ? 0 : 2;
    s->logs.page = 50 + weather_below(s, 400);
    s->sqs.fail_entries = weather_below(s, 4) == 0;
    s->s3.page = weather_below(s, 2) ? 1000 : 20 + weather_below(s, 200);
}

static void spoil_splunk(struct storm *s)
{
    enum splunk_fault what = (enum splunk_fault)weather_below(s, SPLUNK_PARTIAL + 1);
    for (uint64_t n = 1 + weather_below(s, 4); n > 0; n--) {
        fake_splunk_fault(&s->splunk, weather_below(s, 2) ? SPLUNK_FINE : what);
        fake_splunk_fault(&s->splunk, what);
    }
}

/* Under the server's lock, before each request is answered. */
static bool before(void *ctx, const struct fake_request *r, struct fake_reply *out)
{
    struct storm *s = ctx;
    (void)r, (void)out;
    s->calls++;
    if (s->shared->now >= s->calm_at) {
        s->aws.n_faults = s->logs.n_faults = s->splunk.n_faults = 0;
        s->sqs.fail_entries = false;
    } else if (weather_below(s, SPELL) == 0) {
        s->kind == STORM_SPLUNK ? spoil_splunk(s) : spoil_aws(s);
    }
    return false;
}

/* A long poll of an empty queue takes its time. */
static void nothing_there(void *ctx, int64_t ms)
{
    storm_pass(ctx, ms);
}

void storm_tell(struct storm *s)
{
    struct fake_logs *l = &s->logs;
    int64_t since = s->told, now = s->shared->now;
    s->told = now;
    if (!fake_http_streams(s->http))
        return;
    l->sampled = weather_below(s, 3) == 0;
    l->damage = weather_below(s, 30) == 0;
    l->piece = weather_below(s, 2) ? 1 + weather_below(s, 400) : 0;
    for (size_t i = 0; i < l->n_events; i++)
        if (l->event[i].available > since && l->event[i].available <= now)
            fake_logs_update(l, i, 1);
    if (weather_below(s, 20) == 0)
        fake_logs_end(l, weather_below(s, 2) ? "SessionTimeoutException" : weather_below(s, 2) ? "SessionStreamingException" : NULL);
}

/* --- birth and death ---------------------------------------------------------------------------- */

static void set_up_kind(struct storm *s)
{
    static const char *const addresses[] = {
        [STORM_CLOUDTRAIL] = "cloudtrail:?interval=1800",
        [STORM_LOGS] = "logs:" FAKE_GROUP "?interval=1800&region=us-east-1",
        [STORM_TAIL] = "logs:" FAKE_GROUP "?interval=1800&region=us-east-1&live=1",
        [STORM_S3] = "s3://trail-bucket/AWSLogs/?region=us-east-1&interval=300",
        [STORM_SQS] = "sqs:events?region=us-east-1",
    };
    s->http = s->aws.http;
    s->settles = HOUR + 15 * MINUTE; /* each hour the day is looked at again */
    s->end = START + SPAN + LATE;
    if (s->kind == STORM_SPLUNK) {
        s->http = s->splunk.http;
        s->end += 3 * HOUR;
        snprintf(s->address, sizeof s->address, "splunk://127.0.0.1:%d/?http=1&index=main&interval=1200", fake_http_port(s->http));
    } else {
        snprintf(s->address, sizeof s->address, "%s", addresses[s->kind]);
    }
    s->kind == STORM_S3 || s->kind == STORM_SQS ? put_files(s) : put_events(s);
}

struct storm *storm_new(enum storm_kind kind, uint64_t seed, size_t events)
{
    struct storm *s = calloc(1, sizeof *s);
    rig_must(s != NULL, "memory");
    s->shared = mmap(NULL, sizeof *s->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    rig_must(s->shared != MAP_FAILED, "mmap");
    *s->shared = (struct storm_shared){.now = START, .rng = seed * 1000003};
    s->kind = kind;
    s->events = events;
    s->start = s->told = START;
    s->prompt = (const unsigned[]){5, 20, 50}[seed % 3];
    s->calm_at = INT64_MAX;
    s->weather = seed * 7919;
    s->clock = (struct kt_clock){clock_now, s};
    fake_aws_init(&s->aws);
    fake_logs_init(&s->logs, &s->aws);
    fake_sqs_init(&s->sqs);
    fake_s3_init(&s->s3, "trail-bucket", "us-east-1");
    fake_splunk_init(&s->splunk);
    s->aws.clock = s->aws.mono = s->splunk.clock = &s->clock;
    s->aws.sqs = &s->sqs;
    s->aws.s3 = &s->s3;
    s->aws.quota_ms = 500;
    s->sqs.rng = seed;
    s->sqs.twice = 5;
    s->sqs.nothing_there = nothing_there;
    s->sqs.nothing_ctx = s;
    temp_dir_make(&s->home);
    temp_mkdir(&s->home, "state");
    snprintf(s->state_path, sizeof s->state_path, "%s/state/state.db", s->home.path);
    rig_environment(&s->variables, s->home.path, &s->aws);
    rig_variable(&s->variables, "SPLUNK_TOKEN", s->splunk.token);
    set_up_kind(s);
    fake_http_before(s->http, before, s);
    return s;
}

void storm_free(struct storm *s)
{
    fake_aws_free(&s->aws);
    fake_logs_free(&s->logs);
    fake_sqs_free(&s->sqs);
    fake_s3_free(&s->s3);
    fake_splunk_free(&s->splunk);
    temp_dir_remove(&s->home);
    (void)munmap(s->shared, sizeof *s->shared);
    free(s);
}

void storm_books(const struct storm *s, struct storm_outcome *out)
{
    struct stat st;
    rig_must(stat(s->state_path, &st) == 0, s->state_path);
    out->bytes = (size_t)st.st_size;
    out->calls = s->calls;
    out->too_fast = s->kind == STORM_LOGS ? s->logs.too_fast : s->kind == STORM_CLOUDTRAIL ? s->aws.too_fast : 0;
    out->left = s->kind == STORM_SQS ? fake_sqs_left(&s->sqs) : 0;
}
