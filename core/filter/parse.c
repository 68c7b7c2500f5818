#include "filter/impl.h"

#include "base/clock.h"
#include "base/nearest.h"

#include <stdlib.h>

enum { MEMORY_MAX = 1 << 20, SHOWN = 60 };

struct parse {
    struct kt_filter *f;
    const char *p;
    size_t n, at;
    int depth;         /* of open parentheses */
    bool listing;      /* inside of in (...): a comma ends a value */
    size_t nodes, values;
    size_t *column;
    struct kt_err *e;
};

typedef const struct kt_filter_node node;

static enum kt_code or_read(struct parse *s, node **out);

/* --- errors -------------------------------------------------------------------------- */

static enum kt_code wrong(struct parse *s, size_t at, enum kt_code code, const char *sentence, struct kt_span what)
{
    if (s->column)
        *s->column = at;
    return kt_fail(s->e, code, "column %zu: %.*s%s%s", at + 1, (int)(what.n < SHOWN ? what.n : SHOWN), what.p ? what.p : "",
                   what.p ? ": " : "", sentence);
}

static enum kt_code out_of_memory(struct parse *s)
{
    return kt_fail(s->e, KT_ENOMEM, "out of memory");
}

static const char *nearest(struct kt_span name)
{
    const char *best = NULL;
    size_t least = SIZE_MAX;
    static const char *const shorts[] = {"actor", "user", "target", "key", "from", "source", "address", "agent", "tool",
                                         "session", "country", "network", "aws", "error", "via", "tag"};
    for (size_t i = 0; i < sizeof shorts / sizeof *shorts + KT_FIELD_COUNT; i++) {
        const char *have = i < KT_FIELD_COUNT ? kt_field_name((enum kt_field)i) : shorts[i - KT_FIELD_COUNT];
        size_t d = kt_name_distance(name, kt_span_of(have));
        if (d < least) {
            least = d;
            best = have;
        }
    }
    const char *head;
    for (size_t i = 0; (head = kt_filter_path_head(i)); i++) {
        size_t n = strlen(head), d = kt_name_distance((struct kt_span){name.p, name.n < n ? name.n : n}, kt_span_of(head));
        if (name.n >= n && d < least) {
            least = d;
            best = head;
        }
    }
    return best && kt_name_is_near(least, kt_span_of(best)) ? best : NULL;
}

