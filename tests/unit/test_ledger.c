/* store: the life of a key, from facts in any order. */
#include "base/buf.h"
#include "store/ledger.h"

#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define T0 INT64_C(1714557600000) /* 2024-05-01T10:00:00Z */
#define SECOND INT64_C(1000)
#define HOUR (INT64_C(3600) * SECOND)
#define OLD "AKIAEXAMPLEEXAMPLE01"
#define NEW "AKIAEXAMPLEEXAMPLE02"

static struct kt_store *store;
static struct kt_arena *arena;
static struct kt_key_life life;

static int setup(void **state)
{
    (void)state;
    store = kt_store_new(&(struct kt_store_opts){0});
    arena = kt_arena_new(64 << 20);
    return store && arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    kt_store_free(store);
    kt_arena_free(arena);
    return 0;
}

static void is(struct kt_span got, const char *want)
{
    if (want ? !kt_span_is(got, want) : kt_span_known(got))
        fail_msg("\"%.*s\" is not \"%s\"", (int)got.n, got.p ? got.p : "", want ? want : "(unknown)");
}

/* Facts of a made-up organization, told by few words. */
static struct kt_fact fact(enum kt_kind kind, const char *key, int64_t at, const char *id)
{
    return (struct kt_fact){
        .kind = kind, .result = KT_RESULT_DONE, .time = at, .key = kt_span_of(key), .event_id = kt_span_of(id),
        .event_name = kind == KT_KIND_USE ? KT_LIT("GetCallerIdentity") : KT_LIT("Some"),
        .event_source = kind == KT_KIND_USE ? KT_LIT("sts.amazonaws.com") : KT_LIT("iam.amazonaws.com"),
        .account = KT_LIT("111122223333"), .user = KT_LIT("bob"), .actor = kind == KT_KIND_USE ? KT_SPAN_NONE : KT_LIT("alice"),
        .actor_type = kind == KT_KIND_USE ? KT_SPAN_NONE : KT_LIT("IAMUser"), .address = KT_LIT("203.0.113.9"),
        .address_kind = KT_ADDRESS_IP, .agent = KT_LIT("Boto3/1.28.0 ua/2.0 os/linux#5.15 Botocore/1.31.0")};
}

static void learn(enum kt_kind kind, const char *key, int64_t at, const char *id)
{
    struct kt_fact f = fact(kind, key, at, id);
    assert_int_equal(kt_store_learn(store, &f), KT_LEARNT);
}

static const struct kt_key_life *read_life(const char *key)
{
    kt_arena_reset(arena);
    assert_true(kt_store_key_life(store, kt_span_of(key), arena, &life));
    return &life;
}

static void nothing_is_known_of_a_key_that_was_not_seen(void **state)
{
    (void)state;
    assert_false(kt_store_key_life(store, KT_LIT(OLD), arena, &life));
    learn(KT_KIND_USE, OLD, T0, "a");
    assert_false(kt_store_key_life(store, KT_LIT(NEW), arena, &life));
    assert_int_equal(kt_store_key_state(store, KT_LIT(NEW), NULL), KT_KEY_UNKNOWN);
}

