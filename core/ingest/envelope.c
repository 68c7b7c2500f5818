#include "ingest/envelope.h"

#include "ingest/ingest.h"
#include "ingest/repair.h"
#include "ingest/start.h"

/* --- places in a text that is known to be valid ---------------------------- */

static size_t blanks(struct kt_span t, size_t i)
{
    while (i < t.n && kt_is_blank(t.p[i]))
        i++;
    return i;
}

/* Past the string that begins at `i`. */
static size_t past_string(struct kt_span t, size_t i)
{
    for (i++; i < t.n && t.p[i] != '"'; i++)
        if (t.p[i] == '\\')
            i++;
    return i < t.n ? i + 1 : t.n;
}

static size_t past_value(struct kt_span t, size_t i)
{
    size_t depth = 0;
    while (i < t.n) {
        char c = t.p[i];
        if (c == '"') {
            i = past_string(t, i);
        } else if (c == '{' || c == '[') {
            depth++;
            i++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return i; /* the end of what holds a bare number or word */
            depth--;
            i++;
        } else if (depth == 0 && (c == ',' || kt_is_blank(c))) {
            return i;
        } else {
            i++;
            continue;
        }
        if (depth == 0)
            return i;
    }
    return i;
}

struct kt_span kt_json_member(struct kt_span text, const char *key)
{
    struct kt_span found = KT_SPAN_NONE;
    size_t i = blanks(text, 0);
    if (i >= text.n || text.p[i] != '{')
        return found;
    i = blanks(text, i + 1);
    while (i < text.n && text.p[i] == '"') {
        size_t k = i + 1;
        i = past_string(text, i);
        struct kt_span name = {text.p + k, i - 1 - k};
        i = blanks(text, i);
        i = blanks(text, i + 1); /* the colon */
        if (i >= text.n)
            break;
        size_t v = i;
        i = past_value(text, i);
        if (kt_span_is(name, key))
            found = (struct kt_span){text.p + v, i - v};
        i = blanks(text, i);
        if (i < text.n && text.p[i] == ',')
            i = blanks(text, i + 1);
    }
    return found;
}

struct kt_span kt_json_next(struct kt_span text, size_t *at)
{
    size_t i = blanks(text, *at);
    if (i < text.n && (text.p[i] == ',' || (*at == 0 && text.p[i] == '[')))
        i = blanks(text, i + 1);
    if (i >= text.n || text.p[i] == ']')
        return KT_SPAN_NONE;
    *at = past_value(text, i);
    return (struct kt_span){text.p + i, *at - i};
}

/* --- opening --------------------------------------------------------------- */

void kt_envelope_init(struct kt_envelope *v, const struct kt_envelope_sink *sink, const struct kt_pick *pick)
{
    *v = (struct kt_envelope){.sink = *sink, .pick = pick};
    for (size_t i = 0; i <= KT_ENVELOPE_DEPTH; i++) {
        kt_buf_init(&v->scratch[i], 4 * (size_t)KT_RECORD_MAX);
        kt_tree_init(&v->tree[i]);
    }
}

void kt_envelope_free(struct kt_envelope *v)
{
    for (size_t i = 0; i <= KT_ENVELOPE_DEPTH; i++) {
        kt_buf_free(&v->scratch[i]);
        kt_tree_free(&v->tree[i]);
    }
}

/* A value on its way: its text, its tree, and what was said of the text. */
struct value {
    struct kt_span text;
    struct kt_node *root;
    uint32_t flags;
    int depth;   /* wrappers around it */
    int strings; /* of those, strings: each has its own scratch */
};

static bool open_value(struct kt_envelope *v, const struct value *x);

static bool hand_on(struct kt_envelope *v, const struct value *x)
{
    v->found++;
    if (!v->sink.record(v->sink.ctx, x->text, x->root, x->flags))
        v->stopped = true;
    return true;
}

/* A text inside a string. Plain words are no damage; what begins like JSON and
 * names an event must parse. */
static bool open_string(struct kt_envelope *v, const struct value *x)
{
    struct kt_span s = kt_node_text(x->root);
    size_t i = blanks(s, 0);
    while (s.n > i && kt_is_blank(s.p[s.n - 1]))
        s.n--;
    s = (struct kt_span){s.p + i, s.n - i};
    if (!s.n || (s.p[0] != '{' && s.p[0] != '[') || x->strings >= KT_ENVELOPE_DEPTH)
        return false;
    if (v->sink.known && s.p[0] == '{' && v->sink.known(v->sink.ctx, s)) {
        v->found++;
        return true;
    }
    struct kt_parsed got;
    kt_parse(s, &v->scratch[x->strings + 1], &v->tree[x->strings + 1], &got);
    if (!got.root) {
        if (got.no_memory) {
            v->no_memory = v->stopped = true;
            return false;
        }
        if (!kt_pick_any(v->pick, s.p, s.n))
            return false;
        v->found++;
        if (!v->sink.malformed(v->sink.ctx, s, got.reason))
            v->stopped = true;
        return true;
    }
    struct value inner = {got.text, got.root, got.flags | x->flags, x->depth, x->strings + 1};
    return open_value(v, &inner);
}

