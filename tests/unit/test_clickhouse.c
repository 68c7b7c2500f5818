/* The clickhouse: source: addresses, tables, windows, answers, troubles. */
#include "source/clickhouse.h"
#include "tests/support/fake_clickhouse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define START ((int64_t)1795000000000)

struct fix {
    struct trail_rig rig;
    struct fake_clickhouse house;
    char address[256];
};

static int set_up(void **state)
{
    struct fix *x = *state = calloc(1, sizeof *x);
    rig_init(&x->rig, START, 7);
    fake_clickhouse_init(&x->house);
    x->house.clock = &x->rig.clock;
    snprintf(x->address, sizeof x->address, "clickhouse://127.0.0.1:%d/soc.trail?http=1&interval=30", fake_http_port(x->house.http));
    return 0;
}

static int tear_down(void **state)
{
    struct fix *x = *state;
    rig_free(&x->rig);
    fake_clickhouse_free(&x->house);
    free(x);
    return 0;
}

static void event(struct fix *x, int64_t time, int64_t late)
{
    fake_clickhouse_event(&x->house, (int)x->house.n_events + 1, time, time + late);
}

static const char *said(const struct fix *x)
{
    return x->rig.n_troubles ? x->rig.trouble[(x->rig.n_troubles - 1) % RIG_TROUBLES] : "";
}

static void shows_and_follows(void **state)
{
    struct fix *x = *state;
    event(x, START - 2 * HOUR, 0);
    rig_open(&x->rig, x->address, true);
    rig_run(&x->rig, START + 10 * SECOND);
    assert_int_equal(x->rig.rows, 1);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_LIVE);
    assert_int_equal(x->house.described, 1);
    assert_non_null(strstr(x->house.query, "SELECT `raw` AS keytop_record FROM `soc`.`trail` WHERE toUnixTimestamp(`eventTime`) >= "));
    assert_non_null(strstr(x->house.query, "`eventName` = 'CreateAccessKey'"));
    event(x, START - 20 * MINUTE, 21 * MINUTE); /* was loaded late */
    rig_run(&x->rig, START + 95 * SECOND);
    assert_int_equal(x->rig.rows, 2);
    assert_int_equal(rig_health(&x->rig).troubles, 0);
    event(x, START - 20 * HOUR, 21 * HOUR); /* later than the first window: the wider one finds it */
    rig_run(&x->rig, START + 3 * HOUR);
    assert_int_equal(x->rig.rows, 3);
    assert_int_equal(x->rig.doubles, 0);
}

static void reads_once_all_there_is(void **state)
{
    struct fix *x = *state;
    for (int i = 0; i < 3000; i++)
        event(x, START - HOUR - i * MINUTE, 0);
    rig_open(&x->rig, x->address, false);
    rig_run(&x->rig, START + DAY);
    assert_int_equal(x->rig.wait.kind, KT_WAIT_DONE);
    assert_int_equal(x->rig.rows, 3000);
    assert_int_equal(x->house.queries, 1);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_DONE);
}

/* What came before an exception is kept, and the question is asked again. */
static void an_exception_among_rows_is_no_end(void **state)
{
    struct fix *x = *state;
    static const enum house_fault faults[] = {HOUSE_EXCEPTION, HOUSE_EXCEPTION_JSON, HOUSE_CUT, HOUSE_DROP, HOUSE_500, HOUSE_503,
                                              HOUSE_HTML};
    for (int i = 0; i < 10; i++)
        event(x, START - i * MINUTE, 0);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        fake_clickhouse_fault(&x->house, faults[i]);
    rig_open(&x->rig, x->address, true);
    rig_run(&x->rig, START + SECOND);
    assert_int_equal(x->rig.rows, 5);
    assert_non_null(strstr(said(x), "Memory limit"));
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_STALE);
    assert_int_equal(rig_health(&x->rig).complete_to, 0);
    rig_run(&x->rig, START + 10 * MINUTE);
    assert_int_equal(x->rig.rows, 10);
    assert_int_equal(x->rig.doubles, 0);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_LIVE);
    assert_true(x->house.queries > sizeof faults / sizeof *faults);
}

