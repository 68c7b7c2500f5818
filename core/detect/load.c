/* Sets: what comes in, what it replaces, and folders of it. Everything is
 * first laid out beside the set that is, which is replaced only when the new
 * one is whole. */
#include "detect/correlation.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDERS_DEEP = 16, FILES_MAX = 100000, PLACEHOLDERS_MAX = 4096, PLACEHOLDER_MEMORY_MAX = 16 << 20 };

/* --- lists ------------------------------------------------------------------------ */

int list_find(const struct list *l, struct kt_span name)
{
    for (size_t i = 0; i < l->n; i++)
        if (kt_span_eq(l->p[i]->info.id, name))
            return (int)i;
    for (size_t i = 0; i < l->n; i++)
        if (kt_span_eq(l->p[i]->info.sigma_name, name) || kt_span_eq(l->p[i]->info.name, name))
            return (int)i;
    return -1;
}

int list_by_id(const struct list *l, struct kt_span id)
{
    for (size_t i = 0; i < l->n; i++)
        if (kt_span_eq(l->p[i]->info.id, id))
            return (int)i;
    return -1;
}

static bool push(struct list *l, struct rule *r)
{
    if (!kt_grow(&l->p, &l->cap, l->n + 1, sizeof *l->p, RULES_MAX))
        return false;
    l->p[l->n++] = r;
    return true;
}

static bool copy_list(struct list *to, const struct list *from)
{
    *to = (struct list){NULL, 0, 0};
    if (!kt_grow(&to->p, &to->cap, from->n + 1, sizeof *to->p, RULES_MAX + 1))
        return false;
    if (from->n)
        memcpy(to->p, from->p, from->n * sizeof *to->p);
    to->n = from->n;
    return true;
}

static struct list *list_of(struct kt_rules *s, enum kt_rule_kind kind)
{
    return kind == KT_RULE_FILTER ? &s->filter : kind == KT_RULE_CORRELATION ? &s->correlation : &s->rule;
}

/* --- a set that is to be ------------------------------------------------------------ */

struct draft {
    struct kt_rules set;  /* its lists are its own, what stands in them is shared with the set that is */
    struct list replaced; /* what goes when the draft takes its place */
    struct list fresh;    /* what goes when it does not */
};

static void draft_free(struct draft *d)
{
    free(d->set.rule.p);
    free(d->set.filter.p);
    free(d->set.correlation.p);
    free(d->replaced.p);
    for (size_t i = 0; i < d->fresh.n; i++)
        rule_free(d->fresh.p[i]);
    free(d->fresh.p);
}

static enum kt_code draft_new(struct draft *d, const struct kt_rules *s, struct kt_err *e)
{
    *d = (struct draft){.set = {.batch = s->batch + 1}};
    if (copy_list(&d->set.rule, &s->rule) && copy_list(&d->set.filter, &s->filter) &&
        copy_list(&d->set.correlation, &s->correlation))
        return KT_OK;
    draft_free(d);
    return kt_fail(e, KT_ENOMEM, "memory ran out");
}

/* The draft owns `r`, whatever comes of it. */
static enum kt_code draft_put(struct draft *d, struct rule *r, struct kt_err *e)
{
    struct list *l = list_of(&d->set, r->kind);
    int i = list_by_id(l, r->info.id);
    r->batch = d->set.batch;
    if (!push(&d->fresh, r)) {
        rule_free(r);
        return kt_fail(e, KT_ELIMIT, "memory ran out, or more than %d rules", RULES_MAX);
    }
    if (i < 0)
        return push(l, r) ? KT_OK : kt_fail(e, KT_ELIMIT, "memory ran out, or more than %d rules", RULES_MAX);
    if (l->p[i]->batch == d->set.batch) /* checked before; here for one text with the id twice */
        return kt_fail(e, KT_EFORMAT, "%.*s:%d:1: its id is that of %.*s:%d", (int)r->file.n, r->file.p, r->line,
                       (int)l->p[i]->file.n, l->p[i]->file.p, l->p[i]->line);
    if (!push(&d->replaced, l->p[i]))
        return kt_fail(e, KT_ENOMEM, "memory ran out");
    l->p[i] = r;
    return KT_OK;
}

