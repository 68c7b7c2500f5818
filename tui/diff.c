#include "tui/diff.h"

#include "tui/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_MAX = 64 << 20, PATH_MAX_BYTES = 1024, NARROW = 72, BEFORE_OTHER = 8 };

/* --- two records' members ----------------------------------------------- */

static bool add(struct kt_diff *d, struct kt_diff_line line)
{
    if (d->n == KT_DIFF_LINES_MAX) {
        d->cut = true;
        return true;
    }
    if (!kt_grow(&d->line, &d->cap, d->n + 1, sizeof *d->line, KT_DIFF_LINES_MAX))
        return false;
    d->line[d->n++] = line;
    return true;
}

void kt_diff_free(struct kt_diff *d)
{
    free(d->line);
    *d = (struct kt_diff){0};
}

struct member {
    struct kt_span path, value;
    bool met; /* the other record has it too */
};
struct members {
    struct member *at;
    size_t n;
    bool cut;
};

/* "a.b", "a[3]" */
static size_t extend(char *path, size_t n, const struct kt_json_lines *j, const struct kt_json_line *l, size_t item)
{
    int k;
    if (l->key_n >= 2)
        k = snprintf(path + n, PATH_MAX_BYTES - n, "%s%.*s", n ? "." : "", (int)l->key_n - 2, j->text.p + l->key + 1);
    else
        k = snprintf(path + n, PATH_MAX_BYTES - n, "[%zu]", item);
    return k < 0 || n + (size_t)k >= PATH_MAX_BYTES ? PATH_MAX_BYTES - 1 : n + (size_t)k;
}

static bool take(struct members *m, struct kt_arena *arena, const char *path, size_t n, struct kt_span value)
{
    if (m->n == KT_DIFF_LINES_MAX) {
        m->cut = true;
        return true;
    }
    struct kt_span copy = kt_arena_span(arena, (struct kt_span){path, n});
    if (!kt_span_known(copy))
        return false;
    m->at[m->n++] = (struct member){copy, value, false};
    return true;
}

/* Every scalar, and every object and list that holds none, with its path. */
static bool read_members(struct members *m, const struct kt_json_lines *j, struct kt_arena *arena)
{
    char path[PATH_MAX_BYTES];
    size_t length[KT_JSON_DEPTH_MAX + 2] = {0}, item[KT_JSON_DEPTH_MAX + 2] = {0};
    m->at = kt_arena_alloc(arena, KT_DIFF_LINES_MAX * sizeof *m->at);
    if (!m->at)
        return false;
    for (size_t i = 0; i < j->n; i++) {
        const struct kt_json_line *l = &j->line[i];
        size_t depth = l->depth < KT_JSON_DEPTH_MAX ? l->depth : KT_JSON_DEPTH_MAX;
        if (l->kind == KT_JSON_CLOSE)
            continue;
        size_t n = depth ? extend(path, length[depth], j, l, item[depth]) : 0;
        item[depth]++;
        if (l->kind == KT_JSON_OPEN && l->items) {
            length[depth + 1] = n;
            item[depth + 1] = 0;
            continue;
        }
        struct kt_span value = {j->text.p + l->value, l->value_n};
        if (l->kind == KT_JSON_OPEN)
            value = *value.p == '{' ? KT_LIT("{}") : KT_LIT("[]");
        if (!take(m, arena, path, n, value))
            return false;
    }
    m->cut |= j->cut;
    return true;
}

/* Members mostly stand in the same order: it is looked for from `from` on. */
static struct member *find(struct members *m, size_t from, struct kt_span path)
{
    for (size_t k = 0; k < m->n; k++) {
        size_t i = (from + k) % m->n;
        if (!m->at[i].met && kt_span_eq(m->at[i].path, path))
            return &m->at[i];
    }
    return NULL;
}

