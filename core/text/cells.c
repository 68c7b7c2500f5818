/* Cells: what a terminal may be asked to draw. A text is a run of units, each
 * a letter with its combining marks, or a mark of ours that names what was
 * there. Units are what is kept or cut as a whole. */
#include "text/classes.h"

#include <langinfo.h>
#include <stdio.h>
#include <wchar.h>

enum { NAME_MAX_BYTES = 40 }; /* "<+N comb>" and "<U+10FFFF×N>" with N of 20 digits */

enum unit_kind { UNIT_LETTER, UNIT_NAMED, UNIT_TAGS };

struct drawn {
    enum unit_kind kind;
    size_t columns;
    struct kt_cell letter;    /* UNIT_LETTER */
    char name[NAME_MAX_BYTES]; /* UNIT_NAMED: printable ASCII and "×", each a column */
    struct kt_span tags;      /* UNIT_TAGS: the tag characters, 4 bytes each */
};

struct reader {
    const char *p;
    size_t n;
    bool letters; /* others than ASCII may stand */
    bool narrow;  /* our own marks must be ASCII too */
    bool based;   /* the unit before is a letter that took all its marks */
};

static bool locale_is_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static struct reader reader_of(struct kt_span s, const struct kt_text_opts *o)
{
    struct reader r = {.p = s.p, .n = s.p ? s.n : 0, .letters = false, .narrow = true};
    if (!o->ascii && locale_is_utf8()) {
        r.narrow = false;
        r.letters = o->kind == KT_TEXT_FREE;
    }
    return r;
}

static void advance(struct reader *r, size_t n)
{
    r->p += n;
    r->n -= n;
}

/* Terminals with grapheme clusters join these to their neighbours, others do
 * not: their width is nobody's promise. */
static bool joins_neighbours(uint32_t cp)
{
    return (cp >= 0x1F1E6 && cp <= 0x1F1FF) || (cp >= 0x1F3FB && cp <= 0x1F3FF);
}

/* The columns of a letter that may stand; 0 where it may not. */
static int letter_width(const struct reader *r, struct kt_unit u)
{
    if (u.class != KT_CLASS_LETTER)
        return 0;
    if (u.cp < 0x80)
        return 1;
    if (!r->letters || joins_neighbours(u.cp))
        return 0;
    int w = wcwidth((wchar_t)u.cp);
    return w == 1 || w == 2 ? w : 0;
}

static bool mark_may_stand(const struct reader *r, struct kt_unit u)
{
    return r->letters && u.class == KT_CLASS_COMBINING && wcwidth((wchar_t)u.cp) == 0;
}

/* "<" text, "×" and the count where there are many, ">" */
static void name_unit(struct drawn *d, const char *text, bool narrow, size_t count)
{
    char number[24] = "";
    if (count > 1)
        snprintf(number, sizeof number, "%zu", count);
    const char *times = count < 2 ? "" : narrow ? "x" : "×";
    const char *const parts[] = {"<", text, times, number, ">"};
    size_t at = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t n = strlen(parts[i]);
        memcpy(d->name + at, parts[i], n);
        at += n;
    }
    d->name[at] = '\0';
    d->columns = at - (*times ? strlen(times) - 1 : 0);
}

/* "U+202E": four digits or as many as it takes. */
static void code_point_name(uint32_t cp, char out[9])
{
    int digits = cp > 0xFFFFF ? 6 : cp > 0xFFFF ? 5 : 4;
    out[0] = 'U';
    out[1] = '+';
    out[2 + digits] = '\0';
    for (int i = digits + 1; i > 1; i--, cp >>= 4)
        out[i] = "0123456789ABCDEF"[cp & 15];
}

/* --- one unit ----------------------------------------------------------------- */

static void take_letter(struct reader *r, struct kt_unit u, int width, struct drawn *d)
{
    d->kind = UNIT_LETTER;
    d->columns = (size_t)width;
    d->letter = (struct kt_cell){.width = (uint8_t)width & 3};
    size_t len = 0;
    for (int marks = 0;; marks++) {
        memcpy(d->letter.utf8 + len, r->p, u.len);
        len += u.len;
        advance(r, u.len);
        if (marks == KT_MARKS_KEPT || !r->n)
            break;
        u = kt_unit_at(r->p, r->n);
        if (!mark_may_stand(r, u))
            break;
    }
    r->based = true;
}

