#include "detect/rule.h"

#include "base/clock.h"
#include "event/event.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>

enum { JSON_TEXT_MAX = 4 << 20, MATCH_LIMIT = 100000, DEPTH_LIMIT = 5000, HEAP_LIMIT_KIB = 4096, FIELDREF_MAX = 1024 };

bool trial_init(struct trial *t)
{
    *t = (struct trial){.match = pcre2_match_data_create(1, NULL), .limits = pcre2_match_context_create(NULL)};
    kt_buf_init(&t->text, JSON_TEXT_MAX);
    if (!t->match || !t->limits) {
        trial_free(t);
        return false;
    }
    pcre2_set_match_limit(t->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(t->limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(t->limits, HEAP_LIMIT_KIB);
    return true;
}

void trial_free(struct trial *t)
{
    pcre2_match_data_free(t->match);
    pcre2_match_context_free(t->limits);
    kt_buf_free(&t->text);
    t->match = NULL;
    t->limits = NULL;
}

bool trial_text_failed(struct trial *t)
{
    bool failed = t->text.failed;
    kt_buf_reset(&t->text);
    return failed;
}

/* --- values ---------------------------------------------------------------------- */

static bool path_step(struct kt_node *v, const char *p, const char *end, value_fn *f, void *ctx);

/* An item by its number, else the rest of the path in each item. */
static bool path_list(struct kt_node *v, const char *p, const char *end, value_fn *f, void *ctx)
{
    size_t i = 0, n = 0;
    while (p + n < end && n < 9 && p[n] >= '0' && p[n] <= '9')
        i = i * 10 + (size_t)(p[n++] - '0');
    if (n && (p + n == end || p[n] == '.')) {
        struct kt_node *item = kt_node_item(v, i);
        if (!item)
            return true;
        return p + n == end ? f(ctx, item) : path_step(item, p + n + 1, end, f, ctx);
    }
    for (struct kt_node *item = kt_node_first(v); item; item = kt_node_next(item))
        if (kt_node_is(item, KT_NODE_OBJECT) && !path_step(item, p, end, f, ctx))
            return false;
    return true;
}

/* A key that itself holds dots is tried whole first. */
static bool path_step(struct kt_node *v, const char *p, const char *end, value_fn *f, void *ctx)
{
    while (kt_node_is(v, KT_NODE_OBJECT)) {
        struct kt_node *whole = kt_node_member(v, p, (size_t)(end - p));
        if (whole)
            return f(ctx, whole);
        const char *dot = memchr(p, '.', (size_t)(end - p));
        if (!dot)
            return true;
        v = kt_node_member(v, p, (size_t)(dot - p));
        p = dot + 1;
    }
    return kt_node_is(v, KT_NODE_ARRAY) ? path_list(v, p, end, f, ctx) : true;
}

bool path_each(struct kt_node *root, struct kt_span path, value_fn *f, void *ctx)
{
    return path_step(root, path.p, path.p + path.n, f, ctx);
}

struct kt_span scalar_text(const struct kt_node *v, char *room, bool whole)
{
    size_t n = 0;
    if (v->kind == KT_NODE_STRING)
        return kt_node_text(v);
    if (whole) {
        double d = v->kind == KT_NODE_REAL ? v->v.real : 0.5;
        n = d == floor(d) && fabs(d) < 9007199254740992.0 ? (size_t)snprintf(room, 64, "%.0f", d) : 0;
    } else if (v->kind == KT_NODE_TRUE || v->kind == KT_NODE_FALSE) {
        return v->kind == KT_NODE_TRUE ? KT_LIT("true") : KT_LIT("false");
    } else if (v->kind == KT_NODE_INTEGER) {
        n = (size_t)snprintf(room, 64, "%lld", (long long)v->v.integer);
    } else if (v->kind == KT_NODE_REAL) {
        json_t *real = json_real(v->v.real);
        n = real ? json_dumpb(real, room, 64, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) : 0;
        json_decref(real);
    }
    return (struct kt_span){room, n <= 64 ? n : 0};
}

struct texts {
    int sees;
    text_fn *f;
    void *ctx;
};

static bool scalar_each(const struct texts *t, const struct kt_node *v, int seen_as)
{
    char room[64];
    struct kt_span s = scalar_text(v, room, false);
    if (kt_node_is(v, KT_NODE_STRING) || s.n) {
        if (!t->f(t->ctx, s, seen_as))
            return false;
    }
    if (!kt_node_is(v, KT_NODE_REAL))
        return true;
    s = scalar_text(v, room, true);
    return !s.n || t->f(t->ctx, s, seen_as);
}

/* A text that JSON spells as it is stands in the text of what holds it. */
static bool spelled_otherwise(const struct kt_node *v)
{
    struct kt_span s = kt_node_text(v);
    const unsigned char *p = (const unsigned char *)s.p;
    for (size_t i = 0; i < s.n; i++)
        if (p[i] < 0x20 || p[i] == '"' || p[i] == '\\')
            return true;
    return false;
}

static bool leaves_each(const struct texts *t, struct kt_node *v, int seen_as)
{
    if (!kt_node_holds(v))
        return ((t->sees & SEES_SPELLED) && !spelled_otherwise(v)) || scalar_each(t, v, seen_as);
    for (struct kt_node *x = kt_node_first(v); x; x = kt_node_next(x))
        if (!leaves_each(t, x, seen_as))
            return false;
    return true;
}

bool texts_each(struct kt_node *v, int sees, struct kt_buf *json, text_fn *f, void *ctx)
{
    struct texts t = {sees, f, ctx};
    if (!kt_node_holds(v))
        return !(sees & SEES_SCALAR) || scalar_each(&t, v, SEES_SCALAR);
    if ((sees & SEES_SCALAR) && v->kind == KT_NODE_ARRAY)
        for (struct kt_node *item = kt_node_first(v); item; item = kt_node_next(item))
            if (!kt_node_holds(item) && !scalar_each(&t, item, SEES_SCALAR))
                return false;
    if (!(sees & SEES_JSON))
        return !(sees & SEES_LEAF) || leaves_each(&t, v, SEES_LEAF);
    kt_buf_reset(json);
    if (!kt_node_write(v, json, 15)) {
        json->failed = true;     /* also where the text was not what failed */
        t.sees &= ~SEES_SPELLED; /* beyond 4 MiB no text is made; its parts are seen */
    } else if (!f(ctx, kt_buf_span(json), SEES_JSON)) {
        return false;
    }
    return !(sees & SEES_LEAF) || leaves_each(&t, v, SEES_LEAF);
}

bool number_read(struct kt_span s, double *out)
{
    char text[64], *end;
    if (s.n == 0 || s.n >= sizeof text || memchr(s.p, '\0', s.n))
        return false;
    for (size_t i = 0; i < s.n; i++) /* no hexadecimal, infinity or blanks */
        if (!strchr("0123456789+-.eE", s.p[i]))
            return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    *out = strtod(text, &end);
    return *end == '\0' && isfinite(*out);
}

bool number_of(const struct kt_node *v, double *out)
{
    if (kt_node_is(v, KT_NODE_STRING))
        return number_read(kt_node_text(v), out);
    if (!kt_node_is(v, KT_NODE_INTEGER) && !kt_node_is(v, KT_NODE_REAL))
        return false;
    *out = v->kind == KT_NODE_REAL ? v->v.real : (double)v->v.integer;
    return true;
}

bool address_read(struct kt_span s, uint8_t out[16], bool *v6)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char text[64];
    if (s.n == 0 || s.n >= sizeof text)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    memset(out, 0, 16);
    *v6 = false;
    if (inet_pton(AF_INET, text, out) == 1)
        return strlen(text) == s.n;
    if (inet_pton(AF_INET6, text, out) != 1 || strlen(text) != s.n)
        return false;
    *v6 = memcmp(out, mapped, sizeof mapped) != 0;
    if (!*v6) {
        memmove(out, out + 12, 4);
        memset(out + 4, 0, 12);
    }
    return true;
}

/* --- one atom -------------------------------------------------------------------- */

int atom_sees(const struct atom *a)
{
    if (a->kind == ATOM_RE || (a->kind == ATOM_TEXT && a->pattern.floating && a->pattern.shape != SHAPE_ANY))
        return SEES_SCALAR | SEES_JSON | SEES_LEAF;
    if (a->kind == ATOM_TEXT && a->pattern.shape != SHAPE_EXACT)
        return SEES_SCALAR | SEES_JSON;
    return SEES_SCALAR;
}

struct trying {
    const struct atom *a;
    struct trial *t;
    bool holds;
};

static bool re_matches(const struct atom *a, struct kt_span s, struct trial *t)
{
    if (!t->match) {
        t->undecided++;
        return false;
    }
    int n = pcre2_match(a->re, (PCRE2_SPTR)s.p, s.n, 0, PCRE2_NO_UTF_CHECK, t->match, t->limits);
    if (n < 0 && n != PCRE2_ERROR_NOMATCH)
        t->undecided++;
    return n >= 0;
}

static bool cidr_matches(const struct atom *a, struct kt_span s)
{
    uint8_t address[16];
    bool v6;
    if (!address_read(s, address, &v6) || v6 != a->cidr.v6)
        return false;
    int whole = a->cidr.bits / 8, rest = a->cidr.bits % 8;
    if (memcmp(address, a->cidr.net, (size_t)whole) != 0)
        return false;
    return !rest || ((address[whole] ^ a->cidr.net[whole]) & (0xff << (8 - rest)) & 0xff) == 0;
}

static bool try_text(void *ctx, struct kt_span s, int seen_as)
{
    struct trying *y = ctx;
    (void)seen_as;
    y->holds = y->a->kind == ATOM_RE     ? re_matches(y->a, s, y->t)
               : y->a->kind == ATOM_CIDR ? cidr_matches(y->a, s)
                                         : pattern_matches(&y->a->pattern, s);
    return !y->holds;
}

static bool try_value(void *ctx, struct kt_node *v)
{
    struct trying *y = ctx;
    bool on = texts_each(v, atom_sees(y->a), &y->t->text, try_text, y);
    y->t->undecided += on && trial_text_failed(y->t);
    return on;
}

/* ISO 8601: the week that holds the year's first Thursday is the first. */
static int week_of(int64_t time)
{
    struct kt_civil c = kt_civil_of(time);
    int64_t thursday = time + (int64_t)(3 - (c.weekday + 6) % 7) * 86400000;
    char text[32];
    int year = kt_civil_of(thursday).year;
    if (snprintf(text, sizeof text, "%04d-01-01", year) < 0)
        return 0;
    int64_t first = kt_time_parse(kt_span_of(text));
    if (first == KT_TIME_NONE && snprintf(text, sizeof text, "%04d-01-01T00:00:00Z", year) > 0)
        first = kt_time_parse(kt_span_of(text));
    return (int)((thursday - first) / (7 * (int64_t)86400000)) + 1;
}

static bool part_of(enum part part, const struct kt_node *v, double *out)
{
    int64_t time = kt_node_is(v, KT_NODE_STRING) ? kt_time_parse(kt_node_text(v)) : KT_TIME_NONE;
    if (time == KT_TIME_NONE)
        return false;
    struct kt_civil c = kt_civil_of(time);
    const int parts[] = {[PART_MINUTE] = c.minute, [PART_HOUR] = c.hour,   [PART_DAY] = c.day,
                         [PART_WEEK] = 0,          [PART_MONTH] = c.month, [PART_YEAR] = c.year};
    *out = part == PART_WEEK ? week_of(time) : parts[part];
    return true;
}

static bool compares(const struct atom *a, const struct kt_node *v)
{
    double x;
    if (a->part ? !part_of(a->part, v, &x) : !number_of(v, &x))
        return false;
    switch (a->compare) {
    case COMPARE_EQ: return x == a->number;
    case COMPARE_LT: return x < a->number;
    case COMPARE_LTE: return x <= a->number;
    case COMPARE_GT: return x > a->number;
    default: return x >= a->number;
    }
}

static bool try_number(void *ctx, struct kt_node *v)
{
    struct trying *y = ctx;
    y->holds = compares(y->a, v);
    const struct kt_node *x = kt_node_is(v, KT_NODE_ARRAY) ? kt_node_first(v) : NULL;
    for (; !y->holds && x; x = kt_node_next(x))
        y->holds = compares(y->a, x);
    return !y->holds;
}

static bool try_exists(void *ctx, struct kt_node *v)
{
    (void)v;
    ((struct trying *)ctx)->holds = true;
    return false;
}

struct null_try {
    bool seen, null;
};

static bool try_null(void *ctx, struct kt_node *v)
{
    struct null_try *n = ctx;
    n->seen = true;
    n->null = kt_node_is(v, KT_NODE_NULL);
    const struct kt_node *x = kt_node_is(v, KT_NODE_ARRAY) ? kt_node_first(v) : NULL;
    for (; !n->null && x; x = kt_node_next(x))
        n->null = kt_node_is(x, KT_NODE_NULL);
    return !n->null;
}

/* --- one field against another --------------------------------------------------- */

struct other {
    const struct atom *a;
    struct kt_span text; /* of the first field */
    struct trial *t;
    bool holds;
};

static bool same_at(const struct pattern *p, const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p->cased ? a[i] != b[i] : pattern_fold(a[i]) != pattern_fold(b[i]))
            return false;
    return true;
}

