/* Hostile text in one column leaves all other columns as they are. */
#include "tests/support/hostile_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <string.h>

enum { STRINGS = 500, KINDS = 6, HEADS = 2 };
static const struct {
    enum hostile_field field;
    const char *head;
} column_of[KINDS] = {{HOSTILE_AGENT, "AGENT"},   {HOSTILE_ACTOR, "ACTOR"}, {HOSTILE_REQUEST, "TARGET"},
                      {HOSTILE_ADDRESS, "FROM"}, {HOSTILE_KEY, "KEY"},     {HOSTILE_REGION, "REGION"}};

static void one_field_each(struct kt_buf *b, uint64_t *random, bool hostile)
{
    struct kt_buf text;
    kt_buf_init(&text, 65536);
    for (int i = 0; i < STRINGS; i++) {
        const char *f[HOSTILE_FIELD_COUNT] = {NULL};
        kt_buf_reset(&text);
        if (hostile)
            hostile_text(&text, random, 12);
        else
            kt_buf_adds(&text, "harmless");
        f[column_of[i % KINDS].field] = kt_buf_str(&text);
        hostile_record(b, 100000 - i, HOSTILE_CREATED, f);
    }
    assert_false(b->failed || text.failed);
    kt_buf_free(&text);
}

static void head_columns(const struct kt_canvas *c, const char *head, int *from, int *to)
{
    char line[1001] = "";
    const struct kt_grid_cell *g = c->cell + (size_t)HEADS * (size_t)c->cols;
    for (int i = 0; i < c->cols; i++)
        line[i] = g[i].cell.utf8[0] > 0x20 ? g[i].cell.utf8[0] : ' ';
    const char *hit = strstr(line, head);
    assert_non_null(hit);
    *from = (int)(hit - line);
    *to = *from + (int)strlen(head);
    while (*to < c->cols && line[*to] == ' ')
        ++*to;
}

static bool in_head(const struct kt_canvas *c, const char *head, int col)
{
    int from, to;
    head_columns(c, head, &from, &to);
    return col >= from && col < to;
}

static size_t compare_columns(const struct kt_canvas *a, const struct kt_canvas *b)
{
    size_t compared = 0;
    int row = HEADS;
    for (int i = 0; i < STRINGS; i++) {
        do /* over the line that names the day */
            row++;
        while (a->cell[(size_t)row * (size_t)a->cols + 3].cell.utf8[0] != ':');
        for (int col = 0; col < a->cols; col++) {
            const struct kt_grid_cell *x = a->cell + (size_t)row * (size_t)a->cols + col;
            const struct kt_grid_cell *y = b->cell + (size_t)row * (size_t)b->cols + col;
            if (strcmp(x->cell.utf8, y->cell.utf8) == 0 && x->cell.width == y->cell.width) {
                compared++;
                continue;
            }
            /* what the text says of risk is said in two more columns */
            if (!in_head(a, column_of[i % KINDS].head, col) && !in_head(a, "RISK", col) && !in_head(a, "WHY", col))
                fail_msg("a text in %s changes column %d of row %d, \"%s\" to \"%s\"", column_of[i % KINDS].head, col,
                         i, x->cell.utf8, y->cell.utf8);
        }
    }
    return compared;
}

size_t hostile_columns(size_t strings)
{
    struct kt_buf b;
    uint64_t random = UINT64_C(88172645463325252);
    struct fixture calm, wild;
    size_t done = 0, cells = 0;
    kt_buf_init(&b, 64 << 20);
    assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
    one_field_each(&b, &random, false);
    hostile_fixture(&calm, &b, false);
    for (; done < strings; done += STRINGS) {
        kt_buf_reset(&b);
        one_field_each(&b, &random, true);
        hostile_fixture(&wild, &b, false);
        int width = done / STRINGS % 2 ? 300 : 180; /* wide enough for a column of each */
        fixture_resize(&calm, 1000, width);
        fixture_resize(&wild, 1000, width);
        kt_app_draw(calm.app, &calm.canvas);
        kt_app_draw(wild.app, &wild.canvas);
        cells += compare_columns(&calm.canvas, &wild.canvas);
        fixture_close(&wild);
    }
    fixture_close(&calm);
    kt_buf_free(&b);
    return cells;
}
