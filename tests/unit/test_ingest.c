#include "ingest_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define REC(id) "{\"eventVersion\":\"1.08\",\"eventName\":\"CreateAccessKey\",\"eventID\":\"" id "\"}"
#define QREC(id) "{\\\"eventVersion\\\":\\\"1.08\\\",\\\"eventName\\\":\\\"CreateAccessKey\\\",\\\"eventID\\\":\\\"" id "\\\"}"
#define OTHER "{\"eventVersion\":\"1.08\",\"eventName\":\"ListUsers\",\"eventID\":\"other\"}"

/* Feeds `text` whole and byte by byte: the same must come of it. */
static void expect(const char *text, const char *ids, size_t malformed, enum kt_ingest_end end)
{
    struct seen s, t;
    kit_feed_text(&s, text);
    kit_feed(&t, text, strlen(text), 1);
    if (strcmp(kt_buf_str(&s.ids), ids) != 0 || s.malformed != malformed || s.end != end)
        print_error("%s\n%s", text, kt_buf_str(&s.log));
    assert_string_equal(kt_buf_str(&s.ids), ids);
    assert_int_equal(s.malformed, malformed);
    assert_int_equal(s.end, end);
    assert_string_equal(kt_buf_str(&s.log), kt_buf_str(&t.log));
    seen_free(&s);
    seen_free(&t);
}

static void nothing_and_blanks_are_whole(void **state)
{
    (void)state;
    expect("", "", 0, KT_END_WHOLE);
    expect(" \r\n\t\n", "", 0, KT_END_WHOLE);
    expect("\xef\xbb\xbf", "", 0, KT_END_WHOLE);
    expect("{\"Records\":[]}", "", 0, KT_END_WHOLE);
    expect("[]", "", 0, KT_END_WHOLE);
}

static void plain_shapes_are_read(void **state)
{
    (void)state;
    expect(REC("a"), "a ", 0, KT_END_WHOLE);
    expect(REC("a") "\n" OTHER "\r\n" REC("b") "\n", "a b ", 0, KT_END_WHOLE);
    expect("\xef\xbb\xbf{\"Records\":[" REC("a") "," OTHER "," REC("b") "]}", "a b ", 0, KT_END_WHOLE);
    expect("{\"Records\" : [ " REC("a") " , " REC("b") " ] , \"x\" : 1 }", "a b ", 0, KT_END_WHOLE);
    expect("[" REC("a") "," REC("b") "]", "a b ", 0, KT_END_WHOLE);
    expect("[{\"Records\":[" REC("a") "]},{\"Records\":[" REC("b") "]}]", "a b ", 0, KT_END_WHOLE);
    expect("{\"Records\":[" REC("a") "]}\n{\"Records\":[" REC("b") "]}\n", "a b ", 0, KT_END_WHOLE);
    expect("[[" REC("a") "]]", "a ", 0, KT_END_WHOLE);
    expect("\x1e" REC("a") "\n\x1e" REC("b") "\n", "a b ", 0, KT_END_WHOLE);
}

static void wrapped_shapes_are_opened(void **state)
{
    (void)state;
    expect("{\"Events\":[{\"EventId\":\"x\",\"CloudTrailEvent\":\"" QREC("a") "\",\"EventName\":\"CreateAccessKey\"},"
           "{\"EventId\":\"y\",\"CloudTrailEvent\":\"" QREC("b") "\"}],\"NextToken\":\"t\"}", "a b ", 0, KT_END_WHOLE);
    expect("{\"version\":\"0\",\"detail-type\":\"AWS API Call via CloudTrail\",\"detail\":" REC("a") "}", "a ", 0,
           KT_END_WHOLE);
    expect("{\"events\":[{\"timestamp\":1,\"message\":\"" QREC("a") "\"}]}", "a ", 0, KT_END_WHOLE);
    expect("{\"messageType\":\"DATA_MESSAGE\",\"logEvents\":[{\"id\":\"1\",\"message\":\"" QREC("a") "\"}]}", "a ", 0,
           KT_END_WHOLE);
    expect("{\"preview\":false,\"result\":{\"_raw\":\"" QREC("a") "\",\"eventName\":\"CreateAccessKey\"}}\n"
           "{\"preview\":false,\"lastrow\":true}\n", "a ", 0, KT_END_WHOLE);
    expect("{\"preview\":false,\"results\":[{\"_raw\":\"" QREC("a") "\"},{\"_raw\":\"" QREC("b") "\"}]}", "a b ", 0,
           KT_END_WHOLE);
    expect("{\"@timestamp\":1,\"event\":{\"original\":\"" QREC("a") "\"}}", "a ", 0, KT_END_WHOLE);
    expect("{\"event.original\":\"" QREC("a") "\"}", "a ", 0, KT_END_WHOLE);
    expect("{\"took\":1,\"hits\":{\"total\":2,\"hits\":[{\"_id\":\"1\",\"_source\":{\"event\":{\"original\":\""
           QREC("a") "\"}}},{\"_id\":\"2\",\"fields\":{\"event.original\":[\"" QREC("b") "\"]}}]}}", "a b ", 0,
           KT_END_WHOLE);
    expect("{\"message\":\"" QREC("a") "\"}\n{\"message\":" REC("b") "}\n", "a b ", 0, KT_END_WHOLE);
    expect("{\"Type\":\"Notification\",\"Message\":\"{\\\"detail\\\":" QREC("a") "}\"}", "a ", 0, KT_END_WHOLE);
    expect("{\"Messages\":[{\"MessageId\":\"1\",\"Body\":\"" QREC("a") "\"}]}", "a ", 0, KT_END_WHOLE);
    expect("\"" QREC("a") "\"\n[\"" QREC("b") "\"]\n", "a b ", 0, KT_END_WHOLE);
    expect("{\"results\":[[{\"field\":\"@message\",\"value\":\"" QREC("a") "\"}]]}", "a ", 0, KT_END_WHOLE);
}

