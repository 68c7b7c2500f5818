#include "source/splunk_address.h"

#include "source/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INTERVAL_MIN_S = 2 };

/* It becomes part of a search: nothing that means something there. */
static bool is_word(const char *s, const char *more)
{
    char allowed[128];
    snprintf(allowed, sizeof allowed, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.%s", more);
    return *s && strlen(s) < 200 && strspn(s, allowed) == strlen(s);
}

static enum kt_code add(const char **to, size_t *n, const char *name, const char *value, struct kt_err *e)
{
    if (!is_word(value, "*:"))
        return kt_fail(e, KT_EUSAGE, "splunk: %s=%s: a name has letters, digits and _ - . : *", name, value);
    if (*n == SPLUNK_INDEXES)
        return kt_fail(e, KT_ELIMIT, "splunk: more than %d times %s", SPLUNK_INDEXES, name);
    to[(*n)++] = value;
    return KT_OK;
}

/* Its window is put in front of its words, so there must be words. */
static enum kt_code take_search(struct splunk_address *a, const char *value, struct kt_err *e)
{
    value += strspn(value, " \t\r\n");
    if (strncmp(value, "search ", 7) == 0)
        value += 7;
    value += strspn(value, " \t\r\n");
    if (!*value || *value == '|' || *value == '[')
        return kt_fail(e, KT_EUSAGE, "splunk: search= begins with the words to search for, not with a command: the window of "
                                     "index time is put before them");
    a->search = value;
    return KT_OK;
}

static enum kt_code take(struct splunk_address *a, const char *name, const char *value, struct kt_err *e)
{
    if (!*value)
        return kt_fail(e, KT_EUSAGE, "splunk: %s= is empty", name);
    if (strcmp(name, "index") == 0)
        return add(a->index, &a->n_indexes, name, value, e);
    if (strcmp(name, "sourcetype") == 0)
        return add(a->sourcetype, &a->n_sourcetypes, name, value, e);
    if (strcmp(name, "search") == 0)
        return take_search(a, value, e);
    if (strcmp(name, "token") == 0 || strcmp(name, "session") == 0 || strcmp(name, "password") == 0)
        return kt_fail(e, KT_EUSAGE, "splunk: others can read a command line: put the %s into a file and write %s-file=FILE, or "
                                     "into SPLUNK_TOKEN or SPLUNK_SESSION_KEY", name, name[0] == 's' ? name : "token");
    if (strcmp(name, "app") == 0) {
        if (!is_word(value, ""))
            return kt_fail(e, KT_EUSAGE, "splunk: app= is the name of an app's folder");
        a->app = value;
    } else if (strcmp(name, "token-file") == 0) {
        a->token_file = value;
    } else if (strcmp(name, "session-file") == 0) {
        a->session_file = value;
    } else if (strcmp(name, "ca-file") == 0) {
        a->ca_file = value;
    } else if (strcmp(name, "http") == 0) {
        a->http = strcmp(value, "1") == 0;
    } else if (strcmp(name, "interval") == 0) {
        return kt_settings_interval_or_never("splunk", value, INTERVAL_MIN_S, &a->interval, e);
    } else {
        return kt_fail(e, KT_EUSAGE, "splunk: takes index, sourcetype, search, app, token-file, session-file, ca-file, http and "
                                     "interval, not %s", name);
    }
    return KT_OK;
}

/* "[::1]:8089", "splunk.example.com"; the port that is usual where none is given. */
static enum kt_code take_host(struct splunk_address *a, const char *p, size_t n, struct kt_err *e)
{
    const char *close = n && *p == '[' ? memchr(p, ']', n) : p;
    bool port = close && memchr(close, ':', n - (size_t)(close - p));
    int len = snprintf(a->host, sizeof a->host, port ? "%.*s" : "%.*s:%d", (int)n, p, SPLUNK_PORT);
    if (!n || !close || len < 0 || (size_t)len >= sizeof a->host || a->host[strcspn(a->host, "@ \t\r\n#\\\"")])
        return kt_fail(e, KT_EUSAGE, "splunk: write splunk://HOST:%d/?index=NAME", SPLUNK_PORT);
    return KT_OK;
}

enum kt_code splunk_address_parse(struct splunk_address *a, const char *address, struct kt_err *e)
{
    *a = (struct splunk_address){0};
    const char *p = address + strlen("splunk:");
    if (strncmp(p, "//", 2) != 0)
        return kt_fail(e, KT_EUSAGE, "%s: write splunk://HOST:%d/?index=NAME", address, SPLUNK_PORT);
    size_t n = strcspn(p += 2, "/?");
    enum kt_code code = take_host(a, p, n, e);
    p += n;
    p += *p == '/';
    if (code == KT_OK && *p && *p != '?')
        code = kt_fail(e, KT_EUSAGE, "splunk: a path is not part of the address; settings follow as splunk://%s/?index=NAME", a->host);
    a->text = code == KT_OK ? strdup(*p ? p + 1 : "") : NULL;
    if (code == KT_OK && !a->text)
        code = kt_fail(e, KT_ENOMEM, "out of memory");
    char *rest = a->text;
    for (char *name, *value; code == KT_OK && (name = kt_settings_next(&rest, &value));)
        code = take(a, name, value, e);
    if (code == KT_OK && a->token_file && a->session_file)
        code = kt_fail(e, KT_EUSAGE, "splunk: give token-file or session-file, not both");
    return code;
}

void splunk_address_drop(struct splunk_address *a)
{
    free(a->text);
    *a = (struct splunk_address){0};
}
