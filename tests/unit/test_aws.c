/* Credentials, endpoints and calls against a fake AWS. */
#include "aws/call.h"
#include "aws/credentials.h"
#include "tests/support/fake_aws.h"
#include "tests/support/temp_dir.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { LIMIT_MS = 20000, VARS = 32 };
#define ACCOUNT "111122223333"

struct fix {
    struct fake_aws aws;
    struct temp_dir home;
    struct kt_net *net;
    struct kt_aws *a;
    char vars[VARS][512];
    char *env[VARS + 1];
    size_t n_vars;
    int64_t ahead; /* of our clock */
    struct kt_clock clock;
    const char *mfa;
    int asked;
};

static int64_t shifted(void *ctx)
{
    return kt_now(NULL) + ((struct fix *)ctx)->ahead;
}

static uint64_t no_delay(void *ctx)
{
    (void)ctx;
    return 0;
}

static enum kt_asked ask(void *ctx, const char *serial, char *code, size_t size)
{
    struct fix *x = ctx;
    x->asked++;
    assert_string_equal(serial, "arn:aws:iam::111122223333:mfa/me");
    if (!x->mfa)
        return KT_ASKED_NOBODY;
    snprintf(code, size, "%s", x->mfa);
    return KT_ASKED_OK;
}

static void set(struct fix *x, const char *name, const char *value)
{
    snprintf(x->vars[x->n_vars], sizeof x->vars[0], "%s=%s", name, value);
    x->env[x->n_vars] = x->vars[x->n_vars];
    x->n_vars++;
}

static int set_up(void **state)
{
    struct fix *x = *state = calloc(1, sizeof *x);
    struct kt_err e = {0};
    fake_aws_init(&x->aws);
    temp_dir_make(&x->home);
    temp_mkdir(&x->home, ".aws");
    fake_aws_key(&x->aws, "AKIDENV", "env-secret", NULL, ACCOUNT);
    fake_aws_key(&x->aws, "AKIDFILE", "file-secret", NULL, ACCOUNT);
    fake_aws_key(&x->aws, "ASIATEMP", "temp-secret", "temp-token", ACCOUNT);
    x->clock = (struct kt_clock){shifted, x};
    set(x, "HOME", x->home.path);
    set(x, "AWS_ENDPOINT_URL", fake_aws_url(&x->aws));
    set(x, "AWS_EC2_METADATA_SERVICE_ENDPOINT", fake_aws_url(&x->aws));
    assert_int_equal(kt_net_new(&x->net, &(struct kt_net_opts){0}, &e), KT_OK);
    return 0;
}

static void open_aws(struct fix *x)
{
    struct kt_err e = {0};
    kt_aws_free(x->a);
    if (kt_aws_new(&x->a, &(struct kt_aws_opts){.clock = &x->clock, .random = no_delay, .mfa = ask, .mfa_ctx = x, .env = x->env},
                   &e) != KT_OK)
        fail_msg("%s", e.text);
}

static int tear_down(void **state)
{
    struct fix *x = *state;
    kt_net_free(x->net);
    kt_aws_free(x->a);
    fake_aws_free(&x->aws);
    temp_dir_remove(&x->home);
    free(x);
    return 0;
}

static void wait_a_bit(struct fix *x, int64_t wake)
{
    int fd;
    int64_t at, now = kt_mono_ms();
    (void)kt_net_wait(x->net, &fd, &at);
    if (wake && (!at || wake < at))
        at = wake;
    (void)poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, at > now ? (int)(at - now) : at ? 0 : 1000);
    kt_net_drive(x->net);
}

static enum kt_creds_state settle(struct fix *x, struct kt_creds *c)
{
    int64_t until = kt_mono_ms() + LIMIT_MS, wake;
    for (;;) {
        enum kt_creds_state s = kt_creds_poll(c, &wake);
        if (s != KT_CREDS_WAITING)
            return s;
        assert_true(kt_mono_ms() < until);
        wait_a_bit(x, wake);
    }
}

/* The chain for a profile gives these keys' id (a prefix of it); NULL: it
 * fails, saying this. */
