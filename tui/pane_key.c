/* A key: how it came to be, and its life since, as far as these sources show
 * it. */
#include "event/contain.h"
#include "tui/format.h"
#include "tui/pane.h"
#include "tui/triage.h"

#include <inttypes.h>
#include <stdio.h>

/* --- its creation ----------------------------------------------------------- */

static bool made(const struct kt_pane *p, const struct kt_row *r)
{
    return kt_span_eq(r->ev.key.id, p->info.name) && r->ev.kind == KT_KIND_CREATION;
}

/* The row that created the key: the one by which one came, the one that the
 * ledger names, or one among the newest rows that touch it. */
static bool creation(const struct kt_pane *p, struct kt_row *r)
{
    if (p->from_seq && kt_app_row(p->app, p->from_seq, r) && made(p, r))
        return true;
    if (p->have_life && p->life.seq && kt_app_row(p->app, p->life.seq, r) && made(p, r))
        return true;
    for (size_t i = 0; p->snap && i < p->snap->n && i < 100; i++)
        if (kt_app_row(p->app, p->snap->seq[i], r) && made(p, r))
            return true;
    return false;
}

bool kt_pane_key_subject(const struct kt_pane *p, struct kt_subject *about)
{
    struct kt_pane now = *p; /* what it knew of the key was for the last frame */
    struct kt_row r;
    if (!kt_store_entity(p->app->store, p->entity, p->app->arena, &now.info) || now.info.kind != KT_ENTITY_KEY)
        return false;
    now.have_info = true;
    *about = creation(&now, &r) ? kt_triage_row(&r) : kt_triage_key(now.info.name);
    return true;
}

/* --- lines that begin with a time ---------------------------------------------- */

static void begin(const struct kt_pane *p, struct kt_pen *pen, int64_t t)
{
    char b[KT_FMT_TEXT];
    int64_t now = kt_app_now(p->app);
    const char *when = kt_fmt_when(t, now, kt_fmt_same_day(t, now) ? 8 : 19, b);
    pen->indent = kt_canvas_text_width(pen->ascii, when) + 2;
    kt_pen_text(pen, KT_STYLE(BRIGHT), when);
    kt_pen_gap(pen, 2);
}

static void end(struct kt_pen *pen)
{
    kt_pen_line(pen);
    pen->indent = 2;
}

static void tell_call(struct kt_pen *pen, const struct kt_moment *m)
{
    struct kt_span service = m->event_source;
    const char *dot = service.p ? memchr(service.p, '.', service.n) : NULL;
    if (dot && kt_span_is((struct kt_span){dot, service.n - (size_t)(dot - service.p)}, ".amazonaws.com"))
        service.n = (size_t)(dot - service.p);
    kt_pen_data(pen, KT_STYLE(TEXT), service, KT_TEXT_IDENTITY, "a service that is not known");
    kt_pen_text(pen, KT_STYLE(TEXT), " ");
    kt_pen_data(pen, KT_STYLE(BRIGHT), m->event_name, KT_TEXT_IDENTITY, "a call that is not known");
    if (m->result == KT_RESULT_DENIED || m->result == KT_RESULT_FAILED) {
        kt_pen_text(pen, KT_STYLE(WARN), " ");
        kt_pen_text(pen, KT_STYLE(WARN), kt_result_name(m->result));
    }
}

/* --- its use --------------------------------------------------------------------- */

static const char *apart(const struct kt_key_life *l)
{
    if (l->first_elsewhere == KT_YES)
        return l->first_other_agent == KT_YES ? "elsewhere: another address, another agent" : "elsewhere: another address";
    if (l->first_other_agent == KT_YES)
        return l->first_elsewhere == KT_NO ? "the same address, another agent" : "another agent";
    return l->first_elsewhere == KT_NO && l->first_other_agent == KT_NO ? "the same address and agent" : NULL;
}

static void tell_later(struct kt_pen *pen, const struct kt_key_life *l)
{
    char b[KT_FMT_TEXT];
    if (!l->created || l->creation.time == KT_TIME_NONE || l->first_use.time == KT_TIME_NONE)
        return;
    int64_t ms = l->first_use.time - l->creation.time;
    kt_pen_keep(pen, 14);
    if (ms < 0)
        kt_pen_text(pen, KT_STYLE(WARN), "  before its creation");
    else
        kt_pen_fmt(pen, KT_STYLE(BRIGHT), "  %s later", kt_fmt_duration(ms, b));
}

