#include "query/lower.h"

#include "base/clock.h"
#include "event/event.h"

#include <string.h>

#define ID "userIdentity."
#define ISSUER ID "sessionContext.sessionIssuer."

enum { PATHS = 8 };

/* The paths that a field is read from, by core/event. `exact`: from this one
 * alone, as it stands. `within`: it may be a part of what stands there. */
static const struct {
    enum kt_field field;
    bool exact;
    const char *path[PATHS];
    const char *within[PATHS];
} fields[] = {
    {KT_FIELD_EVENT_ID, true, {"eventID"}, {NULL}},
    {KT_FIELD_EVENT_NAME, true, {"eventName"}, {NULL}},
    {KT_FIELD_EVENT_SOURCE, true, {"eventSource"}, {NULL}},
    {KT_FIELD_ERROR_CODE, false, {"errorCode"}, {NULL}},
    {KT_FIELD_ERROR_MESSAGE, false, {"errorMessage"}, {NULL}},
    {KT_FIELD_ACTOR_TYPE, false, {ID "type"}, {NULL}},
    {KT_FIELD_ACTOR_NAME, false, {ID "userName", ISSUER "userName", ID "invokedBy"}, {ID "arn", ISSUER "arn"}},
    {KT_FIELD_ACTOR_ARN, false, {ID "arn"}, {NULL}},
    {KT_FIELD_ACTOR_ACCOUNT, false, {ID "accountId"}, {ID "arn"}},
    {KT_FIELD_ACTOR_PRINCIPAL_ID, false, {ID "principalId"}, {NULL}},
    {KT_FIELD_ACTOR_SESSION, false, {NULL}, {ID "principalId", ID "arn"}},
    {KT_FIELD_ACTOR_ACCESS_KEY_ID, false, {ID "accessKeyId"}, {NULL}},
    {KT_FIELD_ACTOR_VIA, false, {ID "invokedBy", "sourceIPAddress"}, {NULL}},
    {KT_FIELD_TARGET_NAME, false, {ID "userName"}, {"requestParameters", "responseElements", "errorMessage", ID "arn"}},
    {KT_FIELD_KEY_ID, false, {ID "accessKeyId"}, {"requestParameters", "responseElements"}},
    {KT_FIELD_SOURCE_ADDRESS, false, {"sourceIPAddress"}, {NULL}},
    {KT_FIELD_AGENT_TEXT, false, {"userAgent"}, {NULL}},
    {KT_FIELD_ACCOUNT, false, {"recipientAccountId", "recipientAccountID", ID "accountId"}, {ID "arn"}},
    {KT_FIELD_REGION, false, {"awsRegion"}, {NULL}},
};

/* Text that reads the same in a record and here: what was repaired, or escaped,
 * need not. */
static bool is_plain(struct kt_span v)
{
    for (size_t i = 0; i < v.n; i++)
        if ((unsigned char)v.p[i] < 0x20 || (unsigned char)v.p[i] > 0x7e)
            return false;
    return v.n > 0;
}

/* One value of a term, and how it is meant. */
struct test {
    const struct kt_filter *f;
    const struct kt_filter_term *t;
    const struct kt_filter_value *v;
};

static bool holds(const char *whole, const struct test *x)
{
    struct kt_filter_term one = *x->t;
    one.value = x->v;
    one.n = 1;
    one.op = x->v->op;
    return kt_filter_text_holds(x->f, &one, kt_span_of(whole));
}

/* The longest part of a pattern without signs: what is like it has that. */
static struct kt_span literal_of(struct kt_span like)
{
    struct kt_span best = {like.p, 0};
    for (size_t i = 0; i < like.n;) {
        size_t n = 0;
        while (i + n < like.n && !strchr("*?\\", like.p[i + n]))
            n++;
        if (n > best.n)
            best = (struct kt_span){like.p + i, n};
        i += n + 1 + (i + n < like.n && like.p[i + n] == '\\'); /* what is escaped is left out */
    }
    return best;
}

/* How an engine is asked for it. False: it cannot be. */
static bool how(const struct test *x, enum kt_cond_op *op, struct kt_span *value, bool *exact)
{
    *value = x->v->text;
    *exact = true;
    switch (x->v->op) {
    case KT_OP_CONTAINS:
        *op = KT_COND_HAS;
        break;
    case KT_OP_EQUALS:
        *op = KT_COND_IS;
        break;
    case KT_OP_IS:
        *op = KT_COND_IS_NOCASE;
        break;
    case KT_OP_LIKE:
        *op = KT_COND_HAS;
        *value = literal_of(x->v->text);
        *exact = false;
        break;
    default:
        return false;
    }
    return is_plain(*value);
}

/* `sum` or the test, which says more than is meant. */
static struct kt_cond *or_test(struct kt_arena *a, struct kt_cond *sum, const char *path, enum kt_cond_op op, struct kt_span value)
{
    struct kt_cond *t = kt_cond_test(a, path, op, value);
    if (t)
        t->loose = true;
    return kt_cond_join(a, KT_COND_OR, sum, t);
}

static struct kt_cond *of_text(struct kt_arena *a, const struct test *x)
{
    enum kt_cond_op op;
    struct kt_span value;
    bool exact;
    if (!how(x, &op, &value, &exact))
        return kt_cond_all(a);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (fields[i].field != x->t->field)
            continue;
        struct kt_cond *sum = kt_cond_none(a);
        if (fields[i].exact && exact)
            return kt_cond_test(a, fields[i].path[0], op, value);
        for (size_t k = 0; k < PATHS && fields[i].path[k]; k++)
            sum = or_test(a, sum, fields[i].path[k], op, value);
        for (size_t k = 0; k < PATHS && fields[i].within[k]; k++)
            sum = or_test(a, sum, fields[i].within[k], KT_COND_HAS, value);
        bool named = x->t->field == KT_FIELD_ACTOR_NAME || x->t->field == KT_FIELD_TARGET_NAME;
        if (named && holds("root", x)) /* root has no name in a record */
            sum = or_test(a, sum, ID "type", KT_COND_IS, KT_LIT("Root"));
        return sum;
    }
    return kt_cond_all(a);
}

