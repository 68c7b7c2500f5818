/* Pictures of real screens, as SVG: the program's own screens over the demo,
 * with a clock that stands still, drawn on a canvas and written with a theme's
 * colours. `make pictures` puts them into the folder that is named. */
#include "base/buf.h"
#include "engine.h"
#include "tui/app.h"
#include "tui/commands.h"
#include "tui/screen.h"
#include "tui/theme.h"

#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CELL_W = 8, CELL_H = 17, EDGE = 12, SIZE = 13 };

static int64_t still(void *ctx)
{
    return *(int64_t *)ctx;
}

struct picture {
    const char *name, *theme, *keys;
    int rows, cols;
    bool wall;
};

static const struct picture pictures[] = {
    {"table", "keytop-dark", "", 30, 120, false},
    {"key", "keytop-dark", "Enter", 30, 120, false},
    {"wall", "keytop-midnight", "", 28, 100, true},
    {"light", "keytop-light", "Down Down Down", 30, 120, false},
};

/* --- SVG --------------------------------------------------------------------- */

static struct kt_look look_of(const struct kt_theme *t, struct kt_style s)
{
    struct kt_look l = t->role[s.role], text = t->role[KT_ROLE_TEXT];
    l.fg = l.fg < 0 ? text.fg : l.fg;
    l.bg = l.bg < 0 ? text.bg : l.bg;
    l.attr |= s.attr;
    if (l.attr & KT_ATTR_REVERSE) {
        int32_t fg = l.fg;
        l.fg = l.bg;
        l.bg = fg;
    }
    return l;
}

static bool same(struct kt_style a, struct kt_style b)
{
    return a.role == b.role && a.attr == b.attr;
}

static void letter(struct kt_buf *b, const char *utf8)
{
    if (!utf8[0])
        return;
    if (strcmp(utf8, "<") == 0)
        kt_buf_adds(b, "&lt;");
    else if (strcmp(utf8, "&") == 0)
        kt_buf_adds(b, "&amp;");
    else
        kt_buf_adds(b, utf8);
}

static void word(struct kt_buf *b, const struct kt_canvas *c, int row, int first, int last, const struct kt_look *l)
{
    kt_buf_addf(b, "<text x=\"%d\" y=\"%d\" textLength=\"%d\" fill=\"#%06x\"%s%s>", EDGE + first * CELL_W,
                EDGE + row * CELL_H + SIZE, (last - first) * CELL_W, (unsigned)l->fg,
                l->attr & KT_ATTR_BOLD ? " font-weight=\"bold\"" : "",
                l->attr & KT_ATTR_UNDERLINE ? " text-decoration=\"underline\"" : "");
    for (int i = first; i < last; i++)
        letter(b, c->cell[row * c->cols + i].cell.utf8);
    kt_buf_adds(b, "</text>\n");
}

/* Cells of one style; the text keeps to its cells whatever the font's width. */
static void run(struct kt_buf *b, const struct kt_theme *t, const struct kt_canvas *c, int row, int from, int to)
{
    const struct kt_grid_cell *cell = &c->cell[row * c->cols];
    struct kt_look l = look_of(t, cell[from].style);
    int x = EDGE + from * CELL_W, y = EDGE + row * CELL_H, first = from, last;
    if (l.bg != t->role[KT_ROLE_TEXT].bg)
        kt_buf_addf(b, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#%06x\"/>\n", x, y, (to - from) * CELL_W,
                    CELL_H, (unsigned)l.bg);
    /* each word at its own place, for fonts and viewers that count otherwise */
    while (first < to) {
        while (first < to && strcmp(cell[first].cell.utf8, " ") == 0)
            first++;
        for (last = first; last < to && strcmp(cell[last].cell.utf8, " ") != 0;)
            last++;
        if (first < last)
            word(b, c, row, first, last, &l);
        first = last;
    }
}

