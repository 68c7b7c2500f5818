#include "source/policy.h"

#include "aws/aws.h"
#include "query/quote.h"
#include "source/athena_address.h"
#include "source/clickhouse_address.h"
#include "source/cloudtrail_address.h"
#include "source/insights_address.h"
#include "source/logs_address.h"
#include "source/splunk_address.h"
#include "source/s3.h"
#include "source/sqs.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *strings(const char *const *text, size_t n)
{
    json_t *a = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(a, json_string(text[i]));
    return a;
}

static json_t *trail_statement(const struct trail_address *a)
{
    if (a->n_roles)
        return json_pack("{s:s,s:s,s:s,s:o}", "Sid", "KeytopAssumeRoles", "Effect", "Allow", "Action", "sts:AssumeRole",
                         "Resource", strings(a->role, a->n_roles));
    json_t *s = json_pack("{s:s,s:s,s:s,s:s}", "Sid", "KeytopEventHistory", "Effect", "Allow", "Action",
                          "cloudtrail:LookupEvents", "Resource", "*");
    if (a->n_regions)
        json_object_set_new(s, "Condition", json_pack("{s:{s:o}}", "StringEquals", "aws:RequestedRegion",
                                                      strings(a->region, a->n_regions)));
    return s;
}

/* Takes the statements, and writes the policy. */
static enum kt_code write_policy(json_t *statements, struct kt_buf *out, struct kt_err *e)
{
    json_t *p = json_pack("{s:s,s:o}", "Version", "2012-10-17", "Statement", statements);
    char *text = p ? json_dumps(p, JSON_INDENT(2) | JSON_ENSURE_ASCII) : NULL;
    enum kt_code code = text && kt_buf_adds(out, text) && kt_buf_addc(out, '\n')
                            ? KT_OK
                            : kt_fail(e, KT_ENOMEM, "out of memory, or text that is not UTF-8");
    free(text);
    json_decref(p);
    return code;
}

static const char of_role[] = "this is for the keys that assume the role; the role itself needs what is printed without role=";

static json_t *assume(const char *role)
{
    return json_pack("{s:s,s:s,s:s,s:s}", "Sid", "KeytopAssumeRole", "Effect", "Allow", "Action", "sts:AssumeRole", "Resource", role);
}

/* Of the keys that a source begins with, where it works with those of a role. */
static enum kt_code for_role(const char *role, struct kt_buf *out, const char **note, struct kt_err *e)
{
    *note = of_role;
    return write_policy(json_pack("[o]", assume(role)), out, e);
}

static const char *partition_of(const char *region)
{
    const struct kt_partition *p = region[0] ? kt_partition_of(region) : NULL;
    return p ? p->name : "aws";
}

static enum kt_code s3(const char *address, struct kt_buf *out, const char **note, struct kt_err *e)
{
    struct s3_address a;
    char bucket[128], objects[1024], listed[BUCKET_KEY_MAX];
    enum kt_code code = s3_address_parse(&a, address, e);
    if (code == KT_OK && a.role) {
        code = for_role(a.role, out, note, e);
    } else if (code == KT_OK) {
        const char *partition = partition_of(a.region ? a.region : "");
        snprintf(bucket, sizeof bucket, "arn:%s:s3:::%s", partition, a.bucket);
        snprintf(objects, sizeof objects, "%s/%s*%s", bucket, a.prefix, strstr(a.prefix, "/CloudTrail/") ? "" : "/CloudTrail/*");
        snprintf(listed, sizeof listed, "%s*", a.prefix);
        json_t *list = json_pack("{s:s,s:s,s:s,s:s}", "Sid", "KeytopList", "Effect", "Allow", "Action", "s3:ListBucket", "Resource", bucket);
        if (a.prefix[0])
            json_object_set_new(list, "Condition", json_pack("{s:{s:s}}", "StringLike", "s3:prefix", listed));
        code = write_policy(json_pack("[o,{s:s,s:s,s:s,s:s}]", list, "Sid", "KeytopGet", "Effect", "Allow", "Action", "s3:GetObject",
                                      "Resource", objects), out, e);
        *note = "kms:Decrypt as well, where the files are encrypted with a key of KMS; the bucket of another account must allow it, too";
    }
    s3_address_drop(&a);
    return code;
}

