/* The list of views: how the table was looked at, under a name. */
#include "tui/setup.h"
#include "tui/menu.h"
#include "tui/session.h"

#include <stdio.h>
#include <stdlib.h>

enum { WIDTH = 64 };

struct views {
    struct kt_menu m; /* line 0: as keytop starts; then those that were saved */
};

static void draw_line(struct kt_menu *m, size_t i, struct kt_canvas *c, int row, int width)
{
    struct kt_app *a = m->s.app;
    if (i < 10)
        kt_canvas_printf(c, row, 2, 1, KT_STYLE(KEYCAP), "%zu", i);
    if (i == 0) {
        kt_canvas_text(c, row, 4, width - 4, KT_STYLE(TEXT), "all rows, as at the start");
        return;
    }
    const struct kt_saved *v = &a->saved[i - 1];
    int col = 4 + kt_canvas_data(c, row, 4, width - 4 < 24 ? width - 4 : 24, KT_STYLE(TEXT), kt_span_of(v->name), KT_TEXT_FREE);
    if (strcmp(a->view, v->name) == 0)
        col += kt_canvas_text(c, row, col + 1, width - col - 1, KT_STYLE(OK), "●") + 1;
    col = col < 28 ? 28 : col + 2;
    if (v->setup.filter[0])
        kt_canvas_data(c, row, col, width - col - 1, KT_STYLE(DIM), kt_span_of(v->setup.filter), KT_TEXT_FREE);
    else
        kt_canvas_text(c, row, col, width - col - 1, KT_STYLE(DIM), "all rows");
}

static unsigned take(struct kt_app *a, size_t i)
{
    struct kt_setup usual;
    kt_setup_usual(&usual);
    if (i > a->n_saved)
        return kt_app_hint(a, "there is no view %zu", i);
    return kt_app_to_table(a) | (i ? kt_app_show_view(a, &a->saved[i - 1]) : kt_app_show_setup(a, &usual));
}

/* By the number that is written behind it, or the key's: 0 is the first of them. */
static unsigned pick(struct kt_app *a)
{
    int n;
    if (!kt_app_argument(a))
        return take(a, (size_t)(a->nth - 1));
    return kt_app_number(a, 0, KT_SAVED_MAX, &n) ? take(a, (size_t)n) : KT_APP_REDRAW;
}

unsigned kt_views_show(struct kt_app *a, const char *name)
{
    const struct kt_saved *v = kt_saved_find(a->saved, a->n_saved, kt_span_of(name));
    int n;
    if (v)
        return kt_app_to_table(a) | kt_app_show_view(a, v);
    if (name[strspn(name, "0123456789")])
        return kt_app_hint(a, "no view is called that");
    return kt_app_number(a, 0, KT_SAVED_MAX, &n) ? take(a, (size_t)n) : KT_APP_REDRAW;
}

static unsigned drop(struct views *v)
{
    struct kt_app *a = v->m.s.app;
    size_t i = v->m.list.cursor;
    if (i == 0 || i > a->n_saved)
        return kt_app_hint(a, "this one stays");
    if (a->saved[i - 1].configured)
        return kt_app_hint(a, "it stands in config.yaml, and goes from there");
    memmove(a->saved + i - 1, a->saved + i, (a->n_saved - i) * sizeof *a->saved);
    a->n_saved--;
    v->m.n--;
    kt_menu_goto(&v->m, i <= a->n_saved ? i : a->n_saved);
    kt_session_save(a);
    return KT_APP_REDRAW;
}

static unsigned command(struct kt_screen *s, enum kt_command cmd, struct kt_key k)
{
    struct views *v = (struct views *)s;
    unsigned did;
    if (kt_menu_moved(&v->m, cmd, &did))
        return did;
    (void)k;
    switch (cmd) {
    case KT_CMD_VIEW_TAKE: return take(s->app, v->m.list.cursor);
    case KT_CMD_VIEW_PICK: return pick(s->app);
    case KT_CMD_VIEW_SAVE: return kt_app_prompt(s->app, s, "save this view as", s->app->view);
    case KT_CMD_VIEW_DROP: return drop(v);
    case KT_CMD_LEAVE: return KT_SCREEN_POP;
    default: return 0;
    }
}

static bool can_save(struct kt_app *a, struct kt_span name, char *out, size_t size)
{
    struct kt_saved *old = kt_saved_find(a->saved, a->n_saved, name);
    out[0] = '\0';
    if (!kt_saved_names(name))
        snprintf(out, size, "a name has 1 to %d bytes, and no blanks at its ends", KT_SAVED_NAME - 1);
    else if (old && old->configured)
        snprintf(out, size, "a view of this name stands in config.yaml");
    else if (!old && a->n_saved == KT_SAVED_MAX)
        snprintf(out, size, "%d views are saved: d takes one away", KT_SAVED_MAX);
    return !out[0];
}

static unsigned prompted(struct kt_screen *s, enum kt_prompt_event e)
{
    struct views *v = (struct views *)s;
    struct kt_app *a = s->app;
    struct kt_span name = kt_span_of(a->prompt.text);
    a->prompt.error[0] = '\0';
    a->prompt.error_at = 0;
    if (e == KT_PROMPT_CANCELLED || (!can_save(a, name, a->prompt.error, sizeof a->prompt.error)) || e != KT_PROMPT_ACCEPTED)
        return KT_APP_REDRAW;
    struct kt_saved *to = kt_saved_find(a->saved, a->n_saved, name);
    if (!to)
        to = &a->saved[a->n_saved++];
    *to = (struct kt_saved){.configured = false};
    snprintf(to->name, sizeof to->name, "%s", a->prompt.text);
    snprintf(a->view, sizeof a->view, "%s", to->name);
    kt_table_setup(a->table, &to->setup);
    v->m.n = a->n_saved + 1;
    kt_menu_goto(&v->m, (size_t)(to - a->saved) + 1);
    return kt_session_save(a) ? KT_APP_REDRAW : kt_app_hint(a, "saved until the end; it is not kept: %s", kt_session_why(a));
}

static void draw(struct kt_screen *s, struct kt_canvas *c, int row, int height)
{
    kt_menu_draw(&((struct views *)s)->m, c, row, height);
}

static void free_views(struct kt_screen *s)
{
    free(s);
}

static unsigned mouse(struct kt_screen *s, struct kt_key k)
{
    return kt_menu_click((struct kt_menu *)s, k, KT_CMD_VIEW_TAKE);
}

static const struct kt_screen_ops ops = {
    .context = KT_CTX_VIEWS, .overlay = true, .command = command, .draw = draw, .prompted = prompted, .mouse = mouse, .free = free_views,
};

struct kt_screen *kt_screen_views(struct kt_app *a)
{
    struct views *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    v->m = (struct kt_menu){.s = {.ops = &ops, .app = a}, .title = " views ", .n = a->n_saved + 1, .wanted = WIDTH,
                            .line = draw_line};
    kt_menu_goto(&v->m, 0);
    return &v->m.s;
}

unsigned kt_app_show_setup(struct kt_app *a, const struct kt_setup *l)
{
    a->view[0] = '\0';
    a->group_next = l->group;
    a->group_at = 0;
    return kt_table_set_up(a->table, l);
}

unsigned kt_app_show_view(struct kt_app *a, const struct kt_saved *v)
{
    unsigned did = kt_app_show_setup(a, &v->setup);
    snprintf(a->view, sizeof a->view, "%s", v->name);
    return did;
}
