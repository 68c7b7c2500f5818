/* The real program through pipes: what scripts rely on. */
#include "tests/support/records.h"
#include "tests/support/run.h"
#include "tests/support/sample.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct kt_buf out, err;

#define RUN(...) run_job(&(struct run_job){.words = (const char *const[]){__VA_ARGS__, NULL}}, &out, &err)
#define FEED(input, ...) \
    run_job(&(struct run_job){.words = (const char *const[]){__VA_ARGS__, NULL}, .in = (input)}, &out, &err)

#define assert_says(buffer, text)                                                    \
    do {                                                                             \
        if (!strstr(kt_buf_str(&(buffer)), (text)))                                  \
            fail_msg("\"%s\" lacks \"%s\"", kt_buf_str(&(buffer)), (text));          \
    } while (0)

static int lines(const struct kt_buf *b)
{
    int n = 0;
    for (size_t i = 0; i < b->len; i++)
        n += b->p[i] == '\n';
    return n;
}

static char *folder;
static char path[512], other[512];
static struct kt_buf text;

static int set_up(void **state)
{
    (void)state;
    folder = sample_folder();
    kt_buf_init(&text, RUN_OUT_MAX);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sample_remove(folder);
    kt_buf_free(&text);
    return 0;
}

/* --- tests --------------------------------------------------------------- */

static void version_and_help_go_to_standard_output(void **state)
{
    (void)state;
    assert_int_equal(RUN("--version"), 0);
    assert_string_equal(kt_buf_str(&out), "keytop " KEYTOP_VERSION "\n");
    assert_int_equal(err.len, 0);
    assert_int_equal(RUN("-h"), 0);
    assert_says(out, "Usage: keytop [OPTION]... [SOURCE]...");
    assert_int_equal(err.len, 0);
}

static void help_lists_the_commands(void **state)
{
    (void)state;
    assert_int_equal(RUN("--help", "commands"), 0);
    assert_true(lines(&out) > 80);
    assert_says(out, "filter\t[EXPR]\t/\ttable\tshow only rows that match");
    assert_says(out, "goto\tTIME\t\ttable\t");
}

