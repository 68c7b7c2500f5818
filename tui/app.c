#include "tui/screen.h"

#include "output/output.h"
#include "tui/export.h"
#include "tui/offer.h"
#include "tui/palette.h"
#include "tui/format.h"
#include "tui/session.h"
#include "tui/status.h"
#include "tui/triage.h"
#include "tui/wall.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    ARENA_MAX = 64 << 20,
    HINT_MS = 4000,
    FRESH_MS = 5 * 60 * 1000,  /* how long a row that has arrived is new */
    FRESH_STEP_MS = 10 * 1000, /* arrivals within it are new equally long */
    DAY_MS = 24 * 60 * 60 * 1000,
    HALF_HOUR_MS = 30 * 60 * 1000,
    UNATTENDED_MS = 60 * 1000,
    TO_TABLE = 1 << 17
};

int64_t kt_app_now(const struct kt_app *a)
{
    return kt_now(a->opts.clock);
}

bool kt_app_row(struct kt_app *a, uint64_t seq, struct kt_row *out)
{
    return kt_store_row(a->store, seq, false, a->arena, out);
}

bool kt_app_live(const struct kt_app *a)
{
    size_t n = a->n_sources < KT_SOURCES_SHOWN ? a->n_sources : KT_SOURCES_SHOWN;
    for (size_t i = 0; i < n; i++)
        if (a->source[i].health.state != KT_HEALTH_DONE && a->source[i].health.state != KT_HEALTH_FAILED)
            return true;
    return a->n_sources > KT_SOURCES_SHOWN;
}

bool kt_app_ends_now(const struct kt_app *a, int64_t span)
{
    return kt_app_live(a) && (a->counts.newest == KT_TIME_NONE || a->counts.newest > kt_app_now(a) - span);
}

bool kt_app_all_today(const struct kt_app *a, int64_t oldest)
{
    return oldest == KT_TIME_NONE || kt_fmt_same_day(oldest, kt_app_now(a));
}

/* --- opening and closing screens ---------------------------------------- */

void kt_screen_title(struct kt_screen *s, struct kt_span title)
{
    s->title_n = title.n < KT_TITLE ? title.n : KT_TITLE;
    if (kt_span_known(title))
        memcpy(s->title, title.p, s->title_n);
}

unsigned kt_app_push(struct kt_app *a, struct kt_screen *s)
{
    if (!s)
        return kt_app_hint(a, "out of memory: the page could not be opened");
    if (a->depth >= KT_SCREENS_MAX) {
        s->ops->free(s);
        return kt_app_hint(a, "%d pages deep: go back first", KT_SCREENS_MAX);
    }
    if (!s->ops->overlay && a->top && a->top->ops->cover)
        a->top->ops->cover(a->top, true);
    s->below = a->top;
    a->top = s;
    a->depth++;
    return KT_APP_REDRAW;
}

static void pop(struct kt_app *a)
{
    struct kt_screen *s = a->top;
    if (!s->below)
        return;
    if (a->prompt_of == s) {
        kt_prompt_close(&a->prompt);
        kt_choices_clear(&a->choices);
        kt_offer_end(a);
        a->prompt_of = NULL;
    }
    a->top = s->below;
    a->depth--;
    bool overlay = s->ops->overlay;
    s->ops->free(s);
    if (!overlay && a->top->ops->cover)
        a->top->ops->cover(a->top, false);
}

unsigned kt_app_to_table(struct kt_app *a)
{
    (void)a;
    return KT_APP_REDRAW | TO_TABLE;
}

unsigned kt_app_hint(struct kt_app *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(a->hint, sizeof a->hint, fmt, ap);
    va_end(ap);
    a->hint_until = kt_mono_ms() + HINT_MS;
    return KT_APP_REDRAW;
}

unsigned kt_app_prompt(struct kt_app *a, struct kt_screen *s, const char *label, const char *text)
{
    a->prompt_of = s;
    a->prompt.keys = a->opts.keys;
    kt_choices_clear(&a->choices);
    kt_prompt_open(&a->prompt, label, text);
    return KT_APP_REDRAW;
}

/* --- the clipboard ------------------------------------------------------ */

static unsigned copied(struct kt_app *a, struct kt_buf *b, const char *what)
{
    unsigned did = KT_APP_REDRAW;
    if (a->opts.no_clipboard) {
        did |= kt_app_hint(a, "not copied: %s", a->opts.no_clipboard);
    } else if (b->failed) {
        did |= kt_app_hint(a, "too long to copy: more than %d bytes", KT_CLIPBOARD_MAX);
    } else {
        memcpy(a->clip, kt_buf_str(b), b->len + 1);
        did |= KT_APP_COPY | kt_app_hint(a, "copied %s, %zu bytes (if the terminal allows it)", what, b->len);
    }
    kt_buf_free(b);
    return did;
}

