#include "query/compile.h"

#include <stdlib.h>

struct dialect {
    enum kt_dialect d;
    const struct kt_table *table;
};

/* --- where a path lies ------------------------------------------------------------------ */

/* The column of a path; or, with `rest`, one of JSON that holds the path's first
 * part, and what of the path follows it. */
static const struct kt_column *column_of(const struct dialect *x, struct kt_span path, struct kt_span *rest)
{
    *rest = KT_SPAN_NONE;
    for (size_t i = 0; x->table && i < x->table->n; i++) {
        const struct kt_column *c = &x->table->column[i];
        if (kt_span_eq(c->path, path))
            return c;
    }
    for (size_t i = 0; x->table && i < x->table->n; i++) {
        const struct kt_column *c = &x->table->column[i];
        if (c->kind == KT_COLUMN_JSON && c->path.p && path.n > c->path.n + 1 && path.p[c->path.n] == '.' &&
            memcmp(c->path.p, path.p, c->path.n) == 0) {
            *rest = (struct kt_span){path.p + c->path.n + 1, path.n - c->path.n - 1};
            return c;
        }
    }
    return NULL;
}

static bool only_words(struct kt_span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') || (s.p[i] >= '0' && s.p[i] <= '9') ||
              s.p[i] == '_' || s.p[i] == '.'))
            return false;
    return s.n > 0;
}

/* Athena's names of struct fields are parted by dots outside of the quotes. */
static bool name_column(const struct dialect *x, const struct kt_column *c, struct kt_buf *out)
{
    if (x->d != KT_DIALECT_TRINO)
        return kt_quote_name(x->d, c->name, out);
    if (!only_words(c->name))
        return kt_quote_name(x->d, c->name, out);
    return kt_buf_add(out, c->name.p, c->name.n);
}

/* --- tests of columns ---------------------------------------------------------------------- */

static const char *order_sign(enum kt_cond_op op)
{
    return op == KT_COND_LESS ? "<" : op == KT_COND_LESS_EQUAL ? "<=" : op == KT_COND_MORE ? ">" : ">=";
}

static void trino_test(const char *expr, const struct kt_cond *t, const char *value, struct kt_buf *out)
{
    switch (t->op) {
    case KT_COND_IS:
        kt_buf_addf(out, "%s = %s", expr, value);
        break;
    case KT_COND_IS_NOCASE:
        kt_buf_addf(out, "lower(%s) = lower(%s)", expr, value);
        break;
    case KT_COND_HAS:
    case KT_COND_ENDS: /* wider, and decided here */
        kt_buf_addf(out, "strpos(lower(%s), lower(%s)) > 0", expr, value);
        break;
    case KT_COND_BEGINS:
        kt_buf_addf(out, "strpos(lower(%s), lower(%s)) = 1", expr, value);
        break;
    case KT_COND_ABSENT:
        kt_buf_addf(out, "%s IS NULL", expr);
        break;
    default:
        kt_buf_addf(out, "%s %s %s", expr, order_sign(t->op), value);
    }
}

static void clickhouse_test(const char *expr, const struct kt_column *c, const struct kt_cond *t, const char *value,
                            struct kt_buf *out)
{
    switch (t->op) {
    case KT_COND_IS:
        kt_buf_addf(out, "%s = %s", expr, value);
        break;
    case KT_COND_IS_NOCASE:
        kt_buf_addf(out, "lower(%s) = lower(%s)", expr, value);
        break;
    case KT_COND_HAS:
    case KT_COND_ENDS:
        kt_buf_addf(out, "positionCaseInsensitive(%s, %s) > 0", expr, value);
        break;
    case KT_COND_BEGINS:
        kt_buf_addf(out, "positionCaseInsensitive(%s, %s) = 1", expr, value);
        break;
    case KT_COND_ABSENT:
        kt_buf_addf(out, c->nullable ? "(isNull(%s) OR %s = '')" : "%s = ''", expr, expr);
        break;
    default:
        if (c->kind == KT_COLUMN_TIME)
            kt_buf_addf(out, "toUnixTimestamp(%s) %s toUnixTimestamp(parseDateTimeBestEffort(%s))", expr, order_sign(t->op), value);
        else
            kt_buf_addf(out, "%s %s %s", expr, order_sign(t->op), value);
    }
}

/* A column's test decides for certain what it says, so that its opposite can be
 * asked too. Where case is ignored, engines fold more letters than we do. */
static bool is_exact(const struct dialect *x, const struct kt_cond *t)
{
    return t->op == KT_COND_IS || t->op == KT_COND_ABSENT || t->op >= KT_COND_LESS ||
           (x->d == KT_DIALECT_CLICKHOUSE && (t->op == KT_COND_HAS || t->op == KT_COND_BEGINS));
}

