#include "tui/status.h"

#include "tui/format.h"

#include <inttypes.h>
#include <stdio.h>

enum { KEYS_END_SOON = 5 * 60000 };

/* When the source was last heard of; KT_TIME_NONE: never. */
static int64_t heard(const struct kt_source_state *s)
{
    int64_t poll = s->health.last_poll > 0 ? s->health.last_poll : KT_TIME_NONE;
    return poll > s->last_event ? poll : s->last_event;
}

static int64_t minutes(int64_t now, int64_t since)
{
    return since == KT_TIME_NONE ? -1 : (now - since) / 60000;
}

/* Takes the rules in force, where they are others. */
static bool rules_same(struct kt_app *a)
{
    struct kt_rules_state was = a->rules_state, now = kt_engine_rules_state(a->engine);
    a->rules_state = now;
    if (!a->rules || was.loads != now.loads) {
        kt_rules_free(a->rules);
        a->rules = kt_engine_rules(a->engine);
    }
    return was.loads == now.loads && was.stale == now.stale && was.refused == now.refused && strcmp(was.note, now.note) == 0;
}

static bool config_same(struct kt_app *a)
{
    struct kt_config_state was = a->config_state;
    a->config_state = kt_engine_config_state(a->engine);
    return was.loads == a->config_state.loads && was.stale == a->config_state.stale &&
           strcmp(was.note, a->config_state.note) == 0;
}

bool kt_status_refresh(struct kt_app *a)
{
    struct kt_source_state old[KT_SOURCES_SHOWN];
    struct kt_completeness complete = a->complete;
    struct kt_counts counts = a->counts;
    size_t n = a->n_sources, kept = n < KT_SOURCES_SHOWN ? n : KT_SOURCES_SHOWN;
    memcpy(old, a->source, kept * sizeof *old);
    a->n_sources = kt_engine_sources(a->engine, a->source, KT_SOURCES_SHOWN);
    a->complete = kt_engine_completeness(a->engine);
    a->counts = kt_store_counts(a->store);
    struct kt_state_stats memory = a->memory;
    if (a->state)
        kt_state_get_stats(a->state, &a->memory);
    if (!a->has_looked)
        a->looked = kt_engine_looked(a->engine, &a->has_looked), a->looked_asked = a->counts.asked;
    bool same = config_same(a);
    same &= memory.version == a->memory.version && counts.triaged == a->counts.triaged && rules_same(a) && n == a->n_sources && complete.complete_to == a->complete.complete_to &&
                complete.gaps == a->complete.gaps && complete.reading == a->complete.reading &&
                counts.records == a->counts.records && counts.shown == a->counts.shown &&
                counts.suppressed == a->counts.suppressed && counts.asked == a->counts.asked;
    int64_t now = kt_app_now(a);
    for (size_t i = 0; same && i < kept; i++) {
        const struct kt_source_state *x = &old[i], *y = &a->source[i];
        same = minutes(now, heard(x)) == minutes(now, heard(y)) &&
               x->health.state == y->health.state && x->rows == y->rows &&
               x->health.bytes_done == y->health.bytes_done && x->health.troubles == y->health.troubles &&
               x->health.slowed == y->health.slowed && strcmp(x->health.note, y->health.note) == 0;
    }
    return !same;
}

static size_t sources_kept(const struct kt_app *a)
{
    return a->n_sources < KT_SOURCES_SHOWN ? a->n_sources : KT_SOURCES_SHOWN;
}

static bool has_age(const struct kt_source_state *s)
{
    return !s->health.pushed && heard(s) != KT_TIME_NONE &&
           (s->health.state == KT_HEALTH_LIVE || s->health.state == KT_HEALTH_STALE);
}

