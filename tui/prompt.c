#include "tui/prompt.h"

#include <stdio.h>

void kt_prompt_open(struct kt_prompt *p, const char *label, const char *text)
{
    p->label = label;
    p->error[0] = p->note[0] = '\0';
    p->older = 0;
    p->secret = false;
    kt_prompt_set(p, text);
}

void kt_prompt_set(struct kt_prompt *p, const char *text)
{
    p->len = strlen(text) < KT_PROMPT_MAX ? strlen(text) : 0;
    memcpy(p->text, text, p->len);
    p->text[p->len] = '\0';
    p->at = p->len;
}

bool kt_prompt_replace(struct kt_prompt *p, size_t from, size_t to, const char *text)
{
    size_t n = strlen(text);
    if (from > to || to > p->len || p->len - (to - from) + n >= KT_PROMPT_MAX)
        return false;
    memmove(p->text + from + n, p->text + to, p->len + 1 - to);
    memcpy(p->text + from, text, n);
    p->len = p->len - (to - from) + n;
    p->at = from + n;
    return true;
}

void kt_prompt_close(struct kt_prompt *p)
{
    if (p->secret) {
        explicit_bzero(p->text, sizeof p->text);
        p->len = p->at = 0;
    }
    p->label = NULL;
}

static bool is_of(const struct kt_prompt *p, const struct kt_written *w)
{
    return strcmp(w->label, p->label) == 0;
}

void kt_prompt_remember(struct kt_prompt *p)
{
    size_t at = 0;
    if (p->secret || p->len == 0 || !p->label || strlen(p->label) >= KT_PROMPT_LABEL)
        return;
    while (at < p->n_history && !(is_of(p, &p->history[at]) && strcmp(p->history[at].text, p->text) == 0))
        at++;
    if (at == p->n_history && p->n_history < KT_PROMPT_HISTORY)
        p->n_history++;
    at = at < KT_PROMPT_HISTORY ? at : KT_PROMPT_HISTORY - 1; /* the oldest is forgotten */
    memmove(&p->history[1], &p->history[0], at * sizeof p->history[0]);
    memcpy(p->history[0].text, p->text, p->len + 1);
    snprintf(p->history[0].label, sizeof p->history[0].label, "%s", p->label);
}

static size_t before(const struct kt_prompt *p, size_t at)
{
    if (at > 0)
        at--;
    while (at > 0 && ((unsigned char)p->text[at] & 0xC0) == 0x80)
        at--;
    return at;
}

static size_t after(const struct kt_prompt *p, size_t at)
{
    if (at < p->len)
        at++;
    while (at < p->len && ((unsigned char)p->text[at] & 0xC0) == 0x80)
        at++;
    return at;
}

static bool cut(struct kt_prompt *p, size_t from, size_t to)
{
    memmove(p->text + from, p->text + to, p->len + 1 - to);
    p->len -= to - from;
    p->at = from;
    return from != to;
}

static bool insert(struct kt_prompt *p, uint32_t ch)
{
    char utf8[4];
    size_t n = kt_utf8_encode(ch, utf8);
    if (n == 0 || p->len + n >= KT_PROMPT_MAX)
        return false;
    memmove(p->text + p->at + n, p->text + p->at, p->len + 1 - p->at);
    memcpy(p->text + p->at, utf8, n);
    p->len += n;
    p->at += n;
    return true;
}

static bool erase_word(struct kt_prompt *p)
{
    size_t from = p->at;
    while (from > 0 && p->text[from - 1] == ' ')
        from--;
    while (from > 0 && p->text[from - 1] != ' ')
        from--;
    return cut(p, from, p->at);
}

/* Of this prompt alone. */
static bool recall(struct kt_prompt *p, bool older)
{
    size_t to = p->older;
    do {
        if (older ? to == p->n_history : to == 0)
            return false;
        to = older ? to + 1 : to - 1;
    } while (to > 0 && !is_of(p, &p->history[to - 1]));
    kt_prompt_set(p, to ? p->history[to - 1].text : "");
    p->older = to;
    return true;
}

static enum kt_prompt_event changed(bool yes)
{
    return yes ? KT_PROMPT_CHANGED : KT_PROMPT_NOTHING;
}

static enum kt_prompt_event edit(struct kt_prompt *p, enum kt_command cmd)
{
    switch (cmd) {
    case KT_CMD_P_ACCEPT: return KT_PROMPT_ACCEPTED;
    case KT_CMD_P_CANCEL: return KT_PROMPT_CANCELLED;
    case KT_CMD_P_LEFT: p->at = before(p, p->at); return KT_PROMPT_NOTHING;
    case KT_CMD_P_RIGHT: p->at = after(p, p->at); return KT_PROMPT_NOTHING;
    case KT_CMD_P_START: p->at = 0; return KT_PROMPT_NOTHING;
    case KT_CMD_P_END: p->at = p->len; return KT_PROMPT_NOTHING;
    case KT_CMD_P_ERASE: return changed(cut(p, before(p, p->at), p->at));
    case KT_CMD_P_DELETE: return changed(cut(p, p->at, after(p, p->at)));
    case KT_CMD_P_KILL: return changed(cut(p, 0, p->len));
    case KT_CMD_P_WORD: return changed(erase_word(p));
    case KT_CMD_P_OLDER: return changed(!p->secret && recall(p, true));
    case KT_CMD_P_NEWER: return changed(!p->secret && recall(p, false));
    case KT_CMD_P_COMPLETE: return KT_PROMPT_COMPLETE;
    case KT_CMD_P_UNCOMPLETE: return KT_PROMPT_COMPLETE_BACK;
    default: return KT_PROMPT_NOTHING;
    }
}