static enum kt_code sqs(const char *address, struct kt_buf *out, const char **note, struct kt_err *e)
{
    static const char *const actions[] = {"sqs:GetQueueUrl", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:DeleteMessage",
                                          "sqs:ChangeMessageVisibility"};
    struct sqs_address a;
    char arn[256];
    enum kt_code code = sqs_address_parse(&a, address, e);
    if (code == KT_OK && a.role) {
        code = for_role(a.role, out, note, e);
    } else if (code == KT_OK) {
        bool found = a.url[0]; /* then its URL is not asked for */
        snprintf(arn, sizeof arn, "arn:%s:sqs:%s:%s:%s", partition_of(a.region), a.region[0] ? a.region : "*",
                 a.account[0] ? a.account : "*", a.queue);
        code = write_policy(json_pack("[{s:s,s:s,s:o,s:s}]", "Sid", "KeytopQueue", "Effect", "Allow", "Action",
                                      strings(actions + found, 5 - found), "Resource", arn),
                            out, e);
        *note = "where it brings notices of trail files, their bucket as well: s3:GetObject on its objects, and kms:Decrypt "
                "where they, or the queue, are encrypted with a key of KMS";
    }
    sqs_address_drop(&a);
    return code;
}

static enum kt_code cloudtrail(const char *address, struct kt_buf *out, const char **note, struct kt_err *e)
{
    struct trail_address a;
    enum kt_code code = trail_address_parse(&a, address, e);
    if (code == KT_OK) {
        code = write_policy(json_pack("[o]", trail_statement(&a)), out, e);
        if (a.n_roles)
            *note = "this is for the keys that assume the roles; each role itself needs: keytop --print-policy cloudtrail:";
    }
    trail_address_drop(&a);
    return code;
}

/* The group and its streams, which have ":*" behind it; what is not known of
 * its ARN is any. */
static json_t *group_arns(const struct logs_address *a)
{
    char arn[LOGS_GROUP_MAX + 160], streams[sizeof arn + 2];
    const struct kt_partition *p = a->region ? kt_partition_of(a->region) : NULL;
    if (a->arn)
        snprintf(arn, sizeof arn, "%s", a->group);
    else
        snprintf(arn, sizeof arn, "arn:%s:logs:%s:*:log-group:%s", p ? p->name : "*", a->region ? a->region : "*", a->group);
    snprintf(streams, sizeof streams, "%s:*", arn);
    return strings((const char *const[]){arn, streams}, 2);
}

static enum kt_code logs(const char *address, struct kt_buf *out, const char **note, struct kt_err *e)
{
    static const char *const actions[] = {"logs:FilterLogEvents", "logs:StartLiveTail"};
    struct logs_address a;
    enum kt_code code = logs_address_parse(&a, address, e);
    if (code == KT_OK) {
        json_t *s = a.role ? assume(a.role)
                           : json_pack("{s:s,s:s,s:o,s:o}", "Sid", "KeytopLogs", "Effect", "Allow", "Action",
                                       strings(actions, a.live ? 2 : 1), "Resource", group_arns(&a));
        json_t *p = json_pack("{s:s,s:[o]}", "Version", "2012-10-17", "Statement", s);
        char *text = p ? json_dumps(p, JSON_INDENT(2) | JSON_ENSURE_ASCII) : NULL;
        if (!text || !kt_buf_adds(out, text) || !kt_buf_addc(out, '\n'))
            code = kt_fail(e, KT_ENOMEM, "out of memory, or text that is not UTF-8");
        if (a.role)
            *note = of_role;
        free(text);
        json_decref(p);
    }
    logs_address_drop(&a);
    return code;
}

