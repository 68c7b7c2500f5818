/* The demo's three attacks, as the ledger tells them: what a newcomer is to
 * find in a key's pane. */
#include "engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define NOW INT64_C(1764000000000)

static int64_t then(void *ctx)
{
    (void)ctx;
    return NOW;
}
static const struct kt_clock clock_then = {then, NULL};

enum { KEYS_MAX = 200 };
static struct {
    char id[KEYS_MAX][32], actor[KEYS_MAX][64], target[KEYS_MAX][64];
    size_t n;
} made;

static struct {
    int least_attack, greatest_rotation, attacks, rotations;
} risks = {.least_attack = 100};

static void see_risk(const struct kt_row *r)
{
    const struct kt_verdict *v = &r->verdict;
    bool attack = kt_span_is(r->ev.actor.name, "data-pipeline") || kt_span_is(r->ev.actor.name, "ci-publish") ||
                  kt_span_is(r->ev.actor.name, "root");
    if (attack && r->ev.result == KT_RESULT_CREATED) {
        risks.attacks++;
        risks.least_attack = v->risk < risks.least_attack ? v->risk : risks.least_attack;
    }
    for (size_t i = 0; i < v->n_signals; i++)
        if (kt_span_starts(v->signal[i].name, "rotation.")) {
            risks.rotations++;
            risks.greatest_rotation = v->risk > risks.greatest_rotation ? v->risk : risks.greatest_rotation;
        }
}

static void copy(char *to, size_t size, struct kt_span s)
{
    snprintf(to, size, "%.*s", (int)s.n, s.p ? s.p : "");
}

static bool on_row(void *ctx, const struct kt_row *r, struct kt_node *root)
{
    (void)ctx;
    (void)root;
    see_risk(r);
    if (kt_span_known(r->ev.key.id) && made.n < KEYS_MAX) {
        copy(made.id[made.n], sizeof made.id[0], r->ev.key.id);
        copy(made.actor[made.n], sizeof made.actor[0], r->ev.actor.name);
        copy(made.target[made.n++], sizeof made.target[0], r->ev.target.name);
    }
    return true;
}

static struct kt_engine *engine;
static struct kt_arena *arena;

static int setup(void **state)
{
    (void)state;
    struct kt_err e = {0};
    const struct kt_engine_opts o = {.since = KT_TIME_NONE, .until = KT_TIME_NONE, .clock = &clock_then, .ledger = true};
    arena = kt_arena_new(16 << 20);
    if (kt_engine_new(&engine, &o, &e) != KT_OK || kt_engine_add(engine, "demo:", NULL, &e) != KT_OK)
        return -1;
    return kt_engine_run(engine, &(struct kt_engine_sink){.row = on_row, .at_end = true}, -1) && arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    kt_engine_free(engine);
    kt_arena_free(arena);
    return 0;
}

/* The life of the `k`th key that `actor` made for `target` (NULL: anyone). */
static bool life_of(const char *actor, const char *target, int k, struct kt_key_life *l)
{
    for (size_t i = 0; i < made.n; i++)
        if (strcmp(made.actor[i], actor) == 0 && (!target || strcmp(made.target[i], target) == 0) && k-- == 0)
            return kt_store_key_life(kt_engine_store(engine), kt_span_of(made.id[i]), arena, l);
    return false;
}

static void the_leaked_key_makes_one_that_is_used_34_seconds_later_from_elsewhere(void **state)
{
    (void)state;
    struct kt_key_life l;
    assert_true(life_of("ci-publish", "legacy-admin", 0, &l));
    assert_true(l.created);
    assert_true(l.first_use.time - l.creation.time == 34000);
    assert_true(kt_span_is(l.first_use.event_name, "GetCallerIdentity"));
    assert_true(kt_span_is(l.first_use.address, "198.51.100.77"));
    assert_true(kt_span_is(l.first_use.agent.os, "kali"));
    assert_int_equal(l.first_use.agent.cls, KT_AGENT_ATTACK_TOOL);
    assert_int_equal(l.first_elsewhere, KT_YES);
    assert_int_equal(l.first_other_agent, KT_YES);
    assert_true(l.uses >= 7);
    assert_int_equal(l.n_address, 1);
    assert_int_equal(l.state, KT_KEY_ACTIVE); /* nobody has seen it yet */
}

static void roots_own_key_is_used_from_the_same_address_with_another_tool(void **state)
{
    (void)state;
    struct kt_key_life l;
    assert_true(life_of("root", "root", 0, &l));
    assert_true(l.root);
    assert_true(l.first_use.time - l.creation.time == 48000);
    assert_int_equal(l.first_elsewhere, KT_NO);
    assert_int_equal(l.first_other_agent, KT_YES);
    assert_true(kt_span_is(l.first_use.agent.tool, "aws-cli"));
    assert_int_equal(l.state, KT_KEY_DELETED);
}

static void the_keys_of_the_spree_were_not_seen_in_use_before_they_were_deleted(void **state)
{
    (void)state;
    struct kt_key_life l;
    int n = 0;
    for (; life_of("data-pipeline", NULL, n, &l); n++) {
        assert_int_equal(l.uses, 0);
        assert_true(l.first_use.time == KT_TIME_NONE);
        assert_int_equal(l.state, KT_KEY_DELETED);
    }
    assert_true(n >= 4);
}

static void rotations_among_the_routine_are_told_both_ways(void **state)
{
    (void)state;
    int both = 0;
    for (size_t i = 0; i < made.n; i++) {
        struct kt_key_life l, old;
        struct kt_store *s = kt_engine_store(engine);
        if (!kt_store_key_life(s, kt_span_of(made.id[i]), arena, &l) || !kt_span_known(l.rotation_of))
            continue;
        assert_true(kt_store_key_life(s, l.rotation_of, arena, &old));
        assert_true(kt_span_eq(old.rotated_into, l.id));
        assert_true(kt_span_eq(old.user, l.user));
        assert_true(old.state == KT_KEY_INACTIVE || old.state == KT_KEY_DELETED);
        both++;
    }
    assert_true(both >= 5);
}

static void attacks_end_high_and_rotations_low(void **state)
{
    (void)state;
    assert_true(risks.attacks >= 6);
    assert_true(risks.least_attack >= 70);
    assert_true(risks.rotations >= 5);
    assert_true(risks.greatest_rotation <= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_leaked_key_makes_one_that_is_used_34_seconds_later_from_elsewhere),
        cmocka_unit_test(roots_own_key_is_used_from_the_same_address_with_another_tool),
        cmocka_unit_test(the_keys_of_the_spree_were_not_seen_in_use_before_they_were_deleted),
        cmocka_unit_test(rotations_among_the_routine_are_told_both_ways),
        cmocka_unit_test(attacks_end_high_and_rotations_low),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
