/* keytop(1), sentence by sentence, on the real program through pipes: each
 * test is named after what it promises to scripts. */
#include "tests/support/records.h"
#include "tests/support/run.h"
#include "tests/support/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SEED "aws_detect_permanent_key_creation"
#define SEED_ID "12d6d713-3cb4-4ffc-a064-1dca3d1cca01"
#define ACCOUNT RECORD_ACCOUNT

static struct kt_buf out, err, text;
static char *folder;

static int set_up(void **state)
{
    (void)state;
    folder = sample_folder();
    kt_buf_reset(&text);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sample_remove(folder);
    return 0;
}

#define RUN(...) run_job(&(struct run_job){.words = (const char *const[]){__VA_ARGS__, NULL}}, &out, &err)
/* With `text` as standard input. */
#define FEED(...)                                                                                                   \
    run_job(&(struct run_job){.words = (const char *const[]){__VA_ARGS__, NULL}, .in = kt_buf_str(&text),          \
                              .in_n = text.len}, &out, &err)

/* --- records ------------------------------------------------------------------ */

/* One record: alice makes a key for bob; then pairs of a path and the JSON
 * that is to stand there (NULL: nothing). Ends with an ALL. */
#define ALL ((const char *)-1)
#define RECORD(...) changed(record_build(&(struct record){.target = "bob"}), __VA_ARGS__, ALL)

static json_t *changed(json_t *root, ...)
{
    va_list ap;
    va_start(ap, root);
    for (const char *path; (path = va_arg(ap, const char *)) != ALL;) {
        const char *json = va_arg(ap, const char *);
        record_set(root, path, json);
    }
    va_end(ap);
    return root;
}

/* Adds the record's line to `text`, and releases it. */
static void add(json_t *root)
{
    char *line = record_dump(root);
    assert_true(kt_buf_adds(&text, line) && kt_buf_addc(&text, '\n'));
    free(line);
    json_decref(root);
}

static void write_text(const char *name, char path[512])
{
    sample_write(folder, name, text.p, text.len, false, path);
    kt_buf_reset(&text);
}

/* What -o jsonl prints of this record alone; the record is released. */
static json_t *row_of(json_t *root)
{
    json_error_t why;
    kt_buf_reset(&text);
    add(root);
    int status = FEED("-o", "jsonl", "-");
    json_t *row = json_loadb(kt_buf_str(&out), out.len, JSON_ALLOW_NUL, &why);
    if (status != 0 || !row)
        fail_msg("exit %d, \"%s\", \"%s\"", status, kt_buf_str(&out), kt_buf_str(&err));
    return row;
}

/* The value at a path of the row, as compact JSON; "(none)" where it is not there. */
static const char *at(json_t *row, const char *path)
{
    static char value[8192];
    char name[64];
    json_t *v = row;
    for (const char *p = path; v && *p; p += *p == '.') {
        size_t n = strcspn(p, ".");
        assert_true(n < sizeof name);
        memcpy(name, p, n);
        name[n] = '\0';
        v = json_object_get(v, name);
        p += n;
    }
    if (!v)
        return "(none)";
    size_t n = json_dumpb(v, value, sizeof value - 1, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII);
    value[n < sizeof value ? n : 0] = '\0';
    return value;
}

/* Pairs of a path and what stands there. */
static void holds(json_t *row, ...)
{
    va_list ap;
    va_start(ap, row);
    for (const char *path; (path = va_arg(ap, const char *)) != ALL;) {
        const char *want = va_arg(ap, const char *), *got = at(row, path);
        if (strcmp(got, want) != 0)
            fail_msg("%s is %s, not %s, in %s", path, got, want, kt_buf_str(&text));
    }
    va_end(ap);
    json_decref(row);
}
#define HOLDS(row, ...) holds(row, __VA_ARGS__, ALL)

#define assert_says(buffer, words)                                                \
    do {                                                                          \
        if (!strstr(kt_buf_str(&(buffer)), (words)))                              \
            fail_msg("\"%s\" lacks \"%s\"", kt_buf_str(&(buffer)), (words));      \
    } while (0)

static int lines(void)
{
    int n = 0;
    for (size_t i = 0; i < out.len; i++)
        n += out.p[i] == '\n';
    return n;
}

/* --- sources -------------------------------------------------------------------- */

static void a_source_is_a_file_a_folder_searched_recursively_or_standard_input(void **state)
{
    (void)state;
    char one[512], sub[512], deep[1024];
    add(RECORD("eventID", "\"e-1\""));
    write_text("one.json", one);
    snprintf(sub, sizeof sub, "%s/a", folder);
    assert_int_equal(mkdir(sub, 0700), 0);
    add(RECORD("eventID", "\"e-2\""));
    sample_write(sub, "two.json", text.p, text.len, false, deep);
    kt_buf_reset(&text);
    add(RECORD("eventID", "\"e-3\""));
    assert_int_equal(FEED("-o", "csv", "--columns", "event_id,origin.record", folder, "-"), 0);
    assert_int_equal(lines(), 4);
    for (const char *id = "123"; *id; id++)
        assert_says(out, ((char[]){'e', '-', *id, ',', '1', '\0'}));
    remove(deep);
    remove(sub);
}

static void file_PATH_is_for_names_that_look_like_a_scheme(void **state)
{
    (void)state;
    char path[512], address[600];
    add(RECORD("eventID", "\"e-1\""));
    write_text("s3:x.json", path);
    snprintf(address, sizeof address, "file:%s", path);
    assert_int_equal(RUN("-o", "csv", "--columns", "event_id", address), 0);
    assert_string_equal(kt_buf_str(&out), "event_id\ne-1\n");
}

static void with_no_SOURCE_a_few_lines_say_what_to_type_and_exit_2(void **state)
{
    (void)state;
    assert_int_equal(RUN("-o", "jsonl"), 2);
    assert_int_equal(out.len, 0);
    assert_says(err, "keytop demo:");
}

static void every_envelope_in_which_records_come_is_read(void **state)
{
    (void)state;
    static const char *const around[][2] = {
        {"", ""}, {"[", "]"}, {"{\"Records\":[", "]}"}, {"\xef\xbb\xbf{\"Records\": [\r\n  ", "\r\n]\r\n}\r\n"},
        {"{\"version\":\"0\",\"detail-type\":\"AWS API Call via CloudTrail\",\"source\":\"aws.iam\",\"detail\":", "}"},
    };
    static const char *const around_text[][2] = {
        {"{\"Events\":[{\"EventId\":\"e-1\",\"EventName\":\"CreateAccessKey\",\"EventTime\":\"2022-02-08 "
         "09:23:37+11:00\",\"CloudTrailEvent\":", "}]}"},
        {"{\"messageType\":\"DATA_MESSAGE\",\"logEvents\":[{\"id\":\"1\",\"timestamp\":1,\"message\":", "}]}"},
        {"{\"events\":[{\"eventId\":\"1\",\"message\":", "}],\"nextToken\":\"t\"}"},
        {"{\"preview\":false,\"result\":{\"_raw\":", "}}"},
        {"{\"event\":{\"original\":", "}}"}, {"{\"event.original\":", "}"}, {"{\"message\":", "}"},
    };
    json_t *root = RECORD("eventTime", "\"2026-05-01T10:00:00Z\"");
    char *plain = record_dump(root);
    for (int escaped = 0; escaped < 2; escaped++) {
        for (size_t i = 0; i < 12; i++) {
            bool nested = i >= 5;
            json_t *s = json_string(plain);
            char *quoted = json_dumps(s, JSON_ENCODE_ANY);
            const char *const *a = nested ? around_text[i - 5] : around[i];
            const char *body = nested ? quoted : plain;
            kt_buf_reset(&text);
            kt_buf_adds(&text, a[0]);
            const char *name = strstr(body, "CreateAccessKey");
            assert_non_null(name);
            kt_buf_add(&text, body, (size_t)(name - body));
            kt_buf_adds(&text, escaped ? "\\u0043" : "C");
            kt_buf_adds(&text, name + 1);
            kt_buf_adds(&text, a[1]);
            if (FEED("-o", "csv", "--columns", "time,target,key", "-") != 0 || lines() != 2)
                fail_msg("%s: %s%s", kt_buf_str(&text), kt_buf_str(&out), kt_buf_str(&err));
            assert_says(out, "\n2026-05-01T10:00:00Z,bob,AKIAEXAMPLEEXAMPLE99\n");
            free(quoted);
            json_decref(s);
        }
    }
    free(plain);
    json_decref(root);
}