static bool add_column_test(const struct dialect *x, const struct kt_column *c, struct kt_span rest, const struct kt_cond *t,
                            struct kt_buf *out)
{
    struct kt_buf expr, value;
    kt_buf_init(&expr, 1024);
    kt_buf_init(&value, 8 * KT_QUOTE_MAX);
    bool trino = x->d == KT_DIALECT_TRINO;
    if (rest.p)
        kt_buf_adds(&expr, "json_extract_scalar(");
    bool good = name_column(x, c, &expr) && (t->op == KT_COND_ABSENT || kt_quote(x->d, t->value, &value));
    if (rest.p)
        kt_buf_addf(&expr, ", '$.%.*s')", (int)rest.n, rest.p);
    good = good && !expr.failed && !value.failed;
    if (good && t->negated)
        kt_buf_adds(out, trino ? "NOT COALESCE(" : c->nullable ? "NOT ifNull(" : "NOT (");
    if (good && trino)
        trino_test(kt_buf_str(&expr), t, kt_buf_str(&value), out);
    else if (good)
        clickhouse_test(kt_buf_str(&expr), c, t, kt_buf_str(&value), out);
    if (good && t->negated)
        kt_buf_adds(out, trino ? ", FALSE)" : c->nullable ? ", 0)" : ")");
    kt_buf_free(&expr);
    kt_buf_free(&value);
    return good && !out->failed;
}

/* --- tests of the whole record's text ----------------------------------------------------------- */

/* A value that stands in the record as it is, but for letters that are spelled
 * as \u00XX: nothing that JSON escapes. */
static bool is_verbatim(struct kt_span v)
{
    for (size_t i = 0; i < v.n; i++) {
        unsigned char c = (unsigned char)v.p[i];
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\' || c == '/')
            return false;
    }
    return v.n > 0;
}

static bool is_text_test(const struct kt_cond *t)
{
    return !t->negated && t->op <= KT_COND_ENDS;
}

/* Where the value can be looked for as text: the column of JSON that the path
 * leads into, or the whole record. */
static struct kt_span text_column(const struct dialect *x, const struct kt_cond *t)
{
    struct kt_span rest;
    const struct kt_column *c = column_of(x, t->path, &rest);
    if (c && c->kind == KT_COLUMN_JSON)
        return c->name;
    return x->table ? x->table->raw : KT_SPAN_NONE;
}

static bool add_raw_test(const struct dialect *x, const struct kt_cond *t, struct kt_buf *out)
{
    struct kt_buf value, raw;
    kt_buf_init(&value, 8 * KT_QUOTE_MAX);
    kt_buf_init(&raw, 1024);
    bool trino = x->d == KT_DIALECT_TRINO;
    bool good = kt_quote(x->d, t->value, &value) && kt_quote_name(x->d, text_column(x, t), &raw);
    const char *r = kt_buf_str(&raw), *v = kt_buf_str(&value);
    if (good && trino)
        kt_buf_addf(out, "(strpos(lower(%s), lower(%s)) > 0 OR strpos(%s, '\\u00') > 0)", r, v, r);
    else if (good && t->op == KT_COND_IS)
        kt_buf_addf(out, "(position(%s, %s) > 0 OR position(%s, '\\\\u00') > 0)", r, v, r);
    else if (good)
        kt_buf_addf(out, "(positionCaseInsensitive(%s, %s) > 0 OR position(%s, '\\\\u00') > 0)", r, v, r);
    kt_buf_free(&value);
    kt_buf_free(&raw);
    return good && !out->failed;
}

/* Insights: a regular expression over @message of nothing that would need an
 * escape. A slash may be spelled \/ in JSON, and would end the expression. */
static bool add_insights_test(const struct kt_cond *t, struct kt_buf *out)
{
    kt_buf_adds(out, "(@message like /(?i)");
    for (size_t i = 0; i < t->value.n; i++) {
        char c = t->value.p[i];
        if (c == '/')
            kt_buf_adds(out, ".{1,2}");
        else if (c == '.' || c == '+')
            kt_buf_addf(out, "[%c]", c);
        else
            kt_buf_addc(out, c);
    }
    /* a backslash, said without one */
    return kt_buf_adds(out, "/ or @message like /[^ -\\[\\]-~]u00/)");
}

/* SPL: the value as a phrase of the raw text; within words only with signs for
 * any text on both sides, and of one word. */
static bool add_spl_test(const struct kt_cond *t, struct kt_buf *out)
{
    if (t->op == KT_COND_IS || t->op == KT_COND_IS_NOCASE)
        return kt_quote(KT_DIALECT_SPL, t->value, out);
    return kt_buf_addf(out, "\"*%.*s*\"", (int)t->value.n, t->value.p);
}

/* In Splunk, blanks, and a sign at an end, part words in ways of their own. */
static bool spl_can(const struct kt_cond *t)
{
    if (!is_text_test(t) || !kt_quote_plain(t->value) || !t->value.n)
        return false;
    return t->op == KT_COND_IS || t->op == KT_COND_IS_NOCASE || (only_words(t->value) && !memchr(t->value.p, '.', t->value.n));
}

/* --- the whole ------------------------------------------------------------------------------------ */

