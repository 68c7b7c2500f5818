#include "correlating.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

struct told { /* a match, and the rows that were told of it */
    uint64_t id;
    int correlation;
    uint64_t *row; /* of the events it was told with; rising */
    size_t n;
    uint64_t *joined; /* at which it goes on; rising, each as often as it joined */
    size_t n_joined, cap_joined;
};

struct kept {
    uint64_t after;
    char *text;
    size_t n;
};

struct kt_correlating {
    const struct kt_rules *rules;
    struct kt_correlating_rows rows;
    struct kt_correlator *correlator; /* NULL: there are no correlations */
    struct told *told;                /* by id, rising */
    size_t n_told, cap_told, n_rows;
    struct kept *kept; /* a ring of KT_CORRELATING_KEPT */
    uint64_t first, next, again, again_end; /* numbers of events: in the ring, and to be fed again */
    size_t bytes;
};

static struct kept *kept_at(const struct kt_correlating *c, uint64_t i)
{
    return &c->kept[i % KT_CORRELATING_KEPT];
}

static bool correlator_of(const struct kt_rules *rules, struct kt_correlator **out)
{
    *out = NULL;
    return !kt_rules_correlations(rules) || kt_correlator_new(out, rules, NULL, NULL) == KT_OK;
}

struct kt_correlating *kt_correlating_new(const struct kt_rules *rules, const struct kt_correlating_rows *rows)
{
    struct kt_correlating *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->rows = *rows;
    c->rules = kt_rules_hold(rules);
    if (correlator_of(rules, &c->correlator))
        return c;
    kt_correlating_free(c);
    return NULL;
}

static void forget_matches(struct kt_correlating *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        c->n_rows -= c->told[i].n + c->told[i].n_joined;
        free(c->told[i].row);
        free(c->told[i].joined);
    }
    memmove(c->told, c->told + n, (c->n_told - n) * sizeof *c->told);
    c->n_told -= n;
}

static void drop_kept(struct kt_correlating *c)
{
    struct kept *k = kept_at(c, c->first++);
    c->bytes -= k->n;
    free(k->text);
    *k = (struct kept){0};
}

void kt_correlating_free(struct kt_correlating *c)
{
    if (!c)
        return;
    while (c->kept && c->first < c->next)
        drop_kept(c);
    free(c->kept);
    if (c->n_told)
        forget_matches(c, c->n_told);
    free(c->told);
    kt_correlator_free(c->correlator);
    kt_rules_free(c->rules);
    free(c);
}

bool kt_correlating_set_rules(struct kt_correlating *c, const struct kt_rules *rules)
{
    struct kt_correlator *fresh;
    if (!correlator_of(rules, &fresh))
        return false;
    if (c->n_told)
        forget_matches(c, c->n_told);
    kt_correlator_free(c->correlator);
    kt_rules_free(c->rules);
    c->correlator = fresh;
    c->rules = kt_rules_hold(rules);
    c->again = c->first;
    c->again_end = c->next;
    return true;
}

bool kt_correlating_takes(const struct kt_correlating *c, const int *rule, size_t n)
{
    for (size_t i = 0; c->correlator && i < n; i++)
        if (kt_correlator_takes(c->correlator, rule[i]))
            return true;
    return false;
}

