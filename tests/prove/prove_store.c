/* A million rows: what they take, and how long the answers take. Answers are
 * checked against a plain model; times are printed, not judged. */
#include "store/view.h"

#include "tests/support/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { ROWS = 1000000, MORE = 1000 };

struct world {
    struct kt_store *s;
    struct kt_views *v;
    struct kt_arena *a;
    struct rowgen g;
};

static double clock_ms(clockid_t c)
{
    struct timespec t;
    (void)clock_gettime(c, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

/* Of all threads: beside it, the time on the clock says how busy the machine is. */
static double cpu_ms(void)
{
    return clock_ms(CLOCK_PROCESS_CPUTIME_ID);
}

/* CPU time within kt_store_add alone. */
static double add_rows(struct world *w, int n)
{
    double in = 0;
    for (int i = 0; i < n; i++) {
        struct kt_row r;
        uint8_t d[32];
        kt_arena_reset(w->a);
        rowgen_next(&w->g, w->a, &r, d);
        double t = cpu_ms();
        assert_int_equal(kt_store_add(w->s, &r, d), KT_ADDED);
        in += cpu_ms() - t;
    }
    return in;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct kt_store_opts o = {0};
    assert_non_null(w);
    w->g.state = 42;
    w->a = kt_arena_new(1 << 20);
    w->s = kt_store_new(&o);
    assert_non_null(w->a);
    assert_non_null(w->s);
    double in = add_rows(w, ROWS);
    struct kt_counts c = kt_store_counts(w->s);
    print_message("%d rows: %.0f bytes a row, %.2f us to add one\n", ROWS, (double)c.memory / ROWS, in * 1e3 / ROWS);
    w->v = kt_views_new(w->s, NULL, NULL);
    assert_non_null(w->v);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    kt_views_free(w->v);
    kt_store_free(w->s);
    kt_arena_free(w->a);
    free(w);
    return 0;
}

/* --- the model: every row copied, once ------------------------------------------------- */

struct model_row {
    uint64_t seq;
    int64_t number;
    struct kt_span text;
};

static bool ascending_;

static int compare(const void *p, const void *q)
{
    const struct model_row *a = p, *b = q;
    if (!a->text.p != !b->text.p)
        return a->text.p ? -1 : 1;
    int d = 0;
    if (a->text.p) {
        size_t n = a->text.n < b->text.n ? a->text.n : b->text.n;
        d = memcmp(a->text.p, b->text.p, n); /* the proof's texts are of one case */
        d = d ? d : (a->text.n > b->text.n) - (a->text.n < b->text.n);
    } else {
        d = (a->number > b->number) - (a->number < b->number);
    }
    if (d)
        return ascending_ ? d : -d;
    return a->seq > b->seq ? -1 : 1;
}

static void check(struct world *w, struct kt_view *v, const struct kt_view_spec *p)
{
    const struct kt_snapshot *x = kt_view_snapshot(v);
    struct kt_arena *keep = kt_arena_new((size_t)2 << 30), *a = kt_arena_new(1 << 20);
    struct model_row *m = calloc(ROWS + 100 * MORE, sizeof *m);
    size_t n = 0;
    assert_true(keep && a && m);
    struct kt_row r;
    for (uint64_t seq = 1; kt_arena_reset(a), kt_store_row(w->s, seq, false, a, &r); seq++) {
        if (!kt_filter_row(p->filter, &r, a))
            continue;
        m[n].seq = seq;
        if (p->sort == KT_FIELD_TIME)
            m[n].number = r.ev.time;
        else if (p->sort == KT_FIELD_RISK)
            m[n].number = r.verdict.risk;
        else
            m[n].text = kt_arena_span(keep, kt_row_field(&r, p->sort, a));
        n++;
    }
    ascending_ = p->ascending;
    qsort(m, n, sizeof *m, compare);
    assert_int_equal(x->n, n);
    for (size_t i = 0; i < n; i++)
        assert_true(x->seq[i] == m[i].seq);
    free(m);
    kt_arena_free(keep);
    kt_arena_free(a);
    kt_snapshot_release(x);
}

static struct kt_view_spec spec(void)
{
    return (struct kt_view_spec){.sort = KT_FIELD_TIME, .from = KT_TIME_NONE, .to = KT_TIME_NONE, .buckets = 24};
}

/* How long until the view answers: on the clock, and of the processor. */
struct took {
    double ms, cpu;
};

static struct took settle(struct kt_view *v, const struct kt_view_spec *p)
{
    double t = ms(), c = cpu_ms();
    if (p)
        (void)kt_view_set(v, p);
    kt_view_settle(v);
    return (struct took){ms() - t, cpu_ms() - c};
}

static void say(const char *what, struct took t)
{
    print_message("%-40s %8.1f ms, %8.1f ms of processor\n", what, t.ms, t.cpu);
}

static void filters_of_a_million_rows(void **state)
{
    struct world *w = *state;
    static const char *const text[] = {"risk:>=70", "user-17", "actor:ci-deploy result:denied", "key:AKIAZZ", "dead",
                                       "-boto3 -aws-cli", "time:>2023-12-25", "q", "risk>=70 or result:denied",
                                       "not (user-1 or actor:ci-*)", "actor in (alice, user-17, ci-*)", "actor~^user-1",
                                       "from:198.51.0.0/16"};
    struct kt_view_spec p = spec();
    struct kt_view *v = kt_view_open(w->v, &p);
    say("first snapshot", settle(v, NULL));
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        struct kt_err e;
        assert_int_equal(kt_filter_parse(&p.filter, kt_span_of(text[i]), 0, NULL, &e), KT_OK);
        char what[64];
        struct took t = settle(v, &p);
        const struct kt_snapshot *x = kt_view_snapshot(v);
        (void)snprintf(what, sizeof what, "filter %s: %zu", text[i], x->n);
        say(what, t);
        kt_snapshot_release(x);
        if (i < 4)
            check(w, v, &p);
        kt_filter_free(p.filter);
    }
    kt_view_close(v);
}

static void values_of_a_million_rows(void **state)
{
    struct world *w = *state;
    static const enum kt_field of[] = {KT_FIELD_ACTOR_NAME, KT_FIELD_REGION, KT_FIELD_SOURCE_ADDRESS, KT_FIELD_SIGNALS, KT_FIELD_KEY_ID};
    struct kt_view_spec p = spec();
    struct kt_view *v = kt_view_open(w->v, &p);
    p.values_max = KT_VALUES_MAX;
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        char what[64];
        p.values_of = of[i];
        struct took t = settle(v, &p);
        const struct kt_snapshot *x = kt_view_snapshot(v);
        (void)snprintf(what, sizeof what, "values of %s: %llu", kt_field_name(of[i]), (unsigned long long)x->values.distinct);
        say(what, t);
        kt_snapshot_release(x);
    }
    kt_view_close(v);
}

