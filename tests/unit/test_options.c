/* options: the command line, its refusals and its help. */
#include "base/clock.h"
#include "event/event.h"
#include "tui/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct kt_options o;
static struct kt_err e;

static enum kt_code parse_on(bool terminal, const char *const *words)
{
    char *argv[32] = {(char *)"keytop"};
    int argc = 1;
    for (; words[argc - 1]; argc++)
        argv[argc] = (char *)words[argc - 1];
    kt_options_free(&o);
    e = (struct kt_err){0};
    return kt_options_parse(&o, argc, argv, terminal, 1700000000000, &e);
}
#define PARSE(...) parse_on(false, (const char *const[]){__VA_ARGS__, NULL})

static void sources_keep_their_order_and_their_names(void **state)
{
    (void)state;
    assert_int_equal(PARSE("a.json", "--name", "prod trail", "b/", "-o", "csv", "-", "--", "-x", "--once"), KT_OK);
    assert_int_equal(o.n_source, 5);
    assert_string_equal(o.source[0].address, "a.json");
    assert_null(o.source[0].name);
    assert_string_equal(o.source[1].address, "b/");
    assert_string_equal(o.source[1].name, "prod trail");
    assert_string_equal(o.source[2].address, "-");
    assert_null(o.source[2].name);
    assert_string_equal(o.source[3].address, "-x");
    assert_string_equal(o.source[4].address, "--once");
    assert_int_equal(o.shape, KT_SHAPE_CSV);
}

static void a_terminal_gets_the_screen_and_a_pipe_the_table(void **state)
{
    (void)state;
    const char *const demo[] = {"demo:", NULL}, *const once[] = {"--once", "demo:", NULL};
    assert_int_equal(parse_on(true, demo), KT_OK);
    assert_int_equal(o.shape, KT_SHAPE_SCREEN);
    assert_true(o.follow);
    assert_int_equal(parse_on(true, once), KT_OK);
    assert_false(o.follow);
    assert_int_equal(parse_on(false, demo), KT_OK);
    assert_int_equal(o.shape, KT_SHAPE_TABLE);
    assert_false(o.follow);
    assert_int_equal(PARSE("-f", "demo:"), KT_OK);
    assert_true(o.follow);
}

static void every_option_is_taken(void **state)
{
    (void)state;
    assert_int_equal(PARSE("-o", "table", "--filter", "risk:>=50", "--since=24h", "--until", "2023-11-14T22:13:20Z",
                           "--rule", "r", "--columns", "time,risk", "--theme", "keytop-light", "--ascii",
                           "--color=never", "--no-state", "--wall", "x"),
                     KT_OK);
    assert_true(o.wall);
    assert_string_equal(o.filter, "risk:>=50");
    assert_true(o.since == 1700000000000 - 86400000);
    assert_true(o.until == 1700000000000);
    assert_string_equal(o.rule, "r");
    assert_string_equal(o.columns, "time,risk");
    assert_string_equal(o.theme, "keytop-light");
    assert_true(o.ascii);
    assert_int_equal(o.color, KT_COLOR_NEVER);
    assert_true(o.no_state && !o.read_only);
    assert_int_equal(PARSE("--state", "s.db", "--read-only", "x"), KT_OK);
    assert_string_equal(o.state, "s.db");
    assert_true(o.read_only && !o.no_state);
    assert_int_equal(PARSE("--state", "s.db", "--no-state", "x"), KT_EUSAGE);
}

static void kinds_are_a_list_and_all_is_all_of_them(void **state)
{
    (void)state;
    assert_int_equal(PARSE("x"), KT_OK);
    assert_int_equal(o.kinds, KT_KIND_BIT(KT_KIND_CREATION));
    assert_int_equal(PARSE("x", "--kinds", "use,deletion"), KT_OK);
    assert_int_equal(o.kinds, KT_KIND_BIT(KT_KIND_USE) | KT_KIND_BIT(KT_KIND_DELETION));
    assert_int_equal(PARSE("x", "--kinds=all"), KT_OK);
    assert_int_equal(o.kinds, KT_KINDS_ALL);
    static const char *const bad[] = {"", "uses", "use,", ",use", "use deletion", "malformed"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(PARSE("x", "--kinds", bad[i]), KT_EUSAGE);
        assert_non_null(strstr(e.text, "--kinds takes creation, use,"));
    }
}

