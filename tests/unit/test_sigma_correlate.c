/* detect: correlations: each type, in and out of order, bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "detect/correlate.h"
#include "tests/unit/sigma_kit.h"
#include "tests/support/nodes.h"

#define RULE(name, value) \
    "title: " name "\nid: id-" name "\nname: " name "\n" AWS "detection: {s: {e: " value "}, condition: s}\n---\n"
#define RULES RULE("r_a", "a") RULE("r_b", "b") RULE("r_c", "c")
#define CORRELATION "title: C\nid: corr\ncorrelation:\n  "
#define S 1000

/* What stands of what was told. */
enum { STANDING = 400, NAMED = 40 };
struct match {
    uint64_t id;
    int correlation;
    size_t n;
    char event[NAMED][8];
    int64_t first, last;
    double value;
    char group[40];
};
struct joined {
    uint64_t match;
    int correlation;
    char event[8];
};
struct told {
    struct match m[STANDING];
    size_t n, fresh, revised, retracted;
    struct joined j[2 * STANDING];
    size_t n_joined;
};

/* Once, or all of the match. */
static void leave(struct told *t, uint64_t match, const char *event)
{
    for (size_t i = 0; i < t->n_joined;) {
        if (t->j[i].match == match && (!event || strcmp(t->j[i].event, event) == 0)) {
            t->j[i] = t->j[--t->n_joined];
            if (event)
                return;
        } else {
            i++;
        }
    }
}

static void hear_one(struct told *t, const struct kt_correlated *c)
{
    for (size_t i = 0; i < c->n_events; i++) {
        struct joined j = {.match = c->id, .correlation = c->correlation};
        assert_true(snprintf(j.event, sizeof j.event, "%.*s", (int)c->event[i].n, c->event[i].p) >= 0);
        assert_true(t->n_joined < 2 * STANDING);
        if (c->change == KT_CORRELATED_JOINED)
            t->j[t->n_joined++] = j;
        else
            leave(t, c->id, j.event);
    }
}

static struct match *match_of(struct told *t, uint64_t id)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->m[i].id == id)
            return &t->m[i];
    return NULL;
}

static void hear(void *ctx, const struct kt_correlated *c)
{
    struct told *t = ctx;
    struct match *m = match_of(t, c->id);
    if (c->change == KT_CORRELATED_JOINED || c->change == KT_CORRELATED_LEFT) {
        assert_true(m || c->change == KT_CORRELATED_LEFT);
        hear_one(t, c);
        return;
    }
    t->fresh += c->change == KT_CORRELATED_NEW;
    t->revised += c->change == KT_CORRELATED_REVISED;
    t->retracted += c->change == KT_CORRELATED_RETRACTED;
    assert_true((m == NULL) == (c->change == KT_CORRELATED_NEW));
    if (c->change == KT_CORRELATED_RETRACTED) {
        *m = t->m[--t->n];
        leave(t, c->id, NULL);
        return;
    }
    if (!m) {
        assert_true(t->n < STANDING);
        m = &t->m[t->n++];
    }
    *m = (struct match){.id = c->id, .correlation = c->correlation, .first = c->first, .last = c->last, .value = c->value};
    assert_int_equal(c->n_events, c->n_all);
    for (size_t i = 0; i < c->n_events && i < NAMED; i++)
        assert_true(snprintf(m->event[m->n++], 8, "%.*s", (int)c->event[i].n, c->event[i].p) >= 0);
    for (size_t i = 0; i < c->n_group; i++)
        assert_true(snprintf(m->group + strlen(m->group), sizeof m->group - strlen(m->group), "%s%.*s", i ? "," : "",
                             (int)c->group[i].n, c->group[i].p) >= 0);
}

struct bench {
    struct kt_rules *s;
    struct kt_correlator *c;
    struct told told;
};

static struct bench *begin(const char *correlations)
{
    struct bench *b = calloc(1, sizeof *b);
    struct kt_err e = {KT_OK, ""};
    char yaml[8000];
    assert_non_null(b);
    b->s = empty_set();
    assert_true(snprintf(yaml, sizeof yaml, "%s%s", RULES, correlations) < (int)sizeof yaml);
    add(b->s, "c", yaml);
    if (kt_correlator_new(&b->c, b->s, NULL, &e) != KT_OK)
        fail_msg("%s", e.text);
    return b;
}

static void end(struct bench *b)
{
    kt_correlator_free(b->c);
    kt_rules_free(b->s);
    free(b);
}

/* An event "e": kind, at `time` seconds; `rest` is more of the record. */
static void feed(struct bench *b, const char *id, const char *kind, int64_t time, const char *rest)
{
    char record[500];
    int matched[8];
    struct kt_verdict v;
    struct kt_err e = {KT_OK, ""};
    assert_true(snprintf(record, sizeof record, "{\"e\":%s%s%s}", kind, *rest ? "," : "", rest) < (int)sizeof record);
    json_t *root = record_of(record);
    size_t n = kt_rules_match(b->s, node_of(root), &v, matched, 8);
    struct kt_occurrence o = {matched, n, node_of(root), time * S, kt_span_of(id)};
    assert_int_equal(kt_correlator_feed(b->c, &o, hear, &b->told, &e), KT_OK);
    json_decref(root);
}

static void feed_user(struct bench *b, const char *id, const char *kind, int64_t time, const char *user)
{
    char rest[100], quoted[20];
    assert_true(snprintf(rest, sizeof rest, "\"user\":\"%s\"", user) > 0);
    assert_true(snprintf(quoted, sizeof quoted, "\"%s\"", kind) > 0);
    feed(b, id, quoted, time, rest);
}