static enum kt_code no_field(struct parse *s, size_t at, struct kt_span name)
{
    char sentence[200];
    const char *near = nearest(name);
    snprintf(sentence, sizeof sentence, "no field has this name%s%s%s (in double quotes it is looked for as text)",
             near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    return wrong(s, at, KT_ENOTFOUND, sentence, name);
}

/* --- texts ----------------------------------------------------------------------------- */

static void skip_blanks(struct parse *s)
{
    while (s->at < s->n && filter_is_blank(s->p[s->at]))
        s->at++;
}

static bool ends_word(const struct parse *s, size_t at)
{
    return at >= s->n || filter_is_blank(s->p[at]) || s->p[at] == '(' || s->p[at] == ')' || (s->listing && s->p[at] == ',');
}

static bool is_word(const struct parse *s, const char *word)
{
    size_t n = strlen(word);
    return s->n - s->at >= n && memcmp(s->p + s->at, word, n) == 0 && ends_word(s, s->at + n);
}

/* The run up to the next blank, or to a parenthesis that it did not open. */
static struct kt_span run_at(const struct parse *s)
{
    size_t end = s->at;
    int open = 0;
    for (; end < s->n && !filter_is_blank(s->p[end]); end++) {
        if (s->listing && !open && s->p[end] == ',')
            break;
        open += s->p[end] == '(';
        if (s->p[end] == ')' && open-- == 0 && s->depth > 0)
            break;
        if (open < 0)
            open = 0;
    }
    return (struct kt_span){s->p + s->at, end - s->at};
}

/* A value: a run, or in quotes. A copy in the filter. */
static enum kt_code text_read(struct parse *s, struct kt_span *out, bool *quoted)
{
    size_t open = s->at, n = 0;
    *quoted = s->at < s->n && s->p[s->at] == '"';
    struct kt_span run = run_at(s);
    char *to = kt_arena_alloc(s->f->arena, s->n - s->at + 1);
    if (!to)
        return out_of_memory(s);
    if (!*quoted) {
        if (run.n)
            memcpy(to, run.p, run.n);
        s->at += run.n;
        *out = (struct kt_span){to, run.n};
        return KT_OK;
    }
    s->at++;
    while (s->at < s->n && s->p[s->at] != '"') {
        bool escaped = s->p[s->at] == '\\' && s->at + 1 < s->n && (s->p[s->at + 1] == '"' || s->p[s->at + 1] == '\\');
        s->at += escaped;
        to[n++] = s->p[s->at++];
    }
    if (s->at == s->n)
        return wrong(s, open, KT_EUSAGE, "this quote is not closed", KT_SPAN_NONE);
    s->at++;
    if (!ends_word(s, s->at) || (s->at < s->n && s->p[s->at] == '('))
        return wrong(s, s->at, KT_EUSAGE, "a blank is missing after the quotes", KT_SPAN_NONE);
    *out = (struct kt_span){to, n};
    return KT_OK;
}

/* --- values ------------------------------------------------------------------------------ */

static bool is_ago(struct kt_span s)
{
    return s.n && s.n < 10 && strchr("smhdw", s.p[s.n - 1]);
}

/* 14:30 and 14:30:05 are of today. */
static int64_t clock_time(struct parse *s, struct kt_span text)
{
    char whole[32];
    struct kt_civil c = kt_civil_of(s->f->now);
    if ((text.n != 5 && text.n != 8) || text.p[2] != ':')
        return KT_TIME_NONE;
    snprintf(whole, sizeof whole, "%04d-%02d-%02dT%.*s%sZ", c.year, c.month, c.day, (int)text.n, text.p, text.n == 5 ? ":00" : "");
    return kt_time_parse(kt_span_of(whole));
}

static int64_t time_of(struct parse *s, struct kt_span text)
{
    int64_t t = kt_time_parse_ago(text, s->f->now);
    bool today = t == KT_TIME_NONE && (t = clock_time(s, text)) != KT_TIME_NONE;
    s->f->relative |= today || (t != KT_TIME_NONE && is_ago(text));
    return t;
}

/* A test of texts, or of what stands at a path. */
static enum kt_code test_make(struct parse *s, size_t at, const struct kt_value_spec *spec, struct kt_filter_value *v)
{
    size_t inside = 0;
    struct kt_err e = {0};
    enum kt_code c = kt_value_test_new(&v->test, spec, &inside, &e);
    if (c == KT_EFORMAT) {
        bool quoted = at < s->n && s->p[at] == '"';
        return wrong(s, at + inside + quoted < s->n ? at + inside + quoted : at, KT_EUSAGE, e.text, KT_SPAN_NONE);
    }
    if (c)
        return kt_fail(s->e, c, "%s", e.text);
    s->f->test[s->f->n_tests++] = v->test;
    return KT_OK;
}

static enum kt_value_how how_of(const struct kt_filter_value *v)
{
    switch (v->op) {
    case KT_OP_CONTAINS: return KT_VALUE_CONTAINS;
    case KT_OP_EQUALS: return KT_VALUE_EQUALS;
    case KT_OP_IS: return KT_VALUE_IS;
    case KT_OP_LIKE: return KT_VALUE_LIKE;
    case KT_OP_MATCHES: return KT_VALUE_MATCHES;
    case KT_OP_WITHIN: return KT_VALUE_WITHIN;
    case KT_OP_LT: return v->time ? KT_VALUE_BEFORE : KT_VALUE_LT;
    case KT_OP_LE: return v->time ? KT_VALUE_UNTIL : KT_VALUE_LE;
    case KT_OP_GT: return v->time ? KT_VALUE_AFTER : KT_VALUE_GT;
    case KT_OP_GE: return v->time ? KT_VALUE_SINCE : KT_VALUE_GE;
    default: return KT_VALUE_UNKNOWN;
    }
}

static enum kt_code test_value(struct parse *s, size_t at, const struct kt_filter_term *t, struct kt_filter_value *v)
{
    return test_make(s, at, &(struct kt_value_spec){.how = how_of(v), .text = v->text, .path = t->path,
                                                    .number = (double)v->number, .time = v->number}, v);
}

static bool is_comparison(enum kt_filter_op op)
{
    return op >= KT_OP_LT && op <= KT_OP_GE;
}

/* A number, a time or a level to compare with. */
static enum kt_code compared(struct parse *s, size_t at, const struct kt_filter_term *t, struct kt_filter_value *v)
{
    static const char not_a_time[] = "not a time such as 2023-07-10, 2023-07-10T12:24:29Z, 14:30, 90s, 15m, 24h, 7d";
    if (!v->text.n)
        return wrong(s, at, KT_EUSAGE, "the value to compare with is missing", KT_SPAN_NONE);
    if (t->path.p) {
        if (filter_number_of(v->text, &v->number))
            return test_value(s, at, t, v);
        v->time = true;
        v->number = time_of(s, v->text);
        return v->number != KT_TIME_NONE ? test_value(s, at, t, v)
                                         : wrong(s, at, KT_EUSAGE, "neither a whole number nor a time", v->text);
    }
    if (filter_is_time(t->field)) {
        v->number = time_of(s, v->text);
        return v->number != KT_TIME_NONE ? KT_OK : wrong(s, at, KT_EUSAGE, not_a_time, v->text);
    }
    if (t->field == KT_FIELD_LEVEL)
        return filter_level_of(v->text, &v->number)
                   ? KT_OK
                   : wrong(s, at, KT_EUSAGE, "not one of informational, low, medium, high, critical", v->text);
    return filter_number_of(v->text, &v->number) ? KT_OK : wrong(s, at, KT_EUSAGE, "not a number", v->text);
}

static bool has_wildcard(struct kt_span s)
{
    return s.n && (memchr(s.p, '*', s.n) || memchr(s.p, '?', s.n));
}

/* Each opened and closed: else it would end elsewhere in parentheses. */
static bool has_pairs(struct kt_span s)
{
    int open = 0;
    for (size_t i = 0; i < s.n && open >= 0; i++)
        open += (s.p[i] == '(') - (s.p[i] == ')');
    return open == 0;
}

static bool takes_networks(const struct kt_filter_term *t)
{
    static const char last[] = "sourceIPAddress";
    size_t n = sizeof last - 1;
    return t->field == KT_FIELD_SOURCE_ADDRESS || (t->path.n >= n && memcmp(t->path.p + t->path.n - n, last, n) == 0);
}

/* 10.0.0.0/8: what stands before the / is the beginning of an address. */
static bool is_network(struct kt_span s)
{
    const char *slash = s.n ? memchr(s.p, '/', s.n) : NULL;
    if (!slash || slash == s.p)
        return false;
    bool digits = false, separated = false;
    for (const char *p = s.p; p < slash; p++) {
        if (!strchr("0123456789abcdefABCDEF:.", *p))
            return false;
        digits |= *p >= '0' && *p <= '9';
        separated |= *p == '.' || *p == ':';
    }
    return separated && (digits || s.p[0] == ':');
}

/* "050" is 50. */
static void canonical_number(struct kt_span *s)
{
    while (s->n > 1 && s->p[0] == '0') {
        s->p++;
        s->n--;
    }
}

static void make_lower(struct kt_span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] >= 'A' && s.p[i] <= 'Z')
            ((char *)s.p)[i] = (char)(s.p[i] - 'A' + 'a'); /* the filter's own text */
}

