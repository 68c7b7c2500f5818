#include "tests/support/records.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(bool held)
{
    if (!held) {
        (void)fputs("records: memory ran out, or a test spelled JSON wrongly\n", stderr);
        abort();
    }
}

static const char *or_else(const char *s, const char *other)
{
    return s ? s : other;
}

static void put(json_t *o, const char *key, const char *text)
{
    if (text)
        need(json_object_set_new(o, key, json_string(text)) == 0);
}

static void put_new(json_t *o, const char *key, json_t *v)
{
    need(v && json_object_set_new(o, key, v) == 0);
}

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static json_t *session_context(const struct record *r, const char *account)
{
    json_t *context = json_object(), *attributes = json_object();
    need(context && attributes);
    if (is(or_else(r->type, "IAMUser"), "AssumedRole")) {
        char arn[256];
        need(snprintf(arn, sizeof arn, "arn:aws:iam::%s:role/%s", account, or_else(r->actor, "alice")) > 0);
        json_t *issuer = json_object();
        need(issuer != NULL);
        put(issuer, "type", "Role");
        put(issuer, "principalId", "AROAEXAMPLEEXAMPLE001");
        put(issuer, "arn", arn);
        put(issuer, "accountId", account);
        put(issuer, "userName", or_else(r->actor, "alice"));
        put_new(context, "sessionIssuer", issuer);
    }
    put(attributes, "creationDate", "2026-03-01T08:00:00Z");
    put(attributes, "mfaAuthenticated", or_else(r->mfa, "false"));
    put_new(context, "attributes", attributes);
    return context;
}

static json_t *identity(const struct record *r, const char *account)
{
    const char *type = or_else(r->type, "IAMUser"), *name = or_else(r->actor, "alice");
    const char *session = or_else(r->session, "i-0abc1234def567890");
    bool role = is(type, "AssumedRole"), root = is(type, "Root");
    char arn[512], principal[256];
    json_t *o = json_object();
    need(o != NULL);
    if (role) {
        need(snprintf(arn, sizeof arn, "arn:aws:sts::%s:assumed-role/%s/%s", account, name, session) > 0);
        need(snprintf(principal, sizeof principal, "AROAEXAMPLEEXAMPLE001:%s", session) > 0);
    } else {
        need(snprintf(arn, sizeof arn, root ? "arn:aws:iam::%s:root" : "arn:aws:iam::%s:user/%s", account, name) > 0);
        need(snprintf(principal, sizeof principal, "%s", root ? account : "AIDAEXAMPLEEXAMPLE001") > 0);
    }
    put(o, "type", type);
    put(o, "principalId", principal);
    put(o, "arn", arn);
    put(o, "accountId", account);
    put(o, "accessKeyId", role || r->mfa ? "ASIAEXAMPLEEXAMPLE01" : "AKIAEXAMPLEEXAMPLE01");
    if (!role && !root)
        put(o, "userName", name);
    if (role || r->mfa)
        put_new(o, "sessionContext", session_context(r, account));
    return o;
}

static json_t *response(const struct record *r, const char *time)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct kt_civil c = kt_civil_of(kt_time_parse(kt_span_of(time)));
    char created[64];
    json_t *key = json_object(), *o = json_object();
    need(key && o);
    put(key, "accessKeyId", or_else(r->key, "AKIAEXAMPLEEXAMPLE99"));
    put(key, "status", "Active");
    /* root's own key comes back without a name */
    put(key, "userName", r->target ? r->target : is(or_else(r->type, "IAMUser"), "Root") ? NULL : or_else(r->actor, "alice"));
    if (c.month >= 1 && c.month <= 12) {
        need(snprintf(created, sizeof created, "%s %d, %d %d:%02d:%02d %s", months[c.month - 1], c.day, c.year,
                      c.hour % 12 ? c.hour % 12 : 12, c.minute, c.second, c.hour < 12 ? "AM" : "PM") > 0);
        put(key, "createDate", created);
    }
    put_new(o, "accessKey", key);
    return o;
}

/* As IAM words it; the target stands nowhere else in a denied record. */
static void put_denial(json_t *o, const struct record *r, const char *account)
{
    char text[1024];
    const char *name = or_else(r->actor, "alice");
    need(snprintf(text, sizeof text,
                  "User: arn:aws:iam::%s:user/%s is not authorized to perform: iam:CreateAccessKey on resource: "
                  "user %s because no identity-based policy allows the iam:CreateAccessKey action",
                  account, name, or_else(r->target, name)) > 0);
    put(o, "errorMessage", text);
}

static void put_outcome(json_t *o, const struct record *r, const char *account, const char *time)
{
    bool denied = r->error && is(r->error, "AccessDenied");
    put(o, "errorCode", r->error);
    if (r->message)
        put(o, "errorMessage", r->message);
    else if (denied)
        put_denial(o, r, account);
    if (r->target && !denied)
        put_new(o, "requestParameters", json_pack("{s:s}", "userName", r->target));
    else
        put_new(o, "requestParameters", json_null());
    put_new(o, "responseElements", r->error ? json_null() : response(r, time));
}

json_t *record_build(const struct record *r)
{
    const char *account = or_else(r->account, RECORD_ACCOUNT), *time = or_else(r->time, "2026-03-01T09:15:30Z");
    json_t *o = json_object();
    need(o != NULL);
    put(o, "eventVersion", "1.10");
    put_new(o, "userIdentity", identity(r, account));
    put(o, "eventTime", time);
    put(o, "eventSource", "iam.amazonaws.com");
    put(o, "eventName", "CreateAccessKey");
    put(o, "awsRegion", or_else(r->region, "us-east-1"));
    put(o, "sourceIPAddress", or_else(r->address, "203.0.113.9"));
    put(o, "userAgent", or_else(r->agent, "Boto3/1.28.0 md/Botocore#1.31.0 ua/2.0 os/linux#6.1.0 md/arch#x86_64 "
                                          "lang/python#3.11.4"));
    put_outcome(o, r, account, time);
    put(o, "requestID", "0f0f0f0f-1111-4222-8333-444444444444");
    put(o, "eventID", or_else(r->id, "5a5a5a5a-1111-4222-8333-000000000001"));
    put_new(o, "readOnly", json_false());
    put(o, "eventType", "AwsApiCall");
    put_new(o, "managementEvent", json_true());
    put(o, "recipientAccountId", account);
    put(o, "eventCategory", "Management");
    if (r->from_console)
        put(o, "sessionCredentialFromConsole", "true");
    return o;
}

char *record_dump(const json_t *root)
{
    char *text = json_dumps(root, JSON_COMPACT);
    need(text != NULL);
    return text;
}

char *record_text(const struct record *r)
{
    json_t *o = record_build(r);
    char *text = record_dump(o);
    json_decref(o);
    return text;
}

json_t *record_set(json_t *root, const char *path, const char *json)
{
    char key[128];
    json_t *o = root;
    for (;;) {
        size_t n = strcspn(path, ".");
        need(n < sizeof key);
        memcpy(key, path, n);
        key[n] = '\0';
        if (!path[n])
            break;
        if (!json_is_object(json_object_get(o, key)))
            put_new(o, key, json_object());
        o = json_object_get(o, key);
        path += n + 1;
    }
    if (json)
        put_new(o, key, json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
    else
        (void)json_object_del(o, key);
    return root;
}