static void standing(const struct bench *b, size_t n)
{
    assert_int_equal(b->told.n, n);
}

static void events_are(const struct match *m, const char *events)
{
    char all[400] = "";
    for (size_t i = 0; i < m->n; i++)
        assert_true(snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? " " : "", m->event[i]) >= 0);
    assert_string_equal(all, events);
}

/* --- the types --------------------------------------------------------------------- */

static void event_count_counts_each_group_in_its_timespan(void **state)
{
    (void)state;
    struct bench *b = begin(CORRELATION "type: event_count\n  rules: [id-r_a]\n  group-by: [user]\n  timespan: 1h\n"
                                        "  condition: {gte: 3}\n");
    feed_user(b, "1", "a", 0, "alice");
    feed_user(b, "2", "a", 10, "bob");
    feed_user(b, "3", "a", 1800, "alice");
    feed_user(b, "4", "b", 1900, "alice"); /* another rule */
    feed_user(b, "5", "a", 3601, "alice"); /* the first one is past */
    standing(b, 0);
    feed_user(b, "6", "a", 5400, "alice"); /* 1800, 3601, 5400: both ends count */
    standing(b, 1);
    events_are(&b->told.m[0], "3 5 6");
    assert_string_equal(b->told.m[0].group, "alice");
    assert_int_equal(b->told.m[0].first, 1800 * S);
    assert_int_equal(b->told.m[0].last, 5400 * S);
    assert_true(b->told.m[0].value == 3);
    feed_user(b, "7", "a", 5500, "alice"); /* it goes on: told once */
    standing(b, 1);
    feed_user(b, "8", "a", 20000, "alice");
    feed_user(b, "9", "a", 20001, "alice");
    feed_user(b, "10", "a", 20002, "alice"); /* a second one */
    standing(b, 2);
    end(b);
}

static void several_rules_count_together_and_an_event_once(void **state)
{
    (void)state;
    struct bench *b = begin(RULE("r_ab", "[a, b]") CORRELATION
                            "type: event_count\n  rules: [r_ab, r_a, r_b]\n  group-by: [user]\n  timespan: 1m\n  condition: {gte: 2}\n");
    feed_user(b, "1", "a", 0, "alice");
    feed_user(b, "1", "a", 0, "alice"); /* the same again */
    standing(b, 0);
    feed_user(b, "2", "b", 1, "alice");
    standing(b, 1);
    events_are(&b->told.m[0], "1 2");
    assert_int_equal(b->told.revised, 0);
    end(b);
}

static void ranges_and_each_bound(void **state)
{
    (void)state;
    static const struct {
        const char *condition;
        int at; /* the count at which the first match begins; 0: none up to 6 */
    } t[] = {{"{gt: 2}", 3},  {"{gte: 2}", 2},       {"{lt: 2}", 1},          {"{lte: 0}", 0},
             {"{eq: 4}", 4},  {"{neq: 1}", 2},       {"{gt: 2, lte: 4}", 3}, {"{gt: 4, lt: 5}", 0}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char yaml[400];
        assert_true(snprintf(yaml, sizeof yaml, CORRELATION "type: event_count\n  rules: [r_a]\n  timespan: 1m\n  condition: %s\n",
                             t[i].condition) > 0);
        struct bench *b = begin(yaml);
        int at = 0;
        for (int k = 1; k <= 6; k++) {
            char id[8];
            assert_true(snprintf(id, sizeof id, "%d", k) > 0);
            feed_user(b, id, "a", k, "u");
            at = !at && b->told.n ? k : at;
        }
        assert_int_equal(at, t[i].at);
        end(b);
    }
}

static void value_count_counts_what_is_different(void **state)
{
    (void)state;
    struct bench *b = begin(CORRELATION "type: value_count\n  rules: [r_a]\n  group-by: [ip, w.x]\n  timespan: 1d\n"
                                        "  condition: {field: user, gte: 3}\n");
    feed(b, "1", "\"a\"", 0, "\"ip\":\"i\",\"w\":{\"x\":1},\"user\":\"p\"");
    feed(b, "2", "\"a\"", 1, "\"ip\":\"i\",\"w\":{\"x\":1},\"user\":\"p\"");
    feed(b, "3", "\"a\"", 2, "\"ip\":\"i\",\"w\":{\"x\":1},\"user\":\"q\"");
    feed(b, "4", "\"a\"", 3, "\"ip\":\"i\",\"w\":{\"x\":2},\"user\":\"r\""); /* another group */
    feed(b, "5", "\"a\"", 4, "\"ip\":\"i\",\"w\":{\"x\":1}");               /* no user: not counted, not guessed */
    feed(b, "6", "\"a\"", 5, "\"w\":{\"x\":1},\"user\":\"r\"");
    feed(b, "7", "\"a\"", 6, "\"ip\":null,\"w\":{\"x\":1},\"user\":\"r\"");
    standing(b, 0);
    feed(b, "8", "\"a\"", 7, "\"ip\":\"i\",\"w\":{\"x\":1},\"user\":\"r\"");
    standing(b, 1);
    events_are(&b->told.m[0], "1 2 3 8");
    assert_string_equal(b->told.m[0].group, "i,1");
    struct kt_correlator_stats st;
    kt_correlator_stats(b->c, &st);
    assert_int_equal(st.fieldless, 3);
    end(b);
    b = begin(CORRELATION "type: value_count\n  rules: [r_a]\n  timespan: 1d\n  condition: {field: [u, v], gte: 3}\n");
    feed(b, "1", "\"a\"", 0, "\"u\":\"a\",\"v\":\"bc\"");
    feed(b, "2", "\"a\"", 1, "\"u\":\"ab\",\"v\":\"c\"");
    feed(b, "3", "\"a\"", 2, "\"u\":\"a\",\"v\":\"bc\"");
    standing(b, 0);
    feed(b, "4", "\"a\"", 3, "\"u\":\"a\",\"v\":\"c\"");
    standing(b, 1);
    end(b);
}