static bool try_other_text(void *ctx, struct kt_span s, int seen_as)
{
    struct other *o = ctx;
    const struct pattern *p = &o->a->pattern;
    size_t n = o->text.n;
    (void)seen_as;
    if (s.n > n || (p->shape == SHAPE_EXACT && s.n != n))
        return true;
    if (p->shape == SHAPE_CONTAINS && (s.n > FIELDREF_MAX || n > 64 * FIELDREF_MAX)) {
        o->t->undecided++; /* the one test whose cost is text times text */
        return true;
    }
    size_t from = p->shape == SHAPE_SUFFIX ? n - s.n : 0, to = p->shape == SHAPE_PREFIX ? 0 : n - s.n;
    for (size_t i = from; i <= to && !o->holds; i++)
        o->holds = same_at(p, o->text.p + i, s.p, s.n);
    return !o->holds;
}

static bool try_other(void *ctx, struct kt_node *v)
{
    struct other *o = ctx;
    return texts_each(v, SEES_SCALAR, &o->t->text, try_other_text, o);
}

static bool try_field_text(void *ctx, struct kt_span s, int seen_as)
{
    struct trying *y = ctx;
    struct other o = {y->a, s, y->t, false};
    (void)seen_as;
    (void)path_each(y->t->root, y->a->other, try_other, &o);
    y->holds = o.holds;
    return !y->holds;
}

