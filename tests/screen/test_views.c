/* What a person makes of the table: marks, two records beside each other,
 * columns, views, groups, the histogram, layouts. */
#include "tests/support/app_fixture.h"
#include "tui/diff.h"
#include "tui/histogram.h"
#include "tests/support/temp_dir.h"
#include "tui/screen.h"
#include "tui/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* --- marks ---------------------------------------------------------------- */

static void space_marks_a_row_and_goes_on_and_takes_the_mark_off_again(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, FIXTURE_DAY, 24, 120, false);
    fixture_keys(&f, "Space");
    assert_true(fixture_shows(&f, "1 marked"));
    assert_int_equal(fixture_line(&f, 3)[0], '*');
    assert_true(strstr(fixture_selected(&f), "14:31:02") != NULL);
    fixture_keys(&f, "Space U");
    assert_int_equal(f.app->marks.n, 0);
    fixture_keys(&f, "Home Space Home Space");
    assert_int_equal(f.app->marks.n, 0);
    fixture_close(&f);
}

static void marks_stay_with_their_rows_when_others_arrive_and_the_order_changes(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, FIXTURE_DAY, 24, 120, false);
    fixture_keys(&f, "Space");
    struct fixture_record r = {.id = "n1", .time = "2026-11-24T14:32:35Z", .type = "IAMUser", .actor = "zoe",
                               .account = "111122223333", .target = "zoe", .key = "AKIAIOSFODNN7EXAZ0E0",
                               .address = "192.0.2.1", .agent = "a/1"};
    fixture_arrive(&f, &r, NULL);
    fixture_settle(&f);
    int at = -1;
    for (int row = 0; row < 20; row++)
        if (strncmp(fixture_line(&f, row), "*", 1) == 0)
            at = row;
    assert_true(at >= 3 && strstr(fixture_line(&f, at), "ci-deploy") != NULL);
    fixture_close(&f);
}

static void as_many_rows_are_marked_as_may_be_and_it_is_said(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, FIXTURE_MANY, 24, 120, false);
    for (int i = 0; i < KT_MARKS_MAX; i++)
        fixture_keys(&f, "Space");
    assert_int_equal(f.app->marks.n, KT_MARKS_MAX);
    fixture_keys(&f, "Space");
    assert_true(fixture_shows(&f, "500 rows are marked"));
    assert_int_equal(f.app->marks.n, KT_MARKS_MAX);
    fixture_close(&f);
}

/* --- two records ------------------------------------------------------------ */

static void the_two_rows_marked_last_are_compared_field_by_field(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, FIXTURE_DAY, 50, 160, false);
    fixture_keys(&f, "d");
    assert_true(fixture_shows(&f, "mark two rows with Space"));
    fixture_keys(&f, "Space d"); /* the one marked and the one under the cursor */
    assert_true(fixture_shows(&f, "two records"));
    assert_true(fixture_shows(&f, "actor.name"));
    assert_true(fixture_shows(&f, "ci-deploy"));
    assert_true(fixture_shows(&f, "root"));
    assert_false(fixture_shows(&f, "event_source"));
    fixture_keys(&f, "=");
    assert_true(fixture_shows(&f, "event_source"));
    fixture_keys(&f, "= End");
    assert_true(fixture_shows(&f, "userIdentity"));
    fixture_keys(&f, "Y");
    assert_true(f.did & KT_APP_COPY);
    fixture_keys(&f, "/");
    fixture_keys(&f, "'sessionIssuer");
    fixture_keys(&f, "Enter");
    fixture_keys(&f, "Backspace");
    assert_ptr_equal(f.app->top, f.app->table);
    fixture_close(&f);
}

static const struct kt_diff_line *line(const struct kt_diff *d, const char *path)
{
    for (size_t i = 0; i < d->n; i++)
        if (kt_span_is(d->line[i].path, path))
            return &d->line[i];
    fail_msg("no line %s", path);
    return NULL;
}