static void a_string_inside_a_string_is_opened_to_four_levels_only(void **state)
{
    (void)state;
    for (int levels = 1; levels <= 6; levels++) {
        json_t *x = json_loads(REC("a"), 0, NULL);
        for (int i = 0; i < levels; i++) {
            char *text = json_dumps(x, JSON_COMPACT);
            json_decref(x);
            x = json_pack("{s:s}", "message", text);
            free(text);
        }
        char *text = json_dumps(x, JSON_COMPACT);
        expect(text, levels <= 4 ? "a " : "", 0, KT_END_WHOLE);
        free(text);
        json_decref(x);
    }
}

static void a_control_message_is_no_record(void **state)
{
    (void)state;
    struct seen s;
    kit_feed_text(&s, "{\"messageType\":\"CONTROL_MESSAGE\",\"owner\":\"CloudwatchLogs\",\"logEvents\":[{\"id\":\"\","
                      "\"message\":\"CWL CONTROL MESSAGE: Checking health of destination.\"}]}");
    assert_int_equal(s.stats.records, 0);
    assert_int_equal(s.malformed, 0);
    assert_int_equal(s.end, KT_END_WHOLE);
    seen_free(&s);
}

static void a_record_with_an_array_called_events_is_not_hidden(void **state)
{
    (void)state;
    expect("{\"eventName\":\"CreateAccessKey\",\"events\":[{\"x\":1}],\"eventID\":\"a\"}", "a ", 0, KT_END_WHOLE);
    expect("{\"events\":[" REC("b") "],\"eventName\":\"CreateAccessKey\",\"eventID\":\"a\"}", "b a ", 0, KT_END_WHOLE);
}

static void a_name_spelled_with_escapes_is_found(void **state)
{
    (void)state;
    expect("{\"eventName\":\"\\u0043reateAccessKey\",\"eventID\":\"a\"}", "a ", 0, KT_END_WHOLE);
    expect("{\"eventName\":\"Create\\u0041ccess\\u004bey\",\"eventID\":\"a\"}", "a ", 0, KT_END_WHOLE);
    expect("{\"event\\u004eame\":\"CreateAccessKey\",\"eventID\":\"a\"}", "a ", 0, KT_END_WHOLE);
    /* inside a string: the escape doubled, and a digit of it escaped once more */
    expect("{\"message\":\"{\\\"eventName\\\":\\\"\\\\u0043reateAccessKey\\\",\\\"eventID\\\":\\\"a\\\"}\"}", "a ", 0,
           KT_END_WHOLE);
    expect("{\"message\":\"{\\\"eventName\\\":\\\"\\\\u\\u0030043reateAccessKey\\\",\\\"eventID\\\":\\\"a\\\"}\"}", "a ", 0,
           KT_END_WHOLE);
    expect("{\"message\":\"{\\\"eventName\\\":\\\"\\u005cu0043reateAccessKey\\\",\\\"eventID\\\":\\\"a\\\"}\"}", "a ", 0,
           KT_END_WHOLE);
}

