/* The outside of a JSON object, read without building a tree of it: one bad
 * byte in a record must not hide what its envelope says. Strings are skipped
 * as strings; what is inside of values is not looked at. */
#ifndef KT_SOURCE_OUTER_H
#define KT_SOURCE_OUTER_H
#include "base/span.h"

struct kt_outer {
    const char *p, *end;
    bool begun, whole; /* whole: the object was read to its closing brace */
};
struct kt_outer kt_outer_of(struct kt_span object);
/* The next member: its name without quotes, as it stands; its value's text.
 * False at the end, or where it is no object (any more): see `whole`. */
bool kt_outer_next(struct kt_outer *o, struct kt_span *name, struct kt_span *value);
/* The text of a string's value between its quotes, still escaped; unknown
 * where it is no string. */
struct kt_span kt_outer_string(struct kt_span value);
#endif
