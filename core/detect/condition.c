#include "detect/rule.h"

#include <strings.h>

/* expression = term { "or" term }; term = factor { "and" factor };
 * factor = "not" factor | "(" expression ")" | quantity "of" pattern | NAME;
 * quantity = "1" | "any" | "all"; pattern = "them" | NAME with "*" */
struct words {
    struct reader *r;
    const struct kt_yaml *node;
    const struct name *name;
    size_t n_names;
    size_t at;
    struct kt_span token; /* n == 0: the end */
    size_t token_at;
    int depth;
    size_t n_words;
};

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void advance(struct words *w)
{
    struct kt_span s = w->node->text;
    while (w->at < s.n && blank(s.p[w->at]))
        w->at++;
    w->token_at = w->at;
    size_t end = w->at;
    if (end < s.n && (s.p[end] == '(' || s.p[end] == ')' || s.p[end] == '|'))
        end++;
    else
        while (end < s.n && !blank(s.p[end]) && s.p[end] != '(' && s.p[end] != ')' && s.p[end] != '|')
            end++;
    w->token = (struct kt_span){s.p + w->at, end - w->at};
    w->at = end;
    w->n_words++;
}

/* The column counts within a condition that stands on its key's line. */
static enum kt_code refuse_word(struct words *w, enum kt_code code, const char *sentence)
{
    bool one_line = !memchr(w->node->text.p, '\n', w->node->text.n);
    int column = w->node->column + (one_line ? (int)w->token_at + (w->node->quoted ? 1 : 0) : 0);
    int shown = w->token.n > 60 ? 60 : (int)w->token.n;
    return kt_fail(w->r->err, code, "%s:%d:%d: condition: %s%s%.*s%s", w->r->what, w->node->line, column, sentence,
                   shown ? " \"" : "", shown, w->token.p, shown ? "\"" : "");
}

static bool word_is(struct kt_span t, const char *word)
{
    return t.n == strlen(word) && strncasecmp(t.p, word, t.n) == 0;
}