static void members_are_met_by_their_path_wherever_they_stand(void **state)
{
    (void)state;
    struct kt_arena *arena = kt_arena_new(16 << 20);
    struct kt_diff d = {0};
    assert_true(kt_diff_json(&d, KT_LIT("{\"a\":1,\"b\":{\"c\":[1,{\"d\":\"x\"}],\"e\":{}},\"only\":null}"),
                             KT_LIT("{\"b\":{\"e\":{},\"c\":[1,{\"d\":\"y\"},3]},\"a\":1}"), arena));
    assert_int_equal(line(&d, "a")->kind, KT_DIFF_SAME);
    assert_int_equal(line(&d, "b.c[0]")->kind, KT_DIFF_SAME);
    assert_int_equal(line(&d, "b.c[1].d")->kind, KT_DIFF_OTHER);
    assert_true(kt_span_is(line(&d, "b.c[1].d")->b, "\"y\""));
    assert_int_equal(line(&d, "b.c[2]")->kind, KT_DIFF_ONLY_B);
    assert_int_equal(line(&d, "b.e")->kind, KT_DIFF_SAME);
    assert_int_equal(line(&d, "only")->kind, KT_DIFF_ONLY_A);
    assert_false(d.cut);
    kt_diff_free(&d);
    kt_arena_free(arena);
}

static void what_is_no_json_or_too_much_does_no_harm(void **state)
{
    (void)state;
    struct kt_arena *arena = kt_arena_new(64 << 20);
    struct kt_diff d = {0};
    struct kt_buf b;
    assert_true(kt_diff_json(&d, KT_LIT("{\"a\":"), KT_LIT("\xff\x00{{{[["), arena));
    kt_diff_free(&d);
    kt_buf_init(&b, 1 << 20);
    kt_buf_addc(&b, '[');
    for (int i = 0; i < 9000; i++)
        kt_buf_addf(&b, "%s%d", i ? "," : "", i);
    kt_buf_addc(&b, ']');
    assert_true(kt_diff_json(&d, kt_buf_span(&b), KT_LIT("[]"), arena));
    assert_true(d.cut);
    assert_true(d.n <= KT_DIFF_LINES_MAX);
    kt_diff_free(&d);
    kt_buf_reset(&b);
    for (int i = 0; i < 190; i++)
        kt_buf_addf(&b, "{\"%0100d\":", i);
    assert_true(kt_diff_json(&d, kt_buf_span(&b), kt_buf_span(&b), arena)); /* a path longer than there is room for */
    kt_diff_free(&d);
    kt_buf_free(&b);
    kt_arena_free(arena);
}

/* --- columns ------------------------------------------------------------------ */

static const char *written(const struct kt_column_plan *p)
{
    static char text[512];
    struct kt_buf b;
    kt_buf_init(&b, sizeof text);
    assert_true(kt_column_plan_write(p, &b));
    snprintf(text, sizeof text, "%s", kt_buf_str(&b));
    kt_buf_free(&b);
    return text;
}

static void a_plan_of_columns_is_read_as_it_is_written_and_refused_with_its_place(void **state)
{
    (void)state;
    struct kt_column_plan p;
    struct kt_err e = {0};
    size_t at = 0;
    assert_int_equal(kt_column_plan_read(&p, KT_LIT("Time, RISK actor:30,,why"), NULL, &e), KT_OK);
    assert_string_equal(written(&p), "time, risk, actor:30, why");
    assert_int_equal(kt_column_plan_read(&p, KT_LIT(""), NULL, &e), KT_OK);
    assert_int_equal(p.n, 0);
    static const struct {
        const char *text, *says;
        size_t at;
    } bad[] = {{"time, rsk", "no column is called \"rsk\"", 6}, {"time:x", "a width is a number", 0},
               {"time risk:0", "1 to 400", 5},  {"risk, time, risk", "RISK stands there twice", 12},
               {"actor:99999999999999999999", "1 to 400", 0}, {":3", "no column is called \"\"", 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(kt_column_plan_read(&p, kt_span_of(bad[i].text), &at, &e), KT_EUSAGE);
        assert_non_null(strstr(e.text, bad[i].says));
        assert_int_equal(at, bad[i].at);
    }
}

static void columns_never_overlap_nor_leave_the_screen_whatever_is_wanted(void **state)
{
    (void)state;
    static const char *const plans[] = {"", "why", "why:300, time", "time:1, risk:1, actor:2, target:400", "event, session, mfa, country, network, error, tags, assigned, source, time, risk, actor, target, result, key, from, agent, account, region, state, why"};
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        struct kt_column_plan p;
        assert_int_equal(kt_column_plan_read(&p, kt_span_of(plans[i]), NULL, NULL), KT_OK);
        for (int width = 1; width <= 500; width++) {
            struct kt_columns k;
            kt_columns_fit(&k, &p, 1, width, 8);
            int end = 1;
            for (int c = 0; c < k.n; c++) {
                assert_true(k.at[c].col >= end && k.at[c].width > 0);
                end = k.at[c].col + k.at[c].width;
                assert_int_equal(kt_columns_at(&k, k.at[c].col), c);
            }
            assert_true(end <= 1 + width);
            assert_true(width < 20 || k.n > 0);
        }
    }
}

