/* athena://WORKGROUP/DATABASE.TABLE[?profile=&region=&role=&external-id=
 *   &catalog=NAME&partition=COLUMN&output=s3://BUCKET/PREFIX&limit=SIZE&interval=S] */
#ifndef KT_SOURCE_ATHENA_ADDRESS_H
#define KT_SOURCE_ATHENA_ADDRESS_H
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct athena_address {
    char *text;       /* values are decoded in it */
    const char *workgroup, *database, *table, *catalog;
    const char *profile, *region, *role, *external, *output, *partition; /* NULL: not given */
    uint64_t limit;   /* bytes that one query may scan; 0: any */
    int64_t interval; /* ms; 0: not given */
};
/* To be dropped after either. KT_EUSAGE: what is wrong in it. */
enum kt_code athena_address_parse(struct athena_address *a, const char *address, struct kt_err *e);
void athena_address_drop(struct athena_address *a);
/* "10 GB", in units of 1000, for people. */
void athena_size(uint64_t bytes, char *out, size_t size);
#endif
