/* The program under random resizes between 1x1 and 500x200 and random keys;
 * now and then it is brought to a known state, and its screen must be the one
 * that a fresh program of the same size shows in that state, cell for cell. */
#ifndef KT_TESTS_RESIZE_WALK_H
#define KT_TESTS_RESIZE_WALK_H
#include <stdint.h>

struct resize_tally {
    int resizes, keys, compared;
    long cells;
};
/* Fails the running cmocka test. */
void resize_walk(int resizes, int compare_every, uint64_t seed, struct resize_tally *t);
#endif
