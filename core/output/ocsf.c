/* OCSF 1.5.0, class API Activity (6003): https://schema.ocsf.io/1.5.0/classes/api_activity
 *
 * Of the classes that could hold a key's creation, Account Change (3001) has no
 * activity for it and is left by later versions; Detection Finding (2004) is
 * for verdicts without their event. API Activity holds every row that keytop
 * has, with all of its facts, and is what AWS Security Lake makes of
 * CloudTrail. The verdict stands under `enrichments`, which every version of
 * OCSF has, and as `severity_id` and `attacks`. */
#include "output/attack.h"
#include "output/impl.h"
#include "output/json.h"

enum { CLASS_UID = 6003, ACCOUNT_AWS = 10 };
enum { CREATE = 1, READ, UPDATE, DELETE, OTHER = 99 };
enum { OBSERVABLE_IP = 2, OBSERVABLE_USER = 4, OBSERVABLE_RESOURCE = 10, OBSERVABLE_AGENT = 16 };

static struct kt_span in_record(struct kt_node *root, const char *path, struct kt_arena *a)
{
    struct kt_node *v = root ? kt_json_path(root, kt_span_of(path)) : NULL;
    return v && !kt_node_is(v, KT_NODE_NULL) ? kt_json_text(v, a) : KT_SPAN_NONE;
}

/* What a use did is known only where the record says that it read. */
static int activity_of(const struct kt_event *ev, struct kt_node *root)
{
    switch (ev->kind) {
    case KT_KIND_CREATION:
    case KT_KIND_CREDENTIAL: return CREATE;
    case KT_KIND_DEACTIVATION:
    case KT_KIND_REACTIVATION: return UPDATE;
    case KT_KIND_DELETION: return DELETE;
    default: return root && kt_node_is(kt_json_path(root, KT_LIT("readOnly")), KT_NODE_TRUE) ? READ : OTHER;
    }
}

static void classification(struct kt_buf *b, const struct kt_event *ev, struct kt_node *root)
{
    static const char *const captions[] = {[CREATE] = "Create", [READ] = "Read", [UPDATE] = "Update", [DELETE] = "Delete"};
    int activity = activity_of(ev, root);
    const char *caption = activity == OTHER ? "Other" : captions[activity];
    char type_name[40];
    (void)snprintf(type_name, sizeof type_name, "API Activity: %s", caption);
    json_number(b, "category_uid", 6);
    json_word(b, "category_name", "Application Activity");
    json_number(b, "class_uid", CLASS_UID);
    json_word(b, "class_name", "API Activity");
    json_number(b, "activity_id", (uint64_t)activity);
    if (activity == OTHER)
        json_text_if(b, "activity_name", ev->event_name);
    else
        json_word(b, "activity_name", caption);
    json_number(b, "type_uid", CLASS_UID * 100 + (uint64_t)activity);
    json_word(b, "type_name", type_name);
    if (ev->time != KT_TIME_NONE) {
        json_key(b, "time");
        (void)kt_buf_addf(b, "%lld", (long long)ev->time);
    }
}

static void outcome(struct kt_buf *b, const struct kt_row *r)
{
    static const char *const severity[] = {"Informational", "Low", "Medium", "High", "Critical"};
    enum kt_result is = r->ev.result;
    bool well = is == KT_RESULT_CREATED || is == KT_RESULT_DONE, bad = is == KT_RESULT_DENIED || is == KT_RESULT_FAILED;
    json_number(b, "severity_id", (uint64_t)r->verdict.level + 1);
    json_word(b, "severity", severity[r->verdict.level]);
    json_number(b, "status_id", well ? 1 : bad ? 2 : 0);
    json_word(b, "status", well ? "Success" : bad ? "Failure" : "Unknown");
    json_text_if(b, "status_code", r->ev.error_code);
    json_text_if(b, "status_detail", r->ev.error_message);
    json_number(b, "action_id", well ? 1 : is == KT_RESULT_DENIED ? 2 : 0);
    json_word(b, "action", well ? "Allowed" : is == KT_RESULT_DENIED ? "Denied" : "Unknown");
    json_number(b, "disposition_id", well ? 1 : is == KT_RESULT_DENIED ? 2 : 0);
    json_word(b, "disposition", well ? "Allowed" : is == KT_RESULT_DENIED ? "Blocked" : "Unknown");
    if (r->verdict.why[0])
        json_word(b, "message", r->verdict.why);
}

static void account(struct kt_buf *b, struct kt_span id)
{
    if (!kt_span_known(id))
        return;
    json_open_map(b, "account");
    json_text(b, "uid", id);
    json_word(b, "type", "AWS Account");
    json_number(b, "type_id", ACCOUNT_AWS);
    json_shut(b);
}

