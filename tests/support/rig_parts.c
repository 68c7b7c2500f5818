#include "rig_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rig_must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "rig: %s\n", what);
        abort();
    }
}

uint64_t rig_mix(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void rig_variable(struct rig_environment *e, const char *name, const char *value)
{
    size_t i = 0;
    while (i < RIG_VARIABLES && e->env[i])
        i++;
    rig_must(i < RIG_VARIABLES, "too many variables");
    snprintf(e->text[i], sizeof e->text[i], "%s=%s", name, value);
    e->env[i] = e->text[i];
}

void rig_environment(struct rig_environment *e, const char *home, struct fake_aws *f)
{
    fake_aws_key(f, "AKIDRIG", "rig-secret", NULL, "111122223333");
    rig_variable(e, "HOME", home);
    rig_variable(e, "AWS_ENDPOINT_URL", fake_aws_url(f));
    rig_variable(e, "AWS_ACCESS_KEY_ID", "AKIDRIG");
    rig_variable(e, "AWS_SECRET_ACCESS_KEY", "rig-secret");
}

static size_t place(const struct rig_memory *m, const char *what)
{
    size_t i = 0;
    while (i < m->n && strcmp(m->one[i].what, what) != 0)
        i++;
    return i;
}

void rig_memory_put(struct rig_memory *m, const char *what, const char *position)
{
    size_t i = place(m, what);
    rig_must(i < RIG_MEMORIES && strlen(what) < sizeof m->one[i].what, "too much to remember");
    if (i == m->n)
        m->n++;
    else
        free(m->one[i].position);
    snprintf(m->one[i].what, sizeof m->one[i].what, "%s", what);
    m->one[i].position = strdup(position);
    rig_must(m->one[i].position, "memory");
}

bool rig_memory_get(const struct rig_memory *m, const char *what, char *out, size_t size)
{
    size_t i = place(m, what);
    if (i == m->n || strlen(m->one[i].position) >= size)
        return false;
    snprintf(out, size, "%s", m->one[i].position);
    return true;
}

void rig_memory_copy(struct rig_memory *to, const struct rig_memory *from)
{
    rig_memory_drop(to);
    for (size_t i = 0; i < from->n; i++)
        rig_memory_put(to, from->one[i].what, from->one[i].position);
}

void rig_memory_drop(struct rig_memory *m)
{
    for (size_t i = 0; i < m->n; i++)
        free(m->one[i].position);
    m->n = 0;
}

void rig_pause(void *ctx, uint64_t object)
{
    (void)ctx, (void)object;
}

bool rig_at_rest(void *ctx, uint64_t object, uint64_t *records, uint64_t *bytes)
{
    (void)ctx, (void)object, (void)records, (void)bytes;
    return true;
}