static void what_cannot_start_says_what_to_do_and_exits_2(void **state)
{
    (void)state;
    assert_int_equal(RUN(NULL), 2);
    assert_says(err, "name a SOURCE");
    assert_says(err, "keytop demo:");
    static const struct {
        const char *word[4], *words;
    } bad[] = {
        {{"--frobnicate"}, "there is no option --frobnicate"},
        {{"-o", "report", "-f", "demo:"}, "it does not go with --follow"},
        {{"--rule", "no-such-rule", "demo:"}, "no-such-rule"},
        {{"--filter", "nofield:x", "demo:"}, "--filter: "},
        {{"--columns", "no.such\x1b[2J", "demo:"}, "no.such"},
        {{"--since", "soon", "demo:"}, "--since takes a time"},
        {{"cloudtrail:?regoin=us-east-1"}, "not regoin"},
        {{"logs:group?live=maybe"}, "live is 0 or 1"},
        {{"s3:bucket"}, "write s3://BUCKET/PREFIX"},
        {{"splunk://host:8089/?token=secret"}, "others can read a command line"},
        {{"-o", "screen", "demo:"}, "standard output is not a terminal"},
        {{"/nonexistent/trail.json"}, "/nonexistent/trail.json"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int status = RUN(bad[i].word[0], bad[i].word[1], bad[i].word[2], bad[i].word[3]);
        if (status != 2 && i != 5) /* a dotted path that no record has is a column of nothing */
            fail_msg("%s exits with %d: %s", bad[i].word[0], status, kt_buf_str(&err));
        if (status == 2)
            assert_says(err, bad[i].words);
        assert_null(strchr(kt_buf_str(&err), '\x1b'));
        assert_true(status != 2 || out.len == 0);
    }
}

static void the_demo_is_the_same_each_time_in_every_format(void **state)
{
    (void)state;
    assert_int_equal(RUN("--once", "-o", "jsonl", "demo:"), 0);
    int rows = lines(&out);
    assert_true(rows > 5);
    kt_buf_reset(&text);
    kt_buf_add(&text, out.p, out.len);
    for (const char *p = kt_buf_str(&out); *p;) {
        size_t n = strcspn(p, "\n");
        json_error_t why;
        json_t *j = json_loadb(p, n, 0, &why);
        if (!j)
            fail_msg("%s in: %.*s", why.text, (int)n, p);
        assert_non_null(json_object_get(j, "event_id"));
        json_decref(j);
        p += n + 1;
    }
    for (size_t i = 0; i < out.len; i++)
        assert_true((unsigned char)out.p[i] < 0x7f);
    assert_int_equal(RUN("--once", "-o", "csv", "demo:"), 0);
    assert_int_equal(lines(&out), rows + 1);
    assert_int_equal(RUN("--once", "demo:"), 0);
    assert_true(lines(&out) >= rows);
    assert_null(strchr(kt_buf_str(&out), '\x1b')); /* a pipe gets no colour */
}

static void the_formats_of_others_have_the_same_rows(void **state)
{
    (void)state;
    assert_int_equal(RUN("--once", "-o", "jsonl", "-F", "risk:>=70", "demo:"), 0);
    int rows = lines(&out);
    assert_true(rows > 2);
    assert_int_equal(RUN("--once", "-o", "ocsf", "-F", "risk:>=70", "demo:"), 0);
    assert_int_equal(lines(&out), rows);
    assert_says(out, "\"class_uid\":6003");
    assert_says(out, "\"request\":{\"uid\":"); /* the record is looked into */
    assert_int_equal(RUN("--once", "-o", "ecs", "-F", "risk:>=70", "demo:"), 0);
    assert_int_equal(lines(&out), rows);
    assert_says(out, "\"subtechnique\":{\"id\":[\"T1098.001\"");
    assert_int_equal(RUN("--once", "-o", "splunk", "-F", "risk:>=70", "demo:"), 0);
    assert_true(lines(&out) > rows);
    assert_says(out, "\"risk_score\":100");
}

/* Every sentence that a report must hold, and nothing that is not ASCII. */
static void a_report_tells_keys_commands_gaps_and_sources(void **state)
{
    (void)state;
    assert_int_equal(RUN("--once", "-o", "report", "-F", "risk:>=70", "demo:"), 0);
    static const char *const says[] = {
        "# Permanent AWS access keys: incident report", "- Filter: `risk:>=70`", "## Summary", "| risk | time | what |",
        "Risk 100, critical: ", "- +38 `Key for another user`", "Timeline:\n\n- ", " first used: `sts.amazonaws.com` `GetCallerIdentity`",
        "Used from:\n\n- `198.51.100.77`: ", "Contain:\n\n    aws iam update-access-key --user-name='legacy-admin'",
        "Not known:\n\n- whether MFA was used", "## Sources, and how complete they are\n\n- `demo` (`demo:`): read to its end",
        "Gaps, where events may be missing: 0."};
    for (size_t i = 0; i < sizeof says / sizeof *says; i++)
        assert_says(out, says[i]);
    for (size_t i = 0; i < out.len; i++)
        assert_true(out.p[i] == '\n' || ((unsigned char)out.p[i] >= 0x20 && (unsigned char)out.p[i] < 0x7f));
}

static void a_report_of_hostile_records_holds_them_in_code(void **state)
{
    (void)state;
    json_t *root = record_build(&(struct record){.target = "bob", .agent = "<script>x</script> [a](http://b) `c` |d|\n# e"});
    record_set(root, "userIdentity.userName", "\"**bold**\\n\\n## heading\"");
    char *line = record_dump(root);
    json_decref(root);
    sample_write(folder, "a.json", line, strlen(line), false, path);
    free(line);
    assert_int_equal(RUN("-o", "report", path), 0);
    assert_says(out, "`**bold**\\u{a}\\u{a}## heading`");
    assert_says(out, "``<script>x</script> [a](http://b) `c` |d|\\u{a}# e``");
    assert_null(strstr(kt_buf_str(&out), "\n## heading"));
    assert_null(strstr(kt_buf_str(&out), "\n# e"));
    assert_says(out, "- whether it was used: no use of it was seen");
}

static void a_trail_file_gives_its_rows(void **state)
{
    (void)state;
    sample_trail(&text, 1, 20);
    sample_write(folder, "a.json", text.p, text.len, false, path);
    assert_int_equal(RUN("-o", "jsonl", path), 0);
    assert_int_equal(lines(&out), 20);
    assert_says(out, "\"svc-00020\"");
    assert_int_equal(err.len, 0);
    assert_int_equal(RUN("-o", "csv", "--columns", "time,actor,target,key", path), 0);
    assert_int_equal(lines(&out), 21);
    assert_int_equal(RUN("-o", "jsonl", "--filter", "target:svc-00007", path), 0);
    assert_int_equal(lines(&out), 1);
    assert_int_equal(RUN("-o", "jsonl", "-F", "responseElements.accessKey.userName in (svc-00007, svc-0001?) and not target:svc-00013", path), 0);
    assert_int_equal(lines(&out), 1 + 9);
    assert_int_equal(RUN("-o", "csv", "-F", "risk>=0 and (responseElements.accessKey.userName=svc-00003 or target:svc-00004)", path), 0);
    assert_int_equal(lines(&out), 1 + 2); /* once the verdicts are there */
    assert_int_equal(RUN("-o", "csv", "-F", "targt:x", path), 2);
    assert_says(err, "--filter: column 1: targt: no field has this name; did you mean target?");
    assert_int_equal(RUN("-o", "jsonl", "--since", "2026-11-24T10:00:05Z", "--until", "2026-11-24T10:00:09Z", path), 0);
    assert_int_equal(lines(&out), 5);
}

static void the_seeds_rule_prints_the_seeds_columns(void **state)
{
    (void)state;
    sample_trail(&text, 1, 3);
    sample_write(folder, "a.json", text.p, text.len, false, path);
    assert_int_equal(RUN("--rule", "aws_detect_permanent_key_creation", "-o", "csv", path), 0);
    static const char head[] =
        "sourceIPAddress,userName,userIdentity.type,userAgent,action,status,responseElements.accessKey.createDate,"
        "responseElements.accessKey.status,responseElements.accessKey.accessKeyId";
    assert_int_equal(strncmp(kt_buf_str(&out), head, sizeof head - 1), 0);
    assert_int_equal(lines(&out), 4);
    assert_says(out, "203.0.113.9,alice,IAMUser,");
}

static void standard_input_is_a_source(void **state)
{
    (void)state;
    sample_trail(&text, 1, 3);
    assert_int_equal(FEED(kt_buf_str(&text), "-o", "jsonl", "-"), 0);
    assert_int_equal(lines(&out), 3);
    assert_says(out, "\"source\":\"-\"");
    assert_int_equal(FEED("", "-o", "jsonl", "-"), 0);
    assert_int_equal(out.len, 0);
}

static void a_missing_file_beside_others_is_named_and_exits_1(void **state)
{
    (void)state;
    sample_trail(&text, 1, 2);
    sample_write(folder, "a.json", text.p, text.len, false, path);
    assert_int_equal(RUN("-o", "jsonl", "/nonexistent/\x1b]0;x\x07.json", path), 1);
    assert_int_equal(lines(&out), 2);
    assert_says(err, "/nonexistent/");
    assert_null(strchr(kt_buf_str(&err), '\x1b'));
}

static void a_malformed_record_is_named_and_the_others_stay(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        sample_record(&text, &(struct sample){.n = i});
        kt_buf_addc(&text, '\n');
        if (i == 1)
            kt_buf_adds(&text, "{\"eventName\":\"CreateAccessKey\",\"eventTime\":tru}\n");
    }
    sample_write(folder, "lines.jsonl", text.p, text.len, false, path);
    assert_int_equal(RUN("-o", "jsonl", path), 1);
    assert_int_equal(lines(&out), 4);
    assert_says(out, "{\"kind\":\"malformed\"");
    assert_says(err, "lines.jsonl");
    assert_int_equal(strncmp(kt_buf_str(&err), "keytop: ", 8), 0);
}

