/* The sources one by one, and what of them was not read. */
#include "tui/format.h"
#include "tui/help.h"
#include "tui/status.h"

#include <inttypes.h>
#include <stdio.h>

enum { TROUBLES_SHOWN = 200 };

static void dim(struct kt_page *p, const char *words)
{
    kt_page_add(p, (struct kt_page_line){.kind = KT_PAGE_WORDS, .left = words, .indent = 2, .style = KT_STYLE(DIM)});
}

/* 37 rows, the last 09:12:04, 14m after it happened */
static void what_came(struct kt_page *p, const struct kt_source_state *s)
{
    const struct kt_health *h = &s->health;
    char b[KT_FMT_TEXT];
    bool late = s->lag != KT_TIME_NONE && s->lag >= 60000; /* what is a second old is no news */
    const char *did = kt_page_fmt(p, "%s", kt_fmt_plural(s->rows, "row", "rows", b));
    if (h->files_total)
        did = kt_page_fmt(p, "%s, %" PRIu64 " of %" PRIu64 " files", did, h->files_done, h->files_total);
    if (h->bytes_total)
        did = kt_page_fmt(p, "%s, %s bytes", did, kt_fmt_count(h->bytes_done, b));
    if (h->last_poll > 0 && !h->pushed && s->last_event != KT_TIME_NONE)
        did = kt_page_fmt(p, "%s, the last came %s", did, kt_fmt_when(s->last_event, kt_app_now(p->s.app), 8, b));
    if (late)
        did = kt_page_fmt(p, "%s, %s%s after it happened", did, h->last_poll > 0 && !h->pushed ? "" : "the newest came ",
                          kt_fmt_age(s->lag, b, NULL));
    if (h->gaps)
        did = kt_page_fmt(p, "%s, %s", did, kt_fmt_plural(h->gaps, "gap", "gaps", b));
    dim(p, did);
}

/* asked last 09:12:04, complete to 08:57:04Z, throttled 2 times, keys until 10:00:00 */
static void how_it_is_asked(struct kt_page *p, const struct kt_health *h)
{
    int64_t now = kt_app_now(p->s.app);
    char b[KT_FMT_TEXT];
    const char *did = kt_page_fmt(p, "last asked %s", kt_fmt_when(h->last_poll, now, 8, b));
    if (h->complete_to > 0)
        did = kt_page_fmt(p, "%s, complete to %s", did, kt_fmt_stamp(h->complete_to, now, b));
    if (h->throttled)
        did = kt_page_fmt(p, "%s, throttled %s", did, kt_fmt_plural(h->throttled, "time", "times", b));
    if (h->credentials_until)
        did = kt_page_fmt(p, "%s, credentials until %s", did, kt_fmt_when(h->credentials_until, now, 8, b));
    dim(p, did);
}

static void source(struct kt_page *p, const struct kt_source_state *s)
{
    struct kt_app *a = p->s.app;
    char words[120];
    struct kt_style style = {(uint8_t)kt_status_role(s), KT_ATTR_BOLD};
    struct kt_span name = kt_arena_span(p->arena, kt_span_of(s->name));
    struct kt_span address = kt_arena_span(p->arena, kt_span_of(s->address));
    if (s->health.state == KT_HEALTH_DONE)
        snprintf(words, sizeof words, "read");
    else
        kt_status_words(a, s, false, words, sizeof words);
    kt_page_add(p, (struct kt_page_line){.kind = KT_PAGE_DATA, .left = kt_page_fmt(p, "%s ", kt_status_glyph(s)),
                                         .data = name, .style = style});
    kt_page_add(p, (struct kt_page_line){.kind = KT_PAGE_DATA, .left = kt_page_fmt(p, "%s  ", words),
                                         .data = address, .indent = 2, .style = KT_STYLE(DIM)});
    const struct kt_health *h = &s->health;
    what_came(p, s);
    if (h->state != KT_HEALTH_DONE && h->last_poll > 0 && !h->pushed)
        how_it_is_asked(p, h);
    if (s->fills[0])
        dim(p, kt_page_fmt(p, "%s", s->fills));
    if (h->note[0])
        kt_page_add(p, (struct kt_page_line){.kind = KT_PAGE_DATA, .left = "", .indent = 2, .style = KT_STYLE(WARN),
                                             .data = kt_arena_span(p->arena, kt_span_of(h->note))});
}

static void head(struct kt_page *p, const char *text)
{
    if (p->n)
        kt_page_add(p, (struct kt_page_line){.kind = KT_PAGE_BLANK});
    kt_page_add(p, (struct kt_page_line){.kind = KT_PAGE_HEAD, .left = text});
}

