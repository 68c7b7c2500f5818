/* The HTTP client against a server that misbehaves. */
#include "base/clock.h"
#include "net/net.h"
#include "net/retry.h"
#include "tests/support/fake_http.h"
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

enum { LIMIT_MS = 15000 };

struct fix {
    struct fake_http *server;
    struct kt_net *net;
    struct fake_reply next; /* status and breaks of the next replies */
    const char *body, *head;
    size_t body_n;
    int requests;
    char seen[4096];
};

static void on_request(void *ctx, const struct fake_request *r, struct fake_reply *out)
{
    struct fix *x = ctx;
    x->requests++;
    snprintf(x->seen, sizeof x->seen, "%s %.512s\n%.*s\n", r->method, r->target, (int)r->head.n, r->head.p);
    out->status = x->next.status ? x->next.status : 200;
    out->breaks = x->next.breaks;
    out->close = x->next.close;
    if (x->head)
        kt_buf_adds(&out->head, x->head);
    kt_buf_add(&out->body, x->body ? x->body : "hello", x->body ? x->body_n : 5);
}

static void break_next(struct fix *x, enum fake_break how)
{
    fake_http_lock(x->server);
    x->next.breaks = how;
    fake_http_unlock(x->server);
}

static void answer_next(struct fix *x, int status)
{
    fake_http_lock(x->server);
    x->next.status = status;
    fake_http_unlock(x->server);
}

static void open_net(struct fix *x, const char *ca)
{
    struct kt_err e = {0};
    if (kt_net_new(&x->net, &(struct kt_net_opts){ca}, &e) != KT_OK)
        fail_msg("%s", e.text);
}

static int set_up(void **state)
{
    struct fix *x = *state = calloc(1, sizeof *x);
    x->server = fake_http_new(on_request, x);
    open_net(x, NULL);
    return 0;
}

static int tear_down(void **state)
{
    struct fix *x = *state;
    kt_net_free(x->net);
    fake_http_free(x->server);
    free(x);
    return 0;
}

static void wait_for(struct kt_net *n, const struct kt_net_call *c)
{
    int64_t until = kt_mono_ms() + LIMIT_MS;
    while (!kt_net_done(c)) {
        int fd;
        int64_t at, now = kt_mono_ms();
        assert_true(now < until);
        assert_true(kt_net_wait(n, &fd, &at));
        int64_t ms = at ? (at > now ? at - now : 0) : until - now;
        (void)poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, (int)ms);
        kt_net_drive(n);
    }
}

static const char *url_of(const struct fix *x, const char *scheme, const char *host, const char *path)
{
    static char url[256];
    snprintf(url, sizeof url, "%s://%s:%d%s", scheme, host, fake_http_port(x->server), path);
    return url;
}

static struct kt_net_call *ask(struct fix *x, struct kt_net_request r)
{
    if (!r.method)
        r.method = "GET";
    if (!r.url)
        r.url = url_of(x, "http", "127.0.0.1", "/");
    struct kt_net_call *c = kt_net_start(x->net, &r);
    assert_non_null(c);
    wait_for(x->net, c);
    return c;
}

static enum kt_net_fault fault_of(struct fix *x, struct kt_net_request r)
{
    struct kt_net_call *c = ask(x, r);
    struct kt_net_reply p = kt_net_reply(c);
    if (p.fault)
        assert_true(p.why[0]);
    kt_net_end(c);
    return p.fault;
}

static void asks_and_hears(void **state)
{
    struct fix *x = *state;
    x->head = "X-Thing: one\r\nx-thing:  two \r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    struct kt_net_call *c = ask(x, (struct kt_net_request){.method = "POST", .header = {"X-Mine: 7"}, .body = KT_LIT("a\0b")});
    struct kt_net_reply p = kt_net_reply(c);
    assert_int_equal(p.fault, KT_NET_OK);
    assert_int_equal(p.status, 200);
    assert_true(kt_span_is(p.body, "hello"));
    assert_true(kt_span_is(kt_net_header(c, "X-THING"), "two"));
    assert_false(kt_span_known(kt_net_header(c, "X-Thin")));
    assert_true(p.date == 784111777000);
    assert_non_null(strstr(x->seen, "X-Mine: 7"));
    assert_non_null(strstr(x->seen, "Content-Length: 3"));
    assert_null(strstr(x->seen, "Expect:"));
    assert_null(strstr(x->seen, "Accept"));
    kt_net_end(c);
}

