/* The record: what CloudTrail said, whole. */
#include "output/output.h"
#include "tui/format.h"
#include "tui/record.h"
#include "tui/triage.h"

#include <stdio.h>
#include <stdlib.h>

enum { ARENA_MAX = 24 << 20, MADE_MAX = 1 << 20, WRAP_LINES_MAX = 100, SEARCH_BYTES = 60000 };

void kt_record_view_init(struct kt_record_view *v)
{
    *v = (struct kt_record_view){.seq = 0};
    kt_buf_init(&v->made, MADE_MAX);
}

void kt_record_view_free(struct kt_record_view *v)
{
    kt_json_lines_free(&v->json);
    kt_buf_free(&v->made);
    kt_arena_free(v->arena);
    free(v->seen);
    kt_record_view_init(v);
}

/* Lines that no fold hides. */
static void see(struct kt_record_view *v)
{
    v->n_seen = 0;
    if (!kt_grow(&v->seen, &v->seen_cap, v->json.n, sizeof *v->seen, KT_JSON_LINES_MAX))
        return;
    for (size_t i = 0; i < v->json.n; i++) {
        const struct kt_json_line *l = &v->json.line[i];
        v->seen[v->n_seen++] = (uint32_t)i;
        if (l->kind == KT_JSON_OPEN && l->folded && l->partner > i)
            i = l->partner;
    }
}

void kt_record_view_load(struct kt_record_view *v, struct kt_app *a, uint64_t seq)
{
    bool wrap = v->wrap;
    kt_record_view_free(v);
    v->app = a;
    v->seq = seq;
    v->wrap = wrap;
    v->arena = kt_arena_new(ARENA_MAX);
    v->have = v->arena && seq && kt_store_row(a->store, seq, true, v->arena, &v->row);
    if (!v->have)
        return;
    struct kt_span text = v->row.raw;
    if (!kt_span_known(text) && v->row.ev.kind != KT_KIND_MALFORMED && kt_jsonl_row(&v->made, &v->row))
        text = kt_buf_span(&v->made);
    if (kt_json_lines_read(&v->json, text))
        see(v);
}

/* --- lines -------------------------------------------------------------- */

static const struct kt_json_line *line_of(struct kt_record_view *v, size_t i)
{
    return &v->json.line[v->seen[i]];
}

static struct kt_span part(const struct kt_record_view *v, uint32_t at, uint32_t n)
{
    return (struct kt_span){v->json.text.p + at, n};
}

static uint64_t line_id(void *ctx, size_t i)
{
    return ((struct kt_record_view *)ctx)->seen[i];
}

/* A line inside something folded gives way to the line that folds it. */
static ptrdiff_t line_find(void *ctx, uint64_t id)
{
    struct kt_record_view *v = ctx;
    size_t low = 0, high = v->n_seen;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (v->seen[mid] <= id)
            low = mid + 1;
        else
            high = mid;
    }
    return (ptrdiff_t)low - 1;
}

static int indent_of(const struct kt_record_view *v, const struct kt_json_line *l)
{
    int indent = 2 * l->depth, most = v->width / 2;
    return 1 + (indent < most ? indent : most);
}

static int text_width(struct kt_span s, bool ascii)
{
    struct kt_text_opts o = {.kind = KT_TEXT_FREE, .ascii = ascii};
    return (int)kt_text_width(s, &o, (size_t)WRAP_LINES_MAX * KT_CANVAS_COLS_MAX);
}

/* Where the value begins, behind indent and key. */
static int value_column(const struct kt_record_view *v, const struct kt_json_line *l, bool ascii)
{
    int col = indent_of(v, l);
    if (l->key_n)
        col += text_width(part(v, l->key, l->key_n), ascii) + 2;
    return col;
}

static int line_lines(void *ctx, size_t i, bool first)
{
    struct kt_record_view *v = ctx;
    const struct kt_json_line *l = line_of(v, i);
    (void)first;
    if (!v->wrap || v->width < 8 || l->value_n < 8)
        return 1;
    bool ascii = v->app->opts.ascii;
    int from = value_column(v, l, ascii), room = v->width - from - 1;
    if (room < 8)
        room = 8;
    int n = (text_width(part(v, l->value, l->value_n), ascii) + 1 + room - 1) / room;
    return n < 1 ? 1 : n > WRAP_LINES_MAX ? WRAP_LINES_MAX : n;
}