int64_t kt_status_next(const struct kt_app *a)
{
    char b[KT_FMT_TEXT];
    int64_t least = 0, now = kt_app_now(a);
    for (size_t i = 0; i < sources_kept(a); i++) {
        int64_t next = 0;
        if (!has_age(&a->source[i]))
            continue;
        kt_fmt_age(now - heard(&a->source[i]), b, &next);
        least = least == 0 || next < least ? next : least;
    }
    return least;
}

/* --- sources ------------------------------------------------------------ */

const char *kt_status_glyph(const struct kt_source_state *s)
{
    switch (s->health.state) {
    case KT_HEALTH_STALE: return "▲";
    case KT_HEALTH_FAILED: return "✗";
    case KT_HEALTH_STARTING: return "○";
    default: return s->health.troubles ? "▲" : "●";
    }
}

enum kt_role kt_status_role(const struct kt_source_state *s)
{
    switch (s->health.state) {
    case KT_HEALTH_STALE: return KT_ROLE_WARN;
    case KT_HEALTH_FAILED: return KT_ROLE_BAD;
    case KT_HEALTH_STARTING: return KT_ROLE_DIM;
    default: return s->health.troubles ? KT_ROLE_WARN : KT_ROLE_OK;
    }
}

static int percent(const struct kt_health *h)
{
    if (h->bytes_total == 0)
        return -1;
    uint64_t p = h->bytes_done >= h->bytes_total ? 100 : h->bytes_done * 100 / h->bytes_total;
    return (int)p;
}

static void state_words(const struct kt_app *a, const struct kt_source_state *s, bool alone, char *out, size_t size)
{
    char b[KT_FMT_TEXT];
    const char *age = has_age(s) ? kt_fmt_age(kt_app_now(a) - heard(s), b, NULL) : "";
    switch (s->health.state) {
    case KT_HEALTH_STARTING:
        snprintf(out, size, "starting");
        break;
    case KT_HEALTH_READING:
        if (percent(&s->health) >= 0)
            snprintf(out, size, "reading %d %%", percent(&s->health));
        else
            snprintf(out, size, "reading");
        break;
    case KT_HEALTH_LIVE:
        if (!s->health.pushed) {
            snprintf(out, size, "%s%s", age[0] ? age : "live", s->health.slowed ? " throttled" : "");
            break;
        }
        __attribute__((fallthrough)); /* what has been read says more */
    case KT_HEALTH_DONE:
        if (alone)
            kt_fmt_plural(a->counts.records, "record", "records", b);
        else
            kt_fmt_plural(s->rows, "row", "rows", b);
        snprintf(out, size, "%s", b);
        break;
    case KT_HEALTH_STALE:
        snprintf(out, size, "stale%s%s", age[0] ? " " : "", age);
        break;
    case KT_HEALTH_FAILED:
        snprintf(out, size, "failed");
        break;
    }
}

void kt_status_words(const struct kt_app *a, const struct kt_source_state *s, bool alone, char *out, size_t size)
{
    char b[KT_FMT_TEXT];
    state_words(a, s, alone, out, size);
    int64_t left = s->health.credentials_until - kt_app_now(a);
    if (s->health.credentials_until && s->health.state != KT_HEALTH_DONE && left < KEYS_END_SOON) {
        size_t n = strlen(out); /* new ones are there long before, unless they cannot be had */
        if (left > 0)
            snprintf(out + n, size - n, ", keys end in %s", left < 60000 ? "a minute" : kt_fmt_age(left, b, NULL));
        else
            snprintf(out + n, size - n, ", keys have ended");
    }
    if (!s->health.troubles || s->health.state == KT_HEALTH_FAILED)
        return;
    size_t n = strlen(out);
    snprintf(out + n, size - n, ", %s", kt_fmt_plural(s->health.troubles, "trouble", "troubles", b));
}

