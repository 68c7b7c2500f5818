#include "tui/columns.h"

#include "base/buf.h"
#include "tui/format.h"
#include "tui/triage.h"

#include <inttypes.h>
#include <stdio.h>

static const struct def {
    int least, wanted, most, from, order;
} defs[KT_COLUMN_COUNT] = {
#define X(id, head, field, least, wanted, most, from, order) {least, wanted, most, from, order},
    KT_COLUMNS(X)
#undef X
};

/* --- which, and how wide ------------------------------------------------ */

/* The columns that may be placed, the most important first. */
struct fit {
    int n, column[KT_COLUMN_COUNT];
    int least[KT_COLUMN_COUNT], out[KT_COLUMN_COUNT]; /* by column */
    bool fixed[KT_COLUMN_COUNT];
};

static void by_importance(struct fit *f, int width)
{
    for (int order = 1; order <= KT_COLUMN_COUNT; order++)
        for (int i = 0; i < KT_COLUMN_COUNT; i++)
            if (defs[i].order == order && width >= defs[i].from)
                f->column[f->n++] = i;
}

static void by_plan(struct fit *f, const struct kt_column_plan *plan)
{
    for (int k = 0; k < plan->n; k++) {
        int i = plan->at[k].column;
        f->column[f->n++] = i;
        f->fixed[i] = plan->at[k].width > 0;
        if (f->fixed[i])
            f->least[i] = plan->at[k].width;
    }
}

/* Takes columns in their order of importance while their least widths fit;
 * returns what is left. */
static int choose(struct fit *f, int width, int gap)
{
    int left = width + gap;
    for (int k = 0; k < f->n; k++) {
        int i = f->column[k], least = f->least[i];
        if (f->fixed[i] && k == 0 && least > width)
            least = width; /* one that is wider than the screen is better than none */
        if (left < least + gap)
            continue;
        f->out[i] = least;
        left -= least + gap;
    }
    return left;
}

/* Grows columns to a width of their own: first what is wanted, then the most. */
static int grow(struct fit *f, int left, bool most, bool wide)
{
    /* a wide screen has room for a role and its session */
    for (int k = 0; k < f->n && left > 0; k++) {
        int i = f->column[k];
        int wanted = wide && i == KT_COLUMN_ACTOR ? 22 : defs[i].wanted;
        int by = (most ? defs[i].most : wanted) - f->out[i];
        if (f->out[i] == 0 || by <= 0 || i == KT_COLUMN_TIME || f->fixed[i])
            continue;
        by = by < left ? by : left;
        f->out[i] += by;
        left -= by;
    }
    return left;
}

/* What is left goes to names and reasons alike, a column at a time. */
static int spread(struct fit *f, int left)
{
    static const int who[] = {KT_COLUMN_WHY, KT_COLUMN_ACTOR, KT_COLUMN_AGENT, KT_COLUMN_WHY, KT_COLUMN_TARGET};
    for (bool grew = true; grew && left > 0;) {
        grew = false;
        for (size_t k = 0; k < sizeof who / sizeof *who && left > 0; k++) {
            int i = who[k];
            if (f->out[i] && f->out[i] < defs[i].most && !f->fixed[i]) {
                f->out[i]++;
                left--;
                grew = true;
            }
        }
    }
    return left;
}

static void place(struct kt_columns *k, const struct fit *f, const struct kt_column_plan *plan, int gap)
{
    int col = k->left, n = plan ? plan->n : KT_COLUMN_COUNT;
    for (int at = 0; at < n; at++) {
        int i = plan ? (int)plan->at[at].column : at;
        if (!f->out[i])
            continue;
        k->at[k->n].column = (enum kt_column)i;
        k->at[k->n].col = col;
        k->at[k->n++].width = f->out[i];
        col += f->out[i] + gap;
    }
}

