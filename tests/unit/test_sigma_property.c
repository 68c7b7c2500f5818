/* detect: random sets of rules on random records give what a second, plain
 * reading of the same rules gives. The reading here knows nothing of the
 * engine's: it goes through values and patterns by recursion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "tests/unit/sigma_kit.h"
#include "tests/support/nodes.h"

enum { RULES = 60, TESTS = 3, VALUES = 3, SELECTIONS = 3, ROUNDS = 40, RECORDS = 60 };

struct dice {
    uint64_t x;
};

static unsigned roll(struct dice *d, unsigned n)
{
    d->x ^= d->x << 13;
    d->x ^= d->x >> 7;
    d->x ^= d->x << 17;
    return (unsigned)((d->x >> 20) % n);
}

static const char *const fields[] = {"eventName", "eventSource", "a", "a.b", "l", "o", "o.p", "ll.a"};
static const char *const words[] = {"a", "b", "ab", "ba", "aba", "abab", "A", "aB", "", "c", "bb", "abc", "1", "true", "12", "a\"b", "\"", "[]"};
static const char *const patterns[] = {"a", "b", "ab", "aba", "*a", "a*", "*ab*", "a?a", "*", "?", "", "b*b", "*a?", "aB", "1",
                                       "true", "a*b*a", "abab", "?b*", "*bc", "12", "[]", "a\"b", "*\"*", "\"", "*a\"", "[*]", "{*"};
enum how { EQUAL, CONTAINS, STARTS, ENDS, HOWS };
static const char *const hows[] = {"", "|contains", "|startswith", "|endswith"};

struct test {
    unsigned field;
    enum how how;
    bool cased, all, neq;
    unsigned n, value[VALUES];
};
struct selection {
    unsigned n;
    struct test test[TESTS];
};
struct rule {
    unsigned n, shape; /* of the condition */
    struct selection selection[SELECTIONS];
};

static const char *const conditions[] = {"1 of s*", "all of s*", "s0 and not s1", "s0 or not s1 and s2", "not (s0 or s1)", "s0"};

/* --- rules ----------------------------------------------------------------------- */

static void random_rule(struct dice *d, struct rule *r)
{
    *r = (struct rule){.n = SELECTIONS, .shape = roll(d, 6)};
    for (unsigned i = 0; i < SELECTIONS; i++) {
        struct selection *s = &r->selection[i];
        s->n = 1 + roll(d, TESTS);
        for (unsigned k = 0; k < s->n; k++) {
            struct test *t = &s->test[k];
            *t = (struct test){.field = roll(d, sizeof fields / sizeof *fields), .how = roll(d, HOWS), .cased = roll(d, 4) == 0,
                               .n = 1 + roll(d, VALUES), .neq = roll(d, 6) == 0};
            t->all = t->n > 1 && roll(d, 4) == 0;
            t->field = (t->field + 3 * k) % (sizeof fields / sizeof *fields); /* a key twice is no YAML */
            for (unsigned v = 0; v < t->n; v++)
                t->value[v] = roll(d, sizeof patterns / sizeof *patterns);
        }
    }
}

static bool same_key(const struct test *a, const struct test *b)
{
    return a->field == b->field && a->how == b->how && a->cased == b->cased && a->all == b->all && a->neq == b->neq;
}

static void write_rule(struct kt_buf *b, const struct rule *r, unsigned number)
{
    assert_true(kt_buf_addf(b, "---\ntitle: R\nid: r%u\n" AWS "detection:\n", number));
    for (unsigned i = 0; i < r->n; i++) {
        assert_true(kt_buf_addf(b, "  s%u:\n", i));
        for (unsigned k = 0; k < r->selection[i].n; k++) {
            const struct test *t = &r->selection[i].test[k];
            assert_true(kt_buf_addf(b, "    %s%s%s%s%s: [", fields[t->field], hows[t->how], t->cased ? "|cased" : "",
                                    t->all ? "|all" : "", t->neq ? "|neq" : ""));
            for (unsigned v = 0; v < t->n; v++)
                assert_true(kt_buf_addf(b, "%s'%s'", v ? ", " : "", patterns[t->value[v]]));
            assert_true(kt_buf_adds(b, "]\n"));
        }
    }
    assert_true(kt_buf_addf(b, "  condition: %s\n", conditions[r->shape]));
}

