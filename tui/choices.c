#include "tui/choices.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void kt_choices_clear(struct kt_choices *c)
{
    c->n = c->at = c->first = 0;
    c->more = 0;
    c->taken = false;
    c->from = c->to = 0;
}

struct kt_choice *kt_choices_add(struct kt_choices *c)
{
    if (c->n == KT_CHOICES_MAX) {
        c->more++;
        return NULL;
    }
    struct kt_choice *x = &c->item[c->n++];
    *x = (struct kt_choice){0};
    return x;
}

struct kt_choice *kt_choices_add_scored(struct kt_choices *c, int score)
{
    if (!kt_choices_add(c))
        return NULL;
    size_t at = c->n - 1;
    while (at > 0 && c->item[at - 1].score < score)
        at--;
    memmove(&c->item[at + 1], &c->item[at], (c->n - 1 - at) * sizeof c->item[0]);
    c->item[at] = (struct kt_choice){.score = score};
    return &c->item[at];
}

void kt_choices_move(struct kt_choices *c, int by)
{
    if (c->n)
        c->at = (c->at + c->n + (size_t)(by + (int)c->n)) % c->n;
}

/* --- drawing ------------------------------------------------------------ */

struct columns {
    int text, note;
};

static const char *shown(const struct kt_choice *x)
{
    return x->show[0] ? x->show : x->text;
}

static struct columns measure(const struct kt_choices *s, const struct kt_canvas *c)
{
    struct columns w = {8, 0};
    struct kt_text_opts o = {.kind = KT_TEXT_FREE, .ascii = c->ascii};
    int most = c->cols >= 100 ? 44 : c->cols >= 60 ? c->cols / 2 - 6 : c->cols / 2;
    for (size_t i = 0; i < s->n; i++) {
        int text = (int)kt_text_width(kt_span_of(shown(&s->item[i])), &o, (size_t)c->cols);
        int note = kt_canvas_text_width(c->ascii, s->item[i].note);
        w.text = text > w.text ? text : w.text;
        w.note = note > w.note ? note : w.note;
    }
    w.text = w.text > most ? most : w.text;
    w.note = w.note > c->cols / 4 ? c->cols / 4 : w.note;
    return w;
}

static void draw_one(const struct kt_choice *x, struct kt_canvas *c, int row, struct columns w, bool marked)
{
    struct kt_style text = x->dim ? KT_STYLE(DIM) : KT_STYLE(TEXT);
    int col = 2, end = c->cols - 1;
    kt_canvas_fill(c, row, 0, c->cols, KT_STYLE(TEXT), ' ');
    kt_canvas_data(c, row, col, w.text < end - col ? w.text : end - col, text, kt_span_of(shown(x)), KT_TEXT_FREE);
    col += w.text + 2;
    if (w.note && col < end)
        kt_canvas_text(c, row, col, w.note < end - col ? w.note : end - col, x->dim ? KT_STYLE(DIM) : KT_STYLE(KEYCAP), x->note);
    col += w.note ? w.note + 2 : 0;
    if (x->help && col < end)
        kt_canvas_text(c, row, col, end - col, KT_STYLE(DIM), x->help);
    if (marked) {
        kt_canvas_text(c, row, 0, 1, KT_STYLE(SELECTED), "▌");
        kt_canvas_tint(c, row, 0, c->cols, KT_STYLE(SELECTED));
    }
}

static void draw_rule(const struct kt_choices *s, struct kt_canvas *c, int row, size_t shown_here)
{
    char left[48];
    for (int i = 0; i < c->cols; i++)
        kt_canvas_text(c, row, i, 1, KT_STYLE(RULE), "─");
    uint64_t beyond = s->n + s->more - s->first - shown_here;
    if (s->first)
        snprintf(left, sizeof left, " %zu before, %" PRIu64 " after these ", s->first, beyond);
    else if (beyond)
        snprintf(left, sizeof left, " %" PRIu64 " more ", beyond);
    else
        return;
    kt_canvas_text(c, row, 2, c->cols - 2, KT_STYLE(DIM), left);
}

int kt_choices_draw(struct kt_choices *s, struct kt_canvas *c, int row, bool marked)
{
    size_t room = row > 3 ? (size_t)(row - 2) : 0, most = KT_CHOICES_SHOWN;
    most = room < most ? room : most;
    size_t n = s->n < most ? s->n : most;
    if (!n)
        return 0;
    if (s->at < s->first)
        s->first = s->at;
    if (s->at >= s->first + n)
        s->first = s->at + 1 - n;
    if (s->first + n > s->n)
        s->first = s->n - n;
    struct columns w = measure(s, c);
    int top = row - (int)n - 1;
    draw_rule(s, c, top, n);
    for (size_t i = 0; i < n; i++)
        draw_one(&s->item[s->first + i], c, top + 1 + (int)i, w, (marked || s->taken) && s->first + i == s->at);
    return (int)n + 1;
}

/* --- fuzzy -------------------------------------------------------------- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool begins_word(const char *text, size_t at)
{
    return at == 0 || strchr(" -._", text[at - 1]);
}

/* From one place on, each letter at its next occurrence, a beginning of a word preferred. */
static int score_from(const char *p, size_t n, const char *text, size_t at)
{
    int score = 0;
    size_t last = 0;
    for (size_t i = 0; i < n; i++) {
        size_t here = at, word = 0;
        bool found = false, at_word = false;
        for (size_t k = at; text[k] && !at_word; k++) {
            if (lower(text[k]) != lower(p[i]))
                continue;
            if (!found)
                here = k;
            found = true;
            if (k == at && i)
                break; /* a run goes on */
            at_word = begins_word(text, k);
            word = k;
        }
        if (!found)
            return 0;
        if (at_word && i)
            here = word;
        score += 1 + (i && here == last + 1 ? 5 : 0) + (begins_word(text, here) ? 4 : 0) + (here == 0 ? 4 : 0);
        last = here;
        at = here + 1;
    }
    return score;
}

int kt_fuzzy(const char *p, size_t n, const char *text)
{
    int best = 0;
    if (!n)
        return 1;
    for (size_t at = 0; text[at]; at++) {
        if (lower(text[at]) != lower(p[0]))
            continue;
        int s = score_from(p, n, text, at);
        best = s > best ? s : best;
    }
    size_t len = strlen(text);
    return best ? best * 8 + (len == n ? 40 : 0) - (int)(len < 40 ? len / 8 : 5) : 0;
}