static void expect(struct fix *x, const char *profile, const char *id, const char *says)
{
    struct kt_creds *c;
    struct kt_err e = {0};
    open_aws(x);
    if (kt_creds_new(&c, x->a, x->net, profile, "us-east-1", &e) != KT_OK) {
        if (id || !strstr(e.text, says))
            fail_msg("%s: %s", profile, e.text);
        return;
    }
    enum kt_creds_state s = settle(x, c);
    if (id && s == KT_CREDS_FAILED)
        fail_msg("%s", kt_creds_says(c));
    if (id)
        assert_true(kt_span_starts(kt_creds_keys(c)->id, id));
    else if (s != KT_CREDS_FAILED || !strstr(kt_creds_says(c), says))
        fail_msg("says \"%s\"", kt_creds_says(c));
    kt_creds_free(c);
}

static void config(struct fix *x, const char *text)
{
    temp_write(&x->home, ".aws/config", text);
}

/* --- where keys come from ------------------------------------------------------------------ */

static void the_environment_comes_first(void **state)
{
    struct fix *x = *state;
    config(x, "[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = file-secret\n"
              "[profile other]\naws_access_key_id = AKIDFILE\naws_secret_access_key = file-secret\n");
    set(x, "AWS_ACCESS_KEY_ID", "AKIDENV");
    expect(x, NULL, NULL, "AWS_SECRET_ACCESS_KEY");
    set(x, "AWS_SECRET_ACCESS_KEY", "env-secret");
    expect(x, NULL, "AKIDENV", NULL);
    expect(x, "other", "AKIDFILE", NULL); /* named: before the environment */
    set(x, "AWS_PROFILE", "other");
    expect(x, NULL, "AKIDENV", NULL); /* as botocore has it */
}

static void files_are_read_as_the_tools_do(void **state)
{
    struct fix *x = *state;
    temp_write(&x->home, ".aws/credentials", "# mine\n[default]\naws_access_key_id=AKIDFILE\naws_secret_access_key =  file-secret  \n"
                                             "[temp]\nAWS_ACCESS_KEY_ID = ASIATEMP\naws_secret_access_key = temp-secret\naws_session_token = temp-token\n");
    config(x, "[default]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = x\ns3 =\n  addressing_style = path\nregion = eu-west-1\n"
              "[profile \"with blank\"]\naws_access_key_id = AKIDFILE\naws_secret_access_key = y\n[profile half]\naws_access_key_id = AKIDFILE\n");
    expect(x, NULL, "AKIDFILE", NULL); /* credentials before config */
    expect(x, "temp", "ASIATEMP", NULL);
    expect(x, "with blank", "AKIDFILE", NULL);
    expect(x, "half", NULL, "without aws_secret_access_key");
    expect(x, "nobody", NULL, "there is default, with blank, half, temp");
    char room[64];
    assert_string_equal(kt_aws_region(x->a, NULL, "default", room, sizeof room), "eu-west-1");
    assert_null(kt_aws_region(x->a, NULL, "temp", room, sizeof room));
    config(x, "[default]\nnonsense\n");
    struct kt_aws *a;
    struct kt_err e = {0};
    assert_int_equal(kt_aws_new(&a, &(struct kt_aws_opts){.env = x->env}, &e), KT_EFORMAT);
    assert_non_null(strstr(e.text, "config, line 2"));
}

