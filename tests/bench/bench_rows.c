/* BENCH_ROWS rows (1,000,000) in memory: what they take, how long the screen's
 * questions take, and what arrivals cost; each against the plain way of doing
 * it in the same run, in time of the processor. */
#include "store/view.h"
#include "tests/support/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct kt_store *store;
static struct kt_views *views;
static struct rowgen gen = {.state = 42};
static struct kt_arena *scratch;

static void die(const char *what)
{
    fprintf(stderr, "rows: %s\n", what);
    exit(1);
}

static double cpu_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double resident(void)
{
    long pages = 0, all;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld %ld", &all, &pages) != 2)
        die("/proc/self/statm");
    (void)fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* Time within kt_store_add alone. */
static double add_rows(size_t n)
{
    double in = 0;
    for (size_t i = 0; i < n; i++) {
        struct kt_row r;
        uint8_t d[32];
        kt_arena_reset(scratch);
        rowgen_next(&gen, scratch, &r, d);
        double t = cpu_ms();
        if (kt_store_add(store, &r, d) != KT_ADDED)
            die("a row was not added");
        in += cpu_ms() - t;
    }
    return in;
}

static struct kt_view_spec spec(void)
{
    return (struct kt_view_spec){.sort = KT_FIELD_TIME, .from = KT_TIME_NONE, .to = KT_TIME_NONE, .buckets = 24};
}

/* The best of five: what else runs here takes from the others. */
static double ask(struct kt_view *v, const struct kt_view_spec *p)
{
    double best = 1e9;
    for (int i = 0; i < 5; i++) {
        double t = cpu_ms();
        (void)kt_view_set(v, p);
        kt_view_settle(v);
        t = cpu_ms() - t;
        best = t < best ? t : best;
    }
    return best;
}

/* --- the plain way --------------------------------------------------------------- */

struct text {
    const char *p; /* a column's text, or all of a row's, in `number` for times */
    int64_t number;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct text *)a)->p, ((const struct text *)b)->p);
}

static int by_number(const void *a, const void *b)
{
    int64_t x = ((const struct text *)a)->number, y = ((const struct text *)b)->number;
    return (x > y) - (x < y);
}

static struct text *column(size_t n, enum kt_field f, struct kt_arena *a)
{
    struct text *t = calloc(n, sizeof *t);
    for (size_t i = 0; t && i < n; i++) {
        struct kt_row r;
        kt_arena_reset(scratch);
        if (!kt_store_row(store, i + 1, false, scratch, &r))
            die("a row is gone");
        struct kt_span s = kt_row_field(&r, f, scratch);
        char *copy = kt_arena_alloc(a, s.n + 1);
        if (!copy)
            die("out of memory");
        memcpy(copy, s.n ? s.p : "", s.n);
        copy[s.n] = '\0';
        t[i] = (struct text){copy, f == KT_FIELD_TIME ? r.ev.time : r.verdict.risk};
    }
    return t;
}

static void sort_by(struct kt_view *v, size_t n, enum kt_field f)
{
    struct kt_arena *a = kt_arena_new((size_t)1 << 31);
    struct text *t = a ? column(n, f, a) : NULL;
    struct kt_view_spec p = spec();
    if (!t)
        die("out of memory");
    p.sort = f;
    double ours = ask(v, &p), plain = cpu_ms();
    qsort(t, n, sizeof *t, f == KT_FIELD_TIME || f == KT_FIELD_RISK ? by_number : by_text);
    plain = cpu_ms() - plain;
    printf("rows: sort by %-16s %7.1f ms, qsort %7.1f ms: %5.1f x\n", kt_field_name(f), ours, plain, plain / ours);
    free(t);
    kt_arena_free(a);
}

/* All text columns of each row in one line, an eighth of the rows. */
static struct text *lines(size_t n, struct kt_arena *a)
{
    struct text *t = calloc(n, sizeof *t);
    for (size_t i = 0; t && i < n; i++) {
        struct kt_row r;
        char line[8192];
        size_t at = 0;
        kt_arena_reset(scratch);
        if (!kt_store_row(store, i + 1, false, scratch, &r))
            die("a row is gone");
        for (int f = 0; f < KT_FIELD_COUNT; f++) {
            struct kt_span s = kt_filter_is_text((enum kt_field)f) ? kt_row_field(&r, (enum kt_field)f, scratch) : KT_SPAN_NONE;
            if (!s.n || at + s.n + 2 > sizeof line)
                continue;
            memcpy(line + at, s.p, s.n);
            at += s.n;
            line[at++] = '\n';
        }
        t[i].p = kt_arena_span(a, (struct kt_span){line, at}).p;
        t[i].number = (int64_t)at;
        line[0] = '\0';
    }
    return t;
}