static int draw_source(struct kt_app *a, struct kt_canvas *c, int row, int col, int end,
                       const struct kt_source_state *s)
{
    char words[96];
    struct kt_style state = {(uint8_t)kt_status_role(s), 0};
    bool loud = state.role == KT_ROLE_WARN || state.role == KT_ROLE_BAD;
    kt_status_words(a, s, a->n_sources == 1, words, sizeof words);
    col += kt_canvas_text(c, row, col, end - col, state, kt_status_glyph(s)) + 1;
    if (col < end)
        col += kt_canvas_data(c, row, col, end - col < 24 ? end - col : 24, KT_STYLE(TEXT),
                              kt_span_of(s->name), KT_TEXT_FREE) + 1;
    return col + kt_canvas_text(c, row, col, end - col, loud ? state : KT_STYLE(DIM), words);
}

static int source_width(const struct kt_app *a, const struct kt_canvas *c, const struct kt_source_state *s)
{
    char words[96];
    struct kt_text_opts o = {.kind = KT_TEXT_FREE, .ascii = c->ascii};
    kt_status_words(a, s, a->n_sources == 1, words, sizeof words);
    return 3 + (int)kt_text_width(kt_span_of(s->name), &o, 24) + kt_canvas_text_width(c->ascii, words);
}

/* Worse states stand first, so that what is dropped at the right is in order. */
static int badness(const struct kt_source_state *s)
{
    static const int of[] = {[KT_HEALTH_FAILED] = 5, [KT_HEALTH_STALE] = 4, [KT_HEALTH_READING] = 2,
                             [KT_HEALTH_STARTING] = 1};
    int b = (size_t)s->health.state < sizeof of / sizeof *of ? of[s->health.state] : 0;
    return b == 0 && s->health.troubles ? 3 : b;
}

static void draw_sources(struct kt_app *a, struct kt_canvas *c, int row, int col, int end)
{
    size_t n = sources_kept(a), drawn = 0;
    bool done[KT_SOURCES_SHOWN] = {false};
    /* in their own order while all fit; else the worst first */
    int total = 0;
    for (size_t i = 0; i < n; i++)
        total += source_width(a, c, &a->source[i]) + (i ? 2 : 0);
    bool all = total <= end - col && n == a->n_sources;
    while (drawn < n) {
        size_t pick = n;
        for (size_t i = 0; i < n; i++)
            if (!done[i] && (pick == n || (!all && badness(&a->source[i]) > badness(&a->source[pick]))))
                pick = i;
        int more = a->n_sources - drawn > 1 ? 4 : 0;
        if (drawn && source_width(a, c, &a->source[pick]) + more > end - col)
            break;
        done[pick] = true;
        col = draw_source(a, c, row, col, end, &a->source[pick]) + 2;
        drawn++;
    }
    if (drawn < a->n_sources)
        kt_canvas_printf(c, row, col, end - col, KT_STYLE(DIM), "+%zu", a->n_sources - drawn);
}

/* --- live, paused, done ------------------------------------------------- */

static struct kt_style mode_words(struct kt_app *a, char *out, size_t size)
{
    struct kt_summary s = kt_table_summary(a->table);
    char b[KT_FMT_TEXT];
    bool live = kt_app_live(a);
    if (s.paused) {
        snprintf(out, size, "PAUSED, %s%s new", kt_fmt_count(s.waiting, b), s.pause_uncertain ? " or more" : "");
        return KT_STYLE(WARN);
    }
    if (a->complete.reading) {
        uint64_t done = 0, total = 0;
        for (size_t i = 0; i < sources_kept(a); i++) {
            done += a->source[i].health.bytes_done;
            total += a->source[i].health.bytes_total;
        }
        struct kt_health h = {.bytes_done = done, .bytes_total = total};
        if (percent(&h) >= 0)
            snprintf(out, size, "READING %2d %%", percent(&h));
        else
            snprintf(out, size, "READING");
        return KT_STYLE(BRIGHT);
    }
    if (s.waiting && live)
        snprintf(out, size, "LIVE, %s above", kt_fmt_count(s.waiting, b));
    else
        snprintf(out, size, "%s", live ? "LIVE" : "DONE");
    return live ? KT_STYLE(OK) : KT_STYLE(DIM);
}

