#include "tui/help.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_MAX = 2 << 20, LINES_MAX = 5000 };

void kt_page_add(struct kt_page *p, struct kt_page_line line)
{
    if (kt_grow(&p->line, &p->cap, p->n + 1, sizeof *p->line, LINES_MAX))
        p->line[p->n++] = line;
}

const char *kt_page_fmt(struct kt_page *p, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct kt_span copy = kt_arena_span(p->arena, kt_span_of(text));
    return kt_span_known(copy) ? copy.p : "";
}

static struct kt_page *page_of(struct kt_screen *s)
{
    return (struct kt_page *)s;
}

static uint64_t line_id(void *ctx, size_t i)
{
    (void)ctx;
    return i;
}

static ptrdiff_t line_find(void *ctx, uint64_t id)
{
    return id < ((struct kt_page *)ctx)->n ? (ptrdiff_t)id : -1;
}

static bool line_rests(void *ctx, size_t i)
{
    int kind = ((struct kt_page *)ctx)->line[i].kind;
    return kind != KT_PAGE_BLANK && kind != KT_PAGE_HEAD;
}

static void line_text(void *ctx, size_t i, struct kt_buf *b)
{
    const struct kt_page_line *l = &((struct kt_page *)ctx)->line[i];
    kt_buf_adds(b, l->left ? l->left : "");
    kt_buf_addc(b, ' ');
    if (l->name)
        kt_buf_addf(b, "%s ", l->name);
    if (kt_span_known(l->data))
        kt_buf_add(b, l->data.p, l->data.n);
}

static struct kt_list_items items(struct kt_page *p)
{
    return (struct kt_list_items){p->n, p, line_id, line_find, line_rests, NULL, line_text};
}

/* "Enter Space" as keys, each as its cap. */
static int draw_keys(struct kt_canvas *c, int row, int col, int width, const char *keys)
{
    char name[KT_KEY_NAME];
    struct kt_key k;
    int used = 0;
    for (const char *p = keys; kt_key_next(&p, &k, name) && used < width;)
        used += kt_canvas_text(c, row, col + used, width - used, KT_STYLE(KEYCAP), name) + 1;
    return used;
}

static void draw_line(void *ctx, size_t i, struct kt_canvas *c, int row, int lines, bool first, bool selected)
{
    struct kt_page *p = ctx;
    const struct kt_page_line *l = &p->line[i];
    int col = 1 + l->indent, end = c->cols - 1;
    (void)lines;
    (void)first;
    if (l->kind == KT_PAGE_KEYS) {
        draw_keys(c, row, col, p->keys_width, l->left);
        col += p->keys_width + 2;
        if (p->name_width) {
            kt_canvas_text(c, row, col, p->name_width, KT_STYLE(LINK), l->name);
            col += p->name_width + 2;
        } else if (!l->left[0]) { /* no key: its name is how to say it */
            kt_canvas_text(c, row, col - p->keys_width - 2, 1, KT_STYLE(DIM), ":");
            kt_canvas_text(c, row, col - p->keys_width - 1, p->keys_width - 1, KT_STYLE(LINK), l->name);
        }
        kt_canvas_text(c, row, col, end - col, KT_STYLE(TEXT), l->data.p);
    } else if (l->kind != KT_PAGE_BLANK) {
        struct kt_style s = l->kind == KT_PAGE_HEAD ? KT_STYLE(HEADER) : l->style;
        col += kt_canvas_text(c, row, col, end - col, s, l->left ? l->left : "");
        if (l->kind == KT_PAGE_DATA && col < end)
            kt_canvas_data(c, row, col, end - col, KT_STYLE(TEXT), l->data, KT_TEXT_FREE);
    }
    kt_canvas_match(c, row, 0, c->cols, kt_app_needle(p->s.app));
    if (selected && line_rests(ctx, i)) {
        kt_canvas_text(c, row, 0, 1, KT_STYLE(SELECTED), "▌");
        kt_canvas_tint(c, row, 0, c->cols, KT_STYLE(SELECTED));
    }
}

