/* What a keytop knew before it was started again counts as if it had never
 * stopped: the same stories, told to one run, and to one after another that
 * share nothing but state.db. */
#include "engine.h"
#include "tests/support/story.h"
#include "tests/support/temp_dir.h"

#include <poll.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct temp_dir dir;
static bool may_be_damaged;

static int set_up(void **state)
{
    (void)state;
    temp_dir_make(&dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_dir_remove(&dir);
    return 0;
}

/* --- a run -------------------------------------------------------------------------- */

static bool on_row(void *ctx, const struct kt_row *r, struct kt_node *root)
{
    (void)ctx, (void)r, (void)root;
    return true;
}

static void on_trouble(void *ctx, const char *place, const char *sentence)
{
    (void)ctx, (void)sentence;
    if (!may_be_damaged)
        fail_msg("%s: %s", place, sentence);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *joined(char **line, size_t n)
{
    struct kt_buf b;
    kt_buf_init(&b, 1 << 20);
    qsort(line, n, sizeof *line, by_text);
    for (size_t i = 0; i < n; i++) {
        (void)kt_buf_adds(&b, line[i]);
        free(line[i]);
    }
    char *all = strdup(kt_buf_str(&b));
    kt_buf_free(&b);
    return all;
}

/* The verdicts of its rows, as text. */
static char *verdicts(struct kt_engine *g)
{
    struct kt_arena *a = kt_arena_new(16 << 20);
    char *line[STORY_RECORDS];
    uint64_t first, next;
    size_t n = 0;
    kt_store_span(kt_engine_store(g), &first, &next);
    for (uint64_t seq = first; seq < next; seq++) {
        struct kt_row r;
        struct kt_buf b;
        kt_buf_init(&b, 1 << 16);
        kt_arena_reset(a);
        assert_true(kt_store_row(kt_engine_store(g), seq, true, a, &r));
        if (r.ev.kind == KT_KIND_MALFORMED)
            (void)kt_buf_addf(&b, "malformed %.*s %llu %llu %.*s\n", (int)r.malformed.reason.n, r.malformed.reason.p, (unsigned long long)r.origin.record,
                              (unsigned long long)r.malformed.bytes, (int)r.raw.n, r.raw.p ? r.raw.p : "");
        else
            story_put_verdict(&b, &r);
        line[n++] = strdup(kt_buf_str(&b));
        kt_buf_free(&b);
    }
    kt_arena_free(a);
    return joined(line, n);
}

static struct kt_state_stats last;

/* Has read files by their names, and goes on; NULL: no second one. */
static struct kt_engine *start_over(const char *state, const char *one, const char *two)
{
    struct kt_engine *g = NULL;
    struct kt_err e = {0};
    struct kt_engine_opts o = {.since = KT_TIME_NONE, .until = KT_TIME_NONE, .ledger = true,
                               .store = {.keep_raw = true}, .memory = KT_MEMORY_FILE};
    const struct kt_engine_sink sink = {.row = on_row, .trouble = on_trouble};
    o.state.path = temp_path(&dir, state);
    if (kt_engine_new(&g, &o, &e) != KT_OK || kt_engine_add(g, temp_path(&dir, one), NULL, &e) != KT_OK ||
        (two && kt_engine_add(g, temp_path(&dir, two), NULL, &e) != KT_OK))
        fail_msg("%s", e.text);
    (void)kt_engine_run(g, &sink, -1);
    return g;
}

static char *run_over(const char *state, const char *one, const char *two)
{
    struct kt_engine *g = start_over(state, one, two);
    char *all = verdicts(g);
    assert_true(kt_state_settle(kt_engine_state(g)));
    kt_state_get_stats(kt_engine_state(g), &last);
    kt_engine_free(g);
    return all;
}

/* As on the screen: rows are there at once as they stood, and are read again
 * behind it. What they come to in the end; NULL: not `want` within the time. */
static char *live_over(const char *state, const char *one, const char *two, const char *want)
{
    struct kt_engine *g = NULL;
    struct kt_err e = {0};
    struct kt_engine_opts o = {.since = KT_TIME_NONE, .until = KT_TIME_NONE, .ledger = true, .follow = true,
                               .store = {.keep_raw = true}, .memory = KT_MEMORY_FILE};
    int64_t until = kt_mono_ms() + 20000;
    char *now = NULL;
    o.state.path = temp_path(&dir, state);
    if (kt_engine_new(&g, &o, &e) != KT_OK || kt_engine_add(g, temp_path(&dir, one), NULL, &e) != KT_OK ||
        (two && kt_engine_add(g, temp_path(&dir, two), NULL, &e) != KT_OK) || kt_engine_start(g, &e) != KT_OK)
        fail_msg("%s", e.text);
    while (!now && kt_mono_ms() < until) {
        struct pollfd p = {.fd = kt_engine_fd(g), .events = POLLIN};
        uint64_t count;
        if (poll(&p, 1, 20) == 1)
            (void)!read(p.fd, &count, sizeof count);
        now = verdicts(g);
        if (strcmp(now, want) != 0) {
            free(now);
            now = NULL;
        }
    }
    kt_engine_free(g);
    return now;
}

static void write_records(const char *name, const struct story *s, size_t from, size_t to)
{
    temp_write(&dir, name, "");
    for (size_t i = from; i < to; i++) {
        temp_append(&dir, name, s->record[i]);
        temp_append(&dir, name, "\n");
    }
}

static void assert_same(const struct story *s, size_t at, const char *now, const char *want)
{
    if (strcmp(now, want) != 0)
        fail_msg("%s, stopped before record %zu:\n%sinstead of\n%s", s->name, at, now, want);
}

/* Are all lines of `part` in `all`? */
static void assert_part(const struct story *s, size_t at, char *part, const char *all)
{
    for (char *line = strtok_r(part, "\n", &part); line; line = strtok_r(NULL, "\n", &part))
        if (!strstr(all, line))
            fail_msg("%s, stopped before record %zu:\n%s\nis not among\n%s", s->name, at, line, all);
}

/* --- tests ----------------------------------------------------------------------------- */

static void stop_at(const struct story *s, size_t at)
{
    char state[2][32];
    snprintf(state[0], sizeof state[0], "whole-%zu/state.db", at);
    snprintf(state[1], sizeof state[1], "parts-%zu/state.db", at);
    write_records("past", s, 0, at);
    write_records("now", s, at, s->n);
    char *whole = run_over(state[0], "past", "now");
    free(run_over(state[1], "past", NULL));
    char *part = run_over(state[1], "now", NULL); /* rows of the past are none of this one's */
    assert_part(s, at, part, whole);
    write_records("past", s, 0, 0);
    write_records("now", s, 0, 0);
    char *back = run_over(state[1], "past", "now");
    assert_same(s, at, back, whole);
    free(back);
    back = live_over(state[1], "past", "now", whole);
    if (!back)
        fail_msg("%s, stopped before record %zu: on the screen the rows did not become\n%s", s->name, at, whole);
    free(back);
    free(part);
    free(whole);
}

static void a_story_ends_the_same_whenever_keytop_was_stopped(void **state)
{
    struct story story[32];
    size_t n = stories_read(story, 32);
    (void)state;
    assert_true(n >= 8);
    for (size_t i = 0; i < n; i++) {
        struct temp_dir outer = dir;
        temp_dir_make(&dir);
        for (size_t k = 1; k <= 4; k++)
            stop_at(&story[i], k == 4 ? story[i].n - 1 : story[i].n * k / 4);
        temp_dir_remove(&dir);
        dir = outer;
        story_free(&story[i]);
    }
}

/* Each writes what it learnt after the other had begun. */
static void two_at_once_lose_nothing_of_what_each_learnt(void **state)
{
    struct story story[32];
    size_t n = stories_read(story, 32);
    (void)state;
    for (size_t i = 0; i < n; i++) {
        const struct story *s = &story[i];
        size_t now = s->n - 1;
        char file[2][32];
        snprintf(file[0], sizeof file[0], "%zu-a/state.db", i);
        snprintf(file[1], sizeof file[1], "%zu-b/state.db", i);
        write_records("past", s, 0, now);
        write_records("left", s, 0, 0);
        write_records("right", s, 0, 0);
        for (size_t k = 0; k < now; k++) {
            temp_append(&dir, k % 2 ? "left" : "right", s->record[k]);
            temp_append(&dir, k % 2 ? "left" : "right", "\n");
        }
        write_records("now", s, now, s->n);
        char *whole = run_over(file[0], "past", "now");
        struct kt_engine *one = start_over(file[1], "left", NULL), *two = start_over(file[1], "right", NULL);
        kt_engine_free(one);
        kt_engine_free(two);
        char *part = run_over(file[1], "now", NULL);
        assert_part(s, now, part, whole);
        free(part);
        free(whole);
        story_free(&story[i]);
    }
}

/* The root of a table or an index, all zeros. */
static void break_table(const char *name, const char *table)
{
    char sql[128];
    sqlite3 *db;
    sqlite3_stmt *q;
    static const char zero[4096];
    snprintf(sql, sizeof sql, "SELECT rootpage FROM sqlite_schema WHERE name = '%s'", table);
    assert_int_equal(sqlite3_open(temp_path(&dir, name), &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    long at = (long)(sqlite3_column_int64(q, 0) - 1) * 4096;
    sqlite3_finalize(q);
    sqlite3_close(db);
    FILE *f = fopen(temp_path(&dir, name), "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    assert_int_equal(fwrite(zero, 1, sizeof zero, f), sizeof zero);
    assert_int_equal(fclose(f), 0);
}

static void what_was_known_outlives_a_damaged_file(void **state)
{
    struct story story[32];
    size_t n = stories_read(story, 32);
    (void)state;
    may_be_damaged = true;
    for (size_t i = 0; i < n; i++) {
        const struct story *s = &story[i];
        char file[2][32];
        snprintf(file[0], sizeof file[0], "%zu-a/state.db", i);
        snprintf(file[1], sizeof file[1], "%zu-b/state.db", i);
        write_records("past", s, 0, s->n - 1);
        write_records("now", s, s->n - 1, s->n);
        char *whole = run_over(file[0], "past", "now");
        free(run_over(file[1], "past", NULL));
        break_table(file[1], "event_order");
        char *part = run_over(file[1], "now", NULL);
        assert_int_equal(last.set_aside, 1);
        assert_part(s, s->n - 1, part, whole);
        free(part);
        free(whole);
        story_free(&story[i]);
    }
    may_be_damaged = false;
}

/* A baseline in run 1, one new key in run 2. */
static void a_new_address_is_new_to_one_who_was_known_before_the_start(void **state)
{
    const struct scene_call past[] = {
        {-30 * SCENE_DAY, "GetCallerIdentity", "alice", "AKIAEXAMPLEOLD00001", .source = "sts.amazonaws.com"},
        {-20 * SCENE_DAY, "GetCallerIdentity", "alice", "AKIAEXAMPLEOLD00001", .source = "sts.amazonaws.com",
         .address = "203.0.113.9"},
        {-3600, "CreateUser", "alice", .user = "bob"},
        {-1800, "AttachUserPolicy", "alice", .user = "bob",
         .params = "\"policyArn\":\"arn:aws:iam::aws:policy/AdministratorAccess\""},
    };
    const struct scene_call now = {0, "CreateAccessKey", "alice", .user = "bob", .makes = "AKIAEXAMPLE00000001",
                                   .address = "192.0.2.77", .agent = "Boto3/1.34.69 os/linux#6.1"};
    struct story s = {.n = 5};
    (void)state;
    for (int i = 0; i < 4; i++)
        s.record[i] = scene_record(&past[i], i);
    s.record[4] = scene_record(&now, 4);
    write_records("past", &s, 0, 4);
    write_records("now", &s, 4, 5);
    char *whole = run_over("a/state.db", "past", "now");
    free(run_over("b/state.db", "past", NULL));
    char *part = run_over("b/state.db", "now", NULL), *alone = run_over("c/state.db", "now", NULL);
    assert_non_null(strstr(whole, "address.new"));
    assert_non_null(strstr(whole, "agent.new"));
    assert_non_null(strstr(whole, "target.admin"));
    assert_string_equal(part, whole);
    assert_null(strstr(alone, "address.new")); /* it is by what was kept */
    write_records("now", &s, 0, 0);
    char *back = run_over("b/state.db", "now", NULL);
    assert_string_equal(back, whole);
    free(back);
    free(alone);
    free(part);
    free(whole);
    for (int i = 0; i < 5; i++)
        free(s.record[i]);
}

/* What a state gives back of a row, before anything of it is read again. */
static bool was_it(void *ctx, const struct kt_state_row *r)
{
    int *n = ctx;
    assert_non_null(r->row);
    assert_true(kt_span_is(r->row->ev.key.id, "AKIAEXAMPLE00000001"));
    assert_true(kt_span_is(r->row->ev.actor.name, "alice") && kt_span_is(r->row->ev.target.name, "bob"));
    assert_true(kt_span_is(r->row->ev.source.address, "192.0.2.77"));
    assert_int_equal(r->row->ev.target.self, KT_NO);
    assert_true(r->row->verdict.risk >= 25 && r->row->verdict.n_rules >= 1);
    assert_non_null(strstr(r->row->verdict.why, "for another user"));
    assert_int_equal(r->packed.size, r->raw.n);
    ++*n;
    return true;
}

static void a_row_comes_back_as_it_stood(void **state)
{
    const struct scene_call now = {0, "CreateAccessKey", "alice", .user = "bob", .makes = "AKIAEXAMPLE00000001",
                                   .address = "192.0.2.77"};
    struct story s = {.n = 1};
    struct kt_state *st;
    struct kt_err e = {0};
    int n = 0;
    (void)state;
    s.record[0] = scene_record(&now, 1);
    write_records("now", &s, 0, 1);
    free(run_over("a/state.db", "now", NULL));
    assert_int_equal(kt_state_open(&st, &(struct kt_state_opts){.path = temp_path(&dir, "a/state.db")}, &e), KT_OK);
    kt_state_load(st, NULL, 0, was_it, &n);
    kt_state_close(st);
    assert_int_equal(n, 1);
    free(s.record[0]);
}

/* They are rows as well, and may be all that is left of a source. */
static void malformed_rows_come_back(void **state)
{
    const struct scene_call call = {0, "CreateAccessKey", "alice", .user = "bob", .makes = "AKIAEXAMPLE00000001"};
    char *record = scene_record(&call, 1);
    (void)state;
    may_be_damaged = true;
    temp_write(&dir, "now", record);
    temp_append(&dir, "now", "\n{\"eventName\":\"CreateAccessKey\",\"userIdentity\":{\"type\":nonsense}}\n");
    free(record);
    char *before = run_over("a/state.db", "now", NULL);
    assert_non_null(strstr(before, "malformed "));
    assert_non_null(strstr(before, "nonsense"));
    temp_write(&dir, "now", "");
    char *after = run_over("a/state.db", "now", NULL), *live = live_over("a/state.db", "now", NULL, before);
    assert_string_equal(after, before);
    assert_non_null(live);
    free(live);
    free(after);
    free(before);
    may_be_damaged = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_story_ends_the_same_whenever_keytop_was_stopped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_row_comes_back_as_it_stood, set_up, tear_down),
        cmocka_unit_test_setup_teardown(malformed_rows_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_at_once_lose_nothing_of_what_each_learnt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_known_outlives_a_damaged_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_address_is_new_to_one_who_was_known_before_the_start, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
