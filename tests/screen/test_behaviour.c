/* What a person does with the screens, and that they keep their promises. */
#include "tests/support/app_fixture.h"
#include "tui/commands.h"
#include "tui/record.h"
#include "tui/screen.h"
#include "tui/wall.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct fixture f;

static int day(void **state)
{
    (void)state;
    fixture_open(&f, FIXTURE_DAY, 24, 80, false);
    return 0;
}
static int wide_day(void **state)
{
    (void)state;
    fixture_open(&f, FIXTURE_DAY, 50, 160, false);
    return 0;
}
static int live(void **state)
{
    (void)state;
    fixture_open(&f, FIXTURE_LIVE, 24, 100, false);
    return 0;
}
static int many(void **state)
{
    (void)state;
    fixture_open(&f, FIXTURE_MANY, 24, 80, false);
    return 0;
}
static int done(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

static uint64_t arrive(const char *id, const char *time, const char *actor, int risk)
{
    uint64_t seq = 0;
    struct fixture_record r = {.id = id, .time = time, .type = "IAMUser", .actor = actor, .account = "111122223333",
                               .target = "newcomer", .key = "AKIAIOSFODNN7EXANEW1", .address = "192.0.2.9",
                               .agent = "x", .risk = risk};
    fixture_arrive(&f, &r, &seq);
    return seq;
}

#define SELECTED(part) assert_non_null(strstr(fixture_selected(&f), part))
#define SHOWS(part)                                                                 \
    do {                                                                            \
        if (!fixture_shows(&f, part))                                               \
            fail_msg("\"%s\" is not on the screen:\n%s", part, fixture_screen(&f)); \
    } while (0)
#define SHOWS_NOT(part)                                                         \
    do {                                                                        \
        if (fixture_shows(&f, part))                                            \
            fail_msg("\"%s\" is on the screen:\n%s", part, fixture_screen(&f)); \
    } while (0)

static int selected_line(void)
{
    kt_app_draw(f.app, &f.canvas);
    for (int i = 0; i < f.canvas.rows; i++)
        if (f.canvas.cell[i * f.canvas.cols].style.role == KT_ROLE_SELECTED)
            return i;
    return -1;
}

/* --- the cursor --------------------------------------------------------- */

static void the_cursor_stays_with_its_record_and_on_its_line_when_rows_arrive(void **state)
{
    (void)state;
    fixture_keys(&f, "Down Down Down");
    SELECTED("14:29:31");
    fixture_line(&f, 0);
    char line[400];
    snprintf(line, sizeof line, "%s", fixture_selected(&f));
    int at = selected_line();
    fixture_keys(&f, "p p"); /* a pause that is over changes nothing */
    arrive("n1", "2026-11-24T14:32:01Z", "mallory", 0);
    arrive("n2", "2026-11-24T14:32:02Z", "mallory", 0);
    fixture_settle(&f);
    assert_string_equal(fixture_selected(&f), line);
    assert_true(selected_line() >= at); /* the top was in the window: rows came in above */
    fixture_keys(&f, "g");
    SELECTED("14:32:02");
}

static void rows_that_arrive_above_the_window_do_not_move_what_is_read(void **state)
{
    (void)state;
    fixture_close(&f);
    fixture_open(&f, FIXTURE_MANY, 24, 80, false);
    fixture_keys(&f, "PgDn PgDn Down");
    char before[12][400];
    for (int i = 0; i < 12; i++)
        snprintf(before[i], sizeof before[i], "%s", fixture_line(&f, 3 + i));
    for (int i = 0; i < 5; i++) {
        char id[16];
        snprintf(id, sizeof id, "new-%d", i);
        arrive(id, "2026-11-24T14:32:30Z", "mallory", 0);
    }
    fixture_settle(&f);
    for (int i = 0; i < 12; i++)
        assert_string_equal(fixture_line(&f, 3 + i), before[i]);
}

static void at_the_top_the_newest_row_is_followed(void **state)
{
    (void)state;
    SELECTED("14:31:55");
    arrive("n1", "2026-11-24T14:32:01Z", "mallory", 0);
    fixture_settle(&f);
    SELECTED("14:32:01");
    SELECTED("mallory");
}

static void the_table_can_stand_alone_and_asking_for_a_pane_brings_them_back(void **state)
{
    (void)state;
    SHOWS("created for");
    fixture_keys(&f, "z");
    fixture_settle(&f);
    SHOWS_NOT("created for");
    SELECTED("14:31:55");
    fixture_keys(&f, "3");
    fixture_settle(&f);
    SHOWS("acted in");
    fixture_keys(&f, "z z");
    fixture_settle(&f);
    SHOWS("acted in");
}

static void a_pause_holds_the_table_and_counts_what_waits(void **state)
{
    (void)state;
    fixture_keys(&f, "p");
    SHOWS("PAUSED, 0 new");
    for (int i = 0; i < 14; i++) {
        char id[16];
        snprintf(id, sizeof id, "new-%d", i);
        arrive(id, "2026-11-24T14:32:30Z", "mallory", 75);
    }
    fixture_settle(&f);
    SHOWS("PAUSED, 14 new");
    SHOWS_NOT("mallory");
    SHOWS("16 high"); /* what is at the top of the screen is not paused */
    SELECTED("14:31:55");
    fixture_keys(&f, "p");
    SHOWS_NOT("PAUSED");
    SHOWS("14:32:30");
}

static void a_filter_set_during_a_pause_is_answered_at_once(void **state)
{
    (void)state;
    fixture_keys(&f, "p /");
    fixture_keys(&f, "'alice");
    fixture_keys(&f, "Enter");
    SELECTED("alice");
    SHOWS("PAUSED");
    SHOWS("1 of 10");
}

/* --- ways through ------------------------------------------------------- */

static void enter_leads_from_actor_to_address_to_agent_to_key_and_backspace_back(void **state)
{
    (void)state;
    fixture_keys(&f, "Down Down Down"); /* eve, denied */
    fixture_keys(&f, "3 Enter");
    SHOWS("keytop › eve ");
    fixture_keys(&f, "Tab");
    SHOWS("ADDRESSES");
    char user[400], address[400], agent[400], key[400];
    fixture_keys(&f, "/");
    fixture_keys(&f, "'203.0.113.9");
    fixture_keys(&f, "Enter");
    SELECTED("203.0.113.9");
    snprintf(user, sizeof user, "%s", fixture_selected(&f));
    fixture_keys(&f, "Enter");
    SHOWS("keytop › eve › 203.0.113.9 ");
    fixture_keys(&f, "Tab Tab");
    SELECTED("boto3 1.28.0");
    snprintf(address, sizeof address, "%s", fixture_selected(&f));
    fixture_keys(&f, "Enter");
    SHOWS("keytop › eve › 203.0.113.9 › boto3 1.28.0 ");
    fixture_keys(&f, "Tab");
    fixture_keys(&f, "/");
    fixture_keys(&f, "'7QX2");
    fixture_keys(&f, "Enter");
    SELECTED("AKIAIOSFODNN7EXA7QX2");
    snprintf(agent, sizeof agent, "%s", fixture_selected(&f));
    fixture_keys(&f, "Enter");
    SHOWS("› AKIAIOSFODNN7EXA7QX2 ");
    SHOWS("created for svc-backup by role ci-deploy");
    fixture_keys(&f, "End");
    snprintf(key, sizeof key, "%s", fixture_selected(&f));
    fixture_keys(&f, "Enter");
    SHOWS("\"userIdentity\": {");
    fixture_keys(&f, "Backspace");
    assert_string_equal(fixture_selected(&f), key);
    fixture_keys(&f, "Backspace");
    assert_string_equal(fixture_selected(&f), agent);
    fixture_keys(&f, "Backspace");
    assert_string_equal(fixture_selected(&f), address);
    fixture_keys(&f, "Backspace");
    assert_string_equal(fixture_selected(&f), user);
    fixture_keys(&f, "Backspace");
    SELECTED("14:29:31");
    SHOWS("complete to");
}

static void a_page_comes_back_as_it_was_though_rows_arrived_meanwhile(void **state)
{
    (void)state;
    fixture_keys(&f, "2 Enter");
    fixture_keys(&f, "Tab Down");
    char line[400];
    snprintf(line, sizeof line, "%s", fixture_selected(&f));
    assert_non_null(strstr(line, "2001:db8"));
    fixture_keys(&f, "Enter");
    arrive("n1", "2026-11-24T14:32:01Z", "mallory", 0);
    fixture_settle(&f);
    fixture_keys(&f, "Backspace");
    assert_string_equal(fixture_selected(&f), line);
}

static void filter_to_this_leaves_only_what_touches_it_and_esc_brings_all_back(void **state)
{
    (void)state;
    fixture_keys(&f, "2 Enter f"); /* svc-backup, as a target */
    SHOWS("only svc-backup");
    SHOWS("3 of 3");
    SHOWS_NOT("alice");
    fixture_keys(&f, "Esc");
    SHOWS_NOT("only svc-backup");
    SHOWS("alice");
}

static void a_denied_row_has_no_key_and_enter_opens_its_record(void **state)
{
    (void)state;
    fixture_keys(&f, "Down Down Down");
    SHOWS("no key");
    SHOWS("denied AccessDenied for admin by eve");
    SHOWS("MFA: not known (no session)");
    fixture_keys(&f, "Enter");
    SHOWS("\"errorCode\": \"AccessDenied\"");
}

static void a_value_of_the_record_leads_to_its_pane(void **state)
{
    (void)state;
    fixture_keys(&f, "6 Enter /");
    fixture_keys(&f, "'sourceIP");
    fixture_keys(&f, "Enter Enter");
    SHOWS("keytop › record › 203.0.113.9");
    SHOWS("country and network: not known");
}

/* --- filter, search, sort ----------------------------------------------- */

static void a_filter_is_followed_while_it_is_written_and_esc_leaves_all_as_it_was(void **state)
{
    (void)state;
    fixture_keys(&f, "Down Down");
    SELECTED("14:29:40");
    fixture_keys(&f, "/");
    fixture_keys(&f, "'actor:bob");
    SELECTED("bob");
    SHOWS("1 of 10");
    fixture_keys(&f, "Esc");
    SHOWS("no filter");
    SELECTED("14:29:40");
    fixture_keys(&f, "/");
    fixture_keys(&f, "'actor:bob");
    fixture_keys(&f, "Enter");
    SHOWS("actor:bob  1 of 10");
    fixture_keys(&f, "/ C-u Enter");
    SHOWS("no filter");
}

static void a_move_right_after_giving_up_a_filter_or_in_a_search_holds(void **state)
{
    (void)state;
    fixture_keys(&f, "Down Down /");
    fixture_keys(&f, "'actor:bob");
    kt_app_key(f.app, KT_CHAR(27));
    kt_app_key(f.app, KT_CHAR('g')); /* before the views have answered */
    fixture_settle(&f);
    SELECTED("14:31:55");
    fixture_keys(&f, "C-f");
    fixture_keys(&f, "'bob");
    fixture_keys(&f, "Enter");
    SELECTED("bob");
    kt_app_key(f.app, KT_CHAR('n'));
    kt_app_key(f.app, KT_CHAR('g'));
    fixture_settle(&f);
    SELECTED("14:31:55");
}

static void an_error_of_the_filter_stands_over_its_place_and_enter_waits(void **state)
{
    (void)state;
    fixture_keys(&f, "/");
    fixture_keys(&f, "'eve nonsense:1");
    const char *prompt = fixture_line(&f, 23);
    assert_string_equal(prompt, " filter: eve nonsense:1");
    const char *mark = strstr(fixture_line(&f, 22), "▾");
    assert_non_null(mark);
    assert_int_equal(mark - fixture_line(&f, 22), (int)strlen(" filter: eve "));
    assert_non_null(strstr(mark, "no field has this name"));
    fixture_keys(&f, "Enter");
    assert_string_equal(fixture_line(&f, 23), " filter: eve nonsense:1");
    assert_true(f.canvas.cursor_row == 23);
    fixture_keys(&f, "C-w Enter");
    SHOWS("eve   4 of 10");
}

static void what_the_program_was_started_with_is_on_the_screen(void **state)
{
    (void)state;
    fixture_close(&f);
    fixture_open_with(&f, FIXTURE_DAY, "result:denied", "some_rule");
    SHOWS("rule some_rule");
    SHOWS("result:denied  1 of 10");
    SELECTED("eve");
    fixture_keys(&f, "/");
    SHOWS(" filter: result:denied");
}

static void a_search_walks_the_hits_in_the_tables_order(void **state)
{
    (void)state;
    fixture_keys(&f, "C-f");
    fixture_keys(&f, "'198.51.100.20");
    SELECTED("14:20:11");
    SHOWS("2 hits");
    fixture_keys(&f, "Enter n");
    SELECTED("13:02:09");
    fixture_keys(&f, "n");
    SELECTED("14:20:11");
    fixture_keys(&f, "N");
    SELECTED("13:02:09");
    int marked = 0;
    for (int i = 0; i < f.canvas.rows * f.canvas.cols; i++)
        marked += f.canvas.cell[i].style.role == KT_ROLE_MATCH;
    assert_true(marked >= 13);
    fixture_keys(&f, "Esc");
    SHOWS_NOT("hits");
}

static void a_search_given_up_puts_the_cursor_back(void **state)
{
    (void)state;
    fixture_keys(&f, "Down C-f");
    SELECTED("14:31:02");
    fixture_keys(&f, "'bob");
    SELECTED("bob");
    fixture_keys(&f, "Esc");
    SELECTED("14:31:02");
    fixture_keys(&f, "C-f");
    fixture_keys(&f, "'say \"\\ nobody");
    SHOWS("0 hits");
    SELECTED("14:31:02");
    fixture_keys(&f, "Enter n");
    SHOWS("no hits");
}

static void a_search_in_many_rows_finds_the_far_one(void **state)
{
    (void)state;
    fixture_keys(&f, "C-f");
    fixture_keys(&f, "'AKIAEXAMPLE000000003");
    fixture_keys(&f, "Enter");
    SHOWS("1 hit");
    fixture_keys(&f, "6");
    SHOWS("AKIA…0003");
    fixture_keys(&f, "Esc g C-f");
    fixture_keys(&f, "'user"); /* all of them */
    fixture_keys(&f, "Enter");
    SHOWS("2,000 hits");
    fixture_keys(&f, "n n");
    assert_int_equal(selected_line(), 6); /* date, three rows */
}

static void sorting_is_chosen_from_a_list_or_by_its_neighbour(void **state)
{
    (void)state;
    fixture_keys(&f, "s");
    SHOWS("sort by");
    fixture_keys(&f, "Down Down Enter"); /* actor */
    fixture_keys(&f, "g");
    SHOWS("▴ACTOR");
    SELECTED("alice");
    fixture_keys(&f, "r g");
    SHOWS("▾ACTOR");
    SELECTED("terraform");
    SHOWS("26-11-23"); /* without the order of time, the day is said in each row */
    fixture_line(&f, 0);
    fixture_keys(&f, "<");
    SHOWS("▾RISK");
    fixture_keys(&f, "s Esc");
    SHOWS_NOT("sort by");
}

/* --- the rest ----------------------------------------------------------- */

static void what_is_copied_is_ascii_on_one_line(void **state)
{
    (void)state;
    fixture_keys(&f, "Y");
    assert_true(f.did & KT_APP_COPY);
    assert_string_equal(kt_app_clipboard(f.app), "AKIAIOSFODNN7EXA7QX2");
    fixture_keys(&f, "c");
    assert_true(f.did & KT_APP_COPY);
    assert_memory_equal(kt_app_clipboard(f.app), "{\"kind\":\"creation\"", 18);
    for (const char *p = kt_app_clipboard(f.app); *p; p++)
        assert_in_range((unsigned char)*p, 0x20, 0x7E);
    fixture_keys(&f, "Down Down y"); /* a failed call has no key */
    assert_false(f.did & KT_APP_COPY);
    SHOWS("nothing to copy here");
}

static const char contains[] =
    "aws iam update-access-key --user-name='svc-backup' --access-key-id='AKIAIOSFODNN7EXA7QX2' --status='Inactive'";

static void how_to_contain_a_key_is_shown_and_copied(void **state)
{
    (void)state;
    SHOWS("contain: aws iam update-access-key --user-name='svc-backup'");
    fixture_keys(&f, "y");
    assert_true(f.did & KT_APP_COPY);
    assert_string_equal(kt_app_clipboard(f.app), contains);
    SHOWS("copied AKIA…7QX2's command, not run"); /* whose: the row may have changed under the finger */
    fixture_keys(&f, "Enter");
    SHOWS("--access-key-id='AKIAIOSFODNN7EXA7QX2' --status='Inactive'  y copies");
    fixture_keys(&f, "y");
    assert_true(f.did & KT_APP_COPY);
    assert_string_equal(kt_app_clipboard(f.app), contains);
    fixture_keys(&f, "Y"); /* the address under the cursor */
    assert_string_equal(kt_app_clipboard(f.app), "198.51.100.77");
}

static void a_key_of_root_has_no_command(void **state)
{
    (void)state;
    fixture_keys(&f, "Down");
    SHOWS("contain: a key of root");
    fixture_keys(&f, "y");
    assert_false(f.did & KT_APP_COPY);
    SHOWS("nothing to copy: a key of root");
}

static void hostile_text_is_copied_escaped(void **state)
{
    (void)state;
    fixture_keys(&f, "/");
    fixture_keys(&f, "'evil");
    fixture_keys(&f, "Enter 5 y");
    assert_true(f.did & KT_APP_COPY);
    assert_non_null(strstr(kt_app_clipboard(f.app), "\\u{1b}"));
    assert_non_null(strstr(kt_app_clipboard(f.app), "\\u{202e}"));
}

static void every_command_is_in_the_help(void **state)
{
    (void)state;
    fixture_resize(&f, 260, 120);
    fixture_keys(&f, "?");
    const char *screen = fixture_screen(&f);
    for (int i = 1; i < KT_CMD_COUNT; i++) {
        const struct kt_command_info *info = kt_command_info((enum kt_command)i);
        if (!strstr(screen, info->help))
            fail_msg("%s is not in the help", info->name);
    }
    fixture_keys(&f, "q");
    SHOWS("complete to");
}

static void a_key_without_a_command_is_answered_calmly(void **state)
{
    (void)state;
    fixture_keys(&f, "Z");
    assert_int_equal(f.did, KT_APP_REDRAW);
    SHOWS("no command on this key");
    fixture_keys(&f, "Down");
    SHOWS_NOT("no command on this key");
}

static void a_hint_goes_away_by_itself_and_then_nothing_is_due(void **state)
{
    (void)state;
    assert_int_equal(kt_app_deadline(f.app), 0); /* all was read: nothing will change */
    fixture_keys(&f, "Z");
    assert_true(kt_app_deadline(f.app) > kt_mono_ms());
    f.app->hint_until = kt_mono_ms();
    assert_true(kt_app_tick(f.app) & KT_APP_REDRAW);
    SHOWS_NOT("no command on this key");
    assert_int_equal(kt_app_deadline(f.app), 0);
}

static void what_arrives_while_one_looks_is_new_and_counted_and_after_a_while_is_not(void **state)
{
    (void)state;
    SHOWS(" LIVE");
    SHOWS("0 new"); /* what was there at first is not news */
    uint64_t seq = arrive("n1", "2026-11-24T14:32:31Z", "mallory", 0);
    arrive("n2", "2026-11-24T14:32:32Z", "mallory", 0);
    fixture_settle(&f);
    SHOWS("2 new");
    assert_true(seq > f.app->seen);
    const struct kt_grid_cell *time = &f.canvas.cell[4 * f.canvas.cols + 1]; /* below the selected one */
    assert_int_equal(time->style.role, KT_ROLE_BRIGHT);
    int64_t due = kt_app_deadline(f.app);
    assert_true(due > 0);
    f.app->fresh[0].until = kt_mono_ms();
    kt_app_tick(f.app);
    SHOWS("0 new");
    assert_int_not_equal(time->style.role, KT_ROLE_BRIGHT);
}

static void rows_that_were_read_at_the_start_are_not_new_though_views_come_late(void **state)
{
    (void)state;
    struct kt_app *a = f.app;
    assert_int_equal(a->at_start, 10);
    a->last_seq = a->seen = 0; /* as if no view had answered yet */
    kt_app_arrivals(a, 4);
    kt_app_arrivals(a, 10);
    SHOWS("0 new");
    kt_app_arrivals(a, 12);
    SHOWS("2 new");
}

static void rows_above_what_is_read_are_counted_until_one_goes_to_them(void **state)
{
    (void)state;
    fixture_keys(&f, "Down Down");
    SHOWS(" LIVE\n");
    arrive("n1", "2026-11-24T14:32:31Z", "mallory", 0);
    arrive("n2", "2026-11-24T14:32:32Z", "mallory", 0);
    arrive("n3", "2026-11-24T14:00:32Z", "late", 0); /* below the cursor */
    fixture_settle(&f);
    SHOWS("LIVE, 2 above");
    SELECTED("14:29:40");
    fixture_keys(&f, "Home");
    SHOWS(" LIVE\n");
}

static void a_live_screen_is_due_again_within_the_half_hour_of_its_sparkline(void **state)
{
    (void)state;
    int64_t due = kt_app_deadline(f.app);
    assert_true(due > kt_mono_ms() && due <= kt_mono_ms() + 30 * 60 * 1000);
    f.now += 30 * 60 * 1000;
    assert_true(kt_app_tick(f.app) & KT_APP_REDRAW);
    fixture_settle(&f);
    struct kt_summary s = kt_table_summary(f.app->table);
    assert_int_equal(s.buckets, 48);
    assert_int_equal(s.bucket[47], 0); /* the newest half hour is empty now */
    assert_true(s.bucket[46] > 0);
}

/* Three sources in other states than a test can bring about. */
static void set_sources(void)
{
    struct kt_source_state *s = f.app->source;
    memset(s, 0, 3 * sizeof *s);
    f.app->n_sources = 3;
    snprintf(s[0].name, sizeof s[0].name, "trail");
    s[0].health = (struct kt_health){.state = KT_HEALTH_READING, .bytes_done = 45, .bytes_total = 100};
    s[0].last_event = KT_TIME_NONE;
    snprintf(s[1].name, sizeof s[1].name, "splunk");
    s[1].health.state = KT_HEALTH_STALE;
    s[1].last_event = f.now - 14 * 60 * 1000 - 5000;
    snprintf(s[2].name, sizeof s[2].name, "old\x1b[2J");
    s[2].health.state = KT_HEALTH_FAILED;
    s[2].last_event = KT_TIME_NONE;
    f.app->complete.gaps = 1;
}

static void sources_say_their_state_in_a_glyph_and_a_word(void **state)
{
    (void)state;
    fixture_resize(&f, 24, 120);
    set_sources();
    SHOWS("● trail reading 45 %  ▲ splunk stale 14m  ✗ old^[[2J failed");
    SHOWS("complete to 14:31:55Z, 1 gap");
    f.app->complete.complete_to = KT_TIME_NONE;
    SHOWS("completeness not known, 1 gap");
    f.app->complete.reading = true;
    SHOWS("READING 45 %");
}

static void where_not_all_sources_fit_the_worst_are_shown(void **state)
{
    (void)state;
    set_sources();
    fixture_resize(&f, 24, 60);
    SHOWS("✗ old^[[2J failed");
    SHOWS("+2");
    SHOWS_NOT("trail reading");
    fixture_resize(&f, 1, 60);
    SHOWS("2 of 3 sources");
}

static void a_stale_source_grows_older_by_the_minute(void **state)
{
    (void)state;
    set_sources();
    int64_t due = kt_app_deadline(f.app) - kt_mono_ms();
    assert_true(due > 50 * 1000 && due <= 55 * 1000);
}

static void a_users_pane_counts_the_rotations_of_their_keys(void **state)
{
    (void)state;
    fixture_resize(&f, 43, 132);
    fixture_keys(&f, "Down Down Down Down 2 Enter"); /* alice, whose key took the place of another */
    SHOWS("alice");
    SHOWS("1 rotation ·");
}

/* --- the wall --- */

static void the_wall_counts_a_day_and_who_acknowledged_what(void **state)
{
    (void)state;
    fixture_resize(&f, 40, 120);
    fixture_keys(&f, "W");
    const struct kt_screen *wall = f.app->top;
    assert_int_equal(wall->ops->context, KT_CTX_WALL);
    SHOWS("keys in 24 h");
    SHOWS("not acknowledged");
    SHOWS("Tue 24 Nov 2026  14:32Z");
    fixture_keys(&f, "Esc");
    SHOWS("complete to");
    fixture_keys(&f, "W q");
    assert_true(f.did & KT_APP_QUIT);
}

static void a_wall_counts_only_the_last_24_hours(void **state)
{
    (void)state;
    uint64_t seq;
    static const struct fixture_record rows[] = {
        {.id = "w1", .time = "2026-11-24T14:31:00Z", .actor = "eve", .target = "bob", .risk = 80},
        {.id = "w2", .time = "2026-11-24T13:31:00Z", .actor = "eve", .target = "carl", .risk = 95},
        {.id = "w3", .time = "2026-11-20T13:31:00Z", .actor = "eve", .target = "older", .risk = 95},
    };
    fixture_resize(&f, 12, 80); /* figures as text */
    fixture_keys(&f, "W");
    const char *before = fixture_line(&f, 2);
    int keys = 0, high = 0, was_keys = 0, was_high = 0, unacked = 0, was_unacked = 0;
    assert_int_equal(sscanf(before, " %d keys in 24 h %d high %d not", &was_keys, &was_high, &was_unacked), 3);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        fixture_arrive(&f, &rows[i], &seq);
    fixture_settle(&f);
    assert_int_equal(sscanf(fixture_line(&f, 2), " %d keys in 24 h %d high %d not", &keys, &high, &unacked), 3);
    assert_int_equal(keys, was_keys + 2);
    assert_int_equal(high, was_high + 2);
    assert_int_equal(unacked, was_unacked + 2);
    SHOWS("carl");
}

static void a_silent_source_turns_the_walls_first_line_red(void **state)
{
    (void)state;
    fixture_resize(&f, 28, 100);
    fixture_keys(&f, "W");
    fixture_screen(&f);
    assert_int_equal(f.canvas.cell[0].style.role, KT_ROLE_PLAIN);
    set_sources();
    fixture_screen(&f);
    assert_int_equal(f.canvas.cell[0].style.role, KT_ROLE_BAD);
    assert_non_null(strstr(fixture_line(&f, 0), "STALE: 2 of 3 sources say nothing"));
    for (int y = 0; y < 27; y++) { /* and the frame with it */
        assert_int_equal(f.canvas.cell[y * 100].style.role, KT_ROLE_BAD);
        assert_int_equal(f.canvas.cell[y * 100 + 99].style.role, KT_ROLE_BAD);
    }
    for (size_t i = 0; i < f.app->n_sources; i++) /* they are back */
        f.app->source[i].health.state = KT_HEALTH_LIVE;
    fixture_screen(&f);
    for (int y = 0; y < 27; y++)
        assert_int_not_equal(f.canvas.cell[y * 100].style.role, KT_ROLE_BAD);
}

static void a_wall_that_nobody_touches_comes_back_and_is_due_each_minute(void **state)
{
    (void)state;
    struct kt_app *a = f.app;
    a->opts.wall = true;
    fixture_keys(&f, "W");
    int64_t due = kt_app_deadline(a) - kt_mono_ms();
    assert_true(due > 0 && due <= 20 * 1000); /* it is 14:32:40 */
    fixture_keys(&f, "Esc p Down Enter /"); /* paused, moved, a page, and a prompt */
    due = kt_app_deadline(a) - kt_mono_ms();
    assert_true(due > 0 && due <= KT_WALL_IDLE_MS);
    kt_app_tick(a);
    assert_int_not_equal(a->top->ops->context, KT_CTX_WALL);
    a->last_key -= KT_WALL_IDLE_MS;
    kt_app_tick(a);
    assert_int_equal(a->top->ops->context, KT_CTX_WALL);
    assert_null(a->prompt.label);
    fixture_keys(&f, "Esc");
    SHOWS_NOT("PAUSED");
    assert_false(kt_table_summary(a->table).paused);
}

static void a_followed_folder_of_old_records_shows_when_they_were_and_does_not_age(void **state)
{
    (void)state;
    char path[] = "/tmp/keytop-old-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    struct kt_buf b;
    kt_buf_init(&b, 1 << 16);
    fixture_json(&b, &(struct fixture_record){.id = "o1", .time = "2023-07-10T12:24:29Z", .actor = "alice", .target = "bob"});
    kt_buf_addc(&b, '\n');
    assert_int_equal(write(fd, b.p, b.len), b.len);
    kt_buf_free(&b);
    close(fd);
    struct kt_engine *g = NULL;
    struct kt_engine_opts o = {.follow = true, .since = KT_TIME_NONE, .until = KT_TIME_NONE};
    assert_int_equal(kt_engine_new(&g, &o, NULL), KT_OK);
    assert_int_equal(kt_engine_add(g, path, "old", NULL), KT_OK);
    assert_int_equal(kt_engine_start(g, NULL), KT_OK);
    struct kt_app *a = kt_app_new(&(struct kt_app_opts){.engine = g, .follow = true});
    assert_non_null(a);
    struct kt_canvas c;
    assert_true(kt_canvas_init(&c, 24, 80, false));
    const struct kt_grid_cell *last = &c.cell[1 * c.cols + 5 + 23]; /* of the sparkline */
    int64_t end = kt_mono_ms() + 10000;
    do {
        struct pollfd p = {.fd = kt_engine_fd(g), .events = POLLIN};
        poll(&p, 1, 100);
        kt_app_news(a);
        kt_app_draw(a, &c);
    } while ((strcmp(last->cell.utf8, "█") != 0 || a->complete.reading) && kt_mono_ms() < end);
    assert_string_equal(last->cell.utf8, "█");
    assert_string_equal(c.cell[0 * c.cols + 9].cell.utf8, "●");
    assert_string_equal(c.cell[0 * c.cols + 15].cell.utf8, "1"); /* "1 record", no age that would turn over */
    kt_app_free(a);
    kt_engine_free(g);
    kt_canvas_free(&c);
    unlink(path);
}

static void news_of_nothing_draws_nothing(void **state)
{
    (void)state;
    assert_int_equal(kt_app_news(f.app), 0);
    assert_int_equal(kt_app_news(f.app), 0);
}

static void keys_that_leave_or_suspend_say_so_to_the_loop(void **state)
{
    (void)state;
    assert_true(kt_app_key(f.app, KT_CHAR('q')) & KT_APP_QUIT);
    assert_true(kt_app_key(f.app, KT_CHAR('Z' & 31)) & KT_APP_SUSPEND);
    assert_true(kt_app_key(f.app, KT_CHAR('L' & 31)) & KT_APP_REPAINT);
    fixture_keys(&f, "/");
    assert_false(kt_app_key(f.app, KT_CHAR('q')) & KT_APP_QUIT);
    assert_true(kt_app_key(f.app, KT_CHAR('L' & 31)) & KT_APP_REPAINT);
}

static void pasted_text_runs_no_commands(void **state)
{
    (void)state;
    kt_app_key(f.app, (struct kt_key){KT_KEY_PASTE_BEGIN, 0});
    assert_false(kt_app_key(f.app, KT_CHAR('q')) & KT_APP_QUIT);
    kt_app_key(f.app, (struct kt_key){KT_KEY_PASTE_END, 0});
    assert_true(kt_app_key(f.app, KT_CHAR('q')) & KT_APP_QUIT);
    fixture_keys(&f, "/");
    kt_app_key(f.app, (struct kt_key){KT_KEY_PASTE_BEGIN, 0});
    fixture_keys(&f, "'alice");
    kt_app_key(f.app, KT_CHAR(13));
    kt_app_key(f.app, (struct kt_key){KT_KEY_PASTE_END, 0});
    SHOWS(" filter: alice");
}

static void high_risks_are_glyph_number_and_count(void **state)
{
    (void)state;
    arrive("c", "2026-11-24T14:32:31Z", "mallory", 92);
    arrive("h", "2026-11-24T14:32:30Z", "mallory", 71);
    arrive("m", "2026-11-24T14:32:29Z", "mallory", 55);
    fixture_settle(&f);
    SHOWS("◆ 92");
    SHOWS("▲ 71");
    SHOWS("△ 55");
    SHOWS("4 high");
    fixture_resize(&f, 1, 8);
    assert_string_equal(fixture_line(&f, 0), "4 high");
}

static void records_in_conflict_are_named_so(void **state)
{
    (void)state;
    fixture_keys(&f, "/");
    fixture_keys(&f, "'flags:conflict");
    fixture_keys(&f, "Enter");
    SHOWS("2 of 10");
    SHOWS("conflict");
}

static void what_an_attacker_wrote_is_shown_as_marks(void **state)
{
    (void)state;
    fixture_keys(&f, "5 /");
    fixture_keys(&f, "'evil");
    fixture_keys(&f, "Enter Enter");
    SHOWS("evil^[[2J<U+202E> tool");
    int marks = 0;
    for (int i = 0; i < f.canvas.cols; i++)
        marks += f.canvas.cell[i].style.role == KT_ROLE_MARK;
    assert_int_equal(marks, 2 + 8);
}

static void a_second_page_of_many_items_is_opened_by_its_last_line(void **state)
{
    (void)state;
    fixture_keys(&f, "5 Enter"); /* one of four agents */
    fixture_resize(&f, 40, 100);
    SHOWS("… ");
    SHOWS(" more");
    fixture_keys(&f, "Down Down Down Down Down Down");
    SELECTED("more");
    fixture_keys(&f, "Enter");
    SELECTED("user");
}

static void folding_hides_and_searching_unhides_nothing_but_finds(void **state)
{
    (void)state;
    fixture_keys(&f, "6 Enter -");
    SHOWS("\"userIdentity\": { … 5 keys }");
    SHOWS_NOT("sessionIssuer");
    fixture_keys(&f, "/");
    fixture_keys(&f, "'sessionIssuer");
    fixture_keys(&f, "Enter");
    SELECTED("\"userIdentity\": { …");
    fixture_keys(&f, "Enter n");
    SELECTED("\"sessionContext\": { …");
    fixture_keys(&f, "+");
    SHOWS("\"sessionIssuer\": {");
    SELECTED("sessionContext");
}

static void a_long_line_is_clipped_or_wrapped(void **state)
{
    (void)state;
    fixture_keys(&f, "6 Enter");
    SHOWS_NOT("Botocore/1.31.0\"");
    fixture_keys(&f, "w");
    SHOWS("Botocore/1.31.0\"");
    fixture_keys(&f, "w");
    SHOWS_NOT("Botocore/1.31.0\"");
}

static void the_lines_of_any_bytes_are_made_without_harm(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "{", "}", "[[[[", "{\"a\":", "{\"a\":1,}", "\"unclosed", "nul", "{\"a\" 1}",
                                        "[1,2,3]", "{\"a\":{\"b\":[]}}", "{\"a\":1} trailing", "\\", "[\"\\", "{]}",
                                        "\n\n\x01\xff\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct kt_json_lines j;
        assert_true(kt_json_lines_read(&j, kt_span_of(texts[i])));
        for (size_t k = 0; k < j.n; k++) {
            assert_true((size_t)j.line[k].value + j.line[k].value_n <= strlen(texts[i]));
            if (j.line[k].kind == KT_JSON_OPEN)
                assert_true(j.line[k].partner < j.n);
        }
        kt_json_lines_free(&j);
    }
    struct kt_buf deep;
    kt_buf_init(&deep, 10000);
    for (int i = 0; i < 5000; i++)
        kt_buf_addc(&deep, '[');
    struct kt_json_lines j;
    assert_true(kt_json_lines_read(&j, kt_buf_span(&deep)));
    assert_true(j.n > KT_JSON_DEPTH_MAX);
    kt_json_lines_free(&j);
    kt_buf_free(&deep);
}

