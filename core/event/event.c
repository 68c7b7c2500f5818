#include "event/event.h"

#include "event/context.h"
#include "text/text.h"

#include <arpa/inet.h>
#include <strings.h>

/* The values of kt_record.flags (core/ingest), which this room does not know. */
enum { RECORD_REPAIRED = 1 << 0, RECORD_DUPLICATE_KEYS = 1 << 1 };

/* An event name of IAM, what it is, and under which member of responseElements
 * it returns what it made. UpdateAccessKey is told by its parameters. */
static const struct call {
    const char *name;
    enum kt_kind kind;
    const char *made, *id;
} calls[] = {
    {"CreateAccessKey", KT_KIND_CREATION, "accessKey", "accessKeyId"},
    {"UpdateAccessKey", KT_KIND_DEACTIVATION, NULL, "accessKeyId"},
    {"DeleteAccessKey", KT_KIND_DELETION, NULL, "accessKeyId"},
    {"CreateLoginProfile", KT_KIND_CREDENTIAL, "loginProfile", NULL},
    {"UpdateLoginProfile", KT_KIND_CREDENTIAL, NULL, NULL},
    {"CreateServiceSpecificCredential", KT_KIND_CREDENTIAL, "serviceSpecificCredential", "serviceSpecificCredentialId"},
    {"ResetServiceSpecificCredential", KT_KIND_CREDENTIAL, "serviceSpecificCredential", "serviceSpecificCredentialId"},
    {"UploadSSHPublicKey", KT_KIND_CREDENTIAL, "sSHPublicKey", "sSHPublicKeyId"},
    {"UploadSigningCertificate", KT_KIND_CREDENTIAL, "certificate", "certificateId"},
    {"CreateUser", KT_KIND_CONTEXT, NULL, NULL},
    {"AttachUserPolicy", KT_KIND_CONTEXT, NULL, NULL},
    {"AttachRolePolicy", KT_KIND_CONTEXT, NULL, NULL},
    {"AttachGroupPolicy", KT_KIND_CONTEXT, NULL, NULL},
    {"PutUserPolicy", KT_KIND_CONTEXT, NULL, NULL},
    {"PutRolePolicy", KT_KIND_CONTEXT, NULL, NULL},
    {"PutGroupPolicy", KT_KIND_CONTEXT, NULL, NULL},
    {"AddUserToGroup", KT_KIND_CONTEXT, NULL, NULL},
};
enum { CALLS = sizeof calls / sizeof *calls };
_Static_assert(CALLS + 1 <= KT_EVENT_NAMES, "KT_EVENT_NAMES is too small");

size_t kt_event_names(unsigned kinds, const char *out[KT_EVENT_NAMES])
{
    size_t n = 0;
    for (size_t i = 0; i < CALLS; i++) {
        unsigned of = KT_KIND_BIT(calls[i].kind);
        if (calls[i].kind == KT_KIND_DEACTIVATION)
            of |= KT_KIND_BIT(KT_KIND_REACTIVATION);
        if (kinds & of)
            out[n++] = calls[i].name;
    }
    if (kinds & KT_KIND_BIT(KT_KIND_USE))
        out[n++] = "AKIA";
    return n;
}

/* --- small readings ---------------------------------------------------------- */

static struct kt_span get(const struct kt_node *o, const char *key)
{
    return kt_node_text(kt_node_get(o, key));
}

/* A name or code of no letters says nothing. */
static struct kt_span get_name(const struct kt_node *o, const char *key)
{
    struct kt_span s = get(o, key);
    return s.n ? s : KT_SPAN_NONE;
}

static struct kt_span either(struct kt_span a, struct kt_span b)
{
    return kt_span_known(a) ? a : b;
}

/* true, "true", false, "false" */
static enum kt_tri tri_of(const struct kt_node *v)
{
    struct kt_span s = kt_node_text(v);
    if (kt_node_is(v, KT_NODE_TRUE) || (s.n == 4 && strncasecmp(s.p, "true", 4) == 0))
        return KT_YES;
    if (kt_node_is(v, KT_NODE_FALSE) || (s.n == 5 && strncasecmp(s.p, "false", 5) == 0))
        return KT_NO;
    return KT_UNKNOWN;
}

