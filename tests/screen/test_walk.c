/* A long random walk over all screens at all sizes: nothing crashes, and from
 * everywhere there is a way out. */
#include "tests/support/app_fixture.h"
#include "tests/support/places.h"
#include "tui/commands.h"
#include "tui/screen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dirent.h>
#include <string.h>
#include <unistd.h>

static uint64_t seed;
static unsigned dice(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

/* Mostly keys that mean something, now and then any. */
static struct kt_key any_key(enum kt_context ctx)
{
    struct kt_key k = KT_CHAR(1 + dice(126));
    char name[KT_KEY_NAME];
    if (dice(8) == 0)
        return dice(4) ? k : (struct kt_key){(enum kt_key_code)dice(KT_KEY_FOCUS_OUT + 1), dice(0x110000)};
    if (dice(6) == 0)
        return kt_mouse_key((enum kt_mouse)dice(KT_MOUSE_WHEEL_DOWN + 1), (int)dice(60), (int)dice(200));
    for (int tries = 0; tries < 50; tries++) {
        const struct kt_command_info *i = kt_command_info((enum kt_command)(1 + dice(KT_CMD_COUNT - 1)));
        if (!(i->contexts & (unsigned)ctx))
            continue;
        const char *p = i->keys;
        for (unsigned n = dice(3) + 1; n-- > 0;)
            if (!kt_key_next(&p, &k, name))
                break;
        return k;
    }
    return k;
}

static void any_size(struct fixture *f)
{
    static const int odd[][2] = {{1, 1},    {2, 5},     {5, 20},  {10, 40}, {24, 80},
                                 {43, 132}, {200, 500}, {1, 500}, {200, 1}};
    if (dice(2))
        fixture_resize(f, odd[dice(9)][0], odd[dice(9)][1]);
    else
        fixture_resize(f, 1 + (int)dice(60), 1 + (int)dice(200));
}

static void cells_are_sound(const struct kt_canvas *c)
{
    for (int y = 0; y < c->rows; y++) {
        for (int x = 0; x < c->cols; x++) {
            const struct kt_grid_cell *g = &c->cell[(size_t)y * (size_t)c->cols + (size_t)x];
            if (g->cell.width == 2)
                assert_true(x + 1 < c->cols && g[1].cell.width == 0);
            if (g->cell.width == 0)
                assert_true(x > 0 && g[-1].cell.width == 2);
            assert_true(g->style.role < KT_ROLE_COUNT);
            assert_true(strlen(g->cell.utf8) < sizeof g->cell.utf8);
            for (const char *p = g->cell.utf8; *p; p++)
                assert_false((unsigned char)*p < 0x20 || *p == 0x7F || (c->ascii && (unsigned char)*p > 0x7E));
        }
    }
    assert_true(c->cursor_row < c->rows && c->cursor_col < c->cols);
}

/* Esc alone leads to the table, from wherever one is. */
static void get_out(struct fixture *f)
{
    assert_true(place_leave(f->app));
}

static void walk(enum fixture_records what, bool ascii, int steps)
{
    struct fixture f;
    fixture_open(&f, what, 24, 80, ascii);
    f.app->mouse = true;
    int quits = 0;
    for (int i = 0; i < steps; i++) {
        struct kt_key k = any_key(f.app->prompt.label ? KT_CTX_PROMPT : f.app->top->ops->context);
        quits += (kt_app_key(f.app, k) & KT_APP_QUIT) != 0;
        if (dice(10) == 0)
            any_size(&f);
        if (dice(4) == 0)
            kt_app_news(f.app);
        if (what == FIXTURE_LIVE && dice(200) == 0) {
            char id[32];
            snprintf(id, sizeof id, "walk-%d", i);
            struct fixture_record r = {.id = id, .time = "2026-11-24T14:32:30Z", .type = "IAMUser", .actor = "walker",
                                       .account = "111122223333", .target = "x", .key = "AKIAIOSFODNN7EXAWALK",
                                       .address = "192.0.2.1", .agent = "walk/1"};
            fixture_append(&f, &r);
        }
        if (dice(500) == 0) {
            fixture_settle(&f);
            kt_app_tick(f.app);
        }
        kt_app_draw(f.app, &f.canvas);
        if (dice(16) == 0)
            cells_are_sound(&f.canvas);
        if (dice(300) == 0)
            get_out(&f);
    }
    get_out(&f);
    assert_true(quits > 0);
    fixture_close(&f);
}

static void twenty_thousand_random_keys_at_random_sizes_do_no_harm(void **state)
{
    (void)state;
    const char *given = getenv("WALK_SEED");
    seed = given ? strtoull(given, NULL, 10) : 20261124;
    walk(FIXTURE_LIVE, false, 10000);
    walk(FIXTURE_MANY, true, 8000);
    walk(FIXTURE_NONE, false, 2000);
}

/* Keys may write files: they do so in a folder that goes with them. */
static int leave_folder(const char *folder)
{
    DIR *d = opendir(".");
    for (struct dirent *e; d && (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            (void)unlink(e->d_name);
    if (d)
        closedir(d);
    return rmdir(folder);
}

/* --- every key in every view -------------------------------------------------- */

/* One that is opened on the way may have been left open by keys before. */
static void go_to(struct fixture *f, size_t place)
{
    for (int tries = 0; tries < 3; tries++) {
        get_out(f);
        f->app->marks.n = 0;
        kt_app_settle(f->app);
        place_press(f->app, "Home");
        place_press(f->app, places[place].way);
        kt_app_settle(f->app);
        if (place_here(f->app) == places[place].ctx)
            return;
        fixture_close(f); /* what keys did to the table may stand in the way: a range that has no rows */
        fixture_open(f, FIXTURE_DAY, 40, 120, false);
    }
    fail_msg("%s does not lead to the %s", places[place].way, kt_context_name(places[place].ctx));
}

static void the_walk_leads_to_every_kind_of_view(void **state)
{
    (void)state;
    for (int i = 0; i < KT_CONTEXTS; i++) {
        bool led = false;
        for (size_t p = 0; p < PLACES; p++)
            led = led || places[p].ctx == (enum kt_context)(1u << i);
        if (!led)
            fail_msg("nothing leads to the %s", kt_context_name((enum kt_context)(1u << i)));
    }
}

static void every_key_of_every_view_has_a_way_back(void **state)
{
    struct fixture f;
    int keys = 0, named = 0, quits = 0, moved = 0;
    (void)state;
    fixture_open(&f, FIXTURE_DAY, 40, 120, false);
    for (size_t p = 0; p < PLACES; p++) {
        for (int c = KT_CMD_NONE + 1; c < KT_CMD_COUNT; c++) {
            const struct kt_command_info *i = kt_command_info((enum kt_command)c);
            struct kt_key k;
            char name[KT_KEY_NAME];
            if (!(i->contexts & (unsigned)places[p].ctx))
                continue;
            for (const char *next = i->keys; kt_key_next(&next, &k, name); keys++) {
                go_to(&f, p);
                unsigned did = kt_app_key(f.app, k);
                quits += (did & KT_APP_QUIT) != 0;
                assert_true(!(did & KT_APP_QUIT) || c == KT_CMD_QUIT);
                kt_app_settle(f.app);
                kt_app_draw(f.app, &f.canvas);
                cells_are_sound(&f.canvas);
                moved += place_here(f.app) != places[p].ctx;
                get_out(&f);
            }
        }
    }
    for (int c = KT_CMD_NONE + 1; c < KT_CMD_COUNT; c++) { /* and by its name, from the table and from a page */
        for (int page = 0; page < 2; page++, named++) {
            char text[80];
            snprintf(text, sizeof text, "%s", kt_command_info((enum kt_command)c)->name);
            get_out(&f);
            place_press(f.app, page ? "Enter :" : ":");
            for (const char *t = text; *t; t++)
                (void)kt_app_key(f.app, KT_CHAR(*t));
            (void)kt_app_key(f.app, KT_CHAR(13));
            kt_app_settle(f.app);
            kt_app_draw(f.app, &f.canvas);
            cells_are_sound(&f.canvas);
        }
    }
    get_out(&f);
    fixture_close(&f);
    print_message("%d keys in %d places, %d of them leading elsewhere, %d commands by name: from each a way back\n", keys,
                  (int)PLACES, moved, named);
    assert_true(keys > 300 && quits > 3 && moved > 60);
}

int main(void)
{
    char folder[] = "/tmp/keytop-walk-XXXXXX";
    if (!mkdtemp(folder) || chdir(folder) != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twenty_thousand_random_keys_at_random_sizes_do_no_harm),
        cmocka_unit_test(the_walk_leads_to_every_kind_of_view),
        cmocka_unit_test(every_key_of_every_view_has_a_way_back),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return leave_folder(folder) != 0 || failed;
}
