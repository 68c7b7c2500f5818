/* What may stand behind a command's name in the palette. */
#ifndef KT_TUI_ARGUMENTS_H
#define KT_TUI_ARGUMENTS_H
#include "tui/screen.h"

/* Offers what fits the prompt's text from byte `from` on, as the argument of a
 * command. A command that takes names adds its case in arguments.c. */
void kt_argument_offer(struct kt_app *a, enum kt_command c, size_t from);
/* For these: offers `text` where it fits what is written. `help`: our words; may be NULL. */
void kt_argument_add(struct kt_app *a, size_t from, const char *text, const char *help);
#endif
