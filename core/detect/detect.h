/* Rules in Sigma format: load, match, and what a match is worth.
 *
 * Follows the Sigma specification 2.1, as much of it as is built: one or more
 * named selections of `field: value` and `field: [values]` (equality, case
 * ignored, `*` and `?` wildcards, null), and a condition that is the name of
 * one selection or `and` / `or` / `not` / parentheses over names. Anything
 * else in a rule is refused by its name and place, never half applied.
 *
 * A field is a dotted CloudTrail path; of a list any item may match. Case is
 * ignored for ASCII letters. Backslash takes the meaning from * ? and itself.
 * What Sigma has no word for stands under `custom:`: `confidence` and
 * `impact` (0..100, the risk is their product), or `risk` itself, and `why`,
 * a few words for the table (else the title). */
#ifndef KT_DETECT_DETECT_H
#define KT_DETECT_DETECT_H
#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum kt_level { KT_LEVEL_INFORMATIONAL, KT_LEVEL_LOW, KT_LEVEL_MEDIUM, KT_LEVEL_HIGH, KT_LEVEL_CRITICAL };
const char *kt_level_name(enum kt_level l);
enum kt_level kt_level_of_risk(int risk); /* 90, 70, 40, 20 */

struct kt_rule_info { /* borrowed from the rule set */
    struct kt_span name; /* file name without .yml */
    struct kt_span id, title, level; /* id: the name where it has none */
    const struct kt_span *fields; /* the rule's `fields:` */
    size_t n_fields;
    int risk; /* `custom.risk` or confidence x impact, else by level */
};

struct kt_rules;
/* The built-in rules. */
enum kt_code kt_rules_load_builtin(struct kt_rules **out, struct kt_err *e);
/* One more, from text; `name` as file name without .yml. A rule whose id is
 * already there takes its place. */
enum kt_code kt_rules_add(struct kt_rules *r, const char *name, const char *yaml, size_t n, struct kt_err *e);
void kt_rules_free(struct kt_rules *r);
size_t kt_rules_count(const struct kt_rules *r);
struct kt_rule_info kt_rules_info(const struct kt_rules *r, size_t i);
/* By file name without .yml, or by id; -1. */
int kt_rules_find(const struct kt_rules *r, const char *name_or_id);

enum { KT_RULES_MATCHED_MAX = 16, KT_WHY_MAX = 160 };
struct kt_verdict {
    int risk; /* 0..100 */
    enum kt_level level;
    size_t n_rules;
    int rule[KT_RULES_MATCHED_MAX]; /* indices into the set */
    size_t n_signals;
    struct kt_span signal[KT_RULES_MATCHED_MAX];
    char why[KT_WHY_MAX]; /* plain words for the table, ours, ASCII */
};
/* Risk is the sum of the matching rules', at most 100; beyond
 * KT_RULES_MATCHED_MAX they count but are not listed. */
void kt_rules_judge(const struct kt_rules *r, json_t *root, struct kt_verdict *out);
#endif
