#include "tests/support/faults.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define MINE "111122223333"

enum { EVENTS_AT_FIRST = 120, EVENTS_LATER = 30, EVENTS_MEANWHILE = 5, BOMB = 192 << 20 /* packed, a piece of less than a MiB: the rig reads one object at a time */, CELL_S = 120 };

const char *const fault_sources[FAULT_SOURCES] = {"cloudtrail", "logs", "live tail", "s3", "sqs", "splunk", "clickhouse", "athena", "insights"};
const char *const fault_places[FAULT_PLACES] = {"first", "middle", "later"};

const struct fault faults[FAULTS] = {
    [FAULT_DNS] = {"its name is unknown", .connection = true, .says = {"its name was not found"}},
    [FAULT_DNS_SLOW] = {"its name takes 30 s", .connection = true, .slow = true, .says = {"no answer in time"}},
    [FAULT_REFUSED] = {"refuses connections", .connection = true, .says = {"no connection"}},
    [FAULT_CONNECT_SLOW] = {"answers no connection", .connection = true, .slow = true, .says = {"no answer in time"}},
    [FAULT_CERTIFICATE] = {"certificate of nobody known", .connection = true, .says = {"its certificate or TLS is not accepted"}},
    [FAULT_OTHER_HOST] = {"certificate of another", .connection = true, .says = {"its certificate or TLS is not accepted"}},
    [FAULT_OLD_TLS] = {"speaks TLS 1.1 only", .connection = true, .says = {"its certificate or TLS is not accepted"}},
    [FAULT_ALERT] = {"TLS alert within the body", .breaks = FAKE_ALERT_BODY, .says = {"the connection broke"}},
    [FAULT_RESET] = {"reset before the head", .breaks = FAKE_RESET, .says = {"the connection broke"}},
    [FAULT_RESET_HEAD] = {"reset within the head", .breaks = FAKE_RESET_HEAD, .says = {"the connection broke"}},
    [FAULT_RESET_BODY] = {"reset within the body", .breaks = FAKE_RESET_BODY, .says = {"the connection broke"}},
    [FAULT_CUT_BODY] = {"end before Content-Length", .breaks = FAKE_CUT_BODY, .says = {"the connection broke"}},
    [FAULT_SLOW_HEAD] = {"head of a byte a second", .slow = true, .breaks = FAKE_SLOW_HEAD, .says = {"no answer in time"}},
    [FAULT_SLOW_BODY] = {"body of a byte a second", .slow = true, .breaks = FAKE_SLOW_BODY, .says = {"no answer in time", "each session ends soon"}},
    [FAULT_STALL] = {"not a byte", .slow = true, .breaks = FAKE_STALL, .says = {"no answer in time"}},
    [FAULT_500] = {"500", .says = {"InternalFailure", "InternalError", "Internal Server Error"}},
    [FAULT_503] = {"503 and Retry-After", .says = {"ServiceUnavailable", "is busy"}},
    [FAULT_THROTTLED] = {"throttled", .says = {"throttled: asking less often", "ThrottlingException", "SlowDown", "asked too often"}},
    [FAULT_EXPIRED] = {"expired token", .says = {"the keys of the environment have expired", "does not accept the token", "does not know this user"}},
    [FAULT_SKEWED] = {"clock too skewed", .says = {"is this machine's clock right?", "does not accept the token", "does not know this user"}},
    [FAULT_REDIRECT] = {"redirects", .says = {"not followed"}},
    [FAULT_HTML] = {"HTML", .says = {"is there a proxy that wants a login?"}},
    [FAULT_ENDLESS] = {"endless body", .big = true, .breaks = FAKE_ENDLESS, .says = {"the answer is too large", "the answer is not CloudWatch's", "the answer is not Splunk's"}},
    [FAULT_BOMB] = {"gzip bomb", .big = true, .says = {"is there a proxy that wants a login?", "could not be read", "the answer is too large"}},
};

/* --- time and names ------------------------------------------------------------------------ */

static struct faults_shared *shared;

struct faults_shared *faults_shared(void)
{
    return shared;
}

void faults_share(void)
{
    if (shared)
        return;
    struct faults_shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    rig_must(s != MAP_FAILED, "memory");
    shared = s;
}