unsigned kt_app_copy_value(struct kt_app *a, struct kt_span value, enum kt_text_kind kind)
{
    struct kt_buf b;
    if (!kt_span_known(value))
        return kt_app_hint(a, "nothing to copy here");
    kt_buf_init(&b, KT_CLIPBOARD_MAX);
    if (!kt_text_plain(&b, value, kind, true))
        b.failed = true;
    return copied(a, &b, "the value");
}

unsigned kt_app_copy_row(struct kt_app *a, uint64_t seq)
{
    struct kt_row r;
    struct kt_buf b;
    if (!kt_app_row(a, seq, &r))
        return kt_app_hint(a, "this row is no longer kept");
    kt_buf_init(&b, KT_CLIPBOARD_MAX);
    if (!kt_jsonl_row(&b, &r))
        b.failed = true;
    return copied(a, &b, "the row as JSON");
}

unsigned kt_app_copy_text(struct kt_app *a, const char *text, const char *what)
{
    struct kt_buf b;
    kt_buf_init(&b, KT_CLIPBOARD_MAX);
    if (!kt_text_plain(&b, kt_span_of(text), KT_TEXT_IDENTITY, true))
        b.failed = true;
    return copied(a, &b, what);
}

const char *kt_app_clipboard(struct kt_app *a)
{
    return a->clip;
}

/* --- what is new -------------------------------------------------------- */

/* Arrivals while everything is being read for the first time are not news. */
static bool catching_up(const struct kt_app *a)
{
    size_t n = a->n_sources < KT_SOURCES_SHOWN ? a->n_sources : KT_SOURCES_SHOWN;
    for (size_t i = 0; i < n; i++)
        if (a->source[i].health.state == KT_HEALTH_STARTING || a->source[i].health.state == KT_HEALTH_READING)
            return true;
    return a->complete.reading || !kt_app_live(a);
}

/* The views may be far behind the newest row. */
static void note_start(struct kt_app *a)
{
    bool catching = catching_up(a);
    if (catching || !a->caught_up)
        a->at_start = a->counts.last, a->asked_at_start = a->counts.asked;
    a->caught_up = !catching;
}

void kt_app_arrivals(struct kt_app *a, uint64_t last_seq)
{
    if (last_seq <= a->last_seq)
        return;
    a->last_seq = last_seq;
    if (last_seq <= a->at_start) {
        a->seen = last_seq;
        a->seen_asked = a->counts.asked;
        a->n_fresh = 0;
        return;
    }
    if (a->seen < a->at_start)
        a->seen = a->at_start;
    if (!a->n_fresh && a->seen == a->at_start)
        a->seen_asked = a->asked_at_start;
    int64_t until = kt_mono_ms() + FRESH_MS;
    int last = a->n_fresh - 1;
    bool step = last < 0 || until - a->fresh[last].until > FRESH_STEP_MS;
    if (step && a->n_fresh < KT_FRESH_MAX)
        a->fresh[a->n_fresh++].until = until;
    a->fresh[a->n_fresh - 1].seq = last_seq;
    a->fresh[a->n_fresh - 1].asked = a->counts.asked;
}

static bool expire_arrivals(struct kt_app *a)
{
    int64_t now = kt_mono_ms();
    int n = 0;
    while (n < a->n_fresh && a->fresh[n].until <= now)
        a->seen_asked = a->fresh[n].asked, a->seen = a->fresh[n++].seq;
    memmove(a->fresh, a->fresh + n, (size_t)(a->n_fresh - n) * sizeof *a->fresh);
    a->n_fresh -= n;
    return n > 0;
}

unsigned kt_app_news(struct kt_app *a)
{
    uint64_t ignored;
    unsigned did = 0;
    /* the loop may have read it: it does not block */
    if (read(kt_engine_fd(a->engine), &ignored, sizeof ignored) < 0)
        ignored = 0;
    kt_arena_reset(a->arena);
    uint64_t loads = a->config_state.loads;
    if (kt_status_refresh(a))
        did |= KT_APP_REDRAW;
    if (a->config_state.loads != loads)
        did |= KT_APP_CONFIGURED | KT_APP_REDRAW;
    did |= kt_triage_news(a);
    if (kt_offer_news(a))
        did |= KT_APP_REDRAW;
    did |= kt_mfa_news(a);
    did |= kt_export_news(a);
    note_start(a);
    did |= kt_alerts_news(a);
    did |= kt_themes_news(a, true);
    for (struct kt_screen *s = a->top; s; s = s->below)
        if (s->ops->news && (s == a->top || s == a->table || a->top->ops->overlay))
            did |= s->ops->news(s);
    return did;
}

