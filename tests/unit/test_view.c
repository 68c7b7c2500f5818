/* views: what a snapshot holds, against a model that looks at every row. */
#include "store/order.h"
#include "store/view.h"

#include "base/hash.h"
#include "tests/support/rows.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const int64_t NOW = INT64_C(1700050000000);

struct world {
    struct kt_store *s;
    struct kt_views *v;
    struct rowgen g;
    struct kt_arena *a;
    atomic_int changes;
};

static void changed(void *ctx)
{
    atomic_fetch_add(&((struct world *)ctx)->changes, 1);
}

static void begin(struct world *w, uint64_t rows_max)
{
    struct kt_store_opts o = {.rows_max = rows_max};
    *w = (struct world){.g = {.state = 11, .malformed_per_mille = 20, .odd_per_mille = 200}};
    w->s = kt_store_new(&o);
    w->a = kt_arena_new(64 << 20);
    assert_non_null(w->s);
    assert_non_null(w->a);
    w->v = kt_views_new(w->s, changed, w);
    assert_non_null(w->v);
}

static void end(struct world *w)
{
    kt_views_free(w->v);
    kt_store_free(w->s);
    kt_arena_free(w->a);
}

static void add_rows(struct world *w, int n)
{
    for (int i = 0; i < n; i++) {
        struct kt_row r;
        uint8_t d[32];
        kt_arena_reset(w->a);
        rowgen_next(&w->g, w->a, &r, d);
        assert_int_equal(kt_store_add(w->s, &r, d), KT_ADDED);
    }
    kt_views_wake(w->v);
}

static struct kt_view_spec spec(void)
{
    return (struct kt_view_spec){.sort = KT_FIELD_TIME, .from = KT_TIME_NONE, .to = KT_TIME_NONE};
}

static struct kt_filter *filter(const char *text)
{
    struct kt_filter *f;
    struct kt_err e = {0};
    if (kt_filter_parse(&f, kt_span_of(text), NOW, NULL, &e))
        print_message("%s: %s\n", text, e.text);
    assert_int_equal(e.code, KT_OK);
    return f;
}

/* --- the model -------------------------------------------------------------------------- */

struct model_row {
    uint64_t seq;
    int64_t time, number;
    struct kt_span text;
    bool high;
    struct kt_row_entities e;
};

struct model {
    struct kt_arena *a;
    struct model_row *row;
    size_t n;
    uint64_t total, high;
};

static const struct kt_view_spec *sorting; /* of qsort's comparison, one thread */

static bool numeric(enum kt_field f)
{
    return f == KT_FIELD_TIME || f == KT_FIELD_KEY_CREATED || f == KT_FIELD_RISK || f == KT_FIELD_LEVEL ||
           f == KT_FIELD_ORIGIN_RECORD;
}

static int no_case(struct kt_span a, struct kt_span b)
{
    for (size_t i = 0; i < a.n && i < b.n; i++) {
        int x = (unsigned char)a.p[i], y = (unsigned char)b.p[i];
        x = x >= 'A' && x <= 'Z' ? x + 32 : x;
        y = y >= 'A' && y <= 'Z' ? y + 32 : y;
        if (x != y)
            return x - y;
    }
    if (a.n != b.n)
        return a.n < b.n ? -1 : 1;
    return a.n ? memcmp(a.p, b.p, a.n) : 0;
}

static int model_compare(const void *p, const void *q)
{
    const struct model_row *a = p, *b = q;
    int d;
    if (numeric(sorting->sort)) {
        bool ka = a->number != KT_TIME_NONE, kb = b->number != KT_TIME_NONE;
        if (ka != kb)
            return ka ? -1 : 1;
        d = (a->number > b->number) - (a->number < b->number);
    } else {
        if (!a->text.p != !b->text.p)
            return a->text.p ? -1 : 1;
        d = a->text.p ? no_case(a->text, b->text) : 0;
    }
    if (d)
        return sorting->ascending ? d : -d;
    return a->seq > b->seq ? -1 : 1;
}

static int64_t model_number(const struct kt_row *r, enum kt_field f)
{
    bool bad = r->ev.kind == KT_KIND_MALFORMED;
    return f == KT_FIELD_ORIGIN_RECORD  ? (int64_t)r->origin.record
           : bad                        ? KT_TIME_NONE
           : f == KT_FIELD_TIME         ? r->ev.time
           : f == KT_FIELD_KEY_CREATED  ? r->ev.key.created
           : f == KT_FIELD_RISK         ? r->verdict.risk
                                        : (int64_t)r->verdict.level;
}

static bool touches(const struct kt_row_entities *e, kt_entity x)
{
    return e->actor == x || e->target == x || e->address == x || e->agent == x || e->key == x || e->actor_key == x;
}