static void the_text_of_a_record_is_shown_whole(void **state)
{
    (void)state;
    struct kt_json_lines j;
    assert_true(kt_json_lines_read(&j, KT_LIT("{ \"a\" : [1, true ,null,\"x\\\"y\"], \"b\":{} }")));
    assert_int_equal(j.n, 10);
    assert_int_equal(j.line[0].partner, 9);
    assert_int_equal(j.line[0].items, 2);
    assert_int_equal(j.line[1].items, 4);
    assert_true(j.line[1].kind == KT_JSON_OPEN && j.line[6].kind == KT_JSON_CLOSE && j.line[6].comma);
    assert_int_equal(j.line[5].kind, KT_JSON_STRING);
    assert_int_equal(j.line[5].value_n, 6);
    assert_int_equal(j.line[5].depth, 2);
    kt_json_lines_free(&j);
}

/* --- a key's life --------------------------------------------------------- */

static void learn_use(const char *id, const char *time, const char *address)
{
    struct kt_fact use = {.kind = KT_KIND_USE, .result = KT_RESULT_DONE, .time = kt_time_parse(kt_span_of(time)),
                          .event_id = kt_span_of(id), .event_name = KT_LIT("ListBuckets"),
                          .event_source = KT_LIT("s3.amazonaws.com"), .key = KT_LIT("AKIAIOSFODNN7EXA7QX2"),
                          .address = kt_span_of(address), .address_kind = KT_ADDRESS_IP, .agent = KT_LIT("Boto3/1.28.0")};
    assert_int_equal(kt_store_learn(f.app->store, &use), KT_LEARNT);
    fixture_settle(&f);
}

