/* event: user agents, one line for each family that is known. */
#include "event/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct expected {
    const char *text, *tool, *version, *os, *cls; /* NULL: not known */
};

static struct kt_agent parse(struct kt_arena *a, const char *text, bool console, const char *via)
{
    struct kt_agent g;
    kt_agent_parse(kt_span_of(text), console, kt_span_of(via), a, &g);
    return g;
}

static void same(const char *agent, const char *what, struct kt_span got, const char *want)
{
    if (want ? !kt_span_is(got, want) : kt_span_known(got))
        fail_msg("%s: %s is \"%.*s\", not \"%s\"", agent, what, (int)got.n, got.p ? got.p : "", want ? want : "(unknown)");
}

static void check(const struct expected *x, size_t n, bool console, const char *via)
{
    struct kt_arena *a = kt_arena_new(1 << 20);
    assert_non_null(a);
    for (size_t i = 0; i < n; i++) {
        struct kt_agent g = parse(a, x[i].text, console, via);
        same(x[i].text, "tool", g.tool, x[i].tool);
        same(x[i].text, "version", g.version, x[i].version);
        same(x[i].text, "os", g.os, x[i].os);
        same(x[i].text, "class", kt_span_of(kt_agent_class_name(g.cls)), x[i].cls);
        assert_true(kt_span_is(g.text, x[i].text));
    }
    kt_arena_free(a);
}
#define CHECK(rows, console, via) check(rows, sizeof(rows) / sizeof *(rows), console, via)

static void clis_old_and_new(void **state)
{
    (void)state;
    static const struct expected rows[] = {
        {"aws-cli/2.0.62 Python/3.9.0 Darwin/19.6.0 source/x86_64 command/iam.create-access-key", "aws-cli", "2.0.62",
         "macos", "cli"},
        {"aws-cli/2.17.32 md/awscrt#0.21.2 ua/2.0 os/linux#6.5.0 md/arch#x86_64 lang/python#3.11.8 "
         "md/pyimpl#CPython exec-env/EC2 m/b,E,Z,g md/distrib#ubuntu.24 md/prompt#off "
         "md/command#iam.create-access-key",
         "aws-cli", "2.17.32", "linux", "cli"},
        {"aws-cli/1.18.39 Python/3.7.2 Darwin/19.4.0 botocore/1.15.24", "aws-cli", "1.18.39", "macos", "cli"},
        {"aws-cli/2.4.6 Python/3.8.8 Windows/10 exe/AMD64 prompt/off command/iam.create-access-key", "aws-cli",
         "2.4.6", "windows", "cli"},
        {"[aws-cli/2.15.0 Python/3.11.6 Linux/5.15.0 exe/x86_64.debian.12 prompt/off command/s3.ls]", "aws-cli",
         "2.15.0", "linux", "cli"},
        {"AWSPowerShell.Common/4.1.482 .NET_Runtime/6.0 OS/Microsoft_Windows_NT_10.0.19045.0 PowerShellCore/7.-1",
         "aws-powershell", "4.1.482", "windows", "cli"},
        {"AWSPowerShell/3.3.509.0 .NET_Runtime/4.0 .NET_Framework/4.0 OS/Microsoft_Windows_NT_6.3.9600.0",
         "aws-powershell", "3.3.509.0", "windows", "cli"},
        {"rclone/v1.61.1", "rclone", "1.61.1", NULL, "cli"},
        {"Cyberduck/8.5.9 (Mac OS X/13.2) (x86_64)", "cyberduck", "8.5.9", "macos", "cli"},
    };
    CHECK(rows, false, NULL);
}

