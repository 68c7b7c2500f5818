/* store: rows kept once, what they touch, and how much of it is kept. */
#include "store/store.h"

#include "base/hash.h"
#include "tests/support/rows.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const int64_t T0 = INT64_C(1690000000000);

static struct kt_store *store(uint64_t rows_max, uint64_t memory_max, bool raw)
{
    struct kt_store_opts o = {.rows_max = rows_max, .memory_max = memory_max, .keep_raw = raw};
    struct kt_store *s = kt_store_new(&o);
    assert_non_null(s);
    return s;
}

static struct kt_arena *arena(void)
{
    struct kt_arena *a = kt_arena_new(256 << 20);
    assert_non_null(a);
    return a;
}

static enum kt_store_added add(struct kt_store *s, struct kt_row *r, const char *content)
{
    uint8_t d[32];
    kt_sha256(content, strlen(content), d);
    return kt_store_add(s, r, d);
}

static void same_span(struct kt_span a, struct kt_span b)
{
    if (!a.p || !b.p)
        assert_true(!a.p && !b.p);
    else
        assert_true(kt_span_eq(a, b));
}

static void same_matched(const struct kt_matched *a, const struct kt_matched *b)
{
    same_span(a->id, b->id);
    assert_int_equal(a->risk, b->risk);
    assert_int_equal(a->correlation, b->correlation);
}

static void same_signal(const struct kt_signal *a, const struct kt_signal *b)
{
    same_span(a->name, b->name);
    assert_int_equal(a->weight, b->weight);
    assert_int_equal(a->n_evidence, b->n_evidence);
    for (size_t i = 0; i < a->n_evidence; i++) {
        same_span(a->evidence[i].event_id, b->evidence[i].event_id);
        assert_true(a->evidence[i].time == b->evidence[i].time);
    }
}

static void same_row(const struct kt_row *x, const struct kt_row *y)
{
    const struct kt_event *a = &x->ev, *b = &y->ev;
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->flags, b->flags);
    same_span(x->origin.source, y->origin.source);
    same_span(x->origin.name, y->origin.name);
    assert_true(x->origin.record == y->origin.record);
    if (a->kind == KT_KIND_MALFORMED) {
        same_span(x->malformed.reason, y->malformed.reason);
        assert_true(x->malformed.bytes == y->malformed.bytes);
        assert_int_equal(x->malformed.names_event, y->malformed.names_event);
        assert_memory_equal(x->malformed.sha256, y->malformed.sha256, 32);
        return;
    }
    assert_true(a->time == b->time);
    same_span(a->event_id, b->event_id);
    same_span(a->event_name, b->event_name);
    same_span(a->event_source, b->event_source);
    assert_int_equal(a->result, b->result);
    same_span(a->error_code, b->error_code);
    same_span(a->error_message, b->error_message);
    same_span(a->actor.type, b->actor.type);
    same_span(a->actor.name, b->actor.name);
    same_span(a->actor.arn, b->actor.arn);
    same_span(a->actor.account, b->actor.account);
    same_span(a->actor.principal_id, b->actor.principal_id);
    same_span(a->actor.session, b->actor.session);
    same_span(a->actor.access_key_id, b->actor.access_key_id);
    same_span(a->actor.via, b->actor.via);
    assert_int_equal(a->actor.mfa, b->actor.mfa);
    same_span(a->target.name, b->target.name);
    same_span(a->target.account, b->target.account);
    assert_int_equal(a->target.self, b->target.self);
    assert_int_equal(a->target.from, b->target.from);
    same_span(a->key.id, b->key.id);
    same_span(a->key.status, b->key.status);
    assert_true(a->key.created == b->key.created);
    same_span(a->source.address, b->source.address);
    assert_int_equal(a->source.kind, b->source.kind);
    same_span(a->agent.text, b->agent.text);
    same_span(a->agent.tool, b->agent.tool);
    same_span(a->agent.version, b->agent.version);
    same_span(a->agent.os, b->agent.os);
    assert_int_equal(a->agent.cls, b->agent.cls);
    same_span(a->account, b->account);
    same_span(a->region, b->region);
    const struct kt_verdict *v = &x->verdict, *w = &y->verdict;
    assert_int_equal(v->risk, w->risk);
    assert_int_equal(v->level, w->level);
    assert_string_equal(v->why, w->why);
    assert_int_equal(v->n_rules, w->n_rules);
    assert_int_equal(v->n_signals, w->n_signals);
    for (size_t i = 0; i < v->n_rules; i++)
        same_matched(&v->rule[i], &w->rule[i]);
    for (size_t i = 0; i < v->n_signals; i++)
        same_signal(&v->signal[i], &w->signal[i]);
}

