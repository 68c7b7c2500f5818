/* filter: the language of the prompt, its errors, and what rows it keeps. */
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

static struct kt_filter *parse(const char *text)
{
    struct kt_filter *f;
    struct kt_err e = {0};
    size_t column;
    enum kt_code c = kt_filter_parse(&f, kt_span_of(text), NOW, &column, &e);
    if (c)
        print_message("%s: %s\n", text, e.text);
    assert_int_equal(c, KT_OK);
    return f;
}

static bool keeps(const char *text, const struct kt_row *r)
{
    struct kt_filter *f = parse(text);
    struct kt_arena *a = kt_arena_new(1 << 20);
    assert_non_null(a);
    bool yes = kt_filter_row(f, r, a);
    kt_arena_free(a);
    kt_filter_free(f);
    return yes;
}

static struct kt_row bob_for_alice(void)
{
    struct kt_row r;
    rowgen_plain(&r, "0f0e0d0c-1111-4222-8333-abcdefabcdef", NOW - 3600000);
    r.ev.actor.name = KT_LIT("Bob");
    r.ev.target.self = KT_NO;
    r.ev.actor.session = KT_LIT("");
    r.verdict.risk = 63;
    r.verdict.level = KT_LEVEL_MEDIUM;
    r.verdict.signal[r.verdict.n_signals++] = (struct kt_signal){.name = KT_LIT("target.other"), .weight = 38};
    r.origin.record = 17;
    return r;
}

static void an_empty_filter_keeps_all(void **state)
{
    (void)state;
    struct kt_row r = bob_for_alice();
    assert_null(parse(""));
    assert_null(parse("  \t "));
    assert_true(keeps("", &r));
    assert_null(kt_filter_clone(NULL));
}

static void a_word_is_looked_for_in_every_text(void **state)
{
    (void)state;
    struct kt_row r = bob_for_alice();
    static const char *const yes[] = {"bob", "BOB", "o", "alice", "boto3", "203.0.113", "created", "sdk",
                                      "target.other", "createaccesskey", "0f0e0d0c", "us-east", "trail.json", "\"\"",
                                      "\"arn:aws:iam::\"", "\"Python/3.11.4 Linux\"", "bob alice", "bob and alice",
                                      " bob\t\n "};
    static const char *const no[] = {"carol", "bobx", "2023", "true", "203.0.113.99", "\" bob\"", "bob carol",
                                     "2001:db8::1", "\"and\""};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(keeps(yes[i], &r));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(keeps(no[i], &r));
}