static struct kt_span after(struct kt_span s, char c)
{
    const char *p = s.p ? memchr(s.p, c, s.n) : NULL;
    return p && p + 1 < s.p + s.n ? (struct kt_span){p + 1, s.n - (size_t)(p + 1 - s.p)} : KT_SPAN_NONE;
}

static struct kt_span before(struct kt_span s, char c)
{
    const char *p = s.p ? memchr(s.p, c, s.n) : NULL;
    return p ? (struct kt_span){s.p, (size_t)(p - s.p)} : s;
}

/* What follows the last '/'; all of it where there is none. */
static struct kt_span last_part(struct kt_span s)
{
    const char *p = s.p ? memrchr(s.p, '/', s.n) : NULL;
    if (!p)
        return s.n ? s : KT_SPAN_NONE;
    size_t n = s.n - (size_t)(p + 1 - s.p);
    return n ? (struct kt_span){p + 1, n} : KT_SPAN_NONE;
}

/* "prefix" stripped; unknown where it does not begin so. */
static struct kt_span strip(struct kt_span s, const char *prefix)
{
    size_t n = strlen(prefix);
    return kt_span_starts(s, prefix) && s.n > n ? (struct kt_span){s.p + n, s.n - n} : KT_SPAN_NONE;
}

/* arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE */
struct arn {
    struct kt_span account, resource;
};

static struct arn read_arn(struct kt_span s)
{
    struct kt_span rest = strip(s, "arn:");
    for (int i = 0; i < 3; i++) /* partition, service, region (which may be empty) */
        rest = after(rest, ':');
    struct arn a = {before(rest, ':'), after(rest, ':')};
    if (a.account.n == 0)
        a.account = KT_SPAN_NONE;
    return a;
}

/* --- the actor --------------------------------------------------------------- */

/* What kind of principal acts, where userIdentity.type or, failing that, the
 * ARN says so. KEYLESS: of a type that has no access keys. OTHER: of another
 * account, or of a type that is not known here. */
enum principal { OTHER, USER, ROOT, ROLE, FEDERATED, SERVICE, KEYLESS, NOT_KNOWN };

static enum principal principal_of(struct kt_span type, struct kt_span resource)
{
    static const struct {
        const char *type;
        enum principal p;
    } types[] = {{"IAMUser", USER},           {"Root", ROOT},          {"AssumedRole", ROLE}, {"Role", ROLE},
                 {"FederatedUser", FEDERATED}, {"AWSService", SERVICE}, {"Unknown", NOT_KNOWN},
                 {"SAMLUser", KEYLESS},        {"WebIdentityUser", KEYLESS}, {"IdentityCenterUser", KEYLESS},
                 {"Directory", KEYLESS}};
    enum principal p = kt_span_known(type) ? OTHER : NOT_KNOWN;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (kt_span_is(type, types[i].type))
            p = types[i].p;
    if (p != NOT_KNOWN)
        return p;
    return kt_span_starts(resource, "user/")             ? USER
           : kt_span_is(resource, "root")                ? ROOT
           : kt_span_starts(resource, "assumed-role/")   ? ROLE
           : kt_span_starts(resource, "federated-user/") ? FEDERATED
                                                         : NOT_KNOWN;
}

static struct kt_span actor_name(enum principal p, const struct kt_node *identity, struct kt_span resource)
{
    const struct kt_node *issuer = kt_node_get(kt_node_get(identity, "sessionContext"), "sessionIssuer");
    struct kt_span issuer_role = last_part(strip(read_arn(get(issuer, "arn")).resource, "role/"));
    switch (p) {
    case ROOT: /* userName, where there is one, is the account's alias */
        return KT_LIT("root");
    case ROLE:
        return either(get_name(issuer, "userName"),
                      either(issuer_role, before(strip(resource, "assumed-role/"), '/')));
    case FEDERATED:
        return either(get_name(issuer, "userName"), strip(resource, "federated-user/"));
    case SERVICE:
        return get_name(identity, "invokedBy");
    default:
        return either(get_name(identity, "userName"), last_part(strip(resource, "user/")));
    }
}

static struct kt_span actor_session(enum principal p, struct kt_span principal_id, struct kt_span resource)
{
    if (p == ROLE)
        return either(after(strip(resource, "assumed-role/"), '/'), after(principal_id, ':'));
    return p == FEDERATED ? either(strip(resource, "federated-user/"), after(principal_id, ':')) : KT_SPAN_NONE;
}