bool kt_app_awaits(const struct kt_app *a)
{
    return a->top->ops->awaits && a->top->ops->awaits(a->top);
}

void kt_app_settle(struct kt_app *a)
{
    /* an answer may lead to another question: a new row under the cursor has another pane */
    for (int i = 0; i < 3; i++) {
        for (struct kt_screen *s = a->top; s; s = s->below)
            if (s->ops->settle && (s == a->top || s == a->table || a->top->ops->overlay))
                s->ops->settle(s);
        kt_offer_settle(a);
        kt_app_news(a);
    }
}

static void sooner(int64_t *least, int64_t in_ms)
{
    if (in_ms > 0 && (*least == 0 || in_ms < *least))
        *least = in_ms;
}

/* Nobody is at the keys of a wall that shows something else. */
static bool left_alone(const struct kt_app *a, int64_t *in_ms)
{
    if (!a->opts.wall || a->top->ops->context == KT_CTX_WALL)
        return false;
    *in_ms = a->last_key + KT_WALL_IDLE_MS - kt_mono_ms();
    return true;
}

static void back_to_the_wall(struct kt_app *a)
{
    kt_prompt_close(&a->prompt);
    kt_choices_clear(&a->choices);
    kt_offer_end(a);
    a->prompt_of = NULL;
    a->mfa_asked = false;
    while (a->top->below)
        pop(a);
    const struct kt_saved *v = a->opts.view ? kt_saved_find(a->saved, a->n_saved, kt_span_of(a->opts.view)) : NULL;
    if (v && strcmp(a->view, v->name) != 0)
        (void)kt_app_show_view(a, v);
    a->group_next = KT_GROUP_NONE;
    kt_table_go_live(a->table);
    kt_app_push(a, kt_screen_wall(a));
    a->last_key = kt_mono_ms(); /* where memory ran out, it is tried again later */
}

int64_t kt_app_deadline(const struct kt_app *a)
{
    int64_t least = 0, mono = kt_mono_ms(), now = kt_app_now(a), alone;
    if (left_alone(a, &alone))
        sooner(&least, alone > 0 ? alone : 1);
    if (a->top->ops->next)
        sooner(&least, a->top->ops->next(a->top));
    sooner(&least, kt_alerts_next(a));
    sooner(&least, kt_themes_next(a));
    if (a->hint[0])
        sooner(&least, a->hint_until > mono ? a->hint_until - mono : 1);
    if (a->n_fresh)
        sooner(&least, a->fresh[0].until > mono ? a->fresh[0].until - mono : 1);
    if (kt_app_live(a)) {
        sooner(&least, kt_status_next(a));
        sooner(&least, HALF_HOUR_MS - now % HALF_HOUR_MS); /* the sparkline moves on; midnight is one of them */
    }
    return least ? mono + least : 0;
}

unsigned kt_app_tick(struct kt_app *a)
{
    unsigned did = KT_APP_REDRAW;
    kt_arena_reset(a->arena);
    if (a->hint[0] && a->hint_until <= kt_mono_ms())
        a->hint[0] = '\0';
    expire_arrivals(a);
    did |= kt_alerts_tick(a);
    did |= kt_themes_news(a, false);
    int64_t alone;
    if (left_alone(a, &alone) && alone <= 0)
        back_to_the_wall(a);
    if (a->top->ops->tick)
        a->top->ops->tick(a->top);
    did |= kt_table_tick(a->table);
    return did;
}

/* --- keys --------------------------------------------------------------- */

static unsigned show_suppressed(struct kt_app *a)
{
    char b[KT_FMT_TEXT];
    a->suppressed = !a->suppressed;
    for (struct kt_screen *s = a->top; s; s = s->below)
        if (s->ops->anew)
            s->ops->anew(s);
    if (!a->suppressed)
        return kt_app_hint(a, "what filters keep out is hidden");
    if (!a->counts.suppressed)
        return kt_app_hint(a, "no filter keeps anything out so far; what one does will be shown");
    return kt_app_hint(a, "%s shown that filters keep out; F hides them again",
                       kt_fmt_plural(a->counts.suppressed, "row is", "rows are", b));
}

static unsigned turn_mouse(struct kt_app *a)
{
    a->mouse = !a->mouse;
    return kt_app_hint(a, a->mouse ? "the mouse is on: heads sort, rows open; with Shift the terminal selects as usual"
                                   : "the mouse is the terminal's again");
}