/* One value of `op`: what kind of test it is in truth. */
static enum kt_code value_read(struct parse *s, const struct kt_filter_term *t, enum kt_filter_op op,
                               struct kt_filter_value *v)
{
    size_t at = s->at;
    bool quoted;
    int64_t number;
    enum kt_code c = text_read(s, &v->text, &quoted);
    v->op = op;
    if (c)
        return c;
    if (is_comparison(op))
        return compared(s, at, t, v);
    if (op == KT_OP_CONTAINS && !quoted && !v->text.n) {
        v->op = KT_OP_UNKNOWN;
        return t->path.p ? test_value(s, at, t, v) : KT_OK;
    }
    if (op == KT_OP_CONTAINS && !quoted && has_wildcard(v->text))
        v->op = KT_OP_LIKE;
    if (op == KT_OP_IN)
        v->op = !quoted && has_wildcard(v->text) ? KT_OP_LIKE : KT_OP_IS;
    if (v->op == KT_OP_LIKE && !has_pairs(v->text))
        return wrong(s, at, KT_EUSAGE, "parentheses in a pattern stand in pairs (in double quotes they are text)", v->text);
    if (op != KT_OP_MATCHES && !quoted && takes_networks(t) && is_network(v->text))
        v->op = KT_OP_WITHIN;
    if (op != KT_OP_MATCHES && filter_is_whole_number(t->field)) {
        if (!filter_number_of(v->text, &number))
            return wrong(s, at, KT_EUSAGE, "not a number", v->text);
        canonical_number(&v->text);
        v->op = KT_OP_EQUALS;
    }
    if (op == KT_OP_MATCHES && !v->text.n && !quoted)
        return wrong(s, at, KT_EUSAGE, "the regular expression is missing", KT_SPAN_NONE);
    if (v->op == KT_OP_CONTAINS || v->op == KT_OP_IS)
        make_lower(v->text);
    return test_value(s, at, t, v);
}