static void temporal_wants_all_rules_in_any_order(void **state)
{
    (void)state;
    struct bench *b = begin(CORRELATION "type: temporal\n  rules: [r_a, r_b, r_c]\n  group-by: [user]\n  timespan: 5m\n");
    feed_user(b, "1", "c", 0, "alice");
    feed_user(b, "2", "a", 100, "alice");
    feed_user(b, "3", "b", 200, "bob");
    standing(b, 0);
    feed_user(b, "4", "b", 301, "alice"); /* c is past */
    standing(b, 0);
    feed_user(b, "5", "c", 400, "alice");
    standing(b, 1);
    events_are(&b->told.m[0], "2 4 5");
    end(b);
    b = begin(CORRELATION "type: temporal\n  rules: [r_a, r_b, r_c]\n  group-by: [user]\n  timespan: 5m\n  condition: {gte: 2}\n");
    feed_user(b, "1", "c", 0, "alice");
    feed_user(b, "2", "c", 1, "alice");
    standing(b, 0);
    feed_user(b, "3", "a", 2, "alice");
    standing(b, 1);
    end(b);
}

static void temporal_takes_a_condition_in_words(void **state)
{
    (void)state;
    struct bench *b = begin(CORRELATION "type: temporal\n  rules: [r_a, r_b, r_c]\n  timespan: 5m\n"
                                        "  condition: r_a AND (r_b OR r_c)\n");
    feed_user(b, "1", "b", 0, "u");
    feed_user(b, "2", "c", 1, "u");
    standing(b, 0);
    feed_user(b, "3", "a", 2, "u");
    standing(b, 1);
    end(b);
    b = begin(CORRELATION "type: temporal\n  rules: [r_a, r_b]\n  timespan: 5m\n  condition: r_a and not r_b\n");
    feed_user(b, "1", "b", 0, "u");
    feed_user(b, "2", "a", 10, "u");
    standing(b, 0);
    feed_user(b, "3", "a", 400, "u");
    standing(b, 1);
    end(b);
}

static void temporal_ordered_wants_them_in_order(void **state)
{
    (void)state;
    struct bench *b = begin(CORRELATION "type: temporal_ordered\n  rules: [r_a, r_b, r_c]\n  group-by: [user]\n  timespan: 1h\n");
    feed_user(b, "1", "b", 0, "alice");
    feed_user(b, "2", "a", 10, "alice");
    feed_user(b, "3", "c", 20, "alice");
    standing(b, 0);
    feed_user(b, "4", "b", 30, "alice");
    standing(b, 0);
    feed_user(b, "5", "c", 40, "alice");
    standing(b, 1);
    feed_user(b, "6", "c", 100, "bob"); /* one second: either way */
    feed_user(b, "7", "b", 100, "bob");
    feed_user(b, "8", "a", 100, "bob");
    standing(b, 2);
    end(b);
}

static void sums_averages_medians_and_percentiles(void **state)
{
    (void)state;
    static const struct {
        const char *type, *condition;
        double value;
    } t[] = {{"value_sum", "{field: n, gt: 100}", 101.5},       {"value_avg", "{field: n, gte: 25.375}", 25.375},
             {"value_median", "{field: n, eq: 5.75}", 5.75},     {"value_percentile", "{field: n, percentile: 75, gte: 10}", 10},
             {"value_percentile", "{field: n, percentile: 100, gte: 90}", 90},
             {"value_percentile", "{field: n, percentile: 25, eq: 0}", 0}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char yaml[400];
        assert_true(snprintf(yaml, sizeof yaml, CORRELATION "type: %s\n  rules: [r_a]\n  timespan: 1m\n  condition: %s\n",
                             t[i].type, t[i].condition) > 0);
        struct bench *b = begin(yaml);
        feed(b, "1", "\"a\"", 1, "\"n\":10");
        feed(b, "2", "\"a\"", 2, "\"n\":\"1.5\"");
        feed(b, "3", "\"a\"", 3, "\"n\":\"many\"");
        feed(b, "4", "\"a\"", 4, "\"n\":0");
        size_t before = b->told.n;
        feed(b, "5", "\"a\"", 5, "\"n\":90");
        if (i == 4 || i == 0) {
            assert_int_equal(before, 0);
            events_are(&b->told.m[0], "1 2 4 5");
        }
        bool found = false;
        for (size_t k = 0; k < b->told.n; k++)
            found |= b->told.m[k].value == t[i].value;
        if (!found)
            fail_msg("%s %s: %zu standing, value %f", t[i].type, t[i].condition, b->told.n, b->told.n ? b->told.m[0].value : 0);
        end(b);
    }
}

static void a_rare_value_is_one_of_small_share(void **state)
{
    (void)state;
    struct bench *b = begin(CORRELATION "type: value_percentile\n  rules: [r_a]\n  group-by: [user]\n  timespan: 24h\n"
                                        "  condition: {field: image, lte: 10}\n");
    for (int i = 0; i < 19; i++) {
        char id[8];
        assert_true(snprintf(id, sizeof id, "%d", i) > 0);
        feed(b, id, "\"a\"", i, "\"user\":\"u\",\"image\":\"usual\"");
    }
    standing(b, 0);
    feed(b, "rare", "\"a\"", 100, "\"user\":\"u\",\"image\":\"odd\"");
    standing(b, 1);
    events_are(&b->told.m[0], "rare");
    assert_true(b->told.m[0].value == 5);
    end(b);
}

