/* The containment command: what it says, and what it refuses. */
#include "event/contain.h"
#include "tests/support/shells.h"
#include "text/shell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <string.h>

#define KEY "AKIAIOSFODNN7EXAMPLE"

static struct kt_contain c;

static const char *command(struct kt_contain_of k)
{
    if (!kt_span_known(k.key))
        k.key = KT_LIT(KEY);
    kt_contain_command(&k, &c);
    assert_true((c.kind == KT_CONTAIN_NONE) == !c.command[0]);
    assert_true((c.kind == KT_CONTAIN_COMMAND) == !c.why[0]);
    return c.command;
}

static void the_command_names_user_and_key(void **state)
{
    (void)state;
    assert_string_equal(command((struct kt_contain_of){.user = KT_LIT("svc-backup"), .account = KT_LIT("111122223333")}),
                        "aws iam update-access-key --user-name='svc-backup' --access-key-id='" KEY
                        "' --status='Inactive'");
    assert_int_equal(c.kind, KT_CONTAIN_COMMAND);
    command((struct kt_contain_of){.user = KT_LIT("~root")});
    assert_int_equal(c.kind, KT_CONTAIN_NONE);
    command((struct kt_contain_of){.user = KT_LIT("-rf=,+@._")});
    assert_int_equal(c.kind, KT_CONTAIN_COMMAND);
}

static void what_iam_cannot_have_made_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"",       "a b",     "a'b",          "a\nb",   "$(id)",      "a/b",
                                        "file://x", "a:b",   "b\xC3\xB6" "b", "a\033[m", "*",        "a\xE2\x80\xAE",
                                        "12345678901234567890123456789012345678901234567890123456789012345"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        command((struct kt_contain_of){.user = kt_span_of(names[i])});
        assert_int_equal(c.kind, KT_CONTAIN_NONE);
        assert_non_null(strstr(c.why, "use the console"));
    }
    command((struct kt_contain_of){.user = {"a\0b", 3}});
    assert_int_equal(c.kind, KT_CONTAIN_NONE);
    static const char *const keys[] = {"AKIA",  "ASIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPL'", "AKIAIOSFODNN7examples",
                                       "AKIAIOSFODNN7EXA PLE", "-AKIAIOSFODNN7EXAMPLE"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        command((struct kt_contain_of){.key = kt_span_of(keys[i]), .user = KT_LIT("bob")});
        assert_int_equal(c.kind, KT_CONTAIN_NONE);
    }
}

static void a_key_of_root_or_of_nobody_known_has_its_own_words(void **state)
{
    (void)state;
    command((struct kt_contain_of){.root = true, .account = KT_LIT("111122223333")});
    assert_int_equal(c.kind, KT_CONTAIN_NONE);
    assert_non_null(strstr(c.why, "root"));
    assert_string_equal(command((struct kt_contain_of){.account = KT_LIT("111122223333")}),
                        "aws iam get-access-key-last-used --access-key-id='" KEY "'");
    assert_int_equal(c.kind, KT_CONTAIN_LOOKUP);
    command((struct kt_contain_of){.user = KT_LIT("bob"), .deleted = true});
    assert_non_null(strstr(c.why, "deleted"));
    kt_contain_command(&(struct kt_contain_of){.user = KT_LIT("bob")}, &c);
    assert_int_equal(c.kind, KT_CONTAIN_NONE);
}

static void a_profile_may_name_the_account(void **state)
{
    (void)state;
    struct kt_contain_of k = {.user = KT_LIT("bob"), .account = KT_LIT("111122223333"), .profile = "sec-{account}"};
    assert_non_null(strstr(command(k), " --profile='sec-111122223333'"));
    k.profile = "breakglass";
    assert_non_null(strstr(command(k), " --profile='breakglass'"));
    k.profile = "sec-{account}";
    k.account = KT_SPAN_NONE;
    command(k);
    assert_int_equal(c.kind, KT_CONTAIN_NONE);
    assert_non_null(strstr(c.why, "account was not seen"));
    k.account = KT_LIT("11112222333'");
    command(k);
    assert_int_equal(c.kind, KT_CONTAIN_NONE);
    k.account = KT_LIT("111122223333");
    k.profile = "{account}{account}{account}{account}{account}{account}{account}"; /* as long as a profile may be */
    assert_non_null(strstr(command(k), "--profile='111122223333111122223333"));
    static const char *const bad[] = {"a b", "a'b", "{acc}", "a/b", "-{account}\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(kt_contain_profile(kt_span_of(bad[i])));
}

static void another_partition_is_named_by_its_region(void **state)
{
    (void)state;
    struct kt_contain_of k = {.user = KT_LIT("bob"), .region = KT_LIT("us-east-1")};
    assert_null(strstr(command(k), "--region"));
    k.region = KT_LIT("cn-north-1");
    assert_non_null(strstr(command(k), " --region='cn-north-1'"));
    k.region = KT_LIT("us-gov-west-1");
    assert_non_null(strstr(command(k), " --region='us-gov-west-1'"));
    k.region = KT_LIT("cn-'$(id)'");
    assert_null(strstr(command(k), "id)"));
}

static void a_word_is_quoted_exactly_or_refused(void **state)
{
    (void)state;
    struct kt_buf b;
    kt_buf_init(&b, 8);
    assert_true(kt_shell_quote(&b, KT_LIT("it's")) == false); /* 9 bytes */
    assert_string_equal(kt_buf_str(&b), "");
    kt_buf_reset(&b);
    assert_true(kt_shell_quote(&b, KT_LIT("a b")));
    assert_string_equal(kt_buf_str(&b), "'a b'");
    kt_buf_reset(&b);
    assert_true(kt_shell_quote(&b, KT_LIT("'")));
    assert_string_equal(kt_buf_str(&b), "''\\'''");
    assert_false(kt_shell_quote(&b, KT_LIT("a\n")));
    assert_false(kt_shell_quote(&b, KT_LIT("\x7F")));
    assert_false(kt_shell_quote(&b, KT_SPAN_NONE));
    kt_buf_free(&b);
}

/* `make prove` tries a million. */
static void shells_see_the_arguments_that_were_meant(void **state)
{
    (void)state;
    struct shells_counts counts;
    assert_true(shells_prove(7, 5000, &counts));
    assert_int_equal(counts.names, 5000);
    assert_int_equal(counts.written + counts.refused, counts.names);
    assert_true(counts.written > 1000 && counts.refused > 1000 && counts.words > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_command_names_user_and_key),
        cmocka_unit_test(what_iam_cannot_have_made_is_refused),
        cmocka_unit_test(a_key_of_root_or_of_nobody_known_has_its_own_words),
        cmocka_unit_test(a_profile_may_name_the_account),
        cmocka_unit_test(another_partition_is_named_by_its_region),
        cmocka_unit_test(a_word_is_quoted_exactly_or_refused),
        cmocka_unit_test(shells_see_the_arguments_that_were_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
