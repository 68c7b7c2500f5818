/* The parts of core/enrich; nobody else includes this. */
#ifndef KT_ENRICH_IMPL_H
#define KT_ENRICH_IMPL_H
#include "enrich/enrich.h"

/* An address as sixteen bytes, IPv4 as ::ffff:a.b.c.d. */
struct ip {
    uint8_t b[16];
    bool v4;
};
bool ip_parse(struct kt_span s, struct ip *out);
enum kt_range ip_range(const struct ip *ip);
/* Are the first `bits` of both the same? */
bool ip_within(const struct ip *ip, const uint8_t net[16], int bits);

/* The bytes of a file, read whole. */
enum kt_code file_fd(const char *path, size_t max, int *fd, size_t *size, struct kt_err *e);

struct mmdb;
enum kt_code mmdb_open(struct mmdb **out, const char *path, struct kt_err *e);
void mmdb_free(struct mmdb *m);
/* What it has, either or both; leaves the rest as it is. */
void mmdb_look(const struct mmdb *m, const struct ip *ip, bool country, bool network, struct kt_whereabouts *w);

struct aws_ranges;
enum kt_code aws_open(struct aws_ranges **out, const char *path, struct kt_err *e);
enum kt_code aws_parse(struct aws_ranges **out, const char *what, const char *p, size_t n, struct kt_err *e);
void aws_free(struct aws_ranges *r);
void aws_look(const struct aws_ranges *r, const struct ip *ip, struct kt_whereabouts *w);
#endif
