/* A sink that keeps what a source gives, and drives the source's steps. A
 * record is a line: at rest means that the last byte was a newline. */
#ifndef TESTS_SUPPORT_FAKE_SINK_H
#define TESTS_SUPPORT_FAKE_SINK_H
#include "base/buf.h"
#include "source/source.h"

struct fake_object {
    char *name;
    uint64_t records, bytes; /* what it continues */
    struct kt_buf data;      /* what came through it */
    bool ended;
};
struct fake_trouble {
    char *place, *sentence;
    bool gap;
};
struct fake_sink {
    struct kt_source_sink sink; /* give this to step() */
    struct fake_object *objects;
    size_t n_objects, objects_cap;
    struct fake_trouble *troubles;
    size_t n_troubles, troubles_cap;
    size_t largest;    /* of the pieces given */
    size_t stop_after; /* say stop after so many pieces; 0: never */
    size_t pieces;
};
void fake_sink_init(struct fake_sink *f);
void fake_sink_free(struct fake_sink *f);

/* Steps until the source says DONE; false after too many steps. */
bool fake_run(struct fake_sink *f, struct kt_source *s);
/* Steps until the source waits and what it waits for is not there. Returns
 * the last wait; *steps (may be NULL) gets how many there were. */
struct kt_wait fake_settle(struct fake_sink *f, struct kt_source *s, size_t *steps);
/* Settles, waiting for deadlines too, until `done` says so; false after
 * `limit_ms`. */
bool fake_wait(struct fake_sink *f, struct kt_source *s, bool (*done)(void *ctx), void *ctx, int limit_ms);

/* The first object of that name, or NULL; `after`: the next one behind it. */
struct fake_object *fake_object(struct fake_sink *f, const char *name, const struct fake_object *after);
/* All bytes of all objects of that name, one after the other; free() it. */
char *fake_text(struct fake_sink *f, const char *name);
/* How many troubles, or gaps, have that place (NULL: any). */
size_t fake_troubles(const struct fake_sink *f, const char *place, bool gaps_only);
#endif
