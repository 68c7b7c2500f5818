/* How quiet a running program is: the system calls of all its threads, where
 * strace can be attached, and otherwise the times that any of them woke. */
#ifndef KT_TESTS_QUIET_H
#define KT_TESTS_QUIET_H
#include "tests/support/pty.h"

struct quiet {
    bool traced;   /* `calls` are system calls; otherwise wake-ups */
    long calls;
    size_t bytes;  /* written to the terminal */
    int threads;
    char first[200]; /* the first call */
};
/* The thread sanitizer runs a thread of its own in each program, which wakes
 * ten times a second: how quiet keytop is cannot be told in such a build. */
bool quiet_can_be_told(void);
/* Listens for `ms`, from now on. */
struct quiet quiet_listen(struct pty *p, int ms);
#endif
