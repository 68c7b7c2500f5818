/* Files that an earlier run has read: not read again while they are as they
 * were, and all that they told counts as if they had been; read where they are
 * not. */
#include "engine.h"
#include "tests/support/story.h"
#include "tests/support/temp_dir.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { STORIES = 32, SETTLED_MS = 80 /* beyond what a clock of files may not tell apart */ };

static struct temp_dir dir;
static struct story story[STORIES];
static size_t n_stories;

static int set_up(void **state)
{
    (void)state;
    temp_dir_make(&dir);
    n_stories = stories_read(story, STORIES);
    assert_true(n_stories >= 8);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_stories; i++)
        story_free(&story[i]);
    temp_dir_remove(&dir);
    return 0;
}

/* --- runs ----------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The verdicts of its rows, as sorted text. */
static char *verdicts(struct kt_engine *g)
{
    struct kt_arena *a = kt_arena_new(16 << 20);
    char *line[2 * STORY_RECORDS];
    uint64_t first, next;
    size_t n = 0;
    struct kt_buf all;
    kt_buf_init(&all, 1 << 20);
    kt_store_span(kt_engine_store(g), &first, &next);
    for (uint64_t seq = first; seq < next; seq++) {
        struct kt_row r;
        struct kt_buf b;
        kt_buf_init(&b, 1 << 16);
        kt_arena_reset(a);
        assert_true(kt_store_row(kt_engine_store(g), seq, false, a, &r));
        story_put_verdict(&b, &r);
        line[n++] = strdup(kt_buf_str(&b));
        kt_buf_free(&b);
    }
    qsort(line, n, sizeof *line, by_text);
    for (size_t i = 0; i < n; i++) {
        (void)kt_buf_adds(&all, line[i]);
        free(line[i]);
    }
    char *text = strdup(kt_buf_str(&all));
    kt_buf_free(&all);
    kt_arena_free(a);
    return text;
}

static bool on_row(void *ctx, const struct kt_row *r, struct kt_node *root)
{
    (void)ctx, (void)r, (void)root;
    return true;
}

static void on_trouble(void *ctx, const char *place, const char *sentence)
{
    (void)ctx;
    fail_msg("%s: %s", place, sentence);
}

/* What a whole reading comes to, with no memory. */
static char *read_whole(const char *folder)
{
    struct kt_engine_opts o = {.since = KT_TIME_NONE, .until = KT_TIME_NONE, .ledger = true};
    const struct kt_engine_sink sink = {.row = on_row, .trouble = on_trouble};
    struct kt_engine *g;
    struct kt_err e = {0};
    if (kt_engine_new(&g, &o, &e) != KT_OK || kt_engine_add(g, temp_path(&dir, folder), NULL, &e) != KT_OK)
        fail_msg("%s", e.text);
    (void)kt_engine_run(g, &sink, -1);
    char *all = verdicts(g);
    kt_engine_free(g);
    return all;
}

static void wait_for_news(struct kt_engine *g, int ms)
{
    struct pollfd p = {.fd = kt_engine_fd(g), .events = POLLIN};
    uint64_t count;
    if (poll(&p, 1, ms) == 1)
        (void)!read(p.fd, &count, sizeof count);
}

/* As on the screen, until the rows are `want`, each of which counts; how many
 * records were read for it. */
static uint64_t run(const char *state, const char *folder, const char *want, const char *what)
{
    struct kt_engine_opts o = {.since = KT_TIME_NONE, .until = KT_TIME_NONE, .ledger = true, .follow = true,
                               .store = {.keep_raw = true}, .memory = KT_MEMORY_FILE};
    struct kt_engine *g = NULL;
    struct kt_err e = {0};
    struct kt_source_state s = {0};
    int64_t begun = kt_mono_ms();
    char *now = NULL;
    o.state.path = temp_path(&dir, state);
    if (kt_engine_new(&g, &o, &e) != KT_OK || kt_engine_add(g, temp_path(&dir, folder), NULL, &e) != KT_OK ||
        kt_engine_start(g, &e) != KT_OK)
        fail_msg("%s", e.text);
    do {
        free(now);
        wait_for_news(g, 10);
        (void)kt_engine_sources(g, &s, 1);
        now = verdicts(g);
        if (kt_mono_ms() - begun > 20000)
            fail_msg("%s: the rows became\n%s\nnot\n%s", what, now, want);
    } while (s.health.state != KT_HEALTH_LIVE || strcmp(now, want) != 0 || kt_mono_ms() - begun < SETTLED_MS);
    assert_int_equal(s.health.files_done, s.health.files_total);
    uint64_t records = kt_store_counts(kt_engine_store(g)).records;
    free(now);
    kt_engine_free(g);
    return records;
}

/* Until nothing is read: who stops at once may be asked what it has read before it
 * has told all of it, and then says nothing. */
static void reads_nothing(const char *state, const char *folder, const char *want, const char *what)
{
    uint64_t records = 1;
    for (int i = 0; i < 8 && records; i++)
        records = run(state, folder, want, what);
    assert_int_equal(records, 0);
}

