/* What a person does about a row or a key: the keys, their prompts, and how it
 * is told. Acts are asked for here and shown once the memory has them on disk. */
#ifndef KT_TUI_TRIAGE_H
#define KT_TUI_TRIAGE_H
#include "tui/pane.h"
#include "tui/screen.h"

struct kt_subject kt_triage_row(const struct kt_row *r);
struct kt_subject kt_triage_key(struct kt_span key);

/* KT_CMD_ACK, _NOTE, _TAG, _ASSIGN about `about` (NULL: nothing is under the
 * cursor), and _UNDO and _LOOKED, about all. False: another command. */
bool kt_triage_command(struct kt_screen *s, enum kt_command cmd, const struct kt_subject *about, unsigned *did);
/* The prompt that is open is one of these: takes what was written. */
bool kt_triage_prompting(const struct kt_app *a);
unsigned kt_triage_prompted(struct kt_app *a, enum kt_prompt_event e);
/* A refusal that was not said yet is said. */
unsigned kt_triage_news(struct kt_app *a);

/* "ack, #ir-12, @carol, note" into `b`; our words and what people wrote. */
void kt_triage_words(struct kt_buf *b, const struct kt_row_triage *t);
/* Who did what and when, the last `most` acts; nothing where nothing was done. */
enum { KT_TRIAGE_TOLD = 4 };
void kt_triage_tell(struct kt_app *a, struct kt_pen *pen, const struct kt_subject *about, size_t most);
#endif
