/* Looking for a few bytes in a short text, many times. */
#ifndef KT_BASE_FIND_H
#define KT_BASE_FIND_H
#include "base/span.h"

#include <stdbool.h>

/* Does `text` have `lower`, ASCII case ignored? `lower` has no capitals. The
 * empty one is in every text. */
bool kt_find_no_case(struct kt_span text, struct kt_span lower);
/* The same of the first n <= 32 of 32 bytes that can be read. */
bool kt_find_no_case_32(const char *p, size_t n, struct kt_span lower);
#endif
