/* The rules in force: those built in, and over them the user's folders of
 * rules and filters, as they stand now. Each load makes a set of its own
 * (detect.h); who holds the one before keeps it until he lets go.
 *
 * When a file changes all is loaded anew, off any record's way. A file that
 * was refused from the start keeps nobody out; one that has come to be refused
 * is a broken edit: the set before stays in force whole, and what is wrong is
 * told with its place. Once it is mended, the new one takes over. */
#ifndef KT_RULESET_H
#define KT_RULESET_H
#include "detect/detect.h"

enum { KT_RULES_NAMES_MAX = 64 /* events that correlations may ask for */, KT_LIST_VALUES_MAX = 65536, KT_LIST_FILE_MAX = 4 << 20 };

/* What %name% stands for in values with `expand`: these values, and those of
 * a list file, one a line; blank lines and what begins with # are left out. */
struct kt_placeholder {
    const char *name;
    const char *const *value;
    size_t n;
    const char *file; /* NULL: none */
};

struct kt_ruleset_opts { /* all borrowed, until the ruleset is freed */
    const char *const *rules, *const *filters; /* folders; later ones override */
    size_t n_rules, n_filters;
    const struct kt_placeholder *placeholder;
    size_t n_placeholders;
    const char *const *disabled; /* rules, filters, correlations by name or id */
    size_t n_disabled;
    const struct kt_rule_value *value; /* what rules and signals count for */
    size_t n_values;
    const char *only;            /* --rule: a rule by name or id; NULL */
};

/* One load. Fails where a folder or list cannot be read, or there is no rule `only`. The report is to be
 * freed in any case; it holds warnings too (their code is KT_OK). */
enum kt_code kt_ruleset_load(const struct kt_ruleset_opts *o, struct kt_rules **out, struct kt_rules_report *report,
                             struct kt_err *e);

struct kt_ruleset;
/* Loads, and watches the files where `follow`. */
enum kt_code kt_ruleset_new(struct kt_ruleset **out, const struct kt_ruleset_opts *o, bool follow, struct kt_err *e);
void kt_ruleset_free(struct kt_ruleset *s);
/* Good until the next reload; kt_rules_hold keeps it longer. */
const struct kt_rules *kt_ruleset_rules(const struct kt_ruleset *s);
/* Judges a record by the set in force. False: the rule `only` is none of all
 * that it matches. One thread at a time. */
bool kt_ruleset_judge(struct kt_ruleset *s, struct kt_node *root, struct kt_verdict *out);
/* The rules that the record judged last matches, silent ones too. */
size_t kt_ruleset_matched(const struct kt_ruleset *s, const int **rule);
/* Is the set before in force in the place of the one that was loaded last? */
bool kt_ruleset_stale(const struct kt_ruleset *s);
/* Of the last load, in force or not. */
const struct kt_rules_report *kt_ruleset_report(const struct kt_ruleset *s);
/* -1: nothing is watched. The rest as kt_watch_* (watch.h). */
int kt_ruleset_fd(const struct kt_ruleset *s);
int64_t kt_ruleset_deadline(const struct kt_ruleset *s);
bool kt_ruleset_changed(struct kt_ruleset *s, bool readable, int64_t now);
/* Other folders, placeholders and weights, borrowed as before, at the next
 * reload; those of before may be let go of after one that went well. */
void kt_ruleset_set(struct kt_ruleset *s, const struct kt_ruleset_opts *o);
/* KT_OK: a new set is in force. Else the one before is, and `e` says why. */
enum kt_code kt_ruleset_reload(struct kt_ruleset *s, struct kt_err *e);
#endif
