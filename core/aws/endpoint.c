/* Where services are: partitions, FIPS, dual-stack, and the user's own. */
#include "aws/impl.h"
#include "net/net.h"

#include <stdio.h>
#include <strings.h>

static const struct kt_partition partitions[] = {
    {"aws", {"us-", "eu-", "ap-", "sa-", "ca-", "me-", "af-", "il-", "mx-"}, "amazonaws.com", "api.aws", "us-east-1"},
    {"aws-cn", {"cn-"}, "amazonaws.com.cn", "api.amazonwebservices.com.cn", "cn-north-1"},
    {"aws-us-gov", {"us-gov-"}, "amazonaws.com", "api.aws", "us-gov-west-1"},
    {"aws-eusc", {"eusc-"}, "amazonaws.eu", NULL, "eusc-de-east-1"},
    {"aws-iso", {"us-iso-"}, "c2s.ic.gov", NULL, "us-iso-east-1"},
    {"aws-iso-b", {"us-isob-"}, "sc2s.sgov.gov", NULL, "us-isob-east-1"},
    {"aws-iso-e", {"eu-isoe-"}, "cloud.adc-e.uk", NULL, "eu-isoe-west-1"},
    {"aws-iso-f", {"us-isof-"}, "csp.hci.ic.gov", NULL, "us-isof-south-1"},
};

/* "us-east-1": it becomes part of a host's name, so nothing else may be in it. */
static bool is_region(const char *r)
{
    size_t n = strlen(r);
    return n > 4 && n < 40 && strspn(r, "abcdefghijklmnopqrstuvwxyz0123456789-") == n && r[n - 1] >= '0' &&
           r[n - 1] <= '9' && r[0] != '-';
}

/* The longest prefix decides: "us-gov-" before "us-". */
const struct kt_partition *kt_partition_of(const char *region)
{
    const struct kt_partition *best = NULL;
    size_t length = 0;
    if (!is_region(region))
        return NULL;
    for (size_t i = 0; i < sizeof partitions / sizeof *partitions; i++)
        for (size_t j = 0; partitions[i].prefixes[j]; j++) {
            size_t n = strlen(partitions[i].prefixes[j]);
            if (n > length && strncmp(region, partitions[i].prefixes[j], n) == 0) {
                best = &partitions[i];
                length = n;
            }
        }
    return best;
}

static const struct {
    const char *host, *sign, *variable, *config;
    bool gov_fips_is_plain; /* in aws-us-gov the plain name is the FIPS one */
} services[KT_SVC_COUNT] = {
    [KT_SVC_CLOUDTRAIL] = {"cloudtrail", "cloudtrail", "AWS_ENDPOINT_URL_CLOUDTRAIL", "cloudtrail.endpoint_url", true},
    [KT_SVC_STS] = {"sts", "sts", "AWS_ENDPOINT_URL_STS", "sts.endpoint_url", true},
    [KT_SVC_SSO] = {"portal.sso", "", "AWS_ENDPOINT_URL_SSO", "sso.endpoint_url", false},
    [KT_SVC_OIDC] = {"oidc", "", "AWS_ENDPOINT_URL_SSO_OIDC", "sso_oidc.endpoint_url", false},
    [KT_SVC_SQS] = {"sqs", "sqs", "AWS_ENDPOINT_URL_SQS", "sqs.endpoint_url", true},
    [KT_SVC_S3] = {"s3", "s3", "AWS_ENDPOINT_URL_S3", "s3.endpoint_url", false},
    [KT_SVC_ATHENA] = {"athena", "athena", "AWS_ENDPOINT_URL_ATHENA", "athena.endpoint_url", true},
    [KT_SVC_LOGS] = {"logs", "logs", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "cloudwatch_logs.endpoint_url", true},
    [KT_SVC_LOGS_STREAM] = {"stream-logs", "logs", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "cloudwatch_logs.endpoint_url", true},
};

static bool is_true(struct kt_span v)
{
    return v.n == 4 && strncasecmp(v.p, "true", 4) == 0;
}

static bool wanted(const struct kt_aws *a, const char *variable, const char *profile, const char *key)
{
    const char *v = kt_aws_env(a, variable);
    return is_true(v ? kt_span_of(v) : kt_profile_get(a->profiles, profile, key));
}

/* The user's own endpoint, and where it was set. */
static struct kt_span configured(const struct kt_aws *a, enum kt_service s, const char *profile, const char **where)
{
    const char *v;
    if ((v = kt_aws_env(a, *where = services[s].variable)) || (v = kt_aws_env(a, *where = "AWS_ENDPOINT_URL")))
        return kt_span_of(v);
    *where = "endpoint_url of the profile";
    struct kt_span own = kt_profile_get(a->profiles, profile, "services");
    if (own.p)
        own = kt_profile_section(a->profiles, "services", own, services[s].config);
    return own.p ? own : kt_profile_get(a->profiles, profile, "endpoint_url");
}

