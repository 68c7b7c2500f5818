#include "event/context.h"

#include <stdlib.h>
#include <strings.h>

enum { POLICY_MAX = 256 << 10 };

static struct kt_span get(const struct kt_node *o, const char *key)
{
    struct kt_span s = kt_node_text(kt_node_get(o, key));
    return s.n ? s : KT_SPAN_NONE;
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

typedef bool text_is(struct kt_span s);

static bool is_all(struct kt_span s)
{
    return kt_span_is(s, "*");
}

static bool is_full(struct kt_span action)
{
    return is_all(action) || kt_span_is(action, "*:*") || (action.n == 5 && strncasecmp(action.p, "iam:*", 5) == 0);
}

/* A text or a list of texts of which one is so. */
static bool any(const struct kt_node *v, text_is *is)
{
    if (kt_node_is(v, KT_NODE_STRING))
        return is(kt_node_text(v));
    if (kt_node_is(v, KT_NODE_ARRAY))
        for (const struct kt_node *x = kt_node_first(v); x; x = kt_node_next(x))
            if (is(kt_node_text(x)))
                return true;
    return false;
}

/* A condition may take it all back: such a statement says nothing here. */
static bool gives_all(const struct kt_node *statement)
{
    return kt_span_is(kt_node_text(kt_node_get(statement, "Effect")), "Allow") && !kt_node_get(statement, "Condition") &&
           any(kt_node_get(statement, "Action"), is_full) && any(kt_node_get(statement, "Resource"), is_all);
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

static struct kt_node *read_document(struct kt_tree *t, struct kt_span text)
{
    struct kt_node *doc = kt_tree_read(t, text);
    json_t *v = doc ? NULL : json_loadb(text.p, text.n, 0, NULL);
    return v ? kt_tree_of(t, v) : doc;
}

static bool says_all(const struct kt_node *doc)
{
    const struct kt_node *statement = kt_node_get(doc, "Statement");
    bool full = gives_all(statement);
    if (kt_node_is(statement, KT_NODE_ARRAY))
        for (const struct kt_node *x = kt_node_first(statement); x && !full; x = kt_node_next(x))
            full = gives_all(x);
    return full;
}

static bool is_full_policy(struct kt_span text)
{
    struct kt_tree t;
    if (!text.n || text.n > POLICY_MAX)
        return false;
    kt_tree_init(&t);
    struct kt_node *doc = read_document(&t, text);
    char *plain = doc ? NULL : malloc(text.n);
    if (plain)
        doc = read_document(&t, (struct kt_span){plain, decode_percent(text, plain)});
    bool full = says_all(doc);
    kt_tree_free(&t);
    free(plain);
    return full;
}

/* --- the whole --------------------------------------------------------------------- */

static enum kt_context_what of_policy(const struct kt_node *params)
{
    struct kt_span arn = get(params, "policyArn"), name = kt_span_known(arn) ? after_slash(arn) : get(params, "policyName");
    if (has_start(name, "AWSCompromisedKeyQuarantine") || has_start(name, "AWSExposedCredentialPolicy"))
        return KT_CONTEXT_QUARANTINE;
    bool managed = kt_span_starts(arn, "arn:") && (kt_span_is(name, "AdministratorAccess") || kt_span_is(name, "IAMFullAccess"));
    return managed || is_full_policy(get(params, "policyDocument")) ? KT_CONTEXT_ADMIN : KT_CONTEXT_NONE;
}

void kt_event_context(const struct kt_node *root, struct kt_event *ev)
{
    const struct kt_node *params = kt_node_get(root, "requestParameters");
    if (ev->result != KT_RESULT_DONE)
        return;
    ev->context.user = get(params, "userName");
    ev->context.role = get(params, "roleName");
    ev->context.group = get(params, "groupName");
    ev->context.what = kt_span_is(ev->event_name, "CreateUser")       ? KT_CONTEXT_USER
                       : kt_span_is(ev->event_name, "AddUserToGroup") ? KT_CONTEXT_MEMBER
                                                                      : of_policy(params);
}
