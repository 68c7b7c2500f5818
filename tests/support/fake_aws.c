#include "tests/support/fake_aws.h"

#include "base/hash.h"
#include "tests/support/by_time.h"
#include "tests/support/fake_s3.h"
#include "tests/support/fake_sqs.h"

#include <ctype.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { PAGE = 50, SKEW = 5 * 60 * 1000, EVENTS_MAX = 1 << 20 };

static int64_t now_of(const struct fake_aws *f)
{
    return kt_now(f->clock);
}

static void note(struct fake_aws *f, const char *what)
{
    snprintf(f->log[f->n_log++ % FAKE_LOG], sizeof f->log[0], "%s", what);
}

/* --- signatures: AWS's text, read again ------------------------------------------------- */

static void mac(const void *key, size_t n, const char *text, size_t len, unsigned char out[32])
{
    unsigned int got;
    if (!HMAC(EVP_sha256(), key, (int)n, (const unsigned char *)text, len, out, &got))
        abort();
}

static struct kt_span field(struct kt_span from, const char *name)
{
    const char *p = from.p ? memmem(from.p, from.n, name, strlen(name)) : NULL;
    if (!p)
        return KT_SPAN_NONE;
    p += strlen(name);
    size_t n = 0;
    while (p + n < from.p + from.n && p[n] != ',' && p[n] != ' ')
        n++;
    return (struct kt_span){p, n};
}

