/* Hostile text, thinned: of every 97th code point and all that is special some, in
 * every field and view. The whole is tests/prove/prove_hostile.c. */
#include "tests/support/hostile_views.h"
#include "tests/support/pty.h"
#include "tests/support/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static struct hostile_list list;
static struct hostile_tally *tally;

static int set_up(void **state)
{
    (void)state;
    hostile_list(&list, 97);
    tally = calloc(1, sizeof *tally);
    return tally ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(list.cp);
    free(tally);
    return 0;
}

static void no_view_draws_what_is_hostile(void **state)
{
    static const struct hostile_opts o = {.locale = "C.UTF-8", .widths_every = 1};
    (void)state;
    hostile_thin(&list, 3);
    hostile_draw_lists(&list, &o, tally);
    hostile_draw_panes(&list, &o, tally);
    hostile_draw_prompts(&list, &o, tally);
    hostile_draw_names(&list, &o, tally);
    hostile_tally_print(tally, "canvases");
    hostile_assert_seen(tally, &list, HOSTILE_VIEW_TABLE, HOSTILE_VIEW_MALFORMED);
}

static void an_ascii_screen_draws_ascii(void **state)
{
    static const char *const locale[] = {"C.UTF-8", "C"};
    (void)state;
    hostile_thin(&list, 40);
    for (int i = 0; i < 2; i++) {
        struct hostile_opts o = {.locale = locale[i], .ascii = true, .widths_every = 1};
        hostile_draw_lists(&list, &o, tally);
        hostile_draw_panes(&list, &o, tally);
        hostile_draw_prompts(&list, &o, tally);
        hostile_draw_names(&list, &o, tally);
    }
    hostile_tally_print(tally, "canvases in ASCII");
}

static void no_text_leaves_its_column(void **state)
{
    (void)state;
    size_t cells = hostile_columns(10000);
    printf("10000 hostile texts: %zu cells outside their columns as beside a harmless one\n", cells);
}

static void no_byte_of_it_reaches_a_terminal(void **state)
{
    static const struct hostile_opts o = {.widths_every = 2};
    (void)state;
    hostile_thin(&list, 13);
    hostile_run_lists(&list, &o, tally);
    hostile_run_panes(&list, &o, tally);
    hostile_run_prompts(&list, &o, tally);
    hostile_run_names(&list, &o, tally);
    hostile_tally_print(tally, "terminal");
    hostile_assert_seen(tally, &list, HOSTILE_VIEW_TABLE, HOSTILE_VIEW_MALFORMED);
}

static void nor_to_one_without_unicode(void **state)
{
    static const char *const env[] = {"LC_ALL=C", NULL};
    static const struct hostile_opts o = {.ascii = true, .widths_every = 1, .env = env};
    (void)state;
    hostile_thin(&list, 80);
    hostile_run_lists(&list, &o, tally);
    hostile_run_panes(&list, &o, tally);
    hostile_run_prompts(&list, &o, tally);
    hostile_run_names(&list, &o, tally);
    hostile_tally_print(tally, "terminal, LC_ALL=C");
}

static void bytes_that_are_no_utf8_are_repaired_and_it_is_said(void **state)
{
    (void)state;
    size_t forms = hostile_draw_bytes(tally), shown = hostile_run_bytes(tally);
    printf("%zu forms of bytes on canvases, %zu on a terminal\n", forms, shown);
    hostile_tally_print(tally, "forms of bytes");
}

static void a_frame_under_way_at_the_end_is_sent_whole(void **state)
{
    (void)state;
    struct kt_buf b;
    char path[512], *folder = sample_folder();
    kt_buf_init(&b, 8 << 20);
    sample_trail(&b, 1, 900);
    sample_write(folder, "trail.json", b.p, b.len, false, path);
    const char *argv[] = {sample_keytop(), path, NULL};
    struct pty *p = pty_start(&(struct pty_opts){.argv = argv, .rows = 900, .cols = 400});
    pty_wait_text(p, "svc-00900");
    pty_settle(p, 300);
    size_t frame = pty_log_size(p);
    pty_send(p, "\x0c");
    pty_settle(p, 300);
    frame = pty_log_size(p) - frame;
    size_t before = pty_log_size(p);
    pty_send(p, "\x0c");
    pty_wait_bytes(p, before, "\033[2J");
    pty_send(p, "q");
    assert_int_equal(pty_wait_exit(p), 0);
    struct hostile_scan *s = calloc(1, sizeof *s);
    assert_non_null(s);
    hostile_scan_init(s, 900, 400, false);
    hostile_scan(s, pty_log(p), pty_log_size(p));
    assert_string_equal(s->wrong, "");
    printf("a frame of %zu bytes, %zu from Ctrl-L to the end\n", frame, pty_log_size(p) - before);
    free(s);
    pty_stop(p);
    sample_remove(folder);
    kt_buf_free(&b);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(no_view_draws_what_is_hostile),
        T(an_ascii_screen_draws_ascii),
        cmocka_unit_test(no_text_leaves_its_column),
        T(no_byte_of_it_reaches_a_terminal),
        T(nor_to_one_without_unicode),
        T(bytes_that_are_no_utf8_are_repaired_and_it_is_said),
        cmocka_unit_test(a_frame_under_way_at_the_end_is_sent_whole),
    };
    return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