void kt_columns_fit(struct kt_columns *k, const struct kt_column_plan *plan, int left, int width, int time_width)
{
    struct fit f = {.n = 0};
    int gap = width >= 120 ? 2 : 1;
    if (plan && !plan->n)
        plan = NULL;
    for (int i = 0; i < KT_COLUMN_COUNT; i++)
        f.least[i] = defs[i].least;
    f.least[KT_COLUMN_TIME] = time_width;
    if (plan)
        by_plan(&f, plan);
    else
        by_importance(&f, width);
    *k = (struct kt_columns){.left = left, .width = width, .gap = gap};
    int rest = choose(&f, width, gap);
    rest = grow(&f, rest, false, width >= 120);
    rest = spread(&f, rest);
    /* where there is hardly room for one column, who it was is still worth a few letters */
    if (!plan && !f.out[KT_COLUMN_ACTOR] && !f.out[KT_COLUMN_TIME] && rest >= 3 + gap) {
        f.out[KT_COLUMN_ACTOR] = rest - gap;
        rest = 0;
    }
    grow(&f, rest, true, false);
    place(k, &f, plan, gap);
    k->result_in_key = f.out[KT_COLUMN_RESULT] == 0;
    k->state_in_why = f.out[KT_COLUMN_STATE] == 0;
}

void kt_columns_head(const struct kt_columns *k, struct kt_canvas *c, int row, enum kt_field sort, bool ascending)
{
    for (int i = 0; i < k->n; i++) {
        kt_canvas_text(c, row, k->at[i].col, k->at[i].width, KT_STYLE(HEADER), kt_column_head(k->at[i].column));
        if (kt_column_field(k->at[i].column) == sort && k->at[i].col > 0)
            kt_canvas_text(c, row, k->at[i].col - 1, 1, KT_STYLE(HEADER), ascending ? "▴" : "▾");
    }
}

/* --- cells -------------------------------------------------------------- */

struct place {
    struct kt_canvas *c;
    int row, col, width;
    struct kt_style name, rest; /* of whom one looks for, and of what is beside them */
};

static void unknown(const struct place *p)
{
    kt_canvas_text(p->c, p->row, p->col, p->width, KT_STYLE(DIM), p->width >= 9 ? "not known" : "?");
}

static int data(const struct place *p, int at, struct kt_style s, struct kt_span v)
{
    return at < p->width ? kt_canvas_data(p->c, p->row, p->col + at, p->width - at, s, v, KT_TEXT_IDENTITY) : 0;
}

static void draw_actor(const struct place *p, const struct kt_row *r)
{
    if (!kt_span_known(r->ev.actor.name)) {
        unknown(p);
        return;
    }
    int used = data(p, 0, p->name, r->ev.actor.name);
    if (kt_span_known(r->ev.actor.session) && p->width >= 18 && used + 6 <= p->width) {
        used += kt_canvas_text(p->c, p->row, p->col + used, p->width - used, KT_STYLE(DIM), " / ");
        data(p, used, p->rest, r->ev.actor.session);
    }
}

static void draw_target(const struct place *p, const struct kt_row *r)
{
    if (kt_kind_is_call(r->ev.kind)) {
        kt_canvas_text(p->c, p->row, p->col, p->width, KT_STYLE(DIM), "-"); /* a use is of no one */
        return;
    }
    if (!kt_span_known(r->ev.target.name)) {
        unknown(p);
        return;
    }
    int used = 0;
    bool self = r->ev.target.self == KT_YES;
    struct kt_text_opts o = {.kind = KT_TEXT_IDENTITY, .ascii = p->c->ascii};
    int width = (int)kt_text_width(r->ev.target.name, &o, (size_t)p->width);
    /* where both do not fit, the name is the one that the actor's column says already */
    if (!self || width + 7 <= p->width)
        used = data(p, 0, p->name, r->ev.target.name);
    if (self)
        kt_canvas_text(p->c, p->row, p->col + used, p->width - used, p->rest, used ? " (self)" : "(self)");
}

static struct kt_style result_style(const struct place *p, enum kt_result r)
{
    return r == KT_RESULT_DENIED || r == KT_RESULT_FAILED ? KT_STYLE(WARN) : p->rest;
}

