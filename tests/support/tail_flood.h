/* A live tail that is flooded, and ends after three hours. */
#ifndef TESTS_SUPPORT_TAIL_FLOOD_H
#define TESTS_SUPPORT_TAIL_FLOOD_H
#include <stddef.h>

/* `rate` events a second for `seconds` before the session's end and as long after it, of which
 * the tail tells at most 500 a second and then leaves half out; fails unless the gap is to be seen within
 * a second of each, and all events are there in the end, once. */
void tail_flood(size_t rate, int seconds);
#endif
