/* Rules in Sigma format: load, match, and what a match is worth.
 *
 * Follows the Sigma specification 2.1: rules, filters and correlations
 * (correlate.h). What is not known is refused by its name, line and column,
 * never half applied. A rule set does not change once it is built: to reload,
 * build another one and swap.
 *
 * A field is a dotted CloudTrail path; of a list, on the way or at the end,
 * any item may match. Texts are compared with ASCII case ignored unless
 * `cased` or `re`. Numbers and truths match as JSON spells them, whether the
 * record has them as such or as texts ("true", "5"); a whole number also
 * without its fraction. Equality never looks into an object; patterns and
 * regular expressions see an object or a list as its compact JSON text, and
 * `contains`, `*x*` and `re` also each text inside. A null value is a missing
 * field or a JSON null. Words without a field are looked for in every value
 * of the record. Time parts (hour, day, ...) are those of UTC. `neq` is the
 * opposite of equality: it holds where the field is missing.
 *
 * What Sigma has no word for stands under `custom:`: `confidence` and
 * `impact` (0..100, the risk is their product), or `risk` itself, and `why`,
 * a few words for the table (else the title); and what makes a rule a signal,
 * `signal`, `weight`, `unknown`, `evidence` (risk.h). Rules and filters of
 * `logsource: {product: keytop}` are for what keytop knows of a row, all
 * others for records; a filter works on rules of its own logsource. */
#ifndef KT_DETECT_DETECT_H
#define KT_DETECT_DETECT_H
#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "base/tree.h"

#include <stdbool.h>
#include <stddef.h>

enum kt_level { KT_LEVEL_INFORMATIONAL, KT_LEVEL_LOW, KT_LEVEL_MEDIUM, KT_LEVEL_HIGH, KT_LEVEL_CRITICAL };
const char *kt_level_name(enum kt_level l);
enum kt_level kt_level_of_risk(int risk); /* 90, 70, 40, 20 */

enum kt_rule_kind { KT_RULE, KT_RULE_FILTER, KT_RULE_CORRELATION };
struct kt_rule_info { /* borrowed from the rule set */
    struct kt_span name; /* file name without .yml; "NAME#2" for the second document of a file */
    struct kt_span id, title, level; /* id: the name where it has none */
    const struct kt_span *fields; /* the rule's `fields:` */
    size_t n_fields;
    int risk; /* `custom.risk` or confidence x impact, else by level */
    /* unknown, or n == 0, where the rule does not say */
    struct kt_span sigma_name; /* its `name:`, by which correlations know it */
    struct kt_span description, author, date, modified, status, license;
    const struct kt_span *tags, *falsepositives, *references;
    size_t n_tags, n_falsepositives, n_references;
    bool facts;            /* for what keytop knows of a row, not for records (risk.h) */
    struct kt_span signal; /* such a rule's, where it is one: its name, weight, words, limits, evidence */
    int weight;
    struct kt_span why;    /* a few words; the title where it has none */
    struct kt_span unknown;
    const struct kt_span *evidence;
    size_t n_evidence;
    bool disabled;
    bool silent; /* only a part of correlations, which count in its place */
};

struct kt_rules;
/* The built-in rules. */
enum kt_code kt_rules_load_builtin(struct kt_rules **out, struct kt_err *e);
/* An empty set. */
enum kt_code kt_rules_new(struct kt_rules **out, struct kt_err *e);
/* The documents of a text: rules, filters, correlations; `name` as file name
 * without .yml. All of them or none. What has the id of one that is already
 * there takes its place; an id twice in one text is an error, and so is a
 * correlation of rules that are not there. */
enum kt_code kt_rules_add(struct kt_rules *r, const char *name, const char *yaml, size_t n, struct kt_err *e);

/* Every *.yml and *.yaml in folders, and in the folders below them. A file
 * that is refused is told in the report and does not keep the others out;
 * rules for other logs than CloudTrail's are only counted. */
enum { KT_RULES_PROBLEMS_MAX = 1000 };
struct kt_rules_folder {
    const char *path;
    bool filters_only; /* a rule or correlation in it is refused */
};
struct kt_rules_file { /* what was taken of it */
    char *path;
    size_t rules, filters, correlations, foreign;
    bool refused; /* it, or a correlation of it whose rules are missing */
};
struct kt_rules_report {
    struct kt_rules_file *file; /* `files` of them, folder by folder, by name */
    size_t files, rules, filters, correlations; /* taken */
    size_t foreign;                             /* documents for other logs */
    size_t refused;                             /* files, and correlations whose rules are missing */
    size_t n_problems;                          /* kept of those and of warnings */
    struct kt_err *problem;                     /* KT_OK: a warning */
};
/* Fails only where a folder cannot be read or memory runs out; the set is
 * then as it was. The report is to be freed in any case. */
enum kt_code kt_rules_load_dir(struct kt_rules *r, const char *path, struct kt_rules_report *report, struct kt_err *e);
/* Several folders together: correlations and filters of one may name rules of
 * another, and an id in a later folder takes the place of the same in an
 * earlier one. */
enum kt_code kt_rules_load_dirs(struct kt_rules *r, const struct kt_rules_folder *folder, size_t n,
                                struct kt_rules_report *report, struct kt_err *e);
void kt_rules_report_free(struct kt_rules_report *report);
/* One problem more; what is beyond KT_RULES_PROBLEMS_MAX is left out. */
void kt_rules_report_add(struct kt_rules_report *report, const struct kt_err *what);

