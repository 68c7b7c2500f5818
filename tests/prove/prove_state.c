/* What state.h promises, tested by breaking it: 10,000 kills of two writers,
 * 4,096 flipped bits, a full disk, and a year of a million events. Figures are
 * printed. KEYTOP_KILLS and KEYTOP_FLIPS set other numbers. */
#include "tests/support/state_torture.h"
#include "tests/support/temp_dir.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static long number(const char *name, long usual)
{
    const char *text = getenv(name);
    return text && *text ? strtol(text, NULL, 10) : usual;
}

/* In memory where there is such a place: what a kill leaves behind is the same. */
static void make_folder(struct temp_dir *d)
{
    if (!getenv("TMPDIR") && access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 1);
    temp_dir_make(d);
}

/* --- kills ------------------------------------------------------------------------------ */

static void kills_lose_nothing_that_was_acknowledged(void **state)
{
    enum { AT_ONCE = 100 }; /* then all is looked at, and a new file begun */
    (void)state;
    long all = number("KEYTOP_KILLS", 10000);
    struct state_kills k = {0};
    struct rowgen g = {.state = (uint64_t)number("KEYTOP_SEED", 1)};
    for (long n = 0; n < all; n += AT_ONCE) {
        struct temp_dir d;
        make_folder(&d);
        state_kill_writers(d.path, AT_ONCE, &g, &k);
        temp_dir_remove(&d);
        if (n % 1000 == 0)
            fprintf(stderr, "%llu kills, %llu acts acknowledged, %llu lost, %llu corrupt\n", (unsigned long long)k.kills,
                    (unsigned long long)k.acked, (unsigned long long)k.lost, (unsigned long long)k.corrupt);
    }
    printf("%llu kills of two writers: %llu acts acknowledged, %llu lost; %llu rows; %llu files corrupt\n",
           (unsigned long long)k.kills, (unsigned long long)k.acked, (unsigned long long)k.lost,
           (unsigned long long)k.rows, (unsigned long long)k.corrupt);
    assert_int_equal(k.failed, 0);
    assert_int_equal(k.lost, 0);
    assert_int_equal(k.corrupt, 0);
    assert_true(k.acked > (uint64_t)all / 4);
}

/* --- bits ---------------------------------------------------------------------------------- */

static void flip(enum state_flip_what what, int flips, const char *name)
{
    struct temp_dir d;
    struct state_flips f = {0};
    struct rowgen g = {.state = 2};
    make_folder(&d);
    state_flip_bits(d.path, what, flips, &g, &f);
    temp_dir_remove(&d);
    printf("%llu bits of %s flipped: %llu crashed, triage wrong %llu times; set aside %llu times, rows back %.2f %%\n",
           (unsigned long long)f.flips, name, (unsigned long long)f.crashed, (unsigned long long)f.triage_lost,
           (unsigned long long)f.set_aside, 100.0 * (double)f.rows / (double)(f.flips * f.rows_of));
    assert_int_equal(f.crashed, 0);
    assert_int_equal(f.triage_lost, 0);
}

static void flipped_bits_cost_no_triage(void **state)
{
    (void)state;
    flip(STATE_FLIP_DB, (int)number("KEYTOP_FLIPS", 4096), "state.db");
    flip(STATE_FLIP_LOG, (int)number("KEYTOP_FLIPS", 4096) / 8, "triage.log");
}

/* --- a full disk ------------------------------------------------------------------------------ */

static void fill_up(const char *path)
{
    static char block[4096];
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_true(fd >= 0);
    while (write(fd, block, sizeof block) == (ssize_t)sizeof block)
        ;
    while (write(fd, block, 1) == 1)
        ;
    close(fd);
}

static struct kt_state_stats stats(struct kt_state *s)
{
    struct kt_state_stats st;
    kt_state_get_stats(s, &st);
    return st;
}

static int64_t wait_until_written(struct kt_state *s)
{
    int64_t from = kt_mono_ms();
    while ((stats(s).waiting || stats(s).failing) && kt_mono_ms() - from < 30000) {
        struct timespec t = {.tv_nsec = 10000000};
        nanosleep(&t, NULL);
    }
    return kt_mono_ms() - from;
}

