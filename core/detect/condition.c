#include "detect/rule.h"

/* expression = term { "or" term }; term = factor { "and" factor };
 * factor = "not" factor | "(" expression ")" | NAME */
struct reader {
    struct rule *rule;
    const char *what;
    const struct kt_yaml *node;
    size_t at;
    struct kt_span token; /* n == 0: the end */
    size_t token_at;
    int depth;
    struct kt_err *err;
};

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void advance(struct reader *r)
{
    struct kt_span s = r->node->text;
    while (r->at < s.n && blank(s.p[r->at]))
        r->at++;
    r->token_at = r->at;
    size_t end = r->at;
    if (end < s.n && (s.p[end] == '(' || s.p[end] == ')' || s.p[end] == '|'))
        end++;
    else
        while (end < s.n && !blank(s.p[end]) && s.p[end] != '(' && s.p[end] != ')' && s.p[end] != '|')
            end++;
    r->token = (struct kt_span){s.p + r->at, end - r->at};
    r->at = end;
}

/* The column counts within a condition that stands on its key's line. */
static enum kt_code refuse(struct reader *r, enum kt_code code, const char *sentence)
{
    bool one_line = !memchr(r->node->text.p, '\n', r->node->text.n);
    int column = r->node->column + (one_line ? (int)r->token_at + (r->node->quoted ? 1 : 0) : 0);
    int shown = r->token.n > 60 ? 60 : (int)r->token.n;
    return kt_fail(r->err, code, "%s:%d:%d: condition: %s%s%.*s%s", r->what, r->node->line, column, sentence,
                   shown ? " \"" : "", shown, r->token.p, shown ? "\"" : "");
}

static enum kt_code emit(struct reader *r, enum op op, size_t selection)
{
    if (r->rule->n_steps == STEPS_MAX)
        return refuse(r, KT_ELIMIT, "too long: at most 256 words are read, before");
    r->rule->step[r->rule->n_steps++] = (struct step){op, selection};
    return KT_OK;
}

static bool reserved(struct kt_span t)
{
    static const char *const words[] = {"and", "or", "not", "of", "them", "|", ")"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (kt_span_is(t, words[i]))
            return true;
    return false;
}

/* "1 of selection_*", "all of them", "any of ..." */
static bool quantifier(const struct reader *r)
{
    struct reader ahead = *r;
    advance(&ahead);
    return kt_span_is(ahead.token, "of");
}

static enum kt_code name(struct reader *r)
{
    for (size_t i = 0; i < r->rule->n_selections; i++) {
        if (!kt_span_eq(r->rule->selection[i].name, r->token))
            continue;
        enum kt_code c = emit(r, OP_SELECTION, i);
        advance(r);
        return c;
    }
    return refuse(r, KT_EFORMAT, "there is no selection of the name");
}

static enum kt_code expression(struct reader *r);

static enum kt_code factor(struct reader *r)
{
    enum kt_code c;
    if (r->depth >= 64)
        return refuse(r, KT_ELIMIT, "nested too deeply at");
    if (kt_span_is(r->token, "not")) {
        advance(r);
        r->depth++;
        c = factor(r);
        r->depth--;
        return c == KT_OK ? emit(r, OP_NOT, 0) : c;
    }
    if (kt_span_is(r->token, "(")) {
        advance(r);
        r->depth++;
        c = expression(r);
        r->depth--;
        if (c == KT_OK && !kt_span_is(r->token, ")"))
            return refuse(r, KT_EFORMAT, r->token.n ? "a ) is expected before" : "a ) is missing at the end");
        advance(r);
        return c;
    }
    if (r->token.n == 0)
        return refuse(r, KT_EFORMAT, "a selection's name is expected at the end");
    if (quantifier(r))
        return refuse(r, KT_EUNSUPPORTED, "\"1 of\" and \"all of\" are not read; name the selections instead of");
    if (reserved(r->token))
        return refuse(r, KT_EFORMAT, "a selection's name is expected before");
    return name(r);
}

static enum kt_code joined(struct reader *r, const char *word, enum op op, enum kt_code (*part)(struct reader *))
{
    enum kt_code c = part(r);
    while (c == KT_OK && kt_span_is(r->token, word)) {
        advance(r);
        c = part(r);
        if (c == KT_OK)
            c = emit(r, op, 0);
    }
    return c;
}

static enum kt_code term(struct reader *r)
{
    return joined(r, "and", OP_AND, factor);
}

static enum kt_code expression(struct reader *r)
{
    return joined(r, "or", OP_OR, term);
}

enum kt_code condition_read(struct rule *rule, const char *what, const struct kt_yaml *condition, struct kt_err *e)
{
    struct reader r = {.rule = rule, .what = what, .node = condition, .err = e};
    rule->n_steps = 0;
    advance(&r);
    enum kt_code c = expression(&r);
    if (c != KT_OK || r.token.n == 0)
        return c;
    if (kt_span_is(r.token, "|"))
        return refuse(&r, KT_EUNSUPPORTED, "aggregations are not read:");
    return refuse(&r, KT_EFORMAT, "\"and\" or \"or\" is expected before");
}