static enum principal decode_actor(const struct kt_node *identity, struct kt_event *ev)
{
    struct arn arn = read_arn(get(identity, "arn"));
    const struct kt_node *session = kt_node_get(kt_node_get(identity, "sessionContext"), "attributes");
    ev->actor.type = get(identity, "type");
    ev->actor.arn = get(identity, "arn");
    ev->actor.account = either(get_name(identity, "accountId"), arn.account);
    ev->actor.principal_id = get(identity, "principalId");
    ev->actor.access_key_id = get(identity, "accessKeyId");
    ev->actor.mfa = tri_of(kt_node_get(session, "mfaAuthenticated"));
    enum principal p = principal_of(ev->actor.type, arn.resource);
    ev->actor.name = actor_name(p, identity, arn.resource);
    ev->actor.session = actor_session(p, ev->actor.principal_id, arn.resource);
    return p;
}

/* --- where from -------------------------------------------------------------- */

/* Exports are known to write 075.050.255.67, which inet_pton refuses. */
static bool is_ip4(struct kt_span s)
{
    int parts = 0;
    for (size_t i = 0; i < s.n; i++) {
        int digits = 0, v = 0;
        while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9' && digits < 4) {
            v = v * 10 + (s.p[i++] - '0');
            digits++;
        }
        if (digits < 1 || digits > 3 || v > 255 || ++parts > 4)
            return false;
        if (i < s.n && (s.p[i] != '.' || i + 1 == s.n))
            return false;
    }
    return parts == 4;
}

static bool is_ip6(struct kt_span s)
{
    char text[INET6_ADDRSTRLEN + 1];
    unsigned char out[16];
    if (s.n == 0 || s.n >= sizeof text || memchr(s.p, '\0', s.n))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    return inet_pton(AF_INET6, text, out) == 1;
}

static bool ends(struct kt_span s, const char *suffix)
{
    size_t n = strlen(suffix);
    return s.p && s.n > n && strncasecmp(s.p + s.n - n, suffix, n) == 0;
}

/* The domains under which AWS names its services. */
static bool is_service_name(struct kt_span s)
{
    static const char *const domains[] = {".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".aws.internal",
                                          ".amazon.com",    ".api.aws",          ".aws.dev"};
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (!(c == '.' || c == '-' || c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
              (c >= 'A' && c <= 'Z')))
            return false;
    }
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++)
        if (ends(s, domains[i]))
            return true;
    return false;
}

static enum kt_address_kind address_kind(struct kt_span s)
{
    if (!kt_span_known(s))
        return KT_ADDRESS_UNKNOWN;
    if (is_ip4(s) || is_ip6(s))
        return KT_ADDRESS_IP;
    if (kt_span_is(s, "AWS Internal") || kt_span_starts(s, "AWS Internal/"))
        return KT_ADDRESS_INTERNAL;
    return is_service_name(s) ? KT_ADDRESS_SERVICE : KT_ADDRESS_UNKNOWN;
}

/* --- outcome and target ------------------------------------------------------ */

static enum kt_result result_of(struct kt_span error_code, enum kt_kind kind)
{
    static const char *const denials[] = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation",
                                          "Client.UnauthorizedOperation"};
    if (!kt_span_known(error_code))
        return kind == KT_KIND_CREATION || kind == KT_KIND_CREDENTIAL ? KT_RESULT_CREATED : KT_RESULT_DONE;
    for (size_t i = 0; i < sizeof denials / sizeof *denials; i++)
        if (kt_span_is(error_code, denials[i]))
            return KT_RESULT_DENIED;
    return KT_RESULT_FAILED;
}

static struct kt_span first_word(struct kt_span s)
{
    size_t n = 0;
    while (n < s.n && (unsigned char)s.p[n] > ' ')
        n++;
    return s.p ? (struct kt_span){s.p, n} : s;
}

/* "... on resource: user NAME because ...", with a path before the name or an
 * ARN in its place. The name ends at a blank or at the end; "*" names nobody.
 * `account` gets the ARN's, where there is one. */