static void columns_are_hidden_moved_and_widened_and_the_table_shows_it_at_once(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, FIXTURE_DAY, 30, 120, false);
    fixture_line(&f, 0);
    fixture_keys(&f, "C");
    assert_true(fixture_shows(&f, " columns "));
    fixture_keys(&f, "Down Space"); /* no risk */
    fixture_keys(&f, "Esc");
    assert_null(strstr(fixture_line(&f, 2), "RISK"));
    fixture_keys(&f, "C Down J Esc"); /* actor behind target */
    const char *head = fixture_line(&f, 2);
    assert_true(strstr(head, "TARGET") < strstr(head, "ACTOR"));
    long was = strstr(head, "ACTOR") - strstr(head, "TARGET");
    fixture_keys(&f, "C Down Right Right Esc"); /* target */
    head = fixture_line(&f, 2);
    assert_int_equal(strstr(head, "ACTOR") - strstr(head, "TARGET"), was + 4);
    fixture_keys(&f, "C e");
    fixture_keys(&f, "C-u");
    fixture_keys(&f, "'time, no");
    assert_true(fixture_shows(&f, "no column is called \"no\""));
    fixture_keys(&f, "C-w");
    fixture_keys(&f, "'key:20, event, mfa");
    fixture_keys(&f, "Enter Esc");
    head = fixture_line(&f, 2);
    assert_true(strstr(head, "TIME") < strstr(head, "KEY") && strstr(head, "KEY") < strstr(head, "EVENT"));
    assert_true(fixture_shows(&f, "CreateAccessKey"));
    fixture_keys(&f, "C R");
    assert_non_null(strstr(fixture_line(&f, 2), "RISK"));
    fixture_close(&f);
}

static void what_is_written_of_columns_can_be_left_as_it_was(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, FIXTURE_DAY, 30, 120, false);
    fixture_keys(&f, "C Down Space e C-u");
    fixture_keys(&f, "'why");
    assert_null(strstr(fixture_line(&f, 2), "TARGET"));
    fixture_keys(&f, "Esc Esc");
    assert_non_null(strstr(fixture_line(&f, 2), "TARGET"));
    assert_null(strstr(fixture_line(&f, 2), "RISK"));
    fixture_close(&f);
}

/* --- layouts --------------------------------------------------------------------- */

static void on_a_wide_screen_the_panes_go_to_the_side_too(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, FIXTURE_DAY, 40, 160, false);
    fixture_line(&f, 0);
    fixture_keys(&f, "z");
    assert_false(fixture_shows(&f, "contain:"));
    fixture_line(&f, 0);
    fixture_keys(&f, "z");
    assert_true(fixture_shows(&f, "contain:"));
    assert_non_null(strstr(fixture_line(&f, 4), "│"));
    assert_non_null(strstr(fixture_line(&f, 2), "│"));
    fixture_keys(&f, "Down");
    assert_true(fixture_shows(&f, "AKIA…PD04"));
    fixture_resize(&f, 40, 100); /* too narrow now: below */
    assert_null(strstr(fixture_line(&f, 4), "│"));
    fixture_keys(&f, "z");
    assert_true(fixture_shows(&f, "AKIA…PD04"));
    fixture_keys(&f, "z");
    assert_false(fixture_shows(&f, "by root / root"));
    fixture_close(&f);
}

/* --- views and the session ---------------------------------------------------------- */

