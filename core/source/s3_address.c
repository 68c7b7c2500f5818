/* s3://BUCKET/PREFIX[?profile=&region=&role=&external-id=&trail-region=&interval=] */
#include "source/s3.h"
#include "source/settings.h"

#include <stdlib.h>

enum { INTERVAL_MIN_S = 5 };

static enum kt_code take(struct s3_address *a, const char *name, const char *value, struct kt_err *e)
{
    if (!*value)
        return kt_fail(e, KT_EUSAGE, "s3: %s= is empty", name);
    if (strcmp(name, "profile") == 0) {
        a->profile = value;
    } else if (strcmp(name, "region") == 0) {
        a->region = value;
    } else if (strcmp(name, "role") == 0) {
        a->role = value;
    } else if (strcmp(name, "external-id") == 0) {
        a->external = value;
    } else if (strcmp(name, "trail-region") == 0) {
        if (a->n_trail_regions == S3_REGIONS_MAX)
            return kt_fail(e, KT_ELIMIT, "s3: more than %d Regions", S3_REGIONS_MAX);
        a->trail_region[a->n_trail_regions++] = value;
    } else if (strcmp(name, "interval") == 0) {
        return kt_settings_interval("s3", value, INTERVAL_MIN_S, &a->interval, e);
    } else {
        return kt_fail(e, KT_EUSAGE, "s3: takes profile, region, role, external-id, trail-region and interval, not %s", name);
    }
    return KT_OK;
}

enum kt_code s3_address_parse(struct s3_address *a, const char *address, struct kt_err *e)
{
    static const char scheme[] = "s3://";
    *a = (struct s3_address){0};
    if (strncmp(address, scheme, strlen(scheme)) != 0)
        return kt_fail(e, KT_EUSAGE, "%s: write s3://BUCKET/PREFIX", address);
    a->text = strdup(address + strlen(scheme));
    if (!a->text)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    char *query = strchr(a->text, '?');
    if (query)
        *query++ = '\0';
    char *slash = strchr(a->text, '/');
    if (slash)
        *slash++ = '\0';
    a->prefix = slash ? slash : "";
    if (!bucket_is_name(a->text) || strlen(a->prefix) > BUCKET_KEY_MAX / 2)
        return kt_fail(e, KT_EUSAGE, "%s: write s3://BUCKET/PREFIX", address);
    memcpy(a->bucket, a->text, strlen(a->text) + 1);
    enum kt_code code = KT_OK;
    for (char *name, *value; code == KT_OK && (name = kt_settings_next(&query, &value));)
        code = take(a, name, value, e);
    return code;
}

void s3_address_drop(struct s3_address *a)
{
    free(a->text);
    *a = (struct s3_address){0};
}