static void records_that_cannot_matter_are_counted_but_not_parsed(void **state)
{
    (void)state;
    struct seen s;
    kit_feed_text(&s, "{\"Records\":[" OTHER "," OTHER "," REC("a") "," OTHER "]}");
    assert_int_equal(s.stats.records, 4);
    assert_int_equal(s.stats.picked, 1);
    assert_int_equal(s.records, 1);
    assert_non_null(strstr(kt_buf_str(&s.log), "record 3 at "));
    seen_free(&s);
}

struct kept {
    char text[300];
    uint32_t flags;
};

static bool keep_record(void *ctx, const struct kt_record *r)
{
    struct kept *k = ctx;
    k->flags = r->flags;
    snprintf(k->text, sizeof k->text, "%.*s", (int)r->bytes.n, r->bytes.p);
    return true;
}

static bool keep_nothing(void *ctx, const struct kt_malformed *m)
{
    (void)ctx;
    (void)m;
    return true;
}

static void keep_one(const char *text, struct kept *k)
{
    const struct kt_record_sink sink = {keep_record, keep_nothing, k, NULL, NULL};
    memset(k, 0, sizeof *k);
    struct kt_ingest *g = kt_ingest_new(kit_names, 1, &sink);
    assert_true(kt_ingest_feed(g, text, strlen(text)));
    assert_int_equal(kt_ingest_finish(g, NULL), KT_END_WHOLE);
    kt_ingest_free(g);
}

static void a_records_bytes_are_its_own_text_out_of_the_envelope(void **state)
{
    (void)state;
    struct kept k;
    keep_one("{\"Records\":[" OTHER ", " REC("a") " ]}", &k);
    assert_string_equal(k.text, REC("a"));
    keep_one("{\"detail\": {\"eventName\" : \"CreateAccessKey\", \"n\": 1.50 }, \"x\":[1,{\"detail\":2}]}", &k);
    assert_string_equal(k.text, "{\"eventName\" : \"CreateAccessKey\", \"n\": 1.50 }");
    keep_one("{\"Events\":[{\"CloudTrailEvent\":\"" QREC("a") "\"}]}", &k);
    assert_string_equal(k.text, REC("a"));
    keep_one("{\"det\\u0061il\":" REC("a") "}", &k);
    assert_string_equal(k.text, REC("a"));
    assert_int_equal(k.flags, 0);
}

static void repaired_and_doubled_records_are_flagged(void **state)
{
    (void)state;
    struct kept k;
    keep_one("{\"eventName\":\"CreateAccessKey\",\"userAgent\":\"x\\ud800y\xff\xc0\xaf\\udc00\\ud83d\\ude00\"}", &k);
    assert_int_equal(k.flags, KT_RECORD_REPAIRED);
    assert_string_equal(k.text, "{\"eventName\":\"CreateAccessKey\",\"userAgent\":\"x\\ufffdy\xef\xbf\xbd\xef\xbf\xbd"
                                "\xef\xbf\xbd\\ufffd\\ud83d\\ude00\"}");
    keep_one("{\"eventName\":\"ListUsers\",\"eventName\":\"CreateAccessKey\"}", &k);
    assert_int_equal(k.flags, KT_RECORD_DUPLICATE_KEYS);
    keep_one("{\"eventName\":\"CreateAccessKey\",\"n\":123456789012345678901234567890}", &k);
    assert_int_equal(k.flags, 0);
    assert_string_equal(k.text, "{\"eventName\":\"CreateAccessKey\",\"n\":123456789012345678901234567890}");
}

static void a_broken_record_inside_a_string_is_malformed(void **state)
{
    (void)state;
    expect("{\"Events\":[{\"CloudTrailEvent\":\"{\\\"eventName\\\":\\\"CreateAccessKey\\\",\"},{\"CloudTrailEvent\":\""
           QREC("b") "\"}]}", "b ", 1, KT_END_WHOLE);
    expect("{\"message\":\"CreateAccessKey was called\"}", "", 0, KT_END_WHOLE);
}

static void other_documents_are_not_malformed(void **state)
{
    (void)state;
    expect("{\"awsAccountId\":\"1\",\"digestS3Bucket\":\"b\",\"logFiles\":[{\"s3Object\":\"CreateAccessKey\"}]}", "", 0,
           KT_END_WHOLE);
    expect("{\"Events\":[],\"NextToken\":\"CreateAccessKey\"}", "", 0, KT_END_WHOLE);
    expect("{\"ResponseMetadata\":{\"RetryAttempts\":0}}", "", 0, KT_END_WHOLE);
}