/* --- fields and chains --------------------------------------------------------------- */

static void aliases_join_fields_of_different_names(void **state)
{
    (void)state;
    struct bench *b = begin(CORRELATION "type: temporal\n  rules: [r_a, r_b]\n  group-by: [inner, outer]\n  timespan: 10s\n"
                                        "  aliases:\n    inner: {r_a: dst.ip, r_b: src.ip}\n    outer: {r_a: src.ip, r_b: dst.ip}\n");
    feed(b, "1", "\"a\"", 0, "\"src\":{\"ip\":\"x\"},\"dst\":{\"ip\":\"y\"}");
    feed(b, "2", "\"b\"", 1, "\"src\":{\"ip\":\"x\"},\"dst\":{\"ip\":\"y\"}");
    standing(b, 0);
    feed(b, "3", "\"b\"", 2, "\"src\":{\"ip\":\"y\"},\"dst\":{\"ip\":\"x\"}");
    standing(b, 1);
    assert_string_equal(b->told.m[0].group, "y,x");
    end(b);
}

#define CHAIN                                                                                                       \
    "title: Many\nname: many\ncorrelation:\n  type: event_count\n  rules: [r_a]\n  group-by: [ip]\n  timespan: 10m\n" \
    "  condition: {gte: 3}\n---\n" CORRELATION                                                                       \
    "type: temporal_ordered\n  rules: [many, r_b]\n  group-by: [user]\n  timespan: 1h\nlevel: high\n"

static void correlations_are_events_of_others(void **state)
{
    (void)state;
    struct bench *b = begin(CHAIN);
    feed(b, "1", "\"a\"", 0, "\"user\":\"u\",\"ip\":1");
    feed(b, "2", "\"a\"", 1, "\"user\":\"v\",\"ip\":1");
    feed(b, "3", "\"a\"", 2, "\"user\":\"u\",\"ip\":1"); /* many: grouped by address, carried by the third's user */
    feed(b, "4", "\"b\"", 3, "\"user\":\"v\"");
    standing(b, 0);
    feed(b, "5", "\"b\"", 4, "\"user\":\"u\"");
    standing(b, 1);
    assert_int_equal(b->told.m[0].correlation, 1);
    events_are(&b->told.m[0], "1 2 3 5");
    assert_string_equal(b->told.m[0].group, "u");
    assert_true(kt_rules_correlation_info(b->s, 0).silent);
    assert_true(kt_span_is(kt_rules_correlation_info(b->s, 1).level, "high"));
    end(b);
}

static void events_at_which_it_goes_on_join_it(void **state)
{
    (void)state;
    struct bench *b = begin(CORRELATION "type: event_count\n  rules: [r_a]\n  group-by: [user]\n  timespan: 60s\n  condition: {gte: 3}\n");
    feed_user(b, "e1", "a", 0, "u");
    feed_user(b, "e2", "a", 10, "u");
    feed_user(b, "e4", "a", 30, "u");
    standing(b, 1);
    assert_int_equal(b->told.n_joined, 0);
    feed_user(b, "e5", "a", 40, "u");
    feed_user(b, "e6", "a", 45, "u");
    standing(b, 1);
    assert_int_equal(b->told.n_joined, 2);
    feed_user(b, "e3", "a", 20, "u"); /* late: it begins earlier, and more join */
    standing(b, 1);
    events_are(&b->told.m[0], "e1 e2 e3");
    assert_int_equal(b->told.n_joined, 3);
    feed_user(b, "e9", "a", 500, "u");
    assert_int_equal(b->told.n_joined, 3);
    end(b);
}

static void a_late_event_changes_a_chain(void **state)
{
    (void)state;
    struct bench *b = begin(CHAIN);
    feed(b, "1", "\"a\"", 0, "\"user\":\"u\",\"ip\":1");
    feed(b, "3", "\"a\"", 20, "\"user\":\"u\",\"ip\":1");
    feed(b, "5", "\"b\"", 40, "\"user\":\"u\"");
    standing(b, 0);
    feed(b, "2", "\"a\"", 10, "\"user\":\"v\",\"ip\":1"); /* now the third was one too many */
    standing(b, 1);
    events_are(&b->told.m[0], "1 2 3 5");
    feed(b, "0", "\"a\"", 5, "\"user\":\"w\",\"ip\":1"); /* now it was the second already, of another user */
    standing(b, 0);
    assert_int_equal(b->told.retracted, 1);
    end(b);
}

static size_t joined(const struct bench *b, const char *event)
{
    size_t n = 0;
    for (size_t i = 0; i < b->told.n_joined; i++)
        n += strcmp(b->told.j[i].event, event) == 0;
    return n;
}

