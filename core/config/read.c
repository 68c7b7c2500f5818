#include "config/read.h"

#include "base/nearest.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 60 };

enum kt_code kt_read_fail(struct kt_reading *r, const struct kt_yaml *at, const char *fmt, ...)
{
    char sentence[400];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(sentence, sizeof sentence, fmt, ap);
    va_end(ap);
    return kt_fail(r->e, KT_EFORMAT, "%s:%d:%d: %s", r->path, at->line, at->column, sentence);
}

static enum kt_code out_of_memory(struct kt_reading *r, const struct kt_yaml *at)
{
    return kt_fail(r->e, KT_ELIMIT, "%s:%d:%d: more than can be kept in memory", r->path, at->line, at->column);
}

static const char *kind_name(const struct kt_yaml *y)
{
    return y->type == KT_YAML_MAP ? "a map" : y->type == KT_YAML_LIST ? "a list" : kt_yaml_is_null(y) ? "nothing" : "a value";
}

static int shown(struct kt_span s)
{
    return s.n > SHOWN ? SHOWN : (int)s.n;
}

/* --- names ---------------------------------------------------------------------- */

static enum kt_code unknown(struct kt_reading *r, const struct kt_yaml *key, const char *what, const struct kt_field *f,
                            size_t n)
{
    size_t best = 0, least = SIZE_MAX;
    char names[200] = "";
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        size_t d = kt_name_distance(key->text, kt_span_of(f[i].name));
        if (d < least) {
            least = d;
            best = i;
        }
        if (used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", f[i].name);
    }
    const char *in = what ? what : "the configuration";
    if (kt_name_is_near(least, kt_span_of(f[best].name)))
        return kt_read_fail(r, key, "there is no \"%.*s\" in %.60s; did you mean \"%s\"?", shown(key->text), key->text.p,
                            in, f[best].name);
    return kt_read_fail(r, key, "there is no \"%.*s\" in %.60s, only %s", shown(key->text), key->text.p, in, names);
}

/* --- containers --------------------------------------------------------------------- */

enum kt_code kt_read_map(struct kt_reading *r, const struct kt_yaml *y, const char *what, const struct kt_field *f,
                         size_t n, void *to)
{
    if (kt_yaml_is_null(y))
        return KT_OK;
    if (y->type != KT_YAML_MAP)
        return kt_read_fail(r, y, "%.60s is a map (name: value), not %s", what ? what : "the configuration", kind_name(y));
    for (size_t i = 0; i < y->n; i++) {
        size_t k = 0;
        while (k < n && !kt_span_is(y->key[i]->text, f[k].name))
            k++;
        enum kt_code c = k < n ? f[k].read(r, y->item[i], to) : unknown(r, y->key[i], what, f, n);
        if (c != KT_OK)
            return c;
    }
    return KT_OK;
}

/* Room for what a list or map holds; NULL for none. */
static enum kt_code room(struct kt_reading *r, const struct kt_yaml *y, const char *what, size_t max, size_t size,
                         void **out)
{
    *out = NULL;
    if (y->n > max)
        return kt_read_fail(r, y, "%.60s has %zu entries; at most %zu are read", what, y->n, max);
    if (!y->n)
        return KT_OK;
    *out = kt_arena_alloc(r->arena, y->n * size);
    if (!*out)
        return out_of_memory(r, y);
    memset(*out, 0, y->n * size);
    return KT_OK;
}

enum kt_code kt_read_list(struct kt_reading *r, const struct kt_yaml *y, const char *what, size_t max, size_t size,
                          enum kt_code (*one)(struct kt_reading *, const struct kt_yaml *, void *), void **out,
                          size_t *n)
{
    *out = NULL;
    *n = 0;
    if (kt_yaml_is_null(y))
        return KT_OK;
    if (y->type != KT_YAML_LIST)
        return kt_read_fail(r, y, "%.60s is a list ([a, b], or a line with - for each), not %s", what, kind_name(y));
    enum kt_code c = room(r, y, what, max, size, out);
    for (size_t i = 0; i < y->n && c == KT_OK; i++)
        c = one(r, y->item[i], (char *)*out + i * size);
    *n = c == KT_OK ? y->n : 0;
    return c;
}

enum kt_code kt_read_pairs(struct kt_reading *r, const struct kt_yaml *y, const char *what, size_t max, size_t size,
                           enum kt_code (*one)(struct kt_reading *, const struct kt_yaml *key, const struct kt_yaml *,
                                               void *),
                           void **out, size_t *n)
{
    *out = NULL;
    *n = 0;
    if (kt_yaml_is_null(y))
        return KT_OK;
    if (y->type != KT_YAML_MAP)
        return kt_read_fail(r, y, "%.60s is a map (name: value), not %s", what, kind_name(y));
    enum kt_code c = room(r, y, what, max, size, out);
    for (size_t i = 0; i < y->n && c == KT_OK; i++)
        c = one(r, y->key[i], y->item[i], (char *)*out + i * size);
    *n = c == KT_OK ? y->n : 0;
    return c;
}

/* --- values ------------------------------------------------------------------------------ */

enum kt_code kt_read_keep(struct kt_reading *r, const struct kt_yaml *y, struct kt_span s, const char **out)
{
    *out = kt_arena_span(r->arena, s).p;
    return *out ? KT_OK : out_of_memory(r, y);
}

static enum kt_code scalar(struct kt_reading *r, const struct kt_yaml *y, const char *what)
{
    if (y->type != KT_YAML_SCALAR || kt_yaml_is_null(y))
        return kt_read_fail(r, y, "%.60s is one value, not %s", what, kind_name(y));
    return KT_OK;
}

