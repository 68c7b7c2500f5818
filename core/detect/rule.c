#include "detect/rule.h"

#include <stdlib.h>

struct reader {
    struct rule *rule;
    const char *what;
    struct kt_err *err;
};

static enum kt_code refuse(struct reader *r, enum kt_code code, const struct kt_yaml *at, const char *sentence)
{
    return kt_fail(r->err, code, "%s:%d:%d: %s", r->what, at->line, at->column, sentence);
}

/* As refuse, with the offending text quoted after the sentence. */
static enum kt_code refuse_text(struct reader *r, enum kt_code code, const struct kt_yaml *at, const char *sentence,
                                struct kt_span text)
{
    return kt_fail(r->err, code, "%s:%d:%d: %s \"%.*s\"", r->what, at->line, at->column, sentence,
                   text.n > 80 ? 80 : (int)text.n, text.p ? text.p : "");
}

static enum kt_code out_of_memory(struct reader *r)
{
    return kt_fail(r->err, KT_ENOMEM, "%s: memory ran out", r->what);
}

static void *take(struct reader *r, size_t n, size_t size)
{
    return kt_arena_alloc(r->rule->arena, (n ? n : 1) * size);
}

static const struct kt_yaml *key_of(const struct kt_yaml *map, const char *key)
{
    for (size_t i = 0; map && map->type == KT_YAML_MAP && i < map->n; i++)
        if (kt_span_is(map->key[i]->text, key))
            return map->key[i];
    return NULL;
}

/* --- values ------------------------------------------------------------------ */

/* Backslash takes the meaning from * ? and itself; before others it is one. */
static size_t compile(struct kt_span s, uint16_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        char next = i + 1 < s.n ? s.p[i + 1] : '\0';
        if (c == '\\' && (next == '*' || next == '?' || next == '\\'))
            out[n++] = (unsigned char)s.p[++i];
        else if (c == '*')
            out[n++] = PATTERN_ANY;
        else if (c == '?')
            out[n++] = PATTERN_ONE;
        else
            out[n++] = c >= 'A' && c <= 'Z' ? (uint16_t)(c + ('a' - 'A')) : c;
    }
    return n;
}

static enum kt_code read_value(struct reader *r, const struct kt_yaml *y, struct value *out)
{
    if (y->type != KT_YAML_SCALAR)
        return refuse(r, KT_EUNSUPPORTED, y, "a value is expected here, not a list or a map");
    *out = (struct value){.null = kt_yaml_is_null(y)};
    if (out->null)
        return KT_OK;
    uint16_t *p = take(r, y->text.n, sizeof *p);
    if (!p)
        return out_of_memory(r);
    out->n = compile(y->text, p);
    out->p = p;
    return KT_OK;
}

static enum kt_code read_test(struct reader *r, const struct kt_yaml *key, const struct kt_yaml *y, struct test *out)
{
    const char *bar = memchr(key->text.p, '|', key->text.n);
    if (bar) {
        struct kt_span modifier = {bar + 1, key->text.n - (size_t)(bar + 1 - key->text.p)};
        return refuse_text(r, KT_EUNSUPPORTED, key, "this modifier is not read:", modifier);
    }
    if (key->text.n == 0)
        return refuse(r, KT_EFORMAT, key, "a field's name is expected here");
    bool list = y->type == KT_YAML_LIST;
    size_t n = list ? y->n : 1;
    if (n == 0)
        return refuse(r, KT_EFORMAT, y, "an empty list can never match");
    struct value *v = take(r, n, sizeof *v);
    *out = (struct test){kt_arena_span(r->rule->arena, key->text), v, n};
    if (!v || !kt_span_known(out->field))
        return out_of_memory(r);
    enum kt_code c = KT_OK;
    for (size_t i = 0; i < n && c == KT_OK; i++)
        c = read_value(r, list ? y->item[i] : y, &v[i]);
    return c;
}

static enum kt_code read_selection(struct reader *r, const struct kt_yaml *key, const struct kt_yaml *y,
                                   struct selection *out)
{
    if (y->type != KT_YAML_MAP)
        return refuse_text(r, KT_EUNSUPPORTED, y, "only maps of field: value are read, not the lists or words of",
                           key->text);
    if (y->n == 0)
        return refuse_text(r, KT_EFORMAT, y, "there is nothing in the selection", key->text);
    struct test *t = take(r, y->n, sizeof *t);
    *out = (struct selection){kt_arena_span(r->rule->arena, key->text), t, y->n};
    if (!t || !kt_span_known(out->name))
        return out_of_memory(r);
    enum kt_code c = KT_OK;
    for (size_t i = 0; i < y->n && c == KT_OK; i++)
        c = read_test(r, y->key[i], y->item[i], &t[i]);
    return c;
}