static void a_row_comes_back_as_it_went_in(void **state)
{
    (void)state;
    struct kt_store *s = store(0, 0, true);
    struct rowgen g = {.state = 1, .malformed_per_mille = 50, .odd_per_mille = 300};
    struct kt_arena *a = arena(), *b = arena();
    enum { N = 5000 };
    struct kt_row *in = calloc(N, sizeof *in), out;
    for (int i = 0; i < N; i++) {
        uint8_t d[32];
        rowgen_next(&g, a, &in[i], d);
        in[i].verdict.n_rules = (size_t)i % 3;
        in[i].verdict.rule[0] = (struct kt_matched){.id = kt_span_of(i % 7 ? "one" : "another"), .risk = i % 7};
        in[i].verdict.rule[1] = (struct kt_matched){.id = KT_LIT("third"), .risk = 100, .correlation = true};
        assert_int_equal(kt_store_add(s, &in[i], d), KT_ADDED);
        assert_int_equal(in[i].seq, i + 1);
    }
    for (int i = 0; i < N; i++) {
        kt_arena_reset(b);
        assert_true(kt_store_row(s, (uint64_t)i + 1, true, b, &out));
        assert_int_equal(out.seq, i + 1);
        same_row(&out, &in[i]);
        same_span(out.raw, in[i].raw);
        assert_true(kt_store_row(s, (uint64_t)i + 1, false, b, &out));
        assert_false(kt_span_known(out.raw));
    }
    assert_false(kt_store_row(s, 0, false, b, &out));
    assert_false(kt_store_row(s, N + 1, false, b, &out));
    free(in);
    kt_arena_free(a);
    kt_arena_free(b);
    kt_store_free(s);
}

static void a_repeated_event_is_a_duplicate(void **state)
{
    (void)state;
    struct kt_store *s = store(0, 0, false);
    struct kt_row r;
    rowgen_plain(&r, "11111111-2222-4333-8444-555555555555", T0);
    assert_int_equal(add(s, &r, "a"), KT_ADDED);
    assert_int_equal(add(s, &r, "a"), KT_ADDED_DUPLICATE);
    struct kt_counts c = kt_store_counts(s);
    assert_int_equal(c.received, 2);
    assert_int_equal(c.shown, 1);
    assert_int_equal(c.duplicate, 1);
    kt_store_free(s);
}

static void one_id_with_two_contents_keeps_and_flags_both(void **state)
{
    (void)state;
    static const char *const ids[] = {"11111111-2222-4333-8444-555555555555", "an id of another form"};
    for (size_t i = 0; i < 2; i++) {
        struct kt_store *s = store(0, 0, false);
        struct kt_arena *a = arena();
        struct kt_row r, out;
        rowgen_plain(&r, ids[i], T0);
        assert_int_equal(add(s, &r, "a"), KT_ADDED);
        rowgen_plain(&r, "66666666-2222-4333-8444-555555555555", T0);
        assert_int_equal(add(s, &r, "other"), KT_ADDED);
        rowgen_plain(&r, ids[i], T0);
        assert_int_equal(add(s, &r, "b"), KT_ADDED_CONFLICT);
        assert_true(r.ev.flags & KT_FLAG_CONFLICT);
        assert_int_equal(add(s, &r, "a"), KT_ADDED_DUPLICATE);
        assert_int_equal(add(s, &r, "b"), KT_ADDED_DUPLICATE);
        rowgen_plain(&r, ids[i], T0);
        assert_int_equal(add(s, &r, "c"), KT_ADDED_CONFLICT);
        for (uint64_t seq = 1; seq <= 4; seq++) {
            assert_true(kt_store_row(s, seq, false, a, &out));
            assert_int_equal(!!(out.ev.flags & KT_FLAG_CONFLICT), seq != 2);
        }
        struct kt_counts c = kt_store_counts(s);
        assert_int_equal(c.conflicts, 3);
        assert_int_equal(c.received, c.shown + c.filtered + c.duplicate + c.malformed);
        kt_arena_free(a);
        kt_store_free(s);
    }
}

