/* The event stream's messages: at any chunking, and no damage unseen. */
#include "aws/eventstream.h"
#include "base/buf.h"
#include "tests/support/fake_logs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct kt_buf sample(void)
{
    struct kt_buf b;
    kt_buf_init(&b, 1 << 20);
    fake_stream_message(&b, "event", "sessionStart", "{}");
    fake_stream_message(&b, "event", "sessionUpdate", "{\"sessionResults\":[]}");
    fake_stream_message(&b, "exception", "SessionTimeoutException", "");
    return b;
}

/* The first two of aws-c-event-stream's own vectors: no headers, no payload;
 * no headers and a payload. */
static void the_published_messages_are_read(void **state)
{
    (void)state;
    static const char empty[] = "\0\0\0\x10\0\0\0\0\x05\xc2\x48\xeb\x7d\x98\xc8\xff";
    static const char payload[] = "\0\0\0\x1d\0\0\0\0\xfd\x52\x8c\x5a{'foo':'bar'}\xc3\x65\x39\x36";
    struct kt_stream_message m;
    size_t used;
    assert_int_equal(kt_stream_read((struct kt_span){empty, 16}, &m, &used), KT_STREAM_MESSAGE);
    assert_int_equal(used, 16);
    assert_int_equal(m.payload.n, 0);
    assert_int_equal(kt_stream_read((struct kt_span){payload, 29}, &m, &used), KT_STREAM_MESSAGE);
    assert_true(kt_span_is(m.payload, "{'foo':'bar'}"));
    assert_null(m.kind.p);
}

static void a_cut_anywhere_waits_for_more(void **state)
{
    (void)state;
    struct kt_buf b = sample();
    static const char *const types[] = {"sessionStart", "sessionUpdate", "SessionTimeoutException"};
    for (size_t cut = 0; cut <= b.len; cut++) {
        char *part = malloc(cut + 1); /* so that a read beyond it is seen */
        assert_non_null(part);
        memcpy(part, b.p, cut);
        struct kt_span s = {part, cut};
        struct kt_stream_message m;
        size_t used, n = 0;
        enum kt_stream_got got;
        while ((got = kt_stream_read(s, &m, &used)) == KT_STREAM_MESSAGE) {
            assert_true(kt_span_is(m.type, types[n]));
            assert_true(kt_span_is(m.kind, n == 2 ? "exception" : "event"));
            s = (struct kt_span){s.p + used, s.n - used};
            n++;
        }
        assert_int_equal(got, KT_STREAM_MORE);
        assert_true(cut < b.len || n == 3);
        free(part);
    }
    kt_buf_free(&b);
}

static void every_bit_turned_over_is_seen(void **state)
{
    (void)state;
    struct kt_buf b;
    kt_buf_init(&b, 1 << 20);
    fake_stream_message(&b, "event", "sessionUpdate", "{\"sessionResults\":[]}");
    for (size_t bit = 0; bit < b.len * 8; bit++) {
        struct kt_stream_message m;
        size_t used;
        b.p[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_equal(kt_stream_read(kt_buf_span(&b), &m, &used), KT_STREAM_CORRUPT);
        b.p[bit / 8] ^= (char)(1 << bit % 8);
    }
    kt_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_messages_are_read),
        cmocka_unit_test(a_cut_anywhere_waits_for_more),
        cmocka_unit_test(every_bit_turned_over_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
