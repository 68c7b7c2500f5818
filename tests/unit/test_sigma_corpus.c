/* detect: the public CloudTrail rules, where they are at hand. Each is put to
 * a record made from its own tests so that it must match, and to others in
 * which one thing is different. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "detect/rule.h"
#include "tests/support/records.h"
#include "tests/unit/sigma_kit.h"
#include "tests/support/nodes.h"

#include <sys/stat.h>

enum { CORPUS = 57 };

static bool folder(char *path, size_t n)
{
    const char *source = getenv("KEYTOP_SOURCE");
    struct stat st;
    assert_true(snprintf(path, n, "%s/../shared/data/sigma-rules", source ? source : ".") < (int)n);
    return stat(path, &st) == 0;
}

/* --- records from rules ------------------------------------------------------------ */

struct made {
    const struct rule *rule;
    json_t *root;
    char path[32][120]; /* what was set */
    size_t n;
};

static void set_text(struct made *m, struct kt_span field, const char *text)
{
    assert_true(m->n < 32);
    char *path = m->path[m->n++];
    json_t *string = json_string(text);
    char *json = json_dumps(string, JSON_ENCODE_ANY);
    assert_true(snprintf(path, sizeof m->path[0], "%.*s", (int)field.n, field.p) < (int)sizeof m->path[0]);
    record_set(m->root, path, json);
    free(json);
    json_decref(string);
}

/* A text that the pattern takes: its own, with something for each wildcard;
 * after what the field has already, so that `contains|all` comes together. */
static void set_pattern(struct made *m, const struct atom *a)
{
    char text[600];
    size_t n = 0;
    const char *have = NULL;
    char path[120];
    assert_true(snprintf(path, sizeof path, "%.*s", (int)a->field.n, a->field.p) < (int)sizeof path);
    if (a->pattern.floating)
        have = json_string_value(json_object_get(m->root, path));
    if (have)
        n = (size_t)snprintf(text, sizeof text, "%s ", have);
    for (size_t i = 0; i < a->pattern.n && n < sizeof text - 1; i++)
        text[n++] = a->pattern.p[i] < PATTERN_ANY ? (char)a->pattern.p[i] : a->pattern.p[i] == PATTERN_DASH ? '/' : 'w';
    text[n] = '\0';
    set_text(m, a->field, text);
}

/* A text for the few forms of regular expression that the rules have. */
static void set_regex(struct made *m, const struct atom *a)
{
    char text[300];
    size_t n = 0;
    struct kt_span re = {a->key.p + 16 + a->field.n + 4, a->key.n - 16 - a->field.n - 4};
    for (size_t i = 0; i < re.n; i++) {
        char c = re.p[i];
        if (c == '\\' && i + 1 < re.n)
            c = re.p[++i];
        else if (strchr("^$+*?()", c))
            continue;
        text[n++] = c == '.' ? 'x' : c;
    }
    text[n] = '\0';
    set_text(m, a->field, text);
}

static void set_atom(struct made *m, const struct atom *a, bool want)
{
    char number[40];
    if (!want) {
        if (a->kind == ATOM_NULL)
            set_text(m, a->field, "something");
        return;
    }
    switch (a->kind) {
    case ATOM_TEXT: set_pattern(m, a); break;
    case ATOM_RE: set_regex(m, a); break;
    case ATOM_EXISTS: set_text(m, a->field, ""); break;
    case ATOM_NULL: break;
    case ATOM_FIELDREF:
        set_text(m, a->field, "same");
        set_text(m, a->other, "same");
        break;
    case ATOM_NUMBER:
        assert_true(snprintf(number, sizeof number, "%.0f",
                             a->number + (a->compare == COMPARE_GT) - (a->compare == COMPARE_LT)) > 0);
        set_text(m, a->field, number);
        break;
    default: fail_msg("no way to make this test hold");
    }
}

static void make(struct made *m, const struct node *n, bool want)
{
    if (n->op == OP_ATOM) {
        set_atom(m, &m->rule->atom[n->atom], want);
    } else if (n->op == OP_NOT) {
        make(m, n->child[0], !want);
    } else {
        bool every = (n->op == OP_AND) == want; /* else one of them is enough */
        for (size_t i = 0; i < (every ? n->n : 1); i++)
            make(m, n->child[i], want);
    }
}

