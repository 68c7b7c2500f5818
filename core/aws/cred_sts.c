/* Roles: assumed with other keys, or with a web identity. */
#include "aws/cred_impl.h"
#include "aws/impl.h"
#include "aws/sign.h"
#include "base/secret.h"

#include <errno.h>

enum {
    BODY_MAX = 128 << 10,
    SESSIONS_MAX = 64,
    SHARED_LEFT = 16 * 60 * 1000, /* ms: with less left, one wants a new one soon anyway */
    ASK_AGAIN = 500               /* ms: a person types */
};

static void form(struct kt_buf *b, const char *name, struct kt_span value)
{
    kt_buf_addf(b, "&%s=", name);
    kt_uri_encode(b, value, false);
}

static struct kt_span element(struct kt_span s, const char *name)
{
    char open[64], close[64];
    snprintf(open, sizeof open, "<%s>", name);
    snprintf(close, sizeof close, "</%s>", name);
    const char *p = s.p ? memmem(s.p, s.n, open, strlen(open)) : NULL;
    if (!p)
        return KT_SPAN_NONE;
    p += strlen(open);
    const char *q = memmem(p, (size_t)(s.p + s.n - p), close, strlen(close));
    return q ? (struct kt_span){p, (size_t)(q - p)} : KT_SPAN_NONE;
}

/* "arn:aws:iam::111122223333:role/x" */
static struct kt_span account_of(const char *arn)
{
    const char *p = arn;
    for (int colons = 0; colons < 4; colons++, p++)
        if (!(p = strchr(p, ':')))
            return KT_SPAN_NONE;
    return (struct kt_span){p, strcspn(p, ":")};
}

static enum cred_got take_xml(struct kt_creds *c, struct kt_span body)
{
    struct kt_span in = element(body, "Credentials");
    int64_t until = kt_time_parse(element(in, "Expiration"));
    kt_keys_free(c->fresh);
    c->fresh = kt_keys_new(element(in, "AccessKeyId"), element(in, "SecretAccessKey"), element(in, "SessionToken"),
                           account_of(c->role.arn), until);
    if (c->fresh && until != KT_TIME_NONE)
        return CRED_GOT;
    return cred_fail(c, "STS gave no keys for %.200s", c->role.arn);
}

static enum cred_got ask_sts(struct kt_creds *c, struct kt_span body, struct kt_keys *keys, int64_t *wake)
{
    struct kt_err e = {0};
    if (!c->call && kt_aws_endpoint(c->aws, KT_SVC_STS, c->region, c->profile, &c->endpoint, &e) != KT_OK)
        return cred_fail(c, "%s", e.text);
    const struct kt_aws_result *r = cred_ask(
        c, &(struct kt_aws_request){.endpoint = &c->endpoint, .content_type = "application/x-www-form-urlencoded; charset=utf-8",
                                    .body = body, .keys = keys, .max_body = CRED_REPLY_MAX, .total_ms = 30000},
        wake);
    if (!r)
        return CRED_PENDING;
    enum cred_got got = r->end == KT_AWS_OK ? take_xml(c, r->body)
                                            : cred_fail(c, "role %.120s is not to be had: %s%s%.120s", c->role.arn, r->code,
                                                        r->code[0] ? ": " : "", r->message);
    if (r->end == KT_AWS_CREDENTIALS && c->source)
        kt_creds_refused(c->source, keys);
    cred_hang_up(c);
    return got;
}

static void add_role(struct kt_creds *c, struct kt_buf *b)
{
    char n[16];
    form(b, "RoleArn", kt_span_of(c->role.arn));
    form(b, "RoleSessionName", kt_span_of(c->role.session));
    snprintf(n, sizeof n, "%d", c->role.duration);
    if (c->role.duration)
        form(b, "DurationSeconds", kt_span_of(n));
}

/* --- MFA -------------------------------------------------------------------------------- */

static struct aws_session *session_of(const struct kt_creds *c)
{
    for (size_t i = 0; i < c->aws->n_session; i++)
        if (strcmp(c->aws->session[i].arn, c->role.arn) == 0 && strcmp(c->aws->session[i].serial, c->role.serial) == 0)
            return &c->aws->session[i];
    return NULL;
}

/* One that another source has assumed with the same device. */
static bool take_session(struct kt_creds *c)
{
    const struct aws_session *s = session_of(c);
    if (!s || s->keys == c->keys || s->keys->expires - kt_aws_now(c->aws) < SHARED_LEFT)
        return false;
    kt_keys_free(c->fresh);
    c->fresh = kt_keys_share(s->keys);
    return true;
}

