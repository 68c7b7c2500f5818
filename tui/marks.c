#include "tui/diff.h"
#include "tui/screen.h"

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

unsigned kt_app_mark(struct kt_app *a, uint64_t seq)
{
    if (!seq)
        return kt_app_hint(a, "no row to mark");
    if (!kt_marks_turn(&a->marks, seq))
        return kt_app_hint(a, "%d rows are marked: U takes the marks off", KT_MARKS_MAX);
    return a->marks.n ? kt_app_hint(a, "%zu marked", a->marks.n) : KT_APP_REDRAW;
}

unsigned kt_app_unmark(struct kt_app *a)
{
    a->marks.n = 0;
    return kt_app_hint(a, "nothing is marked");
}

unsigned kt_app_diff(struct kt_app *a, uint64_t here)
{
    const struct kt_marks *m = &a->marks;
    if (m->n >= 2)
        return kt_app_push(a, kt_screen_diff(a, m->seq[m->n - 2], m->seq[m->n - 1]));
    if (m->n == 1 && here && here != m->seq[0])
        return kt_app_push(a, kt_screen_diff(a, m->seq[0], here));
    return kt_app_hint(a, "mark two rows with Space, or one and go to the other");
}
