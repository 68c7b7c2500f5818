#include "source/athena_address.h"

#include "source/settings.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INTERVAL_MIN_S = 60 };
#define LIMIT ((uint64_t)100 * 1000 * 1000 * 1000)

static const char units[] = "kMGTP";

/* 500M, 10G, 10GB, 1T, or 0 for any. */
static enum kt_code take_limit(struct athena_address *a, const char *value, struct kt_err *e)
{
    char *end;
    unsigned long long n = strtoull(value, &end, 10);
    const char *unit = *end ? strchr(units, *end == 'K' ? 'k' : *end) : NULL;
    bool good = end != value && *value != '-' && n < 1000000;
    for (const char *u = units; good && unit && u <= unit; u++)
        n *= 1000;
    end += unit != NULL;
    end += *end == 'B';
    if (!good || *end)
        return kt_fail(e, KT_EUSAGE, "athena: limit=%s: write a size such as 500M, 10G or 1T, or 0 for any", value);
    a->limit = n;
    return KT_OK;
}

static enum kt_code take(struct athena_address *a, const char *name, const char *value, struct kt_err *e)
{
    static const char *const words[] = {"profile", "region", "role", "external-id", "catalog", "output", "partition"};
    const char **to[] = {&a->profile, &a->region, &a->role, &a->external, &a->catalog, &a->output, &a->partition};
    if (!*value)
        return kt_fail(e, KT_EUSAGE, "athena: %s= is empty", name);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(name, words[i]) == 0) {
            *to[i] = value;
            return KT_OK;
        }
    if (strcmp(name, "limit") == 0)
        return take_limit(a, value, e);
    if (strcmp(name, "interval") == 0)
        return kt_settings_interval_or_never("athena", value, INTERVAL_MIN_S, &a->interval, e);
    return kt_fail(e, KT_EUSAGE, "athena: takes profile, region, role, external-id, catalog, partition, output, limit and interval, not %s", name);
}

static enum kt_code take_names(struct athena_address *a, char *text, struct kt_err *e)
{
    char *slash = strchr(text, '/'), *dot = slash ? strchr(slash, '.') : NULL;
    if (!slash || slash == text || !dot || dot == slash + 1 || !dot[1])
        return kt_fail(e, KT_EUSAGE, "athena: write athena://WORKGROUP/DATABASE.TABLE");
    *slash = *dot = '\0';
    a->workgroup = text;
    a->database = slash + 1;
    a->table = dot + 1;
    kt_settings_decode(text);
    kt_settings_decode(slash + 1);
    kt_settings_decode(dot + 1);
    return KT_OK;
}

enum kt_code athena_address_parse(struct athena_address *a, const char *address, struct kt_err *e)
{
    *a = (struct athena_address){.catalog = "AwsDataCatalog", .limit = LIMIT};
    const char *p = address + strlen("athena:");
    if (strncmp(p, "//", 2) != 0)
        return kt_fail(e, KT_EUSAGE, "%s: write athena://WORKGROUP/DATABASE.TABLE", address);
    a->text = strdup(p + 2);
    if (!a->text)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    char *rest = strchr(a->text, '?');
    if (rest)
        *rest++ = '\0';
    enum kt_code code = take_names(a, a->text, e);
    for (char *name, *value; rest && code == KT_OK && (name = kt_settings_next(&rest, &value));)
        code = take(a, name, value, e);
    if (code == KT_OK && a->output && strncmp(a->output, "s3://", 5) != 0)
        code = kt_fail(e, KT_EUSAGE, "athena: output=%s: write s3://BUCKET/PREFIX/", a->output);
    return code;
}

void athena_address_drop(struct athena_address *a)
{
    free(a->text);
    *a = (struct athena_address){0};
}

void athena_size(uint64_t bytes, char *out, size_t size)
{
    double n = (double)bytes;
    size_t unit = 0;
    for (; n >= 999.5 && units[unit]; unit++)
        n /= 1000;
    if (unit)
        snprintf(out, size, n < 9.95 ? "%.1f %cB" : "%.0f %cB", n, unit == 1 ? 'k' : units[unit - 1]);
    else
        snprintf(out, size, "%.0f B", n);
}
