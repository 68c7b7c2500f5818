/* list: the cursor stays with its item, the item with its line. */
#include "tui/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MOST = 1000 };
static struct model {
    uint64_t id[MOST];
    size_t n;
    bool heads; /* every tenth id is a head, on which the cursor cannot rest */
    bool tall;  /* every fifth id takes two lines; the first in the window too */
} m;

static uint64_t id(void *ctx, size_t i)
{
    (void)ctx;
    return m.id[i];
}
static ptrdiff_t find(void *ctx, uint64_t want)
{
    (void)ctx;
    for (size_t i = 0; i < m.n; i++)
        if (m.id[i] == want)
            return (ptrdiff_t)i;
    return -1;
}
static bool rests(void *ctx, size_t i)
{
    (void)ctx;
    return !m.heads || m.id[i] % 10 != 0;
}
static int lines(void *ctx, size_t i, bool first)
{
    (void)ctx;
    return m.tall && (first || m.id[i] % 5 == 0) ? 2 : 1;
}
static void text(void *ctx, size_t i, struct kt_buf *b)
{
    (void)ctx;
    kt_buf_addf(b, "item %llu", (unsigned long long)m.id[i]);
}
static struct kt_list_items items(void)
{
    return (struct kt_list_items){m.n, NULL, id, find, rests, lines, text};
}

/* ids from `from` downwards: newest first */
static void fill(uint64_t from, size_t n)
{
    m.n = n;
    for (size_t i = 0; i < n; i++)
        m.id[i] = from - i;
}

static int fresh(void **state)
{
    (void)state;
    m = (struct model){.n = 0};
    return 0;
}

static void the_cursor_stays_with_its_item_and_on_its_line_when_others_arrive_above(void **state)
{
    (void)state;
    struct kt_list l = {.pinned = true};
    fill(100, 100);
    struct kt_list_items it = items();
    kt_list_sync(&l, &it);
    kt_list_layout(&l, &it, 10);
    for (int i = 0; i < 4; i++)
        kt_list_move(&l, &it, KT_LIST_DOWN);
    assert_int_equal(l.id, 96);
    fill(103, 103);
    it = items();
    kt_list_sync(&l, &it);
    kt_list_layout(&l, &it, 10);
    assert_int_equal(l.id, 96);
    assert_int_equal(l.cursor, 7);
    assert_int_equal(l.cursor - l.top, 4);
}

static void a_pinned_list_at_its_top_follows_the_first_item(void **state)
{
    (void)state;
    struct kt_list l = {.pinned = true};
    fill(5, 5);
    struct kt_list_items it = items();
    kt_list_sync(&l, &it);
    assert_int_equal(l.id, 5);
    fill(9, 9);
    it = items();
    kt_list_sync(&l, &it);
    assert_int_equal(l.id, 9);
    l.pinned = false;
    fill(12, 12);
    it = items();
    kt_list_sync(&l, &it);
    assert_int_equal(l.id, 9);
    assert_int_equal(l.cursor, 3);
}

static void a_cursor_whose_item_is_gone_stays_near_and_an_empty_list_has_none(void **state)
{
    (void)state;
    struct kt_list l = {0};
    fill(50, 50);
    struct kt_list_items it = items();
    kt_list_sync(&l, &it);
    kt_list_goto(&l, &it, 49);
    fill(50, 20);
    it = items();
    kt_list_sync(&l, &it);
    assert_int_equal(l.cursor, 19);
    m.n = 0;
    it = items();
    kt_list_sync(&l, &it);
    kt_list_layout(&l, &it, 10);
    assert_false(kt_list_move(&l, &it, KT_LIST_DOWN));
    assert_int_equal(l.cursor, 0);
    /* filtered away and shown again: back to where it was */
    fill(50, 50);
    it = items();
    kt_list_sync(&l, &it);
    assert_int_equal(l.id, 31);
}

static void the_cursor_is_always_inside_the_window_whatever_the_heights(void **state)
{
    (void)state;
    for (int variant = 0; variant < 4; variant++) {
        m.heads = variant & 1;
        m.tall = variant & 2;
        struct kt_list l = {0};
        fill(200, 200);
        struct kt_list_items it = items();
        kt_list_sync(&l, &it);
        unsigned rnd = 7;
        for (int i = 0; i < 4000; i++) {
            rnd = rnd * 1103515245u + 12345u;
            int height = 1 + (int)((rnd >> 16) % 23);
            kt_list_move(&l, &it, (enum kt_list_move)((rnd >> 8) % 6));
            kt_list_layout(&l, &it, height);
            assert_true(l.top <= l.cursor && l.cursor < m.n);
            int used = 0;
            for (size_t k = l.top; k <= l.cursor; k++)
                used += lines(NULL, k, k == l.top);
            if (height > 2)
                assert_true(used <= height);
            assert_true(rests(NULL, l.cursor));
            assert_int_equal(l.id, m.id[l.cursor]);
        }
    }
}