/* user.type_id: 1 User, 2 Admin, 99 Other; 0 where the record does not say. */
static void user(struct kt_buf *b, const struct kt_event *ev)
{
    struct kt_span type = ev->actor.type;
    json_open_map(b, "user");
    json_text_if(b, "type", type);
    json_number(b, "type_id", !kt_span_known(type) ? 0 : kt_span_is(type, "Root") ? 2 : kt_span_is(type, "IAMUser") ? 1 : 99);
    json_text_if(b, "name", ev->actor.name);
    json_text_if(b, "uid", ev->actor.arn);
    json_text_if(b, "uid_alt", ev->actor.principal_id);
    json_text_if(b, "credential_uid", ev->actor.access_key_id);
    account(b, ev->actor.account);
    json_shut(b);
}

static void actor(struct kt_buf *b, const struct kt_event *ev, struct kt_node *root, struct kt_arena *a)
{
    json_open_map(b, "actor");
    user(b, ev);
    size_t before = b->len;
    json_open_map(b, "session");
    json_text_if(b, "uid", ev->actor.session);
    json_text_if(b, "issuer", in_record(root, "userIdentity.sessionContext.sessionIssuer.arn", a));
    json_tri_if(b, "is_mfa", ev->actor.mfa);
    int64_t created = kt_time_parse(in_record(root, "userIdentity.sessionContext.attributes.creationDate", a));
    if (created != KT_TIME_NONE) {
        json_key(b, "created_time");
        (void)kt_buf_addf(b, "%lld", (long long)created);
    }
    json_shut_if(b, before);
    json_text_if(b, "invoked_by", ev->actor.via);
    json_shut(b);
}

static void call(struct kt_buf *b, const struct kt_event *ev, struct kt_node *root, struct kt_arena *a)
{
    json_open_map(b, "api");
    json_text(b, "operation", kt_span_known(ev->event_name) ? ev->event_name : KT_LIT("unknown"));
    if (kt_span_known(ev->event_source)) {
        json_open_map(b, "service");
        json_text(b, "name", ev->event_source);
        json_shut(b);
    }
    struct kt_span request = in_record(root, "requestID", a);
    if (kt_span_known(request)) {
        json_open_map(b, "request");
        json_text(b, "uid", request);
        json_shut(b);
    }
    if (kt_span_known(ev->error_code) || kt_span_known(ev->error_message)) {
        json_open_map(b, "response");
        json_text_if(b, "error", ev->error_code);
        json_text_if(b, "error_message", ev->error_message);
        json_shut(b);
    }
    json_shut(b);
}