static void what_is_no_object_is_malformed_once(void **state)
{
    (void)state;
    expect("{\"Records\":[" REC("a") ",null," REC("b") ",17,\"text\"," REC("c") "]}", "a b c ", 2, KT_END_WHOLE);
    expect(REC("a") "\nnull\n17\n" REC("b") "\n", "a b ", 1, KT_END_WHOLE);
    expect("this is no JSON\nat all\n", "", 1, KT_END_WHOLE);
    expect("2023-07-10 INFO sent " REC("a") " to the queue\n", "a ", 2, KT_END_WHOLE);
}

static void a_cut_says_where(void **state)
{
    (void)state;
    struct seen s;
    const char *text = "{\"Records\":[" REC("a") "," REC("b");
    for (size_t n = 1; n <= strlen(text); n++) {
        kit_feed(&s, text, n, 0);
        size_t whole = (n >= 12 + strlen(REC("a"))) + (n == strlen(text));
        assert_int_equal(s.records, whole);
        assert_int_equal(s.malformed, 0);
        assert_int_equal(s.end, KT_END_TRUNCATED);
        assert_non_null(strstr(s.why.text, "the text ends"));
        assert_int_equal(s.why.code, KT_EFORMAT);
        seen_free(&s);
    }
    kit_feed_text(&s, REC("a") "\n{\"eventName\":\"CreateAccessKey\",");
    assert_string_equal(s.why.text, "the text ends inside a record that begins at byte 68 (31 bytes of it are there, and "
                                    "they name an event of interest); 1 record before it was read");
    seen_free(&s);
    expect(REC("a") "\n" REC("b"), "a b ", 0, KT_END_WHOLE);
}

static void utf16_gets_one_clear_error(void **state)
{
    (void)state;
    static const char *const marks[] = {"\xff\xfe{\0\"\0", "\xfe\xff\0{\0\""};
    for (int i = 0; i < 2; i++) {
        for (size_t chunk = 0; chunk < 3; chunk++) {
            struct seen s;
            kit_feed(&s, marks[i], 6, chunk);
            assert_int_equal(s.end, KT_END_CORRUPT);
            assert_non_null(strstr(s.why.text, "UTF-16"));
            assert_int_equal(s.malformed, 0);
            seen_free(&s);
        }
    }
}

static void binary_noise_is_one_malformed_stretch(void **state)
{
    (void)state;
    static char noise[300000];
    unsigned x = 1;
    for (size_t i = 0; i < sizeof noise; i++) {
        x = x * 1664525u + 1013904223u;
        noise[i] = (char)(x >> 24);
    }
    noise[0] = 'x'; /* not the mark of a compressed file */
    struct seen s;
    kit_feed(&s, noise, sizeof noise, 0);
    assert_int_equal(s.malformed, 1);
    assert_int_equal(s.last.size, sizeof noise);
    assert_int_equal(s.end, KT_END_WHOLE);
    uint8_t sha[KT_SHA256];
    kt_sha256(noise, sizeof noise, sha);
    assert_memory_equal(sha, s.last.sha256, sizeof sha);
    seen_free(&s);
}

static void a_stream_goes_on_counting_and_rests_between_lines(void **state)
{
    (void)state;
    struct seen s;
    struct kt_ingest *g = kit_new(&s);
    kt_ingest_continue(g, 10, 5000);
    assert_true(kt_ingest_at_rest(g));
    assert_true(kt_ingest_feed(g, REC("a") "\n{\"ev", strlen(REC("a")) + 5));
    assert_false(kt_ingest_at_rest(g));
    assert_true(kt_ingest_feed(g, "entName\":1}\n", 12));
    assert_true(kt_ingest_at_rest(g));
    assert_true(kt_ingest_feed(g, REC("b") "\n", strlen(REC("b")) + 1));
    assert_true(kt_ingest_feed(g, "{\"eventName\":\"CreateAccessKey\",}\n", 33));
    assert_int_equal(s.malformed, 1); /* told at the end of its line */
    assert_true(kt_ingest_at_rest(g));
    assert_non_null(strstr(kt_buf_str(&s.log), "record 11 at 5000 "));
    assert_non_null(strstr(kt_buf_str(&s.log), "record 13 at 5084 "));
    kt_ingest_reset(g);
    assert_true(kt_ingest_feed(g, "{\"Records\":[", 12));
    assert_false(kt_ingest_at_rest(g));
    assert_int_equal(kt_ingest_finish(g, NULL), KT_END_TRUNCATED);
    kt_ingest_reset(g);
    assert_true(kt_ingest_feed(g, REC("c"), strlen(REC("c"))));
    assert_non_null(strstr(kt_buf_str(&s.log), "record 1 at 0 "));
    assert_int_equal(kt_ingest_finish(g, NULL), KT_END_WHOLE);
    kt_ingest_free(g);
    seen_free(&s);
}

