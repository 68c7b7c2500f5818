#include "output/impl.h"

#include "text/text.h"

#include <stdio.h>
#include <stdlib.h>

/* How a column behaves in a table of the default columns. `drop`: in which
 * order columns go when the terminal is too narrow; 0: never. */
static const struct habit {
    enum kt_field field;
    const char *header;
    size_t least, fixed;
    int drop;
} habits[] = {
    {KT_FIELD_TIME, "TIME", 20, 20, 0},        {KT_FIELD_RISK, "RISK", 5, 5, 0},
    {KT_FIELD_ACTOR_NAME, "ACTOR", 10, 24, 0}, {KT_FIELD_TARGET_NAME, "TARGET", 11, 20, 0},
    {KT_FIELD_RESULT, "RESULT", 7, 7, 2},      {KT_FIELD_KEY_ID, "KEY", 9, 20, 4},
    {KT_FIELD_SOURCE_ADDRESS, "FROM", 11, 15, 0}, {KT_FIELD_AGENT_TOOL, "AGENT", 10, 18, 1},
    {KT_FIELD_WHY, "WHY", 16, 32, 3},          {KT_FIELD_KIND, "KIND", 8, 12, 6},
    {KT_FIELD_EVENT_NAME, "EVENT", 11, 24, 5},
};
enum { HABITS = sizeof habits / sizeof *habits, OTHER_LEAST = 4, OTHER_FIXED = 24, DROPS = 6 };
/* Where no terminal sets the width, one long name must not stretch all lines. */
enum { NAME_MOST = 36, ROLE_LEAST = 10 };

struct cell {
    struct kt_span text; /* plain already */
    size_t columns;
};

struct held {
    struct held *next;
    enum kt_level level;
    bool malformed, self;
    struct cell cell[];
};

struct table {
    struct kt_output_opts opts;
    const struct columns *columns;
    struct kt_arena *arena; /* held rows; once settled, the row at hand */
    struct kt_arena *heads_arena;
    struct cell head[COLUMNS_MAX];
    struct kt_buf text;
    struct held *first, **last;
    size_t rows;
    bool settled;
    size_t want[COLUMNS_MAX], width[COLUMNS_MAX], gap;
    bool shown[COLUMNS_MAX];
};

/* --- a row's cells ------------------------------------------------------------ */

static const char *glyph(enum kt_level l, bool ascii)
{
    if (l >= KT_LEVEL_HIGH)
        return ascii ? "!" : "\u25b2";
    return l == KT_LEVEL_MEDIUM ? (ascii ? "+" : "\u25b3") : ascii ? "." : "\u00b7";
}

static void plain(struct table *t, struct kt_span s, enum kt_text_kind kind)
{
    (void)kt_text_plain(&t->text, s, kind, t->opts.ascii);
}

static void malformed_cell(struct table *t, enum kt_field f, const struct kt_row *r)
{
    switch (f) {
    case KT_FIELD_TIME:
        (void)kt_buf_adds(&t->text, "malformed");
        break;
    case KT_FIELD_RISK:
        (void)kt_buf_adds(&t->text, "?");
        break;
    case KT_FIELD_WHY:
        plain(t, r->malformed.reason, KT_TEXT_FREE);
        (void)kt_buf_adds(&t->text, " (");
        plain(t, r->origin.source, KT_TEXT_FREE);
        (void)kt_buf_addf(&t->text, ", record %llu)", (unsigned long long)r->origin.record);
        break;
    default:
        break;
    }
}

/* Of a name that is too long, the middle goes. */
static void plain_cut(struct table *t, struct kt_span s, size_t room)
{
    struct kt_cell cells[NAME_MOST];
    const struct kt_text_opts o = {.kind = KT_TEXT_IDENTITY, .ascii = t->opts.ascii, .middle_cut = true};
    size_t n = kt_text_cells(s, &o, room, cells, NULL);
    for (size_t i = 0; i < n; i++)
        (void)kt_buf_adds(&t->text, cells[i].utf8);
}

/* "role / session": whose session it is says more than the role's whole name. */
static void actor_cell(struct table *t, const struct kt_event *ev)
{
    static const char between[] = " / ";
    struct kt_span name = kt_span_known(ev->actor.name) ? ev->actor.name : KT_LIT("?");
    const struct kt_text_opts o = {.kind = KT_TEXT_IDENTITY, .ascii = t->opts.ascii};
    size_t session = kt_text_width(ev->actor.session, &o, NAME_MOST) + sizeof between - 1;
    size_t room = session + ROLE_LEAST < NAME_MOST ? NAME_MOST - session : ROLE_LEAST;
    if (t->opts.width <= 0 && kt_span_known(ev->actor.session) && kt_text_width(name, &o, NAME_MOST) > room)
        plain_cut(t, name, room);
    else
        plain(t, name, KT_TEXT_IDENTITY);
    if (kt_span_known(ev->actor.session)) {
        (void)kt_buf_adds(&t->text, between);
        plain(t, ev->actor.session, KT_TEXT_IDENTITY);
    }
}

