#include "tui/export.h"

#include "exporting.h"
#include "tui/format.h"

#include <stdio.h>
#include <stdlib.h>

enum { SHOWN = 90 }; /* bytes of a path in a sentence */

static const char label[] = "export", label_again[] = "it is there: replace it? yes";

/* A person's text in a sentence of ours: safe, and not too long. */
static const char *plain(const char *text, char out[SHOWN])
{
    struct kt_buf b;
    kt_buf_init(&b, 8 * KT_EXPORT_PATH);
    (void)kt_text_plain(&b, kt_span_of(text), KT_TEXT_IDENTITY, true);
    size_t n = b.len < SHOWN ? b.len : 0, from = b.len - n;
    if (b.len >= SHOWN) { /* a path's end says more than its start */
        n = SHOWN - 4;
        from = b.len - n;
    }
    (void)snprintf(out, SHOWN, "%s%s", from ? "..." : "", kt_buf_str(&b) + from);
    kt_buf_free(&b);
    return out;
}

/* --- which rows ---------------------------------------------------------- */

struct choice {
    const uint64_t *seq;
    size_t n;
    const char *words;
};

static struct choice chosen(const struct kt_app *a)
{
    struct choice c = {a->marks.seq, a->marks.n, "marked by hand"};
    if (c.n)
        return c;
    for (struct kt_screen *s = a->top; s; s = s->below) {
        if (!s->ops->rows)
            continue;
        c.seq = s->ops->rows(s, &c.n);
        c.words = s == a->table ? "those that the table showed" : "those of the page that was open";
        return c;
    }
    return (struct choice){0};
}

/* --- the prompt ---------------------------------------------------------- */

/* "report incident.md": the first word and the rest. False, with an error and
 * its place in the prompt, where it is not that. */
static bool read_text(struct kt_prompt *p, enum kt_export_format *format, const char **path)
{
    size_t n = strcspn(p->text, " ");
    p->error[0] = '\0';
    p->error_at = 0;
    *format = kt_export_format_find((struct kt_span){p->text, n});
    *path = p->text + n + strspn(p->text + n, " ");
    if (*format == KT_EXPORT_FORMATS)
        (void)snprintf(p->error, sizeof p->error, "first a format: report, table, csv, jsonl, ocsf, ecs or splunk");
    else if (!**path)
        (void)snprintf(p->error, sizeof p->error, "and then the file to write, as in: %s incident.%s",
                       kt_export_format_name(*format), kt_export_ending(*format));
    if (p->error[0] && *format != KT_EXPORT_FORMATS)
        p->error_at = p->len;
    return !p->error[0];
}

unsigned kt_export_command(struct kt_app *a)
{
    char text[KT_PROMPT_MAX];
    struct choice c = chosen(a);
    if (a->export.job) {
        kt_export_cancel(a->export.job);
        return kt_app_hint(a, "stopping the export");
    }
    if (a->opts.read_only)
        return kt_app_hint(a, "nothing is written: --read-only");
    if (!c.n)
        return kt_app_hint(a, "no rows to export");
    if (kt_app_argument(a)) {
        (void)kt_app_prompt(a, a->top, label, kt_app_argument(a));
        return kt_export_prompted(a, KT_PROMPT_ACCEPTED);
    }
    struct kt_civil t = kt_civil_of(kt_app_now(a));
    (void)snprintf(text, sizeof text, "report keytop-%04d%02d%02d-%02d%02d%02d.md", t.year, t.month, t.day, t.hour, t.minute,
                   t.second);
    return kt_app_prompt(a, a->top, label, text);
}

bool kt_export_prompting(const struct kt_app *a)
{
    return a->prompt.label == label || a->prompt.label == label_again;
}

/* The columns that were chosen on the screen, by the names of their fields; false:
 * none were, and those of the configuration hold. */
static bool shown_columns(const struct kt_app *a, struct kt_buf *b)
{
    struct kt_setup l;
    kt_table_setup(a->table, &l);
    for (int i = 0; i < l.columns.n; i++)
        kt_buf_addf(b, "%s%s", i ? "," : "", kt_field_name(kt_column_field(l.columns.at[i].column)));
    return l.columns.n > 0 && !b->failed;
}