static void a_truncated_gzip_gives_what_it_holds_and_exits_1(void **state)
{
    (void)state;
    struct kt_buf gz;
    kt_buf_init(&gz, RUN_OUT_MAX);
    sample_trail(&text, 1, 400);
    sample_gzip(&gz, &text);
    sample_write(folder, "whole.json.gz", gz.p, gz.len, false, path);
    assert_int_equal(RUN("-o", "jsonl", path), 0);
    assert_int_equal(lines(&out), 400);
    sample_write(folder, "cut.json.gz", gz.p, gz.len * 2 / 3, false, other);
    assert_int_equal(RUN("-o", "jsonl", other), 1);
    assert_in_range(lines(&out), 50, 399);
    assert_says(err, "cut.json.gz");
    kt_buf_free(&gz);
}

static void a_reader_who_leaves_is_no_error_to_shout_about(void **state)
{
    (void)state;
    sample_trail(&text, 1, 20000);
    sample_write(folder, "big.json", text.p, text.len, false, path);
    int fds[3], status = 0;
    pid_t pid = run_launch(&(struct run_job){.words = (const char *const[]){"-o", "jsonl", path, NULL}}, fds);
    char some[100];
    assert_true(read(fds[1], some, sizeof some) > 0);
    close(fds[1]);
    kt_buf_reset(&err);
    while (run_drain(&fds[2], &err))
        ;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(fds[0]);
    assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGPIPE : WEXITSTATUS(status) == 1);
    assert_string_equal(kt_buf_str(&err), "");
}

