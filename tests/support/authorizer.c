#include "tests/support/authorizer.h"

#include "source/policy.h"
#include "tests/support/rig_parts.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ACCOUNT "111122223333"

struct question {
    char key[64], region[64], service[32];
    char action[64], resource[2048], prefix[1100];
};

void authorizer_set(struct authorizer *a, size_t i, const char *key, const char *address)
{
    struct kt_buf b;
    struct kt_err e = {0};
    const char *note;
    kt_buf_init(&b, 1 << 20);
    rig_must(kt_source_policy(address, &b, &note, &e) == KT_OK, e.text);
    a->of[i].policy = json_loads(kt_buf_str(&b), 0, NULL);
    rig_must(a->of[i].policy != NULL, "a policy that is no JSON");
    snprintf(a->of[i].key, sizeof a->of[i].key, "%s", key);
    kt_buf_free(&b);
}

void authorizer_free(struct authorizer *a)
{
    for (size_t i = 0; i < 2; i++)
        json_decref(a->of[i].policy);
}

/* --- what is asked ------------------------------------------------------------------------ */

static void decode(const char *p, const char *end, char *out, size_t size)
{
    size_t n = 0;
    for (; p < end && n + 1 < size; p++) {
        if (*p == '%' && p + 2 < end) {
            out[n++] = (char)strtol((const char[]){p[1], p[2], 0}, NULL, 16);
            p += 2;
        } else {
            out[n++] = *p == '+' ? ' ' : *p;
        }
    }
    out[n] = '\0';
}

static void value_of(const char *form, size_t n, const char *name, char *out, size_t size)
{
    const char *end = form + n, *p = form;
    size_t len = strlen(name);
    out[0] = '\0';
    while (p < end) {
        const char *amp = memchr(p, '&', (size_t)(end - p));
        const char *stop = amp ? amp : end;
        if ((size_t)(stop - p) > len && memcmp(p, name, len) == 0 && p[len] == '=')
            decode(p + len + 1, stop, out, size);
        p = stop + 1;
    }
}

static const char *text_in(const struct fake_request *r, const char *name, char *out, size_t size)
{
    json_t *j = json_loadb(r->body.p ? r->body.p : "", r->body.n, 0, NULL);
    const json_t *v = json_object_get(j, name);
    if (json_is_array(v))
        v = json_array_get(v, 0);
    snprintf(out, size, "%s", json_is_string(v) ? json_string_value(v) : "");
    json_decref(j);
    return out;
}

static void of_sqs(const struct fake_request *r, const char *operation, struct question *q)
{
    char url[600], name[128];
    text_in(r, "QueueUrl", url, sizeof url);
    text_in(r, "QueueName", name, sizeof name);
    const char *slash = strrchr(url, '/');
    size_t n = strlen(operation);
    bool batch = n > 5 && strcmp(operation + n - 5, "Batch") == 0; /* is allowed as the single one is */
    snprintf(q->action, sizeof q->action, "sqs:%.*s", (int)(batch ? n - 5 : n), operation);
    snprintf(q->resource, sizeof q->resource, "arn:aws:sqs:%s:" ACCOUNT ":%s", q->region, slash ? slash + 1 : name);
}

static void of_logs(const struct fake_request *r, const char *operation, struct question *q)
{
    char group[600], arn[600];
    text_in(r, "logGroupName", group, sizeof group);
    text_in(r, strcmp(operation, "StartLiveTail") == 0 ? "logGroupIdentifiers" : "logGroupIdentifier", arn, sizeof arn);
    snprintf(q->action, sizeof q->action, "logs:%s", operation);
    if (arn[0]) /* as the service's reference has it: the group's ARN for the one, with what is in it for the other */
        snprintf(q->resource, sizeof q->resource, "%s", arn);
    else
        snprintf(q->resource, sizeof q->resource, "arn:aws:logs:%s:" ACCOUNT ":log-group:%s:*", q->region, group);
}

