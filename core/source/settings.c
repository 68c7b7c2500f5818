#include "source/settings.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

void kt_settings_decode(char *s)
{
    char *to = s;
    for (; *s; s++) {
        if (*s == '%' && kt_hex_value_any(s[1]) >= 0 && kt_hex_value_any(s[2]) >= 0 && (s[1] != '0' || s[2] != '0')) {
            *to++ = (char)(kt_hex_value_any(s[1]) << 4 | kt_hex_value_any(s[2]));
            s += 2;
        } else {
            *to++ = *s;
        }
    }
    *to = '\0';
}

char *kt_settings_next(char **rest, char **value)
{
    for (char *s; *rest && (s = strsep(rest, "&"));) {
        if (!*s)
            continue;
        char *eq = strchr(s, '=');
        if (eq)
            *eq = '\0';
        *value = eq ? eq + 1 : s + strlen(s);
        kt_settings_decode(*value);
        return s;
    }
    return NULL;
}

enum kt_code kt_settings_interval(const char *scheme, const char *value, int least, int64_t *ms, struct kt_err *e)
{
    enum { DAY_S = 86400 };
    char *end;
    long long n = strtoll(value, &end, 10);
    if (!*value || *end || n < least || n > DAY_S)
        return kt_fail(e, KT_EUSAGE, "%s: interval is a number of seconds from %d to %d", scheme, least, DAY_S);
    *ms = n * 1000;
    return KT_OK;
}

enum kt_code kt_settings_interval_or_never(const char *scheme, const char *value, int least, int64_t *ms, struct kt_err *e)
{
    if (strcmp(value, "never") != 0)
        return kt_settings_interval(scheme, value, least, ms, e);
    *ms = KT_SETTINGS_NEVER;
    return KT_OK;
}