/* --- folders --------------------------------------------------------------------- */

static void put(const char *folder, const char *name, const struct story *s, size_t from, size_t to)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    temp_write(&dir, path, "");
    for (size_t i = from; i < to; i++) {
        temp_append(&dir, path, s->record[i]);
        temp_append(&dir, path, "\n");
    }
}

static void what_was_read_counts_and_is_not_read_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_stories; i++) {
        const struct story *s = &story[i];
        char folder[32], file[48];
        size_t a = s->n / 3, b = s->n * 2 / 3, last = s->n - 1;
        snprintf(folder, sizeof folder, "told-%zu", i);
        snprintf(file, sizeof file, "state-%zu/state.db", i);
        temp_mkdir(&dir, folder);
        put(folder, "a.jsonl", s, 0, a);
        put(folder, "b.jsonl", s, a, b);
        put(folder, "c.jsonl", s, b, last);
        char *part = read_whole(folder);
        assert_int_equal(run(file, folder, part, s->name), last);
        reads_nothing(file, folder, part, s->name);
        /* what comes later says of the rows before what it would have said */
        put(folder, "d.jsonl", s, last, s->n);
        char *whole = read_whole(folder);
        assert_int_equal(run(file, folder, whole, s->name), 1);
        reads_nothing(file, folder, whole, s->name);
        free(part);
        free(whole);
    }
}

static void what_has_changed_is_read(void **state)
{
    (void)state;
    const struct story *s = NULL;
    for (size_t i = 0; i < n_stories && !s; i++)
        s = story[i].n >= 7 ? &story[i] : NULL;
    assert_non_null(s);
    temp_mkdir(&dir, "change");
    put("change", "grows.jsonl", s, 0, 1);
    put("change", "replaced.jsonl", s, 1, 2);
    put("change", "rewritten.jsonl", s, 2, 3);
    put("change", "gone.jsonl", s, 2, 3);
    put("change", "same.jsonl", s, 3, 4);
    char *first = read_whole("change");
    assert_int_equal(run("change-state/state.db", "change", first, "first"), 5);
    reads_nothing("change-state/state.db", "change", first, "again");
    temp_append(&dir, "change/grows.jsonl", s->record[4]);
    temp_append(&dir, "change/grows.jsonl", "\n");
    /* another file of the same name; its inode may be that of the one that is gone */
    temp_unlink(&dir, "change/gone.jsonl");
    put("change", "new.tmp", s, 1, 2);
    temp_rename(&dir, "change/new.tmp", "change/replaced.jsonl");
    put("change", "rewritten.jsonl", s, 2, 3); /* truncated, and the same again */
    put("change", "late.jsonl", s, 5, s->n);
    char *whole = read_whole("change");
    assert_int_equal(run("change-state/state.db", "change", whole, "changed"), 2 + 1 + 1 + s->n - 5);
    free(first);
    free(whole);
}

/* A file with anything wrong in it is read each time, so that it is said. */
static void what_had_troubles_is_read_again(void **state)
{
    (void)state;
    const struct story *s = &story[1];
    temp_mkdir(&dir, "bad");
    put("bad", "good.jsonl", s, 0, 2);
    temp_write(&dir, "bad/bad.jsonl", "{\"eventName\":\"CreateAccessKey\",\"broken\n");
    temp_append(&dir, "bad/bad.jsonl", s->record[2]);
    temp_append(&dir, "bad/bad.jsonl", "\n");
    struct kt_engine_opts o = {.since = KT_TIME_NONE, .until = KT_TIME_NONE, .ledger = true, .follow = true,
                               .store = {.keep_raw = true}, .memory = KT_MEMORY_FILE};
    for (int i = 0; i < 3; i++) {
        struct kt_engine *g = NULL;
        struct kt_err e = {0};
        struct kt_source_state st = {0};
        struct kt_trouble t;
        int64_t begun = kt_mono_ms();
        o.state.path = temp_path(&dir, "bad-state/state.db");
        if (kt_engine_new(&g, &o, &e) != KT_OK || kt_engine_add(g, temp_path(&dir, "bad"), NULL, &e) != KT_OK ||
            kt_engine_start(g, &e) != KT_OK)
            fail_msg("%s", e.text);
        while (st.health.state != KT_HEALTH_LIVE || kt_mono_ms() - begun < SETTLED_MS || kt_engine_troubles(g, &t, 1) == 0) {
            wait_for_news(g, 10);
            (void)kt_engine_sources(g, &st, 1);
            assert_true(kt_mono_ms() - begun < 20000);
        }
        assert_non_null(strstr(t.place, "bad.jsonl"));
        assert_true(kt_store_counts(kt_engine_store(g)).malformed == 1);
        assert_true(kt_store_counts(kt_engine_store(g)).records >= 1);
        kt_engine_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_read_counts_and_is_not_read_again),
        cmocka_unit_test(what_has_changed_is_read),
        cmocka_unit_test(what_had_troubles_is_read_again),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