static void sdks_of_every_language(void **state)
{
    (void)state;
    static const struct expected rows[] = {
        {"Boto3/1.28.0 md/Botocore#1.31.0 ua/2.0 os/linux#6.1.0 md/arch#x86_64", "boto3", "1.28.0", "linux", "sdk"},
        {"Boto3/1.26.165 Python/3.10.6 Linux/5.19.0-46-generic Botocore/1.29.165", "boto3", "1.26.165", "linux", "sdk"},
        {"Botocore/1.29.165 Python/3.10.6 Darwin/22.1.0", "botocore", "1.29.165", "macos", "sdk"},
        {"Boto/2.49.0 Python/2.7.18 Linux/4.14", "boto", "2.49.0", "linux", "sdk"},
        {"aws-sdk-go/1.44.157 (go1.19.3; linux; amd64)", "aws-sdk-go", "1.44.157", "linux", "sdk"},
        {"aws-sdk-go/1.41.4 (go1.18.3; windows; amd64) amazon-ssm-agent/", "aws-sdk-go", "1.41.4", "windows", "sdk"},
        {"aws-sdk-go-v2/1.14.0 os/macos lang/go/1.17.6 md/GOOS/darwin md/GOARCH/arm64 api/iam/1.17.0",
         "aws-sdk-go-v2", "1.14.0", "macos", "sdk"},
        {"aws-sdk-go-v2/1.30.3 ua/2.1 os/linux lang/go#1.22.5 md/GOOS#linux md/GOARCH#amd64 api/iam#1.34.3 m/E,g",
         "aws-sdk-go-v2", "1.30.3", "linux", "sdk"},
        {"aws-sdk-java/1.12.488 Mac_OS_X/12.6 OpenJDK_64-Bit_Server_VM/25.372-b08 java/1.8.0_372", "aws-sdk-java",
         "1.12.488", "macos", "sdk"},
        {"aws-sdk-java/2.20.26 Linux/5.10.0 OpenJDK_64-Bit_Server_VM/17.0.6 Java/17.0.6 vendor/Debian io/sync",
         "aws-sdk-java", "2.20.26", "linux", "sdk"},
        {"aws-sdk-nodejs/2.1354.0 linux/v18.12.1 promise", "aws-sdk-nodejs", "2.1354.0", "linux", "sdk"},
        {"aws-sdk-nodejs/2.1354.0 win32/v16.1.0 promise", "aws-sdk-nodejs", "2.1354.0", "windows", "sdk"},
        {"aws-sdk-js/3.400.0 ua/2.0 os/darwin#22.6.0 lang/js md/nodejs#18.16.0 api/iam#3.400.0", "aws-sdk-js",
         "3.400.0", "macos", "sdk"},
        {"aws-sdk-ruby3/3.180.0 ruby/3.1.2 x86_64-linux aws-sdk-iam/1.86.0", "aws-sdk-ruby3", "3.180.0", "linux",
         "sdk"},
        {"aws-sdk-php/3.269.0 OS/Linux/5.15.0 lang/php/8.1 GuzzleHttp/7 curl/7.81.0", "aws-sdk-php", "3.269.0",
         "linux", "sdk"},
        {"aws-sdk-dotnet-coreclr/3.7.100.5 ua/2.0 os/windows#10.0.19045 .NET_Core/6.0", "aws-sdk-dotnet-coreclr",
         "3.7.100.5", "windows", "sdk"},
        {"aws-sdk-rust/0.55.3 os/linux lang/rust/1.68.2", "aws-sdk-rust", "0.55.3", "linux", "sdk"},
        {"aws-sdk-cpp/1.11.50 Linux/6.1 x86_64 GCC/12.2.0", "aws-sdk-cpp", "1.11.50", "linux", "sdk"},
    };
    CHECK(rows, false, NULL);
}

static void infrastructure_as_code(void **state)
{
    (void)state;
    static const struct expected rows[] = {
        {"APN/1.0 HashiCorp/1.0 Terraform/1.1.2 (+https://www.terraform.io) terraform-provider-aws/3.76.1 "
         "(+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go/1.44.157 (go1.19.3; linux; amd64) "
         "HashiCorp-terraform-exec/0.17.3",
         "terraform", "1.1.2", "linux", "iac"},
        {"APN/1.0 HashiCorp/1.0 terraform-provider-aws/5.1.0 aws-sdk-go-v2/1.18.0 os/linux", "terraform", NULL,
         "linux", "iac"},
        {"APN/1.0 OpenTofu/1.6.0 (+https://opentofu.org) terraform-provider-aws/5.1.0", "opentofu", "1.6.0", NULL,
         "iac"},
        {"APN/1.0 Pulumi/1.0 PulumiAWS/5.41.0 aws-sdk-go-v2/1.18.0 os/macos", "pulumi", NULL, "macos", "iac"},
        {"cloudformation.amazonaws.com", "cloudformation", NULL, NULL, "iac"},
        {"AWSCloudFormation, aws-internal/3 aws-sdk-java/1.12.488 Linux/5.10", "cloudformation", NULL, "linux", "iac"},
        {"APN/1.0 AWSContent/1.0", NULL, NULL, NULL, "unknown"}, /* a partner's tag is no tool */
        {"Ansible/2.14.3 Boto3/1.26.90 Python/3.10.6 Linux/5.15.0 Botocore/1.29.90", "ansible", "2.14.3", "linux",
         "iac"},
        {"APN/1.0 Ansible/1.0 amazon.aws/6.0 Boto3/1.28.1", "ansible", NULL, NULL, "iac"},
        {"aws-cdk/2.88.0 aws-sdk-nodejs/2.1379.0 darwin/v18.16.0", "aws-cdk", "2.88.0", "macos", "iac"},
        {"aws-sdk-nodejs/2.1379.0 linux/v18.12.1 serverless-framework/3.33.0", "serverless", "3.33.0", "linux", "iac"},
    };
    CHECK(rows, false, NULL);
}