/* --- matches to rows --------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static bool names(const struct told *t, uint64_t row)
{
    return (t->n && bsearch(&row, t->row, t->n, sizeof row, by_number)) ||
           (t->n_joined && bsearch(&row, t->joined, t->n_joined, sizeof row, by_number));
}

/* Where the match stands, or would. */
static size_t place_of(const struct kt_correlating *c, uint64_t id)
{
    size_t lo = 0, hi = c->n_told;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (c->told[mid].id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static struct kt_matched matched(const struct kt_correlating *c, int correlation)
{
    struct kt_rule_info info = kt_rules_correlation_info(c->rules, (size_t)correlation);
    return (struct kt_matched){.id = info.id, .risk = info.risk, .correlation = true};
}

/* Another match of the same correlation may have the row as well. */
static void leave(struct kt_correlating *c, const struct told *t, uint64_t row)
{
    for (size_t i = 0; i < c->n_told; i++)
        if (c->told[i].id != t->id && c->told[i].correlation == t->correlation && names(&c->told[i], row))
            return;
    struct kt_matched m = matched(c, t->correlation);
    c->rows.match(c->rows.ctx, row, &m, false);
}

static void retract(struct kt_correlating *c, uint64_t id)
{
    size_t at = place_of(c, id);
    if (at == c->n_told || c->told[at].id != id)
        return;
    struct told t = c->told[at];
    c->n_rows -= t.n + t.n_joined;
    memmove(c->told + at, c->told + at + 1, (--c->n_told - at) * sizeof t);
    for (size_t i = 0; i < t.n; i++)
        leave(c, &t, t.row[i]);
    for (size_t i = 0; i < t.n_joined; i++)
        leave(c, &t, t.joined[i]);
    free(t.row);
    free(t.joined);
}

static size_t rows_of(const struct kt_correlating *c, const struct kt_correlated *m, uint64_t *row)
{
    size_t n = 0, different = 0;
    for (size_t i = 0; i < m->n_events; i++) {
        uint64_t seq = kt_span_known(m->event[i]) ? c->rows.of(c->rows.ctx, m->event[i]) : 0;
        if (seq)
            row[n++] = seq;
    }
    if (n > 1)
        qsort(row, n, sizeof *row, by_number);
    for (size_t i = 0; i < n; i++)
        if (!i || row[i] != row[different - 1])
            row[different++] = row[i];
    return different;
}

static void make_room(struct kt_correlating *c)
{
    size_t n = c->n_told >= KT_CORRELATING_MATCHES ? KT_CORRELATING_MATCHES / 4 : 0;
    size_t rows = 0;
    for (size_t i = 0; i < n; i++)
        rows += c->told[i].n + c->told[i].n_joined;
    for (; n < c->n_told && c->n_rows - rows + KT_CORRELATED_EVENTS_MAX > KT_CORRELATING_ROWS; n++)
        rows += c->told[n].n + c->told[n].n_joined;
    if (n)
        forget_matches(c, n);
}

/* What had joined before it was revised still has. */
static void tell(struct kt_correlating *c, struct told *t, const struct told *before)
{
    struct kt_matched m = matched(c, t->correlation);
    for (size_t i = 0; i < t->n; i++)
        if (!names(before, t->row[i]))
            c->rows.match(c->rows.ctx, t->row[i], &m, true);
    for (size_t i = 0; i < before->n; i++)
        if (!names(t, before->row[i]))
            leave(c, t, before->row[i]);
}

static struct told *told_of(const struct kt_correlating *c, uint64_t id)
{
    size_t at = place_of(c, id);
    return at < c->n_told && c->told[at].id == id ? &c->told[at] : NULL;
}

static size_t after(const struct told *t, uint64_t row)
{
    size_t lo = 0, hi = t->n_joined;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (t->joined[mid] <= row)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* One row more of a match. Where it is no longer known, the row is told all the same. */
static void join(struct kt_correlating *c, const struct kt_correlated *m, uint64_t row)
{
    struct told *t = told_of(c, m->id);
    bool already = t && names(t, row);
    if (t && kt_grow(&t->joined, &t->cap_joined, t->n_joined + 1, sizeof *t->joined, KT_CORRELATING_ROWS)) {
        size_t at = after(t, row);
        memmove(t->joined + at + 1, t->joined + at, (t->n_joined++ - at) * sizeof *t->joined);
        t->joined[at] = row;
        c->n_rows++;
    }
    struct kt_matched x = matched(c, m->correlation);
    if (!already)
        c->rows.match(c->rows.ctx, row, &x, true);
}

static void part(struct kt_correlating *c, const struct kt_correlated *m, uint64_t row)
{
    struct told *t = told_of(c, m->id);
    size_t at = t ? after(t, row) : 0;
    if (!at || t->joined[at - 1] != row)
        return;
    memmove(t->joined + at - 1, t->joined + at, (t->n_joined-- - at) * sizeof *t->joined);
    c->n_rows--;
    if (!names(t, row))
        leave(c, t, row);
}

static void on_joined(struct kt_correlating *c, const struct kt_correlated *m)
{
    for (size_t i = 0; i < m->n_events; i++) {
        uint64_t row = kt_span_known(m->event[i]) ? c->rows.of(c->rows.ctx, m->event[i]) : 0;
        if (row && m->change == KT_CORRELATED_JOINED)
            join(c, m, row);
        else if (row)
            part(c, m, row);
    }
}

static void on_match(void *ctx, const struct kt_correlated *m)
{
    struct kt_correlating *c = ctx;
    struct told before = {0};
    if (m->change == KT_CORRELATED_RETRACTED) {
        retract(c, m->id);
        return;
    }
    if (m->change == KT_CORRELATED_JOINED)
        make_room(c);
    if (m->change == KT_CORRELATED_JOINED || m->change == KT_CORRELATED_LEFT) {
        on_joined(c, m);
        return;
    }
    make_room(c);
    size_t at = place_of(c, m->id);
    bool there = at < c->n_told && c->told[at].id == m->id;
    uint64_t *row = calloc(m->n_events + 1, sizeof *row);
    if (!row || (!there && !kt_grow(&c->told, &c->cap_told, c->n_told + 1, sizeof *c->told, 2 * KT_CORRELATING_MATCHES))) {
        free(row);
        return;
    }
    if (there) {
        before = c->told[at];
        c->n_rows -= before.n;
    } else {
        memmove(c->told + at + 1, c->told + at, (c->n_told++ - at) * sizeof *c->told);
    }
    struct told *t = &c->told[at];
    *t = (struct told){.id = m->id, .correlation = m->correlation, .row = row, .n = rows_of(c, m, row),
                       .joined = before.joined, .n_joined = before.n_joined, .cap_joined = before.cap_joined};
    c->n_rows += t->n;
    tell(c, t, &before);
    free(before.row);
}

bool kt_correlating_feed(struct kt_correlating *c, const struct kt_occurrence *o)
{
    return !c->correlator || kt_correlator_feed(c->correlator, o, on_match, c, NULL) == KT_OK;
}

/* --- events that are no rows -------------------------------------------------------- */

void kt_correlating_keep(struct kt_correlating *c, uint64_t after, struct kt_span text, bool again)
{
    if (!c->kept && !(c->kept = calloc(KT_CORRELATING_KEPT, sizeof *c->kept)))
        return;
    while (c->first < c->next && (c->next - c->first == KT_CORRELATING_KEPT || c->bytes + text.n > KT_CORRELATING_BYTES))
        drop_kept(c);
    char *copy = malloc(text.n + 1);
    if (!copy)
        return;
    if (text.n)
        memcpy(copy, text.p, text.n);
    *kept_at(c, c->next++) = (struct kept){after, copy, text.n};
    c->bytes += text.n;
    if (again)
        c->again_end = c->next;
}

struct kt_span kt_correlating_next(struct kt_correlating *c, uint64_t seq)
{
    c->again = c->again > c->first ? c->again : c->first;
    if (c->again >= c->again_end || kept_at(c, c->again)->after >= seq)
        return KT_SPAN_NONE;
    const struct kept *k = kept_at(c, c->again++);
    return (struct kt_span){k->text, k->n};
}