static void the_receiver_can_stop_the_stream(void **state)
{
    (void)state;
    struct seen s;
    struct kt_ingest *g = kit_new(&s);
    s.stop_after = 2;
    const char *text = REC("a") REC("b") REC("c");
    assert_false(kt_ingest_feed(g, text, strlen(text)));
    assert_false(kt_ingest_feed(g, text, strlen(text)));
    kit_finish(g, &s);
    assert_int_equal(s.end, KT_END_STOPPED);
    assert_int_equal(s.records, 2);
    kt_ingest_free(g);
    seen_free(&s);
}

static void the_same_comes_of_every_chunking(void **state)
{
    (void)state;
    for (int how = 0; how < SHAPE_COUNT; how++) {
        struct kt_buf b;
        struct seen s, t;
        kit_trail(&b, (enum shape)how, 300, "CreateAccessKey");
        kit_feed(&s, b.p, b.len, 0);
        assert_int_equal(s.records, 300);
        assert_int_equal(s.malformed, 0);
        assert_int_equal(s.end, KT_END_WHOLE);
        for (unsigned seed = 0; seed < 20; seed++) {
            if (seed)
                kit_feed_random(&t, b.p, b.len, seed, seed * seed * 40);
            else
                kit_feed(&t, b.p, b.len, 1);
            assert_string_equal(kt_buf_str(&s.log), kt_buf_str(&t.log));
            seen_free(&t);
        }
        seen_free(&s);
        kt_buf_free(&b);
    }
}

static void a_record_larger_than_the_limit_spares_its_neighbours(void **state)
{
    (void)state;
    struct kt_buf b;
    kt_buf_init(&b, LOG_MAX);
    kt_buf_adds(&b, "{\"Records\":[" REC("a") ",{\"eventVersion\":\"1\",\"eventName\":\"CreateAccessKey\",\"x\":{\"y\":\"");
    for (size_t i = 0; i < 3; i++) {
        kt_buf_reserve(&b, 3 << 20);
        memset(b.p + b.len, 'y', 3 << 20);
        b.len += 3 << 20;
    }
    size_t large = b.len;
    kt_buf_adds(&b, "\"}}," REC("b") "]}");
    struct seen s, t;
    kit_feed(&s, b.p, b.len, 0);
    assert_string_equal(kt_buf_str(&s.ids), "a b ");
    assert_int_equal(s.malformed, 1);
    assert_string_equal(s.reason, "record larger than 8 MiB");
    assert_int_equal(s.last.size, large + 3 - 12 - strlen(REC("a")) - 1);
    assert_true(s.last.names_event);
    assert_int_equal(s.end, KT_END_WHOLE);
    kit_feed_random(&t, b.p, b.len, 7, 100000);
    assert_string_equal(kt_buf_str(&s.log), kt_buf_str(&t.log));
    seen_free(&s);
    seen_free(&t);
    kt_buf_free(&b);
}

/* Fed whole and in random pieces, the same must come of a long text. */
static void expect_long(const struct kt_buf *b, const char *ids, size_t malformed)
{
    struct seen s, t;
    kit_feed(&s, b->p, b->len, 0);
    assert_string_equal(kt_buf_str(&s.ids), ids);
    assert_int_equal(s.malformed, malformed);
    for (unsigned seed = 1; seed <= 3; seed++) {
        kit_feed_random(&t, b->p, b->len, seed, 30000 * seed);
        assert_string_equal(kt_buf_str(&s.log), kt_buf_str(&t.log));
        seen_free(&t);
    }
    seen_free(&s);
}

static void add_many(struct kt_buf *b, char c, size_t n)
{
    assert_true(kt_buf_reserve(b, n));
    memset(b->p + b->len, c, n);
    b->len += n;
}

/* The text behind an array of records is no record; one that begins there
 * stands where none can, and is found wherever the bytes are cut. */
static void a_record_behind_the_end_of_its_array_is_found(void **state)
{
    (void)state;
    expect("{\"Records\":[]" REC("a") "}", "a ", 1, KT_END_WHOLE);
    expect("{\"Records\":[ ]  " REC("a") "\n]}", "a ", 1, KT_END_WHOLE);
    expect("{\"Records\":[" REC("a") "], " REC("b") "]}", "a b ", 1, KT_END_WHOLE);
    expect("{\"Records\":[" REC("a") "] x " REC("b") "]}", "a b ", 2, KT_END_WHOLE);
    /* flawed itself, and its brackets do not match: one stretch, with the blanks before it left out */
    expect("{\"Records\":[ ]  {\"eventVersion\":\"1.08\",\"eventName\"\xc3: \"CreateAccessKey\",\"r\":[ \xee {\"a\":1}]},"
           REC("b") "]}", "b ", 2, KT_END_WHOLE);
    /* its key does not speak of a record: it is none even once all of its key has come */
    expect("{\"Records\":[]{\"abc\":[ }, " REC("b") "]}", "b ", 2, KT_END_WHOLE);
}

