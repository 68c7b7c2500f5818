#include "source/policy.h"

#include "source/cloudtrail_address.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *strings(const char *const *text, size_t n)
{
    json_t *a = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(a, json_string(text[i]));
    return a;
}

static json_t *trail_statement(const struct trail_address *a)
{
    if (a->n_roles)
        return json_pack("{s:s,s:s,s:s,s:o}", "Sid", "KeytopAssumeRoles", "Effect", "Allow", "Action", "sts:AssumeRole",
                         "Resource", strings(a->role, a->n_roles));
    json_t *s = json_pack("{s:s,s:s,s:s,s:s}", "Sid", "KeytopEventHistory", "Effect", "Allow", "Action",
                          "cloudtrail:LookupEvents", "Resource", "*");
    if (a->n_regions)
        json_object_set_new(s, "Condition", json_pack("{s:{s:o}}", "StringEquals", "aws:RequestedRegion",
                                                      strings(a->region, a->n_regions)));
    return s;
}

static enum kt_code cloudtrail(const char *address, struct kt_buf *out, const char **note, struct kt_err *e)
{
    struct trail_address a;
    enum kt_code code = trail_address_parse(&a, address, e);
    if (code == KT_OK) {
        json_t *p = json_pack("{s:s,s:[o]}", "Version", "2012-10-17", "Statement", trail_statement(&a));
        char *text = p ? json_dumps(p, JSON_INDENT(2) | JSON_ENSURE_ASCII) : NULL;
        if (!text || !kt_buf_adds(out, text) || !kt_buf_addc(out, '\n'))
            code = kt_fail(e, KT_ENOMEM, "out of memory, or text that is not UTF-8");
        if (a.n_roles)
            *note = "this is for the keys that assume the roles; each role itself needs: keytop --print-policy cloudtrail:";
        free(text);
        json_decref(p);
    }
    trail_address_drop(&a);
    return code;
}

enum kt_code kt_source_policy(const char *address, struct kt_buf *out, const char **note, struct kt_err *e)
{
    static const char *const later[] = {"logs:", "s3:", "sqs:", "splunk:"};
    *note = "";
    if (strncmp(address, "cloudtrail:", 11) == 0)
        return cloudtrail(address, out, note, e);
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (strncmp(address, later[i], strlen(later[i])) == 0)
            return kt_fail(e, KT_EUNSUPPORTED, "--print-policy: %s sources are not built yet; there is cloudtrail:", later[i]);
    return kt_fail(e, KT_EUSAGE, "--print-policy: %s needs no permission of AWS; there is cloudtrail:", address);
}