/* A path into the record; what stands there may be no text, and a list of it. */
static struct kt_cond *of_path(struct kt_arena *a, const struct test *x)
{
    enum kt_cond_op op;
    struct kt_span value;
    char path[256];
    bool exact;
    if (!how(x, &op, &value, &exact) || x->t->path.n >= sizeof path)
        return kt_cond_all(a);
    memcpy(path, x->t->path.p, x->t->path.n);
    path[x->t->path.n] = '\0';
    struct kt_cond *c = kt_cond_test(a, path, op, value);
    if (c)
        c->loose = true;
    return c;
}

/* With an errorCode, or without: all that a record says of it. */
static struct kt_cond *of_result(struct kt_arena *a, const struct test *x)
{
    bool good = holds("created", x) || holds("done", x), bad = holds("denied", x) || holds("failed", x);
    if (good == bad)
        return kt_cond_all(a);
    struct kt_cond *c = kt_cond_test(a, "errorCode", KT_COND_ABSENT, KT_SPAN_NONE);
    if (!c)
        return NULL;
    c->negated = bad;
    if (good) /* one of no letters is none */
        c = kt_cond_join(a, KT_COND_OR, c, kt_cond_test(a, "errorCode", KT_COND_IS, KT_LIT("")));
    for (struct kt_cond *k = c ? c->child : NULL; k; k = k->next)
        k->loose = true;
    if (c)
        c->loose = true;
    return c;
}

/* Records have whole seconds, and engines round in ways of their own. */
static struct kt_cond *of_time(struct kt_arena *a, const struct kt_filter_value *v)
{
    char text[KT_TIME_TEXT];
    bool less = v->op == KT_OP_LT || v->op == KT_OP_LE;
    int64_t ms = v->number - v->number % 1000 + (less ? 1000 : -1000);
    if (ms < 0)
        return kt_cond_all(a);
    kt_time_format(ms, text);
    struct kt_cond *c = kt_cond_test(a, "eventTime", less ? KT_COND_LESS_EQUAL : KT_COND_MORE_EQUAL, kt_span_of(text));
    if (c)
        c->loose = true;
    return c;
}

static struct kt_cond *of_value(struct kt_arena *a, const struct kt_filter *f, const struct kt_filter_term *t,
                                const struct kt_filter_value *v)
{
    struct test x = {f, t, v};
    bool ordered = v->op == KT_OP_LT || v->op == KT_OP_LE || v->op == KT_OP_GT || v->op == KT_OP_GE;
    if (t->path.p)
        return of_path(a, &x);
    if (t->field == KT_FIELD_TIME && ordered)
        return of_time(a, v);
    if (t->field == KT_FIELD_RESULT && !ordered && v->op != KT_OP_UNKNOWN)
        return of_result(a, &x);
    return t->field == KT_FIELD_COUNT ? kt_cond_all(a) : of_text(a, &x);
}

/* Any of its values. */
static struct kt_cond *of_term(struct kt_arena *a, const struct kt_filter *f, const struct kt_filter_term *t)
{
    struct kt_cond *sum = kt_cond_none(a);
    if (!t->n || t->op == KT_OP_UNKNOWN)
        return kt_cond_all(a);
    for (size_t i = 0; i < t->n; i++)
        sum = kt_cond_join(a, KT_COND_OR, sum, of_value(a, f, t, &t->value[i]));
    return sum;
}

/* Nothing can be asked against what cannot be asked for: "all" stands for both.
 * A condition that says more than is meant turns into it, too (kt_cond_not). */
static struct kt_cond *against(struct kt_arena *a, struct kt_cond *c)
{
    if (!c || c->kind == KT_COND_ALL)
        return c;
    if (c->kind == KT_COND_TEST)
        return kt_cond_not(c);
    enum kt_cond_kind turned = c->kind == KT_COND_AND ? KT_COND_OR : KT_COND_AND;
    struct kt_cond *sum = turned == KT_COND_AND ? kt_cond_all(a) : kt_cond_none(a);
    for (struct kt_cond *k = c->child, *next; k && sum; k = next) {
        next = k->next;
        sum = kt_cond_join(a, turned, sum, against(a, k));
    }
    return sum;
}

/* `turned`: what holds where it does not. */
static struct kt_cond *of_node(struct kt_arena *a, const struct kt_filter *f, const struct kt_filter_node *n, bool turned)
{
    if (n->kind == KT_NODE_NOT)
        return of_node(a, f, n->child[0], !turned);
    if (n->kind == KT_NODE_TERM) {
        struct kt_cond *c = of_term(a, f, n->term);
        return turned ? against(a, c) : c;
    }
    enum kt_cond_kind kind = (n->kind == KT_NODE_AND) != turned ? KT_COND_AND : KT_COND_OR;
    struct kt_cond *sum = kind == KT_COND_AND ? kt_cond_all(a) : kt_cond_none(a);
    for (size_t i = 0; i < n->n && sum; i++)
        sum = kt_cond_join(a, kind, sum, of_node(a, f, n->child[i], turned));
    return sum;
}

struct kt_cond *kt_cond_of_filter(struct kt_arena *a, const struct kt_filter *f)
{
    const struct kt_filter_node *root = kt_filter_root(f);
    return root ? of_node(a, f, root, false) : kt_cond_all(a);
}
