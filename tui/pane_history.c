/* All that a key or user did, as it is asked of who keeps it: how far that has
 * come, in one line below the timeline. */
#include "tui/format.h"
#include "tui/pane.h"

#include <stdio.h>

static void copy(char *out, size_t size, struct kt_span s, bool *ok)
{
    size_t n = kt_span_known(s) ? s.n : 0;
    if (n >= size || (n && memchr(s.p, '\0', n))) {
        *ok = false;
        n = 0;
    }
    if (n)
        memcpy(out, s.p, n);
    out[n] = '\0';
}

void kt_pane_history_look(struct kt_pane *p)
{
    static const enum kt_question_about of[KT_ENTITY_KINDS] = {[KT_ENTITY_USER] = KT_ASK_USER,
                                                               [KT_ENTITY_ADDRESS] = KT_ASK_ADDRESS,
                                                               [KT_ENTITY_AGENT] = KT_ASK_AGENT, [KT_ENTITY_KEY] = KT_ASK_KEY};
    struct kt_question *q = &p->question;
    bool users = p->info.kind == KT_ENTITY_USER;
    memset(q, 0, sizeof *q);
    memset(&p->history, 0, sizeof p->history);
    p->asks = p->have_info && kt_span_known(p->info.name);
    if (!p->asks)
        return;
    q->about = of[p->info.kind];
    copy(q->name, sizeof q->name, p->info.name, &p->asks);
    copy(q->type, sizeof q->type, users ? p->info.type : KT_SPAN_NONE, &p->asks);
    copy(q->account, sizeof q->account, users || p->info.kind == KT_ENTITY_KEY ? p->info.account : KT_SPAN_NONE, &p->asks);
    kt_pane_history_news(p);
}

/* By the question's own texts: those of the entity are gone with the last key. */
void kt_pane_history_news(struct kt_pane *p)
{
    if (p->asks)
        p->history = kt_engine_asked(p->app->engine, &p->question);
}

/* "312 events back to 2026-08-30" */
static void events(const struct kt_pane *p, char *out, size_t size)
{
    char n[KT_FMT_TEXT], back[KT_FMT_TEXT];
    const struct kt_history *h = &p->history;
    if (h->back == KT_TIME_NONE)
        snprintf(out, size, "%s", kt_fmt_plural(h->events, "event", "events", n));
    else
        snprintf(out, size, "%s, back to %s", kt_fmt_plural(h->events, "event", "events", n),
                 kt_fmt_stamp(h->back, kt_app_now(p->app), back));
}

static struct kt_style not_asked(const struct kt_pane *p, char *out, size_t size)
{
    char b[KT_FMT_TEXT];
    if (p->app->counts.oldest == KT_TIME_NONE)
        snprintf(out, size, "not asked: what else it did (%s; h asks history)", p->history.how);
    else
        snprintf(out, size, "not asked: before %s (%s; h asks history)",
                 kt_fmt_stamp(p->app->counts.oldest, kt_app_now(p->app), b), p->history.how);
    return KT_STYLE(DIM);
}

/* "8.1 GB of the 10.0 GB that one query may, some 0.04 USD" */
static void cost_of(const struct kt_history *h, char *out, size_t n)
{
    char scanned[KT_FMT_TEXT], limit[KT_FMT_TEXT];
    snprintf(out, n, "%s of the %s that it may, some %.2f USD at 5 a TB", kt_fmt_bytes(h->scanned, scanned),
             kt_fmt_bytes(h->limit, limit), (double)h->scanned / 1e12 * 5);
}

static struct kt_style asking(const struct kt_pane *p, char *out, size_t size_of_out)
{
    const struct kt_history *h = &p->history;
    char so_far[160], pages[KT_FMT_TEXT], parts[48] = "", size[KT_FMT_TEXT], cost[96] = "";
    events(p, so_far, sizeof so_far);
    if (h->wants) {
        cost_of(h, cost, sizeof cost);
        snprintf(out, size_of_out, "%s has scanned %s: may it go on? (h answers)", h->how, cost);
        return KT_STYLE(WARN);
    }
    if (h->percent)
        snprintf(cost, sizeof cost, ", %d %% done", h->percent);
    if (h->scanned)
        snprintf(cost, sizeof cost, ", %s scanned", kt_fmt_bytes(h->scanned, size));
    if (h->parts > 1)
        snprintf(parts, sizeof parts, ", %zu of %zu sources", h->parts_done, h->parts);
    snprintf(out, size_of_out, "asking %s: %s, %s%s%s%s (h stops)", h->how[0] ? h->how : "history",
             kt_fmt_plural(h->pages, "page", "pages", pages), so_far, cost, parts, h->slowed ? ", throttled: waiting" : "");
    return KT_STYLE(BRIGHT);
}

