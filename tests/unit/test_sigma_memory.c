/* detect: each allocation made to fail in turn; several threads at once.
 * Under a sanitizer or valgrind, which have allocators of their own, the
 * first is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "detect/correlate.h"
#include "tests/unit/sigma_kit.h"
#include "tests/support/nodes.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__GLIBC__)
#define OWN_ALLOCATOR 1
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
static atomic_long fail_in = -1; /* < 0: none is to fail */
static atomic_bool has_failed;

static bool fails(void)
{
    if (atomic_load(&fail_in) < 0 || atomic_fetch_sub(&fail_in, 1) != 0)
        return false;
    atomic_store(&has_failed, true);
    errno = ENOMEM;
    return true;
}
void *malloc(size_t n)
{
    return fails() ? NULL : __libc_malloc(n);
}
void *calloc(size_t n, size_t size)
{
    return fails() ? NULL : __libc_calloc(n, size);
}
void *realloc(void *p, size_t n)
{
    return fails() ? NULL : __libc_realloc(p, n);
}
#endif

static const char *const documents =
    "title: A\nname: a\nid: a\n" AWS "detection:\n  s: {e|contains: [x, y], o|contains: 'k\":\"v', f|re: '^p(q|r)'}\n  t: {g: 'w*w?w'}\n"
    "  condition: s or t\n---\n"
    "title: B\nname: b\nid: b\n" AWS "detection: {s: {e: x}, condition: s}\nlevel: high\n---\n"
    "title: F\nid: f\n" AWS "filter: {rules: [b], s: {n|gte: 5}, condition: s}\n---\n"
    "title: C\nid: c\ncorrelation: {type: value_count, rules: [a, b], group-by: [g], timespan: 1h, condition: {field: n, gte: 2}}\n"
    "generate: true\n";
static const char *const record = "{\"e\":\"xx\",\"o\":{\"k\":\"v\"},\"f\":\"pq\",\"g\":\"h\",\"n\":1}";

#ifdef OWN_ALLOCATOR
static struct kt_rules *base_set(void)
{
    struct kt_rules *s = empty_set();
    add(s, "base", "title: Z\nid: z\n" AWS "detection: {s: {e: xx}, condition: s}\n");
    return s;
}

static void a_set_is_whole_or_as_it_was_when_memory_runs_out(void **state)
{
    (void)state;
    size_t failures = 0;
    bool done = false;
    for (long n = 0; !done; n++) {
        struct kt_rules *s = base_set();
        struct kt_err e = {KT_OK, ""};
        atomic_store(&has_failed, false);
        atomic_store(&fail_in, n);
        enum kt_code c = kt_rules_add(s, "d", documents, strlen(documents), &e);
        atomic_store(&fail_in, -1);
        done = !atomic_load(&has_failed);
        failures += !done;
        if (c == KT_OK) {
            assert_int_equal(kt_rules_count(s), 3);
            assert_int_equal(kt_rules_filters(s) + kt_rules_correlations(s), 2);
        } else {
            assert_true(c == KT_ENOMEM || c == KT_ELIMIT || c == KT_EFORMAT);
            assert_true(e.text[0]);
            assert_int_equal(kt_rules_count(s), 1);
            assert_int_equal(kt_rules_filters(s) + kt_rules_correlations(s), 0);
        }
        assert_true(set_matches(s, record));
        kt_rules_free(s);
    }
    assert_true(failures > 50);
}

static void a_verdict_without_memory_is_right_or_says_that_it_is_not(void **state)
{
    (void)state;
    json_t *root = record_of(record);
    struct kt_node *node = node_of(root);
    bool done = false;
    size_t failures = 0;
    for (long n = 0; !done; n++) {
        struct kt_rules *s = base_set();
        struct kt_verdict v;
        int matched[3];
        add(s, "d", documents);
        atomic_store(&has_failed, false);
        atomic_store(&fail_in, n);
        size_t found = kt_rules_match(s, node, &v, matched, 3);
        atomic_store(&fail_in, -1);
        done = !atomic_load(&has_failed);
        failures += !done;
        if (!v.undecided) {
            assert_int_equal(found, 2);
            assert_int_equal(matched[1], 1);
        }
        kt_rules_free(s);
    }
    assert_true(failures > 5);
    json_decref(root);
}