static void a_value_is_looked_for_in_its_field(void **state)
{
    (void)state;
    struct kt_row r = bob_for_alice();
    static const char *const yes[] = {"actor:bob", "actor.name:OB", "target:alice", "key:AKIA", "from:203.", "tool:boto",
                                      "agent:\"python/3.11.4 linux\"", "result:creat", "level:medium",
                                      "target.self:false", "signals:other", "risk:63", "origin.record:17", "time:2023-11-14",
                                      "actor:\"bob\" target:\"alice\"", "kind:creation", "actor.session:\"\""};
    static const char *const no[] = {"actor:alice", "target:bob", "risk:6", "risk:630", "origin.record:1", "actor.session:x",
                                     "error.code:x", "actor:bob target:bob", "time:2024"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(keeps(yes[i], &r));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(keeps(no[i], &r));
}

static void equality_counts_case_and_the_whole(void **state)
{
    (void)state;
    struct kt_row r = bob_for_alice();
    assert_true(keeps("actor:=Bob", &r));
    assert_false(keeps("actor:=bob", &r));
    assert_false(keeps("actor:=Bo", &r));
    assert_true(keeps("agent:=\"Boto3/1.28.0 Python/3.11.4 Linux/6.1.0\"", &r));
    assert_true(keeps("actor.session:=", &r));
    assert_false(keeps("actor:=", &r));
    assert_true(keeps("risk:=63", &r));
    r.ev.actor.name = KT_LIT("a\"b\\c");
    assert_true(keeps("actor:=\"a\\\"b\\\\c\"", &r));
}

static void risk_level_record_and_time_are_compared(void **state)
{
    (void)state;
    struct kt_row r = bob_for_alice();
    static const char *const yes[] = {"risk:>=63", "risk:>62", "risk:<=63", "risk:<64", "risk>=50", "risk<100", "time:>2h",
                                      "time:>2023-07-10", "time:<30m", "time:<=2023-11-14T21:13:20Z",
                                      "time:>=2023-11-14T21:13:20Z", "level:>=medium", "level:<high", "origin.record:>16",
                                      "key.created:>2h", "risk:>\"50\"", "risk:>=50 risk:<70"};
    static const char *const no[] = {"risk:>=64", "risk:>63", "risk:<63", "risk<=62", "time:>30m", "time:<2h",
                                     "time:<2023-11-14T21:13:20Z", "level:>medium", "level:>=high", "origin.record:<17"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(keeps(yes[i], &r));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(keeps(no[i], &r));
}

static void what_is_not_known_is_asked_for_by_an_empty_value(void **state)
{
    (void)state;
    struct kt_row r = bob_for_alice();
    r.ev.region = KT_SPAN_NONE;
    r.ev.time = KT_TIME_NONE;
    assert_true(keeps("region:", &r));
    assert_false(keeps("-region:", &r));
    assert_false(keeps("actor:", &r));
    assert_true(keeps("-actor:", &r));
    assert_false(keeps("region:\"\"", &r));
    assert_false(keeps("actor.session:", &r)); /* known to be empty */
    assert_true(keeps("actor.via:", &r));
    assert_true(keeps("time:", &r));
    assert_false(keeps("time:>2h", &r)); /* no comparison holds */
    assert_false(keeps("time:<2h", &r));
    assert_true(keeps("-time:<2h", &r));
}

static void a_term_is_excluded_by_a_minus_or_not(void **state)
{
    (void)state;
    struct kt_row r = bob_for_alice();
    static const char *const yes[] = {"-carol", "not carol", "-actor:carol", "not risk:>=64", "-risk>=64", "not -bob",
                                      "not not bob", "- carol", "-\"not\"", "bob -carol", "bob and not carol"};
    static const char *const no[] = {"-bob", "not bob", "NOT bob", "-actor:bob", "bob -alice", "not risk>=50"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(keeps(yes[i], &r));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(keeps(no[i], &r));
}

static void an_error_names_its_column_and_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum kt_code code;
        size_t column;
        const char *says;
    } bad[] = {
        {"actro:bob", KT_ENOTFOUND, 0, "did you mean actor?"},
        {"targt.name:bob", KT_ENOTFOUND, 0, "did you mean target.name?"},
        {"eventNam:x", KT_ENOTFOUND, 0, "no field"},
        {"requestParametrs.userName:x", KT_ENOTFOUND, 0, "did you mean requestParameters?"},
        {"nosuchthing=1", KT_ENOTFOUND, 0, "no field has this name"},
        {"nosuch in (a)", KT_ENOTFOUND, 0, "no field has this name"},
        {"bob actro:x", KT_ENOTFOUND, 4, "no field has this name"},
        {"urn:aws", KT_ENOTFOUND, 0, "double quotes"},
        {"actor:>5", KT_EUSAGE, 6, "can be compared"},
        {"risk:>x", KT_EUSAGE, 6, "not a number"},
        {"risk:>=", KT_EUSAGE, 7, "missing"},
        {"risk:x", KT_EUSAGE, 5, "not a number"},
        {"risk:\"\"", KT_EUSAGE, 5, "not a number"},
        {"a risk>", KT_EUSAGE, 7, "missing"},
        {"time:>yesterday", KT_EUSAGE, 6, "not a time"},
        {"time:>2023-02-30", KT_EUSAGE, 6, "not a time"},
        {"level:>=urgent", KT_EUSAGE, 8, "informational"},
        {"bob \"alice", KT_EUSAGE, 4, "not closed"},
        {"actor:\"a\\\"", KT_EUSAGE, 6, "not closed"},
        {"\"a\"b", KT_EUSAGE, 3, "blank is missing"},
        {"bob -", KT_EUSAGE, 4, "missing"},
        {"bob not", KT_EUSAGE, 4, "missing"},
        {"- and x", KT_EUSAGE, 0, "missing"},
        {"and bob", KT_EUSAGE, 0, "two terms"},
        {"bob and", KT_EUSAGE, 4, "two terms"},
        {"bob and and alice", KT_EUSAGE, 4, "two terms"},
        {"bob or", KT_EUSAGE, 4, "two terms"},
        {"or bob", KT_EUSAGE, 0, "two terms"},
        {"bob or or alice", KT_EUSAGE, 4, "two terms"},
        {"bob or and alice", KT_EUSAGE, 4, "two terms"},
        {"(bob", KT_EUSAGE, 0, "not closed"},
        {"bob)", KT_OK, 0, NULL},
        {"a )", KT_EUSAGE, 2, "no parenthesis is open"},
        {"a ()", KT_EUSAGE, 3, "nothing stands"},
        {"(a or )", KT_EUSAGE, 3, "two terms"},
        {"actor in (", KT_EUSAGE, 0, "not closed"},
        {"actor in ()", KT_EUSAGE, 10, "a value is missing"},
        {"actor in (a,,b)", KT_EUSAGE, 12, "a value is missing"},
        {"actor in (a b)", KT_EUSAGE, 12, "comma"},
        {"actor in (a)b", KT_EUSAGE, 12, "blank"},
        {"risk in (1, x)", KT_EUSAGE, 12, "not a number"},
        {"actor~(", KT_EUSAGE, 6, "regular expression is wrong"},
        {"x actor~\"a[\"", KT_EUSAGE, 11, "regular expression is wrong"},
        {"actor~", KT_EUSAGE, 6, "missing"},
        {"from:10.0.0.0/33", KT_EUSAGE, 5, "not an address"},
        {"from in (10.0.0.0/8, 1.2.3/24)", KT_EUSAGE, 21, "not an address"},
        {"requestParameters.x>y", KT_EUSAGE, 20, "neither a whole number nor a time"},
        {"time>25:00", KT_EUSAGE, 5, "not a time"},
        {"risk:>99999999999999999999", KT_EUSAGE, 6, "not a number"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct kt_filter *f;
        struct kt_err e = {0};
        size_t column = 99;
        if (bad[i].code == KT_OK)
            continue;
        assert_int_equal(kt_filter_parse(&f, kt_span_of(bad[i].text), NOW, &column, &e), bad[i].code);
        assert_null(f);
        if (column != bad[i].column)
            fail_msg("%s: column %zu, not %zu: %s", bad[i].text, column, bad[i].column, e.text);
        assert_int_equal(e.code, bad[i].code);
        if (!strstr(e.text, bad[i].says))
            fail_msg("%s: %s", bad[i].text, e.text);
        assert_int_equal(kt_filter_parse(&f, kt_span_of(bad[i].text), NOW, NULL, NULL), bad[i].code);
    }
}

static void a_filter_has_limits(void **state)
{
    (void)state;
    char text[KT_FILTER_TEXT_MAX + 2];
    struct kt_filter *f;
    const struct kt_filter_term *const *t;
    memset(text, 'x', sizeof text);
    assert_int_equal(kt_filter_parse(&f, (struct kt_span){text, sizeof text - 1}, NOW, NULL, NULL), KT_ELIMIT);
    assert_int_equal(kt_filter_parse(&f, (struct kt_span){text, sizeof text - 2}, NOW, NULL, NULL), KT_OK);
    kt_filter_free(f);
    for (size_t i = 1; i < sizeof text; i += 2)
        text[i] = ' ';
    assert_int_equal(kt_filter_parse(&f, (struct kt_span){text, 2 * KT_FILTER_TERMS_MAX}, NOW, NULL, NULL), KT_OK);
    assert_int_equal(kt_filter_terms(f, &t), KT_FILTER_TERMS_MAX);
    kt_filter_free(f);
    assert_int_equal(kt_filter_parse(&f, (struct kt_span){text, 2 * KT_FILTER_TERMS_MAX + 1}, NOW, NULL, NULL),
                     KT_ELIMIT);
}

static void a_clone_outlives_its_original(void **state)
{
    (void)state;
    struct kt_filter *f = parse("actor:Bob risk:>=50 -\"x y\" region:"), *g = kt_filter_clone(f);
    const struct kt_filter_term *const *t;
    kt_filter_free(f);
    assert_int_equal(kt_filter_terms(g, &t), 4);
    assert_int_equal(t[0]->field, KT_FIELD_ACTOR_NAME);
    assert_int_equal(t[0]->op, KT_OP_CONTAINS);
    assert_true(kt_span_is(t[0]->value->text, "bob"));
    assert_int_equal(t[1]->op, KT_OP_GE);
    assert_true(t[1]->value->number == 50);
    assert_int_equal(kt_filter_root(g)->child[2]->kind, KT_NODE_NOT);
    assert_int_equal(t[2]->field, KT_FIELD_COUNT);
    assert_true(kt_span_is(t[2]->value->text, "x y"));
    assert_int_equal(t[3]->op, KT_OP_UNKNOWN);
    kt_filter_free(g);
}

static void malformed_rows_are_found_by_kind_and_origin(void **state)
{
    (void)state;
    struct kt_row r = {.origin = {KT_LIT("file:bad.json"), KT_LIT("bad"), KT_SPAN_NONE, 3}};
    r.ev.kind = KT_KIND_MALFORMED;
    r.ev.time = r.ev.key.created = KT_TIME_NONE;
    assert_true(keeps("kind:malformed", &r));
    assert_true(keeps("bad.json", &r));
    assert_true(keeps("origin.record:3", &r));
    assert_true(keeps("actor:", &r));
    assert_false(keeps("risk:>=0", &r));
    assert_false(keeps("risk:<100", &r));
    assert_false(keeps("level:>=informational", &r));
}

static void keeps_those(const struct kt_row *r, const char *const *yes, const char *const *no)
{
    for (; *yes; yes++)
        if (!keeps(*yes, r))
            fail_msg("%s does not keep it", *yes);
    for (; *no; no++)
        if (keeps(*no, r))
            fail_msg("%s keeps it", *no);
}

static void or_and_parentheses_join_and_part(void **state)
{
    (void)state;
    struct kt_row r = bob_for_alice();
    static const char *const yes[] = {"bob or carol", "carol or bob", "carol or dave or bob", "(bob)", "((bob))", "( bob )",
                                      "carol and dave or bob", "bob or carol and dave", "(carol or bob) and alice",
                                      "(carol or bob) alice", "not (carol or dave)", "-(carol dave)", "not(carol)",
                                      "(actor:bob or actor:carol)(risk>50)", "(risk>=50 or level:high) not actor:ci-*",
                                      "risk>=50 and not actor:ci-*", "(region: or bob)", "bob and (not carol)",
                                      "actor:bob or nothing-has-this", NULL};
    static const char *const no[] = {"carol or dave", "(carol or dave) bob", "bob and (carol or dave)", "not (carol or bob)",
                                     "-(bob alice)", "(bob or carol) and dave", "carol and bob or dave", NULL};
    keeps_those(&r, yes, no);
}

static void wildcards_are_of_the_whole_value(void **state)
{
    (void)state;
    struct kt_row r = bob_for_alice();
    static const char *const yes[] = {"actor:b*", "actor:B?b", "actor:*", "agent:*python*", "from:203.*.113.?", "actor:*ob",
                                      "key:akia*", "b?b", "actor:\\*b or bob", "region:us-*-1", "not actor:o*", NULL};
    static const char *const no[] = {"actor:o*", "actor:b?", "actor:\"b*\"", "actor:=b*", "actor:*x*", "b?", "actor:?", "region:us-*-2", NULL};
    keeps_those(&r, yes, no);
    r.ev.actor.name = KT_LIT("a*b");
    static const char *const star[] = {"actor:a\\*b*", "actor:\"a*b\"", "actor:=a*b", NULL}, *const not_star[] = {"actor:a\\?b*", NULL};
    keeps_those(&r, star, not_star);
}

static void lists_networks_and_regular_expressions(void **state)
{
    (void)state;
    struct kt_row r = bob_for_alice();
    static const char *const yes[] = {"actor in (alice, bob)", "actor in (BOB)", "actor in (\"bob\" , x)", "actor in (x,b*)",
                                      "actor not in (alice, bo)", "risk in (1, 63)", "risk in (063)", "from in (203.0.113.0/24)",
                                      "from:203.0.113.0/24", "from=203.0.113.7/8", "not from:10.0.0.0/8", "level in (medium, high)",
                                      "from in (10.0.0.0/8, 203.0.112.0/20)", "actor~^B", "actor~(?i)^bob$", "agent~\"Boto3/[0-9.]+ P\"",
                                      "agent~(Boto|aws)[0-9]", "actor!=alice", "actor != alice", "actor=Bob", "actor = Bob", "actor==Bob",
                                      "risk >= 63", "risk > 62 and risk < 64", "actor !=bob", "risk!=62", "not actor in (alice)", NULL};
    static const char *const no[] = {"actor in (alice, bo)", "actor not in (alice, bob)", "risk in (6, 3)", "from:10.0.0.0/8",
                                     "actor~^b", "agent~^aws", "actor!=Bob", "actor=bob", "risk > 63", "level in (low)", "from in (203.0.113.8)", NULL};
    keeps_those(&r, yes, no);
}

static void times_may_be_of_the_day_and_paths_lead_into_the_record(void **state)
{
    (void)state;
    struct kt_row r = bob_for_alice(); /* an hour ago: 2023-11-14T21:13:20Z */
    static const char *const yes[] = {"time>21:00", "time<21:14", "time>=21:13:20", "time>2h and time<30m", NULL};
    static const char *const no[] = {"time>21:14", "time<21:13:20", NULL};
    keeps_those(&r, yes, no);
    static const char *const unknown[] = {"requestParameters.userName:", "not requestParameters.userName:x", NULL};
    static const char *const known[] = {"requestParameters.userName:x", "-requestParameters.userName:", "requestParameters.n>1", NULL};
    keeps_those(&r, unknown, known);
    r.raw = KT_LIT("{\"eventTime\":\"2023-11-14T21:13:20Z\",\"eventName\":\"CreateAccessKey\",\"sourceIPAddress\":\"10.1.2.3\",\"readOnly\":false,"
                   "\"requestParameters\":{\"userName\":\"Alice\",\"n\":5,\"tag-set\":[{\"k\":\"v1\"},{\"k\":\"v2\"}],\"none\":null},"
                   "\"userIdentity\":{\"sessionContext\":{\"attributes\":{\"mfaAuthenticated\":\"false\"}},\"userName\":\"b\\u006fb\"}}");
    static const char *const yes_path[] = {
        "requestParameters.userName:ali", "requestParameters.userName=Alice", "requestParameters.userName in (alice, x)",
        "requestParameters.userName:a*e", "requestParameters.userName~^Al", "requestParameters.n>4", "requestParameters.n<=5",
        "requestParameters.n:5", "requestParameters.tag-set.k:v2", "requestParameters.tag-set.1.k=v2", "requestParameters.none:",
        "requestParameters.nothing:", "-requestParameters.userName:", "eventName:createaccess", "sourceIPAddress:10.0.0.0/8",
        "eventTime>2h", "eventTime<=2023-11-14T21:13:20Z", "readOnly:false", "userIdentity.userName=bob",
        "userIdentity.sessionContext.attributes.mfaAuthenticated:false", "requestParameters:alice",
        "bob or requestParameters.userName:nobody", "requestParameters.userName!=alice", NULL};
    static const char *const no_path[] = {
        "requestParameters.userName=alice", "requestParameters.userName:", "requestParameters.n>5", "requestParameters.tag-set.k=v3",
        "sourceIPAddress:192.0.2.0/24", "eventTime>30m", "userIdentity.userName:", "requestParameters.nothing:x",
        "requestParameters.n in (4, 6)", "requestParameters.userName~^al", NULL};
    keeps_those(&r, yes_path, no_path);
}

static void what_is_pasted_is_text_where_it_is_an_arn_or_an_address(void **state)
{
    (void)state;
    struct kt_row r = bob_for_alice();
    r.ev.actor.arn = KT_LIT("arn:aws:iam::111122223333:user/Bob");
    r.ev.source.address = KT_LIT("fe80::1");
    static const char *const yes[] = {"arn:aws:iam::111122223333:user/bob", "fe80::1", "from:fe80::/10", NULL};
    static const char *const no[] = {"arn:aws:iam::111122223333:user/alice", "fe80::2", "from:fe90::/16", NULL};
    keeps_those(&r, yes, no);
}

static void a_bad_expression_ends_at_its_limits(void **state)
{
    (void)state;
    struct kt_row r = bob_for_alice();
    static char text[40001];
    memset(text, 'a', 40000);
    r.ev.agent.text = (struct kt_span){text, 40000};
    assert_false(keeps("agent~(a+)+$b", &r));
    char deep[200] = "";
    memset(deep, '(', 33);
    struct kt_filter *f;
    struct kt_err e = {0};
    assert_int_equal(kt_filter_parse(&f, kt_span_of(deep), NOW, NULL, &e), KT_ELIMIT);
    assert_non_null(strstr(e.text, "32 deep"));
}

/* --- what is being written --------------------------------------------------- */

static void what_is_being_written_is_known_by_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text; /* | is where the cursor is */
        int what;
        const char *part;
        enum kt_field field;
    } places[] = {
        {"|", KT_PLACE_FIELD, "", KT_FIELD_COUNT},
        {"act|", KT_PLACE_FIELD, "act", KT_FIELD_COUNT},
        {"risk>5 -tar|", KT_PLACE_FIELD, "tar", KT_FIELD_COUNT},
        {"(ac|", KT_PLACE_FIELD, "ac", KT_FIELD_COUNT},
        {"actor:|", KT_PLACE_VALUE, "", KT_FIELD_ACTOR_NAME},
        {"actor:al|", KT_PLACE_VALUE, "al", KT_FIELD_ACTOR_NAME},
        {"actor:al|ice x", KT_PLACE_VALUE, "alice", KT_FIELD_ACTOR_NAME},
        {"x actor:=al|", KT_PLACE_VALUE, "al", KT_FIELD_ACTOR_NAME},
        {"actor!=al|", KT_PLACE_VALUE, "al", KT_FIELD_ACTOR_NAME},
        {"actor = al|", KT_PLACE_VALUE, "al", KT_FIELD_ACTOR_NAME},
        {"actor:\"al ic|", KT_PLACE_VALUE, "\"al ic", KT_FIELD_ACTOR_NAME},
        {"target in (a, b|", KT_PLACE_VALUE, "b", KT_FIELD_TARGET_NAME},
        {"target in (|", KT_PLACE_VALUE, "", KT_FIELD_TARGET_NAME},
        {"target not in (a,|", KT_PLACE_VALUE, "", KT_FIELD_TARGET_NAME},
        {"(a, b|", KT_PLACE_FIELD, "b", KT_FIELD_COUNT},
        {"actor:al |", KT_PLACE_FIELD, "", KT_FIELD_COUNT},
        {"\"two wo|", KT_PLACE_NONE, "\"two wo", KT_FIELD_COUNT},
        {"requestParameters.us|", KT_PLACE_FIELD, "requestParameters.us", KT_FIELD_COUNT},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char text[100];
        size_t at = strcspn(places[i].text, "|");
        snprintf(text, sizeof text, "%.*s%s", (int)at, places[i].text, places[i].text + at + 1);
        struct kt_filter_place p = kt_filter_place(kt_span_of(text), at);
        if ((int)p.what != places[i].what || p.field != places[i].field ||
            !kt_span_is((struct kt_span){text + p.from, p.to - p.from}, places[i].part))
            fail_msg("%s: %d \"%.*s\" of %d", places[i].text, (int)p.what, (int)(p.to - p.from), text + p.from, (int)p.field);
    }
}

