#include "tests/support/accounts.h"

#include "base/clock.h"
#include "tests/support/fake_aws.h"
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
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SHOWN "\"kind\":\"creation\""
enum { TENTHS = 36000, FIRST_ACCOUNT = 100000, QUOTA_MS = 500, PEAK_MAX = 220 /* of each account that begins: its keys, and a question */ };

struct watched {
    struct fake_aws aws;
    int64_t began;
    unsigned tenth[TENTHS]; /* calls in each tenth of a second */
};

static bool before(void *ctx, const struct fake_request *r, struct fake_reply *out)
{
    struct watched *w = ctx;
    int64_t i = (kt_mono_ms() - w->began) / 100;
    (void)r, (void)out;
    if (i >= 0 && i < TENTHS)
        w->tenth[i]++;
    return false;
}

static unsigned peak_of(const struct watched *w)
{
    unsigned most = 0;
    for (size_t i = 0; i + 10 <= TENTHS; i++) {
        unsigned n = 0;
        for (size_t k = 0; k < 10; k++)
            n += w->tenth[i + k];
        most = n > most ? n : most;
    }
    return most;
}

static char *address_of(struct watched *w, size_t accounts)
{
    struct kt_buf b;
    char account[16];
    kt_buf_init(&b, 120 << 10); /* an argument has at most 128 KiB */
    kt_buf_adds(&b, "cloudtrail:?region=us-east-1");
    for (size_t i = 0; i < accounts; i++) {
        snprintf(account, sizeof account, "%012zu", FIRST_ACCOUNT + i);
        kt_buf_addf(&b, "&role=arn:aws:iam::%s:role/soc", account);
        fake_aws_event(&w->aws, kt_now(NULL) - 60000, 0, "CreateAccessKey", account);
    }
    assert_false(b.failed);
    char *address = strdup(kt_buf_str(&b));
    kt_buf_free(&b);
    assert_non_null(address);
    return address;
}

static void let_run(int fds[3], int seconds, struct kt_buf *out, struct kt_buf *err)
{
    int64_t until = kt_mono_ms() + seconds * INT64_C(1000);
    for (int64_t now; (now = kt_mono_ms()) < until;) {
        struct pollfd p[2] = {{.fd = fds[1], .events = POLLIN}, {.fd = fds[2], .events = POLLIN}};
        (void)poll(p, 2, (int)(until - now));
        if (p[0].revents)
            (void)run_drain(&fds[1], out);
        if (p[1].revents)
            (void)run_drain(&fds[2], err);
    }
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void close_books(struct watched *w, const struct rusage *used, struct accounts_books *out)
{
    fake_http_lock(w->aws.http);
    out->lookups = w->aws.lookups;
    out->assumed = w->aws.assumed;
    out->too_fast = w->aws.too_fast;
    out->throttled = w->aws.throttled;
    out->peak = peak_of(w);
    fake_http_unlock(w->aws.http);
    out->connections = fake_http_connections(w->aws.http);
    out->cpu = seconds_of(used->ru_utime) + seconds_of(used->ru_stime);
    out->memory = used->ru_maxrss;
}

void accounts_follow(size_t accounts, int seconds, struct accounts_books *books)
{
    struct watched *w = calloc(1, sizeof *w);
    struct temp_dir home;
    struct kt_buf out, err;
    struct rusage used;
    int fds[3], status;
    assert_non_null(w);
    fake_aws_init(&w->aws);
    temp_dir_make(&home);
    kt_buf_init(&out, RUN_OUT_MAX);
    kt_buf_init(&err, RUN_OUT_MAX);
    fake_aws_environment(&w->aws, home.path);
    w->aws.quota_ms = QUOTA_MS;
    char *address = address_of(w, accounts);
    w->began = kt_mono_ms();
    fake_http_before(w->aws.http, before, w);
    pid_t pid = run_launch(&(struct run_job){.words = (const char *const[]){"--follow", "--no-state", "-o", "jsonl", address, NULL}}, fds);
    let_run(fds, seconds, &out, &err);
    for (int i = 0; i < 2 * seconds && run_count(&out, SHOWN) < accounts; i++) /* a busy machine */
        let_run(fds, 1, &out, &err);
    *books = (struct accounts_books){.accounts = accounts, .seconds = (double)(kt_mono_ms() - w->began) / 1000};
    assert_int_equal(kill(pid, SIGTERM), 0);
    while (fds[1] >= 0 && run_drain(&fds[1], &out))
        ;
    assert_int_equal(wait4(pid, &status, 0, &used), pid);
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    close_books(w, &used, books);
    books->rows = run_count(&out, SHOWN);
    if (books->rows != accounts && err.len)
        print_message("%s", kt_buf_str(&err));
    fake_aws_free(&w->aws);
    temp_dir_remove(&home);
    kt_buf_free(&out);
    kt_buf_free(&err);
    free(address);
    free(w);
}

void accounts_prove(size_t accounts, int seconds)
{
    struct accounts_books b;
    accounts_follow(accounts, seconds, &b);
    print_message("%zu accounts, %.0f s: %zu shown, %u LookupEvents (%u too fast, %u throttled), %u AssumeRole, %u calls in the busiest "
                  "second, %u connections; %.2f s of processor (%.1f %% of one), %ld KiB\n",
                  b.accounts, b.seconds, b.rows, b.lookups, b.too_fast, b.throttled, b.assumed, b.peak, b.connections, b.cpu,
                  100 * b.cpu / b.seconds, b.memory);
    assert_int_equal(b.rows, accounts);
    assert_int_equal(b.too_fast, 0);
    assert_int_equal(b.assumed, accounts);
    assert_in_range(b.peak, 1, PEAK_MAX);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* whose work is not ours */
    assert_true(b.cpu < b.seconds / 10);
#endif
}