static void a_full_disk_is_named_and_exits_1(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0) {
        printf("SKIP: no /dev/full here\n");
        skip();
    }
    sample_trail(&text, 1, 3);
    sample_write(folder, "a.json", text.p, text.len, false, path);
    static const char *const formats[] = {"jsonl", "csv", "table"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run_job(&(struct run_job){.words = (const char *const[]){"-o", formats[i], path, NULL},
                                               .stdout_path = "/dev/full"},
                                 &out, &err),
                         1);
        assert_string_equal(kt_buf_str(&err), "keytop: standard output: No space left on device\n");
    }
}

static void following_shows_rows_at_once_and_ends_by_its_signal(void **state)
{
    (void)state;
    sample_trail(&text, 1, 2);
    sample_write(folder, "a.json", text.p, text.len, false, path);
    static const int signals[] = {SIGINT, SIGTERM};
    for (int i = 0; i < 2; i++) {
        int status = run_job(&(struct run_job){.words = (const char *const[]){"-f", "-o", "jsonl", path, NULL},
                                           .stop_after = signals[i], .when = "svc-00002"},
                             &out, &err);
        assert_int_equal(status, -signals[i]);
        assert_int_equal(lines(&out), 2);
        assert_string_equal(kt_buf_str(&err), "");
    }
}

/* A pipe that nobody reads holds the program in write(): a signal still ends it. */
static void a_stalled_reader_does_not_hold_off_a_signal(void **state)
{
    (void)state;
    sample_trail(&text, 1, 20000);
    sample_write(folder, "big.json", text.p, text.len, false, path);
    int fds[3], status = 0;
    pid_t pid = run_launch(&(struct run_job){.words = (const char *const[]){"-o", "jsonl", path, NULL}}, fds);
    char some[1];
    assert_int_equal(read(fds[1], some, 1), 1);
    int64_t end = kt_mono_ms() + RUN_LIMIT_MS;
    kill(pid, SIGTERM);
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (kt_mono_ms() > end) {
            kill(pid, SIGKILL);
            fail_msg("SIGTERM does not end it");
        }
        poll(NULL, 0, 5);
    }
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

static void closed_descriptors_are_survived(void **state)
{
    (void)state;
    char command[1200];
    sample_trail(&text, 1, 2);
    sample_write(folder, "a.json", text.p, text.len, false, path);
    snprintf(command, sizeof command, "'%s' -o jsonl '%s' <&- 2>&- | wc -l | grep -q 2", sample_keytop(), path);
    assert_int_equal(system(command), 0); /* NOLINT: a test's own words */
}