static void consoles_browsers_and_services(void **state)
{
    (void)state;
    static const struct expected rows[] = {
        {"signin.amazonaws.com", "console", NULL, NULL, "console"},
        {"console.amazonaws.com", "console", NULL, NULL, "console"},
        {"[S3Console/0.4, aws-internal/3 aws-sdk-java/1.12.488 Linux/5.10 java/1.8.0_372]", "console", NULL, "linux",
         "console"},
        {"RDS Console, aws-internal/3 aws-sdk-java/1.11.975 Linux/5.4.247", "console", NULL, "linux", "console"},
        {"AWS Internal", "aws-internal", NULL, NULL, "service"},
        {"aws-internal/3 aws-sdk-java/1.11.706 Linux/4.9.184", "aws-internal", "3", "linux", "service"},
        {"Coral/Netty4", "coral", NULL, NULL, "service"},
        {"Coral/Jakarta", "coral", NULL, NULL, "service"},
        {"lambda.amazonaws.com", "lambda", NULL, NULL, "service"},
        {"user-subscriptions.amazonaws.com", "user-subscriptions", NULL, NULL, "service"},
        {"ec2.amazonaws.com.cn", "ec2", NULL, NULL, "service"},
        {"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/114.0", "firefox", "114.0",
         "linux", "browser"},
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 "
         "Safari/537.36 Edg/120.0.2210.91",
         "edge", "120.0.2210.91", "windows", "browser"},
        {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 "
         "Safari/605.1.15",
         "safari", "17.1", "macos", "browser"},
        {"Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0 Mobile Safari/537.36",
         "chrome", "119.0", "android", "browser"},
        {"Mozilla", "mozilla", NULL, NULL, "browser"},
    };
    CHECK(rows, false, NULL);
}

static void attack_tools_are_named_and_beat_every_other_class(void **state)
{
    (void)state;
    static const struct expected rows[] = {
        {"aws-cli/2.9.19 Python/3.11.2 Linux/6.3.0-kali1-cloud-amd64 source/x86_64.kali.2023 prompt/off "
         "command/iam.create-access-key",
         "aws-cli", "2.9.19", "kali", "attack-tool"},
        {"aws-cli/2.17.32 md/awscrt#0.21.2 ua/2.0 os/linux#6.8.11-amd64 md/distrib#kali.2024", "aws-cli", "2.17.32",
         "kali", "attack-tool"},
        {"Boto3/1.28.0 Python/3.11.4 Linux/6.1.0-1parrot1-amd64 Botocore/1.31.0", "boto3", "1.28.0", "parrot",
         "attack-tool"},
        {"Boto3/1.7.61 Python/3.5.1 Linux/5.15.0-pentoo Botocore/1.10.62", "boto3", "1.7.61", "pentoo",
         "attack-tool"},
        {"[S3 Browser/10.8.1 (https://s3browser.com)]", "s3-browser", "10.8.1", NULL, "attack-tool"},
        {"S3 Browser 9.5.5 https://s3browser.com", "s3-browser", "9.5.5", NULL, "attack-tool"},
        {"Pacu/1.5.2", "pacu", "1.5.2", NULL, "attack-tool"},
        {"stratus-red-team_61e3765a-ab18-4da8-b5ac-4ec10986ed4b", "stratus-red-team", NULL, NULL, "attack-tool"},
        {"APN/1.0 HashiCorp/1.0 Terraform/1.1.2 (+https://www.terraform.io) aws-sdk-go/1.44.157 (go1.19.3; linux; "
         "amd64) stratus-red-team_11a6ef34-e130-4579-a1d3-79c915cee6ec",
         "stratus-red-team", NULL, "linux", "attack-tool"},
        {"TruffleHog", "trufflehog", NULL, NULL, "attack-tool"},
        {"aws-sdk-go/1.44.204 (go1.20; linux; amd64) TruffleHog/3.28", "trufflehog", "3.28", "linux", "attack-tool"},
        {"python-requests/2.28.2", "python-requests", "2.28.2", NULL, "attack-tool"},
        {"curl/8.1.2", "curl", "8.1.2", NULL, "attack-tool"},
    };
    CHECK(rows, false, NULL);
    CHECK(rows, true, NULL); /* the console's session does not excuse them */
}