static void a_view_is_saved_under_a_name_and_shown_again_by_its_number(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, FIXTURE_DAY, 30, 120, false);
    fixture_line(&f, 0);
    fixture_keys(&f, "/");
    fixture_keys(&f, "'result:denied");
    fixture_keys(&f, "Enter > > 3 v s");
    fixture_keys(&f, "'refused ones");
    fixture_keys(&f, "Enter");
    assert_true(fixture_shows(&f, "1 refused ones"));
    assert_true(fixture_shows(&f, "saved until the end"));
    fixture_keys(&f, "0");
    fixture_settle(&f);
    assert_true(fixture_shows(&f, "no filter"));
    fixture_keys(&f, "v 1");
    fixture_settle(&f);
    assert_true(fixture_shows(&f, "result:denied  1 of 10"));
    assert_string_equal(f.app->view, "refused ones");
    bool ascending;
    assert_int_equal(kt_table_sort(f.app->table, &ascending), KT_FIELD_ACTOR_NAME);
    fixture_keys(&f, "v 7");
    assert_true(fixture_shows(&f, "there is no view 7"));
    fixture_keys(&f, "Down d");
    assert_int_equal(f.app->n_saved, 0);
    fixture_keys(&f, "d Esc");
    assert_ptr_equal(f.app->top, f.app->table);
    fixture_close(&f);
}

static void names_of_views_are_looked_at_as_they_are_written(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, FIXTURE_DAY, 30, 120, false);
    fixture_keys(&f, "v s C-u");
    fixture_keys(&f, "'  x");
    assert_true(fixture_shows(&f, "no blanks at its ends"));
    fixture_keys(&f, "Enter");
    assert_int_equal(f.app->n_saved, 0);
    fixture_keys(&f, "C-u");
    fixture_keys(&f, "'x");
    fixture_keys(&f, "Enter s C-u");
    fixture_keys(&f, "'x");
    fixture_keys(&f, "Enter"); /* the same anew */
    assert_int_equal(f.app->n_saved, 1);
    fixture_close(&f);
}

static struct kt_session *some_session(void)
{
    struct kt_session *s = calloc(1, sizeof *s);
    assert_non_null(s);
    kt_setup_usual(&s->setup);
    snprintf(s->setup.filter, sizeof s->setup.filter, "%s", "risk:>=50 -actor:\"a b\"");
    s->setup.sort = KT_FIELD_RISK;
    s->setup.pane = 3;
    s->setup.layout = KT_LAYOUT_SIDE;
    s->setup.histogram = s->mouse = true;
    s->setup.group = KT_GROUP_HOUR;
    snprintf(s->view, sizeof s->view, "one");
    s->n_saved = 2;
    for (size_t i = 0; i < 2; i++) {
        kt_setup_usual(&s->saved[i].setup);
        snprintf(s->saved[i].name, sizeof s->saved[i].name, "%s", i ? "two: \xc3\xa4" : "one");
        assert_int_equal(kt_column_plan_read(&s->saved[i].setup.columns, KT_LIT("why, time:9"), NULL, NULL), KT_OK);
        s->saved[i].setup.ascending = i == 1;
    }
    return s;
}

static void a_session_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct kt_session *s = some_session(), *back = calloc(1, sizeof *back);
    struct kt_buf a, b;
    struct kt_err e = {0};
    size_t lost;
    kt_buf_init(&a, KT_SESSION_MAX);
    kt_buf_init(&b, KT_SESSION_MAX);
    assert_true(kt_session_write(s, &a));
    assert_int_equal(kt_session_read(back, kt_buf_span(&a), 0, &lost, &e), KT_OK);
    assert_int_equal(lost, 0);
    assert_true(kt_session_write(back, &b));
    assert_string_equal(kt_buf_str(&a), kt_buf_str(&b));
    assert_string_equal(back->saved[1].name, s->saved[1].name);
    /* cut anywhere, and with any byte changed, it is refused or read: never harm */
    size_t taken = 0;
    for (size_t n = 0; n < a.len; n++) {
        assert_int_not_equal(kt_session_read(back, (struct kt_span){a.p, n}, 0, &lost, &e), KT_OK);
        for (int k = 0; k < 8; k++) {
            char was = a.p[n];
            a.p[n] = (char)(a.p[n] ^ (1 << k));
            taken += kt_session_read(back, kt_buf_span(&a), 0, &lost, &e) == KT_OK;
            a.p[n] = was;
        }
    }
    assert_true(taken < 8 * a.len / 2);
    kt_buf_free(&a);
    kt_buf_free(&b);
    free(s);
    free(back);
}

