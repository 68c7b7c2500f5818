/* Runs the real program with pipes for its standard streams. */
#ifndef KT_TESTS_RUN_H
#define KT_TESTS_RUN_H
#include "base/buf.h"

#include <stdbool.h>
#include <sys/types.h>

enum { RUN_OUT_MAX = 64 << 20, RUN_LIMIT_MS = 20000 };

struct run_job {
    const char *const *words; /* after "keytop" */
    const char *in;           /* standard input's bytes; NULL: /dev/null */
    size_t in_n;              /* how many; 0: up to the first NUL */
    const char *stdout_path;  /* instead of a pipe */
    const char *locale;       /* LC_ALL; NULL: C.UTF-8 */
    int stop_after;           /* send this signal ... */
    const char *when;         /* ... once standard output holds this */
};

/* Starts it; `fds` are the ends of its standard input, output and error. */
pid_t run_launch(const struct run_job *j, int fds[3]);
/* Reads once from *fd into `b`; at its end closes it, and returns false. */
bool run_drain(int *fd, struct kt_buf *b);
/* Feeds it, collects both of its outputs, waits. Its exit status, or minus
 * the signal that ended it. Fails the test after RUN_LIMIT_MS. */
int run_job(const struct run_job *j, struct kt_buf *out, struct kt_buf *err);
/* Its outputs in place of what was in them. */
int run_words(const char *const *words, struct kt_buf *out, struct kt_buf *err);
/* How often `what` stands in it; fails the test where it does not. */
size_t run_count(const struct kt_buf *b, const char *what);
void run_says(const struct kt_buf *b, const char *what);
/* How long a proof is to be: a number above 0 from the environment, else `usual`. */
long run_number(const char *name, long usual);
#endif
