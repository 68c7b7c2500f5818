/* The palette: a prompt in which every command can be named, and what it acts on
 * said: `:filter risk>50`. It offers commands, those of use here first, the best
 * match on top; behind a command's name what its argument may be. */
#ifndef KT_TUI_PALETTE_H
#define KT_TUI_PALETTE_H
#include "tui/screen.h"

unsigned kt_palette_open(struct kt_app *a);
/* The prompt that is open is the palette. */
bool kt_palette_prompting(const struct kt_app *a);
/* Offers anew what fits the text. */
void kt_palette_offer(struct kt_app *a);
/* What Enter means: true with the command, and its argument in `arg` (NULL:
 * none); false: the text was completed, or it names no command (it was said). */
bool kt_palette_taken(struct kt_app *a, enum kt_command *cmd, const char **arg);
#endif
