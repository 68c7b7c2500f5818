/* Records for tests that run the program, in the shape CloudTrail gives them,
 * and files to put them into. */
#ifndef KT_TESTS_SAMPLE_H
#define KT_TESTS_SAMPLE_H
#include "base/buf.h"

#include <stdbool.h>

struct sample {
    int n;             /* makes eventID, key id and time: one second each from 2026-11-24T10:00:00Z */
    const char *actor, *target, *agent, *address; /* as JSON string contents; NULL: usual ones */
    const char *error; /* errorCode; NULL: created */
};
/* One record, without a newline. */
void sample_record(struct kt_buf *b, const struct sample *s);
/* {"Records":[...]} with `count` usual ones from `first` on. */
void sample_trail(struct kt_buf *b, int first, int count);

/* A folder of one's own, removed with all files in it by sample_remove. */
char *sample_folder(void);
void sample_remove(char *folder);
/* Writes (or adds to) folder/name; `path` gets its path. */
void sample_write(const char *folder, const char *name, const void *p, size_t n, bool add, char path[512]);
/* gzip of `b` into `out`. */
void sample_gzip(struct kt_buf *out, const struct kt_buf *b);
/* The keytop under test. */
const char *sample_keytop(void);
#endif