static void roles_are_assumed_in_chains(void **state)
{
    struct fix *x = *state;
    config(x, "[profile base]\naws_access_key_id = AKIDFILE\naws_secret_access_key = file-secret\n"
              "[profile one]\nrole_arn = arn:aws:iam::222233334444:role/one\nsource_profile = base\nexternal_id = e+/ =x\n"
              "[profile two]\nrole_arn = arn:aws:iam::333344445555:role/two\nsource_profile = one\nexternal_id = e+/ =x\n"
              "[profile own]\nrole_arn = arn:aws:iam::222233334444:role/own\nsource_profile = own\naws_access_key_id = AKIDFILE\n"
              "aws_secret_access_key = file-secret\nexternal_id = e+/ =x\n"
              "[profile loop]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = pool\n"
              "[profile pool]\nrole_arn = arn:aws:iam::1:role/b\nsource_profile = loop\n"
              "[profile none]\nrole_arn = arn:aws:iam::1:role/a\n"
              "[profile no]\nrole_arn = arn:aws:iam::1:role/denied\nsource_profile = base\n"
              "[profile fromenv]\nrole_arn = arn:aws:iam::222233334444:role/x\ncredential_source = Environment\nexternal_id = e+/ =x\n");
    snprintf(x->aws.external, sizeof x->aws.external, "e+/ =x");
    expect(x, "one", "ASIAFAKE", NULL);
    assert_int_equal(x->aws.assumed, 1);
    expect(x, "two", "ASIAFAKE", NULL);
    assert_int_equal(x->aws.assumed, 3);
    expect(x, "own", "ASIAFAKE", NULL);
    expect(x, "loop", NULL, "leads back to itself");
    expect(x, "none", NULL, "source_profile or credential_source");
    expect(x, "no", NULL, "AccessDenied");
    set(x, "AWS_ACCESS_KEY_ID", "AKIDENV");
    set(x, "AWS_SECRET_ACCESS_KEY", "env-secret");
    expect(x, "fromenv", "ASIAFAKE", NULL);
    assert_int_equal(x->aws.bad_signatures, 0);
}

static void mfa_is_asked_for_with_each_session(void **state)
{
    struct fix *x = *state;
    config(x, "[profile base]\naws_access_key_id = AKIDFILE\naws_secret_access_key = file-secret\n"
              "[profile m]\nrole_arn = arn:aws:iam::222233334444:role/m\nsource_profile = base\nmfa_serial = arn:aws:iam::111122223333:mfa/me\n");
    snprintf(x->aws.mfa, sizeof x->aws.mfa, "123456");
    expect(x, "m", NULL, "nobody to ask");
    x->mfa = "123456";
    x->asked = 0;
    struct kt_creds *c;
    struct kt_err e = {0};
    open_aws(x);
    assert_int_equal(kt_creds_new(&c, x->a, x->net, "m", "us-east-1", &e), KT_OK);
    assert_int_equal(settle(x, c), KT_CREDS_READY);
    assert_int_equal(x->asked, 1);
    struct kt_creds *other; /* another source: a code is good once, its session is shared */
    assert_int_equal(kt_creds_new(&other, x->a, x->net, "m", "us-east-1", &e), KT_OK);
    assert_int_equal(settle(x, other), KT_CREDS_READY);
    assert_int_equal(x->asked, 1);
    assert_ptr_equal(kt_creds_keys(other), kt_creds_keys(c));
    kt_creds_free(other);
    x->ahead = 3600000; /* the session has ended */
    assert_int_equal(settle(x, c), KT_CREDS_READY);
    assert_int_equal(x->asked, 2);
    kt_creds_free(c);
}

static void a_web_identity_is_read_anew(void **state)
{
    struct fix *x = *state;
    temp_write(&x->home, "token", "web-canary\n");
    set(x, "AWS_WEB_IDENTITY_TOKEN_FILE", temp_path(&x->home, "token"));
    set(x, "AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/irsa");
    expect(x, NULL, "ASIAFAKE", NULL);
    assert_int_equal(x->aws.web, 1);
    temp_unlink(&x->home, "token");
    expect(x, NULL, NULL, "AWS_WEB_IDENTITY_TOKEN_FILE");
}