bool faults_answer_name(void)
{
    if (!shared)
        return true;
    shared->asked++;
    for (int i = 0; shared->name == NAME_SLOW && i < 15000; i++) /* it is the server that is slow */
        nanosleep(&(struct timespec){0, 2000000}, NULL);
    return shared->name != NAME_UNKNOWN;
}

static void warp(int64_t ms)
{
    shared->warp += ms;
}

/* --- which question is meant ------------------------------------------------------------------ */

static bool targets(const struct fake_request *r, const char *operation)
{
    struct kt_span t = fake_header(r, "X-Amz-Target");
    size_t n = strlen(operation);
    return t.n >= n && memcmp(t.p + t.n - n, operation, n) == 0;
}

static bool is_list(const struct fake_request *r)
{
    return strstr(r->target, "list-type=2") != NULL;
}

static bool is_object(const struct fake_request *r)
{
    return strcmp(r->method, "GET") == 0 && strstr(r->target, ".json.gz") && !is_list(r);
}

static bool meant(const struct fault_rig *x, const struct fake_request *r)
{
    switch (x->source) {
    case SOURCE_CLOUDTRAIL: return targets(r, ".LookupEvents");
    case SOURCE_LOGS: return targets(r, ".FilterLogEvents");
    case SOURCE_TAIL: return targets(r, ".StartLiveTail");
    case SOURCE_S3: return x->place == PLACE_MIDDLE ? is_object(r) : is_list(r);
    case SOURCE_SQS:
        return x->place == PLACE_FIRST    ? targets(r, ".GetQueueUrl")
               : x->place == PLACE_MIDDLE ? targets(r, ".ReceiveMessage")
                                          : is_object(r) || targets(r, ".DeleteMessageBatch");
    case SOURCE_SPLUNK: return strstr(r->target, "/jobs/export") != NULL;
    case SOURCE_CLICKHOUSE: return true;
    case SOURCE_ATHENA: /* what begins a query, and its results */
        return targets(r, x->place == PLACE_MIDDLE ? ".GetQueryResults" : ".StartQueryExecution");
    case SOURCE_INSIGHTS: return targets(r, x->place == PLACE_MIDDLE ? ".GetQueryResults" : ".StartQuery");
    case FAULT_SOURCES: break;
    }
    return false;
}

/* How many of them go well before, in the middle. */
static int before_middle(enum fault_source s)
{
    return s == SOURCE_S3 ? 5 : s == SOURCE_SQS ? 2 : s == SOURCE_TAIL || s == SOURCE_ATHENA || s == SOURCE_INSIGHTS ? 0 : 1;
}

/* --- answers that are wrong ---------------------------------------------------------------------- */

/* A service that is none of AWS. */
static bool of_its_own(const struct fault_rig *x)
{
    return x->source == SOURCE_SPLUNK || x->source == SOURCE_CLICKHOUSE;
}

static void refuse(struct fault_rig *x, const struct fake_request *r, struct fake_reply *out, int status, const char *json, const char *xml,
                   const char *splunk)
{
    out->status = status;
    if (x->source == SOURCE_CLICKHOUSE)
        kt_buf_addf(&out->body, "Code: 202. DB::Exception: %s", splunk);
    else if (x->source == SOURCE_SPLUNK)
        kt_buf_addf(&out->body, "{\"messages\":[{\"type\":\"ERROR\",\"text\":\"%s\"}]}", splunk);
    else if (is_list(r) || is_object(r))
        kt_buf_addf(&out->body, "<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>no</Message></Error>", xml);
    else
        kt_buf_addf(&out->body, "{\"__type\":\"%s\",\"message\":\"no\"}", json);
}

static void set_date(struct fault_rig *x, struct fake_reply *out, int64_t ahead)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct kt_civil c = kt_civil_of(x->rig.now + ahead);
    kt_buf_addf(&out->head, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[c.weekday], c.day, months[c.month - 1], c.year,
                c.hour, c.minute, c.second);
}

static void redirect(struct fault_rig *x, struct fake_reply *out)
{
    static const int codes[] = {301, 302, 307, 308};
    out->status = codes[x->struck % 4];
    kt_buf_addf(&out->head, "Location: https://%s:%d/stolen\r\n", FAULTS_HOST, fake_http_port(x->server));
}