static void the_same_event_is_shown_once_and_one_that_contradicts_it_is_marked(void **state)
{
    (void)state;
    char a[512], b[512];
    add(RECORD("eventID", "\"e-1\""));
    add(RECORD("eventID", "\"e-2\"", "awsRegion", "\"us-east-1\""));
    write_text("a.json", a);
    kt_buf_adds(&text, "{\"Records\":[\n");
    add(RECORD("eventID", "\"e-1\""));
    kt_buf_adds(&text, ",");
    add(RECORD("eventID", "\"e-2\"", "userAgent", "\"another\""));
    kt_buf_adds(&text, "]}");
    write_text("b.json", b);
    assert_int_equal(RUN("-o", "csv", "--columns", "event_id,flags", a, b), 0);
    assert_string_equal(kt_buf_str(&out), "event_id,flags\ne-1,\ne-2,\ne-2,conflict\n");
}

/* --- options -------------------------------------------------------------------- */

static void table_is_the_default_elsewhere_and_once_ends(void **state)
{
    (void)state;
    add(RECORD("eventTime", "\"2026-05-01T10:00:00Z\""));
    assert_int_equal(FEED("-"), 0);
    assert_int_equal(strncmp(kt_buf_str(&out), "TIME ", 5), 0);
    assert_says(out, "\n2026-05-01T10:00:00Z ");
    assert_null(strchr(kt_buf_str(&out), '\x1b'));
    assert_int_equal(err.len, 0);
}

static void long_names_in_a_table_lose_their_middle_and_keys_times_and_addresses_nothing(void **state)
{
    (void)state;
    json_t *sso = record_build(&(struct record){.type = "AssumedRole", .target = "bob",
                                                .actor = "AWSReservedSSO_AdministratorAccess_c35d8e1f7b06a294",
                                                .session = "grace.lin@example.com",
                                                .key = "AKIAEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLE99",
                                                .address = "a-service-of-some-name.us-east-1.amazonaws.com"});
    add(sso);
    add(RECORD("requestParameters", NULL, "responseElements", NULL, "userIdentity.userName",
               "\"a-user-whose-name-is-longer-than-most-tables-can-bear\""));
    add(RECORD("userAgent", "\"something that nobody has ever seen, and which goes on for quite a while\""));
    assert_int_equal(FEED("--ascii", "-"), 0);
    const char *head = kt_buf_str(&out), *actor = strstr(head, "ACTOR"), *target = strstr(head, "TARGET"),
               *result = strstr(head, "RESULT"), *agent = strstr(head, "AGENT"), *why = strstr(head, "WHY");
    assert_true(actor && target && result && agent && why);
    assert_int_equal(target - actor, 38);
    assert_int_equal(result - target, 38);
    assert_int_equal(why - agent, 38);
    assert_says(out, " AWSRe~"); /* whose session it is stays whole */
    assert_says(out, "294 / grace.lin@example.com ");
    assert_says(out, " a-user-whose-name");
    assert_says(out, " (self) ");
    assert_says(out, " AKIAEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLE99 ");
    assert_says(out, " a-service-of-some-name.us-east-1.amazonaws.com ");
    assert_int_equal(FEED("--columns", "actor,session", "-"), 0); /* who asks for columns gets them whole */
    assert_says(out, "\nAWSReservedSSO_AdministratorAccess_c35d8e1f7b06a294 ");
}

static void filter_shows_only_what_matches(void **state)
{
    (void)state;
    add(RECORD("eventID", "\"e-1\""));
    add(RECORD("eventID", "\"e-2\"", "errorCode", "\"AccessDenied\""));
    assert_int_equal(FEED("-o", "csv", "--columns", "event_id", "-F", "actor:alice -result:denied", "-"), 0);
    assert_string_equal(kt_buf_str(&out), "event_id\ne-1\n");
    assert_int_equal(FEED("-o", "csv", "--columns", "event_id", "-F", "actor:bob", "-"), 0);
    assert_string_equal(kt_buf_str(&out), "event_id\n");
}

static void since_and_until_are_by_eventTime(void **state)
{
    (void)state;
    add(RECORD("eventID", "\"e-1\"", "eventTime", "\"2026-05-01T09:59:59Z\""));
    add(RECORD("eventID", "\"e-2\"", "eventTime", "\"2026-05-01T10:00:00Z\""));
    add(RECORD("eventID", "\"e-3\"", "eventTime", "\"2026-05-01T10:00:01Z\""));
    add(RECORD("eventID", "\"e-4\"", "eventTime", "\"no date\""));
    assert_int_equal(FEED("-o", "csv", "--columns", "event_id", "--since", "2026-05-01T10:00:00Z", "--until",
                          "2026-05-01T12:00:00+02:00", "-"), 0);
    assert_string_equal(kt_buf_str(&out), "event_id\ne-2\ne-4\n"); /* a time that is not known is not outside */
    static const char *const ago[] = {"90s", "15m", "24h", "7d"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(FEED("-o", "csv", "--columns", "event_id", "--until", ago[i], "-"), 0);
        assert_int_equal(lines(), 5);
    }
    assert_int_equal(FEED("--since", "15 m", "-"), 2);
    assert_int_equal(FEED("--since", "7d", "--until", "8d", "-"), 2);
}

static void rule_takes_only_what_matches_by_file_name_or_id(void **state)
{
    (void)state;
    add(RECORD("eventID", "\"e-1\""));
    add(RECORD("eventID", "\"e-2\"", "userIdentity.type", "\"Root\""));
    static const char *const names[] = {SEED, SEED_ID};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(FEED("--rule", names[i], "-o", "csv", "--columns", "event_id,rules", "-"), 0);
        assert_string_equal(kt_buf_str(&out), "event_id,rules\ne-1," SEED_ID "\n");
        assert_int_equal(FEED("--rule", names[i], "-o", "jsonl", "-"), 0);
        assert_int_equal(lines(), 1);
        assert_int_equal(FEED("--rule", names[i], "-o", "table", "-"), 0);
        assert_int_equal(strncmp(kt_buf_str(&out), "sourceIPAddress  userName  ", 27), 0);
    }
    assert_int_equal(FEED("--rule", "no_such_rule", "-"), 2);
    assert_says(err, "no_such_rule");
    assert_says(err, SEED); /* what there is to choose from */
}

static void columns_are_names_or_dotted_paths(void **state)
{
    (void)state;
    json_t *root = record_build(&(struct record){.type = "AssumedRole", .actor = "deploy", .target = "bob"});
    add(record_set(root, "additionalEventData.x-amz-id-2", "\"q\""));
    assert_int_equal(FEED("-o", "csv", "--columns",
                          "actor,userIdentity.sessionContext.sessionIssuer.arn,requestParameters,"
                          "additionalEventData.x-amz-id-2,nosuch.path", "-"), 0);
    assert_string_equal(kt_buf_str(&out),
                        "actor,userIdentity.sessionContext.sessionIssuer.arn,requestParameters,"
                        "additionalEventData.x-amz-id-2,nosuch.path\n"
                        "deploy,arn:aws:iam::" ACCOUNT ":role/deploy,\"{\"\"userName\"\":\"\"bob\"\"}\",q,\n");
    assert_int_equal(FEED("--columns", "Event_ID", "-"), 2); /* a field's name in other letters is a slip */
    assert_says(err, "event_id");
    assert_int_equal(FEED("--columns", "--rule", "-"), 2);
    assert_says(err, "neither a field");
    assert_int_equal(FEED("-o", "csv", "--columns", "error.code", "-"), 0);
    assert_string_equal(kt_buf_str(&out), "error.code\n\"\"\n"); /* a row, not an empty line */
}

