/* Reading correlations. Follows the Sigma correlation rules specification 2.1
 * (with the value types that tools have agreed on: sum, avg, median,
 * percentile). */
#include "detect/correlation.h"

#include <stdlib.h>
#include <strings.h>

static const char *const type_names[CORRELATE_TYPES] = {"event_count", "value_count", "temporal",         "temporal_ordered",
                                                        "value_sum",   "value_avg",   "value_percentile", "value_median"};
static const char *const bound_names[BOUNDS] = {"gt", "gte", "lt", "lte", "eq", "neq"};

static bool of_values(enum correlation_type t)
{
    return t == CORRELATE_VALUE_COUNT || t >= CORRELATE_VALUE_SUM;
}

static bool one_of(struct kt_span text, const char *const *words, size_t n, size_t *out)
{
    for (size_t i = 0; i < n; i++)
        if (kt_span_is(text, words[i])) {
            *out = i;
            return true;
        }
    return false;
}

static enum kt_code known_keys(struct reader *r, const struct kt_yaml *map)
{
    static const char *const keys[] = {"type", "rules", "group-by", "timespan", "aliases", "condition", "generate"};
    size_t k;
    for (size_t i = 0; i < map->n; i++)
        if (!one_of(map->key[i]->text, keys, sizeof keys / sizeof *keys, &k))
            return refuse_text(r, KT_EUNSUPPORTED, map->key[i], "there is no such word in a correlation:", map->key[i]->text);
    return KT_OK;
}

/* A name, or a list of names. */
static enum kt_code read_names(struct reader *r, const struct kt_yaml *y, size_t max, struct kt_span **out, size_t *n)
{
    if (!y || kt_yaml_is_null(y))
        return KT_OK;
    bool list = y->type == KT_YAML_LIST;
    size_t count = list ? y->n : 1;
    struct kt_span *names = take(r, count, sizeof *names);
    if (!names)
        return out_of_memory(r);
    if (count == 0 || count > max)
        return refuse(r, KT_ELIMIT, y, count ? "too many fields" : "a field's name is expected here");
    for (size_t i = 0; i < count; i++) {
        const struct kt_yaml *item = list ? y->item[i] : y;
        if (item->type != KT_YAML_SCALAR || item->text.n == 0)
            return refuse(r, KT_EFORMAT, item, "a field's name is expected here");
        names[i] = kt_arena_span(r->rule->arena, item->text);
        if (!kt_span_known(names[i]))
            return out_of_memory(r);
    }
    *out = names;
    *n = count;
    return KT_OK;
}

static enum kt_code read_timespan(struct reader *r, const struct kt_yaml *map, int64_t *out)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}, {'w', 604800000}};
    const struct kt_yaml *y = kt_yaml_get(map, "timespan");
    struct kt_span s = y ? y->text : KT_SPAN_NONE;
    int64_t n = 0, ms = 0;
    if (!y || y->type != KT_YAML_SCALAR || s.n < 2 || s.n > 9)
        return refuse(r, KT_EFORMAT, y ? y : map, "timespan is a number and one of s m h d w: 90m");
    for (size_t i = 0; i + 1 < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return refuse(r, KT_EFORMAT, y, "timespan is a number and one of s m h d w: 90m");
        n = n * 10 + (s.p[i] - '0');
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        ms = units[i].unit == s.p[s.n - 1] ? units[i].ms : ms;
    if (!ms || !n)
        return refuse(r, KT_EFORMAT, y, "timespan is a number and one of s m h d w: 90m");
    if (n > TIMESPAN_DAYS_MAX * (int64_t)86400000 / ms)
        return refuse(r, KT_ELIMIT, y, "timespan is at most 366 days");
    *out = n * ms;
    return KT_OK;
}

