/* Inside detect/: what a rule, a filter or a correlation is after reading,
 * and the parts of the engine that work on it:
 *
 *   rule.c       a YAML document to a struct rule
 *   modifier.c   `field|modifiers: values` to atoms and their connection
 *   pattern.c    wildcards; one text against one pattern
 *   regex.c      what a regular expression cannot match without
 *   condition.c  the condition's text to a tree
 *   atom.c       one atom against one record, plainly
 *   matcher.c    all atoms of a set against one record, together
 *   suppress.c   filters
 *   correlated.c a verdict when correlations come and go
 *   names.c      events that a rule cannot match without
 *   correlation.c, correlate.c  correlations: reading, and working over time
 *   load.c       sets: adding, replacing, folders */
#ifndef KT_DETECT_RULE_H
#define KT_DETECT_RULE_H
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/buf.h"
#include "base/yaml.h"
#include "detect/detect.h"

#include <pcre2.h>
#include <stdatomic.h>

enum {
    RULES_MAX = 16384,        /* rules, filters and correlations of a set, each */
    SELECTIONS_MAX = 64,
    WORDS_MAX = 256,          /* of a condition */
    ATOMS_MAX = 65536,        /* of a rule */
    EXPANSIONS_MAX = 4096,    /* values that one value with placeholders becomes */
    RULE_MEMORY_MAX = 16 << 20
};

/* --- patterns ------------------------------------------------------------------- */

/* One element a byte, ASCII in lower case unless cased. */
enum { PATTERN_ANY = 256, PATTERN_ONE = 257, PATTERN_DASH = 258 }; /* any run; one code point; one of - / – — ― */
enum shape { SHAPE_EXACT, SHAPE_PREFIX, SHAPE_SUFFIX, SHAPE_CONTAINS, SHAPE_ANY, SHAPE_GLOB };
struct pattern {
    const uint16_t *p;
    size_t n;
    enum shape shape;
    bool cased;
    bool floating;          /* begins and ends with * */
    struct kt_span literal; /* all but SHAPE_GLOB: the text without its *; SHAPE_GLOB: its longest literal run;
                             * ATOM_RE: what every match has, else empty */
};

/* Sigma's text to elements; at most `s.n` of them. */
size_t pattern_compile(struct kt_span s, uint16_t *out);
/* Shape, case and literal of the elements; `text` has room for `n` bytes. */
void pattern_finish(struct pattern *p, char *text);
bool pattern_matches(const struct pattern *p, struct kt_span s);
unsigned char pattern_fold(char c);
/* A text that everything that the regular expression matches has, case of
 * ASCII apart; n == 0: none is known. In `text`, which has room for re.n. */
struct kt_span regex_literal(struct kt_span re, bool caseless, char *text);

/* --- atoms ---------------------------------------------------------------------- */

enum atom_kind { ATOM_TEXT, ATOM_NULL, ATOM_EXISTS, ATOM_RE, ATOM_CIDR, ATOM_NUMBER, ATOM_FIELDREF };
enum compare { COMPARE_EQ, COMPARE_LT, COMPARE_LTE, COMPARE_GT, COMPARE_GTE };
enum part { PART_NONE, PART_MINUTE, PART_HOUR, PART_DAY, PART_WEEK, PART_MONTH, PART_YEAR };

/* What is looked at of a value: itself and the items of a list; an object's or
 * list's JSON text; the texts at any depth inside, or, where the JSON text is
 * enough for the others, those alone that it spells otherwise. */
enum { SEES_SCALAR = 1, SEES_JSON = 2, SEES_LEAF = 4, SEES_SPELLED = 8 };

struct atom { /* one field, one value */
    enum atom_kind kind;
    struct kt_span field; /* empty: every value of the record */
    struct kt_span key;   /* equal for atoms that mean the same */
    struct pattern pattern; /* ATOM_TEXT; ATOM_FIELDREF: shape and case alone */
    struct kt_span other;   /* ATOM_FIELDREF */
    const char *spelled;    /* ATOM_TEXT: what each match holds, in the rule's own letters; NULL: not known */
    pcre2_code *re;
    struct {
        uint8_t net[16];
        int bits;
        bool v6;
    } cidr;
    enum compare compare;
    enum part part;
    double number;
};

/* Of a judgement: what regular expressions need, and what they could not say. */
struct trial {
    struct kt_node *root;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    struct kt_buf text; /* a container's JSON */
    unsigned undecided;
};
bool trial_init(struct trial *t); /* false: memory ran out; regular expressions stay undecided */
void trial_free(struct trial *t);
/* Whether the last container's text could not be made; asked once. */
bool trial_text_failed(struct trial *t);

int atom_sees(const struct atom *a);
bool atom_holds(const struct atom *a, struct trial *t);

/* Every value at a dotted path; lists on the way stand for each of their
 * items. `f` returns whether to go on. */
typedef bool value_fn(void *ctx, struct kt_node *value);
bool path_each(struct kt_node *root, struct kt_span path, value_fn *f, void *ctx);
/* The texts of a value, by what is seen. `f` returns whether to go on. */
typedef bool text_fn(void *ctx, struct kt_span text, int seen_as);
bool texts_each(struct kt_node *value, int sees, struct kt_buf *json, text_fn *f, void *ctx);
/* A number or truth as text; n == 0: not one. `room` has 64 bytes. */
struct kt_span scalar_text(const struct kt_node *v, char *room, bool whole);
bool number_of(const struct kt_node *v, double *out);
bool number_read(struct kt_span s, double *out);
bool address_read(struct kt_span s, uint8_t out[16], bool *v6);