static void without_an_id_the_content_decides(void **state)
{
    (void)state;
    struct kt_store *s = store(0, 0, false);
    struct kt_row r;
    rowgen_plain(&r, NULL, T0);
    assert_int_equal(add(s, &r, "a"), KT_ADDED);
    assert_int_equal(add(s, &r, "b"), KT_ADDED);
    assert_int_equal(add(s, &r, "a"), KT_ADDED_DUPLICATE);
    assert_int_equal(kt_store_counts(s).conflicts, 0);
    kt_store_free(s);
}

static void malformed_rows_are_told_apart_by_place_and_digest(void **state)
{
    (void)state;
    struct kt_store *s = store(0, 0, false);
    struct kt_row r = {.origin = {KT_LIT("file:a"), KT_LIT("a"), KT_SPAN_NONE, 3}};
    r.ev.kind = KT_KIND_MALFORMED;
    r.malformed.reason = KT_LIT("bad");
    r.malformed.sha256[31] = 1;
    assert_int_equal(add(s, &r, "ignored"), KT_ADDED);
    assert_int_equal(add(s, &r, "also ignored"), KT_ADDED_DUPLICATE);
    r.origin.record = 4;
    assert_int_equal(add(s, &r, "ignored"), KT_ADDED);
    r.origin.source = KT_LIT("file:b");
    assert_int_equal(add(s, &r, "ignored"), KT_ADDED);
    r.malformed.sha256[31] = 2;
    assert_int_equal(add(s, &r, "ignored"), KT_ADDED);
    kt_store_count_filtered(s);
    kt_store_count_records(s, 40);
    kt_store_count_gap(s);
    struct kt_counts c = kt_store_counts(s);
    assert_int_equal(c.malformed, 4);
    assert_int_equal(c.shown, 0);
    assert_int_equal(c.received, c.shown + c.filtered + c.duplicate + c.malformed);
    assert_int_equal(c.records, 40);
    assert_int_equal(c.gaps, 1);
    assert_true(c.newest == KT_TIME_NONE);
    kt_store_free(s);
}

static void the_oldest_arrivals_are_dropped_and_counted(void **state)
{
    (void)state;
    enum { MOST = 10000, N = 35000 };
    struct kt_store *s = store(MOST, 0, true);
    struct kt_arena *a = arena();
    struct rowgen g = {.state = 7, .malformed_per_mille = 10, .odd_per_mille = 100};
    int64_t *time = calloc(N + 1, sizeof *time);
    uint64_t level = 0;
    for (int i = 1; i <= N; i++) {
        struct kt_row r;
        uint8_t d[32];
        kt_arena_reset(a);
        rowgen_next(&g, a, &r, d);
        time[i] = r.ev.time;
        assert_int_equal(kt_store_add(s, &r, d), KT_ADDED);
        if (i == 2 * MOST)
            level = kt_store_counts(s).memory;
        if (i % 997 == 0) {
            struct kt_counts c = kt_store_counts(s);
            int64_t oldest = INT64_MAX, newest = INT64_MIN;
            for (int k = i > MOST ? i - MOST + 1 : 1; k <= i; k++) {
                if (time[k] == KT_TIME_NONE)
                    continue;
                oldest = time[k] < oldest ? time[k] : oldest;
                newest = time[k] > newest ? time[k] : newest;
            }
            assert_true(c.newest == newest);
            assert_true(c.oldest == oldest);
            assert_int_equal(c.dropped, i > MOST ? i - MOST : 0);
        }
    }
    struct kt_counts c = kt_store_counts(s);
    assert_int_equal(c.dropped, N - MOST);
    assert_int_equal(c.received, N);
    assert_int_equal(c.shown + c.malformed, N);
    struct kt_row out;
    assert_false(kt_store_row(s, N - MOST, false, a, &out));
    assert_true(kt_store_row(s, N - MOST + 1, true, a, &out));
    /* what months of it would take is what it takes now */
    assert_true(c.memory < level + level / 4);
    free(time);
    kt_arena_free(a);
    kt_store_free(s);
}

