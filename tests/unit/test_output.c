/* output: JSON Lines to the letter, CSV, tables. */
#include "output/output.h"
#include "tests/support/records.h"
#include "tests/support/nodes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct {
    struct kt_arena *arena;
    struct kt_rules *rules;
    char *text; /* what was printed last */
    size_t n;
} now;

static int setup(void **state)
{
    (void)state;
    struct kt_err e;
    now.arena = kt_arena_new(64 << 20);
    now.text = NULL;
    return now.arena && kt_rules_load_builtin(&now.rules, &e) == KT_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    kt_arena_free(now.arena);
    kt_rules_free(now.rules);
    free(now.text);
    return 0;
}

static struct kt_row row_of(json_t *root, uint64_t record)
{
    struct kt_row row = {.origin = {.source = KT_LIT("file:trail.json.gz"), .record = record}};
    kt_event_decode(node_of(root), 0, now.arena, &row.ev);
    kt_rules_judge(now.rules, node_of(root), &row.verdict);
    return row;
}

static struct kt_row malformed(void)
{
    struct kt_row row = {.ev.kind = KT_KIND_MALFORMED,
                         .ev.time = KT_TIME_NONE,
                         .origin = {.source = KT_LIT("file:trail.json.gz"), .record = 3},
                         .malformed = {.reason = KT_LIT("unterminated string"), .bytes = 123}};
    memset(row.malformed.sha256, 0xab, sizeof row.malformed.sha256);
    return row;
}

/* Prints records (released here) under `o`; NULL in the list is a malformed
 * one. Returns the text. */
static const char *print(const struct kt_output_opts *opts, json_t **roots, size_t n)
{
    struct kt_output *o;
    struct kt_err e = {0};
    free(now.text);
    now.text = NULL;
    FILE *f = open_memstream(&now.text, &now.n);
    assert_non_null(f);
    if (kt_output_new(&o, opts, now.rules, f, &e) != KT_OK)
        fail_msg("%s", e.text);
    for (size_t i = 0; i < n; i++) {
        struct kt_row row = roots[i] ? row_of(roots[i], i + 1) : malformed();
        assert_true(kt_output_row(o, &row, node_of(roots[i])));
        json_decref(roots[i]);
    }
    assert_true(kt_output_finish(o));
    kt_output_free(o);
    assert_int_equal(fclose(f), 0);
    return now.text;
}

static const char *print_one(const struct kt_output_opts *opts, json_t *root)
{
    return print(opts, &root, 1);
}

static const struct kt_output_opts jsonl = {.format = KT_FORMAT_JSONL};
#define SEED "aws_detect_permanent_key_creation"

/* --- JSON Lines ---------------------------------------------------------------- */

static void a_creation_is_one_line_with_its_keys_in_order(void **state)
{
    (void)state;
    json_t *root = record_build(&(struct record){.actor = "alice", .target = "bob", .agent = "Boto3/1.28.0 Linux/6.1",
                                                 .time = "2023-07-10T12:24:29Z"});
    assert_string_equal(
        print_one(&jsonl, root),
        "{\"kind\":\"creation\",\"time\":\"2023-07-10T12:24:29Z\","
        "\"event_id\":\"5a5a5a5a-1111-4222-8333-000000000001\",\"event_name\":\"CreateAccessKey\","
        "\"event_source\":\"iam.amazonaws.com\",\"result\":\"created\",\"error\":null,"
        "\"actor\":{\"type\":\"IAMUser\",\"name\":\"alice\",\"arn\":\"arn:aws:iam::111122223333:user/alice\","
        "\"account\":\"111122223333\",\"principal_id\":\"AIDAEXAMPLEEXAMPLE001\",\"session\":null,"
        "\"access_key_id\":\"AKIAEXAMPLEEXAMPLE01\",\"mfa\":null,\"via\":null},"
        "\"target\":{\"name\":\"bob\",\"account\":\"111122223333\",\"self\":false,\"from\":\"response\"},"
        "\"key\":{\"id\":\"AKIAEXAMPLEEXAMPLE99\",\"status\":\"Active\",\"created\":\"2023-07-10T12:24:29Z\"},"
        "\"source\":{\"address\":\"203.0.113.9\",\"kind\":\"ip\"},"
        "\"agent\":{\"text\":\"Boto3/1.28.0 Linux/6.1\",\"tool\":\"boto3\",\"version\":\"1.28.0\",\"os\":\"linux\","
        "\"class\":\"sdk\"},\"account\":\"111122223333\",\"region\":\"us-east-1\",\"risk\":25,\"level\":\"low\","
        "\"signals\":[],\"rules\":[\"12d6d713-3cb4-4ffc-a064-1dca3d1cca01\"],\"flags\":[],"
        "\"origin\":{\"source\":\"file:trail.json.gz\",\"record\":1}}\n");
}

