#include "detect/rule.h"

#include <stdlib.h>

enum kt_code refuse(struct reader *r, enum kt_code code, const struct kt_yaml *at, const char *sentence)
{
    return kt_fail(r->err, code, "%s:%d:%d: %s", r->what, at->line, at->column, sentence);
}

enum kt_code refuse_at(struct reader *r, enum kt_code code, const struct kt_yaml *at, size_t offset,
                       const char *sentence, struct kt_span text)
{
    int column = at->column + (offset ? (int)offset + (at->quoted ? 1 : 0) : 0);
    return kt_fail(r->err, code, "%s:%d:%d: %s \"%.*s\"", r->what, at->line, column, sentence,
                   text.n > 80 ? 80 : (int)text.n, text.p ? text.p : "");
}

enum kt_code refuse_text(struct reader *r, enum kt_code code, const struct kt_yaml *at, const char *sentence,
                         struct kt_span text)
{
    return refuse_at(r, code, at, 0, sentence, text);
}

enum kt_code out_of_memory(struct reader *r)
{
    return kt_fail(r->err, KT_ENOMEM, "%s: memory ran out, or the rule is too large", r->what);
}

void *take(struct reader *r, size_t n, size_t size)
{
    return kt_arena_alloc(r->rule->arena, (n ? n : 1) * size);
}

const struct kt_yaml *key_of(const struct kt_yaml *map, const char *key)
{
    for (size_t i = 0; map && map->type == KT_YAML_MAP && i < map->n; i++)
        if (kt_span_is(map->key[i]->text, key))
            return map->key[i];
    return NULL;
}

struct node *node_new(struct reader *r, enum op op, size_t n)
{
    struct node *node = take(r, 1, sizeof *node);
    const struct node **child = n ? take(r, n, sizeof *child) : NULL;
    if (!node || (n && !child))
        return NULL;
    *node = (struct node){.op = op, .n = n, .child = child};
    return node;
}

struct atom *atom_new(struct reader *r, const struct kt_yaml *at, struct kt_span field)
{
    struct rule *rule = r->rule;
    if (rule->n_atoms == ATOMS_MAX) {
        (void)refuse(r, KT_ELIMIT, at, "too many values: at most 65536 are read");
        return NULL;
    }
    if (!kt_grow(&rule->atom, &rule->cap_atoms, rule->n_atoms + 1, sizeof *rule->atom, ATOMS_MAX)) {
        (void)out_of_memory(r);
        return NULL;
    }
    struct atom *a = &rule->atom[rule->n_atoms++];
    *a = (struct atom){.field = field};
    return a;
}

/* --- selections ------------------------------------------------------------------ */

/* All fields of the map. */
static enum kt_code read_map(struct reader *r, const struct kt_yaml *y, const struct node **out)
{
    if (y->n == 0)
        return refuse(r, KT_EFORMAT, y, "there is nothing in it to match");
    struct node *n = node_new(r, OP_AND, y->n);
    if (!n)
        return out_of_memory(r);
    enum kt_code c = KT_OK;
    for (size_t i = 0; i < y->n && c == KT_OK; i++)
        c = test_read(r, y->key[i], y->item[i], &n->child[i]);
    *out = n;
    return c;
}

/* A word to be looked for in every value. */
static enum kt_code read_word(struct reader *r, const struct kt_yaml *y, const struct node **out)
{
    static const struct kt_yaml nameless = {.type = KT_YAML_SCALAR, .text = {"|contains", 9}};
    struct kt_yaml key = nameless;
    key.line = y->line;
    key.column = y->column;
    if (y->text.n == 0)
        return refuse(r, KT_EFORMAT, y, "a word is expected here");
    return test_read(r, &key, y, out);
}