static void color_always_colours_and_NO_COLOR_is_honoured(void **state)
{
    (void)state;
    add(RECORD("eventID", "\"e-1\""));
    assert_int_equal(FEED("--color", "always", "-"), 0);
    assert_says(out, "\x1b[");
    assert_int_equal(FEED("--color", "never", "-"), 0);
    assert_null(strchr(kt_buf_str(&out), '\x1b'));
    assert_int_equal(setenv("NO_COLOR", "1", 1), 0);
    assert_int_equal(FEED("--color", "auto", "-"), 0);
    assert_null(strchr(kt_buf_str(&out), '\x1b'));
    unsetenv("NO_COLOR");
}

/* --- exit status ------------------------------------------------------------------ */

static void exit_1_names_each_thing_that_was_not_read_with_its_place(void **state)
{
    (void)state;
    char bad[512], cut[512], place[600];
    add(RECORD("eventID", "\"e-1\""));
    kt_buf_adds(&text, "{\"eventName\":\"CreateAccessKey\",}\n");
    add(RECORD("eventID", "\"e-3\""));
    write_text("bad.jsonl", bad);
    add(RECORD("eventID", "\"e-4\""));
    kt_buf_adds(&text, "{\"eventName\":\"CreateAccessKey\",\"eventID\":\"e-");
    write_text("cut.json", cut);
    assert_int_equal(RUN("-o", "csv", "--columns", "kind,event_id", bad, cut, "/nonexistent/trail"), 1);
    assert_string_equal(kt_buf_str(&out), "kind,event_id\ncreation,e-1\nmalformed,\ncreation,e-3\ncreation,e-4\n");
    snprintf(place, sizeof place, "keytop: file:%s, record 2 (byte ", bad);
    assert_says(err, place);
    snprintf(place, sizeof place, "keytop: file:%s: ", cut);
    assert_says(err, place);
    assert_says(err, "keytop: /nonexistent/trail: ");
}

static void exit_2_says_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *word[4], *says;
    } bad[] = {
        {{"--frobnicate", "demo:"}, "--help"},
        {{"-o"}, "FORMAT"},
        {{"-o", "xml", "demo:"}, "screen, table, jsonl, csv, ocsf, ecs, splunk or report"},
        {{"--since", "yesterday", "demo:"}, "24h"},
        {{"-F", "nosuch:x", "demo:"}, "nosuch"},
        {{"--once", "--follow", "demo:"}, "exclude"},
        {{"--name", "prod"}, "SOURCE"},
        {{"/nonexistent/trail"}, "check the spelling"},
        {{"-o", "jsonl", "--columns=time", "demo:"}, "table or csv"},
        {{"--color", "blue", "demo:"}, "auto, always or never"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int status = RUN(bad[i].word[0], bad[i].word[1], bad[i].word[2], bad[i].word[3]);
        if (status != 2 || out.len || !strstr(kt_buf_str(&err), bad[i].says))
            fail_msg("%s: %d, %s", bad[i].word[0], status, kt_buf_str(&err));
    }
}

/* --- a line of jsonl ---------------------------------------------------------------- */

static void one_object_a_line_with_its_keys_in_order(void **state)
{
    (void)state;
    json_t *root = record_build(&(struct record){.target = "bob", .agent = "Boto3/1.28.0 md/x", .id = "e-1",
                                                 .time = "2023-07-10T12:24:29Z", .address = "203.0.113.9"});
    add(root);
    assert_int_equal(FEED("-o", "jsonl", "-"), 0);
    assert_string_equal(
        kt_buf_str(&out),
        "{\"kind\":\"creation\",\"time\":\"2023-07-10T12:24:29Z\",\"event_id\":\"e-1\",\"event_name\":"
        "\"CreateAccessKey\",\"event_source\":\"iam.amazonaws.com\",\"result\":\"created\",\"error\":null,"
        "\"actor\":{\"type\":\"IAMUser\",\"name\":\"alice\",\"arn\":\"arn:aws:iam::111122223333:user/alice\","
        "\"account\":\"111122223333\",\"principal_id\":\"AIDAEXAMPLEEXAMPLE001\",\"session\":null,"
        "\"access_key_id\":\"AKIAEXAMPLEEXAMPLE01\",\"mfa\":null,\"via\":null},"
        "\"target\":{\"name\":\"bob\",\"account\":\"111122223333\",\"self\":false,\"from\":\"response\"},"
        "\"key\":{\"id\":\"AKIAEXAMPLEEXAMPLE99\",\"status\":\"Active\",\"created\":\"2023-07-10T12:24:29Z\"},"
        "\"source\":{\"address\":\"203.0.113.9\",\"kind\":\"ip\"},"
        "\"agent\":{\"text\":\"Boto3/1.28.0 md/x\",\"tool\":\"boto3\",\"version\":\"1.28.0\",\"os\":null,"
        "\"class\":\"sdk\"},\"account\":\"111122223333\",\"region\":\"us-east-1\","
        "\"risk\":63,\"level\":\"medium\",\"signals\":[\"target.other\"],\"rules\":[\"" SEED_ID "\"],\"flags\":[],"
        "\"origin\":{\"source\":\"-\",\"record\":1}}\n");
}

static void all_text_is_ASCII_and_DEL_is_escaped_too(void **state)
{
    (void)state;
    json_t *row = row_of(RECORD("requestParameters.userName", "\"b\\u0000b\"", "responseElements", NULL, "userAgent",
                                "\"\\u00e4 \\ud83d\\ude00 \\u202e \\u007f \\u001b[2J \\\\ \\\" \\n\""));
    for (size_t i = 0; i + 1 < out.len; i++)
        assert_in_range(out.p[i], 0x20, 0x7e);
    assert_says(out, "\\u007f");
    assert_says(out, "\"b\\u0000b\"");
    HOLDS(row, "agent.text", "\"\\u00E4 \\uD83D\\uDE00 \\u202E \x7f \\u001B[2J \\\\ \\\" \\n\"", "flags",
          "[\"hidden-text\"]");
}

