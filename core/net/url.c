/* Which URLs may be asked at all. */
#include "net/impl.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

/* Addresses of the instance's own metadata and credentials: EC2, ECS, EKS. */
static const char *const metadata[] = {
    "169.254.169.254", "169.254.170.2", "169.254.170.23", "[fd00:ec2::254]", "[fd00:ec2::23]",
};

bool net_is_near(const char *host)
{
    struct in_addr v4;
    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127)
        return true;
    for (size_t i = 0; i < sizeof metadata / sizeof *metadata; i++)
        if (strcasecmp(host, metadata[i]) == 0)
            return true;
    return false;
}

static enum kt_code judge(CURLU *u, struct net_url *out, struct kt_err *e)
{
    char *scheme = NULL, *host = NULL, *user = NULL;
    enum kt_code code = KT_OK;
    if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) || curl_url_get(u, CURLUPART_HOST, &host, 0))
        code = kt_fail(e, KT_EUSAGE, "that is no address of a server");
    else if (curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK)
        code = kt_fail(e, KT_EUSAGE, "%s: a server's address must not hold a user name or password", host);
    else {
        out->near = net_is_near(host);
        if (strcmp(scheme, "https") != 0 && !(strcmp(scheme, "http") == 0 && out->near))
            code = kt_fail(e, KT_EUSAGE, "%s is asked by https only; http is for this machine and its metadata", host);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    return code;
}

enum kt_code net_url_check(const char *url, struct net_url *out, struct kt_err *e)
{
    *out = (struct net_url){0};
    CURLU *u = curl_url();
    if (!u)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    enum kt_code code = curl_url_set(u, CURLUPART_URL, url, CURLU_PATH_AS_IS | CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK
                            ? judge(u, out, e)
                            : kt_fail(e, KT_EUSAGE, "that is no address of a server");
    curl_url_cleanup(u);
    return code;
}

enum kt_code kt_net_allows(const char *url, struct kt_err *e)
{
    struct net_url ignored;
    return net_url_check(url, &ignored, e);
}