static void svg(struct kt_buf *b, const struct kt_theme *t, const struct kt_canvas *c, const char *title)
{
    int w = 2 * EDGE + c->cols * CELL_W, h = 2 * EDGE + c->rows * CELL_H;
    kt_buf_addf(b,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
                "font-family=\"'DejaVu Sans Mono','Cascadia Mono',Menlo,Consolas,monospace\" font-size=\"%d\" "
                "xml:space=\"preserve\" role=\"img\">\n<title>%s</title>\n"
                "<rect width=\"100%%\" height=\"100%%\" rx=\"8\" fill=\"#%06x\"/>\n",
                w, h, w, h, SIZE, title, (unsigned)t->role[KT_ROLE_TEXT].bg);
    for (int r = 0; r < c->rows; r++)
        for (int from = 0, to; from < c->cols; from = to) {
            const struct kt_grid_cell *cell = &c->cell[r * c->cols];
            for (to = from + 1; to < c->cols && same(cell[to].style, cell[from].style); to++)
                ;
            run(b, t, c, r, from, to);
        }
    kt_buf_adds(b, "</svg>\n");
}

/* --- the screen ---------------------------------------------------------------- */

/* Until all is read and judged: then nothing of it is new to who looks. */
static void wait_until_read(struct kt_engine *g)
{
    struct kt_source_state s = {0};
    struct pollfd p = {.fd = kt_engine_fd(g), .events = POLLIN};
    uint64_t ignored;
    for (int i = 0; i < 1000; i++) {
        if (poll(&p, 1, 500) == 0 && s.health.state >= KT_HEALTH_LIVE)
            return;
        if (p.revents && read(p.fd, &ignored, sizeof ignored) < 0)
            return;
        (void)kt_engine_sources(g, &s, 1);
    }
}

static void press(struct kt_app *app, const char *keys)
{
    char name[KT_KEY_NAME];
    struct kt_key k;
    while (kt_key_next(&keys, &k, name)) {
        kt_app_key(app, k);
        kt_app_settle(app);
    }
}

static bool draw(const struct picture *p, struct kt_buf *b)
{
    int64_t now = kt_time_parse(KT_LIT("2026-11-24T14:32:40Z"));
    struct kt_clock clock = {still, &now};
    struct kt_engine_opts o = {.follow = true, .since = KT_TIME_NONE, .until = KT_TIME_NONE, .clock = &clock, .ledger = true,
                               .store = {.keep_raw = true}, .memory = KT_MEMORY_RUN};
    struct kt_engine *g;
    struct kt_err e = {0};
    struct kt_theme theme;
    struct kt_canvas c;
    if (kt_theme_load(&theme, p->theme, &e) || kt_engine_new(&g, &o, &e) || kt_engine_add(g, "demo:", NULL, &e) ||
        kt_engine_start(g, &e)) {
        fprintf(stderr, "pictures: %s\n", e.text);
        return false;
    }
    wait_until_read(g);
    struct kt_app *app = kt_app_new(&(struct kt_app_opts){.engine = g, .clock = &clock, .follow = true, .wall = p->wall});
    if (!app || !kt_canvas_init(&c, p->rows, p->cols, false))
        return false;
    kt_app_settle(app);
    press(app, p->keys);
    kt_app_settle(app);
    kt_app_draw(app, &c);
    svg(b, &theme, &c, "keytop over its demo");
    kt_canvas_free(&c);
    kt_app_free(app);
    kt_engine_free(g);
    return !b->failed;
}

int main(int argc, char **argv)
{
    if (argc != 2 || !setlocale(LC_CTYPE, "C.UTF-8"))
        return 2;
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) {
        char path[4096];
        struct kt_buf b;
        kt_buf_init(&b, 4 << 20);
        (void)snprintf(path, sizeof path, "%s/%s.svg", argv[1], pictures[i].name);
        FILE *f = draw(&pictures[i], &b) ? fopen(path, "w") : NULL;
        if (!f || fwrite(b.p, 1, b.len, f) != b.len || fclose(f) != 0) {
            fprintf(stderr, "pictures: %s could not be drawn\n", path);
            return 1;
        }
        kt_buf_free(&b);
    }
    return 0;
}
