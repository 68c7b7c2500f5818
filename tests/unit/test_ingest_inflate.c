#include "ingest_kit.h"

#include "ingest/gunzip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum { MEMBERS = 3, EACH = 40 };

/* Three gzip members with one document over all of them, or a document each. */
struct packed {
    struct kt_buf z;
    size_t end[MEMBERS]; /* where each member ends in z */
    struct kt_buf text;
};

static void pack(struct packed *p)
{
    kt_buf_init(&p->z, LOG_MAX);
    kt_buf_init(&p->text, LOG_MAX);
    for (int m = 0; m < MEMBERS; m++) {
        size_t start = p->text.len;
        for (unsigned i = 0; i < EACH; i++) {
            kit_record(&p->text, (unsigned)m * EACH + i, "CreateAccessKey", false);
            kt_buf_addc(&p->text, '\n');
        }
        assert_true(kit_gzip(&p->z, p->text.p + start, p->text.len - start));
        p->end[m] = p->z.len;
    }
}

static void unpack(struct packed *p)
{
    kt_buf_free(&p->z);
    kt_buf_free(&p->text);
}

static void members_and_frames_are_read_one_after_the_other(void **state)
{
    (void)state;
    struct packed p;
    struct seen s, t;
    pack(&p);
    kit_feed(&s, p.z.p, p.z.len, 0);
    assert_int_equal(s.records, MEMBERS * EACH);
    assert_int_equal(s.end, KT_END_WHOLE);
    assert_int_equal(s.stats.bytes_in, p.z.len);
    assert_int_equal(s.stats.bytes, p.text.len);
    kit_feed(&t, p.z.p, p.z.len, 1);
    assert_string_equal(kt_buf_str(&s.log), kt_buf_str(&t.log));
    seen_free(&s);
    seen_free(&t);

    struct kt_buf z;
    kt_buf_init(&z, LOG_MAX);
    assert_true(kit_zstd(&z, p.text.p, 30000));
    kt_buf_add(&z, "\x50\x2a\x4d\x18\x03\0\0\0abc", 11); /* a skippable frame */
    assert_true(kit_zstd(&z, p.text.p + 30000, p.text.len - 30000));
    kit_feed(&s, z.p, z.len, 0);
    assert_int_equal(s.records, MEMBERS * EACH);
    assert_int_equal(s.end, KT_END_WHOLE);
    kit_feed(&t, z.p, z.len, 1);
    assert_string_equal(kt_buf_str(&s.log), kt_buf_str(&t.log));
    seen_free(&s);
    seen_free(&t);
    kt_buf_free(&z);
    unpack(&p);
}

static void a_cut_gzip_file_gives_every_whole_record_before_the_cut(void **state)
{
    (void)state;
    struct packed p;
    pack(&p);
    size_t least = 0;
    for (size_t cut = 1; cut < p.z.len; cut += 7) {
        struct seen s;
        kit_feed(&s, p.z.p, cut, 0);
        int member = 0;
        while (member < MEMBERS && p.end[member] <= cut)
            member++;
        bool between = member > 0 && p.end[member - 1] == cut;
        assert_int_equal(s.end, between ? KT_END_WHOLE : KT_END_TRUNCATED);
        assert_true(s.records >= (size_t)member * EACH);
        assert_true(s.records >= least); /* never fewer than of a shorter file */
        least = s.records;
        assert_int_equal(s.malformed, 0);
        if (!between) {
            char want[80];
            snprintf(want, sizeof want, "gzip member %d cut at byte %zu", member + 1, cut);
            assert_non_null(strstr(s.why.text, want));
            snprintf(want, sizeof want, "%zu record", s.records);
            assert_non_null(strstr(s.why.text, want));
        }
        seen_free(&s);
    }
    assert_true(least > 2 * EACH);
    unpack(&p);
}

static void damage_is_told_with_its_place_and_what_came_before_is_kept(void **state)
{
    (void)state;
    struct packed p;
    struct seen s, t;
    pack(&p);
    struct kt_buf z;
    kt_buf_init(&z, LOG_MAX);
    kt_buf_add(&z, p.z.p, p.z.len);
    z.p[p.end[1] - 6] ^= 1; /* the second member's checksum */
    kit_feed(&s, z.p, z.len, 0);
    assert_int_equal(s.end, KT_END_CORRUPT);
    assert_int_equal(s.records, 2 * EACH);
    assert_non_null(strstr(s.why.text, "gzip member 2 damaged at byte"));
    assert_non_null(strstr(s.why.text, "80 records before it were read"));
    kit_feed(&t, z.p, z.len, 1);
    assert_int_equal(t.records, s.records);
    assert_int_equal(t.end, s.end);
    seen_free(&s);
    seen_free(&t);

    kt_buf_reset(&z);
    kt_buf_add(&z, p.z.p, p.z.len);
    kt_buf_adds(&z, "trailing words");
    kit_feed(&s, z.p, z.len, 0);
    assert_int_equal(s.end, KT_END_CORRUPT);
    assert_int_equal(s.records, MEMBERS * EACH);
    assert_non_null(strstr(s.why.text, "gzip member 3 ends at byte"));
    assert_non_null(strstr(s.why.text, "what follows is not gzip"));
    kit_feed(&t, z.p, z.len, 1);
    assert_int_equal(t.records, s.records);
    assert_int_equal(t.end, s.end);
    assert_string_equal(t.why.text, s.why.text);
    seen_free(&s);
    seen_free(&t);

    kt_buf_reset(&z);
    kt_buf_add(&z, p.z.p, p.z.len);
    kt_buf_add(&z, "\0\0\0\0\0\0\0", 7); /* padding, as tapes leave it */
    kit_feed(&s, z.p, z.len, 0);
    assert_int_equal(s.end, KT_END_WHOLE);
    seen_free(&s);
    kt_buf_free(&z);
    unpack(&p);
}