static void events_at_which_an_inner_one_goes_on_join_the_chain(void **state)
{
    (void)state;
    struct bench *b = begin(CHAIN);
    feed(b, "1", "\"a\"", 0, "\"user\":\"u\",\"ip\":1");
    feed(b, "2", "\"a\"", 1, "\"user\":\"v\",\"ip\":1");
    feed(b, "3", "\"a\"", 2, "\"user\":\"u\",\"ip\":1");
    feed(b, "4", "\"a\"", 3, "\"user\":\"w\",\"ip\":1"); /* it goes on before there is a chain */
    feed(b, "5", "\"b\"", 9, "\"user\":\"u\"");
    standing(b, 1);
    events_are(&b->told.m[0], "1 2 3 4 5");
    feed(b, "6", "\"a\"", 12, "\"user\":\"w\",\"ip\":1"); /* and after */
    events_are(&b->told.m[0], "1 2 3 4 6 5");
    for (int i = 1; i <= 24; i++) { /* no further than a timespan of the outer one after it began, at 2 */
        char id[8];
        assert_true(snprintf(id, sizeof id, "g%d", i) > 0);
        feed(b, id, "\"a\"", 2 + i * 200, "\"user\":\"w\",\"ip\":1");
    }
    assert_int_equal(b->told.m[0].n, 6 + 18);
    standing(b, 1);
    end(b);
}

/* What stands for a match goes on in a chain as an event does, with all of its own. */
static void a_match_at_which_a_chain_goes_on_joins_it(void **state)
{
    (void)state;
    struct bench *b = begin("title: Two\nname: two\ncorrelation:\n  type: event_count\n  rules: [r_a]\n  group-by: [ip]\n"
                            "  timespan: 10s\n  condition: {gte: 2}\n---\n" CORRELATION
                            "type: event_count\n  rules: [two]\n  timespan: 1h\n  condition: {gte: 2}\n");
    feed(b, "1", "\"a\"", 0, "\"ip\":1");
    feed(b, "2", "\"a\"", 1, "\"ip\":1");
    feed(b, "3", "\"a\"", 2, "\"ip\":2");
    feed(b, "4", "\"a\"", 3, "\"ip\":2"); /* two of two: it begins */
    feed(b, "5", "\"a\"", 20, "\"ip\":3");
    standing(b, 1);
    events_are(&b->told.m[0], "1 2 3 4");
    assert_int_equal(b->told.n_joined, 0);
    feed(b, "6", "\"a\"", 22, "\"ip\":3"); /* a third */
    assert_int_equal(joined(b, "5"), 1);
    assert_int_equal(joined(b, "6"), 1);
    feed(b, "7", "\"a\"", 24, "\"ip\":3"); /* which goes on */
    assert_int_equal(joined(b, "7"), 1);
    feed(b, "5b", "\"a\"", 21, "\"ip\":3"); /* late: the third begins with it already */
    assert_int_equal(b->told.n_joined, 4);
    assert_int_equal(joined(b, "5b"), 1);
    standing(b, 1);
    end(b);
}

static void rules_of_correlations_are_silent_unless_generated(void **state)
{
    (void)state;
    struct bench *b = begin(CORRELATION "type: event_count\n  rules: [r_a]\n  timespan: 1m\n  condition: {gte: 9}\n---\n"
                                        "title: D\nid: d\ncorrelation: {type: event_count, rules: [r_b], timespan: 1m, condition: {gte: 9}}\n"
                                        "generate: true\n");
    assert_true(kt_rules_info(b->s, 0).silent);
    assert_false(kt_rules_info(b->s, 1).silent);
    assert_false(set_matches(b->s, "{\"e\":\"a\"}"));
    assert_true(set_matches(b->s, "{\"e\":\"b\"}"));
    json_t *root = record_of("{\"e\":\"a\"}");
    struct kt_verdict v;
    int matched[3];
    assert_int_equal(kt_rules_match(b->s, node_of(root), &v, matched, 3), 1); /* but it is there for the correlator */
    json_decref(root);
    assert_true(kt_rules_disable(b->s, "corr"));
    assert_true(set_matches(b->s, "{\"e\":\"a\"}"));
    for (int i = 0; i < 12; i++) {
        char id[8];
        assert_true(snprintf(id, sizeof id, "%d", i) > 0);
        feed_user(b, id, "a", i, "u");
    }
    standing(b, 0); /* a disabled correlation finds nothing */
    end(b);
}

/* --- reading ------------------------------------------------------------------------- */