static struct model model_of(struct kt_store *s, const struct kt_view_spec *w)
{
    struct kt_counts c = kt_store_counts(s);
    struct model m = {.a = kt_arena_new(512 << 20)};
    struct kt_arena *scratch = kt_arena_new(1 << 20);
    assert_non_null(m.a);
    assert_non_null(scratch);
    m.row = calloc(c.shown + c.malformed + 1, sizeof *m.row);
    for (uint64_t seq = 1; seq <= c.shown + c.malformed; seq++) {
        struct kt_row r;
        struct model_row *x = &m.row[m.n];
        kt_arena_reset(scratch);
        if (!kt_store_row(s, seq, false, scratch, &r))
            continue;
        assert_true(kt_store_row_entities(s, seq, &x->e));
        if (w->scope && !touches(&x->e, w->scope))
            continue;
        m.total++;
        if (!kt_filter_row(w->filter, &r, scratch))
            continue;
        x->seq = seq;
        x->time = r.ev.time;
        x->number = model_number(&r, w->sort);
        x->text = kt_arena_span(m.a, kt_row_field(&r, w->sort, scratch));
        x->high = r.ev.kind != KT_KIND_MALFORMED && r.verdict.level >= KT_LEVEL_HIGH;
        m.high += x->high;
        m.n++;
    }
    sorting = w;
    qsort(m.row, m.n, sizeof *m.row, model_compare);
    kt_arena_free(scratch);
    return m;
}

static void model_free(struct model *m)
{
    free(m->row);
    kt_arena_free(m->a);
}

static void check_buckets(const struct model *m, const struct kt_snapshot *x)
{
    uint32_t want[KT_VIEW_BUCKETS_MAX] = {0};
    for (size_t i = 0; i < m->n && x->buckets; i++)
        for (int k = 0; k < x->buckets; k++) {
            int64_t width = x->bucket_to - x->bucket_from, t = m->row[i].time - x->bucket_from;
            if (m->row[i].time != KT_TIME_NONE && t >= 0 && t < width && t * x->buckets / width == k)
                want[k]++;
        }
    for (int k = 0; k < x->buckets; k++)
        assert_int_equal(x->bucket[k], want[k]);
}

static enum kt_entity_kind kinds_of(int i)
{
    static const enum kt_entity_kind k[] = {KT_ENTITY_USER,  KT_ENTITY_USER, KT_ENTITY_ADDRESS,
                                            KT_ENTITY_AGENT, KT_ENTITY_KEY,  KT_ENTITY_KEY};
    return k[i];
}

/* Every facet item, by counting over the model's rows. */
static void check_facets(struct kt_store *s, const struct model *m, const struct kt_view_spec *w,
                         const struct kt_snapshot *x)
{
    struct kt_arena *a = kt_arena_new(1 << 20);
    for (int k = 0; k < KT_ENTITY_KINDS; k++) {
        if (!(w->facets & 1u << k)) {
            assert_int_equal(x->n_facet[k], 0);
            continue;
        }
        uint64_t touched = 0, counted = 0;
        for (size_t i = 0; i < m->n; i++) {
            const kt_entity *e = (const kt_entity *)&m->row[i].e;
            for (int j = 0; j < 6; j++)
                touched += e[j] && (int)kinds_of(j) == k && !(j % 2 == 1 && j != 3 && e[j] == e[j - 1]);
        }
        for (size_t i = 0; i < x->n_facet[k]; i++) {
            const struct kt_facet_item *f = &x->facet[k][i];
            counted += f->rows;
            assert_true(!i || x->facet[k][i - 1].rows >= f->rows);
            if (i >= 50)
                continue;
            uint64_t rows = 0, as_actor = 0, as_target = 0;
            int64_t first = KT_TIME_NONE, last = KT_TIME_NONE;
            for (size_t r = 0; r < m->n; r++) {
                const struct model_row *y = &m->row[r];
                if (!touches(&y->e, f->entity))
                    continue;
                rows++;
                as_actor += y->e.actor == f->entity;
                as_target += y->e.target == f->entity;
                if (y->time == KT_TIME_NONE)
                    continue;
                first = first == KT_TIME_NONE || y->time < first ? y->time : first;
                last = last == KT_TIME_NONE || y->time > last ? y->time : last;
            }
            assert_int_equal(f->rows, rows);
            assert_int_equal(f->as_actor, as_actor);
            assert_int_equal(f->as_target, as_target);
            assert_true(f->first == first && f->last == last);
            struct kt_entity_info info;
            kt_arena_reset(a);
            assert_true(kt_store_entity(s, f->entity, a, &info));
            assert_int_equal(info.kind, k);
            assert_true(kt_span_eq(info.name, f->info.name));
            assert_int_equal(info.rows, f->info.rows);
        }
        if (x->distinct[k] <= KT_VIEW_FACETS_MAX) {
            assert_int_equal(x->distinct[k], x->n_facet[k]);
            assert_int_equal(counted, touched);
        }
    }
    kt_arena_free(a);
}

/* The view's answer is the model's. Settles first. */
static void check(struct world *w, struct kt_view *view, const struct kt_view_spec *want)
{
    kt_view_settle(view);
    const struct kt_snapshot *x = kt_view_snapshot(view);
    assert_non_null(x);
    struct model m = model_of(w->s, want);
    assert_int_equal(x->n, m.n);
    assert_int_equal(x->total, m.total);
    assert_int_equal(x->high, m.high);
    for (size_t i = 0; i < m.n; i++)
        if (x->seq[i] != m.row[i].seq)
            fail_msg("row %zu is %llu, not %llu", i, (unsigned long long)x->seq[i],
                     (unsigned long long)m.row[i].seq);
    check_buckets(&m, x);
    check_facets(w->s, &m, want, x);
    if (m.n)
        assert_int_equal(kt_snapshot_find(x, m.row[m.n / 2].seq), m.n / 2);
    assert_int_equal(kt_snapshot_find(x, UINT64_MAX), -1);
    model_free(&m);
    kt_snapshot_release(x);
}