static void sorts_of_a_million_rows(void **state)
{
    struct world *w = *state;
    static const enum kt_field by[] = {KT_FIELD_TIME, KT_FIELD_RISK, KT_FIELD_ACTOR_NAME, KT_FIELD_SOURCE_ADDRESS,
                                       KT_FIELD_KEY_ID, KT_FIELD_ACTOR_ARN, KT_FIELD_EVENT_ID};
    struct kt_view_spec p = spec();
    struct kt_view *v = kt_view_open(w->v, &p);
    for (size_t i = 0; i < sizeof by / sizeof *by; i++) {
        p.sort = by[i];
        p.ascending = i % 2;
        char what[64];
        (void)snprintf(what, sizeof what, "sort by %s", kt_field_name(by[i]));
        say(what, settle(v, &p));
        if (i < 5)
            check(w, v, &p);
    }
    kt_view_close(v);
}

static void arrivals_into_a_million_rows(void **state)
{
    struct world *w = *state;
    static const enum kt_field by[] = {KT_FIELD_TIME, KT_FIELD_RISK, KT_FIELD_ACTOR_NAME, KT_FIELD_KEY_ID};
    for (size_t i = 0; i < sizeof by / sizeof *by; i++) {
        struct kt_view_spec p = spec();
        p.sort = by[i];
        struct kt_view *v = kt_view_open(w->v, &p);
        kt_view_settle(v);
        (void)add_rows(w, MORE);
        char what[64];
        (void)snprintf(what, sizeof what, "%d new rows by %s", MORE, kt_field_name(by[i]));
        say(what, settle(v, NULL));
        (void)add_rows(w, 1);
        say("one new row", settle(v, NULL));
        check(w, v, &p);
        kt_view_close(v);
    }
}

static void facets_and_scope_of_a_million_rows(void **state)
{
    struct world *w = *state;
    struct kt_view_spec p = spec();
    p.facets = 15;
    struct kt_view *v = kt_view_open(w->v, &p);
    say("all facets", settle(v, NULL));
    (void)add_rows(w, MORE);
    say("all facets, 1000 new rows", settle(v, NULL));
    const struct kt_snapshot *x = kt_view_snapshot(v);
    uint64_t rows = 0;
    for (size_t i = 0; i < x->n_facet[KT_ENTITY_AGENT]; i++)
        rows += x->facet[KT_ENTITY_AGENT][i].rows;
    assert_int_equal(rows, x->n);
    p.scope = x->facet[KT_ENTITY_AGENT][0].entity;
    rows = x->facet[KT_ENTITY_AGENT][0].rows;
    kt_snapshot_release(x);
    say("scope of one agent", settle(v, &p));
    x = kt_view_snapshot(v);
    assert_int_equal(x->n, rows);
    double t = ms();
    assert_int_equal(kt_snapshot_find(x, x->seq[x->n - 1]), x->n - 1);
    print_message("a row found in %zu              %7.2f ms\n", x->n, ms() - t);
    kt_snapshot_release(x);
    kt_view_close(v);
}

/* How long a reader waits for one row while the worker sorts and filters. */
static void a_reader_does_not_wait_for_the_worker(void **state)
{
    struct world *w = *state;
    struct kt_view_spec p = spec();
    struct kt_view *v = kt_view_open(w->v, &p);
    struct kt_row r;
    double worst = 0, start = ms();
    uint64_t n = 0;
    for (int i = 0; ms() - start < 2000; n++) {
        if (n % 200 == 0) {
            p.sort = ++i % 2 ? KT_FIELD_KEY_ID : KT_FIELD_TIME;
            (void)kt_view_set(v, &p);
        }
        kt_arena_reset(w->a);
        double t = ms();
        assert_true(kt_store_row(w->s, 1 + rowgen_random(&w->g, ROWS), false, w->a, &r));
        t = ms() - t;
        worst = t > worst ? t : worst;
    }
    print_message("%llu rows read meanwhile, the slowest in %.2f ms\n", (unsigned long long)n, worst);
    kt_view_close(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_of_a_million_rows),
        cmocka_unit_test(values_of_a_million_rows),
        cmocka_unit_test(sorts_of_a_million_rows),
        cmocka_unit_test(arrivals_into_a_million_rows),
        cmocka_unit_test(facets_and_scope_of_a_million_rows),
        cmocka_unit_test(a_reader_does_not_wait_for_the_worker),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
