/* base/tree: JSON read in place is what jansson makes of it, or is left to
 * jansson; and it is written as jansson writes it. */
#include "tests/support/nodes.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static void holds(const char *text, size_t n, bool want_sure)
{
    bool sure;
    const char *wrong = tree_holds(text, n, &sure);
    if (wrong)
        fail_msg("%s: %.*s", wrong, (int)n, text);
    if (sure != want_sure)
        fail_msg("%s: %.*s", sure ? "taken" : "not taken", (int)n, text);
}

static void taken(const char *text)
{
    holds(text, strlen(text), true);
}

static void left(const char *text)
{
    holds(text, strlen(text), false);
}

static void values_of_every_kind_are_taken(void **state)
{
    (void)state;
    taken("{}");
    taken("[]");
    taken(" \t\r\n{ \"a\" : [ 1 , -2 , true , false , null , \"\" , { } , [ ] ] } \n");
    taken("{\"a\":0,\"b\":-0,\"c\":999999999999999999,\"d\":-999999999999999999}");
    taken("[0.5,-0.0,1.0,1e5,1E+5,1.5e-7,123456789.125,1e308,3.141592653589793,0.1,1e15,1e16,1e17]");
    taken("{\"\":{\"\":{\"\":\"\"}}}");
    taken("[[],[[]],{},[{}],[{\"a\":{}}]]");
    taken("{\"z\":1,\"a\":2,\"aa\":3,\"Z\":4,\"a b\":5,\"\xc3\xa9\":6,\"ab\":{\"y\":1,\"x\":2}}");
}

static void strings_are_the_same_letter_by_letter(void **state)
{
    (void)state;
    taken("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]");
    taken("[\"\\u0041\\u00e9\\u20ac\\uffff\\u001f\\u007f\",\"\x7f\",\"\\u0001\\u0002\\u001b\"]");
    taken("[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\"]");
    taken("[\"0123456789abcde\",\"0123456789abcdef\",\"0123456789abcdef0\",\"0123456789abcde\\n0123456789abcdef\\n\"]");
    taken("[\"a\\\\\",\"\\\\\\\"\"]");
}

static void what_is_odd_is_left_to_jansson(void **state)
{
    (void)state;
    left("");
    left(" ");
    left("1");
    left("\"a\"");
    left("{\"a\":1,\"a\":2}");
    left("{\"\":1,\"\":2}");
    left("{\"a\":{\"b\":1,\"c\":2,\"b\":3}}");
    left("{\"a\\u0062\":1}");
    left("[\"\\u0000\"]");
    left("[\"\\ud83d\\ude00\"]");
    left("[\"\\ud83d\"]");
    left("[9223372036854775807,-9223372036854775808]");
    left("[9223372036854775808]");
    left("[1e400]");
    holds("{}\0", 3, false);
    holds("[\"a\0b\"]", 7, false);
    char deep[401];
    memset(deep, '[', 200);
    memset(deep + 200, ']', 200);
    deep[400] = '\0';
    left(deep);
    deep[200 - KT_TREE_DEPTH + 2 * KT_TREE_DEPTH] = '\0';
    taken(deep + 200 - KT_TREE_DEPTH);
}