static void identity_center_refreshes_and_says_what_to_type(void **state)
{
    struct fix *x = *state;
    char text[1024], until[KT_TIME_TEXT], soon[KT_TIME_TEXT];
    struct stat st;
    int64_t now = kt_now(NULL) / 1000 * 1000;
    kt_time_format(now + 8 * 3600000, until);
    kt_time_format(now + 60000, soon);
    config(x, "[sso-session my]\nsso_region = us-east-1\nsso_start_url = https://x.awsapps.com/start\n"
              "[profile s]\nsso_session = my\nsso_account_id = 111122223333\nsso_role_name = soc\n");
    expect(x, "s", NULL, "type aws sso login --profile s");
    temp_mkdir(&x->home, ".aws/sso");
    temp_mkdir(&x->home, ".aws/sso/cache");
    /* sha1("my") */
    static const char cache[] = ".aws/sso/cache/3ece1471f44f63177cbc35ba0b904e0c096b6783.json";
    snprintf(text, sizeof text, "{\"accessToken\":\"sso-canary\",\"expiresAt\":\"%s\",\"other\":1}", until);
    temp_write(&x->home, cache, text);
    expect(x, "s", "ASIAFAKE", NULL);
    assert_int_equal(x->aws.refreshed, 0);
    temp_unlink(&x->home, cache);
    snprintf(text, sizeof text, "{\"accessToken\":\"old\",\"expiresAt\":\"%s\",\"refreshToken\":\"refresh-canary\",\"clientId\":\"c\","
                                "\"clientSecret\":\"s\",\"registrationExpiresAt\":\"%s\",\"other\":1}", soon, until);
    temp_write(&x->home, cache, text);
    expect(x, "s", "ASIAFAKE", NULL);
    assert_int_equal(x->aws.refreshed, 1);
    expect(x, "s", "ASIAFAKE", NULL); /* it was written back */
    assert_int_equal(x->aws.refreshed, 1);
    assert_int_equal(stat(temp_path(&x->home, cache), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    temp_unlink(&x->home, cache);
    snprintf(text, sizeof text, "{\"accessToken\":\"wrong\",\"expiresAt\":\"%s\"}", until);
    temp_write(&x->home, cache, text);
    expect(x, "s", NULL, "type aws sso login --profile s");
}

static void programs_give_keys(void **state)
{
    struct fix *x = *state;
    temp_write(&x->home, "keys", "{\"Version\":1,\"AccessKeyId\":\"AKIDPROC\",\"SecretAccessKey\":\"s\",\"Expiration\":\"2100-01-01T00:00:00Z\"}");
    char text[2048];
    snprintf(text, sizeof text, "[profile good]\ncredential_process = cat '%s'\n"
                                "[profile bad]\ncredential_process = sh -c \"echo it \\\"is\\\" broken >&2; exit 3\"\n"
                                "[profile dumb]\ncredential_process = echo hello\n"
                                "[profile gone]\ncredential_process = /no/such/program x\n"
                                "[profile open]\ncredential_process = echo 'x\n"
                                "[profile env]\ncredential_process = sh -c 'test \"$AWS_SESSION_TOKEN\" = for-the-child && cat \"$0\"' %s\n",
             temp_path(&x->home, "keys"), temp_path(&x->home, "keys"));
    config(x, text);
    expect(x, "good", "AKIDPROC", NULL);
    expect(x, "bad", NULL, "failed: it is broken");
    expect(x, "dumb", NULL, "printed no keys");
    expect(x, "gone", NULL, "/no/such/program");
    expect(x, "open", NULL, "quote is open");
    set(x, "AWS_SESSION_TOKEN", "for-the-child");
    expect(x, "env", "AKIDPROC", NULL);
}

static void containers_and_instances_give_keys(void **state)
{
    struct fix *x = *state;
    char url[128];
    expect(x, NULL, "ASIAFAKE", NULL);
    assert_int_equal(x->aws.imds, 1);
    assert_int_equal(x->aws.imds_v1, 0);
    set(x, "AWS_EC2_METADATA_DISABLED", "true");
    expect(x, NULL, NULL, "type aws configure");
    snprintf(url, sizeof url, "%s/container?x=1", fake_aws_url(&x->aws));
    set(x, "AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
    temp_write(&x->home, "pod", "container-canary\n");
    set(x, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", temp_path(&x->home, "pod"));
    expect(x, NULL, "ASIAFAKE", NULL);
    assert_int_equal(x->aws.container, 1);
    temp_unlink(&x->home, "pod");
    temp_write(&x->home, "pod", "a\r\nX-Evil: b");
    expect(x, NULL, NULL, "line break");
}

static void version_one_of_the_metadata_is_never_asked(void **state)
{
    struct fix *x = *state;
    x->aws.imds_token[0] = '\0'; /* the instance gives none */
    expect(x, NULL, NULL, "gave no token");
    assert_int_equal(x->aws.imds_v1, 0);
    assert_int_equal(x->aws.imds, 0);
}

static void a_login_is_read_and_not_refreshed(void **state)
{
    struct fix *x = *state;
    config(x, "[profile l]\nlogin_session = arn:aws:iam::111122223333:user/me\n");
    set(x, "AWS_LOGIN_CACHE_DIRECTORY", x->home.path);
    expect(x, "l", NULL, "type aws login --profile l");
    temp_write(&x->home, "6eeec053fe13079aaf7fd81065ec5ecbdb93674f20700e51842d0c769b240c8a.json",
               "{\"accessToken\":{\"accessKeyId\":\"ASIALOGIN\",\"secretAccessKey\":\"s\",\"sessionToken\":\"t\",\"expiresAt\":\"2100-01-01T00:00:00Z\"}}");
    expect(x, "l", "ASIALOGIN", NULL);
}

/* --- time ------------------------------------------------------------------------------------ */

static void keys_are_fetched_in_time(void **state)
{
    struct fix *x = *state;
    struct kt_creds *c;
    struct kt_err e = {0};
    open_aws(x);
    assert_int_equal(kt_creds_new(&c, x->a, x->net, NULL, "us-east-1", &e), KT_OK);
    assert_int_equal(settle(x, c), KT_CREDS_READY);
    struct kt_keys *first = kt_keys_share(kt_creds_keys(c));
    x->ahead = 40 * 60000;
    assert_int_equal(settle(x, c), KT_CREDS_READY);
    assert_int_equal(x->aws.imds, 1);
    x->ahead = 46 * 60000; /* 14 minutes left: usable, and new ones are sought */
    int64_t until = kt_mono_ms() + LIMIT_MS, wake;
    while (kt_creds_keys(c) == first) {
        assert_int_equal(kt_creds_poll(c, &wake), KT_CREDS_READY);
        assert_true(kt_mono_ms() < until);
        wait_a_bit(x, wake);
    }
    assert_int_equal(x->aws.imds, 2);
    kt_creds_refused(c, first); /* of the old ones nobody speaks any more */
    assert_int_equal(settle(x, c), KT_CREDS_READY);
    assert_int_equal(x->aws.imds, 2);
    kt_creds_refused(c, kt_creds_keys(c));
    assert_int_equal(settle(x, c), KT_CREDS_READY);
    assert_int_equal(x->aws.imds, 3);
    kt_keys_free(first);
    kt_creds_free(c);
}

static void refused_keys_say_what_to_do_and_new_ones_are_seen(void **state)
{
    struct fix *x = *state;
    struct kt_creds *c;
    struct kt_err e = {0};
    int64_t wake;
    temp_write(&x->home, ".aws/credentials", "[default]\naws_access_key_id=AKIDOLD\naws_secret_access_key=s\n");
    open_aws(x);
    assert_int_equal(kt_creds_new(&c, x->a, x->net, NULL, "us-east-1", &e), KT_OK);
    assert_int_equal(settle(x, c), KT_CREDS_READY);
    kt_creds_refused(c, kt_creds_keys(c));
    assert_int_equal(kt_creds_poll(c, &wake), KT_CREDS_FAILED);
    assert_non_null(strstr(kt_creds_says(c), "aws configure"));
    assert_true(wake > kt_mono_ms());
    kt_creds_free(c);
    assert_int_equal(kt_creds_new(&c, x->a, x->net, NULL, "us-east-1", &e), KT_OK);
    assert_int_equal(settle(x, c), KT_CREDS_READY);
    temp_unlink(&x->home, ".aws/credentials");
    temp_write(&x->home, ".aws/credentials", "[default]\naws_access_key_id=AKIDFILE\naws_secret_access_key=file-secret\n");
    kt_creds_refused(c, kt_creds_keys(c));
    assert_int_equal(settle(x, c), KT_CREDS_READY);
    assert_true(kt_span_is(kt_creds_keys(c)->id, "AKIDFILE"));
    kt_creds_free(c);
}

/* --- calls -------------------------------------------------------------------------------------- */

static struct kt_aws_result call(struct fix *x, struct kt_keys *k)
{
    static struct kt_endpoint ep;
    struct kt_err e = {0};
    if (kt_aws_endpoint(x->a, KT_SVC_CLOUDTRAIL, "us-east-1", "default", &ep, &e) != KT_OK)
        fail_msg("%s", e.text);
    struct kt_aws_call *c = kt_aws_call_new(
        x->a, x->net, &(struct kt_aws_request){.endpoint = &ep, .content_type = "application/x-amz-json-1.1",
                                               .target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents",
                                               .body = KT_LIT("{\"StartTime\":1,\"EndTime\":2}"), .keys = k, .total_ms = 2000});
    int64_t until = kt_mono_ms() + LIMIT_MS, wake;
    const struct kt_aws_result *r;
    while ((r = kt_aws_call_poll(c, &wake))->end == KT_AWS_PENDING) {
        assert_true(kt_mono_ms() < until);
        wait_a_bit(x, wake);
    }
    struct kt_aws_result copy = *r;
    copy.body = KT_SPAN_NONE;
    kt_aws_call_free(c);
    return copy;
}

static struct kt_keys *keys(const char *id, const char *secret, const char *token)
{
    return kt_keys_new(kt_span_of(id), kt_span_of(secret), kt_span_of(token), KT_SPAN_NONE, KT_TIME_NONE);
}

static void calls_end_in_one_of_few_ways(void **state)
{
    struct fix *x = *state;
    struct kt_keys *k = keys("AKIDENV", "env-secret", NULL), *t = keys("ASIATEMP", "temp-secret", "temp-token");
    struct kt_keys *wrong = keys("AKIDENV", "wrong", NULL), *unknown = keys("AKIDNOBODY", "s", NULL);
    open_aws(x);
    assert_int_equal(call(x, k).end, KT_AWS_OK);
    assert_int_equal(call(x, t).end, KT_AWS_OK);
    assert_int_equal(call(x, wrong).end, KT_AWS_CREDENTIALS);
    assert_int_equal(call(x, unknown).end, KT_AWS_CREDENTIALS);
    static const struct {
        enum fake_fault fault;
        int times;
        enum kt_aws_end end;
        unsigned lookups;
    } cases[] = {
        {FAKE_THROTTLE, 1, KT_AWS_OK, 2},     {FAKE_THROTTLE, 3, KT_AWS_THROTTLED, 3}, {FAKE_500, 2, KT_AWS_OK, 3},
        {FAKE_500, 3, KT_AWS_TRANSIENT, 3},   {FAKE_503_LATER, 1, KT_AWS_OK, 2},       {FAKE_EXPIRED_TOKEN, 1, KT_AWS_CREDENTIALS, 1},
        {FAKE_DENIED, 1, KT_AWS_DENIED, 1},   {FAKE_REDIRECT, 1, KT_AWS_REFUSED, 1},   {FAKE_EXPIRED_PAGE, 1, KT_AWS_REFUSED, 1},
        {FAKE_DROP, 4, KT_AWS_TRANSIENT, 4 /* libcurl tries once more itself where it used the connection before */},
        {FAKE_DROP_BODY, 1, KT_AWS_OK, 2},       {FAKE_SILENT, 1, KT_AWS_OK, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_aws_calm(&x->aws);
        unsigned before = fake_aws_seen(&x->aws, &x->aws.lookups);
        for (int n = 0; n < cases[i].times; n++)
            fake_aws_fault(&x->aws, cases[i].fault);
        struct kt_aws_result r = call(x, k);
        unsigned lookups = fake_aws_seen(&x->aws, &x->aws.lookups) - before;
        if (r.end != cases[i].end || lookups != cases[i].lookups)
            fail_msg("case %zu: ended %d (%s: %s) after %u", i, r.end, r.code, r.message, lookups);
        if (r.end != KT_AWS_OK)
            assert_true(r.message[0]);
    }
    kt_keys_free(k);
    kt_keys_free(t);
    kt_keys_free(wrong);
    kt_keys_free(unknown);
}

static void a_clock_that_is_off_is_corrected(void **state)
{
    struct fix *x = *state;
    static const int64_t off[] = {-24 * 3600000LL, -3600000, -6 * 60000, 6 * 60000, 3600000, 24 * 3600000LL};
    struct kt_keys *k = keys("AKIDENV", "env-secret", NULL);
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
        open_aws(x);
        x->ahead = off[i];
        x->aws.lookups = 0;
        assert_int_equal(call(x, k).end, KT_AWS_OK);
        assert_int_equal(x->aws.lookups, 2); /* one failed, one corrected */
        assert_int_equal(call(x, k).end, KT_AWS_OK);
        assert_int_equal(x->aws.lookups, 3);
        int64_t left = kt_aws_skew(x->a) + off[i];
        assert_true(left > -2000 && left < 2000);
    }
    kt_keys_free(k);
}

static void paces_are_kept(void **state)
{
    struct fix *x = *state;
    open_aws(x);
    struct kt_pace *p = kt_aws_pace(x->a, "cloudtrail", "1", "us-east-1");
    assert_ptr_equal(p, kt_aws_pace(x->a, "cloudtrail", "1", "us-east-1"));
    assert_ptr_not_equal(p, kt_aws_pace(x->a, "cloudtrail", "2", "us-east-1"));
    assert_true(kt_pace_take(p, 1000, 500));
    assert_false(kt_pace_take(p, 1499, 500));
    assert_true(kt_pace_take(p, 1500, 500));
    kt_pace_throttled(p, 2000, UINT64_MAX);
    assert_false(kt_pace_take(p, 2998, 500));
    assert_true(kt_pace_take(p, 3000, 500));
    for (int i = 0; i < 20; i++)
        kt_pace_throttled(p, 4000, 0);
    assert_true(p->next == 34000 && p->penalty == 60000);
    for (int i = 0; i < 20; i++)
        kt_pace_fine(p);
    assert_true(p->penalty == 0);
}

/* --- endpoints ----------------------------------------------------------------------------------- */

static void endpoint(struct fix *x, enum kt_service s, const char *region, const char *host)
{
    struct kt_endpoint ep;
    struct kt_err e = {0};
    open_aws(x);
    enum kt_code code = kt_aws_endpoint(x->a, s, region, "p", &ep, &e);
    if (host ? code != KT_OK || strcmp(ep.host, host) != 0 : code == KT_OK)
        fail_msg("%s: %s", region, code ? e.text : ep.host);
}

static void endpoints_are_where_they_are(void **state)
{
    struct fix *x = *state;
    x->n_vars = 0;
    set(x, "HOME", x->home.path);
    x->env[1] = NULL;
    endpoint(x, KT_SVC_CLOUDTRAIL, "us-east-1", "cloudtrail.us-east-1.amazonaws.com");
    endpoint(x, KT_SVC_STS, "cn-north-1", "sts.cn-north-1.amazonaws.com.cn");
    endpoint(x, KT_SVC_CLOUDTRAIL, "us-gov-west-1", "cloudtrail.us-gov-west-1.amazonaws.com");
    endpoint(x, KT_SVC_SSO, "eu-west-1", "portal.sso.eu-west-1.amazonaws.com");
    endpoint(x, KT_SVC_OIDC, "eu-west-1", "oidc.eu-west-1.amazonaws.com");
    endpoint(x, KT_SVC_STS, "us-isob-east-1", "sts.us-isob-east-1.sc2s.sgov.gov");
    endpoint(x, KT_SVC_STS, "us-east-1.evil.com/1", NULL);
    endpoint(x, KT_SVC_STS, "nowhere-1", NULL);
    endpoint(x, KT_SVC_STS, "", NULL);
    set(x, "AWS_USE_FIPS_ENDPOINT", "true");
    endpoint(x, KT_SVC_CLOUDTRAIL, "us-east-2", "cloudtrail-fips.us-east-2.amazonaws.com");
    endpoint(x, KT_SVC_CLOUDTRAIL, "us-gov-west-1", "cloudtrail.us-gov-west-1.amazonaws.com");
    set(x, "AWS_USE_DUALSTACK_ENDPOINT", "TRUE");
    endpoint(x, KT_SVC_CLOUDTRAIL, "us-east-1", "cloudtrail-fips.us-east-1.api.aws");
    endpoint(x, KT_SVC_CLOUDTRAIL, "us-iso-east-1", NULL);
    assert_string_equal(kt_partition_of("cn-northwest-1")->iam_region, "cn-north-1");
    assert_string_equal(kt_partition_of("us-gov-east-1")->iam_region, "us-gov-west-1");
    assert_string_equal(kt_partition_of("eu-central-1")->iam_region, "us-east-1");
}

static void endpoints_can_be_ones_own(void **state)
{
    struct fix *x = *state;
    x->n_vars = 0;
    x->env[1] = x->env[2] = NULL;
    set(x, "HOME", x->home.path);
    config(x, "[profile p]\nservices = mine\nendpoint_url = https://all.example\n[services mine]\nsts =\n  endpoint_url = https://sts.example/\n");
    endpoint(x, KT_SVC_STS, "us-east-1", "sts.example");
    endpoint(x, KT_SVC_CLOUDTRAIL, "us-east-1", "all.example");
    set(x, "AWS_ENDPOINT_URL", "https://env.example:8443");
    endpoint(x, KT_SVC_STS, "us-east-1", "env.example:8443");
    set(x, "AWS_ENDPOINT_URL_STS", "http://127.0.0.1:5000");
    endpoint(x, KT_SVC_STS, "us-east-1", "127.0.0.1:5000");
    snprintf(x->vars[2], sizeof x->vars[2], "%s", "AWS_ENDPOINT_URL_STS=http://sts.example");
    endpoint(x, KT_SVC_STS, "us-east-1", NULL); /* http to another machine */
    set(x, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    endpoint(x, KT_SVC_STS, "us-east-1", "sts.us-east-1.amazonaws.com");
}

/* --- secrets -------------------------------------------------------------------------------------- */

static void secrets_leave_the_environment(void **state)
{
    (void)state;
    struct kt_aws *a;
    struct kt_err e = {0};
    setenv("AWS_SECRET_ACCESS_KEY", "canary-in-env", 1);
    setenv("AWS_SESSION_TOKEN", "canary-token", 1);
    const char *was = getenv("AWS_SECRET_ACCESS_KEY");
    assert_int_equal(kt_aws_new(&a, &(struct kt_aws_opts){0}, &e), KT_OK);
    assert_null(getenv("AWS_SECRET_ACCESS_KEY"));
    assert_null(getenv("AWS_SESSION_TOKEN"));
    assert_string_equal(was, "");
    assert_string_equal(kt_aws_env(a, "AWS_SECRET_ACCESS_KEY"), "canary-in-env");
    kt_aws_free(a);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(the_environment_comes_first),
        T(files_are_read_as_the_tools_do),
        T(roles_are_assumed_in_chains),
        T(mfa_is_asked_for_with_each_session),
        T(a_web_identity_is_read_anew),
        T(identity_center_refreshes_and_says_what_to_type),
        T(programs_give_keys),
        T(containers_and_instances_give_keys),
        T(version_one_of_the_metadata_is_never_asked),
        T(a_login_is_read_and_not_refreshed),
        T(keys_are_fetched_in_time),
        T(refused_keys_say_what_to_do_and_new_ones_are_seen),
        T(calls_end_in_one_of_few_ways),
        T(a_clock_that_is_off_is_corrected),
        T(paces_are_kept),
        T(endpoints_are_where_they_are),
        T(endpoints_can_be_ones_own),
        cmocka_unit_test(secrets_leave_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