static void correlations_that_cannot_be_are_refused_by_place(void **state)
{
    (void)state;
    static const struct {
        const char *correlation;
        enum kt_code code;
        const char *sentence;
    } t[] = {
        {"{type: near, rules: [r_a], timespan: 1m, condition: {gte: 1}}", KT_EUNSUPPORTED, "mine.yml:21:21: there is no such type"},
        {"{rules: [r_a], timespan: 1m, condition: {gte: 1}}", KT_EFORMAT, "needs a type"},
        {"{type: event_count, timespan: 1m, condition: {gte: 1}}", KT_EFORMAT, "needs rules"},
        {"{type: event_count, rules: [], timespan: 1m, condition: {gte: 1}}", KT_EFORMAT, "rules is a list"},
        {"{type: event_count, rules: [nobody], timespan: 1m, condition: {gte: 1}}", KT_ENOTFOUND,
         "mine.yml:21:42: no rule is called \"nobody\""},
        {"{type: event_count, rules: [r_a, id-r_a], timespan: 1m, condition: {gte: 1}}", KT_EFORMAT, "stands here twice"},
        {"{type: event_count, rules: [r_a], condition: {gte: 1}}", KT_EFORMAT, "timespan is a number"},
        {"{type: event_count, rules: [r_a], timespan: 1 hour, condition: {gte: 1}}", KT_EFORMAT, "timespan is a number"},
        {"{type: event_count, rules: [r_a], timespan: 0s, condition: {gte: 1}}", KT_EFORMAT, "timespan is a number"},
        {"{type: event_count, rules: [r_a], timespan: 400d, condition: {gte: 1}}", KT_ELIMIT, "366 days"},
        {"{type: event_count, rules: [r_a], timespan: 1m}", KT_EFORMAT, "needs a condition"},
        {"{type: event_count, rules: [r_a], timespan: 1m, condition: {}}", KT_EFORMAT, "needs one of gt"},
        {"{type: event_count, rules: [r_a], timespan: 1m, condition: {more: 1}}", KT_EUNSUPPORTED, "no such word"},
        {"{type: event_count, rules: [r_a], timespan: 1m, condition: {gte: few}}", KT_EFORMAT, "a number is expected"},
        {"{type: event_count, rules: [r_a], timespan: 1m, condition: {gte: 10001}}", KT_ELIMIT, "at most 10000"},
        {"{type: event_count, rules: [r_a], timespan: 1m, condition: {gte: 1, field: x}}", KT_EFORMAT, "value types alone"},
        {"{type: event_count, rules: [r_a], timespan: 1m, condition: r_a}", KT_EUNSUPPORTED, "for temporal alone"},
        {"{type: temporal_ordered, rules: [r_a], timespan: 1m, condition: r_a}", KT_EUNSUPPORTED, "for temporal alone"},
        {"{type: temporal, rules: [r_a], timespan: 1m, condition: r_x}", KT_EFORMAT, "no selection of the name \"r_x\""},
        {"{type: value_count, rules: [r_a], timespan: 1m, condition: {gte: 1}}", KT_EFORMAT, "needs the field"},
        {"{type: value_sum, rules: [r_a], timespan: 1m, condition: {gte: 1, field: [x, y]}}", KT_EFORMAT, "only value_count"},
        {"{type: value_sum, rules: [r_a], timespan: 1m, condition: {gte: 1, field: x, percentile: 5}}", KT_EFORMAT,
         "word of value_percentile"},
        {"{type: event_count, rules: [r_a], timespan: 1m, condition: {gte: 1}, group_by: [x]}", KT_EUNSUPPORTED,
         "no such word in a correlation: \"group_by\""},
        {"{type: temporal, rules: [r_a, r_b], timespan: 1m, group-by: [x], aliases: {x: {r_a: f}}}", KT_EFORMAT,
         "the alias \"x\" says nothing of the rule \"r_b\""},
        {"{type: temporal, rules: [r_a], timespan: 1m, group-by: [x], aliases: {x: {r_a: f, r_b: g}}}", KT_EFORMAT,
         "\"r_b\" is none of the correlation's rules"},
        {"{type: event_count, rules: [me], timespan: 1m, condition: {gte: 1}}", KT_EFORMAT, "lead from here to themselves"},
        {"[x]", KT_EFORMAT, "correlation is a map"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char yaml[2000];
        assert_true(snprintf(yaml, sizeof yaml, RULES "title: C\nname: me\ncorrelation: %s\n", t[i].correlation) > 0);
        refused(yaml, t[i].code, t[i].sentence);
    }
}

/* --- order and bounds ------------------------------------------------------------------ */

struct happening {
    char id[8];
    int kind, user, n;
    int64_t time, arrival;
};

static int by_arrival(const void *pa, const void *pb)
{
    const struct happening *a = pa, *b = pb;
    return a->arrival != b->arrival ? (a->arrival > b->arrival) - (a->arrival < b->arrival) : strcmp(a->id, b->id);
}

static int by_match(const void *pa, const void *pb)
{
    const struct match *a = pa, *b = pb;
    if (a->correlation != b->correlation)
        return a->correlation - b->correlation;
    int d = strcmp(a->group, b->group);
    if (d == 0)
        d = (a->last > b->last) - (a->last < b->last);
    return d ? d : strcmp(a->event[a->n - 1], b->event[b->n - 1]);
}

static const char *const every_type =
    "title: C0\nid: c0\ncorrelation: {type: event_count, rules: [r_a, r_b], group-by: [user], timespan: 60s, condition: {gte: 4}}\n---\n"
    "title: C1\nid: c1\ncorrelation: {type: value_count, rules: [r_a], group-by: [user], timespan: 50s, condition: {field: n, gte: 3}}\n---\n"
    "title: C2\nid: c2\ncorrelation: {type: temporal, rules: [r_a, r_b, r_c], group-by: [user], timespan: 40s}\n---\n"
    "title: C3\nid: c3\ncorrelation: {type: temporal_ordered, rules: [r_a, r_b, r_c], group-by: [user], timespan: 60s}\n---\n"
    "title: C4\nid: c4\ncorrelation: {type: value_sum, rules: [r_a, r_c], group-by: [user], timespan: 45s, condition: {field: n, gt: 6}}\n---\n"
    "title: C5\nid: c5\ncorrelation: {type: value_median, rules: [r_b], group-by: [user], timespan: 60s, condition: {field: n, lt: 2}}\n---\n"
    "title: C6\nid: c6\ncorrelation: {type: event_count, rules: [r_c], timespan: 60s, condition: {gt: 2, lte: 4}}\n---\n"
    "title: C7\nid: c7\nname: pair\ncorrelation: {type: temporal, rules: [r_a, r_b], group-by: [user], timespan: 60s}\ngenerate: true\n---\n"
    "title: C8\nid: c8\ncorrelation: {type: event_count, rules: [pair, r_c], group-by: [user], timespan: 90s, condition: {gte: 3}, generate: true}\n---\n"
    "title: C9\nid: c9\ncorrelation: {type: value_percentile, rules: [r_a, r_b], group-by: [user], timespan: 55s, condition: {field: n, lte: 20}}\n";

static int by_event(const void *a, const void *b)
{
    const struct joined *x = a, *y = b;
    return x->correlation != y->correlation ? x->correlation - y->correlation : strcmp(x->event, y->event);
}

static void play(struct bench *b, const struct happening *h, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char rest[80], kind[8];
        assert_true(snprintf(rest, sizeof rest, "\"user\":%d,\"n\":%d", h[i].user, h[i].n) > 0);
        assert_true(snprintf(kind, sizeof kind, "\"%c\"", 'a' + h[i].kind) > 0);
        feed(b, h[i].id, kind, h[i].time, rest);
    }
    qsort(b->told.m, b->told.n, sizeof *b->told.m, by_match);
    qsort(b->told.j, b->told.n_joined, sizeof *b->told.j, by_event);
}

