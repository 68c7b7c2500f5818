/* ingest: calls made with a long-lived key are read without being parsed, and
 * nothing of it is done where nobody asks. */
#include "ingest_kit.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define IDENTITY(key)                                                                                                \
    "\"userIdentity\":{\"type\":\"IAMUser\",\"principalId\":\"AIDAEXAMPLE\",\"arn\":\"arn:aws:iam::111122223333:"    \
    "user/alice\",\"accountId\":\"111122223333\",\"accessKeyId\":\"" key "\",\"userName\":\"alice\"}"
#define CALL(name, key, rest)                                                                                        \
    "{\"eventVersion\":\"1.09\"," IDENTITY(key) ",\"eventTime\":\"2024-05-01T10:00:00Z\",\"eventSource\":"           \
    "\"sts.amazonaws.com\",\"eventName\":\"" name "\",\"awsRegion\":\"us-east-1\",\"sourceIPAddress\":"              \
    "\"203.0.113.9\",\"userAgent\":\"aws-cli/2.17.32\",\"requestParameters\":null,\"eventID\":\"id-1\"" rest         \
    ",\"recipientAccountId\":\"111122223333\"}"
#define AKIA "AKIAEXAMPLEEXAMPLE01"

struct uses {
    struct seen seen;
    struct kt_buf text; /* a line for each use */
    size_t n;
};

static void put(struct kt_buf *b, struct kt_span s)
{
    kt_buf_addf(b, "%.*s|", (int)s.n, s.p ? s.p : "");
}

static bool on_use(void *ctx, const struct kt_use *u)
{
    struct uses *x = ctx;
    kt_buf_addf(&x->text, "%llu|", (unsigned long long)u->ordinal);
    const struct kt_span all[] = {u->event_name, u->event_source, u->event_time, u->event_id, u->error_code, u->address,
                                  u->agent, u->region, u->recipient, u->type, u->key_id, u->user_name, u->arn, u->account};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        put(&x->text, all[i]);
    kt_buf_addc(&x->text, '\n');
    x->n++;
    return true;
}

static void feed(struct uses *x, const char *text, size_t n, bool asked)
{
    memset(x, 0, sizeof *x);
    seen_init(&x->seen);
    kt_buf_init(&x->text, LOG_MAX);
    const struct kt_record_sink sink = {seen_record, seen_malformed, x, asked ? on_use : NULL, NULL};
    struct kt_ingest *g = kt_ingest_new(kit_names, 1, &sink);
    assert_non_null(g);
    (void)kt_ingest_feed(g, text, n);
    kit_finish(g, &x->seen);
    kt_ingest_free(g);
}

static void feed_text(struct uses *x, const char *text)
{
    feed(x, text, strlen(text), true);
}

static void done(struct uses *x)
{
    seen_free(&x->seen);
    kt_buf_free(&x->text);
}

static void a_call_made_with_a_long_lived_key_is_told_without_being_parsed(void **state)
{
    (void)state;
    struct uses x;
    feed_text(&x, "{\"Records\":[" CALL("GetCallerIdentity", AKIA, ",\"errorCode\":\"AccessDenied\"") "]}");
    assert_int_equal(x.n, 1);
    assert_string_equal(kt_buf_str(&x.text),
                        "1|GetCallerIdentity|sts.amazonaws.com|2024-05-01T10:00:00Z|id-1|AccessDenied|203.0.113.9|"
                        "aws-cli/2.17.32|us-east-1|111122223333|IAMUser|" AKIA "|alice|"
                        "arn:aws:iam::111122223333:user/alice|111122223333|\n");
    assert_int_equal(x.seen.records, 0);
    assert_int_equal(x.seen.stats.walked, 1);
    assert_int_equal(x.seen.stats.unsure, 0);
    assert_int_equal(x.seen.stats.picked, 0);
    assert_int_equal(x.seen.stats.records, 1);
    done(&x);
}