/* What flawed a record was seen behind the start of the next one: that start
 * counts first, then the bracket out of place behind it. */
static void a_flawed_record_ends_at_the_next_start_before_anything_behind_it_counts(void **state)
{
    (void)state;
    expect("[{\"eventVersion\":\"1\",\"x\":x\x01[" REC("a") ",1{]," REC("b") "]", "a b ", 2, KT_END_WHOLE);
    expect("{\"Records\":[" REC("a") "],\"x\":\x02[" REC("b") ",1{]}", "a b ", 2, KT_END_WHOLE);
    expect("{\"Records\":[" REC("a") "]\x02," REC("b") "}}", "a b ", 2, KT_END_WHOLE);
}

static void a_record_larger_than_the_limit_may_be_broken_too(void **state)
{
    (void)state;
    struct kt_buf b;
    kt_buf_init(&b, LOG_MAX);
    /* the next record's start ends it, as it ends any damaged one */
    kt_buf_adds(&b, "[{\"eventVersion\":\"1\",\"x\":[\"");
    add_many(&b, 'y', KT_RECORD_MAX);
    kt_buf_adds(&b, "\",1," REC("a") ",2,\"");
    add_many(&b, 'z', 1000);
    kt_buf_adds(&b, "\"}," REC("b") "]");
    expect_long(&b, "a b ", 2);
    /* brackets that do not match; then the end of the text inside it */
    kt_buf_reset(&b);
    kt_buf_adds(&b, "[{\"eventVersion\":\"1\",\"x\":[\"");
    add_many(&b, 'y', KT_RECORD_MAX);
    kt_buf_adds(&b, "\",1,2}," REC("b") "]");
    expect_long(&b, "b ", 1);
    kt_buf_reset(&b);
    kt_buf_adds(&b, REC("a") "\n{\"eventVersion\":\"1\",\"x\":[\"");
    size_t from = strlen(REC("a")) + 1;
    add_many(&b, 'y', KT_RECORD_MAX + 70000);
    expect_long(&b, "a ", 1);
    struct seen s;
    kit_feed(&s, b.p, b.len, 5000);
    char what[120];
    snprintf(what, sizeof what, "begins at byte %zu (%zu bytes of it are there)", from, b.len - from);
    assert_non_null(strstr(s.why.text, what));
    seen_free(&s);
    /* more white space before a bracket than is looked back at */
    kt_buf_reset(&b);
    kt_buf_adds(&b, "[{\"eventVersion\":\"1\",\"x\":[\"");
    add_many(&b, 'y', KT_RECORD_MAX);
    kt_buf_adds(&b, "\"");
    add_many(&b, ' ', 200);
    kt_buf_adds(&b, "{\"w\":1}]}," REC("b") "]");
    expect_long(&b, "b ", 1);
    kt_buf_free(&b);
}

/* A record that seems to hold another one waits for the byte behind it; no
 * amount of white space there may fill the memory or end the stream. */
static void white_space_behind_a_record_is_waited_out_within_bounds(void **state)
{
    (void)state;
    struct kt_buf b;
    kt_buf_init(&b, LOG_MAX);
    for (int i = 0; i < 2; i++) {
        kt_buf_reset(&b);
        kt_buf_adds(&b, "[" REC("a") ",{\"eventVersion\":\"1\",\"eventID\":\"o\",\"eventName\":\"CreateAccessKey\",\"x\":[" REC("i")
                        "],\"y\":\"");
        add_many(&b, 'y', KT_RECORD_MAX - b.len);
        kt_buf_adds(&b, "\"}");
        add_many(&b, ' ', i ? 10 << 20 : 100 << 10);
        kt_buf_adds(&b, "," REC("b") "]");
        expect_long(&b, i ? "a i b " : "a o b ", i ? 3 : 0); /* the inner one's ] takes the place of the last */
    }
    kt_buf_free(&b);
}