/* --- */

static void every_field_sorts_both_ways_as_the_model_does(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 0);
    add_rows(&w, 3000);
    struct kt_view_spec p = spec();
    struct kt_view *view = kt_view_open(w.v, &p);
    for (int f = 0; f < KT_FIELD_COUNT; f++) {
        for (int up = 0; up < 2; up++) {
            p.sort = (enum kt_field)f;
            p.ascending = up;
            assert_true(kt_view_set(view, &p) > 1);
            check(&w, view, &p);
        }
    }
    kt_view_close(view);
    end(&w);
}

static void newcomers_go_where_a_new_sort_would_put_them(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 5000); /* so that old rows are dropped meanwhile */
    static const enum kt_field sorts[] = {KT_FIELD_TIME, KT_FIELD_RISK, KT_FIELD_ACTOR_NAME, KT_FIELD_KEY_ID,
                                          KT_FIELD_AGENT_TEXT, KT_FIELD_REGION, KT_FIELD_EVENT_ID};
    enum { N = sizeof sorts / sizeof *sorts };
    struct kt_view *view[2 * N];
    struct kt_view_spec p[2 * N];
    struct kt_filter *f = filter("-user-01 risk:>=25");
    for (int i = 0; i < 2 * N; i++) {
        p[i] = spec();
        p[i].sort = sorts[i % N];
        p[i].ascending = i >= N;
        p[i].buckets = 24;
        p[i].filter = i % 3 == 0 ? f : NULL;
        p[i].facets = i % 4 == 0 ? 15 : 0;
        view[i] = kt_view_open(w.v, &p[i]);
    }
    static const int batches[] = {0, 1, 40, 3000, 1, 900, 2500, 7, 6000};
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
        add_rows(&w, batches[b]);
        for (int i = 0; i < 2 * N; i++)
            check(&w, view[i], &p[i]);
    }
    for (int i = 0; i < 2 * N; i++)
        kt_view_close(view[i]);
    kt_filter_free(f);
    end(&w);
}

static void a_scope_holds_the_rows_that_touch_it(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 6000);
    add_rows(&w, 4000);
    struct kt_view_spec p = spec();
    p.facets = 15;
    p.buckets = 30;
    p.span = INT64_C(30) * 86400000;
    struct kt_view *view = kt_view_open(w.v, &p);
    struct kt_row_entities e;
    assert_true(kt_store_row_entities(w.s, 3990, &e));
    const kt_entity scopes[] = {e.actor, e.target, e.address, e.agent, e.key, e.actor_key};
    for (int i = 0; i < 6; i++) {
        p.scope = scopes[i];
        if (!p.scope)
            continue;
        (void)kt_view_set(view, &p);
        check(&w, view, &p);
        add_rows(&w, 1500); /* in the end, old rows are dropped */
        check(&w, view, &p);
    }
    kt_view_close(view);
    end(&w);
}

static void a_scope_that_is_gone_is_empty(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 50);
    add_rows(&w, 50);
    struct kt_row_entities e = {0};
    for (uint64_t seq = 1; !e.key; seq++)
        assert_true(kt_store_row_entities(w.s, seq, &e));
    struct kt_view_spec p = spec();
    p.scope = e.key;
    struct kt_view *view = kt_view_open(w.v, &p);
    kt_view_settle(view);
    const struct kt_snapshot *x = kt_view_snapshot(view);
    assert_int_equal(x->n, 1);
    kt_snapshot_release(x);
    add_rows(&w, 50);
    check(&w, view, &p);
    x = kt_view_snapshot(view);
    assert_int_equal(x->n, 0);
    assert_int_equal(x->total, 0);
    kt_snapshot_release(x);
    kt_view_close(view);
    end(&w);
}

static void a_conflict_reaches_a_view_that_asks_for_it(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 0);
    struct kt_filter *f = filter("flags:conflict");
    struct kt_view_spec p = spec();
    p.filter = f;
    struct kt_view *view = kt_view_open(w.v, &p);
    struct kt_row r;
    for (int i = 0; i < 3; i++) {
        uint8_t d[32] = {(uint8_t)i};
        rowgen_plain(&r, i == 1 ? "another" : "the same", NOW);
        assert_int_equal(kt_store_add(w.s, &r, d), i == 2 ? KT_ADDED_CONFLICT : KT_ADDED);
        check(&w, view, &p);
    }
    const struct kt_snapshot *x = kt_view_snapshot(view);
    assert_int_equal(x->n, 2);
    kt_snapshot_release(x);
    kt_view_close(view);
    kt_filter_free(f);
    end(&w);
}