static unsigned start(struct kt_app *a, enum kt_export_format format, const char *path, bool replace)
{
    char text[SHOWN];
    struct kt_err e = {0};
    struct choice c = chosen(a);
    struct kt_summary table = kt_table_summary(a->table);
    char filter[KT_PROMPT_MAX] = "";
    struct kt_buf columns;
    kt_buf_init(&columns, 4096);
    if (kt_span_known(table.filter) && table.filter.n < sizeof filter)
        memcpy(filter, table.filter.p, table.filter.n);
    struct kt_export_opts o = {.engine = a->engine, .format = format, .path = path, .replace = replace,
                               .seq = c.seq, .n = c.n, .chosen = c.words,
                               .columns = shown_columns(a, &columns) ? kt_buf_str(&columns) : a->opts.columns,
                               .kinds = a->opts.kinds, .ascii = a->opts.ascii, .profile = a->opts.profile,
                               .filter = filter[0] ? filter : NULL, .now = kt_app_now(a)};
    enum kt_code rc = kt_export_start(&a->export.job, &o, &e);
    kt_buf_free(&columns);
    if (rc != KT_OK)
        return kt_app_hint(a, "not written: %s", plain(e.text, text));
    return kt_app_hint(a, "writing %s", plain(path, text));
}

static unsigned answered(struct kt_app *a)
{
    if (strcmp(a->prompt.text, "yes") != 0 && strcmp(a->prompt.text, "y") != 0)
        return kt_app_hint(a, "nothing was written");
    return start(a, a->export.format, a->export.path, true);
}

/* The prompt is closed by who called, after this; the question comes then. */
static unsigned accepted(struct kt_app *a)
{
    const char *path;
    if (!read_text(&a->prompt, &a->export.format, &path))
        return KT_APP_REDRAW;
    (void)snprintf(a->export.path, sizeof a->export.path, "%s", path);
    a->export.ask = kt_export_is_there(a->export.path);
    if (a->export.ask)
        return KT_APP_REDRAW;
    return start(a, a->export.format, a->export.path, false);
}

unsigned kt_export_prompted(struct kt_app *a, enum kt_prompt_event e)
{
    const char *path;
    bool again = a->prompt.label == label_again;
    if (e == KT_PROMPT_CHANGED && !again)
        (void)read_text(&a->prompt, &a->export.format, &path);
    if (e != KT_PROMPT_ACCEPTED && e != KT_PROMPT_CANCELLED)
        return KT_APP_REDRAW;
    a->export.ask = false;
    unsigned did = e == KT_PROMPT_CANCELLED ? KT_APP_REDRAW : again ? answered(a) : accepted(a);
    if (a->prompt.error[0] && e == KT_PROMPT_ACCEPTED)
        return did; /* the error stands there; the text can be mended */
    struct kt_screen *of = a->prompt_of;
    kt_prompt_close(&a->prompt);
    a->prompt_of = NULL;
    return a->export.ask ? kt_app_prompt(a, of, label_again, "") : did;
}

/* --- how far it is -------------------------------------------------------- */

static unsigned ended(struct kt_app *a, const struct kt_export_state *s)
{
    char text[SHOWN], rows[KT_FMT_TEXT], gone[64] = "";
    if (s->cancelled)
        return kt_app_hint(a, "stopped: nothing was written");
    if (s->failed)
        return kt_app_hint(a, "NOT written: %s", plain(s->sentence, text));
    if (s->gone)
        (void)snprintf(gone, sizeof gone, ", %zu no longer kept", s->gone);
    return kt_app_hint(a, "written: %s%s, %s", kt_fmt_plural(s->total, "row", "rows", rows), gone, plain(s->path, text));
}

unsigned kt_export_news(struct kt_app *a)
{
    char text[SHOWN], done[KT_FMT_TEXT], total[KT_FMT_TEXT];
    struct kt_export_state s;
    if (!a->export.job)
        return 0;
    kt_export_look(a->export.job, &s);
    if (s.running) {
        if (s.done == a->export.told || a->prompt.label)
            return 0;
        a->export.told = s.done;
        return kt_app_hint(a, "writing %s: %s of %s rows; e stops it", plain(s.path, text), kt_fmt_count(s.done, done),
                           kt_fmt_count(s.total, total));
    }
    kt_export_free(a->export.job);
    a->export.job = NULL;
    a->export.told = 0;
    return ended(a, &s);
}
