/* detect: what a regular expression cannot match without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "detect/rule.h"
#include "tests/unit/sigma_kit.h"

static void the_longest_plain_run_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *re;
        bool caseless;
        const char *literal;
    } t[] = {{".+:assumed-role/aws:.+", false, ":assumed-role/aws:"}, {"^abc$", false, "abc"}, {"abcd?ef", false, "abc"},
             {"abc\\.def", false, "abc.def"}, {"ab|cdef", false, ""}, {"(ab|cd)efg", false, "efg"}, {"abc(def)*gh", false, "abc"},
             {"[abc]def", false, "def"}, {"[]x]def", false, "def"}, {"[^\\]]defg[[:alpha:]]", false, ""}, {"ab{2}cd", false, "cd"},
             {"a{b", false, "b"}, {"ab*c", false, "a"}, {"abc+d", false, "abc"}, {"\\x41bc", false, ""}, {"\\dabc\\w", false, "abc"},
             {"(?i)abc", false, ""}, {"a(?=b)c", false, ""}, {"\\Qa*b\\E", false, ""}, {"task", true, "ta"}, {"ask", true, "a"},
             {"ABC", true, "ABC"}, {"ab\xc3\xa4?cd", false, "ab"}, {"ab\xc3\xa4" "cd", true, "ab"}, {"x(a[)]b)yz", false, "yz"},
             {"", false, ""}, {"(*ANYCRLF)abc", false, ""}, {"ab{1,3}?cde", false, "cde"}, {"{\"a\":1}", false, "\"a\":1}"}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char text[64];
        struct kt_span s = regex_literal(kt_span_of(t[i].re), t[i].caseless, text);
        if (!kt_span_is(s, t[i].literal))
            fail_msg("%s: \"%.*s\"", t[i].re, (int)s.n, s.p);
    }
}

static uint64_t dice = 88172645463325252;
static unsigned roll(unsigned n)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return (unsigned)((dice >> 20) % n);
}

static bool has_folded(const char *text, size_t n, struct kt_span part)
{
    for (size_t i = 0; i + part.n <= n; i++) {
        size_t k = 0;
        while (k < part.n && pattern_fold(text[i + k]) == pattern_fold(part.p[k]))
            k++;
        if (k == part.n)
            return true;
    }
    return false;
}

/* Random expressions: none matches a text without what is said to be in all. */
static void no_text_matches_without_it(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a", "b", "k", "s", "ab", "\\.", "\\d", "[ab]", "[^a]", "(a|b)", "(ab)", "(a[)]b)", "*", "+", "?",
                                         "{2}", "{1,2}", "{,2}", "{", "}", ".", "^", "$", "|", "\\x61", "\\Qa.\\E", "\xc3\xa4", "-", "(?:b)",
                                         "??", "*+", "[]a]", "\\", ")", "(", "\\w", "\\b", "(?i)", "[[:digit:]]", "1", "\xc5\xbf"};
    static const char *const bits[] = {"a", "b", "k", "s", "ab", ".", "1", "\xc3\xa4", "-", "{", "}", ")", "\xe2\x84\xaa", "\xc5\xbf", "A", "K"};
    size_t compiled = 0, matched = 0, known = 0;
    for (int i = 0; i < 60000; i++) {
        char re[80] = "", literal[80], text[80] = "";
        int code;
        PCRE2_SIZE at;
        for (unsigned n = 1 + roll(6); n; n--) {
            const char *piece = pieces[roll(sizeof pieces / sizeof *pieces)];
            memcpy(re + strlen(re), piece, strlen(piece) + 1);
        }
        bool caseless = roll(2);
        pcre2_code *c = pcre2_compile((PCRE2_SPTR)re, strlen(re), PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | (caseless ? PCRE2_CASELESS : 0),
                                      &code, &at, NULL);
        if (!c)
            continue;
        compiled++;
        struct kt_span s = regex_literal(kt_span_of(re), caseless, literal);
        known += s.n > 0;
        pcre2_match_data *m = pcre2_match_data_create(1, NULL);
        assert_non_null(m);
        for (int k = 0; k < 30; k++) {
            text[0] = '\0';
            for (unsigned n = roll(8); n; n--) {
                const char *bit = bits[roll(sizeof bits / sizeof *bits)];
                memcpy(text + strlen(text), bit, strlen(bit) + 1);
            }
            if (pcre2_match(c, (PCRE2_SPTR)text, strlen(text), 0, 0, m, NULL) < 0)
                continue;
            matched++;
            if (!has_folded(text, strlen(text), s))
                fail_msg("/%s/%s matches \"%s\" without \"%.*s\"", re, caseless ? "i" : "", text, (int)s.n, s.p);
        }
        pcre2_match_data_free(m);
        pcre2_code_free(c);
    }
    assert_true(compiled > 10000 && matched > 10000 && known > 3000);
}

static void a_rule_with_nothing_but_an_expression_is_found_by_it(void **state)
{
    (void)state;
    struct kt_rules *s = empty_set();
    add(s, "t", HEAD "detection: {s: {a|re: '^x.*secret-(one|two)$'}, condition: s}\n");
    assert_true(set_matches(s, "{\"a\":\"x the secret-two\"}"));
    assert_false(set_matches(s, "{\"a\":\"x the SECRET-two\"}"));
    assert_false(set_matches(s, "{\"a\":\"x the secret-three\"}"));
    assert_true(set_matches(s, "{\"a\":[{\"b\":\"q\"},\"x secret-one\"]}"));
    assert_true(set_matches(s, "{\"a\":{\"b\":[\"x secret-one\"]}}"));
    kt_rules_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_plain_run_is_found),
        cmocka_unit_test(no_text_matches_without_it),
        cmocka_unit_test(a_rule_with_nothing_but_an_expression_is_found_by_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
