/* KEYTOP_PROVE_FILTERS (500) generated filters, asked of each engine (ClickHouse's own
 * servers where they are installed, strict fakes of the others): each query is one to
 * the engine's parser, and what is left of its answer by the filter is what a scan of
 * the same records gives, row for row. */
#include "tests/support/fake_engines.h"
#include "tests/support/fake_splunk.h"
#include "tests/support/house.h"
#include "tests/support/past.h"
#include "tests/support/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

enum { RECORDS = 1000, BYTES_MAX = 64 << 20 };

struct fix {
    struct temp_dir home;
    struct fake_aws aws;
    struct fake_engines engines;
    struct fake_splunk splunk;
    struct house a, b;
    bool house;
    struct kt_buf record[RECORDS], answer;
    char records[512];
};

static void must_ask(struct fix *x, const struct house *h, const char *query, struct kt_span data)
{
    if (!house_ask(h, query, data, &x->answer))
        fail_msg("%s: %s", query, kt_buf_str(&x->answer));
}

static void fill_house(struct fix *x, struct kt_buf rows[2])
{
    house_make(&x->a);
    house_make(&x->b);
    x->a.other = x->b.tcp;
    assert_true(house_start(&x->b) && house_start(&x->a));
    const struct house *both[] = {&x->a, &x->b};
    for (int i = 0; i < 2; i++) {
        must_ask(x, both[i], "CREATE TABLE trail " PAST_TABLE " ENGINE = MergeTree PARTITION BY toYYYYMM(eventTime) ORDER BY eventTime", KT_SPAN_NONE);
        must_ask(x, both[i], "INSERT INTO trail FORMAT TabSeparated", kt_buf_span(&rows[i]));
    }
    must_ask(x, &x->a, "CREATE TABLE all_trails " PAST_TABLE " ENGINE = Distributed(both, default, trail)", KT_SPAN_NONE);
    x->house = true;
}

static int set_up(void **state)
{
    struct fix *x = *state = calloc(1, sizeof *x);
    struct kt_buf rows[2];
    temp_dir_make(&x->home);
    fake_aws_init(&x->aws);
    fake_engines_init(&x->engines, &x->aws);
    x->engines.running_looks = 0;
    fake_splunk_init(&x->splunk);
    kt_buf_init(&x->answer, BYTES_MAX);
    kt_buf_init(&rows[0], BYTES_MAX);
    kt_buf_init(&rows[1], BYTES_MAX);
    snprintf(x->records, sizeof x->records, "%s/records.json", x->home.path);
    FILE *f = fopen(x->records, "we");
    assert_non_null(f);
    for (int i = 0; i < RECORDS; i++) {
        kt_buf_init(&x->record[i], 8192);
        past_record(i, &x->record[i], &rows[i % 2]);
        fprintf(f, "%s\n", kt_buf_str(&x->record[i]));
        fake_engines_record(&x->engines, kt_buf_str(&x->record[i]), past_time(i), past_time(i));
        fake_splunk_record(&x->splunk, kt_buf_str(&x->record[i]), past_time(i));
    }
    fclose(f);
    fake_aws_environment(&x->aws, x->home.path);
    setenv("SPLUNK_TOKEN", "splunk-canary-token", 1);
    if (house_installed())
        fill_house(x, rows);
    else
        puts("SKIP: ClickHouse's part: clickhouse-server is not installed");
    kt_buf_free(&rows[0]);
    kt_buf_free(&rows[1]);
    return 0;
}

static int tear_down(void **state)
{
    struct fix *x = *state;
    if (x->house) {
        house_remove(&x->a);
        house_remove(&x->b);
    }
    fake_aws_free(&x->aws);
    fake_engines_free(&x->engines);
    fake_splunk_free(&x->splunk);
    temp_dir_remove(&x->home);
    kt_buf_free(&x->answer);
    for (int i = 0; i < RECORDS; i++)
        kt_buf_free(&x->record[i]);
    free(x);
    return 0;
}

