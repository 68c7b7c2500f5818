/* Everything a person writes is YAML: rules, themes, configuration. This is
 * the one parser for it: a document becomes a tree of nodes that each know
 * their line and column, so that every later error can name its place.
 *
 * Follows YAML 1.1 as libyaml reads it. Anchors and aliases are refused (no
 * Sigma rule or Base16 scheme needs them, and they are how a small file
 * becomes a large one). Scalars keep their text; `quoted` tells "null" from
 * null. Duplicate keys of a mapping and tags are errors. */
#ifndef KT_BASE_YAML_H
#define KT_BASE_YAML_H
#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kt_yaml_type { KT_YAML_SCALAR, KT_YAML_LIST, KT_YAML_MAP };

struct kt_yaml {
    enum kt_yaml_type type;
    int line, column;     /* from 1 */
    struct kt_span text;  /* scalar: its value */
    bool quoted;          /* scalar: written in quotes or as a block */
    size_t n;             /* list: items; map: pairs */
    struct kt_yaml **key; /* map: n keys (scalars) */
    struct kt_yaml **item; /* list: n items; map: n values */
};

/* All documents of a stream that have something in them (a "---" with nothing
 * behind it is none); freed together. `what` names the text in errors
 * ("FILE:LINE:COLUMN: sentence"). Limits: 1 MiB, 64 levels, 100,000 nodes. */
struct kt_yaml_file {
    struct kt_yaml **doc;
    size_t n;
    void *memory;
};
enum kt_code kt_yaml_parse(struct kt_yaml_file *out, const char *what, const char *p, size_t n, struct kt_err *e);
enum kt_code kt_yaml_read(struct kt_yaml_file *out, const char *path, struct kt_err *e);
void kt_yaml_free(struct kt_yaml_file *f);

/* The value of `key` in a map; NULL where there is none. */
const struct kt_yaml *kt_yaml_get(const struct kt_yaml *map, const char *key);
/* A scalar's text under `key`; unknown where absent, not a scalar, or null. */
struct kt_span kt_yaml_text(const struct kt_yaml *map, const char *key);
/* An unquoted null, ~ or nothing. False for NULL (absent). */
bool kt_yaml_is_null(const struct kt_yaml *y);
/* An unquoted decimal number. False for 010, which YAML 1.1 takes for eight. */
bool kt_yaml_int(const struct kt_yaml *y, int64_t *out);
#endif
