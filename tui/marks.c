#include "tui/marks.h"

#include <string.h>

bool kt_marks_has(const struct kt_marks *m, uint64_t seq)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->seq[i] == seq)
            return true;
    return false;
}

bool kt_marks_turn(struct kt_marks *m, uint64_t seq)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->seq[i] != seq)
            continue;
        memmove(m->seq + i, m->seq + i + 1, (m->n - i - 1) * sizeof *m->seq);
        m->n--;
        return true;
    }
    if (m->n == KT_MARKS_MAX)
        return false;
    m->seq[m->n++] = seq;
    return true;
}
