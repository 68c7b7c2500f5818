/* Inside detect/: a correlation as it was read, and what happens in one of
 * its groups. */
#ifndef KT_DETECT_CORRELATION_H
#define KT_DETECT_CORRELATION_H
#include "detect/rule.h"

enum correlation_type {
    CORRELATE_EVENT_COUNT, CORRELATE_VALUE_COUNT, CORRELATE_TEMPORAL, CORRELATE_TEMPORAL_ORDERED, CORRELATE_VALUE_SUM,
    CORRELATE_VALUE_AVG, CORRELATE_VALUE_PERCENTILE, CORRELATE_VALUE_MEDIAN, CORRELATE_TYPES
};

enum {
    CORRELATED_RULES_MAX = 64,
    GROUP_FIELDS_MAX = 16,
    VALUE_FIELDS_MAX = 8,
    CHAIN_MAX = 8,       /* correlations of correlations */
    COUNT_MAX = 10000,   /* that a condition may ask for: as many events as a group holds */
    TIMESPAN_DAYS_MAX = 366
};

enum bound { BOUND_GT, BOUND_GTE, BOUND_LT, BOUND_LTE, BOUND_EQ, BOUND_NEQ, BOUNDS };
struct bounds { /* all that are set must hold */
    bool set[BOUNDS];
    double value[BOUNDS];
};

struct alias { /* a field's name in the events of one rule */
    struct kt_span name, rule, field;
    int line, column;
};

struct correlation {
    enum correlation_type type;
    int64_t timespan; /* ms */
    bool generate;
    struct bounds bounds;
    const struct node *expression; /* temporal with a condition in words; OP_REF: a rule's place */
    struct kt_span *group;         /* as written: fields and aliases */
    size_t n_group;
    struct kt_span *value;
    size_t n_values;
    struct alias *alias;
    size_t n_aliases;
    double percentile; /* < 0: the share of the value among all, in percent */
};

/* Where a correlation's rules are: >= 0 a rule, < 0 the correlation ~index. */
enum kt_code correlation_resolve(const struct kt_rules *s, const struct rule *c, int *out, struct kt_err *e);
/* Refuses correlations that lead to themselves. */
enum kt_code correlation_depth(const struct kt_rules *s, const struct rule *c, int depth, struct kt_err *e);
/* What `field` is called in events of the rule. */
struct kt_span correlation_field(const struct correlation *c, const struct rule *rule, struct kt_span field);

/* --- windows ---------------------------------------------------------------------- */

struct joined { /* an event at which a match went on */
    int64_t time;
    struct kt_span id; /* its own block */
};

struct entry { /* an event in a group; its texts follow it in memory */
    int64_t time;
    uint64_t rules;   /* bits: which of the correlated rules it matched */
    uint64_t source;  /* the match of another correlation that it stands for; 0: an event */
    uint64_t feed;    /* the feeding it came with */
    struct kt_span id;
    struct kt_span value; /* of the value fields, joined */
    double number;
    struct kt_span *carried; /* fields that correlations of this one ask for */
    struct kt_span *evidence; /* events of the match it stands for; one block */
    size_t n_evidence;
    struct joined *joined; /* those that joined that match, each as often as it did */
    size_t n_joined, cap_joined;
    struct group *in;             /* where it stands for that match, among those of its bucket */
    struct entry *next_standing;
    uint64_t turn;    /* the telling that has reached it */
    bool holds;       /* the condition, of the timespan that ends here */
    uint64_t match;   /* 0: it does not begin a match */
    uint64_t follows; /* the match that goes on here; 0: none */
};

struct slot { /* a value in the window; the text is that of the newest entry that has it */
    struct kt_span value;
    uint64_t hash;
    size_t n;
};

/* The timespan that ends at an entry, as it slides from each to the next:
 * what it costs does not hang on how much is in it, but for sums (which are
 * added up anew, so that they do not hang on the way there) and orders. */
struct window {
    bool valid;
    size_t first, end; /* entries first..end - 1 are in it */
    struct slot *slot; /* different values */
    size_t n_slots, n_values;
    double *sorted; /* numbers */
    size_t n_sorted, cap_sorted;
    size_t *rules;  /* how many entries of each */
};

/* Moves the window to end at `at` and says whether the condition holds of it;
 * `value` is what was counted. False in `ok`: memory ran out. */
bool window_holds(const struct rule *r, struct window *w, struct entry *const *e, size_t at, double *value, bool *ok);
/* Takes the entries from `at` on out, before they move or change. */
void window_back(const struct rule *r, struct window *w, struct entry *const *e, size_t at);
/* The first `n` entries are about to go. */
void window_forget(struct window *w, size_t n);
void window_free(struct window *w);
/* The first entry of the timespan that ends at `at`. */
size_t window_first(struct entry *const *e, size_t at, int64_t timespan);
#endif
