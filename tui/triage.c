#include "tui/triage.h"

#include "tui/format.h"

#include <stdio.h>
#include <stdlib.h>

struct kt_subject kt_triage_row(const struct kt_row *r)
{
    struct kt_subject s = {.event_id = r->ev.event_id};
    memcpy(s.digest, r->digest, sizeof s.digest);
    return s;
}

struct kt_subject kt_triage_key(struct kt_span key)
{
    return (struct kt_subject){.key = key};
}

/* --- asking ------------------------------------------------------------------------ */

static unsigned ask(struct kt_app *a, enum kt_triage_action what, const struct kt_subject *about, struct kt_span text)
{
    struct kt_err e = {0};
    if (kt_state_triage(a->state, what, about, text, false, &e) != KT_OK)
        return kt_app_hint(a, "%s", e.text);
    return KT_APP_REDRAW;
}

static unsigned acknowledge(struct kt_app *a, const struct kt_subject *about)
{
    struct kt_row_triage now;
    kt_state_holds(a->state, about, a->arena, &now);
    return ask(a, now.acked ? KT_TRIAGE_UNACK : KT_TRIAGE_ACK, about, KT_SPAN_NONE);
}

static unsigned undo(struct kt_app *a)
{
    struct kt_triage_entry what;
    struct kt_err e = {0};
    if (kt_state_undo(a->state, a->arena, &what, &e) != KT_OK)
        return kt_app_hint(a, "%s", e.text);
    return kt_app_hint(a, "taken back: %s", kt_triage_action_words(what.action));
}

static unsigned looked(struct kt_app *a)
{
    a->looked = a->last_seq;
    a->has_looked = true;
    a->seen = a->last_seq;
    a->seen_asked = a->looked_asked = a->counts.asked;
    a->n_fresh = 0;
    kt_state_look(a->state, a->looked);
    return kt_app_hint(a, "all rows up to here count as looked at");
}

/* --- prompts -------------------------------------------------------------------------- */

static const struct {
    enum kt_command cmd;
    enum kt_triage_action action;
    const char *label;
} prompts[] = {
    {KT_CMD_NOTE, KT_TRIAGE_NOTE, "note"},
    {KT_CMD_TAG, KT_TRIAGE_TAG, "tags"},
    {KT_CMD_ASSIGN, KT_TRIAGE_ASSIGN, "assign to"},
};
enum { PROMPTS = sizeof prompts / sizeof *prompts };

bool kt_triage_prompting(const struct kt_app *a)
{
    for (int i = 0; i < PROMPTS; i++)
        if (a->prompt.label == prompts[i].label)
            return true;
    return false;
}

/* The subject outlives the key that asked: its texts go into the app. */
static bool remember(struct kt_app *a, const struct kt_subject *about)
{
    struct kt_span text = kt_span_known(about->key) ? about->key : about->event_id;
    if (text.n > sizeof a->about_text)
        return false;
    if (text.n)
        memcpy(a->about_text, text.p, text.n);
    a->about = *about;
    if (kt_span_known(about->key))
        a->about.key.p = a->about_text;
    else if (kt_span_known(about->event_id))
        a->about.event_id.p = a->about_text;
    return true;
}

static struct kt_span next_word(const char **p)
{
    while (**p == ' ')
        ++*p;
    struct kt_span w = {*p, strcspn(*p, " ")};
    *p += w.n;
    return w;
}

static bool has_word(const char *text, struct kt_span word)
{
    for (struct kt_span w; (w = next_word(&text)).n;)
        if (kt_span_eq(w, word))
            return true;
    return false;
}

static void words_beyond(struct kt_buf *b, char sign, const char *text, const char *other)
{
    for (struct kt_span w; (w = next_word(&text)).n;) {
        if (has_word(other, w))
            continue;
        kt_buf_adds(b, b->len ? " " : "");
        kt_buf_addc(b, sign);
        kt_buf_add(b, w.p, w.n);
    }
}

/* What is new in it, and what is gone: another person's tags stay. */
static unsigned tag(struct kt_app *a, const char *text)
{
    struct kt_row_triage now;
    struct kt_buf b;
    kt_state_holds(a->state, &a->about, a->arena, &now);
    struct kt_span was = kt_arena_span(a->arena, kt_span_known(now.tags) ? now.tags : KT_LIT(""));
    if (!was.p)
        return kt_app_hint(a, "out of memory");
    kt_buf_init(&b, 2 * KT_TRIAGE_TEXT);
    words_beyond(&b, '+', text, was.p);
    words_beyond(&b, '-', was.p, text);
    unsigned did = b.len ? ask(a, KT_TRIAGE_TAG, &a->about, kt_buf_span(&b)) : KT_APP_REDRAW;
    kt_buf_free(&b);
    return did;
}

/* `text` ends with a NUL. */
static unsigned written(struct kt_app *a, int i, struct kt_span text)
{
    if (prompts[i].action == KT_TRIAGE_TAG)
        return tag(a, text.p);
    if (prompts[i].action == KT_TRIAGE_ASSIGN)
        return ask(a, KT_TRIAGE_ASSIGN, &a->about, text);
    return text.n ? ask(a, KT_TRIAGE_NOTE, &a->about, text) : KT_APP_REDRAW;
}