static struct kt_span target_in_message(struct kt_span message, struct kt_span *account)
{
    static const char mark[] = " on resource: ";
    *account = KT_SPAN_NONE;
    const char *p = message.p ? memmem(message.p, message.n, mark, sizeof mark - 1) : NULL;
    if (!p)
        return KT_SPAN_NONE;
    p += sizeof mark - 1;
    struct kt_span rest = {p, message.n - (size_t)(p - message.p)};
    struct kt_span named = first_word(kt_span_starts(rest, "user ") ? strip(rest, "user ") : rest);
    struct arn arn = read_arn(named);
    if (kt_span_known(arn.resource)) {
        *account = arn.account;
        named = strip(arn.resource, "user/");
    } else if (!kt_span_starts(rest, "user ")) {
        return KT_SPAN_NONE;
    }
    struct kt_span name = last_part(named);
    return kt_span_is(name, "*") ? KT_SPAN_NONE : name;
}

/* Do the parameters say that no user was named? Left out for size, or not an
 * object, they say nothing. */
static bool names_nobody(const struct kt_node *params)
{
    if (!params || kt_node_is(params, KT_NODE_NULL))
        return true;
    if (!kt_node_is(params, KT_NODE_OBJECT) || tri_of(kt_node_get(params, "omitted")) == KT_YES)
        return false;
    const struct kt_node *name = kt_node_get(params, "userName");
    return !name || kt_node_is(name, KT_NODE_NULL);
}

static void decode_target(const struct kt_node *root, const struct kt_node *made, enum principal p, struct kt_event *ev)
{
    const struct kt_node *params = kt_node_get(root, "requestParameters");
    struct kt_span message = kt_span_known(ev->error_code) ? ev->error_message : KT_SPAN_NONE, account;
    struct {
        struct kt_span name;
        enum kt_target_from from;
    } say[] = {{get_name(made, "userName"), KT_TARGET_RESPONSE},
               {get_name(params, "userName"), KT_TARGET_REQUEST},
               {target_in_message(message, &account), KT_TARGET_ERROR},
               {KT_SPAN_NONE, KT_TARGET_CALLER}};
    /* IAM takes the caller where no user is named. A denied call's parameters
     * are always null, and only a user or root can have keys. */
    if (names_nobody(params) && ev->result != KT_RESULT_DENIED && (p == USER || p == ROOT))
        say[3].name = ev->actor.name;
    for (size_t i = 0; i < 4 && !kt_span_known(ev->target.name); i++) {
        ev->target.name = say[i].name;
        ev->target.from = kt_span_known(say[i].name) ? say[i].from : KT_TARGET_NONE;
    }
    ev->target.account = ev->target.from == KT_TARGET_ERROR    ? either(account, ev->account)
                         : ev->target.from == KT_TARGET_CALLER ? either(ev->actor.account, ev->account)
                                                               : ev->account;
}

static enum kt_tri same_account(const struct kt_event *ev)
{
    if (!kt_span_known(ev->actor.account) || !kt_span_known(ev->target.account))
        return KT_UNKNOWN;
    return kt_span_eq(ev->actor.account, ev->target.account) ? KT_YES : KT_NO;
}

static enum kt_tri names_equal(const struct kt_event *ev)
{
    if (!kt_span_known(ev->actor.name))
        return KT_UNKNOWN;
    return kt_span_eq(ev->actor.name, ev->target.name) ? KT_YES : KT_NO;
}

/* A session of GetFederationToken is the IAM user who asked for it. */
static bool issued_by_user(const struct kt_node *root)
{
    return kt_span_is(get(kt_json_path((struct kt_node *)root, KT_LIT("userIdentity.sessionContext.sessionIssuer")), "type"),
                      "IAMUser");
}

static enum kt_tri decode_self(const struct kt_node *root, enum principal p, const struct kt_event *ev)
{
    if (!kt_span_known(ev->target.name))
        return KT_UNKNOWN;
    enum kt_tri account = same_account(ev), name = names_equal(ev);
    if (ev->target.from == KT_TARGET_CALLER)
        return KT_YES;
    if (p == ROLE || p == SERVICE || p == KEYLESS)
        return KT_NO; /* none of these has access keys of its own */
    if (account == KT_NO)
        return KT_NO;
    /* an IAM user may be called root: a request that names it is not for root itself */
    if (p == ROOT && !names_nobody(kt_node_get(root, "requestParameters")))
        return KT_NO;
    bool a_user = p == USER || p == ROOT || (p == FEDERATED && issued_by_user(root));
    if (name == KT_YES && a_user)
        return account;
    if (name == KT_YES || (p == FEDERATED && !a_user))
        return KT_UNKNOWN;
    return name;
}

