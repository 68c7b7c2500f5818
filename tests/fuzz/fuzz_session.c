/* Any bytes as the session of an earlier run: an error with its line, or what is
 * written again as it was understood, and understood so again. */
#include "tui/session.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW = 1700000000 };

static bool understood(struct kt_session *s, struct kt_span text, size_t *lost)
{
    struct kt_err e = {0};
    enum kt_code rc = kt_session_read(s, text, (int64_t)NOW * 1000, lost, &e);
    if (rc && !e.text[0])
        abort();
    if (s->n_saved > KT_SAVED_MAX || s->n_written > KT_PROMPT_HISTORY)
        abort();
    return rc == KT_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kt_session first, second;
    struct kt_buf once, again;
    size_t lost;
    kt_buf_init(&once, 4 * KT_SESSION_MAX);
    kt_buf_init(&again, 4 * KT_SESSION_MAX);
    if (understood(&first, (struct kt_span){(const char *)data, size}, &lost)) {
        if (!kt_session_write(&first, &once))
            abort();
        if (once.len <= KT_SESSION_MAX && (!understood(&second, kt_buf_span(&once), &lost) || lost ||
                                           !kt_session_write(&second, &again) || once.len != again.len ||
                                           memcmp(once.p, again.p, once.len) != 0))
            abort();
    }
    kt_buf_free(&once);
    kt_buf_free(&again);
    return 0;
}