static void agent_cell(struct table *t, const struct kt_agent *g)
{
    plain(t, kt_span_known(g->tool) ? g->tool : g->text, KT_TEXT_FREE);
    if (kt_span_known(g->tool) && kt_span_known(g->version)) {
        (void)kt_buf_addc(&t->text, ' ');
        plain(t, g->version, KT_TEXT_FREE);
    }
}

/* The default columns say a little more than their field alone. */
static void default_cell(struct table *t, enum kt_field f, const struct kt_row *r)
{
    const struct kt_event *ev = &r->ev;
    if (ev->kind == KT_KIND_MALFORMED) {
        malformed_cell(t, f, r);
        return;
    }
    switch (f) {
    case KT_FIELD_RISK:
        (void)kt_buf_addf(&t->text, "%s %3d", glyph(r->verdict.level, t->opts.ascii), r->verdict.risk);
        break;
    case KT_FIELD_ACTOR_NAME:
        actor_cell(t, ev);
        break;
    case KT_FIELD_TARGET_NAME:
        if (kt_kind_is_call(ev->kind))
            break; /* a use is of no one */
        plain(t, kt_span_known(ev->target.name) ? ev->target.name : KT_LIT("?"), KT_TEXT_IDENTITY);
        if (ev->target.self == KT_YES)
            (void)kt_buf_adds(&t->text, " (self)");
        break;
    case KT_FIELD_AGENT_TOOL:
        agent_cell(t, &ev->agent);
        break;
    default:
        plain(t, kt_row_field(r, f, t->arena), KT_TEXT_IDENTITY);
        break;
    }
}

static bool make_cell(struct table *t, size_t i, const struct kt_row *r, struct kt_node *root, struct cell *out)
{
    const struct column *c = &t->columns->c[i];
    kt_buf_reset(&t->text);
    if (!t->columns->chosen)
        default_cell(t, c->field, r);
    else
        plain(t, column_value(c, r, root, t->arena), column_is_identity(c) ? KT_TEXT_IDENTITY : KT_TEXT_FREE);
    if (!t->text.len)
        (void)kt_buf_addc(&t->text, '-');
    out->text = kt_arena_span(t->arena, kt_buf_span(&t->text));
    out->columns = kt_text_columns(out->text);
    return !t->text.failed && kt_span_known(out->text);
}

static struct held *make_row(struct table *t, const struct kt_row *r, struct kt_node *root)
{
    struct held *h = kt_arena_alloc(t->arena, sizeof *h + t->columns->n * sizeof *h->cell);
    if (!h)
        return NULL;
    *h = (struct held){.level = r->verdict.level,
                       .malformed = r->ev.kind == KT_KIND_MALFORMED,
                       .self = !t->columns->chosen && r->ev.target.self == KT_YES};
    for (size_t i = 0; i < t->columns->n; i++)
        if (!make_cell(t, i, r, root, &h->cell[i]))
            return NULL;
    return h;
}

/* --- widths -------------------------------------------------------------------- */

static const struct habit *habit_of(const struct table *t, size_t i)
{
    for (size_t k = 0; !t->columns->chosen && k < HABITS; k++)
        if (habits[k].field == t->columns->c[i].field)
            return &habits[k];
    return NULL;
}

static struct kt_span header_of(const struct table *t, size_t i)
{
    const struct habit *h = habit_of(t, i);
    const struct column *c = &t->columns->c[i];
    return h                         ? kt_span_of(h->header)
           : c->kind == COLUMN_FIELD ? kt_span_of(kt_field_header(c->field))
                                     : c->name;
}

static size_t least_of(const struct table *t, size_t i)
{
    const struct habit *h = habit_of(t, i);
    size_t least = h ? h->least : OTHER_LEAST;
    return t->want[i] < least ? t->want[i] : least;
}

static size_t total(const struct table *t, size_t gap, bool least)
{
    size_t sum = 0, n = 0;
    for (size_t i = 0; i < t->columns->n; i++) {
        if (!t->shown[i])
            continue;
        sum += (least ? least_of(t, i) : t->width[i]) + (n++ ? gap : 0);
    }
    return sum;
}

