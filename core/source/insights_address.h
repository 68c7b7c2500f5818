/* insights:LOG-GROUP[,LOG-GROUP...][?profile=&region=&role=&external-id=&interval=S]
 * Groups by name, or all by ARN (of linked accounts). */
#ifndef KT_SOURCE_INSIGHTS_ADDRESS_H
#define KT_SOURCE_INSIGHTS_ADDRESS_H
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INSIGHTS_GROUPS = 50, INSIGHTS_GROUP_MAX = 600 };

struct insights_address {
    char *text; /* values are decoded in it */
    const char *group[INSIGHTS_GROUPS];
    size_t n;
    bool arns;
    const char *profile, *region, *role, *external; /* NULL: not given */
    int64_t interval; /* ms; 0: not given */
};
/* To be dropped after either. KT_EUSAGE, KT_ELIMIT: what is wrong in it. */
enum kt_code insights_address_parse(struct insights_address *a, const char *address, struct kt_err *e);
void insights_address_drop(struct insights_address *a);

struct kt_buf;
struct kt_cond;
/* The query for a condition; false where it is too long. */
bool insights_query(const struct kt_cond *where, struct kt_buf *out);
#endif
