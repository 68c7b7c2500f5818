/* A million hostile names through the containment command, and through dash,
 * bash and zsh: each shell sees the arguments that were meant, or the name was
 * refused; nothing is run. `prove_contain N [SEED]` tries N names. */
#include "tests/support/shells.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    uint64_t names = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    struct shells_counts c;
    bool good = shells_prove(seed ? seed : 1, names, &c);
    printf("%" PRIu64 " names: %" PRIu64 " written, %" PRIu64 " refused; %" PRIu64
           " texts quoted; each line read by %" PRIu64 " shells\n",
           c.names, c.written, c.refused, c.words, c.shells);
    printf(good ? "[       OK ] contain\n" : "[  FAILED  ] contain\n");
    return good ? 0 : 1;
}