static void another_verdict_moves_a_row_where_it_belongs(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 0);
    add_rows(&w, 300);
    struct kt_filter *f = filter("risk:>=90");
    struct kt_view_spec filtered = spec(), sorted = spec(), plain = spec();
    filtered.filter = f;
    sorted.sort = KT_FIELD_RISK;
    struct kt_view *view[] = {kt_view_open(w.v, &filtered), kt_view_open(w.v, &sorted), kt_view_open(w.v, &plain)};
    const struct kt_view_spec *asked[] = {&filtered, &sorted, &plain};
    for (int round = 0; round < 40; round++) {
        struct kt_verdict v = {.risk = round % 3 ? 95 : 5, .why = "seen since"};
        v.level = kt_level_of_risk(v.risk);
        (void)kt_store_revise(w.s, 1 + (uint64_t)round * 7 % 300, &v); /* malformed rows have none */
        kt_views_wake(w.v);
        for (int i = 0; i < 3; i++)
            check(&w, view[i], asked[i]);
    }
    for (int i = 0; i < 3; i++)
        kt_view_close(view[i]);
    kt_filter_free(f);
    end(&w);
}

static void a_snapshot_answers_the_newest_wish_and_stays_as_it_is(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 0);
    struct kt_view_spec p = spec();
    struct kt_view *view = kt_view_open(w.v, &p);
    add_rows(&w, 100);
    kt_view_settle(view);
    const struct kt_snapshot *old = kt_view_snapshot(view);
    assert_int_equal(old->generation, 1);
    assert_int_equal(old->n, 100);
    assert_int_equal(old->last_seq, 100);
    uint64_t newest = old->seq[0];
    uint64_t g = 0;
    for (int i = 0; i < 50; i++) {
        p.ascending = i % 2 == 0;
        g = kt_view_set(view, &p);
    }
    add_rows(&w, 500);
    kt_view_settle(view);
    const struct kt_snapshot *new = kt_view_snapshot(view);
    assert_int_equal(new->generation, g);
    assert_int_equal(new->n, 600);
    assert_int_equal(old->n, 100);
    assert_true(old->seq[0] == newest);
    assert_true(atomic_load(&w.changes) >= 2);
    kt_view_close(view);
    end(&w); /* snapshots outlive all */
    assert_true(old->seq[0] == newest);
    kt_snapshot_release(old);
    kt_snapshot_release(new);
    kt_snapshot_release(NULL);
}

static void nothing_new_makes_no_snapshot(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 0);
    add_rows(&w, 10);
    struct kt_view_spec p = spec();
    struct kt_view *view = kt_view_open(w.v, &p);
    kt_view_settle(view);
    const struct kt_snapshot *a = kt_view_snapshot(view);
    int changes = atomic_load(&w.changes);
    for (int i = 0; i < 20; i++) {
        kt_views_wake(w.v);
        kt_view_settle(view);
    }
    const struct kt_snapshot *b = kt_view_snapshot(view);
    assert_ptr_equal(a, b);
    assert_int_equal(atomic_load(&w.changes), changes);
    kt_snapshot_release(a);
    kt_snapshot_release(b);
    kt_view_close(view);
    end(&w);
}

static void the_histogram_ends_with_the_newest_row(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 0);
    struct kt_row r;
    for (int i = 0; i < 30; i++) {
        uint8_t d[32] = {(uint8_t)i};
        rowgen_plain(&r, NULL, NOW - i * INT64_C(3600000));
        assert_int_equal(kt_store_add(w.s, &r, d), KT_ADDED);
    }
    struct kt_view_spec p = spec();
    p.buckets = 24;
    struct kt_view *view = kt_view_open(w.v, &p);
    kt_view_settle(view);
    const struct kt_snapshot *x = kt_view_snapshot(view);
    assert_int_equal(x->buckets, 24);
    assert_true(x->bucket_to == NOW + 1);
    assert_true(x->bucket_from == NOW + 1 - 86400000);
    for (int i = 0; i < 24; i++)
        assert_int_equal(x->bucket[i], 1);
    kt_snapshot_release(x);
    p.from = NOW - 7200000;
    p.to = NOW;
    p.buckets = 2;
    (void)kt_view_set(view, &p);
    kt_view_settle(view);
    x = kt_view_snapshot(view);
    assert_int_equal(x->bucket[0], 1);
    assert_int_equal(x->bucket[1], 1);
    kt_snapshot_release(x);
    p.from = NOW;
    (void)kt_view_set(view, &p);
    kt_view_settle(view);
    x = kt_view_snapshot(view);
    assert_int_equal(x->buckets, 0); /* an empty window has none */
    kt_snapshot_release(x);
    kt_view_close(view);
    end(&w);
}

/* --- property: any filter, view against copies ----------------------------------------- */