static void a_life_tells_its_creation_and_its_first_and_last_use(void **state)
{
    (void)state;
    struct kt_fact f = fact(KT_KIND_CREATION, OLD, T0, "c");
    f.seq = 7;
    f.actor_session = KT_LIT("i-1");
    kt_store_learn(store, &f);
    f = fact(KT_KIND_USE, OLD, T0 + 34 * SECOND, "u1");
    f.address = KT_LIT("198.51.100.77");
    f.agent = KT_LIT("aws-cli/2.15.22 Python/3.11.8 Linux/6.6.9-amd64 source/x86_64.kali.2024 prompt/off command/sts.get");
    kt_store_learn(store, &f);
    f = fact(KT_KIND_USE, OLD, T0 + 90 * SECOND, "u2");
    f.event_name = KT_LIT("ListBuckets");
    f.event_source = KT_LIT("s3.amazonaws.com");
    f.result = KT_RESULT_DENIED;
    kt_store_learn(store, &f);
    const struct kt_key_life *l = read_life(OLD);
    assert_true(l->created);
    assert_int_equal(l->seq, 7);
    assert_true(l->creation.time == T0);
    is(l->creator, "alice");
    is(l->creator_type, "IAMUser");
    is(l->creator_session, "i-1");
    is(l->user, "bob");
    is(l->account, "111122223333");
    assert_int_equal(l->uses, 2);
    assert_int_equal(l->denied, 1);
    assert_true(l->first_use.time == T0 + 34 * SECOND);
    is(l->first_use.event_name, "GetCallerIdentity");
    is(l->first_use.event_source, "sts.amazonaws.com");
    is(l->first_use.address, "198.51.100.77");
    is(l->first_use.agent.tool, "aws-cli");
    is(l->first_use.agent.os, "kali");
    assert_int_equal(l->first_elsewhere, KT_YES);
    assert_int_equal(l->first_other_agent, KT_YES);
    is(l->last_use.event_name, "ListBuckets");
    assert_int_equal(l->last_use.result, KT_RESULT_DENIED);
    assert_int_equal(l->n_address, 2);
    assert_int_equal(l->n_agent, 2);
    assert_int_equal(l->state, KT_KEY_ACTIVE);
    assert_true(l->since == T0);
}

static void places_are_counted_each_with_its_first_and_last_time(void **state)
{
    (void)state;
    static const char *const from[] = {"192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.1"};
    for (int i = 0; i < 4; i++) {
        char id[16];
        snprintf(id, sizeof id, "u%d", i);
        struct kt_fact f = fact(KT_KIND_USE, OLD, T0 + i * SECOND, id);
        f.address = kt_span_of(from[i]);
        f.result = i == 3 ? KT_RESULT_DENIED : KT_RESULT_DONE;
        kt_store_learn(store, &f);
    }
    const struct kt_key_life *l = read_life(OLD);
    assert_int_equal(l->n_address, 2);
    is(l->address[0].name, "192.0.2.1");
    assert_int_equal(l->address[0].uses, 3);
    assert_int_equal(l->address[0].denied, 1);
    assert_true(l->address[0].first == T0 && l->address[0].last == T0 + 3 * SECOND);
    is(l->address[1].name, "192.0.2.2");
    assert_int_equal(l->n_agent, 1);
    is(l->agent[0].agent.tool, "boto3");
    assert_int_equal(l->agent[0].uses, 4);
}

static void what_differs_only_in_the_command_is_one_agent(void **state)
{
    (void)state;
    struct kt_fact f = fact(KT_KIND_USE, OLD, T0, "u1");
    f.agent = KT_LIT("aws-cli/2.17.32 md/awscrt#0.20.11 ua/2.0 os/linux#6.5 md/command#s3.ls");
    kt_store_learn(store, &f);
    f.agent = KT_LIT("aws-cli/2.17.32 md/awscrt#0.20.11 ua/2.0 os/linux#6.5 md/command#iam.list-users");
    f.event_id = KT_LIT("u2");
    kt_store_learn(store, &f);
    assert_int_equal(read_life(OLD)->n_agent, 1);
}

static void elsewhere_is_said_only_of_addresses_of_a_network(void **state)
{
    (void)state;
    struct kt_fact f = fact(KT_KIND_CREATION, OLD, T0, "c");
    f.address = KT_LIT("cloudformation.amazonaws.com");
    f.address_kind = KT_ADDRESS_SERVICE;
    kt_store_learn(store, &f);
    learn(KT_KIND_USE, OLD, T0 + SECOND, "u");
    assert_int_equal(read_life(OLD)->first_elsewhere, KT_UNKNOWN);
    assert_int_equal(life.first_other_agent, KT_NO);
}

