/* The settings of an address, as in its query: name=value, separated by '&',
 * values percent-encoded. */
#ifndef KT_SOURCE_SETTINGS_H
#define KT_SOURCE_SETTINGS_H
#include "base/err.h"

#include <stdint.h>

/* The next setting of `*rest`, cut out and decoded in place (%00 stays as it
 * is). The name, or NULL when there are no more; `*value` is "" where there
 * is none. */
char *kt_settings_next(char **rest, char **value);
/* In place. */
void kt_settings_decode(char *s);
/* `interval` of a scheme: a whole number of seconds from `least` to a day, in
 * ms. KT_EUSAGE says so. */
enum kt_code kt_settings_interval(const char *scheme, const char *value, int least, int64_t *ms, struct kt_err *e);
/* The same, or "never": a source that is asked questions, and asks for nothing by itself. */
#define KT_SETTINGS_NEVER (INT64_C(366) * 86400000)
enum kt_code kt_settings_interval_or_never(const char *scheme, const char *value, int least, int64_t *ms, struct kt_err *e);
#endif