static void a_use_that_arrives_is_news_to_the_pane_of_its_key_though_no_row_comes(void **state)
{
    (void)state;
    fixture_keys(&f, "Enter");
    assert_true(fixture_shows(&f, "3 uses, 1 denied"));
    assert_false(fixture_shows(&f, "192.0.2.200"));
    learn_use("late", "2026-11-24T14:32:39Z", "192.0.2.200");
    assert_true(fixture_shows(&f, "4 uses, 1 denied"));
    assert_true(fixture_shows(&f, "2 addresses"));
    assert_true(fixture_shows(&f, "192.0.2.200"));
    for (int i = 0; i < 20; i++) { /* more than are listed at first */
        char id[32], from[32];
        snprintf(id, sizeof id, "late-%d", i);
        snprintf(from, sizeof from, "192.0.2.%d", i + 1);
        learn_use(id, "2026-11-24T14:32:39Z", from);
    }
    assert_true(fixture_shows(&f, "22 addresses"));
    assert_true(fixture_shows(&f, "16 more"));
}

static void the_cursor_stays_with_its_address_as_uses_arrive(void **state)
{
    (void)state;
    fixture_keys(&f, "Enter");
    assert_non_null(strstr(fixture_selected(&f), "198.51.100.77"));
    for (int i = 0; i < 5; i++) {
        char id[32];
        snprintf(id, sizeof id, "more-%d", i);
        learn_use(id, "2026-11-24T14:32:39Z", "192.0.2.200"); /* has most uses now: stands first */
    }
    assert_non_null(strstr(fixture_selected(&f), "198.51.100.77"));
}