static void a_key_is_as_its_last_change_left_it_and_deleted_for_good(void **state)
{
    (void)state;
    assert_null(kt_key_state_name(KT_KEY_UNKNOWN));
    learn(KT_KIND_DEACTIVATION, OLD, T0 + 2 * SECOND, "d");
    assert_int_equal(read_life(OLD)->state, KT_KEY_INACTIVE);
    learn(KT_KIND_REACTIVATION, OLD, T0 + SECOND, "r1");
    assert_int_equal(kt_store_key_state(store, KT_LIT(OLD), NULL), KT_KEY_INACTIVE);
    learn(KT_KIND_REACTIVATION, OLD, T0 + 3 * SECOND, "r2");
    assert_int_equal(read_life(OLD)->state, KT_KEY_ACTIVE);
    learn(KT_KIND_DELETION, OLD, T0, "x");
    const struct kt_key_life *l = read_life(OLD);
    assert_int_equal(l->state, KT_KEY_DELETED);
    assert_int_equal(l->deactivations, 1);
    assert_int_equal(l->reactivations, 2);
    assert_int_equal(l->deletions, 1);
    assert_int_equal(l->n_change, 4);
    assert_int_equal(l->change[0].kind, KT_KIND_DELETION);
    assert_int_equal(l->change[3].kind, KT_KIND_REACTIVATION);
    is(l->change[3].actor, "alice");
    assert_string_equal(kt_key_state_name(l->state), "deleted");
}

static void a_use_says_no_more_than_that_the_key_was_active(void **state)
{
    (void)state;
    learn(KT_KIND_USE, OLD, T0, "u");
    const struct kt_key_life *l = read_life(OLD);
    assert_int_equal(l->state, KT_KEY_ACTIVE);
    assert_false(l->created);
    assert_true(l->creation.time == KT_TIME_NONE);
    assert_int_equal(l->first_elsewhere, KT_UNKNOWN);
    learn(KT_KIND_DEACTIVATION, OLD, T0 - SECOND, "d");
    assert_int_equal(read_life(OLD)->state, KT_KEY_INACTIVE);
}

static void the_same_event_twice_is_learnt_once(void **state)
{
    (void)state;
    static const enum kt_kind kinds[] = {KT_KIND_CREATION, KT_KIND_USE, KT_KIND_DEACTIVATION, KT_KIND_DELETION};
    for (size_t i = 0; i < 4; i++) {
        struct kt_fact f = fact(kinds[i], OLD, T0, "one");
        assert_int_equal(kt_store_learn(store, &f), KT_LEARNT);
        assert_int_equal(kt_store_learn(store, &f), KT_LEARNT_BEFORE);
        f = fact(kinds[i], NEW, T0, NULL); /* without an eventID its facts decide */
        assert_int_equal(kt_store_learn(store, &f), KT_LEARNT);
        assert_int_equal(kt_store_learn(store, &f), KT_LEARNT_BEFORE);
    }
    struct kt_counts c = kt_store_counts(store);
    assert_int_equal(c.facts, 8);
    assert_int_equal(c.facts_duplicate, 8);
    assert_int_equal(c.received, 0); /* facts are counted apart from rows */
    assert_int_equal(c.keys, 2);
    assert_int_equal(read_life(OLD)->uses, 1);
}

static void a_use_that_comes_again_after_the_window_is_counted_twice(void **state)
{
    (void)state;
    char id[64];
    learn(KT_KIND_USE, OLD, T0, "first");
    for (int i = 0; i < KT_LIFE_WINDOW; i++) {
        snprintf(id, sizeof id, "%08x-0000-4000-8000-000000000000", (unsigned)i);
        learn(KT_KIND_USE, OLD, T0 + i, id);
    }
    struct kt_fact f = fact(KT_KIND_USE, OLD, T0, "first");
    assert_int_equal(kt_store_learn(store, &f), KT_LEARNT);
    assert_int_equal(read_life(OLD)->uses, KT_LIFE_WINDOW + 2);
    assert_true(life.first_use.time == T0);
}