static unsigned prompt(struct kt_screen *s, int i, const struct kt_subject *about)
{
    struct kt_app *a = s->app;
    struct kt_row_triage now;
    char text[KT_PROMPT_MAX];
    if (!remember(a, about))
        return kt_app_hint(a, "its name is too long to be noted down");
    if (kt_app_argument(a))
        return written(a, i, kt_span_of(kt_app_argument(a)));
    kt_state_holds(a->state, about, a->arena, &now);
    struct kt_span was = prompts[i].action == KT_TRIAGE_TAG      ? now.tags
                         : prompts[i].action == KT_TRIAGE_ASSIGN ? now.assigned
                                                                 : KT_SPAN_NONE;
    snprintf(text, sizeof text, "%.*s", (int)(was.n < sizeof text ? was.n : 0), was.p ? was.p : "");
    return kt_app_prompt(a, s, prompts[i].label, text);
}

unsigned kt_triage_prompted(struct kt_app *a, enum kt_prompt_event e)
{
    const struct kt_prompt *p = &a->prompt;
    int i = 0;
    while (p->label != prompts[i].label)
        i++;
    return e == KT_PROMPT_ACCEPTED ? written(a, i, (struct kt_span){p->text, p->len}) : KT_APP_REDRAW;
}

bool kt_triage_command(struct kt_screen *s, enum kt_command cmd, const struct kt_subject *about, unsigned *did)
{
    struct kt_app *a = s->app;
    int i = 0;
    while (i < PROMPTS && prompts[i].cmd != cmd)
        i++;
    if (i == PROMPTS && cmd != KT_CMD_ACK && cmd != KT_CMD_UNDO && cmd != KT_CMD_LOOKED)
        return false;
    struct kt_state_stats st = {0};
    if (a->state)
        kt_state_get_stats(a->state, &st);
    if (!a->state)
        *did = kt_app_hint(a, "nothing is remembered here");
    else if (st.read_only && cmd != KT_CMD_LOOKED)
        *did = kt_app_hint(a, "read-only: nothing is acknowledged, noted or tagged here");
    else if (cmd == KT_CMD_UNDO)
        *did = undo(a);
    else if (cmd == KT_CMD_LOOKED)
        *did = looked(a);
    else if (!about)
        *did = kt_app_hint(a, "no row or key here to do that about");
    else
        *did = i < PROMPTS ? prompt(s, i, about) : acknowledge(a, about);
    return true;
}

/* --- telling ------------------------------------------------------------------------------ */

unsigned kt_triage_news(struct kt_app *a)
{
    uint64_t before = a->refused;
    a->refused = a->memory.refused;
    return a->refused > before ? kt_app_hint(a, "NOT KEPT: %s", a->memory.refusal) : 0;
}

void kt_triage_words(struct kt_buf *b, const struct kt_row_triage *t)
{
    const char *between = "";
    if (t->acked) {
        kt_buf_adds(b, "ack");
        between = ", ";
    }
    for (size_t i = 0; i < t->tags.n; i++) {
        bool start = i == 0 || t->tags.p[i - 1] == ' ';
        if (start) {
            kt_buf_addf(b, "%s#", between);
            between = " ";
        }
        if (t->tags.p[i] != ' ')
            kt_buf_addc(b, t->tags.p[i]);
    }
    if (b->len)
        between = ", ";
    if (kt_span_known(t->assigned)) {
        kt_buf_addf(b, "%s@", between);
        kt_buf_add(b, t->assigned.p, t->assigned.n);
        between = ", ";
    }
    if (t->notes)
        kt_buf_addf(b, "%s%s", between, t->notes > 1 ? "notes" : "note");
}

static void tell_one(struct kt_app *a, struct kt_pen *pen, const struct kt_triage_entry *e)
{
    char b[KT_FMT_TEXT];
    int64_t now = kt_app_now(a);
    struct kt_style s = e->undone ? KT_STYLE(DIM) : KT_STYLE(BRIGHT);
    pen->indent = 4;
    kt_pen_text(pen, KT_STYLE(DIM), kt_fmt_when(e->at, now, kt_fmt_same_day(e->at, now) ? 8 : 16, b));
    kt_pen_gap(pen, 2);
    kt_pen_data(pen, e->undone ? KT_STYLE(DIM) : KT_STYLE(TEXT), e->who, KT_TEXT_IDENTITY, "somebody");
    kt_pen_text(pen, s, " ");
    if (e->action == KT_TRIAGE_ASSIGN && !e->text.n)
        kt_pen_text(pen, s, "assigned to no one");
    else
        kt_pen_text(pen, s, kt_triage_action_words(e->action));
    if (e->text.n) {
        kt_pen_text(pen, s, e->action == KT_TRIAGE_NOTE ? ": " : " ");
        kt_pen_data(pen, e->undone ? KT_STYLE(DIM) : KT_STYLE(TEXT), e->text, KT_TEXT_FREE, NULL);
    }
    if (e->undone)
        kt_pen_text(pen, KT_STYLE(DIM), "  taken back");
    kt_pen_line(pen);
    pen->indent = 2;
}

void kt_triage_tell(struct kt_app *a, struct kt_pen *pen, const struct kt_subject *about, size_t most)
{
    size_t n = 0, k = 0;
    char b[KT_FMT_TEXT];
    struct kt_triage_entry *e = a->state ? kt_state_history(a->state, about, a->arena, &n) : NULL;
    for (size_t i = 0; e && i < n; i++)
        if (e[i].action != KT_TRIAGE_UNDO)
            e[k++] = e[i];
    if (k > most && most > 1) {
        kt_pen_fmt(pen, KT_STYLE(DIM), "%s before these", kt_fmt_plural(k - most, "act", "acts", b));
        kt_pen_line(pen);
    }
    for (size_t i = k > most ? k - most : 0; i < k; i++)
        tell_one(a, pen, &e[i]);
}