static bool reserved(struct kt_span t)
{
    static const char *const words[] = {"and", "or", "not", "of", "them", "|", ")"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (word_is(t, words[i]))
            return true;
    return false;
}

/* "1 of", "all of", "any of", "2 of" */
static bool quantifier(const struct words *w)
{
    struct words ahead = *w;
    advance(&ahead);
    return word_is(ahead.token, "of");
}

/* * is any run of characters. */
static bool name_matches(struct kt_span pattern, struct kt_span name)
{
    size_t i = 0, k = 0, star = SIZE_MAX, resume = 0;
    while (i < name.n) {
        if (k < pattern.n && pattern.p[k] == '*') {
            star = k++;
            resume = i;
        } else if (k < pattern.n && pattern.p[k] == name.p[i]) {
            i++;
            k++;
        } else if (star != SIZE_MAX) {
            k = star + 1;
            i = ++resume;
        } else {
            return false;
        }
    }
    while (k < pattern.n && pattern.p[k] == '*')
        k++;
    return k == pattern.n;
}

/* Names that begin with _ are not among "them". */
static bool among(struct kt_span pattern, struct kt_span name)
{
    return word_is(pattern, "them") ? name.p[0] != '_' : name_matches(pattern, name);
}

static enum kt_code quantity(struct words *w, const struct node **out)
{
    bool all = word_is(w->token, "all");
    if (!all && !word_is(w->token, "1") && !word_is(w->token, "any"))
        return refuse_word(w, KT_EUNSUPPORTED, "before \"of\" stands 1, any or all, not");
    advance(w);
    advance(w);
    if (w->token.n == 0 || (reserved(w->token) && !word_is(w->token, "them")))
        return refuse_word(w, KT_EFORMAT, w->token.n ? "selections are expected before" : "selections are expected at the end");
    size_t n = 0;
    for (size_t i = 0; i < w->n_names; i++)
        n += among(w->token, w->name[i].text);
    if (n == 0)
        return refuse_word(w, KT_EFORMAT, "there is no selection that fits");
    struct node *node = node_new(w->r, all ? OP_AND : OP_OR, n);
    if (!node)
        return out_of_memory(w->r);
    n = 0;
    for (size_t i = 0; i < w->n_names; i++)
        if (among(w->token, w->name[i].text))
            node->child[n++] = w->name[i].node;
    *out = node;
    advance(w);
    return KT_OK;
}

static enum kt_code name(struct words *w, const struct node **out)
{
    for (size_t i = 0; i < w->n_names; i++) {
        if (!kt_span_eq(w->name[i].text, w->token))
            continue;
        *out = w->name[i].node;
        advance(w);
        return KT_OK;
    }
    return refuse_word(w, KT_EFORMAT, "there is no selection of the name");
}

static enum kt_code expression(struct words *w, const struct node **out);

static enum kt_code negation(struct words *w, const struct node **out);

static enum kt_code group(struct words *w, const struct node **out)
{
    advance(w);
    w->depth++;
    enum kt_code c = expression(w, out);
    w->depth--;
    if (c == KT_OK && !kt_span_is(w->token, ")"))
        return refuse_word(w, KT_EFORMAT, w->token.n ? "a ) is expected before" : "a ) is missing at the end");
    advance(w);
    return c;
}

static enum kt_code factor(struct words *w, const struct node **out)
{
    if (w->depth >= 64)
        return refuse_word(w, KT_ELIMIT, "nested too deeply at");
    if (w->n_words > WORDS_MAX)
        return refuse_word(w, KT_ELIMIT, "too long: at most 256 words are read, before");
    if (w->token.n == 0)
        return refuse_word(w, KT_EFORMAT, "a selection's name is expected at the end");
    if (quantifier(w))
        return quantity(w, out);
    if (word_is(w->token, "not"))
        return negation(w, out);
    if (kt_span_is(w->token, "("))
        return group(w, out);
    if (reserved(w->token))
        return refuse_word(w, KT_EFORMAT, "a selection's name is expected before");
    return name(w, out);
}

static enum kt_code negation(struct words *w, const struct node **out)
{
    struct node *n = node_new(w->r, OP_NOT, 1);
    if (!n)
        return out_of_memory(w->r);
    advance(w);
    w->depth++;
    enum kt_code c = factor(w, &n->child[0]);
    w->depth--;
    *out = n;
    return c;
}

static enum kt_code joined(struct words *w, const char *word, enum op op,
                           enum kt_code (*part)(struct words *, const struct node **), const struct node **out)
{
    enum kt_code c = part(w, out);
    while (c == KT_OK && word_is(w->token, word)) {
        struct node *n = node_new(w->r, op, 2);
        if (!n)
            return out_of_memory(w->r);
        advance(w);
        n->child[0] = *out;
        c = part(w, &n->child[1]);
        *out = n;
    }
    return c;
}

static enum kt_code term(struct words *w, const struct node **out)
{
    return joined(w, "and", OP_AND, factor, out);
}

static enum kt_code expression(struct words *w, const struct node **out)
{
    return joined(w, "or", OP_OR, term, out);
}

static enum kt_code one_condition(struct reader *r, const struct kt_yaml *y, const struct name *names, size_t n,
                                  const struct node **out)
{
    struct words w = {.r = r, .node = y, .name = names, .n_names = n};
    if (y->type != KT_YAML_SCALAR)
        return refuse(r, KT_EFORMAT, y, "a condition is a text, or a list of texts");
    advance(&w);
    enum kt_code c = expression(&w, out);
    if (c != KT_OK || w.token.n == 0)
        return c;
    if (kt_span_is(w.token, "|"))
        return refuse_word(&w, KT_EUNSUPPORTED, "aggregations are not read; they have become correlations:");
    return refuse_word(&w, KT_EFORMAT, "\"and\" or \"or\" is expected before");
}

enum kt_code condition_read(struct reader *r, const struct kt_yaml *y, const struct name *names, size_t n,
                            const struct node **out)
{
    if (y->type != KT_YAML_LIST)
        return one_condition(r, y, names, n, out);
    if (y->n == 0)
        return refuse(r, KT_EFORMAT, y, "an empty list can never match");
    struct node *any = node_new(r, OP_OR, y->n);
    if (!any)
        return out_of_memory(r);
    enum kt_code c = KT_OK;
    for (size_t i = 0; i < y->n && c == KT_OK; i++)
        c = one_condition(r, y->item[i], names, n, &any->child[i]);
    *out = any;
    return c;
}