static void ids_that_name_no_key_are_not_learnt(void **state)
{
    (void)state;
    static const char *const ids[] = {NULL, "", "AKIA", "AKIA****************", "AKIAEXAMPLE EXAMPLE1", "AKIA\xc3\xa9" "EXAMPLE"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct kt_fact f = fact(KT_KIND_USE, ids[i], T0, "u");
        assert_int_equal(kt_store_learn(store, &f), KT_LEARNT_ODD);
    }
    struct kt_fact f = fact(KT_KIND_CREDENTIAL, OLD, T0, "x");
    assert_int_equal(kt_store_learn(store, &f), KT_LEARNT_ODD);
}

/* --- rotation --------------------------------------------------------------------- */

static void a_key_made_shortly_before_another_ended_is_what_it_was_rotated_into(void **state)
{
    (void)state;
    learn(KT_KIND_CREATION, OLD, T0 - 100 * HOUR, "c1");
    learn(KT_KIND_DEACTIVATION, OLD, T0 + HOUR, "d1");
    learn(KT_KIND_CREATION, NEW, T0, "c2");
    is(read_life(OLD)->rotated_into, NEW);
    is(life.rotation_of, NULL);
    is(read_life(NEW)->rotation_of, OLD);
    is(life.rotated_into, NULL);
}

static void what_is_too_far_apart_or_of_another_user_is_no_rotation(void **state)
{
    (void)state;
    learn(KT_KIND_CREATION, OLD, T0 - 100 * HOUR, "c1");
    learn(KT_KIND_CREATION, NEW, T0, "c2");
    learn(KT_KIND_DELETION, OLD, T0 + KT_ROTATION_MS + 1, "d1");
    is(read_life(OLD)->rotated_into, NULL);
    learn(KT_KIND_DEACTIVATION, OLD, T0 + KT_ROTATION_MS, "d2");
    is(read_life(OLD)->rotated_into, NEW);
    struct kt_fact f = fact(KT_KIND_CREATION, "AKIAEXAMPLEEXAMPLE03", T0 + HOUR, "c3");
    f.user = KT_LIT("bobby");
    kt_store_learn(store, &f);
    is(read_life(OLD)->rotated_into, NEW);
    f = fact(KT_KIND_CREATION, "AKIAEXAMPLEEXAMPLE04", T0 + HOUR, "c4");
    f.account = KT_LIT("222233334444");
    kt_store_learn(store, &f);
    is(read_life(OLD)->rotated_into, NEW);
}

static void a_newer_key_that_ends_was_not_rotated_into_an_older_one(void **state)
{
    (void)state;
    learn(KT_KIND_CREATION, OLD, T0, "c1");
    learn(KT_KIND_CREATION, NEW, T0 + HOUR, "c2");
    learn(KT_KIND_DELETION, NEW, T0 + 2 * HOUR, "d2");
    is(read_life(NEW)->rotated_into, NULL);
    is(read_life(OLD)->rotation_of, NULL);
}

/* --- any order ---------------------------------------------------------------------- */

static void dump_moment(struct kt_buf *b, const char *word, const struct kt_moment *m)
{
    kt_buf_addf(b, "%s %" PRId64 " %d %d", word, m->time, (int)m->result, (int)m->address_kind);
    const struct kt_span s[] = {m->event_name, m->event_source, m->address, m->agent.text, m->agent.tool,
                                m->agent.version, m->agent.os};
    for (size_t i = 0; i < sizeof s / sizeof *s; i++)
        kt_buf_addf(b, " |%.*s", (int)s[i].n, s[i].p ? s[i].p : "");
    kt_buf_addc(b, '\n');
}

static void dump_places(struct kt_buf *b, const struct kt_life_place *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        kt_buf_addf(b, "place %.*s %.*s %.*s %" PRId64 " %" PRId64 " %" PRIu64 " %" PRIu64 "\n", (int)p[i].name.n,
                    p[i].name.p ? p[i].name.p : "", (int)p[i].agent.tool.n, p[i].agent.tool.p ? p[i].agent.tool.p : "",
                    (int)p[i].agent.text.n, p[i].agent.text.p ? p[i].agent.text.p : "", p[i].first, p[i].last, p[i].uses,
                    p[i].denied);
}

