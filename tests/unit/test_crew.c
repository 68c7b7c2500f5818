/* A crew tells what one thread alone would: the same finds, the same words, in
 * the same order. */
#include "ingest_kit.h"

#include "ingest/crew.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <unistd.h>

enum { DOCS = 60 };

struct doc {
    char *p;
    size_t n;
};

static unsigned draw(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 16;
}

/* A trail file: some records of interest, some with damage, some cut. */
static void plain_doc(struct kt_buf *b, unsigned *seed)
{
    unsigned n = draw(seed) % 400;
    kt_buf_adds(b, "{\"Records\":[");
    for (unsigned i = 0; i < n; i++) {
        const char *name = draw(seed) % 7 ? "ListUsers" : "CreateAccessKey";
        kt_buf_addf(b, "%s{\"eventVersion\":\"1.08\",\"eventName\":\"%s\",\"eventID\":\"e%u\",\"pad\":\"%0*d\"}",
                    i ? "," : "", name, draw(seed), (int)(draw(seed) % 900), 0);
        if (draw(seed) % 97 == 0)
            kt_buf_adds(b, ",{\"eventName\":\"CreateAccessKey\",\"x\":tru}");
    }
    if (draw(seed) % 9)
        kt_buf_adds(b, "]}");
}

static struct doc doc_of(const struct kt_buf *b)
{
    struct doc d = {malloc(b->len + 1), b->len};
    assert_non_null(d.p);
    memcpy(d.p, b->p, b->len);
    return d;
}

/* gzip: one member or two, whole, cut, damaged or padded. */
static void pack(const struct doc *d, struct kt_buf *b, unsigned *seed)
{
    size_t half = draw(seed) % 2 ? d->n / 2 : 0;
    kt_buf_reset(b);
    if (half)
        assert_true(kit_gzip(b, d->p, half));
    assert_true(kit_gzip(b, d->p + half, d->n - half));
    if (draw(seed) % 5 == 0)
        kt_buf_add(b, "\0\0\0\0", 4);
    if (draw(seed) % 7 == 0)
        b->len -= draw(seed) % (b->len / 2);
    else if (draw(seed) % 7 == 0)
        b->p[b->len / 2] ^= 0x10;
}

static void make_docs(struct doc *d, unsigned seed)
{
    struct kt_buf b;
    kt_buf_init(&b, 4 << 20);
    for (size_t i = 0; i < DOCS; i++) {
        kt_buf_reset(&b);
        plain_doc(&b, &seed);
        d[i] = doc_of(&b);
        if (draw(&seed) % 3) {
            pack(&d[i], &b, &seed);
            free(d[i].p);
            d[i] = doc_of(&b);
        }
    }
    kt_buf_free(&b);
}

static void free_docs(struct doc *d)
{
    for (size_t i = 0; i < DOCS; i++)
        free(d[i].p);
}

static void alone(const struct doc *d, struct kt_buf *log)
{
    kt_buf_init(log, LOG_MAX);
    for (size_t i = 0; i < DOCS; i++) {
        struct seen s;
        kit_feed(&s, d[i].p, d[i].n, 0);
        kt_buf_add(log, s.log.p, s.log.len);
        seen_free(&s);
    }
}

/* --- a crew's receiver ------------------------------------------------------------ */

static void on_ended(void *ctx, enum kt_ingest_end end, const struct kt_err *why, const struct kt_ingest_stats *st)
{
    struct seen *s = ctx;
    kt_buf_addf(&s->log, "end %d: %s; %llu in, %llu bytes, %llu records, %llu picked, %llu malformed\n", (int)end,
                why->text, (unsigned long long)st->bytes_in, (unsigned long long)st->bytes,
                (unsigned long long)st->records, (unsigned long long)st->picked, (unsigned long long)st->malformed);
    s->end = end;
}

static struct kt_crew *crew(size_t workers)
{
    const struct kt_crew_sink sink = {.record = seen_record, .malformed = seen_malformed, .ended = on_ended};
    struct kt_crew *c = kt_crew_new(kit_names, 1, &sink, workers);
    assert_non_null(c);
    return c;
}

