#include "tui/clipboard.h"

#include <openssl/evp.h>
#include <string.h>

enum { PIECE = 200 };

static bool begins(const char *s, const char *with)
{
    return s && strncmp(s, with, strlen(with)) == 0;
}

enum kt_mux kt_mux_of(const char *tmux, const char *sty, const char *term)
{
    if (tmux && *tmux)
        return KT_MUX_TMUX;
    if (sty && *sty)
        return KT_MUX_SCREEN;
    return begins(term, "tmux") ? KT_MUX_TMUX : begins(term, "screen") ? KT_MUX_SCREEN : KT_MUX_NONE;
}

const char *kt_clipboard_without(const char *term)
{
    if (begins(term, "linux"))
        return "the Linux console has no clipboard";
    if (begins(term, "vt") || begins(term, "cons25"))
        return "this terminal has no clipboard";
    return NULL;
}

static void for_tmux(struct kt_buf *b, const char *coded)
{
    kt_buf_addf(b, "\033]52;c;%s\033\\", coded);
    kt_buf_addf(b, "\033Ptmux;\033\033]52;c;%s\a\033\\", coded);
}

/* The pieces are put together again by the terminal, which sees one OSC. TERM
 * alone says screen in an older tmux as well: the plain form is for that. */
static void for_screen(struct kt_buf *b, const char *coded)
{
    kt_buf_addf(b, "\033]52;c;%s\033\\", coded);
    kt_buf_adds(b, "\033P\033]52;c;");
    for (size_t n = strlen(coded), i = 0; i < n; i += PIECE)
        kt_buf_addf(b, "%s%.*s", i ? "\033\\\033P" : "", PIECE, coded + i);
    kt_buf_adds(b, "\a\033\\");
}

bool kt_clipboard_osc52(struct kt_buf *b, const char *ascii, enum kt_mux mux)
{
    unsigned char coded[KT_CLIPBOARD_TEXT_MAX / 3 * 4 + 8];
    size_t n = strnlen(ascii, KT_CLIPBOARD_TEXT_MAX + 1), before = b->len;
    for (size_t i = 0; i < n; i++)
        if (ascii[i] < 0x20 || ascii[i] > 0x7E)
            return false;
    if (n > KT_CLIPBOARD_TEXT_MAX || b->failed)
        return false;
    EVP_EncodeBlock(coded, (const unsigned char *)ascii, (int)n);
    switch (mux) {
    case KT_MUX_TMUX: for_tmux(b, (const char *)coded); break;
    case KT_MUX_SCREEN: for_screen(b, (const char *)coded); break;
    case KT_MUX_NONE: kt_buf_addf(b, "\033]52;c;%s\033\\", (const char *)coded); break;
    }
    if (!b->failed)
        return true;
    b->len = before; /* half a sequence would swallow what comes after it */
    b->failed = false;
    if (b->p)
        b->p[before] = '\0';
    return false;
}