struct asking {
    pthread_t thread;
    char address[200];
    const char *filter;
    struct past_rows rows;
    bool good;
};

static void *ask(void *ctx)
{
    struct asking *k = ctx;
    k->good = past_rows(&k->rows, k->address, k->filter, true);
    return NULL;
}

static void every_engine_gives_what_a_scan_gives(void **state)
{
    struct fix *x = *state;
    struct asking engine[4];
    char differ[800];
    size_t n = 0, rows = 0, empty = 0;
    long filters = run_number("KEYTOP_PROVE_FILTERS", 500);
    unsigned seed = (unsigned)run_number("KEYTOP_PROVE_SEED", 7);
    struct kt_buf filter;
    kt_buf_init(&filter, 4096);
    snprintf(engine[n++].address, sizeof engine->address, "athena://analysts/soc.cloudtrail?region=us-east-1");
    snprintf(engine[n++].address, sizeof engine->address, "insights:/aws/cloudtrail/trail?region=us-east-1");
    snprintf(engine[n++].address, sizeof engine->address, "splunk://127.0.0.1:%d/?http=1&index=main", fake_http_port(x->splunk.http));
    if (x->house)
        snprintf(engine[n++].address, sizeof engine->address, "clickhouse://127.0.0.1:%d/all_trails?http=1", x->a.http);
    for (long i = 0; i < filters; i++) {
        struct past_rows scan;
        past_filter(&seed, &filter);
        for (size_t k = 0; k < n; k++) {
            engine[k].filter = kt_buf_str(&filter);
            assert_int_equal(pthread_create(&engine[k].thread, NULL, ask, &engine[k]), 0);
        }
        if (!past_rows(&scan, x->records, kt_buf_str(&filter), false))
            fail_msg("%s: the scan: %s", kt_buf_str(&filter), scan.says);
        rows += scan.n;
        empty += scan.n == 0;
        for (size_t k = 0; k < n; k++) {
            pthread_join(engine[k].thread, NULL);
            if (!engine[k].good)
                fail_msg("%s: %s: %s", kt_buf_str(&filter), engine[k].address, engine[k].rows.says);
            past_differ(&engine[k].rows, &scan, differ, sizeof differ);
            if (differ[0])
                fail_msg("%s: %s: %s", kt_buf_str(&filter), engine[k].address, differ);
            past_free(&engine[k].rows);
        }
        past_free(&scan);
    }
    printf("%ld filters asked of %zu engines: the same %zu rows as a scan of %d records (%zu filters let nothing through); "
           "%u queries were none\n", filters, n, rows, RECORDS, empty, x->engines.misread + x->splunk.misread);
    assert_int_equal(x->engines.misread + x->splunk.misread, 0);
    kt_buf_free(&filter);
}

/* By a grammar of Trino that is not ours, where node and npm's dt-sql-parser are there. */
static void the_grammar_of_trino_takes_them(void **state)
{
    struct fix *x = *state;
    const char *source = getenv("KEYTOP_SOURCE");
    char command[1200], line[500];
    FILE *f = fopen(temp_path(&x->home, "queries"), "we");
    assert_non_null(f);
    for (size_t i = 0; i < x->engines.n_queries; i++)
        if (strncmp(x->engines.query[i].text, "SELECT ", 7) == 0)
            fprintf(f, "%s\n", x->engines.query[i].text);
    fclose(f);
    snprintf(command, sizeof command, "node '%s/tests/prove/trino_grammar.mjs' <'%s' 2>&1", source ? source : ".", temp_path(&x->home, "queries"));
    f = popen(command, "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        fputs(line, stdout);
    int status = pclose(f), code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    if (code == 77 || code == 127)
        skip();
    assert_int_equal(code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_engine_gives_what_a_scan_gives),
                                       cmocka_unit_test(the_grammar_of_trino_takes_them)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