static void memory_max_is_kept(void **state)
{
    (void)state;
    struct kt_store *s = store(0, 4 << 20, true);
    struct kt_arena *a = arena();
    struct rowgen g = {.state = 3};
    for (int i = 0; i < 30000; i++) {
        struct kt_row r;
        uint8_t d[32];
        kt_arena_reset(a);
        rowgen_next(&g, a, &r, d);
        assert_int_equal(kt_store_add(s, &r, d), KT_ADDED);
    }
    struct kt_counts c = kt_store_counts(s);
    assert_true(c.memory <= 4 << 20);
    assert_true(c.dropped > 10000 && c.dropped < 29000);
    kt_arena_free(a);
    kt_store_free(s);
}

static void a_dropped_row_that_is_read_again_is_a_duplicate(void **state)
{
    (void)state;
    struct kt_store *s = store(300, 0, false);
    struct kt_arena *a = arena();
    enum { N = 2000 };
    for (int round = 0; round < 2; round++) {
        struct rowgen g = {.state = 5, .malformed_per_mille = 100};
        for (int i = 0; i < N; i++) {
            struct kt_row r;
            uint8_t d[32];
            kt_arena_reset(a);
            rowgen_next(&g, a, &r, d);
            /* remembered: 300 rows kept, 300 digests of dropped ones */
            if (round == 1 && i < N - 600)
                continue;
            assert_int_equal(kt_store_add(s, &r, d), round ? KT_ADDED_DUPLICATE : KT_ADDED);
        }
    }
    struct rowgen g = {.state = 5, .malformed_per_mille = 100};
    struct kt_row r;
    uint8_t d[32];
    rowgen_next(&g, a, &r, d);
    assert_int_equal(kt_store_add(s, &r, d), KT_ADDED); /* forgotten long ago: it comes in anew */
    kt_arena_free(a);
    kt_store_free(s);
}

/* --- entities ---------------------------------------------------------------------- */

static struct kt_entity_info info(struct kt_store *s, kt_entity e, struct kt_arena *a)
{
    struct kt_entity_info i;
    assert_true(kt_store_entity(s, e, a, &i));
    return i;
}

