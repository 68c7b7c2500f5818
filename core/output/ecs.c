/* Elastic Common Schema 8.11, as Elastic's own integration makes of CloudTrail
 * records (the fields aws.cloudtrail.* beside ECS's): what is written here can
 * go into the same index. What keytop adds stands under `keytop`, the risk as
 * event.risk_score, ATT&CK under `threat`, rules under `rule`. */
#include "output/attack.h"
#include "output/impl.h"
#include "output/json.h"

static struct kt_span in_record(struct kt_node *root, const char *path, struct kt_arena *a)
{
    struct kt_node *v = root ? kt_json_path(root, kt_span_of(path)) : NULL;
    return v && !kt_node_is(v, KT_NODE_NULL) ? kt_json_text(v, a) : KT_SPAN_NONE;
}

static void event(struct kt_buf *b, const struct kt_row *r)
{
    const struct kt_event *ev = &r->ev;
    bool well = ev->result == KT_RESULT_CREATED || ev->result == KT_RESULT_DONE;
    json_open_map(b, "event");
    json_word(b, "kind", "event");
    json_word(b, "module", "aws");
    json_word(b, "dataset", "aws.cloudtrail");
    json_text_if(b, "action", ev->event_name);
    json_text_if(b, "provider", ev->event_source);
    json_text_if(b, "id", ev->event_id);
    json_word(b, "outcome", well ? "success" : ev->result == KT_RESULT_UNKNOWN ? "unknown" : "failure");
    if (ev->kind != KT_KIND_USE) {
        json_open_list(b, "category");
        json_item(b, KT_LIT("iam"));
        json_shut_list(b);
    }
    json_open_list(b, "type");
    if (ev->kind == KT_KIND_USE) {
        json_item(b, KT_LIT("info"));
    } else {
        json_item(b, KT_LIT("user"));
        json_item(b, KT_LIT("change"));
    }
    json_shut_list(b);
    json_number(b, "risk_score", (uint64_t)r->verdict.risk);
    json_number(b, "risk_score_norm", (uint64_t)r->verdict.risk);
    json_number(b, "severity", (uint64_t)r->verdict.level);
    if (r->verdict.why[0])
        json_word(b, "reason", r->verdict.why);
    json_shut(b);
}

static void error(struct kt_buf *b, const struct kt_event *ev)
{
    size_t before = b->len;
    json_open_map(b, "error");
    json_text_if(b, "code", ev->error_code);
    json_text_if(b, "message", ev->error_message);
    json_shut_if(b, before);
}

static void user(struct kt_buf *b, const struct kt_event *ev)
{
    size_t before = b->len;
    json_open_map(b, "user");
    json_text_if(b, "id", ev->actor.principal_id);
    json_text_if(b, "name", ev->actor.name);
    if (kt_span_known(ev->target.name)) {
        json_open_map(b, "target");
        json_text(b, "name", ev->target.name);
        json_shut(b);
    }
    json_shut_if(b, before);
}