/* A role of authorize.conf: to search, in these indexes, one search at a time. */
static enum kt_code splunk(const char *address, struct kt_buf *out, const char **note, struct kt_err *e)
{
    struct splunk_address a;
    enum kt_code code = splunk_address_parse(&a, address, e);
    if (code == KT_OK) {
        kt_buf_adds(out, "# authorize.conf\n[role_keytop]\nsearch = enabled\nsrchIndexesAllowed = ");
        for (size_t i = 0; i < a.n_indexes; i++)
            kt_buf_addf(out, "%s%s", i ? ";" : "", a.index[i]);
        kt_buf_adds(out, a.n_indexes ? "\n" : "INDEX-OF-YOUR-CLOUDTRAIL-EVENTS\n");
        kt_buf_adds(out, "srchJobsQuota = 2\nrtSrchJobsQuota = 0\nsrchTimeWin = 0\n");
        *note = "give this role alone to a user of its own and make a token for that user (Settings, Tokens), or with a role "
                "that may: edit_tokens_own; keytop needs no other capability";
        if (out->failed)
            code = kt_fail(e, KT_ENOMEM, "out of memory");
    }
    splunk_address_drop(&a);
    return code;
}

/* A user of ClickHouse: to read this table, and to see which columns it has. */
static enum kt_code clickhouse(const char *address, struct kt_buf *out, const char **note, struct kt_err *e)
{
    struct clickhouse_address a;
    enum kt_code code = clickhouse_address_parse(&a, address, e);
    if (code == KT_OK) {
        kt_buf_adds(out, "CREATE USER IF NOT EXISTS keytop IDENTIFIED WITH sha256_password BY 'A-LONG-RANDOM-PASSWORD' SETTINGS readonly = 1;\n"
                         "GRANT SELECT ON ");
        bool named = kt_quote_name(KT_DIALECT_CLICKHOUSE, kt_span_of(a.database), out) && kt_buf_addc(out, '.') &&
                     kt_quote_name(KT_DIALECT_CLICKHOUSE, kt_span_of(a.table), out);
        kt_buf_adds(out, " TO keytop;\n");
        *note = "give user=keytop in the address, and the password in a file (password-file=FILE) or CLICKHOUSE_PASSWORD; for a "
                "Distributed table grant its local tables as well";
        if (!named || out->failed)
            code = kt_fail(e, named ? KT_ENOMEM : KT_EUSAGE, named ? "out of memory" : "clickhouse: that is no name of a table");
    }
    clickhouse_address_drop(&a);
    return code;
}

static json_t *allow(const char *sid, json_t *actions, json_t *resources)
{
    return json_pack("{s:s,s:s,s:o,s:o}", "Sid", sid, "Effect", "Allow", "Action", actions, "Resource", resources);
}