static void take_control(struct reader *r, struct kt_unit u, struct drawn *d)
{
    d->name[0] = '^';
    d->name[1] = (char)(u.cp ^ 0x40);
    d->name[2] = '\0';
    d->columns = 2;
    advance(r, 1);
}

static void take_tags(struct reader *r, struct drawn *d)
{
    size_t n = 0;
    while (n < r->n) {
        struct kt_unit u = kt_unit_at(r->p + n, r->n - n);
        if (u.class != KT_CLASS_TAG)
            break;
        n += u.len;
    }
    d->kind = UNIT_TAGS;
    d->tags = (struct kt_span){r->p, n};
    d->columns = strlen("<TAG \"\">") + n / 4;
    advance(r, n);
}

/* Code points that are equal, one after the other. */
static size_t take_run(struct reader *r, struct kt_unit u)
{
    size_t count = 0;
    const char *first = r->p;
    while (r->n >= u.len && memcmp(r->p, first, u.len) == 0) {
        count++;
        advance(r, u.len);
    }
    return count;
}

static void take_named(struct reader *r, struct kt_unit u, struct drawn *d)
{
    char text[9];
    code_point_name(u.cp, text);
    name_unit(d, text, r->narrow, take_run(r, u));
}

/* Marks that found no room on their base: one or many of the same by name,
 * a mixture by number. */
static void take_surplus_marks(struct reader *r, struct kt_unit u, struct drawn *d)
{
    struct reader same = *r;
    size_t equal = take_run(&same, u), all = 0;
    char text[32];
    struct reader mixed = *r;
    while (mixed.n) {
        struct kt_unit next = kt_unit_at(mixed.p, mixed.n);
        if (next.class != KT_CLASS_COMBINING)
            break;
        all++;
        advance(&mixed, next.len);
    }
    if (all == equal) {
        take_named(r, u, d);
        return;
    }
    snprintf(text, sizeof text, "+%zu comb", all);
    name_unit(d, text, r->narrow, 1);
    *r = mixed;
}

static void take_mark(struct reader *r, struct kt_unit u, bool based, struct drawn *d)
{
    static const char hex[] = "0123456789ABCDEF";
    d->kind = UNIT_NAMED;
    if (u.class == KT_CLASS_CONTROL && u.cp < 0x80) {
        take_control(r, u, d);
    } else if (u.class == KT_CLASS_TAG) {
        take_tags(r, d);
    } else if (u.class == KT_CLASS_INVALID) {
        const char text[3] = {hex[u.cp >> 4 & 15], hex[u.cp & 15]};
        name_unit(d, text, r->narrow, 1);
        advance(r, 1);
    } else if (u.class == KT_CLASS_COMBINING && based && r->letters) {
        take_surplus_marks(r, u, d);
    } else {
        take_named(r, u, d);
    }
}

static bool next_drawn(struct reader *r, struct drawn *d)
{
    if (!r->n)
        return false;
    struct kt_unit u = kt_unit_at(r->p, r->n);
    int width = letter_width(r, u);
    bool based = r->based;
    r->based = false;
    if (width)
        take_letter(r, u, width, d);
    else
        take_mark(r, u, based, d);
    return true;
}

/* The columns of what is left; stops beyond `most`. */
static size_t columns_of(struct reader r, size_t most)
{
    struct drawn d;
    size_t columns = 0;
    while (r.n && columns <= most) {
        size_t run = kt_ascii_run(r.p, r.n, 0, 0);
        if (run > 1) { /* all but the last, which may bear marks */
            columns += run - 1;
            advance(&r, run - 1);
        }
        if (next_drawn(&r, &d))
            columns += d.columns;
    }
    return columns;
}

/* --- writing ------------------------------------------------------------------ */

struct writer {
    struct kt_cell *out;
    size_t cells, used;
};

