/* The real program against real ClickHouse servers, where they are installed: a
 * table over two of them gives what a scan of the same records gives, and one
 * that is away is a gap. */
#include "tests/support/house.h"
#include "tests/support/past.h"
#include "tests/support/run.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { RECORDS = 6000, OUT_MAX = 64 << 20 };

struct fix {
    struct house a, b;
    bool there;
    char records[400];
    struct kt_buf out, err, answer;
};

static void must_ask(struct fix *x, const struct house *h, const char *query, struct kt_span data)
{
    if (!house_ask(h, query, data, &x->answer))
        fail_msg("%s: %s", query, kt_buf_str(&x->answer));
}

static void fill(struct fix *x)
{
    struct kt_buf record, rows[2];
    kt_buf_init(&record, 8192);
    kt_buf_init(&rows[0], OUT_MAX);
    kt_buf_init(&rows[1], OUT_MAX);
    snprintf(x->records, sizeof x->records, "%s/records.json", x->a.dir.path);
    FILE *f = fopen(x->records, "we");
    assert_non_null(f);
    for (int i = 0; i < RECORDS; i++) {
        past_record(i, &record, &rows[i % 2]);
        fprintf(f, "%s\n", kt_buf_str(&record));
    }
    fclose(f);
    const struct house *both[] = {&x->a, &x->b};
    for (int i = 0; i < 2; i++) {
        must_ask(x, both[i], "CREATE TABLE trail " PAST_TABLE " ENGINE = MergeTree PARTITION BY toYYYYMM(eventTime) ORDER BY eventTime", KT_SPAN_NONE);
        must_ask(x, both[i], "INSERT INTO trail FORMAT TabSeparated", kt_buf_span(&rows[i]));
    }
    must_ask(x, &x->a, "CREATE TABLE all_trails " PAST_TABLE " ENGINE = Distributed(both, default, trail)", KT_SPAN_NONE);
    kt_buf_free(&record);
    kt_buf_free(&rows[0]);
    kt_buf_free(&rows[1]);
}

