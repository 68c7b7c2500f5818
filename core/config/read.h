/* Values of a configuration: each is read or refused with its place. Internal
 * to core/config. */
#ifndef KT_CONFIG_READ_H
#define KT_CONFIG_READ_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/yaml.h"
#include "config/config.h"

enum { KT_READ_MEMORY = 64 << 20 };

struct kt_reading {
    const char *path; /* of the file */
    struct kt_arena *arena;
    size_t values;    /* of placeholders, so far */
    struct kt_err *e;
};

/* "FILE:LINE:COLUMN: sentence"; KT_EFORMAT. */
enum kt_code kt_read_fail(struct kt_reading *r, const struct kt_yaml *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

struct kt_field {
    const char *name;
    enum kt_code (*read)(struct kt_reading *r, const struct kt_yaml *y, void *to);
};
/* A map of these fields; any other is refused. `what` NULL: the file itself. A
 * map that is left empty is one without fields. */
enum kt_code kt_read_map(struct kt_reading *r, const struct kt_yaml *y, const char *what, const struct kt_field *f,
                         size_t n, void *to);
#define KT_READ_MAP(r, y, what, f, to) kt_read_map(r, y, what, f, sizeof(f) / sizeof *(f), to)

/* An array in the arena of `size` bytes each, cleared before each is read. */
enum kt_code kt_read_list(struct kt_reading *r, const struct kt_yaml *y, const char *what, size_t max, size_t size,
                          enum kt_code (*one)(struct kt_reading *, const struct kt_yaml *, void *), void **out,
                          size_t *n);
enum kt_code kt_read_pairs(struct kt_reading *r, const struct kt_yaml *y, const char *what, size_t max, size_t size,
                           enum kt_code (*one)(struct kt_reading *, const struct kt_yaml *key, const struct kt_yaml *,
                                               void *),
                           void **out, size_t *n);

/* A text of 1 to `max` bytes without controls. */
enum kt_code kt_read_text(struct kt_reading *r, const struct kt_yaml *y, const char *what, size_t max,
                          const char **out);
/* A path, made absolute; `before` is put before it. */
enum kt_code kt_read_path(struct kt_reading *r, const struct kt_yaml *y, const char *what, const char **out);
enum kt_code kt_read_join(struct kt_reading *r, const struct kt_yaml *y, const char *path, const char *before,
                          const char **out);
enum kt_code kt_read_truth(struct kt_reading *r, const struct kt_yaml *y, const char *what, enum kt_config_tri *out);
enum kt_code kt_read_whole(struct kt_reading *r, const struct kt_yaml *y, const char *what, int64_t least, int64_t most,
                           int64_t *out);
/* Bytes: "500 MB", "2 GiB", 1048576. */
enum kt_code kt_read_size(struct kt_reading *r, const struct kt_yaml *y, const char *what, uint64_t least,
                          uint64_t most, uint64_t *out);
/* One of `n` words: its number. */
enum kt_code kt_read_word(struct kt_reading *r, const struct kt_yaml *y, const char *what, const char *const *words,
                          size_t n, int *out);
/* `sources` into the kt_config at `to`. */
enum kt_code kt_read_sources(struct kt_reading *r, const struct kt_yaml *y, void *to);
/* `views`, likewise. */
enum kt_code kt_read_views(struct kt_reading *r, const struct kt_yaml *y, void *to);
/* `alerts` likewise (alerts.c). */
enum kt_code kt_read_alerts(struct kt_reading *r, const struct kt_yaml *y, void *to);
/* A copy in the arena. */
enum kt_code kt_read_keep(struct kt_reading *r, const struct kt_yaml *y, struct kt_span s, const char **out);
#endif