static void dump(struct kt_buf *b, const struct kt_key_life *l)
{
    kt_buf_addf(b, "%.*s of %.*s by %.*s%s state %d version %" PRIu64 " uses %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
                (int)l->id.n, l->id.p, (int)l->user.n, l->user.p ? l->user.p : "", (int)l->creator.n,
                l->creator.p ? l->creator.p : "", l->created ? " created" : "", (int)l->state, l->version, l->uses,
                l->denied, l->failed);
    dump_moment(b, "creation", &l->creation);
    dump_moment(b, "first", &l->first_use);
    dump_moment(b, "last", &l->last_use);
    dump_places(b, l->address, l->n_address);
    dump_places(b, l->agent, l->n_agent);
    for (size_t i = 0; i < l->n_change; i++)
        kt_buf_addf(b, "change %d %" PRId64 " %.*s\n", (int)l->change[i].kind, l->change[i].time,
                    (int)l->change[i].actor.n, l->change[i].actor.p);
    kt_buf_addf(b, "%d %d %" PRIu64 " %" PRIu64 " %" PRIu64 " into %.*s of %.*s since %" PRId64 "\n", (int)l->first_elsewhere,
                (int)l->first_other_agent, l->deactivations, l->reactivations, l->deletions, (int)l->rotated_into.n,
                l->rotated_into.p ? l->rotated_into.p : "", (int)l->rotation_of.n, l->rotation_of.p ? l->rotation_of.p : "",
                l->since);
}

enum { EVENTS = 60, KEYS = 4, ORDERS = 2000 };

static uint64_t rng = 88172645463325252u;
static uint32_t chance(uint32_t n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(rng >> 20) % n;
}

static const char *const key_ids[KEYS] = {OLD, NEW, "AKIAEXAMPLEEXAMPLE03", "AKIAEXAMPLEEXAMPLE04"};