static char *bomb(size_t *n)
{
    char *zeros = calloc(1, BOMB);
    rig_must(zeros != NULL, "memory");
    char *z = fake_gzip(zeros, BOMB, n);
    free(zeros);
    return z;
}

/* Packed once, or a second time. */
static void explode(struct fault_rig *x, struct fake_reply *out)
{
    bool twice = x->struck % 2;
    size_t n = x->bomb_n;
    char *z = twice ? fake_gzip(x->bomb, x->bomb_n, &n) : NULL;
    kt_buf_addf(&out->head, "Content-Encoding: %s\r\n", twice ? "gzip, gzip" : "gzip");
    kt_buf_add(&out->body, twice ? z : x->bomb, n);
    free(z);
}

/* True: it has answered; else the service does. */
static bool strike(struct fault_rig *x, const struct fake_request *r, struct fake_reply *out)
{
    out->breaks = faults[x->number].breaks;
    x->struck++;
    switch (x->number) {
    case FAULT_500:
        refuse(x, r, out, 500, "InternalFailure", "InternalError", "Internal Server Error");
        return true;
    case FAULT_503:
        kt_buf_adds(&out->head, "Retry-After: 2\r\n");
        refuse(x, r, out, 503, "ServiceUnavailableException", "ServiceUnavailable", "the search head is busy");
        return true;
    case FAULT_THROTTLED:
        refuse(x, r, out, of_its_own(x) ? 429 : is_list(r) || is_object(r) ? 503 : 400, "ThrottlingException", "SlowDown",
               "Too Many Requests");
        return true;
    case FAULT_EXPIRED:
        refuse(x, r, out, of_its_own(x) ? 401 : 400, "ExpiredTokenException", "ExpiredToken", "call not properly authenticated");
        return true;
    case FAULT_SKEWED:
        set_date(x, out, HOUR);
        refuse(x, r, out, of_its_own(x) ? 401 : 403, "RequestTimeTooSkewed", "RequestTimeTooSkewed", "the token is not valid yet");
        return true;
    case FAULT_REDIRECT:
        redirect(x, out);
        return true;
    case FAULT_HTML:
        kt_buf_adds(&out->body, "<!DOCTYPE html><html><body>Welcome to the guest network: please log in</body></html>");
        return true;
    case FAULT_ENDLESS:
        return true;
    case FAULT_BOMB:
        if (is_object(r) || targets(r, ".DeleteMessageBatch"))
            return false; /* it lies in the bucket */
        explode(x, out);
        return true;
    default:
        return false;
    }
}

static void begin_connection_fault(struct fault_rig *x, bool within)
{
    struct fake_http *f = x->server;
    const struct fake_tls *tls = x->number == FAULT_CERTIFICATE ? x->unknown : x->number == FAULT_OTHER_HOST ? x->other
                                 : x->number == FAULT_OLD_TLS   ? x->old
                                                                : NULL;
    enum fake_door door = x->number == FAULT_REFUSED ? FAKE_DOOR_SHUT : x->number == FAULT_CONNECT_SLOW ? FAKE_DOOR_FULL : FAKE_DOOR_OPEN;
    if (x->number == FAULT_DNS || x->number == FAULT_DNS_SLOW) {
        shared->name = x->number == FAULT_DNS ? NAME_UNKNOWN : NAME_SLOW;
        warp(61 * SECOND); /* libcurl knows names for a minute */
    }
    if (tls && within)
        fake_http_speak_soon(f, tls);
    else if (tls)
        fake_http_speak(f, tls);
    else if (within)
        fake_http_door_soon(f, door);
    else
        fake_http_door(f, door);
}

/* Before a service answers, on the server's thread. */
static bool before(void *ctx, const struct fake_request *r, struct fake_reply *out)
{
    struct fault_rig *x = ctx;
    x->stolen += strcmp(r->target, "/stolen") == 0;
    if (!meant(x, r))
        return false;
    if (!x->on && (x->armed < 0 || x->armed-- > 0))
        return false;
    bool begins = !x->on;
    x->on = true;
    if (!faults[x->number].connection)
        return strike(x, r, out);
    if (begins)
        begin_connection_fault(x, true);
    out->breaks = FAKE_CLOSE;
    return true;
}