/* Columns go one by one until the rest fits at its least widths. */
static void choose_shown(struct table *t)
{
    size_t width = (size_t)t->opts.width;
    t->gap = 2;
    for (size_t i = 0; i < t->columns->n; i++)
        t->shown[i] = true;
    if (total(t, t->gap, true) > width)
        t->gap = 1;
    for (int drop = 1; drop <= DROPS && total(t, t->gap, true) > width; drop++) {
        for (size_t i = 0; i < t->columns->n; i++)
            if (habit_of(t, i) && habit_of(t, i)->drop == drop)
                t->shown[i] = false;
    }
}

/* The widest column gives, until all fit. */
static void shrink(struct table *t)
{
    while (total(t, t->gap, false) > (size_t)t->opts.width) {
        size_t widest = SIZE_MAX;
        for (size_t i = 0; i < t->columns->n; i++)
            if (t->shown[i] && t->width[i] > least_of(t, i) && (widest == SIZE_MAX || t->width[i] > t->width[widest]))
                widest = i;
        if (widest == SIZE_MAX)
            return;
        t->width[widest]--;
    }
}

/* The most columns that a cell takes where there is no terminal: names and
 * agents of the default table are cut, what must be copied or read whole is
 * not, and who chooses columns gets them whole. */
static size_t most_of(const struct table *t, size_t i)
{
    const struct habit *h = habit_of(t, i);
    bool name = h && (h->field == KT_FIELD_ACTOR_NAME || h->field == KT_FIELD_TARGET_NAME ||
                      h->field == KT_FIELD_AGENT_TOOL);
    return name ? NAME_MOST : SIZE_MAX;
}

static void settle(struct table *t)
{
    for (size_t i = 0; i < t->columns->n; i++) {
        const struct habit *h = habit_of(t, i);
        if (t->opts.follow)
            t->want[i] = h ? h->fixed : OTHER_FIXED;
        if (t->opts.width <= 0 && t->want[i] > most_of(t, i))
            t->want[i] = most_of(t, i);
        if (t->want[i] < t->head[i].columns)
            t->want[i] = t->head[i].columns;
        if (t->want[i] > CELL_MAX)
            t->want[i] = CELL_MAX;
        t->width[i] = t->want[i];
        t->shown[i] = true;
    }
    t->gap = 2;
    t->settled = true;
    if (t->opts.width > 0) {
        choose_shown(t);
        shrink(t);
    }
}

/* --- lines ------------------------------------------------------------------- */

static void spaces(struct kt_buf *b, size_t n)
{
    while (n--)
        (void)kt_buf_addc(b, ' ');
}

/* The text, cut where it does not fit. Returns the columns it takes. */
static size_t put_text(const struct table *t, struct kt_buf *out, const struct cell *c, size_t room, bool middle)
{
    struct kt_cell cells[CELL_MAX];
    size_t used = 0;
    if (c->columns <= room) {
        (void)kt_buf_add(out, c->text.p, c->text.n);
        return c->columns;
    }
    const struct kt_text_opts o = {.kind = KT_TEXT_FREE, .ascii = t->opts.ascii, .middle_cut = middle};
    size_t n = kt_text_cells(c->text, &o, room < CELL_MAX ? room : CELL_MAX, cells, &used);
    for (size_t i = 0; i < n; i++)
        (void)kt_buf_adds(out, cells[i].utf8);
    return used;
}

static const char *colour_of(const struct held *h)
{
    if (h->malformed)
        return "\x1b[33m";
    return h->level >= KT_LEVEL_HIGH ? "\x1b[1;31m" : h->level == KT_LEVEL_MEDIUM ? "\x1b[33m" : "\x1b[2m";
}

/* On a narrow terminal: where "alice (self)" does not fit, its end is what
 * matters, for the name stands under ACTOR; and where RESULT had to go, a row
 * without a key says under KEY why it has none. */
static struct cell cell_of(const struct table *t, const struct held *h, size_t i, size_t room)
{
    static const struct cell self = {{"(self)", 6}, 6};
    if (!h)
        return t->head[i];
    if (t->columns->chosen || t->opts.width <= 0)
        return h->cell[i];
    enum kt_field f = t->columns->c[i].field;
    if (f == KT_FIELD_TARGET_NAME && h->self && h->cell[i].columns > room)
        return self;
    for (size_t k = 0; f == KT_FIELD_KEY_ID && k < t->columns->n; k++)
        if (t->columns->c[k].field == KT_FIELD_RESULT && !t->shown[k] && kt_span_is(h->cell[i].text, "-"))
            return h->cell[k];
    return h->cell[i];
}

