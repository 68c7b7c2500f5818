/* What engines make of keytop's queries: strict readers of as much of Trino's SQL,
 * of Logs Insights and of SPL as keytop writes, by those engines' own rules. What
 * none of them would take is refused, as a whole. Over one record at a time. */
#ifndef TESTS_SUPPORT_WORDS_H
#define TESTS_SUPPORT_WORDS_H
#include "base/span.h"

#include <jansson.h>
#include <stdbool.h>

enum words { WORDS_NO, WORDS_YES, WORDS_WRONG /* it is no query */ };

/* SELECT ... FROM ... WHERE ..., over a CloudTrail record as the table of Amazon's
 * documentation has it. */
enum words words_trino(const char *query, const json_t *record);
/* fields ... | filter ..., over @message. */
enum words words_insights(const char *query, const char *message);
/* search ... | fields ..., over _raw: words by Splunk's segments. */
enum words words_spl(const char *search, const char *raw);
#endif