static struct kt_style ended(const struct kt_pane *p, char *out, size_t size)
{
    const struct kt_history *h = &p->history;
    char so_far[160], at[KT_FMT_TEXT];
    events(p, so_far, sizeof so_far);
    kt_fmt_when(h->at, kt_app_now(p->app), 8, at);
    if (h->says[0]) {
        snprintf(out, size, "%s%s%s (h asks again)", h->pages ? so_far : "not asked", h->pages ? "; " : ": ", h->says);
        return KT_STYLE(WARN);
    }
    if (h->cancelled) {
        snprintf(out, size, "stopped: %s (h goes on)", so_far);
        return KT_STYLE(TEXT);
    }
    char whom[KT_FMT_TEXT];
    const char *where = h->parts > 1 ? kt_fmt_plural(h->parts, "source", "sources", whom) : h->where[0] ? h->where : h->how;
    snprintf(out, size, "asked %s, %s: %s (h asks for what is new)", at, where, so_far);
    return KT_STYLE(DIM);
}

/* How much of it goes on the first of two lines; 0: all. A service's words may
 * be in what follows, and need not be ASCII: they are cut, not parted. */
static size_t first_line(const char *text, int width)
{
    size_t at = 0;
    for (size_t i = 0; text[i] && (int)i <= width && (unsigned char)text[i] < 0x80; i++)
        at = text[i] == ' ' ? i : at;
    return (int)strlen(text) <= width ? 0 : at;
}

int kt_pane_history_draw(const struct kt_pane *p, struct kt_canvas *c, int row, int height, int left, int width)
{
    char text[640];
    struct kt_style s;
    switch (p->asks ? p->history.state : KT_HISTORY_NOBODY) {
    case KT_HISTORY_NOT:
        s = not_asked(p, text, sizeof text);
        break;
    case KT_HISTORY_ASKING:
        s = asking(p, text, sizeof text);
        break;
    case KT_HISTORY_ENDED:
        s = ended(p, text, sizeof text);
        break;
    default:
        return 0;
    }
    size_t cut = height >= 8 && width > 2 ? first_line(text, width - 2) : 0;
    int last = row + height - 1;
    if (cut)
        kt_canvas_data(c, last - 1, left + 1, width - 2, s, (struct kt_span){text, cut}, KT_TEXT_FREE);
    kt_canvas_data(c, last, left + 1, width - 2, s, kt_span_of(text + cut + (cut > 0)), KT_TEXT_FREE);
    return cut ? 2 : 1;
}

/* --- what it asks back ------------------------------------------------------------------ */

static const char label_range[] = "how far back", label_more[] = "scan more? yes";

/* As it was written last, here or in an earlier run. */
static const char *last_range(const struct kt_prompt *p)
{
    for (size_t i = 0; i < p->n_history; i++)
        if (strcmp(p->history[i].label, label_range) == 0)
            return p->history[i].text;
    return "90d";
}

bool kt_pane_history_prompting(const struct kt_pane *p)
{
    const char *label = p->app->prompt.label;
    return label == label_range || label == label_more;
}

static unsigned ask_back_to(struct kt_pane *p, int64_t since)
{
    p->question.since = since;
    kt_engine_ask(p->app->engine, &p->question);
    return kt_app_hint(p->app, "asking for all that it did");
}

unsigned kt_pane_history_prompted(struct kt_pane *p, enum kt_prompt_event e)
{
    struct kt_prompt *t = &p->app->prompt;
    t->error[0] = '\0';
    if (t->label == label_more) {
        bool yes = strcmp(t->text, "yes") == 0 || strcmp(t->text, "y") == 0;
        if (e != KT_PROMPT_ACCEPTED)
            return KT_APP_REDRAW;
        kt_engine_allow(p->app->engine, &p->question, yes);
        return kt_app_hint(p->app, yes ? "it goes on" : "it is stopped; what was read stays");
    }
    int64_t since = kt_time_parse_ago(kt_span_of(t->text), kt_app_now(p->app));
    if (e == KT_PROMPT_CANCELLED)
        return KT_APP_REDRAW;
    if (since == KT_TIME_NONE || since > kt_app_now(p->app)) {
        snprintf(t->error, sizeof t->error, "write how far: 24h, 7d, 90d, or a date as 2026-01-31");
        return KT_APP_REDRAW;
    }
    return e == KT_PROMPT_ACCEPTED ? ask_back_to(p, since) : KT_APP_REDRAW;
}

unsigned kt_pane_history_command(struct kt_pane *p)
{
    kt_pane_history_news(p);
    if (!p->asks)
        return kt_app_hint(p->app, "it has no name to ask by");
    switch (p->history.state) {
    case KT_HISTORY_NOBODY:
        return kt_app_hint(p->app, "%.150s", p->history.says);
    case KT_HISTORY_ASKING:
        if (p->history.wants)
            return kt_app_prompt(p->app, p->app->top, label_more, "");
        kt_engine_ask_no_more(p->app->engine, &p->question);
        return kt_app_hint(p->app, "asking stops; what was read stays");
    default:
        if (p->history.ranged)
            return kt_app_prompt(p->app, p->app->top, label_range, last_range(&p->app->prompt));
        return ask_back_to(p, 0);
    }
}
