/* What more is known of a source address: country and network by MMDB files
 * that the user has (the MaxMind DB format 2.0: GeoLite2, DB-IP, IPinfo), and
 * whether it is one of AWS's own by the list that AWS publishes
 * (ip-ranges.json). What kind of range it lies in is known without a file
 * (IANA's special-purpose registries). Nobody is asked over the network.
 *
 * What is not in the files is unknown: "" or 0. Facts are copied out, so that
 * nothing is borrowed. Any number of threads may ask; who replaces the files
 * does not disturb them. A look takes a microsecond or two and is not cached.
 *
 * The files are read into memory that nobody else can change: a file that is
 * overwritten or cut off while it is in use does no harm. Limits: 1 GiB a
 * file, of ip-ranges.json 32 MiB and 500,000 prefixes. */
#ifndef KT_ENRICH_ENRICH_H
#define KT_ENRICH_ENRICH_H
#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kt_range {
    KT_RANGE_UNKNOWN, /* it is no IP address */
    KT_RANGE_PUBLIC,
    KT_RANGE_PRIVATE,       /* RFC 1918 */
    KT_RANGE_ULA,           /* RFC 4193 */
    KT_RANGE_SHARED,        /* RFC 6598: carrier-grade NAT */
    KT_RANGE_LOOPBACK, KT_RANGE_LINK_LOCAL, KT_RANGE_DOCUMENTATION, KT_RANGE_BENCHMARK, KT_RANGE_MULTICAST,
    KT_RANGE_RESERVED       /* "this network", future use, discard, unspecified */
};
/* "private (RFC 1918)"; NULL for unknown. */
const char *kt_range_name(enum kt_range r);
/* IPv4 in dotted decimal, or IPv6 (mapped IPv4 counts as that), nothing else
 * around it. */
enum kt_range kt_range_of(struct kt_span address);

enum { KT_ENRICH_ORG = 64, KT_ENRICH_WORD = 32, KT_ENRICH_TEXT = 96 };
struct kt_whereabouts {
    enum kt_range range;
    char country[3];                 /* ISO 3166-1 alpha-2 */
    uint32_t asn;
    char org[KT_ENRICH_ORG];         /* data: UTF-8, cut where it is longer */
    char aws_service[KT_ENRICH_WORD]; /* "EC2"; of several the most special one */
    char aws_region[KT_ENRICH_WORD]; /* "us-east-1", "GLOBAL" */
};
/* "AS64500 Example Ltd", "EC2 us-east-1" as columns have them; "" unknown. */
void kt_whereabouts_network(const struct kt_whereabouts *w, char out[KT_ENRICH_TEXT]);
void kt_whereabouts_aws(const struct kt_whereabouts *w, char out[KT_ENRICH_TEXT]);

struct kt_enrich_files {
    const char *country, *network; /* MMDB files, the same one or NULL */
    const char *aws;               /* ip-ranges.json or NULL */
};

struct kt_enrich;
/* Paths are copied. A file that cannot be read, or is not what it should be,
 * is an error with its name (KT_ENOTFOUND, KT_EIO, KT_EFORMAT, KT_ELIMIT). */
enum kt_code kt_enrich_open(struct kt_enrich **out, const struct kt_enrich_files *f, struct kt_err *e);
void kt_enrich_free(struct kt_enrich *n);
/* Reads all files anew; where one of them cannot be, all stay as they were. */
enum kt_code kt_enrich_reload(struct kt_enrich *n, struct kt_err *e);
/* `n` NULL: only the range is known. False where it is no IP address. */
bool kt_enrich_address(struct kt_enrich *n, struct kt_span address, struct kt_whereabouts *out);
/* The same as texts in `a`, unknown where it is: a kt_places.look. */
void kt_enrich_look(void *enrich, struct kt_span address, struct kt_arena *a, struct kt_span *network,
                    struct kt_span *country);
#endif
