#include "source/outer.h"

struct kt_outer kt_outer_of(struct kt_span object)
{
    return (struct kt_outer){object.p, object.p ? object.p + object.n : NULL, false, false};
}

static void skip_blanks(struct kt_outer *o)
{
    while (o->p < o->end && (*o->p == ' ' || *o->p == '\t' || *o->p == '\r' || *o->p == '\n'))
        o->p++;
}

static bool take(struct kt_outer *o, char c)
{
    skip_blanks(o);
    if (o->p >= o->end || *o->p != c)
        return false;
    o->p++;
    return true;
}

/* Stands behind the opening quote; goes behind the closing one. */
static bool skip_string(struct kt_outer *o)
{
    for (; o->p < o->end; o->p++) {
        if (*o->p == '\\')
            o->p++;
        else if (*o->p == '"')
            return o->p++, true;
    }
    o->p = o->end;
    return false;
}

/* Up to the comma or brace that ends it. */
static bool skip_value(struct kt_outer *o)
{
    for (int depth = 0; o->p < o->end;) {
        char c = *o->p;
        if (depth == 0 && (c == ',' || c == '}'))
            return true;
        o->p++;
        if (c == '"' && !skip_string(o))
            return false;
        depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
        if (depth < 0)
            return false;
    }
    return false;
}

bool kt_outer_next(struct kt_outer *o, struct kt_span *name, struct kt_span *value)
{
    if (o->whole || !o->p || (!o->begun && !take(o, '{')))
        return false;
    bool first = !o->begun;
    o->begun = true;
    if (take(o, '}')) {
        o->whole = true;
        return false;
    }
    if (!first && !take(o, ','))
        return false;
    if (!take(o, '"'))
        return false;
    name->p = o->p;
    if (!skip_string(o))
        return false;
    name->n = (size_t)(o->p - 1 - name->p);
    if (!take(o, ':'))
        return false;
    skip_blanks(o);
    value->p = o->p;
    if (!skip_value(o) || o->p == value->p)
        return false;
    const char *end = o->p;
    while (end > value->p && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r' || end[-1] == '\n'))
        end--;
    value->n = (size_t)(end - value->p);
    return true;
}

struct kt_span kt_outer_string(struct kt_span value)
{
    bool is = value.p && value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"';
    return is ? (struct kt_span){value.p + 1, value.n - 2} : KT_SPAN_NONE;
}
