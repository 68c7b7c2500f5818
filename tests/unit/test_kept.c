/* kept: lives of keys as images, joined in any order, and through state.db. */
#include "store/kept.h"
#include "store/state.h"
#include "tests/support/rows.h"
#include "tests/support/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KEYS = 5, T0 = 1790000000 };

/* The n-th fact of a made-up world: the same n, the same fact. */
static struct kt_fact fact(uint64_t n, char text[4][64])
{
    struct rowgen g = {.state = n * 7919 + 3};
    static const char *const agents[] = {"aws-cli/2.15.22 Python/3.11.8 Linux/6.6.9 exe/x86_64", "Boto3/1.28.0", "odd agent"};
    static const enum kt_kind kinds[] = {KT_KIND_USE, KT_KIND_USE, KT_KIND_USE, KT_KIND_USE, KT_KIND_CREATION,
                                         KT_KIND_DEACTIVATION, KT_KIND_REACTIVATION, KT_KIND_DELETION};
    struct kt_fact f = {.kind = kinds[rowgen_random(&g, 8)], .result = KT_RESULT_DONE};
    snprintf(text[0], 64, "00000000-0000-4000-8000-%012llx", (unsigned long long)n);
    snprintf(text[1], 64, "AKIAEXAMPLE%09d", (int)rowgen_random(&g, KEYS));
    snprintf(text[2], 64, "203.0.113.%d", (int)rowgen_random(&g, 90));
    snprintf(text[3], 64, "user%d", (int)rowgen_random(&g, 3));
    f.time = rowgen_random(&g, 20) ? (T0 + (int64_t)rowgen_random(&g, 5000)) * 1000 : KT_TIME_NONE;
    f.event_id = kt_span_of(text[0]);
    f.event_name = KT_LIT("GetCallerIdentity");
    f.event_source = KT_LIT("sts.amazonaws.com");
    f.key = kt_span_of(text[1]);
    f.account = KT_LIT("111122223333");
    f.user = rowgen_random(&g, 4) ? kt_span_of(text[3]) : KT_SPAN_NONE;
    f.actor = kt_span_of(text[3]);
    f.actor_type = KT_LIT("IAMUser");
    f.address = kt_span_of(text[2]);
    f.address_kind = KT_ADDRESS_IP;
    f.agent = kt_span_of(agents[rowgen_random(&g, 3)]);
    f.result = f.kind == KT_KIND_USE && rowgen_random(&g, 5) == 0 ? KT_RESULT_DENIED : KT_RESULT_DONE;
    return f;
}

static enum kt_learnt learn(struct kt_store *s, uint64_t n)
{
    char text[4][64];
    struct kt_fact f = fact(n, text);
    return kt_store_learn(s, &f);
}

static struct kt_store *new_store(void)
{
    struct kt_store *s = kt_store_new(&(struct kt_store_opts){0});
    assert_non_null(s);
    assert_true(kt_store_keep_lives(s));
    return s;
}

struct images {
    struct kt_buf of[KEYS];
};

static int key_number(struct kt_span key)
{
    return key.p[key.n - 1] - '0';
}

static void images_of(struct kt_store *s, struct images *out)
{
    struct kt_arena *a = kt_arena_new(1 << 20);
    for (int i = 0; i < KEYS; i++)
        kt_buf_init(&out->of[i], KT_LIFE_IMAGE_MAX);
    for (;;) {
        struct kt_buf b;
        struct kt_span key;
        int64_t news;
        kt_arena_reset(a);
        kt_buf_init(&b, KT_LIFE_IMAGE_MAX);
        if (!kt_store_life_next(s, a, &key, &news, &b)) {
            kt_buf_free(&b);
            break;
        }
        kt_buf_free(&out->of[key_number(key)]);
        out->of[key_number(key)] = b;
    }
    kt_arena_free(a);
}

static void images_free(struct images *x)
{
    for (int i = 0; i < KEYS; i++)
        kt_buf_free(&x->of[i]);
}

