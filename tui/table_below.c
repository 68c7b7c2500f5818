/* What stands below the rows: a tab for each thing the row under the cursor
 * names, and the pane of the one that is chosen. */
#include "tui/table.h"

kt_entity kt_table_tab_entity(const struct kt_table *t, enum kt_table_tab tab)
{
    switch (tab) {
    case TAB_KEY: return t->touched.key;
    case TAB_TARGET: return t->touched.target;
    case TAB_ACTOR: return t->touched.actor;
    case TAB_ADDRESS: return t->touched.address;
    case TAB_AGENT: return t->touched.agent;
    default: return 0;
    }
}

struct label {
    struct kt_span name;
    const char *word; /* where there is no name */
    enum kt_text_kind kind;
    bool shortened;
};

static struct kt_span agent_name(struct kt_app *a, const struct kt_row *r)
{
    const struct kt_agent *g = &r->ev.agent;
    struct kt_buf b;
    if (!kt_span_known(g->tool))
        return g->text;
    kt_buf_init(&b, 256);
    kt_buf_add(&b, g->tool.p, g->tool.n);
    if (kt_span_known(g->version)) {
        kt_buf_addc(&b, ' ');
        kt_buf_add(&b, g->version.p, g->version.n);
    }
    struct kt_span name = b.failed ? g->tool : kt_arena_span(a->arena, kt_buf_span(&b));
    kt_buf_free(&b);
    return name;
}

static void labels_of(struct kt_table *t, const struct kt_row *r, struct label out[TABS])
{
    out[TAB_KEY] = (struct label){r->ev.key.id, r->ev.kind == KT_KIND_MALFORMED ? "malformed" : "no key",
                                  KT_TEXT_IDENTITY, true};
    out[TAB_TARGET] = (struct label){r->ev.target.name, "target ?", KT_TEXT_IDENTITY, false};
    out[TAB_ACTOR] = (struct label){r->ev.actor.name, "actor ?", KT_TEXT_IDENTITY, false};
    out[TAB_ADDRESS] = (struct label){r->ev.source.address, "address ?", KT_TEXT_IDENTITY, false};
    out[TAB_AGENT] = (struct label){agent_name(t->s.app, r), "agent ?", KT_TEXT_FREE, false};
    out[TAB_RECORD] = (struct label){KT_SPAN_NONE, "record", KT_TEXT_IDENTITY, false};
}

struct kt_span kt_table_tab_value(struct kt_table *t, const struct kt_row *r, enum kt_text_kind *kind)
{
    struct label l[TABS];
    labels_of(t, r, l);
    *kind = l[t->tab].kind;
    return l[t->tab].name;
}

/* Someone who made a key for himself has one tab, not two. */
bool kt_table_tab_hidden(const struct kt_table *t, int tab)
{
    return tab == TAB_ACTOR && t->touched.actor && t->touched.actor == t->touched.target;
}

static int label_width(const struct kt_canvas *c, const struct label *l)
{
    struct kt_text_opts o = {.kind = l->kind, .ascii = c->ascii};
    if (!kt_span_known(l->name))
        return kt_canvas_text_width(c->ascii, l->word);
    return l->shortened ? 9 : (int)kt_text_width(l->name, &o, 40);
}

/* Widths of the tabs: the longest give way until all fit. */
static void fit_tabs(const struct kt_table *t, const struct kt_canvas *c, const struct label l[TABS], int gap,
                     int width[TABS])
{
    int total = 2;
    for (int i = 0; i < TABS; i++) {
        width[i] = kt_table_tab_hidden(t, i) ? 0 : label_width(c, &l[i]);
        total += kt_table_tab_hidden(t, i) ? 0 : width[i] + gap;
    }
    while (total > c->cols) {
        int longest = 0;
        for (int i = 1; i < TABS; i++)
            if (width[i] > width[longest])
                longest = i;
        if (width[longest] <= 4)
            return;
        width[longest]--;
        total--;
    }
}

/* ─ AKIA…7QX2 ─┬─ svc-backup ─┬─ ... : the one shown stands out. */
static void draw_tabs(struct kt_table *t, struct kt_canvas *c, int row, const struct kt_row *r)
{
    struct label l[TABS];
    int width[TABS], col = 1;
    bool tight = c->cols < 100;
    const char *between = tight ? " ┬ " : " ─┬─ ";
    labels_of(t, r, l);
    fit_tabs(t, c, l, tight ? 3 : 5, width);
    for (int i = 0; i < c->cols; i++)
        kt_canvas_text(c, row, i, 1, KT_STYLE(RULE), i == 0 ? " " : "─");
    col += kt_canvas_text(c, row, col, 2, KT_STYLE(RULE), "─ ");
    for (int i = 0; i < TABS; i++) {
        if (kt_table_tab_hidden(t, i))
            continue;
        bool on = t->tab == (enum kt_table_tab)i || (i == TAB_TARGET && t->tab == TAB_ACTOR && kt_table_tab_hidden(t, TAB_ACTOR));
        struct kt_style s = on ? (struct kt_style){KT_ROLE_TITLE, KT_ATTR_BOLD | KT_ATTR_UNDERLINE} : KT_STYLE(TEXT);
        if (!on && !kt_span_known(l[i].name) && i != TAB_RECORD)
            s = KT_STYLE(DIM);
        if (!kt_span_known(l[i].name))
            col += kt_canvas_text(c, row, col, width[i], s, l[i].word);
        else if (l[i].shortened)
            col += kt_canvas_data_middle(c, row, col, width[i], s, l[i].name, l[i].kind);
        else
            col += kt_canvas_data(c, row, col, width[i], s, l[i].name, l[i].kind);
        bool last = i == TAB_RECORD;
        col += kt_canvas_text(c, row, col, c->cols - col, KT_STYLE(RULE), last ? " " : between);
    }
}

void kt_table_draw_below(struct kt_table *t, struct kt_canvas *c, int row, int height)
{
    struct kt_row r;
    uint64_t seq = kt_table_cursor(t);
    kt_arena_reset(t->s.app->arena);
    if (!seq || !kt_app_row(t->s.app, seq, &r)) {
        for (int i = 1; i < c->cols; i++)
            kt_canvas_text(c, row, i, 1, KT_STYLE(RULE), "─");
        return;
    }
    draw_tabs(t, c, row, &r);
    if (t->tab == TAB_RECORD) {
        kt_record_view_draw(&t->record, c, row + 1, height - 1, 0, c->cols, false);
        return;
    }
    if (t->pane.entity) {
        t->pane.side = c->cols >= 132;
        kt_pane_draw(&t->pane, c, row + 1, height - 1, 0, c->cols);
        return;
    }
    struct kt_pen pen;
    kt_pen_begin(&pen, c, c->ascii, row + 1, height - 1, 1, c->cols - 2);
    if (t->tab != TAB_KEY && r.ev.kind != KT_KIND_MALFORMED) {
        kt_pen_text(&pen, KT_STYLE(DIM), "the record does not say; what it says:");
        kt_pen_line(&pen);
    }
    kt_story(t->s.app, &pen, &r);
}