/* "AS64500 Example Ltd" */
static void network(struct kt_buf *b, struct kt_span s)
{
    uint64_t number = 0;
    size_t i = 2;
    if (!kt_span_starts(s, "AS"))
        return;
    for (; i < s.n && i < 12 && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        number = number * 10 + (uint64_t)(s.p[i] - '0');
    json_open_map(b, "as");
    json_number(b, "number", number);
    if (i + 1 < s.n) {
        json_open_map(b, "organization");
        json_text(b, "name", (struct kt_span){s.p + i + 1, s.n - i - 1});
        json_shut(b);
    }
    json_shut(b);
}

static void source(struct kt_buf *b, const struct kt_row *r)
{
    size_t before = b->len;
    json_open_map(b, "source");
    json_text_if(b, "address", r->ev.source.address);
    if (r->ev.source.kind == KT_ADDRESS_IP)
        json_text(b, "ip", r->ev.source.address);
    if (kt_span_known(r->where.country)) {
        json_open_map(b, "geo");
        json_text(b, "country_iso_code", r->where.country);
        json_shut(b);
    }
    network(b, r->where.network);
    json_shut_if(b, before);
}

static void agent(struct kt_buf *b, const struct kt_agent *g)
{
    size_t before = b->len;
    json_open_map(b, "user_agent");
    json_text_if(b, "original", g->text);
    json_text_if(b, "name", g->tool);
    json_text_if(b, "version", g->version);
    if (kt_span_known(g->os)) {
        json_open_map(b, "os");
        json_text(b, "name", g->os);
        json_shut(b);
    }
    json_shut_if(b, before);
}

static void cloud(struct kt_buf *b, const struct kt_event *ev)
{
    json_open_map(b, "cloud");
    json_word(b, "provider", "aws");
    json_text_if(b, "region", ev->region);
    if (kt_span_known(ev->account)) {
        json_open_map(b, "account");
        json_text(b, "id", ev->account);
        json_shut(b);
    }
    json_shut(b);
}

static void related(struct kt_buf *b, const struct kt_event *ev)
{
    bool other = kt_span_known(ev->target.name) && !kt_span_eq(ev->target.name, ev->actor.name);
    size_t before = b->len;
    json_open_map(b, "related");
    if (kt_span_known(ev->actor.name) || other) {
        json_open_list(b, "user");
        if (kt_span_known(ev->actor.name))
            json_item(b, ev->actor.name);
        if (other)
            json_item(b, ev->target.name);
        json_shut_list(b);
    }
    if (ev->source.kind == KT_ADDRESS_IP) {
        json_open_list(b, "ip");
        json_item(b, ev->source.address);
        json_shut_list(b);
    }
    json_shut_if(b, before);
}

static void rule(struct kt_buf *b, const struct kt_verdict *v, const struct kt_rules *rules)
{
    struct kt_rule_info info;
    if (!v->n_rules)
        return;
    json_open_map(b, "rule");
    json_open_list(b, "id");
    for (size_t i = 0; i < v->n_rules; i++)
        json_item(b, v->rule[i].id);
    json_shut_list(b);
    json_open_list(b, "name");
    for (size_t i = 0; i < v->n_rules; i++)
        json_item(b, rules && kt_rules_by_id(rules, v->rule[i].id, &info) && kt_span_known(info.title) ? info.title
                                                                                                      : v->rule[i].id);
    json_shut_list(b);
    json_shut(b);
}

/* ECS has lists side by side: ids and names in the same order. */
static void techniques(struct kt_buf *b, const struct attack *k)
{
    bool any_sub = false;
    json_open_map(b, "technique");
    json_open_list(b, "id");
    for (size_t i = 0; i < k->n_techniques; i++)
        if (!k->technique[i].parent[0])
            json_item(b, kt_span_of(k->technique[i].id));
        else
            any_sub = true;
    json_shut_list(b);
    if (any_sub) {
        json_open_map(b, "subtechnique");
        json_open_list(b, "id");
        for (size_t i = 0; i < k->n_techniques; i++)
            if (k->technique[i].parent[0])
                json_item(b, kt_span_of(k->technique[i].id));
        json_shut_list(b);
        json_shut(b);
    }
    json_shut(b);
}

static void threat(struct kt_buf *b, const struct kt_verdict *v, const struct kt_rules *rules)
{
    struct attack k;
    attack_of(&k, v, rules);
    if (!k.n_techniques && !k.n_tactics)
        return;
    json_open_map(b, "threat");
    json_word(b, "framework", "MITRE ATT&CK");
    if (k.n_tactics) {
        json_open_map(b, "tactic");
        json_open_list(b, "id");
        for (size_t i = 0; i < k.n_tactics; i++)
            json_item(b, kt_span_of(k.tactic[i].id));
        json_shut_list(b);
        json_open_list(b, "name");
        for (size_t i = 0; i < k.n_tactics; i++)
            json_item(b, kt_span_of(k.tactic[i].name));
        json_shut_list(b);
        json_shut(b);
    }
    if (k.n_techniques)
        techniques(b, &k);
    json_shut(b);
}

static void issuer(struct kt_buf *b, struct kt_node *root, struct kt_arena *a)
{
    static const struct {
        const char *name, *path;
    } facts[] = {{"type", "userIdentity.sessionContext.sessionIssuer.type"},
                 {"principal_id", "userIdentity.sessionContext.sessionIssuer.principalId"},
                 {"arn", "userIdentity.sessionContext.sessionIssuer.arn"},
                 {"account_id", "userIdentity.sessionContext.sessionIssuer.accountId"}};
    size_t before = b->len;
    json_open_map(b, "session_issuer");
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        json_text_if(b, facts[i].name, in_record(root, facts[i].path, a));
    json_shut_if(b, before);
}

static void identity(struct kt_buf *b, const struct kt_event *ev, struct kt_node *root, struct kt_arena *a)
{
    size_t before = b->len;
    json_open_map(b, "user_identity");
    json_text_if(b, "type", ev->actor.type);
    json_text_if(b, "arn", ev->actor.arn);
    json_text_if(b, "access_key_id", ev->actor.access_key_id);
    json_text_if(b, "invoked_by", in_record(root, "userIdentity.invokedBy", a));
    size_t session = b->len;
    json_open_map(b, "session_context");
    json_word_if(b, "mfa_authenticated", ev->actor.mfa == KT_YES ? "true" : ev->actor.mfa == KT_NO ? "false" : NULL);
    json_text_if(b, "creation_date", in_record(root, "userIdentity.sessionContext.attributes.creationDate", a));
    issuer(b, root, a);
    json_shut_if(b, session);
    json_shut_if(b, before);
}

static void cloudtrail(struct kt_buf *b, const struct kt_event *ev, struct kt_node *root, struct kt_arena *a)
{
    json_open_map(b, "aws");
    json_open_map(b, "cloudtrail");
    json_text_if(b, "event_type", in_record(root, "eventType", a));
    json_text_if(b, "event_version", in_record(root, "eventVersion", a));
    json_text_if(b, "request_id", in_record(root, "requestID", a));
    json_text_if(b, "recipient_account_id", in_record(root, "recipientAccountId", a));
    json_text_if(b, "error_code", ev->error_code);
    json_text_if(b, "error_message", ev->error_message);
    identity(b, ev, root, a);
    json_shut(b);
    json_shut(b);
}

static void ours(struct kt_buf *b, const struct kt_row *r)
{
    const struct kt_event *ev = &r->ev;
    json_open_map(b, "keytop");
    json_word(b, "kind", kt_kind_name(ev->kind));
    json_word_if(b, "result", kt_result_name(ev->result));
    size_t before = b->len;
    json_open_map(b, "key");
    json_text_if(b, "id", ev->key.id);
    json_text_if(b, "status", ev->key.status);
    json_time_if(b, "created", ev->key.created);
    json_shut_if(b, before);
    json_tri_if(b, "self", ev->target.self);
    json_word_if(b, "agent_class", kt_agent_class_name(ev->agent.cls));
    json_text_if(b, "source_aws", r->where.aws);
    output_verdict(b, r);
    json_shut(b);
}

bool ecs_row(struct kt_buf *b, const struct kt_row *r, struct kt_node *root, const struct kt_rules *rules, struct kt_arena *a)
{
    if (r->ev.kind == KT_KIND_MALFORMED)
        return true;
    (void)kt_buf_addc(b, '{');
    json_time_if(b, "@timestamp", r->ev.time);
    json_open_map(b, "ecs");
    json_word(b, "version", "8.11.0");
    json_shut(b);
    event(b, r);
    error(b, &r->ev);
    user(b, &r->ev);
    source(b, r);
    agent(b, &r->ev.agent);
    cloud(b, &r->ev);
    related(b, &r->ev);
    rule(b, &r->verdict, rules);
    threat(b, &r->verdict, rules);
    cloudtrail(b, &r->ev, root, a);
    ours(b, r);
    (void)kt_buf_adds(b, "}\n");
    return !b->failed;
}