/* What was done says more than that it was. */
static const char *result_word(const struct kt_row *r)
{
    static const char *const done[KT_KIND_COUNT] = {[KT_KIND_USE] = "used", [KT_KIND_DEACTIVATION] = "off",
                                                    [KT_KIND_REACTIVATION] = "on", [KT_KIND_DELETION] = "deleted"};
    const char *word = r->ev.result == KT_RESULT_DONE ? done[r->ev.kind] : NULL;
    return word ? word : kt_result_name(r->ev.result);
}

static void draw_result(const struct place *p, const struct kt_row *r)
{
    const char *name = result_word(r);
    if (name)
        kt_canvas_text(p->c, p->row, p->col, p->width, result_style(p, r->ev.result), name);
    else
        unknown(p);
}

/* The country stands behind the address where both fit. */
static void draw_from(const struct place *p, const struct kt_row *r)
{
    if (!kt_span_known(r->ev.source.address)) {
        unknown(p);
        return;
    }
    int used = kt_canvas_data_middle(p->c, p->row, p->col, p->width, p->rest, r->ev.source.address, KT_TEXT_IDENTITY);
    if (kt_span_known(r->where.country) && used + 1 + (int)r->where.country.n <= p->width)
        data(p, used + 1, KT_STYLE(DIM), r->where.country);
}

static void draw_key(const struct place *p, const struct kt_row *r, bool with_result)
{
    if (kt_span_known(r->ev.key.id))
        kt_canvas_data_middle(p->c, p->row, p->col, p->width, p->rest, r->ev.key.id, KT_TEXT_IDENTITY);
    else if (with_result && (r->ev.result == KT_RESULT_DENIED || r->ev.result == KT_RESULT_FAILED))
        draw_result(p, r);
    else if (r->ev.result == KT_RESULT_CREATED || r->ev.result == KT_RESULT_UNKNOWN)
        unknown(p);
    else
        kt_canvas_text(p->c, p->row, p->col, p->width, KT_STYLE(DIM), "none");
}

static void draw_agent(const struct place *p, const struct kt_row *r)
{
    const struct kt_agent *g = &r->ev.agent;
    if (!kt_span_known(g->tool) && !kt_span_known(g->text)) {
        unknown(p);
        return;
    }
    struct kt_style s = g->cls == KT_AGENT_ATTACK_TOOL ? KT_STYLE(WARN) : p->rest;
    int used = kt_canvas_data(p->c, p->row, p->col, p->width, s, kt_span_known(g->tool) ? g->tool : g->text,
                              KT_TEXT_FREE);
    if (kt_span_known(g->tool) && kt_span_known(g->version) && used + 2 < p->width)
        kt_canvas_data(p->c, p->row, p->col + used + 1, p->width - used - 1, s, g->version, KT_TEXT_FREE);
}

/* What a reader must know of the record itself stands before the reasons. */
static void draw_reasons(const struct place *p, const struct kt_row *r)
{
    struct kt_buf b;
    int flags = 0;
    kt_buf_init(&b, 1024);
    for (int i = 0; i < KT_FLAG_COUNT; i++) {
        const char *flag = r->ev.flags & (1u << i) ? kt_flag_name(1u << i) : NULL;
        if (flag)
            kt_buf_addf(&b, "%s%s", b.len ? ", " : "", flag);
    }
    flags = (int)b.len; /* ASCII: as many columns */
    if (r->ev.kind != KT_KIND_CREATION && kt_span_known(r->ev.event_name)) {
        kt_buf_adds(&b, flags ? ", " : "");
        kt_buf_add(&b, r->ev.event_name.p, r->ev.event_name.n < 200 ? r->ev.event_name.n : 200);
    }
    if (kt_verdict_suppressed(&r->verdict)) {
        kt_buf_adds(&b, b.len ? ", filtered by " : "filtered by ");
        kt_buf_add(&b, r->verdict.filter.p, r->verdict.filter.n < 200 ? r->verdict.filter.n : 200);
    }
    if (r->verdict.why[0])
        kt_buf_addf(&b, "%s%s", b.len ? ", " : "", r->verdict.why);
    int used = kt_canvas_data(p->c, p->row, p->col, p->width, p->rest, kt_buf_span(&b), KT_TEXT_FREE);
    kt_canvas_tint(p->c, p->row, p->col, flags < used ? flags : used, KT_STYLE(WARN));
    kt_buf_free(&b);
}

