/* What the tests of the rule engine share. To be included after cmocka.h. */
#ifndef TESTS_UNIT_SIGMA_KIT_H
#define TESTS_UNIT_SIGMA_KIT_H
#include "detect/detect.h"
#include "tests/support/nodes.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AWS "logsource: {product: aws, service: cloudtrail}\n"
#define HEAD "title: T\nid: one\n" AWS

static inline struct kt_rules *empty_set(void)
{
    struct kt_rules *s;
    struct kt_err e = {KT_OK, ""};
    if (kt_rules_new(&s, &e) != KT_OK)
        fail_msg("%s", e.text);
    return s;
}

static inline void add(struct kt_rules *s, const char *name, const char *yaml)
{
    struct kt_err e = {KT_OK, ""};
    if (kt_rules_add(s, name, yaml, strlen(yaml), &e) != KT_OK)
        fail_msg("%s", e.text);
}

static inline json_t *record_of(const char *text)
{
    json_error_t e;
    json_t *root = json_loads(text, JSON_ALLOW_NUL, &e);
    if (!root)
        fail_msg("%s: %s", text, e.text);
    return root;
}

static inline bool set_matches(const struct kt_rules *s, const char *record)
{
    json_t *root = record_of(record);
    struct kt_verdict v;
    kt_rules_judge(s, node_of(root), &v);
    json_decref(root);
    return v.n_rules > 0;
}

/* A rule of the selection `s` alone. `selection` is what stands in it, in
 * YAML's short form: "a|contains: x" */
static inline bool matches(const char *selection, const char *record)
{
    char yaml[4096];
    struct kt_rules *s = empty_set();
    assert_true(snprintf(yaml, sizeof yaml, HEAD "detection:\n  s:\n    %s\n  condition: s\n", selection) < (int)sizeof yaml);
    add(s, "t", yaml);
    bool yes = set_matches(s, record);
    kt_rules_free(s);
    return yes;
}

/* The sentence, with its place, by which a text is refused; nothing of it
 * stays in the set. */
static inline void refused(const char *yaml, enum kt_code code, const char *sentence)
{
    struct kt_rules *s = empty_set();
    struct kt_err e = {KT_OK, ""};
    assert_int_equal(kt_rules_add(s, "mine", yaml, strlen(yaml), &e), code);
    if (!strstr(e.text, sentence))
        fail_msg("\"%s\" is not in \"%s\"", sentence, e.text);
    assert_int_equal(kt_rules_count(s) + kt_rules_filters(s) + kt_rules_correlations(s), 0);
    kt_rules_free(s);
}

static inline void selection_refused(const char *selection, enum kt_code code, const char *sentence)
{
    char yaml[4096];
    assert_true(snprintf(yaml, sizeof yaml, HEAD "detection:\n  s:\n    %s\n  condition: s\n", selection) < (int)sizeof yaml);
    refused(yaml, code, sentence);
}
#endif
