/* filter: random expressions over random rows, against a naive reading of the
 * language; and printed and read again they mean the same. */
#include "filter/filter.h"

#include "tests/support/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const int64_t NOW = INT64_C(1700000000000);

static uint64_t seed;
static unsigned dice(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

/* --- rows ------------------------------------------------------------------- */

static const char *const words[] = {"ab", "Ab", "b", "aba", "a.b", "x y", "a*b", "or", "(a)", "\"q\"", "back\\slash", "10.1.2.3", ""};
enum { WORDS = sizeof words / sizeof *words };

static struct kt_span any_word(void)
{
    unsigned n = dice(WORDS + 3);
    return n < WORDS ? kt_span_of(words[n]) : KT_SPAN_NONE;
}

static void random_row(struct kt_row *r)
{
    static const char *const raw[] = {NULL, "{\"requestParameters\":{\"n\":5,\"s\":\"ab\"}}", "{\"requestParameters\":{\"s\":[\"Ab\",\"x y\"]}}",
                                      "{\"requestParameters\":null}", "{\"requestParameters\":{\"s\":\"\\u0061b\",\"n\":0}}"};
    rowgen_plain(r, "0f0e0d0c-1111-4222-8333-abcdefabcdef", NOW - 60000 * (int64_t)dice(120));
    if (dice(8) == 0)
        r->ev.time = KT_TIME_NONE;
    r->ev.actor.name = any_word();
    r->ev.target.name = any_word();
    r->ev.region = any_word();
    r->ev.source.address = dice(3) ? kt_span_of(dice(2) ? "10.1.2.3" : "2001:db8::7") : any_word();
    r->verdict.risk = (int)dice(4) * 25;
    r->verdict.level = kt_level_of_risk(r->verdict.risk);
    const char *json = raw[dice(sizeof raw / sizeof *raw)];
    r->raw = json ? kt_span_of(json) : KT_SPAN_NONE;
}

/* --- expressions -------------------------------------------------------------- */

enum what { W_CONTAINS, W_EQUALS, W_LIKE, W_IN, W_NULL, W_GE, W_LT, W_SINCE, W_NET, W_RE, W_WORD, W_AND, W_OR, W_NOT, W_PATH };
struct expr {
    enum what what;
    enum kt_field field;
    struct kt_span text[3];
    size_t n;
    int number;
    struct expr *a, *b;
};
static struct expr pool[400];
static size_t used;

static const struct {
    enum kt_field f;
    const char *name;
} fields[] = {{KT_FIELD_ACTOR_NAME, "actor"}, {KT_FIELD_TARGET_NAME, "target.name"}, {KT_FIELD_REGION, "region"}};

static struct expr *random_expr(int depth)
{
    struct expr *e = &pool[used++];
    *e = (struct expr){.what = (enum what)dice(depth > 0 ? W_PATH + 1 : W_WORD + 1), .field = fields[dice(3)].f};
    if (e->what == W_AND || e->what == W_OR || e->what == W_NOT) {
        e->a = random_expr(depth - 1);
        e->b = e->what == W_NOT ? NULL : random_expr(depth - 1);
        return e;
    }
    e->n = e->what == W_IN ? 1 + dice(3) : 1;
    for (size_t i = 0; i < e->n; i++)
        e->text[i] = kt_span_of(words[dice(WORDS)]);
    e->number = (int)dice(5) * 25;
    return e;
}

static void add_quoted(struct kt_buf *b, struct kt_span s)
{
    kt_buf_addc(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            kt_buf_addc(b, '\\');
        kt_buf_addc(b, s.p[i]);
    }
    kt_buf_addc(b, '"');
}

static const char *name_of(enum kt_field f)
{
    return f == KT_FIELD_ACTOR_NAME ? "actor" : f == KT_FIELD_TARGET_NAME ? "target.name" : "region";
}

static const char *const likes[] = {"a*", "*b", "?b", "*", "a?a", "*.*", "x*y*"};
static const char *const nets[] = {"10.0.0.0/8", "10.1.2.3/32", "2001:db8::/32", "10.1.3.0/24", "0.0.0.0/0"};
static const char *const res[] = {"^a", "b$", "a.b", "(a|x)", "[A-Z]"};

static void write_expr(const struct expr *e, struct kt_buf *b)
{
    const char *name = name_of(e->field);
    switch (e->what) {
    case W_CONTAINS: kt_buf_addf(b, "%s:", name); add_quoted(b, e->text[0]); break;
    case W_EQUALS: kt_buf_addf(b, dice(2) ? "%s=" : "%s:=", name); add_quoted(b, e->text[0]); break;
    case W_LIKE: kt_buf_addf(b, "%s:%s", name, likes[e->number / 25]); break;
    case W_IN:
        kt_buf_addf(b, "%s in (", name);
        for (size_t i = 0; i < e->n; i++) {
            kt_buf_adds(b, i ? "," : "");
            add_quoted(b, e->text[i]);
        }
        kt_buf_adds(b, ")");
        break;
    case W_NULL: kt_buf_addf(b, "%s:", name); break;
    case W_GE: kt_buf_addf(b, "risk>=%d", e->number); break;
    case W_LT: kt_buf_addf(b, "risk < %d", e->number); break;
    case W_SINCE: kt_buf_addf(b, "time>=%dm", e->number); break;
    case W_NET: kt_buf_addf(b, "from:%s", nets[e->number / 25]); break;
    case W_RE: kt_buf_addf(b, "%s~", name); add_quoted(b, kt_span_of(res[e->number / 25])); break;
    case W_WORD: add_quoted(b, e->text[0]); break;
    case W_PATH: kt_buf_addf(b, "requestParameters.s:"); add_quoted(b, e->text[0]); break;
    case W_NOT:
        kt_buf_adds(b, dice(2) ? "not (" : "-(");
        write_expr(e->a, b);
        kt_buf_adds(b, " )");
        break;
    default:
        kt_buf_adds(b, "(");
        write_expr(e->a, b);
        kt_buf_adds(b, e->what == W_OR ? " or " : dice(2) ? " and " : " ");
        write_expr(e->b, b);
        kt_buf_adds(b, " )");
    }
    kt_buf_adds(b, " ");
}

/* --- the naive reading ---------------------------------------------------------- */

static char low(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool same(struct kt_span a, struct kt_span b)
{
    for (size_t i = 0; i < a.n && i < b.n; i++)
        if (low(a.p[i]) != low(b.p[i]))
            return false;
    return a.n == b.n;
}

static bool contains(struct kt_span hay, struct kt_span needle)
{
    for (size_t i = 0; i + needle.n <= hay.n; i++)
        if (same((struct kt_span){hay.p + i, needle.n}, needle))
            return true;
    return false;
}

static bool like(const char *p, const char *s, const char *end)
{
    if (*p == '\0')
        return s == end;
    if (*p == '*')
        return like(p + 1, s, end) || (s < end && like(p, s + 1, end));
    return s < end && (*p == '?' || low(*p) == low(*s)) && like(p + 1, s + 1, end);
}

static bool in_net(const char *net, struct kt_span s)
{
    bool v4 = kt_span_is(s, "10.1.2.3"), v6 = kt_span_is(s, "2001:db8::7");
    if (strcmp(net, "2001:db8::/32") == 0)
        return v6;
    return v4 && strcmp(net, "10.1.3.0/24") != 0;
}

static bool matches_re(const char *re, struct kt_span s)
{
    if (strcmp(re, "^a") == 0)
        return s.n && s.p[0] == 'a';
    if (strcmp(re, "b$") == 0)
        return s.n && s.p[s.n - 1] == 'b';
    for (size_t i = 0; i < s.n; i++) {
        if (strcmp(re, "a.b") == 0 && i + 2 < s.n && s.p[i] == 'a' && s.p[i + 2] == 'b')
            return true;
        if (strcmp(re, "(a|x)") == 0 && (s.p[i] == 'a' || s.p[i] == 'x'))
            return true;
        if (strcmp(re, "[A-Z]") == 0 && s.p[i] >= 'A' && s.p[i] <= 'Z')
            return true;
    }
    return false;
}

/* What stands at requestParameters.s of the few records there are. */
static bool at_path(const struct kt_row *r, struct kt_span text)
{
    if (!r->raw.p)
        return false;
    if (strstr(r->raw.p, "[\"Ab\",\"x y\"]")) /* a list is its items and its text */
        return contains(KT_LIT("Ab"), text) || contains(KT_LIT("x y"), text) || contains(KT_LIT("[\"Ab\",\"x y\"]"), text);
    return strstr(r->raw.p, "\"s\"") && contains(KT_LIT("ab"), text);
}

static bool any_text(const struct kt_row *r, struct kt_span text, struct kt_arena *a)
{
    for (int f = 0; f < KT_FIELD_COUNT; f++) {
        struct kt_span s = kt_row_field(r, (enum kt_field)f, a);
        if (kt_filter_is_text((enum kt_field)f) && s.p && contains(s, text))
            return true;
    }
    return false;
}

static bool means(const struct expr *e, const struct kt_row *r, struct kt_arena *a)
{
    struct kt_span s = kt_row_field(r, e->what == W_NET ? KT_FIELD_SOURCE_ADDRESS : e->field, a);
    switch (e->what) {
    case W_CONTAINS: return s.p && contains(s, e->text[0]);
    case W_EQUALS: return s.p && kt_span_eq(s, e->text[0]);
    case W_LIKE: return s.p && like(likes[e->number / 25], s.p, s.p + s.n);
    case W_IN:
        for (size_t i = 0; i < e->n; i++)
            if (s.p && same(s, e->text[i]))
                return true;
        return false;
    case W_NULL: return !s.p;
    case W_GE: return r->verdict.risk >= e->number;
    case W_LT: return r->verdict.risk < e->number;
    case W_SINCE: return r->ev.time != KT_TIME_NONE && r->ev.time >= NOW - e->number * INT64_C(60000);
    case W_NET: return s.p && in_net(nets[e->number / 25], s);
    case W_RE: return s.p && matches_re(res[e->number / 25], s);
    case W_WORD: return any_text(r, e->text[0], a);
    case W_PATH: return at_path(r, e->text[0]);
    case W_NOT: return !means(e->a, r, a);
    case W_AND: return means(e->a, r, a) && means(e->b, r, a);
    default: return means(e->a, r, a) || means(e->b, r, a);
    }
}

static void random_filters_mean_what_they_say(void **state)
{
    (void)state;
    const char *given = getenv("FILTER_SEED");
    struct kt_arena *a = kt_arena_new(1 << 22);
    struct kt_buf b, printed;
    unsigned kept = 0, asked = 0;
    seed = given ? strtoull(given, NULL, 10) : 20261128;
    kt_buf_init(&b, 1 << 16);
    kt_buf_init(&printed, 1 << 16);
    for (int i = 0; i < 6000; i++) {
        struct kt_filter *f, *g;
        struct kt_err e = {0};
        used = 0;
        struct expr *x = random_expr(1 + (int)dice(4));
        kt_buf_reset(&b);
        kt_buf_reset(&printed);
        write_expr(x, &b);
        if (kt_filter_parse(&f, kt_buf_span(&b), NOW, NULL, &e) != KT_OK)
            fail_msg("%s: %s", kt_buf_str(&b), e.text);
        assert_true(kt_filter_print(f, &printed));
        if (kt_filter_parse(&g, kt_buf_span(&printed), NOW, NULL, &e) != KT_OK)
            fail_msg("%s, printed as %s: %s", kt_buf_str(&b), kt_buf_str(&printed), e.text);
        for (int k = 0; k < 12; k++) {
            struct kt_row r;
            random_row(&r);
            kt_arena_reset(a);
            bool want = means(x, &r, a);
            if (kt_filter_row(f, &r, a) != want)
                fail_msg("%s %s it: actor %.*s, raw %.*s", kt_buf_str(&b), want ? "does not keep" : "keeps",
                         (int)r.ev.actor.name.n, r.ev.actor.name.p, (int)r.raw.n, r.raw.p);
            if (kt_filter_row(g, &r, a) != want)
                fail_msg("%s, printed as %s, means something else", kt_buf_str(&b), kt_buf_str(&printed));
            kept += want;
            asked++;
        }
        kt_filter_free(f);
        kt_filter_free(g);
    }
    assert_true(kept > asked / 10 && kept < asked / 10 * 9); /* it was a test */
    kt_buf_free(&b);
    kt_buf_free(&printed);
    kt_arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_filters_mean_what_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
