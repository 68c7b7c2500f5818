/* IAM Identity Center: the token that "aws sso login" left in its cache,
 * refreshed while that is possible, gives keys for an account and a role. */
#include "aws/cred_impl.h"
#include "aws/sign.h"
#include "base/hash.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STAGE_TOKEN, STAGE_REFRESH, STAGE_KEYS, TOKEN_EARLY = 15 * 60 * 1000 };

static enum cred_got login_again(struct kt_creds *c)
{
    return cred_fail(c, "the session of Identity Center has ended: type aws sso login --profile %s", c->profile);
}

static bool cache_path(struct kt_creds *c)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    char hex[2 * EVP_MAX_MD_SIZE + 1], name[2 * EVP_MAX_MD_SIZE + 32];
    const char *key = c->sso.session[0] ? c->sso.session : c->sso.start;
    if (EVP_Digest(key, strlen(key), digest, &n, EVP_sha1(), NULL) != 1)
        return false;
    kt_hex(digest, n, hex);
    snprintf(name, sizeof name, "sso/cache/%s.json", hex);
    return kt_aws_home(c->aws, name, c->sso.cache, sizeof c->sso.cache);
}

static json_t *read_cache(struct kt_creds *c)
{
    size_t n;
    char *text = cache_path(c) ? cred_slurp(c->sso.cache, &n) : NULL;
    json_t *o = text ? cred_json((struct kt_span){text, n}) : NULL;
    kt_secret_free(text);
    return o;
}

static int64_t when(const json_t *o, const char *name)
{
    struct kt_span v = cred_member(o, name);
    if (v.n > 3 && memcmp(v.p + v.n - 3, "UTC", 3) == 0)
        v.n -= 3; /* without a zone it is UTC as well */
    return v.p ? kt_time_parse(v) : KT_TIME_NONE;
}

/* tmp, rename, 0600: another tool reads it at any time. */
static bool write_cache(struct kt_creds *c, const json_t *o)
{
    char tmp[sizeof c->sso.cache + 16];
    char *text = json_dumps(o, JSON_COMPACT);
    snprintf(tmp, sizeof tmp, "%s.XXXXXX", c->sso.cache);
    int fd = text ? mkostemp(tmp, O_CLOEXEC) : -1; /* 0600 */
    bool ok = fd >= 0;
    size_t n = text ? strlen(text) : 0;
    for (size_t done = 0; ok && done < n;) {
        ssize_t w = write(fd, text + done, n - done);
        if (w < 0 && errno == EINTR)
            continue;
        ok = w > 0;
        done += ok ? (size_t)w : 0;
    }
    ok = ok && fsync(fd) == 0;
    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    if (ok)
        ok = rename(tmp, c->sso.cache) == 0;
    if (fd >= 0 && !ok)
        (void)unlink(tmp);
    if (text)
        explicit_bzero(text, n);
    free(text);
    return ok;
}

/* What to do first, from what the cache says. */
static enum cred_got read_token(struct kt_creds *c)
{
    json_t *o = read_cache(c);
    int64_t now = kt_aws_now(c->aws), until = o ? when(o, "expiresAt") : KT_TIME_NONE;
    bool can_refresh = o && cred_member(o, "refreshToken").n && cred_member(o, "clientId").n &&
                       when(o, "registrationExpiresAt") > now;
    bool fits = o && cred_text(c->at.token, sizeof c->at.token, cred_member(o, "accessToken"));
    cred_json_free(o);
    if (can_refresh && (until == KT_TIME_NONE || until - now < TOKEN_EARLY))
        c->stage = STAGE_REFRESH;
    else if (fits && until > now)
        c->stage = STAGE_KEYS;
    else
        return login_again(c);
    return CRED_PENDING;
}

static char *refresh_body(struct kt_creds *c)
{
    json_t *o = read_cache(c);
    json_t *ask = json_pack("{s:O?,s:O?,s:s,s:O?}", "clientId", json_object_get(o, "clientId"), "clientSecret",
                            json_object_get(o, "clientSecret"), "grantType", "refresh_token", "refreshToken",
                            json_object_get(o, "refreshToken"));
    char *text = ask ? json_dumps(ask, JSON_COMPACT) : NULL;
    json_decref(ask); /* its strings are those of o */
    cred_json_free(o);
    return text;
}

