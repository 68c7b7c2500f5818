#include "tui/themes.h"

#include "tui/list.h"
#include "tui/screen.h"

#include <stdio.h>
#include <stdlib.h>

enum { THEMES_MAX = 64, WIDTH = 32, SHOWN = 100 };

enum kt_code kt_themes_load(struct kt_theme *t, const char *name, const struct kt_config *c, struct kt_err *e)
{
    enum kt_code rc = kt_theme_load(t, name, e);
    for (size_t i = 0; rc == KT_OK && c && i < c->output.n_role; i++) {
        const struct kt_config_role *r = &c->output.role[i];
        struct kt_err why;
        if (kt_theme_override(t, r->name, r->value, &why) != KT_OK)
            rc = kt_fail(e, why.code, "%s:%d:%d: %s", c->path, r->place.line, r->place.column, why.text);
    }
    return rc;
}

/* --- the one in force ------------------------------------------------------- */

static void watch_file(struct kt_themes *t)
{
    struct kt_err e;
    kt_watch_free(t->watch);
    t->watch = NULL;
    if (!kt_theme_is_file(t->name) || kt_watch_new(&t->watch, &e) != KT_OK)
        return;
    if (kt_watch_file(t->watch, t->name))
        return;
    kt_watch_free(t->watch);
    t->watch = NULL;
}

const char *kt_themes_asked(const struct kt_app *a)
{
    return a->opts.theme ? a->opts.theme : KT_THEME_DEFAULT;
}

void kt_themes_open(struct kt_app *a)
{
    struct kt_err e;
    struct kt_themes *t = &a->themes;
    t->chosen = false;
    (void)snprintf(t->name, sizeof t->name, "%s", kt_themes_asked(a));
    if (kt_themes_load(&t->now, t->name, a->opts.config, &e) == KT_OK)
        watch_file(t);
}

void kt_themes_free(struct kt_app *a)
{
    kt_watch_free(a->themes.watch);
}

/* What is not taken is said, and the one before stays. */
static unsigned show(struct kt_app *a, const char *name)
{
    struct kt_theme t;
    struct kt_err e;
    if (kt_themes_load(&t, name, a->opts.config, &e) != KT_OK) {
        struct kt_buf b;
        kt_buf_init(&b, 4096);
        (void)kt_text_plain(&b, kt_span_of(e.text), KT_TEXT_IDENTITY, true);
        unsigned did = kt_app_hint(a, "the theme stays as it was: %.*s", SHOWN, kt_buf_str(&b));
        kt_buf_free(&b);
        return did;
    }
    a->themes.now = t;
    return KT_APP_REDRAW | KT_APP_THEME;
}

unsigned kt_themes_news(struct kt_app *a, bool readable)
{
    struct kt_themes *t = &a->themes;
    if (!t->watch || !kt_watch_changed(t->watch, readable, kt_mono_ms()))
        return 0;
    return show(a, t->name);
}

int64_t kt_themes_next(const struct kt_app *a)
{
    int64_t due = a->themes.watch ? kt_watch_deadline(a->themes.watch) : 0, now = kt_mono_ms();
    return !due ? 0 : due > now ? due - now : 1;
}

unsigned kt_themes_show(struct kt_app *a, const char *name)
{
    char copy[KT_THEME_PATH];
    if (strlen(name) >= sizeof copy)
        return kt_app_hint(a, "this is too long for a theme's name");
    (void)snprintf(copy, sizeof copy, "%s", name);
    unsigned did = show(a, copy);
    if (did & KT_APP_THEME) {
        (void)snprintf(a->themes.name, sizeof a->themes.name, "%s", copy);
        a->themes.chosen = true;
        watch_file(&a->themes);
    }
    return did;
}

/* --- choosing ------------------------------------------------------------------ */

struct chooser {
    struct kt_screen s;
    struct kt_list list;
    char name[THEMES_MAX][KT_THEME_NAME];
    size_t n;
    bool file;     /* the first of them is the file that was in force */
    size_t shown;  /* what is tried out; SIZE_MAX: what was in force */
};

static struct chooser *chooser_of(struct kt_screen *s)
{
    return (struct chooser *)s;
}

static uint64_t id(void *ctx, size_t i)
{
    (void)ctx;
    return i;
}

static ptrdiff_t find(void *ctx, uint64_t want)
{
    return want < ((struct chooser *)ctx)->n ? (ptrdiff_t)want : -1;
}

static struct kt_list_items items(struct chooser *m)
{
    return (struct kt_list_items){m->n, m, id, find, NULL, NULL, NULL};
}

static const char *full_name(const struct chooser *m, size_t i)
{
    return m->file && i == 0 ? m->s.app->themes.name : m->name[i];
}

static void draw_line(void *ctx, size_t i, struct kt_canvas *c, int row, int lines, bool first, bool selected)
{
    struct chooser *m = ctx;
    (void)lines;
    (void)first;
    kt_canvas_fill(c, row, 0, WIDTH, KT_STYLE(TEXT), ' ');
    kt_canvas_data(c, row, 3, WIDTH - 5, KT_STYLE(TEXT), kt_span_of(m->name[i]), KT_TEXT_IDENTITY);
    if (strcmp(full_name(m, i), m->s.app->themes.name) == 0)
        kt_canvas_text(c, row, 2, 1, KT_STYLE(HEADER), "·");
    kt_canvas_text(c, row, WIDTH - 1, 1, KT_STYLE(RULE), "│");
    if (selected) {
        kt_canvas_text(c, row, 0, 1, KT_STYLE(SELECTED), "▌");
        kt_canvas_tint(c, row, 0, WIDTH - 1, KT_STYLE(SELECTED));
    }
}

