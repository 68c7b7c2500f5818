/* One row in words: who did what for whom, from where, with what, and why one
 * should care. */
#include "base/hash.h"
#include "tui/format.h"
#include "tui/pane.h"
#include "tui/triage.h"

#include <inttypes.h>
#include <stdio.h>

static void tell_malformed(struct kt_pen *pen, const struct kt_row *r)
{
    char hex[2 * 32 + 1];
    kt_pen_text(pen, KT_STYLE(BAD), "✗ a record that could not be read: ");
    kt_pen_data(pen, KT_STYLE(TEXT), r->malformed.reason, KT_TEXT_FREE, "reason not known");
    kt_pen_line(pen);
    kt_pen_data(pen, KT_STYLE(TEXT), r->origin.source, KT_TEXT_FREE, "origin not known");
    kt_pen_fmt(pen, KT_STYLE(TEXT), ", record %" PRIu64 ", %" PRIu64 " bytes", r->origin.record, r->malformed.bytes);
    kt_pen_line(pen);
    kt_hex(r->malformed.sha256, 32, hex);
    kt_pen_fmt(pen, KT_STYLE(DIM), "SHA-256 %s", hex);
    kt_pen_line(pen);
    kt_pen_text(pen, r->malformed.names_event ? KT_STYLE(WARN) : KT_STYLE(DIM),
                r->malformed.names_event ? "its bytes name an event that is looked for: it may be one"
                                         : "its bytes name no event that is looked for");
    kt_pen_line(pen);
}

static void tell_actor(struct kt_pen *pen, const struct kt_row *r)
{
    if (kt_span_is(r->ev.actor.type, "AssumedRole"))
        kt_pen_text(pen, KT_STYLE(TEXT), "role ");
    kt_pen_data(pen, KT_STYLE(LINK), r->ev.actor.name, KT_TEXT_IDENTITY, "an actor that is not known");
    if (kt_span_known(r->ev.actor.session)) {
        kt_pen_text(pen, KT_STYLE(DIM), " / ");
        kt_pen_data(pen, KT_STYLE(TEXT), r->ev.actor.session, KT_TEXT_IDENTITY, NULL);
    }
}

static const char *what_word(const struct kt_row *r)
{
    static const char *const done[KT_KIND_COUNT] = {[KT_KIND_DEACTIVATION] = "switched off",
                                                    [KT_KIND_REACTIVATION] = "switched on",
                                                    [KT_KIND_DELETION] = "deleted", [KT_KIND_USE] = "used"};
    const char *word = r->ev.result == KT_RESULT_DONE ? done[r->ev.kind] : kt_result_name(r->ev.result);
    return word ? word : "result not known";
}

static void tell_call(struct kt_pen *pen, const struct kt_row *r)
{
    kt_pen_text(pen, KT_STYLE(TEXT), " ");
    kt_pen_data(pen, KT_STYLE(TEXT), r->ev.event_source, KT_TEXT_IDENTITY, "a service that is not known");
    kt_pen_text(pen, KT_STYLE(TEXT), " ");
    kt_pen_data(pen, KT_STYLE(BRIGHT), r->ev.event_name, KT_TEXT_IDENTITY, "a call that is not known");
}

static void tell_what(struct kt_pen *pen, const struct kt_row *r)
{
    bool went_well = r->ev.result == KT_RESULT_CREATED || r->ev.result == KT_RESULT_DONE;
    kt_pen_text(pen, went_well ? KT_STYLE(BRIGHT) : KT_STYLE(WARN), what_word(r));
    if (r->ev.kind != KT_KIND_CREATION)
        tell_call(pen, r);
    if (kt_span_known(r->ev.error_code)) {
        kt_pen_text(pen, KT_STYLE(WARN), " ");
        kt_pen_data(pen, KT_STYLE(WARN), r->ev.error_code, KT_TEXT_FREE, NULL);
    }
    if (kt_kind_is_call(r->ev.kind)) {
        kt_pen_text(pen, KT_STYLE(TEXT), " by ");
        tell_actor(pen, r);
        return;
    }
    kt_pen_text(pen, KT_STYLE(TEXT), " for ");
    if (r->ev.target.self == KT_YES) {
        kt_pen_text(pen, KT_STYLE(TEXT), "itself by ");
        tell_actor(pen, r);
        return;
    }
    kt_pen_data(pen, KT_STYLE(LINK), r->ev.target.name, KT_TEXT_IDENTITY, "a target that is not known");
    kt_pen_text(pen, KT_STYLE(TEXT), " by ");
    tell_actor(pen, r);
}