static void absent_facts_are_null(void **state)
{
    (void)state;
    assert_string_equal(
        print_one(&jsonl, json_pack("{s:s}", "eventName", "CreateAccessKey")),
        "{\"kind\":\"creation\",\"time\":null,\"event_id\":null,\"event_name\":\"CreateAccessKey\","
        "\"event_source\":null,\"result\":\"created\",\"error\":null,"
        "\"actor\":{\"type\":null,\"name\":null,\"arn\":null,\"account\":null,\"principal_id\":null,\"session\":null,"
        "\"access_key_id\":null,\"mfa\":null,\"via\":null},"
        "\"target\":{\"name\":null,\"account\":null,\"self\":null,\"from\":null},"
        "\"key\":{\"id\":null,\"status\":null,\"created\":null},"
        "\"source\":{\"address\":null,\"kind\":\"unknown\"},"
        "\"agent\":{\"text\":null,\"tool\":null,\"version\":null,\"os\":null,\"class\":\"unknown\"},"
        "\"account\":null,\"region\":null,\"risk\":0,\"level\":\"informational\",\"signals\":[],\"rules\":[],"
        "\"flags\":[\"no-event-id\",\"no-time\"],\"origin\":{\"source\":\"file:trail.json.gz\",\"record\":1}}\n");
}

static void an_error_has_its_code_and_message(void **state)
{
    (void)state;
    const char *text = print_one(&jsonl, record_build(&(struct record){.type = "AssumedRole", .target = "bob", .mfa = "true",
                                                                       .error = "LimitExceededException",
                                                                       .message = "Cannot \"exceed\""}));
    assert_non_null(strstr(text, "\"result\":\"failed\",\"error\":{\"code\":\"LimitExceededException\","
                                 "\"message\":\"Cannot \\\"exceed\\\"\"},\"actor\":{"));
    assert_non_null(strstr(text, "\"session\":\"i-0abc1234def567890\",\"access_key_id\":\"ASIAEXAMPLEEXAMPLE01\","
                                 "\"mfa\":true,\"via\":null}"));
    assert_non_null(strstr(text, "\"target\":{\"name\":\"bob\",\"account\":\"111122223333\",\"self\":false,"
                                 "\"from\":\"request\"},\"key\":{\"id\":null,"));
    text = print_one(&jsonl, record_build(&(struct record){.error = "AccessDenied", .message = "no", .mfa = "false"}));
    assert_non_null(strstr(text, "\"target\":{\"name\":null,\"account\":\"111122223333\",\"self\":null,\"from\":null}"));
    assert_non_null(strstr(text, "\"result\":\"denied\""));
    assert_non_null(strstr(text, "\"mfa\":false"));
}

static void a_malformed_record_is_a_line_too(void **state)
{
    (void)state;
    assert_string_equal(print_one(&jsonl, NULL),
                        "{\"kind\":\"malformed\",\"origin\":{\"source\":\"file:trail.json.gz\",\"record\":3},"
                        "\"reason\":\"unterminated string\",\"bytes\":123,"
                        "\"sha256\":\"abababababababababababababababababababababababababababababababab\"}\n");
}

static void all_text_is_ascii_and_reads_back_as_it_was(void **state)
{
    (void)state;
    json_t *root = record_build(&(struct record){.target = "bob", .agent = "\x1b[2J\xe2\x80\xae \xf0\x9f\x98\x80 \x7f \"\\"});
    const char *text = print_one(&jsonl, root);
    for (size_t i = 0; i < now.n - 1; i++)
        assert_true(text[i] >= 0x20 && text[i] < 0x7f);
    assert_int_equal(text[now.n - 1], '\n');
    json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(json_object_get(line, "agent"), "text")),
                        "\x1b[2J\xe2\x80\xae \xf0\x9f\x98\x80 \x7f \"\\");
    assert_string_equal(json_string_value(json_array_get(json_object_get(line, "flags"), 0)), "hidden-text");
    json_decref(line);
}

/* --- CSV ----------------------------------------------------------------------- */