/* All that a life says, as one text. */
static void tell(struct kt_store *s, int key, struct kt_buf *b, bool counts)
{
    struct kt_arena *a = kt_arena_new(1 << 20);
    struct kt_key_life l;
    char id[32];
    snprintf(id, sizeof id, "AKIAEXAMPLE%09d", key);
    bool known = kt_store_key_life(s, kt_span_of(id), a, &l);
    kt_buf_addf(b, "%d %d %d %lld %lld %lld ", key, known, known ? l.state : 0, (long long)(known ? l.creation.time : 0),
                (long long)(known ? l.first_use.time : 0), (long long)(known ? l.last_use.time : 0));
    if (!known)
        goto done;
    kt_buf_addf(b, "%.*s %.*s %.*s %.*s", (int)l.user.n, l.user.p ? l.user.p : "", (int)l.creator.n, l.creator.p ? l.creator.p : "",
                (int)l.first_use.address.n, l.first_use.address.p ? l.first_use.address.p : "", (int)l.last_use.agent.tool.n,
                l.last_use.agent.tool.p ? l.last_use.agent.tool.p : "");
    if (counts)
        kt_buf_addf(b, " %llu %llu %zu %zu", (unsigned long long)l.uses, (unsigned long long)l.denied, l.n_address, l.n_agent);
    kt_buf_addf(b, " %llu %llu %llu %zu", (unsigned long long)l.deactivations, (unsigned long long)l.reactivations,
                (unsigned long long)l.deletions, l.n_change);
    for (size_t i = 0; i < l.n_change; i++)
        kt_buf_addf(b, " %d@%lld", l.change[i].kind, (long long)l.change[i].time);
done:
    kt_buf_addc(b, '\n');
    kt_arena_free(a);
}

static void assert_same(struct kt_store *x, struct kt_store *y, bool counts)
{
    struct kt_buf a, b;
    kt_buf_init(&a, 1 << 20);
    kt_buf_init(&b, 1 << 20);
    for (int k = 0; k < KEYS; k++) {
        tell(x, k, &a, counts);
        tell(y, k, &b, counts);
    }
    size_t at = 0;
    while (at < a.len && at < b.len && a.p[at] == b.p[at])
        at++;
    if (a.len != b.len || at < a.len)
        fail_msg("%.60s | %.60s", a.p + (at > 30 ? at - 30 : 0), b.p + (at > 30 ? at - 30 : 0));
    kt_buf_free(&a);
    kt_buf_free(&b);
}

static void take_all(struct kt_store *s, const struct images *x)
{
    struct kt_arena *a = kt_arena_new(4 << 20);
    for (int k = 0; k < KEYS; k++) {
        char id[32];
        snprintf(id, sizeof id, "AKIAEXAMPLE%09d", k);
        kt_arena_reset(a);
        if (x->of[k].len)
            assert_true(kt_store_life_take(s, kt_span_of(id), kt_buf_span(&x->of[k]), a));
    }
    kt_arena_free(a);
}

static void a_life_comes_back_as_it_went(void **state)
{
    (void)state;
    for (uint64_t facts = 1; facts < 400; facts += 37) {
        struct kt_store *s = new_store(), *t = new_store();
        struct images x;
        for (uint64_t i = 0; i < facts; i++)
            (void)learn(s, i);
        images_of(s, &x);
        take_all(t, &x);
        assert_same(s, t, true);
        /* and goes on from there */
        for (uint64_t i = facts; i < facts + 50; i++) {
            (void)learn(s, i);
            (void)learn(t, i);
        }
        assert_same(s, t, true);
        images_free(&x);
        kt_store_free(s);
        kt_store_free(t);
    }
}

static void join(struct kt_span a, struct kt_span b, struct kt_buf *out)
{
    struct kt_arena *scratch = kt_arena_new(4 << 20);
    kt_buf_reset(out);
    assert_true(kt_life_join(a, b, scratch, out));
    kt_arena_free(scratch);
}

