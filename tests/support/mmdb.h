/* Makes MMDB files (the MaxMind DB format 2.0) out of a few networks. */
#ifndef KT_TESTS_MMDB_H
#define KT_TESTS_MMDB_H
#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct mmdb_net {
    const char *cidr;    /* IPv4 or IPv6, disjoint */
    const char *country; /* NULL: none */
    uint32_t asn;        /* 0: none */
    const char *org;     /* NULL: none */
    bool ipinfo;         /* as IPinfo's files say it, else as GeoLite2's */
};
/* `record` is 24, 28 or 32 bits. */
void mmdb_make(struct kt_buf *out, const struct mmdb_net *nets, size_t n, int record);
#endif