/* What is asked by the id of a query is of its workgroup. */
static void of_athena(const struct fake_request *r, const char *operation, struct question *q)
{
    char name[200];
    bool table = strcmp(operation, "GetTableMetadata") == 0;
    text_in(r, table ? "CatalogName" : "WorkGroup", name, sizeof name);
    snprintf(q->action, sizeof q->action, "athena:%s", operation);
    snprintf(q->resource, sizeof q->resource, "arn:aws:athena:%s:" ACCOUNT ":%s/%s", q->region, table ? "datacatalog" : "workgroup",
             name[0] ? name : "analysts");
}

static void of_queries(const struct fake_request *r, const char *operation, struct question *q)
{
    json_t *body = json_loadb(r->body.p, r->body.n, 0, NULL);
    const char *group = json_string_value(json_array_get(json_object_get(body, "logGroupNames"), 0));
    snprintf(q->action, sizeof q->action, "logs:%s", operation);
    if (group)
        snprintf(q->resource, sizeof q->resource, "arn:aws:logs:%s:" ACCOUNT ":log-group:%s:*", q->region, group);
    else /* the service has no resources for what is asked by an id */
        snprintf(q->resource, sizeof q->resource, "*");
    json_decref(body);
}

static void of_s3(const struct fake_request *r, struct question *q)
{
    char path[2048];
    size_t n = strcspn(r->target, "?");
    decode(r->target, r->target + n, path, sizeof path);
    bool list = strstr(r->target, "list-type=2") != NULL;
    snprintf(q->action, sizeof q->action, "%s", list ? "s3:ListBucket" : "s3:GetObject");
    snprintf(q->resource, sizeof q->resource, "arn:aws:s3:::%.1900s", path + 1);
    if (list)
        value_of(r->target + n + 1, strlen(r->target + n + (r->target[n] == '?')), "prefix", q->prefix, sizeof q->prefix);
}

/* False: nobody is asked for a permission. */
static bool understand(const struct fake_request *r, struct question *q)
{
    char auth[400], target[200];
    struct kt_span a = fake_header(r, "Authorization"), t = fake_header(r, "X-Amz-Target");
    snprintf(auth, sizeof auth, "%.*s", (int)(a.n < 300 ? a.n : 300), a.p ? a.p : "");
    snprintf(target, sizeof target, "%.*s", (int)(t.n < 190 ? t.n : 190), t.p ? t.p : "");
    *q = (struct question){0};
    const char *credential = strstr(auth, "Credential=");
    if (!credential || sscanf(credential, "Credential=%63[^/]/%*[0-9]/%63[^/]/%31[^/]/", q->key, q->region, q->service) != 3)
        return false;
    const char *operation = strrchr(target, '.') ? strrchr(target, '.') + 1 : "";
    if (strcmp(q->service, "sqs") == 0) {
        of_sqs(r, operation, q);
    } else if (strcmp(q->service, "athena") == 0) {
        of_athena(r, operation, q);
    } else if (strcmp(operation, "StartQuery") == 0 || strcmp(operation, "GetQueryResults") == 0 || strcmp(operation, "StopQuery") == 0) {
        of_queries(r, operation, q);
    } else if (strcmp(q->service, "logs") == 0) {
        of_logs(r, operation, q);
    } else if (strcmp(q->service, "s3") == 0) {
        of_s3(r, q);
    } else if (strcmp(q->service, "sts") == 0) {
        if (memmem(r->body.p, r->body.n, "Action=GetCallerIdentity", 24))
            return false; /* everybody may ask who he is */
        snprintf(q->action, sizeof q->action, "sts:AssumeRole");
        value_of(r->body.p, r->body.n, "RoleArn", q->resource, sizeof q->resource);
    } else {
        snprintf(q->action, sizeof q->action, "%s:%s", q->service, operation);
        snprintf(q->resource, sizeof q->resource, "*");
    }
    return true;
}

/* --- what is allowed ------------------------------------------------------------------------- */

