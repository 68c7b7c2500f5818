#include "tests/support/rows.h"

#include "base/hash.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

uint64_t rowgen_random(struct rowgen *g, uint64_t below)
{
    uint64_t x = (g->state += UINT64_C(0x9e3779b97f4a7c15)); /* splitmix64 */
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (x ^ (x >> 31)) % below;
}

static struct kt_span put(struct kt_arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static struct kt_span put(struct kt_arena *a, const char *fmt, ...)
{
    char b[4096];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(b, sizeof b, fmt, ap);
    va_end(ap);
    return kt_arena_span(a, (struct kt_span){b, n > 0 && (size_t)n < sizeof b ? (size_t)n : 0});
}

static struct kt_span made_id(struct rowgen *g, struct kt_arena *a, const char *prefix, int n)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    char b[40];
    int len = snprintf(b, sizeof b, "%s", prefix);
    while (n--)
        b[len++] = alphabet[rowgen_random(g, 32)];
    return kt_arena_span(a, (struct kt_span){b, (size_t)len});
}

void rowgen_plain(struct kt_row *r, const char *event_id, int64_t time)
{
    *r = (struct kt_row){0};
    struct kt_event *e = &r->ev;
    e->kind = KT_KIND_CREATION;
    e->time = time;
    e->event_id = kt_span_of(event_id);
    e->event_name = KT_LIT("CreateAccessKey");
    e->event_source = KT_LIT("iam.amazonaws.com");
    e->result = KT_RESULT_CREATED;
    e->actor.type = KT_LIT("IAMUser");
    e->actor.name = KT_LIT("alice");
    e->actor.arn = KT_LIT("arn:aws:iam::111122223333:user/alice");
    e->actor.account = KT_LIT("111122223333");
    e->actor.principal_id = KT_LIT("AIDAEXAMPLEALICE00001");
    e->actor.access_key_id = KT_LIT("AKIAEXAMPLEALICE0001");
    e->target.name = KT_LIT("alice");
    e->target.account = KT_LIT("111122223333");
    e->target.self = KT_YES;
    e->target.from = KT_TARGET_RESPONSE;
    e->key.id = KT_LIT("AKIAEXAMPLENEW000001");
    e->key.status = KT_LIT("Active");
    e->key.created = time;
    e->source.address = KT_LIT("203.0.113.9");
    e->source.kind = KT_ADDRESS_IP;
    e->agent.text = KT_LIT("Boto3/1.28.0 Python/3.11.4 Linux/6.1.0");
    e->agent.tool = KT_LIT("boto3");
    e->agent.version = KT_LIT("1.28.0");
    e->agent.os = KT_LIT("linux");
    e->agent.cls = KT_AGENT_SDK;
    e->account = KT_LIT("111122223333");
    e->region = KT_LIT("us-east-1");
    r->verdict.risk = 25;
    r->verdict.level = KT_LEVEL_LOW;
    r->origin.source = KT_LIT("file:trail.json.gz");
    r->origin.name = KT_LIT("trail");
    r->origin.record = 1;
}

