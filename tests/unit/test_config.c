/* The configuration: all that it can say, and all that is refused, with its
 * place. */
#include "config/config.h"
#include "base/buf.h"
#include "tests/support/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kt_config c;
static struct kt_err e;

static void loads(const char *text)
{
    if (kt_config_parse(&c, "/etc/keytop/config.yaml", text, strlen(text), &e))
        fail_msg("%s", e.text);
}

static void refuses(const char *text, const char *with)
{
    struct kt_config none;
    assert_int_not_equal(kt_config_parse(&c, "f.yaml", text, strlen(text), &e), KT_OK);
    if (!strstr(e.text, with))
        fail_msg("\"%s\" is not in: %s", with, e.text);
    kt_config_none(&none);
    assert_memory_equal(&c, &none, sizeof c);
}

static int done(void **state)
{
    (void)state;
    kt_config_free(&c);
    return 0;
}

static void nothing_configures_nothing(void **state)
{
    (void)state;
    loads("");
    assert_int_equal(c.n_source, 0);
    assert_int_equal(c.output.color, -1);
    assert_string_equal(c.path, "/etc/keytop/config.yaml");
    kt_config_free(&c);
    loads("# only words\nsources:\noutput:\n");
    assert_int_equal(c.n_source, 0);
    assert_null(c.output.theme);
}