static void lift(struct fault_rig *x)
{
    fake_http_lock(x->server);
    x->on = false;
    x->armed = -1;
    fake_http_unlock(x->server);
    shared->name = NAME_KNOWN;
    fake_http_speak(x->server, x->good);
    fake_http_door(x->server, FAKE_DOOR_OPEN);
}

/* --- events --------------------------------------------------------------------------------------- */

static void put_object(struct fault_rig *x, int number, char key[200])
{
    struct kt_civil c = kt_civil_of(x->rig.now);
    snprintf(key, 200, "AWSLogs/%s/CloudTrail/us-east-1/%04d/%02d/%02d/%s_CloudTrail_us-east-1_%04d%02d%02dT%02d%02dZ_%06d.json.gz", MINE,
             c.year, c.month, c.day, MINE, c.year, c.month, c.day, c.hour, c.minute, number);
    fake_http_lock(x->server);
    fake_s3_event(&x->s3, key, number, x->rig.now - SECOND, x->rig.now);
    fake_http_unlock(x->server);
}

static void send_message(struct fault_rig *x, int number)
{
    struct kt_buf b;
    char key[200];
    kt_buf_init(&b, 1 << 16);
    if (number % 3 == 0) {
        put_object(x, number, key);
        kt_buf_addf(&b, "{\"s3Bucket\":\"trail-bucket\",\"s3ObjectKey\":[\"%s\"]}", key);
    } else {
        kt_buf_adds(&b, "{\"version\":\"0\",\"id\":\"x\",\"detail-type\":\"AWS API Call via CloudTrail\",\"source\":\"aws.iam\",\"account\":"
                        "\"111122223333\",\"region\":\"us-east-1\",\"detail\":");
        fake_aws_create_key(&b, number, x->rig.now - SECOND, MINE);
        kt_buf_adds(&b, "}");
    }
    fake_http_lock(x->server);
    fake_sqs_send(&x->sqs, &x->rig.aws, kt_buf_str(&b));
    fake_http_unlock(x->server);
    kt_buf_free(&b);
}

static void put_events(struct fault_rig *x, int n)
{
    char key[200];
    int first = x->events;
    for (int i = 0; i < n; i++) {
        int number = ++x->events;
        int64_t now = x->rig.now, time = now - SECOND;
        switch (x->source) {
        case SOURCE_CLOUDTRAIL: fake_aws_event(&x->rig.aws, time, now, "CreateAccessKey", MINE); break;
        case SOURCE_LOGS:
        case SOURCE_TAIL: fake_logs_event(&x->logs, number, time, now); break;
        case SOURCE_S3: put_object(x, number, key); break;
        case SOURCE_SQS: send_message(x, number); break;
        case SOURCE_SPLUNK: fake_splunk_event(&x->splunk, number, time, now, now); break;
        case SOURCE_CLICKHOUSE: fake_clickhouse_event(&x->house, number, time, now); break;
        case SOURCE_ATHENA:
        case SOURCE_INSIGHTS: fake_engines_event(&x->engines, number, time, now); break;
        case FAULT_SOURCES: break;
        }
    }
    if (x->source == SOURCE_TAIL && fake_http_streams(x->server))
        fake_logs_update(&x->logs, (size_t)first, (size_t)n);
}

/* An object that is one. */
static void put_bomb(struct fault_rig *x)
{
    char key[200];
    put_object(x, 999999, key);
    fake_http_lock(x->server);
    struct fake_object_of_s3 *o = &x->s3.object[x->s3.n - 1];
    o->data = malloc(x->bomb_n);
    rig_must(o->data != NULL, "memory");
    memcpy(o->data, x->bomb, x->bomb_n);
    o->size = x->bomb_n;
    if (x->source == SOURCE_SQS) {
        char body[300];
        snprintf(body, sizeof body, "{\"s3Bucket\":\"trail-bucket\",\"s3ObjectKey\":[\"%s\"]}", key);
        fake_sqs_send(&x->sqs, &x->rig.aws, body);
    }
    fake_http_unlock(x->server);
}

/* --- birth and death ---------------------------------------------------------------------------------- */

static struct certificates { /* keys take their time: for all cells */
    struct fake_tls *good, *unknown, *other, *old;
    struct temp_dir home;
    char pem[200];
} certificates;

