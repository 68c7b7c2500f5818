#include "aws/profile.h"

#include "base/buf.h"
#include "base/secret.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

struct entry { /* key unknown: the section itself */
    enum kt_profile_file file;
    struct kt_span kind, name; /* kind "" for [name] */
    struct kt_span outer, key, value;
};

struct kt_profiles {
    char *text[2];
    struct entry *entry;
    size_t n, cap;
};

/* --- reading ---------------------------------------------------------------------- */

static enum kt_code slurp(char **out, size_t *n, const char *path, struct kt_err *e)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *out = NULL;
    *n = 0;
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? KT_OK : kt_fail(e, KT_EIO, "%s: %s", path, strerror(errno));
    enum kt_code code = KT_OK;
    if (fstat(fd, &st) != 0)
        code = kt_fail(e, KT_EIO, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode) || st.st_size > KT_PROFILE_FILE_MAX)
        code = kt_fail(e, KT_EFORMAT, "%s is no file of settings", path);
    else if (!(*out = kt_secret_alloc((size_t)st.st_size + 1)))
        code = kt_fail(e, KT_ENOMEM, "out of memory");
    while (code == KT_OK && *n < (size_t)st.st_size) {
        ssize_t got = read(fd, *out + *n, (size_t)st.st_size - *n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            code = kt_fail(e, KT_EIO, "%s: %s", path, strerror(errno));
        if (got <= 0)
            break;
        *n += (size_t)got;
    }
    close(fd);
    return code;
}

static struct kt_span trim(struct kt_span s)
{
    while (s.n && isspace((unsigned char)*s.p))
        s.p++, s.n--;
    while (s.n && isspace((unsigned char)s.p[s.n - 1]))
        s.n--;
    return s;
}

/* [profile "my name"], [sso-session x], [name] */
static bool read_section(struct kt_span line, struct entry *at)
{
    const char *close = memchr(line.p, ']', line.n);
    if (!close)
        return false;
    struct kt_span in = trim((struct kt_span){line.p + 1, (size_t)(close - line.p - 1)});
    size_t word = 0;
    while (word < in.n && !isspace((unsigned char)in.p[word]))
        word++;
    at->kind = KT_LIT("");
    at->name = in;
    if (word < in.n) {
        at->kind = (struct kt_span){in.p, word};
        at->name = trim((struct kt_span){in.p + word, in.n - word});
    }
    if (at->name.n >= 2 && (*at->name.p == '"' || *at->name.p == '\'') && at->name.p[at->name.n - 1] == *at->name.p)
        at->name.p++, at->name.n -= 2;
    return at->name.n > 0;
}

static bool add(struct kt_profiles *p, struct entry e)
{
    if (!kt_grow(&p->entry, &p->cap, p->n + 1, sizeof *p->entry, KT_PROFILE_ENTRIES))
        return false;
    p->entry[p->n++] = e;
    return true;
}

static const char *read_line(struct kt_profiles *p, struct kt_span raw, struct entry *at)
{
    struct kt_span line = trim(raw);
    bool indented = raw.n && (*raw.p == ' ' || *raw.p == '\t');
    if (!line.n || *line.p == '#' || *line.p == ';')
        return NULL;
    if (*line.p == '[') {
        *at = (struct entry){.file = at->file};
        if (!read_section(line, at))
            return "a section is \"[name]\"";
        return add(p, *at) ? NULL : "too many settings";
    }
    const char *eq = memchr(line.p, '=', line.n);
    if (!at->name.p)
        return "a setting comes before any section";
    if (!eq)
        return indented ? NULL : "a setting is \"name = value\"";
    struct entry e = *at;
    e.key = trim((struct kt_span){line.p, (size_t)(eq - line.p)});
    e.value = trim((struct kt_span){eq + 1, (size_t)(line.p + line.n - eq - 1)});
    if (!indented)
        at->outer = e.value.n ? KT_SPAN_NONE : e.key;
    e.outer = indented ? at->outer : KT_SPAN_NONE;
    return add(p, e) ? NULL : "too many settings";
}

