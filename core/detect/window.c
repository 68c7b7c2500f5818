/* What a correlation counts in the timespan that ends at one event. */
#include "detect/correlation.h"

#include "base/hash.h"

#include <math.h>
#include <stdlib.h>

enum { NUMBERS_MAX = 1 << 20 };

void window_room_free(struct window_room *room)
{
    free(room->number);
    free(room->slot);
    *room = (struct window_room){0};
}

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

static bool slots(struct window_room *room, size_t n)
{
    size_t need = 16;
    while (need < 2 * n)
        need *= 2;
    if (need > room->n_slots) {
        struct kt_span *slot = realloc(room->slot, need * sizeof *slot);
        if (!slot)
            return false;
        room->slot = slot;
        room->n_slots = need;
    }
    return true;
}

static double distinct(struct entry *const *e, size_t first, size_t at, struct window_room *room, bool *ok)
{
    size_t n = 0, size = 16;
    if (!slots(room, at - first + 1)) {
        *ok = false;
        return 0;
    }
    while (size < 2 * (at - first + 1))
        size *= 2;
    memset(room->slot, 0, size * sizeof *room->slot);
    for (size_t i = first; i <= at; i++) {
        size_t k = kt_hash(e[i]->value.p, e[i]->value.n) & (size - 1);
        while (room->slot[k].p && !kt_span_eq(room->slot[k], e[i]->value))
            k = (k + 1) & (size - 1);
        n += !room->slot[k].p;
        room->slot[k] = e[i]->value;
    }
    return (double)n;
}

static int by_size(const void *pa, const void *pb)
{
    const double *a = pa, *b = pb;
    return (*a > *b) - (*a < *b);
}

static double percentile(struct entry *const *e, size_t first, size_t at, double p, struct window_room *room, bool *ok)
{
    size_t n = at - first + 1;
    if (!kt_grow(&room->number, &room->cap_numbers, n, sizeof *room->number, NUMBERS_MAX)) {
        *ok = false;
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        room->number[i] = e[first + i]->number;
    qsort(room->number, n, sizeof *room->number, by_size);
    if (p < 0) /* the median: of two in the middle, what is between */
        return n % 2 ? room->number[n / 2] : (room->number[n / 2 - 1] + room->number[n / 2]) / 2;
    size_t rank = (size_t)ceil(p / 100 * (double)n); /* the least value that p percent do not exceed */
    return room->number[rank ? rank - 1 : 0];
}

static double sum(struct entry *const *e, size_t first, size_t at)
{
    double s = 0;
    for (size_t i = first; i <= at; i++)
        s += e[i]->number;
    return s;
}

static double share(struct entry *const *e, size_t first, size_t at)
{
    size_t same = 0;
    for (size_t i = first; i <= at; i++)
        same += kt_span_eq(e[i]->value, e[at]->value);
    return 100.0 * (double)same / (double)(at - first + 1);
}

static uint64_t rules_of(struct entry *const *e, size_t first, size_t at)
{
    uint64_t rules = 0;
    for (size_t i = first; i <= at; i++)
        rules |= e[i]->rules;
    return rules;
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

bool window_holds(const struct rule *r, struct entry *const *e, size_t first, size_t at, struct window_room *room,
                  double *value, bool *ok)
{
    const struct correlation *c = r->correlation;
    double n = (double)(at - first + 1);
    uint64_t rules;
    switch (c->type) {
    case CORRELATE_EVENT_COUNT: *value = n; break;
    case CORRELATE_VALUE_COUNT: *value = distinct(e, first, at, room, ok); break;
    case CORRELATE_VALUE_SUM: *value = sum(e, first, at); break;
    case CORRELATE_VALUE_AVG: *value = sum(e, first, at) / n; break;
    case CORRELATE_VALUE_MEDIAN: *value = percentile(e, first, at, -1, room, ok); break;
    case CORRELATE_VALUE_PERCENTILE:
        *value = c->percentile < 0 ? share(e, first, at) : percentile(e, first, at, c->percentile, room, ok);
        break;
    case CORRELATE_TEMPORAL_ORDERED: *value = ordered(e, first, at, r->n_refs); break;
    default:
        rules = rules_of(e, first, at);
        *value = __builtin_popcountll(rules);
        if (c->expression)
            return expression_holds(c->expression, rules);
    }
    return *ok && bounds_hold(&c->bounds, *value);
}