static uint64_t dice = UINT64_C(88172645463325252);
static int roll(int n)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return (int)((dice >> 20) % (uint64_t)n);
}

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Of the timespan that ends at event `at`, by looking at all events: what the
 * correlation c1, c5 or c9 asks. Of other users' and rules' events: false. */
static bool holds_by_hand(const struct happening *h, int at, int correlation)
{
    const int span = correlation == 1 ? 50 : correlation == 5 ? 60 : 55, kinds = correlation == 1 ? 1 : correlation == 5 ? 2 : 3;
    int n[200], count = 0, different = 0, same = 0;
    for (int k = 0; k <= at; k++)
        if (h[k].user == h[at].user && kinds >> h[k].kind & 1 && h[k].time >= h[at].time - span)
            n[count++] = h[k].n;
    for (int k = 0; k < count; k++)
        same += n[k] == h[at].n;
    qsort(n, (size_t)count, sizeof *n, by_number);
    for (int k = 0; k < count; k++)
        different += !k || n[k] != n[k - 1];
    double median = count % 2 ? n[count / 2] : (n[count / 2 - 1] + n[count / 2]) / 2.0;
    return correlation == 1 ? different >= 3 : correlation == 5 ? median < 2 : 100.0 * same / count <= 20;
}

static size_t begin_by_hand(const struct happening *h, int events, int correlation)
{
    const int span = correlation == 1 ? 50 : correlation == 5 ? 60 : 55, kinds = correlation == 1 ? 1 : correlation == 5 ? 2 : 3;
    size_t begun = 0;
    int previous[2] = {-1, -1};
    for (int i = 0; i < events; i++) {
        if (!(kinds >> h[i].kind & 1))
            continue;
        int p = previous[h[i].user];
        bool before = p >= 0 && h[i].time - h[p].time <= span && holds_by_hand(h, p, correlation);
        begun += holds_by_hand(h, i, correlation) && !before;
        previous[h[i].user] = i;
    }
    return begun;
}

static size_t standing_of(const struct bench *b, int correlation)
{
    size_t n = 0;
    for (size_t i = 0; i < b->told.n; i++)
        n += b->told.m[i].correlation == correlation;
    return n;
}

static void the_order_of_arrival_changes_nothing_that_stands(void **state)
{
    (void)state;
    enum { EVENTS = 120, LATE = 40 };
    for (int round = 0; round < 60; round++) {
        struct happening h[EVENTS];
        int64_t time = 0;
        for (int i = 0; i < EVENTS; i++) {
            time += roll(4) ? roll(8) : roll(80);
            h[i] = (struct happening){.kind = roll(3), .user = roll(2), .n = roll(5), .time = time, .arrival = time};
            assert_true(snprintf(h[i].id, sizeof h[i].id, "%03d", (i * 7) % EVENTS) > 0);
        }
        struct bench *in_order = begin(every_type), *late = begin(every_type);
        qsort(h, EVENTS, sizeof *h, by_arrival);
        play(in_order, h, EVENTS);
        const int by_hand[] = {1, 5, 9};
        for (int i = 0; i < 3; i++)
            assert_int_equal(standing_of(in_order, by_hand[i]), begin_by_hand(h, EVENTS, by_hand[i]));
        for (int i = 0; i < EVENTS; i++)
            h[i].arrival = h[i].time + roll(LATE);
        qsort(h, EVENTS, sizeof *h, by_arrival);
        play(late, h, EVENTS);
        struct kt_correlator_stats st;
        kt_correlator_stats(late->c, &st);
        assert_int_equal(st.late, 0);
        assert_int_equal(in_order->told.n, late->told.n);
        for (size_t i = 0; i < late->told.n; i++) {
            struct match *x = &in_order->told.m[i], *y = &late->told.m[i];
            assert_int_equal(by_match(x, y), 0);
            assert_int_equal(x->n, y->n);
            assert_memory_equal(x->event, y->event, sizeof x->event);
            assert_int_equal(x->first, y->first);
        }
        assert_true(in_order->told.n > 0);
        assert_int_equal(in_order->told.n_joined, late->told.n_joined);
        for (size_t i = 0; i < late->told.n_joined; i++)
            assert_int_equal(by_event(&in_order->told.j[i], &late->told.j[i]), 0);
        assert_true(in_order->told.n_joined > 0);
        end(in_order);
        end(late);
    }
}

