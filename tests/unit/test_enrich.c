/* Addresses: ranges known without a file, MMDB files of our own making, AWS's
 * list; files that are wrong, cut, flipped or exchanged while in use. */
#include "enrich/enrich.h"
#include "tests/support/mmdb.h"
#include "tests/support/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct mmdb_net nets[] = {
    {"203.0.113.0/24", "NL", 64500, "Example Hosting B.V.", false},
    {"198.51.100.77/32", "RO", 64511, NULL, false},
    {"2001:db8:5::/48", "DE", 4294967295u, "\xC3\x84hnlich AG", false},
    {"192.0.2.0/25", "US", 64502, "Example Telecom", true},
    {"192.0.2.128/25", NULL, 0, NULL, false},
    {"8.8.0.0/16", "xx", 0, "control \033[m is data", false},
};
enum { NETS = sizeof nets / sizeof *nets };

static const char ranges[] =
    "{\"syncToken\":\"1\",\"createDate\":\"2026-11-20-00-00-00\",\"prefixes\":["
    "{\"ip_prefix\":\"3.5.140.0/22\",\"region\":\"ap-northeast-2\",\"service\":\"AMAZON\",\"network_border_group\":\"x\"},"
    "{\"ip_prefix\":\"3.5.140.0/22\",\"region\":\"ap-northeast-2\",\"service\":\"S3\",\"network_border_group\":\"x\"},"
    "{\"ip_prefix\":\"3.0.0.0/8\",\"region\":\"us-east-1\",\"service\":\"AMAZON\"},"
    "{\"ip_prefix\":\"13.1.2.3/16\",\"region\":\"GLOBAL\",\"service\":\"CLOUDFRONT\"}],"
    "\"ipv6_prefixes\":[{\"ipv6_prefix\":\"2600:1f00::/24\",\"region\":\"us-east-1\",\"service\":\"EC2\"}]}";

static struct temp_dir d;
static struct kt_err e;
static struct kt_enrich *n;
static struct kt_whereabouts w;