static void feed(struct kt_stream *s, const struct doc *d, unsigned *seed)
{
    for (size_t at = 0; at < d->n;) {
        size_t k = draw(seed) % 5000 + 1;
        k = k < d->n - at ? k : d->n - at;
        assert_true(kt_crew_feed(s, d->p + at, k));
        at += k;
    }
}

static void a_crew_tells_what_one_thread_would(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 6; seed++) {
        struct doc d[DOCS];
        struct kt_buf want;
        struct seen got;
        unsigned random = seed;
        make_docs(d, seed);
        alone(d, &want);
        seen_init(&got);
        struct kt_crew *c = crew(seed % 4 + 1);
        for (size_t i = 0; i < DOCS; i++) {
            struct kt_stream *s = kt_crew_open(c, &got, 0, 0);
            assert_non_null(s);
            feed(s, &d[i], &random);
            kt_crew_end(s);
            if (draw(&random) % 4 == 0)
                assert_true(kt_crew_tell(c));
        }
        assert_true(kt_crew_settle(c));
        assert_false(kt_crew_busy(c));
        assert_string_equal(kt_buf_str(&got.log), kt_buf_str(&want));
        assert_true(got.records > 100 && got.malformed > 10);
        kt_crew_free(c);
        seen_free(&got);
        kt_buf_free(&want);
        free_docs(d);
    }
}

/* --- files ------------------------------------------------------------------------- */

enum large { LINES, DAMAGED, CUT, PRETTY, ONE_DOCUMENT, DOCUMENT_BETWEEN, OPEN_STRING, SHAPES };

static void add_record(struct kt_buf *b, unsigned *seed, const char *after)
{
    const char *name = draw(seed) % 7 ? "ListUsers" : "CreateAccessKey";
    kt_buf_addf(b, "{\"eventVersion\":\"1.08\",\"eventName\":\"%s\",\"eventID\":\"e%u\",\"pad\":\"%0*d\"}%s", name,
                draw(seed), (int)(draw(seed) % 900), 0, after);
}

/* Some megabytes, so that there are parts. */
static void large_file(struct kt_buf *b, enum large how, unsigned seed)
{
    if (how == ONE_DOCUMENT)
        kt_buf_adds(b, "{\"Records\":[\n");
    for (unsigned i = 0; b->len < 3500000; i++) {
        if (how == PRETTY)
            kt_buf_addf(b, "{\n  \"eventVersion\": \"1.08\",\n  \"eventName\": \"%s\",\n  \"list\": [\n{\n}\n  ]\n}\n",
                        draw(&seed) % 7 ? "ListUsers" : "CreateAccessKey");
        else
            add_record(b, &seed, how == ONE_DOCUMENT ? ",\n" : "\n");
        if (how == DAMAGED && draw(&seed) % 300 == 0)
            kt_buf_adds(b, "{\"eventName\":\"CreateAccessKey\",\"x\":tru}\n{\"eventVersion\":\"1\n");
        if (how == OPEN_STRING && i == 2500)
            kt_buf_adds(b, "{\"eventName\":\"CreateAccessKey\n");
        if (how == DOCUMENT_BETWEEN && i == 2000) {
            kt_buf_adds(b, "{\"Records\":[\n");
            for (unsigned k = 0; k < 2000; k++)
                add_record(b, &seed, k < 1999 ? ",\n" : "]}\n");
        }
    }
    if (how == ONE_DOCUMENT)
        kt_buf_adds(b, "{\"eventVersion\":\"1\"}]}\n");
    if (how == CUT)
        b->len -= 100;
}

static int file_of(const struct kt_buf *b)
{
    char path[] = "/tmp/keytop-crew-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(unlink(path), 0);
    for (size_t at = 0; at < b->len;) {
        ssize_t n = write(fd, b->p + at, b->len - at);
        assert_true(n > 0);
        at += (size_t)n;
    }
    return fd;
}