static void fill_and_empty(const char *folder)
{
    char path[200], ballast[200];
    struct kt_state *s;
    struct kt_err e = {0};
    struct rowgen g = {.state = 3};
    snprintf(path, sizeof path, "%s/keytop/state.db", folder);
    snprintf(ballast, sizeof ballast, "%s/ballast", folder);
    if (kt_state_open(&s, &(struct kt_state_opts){.path = path, .who = "me@here"}, &e) != KT_OK)
        fail_msg("%s", e.text);
    struct kt_store *store = kt_store_new(&(struct kt_store_opts){.keep_raw = true});
    kt_state_load(s, NULL, 0, NULL, NULL);
    assert_int_equal(kt_state_start(s, store, &e), KT_OK);
    int n = 0, acts = 0;
    int64_t resumed = 0;
    for (int round = 0; round < 3; round++) {
        struct kt_subject about = state_subject(n);
        if (kt_state_triage(s, KT_TRIAGE_ACK, &about, KT_SPAN_NONE, true, &e) != KT_OK)
            fail_msg("round %d: %s", round, e.text);
        acts++;
        assert_true(kt_state_settle(s));
        fill_up(ballast);
        for (int i = 0; i < 100; i++)
            state_add_row(s, store, &g, n++);
        assert_false(kt_state_settle(s));
        assert_true(stats(s).failing && stats(s).trouble[0]); /* the banner */
        assert_int_equal(stats(s).waiting, 100);
        uint64_t refused = stats(s).refused;
        enum kt_code code = KT_OK;
        for (int i = 0; i < 50 && code == KT_OK; i++) { /* there may be room in a last block */
            about = state_subject(1000000 + 100 * round + i);
            code = kt_state_triage(s, KT_TRIAGE_ACK, &about, KT_SPAN_NONE, true, &e);
            acts += code == KT_OK;
        }
        assert_int_equal(code, KT_EIO);
        assert_int_equal(stats(s).refused, refused + 1);
        assert_int_equal(unlink(ballast), 0);
        int64_t took = wait_until_written(s); /* nobody tells it */
        resumed = took > resumed ? took : resumed;
        assert_false(stats(s).failing);
        assert_string_equal(stats(s).trouble, "");
        assert_int_equal(stats(s).rows, n);
    }
    kt_state_close(s);
    kt_store_free(store);
    assert_int_equal(kt_state_open(&s, &(struct kt_state_opts){.path = path, .who = "me@here"}, &e), KT_OK);
    kt_state_load(s, NULL, 0, NULL, NULL);
    assert_int_equal(stats(s).rows, n);
    assert_int_equal(stats(s).triage, acts); /* what was refused is not there */
    assert_int_equal(stats(s).set_aside, 0);
    kt_state_close(s);
    printf("a full disk of 1 MiB, 3 times: 0 of %d rows lost, 0 of %d acts lost; goes on after %lld ms at the most\n", n,
           acts, (long long)resumed);
    assert_true(resumed <= 6000);
}

static void a_full_disk_loses_nothing(void **state)
{
    (void)state;
    struct temp_dir d;
    make_folder(&d);
    if (mount("none", d.path, "tmpfs", 0, "size=1m") != 0) {
        temp_dir_remove(&d);
        puts("SKIP a full disk: no right to mount a small one (tests/unit/test_state.c has it by a limit of file sizes)");
        skip();
    }
    fill_and_empty(d.path);
    assert_int_equal(umount(d.path), 0);
    temp_dir_remove(&d);
}

/* --- a year -------------------------------------------------------------------------------------- */

enum { DAYS = 365, EVENTS = 1000000, WARM = 120 };
static int64_t today = 1767225600000;

static int64_t now_of(void *ctx)
{
    (void)ctx;
    return today;
}

static long rss_kib(void)
{
    long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld %ld", &pages, &resident), 2);
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void a_year_of_a_million_events_stays_within_its_bounds(void **state)
{
    (void)state;
    const uint64_t cap = UINT64_C(64) << 20;
    const struct kt_clock clock = {now_of, NULL};
    struct temp_dir d;
    struct kt_state *s;
    struct kt_err e = {0};
    struct rowgen g = {.state = 4};
    make_folder(&d);
    struct kt_state_opts o = {.path = temp_path(&d, "state.db"), .who = "me@here", .clock = &clock, .bytes_max = cap};
    assert_int_equal(kt_state_open(&s, &o, &e), KT_OK);
    struct kt_store *store = kt_store_new(&(struct kt_store_opts){.keep_raw = true, .rows_max = 50000});
    kt_state_load(s, NULL, 0, NULL, NULL);
    assert_int_equal(kt_state_start(s, store, &e), KT_OK);
    int n = 0;
    long warm = 0, most = 0;
    uint64_t largest = 0;
    for (int day = 0; day < DAYS; day++, today += 86400000) {
        for (; n < (int)((int64_t)EVENTS * (day + 1) / DAYS); n++)
            state_add_row(s, store, &g, n);
        struct kt_subject about = state_subject(n - 1);
        assert_int_equal(kt_state_triage(s, KT_TRIAGE_ACK, &about, KT_SPAN_NONE, true, &e), KT_OK);
        assert_true(kt_state_settle(s));
        struct stat st;
        assert_int_equal(stat(o.path, &st), 0);
        largest = (uint64_t)st.st_size > largest ? (uint64_t)st.st_size : largest;
        long rss = rss_kib();
        warm = day == WARM ? rss : warm;
        most = day > WARM && rss > most ? rss : most;
    }
    struct kt_state_stats t = stats(s);
    kt_state_close(s);
    kt_store_free(store);
    printf("%d days, %d events: state.db %.1f MiB at the most (cap %.0f); %llu rows kept, %llu deleted by age, %llu by "
           "size, %llu missed: %llu in all; RSS %ld KiB on day %d, %ld KiB at the most afterwards\n", DAYS, n,
           (double)largest / 1048576, (double)cap / 1048576, (unsigned long long)t.rows,
           (unsigned long long)t.deleted_age, (unsigned long long)t.deleted_size, (unsigned long long)t.missed,
           (unsigned long long)(t.rows + t.deleted_age + t.deleted_size + t.missed), warm, WARM, most);
    assert_true(largest <= cap);
    assert_int_equal(t.rows + t.deleted_age + t.deleted_size + t.missed, EVENTS);
    assert_int_equal(t.missed, 0);
    assert_true(most <= warm + warm / 50);
    temp_dir_remove(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kills_lose_nothing_that_was_acknowledged),
        cmocka_unit_test(flipped_bits_cost_no_triage),
        cmocka_unit_test(a_full_disk_loses_nothing),
        cmocka_unit_test(a_year_of_a_million_events_stays_within_its_bounds),
    };
    const char *only = getenv("KEYTOP_ONLY");
    if (only)
        cmocka_set_test_filter(only);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
