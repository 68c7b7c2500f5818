#include "text/shell.h"

static bool printable(struct kt_span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 0x20 || s.p[i] > 0x7E)
            return false;
    return kt_span_known(s);
}

bool kt_shell_quote(struct kt_buf *b, struct kt_span value)
{
    if (!printable(value) || b->failed)
        return false;
    size_t before = b->len;
    (void)kt_buf_addc(b, '\'');
    for (size_t i = 0; i < value.n; i++)
        (void)(value.p[i] == '\'' ? kt_buf_adds(b, "'\\''") : kt_buf_addc(b, value.p[i]));
    if (kt_buf_addc(b, '\''))
        return true;
    b->len = before; /* half a word is none */
    if (b->p)
        b->p[before] = '\0';
    return false;
}