static void connections_are_used_again_and_idleness_waits_for_nothing(void **state)
{
    struct fix *x = *state;
    int fd;
    int64_t at;
    for (int i = 0; i < 5; i++)
        assert_int_equal(fault_of(x, (struct kt_net_request){0}), KT_NET_OK);
    assert_int_equal(fake_http_connections(x->server), 1);
    assert_false(kt_net_wait(x->net, &fd, &at));
}

static void many_at_once(void **state)
{
    struct fix *x = *state;
    struct kt_net_call *c[KT_NET_CALLS];
    struct kt_net_request r = {.method = "GET", .url = url_of(x, "http", "127.0.0.1", "/")};
    for (size_t i = 0; i < KT_NET_CALLS; i++)
        assert_non_null(c[i] = kt_net_start(x->net, &r));
    assert_null(kt_net_start(x->net, &r));
    for (size_t i = 0; i < KT_NET_CALLS; i++) {
        wait_for(x->net, c[i]);
        assert_int_equal(kt_net_reply(c[i]).fault, KT_NET_OK);
        kt_net_end(c[i]);
    }
    assert_true(fake_http_connections(x->server) <= 16);
}

static void paths_are_sent_as_they_are(void **state)
{
    struct fix *x = *state;
    kt_net_end(ask(x, (struct kt_net_request){.url = url_of(x, "http", "127.0.0.1", "/a/../b//c?x=%2f")}));
    assert_non_null(strstr(x->seen, "GET /a/../b//c?x=%2f\n"));
}

static void redirects_are_not_followed(void **state)
{
    struct fix *x = *state;
    static char head[128];
    snprintf(head, sizeof head, "Location: http://127.0.0.1:%d/elsewhere\r\n", fake_http_port(x->server));
    x->head = head;
    static const int codes[] = {301, 302, 303, 307, 308};
    for (size_t i = 0; i < 5; i++) {
        answer_next(x, codes[i]);
        x->requests = 0;
        struct kt_net_call *c = ask(x, (struct kt_net_request){.header = {"Authorization: secret"}});
        assert_int_equal(kt_net_reply(c).status, codes[i]);
        assert_int_equal(x->requests, 1);
        kt_net_end(c);
    }
}

static void http_is_for_this_machine_alone(void **state)
{
    (void)state;
    static const char *const good[] = {"http://127.0.0.1/", "http://127.8.8.8:80/", "http://localhost:1/", "http://[::1]:8/",
                                       "http://169.254.169.254/latest", "http://169.254.170.2/x", "http://169.254.170.23/",
                                       "http://[fd00:ec2::254]/", "https://example.com/", "https://10.0.0.1/"};
    static const char *const bad[] = {"http://example.com/", "http://127.0.0.1.example.com/", "http://10.0.0.1/",
                                      "http://128.0.0.1/", "http://169.254.169.253/", "ftp://127.0.0.1/", "file:///etc/passwd",
                                      "https://user:pass@example.com/", "http://127.0.0.1@example.com/", "nothing", "",
                                      "gopher://localhost/", "http://0x7f000001.example/", "http://[::ffff:10.0.0.1]/"};
    struct kt_err e = {0};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (kt_net_allows(good[i], &e) != KT_OK)
            fail_msg("%s: %s", good[i], e.text);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (kt_net_allows(bad[i], &e) == KT_OK)
            fail_msg("%s is allowed", bad[i]);
}

static void what_is_not_allowed_is_not_sent(void **state)
{
    struct fix *x = *state;
    assert_int_equal(fault_of(x, (struct kt_net_request){.url = "http://example.com/"}), KT_NET_POLICY);
    assert_int_equal(fault_of(x, (struct kt_net_request){.header = {"A: b\r\nC: d"}}), KT_NET_POLICY);
    assert_int_equal(x->requests, 0);
}

