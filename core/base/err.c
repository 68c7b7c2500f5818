#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

enum kt_code kt_fail(struct kt_err *e, enum kt_code code, const char *fmt, ...)
{
    if (!e)
        return code;
    e->code = code;
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(e->text, sizeof e->text, fmt, ap) < 0)
        e->text[0] = '\0';
    va_end(ap);
    return code;
}
