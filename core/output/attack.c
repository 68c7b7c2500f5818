#include "output/attack.h"

#include <string.h>

static const struct {
    const char *tag;
    struct attack_tactic tactic;
} tactics[] = {
    {"reconnaissance", {"TA0043", "Reconnaissance"}},
    {"resource-development", {"TA0042", "Resource Development"}},
    {"initial-access", {"TA0001", "Initial Access"}},
    {"execution", {"TA0002", "Execution"}},
    {"persistence", {"TA0003", "Persistence"}},
    {"privilege-escalation", {"TA0004", "Privilege Escalation"}},
    {"defense-evasion", {"TA0005", "Defense Evasion"}},
    {"credential-access", {"TA0006", "Credential Access"}},
    {"discovery", {"TA0007", "Discovery"}},
    {"lateral-movement", {"TA0008", "Lateral Movement"}},
    {"collection", {"TA0009", "Collection"}},
    {"command-and-control", {"TA0011", "Command and Control"}},
    {"exfiltration", {"TA0010", "Exfiltration"}},
    {"impact", {"TA0040", "Impact"}},
};

static const struct {
    const char *id, *name;
} names[] = {
    {"T1059", "Command and Scripting Interpreter"}, {"T1059.009", "Cloud API"},
    {"T1078", "Valid Accounts"},                    {"T1078.001", "Default Accounts"},
    {"T1078.004", "Cloud Accounts"},                {"T1098", "Account Manipulation"},
    {"T1098.001", "Additional Cloud Credentials"},  {"T1098.003", "Additional Cloud Roles"},
    {"T1136", "Create Account"},                    {"T1136.003", "Cloud Account"},
    {"T1199", "Trusted Relationship"},              {"T1552", "Unsecured Credentials"},
    {"T1552.001", "Credentials In Files"},          {"T1552.005", "Cloud Instance Metadata API"},
};

static const char *name_of(const char *id)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].id, id) == 0)
            return names[i].name;
    return NULL;
}

/* t1098.001, of any case: T and four digits, and three more behind a dot. */
static bool technique(struct kt_span s, struct attack_technique *t)
{
    if ((s.n != 5 && s.n != 9) || (s.p[0] != 't' && s.p[0] != 'T') || (s.n == 9 && s.p[5] != '.'))
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (i != 5 && (s.p[i] < '0' || s.p[i] > '9'))
            return false;
    *t = (struct attack_technique){.id = "T"};
    memcpy(t->id + 1, s.p + 1, s.n - 1);
    t->name = name_of(t->id);
    if (s.n == 9) {
        memcpy(t->parent, t->id, 5);
        t->parent_name = name_of(t->parent);
    }
    return true;
}

static void add_technique(struct attack *a, const struct attack_technique *t)
{
    for (size_t i = 0; i < a->n_techniques; i++)
        if (strcmp(a->technique[i].id, t->id) == 0)
            return;
    if (a->n_techniques < ATTACK_MAX)
        a->technique[a->n_techniques++] = *t;
}

/* Sigma has written tactics with hyphens and with underscores. */
static bool is_tactic(struct kt_span s, const char *tag)
{
    if (s.n != strlen(tag))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != tag[i] && !(s.p[i] == '_' && tag[i] == '-'))
            return false;
    return true;
}

static void add_tactic(struct attack *a, struct kt_span s)
{
    for (size_t i = 0; i < sizeof tactics / sizeof *tactics; i++) {
        if (!is_tactic(s, tactics[i].tag))
            continue;
        for (size_t k = 0; k < a->n_tactics; k++)
            if (strcmp(a->tactic[k].id, tactics[i].tactic.id) == 0)
                return;
        if (a->n_tactics < ATTACK_MAX)
            a->tactic[a->n_tactics++] = tactics[i].tactic;
        return;
    }
}

static void add_tags(struct attack *a, const struct kt_rule_info *r)
{
    static const char prefix[] = "attack.";
    struct attack_technique t;
    for (size_t i = 0; i < r->n_tags; i++) {
        if (!kt_span_starts(r->tags[i], prefix))
            continue;
        struct kt_span rest = {r->tags[i].p + sizeof prefix - 1, r->tags[i].n - (sizeof prefix - 1)};
        if (technique(rest, &t))
            add_technique(a, &t);
        else
            add_tactic(a, rest);
    }
}

void attack_of(struct attack *a, const struct kt_verdict *v, const struct kt_rules *rules)
{
    struct kt_rule_info info;
    a->n_techniques = a->n_tactics = 0;
    if (!rules)
        return;
    for (size_t i = 0; i < v->n_rules; i++)
        if (kt_rules_by_id(rules, v->rule[i].id, &info))
            add_tags(a, &info);
    for (size_t i = 0; i < v->n_signals; i++)
        if (v->signal[i].weight > 0 && kt_rules_signal(rules, v->signal[i].name, &info))
            add_tags(a, &info);
}