static void moves_pass_over_heads_and_stop_at_the_ends(void **state)
{
    (void)state;
    m.heads = true;
    struct kt_list l = {0};
    fill(20, 20); /* 20 and 10 are heads */
    struct kt_list_items it = items();
    kt_list_sync(&l, &it);
    kt_list_layout(&l, &it, 5);
    assert_int_equal(l.id, 19);
    kt_list_goto(&l, &it, 9);
    assert_int_equal(l.id, 11);
    assert_true(kt_list_move(&l, &it, KT_LIST_DOWN));
    assert_int_equal(l.id, 9);
    kt_list_move(&l, &it, KT_LIST_END);
    assert_int_equal(l.id, 1);
    assert_false(kt_list_move(&l, &it, KT_LIST_DOWN));
    kt_list_move(&l, &it, KT_LIST_HOME);
    assert_int_equal(l.id, 19);
    assert_int_equal(l.top, 0);
}

static int drawn;
static void draw_one(void *ctx, size_t i, struct kt_canvas *c, int row, int n, bool first, bool selected)
{
    (void)ctx;
    (void)first;
    drawn += n;
    kt_canvas_printf(c, row + n - 1, 0, 20, selected ? KT_STYLE(SELECTED) : KT_STYLE(TEXT), "%d",
                     (int)m.id[i]);
}

static void drawing_fills_the_window_and_not_a_line_more(void **state)
{
    (void)state;
    m.tall = true;
    struct kt_canvas c;
    assert_true(kt_canvas_init(&c, 12, 20, false));
    struct kt_list l = {0};
    fill(100, 100);
    struct kt_list_items it = items();
    kt_list_sync(&l, &it);
    kt_list_goto(&l, &it, 50);
    drawn = 0;
    kt_list_draw(&l, &it, &c, 1, 10, draw_one);
    assert_int_equal(drawn, 10);
    assert_string_equal(c.cell[0].cell.utf8, " ");
    assert_string_equal(c.cell[11 * 20].cell.utf8, " ");
    int selected = 0;
    for (int i = 0; i < 12; i++)
        selected += c.cell[i * 20].style.role == KT_ROLE_SELECTED;
    assert_int_equal(selected, 1);
    kt_canvas_free(&c);
}

static void a_search_goes_round_and_either_way(void **state)
{
    (void)state;
    struct kt_list l = {0};
    fill(40, 40);
    struct kt_list_items it = items();
    kt_list_sync(&l, &it);
    assert_true(kt_list_search(&l, &it, KT_LIT("ITEM 7"), false, true));
    assert_int_equal(l.id, 7);
    assert_true(kt_list_search(&l, &it, KT_LIT("item 3"), false, false));
    assert_int_equal(l.id, 3);
    assert_true(kt_list_search(&l, &it, KT_LIT("item 3"), false, false));
    assert_int_equal(l.id, 39);
    assert_true(kt_list_search(&l, &it, KT_LIT("item 3"), true, false));
    assert_int_equal(l.id, 3);
    assert_false(kt_list_search(&l, &it, KT_LIT("nobody"), false, true));
    assert_int_equal(l.id, 3);
}

static void a_search_can_be_looked_after_in_pieces(void **state)
{
    (void)state;
    struct kt_list l = {0};
    struct kt_list_seek s;
    size_t pieces = 0;
    fill(140, 90); /* 140 down to 51 */
    struct kt_list_items it = items();
    kt_list_sync(&l, &it);
    kt_list_seek_begin(&s, &l, &it, false, false);
    while (kt_list_seek(&s, &l, &it, KT_LIT("item 5"), 10) == KT_LIST_SEEKING)
        pieces++;
    assert_int_equal(l.id, 59);
    assert_int_equal(pieces, 8);
    assert_false(s.on);
    kt_list_seek_begin(&s, &l, &it, true, false); /* there are fewer items than when it began */
    assert_int_equal(kt_list_seek(&s, &l, &it, KT_LIT("nobody"), 10), KT_LIST_SEEKING);
    fill(140, 5);
    it = items();
    while (kt_list_seek(&s, &l, &it, KT_LIT("nobody"), 10) == KT_LIST_SEEKING)
        pieces++;
    assert_int_equal(l.id, 59);
    fill(0, 0);
    it = items();
    kt_list_seek_begin(&s, &l, &it, false, true);
    assert_int_equal(kt_list_seek(&s, &l, &it, KT_LIT("item"), 10), KT_LIST_NOT_FOUND);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, fresh)
    const struct CMUnitTest tests[] = {
        T(the_cursor_stays_with_its_item_and_on_its_line_when_others_arrive_above),
        T(a_pinned_list_at_its_top_follows_the_first_item),
        T(a_cursor_whose_item_is_gone_stays_near_and_an_empty_list_has_none),
        T(the_cursor_is_always_inside_the_window_whatever_the_heights),
        T(moves_pass_over_heads_and_stop_at_the_ends),
        T(drawing_fills_the_window_and_not_a_line_more),
        T(a_search_goes_round_and_either_way),
        T(a_search_can_be_looked_after_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