/* Two that saw different parts, and some alike. */
static void images_are_joined_in_any_order_and_as_often_as_one_likes(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct rowgen g = {.state = seed};
        struct kt_store *s[3] = {new_store(), new_store(), new_store()}, *whole = new_store();
        struct images x[3];
        struct kt_buf ab, ba, c, d;
        for (uint64_t i = 0; i < 60; i++) {
            uint64_t who = rowgen_random(&g, 7) + 1, n = seed * 1000 + i;
            for (int k = 0; k < 3; k++)
                if (who & 1u << k)
                    (void)learn(s[k], n);
            (void)learn(whole, n);
        }
        struct kt_store *all = new_store();
        struct images joined;
        for (int k = 0; k < 3; k++)
            images_of(s[k], &x[k]);
        kt_buf_init(&ab, KT_LIFE_IMAGE_MAX);
        kt_buf_init(&ba, KT_LIFE_IMAGE_MAX);
        kt_buf_init(&c, KT_LIFE_IMAGE_MAX);
        kt_buf_init(&d, KT_LIFE_IMAGE_MAX);
        for (int k = 0; k < KEYS; k++) {
            kt_buf_init(&joined.of[k], KT_LIFE_IMAGE_MAX);
            bool in_all = x[0].of[k].len && x[1].of[k].len && x[2].of[k].len;
            if (!in_all)
                continue;
            struct kt_span p = kt_buf_span(&x[0].of[k]), q = kt_buf_span(&x[1].of[k]), r = kt_buf_span(&x[2].of[k]);
            join(p, q, &ab);
            join(q, p, &ba);
            assert_memory_equal(ab.p, ba.p, ab.len);
            join(kt_buf_span(&ab), r, &c); /* (p q) r = p (q r) */
            join(q, r, &ba);
            join(p, kt_buf_span(&ba), &d);
            assert_int_equal(c.len, d.len);
            assert_memory_equal(c.p, d.p, c.len);
            join(kt_buf_span(&c), q, &d); /* once more adds nothing */
            assert_int_equal(c.len, d.len);
            assert_memory_equal(c.p, d.p, c.len);
            kt_buf_add(&joined.of[k], c.p, c.len);
        }
        take_all(all, &joined);
        for (int k = 0; k < KEYS; k++) { /* times, places and changes are those of one that saw all */
            struct kt_buf m, n;
            kt_buf_init(&m, 1 << 16);
            kt_buf_init(&n, 1 << 16);
            tell(all, k, &m, false);
            tell(whole, k, &n, false);
            if (joined.of[k].len)
                assert_string_equal(kt_buf_str(&m), kt_buf_str(&n));
            kt_buf_free(&m);
            kt_buf_free(&n);
        }
        for (int k = 0; k < 3; k++) {
            images_free(&x[k]);
            kt_store_free(s[k]);
        }
        images_free(&joined);
        kt_buf_free(&ab);
        kt_buf_free(&ba);
        kt_buf_free(&c);
        kt_buf_free(&d);
        kt_store_free(whole);
        kt_store_free(all);
    }
}

static void an_image_that_was_changed_is_not_believed(void **state)
{
    (void)state;
    struct kt_store *s = new_store();
    struct kt_arena *a = kt_arena_new(4 << 20);
    struct images x;
    struct kt_buf out;
    for (uint64_t i = 0; i < 100; i++)
        (void)learn(s, i);
    images_of(s, &x);
    kt_buf_init(&out, KT_LIFE_IMAGE_MAX);
    struct kt_buf *b = &x.of[1];
    for (size_t i = 0; i < b->len; i++) {
        struct kt_store *t = new_store();
        b->p[i] = (char)(b->p[i] ^ 1 << i % 8);
        kt_arena_reset(a);
        assert_false(kt_store_life_take(t, KT_LIT("AKIAEXAMPLE000000001"), kt_buf_span(b), a));
        assert_false(kt_life_join(kt_buf_span(b), kt_buf_span(&x.of[2]), a, &out));
        b->p[i] = (char)(b->p[i] ^ 1 << i % 8);
        kt_store_free(t);
    }
    for (size_t n = 0; n < b->len; n += 7) {
        kt_arena_reset(a);
        assert_false(kt_life_join((struct kt_span){b->p, n}, kt_buf_span(&x.of[2]), a, &out));
    }
    kt_buf_free(&out);
    images_free(&x);
    kt_arena_free(a);
    kt_store_free(s);
}

static struct kt_state *begin(const char *path, struct kt_store **store)
{
    struct kt_state *s;
    struct kt_err e = {0};
    assert_int_equal(kt_state_open(&s, &(struct kt_state_opts){.path = path, .keep_ms = INT64_C(3650) * 86400000}, &e), KT_OK);
    *store = kt_store_new(&(struct kt_store_opts){0});
    assert_true(kt_state_keep_lives(s, *store));
    kt_state_load(s, NULL, 0, NULL, NULL);
    assert_int_equal(kt_state_start(s, *store, &e), KT_OK);
    return s;
}

static void a_new_start_knows_what_was_learnt_and_counts_nothing_twice(void **state)
{
    (void)state;
    struct temp_dir d;
    struct kt_store *store, *whole = new_store();
    temp_dir_make(&d);
    const char *path = temp_path(&d, "state.db");
    for (int run = 0; run < 4; run++) {
        struct kt_state *s = begin(path, &store);
        if (run)
            assert_same(store, whole, true);
        for (uint64_t i = 0; i < 200 * (uint64_t)(run + 1); i++) { /* sources are read from their start again */
            enum kt_learnt here = learn(store, i), there = learn(whole, i);
            assert_int_equal(here, there);
            if (i % 150 == 149)
                assert_true(kt_state_settle(s));
        }
        assert_same(store, whole, true);
        kt_state_close(s);
        kt_store_free(store);
    }
    kt_store_free(whole);
    temp_dir_remove(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_life_comes_back_as_it_went),
        cmocka_unit_test(images_are_joined_in_any_order_and_as_often_as_one_likes),
        cmocka_unit_test(an_image_that_was_changed_is_not_believed),
        cmocka_unit_test(a_new_start_knows_what_was_learnt_and_counts_nothing_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