static bool try_field(void *ctx, struct kt_node *v)
{
    struct trying *y = ctx;
    return texts_each(v, SEES_SCALAR, &y->t->text, try_field_text, y);
}

bool atom_holds(const struct atom *a, struct trial *t)
{
    struct trying y = {a, t, false};
    struct null_try n = {false, false};
    if (!a->field.n) {
        struct texts every = {SEES_SCALAR, try_text, &y};
        (void)leaves_each(&every, t->root, SEES_SCALAR);
        return y.holds;
    }
    switch (a->kind) {
    case ATOM_NULL:
        (void)path_each(t->root, a->field, try_null, &n);
        return !n.seen || n.null;
    case ATOM_EXISTS: (void)path_each(t->root, a->field, try_exists, &y); break;
    case ATOM_NUMBER: (void)path_each(t->root, a->field, try_number, &y); break;
    case ATOM_FIELDREF: (void)path_each(t->root, a->field, try_field, &y); break;
    default: (void)path_each(t->root, a->field, try_value, &y); break;
    }
    return y.holds;
}

/* --- a whole rule ---------------------------------------------------------------- */

static bool node_holds(const struct rule *r, const struct node *n, struct trial *t)
{
    switch (n->op) {
    case OP_ATOM: return atom_holds(&r->atom[n->atom], t);
    case OP_NOT: return !node_holds(r, n->child[0], t);
    case OP_AND:
        for (size_t i = 0; i < n->n; i++)
            if (!node_holds(r, n->child[i], t))
                return false;
        return true;
    default:
        for (size_t i = 0; i < n->n; i++)
            if (node_holds(r, n->child[i], t))
                return true;
        return false;
    }
}

bool rule_matches_plainly(const struct rule *r, struct trial *t)
{
    return r->root && node_holds(r, r->root, t);
}