/* `h` NULL: the header. */
static void put_line(const struct table *t, struct kt_buf *out, const struct held *h)
{
    size_t at = 0, pad = 0;
    for (size_t i = 0; i < t->columns->n; i++) {
        const struct column *c = &t->columns->c[i];
        if (!t->shown[i])
            continue;
        size_t room = t->opts.width > 0 ? t->width[i] : most_of(t, i);
        if (t->opts.width > 0) {
            if (at + pad >= (size_t)t->opts.width)
                break;
            if (room > (size_t)t->opts.width - at - pad)
                room = (size_t)t->opts.width - at - pad;
        }
        spaces(out, pad);
        bool severity = c->kind == COLUMN_FIELD && (c->field == KT_FIELD_RISK || (h && h->malformed));
        const char *colour = t->opts.color ? (!h ? "\x1b[1m" : severity ? colour_of(h) : NULL) : NULL;
        if (colour)
            (void)kt_buf_adds(out, colour);
        bool middle = t->opts.width <= 0 || (c->kind == COLUMN_FIELD && c->field == KT_FIELD_KEY_ID);
        struct cell cell = cell_of(t, h, i, room);
        size_t used = put_text(t, out, &cell, room, middle);
        if (colour)
            (void)kt_buf_adds(out, "\x1b[0m");
        at += pad + used;
        pad = t->gap + (used < t->width[i] ? t->width[i] - used : 0);
    }
    (void)kt_buf_addc(out, '\n');
}

/* Nothing to be said of a malformed record in these columns? */
static bool says_nothing(const struct table *t, const struct held *h)
{
    for (size_t i = 0; i < t->columns->n; i++)
        if (!kt_span_is(h->cell[i].text, "-"))
            return false;
    return h->malformed;
}

static void measure(struct table *t, const struct held *h)
{
    for (size_t i = 0; i < t->columns->n; i++)
        if (h->cell[i].columns > t->want[i])
            t->want[i] = h->cell[i].columns;
}

/* --- the table --------------------------------------------------------------- */

/* A rule's fields are data too. */
static bool make_heads(struct table *t)
{
    for (size_t i = 0; i < t->columns->n; i++) {
        kt_buf_reset(&t->text);
        plain(t, header_of(t, i), KT_TEXT_IDENTITY);
        t->head[i].text = kt_arena_span(t->heads_arena, kt_buf_span(&t->text));
        t->head[i].columns = kt_text_columns(t->head[i].text);
        if (t->text.failed || !kt_span_known(t->head[i].text))
            return false;
    }
    return true;
}

struct table *table_new(const struct kt_output_opts *o, const struct columns *cs)
{
    struct table *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->opts = *o;
    t->columns = cs;
    t->last = &t->first;
    kt_buf_init(&t->text, LINE_MAX_BYTES);
    t->arena = kt_arena_new(SCRATCH_MAX);
    t->heads_arena = kt_arena_new(HELD_MAX);
    if (!t->arena || !t->heads_arena || !make_heads(t)) {
        table_free(t);
        return NULL;
    }
    return t;
}

void table_free(struct table *t)
{
    if (!t)
        return;
    if (t->arena)
        kt_arena_free(t->arena);
    if (t->heads_arena)
        kt_arena_free(t->heads_arena);
    kt_buf_free(&t->text);
    free(t);
}

/* The widths are decided; what was held is written. */
static void release(struct table *t, struct kt_buf *out)
{
    settle(t);
    put_line(t, out, NULL);
    for (const struct held *h = t->first; h; h = h->next)
        put_line(t, out, h);
    t->first = NULL;
    t->last = &t->first;
    kt_arena_reset(t->arena);
}

bool table_row(struct table *t, const struct kt_row *r, struct kt_node *root, struct kt_buf *out)
{
    if (t->opts.follow && !t->settled)
        release(t, out);
    if (t->settled)
        kt_arena_reset(t->arena);
    struct held *h = make_row(t, r, root);
    if (!h)
        return false;
    if (says_nothing(t, h))
        return true;
    if (t->settled) {
        put_line(t, out, h);
        return !out->failed;
    }
    measure(t, h);
    *t->last = h;
    t->last = &h->next;
    if (++t->rows >= HELD_ROWS_MAX || kt_arena_used(t->arena) >= HELD_MAX)
        release(t, out);
    return !out->failed;
}

bool table_finish(struct table *t, struct kt_buf *out)
{
    if (!t->settled)
        release(t, out);
    return !out->failed;
}