/* --- terms ---------------------------------------------------------------------------------- */

static enum kt_code node_make(struct parse *s, enum kt_filter_kind kind, size_t n, struct kt_filter_node **out, node ***child)
{
    if (++s->nodes > KT_FILTER_NODES_MAX)
        return wrong(s, s->at < s->n ? s->at : s->n, KT_ELIMIT, "a filter has at most 256 tests, nots, ands and ors", KT_SPAN_NONE);
    struct kt_filter_node *x = kt_arena_alloc(s->f->arena, sizeof *x);
    *child = kt_arena_alloc(s->f->arena, (n + 1) * sizeof **child);
    if (!x || !*child)
        return out_of_memory(s);
    *x = (struct kt_filter_node){.kind = kind, .child = *child, .n = n};
    *out = x;
    return KT_OK;
}

static enum kt_code term_node(struct parse *s, size_t at, const struct kt_filter_term *t, node **out)
{
    struct kt_filter_node *x;
    node **none;
    if (s->f->n == KT_FILTER_TERMS_MAX)
        return wrong(s, at, KT_ELIMIT, "a filter has at most 64 terms", KT_SPAN_NONE);
    enum kt_code c = node_make(s, KT_NODE_TERM, 0, &x, &none);
    if (c)
        return c;
    struct kt_filter_term *copy = kt_arena_alloc(s->f->arena, sizeof *copy);
    if (!copy)
        return out_of_memory(s);
    *copy = *t;
    copy->index = s->f->n;
    s->f->term[s->f->n++] = copy;
    x->term = copy;
    x->heavy = t->path.p != NULL;
    *out = x;
    return KT_OK;
}

static enum kt_code not_node(struct parse *s, node *what, node **out)
{
    struct kt_filter_node *x;
    node **child;
    if (what->kind == KT_NODE_NOT) {
        *out = what->child[0];
        return KT_OK;
    }
    enum kt_code c = node_make(s, KT_NODE_NOT, 1, &x, &child);
    if (c)
        return c;
    child[0] = what;
    x->heavy = what->heavy;
    *out = x;
    return KT_OK;
}

/* A term with one value. */
static enum kt_code single(struct parse *s, size_t start, struct kt_filter_term *t, enum kt_filter_op op, node **out)
{
    if (s->f->n == KT_FILTER_TERMS_MAX)
        return wrong(s, start, KT_ELIMIT, "a filter has at most 64 terms", KT_SPAN_NONE);
    struct kt_filter_value *v = kt_arena_alloc(s->f->arena, sizeof *v);
    if (!v)
        return out_of_memory(s);
    *v = (struct kt_filter_value){0};
    enum kt_code c = value_read(s, t, op, v);
    if (c)
        return c;
    t->op = v->op;
    t->value = v;
    t->n = 1;
    return term_node(s, start, t, out);
}