static void an_address_of_uses_leads_to_its_pane_where_rows_are_kept_of_it(void **state)
{
    (void)state;
    fixture_keys(&f, "Enter");
    fixture_keys(&f, "Enter");
    assert_true(fixture_shows(&f, "no row is kept of it"));
    learn_use("a", "2026-11-24T14:32:39Z", "203.0.113.9");
    assert_true(fixture_shows(&f, "2 addresses"));
    fixture_keys(&f, "Down");
    fixture_keys(&f, "Enter");
    assert_true(fixture_shows(&f, "keytop › AKIAIOSFODNN7EXA7QX2 › 203.0.113.9"));
}

static void a_value_among_the_places_of_uses_is_found_and_copied(void **state)
{
    (void)state;
    fixture_keys(&f, "Enter C-f");
    fixture_keys(&f, "'kali");
    fixture_keys(&f, "Esc");
    fixture_keys(&f, "C-f");
    fixture_keys(&f, "'aws-cli 2.15");
    fixture_keys(&f, "Enter");
    assert_non_null(strstr(fixture_selected(&f), "aws-cli 2.15.22"));
}

static void a_row_is_acknowledged_and_no_longer(void **state)
{
    (void)state;
    fixture_open(&f, FIXTURE_DAY, 40, 140, false);
    fixture_keys(&f, "a");
    fixture_wait(&f, "ann@jump1 acknowledged");
    fixture_wait(&f, "✓");
    assert_non_null(strstr(fixture_selected(&f), "✓"));
    fixture_keys(&f, "a");
    fixture_wait(&f, "no longer acknowledged");
    fixture_wait_no(&f, "✓");
    assert_null(strstr(fixture_selected(&f), "✓"));
    fixture_keys(&f, "u"); /* takes back the second: the first holds again */
    fixture_wait(&f, "✓");
    assert_non_null(strstr(fixture_selected(&f), "✓"));
    fixture_close(&f);
}

