#include "check.h"
#include "ask.h"

#include "base/clock.h"
#include "engine.h"
#include "text/text.h"
#include "theme.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SENTENCE = 4096, NAMED = 3 };

struct check {
    int status;
    bool failed; /* standard output took no more */
};

static void worse(struct check *k, int status)
{
    k->status = status > k->status ? status : k->status;
}

__attribute__((format(printf, 3, 4))) static void say(struct check *k, const char *what, const char *fmt, ...)
{
    char text[SENTENCE];
    struct kt_buf b;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    kt_buf_init(&b, 16 * SENTENCE);
    kt_buf_addf(&b, "%-9s", what);
    if (!kt_text_plain(&b, kt_span_of(text), KT_TEXT_FREE, true) || !kt_buf_addc(&b, '\n') ||
        fputs(kt_buf_str(&b), stdout) < 0)
        k->failed = true;
    kt_buf_free(&b);
}

static void refused(struct check *k, int status, const char *text)
{
    say(k, "refused", "%s", text);
    worse(k, status);
}

/* --- rules ---------------------------------------------------------------- */

static void add_count(char *out, size_t size, size_t n, const char *one, const char *many)
{
    size_t at = strlen(out);
    if (n)
        snprintf(out + at, size - at, "%s%zu %s", at ? ", " : "", n, n == 1 ? one : many);
}

static void file(struct check *k, const struct kt_rules_file *f)
{
    char what[160] = "";
    add_count(what, sizeof what, f->rules, "rule", "rules");
    add_count(what, sizeof what, f->correlations, "correlation", "correlations");
    add_count(what, sizeof what, f->filters, "filter", "filters");
    add_count(what, sizeof what, f->foreign, "document for other logs than CloudTrail's, left out",
              "documents for other logs than CloudTrail's, left out");
    if (!f->refused)
        say(k, "ok", "%s: %s", f->path, what);
}

static void problem(struct check *k, const struct kt_err *e)
{
    if (e->code == KT_OK)
        say(k, "warning", "%s", e->text);
    else
        refused(k, 1, e->text);
}

/* A filter by its name, and the rules that it speaks of. */
static void filter(struct check *k, const struct kt_rules *r, size_t i)
{
    char on[400] = "";
    struct kt_rule_info f = kt_rules_filter_info(r, i);
    size_t n = 0, all = kt_rules_count(r);
    for (size_t rule = 0; rule < all; rule++) {
        if (!kt_rules_filter_speaks(r, i, rule) || n++ >= NAMED)
            continue;
        struct kt_span name = kt_rules_info(r, rule).name;
        size_t at = strlen(on);
        snprintf(on + at, sizeof on - at, "%s%.*s", at ? ", " : "", name.n > 100 ? 100 : (int)name.n, name.p);
    }
    size_t at = strlen(on);
    if (n == all)
        snprintf(on, sizeof on, "every rule");
    else if (n == 0)
        snprintf(on, sizeof on, "no rule that there is");
    else if (n > NAMED)
        snprintf(on + at, sizeof on - at, " and %zu more", n - NAMED);
    say(k, f.disabled ? "disabled" : "ok", "filter %.*s: keeps out of %s", f.name.n > 200 ? 200 : (int)f.name.n, f.name.p, on);
}

static void rules(struct check *k, const struct kt_ruleset_opts *o)
{
    struct kt_rules *r;
    struct kt_rules_report report;
    struct kt_err e = {0};
    if (kt_ruleset_load(o, &r, &report, &e) != KT_OK) {
        refused(k, 2, e.text);
        kt_rules_report_free(&report);
        return;
    }
    for (size_t i = 0; i < report.files; i++)
        file(k, &report.file[i]);
    for (size_t i = 0; i < report.n_problems; i++)
        problem(k, &report.problem[i]);
    char what[160] = "no rules";
    what[kt_rules_count(r) ? 0 : strlen(what)] = '\0';
    add_count(what, sizeof what, kt_rules_count(r), "rule", "rules");
    add_count(what, sizeof what, kt_rules_correlations(r), "correlation", "correlations");
    add_count(what, sizeof what, kt_rules_filters(r), "filter", "filters");
    say(k, "ok", "in force, with those built in: %s", what);
    for (size_t i = 0; i < kt_rules_filters(r); i++)
        filter(k, r, i);
    kt_rules_free(r);
    kt_rules_report_free(&report);
}