static enum kt_code check_correlation(const struct kt_rules *s, const struct rule *c, struct kt_err *e)
{
    int places[CORRELATED_RULES_MAX];
    enum kt_code code = correlation_resolve(s, c, places, e);
    return code == KT_OK ? correlation_depth(s, c, 0, e) : code;
}

static void mark_silent(struct kt_rules *s)
{
    int places[CORRELATED_RULES_MAX];
    for (size_t i = 0; i < s->rule.n; i++)
        s->rule.p[i]->info.silent = false;
    for (size_t i = 0; i < s->correlation.n; i++)
        s->correlation.p[i]->info.silent = false;
    for (int generate = 0; generate < 2; generate++) /* where one wants them to speak, they do */
        for (size_t i = 0; i < s->correlation.n; i++) {
            const struct rule *c = s->correlation.p[i];
            if (c->info.disabled || c->correlation->generate != generate || correlation_resolve(s, c, places, NULL) != KT_OK)
                continue;
            for (size_t k = 0; k < c->n_refs; k++)
                (places[k] >= 0 ? s->rule.p[places[k]] : s->correlation.p[~places[k]])->info.silent = !generate;
        }
}

/* Builds the draft and puts it in the place of the set, or leaves the set as
 * it was. The draft is spent. */
static enum kt_code draft_commit(struct draft *d, struct kt_rules *s, struct kt_err *e)
{
    struct set_matcher *m, *facts = NULL;
    enum kt_code c = set_matcher_new(&m, &d->set, false, e);
    if (c == KT_OK && (c = set_matcher_new(&facts, &d->set, true, e)) != KT_OK)
        set_matcher_free(m);
    if (c != KT_OK) {
        draft_free(d);
        return c;
    }
    set_matcher_free(s->matcher);
    set_matcher_free(s->facts);
    free(s->rule.p);
    free(s->filter.p);
    free(s->correlation.p);
    s->rule = d->set.rule;
    s->filter = d->set.filter;
    s->correlation = d->set.correlation;
    s->matcher = m;
    s->facts = facts;
    s->batch = d->set.batch;
    for (size_t i = 0; i < d->replaced.n; i++)
        rule_free(d->replaced.p[i]);
    free(d->replaced.p);
    free(d->fresh.p);
    mark_silent(s);
    return KT_OK;
}

/* --- texts ------------------------------------------------------------------------- */

static void free_docs(struct list *docs)
{
    for (size_t i = 0; i < docs->n; i++)
        rule_free(docs->p[i]);
    free(docs->p);
    *docs = (struct list){NULL, 0, 0};
}

struct input { /* one text or file */
    const char *name, *what;
    size_t foreign;
    size_t taken[3]; /* by enum kt_rule_kind */
    bool skip_foreign, filters_only;
};

static enum kt_code read_doc(const struct kt_rules *s, struct input *in, const struct kt_yaml_file *f, size_t i,
                             struct list *docs, struct kt_err *e)
{
    char name[300];
    struct reader r = {.what = in->what, .err = e, .placeholder = s->placeholder, .n_placeholders = s->n_placeholders};
    struct rule *rule;
    int n = i ? snprintf(name, sizeof name, "%s#%zu", in->name, i + 1) : snprintf(name, sizeof name, "%s", in->name);
    if (n < 0 || n >= (int)sizeof name)
        return kt_fail(e, KT_ELIMIT, "%s: the name is too long", in->what);
    enum kt_code c = rule_read(&r, &rule, kt_span_of(name), f->doc[i]);
    if (c != KT_OK && r.foreign) {
        in->foreign++;
        return in->skip_foreign ? KT_OK : c;
    }
    if (c == KT_OK && in->filters_only && rule->kind != KT_RULE_FILTER) {
        c = kt_fail(e, KT_EFORMAT, "%s:%d:1: this is a folder of filters alone; --rules takes folders with rules", in->what,
                    rule->line);
        rule_free(rule);
    } else if (c == KT_OK && !push(docs, rule)) {
        rule_free(rule);
        c = kt_fail(e, KT_ELIMIT, "%s: memory ran out, or too many rules", in->what);
    }
    return c;
}