static void a_note_tags_and_an_assignee_are_written_in_prompts(void **state)
{
    (void)state;
    fixture_open(&f, FIXTURE_DAY, 40, 140, false);
    fixture_keys(&f, "m");
    fixture_keys(&f, "'asked bob, not his");
    fixture_keys(&f, "Enter");
    fixture_wait(&f, "noted: asked bob, not his");
    fixture_keys(&f, "t");
    fixture_keys(&f, "'ir-12 real");
    fixture_keys(&f, "Enter");
    fixture_wait(&f, "#ir-12 #real");
    fixture_keys(&f, "t");
    assert_true(fixture_shows(&f, "tags: ir-12 real"));
    fixture_keys(&f, "C-w");
    fixture_keys(&f, "Enter");
    fixture_wait(&f, "tagged -real");
    fixture_keys(&f, "A");
    fixture_keys(&f, "'carol");
    fixture_keys(&f, "Enter");
    fixture_wait(&f, "#ir-12, @carol, note");
    fixture_keys(&f, "m");
    fixture_keys(&f, "'never mind");
    fixture_keys(&f, "Esc");
    assert_false(fixture_shows(&f, "never mind"));
    fixture_keys(&f, "/");
    fixture_keys(&f, "'tag:ir-12 note:bob assigned:carol state:open");
    fixture_keys(&f, "Enter");
    fixture_wait(&f, "1 of 10");
    fixture_keys(&f, "a");
    fixture_wait(&f, "0 of 10"); /* it is open no more */
    fixture_close(&f);
}