static enum kt_code read_alias(struct reader *r, const struct kt_yaml *name, const struct kt_yaml *of)
{
    struct correlation *c = r->rule->correlation;
    if (of->type != KT_YAML_MAP || of->n == 0)
        return refuse(r, KT_EFORMAT, of, "an alias is a map of rules' names to fields");
    for (size_t i = 0; i < of->n; i++) {
        struct alias *a = &c->alias[c->n_aliases++];
        if (of->item[i]->type != KT_YAML_SCALAR || of->item[i]->text.n == 0)
            return refuse(r, KT_EFORMAT, of->item[i], "a field's name is expected here");
        *a = (struct alias){kt_arena_span(r->rule->arena, name->text), kt_arena_span(r->rule->arena, of->key[i]->text),
                            kt_arena_span(r->rule->arena, of->item[i]->text), of->key[i]->line, of->key[i]->column};
        if (!kt_span_known(a->name) || !kt_span_known(a->rule) || !kt_span_known(a->field))
            return out_of_memory(r);
    }
    return KT_OK;
}

static enum kt_code read_aliases(struct reader *r, const struct kt_yaml *map)
{
    const struct kt_yaml *y = kt_yaml_get(map, "aliases");
    size_t n = 0;
    if (!y || kt_yaml_is_null(y))
        return KT_OK;
    if (y->type != KT_YAML_MAP)
        return refuse(r, KT_EFORMAT, y, "aliases is a map");
    for (size_t i = 0; i < y->n; i++)
        n += y->item[i]->type == KT_YAML_MAP ? y->item[i]->n : 0;
    if (!(r->rule->correlation->alias = take(r, n, sizeof(struct alias))))
        return out_of_memory(r);
    enum kt_code c = KT_OK;
    for (size_t i = 0; i < y->n && c == KT_OK; i++)
        c = read_alias(r, y->key[i], y->item[i]);
    return c;
}

/* --- the condition ------------------------------------------------------------------ */

static enum kt_code read_bound(struct reader *r, size_t which, const struct kt_yaml *y)
{
    struct correlation *c = r->rule->correlation;
    double v;
    if (y->type != KT_YAML_SCALAR || !number_read(y->text, &v))
        return refuse(r, KT_EFORMAT, y, "a number is expected here");
    if (c->type <= CORRELATE_VALUE_COUNT && v > COUNT_MAX)
        return refuse(r, KT_ELIMIT, y, "at most 10000 events are counted");
    c->bounds.set[which] = true;
    c->bounds.value[which] = v;
    return KT_OK;
}

static enum kt_code read_percentile(struct reader *r, const struct kt_yaml *key, const struct kt_yaml *y)
{
    struct correlation *c = r->rule->correlation;
    if (c->type != CORRELATE_VALUE_PERCENTILE)
        return refuse(r, KT_EFORMAT, key, "percentile is a word of value_percentile");
    if (y->type != KT_YAML_SCALAR || !number_read(y->text, &c->percentile) || c->percentile < 0 || c->percentile > 100)
        return refuse(r, KT_EFORMAT, y, "percentile is a number from 0 to 100");
    return KT_OK;
}

static enum kt_code read_bounds(struct reader *r, const struct kt_yaml *y)
{
    struct correlation *c = r->rule->correlation;
    enum kt_code code = KT_OK;
    bool any = false;
    for (size_t i = 0; i < y->n && code == KT_OK; i++) {
        size_t which;
        if (one_of(y->key[i]->text, bound_names, BOUNDS, &which)) {
            any = true;
            code = read_bound(r, which, y->item[i]);
        } else if (kt_span_is(y->key[i]->text, "percentile")) {
            code = read_percentile(r, y->key[i], y->item[i]);
        } else if (!kt_span_is(y->key[i]->text, "field")) {
            code = refuse_text(r, KT_EUNSUPPORTED, y->key[i], "there is no such word in a correlation's condition:", y->key[i]->text);
        } else if (!of_values(c->type)) {
            code = refuse(r, KT_EFORMAT, y->key[i], "field is a word of the value types alone");
        } else {
            code = read_names(r, y->item[i], VALUE_FIELDS_MAX, &c->value, &c->n_values);
        }
    }
    if (code == KT_OK && !any)
        return refuse(r, KT_EFORMAT, y, "the condition needs one of gt, gte, lt, lte, eq, neq");
    if (code == KT_OK && of_values(c->type) && !c->n_values)
        return refuse(r, KT_EFORMAT, y, "the condition needs the field whose values are meant");
    if (code == KT_OK && c->type >= CORRELATE_VALUE_SUM && c->n_values != 1)
        return refuse(r, KT_EFORMAT, y, "only value_count takes several fields");
    return code;
}