static bool compare(struct kt_diff *d, struct members *a, struct members *b)
{
    size_t from = 0;
    bool ok = true;
    for (size_t i = 0; i < a->n && ok; i++) {
        struct member *other = find(b, from, a->at[i].path);
        struct kt_diff_line line = {KT_DIFF_ONLY_A, a->at[i].path, a->at[i].value, KT_SPAN_NONE};
        if (other) {
            other->met = true;
            from = (size_t)(other - b->at) + 1;
            line.b = other->value;
            line.kind = kt_span_eq(line.a, line.b) ? KT_DIFF_SAME : KT_DIFF_OTHER;
        }
        ok = add(d, line);
    }
    for (size_t i = 0; i < b->n && ok; i++)
        if (!b->at[i].met)
            ok = add(d, (struct kt_diff_line){KT_DIFF_ONLY_B, b->at[i].path, KT_SPAN_NONE, b->at[i].value});
    d->cut |= a->cut || b->cut;
    return ok;
}

bool kt_diff_json(struct kt_diff *d, struct kt_span a, struct kt_span b, struct kt_arena *arena)
{
    struct kt_json_lines ja = {0}, jb = {0};
    struct members ma = {0}, mb = {0};
    bool ok = kt_json_lines_read(&ja, a) && kt_json_lines_read(&jb, b) && read_members(&ma, &ja, arena) &&
              read_members(&mb, &jb, arena) && compare(d, &ma, &mb);
    kt_json_lines_free(&ja);
    kt_json_lines_free(&jb);
    return ok;
}

bool kt_diff_rows(struct kt_diff *d, const struct kt_row *a, const struct kt_row *b, struct kt_arena *arena)
{
    bool ok = true;
    for (int f = 0; f < KT_FIELD_COUNT && ok; f++) {
        struct kt_span x = kt_row_field(a, (enum kt_field)f, arena), y = kt_row_field(b, (enum kt_field)f, arena);
        struct kt_diff_line line = {KT_DIFF_OTHER, kt_span_of(kt_field_name((enum kt_field)f)), x, y};
        if (!kt_span_known(x) && !kt_span_known(y))
            continue;
        if (kt_span_eq(x, y))
            line.kind = KT_DIFF_SAME;
        else if (!kt_span_known(y))
            line.kind = KT_DIFF_ONLY_A;
        else if (!kt_span_known(x))
            line.kind = KT_DIFF_ONLY_B;
        ok = add(d, line);
    }
    return ok;
}

/* --- the screen ---------------------------------------------------------- */

struct screen {
    struct kt_screen s;
    struct kt_arena *arena;
    struct kt_row row[2];
    bool have[2];
    struct kt_diff diff;
    size_t *seen; /* lines that are shown */
    size_t n_seen, others;
    bool all;     /* what is the same too */
    struct kt_list list;
    size_t origin;
    bool narrow;
};

static struct screen *screen_of(struct kt_screen *s)
{
    return (struct screen *)s;
}

static const struct kt_diff_line *line_of(const struct screen *d, size_t i)
{
    return &d->diff.line[d->seen[i]];
}

static void see(struct screen *d)
{
    d->n_seen = d->others = 0;
    for (size_t i = 0; i < d->diff.n; i++) {
        enum kt_diff_kind k = d->diff.line[i].kind;
        d->others += k != KT_DIFF_HEAD && k != KT_DIFF_SAME;
        if (d->all || k != KT_DIFF_SAME)
            d->seen[d->n_seen++] = i;
    }
}

static uint64_t line_id(void *ctx, size_t i)
{
    return ((struct screen *)ctx)->seen[i];
}

/* A line that is hidden gives way to the one before it. */
static ptrdiff_t line_find(void *ctx, uint64_t id)
{
    struct screen *d = ctx;
    ptrdiff_t last = -1;
    for (size_t i = 0; i < d->n_seen && d->seen[i] <= id; i++)
        last = (ptrdiff_t)i;
    return last;
}

static bool line_rests(void *ctx, size_t i)
{
    return line_of(ctx, i)->kind != KT_DIFF_HEAD;
}

static int line_height(void *ctx, size_t i, bool first)
{
    (void)first;
    struct screen *d = ctx;
    return d->narrow && line_of(d, i)->kind != KT_DIFF_HEAD ? 3 : 1;
}

