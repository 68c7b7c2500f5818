/* When keys are fetched, and what the kinds share. */
#include "aws/credentials.h"

#include "aws/cred_impl.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SECOND = 1000,
    EARLY = 15 * 60 * SECOND, /* new keys are sought so long before the old ones end */
    LATE = 60 * SECOND,       /* and the old ones are not used any more */
    RETRY = 30 * SECOND
};

struct kt_creds *cred_new(const struct cred_kind *kind, struct kt_aws *a, struct kt_net *net, const char *profile,
                          const char *region)
{
    struct kt_creds *c = kt_secret_alloc(sizeof *c); /* it holds tokens and codes */
    if (!c)
        return NULL;
    c->kind = kind;
    c->aws = a;
    c->net = net;
    c->retry_at = INT64_MIN;
    c->child.out = c->child.err = -1;
    snprintf(c->profile, sizeof c->profile, "%s", profile);
    snprintf(c->region, sizeof c->region, "%s", region);
    return c;
}

void cred_hang_up(struct kt_creds *c)
{
    kt_aws_call_free(c->call);
    c->call = NULL;
}

struct kt_creds *kt_creds_share(struct kt_creds *c)
{
    c->shares++;
    return c;
}

void kt_creds_free(struct kt_creds *c)
{
    if (!c)
        return;
    if (c->shares) {
        c->shares--;
        return;
    }
    if (c->kind->drop)
        c->kind->drop(c);
    cred_hang_up(c);
    kt_creds_free(c->source);
    kt_keys_free(c->keys);
    kt_keys_free(c->fresh);
    kt_secret_free(c);
}

/* --- when ---------------------------------------------------------------------------- */

static int64_t left(const struct kt_creds *c)
{
    return c->keys->expires == KT_TIME_NONE ? INT64_MAX : c->keys->expires - kt_aws_now(c->aws);
}

/* Keys that live for minutes are not fetched anew all the time. */
static bool old(const struct kt_creds *c)
{
    if (c->keys->expires == KT_TIME_NONE)
        return false;
    int64_t quarter = (c->keys->expires - c->born) / 4;
    return left(c) < (quarter < EARLY ? quarter : EARLY);
}

static bool usable(const struct kt_creds *c)
{
    return c->keys && !c->refused && left(c) > LATE;
}

static bool same_keys(const struct kt_keys *a, const struct kt_keys *b)
{
    return a && b && kt_span_eq(a->id, b->id) && kt_span_eq(a->secret, b->secret) &&
           (kt_span_eq(a->token, b->token) || (!a->token.p && !b->token.p));
}

static void take_fresh(struct kt_creds *c)
{
    bool same = c->refused && same_keys(c->keys, c->fresh);
    c->waited = same && !c->waited;
    if (c->waited ||
        (c->fresh->expires != KT_TIME_NONE && c->fresh->expires <= kt_aws_now(c->aws))) {
        bool old_ones = !c->refused;
        kt_keys_free(c->fresh);
        c->fresh = NULL;
        c->retry_at = kt_aws_mono(c->aws) + RETRY;
        bool env = c->kind == &cred_env;
        cred_fail(c, "the keys of %s%s %s; %s", env ? "the environment" : "profile ", env ? "" : c->profile,
                  old_ones ? "have expired" : "have expired, or are not known to AWS",
                  env ? "set new ones, and start keytop again" : "put new ones in their place: aws configure, or aws sso login");
        return;
    }
    kt_keys_free(c->keys);
    c->keys = c->fresh;
    c->fresh = NULL;
    c->born = kt_aws_now(c->aws);
    c->refused = false;
}

enum kt_creds_state kt_creds_poll(struct kt_creds *c, int64_t *wake)
{
    *wake = 0;
    bool want = !usable(c) || old(c);
    if (want && !c->working && kt_aws_mono(c->aws) >= c->retry_at) {
        c->working = true;
        c->stage = 0;
    }
    if (c->working) {
        switch (c->kind->fetch(c, wake)) {
        case CRED_PENDING:
            break;
        case CRED_GOT:
            c->working = false;
            take_fresh(c);
            break;
        case CRED_FAILED:
            c->working = false;
            c->retry_at = kt_aws_mono(c->aws) + RETRY;
            break;
        }
    }
    if (usable(c))
        return KT_CREDS_READY;
    if (c->working)
        return KT_CREDS_WAITING;
    *wake = c->retry_at;
    return KT_CREDS_FAILED;
}

