/* yaml: trees with places, limits, and what is refused. */
#include "base/buf.h"
#include "base/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct kt_yaml_file parse(const char *text)
{
    struct kt_yaml_file f;
    struct kt_err e = {0};
    if (kt_yaml_parse(&f, "t.yml", text, strlen(text), &e) != KT_OK)
        fail_msg("%s", e.text);
    return f;
}

static void refused(const char *text, enum kt_code code, const char *sentence)
{
    struct kt_yaml_file f;
    struct kt_err e = {0};
    assert_int_equal(kt_yaml_parse(&f, "t.yml", text, strlen(text), &e), code);
    assert_int_equal(e.code, code);
    if (!strstr(e.text, sentence))
        fail_msg("\"%s\" is not in \"%s\"", sentence, e.text);
    assert_null(f.memory);
    assert_int_equal(f.n, 0);
}

static void a_document_becomes_a_tree_with_lines_and_columns(void **state)
{
    (void)state;
    struct kt_yaml_file f = parse("title: A rule\n"
                                  "detection:\n"
                                  "  selection:\n"
                                  "    eventName: [A, 'B']\n"
                                  "tags:\n"
                                  "  - x\n"
                                  "  - \"y z\"\n");
    assert_int_equal(f.n, 1);
    const struct kt_yaml *d = f.doc[0];
    assert_int_equal(d->type, KT_YAML_MAP);
    assert_int_equal(d->n, 3);
    assert_true(kt_span_is(kt_yaml_text(d, "title"), "A rule"));
    const struct kt_yaml *names = kt_yaml_get(kt_yaml_get(kt_yaml_get(d, "detection"), "selection"), "eventName");
    assert_non_null(names);
    assert_int_equal(names->type, KT_YAML_LIST);
    assert_int_equal(names->line, 4);
    assert_int_equal(names->column, 16);
    assert_int_equal(names->n, 2);
    assert_true(kt_span_is(names->item[1]->text, "B"));
    assert_true(names->item[1]->quoted);
    assert_false(names->item[0]->quoted);
    assert_int_equal(kt_yaml_get(d, "tags")->item[1]->line, 7);
    assert_int_equal(kt_yaml_get(d, "tags")->item[1]->column, 5);
    assert_int_equal(d->key[2]->line, 5);
    assert_null(kt_yaml_get(d, "absent"));
    assert_null(kt_yaml_get(names, "eventName"));
    assert_false(kt_span_known(kt_yaml_text(d, "tags")));
    kt_yaml_free(&f);
}

static void every_document_of_a_stream_is_read(void **state)
{
    (void)state;
    struct kt_yaml_file f = parse("a: 1\n---\nb: 2\n---\n- c\n");
    assert_int_equal(f.n, 3);
    assert_true(kt_span_is(kt_yaml_text(f.doc[1], "b"), "2"));
    assert_int_equal(f.doc[2]->line, 5);
    kt_yaml_free(&f);
    f = parse("---\na: 1\n---\n# nothing\n---\nb: 2\n---\n"); /* those with nothing in them are none */
    assert_int_equal(f.n, 2);
    assert_true(kt_span_is(kt_yaml_text(f.doc[1], "b"), "2"));
    kt_yaml_free(&f);
    f = parse("a: 1\n---\n''\n");
    assert_int_equal(f.n, 2);
    kt_yaml_free(&f);
    f = parse("# nothing but a comment\n");
    assert_int_equal(f.n, 0);
    kt_yaml_free(&f);
}

static void null_is_told_from_the_word_null(void **state)
{
    (void)state;
    struct kt_yaml_file f = parse("a:\nb: ~\nc: null\nd: 'null'\ne: ''\nf: NULL\n");
    const struct kt_yaml *d = f.doc[0];
    assert_true(kt_yaml_is_null(kt_yaml_get(d, "a")));
    assert_true(kt_yaml_is_null(kt_yaml_get(d, "b")));
    assert_true(kt_yaml_is_null(kt_yaml_get(d, "c")));
    assert_false(kt_yaml_is_null(kt_yaml_get(d, "d")));
    assert_false(kt_yaml_is_null(kt_yaml_get(d, "e")));
    assert_true(kt_yaml_is_null(kt_yaml_get(d, "f")));
    assert_false(kt_yaml_is_null(NULL));
    assert_false(kt_span_known(kt_yaml_text(d, "c")));
    assert_true(kt_span_is(kt_yaml_text(d, "d"), "null"));
    assert_true(kt_span_known(kt_yaml_text(d, "e")));
    kt_yaml_free(&f);
}

static void integers_are_whole_unquoted_and_not_octal(void **state)
{
    (void)state;
    struct kt_yaml_file f = parse("- 25\n- -7\n- 9223372036854775807\n- -9223372036854775808\n- 0\n"
                                  "- 9223372036854775808\n- '5'\n- 010\n- 5x\n- ''\n- -\n- [1]\n- 1.5\n");
    static const int64_t good[] = {25, -7, INT64_MAX, INT64_MIN, 0};
    int64_t v;
    for (size_t i = 0; i < 5; i++) {
        assert_true(kt_yaml_int(f.doc[0]->item[i], &v));
        assert_true(v == good[i]);
    }
    assert_int_equal(f.doc[0]->n, 13);
    for (size_t i = 5; i < f.doc[0]->n; i++)
        assert_false(kt_yaml_int(f.doc[0]->item[i], &v));
    assert_false(kt_yaml_int(NULL, &v));
    kt_yaml_free(&f);
}

