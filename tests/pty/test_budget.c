/* What a person at a screen may count on: the first frame at once, few bytes
 * for a row, nothing at all while nothing happens. */
#include "tests/support/quiet.h"
#include "tests/support/sample.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int quiet_ms(void)
{
    const char *s = getenv("KEYTOP_QUIET_SECONDS"); /* the proof listens longer */
    return s ? (int)strtol(s, NULL, 10) * 1000 : 5000;
}

static void the_first_frame_comes_at_once(void **state)
{
    (void)state;
    const char *argv[] = {sample_keytop(), "demo:", NULL};
    int64_t best = 1000000;
    for (int i = 0; i < 5; i++) {
        int64_t from = kt_mono_ms();
        struct pty *p = pty_start(&(struct pty_opts){.argv = argv, .rows = 50, .cols = 200});
        pty_wait_text(p, "ACTOR");
        int64_t took = kt_mono_ms() - from;
        best = took < best ? took : best;
        pty_stop(p);
    }
    printf("first frame of demo: after %d ms, the best of 5\n", (int)best);
    assert_true(best <= 300);
}

static void expect_silence(const char *option, const char *source, const char *what)
{
    const char *argv[] = {sample_keytop(), option, source, NULL};
    struct pty *p = pty_start(&(struct pty_opts){.argv = argv, .rows = 50, .cols = 200});
    pty_wait_text(p, "svc-00060");
    pty_settle(p, 1000);
    struct quiet q = quiet_listen(p, quiet_ms());
    printf("%s, idle for %d s: %zu bytes, %ld %s in %d threads %s\n", what, quiet_ms() / 1000, q.bytes, q.calls,
           q.traced ? "system calls" : "wake-ups", q.threads, q.first);
    assert_int_equal(q.bytes, 0);
    assert_int_equal(q.calls, 0);
    pty_send(p, "q"); /* and it still answers */
    assert_int_equal(pty_wait_exit(p), 0);
    pty_stop(p);
}

static void nothing_to_do_is_nothing_done(void **state)
{
    (void)state;
    if (!quiet_can_be_told())
        skip();
    struct kt_buf b;
    char path[512], *folder = sample_folder();
    kt_buf_init(&b, 8 << 20);
    sample_trail(&b, 1, 60);
    /* what is above the folder is watched as well, and others write there: not in this one */
    char inner[300];
    snprintf(inner, sizeof inner, "%s/in", folder);
    assert_int_equal(mkdir(inner, 0700), 0);
    sample_write(inner, "trail.json", b.p, b.len, false, path);
    expect_silence("--once", path, "a file that was read");
    expect_silence("-f", path, "a file that may grow");
    expect_silence("-f", inner, "a folder that may fill");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(inner), 0);
    sample_remove(folder);
    kt_buf_free(&b);
}

/* Rows that have little in common with their neighbours. */
static void add_row(struct kt_buf *b, int n)
{
    static const char *const name[] = {"alice", "legacy-admin", "svc-redash", "k.osei", "ci-publish", "terraform"};
    static const char *const agent[] = {"aws-cli/2.17.0", "Boto3/1.28.0", "Terraform/1.5.7"};
    char address[32];
    unsigned r = (unsigned)n * 2654435761u;
    snprintf(address, sizeof address, "198.51.100.%u", r >> 20 & 0xFF);
    sample_record(b, &(struct sample){.n = n, .actor = name[(r >> 8) % 6], .target = name[(r >> 12) % 6],
                                      .agent = agent[(r >> 16) % 3], .address = address});
    kt_buf_addc(b, '\n');
}

static size_t cost_of_a_row(struct pty *p, const char *folder, int n)
{
    struct kt_buf b;
    char path[512];
    kt_buf_init(&b, 65536);
    add_row(&b, n);
    size_t before = pty_log_size(p);
    sample_write(folder, "live.jsonl", b.p, b.len, true, path);
    pty_wait_bytes(p, before, "\033[");
    pty_settle(p, 250);
    kt_buf_free(&b);
    return pty_log_size(p) - before;
}

static void a_row_that_comes_in_costs_few_bytes(void **state)
{
    (void)state;
    struct kt_buf b;
    char path[512], *folder = sample_folder();
    kt_buf_init(&b, 8 << 20);
    for (int i = 1; i <= 400; i++)
        add_row(&b, 7000 + i);
    sample_write(folder, "live.jsonl", b.p, b.len, false, path);
    const char *argv[] = {sample_keytop(), path, NULL};
    struct pty *p = pty_start(&(struct pty_opts){.argv = argv, .rows = 50, .cols = 200});
    pty_wait_text(p, "7400");
    pty_settle(p, 400);
    size_t following = SIZE_MAX; /* on a busy machine the pane comes in a frame of its own */
    for (int i = 7401; i <= 7405; i++) {
        size_t n = cost_of_a_row(p, folder, i);
        following = n < following ? n : following;
    }
    pty_send(p, "jjjj"); /* the pane below stays with the row that is read */
    pty_settle(p, 400);
    size_t reading = cost_of_a_row(p, folder, 7406);
    for (int i = 7407; i < 7412; i++) {
        size_t n = cost_of_a_row(p, folder, i);
        reading = n > reading ? n : reading;
    }
    printf("a row that comes in at 200x50: %zu bytes where the top is read, cursor and pane following it; %zu below\n",
           following, reading);
    assert_true(following <= 2000); /* some 400 of them are the table's, the rest is another key's pane */
    assert_true(reading <= 400);
    pty_stop(p);
    sample_remove(folder);
    kt_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_frame_comes_at_once),
        cmocka_unit_test(a_row_that_comes_in_costs_few_bytes),
        cmocka_unit_test(nothing_to_do_is_nothing_done),
    };
    return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
