/* The real program and what could lead its secrets elsewhere, or weaken its
 * TLS: redirects, the environment, proxies, old versions, other certificates. */
#include "tests/support/fake_logs.h"
#include "tests/support/fake_splunk.h"
#include "tests/support/fake_tls.h"
#include "tests/support/run.h"
#include "tests/support/temp_dir.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct fix {
    struct fake_splunk splunk;
    struct fake_aws aws;
    struct fake_logs logs;
    struct fake_http *other; /* where nothing may arrive */
    struct fake_tls *tls;
    struct temp_dir home;
    struct kt_buf out, err;
    char address[400], pem[200];
    int status;              /* of redirects; 0: none */
    char location[600];
    unsigned there, authorized; /* what came to `other`; of that, with a secret */
    unsigned again;          /* came to the same host a second time */
    char seen[8192];         /* by `other` */
};

static void on_other(void *ctx, const struct fake_request *r, struct fake_reply *out)
{
    struct fix *x = ctx;
    x->there++;
    x->authorized += fake_header(r, "Authorization").p != NULL;
    snprintf(x->seen, sizeof x->seen, "%s %.300s\n%.*s", r->method, r->target, (int)(r->head.n < 4096 ? r->head.n : 4096), r->head.p);
    out->status = 403;
}

static bool redirecting(void *ctx, const struct fake_request *r, struct fake_reply *out)
{
    struct fix *x = ctx;
    x->again += strncmp(r->target, "/elsewhere", 10) == 0;
    if (!x->status)
        return false;
    out->status = x->status;
    kt_buf_addf(&out->head, "Location: %s\r\n", x->location);
    return true;
}