/* One of the maps or words. */
static enum kt_code read_list(struct reader *r, const struct kt_yaml *y, const struct node **out)
{
    if (y->n == 0)
        return refuse(r, KT_EFORMAT, y, "there is nothing in it to match");
    struct node *n = node_new(r, OP_OR, y->n);
    if (!n)
        return out_of_memory(r);
    enum kt_code c = KT_OK;
    for (size_t i = 0; i < y->n && c == KT_OK; i++) {
        const struct kt_yaml *item = y->item[i];
        c = item->type == KT_YAML_MAP      ? read_map(r, item, &n->child[i])
            : item->type == KT_YAML_SCALAR ? read_word(r, item, &n->child[i])
                                           : refuse(r, KT_EFORMAT, item, "a map or a word is expected here");
    }
    *out = n;
    return c;
}

static enum kt_code read_selection(struct reader *r, const struct kt_yaml *y, const struct node **out)
{
    return y->type == KT_YAML_MAP    ? read_map(r, y, out)
           : y->type == KT_YAML_LIST ? read_list(r, y, out)
                                     : read_word(r, y, out);
}

enum kt_code detection_read(struct reader *r, const struct kt_yaml *d)
{
    const struct kt_yaml *condition = kt_yaml_get(d, "condition");
    if (!condition)
        return refuse(r, KT_EFORMAT, d, "there is no condition in it");
    if (key_of(d, "timeframe"))
        return refuse(r, KT_EUNSUPPORTED, key_of(d, "timeframe"), "timeframe is not read; it has become correlations");
    if (d->n > SELECTIONS_MAX + 2)
        return refuse(r, KT_ELIMIT, d, "too many selections: at most 64 are read");
    struct name name[SELECTIONS_MAX + 2];
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++) {
        struct kt_span text = d->key[i]->text;
        if (kt_span_is(text, "condition") || (r->rule->kind == KT_RULE_FILTER && kt_span_is(text, "rules")))
            continue;
        name[n].text = text;
        enum kt_code c = read_selection(r, d->item[i], &name[n++].node);
        if (c != KT_OK)
            return c;
    }
    return condition_read(r, condition, name, n, &r->rule->root);
}

/* --- the rest of a rule ------------------------------------------------------- */

/* A rule for other logs must not be let loose on these. */
static enum kt_code read_logsource(struct reader *r, const struct kt_yaml *doc)
{
    static const char *const wanted[][2] = {{"product", "aws"}, {"service", "cloudtrail"}};
    const struct kt_yaml *l = kt_yaml_get(doc, "logsource");
    if (kt_span_is(kt_yaml_text(l, "product"), "keytop")) {
        r->rule->info.facts = true;
        return key_of(l, "service") || key_of(l, "category")
                   ? refuse(r, KT_EFORMAT, l, "a rule for keytop's own facts has no service or category")
                   : KT_OK;
    }
    r->foreign = true;
    if (l && l->type == KT_YAML_MAP && key_of(l, "category"))
        return refuse(r, KT_EUNSUPPORTED, key_of(l, "category"), "rules with a log category are not for CloudTrail");
    for (size_t i = 0; i < 2; i++) {
        struct kt_span is = kt_yaml_text(l, wanted[i][0]);
        if (kt_span_known(is) && !kt_span_is(is, wanted[i][1]))
            return refuse_text(r, KT_EUNSUPPORTED, kt_yaml_get(l, wanted[i][0]),
                               "only rules for aws, cloudtrail are read, not for", is);
    }
    r->foreign = false;
    if (!l || l->type != KT_YAML_MAP)
        return refuse(r, KT_EFORMAT, l ? l : doc, "a rule needs a logsource: product: aws, service: cloudtrail");
    return KT_OK;
}

/* A list of texts, or one text; none where the key is absent. */
static enum kt_code read_texts(struct reader *r, const struct kt_yaml *doc, const char *key, const struct kt_span **out,
                               size_t *n)
{
    const struct kt_yaml *y = kt_yaml_get(doc, key);
    if (!y || kt_yaml_is_null(y))
        return KT_OK;
    bool list = y->type == KT_YAML_LIST;
    size_t count = list ? y->n : 1;
    struct kt_span *t = take(r, count, sizeof *t);
    if (!t)
        return out_of_memory(r);
    for (size_t i = 0; i < count; i++) {
        const struct kt_yaml *item = list ? y->item[i] : y;
        if (item->type != KT_YAML_SCALAR)
            return refuse(r, KT_EFORMAT, item, "a text is expected here");
        t[i] = kt_arena_span(r->rule->arena, item->text);
        if (!kt_span_known(t[i]))
            return out_of_memory(r);
    }
    *out = t;
    *n = count;
    return KT_OK;
}

