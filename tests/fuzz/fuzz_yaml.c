/* Any bytes as YAML: a tree or an error with a place, never both. */
#include "base/yaml.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(const struct kt_yaml *y)
{
    if (y->line < 1 || y->column < 1)
        abort();
    size_t n = 1;
    int64_t v;
    if (y->type == KT_YAML_SCALAR) {
        if (!kt_span_known(y->text) || y->text.p[y->text.n] != '\0')
            abort();
        if (kt_yaml_int(y, &v) && kt_yaml_is_null(y))
            abort();
        return n;
    }
    for (size_t i = 0; i < y->n; i++) {
        if (y->type == KT_YAML_MAP) {
            n += walk(y->key[i]);
            if (!memchr(y->key[i]->text.p, '\0', y->key[i]->text.n) &&
                kt_yaml_get(y, y->key[i]->text.p) != y->item[i])
                abort(); /* a key that stands twice was let in */
        }
        n += walk(y->item[i]);
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kt_yaml_file f;
    struct kt_err e = {0};
    enum kt_code c = kt_yaml_parse(&f, "fuzz", (const char *)data, size, &e);
    if (c != KT_OK) {
        if (f.n || f.memory || !e.text[0])
            abort();
        return 0;
    }
    size_t nodes = 0;
    for (size_t i = 0; i < f.n; i++)
        nodes += walk(f.doc[i]);
    if (nodes > 100000)
        abort();
    kt_yaml_free(&f);
    return 0;
}