static void a_view_whose_filter_is_none_any_more_costs_that_view_alone(void **state)
{
    (void)state;
    struct kt_session *s = calloc(1, sizeof *s);
    struct kt_err e = {0};
    size_t lost;
    static const char text[] = "keytop session 1\nview: a\n  filter: (((\n  sort: risk\nview: b\n  sort: -risk\nend\n";
    assert_int_equal(kt_session_read(s, kt_span_of(text), 0, &lost, &e), KT_OK);
    assert_int_equal(lost, 1);
    assert_int_equal(s->n_saved, 1);
    assert_string_equal(s->saved[0].name, "b");
    assert_true(s->saved[0].setup.ascending);
    static const char *const bad[] = {"", "keytop session 2\nend\n", "keytop session 1\nnonsense: x\nend\n",
                                      "keytop session 1\n  filter: x\nend\n", "keytop session 1\nview: \nend\n",
                                      "keytop session 1\nview: a\nview: a\nend\n", "keytop session 1\nview: a\nsort: time\nend\n",
                                      "keytop session 1\nfilter: a\x1b[2J\nend\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(kt_session_read(s, kt_span_of(bad[i]), 0, &lost, &e), KT_EFORMAT);
    free(s);
}

/* --- groups ------------------------------------------------------------------------- */

static void a_group_is_opened_and_backspace_leads_back_to_it(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, FIXTURE_DAY, 30, 120, false);
    fixture_keys(&f, "b");
    fixture_settle(&f);
    assert_true(fixture_shows(&f, "7 groups of 10 rows"));
    fixture_keys(&f, "Down Enter");
    fixture_settle(&f);
    assert_ptr_equal(f.app->top, f.app->table);
    assert_true(fixture_shows(&f, "only user alice  1 of 10"));
    fixture_keys(&f, "Backspace");
    fixture_settle(&f);
    assert_non_null(strstr(fixture_selected(&f), "alice"));
    assert_true(fixture_shows(&f, "7 groups of 10 rows")); /* the table is whole again */
    fixture_keys(&f, "Backspace");
    fixture_settle(&f);
    assert_true(fixture_shows(&f, "no filter"));
    fixture_close(&f);
}

/* Every group of every kind holds as many rows as it says, with a filter and
 * within another group as well. */
static void groups_open_as_many_rows_as_they_say(void **state)
{
    (void)state;
    static const char *const filters[] = {"", "eve", "result:created"};
    for (size_t n = 0; n < sizeof filters / sizeof *filters; n++) {
        struct fixture f;
        fixture_open_with(&f, FIXTURE_DAY, filters[n], NULL);
        for (int by = KT_GROUP_USER; by < KT_GROUP_COUNT; by++) {
            struct kt_view_spec spec = kt_table_spec_of(f.app->table);
            spec.group = (enum kt_group_by)by;
            struct kt_view *v = kt_view_open(f.app->views, &spec);
            kt_view_settle(v);
            const struct kt_snapshot *s = kt_view_snapshot(v);
            for (size_t i = 0; i < s->groups.n; i++) {
                struct kt_narrow narrow;
                assert_true(kt_narrow_group(&narrow, (enum kt_group_by)by, &s->groups.group[i], false));
                kt_table_narrow(f.app->table, &narrow);
                fixture_settle(&f);
                struct kt_summary sum = kt_table_summary(f.app->table);
                if (sum.shown != s->groups.group[i].rows)
                    fail_msg("%s %.*s: %d rows, not %d", kt_group_name((enum kt_group_by)by), (int)narrow.name_n, narrow.name,
                             (int)sum.shown, (int)s->groups.group[i].rows);
                fixture_keys(&f, "Esc Esc"); /* off, and out of the groups it leads to */
                fixture_settle(&f);
            }
            kt_snapshot_release(s);
            kt_view_close(v);
        }
        fixture_close(&f);
    }
}