static bool open_array(struct kt_envelope *v, const struct value *x)
{
    bool found = false;
    size_t at = 0;
    for (struct kt_node *item = kt_node_first(x->root); item; item = kt_node_next(item)) {
        struct value y = {kt_json_next(x->text, &at), item, x->flags, x->depth, x->strings};
        if (v->stopped)
            return true;
        if (y.text.p)
            found |= open_value(v, &y);
    }
    return found;
}

/* A member's tree with its own text; where its key is spelled with escapes
 * (nobody does), the text is written anew. */
static bool open_member(struct kt_envelope *v, const struct value *x, const char *key, struct kt_node *root)
{
    struct value y = {kt_json_member(x->text, key), root, x->flags, x->depth + 1, x->strings};
    if (y.text.p)
        return open_value(v, &y);
    struct kt_buf text;
    bool found = false;
    kt_buf_init(&text, 8 * (size_t)KT_RECORD_MAX);
    if (kt_node_write(root, &text, 0)) {
        y.text = kt_buf_span(&text);
        found = open_value(v, &y);
    } else {
        v->no_memory = v->stopped = true;
    }
    kt_buf_free(&text);
    return found;
}

struct wrapper {
    const char *key;
    bool objects, arrays, strings; /* what it may hold */
    bool first;                    /* opened even where the object itself looks like a record */
};
static const struct wrapper wrappers[] = {
    {"CloudTrailEvent", false, false, true, true}, /* CloudTrail LookupEvents */
    {"_raw", false, false, true, true},            /* a Splunk event */
    {"detail", true, false, false, false},         /* EventBridge */
    {"result", true, false, false, false},         /* Splunk export */
    {"results", false, true, false, false},        /* Splunk, CloudWatch Logs Insights */
    {"event", true, false, true, false},           /* Elastic; HTTP event collector */
    {"event.original", false, true, true, false},
    {"original", false, true, true, false},
    {"_source", true, false, false, false},
    {"fields", true, false, false, false},
    {"hits", true, true, false, false},
    {"message", true, true, true, false},
    {"@message", true, true, true, false},
    {"Message", true, false, true, false}, /* SNS */
    {"Sns", true, false, false, false},
    {"body", true, false, true, false}, /* SQS */
    {"Body", true, false, true, false},
    {"Records", false, true, false, false},
    {"Events", false, true, false, false},
    {"events", false, true, false, false},
    {"logEvents", false, true, false, false},
    {"Messages", false, true, false, false},
};

static bool may_hold(const struct wrapper *w, const struct kt_node *x)
{
    return (w->objects && kt_node_is(x, KT_NODE_OBJECT)) || (w->arrays && kt_node_is(x, KT_NODE_ARRAY)) || (w->strings && kt_node_is(x, KT_NODE_STRING));
}

static bool open_wrappers(struct kt_envelope *v, const struct value *x, bool first_only)
{
    bool found = false;
    for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers && !v->stopped; i++) {
        const struct wrapper *w = &wrappers[i];
        struct kt_node *y = w->first || !first_only ? kt_node_get(x->root, w->key) : NULL;
        if (y && may_hold(w, y))
            found |= open_member(v, x, w->key, y);
        if (found)
            return true; /* one way in: the same record may stand in several places */
    }
    /* a row of CloudWatch Logs Insights: {"field":"@message","value":"{...}"} */
    struct kt_node *field = kt_node_get(x->root, "field"), *value = kt_node_get(x->root, "value");
    if (!first_only && !v->stopped && kt_node_is(value, KT_NODE_STRING) && kt_span_is(kt_node_text(field), "@message"))
        found = open_member(v, x, "value", value);
    return found;
}

static bool open_value(struct kt_envelope *v, const struct value *x)
{
    if (kt_node_is(x->root, KT_NODE_STRING))
        return open_string(v, x);
    if (kt_node_is(x->root, KT_NODE_ARRAY)) {
        struct value y = *x;
        return ++y.depth <= 2 * KT_ENVELOPE_DEPTH && open_array(v, &y);
    }
    if (!kt_node_is(x->root, KT_NODE_OBJECT))
        return false;
    bool record = kt_node_get(x->root, "eventName") != NULL;
    if (x->depth < 2 * KT_ENVELOPE_DEPTH && open_wrappers(v, x, record))
        return true;
    return record && !v->stopped && hand_on(v, x);
}

const char *kt_envelope_open(struct kt_envelope *v, struct kt_span text)
{
    v->found = 0;
    struct kt_parsed got;
    kt_parse(text, &v->scratch[0], &v->tree[0], &got);
    if (!got.root) {
        v->no_memory |= got.no_memory;
        v->stopped |= got.no_memory;
        return got.no_memory ? NULL : got.reason;
    }
    struct value x = {got.text, got.root, got.flags, 0, 0};
    (void)open_value(v, &x);
    if ((got.flags & KT_RECORD_REPAIRED) && !v->found && !v->stopped)
        return "not valid text, and no record"; /* what was replaced may have been its eventName */
    return NULL;
}

bool kt_envelope_open_named(struct kt_envelope *v, struct kt_span text)
{
    v->found = 0;
    struct kt_node *root = kt_tree_read(&v->tree[0], text);
    struct kt_span name = kt_node_text(kt_node_get(root, "eventName"));
    if (!name.p || !kt_pick_is(v->pick, name.p, name.n))
        return false;
    struct value x = {text, root, 0, 0, 0};
    (void)open_value(v, &x);
    return true;
}