/* "a and b or not c", of the rules of `temporal`. */
static enum kt_code read_expression(struct reader *r, const struct kt_yaml *y)
{
    struct name name[CORRELATED_RULES_MAX];
    if (r->rule->correlation->type != CORRELATE_TEMPORAL)
        return refuse(r, KT_EUNSUPPORTED, y, "a condition in words is read for temporal alone");
    for (size_t i = 0; i < r->rule->n_refs; i++) {
        struct node *n = node_new(r, OP_REF, 0);
        if (!n)
            return out_of_memory(r);
        n->atom = i;
        name[i] = (struct name){r->rule->ref[i].text, n};
    }
    return condition_read(r, y, name, r->rule->n_refs, &r->rule->correlation->expression);
}

static enum kt_code read_condition(struct reader *r, const struct kt_yaml *map)
{
    struct correlation *c = r->rule->correlation;
    const struct kt_yaml *y = kt_yaml_get(map, "condition");
    bool temporal = c->type == CORRELATE_TEMPORAL || c->type == CORRELATE_TEMPORAL_ORDERED;
    if (!y && temporal) {
        c->bounds.set[BOUND_GTE] = true;
        c->bounds.value[BOUND_GTE] = (double)r->rule->n_refs;
        return KT_OK;
    }
    if (y && y->type == KT_YAML_MAP)
        return read_bounds(r, y);
    if (y && y->type == KT_YAML_SCALAR && !kt_yaml_is_null(y))
        return read_expression(r, y);
    return refuse(r, KT_EFORMAT, y ? y : map, "a correlation needs a condition: a map such as gte: 10");
}

/* --- the whole ---------------------------------------------------------------------- */

static enum kt_code read_type(struct reader *r, const struct kt_yaml *map)
{
    const struct kt_yaml *y = kt_yaml_get(map, "type");
    size_t type;
    if (!y || y->type != KT_YAML_SCALAR)
        return refuse(r, KT_EFORMAT, y ? y : map, "a correlation needs a type");
    if (!one_of(y->text, type_names, CORRELATE_TYPES, &type))
        return refuse_text(r, KT_EUNSUPPORTED, y, "there is no such type of correlation:", y->text);
    r->rule->correlation->type = (enum correlation_type)type;
    return KT_OK;
}

static enum kt_code read_generate(struct reader *r, const struct kt_yaml *map)
{
    const struct kt_yaml *y = kt_yaml_get(map, "generate");
    if (!y)
        return KT_OK;
    if (y->type != KT_YAML_SCALAR || (!kt_span_is(y->text, "true") && !kt_span_is(y->text, "false")))
        return refuse(r, KT_EFORMAT, y, "generate takes true or false");
    r->rule->correlation->generate = kt_span_is(y->text, "true");
    return KT_OK;
}

static enum kt_code read_rules(struct reader *r, const struct kt_yaml *map)
{
    const struct kt_yaml *y = kt_yaml_get(map, "rules");
    if (!y)
        return refuse(r, KT_EFORMAT, map, "a correlation needs rules");
    if (y->type == KT_YAML_LIST && y->n > CORRELATED_RULES_MAX)
        return refuse(r, KT_ELIMIT, y, "too many rules: at most 64 are correlated");
    return references_read(r, y);
}

enum kt_code correlation_read(struct reader *r, const struct kt_yaml *doc)
{
    const struct kt_yaml *map = kt_yaml_get(doc, "correlation");
    struct correlation *c = r->rule->correlation = calloc(1, sizeof *c);
    if (!c)
        return out_of_memory(r);
    c->percentile = -1;
    if (!map || map->type != KT_YAML_MAP)
        return refuse(r, KT_EFORMAT, map ? map : doc, "correlation is a map: type, rules, timespan, condition");
    enum kt_code code = known_keys(r, map);
    if (code == KT_OK)
        code = read_type(r, map);
    if (code == KT_OK)
        code = read_rules(r, map);
    if (code == KT_OK)
        code = read_names(r, kt_yaml_get(map, "group-by"), GROUP_FIELDS_MAX, &c->group, &c->n_group);
    if (code == KT_OK)
        code = read_timespan(r, map, &c->timespan);
    if (code == KT_OK)
        code = read_aliases(r, map);
    if (code == KT_OK)
        code = read_condition(r, map);
    if (code == KT_OK)
        code = read_generate(r, doc);
    return code == KT_OK ? read_generate(r, map) : code;
}

