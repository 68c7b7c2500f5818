/* An agent: a tool and its version, as it names itself. */
#include "tui/pane.h"

static void facts(const struct kt_pane *p, struct kt_pen *pen)
{
    bool attack = kt_span_is(p->info.type, "attack-tool");
    kt_pane_name(p, pen);
    kt_pen_data(pen, attack ? KT_STYLE(BAD) : KT_STYLE(TEXT), p->info.type, KT_TEXT_IDENTITY, "class not known");
    kt_pen_text(pen, KT_STYLE(DIM), "  chosen by the caller: a hint, not a proof");
    kt_pen_line(pen);
    kt_pane_counts(p, pen);
    kt_pen_gap(pen, 2);
    kt_pane_risk(p, pen);
    kt_pen_line(pen);
    kt_pane_seen(p, pen);
}

const struct kt_pane_kind kt_pane_agent = {
    "agent", {KT_SECTION_USERS, KT_SECTION_KEYS, KT_SECTION_ADDRESSES, KT_SECTION_TIMELINE}, 4, facts,
};
