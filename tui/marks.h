/* Rows that a person has marked, to compare them or to take them along. Known
 * by their numbers, in the order in which they were marked; a row may have been
 * dropped since. */
#ifndef KT_TUI_MARKS_H
#define KT_TUI_MARKS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KT_MARKS_MAX = 500 };
struct kt_marks {
    uint64_t seq[KT_MARKS_MAX];
    size_t n;
};

bool kt_marks_has(const struct kt_marks *m, uint64_t seq);
/* Marks it, or no longer. False: there are as many as there may be. */
bool kt_marks_turn(struct kt_marks *m, uint64_t seq);
#endif