/* The others' rows are shown, and the gap is told; once it is back it is asked. */
static void a_shard_that_is_away_is_a_gap(void **state)
{
    struct fix *x = *state;
    for (int i = 0; i < 10; i++)
        event(x, START - i * MINUTE, 0);
    x->house.shard_away = true;
    rig_open(&x->rig, x->address, true);
    rig_run(&x->rig, START + 10 * SECOND);
    assert_int_equal(x->rig.rows, 5);
    assert_int_equal(x->rig.gaps, 1);
    assert_non_null(strstr(said(x), "a shard cannot be reached"));
    assert_int_equal(rig_health(&x->rig).complete_to, 0);
    x->house.shard_away = false;
    rig_run(&x->rig, START + 5 * MINUTE);
    assert_int_equal(x->rig.rows, 10);
    assert_true(rig_health(&x->rig).complete_to > 0);
}

static void comes_back_where_it_was(void **state)
{
    struct fix *x = *state;
    event(x, START - HOUR, 0);
    rig_open(&x->rig, x->address, true);
    rig_run(&x->rig, START + MINUTE);
    rig_close(&x->rig);
    x->rig.now += 3 * DAY;
    event(x, START + DAY, 0); /* while nobody looked: more than the first window reaches back */
    rig_open(&x->rig, x->address, true);
    rig_run(&x->rig, x->rig.now + MINUTE);
    assert_int_equal(x->rig.rows, 2);
}

static void tables_without_records_are_put_together(void **state)
{
    struct fix *x = *state;
    struct clickhouse s = {.a = {.database = "soc", .table = "t"}, .p = {.name = "t"}};
    char why[300];
    bool going;
    s.arena = kt_arena_new(1 << 20);
    s.column = calloc(KT_COLUMNS_MAX, sizeof *s.column);
    kt_buf_init(&s.line, CLICKHOUSE_LINE_MAX);
    s.where = kt_cond_all(s.arena);
    assert_true(clickhouse_take_columns(&s, KT_LIT("event_time\tDateTime\nevent_name\tLowCardinality(Nullable(String))\nn\tUInt8\n"
                                                   "request_parameters\tString\nuser_identity_arn\tNullable(String)\nevent_id\tString\n"),
                                        why, sizeof why));
    assert_int_equal(s.table.n, 5);
    assert_true(s.column[1].nullable && s.column[3].nullable);
    struct kt_buf q = {.max = 4096};
    struct kt_pass pass = {.from = 1000, .to = 2000};
    assert_true(clickhouse_query(&s, &pass, &q));
    assert_string_equal(kt_buf_str(&q), "SELECT toUnixTimestamp(`event_time`) AS keytop_0, `event_name` AS keytop_1, "
                                        "`request_parameters` AS keytop_2, `user_identity_arn` AS keytop_3, `event_id` AS keytop_4 FROM `soc`.`t` WHERE "
                                        "toUnixTimestamp(`event_time`) >= 1 AND toUnixTimestamp(`event_time`) <= 3 FORMAT JSONEachRow");
    static const char row[] = "{\"keytop_0\":1795000000,\"keytop_1\":\"CreateAccessKey\",\"keytop_2\":\"{\\\"userName\\\":\\\"b\\\"}\",\"keytop_3\":null,\"keytop_4\":\"00000000-0000-4000-8000-000000000001\"}\n";
    assert_int_equal(clickhouse_read(&s, kt_span_of(row), false, &x->rig.sink, &going), sizeof row - 1);
    assert_string_equal(kt_buf_str(&s.line), "{\"eventTime\":\"2026-11-18T11:06:40Z\",\"eventName\":\"CreateAccessKey\","
                                             "\"requestParameters\":{\"userName\":\"b\"},\"eventID\":\"00000000-0000-4000-8000-000000000001\"}\n");
    assert_false(clickhouse_take_columns(&s, KT_LIT("a\tString\n"), why, sizeof why));
    assert_non_null(strstr(why, "raw=COLUMN"));
    assert_false(clickhouse_take_columns(&s, KT_LIT(""), why, sizeof why));
    assert_non_null(strstr(why, "no table"));
    kt_buf_free(&q);
    kt_buf_free(&s.line);
    kt_arena_free(s.arena);
    free(s.column);
}

