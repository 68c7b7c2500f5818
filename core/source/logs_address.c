#include "source/logs_address.h"

#include "source/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INTERVAL_MIN_S = 2 };

/* arn:aws:logs:us-east-1:111122223333:log-group:NAME */
static enum kt_code take_arn(struct logs_address *a, char *group, struct kt_err *e)
{
    char partition[32], name[8];
    size_t n = strlen(group);
    if (n > 2 && strcmp(group + n - 2, ":*") == 0)
        group[n - 2] = '\0';
    a->arn = true;
    if (sscanf(group, "arn:%31[a-z-]:logs:%63[a-z0-9-]:%15[0-9]:log-group:%7s", partition, a->region_of_arn, a->account_of_arn,
               name) != 4 || strlen(a->account_of_arn) != 12)
        return kt_fail(e, KT_EUSAGE, "logs: %s is no ARN of a log group", group);
    return KT_OK;
}

static enum kt_code take_group(struct logs_address *a, char *group, struct kt_err *e)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-/.#:*";
    size_t n = strlen(group);
    kt_settings_decode(group);
    a->group = group;
    bool arn = strncmp(group, "arn:", 4) == 0;
    if (!n || n > LOGS_GROUP_MAX || strspn(group, allowed) != strlen(group) || (!arn && strpbrk(group, ":*")))
        return kt_fail(e, KT_EUSAGE, "logs: write logs:LOG-GROUP, its name or ARN; settings follow as "
                                     "logs:LOG-GROUP?region=REGION");
    return arn ? take_arn(a, group, e) : KT_OK;
}

static enum kt_code take(struct logs_address *a, const char *name, const char *value, struct kt_err *e)
{
    if (strcmp(name, "pattern") == 0) {
        if (strlen(value) > LOGS_PATTERN_MAX)
            return kt_fail(e, KT_ELIMIT, "logs: a pattern has at most %d characters", LOGS_PATTERN_MAX);
        a->pattern = value;
        return KT_OK;
    }
    if (!*value)
        return kt_fail(e, KT_EUSAGE, "logs: %s= is empty", name);
    if ((strcmp(name, "region") == 0 && a->region) || (strcmp(name, "role") == 0 && a->role))
        return kt_fail(e, KT_EUSAGE, "logs: one group has one %s: name a source for each", name);
    if (strcmp(name, "profile") == 0) {
        a->profile = value;
    } else if (strcmp(name, "region") == 0) {
        a->region = value;
    } else if (strcmp(name, "role") == 0) {
        a->role = value;
    } else if (strcmp(name, "external-id") == 0) {
        a->external = value;
    } else if (strcmp(name, "live") == 0) {
        if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
            return kt_fail(e, KT_EUSAGE, "logs: live is 0 or 1");
        a->live = value[0] == '1';
    } else if (strcmp(name, "interval") == 0) {
        return kt_settings_interval("logs", value, INTERVAL_MIN_S, &a->interval, e);
    } else {
        return kt_fail(e, KT_EUSAGE, "logs: takes profile, region, role, external-id, live, pattern and interval, not %s", name);
    }
    return KT_OK;
}

enum kt_code logs_address_parse(struct logs_address *a, const char *address, struct kt_err *e)
{
    *a = (struct logs_address){.text = strdup(address + strlen("logs:"))};
    if (!a->text)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    char *rest = strchr(a->text, '?');
    if (rest)
        *rest++ = '\0';
    enum kt_code code = take_group(a, a->text, e);
    for (char *name, *value; code == KT_OK && (name = kt_settings_next(&rest, &value));)
        code = take(a, name, value, e);
    if (code == KT_OK && a->region && a->region_of_arn[0] && strcmp(a->region, a->region_of_arn) != 0)
        code = kt_fail(e, KT_EUSAGE, "logs: the ARN is of %s, not of %s", a->region_of_arn, a->region);
    return code;
}

void logs_address_drop(struct logs_address *a)
{
    free(a->text);
    *a = (struct logs_address){0};
}
