/* Alerts of the real program: bytes that a terminal gets, and a command. */
#include "tests/support/pty.h"
#include "tests/support/records.h"
#include "tests/support/sample.h"
#include "tests/support/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct temp_dir d;
static char trail[256], config[256], out[256];

static void record_of(const char *actor, const char *id, const char *type, const char *target)
{
    char key[32];
    (void)snprintf(key, sizeof key, "AKIAIOSFODNN7EX%.5s", id);
    char *line = record_text(&(struct record){.id = id, .type = type, .target = target, .key = key, .actor = actor});
    temp_append(&d, "trail.json", line);
    temp_append(&d, "trail.json", "\n");
    free(line);
}

/* One actor each: what one does is part of the risk of another. */
static void record(const char *id, const char *type, const char *target)
{
    char actor[32];
    (void)snprintf(actor, sizeof actor, "mallory-%s", id);
    record_of(actor, id, type, target);
}

static int set_up(void **state)
{
    (void)state;
    temp_dir_make(&d);
    (void)snprintf(trail, sizeof trail, "%s", temp_path(&d, "trail.json"));
    (void)snprintf(config, sizeof config, "%s", temp_path(&d, "config.yaml"));
    (void)snprintf(out, sizeof out, "%s", temp_path(&d, "out"));
    temp_write(&d, "trail.json", "");
    record("00001", NULL, "bob"); /* medium: it was there before, and does not ring */
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_dir_remove(&d);
    return 0;
}

static struct pty *start(const char *alerts)
{
    temp_write(&d, "config.yaml", alerts);
    const char *const argv[] = {sample_keytop(), "--no-state", "--config", config, trail, NULL};
    struct pty *p = pty_start(&(struct pty_opts){.argv = argv, .rows = 30, .cols = 160});
    pty_wait_text(p, "LIVE");
    pty_wait_text(p, "bob");
    return p;
}

static bool wait_for_file(struct pty *p, const char *path, size_t size)
{
    struct stat st;
    for (int i = 0; i < 500; i++) {
        if (stat(path, &st) == 0 && (size_t)st.st_size >= size)
            return true;
        (void)pty_read(p, 20);
    }
    return false;
}

static const char *text_of(const char *path)
{
    static char text[1 << 16];
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    text[n] = '\0';
    if (f)
        (void)fclose(f);
    return text;
}

static void a_grave_row_that_arrives_rings_once_in_each_way(void **state)
{
    (void)state;
    struct pty *p = start("alerts: {medium: [bell, flash, title, notify], every: 3600}\n");
    assert_false(pty_log_has(p, 0, "\a"));
    record("00002", NULL, "victim");
    pty_wait_text(p, "victim");
    (void)pty_wait_bytes(p, 0, "\033]2;(1) keytop\033\\");
    (void)pty_wait_bytes(p, 0, "\033]9;keytop: 1 new row, the gravest medium\a");
    struct pty_cell c = pty_cell(p, 0, 1);
    assert_true(c.reverse); /* the first line flashes */
    size_t before = pty_log_size(p);
    record("00003", NULL, "another"); /* within `every`: only the title counts on */
    (void)pty_wait_bytes(p, before, "\033]2;(2) keytop\033\\");
    pty_wait_text(p, "another");
    assert_false(pty_log_has(p, before, "\a"));
    before = pty_log_size(p);
    pty_send(p, "p"); /* somebody is there; and a pause holds no bell */
    (void)pty_wait_bytes(p, before, "\033]2;keytop\033\\");
    record("00004", NULL, "third");
    (void)pty_wait_bytes(p, before, "\033]2;(1) keytop\033\\");
    assert_false(pty_log_has(p, 0, "victim\a"));
    pty_quit(p);
}

static void the_title_comes_back(void **state)
{
    (void)state;
    struct pty *p = start("alerts: {medium: [title]}\n");
    record("00002", NULL, "victim");
    (void)pty_wait_bytes(p, 0, "\033[22;2t\033]2;(1) keytop\033\\");
    pty_send(p, "q");
    (void)pty_wait_exit(p);
    assert_true(pty_log_has(p, 0, "\033[23;2t"));
    pty_stop(p);
}

static void what_is_not_asked_for_is_not_sent(void **state)
{
    (void)state;
    struct pty *p = start("alerts: {medium: [], high: [], critical: []}\n");
    record("00002", NULL, "victim");
    pty_wait_text(p, "victim");
    pty_settle(p, 50);
    assert_false(pty_log_has(p, 0, "\a"));
    assert_false(pty_log_has(p, 0, "\033]"));
    pty_quit(p);
}

