/* A gzip file of three members cut at every byte: every record that is whole
 * before the cut is delivered, and the cut is told with its member and byte. */
#include "../unit/ingest_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum { MEMBERS = 3, EACH = 100 };

/* What the library itself gives for the first `n` bytes: an oracle that shares
 * no code with the reader. */
static size_t inflate_alone(const char *p, size_t n, char *out, size_t room)
{
    size_t made = 0;
    z_stream z = {0};
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    z.next_in = (z_const Bytef *)(uintptr_t)p;
    z.avail_in = (uInt)n;
    for (;;) {
        z.next_out = (Bytef *)out + made;
        z.avail_out = (uInt)(room - made);
        int rc = inflate(&z, Z_NO_FLUSH);
        made = room - z.avail_out;
        if (rc == Z_STREAM_END && z.avail_in)
            assert_int_equal(inflateReset(&z), Z_OK);
        else
            break;
    }
    inflateEnd(&z);
    return made;
}


static void cut_everywhere(enum shape how)
{
    struct kt_buf text, z;
    size_t part[MEMBERS + 1] = {0}, member_end[MEMBERS];
    static size_t record_end[MEMBERS * EACH];
    kt_buf_init(&text, LOG_MAX);
    kt_buf_init(&z, LOG_MAX);
    kit_open(&text, how);
    for (unsigned i = 0; i < MEMBERS * EACH; i++) {
        if (i)
            kit_between(&text, how);
        kit_record(&text, i, "CreateAccessKey", how == SHAPE_PRETTY);
        record_end[i] = text.len;
        if ((i + 1) % EACH == 0)
            part[i / EACH + 1] = text.len - (i % 2 ? 17 : 0); /* members need not end where records do */
    }
    kit_close(&text, how);
    part[MEMBERS] = text.len;
    for (int m = 0; m < MEMBERS; m++) {
        assert_true(kit_gzip(&z, text.p + part[m], part[m + 1] - part[m]));
        member_end[m] = z.len;
    }
    char *out = malloc(text.len + 1);
    assert_non_null(out);
    for (size_t cut = 1; cut < z.len; cut++) {
        size_t made = inflate_alone(z.p, cut, out, text.len + 1), whole = 0;
        assert_memory_equal(out, text.p, made);
        while (whole < MEMBERS * EACH && record_end[whole] <= made)
            whole++;
        int member = 0;
        while (member_end[member] <= cut)
            member++;
        bool between = member > 0 && member_end[member - 1] == cut;
        struct seen s;
        kit_feed(&s, z.p, cut, cut % 3 ? 0 : 1 + cut % 1000);
        assert_int_equal(s.records, whole);
        assert_int_equal(s.malformed, 0);
        assert_int_equal(s.end, KT_END_TRUNCATED);
        char want[80];
        snprintf(want, sizeof want, "gzip member %d cut at byte %zu", member + 1, cut);
        if (between)
            assert_non_null(strstr(s.why.text, "the text ends"));
        else
            assert_non_null(strstr(s.why.text, want));
        seen_free(&s);
    }
    free(out);
    kt_buf_free(&text);
    kt_buf_free(&z);
}

static void every_cut_of_a_one_line_file_keeps_what_came_before(void **state)
{
    (void)state;
    cut_everywhere(SHAPE_ONE_LINE);
}

static void every_cut_of_a_pretty_file_keeps_what_came_before(void **state)
{
    (void)state;
    cut_everywhere(SHAPE_PRETTY);
}

/* All trail files of the folder of test data, if it is there: each record once,
 * in any chunking, as jansson reads the whole file. */
static void foreign_trail_files_are_read_as_a_whole_parser_reads_them(void **state)
{
    (void)state;
    const char *root = getenv("KEYTOP_SOURCE");
    char pattern[4096];
    snprintf(pattern, sizeof pattern, "ls '%s'/../shared/data/cloudtrail/invictus/*.json 2>/dev/null", root ? root : ".");
    FILE *list = popen(pattern, "r");
    assert_non_null(list);
    char path[4096];
    size_t files = 0, records = 0, picked = 0;
    while (fgets(path, sizeof path, list)) {
        path[strcspn(path, "\n")] = '\0';
        struct kt_buf b;
        struct seen s, t;
        kt_buf_init(&b, LOG_MAX);
        FILE *f = fopen(path, "rb");
        assert_non_null(f);
        while (!feof(f) && kt_buf_reserve(&b, 1 << 16))
            b.len += fread(b.p + b.len, 1, 1 << 16, f);
        fclose(f);
        json_t *root_json = json_loadb(b.p, b.len, 0, NULL);
        json_t *list_json = json_object_get(root_json, "Records");
        size_t n = 0, i;
        json_t *r;
        json_array_foreach(list_json, i, r) {
            const char *name = json_string_value(json_object_get(r, "eventName"));
            n += name && strcmp(name, "CreateAccessKey") == 0;
        }
        kit_feed(&s, b.p, b.len, 0);
        kit_feed_random(&t, b.p, b.len, (unsigned)files, 5000);
        assert_string_equal(kt_buf_str(&s.log), kt_buf_str(&t.log));
        assert_int_equal(s.stats.records, json_array_size(list_json));
        assert_true(s.records >= n);
        assert_int_equal(s.malformed, 0);
        assert_int_equal(s.end, KT_END_WHOLE);
        records += s.stats.records;
        picked += n;
        files++;
        json_decref(root_json);
        seen_free(&s);
        seen_free(&t);
        kt_buf_free(&b);
    }
    pclose(list);
    if (!files) {
        print_message("SKIP: the folder shared/data is not there\n");
        skip();
    }
    print_message("%zu files, %zu records, %zu of interest\n", files, records, picked);
    assert_int_equal(picked, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_of_a_one_line_file_keeps_what_came_before),
        cmocka_unit_test(every_cut_of_a_pretty_file_keeps_what_came_before),
        cmocka_unit_test(foreign_trail_files_are_read_as_a_whole_parser_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
