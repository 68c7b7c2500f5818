/* Any bytes as Sigma documents: refused with a sentence, or a set that can be
 * put to a record, and says of it the same with and without its matcher's
 * short cuts. */
#include "detect/rule.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const struct kt_rules *rules, json_t *root)
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char record[] = "{\"eventName\":\"CreateAccessKey\",\"userIdentity\":{\"type\":\"IAMUser\",\"n\":null},"
                                 "\"eventTime\":\"2024-02-29T12:13:14Z\",\"ip\":\"192.0.2.7\",\"o\":[{\"a\":\"b\"},{\"a\":7}],"
                                 "\"list\":[\"a\",1,true,null,[]],\"a\":\"b\",\"n\":1.5,\"x.y\":\"z\"}";
    static const char *const admins[] = {"alice", "adm_*"};
    struct kt_rules *rules;
    struct kt_err e = {KT_OK, ""};
    if (kt_rules_load_builtin(&rules, &e) != KT_OK || kt_rules_placeholder(rules, "a", admins, 2, &e) != KT_OK)
        abort();
    size_t before = kt_rules_count(rules);
    enum kt_code c = kt_rules_add(rules, "fuzz", (const char *)data, size, &e);
    if (c != KT_OK && (kt_rules_count(rules) != before || !e.text[0]))
        abort();
    json_t *root = json_loads(record, 0, NULL);
    if (!root)
        abort();
    compare(rules, root);
    json_decref(root);
    kt_rules_free(rules);
    return 0;
}
