/* What the rigs of live sources are made of: chance that can be repeated,
 * keys of a fake AWS, what a source remembers, and the calls of a sink that
 * say nothing to a rig. */
#ifndef TESTS_SUPPORT_RIG_PARTS_H
#define TESTS_SUPPORT_RIG_PARTS_H
#include "base/clock.h"
#include "tests/support/fake_aws.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ends the program with `what` where it does not hold. */
void rig_must(bool ok, const char *what);
/* The next of a sequence (splitmix64). */
uint64_t rig_mix(uint64_t *state);

enum { RIG_VARIABLES = 8 };
struct rig_environment {
    char text[RIG_VARIABLES][256];
    char *env[RIG_VARIABLES + 1]; /* as of kt_aws_opts; NULL at its end */
};
void rig_variable(struct rig_environment *e, const char *name, const char *value); /* one more */
/* HOME, the fake's address, and a key that it knows. */
void rig_environment(struct rig_environment *e, const char *home, struct fake_aws *f);

/* What a source remembers under which name. */
enum { RIG_MEMORIES = 1024 };
struct rig_memory {
    size_t n;
    struct {
        char what[512];
        char *position;
    } one[RIG_MEMORIES];
};
void rig_memory_put(struct rig_memory *m, const char *what, const char *position);
bool rig_memory_get(const struct rig_memory *m, const char *what, char *out, size_t size);
void rig_memory_copy(struct rig_memory *to, const struct rig_memory *from);
void rig_memory_drop(struct rig_memory *m);

/* Calls of a kt_source_sink. */
void rig_pause(void *ctx, uint64_t object);
bool rig_at_rest(void *ctx, uint64_t object, uint64_t *records, uint64_t *bytes);
#endif