static int set_up(void **state)
{
    static const char *const gone[] = {"SPLUNK_SESSION_KEY", "SSLKEYLOGFILE", "OPENSSL_CONF", "SSL_CERT_FILE", "NETRC", "CURL_HOME",
                                       "https_proxy", "HTTPS_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "no_proxy", "NO_PROXY"};
    struct fix *x = *state = calloc(1, sizeof *x);
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        unsetenv(gone[i]);
    fake_splunk_init(&x->splunk);
    fake_aws_init(&x->aws);
    fake_logs_init(&x->logs, &x->aws);
    x->logs.quota_ms = 0;
    x->other = fake_http_new(on_other, x);
    temp_dir_make(&x->home);
    kt_buf_init(&x->out, RUN_OUT_MAX);
    kt_buf_init(&x->err, RUN_OUT_MAX);
    fake_aws_environment(&x->aws, x->home.path);
    setenv("SPLUNK_TOKEN", "splunk-canary-token", 1);
    int64_t now = kt_now(NULL);
    fake_splunk_event(&x->splunk, 1, now - 60000, now - 30000, 0);
    fake_logs_event(&x->logs, 1, now - 60000, now - 30000);
    fake_http_before(x->splunk.http, redirecting, x);
    fake_http_before(x->aws.http, redirecting, x);
    snprintf(x->pem, sizeof x->pem, "%s", temp_path(&x->home, "server.pem"));
    return 0;
}

static int tear_down(void **state)
{
    struct fix *x = *state;
    kt_buf_free(&x->out);
    kt_buf_free(&x->err);
    fake_splunk_free(&x->splunk);
    fake_aws_free(&x->aws);
    fake_logs_free(&x->logs);
    fake_http_free(x->other);
    fake_tls_free(x->tls);
    temp_dir_remove(&x->home);
    free(x);
    return 0;
}

static int read_from(struct fix *x, const char *address)
{
    return run_words((const char *const[]){"--once", "-o", "jsonl", address, NULL}, &x->out, &x->err);
}

/* A fault that may pass is waited out for long: only until it is said. */
static void look_until_said(struct fix *x, const char *address, const char *what)
{
    int fds[3], status;
    int64_t until = kt_mono_ms() + RUN_LIMIT_MS;
    kt_buf_reset(&x->err);
    pid_t pid = run_launch(&(struct run_job){.words = (const char *const[]){"--once", "-o", "jsonl", address, NULL}}, fds);
    while (!strstr(kt_buf_str(&x->err), what) && fds[2] >= 0) {
        assert_true(kt_mono_ms() < until);
        if (poll(&(struct pollfd){.fd = fds[2], .events = POLLIN}, 1, 200) == 1)
            (void)run_drain(&fds[2], &x->err);
    }
    run_says(&x->err, what);
    kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    fake_http_see_all();
    for (size_t i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* Splunk over TLS; `trusted`: with its certificate in ca-file. */
static int read_splunk(struct fix *x, int version, bool trusted)
{
    x->tls = fake_tls_new("127.0.0.1", -1, 10, version, x->pem);
    fake_http_speak(x->splunk.http, x->tls);
    snprintf(x->address, sizeof x->address, "splunk://127.0.0.1:%d/?index=main%s%s", fake_http_port(x->splunk.http), trusted ? "&ca-file=" : "",
             trusted ? x->pem : "");
    return read_from(x, x->address);
}

/* --- redirects ----------------------------------------------------------------------------- */

static void follow(struct fix *x, const char *address, const char *to)
{
    static const int codes[] = {301, 302, 303, 307, 308};
    for (size_t i = 0; i < 5; i++) {
        fake_http_lock(x->splunk.http);
        fake_http_lock(x->aws.http);
        x->status = codes[i];
        snprintf(x->location, sizeof x->location, "%s", to);
        fake_http_unlock(x->aws.http);
        fake_http_unlock(x->splunk.http);
        assert_int_equal(read_from(x, address), 1);
        run_says(&x->err, "not followed");
        assert_int_equal(run_count(&x->out, "kind"), 0);
    }
}

static void no_redirect_takes_a_secret_along(void **state)
{
    struct fix *x = *state;
    char target[3][200], splunk[200];
    const char *const aws = "logs:" FAKE_GROUP "?region=us-east-1";
    snprintf(splunk, sizeof splunk, "splunk://127.0.0.1:%d/?http=1&index=main", fake_http_port(x->splunk.http));
    for (int source = 0; source < 2; source++) {
        int own = fake_http_port(source ? x->aws.http : x->splunk.http);
        snprintf(target[0], sizeof target[0], "http://127.0.0.1:%d/elsewhere", own);
        snprintf(target[1], sizeof target[1], "https://localhost:%d/elsewhere", own);
        snprintf(target[2], sizeof target[2], "http://127.0.0.1:%d/elsewhere", fake_http_port(x->other));
        for (int i = 0; i < 3; i++)
            follow(x, source ? aws : splunk, target[i]);
    }
    assert_int_equal(x->there, 0);
    assert_int_equal(x->authorized, 0);
    assert_int_equal(x->again, 0);
}

/* --- the environment ------------------------------------------------------------------------- */

static void the_keys_of_sessions_are_not_written(void **state)
{
    struct fix *x = *state;
    struct stat st;
    char path[200];
    snprintf(path, sizeof path, "%s", temp_path(&x->home, "keylog"));
    setenv("SSLKEYLOGFILE", path, 1);
    assert_int_equal(read_splunk(x, 0, true), 0);
    assert_int_equal(run_count(&x->out, "\"kind\":\"creation\""), 1);
    assert_int_not_equal(stat(path, &st), 0);
}

/* A configuration of OpenSSL's that allows what is old. */
static void old_versions_are_refused_whatever_openssl_is_told(void **state)
{
    struct fix *x = *state;
    temp_write(&x->home, "openssl.cnf", "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMinProtocol = TLSv1\n"
                                        "CipherString = DEFAULT:@SECLEVEL=0\n");
    setenv("OPENSSL_CONF", temp_path(&x->home, "openssl.cnf"), 1);
    assert_int_equal(read_splunk(x, 0x0302, true), 1);
    run_says(&x->err, "its certificate or TLS is not accepted");
    assert_int_equal(x->splunk.authorized, 0);
}

static void no_other_store_is_believed(void **state)
{
    struct fix *x = *state;
    setenv("SSL_CERT_FILE", x->pem, 1);
    setenv("SSL_CERT_DIR", x->home.path, 1);
    setenv("CURL_CA_BUNDLE", x->pem, 1);
    assert_int_equal(read_splunk(x, 0, false), 1);
    run_says(&x->err, "its certificate or TLS is not accepted");
    assert_int_equal(x->splunk.authorized, 0);
    unsetenv("SSL_CERT_DIR");
    unsetenv("CURL_CA_BUNDLE");
}

static void no_file_of_passwords_is_read(void **state)
{
    struct fix *x = *state;
    char header[200];
    temp_write(&x->home, ".netrc", "default login me password netrc-canary\n");
    temp_write(&x->home, ".curlrc", "insecure\nproxy = http://127.0.0.1:1\n");
    setenv("NETRC", temp_path(&x->home, ".netrc"), 1);
    setenv("CURL_HOME", x->home.path, 1);
    assert_int_equal(read_splunk(x, 0, true), 0);
    fake_http_lock(x->splunk.http);
    snprintf(header, sizeof header, "%s", x->splunk.auth);
    fake_http_unlock(x->splunk.http);
    assert_string_equal(header, "Bearer splunk-canary-token");
}

/* As documented: https_proxy is asked to connect, and told nothing more; never for this machine. */
static void a_proxy_hears_no_secret(void **state)
{
    struct fix *x = *state;
    char proxy[64];
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", fake_http_port(x->other));
    setenv("https_proxy", proxy, 1);
    setenv("http_proxy", proxy, 1);
    setenv("ALL_PROXY", proxy, 1);
    assert_int_equal(read_splunk(x, 0, true), 0);
    assert_int_equal(x->there, 0);
    setenv("AWS_ENDPOINT_URL", "https://host.invalid", 1);
    look_until_said(x, "logs:" FAKE_GROUP "?region=us-east-1", "host.invalid: the connection broke");
    assert_true(x->there > 0);
    assert_non_null(strstr(x->seen, "CONNECT host.invalid:443"));
    assert_int_equal(x->authorized, 0);
    assert_null(strstr(x->seen, "canary"));
    assert_null(strstr(x->seen, "AKIDE2E"));
}

/* --- what cannot be asked for ------------------------------------------------------------------- */

static void nothing_switches_verification_off(void **state)
{
    struct fix *x = *state;
    static const char *const options[] = {"--insecure", "-k", "--no-verify", "--no-verify-ssl", "--no-check-certificate"};
    static const char *const settings[] = {"verify=0", "insecure=1", "tls=0", "ssl-verify=false", "verify-peer=0"};
    char address[200];
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(run_words((const char *const[]){"--once", options[i], "cloudtrail:", NULL}, &x->out, &x->err), 2);
        snprintf(address, sizeof address, "splunk://127.0.0.1:1/?%s", settings[i]);
        assert_int_equal(read_from(x, address), 2);
        snprintf(address, sizeof address, "cloudtrail:?%s", settings[i]);
        assert_int_equal(read_from(x, address), 2);
    }
    assert_int_equal(run_words((const char *const[]){"--help", NULL}, &x->out, &x->err), 0);
    static const char *const words[] = {"insecure", "verif", "certificate"};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(run_count(&x->out, words[i]), 0);
}

static void http_is_for_this_machine(void **state)
{
    struct fix *x = *state;
    static const char *const elsewhere[] = {"splunk://splunk.example.com:8089/?http=1", "splunk://10.0.0.1:8089/?http=1",
                                            "splunk://127.0.0.1.example.com/?http=1", "splunk://169.254.169.253/?http=1"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(read_from(x, elsewhere[i]), 2);
        run_says(&x->err, "https only");
    }
    static const char *const variables[] = {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_CLOUDTRAIL"};
    for (size_t i = 0; i < 2; i++) {
        setenv(variables[i], "http://cloudtrail.example.com", 1);
        assert_int_equal(read_from(x, "cloudtrail:"), 2);
        run_says(&x->err, "https only");
        unsetenv(variables[i]);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(no_redirect_takes_a_secret_along), T(the_keys_of_sessions_are_not_written),
        T(old_versions_are_refused_whatever_openssl_is_told), T(no_other_store_is_believed), T(no_file_of_passwords_is_read),
        T(a_proxy_hears_no_secret), T(nothing_switches_verification_off), T(http_is_for_this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
