#include "filter/impl.h"

#include "base/clock.h"

#include <string.h>

/* Text that would be read as something else, or end too soon, stands in quotes. */
static bool is_plain(struct kt_span s)
{
    static const char *const words[] = {"and", "or", "not", "in"};
    if (!s.n || strchr("<>=~!-\"", s.p[0]))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (kt_span_is(s, words[i]))
            return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= 0x20 || c >= 0x7F || strchr("()\",*?\\:=<>~!", (char)c))
            return false;
    }
    return true;
}

static void add_quoted(struct kt_buf *b, struct kt_span s)
{
    kt_buf_addc(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            kt_buf_addc(b, '\\');
        kt_buf_addc(b, s.p[i]);
    }
    kt_buf_addc(b, '"');
}

bool kt_filter_quote(struct kt_buf *b, struct kt_span value)
{
    if (is_plain(value))
        kt_buf_add(b, value.p, value.n);
    else
        add_quoted(b, value);
    return !b->failed;
}

static void print_value(const struct kt_filter_value *v, struct kt_buf *b)
{
    switch (v->op) {
    case KT_OP_UNKNOWN: break;
    case KT_OP_LIKE:
    case KT_OP_WITHIN: kt_buf_add(b, v->text.p, v->text.n); break; /* a run as it stood: quotes would make it plain */
    case KT_OP_CONTAINS:
    case KT_OP_IS:
    case KT_OP_EQUALS: (void)kt_filter_quote(b, v->text); break;
    default: add_quoted(b, v->text);
    }
}

static void print_term(const struct kt_filter_term *t, struct kt_buf *b)
{
    static const char *const ops[] = {[KT_OP_CONTAINS] = ":", [KT_OP_EQUALS] = ":=", [KT_OP_LT] = ":<", [KT_OP_LE] = ":<=",
                                      [KT_OP_GT] = ":>", [KT_OP_GE] = ":>=", [KT_OP_UNKNOWN] = ":", [KT_OP_IS] = ":",
                                      [KT_OP_LIKE] = ":", [KT_OP_MATCHES] = "~", [KT_OP_WITHIN] = ":", [KT_OP_IN] = " in ("};
    bool any = t->field == KT_FIELD_COUNT && !t->path.p;
    if (t->path.p)
        kt_buf_add(b, t->path.p, t->path.n);
    else if (!any)
        kt_buf_adds(b, kt_field_name(t->field));
    if (any && t->op == KT_OP_CONTAINS) {
        add_quoted(b, t->value->text); /* a word might be a field's name */
        return;
    }
    if (!any)
        kt_buf_adds(b, ops[t->op]);
    for (size_t i = 0; i < t->n; i++) {
        kt_buf_adds(b, i ? ", " : "");
        print_value(&t->value[i], b);
    }
    if (t->op == KT_OP_IN)
        kt_buf_addc(b, ')');
}

static void print_node(const struct kt_filter_node *n, struct kt_buf *b)
{
    if (n->kind == KT_NODE_TERM) {
        print_term(n->term, b);
        return;
    }
    if (n->kind == KT_NODE_NOT)
        kt_buf_adds(b, "not ");
    for (size_t i = 0; i < n->n; i++) {
        bool open = n->child[i]->kind == KT_NODE_OR || (n->child[i]->kind == KT_NODE_AND && n->kind != KT_NODE_OR);
        if (i)
            kt_buf_adds(b, n->kind == KT_NODE_OR ? " or " : " and ");
        if (open)
            kt_buf_addc(b, '(');
        print_node(n->child[i], b);
        if (open)
            kt_buf_addc(b, ')');
    }
}

bool kt_filter_print(const struct kt_filter *f, struct kt_buf *b)
{
    if (f)
        print_node(f->root, b);
    return !b->failed;
}
