#include "detect/detect.h"

#include "base/buf.h"
#include "base/embedded.h"
#include "detect/rule.h"
#include "event/event.h"

#include <stdio.h>
#include <stdlib.h>

/* --- the set ------------------------------------------------------------------ */

/* In place of the rule with the same id, else at the end. */
static bool keep(struct kt_rules *s, struct rule *r)
{
    for (size_t i = 0; i < s->n; i++) {
        if (kt_span_eq(s->rule[i]->info.id, r->info.id)) {
            rule_free(s->rule[i]);
            s->rule[i] = r;
            return true;
        }
    }
    if (!kt_grow(&s->rule, &s->cap, s->n + 1, sizeof *s->rule, RULES_MAX))
        return false;
    s->rule[s->n++] = r;
    return true;
}

enum kt_code kt_rules_add(struct kt_rules *s, const char *name, const char *yaml, size_t n, struct kt_err *e)
{
    char what[300];
    struct kt_yaml_file f;
    struct rule *r = NULL;
    if (snprintf(what, sizeof what, "%s.yml", name) < 0)
        return kt_fail(e, KT_EFORMAT, "a rule's name cannot be written");
    enum kt_code c = kt_yaml_parse(&f, what, yaml, n, e);
    if (c != KT_OK)
        return c;
    if (f.n != 1)
        c = f.n ? kt_fail(e, KT_EUNSUPPORTED, "%s:%d:%d: only one rule a file is read", what, f.doc[1]->line,
                          f.doc[1]->column)
                : kt_fail(e, KT_EFORMAT, "%s:1:1: there is no rule in it", what);
    else
        c = rule_read(&r, what, kt_span_of(name), f.doc[0], e);
    kt_yaml_free(&f);
    if (c == KT_OK && !keep(s, r)) {
        rule_free(r);
        c = kt_fail(e, KT_ELIMIT, "%s: memory ran out, or more than %d rules", what, RULES_MAX);
    }
    return c;
}

static enum kt_code add_builtin(struct kt_rules *s, const struct kt_embedded *b, struct kt_err *e)
{
    char name[256];
    size_t n = strlen(b->name);
    if (n > 4 && memcmp(b->name + n - 4, ".yml", 4) == 0)
        n -= 4;
    if (n >= sizeof name)
        return kt_fail(e, KT_ELIMIT, "%s: the name is too long", b->name);
    memcpy(name, b->name, n);
    name[n] = '\0';
    return kt_rules_add(s, name, b->data, b->len, e);
}

enum kt_code kt_rules_load_builtin(struct kt_rules **out, struct kt_err *e)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return kt_fail(e, KT_ENOMEM, "memory ran out");
    for (const struct kt_embedded *b = kt_rules_builtin; b->name; b++) {
        enum kt_code c = add_builtin(*out, b, e);
        if (c != KT_OK) {
            kt_rules_free(*out);
            *out = NULL;
            return c;
        }
    }
    return KT_OK;
}

void kt_rules_free(struct kt_rules *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        rule_free(s->rule[i]);
    free(s->rule);
    free(s);
}

size_t kt_rules_count(const struct kt_rules *s)
{
    return s ? s->n : 0;
}

struct kt_rule_info kt_rules_info(const struct kt_rules *s, size_t i)
{
    return s && i < s->n ? s->rule[i]->info : (struct kt_rule_info){.n_fields = 0};
}

int kt_rules_find(const struct kt_rules *s, const char *name_or_id)
{
    for (size_t i = 0; s && i < s->n; i++)
        if (kt_span_is(s->rule[i]->info.name, name_or_id) || kt_span_is(s->rule[i]->info.id, name_or_id))
            return (int)i;
    return -1;
}

/* --- matching ------------------------------------------------------------------ */

static uint16_t lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (uint16_t)(c + ('a' - 'A')) : (unsigned char)c;
}

