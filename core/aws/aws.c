#include "aws/aws.h"

#include "aws/impl.h"
#include "base/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

extern char **environ;

enum {
    ENV_MAX = 1 << 20,
    SKEW_FELT = 60 * 1000,  /* less is the network's delay, and signatures bear 5 minutes */
    PENALTY_FIRST = 1000,
    PENALTY_MAX = 60000,
    PACES_MAX = 100000
};

/* --- the environment ----------------------------------------------------------------- */

static bool of_interest(const char *entry)
{
    return strncmp(entry, "AWS_", 4) == 0 || strncmp(entry, "SPLUNK_", 7) == 0 ||
           strncmp(entry, "CLICKHOUSE_", 11) == 0 || strncmp(entry, "HOME=", 5) == 0;
}

static bool is_secret(const char *entry)
{
    static const char *const names[] = {"AWS_SECRET_ACCESS_KEY=", "AWS_SESSION_TOKEN=", "AWS_SECURITY_TOKEN=",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN=", "SPLUNK_TOKEN=", "SPLUNK_SESSION_KEY=",
                                        "CLICKHOUSE_PASSWORD="};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(entry, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static void take_secret(char *entry)
{
    char name[64];
    char *eq = strchr(entry, '=');
    snprintf(name, sizeof name, "%.*s", (int)(eq - entry), entry);
    explicit_bzero(eq + 1, strlen(eq + 1));
    (void)unsetenv(name);
}

static bool take_env(struct kt_aws *a, char **env)
{
    size_t n = 1;
    char **from = env ? env : environ;
    for (size_t i = 0; from && from[i]; i++)
        n += of_interest(from[i]) ? strlen(from[i]) + 1 : 0;
    if (n > ENV_MAX || !(a->env = kt_secret_alloc(n)))
        return false;
    char *to = a->env;
    for (size_t i = 0; from && from[i]; i++)
        if (of_interest(from[i])) {
            size_t len = strlen(from[i]) + 1;
            memcpy(to, from[i], len);
            to += len;
        }
    for (size_t i = 0; !env && environ && environ[i];) {
        if (is_secret(environ[i]))
            take_secret(environ[i]); /* the next one moves to its place */
        else
            i++;
    }
    return true;
}

const char *kt_aws_env(const struct kt_aws *a, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = a->env; *p; p += strlen(p) + 1)
        if (strncmp(p, name, n) == 0 && p[n] == '=')
            return p[n + 1] ? p + n + 1 : NULL;
    return NULL;
}

size_t kt_aws_env_secrets(const struct kt_aws *a, const char **out, size_t max)
{
    size_t n = 0;
    for (const char *p = a->env; *p && n < max; p += strlen(p) + 1)
        if (is_secret(p) && strncmp(p, "AWS_", 4) == 0)
            out[n++] = p;
    return n;
}

/* --- birth and death -------------------------------------------------------------------- */

bool kt_aws_home(const struct kt_aws *a, const char *name, char *out, size_t size)
{
    const char *home = kt_aws_env(a, "HOME");
    int n = home ? snprintf(out, size, "%s/.aws/%s", home, name) : -1;
    return n > 0 && (size_t)n < size;
}

static const char *shared_file(const struct kt_aws *a, const char *variable, const char *name, char *out, size_t size)
{
    const char *path = kt_aws_env(a, variable), *home = kt_aws_env(a, "HOME");
    if (!path)
        return kt_aws_home(a, name, out, size) ? out : NULL;
    int n = path[0] == '~' && path[1] == '/' && home ? snprintf(out, size, "%s%s", home, path + 1)
                                                     : snprintf(out, size, "%s", path);
    return n > 0 && (size_t)n < size ? out : NULL;
}

enum kt_code kt_aws_reload(struct kt_aws *a, struct kt_err *e)
{
    char config[4096], credentials[4096];
    struct kt_profiles *p;
    enum kt_code code =
        kt_profiles_load(&p, shared_file(a, "AWS_CONFIG_FILE", "config", config, sizeof config),
                         shared_file(a, "AWS_SHARED_CREDENTIALS_FILE", "credentials", credentials, sizeof credentials), e);
    if (code == KT_OK) {
        kt_profiles_free(a->profiles);
        a->profiles = p;
    }
    return code;
}

enum kt_code kt_aws_new(struct kt_aws **out, const struct kt_aws_opts *o, struct kt_err *e)
{
    struct kt_aws *a = calloc(1, sizeof *a);
    *out = NULL;
    if (!a)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    a->opts = *o;
    struct kt_err own = {.code = KT_ENOMEM, .text = "out of memory"};
    if (!take_env(a, o->env) || kt_aws_reload(a, &own) != KT_OK) {
        kt_aws_free(a);
        return kt_fail(e, own.code, "%s", own.text);
    }
    *out = a;
    return KT_OK;
}

void kt_aws_free(struct kt_aws *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->n_pace; i++)
        free(a->pace[i]);
    free(a->pace);
    for (size_t i = 0; i < a->n_session; i++)
        kt_keys_free(a->session[i].keys);
    free(a->session);
    kt_profiles_free(a->profiles);
    kt_secret_free(a->env);
    free(a);
}