static void draw(struct kt_screen *s, struct kt_canvas *c, int row, int height)
{
    struct kt_page *p = page_of(s);
    p->keys_width = c->cols >= 60 ? 22 : c->cols >= 40 ? 12 : 8;
    p->name_width = c->cols >= 140 ? 20 : 0;
    struct kt_list_items it = items(p);
    kt_list_draw(&p->list, &it, c, row, height, draw_line);
}

static void make(struct kt_page *p)
{
    p->n = 0;
    kt_arena_reset(p->arena);
    p->make(p);
    struct kt_list_items it = items(p);
    kt_list_sync(&p->list, &it);
}

static unsigned news(struct kt_screen *s)
{
    if (page_of(s)->about) /* the help does not change */
        return 0;
    make(page_of(s));
    return KT_APP_REDRAW;
}

static unsigned search(struct kt_page *p, bool backwards, bool here)
{
    struct kt_list_items it = items(p);
    if (kt_list_search(&p->list, &it, kt_app_needle(p->s.app), backwards, here))
        return KT_APP_REDRAW;
    return kt_app_hint(p->s.app, "not found on this page");
}

static unsigned moved(struct kt_page *p, enum kt_list_move m)
{
    struct kt_list_items it = items(p);
    return kt_list_move(&p->list, &it, m) ? KT_APP_REDRAW : 0;
}

static unsigned command(struct kt_screen *s, enum kt_command cmd, struct kt_key k)
{
    struct kt_page *p = page_of(s);
    (void)k;
    switch (cmd) {
    case KT_CMD_LEAVE: return KT_SCREEN_POP;
    case KT_CMD_FIND: p->origin = p->list.cursor; return kt_app_prompt(s->app, s, "search", "");
    case KT_CMD_NEXT: return search(p, false, false);
    case KT_CMD_PREVIOUS: return search(p, true, false);
    case KT_CMD_UP: return moved(p, KT_LIST_UP);
    case KT_CMD_DOWN: return moved(p, KT_LIST_DOWN);
    case KT_CMD_PAGE_UP: return moved(p, KT_LIST_PAGE_UP);
    case KT_CMD_PAGE_DOWN: return moved(p, KT_LIST_PAGE_DOWN);
    case KT_CMD_HOME: return moved(p, KT_LIST_HOME);
    case KT_CMD_END: return moved(p, KT_LIST_END);
    default: return 0;
    }
}

static unsigned prompted(struct kt_screen *s, enum kt_prompt_event e)
{
    struct kt_page *p = page_of(s);
    struct kt_list_items it = items(p);
    kt_list_goto(&p->list, &it, p->origin);
    if (e == KT_PROMPT_CANCELLED) {
        s->app->needle[0] = '\0';
        return KT_APP_REDRAW;
    }
    memcpy(s->app->needle, s->app->prompt.text, s->app->prompt.len + 1);
    unsigned did = s->app->prompt.len ? search(p, false, true) : KT_APP_REDRAW;
    return did | KT_APP_REDRAW;
}

static void free_page(struct kt_screen *s)
{
    struct kt_page *p = page_of(s);
    free(p->line);
    kt_arena_free(p->arena);
    free(p);
}

static unsigned mouse(struct kt_screen *s, struct kt_key k)
{
    struct kt_list_items it = items(page_of(s));
    return kt_app_click(s, &page_of(s)->list, &it, k, KT_CMD_NONE);
}

static const struct kt_screen_ops ops = {
    .context = KT_CTX_LINES, .command = command, .news = news, .draw = draw, .prompted = prompted, .mouse = mouse, .free = free_page,
};

struct kt_screen *kt_page_new(struct kt_app *a, const char *title, void (*fill)(struct kt_page *p),
                              enum kt_context about)
{
    struct kt_page *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->s = (struct kt_screen){.ops = &ops, .app = a};
    p->arena = kt_arena_new(ARENA_MAX);
    p->make = fill;
    p->about = about;
    if (!p->arena) {
        free_page(&p->s);
        return NULL;
    }
    kt_screen_title(&p->s, kt_span_of(title));
    make(p);
    return &p->s;
}