static enum kt_code no_id_twice(const struct draft *d, const struct list *docs, struct kt_err *e)
{
    for (size_t i = 0; i < docs->n; i++) {
        struct rule *r = docs->p[i], *first = NULL;
        const struct list *l = list_of((struct kt_rules *)(uintptr_t)&d->set, r->kind);
        int at = list_by_id(l, r->info.id);
        if (at >= 0 && l->p[at]->batch == d->set.batch)
            first = l->p[at];
        for (size_t k = 0; k < i && !first; k++)
            if (docs->p[k]->kind == r->kind && kt_span_eq(docs->p[k]->info.id, r->info.id))
                first = docs->p[k];
        if (first)
            return kt_fail(e, KT_EFORMAT, "%.*s:%d:1: its id is that of %.*s:%d", (int)r->file.n, r->file.p, r->line,
                           (int)first->file.n, first->file.p, first->line);
    }
    return KT_OK;
}

/* All documents into the draft, or none. */
static enum kt_code draft_add(struct draft *d, const struct kt_rules *s, struct input *in, const struct kt_yaml_file *f,
                              struct kt_err *e)
{
    struct list docs = {NULL, 0, 0};
    enum kt_code c = f->n ? KT_OK : kt_fail(e, KT_EFORMAT, "%s:1:1: there is no rule in it", in->what);
    for (size_t i = 0; i < f->n && c == KT_OK; i++)
        c = read_doc(s, in, f, i, &docs, e);
    if (c == KT_OK)
        c = no_id_twice(d, &docs, e);
    if (c != KT_OK) {
        free_docs(&docs);
        return c;
    }
    for (size_t i = 0; i < docs.n; i++) {
        struct rule *r = docs.p[i];
        docs.p[i] = NULL;
        in->taken[r->kind]++;
        if (c == KT_OK)
            c = draft_put(d, r, e);
        else
            rule_free(r);
    }
    free_docs(&docs);
    return c;
}

enum kt_code kt_rules_add(struct kt_rules *s, const char *name, const char *yaml, size_t n, struct kt_err *e)
{
    char what[300];
    struct kt_yaml_file f;
    struct draft d;
    struct kt_err own;
    struct input in = {.name = name, .what = what};
    e = e ? e : &own;
    if (snprintf(what, sizeof what, "%s.yml", name) < 0)
        return kt_fail(e, KT_EFORMAT, "a rule's name cannot be written");
    enum kt_code c = kt_yaml_parse(&f, what, yaml, n, e);
    if (c != KT_OK)
        return c;
    if ((c = draft_new(&d, s, e)) == KT_OK) {
        c = draft_add(&d, s, &in, &f, e);
        for (size_t i = 0; i < d.set.correlation.n && c == KT_OK; i++)
            c = check_correlation(&d.set, d.set.correlation.p[i], e);
        if (c == KT_OK)
            c = draft_commit(&d, s, e);
        else
            draft_free(&d);
    }
    kt_yaml_free(&f);
    return c;
}

/* --- folders ----------------------------------------------------------------------- */

struct names {
    char **p;
    size_t n, cap;
};

static void names_free(struct names *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->p[i]);
    free(l->p);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_yaml(const char *name)
{
    size_t n = strlen(name);
    return (n > 4 && !strcmp(name + n - 4, ".yml")) || (n > 5 && !strcmp(name + n - 5, ".yaml"));
}

static enum kt_code list_folder(struct names *l, const char *path, int depth, struct kt_rules_report *report,
                                struct kt_err *e);

void kt_rules_report_add(struct kt_rules_report *report, const struct kt_err *what)
{
    size_t cap = report->n_problems;
    if (report->n_problems >= KT_RULES_PROBLEMS_MAX)
        return;
    if (report->n_problems % 64 == 0 && !kt_grow(&report->problem, &cap, cap + 64, sizeof *report->problem, 2 * KT_RULES_PROBLEMS_MAX))
        return;
    report->problem[report->n_problems++] = *what;
}