static void a_user_as_target_and_as_actor_is_one(void **state)
{
    (void)state;
    struct kt_store *s = store(0, 0, false);
    struct kt_arena *a = arena();
    struct kt_row r;
    struct kt_row_entities x, y;
    rowgen_plain(&r, NULL, T0);
    assert_int_equal(add(s, &r, "alice for herself"), KT_ADDED);
    rowgen_plain(&r, NULL, T0 + 5000);
    r.ev.actor.name = KT_LIT("bob");
    r.ev.target.self = KT_NO;
    r.ev.result = KT_RESULT_DENIED;
    r.ev.key.id = KT_SPAN_NONE;
    assert_int_equal(add(s, &r, "bob for alice"), KT_ADDED);
    assert_true(kt_store_row_entities(s, 1, &x));
    assert_true(kt_store_row_entities(s, 2, &y));
    assert_int_equal(x.actor, x.target);
    assert_int_equal(y.target, x.actor);
    assert_int_not_equal(y.actor, y.target);
    assert_int_equal(y.key, 0);
    assert_int_equal(x.address, y.address);
    assert_int_equal(x.agent, y.agent);
    assert_int_equal(x.actor_key, y.actor_key);
    struct kt_entity_info i = info(s, x.actor, a);
    assert_int_equal(i.kind, KT_ENTITY_USER);
    assert_true(kt_span_is(i.name, "alice"));
    assert_true(kt_span_is(i.type, "IAMUser"));
    assert_true(kt_span_is(i.account, "111122223333"));
    assert_int_equal(i.rows, 2);
    assert_int_equal(i.as_actor, 1);
    assert_int_equal(i.as_target, 2);
    assert_int_equal(i.created, 1);
    assert_int_equal(i.denied, 1);
    assert_true(i.first == T0 && i.last == T0 + 5000);
    i = info(s, x.agent, a);
    assert_true(kt_span_is(i.name, "boto3 1.28.0"));
    assert_true(kt_span_is(i.type, "sdk"));
    i = info(s, x.key, a);
    assert_true(kt_span_is(i.name, "AKIAEXAMPLENEW000001"));
    assert_true(kt_span_is(i.account, "111122223333"));
    assert_int_equal(i.rows, 1);
    assert_true(i.first == T0 && i.last == T0 && i.created == 1);
    i = info(s, x.address, a);
    assert_true(kt_span_is(i.type, "ip"));
    assert_int_equal(kt_store_entity_count(s, KT_ENTITY_USER), 2);
    assert_int_equal(kt_store_entity_count(s, KT_ENTITY_KEY), 2);
    kt_arena_free(a);
    kt_store_free(s);
}

static void role_root_and_other_accounts_are_others(void **state)
{
    (void)state;
    struct kt_store *s = store(0, 0, false);
    struct kt_row r;
    struct kt_row_entities x[4];
    for (int i = 0; i < 4; i++) {
        char content[2] = {(char)('a' + i), 0};
        rowgen_plain(&r, NULL, T0);
        if (i == 1)
            r.ev.actor.type = KT_LIT("AssumedRole");
        if (i == 2)
            r.ev.actor.account = r.ev.target.account = KT_LIT("999999999999");
        if (i == 3) {
            r.ev.actor.type = KT_LIT("Root");
            r.ev.actor.name = r.ev.target.name = KT_LIT("root");
        }
        if (i == 1)
            r.ev.target.self = KT_NO;
        assert_int_equal(add(s, &r, content), KT_ADDED);
        assert_true(kt_store_row_entities(s, r.seq, &x[i]));
    }
    assert_int_not_equal(x[0].actor, x[1].actor);
    assert_int_equal(x[0].actor, x[1].target);
    assert_int_not_equal(x[0].actor, x[2].actor);
    assert_int_equal(x[3].actor, x[3].target);
    assert_int_equal(kt_store_entity_count(s, KT_ENTITY_USER), 4);
    kt_store_free(s);
}

static void an_unknown_tool_is_its_whole_text(void **state)
{
    (void)state;
    struct kt_store *s = store(0, 0, false);
    struct kt_arena *a = arena();
    struct kt_row r;
    struct kt_row_entities x, y;
    rowgen_plain(&r, NULL, T0);
    assert_int_equal(add(s, &r, "a"), KT_ADDED);
    r.ev.agent = (struct kt_agent){.text = KT_LIT("boto3 1.28.0")}; /* says so, but is not it */
    assert_int_equal(add(s, &r, "b"), KT_ADDED);
    assert_true(kt_store_row_entities(s, 1, &x));
    assert_true(kt_store_row_entities(s, 2, &y));
    assert_int_not_equal(x.agent, y.agent);
    assert_true(kt_span_is(info(s, y.agent, a).name, "boto3 1.28.0"));
    r.ev.agent = (struct kt_agent){0};
    assert_int_equal(add(s, &r, "c"), KT_ADDED);
    assert_true(kt_store_row_entities(s, 3, &x));
    assert_int_equal(x.agent, 0);
    kt_arena_free(a);
    kt_store_free(s);
}