static void drop_certificates(void)
{
    temp_dir_remove(&certificates.home);
    fake_tls_free(certificates.good);
    fake_tls_free(certificates.unknown);
    fake_tls_free(certificates.other);
    fake_tls_free(certificates.old);
}

static void make_certificates(void)
{
    static const char both[] = FAULTS_HOST ",stream-" FAULTS_HOST;
    struct certificates *c = &certificates;
    if (c->good)
        return;
    temp_dir_make(&c->home);
    snprintf(c->pem, sizeof c->pem, "%s", temp_path(&c->home, "ca.pem"));
    c->good = fake_tls_new(both, -1, 3650, 0, c->pem);
    c->unknown = fake_tls_new(both, -1, 3650, 0, NULL);
    c->other = fake_tls_new("other.test", -1, 3650, 0, NULL);
    c->old = fake_tls_new(both, -1, 3650, 0x0302, NULL);
    rig_must(atexit(drop_certificates) == 0, "memory");
}

static void set_variables(struct fault_rig *x)
{
    char url[128];
    x->rig.variables = (struct rig_environment){0};
    snprintf(url, sizeof url, "https://%s:%d", FAULTS_HOST, fake_http_port(x->server));
    rig_variable(&x->rig.variables, "HOME", x->rig.home.path);
    rig_variable(&x->rig.variables, "AWS_ENDPOINT_URL", url);
    rig_variable(&x->rig.variables, "AWS_CA_BUNDLE", x->pem);
    rig_variable(&x->rig.variables, "AWS_ACCESS_KEY_ID", "AKIDRIG");
    rig_variable(&x->rig.variables, "AWS_SECRET_ACCESS_KEY", "rig-secret");
    rig_variable(&x->rig.variables, "SPLUNK_TOKEN", "splunk-canary-token");
}

static void set_up(struct fault_rig *x)
{
    struct trail_rig *r = &x->rig;
    rig_init(r, 1795000000000, 7);
    fake_sqs_init(&x->sqs);
    fake_s3_init(&x->s3, "trail-bucket", "us-east-1");
    fake_logs_init(&x->logs, &r->aws);
    fake_splunk_init(&x->splunk);
    x->splunk.clock = &r->clock;
    fake_clickhouse_init(&x->house);
    x->house.clock = &r->clock;
    if (x->source == SOURCE_ATHENA || x->source == SOURCE_INSIGHTS)
        fake_engines_init(&x->engines, &r->aws);
    x->engines.running_looks = 0;
    x->s3.page = 40;
    r->aws.sqs = &x->sqs;
    r->aws.s3 = &x->s3;
    r->tolerant = true;
    x->server = x->source == SOURCE_SPLUNK ? x->splunk.http : x->source == SOURCE_CLICKHOUSE ? x->house.http : r->aws.http;
    x->mono = kt_mono_ms();
    x->armed = -1;
    if (x->number == FAULT_BOMB)
        x->bomb = bomb(&x->bomb_n);
    x->good = certificates.good;
    x->unknown = certificates.unknown;
    x->other = certificates.other;
    x->old = certificates.old;
    x->pem = certificates.pem;
    set_variables(x);
    fake_http_speak(x->server, x->good);
    fake_http_before(x->server, before, x);
}

static void tear_down(struct fault_rig *x)
{
    rig_free(&x->rig);
    fake_sqs_free(&x->sqs);
    fake_s3_free(&x->s3);
    fake_logs_free(&x->logs);
    fake_splunk_free(&x->splunk);
    fake_clickhouse_free(&x->house);
    fake_engines_free(&x->engines);
    free(x->bomb);
}

