#include "tui/alerts.h"

#include "output/output.h"
#include "tui/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLASH_MS = 1500, TOLD_AT_ONCE = 256, AT_ONCE = 512 };

struct kt_alerts_opts kt_alerts_configured(const struct kt_config *c)
{
    struct kt_alerts_opts o = {.every_s = c->alerts.every_s ? c->alerts.every_s : KT_ALERT_EVERY_S};
    for (int l = 0; l < KT_ALERT_LEVELS; l++)
        o.actions[l] = c->alerts.given[l] ? c->alerts.actions[l] : l >= KT_LEVEL_HIGH ? KT_ALERT_FLASH : 0;
    return o;
}

/* --- what rings --------------------------------------------------------------- */

static struct kt_view_spec spec_of(const struct kt_alerts *k, int level)
{
    return (struct kt_view_spec){.filter = k->watch[level].filter, .sort = KT_FIELD_TIME, .from = KT_TIME_NONE,
                                 .to = KT_TIME_NONE};
}

static bool watch(struct kt_app *a, int level)
{
    struct kt_alerts *k = &a->alerts;
    char text[64];
    struct kt_err e;
    (void)snprintf(text, sizeof text, "level:>=%s -state:ack", kt_level_name((enum kt_level)level));
    if (kt_filter_parse(&k->watch[level].filter, kt_span_of(text), kt_app_now(a), NULL, &e) != KT_OK)
        return false;
    struct kt_view_spec spec = spec_of(k, level);
    k->watch[level].view = kt_view_open(a->views, &spec);
    return k->watch[level].view != NULL;
}

/* A view for each level at which another thing happens than below it. */
static void start(struct kt_app *a)
{
    struct kt_alerts *k = &a->alerts;
    unsigned below = 0, any = 0;
    k->started = true;
    k->from = a->at_start;
    for (int l = 0; l < KT_ALERT_LEVELS; l++)
        any |= a->opts.alerts.actions[l];
    if (!any || !(k->rung = calloc(KT_ALERT_WINDOW, 1)))
        return;
    for (int l = 0; l < KT_ALERT_LEVELS; l++) {
        if (a->opts.alerts.actions[l] != below && !watch(a, l))
            (void)kt_app_hint(a, "out of memory: alerts are not complete");
        below = a->opts.alerts.actions[l];
    }
}

void kt_alerts_free(struct kt_app *a)
{
    struct kt_alerts *k = &a->alerts;
    for (int l = 0; l < KT_ALERT_LEVELS; l++) {
        if (k->watch[l].view)
            kt_view_close(k->watch[l].view);
        if (k->watch[l].seen)
            kt_snapshot_release(k->watch[l].seen);
        kt_filter_free(k->watch[l].filter);
    }
    free(k->rung);
}

/* Places for newer rows take those of the oldest. */
static void advance(struct kt_alerts *k, uint64_t last)
{
    if (last > k->last + KT_ALERT_WINDOW)
        k->last = last - KT_ALERT_WINDOW;
    while (k->last < last)
        k->rung[++k->last % KT_ALERT_WINDOW] = 0;
}

/* Of a row so old that it has no place nothing is told any more. */
static bool has_rung(const struct kt_alerts *k, uint64_t seq, int level)
{
    return seq > k->last || seq + KT_ALERT_WINDOW <= k->last || k->rung[seq % KT_ALERT_WINDOW] > level;
}

/* --- what is done ---------------------------------------------------------------- */

static void tell_hook(struct kt_app *a, const struct kt_row *r)
{
    struct kt_alerts *k = &a->alerts;
    struct kt_buf b;
    kt_buf_init(&b, 1 << 20);
    enum kt_hook_told told = kt_jsonl_row(&b, r) && kt_buf_addc(&b, '\n')
                                 ? kt_hook_tell(a->opts.alerts.hook, kt_buf_span(&b)) : KT_HOOK_TOO_LARGE;
    kt_buf_free(&b);
    if (told == KT_HOOK_TAKEN) {
        k->told++;
        return;
    }
    k->dropped++;
    (void)snprintf(k->trouble, sizeof k->trouble, "%s",
                   told == KT_HOOK_FULL        ? "too many events at once: some were not given to it"
                   : told == KT_HOOK_TOO_LARGE ? "an event was too large for it"
                                               : "its process has ended");
    (void)kt_app_hint(a, "the alert hook: %s", k->trouble);
}

static void ring(struct kt_app *a, const struct kt_row *r)
{
    struct kt_alerts *k = &a->alerts;
    int level = (int)r->verdict.level;
    unsigned actions = a->opts.alerts.actions[level];
    if (!actions || r->triage.acked)
        return;
    k->pending |= actions & (KT_ALERT_BELL | KT_ALERT_FLASH | KT_ALERT_NOTIFY);
    k->pending_rows++;
    k->gravest = level > k->gravest ? level : k->gravest;
    k->unseen += (actions & KT_ALERT_TITLE) != 0;
    if (actions & KT_ALERT_HOOK && a->opts.alerts.hook)
        tell_hook(a, r);
}

/* How many rows both begin with, and, beyond those, end with. Most are the same
 * from one snapshot to the next, and were looked at. */