static void line_text(void *ctx, size_t i, struct kt_buf *b)
{
    const struct kt_diff_line *l = line_of(ctx, i);
    const struct kt_span part[] = {l->path, l->a, l->b};
    for (int k = 0; k < 3; k++) {
        if (kt_span_known(part[k]))
            kt_buf_add(b, part[k].p, part[k].n);
        kt_buf_addc(b, ' ');
    }
}

static struct kt_list_items items(struct screen *d)
{
    return (struct kt_list_items){d->n_seen, d, line_id, line_find, line_rests, line_height, line_text};
}

/* Where the two begin to differ, a few letters before that; no letter and no
 * escape is parted. */
static size_t where_other(const struct kt_diff_line *l)
{
    size_t n = 0;
    while (n < l->a.n && n < l->b.n && l->a.p[n] == l->b.p[n])
        n++;
    n = n > BEFORE_OTHER ? n - BEFORE_OTHER : 0;
    while (n > 0 && ((unsigned char)l->a.p[n] & 0xC0) == 0x80)
        n--;
    for (size_t k = 0; k < 6 && k < n; k++)
        if (l->a.p[n - 1 - k] == '\\')
            return n - 1 - k;
    return n;
}

static void draw_value(struct kt_canvas *c, int row, int col, int width, const struct kt_diff_line *l, bool second)
{
    struct kt_span v = second ? l->b : l->a;
    struct kt_text_opts o = {.kind = KT_TEXT_FREE, .ascii = c->ascii};
    struct kt_style s = l->kind == KT_DIFF_SAME ? KT_STYLE(DIM) : KT_STYLE(BRIGHT);
    if (width <= 0)
        return;
    if (!kt_span_known(v)) {
        kt_canvas_text(c, row, col, width, KT_STYLE(DIM), "not there");
        return;
    }
    size_t skip = l->kind == KT_DIFF_OTHER && (int)kt_text_width(v, &o, (size_t)width + 1) > width ? where_other(l) : 0;
    if (skip > (size_t)BEFORE_OTHER / 2) {
        col += kt_canvas_text(c, row, col, width, KT_STYLE(DIM), "…");
        width--;
        v = (struct kt_span){v.p + skip, v.n - skip};
    }
    if (width > 0)
        kt_canvas_data(c, row, col, width, s, v, KT_TEXT_FREE);
}

/* Three columns; on a narrow screen three lines. */
static int path_width(const struct kt_canvas *c)
{
    int w = c->cols * 3 / 10;
    return w > 44 ? 44 : w;
}

static const char *sign(const struct kt_diff_line *l)
{
    return l->kind == KT_DIFF_SAME ? " " : l->kind == KT_DIFF_ONLY_A ? "-" : l->kind == KT_DIFF_ONLY_B ? "+" : "~";
}

static void draw_line(void *ctx, size_t i, struct kt_canvas *c, int row, int lines, bool first, bool selected)
{
    struct screen *d = ctx;
    const struct kt_diff_line *l = line_of(d, i);
    (void)first;
    if (l->kind == KT_DIFF_HEAD) {
        int col = 1 + kt_canvas_text(c, row, 1, c->cols - 1, KT_STYLE(HEADER), l->path.p);
        for (col++; col < c->cols - 1; col++)
            kt_canvas_text(c, row, col, 1, KT_STYLE(RULE), "─");
        return;
    }
    int path = d->narrow ? c->cols - 4 : path_width(c), value = d->narrow ? c->cols - 5 : (c->cols - path - 5) / 2;
    kt_canvas_text(c, row, 1, 1, l->kind == KT_DIFF_SAME ? KT_STYLE(DIM) : KT_STYLE(WARN), sign(l));
    kt_canvas_data_middle(c, row, 3, path, l->kind == KT_DIFF_SAME ? KT_STYLE(DIM) : KT_STYLE(TEXT), l->path, KT_TEXT_FREE);
    if (!d->narrow) {
        draw_value(c, row, path + 4, value, l, false);
        draw_value(c, row, path + 5 + value, value, l, true);
    }
    for (int k = 1; d->narrow && k < 3 && k < lines; k++)
        draw_value(c, row + k, 5, value, l, k == 2);
    for (int k = 0; k < (d->narrow ? lines : 1); k++) {
        kt_canvas_match(c, row + k, 1, c->cols - 1, kt_app_needle(d->s.app));
        if (!selected)
            continue;
        kt_canvas_text(c, row + k, 0, 1, KT_STYLE(SELECTED), "▌");
        kt_canvas_tint(c, row + k, 0, c->cols, KT_STYLE(SELECTED));
    }
}

