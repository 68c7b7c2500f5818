#include "detect/correlation.h"

#include <stdlib.h>

enum kt_code correlation_read(struct reader *r, const struct kt_yaml *doc)
{
    return refuse_text(r, KT_EUNSUPPORTED, key_of(doc, "correlation"), "not read yet:", KT_LIT("correlation"));
}

void correlation_free(struct correlation *c)
{
    free(c);
}

enum kt_code correlation_resolve(const struct kt_rules *s, const struct rule *c, int *out, struct kt_err *e)
{
    (void)s, (void)c, (void)out, (void)e;
    return KT_OK;
}

enum kt_code correlation_depth(const struct kt_rules *s, const struct rule *c, int depth, struct kt_err *e)
{
    (void)s, (void)c, (void)depth, (void)e;
    return KT_OK;
}
