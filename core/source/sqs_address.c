/* sqs:QUEUE[?profile=NAME&region=REGION&role=ARN&external-id=ID] */
#include "source/settings.h"
#include "source/sqs.h"

#include <stdio.h>
#include <stdlib.h>

static enum kt_code take(struct sqs_address *a, const char *name, const char *value, struct kt_err *e)
{
    if (!*value)
        return kt_fail(e, KT_EUSAGE, "sqs: %s= is empty", name);
    if (strcmp(name, "profile") == 0)
        a->profile = value;
    else if (strcmp(name, "role") == 0)
        a->role = value;
    else if (strcmp(name, "external-id") == 0)
        a->external = value;
    else if (strcmp(name, "region") == 0)
        snprintf(a->region, sizeof a->region, "%s", value);
    else
        return kt_fail(e, KT_EUSAGE, "sqs: takes profile, region, role and external-id, not %s", name);
    return KT_OK;
}

static bool is_queue(const char *s)
{
    size_t n = strlen(s);
    return n && n <= 80 && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == n;
}

/* arn:aws:sqs:us-east-1:111122223333:name */
static bool from_arn(struct sqs_address *a, const char *arn)
{
    int n = -1;
    return sscanf(arn, "arn:%*[a-z-]:sqs:%63[a-z0-9-]:%15[0-9]:%80[A-Za-z0-9_-]%n", a->region, a->account, a->queue, &n) == 3 &&
           n > 0 && !arn[n];
}

/* https://sqs.us-east-1.amazonaws.com/111122223333/name */
static bool from_url(struct sqs_address *a, const char *url)
{
    char host[128];
    int n = -1;
    if (sscanf(url, "%*[a-z]://%127[^/]/%15[0-9]/%80[A-Za-z0-9_-]%n", host, a->account, a->queue, &n) != 3 || n <= 0 || url[n] ||
        strlen(url) >= sizeof a->url)
        return false;
    snprintf(a->url, sizeof a->url, "%s", url);
    const char *dot = strchr(host, '.');
    if (strncmp(host, "sqs", 3) == 0 && dot)
        snprintf(a->region, sizeof a->region, "%.*s", (int)(strcspn(dot + 1, ".") % sizeof a->region), dot + 1);
    return true;
}

enum kt_code sqs_address_parse(struct sqs_address *a, const char *address, struct kt_err *e)
{
    *a = (struct sqs_address){0};
    a->text = strdup(address + strlen("sqs:"));
    if (!a->text)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    char *query = strchr(a->text, '?');
    if (query)
        *query++ = '\0';
    bool ok = strncmp(a->text, "arn:", 4) == 0  ? from_arn(a, a->text)
              : strstr(a->text, "://")          ? from_url(a, a->text)
                                                : is_queue(a->text);
    if (!ok)
        return kt_fail(e, KT_EUSAGE, "%s: give the queue's name, ARN or URL, as sqs:NAME?region=REGION", address);
    if (!a->queue[0])
        snprintf(a->queue, sizeof a->queue, "%s", a->text);
    enum kt_code code = KT_OK;
    for (char *name, *value; code == KT_OK && (name = kt_settings_next(&query, &value));)
        code = take(a, name, value, e);
    return code;
}

void sqs_address_drop(struct sqs_address *a)
{
    free(a->text);
    *a = (struct sqs_address){0};
}