int kt_status_mode(struct kt_app *a, struct kt_canvas *c, int row)
{
    char words[80];
    struct kt_style s = mode_words(a, words, sizeof words);
    s.attr |= KT_ATTR_BOLD;
    int w = kt_canvas_text_width(c->ascii, words);
    int col = c->cols - w - 1;
    if (col < 0)
        col = 0;
    kt_canvas_text(c, row, col, w, s, words);
    return col;
}

static void completeness_words(const struct kt_app *a, bool brief, char *out, size_t size)
{
    char stamp[KT_FMT_TEXT], gaps[KT_FMT_TEXT], b[KT_FMT_TEXT];
    const char *to = kt_fmt_stamp(a->complete.complete_to, kt_app_now(a), stamp);
    gaps[0] = '\0';
    if (a->complete.gaps)
        snprintf(gaps, sizeof gaps, "%s", kt_fmt_plural(a->complete.gaps, "gap", "gaps", b));
    if (brief)
        snprintf(out, size, "%s", gaps);
    else if (a->complete.complete_to == KT_TIME_NONE)
        snprintf(out, size, "completeness not known%s%s", gaps[0] ? ", " : "", gaps);
    else
        snprintf(out, size, "complete to %s%s%s", to, gaps[0] ? ", " : "", gaps);
}

/* Files that are refused: loud, as a source's trouble is. */
static int draw_rules(struct kt_app *a, struct kt_canvas *c, int row, int col, int end)
{
    char words[80], b[KT_FMT_TEXT];
    const struct kt_rules_state *s = &a->rules_state;
    if (a->config_state.stale)
        snprintf(words, sizeof words, "▲ configuration: a broken edit, the old one holds");
    else if (s->stale)
        snprintf(words, sizeof words, "▲ rules: a broken edit, the old ones hold");
    else if (s->refused)
        snprintf(words, sizeof words, "▲ rules: %s refused", kt_fmt_plural(s->refused, "file", "files", b));
    else
        return col;
    return col + kt_canvas_text(c, row, col, end - col, KT_STYLE(WARN), words) + 2;
}

void kt_status_sources(struct kt_app *a, struct kt_canvas *c, int row)
{
    char words[120];
    int end = kt_status_mode(a, c, row) - 2;
    int col = 1 + kt_canvas_text(c, row, 1, end, (struct kt_style){KT_ROLE_TITLE, KT_ATTR_BOLD}, "keytop") + 2;
    /* how complete: whole where there is room for a source beside it, else the gaps alone */
    struct kt_style s = a->complete.gaps ? KT_STYLE(WARN) : KT_STYLE(DIM);
    for (int brief = 0; brief < 2; brief++) {
        completeness_words(a, brief, words, sizeof words);
        int w = kt_canvas_text_width(c->ascii, words);
        if (w == 0 || end - w < col + (brief ? 8 : 20))
            continue;
        kt_canvas_text(c, row, end - w, w, s, words);
        end -= w + 2;
        break;
    }
    draw_sources(a, c, row, draw_rules(a, c, row, col, end), end);
}

/* --- counts ------------------------------------------------------------- */

uint64_t kt_status_fresh(const struct kt_app *a)
{
    bool looked = a->has_looked && a->looked < a->seen;
    uint64_t from = looked ? a->looked : a->seen, asked = looked ? a->looked_asked : a->seen_asked;
    uint64_t n = a->last_seq > from ? a->last_seq - from : 0;
    asked = a->counts.asked > asked ? a->counts.asked - asked : 0;
    return n > asked ? n - asked : 0;
}

struct at {
    struct kt_canvas *c;
    int row, col, end;
};

static void say(struct at *p, struct kt_style s, const char *text)
{
    if (p->col < p->end)
        p->col += kt_canvas_text(p->c, p->row, p->col, p->end - p->col, s, text);
}

