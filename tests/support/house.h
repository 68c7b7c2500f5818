/* Real ClickHouse servers on loopback, where they are installed. */
#ifndef TESTS_SUPPORT_HOUSE_H
#define TESTS_SUPPORT_HOUSE_H
#include "base/buf.h"
#include "tests/support/temp_dir.h"

#include <stdbool.h>
#include <sys/types.h>

struct house {
    struct temp_dir dir;
    int http, tcp; /* ports */
    int other;     /* the other one's tcp port, for tables over both; 0: none */
    pid_t pid;     /* 0: does not run */
};
bool house_installed(void);
/* Free ports and an empty folder; it does not run yet. */
void house_make(struct house *h);
/* Runs it, and waits until it answers. False where it does not within 30 s. */
bool house_start(struct house *h);
void house_kill(struct house *h);
void house_remove(struct house *h);
/* One query, with `data` (may be unknown) behind it; its answer goes to `out`.
 * False where it was refused: `out` says why. */
bool house_ask(const struct house *h, const char *query, struct kt_span data, struct kt_buf *out);
#endif