static void draw_why(const struct place *p, const struct kt_row *r, bool with_state)
{
    struct kt_buf b;
    struct place rest = *p;
    kt_buf_init(&b, 4096);
    if (with_state)
        kt_triage_words(&b, &r->triage);
    if (b.len) {
        int used = kt_canvas_data(p->c, p->row, p->col, p->width, p->name, kt_buf_span(&b), KT_TEXT_FREE);
        bool more = r->verdict.why[0] || r->ev.flags || r->ev.kind != KT_KIND_CREATION ||
                    kt_verdict_suppressed(&r->verdict);
        used += more && used < p->width ? kt_canvas_text(p->c, p->row, p->col + used, p->width - used, p->rest, "; ") : 0;
        rest.col += used;
        rest.width -= used;
    }
    if (rest.width > 0)
        draw_reasons(&rest, r);
    kt_buf_free(&b);
}

static void draw_time(const struct place *p, const struct kt_row *r, int64_t now, bool fresh, bool clock_only)
{
    char b[KT_FMT_TEXT];
    const char *text = clock_only && p->width < 10 ? kt_fmt_clock(r->ev.time, b)
                                                   : kt_fmt_when(r->ev.time, now, p->width, b);
    struct kt_style s = fresh ? KT_STYLE(BRIGHT) : p->rest;
    kt_canvas_text(p->c, p->row, p->col, p->width, r->ev.time == KT_TIME_NONE ? KT_STYLE(DIM) : s, text);
}

static void draw_state(const struct place *p, const struct kt_row *r)
{
    struct kt_buf b;
    kt_buf_init(&b, 4096);
    kt_triage_words(&b, &r->triage);
    if (b.len) /* where nobody did anything yet there is nothing to read */
        kt_canvas_data(p->c, p->row, p->col, p->width, p->rest, kt_buf_span(&b), KT_TEXT_FREE);
    kt_buf_free(&b);
}

/* What is acknowledged has a tick where its severity was. */
static void draw_risk(const struct place *p, const struct kt_row *r)
{
    struct kt_style s = {(uint8_t)kt_fmt_level_role(r->verdict.level), 0};
    if (r->triage.acked)
        s = KT_STYLE(DIM);
    kt_canvas_text(p->c, p->row, p->col, 1, s, r->triage.acked ? "✓" : kt_fmt_level(r->verdict.level));
    kt_canvas_printf(p->c, p->row, p->col + 1, p->width - 1, s, "%3d", r->verdict.risk);
}

static struct kt_span asked_value(enum kt_column column, const struct kt_row *r)
{
    static const struct kt_span truth[] = {[KT_UNKNOWN] = {NULL, 0}, [KT_NO] = {"no", 2}, [KT_YES] = {"yes", 3}};
    switch (column) {
    case KT_COLUMN_EVENT: return r->ev.event_name;
    case KT_COLUMN_SESSION: return r->ev.actor.session;
    case KT_COLUMN_MFA: return truth[r->ev.actor.mfa];
    case KT_COLUMN_COUNTRY: return r->where.country;
    case KT_COLUMN_NETWORK: return r->where.network;
    case KT_COLUMN_ERROR: return r->ev.error_code;
    case KT_COLUMN_TAGS: return r->triage.tags;
    case KT_COLUMN_ASSIGNED: return r->triage.assigned;
    case KT_COLUMN_SOURCE: return r->origin.source;
    default: return KT_SPAN_NONE;
    }
}

/* Facts that most rows are without leave their place empty. */
static void draw_asked(enum kt_column column, const struct place *p, const struct kt_row *r)
{
    struct kt_span v = asked_value(column, r);
    bool free = column == KT_COLUMN_NETWORK || column == KT_COLUMN_SOURCE;
    bool may_be_empty = column == KT_COLUMN_ERROR || column == KT_COLUMN_TAGS || column == KT_COLUMN_ASSIGNED ||
                        column == KT_COLUMN_SESSION;
    if (kt_span_known(v))
        kt_canvas_data(p->c, p->row, p->col, p->width, p->rest, v, free ? KT_TEXT_FREE : KT_TEXT_IDENTITY);
    else if (!may_be_empty)
        unknown(p);
}

