#include "ruleset.h"

#include "base/buf.h"
#include "watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kt_ruleset {
    struct kt_ruleset_opts opts;
    bool follow;
    struct kt_rules *rules;
    struct kt_rules_report report; /* of the last load */
    struct kt_rules_report sound;  /* of the set in force, where the last load is not */
    bool stale;
    struct kt_watch *watch; /* NULL: nothing is watched */
    int only;               /* index of the one rule that is asked for, or -1 */
    int *matched;           /* room for all rules */
    size_t n_matched;
};

/* --- lists ------------------------------------------------------------------- */

struct values {
    const char **p;
    size_t n, cap;
};

/* Cuts the text into lines in place. */
static enum kt_code read_lines(const char *path, char *text, struct values *v, struct kt_err *e)
{
    for (char *line = text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        line += strspn(line, " \t\r");
        size_t n = strlen(line);
        while (n && strchr(" \t\r", line[n - 1]))
            line[--n] = '\0';
        if (!n || *line == '#')
            continue;
        if (!kt_grow(&v->p, &v->cap, v->n + 1, sizeof *v->p, KT_LIST_VALUES_MAX))
            return kt_fail(e, KT_ELIMIT, "%s: more than %d values", path, KT_LIST_VALUES_MAX);
        v->p[v->n++] = line;
    }
    return KT_OK;
}

static enum kt_code read_text(const char *path, struct kt_buf *b, struct kt_err *e)
{
    char room[16 << 10];
    size_t got;
    FILE *f = fopen(path, "re");
    if (!f)
        return kt_fail(e, errno == ENOENT ? KT_ENOTFOUND : KT_EIO, "%s: %s", path, strerror(errno));
    while ((got = fread(room, 1, sizeof room, f)) > 0)
        (void)kt_buf_add(b, room, got);
    bool bad = ferror(f) != 0;
    int why = errno;
    bool shut = fclose(f) == 0;
    if (bad || !shut)
        return kt_fail(e, KT_EIO, "%s: %s", path, strerror(why));
    if (b->failed)
        return kt_fail(e, KT_ELIMIT, "%s: a list has at most %d bytes", path, KT_LIST_FILE_MAX);
    if (b->len && memchr(b->p, '\0', b->len))
        return kt_fail(e, KT_EFORMAT, "%s: not a text", path);
    return KT_OK;
}

static enum kt_code set_placeholder(struct kt_rules *s, const struct kt_placeholder *p, struct kt_err *e)
{
    struct values v = {NULL, 0, 0};
    struct kt_buf text;
    enum kt_code c = KT_OK;
    kt_buf_init(&text, KT_LIST_FILE_MAX);
    if (!kt_grow(&v.p, &v.cap, p->n + 1, sizeof *v.p, KT_LIST_VALUES_MAX))
        c = kt_fail(e, KT_ELIMIT, "the placeholder \"%s\": more than %d values", p->name, KT_LIST_VALUES_MAX);
    for (size_t i = 0; c == KT_OK && i < p->n; i++)
        v.p[v.n++] = p->value[i];
    if (c == KT_OK && p->file)
        c = read_text(p->file, &text, e);
    if (c == KT_OK && text.len)
        c = read_lines(p->file, text.p, &v, e);
    if (c == KT_OK)
        c = kt_rules_placeholder(s, p->name, v.p, v.n, e);
    free(v.p);
    kt_buf_free(&text);
    return c;
}

/* --- a load ------------------------------------------------------------------ */

static enum kt_code load_folders(struct kt_rules *s, const struct kt_ruleset_opts *o, struct kt_rules_report *report,
                                 struct kt_err *e)
{
    size_t n = o->n_rules + o->n_filters;
    struct kt_rules_folder *f = calloc(n + 1, sizeof *f);
    if (!f)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    for (size_t i = 0; i < o->n_rules; i++)
        f[i].path = o->rules[i];
    for (size_t i = 0; i < o->n_filters; i++)
        f[o->n_rules + i] = (struct kt_rules_folder){o->filters[i], true};
    struct kt_err own = {0};
    enum kt_code c = n ? kt_rules_load_dirs(s, f, n, report, &own) : KT_OK;
    free(f);
    return c == KT_OK ? c : kt_fail(e, c, "rules: %s%s", own.text,
                                    c == KT_ENOTFOUND || c == KT_EIO ? ": name a folder that is there and may be read" : "");
}

static void no_such_rule(const struct kt_rules *s, const char *only, struct kt_err *e)
{
    struct kt_buf names;
    size_t n = kt_rules_count(s);
    kt_buf_init(&names, 1 << 16);
    for (size_t i = 0; i < n && i < 8; i++) {
        struct kt_span name = kt_rules_info(s, i).name;
        (void)kt_buf_addf(&names, "%s%.*s", i ? ", " : "", (int)name.n, name.p);
    }
    kt_fail(e, KT_ENOTFOUND, "no rule is named %s; there %s %s%s", only, n == 1 ? "is" : "are", kt_buf_str(&names),
            n > 8 ? " ..." : "");
    kt_buf_free(&names);
}