static void groups_follow_what_arrives_and_their_order_is_chosen(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, FIXTURE_DAY, 30, 120, false);
    fixture_keys(&f, "b s");
    fixture_settle(&f);
    assert_non_null(strstr(fixture_line(&f, 3), "ci-deploy")); /* the highest risk */
    fixture_keys(&f, "Down");
    const char *was = fixture_selected(&f);
    char name[400];
    snprintf(name, sizeof name, "%.20s", was);
    struct fixture_record r = {.id = "n1", .time = "2026-11-24T14:32:35Z", .type = "IAMUser", .actor = "zoe",
                               .account = "111122223333", .target = "zoe", .key = "AKIAIOSFODNN7EXAZ0E0",
                               .address = "192.0.2.1", .agent = "a/1", .risk = 99};
    fixture_arrive(&f, &r, NULL);
    fixture_settle(&f);
    assert_true(fixture_shows(&f, "8 groups of 11 rows"));
    assert_non_null(strstr(fixture_line(&f, 4), "zoe"));
    assert_int_equal(strncmp(fixture_selected(&f), name, strlen(name)), 0); /* the cursor stays with its group */
    fixture_keys(&f, "p");
    fixture_settle(&f);
    assert_true(fixture_shows(&f, "user"));
    fixture_keys(&f, "Esc r");
    fixture_settle(&f);
    assert_true(fixture_shows(&f, "record"));
    fixture_keys(&f, "Esc /");
    fixture_keys(&f, "'terra");
    fixture_keys(&f, "Enter");
    assert_non_null(strstr(fixture_selected(&f), "terraform"));
    fixture_keys(&f, "y");
    assert_true(f.did & KT_APP_COPY);
    fixture_close(&f);
}

static void a_view_can_be_one_of_groups(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, FIXTURE_DAY, 30, 120, false);
    fixture_keys(&f, "b 3 v s");
    fixture_keys(&f, "'whence");
    fixture_keys(&f, "Enter Esc Esc");
    assert_ptr_equal(f.app->top, f.app->table);
    fixture_keys(&f, "v 1");
    fixture_settle(&f);
    assert_true(fixture_shows(&f, "by address"));
    assert_true(fixture_shows(&f, "198.51.100.20"));
    fixture_close(&f);
}

static void a_wall_of_a_view_counts_what_the_view_shows_and_names_it(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, FIXTURE_DAY, 30, 120, false);
    fixture_keys(&f, "/");
    fixture_keys(&f, "'eve");
    fixture_keys(&f, "Enter v s");
    fixture_keys(&f, "'eve alone");
    fixture_keys(&f, "Enter Esc");
    fixture_resize(&f, 12, 100); /* figures as text */
    fixture_keys(&f, "W");
    fixture_settle(&f);
    assert_non_null(strstr(fixture_line(&f, 0), "keytop eve alone"));
    assert_true(fixture_shows(&f, "4 keys in 24 h"));
    fixture_keys(&f, "Esc v 0 W");
    fixture_settle(&f);
    assert_null(strstr(fixture_line(&f, 0), "eve alone"));
    assert_true(fixture_shows(&f, "9 keys in 24 h"));
    fixture_close(&f);
}

/* --- the histogram -------------------------------------------------------------------- */

static void a_range_of_time_is_chosen_and_given_up_again(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, FIXTURE_DAY, 30, 120, false);
    fixture_line(&f, 0);
    fixture_keys(&f, "H");
    fixture_settle(&f);
    assert_non_null(strstr(fixture_line(&f, 5), "2026-11-24 14:30 + 10 min  2 rows"));
    fixture_keys(&f, "Space Left");
    assert_non_null(strstr(fixture_line(&f, 5), "+ 20 min  5 rows"));
    fixture_keys(&f, "Enter");
    fixture_settle(&f);
    assert_ptr_equal(f.app->top, f.app->table);
    assert_true(fixture_shows(&f, "only 14:20:00 to 14:40:00  5 of 10"));
    assert_non_null(strstr(fixture_line(&f, 5), "each 10 min")); /* it stays, and shows what is around */
    fixture_keys(&f, "H Left Left Left Left Left Left Left Left Enter");
    fixture_settle(&f);
    assert_int_equal(kt_table_summary(f.app->table).shown, 1); /* another takes its place */
    fixture_keys(&f, "Esc");
    fixture_settle(&f);
    assert_true(fixture_shows(&f, "no filter"));
    fixture_keys(&f, "H H");
    assert_non_null(strstr(fixture_line(&f, 2), "ACTOR"));
    fixture_close(&f);
}

static void one_zooms_to_seconds_and_back_and_the_cursor_stays_in_sight(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, FIXTURE_DAY, 30, 120, false);
    fixture_line(&f, 0);
    fixture_keys(&f, "H");
    for (int i = 0; i < 8; i++) {
        fixture_keys(&f, "+");
        fixture_settle(&f);
    }
    assert_true(fixture_shows(&f, "no finer than a second"));
    for (int i = 0; i < 300; i++) {
        fixture_keys(&f, i % 3 ? "PgUp" : "Right");
        fixture_settle(&f);
        assert_true(fixture_shows(&f, " + 1 s"));
    }
    for (int i = 0; i < 8; i++) {
        fixture_keys(&f, "-");
        fixture_settle(&f);
    }
    assert_true(fixture_shows(&f, "all of it is shown"));
    fixture_close(&f);
}