/* Few times and few places, so that many facts contend. */
static void make_events(struct kt_fact out[EVENTS], char ids[EVENTS][40])
{
    static const enum kt_kind kinds[] = {KT_KIND_USE, KT_KIND_USE, KT_KIND_USE, KT_KIND_DEACTIVATION, KT_KIND_REACTIVATION,
                                         KT_KIND_DELETION, KT_KIND_CREATION};
    static const char *const from[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3"};
    static const char *const with[] = {"Boto3/1.28.0", "aws-cli/2.17.32 os/linux#6.5", "something else", NULL};
    static const char *const users[] = {"bob", "bob", "eve", NULL};
    for (int i = 0; i < EVENTS; i++) {
        snprintf(ids[i], 40, chance(2) ? "%08x-0000-4000-8000-000000000000" : "id %u", chance(1u << 30));
        out[i] = fact(kinds[chance(i < KEYS ? 1 : 7)], key_ids[chance(KEYS)], T0 + chance(20) * HOUR / 2, ids[i]);
        out[i].address = kt_span_of(from[chance(3)]);
        out[i].agent = kt_span_of(with[chance(4)]);
        out[i].user = kt_span_of(users[chance(4)]);
        out[i].result = chance(3) ? KT_RESULT_DONE : KT_RESULT_DENIED;
        if (chance(12) == 0)
            out[i].time = KT_TIME_NONE;
    }
    for (int k = 0; k < KEYS; k++) { /* one creation a key, as there is */
        out[k].kind = KT_KIND_CREATION;
        out[k].key = kt_span_of(key_ids[k]);
    }
    for (int i = KEYS; i < EVENTS; i++)
        if (out[i].kind == KT_KIND_CREATION)
            out[i].kind = KT_KIND_USE;
}

static void dump_all(struct kt_store *s, struct kt_buf *b)
{
    struct kt_key_life l;
    kt_buf_reset(b);
    kt_arena_reset(arena);
    for (int k = 0; k < KEYS; k++)
        if (kt_store_key_life(s, kt_span_of(key_ids[k]), arena, &l))
            dump(b, &l);
}

/* Each event at least once, some again, anywhere. */
static void learn_shuffled(struct kt_store *s, const struct kt_fact *f)
{
    int order[2 * EVENTS], n = 0;
    for (int i = 0; i < EVENTS; i++)
        order[n++] = i;
    while (n < 2 * EVENTS && chance(50))
        order[n++] = (int)chance(EVENTS);
    for (int i = n - 1; i > 0; i--) {
        int k = (int)chance((uint32_t)i + 1), t = order[i];
        order[i] = order[k];
        order[k] = t;
    }
    for (int i = 0; i < n; i++)
        kt_store_learn(s, &f[order[i]]);
}

static void the_ledger_is_the_same_for_every_order_of_arrival(void **state)
{
    (void)state;
    static struct kt_fact f[EVENTS];
    static char ids[EVENTS][40];
    struct kt_buf want, got;
    kt_buf_init(&want, 1 << 20);
    kt_buf_init(&got, 1 << 20);
    for (int i = 0; i < ORDERS; i++) {
        if (i % 100 == 0)
            make_events(f, ids);
        struct kt_store *s = kt_store_new(&(struct kt_store_opts){0});
        assert_non_null(s);
        if (i % 100 == 0) {
            for (int k = 0; k < EVENTS; k++)
                kt_store_learn(s, &f[k]);
            dump_all(s, &want);
        } else {
            learn_shuffled(s, f);
            dump_all(s, &got);
            assert_string_equal(kt_buf_str(&got), kt_buf_str(&want));
            assert_int_equal(kt_store_counts(s).facts, EVENTS);
        }
        kt_store_free(s);
    }
    kt_buf_free(&want);
    kt_buf_free(&got);
}

/* --- bounds --------------------------------------------------------------------------- */

static void places_beyond_the_declared_number_are_counted(void **state)
{
    (void)state;
    char id[32], from[32];
    for (int i = 0; i < KT_LIFE_PLACES + 10; i++) {
        snprintf(id, sizeof id, "u%d", i);
        snprintf(from, sizeof from, "10.0.0.%d", i);
        struct kt_fact f = fact(KT_KIND_USE, OLD, T0 + i, id);
        f.address = f.agent = kt_span_of(from);
        kt_store_learn(store, &f);
    }
    const struct kt_key_life *l = read_life(OLD);
    assert_int_equal(l->n_address, KT_LIFE_PLACES);
    assert_int_equal(l->addresses_beyond, 10);
    assert_int_equal(l->n_agent, KT_LIFE_PLACES);
    assert_int_equal(l->agents_beyond, 10);
    assert_int_equal(l->uses, KT_LIFE_PLACES + 10);
}

static void of_many_changes_the_first_and_the_last_are_kept(void **state)
{
    (void)state;
    char id[32];
    for (int i = 0; i < KT_LIFE_CHANGES + 9; i++) {
        snprintf(id, sizeof id, "d%d", i);
        learn(i % 2 ? KT_KIND_REACTIVATION : KT_KIND_DEACTIVATION, OLD, T0 + i * SECOND, id);
    }
    const struct kt_key_life *l = read_life(OLD);
    assert_int_equal(l->n_change, KT_LIFE_CHANGES);
    assert_int_equal(l->changes_beyond, 9);
    assert_true(l->change[0].time == T0);
    assert_true(l->change[KT_LIFE_CHANGES - 1].time == T0 + (KT_LIFE_CHANGES + 8) * SECOND);
    assert_int_equal(l->state, KT_KEY_INACTIVE);
    assert_int_equal(l->deactivations + l->reactivations, KT_LIFE_CHANGES + 9);
}

static void lives_without_news_are_dropped_for_new_ones_and_that_is_said(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    char key[32], id[64];
    struct kt_store *s = kt_store_new(&(struct kt_store_opts){.memory_max = 16 << 20});
    assert_non_null(s);
    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "AKIA%016d", i);
        snprintf(id, sizeof id, "u%d", i);
        struct kt_fact f = fact(KT_KIND_USE, key, T0 + i * SECOND, id);
        assert_int_equal(kt_store_learn(s, &f), KT_LEARNT);
    }
    struct kt_counts c = kt_store_counts(s);
    assert_int_equal(c.keys + c.keys_dropped, MANY);
    assert_true(c.keys_dropped > 0 && c.keys > 1000);
    assert_true(c.memory < (16 << 20));
    assert_false(kt_store_key_life(s, KT_LIT("AKIA0000000000000000"), arena, &life));
    assert_true(kt_store_key_life(s, kt_span_of(key), arena, &life));
    assert_true(life.since == T0 + (int64_t)(c.keys_dropped - 1) * SECOND);
    kt_store_free(s);
}