static bool by_column(const struct dialect *x, const struct kt_cond *t)
{
    struct kt_span rest;
    const struct kt_column *c = column_of(x, t->path, &rest);
    struct kt_buf probe;
    if (!c || (t->negated && !is_exact(x, t)))
        return false;
    if (c->kind == KT_COLUMN_TIME && t->op < KT_COND_LESS)
        return false;
    if (c->kind == KT_COLUMN_JSON && (!rest.p || x->d != KT_DIALECT_TRINO || !only_words(rest)))
        return false; /* its text is searched: not every ClickHouse has functions for JSON */
    kt_buf_init(&probe, 32 << 10);
    bool good = add_column_test(x, c, rest, t, &probe);
    kt_buf_free(&probe);
    return good;
}

static bool can(const void *ctx, const struct kt_cond *t)
{
    const struct dialect *x = ctx;
    if (t->value.n > KT_QUOTE_MAX)
        return false;
    if (x->d == KT_DIALECT_INSIGHTS)
        return is_text_test(t) && kt_quote_plain(t->value) && t->value.n && t->value.n < 200;
    if (x->d == KT_DIALECT_SPL)
        return spl_can(t);
    return by_column(x, t) || (text_column(x, t).p && is_text_test(t) && is_verbatim(t->value));
}

static bool add_test(const struct dialect *x, const struct kt_cond *t, struct kt_buf *out)
{
    struct kt_span rest;
    if (x->d == KT_DIALECT_INSIGHTS)
        return add_insights_test(t, out);
    if (x->d == KT_DIALECT_SPL)
        return add_spl_test(t, out);
    if (by_column(x, t))
        return add_column_test(x, column_of(x, t->path, &rest), rest, t, out);
    return add_raw_test(x, t, out);
}

static bool add_cond(const struct dialect *x, const struct kt_cond *c, struct kt_buf *out)
{
    bool small = x->d == KT_DIALECT_INSIGHTS, and = c->kind == KT_COND_AND;
    const char *sign = x->d == KT_DIALECT_SPL && and ? " " : and ? (small ? " and " : " AND ") : (small ? " or " : " OR ");
    if (c->kind == KT_COND_TEST)
        return add_test(x, c, out);
    if (c->kind != KT_COND_AND && c->kind != KT_COND_OR) /* nothing at all: a question nobody asks */
        return kt_buf_adds(out, x->d == KT_DIALECT_INSIGHTS ? "1 = 0" : x->d == KT_DIALECT_SPL ? "NOT *" : "1 = 0");
    struct kt_buf said, one;
    kt_buf_init(&said, KT_QUERY_MAX);
    kt_buf_init(&one, KT_QUERY_MAX);
    bool good = true;
    kt_buf_addc(out, '(');
    for (const struct kt_cond *k = c->child; k && good; k = k->next) {
        kt_buf_reset(&one);
        kt_buf_addc(&one, '\n'); /* none of them has one: text that was said stands between two */
        good = add_cond(x, k, &one) && kt_buf_addc(&one, '\n');
        if (!good || strstr(kt_buf_str(&said), kt_buf_str(&one)))
            continue;
        kt_buf_adds(out, said.len ? sign : "");
        kt_buf_add(out, one.p + 1, one.len - 2);
        good = kt_buf_add(&said, one.p, one.len);
    }
    kt_buf_free(&said);
    kt_buf_free(&one);
    return good && kt_buf_addc(out, ')');
}

/* The engine's word on a test is the last one. */
static bool decides(const struct dialect *x, const struct kt_cond *t)
{
    return by_column(x, t) && is_exact(x, t) && !t->loose;
}

static void add_here(const struct dialect *x, const struct kt_cond *c, struct kt_buf *here, bool *whole)
{
    if (c->kind == KT_COND_TEST && !decides(x, c)) {
        *whole = false;
        if (here) {
            if (here->len)
                kt_buf_adds(here, "; ");
            kt_cond_print(c, here);
        }
    }
    for (const struct kt_cond *k = c->child; k; k = k->next)
        add_here(x, k, here, whole);
}

bool kt_query_condition(enum kt_dialect d, const struct kt_table *table, const struct kt_cond *c, struct kt_buf *out,
                        bool *whole, struct kt_buf *here)
{
    struct dialect x = {d, table};
    struct kt_arena *a = kt_arena_new(8 << 20);
    struct kt_cond *wide = a ? kt_cond_widen(a, c, can, &x) : NULL;
    bool good = wide != NULL;
    *whole = true;
    if (good)
        add_here(&x, c, here, whole);
    if (good && wide->kind != KT_COND_ALL)
        good = add_cond(&x, wide, out) && !out->failed;
    kt_arena_free(a);
    return good;
}

void kt_cond_print(const struct kt_cond *c, struct kt_buf *out)
{
    static const char *const words[] = {"is", "is", "has", "begins with", "ends with", "is absent",
                                        "<", "<=", ">", ">="};
    static const char *const opposite[] = {"is not", "is not", "has not", "does not begin with", "does not end with",
                                           "is there", ">=", ">", "<=", "<"};
    if (c->kind != KT_COND_TEST)
        return;
    kt_buf_add(out, c->path.p, c->path.n);
    kt_buf_addf(out, " %s", (c->negated ? opposite : words)[c->op]);
    if (c->op != KT_COND_ABSENT)
        kt_buf_addf(out, " \"%.*s\"", (int)c->value.n, c->value.p);
}