static void nothing_is_walked_where_uses_are_not_asked_for(void **state)
{
    (void)state;
    struct uses x;
    const char *text = "{\"Records\":[" CALL("GetCallerIdentity", AKIA, "") "," CALL("CreateAccessKey", AKIA, "") "]}";
    feed(&x, text, strlen(text), false);
    assert_int_equal(x.n, 0);
    assert_int_equal(x.seen.records, 1);
    assert_int_equal(x.seen.stats.walked + x.seen.stats.unsure, 0);
    assert_int_equal(x.seen.stats.records, 2);
    done(&x);
}

static void sessions_and_mentions_of_a_key_are_no_uses(void **state)
{
    (void)state;
    struct uses x;
    feed_text(&x, CALL("GetCallerIdentity", "ASIAEXAMPLEEXAMPLE01", "") "\n"
                  CALL("GetAccessKeyLastUsed", "ASIAEXAMPLEEXAMPLE01", ",\"x\":{\"accessKeyId\":\"" AKIA "\"}") "\n");
    assert_int_equal(x.n, 0);
    assert_int_equal(x.seen.records, 0);
    assert_int_equal(x.seen.stats.unsure, 0);
    assert_int_equal(x.seen.stats.records, 2);
    done(&x);
}

static void an_event_of_interest_comes_as_a_record_and_ordinals_go_on(void **state)
{
    (void)state;
    struct uses x;
    feed_text(&x, "[" CALL("A", AKIA, "") "," CALL("CreateAccessKey", AKIA, "") "," CALL("B", "ASIAX", "") ","
                  CALL("C", AKIA, "") "]");
    assert_int_equal(x.n, 2);
    assert_int_equal(x.seen.records, 1);
    assert_non_null(strstr(kt_buf_str(&x.text), "1|A|"));
    assert_non_null(strstr(kt_buf_str(&x.text), "4|C|"));
    assert_non_null(strstr(kt_buf_str(&x.seen.log), "record 2 at"));
    done(&x);
}

static void what_the_walk_is_not_sure_of_is_parsed(void **state)
{
    (void)state;
    static const char *const text[] = {
        "{\"Events\":[{\"EventId\":\"1\",\"CloudTrailEvent\":\"{\\\"eventName\\\":\\\"X\\\",\\\"userIdentity\\\":"
        "{\\\"accessKeyId\\\":\\\"" AKIA "\\\"}}\"}]}",
        "{\"eventName\":\"X\",\"eventName\":\"Y\",\"userIdentity\":{\"accessKeyId\":\"" AKIA "\"}}\n",
        "{\"eventName\":\"X\",\"userIdentity\":{\"accessKeyId\":\"" AKIA "\"},\"a\":\"\\ud83d\\ude00\"}\n",
        "{\"eventName\":\"X\",\"userIdentity\":{\"accessKeyId\":\"" AKIA "\"},\"a\":1e5}\n",
        "{\"detail\":" CALL("X", AKIA, "") "}\n"};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        struct uses x;
        feed_text(&x, text[i]);
        assert_int_equal(x.n, 0);
        assert_int_equal(x.seen.records, 1);
        assert_int_equal(x.seen.stats.unsure, 1);
        done(&x);
    }
}

static void a_damaged_call_with_a_key_is_told_and_hides_no_neighbour(void **state)
{
    (void)state;
    struct uses x;
    feed_text(&x, CALL("A", AKIA, "") "\n" CALL("B", AKIA, ",\"x\":\"\\q\"") "\n" CALL("C", AKIA, "") "\n");
    assert_int_equal(x.n, 2);
    assert_int_equal(x.seen.malformed, 1);
    assert_string_equal(x.seen.reason, "an invalid escape");
    done(&x);
}

static void usual_records_of_every_shape_are_walked(void **state)
{
    (void)state;
    static const char *const rest[] = {
        ",\"a\":\"\\u00e9 \\\"quoted\\\" \\\\ \\/ \\t\"", ",\"a\":\"caf\xc3\xa9 \xe2\x80\xaf \xf0\x9f\x98\x80\"",
        ",\"a\":[1,-2,3.25,[],{},[{\"b\":null}]],\"c\":true,\"d\":false", ",\"a\" : { \"b\" :\n [ 1 , 2 ] } "};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) {
        struct kt_buf b;
        struct uses x;
        kt_buf_init(&b, LOG_MAX);
        kt_buf_addf(&b, "%.*s%s}\n", (int)sizeof CALL("X", AKIA, "") - 2, CALL("X", AKIA, ""), rest[i]);
        feed(&x, b.p, b.len, true);
        assert_int_equal(x.n, 1);
        assert_int_equal(x.seen.stats.unsure, 0);
        done(&x);
        kt_buf_free(&b);
    }
}