void kt_story_agent(struct kt_pen *pen, const struct kt_agent *g, enum kt_role tool)
{
    struct kt_style s = {(uint8_t)(g->cls == KT_AGENT_ATTACK_TOOL ? KT_ROLE_BAD : tool), 0};
    if (!kt_span_known(g->tool)) {
        kt_pen_data(pen, s, g->text, KT_TEXT_FREE, "an agent that is not known");
        return;
    }
    kt_pen_data(pen, s, g->tool, KT_TEXT_FREE, NULL);
    if (kt_span_known(g->version)) {
        kt_pen_text(pen, s, " ");
        kt_pen_data(pen, s, g->version, KT_TEXT_FREE, NULL);
    }
    if (kt_span_known(g->os)) {
        kt_pen_text(pen, KT_STYLE(DIM), " on ");
        kt_pen_data(pen, KT_STYLE(TEXT), g->os, KT_TEXT_FREE, NULL);
    }
}

/* (NL, AS64500 Example Hosting) */
static void tell_where(struct kt_pen *pen, const struct kt_row *r)
{
    const struct kt_span part[] = {r->where.country, r->where.network, r->where.aws};
    bool any = false;
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        if (!kt_span_known(part[i]))
            continue;
        kt_pen_text(pen, KT_STYLE(DIM), any ? ", " : " (");
        kt_pen_data(pen, KT_STYLE(TEXT), part[i], KT_TEXT_FREE, NULL);
        any = true;
    }
    if (any)
        kt_pen_text(pen, KT_STYLE(DIM), ")");
}

static void tell_means(struct kt_pen *pen, const struct kt_row *r)
{
    kt_pen_text(pen, KT_STYLE(TEXT), "from ");
    kt_pen_data(pen, KT_STYLE(LINK), r->ev.source.address, KT_TEXT_IDENTITY, "an address that is not known");
    tell_where(pen, r);
    kt_pen_text(pen, KT_STYLE(TEXT), " with ");
    kt_story_agent(pen, &r->ev.agent, KT_ROLE_LINK);
    if (kt_span_known(r->ev.actor.via)) {
        kt_pen_text(pen, KT_STYLE(DIM), " via ");
        kt_pen_data(pen, KT_STYLE(TEXT), r->ev.actor.via, KT_TEXT_FREE, NULL);
    }
}

static void tell_mfa(struct kt_pen *pen, const struct kt_row *r)
{
    bool unknown = r->ev.actor.mfa == KT_UNKNOWN;
    kt_pen_keep(pen, unknown ? 16 : 10);
    kt_pen_text(pen, KT_STYLE(DIM), "  MFA: ");
    if (unknown) /* why, where that takes no line of its own */
        kt_pen_text(pen, KT_STYLE(DIM), pen->right - pen->col >= 22 ? "not known (no session)" : "not known");
    else
        kt_pen_text(pen, r->ev.actor.mfa == KT_YES ? KT_STYLE(TEXT) : KT_STYLE(WARN),
                    r->ev.actor.mfa == KT_YES ? "yes" : "no");
}

/* "for another user, new address": each reason whole, on as many lines as they take. */
static void tell_reasons(struct kt_pen *pen, struct kt_span why)
{
    for (struct kt_span one; why.n; why.p += one.n, why.n -= one.n) {
        const char *comma = memmem(why.p, why.n, ", ", 2);
        one = (struct kt_span){why.p, comma ? (size_t)(comma - why.p) + 1 : why.n};
        kt_pen_data(pen, KT_STYLE(TEXT), one, KT_TEXT_FREE, NULL);
        if (comma) {
            kt_pen_gap(pen, 1);
            one.n++;
        }
    }
}

static void tell_risk(struct kt_pen *pen, const struct kt_row *r)
{
    struct kt_style s = {(uint8_t)kt_fmt_level_role(r->verdict.level), 0};
    kt_pen_fmt(pen, s, "risk %d %s", r->verdict.risk, kt_level_name(r->verdict.level));
    if (r->verdict.why[0]) {
        kt_pen_text(pen, KT_STYLE(TEXT), ": ");
        tell_reasons(pen, kt_span_of(r->verdict.why));
    }
    kt_pen_line(pen);
}

static void tell_filter(struct kt_app *a, struct kt_pen *pen, const struct kt_verdict *v)
{
    struct kt_rule_info rule = {.name = v->filtered};
    if (!kt_span_known(v->filter))
        return;
    (void)kt_rules_by_id(a->rules, v->filtered, &rule);
    kt_pen_text(pen, KT_STYLE(DIM), "filter ");
    kt_pen_data(pen, KT_STYLE(TEXT), v->filter, KT_TEXT_FREE, NULL);
    kt_pen_text(pen, KT_STYLE(DIM), kt_span_known(v->filtered) ? " keeps out " : " keeps it out");
    if (kt_span_known(v->filtered))
        kt_pen_data(pen, KT_STYLE(TEXT), kt_span_known(rule.title) ? rule.title : rule.name, KT_TEXT_FREE, NULL);
    kt_pen_line(pen);
}

