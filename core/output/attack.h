/* What MITRE ATT&CK calls what a row's rules and signals are about: the tags
 * `attack.t1098.001` and `attack.persistence` of those that matched, each
 * once, in the order of the verdict. Names are ATT&CK's for the techniques
 * that the built-in rules name; of others the id alone is known. Internal to
 * output/. */
#ifndef KT_OUTPUT_ATTACK_H
#define KT_OUTPUT_ATTACK_H
#include "detect/row.h"

enum { ATTACK_MAX = 32, ATTACK_ID = 16 };

struct attack_technique {
    char id[ATTACK_ID];     /* "T1098.001" */
    char parent[ATTACK_ID]; /* "T1098"; "" where it is no sub-technique */
    const char *name, *parent_name; /* NULL: not known */
};
struct attack_tactic {
    const char *id, *name; /* "TA0003", "Persistence" */
};
struct attack {
    struct attack_technique technique[ATTACK_MAX];
    struct attack_tactic tactic[ATTACK_MAX];
    size_t n_techniques, n_tactics;
};

/* `rules` NULL: nothing is known. */
void attack_of(struct attack *a, const struct kt_verdict *v, const struct kt_rules *rules);
#endif