static void absent_facts_are_null_and_odd_ones_never_guessed(void **state)
{
    (void)state;
    static const char *const odd[] = {NULL, "null", "5", "true", "\"x\"", "[]", "[1]", "{}", "{\"a\":{}}", "\"\""};
    static const char *const path[] = {
        "userIdentity", "userIdentity.type", "userIdentity.userName", "userIdentity.arn", "userIdentity.accountId",
        "userIdentity.sessionContext", "userIdentity.sessionContext.sessionIssuer", "requestParameters",
        "requestParameters.userName", "responseElements", "responseElements.accessKey",
        "responseElements.accessKey.userName", "responseElements.accessKey.createDate", "eventTime", "eventID",
        "eventSource", "errorMessage", "sourceIPAddress", "userAgent", "awsRegion", "recipientAccountId",
        "sessionCredentialFromConsole", "addendum"};
    size_t n = 0;
    for (size_t i = 0; i < sizeof path / sizeof *path; i++)
        for (size_t k = 0; k < sizeof odd / sizeof *odd; k++, n++)
            add(RECORD(path[i], odd[k], strcmp(path[i], "eventID") ? "eventID" : "requestID",
                       ((char[]){'"', 'e', (char)('a' + i), (char)('a' + k), '"', '\0'})));
    assert_int_equal(FEED("-o", "jsonl", "-"), 0);
    assert_in_range(lines(), n - 9, n); /* those without an eventID are told apart by content */

    HOLDS(row_of(RECORD("userIdentity", "\"alice\"", "recipientAccountId", NULL)), "actor.type", "null", "actor.name",
          "null", "actor.arn", "null", "actor.account", "null", "actor.mfa", "null", "target.name", "\"bob\"",
          "target.account", "null", "target.self", "null", "account", "null");
    HOLDS(row_of(RECORD("responseElements", "{\"accessKey\":{\"userName\":5,\"accessKeyId\":7,\"status\":true,"
                                            "\"createDate\":1714550400}}",
                        "requestParameters", "{\"userName\":5}", "sourceIPAddress", "5", "userAgent", "{}", "awsRegion",
                        "3", "recipientAccountId", "111122223333")),
          "target.name", "null", "target.from", "null", "target.self", "null", "key.id", "null", "key.status", "null",
          "key.created", "null", "source.address", "null", "source.kind", "\"unknown\"", "agent.text", "null",
          "agent.tool", "null", "region", "null", "account", "\"" ACCOUNT "\"");
    HOLDS(row_of(RECORD("requestParameters", "[]", "responseElements", "null")), "target.name", "null", "target.from",
          "null", "key.id", "null");
    HOLDS(row_of(RECORD("requestParameters", "{\"omitted\":true}", "responseElements", "{\"omitted\":true}")),
          "target.name", "null", "target.self", "null", "flags", "[\"omitted\"]");
}

static void result_is_created_denied_or_failed(void **state)
{
    (void)state;
    static const char *const denied[] = {"\"AccessDenied\"", "\"AccessDeniedException\"", "\"UnauthorizedOperation\"",
                                         "\"Client.UnauthorizedOperation\""};
    HOLDS(row_of(RECORD("errorCode", NULL)), "result", "\"created\"", "error", "null");
    HOLDS(row_of(RECORD("errorCode", "null")), "result", "\"created\"", "error", "null");
    for (size_t i = 0; i < 4; i++)
        HOLDS(row_of(RECORD("errorCode", denied[i], "errorMessage", "\"no\"")), "result", "\"denied\"", "error.code",
              denied[i], "error.message", "\"no\"");
    HOLDS(row_of(RECORD("errorCode", "\"LimitExceededException\"")), "result", "\"failed\"", "error.code",
          "\"LimitExceededException\"", "error.message", "null");
    HOLDS(row_of(RECORD("errorCode", "403")), "result", "\"failed\"", "error.code", "\"403\"");
    HOLDS(row_of(RECORD("errorCode", "{}")), "result", "\"failed\"");
}

#define ROLE "\"AssumedRole\""
#define SESSION "\"arn:aws:sts::" ACCOUNT ":assumed-role/deploy/run-17\""

static void actor_type_is_userIdentity_type_as_it_stands(void **state)
{
    (void)state;
    static const char *const types[] = {"IAMUser", "Root", "AssumedRole", "FederatedUser", "AWSAccount", "AWSService",
                                        "SAMLUser", "WebIdentityUser", "IdentityCenterUser", "Directory", "Unknown",
                                        "SomethingNew"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char json[64];
        snprintf(json, sizeof json, "\"%s\"", types[i]);
        HOLDS(row_of(RECORD("userIdentity.type", json)), "actor.type", json);
    }
    HOLDS(row_of(RECORD("userIdentity.type", NULL)), "actor.type", "null", "actor.name", "\"alice\"", "target.self",
          "false");
}

static void actor_name_is_the_user_the_roles_own_name_root_or_the_service(void **state)
{
    (void)state;
    HOLDS(row_of(RECORD("userIdentity.userName", NULL, "userIdentity.arn", "\"arn:aws:iam::1:user/team/x/jack\"")),
          "actor.name", "\"jack\"", "actor.session", "null");
    HOLDS(row_of(record_build(&(struct record){.type = "AssumedRole", .actor = "deploy", .session = "run-17",
                                               .target = "bob"})),
          "actor.name", "\"deploy\"", "actor.session", "\"run-17\"", "target.self", "false");
    HOLDS(row_of(RECORD("userIdentity", "{\"type\":" ROLE ",\"arn\":" SESSION "}")), "actor.name", "\"deploy\"",
          "actor.session", "\"run-17\"", "actor.account", "\"" ACCOUNT "\"", "actor.mfa", "null");
    HOLDS(row_of(RECORD("userIdentity", "{\"type\":\"Root\",\"userName\":\"our-alias\",\"arn\":\"arn:aws:iam::" ACCOUNT
                                        ":root\"}")), "actor.name", "\"root\"", "target.self", "false");
    HOLDS(row_of(RECORD("userIdentity", "{\"type\":\"AWSService\",\"invokedBy\":\"x.amazonaws.com\"}")), "actor.name",
          "\"x.amazonaws.com\"", "actor.via", "\"x.amazonaws.com\"", "actor.arn", "null");
}

static void actor_mfa_is_of_the_session_and_null_where_there_is_none(void **state)
{
    (void)state;
    HOLDS(row_of(RECORD("userIdentity.sessionContext", NULL)), "actor.mfa", "null");
    HOLDS(row_of(RECORD("userIdentity.sessionContext", "{\"sessionIssuer\":{},\"webIdFederationData\":{},\"attributes\":"
                                                       "{\"mfaAuthenticated\":\"true\"}}")), "actor.mfa", "true");
    HOLDS(row_of(RECORD("userIdentity.sessionContext.attributes.mfaAuthenticated", "\"false\"")), "actor.mfa", "false");
    HOLDS(row_of(RECORD("userIdentity.sessionContext.attributes.mfaAuthenticated", "\"maybe\"")), "actor.mfa", "null");
}

static void actor_via_is_invokedBy_or_the_service_named_as_source_address(void **state)
{
    (void)state;
    HOLDS(row_of(RECORD("userIdentity.invokedBy", "\"a.amazonaws.com\"", "sourceIPAddress", "\"b.amazonaws.com\"")),
          "actor.via", "\"a.amazonaws.com\"");
    HOLDS(row_of(RECORD("sourceIPAddress", "\"b.amazonaws.com\"")), "actor.via", "\"b.amazonaws.com\"");
    HOLDS(row_of(RECORD("sourceIPAddress", "\"AWS Internal\"")), "actor.via", "null");
}

/* --- the target ------------------------------------------------------------------ */

static void target_is_from_the_response_else_the_request_else_the_caller(void **state)
{
    (void)state;
    HOLDS(row_of(RECORD("requestParameters.userName", "\"carol\"")), "target.name", "\"bob\"", "target.from",
          "\"response\"");
    HOLDS(row_of(RECORD("responseElements", NULL)), "target.name", "\"bob\"", "target.from", "\"request\"");
    HOLDS(row_of(RECORD("responseElements", NULL, "requestParameters", "null")), "target.name", "\"alice\"",
          "target.from", "\"caller\"", "target.self", "true");
    HOLDS(row_of(record_build(&(struct record){.type = "Root"})), "target.name", "\"root\"", "target.from",
          "\"caller\"", "target.self", "true");
    static const char *const types[] = {"\"Root\"", "\"IAMUser\"", ROLE};
    for (int i = 0; i < 3; i++) /* the quota is reached: with parameters, and without */
        for (int named = 0; named < 2; named++)
            HOLDS(row_of(RECORD("userIdentity.type", types[i], "errorCode", "\"LimitExceededException\"",
                                "errorMessage", "\"Cannot exceed quota for AccessKeysPerUser: 2\"", "responseElements",
                                "null", named ? "requestID" : "requestParameters", named ? "\"r\"" : NULL)),
                  "result", "\"failed\"", "key.id", "null", "target.from",
                  named ? "\"request\"" : i < 2 ? "\"caller\"" : "null", "target.self",
                  named ? "false" : i < 2 ? "true" : "null");
    /* the caller is of the caller's own account, whoever the trail belongs to */
    HOLDS(row_of(RECORD("recipientAccountId", "\"444455556666\"", "responseElements", NULL, "requestParameters", NULL)),
          "target.from", "\"caller\"", "target.account", "\"" ACCOUNT "\"", "target.self", "true", "account",
          "\"444455556666\"");
}

