#include "filter/filter.h"

#include "base/clock.h"
#include "base/find.h"

#include <stdlib.h>

struct kt_filter {
    size_t n;
    struct kt_filter_term term[KT_FILTER_TERMS_MAX];
    size_t used; /* of text[] */
    char text[]; /* the terms' texts, one after the other */
};

/* --- parsing ----------------------------------------------------------------------- */

struct parse {
    struct kt_filter *f;
    const char *p;
    size_t n, at;
    int64_t now;
    size_t *column;
    struct kt_err *e;
};

static enum kt_code wrong(struct parse *s, size_t at, enum kt_code code, const char *sentence, struct kt_span what)
{
    if (s->column)
        *s->column = at;
    return kt_fail(s->e, code, "column %zu: %.*s%s%s", at + 1, (int)(what.n < 60 ? what.n : 60), what.p ? what.p : "",
                   what.p ? ": " : "", sentence);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_blanks(struct parse *s)
{
    while (s->at < s->n && is_blank(s->p[s->at]))
        s->at++;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The run up to the next blank. */
static struct kt_span run_at(const struct parse *s)
{
    size_t end = s->at;
    while (end < s->n && !is_blank(s->p[end]))
        end++;
    return (struct kt_span){s->p + s->at, end - s->at};
}

static char *text_end(const struct parse *s)
{
    return s->f->text + s->f->used;
}

/* A value: to the next blank, or in quotes. Its text goes into the filter. */
static enum kt_code value(struct parse *s, struct kt_span *out, bool *quoted)
{
    char *to = text_end(s), *w = to;
    size_t open = s->at;
    *quoted = s->at < s->n && s->p[s->at] == '"';
    if (!*quoted) {
        struct kt_span run = run_at(s);
        if (run.n)
            memcpy(w, run.p, run.n);
        w += run.n;
        s->at += run.n;
    } else {
        s->at++;
        while (s->at < s->n && s->p[s->at] != '"') {
            bool escaped = s->p[s->at] == '\\' && s->at + 1 < s->n &&
                           (s->p[s->at + 1] == '"' || s->p[s->at + 1] == '\\');
            s->at += escaped;
            *w++ = s->p[s->at++];
        }
        if (s->at == s->n)
            return wrong(s, open, KT_EUSAGE, "this quote is not closed", KT_SPAN_NONE);
        s->at++;
        if (s->at < s->n && !is_blank(s->p[s->at]))
            return wrong(s, s->at, KT_EUSAGE, "a blank is missing after the quotes", KT_SPAN_NONE);
    }
    *out = (struct kt_span){to, (size_t)(w - to)};
    s->f->used += out->n;
    return KT_OK;
}

static bool is_whole_number(enum kt_field f)
{
    return f == KT_FIELD_RISK || f == KT_FIELD_ORIGIN_RECORD;
}

static bool is_time(enum kt_field f)
{
    return f == KT_FIELD_TIME || f == KT_FIELD_KEY_CREATED;
}

static bool is_compared(enum kt_field f)
{
    return is_whole_number(f) || is_time(f) || f == KT_FIELD_LEVEL;
}

static bool number_of(struct kt_span s, int64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9' || *out > INT64_C(100000000000000000))
            return false;
        *out = *out * 10 + (s.p[i] - '0');
    }
    return s.n > 0;
}

static bool level_of(struct kt_span s, int64_t *out)
{
    for (int l = KT_LEVEL_INFORMATIONAL; l <= KT_LEVEL_CRITICAL; l++) {
        const char *name = kt_level_name((enum kt_level)l);
        *out = l;
        if (name && kt_span_is(s, name))
            return true;
    }
    return false;
}

static enum kt_code compared(struct parse *s, struct kt_filter_term *t)
{
    size_t at = s->at;
    bool quoted;
    enum kt_code c = value(s, &t->text, &quoted);
    if (c)
        return c;
    if (!t->text.n)
        return wrong(s, at, KT_EUSAGE, "the value to compare with is missing", KT_SPAN_NONE);
    if (is_time(t->field)) {
        t->number = kt_time_parse_ago(t->text, s->now);
        return t->number != KT_TIME_NONE
                   ? KT_OK
                   : wrong(s, at, KT_EUSAGE, "not a time such as 2023-07-10, 2023-07-10T12:24:29Z, 90s, 15m, 24h, 7d",
                           t->text);
    }
    if (t->field == KT_FIELD_LEVEL)
        return level_of(t->text, &t->number)
                   ? KT_OK
                   : wrong(s, at, KT_EUSAGE, "not one of informational, low, medium, high, critical", t->text);
    return number_of(t->text, &t->number) ? KT_OK : wrong(s, at, KT_EUSAGE, "not a number", t->text);
}

/* "<", "<=", ">" or ">=" at the place; CONTAINS where there is none. */
static enum kt_filter_op comparison(struct parse *s)
{
    if (s->at == s->n || (s->p[s->at] != '<' && s->p[s->at] != '>'))
        return KT_OP_CONTAINS;
    bool less = s->p[s->at++] == '<', equal = s->at < s->n && s->p[s->at] == '=';
    s->at += equal;
    return less ? (equal ? KT_OP_LE : KT_OP_LT) : equal ? KT_OP_GE : KT_OP_GT;
}

static void make_lower(struct kt_filter_term *t)
{
    if (t->op == KT_OP_CONTAINS)
        for (size_t i = 0; i < t->text.n; i++)
            ((char *)t->text.p)[i] = lower(t->text.p[i]); /* the filter's own text */
}

/* After "field:". */
static enum kt_code field_value(struct parse *s, struct kt_filter_term *t)
{
    size_t at = s->at;
    bool quoted = false;
    t->op = comparison(s);
    if (t->op != KT_OP_CONTAINS)
        return is_compared(t->field)
                   ? compared(s, t)
                   : wrong(s, at, KT_EUSAGE, "only risk, level, time, key.created and origin.record can be compared",
                           kt_span_of(kt_field_name(t->field)));
    if (s->at < s->n && s->p[s->at] == '=') {
        t->op = KT_OP_EQUALS;
        s->at++;
    }
    enum kt_code c = value(s, &t->text, &quoted);
    if (c)
        return c;
    if (t->op == KT_OP_CONTAINS && !quoted && !t->text.n)
        t->op = KT_OP_UNKNOWN;
    int64_t number;
    if (t->op != KT_OP_UNKNOWN && is_whole_number(t->field)) {
        t->op = KT_OP_EQUALS;
        if (!number_of(t->text, &number))
            return wrong(s, at, KT_EUSAGE, "not a number", t->text);
    }
    make_lower(t);
    return KT_OK;
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
}

static enum kt_code term(struct parse *s, struct kt_filter_term *t)
{
    size_t start = s->at, end = start;
    while (end < s->n && is_name(s->p[end]))
        end++;
    struct kt_span name = {s->p + start, end - start};
    enum kt_field field = name.n ? kt_field_find(name) : KT_FIELD_COUNT;
    char next = end < s->n ? s->p[end] : '\0';
    bool digit = name.n && name.p[0] <= '9' && name.p[0] >= '0'; /* an address or an account, no field */
    if (name.n && next == ':' && !digit) {
        if (field == KT_FIELD_COUNT)
            return wrong(s, start, KT_ENOTFOUND, "no field has this name (in double quotes it is looked for as text)",
                         name);
        t->field = field;
        s->at = end + 1;
        return field_value(s, t);
    }
    if ((next == '<' || next == '>') && field != KT_FIELD_COUNT && is_compared(field)) {
        t->field = field;
        s->at = end;
        return field_value(s, t);
    }
    if (s->p[start] == '(' || s->p[start] == ')' || kt_span_is(run_at(s), "or"))
        return wrong(s, start, KT_EUNSUPPORTED,
                     "\"or\" and parentheses are not built yet (in double quotes they are looked for as text)",
                     KT_SPAN_NONE);
    bool quoted;
    t->field = KT_FIELD_COUNT;
    t->op = KT_OP_CONTAINS;
    enum kt_code c = value(s, &t->text, &quoted);
    if (!c)
        make_lower(t);
    return c;
}

static enum kt_code one(struct parse *s)
{
    struct kt_filter_term t = {.field = KT_FIELD_COUNT};
    size_t start = s->at;
    for (;;) {
        if (s->at < s->n && s->p[s->at] == '-')
            s->at++;
        else if (kt_span_is(run_at(s), "not"))
            s->at += 3;
        else
            break;
        skip_blanks(s);
        t.negated = !t.negated;
    }
    if (s->at == s->n || kt_span_is(run_at(s), "and"))
        return wrong(s, start, KT_EUSAGE, "a term is missing after this", KT_SPAN_NONE);
    if (s->f->n == KT_FILTER_TERMS_MAX)
        return wrong(s, start, KT_ELIMIT, "a filter has at most 64 terms", KT_SPAN_NONE);
    enum kt_code c = term(s, &t);
    if (!c)
        s->f->term[s->f->n++] = t;
    return c;
}

/* `and` stands between terms and adds nothing. */
static enum kt_code conjunction(struct parse *s, bool *was)
{
    *was = kt_span_is(run_at(s), "and");
    if (!*was)
        return KT_OK;
    size_t at = s->at;
    s->at += 3;
    skip_blanks(s);
    if (!s->f->n || s->at == s->n || kt_span_is(run_at(s), "and"))
        return wrong(s, at, KT_EUSAGE, "\"and\" stands between two terms (in double quotes it is looked for as text)",
                     KT_SPAN_NONE);
    return KT_OK;
}

enum kt_code kt_filter_parse(struct kt_filter **out, struct kt_span text, int64_t now, size_t *column,
                             struct kt_err *e)
{
    *out = NULL;
    if (column)
        *column = 0;
    if (text.n > KT_FILTER_TEXT_MAX)
        return kt_fail(e, KT_ELIMIT, "a filter has at most %d bytes", KT_FILTER_TEXT_MAX);
    struct parse s = {.p = text.p, .n = text.n, .now = now, .column = column, .e = e};
    s.f = calloc(1, sizeof *s.f + text.n + 1);
    if (!s.f)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    enum kt_code c = KT_OK;
    for (skip_blanks(&s); !c && s.at < s.n; skip_blanks(&s)) {
        bool was;
        c = conjunction(&s, &was);
        if (!c)
            c = one(&s);
    }
    if (c || !s.f->n) {
        free(s.f);
        return c;
    }
    *out = s.f;
    return KT_OK;
}

struct kt_filter *kt_filter_clone(const struct kt_filter *f)
{
    struct kt_filter *g = f ? malloc(sizeof *g + f->used + 1) : NULL;
    if (!g)
        return NULL;
    memcpy(g, f, sizeof *f + f->used + 1);
    for (size_t i = 0; i < g->n; i++)
        if (g->term[i].text.p)
            g->term[i].text.p = g->text + (f->term[i].text.p - f->text);
    return g;
}

void kt_filter_free(struct kt_filter *f)
{
    free(f);
}

size_t kt_filter_terms(const struct kt_filter *f, const struct kt_filter_term **out)
{
    *out = f ? f->term : NULL;
    return f ? f->n : 0;
}

/* --- matching ------------------------------------------------------------------------ */

bool kt_filter_number_holds(const struct kt_filter_term *t, int64_t n)
{
    if (n == KT_TIME_NONE)
        return false;
    switch (t->op) {
    case KT_OP_LT: return n < t->number;
    case KT_OP_LE: return n <= t->number;
    case KT_OP_GT: return n > t->number;
    case KT_OP_GE: return n >= t->number;
    default: return false;
    }
}

bool kt_filter_text_holds(const struct kt_filter_term *t, struct kt_span text)
{
    int64_t n;
    switch (t->op) {
    case KT_OP_UNKNOWN: return !text.p;
    case KT_OP_EQUALS: return kt_span_eq(text, t->text);
    case KT_OP_CONTAINS: return text.p && kt_find_no_case(text, t->text);
    default: break;
    }
    if (is_time(t->field))
        return kt_filter_number_holds(t, kt_time_parse(text));
    return text.p && (t->field == KT_FIELD_LEVEL ? level_of(text, &n) : number_of(text, &n)) &&
           kt_filter_number_holds(t, n);
}

bool kt_filter_is_text(enum kt_field f)
{
    return f < KT_FIELD_COUNT && !is_time(f) && !is_whole_number(f) && f != KT_FIELD_TARGET_SELF &&
           f != KT_FIELD_ACTOR_MFA && f != KT_FIELD_STATE;
}

static bool any_holds(const struct kt_filter_term *t, const struct kt_row *r, struct kt_arena *scratch)
{
    for (int f = 0; f < KT_FIELD_COUNT; f++)
        if (kt_filter_is_text((enum kt_field)f) &&
            kt_filter_text_holds(t, kt_row_field(r, (enum kt_field)f, scratch)))
            return true;
    return false;
}

bool kt_filter_asks_verdict(const struct kt_filter *f)
{
    const struct kt_filter_term *t;
    size_t n = kt_filter_terms(f, &t);
    for (size_t i = 0; i < n; i++)
        if (t[i].field == KT_FIELD_COUNT || t[i].field == KT_FIELD_RISK || t[i].field == KT_FIELD_LEVEL ||
            t[i].field == KT_FIELD_SIGNALS || t[i].field == KT_FIELD_RULES || t[i].field == KT_FIELD_WHY)
            return true;
    return false;
}

bool kt_filter_row(const struct kt_filter *f, const struct kt_row *r, struct kt_arena *scratch)
{
    for (size_t i = 0; f && i < f->n; i++) {
        const struct kt_filter_term *t = &f->term[i];
        bool holds = t->field == KT_FIELD_COUNT ? any_holds(t, r, scratch)
                                                : kt_filter_text_holds(t, kt_row_field(r, t->field, scratch));
        if (holds == t->negated)
            return false;
    }
    return true;
}
