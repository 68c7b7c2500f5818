/* A CloudTrail record put together again out of the columns of a table. */
#ifndef KT_QUERY_RECORD_H
#define KT_QUERY_RECORD_H
#include "query/compile.h"

#include <jansson.h>
#include <stdint.h>

/* Puts a column's text where its path says: objects are parsed, times (seconds
 * of the epoch as digits) become RFC 3339. Unknown, and empty where the column
 * cannot be null, puts nothing: the record did not have it. False where memory
 * ran out. */
bool kt_record_put(json_t *root, const struct kt_column *c, struct kt_span text);
/* The record's text, one line with its newline, is added. */
bool kt_record_write(const json_t *root, struct kt_buf *out);
#endif