static void keep_session(const struct kt_creds *c)
{
    struct kt_aws *a = c->aws;
    struct aws_session *s = session_of(c);
    if (!s) {
        if (!kt_grow(&a->session, &a->cap_session, a->n_session + 1, sizeof *a->session, SESSIONS_MAX))
            return; /* each asks for a code of its own */
        s = &a->session[a->n_session++];
        *s = (struct aws_session){0};
        snprintf(s->arn, sizeof s->arn, "%s", c->role.arn);
        snprintf(s->serial, sizeof s->serial, "%s", c->role.serial);
    }
    kt_keys_free(s->keys);
    s->keys = kt_keys_share(c->fresh);
}

static enum cred_got mfa_code(struct kt_creds *c, int64_t *wake)
{
    const struct kt_aws_opts *o = kt_aws_options(c->aws);
    switch (o->mfa ? o->mfa(o->mfa_ctx, c->role.serial, c->role.code, sizeof c->role.code) : KT_ASKED_NOBODY) {
    case KT_ASKED_OK:
        return CRED_GOT;
    case KT_ASKED_WAITING:
        *wake = kt_aws_mono(c->aws) + ASK_AGAIN;
        return CRED_PENDING;
    case KT_ASKED_NO:
        return cred_fail(c, "profile %.60s: no code of MFA device %.120s was given: K asks for it again", c->profile, c->role.serial);
    case KT_ASKED_NOBODY:
        break;
    }
    return cred_fail(c, "profile %.60s: its role wants the code of MFA device %.120s, and there is nobody to ask", c->profile,
                     c->role.serial);
}

static enum cred_got fetch_role(struct kt_creds *c, int64_t *wake)
{
    struct kt_buf b;
    switch (c->call ? KT_CREDS_READY : kt_creds_poll(c->source, wake)) {
    case KT_CREDS_WAITING:
        return CRED_PENDING;
    case KT_CREDS_FAILED:
        return cred_fail(c, "%s", kt_creds_says(c->source));
    case KT_CREDS_READY:
        break;
    }
    if (!c->call && c->role.serial[0]) {
        enum cred_got got = take_session(c) ? CRED_GOT : mfa_code(c, wake);
        if (got != CRED_GOT || c->fresh)
            return got;
    }
    kt_buf_init(&b, BODY_MAX);
    if (!c->call) {
        kt_buf_adds(&b, "Action=AssumeRole&Version=2011-06-15");
        add_role(c, &b);
        if (c->role.external[0])
            form(&b, "ExternalId", kt_span_of(c->role.external));
        if (c->role.serial[0]) {
            form(&b, "SerialNumber", kt_span_of(c->role.serial));
            form(&b, "TokenCode", kt_span_of(c->role.code));
            explicit_bzero(c->role.code, sizeof c->role.code);
        }
    }
    enum cred_got got = b.failed ? cred_fail(c, "out of memory")
                                 : ask_sts(c, kt_buf_span(&b), kt_creds_keys(c->source), wake);
    kt_secret_wipe(&b);
    if (got == CRED_GOT && c->role.serial[0])
        keep_session(c);
    return got;
}
const struct cred_kind cred_role = {fetch_role, NULL};

/* The token's file is read each time: whoever puts it there replaces it. */
static enum cred_got fetch_web(struct kt_creds *c, int64_t *wake)
{
    struct kt_buf b;
    kt_buf_init(&b, BODY_MAX);
    if (!c->call) {
        size_t n;
        char *token = cred_slurp(c->role.token_file, &n);
        while (token && n && (token[n - 1] == '\n' || token[n - 1] == '\r'))
            n--;
        if (!token || !n) {
            kt_secret_free(token);
            return cred_fail(c, "AWS_WEB_IDENTITY_TOKEN_FILE: %.200s: %s", c->role.token_file,
                             token ? "is empty" : strerror(errno));
        }
        bool room = kt_buf_reserve(&b, BODY_MAX - 1);
        kt_buf_adds(&b, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15");
        add_role(c, &b);
        form(&b, "WebIdentityToken", (struct kt_span){token, n});
        kt_secret_free(token);
        if (!room || b.failed) {
            kt_secret_wipe(&b);
            return cred_fail(c, "%.200s: the token is too long", c->role.token_file);
        }
    }
    enum cred_got got = ask_sts(c, kt_buf_span(&b), NULL, wake);
    kt_secret_wipe(&b);
    return got;
}
const struct cred_kind cred_web = {fetch_web, NULL};
