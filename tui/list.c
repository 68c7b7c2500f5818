#include "tui/list.h"

static bool rests(const struct kt_list_items *it, size_t i)
{
    return !it->rests || it->rests(it->ctx, i);
}

static int lines(const struct kt_list_items *it, size_t i, bool first)
{
    int n = it->lines ? it->lines(it->ctx, i, first) : 1;
    return n < 1 ? 1 : n;
}

static void take(struct kt_list *l, const struct kt_list_items *it, size_t i)
{
    l->cursor = i;
    l->known = it->n > 0;
    l->id = l->known ? it->id(it->ctx, i) : 0;
}

/* The nearest item at or after `i` where the cursor may rest; else before. */
static size_t resting(const struct kt_list_items *it, size_t i)
{
    if (it->n == 0)
        return 0;
    if (i >= it->n)
        i = it->n - 1;
    for (size_t k = i; k < it->n; k++)
        if (rests(it, k))
            return k;
    for (size_t k = i; k-- > 0;)
        if (rests(it, k))
            return k;
    return i;
}

void kt_list_sync(struct kt_list *l, const struct kt_list_items *it)
{
    size_t above = l->cursor >= l->top ? l->cursor - l->top : 0;
    size_t i = l->cursor;
    if (it->n == 0) {
        l->cursor = l->top = 0;
        return; /* the id is kept: its item may come back */
    }
    if (l->pinned && l->cursor == 0) {
        i = 0;
    } else if (l->known) {
        ptrdiff_t p = it->find(it->ctx, l->id);
        if (p >= 0)
            i = (size_t)p;
    }
    bool first = !l->known;
    take(l, it, resting(it, i));
    l->top = !first && l->cursor > above ? l->cursor - above : 0;
}

void kt_list_goto(struct kt_list *l, const struct kt_list_items *it, size_t i)
{
    if (it->n)
        take(l, it, resting(it, i));
}

/* One step in a direction to where the cursor may rest; stays at the ends. */
static size_t step(const struct kt_list_items *it, size_t i, bool down)
{
    size_t k = i;
    while (down ? k + 1 < it->n : k > 0) {
        k = down ? k + 1 : k - 1;
        if (rests(it, k))
            return k;
    }
    return i;
}

static size_t page(const struct kt_list *l, const struct kt_list_items *it, bool down)
{
    size_t by = l->height > 2 ? (size_t)l->height - 1 : 1;
    size_t i = l->cursor;
    if (down)
        i = it->n - 1 - i > by ? i + by : it->n - 1;
    else
        i = i > by ? i - by : 0;
    size_t k = resting(it, i);
    /* never the wrong way, nor stuck on items that are passed over */
    if (down ? k <= l->cursor : k >= l->cursor)
        k = step(it, l->cursor, down);
    return k;
}

bool kt_list_move(struct kt_list *l, const struct kt_list_items *it, enum kt_list_move m)
{
    if (it->n == 0)
        return false;
    if (l->cursor >= it->n)
        l->cursor = it->n - 1;
    size_t was = l->cursor, top = l->top, i = was;
    switch (m) {
    case KT_LIST_UP:
    case KT_LIST_DOWN:
        i = step(it, was, m == KT_LIST_DOWN);
        break;
    case KT_LIST_PAGE_UP:
    case KT_LIST_PAGE_DOWN:
        i = page(l, it, m == KT_LIST_PAGE_DOWN);
        break;
    case KT_LIST_HOME:
        i = resting(it, 0);
        break;
    case KT_LIST_END:
        i = it->n - 1;
        while (i > 0 && !rests(it, i))
            i--;
        break;
    }
    take(l, it, i);
    /* what stands above the first resting place is read by going up once more */
    if (m == KT_LIST_HOME || ((m == KT_LIST_UP || m == KT_LIST_PAGE_UP) && i == was))
        l->top = 0;
    return i != was || l->top != top;
}

