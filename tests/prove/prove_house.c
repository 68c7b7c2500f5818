/* KEYTOP_PROVE_RECORDS (10,000,000) records on two real ClickHouse servers, a table over
 * both: the history of one user is on the screen within a second, and all of it is what a
 * scan of the same records gives; a server that is killed while it answers costs nothing of
 * what came, is told, and the question can be asked again. Skipped, saying so, where
 * clickhouse-server is not installed. */
#include "tests/support/house.h"
#include "tests/support/past.h"
#include "tests/support/pty.h"
#include "tests/support/run.h"
#include "tests/support/sample.h"

#include "base/clock.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

enum { OUT_MAX = 64 << 20, DAYS = 90, HITS = 5000, FIRST_PAGE_MS = 1000, ROUNDS = 3, WAIT_MS = 120000 };
#define TABLE "(eventTime DateTime, eventName String, userIdentity_userName String, userIdentity_accessKeyId String, " \
              "sourceIPAddress String, raw String)"

struct fix {
    struct house a, b;
    bool there;
    int64_t now;
    long records;
    struct kt_buf answer;
    char records_path[512];
};

static void must_ask(struct fix *x, const struct house *h, const char *query, struct kt_span data)
{
    if (!house_ask(h, query, data, &x->answer))
        fail_msg("%s: %s", query, kt_buf_str(&x->answer));
}

/* Made by the servers themselves: one record in `every` is of the user "needle". Those of the
 * last two days are none of his, but for one that the screen has to begin with. */
static void fill(struct fix *x, const struct house *h, int which)
{
    char query[4000];
    long n = x->records / 2, every = n / (HITS / 2);
    must_ask(x, h, "CREATE TABLE trail " TABLE " ENGINE = MergeTree PARTITION BY toYYYYMM(eventTime) ORDER BY eventTime", KT_SPAN_NONE);
    snprintf(query, sizeof query,
             "INSERT INTO trail SELECT toDateTime(t) AS eventTime, name AS eventName, user AS userIdentity_userName, key AS "
             "userIdentity_accessKeyId, ip AS sourceIPAddress, concat('{\"eventVersion\":\"1.08\",\"userIdentity\":{\"type\":\"IAMUser\",\"userName\":\"', "
             "user, '\",\"arn\":\"arn:aws:iam::111122223333:user/', user, '\",\"accountId\":\"111122223333\",\"accessKeyId\":\"', key, "
             "'\"},\"eventTime\":\"', replaceOne(toString(toDateTime(t)), ' ', 'T'), 'Z\",\"eventSource\":\"iam.amazonaws.com\",\"eventName\":\"', name, "
             "'\",\"awsRegion\":\"us-east-1\",\"sourceIPAddress\":\"', ip, '\",\"userAgent\":\"aws-cli/2.15.0\",\"requestParameters\":{\"userName\":\"bob', "
             "toString(number %% 977), '\"},\"responseElements\":null,\"eventID\":\"0000000%d-0000-4000-8000-', "
             "substring(toString(1000000000000 + number), 2), '\",\"recipientAccountId\":\"111122223333\"}') AS raw FROM (SELECT number, "
             "%" PRId64 " - intDiv(number * 7603200, %ld) AS t, "
             "if(number %% %ld = 3, 'needle', concat('user', toString(number %% 5003))) AS user, "
             "if(number %% %ld = 3, 'AKIANEEDLE0000000001', concat('AKIA', toString(1000000000000000 + number %% 20011))) AS key, "
             "concat('192.0.2.', toString(number %% 251)) AS ip, "
             "arrayElement(['CreateAccessKey', 'GetUser', 'ListBuckets', 'PutObject', 'AssumeRole'], toInt32(1 + number %% 5)) AS name "
             "FROM system.numbers LIMIT %ld)",
             which, x->now / 1000 - 2 * 86400, n, every, every, n);
    must_ask(x, h, query, KT_SPAN_NONE);
}