static void refused(struct kt_rules_report *report, const struct kt_err *what)
{
    report->refused++;
    kt_rules_report_add(report, what);
}

static enum kt_code list_entry(struct names *l, const char *folder, const char *name, int depth,
                               struct kt_rules_report *report, struct kt_err *e)
{
    char *path;
    struct stat st;
    struct kt_err inner = {KT_OK, ""};
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return kt_fail(e, KT_ENOMEM, "memory ran out");
    bool there = stat(path, &st) == 0;
    if (there && S_ISREG(st.st_mode) && is_yaml(name)) {
        if (!kt_grow(&l->p, &l->cap, l->n + 1, sizeof *l->p, FILES_MAX)) {
            free(path);
            return kt_fail(e, KT_ELIMIT, "%s: memory ran out, or more than %d files", folder, FILES_MAX);
        }
        l->p[l->n++] = path;
        return KT_OK;
    }
    if (there && S_ISDIR(st.st_mode) && list_folder(l, path, depth + 1, report, &inner) != KT_OK)
        refused(report, &inner);
    free(path);
    return KT_OK;
}

static enum kt_code list_folder(struct names *l, const char *path, int depth, struct kt_rules_report *report,
                                struct kt_err *e)
{
    if (depth > FOLDERS_DEEP)
        return kt_fail(e, KT_ELIMIT, "%s: folders are read %d deep", path, FOLDERS_DEEP);
    DIR *dir = opendir(path);
    enum kt_code c = KT_OK;
    if (!dir)
        return kt_fail(e, errno == ENOENT ? KT_ENOTFOUND : KT_EIO, "%s: %s", path, strerror(errno));
    for (struct dirent *entry; c == KT_OK && (entry = readdir(dir));)
        if (entry->d_name[0] != '.')
            c = list_entry(l, path, entry->d_name, depth, report, e);
    if (closedir(dir) != 0 && c == KT_OK)
        c = kt_fail(e, KT_EIO, "%s: %s", path, strerror(errno));
    return c;
}

static void load_file(struct draft *d, const struct kt_rules *s, struct kt_rules_file *file, bool filters_only,
                      struct kt_rules_report *report)
{
    struct kt_yaml_file f;
    struct kt_err e = {KT_OK, ""};
    const char *path = file->path, *slash = strrchr(path, '/');
    char *name = strdup(slash ? slash + 1 : path);
    struct input in = {.name = name, .what = path, .skip_foreign = true, .filters_only = filters_only};
    if (name)
        *strrchr(name, '.') = '\0';
    enum kt_code c = name ? kt_yaml_read(&f, path, &e) : kt_fail(&e, KT_ENOMEM, "memory ran out");
    if (c == KT_OK) {
        c = draft_add(d, s, &in, &f, &e);
        kt_yaml_free(&f);
    }
    report->foreign += in.foreign;
    file->foreign = in.foreign;
    file->refused = c != KT_OK;
    if (c != KT_OK)
        refused(report, &e);
    else
        *file = (struct kt_rules_file){file->path, in.taken[KT_RULE], in.taken[KT_RULE_FILTER],
                                       in.taken[KT_RULE_CORRELATION], in.foreign, false};
    free(name);
}

static void remove_at(struct list *l, size_t i)
{
    memmove(l->p + i, l->p + i + 1, (l->n - i - 1) * sizeof *l->p);
    l->n--;
}

static void mark_refused(struct kt_rules_report *report, struct kt_span path)
{
    for (size_t i = 0; i < report->files; i++)
        if (kt_span_is(path, report->file[i].path))
            report->file[i].refused = true;
}

/* A correlation that goes may take others with it. One that was there before
 * goes when its rules did. */
