#include "detect/value.h"

#include "base/clock.h"
#include "base/find.h"
#include "detect/rule.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 4096, RECORD_MAX = 64 << 20, MATCH_LIMIT = 10000 /* a tenth of a rule's: it is put to all rows while one waits */ };

struct kt_value_test {
    enum kt_value_how how;
    struct atom atom;
    int64_t time;
    struct kt_span last; /* the path's last name: a record without it has nothing there */
    struct kt_span must; /* a text that the record must have; empty: not known */
    bool must_cased;
    char *memory;        /* path, elements and literal */
};

struct kt_value_bench {
    struct trial trial;
    struct kt_span json;
    struct kt_tree tree;
    bool asked;          /* it was parsed, or could not be */
    bool spells;         /* it has \u: texts may be spelled otherwise */
};

/* --- tests ---------------------------------------------------------------- */

static bool network_read(struct kt_span s, struct atom *a)
{
    const char *slash = s.n ? memchr(s.p, '/', s.n) : NULL;
    struct kt_span address = {s.p, slash ? (size_t)(slash - s.p) : s.n};
    if (!address_read(address, a->cidr.net, &a->cidr.v6))
        return false;
    int whole = a->cidr.v6 ? 128 : 32, bits = slash ? 0 : whole;
    size_t digits = slash ? (size_t)(s.p + s.n - slash - 1) : 0;
    if (slash && (digits == 0 || digits > 3))
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (slash[1 + i] < '0' || slash[1 + i] > '9')
            return false;
        bits = bits * 10 + (slash[1 + i] - '0');
    }
    a->cidr.bits = bits;
    for (int bit = bits; bit < whole; bit++) /* 10.1.2.3/8 is 10.0.0.0/8 */
        a->cidr.net[bit / 8] &= (uint8_t)~(0x80 >> (bit % 8));
    return bits <= whole;
}

/* Elements for texts: plain but for LIKE; * around what is contained. */
static void pattern_make(struct kt_value_test *t, struct kt_span text, uint16_t *elements, char *literal)
{
    struct pattern *p = &t->atom.pattern;
    bool around = t->how == KT_VALUE_CONTAINS;
    size_t n = 0;
    if (around)
        elements[n++] = PATTERN_ANY;
    if (t->how == KT_VALUE_LIKE)
        n += pattern_compile(text, elements);
    for (size_t i = 0; t->how != KT_VALUE_LIKE && i < text.n; i++)
        elements[n++] = (unsigned char)text.p[i];
    if (around)
        elements[n++] = PATTERN_ANY;
    p->p = elements;
    p->n = n;
    p->cased = t->how == KT_VALUE_EQUALS;
    pattern_finish(p, literal);
}

static enum kt_code regex_make(struct kt_value_test *t, struct kt_span text, size_t *at, struct kt_err *e)
{
    int code;
    PCRE2_SIZE where = 0;
    uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
    t->atom.re = pcre2_compile((PCRE2_SPTR)(text.p ? text.p : ""), text.n, options, &code, &where, NULL);
    if (t->atom.re)
        return KT_OK;
    PCRE2_UCHAR sentence[160];
    (void)pcre2_get_error_message(code, sentence, sizeof sentence);
    if (at)
        *at = where < text.n ? where : text.n;
    return kt_fail(e, KT_EFORMAT, "the regular expression is wrong: %s", (const char *)sentence);
}

static enum compare compare_of(enum kt_value_how how)
{
    return how == KT_VALUE_LT ? COMPARE_LT : how == KT_VALUE_LE ? COMPARE_LTE : how == KT_VALUE_GT ? COMPARE_GT : COMPARE_GTE;
}

/* What a record must hold in its own letters, where it spells none otherwise. */
static void look_ahead(struct kt_value_test *t)
{
    struct kt_span path = t->atom.field, lit = t->atom.pattern.literal;
    size_t from = path.n;
    while (from > 0 && path.p[from - 1] != '.')
        from--;
    t->last = (struct kt_span){path.p + from, path.n - from};
    bool number = t->last.n > 0;
    for (size_t i = 0; i < t->last.n; i++)
        number = number && t->last.p[i] >= '0' && t->last.p[i] <= '9';
    if (number) /* an item of a list has no name */
        t->last.n = 0;
    if (t->how > KT_VALUE_LIKE || lit.n < 2)
        return;
    for (size_t i = 0; i < lit.n; i++) /* numbers are written in many ways, and some signs are escaped */
        if ((unsigned char)lit.p[i] < 0x20 || strchr("\"\\/0123456789.+-eE,:{}[]", lit.p[i]))
            return;
    t->must = lit;
    t->must_cased = t->atom.pattern.cased;
}

