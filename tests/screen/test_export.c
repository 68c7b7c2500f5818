/* From the screen into a file: which rows, in which format, safely. */
#include "exporting.h"
#include "tests/support/app_fixture.h"
#include "tui/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct fixture f;
static char folder[64], path[128];
static char text[1 << 20];

static int day(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/keytop-export-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/out.txt", folder);
    fixture_open(&f, FIXTURE_DAY, 24, 160, false);
    return 0;
}

static int entries(void)
{
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

static int done(void **state)
{
    (void)state;
    fixture_close(&f);
    (void)unlink(path);
    (void)rmdir(folder);
    return 0;
}

static const char *written(void)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return "";
    size_t n = fread(text, 1, sizeof text - 1, file);
    text[n] = '\0';
    (void)fclose(file);
    return text;
}

static size_t lines(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += *s == '\n';
    return n;
}

/* "e", another text in the prompt, Enter. */
static void export(const char *format)
{
    char words[256];
    fixture_keys(&f, "e C-u");
    (void)snprintf(words, sizeof words, "'%s %s", format, path);
    fixture_keys(&f, words);
    fixture_keys(&f, "Enter");
}

static void rows_are_written_in_each_format(void **state)
{
    (void)state;
    static const struct {
        const char *format, *words;
    } all[] = {{"table", "TIME"}, {"csv", "kind,time,event_name"}, {"jsonl", "{\"kind\":\"creation\""},
               {"ocsf", "\"class_uid\":6003"}, {"ecs", "\"ecs\":{\"version\":\"8.11.0\"}"},
               {"splunk", "\"risk_object\":"}, {"report", "# Permanent AWS access keys: incident report"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct stat st;
        export(all[i].format);
        fixture_wait(&f, "written: ");
        assert_non_null(strstr(written(), all[i].words));
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(entries(), 1); /* nothing is left beside it */
        assert_int_equal(unlink(path), 0);
    }
}

static void the_columns_that_were_chosen_are_written(void **state)
{
    (void)state;
    fixture_keys(&f, ":");
    fixture_keys(&f, "'columns time, key, actor:30");
    fixture_keys(&f, "Enter");
    export("csv");
    fixture_wait(&f, "written: ");
    assert_int_equal(strncmp(written(), "time,key.id,actor.name\r\n", 24) == 0 || strncmp(written(), "time,key.id,actor.name\n", 23) == 0, 1);
    (void)unlink(path);
}

static void the_filter_and_the_marks_choose(void **state)
{
    (void)state;
    export("jsonl");
    fixture_wait(&f, "written: ");
    size_t all = lines(written());
    assert_true(all > 3);
    (void)unlink(path);
    fixture_keys(&f, "/");
    fixture_keys(&f, "'result:denied");
    fixture_keys(&f, "Enter");
    export("jsonl");
    fixture_wait(&f, "written: ");
    size_t denied = lines(written());
    assert_true(denied > 0 && denied < all);
    assert_null(strstr(written(), "\"result\":\"created\""));
    (void)unlink(path);
    fixture_keys(&f, "Space"); /* one row is marked */
    export("report");
    fixture_wait(&f, "written: 1 row,");
    assert_non_null(strstr(written(), "- Rows: 1 of "));
    assert_non_null(strstr(written(), ", marked by hand"));
    assert_non_null(strstr(written(), "- Filter: `result:denied`"));
}

static void what_is_there_is_replaced_only_on_a_yes(void **state)
{
    (void)state;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs("mine\n", file);
    (void)fclose(file);
    export("csv");
    assert_true(fixture_shows(&f, "it is there: replace it?"));
    fixture_keys(&f, "Enter");
    assert_true(fixture_shows(&f, "nothing was written"));
    assert_string_equal(written(), "mine\n");
    export("csv");
    fixture_keys(&f, "Esc");
    assert_string_equal(written(), "mine\n");
    export("csv");
    fixture_keys(&f, "'yes");
    fixture_keys(&f, "Enter");
    fixture_wait(&f, "written: ");
    assert_non_null(strstr(written(), "kind,time,event_name"));
    assert_int_equal(entries(), 1);
}

static void the_prompt_says_what_is_wrong_and_keeps_the_text(void **state)
{
    (void)state;
    fixture_keys(&f, "e");
    assert_true(fixture_shows(&f, "report keytop-")); /* a name is proposed */
    fixture_keys(&f, "C-u");
    fixture_keys(&f, "'pdf x");
    assert_true(fixture_shows(&f, "first a format: report, table, csv"));
    fixture_keys(&f, "Enter");
    assert_true(fixture_shows(&f, "pdf x"));
    fixture_keys(&f, "C-u");
    fixture_keys(&f, "'csv");
    assert_true(fixture_shows(&f, "and then the file to write"));
    fixture_keys(&f, "Esc");
    assert_false(fixture_shows(&f, "and then the file"));
    (void)snprintf(path, sizeof path, "%s/not/there.csv", folder);
    export("csv");
    assert_true(fixture_shows(&f, "not written: "));
    assert_true(fixture_shows(&f, "No such file"));
    (void)snprintf(path, sizeof path, "/dev/null"); /* a device is nothing to replace */
    export("csv");
    fixture_keys(&f, "'yes");
    fixture_keys(&f, "Enter");
    assert_true(fixture_shows(&f, "is there and is no file"));
    (void)snprintf(path, sizeof path, "%s/out.txt", folder);
}

static void a_pane_and_a_record_export_what_they_show(void **state)
{
    (void)state;
    fixture_keys(&f, "Enter"); /* the key's pane */
    export("report");
    fixture_wait(&f, "written: ");
    assert_non_null(strstr(written(), "those of the page that was open"));
    assert_non_null(strstr(written(), "Contain"));
}

static void an_export_that_is_stopped_leaves_nothing(void **state)
{
    (void)state;
    struct kt_export *x;
    struct kt_err e = {0};
    size_t n = 2000000;
    uint64_t *seq = malloc(n * sizeof *seq);
    assert_non_null(seq);
    for (size_t i = 0; i < n; i++)
        seq[i] = 1 + i % 5;
    struct kt_export_opts o = {.engine = f.engine, .format = KT_EXPORT_JSONL, .path = path, .seq = seq, .n = n};
    assert_int_equal(kt_export_start(&x, &o, &e), KT_OK);
    free(seq);
    kt_export_cancel(x);
    kt_export_free(x);
    assert_int_equal(entries(), 0);
}

static void read_only_writes_no_file(void **state)
{
    (void)state;
    struct fixture quiet;
    fixture_open_read_only(&quiet);
    fixture_keys(&quiet, "e");
    assert_true(fixture_shows(&quiet, "read-only: export is refused here"));
    fixture_close(&quiet);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, day, done)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(rows_are_written_in_each_format),
        T(the_columns_that_were_chosen_are_written),
        T(the_filter_and_the_marks_choose),
        T(what_is_there_is_replaced_only_on_a_yes),
        T(the_prompt_says_what_is_wrong_and_keeps_the_text),
        T(a_pane_and_a_record_export_what_they_show),
        T(an_export_that_is_stopped_leaves_nothing),
        cmocka_unit_test(read_only_writes_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
