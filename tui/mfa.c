/* The code of an MFA device, asked for on the bottom line. It is drawn as
 * stars, handed to the engine, and wiped. */
#include "tui/screen.h"

#include "text/text.h"

#include <stdio.h>

unsigned kt_mfa_news(struct kt_app *a)
{
    struct kt_buf safe;
    if (a->prompt.label || !kt_engine_mfa(a->engine, a->mfa_serial))
        return 0;
    kt_buf_init(&safe, 2048);
    (void)kt_text_plain(&safe, kt_span_of(a->mfa_serial), KT_TEXT_IDENTITY, true);
    snprintf(a->mfa_label, sizeof a->mfa_label, "code of MFA device %.290s", kt_buf_str(&safe));
    kt_buf_free(&safe);
    a->mfa_asked = true;
    unsigned did = kt_app_prompt(a, NULL, a->mfa_label, "");
    a->prompt.secret = true;
    return did;
}

static bool is_code(const char *s)
{
    size_t n = strlen(s);
    return n >= 6 && n < 16 && strspn(s, "0123456789") == n;
}

unsigned kt_mfa_prompted(struct kt_app *a, enum kt_prompt_event e)
{
    struct kt_prompt *p = &a->prompt;
    p->error[0] = '\0';
    if (e == KT_PROMPT_ACCEPTED && !is_code(p->text)) {
        snprintf(p->error, sizeof p->error, "a code is six digits or more; Esc goes on without");
        return KT_APP_REDRAW;
    }
    if (e != KT_PROMPT_ACCEPTED && e != KT_PROMPT_CANCELLED)
        return KT_APP_REDRAW;
    kt_engine_mfa_answer(a->engine, a->mfa_serial, e == KT_PROMPT_ACCEPTED ? p->text : NULL);
    a->mfa_asked = false;
    kt_prompt_close(p);
    return e == KT_PROMPT_ACCEPTED ? KT_APP_REDRAW : kt_app_hint(a, "no code: what needs it is not read; K asks again");
}

unsigned kt_mfa_again(struct kt_app *a)
{
    return kt_engine_mfa_again(a->engine) ? kt_mfa_news(a) : kt_app_hint(a, "no code of an MFA device is wanted");
}