static enum kt_code fill(struct kt_value_test *t, const struct kt_value_spec *s, size_t *at, struct kt_err *e)
{
    char *path = t->memory, *literal = path + s->path.n + 1;
    uint16_t *elements = (uint16_t *)(void *)(t->memory + ((s->path.n + s->text.n + 8) & ~(size_t)7));
    if (s->path.n)
        memcpy(path, s->path.p, s->path.n);
    t->atom.field = (struct kt_span){path, s->path.n};
    switch (t->how) {
    case KT_VALUE_MATCHES: t->atom.kind = ATOM_RE; return regex_make(t, s->text, at, e);
    case KT_VALUE_WITHIN:
        t->atom.kind = ATOM_CIDR;
        return network_read(s->text, &t->atom)
                   ? KT_OK
                   : kt_fail(e, KT_EFORMAT, "not an address or a network such as 10.0.0.0/8 or 2001:db8::/32");
    case KT_VALUE_LT:
    case KT_VALUE_LE:
    case KT_VALUE_GT:
    case KT_VALUE_GE:
        t->atom.kind = ATOM_NUMBER;
        t->atom.compare = compare_of(t->how);
        t->atom.number = s->number;
        return KT_OK;
    case KT_VALUE_UNKNOWN: t->atom.kind = ATOM_NULL; return KT_OK;
    case KT_VALUE_CONTAINS:
    case KT_VALUE_IS:
    case KT_VALUE_EQUALS:
    case KT_VALUE_LIKE:
        t->atom.kind = ATOM_TEXT;
        pattern_make(t, s->text, elements, literal);
        return KT_OK;
    default: return KT_OK;
    }
}

enum kt_code kt_value_test_new(struct kt_value_test **out, const struct kt_value_spec *s, size_t *at, struct kt_err *e)
{
    *out = NULL;
    if (s->text.n > TEXT_MAX || s->path.n > TEXT_MAX)
        return kt_fail(e, KT_ELIMIT, "a value has at most %d bytes", TEXT_MAX);
    struct kt_value_test *t = calloc(1, sizeof *t);
    size_t room = s->path.n + s->text.n + 16 + (s->text.n + 2) * sizeof(uint16_t);
    if (t)
        t->memory = calloc(1, room);
    if (!t || !t->memory) {
        free(t);
        return kt_fail(e, KT_ENOMEM, "out of memory");
    }
    t->how = s->how;
    t->time = s->time;
    enum kt_code c = fill(t, s, at, e);
    if (c) {
        kt_value_test_free(t);
        return c;
    }
    look_ahead(t);
    *out = t;
    return KT_OK;
}

void kt_value_test_free(struct kt_value_test *t)
{
    if (!t)
        return;
    pcre2_code_free(t->atom.re);
    free(t->memory);
    free(t);
}

/* --- texts ---------------------------------------------------------------- */

struct kt_value_bench *kt_value_bench_new(void)
{
    struct kt_value_bench *b = calloc(1, sizeof *b);
    if (b)
        kt_tree_init(&b->tree);
    if (b && !trial_init(&b->trial)) {
        free(b);
        return NULL;
    }
    if (b)
        pcre2_set_match_limit(b->trial.limits, MATCH_LIMIT);
    return b;
}

void kt_value_bench_free(struct kt_value_bench *b)
{
    if (!b)
        return;
    kt_tree_free(&b->tree);
    trial_free(&b->trial);
    free(b);
}

/* The literal of a pattern is folded already. */
static bool at_place(const char *p, struct kt_span lit, bool cased)
{
    size_t i = 0;
    while (i < lit.n && (cased ? (unsigned char)p[i] : pattern_fold(p[i])) == (unsigned char)lit.p[i])
        i++;
    return i == lit.n;
}

static bool has(struct kt_span hay, struct kt_span lit, bool cased)
{
    return cased ? memmem(hay.p, hay.n, lit.p, lit.n) != NULL : kt_find_no_case(hay, lit);
}