void kt_list_layout(struct kt_list *l, const struct kt_list_items *it, int height)
{
    l->height = height;
    if (it->n == 0 || height < 1) {
        l->top = 0;
        return;
    }
    if (l->cursor >= it->n)
        l->cursor = it->n - 1;
    if (l->top > l->cursor)
        l->top = l->cursor;
    /* the lowest top from which the cursor's item is still seen whole */
    size_t low = l->cursor;
    int used = lines(it, low, false);
    while (low > 0 && used + lines(it, low - 1, true) <= height) {
        used += lines(it, low - 1, false);
        low--;
    }
    if (l->top < low)
        l->top = low;
    /* no empty lines below while there are items above */
    size_t last = it->n - 1;
    used = lines(it, last, false);
    while (last > 0 && used + lines(it, last - 1, true) <= height) {
        used += lines(it, last - 1, false);
        last--;
    }
    if (l->top > last)
        l->top = last;
    /* the head over the topmost item is worth a line */
    if (l->top > low && !rests(it, l->top - 1))
        l->top--;
}

void kt_list_draw(struct kt_list *l, const struct kt_list_items *it, struct kt_canvas *c, int row, int height,
                  kt_list_draw_fn *draw)
{
    kt_list_layout(l, it, height);
    l->row = row;
    int y = 0;
    for (size_t i = l->top; i < it->n && y < height; i++) {
        int h = lines(it, i, i == l->top);
        int fit = h < height - y ? h : height - y;
        draw(it->ctx, i, c, row + y, fit, i == l->top, i == l->cursor);
        y += h;
    }
}

size_t kt_list_at(const struct kt_list *l, const struct kt_list_items *it, int row)
{
    int y = l->row;
    if (row < y || row >= y + l->height)
        return SIZE_MAX;
    for (size_t i = l->top; i < it->n && y <= row; i++) {
        y += lines(it, i, i == l->top);
        if (row < y)
            return rests(it, i) ? i : SIZE_MAX;
    }
    return SIZE_MAX;
}

/* --- search ------------------------------------------------------------- */

static char lower(char ch)
{
    return ch >= 'A' && ch <= 'Z' ? (char)(ch + 32) : ch;
}

bool kt_list_holds(struct kt_span text, struct kt_span needle)
{
    if (!kt_span_known(text) || needle.n == 0 || needle.n > text.n)
        return false;
    for (size_t i = 0; i + needle.n <= text.n; i++) {
        size_t k = 0;
        while (k < needle.n && lower(text.p[i + k]) == lower(needle.p[k]))
            k++;
        if (k == needle.n)
            return true;
    }
    return false;
}

void kt_list_seek_begin(struct kt_list_seek *s, const struct kt_list *l, const struct kt_list_items *it, bool backwards,
                        bool here)
{
    size_t i = l->cursor < it->n ? l->cursor : 0;
    if (!here && it->n)
        i = backwards ? (i > 0 ? i - 1 : it->n - 1) : (i + 1 < it->n ? i + 1 : 0);
    *s = (struct kt_list_seek){.on = true, .backwards = backwards, .at = i, .left = it->n};
}

enum kt_list_sought kt_list_seek(struct kt_list_seek *s, struct kt_list *l, const struct kt_list_items *it,
                                 struct kt_span needle, size_t most)
{
    struct kt_buf b;
    bool found = false, can = s->on && it->text && it->n && needle.n;
    kt_buf_init(&b, KT_LIST_TEXT_MAX);
    if (s->at >= it->n) /* there are fewer than when it began */
        s->at = 0;
    for (; can && s->left && most && !found; s->left--, most--) {
        size_t i = s->at;
        s->at = s->backwards ? (i > 0 ? i - 1 : it->n - 1) : (i + 1 < it->n ? i + 1 : 0);
        if (!rests(it, i))
            continue;
        kt_buf_reset(&b);
        it->text(it->ctx, i, &b);
        found = kt_list_holds(kt_buf_span(&b), needle);
        if (found)
            kt_list_goto(l, it, i);
    }
    kt_buf_free(&b);
    s->on = can && !found && s->left;
    return found ? KT_LIST_FOUND : s->on ? KT_LIST_SEEKING : KT_LIST_NOT_FOUND;
}

bool kt_list_search(struct kt_list *l, const struct kt_list_items *it, struct kt_span needle, bool backwards,
                    bool here)
{
    struct kt_list_seek s;
    kt_list_seek_begin(&s, l, it, backwards, here);
    return kt_list_seek(&s, l, it, needle, KT_LIST_SEARCH_MAX) == KT_LIST_FOUND;
}