static const struct {
    const char *text, *tool, *version, *os;
    enum kt_agent_class cls;
} agents[] = {
    {"Boto3/1.28.0 Python/3.11.4 Linux/6.1.0 Botocore/1.31.0", "boto3", "1.28.0", "linux", KT_AGENT_SDK},
    {"Boto3/1.34.2 Python/3.12.1 Linux/5.10 Botocore/1.34.2", "boto3", "1.34.2", "linux", KT_AGENT_SDK},
    {"aws-cli/2.15.0 Python/3.11.6 Darwin/23.1.0 exe/x86_64", "aws-cli", "2.15.0", "macos", KT_AGENT_CLI},
    {"aws-cli/2.13.1 Python/3.11.4 Linux/6.5.0-kali3-amd64", "aws-cli", "2.13.1", "kali", KT_AGENT_CLI},
    {"APN/1.0 HashiCorp/1.0 Terraform/1.5.7 aws-sdk-go-v2/1.20.0", "terraform", "1.5.7", "linux", KT_AGENT_IAC},
    {"AWS Internal", NULL, NULL, NULL, KT_AGENT_SERVICE},
    {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", NULL, NULL, "linux", KT_AGENT_BROWSER},
    {"cloudformation.amazonaws.com", NULL, NULL, NULL, KT_AGENT_SERVICE},
};

static void make_actor(struct rowgen *g, struct kt_arena *a, struct kt_event *e, unsigned long account)
{
    unsigned who = (unsigned)rowgen_random(g, 40), die = (unsigned)rowgen_random(g, 100);
    e->actor.account = put(a, "%012lu", account);
    if (die < 55) {
        e->actor.type = KT_LIT("IAMUser");
        e->actor.name = put(a, "user-%02u", who);
        e->actor.arn = put(a, "arn:aws:iam::%012lu:user/people/user-%02u", account, who);
        e->actor.principal_id = put(a, "AIDA%05lu%02uEXAMPLE00", account % 100000, who);
        e->actor.access_key_id = put(a, "AKIA%05lu%02uEXAMPLE00", account % 100000, who);
    } else if (die < 95) {
        unsigned session = (unsigned)rowgen_random(g, 50);
        e->actor.type = KT_LIT("AssumedRole");
        e->actor.name = put(a, "ci-deploy-%u", who % 5);
        e->actor.session = put(a, "i-0abc%04x", session);
        e->actor.arn = put(a, "arn:aws:sts::%012lu:assumed-role/ci-deploy-%u/i-0abc%04x", account, who % 5, session);
        e->actor.principal_id = put(a, "AROA%05lu%02uEXAMPLE00:i-0abc%04x", account % 100000, who % 5, session);
        e->actor.access_key_id = put(a, "ASIA%05lu%02u%04xEXAMP", account % 100000, who % 5, session);
        e->actor.mfa = die & 1 ? KT_NO : KT_YES;
    } else {
        e->actor.type = KT_LIT("Root");
        e->actor.name = KT_LIT("root");
        e->actor.arn = put(a, "arn:aws:iam::%012lu:root", account);
        e->actor.principal_id = e->actor.account;
        e->actor.mfa = KT_NO;
    }
}

static void make_target(struct rowgen *g, struct kt_arena *a, struct kt_event *e, unsigned long account)
{
    bool user = kt_span_is(e->actor.type, "IAMUser"), root = kt_span_is(e->actor.type, "Root");
    e->target.account = e->actor.account;
    if (root || (user && rowgen_random(g, 2))) {
        e->target.name = e->actor.name;
        e->target.self = KT_YES;
        e->target.from = KT_TARGET_CALLER;
    } else {
        e->target.name = put(a, "user-%02u", (unsigned)rowgen_random(g, 40));
        e->target.from = KT_TARGET_RESPONSE;
        e->target.self = !user ? KT_NO : kt_span_eq(e->target.name, e->actor.name) ? KT_YES : KT_NO;
    }
    unsigned die = (unsigned)rowgen_random(g, 100);
    e->result = KT_RESULT_CREATED;
    if (die < 8) {
        e->result = KT_RESULT_DENIED;
        e->error_code = KT_LIT("AccessDenied");
        e->error_message = put(a, "User: %s is not authorized to perform: iam:CreateAccessKey on resource: user "
                                  "%.*s with an explicit deny", e->actor.arn.p, (int)e->target.name.n, e->target.name.p);
        e->target.from = KT_TARGET_ERROR;
    } else if (die < 12) {
        e->result = KT_RESULT_FAILED;
        e->error_code = KT_LIT("LimitExceededException");
        e->error_message = KT_LIT("Cannot exceed quota for AccessKeysPerUser: 2");
    } else {
        e->key.id = made_id(g, a, "AKIA", 16);
        e->key.status = KT_LIT("Active");
        e->key.created = e->time / 1000 * 1000;
    }
    (void)account;
}

static struct kt_span response(struct kt_arena *a, const struct kt_event *e, const char *when)
{
    if (!e->key.id.p)
        return put(a, "\"errorCode\":\"%s\",\"errorMessage\":\"%s\",\"responseElements\":null",
                   e->error_code.p ? e->error_code.p : "", e->error_message.p ? e->error_message.p : "");
    return put(a, "\"responseElements\":{\"accessKey\":{\"accessKeyId\":\"%s\",\"status\":\"Active\",\"userName\":\"%s\","
                  "\"createDate\":\"%s\"}}", e->key.id.p, e->target.name.p ? e->target.name.p : "", when);
}

static void make_raw(struct rowgen *g, struct kt_arena *a, struct kt_row *r)
{
    struct kt_event *e = &r->ev;
    char when[KT_TIME_TEXT];
    kt_time_format(e->time, when);
    r->raw = put(a,
        "{\"eventVersion\":\"1.08\",\"userIdentity\":{\"type\":\"%s\",\"principalId\":\"%s\",\"arn\":\"%s\","
        "\"accountId\":\"%s\",\"accessKeyId\":\"%s\",\"userName\":\"%s\",\"sessionContext\":{\"attributes\":"
        "{\"creationDate\":\"%s\",\"mfaAuthenticated\":\"false\"}}},\"eventTime\":\"%s\",\"eventSource\":"
        "\"iam.amazonaws.com\",\"eventName\":\"CreateAccessKey\",\"awsRegion\":\"us-east-1\",\"sourceIPAddress\":"
        "\"%s\",\"userAgent\":\"%s\",\"requestParameters\":{\"userName\":\"%s\"},%s,\"requestID\":"
        "\"%016llx-%016llx\",\"eventID\":\"%s\",\"readOnly\":false,\"eventType\":\"AwsApiCall\",\"managementEvent\":"
        "true,\"recipientAccountId\":\"%s\",\"eventCategory\":\"Management\",\"tlsDetails\":{\"tlsVersion\":"
        "\"TLSv1.3\",\"cipherSuite\":\"TLS_AES_128_GCM_SHA256\",\"clientProvidedHostHeader\":\"iam.amazonaws.com\"}}",
        e->actor.type.p, e->actor.principal_id.p, e->actor.arn.p, e->actor.account.p,
        e->actor.access_key_id.p ? e->actor.access_key_id.p : "", e->actor.name.p, when, when, e->source.address.p,
        e->agent.text.p, e->target.name.p ? e->target.name.p : "", response(a, e, when).p, (unsigned long long)rowgen_random(g, UINT64_MAX),
        (unsigned long long)rowgen_random(g, UINT64_MAX), e->event_id.p, e->account.p);
}

/* Facts are taken away, texts are strange, numbers are at their ends. */
static void make_odd(struct rowgen *g, struct kt_arena *a, struct kt_row *r)
{
    struct kt_event *e = &r->ev;
    switch (rowgen_random(g, 10)) {
    case 0: e->actor.type = e->actor.name = e->actor.arn = e->actor.account = KT_SPAN_NONE; break;
    case 1: e->target.name = e->target.account = KT_SPAN_NONE; e->target.self = KT_UNKNOWN;
            e->target.from = KT_TARGET_NONE; break;
    case 2: e->source.address = KT_SPAN_NONE; e->source.kind = KT_ADDRESS_UNKNOWN; break;
    case 3: e->agent = (struct kt_agent){0}; break;
    case 4: e->time = KT_TIME_NONE; e->flags |= KT_FLAG_NO_TIME; break;
    case 5: e->event_id = KT_SPAN_NONE; e->flags |= KT_FLAG_NO_EVENT_ID; break;
    case 6: e->event_id = put(a, "Not-A-Uuid-%llu", (unsigned long long)g->n); break;
    case 7: e->actor.via = KT_LIT("cloudformation.amazonaws.com"); e->key.created = KT_TIME_NONE; break;
    case 8: e->agent.text = KT_LIT("evil\x1b[2J \xe2\x80\xaetxt"); e->agent.tool = KT_SPAN_NONE;
            e->flags |= KT_FLAG_HIDDEN_TEXT; break;
    default: e->region = KT_LIT(""); e->actor.session = KT_LIT(""); e->flags |= KT_FLAG_REPAIRED; break;
    }
}

static void make_malformed(struct rowgen *g, struct kt_arena *a, struct kt_row *r)
{
    struct kt_row m = {.origin = r->origin, .raw = put(a, "{\"broken\":%llu", (unsigned long long)g->n)};
    m.ev.kind = KT_KIND_MALFORMED;
    m.ev.time = m.ev.key.created = KT_TIME_NONE;
    m.malformed.reason = KT_LIT("unterminated object");
    m.malformed.bytes = m.raw.n;
    m.malformed.names_event = true;
    kt_sha256(m.raw.p, m.raw.n, m.malformed.sha256);
    *r = m;
}

void rowgen_next(struct rowgen *g, struct kt_arena *a, struct kt_row *r, uint8_t content[32])
{
    if (!g->time)
        g->time = INT64_C(1700000000000);
    g->n++;
    g->time += (int64_t)rowgen_random(g, 20000);
    rowgen_plain(r, "", g->time - (int64_t)rowgen_random(g, 600000));
    struct kt_event *e = &r->ev;
    unsigned long account = 111100000000 + rowgen_random(g, g->accounts ? (uint64_t)g->accounts : 20) * 1111;
    e->event_id = put(a, "%08x-%04x-4%03x-9%03x-%012llx", (unsigned)rowgen_random(g, UINT32_MAX),
                      (unsigned)rowgen_random(g, 0x10000), (unsigned)rowgen_random(g, 0x1000),
                      (unsigned)rowgen_random(g, 0x1000), (unsigned long long)rowgen_random(g, 1ull << 48));
    e->key.id = e->key.status = KT_SPAN_NONE;
    e->key.created = KT_TIME_NONE;
    memset(&e->actor, 0, sizeof e->actor);
    make_actor(g, a, e, account);
    make_target(g, a, e, account);
    e->account = e->actor.account;
    e->source.address = put(a, "198.51.%u.%u", (unsigned)rowgen_random(g, 8), (unsigned)rowgen_random(g, 250));
    size_t i = rowgen_random(g, sizeof agents / sizeof *agents);
    e->agent = (struct kt_agent){kt_span_of(agents[i].text), kt_span_of(agents[i].tool),
                                 kt_span_of(agents[i].version), kt_span_of(agents[i].os), agents[i].cls};
    static const int risks[] = {5, 25, 45, 63, 72, 95};
    r->verdict.risk = risks[rowgen_random(g, 6)];
    r->verdict.level = r->verdict.risk >= 90   ? KT_LEVEL_CRITICAL
                       : r->verdict.risk >= 70 ? KT_LEVEL_HIGH
                       : r->verdict.risk >= 40 ? KT_LEVEL_MEDIUM
                       : r->verdict.risk >= 20 ? KT_LEVEL_LOW
                                               : KT_LEVEL_INFORMATIONAL;
    if (e->target.self == KT_NO)
        r->verdict.signal[r->verdict.n_signals++] = (struct kt_signal){.name = KT_LIT("target.other"), .weight = 38};
    if (r->verdict.risk >= 70)
        r->verdict.signal[r->verdict.n_signals++] = (struct kt_signal){.name = KT_LIT("address.new"), .weight = 38};
    (void)snprintf(r->verdict.why, sizeof r->verdict.why, "%s", r->verdict.n_signals ? "for another user" : "");
    r->origin.record = g->n;
    r->origin.source = put(a, "file:AWSLogs/CloudTrail/%llu.json.gz", (unsigned long long)(g->n / 1000));
    make_raw(g, a, r);
    if (rowgen_random(g, 1000) < (uint64_t)g->odd_per_mille)
        make_odd(g, a, r);
    if (rowgen_random(g, 1000) < (uint64_t)g->malformed_per_mille)
        make_malformed(g, a, r);
    kt_sha256(r->raw.p, r->raw.n, content);
}