const struct kt_profiles *kt_aws_profiles(const struct kt_aws *a)
{
    return a->profiles;
}

const struct kt_aws_opts *kt_aws_options(const struct kt_aws *a)
{
    return &a->opts;
}

struct kt_retry_bucket *kt_aws_bucket(struct kt_aws *a)
{
    return &a->bucket;
}

/* --- names --------------------------------------------------------------------------------- */

const char *kt_aws_profile(const struct kt_aws *a, const char *given, bool *named)
{
    const char *p = given ? given : a->opts.profile;
    p = p ? p : kt_aws_env(a, "AWS_PROFILE");
    p = p ? p : kt_aws_env(a, "AWS_DEFAULT_PROFILE");
    *named = p != NULL;
    return p ? p : "default";
}

const char *kt_aws_region(const struct kt_aws *a, const char *given, const char *profile, char *room, size_t size)
{
    const char *r = given ? given : a->opts.region;
    r = r ? r : kt_aws_env(a, "AWS_REGION");
    r = r ? r : kt_aws_env(a, "AWS_DEFAULT_REGION");
    if (r)
        return r;
    struct kt_span v = kt_profile_get(a->profiles, profile, "region");
    if (!v.p || v.n >= size)
        return NULL;
    memcpy(room, v.p, v.n);
    room[v.n] = '\0';
    return room;
}

/* --- time and chance --------------------------------------------------------------------------- */

int64_t kt_aws_now(const struct kt_aws *a)
{
    return kt_now(a->opts.clock) + a->skew;
}

int64_t kt_aws_mono(const struct kt_aws *a)
{
    return a->opts.mono ? kt_now(a->opts.mono) : kt_boot_ms();
}

uint64_t kt_aws_random(const struct kt_aws *a)
{
    uint64_t r = 0;
    if (a->opts.random)
        return a->opts.random(a->opts.random_ctx);
    if (getrandom(&r, sizeof r, GRND_NONBLOCK) != sizeof r)
        r = (uint64_t)kt_mono_ms() * 0x9e3779b97f4a7c15u;
    return r;
}

bool kt_aws_learn_time(struct kt_aws *a, int64_t date)
{
    if (date == KT_TIME_NONE)
        return false;
    int64_t skew = date - kt_now(a->opts.clock), off = skew - a->skew;
    if (off < SKEW_FELT && off > -SKEW_FELT)
        return false;
    a->skew = skew;
    return true;
}

int64_t kt_aws_skew(const struct kt_aws *a)
{
    return a->skew;
}

/* --- pace ------------------------------------------------------------------------------------ */

struct kt_pace *kt_aws_pace(struct kt_aws *a, const char *service, const char *account, const char *region)
{
    char key[sizeof a->pace[0]->key];
    int n = snprintf(key, sizeof key, "%s/%s/%s", service, account, region);
    if (n < 0 || (size_t)n >= sizeof key)
        return NULL;
    for (size_t i = 0; i < a->n_pace; i++)
        if (strcmp(a->pace[i]->key, key) == 0)
            return a->pace[i];
    struct kt_pace *p = calloc(1, sizeof *p);
    if (!p || !kt_grow(&a->pace, &a->cap_pace, a->n_pace + 1, sizeof(struct kt_pace *), PACES_MAX)) {
        free(p);
        return NULL;
    }
    memcpy(p->key, key, (size_t)n + 1);
    p->next = INT64_MIN;
    return a->pace[a->n_pace++] = p;
}

bool kt_pace_take(struct kt_pace *p, int64_t now, int64_t gap_ms)
{
    if (now < p->next)
        return false;
    p->next = now + (gap_ms > p->penalty ? gap_ms : p->penalty);
    return true;
}

/* Others share the quota: wait longer each time, at times that do not meet
 * theirs. */
void kt_pace_throttled(struct kt_pace *p, int64_t now, uint64_t random)
{
    p->throttled++;
    p->penalty = p->penalty ? p->penalty * 2 : PENALTY_FIRST;
    if (p->penalty > PENALTY_MAX)
        p->penalty = PENALTY_MAX;
    int64_t half = p->penalty / 2;
    int64_t next = now + half + (int64_t)((random >> 32) * (uint64_t)half >> 32);
    if (next > p->next)
        p->next = next;
}

void kt_pace_fine(struct kt_pace *p)
{
    p->penalty = p->penalty > PENALTY_FIRST ? p->penalty / 2 : 0;
}