static void users_and_addresses(void **state)
{
    struct fix *x = *state;
    struct clickhouse_address a;
    struct kt_err e;
    snprintf(x->house.user, sizeof x->house.user, "ann");
    snprintf(x->house.password, sizeof x->house.password, "house-canary");
    event(x, START - MINUTE, 0);
    rig_open(&x->rig, x->address, false);
    rig_run(&x->rig, START + MINUTE);
    assert_int_equal(x->rig.rows, 0);
    assert_non_null(strstr(said(x), "does not know this user and password"));
    rig_close(&x->rig);
    snprintf(x->rig.variables.text[4], sizeof x->rig.variables.text[4], "CLICKHOUSE_PASSWORD=house-canary");
    x->rig.variables.env[4] = x->rig.variables.text[4];
    snprintf(x->address, sizeof x->address, "clickhouse://127.0.0.1:%d/soc.trail?http=1&user=ann", fake_http_port(x->house.http));
    rig_open(&x->rig, x->address, false);
    rig_run(&x->rig, x->rig.now + MINUTE);
    assert_int_equal(x->rig.rows, 1);
    static const char *const bad[] = {"clickhouse:h/t", "clickhouse://h", "clickhouse://h/", "clickhouse:///d.t", "clickhouse://h/d.",
                                      "clickhouse://h/t?password=x", "clickhouse://h/t?what=x", "clickhouse://a@h/t",
                                      "clickhouse://h/t?user=a%0db", "clickhouse://h/t?interval=1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_not_equal(clickhouse_address_parse(&a, bad[i], &e), KT_OK);
        clickhouse_address_drop(&a);
    }
    assert_int_equal(clickhouse_address_parse(&a, "clickhouse://h/tra%69l?http=1", &e), KT_OK);
    assert_string_equal(a.host, "h:8123");
    assert_string_equal(a.table, "trail");
    assert_string_equal(a.database, "default");
    clickhouse_address_drop(&a);
}

/* A page that wants a login, with a status of 200, is not taken for no rows. */
static void a_page_is_no_answer(void **state)
{
    struct fix *x = *state;
    event(x, START - HOUR, 0);
    rig_open(&x->rig, x->address, true);
    rig_run(&x->rig, START + 10 * SECOND);
    assert_int_equal(x->rig.n_troubles, 0);
    fake_clickhouse_fault(&x->house, HOUSE_HTML);
    rig_run(&x->rig, START + 50 * SECOND);
    assert_int_equal(x->rig.n_troubles, 1);
    assert_non_null(strstr(x->rig.trouble[0], "is there a proxy that wants a login?"));
    rig_run(&x->rig, START + 3 * MINUTE);
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_LIVE);
    rig_close(&x->rig);
    x->house.columns = "<html>login here</html>"; /* nor for a table without columns */
    rig_open(&x->rig, x->address, false);
    rig_run(&x->rig, x->rig.now + HOUR);
    assert_non_null(strstr(x->rig.trouble[(x->rig.n_troubles - 1) % RIG_TROUBLES], "is there a proxy that wants a login?"));
}

/* Answers come gzipped; where a user may not set that, as they are. */
static void answers_come_packed(void **state)
{
    struct fix *x = *state;
    for (int i = 0; i < 2000; i++)
        event(x, START - HOUR - i * SECOND, 0);
    rig_open(&x->rig, x->address, false);
    rig_run(&x->rig, START + DAY);
    assert_int_equal(x->rig.rows, 2000);
    assert_int_equal(x->house.packed, 2); /* what the table has, and its records */
    rig_close(&x->rig);
    x->house.sets_nothing = true;
    x->house.packed = 0;
    rig_open(&x->rig, x->address, false);
    rig_run(&x->rig, START + 2 * DAY);
    assert_int_equal(x->rig.wait.kind, KT_WAIT_DONE);
    assert_int_equal(rig_health(&x->rig).troubles, 0);
    assert_int_equal(x->house.packed, 1); /* the refusal */
}

/* --- questions ------------------------------------------------------------------------ */

static void put(struct fix *x, const struct kt_question *q, struct kt_answer *a)
{
    struct kt_err e = {0};
    a->back = a->until = KT_TIME_NONE;
    a->state = KT_ANSWER_ASKING;
    assert_int_equal(x->rig.source->ops->ask(x->rig.source, q, a, &e), KT_OK);
    x->rig.wait = (struct kt_wait){.kind = KT_WAIT_NONE, .fd = -1};
}

static const struct kt_question alice = {.about = KT_ASK_USER, .name = "alice", .account = "111122223333"};