/* Once the limit for reading again is reached, too, and just as soon. */
static void the_limit_of_rescans_does_not_depend_on_the_chunking(void **state)
{
    (void)state;
    struct kt_buf b;
    kt_buf_init(&b, LOG_MAX);
    while (b.len < 256 << 10)
        kt_buf_adds(&b, "{\"eventVersion\":[\r ");
    struct seen s, t;
    kit_feed(&s, b.p, b.len, 0);
    assert_in_range(s.malformed, 100, 101);
    assert_true(s.last.size > 200 << 10); /* those behind a hundred are told as one */
    for (unsigned seed = 1; seed <= 3; seed++) {
        kit_feed_random(&t, b.p, b.len, seed, 30 * seed * seed * seed * seed);
        assert_string_equal(kt_buf_str(&s.log), kt_buf_str(&t.log));
        seen_free(&t);
    }
    seen_free(&s);
    kt_buf_free(&b);
}

static void a_long_file_of_one_line_needs_the_memory_of_one_record(void **state)
{
    (void)state;
    struct kt_buf b;
    struct seen s;
    kit_trail(&b, SHAPE_ONE_LINE, 1000, "ListUsers");
    struct kt_ingest *g = kit_new(&s);
    size_t head = 12, body = b.len - 12 - 2;
    assert_true(kt_ingest_feed(g, b.p, head));
    for (int i = 0; i < 200; i++) { /* 170 MB: more than the window may ever hold */
        assert_true(kt_ingest_feed(g, b.p + head, body));
        assert_true(kt_ingest_feed(g, ",", 1));
    }
    assert_true(kt_ingest_feed(g, "]}", 2));
    kit_finish(g, &s);
    assert_int_equal(s.stats.records, 200000);
    assert_int_equal(s.end, KT_END_WHOLE);
    kt_ingest_free(g);
    seen_free(&s);
    kt_buf_free(&b);
}

static void hostile_nesting_takes_linear_time(void **state)
{
    (void)state;
    struct kt_buf b;
    struct seen s;
    kt_buf_init(&b, LOG_MAX);
    while (b.len < 6 << 20) /* each a start of a record that never ends */
        kt_buf_adds(&b, "{\"eventVersion\":[");
    kit_feed(&s, b.p, b.len, 0);
    assert_int_equal(s.records, 0);
    assert_in_range(s.malformed, 1, 101);
    seen_free(&s);
    kt_buf_reset(&b);
    while (b.len < 6 << 20)
        kt_buf_adds(&b, REC("x") "{\"eventVersion\":[" REC("y") ",");
    kit_feed(&s, b.p, b.len, 0);
    assert_true(s.records > 0);
    seen_free(&s);
    kt_buf_free(&b);
}

static long allocations_left;
static void *scarce_malloc(size_t n)
{
    return allocations_left-- > 0 ? malloc(n) : NULL;
}

/* The parser's allocations fail from the n-th on: nothing is lost in silence. */
static void no_allocation_of_the_parser_fails_unnoticed(void **state)
{
    (void)state;
    static const char text[] = REC("a") "\n{\"detail\":" REC("b") "}\n{\"Events\":[{\"CloudTrailEvent\":\"" QREC("c")
        "\"}]}\n{\"det\\u0061il\":" REC("d") "}\n{\"eventName\":\"CreateAccessKey\",\"eventID\":\"\xff\",\"eventName\":"
        "\"CreateAccessKey\",\"n\":123456789012345678901234567890,\"l\":[1,2,3,{\"x\":[]}]}\n";
    size_t stopped = 0;
    for (long n = 0;; n++) {
        struct seen s;
        allocations_left = n;
        json_set_alloc_funcs(scarce_malloc, free);
        kit_feed_text(&s, text);
        json_set_alloc_funcs(malloc, free);
        bool all = s.records == 5 && s.end == KT_END_WHOLE;
        bool told = s.end == KT_END_STOPPED && s.why.code == KT_ENOMEM;
        if ((!all && !told) || s.malformed)
            print_error("allocation %ld\n%s", n, kt_buf_str(&s.log));
        assert_true(all || told);
        assert_int_equal(s.malformed, 0);
        seen_free(&s);
        stopped += told;
        if (allocations_left > 0)
            break;
    }
    assert_true(stopped > 50);
}

