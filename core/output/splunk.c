/* Risk events in the fields of Splunk Enterprise Security's Risk data model
 * (Risk.All_Risk), each wrapped as the HTTP Event Collector takes it: one
 * object a line, `fields` flat. There is one event for each risk object: the
 * actor, and the user whom the key is for where that is another one.
 *
 * `annotations.mitre_attack` stands under `fields`, as indexed fields, for of
 * a JSON event Splunk would call a list `annotations.mitre_attack{}`. No index
 * is named: the collector's token decides. */
#include "output/attack.h"
#include "output/impl.h"
#include "output/json.h"

/* "keytop - " and the title of what weighs most. */
static bool search_name(struct kt_buf *name, const struct kt_row *r, const struct kt_rules *rules)
{
    struct kt_rule_info info;
    struct kt_span title = KT_LIT("permanent access key");
    if (rules && r->verdict.n_rules && kt_rules_by_id(rules, r->verdict.rule[0].id, &info) && kt_span_known(info.title))
        title = info.title;
    else if (rules && r->verdict.n_signals && r->verdict.signal[0].weight > 0 &&
             kt_rules_signal(rules, r->verdict.signal[0].name, &info) && kt_span_known(info.title))
        title = info.title;
    return kt_buf_adds(name, "keytop - ") && kt_buf_add(name, title.p, title.n);
}

static void message(struct kt_buf *m, const struct kt_row *r)
{
    const struct kt_event *ev = &r->ev;
    struct kt_span unknown = KT_LIT("?");
    struct kt_span actor = kt_span_known(ev->actor.name) ? ev->actor.name : unknown;
    struct kt_span name = kt_span_known(ev->event_name) ? ev->event_name : unknown;
    const char *result = kt_result_name(ev->result);
    (void)kt_buf_add(m, name.p, name.n);
    (void)kt_buf_addf(m, " %s by ", result ? result : "of unknown result");
    (void)kt_buf_add(m, actor.p, actor.n);
    if (ev->kind != KT_KIND_USE) {
        struct kt_span target = kt_span_known(ev->target.name) ? ev->target.name : unknown;
        (void)kt_buf_adds(m, " for ");
        (void)kt_buf_add(m, target.p, target.n);
    }
    if (r->verdict.why[0])
        (void)kt_buf_addf(m, ": %s", r->verdict.why);
}

static void facts(struct kt_buf *b, const struct kt_row *r)
{
    const struct kt_event *ev = &r->ev;
    json_text_if(b, "src_user", ev->actor.name);
    json_text_if(b, "src_user_id", ev->actor.arn);
    json_text_if(b, "user", kt_span_known(ev->target.name) ? ev->target.name : ev->actor.name);
    json_text_if(b, "src", ev->source.address);
    json_text_if(b, "user_agent", ev->agent.text);
    json_text_if(b, "command", ev->event_name);
    json_word_if(b, "action", kt_result_name(ev->result));
    json_text_if(b, "result_id", ev->error_code);
    json_text_if(b, "access_key_id", ev->key.id);
    json_text_if(b, "vendor_account", ev->account);
    json_text_if(b, "vendor_region", ev->region);
    json_text_if(b, "orig_event_id", ev->event_id);
    json_text_if(b, "orig_source", r->origin.source);
    json_word(b, "severity", kt_level_name(r->verdict.level));
    if (r->verdict.why[0])
        json_word(b, "why", r->verdict.why);
}

static void annotations(struct kt_buf *b, const struct kt_row *r, const struct kt_rules *rules)
{
    struct attack k;
    attack_of(&k, &r->verdict, rules);
    if (!k.n_techniques)
        return;
    json_open_map(b, "fields");
    json_open_list(b, "annotations.mitre_attack");
    for (size_t i = 0; i < k.n_techniques; i++)
        json_item(b, kt_span_of(k.technique[i].id));
    json_shut_list(b);
    json_shut(b);
}

static void risk_event(struct kt_buf *b, const struct kt_row *r, const struct kt_rules *rules, struct kt_span object,
                       const char *type, struct kt_span search, struct kt_span words)
{
    (void)kt_buf_addc(b, '{');
    if (r->ev.time != KT_TIME_NONE) {
        json_key(b, "time");
        (void)kt_buf_addf(b, "%lld.%03d", (long long)(r->ev.time / 1000), (int)(r->ev.time % 1000));
    }
    json_text(b, "source", search);
    json_word(b, "sourcetype", "keytop:risk");
    json_open_map(b, "event");
    json_text(b, "search_name", search);
    json_text(b, "risk_object", object);
    json_word(b, "risk_object_type", type);
    json_number(b, "risk_score", (uint64_t)r->verdict.risk);
    json_text(b, "risk_message", words);
    if (r->ev.source.kind == KT_ADDRESS_IP) {
        json_text(b, "threat_object", r->ev.source.address);
        json_word(b, "threat_object_type", "ip_address");
    }
    facts(b, r);
    json_shut(b);
    annotations(b, r, rules);
    (void)kt_buf_adds(b, "}\n");
}

bool splunk_row(struct kt_buf *b, const struct kt_row *r, const struct kt_rules *rules)
{
    const struct kt_event *ev = &r->ev;
    struct kt_buf search, words;
    if (ev->kind == KT_KIND_MALFORMED)
        return true;
    kt_buf_init(&search, 1 << 16);
    kt_buf_init(&words, LINE_MAX_BYTES);
    (void)search_name(&search, r, rules);
    message(&words, r);
    struct kt_span actor = kt_span_known(ev->actor.name)           ? ev->actor.name
                           : kt_span_known(ev->actor.arn)          ? ev->actor.arn
                           : kt_span_known(ev->actor.principal_id) ? ev->actor.principal_id
                                                                   : KT_SPAN_NONE;
    bool other = kt_span_known(ev->target.name) && ev->target.self != KT_YES && ev->kind != KT_KIND_USE;
    if (kt_span_known(actor))
        risk_event(b, r, rules, actor, "user", kt_buf_span(&search), kt_buf_span(&words));
    if (other)
        risk_event(b, r, rules, ev->target.name, "user", kt_buf_span(&search), kt_buf_span(&words));
    if (!kt_span_known(actor) && !other)
        risk_event(b, r, rules, kt_span_known(ev->key.id) ? ev->key.id : KT_LIT("unknown"), "other",
                   kt_buf_span(&search), kt_buf_span(&words));
    bool ok = !search.failed && !words.failed && !b->failed;
    kt_buf_free(&search);
    kt_buf_free(&words);
    return ok;
}
