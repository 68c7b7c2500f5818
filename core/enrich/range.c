/* Addresses as bytes, and the ranges that are known without a file. */
#include "enrich/impl.h"

#include <arpa/inet.h>
#include <string.h>

bool ip_parse(struct kt_span s, struct ip *out)
{
    char text[INET6_ADDRSTRLEN];
    if (!s.p || s.n == 0 || s.n >= sizeof text || memchr(s.p, '\0', s.n))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    *out = (struct ip){.b = {[10] = 0xFF, [11] = 0xFF}, .v4 = true};
    if (inet_pton(AF_INET, text, out->b + 12) == 1)
        return true;
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    if (inet_pton(AF_INET6, text, out->b) != 1)
        return false;
    out->v4 = memcmp(out->b, mapped, sizeof mapped) == 0;
    return true;
}

bool ip_within(const struct ip *ip, const uint8_t net[16], int bits)
{
    int whole = bits / 8, rest = bits % 8;
    if (memcmp(ip->b, net, (size_t)whole) != 0)
        return false;
    return !rest || (ip->b[whole] >> (8 - rest)) == (net[whole] >> (8 - rest));
}

/* IANA IPv4 and IPv6 Special-Purpose Address Registries, and the multicast
 * ranges; the first that fits counts. */
static const struct {
    const char *net;
    int bits; /* of IPv4: of its 32 */
    enum kt_range range;
} special[] = {
    {"10.0.0.0", 8, KT_RANGE_PRIVATE},          {"172.16.0.0", 12, KT_RANGE_PRIVATE},
    {"192.168.0.0", 16, KT_RANGE_PRIVATE},      {"100.64.0.0", 10, KT_RANGE_SHARED},
    {"127.0.0.0", 8, KT_RANGE_LOOPBACK},        {"169.254.0.0", 16, KT_RANGE_LINK_LOCAL},
    {"192.0.2.0", 24, KT_RANGE_DOCUMENTATION},  {"198.51.100.0", 24, KT_RANGE_DOCUMENTATION},
    {"203.0.113.0", 24, KT_RANGE_DOCUMENTATION}, {"198.18.0.0", 15, KT_RANGE_BENCHMARK},
    {"224.0.0.0", 4, KT_RANGE_MULTICAST},       {"240.0.0.0", 4, KT_RANGE_RESERVED},
    {"0.0.0.0", 8, KT_RANGE_RESERVED},          {"::1", 128, KT_RANGE_LOOPBACK},
    {"::", 128, KT_RANGE_RESERVED},             {"fc00::", 7, KT_RANGE_ULA},
    {"fe80::", 10, KT_RANGE_LINK_LOCAL},        {"ff00::", 8, KT_RANGE_MULTICAST},
    {"2001:db8::", 32, KT_RANGE_DOCUMENTATION}, {"3fff::", 20, KT_RANGE_DOCUMENTATION},
    {"2001:2::", 48, KT_RANGE_BENCHMARK},       {"100::", 64, KT_RANGE_RESERVED},
};

enum kt_range ip_range(const struct ip *ip)
{
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        struct ip net;
        if (!ip_parse(kt_span_of(special[i].net), &net) || net.v4 != ip->v4)
            continue;
        if (ip_within(ip, net.b, special[i].bits + (net.v4 ? 96 : 0)))
            return special[i].range;
    }
    return KT_RANGE_PUBLIC;
}

enum kt_range kt_range_of(struct kt_span address)
{
    struct ip ip;
    return ip_parse(address, &ip) ? ip_range(&ip) : KT_RANGE_UNKNOWN;
}

const char *kt_range_name(enum kt_range r)
{
    switch (r) {
    case KT_RANGE_UNKNOWN: break;
    case KT_RANGE_PUBLIC: return "public";
    case KT_RANGE_PRIVATE: return "private (RFC 1918)";
    case KT_RANGE_ULA: return "private (unique local, RFC 4193)";
    case KT_RANGE_SHARED: return "shared by a provider's customers (RFC 6598)";
    case KT_RANGE_LOOPBACK: return "loopback";
    case KT_RANGE_LINK_LOCAL: return "link-local";
    case KT_RANGE_DOCUMENTATION: return "for documentation";
    case KT_RANGE_BENCHMARK: return "for benchmarks";
    case KT_RANGE_MULTICAST: return "multicast";
    case KT_RANGE_RESERVED: return "reserved";
    }
    return NULL;
}