static unsigned everywhere(struct kt_app *a, enum kt_command cmd, bool *done)
{
    *done = true;
    switch (cmd) {
    case KT_CMD_QUIT:
        if (a->state && a->caught_up) /* who leaves has looked */
            kt_state_look(a->state, a->last_seq);
        return KT_APP_QUIT;
    case KT_CMD_REPAINT: return KT_APP_REDRAW | KT_APP_REPAINT;
    case KT_CMD_SUSPEND: return KT_APP_SUSPEND;
    case KT_CMD_HELP: return kt_app_push(a, kt_screen_help(a, a->top->ops->context));
    case KT_CMD_SUPPRESSED: return show_suppressed(a);
    case KT_CMD_THEME: return kt_app_argument(a) ? kt_themes_show(a, kt_app_argument(a)) : kt_app_push(a, kt_screen_themes(a));
    case KT_CMD_EXPORT: return kt_export_command(a);
    case KT_CMD_SOURCES: return kt_app_push(a, kt_screen_sources(a));
    case KT_CMD_MOUSE: return turn_mouse(a);
    case KT_CMD_MFA: return kt_mfa_again(a);
    case KT_CMD_WALL: return kt_app_push(a, kt_screen_wall(a));
    case KT_CMD_PALETTE: return kt_palette_open(a);
    default: *done = false; return 0;
    }
}

/* Asked for by what led back to the table. */
static void open_groups(struct kt_app *a)
{
    enum kt_group_by by = a->group_next;
    a->group_next = KT_GROUP_NONE;
    if (by)
        kt_app_push(a, kt_screen_groups(a, by, a->group_at));
}

static unsigned finish(struct kt_app *a, unsigned did)
{
    if (did & KT_SCREEN_POP)
        pop(a);
    if (did & TO_TABLE)
        while (a->top->below)
            pop(a);
    if (did & (KT_SCREEN_POP | TO_TABLE))
        did |= KT_APP_REDRAW;
    open_groups(a);
    return did & ~(unsigned)(KT_SCREEN_POP | TO_TABLE);
}

static unsigned refused(struct kt_app *a, enum kt_command cmd)
{
    return kt_app_hint(a, "read-only: %s is refused here", kt_command_info(cmd)->name);
}

static unsigned dispatch(struct kt_app *a, enum kt_command cmd, struct kt_key k)
{
    bool done;
    if (a->opts.read_only && kt_command_info(cmd)->contexts & KT_WRITES)
        return refused(a, cmd);
    unsigned did = everywhere(a, cmd, &done);
    return done ? did : a->top->ops->command(a->top, cmd, k);
}

unsigned kt_app_run(struct kt_app *a, enum kt_command cmd, const char *arg)
{
    const struct kt_command_info *i = kt_command_info(cmd);
    if (!i)
        return 0;
    if (!(i->contexts & (unsigned)a->top->ops->context)) {
        if (!(i->contexts & KT_CTX_TABLE))
            return kt_app_hint(a, "%s is not understood here; ? says where it is", i->name);
        while (a->top->below)
            pop(a);
    }
    a->arg = arg;
    a->nth = 0;
    unsigned did = dispatch(a, cmd, (struct kt_key){KT_KEY_CHAR, 0});
    a->arg = NULL;
    return did | KT_APP_REDRAW;
}

bool kt_app_number(struct kt_app *a, int least, int most, int *out)
{
    const char *p = a->arg;
    *out = p ? 0 : a->nth;
    for (; p && *p >= '0' && *p <= '9' && *out <= most; p++)
        *out = *out * 10 + (*p - '0');
    if ((!p || (*p == '\0' && p > a->arg)) && *out >= least && *out <= most)
        return true;
    (void)kt_app_hint(a, "a number from %d to %d is expected", least, most);
    return false;
}

/* --- keys where one writes ----------------------------------------------- */

static void close_prompt(struct kt_app *a)
{
    kt_prompt_close(&a->prompt);
    kt_choices_clear(&a->choices);
    kt_offer_end(a);
    a->prompt_of = NULL;
}

/* Offers what fits the text as it now stands. */
static void offer(struct kt_app *a)
{
    if (kt_palette_prompting(a))
        kt_palette_offer(a);
    else if (kt_table_is_filtering(a->table))
        kt_offer_filter(a, 0);
}

static bool naming_a_command(const struct kt_app *a)
{
    return kt_palette_prompting(a) && a->choices.from == 0;
}