static void drop_unresolved(struct draft *d, struct kt_rules_report *report)
{
    bool again = true;
    while (again) {
        again = false;
        for (size_t i = 0; i < d->set.correlation.n; i++) {
            struct kt_err e = {KT_OK, ""};
            struct rule *c = d->set.correlation.p[i];
            if (check_correlation(&d->set, c, &e) == KT_OK)
                continue;
            refused(report, &e);
            mark_refused(report, c->file);
            remove_at(&d->set.correlation, i--);
            /* the draft's own list of what is new frees it if it fails, `replaced` if not */
            if (!push(&d->replaced, c))
                return;
            again = true;
        }
    }
}

static bool known(const struct kt_rules *s, struct kt_span name)
{
    return list_find(&s->rule, name) >= 0;
}

/* Of what came after batch `since`. */
static void warn_of_filters(const struct draft *d, unsigned since, struct kt_rules_report *report)
{
    for (size_t i = 0; i < d->set.filter.n; i++) {
        const struct rule *f = d->set.filter.p[i];
        for (size_t k = 0; f->batch > since && k < f->n_refs; k++) {
            struct kt_err e = {KT_OK, ""};
            if (known(&d->set, f->ref[k].text))
                continue;
            (void)kt_fail(&e, KT_OK, "%.*s:%d:%d: no rule is called \"%.*s\", so that it is not filtered", (int)f->file.n,
                          f->file.p, f->ref[k].line, f->ref[k].column, (int)f->ref[k].text.n, f->ref[k].text.p);
            kt_rules_report_add(report, &e);
        }
    }
}

static void count(const struct draft *d, unsigned since, struct kt_rules_report *report)
{
    const struct list *lists[] = {&d->set.rule, &d->set.filter, &d->set.correlation};
    size_t *const to[] = {&report->rules, &report->filters, &report->correlations};
    for (int i = 0; i < 3; i++)
        for (size_t k = 0; k < lists[i]->n; k++)
            *to[i] += lists[i]->p[k]->batch > since;
}

/* The files' names go over into the report. */
static enum kt_code report_files(struct kt_rules_report *report, struct names *l, struct kt_err *e)
{
    size_t cap = report->files, all = report->files + l->n;
    if (!kt_grow(&report->file, &cap, all + 1, sizeof *report->file, FILES_MAX + 1))
        return kt_fail(e, KT_ELIMIT, "memory ran out, or more than %d files", FILES_MAX);
    for (size_t i = 0; i < l->n; i++) {
        report->file[report->files++] = (struct kt_rules_file){.path = l->p[i]};
        l->p[i] = NULL;
    }
    return KT_OK;
}

static enum kt_code load_folder(struct draft *d, const struct kt_rules *s, const struct kt_rules_folder *folder,
                                struct kt_rules_report *report, struct kt_err *e)
{
    struct names files = {NULL, 0, 0};
    size_t from = report->files;
    enum kt_code c = list_folder(&files, folder->path, 0, report, e);
    if (c == KT_OK && files.n)
        qsort(files.p, files.n, sizeof *files.p, by_name);
    if (c == KT_OK)
        c = report_files(report, &files, e);
    names_free(&files);
    for (size_t i = from; c == KT_OK && i < report->files; i++)
        load_file(d, s, &report->file[i], folder->filters_only, report);
    return c;
}

enum kt_code kt_rules_load_dirs(struct kt_rules *s, const struct kt_rules_folder *folder, size_t n,
                                struct kt_rules_report *report, struct kt_err *e)
{
    struct draft d;
    *report = (struct kt_rules_report){0};
    enum kt_code c = draft_new(&d, s, e);
    if (c != KT_OK)
        return c;
    for (size_t i = 0; c == KT_OK && i < n; i++) {
        d.set.batch += i > 0; /* so that it may take the place of what an earlier folder had */
        c = load_folder(&d, s, &folder[i], report, e);
    }
    if (c != KT_OK) {
        draft_free(&d);
        return c;
    }
    drop_unresolved(&d, report);
    warn_of_filters(&d, s->batch, report);
    count(&d, s->batch, report);
    return draft_commit(&d, s, e);
}