static void formats_are_known_by_their_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum kt_shape shape;
    } good[] = {{"screen", KT_SHAPE_SCREEN}, {"table", KT_SHAPE_TABLE}, {"jsonl", KT_SHAPE_JSONL}, {"csv", KT_SHAPE_CSV},
                {"ocsf", KT_SHAPE_OCSF}, {"ecs", KT_SHAPE_ECS}, {"splunk", KT_SHAPE_SPLUNK}, {"report", KT_SHAPE_REPORT}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(PARSE("demo:", "-o", good[i].name), KT_OK);
        assert_int_equal(o.shape, good[i].shape);
    }
    assert_int_equal(PARSE("demo:", "-o", "parquet"), KT_EUSAGE);
    assert_non_null(strstr(e.text, "--output takes screen, table, jsonl, csv, ocsf, ecs, splunk or report"));
    assert_int_equal(PARSE("demo:", "-f", "-o", "report"), KT_EUSAGE);
}

static void aws_has_options_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(PARSE("cloudtrail:", "--profile", "p", "--region", "r"), KT_OK);
    assert_string_equal(o.profile, "p");
    assert_string_equal(o.region, "r");
    assert_int_equal(PARSE("--print-policy", "cloudtrail:"), KT_OK);
    assert_string_equal(o.print_policy, "cloudtrail:");
}

static void bad_values_name_the_option_and_what_is_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *word[4], *words;
    } bad[] = {
        {{"-o", "xml"}, "--output takes screen, table, jsonl, csv, ocsf, ecs, splunk or report, not \"xml\""},
        {{"--color", "red"}, "--color takes auto, always or never, not \"red\""},
        {{"--since", "yesterday"}, "--since takes a time as 2023-07-10T12:24:29Z"},
        {{"--until", ""}, "--until takes a time"},
        {{"--since", "1h", "--until", "2h"}, "--since is later than --until"},
        {{"--rule", ""}, "--rule takes NAME, not nothing"},
        {{"--once", "-f"}, "exclude each other"},
        {{"--columns", "time", "-o", "jsonl"}, "--columns goes with --output table or csv"},
        {{"x", "--name", "n"}, "--name n stands before the SOURCE"},
        {{"x", "--filter"}, "--filter needs its EXPR"},
        {{"x", "-o"}, "--output needs its FORMAT"},
        {{"--ascii=1"}, "--ascii takes no argument"},
        {{"--frobnicate"}, "there is no option --frobnicate"},
        {{"-x"}, "there is no option -x"},
        {{""}, "a SOURCE is empty"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(parse_on(false, (const char *const[]){bad[i].word[0], bad[i].word[1], bad[i].word[2],
                                                              bad[i].word[3], NULL}),
                         KT_EUSAGE);
        if (!strstr(e.text, bad[i].words))
            fail_msg("\"%s\" lacks \"%s\"", e.text, bad[i].words);
    }
}

static void an_empty_filter_and_no_source_are_no_errors_here(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--filter", ""), KT_OK);
    assert_int_equal(o.n_source, 0);
    assert_string_equal(o.filter, "");
}

static void help_wins_over_what_follows_and_names_every_option(void **state)
{
    (void)state;
    assert_int_equal(PARSE("-h", "--frobnicate"), KT_OK);
    assert_true(o.help);
    assert_int_equal(PARSE("--version", "--frobnicate"), KT_OK);
    assert_true(o.version);
    struct kt_buf b;
    kt_buf_init(&b, 65536);
    assert_true(kt_options_help(&b));
    static const char *const names[] = {"-o, --output FORMAT", "-f, --follow", "--once", "-F, --filter EXPR", "--since",
                                        "--until", "--rule NAME", "--columns LIST", "--name NAME", "--theme NAME",
                                        "--ascii", "--color WHEN", "--no-state", "-h, --help", "-V, --version",
                                        "--kinds LIST", "--rules DIR", "--filters DIR", "--check", "--wall"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_non_null(strstr(kt_buf_str(&b), names[i]));
    for (const char *line = kt_buf_str(&b); *line;) { /* fits a terminal of 80 columns */
        size_t n = strcspn(line, "\n");
        assert_true(n <= 80);
        line += n + (line[n] == '\n');
    }
    kt_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_keep_their_order_and_their_names),
        cmocka_unit_test(a_terminal_gets_the_screen_and_a_pipe_the_table),
        cmocka_unit_test(every_option_is_taken),
        cmocka_unit_test(formats_are_known_by_their_names),
        cmocka_unit_test(aws_has_options_of_its_own),
        cmocka_unit_test(kinds_are_a_list_and_all_is_all_of_them),
        cmocka_unit_test(bad_values_name_the_option_and_what_is_allowed),
        cmocka_unit_test(an_empty_filter_and_no_source_are_no_errors_here),
        cmocka_unit_test(help_wins_over_what_follows_and_names_every_option),
    };
    int rc = cmocka_run_group_tests_name("options", tests, NULL, NULL);
    kt_options_free(&o);
    return rc;
}
