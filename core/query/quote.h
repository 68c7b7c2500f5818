/* Values in the words of engines. What an attacker chose stands in a literal
 * that it cannot leave, byte for byte as it was; where an engine's rules leave
 * any doubt of that, it is refused (false, and nothing is added), and the
 * engine is asked for more instead.
 *
 * Follows Trino's SQL grammar (STRING, UNICODE_STRING) and ClickHouse's string
 * literals (\xHH); for Logs Insights and Splunk, whose rules for escapes are not
 * written down to the byte, nothing is taken that would need one. */
#ifndef KT_QUERY_QUOTE_H
#define KT_QUERY_QUOTE_H
#include "base/buf.h"

#include <stdbool.h>

enum kt_dialect { KT_DIALECT_TRINO, KT_DIALECT_CLICKHOUSE, KT_DIALECT_INSIGHTS, KT_DIALECT_SPL, KT_DIALECTS };

enum { KT_QUOTE_MAX = 1024 /* bytes of a value; longer ones are refused */ };

/* A string literal with its quotes. */
bool kt_quote(enum kt_dialect d, struct kt_span value, struct kt_buf *out);
/* A name (of a table or column) with its quotes, where it needs any. Names of
 * control characters or of more than 256 bytes are refused. */
bool kt_quote_name(enum kt_dialect d, struct kt_span name, struct kt_buf *out);
/* Can it stand in Insights and SPL: letters, digits, blanks and _ . : / @ + , - */
bool kt_quote_plain(struct kt_span value);
#endif