static void tell_first_use(const struct kt_pane *p, struct kt_pen *pen)
{
    const struct kt_key_life *l = &p->life;
    const char *where = apart(l);
    bool another = l->first_elsewhere == KT_YES;
    begin(p, pen, l->first_use.time);
    kt_pen_text(pen, KT_STYLE(TEXT), "first used: ");
    tell_call(pen, &l->first_use);
    tell_later(pen, l);
    kt_pen_line(pen);
    kt_pen_gap(pen, pen->indent);
    kt_pen_text(pen, KT_STYLE(TEXT), "from ");
    kt_pen_data(pen, KT_STYLE(LINK), l->first_use.address, KT_TEXT_IDENTITY, "an address that is not known");
    kt_pen_text(pen, KT_STYLE(TEXT), " with ");
    kt_story_agent(pen, &l->first_use.agent, KT_ROLE_LINK);
    if (where) {
        kt_pen_keep(pen, (int)strlen(where) + 4);
        kt_pen_fmt(pen, another ? KT_STYLE(WARN) : KT_STYLE(DIM), "  ← %s", where);
    }
    end(pen);
}

/* "62" where more are known than are kept */
static void tell_distinct(struct kt_pen *pen, size_t n, uint64_t beyond, const char *one, const char *many)
{
    char b[KT_FMT_TEXT];
    kt_pen_fmt(pen, KT_STYLE(TEXT), beyond ? " · more than %s" : " · %s", kt_fmt_plural(n, one, many, b));
}

static void tell_uses(const struct kt_pane *p, struct kt_pen *pen)
{
    const struct kt_key_life *l = &p->life;
    char b[KT_FMT_TEXT];
    begin(p, pen, l->last_use.time);
    kt_pen_text(pen, KT_STYLE(TEXT), "last used: ");
    tell_call(pen, &l->last_use);
    kt_pen_fmt(pen, KT_STYLE(TEXT), "  %s", kt_fmt_plural(l->uses, "use", "uses", b));
    if (l->denied)
        kt_pen_fmt(pen, KT_STYLE(WARN), ", %s denied", kt_fmt_count(l->denied, b));
    tell_distinct(pen, l->n_address, l->addresses_beyond, "address", "addresses");
    tell_distinct(pen, l->n_agent, l->agents_beyond, "agent", "agents");
    end(pen);
}

static void tell_no_use(const struct kt_pane *p, struct kt_pen *pen)
{
    const struct kt_key_life *l = &p->life;
    char b[KT_FMT_TEXT];
    int64_t since = p->have_life && l->created && l->creation.time != KT_TIME_NONE ? l->creation.time : l->since;
    if (p->have_life && l->since != KT_TIME_NONE && since != KT_TIME_NONE && l->since > since)
        since = l->since;
    if (!p->have_life || since == KT_TIME_NONE)
        kt_pen_text(pen, KT_STYLE(DIM), "use not seen in these sources");
    else
        kt_pen_fmt(pen, KT_STYLE(DIM), "use not seen in these sources since %s", kt_fmt_stamp(since, kt_app_now(p->app), b));
    kt_pen_line(pen);
}

/* --- its state ---------------------------------------------------------------------- */

static void tell_change(const struct kt_pane *p, struct kt_pen *pen, const struct kt_life_change *c)
{
    begin(p, pen, c->time);
    kt_pen_text(pen, KT_STYLE(BRIGHT), c->kind == KT_KIND_DELETION ? "deleted" : c->kind == KT_KIND_DEACTIVATION
                                       ? "switched off" : "switched on");
    kt_pen_text(pen, KT_STYLE(TEXT), " by ");
    kt_pen_data(pen, KT_STYLE(LINK), c->actor, KT_TEXT_IDENTITY, "an actor that is not known");
    kt_pen_text(pen, KT_STYLE(TEXT), " from ");
    kt_pen_data(pen, KT_STYLE(LINK), c->address, KT_TEXT_IDENTITY, "an address that is not known");
    end(pen);
}