/* --- records --------------------------------------------------------------------- */

static json_t *scalar(struct dice *d)
{
    switch (roll(d, 8)) {
    case 0: return json_integer(roll(d, 2) ? 1 : 12);
    case 1: return json_true();
    case 2: return json_null();
    default: return json_string(words[roll(d, sizeof words / sizeof *words)]);
    }
}

static json_t *list(struct dice *d)
{
    json_t *l = json_array();
    for (unsigned n = roll(d, 4); n; n--)
        json_array_append_new(l, roll(d, 5) ? scalar(d) : json_pack("{s:o}", "a", scalar(d)));
    return l;
}

static json_t *random_record(struct dice *d)
{
    json_t *o = json_object();
    for (unsigned i = 0; i < 3; i++)
        if (roll(d, 5))
            json_object_set_new(o, fields[i], scalar(d));
    if (roll(d, 3) == 0)
        json_object_set_new(o, "a", json_pack("{s:o}", "b", roll(d, 3) ? scalar(d) : list(d)));
    if (roll(d, 4) == 0)
        json_object_set_new(o, "a.b", scalar(d));
    json_object_set_new(o, "l", list(d));
    json_object_set_new(o, "o", roll(d, 2) ? json_pack("{s:o,s:o}", "p", scalar(d), "q", list(d)) : scalar(d));
    json_object_set_new(o, "ll", list(d));
    return o;
}

/* --- the second reading ------------------------------------------------------------ */

