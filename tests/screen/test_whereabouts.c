/* What the user's files say of addresses: in rows, filters, the table and the
 * panes; and files that change while one looks. */
#include "base/clock.h"
#include "engine.h"
#include "output/output.h"
#include "tests/support/app_fixture.h"
#include "tests/support/mmdb.h"
#include "tests/support/temp_dir.h"
#include "tui/screen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct fixture_record records[] = {
    {.id = "a0000000-0000-4000-8000-000000000001", .time = "2026-11-23T10:00:00Z", .type = "IAMUser", .actor = "alice",
     .account = "111122223333", .target = "bob", .key = "AKIAIOSFODNN7EXAAAAA", .address = "203.0.113.9",
     .agent = "Boto3/1.28.0"},
    {.id = "a0000000-0000-4000-8000-000000000002", .time = "2026-11-23T10:01:00Z", .type = "IAMUser", .actor = "carol",
     .account = "111122223333", .target = "dave", .key = "AKIAIOSFODNN7EXBBBBB", .address = "3.5.140.7",
     .agent = "Boto3/1.28.0"},
    {.id = "a0000000-0000-4000-8000-000000000003", .time = "2026-11-23T10:02:00Z", .type = "IAMUser", .actor = "erin",
     .account = "111122223333", .target = "frank", .key = "AKIAIOSFODNN7EXCCCCC", .address = "10.0.0.1",
     .agent = "Boto3/1.28.0"},
};
static const char ranges[] =
    "{\"prefixes\":[{\"ip_prefix\":\"3.5.140.0/22\",\"region\":\"ap-northeast-2\",\"service\":\"EC2\"}]}";

static struct temp_dir d;
static char mmdb[256], aws[256], followed[256];
static struct kt_engine *g;
static struct kt_app *app;
static struct kt_canvas canvas;
static struct kt_clock clock_of_test;
static const int64_t day = INT64_C(1795431600000); /* 2026-11-23T11:00:00Z */

static int64_t now(void *ctx)
{
    (void)ctx;
    return day;
}

static void put_mmdb(const char *country)
{
    struct mmdb_net net = {"203.0.113.0/24", country, 64500, "Example \033Hosting", false};
    struct kt_buf b;
    char fresh[300];
    kt_buf_init(&b, 1 << 20);
    mmdb_make(&b, &net, 1, 24);
    (void)snprintf(fresh, sizeof fresh, "%s.new", mmdb);
    FILE *f = fopen(fresh, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(b.p, 1, b.len, f), b.len);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(rename(fresh, mmdb), 0);
    kt_buf_free(&b);
}

static void feed(void)
{
    struct kt_buf b;
    struct kt_err e = {0};
    kt_buf_init(&b, 1 << 20);
    kt_buf_adds(&b, "{\"Records\":[");
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        kt_buf_adds(&b, i ? "," : "");
        fixture_json(&b, &records[i]);
    }
    kt_buf_adds(&b, "]}");
    assert_int_equal(kt_engine_feed(g, "trail", b.p, b.len, &e), KT_OK);
    kt_buf_free(&b);
}

static void open_engine(struct kt_enrich_files files, bool follow)
{
    struct kt_err e = {0};
    clock_of_test.now = now;
    struct kt_engine_opts o = {.since = KT_TIME_NONE, .until = KT_TIME_NONE, .clock = &clock_of_test, .follow = follow,
                               .enrich = files, .ledger = true, .store = {.keep_raw = true}};
    if (kt_engine_new(&g, &o, &e))
        fail_msg("%s", e.text);
    feed();
    if (follow)
        assert_int_equal(kt_engine_add(g, followed, NULL, &e), KT_OK);
    assert_int_equal(kt_engine_start(g, &e), KT_OK);
    app = kt_app_new(&(struct kt_app_opts){.engine = g, .clock = &clock_of_test, .follow = follow});
    assert_non_null(app);
    assert_true(kt_canvas_init(&canvas, 43, 132, false));
    kt_app_settle(app);
}

static const char *screen(void)
{
    static char text[1 << 16];
    size_t n = 0;
    kt_app_settle(app);
    kt_app_draw(app, &canvas);
    for (int i = 0; i < canvas.rows * canvas.cols && n + 20 < sizeof text; i++) {
        if (i % canvas.cols == 0)
            text[n++] = '\n';
        size_t k = strlen(canvas.cell[i].cell.utf8);
        memcpy(text + n, canvas.cell[i].cell.utf8, k);
        n += k;
    }
    text[n] = '\0';
    return text;
}

static void shows(const char *text)
{
    const char *s = screen();
    if (!strstr(s, text))
        fail_msg("\"%s\" is not on:\n%s", text, s);
}

static void press(const char *keys)
{
    for (; *keys; keys++)
        (void)kt_app_key(app, KT_CHAR((uint32_t)*keys));
}