static void an_entity_goes_with_its_last_row_and_its_handle_with_it(void **state)
{
    (void)state;
    struct kt_store *s = store(2, 0, false);
    struct kt_arena *a = arena();
    struct kt_row r;
    struct kt_row_entities x, y;
    struct kt_entity_info i;
    rowgen_plain(&r, NULL, T0);
    assert_int_equal(add(s, &r, "first"), KT_ADDED);
    assert_true(kt_store_row_entities(s, 1, &x));
    for (int k = 0; k < 200000; k++) {
        char name[32];
        (void)snprintf(name, sizeof name, "user%d", k);
        rowgen_plain(&r, NULL, T0 + k + 1);
        r.ev.actor.name = r.ev.target.name = kt_span_of(name);
        r.ev.actor.access_key_id = r.ev.key.id = KT_SPAN_NONE;
        assert_int_equal(add(s, &r, name), KT_ADDED);
        assert_true(kt_store_row_entities(s, r.seq, &y));
        assert_int_not_equal(y.actor, x.actor);
    }
    assert_false(kt_store_entity(s, x.actor, a, &i));
    assert_false(kt_store_entity(s, x.key, a, &i));
    i = info(s, x.address, a); /* touched all along */
    assert_int_equal(i.rows, 2);
    assert_int_equal(i.dropped, 199999);
    assert_true(i.first == T0);
    assert_int_equal(kt_store_entity_count(s, KT_ENTITY_USER), 2);
    assert_int_equal(kt_store_entity_count(s, KT_ENTITY_KEY), 0);
    kt_arena_free(a);
    kt_store_free(s);
}

/* --- */

static void a_row_takes_little_memory(void **state)
{
    (void)state;
    enum { N = 200000 };
    struct kt_store *s = store(0, 0, false), *w = store(0, 0, true);
    struct kt_arena *a = arena();
    struct rowgen g = {.state = 9};
    uint64_t raw = 0;
    for (int i = 0; i < N; i++) {
        struct kt_row r;
        uint8_t d[32];
        kt_arena_reset(a);
        rowgen_next(&g, a, &r, d);
        raw += r.raw.n;
        assert_int_equal(kt_store_add(s, &r, d), KT_ADDED);
        assert_int_equal(kt_store_add(w, &r, d), KT_ADDED);
    }
    uint64_t plain = kt_store_counts(s).memory / N, with = kt_store_counts(w).memory / N;
    print_message("%llu bytes a row, and %llu for its record of %llu bytes\n", (unsigned long long)plain,
                  (unsigned long long)(with - plain), (unsigned long long)(raw / N));
    assert_true(plain <= 280);
    assert_true((with - plain) * 3 < raw / N);
    kt_arena_free(a);
    kt_store_free(s);
    kt_store_free(w);
}

/* --- verdicts that change ------------------------------------------------------------- */

static void a_row_takes_another_verdict_with_its_evidence(void **state)
{
    (void)state;
    struct kt_store *s = store(0, 0, false);
    struct rowgen g = {.state = 7};
    struct kt_arena *a = arena();
    struct kt_row in, out;
    uint8_t d[32];
    for (int i = 0; i < 3; i++) {
        rowgen_next(&g, a, &in, d);
        assert_int_equal(kt_store_add(s, &in, d), KT_ADDED);
    }
    struct kt_row_entities before, after;
    assert_true(kt_store_row_entities(s, 2, &before));
    const struct kt_evidence seen[] = {{KT_LIT("0f7a9a2e-1111-4222-8333-444455556666"), 1000}, {KT_SPAN_NONE, 2000}};
    struct kt_verdict v = {.risk = 93, .level = KT_LEVEL_CRITICAL, .n_rules = 2, .n_signals = 2, .why = "for another user"};
    v.rule[0] = (struct kt_matched){.id = KT_LIT("a-rule"), .risk = 25};
    v.rule[1] = (struct kt_matched){.id = KT_LIT("a-correlation"), .risk = 60, .correlation = true};
    v.signal[0] = (struct kt_signal){.name = KT_LIT("use.elsewhere"), .weight = 30, .evidence = seen, .n_evidence = 2};
    v.signal[1] = (struct kt_signal){.name = KT_LIT("rotation"), .weight = -35, .evidence = seen, .n_evidence = 1};
    assert_true(kt_store_revise(s, 2, &v));
    assert_true(kt_store_row(s, 2, false, a, &out));
    assert_int_equal(out.verdict.risk, 93);
    assert_int_equal(out.verdict.level, KT_LEVEL_CRITICAL);
    assert_string_equal(out.verdict.why, "for another user");
    assert_int_equal(out.verdict.n_rules, 2);
    assert_int_equal(out.verdict.n_signals, 2);
    for (int i = 0; i < 2; i++) {
        same_matched(&out.verdict.rule[i], &v.rule[i]);
        same_signal(&out.verdict.signal[i], &v.signal[i]);
    }
    assert_true(kt_store_row_entities(s, 2, &after));
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(kt_store_counts(s).revised, 1);
    assert_false(kt_store_revise(s, 4, &v));
    assert_false(kt_store_revise(s, 0, &v));
    assert_int_equal(kt_store_counts(s).revised, 1);
    kt_arena_free(a);
    kt_store_free(s);
}