/* The last few; the others as a number. */
static void tell_changes(const struct kt_pane *p, struct kt_pen *pen)
{
    enum { FEW = 3 };
    const struct kt_key_life *l = &p->life;
    char b[KT_FMT_TEXT];
    size_t from = l->n_change > FEW ? l->n_change - FEW : 0;
    uint64_t before = from + l->changes_beyond;
    if (before) {
        kt_pen_fmt(pen, KT_STYLE(DIM), "%s of its state before these", kt_fmt_plural(before, "change", "changes", b));
        kt_pen_line(pen);
    }
    for (size_t i = from; i < l->n_change; i++)
        tell_change(p, pen, &l->change[i]);
}

static void tell_rotation(struct kt_pen *pen, const struct kt_key_life *l)
{
    if (kt_span_known(l->rotated_into)) {
        kt_pen_text(pen, KT_STYLE(TEXT), "rotated into ");
        kt_pen_data(pen, KT_STYLE(LINK), l->rotated_into, KT_TEXT_IDENTITY, NULL);
        kt_pen_gap(pen, 2);
    }
    if (kt_span_known(l->rotation_of)) {
        kt_pen_text(pen, KT_STYLE(TEXT), "rotation of ");
        kt_pen_data(pen, KT_STYLE(LINK), l->rotation_of, KT_TEXT_IDENTITY, NULL);
    }
    if (kt_span_known(l->rotated_into) || kt_span_known(l->rotation_of))
        kt_pen_line(pen);
}

static void tell_life(const struct kt_pane *p, struct kt_pen *pen)
{
    const struct kt_key_life *l = &p->life;
    if (!p->have_life || !l->uses) {
        tell_no_use(p, pen);
    } else {
        tell_first_use(p, pen);
        if (l->uses > 1)
            tell_uses(p, pen);
    }
    if (!p->have_life)
        return;
    tell_changes(p, pen);
    tell_rotation(pen, l);
}

static void tell_state(const struct kt_pane *p, struct kt_pen *pen)
{
    const char *state = p->have_life ? kt_key_state_name(p->life.state) : NULL;
    kt_pen_text(pen, KT_STYLE(DIM), "state as far as seen: ");
    kt_pen_text(pen, state ? KT_STYLE(TEXT) : KT_STYLE(DIM), state ? state : "not known");
    if (p->have_life && kt_span_known(p->life.user)) {
        kt_pen_text(pen, KT_STYLE(DIM), "  of ");
        kt_pen_data(pen, KT_STYLE(LINK), p->life.user, KT_TEXT_IDENTITY, NULL);
    }
    kt_pen_line(pen);
}

/* --- how to contain it ------------------------------------------------------------- */

static void contain(const struct kt_pane *p, const struct kt_row *made_by, struct kt_contain *out)
{
    const struct kt_key_life *l = &p->life;
    struct kt_contain_of of = {.key = p->have_info ? p->info.name : KT_SPAN_NONE, .profile = p->app->opts.profile};
    if (p->have_life) {
        of.user = l->user;
        of.account = l->account;
        of.root = l->root;
        of.deleted = l->state == KT_KEY_DELETED;
    }
    if (made_by) {
        const struct kt_event *ev = &made_by->ev;
        of.user = kt_span_known(of.user) || of.root ? of.user : ev->target.name;
        of.account = kt_span_known(of.account) ? of.account : ev->target.account;
        of.region = ev->region;
    }
    kt_contain_command(&of, out);
}

unsigned kt_pane_copy_contain(const struct kt_pane *p)
{
    struct kt_pane now = *p; /* what it knew of the key was for the last frame */
    struct kt_contain c;
    struct kt_row r;
    now.have_info = kt_store_entity(p->app->store, p->entity, p->app->arena, &now.info);
    contain(&now, creation(&now, &r) ? &r : NULL, &c);
    if (c.kind == KT_CONTAIN_NONE)
        return kt_app_hint(p->app, "nothing to copy: %s", c.why);
    char what[80];
    struct kt_span key = now.info.name; /* one that IAM can have produced, or there were no command */
    snprintf(what, sizeof what, c.kind == KT_CONTAIN_LOOKUP ? "what asks AWS whose %.4s…%.4s is" : "%.4s…%.4s's command, not run",
             key.p, key.p + key.n - 4);
    return kt_app_copy_text(p->app, c.command, what);
}

