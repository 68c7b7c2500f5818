#include "source/cloudtrail_address.h"

#include "base/buf.h"
#include "source/settings.h"

#include <stdlib.h>
#include <string.h>

enum { INTERVAL_MIN_S = 2 };

static enum kt_code take(struct trail_address *a, const char *name, const char *value, struct kt_err *e)
{
    if (!*value)
        return kt_fail(e, KT_EUSAGE, "cloudtrail: %s= is empty", name);
    if (strcmp(name, "profile") == 0) {
        a->profile = value;
    } else if (strcmp(name, "external-id") == 0) {
        a->external = value;
    } else if (strcmp(name, "region") == 0) {
        if (a->n_regions == TRAIL_REGIONS_MAX)
            return kt_fail(e, KT_ELIMIT, "cloudtrail: more than %d regions", TRAIL_REGIONS_MAX);
        a->region[a->n_regions++] = value;
    } else if (strcmp(name, "role") == 0) {
        if (!kt_grow(&a->role, &a->cap_roles, a->n_roles + 1, sizeof(char *), TRAIL_ROLES_MAX))
            return kt_fail(e, KT_ELIMIT, "cloudtrail: more than %d roles", TRAIL_ROLES_MAX);
        a->role[a->n_roles++] = value;
    } else if (strcmp(name, "interval") == 0) {
        return kt_settings_interval("cloudtrail", value, INTERVAL_MIN_S, &a->interval, e);
    } else {
        return kt_fail(e, KT_EUSAGE, "cloudtrail: takes profile, region, role, external-id and interval, not %s", name);
    }
    return KT_OK;
}

enum kt_code trail_address_parse(struct trail_address *a, const char *address, struct kt_err *e)
{
    const char *query = address + strlen("cloudtrail:");
    *a = (struct trail_address){0};
    if (*query && *query != '?')
        return kt_fail(e, KT_EUSAGE, "%s: settings follow as cloudtrail:?profile=NAME&region=REGION", address);
    a->text = strdup(*query ? query + 1 : "");
    if (!a->text)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    enum kt_code code = KT_OK;
    char *rest = a->text;
    for (char *name, *value; code == KT_OK && (name = kt_settings_next(&rest, &value));)
        code = take(a, name, value, e);
    return code;
}

void trail_address_drop(struct trail_address *a)
{
    free(a->text);
    free(a->role);
    *a = (struct trail_address){0};
}