static void steps_suit_the_width_and_hold_all_there_is(void **state)
{
    (void)state;
    for (int wide = 2; wide <= 600; wide += 7) {
        for (int64_t span = 1; span < INT64_C(1) << 42; span = span * 3 + 1) {
            struct kt_histogram h = {.from = KT_TIME_NONE, .to = KT_TIME_NONE, .cursor = KT_TIME_NONE, .anchor = KT_TIME_NONE};
            int64_t newest = INT64_C(1764000000000) + span % 977;
            assert_true(kt_histogram_window(&h, newest - span, newest, wide));
            int64_t n = (h.to - h.from) / h.step;
            assert_true(n >= 2 && n <= KT_VIEW_BUCKETS_MAX && h.from + n * h.step == h.to);
            assert_true(newest < h.to);
            if (h.step < INT64_C(364) * 86400000)
                assert_true(h.from <= newest - span);
            assert_false(kt_histogram_window(&h, newest - span, newest, wide));
        }
    }
}

static void rows_of_a_pages_timeline_are_marked_too(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, FIXTURE_DAY, 40, 120, false);
    fixture_keys(&f, "2 Enter"); /* svc-backup */
    fixture_keys(&f, "Home Space");
    assert_true(fixture_shows(&f, "only rows of the timeline can be marked"));
    fixture_keys(&f, "End Up Space Space");
    assert_int_equal(f.app->marks.n, 2);
    assert_true(fixture_shows(&f, "2 marked"));
    fixture_keys(&f, "d");
    assert_int_equal(f.app->top->ops->context, KT_CTX_DIFF);
    fixture_keys(&f, "Esc Backspace Home");
    assert_true(fixture_shows(&f, "*"));
    fixture_keys(&f, "U");
    assert_int_equal(f.app->marks.n, 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_a_pages_timeline_are_marked_too),
        cmocka_unit_test(space_marks_a_row_and_goes_on_and_takes_the_mark_off_again),
        cmocka_unit_test(marks_stay_with_their_rows_when_others_arrive_and_the_order_changes),
        cmocka_unit_test(as_many_rows_are_marked_as_may_be_and_it_is_said),
        cmocka_unit_test(the_two_rows_marked_last_are_compared_field_by_field),
        cmocka_unit_test(members_are_met_by_their_path_wherever_they_stand),
        cmocka_unit_test(what_is_no_json_or_too_much_does_no_harm),
        cmocka_unit_test(a_plan_of_columns_is_read_as_it_is_written_and_refused_with_its_place),
        cmocka_unit_test(columns_never_overlap_nor_leave_the_screen_whatever_is_wanted),
        cmocka_unit_test(columns_are_hidden_moved_and_widened_and_the_table_shows_it_at_once),
        cmocka_unit_test(what_is_written_of_columns_can_be_left_as_it_was),
        cmocka_unit_test(on_a_wide_screen_the_panes_go_to_the_side_too),
        cmocka_unit_test(a_view_is_saved_under_a_name_and_shown_again_by_its_number),
        cmocka_unit_test(names_of_views_are_looked_at_as_they_are_written),
        cmocka_unit_test(a_session_is_read_as_it_was_written),
        cmocka_unit_test(a_view_whose_filter_is_none_any_more_costs_that_view_alone),
        cmocka_unit_test(a_group_is_opened_and_backspace_leads_back_to_it),
        cmocka_unit_test(groups_open_as_many_rows_as_they_say),
        cmocka_unit_test(groups_follow_what_arrives_and_their_order_is_chosen),
        cmocka_unit_test(a_view_can_be_one_of_groups),
        cmocka_unit_test(a_wall_of_a_view_counts_what_the_view_shows_and_names_it),
        cmocka_unit_test(a_range_of_time_is_chosen_and_given_up_again),
        cmocka_unit_test(one_zooms_to_seconds_and_back_and_the_cursor_stays_in_sight),
        cmocka_unit_test(steps_suit_the_width_and_hold_all_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
