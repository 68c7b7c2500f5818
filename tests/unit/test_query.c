/* Conditions and their words: what is asked of engines is never less than what
 * was meant, and no value leaves its quotes. */
#include "query/lower.h"
#include "query/compile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct fix {
    struct kt_arena *a;
    struct kt_buf out, here;
    bool whole;
};

static int set_up(void **state)
{
    struct fix *x = *state = calloc(1, sizeof *x);
    x->a = kt_arena_new(8 << 20);
    kt_buf_init(&x->out, KT_QUERY_MAX);
    kt_buf_init(&x->here, 4096);
    return 0;
}

static int tear_down(void **state)
{
    struct fix *x = *state;
    kt_arena_free(x->a);
    kt_buf_free(&x->out);
    kt_buf_free(&x->here);
    free(x);
    return 0;
}

static struct kt_cond *test(struct fix *x, const char *path, enum kt_cond_op op, const char *value)
{
    return kt_cond_test(x->a, path, op, kt_span_of(value));
}

static struct kt_cond *both(struct fix *x, struct kt_cond *a, struct kt_cond *b)
{
    return kt_cond_join(x->a, KT_COND_AND, a, b);
}

static struct kt_cond *either(struct fix *x, struct kt_cond *a, struct kt_cond *b)
{
    return kt_cond_join(x->a, KT_COND_OR, a, b);
}

static const char *said(struct fix *x, enum kt_dialect d, const struct kt_table *t, const struct kt_cond *c)
{
    kt_buf_reset(&x->out);
    kt_buf_reset(&x->here);
    assert_true(kt_query_condition(d, t, c, &x->out, &x->whole, &x->here));
    return kt_buf_str(&x->out);
}

/* --- conditions --------------------------------------------------------------------------- */

static void opposites_go_down_to_tests(void **state)
{
    struct fix *x = *state;
    struct kt_cond *c = kt_cond_not(both(x, test(x, "a", KT_COND_IS, "1"), either(x, test(x, "b", KT_COND_IS, "2"), kt_cond_none(x->a))));
    assert_int_equal(c->kind, KT_COND_OR);
    assert_true(c->child->negated && c->child->next->negated);
    struct kt_cond *loose = test(x, "a", KT_COND_IS, "1");
    loose->loose = true;
    assert_int_equal(kt_cond_not(loose)->kind, KT_COND_ALL); /* its opposite says nothing */
    assert_int_equal(kt_cond_not(kt_cond_not(kt_cond_all(x->a)))->kind, KT_COND_ALL);
    assert_null(both(x, NULL, kt_cond_all(x->a)));
}

static bool not_b(const void *ctx, const struct kt_cond *t)
{
    (void)ctx;
    return !kt_span_is(t->path, "b");
}

/* What cannot be asked falls away between "and", and takes all with it between "or". */
static void what_cannot_be_asked_makes_it_wider(void **state)
{
    struct fix *x = *state;
    struct kt_cond *c = kt_cond_widen(x->a, both(x, test(x, "a", KT_COND_IS, "1"), test(x, "b", KT_COND_IS, "2")), not_b, NULL);
    assert_int_equal(c->kind, KT_COND_TEST);
    assert_true(kt_span_is(c->path, "a"));
    c = kt_cond_widen(x->a, either(x, test(x, "a", KT_COND_IS, "1"), test(x, "b", KT_COND_IS, "2")), not_b, NULL);
    assert_int_equal(c->kind, KT_COND_ALL);
    struct kt_cond *same = kt_cond_copy(x->a, both(x, test(x, "a", KT_COND_IS, "1"), test(x, "c", KT_COND_HAS, "2")));
    assert_true(kt_cond_same(kt_cond_widen(x->a, same, not_b, NULL), same));
}

/* --- words of engines ----------------------------------------------------------------------- */