static void hear(void *ctx, const struct kt_correlated *c)
{
    *(size_t *)ctx += c->change == KT_CORRELATED_NEW;
}

static void a_correlator_without_memory_says_so_and_goes_on(void **state)
{
    (void)state;
    json_t *one = record_of("{\"g\":\"h\",\"n\":1}"), *two = record_of("{\"g\":\"h\",\"n\":2}");
    struct kt_node *node[2] = {node_of(one), node_of(two)};
    bool done = false;
    size_t failures = 0;
    for (long n = 0; !done; n++) {
        struct kt_rules *s = empty_set();
        struct kt_correlator *c = NULL;
        struct kt_err e = {KT_OK, ""};
        size_t told = 0;
        int rule = 0;
        add(s, "d", documents);
        atomic_store(&has_failed, false);
        atomic_store(&fail_in, n);
        enum kt_code code = kt_correlator_new(&c, s, NULL, &e);
        for (int64_t i = 0; i < 4 && code == KT_OK; i++) {
            struct kt_occurrence o = {&rule, 1, node[i % 2], i * 1000, {&"abcd"[i], 1}};
            enum kt_code fed = kt_correlator_feed(c, &o, hear, &told, &e);
            assert_true(fed == KT_OK || fed == KT_ENOMEM);
        }
        atomic_store(&fail_in, -1);
        done = !atomic_load(&has_failed);
        failures += !done;
        assert_true(code == KT_OK ? c != NULL : code == KT_ENOMEM && !c);
        if (done)
            assert_int_equal(told, 1);
        kt_correlator_free(c);
        kt_rules_free(s);
    }
    assert_true(failures > 10);
    json_decref(one);
    json_decref(two);
}
#endif

/* --- threads ------------------------------------------------------------------------- */

struct task {
    const struct kt_rules *s;
    size_t wrong;
};

static void *judge_many(void *arg)
{
    struct task *t = arg;
    for (int i = 0; i < 2000; i++) {
        struct kt_tree tree;
        kt_tree_init(&tree);
        struct kt_node *root = kt_tree_read(&tree, kt_span_of(i % 2 ? record : "{\"e\":\"x\",\"n\":7}"));
        struct kt_verdict v;
        int matched[3];
        size_t n = kt_rules_match(t->s, root, &v, matched, 3);
        t->wrong += i % 2 ? n != 1 || matched[0] != 0 : n != 0 || !kt_verdict_suppressed(&v);
        kt_tree_free(&tree);
    }
    return NULL;
}

static void several_threads_judge_by_one_set(void **state)
{
    (void)state;
    enum { THREADS = 12 }; /* more than there are spares */
    pthread_t thread[THREADS];
    struct task task[THREADS];
    struct kt_rules *s = empty_set();
    add(s, "d", documents);
    for (int i = 0; i < THREADS; i++) {
        task[i] = (struct task){s, 0};
        assert_int_equal(pthread_create(&thread[i], NULL, judge_many, &task[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_int_equal(task[i].wrong, 0);
    }
    kt_rules_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef OWN_ALLOCATOR
        cmocka_unit_test(a_set_is_whole_or_as_it_was_when_memory_runs_out),
        cmocka_unit_test(a_verdict_without_memory_is_right_or_says_that_it_is_not),
        cmocka_unit_test(a_correlator_without_memory_says_so_and_goes_on),
#endif
        cmocka_unit_test(several_threads_judge_by_one_set),
    };
    const struct CMUnitTest watched[] = {cmocka_unit_test(several_threads_judge_by_one_set)};
    if (getenv("KEYTOP_MEMCHECK"))
        return cmocka_run_group_tests(watched, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