static void the_seeds_table_is_its_nine_columns_with_values_as_they_stand(void **state)
{
    (void)state;
    json_t *roots[] = {record_build(&(struct record){.actor = "alice", .target = "bob", .agent = "a, \"b\"",
                                                     .time = "2023-07-10T12:24:29Z"}),
                       record_build(&(struct record){.actor = "mallory", .target = "bob", .error = "AccessDenied",
                                                     .agent = "curl/8"}),
                       NULL,
                       record_build(&(struct record){.actor = "eve", .error = "LimitExceededException", .agent = "x",
                                                     .message = "quota"})};
    assert_string_equal(print(&(struct kt_output_opts){.format = KT_FORMAT_CSV, .rule = SEED}, roots, 4),
                        "sourceIPAddress,userName,userIdentity.type,userAgent,action,status,"
                        "responseElements.accessKey.createDate,responseElements.accessKey.status,"
                        "responseElements.accessKey.accessKeyId\n"
                        "203.0.113.9,alice,IAMUser,\"a, \"\"b\"\"\",created,success,\"Jul 10, 2023 12:24:29 PM\",Active,"
                        "AKIAEXAMPLEEXAMPLE99\n"
                        "203.0.113.9,mallory,IAMUser,curl/8,created,failure,,,\n"
                        "203.0.113.9,eve,IAMUser,x,created,failure,,,\n");
}

static void the_seeds_userName_is_the_records_not_the_arns(void **state)
{
    (void)state;
    json_t *root = record_set(record_build(&(struct record){.target = "bob", .agent = "x"}), "userIdentity.userName", NULL);
    assert_non_null(strstr(print_one(&(struct kt_output_opts){.format = KT_FORMAT_CSV, .rule = SEED}, root),
                           "\n203.0.113.9,,IAMUser,x,created,success,"));
}

static void columns_are_fields_or_paths(void **state)
{
    (void)state;
    const struct kt_output_opts o = {.format = KT_FORMAT_CSV,
                                     .columns = "actor, target.self,userIdentity.sessionContext.sessionIssuer.arn,"
                                                "readOnly ,eventVersion,requestParameters,nowhere"};
    assert_string_equal(print_one(&o, record_build(&(struct record){.type = "AssumedRole", .actor = "ci", .target = "bob"})),
                        "actor,target.self,userIdentity.sessionContext.sessionIssuer.arn,readOnly,eventVersion,"
                        "requestParameters,nowhere\n"
                        "ci,false,arn:aws:iam::111122223333:role/ci,false,1.10,\"{\"\"userName\"\":\"\"bob\"\"}\",\n");
    /* a JSON null is no value */
    assert_string_equal(print_one(&(struct kt_output_opts){.format = KT_FORMAT_CSV, .columns = "risk,requestParameters"},
                                  record_build(&(struct record){0})),
                        "risk,requestParameters\n25,\n");
}

static void columns_override_the_rules(void **state)
{
    (void)state;
    assert_string_equal(print_one(&(struct kt_output_opts){.format = KT_FORMAT_CSV, .rule = SEED, .columns = "key.id"},
                                  record_build(&(struct record){0})),
                        "key.id\nAKIAEXAMPLEEXAMPLE99\n");
}

static void a_column_that_cannot_be_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *columns, *sentence;
    } t[] = {{"actor,foo bar", "\"foo bar\" at character 7"},
             {"actor,,key", "a name is missing at character 7"},
             {"", "a name is missing at character 1"},
             {"actor,", "a name is missing at character 7"},
             {"1st", "\"1st\" at character 1"},
             {"a..b", "\"a..b\""},
             {"a.", "\"a.\""},
             {".a", "\".a\""},
             {"a,  b$", "\"b$\" at character 5"}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct kt_output *o;
        struct kt_err e = {0};
        struct kt_output_opts opts = {.format = KT_FORMAT_TABLE, .columns = t[i].columns};
        assert_int_equal(kt_output_new(&o, &opts, now.rules, stdout, &e), KT_EUSAGE);
        assert_null(o);
        if (!strstr(e.text, t[i].sentence))
            fail_msg("%s", e.text);
    }
    struct kt_output *o;
    struct kt_err e = {0};
    struct kt_output_opts opts = {.format = KT_FORMAT_CSV, .rule = "no_such_rule"};
    assert_int_equal(kt_output_new(&o, &opts, now.rules, stdout, &e), KT_EUSAGE);
    assert_non_null(strstr(e.text, "no_such_rule"));
}

