/* logs:GROUP[?profile=NAME&region=REGION&role=ARN&external-id=ID&live=1
 *   &pattern=TEXT&interval=S] where GROUP is a name, or an ARN. */
#ifndef KT_SOURCE_LOGS_ADDRESS_H
#define KT_SOURCE_LOGS_ADDRESS_H
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { LOGS_GROUP_MAX = 640, LOGS_PATTERN_MAX = 1024 };

struct logs_address {
    char *text;          /* values are decoded in it */
    const char *group;   /* the name, or the whole ARN without ":*" at its end */
    bool arn;
    char region_of_arn[64], account_of_arn[16]; /* "" without one */
    const char *profile, *region, *role, *external; /* NULL: not given */
    const char *pattern; /* a filter pattern of one's own; "": none at all */
    bool live;
    int64_t interval;    /* ms; 0: not given */
};
/* To be dropped after either. KT_EUSAGE, KT_ELIMIT: what is wrong in it. */
enum kt_code logs_address_parse(struct logs_address *a, const char *address, struct kt_err *e);
void logs_address_drop(struct logs_address *a);
#endif