static void a_denied_call_shows_its_target_from_the_error(void **state)
{
    (void)state;
    static const struct {
        const char *tail, *name, *account, *self;
    } said[] = {
        {"user bob because no identity-based policy allows the iam:CreateAccessKey action", "\"bob\"", ACCOUNT, "false"},
        {"user bob with an explicit deny in a service control policy", "\"bob\"", ACCOUNT, "false"},
        {"user bob", "\"bob\"", ACCOUNT, "false"},
        {"user /team/x/bob", "\"bob\"", ACCOUNT, "false"},
        {"user alice because no session policy allows it", "\"alice\"", ACCOUNT, "true"},
        {"user Alice because", "\"Alice\"", ACCOUNT, "false"},
        {"user alic because", "\"alic\"", ACCOUNT, "false"},
        {"user because because no", "\"because\"", ACCOUNT, "false"},
        {"user bob. because", "\"bob.\"", ACCOUNT, "false"}, /* a dot may end a user's name */
        {"user bob\\nbecause", "\"bob\"", ACCOUNT, "false"},
        {"arn:aws:iam::" ACCOUNT ":user/team/bob because no", "\"bob\"", ACCOUNT, "false"},
        {"arn:aws:iam::" ACCOUNT ":user/alice", "\"alice\"", ACCOUNT, "true"},
        {"arn:aws:iam::444455556666:user/alice", "\"alice\"", "444455556666", "false"},
        {"group admins because", "null", ACCOUNT, "null"},
        {"role bob because", "null", ACCOUNT, "null"},
        {"arn:aws:iam::" ACCOUNT ":role/bob", "null", ACCOUNT, "null"},
        {"arn:aws:iam::" ACCOUNT ":user/*", "null", ACCOUNT, "null"},
        {"*", "null", ACCOUNT, "null"},
        {"user", "null", ACCOUNT, "null"},
        {"user  because", "null", ACCOUNT, "null"},
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        char message[400], account[40];
        snprintf(message, sizeof message,
                 "\"User: arn:aws:iam::" ACCOUNT ":user/alice is not authorized to perform: iam:CreateAccessKey on "
                 "resource: %s\"", said[i].tail);
        snprintf(account, sizeof account, "\"%s\"", said[i].account);
        HOLDS(row_of(RECORD("errorCode", "\"AccessDenied\"", "errorMessage", message, "requestParameters", "null",
                            "responseElements", "null")),
              "result", "\"denied\"", "target.name", said[i].name, "target.account", account, "target.self",
              said[i].self, "target.from", strcmp(said[i].name, "null") ? "\"error\"" : "null");
    }
}

static void null_parameters_prove_nothing_for_a_denied_call_or_a_role(void **state)
{
    (void)state;
    HOLDS(row_of(RECORD("errorCode", "\"AccessDenied\"", "errorMessage", "\"Not today\"", "requestParameters", "null",
                        "responseElements", "null")),
          "target.name", "null", "target.self", "null", "target.from", "null");
    HOLDS(row_of(changed(record_build(&(struct record){.type = "AssumedRole", .actor = "deploy"}), "responseElements",
                         "null", ALL)),
          "target.name", "null", "target.self", "null", "target.from", "null");
}

static void self_is_the_same_account_and_exactly_equal_names(void **state)
{
    (void)state;
    static const struct {
        const char *identity, *target, *self;
    } who[] = {
        {"{\"type\":\"IAMUser\",\"userName\":\"jack\",\"accountId\":\"" ACCOUNT "\"}", "\"jack\"", "true"},
        {"{\"type\":\"IAMUser\",\"userName\":\"jackson\",\"accountId\":\"" ACCOUNT "\"}", "\"jack\"", "false"},
        {"{\"type\":\"IAMUser\",\"userName\":\"Jack\",\"accountId\":\"" ACCOUNT "\"}", "\"jack\"", "false"},
        {"{\"type\":\"IAMUser\",\"arn\":\"arn:aws:iam::" ACCOUNT ":user/a/jack\"}", "\"jack\"", "true"},
        {"{\"type\":\"IAMUser\",\"userName\":\"jack\",\"accountId\":\"444455556666\"}", "\"jack\"", "false"},
        {"{\"type\":\"IAMUser\",\"userName\":\"jack\"}", "\"jack\"", "null"}, /* of which account he is, is not said */
        {"{\"type\":\"IAMUser\"}", "\"jack\"", "null"},
        {"{\"type\":\"AssumedRole\",\"arn\":\"arn:aws:sts::" ACCOUNT ":assumed-role/jack/jack\"}", "\"jack\"", "false"},
        {"{\"type\":\"Root\",\"accountId\":\"" ACCOUNT "\"}", "\"root\"", "false"},
        {"{\"type\":\"AWSAccount\",\"accountId\":\"444455556666\"}", "\"jack\"", "false"},
        {"{\"type\":\"AWSAccount\",\"accountId\":\"" ACCOUNT "\"}", "\"jack\"", "null"},
        {"{\"type\":\"SomethingNew\",\"userName\":\"jack\",\"accountId\":\"" ACCOUNT "\"}", "\"jack\"", "null"},
        {"{\"type\":\"SomethingNew\",\"userName\":\"eve\",\"accountId\":\"" ACCOUNT "\"}", "\"jack\"", "false"},
        {"{\"type\":\"SomethingNew\",\"accountId\":\"" ACCOUNT "\"}", "\"jack\"", "null"},
        {"{\"type\":\"IdentityCenterUser\",\"accountId\":\"" ACCOUNT "\"}", "\"jack\"", "false"},
        {"{\"type\":\"Unknown\"}", "\"jack\"", "null"},
        {"{}", "\"jack\"", "null"},
    };
    for (size_t i = 0; i < sizeof who / sizeof *who; i++)
        HOLDS(row_of(RECORD("userIdentity", who[i].identity, "responseElements.accessKey.userName", who[i].target,
                            "requestParameters.userName", who[i].target)),
              "target.account", "\"" ACCOUNT "\"", "target.self", who[i].self);
}

/* --- the rest of a line --------------------------------------------------------------- */

static void key_created_is_read_from_any_of_its_spellings(void **state)
{
    (void)state;
    static const char *const dates[][2] = {
        {"\"Jul 30, 2024 9:53:13 PM\"", "\"2024-07-30T21:53:13Z\""},
        {"\"Jul 10, 2023, 12:24:29 PM\"", "\"2023-07-10T12:24:29Z\""},
        {"\"Jul 10, 2023, 12:24:29 AM\"", "\"2023-07-10T00:24:29Z\""},
        {"\"Feb 22, 2026, 4:11:47\\u202fPM\"", "\"2026-02-22T16:11:47Z\""},
        {"\"2026-07-13T06:36:06Z\"", "\"2026-07-13T06:36:06Z\""},
        {"\"2026-07-13T06:36:06+02:00\"", "\"2026-07-13T04:36:06Z\""},
        {"\"Jan 01, 2019 0:00:00 PM\"", "null"}, {"\"2019-01-00T00:00:00Z\"", "null"},
        {"\"Feb 30, 2024 1:00:00 PM\"", "null"}, {"\"Jul 30, 2024 13:00:00 PM\"", "null"},
        {"\"yesterday\"", "null"}, {"1714550400", "null"}, {"null", "null"}, {"\"\"", "null"},
    };
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++)
        HOLDS(row_of(RECORD("responseElements.accessKey.createDate", dates[i][0])), "key.created", dates[i][1]);
}