static void csv_without_rows_is_its_header(void **state)
{
    (void)state;
    assert_string_equal(print(&(struct kt_output_opts){.format = KT_FORMAT_CSV, .columns = "key,risk"}, NULL, 0),
                        "key,risk\n");
    assert_true(strncmp(print(&(struct kt_output_opts){.format = KT_FORMAT_CSV}, NULL, 0),
                        "kind,time,event_name,result,", 28) == 0);
}

static void csv_shows_malformed_records_where_a_column_can(void **state)
{
    (void)state;
    assert_string_equal(print_one(&(struct kt_output_opts){.format = KT_FORMAT_CSV,
                                                           .columns = "kind,key.id,why,origin.record"}, NULL),
                        "kind,key.id,why,origin.record\nmalformed,,unterminated string,3\n");
}

/* --- tables -------------------------------------------------------------------- */

static void a_table_to_a_pipe_is_aligned(void **state)
{
    (void)state;
    json_t *roots[] = {record_build(&(struct record){.actor = "alice", .target = "svc-backup-with-a-long-name",
                                                     .agent = "Boto3/1.28.0", .time = "2023-07-10T12:24:29Z"}),
                       record_build(&(struct record){.type = "AssumedRole", .actor = "ci", .session = "run-17",
                                                     .error = "AccessDenied", .message = "no", .address = "AWS Internal",
                                                     .agent = "curl/8", .time = "2023-07-10T12:25:00Z"}),
                       NULL, record_build(&(struct record){.actor = "bob", .time = "2023-07-10T12:26:00Z", .agent = "?"})};
    assert_string_equal(
        print(&(struct kt_output_opts){.format = KT_FORMAT_TABLE, .ascii = true}, roots, 4),
        "TIME                  RISK   ACTOR        TARGET                       RESULT   KEY                   FROM          "
        "AGENT         WHY\n"
        "2023-07-10T12:24:29Z  .  25  alice        svc-backup-with-a-long-name  created  AKIAEXAMPLEEXAMPLE99  203.0.113.9   "
        "boto3 1.28.0  by IAM user\n"
        "2023-07-10T12:25:00Z  .   0  ci / run-17  ?                            denied   -                     AWS Internal  "
        "curl 8        -\n"
        "malformed             ?      -            -                            -        -                     -             "
        "-             unterminated string (file:trail.json.gz, record 3)\n"
        "2023-07-10T12:26:00Z  .  25  bob          bob (self)                   created  AKIAEXAMPLEEXAMPLE99  203.0.113.9   "
        "?             by IAM user\n");
}

/* The longest line, in bytes; lines here are ASCII. */
static size_t longest(const char *text)
{
    size_t most = 0;
    while (*text) {
        size_t n = strcspn(text, "\n");
        most = n > most ? n : most;
        text += n + (text[n] == '\n');
    }
    return most;
}

static void a_table_on_a_terminal_keeps_to_its_width(void **state)
{
    (void)state;
    for (int width = 1; width <= 240; width++) {
        json_t *roots[] = {record_build(&(struct record){.actor = "a-rather-long-user-name-for-a-robot",
                                                         .target = "svc-backup-with-a-long-name",
                                                         .address = "2001:db8:1111:2222:3333:4444:5555:6666"}),
                           NULL};
        for (int follow = 0; follow < 2; follow++) {
            json_incref(roots[0]);
            const char *text = print(&(struct kt_output_opts){.format = KT_FORMAT_TABLE, .ascii = true, .width = width,
                                                              .follow = follow}, roots, 2);
            assert_true(longest(text) <= (size_t)width);
            if (width >= 80) {
                assert_non_null(strstr(text, "2026-03-01T09:15:30Z"));
                assert_non_null(strstr(text, "TARGET"));
                assert_non_null(strstr(text, "FROM"));
                assert_non_null(strstr(text, ".  25"));
                assert_non_null(strstr(text, "malformed"));
            }
        }
        json_decref(roots[0]);
    }
}

static void self_is_said_where_the_name_does_not_fit(void **state)
{
    (void)state;
    const char *text = print_one(&(struct kt_output_opts){.format = KT_FORMAT_TABLE, .ascii = true, .width = 80},
                                 record_build(&(struct record){.actor = "a-user-of-some-length"}));
    assert_non_null(strstr(text, " (self) "));
    assert_non_null(strstr(text, " a-user"));
}