static void athena_is_asked_by_column(void **state)
{
    struct fix *x = *state;
    struct kt_table t = kt_table_athena();
    struct kt_cond *c = both(x, test(x, "userIdentity.userName", KT_COND_IS, "o'neil"),
                             test(x, "requestParameters.userName", KT_COND_HAS, "adm"));
    assert_string_equal(said(x, KT_DIALECT_TRINO, &t, c),
                        "(useridentity.username = 'o''neil' AND "
                        "strpos(lower(json_extract_scalar(requestparameters, '$.userName')), lower('adm')) > 0)");
    assert_false(x->whole); /* lower() folds more letters than we do */
    assert_non_null(strstr(kt_buf_str(&x->here), "requestParameters.userName has \"adm\""));
    c = kt_cond_not(test(x, "eventName", KT_COND_IS, "CreateUser"));
    assert_string_equal(said(x, KT_DIALECT_TRINO, &t, c), "NOT COALESCE(eventname = 'CreateUser', FALSE)");
    assert_true(x->whole);
    c = kt_cond_not(test(x, "eventName", KT_COND_HAS, "Create"));
    assert_string_equal(said(x, KT_DIALECT_TRINO, &t, c), ""); /* asked for all, decided here */
    assert_false(x->whole);
    c = test(x, "userAgent", KT_COND_IS, "\xC3\xA4'\\\x01\xF0\x9F\x98\x80");
    assert_string_equal(said(x, KT_DIALECT_TRINO, &t, c), "useragent = U&'\\00E4''\\\\\\0001\\+01F600'");
    assert_string_equal(said(x, KT_DIALECT_TRINO, &t, test(x, "userAgent", KT_COND_IS, "\xC3")), "");
    assert_string_equal(said(x, KT_DIALECT_TRINO, &t, test(x, "nobody.knows", KT_COND_IS, "x")), "");
}

static const struct kt_column columns[] = {
    {{"event_name", 10}, {"eventName", 9}, KT_COLUMN_TEXT, false},
    {{"agent", 5}, {"userAgent", 9}, KT_COLUMN_TEXT, true},
    {{"when", 4}, {"eventTime", 9}, KT_COLUMN_TIME, false},
};

static void clickhouse_is_asked_by_column_else_by_text(void **state)
{
    struct fix *x = *state;
    struct kt_table t = {columns, 3, KT_LIT("ra`w")};
    assert_string_equal(said(x, KT_DIALECT_CLICKHOUSE, &t, test(x, "eventName", KT_COND_IS, "a'b\\")),
                        "`event_name` = 'a\\x27b\\x5c'");
    assert_true(x->whole);
    assert_string_equal(said(x, KT_DIALECT_CLICKHOUSE, &t, kt_cond_not(test(x, "userAgent", KT_COND_HAS, "x"))),
                        "NOT ifNull(positionCaseInsensitive(`agent`, 'x') > 0, 0)");
    assert_string_equal(said(x, KT_DIALECT_CLICKHOUSE, &t, test(x, "userIdentity.userName", KT_COND_IS, "alice")),
                        "(position(`ra\\`w`, 'alice') > 0 OR position(`ra\\`w`, '\\\\u00') > 0)");
    assert_false(x->whole);
    /* its opposite, and what JSON would escape, is decided here */
    assert_string_equal(said(x, KT_DIALECT_CLICKHOUSE, &t, kt_cond_not(test(x, "userIdentity.userName", KT_COND_IS, "a"))), "");
    assert_string_equal(said(x, KT_DIALECT_CLICKHOUSE, &t, test(x, "userIdentity.arn", KT_COND_IS, "user/\"x\"")), "");
    assert_string_equal(said(x, KT_DIALECT_CLICKHOUSE, &t, test(x, "eventTime", KT_COND_MORE, "2026-01-01T00:00:00Z")),
                        "toUnixTimestamp(`when`) > toUnixTimestamp(parseDateTimeBestEffort('2026-01-01T00:00:00Z'))");
    assert_string_equal(said(x, KT_DIALECT_CLICKHOUSE, &t, kt_cond_none(x->a)), "1 = 0");
}

static void insights_and_spl_take_plain_values_alone(void **state)
{
    struct fix *x = *state;
    struct kt_cond *name = test(x, "userIdentity.userName", KT_COND_IS, "alice+1");
    assert_string_equal(said(x, KT_DIALECT_INSIGHTS, NULL, name),
                        "(@message like /(?i)alice[+]1/ or @message like /[^ -\\[\\]-~]u00/)");
    assert_string_equal(said(x, KT_DIALECT_SPL, NULL, either(x, name, test(x, "sourceIPAddress", KT_COND_IS, "192.0.2.7"))),
                        "(\"alice+1\" OR \"192.0.2.7\")");
    assert_string_equal(said(x, KT_DIALECT_SPL, NULL, test(x, "userAgent", KT_COND_HAS, "kali")), "\"*kali*\"");
    static const char *const hostile[] = {"a\"b", "x\\", "`m`", "[search]", "a*b", "a/b|c", "$x$", "\xC3\xA4", "a\nb", ""};
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        struct kt_cond *c = test(x, "userIdentity.userName", KT_COND_IS, hostile[i]);
        assert_string_equal(said(x, KT_DIALECT_SPL, NULL, c), "");
        assert_string_equal(said(x, KT_DIALECT_INSIGHTS, NULL, c), "");
        assert_false(x->whole);
    }
}

