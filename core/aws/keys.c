#include "aws/keys.h"

#include "base/secret.h"

static bool plain(struct kt_span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] > '~')
            return false;
    return true;
}

static struct kt_span copy(char **to, struct kt_span s)
{
    if (!s.p || !s.n)
        return KT_SPAN_NONE;
    char *p = memcpy(*to, s.p, s.n);
    *to += s.n + 1;
    return (struct kt_span){p, s.n};
}

struct kt_keys *kt_keys_new(struct kt_span id, struct kt_span secret, struct kt_span token, struct kt_span account,
                            int64_t expires)
{
    if (!id.n || !secret.n || id.n > 256 || id.n + secret.n + token.n > KT_KEYS_MAX || !plain(id) || !plain(secret) ||
        !plain(token))
        return NULL;
    struct kt_keys *k = kt_secret_alloc(sizeof *k + id.n + secret.n + token.n + 3);
    if (!k)
        return NULL;
    char *to = (char *)(k + 1);
    k->id = copy(&to, id);
    k->secret = copy(&to, secret);
    k->token = copy(&to, token);
    k->expires = expires;
    if (account.n == 12)
        memcpy(k->account, account.p, 12);
    return k;
}

struct kt_keys *kt_keys_share(struct kt_keys *k)
{
    if (k)
        k->shares++;
    return k;
}

void kt_keys_free(struct kt_keys *k)
{
    if (k && k->shares)
        k->shares--;
    else
        kt_secret_free(k);
}