static void long_texts_are_cut_and_do_no_harm(void **state)
{
    (void)state;
    char *text = malloc(1 << 20);
    assert_non_null(text);
    memset(text, 'x', 1 << 20);
    struct kt_fact f = fact(KT_KIND_USE, OLD, T0, "u");
    f.address = f.event_name = f.event_source = f.user = f.agent = (struct kt_span){text, 1 << 20};
    assert_int_equal(kt_store_learn(store, &f), KT_LEARNT);
    free(text);
    assert_int_equal(read_life(OLD)->first_use.address.n, KT_LIFE_TEXT);
    assert_true(kt_store_counts(store).memory < 4 << 20);
}

/* --- one writer, readers ----------------------------------------------------------------- */

static atomic_bool over;

static void *reader(void *arg)
{
    struct kt_arena *a = kt_arena_new(16 << 20);
    struct kt_key_life l;
    uint64_t last = 0;
    while (a && !atomic_load(&over)) {
        kt_arena_reset(a);
        if (kt_store_key_life(arg, KT_LIT(OLD), a, &l)) {
            if (l.version < last || l.uses + 1 < l.version)
                abort();
            last = l.version;
        }
        (void)kt_store_key_state(arg, KT_LIT(NEW), NULL);
        (void)kt_store_counts(arg);
    }
    kt_arena_free(a);
    return NULL;
}

static void readers_see_whole_lives_while_the_ledger_grows(void **state)
{
    (void)state;
    pthread_t t;
    char key[32], id[32];
    atomic_store(&over, false);
    assert_int_equal(pthread_create(&t, NULL, reader, store), 0);
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "AKIA%016d", i);
        snprintf(id, sizeof id, "u%d", i);
        struct kt_fact f = fact(KT_KIND_USE, i % 2 ? OLD : key, T0 + i, id);
        kt_store_learn(store, &f);
    }
    atomic_store(&over, true);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_int_equal(read_life(OLD)->uses, 2500);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_known_of_a_key_that_was_not_seen),
        TEST(a_life_tells_its_creation_and_its_first_and_last_use),
        TEST(places_are_counted_each_with_its_first_and_last_time),
        TEST(what_differs_only_in_the_command_is_one_agent),
        TEST(elsewhere_is_said_only_of_addresses_of_a_network),
        TEST(a_key_is_as_its_last_change_left_it_and_deleted_for_good),
        TEST(a_use_says_no_more_than_that_the_key_was_active),
        TEST(the_same_event_twice_is_learnt_once),
        TEST(a_use_that_comes_again_after_the_window_is_counted_twice),
        TEST(ids_that_name_no_key_are_not_learnt),
        TEST(a_key_made_shortly_before_another_ended_is_what_it_was_rotated_into),
        TEST(what_is_too_far_apart_or_of_another_user_is_no_rotation),
        TEST(a_newer_key_that_ends_was_not_rotated_into_an_older_one),
        TEST(the_ledger_is_the_same_for_every_order_of_arrival),
        TEST(places_beyond_the_declared_number_are_counted),
        TEST(of_many_changes_the_first_and_the_last_are_kept),
        TEST(lives_without_news_are_dropped_for_new_ones_and_that_is_said),
        TEST(long_texts_are_cut_and_do_no_harm),
        TEST(readers_see_whole_lives_while_the_ledger_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
