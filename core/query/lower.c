#include "query/lower.h"

#include "base/clock.h"
#include "event/event.h"

#include <strings.h>

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

static bool holds(const char *whole, const struct kt_filter_term *t)
{
    return kt_filter_text_holds(t, kt_span_of(whole));
}

/* `sum` or the test, which says more than is meant. */
static struct kt_cond *or_test(struct kt_arena *a, struct kt_cond *sum, const char *path, enum kt_cond_op op, struct kt_span value)
{
    struct kt_cond *t = kt_cond_test(a, path, op, value);
    if (t)
        t->loose = true;
    return kt_cond_join(a, KT_COND_OR, sum, t);
}

static struct kt_cond *of_text(struct kt_arena *a, const struct kt_filter_term *t)
{
    enum kt_cond_op op = t->op == KT_OP_EQUALS ? KT_COND_IS : KT_COND_HAS;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (fields[i].field != t->field)
            continue;
        if (fields[i].exact)
            return kt_cond_test(a, fields[i].path[0], op, t->text);
        struct kt_cond *sum = kt_cond_none(a);
        for (size_t k = 0; k < PATHS && fields[i].path[k]; k++)
            sum = or_test(a, sum, fields[i].path[k], op, t->text);
        for (size_t k = 0; k < PATHS && fields[i].within[k]; k++)
            sum = or_test(a, sum, fields[i].within[k], KT_COND_HAS, t->text);
        bool named = t->field == KT_FIELD_ACTOR_NAME || t->field == KT_FIELD_TARGET_NAME;
        if (named && holds("root", t)) /* root has no name in a record */
            sum = or_test(a, sum, ID "type", KT_COND_IS, KT_LIT("Root"));
        return sum;
    }
    return kt_cond_all(a);
}

/* With an errorCode, or without: all that a record says of it. */
static struct kt_cond *of_result(struct kt_arena *a, const struct kt_filter_term *t)
{
    bool good = holds("created", t) || holds("done", t), bad = holds("denied", t) || holds("failed", t);
    if (good == bad)
        return kt_cond_all(a);
    struct kt_cond *c = kt_cond_test(a, "errorCode", KT_COND_ABSENT, KT_SPAN_NONE);
    if (c)
        c->negated = bad;
    if (c && good) /* one of no letters is none */
        c = kt_cond_join(a, KT_COND_OR, c, kt_cond_test(a, "errorCode", KT_COND_IS, KT_LIT("")));
    return c;
}

/* Records have whole seconds, and engines round in ways of their own. */
static struct kt_cond *of_time(struct kt_arena *a, const struct kt_filter_term *t)
{
    char text[KT_TIME_TEXT];
    bool less = t->op == KT_OP_LT || t->op == KT_OP_LE;
    int64_t ms = t->number - t->number % 1000 + (less ? 1000 : -1000);
    if (ms < 0)
        return kt_cond_all(a);
    kt_time_format(ms, text);
    return kt_cond_test(a, "eventTime", less ? KT_COND_LESS_EQUAL : KT_COND_MORE_EQUAL, kt_span_of(text));
}

static struct kt_cond *of_term(struct kt_arena *a, const struct kt_filter_term *t)
{
    bool text = t->op == KT_OP_CONTAINS || t->op == KT_OP_EQUALS;
    if (t->field == KT_FIELD_TIME && !text && t->op != KT_OP_UNKNOWN && !t->negated)
        return of_time(a, t);
    if (!text || t->field == KT_FIELD_COUNT || !is_plain(t->text))
        return kt_cond_all(a);
    struct kt_cond *c = t->field == KT_FIELD_RESULT ? (t->negated ? kt_cond_all(a) : of_result(a, t)) : of_text(a, t);
    /* what cannot be asked for cannot be asked against */
    bool known = c && c->kind != KT_COND_ALL && t->field != KT_FIELD_RESULT;
    return t->negated && known ? kt_cond_not(c) : c;
}

struct kt_cond *kt_cond_of_filter(struct kt_arena *a, const struct kt_filter *f)
{
    const struct kt_filter_term *t = NULL;
    size_t n = f ? kt_filter_terms(f, &t) : 0;
    struct kt_cond *sum = kt_cond_all(a);
    for (size_t i = 0; i < n; i++)
        sum = kt_cond_join(a, KT_COND_AND, sum, of_term(a, &t[i]));
    return sum;
}
