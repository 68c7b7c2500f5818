#include "filter/impl.h"

#include "base/clock.h"

/* --- what fields are ---------------------------------------------------------- */

bool filter_is_whole_number(enum kt_field f)
{
    return f == KT_FIELD_RISK || f == KT_FIELD_ORIGIN_RECORD;
}

bool filter_is_time(enum kt_field f)
{
    return f == KT_FIELD_TIME || f == KT_FIELD_KEY_CREATED;
}

bool filter_is_compared(enum kt_field f)
{
    return filter_is_whole_number(f) || filter_is_time(f) || f == KT_FIELD_LEVEL;
}

bool filter_number_of(struct kt_span s, int64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9' || *out > INT64_C(100000000000000000))
            return false;
        *out = *out * 10 + (s.p[i] - '0');
    }
    return s.n > 0;
}

bool filter_level_of(struct kt_span s, int64_t *out)
{
    for (int l = KT_LEVEL_INFORMATIONAL; l <= KT_LEVEL_CRITICAL; l++) {
        const char *name = kt_level_name((enum kt_level)l);
        *out = l;
        if (name && kt_span_is(s, name))
            return true;
    }
    return false;
}

bool kt_filter_is_text(enum kt_field f)
{
    return f < KT_FIELD_COUNT && !filter_is_time(f) && !filter_is_whole_number(f) && f != KT_FIELD_TARGET_SELF &&
           f != KT_FIELD_ACTOR_MFA && f != KT_FIELD_STATE;
}

/* --- one term ------------------------------------------------------------------- */

bool kt_filter_number_holds(const struct kt_filter_term *t, int64_t n)
{
    if (n == KT_TIME_NONE || !t->n)
        return false;
    int64_t than = t->value->number;
    switch (t->op) {
    case KT_OP_LT: return n < than;
    case KT_OP_LE: return n <= than;
    case KT_OP_GT: return n > than;
    case KT_OP_GE: return n >= than;
    default: return false;
    }
}

bool kt_filter_text_holds(const struct kt_filter *f, const struct kt_filter_term *t, struct kt_span text)
{
    int64_t n;
    if (t->op == KT_OP_UNKNOWN)
        return !text.p;
    if (t->op >= KT_OP_LT && t->op <= KT_OP_GE) {
        if (filter_is_time(t->field))
            return kt_filter_number_holds(t, kt_time_parse(text));
        return text.p && (t->field == KT_FIELD_LEVEL ? filter_level_of(text, &n) : filter_number_of(text, &n)) &&
               kt_filter_number_holds(t, n);
    }
    for (size_t i = 0; i < t->n; i++)
        if (kt_value_text(t->value[i].test, f->bench, text))
            return true;
    return false;
}

void kt_filter_record(const struct kt_filter *f, struct kt_span json)
{
    kt_value_bench_record(f->bench, json);
}

bool kt_filter_record_holds(const struct kt_filter *f, const struct kt_filter_term *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (kt_value_record(t->value[i].test, f->bench))
            return true;
    return false;
}

/* --- the tree -------------------------------------------------------------------- */

const struct kt_filter_node *kt_filter_root(const struct kt_filter *f)
{
    return f ? f->root : NULL;
}

size_t kt_filter_terms(const struct kt_filter *f, const struct kt_filter_term *const **out)
{
    *out = f ? f->term : NULL;
    return f ? f->n : 0;
}

static bool node_holds(const struct kt_filter_node *n, kt_filter_holds *holds, void *ctx)
{
    if (n->kind == KT_NODE_TERM)
        return holds(ctx, n->term);
    if (n->kind == KT_NODE_NOT)
        return !node_holds(n->child[0], holds, ctx);
    bool enough = n->kind == KT_NODE_OR; /* the answer of one child that decides */
    for (int pass = 0; pass < 1 + n->heavy; pass++)
        for (size_t i = 0; i < n->n; i++)
            if (n->child[i]->heavy == (pass > 0) && node_holds(n->child[i], holds, ctx) == enough)
                return enough;
    return !enough;
}

bool kt_filter_eval(const struct kt_filter *f, kt_filter_holds *holds, void *ctx)
{
    return !f || node_holds(f->root, holds, ctx);
}

bool kt_filter_asks_verdict(const struct kt_filter *f)
{
    for (size_t i = 0; f && i < f->n; i++) {
        enum kt_field x = f->term[i]->field;
        bool any = x == KT_FIELD_COUNT && !f->term[i]->path.p;
        if (any || x == KT_FIELD_RISK || x == KT_FIELD_LEVEL || x == KT_FIELD_SIGNALS || x == KT_FIELD_RULES ||
            x == KT_FIELD_WHY)
            return true;
    }
    return false;
}

bool kt_filter_asks_record(const struct kt_filter *f)
{
    return f && f->root->heavy;
}

bool kt_filter_asks_clock(const struct kt_filter *f)
{
    return f && f->relative;
}

/* --- a row ------------------------------------------------------------------------- */

struct row_asked {
    const struct kt_filter *f;
    const struct kt_row *r;
    struct kt_arena *scratch;
    bool record; /* it was handed over */
};

static bool row_holds(void *ctx, const struct kt_filter_term *t)
{
    struct row_asked *q = ctx;
    if (t->path.p) {
        if (!q->record)
            kt_filter_record(q->f, q->r->ev.kind == KT_KIND_MALFORMED ? KT_SPAN_NONE : q->r->raw);
        q->record = true;
        return kt_filter_record_holds(q->f, t);
    }
    if (t->field != KT_FIELD_COUNT)
        return kt_filter_text_holds(q->f, t, kt_row_field(q->r, t->field, q->scratch));
    for (int x = 0; x < KT_FIELD_COUNT; x++)
        if (kt_filter_is_text((enum kt_field)x) &&
            kt_filter_text_holds(q->f, t, kt_row_field(q->r, (enum kt_field)x, q->scratch)))
            return true;
    return false;
}

bool kt_filter_row(const struct kt_filter *f, const struct kt_row *r, struct kt_arena *scratch)
{
    struct row_asked q = {f, r, scratch, false};
    bool yes = kt_filter_eval(f, row_holds, &q);
    if (q.record)
        kt_filter_record(f, KT_SPAN_NONE); /* it is the caller's */
    return yes;
}