static enum kt_code read_detection(struct reader *r, const struct kt_yaml *doc)
{
    const struct kt_yaml *d = kt_yaml_get(doc, "detection");
    if (!d || d->type != KT_YAML_MAP)
        return refuse(r, KT_EFORMAT, d ? d : doc, "a rule needs a map named detection");
    const struct kt_yaml *condition = kt_yaml_get(d, "condition");
    if (!condition)
        return refuse(r, KT_EFORMAT, d, "detection needs a condition");
    if (condition->type != KT_YAML_SCALAR)
        return refuse(r, KT_EUNSUPPORTED, condition, "only one condition is read, not a list of them");
    if (key_of(d, "timeframe"))
        return refuse(r, KT_EUNSUPPORTED, key_of(d, "timeframe"), "timeframe is not read");
    if (d->n - 1 > SELECTIONS_MAX)
        return refuse(r, KT_ELIMIT, d, "too many selections: at most 64 are read");
    struct selection *s = take(r, d->n, sizeof *s);
    if (!s)
        return out_of_memory(r);
    enum kt_code c = KT_OK;
    r->rule->selection = s;
    for (size_t i = 0; i < d->n && c == KT_OK; i++)
        if (!kt_span_is(d->key[i]->text, "condition"))
            c = read_selection(r, d->key[i], d->item[i], &s[r->rule->n_selections++]);
    return c == KT_OK ? condition_read(r->rule, r->what, condition, r->err) : c;
}

/* --- the rest of a rule ------------------------------------------------------- */

/* A rule for other logs must not be let loose on these. */
static enum kt_code read_logsource(struct reader *r, const struct kt_yaml *doc)
{
    static const char *const wanted[][2] = {{"product", "aws"}, {"service", "cloudtrail"}};
    const struct kt_yaml *l = kt_yaml_get(doc, "logsource");
    if (!l || l->type != KT_YAML_MAP)
        return refuse(r, KT_EFORMAT, l ? l : doc, "a rule needs a logsource: product: aws, service: cloudtrail");
    if (key_of(l, "category"))
        return refuse(r, KT_EUNSUPPORTED, key_of(l, "category"), "rules with a log category are not for CloudTrail");
    for (size_t i = 0; i < 2; i++) {
        struct kt_span is = kt_yaml_text(l, wanted[i][0]);
        if (kt_span_known(is) && !kt_span_is(is, wanted[i][1]))
            return refuse_text(r, KT_EUNSUPPORTED, kt_yaml_get(l, wanted[i][0]),
                               "only rules for aws, cloudtrail are read, not for", is);
    }
    return KT_OK;
}

static enum kt_code read_fields(struct reader *r, const struct kt_yaml *doc)
{
    const struct kt_yaml *y = kt_yaml_get(doc, "fields");
    if (!y || kt_yaml_is_null(y))
        return KT_OK;
    if (y->type != KT_YAML_LIST)
        return refuse(r, KT_EFORMAT, y, "fields is a list of names");
    struct kt_span *f = take(r, y->n, sizeof *f);
    if (!f)
        return out_of_memory(r);
    for (size_t i = 0; i < y->n; i++) {
        if (y->item[i]->type != KT_YAML_SCALAR || y->item[i]->text.n == 0)
            return refuse(r, KT_EFORMAT, y->item[i], "a field's name is expected here");
        f[i] = kt_arena_span(r->rule->arena, y->item[i]->text);
        if (!kt_span_known(f[i]))
            return out_of_memory(r);
    }
    r->rule->info.fields = f;
    r->rule->info.n_fields = y->n;
    return KT_OK;
}

static enum kt_code read_percent(struct reader *r, const struct kt_yaml *custom, const char *key, int *out)
{
    const struct kt_yaml *y = kt_yaml_get(custom, key);
    int64_t v;
    *out = -1;
    if (!y)
        return KT_OK;
    if (!kt_yaml_int(y, &v) || v < 0 || v > 100)
        return refuse_text(r, KT_EFORMAT, y, "a number from 0 to 100 is expected for", kt_span_of(key));
    *out = (int)v;
    return KT_OK;
}