static void source_kind_is_ip_service_internal_or_unknown(void **state)
{
    (void)state;
    static const char *const from[][2] = {
        {"\"203.0.113.9\"", "\"ip\""}, {"\"211.9.016.253\"", "\"ip\""}, {"\"075.050.255.67\"", "\"ip\""},
        {"\"2001:db8::1\"", "\"ip\""}, {"\"::ffff:192.0.2.1\"", "\"ip\""},
        {"\"cloudformation.amazonaws.com\"", "\"service\""}, {"\"iam.amazonaws.com.cn\"", "\"service\""},
        {"\"AWS Internal\"", "\"internal\""}, {"\"256.1.1.1\"", "\"unknown\""}, {"\"1.2.3\"", "\"unknown\""},
        {"\"evil.example.com\"", "\"unknown\""}, {"\"ec2.amazonaws.com.evil.example\"", "\"unknown\""},
        {"\"\"", "\"unknown\""}, {"null", "\"unknown\""}, {"\"203.0.113.9, 10.0.0.1\"", "\"unknown\""},
    };
    for (size_t i = 0; i < sizeof from / sizeof *from; i++)
        HOLDS(row_of(RECORD("sourceIPAddress", from[i][0])), "source.address", from[i][0], "source.kind", from[i][1]);
}

static void agent_class_is_read_from_real_agents(void **state)
{
    (void)state;
    static const char *const agents[][5] = {
        {"Boto3/1.9.125 Python/2.7.14 Windows/10 Botocore/1.12.125", "sdk", "boto3", "1.9.125", "windows"},
        {"Boto3/1.34.162 md/Botocore#1.34.162 ua/2.0 os/linux#6.8.0-1015-aws md/arch#x86_64 "
         "lang/python#3.12.3 md/pyimpl#CPython cfg/retry-mode#legacy Botocore/1.34.162",
         "sdk", "boto3", "1.34.162", "linux"},
        {"Boto3/1.35.20 md/Botocore#1.35.20 ua/2.0 os/macos#23.6.0 md/arch#arm64 lang/python#3.11.9 "
         "md/pyimpl#CPython cfg/retry-mode#legacy Botocore/1.35.20 Resource", "sdk", "boto3", "1.35.20", "macos"},
        {"Botocore/1.29.90 Python/3.10.6 Linux/5.15.0", "sdk", "botocore", "1.29.90", "linux"},
        {"aws-cli/1.16.145 Python/2.7.16 Darwin/18.5.0 botocore/1.12.135", "cli", "aws-cli", "1.16.145", "macos"},
        {"aws-cli/1.29.57 md/Botocore#1.31.57 ua/2.0 os/linux#5.10 md/arch#x86_64 lang/python#3.9.16 "
         "md/pyimpl#CPython cfg/retry-mode#legacy botocore/1.31.57", "cli", "aws-cli", "1.29.57", "linux"},
        {"aws-cli/2.0.62 Python/3.9.0 Darwin/19.6.0 source/x86_64 command/iam.create-access-key",
         "cli", "aws-cli", "2.0.62", "macos"},
        {"aws-cli/2.15.30 Python/3.11.8 Windows/10 exe/AMD64 prompt/off command/iam.create-access-key",
         "cli", "aws-cli", "2.15.30", "windows"},
        {"aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/windows#11 md/arch#amd64 lang/python#3.13.7 "
         "md/pyimpl#CPython m/Z,b,E cfg/retry-mode#standard md/installer#exe sid/0c5d md/prompt#off "
         "md/command#iam.create-access-key", "cli", "aws-cli", "2.31.0", "windows"},
        {"[aws-cli/1.11.56 Python/2.7.10]", "cli", "aws-cli", "1.11.56", NULL},
        {"aws-cli/2.17.32 md/awscrt#0.20.11 ua/2.0 os/linux#6.5.0-44-generic md/arch#x86_64 "
         "lang/python#3.11.9 md/pyimpl#CPython exec-env/CloudShell cfg/retry-mode#standard "
         "md/installer#exe md/distrib#amzn.2023 md/prompt#off md/command#iam.create-access-key",
         "cloudshell", "aws-cli", "2.17.32", "linux"},
        {"aws-cli/2.4.0 Python/3.8.8 Linux/4.14 exec-env/CloudShell exe/x86_64.amzn.2 prompt/off "
         "command/iam.create-access-key", "cloudshell", "aws-cli", "2.4.0", "linux"},
        {"aws-cli/2.9.19 Python/3.11.2 Linux/6.3.0-kali1-cloud-amd64 source/x86_64.kali.2023 prompt/off "
         "command/iam.create-access-key", "attack-tool", "aws-cli", "2.9.19", "kali"},
        {"aws-cli/2.31.35 md/awscrt#1.0.0.dev0 ua/2.1 os/linux#6.18.5+kali-amd64 md/arch#x86_64 "
         "lang/python#3.13.11 md/distrib#kali.2025", "attack-tool", "aws-cli", "2.31.35", "kali"},
        {"aws-cli/2.9 Python/3.11 Linux/6.3.0-KALI1-cloud", "attack-tool", "aws-cli", "2.9", "kali"},
        {"Boto3/1.17 Python/3.9 Linux/5.10.0-6parrot1-amd64 Botocore/1.20", "attack-tool", "boto3", "1.17", "parrot"},
        {"aws-cli/1.18 Python/3.8 Linux/5.15.0-Pentoo-r1 botocore/1.17", "attack-tool", "aws-cli", "1.18", "pentoo"},
        {"Boto3/1.26 Python/3.9 Linux/5.15 user/kalinda", "sdk", "boto3", "1.26", "linux"},
        {"aws-sdk-go/1.44.200 (go1.19.5; linux; amd64)", "sdk", "aws-sdk-go", "1.44.200", "linux"},
        {"aws-sdk-go-v2/1.36.1 ua/2.1 os/macos lang/go#1.24.0 md/GOOS#darwin md/GOARCH#arm64 "
         "api/iam#1.39.1 m/E,e", "sdk", "aws-sdk-go-v2", "1.36.1", "macos"},
        {"aws-sdk-java/1.11.882 Linux/4.14.203 OpenJDK_64-Bit_Server_VM/25.265-b01 java/1.8.0_265 "
         "vendor/Oracle_Corporation", "sdk", "aws-sdk-java", "1.11.882", "linux"},
        {"aws-sdk-java/2.29.0 md/io#sync md/http#Apache ua/2.1 os/Windows_Server_2019#10.0 "
         "lang/java#21.0.1 md/OpenJDK_64-Bit_Server_VM#21.0.1 m/D,N", "sdk", "aws-sdk-java", "2.29.0", "windows"},
        {"aws-sdk-nodejs/2.1043.0 darwin/v16.13.1 promise", "sdk", "aws-sdk-nodejs", "2.1043.0", "macos"},
        {"aws-sdk-js/3.621.0 ua/2.0 os/linux#5.10.0 lang/js md/nodejs#20.11.0 api/iam#3.621.0",
         "sdk", "aws-sdk-js", "3.621.0", "linux"},
        {"aws-sdk-php/3.300.1 ua/2.0 OS/Linux#5.15 lang/php#8.2.1 GuzzleHttp/7 cfg/retry-mode#legacy",
         "sdk", "aws-sdk-php", "3.300.1", "linux"},
        {"aws-sdk-ruby3/3.170.0 ruby/3.1.3 x86_64-linux aws-sdk-iam/1.75.0",
         "sdk", "aws-sdk-ruby3", "3.170.0", "linux"},
        {"aws-sdk-rust/1.3.3 ua/2.1 api/iam/1.47.0 os/macos lang/rust/1.81.0 m/E,b",
         "sdk", "aws-sdk-rust", "1.3.3", "macos"},
        {"aws-sdk-dotnet-coreclr/3.7.302.14 aws-sdk-dotnet-core/3.7.302.14 .NET_Core/6.0.25 "
         "OS/Microsoft_Windows_10.0.20348 ClientAsync", "sdk", "aws-sdk-dotnet-coreclr", "3.7.302.14", "windows"},
        {"aws-sdk-cpp/1.11.300 ua/2.0 md/aws-crt#0.26 os/Linux/5.15 md/arch#x86_64 lang/c++#C++17 api/IAM",
         "sdk", "aws-sdk-cpp", "1.11.300", "linux"},
        {"AWSPowerShell/4.1.5.0 .NET_Runtime/4.0 .NET_Framework/4.0 OS/Microsoft_Windows_NT_10.0 "
         "WindowsPowerShell/5.0 ClientSync", "cli", "aws-powershell", "4.1.5.0", "windows"},
        {"AWSPowerShell.NetCore/4.1.300 .NET_Core/6.0 OS/Linux_5.15 PowerShellCore/7.2 ClientSync",
         "cli", "aws-powershell", "4.1.300", "linux"},
        {"APN/1.0 HashiCorp/1.0 Terraform/1.1.2 (+https://www.terraform.io) terraform-provider-aws/3.74.0 "
         "(+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go/1.42.35 (go1.16; linux; "
         "amd64)", "iac", "terraform", "1.1.2", "linux"},
        {"APN/1.0 HashiCorp/1.0 OpenTofu/1.8.1 (+https://opentofu.org) terraform-provider-aws/5.65.0 "
         "aws-sdk-go-v2/1.30.4 os/linux api/iam#1.35.0", "iac", "opentofu", "1.8.1", "linux"},
        {"APN/1.0 Pulumi/1.0 PulumiAws/6.50.0 aws-sdk-go-v2/1.30.4 os/linux lang/go#1.22.6 api/iam#1.35.0",
         "iac", "pulumi", NULL, "linux"},
        {"cloudformation.amazonaws.com", "iac", "cloudformation", NULL, NULL},
        {"aws-cdk/2.100.0 aws-sdk-nodejs/2.1400 linux/v18", "iac", "aws-cdk", "2.100.0", "linux"},
        {"APN/1.0 Ansible/1.0 amazon.aws/7.0.0 Boto3/1.28 Python/3.11 Linux/5.15 Botocore/1.31",
         "iac", "ansible", NULL, "linux"},
        {"Ansible/2.15.0 Boto3/1.28 Botocore/1.31", "iac", "ansible", "2.15.0", NULL},
        {"APN/1.0 AWSContent/1.0", "unknown", NULL, NULL, NULL},
        {"S3 Browser 9.5.5 https://s3browser.com", "attack-tool", "s3-browser", "9.5.5", NULL},
        {"[S3 Browser/11.6.7 (https://s3browser.com)]", "attack-tool", "s3-browser", "11.6.7", NULL},
        {"Cyberduck/8.5.5.39512 (Mac OS X/13.2) (x86_64)", "cli", "cyberduck", "8.5.5.39512", "macos"},
        {"rclone/v1.61.1", "cli", "rclone", "1.61.1", NULL},
        {"Pacu/1.5 Boto3", "attack-tool", "pacu", "1.5", NULL},
        {"stratus-red-team_83c9a458-ffab-4d43-8b02-9691311e8c0a HashiCorp-terraform-exec/0.17.3",
         "attack-tool", "stratus-red-team", NULL, NULL},
        {"TruffleHog", "attack-tool", "trufflehog", NULL, NULL},
        {"python-requests/2.31.0", "attack-tool", "python-requests", "2.31.0", NULL},
        {"curl/7.88.1", "attack-tool", "curl", "7.88.1", NULL},
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/120.0.0.0 Safari/537.36", "browser", "chrome", "120.0.0.0", "windows"},
        {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
         "Version/17.1 Safari/605.1.15", "browser", "safari", "17.1", "macos"},
        {"Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/119.0",
         "browser", "firefox", "119.0", "linux"},
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.61", "browser", "edge", "120.0.2210.61", "windows"},
        {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
         "CriOS/119.0.6045.109 Mobile/15E148 Safari/604.1", "browser", "chrome", "119.0.6045.109", "ios"},
        {"Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/119.0.0.0 Mobile Safari/537.36", "browser", "chrome", "119.0.0.0", "android"},
        {"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/119.0.0.0 Safari/537.36", "browser", "chrome", "119.0.0.0", "chromeos"},
        {"Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.3803",
         "unknown", "powershell", "5.1.19041.3803", "windows"},
        {"AWS Internal", "service", "aws-internal", NULL, NULL},
        {"aws-internal/3 aws-sdk-java/1.12.500 Linux/5.10 OpenJDK_64-Bit_Server_VM/25.372-b08 "
         "java/1.8.0_372 vendor/Oracle_Corporation cfg/retry-mode/standard", "service", "aws-internal", "3", "linux"},
        {"Coral/Netty4", "service", "coral", NULL, NULL},
        {"signin.amazonaws.com", "console", "console", NULL, NULL},
        {"[signin.amazonaws.com]", "console", "console", NULL, NULL},
        {"console.amazonaws.com", "console", "console", NULL, NULL},
        {"lambda.amazonaws.com", "service", "lambda", NULL, NULL},
        {"kalium/1.0 tool", "unknown", "kalium", "1.0", NULL},
    };
    for (size_t i = 0; i < sizeof agents / sizeof *agents; i++) {
        char json[5][512];
        for (int k = 0; k < 5; k++)
            snprintf(json[k], sizeof json[k], agents[i][k] ? "\"%s\"" : "null", agents[i][k]);
        HOLDS(row_of(RECORD("userAgent", json[0])), "agent.class", json[1], "agent.tool", json[2], "agent.version",
              json[3], "agent.os", json[4], "agent.text", json[0]);
    }
}