static void a_narrow_table_says_under_key_why_there_is_none(void **state)
{
    (void)state;
    json_t *roots[] = {record_build(&(struct record){.target = "a-long-target", .error = "AccessDenied"}),
                       record_build(&(struct record){.target = "bob", .error = "ServiceFailure"}),
                       record_build(&(struct record){.actor = "a-long-actor", .target = "bob"})};
    for (size_t i = 0; i < 3; i++)
        json_incref(roots[i]);
    const char *text = print(&(struct kt_output_opts){.format = KT_FORMAT_TABLE, .ascii = true, .width = 80}, roots, 3);
    assert_null(strstr(text, "RESULT"));
    assert_non_null(strstr(text, " denied "));
    assert_non_null(strstr(text, " failed "));
    text = print(&(struct kt_output_opts){.format = KT_FORMAT_TABLE, .ascii = true, .width = 160}, roots, 3);
    assert_non_null(strstr(text, "RESULT"));
    assert_non_null(strstr(text, " denied   -  "));
}

static void a_followed_table_prints_each_row_at_once_in_line(void **state)
{
    (void)state;
    struct kt_output *o;
    struct kt_err e;
    free(now.text);
    now.text = NULL;
    FILE *f = open_memstream(&now.text, &now.n);
    struct kt_output_opts opts = {.format = KT_FORMAT_TABLE, .ascii = true, .follow = true, .width = 150};
    assert_int_equal(kt_output_new(&o, &opts, now.rules, f, &e), KT_OK);
    size_t at = 0;
    for (int i = 0; i < 3; i++) {
        json_t *root = record_build(&(struct record){.actor = i ? "bob" : "a", .target = "x", .agent = "?"});
        struct kt_row row = row_of(root, 1);
        assert_true(kt_output_row(o, &row, node_of(root)));
        json_decref(root);
        const char *last = strstr(now.text + at, "2026-03-01");
        assert_non_null(last); /* there already, before the end */
        const char *key = strstr(last, "AKIA");
        assert_non_null(key);
        assert_int_equal(key - last, strstr(now.text, "KEY") - now.text);
        at = now.n;
    }
    assert_true(kt_output_finish(o));
    kt_output_free(o);
    assert_int_equal(fclose(f), 0);
    assert_true(strncmp(now.text, "TIME ", 5) == 0);
    assert_null(strstr(now.text + 5, "TIME "));
}

static void severity_is_a_glyph_before_it_is_a_colour(void **state)
{
    (void)state;
    const char *yaml = "title: Medium\nlogsource: {product: aws}\ndetection: {s: {eventName: CreateAccessKey}, condition: s}\n"
                       "custom: {risk: 60}\n---\n"
                       "title: High\nlogsource: {product: aws}\ndetection: {s: {userIdentity.type: IAMUser}, condition: s}\n"
                       "custom: {risk: 85}\n";
    struct kt_err e;
    assert_int_equal(kt_rules_add(now.rules, "high", yaml, strlen(yaml), &e), KT_OK);
    struct kt_output_opts o = {.format = KT_FORMAT_TABLE};
    const char *text = print_one(&o, record_build(&(struct record){0}));
    assert_non_null(strstr(text, "\u25b2  85"));
    assert_null(strchr(text, '\x1b'));
    o.ascii = true;
    assert_non_null(strstr(print_one(&o, record_build(&(struct record){0})), "!  85"));
    assert_non_null(strstr(print_one(&o, record_build(&(struct record){.type = "Root"})), "+  60"));
    o.color = true;
    text = print_one(&o, record_build(&(struct record){0}));
    assert_non_null(strstr(text, "\x1b[1;31m!  85\x1b[0m"));
    assert_non_null(strstr(text, "\x1b[1mTIME\x1b[0m"));
}

static void a_table_of_a_rule_has_the_rules_columns(void **state)
{
    (void)state;
    const char *text = print_one(&(struct kt_output_opts){.format = KT_FORMAT_TABLE, .rule = SEED, .ascii = true},
                                 record_build(&(struct record){.actor = "alice", .agent = "x"}));
    assert_true(strncmp(text, "sourceIPAddress  userName  userIdentity.type  userAgent  action   status   ", 74) == 0);
    assert_non_null(strstr(text, "\n203.0.113.9      alice     IAMUser            x          created  success  "));
    /* what cannot be said in these columns is said elsewhere */
    assert_null(strchr(strchr(print_one(&(struct kt_output_opts){.format = KT_FORMAT_TABLE, .rule = SEED}, NULL), '\n') + 1,
                       '\n'));
}

