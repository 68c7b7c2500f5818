/* A trail file of as many creations as wanted, and records to go on with. */
#ifndef KT_TESTS_MANY_H
#define KT_TESTS_MANY_H
#include "base/buf.h"

#include <stdint.h>

/* Writes `rows` records as zstd, one a line, the newest of them of about `now`. */
void many_write(const char *path, long rows, int64_t now);
/* The `n`th event to go on with after `rows` of them, of the time `at`, and its newline: as a trail has
 * them, calls of all kinds, each tenth of them with a long-lived key, and each
 * `creations`th a creation. */
void many_more(struct kt_buf *b, long rows, long n, int creations, int64_t at);
#endif