/* A word of each severity, to be judged by. */
static void draw_sample(struct kt_canvas *c, int row)
{
    int col = 2;
    kt_canvas_fill(c, row, 0, WIDTH, KT_STYLE(TEXT), ' ');
    kt_canvas_text(c, row, WIDTH - 1, 1, KT_STYLE(RULE), "│");
    col += kt_canvas_text(c, row, col, WIDTH - col - 1, KT_STYLE(CRITICAL), "critical") + 1;
    col += kt_canvas_text(c, row, col, WIDTH - col - 1, KT_STYLE(HIGH), "high") + 1;
    col += kt_canvas_text(c, row, col, WIDTH - col - 1, KT_STYLE(MEDIUM), "medium") + 1;
    col += kt_canvas_text(c, row, col, WIDTH - col - 1, KT_STYLE(LOW), "low") + 1;
    kt_canvas_text(c, row, col, WIDTH - col - 1, KT_STYLE(OK), "ok");
}

static void draw_rule(struct kt_canvas *c, int row)
{
    for (int i = 0; i < WIDTH; i++)
        kt_canvas_text(c, row, i, 1, KT_STYLE(RULE), "─");
}

static void draw(struct kt_screen *s, struct kt_canvas *c, int row, int height)
{
    struct chooser *m = chooser_of(s);
    struct kt_list_items it = items(m);
    bool framed = height > 5;
    if (framed) {
        draw_rule(c, row);
        kt_canvas_text(c, row, 2, WIDTH - 4, KT_STYLE(TITLE), " theme ");
        row++;
        height -= 3;
    }
    int n = height < (int)m->n ? height : (int)m->n;
    kt_list_draw(&m->list, &it, c, row, n, draw_line);
    if (framed) {
        draw_sample(c, row + n);
        draw_rule(c, row + n + 1);
    }
}

static unsigned try_out(struct chooser *m)
{
    if (m->list.cursor == m->shown)
        return 0;
    m->shown = m->list.cursor;
    return show(m->s.app, full_name(m, m->shown));
}

static unsigned take(struct chooser *m)
{
    struct kt_app *a = m->s.app;
    unsigned did = show(a, full_name(m, m->list.cursor));
    if (did & KT_APP_THEME) {
        if (!(m->file && m->list.cursor == 0))
            (void)snprintf(a->themes.name, sizeof a->themes.name, "%s", m->name[m->list.cursor]);
        a->themes.chosen = strcmp(a->themes.name, kt_themes_asked(a)) != 0;
        watch_file(&a->themes);
    }
    bool kept = a->session[0] && !a->opts.read_only && !a->opts.theme_given;
    return did | KT_SCREEN_POP |
           (kept ? kt_app_hint(a, "theme %s, the next time too", a->themes.now.name)
                 : kt_app_hint(a, "theme %s; \"theme: %s\" under output: keeps it", a->themes.now.name, a->themes.now.name));
}

static unsigned moved(struct chooser *m, enum kt_list_move how)
{
    struct kt_list_items it = items(m);
    return kt_list_move(&m->list, &it, how) ? KT_APP_REDRAW | try_out(m) : 0;
}

static unsigned command(struct kt_screen *s, enum kt_command cmd, struct kt_key k)
{
    struct chooser *m = chooser_of(s);
    (void)k;
    switch (cmd) {
    case KT_CMD_CHOOSE: return take(m);
    case KT_CMD_LEAVE: return show(s->app, s->app->themes.name) | KT_SCREEN_POP;
    case KT_CMD_UP: return moved(m, KT_LIST_UP);
    case KT_CMD_DOWN: return moved(m, KT_LIST_DOWN);
    case KT_CMD_PAGE_UP: return moved(m, KT_LIST_PAGE_UP);
    case KT_CMD_PAGE_DOWN: return moved(m, KT_LIST_PAGE_DOWN);
    case KT_CMD_HOME: return moved(m, KT_LIST_HOME);
    case KT_CMD_END: return moved(m, KT_LIST_END);
    default: return 0;
    }
}

static void free_chooser(struct kt_screen *s)
{
    free(s);
}

static const struct kt_screen_ops ops = {
    .context = KT_CTX_MENU, .overlay = true, .command = command, .draw = draw, .free = free_chooser,
};

struct kt_screen *kt_screen_themes(struct kt_app *a)
{
    struct chooser *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->s = (struct kt_screen){.ops = &ops, .app = a};
    m->file = kt_theme_is_file(a->themes.name);
    if (m->file)
        (void)snprintf(m->name[m->n++], KT_THEME_NAME, "%s", a->themes.now.name);
    for (size_t i = 0; m->n < THEMES_MAX && kt_theme_builtin(i, m->name[m->n]); i++)
        m->n++;
    struct kt_list_items it = items(m);
    m->shown = 0;
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(full_name(m, i), a->themes.name) == 0)
            m->shown = i;
    kt_list_goto(&m->list, &it, m->shown);
    return &m->s;
}