static void random_filter(struct rowgen *g, char *out, size_t size)
{
    static const char *const terms[] = {
        "user-1", "USER-0", "ci-deploy", "root", "denied", "AKIA", "aki", "198.51.1", "boto3", "evil", "dead", "a", "e-",
        "actor:user-1", "actor.type:=IAMUser", "actor.type:", "actor.arn:assumed", "actor.session:i-0abc000",
        "actor.session:", "actor.mfa:", "actor.mfa:true", "actor.via:cloud", "actor.access_key_id:", "target:user-2",
        "target:=root", "target:", "target.self:true", "target.self:", "target.from:error", "key:AKIAA", "key:",
        "key.status:active", "key.created:", "key.created:>2023-11-16", "from:.7.", "source.kind:ip", "source.address:",
        "agent:kali", "agent.os:", "agent.class:sdk", "tool:=boto3", "agent.version:1.2", "account:1111", "region:",
        "region:\"\"", "region:us-", "risk:>=63", "risk:<25", "risk:45", "risk>=72", "level:high", "level:>=medium",
        "level:<low", "signals:other", "signals:", "rules:", "flags:hidden", "flags:", "why:user", "why:",
        "time:2023-11-1", "time:>2023-11-15", "time:<3h", "time:", "event_id:a1", "event_id:", "event_id:Uuid",
        "origin.source:/1.json", "origin.record:17", "origin.record:>2500", "kind:malformed", "kind:creation",
        "result:", "result:failed", "error.code:Limit", "error.code:", "error.message:\"user user-3\"",
        "event_name:=CreateAccessKey", "broken", "trail",
        "actor in (user-1, root)", "actor not in (USER-*, ci*)", "actor~^user-[0-3]", "agent~(?i)BOTO|kali", "from:198.51.0.0/16",
        "from in (203.0.113.0/24, 198.51.100.7)", "actor:user-?", "agent:*boto*", "actor!=root", "key:AKIA*A", "event_id~^[0-7]",
        "risk in (45, 63)", "requestParameters.userName:user", "requestParameters.userName:", "b*", "*dead*"};
    size_t used = 0, n = 1 + rowgen_random(g, 4);
    int open = 0;
    out[0] = '\0';
    while (n--) {
        const char *not = rowgen_random(g, 3) ? "" : rowgen_random(g, 2) ? "-" : "not ";
        const char *paren = rowgen_random(g, 4) ? "" : "(", *join = n == 0 ? "" : rowgen_random(g, 2) ? " or " : " and ";
        bool close = open && rowgen_random(g, 2);
        open += *paren != '\0';
        int k = snprintf(out + used, size - used, "%s%s%s %s%s", not, paren, terms[rowgen_random(g, sizeof terms / sizeof *terms)],
                         close ? ")" : "", join);
        open -= close;
        used += (size_t)k;
        assert_true(used < size);
    }
    used += (size_t)snprintf(out + used, size - used, "%.*s", open, "))))");
    assert_true(used < size);
}

static void any_filter_keeps_the_rows_that_it_keeps_of_copies(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 0);
    add_rows(&w, 2500);
    struct kt_view_spec p = spec();
    struct kt_view *view = kt_view_open(w.v, &p);
    struct rowgen g = {.state = 77};
    for (int i = 0; i < 300; i++) {
        char text[512];
        random_filter(&g, text, sizeof text);
        p.filter = filter(text);
        (void)kt_view_set(view, &p);
        kt_view_settle(view);
        const struct kt_snapshot *x = kt_view_snapshot(view);
        struct model m = model_of(w.s, &p);
        bool same = x->n == m.n;
        for (size_t k = 0; same && k < m.n; k++)
            same = x->seq[k] == m.row[k].seq;
        if (!same)
            fail_msg("%s: %zu rows, not %zu", text, x->n, m.n);
        model_free(&m);
        kt_snapshot_release(x);
        kt_filter_free(p.filter);
    }
    kt_view_close(view);
    end(&w);
}

/* --- values ---------------------------------------------------------------------------------- */

static void what_a_field_says_is_counted(void **state)
{
    static const enum kt_field fields[] = {KT_FIELD_ACTOR_NAME, KT_FIELD_REGION, KT_FIELD_RESULT, KT_FIELD_LEVEL, KT_FIELD_SIGNALS,
                                           KT_FIELD_SOURCE_ADDRESS, KT_FIELD_KEY_ID, KT_FIELD_FLAGS, KT_FIELD_ERROR_CODE};
    (void)state;
    struct world w;
    begin(&w, 0);
    add_rows(&w, 1500);
    struct kt_arena *a = kt_arena_new(1 << 24);
    struct kt_view_spec p = spec();
    p.filter = filter("risk>=25");
    p.values_max = KT_VALUES_MAX;
    struct kt_view *view = kt_view_open(w.v, &p);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        p.values_of = fields[i];
        (void)kt_view_set(view, &p);
        kt_view_settle(view);
        const struct kt_snapshot *x = kt_view_snapshot(view);
        assert_int_equal(x->values.of, fields[i]);
        assert_true(x->values.n > 0 && x->values.n <= x->values.distinct);
        for (size_t k = 0; k < x->values.n && k < 20; k++) { /* each is counted anew, plainly */
            const struct kt_field_value *v = &x->values.value[k];
            uint64_t rows = 0;
            assert_true(k == 0 || v->rows <= v[-1].rows);
            for (size_t r = 0; r < x->n; r++) {
                struct kt_row row;
                kt_arena_reset(a);
                if (!kt_store_row(w.s, x->seq[r], false, a, &row) || row.ev.kind == KT_KIND_MALFORMED)
                    continue;
                struct kt_span s = kt_row_field(&row, fields[i], a);
                bool list = fields[i] == KT_FIELD_SIGNALS || fields[i] == KT_FIELD_FLAGS, has = !list && kt_span_eq(s, v->text);
                for (size_t from = 0; list && s.p && from < s.n; from++) {
                    size_t end = from;
                    while (end < s.n && s.p[end] != ',')
                        end++;
                    has |= kt_span_eq((struct kt_span){s.p + from, end - from}, v->text);
                    from = end;
                }
                rows += has;
            }
            if (rows != v->rows)
                fail_msg("%s of %.*s: %llu, not %llu", kt_field_name(fields[i]), (int)v->text.n, v->text.p,
                         (unsigned long long)v->rows, (unsigned long long)rows);
        }
        kt_snapshot_release(x);
    }
    kt_view_close(view);
    kt_filter_free(p.filter);
    kt_arena_free(a);
    end(&w);
}