static void verdicts_that_change_for_ever_take_no_more_memory(void **state)
{
    (void)state;
    struct kt_store *s = store(0, 0, false);
    struct rowgen g = {.state = 9};
    struct kt_arena *a = arena();
    struct kt_row in;
    uint8_t d[32];
    rowgen_next(&g, a, &in, d);
    assert_int_equal(kt_store_add(s, &in, d), KT_ADDED);
    uint64_t memory = 0;
    for (int i = 0; i < 20000; i++) {
        char id[40], why[40];
        (void)snprintf(id, sizeof id, "event %d", i);
        (void)snprintf(why, sizeof why, "used %d s later", i);
        const struct kt_evidence e = {kt_span_of(id), i};
        struct kt_verdict v = {.risk = i % 101, .n_signals = 1};
        v.signal[0] = (struct kt_signal){.name = kt_span_of(why), .weight = i % 50, .evidence = &e, .n_evidence = 1};
        memcpy(v.why, why, sizeof why);
        assert_true(kt_store_revise(s, in.seq, &v));
        if (i == 1000)
            memory = kt_store_counts(s).memory;
    }
    assert_true(kt_store_counts(s).memory <= memory + memory / 10);
    kt_arena_free(a);
    kt_store_free(s);
}

struct asker {
    struct kt_store *s;
    pthread_t thread;
};

static void *ask_from_elsewhere(void *ctx)
{
    (void)kt_store_counts(((struct asker *)ctx)->s);
    return NULL;
}

/* Who shows a screenful of rows waits once, and others wait for him. */
static void a_thread_that_holds_it_asks_without_waiting(void **state)
{
    (void)state;
    struct asker other = {.s = store(10, 0, false)};
    struct kt_arena *a = arena();
    struct kt_row in, out;
    uint8_t d[32] = {7};
    struct timespec soon;
    rowgen_plain(&in, "7e1f", 1700000000000);
    assert_int_equal(kt_store_add(other.s, &in, d), KT_ADDED);
    kt_store_hold(other.s);
    assert_true(kt_store_row(other.s, in.seq, false, a, &out));
    assert_true(kt_store_row(other.s, in.seq, false, a, &out));
    assert_int_equal(pthread_create(&other.thread, NULL, ask_from_elsewhere, &other), 0);
    (void)clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 20000000;
    soon.tv_sec += soon.tv_nsec / 1000000000;
    soon.tv_nsec %= 1000000000;
    assert_int_equal(pthread_timedjoin_np(other.thread, NULL, &soon), ETIMEDOUT);
    kt_store_release(other.s);
    assert_int_equal(pthread_join(other.thread, NULL), 0);
    assert_int_equal(kt_store_counts(other.s).shown, 1);
    kt_arena_free(a);
    kt_store_free(other.s);
}

/* The same additions to a store that keeps rows and to one that does not: few ids and few
 * contents, texts and UUIDs and none, more than are kept, suppressed ones, malformed ones. */