/* Events are chosen by name before they are parsed. */
static void warn_of_unnamed(const struct kt_rules *s, struct kt_rules_report *report)
{
    const char *name[KT_RULES_NAMES_MAX];
    struct kt_err warning = {KT_OK, ""};
    size_t unnamed, n = kt_rules_event_names(s, name, KT_RULES_NAMES_MAX, &unnamed);
    if (n > KT_RULES_NAMES_MAX) {
        (void)kt_fail(&warning, KT_OK, "rules: correlations name %zu events, of which %d are looked for", n, KT_RULES_NAMES_MAX);
        kt_rules_report_add(report, &warning);
    }
    if (unnamed) {
        (void)kt_fail(&warning, KT_OK, "rules: %zu of those that correlations count name no eventName, so that they see only "
                      "records that are read anyway", unnamed);
        kt_rules_report_add(report, &warning);
    }
}

static void set_values(struct kt_rules *s, const struct kt_ruleset_opts *o, struct kt_rules_report *report)
{
    for (size_t i = 0; i < o->n_values; i++) {
        struct kt_err warning = {KT_OK, ""};
        enum kt_code c = kt_rules_value(s, &o->value[i]);
        if (c == KT_OK)
            continue;
        (void)kt_fail(&warning, KT_OK, c == KT_ENOTFOUND ? "%s: there is no rule or signal of this name or id to value" :
                      "%s: only a signal has a weight; a rule has a risk", o->value[i].name);
        kt_rules_report_add(report, &warning);
    }
}

enum kt_code kt_ruleset_load(const struct kt_ruleset_opts *o, struct kt_rules **out, struct kt_rules_report *report,
                             struct kt_err *e)
{
    struct kt_rules *s;
    *report = (struct kt_rules_report){0};
    *out = NULL;
    enum kt_code c = kt_rules_load_builtin(&s, e);
    if (c != KT_OK)
        return c;
    for (size_t i = 0; c == KT_OK && i < o->n_placeholders; i++)
        c = set_placeholder(s, &o->placeholder[i], e);
    if (c == KT_OK)
        c = load_folders(s, o, report, e);
    if (c != KT_OK) {
        kt_rules_free(s);
        return c;
    }
    warn_of_unnamed(s, report);
    for (size_t i = 0; i < o->n_disabled; i++) {
        struct kt_err warning = {KT_OK, ""};
        if (kt_rules_disable(s, o->disabled[i]))
            continue;
        (void)kt_fail(&warning, KT_OK, "%s: there is no rule of this name or id to disable", o->disabled[i]);
        kt_rules_report_add(report, &warning);
    }
    set_values(s, o, report);
    if (o->only && kt_rules_find(s, o->only) < 0) {
        no_such_rule(s, o->only, e);
        kt_rules_free(s);
        return e ? e->code : KT_ENOTFOUND;
    }
    *out = s;
    return KT_OK;
}

/* --- over time --------------------------------------------------------------- */

static const struct kt_rules_report *sound(const struct kt_ruleset *s)
{
    return s->stale ? &s->sound : &s->report;
}

/* Watches come before the load, so that nothing changes unseen between them.
 * Where there are none, or not all, what was loaded stays. */
static void watch_all(struct kt_ruleset *s)
{
    const struct kt_ruleset_opts *o = &s->opts;
    struct kt_watch *w;
    if (!(o->n_rules + o->n_filters + o->n_placeholders)) {
        kt_watch_free(s->watch);
        s->watch = NULL;
    }
    if (!s->follow || !(o->n_rules + o->n_filters + o->n_placeholders) || kt_watch_new(&w, NULL) != KT_OK)
        return;
    for (size_t i = 0; i < o->n_rules; i++)
        (void)kt_watch_folder(w, o->rules[i]);
    for (size_t i = 0; i < o->n_filters; i++)
        (void)kt_watch_folder(w, o->filters[i]);
    for (size_t i = 0; i < o->n_placeholders; i++)
        if (o->placeholder[i].file)
            (void)kt_watch_file(w, o->placeholder[i].file);
    kt_watch_free(s->watch);
    s->watch = w;
}

static enum kt_code adopt(struct kt_ruleset *s, struct kt_rules *fresh, struct kt_err *e)
{
    int *matched = calloc(kt_rules_count(fresh) + 1, sizeof *matched);
    if (!matched) {
        kt_rules_free(fresh);
        return kt_fail(e, KT_ENOMEM, "out of memory");
    }
    free(s->matched);
    kt_rules_free(s->rules);
    s->rules = fresh;
    s->matched = matched;
    s->n_matched = 0;
    s->only = s->opts.only ? kt_rules_find(fresh, s->opts.only) : -1;
    return KT_OK;
}