static void sources_are_addresses_with_or_without_a_name(void **state)
{
    (void)state;
    setenv("HOME", "/home/ann", 1);
    loads("sources:\n- /a b\n- trails/\n- ~/t.json\n- 'demo:'\n- address: 'file:x:y'\n  name: odd\n- s3://b/p?region=x\n");
    static const char *const wanted[] = {"/a b", "/etc/keytop/trails/", "/home/ann/t.json", "demo:", "file:/etc/keytop/x:y",
                                         "s3://b/p?region=x"};
    assert_int_equal(c.n_source, 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(c.source[i].address, wanted[i]);
    assert_null(c.source[0].name);
    assert_string_equal(c.source[4].name, "odd");
    assert_int_equal(c.source[4].place.line, 6);
    assert_int_equal(c.source[4].place.column, 3);
}

static void a_source_of_aws_has_its_profile_regions_role_and_accounts_beside_it(void **state)
{
    (void)state;
    loads("sources:\n"
          "- address: 'cloudtrail:'\n  name: prod\n  profile: audit team\n  regions: [us-east-1, eu-west-1]\n"
          "  role: arn:aws:iam::{account}:role/keytop\n  accounts: [111122223333, '000000000001']\n"
          "  external-id: a&b\n  interval: 60\n"
          "- {address: 's3://trail/logs?profile=a', regions: eu-west-1}\n"
          "- {address: 'cloudtrail:', role: ['arn:aws:iam::1:role/x', 'arn:aws:iam::{account}:role/y'], accounts: '111122223333'}\n");
    assert_int_equal(c.n_source, 3);
    assert_string_equal(c.source[0].address,
                        "cloudtrail:?profile=audit%20team&region=us-east-1&region=eu-west-1"
                        "&role=arn:aws:iam::111122223333:role/keytop&role=arn:aws:iam::000000000001:role/keytop"
                        "&external-id=a%26b&interval=60");
    assert_string_equal(c.source[0].name, "prod");
    assert_string_equal(c.source[1].address, "s3://trail/logs?profile=a&region=eu-west-1");
    assert_string_equal(c.source[2].address, "cloudtrail:?role=arn:aws:iam::1:role/x&role=arn:aws:iam::111122223333:role/y");
}

static void all_else_is_read(void **state)
{
    (void)state;
    loads("follow: false\n"
          "output: {theme: keytop-light, ascii: true, color: never, columns: [time, key.id], clipboard: false}\n"
          "rules:\n  folders: [r, /s]\n  disable: [one]\n  placeholders: {Admins: [alice, 'ops-*'], Nets: [10.0.0.0/8], L: {file: l.txt, values: [x]}}\n"
          "filters: {folders: [f]}\n"
          "risk:\n  target.other: {weight: -5}\n  12d6: {risk: 10, level: low}\n"
          "memory: {rows: 5000, size: 512 MiB}\n"
          "state: {file: s.db, keep: false, days: 30, size: 3 GB}\n"
          "enrichment: {country: c.mmdb, network: /n.mmdb, aws: ip-ranges.json}\n"
          "contain: {profile: 'sec-{account}'}\n");
    assert_int_equal(c.follow, KT_CONFIG_NO);
    assert_string_equal(c.output.theme, "keytop-light");
    assert_int_equal(c.output.ascii, KT_CONFIG_YES);
    assert_int_equal(c.output.color, 2);
    assert_string_equal(c.output.columns, "time,key.id");
    assert_int_equal(c.output.clipboard, KT_CONFIG_NO);
    assert_int_equal(c.rules.n_folder, 2);
    assert_string_equal(c.rules.folder[0], "/etc/keytop/r");
    assert_string_equal(c.rules.folder[1], "/s");
    assert_string_equal(c.rules.disabled[0].name, "one");
    assert_int_equal(c.rules.n_placeholder, 3);
    assert_string_equal(c.rules.placeholder[2].file, "/etc/keytop/l.txt");
    assert_int_equal(c.rules.placeholder[2].n, 1);
    assert_string_equal(c.rules.placeholder[0].name, "Admins");
    assert_string_equal(c.rules.placeholder[0].value[1], "ops-*");
    assert_int_equal(c.rules.placeholder[1].n, 1);
    assert_string_equal(c.filters.folder[0], "/etc/keytop/f");
    assert_int_equal(c.n_override, 2);
    assert_true(c.override[0].has_weight && !c.override[0].has_risk && c.override[0].level == -1);
    assert_int_equal(c.override[0].weight, -5);
    assert_true(c.override[1].has_risk && c.override[1].risk == 10 && c.override[1].level == 1);
    assert_int_equal(c.memory.rows, 5000);
    assert_int_equal(c.memory.bytes, 512 << 20);
    assert_string_equal(c.state.file, "/etc/keytop/s.db");
    assert_int_equal(c.state.keep, KT_CONFIG_NO);
    assert_int_equal(c.state.days, 30);
    assert_int_equal(c.state.bytes, 3000000000);
    assert_string_equal(c.enrichment.country, "/etc/keytop/c.mmdb");
    assert_string_equal(c.enrichment.network, "/n.mmdb");
    assert_string_equal(c.contain.profile, "sec-{account}");
}

static void what_is_not_known_is_named_with_its_place_and_the_nearest_name(void **state)
{
    (void)state;
    refuses("sorces: []\n", "f.yaml:1:1: there is no \"sorces\" in the configuration; did you mean \"sources\"?");
    refuses("output:\n  colour: auto\n", "f.yaml:2:3: there is no \"colour\" in output; did you mean \"color\"?");
    refuses("rules: {xyzzy: 1}\n", "only folders, disable, placeholders");
    refuses("sources:\n- adress: x\n", "did you mean \"address\"?");
    refuses("risk: {a: {wieght: 1}}\n", "in a; did you mean \"weight\"?");
    refuses("ascii: true\nascii: true\n", "second time");
}

static void values_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *with;
    } t[] = {
        {"- a\n", "f.yaml:1:1: the configuration is a map"},
        {"sources: a\n", "f.yaml:1:10: sources is a list"},
        {"sources: [[a]]\n", "f.yaml:1:11: a source is a map"},
        {"sources: ['']\n", "is empty"},
        {"sources: [~]\n", "is one value, not nothing"},
        {"sources: ['-']\n", "standard input"},
        {"sources: [{name: a}]\n", "f.yaml:1:11: a source needs its address"},
        {"sources: [{address: /a, profile: p}]\n", "f.yaml:1:34: only sources of AWS take a profile"},
        {"sources: [{address: 'demo:', regions: [x]}]\n", "only sources of AWS"},
        {"sources: [{address: 'cloudtrail:', accounts: [1111]}]\n", "f.yaml:1:47: an account is its 12 digits, not \"1111\""},
        {"sources: [{address: 'cloudtrail:', accounts: ['111122223333']}]\n", "accounts needs a role with {account} in it"},
        {"sources: [{address: 'cloudtrail:', role: 'a{account}'}]\n", "f.yaml:1:42: a role with {account} in it needs the accounts"},
        {"sources: [{address: 'cloudtrail:', regions: []}]\n", "regions needs at least one value"},
        {"sources: [{address: 'cloudtrail:', interval: soon}]\n", "interval is a whole number"},
        {"sources: [\"a\\nb\"]\n", "control"},
        {"sources: [{address: a, name: 0123456789012345678901234567890123456789012345678901234567890123}]\n", "at most 63"},
        {"follow: yes\n", "f.yaml:1:9: follow is true or false, not \"yes\""},
        {"follow: 'true'\n", "true or false"},
        {"output: {color: red}\n", "color is auto, always or never, not \"red\""},
        {"output: {columns: []}\n", "at least one"},
        {"output: {columns: [[a]]}\n", "a column is one value, not a list"},
        {"rules: {placeholders: {a: []}}\n", "at least one value"},
        {"rules: {placeholders: {'%a%': [b]}}\n", "without its % signs"},
        {"rules: {placeholders: [a]}\n", "placeholders is a map"},
        {"risk: {a: {}}\n", "weight, risk or level"},
        {"risk: {a: 5}\n", "a is a map"},
        {"risk: {a: {weight: 101}}\n", "from -100 to 100, not \"101\""},
        {"risk: {a: {risk: -1}}\n", "from 0 to 100"},
        {"risk: {a: {level: hi}}\n", "informational, low, medium, high or critical"},
        {"memory: {rows: 10}\n", "from 1000"},
        {"memory: {size: 1}\n", "from 64 MiB"},
        {"memory: {size: 2 gb}\n", "500 MB or 2 GiB"},
        {"state: {size: 99999999999999999999}\n", "a size as"},
        {"state: {size: 18446744073709551615 TiB}\n", "a size as"},
        {"state: {days: 0}\n", "from 1"},
        {"state: {days: 010}\n", "whole number"},
        {"contain: {profile: 'a b'}\n", "a profile's name"},
        {"contain: {profile: '{acc}'}\n", "a profile's name"},
        {"a: 1\n--- \nb: 1\n", "second document"},
        {"sources: [&a x]\n", "anchors"},
        {"sources: [\n", "f.yaml:2:1"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        refuses(t[i].text, t[i].with);
}

static void too_much_is_refused(void **state)
{
    (void)state;
    struct kt_buf b;
    kt_buf_init(&b, 1 << 20);
    kt_buf_adds(&b, "sources:\n");
    for (int i = 0; i <= KT_CONFIG_SOURCES; i++)
        kt_buf_adds(&b, "- a\n");
    refuses(kt_buf_str(&b), "1001 entries; at most 1000");
    kt_buf_reset(&b);
    kt_buf_adds(&b, "rules:\n  placeholders:\n");
    for (int i = 0; i < 30; i++) {
        kt_buf_addf(&b, "    p%d:\n", i);
        for (int k = 0; k < 700; k++)
            kt_buf_adds(&b, "    - a\n");
    }
    refuses(kt_buf_str(&b), "too many values of placeholders");
    kt_buf_free(&b);
}

static void the_usual_place_follows_xdg(void **state)
{
    (void)state;
    char p[64], small[8];
    setenv("HOME", "/home/ann", 1);
    setenv("XDG_CONFIG_HOME", "/x", 1);
    assert_true(kt_config_default_path(p, sizeof p));
    assert_string_equal(p, "/x/keytop/config.yaml");
    setenv("XDG_CONFIG_HOME", "relative", 1); /* is ignored */
    assert_true(kt_config_default_path(p, sizeof p));
    assert_string_equal(p, "/home/ann/.config/keytop/config.yaml");
    assert_false(kt_config_default_path(small, sizeof small));
    unsetenv("HOME");
    assert_false(kt_config_default_path(p, sizeof p));
    refuses("sources: [~/a]\n", "HOME does not say");
    setenv("HOME", "/home/ann", 1);
}

static void a_file_is_read_and_a_missing_one_is_told_apart(void **state)
{
    (void)state;
    struct temp_dir d;
    char wanted[256];
    temp_dir_make(&d);
    assert_int_equal(kt_config_load(&c, temp_path(&d, "none.yaml"), &e), KT_ENOTFOUND);
    temp_write(&d, "c.yaml", "sources: [x.json]\n");
    assert_int_equal(kt_config_load(&c, temp_path(&d, "c.yaml"), &e), KT_OK);
    (void)snprintf(wanted, sizeof wanted, "%s/x.json", d.path);
    assert_string_equal(c.source[0].address, wanted);
    kt_config_free(&c);
    temp_mkdir(&d, "folder.yaml");
    assert_int_equal(kt_config_load(&c, temp_path(&d, "folder.yaml"), &e), KT_EIO);
    temp_dir_remove(&d);
}

/* --- the examples of keytop-config(5) ------------------------------------------- */

/* A line of a display, as mdoc prints it. */
static void add_line(struct kt_buf *b, const char *line, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (line[i] == '\\' && i + 1 < n && line[i + 1] == 'e') {
            kt_buf_addc(b, '\\');
            i++;
        } else if (line[i] == '\\' && i + 1 < n && line[i + 1] == '&') {
            i++;
        } else {
            kt_buf_addc(b, line[i]);
        }
    }
    kt_buf_addc(b, '\n');
}