/* What stands in the parentheses of `in (`; the place is behind the first. */
static enum kt_code list_read(struct parse *s, size_t start, struct kt_filter_term *t, node **out)
{
    struct kt_filter_value all[KT_FILTER_VALUES_MAX];
    enum kt_code c = KT_OK;
    s->listing = true;
    s->depth++;
    for (;;) {
        skip_blanks(s);
        if (s->at == s->n)
            return wrong(s, start, KT_EUSAGE, "the list is not closed: in (a, b)", KT_SPAN_NONE);
        if (s->p[s->at] == ')' || s->p[s->at] == ',')
            return wrong(s, s->at, KT_EUSAGE, "a value is missing here: in (a, b)", KT_SPAN_NONE);
        if (s->values + t->n == KT_FILTER_VALUES_MAX)
            return wrong(s, s->at, KT_ELIMIT, "the lists of a filter have at most 256 values", KT_SPAN_NONE);
        all[t->n] = (struct kt_filter_value){0};
        c = value_read(s, t, KT_OP_IN, &all[t->n]);
        if (c)
            return c;
        t->n++;
        skip_blanks(s);
        if (s->at < s->n && s->p[s->at] == ')')
            break;
        if (s->at < s->n && s->p[s->at] != ',')
            return wrong(s, s->at, KT_EUSAGE, "a comma stands between the values of a list (quotes keep blanks together)", KT_SPAN_NONE);
        s->at += s->at < s->n;
    }
    s->at++;
    s->listing = false;
    s->depth--;
    s->values += t->n;
    struct kt_filter_value *copy = kt_arena_alloc(s->f->arena, t->n * sizeof *copy);
    if (!copy)
        return out_of_memory(s);
    memcpy(copy, all, t->n * sizeof *copy);
    t->op = KT_OP_IN;
    t->value = copy;
    if (!ends_word(s, s->at) || (s->at < s->n && s->p[s->at] == '('))
        return wrong(s, s->at, KT_EUSAGE, "a blank is missing after the list", KT_SPAN_NONE);
    return term_node(s, start, t, out);
}

/* An operator at the place, stepped over. `none` where there is none. */
struct operator {
    enum kt_filter_op op;
    bool none, negated, colon;
};
static struct operator operator_at(struct parse *s)
{
    struct operator o = {KT_OP_CONTAINS, true, false, false};
    char c = s->at < s->n ? s->p[s->at] : '\0', next = s->at + 1 < s->n ? s->p[s->at + 1] : '\0';
    if (c == ':') {
        o.colon = true;
        s->at++;
        c = next;
        next = s->at + 1 < s->n ? s->p[s->at + 1] : '\0';
    }
    o.none = false;
    if (c == '<' || c == '>') {
        s->at += next == '=' ? 2 : 1;
        o.op = c == '<' ? (next == '=' ? KT_OP_LE : KT_OP_LT) : next == '=' ? KT_OP_GE : KT_OP_GT;
    } else if (c == '=') {
        s->at += next == '=' && !o.colon ? 2 : 1;
        o.op = KT_OP_EQUALS;
    } else if (c == '!' && next == '=' && !o.colon) {
        s->at += 2;
        o.op = KT_OP_EQUALS;
        o.negated = true;
    } else if (c == '~' && !o.colon) {
        s->at++;
        o.op = KT_OP_MATCHES;
    } else {
        o.none = !o.colon;
    }
    return o;
}

/* The place is behind the operator. */
static enum kt_code field_term(struct parse *s, size_t start, struct kt_filter_term *t, struct operator o, bool spaced,
                               node **out)
{
    if (spaced)
        skip_blanks(s);
    enum kt_code c = single(s, start, t, o.op, out);
    return !c && o.negated ? not_node(s, *out, out) : c;
}

/* `in (` or `not in (` behind a field's name. */
static bool list_begins(struct parse *s, bool *negated)
{
    size_t was = s->at;
    skip_blanks(s);
    *negated = s->at > was && is_word(s, "not");
    if (*negated) {
        s->at += 3;
        skip_blanks(s);
    }
    if (s->at > was && is_word(s, "in")) {
        s->at += 2;
        skip_blanks(s);
        if (s->at < s->n && s->p[s->at] == '(') {
            s->at++;
            return true;
        }
    }
    s->at = was;
    return false;
}

/* How far a name goes; a path may have - and other signs of JSON's names. */
static size_t name_end(const struct parse *s)
{
    size_t end = s->at;
    while (end < s->n && filter_is_name(s->p[end]))
        end++;
    struct kt_span name = {s->p + s->at, end - s->at};
    if (name.n && memchr(name.p, '.', name.n) && filter_is_path(name))
        while (end < s->n && (filter_is_name(s->p[end]) || s->p[end] == '-'))
            end++;
    return end;
}

static bool is_address(struct kt_span s)
{
    size_t colons = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (!strchr("0123456789abcdefABCDEF:.", s.p[i]))
            return false;
        colons += s.p[i] == ':';
    }
    return colons >= 2;
}