static void hostile_text_cannot_leave_its_cell(void **state)
{
    (void)state;
    for (int width = 0; width <= 120; width += 40) {
        for (int format = KT_FORMAT_CSV; format <= KT_FORMAT_TABLE; format++) {
            json_t *root = record_build(&(struct record){.target = "bob", .agent = "x\x1b[2J\ny\xc2\x9b" "31m\xe2\x80\xae"});
            record_set(root, "responseElements.accessKey.userName", "\"b\\nob\\u001b]0;x\\u0007\"");
            const char *text = print_one(&(struct kt_output_opts){.format = (enum kt_format)format, .width = width,
                                                                  .columns = "target.name,agent.text,userAgent,key.id"},
                                         root);
            size_t lines = 0;
            for (const char *p = text; *p; p++) {
                lines += *p == '\n';
                assert_true((unsigned char)*p >= 0x20 || *p == '\n');
                assert_int_not_equal(*p, 0x7f);
            }
            assert_int_equal(lines, 2);
            assert_null(strstr(text, "\xc2\x9b"));
            assert_null(strstr(text, "\xe2\x80\xae"));
        }
    }
}

static void a_rules_field_names_are_data_too(void **state)
{
    (void)state;
    const char *yaml = "title: X\nlogsource: {product: aws}\ndetection: {s: {eventName: CreateAccessKey}, condition: s}\n"
                       "fields: [\"a\\e[2Jb\"]\n";
    struct kt_err e;
    assert_int_equal(kt_rules_add(now.rules, "x", yaml, strlen(yaml), &e), KT_OK);
    for (int format = KT_FORMAT_CSV; format <= KT_FORMAT_TABLE; format++)
        assert_null(strchr(print_one(&(struct kt_output_opts){.format = (enum kt_format)format, .rule = "x"},
                                     record_build(&(struct record){0})), '\x1b'));
}

static void a_long_table_is_not_held_to_its_end(void **state)
{
    (void)state;
    struct kt_output *o;
    struct kt_err e;
    free(now.text);
    now.text = NULL;
    FILE *f = open_memstream(&now.text, &now.n);
    struct kt_output_opts opts = {.format = KT_FORMAT_TABLE, .ascii = true};
    assert_int_equal(kt_output_new(&o, &opts, now.rules, f, &e), KT_OK);
    json_t *root = record_build(&(struct record){.target = "x"});
    struct kt_row row = row_of(root, 1);
    for (int i = 0; i < 10000; i++) {
        if (i == 9999) {
            assert_int_equal(fflush(f), 0);
            assert_int_equal(now.n, 0);
        }
        assert_true(kt_output_row(o, &row, node_of(root)));
    }
    assert_int_equal(fflush(f), 0);
    assert_true(now.n > 10000 * 100);
    size_t before = now.n;
    assert_true(kt_output_row(o, &row, node_of(root)));
    assert_true(kt_output_finish(o));
    assert_true(now.n > before);
    size_t lines = 0;
    for (size_t i = 0; i < now.n; i++)
        lines += now.text[i] == '\n';
    assert_int_equal(lines, 10002);
    json_decref(root);
    kt_output_free(o);
    assert_int_equal(fclose(f), 0);
}

/* --- the formats of others --------------------------------------------------- */

static json_t *one_object(enum kt_format format, json_t *root)
{
    json_error_t why;
    json_t *list[] = {root};
    const char *line = print(&(struct kt_output_opts){.format = format}, list, 1);
    json_t *v = json_loads(line, JSON_DISABLE_EOF_CHECK, &why);
    if (!v)
        fail_msg("%s: %s", why.text, line);
    return v;
}

static const char *value_at(json_t *v, const char *path)
{
    struct kt_span s = kt_json_text(kt_json_path(node_of(v), kt_span_of(path)), now.arena);
    if (!kt_span_known(s))
        return "(none)";
    char *text = kt_arena_alloc(now.arena, s.n + 1);
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    return text;
}

struct expected {
    const char *path, *value;
};
static void stands(json_t *v, const struct expected *e, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(value_at(v, e[i].path), e[i].value) != 0)
            fail_msg("%s is %s, not %s", e[i].path, value_at(v, e[i].path), e[i].value);
}
#define STANDS(v, ...)                                                                                             \
    do {                                                                                                           \
        static const struct expected list_[] = {__VA_ARGS__};                                                      \
        stands(v, list_, sizeof list_ / sizeof *list_);                                                            \
    } while (0)