static void console_is_decided_by_sessionCredentialFromConsole(void **state)
{
    (void)state;
    static const char *const seen[][3] = {
        {"\"true\"", "\"AWS Internal\"", "\"console\""},
        {"\"true\"", "\"Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0\"", "\"console\""},
        {"\"true\"", "\"Boto3/1.28.0\"", "\"console\""},
        {"\"true\"", "null", "\"console\""},
        {"true", "\"AWS Internal\"", "\"console\""},
        {"\"true\"", "\"aws-cli/2.17.32 md/awscrt#0.20.11\"", "\"cloudshell\""},
        {"\"true\"", "\"python-requests/2.31.0\"", "\"attack-tool\""}, /* the more telling of the two */
        {"\"false\"", "\"AWS Internal\"", "\"service\""},
        {NULL, "\"AWS Internal\"", "\"service\""},
        {NULL, "\"Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0\"", "\"browser\""},
    };
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++)
        HOLDS(row_of(RECORD("sessionCredentialFromConsole", seen[i][0], "userAgent", seen[i][1])), "agent.class",
              seen[i][2]);
}

static void flags_say_what_a_reader_must_know_of_the_record(void **state)
{
    (void)state;
    static const char *const why[][3] = {
        {"requestParameters", "{\"omitted\":true,\"reason\":\"x\"}", "[\"omitted\"]"},
        {"userIdentity.userName", "\"\\u0430lice\"", "[\"non-ascii-identity\"]"},
        {"userAgent", "\"a\\u202eb\"", "[\"hidden-text\"]"},
        {"addendum", "{\"reason\":\"UPDATED_DATA\"}", "[\"addendum\"]"},
        {"eventSource", "\"sso-directory.amazonaws.com\"", "[\"other-event-source\"]"},
        {"eventID", NULL, "[\"no-event-id\"]"},
        {"eventTime", "\"soon\"", "[\"no-time\"]"},
        {"responseElements.accessKey.secretAccessKey", "\"wJalrSECRET\"", "[\"redacted\"]"},
    };
    for (size_t i = 0; i < sizeof why / sizeof *why; i++)
        HOLDS(row_of(RECORD(why[i][0], why[i][1])), "flags", why[i][2]);
    kt_buf_reset(&text);
    kt_buf_adds(&text, "{\"\\u0065ventName\":\"CreateUser\",\"eventName\":\"CreateAccessKey\",\"eventID\":\"e-1\","
                       "\"eventTime\":\"2026-05-01T10:00:00Z\",\"awsRegion\":\"x\",\"userAgent\":\"\xff\"}\n");
    FEED("-o", "jsonl", "-");
    assert_says(out, "\"repaired\"");
    assert_says(out, "\"duplicate-keys\"");
}