static void line_text(void *ctx, size_t i, struct kt_buf *b)
{
    struct kt_record_view *v = ctx;
    const struct kt_json_line *l = line_of(v, i);
    kt_buf_add(b, v->json.text.p + l->key, l->key_n < SEARCH_BYTES / 4 ? l->key_n : SEARCH_BYTES / 4);
    kt_buf_adds(b, ": ");
    uint32_t n = l->value_n;
    if (l->kind == KT_JSON_OPEN && l->folded && l->partner > v->seen[i]) /* what a fold hides is found as well */
        n = v->json.line[l->partner].value - l->value;
    kt_buf_add(b, v->json.text.p + l->value, n < SEARCH_BYTES / 2 ? n : SEARCH_BYTES / 2);
}

struct kt_list_items kt_record_view_items(struct kt_record_view *v)
{
    return (struct kt_list_items){v->n_seen, v, line_id, line_find, NULL, line_lines, line_text};
}

/* --- drawing ------------------------------------------------------------ */

static struct kt_style style_of(const struct kt_record_view *v, const struct kt_json_line *l)
{
    switch (l->kind) {
    case KT_JSON_STRING: return KT_STYLE(TEXT);
    case KT_JSON_VALUE: return v->json.text.p[l->value] == 'n' ? KT_STYLE(DIM) : KT_STYLE(BRIGHT);
    case KT_JSON_TEXT: return KT_STYLE(TEXT);
    default: return KT_STYLE(DIM);
    }
}

static int draw_wrapped(struct kt_record_view *v, const struct kt_json_line *l, struct kt_canvas *c, int row, int lines,
                        int from)
{
    int room = v->width - from - 1;
    room = room < 8 ? 8 : room;
    size_t most = (size_t)room * (size_t)lines;
    struct kt_cell *cell = kt_arena_alloc(v->app->arena, most * sizeof *cell);
    if (!cell)
        return from;
    struct kt_text_opts o = {.kind = KT_TEXT_FREE, .ascii = c->ascii};
    size_t n = kt_text_cells(part(v, l->value, l->value_n), &o, most, cell, NULL);
    int col = 0, line = 0;
    for (size_t i = 0; i < n; i++) {
        if (col + cell[i].width > room) {
            col = 0;
            line++;
        }
        if (line >= lines)
            break;
        kt_canvas_cells(c, row + line, v->left + from + col, 2, style_of(v, l), &cell[i], 1);
        col += cell[i].width;
    }
    return from + col;
}

static void draw_line(void *ctx, size_t i, struct kt_canvas *c, int row, int lines, bool first, bool selected)
{
    struct kt_record_view *v = ctx;
    const struct kt_json_line *l = line_of(v, i);
    (void)first;
    int end = v->left + v->width, col = v->left + indent_of(v, l);
    if (l->key_n) {
        col += kt_canvas_data(c, row, col, end - col, KT_STYLE(HEADER), part(v, l->key, l->key_n), KT_TEXT_FREE);
        col += kt_canvas_text(c, row, col, end - col, KT_STYLE(DIM), ": ");
    }
    if (lines > 1)
        col = v->left + draw_wrapped(v, l, c, row, lines, col - v->left);
    else
        col += kt_canvas_data(c, row, col, end - col, style_of(v, l), part(v, l->value, l->value_n), KT_TEXT_FREE);
    if (l->kind == KT_JSON_OPEN && l->folded) {
        bool list = v->json.text.p[l->value] == '[';
        col += kt_canvas_printf(c, row, col, end - col, KT_STYLE(DIM), " … %u %s ", l->items,
                                list ? (l->items == 1 ? "item" : "items") : (l->items == 1 ? "key" : "keys"));
        col += kt_canvas_text(c, row, col, end - col, KT_STYLE(DIM), list ? "]" : "}");
    }
    bool comma = l->kind == KT_JSON_OPEN && l->folded ? v->json.line[l->partner].comma : l->comma;
    if (comma && lines == 1)
        kt_canvas_text(c, row, col, end - col, KT_STYLE(DIM), ",");
    for (int y = 0; y < lines && v->cursor; y++) {
        kt_canvas_match(c, row + y, v->left, v->width, kt_app_needle(v->app));
        if (!selected)
            continue;
        kt_canvas_text(c, row + y, v->left, 1, KT_STYLE(SELECTED), "▌");
        kt_canvas_tint(c, row + y, v->left, v->width, KT_STYLE(SELECTED));
    }
}