/* --- the rest ------------------------------------------------------------- */

static void theme(struct check *k, const struct kt_config *c, const char *name)
{
    struct kt_theme t;
    struct kt_err e = {0};
    struct kt_buf b;
    if (kt_theme_load(&t, name, &e) != KT_OK) {
        refused(k, 2, e.text);
        return;
    }
    for (size_t i = 0; i < c->output.n_role; i++) {
        const struct kt_config_role *r = &c->output.role[i];
        if (kt_theme_override(&t, r->name, r->value, &e) != KT_OK) {
            say(k, "refused", "%s:%d:%d: %s", c->path, r->place.line, r->place.column, e.text);
            worse(k, 2);
        }
    }
    kt_buf_init(&b, SENTENCE);
    bool made = kt_theme_corrections(&t, &b);
    say(k, "ok", "theme %s%s%s", name, made ? "; contrasts raised so that all can be read: " : "", made ? kt_buf_str(&b) : "");
    kt_buf_free(&b);
}

static void expression(struct check *k, const char *text)
{
    struct kt_filter *f;
    struct kt_err e = {0};
    if (kt_filter_parse(&f, kt_span_of(text), kt_now(NULL), NULL, &e) == KT_OK) {
        say(k, "ok", "--filter %s", text);
        kt_filter_free(f);
        return;
    }
    say(k, "refused", "--filter: %s", e.text);
    worse(k, 2);
}

/* As a run would: one that is not there is missed, unless it is the only one. */
static void sources(struct check *k, const struct kt_options *o)
{
    size_t answer = 0, missing = 0;
    struct kt_aws *aws = NULL;
    for (size_t i = 0; i < o->n_source; i++) {
        const struct kt_source_arg *s = &o->source[i];
        struct kt_err e = {0};
        enum kt_code c = KT_OK;
        if (kt_source_is_remote(s->address) && !aws)
            c = kt_aws_new(&aws, &(struct kt_aws_opts){.profile = o->profile, .region = o->region, .mfa = kt_ask_mfa}, &e);
        if (c == KT_OK)
            c = kt_source_check(s->address, aws, &e);
        if (c == KT_OK) {
            say(k, "ok", "source %s%s%s", s->name ? s->name : "", s->name ? ": " : "", s->address);
            answer++;
            continue;
        }
        missing += c == KT_ENOTFOUND || c == KT_EIO;
        refused(k, c == KT_ENOTFOUND || c == KT_EIO ? 1 : 2, e.text);
    }
    kt_aws_free(aws);
    if (missing && (!answer || o->shape == KT_SHAPE_SCREEN))
        worse(k, 2);
}

static void enrichment(struct check *k, const struct kt_config *c)
{
    const char *path[] = {c->enrichment.country, c->enrichment.network, c->enrichment.aws};
    static const char *const what[] = {"countries", "networks", "AWS's ranges"};
    for (size_t i = 0; i < sizeof path / sizeof *path; i++) {
        struct kt_enrich_files f = {i == 0 ? path[0] : NULL, i == 1 ? path[1] : NULL, i == 2 ? path[2] : NULL};
        struct kt_enrich *n = NULL;
        struct kt_err e = {0};
        if (!path[i])
            continue;
        if (kt_enrich_open(&n, &f, &e) == KT_OK)
            say(k, "ok", "%s: %s", what[i], path[i]);
        else
            refused(k, 2, e.text);
        kt_enrich_free(n);
    }
}

int kt_check_run(const struct kt_options *o, const struct kt_config *c, const struct kt_err *bad)
{
    struct check k = {0, false};
    struct kt_ruleset_opts opts = kt_options_rules(o);
    if (bad)
        refused(&k, 2, bad->text);
    else if (c->path)
        say(&k, "ok", "configuration %s", c->path);
    rules(&k, &opts);
    enrichment(&k, c);
    theme(&k, c, o->theme ? o->theme : KT_THEME_DEFAULT);
    if (o->filter)
        expression(&k, o->filter);
    sources(&k, o);
    errno = 0;
    if (fflush(stdout) != 0 || k.failed) {
        kt_text_complain("standard output: %s", errno ? strerror(errno) : "writing failed");
        worse(&k, 1);
    }
    return k.status;
}