static void configured(const char *yaml)
{
    sample_write(folder, "config.yaml", yaml, strlen(yaml), false, other);
}

static void the_configuration_names_sources_and_defaults(void **state)
{
    (void)state;
    sample_trail(&text, 1, 2);
    sample_write(folder, "a.json", text.p, text.len, false, path);
    configured("sources:\n- address: a.json\n  name: mine\noutput: {columns: [origin.record, kind]}\n");
    assert_int_equal(RUN("--config", other, "-o", "csv"), 0);
    assert_string_equal(kt_buf_str(&out), "origin.record,kind\n1,creation\n2,creation\n");
    assert_int_equal(RUN("--config", other, "-o", "csv", "--columns", "kind"), 0);
    assert_string_equal(kt_buf_str(&out), "kind\ncreation\ncreation\n");
    assert_int_equal(RUN("--config", other, "-o", "jsonl"), 0); /* columns are not its */
    assert_int_equal(lines(&out), 2);
    sample_trail(&text, 3, 1);
    sample_write(folder, "b.json", text.p, text.len, false, path);
    assert_int_equal(RUN("--config", other, "-o", "csv", path), 0); /* the command line's sources alone */
    assert_int_equal(lines(&out), 1 + 3);
}

static void a_wrong_configuration_is_told_with_its_place_and_exits_2(void **state)
{
    (void)state;
    configured("sources: ['demo:']\nrules:\n  folder: [x]\n");
    assert_int_equal(RUN("--config", other, "-o", "csv"), 2);
    assert_says(err, "config.yaml:3:3: there is no \"folder\" in rules; did you mean \"folders\"?");
    configured("sources: ['demo:']\noutput: {columns: [Event_ID]}\n");
    assert_int_equal(RUN("--config", other, "-o", "csv"), 2);
    assert_says(err, "config.yaml:2:19: ");
    assert_int_equal(RUN("--config", "/nonexistent.yaml", "demo:"), 2);
    assert_says(err, "/nonexistent.yaml: No such file");
    configured("sources: ['demo:']\nkeys:\n  filter: [F4, p]\n");
    assert_int_equal(RUN("--config", other, "-o", "csv"), 2);
    assert_says(err, "config.yaml:3:16: keys: p is \"pause\" in the table as well");
    assert_int_equal(RUN("--config", other, "--check"), 2);
    assert_says(out, "config.yaml:3:16: keys: p is \"pause\" in the table as well");
    configured("output: {ascii: true}\n");
    assert_int_equal(RUN("--config", other, "-o", "csv"), 2);
    assert_says(err, "name a SOURCE");
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    kt_buf_init(&out, RUN_OUT_MAX);
    kt_buf_init(&err, RUN_OUT_MAX);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(version_and_help_go_to_standard_output, set_up, tear_down),
        cmocka_unit_test_setup_teardown(help_lists_the_commands, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_start_says_what_to_do_and_exits_2, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_demo_is_the_same_each_time_in_every_format, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_formats_of_others_have_the_same_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_report_tells_keys_commands_gaps_and_sources, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_report_of_hostile_records_holds_them_in_code, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_trail_file_gives_its_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_seeds_rule_prints_the_seeds_columns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(standard_input_is_a_source, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_file_beside_others_is_named_and_exits_1, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_malformed_record_is_named_and_the_others_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_truncated_gzip_gives_what_it_holds_and_exits_1, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_who_leaves_is_no_error_to_shout_about, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_is_named_and_exits_1, set_up, tear_down),
        cmocka_unit_test_setup_teardown(following_shows_rows_at_once_and_ends_by_its_signal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stalled_reader_does_not_hold_off_a_signal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closed_descriptors_are_survived, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_configuration_names_sources_and_defaults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_configuration_is_told_with_its_place_and_exits_2, set_up, tear_down),
    };
    int rc = cmocka_run_group_tests_name("command line", tests, NULL, NULL);
    kt_buf_free(&out);
    kt_buf_free(&err);
    return rc;
}