static void a_large_file_read_in_parts_is_told_as_one(void **state)
{
    (void)state;
    for (int how = 0; how < SHAPES; how++) {
        struct kt_buf b;
        struct seen want, got;
        kt_buf_init(&b, 16 << 20);
        large_file(&b, (enum large)how, 7u + (unsigned)how);
        kit_feed(&want, b.p, b.len, 0);
        seen_init(&got);
        struct kt_crew *c = crew((size_t)how % 3 + 1);
        kt_crew_set_part(c, 0);
        assert_true(kt_crew_read(c, &got, file_of(&b), b.len));
        assert_true(kt_crew_settle(c));
        assert_false(kt_crew_busy(c));
        assert_string_equal(kt_buf_str(&got.log), kt_buf_str(&want.log));
        assert_true(got.records > 100);
        kt_crew_free(c);
        seen_free(&got);
        seen_free(&want);
        kt_buf_free(&b);
    }
}

/* All shapes of files, one after the other: as fed, byte for byte. */
static void files_are_told_as_if_they_were_fed(void **state)
{
    (void)state;
    for (unsigned seed = 11; seed <= 13; seed++) {
        struct doc d[DOCS];
        struct kt_buf want;
        struct seen got;
        make_docs(d, seed);
        alone(d, &want);
        seen_init(&got);
        struct kt_crew *c = crew(seed % 3 + 1);
        for (size_t i = 0; i < DOCS; i++) {
            struct kt_buf b = {.p = d[i].p, .len = d[i].n};
            assert_true(kt_crew_read(c, &got, file_of(&b), d[i].n));
        }
        assert_true(kt_crew_settle(c));
        assert_string_equal(kt_buf_str(&got.log), kt_buf_str(&want));
        kt_crew_free(c);
        seen_free(&got);
        kt_buf_free(&want);
        free_docs(d);
    }
}

/* What the file was when it was opened is not what is there. */
static void a_file_that_shrinks_says_so(void **state)
{
    (void)state;
    struct kt_buf b;
    struct seen got;
    kt_buf_init(&b, 1 << 20);
    unsigned seed = 3;
    for (int i = 0; i < 50; i++)
        add_record(&b, &seed, "\n");
    seen_init(&got);
    struct kt_crew *c = crew(1);
    assert_true(kt_crew_read(c, &got, file_of(&b), b.len + 100));
    assert_true(kt_crew_settle(c));
    assert_int_equal(got.end, KT_END_TRUNCATED);
    assert_non_null(strstr(kt_buf_str(&got.log), "became shorter while it was read, at byte"));
    assert_true(got.records > 0);
    kt_crew_free(c);
    seen_free(&got);
    kt_buf_free(&b);
}

/* As files that grow by turns: at each rest all that was fed is told. */
static void what_was_fed_is_told_at_rest(void **state)
{
    (void)state;
    static const char record[] = "{\"eventName\":\"CreateAccessKey\",\"eventID\":\"a\"}\n";
    struct kt_crew *c = crew(2);
    struct seen got[3];
    struct kt_stream *s[3];
    struct kt_ingest_stats st;
    for (size_t i = 0; i < 3; i++) {
        seen_init(&got[i]);
        s[i] = kt_crew_open(c, &got[i], 10, 1000);
        assert_non_null(s[i]);
    }
    for (size_t turn = 1; turn <= 50; turn++)
        for (size_t i = 0; i < 3; i++) {
            size_t half = (turn + i) % (sizeof record - 4) + 1;
            assert_true(kt_crew_feed(s[i], record, half));
            assert_false(kt_crew_at_rest(s[i], &st));
            assert_int_equal(got[i].records, turn - 1);
            assert_true(kt_crew_feed(s[i], record + half, sizeof record - 1 - half));
            assert_true(kt_crew_at_rest(s[i], &st));
            assert_int_equal(got[i].records, turn);
            assert_int_equal(st.records, turn);
        }
    for (size_t i = 0; i < 3; i++)
        kt_crew_end(s[2 - i]);
    assert_true(kt_crew_settle(c));
    for (size_t i = 0; i < 3; i++) {
        assert_non_null(strstr(kt_buf_str(&got[i].log), "record 60 at "));
        assert_int_equal(got[i].end, KT_END_WHOLE);
        seen_free(&got[i]);
    }
    kt_crew_free(c);
}