static int load_examples(const char *page)
{
    struct kt_buf b;
    int n = 0;
    bool in = false;
    kt_buf_init(&b, 1 << 16);
    for (const char *p = page; *p;) {
        size_t len = strcspn(p, "\n");
        if (len >= 12 && memcmp(p, ".Bd -literal", 12) == 0) {
            in = true;
            kt_buf_reset(&b);
        } else if (in && len == 3 && memcmp(p, ".Ed", 3) == 0) {
            in = false;
            n++;
            loads(kt_buf_str(&b));
            kt_config_free(&c);
        } else if (in) {
            add_line(&b, p, len);
        }
        p += len + (p[len] == '\n');
    }
    kt_buf_free(&b);
    return n;
}

static void every_example_of_the_manual_loads(void **state)
{
    (void)state;
    char path[512];
    static char page[1 << 17];
    const char *root = getenv("KEYTOP_SOURCE");
    (void)snprintf(path, sizeof path, "%s/man/keytop-config.5", root ? root : ".");
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    page[fread(page, 1, sizeof page - 1, f)] = '\0';
    fclose(f);
    assert_true(load_examples(page) >= 8);
}

static void alerts_are_lists_by_level(void **state)
{
    (void)state;
    setenv("HOME", "/home/ann", 1);
    loads("alerts:\n  critical: [bell, flash, title, notify, hook]\n  high: [flash]\n  low: []\n  every: 30\n  notify: osc777\n"
          "  hook: {command: [page, '--from', keytop], timeout: 5}\n");
    assert_int_equal(c.alerts.actions[4], KT_ALERT_BELL | KT_ALERT_FLASH | KT_ALERT_TITLE | KT_ALERT_NOTIFY | KT_ALERT_HOOK);
    assert_int_equal(c.alerts.actions[3], KT_ALERT_FLASH);
    assert_true(c.alerts.given[1] && !c.alerts.actions[1] && !c.alerts.given[2]);
    assert_int_equal(c.alerts.every_s, 30);
    assert_int_equal(c.alerts.notify, 1);
    assert_int_equal(c.alerts.n_hook, 3);
    assert_string_equal(c.alerts.hook[1], "--from");
    assert_int_equal(c.alerts.timeout_s, 5);
    kt_config_free(&c);
    loads("alerts: {high: [hook], hook: {command: ~/bin/page}}\n");
    assert_int_equal(c.alerts.n_hook, 1);
    assert_string_equal(c.alerts.hook[0], "/home/ann/bin/page");
    kt_config_free(&c);
    refuses("alerts:\n  high: [siren]\n", "f.yaml:2:10:");
    refuses("alerts:\n  grave: [bell]\n", "f.yaml:2:3:");
    refuses("alerts:\n  high: bell\n", "high is a list");
    refuses("alerts:\n  high: [bell, hook]\n", "f.yaml:2:9: hook is asked for here");
    refuses("alerts: {every: 0}\n", "every");
    refuses("alerts: {notify: growl}\n", "notify");
    refuses("alerts: {hook: {command: []}}\n", "at least one word");
    refuses("alerts: {hook: {timeout: 601}}\n", "timeout");
}

int main(void)
{
#define T(fn) cmocka_unit_test_teardown(fn, done)
    const struct CMUnitTest tests[] = {
        T(nothing_configures_nothing),
        T(sources_are_addresses_with_or_without_a_name),
        T(a_source_of_aws_has_its_profile_regions_role_and_accounts_beside_it),
        T(all_else_is_read),
        T(what_is_not_known_is_named_with_its_place_and_the_nearest_name),
        T(values_that_cannot_be_are_refused),
        T(too_much_is_refused),
        T(the_usual_place_follows_xdg),
        T(a_file_is_read_and_a_missing_one_is_told_apart),
        T(every_example_of_the_manual_loads),
        cmocka_unit_test_teardown(alerts_are_lists_by_level, done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