static void the_console_is_told_by_its_session_not_by_the_agent(void **state)
{
    (void)state;
    static const struct expected rows[] = {
        {"AWS Internal", "console", NULL, NULL, "console"},
        {"Coral/Netty4", "console", NULL, NULL, "console"},
        {"aws-internal/3 aws-sdk-java/1.11.706 Linux/4.9.184", "console", NULL, "linux", "console"},
        {"Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/114.0", "firefox", "114.0", "linux",
         "console"},
        {"Boto3/1.28.0 md/Botocore#1.31.0", "boto3", "1.28.0", NULL, "console"},
        {"something else", NULL, NULL, NULL, "console"},
    };
    CHECK(rows, true, NULL);
}

static void a_cli_in_a_console_session_is_cloudshell(void **state)
{
    (void)state;
    static const struct expected flagged[] = {
        {"aws-cli/2.15.0 Python/3.11.6 Linux/6.1.66 exe/x86_64.amzn.2023 prompt/off", "aws-cli", "2.15.0", "linux",
         "cloudshell"},
        {"AWSPowerShell.Common/4.1.482 .NET_Runtime/6.0 OS/Linux_6.1", "aws-powershell", "4.1.482", "linux",
         "cloudshell"},
    };
    CHECK(flagged, true, NULL);
    static const struct expected word[] = {
        {"aws-cli/2.11.2 Python/3.11.2 Linux/4.14.255 exec-env/CloudShell exe/x86_64.amzn.2", "aws-cli", "2.11.2",
         "linux", "cloudshell"},
        {"Boto3/1.28.0 Python/3.9 exec-env/CloudShell Botocore/1.31.0", "boto3", "1.28.0", NULL, "cloudshell"},
    };
    CHECK(word, false, NULL);
    CHECK(word, true, NULL);
}

static void a_text_that_says_nothing_leaves_it_to_the_calling_service(void **state)
{
    (void)state;
    static const struct expected rows[] = {{"", "lambda", NULL, NULL, "service"}, {"-", "lambda", NULL, NULL, "service"}};
    CHECK(rows, false, "lambda.amazonaws.com");
    static const struct expected own[] = {{"Boto3/1.28.0", "boto3", "1.28.0", NULL, "sdk"}};
    CHECK(own, false, "lambda.amazonaws.com");
    struct kt_arena *a = kt_arena_new(1 << 16);
    struct kt_agent g = parse(a, NULL, false, NULL);
    assert_int_equal(g.cls, KT_AGENT_UNKNOWN);
    assert_false(kt_span_known(g.text));
    assert_false(kt_span_known(g.tool));
    kt_arena_free(a);
}

static void words_that_merely_hold_a_mark_are_not_it(void **state)
{
    (void)state;
    static const struct expected rows[] = {
        {"kalibrate/1.0 unparroted", "kalibrate", "1.0", NULL, "unknown"},
        {"xterraform/1.0", "xterraform", "1.0", NULL, "unknown"},
        {"mypacut/3", "mypacut", "3", NULL, "unknown"},
        {"our-tool/4.2-rc1+build (+https://www.terraform.io)", "our-tool", "4.2-rc1+build", NULL, "unknown"},
        {"free words without a product", NULL, NULL, NULL, "unknown"},
        {"[", NULL, NULL, NULL, "unknown"},
        {"boto3", "boto3", NULL, NULL, "sdk"},
        {"boto3/", "boto3", NULL, NULL, "sdk"},
    };
    CHECK(rows, false, NULL);
}

static void an_endless_text_is_read_to_its_limit_and_kept_whole(void **state)
{
    (void)state;
    enum { LONG = 1 << 20 };
    char *text = malloc(LONG);
    assert_non_null(text);
    memset(text, 'x', LONG);
    memcpy(text + LONG - 10, " curl/8.1 ", 10);
    struct kt_arena *a = kt_arena_new(1 << 16);
    struct kt_agent g;
    kt_agent_parse((struct kt_span){text, LONG}, false, KT_SPAN_NONE, a, &g);
    assert_int_equal(g.cls, KT_AGENT_UNKNOWN);
    assert_int_equal(g.text.n, LONG);
    kt_arena_free(a);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clis_old_and_new),
        cmocka_unit_test(sdks_of_every_language),
        cmocka_unit_test(infrastructure_as_code),
        cmocka_unit_test(consoles_browsers_and_services),
        cmocka_unit_test(attack_tools_are_named_and_beat_every_other_class),
        cmocka_unit_test(the_console_is_told_by_its_session_not_by_the_agent),
        cmocka_unit_test(a_cli_in_a_console_session_is_cloudshell),
        cmocka_unit_test(a_text_that_says_nothing_leaves_it_to_the_calling_service),
        cmocka_unit_test(words_that_merely_hold_a_mark_are_not_it),
        cmocka_unit_test(an_endless_text_is_read_to_its_limit_and_kept_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