/* "14:31:55 ci-deploy" */
static void draw_whose(struct screen *d, struct kt_canvas *c, int row, int col, int width, int which)
{
    char b[KT_FMT_TEXT];
    const struct kt_row *r = &d->row[which];
    if (!d->have[which]) {
        kt_canvas_text(c, row, col, width, KT_STYLE(DIM), "no longer kept");
        return;
    }
    int used = kt_canvas_text(c, row, col, width, KT_STYLE(HEADER), kt_fmt_when(r->ev.time, kt_app_now(d->s.app), 10, b));
    if (used + 1 < width && kt_span_known(r->ev.actor.name))
        kt_canvas_data(c, row, col + used + 1, width - used - 1, KT_STYLE(HEADER), r->ev.actor.name, KT_TEXT_IDENTITY);
}

static void draw(struct kt_screen *s, struct kt_canvas *c, int row, int height)
{
    struct screen *d = screen_of(s);
    d->narrow = c->cols < NARROW;
    if (height >= 5) {
        int path = path_width(c), half = d->narrow ? (c->cols - 3) / 2 : (c->cols - path - 5) / 2;
        if (!d->narrow)
            kt_canvas_printf(c, row, 3, path, KT_STYLE(HEADER), d->others == 1 ? "%zu differs" : "%zu differ", d->others);
        draw_whose(d, c, row, d->narrow ? 1 : path + 4, half, 0);
        draw_whose(d, c, row, d->narrow ? 2 + half : path + 5 + half, half, 1);
        row++;
        height--;
    }
    struct kt_list_items it = items(d);
    if (d->others || d->all)
        kt_list_draw(&d->list, &it, c, row, height, draw_line);
    else
        kt_canvas_text(c, row + height / 3, 1, c->cols - 2, KT_STYLE(DIM), "the two say the same; = shows what");
}

/* --- commands ----------------------------------------------------------- */

static unsigned search(struct screen *d, bool backwards, bool here)
{
    struct kt_list_items it = items(d);
    if (!d->s.app->needle[0])
        return kt_app_hint(d->s.app, "nothing was searched for yet: / begins");
    if (kt_list_search(&d->list, &it, kt_app_needle(d->s.app), backwards, here))
        return KT_APP_REDRAW;
    return kt_app_hint(d->s.app, "not found on this page");
}

static unsigned moved(struct screen *d, enum kt_list_move m)
{
    struct kt_list_items it = items(d);
    return kt_list_move(&d->list, &it, m) ? KT_APP_REDRAW : 0;
}

static unsigned turn_all(struct screen *d)
{
    d->all = !d->all;
    see(d);
    struct kt_list_items it = items(d);
    kt_list_sync(&d->list, &it);
    return KT_APP_REDRAW;
}

static unsigned copy(struct screen *d)
{
    if (d->list.cursor >= d->n_seen)
        return kt_app_hint(d->s.app, "nothing to copy here");
    const struct kt_diff_line *l = line_of(d, d->list.cursor);
    struct kt_buf b;
    kt_buf_init(&b, KT_CLIPBOARD_MAX);
    line_text(d, d->list.cursor, &b);
    unsigned did = l->kind == KT_DIFF_HEAD ? kt_app_hint(d->s.app, "nothing to copy here")
                                           : kt_app_copy_value(d->s.app, kt_buf_span(&b), KT_TEXT_FREE);
    kt_buf_free(&b);
    return did;
}