/* The length of the code point at `at`: continuation bytes go with it. */
static size_t one(struct kt_span s, size_t at)
{
    size_t n = 1;
    while (at + n < s.n && ((unsigned char)s.p[at + n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* On a mismatch the last * takes one byte more: linear but for stars, and
 * never worse than text times pattern. */
static bool text_matches(const struct value *v, struct kt_span s)
{
    size_t i = 0, k = 0, star = SIZE_MAX, resume = 0;
    while (i < s.n) {
        if (k < v->n && v->p[k] == PATTERN_ANY) {
            star = k++;
            resume = i;
        } else if (k < v->n && v->p[k] == PATTERN_ONE) {
            i += one(s, i);
            k++;
        } else if (k < v->n && v->p[k] == lower(s.p[i])) {
            i++;
            k++;
        } else if (star != SIZE_MAX) {
            k = star + 1;
            i = ++resume;
        } else {
            return false;
        }
    }
    while (k < v->n && v->p[k] == PATTERN_ANY)
        k++;
    return k == v->n;
}

/* Strings as they are; numbers and truths as JSON spells them. */
static bool value_matches(const struct value *v, const json_t *j)
{
    char text[64];
    if (!j || json_is_null(j))
        return v->null;
    if (v->null)
        return false;
    if (json_is_string(j))
        return text_matches(v, (struct kt_span){json_string_value(j), json_string_length(j)});
    if (json_is_object(j) || json_is_array(j))
        return false;
    size_t n = json_dumpb(j, text, sizeof text, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    return n > 0 && n <= sizeof text && text_matches(v, (struct kt_span){text, n});
}

static bool test_matches(const struct test *t, json_t *root)
{
    json_t *j = kt_json_path(root, t->field);
    for (size_t i = 0; i < t->n; i++) {
        if (value_matches(&t->value[i], j))
            return true;
        for (size_t k = 0; k < json_array_size(j); k++) /* any item of a list */
            if (value_matches(&t->value[i], json_array_get(j, k)))
                return true;
    }
    return false;
}

static bool selection_matches(const struct selection *s, json_t *root)
{
    for (size_t i = 0; i < s->n; i++)
        if (!test_matches(&s->test[i], root))
            return false;
    return true;
}

bool rule_matches(const struct rule *r, json_t *root)
{
    bool stack[STEPS_MAX + 1];
    size_t n = 0;
    for (size_t i = 0; i < r->n_steps; i++) {
        switch (r->step[i].op) {
        case OP_SELECTION:
            stack[n++] = selection_matches(&r->selection[r->step[i].selection], root);
            break;
        case OP_NOT:
            stack[n - 1] = !stack[n - 1];
            break;
        case OP_AND:
            n--;
            stack[n - 1] = stack[n - 1] && stack[n];
            break;
        case OP_OR:
            n--;
            stack[n - 1] = stack[n - 1] || stack[n];
            break;
        }
    }
    return n == 1 && stack[0];
}

/* --- the verdict --------------------------------------------------------------- */

/* "this, that"; what would not fit whole is left out. */
static void add_why(struct kt_verdict *v, struct kt_span why)
{
    size_t have = strlen(v->why), sep = have ? 2 : 0;
    if (have && have + sep + why.n >= KT_WHY_MAX)
        return;
    if (sep)
        memcpy(v->why + have, ", ", sep);
    size_t n = why.n < KT_WHY_MAX - 1 - have - sep ? why.n : KT_WHY_MAX - 1 - have - sep;
    for (size_t i = 0; i < n; i++)
        v->why[have + sep + i] = why.p[i] >= 0x20 && why.p[i] < 0x7f ? why.p[i] : '?';
    v->why[have + sep + n] = '\0';
}

void kt_rules_judge(const struct kt_rules *s, json_t *root, struct kt_verdict *out)
{
    *out = (struct kt_verdict){.risk = 0};
    for (size_t i = 0; s && i < s->n; i++) {
        if (!rule_matches(s->rule[i], root))
            continue;
        out->risk += s->rule[i]->info.risk;
        if (out->risk > 100)
            out->risk = 100;
        if (out->n_rules < KT_RULES_MATCHED_MAX)
            out->rule[out->n_rules++] = (int)i;
        add_why(out, s->rule[i]->why);
    }
    out->level = kt_level_of_risk(out->risk);
}

const char *kt_level_name(enum kt_level l)
{
    static const char *const names[] = {"informational", "low", "medium", "high", "critical"};
    return (size_t)l < sizeof names / sizeof *names ? names[l] : "informational";
}

enum kt_level kt_level_of_risk(int risk)
{
    return risk >= 90   ? KT_LEVEL_CRITICAL
           : risk >= 70 ? KT_LEVEL_HIGH
           : risk >= 40 ? KT_LEVEL_MEDIUM
           : risk >= 20 ? KT_LEVEL_LOW
                        : KT_LEVEL_INFORMATIONAL;
}
