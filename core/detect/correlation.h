/* Inside detect/: a correlation as it was read. */
#ifndef KT_DETECT_CORRELATION_H
#define KT_DETECT_CORRELATION_H
#include "detect/rule.h"

enum correlation_type {
    CORRELATE_EVENT_COUNT, CORRELATE_VALUE_COUNT, CORRELATE_TEMPORAL, CORRELATE_TEMPORAL_ORDERED, CORRELATE_VALUE_SUM,
    CORRELATE_VALUE_AVG, CORRELATE_VALUE_PERCENTILE, CORRELATE_VALUE_MEDIAN
};

enum { CORRELATED_RULES_MAX = 64, GROUP_FIELDS_MAX = 16, VALUE_FIELDS_MAX = 8, CHAIN_MAX = 8 };

struct bounds { /* gt, gte, lt, lte, eq, neq: what is set must hold */
    bool set[6];
    double value[6];
};

struct correlation {
    enum correlation_type type;
    int64_t timespan; /* ms */
    bool generate;
    struct bounds bounds;
    const struct node *expression; /* temporal with a condition in words; OP_REF: a rule's place */
    size_t n_group;
    struct kt_span group[GROUP_FIELDS_MAX]; /* as written: fields and aliases */
    /* the field of group i in events of rule k: field_of[i * n_refs + k] */
    const struct kt_span *field_of;
    size_t n_values;
    struct kt_span value[VALUE_FIELDS_MAX];
    double percentile; /* < 0: the share of the value among all, in percent */
};

/* Where a correlation's rules are: >= 0 a rule, < 0 the correlation ~index. */
enum kt_code correlation_resolve(const struct kt_rules *s, const struct rule *c, int *out, struct kt_err *e);
/* Refuses correlations that lead to themselves. */
enum kt_code correlation_depth(const struct kt_rules *s, const struct rule *c, int depth, struct kt_err *e);
#endif
