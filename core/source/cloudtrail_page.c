/* The outside of a LookupEvents answer. */
#include "source/cloudtrail.h"

#include <stdlib.h>

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
        p++;
    return p;
}

/* Behind the closing quote; `p` stands behind the opening one. NULL: none. */
static const char *string_end(const char *p, const char *end)
{
    for (; p < end; p++) {
        if (*p == '\\')
            p++;
        else if (*p == '"')
            return p + 1;
    }
    return NULL;
}

/* `name` is a member of the object itself; `p` stands behind its colon. */
static void take_member(struct trail_page *page, struct kt_span name, const char *p, const char *end)
{
    p = skip_blanks(p, end);
    if (kt_span_is(name, "Events"))
        page->understood = p < end && *p == '[';
    if (!kt_span_is(name, "NextToken") || p >= end || *p != '"')
        return;
    const char *close = string_end(p + 1, end);
    if (close && close - p > 2)
        page->token = (struct kt_span){p + 1, (size_t)(close - p - 2)};
}

/* Seconds, with or without a fraction; `p` stands behind the colon. */
static void take_time(struct trail_page *page, const char *p, const char *end)
{
    char text[32];
    size_t n = 0;
    for (p = skip_blanks(p, end); p < end && n < sizeof text - 1 && strchr("0123456789.eE+-", *p) && *p;)
        text[n++] = *p++;
    text[n] = '\0';
    double s = n ? strtod(text, NULL) : 0;
    if (s <= 0 || s > 1e11)
        return;
    int64_t t = (int64_t)(s * 1000);
    page->oldest = page->oldest == KT_TIME_NONE || t < page->oldest ? t : page->oldest;
}

struct trail_page trail_read_page(struct kt_span body)
{
    struct trail_page page = {false, KT_SPAN_NONE, KT_TIME_NONE};
    const char *p = skip_blanks(body.p, body.p + body.n), *end = body.p + body.n;
    int depth = 0;
    bool closed = false;
    if (p >= end || *p != '{')
        return page;
    while (p < end && !closed) {
        char c = *p++;
        if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            closed = --depth == 0;
        } else if (c == '"') {
            const char *close = string_end(p, end);
            if (!close)
                break;
            const char *after = skip_blanks(close, end);
            if (depth == 1 && after < end && *after == ':')
                take_member(&page, (struct kt_span){p, (size_t)(close - 1 - p)}, after + 1, end);
            if (depth == 3 && after < end && *after == ':' && kt_span_is((struct kt_span){p, (size_t)(close - 1 - p)}, "EventTime"))
                take_time(&page, after + 1, end);
            p = close;
        }
    }
    page.understood &= closed;
    return page;
}
