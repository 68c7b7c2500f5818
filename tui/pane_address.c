/* An address: who comes from it, and with what. */
#include "tui/pane.h"

static void tell_text(struct kt_pen *pen, const char *label, const char *text)
{
    kt_pen_text(pen, KT_STYLE(DIM), label);
    kt_pen_data(pen, KT_STYLE(TEXT), text[0] ? kt_span_of(text) : KT_SPAN_NONE, KT_TEXT_FREE, "not known");
}

/* What its range says, and what the files say that the configuration names. */
static void tell_where(const struct kt_pane *p, struct kt_pen *pen)
{
    struct kt_enrich *n = kt_engine_enrich(p->app->engine);
    struct kt_whereabouts w;
    char text[KT_ENRICH_TEXT];
    bool ip = kt_enrich_address(n, p->info.name, &w);
    kt_pen_data(pen, KT_STYLE(TEXT), p->info.type, KT_TEXT_IDENTITY, "kind not known");
    if (ip)
        kt_pen_fmt(pen, KT_STYLE(TEXT), ", %s", kt_range_name(w.range));
    if (!n) {
        kt_pen_text(pen, KT_STYLE(DIM), "  country and network: not known (no data base)");
    } else if (ip) {
        tell_text(pen, "  country ", w.country);
        kt_whereabouts_network(&w, text);
        tell_text(pen, "  network ", text);
        kt_whereabouts_aws(&w, text);
        if (text[0])
            tell_text(pen, "  AWS ", text);
    }
    kt_pen_line(pen);
}

static void facts(const struct kt_pane *p, struct kt_pen *pen)
{
    kt_pane_name(p, pen);
    tell_where(p, pen);
    kt_pane_counts(p, pen);
    kt_pen_gap(pen, 2);
    kt_pane_risk(p, pen);
    kt_pen_line(pen);
    kt_pane_seen(p, pen);
}

const struct kt_pane_kind kt_pane_address = {
    "address", {KT_SECTION_USERS, KT_SECTION_KEYS, KT_SECTION_AGENTS, KT_SECTION_TIMELINE}, 4, facts,
};