/* Examples are indented lines of their own; \\(dq and \\e are roff's. */
static void the_manuals_examples_are_filters(void **state)
{
    char path[512], line[512];
    const char *root = getenv("KEYTOP_SOURCE");
    int n = 0;
    (void)state;
    snprintf(path, sizeof path, "%s/man/keytop-filter.7", root ? root : ".");
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) && strncmp(line, ".Sh DIAG", 8) != 0) {
        char text[512];
        size_t k = 0;
        if (strncmp(line, ".Dl ", 4) != 0)
            continue;
        for (const char *p = line + 4; *p && *p != '\n'; p++) {
            bool quote = strncmp(p, "\\(dq", 4) == 0, slash = strncmp(p, "\\e", 2) == 0;
            text[k++] = quote ? '"' : slash ? '\\' : *p;
            p += quote ? 3 : slash ? 1 : 0;
        }
        text[k] = '\0';
        kt_filter_free(parse(text));
        n++;
    }
    fclose(f);
    assert_true(n >= 4);
    static const char *const promised[] = {"target.self:false result:created", "state:open", "risk>=50 and not actor:ci-*",
                                           "risk>=50 or result:denied", "kind:use", "target:=svc-backup", "key:", "risk>50",
                                           "state:ack tag:ir-12 assigned:carol note:"};
    for (size_t i = 0; i < sizeof promised / sizeof *promised; i++)
        kt_filter_free(parse(promised[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_filter_keeps_all),
        cmocka_unit_test(a_word_is_looked_for_in_every_text),
        cmocka_unit_test(a_value_is_looked_for_in_its_field),
        cmocka_unit_test(equality_counts_case_and_the_whole),
        cmocka_unit_test(risk_level_record_and_time_are_compared),
        cmocka_unit_test(what_is_not_known_is_asked_for_by_an_empty_value),
        cmocka_unit_test(a_term_is_excluded_by_a_minus_or_not),
        cmocka_unit_test(an_error_names_its_column_and_what_to_do),
        cmocka_unit_test(a_filter_has_limits),
        cmocka_unit_test(a_clone_outlives_its_original),
        cmocka_unit_test(malformed_rows_are_found_by_kind_and_origin),
        cmocka_unit_test(or_and_parentheses_join_and_part),
        cmocka_unit_test(wildcards_are_of_the_whole_value),
        cmocka_unit_test(lists_networks_and_regular_expressions),
        cmocka_unit_test(times_may_be_of_the_day_and_paths_lead_into_the_record),
        cmocka_unit_test(what_is_pasted_is_text_where_it_is_an_arn_or_an_address),
        cmocka_unit_test(a_bad_expression_ends_at_its_limits),
        cmocka_unit_test(what_is_being_written_is_known_by_its_place),
        cmocka_unit_test(the_manuals_examples_are_filters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
