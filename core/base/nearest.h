/* The name that somebody may have meant. */
#ifndef KT_BASE_NEAREST_H
#define KT_BASE_NEAREST_H
#include "base/span.h"

#include <stddef.h>

/* How many letters must be put in, left out or changed, case of ASCII apart;
 * SIZE_MAX where either is longer than 64 bytes. */
size_t kt_name_distance(struct kt_span a, struct kt_span b);
/* Is a name that is so far off still likely to be what was meant? */
static inline int kt_name_is_near(size_t distance, struct kt_span name)
{
    return distance <= 1 + name.n / 3;
}
#endif