static void each_way_to_break_is_named(void **state)
{
    struct fix *x = *state;
    static const enum fake_break breaks[] = {FAKE_CLOSE, FAKE_CUT_HEAD, FAKE_CUT_BODY, FAKE_RESET_BODY};
    for (size_t i = 0; i < 4; i++) {
        break_next(x, breaks[i]);
        assert_int_equal(fault_of(x, (struct kt_net_request){0}), KT_NET_BROKEN);
    }
    break_next(x, FAKE_STALL);
    assert_int_equal(fault_of(x, (struct kt_net_request){.total_ms = 150}), KT_NET_TIMEOUT);
    assert_int_equal(fault_of(x, (struct kt_net_request){.url = "http://127.0.0.1:1/"}), KT_NET_CONNECT);
    assert_int_equal(fault_of(x, (struct kt_net_request){.url = "https://host.invalid/"}), KT_NET_RESOLVE);
    break_next(x, FAKE_WHOLE);
    assert_int_equal(fault_of(x, (struct kt_net_request){0}), KT_NET_OK);
}

static void bodies_and_heads_have_an_end(void **state)
{
    struct fix *x = *state;
    break_next(x, FAKE_ENDLESS);
    assert_int_equal(fault_of(x, (struct kt_net_request){.max_body = 100000}), KT_NET_TOO_LARGE);
    break_next(x, FAKE_WHOLE);
    assert_int_equal(fault_of(x, (struct kt_net_request){.max_body = 4}), KT_NET_TOO_LARGE);
    assert_int_equal(fault_of(x, (struct kt_net_request){.max_body = 5}), KT_NET_OK);
    char *head = calloc(1, 200001);
    for (int i = 0; i < 2000; i++)
        snprintf(head + i * 100, 101, "X-%04d: %090d\r\n", i, i);
    x->head = head;
    assert_int_not_equal(fault_of(x, (struct kt_net_request){0}), KT_NET_OK);
    free(head);
}

/* Twenty answers of 4 MiB at once: never more of them than there is room for, and the oldest. */
static void many_large_bodies_wait_for_room(void **state)
{
    struct fix *x = *state;
    enum { MANY = 20, SIZE = 4 << 20 };
    struct kt_net_call *c[MANY];
    struct kt_net_request r = {.method = "GET", .url = url_of(x, "http", "127.0.0.1", "/")};
    int64_t until = kt_mono_ms() + LIMIT_MS;
    size_t done = 0, most = 0;
    char *body = calloc(1, SIZE);
    x->body = body;
    x->body_n = SIZE;
    for (size_t i = 0; i < MANY; i++)
        assert_non_null(c[i] = kt_net_start(x->net, &r));
    while (done < MANY) {
        int fd;
        int64_t at, now = kt_mono_ms();
        size_t held = 0;
        assert_true(now < until);
        for (size_t i = 0; i < MANY; i++) {
            held += c[i] ? kt_net_part(c[i]).n : 0;
            if (!c[i] || !kt_net_done(c[i]))
                continue;
            assert_int_equal(kt_net_reply(c[i]).fault, KT_NET_OK);
            assert_int_equal(kt_net_reply(c[i]).body.n, SIZE);
            kt_net_end(c[i]);
            c[i] = NULL;
            done++;
        }
        most = held > most ? held : most;
        if (done == MANY)
            break;
        assert_true(kt_net_wait(x->net, &fd, &at));
        int64_t ms = at ? (at > now ? at - now : 0) : 1000;
        (void)poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, (int)ms);
        kt_net_drive(x->net);
    }
    assert_true(most > KT_NET_HELD / 2);
    assert_true(most <= KT_NET_HELD + 3 * SIZE); /* one that is done is held until it is read */
    free(body);
}

static void a_call_can_be_given_up(void **state)
{
    struct fix *x = *state;
    int fd;
    int64_t at;
    break_next(x, FAKE_STALL);
    struct kt_net_request r = {.method = "GET", .url = url_of(x, "http", "127.0.0.1", "/")};
    struct kt_net_call *c = kt_net_start(x->net, &r);
    kt_net_drive(x->net);
    kt_net_end(c);
    assert_false(kt_net_wait(x->net, &fd, &at));
    c = kt_net_start(x->net, &r); /* left to kt_net_free */
    assert_non_null(c);
}