static void alike(const struct kt_snapshot *s, const struct kt_snapshot *was, size_t *begin, size_t *end)
{
    size_t most = !was ? 0 : s->n < was->n ? s->n : was->n, b = 0, e = 0;
    while (e + AT_ONCE <= most && memcmp(s->seq + s->n - e - AT_ONCE, was->seq + was->n - e - AT_ONCE, AT_ONCE * sizeof *s->seq) == 0)
        e += AT_ONCE;
    while (e < most && s->seq[s->n - e - 1] == was->seq[was->n - e - 1])
        e++;
    while (b + e < most && s->seq[b] == was->seq[b])
        b++;
    *begin = b;
    *end = e;
}

static void look(struct kt_app *a, int level, const struct kt_snapshot *s)
{
    struct kt_alerts *k = &a->alerts;
    size_t begin, end;
    int told = 0;
    alike(s, k->watch[level].seen, &begin, &end);
    for (size_t i = s->n - end; i-- > begin;) { /* the earliest first */
        struct kt_row r;
        uint64_t seq = s->seq[i];
        if (has_rung(k, seq, level))
            continue;
        bool was_there = seq <= k->from && !k->watch[level].seen; /* and was as grave then */
        k->rung[seq % KT_ALERT_WINDOW] = (uint8_t)(level + 1);
        if (was_there)
            continue;
        if (++told > TOLD_AT_ONCE || !kt_app_row(a, seq, &r)) {
            k->pending_rows++;
            continue;
        }
        k->rung[seq % KT_ALERT_WINDOW] = (uint8_t)(r.verdict.level + 1);
        ring(a, &r);
    }
}

static unsigned set_title(struct kt_app *a)
{
    struct kt_alerts *k = &a->alerts;
    char text[sizeof k->title] = "keytop";
    if (k->unseen)
        (void)snprintf(text, sizeof text, "(%llu) keytop", (unsigned long long)k->unseen);
    if (strcmp(text, k->title) == 0 || (!k->unseen && !k->title[0]))
        return 0;
    memcpy(k->title, text, sizeof text);
    return KT_APP_TITLE;
}

/* Now, unless the last time was just before. */
static unsigned fire(struct kt_app *a)
{
    struct kt_alerts *k = &a->alerts;
    int64_t now = kt_mono_ms();
    unsigned did = 0;
    if (!k->pending || now < k->due)
        return 0;
    if (k->pending & KT_ALERT_BELL)
        did |= KT_APP_BELL;
    if (k->pending & KT_ALERT_FLASH) {
        k->flash_until = now + FLASH_MS;
        did |= KT_APP_REDRAW;
    }
    if (k->pending & KT_ALERT_NOTIFY) { /* nothing that comes of a record */
        (void)snprintf(k->notice, sizeof k->notice, "%llu new %s, the gravest %s", (unsigned long long)k->pending_rows,
                       k->pending_rows == 1 ? "row" : "rows", kt_level_name((enum kt_level)k->gravest));
        did |= KT_APP_NOTIFY;
    }
    k->pending = 0;
    k->pending_rows = 0;
    k->gravest = 0;
    k->due = now + (int64_t)a->opts.alerts.every_s * 1000;
    return did;
}

static unsigned hook_news(struct kt_app *a)
{
    struct kt_alerts *k = &a->alerts;
    struct kt_hook_result r;
    unsigned did = 0;
    while (a->opts.alerts.hook && kt_hook_next(a->opts.alerts.hook, &r)) {
        char words[sizeof k->trouble];
        kt_hook_words(&r, words, sizeof words);
        if (!words[0])
            continue;
        k->failed++;
        memcpy(k->trouble, words, sizeof words);
        did |= kt_app_hint(a, "the alert hook failed: %s", words);
    }
    return did;
}

unsigned kt_alerts_news(struct kt_app *a)
{
    struct kt_alerts *k = &a->alerts;
    unsigned did = hook_news(a);
    if (!k->started && !a->caught_up)
        return did;
    if (!k->started)
        start(a);
    for (int l = KT_ALERT_LEVELS - 1; k->rung && l >= 0; l--) { /* the gravest first: it rings once */
        const struct kt_snapshot *s = k->watch[l].view ? kt_view_snapshot(k->watch[l].view) : NULL;
        if (!s || s == k->watch[l].seen || (!k->watch[l].seen && s->last_seq < k->from)) {
            if (s)
                kt_snapshot_release(s);
            continue;
        }
        advance(k, s->last_seq);
        look(a, l, s);
        if (k->watch[l].seen)
            kt_snapshot_release(k->watch[l].seen);
        k->watch[l].seen = s;
    }
    return did | set_title(a) | fire(a);
}

unsigned kt_alerts_key(struct kt_app *a)
{
    struct kt_alerts *k = &a->alerts;
    unsigned did = k->flash_until ? KT_APP_REDRAW : 0;
    k->flash_until = 0;
    k->unseen = 0;
    return did | set_title(a);
}

int64_t kt_alerts_next(const struct kt_app *a)
{
    const struct kt_alerts *k = &a->alerts;
    int64_t now = kt_mono_ms(), due = k->pending ? k->due : 0;
    if (k->flash_until && (!due || k->flash_until < due))
        due = k->flash_until;
    return !due ? 0 : due > now ? due - now : 1;
}

unsigned kt_alerts_tick(struct kt_app *a)
{
    struct kt_alerts *k = &a->alerts;
    unsigned did = fire(a);
    if (k->flash_until && k->flash_until <= kt_mono_ms()) {
        k->flash_until = 0;
        did |= KT_APP_REDRAW;
    }
    return did;
}

bool kt_alerts_flashing(const struct kt_app *a)
{
    return a->alerts.flash_until > kt_mono_ms();
}