/* Takes the next of what is offered into the text; the rest stays on offer. */
static unsigned turn_choice(struct kt_app *a, int by)
{
    struct kt_choices *c = &a->choices;
    struct kt_screen *s = a->prompt_of;
    if (!c->n)
        return 0;
    if (c->taken)
        kt_choices_move(c, by);
    else if (by < 0)
        c->at = c->n - 1;
    if (!kt_prompt_replace(&a->prompt, c->from, c->to, c->item[c->at].text))
        return kt_app_hint(a, "no room for that");
    c->taken = true;
    c->to = a->prompt.at;
    if (c->n == 1) /* there is no other: on with what comes behind it */
        offer(a);
    return KT_APP_REDRAW | (s && s->ops->prompted ? s->ops->prompted(s, KT_PROMPT_CHANGED) : 0);
}

/* Arrows and Tab go through what is offered; in the palette the arrows mark a
 * command and Tab takes it. False: the key is for the text. */
static bool choice_key(struct kt_app *a, enum kt_command cmd, unsigned *did)
{
    struct kt_choices *c = &a->choices;
    bool next = cmd == KT_CMD_P_COMPLETE || cmd == KT_CMD_P_NEWER, turns = cmd == KT_CMD_P_COMPLETE || cmd == KT_CMD_P_UNCOMPLETE;
    if (!c->n || !(next || turns || cmd == KT_CMD_P_OLDER))
        return false;
    if (naming_a_command(a)) {
        if (cmd == KT_CMD_P_COMPLETE) {
            kt_prompt_set(&a->prompt, c->item[c->at].text);
            offer(a);
        } else {
            kt_choices_move(c, next ? 1 : -1);
        }
        *did = KT_APP_REDRAW;
        return true;
    }
    if (!turns && !c->taken && (!next || a->prompt.older))
        return false; /* the arrows go through what was written before */
    *did = turn_choice(a, next ? 1 : -1);
    return true;
}

static unsigned palette_event(struct kt_app *a, enum kt_prompt_event e)
{
    enum kt_command cmd;
    const char *arg;
    char copy[KT_PROMPT_MAX];
    if (e == KT_PROMPT_CHANGED)
        kt_palette_offer(a);
    if (e == KT_PROMPT_CANCELLED)
        close_prompt(a);
    if (e != KT_PROMPT_ACCEPTED || !kt_palette_taken(a, &cmd, &arg))
        return KT_APP_REDRAW;
    snprintf(copy, sizeof copy, "%s", arg ? arg : "");
    if (arg)
        kt_prompt_remember(&a->prompt);
    close_prompt(a);
    return kt_app_run(a, cmd, arg ? copy : NULL);
}

static unsigned prompt_key(struct kt_app *a, struct kt_key k)
{
    enum kt_command cmd = a->pasting ? KT_CMD_NONE : kt_keymap_command(a->opts.keys, k, KT_CTX_PROMPT, NULL);
    bool done;
    unsigned did = everywhere(a, cmd, &done);
    if (done || choice_key(a, cmd, &did))
        return did;
    enum kt_prompt_event e = kt_prompt_key(&a->prompt, k, a->pasting);
    if (e == KT_PROMPT_COMPLETE || e == KT_PROMPT_COMPLETE_BACK)
        return 0; /* nothing is offered */
    if (kt_palette_prompting(a))
        return palette_event(a, e);
    struct kt_screen *s = a->prompt_of;
    if (kt_export_prompting(a))
        return kt_export_prompted(a, e);
    if (a->mfa_asked)
        return kt_mfa_prompted(a, e);
    if (kt_triage_prompting(a)) {
        unsigned did_it = kt_triage_prompted(a, e);
        if (e == KT_PROMPT_ACCEPTED || e == KT_PROMPT_CANCELLED)
            close_prompt(a);
        return did_it;
    }
    if (e == KT_PROMPT_ACCEPTED && a->prompt.error[0])
        return KT_APP_REDRAW; /* the error stands there; the text can be mended */
    unsigned was = KT_APP_REDRAW | (e != KT_PROMPT_NOTHING && s ? s->ops->prompted(s, e) : 0);
    if (e == KT_PROMPT_CHANGED || (e == KT_PROMPT_NOTHING && !a->choices.taken)) /* or the cursor has moved */
        offer(a);
    if (e != KT_PROMPT_ACCEPTED && e != KT_PROMPT_CANCELLED)
        return was;
    if (e == KT_PROMPT_ACCEPTED && a->prompt.error[0])
        return was;
    if (e == KT_PROMPT_ACCEPTED)
        kt_prompt_remember(&a->prompt);
    close_prompt(a);
    return was;
}

static bool is_paste(struct kt_app *a, struct kt_key k)
{
    if (k.code == KT_KEY_PASTE_BEGIN || k.code == KT_KEY_PASTE_END) {
        a->pasting = k.code == KT_KEY_PASTE_BEGIN;
        return true;
    }
    return false;
}

bool kt_app_wants_mouse(const struct kt_app *a)
{
    return a->mouse;
}