static int set_up(void **state)
{
    struct fix *x = *state = calloc(1, sizeof *x);
    kt_buf_init(&x->out, RUN_OUT_MAX);
    kt_buf_init(&x->err, RUN_OUT_MAX);
    kt_buf_init(&x->answer, OUT_MAX);
    if (!house_installed())
        return 0;
    house_make(&x->a);
    house_make(&x->b);
    x->a.other = x->b.tcp;
    x->there = house_start(&x->b) && house_start(&x->a);
    if (x->there)
        fill(x);
    return x->there ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fix *x = *state;
    if (x->a.http) {
        house_remove(&x->a);
        house_remove(&x->b);
    }
    kt_buf_free(&x->out);
    kt_buf_free(&x->err);
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

/* The lines of an output without where they came from, sorted. */
static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t lines_of(struct kt_buf *b, char ***out)
{
    size_t n = 0, cap = 0;
    char **line = NULL;
    for (char *p = b->p; p && *p;) {
        char *eol = strchr(p, '\n'), *origin;
        if (!eol)
            break;
        *eol = '\0';
        if ((origin = strstr(p, ",\"origin\":")))
            *origin = '\0';
        assert_true(kt_grow(&line, &cap, n + 1, sizeof *line, 1 << 20));
        line[n++] = p;
        p = eol + 1;
    }
    qsort(line, n, sizeof *line, by_text);
    *out = line;
    return n;
}

static void same_rows(struct fix *x, const char *address, int status)
{
    char **mine, **theirs;
    struct kt_buf scan;
    kt_buf_init(&scan, RUN_OUT_MAX);
    assert_int_equal(run_words((const char *const[]){"--once", "-o", "jsonl", "--kinds", "all", x->records, NULL}, &scan, &x->err), 0);
    assert_int_equal(run_words((const char *const[]){"--once", "-o", "jsonl", "--kinds", "all", address, NULL}, &x->out, &x->err), status);
    size_t n = lines_of(&scan, &theirs), m = lines_of(&x->out, &mine);
    assert_int_equal(n, m);
    assert_true(n > RECORDS / 2);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(mine[i], theirs[i]);
    free(mine);
    free(theirs);
    kt_buf_free(&scan);
}

static void gives_what_a_scan_gives(void **state)
{
    struct fix *x = fix_of(state);
    char address[200];
    snprintf(address, sizeof address, "clickhouse://127.0.0.1:%d/all_trails?http=1", x->a.http);
    same_rows(x, address, 0);
}

static void a_server_that_is_away_is_a_gap(void **state)
{
    struct fix *x = fix_of(state);
    char address[200];
    snprintf(address, sizeof address, "clickhouse://127.0.0.1:%d/default.all_trails?http=1", x->a.http);
    house_kill(&x->b);
    assert_int_equal(run_words((const char *const[]){"--once", "-o", "jsonl", address, NULL}, &x->out, &x->err), 1);
    run_says(&x->err, "a shard cannot be reached: what it holds is missing");
    assert_int_equal(run_count(&x->out, "\"kind\":\"creation\""), RECORDS / 10);
    assert_true(house_start(&x->b)); /* it is back: the question can be asked again */
    same_rows(x, address, 0);
}

/* --- the same filter, asked of the engine and of the files ------------------------------------ */

static void same_ids(struct fix *x, const char *filter, const char *address)
{
    char **mine, **theirs;
    struct kt_buf scan;
    kt_buf_init(&scan, RUN_OUT_MAX);
    int status = run_words((const char *const[]){"--once", "-o", "csv", "--columns", "event_id,kind,actor.name", "--kinds", "all", "-F", filter,
                                                 x->records, NULL}, &scan, &x->err);
    if (status != 0)
        fail_msg("%s: the scan ends with %d: %s", filter, status, kt_buf_str(&x->err));
    status = run_words((const char *const[]){"--ask", "-o", "csv", "--columns", "event_id,kind,actor.name", "--kinds", "all", "-F", filter,
                                             address, NULL}, &x->out, &x->err);
    if (status != 0)
        fail_msg("%s: asked of %s it ends with %d: %s", filter, address, status, kt_buf_str(&x->err));
    size_t n = lines_of(&scan, &theirs), m = lines_of(&x->out, &mine);
    if (n != m)
        fail_msg("%s: %zu rows asked, %zu scanned", filter, m, n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(mine[i], theirs[i]);
    free(mine);
    free(theirs);
    kt_buf_free(&scan);
}

/* KEYTOP_PROVE_FILTERS: how many. */
static void filters_give_the_same_rows(void **state)
{
    struct fix *x = fix_of(state);
    const char *many = getenv("KEYTOP_PROVE_FILTERS");
    unsigned seed = 7;
    char address[200];
    struct kt_buf filter;
    kt_buf_init(&filter, 4096);
    snprintf(address, sizeof address, "clickhouse://127.0.0.1:%d/all_trails?http=1", x->a.http);
    for (long i = 0, n = many ? strtol(many, NULL, 10) : 20; i < n; i++) {
        past_filter(&seed, &filter);
        same_ids(x, kt_buf_str(&filter), address);
    }
    kt_buf_free(&filter);
}

/* What --print-setup says is what ClickHouse takes, and keytop can read. */
static void the_setup_is_taken(void **state)
{
    struct fix *x = fix_of(state);
    char address[200];
    assert_int_equal(run_words((const char *const[]){"--print-setup", "clickhouse", NULL}, &x->out, &x->err), 0);
    char *from = strstr(x->out.p, "CREATE TABLE cloudtrail"), *to = from ? strchr(from, ';') : NULL;
    assert_non_null(to);
    *to = '\0';
    must_ask(x, &x->a, from, KT_SPAN_NONE);
    snprintf(address, sizeof address, "clickhouse://127.0.0.1:%d/cloudtrail?http=1", x->a.http);
    assert_int_equal(run_words((const char *const[]){"--check", address, NULL}, &x->out, &x->err), 0);
    run_says(&x->out, "ok       source clickhouse://");
}

/* The others are printed, and an engine that is none is told. */
static void setups_are_printed(void **state)
{
    struct fix *x = *state;
    static const char *const says[][2] = {{"athena", "PARTITIONED BY (`account` STRING"}, {"insights", "AWS::Logs::LogGroup"},
                                          {"sqs", "AWS::Events::Rule"}};
    for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
        assert_int_equal(run_words((const char *const[]){"--print-setup", says[i][0], NULL}, &x->out, &x->err), 0);
        run_says(&x->out, says[i][1]);
    }
    assert_int_equal(run_words((const char *const[]){"--print-setup", "splunk", NULL}, &x->out, &x->err), 2);
    run_says(&x->err, "there are athena, clickhouse, insights and sqs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_what_a_scan_gives),
        cmocka_unit_test(a_server_that_is_away_is_a_gap),
        cmocka_unit_test(filters_give_the_same_rows),
        cmocka_unit_test(the_setup_is_taken),
        cmocka_unit_test(setups_are_printed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