/* His last one, of today: the row that one opens his pane from. */
static void add_today(struct fix *x)
{
    char when[KT_TIME_TEXT], row[1500];
    kt_time_format(x->now - x->now % 1000 - 60000, when);
    int n = snprintf(row, sizeof row,
                     "%.10s %.8s\tCreateAccessKey\tneedle\tAKIANEEDLE0000000001\t192.0.2.7\t{\"eventVersion\":\"1.08\",\"userIdentity\":{\"type\":"
                     "\"IAMUser\",\"userName\":\"needle\",\"arn\":\"arn:aws:iam::111122223333:user/needle\",\"accountId\":\"111122223333\",\"accessKeyId\":"
                     "\"AKIANEEDLE0000000001\"},\"eventTime\":\"%s\",\"eventSource\":\"iam.amazonaws.com\",\"eventName\":\"CreateAccessKey\",\"awsRegion\":"
                     "\"us-east-1\",\"sourceIPAddress\":\"192.0.2.7\",\"userAgent\":\"aws-cli\",\"requestParameters\":{\"userName\":\"today1\"},"
                     "\"responseElements\":{\"accessKey\":{\"userName\":\"today1\",\"accessKeyId\":\"AKIATODAY00000000001\",\"status\":\"Active\"}},\"eventID\":\"90000000-0000-4000-8000-000000000000\",\"recipientAccountId\":\"111122223333\"}\n",
                     when, when + 11, when);
    must_ask(x, &x->a, "INSERT INTO trail FORMAT TabSeparated", (struct kt_span){row, (size_t)n});
}

/* The records themselves, as a file that a scan reads. */
static void write_records(struct fix *x)
{
    snprintf(x->records_path, sizeof x->records_path, "%s/needle.json", x->a.dir.path);
    FILE *f = fopen(x->records_path, "we");
    assert_non_null(f);
    const struct house *both[] = {&x->a, &x->b};
    for (int i = 0; i < 2; i++) {
        must_ask(x, both[i], "SELECT raw FROM trail WHERE userIdentity_userName = 'needle' OR sourceIPAddress = '192.0.2.7' AND toDate(eventTime) > today() - 5 "
                             "FORMAT TabSeparatedRaw", KT_SPAN_NONE);
        fputs(kt_buf_str(&x->answer), f);
    }
    fclose(f);
}

static int set_up(void **state)
{
    struct fix *x = *state = calloc(1, sizeof *x);
    kt_buf_init(&x->answer, OUT_MAX);
    x->now = kt_now(NULL);
    x->records = run_number("KEYTOP_PROVE_RECORDS", 10000000);
    if (!house_installed())
        return 0;
    house_make(&x->a);
    house_make(&x->b);
    x->a.other = x->b.tcp;
    x->there = house_start(&x->b) && house_start(&x->a);
    assert_true(x->there);
    int64_t began = kt_mono_ms();
    fill(x, &x->a, 1);
    fill(x, &x->b, 2);
    add_today(x);
    must_ask(x, &x->a, "CREATE TABLE all_trails " TABLE " ENGINE = Distributed(both, default, trail)", KT_SPAN_NONE);
    write_records(x);
    must_ask(x, &x->a, "SELECT count(), sum(length(raw)) FROM all_trails", KT_SPAN_NONE);
    printf("records and bytes: %s; made in %d s\n", kt_buf_str(&x->answer), (int)((kt_mono_ms() - began) / 1000));
    return 0;
}

static int tear_down(void **state)
{
    struct fix *x = *state;
    if (x->a.http) {
        house_remove(&x->a);
        house_remove(&x->b);
    }
    kt_buf_free(&x->answer);
    free(x);
    return 0;
}

static struct fix *fix_of(void **state)
{
    struct fix *x = *state;
    if (!x->there) {
        puts("SKIP: clickhouse-server is not installed");
        skip();
    }
    return x;
}

static struct pty *open_user(const char *address)
{
    const char *argv[] = {sample_keytop(), "--no-state", "--kinds", "all", address, NULL};
    struct pty *p = pty_start(&(struct pty_opts){.argv = argv, .rows = 40, .cols = 140});
    pty_wait_text(p, "needle");
    pty_wait_text(p, "LIVE");
    pty_send(p, "\t\t\r"); /* the pane of the actor */
    pty_wait_text(p, "h history");
    return p;
}

