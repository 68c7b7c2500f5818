/* An address: who comes from it, and with what. */
#include "tui/pane.h"

static void facts(const struct kt_pane *p, struct kt_pen *pen)
{
    kt_pane_name(p, pen);
    kt_pen_data(pen, KT_STYLE(TEXT), p->info.type, KT_TEXT_IDENTITY, "kind not known");
    kt_pen_text(pen, KT_STYLE(DIM), "  country and network: not known (no data base)");
    kt_pen_line(pen);
    kt_pane_counts(p, pen);
    kt_pen_line(pen);
    kt_pane_seen(p, pen);
}

const struct kt_pane_kind kt_pane_address = {
    "address", {KT_SECTION_USERS, KT_SECTION_KEYS, KT_SECTION_AGENTS, KT_SECTION_TIMELINE}, 4, facts,
};