static enum kt_code word(struct parse *s, size_t start, node **out)
{
    struct kt_filter_term t = {.field = KT_FIELD_COUNT};
    return single(s, start, &t, KT_OP_CONTAINS, out);
}

static enum kt_code term(struct parse *s, node **out)
{
    size_t start = s->at, end = name_end(s);
    struct kt_span name = {s->p + start, end - start}, run = run_at(s);
    bool digit = name.n && name.p[0] <= '9' && name.p[0] >= '0'; /* an address or an account, no field */
    bool arn = run.n > 4 && memcmp(run.p, "arn:", 4) == 0;
    if (!name.n || digit || arn || is_address(run))
        return word(s, start, out);
    struct kt_filter_term t = {.field = kt_field_find(name)};
    bool known = t.field != KT_FIELD_COUNT, negated;
    if (!known && filter_is_path(name)) {
        t.path = kt_arena_span(s->f->arena, name);
        if (!t.path.p)
            return out_of_memory(s);
        known = true;
    }
    s->at = end;
    bool list = list_begins(s, &negated);
    if (list && !known)
        return no_field(s, start, name);
    if (list) {
        enum kt_code c = list_read(s, start, &t, out);
        return !c && negated ? not_node(s, *out, out) : c;
    }
    size_t before = s->at;
    if (known)
        skip_blanks(s);
    bool spaced = s->at > before;
    size_t at = s->at;
    struct operator o = operator_at(s);
    bool strict = o.colon || o.op == KT_OP_EQUALS; /* of these a slip is said; a<b may be a text */
    if (!o.none && !known && strict)
        return no_field(s, start, name);
    bool compares = is_comparison(o.op) && !o.colon;
    if (!o.none && known && !(spaced && o.colon && o.op == KT_OP_CONTAINS) &&
        (!compares || t.path.p || filter_is_compared(t.field))) {
        if (is_comparison(o.op) && !t.path.p && !filter_is_compared(t.field))
            return wrong(s, at + o.colon, KT_EUSAGE, "only risk, level, times, origin.record and paths can be compared",
                         kt_span_of(kt_field_name(t.field)));
        return field_term(s, start, &t, o, spaced, out);
    }
    s->at = start;
    return word(s, start, out);
}

/* --- not, and, or ------------------------------------------------------------------------------ */

static enum kt_code group(struct parse *s, node **out)
{
    size_t open = s->at++;
    if (s->depth >= KT_FILTER_DEPTH_MAX)
        return wrong(s, open, KT_ELIMIT, "parentheses stand at most 32 deep", KT_SPAN_NONE);
    s->depth++;
    skip_blanks(s);
    if (s->at < s->n && s->p[s->at] == ')')
        return wrong(s, s->at, KT_EUSAGE, "nothing stands in these parentheses", KT_SPAN_NONE);
    enum kt_code c = or_read(s, out);
    if (c)
        return c;
    if (s->at == s->n)
        return wrong(s, open, KT_EUSAGE, "this parenthesis is not closed", KT_SPAN_NONE);
    s->at++; /* or_read ends at one */
    s->depth--;
    return KT_OK;
}

static enum kt_code not_read(struct parse *s, node **out)
{
    size_t start = s->at;
    bool negated = false;
    for (;; negated = !negated) {
        if (s->at < s->n && s->p[s->at] == '-')
            s->at++;
        else if (is_word(s, "not"))
            s->at += 3;
        else
            break;
        skip_blanks(s);
    }
    if (s->at == s->n || s->p[s->at] == ')' || is_word(s, "and") || is_word(s, "or")) {
        if (s->at < s->n && s->p[s->at] == ')' && s->depth == 0)
            return wrong(s, s->at, KT_EUSAGE, "no parenthesis is open here (in double quotes it is looked for as text)", KT_SPAN_NONE);
        return wrong(s, start, KT_EUSAGE, "a term is missing after this", KT_SPAN_NONE);
    }
    enum kt_code c = s->p[s->at] == '(' ? group(s, out) : term(s, out);
    return !c && negated ? not_node(s, *out, out) : c;
}

