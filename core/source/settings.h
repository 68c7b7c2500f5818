/* The settings of an address, as in its query: name=value, separated by '&',
 * values percent-encoded. */
#ifndef KT_SOURCE_SETTINGS_H
#define KT_SOURCE_SETTINGS_H
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* The next setting of `*rest`, cut out and decoded in place (%00 stays as it
 * is). The name, or NULL when there are no more; `*value` is "" where there
 * is none. */
char *kt_settings_next(char **rest, char **value);
/* In place. */
void kt_settings_decode(char *s);
/* A whole number from `least` to `most`. */
bool kt_settings_number(const char *value, int64_t least, int64_t most, int64_t *out);
#endif