static void rows_that_are_only_seen_are_known_again_all_the_same(void **state)
{
    (void)state;
    struct kt_store *whole = store(700, 0, true), *seen = store(700, 0, true);
    struct rowgen g = {.state = 5, .malformed_per_mille = 20};
    struct kt_arena *a = arena();
    size_t told[KT_ADDED_NOT + 1] = {0};
    uint64_t x = 88172645463325252u;
    kt_store_only_seen(seen);
    for (int i = 0; i < 20000; i++) {
        struct kt_row r, again;
        char id[64], content[32];
        kt_arena_reset(a);
        uint8_t unused[32];
        rowgen_next(&g, a, &r, unused);
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        unsigned n = (unsigned)(x >> 20) % 3000, form = (unsigned)(x >> 40) % 8;
        snprintf(id, sizeof id, form == 1 ? "id-%u" : "00000000-0000-4000-8000-%012u", n);
        if (r.ev.kind != KT_KIND_MALFORMED)
            r.ev.event_id = form == 0 ? KT_SPAN_NONE : kt_span_of(id);
        else
            r.malformed.sha256[0] = (uint8_t)(r.origin.record = n % 20);
        if (form == 2)
            r.verdict = (struct kt_verdict){.filter = KT_LIT("f"), .filtered = KT_LIT("r")};
        snprintf(content, sizeof content, "%u %u", n, form == 3 ? (unsigned)(x >> 50) % 3 : 0);
        again = r;
        enum kt_store_added one = add(whole, &r, content), other = add(seen, &again, content);
        assert_int_equal(one, other);
        assert_int_equal(r.seq, again.seq);
        assert_int_equal(r.ev.flags, again.ev.flags);
        told[one]++;
    }
    assert_true(told[KT_ADDED] > 1000 && told[KT_ADDED_DUPLICATE] > 1000 && told[KT_ADDED_CONFLICT] > 100);
    struct kt_counts c = kt_store_counts(whole), d = kt_store_counts(seen);
    assert_int_equal(c.last, d.last);
    assert_int_equal(c.received, d.received);
    assert_int_equal(c.shown, d.shown);
    assert_int_equal(c.filtered, d.filtered);
    assert_int_equal(c.suppressed, d.suppressed);
    assert_int_equal(c.duplicate, d.duplicate);
    assert_int_equal(c.conflicts, d.conflicts);
    assert_int_equal(c.malformed, d.malformed);
    assert_int_equal(c.dropped, d.dropped);
    assert_int_equal(c.oldest, d.oldest);
    assert_int_equal(c.newest, d.newest);
    kt_arena_free(a);
    kt_store_free(whole);
    kt_store_free(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_that_holds_it_asks_without_waiting),
        cmocka_unit_test(a_row_takes_another_verdict_with_its_evidence),
        cmocka_unit_test(verdicts_that_change_for_ever_take_no_more_memory),
        cmocka_unit_test(a_row_comes_back_as_it_went_in),
        cmocka_unit_test(a_repeated_event_is_a_duplicate),
        cmocka_unit_test(one_id_with_two_contents_keeps_and_flags_both),
        cmocka_unit_test(without_an_id_the_content_decides),
        cmocka_unit_test(malformed_rows_are_told_apart_by_place_and_digest),
        cmocka_unit_test(the_oldest_arrivals_are_dropped_and_counted),
        cmocka_unit_test(memory_max_is_kept),
        cmocka_unit_test(a_dropped_row_that_is_read_again_is_a_duplicate),
        cmocka_unit_test(a_user_as_target_and_as_actor_is_one),
        cmocka_unit_test(role_root_and_other_accounts_are_others),
        cmocka_unit_test(an_unknown_tool_is_its_whole_text),
        cmocka_unit_test(an_entity_goes_with_its_last_row_and_its_handle_with_it),
        cmocka_unit_test(a_row_takes_little_memory),
        cmocka_unit_test(rows_that_are_only_seen_are_known_again_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