static void a_secret_reaches_no_output(void **state)
{
    (void)state;
    static const char *const as[] = {"jsonl", "csv", "table"};
    add(RECORD("responseElements.accessKey.secretAccessKey", "\"wJalrSECRET\"", "additionalEventData.list",
               "[{\"SecretAccessKey\":\"wJalrSECRET\"},{\"password\":\"wJalrSECRET\"}]"));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(FEED("-o", as[i], "-"), 0);
        assert_null(strstr(kt_buf_str(&out), "wJalr"));
        assert_int_equal(FEED("-o", i ? as[i] : "csv", "--columns", "responseElements,additionalEventData", "-"), 0);
        assert_null(strstr(kt_buf_str(&out), "wJalr"));
        assert_says(out, "***");
    }
}

static void a_malformed_record_is_a_line_too(void **state)
{
    (void)state;
    kt_buf_adds(&text, "{\"Records\":[{\"eventName\":\"CreateAccessKey\",}]}");
    assert_int_equal(FEED("-o", "jsonl", "-F", "actor:alice", "--rule", SEED, "--since", "1h", "-"), 1);
    assert_string_equal(kt_buf_str(&out),
                        "{\"kind\":\"malformed\",\"origin\":{\"source\":\"-\",\"record\":1},\"reason\":\"not valid JSON\","
                        "\"bytes\":32,\"sha256\":"
                        "\"76a0f805a49a30090b7d6ef1296aaf74bed6307773651d936a8f70552344cccc\"}\n");
    assert_string_equal(kt_buf_str(&err), "keytop: -, record 1 (byte 12): not valid JSON\n");
}

/* --- the seed's table -------------------------------------------------------------- */

static void the_seeds_table_is_the_rows_that_its_search_would_find(void **state)
{
    (void)state;
    add(RECORD("sourceIPAddress", "\"203.0.113.9\"", "userAgent", "\"a, \\\"b\\\"\"",
               "responseElements.accessKey.createDate", "\"Jul 30, 2024 9:53:13 PM\"", "eventID", "\"e-1\""));
    add(RECORD("eventID", "\"e-2\"", "userIdentity.type", "\"Root\""));
    add(RECORD("eventID", "\"e-3\"", "userIdentity.type", ROLE));
    add(RECORD("eventID", "\"e-4\"", "userIdentity.type", NULL));
    add(RECORD("eventID", "\"e-5\"", "eventName", "\"CreateUser\""));
    add(RECORD("eventID", "\"e-6\"", "errorCode", "\"AccessDenied\"", "responseElements", "null", "requestParameters",
               "null", "sourceIPAddress", "\"192.0.2.1\"", "userAgent", "\"x\""));
    add(RECORD("eventID", "\"e-7\"", "eventSource", "\"other.amazonaws.com\"", "sourceIPAddress", "\"2001:db8::1\"",
               "userAgent", NULL, "userIdentity.userName", NULL, "responseElements.accessKey.createDate",
               "\"Feb 22, 2026, 4:11:47 PM\""));
    add(RECORD("eventID", "\"e-8\"", "errorCode", "\"LimitExceededException\"", "responseElements", "null",
               "sourceIPAddress", "null", "userAgent", "\"y\""));
    assert_int_equal(FEED("--rule", SEED, "-o", "csv", "-"), 0);
    assert_string_equal(
        kt_buf_str(&out),
        "sourceIPAddress,userName,userIdentity.type,userAgent,action,status,responseElements.accessKey.createDate,"
        "responseElements.accessKey.status,responseElements.accessKey.accessKeyId\n"
        "203.0.113.9,alice,IAMUser,\"a, \"\"b\"\"\",created,success,\"Jul 30, 2024 9:53:13 PM\",Active,"
        "AKIAEXAMPLEEXAMPLE99\n"
        "192.0.2.1,alice,IAMUser,x,created,failure,,,\n"
        "2001:db8::1,,IAMUser,,created,success,\"Feb 22, 2026, 4:11:47 PM\",Active,AKIAEXAMPLEEXAMPLE99\n"
        ",alice,IAMUser,y,created,failure,,,\n");
    assert_int_equal(err.len, 0);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    kt_buf_init(&out, RUN_OUT_MAX);
    kt_buf_init(&err, RUN_OUT_MAX);
    kt_buf_init(&text, RUN_OUT_MAX);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_source_is_a_file_a_folder_searched_recursively_or_standard_input),
        TEST(file_PATH_is_for_names_that_look_like_a_scheme),
        TEST(with_no_SOURCE_a_few_lines_say_what_to_type_and_exit_2),
        TEST(every_envelope_in_which_records_come_is_read),
        TEST(the_same_event_is_shown_once_and_one_that_contradicts_it_is_marked),
        TEST(table_is_the_default_elsewhere_and_once_ends),
        TEST(long_names_in_a_table_lose_their_middle_and_keys_times_and_addresses_nothing),
        TEST(filter_shows_only_what_matches),
        TEST(since_and_until_are_by_eventTime),
        TEST(rule_takes_only_what_matches_by_file_name_or_id),
        TEST(columns_are_names_or_dotted_paths),
        TEST(color_always_colours_and_NO_COLOR_is_honoured),
        TEST(exit_1_names_each_thing_that_was_not_read_with_its_place),
        TEST(exit_2_says_what_to_do),
        TEST(one_object_a_line_with_its_keys_in_order),
        TEST(all_text_is_ASCII_and_DEL_is_escaped_too),
        TEST(absent_facts_are_null_and_odd_ones_never_guessed),
        TEST(result_is_created_denied_or_failed),
        TEST(actor_type_is_userIdentity_type_as_it_stands),
        TEST(actor_name_is_the_user_the_roles_own_name_root_or_the_service),
        TEST(actor_mfa_is_of_the_session_and_null_where_there_is_none),
        TEST(actor_via_is_invokedBy_or_the_service_named_as_source_address),
        TEST(target_is_from_the_response_else_the_request_else_the_caller),
        TEST(a_denied_call_shows_its_target_from_the_error),
        TEST(null_parameters_prove_nothing_for_a_denied_call_or_a_role),
        TEST(self_is_the_same_account_and_exactly_equal_names),
        TEST(key_created_is_read_from_any_of_its_spellings),
        TEST(source_kind_is_ip_service_internal_or_unknown),
        TEST(agent_class_is_read_from_real_agents),
        TEST(console_is_decided_by_sessionCredentialFromConsole),
        TEST(flags_say_what_a_reader_must_know_of_the_record),
        TEST(a_secret_reaches_no_output),
        TEST(a_malformed_record_is_a_line_too),
        TEST(the_seeds_table_is_the_rows_that_its_search_would_find),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    kt_buf_free(&out);
    kt_buf_free(&err);
    kt_buf_free(&text);
    return failed;
}
