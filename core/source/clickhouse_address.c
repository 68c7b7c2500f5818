#include "source/clickhouse_address.h"

#include "source/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INTERVAL_MIN_S = 2 };

static enum kt_code take(struct clickhouse_address *a, const char *name, const char *value, struct kt_err *e)
{
    static const char *const words[] = {"user", "password-file", "raw", "time", "ca-file"};
    const char **to[] = {&a->user, &a->password_file, &a->raw, &a->time, &a->ca_file};
    if (!*value || value[strcspn(value, "\t\r\n")])
        return kt_fail(e, KT_EUSAGE, "clickhouse: %s= is empty, or more than a line", name);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(name, words[i]) == 0) {
            *to[i] = value;
            return KT_OK;
        }
    if (strcmp(name, "password") == 0)
        return kt_fail(e, KT_EUSAGE, "clickhouse: others can read a command line: put the password into a file and write "
                                     "password-file=FILE, or into CLICKHOUSE_PASSWORD");
    if (strcmp(name, "interval") == 0)
        return kt_settings_interval_or_never("clickhouse", value, INTERVAL_MIN_S, &a->interval, e);
    if (strcmp(name, "http") != 0)
        return kt_fail(e, KT_EUSAGE, "clickhouse: takes user, password-file, raw, time, ca-file, http and interval, not %s", name);
    a->http = strcmp(value, "1") == 0;
    return KT_OK;
}

/* "[::1]:8443", "clickhouse.example.com"; the port that is usual where none is given. */
static enum kt_code take_host(struct clickhouse_address *a, const char *p, size_t n, struct kt_err *e)
{
    const char *close = n && *p == '[' ? memchr(p, ']', n) : p;
    bool port = close && memchr(close, ':', n - (size_t)(close - p));
    int len = snprintf(a->host, sizeof a->host, port ? "%.*s" : "%.*s:%d", (int)n, p, a->http ? CLICKHOUSE_HTTP_PORT : CLICKHOUSE_PORT);
    if (!n || !close || len < 0 || (size_t)len >= sizeof a->host || a->host[strcspn(a->host, "@ \t\r\n#\\\"")])
        return kt_fail(e, KT_EUSAGE, "clickhouse: write clickhouse://HOST:%d/DATABASE.TABLE", CLICKHOUSE_PORT);
    return KT_OK;
}

static enum kt_code take_table(struct clickhouse_address *a, char *name, struct kt_err *e)
{
    kt_settings_decode(name);
    char *dot = strchr(name, '.');
    if (dot)
        *dot = '\0';
    a->database = dot ? name : "default";
    a->table = dot ? dot + 1 : name;
    if (!*a->database || !*a->table)
        return kt_fail(e, KT_EUSAGE, "clickhouse: no table: write clickhouse://%s/DATABASE.TABLE", a->host);
    return KT_OK;
}

enum kt_code clickhouse_address_parse(struct clickhouse_address *a, const char *address, struct kt_err *e)
{
    *a = (struct clickhouse_address){0};
    const char *p = address + strlen("clickhouse:");
    if (strncmp(p, "//", 2) != 0)
        return kt_fail(e, KT_EUSAGE, "%s: write clickhouse://HOST:%d/DATABASE.TABLE", address, CLICKHOUSE_PORT);
    size_t n = strcspn(p += 2, "/?");
    a->text = strdup(p[n] == '/' ? p + n + 1 : p + n);
    if (!a->text)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    char *rest = strchr(a->text, '?');
    enum kt_code code = KT_OK;
    if (rest)
        *rest++ = '\0';
    for (char *name, *value; rest && code == KT_OK && (name = kt_settings_next(&rest, &value));)
        code = take(a, name, value, e);
    if (code == KT_OK)
        code = take_host(a, p, n, e);
    return code == KT_OK ? take_table(a, a->text, e) : code;
}

void clickhouse_address_drop(struct clickhouse_address *a)
{
    free(a->text);
    *a = (struct clickhouse_address){0};
}