void correlation_free(struct correlation *c)
{
    free(c);
}

/* --- what it is of -------------------------------------------------------------------- */

static bool called(const struct rule *r, struct kt_span name)
{
    return kt_span_eq(r->info.id, name) || kt_span_eq(r->info.sigma_name, name) || kt_span_eq(r->info.name, name);
}

static const struct rule *at_place(const struct kt_rules *s, int place)
{
    return place >= 0 ? s->rule.p[place] : s->correlation.p[~place];
}

/* An alias speaks of rules of the correlation, and one that is used of all. */
static enum kt_code check_aliases(const struct kt_rules *s, const struct rule *r, const int *place, struct kt_err *e)
{
    const struct correlation *c = r->correlation;
    for (size_t i = 0; i < c->n_aliases; i++) {
        const struct alias *a = &c->alias[i];
        bool of_ours = false;
        for (size_t k = 0; k < r->n_refs; k++) {
            const struct rule *rule = at_place(s, place[k]);
            of_ours |= called(rule, a->rule);
            bool covered = false;
            for (size_t j = 0; j < c->n_aliases; j++)
                covered |= kt_span_eq(c->alias[j].name, a->name) && called(rule, c->alias[j].rule);
            if (!covered)
                return kt_fail(e, KT_EFORMAT, "%.*s:%d:%d: the alias \"%.*s\" says nothing of the rule \"%.*s\"",
                               (int)r->file.n, r->file.p, a->line, a->column, (int)a->name.n, a->name.p,
                               (int)r->ref[k].text.n, r->ref[k].text.p);
        }
        if (!of_ours)
            return kt_fail(e, KT_EFORMAT, "%.*s:%d:%d: \"%.*s\" is none of the correlation's rules", (int)r->file.n,
                           r->file.p, a->line, a->column, (int)a->rule.n, a->rule.p);
    }
    return KT_OK;
}

enum kt_code correlation_resolve(const struct kt_rules *s, const struct rule *c, int *out, struct kt_err *e)
{
    for (size_t i = 0; i < c->n_refs; i++) {
        int at = list_find(&s->rule, c->ref[i].text);
        out[i] = at >= 0 ? at : ~list_find(&s->correlation, c->ref[i].text);
        if (at < 0 && out[i] == ~-1)
            return kt_fail(e, KT_ENOTFOUND, "%.*s:%d:%d: no rule is called \"%.*s\"", (int)c->file.n, c->file.p,
                           c->ref[i].line, c->ref[i].column, (int)c->ref[i].text.n, c->ref[i].text.p);
        for (size_t k = 0; k < i; k++)
            if (out[k] == out[i])
                return kt_fail(e, KT_EFORMAT, "%.*s:%d:%d: the rule \"%.*s\" stands here twice", (int)c->file.n, c->file.p,
                               c->ref[i].line, c->ref[i].column, (int)c->ref[i].text.n, c->ref[i].text.p);
    }
    return check_aliases(s, c, out, e);
}

enum kt_code correlation_depth(const struct kt_rules *s, const struct rule *c, int depth, struct kt_err *e)
{
    int place[CORRELATED_RULES_MAX];
    if (depth > CHAIN_MAX)
        return kt_fail(e, KT_EFORMAT, "%.*s:%d:1: correlations lead from here to themselves, or further than %d", (int)c->file.n,
                       c->file.p, c->line, CHAIN_MAX);
    enum kt_code code = correlation_resolve(s, c, place, e);
    for (size_t i = 0; i < c->n_refs && code == KT_OK; i++)
        if (place[i] < 0)
            code = correlation_depth(s, s->correlation.p[~place[i]], depth + 1, e);
    return code;
}

struct kt_span correlation_field(const struct correlation *c, const struct rule *rule, struct kt_span field)
{
    for (size_t i = 0; i < c->n_aliases; i++)
        if (kt_span_eq(c->alias[i].name, field) && called(rule, c->alias[i].rule))
            return c->alias[i].field;
    return field;
}