enum kt_code kt_ruleset_new(struct kt_ruleset **out, const struct kt_ruleset_opts *o, bool follow, struct kt_err *e)
{
    struct kt_ruleset *s = calloc(1, sizeof *s);
    *out = s;
    if (!s)
        return kt_fail(e, KT_ENOMEM, "out of memory");
    s->opts = *o;
    s->follow = follow;
    watch_all(s);
    struct kt_rules *fresh;
    enum kt_code c = kt_ruleset_load(o, &fresh, &s->report, e);
    if (c == KT_OK && (c = adopt(s, fresh, e)) == KT_OK)
        return c;
    kt_ruleset_free(s);
    *out = NULL;
    return c;
}

void kt_ruleset_free(struct kt_ruleset *s)
{
    if (!s)
        return;
    kt_watch_free(s->watch);
    kt_rules_report_free(&s->report);
    kt_rules_report_free(&s->sound);
    kt_rules_free(s->rules);
    free(s->matched);
    free(s);
}

/* A file that is refused now and was not, or a folder: */
static bool broken(const struct kt_rules_report *before, const struct kt_rules_report *now)
{
    for (size_t i = 0; i < now->files; i++) {
        bool was = false;
        for (size_t k = 0; k < before->files && now->file[i].refused && !was; k++)
            was = before->file[k].refused && strcmp(before->file[k].path, now->file[i].path) == 0;
        if (now->file[i].refused && !was)
            return true;
    }
    return false;
}

static const char *first_error(const struct kt_rules_report *before, const struct kt_rules_report *now)
{
    for (size_t i = 0; i < now->n_problems; i++) {
        bool was = now->problem[i].code == KT_OK;
        for (size_t k = 0; k < before->n_problems && !was; k++)
            was = strcmp(before->problem[k].text, now->problem[i].text) == 0;
        if (!was)
            return now->problem[i].text;
    }
    return "a file is refused";
}

/* Keeps the report of the set in force when that of a broken edit comes. */
static void set_aside(struct kt_ruleset *s)
{
    if (!s->stale) {
        s->sound = s->report;
        s->stale = true;
    } else {
        kt_rules_report_free(&s->report);
    }
}

void kt_ruleset_set(struct kt_ruleset *s, const struct kt_ruleset_opts *o)
{
    const char *only = s->opts.only;
    s->opts = *o;
    s->opts.only = only;
}

enum kt_code kt_ruleset_reload(struct kt_ruleset *s, struct kt_err *e)
{
    struct kt_rules *fresh;
    struct kt_rules_report report;
    watch_all(s);
    enum kt_code c = kt_ruleset_load(&s->opts, &fresh, &report, e);
    if (c == KT_OK && broken(sound(s), &report)) {
        c = kt_fail(e, KT_EFORMAT, "%s", first_error(sound(s), &report));
        kt_rules_free(fresh);
    } else if (c == KT_OK) {
        c = adopt(s, fresh, e);
    }
    if (c != KT_OK) {
        set_aside(s);
        s->report = report;
        return c;
    }
    kt_rules_report_free(&s->report);
    kt_rules_report_free(&s->sound);
    s->report = report;
    s->stale = false;
    return KT_OK;
}

const struct kt_rules *kt_ruleset_rules(const struct kt_ruleset *s)
{
    return s->rules;
}

bool kt_ruleset_judge(struct kt_ruleset *s, struct kt_node *root, struct kt_verdict *out)
{
    s->n_matched = kt_rules_match(s->rules, root, out, s->matched, kt_rules_count(s->rules));
    for (size_t i = 0; s->only >= 0 && i < s->n_matched; i++)
        if (s->matched[i] == s->only)
            return true;
    return s->only < 0;
}

size_t kt_ruleset_matched(const struct kt_ruleset *s, const int **rule)
{
    *rule = s->matched;
    return s->n_matched;
}

bool kt_ruleset_stale(const struct kt_ruleset *s)
{
    return s->stale;
}

const struct kt_rules_report *kt_ruleset_report(const struct kt_ruleset *s)
{
    return &s->report;
}

int kt_ruleset_fd(const struct kt_ruleset *s)
{
    return s->watch ? kt_watch_fd(s->watch) : -1;
}

int64_t kt_ruleset_deadline(const struct kt_ruleset *s)
{
    return s->watch ? kt_watch_deadline(s->watch) : 0;
}

bool kt_ruleset_changed(struct kt_ruleset *s, bool readable, int64_t now)
{
    return s->watch && kt_watch_changed(s->watch, readable, now);
}