static void tell_rules(struct kt_app *a, struct kt_pen *pen, const struct kt_row *r)
{
    for (size_t i = 0; i < r->verdict.n_rules && i < KT_RULES_MATCHED_MAX; i++) {
        struct kt_rule_info rule = {.name = r->verdict.rule[i].id};
        (void)kt_rules_by_id(a->rules, r->verdict.rule[i].id, &rule);
        kt_pen_text(pen, KT_STYLE(DIM), i ? ", " : "rules ");
        kt_pen_data(pen, KT_STYLE(TEXT), kt_span_known(rule.title) ? rule.title : rule.name, KT_TEXT_FREE, NULL);
    }
    if (r->verdict.n_rules)
        kt_pen_line(pen);
}

static void tell_record(struct kt_pen *pen, const struct kt_row *r)
{
    bool any = false;
    for (int i = 0; i < KT_FLAG_COUNT; i++) {
        const char *flag = r->ev.flags & (1u << i) ? kt_flag_name(1u << i) : NULL;
        if (!flag)
            continue;
        kt_pen_text(pen, KT_STYLE(WARN), any ? ", " : "this record: ");
        kt_pen_text(pen, KT_STYLE(WARN), flag);
        any = true;
    }
    if (any)
        kt_pen_line(pen);
}

static void tell_key(struct kt_pen *pen, const struct kt_row *r)
{
    if (kt_span_known(r->ev.key.id)) {
        kt_pen_text(pen, KT_STYLE(DIM), "key ");
        kt_pen_data(pen, KT_STYLE(LINK), r->ev.key.id, KT_TEXT_IDENTITY, NULL);
        if (r->ev.kind == KT_KIND_CREATION) {
            kt_pen_text(pen, KT_STYLE(DIM), " when created: ");
            kt_pen_data(pen, KT_STYLE(TEXT), r->ev.key.status, KT_TEXT_IDENTITY, "status not known");
        }
        kt_pen_keep(pen, 2 + 8 + 12 + 9 + 14);
        kt_pen_text(pen, KT_STYLE(DIM), "  account ");
    } else {
        kt_pen_text(pen, KT_STYLE(DIM), "account ");
    }
    kt_pen_data(pen, KT_STYLE(TEXT), r->ev.account, KT_TEXT_IDENTITY, "not known");
    kt_pen_text(pen, KT_STYLE(DIM), "  region ");
    kt_pen_data(pen, KT_STYLE(TEXT), r->ev.region, KT_TEXT_IDENTITY, "not known");
    kt_pen_line(pen);
}

void kt_story_begin(struct kt_app *a, struct kt_pen *pen, const struct kt_row *r)
{
    char b[KT_FMT_TEXT];
    int64_t now = kt_app_now(a);
    const char *when = kt_fmt_when(r->ev.time, now, kt_fmt_same_day(r->ev.time, now) ? 8 : 19, b);
    int width = kt_canvas_text_width(pen->ascii, when) + 2;
    pen->indent = width;
    kt_pen_text(pen, KT_STYLE(BRIGHT), when);
    kt_pen_gap(pen, 2);
    tell_what(pen, r);
    kt_pen_line(pen);
    kt_pen_gap(pen, width);
    tell_means(pen, r);
    tell_mfa(pen, r);
    kt_pen_line(pen);
    pen->indent = 2;
}

void kt_story_end(struct kt_app *a, struct kt_pen *pen, const struct kt_row *r)
{
    tell_risk(pen, r);
    if (kt_span_known(r->ev.error_message)) {
        kt_pen_data(pen, KT_STYLE(TEXT), r->ev.error_message, KT_TEXT_FREE, NULL);
        kt_pen_line(pen);
    }
    tell_record(pen, r);
    tell_key(pen, r);
    tell_rules(a, pen, r);
    tell_filter(a, pen, &r->verdict);
}

void kt_story(struct kt_app *a, struct kt_pen *pen, const struct kt_row *r)
{
    if (r->ev.kind == KT_KIND_MALFORMED) {
        tell_malformed(pen, r);
        return;
    }
    struct kt_subject about = kt_triage_row(r);
    kt_story_begin(a, pen, r);
    kt_triage_tell(a, pen, &about, KT_TRIAGE_TOLD);
    kt_story_end(a, pen, r);
}