enum kt_code kt_read_text(struct kt_reading *r, const struct kt_yaml *y, const char *what, size_t max, const char **out)
{
    enum kt_code c = scalar(r, y, what);
    if (c != KT_OK)
        return c;
    if (y->text.n == 0)
        return kt_read_fail(r, y, "%.60s is empty", what);
    if (y->text.n > max)
        return kt_read_fail(r, y, "%.60s has %zu bytes; at most %zu are read", what, y->text.n, max);
    for (size_t i = 0; i < y->text.n; i++)
        if ((unsigned char)y->text.p[i] < 0x20 || y->text.p[i] == 0x7F)
            return kt_read_fail(r, y, "%.60s holds a control character", what);
    return kt_read_keep(r, y, y->text, out);
}

enum kt_code kt_read_join(struct kt_reading *r, const struct kt_yaml *y, const char *path, const char *before,
                          const char **out)
{
    const char *slash = strrchr(r->path, '/'), *home = getenv("HOME");
    struct kt_buf b;
    kt_buf_init(&b, 2 * KT_CONFIG_TEXT);
    kt_buf_adds(&b, before);
    if (strncmp(path, "~/", 2) == 0) {
        if (!home || home[0] != '/') {
            kt_buf_free(&b);
            return kt_read_fail(r, y, "~/ is the home folder, and HOME does not say where that is");
        }
        kt_buf_adds(&b, home);
        path++;
    } else if (path[0] != '/' && slash) {
        kt_buf_add(&b, r->path, (size_t)(slash - r->path) + 1);
    }
    kt_buf_adds(&b, path);
    enum kt_code c = b.failed ? kt_read_fail(r, y, "a path is too long") : kt_read_keep(r, y, kt_buf_span(&b), out);
    kt_buf_free(&b);
    return c;
}

enum kt_code kt_read_path(struct kt_reading *r, const struct kt_yaml *y, const char *what, const char **out)
{
    const char *s;
    enum kt_code c = kt_read_text(r, y, what, KT_CONFIG_TEXT, &s);
    return c ? c : kt_read_join(r, y, s, "", out);
}

enum kt_code kt_read_truth(struct kt_reading *r, const struct kt_yaml *y, const char *what, enum kt_config_tri *out)
{
    enum kt_code c = scalar(r, y, what);
    if (c != KT_OK)
        return c;
    bool yes = kt_span_is(y->text, "true"), no = kt_span_is(y->text, "false");
    if (y->quoted || (!yes && !no))
        return kt_read_fail(r, y, "%.60s is true or false, not \"%.*s\"", what, shown(y->text), y->text.p);
    *out = yes ? KT_CONFIG_YES : KT_CONFIG_NO;
    return KT_OK;
}

enum kt_code kt_read_whole(struct kt_reading *r, const struct kt_yaml *y, const char *what, int64_t least, int64_t most,
                           int64_t *out)
{
    enum kt_code c = scalar(r, y, what);
    if (c != KT_OK)
        return c;
    if (!kt_yaml_int(y, out) || *out < least || *out > most)
        return kt_read_fail(r, y, "%.60s is a whole number from %" PRId64 " to %" PRId64 ", not \"%.*s\"", what, least,
                            most, shown(y->text), y->text.p);
    return KT_OK;
}

/* What a unit multiplies by; 0: there is no such unit. */
static uint64_t unit(struct kt_span s)
{
    static const struct {
        const char *name;
        uint64_t bytes;
    } units[] = {{"", 1},
                 {"B", 1},
                 {"kB", 1000},
                 {"KiB", 1024},
                 {"MB", 1000000},
                 {"MiB", UINT64_C(1) << 20},
                 {"GB", 1000000000},
                 {"GiB", UINT64_C(1) << 30},
                 {"TB", UINT64_C(1000000000000)},
                 {"TiB", UINT64_C(1) << 40}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (kt_span_is(s, units[i].name))
            return units[i].bytes;
    return 0;
}

static bool size_of(struct kt_span s, uint64_t *out)
{
    uint64_t v = 0;
    size_t i = 0;
    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
            return false;
    if (i == 0)
        return false;
    while (i < s.n && s.p[i] == ' ')
        i++;
    uint64_t by = unit((struct kt_span){s.p + i, s.n - i});
    return by && !__builtin_mul_overflow(v, by, out);
}

enum kt_code kt_read_size(struct kt_reading *r, const struct kt_yaml *y, const char *what, uint64_t least, uint64_t most,
                          uint64_t *out)
{
    enum kt_code c = scalar(r, y, what);
    if (c != KT_OK)
        return c;
    if (!size_of(y->text, out))
        return kt_read_fail(r, y, "%.60s is a size as 500 MB or 2 GiB, not \"%.*s\"", what, shown(y->text), y->text.p);
    if (*out < least || *out > most)
        return kt_read_fail(r, y, "%.60s is from %" PRIu64 " MiB to %" PRIu64 " MiB, not \"%.*s\"", what, least >> 20,
                            most >> 20, shown(y->text), y->text.p);
    return KT_OK;
}

enum kt_code kt_read_word(struct kt_reading *r, const struct kt_yaml *y, const char *what, const char *const *words,
                          size_t n, int *out)
{
    char names[120] = "";
    size_t used = 0;
    enum kt_code c = scalar(r, y, what);
    if (c != KT_OK)
        return c;
    for (size_t i = 0; i < n; i++) {
        if (kt_span_is(y->text, words[i])) {
            *out = (int)i;
            return KT_OK;
        }
        if (used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " or ", words[i]);
    }
    return kt_read_fail(r, y, "%.60s is %s, not \"%.*s\"", what, names, shown(y->text), y->text.p);
}
