/* The settings behind an address: NAME=VALUE&..., %XX in values decoded. */
#ifndef KT_SOURCE_SETTINGS_H
#define KT_SOURCE_SETTINGS_H
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Cuts `text` up where it stands (it must live as long as the values) and gives
 * each setting to `take`, whose first error ends it. `scheme` is for messages. */
enum kt_code kt_settings(char *text, const char *scheme,
                         enum kt_code (*take)(void *ctx, const char *name, const char *value, struct kt_err *e), void *ctx,
                         struct kt_err *e);
void kt_settings_decode(char *s);
/* Seconds between two limits, as ms. */
enum kt_code kt_settings_seconds(const char *scheme, const char *name, const char *value, long least, long most, int64_t *ms,
                                 struct kt_err *e);
#endif
