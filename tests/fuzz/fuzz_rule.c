/* Any bytes as Sigma documents: refused with a sentence, or a set that can be
 * put to a record, and says of it the same with and without its matcher's
 * short cuts; and whose correlations can be fed, in any order. */
#include "detect/correlate.h"
#include "detect/rule.h"
#include "tests/support/nodes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const struct kt_rules *rules, struct kt_node *root)
{
    int *matched = calloc(kt_rules_count(rules) + 1, sizeof *matched);
    struct kt_verdict v;
    struct trial t;
    if (!matched || !trial_init(&t))
        abort();
    t.root = root;
    size_t n = kt_rules_match(rules, root, &v, matched, kt_rules_count(rules)), k = 0;
    if (v.risk < 0 || v.risk > 100 || strlen(v.why) >= KT_WHY_MAX)
        abort();
    for (size_t i = 0; i < rules->rule.n && !rules->filter.n; i++) {
        bool yes = rule_matches_plainly(rules->rule.p[i], &t);
        if (t.undecided || v.undecided)
            break;
        if (yes != (k < n && matched[k] == (int)i))
            abort();
        k += yes;
    }
    trial_free(&t);
    free(matched);
}

static void hear(void *ctx, const struct kt_correlated *c)
{
    if (c->n_events > c->n_all || c->first > c->last || !c->id)
        abort();
    ++*(size_t *)ctx;
}

static void correlate(const struct kt_rules *rules, struct kt_node *root)
{
    static const int64_t times[] = {1000, 90000, 2000, 1000, 50000, 3600000, 60000};
    size_t heard = 0, n = kt_rules_count(rules);
    int *all = calloc(n + 1, sizeof *all);
    struct kt_correlator *c;
    struct kt_err e = {KT_OK, ""};
    enum kt_code code = kt_correlator_new(&c, rules, NULL, &e);
    if (!all || (code != KT_OK && code != KT_ELIMIT))
        abort();
    if (code != KT_OK) {
        free(all);
        return;
    }
    for (size_t i = 0; i < n; i++)
        all[i] = (int)i;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        struct kt_occurrence o = {all + i % n, n - i % n, root, times[i], {&"abcdefgh"[i], 1}};
        if (kt_correlator_feed(c, &o, hear, &heard, &e) != KT_OK)
            abort();
    }
    kt_correlator_free(c);
    free(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char record[] = "{\"eventName\":\"CreateAccessKey\",\"userIdentity\":{\"type\":\"IAMUser\",\"n\":null},"
                                 "\"eventTime\":\"2024-02-29T12:13:14Z\",\"ip\":\"192.0.2.7\",\"o\":[{\"a\":\"b\"},{\"a\":7}],"
                                 "\"list\":[\"a\",1,true,null,[]],\"a\":\"b\",\"n\":1.5,\"x.y\":\"z\"}";
    static const char *const admins[] = {"alice", "adm_*"};
    struct kt_rules *rules;
    struct kt_err e = {KT_OK, ""};
    /* those built in are left out: to read them takes longer than a hundred inputs */
    if (kt_rules_new(&rules, &e) != KT_OK || kt_rules_placeholder(rules, "a", admins, 2, &e) != KT_OK)
        abort();
    size_t before = kt_rules_count(rules);
    enum kt_code c = kt_rules_add(rules, "fuzz", (const char *)data, size, &e);
    if (c != KT_OK && (kt_rules_count(rules) != before || !e.text[0]))
        abort();
    json_t *root = json_loads(record, 0, NULL);
    if (!root)
        abort();
    compare(rules, node_of(root));
    if (c == KT_OK && kt_rules_correlations(rules))
        correlate(rules, node_of(root));
    json_decref(root);
    kt_rules_free(rules);
    return 0;
}