static void a_key_that_stands_twice_is_an_error_with_both_places(void **state)
{
    (void)state;
    refused("a: 1\nb: 2\nz:\n  c: 1\n  d: 2\n  c: 3\n", KT_EFORMAT, "t.yml:6:3: the key \"c\" stands here a second");
    refused("a: 1\nb: 2\n\"a\": 3\n", KT_EFORMAT, "first in line 1");
    struct kt_yaml_file f = parse("a: {x: 1}\nb: {x: 1}\n");
    kt_yaml_free(&f);
}

static void anchors_aliases_and_tags_are_refused_by_place(void **state)
{
    (void)state;
    refused("a: &x 1\nb: *x\n", KT_EUNSUPPORTED, "t.yml:1:4: anchors");
    refused("a: &x [1]\n", KT_EUNSUPPORTED, "t.yml:1:4: anchors");
    refused("a: &x {b: 1}\n", KT_EUNSUPPORTED, "anchors");
    refused("a: 1\nb: *x\n", KT_EUNSUPPORTED, "t.yml:2:4: aliases");
    refused("*x : 1\n", KT_EUNSUPPORTED, "aliases");
    refused("a: !!binary aGk=\n", KT_EUNSUPPORTED, "t.yml:1:4: tags");
    refused("a: !!map {}\n", KT_EUNSUPPORTED, "tags");
}

static void broken_yaml_names_file_line_and_column(void **state)
{
    (void)state;
    refused("a: 1\nb: [1, 2\nc: 3\n", KT_EFORMAT, "t.yml:3:");
    refused("a: b: c\n", KT_EFORMAT, "t.yml:1:5: ");
    refused("\ta: 1\n", KT_EFORMAT, "t.yml:1:1: ");
    refused("a: 1\nbb: \xff\n", KT_EFORMAT, "t.yml:2:5: ");
    refused("a: x\x01y\n", KT_EFORMAT, "t.yml:1:5: ");
    refused("{a: 1, [b]: 2}\n", KT_EFORMAT, "t.yml:1:8: a key must be a plain text");
    refused("? {a: 1}\n: 2\n", KT_EFORMAT, "a key must be a plain text");
}

static void depth_size_and_number_of_values_have_limits(void **state)
{
    (void)state;
    struct kt_buf b;
    kt_buf_init(&b, 4 << 20);
    for (int i = 0; i < 64; i++)
        assert_true(kt_buf_addc(&b, '['));
    for (int i = 0; i < 64; i++)
        assert_true(kt_buf_addc(&b, ']'));
    struct kt_yaml_file f = parse(kt_buf_str(&b));
    kt_yaml_free(&f);
    kt_buf_reset(&b);
    for (int i = 0; i < 65; i++)
        assert_true(kt_buf_addc(&b, '['));
    refused(kt_buf_str(&b), KT_ELIMIT, "t.yml:1:65: nested too deeply");

    kt_buf_reset(&b);
    for (int i = 0; i < 99999; i++)
        assert_true(kt_buf_adds(&b, "- a\n"));
    f = parse(kt_buf_str(&b));
    assert_int_equal(f.doc[0]->n, 99999);
    kt_yaml_free(&f);
    assert_true(kt_buf_adds(&b, "- a\n"));
    refused(kt_buf_str(&b), KT_ELIMIT, "too many values");

    kt_buf_reset(&b);
    while (b.len <= 1 << 20)
        assert_true(kt_buf_adds(&b, "# filling\n"));
    refused(kt_buf_str(&b), KT_ELIMIT, "larger than 1 MiB");
    kt_buf_free(&b);
}

static void scalars_keep_their_bytes(void **state)
{
    (void)state;
    struct kt_yaml_file f = parse("a: \"x\\0y\"\nb: |\n  two\n  lines\nc: \"\\u202e\"\n");
    struct kt_span s = kt_yaml_text(f.doc[0], "a");
    assert_int_equal(s.n, 3);
    assert_memory_equal(s.p, "x\0y", 3);
    assert_true(kt_span_is(kt_yaml_text(f.doc[0], "b"), "two\nlines\n"));
    assert_true(kt_yaml_get(f.doc[0], "b")->quoted);
    assert_true(kt_span_is(kt_yaml_text(f.doc[0], "c"), "\u202e"));
    kt_yaml_free(&f);
}

static void a_file_is_read_whole_or_its_failure_named(void **state)
{
    (void)state;
    char path[] = "/tmp/keytop-yaml-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *out = fdopen(fd, "w");
    assert_non_null(out);
    for (int i = 0; i < 9000; i++)
        assert_true(fprintf(out, "key%d: value\n", i) > 0);
    assert_int_equal(fclose(out), 0);
    struct kt_yaml_file f;
    struct kt_err e = {0};
    assert_int_equal(kt_yaml_read(&f, path, &e), KT_OK);
    assert_int_equal(f.doc[0]->n, 9000);
    assert_true(kt_span_is(kt_yaml_text(f.doc[0], "key8999"), "value"));
    kt_yaml_free(&f);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(kt_yaml_read(&f, path, &e), KT_ENOTFOUND);
    assert_non_null(strstr(e.text, path));
    assert_int_equal(kt_yaml_read(&f, "/", &e), KT_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_becomes_a_tree_with_lines_and_columns),
        cmocka_unit_test(every_document_of_a_stream_is_read),
        cmocka_unit_test(null_is_told_from_the_word_null),
        cmocka_unit_test(integers_are_whole_unquoted_and_not_octal),
        cmocka_unit_test(a_key_that_stands_twice_is_an_error_with_both_places),
        cmocka_unit_test(anchors_aliases_and_tags_are_refused_by_place),
        cmocka_unit_test(broken_yaml_names_file_line_and_column),
        cmocka_unit_test(depth_size_and_number_of_values_have_limits),
        cmocka_unit_test(scalars_keep_their_bytes),
        cmocka_unit_test(a_file_is_read_whole_or_its_failure_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