static void say_counts(struct kt_app *a, struct at *p, const struct kt_summary *s)
{
    char b[KT_FMT_TEXT];
    uint64_t fresh = kt_status_fresh(a);
    say(p, KT_STYLE(TEXT), s->known ? kt_fmt_plural(s->keys, "row", "rows", b) : "reading");
    say(p, KT_STYLE(TEXT), "  ");
    struct kt_style high = {(uint8_t)(s->high ? KT_ROLE_HIGH : KT_ROLE_DIM), s->high ? KT_ATTR_BOLD : 0};
    say(p, high, kt_fmt_count(s->high, b));
    say(p, high, " high  ");
    struct kt_style new = {(uint8_t)(fresh ? KT_ROLE_BRIGHT : KT_ROLE_DIM), 0};
    say(p, new, kt_fmt_count(fresh, b));
    say(p, new, " new  ");
    if (a->memory.trouble[0]) {
        char text[sizeof a->memory.trouble];
        snprintf(text, sizeof text, "%s", a->memory.trouble);
        say(p, KT_STYLE(BAD), "▲ ");
        struct kt_span t = kt_span_of(text); /* it may name a path */
        p->col += kt_canvas_data(p->c, p->row, p->col, p->end - p->col, KT_STYLE(BAD), t, KT_TEXT_FREE);
        say(p, KT_STYLE(BAD), "  ");
    }
    if (a->counts.malformed) {
        say(p, KT_STYLE(BAD), kt_fmt_count(a->counts.malformed, b));
        say(p, KT_STYLE(BAD), " malformed  ");
    }
    if (a->counts.suppressed) {
        say(p, KT_STYLE(DIM), kt_fmt_count(a->counts.suppressed, b));
        say(p, KT_STYLE(DIM), a->suppressed ? " filtered, shown  " : " filtered  ");
    }
    if (a->counts.dropped) {
        say(p, KT_STYLE(WARN), kt_fmt_count(a->counts.dropped, b));
        say(p, KT_STYLE(WARN), " no longer kept  ");
    }
}

/* The right end: "risk:>=50   5 of 37", or how many hits a search has. */
struct chosen {
    const char *before; /* our words */
    struct kt_span scope, text;
    char of[3 * KT_FMT_TEXT];
    int w_before, w_scope, gap, w_text, w_of;
};

static struct chosen chosen_of(struct kt_app *a, const struct kt_canvas *c, const struct kt_summary *s)
{
    struct chosen x = {.before = "", .scope = KT_SPAN_NONE};
    char n[KT_FMT_TEXT], m[KT_FMT_TEXT];
    struct kt_text_opts o = {.kind = KT_TEXT_FREE, .ascii = c->ascii};
    if (s->searching) {
        x.before = "search ";
        x.text = kt_app_needle(a);
        snprintf(x.of, sizeof x.of, "  %s", kt_fmt_plural(s->hits, "hit", "hits", n));
    } else {
        x.before = kt_span_known(s->scope) ? "only " : "";
        x.scope = s->scope;
        x.text = s->filter;
        snprintf(x.of, sizeof x.of, "  %s of %s", kt_fmt_count(s->shown, n), kt_fmt_count(s->of, m));
    }
    x.w_before = (int)strlen(x.before);
    x.w_scope = (int)kt_text_width(x.scope, &o, 40);
    x.w_text = (int)kt_text_width(x.text, &o, 200);
    x.gap = x.w_scope && x.w_text ? 2 : 0;
    x.w_of = (int)strlen(x.of);
    return x;
}

