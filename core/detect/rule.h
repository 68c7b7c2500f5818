/* Inside detect/: a rule as it is kept after reading. */
#ifndef KT_DETECT_RULE_H
#define KT_DETECT_RULE_H
#include "base/yaml.h"
#include "detect/detect.h"

enum { RULES_MAX = 4096, SELECTIONS_MAX = 64, STEPS_MAX = 256, RULE_MEMORY_MAX = 16 << 20 };

/* A value with its wildcards: one element a byte, ASCII in lower case. */
enum { PATTERN_ANY = 256, PATTERN_ONE = 257 }; /* any run; one code point */
struct value {
    bool null; /* no such field, or JSON null */
    const uint16_t *p;
    size_t n;
};

/* One `field: values`: one of the values holds. */
struct test {
    struct kt_span field;
    const struct value *value;
    size_t n;
};

/* All of its tests hold. */
struct selection {
    struct kt_span name;
    const struct test *test;
    size_t n;
};

/* The condition, in reverse Polish. */
enum op { OP_SELECTION, OP_AND, OP_OR, OP_NOT };
struct step {
    enum op op;
    size_t selection;
};

struct rule {
    struct kt_arena *arena; /* all of the below */
    struct kt_rule_info info;
    struct kt_span why;
    const struct selection *selection;
    size_t n_selections;
    struct step step[STEPS_MAX];
    size_t n_steps;
};

struct kt_rules {
    struct rule **rule;
    size_t n, cap;
};

/* Reads one rule; `what` names the text in errors. */
enum kt_code rule_read(struct rule **out, const char *what, struct kt_span name, const struct kt_yaml *doc,
                       struct kt_err *e);
void rule_free(struct rule *r);
bool rule_matches(const struct rule *r, json_t *root);
/* The condition's text to steps. `selections` is the `detection:` map's. */
enum kt_code condition_read(struct rule *r, const char *what, const struct kt_yaml *condition, struct kt_err *e);
#endif
