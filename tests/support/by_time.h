/* Events of a fake service in the order of their times, so that a window of
 * them is found without looking at all: a simulator of many thousands is asked
 * thousands of times. */
#ifndef TESTS_SUPPORT_BY_TIME_H
#define TESTS_SUPPORT_BY_TIME_H
#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

struct by_time {
    uint32_t *at; /* places of events, of the least time first */
    size_t n, cap;
};
/* Takes in events up to `n`; `event` points to the first one's time, the others are `stride`
 * bytes apart. Those of one time stand in the order in which they were put in. */
void by_time_update(struct by_time *b, const void *event, size_t stride, size_t n);
/* The first of them at or after `time`. */
size_t by_time_from(const struct by_time *b, const void *event, size_t stride, int64_t time);
void by_time_free(struct by_time *b);

/* Adds a text as it stands in a JSON string. */
void fake_escape(struct kt_buf *b, const char *text);
#endif