static void what_is_damaged_is_not_taken(void **state)
{
    (void)state;
    static const char *const bad[] = {"{", "[", "{]", "[}", "[1,]", "{\"a\":1,}", "{\"a\"}", "{\"a\":}", "{a:1}", "[1 2]", "[01]", "[-]", "[+1]",
                                      "[.5]", "[1.]", "[1e]", "[1e+]", "[tru]", "[truex]", "[nul]", "[True]", "[1x]", "[\"a]", "[\"\\x\"]",
                                      "[\"\\u12\"]", "[\"\n\"]", "[\"\x01\"]", "[\"\xff\"]", "[\"\xc0\x80\"]", "[\"\xed\xa0\x80\"]", "[\"\xe2\x82\"]",
                                      "{}{}", "[] x", "[,1]", "{,}", "[--1]", "[\"a\"\"b\"]", "{\"a\":1 \"b\":2}", "[\xef\xbb\xbf]", "\xef\xbb\xbf[]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        left(bad[i]);
}

static void as_many_members_as_there_may_be_are_told_apart(void **state)
{
    (void)state;
    struct kt_buf b;
    kt_buf_init(&b, 1 << 20);
    for (int n = 250; n < 260; n++) {
        kt_buf_reset(&b);
        for (int i = 0; i < n; i++)
            kt_buf_addf(&b, "%c\"k%d\":%d", i ? ',' : '{', i * 7919 % 1000, i);
        kt_buf_addc(&b, '}');
        holds(b.p, b.len, n <= 256);
    }
    kt_buf_reset(&b);
    for (int i = 0; i < 200; i++)
        kt_buf_addf(&b, "%c\"k%d\":%d", i ? ',' : '{', i, i);
    kt_buf_adds(&b, ",\"k73\":0}");
    holds(b.p, b.len, false);
    kt_buf_free(&b);
}

/* --- mutations --------------------------------------------------------------------- */

static const char record[] =
    "{\"eventVersion\":\"1.09\",\"userIdentity\":{\"type\":\"AssumedRole\",\"principalId\":\"AROAEXAMPLE:s\",\"arn\":\"arn:aws:sts::111122223333:"
    "assumed-role/ci/s\",\"accountId\":\"111122223333\",\"sessionContext\":{\"attributes\":{\"mfaAuthenticated\":\"false\"},\"sessionIssuer\":{"
    "\"type\":\"Role\",\"userName\":\"ci\"}}},\"eventTime\":\"2024-05-01T10:00:00Z\",\"eventSource\":\"iam.amazonaws.com\",\"eventName\":"
    "\"CreateAccessKey\",\"userAgent\":\"aws-cli\\/2.1 \\\"x\\\" \xe2\x80\xaf\\u00e9\",\"requestParameters\":{\"userName\":\"bob\",\"n\":[1,-2.5,1e3,"
    "true,false,null,{\"a\":{}}]},\"responseElements\":null,\"eventID\":\"5a5a5a5a-1111-4222-8333-000000000001\",\"readOnly\":false}";

static uint64_t seed;

static unsigned rnd(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 20) % n;
}

static size_t mutate(char *p, size_t n, size_t room)
{
    static const char *const bits[] = {"\"", "\\", "\\u0041", "\\ud800", "{", "}", "[", "]", ",", ":", "1", "-", ".", "e5", "null", "true", "\xc3\xa9", "\xff", "\n",
                                       "\"a\":1,", "[]", "{}", "\t", " ", "0", "99999999999999999999", "\"\"", "\x7f", "\\u0000", "\"eventName\":\"x\","};
    size_t at = rnd((unsigned)n + 1), k;
    const char *bit = bits[rnd(sizeof bits / sizeof *bits)];
    switch (rnd(5)) {
    case 0: /* another byte */
        if (at < n)
            p[at] = (char)rnd(256);
        return n;
    case 1: /* something goes */
        k = rnd(12) < 9 ? 1 : rnd(60);
        k = at + k > n ? n - at : k;
        memmove(p + at, p + at + k, n - at - k);
        return n - k;
    case 2: /* something comes */
        k = strlen(bit);
        if (n + k > room)
            return n;
        memmove(p + at + k, p + at, n - at);
        memcpy(p + at, bit, k);
        return n + k;
    case 3: /* a piece of it stands somewhere else */
        k = rnd(40);
        if (at + k > n)
            return n;
        memmove(p + rnd((unsigned)(n - k + 1)), p + at, k);
        return n;
    default: /* something is in place of it */
        k = strlen(bit);
        if (at + k <= n)
            memcpy(p + at, bit, k);
        return n;
    }
}

static void mutated_records_are_what_jansson_says(void **state)
{
    (void)state;
    size_t sure = 0, all = 30000;
    char text[4096];
    seed = 88172645463325252u;
    for (size_t i = 0; i < all; i++) {
        bool is;
        size_t n = sizeof record - 1;
        memcpy(text, record, n);
        for (unsigned k = 1 + rnd(3); k; k--)
            n = mutate(text, n, sizeof text);
        const char *wrong = tree_holds(text, n, &is);
        if (wrong)
            fail_msg("mutation %zu: %s: %.*s", i, wrong, (int)n, text);
        sure += is;
    }
    printf("%zu mutations, %zu of them taken\n", all, sure);
    assert_true(sure > all / 20); /* or it proves nothing */
}