static void draw_cell(enum kt_column column, const struct place *p, const struct kt_row *r, int64_t now, bool fresh,
                      bool clock_only, const struct kt_columns *k)
{
    switch (column) {
    case KT_COLUMN_TIME: draw_time(p, r, now, fresh, clock_only); break;
    case KT_COLUMN_RISK: draw_risk(p, r); break;
    case KT_COLUMN_ACTOR: draw_actor(p, r); break;
    case KT_COLUMN_TARGET: draw_target(p, r); break;
    case KT_COLUMN_RESULT: draw_result(p, r); break;
    case KT_COLUMN_KEY: draw_key(p, r, k->result_in_key); break;
    case KT_COLUMN_FROM:
        draw_from(p, r);
        break;
    case KT_COLUMN_AGENT: draw_agent(p, r); break;
    case KT_COLUMN_ACCOUNT:
    case KT_COLUMN_REGION: {
        struct kt_span v = column == KT_COLUMN_ACCOUNT ? r->ev.account : r->ev.region;
        if (kt_span_known(v))
            data(p, 0, p->rest, v);
        else
            unknown(p);
        break;
    }
    case KT_COLUMN_STATE: draw_state(p, r); break;
    case KT_COLUMN_WHY: draw_why(p, r, k->state_in_why); break;
    default: draw_asked(column, p, r); break;
    }
}

/* A record that could not be read is a row like others: its reason, and where
 * it stands. */
static void draw_malformed(const struct kt_columns *k, struct kt_canvas *c, int row, const struct kt_row *r)
{
    int col = k->left, end = k->left + k->width;
    if (k->n > 2 && k->at[0].column == KT_COLUMN_TIME) {
        kt_canvas_text(c, row, col, k->at[0].width, KT_STYLE(DIM), "no time");
        col = k->at[1].col;
    }
    col += kt_canvas_text(c, row, col, end - col, KT_STYLE(BAD), "✗ malformed: ");
    if (col < end)
        col += kt_canvas_data(c, row, col, end - col, KT_STYLE(TEXT), r->malformed.reason, KT_TEXT_FREE);
    if (r->malformed.names_event)
        col += kt_canvas_text(c, row, col, end - col, KT_STYLE(WARN), ", names an event of interest");
    col += kt_canvas_text(c, row, col, end - col, KT_STYLE(DIM), "  ");
    char place[80];
    snprintf(place, sizeof place, " record %" PRIu64 ", %" PRIu64 " bytes", r->origin.record, r->malformed.bytes);
    int w = (int)strlen(place);
    if (col + 12 < end)
        col += kt_canvas_data(c, row, col, end - col > w + 6 ? end - col - w : end - col, KT_STYLE(DIM),
                              r->origin.source, KT_TEXT_FREE);
    if (col + w <= end)
        kt_canvas_text(c, row, col, w, KT_STYLE(DIM), place);
}

void kt_columns_row(const struct kt_columns *k, struct kt_canvas *c, int row, const struct kt_row *r, int64_t now,
                    bool fresh, bool clock_only)
{
    if (r->ev.kind == KT_KIND_MALFORMED) {
        draw_malformed(k, c, row, r);
        return;
    }
    bool routine = r->verdict.level <= KT_LEVEL_LOW;
    for (int i = 0; i < k->n; i++) {
        struct place p = {c, row, k->at[i].col, k->at[i].width, KT_STYLE(TEXT), KT_STYLE(TEXT)};
        if (routine)
            p.rest = KT_STYLE(DIM);
        if (kt_verdict_suppressed(&r->verdict))
            p.name = KT_STYLE(DIM);
        if (r->triage.acked)
            p.name = p.rest = KT_STYLE(DIM);
        draw_cell(k->at[i].column, &p, r, now, fresh, clock_only, k);
    }
}