static void say_missing(struct kt_record_view *v, struct kt_canvas *c, int row, int left)
{
    const char *why = "this row is no longer kept";
    if (v->have && v->row.ev.kind == KT_KIND_MALFORMED)
        why = "the bytes of this record were not kept; its digest and place are";
    else if (v->have)
        why = "out of memory: the record cannot be shown";
    kt_canvas_text(c, row, left + 1, c->cols, KT_STYLE(DIM), why);
}

void kt_record_view_draw(struct kt_record_view *v, struct kt_canvas *c, int row, int height, int left, int width,
                         bool cursor)
{
    v->left = left;
    v->width = width;
    v->cursor = cursor;
    if (height < 1)
        return;
    if (v->n_seen == 0) {
        say_missing(v, c, row, left);
        return;
    }
    if (!kt_span_known(v->row.raw) && height > 2) {
        kt_canvas_text(c, row, left + 1, width - 1, KT_STYLE(DIM),
                       "the record's own text was not kept; what was read of it:");
        row++;
        height--;
    }
    struct kt_list_items it = kt_record_view_items(v);
    kt_list_draw(&v->list, &it, c, row, height, draw_line);
}

/* --- as a screen -------------------------------------------------------- */

struct record_screen {
    struct kt_screen s;
    struct kt_record_view v;
    size_t origin;
};

static struct kt_record_view *view_of(struct kt_screen *s)
{
    return &((struct record_screen *)s)->v;
}

static void refold(struct kt_record_view *v)
{
    see(v);
    struct kt_list_items it = kt_record_view_items(v);
    kt_list_sync(&v->list, &it);
}

static unsigned fold_all(struct kt_record_view *v, bool folded)
{
    /* the outermost stays open: else there would be nothing to see */
    for (size_t i = 0; i < v->json.n; i++)
        if (v->json.line[i].kind == KT_JSON_OPEN && v->json.line[i].depth > 0)
            v->json.line[i].folded = folded;
    refold(v);
    return KT_APP_REDRAW;
}

static struct kt_span unquoted(const struct kt_record_view *v, const struct kt_json_line *l)
{
    if (l->kind == KT_JSON_STRING && l->value_n >= 2)
        return part(v, l->value + 1, l->value_n - 2);
    return part(v, l->value, l->value_n);
}

/* The entity that a value of the record names, of those the row touches. */
static kt_entity known_value(struct kt_record_view *v, const struct kt_json_line *l)
{
    struct kt_row_entities e;
    const struct kt_event *ev = &v->row.ev;
    struct kt_span s = unquoted(v, l);
    if (l->kind != KT_JSON_STRING || !kt_store_row_entities(v->app->store, v->seq, &e))
        return 0;
    if (kt_span_eq(s, ev->key.id))
        return e.key;
    if (kt_span_eq(s, ev->source.address))
        return e.address;
    if (kt_span_eq(s, ev->actor.access_key_id))
        return e.actor_key;
    if (kt_span_eq(s, ev->agent.text))
        return e.agent;
    if (kt_span_eq(s, ev->target.name) && !kt_span_is(part(v, l->key, l->key_n), "\"principalId\""))
        return e.target;
    return kt_span_eq(s, ev->actor.name) || kt_span_eq(s, ev->actor.arn) ? e.actor : 0;
}