enum kt_prompt_event kt_prompt_key(struct kt_prompt *p, struct kt_key k, bool pasting)
{
    if (pasting) {
        if (k.code != KT_KEY_CHAR)
            return KT_PROMPT_NOTHING;
        return changed(insert(p, k.ch < 0x20 || k.ch == 0x7F ? ' ' : k.ch));
    }
    enum kt_command cmd = kt_keymap_command(p->keys, k, KT_CTX_PROMPT, NULL);
    if (cmd != KT_CMD_NONE)
        return edit(p, cmd);
    if (k.code == KT_KEY_CHAR && k.ch >= 0x20)
        return changed(insert(p, k.ch));
    return KT_PROMPT_NOTHING;
}

/* The columns that the first `n` bytes take when drawn as data. */
static int columns(const struct kt_prompt *p, size_t n, bool ascii)
{
    struct kt_text_opts o = {.kind = KT_TEXT_FREE, .ascii = ascii};
    return (int)kt_text_width((struct kt_span){p->text, n}, &o, 4 * KT_PROMPT_MAX);
}

/* As many stars as there are letters; what was typed is drawn nowhere. */
static void draw_secret(const struct kt_prompt *p, struct kt_canvas *c, int row, int col)
{
    for (size_t at = 0; at < p->len && col < c->cols - 1; at = after(p, at))
        col += kt_canvas_text(c, row, col, 1, KT_STYLE(TEXT), "*");
    c->cursor_row = row;
    c->cursor_col = col < c->cols ? col : c->cols - 1;
    if (p->error[0] && row >= 1) {
        kt_canvas_fill(c, row - 1, 0, c->cols, KT_STYLE(TEXT), ' ');
        kt_canvas_data(c, row - 1, 1, c->cols - 1, KT_STYLE(BAD), kt_span_of(p->error), KT_TEXT_FREE);
    }
}

void kt_prompt_draw(const struct kt_prompt *p, struct kt_canvas *c, int row)
{
    kt_canvas_fill(c, row, 0, c->cols, KT_STYLE(PROMPT), ' ');
    int col = 1;
    col += kt_canvas_text(c, row, col, c->cols, p->error[0] ? KT_STYLE(BAD) : KT_STYLE(PROMPT), p->label);
    col += kt_canvas_text(c, row, col, c->cols, KT_STYLE(PROMPT), ": ");
    if (p->secret) {
        draw_secret(p, c, row, col);
        return;
    }
    /* what is left of the cursor is dropped letter by letter where it is narrow */
    size_t from = 0;
    int most = c->cols - col - 1;
    while (from < p->at && columns(p, p->at, c->ascii) - columns(p, from, c->ascii) > (most > 0 ? most : 0))
        from = after(p, from);
    kt_canvas_data(c, row, col, c->cols - col, KT_STYLE(TEXT), (struct kt_span){p->text + from, p->len - from},
                   KT_TEXT_FREE);
    int skipped = columns(p, from, c->ascii);
    int note = kt_canvas_text_width(c->ascii, p->note), end = col + columns(p, p->len, c->ascii) - columns(p, from, c->ascii);
    if (note && end + 3 + note < c->cols)
        kt_canvas_text(c, row, c->cols - 1 - note, note, KT_STYLE(DIM), p->note);
    c->cursor_row = row;
    c->cursor_col = col + columns(p, p->at, c->ascii) - skipped;
    if (c->cursor_col >= c->cols)
        c->cursor_col = c->cols - 1;
    if (!p->error[0] || row < 1)
        return;
    size_t place = p->error_at < p->len ? p->error_at : p->len;
    int mark = col + (place > from ? columns(p, place, c->ascii) - skipped : 0);
    kt_canvas_fill(c, row - 1, 0, c->cols, KT_STYLE(TEXT), ' ');
    struct kt_span said = kt_span_of(p->error);
    struct kt_text_opts o = {.kind = KT_TEXT_FREE, .ascii = c->ascii};
    int w = (int)kt_text_width(said, &o, (size_t)c->cols);
    /* the sentence begins at its mark; where it would not fit, it ends there */
    if (mark + 2 + w <= c->cols || w + 2 > mark) {
        kt_canvas_text(c, row - 1, mark, 1, KT_STYLE(BAD), "▾");
        kt_canvas_data(c, row - 1, mark + 2, c->cols - mark - 2, KT_STYLE(BAD), said, KT_TEXT_FREE);
    } else {
        kt_canvas_data(c, row - 1, mark - w - 1, w, KT_STYLE(BAD), said, KT_TEXT_FREE);
        kt_canvas_text(c, row - 1, mark, 1, KT_STYLE(BAD), "▾");
    }
}