static void count(struct kt_page *p, uint64_t n, const char *one, const char *many, bool bad)
{
    char b[KT_FMT_TEXT];
    const char *words = kt_page_fmt(p, "%s", kt_fmt_plural(n, one, many, b));
    kt_page_add(p, (struct kt_page_line){.kind = KT_PAGE_WORDS, .left = words,
                                         .style = bad && n ? KT_STYLE(WARN) : KT_STYLE(TEXT)});
}

static void counts(struct kt_page *p)
{
    const struct kt_counts *c = &p->s.app->counts;
    head(p, "WHAT WAS READ");
    count(p, c->records, "record seen", "records seen", false);
    count(p, c->received, "record of interest received; of these:", "records of interest received; of these:", false);
    count(p, c->shown, "shown", "shown", false);
    if (c->asked)
        count(p, c->asked, "of these in panes alone: asked for with h", "of these in panes alone: asked for with h", false);
    static const char outside[] = "outside --filter, --since, --until or --rule";
    count(p, c->filtered - c->suppressed, outside, outside, false);
    if (c->suppressed)
        count(p, c->suppressed, "kept out by a Sigma filter (F shows it)", "kept out by Sigma filters (F shows them)", false);
    count(p, c->duplicate, "duplicate", "duplicates", false);
    count(p, c->malformed, "malformed", "malformed", true);
    static const char conflict[] = "in conflict with another of the same eventID";
    count(p, c->conflicts, conflict, conflict, true);
    count(p, c->dropped, "row no longer kept", "rows no longer kept", true);
    count(p, c->gaps, "gap where events may be missing", "gaps where events may be missing", true);
}

static void rules(struct kt_page *p)
{
    const struct kt_rules_state *s = &p->s.app->rules_state;
    char b[KT_FMT_TEXT];
    head(p, "RULES");
    count(p, s->rules, "rule", "rules", false);
    count(p, s->correlations, "correlation", "correlations", false);
    count(p, s->filters, "filter", "filters", false);
    if (s->loads > 1)
        kt_page_add(p, (struct kt_page_line){
                           .kind = KT_PAGE_WORDS, .style = KT_STYLE(DIM),
                           .left = kt_page_fmt(p, "loaded anew %s", kt_fmt_when(s->at, kt_app_now(p->s.app), 10, b))});
    if (s->refused)
        count(p, s->refused, "file refused, told below", "files refused, told below", true);
    if (s->stale)
        kt_page_add(p, (struct kt_page_line){.kind = KT_PAGE_DATA, .left = "a broken edit, so that these hold: ",
                                             .data = kt_arena_span(p->arena, kt_span_of(s->note)), .style = KT_STYLE(WARN)});
}

/* Only where it has changed since the start. */
static void configuration(struct kt_page *p)
{
    const struct kt_config_state *s = &p->s.app->config_state;
    char b[KT_FMT_TEXT];
    if (!s->loads && !s->stale)
        return;
    head(p, "CONFIGURATION");
    if (s->loads)
        kt_page_add(p, (struct kt_page_line){
                           .kind = KT_PAGE_WORDS, .style = KT_STYLE(DIM),
                           .left = kt_page_fmt(p, "loaded anew %s", kt_fmt_when(s->at, kt_app_now(p->s.app), 10, b))});
    if (s->stale)
        kt_page_add(p, (struct kt_page_line){.kind = KT_PAGE_DATA, .left = "a broken edit, so that the one before holds: ",
                                             .data = kt_arena_span(p->arena, kt_span_of(s->note)), .style = KT_STYLE(WARN)});
}

static void ledger(struct kt_page *p)
{
    const struct kt_counts *c = &p->s.app->counts;
    head(p, "THE LIVES OF KEYS");
    count(p, c->keys, "key", "keys", false);
    count(p, c->facts, "fact of its life", "facts of their lives", false);
    count(p, c->facts_duplicate, "fact again", "facts again", false);
    if (c->facts_lost)
        count(p, c->facts_lost, "fact lost: memory ran out", "facts lost: memory ran out", true);
    if (c->keys_dropped)
        count(p, c->keys_dropped, "key dropped, longest without news", "keys dropped, longest without news", true);
}