static void a_key_and_a_record_are_triaged_in_their_pages(void **state)
{
    (void)state;
    fixture_open(&f, FIXTURE_DAY, 40, 140, false);
    fixture_keys(&f, "Enter");
    fixture_keys(&f, "Home");
    fixture_keys(&f, "m");
    fixture_keys(&f, "'leaked on a page");
    fixture_keys(&f, "Enter");
    fixture_wait(&f, "ann@jump1 noted: leaked on a page");
    fixture_keys(&f, "Backspace");
    assert_non_null(strstr(fixture_selected(&f), "note")); /* it was said of the row that made the key */
    fixture_keys(&f, "6"); /* the record */
    fixture_keys(&f, "Enter");
    fixture_keys(&f, "a");
    fixture_wait(&f, "ann@jump1 acknowledged");
    fixture_keys(&f, "Backspace");
    fixture_wait(&f, "✓");
    fixture_close(&f);
}

static void read_only_refuses_every_act(void **state)
{
    (void)state;
    static const char *const keys[] = {"a", "m", "t", "A", "u"};
    fixture_open_read_only(&f);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        fixture_keys(&f, keys[i]);
        assert_true(fixture_shows(&f, "read-only"));
    }
    for (int c = 1; c < KT_CMD_COUNT; c++) { /* by the palette as well */
        const struct kt_command_info *i = kt_command_info((enum kt_command)c);
        if (!(i->contexts & KT_WRITES))
            continue;
        f.app->opts.read_only = true;
        fixture_keys(&f, ":");
        char typed[80];
        snprintf(typed, sizeof typed, "'%s%s", i->name, kt_command_argument((enum kt_command)c)[0] ? " x" : "");
        fixture_keys(&f, typed);
        fixture_keys(&f, "Enter");
        assert_true(fixture_shows(&f, "read-only: ") && fixture_shows(&f, "is refused here"));
    }
    fixture_close(&f);
}