/* --- many at once ------------------------------------------------------------------------ */

struct crowd {
    struct world w;
    struct kt_view *view;
    atomic_bool stop;
    atomic_uint_fast64_t added;
    int bad;
};

static void *write_rows(void *ctx)
{
    struct crowd *c = ctx;
    for (int i = 0; i < 20000; i++) {
        struct kt_row r;
        uint8_t d[32];
        kt_arena_reset(c->w.a);
        rowgen_next(&c->w.g, c->w.a, &r, d);
        if (kt_store_add(c->w.s, &r, d) != KT_ADDED)
            c->bad++;
        atomic_store(&c->added, (uint64_t)i + 1);
        if (i % 64 == 0)
            kt_views_wake(c->w.v);
    }
    atomic_store(&c->stop, true);
    return NULL;
}

struct reader {
    struct crowd *c;
    uint64_t state;
    int bad, read;
};

static void *read_rows(void *ctx)
{
    struct reader *r = ctx;
    struct crowd *c = r->c;
    struct rowgen g = {.state = r->state};
    struct kt_arena *a = kt_arena_new(1 << 20);
    while (a && !atomic_load(&c->stop)) {
        uint64_t n = atomic_load(&c->added), seq = n ? n - rowgen_random(&g, n < 3000 ? n : 3000) : 0;
        struct kt_row row;
        struct kt_row_entities e;
        struct kt_entity_info info;
        kt_arena_reset(a);
        if (!n || !kt_store_row(c->w.s, seq, true, a, &row))
            continue;
        r->read++;
        r->bad += row.seq != seq;
        if (kt_store_row_entities(c->w.s, seq, &e) && e.actor && kt_store_entity(c->w.s, e.actor, a, &info))
            r->bad += !info.rows || !kt_span_eq(info.name, row.ev.actor.name);
        struct kt_counts k = kt_store_counts(c->w.s);
        r->bad += k.received != k.shown + k.malformed + k.duplicate + k.filtered;
        const struct kt_snapshot *s = kt_view_snapshot(c->view);
        for (size_t i = 0; s && i < s->n; i++)
            r->bad += s->seq[i] > s->last_seq;
        kt_snapshot_release(s);
    }
    kt_arena_free(a);
    return NULL;
}

static void a_writer_readers_and_a_view_agree(void **state)
{
    (void)state;
    struct crowd c = {.bad = 0};
    begin(&c.w, 4000);
    struct kt_filter *f = filter("user-1 risk:>=25");
    struct kt_view_spec p = spec();
    p.filter = f;
    p.facets = 15;
    p.buckets = 24;
    c.view = kt_view_open(c.w.v, &p);
    pthread_t writer, reader[2];
    struct reader r[2] = {{.c = &c, .state = 1}, {.c = &c, .state = 2}};
    assert_int_equal(pthread_create(&writer, NULL, write_rows, &c), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&reader[i], NULL, read_rows, &r[i]), 0);
    for (int i = 0; !atomic_load(&c.stop); i++) { /* a person who keeps changing their mind */
        p.sort = i % 2 ? KT_FIELD_ACTOR_NAME : KT_FIELD_TIME;
        (void)kt_view_set(c.view, &p);
        struct kt_view *other = kt_view_open(c.w.v, &p);
        if (i % 3)
            kt_view_settle(c.view);
        kt_view_close(other);
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(reader[i], NULL), 0);
        assert_int_equal(r[i].bad, 0);
    }
    assert_int_equal(c.bad, 0);
    assert_true(r[0].read + r[1].read > 0);
    check(&c.w, c.view, &p);
    kt_view_close(c.view);
    kt_filter_free(f);
    end(&c.w);
}

/* --- groups */

struct group_model {
    uint64_t rows, high, denied;
    int64_t first, last;
    unsigned risk;
};

