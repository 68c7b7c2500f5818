/* The real program over many accounts of a fake AWS, each by a role of its own, in real time: what
 * it costs, and how often it asks. */
#ifndef TESTS_SUPPORT_ACCOUNTS_H
#define TESTS_SUPPORT_ACCOUNTS_H
#include <stddef.h>

struct accounts_books {
    size_t accounts, rows;  /* rows: accounts whose event was shown */
    double seconds, cpu;    /* cpu: seconds of it, start-up and all */
    unsigned lookups, assumed, too_fast, throttled;
    unsigned peak;          /* calls of all kinds within any one second */
    unsigned connections;
    long memory;            /* KiB, at its most */
};
/* Follows for so long; fails where it does not end as it should. */
void accounts_follow(size_t accounts, int seconds, struct accounts_books *out);
/* The same, and that: each account's event is there; the quota of two calls a second, account
 * and Region was never broken; it began no faster than it goes on; under a tenth of a core. */
void accounts_prove(size_t accounts, int seconds);
#endif
