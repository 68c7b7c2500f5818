/* Keys that are simply there: environment, shared files, a login's cache. */
#include "aws/cred_impl.h"
#include "base/secret.h"

#include <errno.h>

static enum cred_got fetch_env(struct kt_creds *c, int64_t *wake)
{
    const char *id = kt_aws_env(c->aws, "AWS_ACCESS_KEY_ID"), *secret = kt_aws_env(c->aws, "AWS_SECRET_ACCESS_KEY");
    const char *token = kt_aws_env(c->aws, "AWS_SESSION_TOKEN"), *until = kt_aws_env(c->aws, "AWS_CREDENTIAL_EXPIRATION");
    (void)wake;
    if (!secret)
        return cred_fail(c, "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY: set both, or neither");
    token = token ? token : kt_aws_env(c->aws, "AWS_SECURITY_TOKEN");
    kt_keys_free(c->fresh);
    c->fresh = kt_keys_new(kt_span_of(id), kt_span_of(secret), kt_span_of(token),
                           kt_span_of(kt_aws_env(c->aws, "AWS_ACCOUNT_ID")),
                           until ? kt_time_parse(kt_span_of(until)) : KT_TIME_NONE);
    return c->fresh ? CRED_GOT : cred_fail(c, "the keys in the environment are not of a key's form");
}
const struct cred_kind cred_env = {fetch_env, NULL};

static enum cred_got fetch_file(struct kt_creds *c, int64_t *wake)
{
    struct kt_err e = {0};
    (void)wake;
    if (c->keys && kt_aws_reload(c->aws, &e) != KT_OK)
        return cred_fail(c, "%s", e.text);
    const struct kt_profiles *p = kt_aws_profiles(c->aws);
    struct kt_span secret = kt_profile_in(p, c->file, c->profile, "aws_secret_access_key");
    if (!secret.p)
        return cred_fail(c, "profile %s has aws_access_key_id without aws_secret_access_key", c->profile);
    kt_keys_free(c->fresh);
    c->fresh = kt_keys_new(kt_profile_in(p, c->file, c->profile, "aws_access_key_id"), secret,
                           kt_profile_in(p, c->file, c->profile, "aws_session_token"),
                           kt_profile_in(p, c->file, c->profile, "aws_account_id"), KT_TIME_NONE);
    return c->fresh ? CRED_GOT : cred_fail(c, "the keys of profile %s are not of a key's form", c->profile);
}
const struct cred_kind cred_file = {fetch_file, NULL};

static enum cred_got fetch_login(struct kt_creds *c, int64_t *wake)
{
    size_t n;
    (void)wake;
    char *text = cred_slurp(c->at.path, &n);
    json_t *o = text ? cred_json((struct kt_span){text, n}) : NULL;
    kt_secret_free(text);
    bool ok = o && cred_take_json(c, json_object_get(o, "accessToken"), "accessKeyId", "secretAccessKey", "sessionToken",
                                  "expiresAt");
    cred_json_free(o);
    if (ok && c->fresh->expires > kt_aws_now(c->aws))
        return CRED_GOT;
    return cred_fail(c, "the login of profile %s has ended: type aws login --profile %s", c->profile, c->profile);
}
const struct cred_kind cred_login = {fetch_login, NULL};
