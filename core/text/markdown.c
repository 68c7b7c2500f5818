#include "text/markdown.h"

#include <stdint.h>

enum { PLAIN_MAX = 64 << 20 };

/* A fence longer than any run of backticks in the text. */
static size_t fence_of(struct kt_span s)
{
    size_t longest = 0, run = 0;
    for (size_t i = 0; i < s.n; i++) {
        run = s.p[i] == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest + 1;
}

static void fence(struct kt_buf *b, size_t n)
{
    while (n--)
        (void)kt_buf_addc(b, '`');
}

static void code(struct kt_buf *b, struct kt_span s, bool table)
{
    size_t n = fence_of(s);
    /* a blank at both ends is taken away again, and only then */
    bool pad = s.p[0] == '`' || s.p[s.n - 1] == '`' || (s.p[0] == ' ' && s.p[s.n - 1] == ' ');
    fence(b, n);
    if (pad)
        (void)kt_buf_addc(b, ' ');
    for (size_t i = 0; i < s.n; i++) {
        if (table && s.p[i] == '|')
            (void)kt_buf_addc(b, '\\');
        (void)kt_buf_addc(b, s.p[i]);
    }
    if (pad)
        (void)kt_buf_addc(b, ' ');
    fence(b, n);
}

bool kt_markdown_code(struct kt_buf *b, struct kt_span s, enum kt_text_kind kind, const char *unknown, size_t most,
                      bool table)
{
    struct kt_buf plain;
    if (!kt_span_known(s))
        return kt_buf_adds(b, unknown);
    if (!s.n)
        return kt_buf_adds(b, "(empty)");
    kt_buf_init(&plain, PLAIN_MAX);
    (void)kt_text_plain(&plain, s, kind, true);
    struct kt_span whole = kt_buf_span(&plain);
    bool cut = most && whole.n > most;
    if (plain.failed || !whole.n)
        b->failed = true;
    else
        code(b, (struct kt_span){whole.p, cut ? most : whole.n}, table);
    if (cut)
        (void)kt_buf_addf(b, " (cut: %zu bytes in all)", whole.n);
    kt_buf_free(&plain);
    return !b->failed;
}
