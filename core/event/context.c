#include "event/context.h"

#include <stdlib.h>
#include <strings.h>

enum { POLICY_MAX = 256 << 10 };

static struct kt_span get(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_string(v) || json_string_length(v) == 0)
        return KT_SPAN_NONE;
    return (struct kt_span){json_string_value(v), json_string_length(v)};
}

static bool has_start(struct kt_span s, const char *start)
{
    return s.n >= strlen(start) && strncasecmp(s.p, start, strlen(start)) == 0;
}

static struct kt_span after_slash(struct kt_span s)
{
    const char *p = s.p ? memrchr(s.p, '/', s.n) : NULL;
    return p ? (struct kt_span){p + 1, s.n - (size_t)(p + 1 - s.p)} : s;
}

/* --- policy documents ------------------------------------------------------------ */

typedef bool text_is(const char *s);

static bool is_all(const char *s)
{
    return strcmp(s, "*") == 0;
}

static bool is_full(const char *action)
{
    return is_all(action) || strcmp(action, "*:*") == 0 || strcasecmp(action, "iam:*") == 0;
}

/* A text or a list of texts of which one is so. */
static bool any(const json_t *v, text_is *is)
{
    if (json_is_string(v))
        return is(json_string_value(v));
    for (size_t i = 0; i < json_array_size(v); i++) {
        const char *s = json_string_value(json_array_get(v, i));
        if (s && is(s))
            return true;
    }
    return false;
}

/* A condition may take it all back: such a statement says nothing here. */
static bool gives_all(const json_t *statement)
{
    const char *effect = json_string_value(json_object_get(statement, "Effect"));
    return effect && strcmp(effect, "Allow") == 0 && !json_object_get(statement, "Condition") &&
           any(json_object_get(statement, "Action"), is_full) && any(json_object_get(statement, "Resource"), is_all);
}

/* IAM's own records have the document as it was sent, some percent-encoded. */
static size_t decode_percent(struct kt_span s, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char hex[3] = {0};
        if (s.p[i] == '%' && i + 2 < s.n) {
            char *end;
            memcpy(hex, s.p + i + 1, 2);
            long v = strtol(hex, &end, 16);
            if (end == hex + 2) {
                out[n++] = (char)v;
                i += 2;
                continue;
            }
        }
        out[n++] = s.p[i];
    }
    return n;
}

static json_t *read_document(struct kt_span text)
{
    if (!text.n || text.n > POLICY_MAX)
        return NULL;
    json_t *doc = json_loadb(text.p, text.n, 0, NULL);
    char *plain = doc ? NULL : malloc(text.n);
    if (plain)
        doc = json_loadb(plain, decode_percent(text, plain), 0, NULL);
    free(plain);
    return doc;
}

static bool is_full_policy(struct kt_span text)
{
    json_t *doc = read_document(text);
    const json_t *statement = json_object_get(doc, "Statement");
    bool full = gives_all(statement);
    for (size_t i = 0; i < json_array_size(statement) && !full; i++)
        full = gives_all(json_array_get(statement, i));
    json_decref(doc);
    return full;
}

/* --- the whole --------------------------------------------------------------------- */

static enum kt_context_what of_policy(const json_t *params)
{
    struct kt_span arn = get(params, "policyArn"), name = kt_span_known(arn) ? after_slash(arn) : get(params, "policyName");
    if (has_start(name, "AWSCompromisedKeyQuarantine") || has_start(name, "AWSExposedCredentialPolicy"))
        return KT_CONTEXT_QUARANTINE;
    bool managed = kt_span_starts(arn, "arn:") && (kt_span_is(name, "AdministratorAccess") || kt_span_is(name, "IAMFullAccess"));
    return managed || is_full_policy(get(params, "policyDocument")) ? KT_CONTEXT_ADMIN : KT_CONTEXT_NONE;
}

void kt_event_context(const json_t *root, struct kt_event *ev)
{
    const json_t *params = json_object_get(root, "requestParameters");
    if (ev->result != KT_RESULT_DONE)
        return;
    ev->context.user = get(params, "userName");
    ev->context.role = get(params, "roleName");
    ev->context.group = get(params, "groupName");
    ev->context.what = kt_span_is(ev->event_name, "CreateUser")       ? KT_CONTEXT_USER
                       : kt_span_is(ev->event_name, "AddUserToGroup") ? KT_CONTEXT_MEMBER
                                                                      : of_policy(params);
}