static void put_char(struct writer *w, const char *p, size_t len, bool mark)
{
    struct kt_cell c = {.width = 1, .mark = mark};
    memcpy(c.utf8, p, len);
    w->out[w->cells++] = c;
    w->used++;
}

static void put_chars(struct writer *w, const char *p)
{
    while (*p) {
        size_t len = (unsigned char)*p < 0x80 ? 1 : 2; /* "×" */
        put_char(w, p, len, true);
        p += len;
    }
}

/* Tag characters as the ASCII they hide, at most `room` columns in all. */
static void put_tags(struct writer *w, struct kt_span tags, size_t room)
{
    static const char head[] = "<TAG \"", tail[] = "\">";
    size_t n = 0;
    for (const char *p = head; *p && n < room; p++, n++)
        put_char(w, p, 1, true);
    for (size_t i = 0; i + 4 <= tags.n && n < room; i += 4, n++) {
        uint32_t cp = 0x20;
        (void)kt_utf8_decode(tags.p + i, 4, &cp); /* take_tags has decoded it */
        char c = (char)(cp & 0x7F);
        put_char(w, &c, 1, true);
    }
    for (const char *p = tail; *p && n < room; p++, n++)
        put_char(w, p, 1, true);
}

static void put(struct writer *w, const struct drawn *d)
{
    if (d->kind == UNIT_TAGS) {
        put_tags(w, d->tags, d->columns);
    } else if (d->kind == UNIT_NAMED) {
        put_chars(w, d->name);
    } else {
        w->out[w->cells++] = d->letter;
        w->used += d->columns;
    }
}

static void put_ascii(struct writer *w, const char *p, size_t n)
{
    static const struct kt_cell blank = {.width = 1};
    struct kt_cell *out = w->out + w->cells;
    for (size_t i = 0; i < n; i++) {
        out[i] = blank;
        out[i].utf8[0] = p[i];
    }
    w->cells += n;
    w->used += n;
}

/* The "…" of a cut. It is a mark where a mark was the first thing that did
 * not fit, so that it does not hide that one was there. */
static void put_cut(struct writer *w, const struct reader *r, bool mark)
{
    put_char(w, r->narrow ? "~" : "…", r->narrow ? 1 : strlen("…"), mark);
}

/* Remembers in `last` where a text may be cut before `d`: where the cut mark
 * still has a column. */
static void note_cut(struct writer *last, bool *marked, const struct writer *w, const struct drawn *d, size_t room)
{
    if (w->used < room) {
        *last = *w;
        *marked = d->kind != UNIT_LETTER;
    }
}

/* Units from `r` while they fit into `room` columns. True where all did;
 * otherwise the writer stands where a cut mark still fits into `room` (which
 * is at least 1), and *marked tells whether a mark is what did not fit. */
static bool put_head(struct writer *w, struct reader *r, size_t room, bool *marked)
{
    struct drawn d;
    struct writer last = *w; /* before it a cut mark fits */
    *marked = false;
    for (;;) {
        /* printable ASCII, except the last of a run: marks may follow it */
        size_t run = kt_ascii_run(r->p, r->n < room - w->used ? r->n : room - w->used, 0, 0);
        if (run > 1) {
            put_ascii(w, r->p, run - 1);
            advance(r, run - 1);
        }
        if (!next_drawn(r, &d))
            return true;
        if (d.columns > room - w->used)
            break;
        note_cut(&last, marked, w, &d, room);
        put(w, &d);
    }
    note_cut(&last, marked, w, &d, room);
    if (last.used == w->used && d.kind == UNIT_TAGS)
        put_tags(&last, d.tags, room - last.used - 1);
    *w = last;
    return false;
}

/* Whole units at the end of the text, at most `room` columns; 0 < room. */
static void put_tail(struct writer *w, const struct reader *whole, size_t room)
{
    struct reader r;
    struct drawn d;
    size_t width, back = room * 4 + 64;
    do { /* printable ASCII always begins a unit: the text can be read from there */
        size_t at = whole->n > back ? whole->n - back : 0;
        while (at && !kt_ascii_printable(whole->p[at]))
            at--;
        r = *whole;
        advance(&r, at);
        width = columns_of(r, SIZE_MAX);
        back *= 2;
    } while (width < room && r.n < whole->n);
    while (width > room && next_drawn(&r, &d))
        width -= d.columns;
    while (next_drawn(&r, &d))
        put(w, &d);
}