/* Sigma's levels, as the middle of the risks that are called so. */
static enum kt_code read_level(struct reader *r, const struct kt_yaml *doc)
{
    static const int risks[] = {10, 30, 50, 75, 95};
    const struct kt_yaml *y = kt_yaml_get(doc, "level");
    r->rule->info.level = KT_LIT("informational");
    r->rule->info.risk = risks[0];
    if (!y)
        return KT_OK;
    for (int l = KT_LEVEL_INFORMATIONAL; l <= KT_LEVEL_CRITICAL; l++) {
        const char *name = kt_level_name((enum kt_level)l);
        if (y->type != KT_YAML_SCALAR || !kt_span_is(y->text, name))
            continue;
        r->rule->info.level = kt_span_of(name);
        r->rule->info.risk = risks[l];
        return KT_OK;
    }
    return refuse(r, KT_EFORMAT, y, "level is one of informational, low, medium, high, critical");
}

static enum kt_code read_risk(struct reader *r, const struct kt_yaml *doc)
{
    const struct kt_yaml *custom = kt_yaml_get(doc, "custom");
    int risk, confidence, impact;
    enum kt_code c = read_level(r, doc);
    if (c != KT_OK || !custom)
        return c;
    if (custom->type != KT_YAML_MAP)
        return refuse(r, KT_EFORMAT, custom, "custom is a map: risk, confidence, impact, why");
    if ((c = read_percent(r, custom, "risk", &risk)) != KT_OK ||
        (c = read_percent(r, custom, "confidence", &confidence)) != KT_OK ||
        (c = read_percent(r, custom, "impact", &impact)) != KT_OK)
        return c;
    if ((confidence < 0) != (impact < 0))
        return refuse(r, KT_EFORMAT, custom, "confidence and impact are given both or neither");
    int product = confidence < 0 ? -1 : confidence * impact / 100;
    if (risk >= 0 && product >= 0 && risk != product)
        return refuse(r, KT_EFORMAT, custom, "risk is not confidence times impact; give one or the other");
    if (risk >= 0 || product >= 0)
        r->rule->info.risk = risk >= 0 ? risk : product;
    return KT_OK;
}

static enum kt_code copy_text(struct reader *r, struct kt_span from, struct kt_span *to)
{
    *to = kt_arena_span(r->rule->arena, from);
    return kt_span_known(from) && !kt_span_known(*to) ? out_of_memory(r) : KT_OK;
}

static enum kt_code read_names(struct reader *r, struct kt_span name, const struct kt_yaml *doc)
{
    struct kt_rule_info *info = &r->rule->info;
    struct kt_span title = kt_yaml_text(doc, "title"), why = kt_yaml_text(kt_yaml_get(doc, "custom"), "why");
    if (title.n == 0)
        return refuse(r, KT_EFORMAT, doc, "a rule needs a title");
    enum kt_code c = copy_text(r, name, &info->name);
    if (c == KT_OK)
        c = copy_text(r, kt_yaml_text(doc, "id"), &info->id);
    if (c == KT_OK)
        c = copy_text(r, title, &info->title);
    if (c == KT_OK)
        c = copy_text(r, why.n ? why : title, &r->rule->why);
    if (!info->id.n)
        info->id = info->name; /* so that every rule can be named in a record */
    return c;
}

static enum kt_code read_all(struct reader *r, struct kt_span name, const struct kt_yaml *doc)
{
    static const char *const others[] = {"correlation", "filter", "action"};
    if (doc->type != KT_YAML_MAP)
        return refuse(r, KT_EFORMAT, doc, "a rule is a map");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (key_of(doc, others[i]))
            return refuse_text(r, KT_EUNSUPPORTED, key_of(doc, others[i]), "only plain rules are read, not those with",
                               kt_span_of(others[i]));
    enum kt_code c = read_names(r, name, doc);
    if (c == KT_OK)
        c = read_logsource(r, doc);
    if (c == KT_OK)
        c = read_detection(r, doc);
    if (c == KT_OK)
        c = read_fields(r, doc);
    return c == KT_OK ? read_risk(r, doc) : c;
}

enum kt_code rule_read(struct rule **out, const char *what, struct kt_span name, const struct kt_yaml *doc,
                       struct kt_err *e)
{
    *out = NULL;
    struct rule *rule = calloc(1, sizeof *rule);
    struct reader r = {rule, what, e};
    if (!rule || !(rule->arena = kt_arena_new(RULE_MEMORY_MAX))) {
        free(rule);
        return out_of_memory(&r);
    }
    enum kt_code c = read_all(&r, name, doc);
    if (c != KT_OK) {
        rule_free(rule);
        return c;
    }
    *out = rule;
    return KT_OK;
}

void rule_free(struct rule *r)
{
    if (!r)
        return;
    kt_arena_free(r->arena);
    free(r);
}