/* What pattern_matches says, sooner where there are no * and ? inside. */
static bool pattern_holds(const struct pattern *p, struct kt_span s)
{
    struct kt_span lit = p->literal;
    switch (p->shape) {
    case SHAPE_ANY: return true;
    case SHAPE_EXACT: return s.n == lit.n && at_place(s.p, lit, p->cased);
    case SHAPE_PREFIX: return s.n >= lit.n && at_place(s.p, lit, p->cased);
    case SHAPE_SUFFIX: return s.n >= lit.n && at_place(s.p + (s.n - lit.n), lit, p->cased);
    case SHAPE_CONTAINS: return has(s, lit, p->cased);
    default: return pattern_matches(p, s);
    }
}

static bool network_has(const struct atom *a, struct kt_span s)
{
    uint8_t address[16];
    bool v6;
    if (!address_read(s, address, &v6) || v6 != a->cidr.v6)
        return false;
    int whole = a->cidr.bits / 8, rest = a->cidr.bits % 8;
    return memcmp(address, a->cidr.net, (size_t)whole) == 0 &&
           (!rest || ((address[whole] ^ a->cidr.net[whole]) & (0xff << (8 - rest)) & 0xff) == 0);
}

bool kt_value_text(const struct kt_value_test *t, struct kt_value_bench *b, struct kt_span s)
{
    if (!s.p)
        return false;
    switch (t->how) {
    case KT_VALUE_MATCHES:
        return pcre2_match(t->atom.re, (PCRE2_SPTR)s.p, s.n, 0, 0, b->trial.match, b->trial.limits) >= 0;
    case KT_VALUE_WITHIN: return network_has(&t->atom, s);
    case KT_VALUE_CONTAINS:
    case KT_VALUE_IS:
    case KT_VALUE_EQUALS:
    case KT_VALUE_LIKE: return pattern_holds(&t->atom.pattern, s);
    default: return false;
    }
}

/* --- records -------------------------------------------------------------- */

void kt_value_bench_record(struct kt_value_bench *b, struct kt_span json)
{
    b->trial.root = NULL;
    b->json = json;
    b->asked = false;
    b->spells = json.p && memmem(json.p, json.n, "\\u", 2) != NULL;
}

static bool parsed(struct kt_value_bench *b)
{
    if (!b->asked && b->json.p && b->json.n <= RECORD_MAX)
        b->trial.root = kt_tree_parse(&b->tree, b->json);
    b->asked = true;
    return b->trial.root != NULL;
}

/* Could it hold? Looks at the record's text alone, which is soon done. */
static bool may_hold(const struct kt_value_test *t, const struct kt_value_bench *b)
{
    if (b->spells || t->how == KT_VALUE_UNKNOWN)
        return true;
    if (t->last.n && !memmem(b->json.p, b->json.n, t->last.p, t->last.n))
        return false;
    return !t->must.n || has(b->json, t->must, t->must_cased);
}

struct when {
    const struct kt_value_test *t;
    bool holds;
};

static bool try_when(void *ctx, struct kt_node *v)
{
    struct when *w = ctx;
    int64_t x = kt_node_is(v, KT_NODE_STRING) ? kt_time_parse(kt_node_text(v)) : KT_TIME_NONE;
    if (x == KT_TIME_NONE)
        return true;
    w->holds = w->t->how == KT_VALUE_BEFORE  ? x < w->t->time
               : w->t->how == KT_VALUE_UNTIL ? x <= w->t->time
               : w->t->how == KT_VALUE_AFTER ? x > w->t->time
                                             : x >= w->t->time;
    return !w->holds;
}

bool kt_value_record(const struct kt_value_test *t, struct kt_value_bench *b)
{
    if (!b->json.p)
        return t->how == KT_VALUE_UNKNOWN;
    if (!may_hold(t, b))
        return false;
    if (!parsed(b))
        return t->how == KT_VALUE_UNKNOWN;
    if (t->how < KT_VALUE_BEFORE || t->how == KT_VALUE_UNKNOWN)
        return atom_holds(&t->atom, &b->trial);
    struct when w = {t, false};
    (void)path_each(b->trial.root, t->atom.field, try_when, &w);
    return w.holds;
}