/* --- TLS ----------------------------------------------------------------------------- */

static enum kt_net_fault over_tls(struct fix *x, const char *name, int from, int days, int version, const char *host,
                                  bool trust)
{
    struct temp_dir d;
    temp_dir_make(&d);
    const char *pem = temp_path(&d, "ca.pem");
    kt_net_free(x->net);
    fake_http_free(x->server);
    x->server = fake_http_new(on_request, x);
    fake_http_tls(x->server, name, from, days, version, pem);
    open_net(x, trust ? pem : NULL);
    enum kt_net_fault f = fault_of(x, (struct kt_net_request){.url = url_of(x, "https", host, "/")});
    temp_dir_remove(&d);
    return f;
}

static void certificates_are_verified(void **state)
{
    struct fix *x = *state;
    assert_int_equal(over_tls(x, "127.0.0.1", -1, 10, 0, "127.0.0.1", true), KT_NET_OK);
    assert_int_equal(over_tls(x, "localhost", -1, 10, 0, "localhost", true), KT_NET_OK);
    assert_int_equal(over_tls(x, "127.0.0.1", -1, 10, 0, "127.0.0.1", false), KT_NET_TLS);   /* nobody's */
    assert_int_equal(over_tls(x, "example.com", -1, 10, 0, "127.0.0.1", true), KT_NET_TLS);  /* another's */
    assert_int_equal(over_tls(x, "127.0.0.1", -10, 5, 0, "127.0.0.1", true), KT_NET_TLS);    /* yesterday's */
    assert_int_equal(over_tls(x, "127.0.0.1", 5, 5, 0, "127.0.0.1", true), KT_NET_TLS);      /* tomorrow's */
    assert_int_equal(over_tls(x, "127.0.0.1", -1, 10, 0x0302, "127.0.0.1", true), KT_NET_TLS); /* TLS 1.1 */
}

/* The keys of a session are not written, whatever the environment says; nor
 * is another store of certificates believed, nor a password from a file. */
static void the_environment_weakens_nothing(void **state)
{
    struct fix *x = *state;
    struct temp_dir d;
    struct stat st;
    temp_dir_make(&d);
    setenv("SSLKEYLOGFILE", temp_path(&d, "keys"), 1);
    setenv("SSL_CERT_FILE", temp_path(&d, "other.pem"), 1);
    setenv("HOME", d.path, 1);
    temp_write(&d, ".netrc", "machine 127.0.0.1 login me password canary\n");
    setenv("NETRC", temp_path(&d, ".netrc"), 1);
    assert_int_equal(over_tls(x, "127.0.0.1", -1, 10, 0, "127.0.0.1", true), KT_NET_OK);
    assert_null(strstr(x->seen, "Authorization"));
    assert_int_not_equal(stat(temp_path(&d, "keys"), &st), 0);
    assert_null(getenv("SSLKEYLOGFILE"));
    temp_dir_remove(&d);
}

static void a_proxy_is_not_asked_for_this_machine(void **state)
{
    struct fix *x = *state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("https_proxy", "http://127.0.0.1:1", 1);
    assert_int_equal(fault_of(x, (struct kt_net_request){0}), KT_NET_OK);
    assert_int_equal(fault_of(x, (struct kt_net_request){.url = "https://host.invalid/"}), KT_NET_CONNECT);
    unsetenv("http_proxy");
    unsetenv("https_proxy");
}

static void a_missing_bundle_is_named(void **state)
{
    (void)state;
    struct kt_net *n;
    struct kt_err e = {0};
    assert_int_equal(kt_net_new(&n, &(struct kt_net_opts){"/no/such/file"}, &e), KT_ENOTFOUND);
    assert_non_null(strstr(e.text, "/no/such/file"));
}

/* --- retries --------------------------------------------------------------------------- */