int main(void)
{
#define T(fn, open) cmocka_unit_test_setup_teardown(fn, open, done)
    const struct CMUnitTest tests[] = {
        T(the_cursor_stays_with_its_record_and_on_its_line_when_rows_arrive, day),
        T(rows_that_arrive_above_the_window_do_not_move_what_is_read, day),
        T(at_the_top_the_newest_row_is_followed, day),
        T(the_table_can_stand_alone_and_asking_for_a_pane_brings_them_back, day),
        T(a_pause_holds_the_table_and_counts_what_waits, day),
        T(a_filter_set_during_a_pause_is_answered_at_once, day),
        T(enter_leads_from_actor_to_address_to_agent_to_key_and_backspace_back, wide_day),
        T(a_page_comes_back_as_it_was_though_rows_arrived_meanwhile, day),
        T(filter_to_this_leaves_only_what_touches_it_and_esc_brings_all_back, day),
        T(a_denied_row_has_no_key_and_enter_opens_its_record, wide_day),
        T(a_value_of_the_record_leads_to_its_pane, day),
        T(a_filter_is_followed_while_it_is_written_and_esc_leaves_all_as_it_was, day),
        T(a_move_right_after_giving_up_a_filter_or_in_a_search_holds, day),
        T(an_error_of_the_filter_stands_over_its_place_and_enter_waits, day),
        T(what_the_program_was_started_with_is_on_the_screen, day),
        T(a_search_walks_the_hits_in_the_tables_order, day),
        T(a_search_given_up_puts_the_cursor_back, day),
        T(a_search_in_many_rows_finds_the_far_one, many),
        T(sorting_is_chosen_from_a_list_or_by_its_neighbour, day),
        T(what_is_copied_is_ascii_on_one_line, day),
        T(how_to_contain_a_key_is_shown_and_copied, day),
        T(a_key_of_root_has_no_command, day),
        T(hostile_text_is_copied_escaped, day),
        T(a_use_that_arrives_is_news_to_the_pane_of_its_key_though_no_row_comes, wide_day),
        T(the_cursor_stays_with_its_address_as_uses_arrive, wide_day),
        T(an_address_of_uses_leads_to_its_pane_where_rows_are_kept_of_it, wide_day),
        T(a_value_among_the_places_of_uses_is_found_and_copied, wide_day),
        T(every_command_is_in_the_help, day),
        T(a_key_without_a_command_is_answered_calmly, day),
        T(a_hint_goes_away_by_itself_and_then_nothing_is_due, day),
        T(sources_say_their_state_in_a_glyph_and_a_word, day),
        T(where_not_all_sources_fit_the_worst_are_shown, day),
        T(a_stale_source_grows_older_by_the_minute, day),
        T(a_users_pane_counts_the_rotations_of_their_keys, day),
        T(the_wall_counts_a_day_and_who_acknowledged_what, day),
        T(a_wall_counts_only_the_last_24_hours, live),
        T(a_silent_source_turns_the_walls_first_line_red, day),
        T(a_wall_that_nobody_touches_comes_back_and_is_due_each_minute, live),
        T(a_followed_folder_of_old_records_shows_when_they_were_and_does_not_age, day),
        T(news_of_nothing_draws_nothing, day),
        T(what_arrives_while_one_looks_is_new_and_counted_and_after_a_while_is_not, live),
        T(rows_that_were_read_at_the_start_are_not_new_though_views_come_late, live),
        T(rows_above_what_is_read_are_counted_until_one_goes_to_them, live),
        T(a_live_screen_is_due_again_within_the_half_hour_of_its_sparkline, live),
        T(keys_that_leave_or_suspend_say_so_to_the_loop, day),
        T(pasted_text_runs_no_commands, day),
        T(high_risks_are_glyph_number_and_count, day),
        T(records_in_conflict_are_named_so, day),
        T(what_an_attacker_wrote_is_shown_as_marks, day),
        T(a_second_page_of_many_items_is_opened_by_its_last_line, many),
        T(folding_hides_and_searching_unhides_nothing_but_finds, wide_day),
        T(a_long_line_is_clipped_or_wrapped, day),
        cmocka_unit_test(the_lines_of_any_bytes_are_made_without_harm),
        cmocka_unit_test(the_text_of_a_record_is_shown_whole),
        cmocka_unit_test(a_row_is_acknowledged_and_no_longer),
        cmocka_unit_test(a_note_tags_and_an_assignee_are_written_in_prompts),
        cmocka_unit_test(a_key_and_a_record_are_triaged_in_their_pages),
        cmocka_unit_test(read_only_refuses_every_act),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