static void text_of(char *to, size_t size, struct kt_span s)
{
    snprintf(to, size, "%.*s", (int)s.n, s.p ? s.p : "");
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A query in the order in which it is signed, however it was sent. */
static void add_sorted(struct kt_buf *b, const char *query)
{
    char text[8192], *rest = text, *part[64];
    size_t n = 0;
    snprintf(text, sizeof text, "%s", query);
    while (rest && n < 64)
        part[n++] = strsep(&rest, "&");
    qsort(part, n, sizeof *part, by_text);
    for (size_t i = 0; i < n; i++)
        kt_buf_addf(b, "%s%s", i ? "&" : "", part[i]);
}

static void canonical(struct kt_buf *b, const struct fake_request *r, struct kt_span names)
{
    size_t q = strcspn(r->target, "?");
    kt_buf_addf(b, "%s\n%.*s\n", r->method, (int)q, r->target);
    add_sorted(b, r->target[q] ? r->target + q + 1 : "");
    kt_buf_addc(b, '\n');
    for (const char *p = names.p, *end = p + names.n; p < end;) {
        char name[128];
        size_t n = 0;
        while (p + n < end && p[n] != ';')
            n++;
        text_of(name, sizeof name, (struct kt_span){p, n});
        struct kt_span v = fake_header(r, name);
        kt_buf_addf(b, "%s:%.*s\n", name, (int)v.n, v.p);
        p += n + 1;
    }
    unsigned char digest[32];
    char hex[65];
    kt_buf_addf(b, "\n%.*s\n", (int)names.n, names.p);
    EVP_Digest(r->body.p, r->body.n, digest, NULL, EVP_sha256(), NULL);
    kt_hex(digest, 32, hex);
    kt_buf_adds(b, hex);
}

static bool signed_right(const struct fake_request *r, const struct fake_key *k, const char *scope, struct kt_span auth)
{
    struct kt_buf b;
    char date[32], day[9], region[64], service[64], text[600], hex[65], given[65];
    unsigned char key[32], digest[32];
    char first[160];
    kt_buf_init(&b, 1 << 20);
    canonical(&b, r, field(auth, "SignedHeaders="));
    EVP_Digest(b.p, b.len, digest, NULL, EVP_sha256(), NULL);
    kt_buf_free(&b);
    kt_hex(digest, 32, hex);
    text_of(date, sizeof date, fake_header(r, "X-Amz-Date"));
    if (sscanf(scope, "%8[0-9]/%63[^/]/%63[^/]/aws4_request", day, region, service) != 3 || strncmp(day, date, 8) != 0)
        return false;
    int n = snprintf(text, sizeof text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", date, scope, hex);
    snprintf(first, sizeof first, "AWS4%s", k->secret);
    mac(first, strlen(first), day, 8, key);
    mac(key, 32, region, strlen(region), key);
    mac(key, 32, service, strlen(service), key);
    mac(key, 32, "aws4_request", 12, key);
    mac(key, 32, text, (size_t)n, digest);
    kt_hex(digest, 32, hex);
    text_of(given, sizeof given, field(auth, "Signature="));
    return strcmp(hex, given) == 0;
}

/* --- answers ------------------------------------------------------------------------------ */

static void json_error(struct fake_aws *f, struct fake_reply *out, int status, const char *code, const char *message)
{
    note(f, code);
    out->status = status;
    kt_buf_addf(&out->body, "{\"__type\":\"com.amazonaws#%s\",\"message\":\"%s\"}", code, message);
}

static void xml_error(struct fake_aws *f, struct fake_reply *out, int status, const char *code, const char *message)
{
    note(f, code);
    out->status = status;
    kt_buf_addf(&out->body, "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>",
                code, message);
}

static void set_date(const struct fake_aws *f, struct fake_reply *out)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct kt_civil c = kt_civil_of(now_of(f));
    kt_buf_addf(&out->head, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[c.weekday], c.day, months[c.month - 1], c.year,
                c.hour, c.minute, c.second);
}

typedef void refusal(struct fake_aws *f, struct fake_reply *out, int status, const char *code, const char *message);

static int64_t amz_time(const struct fake_request *r)
{
    int y, mo, d, h, mi, s;
    char text[32], iso[32];
    text_of(text, sizeof text, fake_header(r, "X-Amz-Date"));
    if (sscanf(text, "%4d%2d%2dT%2d%2d%2dZ", &y, &mo, &d, &h, &mi, &s) != 6)
        return KT_TIME_NONE;
    snprintf(iso, sizeof iso, "%04d-%02d-%02dT%02d:%02d:%02dZ", y % 10000, mo % 100, d % 100, h % 100, mi % 100, s % 100);
    return kt_time_parse(kt_span_of(iso));
}

/* The key that signed it, or NULL and the refusal is written. */
static struct fake_key *caller(struct fake_aws *f, const struct fake_request *r, struct fake_reply *out, refusal *refuse)
{
    char credential[256], id[64], token[512];
    struct kt_span auth = fake_header(r, "Authorization");
    text_of(credential, sizeof credential, field(auth, "Credential="));
    char *slash = strchr(credential, '/');
    if (!slash) {
        refuse(f, out, 403, "MissingAuthenticationToken", "not signed");
        return NULL;
    }
    text_of(id, sizeof id, (struct kt_span){credential, (size_t)(slash - credential)});
    text_of(token, sizeof token, fake_header(r, "X-Amz-Security-Token"));
    struct fake_key *k = NULL;
    for (size_t i = 0; i < f->n_keys; i++)
        if (strcmp(f->key[i].id, id) == 0 && strcmp(f->key[i].token, token) == 0)
            k = &f->key[i];
    int64_t at = amz_time(r), now = now_of(f);
    if (!k) {
        refuse(f, out, 403, "UnrecognizedClientException", "The security token included in the request is invalid.");
    } else if (k->expires != KT_TIME_NONE && k->expires <= now) {
        refuse(f, out, 400, "ExpiredTokenException", "The security token included in the request is expired");
    } else if (at == KT_TIME_NONE || at < now - SKEW || at > now + SKEW) {
        refuse(f, out, 403, "InvalidSignatureException", at < now ? "Signature expired" : "Signature not yet current");
    } else if (!signed_right(r, k, slash + 1, auth)) {
        f->bad_signatures++;
        refuse(f, out, 403, "InvalidSignatureException", "The request signature we calculated does not match");
    } else {
        return k;
    }
    return NULL;
}

struct fake_key *fake_aws_caller(struct fake_aws *f, const struct fake_request *r, struct fake_reply *out)
{
    return caller(f, r, out, json_error);
}

void fake_aws_refuse(struct fake_aws *f, struct fake_reply *out, int status, const char *code, const char *message)
{
    json_error(f, out, status, code, message);
}

static void give_keys(struct fake_aws *f, const char *account, struct fake_key *k)
{
    *k = (struct fake_key){.expires = now_of(f) + (f->keys_live ? f->keys_live : 3600000)};
    unsigned n = ++f->issued;
    snprintf(k->id, sizeof k->id, "ASIAFAKE%08u", n);
    snprintf(k->secret, sizeof k->secret, "canarySecret%08uabcdefghijklmnopq", n);
    snprintf(k->token, sizeof k->token, "canaryToken%08u/+=", n);
    snprintf(k->account, sizeof k->account, "%.12s", account);
    f->key[f->n_keys < FAKE_KEYS ? f->n_keys++ : n % FAKE_KEYS] = *k;
    size_t have = strlen(f->secrets);
    snprintf(f->secrets + have, sizeof f->secrets - have, "%s\n%s\n", k->secret, k->token);
}

/* --- STS ------------------------------------------------------------------------------------- */

static void form_value(const struct fake_request *r, const char *name, char *out, size_t size)
{
    char key[64];
    size_t n = 0;
    snprintf(key, sizeof key, "&%s=", name);
    const char *p = memmem(r->body.p, r->body.n, key, strlen(key)), *end = r->body.p + r->body.n;
    for (p = p ? p + strlen(key) : end; p < end && *p != '&' && n < size - 1; p++) {
        if (*p == '%' && p + 2 < end) {
            char hex[3] = {p[1], p[2], 0};
            out[n++] = (char)strtol(hex, NULL, 16);
            p += 2;
        } else {
            out[n++] = *p;
        }
    }
    out[n] = '\0';
}

static void sts(struct fake_aws *f, const struct fake_request *r, struct fake_reply *out)
{
    char arn[512], external[128], code[32], token[256], when[KT_TIME_TEXT];
    bool web = memmem(r->body.p, r->body.n, "AssumeRoleWithWebIdentity", 25) != NULL;
    const struct fake_key *who = web ? NULL : caller(f, r, out, xml_error);
    if (!web && !who)
        return;
    if (memmem(r->body.p, r->body.n, "Action=GetCallerIdentity", 24)) {
        kt_buf_addf(&out->body, "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>%s</Account>"
                                "</GetCallerIdentityResult></GetCallerIdentityResponse>", who ? who->account : "");
        return;
    }
    form_value(r, "RoleArn", arn, sizeof arn);
    form_value(r, "ExternalId", external, sizeof external);
    form_value(r, "TokenCode", code, sizeof code);
    form_value(r, "WebIdentityToken", token, sizeof token);
    const char *account = strstr(arn, "::");
    if ((!web && strcmp(external, f->external) != 0) || (!web && strcmp(code, f->mfa) != 0) || !account ||
        strstr(arn, "denied")) {
        xml_error(f, out, 403, "AccessDenied", "is not authorized to perform: sts:AssumeRole");
        return;
    }
    if (web && strcmp(token, "web-canary") != 0) {
        xml_error(f, out, 400, "InvalidIdentityToken", "no");
        return;
    }
    struct fake_key k;
    give_keys(f, account + 2, &k);
    f->web += web;
    f->assumed += !web;
    kt_time_format(k.expires - k.expires % 1000, when);
    kt_buf_addf(&out->body,
                "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s"
                "</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
                k.id, k.secret, k.token, when);
}

/* --- CloudTrail -------------------------------------------------------------------------------- */

static void call_record(char *out, size_t size, const struct fake_event *e, const char *when)
{
    snprintf(out, size,
             "{\"eventVersion\":\"1.08\",\"userIdentity\":{\"type\":\"IAMUser\",\"principalId\":\"AIDA\",\"arn\":"
             "\"arn:aws:iam::%s:user/%s\",\"accountId\":\"%s\",\"accessKeyId\":\"%s\",\"userName\":\"%s\"},\"eventTime\":"
             "\"%s\",\"eventSource\":\"s3.amazonaws.com\",\"eventName\":\"%s\",\"awsRegion\":\"us-east-1\",\"sourceIPAddress\":"
             "\"198.51.100.77\",\"userAgent\":\"aws-cli/2.17 Linux\",\"requestParameters\":null,\"responseElements\":null,"
             "\"eventID\":\"00000000-0000-4000-8000-%012d\",\"recipientAccountId\":\"%s\"}",
             e->account, e->user, e->account, e->key, e->user, when, e->name, e->number, e->account);
}

void fake_aws_record(char *out, size_t size, const struct fake_event *e)
{
    char when[KT_TIME_TEXT];
    kt_time_format(e->time - e->time % 1000, when);
    if (e->text) {
        snprintf(out, size, "%s", e->text);
        return;
    }
    if (e->key[0]) {
        call_record(out, size, e, when);
        return;
    }
    snprintf(out, size,
             "{\"eventVersion\":\"1.08\",\"userIdentity\":{\"type\":\"IAMUser\",\"principalId\":\"AIDA\",\"arn\":"
             "\"arn:aws:iam::%s:user/alice\",\"accountId\":\"%s\",\"userName\":\"alice\"},\"eventTime\":\"%s\",\"eventSource\":"
             "\"iam.amazonaws.com\",\"eventName\":\"%s\",\"awsRegion\":\"us-east-1\",\"sourceIPAddress\":\"203.0.113.9\","
             "\"userAgent\":\"aws-cli\",\"requestParameters\":{\"userName\":\"bob%d\"},\"responseElements\":{\"accessKey\":{"
             "\"userName\":\"bob%d\",\"accessKeyId\":\"AKIA%016d\",\"status\":\"Active\",\"createDate\":\"%s\"}},"
             "\"eventID\":\"00000000-0000-4000-8000-%012d\",\"recipientAccountId\":\"%s\"}",
             e->account, e->account, when, e->name, e->number, e->number, e->number, when, e->number, e->account);
}

void fake_aws_create_key(struct kt_buf *b, int number, int64_t time, const char *account)
{
    char inner[1200];
    struct fake_event e = {.time = time, .number = number, .name = "CreateAccessKey"};
    snprintf(e.account, sizeof e.account, "%s", account);
    fake_aws_record(inner, sizeof inner, &e);
    kt_buf_adds(b, inner);
}

void fake_aws_put_escaped(struct kt_buf *b, struct fake_event *e)
{
    if (!e->escaped) {
        char record[4096];
        struct kt_buf text;
        fake_aws_record(record, sizeof record, e);
        kt_buf_init(&text, sizeof record * 2);
        fake_escape(&text, record);
        e->n_escaped = text.len;
        e->escaped = strdup(kt_buf_str(&text));
        kt_buf_free(&text);
        if (!e->escaped)
            abort();
    }
    kt_buf_add(b, e->escaped, e->n_escaped);
}

static void write_event(struct kt_buf *b, struct fake_event *e)
{
    kt_buf_addf(b, "{\"EventId\":\"00000000-0000-4000-8000-%012d\",\"EventName\":\"%s\",\"ReadOnly\":\"false\",\"EventTime\":%lld,"
                   "\"EventSource\":\"iam.amazonaws.com\",\"Username\":\"alice\",\"Resources\":[],\"CloudTrailEvent\":\"",
                e->number, e->name, (long long)(e->time / 1000));
    fake_aws_put_escaped(b, e);
    kt_buf_adds(b, "\"}");
}

static bool too_fast(struct fake_aws *f, const char *account)
{
    int64_t now = f->mono ? kt_now(f->mono) : kt_mono_ms();
    size_t i = 0;
    while (i < f->n_last && strcmp(f->last[i].account, account) != 0)
        i++;
    if (i == f->n_last && f->n_last < FAKE_KEYS) {
        snprintf(f->last[f->n_last++].account, sizeof f->last[0].account, "%s", account);
        f->last[i].at = INT64_MIN / 2;
    }
    bool fast = f->quota_ms && now - f->last[i].at < f->quota_ms;
    f->last[i].at = now;
    f->too_fast += fast;
    return fast;
}

void fake_aws_error(struct fake_aws *f, struct fake_reply *out, bool xml, int status, const char *code, const char *message)
{
    if (xml)
        xml_error(f, out, status, code, message);
    else
        json_error(f, out, status, code, message);
}

const struct fake_key *fake_aws_signer(struct fake_aws *f, const struct fake_request *r, struct fake_reply *out, bool xml)
{
    return caller(f, r, out, xml ? xml_error : json_error);
}

static bool scripted(struct fake_aws *f, enum fake_fault fault, struct fake_reply *out)
{
    switch (fault) {
    case FAKE_FINE: return false;
    case FAKE_THROTTLE: f->throttled++; json_error(f, out, 400, "ThrottlingException", "Rate exceeded"); break;
    case FAKE_500: json_error(f, out, 500, "InternalFailure", "sorry"); break;
    case FAKE_503_LATER: kt_buf_adds(&out->head, "Retry-After: 1\r\n"); json_error(f, out, 503, "ServiceUnavailable", "later"); break;
    case FAKE_EXPIRED_TOKEN: json_error(f, out, 400, "ExpiredTokenException", "expired"); break;
    case FAKE_EXPIRED_PAGE: json_error(f, out, 400, "InvalidNextTokenException", "expired page"); break;
    case FAKE_DENIED: json_error(f, out, 400, "AccessDeniedException", "User is not authorized to perform: cloudtrail:LookupEvents"); break;
    case FAKE_HTML: kt_buf_adds(&out->body, "<html>login here</html>"); break;
    case FAKE_REDIRECT: out->status = 302; kt_buf_adds(&out->head, "Location: http://127.0.0.1:1/\r\n"); break;
    case FAKE_DROP: out->breaks = FAKE_CLOSE; break;
    case FAKE_DROP_BODY: kt_buf_adds(&out->body, "{\"Events\":[]}          "); out->breaks = FAKE_CUT_BODY; break;
    case FAKE_SILENT: out->breaks = FAKE_STALL; break;
    }
    return true;
}

struct asked {
    long long from, to;
    const char *by, *name, *account; /* of which attribute, and its value; NULL: any */
    uint32_t tag;                    /* of an event's name and account; 0: any */
};

static uint32_t tag_of(const char *name, const char *account)
{
    uint32_t h = 2166136261u;
    for (const char *p = name; *p; p++)
        h = (h ^ (unsigned char)*p) * 16777619u;
    for (const char *p = account; *p; p++)
        h = (h ^ (unsigned char)*p) * 16777619u;
    return h ? h : 1;
}

static bool is_of(const struct fake_event *e, const char *attribute, const char *value)
{
    const char *user = e->user[0] ? e->user : "alice";
    const char *is = !attribute || strcmp(attribute, "EventName") == 0 ? e->name
                     : strcmp(attribute, "AccessKeyId") == 0           ? e->key
                     : strcmp(attribute, "Username") == 0              ? user
                                                                       : "";
    return is[0] && strcmp(is, value) == 0;
}

static bool is_hit(const struct fake_event *e, const struct asked *q, int64_t now)
{
    if (e->available > now || (q->tag && q->tag != e->tag))
        return false;
    return q->tag || ((!q->name || is_of(e, q->by, q->name)) && strcmp(e->account, q->account) == 0);
}

/* The newest first: at most `most` of those behind the first `start` ones. True: there are more. */
static bool write_events(struct fake_aws *f, const struct asked *q, size_t start, size_t most, struct kt_buf *b)
{
    int64_t now = now_of(f);
    by_time_update(&f->order, f->event, sizeof *f->event, f->n_events);
    size_t end = q->to > INT64_MAX / 1000 - 1 ? f->order.n : by_time_from(&f->order, f->event, sizeof *f->event, (q->to + 1) * 1000);
    size_t least = q->from > 0 ? by_time_from(&f->order, f->event, sizeof *f->event, q->from * 1000) : 0, hits = 0, n = 0;
    for (; end > least && n < most; end--) {
        struct fake_event *e = &f->event[f->order.at[end - 1]];
        if (!is_hit(e, q, now) || hits++ < start)
            continue;
        kt_buf_adds(b, n++ ? "," : "");
        write_event(b, e);
    }
    for (; end > least; end--)
        if (is_hit(&f->event[f->order.at[end - 1]], q, now))
            return true;
    return false;
}

/* A token is "number:requests so far:hash of what was asked"; a page comes of
 * what the service has at that moment, as with the real one: events that
 * arrive between two pages push others along. */
static void lookup(struct fake_aws *f, const struct fake_request *r, struct fake_reply *out, const char *account)
{
    json_t *q = json_loadb(r->body.p, r->body.n, 0, NULL);
    json_t *at = json_array_get(json_object_get(q, "LookupAttributes"), 0);
    const char *name = json_string_value(json_object_get(at, "AttributeValue"));
    const char *token = json_string_value(json_object_get(q, "NextToken"));
    long long from = (long long)json_number_value(json_object_get(q, "StartTime"));
    const json_t *end_time = json_object_get(q, "EndTime"); /* both may be left out */
    long long to = end_time ? (long long)json_number_value(end_time) : INT64_MAX;
    char asked[200], expect[200] = "";
    unsigned first = 0, seen = 0;
    bool empty = false;
    const char *by = json_string_value(json_object_get(at, "AttributeKey"));
    snprintf(asked, sizeof asked, "%.40s.%lld.%lld.%s", name ? name : "", from, to, account);
    if (json_array_size(json_object_get(q, "LookupAttributes")) > 1 || to < from) {
        json_error(f, out, 400, "InvalidLookupAttributesException", "one");
    } else if (token && (sscanf(token, "%u:%u:%199s", &first, &seen, expect) != 3 || strcmp(asked, expect) != 0)) {
        json_error(f, out, 400, "InvalidNextTokenException", "not of these parameters");
    } else if (token && f->page_life && f->lookups - seen > (unsigned)f->page_life) {
        json_error(f, out, 400, "InvalidNextTokenException", "expired");
    } else {
        size_t start = first / 2;
        empty = f->empty_pages && (!token || first % 2 == 0); /* an odd number: the page itself */
        kt_buf_adds(&out->body, "{\"Events\":[");
        bool named = name && (!by || strcmp(by, "EventName") == 0);
        bool more = write_events(f, &(struct asked){from, to, by, name, account, named ? tag_of(name, account) : 0}, empty ? 0 : start, empty ? 0 : PAGE, &out->body);
        kt_buf_adds(&out->body, "]");
        if (empty || more)
            kt_buf_addf(&out->body, ",\"NextToken\":\"%zu:%u:%s\"", empty ? start * 2 + 1 : (start + PAGE) * 2, f->lookups, asked);
        kt_buf_adds(&out->body, "}");
    }
    json_decref(q);
}

static enum fake_fault next_fault(struct fake_aws *f)
{
    enum fake_fault fault = FAKE_FINE;
    if (f->n_faults) {
        fault = f->fault[0];
        memmove(f->fault, f->fault + 1, --f->n_faults * sizeof *f->fault);
    }
    return fault;
}

bool fake_aws_scripted(struct fake_aws *f, struct fake_reply *out, bool xml)
{
    enum fake_fault fault = next_fault(f);
    if (!xml || fault == FAKE_HTML || fault == FAKE_REDIRECT || fault >= FAKE_DROP)
        return scripted(f, fault, out);
    switch (fault) {
    case FAKE_THROTTLE: xml_error(f, out, 503, "SlowDown", "Please reduce your request rate."); break;
    case FAKE_500: xml_error(f, out, 500, "InternalError", "sorry"); break;
    case FAKE_503_LATER: xml_error(f, out, 503, "ServiceUnavailable", "later"); break;
    case FAKE_EXPIRED_TOKEN: xml_error(f, out, 400, "ExpiredToken", "expired"); break;
    case FAKE_EXPIRED_PAGE: xml_error(f, out, 400, "InvalidArgument", "The continuation token provided is incorrect"); break;
    case FAKE_DENIED: xml_error(f, out, 403, "AccessDenied", "Access Denied"); break;
    default: return false;
    }
    return true;
}

static void cloudtrail(struct fake_aws *f, const struct fake_request *r, struct fake_reply *out)
{
    enum fake_fault fault = next_fault(f);
    f->lookups++;
    if (scripted(f, fault, out))
        return;
    const struct fake_key *k = caller(f, r, out, json_error);
    if (!k)
        return;
    if (too_fast(f, k->account)) {
        f->throttled++;
        json_error(f, out, 400, "ThrottlingException", "Rate exceeded");
        return;
    }
    struct kt_span type = fake_header(r, "Content-Type"), target = fake_header(r, "X-Amz-Target");
    if (!kt_span_is(type, "application/x-amz-json-1.1") ||
        !kt_span_is(target, "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"))
        json_error(f, out, 400, "UnknownOperationException", "what?");
    else
        lookup(f, r, out, k->account);
}

/* --- the others ---------------------------------------------------------------------------------- */

static void metadata(struct fake_aws *f, const struct fake_request *r, struct fake_reply *out)
{
    struct fake_key k;
    char when[KT_TIME_TEXT];
    if (strcmp(r->target, "/latest/api/token") == 0) {
        if (strcmp(r->method, "PUT") == 0 && kt_span_is(fake_header(r, "x-aws-ec2-metadata-token-ttl-seconds"), "21600"))
            kt_buf_adds(&out->body, f->imds_token);
        else
            out->status = 400;
        return;
    }
    f->imds_v1 += !fake_header(r, "x-aws-ec2-metadata-token").p;
    if (!kt_span_is(fake_header(r, "x-aws-ec2-metadata-token"), f->imds_token)) {
        out->status = 401;
    } else if (r->target[strlen(r->target) - 1] == '/') {
        kt_buf_adds(&out->body, "soc-role");
    } else {
        f->imds++;
        give_keys(f, "111122223333", &k);
        kt_time_format(k.expires - k.expires % 1000, when);
        kt_buf_addf(&out->body, "{\"Code\":\"Success\",\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"%s\",\"Token\":\"%s\",\"Expiration\":\"%s\"}",
                    k.id, k.secret, k.token, when);
    }
}

static void container(struct fake_aws *f, const struct fake_request *r, struct fake_reply *out)
{
    struct fake_key k;
    char when[KT_TIME_TEXT];
    if (!kt_span_is(fake_header(r, "Authorization"), f->container_token)) {
        out->status = 401;
        return;
    }
    f->container++;
    give_keys(f, "111122223333", &k);
    kt_time_format(k.expires - k.expires % 1000, when);
    kt_buf_addf(&out->body, "{\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"%s\",\"Token\":\"%s\",\"Expiration\":\"%s\"}", k.id,
                k.secret, k.token, when);
}

static void sso(struct fake_aws *f, const struct fake_request *r, struct fake_reply *out)
{
    struct fake_key k;
    if (!kt_span_is(fake_header(r, "x-amz-sso_bearer_token"), f->bearer)) {
        out->status = 401;
        kt_buf_adds(&out->body, "{\"message\":\"Session token not found or invalid\"}");
        return;
    }
    f->sso++;
    give_keys(f, "111122223333", &k);
    kt_buf_addf(&out->body, "{\"roleCredentials\":{\"accessKeyId\":\"%s\",\"secretAccessKey\":\"%s\",\"sessionToken\":\"%s\",\"expiration\":%lld}}",
                k.id, k.secret, k.token, (long long)k.expires);
}

static void oidc(struct fake_aws *f, const struct fake_request *r, struct fake_reply *out)
{
    json_t *q = json_loadb(r->body.p, r->body.n, 0, NULL);
    const char *grant = json_string_value(json_object_get(q, "grantType"));
    const char *token = json_string_value(json_object_get(q, "refreshToken"));
    if (grant && token && strcmp(grant, "refresh_token") == 0 && strcmp(token, "refresh-canary") == 0) {
        f->refreshed++;
        kt_buf_addf(&out->body, "{\"accessToken\":\"%s\",\"expiresIn\":28800,\"refreshToken\":\"refresh-canary\",\"tokenType\":\"Bearer\"}",
                    f->bearer);
    } else {
        out->status = 400;
        kt_buf_adds(&out->body, "{\"error\":\"invalid_grant\",\"error_description\":\"no\"}");
    }
    json_decref(q);
}

static void on_request(void *ctx, const struct fake_request *r, struct fake_reply *out)
{
    struct fake_aws *f = ctx;
    struct kt_span auth = fake_header(r, "Authorization");
    set_date(f, out);
    if (f->also && f->also(f->also_ctx, f, r, out))
        return;
    if (strncmp(r->target, "/latest/", 8) == 0)
        metadata(f, r, out);
    else if (strncmp(r->target, "/container", 10) == 0)
        container(f, r, out);
    else if (strncmp(r->target, "/federation/", 12) == 0)
        sso(f, r, out);
    else if (strcmp(r->target, "/token") == 0)
        oidc(f, r, out);
    else if (f->sqs && auth.p && memmem(auth.p, auth.n, "/sqs/", 5))
        fake_sqs_answer(f->sqs, f, r, out);
    else if (f->s3 && auth.p && memmem(auth.p, auth.n, "/s3/", 4))
        fake_s3_answer(f->s3, f, r, out);
    else if (!auth.p || memmem(auth.p, auth.n, "/sts/", 5))
        sts(f, r, out);
    else
        cloudtrail(f, r, out);
}

void fake_aws_init(struct fake_aws *f)
{
    *f = (struct fake_aws){.bearer = "sso-canary", .imds_token = "imds-canary", .container_token = "container-canary"};
    f->http = fake_http_new(on_request, f);
}

void fake_aws_free(struct fake_aws *f)
{
    fake_http_free(f->http);
    for (size_t i = 0; i < f->n_events; i++)
        free(f->event[i].escaped);
    free(f->event);
    by_time_free(&f->order);
}

const char *fake_aws_url(const struct fake_aws *f)
{
    static char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", fake_http_port(f->http));
    return url;
}

void fake_aws_environment(struct fake_aws *f, const char *home)
{
    static const char *const others[] = {
        "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_SQS",
        "AWS_ENDPOINT_URL_S3", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_CA_BUNDLE"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        unsetenv(others[i]);
    setenv("HOME", home, 1);
    setenv("AWS_ENDPOINT_URL", fake_aws_url(f), 1);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    setenv("AWS_ACCESS_KEY_ID", "AKIDE2E", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "canary-secret-key", 1);
    fake_aws_key(f, "AKIDE2E", "canary-secret-key", NULL, "111122223333");
}

void fake_aws_key(struct fake_aws *f, const char *id, const char *secret, const char *token, const char *account)
{
    fake_http_lock(f->http);
    struct fake_key *k = &f->key[f->n_keys++];
    *k = (struct fake_key){.expires = KT_TIME_NONE};
    snprintf(k->id, sizeof k->id, "%s", id);
    snprintf(k->secret, sizeof k->secret, "%s", secret);
    snprintf(k->token, sizeof k->token, "%s", token ? token : "");
    snprintf(k->account, sizeof k->account, "%s", account);
    fake_http_unlock(f->http);
}

void fake_aws_numbered(struct fake_aws *f, int number, int64_t time, int64_t available, const char *name, const char *account)
{
    fake_http_lock(f->http);
    if (!kt_grow(&f->event, &f->cap_events, f->n_events + 1, sizeof *f->event, EVENTS_MAX))
        abort();
    struct fake_event *e = &f->event[f->n_events];
    *e = (struct fake_event){.time = time, .available = available, .number = number};
    snprintf(e->name, sizeof e->name, "%s", name);
    snprintf(e->account, sizeof e->account, "%s", account);
    e->tag = tag_of(e->name, e->account);
    f->n_events++;
    fake_http_unlock(f->http);
}

void fake_aws_event(struct fake_aws *f, int64_t time, int64_t available, const char *name, const char *account)
{
    fake_aws_numbered(f, (int)f->n_events + 1, time, available, name, account);
}

void fake_aws_call(struct fake_aws *f, int64_t time, const char *name, const char *account, const char *user, const char *key)
{
    fake_aws_event(f, time, 0, name, account);
    fake_http_lock(f->http);
    struct fake_event *e = &f->event[f->n_events - 1];
    snprintf(e->user, sizeof e->user, "%s", user);
    snprintf(e->key, sizeof e->key, "%s", key);
    fake_http_unlock(f->http);
}

unsigned fake_aws_seen(struct fake_aws *f, const unsigned *count)
{
    fake_http_lock(f->http);
    unsigned n = *count;
    fake_http_unlock(f->http);
    return n;
}

void fake_aws_calm(struct fake_aws *f)
{
    fake_http_lock(f->http);
    f->n_faults = 0;
    fake_http_unlock(f->http);
}

void fake_aws_fault(struct fake_aws *f, enum fake_fault fault)
{
    fake_http_lock(f->http);
    if (f->n_faults < FAKE_FAULTS)
        f->fault[f->n_faults++] = fault;
    fake_http_unlock(f->http);
}