/* In order, against counting by hand. */
static void matches_begin_where_counting_says(void **state)
{
    (void)state;
    enum { EVENTS = 300, SPAN = 60 };
    struct bench *b = begin(CORRELATION "type: event_count\n  rules: [r_a]\n  group-by: [user]\n  timespan: 60s\n  condition: {gte: 4}\n");
    int64_t at[EVENTS], time = 0;
    int user[EVENTS];
    size_t expected = 0;
    for (int i = 0; i < EVENTS; i++) {
        char id[8], name[8];
        time += roll(25);
        at[i] = time;
        user[i] = roll(2);
        int count = 0, before = 0;
        int64_t previous = -1000;
        for (int k = 0; k <= i; k++)
            count += user[k] == user[i] && at[k] >= time - SPAN;
        for (int k = i - 1; k >= 0 && previous < 0; k--)
            previous = user[k] == user[i] ? at[k] : previous;
        for (int k = 0; k < i; k++)
            before += user[k] == user[i] && at[k] >= previous - SPAN && at[k] <= previous;
        expected += count >= 4 && !(before >= 4 && time - previous <= SPAN);
        assert_true(snprintf(id, sizeof id, "%d", i) > 0 && snprintf(name, sizeof name, "u%d", user[i]) > 0);
        feed_user(b, id, "a", time, name);
        standing(b, expected);
    }
    assert_true(expected > 5);
    assert_int_equal(b->told.retracted, 0);
    end(b);
}

static void what_comes_too_late_or_without_a_time_is_counted(void **state)
{
    (void)state;
    struct bench *b = begin(CORRELATION "type: event_count\n  rules: [r_a]\n  timespan: 1m\n  condition: {gte: 2}\n");
    struct kt_correlator_stats st;
    feed_user(b, "1", "a", 1000, "u");
    feed_user(b, "2", "a", 939, "u");
    standing(b, 0);
    feed_user(b, "3", "a", 940, "u");
    standing(b, 1);
    json_t *root = record_of("{\"e\":\"a\"}");
    int matched[1] = {0};
    struct kt_occurrence o = {matched, 1, node_of(root), INT64_MIN, KT_SPAN_NONE};
    assert_int_equal(kt_correlator_feed(b->c, &o, hear, &b->told, NULL), KT_OK);
    json_decref(root);
    kt_correlator_stats(b->c, &st);
    assert_int_equal(st.late, 1);
    assert_int_equal(st.untimed, 1);
    assert_int_equal(st.events, 2);
    end(b);
}

static void events_without_an_id_are_different_ones(void **state)
{
    (void)state;
    struct bench *b = begin(CORRELATION "type: event_count\n  rules: [r_a]\n  timespan: 1m\n  condition: {gte: 3}\n");
    for (int i = 0; i < 3; i++)
        feed_user(b, "", "a", 5, "u");
    standing(b, 1);
    end(b);
}

static void room_is_bounded_and_what_goes_is_counted(void **state)
{
    (void)state;
    struct bench *b = begin(CORRELATION "type: event_count\n  rules: [r_a]\n  group-by: [user]\n  timespan: 1h\n  condition: {gte: 1000}\n");
    struct kt_correlator_stats st;
    struct kt_err e = {KT_OK, ""};
    kt_correlator_free(b->c);
    assert_int_equal(kt_correlator_new(&b->c, b->s, &(struct kt_correlator_limits){5, 40, 100}, &e), KT_OK);
    for (int i = 0; i < 2000; i++) {
        char id[8], user[8];
        assert_true(snprintf(id, sizeof id, "%d", i) > 0 && snprintf(user, sizeof user, "u%d", i % 9) > 0);
        feed_user(b, id, "a", i, i < 1000 ? user : "one");
        kt_correlator_stats(b->c, &st);
        assert_true(st.groups <= 5 && st.events <= 100);
    }
    assert_true(st.events <= 5 * 40);
    assert_true(st.dropped_groups > 0);
    assert_int_equal(st.events + st.dropped_events, 2000);
    /* groups that are past are no loss */
    feed_user(b, "later", "a", 100000, "v");
    kt_correlator_stats(b->c, &st);
    uint64_t dropped = st.dropped_groups;
    for (int i = 0; i < 30; i++) {
        char id[8], user[8];
        assert_true(snprintf(id, sizeof id, "x%d", i) > 0 && snprintf(user, sizeof user, "v%d", i) > 0);
        feed_user(b, id, "a", 110000 + i * 10000, user);
    }
    kt_correlator_stats(b->c, &st);
    assert_int_equal(st.dropped_groups, dropped);
    end(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_count_counts_each_group_in_its_timespan),
        cmocka_unit_test(several_rules_count_together_and_an_event_once),
        cmocka_unit_test(ranges_and_each_bound),
        cmocka_unit_test(value_count_counts_what_is_different),
        cmocka_unit_test(temporal_wants_all_rules_in_any_order),
        cmocka_unit_test(temporal_takes_a_condition_in_words),
        cmocka_unit_test(temporal_ordered_wants_them_in_order),
        cmocka_unit_test(sums_averages_medians_and_percentiles),
        cmocka_unit_test(a_rare_value_is_one_of_small_share),
        cmocka_unit_test(aliases_join_fields_of_different_names),
        cmocka_unit_test(correlations_are_events_of_others),
        cmocka_unit_test(events_at_which_it_goes_on_join_it),
        cmocka_unit_test(a_late_event_changes_a_chain),
        cmocka_unit_test(events_at_which_an_inner_one_goes_on_join_the_chain),
        cmocka_unit_test(a_match_at_which_a_chain_goes_on_joins_it),
        cmocka_unit_test(rules_of_correlations_are_silent_unless_generated),
        cmocka_unit_test(correlations_that_cannot_be_are_refused_by_place),
        cmocka_unit_test(the_order_of_arrival_changes_nothing_that_stands),
        cmocka_unit_test(matches_begin_where_counting_says),
        cmocka_unit_test(what_comes_too_late_or_without_a_time_is_counted),
        cmocka_unit_test(events_without_an_id_are_different_ones),
        cmocka_unit_test(room_is_bounded_and_what_goes_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
