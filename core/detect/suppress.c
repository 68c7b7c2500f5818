/* Filters: what is known to be harmless here, kept out of many rules at once.
 * Follows the Sigma filters specification 2.1; `rules` left out, or "any",
 * stands for all rules, and for records that no rule matches. */
#include "detect/rule.h"

#include <stdlib.h>
#include <strings.h>

enum kt_code filter_read(struct reader *r, const struct kt_yaml *doc)
{
    const struct kt_yaml *f = kt_yaml_get(doc, "filter");
    if (!f || f->type != KT_YAML_MAP)
        return refuse(r, KT_EFORMAT, f ? f : doc, "filter is a map: rules, selections, condition");
    const struct kt_yaml *rules = kt_yaml_get(f, "rules");
    r->rule->any = !rules || (rules->type == KT_YAML_SCALAR && rules->text.n == 3 && !strncasecmp(rules->text.p, "any", 3));
    enum kt_code c = r->rule->any ? KT_OK : references_read(r, rules);
    return c == KT_OK ? detection_read(r, f) : c;
}

/* Whether the filter speaks of the rule. */
static bool speaks_of(const struct rule *filter, const struct kt_rule_info *rule)
{
    if (filter->info.facts != rule->facts)
        return false;
    if (filter->any)
        return true;
    for (size_t i = 0; i < filter->n_refs; i++)
        if (kt_span_eq(filter->ref[i].text, rule->id) || kt_span_eq(filter->ref[i].text, rule->sigma_name) ||
            kt_span_eq(filter->ref[i].text, rule->name))
            return true;
    return false;
}

bool kt_rules_filter_speaks(const struct kt_rules *s, size_t filter, size_t rule)
{
    return s && filter < s->filter.n && rule < s->rule.n && !s->filter.p[filter]->info.disabled &&
           speaks_of(s->filter.p[filter], &s->rule.p[rule]->info);
}

static size_t pairs(const struct kt_rules *s, struct filters_of *out)
{
    size_t n = 0;
    for (size_t i = 0; i < s->rule.n; i++) {
        if (out->first)
            out->first[i] = n;
        for (size_t k = 0; k < s->filter.n; k++) {
            if (!speaks_of(s->filter.p[k], &s->rule.p[i]->info))
                continue;
            if (out->filter)
                out->filter[n] = k;
            n++;
        }
    }
    if (out->first)
        out->first[s->rule.n] = n;
    return n;
}

bool filters_of_rules(const struct kt_rules *s, struct filters_of *out)
{
    *out = (struct filters_of){NULL, NULL};
    size_t n = pairs(s, out);
    out->first = calloc(s->rule.n + 1, sizeof *out->first);
    out->filter = calloc(n + 1, sizeof *out->filter);
    if (!out->first || !out->filter) {
        free(out->first);
        free(out->filter);
        *out = (struct filters_of){NULL, NULL};
        return false;
    }
    (void)pairs(s, out);
    return true;
}