static int set_up(void **state)
{
    (void)state;
    temp_dir_make(&d);
    (void)snprintf(mmdb, sizeof mmdb, "%s/a.mmdb", d.path);
    (void)snprintf(aws, sizeof aws, "%s/r.json", d.path);
    (void)snprintf(followed, sizeof followed, "%s/trail.json", d.path);
    temp_write(&d, "r.json", ranges);
    temp_write(&d, "trail.json", "");
    put_mmdb("NL");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kt_app_free(app);
    kt_engine_free(g);
    kt_canvas_free(&canvas);
    app = NULL;
    g = NULL;
    temp_dir_remove(&d);
    return 0;
}

static const struct kt_enrich_files *all(void)
{
    static struct kt_enrich_files f;
    f = (struct kt_enrich_files){mmdb, mmdb, aws};
    return &f;
}

static void rows_say_what_the_files_say(void **state)
{
    (void)state;
    open_engine(*all(), false);
    struct kt_arena *a = kt_arena_new(1 << 20);
    struct kt_row r;
    struct kt_buf b;
    kt_buf_init(&b, 1 << 16);
    assert_true(kt_store_row(kt_engine_store(g), 1, false, a, &r));
    assert_true(kt_span_is(kt_row_field(&r, KT_FIELD_SOURCE_COUNTRY, a), "NL"));
    assert_true(kt_span_is(kt_row_field(&r, kt_field_find(KT_LIT("network")), a), "AS64500 Example \033Hosting"));
    assert_false(kt_span_known(r.where.aws));
    assert_true(kt_jsonl_row(&b, &r));
    assert_non_null(strstr(kt_buf_str(&b), "\"source\":{\"address\":\"203.0.113.9\",\"kind\":\"ip\",\"country\":\"NL\","
                                           "\"network\":\"AS64500 Example \\u001bHosting\",\"aws\":null}"));
    assert_true(kt_store_row(kt_engine_store(g), 2, false, a, &r));
    assert_true(kt_span_is(r.where.aws, "EC2 ap-northeast-2"));
    assert_true(r.where.asked && !kt_span_known(r.where.country));
    kt_buf_free(&b);
    kt_arena_free(a);
}

static void without_files_a_line_is_as_it_was(void **state)
{
    (void)state;
    open_engine((struct kt_enrich_files){0}, false);
    struct kt_arena *a = kt_arena_new(1 << 20);
    struct kt_row r;
    struct kt_buf b;
    kt_buf_init(&b, 1 << 16);
    assert_true(kt_store_row(kt_engine_store(g), 1, false, a, &r));
    assert_true(kt_jsonl_row(&b, &r));
    assert_non_null(strstr(kt_buf_str(&b), "\"source\":{\"address\":\"203.0.113.9\",\"kind\":\"ip\"},"));
    assert_null(kt_engine_enrich(g));
    kt_buf_free(&b);
    kt_arena_free(a);
    press("4\r");
    shows("ip, private (RFC 1918)  country and network: not known (no data base)");
}

static void the_table_and_panes_show_them(void **state)
{
    (void)state;
    open_engine(*all(), false);
    shows("203.0.113.9 NL");
    press("G4\r"); /* the last row, its address */
    shows("ip, for documentation  country NL  network AS64500 Example ^[Hosting");
    press("\033");
    (void)kt_app_key(app, KT_CHAR('1'));
    shows("from 203.0.113.9 (NL, AS64500 Example ^[Hosting) with");
    press("k4\r");
    shows("country not known  network not known  AWS EC2 ap-northeast-2");
}

static void filters_choose_by_them(void **state)
{
    (void)state;
    open_engine(*all(), false);
    press("/country:NL\r");
    shows("1 of 3");
    shows("alice");
    press("/\025aws:ec2\r");
    shows("carol");
    press("/\025network:64500\r");
    shows("alice");
}

/* The watch tells of it; no clock is waited for but a limit. */
static void another_file_is_taken_while_one_looks(void **state)
{
    (void)state;
    struct kt_whereabouts w = {0};
    open_engine(*all(), true);
    assert_true(kt_enrich_address(kt_engine_enrich(g), KT_LIT("203.0.113.9"), &w));
    assert_string_equal(w.country, "NL");
    put_mmdb("FR");
    for (int64_t end = kt_mono_ms() + 20000; kt_mono_ms() < end && strcmp(w.country, "FR") != 0; poll(NULL, 0, 10))
        (void)kt_enrich_address(kt_engine_enrich(g), KT_LIT("203.0.113.9"), &w);
    assert_string_equal(w.country, "FR");
    temp_write(&d, "a.mmdb", "not one");
    struct kt_trouble t = {.place = ""};
    for (int64_t end = kt_mono_ms() + 20000; kt_mono_ms() < end && !t.place[0]; poll(NULL, 0, 10))
        (void)kt_engine_troubles(g, &t, 1);
    assert_string_equal(t.place, "addresses");
    assert_non_null(strstr(t.sentence, "a.mmdb: not an MMDB file"));
    assert_true(kt_enrich_address(kt_engine_enrich(g), KT_LIT("203.0.113.9"), &w));
    assert_string_equal(w.country, "FR");
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(rows_say_what_the_files_say),
        T(without_files_a_line_is_as_it_was),
        T(the_table_and_panes_show_them),
        T(filters_choose_by_them),
        T(another_file_is_taken_while_one_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