/* One text or a list of them. */
static bool any_matches(const json_t *v, const char *text)
{
    bool any = json_is_string(v) && fnmatch(json_string_value(v), text, FNM_NOESCAPE) == 0;
    for (size_t i = 0; i < json_array_size(v); i++)
        any |= fnmatch(json_string_value(json_array_get(v, i)), text, FNM_NOESCAPE) == 0;
    return any;
}

static bool condition_holds(const json_t *statement, const struct question *q)
{
    const char *operator, *key;
    json_t *keys, *values;
    json_object_foreach(json_object_get(statement, "Condition"), operator, keys)
        json_object_foreach(keys, key, values) {
            const char *is = strcmp(key, "s3:prefix") == 0               ? q->prefix
                             : strcmp(key, "aws:RequestedRegion") == 0 ? q->region
                                                                       : NULL;
            rig_must(is && (strcmp(operator, "StringLike") == 0 || strcmp(operator, "StringEquals") == 0), key);
            if (!any_matches(values, is))
                return false;
        }
    return true;
}

static bool allows(const json_t *policy, const struct question *q)
{
    size_t i;
    json_t *s;
    json_array_foreach(json_object_get(policy, "Statement"), i, s)
        if (strcmp(json_string_value(json_object_get(s, "Effect")), "Allow") == 0 && any_matches(json_object_get(s, "Action"), q->action) &&
            any_matches(json_object_get(s, "Resource"), q->resource) && condition_holds(s, q))
            return true;
    return false;
}

static void note_use(struct authorizer *a, const char *action)
{
    for (size_t i = 0; i < a->n_used; i++)
        if (strcmp(a->used[i], action) == 0)
            return;
    rig_must(a->n_used < AUTHORIZER_USED, "too many actions");
    snprintf(a->used[a->n_used++], sizeof a->used[0], "%s", action);
}

bool authorizer_judge(void *ctx, const struct fake_request *r, struct fake_reply *out)
{
    struct authorizer *a = ctx;
    struct question q;
    if (!understand(r, &q))
        return false;
    a->asked++;
    for (size_t i = 0; i < 2; i++)
        if (a->of[i].policy && strncmp(q.key, a->of[i].key, strlen(a->of[i].key)) == 0 && allows(a->of[i].policy, &q)) {
            note_use(a, q.action);
            return false;
        }
    if (!a->denied++)
        snprintf(a->why, sizeof a->why, "%s may not %s of %.300s (prefix %.100s, %.40s)", q.key, q.action, q.resource, q.prefix, q.region);
    out->status = 403;
    kt_buf_adds(&out->body, strcmp(q.service, "s3") == 0 || strcmp(q.service, "sts") == 0
                                ? "<Error><Code>AccessDenied</Code><Message>by the policy</Message></Error>"
                                : "{\"__type\":\"AccessDeniedException\",\"message\":\"by the policy\"}");
    return true;
}

/* A query of Athena reads its tables and writes its results for who asked, with his rights. */
static bool was_used(const struct authorizer *a, const char *action)
{
    if (strncmp(action, "glue:", 5) == 0 || strncmp(action, "s3:", 3) == 0)
        for (size_t i = 0; i < a->n_used; i++)
            if (strcmp(a->used[i], "athena:StartQueryExecution") == 0)
                return true;
    for (size_t i = 0; i < a->n_used; i++)
        if (strcmp(a->used[i], action) == 0)
            return true;
    return false;
}

const char *authorizer_superfluous(const struct authorizer *a)
{
    size_t i, k;
    json_t *s;
    for (size_t p = 0; p < 2; p++)
        json_array_foreach(json_object_get(a->of[p].policy, "Statement"), i, s) {
            const json_t *action = json_object_get(s, "Action");
            if (json_is_string(action) && !was_used(a, json_string_value(action)))
                return json_string_value(action);
            for (k = 0; k < json_array_size(action); k++)
                if (!was_used(a, json_string_value(json_array_get(action, k))))
                    return json_string_value(json_array_get(action, k));
        }
    return NULL;
}