/* An escape in a value that is asked for is undone as jansson does. */
static void escapes_in_values_are_undone(void **state)
{
    (void)state;
    static struct kt_walk w;
    struct kt_use u;
    const char *text = "{\"eventName\":\"a\\u00e9\\u20ac\\n\\/\\\"\\\\\",\"userIdentity\":{\"accessKeyId\":\"AKIA\\t\"}}";
    assert_int_equal(kt_walk(&w, kt_span_of(text), &u), KT_WALK_USE);
    assert_true(kt_span_is(u.event_name, "a\xc3\xa9\xe2\x82\xac\n/\"\\"));
    assert_true(kt_span_is(u.key_id, "AKIA\t"));
}

/* Uses are the same however the bytes are cut. */
static void pieces_make_no_difference(void **state)
{
    (void)state;
    const char *text = "{\"Records\":[" CALL("A", AKIA, "") "," CALL("B", AKIA, "") "]}\n" CALL("C", AKIA, "") "\n";
    struct uses whole, x;
    feed_text(&whole, text);
    assert_int_equal(whole.n, 3);
    for (size_t cut = 1; cut < strlen(text); cut++) {
        memset(&x, 0, sizeof x);
        seen_init(&x.seen);
        kt_buf_init(&x.text, LOG_MAX);
        const struct kt_record_sink sink = {seen_record, seen_malformed, &x, on_use, NULL};
        struct kt_ingest *g = kt_ingest_new(kit_names, 1, &sink);
        assert_non_null(g);
        assert_true(kt_ingest_feed(g, text, cut) && kt_ingest_feed(g, text + cut, strlen(text) - cut));
        kit_finish(g, &x.seen);
        kt_ingest_free(g);
        assert_string_equal(kt_buf_str(&x.text), kt_buf_str(&whole.text));
        done(&x);
    }
    done(&whole);
}

/* --- records as others have published them ----------------------------------- */

struct census {
    size_t files, uses, unsure;
};

static void count_file(const char *path, struct census *c)
{
    static char text[1 << 20];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text, f);
    (void)fclose(f);
    struct uses x;
    feed(&x, text, n, true);
    c->files++;
    c->uses += x.seen.stats.walked;
    c->unsure += x.seen.stats.unsure;
    done(&x);
}

static void published_records_are_walked_without_a_doubt(void **state)
{
    (void)state;
    char dir[3000], path[4000];
    const char *root = getenv("KEYTOP_SOURCE");
    struct census c = {0};
    snprintf(dir, sizeof dir, "%s/../shared/data/cloudtrail/invictus", root ? root : ".");
    DIR *d = opendir(dir);
    if (!d) {
        printf("SKIP: no published records in %s\n", dir);
        skip();
    }
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        count_file(path, &c);
    }
    closedir(d);
    printf("%zu files: %zu uses walked, %zu unsure\n", c.files, c.uses, c.unsure);
    assert_true(c.uses > 50);
    assert_true(c.unsure * 10 < c.uses);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_made_with_a_long_lived_key_is_told_without_being_parsed),
        cmocka_unit_test(nothing_is_walked_where_uses_are_not_asked_for),
        cmocka_unit_test(sessions_and_mentions_of_a_key_are_no_uses),
        cmocka_unit_test(an_event_of_interest_comes_as_a_record_and_ordinals_go_on),
        cmocka_unit_test(what_the_walk_is_not_sure_of_is_parsed),
        cmocka_unit_test(a_damaged_call_with_a_key_is_told_and_hides_no_neighbour),
        cmocka_unit_test(usual_records_of_every_shape_are_walked),
        cmocka_unit_test(escapes_in_values_are_undone),
        cmocka_unit_test(pieces_make_no_difference),
        cmocka_unit_test(published_records_are_walked_without_a_doubt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
