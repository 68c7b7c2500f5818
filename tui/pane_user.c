/* A user, as the one who acts and as the one for whom keys are made. */
#include "tui/format.h"
#include "tui/pane.h"

static void facts(const struct kt_pane *p, struct kt_pen *pen)
{
    char b[KT_FMT_TEXT];
    kt_pane_name(p, pen);
    kt_pen_data(pen, KT_STYLE(TEXT), p->info.type, KT_TEXT_IDENTITY, "type not known");
    kt_pen_text(pen, KT_STYLE(DIM), "  account ");
    kt_pen_data(pen, KT_STYLE(TEXT), p->info.account, KT_TEXT_IDENTITY, "not known");
    kt_pen_gap(pen, 2);
    kt_pane_risk(p, pen);
    kt_pen_line(pen);
    kt_pane_counts(p, pen);
    kt_pen_fmt(pen, KT_STYLE(TEXT), " · acted in %s", kt_fmt_count(p->info.as_actor, b));
    kt_pen_fmt(pen, KT_STYLE(TEXT), ", target of %s", kt_fmt_count(p->info.as_target, b));
    kt_pen_line(pen);
    kt_pane_seen(p, pen);
}

const struct kt_pane_kind kt_pane_user = {
    "user", {KT_SECTION_KEYS, KT_SECTION_ADDRESSES, KT_SECTION_AGENTS, KT_SECTION_USERS, KT_SECTION_TIMELINE}, 5, facts,
};