static enum kt_code joined(struct parse *s, enum kt_filter_kind kind, node **part, size_t n, node **out)
{
    struct kt_filter_node *x;
    node **child;
    if (n == 1) {
        *out = part[0];
        return KT_OK;
    }
    enum kt_code c = node_make(s, kind, n, &x, &child);
    if (c)
        return c;
    for (size_t i = 0; i < n; i++) {
        child[i] = part[i];
        x->heavy |= part[i]->heavy;
    }
    *out = x;
    return KT_OK;
}

/* `and` and `or` stand between terms. */
static enum kt_code between(struct parse *s, const char *what, bool first)
{
    char sentence[120];
    size_t at = s->at;
    s->at += strlen(what);
    skip_blanks(s);
    bool nothing = s->at == s->n || s->p[s->at] == ')' || is_word(s, "and") || is_word(s, "or");
    if (!first && !nothing)
        return KT_OK;
    snprintf(sentence, sizeof sentence, "\"%s\" stands between two terms (in double quotes it is looked for as text)", what);
    return wrong(s, at, KT_EUSAGE, sentence, KT_SPAN_NONE);
}

static enum kt_code and_read(struct parse *s, node **out)
{
    node *part[KT_FILTER_TERMS_MAX];
    size_t n = 0;
    enum kt_code c = KT_OK;
    for (skip_blanks(s); s->at < s->n && !(s->p[s->at] == ')' && s->depth) && !(n && is_word(s, "or")); skip_blanks(s)) {
        if (is_word(s, "and"))
            c = between(s, "and", n == 0);
        else if (is_word(s, "or"))
            c = between(s, "or", true);
        if (!c && n == KT_FILTER_TERMS_MAX)
            c = wrong(s, s->at, KT_ELIMIT, "a filter has at most 64 terms", KT_SPAN_NONE);
        if (!c)
            c = not_read(s, &part[n]);
        if (c)
            return c;
        n++;
    }
    return joined(s, KT_NODE_AND, part, n, out);
}

static enum kt_code or_read(struct parse *s, node **out)
{
    node *part[KT_FILTER_TERMS_MAX];
    size_t n = 0;
    enum kt_code c = KT_OK;
    do {
        if (n)
            c = between(s, "or", false);
        if (!c && n == KT_FILTER_TERMS_MAX)
            c = wrong(s, s->at, KT_ELIMIT, "a filter has at most 64 terms", KT_SPAN_NONE);
        if (!c)
            c = and_read(s, &part[n++]);
        if (c)
            return c;
    } while (s->at < s->n && is_word(s, "or"));
    return joined(s, KT_NODE_OR, part, n, out);
}

/* --- the whole ------------------------------------------------------------------------------------ */

static enum kt_code whole(struct parse *s)
{
    struct kt_filter *f = s->f;
    f->arena = kt_arena_new(MEMORY_MAX);
    f->bench = kt_value_bench_new();
    if (!f->arena || !f->bench)
        return out_of_memory(s);
    f->source = kt_arena_span(f->arena, (struct kt_span){s->p, s->n});
    if (!f->source.p)
        return out_of_memory(s);
    return or_read(s, &f->root);
}

enum kt_code kt_filter_parse(struct kt_filter **out, struct kt_span text, int64_t now, size_t *column,
                             struct kt_err *e)
{
    *out = NULL;
    if (column)
        *column = 0;
    if (text.n > KT_FILTER_TEXT_MAX)
        return kt_fail(e, KT_ELIMIT, "a filter has at most %d bytes", KT_FILTER_TEXT_MAX);
    struct parse s = {.p = text.p, .n = text.n, .column = column, .e = e};
    skip_blanks(&s);
    if (s.at == s.n)
        return KT_OK;
    s.f = calloc(1, sizeof *s.f);
    if (!s.f)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    s.f->now = now;
    enum kt_code c = whole(&s);
    if (c)
        kt_filter_free(s.f);
    else
        *out = s.f;
    return c;
}

struct kt_filter *kt_filter_clone(const struct kt_filter *f)
{
    struct kt_filter *g = NULL;
    if (f && kt_filter_parse(&g, f->source, f->now, NULL, NULL) != KT_OK)
        return NULL; /* memory ran out: the text was one before */
    return g;
}

void kt_filter_free(struct kt_filter *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n_tests; i++)
        kt_value_test_free(f->test[i]);
    kt_value_bench_free(f->bench);
    kt_arena_free(f->arena);
    free(f);
}