/* Is the row one of this group's? Asked of whole rows, so that the store's own numbers do not matter. */
static bool is_of_group(const struct kt_row *r, const struct kt_row_entities *e, enum kt_group_by by, const struct kt_group *g)
{
    bool bad = r->ev.kind == KT_KIND_MALFORMED;
    switch (by) {
    case KT_GROUP_USER: return e->actor == g->entity;
    case KT_GROUP_TARGET: return e->target == g->entity;
    case KT_GROUP_ADDRESS: return e->address == g->entity;
    case KT_GROUP_AGENT: return e->agent == g->entity;
    case KT_GROUP_HOUR: {
        int64_t t = bad ? KT_TIME_NONE : r->ev.time;
        return g->hour == KT_TIME_NONE ? t == KT_TIME_NONE : t != KT_TIME_NONE && t >= g->hour && t < g->hour + 3600000;
    }
    case KT_GROUP_NETWORK: return !g->name.p ? !r->where.network.p : kt_span_eq(g->name, r->where.network);
    case KT_GROUP_COUNTRY: return !g->name.p ? !r->where.country.p : kt_span_eq(g->name, r->where.country);
    case KT_GROUP_ACCOUNT: return !g->name.p ? bad || !r->ev.account.p : !bad && kt_span_eq(g->name, r->ev.account);
    default: break;
    }
    size_t n = by == KT_GROUP_RULE ? r->verdict.n_rules : r->verdict.n_signals;
    for (size_t i = 0; i < n; i++)
        if (kt_span_eq(g->name, by == KT_GROUP_RULE ? r->verdict.rule[i].id : r->verdict.signal[i].name))
            return true;
    return !n && !g->name.p;
}

static void check_group(struct world *w, const struct kt_snapshot *x, enum kt_group_by by, const struct kt_group *g)
{
    struct group_model m = {.first = KT_TIME_NONE, .last = KT_TIME_NONE};
    uint64_t in_buckets = 0, want_in_buckets = 0;
    for (size_t i = 0; i < x->n; i++) {
        struct kt_row r;
        struct kt_row_entities e;
        kt_arena_reset(w->a);
        assert_true(kt_store_row(w->s, x->seq[i], false, w->a, &r));
        assert_true(kt_store_row_entities(w->s, x->seq[i], &e));
        if (!is_of_group(&r, &e, by, g))
            continue;
        bool bad = r.ev.kind == KT_KIND_MALFORMED;
        m.rows++;
        m.high += !bad && r.verdict.level >= KT_LEVEL_HIGH;
        m.denied += !bad && r.ev.result == KT_RESULT_DENIED;
        m.risk = !bad && (unsigned)r.verdict.risk > m.risk ? (unsigned)r.verdict.risk : m.risk;
        if (r.ev.time == KT_TIME_NONE)
            continue;
        m.first = m.first == KT_TIME_NONE || r.ev.time < m.first ? r.ev.time : m.first;
        m.last = m.last == KT_TIME_NONE || r.ev.time > m.last ? r.ev.time : m.last;
        want_in_buckets += r.ev.time >= x->bucket_from && r.ev.time < x->bucket_to;
    }
    for (int i = 0; i < x->buckets; i++)
        in_buckets += g->bucket[i];
    assert_int_equal(g->rows, m.rows);
    assert_int_equal(g->high, m.high);
    assert_int_equal(g->denied, m.denied);
    assert_int_equal(g->risk, m.risk);
    assert_true(g->first == m.first && g->last == m.last);
    assert_int_equal(in_buckets, want_in_buckets);
    if (g->risk_seq) {
        struct kt_row r;
        kt_arena_reset(w->a);
        assert_true(kt_store_row(w->s, g->risk_seq, false, w->a, &r));
        assert_int_equal(r.verdict.risk, g->risk);
    }
}

static void rows_are_grouped_as_the_model_does(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 0);
    for (int i = 0; i < 900; i++) {
        struct kt_row r;
        uint8_t d[32];
        kt_arena_reset(w.a);
        rowgen_next(&w.g, w.a, &r, d);
        r.where.asked = i % 3 != 0;
        r.where.network = i % 3 == 1 ? KT_LIT("64500 Example") : KT_SPAN_NONE;
        r.where.country = i % 2 ? KT_LIT("NL") : KT_LIT("RO");
        if (!r.where.asked)
            r.where.country = KT_SPAN_NONE;
        r.verdict.n_rules = (size_t)i % 3;
        r.verdict.rule[0] = (struct kt_matched){.id = KT_LIT("rule-a"), .risk = 25};
        r.verdict.rule[1] = (struct kt_matched){.id = KT_LIT("rule-b"), .risk = 50};
        assert_int_equal(kt_store_add(w.s, &r, d), KT_ADDED);
    }
    for (int by = KT_GROUP_NONE + 1; by < KT_GROUP_COUNT; by++) {
        struct kt_view_spec p = spec();
        p.group = (enum kt_group_by)by;
        p.groups_max = by == KT_GROUP_ADDRESS ? 10 : 0;
        p.buckets = 12;
        p.span = INT64_C(3600000) * 2;
        p.filter = by % 2 ? filter("-user-03") : NULL;
        struct kt_view *view = kt_view_open(w.v, &p);
        kt_view_settle(view);
        const struct kt_snapshot *x = kt_view_snapshot(view);
        uint64_t rows = 0;
        assert_int_equal(x->groups.by, by);
        assert_true(x->groups.n > 0 && x->groups.n <= x->groups.distinct);
        assert_int_equal(x->groups.n, by == KT_GROUP_ADDRESS ? 10 : x->groups.distinct);
        assert_int_equal(x->groups.rows, x->n);
        for (size_t i = 0; i < x->groups.n; i++) {
            check_group(&w, x, (enum kt_group_by)by, &x->groups.group[i]);
            rows += x->groups.group[i].rows;
            if (i && by != KT_GROUP_HOUR)
                assert_true(x->groups.group[i].rows <= x->groups.group[i - 1].rows);
        }
        if (by != KT_GROUP_RULE && by != KT_GROUP_SIGNAL && by != KT_GROUP_ADDRESS)
            assert_int_equal(rows, x->n);
        assert_int_equal(kt_group_find(kt_span_of(kt_group_name((enum kt_group_by)by))), by);
        kt_snapshot_release(x);
        kt_filter_free(p.filter);
        kt_view_close(view);
    }
    end(&w);
}