/* --- rules ---------------------------------------------------------------------- */

enum op { OP_ATOM, OP_AND, OP_OR, OP_NOT, OP_REF };
struct node {
    enum op op;
    size_t atom; /* OP_ATOM: into the rule's atoms; OP_REF: the correlated rule */
    size_t cost; /* to know it, roughly */
    size_t n;
    const struct node **child;
};

struct reference { /* a rule named by another document */
    struct kt_span text;
    int line, column;
};

struct correlation;
struct rule {
    enum kt_rule_kind kind;
    struct kt_arena *arena; /* all of the below */
    struct kt_rule_info info;
    struct kt_span file; /* for errors after reading */
    int line;
    unsigned batch;      /* the addition it came with */
    struct atom *atom;   /* malloc'd */
    size_t n_atoms, cap_atoms;
    const struct node *root;
    struct reference *ref; /* filter, correlation */
    size_t n_refs;
    bool any; /* filter: for all rules */
    struct correlation *correlation;
};

struct placeholder {
    struct kt_span name;
    struct kt_span *value;
    size_t n;
};

struct reader {
    struct rule *rule;
    const char *what;
    struct kt_err *err;
    const struct placeholder *placeholder;
    size_t n_placeholders;
    bool foreign; /* refused because it is for other logs */
};

enum kt_code refuse(struct reader *r, enum kt_code code, const struct kt_yaml *at, const char *sentence);
/* As refuse, with the offending text quoted after the sentence. */
enum kt_code refuse_text(struct reader *r, enum kt_code code, const struct kt_yaml *at, const char *sentence,
                         struct kt_span text);
/* As refuse_text, `offset` bytes into the scalar. */
enum kt_code refuse_at(struct reader *r, enum kt_code code, const struct kt_yaml *at, size_t offset,
                       const char *sentence, struct kt_span text);
enum kt_code out_of_memory(struct reader *r);
void *take(struct reader *r, size_t n, size_t size);
const struct kt_yaml *key_of(const struct kt_yaml *map, const char *key);
struct node *node_new(struct reader *r, enum op op, size_t n);
/* A new atom of the rule, cleared but for its field. NULL: an error was set. */
struct atom *atom_new(struct reader *r, const struct kt_yaml *at, struct kt_span field);
bool placeholder_char(char c); /* letters, digits, _ */
/* `key: values` of a selection. */
enum kt_code test_read(struct reader *r, const struct kt_yaml *key, const struct kt_yaml *y, const struct node **out);

struct name { /* what a condition may speak of */
    struct kt_span text;
    const struct node *node;
};
/* A condition, or a list of them. */
enum kt_code condition_read(struct reader *r, const struct kt_yaml *condition, const struct name *name, size_t n,
                            const struct node **out);
/* `detection:`, or `filter:` with `rules` left out. */
enum kt_code detection_read(struct reader *r, const struct kt_yaml *map);
enum kt_code filter_read(struct reader *r, const struct kt_yaml *doc);
enum kt_code correlation_read(struct reader *r, const struct kt_yaml *doc);
enum kt_code references_read(struct reader *r, const struct kt_yaml *list);
void correlation_free(struct correlation *c);

/* Reads one document of any kind; r->what and what comes after are set. */
enum kt_code rule_read(struct reader *r, struct rule **out, struct kt_span name, const struct kt_yaml *doc);
void rule_free(struct rule *r);
bool rule_matches_plainly(const struct rule *r, struct trial *t);

/* --- sets ----------------------------------------------------------------------- */

struct list {
    struct rule **p;
    size_t n, cap;
};

struct set_matcher;
struct kt_rules {
    atomic_uint holders; /* besides the first */
    struct list rule, filter, correlation;
    unsigned batch;
    struct placeholder *placeholder;
    size_t n_placeholders, cap_placeholders;
    struct kt_arena *arena; /* placeholders */
    struct set_matcher *matcher, *facts; /* of records, of facts */
};

/* Of the rules and filters for facts alone, or of all others. */
enum kt_code set_matcher_new(struct set_matcher **out, const struct kt_rules *s, bool facts, struct kt_err *e);
void set_matcher_free(struct set_matcher *m);
/* The matching rules in their order, filters applied. */
struct found {
    int *rule;
    size_t n, max; /* n counts beyond max */
    int filter;    /* the first that suppressed a match, or the record; -1 */
    int filtered;  /* the rule whose match it was; -1: none's */
    unsigned undecided;
};
void set_matcher_judge(struct set_matcher *m, struct kt_node *root, struct found *out);
/* The filters of each rule: those of rule i are filter[first[i]..first[i + 1]). */
struct filters_of {
    size_t *first;
    size_t *filter;
};
bool filters_of_rules(const struct kt_rules *s, struct filters_of *out);
/* By id, Sigma name or file name; -1. */
int list_find(const struct list *l, struct kt_span name);
int list_by_id(const struct list *l, struct kt_span id);
/* Sigma's levels, as the middle of the risks that are called so. */
int level_risk(int level);
#endif