/* Below this many columns both ends say less than one. */
enum { MIDDLE_CUT_MIN = 5 };

static bool put_both_ends(struct writer *w, const struct reader *whole, size_t columns)
{
    struct reader r = *whole;
    bool marked;
    put_head(w, &r, (columns - 1) / 2 + 1, &marked);
    put_cut(w, whole, marked);
    size_t cells = w->cells;
    put_tail(w, whole, columns - w->used);
    return w->cells > cells; /* no unit of the end may fit: then the beginning says more */
}

static void put_units(struct writer *w, const struct reader *whole, bool both, size_t columns)
{
    const struct writer empty = *w;
    struct reader r = *whole;
    bool marked;
    if (put_head(w, &r, columns, &marked))
        return;
    struct writer end_cut = *w, ends = empty;
    if (both && put_both_ends(&ends, whole, columns)) {
        *w = ends;
        return;
    }
    if (both) { /* the cells were written over */
        r = *whole;
        end_cut = empty;
        put_head(&end_cut, &r, columns, &marked);
    }
    *w = end_cut;
    put_cut(w, whole, marked);
}

/* Nearly all texts: printable ASCII as far as the columns show it. False
 * where it is not so simple. */
static bool put_simple(struct writer *w, const struct reader *r, bool both, size_t columns)
{
    size_t seen = both || r->n <= columns ? r->n : columns + 1; /* what follows the last letter may join it */
    if (kt_ascii_run(r->p, seen, 0, 0) < seen)
        return false;
    if (r->n <= columns) {
        put_ascii(w, r->p, r->n);
        return true;
    }
    size_t head = both ? (columns - 1) / 2 : columns - 1;
    put_ascii(w, r->p, head);
    put_cut(w, r, false);
    put_ascii(w, r->p + r->n - (columns - 1 - head), columns - 1 - head);
    return true;
}

size_t kt_text_cells(struct kt_span s, const struct kt_text_opts *o, size_t columns, struct kt_cell *out,
                     size_t *used)
{
    struct writer w = {.out = out};
    struct reader whole = reader_of(s, o);
    bool both = o->middle_cut && columns >= MIDDLE_CUT_MIN;
    if (columns && whole.n && !put_simple(&w, &whole, both, columns))
        put_units(&w, &whole, both, columns);
    if (used)
        *used = w.used;
    return w.cells;
}

size_t kt_text_width(struct kt_span s, const struct kt_text_opts *o, size_t most)
{
    return columns_of(reader_of(s, o), most);
}

size_t kt_text_columns(struct kt_span s)
{
    size_t columns = 0;
    for (size_t i = 0; s.p && i < s.n;) {
        size_t run = kt_ascii_run(s.p + i, s.n - i, 0, 0);
        columns += run;
        i += run;
        if (i == s.n)
            break;
        struct kt_unit u = kt_unit_at(s.p + i, s.n - i);
        int w = wcwidth((wchar_t)u.cp);
        columns += w < 0 ? 1 : (size_t)w;
        i += u.len;
    }
    return columns;
}

bool kt_cell_safe(const struct kt_cell *c)
{
    size_t n = strnlen(c->utf8, sizeof c->utf8), marks = 0;
    if (n == 0 || n == sizeof c->utf8 || (c->width != 1 && c->width != 2))
        return false;
    struct reader r = {.p = c->utf8, .n = n, .letters = true};
    struct kt_unit u = kt_unit_at(r.p, r.n);
    if (letter_width(&r, u) != c->width)
        return false;
    for (advance(&r, u.len); r.n; advance(&r, u.len), marks++) {
        u = kt_unit_at(r.p, r.n);
        if (!mark_may_stand(&r, u))
            return false;
    }
    return marks <= KT_MARKS_KEPT;
}