static void more_than_is_read_ahead_is_told_meanwhile(void **state)
{
    (void)state;
    struct kt_buf b;
    struct seen got;
    unsigned long long fed = 0;
    kt_buf_init(&b, 4 << 20);
    seen_init(&got);
    while (b.len < (1 << 20)) /* every record matters: much more is found than may wait */
        kt_buf_adds(&b, "{\"eventName\":\"CreateAccessKey\",\"eventID\":\"a\",\"pad\":\"....................\"}\n");
    struct kt_crew *c = crew(3);
    for (int i = 0; i < 12; i++) {
        struct kt_stream *s = kt_crew_open(c, &got, 0, 0);
        for (int k = 0; k < 8; k++, fed += b.len)
            assert_true(kt_crew_feed(s, b.p, b.len));
        kt_crew_end(s);
    }
    assert_true(kt_crew_settle(c));
    assert_true(fed > KT_CREW_AHEAD);
    assert_int_equal(got.records * strlen("{\"eventName\":\"CreateAccessKey\",\"eventID\":\"a\",\"pad\":\"....................\"}\n"),
                     fed);
    kt_crew_free(c);
    seen_free(&got);
    kt_buf_free(&b);
}

static void a_sink_that_has_enough_stops_the_crew(void **state)
{
    (void)state;
    struct doc d[DOCS];
    struct seen got;
    make_docs(d, 3);
    seen_init(&got);
    got.stop_after = 20;
    struct kt_crew *c = crew(2);
    bool go_on = true;
    for (size_t i = 0; i < DOCS && go_on; i++) {
        struct kt_stream *s = kt_crew_open(c, &got, 0, 0);
        go_on = kt_crew_feed(s, d[i].p, d[i].n);
        kt_crew_end(s);
        go_on = go_on && kt_crew_tell(c);
    }
    (void)kt_crew_settle(c);
    assert_int_equal(got.records, 20);
    assert_false(kt_crew_tell(c));
    assert_false(kt_crew_busy(c));
    kt_crew_free(c);
    seen_free(&got);
    free_docs(d);
}

static void the_eventfd_says_when_there_is_something_to_tell(void **state)
{
    (void)state;
    struct seen got;
    seen_init(&got);
    struct kt_crew *c = crew(1);
    struct pollfd p = {.fd = kt_crew_fd(c), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 0), 0);
    struct kt_stream *s = kt_crew_open(c, &got, 0, 0);
    assert_true(kt_crew_feed(s, "{\"eventName\":\"CreateAccessKey\"}\n", 32));
    kt_crew_end(s);
    while (got.records == 0 || kt_crew_busy(c)) {
        assert_int_equal(poll(&p, 1, 10000), 1);
        assert_true(kt_crew_tell(c));
    }
    assert_int_equal(got.records, 1);
    kt_crew_free(c);
    seen_free(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crew_tells_what_one_thread_would),
        cmocka_unit_test(a_large_file_read_in_parts_is_told_as_one),
        cmocka_unit_test(files_are_told_as_if_they_were_fed),
        cmocka_unit_test(a_file_that_shrinks_says_so),
        cmocka_unit_test(what_was_fed_is_told_at_rest),
        cmocka_unit_test(more_than_is_read_ahead_is_told_meanwhile),
        cmocka_unit_test(a_sink_that_has_enough_stops_the_crew),
        cmocka_unit_test(the_eventfd_says_when_there_is_something_to_tell),
    };
    return cmocka_run_group_tests_name("crew", tests, NULL, NULL);
}