/* "AS64500 Example Ltd": its number and its name. */
static void network(struct kt_buf *b, struct kt_span s)
{
    uint64_t number = 0;
    size_t i = 2;
    if (!kt_span_starts(s, "AS"))
        return;
    for (; i < s.n && i < 12 && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        number = number * 10 + (uint64_t)(s.p[i] - '0');
    json_open_map(b, "autonomous_system");
    json_number(b, "number", number);
    if (i + 1 < s.n)
        json_text(b, "name", (struct kt_span){s.p + i + 1, s.n - i - 1});
    json_shut(b);
}

static void from(struct kt_buf *b, const struct kt_row *r)
{
    const struct kt_event *ev = &r->ev;
    json_open_map(b, "src_endpoint");
    if (ev->source.kind == KT_ADDRESS_IP)
        json_text(b, "ip", ev->source.address);
    else if (ev->source.kind == KT_ADDRESS_SERVICE)
        json_text(b, "svc_name", ev->source.address);
    else
        json_text(b, "name", kt_span_known(ev->source.address) ? ev->source.address : KT_LIT("unknown"));
    if (kt_span_known(r->where.country)) {
        json_open_map(b, "location");
        json_text(b, "country", r->where.country);
        json_shut(b);
    }
    network(b, r->where.network);
    json_shut(b);
    if (kt_span_known(ev->agent.text)) {
        json_open_map(b, "http_request");
        json_text(b, "user_agent", ev->agent.text);
        json_shut(b);
    }
}

static void resources(struct kt_buf *b, const struct kt_event *ev)
{
    if (!kt_span_known(ev->key.id) && !kt_span_known(ev->target.name))
        return;
    json_open_list(b, "resources");
    if (kt_span_known(ev->key.id)) {
        json_open_map(b, NULL);
        json_word(b, "type", "AWS::IAM::AccessKey");
        json_text(b, "uid", ev->key.id);
        json_text_if(b, "region", ev->region);
        if (kt_span_known(ev->target.name)) {
            json_open_map(b, "owner");
            json_text(b, "name", ev->target.name);
            account(b, ev->target.account);
            json_shut(b);
        }
        json_shut(b);
    }
    if (kt_span_known(ev->target.name)) {
        json_open_map(b, NULL);
        json_word(b, "type", "AWS::IAM::User");
        json_text(b, "name", ev->target.name);
        json_shut(b);
    }
    json_shut_list(b);
}

static void cloud(struct kt_buf *b, const struct kt_event *ev)
{
    json_open_map(b, "cloud");
    json_word(b, "provider", "AWS");
    json_text_if(b, "region", ev->region);
    account(b, ev->account);
    json_shut(b);
}

static void metadata(struct kt_buf *b, const struct kt_row *r, struct kt_node *root, struct kt_arena *a)
{
    json_open_map(b, "metadata");
    json_word(b, "version", "1.5.0");
    json_open_map(b, "product");
    json_word(b, "name", "CloudTrail");
    json_word(b, "vendor_name", "AWS");
    json_text_if(b, "version", in_record(root, "eventVersion", a));
    json_shut(b);
    json_text_if(b, "uid", r->ev.event_id);
    json_text_if(b, "event_code", in_record(root, "eventType", a));
    json_text_if(b, "original_time", in_record(root, "eventTime", a));
    json_text_if(b, "log_name", r->origin.source);
    json_word(b, "log_provider", "keytop");
    json_open_list(b, "profiles");
    json_item(b, KT_LIT("cloud"));
    json_item(b, KT_LIT("security_control"));
    json_shut_list(b);
    json_shut(b);
}

static void technique(struct kt_buf *b, const char *name, const char *uid, const char *caption)
{
    json_open_map(b, name);
    json_word(b, "uid", uid);
    json_word_if(b, "name", caption);
    json_shut(b);
}

static void attacks(struct kt_buf *b, const struct kt_verdict *v, const struct kt_rules *rules)
{
    struct attack k;
    attack_of(&k, v, rules);
    if (!k.n_techniques && !k.n_tactics)
        return;
    json_open_list(b, "attacks");
    for (size_t i = 0; i < k.n_techniques; i++) {
        const struct attack_technique *t = &k.technique[i];
        json_open_map(b, NULL);
        technique(b, "technique", t->parent[0] ? t->parent : t->id, t->parent[0] ? t->parent_name : t->name);
        if (t->parent[0])
            technique(b, "sub_technique", t->id, t->name);
        json_shut(b);
    }
    for (size_t i = 0; i < k.n_tactics; i++) {
        json_open_map(b, NULL);
        technique(b, "tactic", k.tactic[i].id, k.tactic[i].name);
        json_shut(b);
    }
    json_shut_list(b);
}

static void observable(struct kt_buf *b, const char *name, const char *type, int id, struct kt_span value)
{
    if (!kt_span_known(value))
        return;
    json_open_map(b, NULL);
    json_word(b, "name", name);
    json_word(b, "type", type);
    json_number(b, "type_id", (uint64_t)id);
    json_text(b, "value", value);
    json_shut(b);
}

static void observables(struct kt_buf *b, const struct kt_event *ev)
{
    size_t before = b->len;
    json_open_list(b, "observables");
    size_t open = b->len;
    observable(b, "actor.user.name", "User Name", OBSERVABLE_USER, ev->actor.name);
    observable(b, "resources.owner.name", "User Name", OBSERVABLE_USER,
               kt_span_known(ev->key.id) ? ev->target.name : KT_SPAN_NONE);
    if (ev->source.kind == KT_ADDRESS_IP)
        observable(b, "src_endpoint.ip", "IP Address", OBSERVABLE_IP, ev->source.address);
    observable(b, "http_request.user_agent", "HTTP User-Agent", OBSERVABLE_AGENT, ev->agent.text);
    observable(b, "resources.uid", "Resource UID", OBSERVABLE_RESOURCE, ev->key.id);
    if (!b->failed && b->len == open)
        b->len = before;
    else
        json_shut_list(b);
}

static void enrichments(struct kt_buf *b, const struct kt_row *r)
{
    char risk[12];
    (void)snprintf(risk, sizeof risk, "%d", r->verdict.risk);
    json_open_list(b, "enrichments");
    json_open_map(b, NULL);
    json_word(b, "name", "keytop.risk");
    json_word(b, "value", risk);
    json_word(b, "type", "risk");
    json_word(b, "provider", "keytop");
    json_open_map(b, "data");
    output_verdict(b, r);
    json_shut(b);
    json_shut(b);
    json_shut_list(b);
}

bool ocsf_row(struct kt_buf *b, const struct kt_row *r, struct kt_node *root, const struct kt_rules *rules, struct kt_arena *a)
{
    if (r->ev.kind == KT_KIND_MALFORMED)
        return true;
    (void)kt_buf_addc(b, '{');
    classification(b, &r->ev, root);
    outcome(b, r);
    actor(b, &r->ev, root, a);
    call(b, &r->ev, root, a);
    from(b, r);
    resources(b, &r->ev);
    cloud(b, &r->ev);
    metadata(b, r, root, a);
    attacks(b, &r->verdict, rules);
    observables(b, &r->ev);
    enrichments(b, r);
    (void)kt_buf_adds(b, "}\n");
    return !b->failed;
}
