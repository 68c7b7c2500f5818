/* Text for the clipboard of the terminal in front of a person, wherever keytop
 * runs: OSC 52 (xterm's ctlseqs: ESC ] 52 ; c ; BASE64 ESC \\), once for each key
 * press, never a query.
 *
 * tmux takes it from a program only where its `set-clipboard` is on, and passes
 * it through, wrapped (ESC P tmux ; ... ESC \\, each ESC inside doubled), only
 * where `allow-passthrough` is: both forms are sent, which says the same twice.
 * GNU screen passes through what stands in ESC P ... ESC \\, in pieces of less
 * than 256 bytes; it knows no OSC 52 of its own. */
#ifndef KT_TUI_CLIPBOARD_H
#define KT_TUI_CLIPBOARD_H
#include "base/buf.h"

#include <stdbool.h>

enum { KT_CLIPBOARD_TEXT_MAX = 4096 };

enum kt_mux { KT_MUX_NONE, KT_MUX_TMUX, KT_MUX_SCREEN };
/* What stands between us and the terminal, by the environment's TMUX, STY and
 * TERM (each may be NULL). Over SSH only TERM comes along: "tmux..." and
 * "screen..." count. */
enum kt_mux kt_mux_of(const char *tmux, const char *sty, const char *term);

/* Adds the sequences for `ascii`. False, with nothing added, where it is too
 * long, is not printable ASCII, or `b` is full. */
bool kt_clipboard_osc52(struct kt_buf *b, const char *ascii, enum kt_mux mux);

/* Why nothing can be copied there, in our words; NULL: perhaps it can. */
const char *kt_clipboard_without(const char *term);
#endif