struct kt_keys *kt_creds_keys(struct kt_creds *c)
{
    return c->keys;
}

void kt_creds_refused(struct kt_creds *c, const struct kt_keys *k)
{
    if (c->keys == k && !c->refused) {
        c->refused = true;
        c->retry_at = INT64_MIN;
    }
}

const char *kt_creds_says(const struct kt_creds *c)
{
    return c->says;
}

int64_t kt_creds_until(const struct kt_creds *c)
{
    return c->keys ? c->keys->expires : KT_TIME_NONE;
}

/* --- what the kinds share -------------------------------------------------------------- */

enum cred_got cred_fail(struct kt_creds *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->says, sizeof c->says, fmt, ap);
    va_end(ap);
    return CRED_FAILED;
}

bool cred_text(char *to, size_t size, struct kt_span s)
{
    *to = '\0';
    if (!s.p || s.n >= size || memchr(s.p, '\0', s.n))
        return false;
    memcpy(to, s.p, s.n);
    to[s.n] = '\0';
    return true;
}

char *cred_slurp(const char *path, size_t *n)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *text = NULL;
    *n = 0;
    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_size > CRED_FILE_MAX))
        errno = EFBIG;
    else
        text = kt_secret_alloc(CRED_FILE_MAX + 1);
    while (text && *n < CRED_FILE_MAX) {
        ssize_t got = read(fd, text + *n, CRED_FILE_MAX - *n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        *n += (size_t)got;
    }
    int keep = errno;
    close(fd);
    errno = keep;
    return text;
}

json_t *cred_json(struct kt_span text)
{
    return text.p && text.n <= CRED_REPLY_MAX ? json_loadb(text.p, text.n, 0, NULL) : NULL;
}

static void wipe(json_t *o)
{
    const char *key;
    json_t *v;
    if (json_is_string(o))
        explicit_bzero((char *)(uintptr_t)json_string_value(o), json_string_length(o));
    json_object_foreach(o, key, v)
        wipe(v);
}

void cred_json_free(json_t *o)
{
    if (o)
        wipe(o);
    json_decref(o);
}

struct kt_span cred_member(const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);
    return json_is_string(v) ? (struct kt_span){json_string_value(v), json_string_length(v)} : KT_SPAN_NONE;
}

/* "2026-11-24T10:00:00Z", with "UTC" for the Z in old caches, or ms since 1970. */
static int64_t time_of(const json_t *v)
{
    char text[64];
    if (json_is_integer(v))
        return json_integer_value(v);
    if (!json_is_string(v) || !cred_text(text, sizeof text, kt_span_of(json_string_value(v))))
        return KT_TIME_NONE;
    char *utc = strstr(text, "UTC");
    if (utc)
        memcpy(utc, "Z", 2);
    return kt_time_parse(kt_span_of(text));
}

bool cred_take_json(struct kt_creds *c, const json_t *o, const char *id, const char *secret, const char *token,
                    const char *expires)
{
    const json_t *when = expires ? json_object_get(o, expires) : NULL;
    int64_t until = when ? time_of(when) : KT_TIME_NONE;
    struct kt_span account = cred_member(o, "AccountId");
    if (when && !json_is_null(when) && until == KT_TIME_NONE)
        return false;
    kt_keys_free(c->fresh);
    c->fresh = kt_keys_new(cred_member(o, id), cred_member(o, secret), cred_member(o, token),
                           account.p ? account : cred_member(o, "accountId"), until);
    return c->fresh != NULL;
}

const struct kt_aws_result *cred_ask(struct kt_creds *c, const struct kt_aws_request *r, int64_t *wake)
{
    static const struct kt_aws_result no_memory = {.end = KT_AWS_TRANSIENT, .message = "out of memory"};
    if (!c->call)
        c->call = kt_aws_call_new(c->aws, c->net, r);
    if (!c->call)
        return &no_memory;
    const struct kt_aws_result *result = kt_aws_call_poll(c->call, wake);
    return result->end == KT_AWS_PENDING ? NULL : result;
}