static enum kt_code read_file(struct kt_profiles *p, enum kt_profile_file f, const char *path, struct kt_err *e)
{
    size_t n;
    if (!path)
        return KT_OK;
    enum kt_code code = slurp(&p->text[f], &n, path, e);
    struct entry at = {.file = f};
    int line = 0;
    for (const char *s = p->text[f], *end = s + n; code == KT_OK && s < end;) {
        const char *eol = memchr(s, '\n', (size_t)(end - s));
        eol = eol ? eol : end;
        line++;
        const char *wrong = read_line(p, (struct kt_span){s, (size_t)(eol - s)}, &at);
        if (wrong)
            code = kt_fail(e, KT_EFORMAT, "%s, line %d: %s", path, line, wrong);
        s = eol + 1;
    }
    return code;
}

enum kt_code kt_profiles_load(struct kt_profiles **out, const char *config, const char *credentials, struct kt_err *e)
{
    struct kt_profiles *p = *out = calloc(1, sizeof *p);
    if (!p)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    enum kt_code code = read_file(p, KT_PROFILE_CONFIG, config, e);
    if (code == KT_OK)
        code = read_file(p, KT_PROFILE_CREDENTIALS, credentials, e);
    if (code != KT_OK) {
        kt_profiles_free(p);
        *out = NULL;
    }
    return code;
}

void kt_profiles_free(struct kt_profiles *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < 2; i++)
        kt_secret_free(p->text[i]);
    free(p->entry);
    free(p);
}

/* --- asking ------------------------------------------------------------------------ */

/* In the config file [profile x] and [default]; in credentials [x]. */
static bool is_profile(const struct entry *e, struct kt_span name)
{
    if (!kt_span_eq(e->name, name))
        return false;
    return e->file == KT_PROFILE_CREDENTIALS ? e->kind.n == 0
                                             : kt_span_is(e->kind, "profile") || (!e->kind.n && kt_span_is(name, "default"));
}

static bool is_key(const struct entry *e, const char *key)
{
    size_t outer = e->outer.p ? e->outer.n + 1 : 0, n = strlen(key);
    if (!e->key.p || n != outer + e->key.n || strncasecmp(key + outer, e->key.p, e->key.n) != 0)
        return false;
    return !outer || (strncasecmp(key, e->outer.p, e->outer.n) == 0 && key[e->outer.n] == '.');
}

bool kt_profiles_has(const struct kt_profiles *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (is_profile(&p->entry[i], kt_span_of(name)))
            return true;
    return false;
}

/* The last one counts, as in all readers of such files. */
struct kt_span kt_profile_in(const struct kt_profiles *p, enum kt_profile_file f, const char *name, const char *key)
{
    for (size_t i = p->n; i-- > 0;)
        if (p->entry[i].file == f && is_profile(&p->entry[i], kt_span_of(name)) && is_key(&p->entry[i], key) &&
            p->entry[i].value.n)
            return p->entry[i].value;
    return KT_SPAN_NONE;
}

struct kt_span kt_profile_get(const struct kt_profiles *p, const char *name, const char *key)
{
    struct kt_span v = kt_profile_in(p, KT_PROFILE_CREDENTIALS, name, key);
    return v.p ? v : kt_profile_in(p, KT_PROFILE_CONFIG, name, key);
}

struct kt_span kt_profile_section(const struct kt_profiles *p, const char *kind, struct kt_span name, const char *key)
{
    for (size_t i = p->n; i-- > 0;) {
        const struct entry *e = &p->entry[i];
        if (e->file == KT_PROFILE_CONFIG && kt_span_is(e->kind, kind) && kt_span_eq(e->name, name) && is_key(e, key) &&
            e->value.n)
            return e->value;
    }
    return KT_SPAN_NONE;
}

void kt_profiles_names(const struct kt_profiles *p, char *out, size_t size)
{
    size_t n = 0;
    *out = '\0';
    for (size_t i = 0; i < p->n; i++) {
        const struct entry *e = &p->entry[i];
        bool again = e->key.p || !is_profile(e, e->name);
        for (size_t j = 0; j < i && !again; j++)
            again = !p->entry[j].key.p && is_profile(&p->entry[j], e->name);
        if (again)
            continue;
        if (n + e->name.n + 8 > size) {
            snprintf(out + n, size - n, ", ...");
            return;
        }
        n += (size_t)snprintf(out + n, size - n, "%s%.*s", n ? ", " : "", (int)e->name.n, e->name.p);
    }
}
