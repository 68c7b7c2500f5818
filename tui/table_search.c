/* The search of the table: a text in any column, looked for off the screen's
 * thread by a view like any other. */
#include "tui/table.h"

#include <stdlib.h>

static void drop(const struct kt_snapshot **s)
{
    if (*s)
        kt_snapshot_release(*s);
    *s = NULL;
}

void kt_table_search_end(struct kt_table *t)
{
    if (t->hits)
        kt_view_close(t->hits);
    t->hits = NULL;
    drop(&t->hits_snap);
    free(t->hit);
    t->hit = NULL;
    t->seek = SEEK_NOT;
    t->s.app->needle[0] = '\0';
}

/* Asks for the rows that hold the text among those that the table shows. */
void kt_table_search_start(struct kt_table *t)
{
    struct kt_filter *f = NULL;
    struct kt_buf word;
    struct kt_view_spec spec = kt_table_spec(t);
    kt_buf_init(&word, KT_FILTER_TEXT_MAX);
    bool ok = kt_narrow_quote(kt_span_of(t->s.app->needle), &word) &&
              kt_table_choose(t, true, kt_buf_span(&word), &f, NULL);
    kt_buf_free(&word);
    if (!ok)
        return;
    spec.filter = f;
    spec.buckets = 0;
    if (t->hits)
        t->hits_generation = kt_view_set(t->hits, &spec);
    else
        t->hits = kt_view_open(t->s.app->views, &spec);
    kt_filter_free(f);
}

static bool is_hit(const struct kt_table *t, uint64_t seq)
{
    uint64_t bit = seq - t->hit_first;
    return seq >= t->hit_first && bit < t->hit_bits && t->hit[bit / 64] >> bit % 64 & 1;
}

/* Walks from the cursor to a hit: a bit is looked at for each row between. */
static unsigned seek(struct kt_table *t)
{
    int how = t->seek;
    struct kt_list_items it = kt_table_items(t);
    t->seek = SEEK_NOT;
    if (!t->hits_snap || t->hits_snap->n == 0 || !t->hit || it.n == 0)
        return how == SEEK_HERE ? KT_APP_REDRAW : kt_app_hint(t->s.app, "no hits");
    size_t i = t->list.cursor;
    for (size_t k = 0; k <= it.n; k++) {
        if (k > 0 || how != SEEK_HERE)
            i = how == SEEK_PREVIOUS ? (i > 0 ? i - 1 : it.n - 1) : (i + 1 < it.n ? i + 1 : 0);
        if (!is_hit(t, t->snap->seq[i]))
            continue;
        kt_list_goto(&t->list, &it, i);
        kt_table_follow_cursor(t);
        return KT_APP_REDRAW;
    }
    return kt_app_hint(t->s.app, "no hit among the rows that are shown now");
}

unsigned kt_table_search_next(struct kt_table *t, bool backwards)
{
    if (!t->hits && t->s.app->needle[0])
        kt_table_search_start(t);
    if (!t->hits)
        return kt_app_hint(t->s.app, "nothing was searched for yet: ^F begins");
    t->seek = backwards ? SEEK_PREVIOUS : SEEK_NEXT;
    if (t->hits_snap && t->hits_snap->generation >= t->hits_generation)
        return seek(t);
    return KT_APP_REDRAW;
}

/* A bit for each row from the first hit to the last one to come in. */
static void note_hits(struct kt_table *t)
{
    const struct kt_snapshot *s = t->hits_snap;
    uint64_t first = UINT64_MAX, last = 0;
    free(t->hit);
    t->hit = NULL;
    for (size_t i = 0; i < s->n; i++) {
        first = s->seq[i] < first ? s->seq[i] : first;
        last = s->seq[i] > last ? s->seq[i] : last;
    }
    t->hit_first = first;
    t->hit_bits = s->n ? last - first + 1 : 0;
    t->hit = s->n ? calloc((size_t)(t->hit_bits / 64 + 1), sizeof *t->hit) : NULL;
    for (size_t i = 0; t->hit && i < s->n; i++)
        t->hit[(s->seq[i] - first) / 64] |= UINT64_C(1) << (s->seq[i] - first) % 64;
}

bool kt_table_search_news(struct kt_table *t)
{
    const struct kt_snapshot *s = t->hits ? kt_view_snapshot(t->hits) : NULL;
    if (!s)
        return false;
    if (s == t->hits_snap || s->generation < t->hits_generation) {
        kt_snapshot_release(s);
        return false;
    }
    drop(&t->hits_snap);
    t->hits_snap = s;
    note_hits(t);
    if (t->seek != SEEK_NOT)
        seek(t);
    return true;
}

unsigned kt_table_search_prompted(struct kt_table *t, enum kt_prompt_event e)
{
    struct kt_app *a = t->s.app;
    struct kt_prompt *p = &a->prompt;
    p->error[0] = '\0';
    if (e == KT_PROMPT_CANCELLED || (e == KT_PROMPT_ACCEPTED && p->len == 0)) {
        kt_table_search_end(t);
        kt_table_go_to(t, t->origin);
        return KT_APP_REDRAW;
    }
    if (e == KT_PROMPT_ACCEPTED)
        return KT_APP_REDRAW;
    kt_table_go_to(t, t->origin);
    if (p->len == 0) {
        kt_table_search_end(t);
        return KT_APP_REDRAW;
    }
    memcpy(a->needle, p->text, p->len + 1);
    t->seek = SEEK_HERE;
    kt_table_search_start(t);
    return KT_APP_REDRAW;
}