/* Folds what the cursor is on; on a plain value opens it, or folds around it. */
static unsigned fold(struct kt_record_view *v, bool enter)
{
    if (v->list.cursor >= v->n_seen)
        return 0;
    uint32_t at = v->seen[v->list.cursor];
    struct kt_json_line *l = &v->json.line[at];
    if (l->kind == KT_JSON_CLOSE)
        l = &v->json.line[at = l->partner];
    if (l->kind != KT_JSON_OPEN) {
        kt_entity e = enter ? known_value(v, l) : 0;
        if (e)
            return kt_app_push(v->app, kt_screen_pane(v->app, e, v->seq));
        return kt_app_hint(v->app, "nothing to fold or open on this line");
    }
    l->folded = !l->folded;
    v->list.id = at;
    v->list.known = true;
    refold(v);
    return KT_APP_REDRAW;
}

static unsigned search(struct kt_record_view *v, bool backwards, bool here)
{
    struct kt_list_items it = kt_record_view_items(v);
    if (!v->app->needle[0])
        return kt_app_hint(v->app, "nothing was searched for yet: / begins");
    if (kt_list_search(&v->list, &it, kt_app_needle(v->app), backwards, here))
        return KT_APP_REDRAW;
    return kt_app_hint(v->app, "not found in this record");
}

static unsigned copy_value(struct kt_record_view *v)
{
    if (v->list.cursor >= v->n_seen)
        return kt_app_hint(v->app, "nothing to copy here");
    const struct kt_json_line *l = line_of(v, v->list.cursor);
    if (l->kind == KT_JSON_OPEN || l->kind == KT_JSON_CLOSE)
        return kt_app_hint(v->app, "nothing to copy here: y copies a value, c the row");
    return kt_app_copy_value(v->app, unquoted(v, l), KT_TEXT_FREE);
}

static unsigned moved(struct kt_record_view *v, enum kt_list_move m)
{
    struct kt_list_items it = kt_record_view_items(v);
    return kt_list_move(&v->list, &it, m) ? KT_APP_REDRAW : 0;
}

static unsigned command(struct kt_screen *s, enum kt_command cmd, struct kt_key k)
{
    struct kt_record_view *v = view_of(s);
    struct kt_subject about = kt_triage_row(&v->row);
    unsigned did;
    if (kt_triage_command(s, cmd, v->have ? &about : NULL, &did))
        return did;
    switch (cmd) {
    case KT_CMD_FOLD: return fold(v, k.code == KT_KEY_CHAR && k.ch != ' ');
    case KT_CMD_FOLD_ALL: return fold_all(v, true);
    case KT_CMD_UNFOLD_ALL: return fold_all(v, false);
    case KT_CMD_WRAP: v->wrap = !v->wrap; return KT_APP_REDRAW;
    case KT_CMD_BACK: return KT_SCREEN_POP;
    case KT_CMD_FIND:
        ((struct record_screen *)s)->origin = v->list.cursor;
        return kt_app_prompt(s->app, s, "search", "");
    case KT_CMD_NEXT: return search(v, false, false);
    case KT_CMD_PREVIOUS: return search(v, true, false);
    case KT_CMD_COPY:
    case KT_CMD_COPY_VALUE: return copy_value(v);
    case KT_CMD_COPY_ROW: return kt_app_copy_row(s->app, v->seq);
    case KT_CMD_UP: return moved(v, KT_LIST_UP);
    case KT_CMD_DOWN: return moved(v, KT_LIST_DOWN);
    case KT_CMD_PAGE_UP: return moved(v, KT_LIST_PAGE_UP);
    case KT_CMD_PAGE_DOWN: return moved(v, KT_LIST_PAGE_DOWN);
    case KT_CMD_HOME: return moved(v, KT_LIST_HOME);
    case KT_CMD_END: return moved(v, KT_LIST_END);
    default: return 0;
    }
}