/* --- hostile values, read back by each engine's rules for literals ------------------------------ */

static bool read_hex(const char **p, size_t n, uint32_t *out)
{
    *out = 0;
    for (size_t i = 0; i < n; i++, (*p)++) {
        const char *digits = "0123456789abcdef", *at = **p ? strchr(digits, **p >= 'A' && **p <= 'F' ? **p + 32 : **p) : NULL;
        if (!at)
            return false;
        *out = *out * 16 + (uint32_t)(at - digits);
    }
    return true;
}

static void add_utf8(struct kt_buf *b, uint32_t cp)
{
    if (cp < 0x80) {
        kt_buf_addc(b, (char)cp);
    } else if (cp < 0x800) {
        kt_buf_addc(b, (char)(0xC0 | cp >> 6));
        kt_buf_addc(b, (char)(0x80 | (cp & 63)));
    } else if (cp < 0x10000) {
        kt_buf_addc(b, (char)(0xE0 | cp >> 12));
        kt_buf_addc(b, (char)(0x80 | (cp >> 6 & 63)));
        kt_buf_addc(b, (char)(0x80 | (cp & 63)));
    } else {
        kt_buf_addc(b, (char)(0xF0 | cp >> 18));
        kt_buf_addc(b, (char)(0x80 | (cp >> 12 & 63)));
        kt_buf_addc(b, (char)(0x80 | (cp >> 6 & 63)));
        kt_buf_addc(b, (char)(0x80 | (cp & 63)));
    }
}

/* The literal ends at its text's end, and says this. */
static bool reads_trino(const char *p, struct kt_buf *out)
{
    bool escapes = strncmp(p, "U&", 2) == 0;
    p += escapes ? 2 : 0;
    if (*p++ != '\'')
        return false;
    for (;;) {
        uint32_t cp;
        if (*p == '\'' && p[1] != '\'')
            return p[1] == '\0';
        if (*p == '\0')
            return false;
        if (*p == '\'') {
            p += 2;
            kt_buf_addc(out, '\'');
        } else if (escapes && *p == '\\' && p[1] == '\\') {
            p += 2;
            kt_buf_addc(out, '\\');
        } else if (escapes && *p == '\\') {
            bool six = p[1] == '+';
            p += six ? 2 : 1;
            if (!read_hex(&p, six ? 6 : 4, &cp))
                return false;
            add_utf8(out, cp);
        } else {
            kt_buf_addc(out, *p++);
        }
    }
}

static bool reads_clickhouse(const char *p, struct kt_buf *out)
{
    if (*p++ != '\'')
        return false;
    for (; *p != '\''; ) {
        uint32_t byte = 0;
        if (*p == '\0')
            return false;
        if (*p != '\\') {
            kt_buf_addc(out, *p++);
            continue;
        }
        if (p[1] != 'x')
            return false;
        p += 2;
        if (!read_hex(&p, 2, &byte))
            return false;
        kt_buf_addc(out, (char)byte);
    }
    return p[1] == '\0';
}

static size_t hostile_value(unsigned *seed, char *out)
{
    static const char *const pieces[] = {"'", "''", "\\", "\"", "\\'", "`", "--", "/*", "*/", ";", "\n", "\r", "\\x27", "U&", "\\u0027",
                                         "\xC3\xA4", "\xE2\x80\xAE", "\xF0\x9F\x98\x80", "\xFF", "\xC3", "$1", "?", "|", "[", "]",
                                         "*", "%", "_", " OR 1=1", "') --", "a", "admin", "\x01", "\x7f", "{{", "}}"};
    size_t n = 0, parts = 1 + rand_r(seed) % 8;
    for (size_t i = 0; i < parts; i++) {
        const char *p = pieces[(size_t)rand_r(seed) % (sizeof pieces / sizeof *pieces)];
        memcpy(out + n, p, strlen(p));
        n += strlen(p);
        if (rand_r(seed) % 16 == 0)
            out[n++] = (char)rand_r(seed); /* any byte, NUL too */
    }
    return n;
}

