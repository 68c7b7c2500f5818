/* AWS's list of its own ranges: docs.aws.amazon.com/vpc/latest/userguide/
 * aws-ip-ranges.html. The longest prefix that holds an address counts; of
 * services with the same prefix one that is not AMAZON, which has them all. */
#include "enrich/impl.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { AWS_BYTES_MAX = 32 << 20, PREFIXES_MAX = 500000 };

struct prefix {
    uint8_t net[16];
    uint8_t bits;
    char service[KT_ENRICH_WORD], region[KT_ENRICH_WORD];
};

struct aws_ranges {
    struct prefix *p; /* by bits, most first, then by net, then by service */
    size_t n;
    size_t from[130]; /* where prefixes of so many bits begin; from[bits] .. from[bits - 1] */
};

static int by_bits_and_net(const void *pa, const void *pb)
{
    const struct prefix *a = pa, *b = pb;
    if (a->bits != b->bits)
        return a->bits < b->bits ? 1 : -1;
    int d = memcmp(a->net, b->net, sizeof a->net);
    int all = (strcmp(a->service, "AMAZON") == 0) - (strcmp(b->service, "AMAZON") == 0);
    return d ? d : all ? all : strcmp(a->service, b->service);
}

/* Upper case, digits and what stands in names of services and regions. */
static bool word(json_t *v, char out[KT_ENRICH_WORD])
{
    const char *s = json_string_value(v);
    size_t n = s ? strlen(s) : 0;
    if (!n || n >= KT_ENRICH_WORD)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.", s[i]))
            return false;
    memcpy(out, s, n + 1);
    return true;
}

/* What stands beyond the prefix is taken as zero. */
static void cut(uint8_t net[16], int bits)
{
    for (int i = 0; i < 16; i++) {
        int keep = bits - 8 * i;
        net[i] &= (uint8_t)(keep >= 8 ? 0xFF : keep <= 0 ? 0 : 0xFF << (8 - keep));
    }
}

static bool cidr(json_t *v, struct prefix *p)
{
    const char *s = json_string_value(v), *slash = s ? strchr(s, '/') : NULL;
    struct ip ip;
    char *end;
    if (!slash || !ip_parse((struct kt_span){s, (size_t)(slash - s)}, &ip) || slash[1] < '0' || slash[1] > '9')
        return false;
    long bits = strtol(slash + 1, &end, 10);
    if (*end || bits > (ip.v4 ? 32 : 128))
        return false;
    memcpy(p->net, ip.b, sizeof p->net);
    p->bits = (uint8_t)(bits + (ip.v4 ? 96 : 0));
    cut(p->net, p->bits);
    return true;
}

static enum kt_code add_list(struct aws_ranges *r, json_t *list, const char *key, const char *what, struct kt_err *e)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *v = json_array_get(list, i);
        struct prefix *p = &r->p[r->n];
        if (!cidr(json_object_get(v, key), p) || !word(json_object_get(v, "service"), p->service) ||
            !word(json_object_get(v, "region"), p->region))
            return kt_fail(e, KT_EFORMAT, "%s: entry %zu of %s is not a prefix with service and region", what, i + 1,
                           key[2] == 'v' ? "ipv6_prefixes" : "prefixes");
        r->n++;
    }
    return KT_OK;
}

static void index_bits(struct aws_ranges *r)
{
    size_t i = 0;
    qsort(r->p, r->n, sizeof *r->p, by_bits_and_net);
    for (int bits = 128; bits >= 0; bits--) {
        r->from[bits + 1] = i;
        while (i < r->n && r->p[i].bits == bits)
            i++;
    }
    r->from[0] = i;
}

static enum kt_code take(struct aws_ranges *r, json_t *root, const char *what, struct kt_err *e)
{
    json_t *v4 = json_object_get(root, "prefixes"), *v6 = json_object_get(root, "ipv6_prefixes");
    if (!json_is_array(v4) || (v6 && !json_is_array(v6)))
        return kt_fail(e, KT_EFORMAT, "%s: not AWS's ip-ranges.json: it has no list of prefixes", what);
    size_t n = json_array_size(v4) + json_array_size(v6);
    if (n > PREFIXES_MAX)
        return kt_fail(e, KT_ELIMIT, "%s: more than %d prefixes", what, PREFIXES_MAX);
    r->p = calloc(n + 1, sizeof *r->p);
    if (!r->p)
        return kt_fail(e, KT_ENOMEM, "%s: out of memory", what);
    enum kt_code c = add_list(r, v4, "ip_prefix", what, e);
    if (c == KT_OK)
        c = add_list(r, v6, "ipv6_prefix", what, e);
    if (c == KT_OK)
        index_bits(r);
    return c;
}

enum kt_code aws_parse(struct aws_ranges **out, const char *what, const char *p, size_t n, struct kt_err *e)
{
    json_error_t je;
    *out = NULL;
    struct aws_ranges *r = calloc(1, sizeof *r);
    json_t *root = json_loadb(p, n, JSON_REJECT_DUPLICATES, &je);
    enum kt_code c = !r      ? kt_fail(e, KT_ENOMEM, "%s: out of memory", what)
                     : !root ? kt_fail(e, KT_EFORMAT, "%s:%d:%d: %s", what, je.line, je.column, je.text)
                             : take(r, root, what, e);
    json_decref(root);
    if (c != KT_OK) {
        aws_free(r);
        return c;
    }
    *out = r;
    return KT_OK;
}

enum kt_code aws_open(struct aws_ranges **out, const char *path, struct kt_err *e)
{
    int fd;
    size_t n;
    *out = NULL;
    enum kt_code c = file_fd(path, AWS_BYTES_MAX, &fd, &n, e);
    if (c != KT_OK)
        return c;
    if (n == 0) {
        close(fd);
        return kt_fail(e, KT_EFORMAT, "%s: empty", path);
    }
    char *p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (p == MAP_FAILED)
        return kt_fail(e, KT_ENOMEM, "%s: %s", path, strerror(errno));
    c = aws_parse(out, path, p, n, e);
    munmap(p, n);
    return c;
}

void aws_free(struct aws_ranges *r)
{
    if (!r)
        return;
    free(r->p);
    free(r);
}

/* The first prefix of so many bits that holds the address, or NULL. */
static const struct prefix *find(const struct aws_ranges *r, int bits, const struct ip *ip)
{
    size_t low = r->from[bits + 1], high = r->from[bits];
    uint8_t net[16];
    memcpy(net, ip->b, sizeof net);
    cut(net, bits);
    size_t end = high;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (memcmp(r->p[mid].net, net, sizeof net) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < end && ip_within(ip, r->p[low].net, bits) ? &r->p[low] : NULL;
}

void aws_look(const struct aws_ranges *r, const struct ip *ip, struct kt_whereabouts *w)
{
    for (int bits = 128; bits >= (ip->v4 ? 96 : 0); bits--) {
        const struct prefix *p = r->from[bits + 1] < r->from[bits] ? find(r, bits, ip) : NULL;
        if (!p)
            continue;
        memcpy(w->aws_service, p->service, sizeof w->aws_service);
        memcpy(w->aws_region, p->region, sizeof w->aws_region);
        return;
    }
}