static int low(char c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static bool glob(const char *p, const char *t, bool cased)
{
    if (*p == '*')
        return glob(p + 1, t, cased) || (*t && glob(p, t + 1, cased));
    if (!*p || !*t)
        return !*p && !*t;
    return (*p == '?' || (cased ? *p == *t : low(*p) == low(*t))) && glob(p + 1, t + 1, cased);
}

static bool text_is(const struct test *t, unsigned v, const char *text)
{
    char p[40];
    assert_true(snprintf(p, sizeof p, "%s%s%s", t->how == CONTAINS || t->how == ENDS ? "*" : "", patterns[t->value[v]],
                         t->how == CONTAINS || t->how == STARTS ? "*" : "") > -1);
    return glob(p, text, t->cased);
}

static bool scalar_is(const struct test *t, unsigned v, json_t *j)
{
    char number[40];
    if (json_is_string(j))
        return text_is(t, v, json_string_value(j));
    if (json_is_true(j))
        return text_is(t, v, "true");
    if (!json_is_integer(j))
        return false;
    assert_true(snprintf(number, sizeof number, "%d", (int)json_integer_value(j)) > 0);
    return text_is(t, v, number);
}

static bool leaf_is(const struct test *t, unsigned v, json_t *j)
{
    const char *key;
    json_t *item;
    size_t i;
    bool yes = false;
    if (json_is_array(j)) {
        json_array_foreach(j, i, item) yes |= leaf_is(t, v, item);
        return yes;
    }
    if (!json_is_object(j))
        return scalar_is(t, v, j);
    json_object_foreach(j, key, item) yes |= leaf_is(t, v, item);
    return yes;
}

static bool value_is(const struct test *t, unsigned v, json_t *j)
{
    const char *p = patterns[t->value[v]];
    size_t n = strlen(p), i;
    json_t *item;
    if (!json_is_array(j) && !json_is_object(j))
        return scalar_is(t, v, j);
    json_array_foreach(j, i, item) if (scalar_is(t, v, item)) return true;
    bool head = t->how == CONTAINS || t->how == ENDS || p[0] == '*';
    bool tail = t->how == CONTAINS || t->how == STARTS || (n && p[n - 1] == '*');
    bool only = (t->how == EQUAL || t->how == CONTAINS || t->how == STARTS || t->how == ENDS) && strspn(p, "*") == n && (head || tail);
    if (head && tail && !only && leaf_is(t, v, j))
        return true;
    if (!strchr(p, '*') && !strchr(p, '?') && t->how == EQUAL)
        return false;
    char *text = json_dumps(j, JSON_COMPACT);
    bool yes = text_is(t, v, text);
    free(text);
    return yes;
}

static bool path_is(const struct test *t, unsigned v, json_t *j, const char *path)
{
    size_t i;
    json_t *item;
    bool yes = false;
    if (json_is_array(j)) {
        json_array_foreach(j, i, item) yes |= json_is_object(item) && path_is(t, v, item, path);
        return yes;
    }
    json_t *whole = json_object_get(j, path);
    if (whole)
        return value_is(t, v, whole);
    const char *dot = strchr(path, '.');
    char first[20];
    if (!dot)
        return false;
    assert_true(snprintf(first, sizeof first, "%.*s", (int)(dot - path), path) > 0);
    return path_is(t, v, json_object_get(j, first), dot + 1);
}

static bool test_is(const struct test *t, json_t *root)
{
    bool any = false, all = true;
    for (unsigned v = 0; v < t->n; v++) {
        bool yes = path_is(t, v, root, fields[t->field]);
        any |= yes;
        all &= yes;
    }
    return (t->all ? all : any) != t->neq;
}

static bool rule_is(const struct rule *r, json_t *root)
{
    bool s[SELECTIONS];
    for (unsigned i = 0; i < SELECTIONS; i++) {
        s[i] = true;
        for (unsigned k = 0; k < r->selection[i].n; k++)
            s[i] &= test_is(&r->selection[i].test[k], root);
    }
    const bool results[] = {s[0] || s[1] || s[2], s[0] && s[1] && s[2], s[0] && !s[1], s[0] || (!s[1] && s[2]),
                            !(s[0] || s[1]), s[0]};
    return results[r->shape];
}

/* --- both ------------------------------------------------------------------------ */

static void keys_once(struct rule *r)
{
    for (unsigned i = 0; i < r->n; i++)
        for (unsigned k = 1; k < r->selection[i].n; k++)
            for (unsigned j = 0; j < k; j++)
                if (same_key(&r->selection[i].test[j], &r->selection[i].test[k]))
                    r->selection[i].n = k;
}

static void complain(const struct rule *r, json_t *root, bool expected)
{
    struct kt_buf b;
    kt_buf_init(&b, 1 << 16);
    write_rule(&b, r, 0);
    char *text = json_dumps(root, 0);
    fail_msg("%d expected of\n%s\non %s", expected, kt_buf_str(&b), text);
}

static void compare(const struct kt_rules *s, const struct rule *rules, json_t *root)
{
    int matched[RULES];
    struct kt_verdict v;
    size_t n = kt_rules_match(s, node_of(root), &v, matched, RULES), k = 0;
    for (int i = 0; i < RULES; i++) {
        bool found = k < n && matched[k] == i;
        if (found != rule_is(&rules[i], root))
            complain(&rules[i], root, !found);
        k += found;
    }
    assert_int_equal(k, n);
}

static void random_rules_on_random_records_match_as_they_read(void **state)
{
    (void)state;
    struct dice d = {UINT64_C(0x9e3779b97f4a7c15)};
    static struct rule rules[RULES];
    for (int round = 0; round < ROUNDS; round++) {
        struct kt_buf b;
        struct kt_rules *s = empty_set();
        kt_buf_init(&b, 1 << 20);
        for (unsigned i = 0; i < RULES; i++) {
            random_rule(&d, &rules[i]);
            keys_once(&rules[i]);
            write_rule(&b, &rules[i], i);
        }
        add(s, "random", kt_buf_str(&b));
        assert_int_equal(kt_rules_count(s), RULES);
        for (int i = 0; i < RECORDS; i++) {
            json_t *root = random_record(&d);
            compare(s, rules, root);
            json_decref(root);
        }
        kt_buf_free(&b);
        kt_rules_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_rules_on_random_records_match_as_they_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
