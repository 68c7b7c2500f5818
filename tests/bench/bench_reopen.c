/* BENCH_FILES small files (20,000) that an earlier run has read, opened again:
 * how long until all is known, against a readdir and stat of them all in the
 * same run, in turns. */
#include "engine.h"
#include "tests/support/scene.h"
#include "tests/support/temp_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { RUNS = 5 };

static void die(const char *what)
{
    fprintf(stderr, "reopen: %s\n", what);
    exit(1);
}

static void write_files(const struct temp_dir *d, int n)
{
    temp_mkdir(d, "trail");
    for (int i = 0; i < n; i++) {
        char name[64], key[32];
        snprintf(name, sizeof name, "trail/%05d.jsonl", i);
        snprintf(key, sizeof key, "AKIAEXAMPLE%09d", i);
        struct scene_call c = {.at = i * 60, .name = i % 200 ? "ListUsers" : "CreateAccessKey", .who = "ann", .user = "svc",
                               .makes = i % 200 ? NULL : key};
        char *text = scene_record(&c, i);
        temp_write(d, name, text);
        temp_append(d, name, "\n");
        free(text);
    }
}

static double now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double look_at_all(const char *path, int want)
{
    double from = now_ms();
    DIR *dir = opendir(path);
    int n = 0;
    if (!dir)
        die(path);
    for (struct dirent *e; (e = readdir(dir));) {
        struct stat st;
        n += fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
    }
    (void)closedir(dir);
    if (n != want)
        die("files are missing");
    return now_ms() - from;
}

/* Until the source follows; how many records were read for it. */
static double open_all(const char *state, const char *path, uint64_t *records, uint64_t *rows)
{
    struct kt_engine_opts o = {.since = KT_TIME_NONE, .until = KT_TIME_NONE, .ledger = true, .follow = true,
                               .store = {.keep_raw = true}, .memory = KT_MEMORY_FILE};
    struct kt_engine *g = NULL;
    struct kt_err e = {0};
    struct kt_source_state s = {0};
    double from = now_ms();
    o.state.path = state;
    if (kt_engine_new(&g, &o, &e) != KT_OK || kt_engine_add(g, path, NULL, &e) != KT_OK || kt_engine_start(g, &e) != KT_OK)
        die(e.text);
    for (kt_engine_sources(g, &s, 1); s.health.state != KT_HEALTH_LIVE; kt_engine_sources(g, &s, 1)) {
        struct pollfd p = {.fd = kt_engine_fd(g), .events = POLLIN};
        uint64_t count;
        if (poll(&p, 1, 1000) == 1 && read(p.fd, &count, sizeof count) != (ssize_t)sizeof count)
            die("the engine's news");
    }
    double took = now_ms() - from;
    for (int i = 0; i < 30; i++) { /* what was read is told, judged and written */
        struct pollfd p = {.fd = kt_engine_fd(g), .events = POLLIN};
        uint64_t count;
        if (poll(&p, 1, 100) == 1 && read(p.fd, &count, sizeof count) != (ssize_t)sizeof count)
            die("the engine's news");
    }
    *records = kt_store_counts(kt_engine_store(g)).records;
    *rows = kt_store_counts(kt_engine_store(g)).shown;
    kt_engine_free(g);
    return took;
}

static int by_size(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

int main(void)
{
    struct temp_dir d;
    const char *text = getenv("BENCH_FILES");
    int n = text ? (int)strtol(text, NULL, 10) : 20000;
    double look[RUNS], again[RUNS];
    uint64_t records, rows, first_rows;
    temp_dir_make(&d);
    write_files(&d, n);
    char *state = strdup(temp_path(&d, "state/state.db")), *trail = strdup(temp_path(&d, "trail"));
    if (!state || !trail)
        die("out of memory");
    double first = open_all(state, trail, &records, &first_rows);
    for (int i = 0; i < RUNS; i++) {
        look[i] = look_at_all(trail, n);
        again[i] = open_all(state, trail, &records, &rows);
        if (records || rows != first_rows)
            die("files were read again, or rows are missing");
    }
    qsort(look, RUNS, sizeof *look, by_size);
    qsort(again, RUNS, sizeof *again, by_size);
    printf("reopen: %d files, %llu rows: read in %.0f ms; again, unchanged: %.0f ms, a readdir and stat of them all %.0f ms: "
           "%.1f of it (medians of %d, in turns)\n",
           n, (unsigned long long)rows, first, again[RUNS / 2], look[RUNS / 2], again[RUNS / 2] / look[RUNS / 2], RUNS);
    free(trail);
    free(state);
    temp_dir_remove(&d);
    return 0;
}