bool kt_app_unattended(const struct kt_app *a)
{
    if (a->top->ops->context == KT_CTX_WALL)
        return true;
    return kt_mono_ms() - a->last_key > UNATTENDED_MS;
}

unsigned kt_app_click(struct kt_screen *s, struct kt_list *l, const struct kt_list_items *it, struct kt_key k,
                      enum kt_command open)
{
    size_t i = kt_mouse_of(k) == KT_MOUSE_PRESS ? kt_list_at(l, it, kt_mouse_row(k)) : SIZE_MAX;
    if (i == SIZE_MAX)
        return 0;
    if (i == l->cursor)
        return s->ops->command(s, open, KT_CHAR(13));
    kt_list_goto(l, it, i);
    return KT_APP_REDRAW;
}

/* The wheel is three steps of a list, wherever one is. */
static unsigned mouse(struct kt_app *a, struct kt_key k)
{
    enum { STEPS = 3 };
    enum kt_mouse what = kt_mouse_of(k);
    struct kt_screen *s = a->top;
    bool up = what == KT_MOUSE_WHEEL_UP;
    unsigned did = 0;
    if (!a->mouse || a->prompt.label || a->pasting)
        return 0;
    if (!up && what != KT_MOUSE_WHEEL_DOWN)
        return s->ops->mouse ? finish(a, s->ops->mouse(s, k)) : 0;
    if (s->ops->context == KT_CTX_TIME)
        return finish(a, s->ops->command(s, up ? KT_CMD_TIME_IN : KT_CMD_TIME_OUT, k));
    for (int i = 0; i < STEPS && s->ops->context & KT_CTX_LISTS; i++)
        did |= s->ops->command(s, up ? KT_CMD_UP : KT_CMD_DOWN, k);
    return finish(a, did);
}

/* Who looks away finds what came meanwhile as new. */
static unsigned focus(struct kt_app *a, bool in)
{
    char b[KT_FMT_TEXT];
    uint64_t last = a->counts.last > a->last_seq ? a->counts.last : a->last_seq;
    if (!in) {
        a->away = true;
        a->away_seq = last;
        return 0;
    }
    uint64_t came = a->away && a->caught_up && last > a->away_seq ? last - a->away_seq : 0;
    a->away = false;
    if (!came)
        return 0;
    if (a->seen > a->away_seq)
        a->seen = a->away_seq;
    if (!a->n_fresh || (a->fresh[a->n_fresh - 1].seq < last && a->n_fresh < KT_FRESH_MAX))
        a->fresh[a->n_fresh++].seq = last;
    a->fresh[a->n_fresh - 1].until = kt_mono_ms() + FRESH_MS;
    return kt_app_hint(a, "%s since you looked away", kt_fmt_plural(came, "row", "rows", b));
}

unsigned kt_app_key(struct kt_app *a, struct kt_key k)
{
    kt_arena_reset(a->arena);
    if (k.code == KT_KEY_RESIZE)
        return KT_APP_REDRAW;
    if (k.code == KT_KEY_FOCUS_IN || k.code == KT_KEY_FOCUS_OUT)
        return focus(a, k.code == KT_KEY_FOCUS_IN);
    if (k.code == KT_KEY_MOUSE) {
        a->last_key = kt_mono_ms();
        return mouse(a, k);
    }
    a->last_key = kt_mono_ms();
    unsigned seen = kt_alerts_key(a);
    if (is_paste(a, k))
        return seen;
    if (a->prompt.label)
        return seen | finish(a, prompt_key(a, k));
    if (a->pasting) /* what is pasted are no commands */
        return a->hint[0] ? seen : seen | kt_app_hint(a, "pasted text is taken by prompts only: / opens one");
    unsigned was_hint = seen | (a->hint[0] ? KT_APP_REDRAW : 0);
    a->hint[0] = '\0';
    enum kt_command cmd = kt_keymap_command(a->opts.keys, k, a->top->ops->context, &a->nth);
    if (cmd == KT_CMD_NONE)
        return was_hint | kt_app_hint(a, "no command on this key; ? shows those there are");
    return was_hint | finish(a, dispatch(a, cmd, k));
}

/* --- drawing ------------------------------------------------------------ */