/* What %name% stands for in values with `expand`, for what is added later:
 * Sigma values, which may hold wildcards. A rule with an unknown placeholder
 * is refused. */
enum kt_code kt_rules_placeholder(struct kt_rules *r, const char *name, const char *const *values, size_t n,
                                  struct kt_err *e);
/* A rule, filter or correlation by id or name: it stays in the set and never
 * matches. False: there is none. */
bool kt_rules_disable(struct kt_rules *r, const char *name_or_id);
/* What a rule, correlation or signal counts for in its user's view, instead of
 * what its file says. A level without a risk brings the risk that rules of
 * that level have. */
struct kt_rule_value {
    const char *name; /* name or id of a rule or correlation, or a signal's name */
    bool has_weight, has_risk;
    int weight; /* -100..100: of a signal */
    int risk;   /* 0..100 */
    int level;  /* enum kt_level; -1: as it is */
};
/* KT_ENOTFOUND: there is none; KT_EUSAGE: a weight, for what is no signal. */
enum kt_code kt_rules_value(struct kt_rules *r, const struct kt_rule_value *v);
/* A set may be held by several, and goes when the last one lets go of it. To
 * be changed it may be held by one alone. */
const struct kt_rules *kt_rules_hold(const struct kt_rules *r);
void kt_rules_free(const struct kt_rules *r);
size_t kt_rules_count(const struct kt_rules *r);
struct kt_rule_info kt_rules_info(const struct kt_rules *r, size_t i);
/* By id, `name:`, or file name without .yml; -1. */
int kt_rules_find(const struct kt_rules *r, const char *name_or_id);
/* A rule or correlation by its id alone. False: the set has none of that id. */
bool kt_rules_by_id(const struct kt_rules *r, struct kt_span id, struct kt_rule_info *out);
/* The rule of a signal. False: none has it. */
bool kt_rules_signal(const struct kt_rules *r, struct kt_span signal, struct kt_rule_info *out);
/* Filters and correlations are numbered for themselves. */
size_t kt_rules_filters(const struct kt_rules *r);
struct kt_rule_info kt_rules_filter_info(const struct kt_rules *r, size_t i);
/* The event names (or the parts of them that the rules spell) that records
 * must hold to matter to a correlation, spelled as in its rules; terminated,
 * good as long as the set. Returns how many there are, of which at most `max`
 * are written; `unnamed`: rules of correlations that may match without any,
 * which are only seen in records that are read anyway. */
size_t kt_rules_event_names(const struct kt_rules *r, const char **out, size_t max, size_t *unnamed);
/* Does a filter, not disabled, speak of a rule? By their numbers. */
bool kt_rules_filter_speaks(const struct kt_rules *r, size_t filter, size_t rule);
size_t kt_rules_correlations(const struct kt_rules *r);
struct kt_rule_info kt_rules_correlation_info(const struct kt_rules *r, size_t i);

/* A rule or a correlation by its id as text, so that a verdict keeps its sense
 * when the rules are loaded anew; what the id stands for then says
 * kt_rules_by_id. */
struct kt_matched {
    struct kt_span id;
    int risk; /* the rule's, when it matched */
    bool correlation;
};
struct kt_evidence {
    struct kt_span event_id; /* unknown where only the time is known */
    int64_t time;
};
/* What moved the risk: a rule that has `custom.signal` (risk.h). */
struct kt_signal {
    struct kt_span name; /* "target.other" */
    int weight;          /* -100..100 */
    const struct kt_evidence *evidence;
    size_t n_evidence;
};

enum { KT_RULES_MATCHED_MAX = 16, KT_SIGNALS_MAX = 24, KT_EVIDENCE_MAX = 4, KT_WHY_MAX = 160 };
struct kt_verdict {
    int risk; /* 0..100 */
    enum kt_level level;
    size_t n_rules;
    struct kt_matched rule[KT_RULES_MATCHED_MAX]; /* the record's own first, then correlations */
    size_t n_signals;
    struct kt_signal signal[KT_SIGNALS_MAX]; /* the strongest first */
    char why[KT_WHY_MAX]; /* plain words for the table, ours, ASCII */
    struct kt_span filter;   /* name of the first filter that suppressed a match, or the record; unknown: none did */
    struct kt_span filtered; /* id of the rule whose match it was; unknown: no rule's, the filter is of any */
    unsigned undecided; /* tests that gave up at their limit of time or memory: not taken as a match */
};
/* Did filters leave nothing of what rules matched? */
static inline bool kt_verdict_suppressed(const struct kt_verdict *v)
{
    return kt_span_known(v->filter) && v->n_rules == 0;
}
/* Risk is that of the gravest matching rule; beyond KT_RULES_MATCHED_MAX they
 * count but are not listed. */
void kt_rules_judge(const struct kt_rules *r, struct kt_node *root, struct kt_verdict *out);
/* As kt_rules_judge, and all matching rules, silent ones too, in their order
 * into `matched`: what a correlator is fed with. Returns how many match, of
 * which at most `max` are written. Any number of threads may judge at once. */
size_t kt_rules_match(const struct kt_rules *r, struct kt_node *root, struct kt_verdict *out, int *matched, size_t max);
/* The same for the rules whose logsource is keytop itself: which of them match
 * a flat object of facts (risk.h). */
size_t kt_rules_match_facts(const struct kt_rules *r, struct kt_node *facts, int *matched, size_t max);
#endif
