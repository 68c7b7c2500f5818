/* Keys that the machine itself has: a container's endpoint (ECS, EKS Pod
 * Identity), or the instance's metadata, version 2 alone: its token keeps a
 * server-side forgery from reading the keys, so version 1 is never asked. */
#include "aws/cred_impl.h"
#include "base/secret.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

/* Splits a URL into the endpoint and the path at it. */
static bool split_url(struct kt_creds *c, const char *url)
{
    const char *host = strstr(url, "://");
    if (!host)
        return false;
    host += 3;
    size_t n = strcspn(host, "/?");
    c->endpoint.service = "";
    return cred_text(c->endpoint.host, sizeof c->endpoint.host, (struct kt_span){host, n}) &&
           cred_text(c->endpoint.url, sizeof c->endpoint.url, (struct kt_span){url, (size_t)(host - url) + n}) &&
           cred_text(c->at.path, sizeof c->at.path, kt_span_of(host[n] ? host + n : "/"));
}

static bool clean(const char *s)
{
    return !strpbrk(s, "\r\n");
}

/* --- container ------------------------------------------------------------------------ */

static bool container_url(struct kt_creds *c)
{
    char url[8192];
    const char *relative = kt_aws_env(c->aws, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = kt_aws_env(c->aws, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    int n = relative ? snprintf(url, sizeof url, "http://169.254.170.2%s", relative) : snprintf(url, sizeof url, "%s", full);
    return n > 0 && (size_t)n < sizeof url && clean(url) && (!relative || relative[0] == '/') && split_url(c, url);
}

/* "Authorization: TOKEN"; EKS puts a new one into the file now and then. */
static bool container_token(struct kt_creds *c, char *out, size_t size)
{
    const char *file = kt_aws_env(c->aws, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = kt_aws_env(c->aws, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    size_t n = 0;
    *out = '\0';
    char *text = file ? cred_slurp(file, &n) : NULL;
    if (file && !text)
        return false;
    while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    if (file || token) {
        int len = snprintf(out, size, "Authorization: %.*s", file ? (int)n : (int)strlen(token), file ? text : token);
        n = len > 0 && (size_t)len < size && clean(out);
    } else {
        n = 1;
    }
    kt_secret_free(text);
    return n != 0;
}

static enum cred_got fetch_container(struct kt_creds *c, int64_t *wake)
{
    char header[16384];
    if (!c->call && !container_url(c))
        return cred_fail(c, "AWS_CONTAINER_CREDENTIALS_FULL_URI is no address of a server");
    if (c->call)
        header[0] = '\0';
    else if (!container_token(c, header, sizeof header))
        return cred_fail(c, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: cannot be read, or holds a line break");
    const struct kt_aws_result *r =
        cred_ask(c, &(struct kt_aws_request){.endpoint = &c->endpoint, .method = "GET", .path = c->at.path,
                                             .extra = {header[0] ? header : NULL}, .max_body = CRED_REPLY_MAX,
                                             .connect_ms = 2000, .total_ms = 2000},
                 wake);
    explicit_bzero(header, sizeof header);
    if (!r)
        return CRED_PENDING;
    json_t *o = r->end == KT_AWS_OK ? cred_json(r->body) : NULL;
    enum cred_got got = o && cred_take_json(c, o, "AccessKeyId", "SecretAccessKey", "Token", "Expiration")
                            ? CRED_GOT
                            : cred_fail(c, "the container's endpoint gives no keys: %.200s",
                                        r->message[0] ? r->message : "its answer was not understood");
    cred_json_free(o);
    cred_hang_up(c);
    return got;
}
const struct cred_kind cred_container = {fetch_container, NULL};

/* --- instance --------------------------------------------------------------------------- */

enum { STAGE_TOKEN, STAGE_ROLE, STAGE_KEYS };
#define ROLES "/latest/meta-data/iam/security-credentials/"

static bool instance_endpoint(struct kt_creds *c)
{
    const char *own = kt_aws_env(c->aws, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = kt_aws_env(c->aws, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    bool v6 = mode && strcasecmp(mode, "ipv6") == 0;
    return split_url(c, own ? own : v6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254");
}

static enum cred_got no_instance(struct kt_creds *c, const char *why)
{
    return cred_fail(c, "no keys were found: type aws configure, or aws sso login, or name a --profile (%.100s)", why);
}

static bool take_word(char *to, size_t size, struct kt_span body)
{
    const char *eol = body.n ? memchr(body.p, '\n', body.n) : NULL;
    if (eol)
        body.n = (size_t)(eol - body.p);
    for (size_t i = 0; i < body.n; i++)
        if (!isgraph((unsigned char)body.p[i]))
            return false;
    return body.n && cred_text(to, size, body);
}

static enum cred_got take_instance(struct kt_creds *c, const struct kt_aws_result *r)
{
    json_t *o;
    switch (r->end == KT_AWS_OK ? c->stage : -1) {
    case STAGE_TOKEN:
        if (!take_word(c->at.token, sizeof c->at.token, r->body))
            return no_instance(c, "the instance gave no token");
        c->stage = STAGE_ROLE;
        return CRED_PENDING;
    case STAGE_ROLE:
        if (!take_word(c->at.name, sizeof c->at.name, r->body) || strchr(c->at.name, '/'))
            return no_instance(c, "the instance has no role");
        c->stage = STAGE_KEYS;
        return CRED_PENDING;
    case STAGE_KEYS:
        o = cred_json(r->body);
        bool ok = o && cred_take_json(c, o, "AccessKeyId", "SecretAccessKey", "Token", "Expiration");
        cred_json_free(o);
        return ok ? CRED_GOT : cred_fail(c, "the instance's role %.80s has no keys", c->at.name);
    default:
        break;
    }
    if (r->status == 404 && c->stage == STAGE_ROLE)
        return no_instance(c, "the instance has no role");
    return no_instance(c, r->status ? r->message : "this machine is no EC2 instance, or its IMDSv2 hop limit is 1");
}

static enum cred_got fetch_instance(struct kt_creds *c, int64_t *wake)
{
    const char *off = kt_aws_env(c->aws, "AWS_EC2_METADATA_DISABLED");
    if (off && strcasecmp(off, "true") == 0)
        return no_instance(c, "AWS_EC2_METADATA_DISABLED is true");
    if (!c->call && !instance_endpoint(c))
        return cred_fail(c, "AWS_EC2_METADATA_SERVICE_ENDPOINT is no address of a server");
    for (;;) {
        char header[sizeof c->at.token + 64], path[sizeof ROLES + sizeof c->at.name];
        bool put = c->stage == STAGE_TOKEN;
        snprintf(header, sizeof header, put ? "x-aws-ec2-metadata-token-ttl-seconds: 21600" : "x-aws-ec2-metadata-token: %s",
                 c->at.token);
        snprintf(path, sizeof path, ROLES "%s", c->stage == STAGE_KEYS ? c->at.name : "");
        const struct kt_aws_result *r = cred_ask(
            c, &(struct kt_aws_request){.endpoint = &c->endpoint, .method = put ? "PUT" : "GET",
                                        .path = put ? "/latest/api/token" : path, .extra = {header},
                                        .body = put ? KT_LIT("") : KT_SPAN_NONE, .max_body = CRED_REPLY_MAX,
                                        .connect_ms = 1000, .total_ms = 1000, .attempts = put ? 1 : 0},
            wake);
        explicit_bzero(header, sizeof header);
        if (!r)
            return CRED_PENDING;
        enum cred_got got = take_instance(c, r);
        cred_hang_up(c);
        if (got != CRED_PENDING) {
            explicit_bzero(c->at.token, sizeof c->at.token);
            return got;
        }
    }
}
const struct cred_kind cred_instance = {fetch_instance, NULL};
