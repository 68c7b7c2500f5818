/* A key: how it came to be, and what is known of its life since. */
#include "tui/pane.h"

/* The row that created the key, among the newest rows that touch it. */
static bool creation(const struct kt_pane *p, struct kt_row *r)
{
    if (p->from_seq && kt_app_row(p->app, p->from_seq, r) && kt_span_eq(r->ev.key.id, p->info.name))
        return true;
    for (size_t i = 0; p->snap && i < p->snap->n && i < 100; i++)
        if (kt_app_row(p->app, p->snap->seq[i], r) && kt_span_eq(r->ev.key.id, p->info.name))
            return true;
    return false;
}

static void facts(const struct kt_pane *p, struct kt_pen *pen)
{
    struct kt_row r;
    if (creation(p, &r)) {
        kt_story(p->app, pen, &r);
    } else if (p->snap) {
        kt_pen_text(pen, KT_STYLE(DIM), "its creation: not seen in these sources");
        kt_pen_line(pen);
    }
    kt_pane_seen(p, pen);
    kt_pen_text(pen, KT_STYLE(DIM), "use, deactivation and deletion: not known (only creations are read)");
    kt_pen_line(pen);
}

const struct kt_pane_kind kt_pane_key = {
    "key", {KT_SECTION_USERS, KT_SECTION_ADDRESSES, KT_SECTION_AGENTS, KT_SECTION_KEYS, KT_SECTION_TIMELINE}, 5, facts,
};
