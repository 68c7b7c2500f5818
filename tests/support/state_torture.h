/* state.db and its writers broken on purpose, as often as one likes. The
 * process that calls these has no threads: it forks. */
#ifndef TESTS_SUPPORT_STATE_TORTURE_H
#define TESTS_SUPPORT_STATE_TORTURE_H
#include "store/state.h"
#include "tests/support/rows.h"

#include <stdint.h>

/* Two writers on one file; again and again one of them is killed (SIGKILL) at
 * a random moment, and begun anew. */
struct state_kills {
    uint64_t kills;
    uint64_t acked;   /* acts of which a writer was told that they are done */
    uint64_t lost;    /* of them, those that are not there at the end */
    uint64_t rows;    /* in the file at the end */
    uint64_t corrupt; /* times that a file was found damaged */
    uint64_t failed;  /* times that a writer ended otherwise */
};
/* Adds to `out`. `folder` is empty. */
void state_kill_writers(const char *folder, int kills, struct rowgen *g, struct state_kills *out);

/* A file of rows and triage, opened with one bit of it turned, each time anew. */
struct state_flips {
    uint64_t flips;
    uint64_t crashed;     /* or ended otherwise */
    uint64_t triage_lost; /* not all acts were there, or other ones were */
    uint64_t set_aside;   /* told as damaged */
    uint64_t rows;        /* that came back, of `rows_of` each */
    uint64_t rows_of;
};
enum state_flip_what { STATE_FLIP_DB, STATE_FLIP_LOG };
void state_flip_bits(const char *folder, enum state_flip_what what, int flips, struct rowgen *g,
                     struct state_flips *out);

/* Row number `n`, its content made of it; 1 KB of text that is not all alike. */
void state_add_row(struct kt_state *s, struct kt_store *store, struct rowgen *g, int n);
struct kt_subject state_subject(int n);
#endif