static enum kt_code take_own(struct kt_span url, const char *where, struct kt_endpoint *out, struct kt_err *e)
{
    struct kt_err why = {0};
    while (url.n && url.p[url.n - 1] == '/')
        url.n--;
    int n = snprintf(out->url, sizeof out->url, "%.*s", (int)url.n, url.p);
    const char *host = strstr(out->url, "://");
    if (n < 0 || (size_t)n >= sizeof out->url || !host || kt_net_allows(out->url, &why) != KT_OK)
        return kt_fail(e, KT_EUSAGE, "%s: %s", where, why.text[0] ? why.text : "that is no address of a server");
    host += 3;
    if (host[strcspn(host, "/?#")])
        return kt_fail(e, KT_EUSAGE, "%s: give scheme, host and port alone, without a path", where);
    n = snprintf(out->host, sizeof out->host, "%s", host);
    return n > 0 && (size_t)n < sizeof out->host ? KT_OK : kt_fail(e, KT_EUSAGE, "%s is too long", where);
}

/* The SDKs put a word before the host of an endpoint too, where it has a name. */
static enum kt_code take_prefixed(const struct kt_aws *a, struct kt_span url, const char *prefix, const char *where,
                                  struct kt_endpoint *out, struct kt_err *e)
{
    char with[sizeof out->url];
    const char *off = kt_aws_env(a, "AWS_DISABLE_HOST_PREFIX_INJECTION");
    const char *host = memmem(url.p, url.n, "://", 3);
    size_t left = host ? (size_t)(url.p + url.n - host - 3) : 0;
    bool name = left && host[3] != '[' && strncasecmp(host + 3, "localhost", left < 9 ? left : 9) != 0;
    bool digits = true; /* and dots: an address */
    for (size_t i = 0; i < left && host[3 + i] != ':' && host[3 + i] != '/'; i++)
        digits &= (host[3 + i] >= '0' && host[3 + i] <= '9') || host[3 + i] == '.';
    if (!name || digits || (off && is_true(kt_span_of(off))))
        return take_own(url, where, out, e);
    int n = snprintf(with, sizeof with, "%.*s%s%.*s", (int)(host + 3 - url.p), url.p, prefix, (int)left, host + 3);
    if (n < 0 || (size_t)n >= sizeof with)
        return kt_fail(e, KT_EUSAGE, "%s is too long", where);
    return take_own(kt_span_of(with), where, out, e);
}

enum kt_code kt_aws_endpoint(const struct kt_aws *a, enum kt_service s, const char *region, const char *profile,
                             struct kt_endpoint *out, struct kt_err *e)
{
    const struct kt_partition *p = kt_partition_of(region);
    const char *where;
    *out = (struct kt_endpoint){.service = services[s].sign};
    if (!p)
        return kt_fail(e, KT_EUSAGE, "%s is no AWS Region that is known here; one is us-east-1", region);
    snprintf(out->region, sizeof out->region, "%s", region);
    struct kt_span own = configured(a, s, profile, &where);
    if (own.n && !wanted(a, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", profile, "ignore_configured_endpoint_urls"))
        return s == KT_SVC_LOGS_STREAM ? take_prefixed(a, own, "stream-", where, out, e) : take_own(own, where, out, e);
    bool fips = wanted(a, "AWS_USE_FIPS_ENDPOINT", profile, "use_fips_endpoint");
    bool dual = wanted(a, "AWS_USE_DUALSTACK_ENDPOINT", profile, "use_dualstack_endpoint");
    bool s3 = s == KT_SVC_S3; /* its dual-stack names have a word more instead of another ending */
    if (dual && !p->dual_suffix)
        return kt_fail(e, KT_EUSAGE, "partition %s has no dual-stack endpoints", p->name);
    if (fips && strcmp(p->name, "aws-us-gov") == 0 && services[s].gov_fips_is_plain && !dual)
        fips = false;
    int n = snprintf(out->host, sizeof out->host, "%s%s%s.%s.%s", services[s].host, fips ? "-fips" : "",
                     dual && s3 ? ".dualstack" : "", region, dual && !s3 ? p->dual_suffix : p->suffix);
    int m = snprintf(out->url, sizeof out->url, "https://%s", out->host);
    return n > 0 && (size_t)n < sizeof out->host && m > 0 ? KT_OK : kt_fail(e, KT_EUSAGE, "%s is too long", region);
}