/* Below the table one line of it has to do; by itself it stands in full. */
static void tell_contain(const struct kt_pane *p, struct kt_pen *pen, const struct kt_row *made_by)
{
    static const char copies[] = "  y copies";
    struct kt_contain c;
    contain(p, made_by, &c);
    kt_pen_text(pen, KT_STYLE(DIM), c.kind == KT_CONTAIN_LOOKUP ? "whose key: " : "contain: ");
    if (c.kind == KT_CONTAIN_NONE) {
        kt_pen_text(pen, KT_STYLE(DIM), c.why);
    } else if (p->cursor) {
        kt_pen_text(pen, KT_STYLE(TEXT), c.command);
        kt_pen_keep(pen, (int)sizeof copies - 1);
        kt_pen_text(pen, KT_STYLE(DIM), copies);
    } else {
        kt_pen_cut(pen, KT_STYLE(TEXT), kt_span_of(c.command), KT_TEXT_IDENTITY,
                   pen->right - pen->col - (int)sizeof copies + 1);
        kt_pen_text(pen, KT_STYLE(DIM), copies);
    }
    kt_pen_line(pen);
}

enum { FEW_LINES = 9, MANY_LINES = 16 };

/* Of the key itself, and of the row that made it. */
static void tell_triage(const struct kt_pane *p, struct kt_pen *pen, const struct kt_row *made_by)
{
    size_t most = p->cursor && p->room >= MANY_LINES ? KT_TRIAGE_TOLD : 1; /* where there is little room the last word has to do */
    struct kt_subject about = kt_triage_key(p->have_info ? p->info.name : KT_SPAN_NONE);
    if (kt_span_known(about.key))
        kt_triage_tell(p->app, pen, &about, most);
    if (!made_by)
        return;
    about = kt_triage_row(made_by);
    kt_triage_tell(p->app, pen, &about, most);
}

/* --- what moved its risk -------------------------------------------------------------- */

static void tell_evidence(const struct kt_pane *p, struct kt_pen *pen, const struct kt_signal *s)
{
    char b[KT_FMT_TEXT];
    int64_t now = kt_app_now(p->app);
    for (size_t i = 0; i < s->n_evidence; i++) {
        const struct kt_evidence *e = &s->evidence[i];
        kt_pen_gap(pen, 2);
        kt_pen_text(pen, KT_STYLE(DIM), kt_fmt_when(e->time, now, kt_fmt_same_day(e->time, now) ? 8 : 19, b));
        kt_pen_gap(pen, 1);
        kt_pen_data(pen, KT_STYLE(DIM), e->event_id, KT_TEXT_IDENTITY, "");
    }
}

/* Each signal with its weight and the events that it goes by. */
static void tell_signals(const struct kt_pane *p, struct kt_pen *pen, const struct kt_verdict *v)
{
    for (size_t i = 0; i < v->n_signals; i++) {
        const struct kt_signal *s = &v->signal[i];
        struct kt_rule_info rule = {.title = s->name};
        (void)kt_rules_signal(p->app->rules, s->name, &rule);
        pen->indent = 6;
        kt_pen_fmt(pen, s->weight > 0 ? KT_STYLE(BRIGHT) : KT_STYLE(OK), "%+4d ", s->weight);
        kt_pen_data(pen, KT_STYLE(TEXT), rule.title, KT_TEXT_FREE, NULL);
        tell_evidence(p, pen, s);
        end(pen);
    }
}

static void facts(const struct kt_pane *p, struct kt_pen *pen)
{
    struct kt_row r;
    bool have = creation(p, &r);
    if (have) {
        kt_story_begin(p->app, pen, &r);
    } else if (p->snap) {
        kt_pen_text(pen, KT_STYLE(DIM), "its creation: not seen in these sources");
        kt_pen_line(pen);
    }
    bool first = !p->cursor && pen->end - pen->row < FEW_LINES; /* what y copies is not to fall off the end */
    if (first)
        tell_contain(p, pen, have ? &r : NULL);
    tell_triage(p, pen, have ? &r : NULL);
    tell_life(p, pen);
    if (!first)
        tell_contain(p, pen, have ? &r : NULL);
    if (have) {
        kt_story_end(p->app, pen, &r);
        if (p->cursor)
            tell_signals(p, pen, &r.verdict);
    }
    tell_state(p, pen);
    kt_pane_seen(p, pen);
}

const struct kt_pane_kind kt_pane_key = {
    "key", {KT_SECTION_ADDRESSES, KT_SECTION_AGENTS, KT_SECTION_USERS, KT_SECTION_KEYS, KT_SECTION_TIMELINE}, 5, facts,
};
