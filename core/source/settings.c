#include "source/settings.h"

#include <stdlib.h>
#include <string.h>

static int hex_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void kt_settings_decode(char *s)
{
    char *to = s;
    for (; *s; s++) {
        if (*s == '%' && hex_of(s[1]) >= 0 && hex_of(s[2]) >= 0 && (s[1] != '0' || s[2] != '0')) {
            *to++ = (char)(hex_of(s[1]) << 4 | hex_of(s[2]));
            s += 2;
        } else {
            *to++ = *s;
        }
    }
    *to = '\0';
}

enum kt_code kt_settings(char *text, const char *scheme,
                         enum kt_code (*take)(void *ctx, const char *name, const char *value, struct kt_err *e), void *ctx,
                         struct kt_err *e)
{
    enum kt_code code = KT_OK;
    for (char *s; code == KT_OK && (s = strsep(&text, "&"));) {
        char *eq = strchr(s, '=');
        if (!*s)
            continue;
        if (eq)
            *eq = '\0';
        char *value = eq ? eq + 1 : s + strlen(s);
        kt_settings_decode(value);
        code = *value ? take(ctx, s, value, e) : kt_fail(e, KT_EUSAGE, "%s %s= is empty", scheme, s);
    }
    return code;
}

enum kt_code kt_settings_seconds(const char *scheme, const char *name, const char *value, long least, long most, int64_t *ms,
                                 struct kt_err *e)
{
    char *end;
    long s = strtol(value, &end, 10);
    if (*end || s < least || s > most)
        return kt_fail(e, KT_EUSAGE, "%s %s is a number of seconds from %ld to %ld", scheme, name, least, most);
    *ms = (int64_t)s * 1000;
    return KT_OK;
}