enum kt_code kt_rules_load_dir(struct kt_rules *s, const char *path, struct kt_rules_report *report, struct kt_err *e)
{
    return kt_rules_load_dirs(s, &(struct kt_rules_folder){.path = path}, 1, report, e);
}

void kt_rules_report_free(struct kt_rules_report *report)
{
    for (size_t i = 0; i < report->files; i++)
        free(report->file[i].path);
    free(report->file);
    free(report->problem);
    *report = (struct kt_rules_report){0};
}

/* --- placeholders -------------------------------------------------------------------- */

static struct placeholder *placeholder_at(struct kt_rules *s, const char *name)
{
    for (size_t i = 0; i < s->n_placeholders; i++)
        if (kt_span_is(s->placeholder[i].name, name))
            return &s->placeholder[i];
    if (!kt_grow(&s->placeholder, &s->cap_placeholders, s->n_placeholders + 1, sizeof *s->placeholder, PLACEHOLDERS_MAX))
        return NULL;
    struct placeholder *p = &s->placeholder[s->n_placeholders];
    *p = (struct placeholder){.name = kt_arena_span(s->arena, kt_span_of(name))};
    s->n_placeholders += kt_span_known(p->name);
    return kt_span_known(p->name) ? p : NULL;
}

enum kt_code kt_rules_placeholder(struct kt_rules *s, const char *name, const char *const *values, size_t n,
                                  struct kt_err *e)
{
    size_t len = 0;
    while (placeholder_char(name[len]))
        len++;
    if (!len || name[len])
        return kt_fail(e, KT_EUSAGE, "a placeholder's name is of letters, digits and _, not \"%s\"", name);
    if (!n)
        return kt_fail(e, KT_EUSAGE, "the placeholder \"%s\" needs values", name);
    if (!s->arena && !(s->arena = kt_arena_new(PLACEHOLDER_MEMORY_MAX)))
        return kt_fail(e, KT_ENOMEM, "memory ran out");
    struct kt_span *v = kt_arena_alloc(s->arena, n * sizeof *v);
    for (size_t i = 0; v && i < n; i++) {
        v[i] = kt_arena_span(s->arena, kt_span_of(values[i]));
        if (!kt_span_known(v[i]))
            v = NULL;
    }
    struct placeholder *p = v ? placeholder_at(s, name) : NULL;
    if (!p)
        return kt_fail(e, KT_ELIMIT, "the placeholder \"%s\": memory ran out, or too many values", name);
    p->value = v;
    p->n = n;
    return KT_OK;
}

bool kt_rules_disable(struct kt_rules *s, const char *name_or_id)
{
    struct list *lists[] = {&s->rule, &s->filter, &s->correlation};
    for (int i = 0; i < 3; i++) {
        int at = list_find(lists[i], kt_span_of(name_or_id));
        if (at < 0)
            continue;
        lists[i]->p[at]->info.disabled = true;
        mark_silent(s);
        return true;
    }
    return false;
}

static struct kt_rule_info *info_of(struct kt_rules *s, struct kt_span name)
{
    struct list *lists[] = {&s->rule, &s->correlation};
    for (int i = 0; i < 2; i++) {
        int at = list_find(lists[i], name);
        if (at >= 0)
            return &lists[i]->p[at]->info;
    }
    for (size_t i = 0; i < s->rule.n; i++)
        if (s->rule.p[i]->info.signal.n && kt_span_eq(s->rule.p[i]->info.signal, name))
            return &s->rule.p[i]->info;
    return NULL;
}

enum kt_code kt_rules_value(struct kt_rules *s, const struct kt_rule_value *v)
{
    struct kt_rule_info *info = info_of(s, kt_span_of(v->name));
    if (!info)
        return KT_ENOTFOUND;
    if (v->has_weight && !info->signal.n)
        return KT_EUSAGE;
    if (v->has_weight)
        info->weight = v->weight;
    if (v->level >= 0) {
        info->level = kt_span_of(kt_level_name((enum kt_level)v->level));
        info->risk = level_risk(v->level);
    }
    if (v->has_risk)
        info->risk = v->risk;
    return KT_OK;
}