/* keytop › svc-backup › 203.0.113.9: the last names where not all fit. */
static void draw_trail(struct kt_app *a, struct kt_canvas *c, int row)
{
    const struct kt_screen *path[KT_SCREENS_MAX + 1];
    int n = 0, end = kt_status_mode(a, c, row) - 2;
    struct kt_text_opts o = {.kind = KT_TEXT_IDENTITY, .ascii = c->ascii};
    for (const struct kt_screen *s = a->top; s && s->below && n < KT_SCREENS_MAX; s = s->below)
        if (!s->ops->overlay)
            path[n++] = s;
    if (a->top->note) {
        int w = kt_canvas_text_width(c->ascii, a->top->note);
        if (end - w > 40) {
            kt_canvas_text(c, row, end - w, w, KT_STYLE(DIM), a->top->note);
            end -= w + 2;
        }
    }
    int col = 1 + kt_canvas_text(c, row, 1, end - 1, (struct kt_style){KT_ROLE_TITLE, KT_ATTR_BOLD}, "keytop");
    int room = end - col, show = 0;
    for (int used = 0; show < n; show++) {
        used += 3 + (int)kt_text_width((struct kt_span){path[show]->title, path[show]->title_n}, &o, KT_TITLE);
        if (used > room - (show + 1 < n ? 4 : 0) && show > 0)
            break;
    }
    if (show < n)
        col += kt_canvas_text(c, row, col, end - col, KT_STYLE(DIM), " › …");
    while (show-- > 0 && col < end) {
        struct kt_style s = show == 0 ? (struct kt_style){KT_ROLE_TITLE, KT_ATTR_BOLD} : KT_STYLE(LINK);
        col += kt_canvas_text(c, row, col, end - col, KT_STYLE(DIM), " › ");
        if (col < end)
            col += kt_canvas_data(c, row, col, end - col, s,
                                  (struct kt_span){path[show]->title, path[show]->title_n}, KT_TEXT_IDENTITY);
    }
}

/* How many rows match what is written, as far as that is known. */
static void note_matches(struct kt_app *a)
{
    char n[KT_FMT_TEXT], of[KT_FMT_TEXT];
    struct kt_prompt *p = &a->prompt;
    p->note[0] = '\0';
    if (!kt_table_is_filtering(a->table) || p->error[0] || a->table != a->top)
        return;
    struct kt_summary s = kt_table_summary(a->table);
    if (!kt_table_has_answer(a->table))
        snprintf(p->note, sizeof p->note, "counting");
    else
        snprintf(p->note, sizeof p->note, "%s of %s", kt_fmt_count(s.shown, n), kt_fmt_plural(s.of, "row", "rows", of));
}

static void draw_bottom(struct kt_app *a, struct kt_canvas *c, int row)
{
    if (a->prompt.label) {
        note_matches(a);
        kt_choices_draw(&a->choices, c, row - (a->prompt.error[0] != '\0'), naming_a_command(a));
        kt_prompt_draw(&a->prompt, c, row);
    } else if (a->hint[0]) {
        kt_canvas_fill(c, row, 0, c->cols, KT_STYLE(TEXT), ' ');
        kt_canvas_text(c, row, 1, c->cols - 1, KT_STYLE(BRIGHT), a->hint);
    } else if (c->rows >= 5) {
        kt_footer_draw(c, row, a->top->ops->context, a->opts.keys);
    }
}

void kt_app_draw(struct kt_app *a, struct kt_canvas *c)
{
    kt_arena_reset(a->arena);
    kt_canvas_clear(c);
    if (c->rows == 1) {
        if (a->prompt.label)
            kt_prompt_draw(&a->prompt, c, 0);
        else
            kt_status_line(a, c, 0);
        return;
    }
    int bottom = c->rows >= 5 ? 1 : 0;
    struct kt_screen *s = a->top, *under = s->ops->overlay ? s->below : s;
    if (under == a->table) {
        under->ops->draw(under, c, 0, c->rows - bottom);
    } else if (under->ops->context == KT_CTX_WALL) {
        under->ops->draw(under, c, 0, c->rows - bottom);
    } else {
        draw_trail(a, c, 0);
        int gap = c->rows >= 16 ? 1 : 0;
        under->ops->draw(under, c, 1, c->rows - 1 - bottom - gap);
    }
    if (s != under)
        s->ops->draw(s, c, c->rows >= 12 ? 2 : 0, c->rows - bottom - (c->rows >= 12 ? 2 : 0));
    if (kt_alerts_flashing(a))
        kt_canvas_tint(c, 0, 0, c->cols, (struct kt_style){KT_ROLE_BAD, KT_ATTR_REVERSE});
    draw_bottom(a, c, c->rows - 1);
}

const char *kt_app_title(const struct kt_app *a)
{
    return a->alerts.title;
}

const char *kt_app_notice(const struct kt_app *a)
{
    return a->alerts.notice;
}

int kt_app_fd(const struct kt_app *a, int which)
{
    if (which == KT_APP_FD_HOOK)
        return a->opts.alerts.hook ? kt_hook_fd(a->opts.alerts.hook) : -1;
    return which == KT_APP_FD_THEME && a->themes.watch ? kt_watch_fd(a->themes.watch) : -1;
}