/* Which of these lines are handed on, as digits. */
static void picked_exactly(const char *const *names, size_t n_names, char *out)
{
    static const char *const line[] = {
        "{\"eventName\":\"CreateAccessKey\",\"eventID\":\"0\"}",
        "{\"eventName\":\"ListUsers\",\"eventID\":\"1\",\"userAgent\":\"CreateAccessKey/1\"}",
        "{\"eventName\":\"ListUsers\",\"eventID\":\"2\",\"requestParameters\":{\"eventName\":\"CreateAccessKey\"}}",
        "{\"eventName\":\"ListUsers\",\"eventID\":\"3\",\"x\":\"{\\\"eventName\\\":\\\"CreateAccessKey\\\"}\"}",
        "{\"eventName\" : \n \"CreateAccessKey\",\"eventID\":\"4\"}",
        "{\"eventName\":\"Create\\u0041ccessKey\",\"eventID\":\"5\"}",
        "{\"\\u0065ventName\":\"CreateAccessKey\",\"eventID\":\"6\"}",
        "{\"CloudTrailEvent\":\"{\\\"eventName\\\":\\\"CreateAccessKey\\\",\\\"eventID\\\":\\\"7\\\"}\"}",
        "{\"CloudTrailEvent\":\"{\\u0022eventName\\u0022:\\u0022CreateAccessKey\\u0022,\\u0022eventID\\u0022:\\u00228\\u0022}\"}",
        "{\"eventName\":\"CreateAccessKeyFoo\",\"eventID\":\"9\"}",
        "{\"eventName\":\"DeleteUser\",\"eventID\":\"A\"}",
    };
    struct seen s;
    seen_init(&s);
    const struct kt_record_sink sink = {seen_record, seen_malformed, &s, NULL, NULL};
    struct kt_ingest *g = kt_ingest_new(names, n_names, &sink);
    assert_non_null(g);
    kt_ingest_exactly(g);
    for (size_t i = 0; i < sizeof line / sizeof *line; i++)
        assert_true(kt_ingest_feed(g, line[i], strlen(line[i])) && kt_ingest_feed(g, "\n", 1));
    kit_finish(g, &s);
    assert_int_equal(s.stats.records, sizeof line / sizeof *line);
    assert_int_equal(s.malformed, 0);
    snprintf(out, 64, "%s", kt_buf_str(&s.ids));
    seen_free(&s);
    kt_ingest_free(g);
}

static void a_name_that_is_not_the_events_own_is_not_handed_on(void **state)
{
    (void)state;
    static const char *const one[] = {"CreateAccessKey"};
    static const char *const many[] = {"CreateAccessKey", "DeleteUser", "PutUserPolicy", "AttachRolePolicy", "UploadSSHPublicKey"};
    char out[64];
    picked_exactly(one, 1, out);
    assert_string_equal(out, "0 4 5 6 7 8 ");
    picked_exactly(many, sizeof many / sizeof *many, out); /* searched for by their key */
    assert_string_equal(out, "0 4 5 6 7 8 A ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_and_blanks_are_whole),
        cmocka_unit_test(plain_shapes_are_read),
        cmocka_unit_test(wrapped_shapes_are_opened),
        cmocka_unit_test(a_string_inside_a_string_is_opened_to_four_levels_only),
        cmocka_unit_test(a_control_message_is_no_record),
        cmocka_unit_test(a_record_with_an_array_called_events_is_not_hidden),
        cmocka_unit_test(a_name_spelled_with_escapes_is_found),
        cmocka_unit_test(records_that_cannot_matter_are_counted_but_not_parsed),
        cmocka_unit_test(a_records_bytes_are_its_own_text_out_of_the_envelope),
        cmocka_unit_test(repaired_and_doubled_records_are_flagged),
        cmocka_unit_test(a_broken_record_inside_a_string_is_malformed),
        cmocka_unit_test(other_documents_are_not_malformed),
        cmocka_unit_test(what_is_no_object_is_malformed_once),
        cmocka_unit_test(a_cut_says_where),
        cmocka_unit_test(utf16_gets_one_clear_error),
        cmocka_unit_test(binary_noise_is_one_malformed_stretch),
        cmocka_unit_test(a_stream_goes_on_counting_and_rests_between_lines),
        cmocka_unit_test(the_receiver_can_stop_the_stream),
        cmocka_unit_test(the_same_comes_of_every_chunking),
        cmocka_unit_test(a_record_larger_than_the_limit_spares_its_neighbours),
        cmocka_unit_test(a_record_behind_the_end_of_its_array_is_found),
        cmocka_unit_test(a_flawed_record_ends_at_the_next_start_before_anything_behind_it_counts),
        cmocka_unit_test(a_record_larger_than_the_limit_may_be_broken_too),
        cmocka_unit_test(white_space_behind_a_record_is_waited_out_within_bounds),
        cmocka_unit_test(the_limit_of_rescans_does_not_depend_on_the_chunking),
        cmocka_unit_test(a_long_file_of_one_line_needs_the_memory_of_one_record),
        cmocka_unit_test(hostile_nesting_takes_linear_time),
        cmocka_unit_test(a_name_that_is_not_the_events_own_is_not_handed_on),
        cmocka_unit_test(no_allocation_of_the_parser_fails_unnoticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
