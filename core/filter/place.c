/* What is being written, in a text that need not be a filter yet. */
#include "filter/impl.h"

#include <string.h>

static const char *const heads[] = {
    "userIdentity", "requestParameters", "responseElements", "additionalEventData", "eventName", "eventSource", "eventTime",
    "awsRegion", "sourceIPAddress", "userAgent", "errorCode", "errorMessage", "eventID", "requestID", "sharedEventID",
    "eventType", "eventCategory", "eventVersion", "apiVersion", "managementEvent", "readOnly", "resources",
    "recipientAccountId", "serviceEventDetails", "vpcEndpointId", "vpcEndpointAccountId", "addendum",
    "sessionCredentialFromConsole", "eventContext", "edgeDeviceDetails", "tlsDetails", "insightDetails"};

const char *kt_filter_path_head(size_t i)
{
    return i < sizeof heads / sizeof *heads ? heads[i] : NULL;
}

bool filter_is_path(struct kt_span name)
{
    const char *dot = name.n ? memchr(name.p, '.', name.n) : NULL;
    struct kt_span head = {name.p, dot ? (size_t)(dot - name.p) : name.n};
    if (dot && dot + 1 == name.p + name.n)
        return false;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (kt_span_is(head, heads[i]))
            return true;
    return false;
}

/* Where a quote opens that is still open at `at`; `at` itself: none. */
static size_t open_quote(struct kt_span s, size_t at)
{
    size_t open = at;
    for (size_t i = 0; i < at; i++) {
        if (open != at && s.p[i] == '\\' && i + 1 < at)
            i++;
        else if (s.p[i] == '"')
            open = open == at ? i : at;
    }
    return open;
}

static bool ends(char c)
{
    return filter_is_blank(c) || c == '(' || c == ')' || c == ',';
}

/* The field before the operator or list that ends at `at`; false: there is none. */
static bool field_before(struct kt_span s, size_t at, bool list, struct kt_filter_place *out)
{
    size_t end = at;
    if (list) { /* name in ( ... , : back to the parenthesis and over "in" */
        while (end > 0 && s.p[end - 1] != '(')
            end--;
        end -= end > 0;
        while (end > 0 && filter_is_blank(s.p[end - 1]))
            end--;
        if (end < 3 || memcmp(s.p + end - 2, "in", 2) != 0 || !filter_is_blank(s.p[end - 3]))
            return false;
        end -= 2;
        while (end > 0 && filter_is_blank(s.p[end - 1]))
            end--;
        if (end >= 4 && memcmp(s.p + end - 3, "not", 3) == 0 && filter_is_blank(s.p[end - 4])) {
            end -= 3;
            while (end > 0 && filter_is_blank(s.p[end - 1]))
                end--;
        }
    } else {
        while (end > 0 && strchr(":=<>~!", s.p[end - 1]))
            end--;
        if (end == at)
            return false;
        while (end > 0 && filter_is_blank(s.p[end - 1]))
            end--;
    }
    size_t from = end;
    while (from > 0 && (filter_is_name(s.p[from - 1]) || (s.p[from - 1] == '-' && from > 1 && filter_is_name(s.p[from - 2]))))
        from--;
    struct kt_span name = {s.p + from, end - from};
    if (!name.n)
        return false;
    out->field = kt_field_find(name);
    return out->field != KT_FIELD_COUNT || filter_is_path(name);
}

struct kt_filter_place kt_filter_place(struct kt_span s, size_t at)
{
    struct kt_filter_place p = {.what = KT_PLACE_NONE, .field = KT_FIELD_COUNT};
    at = at < s.n ? at : s.n;
    size_t quote = open_quote(s, at), from = quote;
    p.quoted = quote != at;
    while (!p.quoted && from > 0 && !ends(s.p[from - 1]) && !strchr(":=<>~!", s.p[from - 1]))
        from--;
    p.from = from;
    p.to = at;
    if (!p.quoted)
        while (p.to < s.n && !ends(s.p[p.to]) && !strchr(":=<>~!", s.p[p.to]))
            p.to++;
    bool op = from > 0 && strchr(":=<>~!", s.p[from - 1]);
    size_t back = from;
    while (!op && back > 0 && filter_is_blank(s.p[back - 1]))
        back--;
    bool list = !op && back > 0 && (s.p[back - 1] == '(' || s.p[back - 1] == ',');
    bool spaced = !op && back < from && back > 0 && strchr("=<>~", s.p[back - 1]);
    if (op && field_before(s, from, false, &p))
        p.what = KT_PLACE_VALUE;
    else if ((list && field_before(s, back, true, &p)) || (spaced && field_before(s, back, false, &p)))
        p.what = KT_PLACE_VALUE;
    else if (!op && !p.quoted)
        p.what = KT_PLACE_FIELD;
    if (p.what == KT_PLACE_FIELD && from < p.to && s.p[from] == '-')
        p.from++;
    return p;
}