static void a_damaged_zstd_file_is_told(void **state)
{
    (void)state;
    struct packed p;
    struct seen s;
    pack(&p);
    struct kt_buf z;
    kt_buf_init(&z, LOG_MAX);
    assert_true(kit_zstd(&z, p.text.p, p.text.len));
    for (size_t cut = 4; cut < z.len; cut += 11) {
        kit_feed(&s, z.p, cut, 0);
        assert_int_equal(s.end, KT_END_TRUNCATED);
        assert_non_null(strstr(s.why.text, "zstd frame 1 cut at byte"));
        seen_free(&s);
    }
    kt_buf_adds(&z, "trailing words");
    kit_feed(&s, z.p, z.len, 0);
    assert_int_equal(s.end, KT_END_CORRUPT);
    assert_int_equal(s.records, MEMBERS * EACH);
    assert_non_null(strstr(s.why.text, "what follows is not zstd"));
    seen_free(&s);
    kt_buf_free(&z);
    unpack(&p);
}

static void a_compressed_stream_rests_between_members_only(void **state)
{
    (void)state;
    struct packed p;
    struct seen s;
    pack(&p);
    struct kt_ingest *g = kit_new(&s);
    assert_true(kt_ingest_feed(g, p.z.p, p.end[0] - 1));
    assert_false(kt_ingest_at_rest(g));
    assert_true(kt_ingest_feed(g, p.z.p + p.end[0] - 1, 1));
    assert_true(kt_ingest_at_rest(g));
    assert_int_equal(s.records, EACH);
    /* the same reader on to a plain file */
    kt_ingest_reset(g);
    assert_true(kt_ingest_feed(g, p.text.p, p.text.len));
    assert_int_equal(kt_ingest_finish(g, NULL), KT_END_WHOLE);
    assert_int_equal(s.records, EACH + MEMBERS * EACH);
    kt_ingest_reset(g);
    assert_true(kt_ingest_feed(g, p.z.p, p.end[0]));
    assert_int_equal(kt_ingest_finish(g, NULL), KT_END_WHOLE);
    kt_ingest_free(g);
    seen_free(&s);
    unpack(&p);
}

static void a_bomb_takes_no_memory(void **state)
{
    (void)state;
    struct kt_buf z, zeros;
    struct seen s;
    kt_buf_init(&z, LOG_MAX);
    kt_buf_init(&zeros, LOG_MAX);
    assert_true(kt_buf_reserve(&zeros, 32 << 20));
    memset(zeros.p, ' ', 32 << 20);
    for (int i = 0; i < 8; i++)
        assert_true(kit_gzip(&z, zeros.p, 32 << 20));
    kit_feed(&s, z.p, z.len, 0);
    assert_int_equal(s.end, KT_END_WHOLE);
    assert_int_equal(s.stats.bytes, 256u << 20);
    seen_free(&s);
    kt_buf_free(&z);
    kt_buf_free(&zeros);
}

static void a_crc_is_that_of_zlib(void **state)
{
    (void)state;
    enum { MOST = 5000 };
    unsigned char p[MOST];
    unsigned seed = 7;
    for (size_t i = 0; i < MOST; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (unsigned char)(seed >> 24);
    }
    for (size_t n = 0; n < MOST; n = n < 700 ? n + 1 : n + 61) {
        size_t from = n % 17, k = n > MOST - from ? MOST - from : n;
        uint32_t before = (uint32_t)(n * 2654435761u);
        assert_int_equal(kt_gunzip_crc(before, p + from, k), (uint32_t)crc32(before, p + from, (uInt)k));
    }
    assert_int_equal(kt_gunzip_crc(kt_gunzip_crc(0, p, 1000), p + 1000, 3000), (uint32_t)crc32(0, p, 4000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crc_is_that_of_zlib),
        cmocka_unit_test(members_and_frames_are_read_one_after_the_other),
        cmocka_unit_test(a_cut_gzip_file_gives_every_whole_record_before_the_cut),
        cmocka_unit_test(damage_is_told_with_its_place_and_what_came_before_is_kept),
        cmocka_unit_test(a_damaged_zstd_file_is_told),
        cmocka_unit_test(a_compressed_stream_rests_between_members_only),
        cmocka_unit_test(a_bomb_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