/* --- the whole --------------------------------------------------------------- */

static uint32_t text_flags(const struct kt_event *ev)
{
    const struct kt_span identities[] = {
        ev->event_id,          ev->event_name,   ev->event_source,        ev->error_code,
        ev->actor.type,        ev->actor.name,   ev->actor.arn,           ev->actor.account,
        ev->actor.principal_id, ev->actor.session, ev->actor.access_key_id, ev->actor.via,
        ev->target.name,       ev->target.account, ev->key.id,            ev->key.status,
        ev->source.address,    ev->account,      ev->region};
    uint32_t ids = 0;
    for (size_t i = 0; i < sizeof identities / sizeof *identities; i++)
        ids |= kt_text_notes(identities[i]);
    uint32_t all = ids | kt_text_notes(ev->error_message) | kt_text_notes(ev->agent.text);
    return (ids & KT_NOTE_NON_ASCII ? KT_FLAG_NON_ASCII_IDENTITY : 0u) |
           (all & (KT_NOTE_CONTROL | KT_NOTE_BIDI | KT_NOTE_HIDDEN) ? KT_FLAG_HIDDEN_TEXT : 0u);
}

static bool parts_omitted(const struct kt_node *root)
{
    static const char *const parts[] = {"requestParameters", "responseElements", "additionalEventData",
                                        "serviceEventDetails"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (tri_of(kt_node_get(kt_node_get(root, parts[i]), "omitted")) == KT_YES)
            return true;
    return false;
}

static uint32_t record_flags_of(const struct kt_node *root, uint32_t record_flags, const struct kt_event *ev)
{
    const struct kt_node *addendum = kt_node_get(root, "addendum");
    uint32_t f = 0;
    if (record_flags & RECORD_REPAIRED)
        f |= KT_FLAG_REPAIRED;
    if (record_flags & RECORD_DUPLICATE_KEYS)
        f |= KT_FLAG_DUPLICATE_KEYS;
    if (parts_omitted(root))
        f |= KT_FLAG_OMITTED;
    if (addendum && !kt_node_is(addendum, KT_NODE_NULL))
        f |= KT_FLAG_ADDENDUM;
    if (!kt_kind_is_call(ev->kind) && kt_span_known(ev->event_source) && !kt_span_is(ev->event_source, "iam.amazonaws.com"))
        f |= KT_FLAG_OTHER_SOURCE;
    if (ev->event_id.n == 0)
        f |= KT_FLAG_NO_EVENT_ID;
    if (ev->time == KT_TIME_NONE)
        f |= KT_FLAG_NO_TIME;
    return f;
}

bool kt_event_long_lived(struct kt_span access_key_id)
{
    return kt_span_starts(access_key_id, "AKIA");
}

static const struct call *call_of(const struct kt_node *root)
{
    struct kt_span name = get(root, "eventName");
    for (size_t i = 0; i < CALLS; i++) {
        if (!kt_span_is(name, calls[i].name))
            continue;
        /* other services have events of the same names; creations are flagged instead */
        return i == 0 || kt_span_is(get(root, "eventSource"), "iam.amazonaws.com") ? &calls[i] : NULL;
    }
    return NULL;
}

static enum kt_kind kind_of(const struct kt_node *root, const struct call *c)
{
    if (c && c->kind != KT_KIND_DEACTIVATION)
        return c->kind;
    struct kt_span status = c ? get(kt_node_get(root, "requestParameters"), "status") : KT_SPAN_NONE;
    if (kt_span_is(status, "Inactive"))
        return KT_KIND_DEACTIVATION;
    if (kt_span_is(status, "Active"))
        return KT_KIND_REACTIVATION;
    struct kt_span key = get(kt_node_get(root, "userIdentity"), "accessKeyId");
    return kt_event_long_lived(key) && kt_span_known(get(root, "eventName")) ? KT_KIND_USE : KT_KIND_NONE;
}

/* Any errorCode says that the call failed, a number too. */
static struct kt_span error_code_of(struct kt_node *v, struct kt_arena *a)
{
    if (!v || kt_node_is(v, KT_NODE_NULL) || (kt_node_is(v, KT_NODE_STRING) && v->n == 0))
        return KT_SPAN_NONE;
    return either(kt_json_text(v, a), KT_LIT("?"));
}

static void decode_frame(const struct kt_node *root, struct kt_arena *a, struct kt_event *ev)
{
    ev->time = kt_time_parse_created(get(root, "eventTime"));
    ev->event_id = get(root, "eventID");
    ev->event_source = get(root, "eventSource");
    ev->error_code = error_code_of(kt_node_get(root, "errorCode"), a);
    ev->error_message = get(root, "errorMessage");
    ev->result = result_of(ev->error_code, ev->kind);
    ev->source.address = get(root, "sourceIPAddress");
    ev->source.kind = address_kind(ev->source.address);
    ev->region = get(root, "awsRegion");
}

/* The credential, as it was made, or as the parameters name it. */
static void decode_key(const struct kt_node *root, const struct call *c, const struct kt_node *made, struct kt_event *ev)
{
    const struct kt_node *params = kt_node_get(root, "requestParameters");
    if (c->id)
        ev->key.id = either(get(made, c->id), c->kind == KT_KIND_CREATION ? KT_SPAN_NONE : get(params, c->id));
    ev->key.status = either(get(made, "status"), c->kind == KT_KIND_DEACTIVATION ? get(params, "status") : KT_SPAN_NONE);
    ev->key.created = kt_time_parse_created(either(get(made, "createDate"), get(made, "uploadDate")));
}

static void decode(struct kt_node *root, const struct call *c, uint32_t record_flags, struct kt_arena *a, struct kt_event *out)
{
    bool redacted = kt_event_redact(root);
    const struct kt_node *identity = kt_node_get(root, "userIdentity");
    const struct kt_node *answer = kt_node_get(root, "responseElements");
    const struct kt_node *made = c && c->made ? kt_node_get(answer, c->made) : NULL;
    decode_frame(root, a, out);
    enum principal p = decode_actor(identity, out);
    out->actor.via = either(get_name(identity, "invokedBy"),
                            out->source.kind == KT_ADDRESS_SERVICE ? out->source.address : KT_SPAN_NONE);
    out->account = either(either(get_name(root, "recipientAccountId"), get_name(root, "recipientAccountID")),
                          out->actor.account);
    if (out->kind == KT_KIND_USE) {
        out->key.id = out->actor.access_key_id;
    } else if (out->kind == KT_KIND_CONTEXT) {
        kt_event_context(root, out);
    } else if (out->kind != KT_KIND_OTHER) {
        decode_target(root, made, p, out);
        out->target.self = decode_self(root, p, out);
        decode_key(root, c, made, out);
    }
    kt_agent_parse(get(root, "userAgent"), tri_of(kt_node_get(root, "sessionCredentialFromConsole")) == KT_YES,
                   out->actor.via, a, &out->agent);
    out->flags = record_flags_of(root, record_flags, out) | text_flags(out) | (redacted ? KT_FLAG_REDACTED : 0u);
}

static void decode_as(struct kt_node *root, uint32_t record_flags, struct kt_arena *a, struct kt_event *out, enum kt_kind otherwise)
{
    *out = (struct kt_event){.time = KT_TIME_NONE, .key.created = KT_TIME_NONE};
    out->event_name = get(root, "eventName");
    const struct call *c = call_of(root);
    out->kind = kind_of(root, c);
    if (out->kind == KT_KIND_NONE)
        out->kind = otherwise;
    if (out->kind != KT_KIND_NONE)
        decode(root, c, record_flags, a, out);
}

void kt_event_decode(struct kt_node *root, uint32_t record_flags, struct kt_arena *a, struct kt_event *out)
{
    decode_as(root, record_flags, a, out, KT_KIND_NONE);
}

void kt_event_decode_any(struct kt_node *root, uint32_t record_flags, struct kt_arena *a, struct kt_event *out)
{
    bool named = kt_span_known(get(root, "eventName"));
    decode_as(root, record_flags, a, out, named ? KT_KIND_OTHER : KT_KIND_NONE);
}

enum kt_result kt_event_result(struct kt_span error_code, enum kt_kind kind)
{
    return result_of(error_code.n ? error_code : KT_SPAN_NONE, kind);
}

enum kt_address_kind kt_event_address_kind(struct kt_span address)
{
    return address_kind(address);
}

struct kt_span kt_event_arn_account(struct kt_span arn)
{
    return read_arn(arn).account;
}

struct kt_span kt_event_caller(struct kt_span type, struct kt_span user_name, struct kt_span arn)
{
    struct kt_span resource = read_arn(arn).resource;
    if (principal_of(type, resource) == ROOT)
        return KT_LIT("root");
    return either(user_name.n ? user_name : KT_SPAN_NONE, last_part(strip(resource, "user/")));
}

bool kt_event_as_use(struct kt_event *ev)
{
    if (!kt_event_long_lived(ev->actor.access_key_id))
        return false;
    ev->kind = KT_KIND_USE;
    ev->result = result_of(ev->error_code, KT_KIND_USE);
    memset(&ev->target, 0, sizeof ev->target);
    memset(&ev->context, 0, sizeof ev->context);
    ev->key.id = ev->actor.access_key_id;
    ev->key.status = KT_SPAN_NONE;
    ev->key.created = KT_TIME_NONE;
    return true;
}

void kt_event_as_call(struct kt_event *ev)
{
    if (kt_event_as_use(ev))
        return;
    ev->kind = KT_KIND_OTHER;
    ev->result = result_of(ev->error_code, KT_KIND_OTHER);
    memset(&ev->context, 0, sizeof ev->context);
}

/* --- names ------------------------------------------------------------------- */

const char *kt_flag_name(uint32_t single_flag)
{
    switch (single_flag) {
    case KT_FLAG_REPAIRED: return "repaired";
    case KT_FLAG_OMITTED: return "omitted";
    case KT_FLAG_CONFLICT: return "conflict";
    case KT_FLAG_NON_ASCII_IDENTITY: return "non-ascii-identity";
    case KT_FLAG_HIDDEN_TEXT: return "hidden-text";
    case KT_FLAG_ADDENDUM: return "addendum";
    case KT_FLAG_OTHER_SOURCE: return "other-event-source";
    case KT_FLAG_NO_EVENT_ID: return "no-event-id";
    case KT_FLAG_NO_TIME: return "no-time";
    case KT_FLAG_DUPLICATE_KEYS: return "duplicate-keys";
    case KT_FLAG_REDACTED: return "redacted";
    }
    return NULL;
}

const char *kt_kind_name(enum kt_kind k)
{
    static const char *const names[KT_KIND_COUNT] = {NULL,           "creation",     "malformed", "use",
                                                     "deactivation", "reactivation", "deletion",  "credential",
                                                     NULL,           "other"};
    return (size_t)k < KT_KIND_COUNT ? names[k] : NULL;
}

enum kt_kind kt_kind_find(struct kt_span name)
{
    for (int k = 0; k < KT_KIND_COUNT; k++)
        if ((KT_KINDS_ALL & KT_KIND_BIT(k)) && kt_kind_name((enum kt_kind)k) && kt_span_is(name, kt_kind_name((enum kt_kind)k)))
            return (enum kt_kind)k;
    return KT_KIND_NONE;
}

const char *kt_result_name(enum kt_result r)
{
    static const char *const names[] = {NULL, "created", "denied", "failed", "done"};
    return (size_t)r < sizeof names / sizeof *names ? names[r] : NULL;
}

const char *kt_target_from_name(enum kt_target_from f)
{
    static const char *const names[] = {NULL, "response", "request", "error", "caller"};
    return (size_t)f < sizeof names / sizeof *names ? names[f] : NULL;
}

const char *kt_address_kind_name(enum kt_address_kind k)
{
    static const char *const names[] = {"unknown", "ip", "service", "internal"};
    return (size_t)k < sizeof names / sizeof *names ? names[k] : "unknown";
}

const char *kt_agent_class_name(enum kt_agent_class c)
{
    static const char *const names[] = {"unknown", "console", "cli",     "sdk",        "iac",
                                        "cloudshell", "browser", "service", "attack-tool"};
    return (size_t)c < sizeof names / sizeof *names ? names[c] : "unknown";
}