/* All that a user did, beside what is read anyhow; asked again, what is new alone. */
static void a_question_is_answered_beside_what_is_read(void **state)
{
    struct fix *x = *state;
    struct kt_answer a = {0};
    for (int i = 0; i < 100; i++)
        event(x, START - 40 * DAY + i * HOUR, 0);
    rig_open(&x->rig, x->address, true);
    rig_run(&x->rig, START + MINUTE);
    assert_int_equal(x->rig.rows, 0); /* older than what it begins with */
    put(x, &alice, &a);
    rig_run(&x->rig, START + 2 * MINUTE);
    assert_int_equal(a.state, KT_ANSWER_WHOLE);
    assert_int_equal(x->rig.found, 100);
    assert_string_equal(a.how, "ClickHouse");
    assert_true(a.back < START - 89 * DAY && a.until >= START + MINUTE);
    assert_non_null(strstr(x->house.question, "position(`raw`, 'alice') > 0"));
    x->rig.source->ops->unask(x->rig.source, &a);
    event(x, START + MINUTE, 0);
    size_t found = x->rig.found;
    int64_t back = a.back;
    put(x, &alice, &a);
    rig_run(&x->rig, START + 4 * MINUTE);
    assert_int_equal(a.state, KT_ANSWER_WHOLE);
    assert_true(x->rig.found <= found + 1); /* the live window may have had it */
    assert_true(a.back == back);
    assert_true(strstr(x->house.question, ">= 17949") != NULL); /* a day before, not 90 */
    assert_int_equal(rig_health(&x->rig).state, KT_HEALTH_LIVE);
}

/* The newest first: what is new is there while older parts are asked for. */
static void a_question_is_asked_in_parts(void **state)
{
    struct fix *x = *state;
    struct kt_answer a = {0};
    for (int i = 0; i < 85; i++)
        event(x, START - (i + 2) * DAY, 0);
    rig_open(&x->rig, x->address, true);
    rig_run(&x->rig, START + MINUTE);
    unsigned queries = x->house.queries;
    put(x, &alice, &a);
    for (int i = 0; i < 400 && x->rig.found == 0; i++)
        rig_run(&x->rig, x->rig.now + 20);
    assert_in_range(x->rig.found, 1, 8); /* a day, and a week before it */
    assert_in_range(a.percent, 1, 99);
    rig_run(&x->rig, START + 2 * MINUTE);
    assert_int_equal(a.state, KT_ANSWER_WHOLE);
    assert_int_equal(x->rig.found, 85);
    assert_int_equal(x->rig.found_again, 0);
    assert_true(x->house.queries >= queries + 4);
    assert_true(a.back < START - 89 * DAY);
}

/* What goes wrong is said with the answer, and can be asked again; it is no
 * trouble of the source. */
static void a_question_that_fails_can_be_asked_again(void **state)
{
    struct fix *x = *state;
    struct kt_answer a = {0};
    for (int i = 0; i < 10; i++)
        event(x, START - 40 * DAY + i * HOUR, 0);
    rig_open(&x->rig, x->address, true);
    rig_run(&x->rig, START + MINUTE);
    x->house.shard_away = true;
    put(x, &alice, &a);
    rig_run(&x->rig, START + 2 * MINUTE);
    assert_int_equal(a.state, KT_ANSWER_PART);
    assert_non_null(strstr(a.says, "a shard cannot be reached"));
    assert_int_equal(x->rig.found, 5); /* what came is kept */
    assert_string_equal(a.position, "");
    x->rig.source->ops->unask(x->rig.source, &a);
    x->house.shard_away = false;
    put(x, &alice, &a);
    rig_run(&x->rig, START + 3 * MINUTE);
    assert_int_equal(a.state, KT_ANSWER_WHOLE);
    assert_int_equal(x->rig.found, 10);
    x->rig.source->ops->unask(x->rig.source, &a);
    put(x, &alice, &a); /* given up while it runs */
    rig_step(&x->rig);
    x->rig.source->ops->unask(x->rig.source, &a);
    rig_run(&x->rig, START + 10 * MINUTE);
    struct kt_answer many[KT_DEPUTIES + 1] = {0};
    struct kt_err e;
    for (size_t i = 0; i < KT_DEPUTIES; i++)
        put(x, &alice, &many[i]);
    assert_int_equal(x->rig.source->ops->ask(x->rig.source, &alice, &many[KT_DEPUTIES], &e), KT_ELIMIT);
}

int main(void)
{
#define WITH(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH(shows_and_follows),
        WITH(reads_once_all_there_is),
        WITH(an_exception_among_rows_is_no_end),
        WITH(a_shard_that_is_away_is_a_gap),
        WITH(comes_back_where_it_was),
        WITH(tables_without_records_are_put_together),
        WITH(users_and_addresses),
        WITH(a_page_is_no_answer),
        WITH(answers_come_packed),
        WITH(a_question_is_answered_beside_what_is_read),
        WITH(a_question_is_asked_in_parts),
        WITH(a_question_that_fails_can_be_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