static void memory(struct kt_page *p)
{
    struct kt_app *a = p->s.app;
    const struct kt_state_stats *m = &a->memory;
    if (!a->state)
        return;
    kt_state_get_stats(a->state, &a->memory);
    head(p, "WHAT IS REMEMBERED");
    kt_page_add(p, (struct kt_page_line){.kind = KT_PAGE_DATA, .left = "", .style = KT_STYLE(TEXT),
                                         .data = kt_arena_span(p->arena, m->file ? kt_span_of(m->path)
                                                                                 : KT_LIT("nothing on disk"))});
    if (m->trouble[0])
        kt_page_add(p, (struct kt_page_line){.kind = KT_PAGE_DATA, .left = "▲ ", .style = KT_STYLE(BAD),
                                             .data = kt_arena_span(p->arena, kt_span_of(m->trouble))});
    count(p, m->triage, "act of triage", "acts of triage", false);
    if (m->refused)
        count(p, m->refused, "act refused", "acts refused", true);
    if (!m->file)
        return;
    count(p, m->unstored, "of them in triage.log alone", "of them in triage.log alone", false);
    count(p, m->rows, "row", "rows", false);
    count(p, m->bytes, "byte", "bytes", false);
    count(p, m->waiting, "row waits to be written", "rows wait to be written", false);
    count(p, m->deleted_age, "row deleted for its age", "rows deleted for their age", false);
    count(p, m->deleted_size, "row deleted for the size of the file", "rows deleted for the size of the file", false);
    if (m->deleted_lives)
        count(p, m->deleted_lives, "life of a key deleted", "lives of keys deleted", false);
    if (m->deleted_traces)
        count(p, m->deleted_traces, "trace of who was seen where deleted", "traces of who was seen where deleted", false);
    count(p, m->missed, "row gone before it was written", "rows gone before they were written", true);
    count(p, m->damaged, "line or row that could not be read", "lines or rows that could not be read", true);
    if (m->set_aside)
        kt_page_add(p, (struct kt_page_line){.kind = KT_PAGE_DATA, .left = "damaged, set aside as ",
                                             .style = KT_STYLE(WARN),
                                             .data = kt_arena_span(p->arena, kt_span_of(m->aside))});
}

static void alerts(struct kt_page *p)
{
    const struct kt_alerts *k = &p->s.app->alerts;
    if (!p->s.app->opts.alerts.hook)
        return;
    head(p, "ALERTS");
    count(p, k->told, "event given to the hook", "events given to the hook", false);
    count(p, k->failed, "time it failed", "times it failed", true);
    count(p, k->dropped, "event not given to it", "events not given to it", true);
    if (k->trouble[0])
        kt_page_add(p, (struct kt_page_line){.kind = KT_PAGE_WORDS, .style = KT_STYLE(WARN),
                                             .left = kt_page_fmt(p, "the last trouble: %s", k->trouble)});
}

static void troubles(struct kt_page *p)
{
    struct kt_trouble *t = kt_arena_alloc(p->arena, TROUBLES_SHOWN * sizeof *t);
    size_t n = t ? kt_engine_troubles(p->s.app->engine, t, TROUBLES_SHOWN) : 0;
    char b[KT_FMT_TEXT];
    head(p, "TROUBLES");
    for (size_t i = 0; i < n; i++) {
        const char *when = kt_page_fmt(p, "%s  ", kt_fmt_when(t[i].at, kt_app_now(p->s.app), 10, b));
        kt_page_add(p, (struct kt_page_line){.kind = KT_PAGE_DATA, .left = when, .data = kt_span_of(t[i].place),
                                             .style = KT_STYLE(WARN)});
        kt_page_add(p, (struct kt_page_line){.kind = KT_PAGE_DATA, .data = kt_span_of(t[i].sentence), .indent = 2,
                                             .style = KT_STYLE(TEXT)});
    }
    if (n == 0)
        kt_page_add(p, (struct kt_page_line){.kind = KT_PAGE_WORDS, .left = "none", .style = KT_STYLE(DIM)});
}

static void fill(struct kt_page *p)
{
    struct kt_app *a = p->s.app;
    head(p, "SOURCES");
    size_t kept = a->n_sources < KT_SOURCES_SHOWN ? a->n_sources : KT_SOURCES_SHOWN;
    for (size_t i = 0; i < kept; i++)
        source(p, &a->source[i]);
    if (kept < a->n_sources)
        kt_page_add(p, (struct kt_page_line){.kind = KT_PAGE_WORDS, .style = KT_STYLE(DIM),
                                             .left = kt_page_fmt(p, "and %zu more", a->n_sources - kept)});
    alerts(p);
    configuration(p);
    counts(p);
    rules(p);
    ledger(p);
    memory(p);
    troubles(p);
}

struct kt_screen *kt_screen_sources(struct kt_app *a)
{
    return kt_page_new(a, "sources", fill, 0);
}
