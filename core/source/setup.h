/* What a team sets up so that keytop can ask: --print-setup. Texts to review,
 * to fill in where they say so in CAPITALS, and to apply. */
#ifndef KT_SOURCE_SETUP_H
#define KT_SOURCE_SETUP_H
#include "base/err.h"

/* "athena", "clickhouse", "insights" or "sqs": a text to print as it is.
 * KT_EUSAGE: no such engine; says which there are. */
enum kt_code kt_source_setup(const char *what, const char **text, struct kt_err *e);
#endif