const struct kt_theme *kt_app_theme(const struct kt_app *a)
{
    return &a->themes.now;
}

/* --- a life ------------------------------------------------------------- */

/* What was saved, and how the last session was left. */
static void take_up(struct kt_app *a)
{
    const struct kt_app_opts *o = &a->opts;
    if (o->config) /* what is wrong there was said at the start */
        (void)kt_saved_of_config(a->saved, &a->n_saved, o->config, kt_app_now(a), NULL);
    if (o->session && strlen(o->session) < sizeof a->session)
        snprintf(a->session, sizeof a->session, "%s", o->session);
    kt_session_load(a);
    const struct kt_saved *v = o->view ? kt_saved_find(a->saved, a->n_saved, kt_span_of(o->view)) : NULL;
    if (v)
        (void)kt_app_show_view(a, v);
}

/* Those of the file anew; those that were saved on the screen stay. */
static void take_views(struct kt_app *a, const struct kt_config *c)
{
    struct kt_saved *anew = calloc(KT_SAVED_MAX, sizeof *anew);
    size_t n = 0;
    if (!anew || (c->n_view && kt_saved_of_config(anew, &n, c, kt_app_now(a), NULL) != KT_OK)) {
        free(anew);
        return;
    }
    for (size_t i = 0; i < a->n_saved && n < KT_SAVED_MAX; i++)
        if (!a->saved[i].configured && !kt_saved_find(anew, n, kt_span_of(a->saved[i].name)))
            anew[n++] = a->saved[i];
    memcpy(a->saved, anew, n * sizeof *anew);
    a->n_saved = n;
    free(anew);
}

static bool same_roles(const struct kt_config *a, const struct kt_config *b)
{
    bool same = a->output.n_role == b->output.n_role;
    for (size_t i = 0; same && i < a->output.n_role; i++)
        same = strcmp(a->output.role[i].name, b->output.role[i].name) == 0 &&
               strcmp(a->output.role[i].value, b->output.role[i].value) == 0;
    return same;
}

/* One that was chosen on the screen stays, unless the file says otherwise than
 * it did. */
static void take_theme(struct kt_app *a, const struct kt_config *c, const char *theme)
{
    const struct kt_config *was = a->opts.config;
    const char *before = a->opts.theme ? a->opts.theme : KT_THEME_DEFAULT;
    bool other = strcmp(before, theme ? theme : KT_THEME_DEFAULT) != 0 || (was && !same_roles(was, c));
    a->opts.theme = theme;
    a->opts.config = c;
    if (other)
        kt_themes_open(a);
}

void kt_app_configure(struct kt_app *a, const struct kt_config *c, const char *theme, const char *no_clipboard)
{
    take_theme(a, c, theme);
    a->opts.profile = c->contain.profile;
    a->opts.columns = c->output.columns;
    a->opts.no_clipboard = no_clipboard;
    take_views(a, c);
    kt_app_hint(a, "the configuration has changed, and holds");
}

bool kt_app_has_view(struct kt_app *a, const char *name)
{
    return !name || kt_saved_find(a->saved, a->n_saved, kt_span_of(name)) != NULL;
}

void kt_app_remember(struct kt_app *a)
{
    (void)kt_session_save(a); /* at the end there is nobody left to tell */
}

struct kt_app *kt_app_new(const struct kt_app_opts *o)
{
    struct kt_app *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->opts = *o;
    a->last_key = kt_mono_ms();
    a->engine = o->engine;
    a->store = kt_engine_store(o->engine);
    a->views = kt_engine_views(o->engine);
    a->state = kt_engine_state(o->engine);
    a->arena = kt_arena_new(ARENA_MAX);
    kt_themes_open(a);
    if (a->arena) {
        kt_status_refresh(a);
        note_start(a);
        a->table = kt_screen_table(a);
    }
    if (!a->table) {
        kt_app_free(a);
        return NULL;
    }
    a->top = a->table;
    a->depth = 1;
    take_up(a);
    open_groups(a);
    if (o->wall)
        kt_app_push(a, kt_screen_wall(a));
    return a;
}

void kt_app_free(struct kt_app *a)
{
    if (!a)
        return;
    kt_export_free(a->export.job);
    kt_alerts_free(a);
    kt_themes_free(a);
    kt_offer_end(a);
    while (a->top) {
        struct kt_screen *s = a->top;
        a->top = s->below;
        s->ops->free(s);
    }
    kt_arena_free(a->arena);
    kt_rules_free(a->rules);
    free(a);
}