static void put(const char *name, const char *p, size_t size)
{
    FILE *f = fopen(temp_path(&d, name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static void put_mmdb(const char *name, int record)
{
    struct kt_buf b;
    kt_buf_init(&b, 4 << 20);
    mmdb_make(&b, nets, NETS, record);
    put(name, b.p, b.len);
    kt_buf_free(&b);
}

static void opens(const char *country, const char *network, const char *aws)
{
    char paths[3][256];
    const char *names[3] = {country, network, aws}, *full[3] = {NULL, NULL, NULL};
    for (int i = 0; i < 3; i++)
        if (names[i]) {
            (void)snprintf(paths[i], sizeof paths[i], "%s", temp_path(&d, names[i]));
            full[i] = paths[i];
        }
    kt_enrich_free(n);
    if (kt_enrich_open(&n, &(struct kt_enrich_files){full[0], full[1], full[2]}, &e))
        fail_msg("%s", e.text);
}

static void looks(const char *address, const char *country, const char *network, const char *aws)
{
    char text[KT_ENRICH_TEXT];
    assert_true(kt_enrich_address(n, kt_span_of(address), &w));
    assert_string_equal(w.country, country);
    kt_whereabouts_network(&w, text);
    assert_string_equal(text, network);
    kt_whereabouts_aws(&w, text);
    assert_string_equal(text, aws);
}

static int set_up(void **state)
{
    (void)state;
    temp_dir_make(&d);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kt_enrich_free(n);
    n = NULL;
    temp_dir_remove(&d);
    return 0;
}

static void ranges_are_known_without_files(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        enum kt_range range;
    } t[] = {
        {"8.8.8.8", KT_RANGE_PUBLIC},          {"10.255.0.1", KT_RANGE_PRIVATE},     {"172.15.0.1", KT_RANGE_PUBLIC},
        {"172.31.255.255", KT_RANGE_PRIVATE},  {"172.32.0.0", KT_RANGE_PUBLIC},      {"192.168.1.1", KT_RANGE_PRIVATE},
        {"100.64.0.0", KT_RANGE_SHARED},       {"100.128.0.0", KT_RANGE_PUBLIC},     {"127.0.0.1", KT_RANGE_LOOPBACK},
        {"169.254.169.254", KT_RANGE_LINK_LOCAL}, {"192.0.2.1", KT_RANGE_DOCUMENTATION}, {"198.19.0.1", KT_RANGE_BENCHMARK},
        {"239.1.1.1", KT_RANGE_MULTICAST},     {"255.255.255.255", KT_RANGE_RESERVED}, {"0.1.2.3", KT_RANGE_RESERVED},
        {"::1", KT_RANGE_LOOPBACK},            {"::", KT_RANGE_RESERVED},            {"fd00::1", KT_RANGE_ULA},
        {"fe80::1", KT_RANGE_LINK_LOCAL},      {"ff02::1", KT_RANGE_MULTICAST},      {"2001:db8::1", KT_RANGE_DOCUMENTATION},
        {"2a00:1450::1", KT_RANGE_PUBLIC},     {"::ffff:10.0.0.1", KT_RANGE_PRIVATE}, {"", KT_RANGE_UNKNOWN},
        {"ec2.amazonaws.com", KT_RANGE_UNKNOWN}, {"AWS Internal", KT_RANGE_UNKNOWN}, {"10.0.0.1 ", KT_RANGE_UNKNOWN},
        {"10.0.0.256", KT_RANGE_UNKNOWN},      {"fe80::1%eth0", KT_RANGE_UNKNOWN},   {"1", KT_RANGE_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        if (kt_range_of(kt_span_of(t[i].address)) != t[i].range)
            fail_msg("%s is %s", t[i].address, kt_range_name(kt_range_of(kt_span_of(t[i].address))));
    assert_int_equal(kt_range_of((struct kt_span){"8.8.8.8\0", 8}), KT_RANGE_UNKNOWN);
    assert_int_equal(kt_range_of(KT_SPAN_NONE), KT_RANGE_UNKNOWN);
    assert_true(kt_enrich_address(NULL, KT_LIT("10.0.0.1"), &w));
    assert_string_equal(kt_range_name(w.range), "private (RFC 1918)");
}

static void country_and_network_come_from_mmdb_files(void **state)
{
    (void)state;
    static const int records[] = {24, 28, 32};
    for (size_t i = 0; i < 3; i++) {
        put_mmdb("a.mmdb", records[i]);
        opens("a.mmdb", "a.mmdb", NULL);
        looks("203.0.113.9", "NL", "AS64500 Example Hosting B.V.", "");
        looks("198.51.100.77", "RO", "AS64511", "");
        looks("198.51.100.78", "", "", "");
        looks("2001:db8:5::1", "DE", "AS4294967295 \xC3\x84hnlich AG", "");
        looks("192.0.2.1", "US", "AS64502 Example Telecom", "");
        looks("192.0.2.200", "", "", "");
        looks("8.8.8.8", "", "", ""); /* a code of two small letters is none, an org without a number is not told */
        looks("::ffff:203.0.113.9", "NL", "AS64500 Example Hosting B.V.", "");
        assert_false(kt_enrich_address(n, KT_LIT("sts.amazonaws.com"), &w));
    }
    put_mmdb("b.mmdb", 24);
    opens(NULL, "b.mmdb", NULL);
    looks("203.0.113.9", "", "AS64500 Example Hosting B.V.", "");
    opens("b.mmdb", NULL, NULL);
    looks("203.0.113.9", "NL", "", "");
}

static void a_long_name_is_cut_between_letters(void **state)
{
    (void)state;
    char org[100] = "";
    for (int i = 0; i < 40; i++)
        (void)snprintf(org + 2 * i, 3, "\xC3\xA9");
    struct mmdb_net net = {"203.0.113.0/24", NULL, 1, org, false};
    struct kt_buf b;
    kt_buf_init(&b, 1 << 20);
    mmdb_make(&b, &net, 1, 24);
    put("a.mmdb", b.p, b.len);
    kt_buf_free(&b);
    opens(NULL, "a.mmdb", NULL);
    assert_true(kt_enrich_address(n, KT_LIT("203.0.113.9"), &w));
    assert_int_equal(strlen(w.org), 62);
}

static void aws_tells_its_own_by_the_longest_prefix(void **state)
{
    (void)state;
    put("r.json", ranges, sizeof ranges - 1);
    opens(NULL, NULL, "r.json");
    looks("3.5.140.1", "", "", "S3 ap-northeast-2");
    looks("3.5.144.1", "", "", "AMAZON us-east-1");
    looks("13.1.200.1", "", "", "CLOUDFRONT GLOBAL");
    looks("4.0.0.1", "", "", "");
    looks("2600:1f18::1", "", "", "EC2 us-east-1");
    looks("2600:2000::1", "", "", "");
}

static void wrong_files_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *with;
        enum kt_code code;
    } t[] = {
        {"", "empty", KT_EFORMAT},
        {"{", "r.json:1:", KT_EFORMAT},
        {"[]", "no list of prefixes", KT_EFORMAT},
        {"{\"prefixes\":{}}", "no list of prefixes", KT_EFORMAT},
        {"{\"prefixes\":[{\"ip_prefix\":\"1.2.3.4/33\",\"service\":\"A\",\"region\":\"b\"}]}", "entry 1 of prefixes", KT_EFORMAT},
        {"{\"prefixes\":[{\"ip_prefix\":\"1.2.3.4\",\"service\":\"A\",\"region\":\"b\"}]}", "entry 1", KT_EFORMAT},
        {"{\"prefixes\":[],\"ipv6_prefixes\":[{\"ipv6_prefix\":\"::/0\",\"service\":\"A b\",\"region\":\"b\"}]}",
         "entry 1 of ipv6_prefixes", KT_EFORMAT},
        {"{\"prefixes\":[7]}", "entry 1", KT_EFORMAT},
    };
    struct kt_enrich *x;
    char path[256];
    (void)snprintf(path, sizeof path, "%s", temp_path(&d, "r.json"));
    assert_int_equal(kt_enrich_open(&x, &(struct kt_enrich_files){.aws = path}, &e), KT_ENOTFOUND);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        put("r.json", t[i].text, strlen(t[i].text));
        assert_int_equal(kt_enrich_open(&x, &(struct kt_enrich_files){.aws = path}, &e), t[i].code);
        assert_null(x);
        if (!strstr(e.text, t[i].with))
            fail_msg("\"%s\" is not in: %s", t[i].with, e.text);
    }
    assert_int_equal(kt_enrich_open(&x, &(struct kt_enrich_files){.country = path}, &e), KT_EFORMAT);
    assert_non_null(strstr(e.text, "r.json: not an MMDB file"));
    assert_int_equal(kt_enrich_open(&x, &(struct kt_enrich_files){.network = d.path}, &e), KT_EIO);
}

static void other_files_are_taken_and_broken_ones_leave_all_as_it_was(void **state)
{
    (void)state;
    struct kt_buf b;
    struct mmdb_net other = {"203.0.113.0/24", "FR", 1, NULL, false};
    put_mmdb("a.mmdb", 24);
    put("r.json", ranges, sizeof ranges - 1);
    opens("a.mmdb", "a.mmdb", "r.json");
    put("a.mmdb", "", 0); /* cut off in place, while it is in use */
    looks("203.0.113.9", "NL", "AS64500 Example Hosting B.V.", "");
    assert_int_not_equal(kt_enrich_reload(n, &e), KT_OK);
    looks("203.0.113.9", "NL", "AS64500 Example Hosting B.V.", "");
    kt_buf_init(&b, 1 << 20);
    mmdb_make(&b, &other, 1, 24);
    put("a.mmdb", b.p, b.len);
    kt_buf_free(&b);
    assert_int_equal(kt_enrich_reload(n, &e), KT_OK);
    looks("203.0.113.9", "FR", "AS1", "");
    looks("3.5.140.1", "", "", "S3 ap-northeast-2");
}

/* Every cut and thousands of flipped bits: an answer or none, never a crash. */
static void mangled_files_do_no_harm(void **state)
{
    (void)state;
    struct kt_buf b;
    struct kt_enrich *x;
    char path[256];
    uint64_t seed = 88172645463325252u;
    kt_buf_init(&b, 4 << 20);
    mmdb_make(&b, nets, NETS, 28);
    (void)snprintf(path, sizeof path, "%s", temp_path(&d, "m.mmdb"));
    struct kt_enrich_files files = {.country = path, .network = path};
    for (int i = 0; i < 2000; i++) {
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        size_t at = i < 1000 && b.len > 400 ? b.len - 1 - seed % 400 : seed % b.len, size = b.len;
        char was = b.p[at];
        if (i % 4 == 0)
            size = seed % b.len;
        else
            b.p[at] = (char)(was ^ (1 << (seed >> 40) % 8));
        put("m.mmdb", b.p, size);
        if (kt_enrich_open(&x, &files, &e) == KT_OK) {
            for (size_t k = 0; k < NETS; k++) {
                char address[64];
                (void)snprintf(address, sizeof address, "%.*s", (int)strcspn(nets[k].cidr, "/"), nets[k].cidr);
                (void)kt_enrich_address(x, kt_span_of(address), &w);
                assert_true(memchr(w.country, 0, sizeof w.country) && memchr(w.org, 0, sizeof w.org));
            }
            kt_enrich_free(x);
        }
        b.p[at] = was;
    }
    kt_buf_free(&b);
}

static atomic_bool stop;

static void *keeps_looking(void *arg)
{
    struct kt_whereabouts mine;
    uint64_t *wrong = arg;
    while (!atomic_load(&stop)) {
        (void)kt_enrich_address(n, KT_LIT("203.0.113.9"), &mine);
        *wrong += strcmp(mine.country, "NL") != 0;
    }
    return NULL;
}

static void files_are_exchanged_under_readers(void **state)
{
    (void)state;
    pthread_t t[2];
    uint64_t wrong[2] = {0};
    put_mmdb("a.mmdb", 24);
    opens("a.mmdb", "a.mmdb", NULL);
    atomic_store(&stop, false);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&t[i], NULL, keeps_looking, &wrong[i]), 0);
    for (int i = 0; i < 50; i++)
        assert_int_equal(kt_enrich_reload(n, &e), KT_OK);
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    assert_int_equal(wrong[0] + wrong[1], 0);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(ranges_are_known_without_files),
        T(country_and_network_come_from_mmdb_files),
        T(a_long_name_is_cut_between_letters),
        T(aws_tells_its_own_by_the_longest_prefix),
        T(wrong_files_are_named),
        T(other_files_are_taken_and_broken_ones_leave_all_as_it_was),
        T(mangled_files_do_no_harm),
        T(files_are_exchanged_under_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