/* https://schema.ocsf.io/1.5.0/classes/api_activity: what it requires is there, in its types. */
static void an_ocsf_line_is_an_api_activity(void **state)
{
    (void)state;
    json_t *v = one_object(KT_FORMAT_OCSF, record_build(&(struct record){.target = "bob", .time = "2023-07-10T12:24:29Z",
                                                                         .key = "AKIAIOSFODNN7EXAMPLE",
                                                                         .address = "203.0.113.9"}));
    STANDS(v, {"class_uid", "6003"}, {"category_uid", "6"}, {"activity_id", "1"}, {"type_uid", "600301"},
           {"time", "1688991869000"}, {"status_id", "1"}, {"metadata.version", "1.5.0"},
           {"metadata.product.vendor_name", "AWS"}, {"actor.user.name", "alice"}, {"actor.user.type_id", "1"},
           {"api.operation", "CreateAccessKey"}, {"api.service.name", "iam.amazonaws.com"}, {"cloud.provider", "AWS"},
           {"src_endpoint.ip", "203.0.113.9"}, {"resources.0.uid", "AKIAIOSFODNN7EXAMPLE"},
           {"resources.0.owner.name", "bob"}, {"enrichments.0.name", "keytop.risk"}, {"attacks.0.technique.uid", "T1078"},
           {"status_code", "(none)"});
    assert_true(json_is_integer(json_object_get(v, "time")));
    assert_true(json_is_integer(json_object_get(v, "severity_id")));
    json_decref(v);
    v = one_object(KT_FORMAT_OCSF, record_build(&(struct record){.target = "bob", .error = "AccessDenied"}));
    STANDS(v, {"status_id", "2"}, {"status_code", "AccessDenied"}, {"action_id", "2"}, {"disposition", "Blocked"},
           {"resources.0.type", "AWS::IAM::User"});
    json_decref(v);
    v = one_object(KT_FORMAT_OCSF, record_set(record_build(&(struct record){.target = "bob"}), "sourceIPAddress", NULL));
    STANDS(v, {"src_endpoint.ip", "(none)"}, {"src_endpoint.name", "unknown"}); /* the class requires one of its names */
    json_decref(v);
}

static void an_ecs_line_is_what_elastic_makes_of_the_record(void **state)
{
    (void)state;
    json_t *v = one_object(KT_FORMAT_ECS, record_build(&(struct record){.target = "bob", .time = "2023-07-10T12:24:29Z",
                                                                        .mfa = "true", .address = "203.0.113.9"}));
    STANDS(v, {"@timestamp", "2023-07-10T12:24:29Z"}, {"ecs.version", "8.11.0"}, {"event.kind", "event"},
           {"event.action", "CreateAccessKey"}, {"event.category", "[\"iam\"]"}, {"event.type", "[\"user\",\"change\"]"},
           {"event.outcome", "success"}, {"event.provider", "iam.amazonaws.com"}, {"user.name", "alice"},
           {"user.target.name", "bob"}, {"related.user", "[\"alice\",\"bob\"]"}, {"source.ip", "203.0.113.9"},
           {"source.address", "203.0.113.9"}, {"cloud.account.id", RECORD_ACCOUNT},
           {"aws.cloudtrail.user_identity.type", "IAMUser"},
           {"aws.cloudtrail.user_identity.session_context.mfa_authenticated", "true"},
           {"threat.framework", "MITRE ATT&CK"}, {"threat.technique.id", "[\"T1078\"]"});
    json_decref(v);
    v = one_object(KT_FORMAT_ECS, record_build(&(struct record){.target = "bob", .error = "AccessDenied",
                                                                .address = "cloudformation.amazonaws.com"}));
    STANDS(v, {"event.outcome", "failure"}, {"error.code", "AccessDenied"}, {"source.ip", "(none)"},
           {"source.address", "cloudformation.amazonaws.com"}, {"related.ip", "(none)"});
    json_decref(v);
}

static void a_risk_event_is_written_for_each_risk_object(void **state)
{
    (void)state;
    json_t *list[] = {record_build(&(struct record){.target = "bob", .time = "2023-07-10T12:24:29Z", .address = "203.0.113.9"})};
    const char *line = print(&(struct kt_output_opts){.format = KT_FORMAT_SPLUNK}, list, 1), *end = strchr(line, '\n');
    json_t *actor = json_loadb(line, (size_t)(end - line), 0, NULL), *target = json_loads(end + 1, 0, NULL);
    assert_non_null(actor);
    assert_non_null(target);
    STANDS(actor, {"time", "1688991869.0"}, {"sourcetype", "keytop:risk"}, {"event.risk_object", "alice"},
           {"event.risk_object_type", "user"}, {"event.risk_score", "25"}, {"event.threat_object", "203.0.113.9"},
           {"event.threat_object_type", "ip_address"}, {"source", "keytop - AWS Detect Permanent Key Creation"},
           {"event.search_name", "keytop - AWS Detect Permanent Key Creation"}, {"index", "(none)"});
    STANDS(target, {"event.risk_object", "bob"}, {"event.user", "bob"}, {"event.src_user", "alice"});
    json_t *fields = json_object_get(actor, "fields"); /* the collector takes flat ones alone */
    assert_string_equal(value_at(fields, "annotations.mitre_attack"), "[\"T1078\"]");
    json_decref(actor);
    json_decref(target);
    json_t *self[] = {record_build(&(struct record){0})};
    line = print(&(struct kt_output_opts){.format = KT_FORMAT_SPLUNK}, self, 1);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1); /* one object where both are one */
}

