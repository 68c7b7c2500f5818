/* Hostile names through the containment command, and what real shells make of
 * the lines: each must see exactly the arguments that were meant, run nothing,
 * and say nothing. */
#ifndef KT_TESTS_SHELLS_H
#define KT_TESTS_SHELLS_H
#include <stdbool.h>
#include <stdint.h>

struct shells_counts {
    uint64_t names, written, refused; /* of containment commands */
    uint64_t words;                   /* any printable text through kt_shell_quote */
    uint64_t shells;                  /* that each line was read by */
};
/* `names` names in batches, from a seed. Returns false, with the reason on
 * standard output, at the first thing that is wrong. */
bool shells_prove(uint64_t seed, uint64_t names, struct shells_counts *out);
#endif
