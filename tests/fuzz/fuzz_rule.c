/* Any bytes as a Sigma rule: refused with a sentence, or a rule that can be
 * put to a record. */
#include "detect/detect.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char record[] = "{\"eventName\":\"CreateAccessKey\",\"userIdentity\":{\"type\":\"IAMUser\",\"n\":null},"
                                 "\"list\":[\"a\",1,true,null,[]],\"a\":\"b\",\"n\":1.5,\"x.y\":\"z\"}";
    struct kt_rules *rules;
    struct kt_err e = {0};
    if (kt_rules_load_builtin(&rules, &e) != KT_OK)
        abort();
    size_t before = kt_rules_count(rules);
    enum kt_code c = kt_rules_add(rules, "fuzz", (const char *)data, size, &e);
    if (c != KT_OK && (kt_rules_count(rules) != before || !e.text[0]))
        abort();
    json_t *root = json_loads(record, 0, NULL);
    struct kt_verdict v;
    kt_rules_judge(rules, root, &v);
    if (v.risk < 0 || v.risk > 100 || strlen(v.why) >= KT_WHY_MAX)
        abort();
    if (c == KT_OK && kt_rules_info(rules, (size_t)kt_rules_find(rules, "fuzz")).risk > 100)
        abort();
    json_decref(root);
    kt_rules_free(rules);
    return 0;
}
