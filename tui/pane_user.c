/* A user, as the one who acts and as the one for whom keys are made. */
#include "tui/format.h"
#include "tui/pane.h"

enum { LIVES_LOOKED_AT = 256 }; /* some microseconds each: once for each snapshot */

static size_t looked_at(const struct kt_snapshot *s)
{
    return s->n_facet[KT_ENTITY_KEY] < LIVES_LOOKED_AT ? s->n_facet[KT_ENTITY_KEY] : LIVES_LOOKED_AT;
}

void kt_pane_user_count(struct kt_pane *p)
{
    const struct kt_snapshot *s = p->snap;
    p->own = p->rotations = 0;
    for (size_t i = 0; i < looked_at(s); i++) {
        bool replaces;
        p->own += kt_store_key_is_of(p->app->store, s->facet[KT_ENTITY_KEY][i].info.name, p->info.account, p->info.name, &replaces);
        p->rotations += replaces;
    }
}

/* 2 keys · 1 rotation · 3 addresses · 2 agents */
static void what_it_touches(const struct kt_pane *p, struct kt_pen *pen)
{
    char b[KT_FMT_TEXT];
    if (!p->snap)
        return;
    const uint64_t *all = p->snap->distinct;
    kt_pen_text(pen, KT_STYLE(TEXT), kt_fmt_plural(p->own, "key", "keys", b));
    kt_pen_fmt(pen, KT_STYLE(TEXT), " · %s", kt_fmt_plural(p->rotations, "rotation", "rotations", b));
    if (all[KT_ENTITY_KEY] > looked_at(p->snap))
        kt_pen_fmt(pen, KT_STYLE(DIM), " among %d of %s", LIVES_LOOKED_AT, kt_fmt_plural(all[KT_ENTITY_KEY], "key", "keys", b));
    kt_pen_fmt(pen, KT_STYLE(TEXT), " · %s", kt_fmt_plural(all[KT_ENTITY_ADDRESS], "address", "addresses", b));
    kt_pen_fmt(pen, KT_STYLE(TEXT), " · %s", kt_fmt_plural(all[KT_ENTITY_AGENT], "agent", "agents", b));
    kt_pen_line(pen);
}

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
    what_it_touches(p, pen);
    kt_pane_seen(p, pen);
}

const struct kt_pane_kind kt_pane_user = {
    "user", {KT_SECTION_KEYS, KT_SECTION_ADDRESSES, KT_SECTION_AGENTS, KT_SECTION_USERS, KT_SECTION_TIMELINE}, 5, facts,
};