static unsigned prompted(struct kt_screen *s, enum kt_prompt_event e)
{
    struct kt_record_view *v = view_of(s);
    struct kt_prompt *p = &s->app->prompt;
    struct kt_list_items it = kt_record_view_items(v);
    kt_list_goto(&v->list, &it, ((struct record_screen *)s)->origin);
    if (e == KT_PROMPT_CANCELLED) {
        s->app->needle[0] = '\0';
        return KT_APP_REDRAW;
    }
    memcpy(s->app->needle, p->text, p->len + 1);
    bool found = kt_list_search(&v->list, &it, kt_app_needle(s->app), false, true);
    if (!found && p->len && e == KT_PROMPT_ACCEPTED)
        return kt_app_hint(s->app, "not found in this record");
    return KT_APP_REDRAW;
}

/* Where the record stands, and what a reader must know of it. */
static void draw_place(struct kt_record_view *v, struct kt_canvas *c, int row)
{
    int col = 1;
    col += kt_canvas_data(c, row, col, c->cols - col - 12, KT_STYLE(DIM), v->row.origin.source, KT_TEXT_FREE);
    col += kt_canvas_printf(c, row, col, c->cols - col, KT_STYLE(DIM), ", record %llu",
                            (unsigned long long)v->row.origin.record);
    for (int i = 0; i < KT_FLAG_COUNT; i++) {
        const char *flag = v->row.ev.flags & (1u << i) ? kt_flag_name(1u << i) : NULL;
        if (flag)
            col += kt_canvas_printf(c, row, col, c->cols - col, KT_STYLE(WARN), "  %s", flag);
    }
    if (v->row.ev.kind == KT_KIND_MALFORMED) {
        col += kt_canvas_text(c, row, col, c->cols - col, KT_STYLE(BAD), "  ✗ ");
        kt_canvas_data(c, row, col, c->cols - col, KT_STYLE(BAD), v->row.malformed.reason, KT_TEXT_FREE);
    }
}

/* The lines that it took, with a blank one after them. */
static int draw_triage(struct kt_record_view *v, struct kt_canvas *c, int row)
{
    enum { MOST = 6 };
    struct kt_subject about = kt_triage_row(&v->row);
    struct kt_pen pen;
    kt_pen_begin(&pen, c, c->ascii, row, MOST, 1, c->cols - 2);
    kt_triage_tell(v->app, &pen, &about, KT_TRIAGE_TOLD);
    int used = pen.row - row < MOST ? pen.row - row : MOST;
    return used ? used + 1 : 0;
}

static void draw(struct kt_screen *s, struct kt_canvas *c, int row, int height)
{
    struct kt_record_view *v = view_of(s);
    if (height > 5 && v->have) {
        draw_place(v, c, row);
        row += 2;
        height -= 2;
    }
    if (height > 12 && v->have) {
        int used = draw_triage(v, c, row);
        row += used;
        height -= used;
    }
    kt_record_view_draw(v, c, row, height, 0, c->cols, true);
}

static void free_screen(struct kt_screen *s)
{
    kt_record_view_free(view_of(s));
    free(s);
}

static const uint64_t *rows(struct kt_screen *s, size_t *n)
{
    const struct record_screen *r = (const struct record_screen *)s;
    *n = r->v.seq != 0;
    return &r->v.seq;
}

static unsigned mouse(struct kt_screen *s, struct kt_key k)
{
    struct kt_list_items it = kt_record_view_items(view_of(s));
    return kt_app_click(s, &view_of(s)->list, &it, k, KT_CMD_FOLD);
}

static const struct kt_screen_ops ops = {
    .rows = rows, .context = KT_CTX_RECORD, .command = command, .draw = draw, .prompted = prompted, .mouse = mouse, .free = free_screen,
};

struct kt_screen *kt_screen_record(struct kt_app *a, uint64_t seq)
{
    struct record_screen *n = calloc(1, sizeof *n);
    if (!n)
        return NULL;
    n->s = (struct kt_screen){.ops = &ops, .app = a};
    kt_record_view_init(&n->v);
    kt_record_view_load(&n->v, a, seq);
    struct kt_list_items it = kt_record_view_items(&n->v);
    kt_list_sync(&n->v.list, &it);
    kt_screen_title(&n->s, KT_LIT("record"));
    return &n->s;
}