static void open_source(struct fault_rig *x)
{
    char address[400];
    switch (x->source) {
    case SOURCE_CLOUDTRAIL: snprintf(address, sizeof address, "cloudtrail:?interval=30"); break;
    case SOURCE_LOGS: snprintf(address, sizeof address, "logs:" FAKE_GROUP "?interval=30&region=us-east-1"); break;
    case SOURCE_TAIL: snprintf(address, sizeof address, "logs:" FAKE_GROUP "?interval=30&region=us-east-1&live=1"); break;
    case SOURCE_S3: snprintf(address, sizeof address, "s3://trail-bucket/?region=us-east-1&interval=30"); break;
    case SOURCE_SQS: snprintf(address, sizeof address, "sqs:events?region=us-east-1"); break;
    case SOURCE_CLICKHOUSE:
        snprintf(address, sizeof address, "clickhouse://%s:%d/trail?interval=30&ca-file=%s", FAULTS_HOST, fake_http_port(x->server), x->pem);
        break;
    case SOURCE_ATHENA: snprintf(address, sizeof address, "athena://analysts/soc.cloudtrail?region=us-east-1&interval=60"); break;
    case SOURCE_INSIGHTS: snprintf(address, sizeof address, "insights:/aws/cloudtrail/trail?region=us-east-1&interval=30"); break;
    default:
        snprintf(address, sizeof address, "splunk://%s:%d/?index=main&interval=30&ca-file=%s", FAULTS_HOST, fake_http_port(x->server), x->pem);
        break;
    }
    rig_open(&x->rig, address, true);
}

/* --- time passes -------------------------------------------------------------------------------------- */

static void follow_time(struct fault_rig *x)
{
    x->rig.now = x->rig.start + (kt_mono_ms() - x->mono);
}

/* One step, and the time that it waits for. While nothing is slow an answer is
 * on its way, and hardly any time passes. */
static void step(struct fault_rig *x)
{
    struct trail_rig *r = &x->rig;
    follow_time(x);
    r->source->ops->step(r->source, &r->sink, &r->wait);
    rig_must(r->wait.kind != KT_WAIT_DONE, "it has ended");
    if (r->wait.kind == KT_WAIT_NONE)
        return;
    int64_t ms = r->wait.deadline ? r->wait.deadline - kt_mono_ms() : SECOND;
    if (r->wait.kind == KT_WAIT_FD) {
        bool slow = (x->on && faults[x->number].slow) || fake_http_streams(x->server);
        if (poll(&(struct pollfd){.fd = r->wait.fd, .events = POLLIN}, 1, slow ? 1 : 3) != 0)
            return;
        int64_t most = slow ? 500 : 20;
        ms = ms < most ? ms : most;
    }
    warp(ms > 0 ? ms : 1);
    follow_time(x);
}

static bool is_said(const struct fault_rig *x, const char *text)
{
    for (size_t i = 0; i < 4 && faults[x->number].says[i]; i++)
        if (strstr(text, faults[x->number].says[i]))
            return true;
    return false;
}

/* Troubles since `from`, and the status line. */
static bool said(struct fault_rig *x, size_t *from)
{
    const struct trail_rig *r = &x->rig;
    struct kt_health h = rig_health(r);
    bool right = is_said(x, h.note);
    for (; *from < r->n_troubles; ++*from) {
        const char *t = r->trouble[*from % RIG_TROUBLES];
        snprintf(x->said, sizeof x->said, "%s", t);
        right |= is_said(x, t);
    }
    if (h.note[0] && !x->said[0])
        snprintf(x->said, sizeof x->said, "%s", h.note);
    return right || (x->number == FAULT_BOMB && r->malformed);
}

static bool all_well(const struct fault_rig *x)
{
    struct kt_health h = rig_health(&x->rig);
    bool tail = x->source != SOURCE_TAIL || fake_http_streams(x->server);
    bool quiet = !h.note[0] || (x->source == SOURCE_ATHENA && strstr(h.note, " scanned")); /* which is no trouble */
    return x->rig.rows >= (size_t)x->events && h.state == KT_HEALTH_LIVE && quiet && tail;
}

static bool run_until_well(struct fault_rig *x, int64_t limit)
{
    int64_t end = x->rig.now + limit;
    while (!all_well(x) && x->rig.now < end)
        step(x);
    return all_well(x);
}

/* --- memory -------------------------------------------------------------------------------------------- */

static long memory_of(const char *what)
{
    char line[256];
    long n = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, what, strlen(what)) == 0)
            n = strtol(line + strlen(what), NULL, 10);
    if (f)
        fclose(f);
    return n;
}

/* The peak is counted anew. */
static void forget_peak(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (f) {
        fputs("5", f);
        fclose(f);
    }
}

/* --- a cell ---------------------------------------------------------------------------------------------- */

