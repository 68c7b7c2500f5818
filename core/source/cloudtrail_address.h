/* cloudtrail:[?profile=NAME&region=REGION&role=ARN&external-id=ID&interval=S] */
#ifndef KT_SOURCE_CLOUDTRAIL_ADDRESS_H
#define KT_SOURCE_CLOUDTRAIL_ADDRESS_H
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { TRAIL_REGIONS_MAX = 64, TRAIL_ROLES_MAX = 5000 };

struct trail_address {
    char *text; /* values are decoded in it */
    const char *profile, *external; /* NULL: not given */
    const char *region[TRAIL_REGIONS_MAX];
    const char **role;
    size_t n_regions, n_roles, cap_roles;
    int64_t interval; /* ms; 0: not given */
};
/* To be dropped after either. KT_EUSAGE, KT_ELIMIT: what is wrong in it. */
enum kt_code trail_address_parse(struct trail_address *a, const char *address, struct kt_err *e);
void trail_address_drop(struct trail_address *a);
#endif
