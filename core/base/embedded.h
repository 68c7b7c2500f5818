/* Files that the Makefile compiles in: the built-in rules and themes.
 * A table ends with a name of NULL. The bytes are NUL-terminated for
 * convenience; `len` does not count that NUL. */
#ifndef KT_BASE_EMBEDDED_H
#define KT_BASE_EMBEDDED_H
#include <stddef.h>

struct kt_embedded {
    const char *name; /* base name, e.g. "aws_detect_permanent_key_creation.yml" */
    const char *data;
    size_t len;
};

extern const struct kt_embedded kt_rules_builtin[];
extern const struct kt_embedded kt_themes_builtin[];
#endif