static void filter_for(struct kt_view *v, const char *word, const struct text *line, size_t n, size_t all)
{
    struct kt_view_spec p = spec();
    struct kt_err e;
    size_t hits = 0, len = strlen(word);
    if (kt_filter_parse(&p.filter, kt_span_of(word), 0, NULL, &e) != KT_OK)
        die(e.text);
    double ours = ask(v, &p), plain = cpu_ms();
    for (size_t i = 0; i < n; i++) {
        bool hit = false;
        for (size_t k = 0; !hit && k + len <= (size_t)line[i].number; k++)
            hit = strncasecmp(line[i].p + k, word, len) == 0;
        hits += hit;
    }
    plain = (cpu_ms() - plain) * (double)all / (double)n;
    const struct kt_snapshot *x = kt_view_snapshot(v);
    printf("rows: filter %-17s %7.1f ms, row by row %7.0f ms: %5.0f x (%zu rows; %zu of the first %zu)\n", word, ours, plain,
           plain / ours, x->n, hits, n);
    kt_snapshot_release(x);
    kt_filter_free(p.filter);
}

static void arrivals(struct kt_view *v)
{
    enum { A_SECOND = 10000, BATCHES = 20 }; /* as often as views are made anew */
    struct kt_view_spec p = spec();
    (void)kt_view_set(v, &p);
    kt_view_settle(v);
    double in = 0, seen = 0;
    for (int i = 0; i < BATCHES; i++) {
        in += add_rows(A_SECOND / BATCHES);
        double t = cpu_ms();
        kt_view_settle(v);
        seen += cpu_ms() - t;
    }
    printf("rows: %d arrivals: %.0f ms to keep, %.0f ms to have them in %d snapshots: %.1f %% of a core where they come in a second\n",
           A_SECOND, in, seen, BATCHES, (in + seen) / 10);
}

int main(void)
{
    static const enum kt_field by[] = {KT_FIELD_TIME, KT_FIELD_RISK, KT_FIELD_ACTOR_NAME, KT_FIELD_ACTOR_ARN,
                                       KT_FIELD_SOURCE_ADDRESS, KT_FIELD_AGENT_TEXT, KT_FIELD_KEY_ID, KT_FIELD_EVENT_ID};
    static const char *const words[] = {"user-17", "nobody-has-this", "deadbeef", "akiazz"};
    const char *text = getenv("BENCH_ROWS");
    size_t n = text ? strtoul(text, NULL, 10) : 1000000;
    struct kt_store_opts o = {0};
    scratch = kt_arena_new(1 << 20);
    store = kt_store_new(&o);
    if (!scratch || !store || !n)
        die("out of memory");
    double before = resident(), in = add_rows(n), after = resident();
    printf("rows: %zu creations: %.0f bytes each by the store's own count, %.0f of resident memory; %.1f us to add one\n", n,
           (double)kt_store_counts(store).memory / (double)n, (after - before) / (double)n, in * 1e3 / (double)n);
    views = kt_views_new(store, NULL, NULL);
    struct kt_view_spec p = spec();
    struct kt_view *v = views ? kt_view_open(views, &p) : NULL;
    if (!v)
        die("out of memory");
    for (size_t i = 0; i < sizeof by / sizeof *by; i++)
        sort_by(v, n, by[i]);
    struct kt_arena *a = kt_arena_new((size_t)1 << 31);
    struct text *line = a ? lines(n / 8 + 1 > n ? n : n / 8 + 1, a) : NULL;
    for (size_t i = 0; line && i < sizeof words / sizeof *words; i++)
        filter_for(v, words[i], line, n / 8 + 1 > n ? n : n / 8 + 1, n);
    free(line);
    kt_arena_free(a);
    for (int k = KT_GROUP_USER; k < KT_GROUP_COUNT; k++) {
        p = spec();
        double without = ask(v, &p);
        p.group = (enum kt_group_by)k;
        printf("rows: group by %-10s       %7.1f ms beyond the sort\n", kt_group_name((enum kt_group_by)k), ask(v, &p) - without);
    }
    arrivals(v);
    kt_view_close(v);
    kt_views_free(views);
    kt_store_free(store);
    kt_arena_free(scratch);
    return 0;
}