static void arm(struct fault_rig *x, int after)
{
    fake_http_lock(x->server);
    x->armed = after;
    fake_http_unlock(x->server);
    if (x->number == FAULT_BOMB && (x->source == SOURCE_S3 ? x->place == PLACE_MIDDLE : x->source == SOURCE_SQS && x->place == PLACE_LATER))
        put_bomb(x);
}

/* Up to where it is armed. False: it did not even come so far. */
static bool prepare(struct fault_rig *x)
{
    put_events(x, EVENTS_AT_FIRST);
    if (x->place == PLACE_FIRST && faults[x->number].connection) {
        x->on = true;
        begin_connection_fault(x, false);
    } else if (x->place == PLACE_FIRST) {
        arm(x, 0);
    } else if (x->place == PLACE_MIDDLE && x->source != SOURCE_TAIL) {
        arm(x, before_middle(x->source));
    }
    open_source(x);
    bool tail = x->source == SOURCE_TAIL && x->place != PLACE_FIRST;
    if ((x->place == PLACE_LATER || tail) && !run_until_well(x, 2 * HOUR))
        return false;
    if (x->place == PLACE_LATER || tail) {
        arm(x, 0);
        put_events(x, EVENTS_LATER);
    }
    if (tail) /* its session breaks, or is over after three hours */
        fake_logs_end(&x->logs, x->place == PLACE_LATER ? "SessionTimeoutException" : NULL);
    return true;
}

static void suffer(struct fault_rig *x, struct fault_result *out)
{
    size_t from = x->rig.n_troubles;
    int64_t end = x->rig.now + 6 * HOUR;
    while (!x->on && x->rig.now < end)
        step(x);
    out->began = x->on;
    int64_t at = x->rig.now;
    put_events(x, EVENTS_MEANWHILE);
    while (!(out->said_right = said(x, &from)) && x->rig.now < end)
        step(x);
    out->said_after = x->rig.now - at;
}

static struct fault_result run_cell(enum fault_source source, enum fault_place place, enum fault_number number)
{
    struct fault_rig *x = calloc(1, sizeof *x);
    struct fault_result out = {0};
    rig_must(x != NULL, "memory");
    *x = (struct fault_rig){.source = source, .place = place, .number = number};
    set_up(x);
    forget_peak();
    long before_it = memory_of("VmRSS:");
    if (prepare(x))
        suffer(x, &out);
    lift(x);
    int64_t at = x->rig.now;
    out.recovered = run_until_well(x, 3 * HOUR);
    out.well_after = x->rig.now - at;
    at = x->rig.now;
    put_events(x, EVENTS_MEANWHILE);
    out.live = run_until_well(x, 10 * MINUTE);
    out.fresh_after = x->rig.now - at;
    out.grown = memory_of("VmHWM:") - before_it;
    fake_http_see_all();
    out.expected = (size_t)x->events;
    out.rows = x->rig.rows;
    out.doubles = x->rig.doubles;
    out.stolen = x->stolen;
    struct kt_health h = rig_health(&x->rig);
    snprintf(out.said, sizeof out.said, "%.300s", x->said[0] ? x->said : h.note);
    snprintf(out.state, sizeof out.state, "state %d, %.100s", h.state, h.note);
    tear_down(x);
    free(x);
    return out;
}

/* Each in a process of its own: so its memory is its own, and what hangs has an end. */
struct fault_result fault_cell(enum fault_source source, enum fault_place place, enum fault_number number)
{
    struct fault_result out = {0};
    int status;
    faults_share();
    make_certificates();
    struct fault_result *there = mmap(NULL, sizeof *there, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    rig_must(there != MAP_FAILED, "memory");
    fflush(NULL);
    pid_t pid = fork();
    rig_must(pid >= 0, "fork");
    if (pid == 0) {
        alarm(getenv("KEYTOP_MEMCHECK") ? 10 * CELL_S : CELL_S);
        *there = run_cell(source, place, number);
        _exit(0);
    }
    rig_must(waitpid(pid, &status, 0) == pid, "waitpid");
    out = *there;
    munmap(there, sizeof *there);
    shared->name = NAME_KNOWN;
    if (status)
        snprintf(out.said, sizeof out.said, "it ended with status %x", (unsigned)status);
    out.ended = status == 0;
    return out;
}
