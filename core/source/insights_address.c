#include "source/insights_address.h"

#include "source/settings.h"

#include <stdlib.h>
#include <string.h>

enum { INTERVAL_MIN_S = 30 };

static enum kt_code take_group(struct insights_address *a, const char *group, struct kt_err *e)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-/.#:";
    bool arn = strncmp(group, "arn:", 4) == 0;
    if (!*group || strlen(group) > INSIGHTS_GROUP_MAX || strspn(group, allowed) != strlen(group) || (!arn && strchr(group, ':')))
        return kt_fail(e, KT_EUSAGE, "insights: write insights:LOG-GROUP, its name or ARN; several are parted by commas");
    if (a->n == INSIGHTS_GROUPS)
        return kt_fail(e, KT_ELIMIT, "insights: at most %d groups can be asked at once", INSIGHTS_GROUPS);
    if (a->n && arn != a->arns)
        return kt_fail(e, KT_EUSAGE, "insights: name all groups by ARN, or none");
    a->arns = arn;
    a->group[a->n++] = group;
    return KT_OK;
}

static enum kt_code take(struct insights_address *a, const char *name, const char *value, struct kt_err *e)
{
    static const char *const words[] = {"profile", "region", "role", "external-id"};
    const char **to[] = {&a->profile, &a->region, &a->role, &a->external};
    if (!*value)
        return kt_fail(e, KT_EUSAGE, "insights: %s= is empty", name);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(name, words[i]) == 0) {
            *to[i] = value;
            return KT_OK;
        }
    if (strcmp(name, "interval") == 0)
        return kt_settings_interval_or_never("insights", value, INTERVAL_MIN_S, &a->interval, e);
    return kt_fail(e, KT_EUSAGE, "insights: takes profile, region, role, external-id and interval, not %s", name);
}

enum kt_code insights_address_parse(struct insights_address *a, const char *address, struct kt_err *e)
{
    *a = (struct insights_address){.text = strdup(address + strlen("insights:"))};
    if (!a->text)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    enum kt_code code = KT_OK;
    char *rest = strchr(a->text, '?'), *next = a->text;
    if (rest)
        *rest++ = '\0';
    while (next && code == KT_OK) {
        char *group = next, *comma = strchr(group, ',');
        next = comma ? comma + 1 : NULL;
        if (comma)
            *comma = '\0';
        kt_settings_decode(group);
        code = take_group(a, group, e);
    }
    for (char *name, *value; rest && code == KT_OK && (name = kt_settings_next(&rest, &value));)
        code = take(a, name, value, e);
    return code;
}

void insights_address_drop(struct insights_address *a)
{
    free(a->text);
    *a = (struct insights_address){0};
}
