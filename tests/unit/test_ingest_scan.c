#include "ingest/pick.h"
#include "ingest/repair.h"
#include "ingest/scan.h"
#include "ingest/start.h"
#include "ingest/sweep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static unsigned seed = 1;
static unsigned next_random(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

/* Bytes as they come in trouble: mostly those that the scanner looks for. */
static char odd_byte(void)
{
    static const char odd[] = "\"\"\"\\\\\\{}[]:,\n\t\x01 aE/uU0\x80";
    unsigned r = next_random();
    return r % 3 ? odd[r / 3 % (sizeof odd - 1)] : (char)(r >> 4);
}

#ifdef __SSE2__
static void assert_all_agree(const char *p)
{
    struct kt_scan_masks a, b;
    kt_scan_portable(p, &a);
    kt_scan_sse2(p, &b);
    assert_memory_equal(&a, &b, sizeof a);
#ifdef __x86_64__
    if (kt_scan_is_wide()) {
        kt_scan_avx2(p, &b);
        assert_memory_equal(&a, &b, sizeof a);
    }
#endif
}
#endif

static void all_classifiers_agree_on_every_byte_in_every_place(void **state)
{
    (void)state;
#ifdef __SSE2__
    char p[KT_SCAN_BLOCK];
    for (int c = 0; c < 256; c++) {
        for (int i = 0; i < KT_SCAN_BLOCK; i++) {
            memset(p, 'x', sizeof p);
            p[i] = (char)c;
            assert_all_agree(p);
        }
    }
    for (int k = 0; k < 100000; k++) {
        for (int i = 0; i < KT_SCAN_BLOCK; i++)
            p[i] = odd_byte();
        assert_all_agree(p);
    }
#else
    print_message("SKIP: built without SSE2, there is one classifier\n");
    skip();
#endif
}

/* The plainest reading of a text, byte by byte. */
struct reading {
    bool in_string, escaped;
};

static void read_byte(struct reading *r, char c, bool *bracket, bool *damage)
{
    static const char outside[] = " \t\n\r\"{}[]:,+-.0123456789Eabcdefghijklmnopqrstuvwxyz";
    bool quote = c == '"' && !r->escaped;
    bool inside = r->in_string ? !quote : quote;
    *bracket = !inside && c && strchr("{}[]", c);
    *damage = inside ? (unsigned char)c < 0x20 : !c || !strchr(outside, c);
    r->escaped = c == '\\' && !r->escaped;
    r->in_string = inside;
}

static void the_step_reads_strings_however_the_text_is_cut(void **state)
{
    (void)state;
    enum { LEN = 2000 };
    for (int round = 0; round < 300; round++) {
        char p[LEN];
        for (int i = 0; i < LEN; i++)
            p[i] = odd_byte();
        struct reading r = {0};
        struct kt_scan s = {0};
        for (size_t at = 0; at < LEN;) {
            size_t n = round % 2 ? KT_SCAN_BLOCK : next_random() % KT_SCAN_BLOCK + 1;
            if (n > LEN - at)
                n = LEN - at;
            struct kt_scan_hits h;
            kt_scan_step(&s, p + at, n, &h);
            for (size_t i = 0; i < n; i++) {
                bool bracket, damage;
                read_byte(&r, p[at + i], &bracket, &damage);
                assert_int_equal(bracket, h.bracket >> i & 1);
                assert_int_equal(damage, h.damage >> i & 1);
                assert_int_equal(r.in_string, h.inside >> i & 1);
            }
            if (n < KT_SCAN_BLOCK)
                assert_int_equal((h.bracket | h.damage | h.inside) >> n, 0);
            at += n;
        }
    }
}

/* Bytes of clean text mostly, so that sweeps come far. */
static size_t clean_text(char *p, size_t room)
{
    static const char *const parts[] = {"{\"a\":", "\"x\\\"{}[]\\\\\"", "[1,2]", "},", "{\"eventName\":\"CreateAccessKey\"}", "true", ",",
                                        "\"AKIAEXAMPLE\"", "\"\\u0043reate\"", "\"\\u0026\"", "\n  ", "\"UpdateAccessKey AND TEXT\"",
                                        "\"\xc3\xa9\"", "]", "\"\\\\\\\"\""};
    size_t n = 0;
    while (n + 64 < room) {
        const char *part = parts[next_random() % (sizeof parts / sizeof *parts)];
        size_t k = strlen(part);
        memcpy(p + n, part, k);
        n += k;
    }
    if (next_random() % 4 == 0)
        p[next_random() % n] = odd_byte();
    return n;
}

static void assert_same_sweep(const struct kt_swept *a, const struct kt_swept *b)
{
    assert_int_equal(a->n_brackets, b->n_brackets);
    assert_memory_equal(a->bracket, b->bracket, a->n_brackets * sizeof *a->bracket);
    assert_int_equal(a->n_names, b->n_names);
    assert_memory_equal(a->name, b->name, a->n_names * sizeof *a->name);
    assert_int_equal(a->n_keys, b->n_keys);
    assert_memory_equal(a->key, b->key, a->n_keys * sizeof *a->key);
}

static void all_ways_of_sweeping_tell_the_same(void **state)
{
    (void)state;
    static const char *const names[] = {"CreateAccessKey", "UpdateAccessKey", "DeleteUser"}, *const key[] = {"AKIA"};
    static struct kt_swept x, y;
    static char p[3000];
    struct kt_sweep w;
    for (size_t n_names = 1; n_names <= 3; n_names++) {
        struct kt_pick *pick = kt_pick_new(names, n_names), *keys = kt_pick_new(key, 1);
        assert_true(pick && keys);
        kt_sweep_init(&w, pick, n_names == 1 ? NULL : keys);
        for (int round = 0; round < 2000; round++) {
            size_t n = clean_text(p, sizeof p), from = next_random() % 100;
            struct kt_scan s = {0}, t = {0};
            w.way = KT_SWEEP_PORTABLE;
            size_t to = kt_sweep(&w, p, from, from, n - w.margin, &s, &x);
            for (int way = KT_SWEEP_PORTABLE + 1; way < KT_SWEEP_WAYS; way++) {
                if (!kt_sweep_can((enum kt_sweep_way)way))
                    continue;
                w.way = (enum kt_sweep_way)way;
                t = (struct kt_scan){0};
                assert_int_equal(to, kt_sweep(&w, p, from, from, n - w.margin, &t, &y));
                assert_true(s.in_string == t.in_string && s.escaped == t.escaped);
                assert_same_sweep(&x, &y);
            }
        }
        kt_pick_free(pick);
        kt_pick_free(keys);
    }
    for (int way = 0; way < KT_SWEEP_WAYS; way++)
        if (!kt_sweep_can((enum kt_sweep_way)way))
            print_message("not on this machine: %s\n", kt_sweep_name((enum kt_sweep_way)way));
}

static const char *const few[] = {"CreateAccessKey"};
static const char *const many[] = {"CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey", "CreateLoginProfile",
                                   "UploadSSHPublicKey", "CreateServiceSpecificCredential", "A", "Ab", ""};

/* The first place by the plainest search. */
static bool slow_hit(const char *const *names, size_t n_names, const char *p, size_t n)
{
    for (size_t i = 0; i < n_names; i++)
        if (names[i][0] && memmem(p, n, names[i], strlen(names[i])))
            return true;
    for (size_t i = 0; i + 5 <= n; i++)
        if (memcmp(p + i, "\\u00", 4) == 0 && p[i + 4] >= '4' && p[i + 4] <= '7')
            return true;
    return false;
}

static void the_fast_search_finds_what_a_slow_one_finds(void **state)
{
    (void)state;
    static const struct {
        const char *const *names;
        size_t n;
    } sets[] = {{few, 1}, {many, 3}, {many, 6}, {many, 9}, {NULL, 0}};
    static const char *const parts[] = {"CreateAccessKey", "CreateAccessKe", "reateAccessKey", "AccessKey", "\\u0043",
                                        "\\u0026", "\\u00", "\\\\u0061", "UpdateAccessKey", "Upload", "SSHPublicKey", "A",
                                        "CreateLoginProfile", "{", "\"", "user", "eA", "sK", "\\", "u"};
    for (size_t k = 0; k < sizeof sets / sizeof *sets; k++) {
        struct kt_pick *pick = kt_pick_new(sets[k].names, sets[k].n);
        assert_non_null(pick);
        for (int round = 0; round < 20000; round++) {
            char p[200];
            size_t n = 0;
            unsigned pieces = next_random() % 8;
            for (unsigned i = 0; i < pieces; i++) {
                const char *part = parts[next_random() % (sizeof parts / sizeof *parts)];
                unsigned pad = next_random() % 12;
                memset(p + n, '.', pad);
                n += pad;
                memcpy(p + n, part, strlen(part));
                n += strlen(part);
                if (n > 150)
                    break;
            }
            char *exact = malloc(n + 1); /* so that a sanitizer sees a read past the end */
            assert_non_null(exact);
            memcpy(exact, p, n);
            char *copy = realloc(exact, n ? n : 1);
            assert_non_null(copy);
            size_t fast = kt_pick_next(pick, copy, n, 0);
            assert_int_equal(fast, kt_pick_next_portable(pick, copy, n, 0));
#ifdef __SSE2__
            assert_int_equal(fast, kt_pick_next_sse2(pick, copy, n, 0));
#endif
            if (slow_hit(sets[k].names, sets[k].n, copy, n))
                assert_true(fast < n);
            size_t from = n ? next_random() % n : 0;
            size_t later = kt_pick_next(pick, copy, n, from);
            assert_int_equal(later, kt_pick_next_portable(pick, copy, n, from));
            assert_true(later >= from);
            free(copy);
        }
        kt_pick_free(pick);
    }
}

static void only_what_can_matter_is_picked(void **state)
{
    (void)state;
    struct kt_pick *k = kt_pick_new(few, 1);
    static const char *const no[] = {"", "CreateAccessKe", "createaccesskey", "\\u003d", "\\u0026", "\\ud83d\\ude00",
                                     "\\\\users\\\\x", "\\u2028", "u0043"};
    static const char *const yes[] = {"CreateAccessKey", "xCreateAccessKeyFoo", "\\u0043", "\\u006b", "\\\\u0043",
                                      "\\\\u\\u0030043", "\\\\u00\\u003443"};
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(kt_pick_any(k, no[i], strlen(no[i])));
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(kt_pick_any(k, yes[i], strlen(yes[i])));
    kt_pick_free(k);
    /* a digit in a name may be spelled as an escape, too */
    static const char *const digits[] = {"CreateFunction20150331"};
    k = kt_pick_new(digits, 1);
    assert_true(kt_pick_any(k, "\\u0032", 6));
    kt_pick_free(k);
}

static void starts_are_learned_and_found(void **state)
{
    (void)state;
    struct kt_starts t = {0};
    struct kt_start_where in = {KT_SPAN_NONE, false};
    enum kt_start_kind kind;
    static const char one[] = "{ \"awsRegion\" : 1, \"x\": {\"type\": 2}}";
    kt_starts_learn(&t, one, sizeof one - 1);
    static const char text[] = "junk {\"type\":1},{\"awsRegion\":1} , { \"awsRegion\" :1}";
    size_t r = kt_starts_find(&t, &in, text, sizeof text - 1, 1, &kind);
    assert_int_equal(kind, KT_START_RECORD);
    assert_int_equal(r, strstr(text, "{\"aws") - text);
    r = kt_starts_find(&t, &in, text, sizeof text - 1, r + 1, &kind);
    assert_int_equal(r, strstr(text, "{ \"aws") - text);
    r = kt_starts_find(&t, &in, text, sizeof text - 1, r + 1, &kind);
    assert_int_equal(kind, KT_START_NONE);
    /* a member's value is no element, whatever its first key */
    static const char member[] = "x,\"detail\": {\"awsRegion\":1}";
    (void)kt_starts_find(&t, &in, member, sizeof member - 1, 1, &kind);
    assert_int_equal(kind, KT_START_NONE);
    static const char document[] = "x {\"Records\" : [";
    (void)kt_starts_find(&t, &in, document, sizeof document - 1, 1, &kind);
    assert_int_equal(kind, KT_START_DOCUMENT);
    /* a key with which nested objects begin proves nothing */
    struct kt_starts u = {0};
    static const char nested[] = "{\"id\":1,\"list\":[{\"id\":2}]}";
    kt_starts_learn(&u, nested, sizeof nested - 1);
    static const char inside[] = "x[{\"id\":2}]";
    (void)kt_starts_find(&u, &in, inside, sizeof inside - 1, 1, &kind);
    assert_int_equal(kind, KT_START_NONE);
}

static void repair_replaces_what_is_no_text_and_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out; /* NULL: nothing to repair */
    } cases[] = {
        {"plain \\u0041 \\\\ud800 \\n", NULL},
        {"\\ud83d\\ude00 \xf0\x9f\x98\x80 \xc3\xa9", NULL},
        {"a\\ud800b", "a\\ufffdb"},
        {"a\\udc00\\ud800b", "a\\ufffd\\ufffdb"},
        {"\\ud800\\ud83d\\ude00", "\\ufffd\\ud83d\\ude00"},
        {"\\ud800", "\\ufffd"},
        {"\\\\\\ud800x", "\\\\\\ufffdx"},
        {"\xff", "\xef\xbf\xbd"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xe2\x82", "\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\\\xff", "\\\xef\xbf\xbd"},
    };
    struct kt_buf b;
    kt_buf_init(&b, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool changed = kt_repair(kt_span_of(cases[i].in), &b);
        assert_int_equal(changed, cases[i].out != NULL);
        if (changed)
            assert_string_equal(kt_buf_str(&b), cases[i].out);
    }
    kt_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_classifiers_agree_on_every_byte_in_every_place),
        cmocka_unit_test(the_step_reads_strings_however_the_text_is_cut),
        cmocka_unit_test(all_ways_of_sweeping_tell_the_same),
        cmocka_unit_test(the_fast_search_finds_what_a_slow_one_finds),
        cmocka_unit_test(only_what_can_matter_is_picked),
        cmocka_unit_test(starts_are_learned_and_found),
        cmocka_unit_test(repair_replaces_what_is_no_text_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