static void no_value_leaves_its_quotes(void **state)
{
    struct fix *x = *state;
    unsigned seed = 20260101;
    size_t refused[KT_DIALECTS] = {0};
    struct kt_buf back;
    kt_buf_init(&back, 4096);
    for (int i = 0; i < 100000; i++) {
        char room[256];
        struct kt_span v = {room, hostile_value(&seed, room)};
        for (enum kt_dialect d = 0; d < KT_DIALECTS; d++) {
            kt_buf_reset(&x->out);
            kt_buf_reset(&back);
            if (!kt_quote(d, v, &x->out)) {
                assert_int_equal(x->out.len, 0);
                refused[d]++;
                continue;
            }
            const char *text = kt_buf_str(&x->out);
            assert_int_equal(strlen(text), x->out.len);
            if (d == KT_DIALECT_TRINO)
                assert_true(reads_trino(text, &back));
            else if (d == KT_DIALECT_CLICKHOUSE)
                assert_true(reads_clickhouse(text, &back));
            else
                kt_buf_add(&back, text + 1, x->out.len - 2);
            assert_true(kt_span_eq(kt_buf_span(&back), v));
        }
    }
    assert_int_equal(refused[KT_DIALECT_CLICKHOUSE], 0);
    assert_true(refused[KT_DIALECT_TRINO] < 60000 && refused[KT_DIALECT_SPL] > 50000);
    kt_buf_free(&back);
}

static const char *asked(struct fix *x, const char *filter)
{
    struct kt_filter *f;
    struct kt_err e;
    struct kt_table t = kt_table_athena();
    assert_int_equal(kt_filter_parse(&f, kt_span_of(filter), INT64_C(1795000000000), NULL, &e), KT_OK);
    struct kt_cond *c = kt_cond_of_filter(x->a, f);
    kt_filter_free(f);
    return said(x, KT_DIALECT_TRINO, &t, c);
}

/* Of a filter is asked what a record says; never less than it lets through. */
static void filters_become_conditions(void **state)
{
    struct fix *x = *state;
    assert_string_equal(asked(x, "event_name:=CreateUser -event_name:=DeleteUser"),
                        "(eventname = 'CreateUser' AND NOT COALESCE(eventname = 'DeleteUser', FALSE))");
    static const char *const all[] = {"", "-kind:creation", "kind:use", "risk>50", "-risk>50", "alice", "-alice", "-actor:alice", "key:",
                                      "-key:", "actor:\"\xC3\xA4\"", "result:d", "-result:created", "-time>2026-01-01", "why:x", "-why:x",
                                      "agent.tool:boto3", "-agent.text:x"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        assert_string_equal(asked(x, all[i]), "");
    assert_string_equal(asked(x, "result:created"), "(errorcode IS NULL OR errorcode = '')");
    assert_string_equal(asked(x, "result:denied"), "NOT COALESCE(errorcode IS NULL, FALSE)");
    assert_string_equal(asked(x, "time>=2026-01-01"), "eventtime >= '2025-12-31T23:59:59Z'");
    assert_string_equal(asked(x, "region:=us-east-1 kind:use"), "awsregion = 'us-east-1'");
    assert_non_null(strstr(asked(x, "actor:=root"), "useridentity.type = 'Root'"));
    assert_non_null(strstr(asked(x, "target:bob"), "strpos(lower(\"requestparameters\"), lower('bob')) > 0"));
    assert_string_equal(asked(x, "target:a\"b"), ""); /* JSON may spell it otherwise */
}

static void names_of_columns_are_known_by_any_spelling(void **state)
{
    (void)state;
    assert_string_equal(kt_column_path(KT_LIT("event_name")), "eventName");
    assert_string_equal(kt_column_path(KT_LIT("userIdentity.sessionContext.sessionIssuer.userName")),
                        "userIdentity.sessionContext.sessionIssuer.userName");
    assert_string_equal(kt_column_path(KT_LIT("USERIDENTITY_ARN")), "userIdentity.arn");
    assert_null(kt_column_path(KT_LIT("event_names")));
    assert_null(kt_column_path(KT_SPAN_NONE));
    assert_true(kt_column_is_raw(KT_LIT("_raw")));
    assert_false(kt_column_is_raw(KT_LIT("raw_length")));
}

int main(void)
{
#define WITH(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH(opposites_go_down_to_tests),
        WITH(what_cannot_be_asked_makes_it_wider),
        WITH(athena_is_asked_by_column),
        WITH(clickhouse_is_asked_by_column_else_by_text),
        WITH(insights_and_spl_take_plain_values_alone),
        WITH(no_value_leaves_its_quotes),
        WITH(filters_become_conditions),
        cmocka_unit_test(names_of_columns_are_known_by_any_spelling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