static void retries_end_and_grow(void **state)
{
    (void)state;
    struct kt_retry_bucket b = {0};
    struct kt_retry r = {0};
    assert_true(kt_retry_delay(&r, &b, KT_RETRY_TRANSIENT, UINT64_MAX, 0) == 1000);
    assert_true(kt_retry_delay(&r, &b, KT_RETRY_TRANSIENT, UINT64_MAX, 0) == 2000);
    assert_true(kt_retry_delay(&r, &b, KT_RETRY_TRANSIENT, UINT64_MAX, 0) == -1);
    assert_int_equal(b.spent, 10);
    kt_retry_done(&r, &b);
    assert_int_equal(b.spent, 5);
    r = (struct kt_retry){0};
    assert_true(kt_retry_delay(&r, &b, KT_RETRY_THROTTLED, 0, 0) == 0);
    r = (struct kt_retry){0};
    assert_true(kt_retry_delay(&r, &b, KT_RETRY_THROTTLED, 0, 7000) == 7000);
    r = (struct kt_retry){0};
    assert_true(kt_retry_delay(&r, &b, KT_RETRY_TIMEOUT, 0, INT64_MAX) == KT_RETRY_CAP_MS);
}

static void an_empty_bucket_ends_retries(void **state)
{
    (void)state;
    struct kt_retry_bucket b = {0};
    int granted = 0;
    for (;; granted++) {
        struct kt_retry r = {0};
        if (kt_retry_delay(&r, &b, KT_RETRY_TRANSIENT, 0, 0) < 0)
            break;
    }
    assert_int_equal(granted, KT_RETRY_TOKENS / 5);
    for (int i = 0; i < 5; i++)
        kt_retry_done(&(struct kt_retry){0}, &b);
    struct kt_retry r = {0};
    assert_true(kt_retry_delay(&r, &b, KT_RETRY_TRANSIENT, 0, 0) >= 0);
}

/* Nobody is at the other end any more: what is under way ends at once, and what
 * comes next has a connection of its own. */
static void after_a_sleep_nothing_of_before_is_trusted(void **state)
{
    struct fix *x = *state;
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", fake_http_port(x->server));
    break_next(x, FAKE_STALL);
    struct kt_net_call *c = kt_net_start(x->net, &(struct kt_net_request){.method = "GET", .url = url});
    for (int64_t until = kt_mono_ms() + LIMIT_MS; kt_mono_ms() < until;) {
        kt_net_drive(x->net);
        fake_http_lock(x->server);
        bool there = x->requests > 0;
        fake_http_unlock(x->server);
        if (there)
            break;
    }
    assert_false(kt_net_done(c));
    int64_t before = kt_mono_ms();
    kt_net_woke(x->net);
    assert_true(kt_net_done(c));
    assert_int_equal(kt_net_reply(c).fault, KT_NET_BROKEN);
    assert_string_equal(kt_net_reply(c).why, "the machine slept");
    kt_net_end(c);
    break_next(x, FAKE_WHOLE);
    c = kt_net_start(x->net, &(struct kt_net_request){.method = "GET", .url = url});
    while (!kt_net_done(c) && kt_mono_ms() - before < LIMIT_MS)
        kt_net_drive(x->net);
    assert_int_equal(kt_net_reply(c).fault, KT_NET_OK);
    kt_net_end(c);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(asks_and_hears),
        T(connections_are_used_again_and_idleness_waits_for_nothing),
        T(many_at_once),
        T(paths_are_sent_as_they_are),
        T(redirects_are_not_followed),
        cmocka_unit_test(http_is_for_this_machine_alone),
        T(what_is_not_allowed_is_not_sent),
        T(each_way_to_break_is_named),
        T(bodies_and_heads_have_an_end),
        T(many_large_bodies_wait_for_room),
        T(a_call_can_be_given_up),
        T(certificates_are_verified),
        T(after_a_sleep_nothing_of_before_is_trusted),
        T(the_environment_weakens_nothing),
        T(a_proxy_is_not_asked_for_this_machine),
        cmocka_unit_test(a_missing_bundle_is_named),
        cmocka_unit_test(retries_end_and_grow),
        cmocka_unit_test(an_empty_bucket_ends_retries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