static void the_formats_of_others_are_ascii_whatever_the_record_holds(void **state)
{
    (void)state;
    for (int f = KT_FORMAT_OCSF; f <= KT_FORMAT_SPLUNK; f++) {
        json_t *hostile = record_build(&(struct record){.target = "bob", .agent = "x\x1b[2J\r\n{\"y\":1}"});
        record_set(hostile, "responseElements.accessKey.userName", "\"b\\u202e\\u007f\"");
        record_set(hostile, "userIdentity.userName", "\"a\\n\\u001b]0;x\\u0007\\\"\\u0430\"");
        json_t *list[] = {hostile, NULL, record_build(&(struct record){.target = "bob"})};
        const char *text = print(&(struct kt_output_opts){.format = (enum kt_format)f}, list, 3);
        size_t lines = 0;
        for (const char *p = text; *p; p++) {
            assert_true(*p == '\n' || (*p >= 0x20 && *p < 0x7f));
            lines += *p == '\n';
        }
        assert_int_equal(lines, f == KT_FORMAT_SPLUNK ? 4 : 2); /* the malformed record has no place in them */
    }
}

static void a_write_that_fails_is_told(void **state)
{
    (void)state;
    for (int format = KT_FORMAT_JSONL; format <= KT_FORMAT_SPLUNK; format++) {
        struct kt_output *o;
        struct kt_err e;
        FILE *f = fopen("/dev/full", "w");
        if (!f) {
            print_message("SKIP: there is no /dev/full\n");
            skip();
        }
        struct kt_output_opts opts = {.format = (enum kt_format)format, .follow = true};
        assert_int_equal(kt_output_new(&o, &opts, now.rules, f, &e), KT_OK);
        json_t *root = record_build(&(struct record){0});
        struct kt_row row = row_of(root, 1);
        assert_false(kt_output_row(o, &row, node_of(root)));
        assert_false(kt_output_row(o, &row, node_of(root)));
        assert_false(kt_output_finish(o));
        json_decref(root);
        kt_output_free(o);
        (void)fclose(f);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        return 1;
    const struct CMUnitTest tests[] = {
        TEST(a_creation_is_one_line_with_its_keys_in_order),
        TEST(absent_facts_are_null),
        TEST(an_error_has_its_code_and_message),
        TEST(a_malformed_record_is_a_line_too),
        TEST(all_text_is_ascii_and_reads_back_as_it_was),
        TEST(the_seeds_table_is_its_nine_columns_with_values_as_they_stand),
        TEST(the_seeds_userName_is_the_records_not_the_arns),
        TEST(columns_are_fields_or_paths),
        TEST(columns_override_the_rules),
        TEST(a_column_that_cannot_be_is_refused_with_its_place),
        TEST(csv_without_rows_is_its_header),
        TEST(csv_shows_malformed_records_where_a_column_can),
        TEST(a_table_to_a_pipe_is_aligned),
        TEST(a_table_on_a_terminal_keeps_to_its_width),
        TEST(self_is_said_where_the_name_does_not_fit),
        TEST(a_narrow_table_says_under_key_why_there_is_none),
        TEST(a_followed_table_prints_each_row_at_once_in_line),
        TEST(severity_is_a_glyph_before_it_is_a_colour),
        TEST(a_table_of_a_rule_has_the_rules_columns),
        TEST(hostile_text_cannot_leave_its_cell),
        TEST(a_rules_field_names_are_data_too),
        TEST(a_long_table_is_not_held_to_its_end),
        TEST(an_ocsf_line_is_an_api_activity),
        TEST(an_ecs_line_is_what_elastic_makes_of_the_record),
        TEST(a_risk_event_is_written_for_each_risk_object),
        TEST(the_formats_of_others_are_ascii_whatever_the_record_holds),
        TEST(a_write_that_fails_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