static void draw_chosen(struct kt_canvas *c, int row, int from, const struct chosen *x)
{
    int right = c->cols - 1 - x->w_of;
    if (right <= from)
        return;
    kt_canvas_text(c, row, right, x->w_of, KT_STYLE(TEXT), x->of);
    int col = right - (x->w_before + x->w_scope + x->gap + x->w_text);
    if (col < from) /* the words before are the first to go */
        col = from + (right - from > x->w_before + 6 ? 0 : -x->w_before);
    if (col >= from)
        kt_canvas_text(c, row, col, right - col, KT_STYLE(DIM), x->before);
    col += x->w_before;
    if (x->w_scope && col < right)
        kt_canvas_data(c, row, col, right - col < x->w_scope ? right - col : x->w_scope, KT_STYLE(BRIGHT), x->scope,
                       KT_TEXT_FREE);
    col += x->w_scope + x->gap;
    if (x->w_text && col < right)
        kt_canvas_data(c, row, col, right - col, KT_STYLE(BRIGHT), x->text, KT_TEXT_FREE);
}

void kt_status_counts(struct kt_app *a, struct kt_canvas *c, int row)
{
    struct kt_summary s = kt_table_summary(a->table);
    struct at p = {c, row, 1, c->cols - 1};
    bool some = s.filtered || s.searching;
    struct chosen x = chosen_of(a, c, &s);
    int need = some ? x.w_before + x.w_scope + x.gap + x.w_text + x.w_of : 0;
    int trouble = (int)strnlen(a->memory.trouble, 64), rule = a->opts.rule ? (int)strnlen(a->opts.rule, 24) + 7 : 0;
    /* the sparkline gives way to a filter or rule that needs its place */
    int spark = c->cols >= 120 && 48 + 44 + need + rule <= c->cols ? 48 : 24;
    if (c->cols >= 72 && !trouble && ((!some && !rule) || spark + 44 + need + rule <= c->cols)) {
        static const uint32_t none[48];
        say(&p, KT_STYLE(DIM), "24h ");
        kt_spark_draw(c, row, p.col, spark, s.buckets ? s.bucket : none, s.buckets ? s.buckets : 48);
        p.col += spark + 2;
    }
    say_counts(a, &p, &s);
    if (rule && p.col + 14 + need < p.end) {
        say(&p, KT_STYLE(DIM), "rule ");
        p.col += kt_canvas_data(c, row, p.col, p.end - p.col - need - 1, KT_STYLE(BRIGHT), kt_span_of(a->opts.rule),
                                KT_TEXT_FREE) + 2;
    }
    if (some)
        draw_chosen(c, row, p.col + 1, &x);
    else if (c->cols - p.col >= 10)
        kt_canvas_text(c, row, c->cols - 10, 9, KT_STYLE(DIM), "no filter");
}

void kt_status_line(struct kt_app *a, struct kt_canvas *c, int row)
{
    struct kt_summary s = kt_table_summary(a->table);
    char b[KT_FMT_TEXT];
    struct at p = {c, row, c->cols > 12 ? 1 : 0, c->cols};
    struct kt_style high = {(uint8_t)(s.high ? KT_ROLE_HIGH : KT_ROLE_DIM), s.high ? KT_ATTR_BOLD : 0};
    say(&p, high, kt_fmt_count(s.high, b));
    say(&p, high, " high");
    if (c->cols < 16)
        return;
    int end = c->cols >= 30 ? kt_status_mode(a, c, row) : c->cols;
    p.end = end - 1;
    char words[KT_FMT_TEXT + 4];
    snprintf(words, sizeof words, "  %s", kt_fmt_plural(s.keys, "row", "rows", b));
    if (p.col + (int)strlen(words) <= p.end)
        say(&p, KT_STYLE(TEXT), words);
    if (a->memory.trouble[0] && p.col + 12 <= p.end)
        say(&p, KT_STYLE(BAD), "  ▲ memory");
    int bad = 0;
    for (size_t i = 0; i < sources_kept(a); i++)
        bad += badness(&a->source[i]) >= 3;
    snprintf(words, sizeof words, "  %d of %zu sources", bad, a->n_sources);
    if (bad && p.col + (int)strlen(words) <= p.end)
        say(&p, KT_STYLE(WARN), words);
}
