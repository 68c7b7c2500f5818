/* Any bytes as a configuration: all of it within its bounds, or an error. */
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void text(const char *s)
{
    if (!s || !*s || strlen(s) > 3 * KT_CONFIG_TEXT)
        abort();
}

static void look(const struct kt_config *c)
{
    for (size_t i = 0; i < c->n_source; i++) {
        text(c->source[i].address);
        if (c->source[i].name && strlen(c->source[i].name) > KT_CONFIG_NAME)
            abort();
    }
    for (size_t i = 0; i < c->rules.n_folder; i++)
        text(c->rules.folder[i]);
    for (size_t i = 0; i < c->filters.n_folder; i++)
        text(c->filters.folder[i]);
    for (size_t i = 0; i < c->rules.n_disabled; i++)
        text(c->rules.disabled[i].name);
    for (size_t i = 0; i < c->rules.n_placeholder; i++) {
        text(c->rules.placeholder[i].name);
        if (c->rules.placeholder[i].file)
            text(c->rules.placeholder[i].file);
        for (size_t k = 0; k < c->rules.placeholder[i].n; k++)
            text(c->rules.placeholder[i].value[k]);
    }
    for (size_t i = 0; i < c->n_override; i++) {
        text(c->override[i].name);
        if (c->override[i].level < -1 || c->override[i].level > 4 || abs(c->override[i].weight) > 100)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kt_config c, none;
    struct kt_err e = {0};
    kt_config_none(&none);
    setenv("HOME", "/home/ann", 1);
    if (kt_config_parse(&c, "/etc/c.yaml", (const char *)data, size, &e) == KT_OK) {
        text(c.path);
        look(&c);
    } else if (!e.text[0] || memcmp(&c, &none, sizeof c) != 0) {
        abort();
    }
    kt_config_free(&c);
    return 0;
}