/* Arrivals, and verdicts that change, are in the next snapshot's groups. */
static void groups_follow_arrivals_and_verdicts(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 0);
    add_rows(&w, 300);
    struct kt_view_spec p = spec();
    p.group = KT_GROUP_RULE;
    struct kt_view *view = kt_view_open(w.v, &p);
    kt_view_settle(view);
    add_rows(&w, 50);
    kt_view_settle(view);
    const struct kt_snapshot *x = kt_view_snapshot(view);
    assert_int_equal(x->groups.n, 1); /* none of them has a rule */
    assert_int_equal(x->groups.group[0].rows, x->n);
    assert_int_equal(x->n, 350);
    kt_snapshot_release(x);
    struct kt_row r;
    uint64_t seq = 0;
    do
        assert_true(kt_store_row(w.s, ++seq, false, w.a, &r));
    while (r.ev.kind == KT_KIND_MALFORMED);
    r.verdict.rule[r.verdict.n_rules++] = (struct kt_matched){.id = KT_LIT("late-rule"), .risk = r.verdict.risk};
    assert_true(kt_store_revise(w.s, seq, &r.verdict));
    kt_view_settle(view);
    x = kt_view_snapshot(view);
    assert_int_equal(x->groups.n, 2);
    assert_true(kt_span_is(x->groups.group[1].name, "late-rule"));
    assert_int_equal(x->groups.group[1].rows, 1);
    kt_snapshot_release(x);
    kt_view_close(view);
    end(&w);
}

/* Texts that begin alike for long, that differ in case alone, that are the same, that
 * end where another goes on. */
static void ranks_are_as_comparing_each_says(void **state)
{
    enum { TEXTS = 6000, LONG = 48 };
    static const char letters[] = "abAB:";
    (void)state;
    struct rowgen dice = {.state = 99};
    char *bytes = malloc((size_t)TEXTS * LONG);
    struct kt_span *t = calloc(TEXTS, sizeof *t);
    uint32_t *rank = calloc(TEXTS, sizeof *rank), distinct = 0, least = TEXTS;
    assert_true(bytes && t && rank);
    for (size_t i = 0; i < TEXTS; i++) {
        char *b = bytes + i * LONG;
        size_t n = (size_t)rowgen_random(&dice, LONG), alike = i % 3 ? 20 + (size_t)rowgen_random(&dice, 12) : 0;
        for (size_t k = 0; k < n; k++)
            b[k] = k < alike ? "arn:aws:sts::111122223333:assumed-role/ci"[k] : letters[rowgen_random(&dice, 5)];
        t[i] = (struct kt_span){b, n};
    }
    assert_true(order_ranks(t, TEXTS, rank, &distinct));
    for (size_t i = 0; i < TEXTS; i++) {
        size_t k = (size_t)rowgen_random(&dice, TEXTS), next = (i + 1) % TEXTS;
        assert_true(rank[i] < distinct);
        least = rank[i] < least ? rank[i] : least;
        for (int turn = 0; turn < 2; turn++, k = next) {
            int d = order_compare(t[i], t[k]);
            assert_true(d == 0 ? rank[i] == rank[k] : d < 0 ? rank[i] < rank[k] : rank[i] > rank[k]);
        }
    }
    assert_int_equal(least, 0);
    free(rank);
    free(t);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_are_as_comparing_each_says),
        cmocka_unit_test(rows_are_grouped_as_the_model_does),
        cmocka_unit_test(groups_follow_arrivals_and_verdicts),
        cmocka_unit_test(every_field_sorts_both_ways_as_the_model_does),
        cmocka_unit_test(newcomers_go_where_a_new_sort_would_put_them),
        cmocka_unit_test(a_scope_holds_the_rows_that_touch_it),
        cmocka_unit_test(a_scope_that_is_gone_is_empty),
        cmocka_unit_test(a_conflict_reaches_a_view_that_asks_for_it),
        cmocka_unit_test(another_verdict_moves_a_row_where_it_belongs),
        cmocka_unit_test(a_snapshot_answers_the_newest_wish_and_stays_as_it_is),
        cmocka_unit_test(nothing_new_makes_no_snapshot),
        cmocka_unit_test(the_histogram_ends_with_the_newest_row),
        cmocka_unit_test(any_filter_keeps_the_rows_that_it_keeps_of_copies),
        cmocka_unit_test(what_a_field_says_is_counted),
        cmocka_unit_test(a_writer_readers_and_a_view_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
