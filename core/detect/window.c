/* What a correlation counts in the timespan that ends at one event. */
#include "detect/correlation.h"

#include "base/hash.h"

#include <math.h>
#include <stdlib.h>

enum { ENTRIES_MAX = 1 << 20 };

size_t window_first(struct entry *const *e, size_t at, int64_t timespan)
{
    size_t low = 0, high = at;
    int64_t from = e[at]->time < INT64_MIN + timespan ? INT64_MIN : e[at]->time - timespan;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (e[middle]->time < from)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool bounds_hold(const struct bounds *b, double v)
{
    const bool holds[BOUNDS] = {v > b->value[BOUND_GT],   v >= b->value[BOUND_GTE], v < b->value[BOUND_LT],
                                v <= b->value[BOUND_LTE], v == b->value[BOUND_EQ],  v != b->value[BOUND_NEQ]};
    for (int i = 0; i < BOUNDS; i++)
        if (b->set[i] && !holds[i])
            return false;
    return true;
}

/* --- different values --------------------------------------------------------------- */

static size_t slot_of(const struct window *w, struct kt_span value, uint64_t hash)
{
    size_t at = hash & (w->n_slots - 1);
    while (w->slot[at].n && !(w->slot[at].hash == hash && kt_span_eq(w->slot[at].value, value)))
        at = (at + 1) & (w->n_slots - 1);
    return at;
}

static bool grow_slots(struct window *w)
{
    struct window bigger = {.n_slots = w->n_slots ? 2 * w->n_slots : 8};
    bigger.slot = calloc(bigger.n_slots, sizeof *bigger.slot);
    if (!bigger.slot)
        return false;
    for (size_t i = 0; i < w->n_slots; i++)
        if (w->slot[i].n)
            bigger.slot[slot_of(&bigger, w->slot[i].value, w->slot[i].hash)] = w->slot[i];
    free(w->slot);
    w->slot = bigger.slot;
    w->n_slots = bigger.n_slots;
    return true;
}

/* The text kept is that of the newest entry, which goes last. */
static bool add_value(struct window *w, struct kt_span value, bool newest)
{
    if (2 * (w->n_values + 1) > w->n_slots && !grow_slots(w))
        return false;
    uint64_t hash = kt_hash(value.p, value.n);
    struct slot *s = &w->slot[slot_of(w, value, hash)];
    w->n_values += !s->n;
    *s = (struct slot){newest || !s->n ? value : s->value, hash, s->n + 1};
    return true;
}

/* What stands behind an emptied place moves up, so that it is still found. */
static void drop_value(struct window *w, struct kt_span value)
{
    size_t mask = w->n_slots - 1, hole = slot_of(w, value, kt_hash(value.p, value.n));
    if (--w->slot[hole].n)
        return;
    w->n_values--;
    for (size_t at = (hole + 1) & mask; w->slot[at].n; at = (at + 1) & mask) {
        if (((at - w->slot[at].hash) & mask) < ((at - hole) & mask))
            continue;
        w->slot[hole] = w->slot[at];
        w->slot[at] = (struct slot){.n = 0};
        hole = at;
    }
}

/* --- numbers ------------------------------------------------------------------------ */

static size_t place_of(const struct window *w, double number)
{
    size_t low = 0, high = w->n_sorted;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (w->sorted[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool add_number(struct window *w, double number)
{
    if (!kt_grow(&w->sorted, &w->cap_sorted, w->n_sorted + 1, sizeof *w->sorted, ENTRIES_MAX))
        return false;
    size_t at = place_of(w, number);
    memmove(w->sorted + at + 1, w->sorted + at, (w->n_sorted - at) * sizeof *w->sorted);
    w->sorted[at] = number;
    w->n_sorted++;
    return true;
}

static void drop_number(struct window *w, double number)
{
    size_t at = place_of(w, number);
    memmove(w->sorted + at, w->sorted + at + 1, (w->n_sorted - at - 1) * sizeof *w->sorted);
    w->n_sorted--;
}

/* p < 0: the median, of two in the middle what is between; else the least
 * value that p percent do not exceed. */
static double percentile(const struct window *w, double p)
{
    size_t n = w->n_sorted;
    if (p < 0)
        return n % 2 ? w->sorted[n / 2] : (w->sorted[n / 2 - 1] + w->sorted[n / 2]) / 2;
    size_t rank = (size_t)ceil(p / 100 * (double)n);
    return w->sorted[rank ? rank - 1 : 0];
}

static double sum(struct entry *const *e, size_t first, size_t at)
{
    double s = 0;
    for (size_t i = first; i <= at; i++)
        s += e[i]->number;
    return s;
}

/* How many of the rules, from the first on, come in their order. Times are
 * in seconds, so that what has the same time may have come either way. */
static double ordered(struct entry *const *e, size_t first, size_t at, size_t n_rules)
{
    size_t next = 0;
    for (size_t i = first; i <= at && next < n_rules;) {
        size_t end = i;
        while (end < at && e[end + 1]->time == e[i]->time)
            end++;
        uint64_t used[64] = {0}; /* of the first 4096 of one time; more do not come */
        for (size_t k = i; k <= end && next < n_rules;) {
            size_t bit = k - i;
            bool taken = bit < 4096 && (used[bit / 64] >> (bit % 64) & 1);
            if (!taken && (e[k]->rules >> next & 1)) {
                if (bit < 4096)
                    used[bit / 64] |= UINT64_C(1) << (bit % 64);
                next++;
                k = i; /* another of this time may be next */
            } else {
                k++;
            }
        }
        i = end + 1;
    }
    return (double)next;
}

/* --- the window --------------------------------------------------------------------- */

static bool by_values(const struct correlation *c)
{
    return c->type == CORRELATE_VALUE_COUNT || (c->type == CORRELATE_VALUE_PERCENTILE && c->percentile < 0);
}

static bool by_numbers(const struct correlation *c)
{
    return c->type == CORRELATE_VALUE_MEDIAN || (c->type == CORRELATE_VALUE_PERCENTILE && c->percentile >= 0);
}

static bool by_rules(const struct correlation *c)
{
    return c->type == CORRELATE_TEMPORAL || c->type == CORRELATE_TEMPORAL_ORDERED;
}

static bool add(const struct correlation *c, struct window *w, const struct entry *e, bool newest)
{
    if (by_values(c))
        return add_value(w, e->value, newest);
    if (by_numbers(c))
        return add_number(w, e->number);
    for (uint64_t bits = by_rules(c) ? e->rules : 0; bits; bits &= bits - 1)
        w->rules[__builtin_ctzll(bits)]++;
    return true;
}

static void drop(const struct correlation *c, struct window *w, const struct entry *e)
{
    if (by_values(c))
        drop_value(w, e->value);
    else if (by_numbers(c))
        drop_number(w, e->number);
    for (uint64_t bits = by_rules(c) ? e->rules : 0; bits; bits &= bits - 1)
        w->rules[__builtin_ctzll(bits)]--;
}

static bool empty(const struct rule *r, struct window *w)
{
    if (w->slot)
        memset(w->slot, 0, w->n_slots * sizeof *w->slot);
    w->n_values = w->n_sorted = 0;
    if (by_rules(r->correlation) && !w->rules && !(w->rules = calloc(CORRELATED_RULES_MAX, sizeof *w->rules)))
        return false;
    if (w->rules)
        memset(w->rules, 0, CORRELATED_RULES_MAX * sizeof *w->rules);
    return true;
}

static bool slide(const struct rule *r, struct window *w, struct entry *const *e, size_t at)
{
    const struct correlation *c = r->correlation;
    size_t first = window_first(e, at, c->timespan);
    if (!w->valid || w->end != at) {
        w->valid = false;
        w->first = w->end = first;
        if (!empty(r, w))
            return false;
    }
    w->valid = false; /* until it is whole again */
    while (w->first > first)
        if (!add(c, w, e[--w->first], false))
            return false;
    for (; w->end <= at; w->end++)
        if (!add(c, w, e[w->end], true))
            return false;
    for (; w->first < first; w->first++)
        drop(c, w, e[w->first]);
    w->valid = true;
    return true;
}

void window_back(const struct rule *r, struct window *w, struct entry *const *e, size_t at)
{
    while (w->valid && w->end > at && w->end > w->first)
        drop(r->correlation, w, e[--w->end]);
    if (w->valid && w->end > at)
        w->first = w->end = at; /* it was behind all that was in it */
}

void window_forget(struct window *w, size_t n)
{
    w->valid = w->valid && n <= w->first;
    w->first -= w->valid ? n : 0;
    w->end -= w->valid ? n : 0;
}

void window_free(struct window *w)
{
    free(w->slot);
    free(w->sorted);
    free(w->rules);
    *w = (struct window){.valid = false};
}

static uint64_t rules_of(const struct window *w)
{
    uint64_t rules = 0;
    for (size_t i = 0; i < CORRELATED_RULES_MAX; i++)
        rules |= (uint64_t)(w->rules[i] > 0) << i;
    return rules;
}

/* No further than to the first rule of which there is nothing: seldom is the
 * order to be looked at. */
static double in_order(const struct rule *r, const struct window *w, struct entry *const *e, size_t at)
{
    const struct bounds *b = &r->correlation->bounds;
    size_t most = 0;
    while (most < r->n_refs && w->rules[most])
        most++;
    if (b->set[BOUND_GTE] && (double)most < b->value[BOUND_GTE])
        return (double)most;
    return ordered(e, w->first, at, r->n_refs);
}

static bool expression_holds(const struct node *n, uint64_t rules)
{
    switch (n->op) {
    case OP_REF: return rules >> n->atom & 1;
    case OP_NOT: return !expression_holds(n->child[0], rules);
    default:
        for (size_t i = 0; i < n->n; i++)
            if (expression_holds(n->child[i], rules) == (n->op == OP_OR))
                return n->op == OP_OR;
        return n->op == OP_AND;
    }
}

bool window_holds(const struct rule *r, struct window *w, struct entry *const *e, size_t at, double *value, bool *ok)
{
    const struct correlation *c = r->correlation;
    *ok = slide(r, w, e, at) && *ok;
    if (!w->valid)
        return false;
    double n = (double)(at - w->first + 1);
    switch (c->type) {
    case CORRELATE_EVENT_COUNT: *value = n; break;
    case CORRELATE_VALUE_COUNT: *value = (double)w->n_values; break;
    case CORRELATE_VALUE_SUM: *value = sum(e, w->first, at); break;
    case CORRELATE_VALUE_AVG: *value = sum(e, w->first, at) / n; break;
    case CORRELATE_VALUE_MEDIAN: *value = percentile(w, -1); break;
    case CORRELATE_VALUE_PERCENTILE:
        *value = c->percentile >= 0 ? percentile(w, c->percentile)
                                    : 100.0 * (double)w->slot[slot_of(w, e[at]->value, kt_hash(e[at]->value.p, e[at]->value.n))].n / n;
        break;
    case CORRELATE_TEMPORAL_ORDERED: *value = in_order(r, w, e, at); break;
    default:
        *value = __builtin_popcountll(rules_of(w));
        if (c->expression)
            return expression_holds(c->expression, rules_of(w));
    }
    return bounds_hold(&c->bounds, *value);
}