static enum kt_code read_fields(struct reader *r, const struct kt_yaml *doc)
{
    struct kt_rule_info *info = &r->rule->info;
    const struct kt_yaml *y = kt_yaml_get(doc, "fields");
    if (y && !kt_yaml_is_null(y) && y->type != KT_YAML_LIST)
        return refuse(r, KT_EFORMAT, y, "fields is a list of names");
    for (size_t i = 0; y && i < y->n; i++)
        if (y->item[i]->type != KT_YAML_SCALAR || y->item[i]->text.n == 0)
            return refuse(r, KT_EFORMAT, y->item[i], "a field's name is expected here");
    enum kt_code c = read_texts(r, doc, "fields", &info->fields, &info->n_fields);
    if (c == KT_OK)
        c = read_texts(r, doc, "tags", &info->tags, &info->n_tags);
    if (c == KT_OK)
        c = read_texts(r, doc, "falsepositives", &info->falsepositives, &info->n_falsepositives);
    return c == KT_OK ? read_texts(r, doc, "references", &info->references, &info->n_references) : c;
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

int level_risk(int level)
{
    static const int risks[] = {10, 30, 50, 75, 95};
    return risks[level];
}

static enum kt_code read_level(struct reader *r, const struct kt_yaml *doc)
{
    const struct kt_yaml *y = kt_yaml_get(doc, "level");
    r->rule->info.level = KT_LIT("informational");
    r->rule->info.risk = level_risk(KT_LEVEL_INFORMATIONAL);
    if (!y)
        return KT_OK;
    for (int l = KT_LEVEL_INFORMATIONAL; l <= KT_LEVEL_CRITICAL; l++) {
        const char *name = kt_level_name((enum kt_level)l);
        if (y->type != KT_YAML_SCALAR || !kt_span_is(y->text, name))
            continue;
        r->rule->info.level = kt_span_of(name);
        r->rule->info.risk = level_risk(l);
        return KT_OK;
    }
    return refuse(r, KT_EFORMAT, y, "level is one of informational, low, medium, high, critical");
}

static enum kt_code copy_text(struct reader *r, struct kt_span from, struct kt_span *to)
{
    *to = kt_arena_span(r->rule->arena, from);
    return kt_span_known(from) && !kt_span_known(*to) ? out_of_memory(r) : KT_OK;
}

static enum kt_code read_signal(struct reader *r, const struct kt_yaml *custom)
{
    struct kt_rule_info *info = &r->rule->info;
    const struct kt_yaml *signal = kt_yaml_get(custom, "signal"), *weight = kt_yaml_get(custom, "weight");
    int64_t w;
    if (!signal && !weight)
        return KT_OK;
    if (!info->facts || r->rule->kind != KT_RULE)
        return refuse(r, KT_EFORMAT, signal ? signal : weight, "only a rule of logsource product: keytop is a signal");
    if (!signal || signal->type != KT_YAML_SCALAR || !signal->text.n || !weight)
        return refuse(r, KT_EFORMAT, signal ? signal : weight, "a signal has a name (signal) and a weight");
    if (!kt_yaml_int(weight, &w) || w < -100 || w > 100)
        return refuse(r, KT_EFORMAT, weight, "a number from -100 to 100 is expected for weight");
    info->weight = (int)w;
    enum kt_code c = copy_text(r, signal->text, &info->signal);
    if (c == KT_OK)
        c = copy_text(r, kt_yaml_text(custom, "unknown"), &info->unknown);
    return c == KT_OK ? read_texts(r, custom, "evidence", &info->evidence, &info->n_evidence) : c;
}

static enum kt_code read_risk(struct reader *r, const struct kt_yaml *doc)
{
    const struct kt_yaml *custom = kt_yaml_get(doc, "custom");
    int risk, confidence, impact;
    enum kt_code c = read_level(r, doc);
    if (c != KT_OK || !custom)
        return c;
    if (custom->type != KT_YAML_MAP)
        return refuse(r, KT_EFORMAT, custom, "custom is a map: risk, confidence, impact, why, signal, weight, unknown, evidence");
    if ((c = read_signal(r, custom)) != KT_OK)
        return c;
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

static enum kt_code read_about(struct reader *r, const struct kt_yaml *doc)
{
    struct kt_rule_info *info = &r->rule->info;
    const struct {
        const char *key;
        struct kt_span *to;
    } texts[] = {{"id", &info->id},         {"name", &info->sigma_name}, {"description", &info->description},
                 {"author", &info->author}, {"date", &info->date},       {"modified", &info->modified},
                 {"status", &info->status}, {"license", &info->license}};
    enum kt_code c = KT_OK;
    for (size_t i = 0; i < sizeof texts / sizeof *texts && c == KT_OK; i++)
        c = copy_text(r, kt_yaml_text(doc, texts[i].key), texts[i].to);
    return c;
}

static enum kt_code read_names(struct reader *r, struct kt_span name, const struct kt_yaml *doc)
{
    struct kt_rule_info *info = &r->rule->info;
    struct kt_span title = kt_yaml_text(doc, "title"), why = kt_yaml_text(kt_yaml_get(doc, "custom"), "why");
    if (title.n == 0)
        return refuse(r, KT_EFORMAT, doc, "a rule needs a title");
    enum kt_code c = read_about(r, doc);
    if (c == KT_OK)
        c = copy_text(r, name, &info->name);
    if (c == KT_OK)
        c = copy_text(r, title, &info->title);
    if (c == KT_OK)
        c = copy_text(r, why.n ? why : title, &info->why);
    if (c == KT_OK)
        c = copy_text(r, kt_span_of(r->what), &r->rule->file);
    if (!info->id.n)
        info->id = info->name; /* so that every rule can be named in a record */
    return c;
}

enum kt_code references_read(struct reader *r, const struct kt_yaml *y)
{
    struct reference *ref = y ? take(r, y->n, sizeof *ref) : NULL;
    if (!y || y->type != KT_YAML_LIST || y->n == 0)
        return refuse(r, KT_EFORMAT, y, "rules is a list of ids or names");
    if (!ref)
        return out_of_memory(r);
    for (size_t i = 0; i < y->n; i++) {
        const struct kt_yaml *item = y->item[i];
        if (item->type != KT_YAML_SCALAR || item->text.n == 0)
            return refuse(r, KT_EFORMAT, item, "a rule's id or name is expected here");
        ref[i] = (struct reference){kt_arena_span(r->rule->arena, item->text), item->line, item->column};
        if (!kt_span_known(ref[i].text))
            return out_of_memory(r);
    }
    r->rule->ref = ref;
    r->rule->n_refs = y->n;
    return KT_OK;
}

static enum kt_code read_detection(struct reader *r, const struct kt_yaml *doc)
{
    const struct kt_yaml *d = kt_yaml_get(doc, "detection");
    if (!d || d->type != KT_YAML_MAP)
        return refuse(r, KT_EFORMAT, d ? d : doc, "a rule needs a map named detection");
    return detection_read(r, d);
}

/* The kind of document, by the one map that makes it so. */
static enum kt_code read_kind(struct reader *r, const struct kt_yaml *doc)
{
    const struct kt_yaml *filter = key_of(doc, "filter"), *correlation = key_of(doc, "correlation");
    const struct kt_yaml *second = filter && correlation ? correlation : NULL;
    if (doc->type != KT_YAML_MAP)
        return refuse(r, KT_EFORMAT, doc, "a rule is a map");
    if (key_of(doc, "action"))
        return refuse_text(r, KT_EUNSUPPORTED, key_of(doc, "action"), "collections of rules are not read, by", KT_LIT("action"));
    if (key_of(doc, "detection") && (filter || correlation))
        second = key_of(doc, "detection");
    if (second)
        return refuse_text(r, KT_EFORMAT, second, "a document is a rule, a filter or a correlation: too much is", second->text);
    r->rule->kind = filter ? KT_RULE_FILTER : correlation ? KT_RULE_CORRELATION : KT_RULE;
    return KT_OK;
}

static enum kt_code read_all(struct reader *r, struct kt_span name, const struct kt_yaml *doc)
{
    enum kt_code c = read_kind(r, doc);
    if (c == KT_OK)
        c = read_names(r, name, doc);
    if (c == KT_OK && (r->rule->kind != KT_RULE_CORRELATION || key_of(doc, "logsource")))
        c = read_logsource(r, doc);
    if (c == KT_OK)
        c = r->rule->kind == KT_RULE_FILTER        ? filter_read(r, doc)
            : r->rule->kind == KT_RULE_CORRELATION ? correlation_read(r, doc)
                                                   : read_detection(r, doc);
    if (c == KT_OK)
        c = read_fields(r, doc);
    return c == KT_OK ? read_risk(r, doc) : c;
}

/* --- order ------------------------------------------------------------------------- */

/* What it costs to know an atom, roughly: whole texts are found fastest, and
 * texts deep inside a record seldom are scalars. */
static size_t atom_cost(const struct atom *a)
{
    size_t depth = 1;
    for (size_t i = 0; i < a->field.n; i++)
        depth += a->field.p[i] == '.';
    if (!a->field.n)
        return 500;
    if (kt_span_is(a->field, "eventName") || kt_span_is(a->field, "eventSource"))
        depth = 0;
    switch (a->kind) {
    case ATOM_TEXT: return depth + (a->pattern.shape == SHAPE_EXACT ? 1 : a->pattern.shape == SHAPE_GLOB ? 40 : 20);
    case ATOM_RE: return depth + 100;
    case ATOM_CIDR: return depth + 10;
    default: return depth + 5;
    }
}

/* Longer lists are values of one field: all the same. */
static void sort_children(const struct node *n)
{
    for (size_t i = 1; i < n->n && n->n <= 64; i++) {
        const struct node *moving = n->child[i];
        size_t k = i;
        for (; k > 0 && n->child[k - 1]->cost > moving->cost; k--)
            n->child[k] = n->child[k - 1];
        n->child[k] = moving;
    }
}

/* Puts what is cheap first in all that is joined, which changes nothing of
 * what it means. A selection that a condition names twice is done once. */
static void put_in_order(const struct rule *r, struct node *n)
{
    if (n->cost)
        return;
    if (n->op == OP_ATOM)
        n->cost = atom_cost(&r->atom[n->atom]);
    for (size_t i = 0; i < n->n; i++) {
        put_in_order(r, (struct node *)(uintptr_t)n->child[i]); /* our own, just read */
        n->cost += n->child[i]->cost;
    }
    sort_children(n);
}

enum kt_code rule_read(struct reader *r, struct rule **out, struct kt_span name, const struct kt_yaml *doc)
{
    *out = NULL;
    struct rule *rule = calloc(1, sizeof *rule);
    r->rule = rule;
    r->foreign = false;
    if (!rule || !(rule->arena = kt_arena_new(RULE_MEMORY_MAX))) {
        free(rule);
        return out_of_memory(r);
    }
    rule->line = doc->line;
    enum kt_code c = read_all(r, name, doc);
    if (c != KT_OK) {
        rule_free(rule);
        return c;
    }
    if (rule->root)
        put_in_order(rule, (struct node *)(uintptr_t)rule->root);
    *out = rule;
    return KT_OK;
}

void rule_free(struct rule *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n_atoms; i++)
        pcre2_code_free(r->atom[i].re);
    correlation_free(r->correlation);
    free(r->atom);
    kt_arena_free(r->arena);
    free(r);
}