/* --- jansson's own ------------------------------------------------------------------- */

static void what_only_jansson_takes_becomes_the_same(void **state)
{
    (void)state;
    struct kt_tree t;
    struct kt_node *v;
    kt_tree_init(&t);
    static const char *const odd[] = {"{\"a\":1,\"b\":2,\"a\":3}", "[9223372036854775807]", "[18446744073709551616]", "[\"\\ud83d\\ude00\"]"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        json_t *j = json_loadb(odd[i], strlen(odd[i]), JSON_ALLOW_NUL, NULL);
        if (!j)
            j = json_loadb(odd[i], strlen(odd[i]), JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
        v = kt_tree_parse(&t, kt_span_of(odd[i]));
        assert_non_null(v);
        assert_true(node_same(v, j));
        assert_true(node_writes_same(v, j));
        json_decref(j);
    }
    assert_null(kt_tree_parse(&t, KT_LIT("{\"a\":")));
    assert_null(kt_tree_parse(&t, KT_SPAN_NONE));
    v = kt_tree_parse(&t, (struct kt_span){"{\"a\":\"x\\u0000y\"}", 16});
    assert_non_null(v);
    assert_int_equal(kt_node_get(v, "a")->n, 3);
    v = kt_tree_parse(&t, KT_LIT("{\"a\":1}")); /* and it can be used again */
    assert_int_equal(kt_node_get(v, "a")->v.integer, 1);
    assert_null(kt_node_get(v, "b"));
    assert_null(kt_node_get(kt_node_get(v, "a"), "b"));
    assert_null(kt_node_get(NULL, "b"));
    assert_null(kt_node_item(v, 0));
    kt_tree_free(&t);
}

/* --- records that others published ---------------------------------------------------- */

struct census {
    size_t files, records, sure;
};

static void count_record(json_t *r, struct census *c)
{
    bool sure;
    char *text = json_dumps(r, JSON_INDENT(c->records % 3));
    const char *wrong = tree_holds(text, strlen(text), &sure);
    if (wrong)
        fail_msg("%s: %s", wrong, text);
    free(text);
    c->records++;
    c->sure += sure;
}

static void count_file(const char *path, struct census *c)
{
    json_t *all = json_load_file(path, 0, NULL), *r, *list = json_object_get(all, "Records");
    size_t i;
    if (!list && json_is_array(all))
        list = all;
    json_array_foreach(list, i, r)
        count_record(r, c);
    if (!list && json_is_object(all))
        count_record(all, c);
    c->files += all != NULL;
    json_decref(all);
}

static void published_records_are_what_jansson_says(void **state)
{
    (void)state;
    static const char *const folders[] = {"invictus", "panther"};
    const char *root = getenv("KEYTOP_SOURCE");
    struct census c = {0};
    for (size_t i = 0; i < 2; i++) {
        char dir[3000], path[4000];
        snprintf(dir, sizeof dir, "%s/../shared/data/cloudtrail/%s", root ? root : ".", folders[i]);
        DIR *d = opendir(dir);
        for (struct dirent *e; d && (e = readdir(d));) {
            snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
            if (e->d_name[0] != '.')
                count_file(path, &c);
        }
        if (d)
            closedir(d);
    }
    if (!c.files) {
        printf("SKIP: the published records are not at hand\n");
        skip();
    }
    printf("%zu files, %zu records, %zu of them taken\n", c.files, c.records, c.sure);
    assert_true(c.sure * 100 >= c.records * 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_every_kind_are_taken),
        cmocka_unit_test(strings_are_the_same_letter_by_letter),
        cmocka_unit_test(what_is_odd_is_left_to_jansson),
        cmocka_unit_test(what_is_damaged_is_not_taken),
        cmocka_unit_test(as_many_members_as_there_may_be_are_told_apart),
        cmocka_unit_test(mutated_records_are_what_jansson_says),
        cmocka_unit_test(what_only_jansson_takes_becomes_the_same),
        cmocka_unit_test(published_records_are_what_jansson_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