/* All of it takes as long as the servers do. */
static void wait_long(struct pty *p, const char *text)
{
    int64_t until = kt_mono_ms() + WAIT_MS;
    while (!pty_shows(p, text, NULL, NULL)) {
        if (kt_mono_ms() > until) {
            pty_dump(p);
            fail_msg("the screen does not show \"%s\"", text);
        }
        (void)pty_read(p, 200);
    }
}

static void quit(struct pty *p)
{
    pty_send(p, "q");
    (void)pty_wait_exit(p);
    pty_stop(p);
}

static void history_is_there_within_a_second(void **state)
{
    struct fix *x = fix_of(state);
    char address[200];
    int64_t worst = 0, best = INT64_MAX, whole = 0;
    snprintf(address, sizeof address, "clickhouse://127.0.0.1:%d/all_trails?http=1&interval=86400", x->a.http);
    for (int i = 0; i < ROUNDS; i++) {
        struct pty *p = open_user(address);
        pty_send(p, "h");
        pty_wait_text(p, "how far back");
        int64_t began = kt_mono_ms();
        pty_send(p, "\r");
        pty_wait_text(p, "PutObject"); /* of two days ago */
        int64_t took = kt_mono_ms() - began;
        worst = took > worst ? took : worst;
        best = took < best ? took : best;
        wait_long(p, "h asks for what is new");
        whole = kt_mono_ms() - began;
        quit(p);
    }
    int64_t began = kt_mono_ms(); /* what the servers take for it by themselves, on a machine that may do other things */
    must_ask(x, &x->a, "SELECT count() FROM all_trails WHERE eventTime > now() - 3 * 86400 AND (userIdentity_userName = 'needle' OR "
                       "positionCaseInsensitive(raw, 'needle') > 0 OR position(raw, '\\\\u00') > 0)", KT_SPAN_NONE);
    printf("the first page of one user's history after %d to %d ms, all 90 days after %d ms; the servers' own part of the first page: %d ms\n",
           (int)best, (int)worst, (int)whole, (int)(kt_mono_ms() - began));
    assert_true(best <= FIRST_PAGE_MS);
}

static void all_of_it_is_what_a_scan_gives(void **state)
{
    struct fix *x = fix_of(state);
    char address[200], differ[800];
    static const char *const filters[] = {"actor:=needle", "actor:=needle event_name:=CreateAccessKey", "key:AKIANEEDLE"};
    snprintf(address, sizeof address, "clickhouse://127.0.0.1:%d/all_trails?http=1", x->a.http);
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        struct past_rows scan, asked;
        if (!past_rows(&scan, x->records_path, filters[i], false))
            fail_msg("%s", scan.says);
        int64_t began = kt_mono_ms();
        if (!past_rows(&asked, address, filters[i], true))
            fail_msg("%s", asked.says);
        past_differ(&asked, &scan, differ, sizeof differ);
        if (differ[0])
            fail_msg("%s: %s", filters[i], differ);
        printf("%s: %zu rows of %ld records in %d ms\n", filters[i], asked.n, x->records, (int)(kt_mono_ms() - began));
        past_free(&scan);
        past_free(&asked);
    }
}

static void one_that_dies_while_it_answers_loses_nothing(void **state)
{
    struct fix *x = fix_of(state);
    char address[200];
    snprintf(address, sizeof address, "clickhouse://127.0.0.1:%d/all_trails?http=1&interval=86400", x->a.http);
    struct pty *p = open_user(address);
    pty_send(p, "h");
    pty_wait_text(p, "how far back");
    pty_send(p, "\r");
    pty_wait_text(p, "PutObject");
    house_kill(&x->b);
    wait_long(p, "h asks again");
    pty_wait_text(p, "PutObject"); /* what came is kept */
    assert_true(pty_shows(p, "a shard cannot be reached", NULL, NULL) || pty_shows(p, "ClickHouse says", NULL, NULL));
    assert_true(house_start(&x->b));
    pty_send(p, "h");
    pty_wait_text(p, "how far back");
    pty_send(p, "\r");
    pty_wait_text(p, "asking");
    wait_long(p, "h asks for what is new");
    quit(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it_is_what_a_scan_gives),
        cmocka_unit_test(history_is_there_within_a_second),
        cmocka_unit_test(one_that_dies_while_it_answers_loses_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