static enum kt_code athena(const char *address, struct kt_buf *out, const char **note, struct kt_err *e)
{
    static const char *const queries[] = {"athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults",
                                          "athena:StopQueryExecution"};
    static const char *const tables[] = {"glue:GetDatabase", "glue:GetTable", "glue:GetPartitions"};
    static const char *const results[] = {"s3:GetBucketLocation", "s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload",
                                          "s3:ListMultipartUploadParts"};
    struct athena_address a;
    char workgroup[300], catalog[300], glue[3][400], output[600] = "arn:aws:s3:::BUCKET-OF-QUERY-RESULTS";
    enum kt_code code = athena_address_parse(&a, address, e);
    if (code == KT_OK) {
        const char *region = a.region ? a.region : "*", *p = partition_of(a.region ? a.region : "");
        snprintf(workgroup, sizeof workgroup, "arn:%s:athena:%s:*:workgroup/%s", p, region, a.workgroup);
        snprintf(catalog, sizeof catalog, "arn:%s:athena:%s:*:datacatalog/%s", p, region, a.catalog);
        snprintf(glue[0], sizeof glue[0], "arn:%s:glue:%s:*:catalog", p, region);
        snprintf(glue[1], sizeof glue[1], "arn:%s:glue:%s:*:database/%s", p, region, a.database);
        snprintf(glue[2], sizeof glue[2], "arn:%s:glue:%s:*:table/%s/%s", p, region, a.database, a.table);
        if (a.output)
            snprintf(output, sizeof output, "arn:%s:s3:::%.*s", p, (int)strcspn(a.output + 5, "/"), a.output + 5);
        char objects[sizeof output + 2];
        snprintf(objects, sizeof objects, "%s/*", output);
        json_t *statements = a.role ? json_pack("[o]", assume(a.role)) : json_array();
        if (!a.role) {
            json_array_append_new(statements, allow("KeytopQueries", strings(queries, 4), strings((const char *const[]){workgroup}, 1)));
            if (!a.partition)
                json_array_append_new(statements, allow("KeytopTable", json_string("athena:GetTableMetadata"),
                                                        strings((const char *const[]){catalog}, 1)));
            json_array_append_new(statements, allow("KeytopCatalog", strings(tables, 3),
                                                    strings((const char *const[]){glue[0], glue[1], glue[2]}, 3)));
            json_array_append_new(statements, allow("KeytopResults", strings(results, 5),
                                                    strings((const char *const[]){output, objects}, 2)));
        }
        code = write_policy(statements, out, e);
        *note = a.role ? of_role
                       : "and what reads the trail's own bucket: s3:ListBucket and s3:GetObject (keytop --print-policy s3://BUCKET/PREFIX), "
                         "kms:Decrypt where its files are encrypted with a key of KMS";
    }
    athena_address_drop(&a);
    return code;
}

static enum kt_code insights(const char *address, struct kt_buf *out, const char **note, struct kt_err *e)
{
    static const char *const results[] = {"logs:GetQueryResults", "logs:StopQuery"};
    struct insights_address a;
    enum kt_code code = insights_address_parse(&a, address, e);
    if (code == KT_OK) {
        const char *region = a.region ? a.region : "*", *p = partition_of(a.region ? a.region : "");
        json_t *groups = json_array();
        for (size_t i = 0; i < a.n; i++) {
            char arn[INSIGHTS_GROUP_MAX + 160];
            if (a.arns)
                snprintf(arn, sizeof arn, "%s:*", a.group[i]);
            else
                snprintf(arn, sizeof arn, "arn:%s:logs:%s:*:log-group:%s:*", p, region, a.group[i]);
            json_array_append_new(groups, json_string(arn));
        }
        json_t *start = allow("KeytopInsights", json_string("logs:StartQuery"), groups);
        json_t *statements = a.role ? json_pack("[o]", assume(a.role))
                                    : json_pack("[o,o]", start, allow("KeytopResults", strings(results, 2),
                                                                      strings((const char *const[]){"*"}, 1)));
        if (a.role)
            json_decref(start);
        code = write_policy(statements, out, e);
        if (a.role)
            *note = of_role;
    }
    insights_address_drop(&a);
    return code;
}

enum kt_code kt_source_policy(const char *address, struct kt_buf *out, const char **note, struct kt_err *e)
{
    *note = "";
    if (strncmp(address, "athena:", 7) == 0)
        return athena(address, out, note, e);
    if (strncmp(address, "insights:", 9) == 0)
        return insights(address, out, note, e);
    if (strncmp(address, "clickhouse:", 11) == 0)
        return clickhouse(address, out, note, e);
    if (strncmp(address, "cloudtrail:", 11) == 0)
        return cloudtrail(address, out, note, e);
    if (strncmp(address, "logs:", 5) == 0)
        return logs(address, out, note, e);
    if (strncmp(address, "s3:", 3) == 0)
        return s3(address, out, note, e);
    if (strncmp(address, "sqs:", 4) == 0)
        return sqs(address, out, note, e);
    if (strncmp(address, "splunk:", 7) == 0)
        return splunk(address, out, note, e);
    return kt_fail(e, KT_EUSAGE, "--print-policy: %s needs no permission of a service; there are athena:, clickhouse:, cloudtrail:, insights:, logs:, s3:, sqs: and splunk:", address);
}