static bool keep_refreshed(struct kt_creds *c, struct kt_span body)
{
    char text[KT_TIME_TEXT];
    json_t *got = cred_json(body), *o = read_cache(c);
    const json_t *seconds = json_object_get(got, "expiresIn");
    bool ok = got && o && cred_text(c->at.token, sizeof c->at.token, cred_member(got, "accessToken")) &&
              json_is_integer(seconds);
    if (ok) {
        int64_t until = kt_aws_now(c->aws) + json_integer_value(seconds) * 1000;
        kt_time_format(until - until % 1000, text);
        json_object_set(o, "accessToken", json_object_get(got, "accessToken"));
        json_object_set_new(o, "expiresAt", json_string(text));
        if (cred_member(got, "refreshToken").n)
            json_object_set(o, "refreshToken", json_object_get(got, "refreshToken"));
        (void)write_cache(c, o); /* the token works for us all the same */
    }
    cred_json_free(o);
    json_decref(got);
    return ok;
}

static enum cred_got refresh(struct kt_creds *c, int64_t *wake)
{
    struct kt_err e = {0};
    char *text = NULL;
    if (!c->call) {
        if (kt_aws_endpoint(c->aws, KT_SVC_OIDC, c->sso.region, c->profile, &c->endpoint, &e) != KT_OK)
            return cred_fail(c, "%s", e.text);
        text = refresh_body(c);
    }
    const struct kt_aws_result *r =
        cred_ask(c, &(struct kt_aws_request){.endpoint = &c->endpoint, .path = "/token", .content_type = "application/json",
                                             .body = kt_span_of(text), .max_body = CRED_REPLY_MAX, .total_ms = 30000},
                 wake);
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
    if (!r)
        return CRED_PENDING;
    bool ok = r->end == KT_AWS_OK && keep_refreshed(c, r->body);
    bool later = r->end == KT_AWS_TRANSIENT || r->end == KT_AWS_THROTTLED;
    if (later)
        cred_fail(c, "%s", r->message);
    cred_hang_up(c);
    if (!ok)
        return later ? CRED_FAILED : login_again(c);
    c->stage = STAGE_KEYS;
    return CRED_PENDING;
}

static enum cred_got fetch_keys(struct kt_creds *c, int64_t *wake)
{
    struct kt_err e = {0};
    struct kt_buf path;
    char bearer[sizeof c->at.token + 32];
    if (!c->call && kt_aws_endpoint(c->aws, KT_SVC_SSO, c->sso.region, c->profile, &c->endpoint, &e) != KT_OK)
        return cred_fail(c, "%s", e.text);
    kt_buf_init(&path, 2048);
    kt_buf_adds(&path, "/federation/credentials?account_id=");
    kt_uri_encode(&path, kt_span_of(c->sso.account), false);
    kt_buf_adds(&path, "&role_name=");
    kt_uri_encode(&path, kt_span_of(c->sso.role), false);
    snprintf(bearer, sizeof bearer, "x-amz-sso_bearer_token: %s", c->at.token);
    const struct kt_aws_result *r =
        cred_ask(c, &(struct kt_aws_request){.endpoint = &c->endpoint, .method = "GET", .path = kt_buf_str(&path),
                                             .extra = {bearer}, .max_body = CRED_REPLY_MAX, .total_ms = 30000},
                 wake);
    explicit_bzero(bearer, sizeof bearer);
    kt_buf_free(&path);
    if (!r)
        return CRED_PENDING;
    enum cred_got got = CRED_FAILED;
    json_t *o = r->end == KT_AWS_OK ? cred_json(r->body) : NULL;
    if (o && cred_take_json(c, json_object_get(o, "roleCredentials"), "accessKeyId", "secretAccessKey", "sessionToken",
                            "expiration"))
        got = CRED_GOT;
    else if (r->status == 401)
        login_again(c);
    else
        cred_fail(c, "Identity Center gives no keys for role %.80s in account %s: %.120s", c->sso.role, c->sso.account,
                  r->message[0] ? r->message : "its answer was not understood");
    cred_json_free(o);
    cred_hang_up(c);
    if (got == CRED_GOT)
        cred_text(c->fresh->account, sizeof c->fresh->account, kt_span_of(c->sso.account));
    return got;
}

static enum cred_got fetch_sso(struct kt_creds *c, int64_t *wake)
{
    for (;;) {
        int before = c->stage;
        enum cred_got got = c->stage == STAGE_TOKEN     ? read_token(c)
                            : c->stage == STAGE_REFRESH ? refresh(c, wake)
                                                        : fetch_keys(c, wake);
        if (got != CRED_PENDING)
            explicit_bzero(c->at.token, sizeof c->at.token);
        if (got != CRED_PENDING || c->stage == before)
            return got;
    }
}
const struct cred_kind cred_sso = {fetch_sso, NULL};