/* The command gets the row as -o jsonl prints it; its words are no shell's. */
static void the_hook_is_given_each_event(void **state)
{
    (void)state;
    char yaml[1024];
    (void)snprintf(yaml, sizeof yaml,
                   "alerts:\n  medium: [hook]\n  hook:\n    command: [sh, -c, 'cat >> \"$1\"', '$(touch evil)', '%s']\n", out);
    struct pty *p = start(yaml);
    record("00002", NULL, "victim");
    record("00003", NULL, "'; touch evil; '");
    assert_true(wait_for_file(p, out, 1));
    for (int i = 0; i < 500 && !strstr(text_of(out), "00003"); i++)
        (void)pty_read(p, 20);
    assert_non_null(strstr(text_of(out), "{\"kind\":\"creation\""));
    assert_non_null(strstr(text_of(out), "\"event_id\":\"00002\""));
    assert_non_null(strstr(text_of(out), "\"event_id\":\"00003\""));
    assert_null(strstr(text_of(out), "\"event_id\":\"00001\"")); /* it was there before */
    assert_int_not_equal(access("evil", F_OK), 0);
    pty_quit(p);
}

static void a_hook_that_fails_is_shown(void **state)
{
    (void)state;
    struct pty *p = start("alerts: {medium: [hook], hook: {command: [sh, -c, 'exit 3']}}\n");
    record("00002", NULL, "victim");
    pty_wait_text(p, "the alert hook failed: exit status 3");
    pty_send(p, "S");
    pty_wait_text(p, "ALERTS");
    pty_wait_text(p, "exit status 3");
    pty_send(p, "\x1b");
    pty_quit(p);
}

static void a_bad_alert_is_refused_with_its_place(void **state)
{
    (void)state;
    temp_write(&d, "config.yaml", "alerts:\n  high: [bell, siren]\n");
    const char *const argv[] = {sample_keytop(), "--config", config, trail, NULL};
    struct pty *p = pty_start(&(struct pty_opts){.argv = argv, .cols = 160});
    int status = pty_wait_exit(p);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
    assert_true(pty_log_has(p, 0, "config.yaml:2:16:"));
    pty_stop(p);
}

/* Three users within the hour make each of the three high: those that were
 * medium when they came ring now, and what somebody has acknowledged does not. */
static void what_grows_grave_rings_and_what_is_acknowledged_stays_quiet(void **state)
{
    (void)state;
    struct pty *p = start("alerts: {high: [title]}\n");
    record_of("mallory", "00002", NULL, "first");
    pty_wait_text(p, "first");
    pty_send(p, "a");
    pty_wait_text(p, "acknowledged");
    record_of("mallory", "00003", NULL, "second");
    record_of("mallory", "00004", NULL, "third");
    (void)pty_wait_bytes(p, 0, "\033]2;(2) keytop\033\\");
    pty_settle(p, 300);
    assert_false(pty_log_has(p, 0, "(3) keytop"));
    pty_quit(p);
}

static void what_comes_back_from_memory_does_not_ring(void **state)
{
    (void)state;
    char memory[256];
    (void)snprintf(memory, sizeof memory, "%s", temp_path(&d, "state.db"));
    temp_write(&d, "config.yaml", "alerts: {medium: [title]}\n");
    const char *const argv[] = {sample_keytop(), "--state", memory, "--config", config, trail, NULL};
    for (int run = 0; run < 2; run++) {
        struct pty *p = pty_start(&(struct pty_opts){.argv = argv, .rows = 30, .cols = 160});
        pty_wait_text(p, "LIVE");
        pty_wait_text(p, "bob");
        if (run == 0) {
            record("00002", NULL, "victim");
            (void)pty_wait_bytes(p, 0, "\033]2;(1) keytop\033\\");
        } else {
            pty_wait_text(p, "victim");
            pty_settle(p, 300);
            assert_false(pty_log_has(p, 0, "\033]2;"));
        }
        pty_quit(p);
    }
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_grave_row_that_arrives_rings_once_in_each_way),
        T(the_title_comes_back),
        T(what_is_not_asked_for_is_not_sent),
        T(the_hook_is_given_each_event),
        T(a_hook_that_fails_is_shown),
        T(what_grows_grave_rings_and_what_is_acknowledged_stays_quiet),
        T(what_comes_back_from_memory_does_not_ring),
        T(a_bad_alert_is_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