static unsigned command(struct kt_screen *s, enum kt_command cmd, struct kt_key k)
{
    struct screen *d = screen_of(s);
    (void)k;
    switch (cmd) {
    case KT_CMD_LEAVE: return KT_SCREEN_POP;
    case KT_CMD_DIFF_ALL: return turn_all(d);
    case KT_CMD_DIFF_COPY: return copy(d);
    case KT_CMD_FIND: d->origin = d->list.cursor; return kt_app_prompt(s->app, s, "search", "");
    case KT_CMD_NEXT: return search(d, false, false);
    case KT_CMD_PREVIOUS: return search(d, true, false);
    case KT_CMD_UP: return moved(d, KT_LIST_UP);
    case KT_CMD_DOWN: return moved(d, KT_LIST_DOWN);
    case KT_CMD_PAGE_UP: return moved(d, KT_LIST_PAGE_UP);
    case KT_CMD_PAGE_DOWN: return moved(d, KT_LIST_PAGE_DOWN);
    case KT_CMD_HOME: return moved(d, KT_LIST_HOME);
    case KT_CMD_END: return moved(d, KT_LIST_END);
    default: return 0;
    }
}

static unsigned prompted(struct kt_screen *s, enum kt_prompt_event e)
{
    struct screen *d = screen_of(s);
    struct kt_list_items it = items(d);
    kt_list_goto(&d->list, &it, d->origin);
    if (e == KT_PROMPT_CANCELLED) {
        s->app->needle[0] = '\0';
        return KT_APP_REDRAW;
    }
    memcpy(s->app->needle, s->app->prompt.text, s->app->prompt.len + 1);
    return (s->app->prompt.len ? search(d, false, true) : 0) | KT_APP_REDRAW;
}

static void free_screen(struct kt_screen *s)
{
    struct screen *d = screen_of(s);
    kt_diff_free(&d->diff);
    free(d->seen);
    kt_arena_free(d->arena);
    free(d);
}

static unsigned mouse(struct kt_screen *s, struct kt_key k)
{
    struct kt_list_items it = items(screen_of(s));
    return kt_app_click(s, &screen_of(s)->list, &it, k, KT_CMD_NONE);
}

static const struct kt_screen_ops ops = {
    .context = KT_CTX_DIFF, .command = command, .draw = draw, .prompted = prompted, .mouse = mouse, .free = free_screen,
};

static struct kt_diff_line head(const char *words)
{
    return (struct kt_diff_line){KT_DIFF_HEAD, kt_span_of(words), KT_SPAN_NONE, KT_SPAN_NONE};
}

static bool fill(struct screen *d)
{
    bool texts = kt_span_known(d->row[0].raw) && kt_span_known(d->row[1].raw);
    bool ok = add(&d->diff, head("AS KEYTOP READS THEM")) &&
              kt_diff_rows(&d->diff, &d->row[0], &d->row[1], d->arena) &&
              add(&d->diff, head(texts ? "THE RECORDS" : "THE RECORDS' TEXTS ARE NOT KEPT"));
    if (ok && texts)
        ok = kt_diff_json(&d->diff, d->row[0].raw, d->row[1].raw, d->arena);
    if (ok && d->diff.cut)
        d->diff.line[d->diff.n - 1] = head("AND MORE THAN CAN BE SHOWN");
    return ok;
}

struct kt_screen *kt_screen_diff(struct kt_app *a, uint64_t one, uint64_t other)
{
    struct screen *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->s = (struct kt_screen){.ops = &ops, .app = a};
    d->arena = kt_arena_new(ARENA_MAX);
    kt_screen_title(&d->s, KT_LIT("two records"));
    if (d->arena) {
        d->have[0] = kt_store_row(a->store, one, true, d->arena, &d->row[0]);
        d->have[1] = kt_store_row(a->store, other, true, d->arena, &d->row[1]);
    }
    bool ok = d->arena && (!d->have[0] || !d->have[1] || fill(d));
    d->seen = ok ? calloc(d->diff.n + 1, sizeof *d->seen) : NULL;
    if (!d->seen) {
        free_screen(&d->s);
        return NULL;
    }
    see(d);
    struct kt_list_items it = items(d);
    kt_list_sync(&d->list, &it);
    return &d->s;
}