/* As `make`, but what is to be excluded is there too. */
static bool make_excluded(struct made *m, const struct node *n)
{
    bool any = false;
    for (size_t i = 0; n->op == OP_AND && i < n->n; i++) {
        bool not = n->child[i]->op == OP_NOT;
        any |= not;
        make(m, not ? n->child[i]->child[0] : n->child[i], true);
    }
    return any;
}

static bool judged(const struct kt_rules *s, json_t *root, size_t rule)
{
    int matched[CORPUS];
    struct kt_verdict v;
    size_t n = kt_rules_match(s, node_of(root), &v, matched, CORPUS);
    for (size_t i = 0; i < n; i++)
        if (matched[i] == (int)rule)
            return true;
    return false;
}

static struct made begin(const struct rule *r)
{
    return (struct made){.rule = r, .root = json_pack("{s:s}", "eventID", "e")};
}

static void try_rule(const struct kt_rules *s, size_t i)
{
    const struct rule *r = s->rule.p[i];
    struct made m = begin(r);
    size_t misses = 0;
    assert_false(judged(s, m.root, i));
    make(&m, r->root, true);
    if (!judged(s, m.root, i))
        fail_msg("%.*s does not match %s", (int)r->info.name.n, r->info.name.p, json_dumps(m.root, 0));
    for (size_t k = 0; k < m.n; k++) {
        json_t *other = json_deep_copy(m.root);
        record_set(other, m.path[k], "\"Zzz\"");
        misses += !judged(s, other, i);
        json_decref(other);
    }
    if (!misses)
        fail_msg("%.*s matches whatever is changed in %s", (int)r->info.name.n, r->info.name.p, json_dumps(m.root, 0));
    json_decref(m.root);
    struct made excluded = begin(r);
    if (make_excluded(&excluded, r->root) && judged(s, excluded.root, i))
        fail_msg("%.*s matches what it excludes: %s", (int)r->info.name.n, r->info.name.p, json_dumps(excluded.root, 0));
    json_decref(excluded.root);
}

static void every_public_rule_loads_matches_and_misses(void **state)
{
    (void)state;
    char path[500];
    struct kt_rules_report report;
    struct kt_err e = {KT_OK, ""};
    if (!folder(path, sizeof path)) {
        print_message("SKIP: %s is not here\n", path);
        skip();
    }
    struct kt_rules *s = empty_set();
    assert_int_equal(kt_rules_load_dir(s, path, &report, &e), KT_OK);
    for (size_t i = 0; i < report.n_problems; i++)
        print_message("%s\n", report.problem[i].text);
    assert_int_equal(report.n_problems, 0);
    assert_int_equal(report.rules, CORPUS);
    assert_int_equal(kt_rules_count(s), CORPUS);
    for (size_t i = 0; i < CORPUS; i++)
        try_rule(s, i);
    kt_rules_report_free(&report);
    kt_rules_free(s);
}

static void the_synthesiser_is_right_about_rules_of_our_own(void **state)
{
    (void)state;
    struct kt_rules *s = empty_set();
    add(s, "own",
        "title: A\nid: a\n" AWS "detection: {s: {a|contains|all: [x, y], b: [1, 2], c: null}, f1: {d|re: '^p.+q$'}, f2: {e|exists: "
        "true}, condition: s and not 1 of f*}\n---\n"
        "title: B\nid: b\n" AWS "detection: {s: [{a|gte: 5}, {b|endswith: q}], t: {o.p|fieldref: u.v}, condition: s and t}\n---\n"
        "title: C\nid: c\n" AWS "detection: {k: {a|windash: '-x*'}, condition: k}\n");
    for (size_t i = 0; i < 3; i++)
        try_rule(s, i);
    kt_rules_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_public_rule_loads_matches_and_misses),
        cmocka_unit_test(the_synthesiser_is_right_about_rules_of_our_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
