/* The rows that are shown, or those that are marked, into a file: the prompt,
 * its checks, and how far it is. The work is core/exporting.h's. */
#ifndef KT_TUI_EXPORT_H
#define KT_TUI_EXPORT_H
#include "tui/screen.h"

/* KT_CMD_EXPORT: opens the prompt, or stops what is being written. */
unsigned kt_export_command(struct kt_app *a);
/* The prompt that is open is one of these: takes what was written. */
bool kt_export_prompting(const struct kt_app *a);
unsigned kt_export_prompted(struct kt_app *a, enum kt_prompt_event e);
/* Says how far it is, and that it has ended. */
unsigned kt_export_news(struct kt_app *a);
#endif
